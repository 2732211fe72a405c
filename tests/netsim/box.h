/* A box between two raw edges, driven packet by packet: what goes in on one side, what comes out on which.
 *
 * The edges lie on wires without delay, so everything a packet causes has happened when a call returns. Addresses are
 * written as text: "10.0.0.2:5000". Every packet that arrives is checked: lengths, header and transport checksums, no
 * fault of the box may go by. */
#ifndef IT_TESTS_NETSIM_BOX_H
#define IT_TESTS_NETSIM_BOX_H

#include "base/cksum.h"
#include "netsim/fw/firewall.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "netsim/core/world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define BOX_GOT 64

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

/* A packet that came out. */
typedef struct out_pkt {
    int side; /* IT_NAT_LAN, IT_NAT_WAN */
    it_pkt p;
} out_pkt;

typedef struct box {
    it_alloc alloc;
    it_world *w;
    it_nat *nat;
    it_fw *fw;
    it_node *edge[2];
    int link[2];
    out_pkt got[BOX_GOT];
    size_t n_got;
    uint32_t n_drops;
    enum it_drop drop; /* the last one */
    char why[80];
} box;

static inline it_addr A(const char *text)
{
    it_addr a;
    ck_assert_msg(it_addr_parse(&a, text) == 0, "%s", text);
    return a;
}

static inline it_ip I(const char *text)
{
    it_ip ip;
    ck_assert_msg(it_ip_parse(&ip, text) == 0, "%s", text);
    return ip;
}

static inline void box_see(void *self, const it_seen_packet *s)
{
    box *b = self;
    if (s->kind != IT_SEEN_DROP)
        return;
    b->n_drops++;
    b->drop = s->reason;
    snprintf(b->why, sizeof b->why, "%s", s->note ? s->note : "");
}

static inline void box_start(box *b, uint64_t seed)
{
    memset(b, 0, sizeof *b);
    it_alloc_init(&b->alloc);
    b->w = it_world_new(&(it_world_cfg){&b->alloc, seed});
    ck_assert_ptr_nonnull(b->w);
    ck_assert_int_eq(it_world_observe(b->w, (it_observer){b, box_see}), 0);
}

static inline void box_wire(box *b, it_node *node)
{
    static const char *const NAMES[] = {"inside", "outside"};
    for (int side = 0; side < 2; side++) {
        it_link_cfg cfg = {.name = NAMES[side]};
        b->edge[side] = it_edge_new(b->w, NAMES[side], "eth");
        ck_assert_ptr_nonnull(b->edge[side]);
        b->link[side] = it_link_new(b->w, &cfg, b->edge[side], 0, node, side);
        ck_assert_int_ge(b->link[side], 0);
    }
}

/* A NAT: inside 10.0.0.1/24, outside 203.0.113.1, .2, ... as many as its pool has. */
static inline void box_open_seed(box *b, const it_nat_profile *p, uint64_t seed)
{
    it_ip ext[IT_NAT_ADDRS_MAX];
    box_start(b, seed);
    b->nat = it_nat_new(b->w, "nat", p);
    ck_assert_msg(b->nat != NULL, "%s", it_nat_profile_fault(p) ? it_nat_profile_fault(p) : "no memory");
    box_wire(b, it_nat_node(b->nat));
    for (uint32_t i = 0; i < p->pool.size; i++)
        ext[i] = it_ip4(0xcb007101u + i);
    ck_assert_int_eq(it_nat_inside(b->nat, I("10.0.0.1"), 24), 0);
    ck_assert_int_eq(it_nat_outside(b->nat, ext, p->pool.size, (it_ip){0, 0}), 0);
}

static inline void box_open(box *b, const it_nat_profile *p)
{
    box_open_seed(b, p, 1);
}

static inline void box_open_fw(box *b, const it_fw_profile *p)
{
    box_start(b, 1);
    b->fw = it_fw_new(b->w, "fw", p);
    ck_assert_ptr_nonnull(b->fw);
    box_wire(b, it_fw_node(b->fw));
}

static inline void box_close(box *b)
{
    it_world_free(b->w);
    ck_assert_int_eq(b->alloc.live, 0);
}

