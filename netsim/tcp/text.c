/* Data and FIN on their way in, and the window on its way out. */
#include "netsim/tcp/impl.h"

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
    /* RFC 9293 section 3.8.6.3, SHLD-19; RFC 5681 section 4.2: at once when it fills a gap. */
    if (filled || c->unacked >= 2 * c->seg_max || c->o.delack == 0)
        c->ack_now = true;
    c->ack_later = true;
    it_tcp_tell(c, IT_HOST_TCP_DATA);
}

static void take_data(it_tcp_conn *c, const it_tcp_seg *s)
{
    uint32_t off = s->seq - c->rcv_nxt;
    if (it_tcp_ring_put(&c->rcv, it_tcp_alloc(c), c->rcv.n + off, it_bytes_of(s->data, s->len)) < 0) {
        it_node_oom(&c->h->node);
        return;
    }
    c->seg_max = s->len > c->seg_max ? s->len : c->seg_max;
    if (off == 0) {
        text_advance(c, s->seq + s->len);
        return;
    }
    /* Above a gap: RFC 5681 section 4.2. With too many ranges the data is forgotten again, the sender has it. */
    c->ack_now = true;
    if (it_tcp_ranges_add(&c->ooo, it_tcp_alloc(c), s->seq, s->seq + s->len) == IT_ERR_NOMEM)
        it_node_oom(&c->h->node);
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
    (void)now;
    if (c->fin_in)
        return;
    if (c->fin_seen && it_tcp_lt(c->fin_seq, t.seq + t.len)) /* nothing follows a FIN */
        t.len = it_tcp_lt(t.seq, c->fin_seq) ? c->fin_seq - t.seq : 0;
    if (t.len)
        take_data(c, &t);
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
    return c->rcv.n < c->o.rcv_buf ? it_tcp_less(c->o.rcv_buf - c->rcv.n, max) : 0;
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
    if (window_gain(c) >= it_tcp_less(c->o.rcv_buf / 2, c->mss))
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
    return window_gain(c) >= it_tcp_less(c->o.rcv_buf / 2, c->mss) && rcv_space(c) > 4 * wnd;
}
