/* A segment arrives: RFC 9293 section 3.10.7, one small pass for each of its steps. */
#include "netsim/tcp/impl.h"

/* A segment on its way through the passes. */
typedef struct it_tcp_in {
    it_host *h;
    it_time now;
    it_pkt *p;      /* NULL once it was dropped */
    it_tcp_conn *c; /* NULL once it is gone */
    it_tcp_seg s;
    it_addr local, remote;
} it_tcp_in;

/* The drop is announced before anything that is sent because of it; |s|.data is gone with it. */
static bool drop_seg(it_tcp_in *in, enum it_drop why)
{
    it_node_drop(&in->h->node, in->now, (int)in->p->at, in->p, why, NULL);
    in->p = NULL;
    in->s.data = NULL;
    return false;
}

static bool has_flag(const it_tcp_in *in, uint8_t flag)
{
    return (in->s.flags & flag) != 0;
}

/* Takes what a SYN says about its sender. */
static void take_syn(it_tcp_conn *c, it_time now, const it_tcp_seg *s)
{
    c->irs = s->seq;
    c->rcv_nxt = c->last_ack = s->seq + 1;
    c->rcv_adv = c->rcv_nxt + it_tcp_less(c->rcv_room, 65535);
    c->peer_mss = s->mss;
    c->ts = c->o.timestamps && s->has_ts; /* RFC 7323 section 3.2 */
    c->sack = c->o.sack && s->sack_ok;
    c->scaled = c->o.wscale && s->has_ws; /* RFC 7323 section 2.2: both or neither */
    c->snd_scale = c->scaled ? s->ws : 0;
    c->snd_wnd = c->max_wnd = s->wnd;
    c->snd_wl1 = s->seq;
    c->snd_wl2 = s->ack;
    if (c->ts) {
        c->ts_recent = s->tsval;
        c->ts_recent_at = now;
    }
    it_tcp_set_mss(c);
}

/* --- CLOSED and LISTEN, sections 3.10.7.1 and 3.10.7.2 --- */

static void refuse_seg(it_tcp_in *in, enum it_drop why)
{
    it_tcp_seg s = in->s;
    (void)drop_seg(in, why);
    it_tcp_refuse(in->h, in->now, in->local, in->remote, &s);
}

static void on_listen(it_tcp_in *in, it_tcp_listener *l)
{
    if (has_flag(in, IT_TCP_RST) || has_flag(in, IT_TCP_ACK) || !has_flag(in, IT_TCP_SYN)) {
        if (has_flag(in, IT_TCP_ACK) && !has_flag(in, IT_TCP_RST))
            refuse_seg(in, IT_DROP_TCP_STATE);
        else
            (void)drop_seg(in, IT_DROP_TCP_STATE);
        return;
    }
    if (l->waiting >= l->backlog) {
        (void)drop_seg(in, IT_DROP_TCP_BACKLOG);
        return;
    }
    int socket = it_tcp_listener_socket(in->h, l);
    it_tcp_conn *c = it_tcp_new(in->h, in->now, in->local, in->remote, &l->o);
    if (!c) {
        it_node_oom(&in->h->node);
        return;
    }
    l->waiting++;
    c->waiting = true;
    c->listener = socket;
    take_syn(c, in->now, &in->s);
    it_tcp_enter(c, in->now, IT_TCP_SYN_RCVD);
    it_tcp_output(c, in->now);
}

static void no_connection(it_tcp_in *in)
{
    it_tcp_listener *l = in->h->silent ? NULL : it_tcp_listener_for(in->h, in->local);
    if (l)
        on_listen(in, l);
    else if (has_flag(in, IT_TCP_RST))
        (void)drop_seg(in, IT_DROP_NO_SOCKET);
    else
        refuse_seg(in, IT_DROP_NO_SOCKET);
}

/* --- SYN-SENT, section 3.10.7.3 --- */

static void conn_opened(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    it_tcp_seg s = in->s;
    s.n_sack = 0;
    c->snd_wnd = s.wnd;
    it_tcp_ack(c, in->now, &s);
    it_tcp_established(c, in->now);
    c->ack_now = true;
}

