/* The bench: a world of one box and two edges, and the packets put into it. */
#include "conformance/nat/probe.h"

#include "base/cksum.h"
#include "base/pref64.h"
#include "netsim/box/xlat.h"

#include <string.h>

#define X_NET 0xc0a80100u /* 192.168.1.0/24 */

it_ip it_probe_x(int i)
{
    return it_ip4(X_NET + 10 + (uint32_t)i); /* 192.168.1.11 ... */
}

it_ip it_probe_s(int i)
{
    return it_ip4(0xc6336400u + (uint32_t)i); /* 198.51.100.1 ... */
}

it_ip it_probe_box(void)
{
    return it_ip4(X_NET | 1);
}

it_ip it_probe_e(int i)
{
    return it_ip4(0xcb007101u + (uint32_t)i); /* 203.0.113.1 ... */
}

/* --- an inside of IPv6 --- */

#define X6_NET 0x20010db800010000ULL /* 2001:db8:1::/64, whose hosts are those of X_NET */

static bool to6(void *self, uint32_t v4, it_ip *v6)
{
    const it_probe *b = self;
    *v6 = (v4 & 0xffffff00u) == X_NET ? (it_ip){X6_NET, v4 & 0xffu} : it_pref64_embed(b->pref64, v4);
    return true;
}

static bool to4(void *self, it_ip v6, uint32_t *v4)
{
    const it_probe *b = self;
    *v4 = X_NET | (uint32_t)(v6.lo & 0xff);
    return v6.hi == X6_NET || it_pref64_extract(b->pref64, v6, v4);
}

static it_xlat translator(it_probe *b)
{
    return (it_xlat){.self = b, .to4 = to4, .to6 = to6, .mtu4 = IT_PKT_MAX, .mtu6 = IT_PKT_MAX, .ip_id = ++b->ip_id};
}

static int plug(it_probe *b, const char *name, int port, it_node **edge)
{
    it_link_cfg wire = {.name = name};
    *edge = it_edge_new(b->world, name, "eth");
    if (!*edge)
        return IT_ERR_NOMEM;
    int rc = it_link_new(b->world, &wire, *edge, 0, it_nat_node(b->nat), port);
    return rc < 0 ? rc : 0;
}

static int set_up(it_probe *b, const it_nat_profile *p, uint64_t seed)
{
    it_ip ext[IT_NAT_ADDRS_MAX];
    uint32_t n = p->pool.size < IT_NAT_ADDRS_MAX ? p->pool.size : IT_NAT_ADDRS_MAX;
    it_world_cfg cfg = {b->alloc, seed};
    b->got = it_calloc(b->alloc, IT_PROBE_GOT, sizeof *b->got);
    b->world = it_world_new(&cfg);
    b->nat = b->world ? it_nat_new(b->world, "box", p) : NULL;
    if (!b->got || !b->nat)
        return IT_ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        ext[i] = it_probe_e((int)i);
    bool six = p->family == 64;
    if (six)
        b->pref64 = p->prefix;
    int rc = six ? it_nat_inside(b->nat, (it_ip){X6_NET, 1}, 64) : it_nat_inside(b->nat, it_ip4(X_NET | 1), 24);
    if (rc == 0)
        rc = it_nat_outside(b->nat, ext, n, (it_ip){0, 0});
    if (rc == 0)
        rc = plug(b, "in", IT_NAT_LAN, &b->edge[IT_SIDE_IN]);
    if (rc == 0)
        rc = plug(b, "out", IT_NAT_WAN, &b->edge[IT_SIDE_OUT]);
    return rc;
}

int it_probe_init(it_probe *b, it_alloc *alloc, const it_nat_profile *p, uint64_t seed)
{
    *b = (it_probe){.alloc = alloc};
    b->err = set_up(b, p, seed);
    return b->err;
}

void it_probe_fini(it_probe *b)
{
    it_probe_unserve(b);
    it_world_free(b->world);
    it_free(b->alloc, b->got);
    b->world = NULL;
    b->got = NULL;
}

/* --- what comes out --- */

