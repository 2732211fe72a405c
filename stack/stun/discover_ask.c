/* The questions of a discovery: Binding requests with what RFC 5780 adds to them, retransmitted, and their answers. */
#include "stack/stun/discover_impl.h"

#define RTO (500 * IT_MS)  /* RFC 8489 section 6.2.1 */
#define PACE (100 * IT_MS) /* RFC 5780 section 5: no more than ten new transactions a second */

it_discover_question *it_discover_ask(it_stun_discover *d, it_time now, int i, uint16_t port, it_addr to,
                                      uint32_t tries)
{
    it_discover_question *q = &d->asks[i];
    it_time at = d->paced > now ? d->paced : now;
    *q = (it_discover_question){.state = ASK_OPEN, .port = port, .to = to, .tries = tries, .interval = RTO, .due = at};
    d->paced = at + PACE;
    it_rng_bytes(&d->cfg.rng, q->txid, sizeof q->txid);
    return q;
}

void it_discover_run(it_stun_discover *d, it_time now)
{
    for (int i = 0; i < IT_DISCOVER_ASKS; i++) {
        it_discover_question *q = &d->asks[i];
        if (q->state != ASK_OPEN || q->waiting || q->due > now)
            continue;
        if (q->sent == q->tries)
            q->state = ASK_FAILED;
        else
            q->waiting = true;
    }
}

bool it_discover_settled(const it_stun_discover *d)
{
    for (int i = 0; i < IT_DISCOVER_ASKS; i++)
        if (d->asks[i].state == ASK_OPEN)
            return false;
    return true;
}

static int ask_build(const it_discover_question *q, uint8_t *buf, size_t cap)
{
    static const uint8_t ZEROS[IT_IO_DGRAM_MAX + 28]; /* an Ethernet MTU: RFC 5780 section 5.1.2 */
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, q->txid);
    if (q->change)
        it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, q->change);
    if (q->response_port)
        it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, q->response_port);
    if (q->padding)
        it_stun_put(&b, IT_STUN_PADDING, it_bytes_of(ZEROS, sizeof ZEROS));
    /* No FINGERPRINT, which the response would then have: a generic ALG makes it wrong, and nothing would be found out.
     * Section 5 asks for it only where STUN shares a flow. */
    return it_stun_end(&b);
}

int it_stun_discover_output(it_stun_discover *d, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (int i = 0; i < IT_DISCOVER_ASKS; i++) {
        it_discover_question *q = &d->asks[i];
        if (!q->waiting || q->state != ASK_OPEN)
            continue;
        q->waiting = false;
        int n = ask_build(q, buf, cap);
        if (n < 0) {
            q->state = ASK_FAILED;
            d->dirty = now;
            continue;
        }
        q->sent++;
        q->last = now;
        q->due = now + q->interval;
        q->interval *= 2;
        *out = (it_io){.kind = IT_IO_DGRAM,
                       .flow = q->port,
                       .local = it_addr_of(d->cfg.local, q->port),
                       .remote = q->to,
                       .data = it_bytes_of(buf, (size_t)n)};
        return 1;
    }
    return 0;
}

static void take_response(it_discover_question *q, it_time now, const it_io *in, const it_stun_msg *m)
{
    static const uint16_t known[] = {IT_STUN_PADDING, IT_STUN_RESPONSE_PORT, IT_STUN_CHANGE_REQUEST};
    it_addr plain;
    /* RFC 8489 section 6.3.3: what must be understood and is not makes it a failure. */
    if (it_stun_unknown(m, known, 3, NULL, 0) > 0 || m->cls == IT_STUN_ERROR ||
        it_stun_get_addr(m, IT_STUN_XOR_MAPPED_ADDRESS, &q->mapped) < 0) {
        q->state = ASK_FAILED; /* 420: the server lacks what was asked for */
        return;
    }
    q->state = ASK_ANSWERED;
    q->when = now;
    q->at = in->local.port;
    if (it_stun_get_addr(m, IT_STUN_OTHER_ADDRESS, &q->other) < 0)
        q->other = (it_addr){{0, 0}, 0};
    q->alg = it_stun_get_addr(m, IT_STUN_MAPPED_ADDRESS, &plain) == 0 && !it_addr_eq(plain, q->mapped);
}

static bool is_open_as(const it_discover_question *q, const it_stun_msg *m)
{
    return q->state == ASK_OPEN && q->sent != 0 && memcmp(q->txid, m->txid, sizeof q->txid) == 0;
}

int it_stun_discover_input(it_stun_discover *d, it_time now, const it_io *in)
{
    it_stun_msg m;
    if (in->kind != IT_IO_DGRAM || it_stun_parse(&m, in->data) < 0 || m.method != IT_STUN_BINDING)
        return (int)in->data.n;
    for (int i = 0; i < IT_DISCOVER_ASKS; i++) {
        it_discover_question *q = &d->asks[i];
        if (!is_open_as(q, &m))
            continue;
        if (m.cls == IT_STUN_REQUEST) {
            q->looped = true;
            q->loop_from = in->remote;
        } else if (m.cls != IT_STUN_INDICATION) {
            take_response(q, now, in, &m);
        }
        d->dirty = now;
    }
    return (int)in->data.n;
}
