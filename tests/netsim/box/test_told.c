/* Every box tells the sender: for each kind, each direction, each family, a packet whose hop limit ends there and one
 * too big for the link behind it. The error reaches who sent it, and quotes what that one sent. */
#include "netsim/box/router.h"

#include "tests/netsim/box.h"

static box B;
static uint32_t N_BOXES;

enum { IN, OUT };
#define SMALL 1300

/* --- worlds: inside edge, boxes, outside edge --- */

typedef struct kind {
    const char *name;
    void (*boxes)(it_node *chain[3], uint32_t *n); /* makes them, from inside out; port 0 is inside, 1 outside */
    const char *inside, *outside;                  /* ends as themselves know them */
    const char *to_outside;                        /* the outside end as the inside knows it; NULL: the same */
    uint32_t hops;                                 /* that a packet has to lose on its way, of the last box 1 */
    bool no_hops;                                  /* a wire: it takes nothing off the hop limit */
} kind;

#define I4 "10.0.0.2:5000"
#define I6 "[fd01:203:405:1::1234]:5000"
#define O4 "198.51.100.1:3478"
#define O6 "[2001:db8:9::9]:3478"

static it_node *make_router(const char *name)
{
    it_node *r = it_router_new(B.w, name);
    ck_assert(r && it_node_add_port(r, "in") == 0 && it_node_add_port(r, "out") == 1);
    ck_assert(!it_router_addr(r, 0, I("10.0.0.254")) && !it_router_addr(r, 1, I("192.0.2.1")));
    ck_assert(!it_router_addr(r, 0, I("fd01:203:405:1::1")) && !it_router_addr(r, 1, I("2001:db8:2::1")));
    static const char *const INSIDE[] = {"10.0.0.0", "203.0.113.0", "fd01:203:405::", "2001:db8:1::"};
    static const uint8_t BITS[] = {96 + 8, 96 + 24, 48, 48};
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(it_router_route(r, (it_prefix){I(INSIDE[i]), BITS[i]}, 0, (it_ip){0, 0}), 0);
    ck_assert_int_eq(it_router_route(r, (it_prefix){I("198.51.100.0"), 96 + 24}, 1, (it_ip){0, 0}), 0);
    ck_assert_int_eq(it_router_route(r, (it_prefix){I("2001:db8:9::"), 48}, 1, (it_ip){0, 0}), 0);
    return r;
}

static it_nat *make_nat(const char *name, uint8_t family, const char *prefix, const char *own, uint8_t bits,
                        const char *ext)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.family = family;
    if (prefix)
        ck_assert_int_eq(it_prefix_parse(&p.prefix, prefix), 0);
    if (family == 66)
        p.udp.filtering = p.tcp.filtering = IT_NAT_EI;
    it_nat *nat = it_nat_new(B.w, name, &p);
    ck_assert_msg(nat != NULL, "%s", it_nat_profile_fault(&p) ? it_nat_profile_fault(&p) : "");
    ck_assert_int_eq(it_nat_inside(nat, I(own), bits), 0);
    if (ext) {
        it_ip addr = I(ext);
        ck_assert_int_eq(it_nat_outside(nat, &addr, 1, (it_ip){0, 0}), 0);
    }
    return nat;
}

static it_node *make_nat44(const char *name, const char *own, const char *ext)
{
    return it_nat_node(make_nat(name, 0, NULL, own, 24, ext));
}

static void router(it_node *c[3], uint32_t *n)
{
    c[(*n)++] = make_router("r");
}

static void nat44(it_node *c[3], uint32_t *n)
{
    c[(*n)++] = make_nat44("nat", "10.0.0.1", "203.0.113.1");
}

static void nat44_routing6(it_node *c[3], uint32_t *n)
{
    it_nat *nat = make_nat("nat", 0, NULL, "10.0.0.1", 24, "203.0.113.1");
    it_nat_route6(nat, I("fd01:203:405:1::1"), (it_ip){0, 0});
    c[(*n)++] = it_nat_node(nat);
}

static void nat64(it_node *c[3], uint32_t *n)
{
    c[(*n)++] = it_nat_node(make_nat("nat64", 64, "64:ff9b::/96", "fd01:203:405:1::1", 64, "203.0.113.1"));
}

static void nptv6(it_node *c[3], uint32_t *n)
{
    c[(*n)++] = it_nat_node(make_nat("npt", 66, "2001:db8:1::/48", "fd01:203:405:1::1", 48, NULL));
}

/* One end of a tunnel. */
static void tunnel(it_node *c[3], uint32_t *n)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    it_fw *fw = it_fw_new(B.w, "fw", &p);
    ck_assert_ptr_nonnull(fw);
    it_fw_address(fw, I("192.0.2.9"));
    it_fw_address(fw, I("2001:db8:77::9"));
    c[(*n)++] = it_fw_node(fw);
}

