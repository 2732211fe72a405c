/* What to send next, and how it leaves.
 *
 * it_tcp_output asks its sources in order of urgency for a piece of the sequence space until none has one, then sends
 * the acknowledgment that no data took along, then sets the timers that follow from what is under way. */
#include "netsim/core/link.h"
#include "netsim/tcp/impl.h"

/* A segment to be: |len| bytes from |seq| on, SYN before or FIN behind them. */
typedef struct it_tcp_chunk {
    uint32_t seq, len;
    bool syn, fin;
    bool small; /* less than a full segment of data */
    bool probe; /* larger than the path is known to take */
    bool again; /* segment |at| of those under way leaves again */
    uint32_t at;
} it_tcp_chunk;

uint32_t it_tcp_ts_now(const it_tcp_conn *c, it_time now)
{
    return (uint32_t)(now / IT_MS) + c->ts_offset;
}

/* --- a segment leaves --- */

/* Where segments without data are placed: SND.NXT, but inside the peer's window when that shrank. */
static uint32_t plain_seq(const it_tcp_conn *c)
{
    uint32_t edge = c->snd_una + c->snd_wnd;
    return c->snd_una == c->iss || it_tcp_le(c->snd_max, edge) ? c->snd_max : edge;
}

static const char *name_of(const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    uint8_t flags = t[13];
    if (flags & IT_TCP_RST)
        return "TCP RST";
    if (flags & IT_TCP_SYN)
        return flags & IT_TCP_ACK ? "TCP SYN ACK" : "TCP SYN";
    if (flags & IT_TCP_FIN)
        return "TCP FIN";
    return p->len - p->l4 > (t[12] >> 4) * 4 ? "TCP data" : "TCP ACK";
}

void it_tcp_emit(it_host *h, it_time now, it_ip local, it_pkt *p)
{
    int iface = it_host_iface_of(h, local);
    p->label = it_world_label(h->node.world, name_of(p));
    p->cause = h->tcp && h->tcp->packet ? h->tcp->packet : h->cause;
    if (iface < 0)
        it_pkt_free(it_world_pool(h->node.world), p);
    else
        (void)it_host_emit(h, now, iface, p);
}

/* Builds and sends; what cannot leave (no address, no route) is lost. False: no memory. */
static bool transmit(it_tcp_conn *c, it_time now, it_pkt_tcp_msg *m)
{
    it_pkt *p = it_node_packet(&c->h->node);
    if (!p)
        return false;
    m->src = c->local;
    m->dst = c->remote;
    m->window = it_tcp_window(c, m->flags & IT_TCP_SYN);
    if (m->flags & IT_TCP_ACK) {
        m->ack = c->rcv_nxt;
        c->last_ack = c->rcv_nxt;
        c->ack_now = c->ack_later = false;
        c->unacked = 0;
        c->pushed = 0;
        c->quick -= c->quick > 0;
        c->dsack.lo = c->dsack.hi;
        c->timer[TCP_T_DELACK] = IT_NEVER;
    }
    int err = it_pkt_tcp(p, m);
    IT_ASSERT(err == 0);
    it_tcp_emit(c->h, now, c->local.ip, p);
    return true;
}

/* A segment without data. */
static void send_plain(it_tcp_conn *c, it_time now, uint32_t seq, uint8_t flags)
{
    uint8_t options[TCP_OPTIONS];
    it_pkt_tcp_msg m = {.seq = seq, .flags = flags, .options = {options, it_tcp_options(c, now, options)}};
    (void)transmit(c, now, &m);
}

void it_tcp_send_ack(it_tcp_conn *c, it_time now)
{
    send_plain(c, now, plain_seq(c), IT_TCP_ACK);
}

/* RFC 9293 section 3.10.5. */
void it_tcp_send_rst(it_tcp_conn *c, it_time now)
{
    send_plain(c, now, plain_seq(c), IT_TCP_RST | IT_TCP_ACK);
}

/* RFC 9293 section 3.8.4: SEG.SEQ = SND.NXT - 1, no data. */
void it_tcp_send_keepalive(it_tcp_conn *c, it_time now)
{
    send_plain(c, now, c->snd_nxt - 1, IT_TCP_ACK);
}