/* Runs to |t|; what comes out is kept. */
static inline void box_at(box *b, it_time t)
{
    int err;
    while ((err = it_world_run(b->w, t)) == 1) {
        it_node *e = it_world_ready(b->w);
        it_pkt *p = it_edge_take(e);
        if (!p)
            continue;
        ck_assert_uint_lt(b->n_got, BOX_GOT);
        out_pkt *g = &b->got[b->n_got++];
        g->side = e == b->edge[IT_NAT_WAN];
        g->p = *p;
        it_pkt_free(it_world_pool(b->w), p);
        it_pkt again = g->p;
        ck_assert_int_eq(it_pkt_scan(&again), 0); /* header checksum and lengths */
        ck_assert(again.len == g->p.len && again.proto == g->p.proto && again.frag == g->p.frag);
        ck_assert(again.sport == g->p.sport && again.dport == g->p.dport);
        ck_assert(it_ip_eq(again.src, g->p.src) && it_ip_eq(again.dst, g->p.dst));
        ck_assert_msg(it_pkt_cksum_ok(&g->p), "transport checksum");
    }
    ck_assert_int_eq(err, 0);
}

/* Sends |ip| in through |side| now; what it causes is in b->got. */
static inline void box_put(box *b, int side, it_bytes ip)
{
    b->n_got = 0;
    b->n_drops = 0;
    b->drop = IT_DROP_NONE;
    b->why[0] = 0;
    ck_assert_int_eq(it_edge_send(b->edge[side], it_world_now(b->w), ip, 0), 0);
    box_at(b, it_world_now(b->w));
}

/* A UDP packet of |n| payload bytes that count up. */
static inline it_bytes box_udp_bytes(uint8_t out[IT_PKT_MAX], it_addr from, it_addr to, size_t n)
{
    uint8_t data[IT_PKT_MAX];
    it_pkt p;
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_udp(&p, from, to, it_bytes_of(data, n)), 0);
    memcpy(out, it_pkt_ip(&p), p.len);
    return it_bytes_of(out, p.len);
}

static inline void box_udp(box *b, int side, it_addr from, it_addr to)
{
    uint8_t buf[IT_PKT_MAX];
    box_put(b, side, box_udp_bytes(buf, from, to, 12));
}

/* The first packet that came out of |side|, NULL when none did. */
static inline it_pkt *box_got(box *b, int side)
{
    for (size_t i = 0; i < b->n_got; i++)
        if (b->got[i].side == side)
            return &b->got[i].p;
    return NULL;
}

static inline const char *addr_str(it_addr a, char out[IT_ADDR_TEXT])
{
    return it_addr_text(a, out);
}

/* Sends from inside and returns the external endpoint it left from; none when nothing came out. */
static inline it_addr udp_out(box *b, const char *from, const char *to)
{
    box_udp(b, IT_NAT_LAN, A(from), A(to));
    it_pkt *p = box_got(b, IT_NAT_WAN);
    if (!p || p->proto != IT_PROTO_UDP)
        return it_addr_of((it_ip){0, 0}, 0);
    ck_assert(it_addr_eq(it_addr_of(p->dst, p->dport), A(to)));
    return it_addr_of(p->src, p->sport);
}

/* Sends from outside and returns the internal endpoint it reached; none when nothing came in. */
static inline it_addr udp_in(box *b, const char *from, it_addr to)
{
    box_udp(b, IT_NAT_WAN, A(from), to);
    it_pkt *p = box_got(b, IT_NAT_LAN);
    if (!p || p->proto != IT_PROTO_UDP)
        return it_addr_of((it_ip){0, 0}, 0);
    ck_assert(it_addr_eq(it_addr_of(p->src, p->sport), A(from)));
    return it_addr_of(p->dst, p->dport);
}

#define ck_addr(got, want)                                                                                             \
    do {                                                                                                               \
        char g_[IT_ADDR_TEXT];                                                                                         \
        it_addr a_ = (got);                                                                                            \
        ck_assert_msg(it_addr_eq(a_, A(want)), "%s, not %s", addr_str(a_, g_), want);                                  \
    } while (0)
#define ck_none(got) ck_assert(it_ip_none((got).ip))
#define ck_some(got) ck_assert(!it_ip_none((got).ip))

/* A TCP segment: flags, sequence and acknowledgment numbers, |n| bytes of data. */
typedef struct seg {
    it_addr from, to;
    uint8_t flags;
    uint32_t seq, ack;
    size_t n;
} seg;

