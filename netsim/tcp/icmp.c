/* ICMP errors about TCP segments, and the path MTU: RFC 9293 section 3.9.2.2, RFC 1191, RFC 8201, RFC 5927. */
#include "netsim/core/link.h"
#include "netsim/tcp/impl.h"

#define PMTU_MIN4 88   /* RFC 791 has 68, into which no data goes when all options are there */
#define PMTU_MIN6 1280 /* RFC 8200 section 5 */

uint32_t it_tcp_link_mtu(const it_tcp_conn *c)
{
    int iface = it_host_iface_of(c->h, c->local.ip);
    return iface < 0 ? (c->pmtu ? c->pmtu : IT_PKT_MAX) : it_link_mtu(&c->h->node, iface);
}

/* RFC 9293 section 3.7.1: what the peer takes, what the path takes, what the socket wants; options come off it. */
void it_tcp_set_mss(it_tcp_conn *c)
{
    bool v4 = it_ip_is4(c->local.ip);
    uint32_t peer = c->peer_mss ? c->peer_mss : v4 ? 536 : 1220; /* MUST-15 */
    uint32_t mss = it_tcp_less(peer, c->pmtu - (v4 ? 40 : 60));
    if (c->o.mss)
        mss = it_tcp_less(mss, c->o.mss);
    c->base_mss = mss > TCP_OPTIONS + 8 ? mss : TCP_OPTIONS + 8; /* so that with all options a segment still has data */
    c->mss = c->base_mss - (c->ts ? 12 : 0);
}

/* RFC 1191 section 6.5: what was too big is sent again at once, and this is no sign of congestion. */
void it_tcp_set_pmtu(it_tcp_conn *c, it_time now, uint32_t mtu)
{
    c->pmtu = mtu;
    c->pmtu_till = now + TCP_PMTU_AGE;
    it_tcp_set_mss(c);
    c->timer[TCP_T_RTO] = IT_NEVER;
    it_tcp_sent_forget(c);
    c->plp.size = 0;
    if (c->recovery == TCP_FAST) {
        c->recovery = TCP_OPEN;
        c->cwnd = c->ssthresh;
    }
}

static uint32_t head_bytes(const it_tcp_conn *c)
{
    return it_ip_is4(c->local.ip) ? 40 : 60;
}

void it_tcp_suspect_blackhole(it_tcp_conn *c, it_time now)
{
    uint32_t mtu = c->base_mss > 1024 ? 1024 + 40 : 512 + 40, was = c->pmtu;
    if (!it_ip_is4(c->local.ip))
        mtu = PMTU_MIN6;
    bool smaller = mtu < c->pmtu && mtu - head_bytes(c) < c->base_mss;
    /* Linux waits as long as four time-outs of the least length would take, from the first repetition on. */
    bool late = c->again_stamped && it_tcp_ts_now(c, now) - c->again_ts >= 15 * (uint32_t)(c->o.rto_min / IT_MS);
    if (c->backoff < 3 || !late || it_tcp_outstanding(c) < c->mss || !smaller)
        return;
    it_tcp_set_pmtu(c, now, mtu);
    c->plp = (it_tcp_plp){.on = true, .low = mtu, .high = was - 1};
}

/* --- RFC 4821: what does the path take? --- */

#define PLP_CLOSE 8 /* bytes: the search is over */
#define PLP_CWND 11 /* segments: with fewer a lost probe may end in a time-out, section 7.4 */

/* Section 7.3: half way between what passes and what does not. */
static uint32_t plp_size(const it_tcp_plp *p)
{
    return p->low + (p->high - p->low) / 2;
}

/* Section 7.4: only while nothing is lost. */
static bool plp_may(const it_tcp_conn *c)
{
    const it_tcp_plp *p = &c->plp;
    if (!p->on || p->size || p->high < p->low + PLP_CLOSE)
        return false;
    return c->recovery == TCP_OPEN && c->out.sacked == 0 && c->out.due == 0;
}