void it_tcp_challenge(it_tcp_conn *c, it_time now)
{
    if (now - c->challenge_at >= 5 * IT_SEC || c->challenges == 0) {
        c->challenge_at = now;
        c->challenges = 0;
    }
    if (c->challenges++ < TCP_CHALLENGES) /* RFC 5961 section 7 */
        it_tcp_send_ack(c, now);
}

void it_tcp_refuse(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_seg *s)
{
    it_pkt_tcp_msg m = {.src = local, .dst = remote, .flags = IT_TCP_RST};
    if (s->flags & IT_TCP_RST)
        return;
    if (s->flags & IT_TCP_ACK) {
        m.seq = s->ack;
    } else {
        m.flags |= IT_TCP_ACK;
        m.ack = s->seq + it_tcp_seg_span(s);
    }
    it_pkt *p = it_node_packet(&h->node);
    if (!p)
        return;
    int err = it_pkt_tcp(p, &m);
    IT_ASSERT(err == 0);
    it_tcp_emit(h, now, local.ip, p);
}

/* --- pieces of the sequence space --- */

static bool may_send(const it_tcp_conn *c)
{
    return c->state == IT_TCP_ESTABLISHED || c->state == IT_TCP_CLOSE_WAIT || c->state == IT_TCP_FIN_WAIT_1 ||
           c->state == IT_TCP_CLOSING || c->state == IT_TCP_LAST_ACK;
}

/* One segment from |seq| on, before |limit|; false when there is nothing. */
static bool cut_chunk(const it_tcp_conn *c, uint32_t seq, uint32_t limit, it_tcp_chunk *k)
{
    uint32_t end = it_tcp_data_end(c);
    *k = (it_tcp_chunk){.seq = seq};
    if (!it_tcp_lt(seq, limit))
        return false;
    if (it_tcp_lt(seq, end))
        k->len = it_tcp_less(it_tcp_min(end, limit) - seq, c->mss);
    k->fin = c->fin && seq + k->len == end && it_tcp_lt(end, limit);
    return k->len || k->fin;
}

static bool pick_syn(it_tcp_conn *c, it_tcp_chunk *k)
{
    *k = (it_tcp_chunk){.seq = c->iss, .syn = true};
    return (c->state == IT_TCP_SYN_SENT || c->state == IT_TCP_SYN_RCVD) && c->snd_nxt == c->iss;
}

/* Segment |i| of those under way again, with those behind it that fit into one. */
static bool cut_again(it_tcp_conn *c, uint32_t i, it_tcp_chunk *k)
{
    it_tcp_sent_join(c, i, c->mss);
    const it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
    if (!cut_chunk(c, r->lo, r->hi, k))
        return false;
    k->again = true;
    k->at = i;
    return true;
}

/* RFC 6582 section 3.2 steps 2 and 3, RFC 6675 section 5 (4.3): the first leaves whatever the window says. */
static bool pick_lost(it_tcp_conn *c, it_tcp_chunk *k)
{
    uint32_t i;
    bool room = c->first_now || it_tcp_flight(c) < c->cwnd;
    if (!may_send(c) || !room || c->hold || !it_tcp_sent_due(c, &i) || !cut_again(c, i, k))
        return false;
    c->first_now = false;
    return true;
}

static bool pick_maybe_lost(it_tcp_conn *c, it_tcp_chunk *k)
{
    uint32_t i;
    return may_send(c) && it_tcp_flight(c) < c->cwnd && it_tcp_recover_maybe(c, &i) && cut_again(c, i, k);
}

static bool pick_rescue(it_tcp_conn *c, it_tcp_chunk *k)
{
    uint32_t i;
    return may_send(c) && it_tcp_flight(c) < c->cwnd && it_tcp_recover_rescue(c, &i) && cut_again(c, i, k);
}

