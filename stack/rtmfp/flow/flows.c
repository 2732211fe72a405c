/* All flows of a session: packets in, packets out, timers. */
#include "stack/rtmfp/flow/impl.h"

#define PROBE_MOST (60 * IT_SEC) /* section 3.6.2.9.1 */
#define LONG_AGO (-(IT_NEVER / 2))

void it_rtmfp_flows_init(it_rtmfp_flows *f, it_alloc *alloc, it_rtmfp_events *events, it_rtmfp_rtt *rtt,
                         it_rtmfp_shared *shared, uint32_t session)
{
    *f = (it_rtmfp_flows){.alloc = alloc,
                          .events = events,
                          .rtt = rtt,
                          .shared = shared,
                          .session = session,
                          .window = IT_RTMFP_WINDOW_FIRST,
                          .timeout_at = IT_NEVER,
                          .delack_at = IT_NEVER,
                          .tc_sent_at = LONG_AGO,
                          .tcr_at = LONG_AGO};
    it_rtmfp_congestion_init(&f->cc);
}

void it_rtmfp_flows_fini(it_rtmfp_flows *f)
{
    for (size_t i = 0; i < f->sends; i++)
        it_rtmfp_send_free(f, f->send[i]);
    for (size_t i = 0; i < f->recvs; i++)
        it_rtmfp_recv_free(f, f->recv[i]);
    it_free(f->alloc, f->send);
    it_free(f->alloc, f->recv);
    f->send = NULL;
    f->recv = NULL;
    f->sends = f->recvs = 0;
}

void it_rtmfp_flows_begin(it_rtmfp_flows *f, it_time now, const it_rtmfp_head *h)
{
    f->has_last = f->any_data = f->any_ack = false;
    if (h->tcr)
        f->tcr_at = now;
    it_rtmfp_congestion_begin(&f->cc, f->outstanding);
}

static bool take_data(it_rtmfp_flows *f, it_time now, const it_rtmfp_chunk *c)
{
    if (c->type == IT_RTMFP_USER_DATA)
        f->has_last = it_rtmfp_data_get(c->payload, &f->last);
    else if (f->has_last) /* after one that is malformed those that hang on it are not known */
        f->has_last = it_rtmfp_next_data_get(c->payload, &f->last);
    if (!f->has_last)
        return false;
    f->any_data = true;
    it_rtmfp_recv_data(f, now, &f->last);
    return true;
}

static bool take_ack(it_rtmfp_flows *f, it_time now, const it_rtmfp_chunk *c)
{
    it_rtmfp_ack a;
    if (!it_rtmfp_ack_get(c->type, c->payload, &a))
        return false;
    it_rtmfp_send *s = it_rtmfp_send_find(f, a.flow);
    f->any_ack = true;
    f->burst = 0;
    if (s && s->state != IT_RTMFP_F_COMPLETE_LINGER)
        it_rtmfp_send_ack(f, now, s, &a);
    return true;
}

static bool take_probe(it_rtmfp_flows *f, const it_rtmfp_chunk *c)
{
    it_rd r;
    it_rd_init(&r, c->payload);
    uint64_t id = it_rtmfp_vlu_get(&r);
    it_rtmfp_recv *v = r.fail ? NULL : it_rtmfp_recv_find(f, id);
    if (!v)
        return !r.fail;
    v->should_ack = true;
    f->ack_now = true;
    return true;
}

static bool take_exception(it_rtmfp_flows *f, const it_rtmfp_chunk *c)
{
    it_rtmfp_exception e;
    if (!it_rtmfp_exception_get(c->payload, &e))
        return false;
    it_rtmfp_send *s = it_rtmfp_send_find(f, e.flow);
    if (s)
        it_rtmfp_send_except(f, s, e.code);
    return true;
}

bool it_rtmfp_flows_chunk(it_rtmfp_flows *f, it_time now, const it_rtmfp_chunk *c)
{
    switch (c->type) {
    case IT_RTMFP_USER_DATA:
    case IT_RTMFP_NEXT_USER_DATA:
        return take_data(f, now, c);
    case IT_RTMFP_ACK_BITMAP:
    case IT_RTMFP_ACK_RANGES:
        return take_ack(f, now, c);
    case IT_RTMFP_BUFFER_PROBE:
        return take_probe(f, c);
    case IT_RTMFP_FLOW_EXCEPTION:
        return take_exception(f, c);
    default:
        return false;
    }
}

/* Appendix A.2; section 3.5.2.1: MUST act as if there were no slow start while the far end receives time-critical data
 * of somebody else and we send it none. */
static it_rtmfp_urgency urgency_at(const it_rtmfp_flows *f, it_time now)
{
    it_rtmfp_urgency u = {.tc_sent = now - f->tc_sent_at <= IT_RTMFP_URGENT};
    u.fast = now - f->tcr_at > IT_RTMFP_URGENT && now - f->shared->tc_sent_at > IT_RTMFP_URGENT;
    return u;
}

void it_rtmfp_flows_end(it_rtmfp_flows *f, it_time now)
{
    if (f->any_data && ++f->data_packets >= 2)
        f->ack_now = true;
    if (!f->any_ack)
        return;
    it_rtmfp_send_naks(f);
    it_rtmfp_congestion_end(&f->cc, urgency_at(f, now));
    if (f->cc.loss)
        f->cut_tsn = f->next_tsn;
    if (f->timeout_at != IT_NEVER)
        f->timeout_at = now + f->rtt->erto;
}

