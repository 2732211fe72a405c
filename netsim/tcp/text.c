/* Data and FIN on their way in, when they are acknowledged, and the window on its way out. */
#include "netsim/tcp/impl.h"

#define QUICK_MOST 16            /* acknowledgments at once */
#define ATO_MIN (40 * IT_MS)     /* Linux's TCP_ATO_MIN */
#define DELACK_MAX (200 * IT_MS) /* and TCP_DELACK_MAX */
#define SEG_FIRST 536            /* what a segment is taken to be before one has come */

#define SND_FIRST (256u << 10)
#define SND_MOST (4u << 20)
#define RCV_FIRST (64u << 10)
#define RCV_MOST (6u << 20)

/* --- buffers that grow --- */

void it_tcp_buffers(it_tcp_conn *c)
{
    c->snd_room = c->o.snd_buf ? c->o.snd_buf : SND_FIRST;
    c->rcv_room = c->o.rcv_buf ? c->o.rcv_buf : RCV_FIRST;
    c->copied_last = it_tcp_less(c->rcv_room, c->o.cwnd * 1460);
}

uint32_t it_tcp_rcv_most(const it_tcp_conn *c)
{
    return c->o.rcv_buf ? c->o.rcv_buf : RCV_MOST;
}

/* Twice the window: what is under way, and what is to follow it. */
void it_tcp_grow_send(it_tcp_conn *c)
{
    uint64_t want = (uint64_t)2 * c->cwnd * c->mss;
    if (c->o.snd_buf || want <= c->snd_room)
        return;
    c->snd_room = want < SND_MOST ? (uint32_t)want : SND_MOST;
}

/* The round trip as the receiver sees it: an echo in a full segment is of what made the peer send it. */
static void sample_rcv_rtt(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    if (!c->ts || !s->has_ts || s->tsecr == c->rcv_echo || s->len < c->seg_max)
        return;
    c->rcv_echo = s->tsecr;
    it_time rtt = (it_time)(it_tcp_ts_now(c, now) - s->tsecr) * IT_MS;
    it_time known = c->rcv_rtt ? c->rcv_rtt : c->srtt;
    rtt = rtt ? rtt : IT_MS;
    /* After a silence the echo is as old as that: what is less counts at once, what is more by and by. */
    c->rcv_rtt = known && known < rtt ? (7 * known + rtt) / 8 : rtt;
}

/* Dynamic right-sizing, as Linux does it: room for twice what was read in a round trip, and more when that grows. */
static void grow_receive(it_tcp_conn *c, it_time now)
{
    it_time rtt = c->rcv_rtt ? c->rcv_rtt : c->srtt;
    if (rtt == 0 || now - c->copied_at < rtt)
        return;
    if (c->copied > c->copied_last && !c->o.rcv_buf) {
        uint64_t want = 2 * (uint64_t)c->copied + 16 * c->base_mss;
        want += want * (c->copied - c->copied_last) / c->copied_last * 2;
        want = want < RCV_MOST ? want : RCV_MOST;
        c->rcv_room = want > c->rcv_room ? (uint32_t)want : c->rcv_room;
    }
    c->copied_last = c->copied > c->copied_last ? c->copied : c->copied_last;
    c->copied = 0;
    c->copied_at = now;
}

/* --- when to acknowledge: RFC 9293 section 3.8.6.3 by Linux's rule --- */

void it_tcp_quick(it_tcp_conn *c)
{
    uint32_t n = (c->rcv_adv - c->rcv_nxt) / (2 * c->seg_max);
    n = n < 2 ? 2 : n;
    n = it_tcp_less(n, QUICK_MOST);
    c->quick = c->quick > n ? c->quick : n;
}

/* Data leaves soon after some came: the holder answers, and its answers take acknowledgments along. */
void it_tcp_pingpong(it_tcp_conn *c, it_time now)
{
    if (c->ato && now - c->data_at < c->ato)
        c->pingpong = true;
}