/* Minshall's condition (draft-minshall-nagle-01 section 4), which Linux has in place of RFC 9293 section 3.7.4's "no
 * unacknowledged data": whether no segment that was less than full is unacknowledged. The tail of a burst of full
 * segments leaves with them; of many small writes one at a time is under way. */
static bool nagle_allows(const it_tcp_conn *c)
{
    bool small_out = it_tcp_lt(c->snd_una, c->small_end) && it_tcp_le(c->small_end, c->snd_max);
    return !c->o.nagle || !small_out;
}

/* RFC 9293 section 3.8.6.2.1, where Nagle's condition is the one above. */
static bool worth_sending(const it_tcp_conn *c, const it_tcp_chunk *k)
{
    if (k->len >= c->mss || k->fin)
        return true;
    if (!nagle_allows(c))
        return false;
    return k->seq + k->len == it_tcp_data_end(c) || k->len >= c->max_wnd / 2;
}

/* New data, as far as the peer's window goes; or what was forgotten to have been sent, which gathers nothing. */
static bool cut_next(const it_tcp_conn *c, it_tcp_chunk *k)
{
    uint32_t edge = c->snd_una + c->snd_wnd;
    if (!may_send(c) || it_tcp_le(edge, c->snd_nxt))
        return false;
    return cut_chunk(c, c->snd_nxt, edge, k);
}

/* RFC 4821 section 7.4: a segment larger than the others. */
static bool pick_probe(it_tcp_conn *c, it_tcp_chunk *k)
{
    uint32_t len = it_tcp_plp_due(c);
    if (!len || !may_send(c))
        return false;
    *k = (it_tcp_chunk){.seq = c->snd_nxt, .len = len, .probe = true};
    return true;
}

static bool pick_next(it_tcp_conn *c, it_tcp_chunk *k)
{
    if (it_tcp_flight(c) >= c->cwnd || !cut_next(c, k))
        return false;
    return it_tcp_lt(c->snd_nxt, c->snd_max) || worth_sending(c, k);
}

static bool (*const SOURCES[])(it_tcp_conn *c, it_tcp_chunk *k) = {pick_syn,  pick_lost,       pick_probe,
                                                                   pick_next, pick_maybe_lost, pick_rescue};

static bool pick_chunk(it_tcp_conn *c, it_tcp_chunk *k)
{
    for (size_t i = 0; i < sizeof SOURCES / sizeof SOURCES[0]; i++)
        if (SOURCES[i](c, k))
            return true;
    return false;
}

/* --- a piece leaves, and is accounted for --- */

/* A segment left again. */
static void account_again(it_tcp_conn *c, it_time now, const it_tcp_chunk *k, uint32_t end)
{
    it_tcp_undo_sent(c, now);
    (void)it_tcp_sent_resend(c, k->at, end, now);
    c->retransmits++;
}

static void account_new(it_tcp_conn *c, it_time now, const it_tcp_chunk *k, uint32_t end)
{
    bool ever = it_tcp_lt(k->seq, c->snd_max);
    c->retransmits += ever;
    if (k->probe)
        it_tcp_plp_sent(c, k->seq, k->len);
    if (k->syn) {
        c->syn_at = now;
    } else {
        (void)it_tcp_sent_add(c, k->seq, end, now, ever);
        c->pto_now = true;
    }
    if (!ever && k->small)
        c->small_end = end;
    c->snd_nxt = end;
    c->snd_max = it_tcp_max(c->snd_max, end);
}

static void output_account(it_tcp_conn *c, it_time now, const it_tcp_chunk *k, uint32_t end)
{
    if (k->again)
        account_again(c, now, k, end);
    else
        account_new(c, now, k, end);
    c->prr_out += c->recovery == TCP_FAST;
    if (k->len)
        it_tcp_pingpong(c, now);
    c->sent_at = now;
}