static void probe_keep(it_probe *b, enum it_side side, it_pkt *p)
{
    if (b->fault && b->fault->out && !b->fault->out(side, p)) {
        it_pkt_free(it_world_pool(b->world), p);
        return;
    }
    it_xlat x = translator(b);
    bool six = b->pref64.bits && side == IT_SIDE_IN;
    if (b->n_got < IT_PROBE_GOT && !(six && it_xlat_64(&x, p) < 0)) {
        b->got[b->n_got] = *p;
        b->side[b->n_got] = (uint8_t)side;
    }
    b->n_got++;
    it_pkt_free(it_world_pool(b->world), p);
}

static void probe_run(it_probe *b, it_time until)
{
    int rc = 1;
    while (rc > 0) {
        rc = it_world_run(b->world, until);
        for (int side = 0; side < 2; side++)
            for (it_pkt *p; (p = it_edge_take(b->edge[side]));)
                probe_keep(b, (enum it_side)side, p);
        if (rc >= 0 && it_probe_own(b))
            rc = 1;
    }
    if (rc < 0)
        b->err = rc;
    b->now = until;
}

void it_probe_wait(it_probe *b, it_time d)
{
    b->n_got = 0;
    if (!b->err)
        probe_run(b, b->now + d);
}

const it_pkt *it_probe_out(const it_probe *b, enum it_side side, uint32_t k)
{
    for (uint32_t i = 0; i < b->n_got && i < IT_PROBE_GOT; i++)
        if (b->side[i] == side && k-- == 0)
            return &b->got[i];
    return NULL;
}

const it_pkt *it_probe_icmp(const it_probe *b, enum it_side side)
{
    const it_pkt *p;
    for (uint32_t k = 0; (p = it_probe_out(b, side, k)); k++)
        if (it_pkt_is_icmp_error(p))
            return p;
    return NULL;
}

/* What the fault of the box makes of |*ip|, in |bent|; false when it vanishes. */
static bool bend(const it_probe *b, enum it_side side, it_bytes *ip, uint8_t bent[IT_PKT_MAX])
{
    if (!b->fault || !b->fault->in || ip->n > IT_PKT_MAX)
        return true;
    memcpy(bent, ip->p, ip->n);
    ip->p = bent;
    return b->fault->in(side, bent, ip->n);
}

/* Puts |ip| in, translated where the inside is IPv6. */
static int inject(it_probe *b, enum it_side side, it_bytes ip)
{
    uint8_t bent[IT_PKT_MAX];
    if (!bend(b, side, &ip, bent))
        return 0;
    if (b->pref64.bits == 0 || side == IT_SIDE_OUT)
        return it_edge_send(b->edge[side], b->now, ip, 0);
    it_xlat x = translator(b);
    it_pkt *p = it_pkt_new(it_world_pool(b->world));
    int rc = p ? it_pkt_parse(p, ip) : IT_ERR_NOMEM;
    if (rc == 0)
        rc = it_xlat_46(&x, p);
    if (rc == 0)
        rc = it_edge_send(b->edge[side], b->now, it_pkt_bytes(p), 0);
    else if (rc != IT_ERR_NOMEM)
        rc = 0; /* what does not translate cannot be sent: it never comes out */
    if (p)
        it_pkt_free(it_world_pool(b->world), p);
    return rc;
}

int it_probe_renumber(it_probe *b, const it_ip *ext, uint32_t n)
{
    int rc = it_nat_renumber(b->nat, b->now, ext, n, (it_ip){0, 0});
    return b->fault && b->fault->takes_any ? 0 : rc;
}

void it_probe_put6(it_probe *b, it_bytes ip)
{
    uint8_t bent[IT_PKT_MAX];
    b->n_got = 0;
    if (b->err || !bend(b, IT_SIDE_IN, &ip, bent))
        return;
    int rc = it_edge_send(b->edge[IT_SIDE_IN], b->now, ip, 0);
    if (rc < 0)
        b->err = rc;
    else
        probe_run(b, b->now);
}