/* And with enough behind the probe that its loss is seen. */
uint32_t it_tcp_plp_due(const it_tcp_conn *c)
{
    const it_tcp_plp *p = &c->plp;
    if (!plp_may(c))
        return 0;
    uint32_t len = plp_size(p) - head_bytes(c) - (c->base_mss - c->mss), need = len + (c->dup_thresh + 1) * c->mss;
    bool data = it_tcp_le(c->snd_nxt + need, it_tcp_data_end(c)) && c->snd_nxt == c->snd_max;
    bool room = it_tcp_le(c->snd_nxt + need, c->snd_una + c->snd_wnd);
    return data && room && c->cwnd >= PLP_CWND && it_tcp_flight(c) + 2 <= c->cwnd ? len : 0;
}

void it_tcp_plp_sent(it_tcp_conn *c, uint32_t lo, uint32_t len)
{
    c->plp.size = plp_size(&c->plp);
    c->plp.lo = lo;
    c->plp.hi = lo + len;
}

/* Section 7.6.1: that size passes. The window keeps its bytes. */
void it_tcp_plp_ack(it_tcp_conn *c)
{
    it_tcp_plp *p = &c->plp;
    uint32_t was = c->mss;
    if (p->size == 0 || it_tcp_lt(c->snd_una, p->hi))
        return;
    p->low = c->pmtu = p->size;
    p->size = 0;
    it_tcp_set_mss(c);
    uint32_t cwnd = (uint32_t)((uint64_t)c->cwnd * was / c->mss);
    c->cwnd = cwnd > 1 ? cwnd : 1;
}

/* Section 7.6.2: that size does not pass, while what left behind it did. */
bool it_tcp_plp_lost(it_tcp_conn *c)
{
    it_tcp_plp *p = &c->plp;
    uint32_t i;
    if (p->size == 0 || !it_tcp_sent_due(c, &i) || it_tcp_sent_at(&c->out, i)->lo != p->lo || c->out.due > 1)
        return false;
    p->high = p->size - 1;
    p->size = 0;
    c->recovery = TCP_LOSS; /* its bytes are sent again, and the window stays as it is */
    c->recover = c->snd_nxt;
    c->may_undo = c->frto = false;
    return true;
}

enum verdict { SOFT, HARD, TOO_BIG, IGNORE };

/* RFC 9293 section 3.9.2.2 and RFC 5461; administrative prohibitions count as hard, as everywhere. */
static const struct rule {
    uint8_t ver, type, code_lo, code_hi;
    enum verdict verdict;
} RULES[] = {
    {4, 3, 4, 4, TOO_BIG}, {4, 3, 2, 3, HARD},    {4, 3, 9, 10, HARD},   {4, 3, 13, 13, HARD}, {4, 3, 0, 255, SOFT},
    {4, 11, 0, 1, SOFT},   {4, 12, 0, 255, SOFT}, {6, 2, 0, 0, TOO_BIG}, {6, 1, 1, 1, HARD},   {6, 1, 4, 4, HARD},
    {6, 1, 0, 255, SOFT},  {6, 3, 0, 1, SOFT},    {6, 4, 0, 255, SOFT}, /* source quench, redirect: MUST-55 and not
                                                                           TCP's */
};

static enum verdict verdict_of(uint8_t ver, uint8_t type, uint8_t code)
{
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (RULES[i].ver == ver && RULES[i].type == type && code >= RULES[i].code_lo && code <= RULES[i].code_hi)
            return RULES[i].verdict;
    return IGNORE;
}