/* A stateful firewall, bridge-like. */
static void wall(it_node *c[3], uint32_t *n)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = p.conntrack = true;
    it_fw *fw = it_fw_new(B.w, "wall", &p);
    ck_assert_ptr_nonnull(fw);
    c[(*n)++] = it_fw_node(fw);
}

static void wall_router(it_node *c[3], uint32_t *n)
{
    wall(c, n);
    router(c, n);
}

static void router_wall(it_node *c[3], uint32_t *n)
{
    router(c, n);
    wall(c, n);
}

static void nat44_router(it_node *c[3], uint32_t *n)
{
    nat44(c, n);
    router(c, n);
}

static void nat444(it_node *c[3], uint32_t *n)
{
    c[(*n)++] = make_nat44("near", "10.0.0.1", "100.64.0.2");
    c[(*n)++] = make_nat44("far", "100.64.0.1", "203.0.113.1");
}

static void nat64_router(it_node *c[3], uint32_t *n)
{
    nat64(c, n);
    router(c, n);
}

static void nptv6_router(it_node *c[3], uint32_t *n)
{
    nptv6(c, n);
    router(c, n);
}

static void nptv6_wall_router(it_node *c[3], uint32_t *n)
{
    nptv6(c, n);
    wall(c, n);
    router(c, n);
}