static void on_syn_sent(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    const it_tcp_seg *s = &in->s;
    if (has_flag(in, IT_TCP_ACK) && (it_tcp_le(s->ack, c->iss) || it_tcp_lt(c->snd_max, s->ack))) {
        refuse_seg(in, IT_DROP_TCP_ACK);
        return;
    }
    if (has_flag(in, IT_TCP_RST)) {
        if (has_flag(in, IT_TCP_ACK))
            it_tcp_fail(c, IT_TCP_REFUSED, 0, 0);
        else
            (void)drop_seg(in, IT_DROP_TCP_STATE);
        return;
    }
    if (!has_flag(in, IT_TCP_SYN)) {
        (void)drop_seg(in, IT_DROP_TCP_STATE);
        return;
    }
    take_syn(c, in->now, s);
    if (has_flag(in, IT_TCP_ACK)) {
        conn_opened(in);
    } else { /* both opened at once: section 3.5, figure 7 */
        it_tcp_enter(c, in->now, IT_TCP_SYN_RCVD);
        c->snd_nxt = c->iss;
        c->timer[TCP_T_RTO] = IT_NEVER;
    }
    it_tcp_output(c, in->now);
}

/* --- the other states, section 3.10.7.4: passes that return false where the segment ends --- */

/* An acknowledgment for what is not acceptable; pure ones are not answered without end. */
static bool unacceptable(it_tcp_in *in, enum it_drop why)
{
    bool data = it_tcp_seg_span(&in->s) > 0;
    it_tcp_duplicate(in->c, in->s.seq, in->s.len);
    (void)drop_seg(in, why);
    if (data)
        it_tcp_send_ack(in->c, in->now);
    else
        it_tcp_challenge(in->c, in->now);
    return false;
}

/* SYN,ACK on a connection both ends opened at once acknowledges our SYN: figure 7, line 6. A SYN again: our answer was
 * lost. */
static bool pass_handshake(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (c->state != IT_TCP_SYN_RCVD || !has_flag(in, IT_TCP_SYN) || has_flag(in, IT_TCP_RST) || in->s.seq != c->irs)
        return true;
    if (has_flag(in, IT_TCP_ACK)) {
        in->s.seq++;
        in->s.flags &= (uint8_t)~IT_TCP_SYN;
        return true;
    }
    (void)drop_seg(in, IT_DROP_TCP_WINDOW);
    c->snd_nxt = c->iss;
    c->syn_again = true;
    return false;
}

/* RFC 7323 section 5.3 R1, and section 3.2: once agreed upon, every segment but a RST has timestamps. */
static bool pass_paws(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (!c->ts || has_flag(in, IT_TCP_RST))
        return true;
    if (!in->s.has_ts)
        return drop_seg(in, IT_DROP_TCP_PAWS);
    bool valid = in->now - c->ts_recent_at < 24 * 86400 * IT_SEC; /* section 5.5 */
    if (valid && it_tcp_lt(in->s.tsval, c->ts_recent))
        return unacceptable(in, IT_DROP_TCP_PAWS);
    return true;
}

static bool in_window(const it_tcp_conn *c, uint32_t seq)
{
    return it_tcp_le(c->rcv_nxt, seq) && it_tcp_lt(seq, c->rcv_adv);
}