static bool send_chunk(it_tcp_conn *c, it_time now, it_tcp_chunk *k)
{
    uint8_t options[TCP_OPTIONS];
    it_pkt_tcp_msg m = {.seq = k->seq, .flags = IT_TCP_ACK, .options = {options, 0}};
    if (k->syn) {
        bool reply = c->state == IT_TCP_SYN_RCVD;
        m.flags = reply ? IT_TCP_SYN | IT_TCP_ACK : IT_TCP_SYN;
        m.options.n = it_tcp_syn_options(c, now, reply, options);
    } else {
        m.options.n = it_tcp_options(c, now, options);
        uint32_t most = c->base_mss - (uint32_t)m.options.n; /* RFC 9293 section 3.7.1: options eat into the segment */
        if (k->len > most && !k->probe) {
            k->len = most;
            k->fin = false;
        }
        k->small = k->len && k->len < it_tcp_less(c->mss, most);
        it_tcp_ring_get(&c->snd, k->seq - c->snd_base, k->len, m.data);
        if (k->len && k->seq + k->len == it_tcp_data_end(c))
            m.flags |= IT_TCP_PSH;
        if (k->fin)
            m.flags |= IT_TCP_FIN;
    }
    if (!transmit(c, now, &m))
        return false;
    output_account(c, now, k, k->seq + k->len + k->syn + k->fin);
    return true;
}

bool it_tcp_send_new(it_tcp_conn *c, it_time now)
{
    it_tcp_chunk k;
    return cut_next(c, &k) && send_chunk(c, now, &k);
}

bool it_tcp_send_again(it_tcp_conn *c, it_time now, uint32_t i)
{
    it_tcp_chunk k;
    return may_send(c) && cut_again(c, i, &k) && send_chunk(c, now, &k);
}

/* RFC 9293 section 3.8.6.1: one octet beyond the window, or the FIN; or, section 3.8.6.2.1 (4), what the window takes.
 */
void it_tcp_send_probe(it_tcp_conn *c, it_time now)
{
    it_tcp_chunk k;
    uint32_t edge = c->snd_una + c->snd_wnd;
    c->probes++;
    if (it_tcp_lt(c->snd_nxt, edge)) {
        if (cut_chunk(c, c->snd_nxt, edge, &k))
            (void)send_chunk(c, now, &k);
        return;
    }
    uint8_t options[TCP_OPTIONS];
    it_pkt_tcp_msg m = {.seq = c->snd_una, .flags = IT_TCP_ACK, .options = {options, it_tcp_options(c, now, options)}};
    if (cut_chunk(c, c->snd_una, c->snd_una + 1, &k))
        it_tcp_ring_get(&c->snd, 0, k.len, m.data);
    if (k.fin)
        m.flags |= IT_TCP_FIN;
    if (k.len || k.fin)
        c->snd_max = it_tcp_max(c->snd_max, c->snd_una + 1);
    (void)transmit(c, now, &m);
}

/* --- timers that follow --- */

static bool wants_to_send(const it_tcp_conn *c)
{
    return may_send(c) && it_tcp_lt(c->snd_nxt, it_tcp_data_end(c) + c->fin);
}

/* RFC 9293 section 3.8.6.1, SHLD-29, SHLD-30: how long the next window probe waits. */
static it_time persist_wait(const it_tcp_conn *c)
{
    it_time wait = c->rto;
    for (uint32_t i = 0; i < c->probes && wait < c->o.rto_max; i++)
        wait *= 2;
    return wait < c->o.rto_max ? wait : c->o.rto_max;
}

/* The probe's timer and the one of retransmission: one of them runs while something is under way. */
static void set_loss_timers(it_tcp_conn *c, it_time now)
{
    it_time *t = c->timer;
    if (c->pto_now || c->recovery != TCP_OPEN || c->out.sacked || c->tlp_out)
        t[TCP_T_PTO] = it_tcp_tlp_when(c, now);
    c->pto_now = false;
    if (t[TCP_T_PTO] != IT_NEVER) /* RFC 8985 section 7.2 */
        t[TCP_T_RTO] = IT_NEVER;
    else if (t[TCP_T_RTO] == IT_NEVER) /* RFC 6298 section 5 (5.1) */
        t[TCP_T_RTO] = now + it_tcp_rto(c);
}