/* The connection of the segment quoted at |in|, and its sequence number. */
static it_tcp_conn *quoted_conn(const it_host *h, const it_pkt *p, it_bytes in, uint32_t *seq, uint32_t *len)
{
    /* Where the two versions have their addresses, the next protocol and the length. */
    static const struct {
        uint8_t width, addrs, proto, len, more;
    } AT[] = {{4, 12, 9, 2, 0}, {16, 8, 6, 4, 40}};
    bool six = p->ver != 4;
    size_t w = AT[six].width, at = AT[six].addrs;
    if (in.n == 0)
        return NULL;
    size_t ihl = six ? 40 : (size_t)(in.p[0] & 15) * 4;
    if (ihl < 20 || in.n < ihl + 8 || in.p[AT[six].proto] != IT_PROTO_TCP)
        return NULL;
    it_addr local = it_addr_of(it_ip_from_bytes(in.p + at, w), it_get16(in.p + ihl));
    it_addr remote = it_addr_of(it_ip_from_bytes(in.p + at + w, w), it_get16(in.p + ihl + 2));
    *seq = it_get32(in.p + ihl + 4);
    *len = (uint32_t)it_get16(in.p + AT[six].len) + AT[six].more;
    return it_tcp_find(h, local, remote);
}

/* RFC 1191 section 5: routers of old name no MTU; then the next smaller of the plateaus. */
static uint32_t plateau(uint32_t len)
{
    static const uint16_t table[] = {1492, 1006, 508, 296, PMTU_MIN4};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i] < len)
            return table[i];
    return PMTU_MIN4;
}

/* RFC 4821 section 7.1: the search takes what ICMP says. */
static void plp_told(it_tcp_plp *p, uint32_t mtu)
{
    if (p->on && mtu < p->high)
        p->high = mtu;
    if (p->on && mtu < p->low)
        p->low = mtu;
}

static void too_big(it_tcp_conn *c, it_time now, const it_pkt *p, uint32_t len)
{
    uint32_t mtu = it_get32(p->buf + p->head + p->l4 + 4), least = p->ver == 4 ? PMTU_MIN4 : PMTU_MIN6;
    if (p->ver == 4)
        mtu = (mtu & 0xffff) ? mtu & 0xffff : plateau(len);
    if (mtu < least) /* RFC 8201 section 4: nothing below the minimum is believed */
        mtu = least;
    if (!c->o.pmtu)
        return;
    plp_told(&c->plp, mtu);
    if (mtu >= c->pmtu)
        return;
    it_tcp_set_pmtu(c, now, mtu);
    if (c->state == IT_TCP_SYN_SENT || c->state == IT_TCP_SYN_RCVD)
        c->snd_nxt = c->iss;
    it_tcp_output(c, now);
}

void it_tcp_icmp(it_host *h, it_time now, it_pkt *p)
{
    const uint8_t *l4 = p->buf + p->head + p->l4;
    uint32_t seq = 0, len = 0;
    it_tcp_conn *c = quoted_conn(h, p, it_bytes_of(l4 + 8, (size_t)p->len - p->l4 - 8), &seq, &len);
    /* RFC 5927 section 4.1: only about something that is under way. */
    if (!c || it_tcp_lt(seq, c->snd_una) || !it_tcp_lt(seq, c->snd_max))
        return;
    bool opening = c->state == IT_TCP_SYN_SENT || c->state == IT_TCP_SYN_RCVD;
    enum verdict v = verdict_of(p->ver, l4[0], l4[1]);
    if (v == TOO_BIG) {
        too_big(c, now, p, len);
    } else if (v == HARD && opening) {
        it_tcp_fail(c, IT_TCP_UNREACHABLE, l4[0], l4[1]);
    } else if (v != IGNORE) { /* MUST-56; RFC 5927 section 5.2: a synchronized connection survives hard errors too */
        it_host_event ev = {
            .kind = IT_HOST_ICMP, .socket = c->socket, .iface = (int)p->at, .local = c->local, .remote = c->remote};
        c->soft_type = ev.icmp_type = l4[0];
        c->soft_code = ev.icmp_code = l4[1];
        ev.packet = p->id;
        if (c->user && it_host_push(h, ev) < 0)
            it_node_oom(&h->node);
    }
}
