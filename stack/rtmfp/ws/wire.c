/* Messages of RTWebSocket: a table of what each type has. */
#include "stack/rtmfp/ws/wire.h"

#include "stack/rtmfp/wire/vlu.h"

/* Integers of a message, in the order in which they come. */
enum { FLOW = 1, ASSOCIATED = 2, COUNT = 4, MAY_COUNT = 8, BUFFER = 16, MAY_CODE = 32, DATA = 64 };

/* What type |t| has; 0: there is none. */
static unsigned rtws_fields(uint8_t t)
{
    switch (t) {
    case IT_RTWS_PING:
    case IT_RTWS_PING_REPLY:
        return DATA;
    case IT_RTWS_ACK_WINDOW:
        return COUNT;
    case IT_RTWS_OPEN:
    case IT_RTWS_MORE:
    case IT_RTWS_LAST:
        return FLOW | DATA;
    case IT_RTWS_OPEN_RETURN:
        return FLOW | ASSOCIATED | DATA;
    case IT_RTWS_ABANDON:
        return FLOW | MAY_COUNT;
    case IT_RTWS_CLOSE:
    case IT_RTWS_CLOSE_ACK:
        return FLOW;
    case IT_RTWS_ACK:
        return FLOW | COUNT | BUFFER;
    case IT_RTWS_EXCEPTION:
        return FLOW | MAY_CODE | DATA;
    default:
        return 0;
    }
}

enum it_rtws_read it_rtws_get(it_bytes message, it_rtws_msg *m)
{
    it_rd r;
    it_rd_init(&r, message);
    uint8_t type = it_rd_u8(&r);
    unsigned has = r.fail ? 0 : rtws_fields(type);
    if (!has)
        return IT_RTWS_IGNORE;
    *m = (it_rtws_msg){.type = (enum it_rtws_type)type};
    if (has & FLOW)
        m->flow = it_rtmfp_vlu_get(&r);
    if (has & ASSOCIATED)
        m->associated = it_rtmfp_vlu_get(&r);
    if (has & COUNT || (has & MAY_COUNT && r.n))
        m->count = it_rtmfp_vlu_get(&r);
    if (has & BUFFER)
        m->buffer = it_rtmfp_vlu_get(&r);
    if (has & MAY_CODE && r.n)
        m->code = it_rtmfp_vlu_get(&r);
    if (r.fail)
        return IT_RTWS_BROKEN;
    if (has & DATA)
        m->data = it_bytes_of(r.p, r.n);
    return IT_RTWS_READ;
}

void it_rtws_put(it_buf *b, const it_rtws_msg *m)
{
    unsigned has = rtws_fields((uint8_t)m->type);
    it_buf_u8(b, (uint8_t)m->type);
    if (has & FLOW)
        it_rtmfp_vlu_put(b, m->flow);
    if (has & ASSOCIATED)
        it_rtmfp_vlu_put(b, m->associated);
    if (has & COUNT || (has & MAY_COUNT && m->count))
        it_rtmfp_vlu_put(b, m->count);
    if (has & BUFFER)
        it_rtmfp_vlu_put(b, m->buffer);
    if (has & MAY_CODE && (m->code || m->data.n))
        it_rtmfp_vlu_put(b, m->code);
    if (has & DATA)
        it_buf_put(b, m->data.p, m->data.n);
}
