/* What an acceptable acknowledgment does: RFC 9293 section 3.10.7.4 fifth, with SACK and round-trip samples. */
#include "netsim/tcp/impl.h"

/* RFC 2883 section 4: the first block is a report of duplicates when it lies below the acknowledgment or inside the
 * second block. */
static bool take_dsack(it_tcp_conn *c, const it_tcp_seg *s, it_tcp_news *n)
{
    const it_tcp_range *a = &s->sack[0], *b = &s->sack[1];
    bool below = s->n_sack && it_tcp_lt(a->lo, s->ack);
    bool inside = s->n_sack > 1 && it_tcp_le(b->lo, a->lo) && it_tcp_le(a->hi, b->hi);
    if ((!below && !inside) || !it_tcp_lt(a->lo, a->hi))
        return false;
    n->dsack = true;
    it_tcp_undo_dsack(c, a->lo, a->hi);
    return true;
}

/* Update of RFC 6675 section 4. Blocks below SND.UNA are late ones. */
static void update_scoreboard(it_tcp_conn *c, it_time now, const it_tcp_seg *s, it_tcp_news *n)
{
    int first = c->sack && take_dsack(c, s, n);
    for (int i = first; c->sack && i < s->n_sack; i++) {
        uint32_t lo = it_tcp_max(s->sack[i].lo, c->snd_una), hi = s->sack[i].hi;
        if (it_tcp_lt(s->sack[i].lo, hi) && it_tcp_lt(lo, hi) && it_tcp_le(hi, c->snd_max))
            it_tcp_sent_sack(c, now, lo, hi, n);
    }
}

/* RFC 6298 section 3 and RFC 7323 section 4.1: a segment that was sent once, else the echo of a timestamp. */
static void sample_rtt(it_tcp_conn *c, it_time now, const it_tcp_seg *s, const it_tcp_news *n)
{
    if (n->rtt >= 0) {
        it_tcp_rtt_sample(c, now, n->rtt);
        c->cc->sample(c, now, n->last_rtt);
    } else if (n->advanced && c->ts && s->has_ts && s->tsecr) {
        uint32_t ms = it_tcp_ts_now(c, now) - s->tsecr;
        if (ms < 600000)
            it_tcp_rtt_sample(c, now, ms * IT_MS);
    }
}

/* Takes what is acknowledged out of the send buffer. */
static void release_acked(it_tcp_conn *c, it_time now, uint32_t ack, it_tcp_news *n)
{
    uint32_t end = it_tcp_min(ack, it_tcp_data_end(c));
    if (it_tcp_lt(c->snd_base, end)) {
        it_tcp_ring_drop(&c->snd, end - c->snd_base);
        c->snd_base = end;
    }
    it_time rtt = n->rtt, last = n->last_rtt;
    c->snd_una = ack;
    c->snd_nxt = it_tcp_max(c->snd_nxt, ack);
    it_tcp_sent_ack(c, now, ack, n);
    n->advanced = true;
    if (n->resent) { /* what came before the hole was filled had to wait for that: RFC 6298 section 3 */
        n->rtt = rtt;
        n->last_rtt = last;
    }
    if (!c->sack && n->resent) /* without SACK nobody knows which of them it was */
        n->original = false;
}

static void new_ack(it_tcp_conn *c, it_time now, const it_tcp_seg *s, it_tcp_news *n)
{
    bool syn = c->snd_una == c->iss;
    /* RFC 6582 section 3.2 "Impatient": after the first partial acknowledgment the timer goes on. */
    bool keep_timer = c->recovery == TCP_FAST && !c->sack && c->partial;
    release_acked(c, now, s->ack, n);
    if (syn && !c->syn_again)
        n->rtt = n->last_rtt = now - c->syn_at;
    c->partial = c->recovery == TCP_FAST;
    if (!keep_timer || it_tcp_le(c->recover, c->snd_una))
        c->timer[TCP_T_RTO] = IT_NEVER; /* RFC 6298 section 5 (5.3): started anew when it is still needed */
    c->timer[TCP_T_USER] = IT_NEVER;
    c->pto_now = true;
}

/* RFC 2018 section 8: the first segment under way cannot be SACKed unless the peer has dropped what it had. It is given
 * half a round trip to say otherwise. */
static void check_reneging(it_tcp_conn *c, it_time now)
{
    it_time wait = c->srtt / 2 > 10 * IT_MS ? c->srtt / 2 : 10 * IT_MS;
    if (c->out.n && (it_tcp_sent_at(&c->out, 0)->marks & SENT_SACKED))
        c->timer[TCP_T_RTO] = now + wait;
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
    it_tcp_news n = {
        .una = c->snd_una, .fack = c->fack, .rtt = -1, .last_rtt = -1, .reordered = c->snd_una + 0x7fffffff};
    if (it_tcp_lt(s->ack, c->snd_una)) /* an old one */
        return;
    n.dups = !c->sack && duplicate(c, s);
    if (c->timer[TCP_T_PERSIST] != IT_NEVER)
        c->timer[TCP_T_USER] =
            IT_NEVER; /* RFC 9293 section 3.8.6.1, MUST-37: probes that are answered keep the connection */
    it_tcp_undo_echo(c, s);
    update_scoreboard(c, now, s, &n);
    if (it_tcp_lt(c->snd_una, s->ack))
        new_ack(c, now, s, &n);
    sample_rtt(c, now, s, &n);
    it_tcp_tlp_ack(c, s->ack, &n);
    it_tcp_recover_ack(c, now, &n);
    if (n.advanced) {
        check_reneging(c, now);
        it_tcp_plp_ack(c);
        it_tcp_grow_send(c);
        it_tcp_offer_room(c);
    }
    update_window(c, s);
}