static it_time less_time(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_tcp_delack(const it_tcp_conn *c)
{
    it_time least = c->o.delack, most = DELACK_MAX;
    if (!c->o.quickack || c->ato <= least)
        return least;
    if (c->srtt) /* no longer than a round trip */
        most = less_time(most, c->srtt > least ? c->srtt : least);
    return less_time(c->ato, most);
}

void it_tcp_delack_missed(it_tcp_conn *c)
{
    if (!c->pingpong) {
        c->ato = 2 * c->ato < c->rto ? 2 * c->ato : c->rto;
        return;
    }
    c->pingpong = false;
    c->ato = ATO_MIN;
}

/* Data came: how the delay adapts to the time between segments. */
static void adapt_delay(it_tcp_conn *c, it_time now)
{
    it_time gap = now - c->data_at;
    c->data_at = now;
    if (c->ato == 0) {
        c->ato = ATO_MIN;
        it_tcp_quick(c);
    } else if (gap <= ATO_MIN / 2) {
        c->ato = c->ato / 2 + ATO_MIN / 2;
    } else if (gap < c->ato) {
        c->ato = c->ato / 2 + gap < c->rto ? c->ato / 2 + gap : c->rto;
    } else if (gap > c->rto) { /* the sender has begun anew */
        it_tcp_quick(c);
    }
}

/* A segment of |len| bytes came: one that is less than full waits for nothing behind it. */
static void note_size(it_tcp_conn *c, uint32_t len)
{
    if (len >= c->seg_max)
        c->seg_max = len;
    else if (c->pushed < 2)
        c->pushed++;
}

/* SHLD-19: every second full segment; at once at the start. */
static bool due_now(const it_tcp_conn *c)
{
    if (c->o.delack == 0)
        return true;
    if (!c->o.quickack)
        return c->unacked >= 2 * c->seg_max;
    return c->unacked > c->seg_max || (c->quick && !c->pingpong);
}

/* What is read at once and was small gets its acknowledgment then, unless the holder is about to answer. */
bool it_tcp_copied(it_tcp_conn *c, it_time now, uint32_t n)
{
    c->copied += n;
    grow_receive(c, now);
    if (!c->o.quickack || !c->ack_later)
        return false;
    return c->rcv.n == 0 && (c->pushed > 1 || (c->pushed && !c->pingpong));
}

/* --- data --- */

void it_tcp_duplicate(it_tcp_conn *c, uint32_t seq, uint32_t len)
{
    if (len == 0 || c->rcv_nxt == 0)
        return;
    if (c->o.quickack) { /* the peer did not hear of it */
        it_tcp_quick(c);
        c->pingpong = false;
        c->ato = ATO_MIN;
    }
    if (c->sack && c->o.dsack && it_tcp_lt(seq, c->rcv_nxt))
        c->dsack = (it_tcp_range){seq, it_tcp_min(seq + len, c->rcv_nxt), 0};
}

/* Makes the bytes up to |end| readable, and those received before that follow without a gap. */
static void text_advance(it_tcp_conn *c, uint32_t end)
{
    it_tcp_ranges *r = &c->ooo;
    bool filled = r->n > 0;
    for (uint32_t i = 0; i < r->n && it_tcp_le(r->v[i].lo, end); i++)
        end = it_tcp_max(end, r->v[i].hi);
    it_tcp_ranges_cut(r, end);
    uint32_t n = end - c->rcv_nxt;
    c->rcv.n += n;
    c->rcv_nxt = end;
    c->unacked += n;
    if (filled || due_now(c)) /* RFC 5681 section 4.2: at once when it fills a gap */
        c->ack_now = true;
    c->ack_later = true;
    it_tcp_tell(c, IT_HOST_TCP_DATA);
}

/* Above a gap: RFC 5681 section 4.2. With too many ranges the data is forgotten again, the sender has it. */
static void text_above(it_tcp_conn *c, uint32_t lo, uint32_t hi)
{
    c->ack_now = true;
    int64_t fresh = it_tcp_ranges_add(&c->ooo, it_tcp_alloc(c), lo, hi);
    if (fresh == IT_ERR_NOMEM)
        it_node_oom(&c->h->node);
    if (fresh == 0 && c->sack && c->o.dsack) /* RFC 2883 section 4.1.2 */
        c->dsack = (it_tcp_range){lo, hi, 0};
}

static void take_data(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    uint32_t off = s->seq - c->rcv_nxt;
    if (it_tcp_ring_put(&c->rcv, it_tcp_alloc(c), c->rcv.n + off, it_bytes_of(s->data, s->len)) < 0) {
        it_node_oom(&c->h->node);
        return;
    }
    sample_rcv_rtt(c, now, s);
    note_size(c, s->len);
    adapt_delay(c, now);
    if (off == 0)
        text_advance(c, s->seq + s->len);
    else
        text_above(c, s->seq, s->seq + s->len);
}

void it_tcp_tell_fin(it_tcp_conn *c)
{
    if (!c->fin_in || c->fin_told || c->rcv.n)
        return;
    c->fin_told = true;
    it_tcp_tell(c, IT_HOST_TCP_FIN);
}

/* |s| lies inside the window. */
void it_tcp_text(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    it_tcp_seg t = *s;
    if (c->fin_in)
        return;
    if (c->fin_seen && it_tcp_lt(c->fin_seq, t.seq + t.len)) /* nothing follows a FIN */
        t.len = it_tcp_lt(t.seq, c->fin_seq) ? c->fin_seq - t.seq : 0;
    if (t.len)
        take_data(c, now, &t);
    if ((t.flags & IT_TCP_FIN) && !c->fin_seen) {
        c->fin_seen = true;
        c->fin_seq = t.seq + t.len;
        c->ack_now = true;
    }
    if (c->fin_seen && c->fin_seq == c->rcv_nxt) {
        c->fin_in = true;
        c->rcv_nxt++;
        c->ack_now = true;
        it_tcp_ranges_cut(&c->ooo, c->rcv_nxt);
        it_tcp_tell_fin(c);
    }
}

/* --- the window --- */

/* Room for more, as far as a header can say it. */
static uint32_t rcv_space(const it_tcp_conn *c)
{
    uint32_t max = (uint32_t)65535 << (c->scaled ? c->rcv_scale : 0);
    return c->rcv.n < c->rcv_room ? it_tcp_less(c->rcv_room - c->rcv.n, max) : 0;
}

/* How far the right edge would move to the right. */
static uint32_t window_gain(const it_tcp_conn *c)
{
    uint32_t edge = c->rcv_nxt + rcv_space(c);
    return it_tcp_lt(c->rcv_adv, edge) ? edge - c->rcv_adv : 0;
}

/* RFC 9293 section 3.8.6.2.2: the edge moves by a segment or half the buffer at least, and never to the left. */
uint16_t it_tcp_window(it_tcp_conn *c, bool syn)
{
    uint32_t scale = syn || !c->scaled ? 0 : c->rcv_scale, max = (uint32_t)65535 << scale;
    uint32_t wnd = it_tcp_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0;
    if (window_gain(c) >= it_tcp_less(c->rcv_room / 2, c->mss))
        wnd = rcv_space(c);
    wnd = it_tcp_less(wnd, max);
    /* A window that does not fit the scale is rounded up while the buffer, which has one unit to spare, holds it: RFC
     * 7323 section 2.4 knows that otherwise the edge moves back a little. */
    uint32_t unit = (uint32_t)1 << scale, up = (wnd + unit - 1) >> scale;
    uint32_t field = up << scale <= rcv_space(c) + unit - 1 ? up : wnd >> scale;
    c->rcv_adv = it_tcp_max(c->rcv_adv, c->rcv_nxt + (field << scale));
    return (uint16_t)field;
}

/* An update of its own is worth a segment when it makes the window more than four times as wide; otherwise
 * acknowledgments carry it. */
bool it_tcp_window_worth(const it_tcp_conn *c)
{
    uint32_t wnd = it_tcp_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0;
    return window_gain(c) >= it_tcp_less(c->rcv_room / 2, c->mss) && rcv_space(c) > 4 * wnd;
}