/* First: table 6. What is left of the segment afterwards begins at RCV.NXT or later and ends in the window. */
static bool pass_sequence(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    it_tcp_seg *s = &in->s;
    uint32_t span = it_tcp_seg_span(s), wnd = c->rcv_adv - c->rcv_nxt;
    bool fits = span == 0 ? s->seq == c->rcv_nxt || in_window(c, s->seq)
                          : in_window(c, s->seq) || in_window(c, s->seq + span - 1);
    /* With a closed window the text is not taken, but acknowledgments and resets are. */
    bool probe = wnd == 0 && s->seq == c->rcv_nxt;
    if (!fits && !probe) {
        if (has_flag(in, IT_TCP_RST)) /* RFC 5961 section 3.2 (1) */
            return drop_seg(in, IT_DROP_TCP_WINDOW);
        if (c->state == IT_TCP_TIME_WAIT && has_flag(in, IT_TCP_FIN))
            c->timer[TCP_T_WAIT] = in->now + c->o.time_wait;
        return unacceptable(in, IT_DROP_TCP_WINDOW);
    }
    if (has_flag(in, IT_TCP_SYN | IT_TCP_RST))
        return true;
    if (it_tcp_lt(s->seq, c->rcv_nxt)) {
        uint32_t old = it_tcp_less(c->rcv_nxt - s->seq, s->len);
        it_tcp_duplicate(c, s->seq, old);
        s->seq += old;
        s->data += old;
        s->len -= old;
        c->ack_now = true;
    }
    if (span && it_tcp_lt(c->rcv_adv, s->seq + it_tcp_seg_span(s))) {
        uint32_t room = it_tcp_lt(s->seq, c->rcv_adv) ? c->rcv_adv - s->seq : 0;
        s->len = it_tcp_less(s->len, room);
        s->flags &= (uint8_t)~IT_TCP_FIN;
        c->ack_now = true;
    }
    return true;
}

/* RFC 7323 section 5.3 R3. */
static bool pass_timestamp(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (c->ts && in->s.has_ts && it_tcp_le(in->s.seq, c->last_ack) && !has_flag(in, IT_TCP_RST)) {
        c->ts_recent = in->s.tsval;
        c->ts_recent_at = in->now;
    }
    return true;
}

/* Second: RFC 5961 section 3.2. */
static bool pass_rst(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (!has_flag(in, IT_TCP_RST))
        return true;
    if (in->s.seq != c->rcv_nxt) {
        (void)drop_seg(in, IT_DROP_TCP_CHALLENGE);
        it_tcp_challenge(c, in->now);
        return false;
    }
    in->c = NULL;
    if (c->state == IT_TCP_SYN_RCVD && c->listener >= 0) /* back to LISTEN */
        it_tcp_dead(c);
    else if (c->state == IT_TCP_CLOSING || c->state == IT_TCP_LAST_ACK || c->state == IT_TCP_TIME_WAIT)
        it_tcp_dead(c);
    else
        it_tcp_fail(c, c->state == IT_TCP_SYN_RCVD ? IT_TCP_REFUSED : IT_TCP_RESET, 0, 0);
    return false;
}

/* Fourth: RFC 5961 section 4.2; a half-open connection goes back to LISTEN. */
static bool pass_syn(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (!has_flag(in, IT_TCP_SYN))
        return true;
    (void)drop_seg(in, IT_DROP_TCP_CHALLENGE);
    if (c->state == IT_TCP_SYN_RCVD && c->listener >= 0) {
        in->c = NULL;
        it_tcp_dead(c);
    } else {
        it_tcp_challenge(c, in->now);
    }
    return false;
}

/* Fifth: is the acknowledgment acceptable? RFC 5961 section 5.2. */
static bool pass_ack_range(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (!has_flag(in, IT_TCP_ACK))
        return drop_seg(in, IT_DROP_TCP_STATE);
    if (c->state == IT_TCP_SYN_RCVD) {
        if (it_tcp_lt(c->snd_una, in->s.ack) && it_tcp_le(in->s.ack, c->snd_max))
            return true;
        refuse_seg(in, IT_DROP_TCP_ACK);
        return false;
    }
    if (it_tcp_lt(c->snd_max, in->s.ack) || it_tcp_lt(in->s.ack, c->snd_una - c->max_wnd)) {
        (void)drop_seg(in, IT_DROP_TCP_ACK);
        it_tcp_challenge(c, in->now);
        return false;
    }
    return true;
}

