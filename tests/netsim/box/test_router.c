/* Routers and LAN segments between raw edges: the way by address, hop limits, ICMP, fragments; the switch. */
#include "netsim/box/router.h"

#include "tests/netsim/box.h"

static box B; /* its memory, its world, its record of drops; the edges are those of |E| */
static it_node *E[4];
static int Link[4];
static it_node *N;

static void wire(it_node *node, int n)
{
    N = node;
    for (int i = 0; i < n; i++) {
        static const char *const NAMES[] = {"e0", "e1", "e2", "e3"};
        it_link_cfg cfg = {.name = NAMES[i]};
        E[i] = it_edge_new(B.w, NAMES[i], "eth");
        ck_assert_int_eq(it_node_add_port(node, NAMES[i]), i);
        Link[i] = it_link_new(B.w, &cfg, E[i], 0, node, i);
        ck_assert_int_ge(Link[i], 0);
    }
}

/* A router: e0 192.0.2.0/24, e1 198.51.100.0/24, e2 everything else; IPv6 likewise. */
static void open_router(void)
{
    static const char *const OWN[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1"};
    box_start(&B, 1);
    wire(it_router_new(B.w, "router"), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(it_router_addr(N, i, I(OWN[i])), 0);
    static const struct {
        const char *prefix;
        int port;
    } R[] = {{"192.0.2.0/24", 0},      {"198.51.100.0/24", 1}, {"0.0.0.0/0", 2},      {"198.51.100.128/25", 2},
             {"198.51.100.200/32", 0}, {"2001:db8:1::/48", 0}, {"2001:db8:2::/48", 1}};
    for (size_t i = 0; i < sizeof R / sizeof *R; i++) {
        it_prefix p;
        ck_assert_int_eq(it_prefix_parse(&p, R[i].prefix), 0);
        ck_assert_int_eq(it_router_route(N, p, R[i].port, i == 2 ? I("203.0.113.99") : (it_ip){0, 0}), 0);
    }
}

/* Runs the world until nothing moves; returns the edge where one packet came out, -1 for none. */
static int collect(void)
{
    int out = -1, err;
    while ((err = it_world_run(B.w, it_world_now(B.w))) == 1) {
        it_node *e = it_world_ready(B.w);
        it_pkt *p = it_edge_take(e);
        if (!p)
            continue;
        for (int i = 0; i < 4; i++)
            out = E[i] == e ? i : out;
        B.got[B.n_got].side = out;
        B.got[B.n_got++].p = *p;
        it_pkt_free(it_world_pool(B.w), p);
    }
    ck_assert_int_eq(err, 0);
    return out;
}

/* Sends |p| from edge |at|; returns the edge where one packet came out, -1 for none. */
static int put_packet(int at, it_pkt *p)
{
    B.n_got = 0;
    B.n_drops = 0;
    it_node_send(E[at], it_world_now(B.w), 0, p);
    return collect();
}

/* The same with |ip| as the edge's owner sends it. */
static int put(int at, it_bytes ip)
{
    B.n_got = 0;
    B.n_drops = 0;
    ck_assert_int_eq(it_edge_send(E[at], it_world_now(B.w), ip, 0), 0);
    return collect();
}

static int udp(int at, const char *from, const char *to)
{
    uint8_t buf[IT_PKT_MAX];
    return put(at, box_udp_bytes(buf, A(from), A(to), 20));
}

START_TEST(the_longest_prefix_wins)
{
    static const struct {
        const char *to;
        int out;
    } W[] = {{"198.51.100.7:1", 1},
             {"198.51.100.129:1", 2},
             {"198.51.100.200:1", 0}, /* back where it came from, as that is the way: RFC 1812 section 5.2.7.2 */
             {"8.8.8.8:1", 2},
             {"192.0.2.9:1", 0}};
    open_router();
    int out = udp(0, "192.0.2.5:1", W[_i].to);
    ck_assert_int_eq(out, W[_i].out);
    ck_assert_uint_eq(B.n_got, 1);
    ck_assert_uint_eq(B.n_drops, 0);
    ck_assert_uint_eq(it_pkt_ip(&B.got[0].p)[8], 63);
    ck_assert(it_ip_eq(B.got[0].p.hop, W[_i].to[0] == '8' ? I("203.0.113.99") : (it_ip){0, 0}));
    box_close(&B);
}
END_TEST

START_TEST(a_route_can_be_taken_away)
{
    it_prefix p;
    open_router();
    ck_assert_int_eq(udp(2, "203.0.113.7:1", "198.51.100.200:1"), 0);
    ck_assert_int_eq(udp(1, "198.51.100.9:1", "198.51.100.200:1"), 0);
    ck_assert_int_eq(it_prefix_parse(&p, "198.51.100.200/32"), 0);
    ck_assert_int_eq(it_router_unroute(N, p), 1);
    ck_assert_int_eq(it_router_unroute(N, p), 0);
    ck_assert_int_eq(udp(0, "192.0.2.5:1", "198.51.100.200:1"), 2);
    ck_assert_int_eq(udp(1, "198.51.100.9:1", "198.51.100.200:1"), 2);
    box_close(&B);
}
END_TEST

START_TEST(a_better_route_counts_from_the_next_packet)
{
    it_prefix p;
    open_router();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(udp(1, "198.51.100.9:1", "203.0.113.7:1"), 2);
    ck_assert_int_eq(it_prefix_parse(&p, "203.0.113.4/30"), 0);
    ck_assert_int_eq(it_router_route(N, p, 0, (it_ip){0, 0}), 0);
    ck_assert_int_eq(udp(1, "198.51.100.9:1", "203.0.113.7:1"), 0);
    box_close(&B);
}
END_TEST

#define ROUTES 40

/* The edge that |dst| leaves by, by looking at every route: the longest, of equal ones the first that came; -1: none.
 */
static int search(const it_prefix *v, const int *port, size_t n, it_ip dst)
{
    int best = -1;
    for (size_t i = 0; i < n; i++)
        if (port[i] >= 0 && it_prefix_has(v[i], dst) && (best < 0 || v[i].bits > v[best].bits))
            best = (int)i;
    return best < 0 ? -1 : port[best];
}

START_TEST(many_routes_are_found_as_a_search_finds_them)
{
    it_prefix v[ROUTES];
    int port[ROUTES];
    it_rng r;
    it_rng_init(&r, (uint64_t)_i, "routes");
    box_start(&B, 1);
    wire(it_router_new(B.w, "router"), 3);
    for (size_t n = 0; n < ROUTES; n++) {
        bool all_six = n % 10 == 9; /* ::/0, which is no way for IPv4 */
        v[n].bits = (uint8_t)(all_six ? 0 : 117 + it_rng_below(&r, 12));
        v[n].ip = all_six ? (it_ip){0, 0} : it_ip4(0x0a000000u + (uint32_t)it_rng_below(&r, 2048));
        port[n] = (int)it_rng_below(&r, 3);
        ck_assert_int_eq(it_router_route(N, v[n], port[n], (it_ip){0, 0}), 0);
        size_t gone = (size_t)it_rng_below(&r, ROUTES);
        if (gone <= n && it_rng_below(&r, 4) == 0) {
            (void)it_router_unroute(N, v[gone]);
            for (size_t k = 0; k <= n; k++)
                if (v[k].bits == v[gone].bits && it_ip_eq(v[k].ip, v[gone].ip))
                    port[k] = -1;
        }
        for (int k = 0; k < 20; k++) {
            uint8_t buf[IT_PKT_MAX];
            it_ip to = it_ip4(0x0a000000u + (uint32_t)it_rng_below(&r, 2100));
            int out = put(0, box_udp_bytes(buf, A("192.0.2.5:1"), it_addr_of(to, 1), 20));
            ck_assert_int_eq(out, search(v, port, n + 1, to));
        }
    }
    box_close(&B);
}
END_TEST

START_TEST(ipv6_goes_its_own_way)
{
    open_router();
    ck_assert_int_eq(udp(0, "[2001:db8:1::5]:1", "[2001:db8:2::5]:1"), 1);
    ck_assert_uint_eq(it_pkt_ip(&B.got[0].p)[7], 63);
    ck_assert_int_eq(udp(0, "[2001:db8:1::5]:1", "[2001:db8:3::5]:1"), -1); /* no address to complain from */
    ck_assert_int_eq(B.drop, IT_DROP_NO_ROUTE);
    ck_assert_int_eq(it_router_addr(N, 0, I("2001:db8:1::1")), 0); /* beside that of IPv4 */
    ck_assert_int_eq(udp(0, "[2001:db8:1::5]:1", "[2001:db8:3::5]:1"), 0);
    ck_assert(it_ip_eq(B.got[0].p.src, I("2001:db8:1::1")));
    box_close(&B);
}
END_TEST

/* Sends an ICMP message of |type| to |to| from the neighbour of its family at e0; returns where something came out. */
static int ping(const char *to, uint8_t type)
{
    it_pkt p;
    it_ip dst = I(to);
    it_pkt_icmp_msg m = {.src = I(it_ip_is4(dst) ? "192.0.2.5" : "2001:db8:1::5"), .dst = dst, .type = type, .rest = 7};
    m.body = it_bytes_of("abc", 3);
    memset(&p, 0, sizeof p);
    ck_assert_int_eq(it_pkt_icmp(&p, &m), 0);
    return put(0, it_pkt_bytes(&p));
}

START_TEST(its_own_addresses_answer_echo_and_refuse_the_rest)
{
    static const char *const OWN[] = {"192.0.2.1", "203.0.113.1", "2001:db8:1::1"};
    bool six = _i == 2;
    open_router();
    ck_assert_int_eq(it_router_addr(N, 0, I("2001:db8:1::1")), 0);
    ck_assert_int_eq(ping(OWN[_i], six ? 128 : 8), 0);
    ck_assert_uint_eq(B.n_drops, 0);
    ck_assert(it_ip_eq(B.got[0].p.src, I(OWN[_i])) && it_pkt_cksum_ok(&B.got[0].p));
    ck_assert_uint_eq(it_pkt_l4(&B.got[0].p)[0], six ? 129 : 0);
    ck_assert_uint_eq(it_get32(it_pkt_l4(&B.got[0].p) + 4), 7);
    ck_assert_int_eq(ping(OWN[_i], six ? 129 : 0), 0); /* a reply to nothing */
    ck_assert_int_eq(B.drop, IT_DROP_NO_SOCKET);
    char to[64];
    snprintf(to, sizeof to, six ? "[%s]:9" : "%s:9", OWN[_i]);
    ck_assert_int_eq(udp(0, six ? "[2001:db8:1::5]:1" : "192.0.2.5:1", to), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NO_SOCKET);
    ck_assert_uint_eq(it_pkt_l4(&B.got[0].p)[0], six ? 1 : 3);
    ck_assert_uint_eq(it_pkt_l4(&B.got[0].p)[1], six ? 4 : 3);
    box_close(&B);
}
END_TEST

START_TEST(the_last_hop_is_answered)
{
    uint8_t buf[IT_PKT_MAX];
    open_router();
    it_bytes d = box_udp_bytes(buf, A("192.0.2.5:1"), A("198.51.100.7:1"), 20);
    buf[8] = 1;
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    ck_assert_int_eq(put(0, d), 0);
    ck_assert_uint_eq(it_pkt_l4(&B.got[0].p)[0], 11);
    ck_assert(it_ip_eq(B.got[0].p.src, I("192.0.2.1")));
    ck_assert_int_eq(B.drop, IT_DROP_TTL);
    box_close(&B);
}
END_TEST

START_TEST(too_big_is_refused_with_df_and_cut_without)
{
    uint8_t buf[IT_PKT_MAX];
    it_link_dir_cfg small = {.mtu = 600};
    open_router();
    ck_assert_int_eq(it_link_set(B.w, 0, Link[1], 1, &small), 0);
    it_bytes d = box_udp_bytes(buf, A("192.0.2.5:1"), A("198.51.100.7:1"), 1000);
    if (_i) {
        buf[6] = 0;
        it_put16(buf + 10, 0);
        it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    }
    ck_assert_int_eq(put(0, d), _i ? 1 : 0);
    if (_i) {
        ck_assert_uint_eq(B.n_got, 2);
        ck_assert_uint_eq(B.got[0].p.len, 596);
        ck_assert_uint_eq(B.got[1].p.len, 20 + 1008 - 576);
    } else {
        ck_assert_uint_eq(it_pkt_l4(&B.got[0].p)[1], 4);
        ck_assert_uint_eq(it_get16(it_pkt_l4(&B.got[0].p) + 6), 600);
        ck_assert_int_eq(B.drop, IT_DROP_MTU);
    }
    box_close(&B);
}
END_TEST

/* --- LAN --- */

START_TEST(a_segment_delivers_where_the_next_hop_lives)
{
    box_start(&B, 1);
    wire(it_lan_new(B.w, "lan"), 3);
    ck_assert_int_eq(it_lan_learn(N, I("10.0.0.2"), 1), 0);
    ck_assert_int_eq(it_lan_learn(N, I("10.0.0.3"), 2), 0);
    ck_assert_int_eq(udp(0, "10.0.0.9:1", "10.0.0.2:1"), 1);
    ck_assert_uint_eq(it_pkt_ip(&B.got[0].p)[8], 64); /* no hop */
    ck_assert_int_eq(udp(0, "10.0.0.9:1", "10.0.0.3:1"), 2);
    ck_assert_int_eq(udp(0, "10.0.0.9:1", "10.0.0.4:1"), -1);
    ck_assert_int_eq(B.drop, IT_DROP_NO_NEIGHBOR);
    ck_assert_int_eq(udp(1, "10.0.0.2:1", "10.0.0.2:1"), -1); /* not back */
    ck_assert_int_eq(it_lan_learn(N, I("10.0.0.2"), 2), 0);   /* it moved */
    ck_assert_int_eq(udp(0, "10.0.0.9:1", "10.0.0.2:1"), 2);
    it_lan_forget(N, I("10.0.0.2"));
    ck_assert_int_eq(udp(0, "10.0.0.9:1", "10.0.0.2:1"), -1);
    box_close(&B);
}
END_TEST

/* Sends a UDP packet for |to| in at edge |at|, whose next hop its sender thinks is |hop|. */
static int udp_by(int at, const char *to, const char *hop)
{
    uint8_t buf[IT_PKT_MAX];
    it_bytes d = box_udp_bytes(buf, A("10.0.0.9:1"), A(to), 20);
    it_pkt *p = it_node_packet(E[at]);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(it_pkt_parse(p, d), 0);
    p->hop = I(hop);
    return put_packet(at, p);
}

/* RFC 1122 section 3.3.1.2, RFC 4861 section 8.3: as after the router's Redirect. */
START_TEST(a_neighbour_is_reached_on_the_segment_though_a_router_is_named)
{
    box_start(&B, 1);
    wire(it_lan_new(B.w, "lan"), 4);
    ck_assert_int_eq(it_lan_learn(N, I("10.0.0.1"), 3), 0); /* the router */
    ck_assert_int_eq(it_lan_learn(N, I("203.0.113.5"), 1), 0);
    ck_assert_int_eq(udp_by(0, "203.0.113.5:1", "10.0.0.1"), 1);
    ck_assert_int_eq(udp_by(0, "203.0.113.6:1", "10.0.0.1"), 3); /* nobody here: the router knows */
    ck_assert_int_eq(udp_by(1, "203.0.113.5:1", "10.0.0.1"), 3); /* its own address: not back */
    ck_assert_int_eq(udp_by(3, "203.0.113.6:1", "10.0.0.1"), -1);
    ck_assert_int_eq(B.drop, IT_DROP_NO_NEIGHBOR);
    it_lan_forget(N, I("203.0.113.5"));
    ck_assert_int_eq(udp_by(0, "203.0.113.5:1", "10.0.0.1"), 3);
    box_close(&B);
}
END_TEST

START_TEST(a_segment_gives_a_group_to_everybody_else)
{
    static const char *const GROUPS[] = {"239.255.255.250:1900", "224.0.0.1:5350", "[ff02::1]:5350"};
    box_start(&B, 1);
    wire(it_lan_new(B.w, "lan"), 4);
    for (int from = 0; from < 4; from++) {
        unsigned seen = 0;
        (void)udp(from, _i == 2 ? "[fe80::9]:1" : "10.0.0.9:1", GROUPS[_i]);
        ck_assert_uint_eq(B.n_got, 3);
        ck_assert_uint_eq(B.n_drops, 0);
        for (size_t i = 0; i < 3; i++) {
            seen |= 1u << B.got[i].side;
            ck_assert(it_pkt_cksum_ok(&B.got[i].p) && B.got[i].p.dport == A(GROUPS[_i]).port &&
                      B.got[i].p.len == B.got[0].p.len);
            ck_assert(i == 0 || B.got[i].p.id != B.got[i - 1].p.id);
        }
        ck_assert_uint_eq(seen, 15u & ~(1u << from));
    }
    box_close(&B);
    box_start(&B, 1);
    wire(it_lan_new(B.w, "lan"), 1); /* alone */
    (void)udp(0, "10.0.0.9:1", GROUPS[0]);
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_NO_NEIGHBOR);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/router");
    TCase *t = tcase_create("RFC 1812 router");
    tcase_add_loop_test(t, the_longest_prefix_wins, 0, 5);
    tcase_add_test(t, a_route_can_be_taken_away);
    tcase_add_test(t, a_better_route_counts_from_the_next_packet);
    tcase_add_loop_test(t, many_routes_are_found_as_a_search_finds_them, 0, 3);
    tcase_add_test(t, ipv6_goes_its_own_way);
    tcase_add_loop_test(t, its_own_addresses_answer_echo_and_refuse_the_rest, 0, 3);
    tcase_add_test(t, the_last_hop_is_answered);
    tcase_add_loop_test(t, too_big_is_refused_with_df_and_cut_without, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("LAN");
    tcase_add_test(t, a_segment_delivers_where_the_next_hop_lives);
    tcase_add_test(t, a_neighbour_is_reached_on_the_segment_though_a_router_is_named);
    tcase_add_loop_test(t, a_segment_gives_a_group_to_everybody_else, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
