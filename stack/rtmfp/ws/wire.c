/* Messages of RTWebSocket: a table of what each type has. */
#include "stack/rtmfp/ws/wire.h"

#include "stack/rtmfp/wire/vlu.h"

#include <stddef.h>
#include <string.h>

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

/* Its integers. One that is optional is not there where nothing follows; it is not written where it says nothing. */
static const struct {
    unsigned has;
    size_t at;
    bool optional;
} INTS[] = {{FLOW, offsetof(it_rtws_msg, flow), false},     {ASSOCIATED, offsetof(it_rtws_msg, associated), false},
            {COUNT, offsetof(it_rtws_msg, count), false},   {MAY_COUNT, offsetof(it_rtws_msg, count), true},
            {BUFFER, offsetof(it_rtws_msg, buffer), false}, {MAY_CODE, offsetof(it_rtws_msg, code), true}};

enum { N_INTS = sizeof INTS / sizeof *INTS };

enum it_rtws_read it_rtws_get(it_bytes message, it_rtws_msg *m)
{
    it_rd r;
    it_rd_init(&r, message);
    uint8_t type = it_rd_u8(&r);
    unsigned has = r.fail ? 0 : rtws_fields(type);
    if (!has)
        return IT_RTWS_IGNORE;
    *m = (it_rtws_msg){.type = (enum it_rtws_type)type};
    for (size_t i = 0; i < N_INTS; i++) {
        if (!(has & INTS[i].has) || (INTS[i].optional && r.n == 0))
            continue;
        uint64_t v = it_rtmfp_vlu_get(&r);
        memcpy((uint8_t *)m + INTS[i].at, &v, sizeof v);
    }
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
    for (size_t i = 0; i < N_INTS; i++) {
        uint64_t v;
        memcpy(&v, (const uint8_t *)m + INTS[i].at, sizeof v);
        bool silent = INTS[i].optional && v == 0 && m->data.n == 0;
        if (has & INTS[i].has && !silent)
            it_rtmfp_vlu_put(b, v);
    }
    if (has & DATA)
        it_buf_put(b, m->data.p, m->data.n);
}