/* The flow that is to send next: ready, of the highest priority, the oldest of those. NULL: none may. */
static it_rtmfp_send *flow_choose(const it_rtmfp_flows *f, it_rtmfp_send *const *tried, size_t n)
{
    it_rtmfp_send *best = NULL;
    for (size_t i = 0; i < f->sends; i++) {
        it_rtmfp_send *s = f->send[(i + f->next_tsn) % f->sends]; /* equal ones take turns */
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again |= tried[k] == s;
        if (!again && it_rtmfp_send_ready(s) && (!best || s->priority > best->priority))
            best = s;
    }
    return best;
}

static bool may_send(const it_rtmfp_flows *f)
{
    return f->outstanding < f->cc.cwnd && f->burst < IT_RTMFP_BURST;
}

bool it_rtmfp_flows_ready(const it_rtmfp_flows *f, it_time now)
{
    if (f->ack_now || now >= f->delack_at)
        return true;
    for (size_t i = 0; i < f->sends; i++) {
        if (now >= f->send[i]->probe_at)
            return true;
        if (may_send(f) && it_rtmfp_send_ready(f->send[i]))
            return true;
    }
    return false;
}

/* Acknowledgments of all flows that have one, as many as fit; the first is cut to fit where |cut|. */
static void put_acks(it_rtmfp_flows *f, it_buf *b, bool cut)
{
    for (size_t i = 0; i < f->recvs; i++) {
        if (!f->recv[i]->should_ack)
            continue;
        if (!it_rtmfp_recv_put(f->recv[i], b, cut))
            return; /* the packet is full; what is left is due still */
        cut = false;
    }
    f->ack_now = false;
    f->data_packets = 0;
    f->delack_at = IT_NEVER;
}

static void put_probes(it_rtmfp_flows *f, it_time now, it_buf *b)
{
    for (size_t i = 0; i < f->sends; i++) {
        it_rtmfp_send *s = f->send[i];
        if (now < s->probe_at)
            continue;
        size_t begin = b->len;
        it_rtmfp_probe_put(b, s->id);
        if (b->overflow) {
            it_rtmfp_chunk_undo(b, begin);
            return;
        }
        it_time most = f->rtt->erto > PROBE_MOST ? f->rtt->erto : PROBE_MOST;
        s->probe_at = now + s->probe_wait;
        s->probe_wait = s->probe_wait * 14142 / 10000;
        if (s->probe_wait > most)
            s->probe_wait = most;
    }
}

/* User data of flows, the more urgent first, until the packet is full. */
static uint32_t put_data(it_rtmfp_flows *f, it_buf *b, bool *tc)
{
    it_rtmfp_send *tried[8];
    size_t n = 0;
    uint32_t chunks = 0;
    while (n < sizeof tried / sizeof *tried && f->outstanding < f->cc.cwnd) {
        it_rtmfp_send *s = flow_choose(f, tried, n);
        if (!s)
            break;
        tried[n++] = s;
        uint32_t more = it_rtmfp_send_fill(f, s, b);
        *tc |= more > 0 && s->urgent;
        chunks += more;
    }
    return chunks;
}

void it_rtmfp_flows_put(it_rtmfp_flows *f, it_time now, it_buf *b, it_rtmfp_head *h)
{
    bool due = f->ack_now || now >= f->delack_at, tc = false;
    if (due)
        put_acks(f, b, true);
    put_probes(f, now, b);
    uint32_t chunks = f->burst < IT_RTMFP_BURST ? put_data(f, b, &tc) : 0;
    if (chunks == 0)
        return;
    if (!due)
        put_acks(f, b, false); /* section 3.6.3.4.6 */
    f->burst++;
    f->timeout_at = now + f->rtt->erto;
    if (!tc)
        return;
    h->tc = true;
    f->tc_sent_at = f->shared->tc_sent_at = now;
}

/* Drops what has lingered long enough. */
static void flows_reap(it_rtmfp_flows *f, it_time now)
{
    size_t n = 0;
    for (size_t i = 0; i < f->sends; i++) {
        if (now >= f->send[i]->linger_at)
            it_rtmfp_send_free(f, f->send[i]);
        else
            f->send[n++] = f->send[i];
    }
    f->sends = n;
    n = 0;
    for (size_t i = 0; i < f->recvs; i++) {
        if (now >= f->recv[i]->linger_at && !f->recv[i]->first)
            it_rtmfp_recv_free(f, f->recv[i]);
        else
            f->recv[n++] = f->recv[i];
    }
    f->recvs = n;
}

void it_rtmfp_flows_tick(it_rtmfp_flows *f, it_time now)
{
    for (size_t i = 0; i < f->sends; i++)
        it_rtmfp_send_expire(f->send[i], now);
    if (now >= f->timeout_at) { /* section 3.6.2.6 */
        bool loss = it_rtmfp_send_lose_all(f);
        if (loss)
            it_rtmfp_rtt_back_off(f->rtt);
        it_rtmfp_congestion_timeout(&f->cc, loss);
        f->burst = 0;
        f->timeout_at = IT_NEVER;
        f->stalled |= loss;
    }
    if (now >= f->delack_at)
        f->ack_now = true;
    flows_reap(f, now);
}

static it_time sooner(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_rtmfp_flows_next(const it_rtmfp_flows *f, it_time now)
{
    it_time at = f->timeout_at;
    if (f->delack_at > now)
        at = sooner(at, f->delack_at);
    for (size_t i = 0; i < f->sends; i++) {
        at = sooner(at, f->send[i]->linger_at);
        at = sooner(at, it_rtmfp_send_expiry(f->send[i]));
        if (f->send[i]->probe_at > now) /* one that is due waits for output, not for time */
            at = sooner(at, f->send[i]->probe_at);
    }
    for (size_t i = 0; i < f->recvs; i++)
        if (f->recv[i]->linger_at > now)
            at = sooner(at, f->recv[i]->linger_at);
    return at;
}