static bool pass_ack(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (c->state == IT_TCP_SYN_RCVD) {
        c->snd_wl1 = in->s.seq;
        c->snd_wl2 = in->s.ack;
        it_tcp_ack(c, in->now, &in->s);
        it_tcp_established(c, in->now);
        return true;
    }
    it_tcp_ack(c, in->now, &in->s);
    if (!it_tcp_fin_acked(c))
        return true;
    if (c->state == IT_TCP_FIN_WAIT_1)
        it_tcp_enter(c, in->now, IT_TCP_FIN_WAIT_2);
    if (c->state == IT_TCP_CLOSING)
        it_tcp_enter(c, in->now, IT_TCP_TIME_WAIT);
    if (c->state == IT_TCP_LAST_ACK) {
        in->c = NULL;
        it_tcp_dead(c);
    }
    return in->c != NULL;
}

/* Seventh; urgent data is data (RFC 6093 section 6). */
static bool pass_text(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (c->state != IT_TCP_ESTABLISHED && c->state != IT_TCP_FIN_WAIT_1 && c->state != IT_TCP_FIN_WAIT_2)
        return false;
    if (in->s.len && !c->user) { /* nobody will read it: section 3.6.1 */
        (void)drop_seg(in, IT_DROP_TCP_STATE);
        it_tcp_send_rst(c, in->now);
        in->c = NULL;
        it_tcp_dead(c);
        return false;
    }
    it_tcp_text(c, in->now, &in->s);
    return true;
}

/* Eighth: where a FIN leads, once everything before it is there. */
static bool pass_fin(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (!c->fin_in)
        return true;
    if (c->state == IT_TCP_ESTABLISHED)
        it_tcp_enter(c, in->now, IT_TCP_CLOSE_WAIT);
    else if (c->state == IT_TCP_FIN_WAIT_1) /* our own FIN is not acknowledged, or it would be FIN-WAIT-2 by now */
        it_tcp_enter(c, in->now, IT_TCP_CLOSING);
    else if (c->state == IT_TCP_FIN_WAIT_2)
        it_tcp_enter(c, in->now, IT_TCP_TIME_WAIT);
    return true;
}

static bool (*const PASSES[])(it_tcp_in *in) = {pass_handshake, pass_paws, pass_sequence,  pass_timestamp,
                                                pass_rst,       pass_syn,  pass_ack_range, pass_ack,
                                                pass_text,      pass_fin};

static void on_connection(it_tcp_in *in)
{
    it_tcp_conn *c = in->c;
    if (c->state == IT_TCP_SYN_SENT) {
        on_syn_sent(in);
        return;
    }
    c->keep_sent = 0; /* RFC 9293 section 3.8.4 */
    if (c->timer[TCP_T_KEEP] != IT_NEVER)
        c->timer[TCP_T_KEEP] = in->now + c->o.keep_idle;
    for (size_t i = 0; i < sizeof PASSES / sizeof PASSES[0]; i++)
        if (!PASSES[i](in))
            break;
    if (in->c)
        it_tcp_output(in->c, in->now);
}

void it_tcp_input(it_host *h, it_time now, it_pkt *p)
{
    it_tcp_in in = {.h = h, .now = now, .p = p, .local = {p->dst, p->dport}, .remote = {p->src, p->sport}};
    /* RFC 9293 section 3.9.2.3, MUST-63, MUST-57 */
    if (!it_ip_unicast(p->src) || !it_ip_unicast(p->dst)) {
        (void)drop_seg(&in, IT_DROP_MARTIAN);
        return;
    }
    if (!it_pkt_cksum_ok(p)) {
        (void)drop_seg(&in, IT_DROP_CHECKSUM);
        return;
    }
    it_tcp_seg_read(p, &in.s);
    in.c = it_tcp_find(h, in.local, in.remote);
    if (h->tcp)
        h->tcp->packet = p->id;
    else
        it_host_cause(h, p->id);
    if (in.c)
        on_connection(&in);
    else
        no_connection(&in);
    if (h->tcp)
        h->tcp->packet = 0;
    it_host_cause(h, 0);
    if (in.p)
        it_pkt_free(it_world_pool(h->node.world), in.p);
}