static const kind KINDS[] = {
    {"router, IPv4", router, I4, O4, NULL, 1, false},
    {"router, IPv6", router, I6, O6, NULL, 1, false},
    {"NAT44", nat44, I4, O4, NULL, 1, false},
    {"NAT44 that hands IPv6 on", nat44_routing6, I6, O6, NULL, 1, false},
    {"NAT64", nat64, I6, O4, "[64:ff9b::c633:6401]:3478", 1, false},
    {"NPTv6", nptv6, I6, O6, NULL, 1, false},
    {"tunnel, IPv4", tunnel, I4, O4, NULL, 1, true},
    {"tunnel, IPv6", tunnel, I6, O6, NULL, 1, true},
    {"firewall and router, IPv4", wall_router, I4, O4, NULL, 1, false},
    {"firewall and router, IPv6", wall_router, I6, O6, NULL, 1, false},
    {"router and firewall, IPv6", router_wall, I6, O6, NULL, 1, false},
    {"NAT44 and router", nat44_router, I4, O4, NULL, 2, false},
    {"NAT444", nat444, I4, O4, NULL, 2, false},
    {"NAT64 and router", nat64_router, I6, O4, "[64:ff9b::c633:6401]:3478", 2, false},
    {"NPTv6 and router", nptv6_router, I6, O6, NULL, 2, false},
    {"NPTv6, firewall and router", nptv6_wall_router, I6, O6, NULL, 2, false},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

/* A world of |k|; the link at the side of edge |small| (-1: none) has a small MTU. */
static void open_kind(const kind *k, int small)
{
    static const char *const EDGES[] = {"inside", "outside"}, *const LINKS[] = {"a", "b", "c"};
    it_node *chain[3];
    uint32_t n = 0;
    box_start(&B, 1);
    k->boxes(chain, &n);
    N_BOXES = n;
    for (int side = 0; side < 2; side++) {
        it_link_cfg cfg = {.name = EDGES[side]};
        if (side == small)
            cfg.dir[0].mtu = cfg.dir[1].mtu = SMALL;
        B.edge[side] = it_edge_new(B.w, EDGES[side], "eth");
        B.link[side] = it_link_new(B.w, &cfg, B.edge[side], 0, chain[side ? n - 1 : 0], side);
        ck_assert_int_ge(B.link[side], 0);
    }
    for (uint32_t i = 1; i < n; i++) {
        it_link_cfg cfg = {.name = LINKS[i]};
        ck_assert_int_ge(it_link_new(B.w, &cfg, chain[i - 1], 1, chain[i], 0), 0);
    }
}

/* --- what is sent, and what comes back --- */

static uint8_t SENT[IT_PKT_MAX];

/* Opens the flow; returns where the outside sees the inside. */
static it_addr open_flow(const kind *k)
{
    box_udp(&B, IN, A(k->inside), A(k->to_outside ? k->to_outside : k->outside));
    it_pkt *p = box_got(&B, OUT);
    ck_assert_msg(p != NULL, "%s", k->name);
    return it_addr_of(p->src, p->sport);
}

static void set_hops(uint8_t *ip, uint8_t hops)
{
    if (ip[0] >> 4 == 6) {
        ip[7] = hops;
        return;
    }
    ip[8] = hops;
    it_put16(ip + 10, 0);
    it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
}

/* A packet that is to be refused. */
typedef struct told {
    const kind *k;
    int side;
    bool big, six;
    uint8_t hops; /* its hop limit */
    it_bytes sent;
    char name[96];
} told;

/* The type, code and MTU of error |e|. */
static void check_message(const told *x, const uint8_t *t)
{
    if (!x->big) {
        ck_assert_uint_eq(t[0] << 8 | t[1], x->six ? 3 << 8 : 11 << 8);
        return;
    }
    uint32_t mtu = x->six ? it_get32(t + 4) : it_get16(t + 6);
    ck_assert_uint_eq(t[0] << 8 | t[1], x->six ? 2 << 8 : 3 << 8 | 4);
    ck_assert_msg(mtu >= SMALL - 28 && mtu < x->sent.n, "%s: MTU %u", x->name, mtu);
    if (x->six)
        ck_assert_uint_ge(mtu, 1280); /* RFC 8200 section 5 */
}

/* Whether byte |i| of the quote may differ: a NAT may give its own identification, and a translator's IPv6 header has
 * lengths and labels of its own. */
static bool may_differ(const told *x, size_t i)
{
    if (x->k->hops == 1)
        return false;
    if (x->k->to_outside && i < 8)
        return true;
    return !x->six && (i == 4 || i == 5 || i == 10 || i == 11);
}

/* The |n| bytes that are quoted at |q|: what was sent, but for the hop limit, which the boxes before the last have
 * lowered. */
static void check_quote(const told *x, const uint8_t *q, size_t n)
{
    uint8_t want[IT_PKT_MAX], left = q[x->six ? 7 : 8];
    ck_assert_uint_le(left, x->hops);
    ck_assert_uint_ge(left, x->hops - (N_BOXES - 1));
    memcpy(want, x->sent.p, x->sent.n);
    set_hops(want, left);
    for (size_t i = 0; i < n && i < x->sent.n; i++)
        ck_assert_msg(want[i] == q[i] || may_differ(x, i), "%s: byte %zu of the quote is %02x, not %02x", x->name, i,
                      q[i], want[i]);
}

/* As much as the family allows, where no translator stands between. */
static void check_sizes(const told *x, const it_pkt *e, size_t quoted)
{
    size_t least = 500;
    if (x->six && x->side == IN)
        least = x->sent.n < 1232 ? x->sent.n : 1232;
    if (!x->k->to_outside || x->k->hops == 1)
        ck_assert_uint_ge(quoted, least);
    ck_assert_uint_le(e->len, x->six ? 1280 : 576);
}

/* Sends from |side| what is refused by the box farthest away, and checks that the sender hears of it. */
static void check_told(const kind *k, int side, it_addr seen, bool big)
{
    it_addr from = A(side == IN ? k->inside : k->outside);
    it_addr to = side == OUT ? seen : A(k->to_outside ? k->to_outside : k->outside);
    told x = {.k = k, .side = side, .big = big, .six = it_ip_is6(from.ip), .hops = big ? 64 : (uint8_t)k->hops};
    size_t largest = x.six ? 1452 : 1472;
    snprintf(x.name, sizeof x.name, "%s, %s, %s", k->name, side ? "in" : "out", big ? "too big" : "hop limit");
    x.sent = box_udp_bytes(SENT, from, to, big ? largest : 700);
    set_hops(SENT, x.hops);
    box_put(&B, side, x.sent);
    ck_assert_msg(!box_got(&B, !side), "%s: it passed", x.name);
    it_pkt *e = box_got(&B, side);
    ck_assert_msg(e != NULL, "%s: nobody is told, last drop %s (%s)", x.name, it_drop_key(B.drop), B.why);
    ck_assert_msg(it_ip_eq(e->dst, from.ip), "%s: somebody else is told", x.name);
    size_t quoted = (size_t)(e->len - e->l4 - 8);
    check_message(&x, it_pkt_l4(e));
    check_sizes(&x, e, quoted);
    check_quote(&x, it_pkt_l4(e) + 8, quoted);
}

START_TEST(the_sender_hears_of_the_hop_limit)
{
    const kind *k = &KINDS[_i];
    if (k->no_hops)
        return;
    for (int side = 0; side < 2; side++) {
        open_kind(k, -1);
        check_told(k, side, open_flow(k), false);
        box_close(&B);
    }
}
END_TEST

START_TEST(the_sender_hears_of_the_mtu)
{
    const kind *k = &KINDS[_i];
    for (int side = 0; side < 2; side++) {
        open_kind(k, !side);
        check_told(k, side, open_flow(k), true);
        box_close(&B);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/told");
    TCase *t = tcase_create("RFC 1812 section 4.3, RFC 4443 section 2.4");
    tcase_add_loop_test(t, the_sender_hears_of_the_hop_limit, 0, N_KINDS);
    tcase_add_loop_test(t, the_sender_hears_of_the_mtu, 0, N_KINDS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