static inline uint64_t box_pseudo(it_ip src, it_ip dst, uint8_t proto, size_t n)
{
    uint8_t a[16], c[16];
    size_t na = it_ip_to_bytes(src, a), nc = it_ip_to_bytes(dst, c);
    return it_sum_add(it_sum_add(proto + n, a, na), c, nc);
}

/* |p| becomes an IP packet of |proto| with |n| bytes of |data| behind its header; no transport checksum is made. */
static inline it_bytes box_ip_bytes(uint8_t out[IT_PKT_MAX], it_ip src, it_ip dst, uint8_t proto, it_bytes data)
{
    bool v4 = it_ip_is4(src);
    size_t h = v4 ? 20 : 40;
    memset(out, 0, h);
    out[0] = v4 ? 0x45 : 0x60;
    if (v4) {
        it_put16(out + 2, (uint16_t)(20 + data.n));
        out[6] = 0x40;
        out[8] = 64;
        out[9] = proto;
        it_ip_to_bytes(src, out + 12);
        it_ip_to_bytes(dst, out + 16);
        it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    } else {
        it_put16(out + 4, (uint16_t)data.n);
        out[6] = proto;
        out[7] = 64;
        it_ip_to_bytes(src, out + 8);
        it_ip_to_bytes(dst, out + 24);
    }
    memcpy(out + h, data.p, data.n);
    return it_bytes_of(out, h + data.n);
}

static inline it_bytes box_tcp_bytes(uint8_t out[IT_PKT_MAX], const seg *s)
{
    uint8_t t[IT_PKT_MAX] = {0};
    it_put16(t, s->from.port);
    it_put16(t + 2, s->to.port);
    it_put32(t + 4, s->seq);
    it_put32(t + 8, s->ack);
    t[12] = 0x50;
    t[13] = s->flags;
    it_put16(t + 14, 60000);
    for (size_t i = 0; i < s->n; i++)
        t[20 + i] = (uint8_t)(i + 3);
    uint64_t sum = box_pseudo(s->from.ip, s->to.ip, IT_PROTO_TCP, 20 + s->n);
    it_put16(t + 16, it_sum_fold(it_sum_add(sum, t, 20 + s->n)));
    return box_ip_bytes(out, s->from.ip, s->to.ip, IT_PROTO_TCP, it_bytes_of(t, 20 + s->n));
}

static inline void box_tcp(box *b, int side, const seg *s)
{
    uint8_t buf[IT_PKT_MAX];
    box_put(b, side, box_tcp_bytes(buf, s));
}

/* An ICMP query of |type| with identifier |id|. */
static inline void box_query(box *b, int side, it_ip from, it_ip to, uint8_t type, uint16_t id)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    it_pkt_icmp_msg m = {
        .src = from, .dst = to, .type = type, .rest = (uint32_t)id << 16 | 7, .body = it_bytes_str("data")};
    ck_assert_int_eq(it_pkt_icmp(&p, &m), 0);
    box_put(b, side, it_pkt_bytes(&p));
}

/* An ICMP error |type|, |code| from |from| about |about|, which came out of the box, sent in through |side|. */
static inline void box_error(box *b, int side, it_ip from, const it_pkt *about, uint8_t type, uint8_t code)
{
    it_pkt p, copy = *about;
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&p, from, &copy, type, code, 1280), 0);
    box_put(b, side, it_pkt_bytes(&p));
}

/* The packet inside ICMP error |e|. Only its first bytes are there. */
typedef struct inner_of {
    it_addr src, dst;
    uint8_t proto;
} inner_of;

static inline inner_of box_inner(it_pkt *e)
{
    const uint8_t *ip = it_pkt_l4(e) + 8;
    bool v4 = ip[0] >> 4 == 4;
    size_t h = v4 ? (size_t)(ip[0] & 15) * 4 : 40, at = v4 ? 12 : 8, w = v4 ? 4 : 16;
    inner_of in = {.proto = ip[v4 ? 9 : 6]};
    if (v4)
        ck_assert_uint_eq(it_sum_fold(it_sum_add(0, ip, h)), 0);
    in.src = it_addr_of(it_ip_from_bytes(ip + at, w), it_get16(ip + h));
    in.dst = it_addr_of(it_ip_from_bytes(ip + at + w, w), it_get16(ip + h + 2));
    return in;
}

#endif
