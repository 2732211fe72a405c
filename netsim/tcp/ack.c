/* What an acceptable acknowledgment does: RFC 9293 section 3.10.7.4 fifth, with SACK and round-trip samples. */
#include "netsim/tcp/impl.h"

/* Update of RFC 6675 section 4; true when octets became SACKed that were not. Blocks below SND.UNA are of RFC 2883 or
 * late. */
static bool update_scoreboard(it_tcp_conn *c, const it_tcp_seg *s)
{
    bool any = false;
    for (int i = 0; c->sack && i < s->n_sack; i++) {
        uint32_t lo = it_tcp_max(s->sack[i].lo, c->snd_una), hi = s->sack[i].hi;
        if (!it_tcp_lt(s->sack[i].lo, hi) || !it_tcp_lt(lo, hi) || it_tcp_lt(c->snd_max, hi))
            continue;
        int64_t n = it_tcp_ranges_add(&c->sacked, it_tcp_alloc(c), lo, hi);
        if (n == IT_ERR_NOMEM)
            it_node_oom(&c->h->node);
        any = any || n > 0;
    }
    return any;
}

/* RFC 6298 section 3 and RFC 7323 section 4.1: a segment that was timed, else the echo of a timestamp. */
static void sample_rtt(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    if (c->timing) {
        if (it_tcp_lt(c->snd_una, c->rtt_seq))
            return;
        c->timing = false;
        it_tcp_rtt_sample(c, now - c->rtt_at);
    } else if (c->ts && s->has_ts && s->tsecr) {
        uint32_t ms = it_tcp_ts_now(c, now) - s->tsecr;
        if (ms < 600000)
            it_tcp_rtt_sample(c, ms * IT_MS);
    }
}

/* Takes what is acknowledged out of the send buffer; returns the number of data bytes. */
static uint32_t release_acked(it_tcp_conn *c, uint32_t ack)
{
    uint32_t end = it_tcp_min(ack, it_tcp_data_end(c)), n = 0;
    if (it_tcp_lt(c->snd_base, end)) {
        n = end - c->snd_base;
        it_tcp_ring_drop(&c->snd, n);
        c->snd_base = end;
    }
    c->snd_una = ack;
    c->snd_nxt = it_tcp_max(c->snd_nxt, ack);
    it_tcp_ranges_cut(&c->sacked, ack);
    return n;
}

static void new_ack(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    uint32_t flight = it_tcp_outstanding(c);
    bool keep_timer = c->recovery == TCP_FAST && !c->sack && c->partial; /* RFC 6582 section 3.2: "Impatient" */
    uint32_t n = release_acked(c, s->ack);
    sample_rtt(c, now, s);
    it_tcp_cc_acked(c, n, flight);
    if (!keep_timer || c->recovery == TCP_OPEN)
        c->timer[TCP_T_RTO] = IT_NEVER; /* RFC 6298 section 5 (5.3): started anew when it is still needed */
    c->timer[TCP_T_USER] = IT_NEVER;
    it_tcp_offer_room(c);
}

static uint32_t scaled_window(const it_tcp_conn *c, const it_tcp_seg *s)
{
    return s->flags & IT_TCP_SYN ? s->wnd : s->wnd << c->snd_scale;
}

/* RFC 5681 section 2: nothing but an acknowledgment of the same byte, while data is under way. */
static bool duplicate(const it_tcp_conn *c, const it_tcp_seg *s)
{
    return s->ack == c->snd_una && s->len == 0 && !(s->flags & (IT_TCP_SYN | IT_TCP_FIN)) && c->snd_nxt != c->snd_una &&
           scaled_window(c, s) == c->snd_wnd;
}

static void update_window(it_tcp_conn *c, const it_tcp_seg *s)
{
    if (!it_tcp_lt(c->snd_wl1, s->seq) && !(c->snd_wl1 == s->seq && it_tcp_le(c->snd_wl2, s->ack)))
        return;
    c->snd_wnd = scaled_window(c, s);
    c->snd_wl1 = s->seq;
    c->snd_wl2 = s->ack;
    c->max_wnd = c->snd_wnd > c->max_wnd ? c->snd_wnd : c->max_wnd;
}

void it_tcp_ack(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    if (it_tcp_lt(s->ack, c->snd_una)) /* an old one */
        return;
    bool dup = !c->sack && duplicate(c, s);
    if (c->timer[TCP_T_PERSIST] != IT_NEVER)
        c->timer[TCP_T_USER] =
            IT_NEVER; /* RFC 9293 section 3.8.6.1, MUST-37: probes that are answered keep the connection */
    if (it_tcp_lt(c->snd_una, s->ack))
        new_ack(c, now, s);
    if (update_scoreboard(c, s) || dup) /* RFC 6675 section 2: with SACK it is new information that makes a duplicate */
        it_tcp_cc_duplicate(c);
    it_tcp_cc_pipe(c);
    update_window(c, s);
}