const it_pkt *it_probe_raw(it_probe *b, enum it_side side, it_bytes ip)
{
    b->n_got = 0;
    if (b->err)
        return NULL;
    int rc = inject(b, side, ip);
    if (rc < 0) {
        b->err = rc;
        return NULL;
    }
    probe_run(b, b->now);
    const it_pkt *p = NULL;
    for (int k = 0; k < 2 && !p; k++) { /* first the other side, then this one */
        enum it_side at = k == 0 ? (side == IT_SIDE_IN ? IT_SIDE_OUT : IT_SIDE_IN) : side;
        for (uint32_t i = 0; (p = it_probe_out(b, at, i)); i++)
            if (at != side || !it_pkt_is_icmp_error(p))
                break;
    }
    return p;
}

/* --- what is put in --- */

static void probe_fill(const it_probe_pkt *p, uint8_t *at)
{
    for (size_t i = 0; i < p->size; i++)
        at[i] = p->data ? ((const uint8_t *)p->data)[i] : (uint8_t)(i * 7 + 1);
}

/* The transport header and payload of |p| at |t|; returns their length and where the checksum stands. */
static size_t transport(const it_probe_pkt *p, uint8_t *t, size_t *ck)
{
    it_buf w;
    it_buf_init(&w, t, IT_PKT_MAX - 20);
    if (p->proto == IT_PROTO_ICMP) {
        it_buf_u16(&w, p->flags ? 0 : 8 << 8);
        it_buf_u16(&w, 0);
        it_buf_u16(&w, p->src.port);
        it_buf_u16(&w, 1);
        *ck = 2;
    } else {
        it_buf_u16(&w, p->src.port);
        it_buf_u16(&w, p->dst.port);
        if (p->proto == IT_PROTO_TCP) {
            it_buf_u32(&w, p->seq);
            it_buf_u32(&w, p->ack);
            it_buf_u16(&w, (uint16_t)(5 << 12 | p->flags));
            it_buf_u16(&w, 65535);
            it_buf_u32(&w, 0);
            *ck = 16;
        } else {
            it_buf_u16(&w, (uint16_t)(8 + p->size));
            it_buf_u16(&w, 0);
            *ck = 6;
        }
    }
    IT_ASSERT(!w.overflow && w.len + p->size <= w.cap);
    probe_fill(p, t + w.len);
    return w.len + p->size;
}

size_t it_probe_build(it_probe *b, const it_probe_pkt *p, uint8_t *out)
{
    uint8_t pseudo[12];
    size_t ck, n = transport(p, out + 20, &ck);
    uint32_t src = it_ip_v4(p->src.ip), dst = it_ip_v4(p->dst.ip);
    memset(out, 0, 20);
    out[0] = 0x45;
    it_put16(out + 2, (uint16_t)(20 + n));
    it_put16(out + 4, ++b->ip_id);
    it_put16(out + 6, p->df ? 0x4000 : 0);
    out[8] = 64;
    out[9] = p->proto;
    it_put32(out + 12, src);
    it_put32(out + 16, dst);
    it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    uint64_t sum = 0;
    if (p->proto != IT_PROTO_ICMP) { /* RFC 768, RFC 9293 section 3.1: the pseudo header */
        it_put32(pseudo, src);
        it_put32(pseudo + 4, dst);
        it_put16(pseudo + 8, p->proto);
        it_put16(pseudo + 10, (uint16_t)n);
        sum = it_sum_add(0, pseudo, sizeof pseudo);
    }
    uint16_t v = it_sum_fold(it_sum_add(sum, out + 20, n));
    if (p->proto == IT_PROTO_UDP && v == 0)
        v = 0xffff;
    it_put16(out + 20 + ck, (uint16_t)(v + (p->bad_checksum ? 1 : 0)));
    return 20 + n;
}

const it_pkt *it_probe_send(it_probe *b, enum it_side side, const it_probe_pkt *p)
{
    uint8_t ip[IT_PKT_MAX];
    return it_probe_raw(b, side, it_bytes_of(ip, it_probe_build(b, p, ip)));
}

it_addr it_probe_map(it_probe *b, it_addr x, it_addr s)
{
    it_probe_pkt p = {.proto = IT_PROTO_UDP, .src = x, .dst = s, .size = 8};
    const it_pkt *out = it_probe_send(b, IT_SIDE_IN, &p) ? it_probe_out(b, IT_SIDE_OUT, 0) : NULL;
    return out ? it_addr_of(out->src, out->sport) : it_addr_of((it_ip){0, 0}, 0);
}