static void set_timers(it_tcp_conn *c, it_time now)
{
    it_time *t = c->timer;
    if (c->snd_nxt != c->snd_una) {
        set_loss_timers(c, now);
        t[TCP_T_PERSIST] = IT_NEVER;
        c->probes = 0;
    } else {
        t[TCP_T_RTO] = t[TCP_T_PTO] = t[TCP_T_REO] = IT_NEVER; /* RFC 6298 section 5 (5.2) */
        if (!wants_to_send(c)) {
            t[TCP_T_PERSIST] = IT_NEVER;
        } else if (t[TCP_T_PERSIST] == IT_NEVER) {
            t[TCP_T_PERSIST] = now + persist_wait(c);
        }
    }
    bool pending = t[TCP_T_RTO] != IT_NEVER || t[TCP_T_PTO] != IT_NEVER || t[TCP_T_PERSIST] != IT_NEVER;
    if (!pending)
        t[TCP_T_USER] = IT_NEVER;
    else if (t[TCP_T_USER] == IT_NEVER && c->o.user_timeout)
        t[TCP_T_USER] = now + c->o.user_timeout;
    if (c->ack_later && t[TCP_T_DELACK] == IT_NEVER)
        t[TCP_T_DELACK] = now + it_tcp_delack(c);
}

/* The MTU on this side may have changed; and a lowered path MTU is tried again after ten minutes. */
static void look_at_mtu(it_tcp_conn *c, it_time now)
{
    uint32_t link = it_tcp_link_mtu(c);
    if (c->pmtu_till <= now && c->plp.on) { /* RFC 4821 section 7.7 */
        c->pmtu_till = now + TCP_PMTU_AGE;
        c->plp.high = link;
    } else if (c->pmtu_till <= now) {
        c->pmtu_till = IT_NEVER;
        c->pmtu = link;
        it_tcp_set_mss(c);
    }
    if (link < c->pmtu) {
        c->pmtu = link;
        it_tcp_set_mss(c);
    }
}

/* Whether nothing but this host keeps the stream from going on: no segment is under way whose acknowledgment could be
 * waited for, and the peer has room. */
static bool stands_still(const it_tcp_conn *c)
{
    if (c->state != IT_TCP_ESTABLISHED && c->state != IT_TCP_CLOSE_WAIT)
        return false;
    if (c->snd_nxt != c->snd_una || c->snd_wnd == 0)
        return false;
    if (c->snd.n > 0)
        return true;
    return c->granted && it_tcp_le(c->room_edge, it_tcp_data_end(c));
}

void it_tcp_note_still(it_tcp_conn *c, it_time now)
{
    if (stands_still(c)) {
        c->still_at = c->still_at == IT_NEVER ? now : c->still_at;
        return;
    }
    if (c->still_at != IT_NEVER && now - c->still_at > c->still)
        c->still = now - c->still_at;
    c->still_at = IT_NEVER;
}

/* RFC 5682 section 3.1 step 2.b: new data first, small or not; where none can leave, what is lost is sent again. */
static void send_held(it_tcp_conn *c, it_time now)
{
    while (it_tcp_flight(c) < c->cwnd && it_tcp_send_new(c, now))
        continue;
    c->hold = it_tcp_lt(c->recover, c->snd_nxt);
    c->frto = c->hold;
}

void it_tcp_output(it_tcp_conn *c, it_time now)
{
    it_tcp_chunk k;
    if (c->state == IT_TCP_CLOSED)
        return;
    look_at_mtu(c, now);
    if (c->snd_nxt == c->snd_una && wants_to_send(c))
        it_tcp_cc_idle(c, now);
    uint32_t sent = 0;
    if (c->hold)
        send_held(c, now);
    while (pick_chunk(c, &k)) {
        if (!send_chunk(c, now, &k))
            break;
        sent++;
    }
    bool full = it_tcp_flight(c) >= c->cwnd;
    if (may_send(c) && (sent || full))
        it_tcp_cc_used(c, now, full);
    if (c->ack_now)
        it_tcp_send_ack(c, now);
    if (c->state != IT_TCP_TIME_WAIT)
        set_timers(c, now);
    it_tcp_note_still(c, now);
    it_tcp_arm(c, now);
}