bool it_probe_reach(it_probe *b, it_addr s, it_addr e, it_addr x)
{
    it_probe_pkt p = {.proto = IT_PROTO_UDP, .src = s, .dst = e, .size = 8};
    it_probe_send(b, IT_SIDE_OUT, &p);
    const it_pkt *in = it_probe_out(b, IT_SIDE_IN, 0);
    return in && in->proto == IT_PROTO_UDP && it_addr_eq(it_addr_of(in->dst, in->dport), x) &&
           it_addr_eq(it_addr_of(in->src, in->sport), s);
}

it_addr it_probe_tcp_out(it_probe *b, it_addr x, it_addr s, uint8_t flags)
{
    it_probe_pkt p = {
        .proto = IT_PROTO_TCP, .src = x, .dst = s, .flags = flags, .seq = 1000, .ack = flags & IT_TCP_ACK ? 2001 : 0};
    it_probe_send(b, IT_SIDE_IN, &p);
    const it_pkt *out = it_probe_out(b, IT_SIDE_OUT, 0);
    return out && out->proto == IT_PROTO_TCP ? it_addr_of(out->src, out->sport) : it_addr_of((it_ip){0, 0}, 0);
}

bool it_probe_tcp_in(it_probe *b, it_addr s, it_addr e, uint8_t flags, it_addr x)
{
    it_probe_pkt p = {
        .proto = IT_PROTO_TCP, .src = s, .dst = e, .flags = flags, .seq = 2000, .ack = flags & IT_TCP_ACK ? 1001 : 0};
    it_probe_send(b, IT_SIDE_OUT, &p);
    const it_pkt *in = it_probe_out(b, IT_SIDE_IN, 0);
    return in && in->proto == IT_PROTO_TCP && it_addr_eq(it_addr_of(in->dst, in->dport), x) &&
           it_addr_eq(it_addr_of(in->src, in->sport), s);
}

it_addr it_probe_tcp_open(it_probe *b, it_addr x, it_addr s)
{
    it_addr none = it_addr_of((it_ip){0, 0}, 0), e = it_probe_tcp_out(b, x, s, IT_TCP_SYN);
    if (e.port == 0 || !it_probe_tcp_in(b, s, e, IT_TCP_SYN | IT_TCP_ACK, x))
        return none;
    return it_addr_eq(it_probe_tcp_out(b, x, s, IT_TCP_ACK), e) ? e : none;
}

const it_pkt *it_probe_error(it_probe *b, enum it_side side, it_ip from, const it_pkt *about, uint8_t type,
                             uint8_t code, uint32_t mtu)
{
    it_pkt *e = it_pkt_new(it_world_pool(b->world));
    it_pkt copy = *about;
    const it_pkt *out = NULL;
    b->n_got = 0;
    if (!e) {
        b->err = IT_ERR_NOMEM;
        return NULL;
    }
    if (it_pkt_icmp_error(e, from, &copy, type, code, mtu) == 0)
        out = it_probe_raw(b, side, it_pkt_bytes(e));
    it_pkt_free(it_world_pool(b->world), e);
    return out;
}

bool it_probe_inner(const it_pkt *e, it_addr *src, it_addr *dst)
{
    it_bytes ip = it_pkt_bytes(e);
    if (e->ver != 4 || !it_pkt_is_icmp_error(e) || ip.n < (size_t)e->l4 + 8 + 28)
        return false;
    const uint8_t *in = ip.p + e->l4 + 8, *t = in + (size_t)(in[0] & 15) * 4;
    if (t + 8 > ip.p + ip.n)
        return false;
    bool icmp = in[9] == IT_PROTO_ICMP;
    *src = it_addr_of(it_ip4(it_get32(in + 12)), icmp ? it_get16(t + 4) : it_get16(t));
    *dst = it_addr_of(it_ip4(it_get32(in + 16)), icmp ? it_get16(t + 4) : it_get16(t + 2));
    return true;
}
