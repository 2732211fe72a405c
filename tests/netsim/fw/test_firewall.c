/* Firewalls packet by packet: policy, flows of UDP and ICMP, policers, tunnels, complaints. TCP: test_tcp.c. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
#define C "10.0.0.2:5000"
#define S "198.51.100.1:3478"
#define C6 "[2001:db8:1::2]:5000"
#define S6 "[2001:db8:2::1]:3478"

static it_fw_profile open_all(void)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    return p;
}

static it_fw_profile stateful(uint8_t filtering)
{
    it_fw_profile p = open_all();
    p.udp.stateful = true;
    p.udp.filtering = filtering;
    return p;
}

/* Whether UDP passes from |from| to |to|, coming in at |side|. */
static bool passes(int side, const char *from, const char *to)
{
    box_udp(&B, side, A(from), A(to));
    it_pkt *p = box_got(&B, !side);
    return p && p->proto == IT_PROTO_UDP && B.n_drops == 0;
}

#define ck_dropped(reason, text)                                                                                       \
    do {                                                                                                               \
        ck_assert_int_eq(B.drop, reason);                                                                              \
        ck_assert_msg(strstr(B.why, text) != NULL, "\"%s\"", B.why);                                                   \
        ck_assert_uint_eq(it_fw_stat(B.fw)->drops[reason], 1);                                                         \
    } while (0)

START_TEST(without_a_policy_everything_passes_both_ways)
{
    it_fw_profile p = open_all();
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    ck_assert(passes(OUT, S, "10.0.0.9:1"));
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    box_query(&B, OUT, I("198.51.100.1"), I("10.0.0.2"), 8, 7);
    ck_assert_ptr_nonnull(box_got(&B, IN));
    box_close(&B);
}
END_TEST

START_TEST(blocked_udp_passes_neither_way)
{
    it_fw_profile p = open_all();
    p.udp.block = true;
    box_open_fw(&B, &p);
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_POLICY, "UDP is blocked");
    ck_assert(!passes(OUT, S, C));
    box_close(&B);
}
END_TEST

START_TEST(named_ports_alone_may_be_reached_and_answer)
{
    it_fw_profile p = open_all();
    p.udp_out = (it_fw_ports){.port = {53, 443}, .n = 2, .set = true};
    box_open_fw(&B, &p);
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_POLICY, "udp_out");
    ck_assert(passes(IN, C, "198.51.100.1:443"));
    ck_assert(passes(OUT, "198.51.100.1:443", C));
    ck_assert(!passes(OUT, "198.51.100.1:444", C));
    ck_dropped(IT_DROP_FW_STATE, "");
    box_close(&B);
}
END_TEST

START_TEST(a_star_among_ports_means_all)
{
    it_fw_profile p = open_all();
    p.udp_out = (it_fw_ports){.port = {53}, .n = 1, .set = true, .any = true};
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    ck_assert(!passes(OUT, "198.51.100.9:9", C)); /* it is stateful all the same */
    box_close(&B);
}
END_TEST

START_TEST(asymmetric_rules_let_in_what_they_name_and_its_answers_out)
{
    it_fw_profile p = open_all();
    p.udp_in = (it_fw_ports){.port = {5000}, .n = 1, .set = true};
    p.udp_out = (it_fw_ports){.set = true};
    box_open_fw(&B, &p);
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_POLICY, "udp_out");
    ck_assert(passes(OUT, S, C));
    ck_assert(passes(IN, C, S)); /* part of that flow */
    ck_assert(!passes(OUT, S, "10.0.0.2:5001"));
    ck_assert(strstr(B.why, "udp_in") != NULL);
    box_close(&B);
}
END_TEST

/* RFC 6092 REC-17: who may answer, by the class of filtering. */
START_TEST(filtering_decides_who_comes_in)
{
    it_fw_profile p = stateful((uint8_t)_i);
    box_open_fw(&B, &p);
    ck_assert(!passes(OUT, S, C));
    ck_assert(passes(IN, C, S));
    ck_assert(passes(OUT, S, C));
    ck_assert_int_eq(passes(OUT, "198.51.100.1:9", C), _i != IT_NAT_APD);
    ck_assert_int_eq(passes(OUT, "198.51.100.9:9", C), _i == IT_NAT_EI);
    ck_assert(!passes(OUT, S, "10.0.0.2:5001"));
    box_close(&B);
}
END_TEST

START_TEST(a_flow_of_udp_ends_when_it_was_silent)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    p.udp.timeout = 40 * IT_SEC;
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    box_at(&B, 39 * IT_SEC);
    ck_assert(passes(OUT, S, C)); /* RFC 6092 REC-16: what comes in refreshes too */
    box_at(&B, 79 * IT_SEC - 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_at(&B, 79 * IT_SEC);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    ck_assert(!passes(OUT, S, C));
    ck_dropped(IT_DROP_FW_STATE, "");
    box_close(&B);
}
END_TEST

START_TEST(a_flow_too_old_is_dead_whatever_its_traffic)
{
    it_fw_profile p = open_all();
    p.udp.max_flow_age = 60 * IT_SEC;
    p.udp.timeout = 30 * IT_SEC;
    box_open_fw(&B, &p);
    for (int t = 0; t < 60; t += 20) {
        box_at(&B, t * IT_SEC);
        ck_assert(passes(IN, C, S));
    }
    for (int t = 60; t < 200; t += 20) {
        box_at(&B, t * IT_SEC);
        ck_assert(!passes(IN, C, S));
        ck_assert(strstr(B.why, "max_flow_age") != NULL);
    }
    ck_assert_uint_eq(it_fw_stat(B.fw)->killed, 1);
    ck_assert(passes(IN, C, "198.51.100.1:1")); /* another flow lives */
    box_at(&B, 211 * IT_SEC);
    ck_assert(passes(IN, C, S)); /* silence makes it new */
    box_close(&B);
}
END_TEST

START_TEST(the_udp_policer_lets_its_burst_and_then_its_rate_pass)
{
    it_fw_profile p = open_all();
    p.udp.rate_pps = 10;
    p.udp.burst = 4;
    box_open_fw(&B, &p);
    for (int i = 0; i < 4; i++)
        ck_assert(passes(IN, C, S));
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_RATE, "rate_pps");
    ck_assert(passes(OUT, S, C)); /* each direction has a bucket of its own */
    box_at(&B, 100 * IT_MS - 1);
    ck_assert(!passes(IN, C, S));
    box_at(&B, 100 * IT_MS);
    ck_assert(passes(IN, C, S));
    ck_assert(!passes(IN, C, S));
    box_close(&B);
}
END_TEST

START_TEST(police_counts_packets_of_every_protocol_in_its_direction)
{
    it_fw_profile p = open_all();
    p.police[IN] = (it_fw_rate){.pps = 2, .burst = 2};
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    box_query(&B, IN, I("10.0.0.2"), I("198.51.100.1"), 8, 7);
    ck_assert_ptr_nonnull(box_got(&B, OUT));
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_RATE, "police");
    for (int i = 0; i < 20; i++)
        ck_assert(passes(OUT, S, C));
    box_at(&B, 500 * IT_MS);
    ck_assert(passes(IN, C, S));
    ck_assert(!passes(IN, C, S));
    box_close(&B);
}
END_TEST

START_TEST(police_counts_bytes)
{
    it_fw_profile p = open_all();
    p.police[OUT] = (it_fw_rate){.bps = 8000, .bucket = 100}; /* 1000 bytes a second; a packet of box_udp has 40 */
    box_open_fw(&B, &p);
    ck_assert(passes(OUT, S, C));
    ck_assert(passes(OUT, S, C));
    ck_assert(!passes(OUT, S, C)); /* 20 bytes are left */
    box_at(&B, 19 * IT_MS);
    ck_assert(!passes(OUT, S, C));
    box_at(&B, 20 * IT_MS);
    ck_assert(passes(OUT, S, C));
    ck_assert(passes(IN, C, S));
    box_close(&B);
}
END_TEST

START_TEST(what_is_larger_than_the_bucket_never_passes)
{
    it_fw_profile p = open_all();
    p.police[OUT] = (it_fw_rate){.bps = 1000000, .bucket = 39};
    box_open_fw(&B, &p);
    ck_assert(!passes(OUT, S, C));
    box_at(&B, 10 * IT_SEC);
    ck_assert(!passes(OUT, S, C));
    box_close(&B);
}
END_TEST

/* RFC 6092 REC-10, 20: errors about flows pass, others do not; REC-19: they end none. */
START_TEST(icmp_errors_pass_with_their_flow_alone)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    it_pkt sent = *box_got(&B, OUT);
    box_error(&B, OUT, I("203.0.113.77"), &sent, 3, 1);
    ck_assert_ptr_nonnull(box_got(&B, IN));
    ck_assert(passes(OUT, S, C));
    it_pkt other = sent;
    it_pkt_set_src(&other, other.src, 5001);
    box_error(&B, OUT, I("203.0.113.77"), &other, 3, 1);
    ck_assert_ptr_null(box_got(&B, IN));
    ck_dropped(IT_DROP_FW_STATE, "no flow");
    box_close(&B);
}
END_TEST

START_TEST(an_echo_from_inside_is_answered_one_from_outside_is_not)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    box_query(&B, OUT, I("198.51.100.1"), I("10.0.0.2"), 8, 7);
    ck_assert_ptr_null(box_got(&B, IN));
    ck_dropped(IT_DROP_FW_STATE, "");
    box_query(&B, IN, I("10.0.0.2"), I("198.51.100.1"), 8, 7);
    ck_assert_ptr_nonnull(box_got(&B, OUT));
    box_query(&B, OUT, I("198.51.100.1"), I("10.0.0.2"), 0, 7);
    ck_assert_ptr_nonnull(box_got(&B, IN));
    box_close(&B);
}
END_TEST

static bool raw(int side, const char *from, const char *to, uint8_t proto)
{
    uint8_t buf[IT_PKT_MAX], data[24] = {0};
    box_put(&B, side, box_ip_bytes(buf, I(from), I(to), proto, it_bytes_of(data, sizeof data)));
    return box_got(&B, !side) != NULL;
}

/* RFC 6092 REC-22, 24: ESP and IKE pass both ways, where the policy says so. */
START_TEST(ipsec_passes_where_it_is_allowed)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    p.ipsec = _i == 1;
    box_open_fw(&B, &p);
    ck_assert_int_eq(raw(OUT, "2001:db8:2::1", "2001:db8:1::2", 50), _i);
    ck_assert_int_eq(passes(OUT, "[2001:db8:2::1]:500", "[2001:db8:1::2]:500"), _i);
    ck_assert(!passes(OUT, "[2001:db8:2::1]:500", "[2001:db8:1::2]:501"));
    ck_assert(!raw(OUT, "2001:db8:2::1", "2001:db8:1::2", 132));
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    box_close(&B);
    it_fw_profile web; /* a policy that names ports has none for what has no ports */
    it_fw_profile_init(&web);
    web.tcp_out = (it_fw_ports){.port = {443}, .n = 1, .set = true};
    box_open_fw(&B, &web);
    ck_assert(!raw(IN, "2001:db8:1::2", "2001:db8:2::1", 132));
    ck_assert_int_eq(B.drop, IT_DROP_FW_POLICY);
    box_close(&B);
}
END_TEST

/* RFC 6092 REC-1, 2. */
START_TEST(multicast_of_ipv6_does_not_cross)
{
    it_fw_profile p = stateful(IT_NAT_EI);
    box_open_fw(&B, &p);
    ck_assert(!passes(IN, "[ff02::1]:5000", S6));
    ck_assert_int_eq(B.drop, IT_DROP_MARTIAN);
    ck_assert(!passes(IN, C6, "[ff08::1]:3478"));
    ck_assert_int_eq(B.drop, IT_DROP_MARTIAN);
    ck_assert(passes(IN, C6, "[ff0e::1]:3478"));
    box_close(&B);
}
END_TEST

static bool big(int side, const char *from, const char *to, size_t n)
{
    uint8_t buf[IT_PKT_MAX];
    box_put(&B, side, box_udp_bytes(buf, A(from), A(to), n));
    return box_got(&B, !side) != NULL;
}

static void narrow(void)
{
    it_link_dir_cfg c = {.mtu = 1280};
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[OUT], 1, &c), 0);
}

/* RFC 1191 section 4, RFC 8201 section 3: the tunnel says what fits. */
START_TEST(a_packet_too_big_for_the_tunnel_is_answered_with_its_mtu)
{
    it_fw_profile p = open_all();
    bool v6 = _i == 1;
    box_open_fw(&B, &p);
    it_fw_address(B.fw, I("192.0.2.9"));
    it_fw_address(B.fw, I("2001:db8:9::9"));
    narrow();
    ck_assert(big(IN, v6 ? C6 : C, v6 ? S6 : S, v6 ? 1232 : 1252));
    ck_assert(!big(IN, v6 ? C6 : C, v6 ? S6 : S, v6 ? 1233 : 1253));
    ck_dropped(IT_DROP_MTU, "tunnel");
    it_pkt *e = box_got(&B, IN);
    ck_assert(e && it_pkt_is_icmp_error(e));
    const uint8_t *m = it_pkt_l4(e);
    ck_assert_uint_eq(m[0], v6 ? 2 : 3);
    ck_assert_uint_eq(m[1], v6 ? 0 : 4);
    ck_assert_uint_eq(it_get32(m + 4), 1280);
    ck_assert(it_ip_eq(e->src, I(v6 ? "2001:db8:9::9" : "192.0.2.9")));
    box_close(&B);
}
END_TEST

START_TEST(without_an_address_a_packet_too_big_is_answered_for_the_destination)
{
    it_fw_profile p = open_all();
    box_open_fw(&B, &p);
    narrow();
    ck_assert(!big(IN, C, S, 1300));
    it_pkt *e = box_got(&B, IN);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->src, A(S).ip) && it_pkt_l4(e)[0] == 3 && it_pkt_l4(e)[1] == 4);
    ck_assert_int_eq(B.drop, IT_DROP_MTU);
    box_close(&B);
}
END_TEST

START_TEST(a_packet_that_may_be_fragmented_goes_through_in_pieces)
{
    it_fw_profile p = open_all();
    uint8_t buf[IT_PKT_MAX];
    box_open_fw(&B, &p);
    it_fw_address(B.fw, I("192.0.2.9"));
    narrow();
    it_bytes ip = box_udp_bytes(buf, A(C), A(S), 1400);
    buf[6] = 0; /* no DF */
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    box_put(&B, IN, ip);
    ck_assert_uint_eq(B.n_got, 2);
    ck_assert(B.got[0].side == OUT && B.got[1].side == OUT);
    ck_assert_uint_eq((size_t)B.got[0].p.len + B.got[1].p.len, 1428 + 20);
    box_close(&B);
}
END_TEST

START_TEST(a_reboot_loses_flows_and_is_silent_meanwhile)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S));
    it_fw_reboot(B.fw, it_world_now(B.w), IT_SEC);
    ck_assert(!passes(IN, C, S));
    ck_dropped(IT_DROP_FW_REBOOT, "");
    box_at(&B, IT_SEC);
    ck_assert(!passes(OUT, S, C));
    ck_assert(passes(IN, C, S));
    box_close(&B);
}
END_TEST

START_TEST(impossible_policies_are_refused)
{
    it_fw_profile p[9];
    for (size_t i = 0; i < 9; i++) {
        p[i] = open_all();
        ck_assert_ptr_null(it_fw_profile_fault(&p[i]));
    }
    p[0].udp.timeout = 0;
    p[1].udp.burst = 3;
    p[2].police[0].burst = 3;
    p[3].police[1].bucket = 3;
    p[4].tcp.kill = IT_FW_KILL_RST;
    p[5].tcp.rst_after = 5;
    p[6].udp.filtering = 3;
    p[7].tcp_in.n = IT_FW_PORTS + 1;
    p[8].tcp.timeout.est = -1;
    box_start(&B, 1);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_ptr_nonnull(it_fw_profile_fault(&p[i]));
        ck_assert_ptr_null(it_fw_new(B.w, "fw", &p[i]));
    }
    box_close(&B);
}
END_TEST

/* --- the box's own host --- */

static it_node *own_edge(const char *ip)
{
    it_link_cfg cfg = {.name = "own"};
    ck_assert_int_eq(it_fw_own(B.fw, I(ip)), 0);
    ck_assert_int_eq(it_fw_own(B.fw, I(ip)), IT_ERR_EXISTS);
    it_node *e = it_edge_new(B.w, "own", "eth");
    ck_assert_int_ge(it_link_new(B.w, &cfg, e, 0, it_fw_node(B.fw), IT_FW_OWN), 0);
    return e;
}

/* box_at files what comes out of any edge but the outside one under the inside; the own host's has its own destination.
 */
START_TEST(the_own_host_is_reached_from_inside_past_the_policy_and_not_from_outside)
{
    it_fw_profile p = open_all();
    p.tcp_out = (it_fw_ports){.set = true};
    box_open_fw(&B, &p);
    it_node *own = own_edge("10.9.9.9");
    seg s = {A(C), A("10.9.9.9:3128"), SYN, 1, 0, 0}, back = {A("10.9.9.9:3128"), A(C), SYN | ACK, 9, 2, 0};
    box_tcp(&B, IN, &s);
    ck_assert_uint_eq(B.n_got, 1);
    ck_assert(it_ip_eq(B.got[0].p.dst, I("10.9.9.9")));
    uint8_t buf[IT_PKT_MAX];
    B.n_got = 0;
    ck_assert_int_eq(it_edge_send(own, 0, box_tcp_bytes(buf, &back), 0), 0);
    box_at(&B, 0);
    ck_assert_uint_eq(B.n_got, 1);
    ck_assert(it_ip_eq(B.got[0].p.dst, I("10.0.0.2")));
    seg outside = {A(S), A("10.9.9.9:3128"), SYN, 1, 0, 0};
    box_tcp(&B, OUT, &outside);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* Whoever has logged in passes, by the address it did so with; the others, and all after a reboot, do not. */
START_TEST(a_login_opens_the_portal_for_one_client)
{
    const char *client = _i ? C6 : C, *far = _i ? S6 : S, *own = _i ? "fd00:9::1" : "10.9.9.1";
    it_fw_profile p = open_all();
    p.until_login = 1000 * IT_SEC;
    box_open_fw(&B, &p);
    (void)own_edge(own);
    ck_assert_int_eq(it_fw_own(B.fw, I(own)), IT_ERR_EXISTS);
    ck_assert_int_eq(it_fw_own(B.fw, I(_i ? "10.9.9.1" : "fd00:9::1")), 0); /* of the other family */
    ck_assert(!passes(IN, client, far));
    ck_dropped(IT_DROP_FW_POLICY, "login");
    ck_assert_int_eq(it_fw_login(B.fw, A(client).ip), 0);
    ck_assert(passes(IN, client, far) && passes(OUT, far, client));
    ck_assert(!passes(IN, _i ? "[2001:db8:1::3]:5000" : "10.0.0.3:5000", far));
    ck_assert(!passes(OUT, far, _i ? "[2001:db8:1::3]:5000" : "10.0.0.3:5000"));
    it_fw_reboot(B.fw, 0, 0);
    ck_assert(!passes(IN, client, far));
    box_close(&B);
}
END_TEST

START_TEST(a_portal_catches_http_until_the_login_and_speaks_for_the_server)
{
    it_fw_profile p = open_all();
    p.until_login = 30 * IT_SEC;
    box_open_fw(&B, &p);
    it_node *own = own_edge("10.9.9.1");
    seg s = {A(C), A("198.51.100.1:80"), SYN, 1, 0, 0}, back = {A("10.9.9.1:80"), A(C), SYN | ACK, 9, 2, 0};
    seg tls = {A(C), A("198.51.100.1:443"), SYN, 1, 0, 0};
    it_addr to;
    box_tcp(&B, IN, &s);
    ck_assert(B.n_got == 1 && it_ip_eq(B.got[0].p.dst, I("10.9.9.1")) && B.got[0].p.dport == 80);
    ck_assert(it_fw_original(B.fw, IT_PROTO_TCP, A(C), 80, &to) && it_addr_eq(to, A("198.51.100.1:80")));
    ck_assert(!it_fw_original(B.fw, IT_PROTO_TCP, A(C), 81, &to));
    uint8_t buf[IT_PKT_MAX];
    B.n_got = 0;
    ck_assert_int_eq(it_edge_send(own, 0, box_tcp_bytes(buf, &back), 0), 0);
    box_at(&B, 0);
    ck_assert(B.n_got == 1 && it_ip_eq(B.got[0].p.src, I("198.51.100.1")) && it_ip_eq(B.got[0].p.dst, I("10.0.0.2")));
    box_tcp(&B, IN, &tls);
    ck_dropped(IT_DROP_FW_POLICY, "login");
    box_at(&B, 30 * IT_SEC);
    box_tcp(&B, IN, &tls);
    ck_assert_ptr_nonnull(box_got(&B, OUT));
    seg later = {A(C), A("198.51.100.1:80"), ACK, 2, 10, 0}; /* what the portal has begun stays there ... */
    box_tcp(&B, IN, &later);
    ck_assert(B.n_got == 1 && it_ip_eq(B.got[0].p.dst, I("10.9.9.1")));
    box_tcp(&B, IN, &s); /* ... and what begins now does not */
    ck_assert(box_got(&B, OUT) && it_ip_eq(box_got(&B, OUT)->dst, I("198.51.100.1")));
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/firewall");
    TCase *t = tcase_create("policy");
    tcase_add_test(t, without_a_policy_everything_passes_both_ways);
    tcase_add_test(t, blocked_udp_passes_neither_way);
    tcase_add_test(t, named_ports_alone_may_be_reached_and_answer);
    tcase_add_test(t, a_star_among_ports_means_all);
    tcase_add_test(t, asymmetric_rules_let_in_what_they_name_and_its_answers_out);
    tcase_add_test(t, impossible_policies_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6092 section 3");
    tcase_add_loop_test(t, filtering_decides_who_comes_in, 0, 3);
    tcase_add_test(t, a_flow_of_udp_ends_when_it_was_silent);
    tcase_add_test(t, a_flow_too_old_is_dead_whatever_its_traffic);
    tcase_add_test(t, icmp_errors_pass_with_their_flow_alone);
    tcase_add_test(t, an_echo_from_inside_is_answered_one_from_outside_is_not);
    tcase_add_loop_test(t, ipsec_passes_where_it_is_allowed, 0, 2);
    tcase_add_test(t, multicast_of_ipv6_does_not_cross);
    tcase_add_test(t, a_reboot_loses_flows_and_is_silent_meanwhile);
    suite_add_tcase(s, t);
    t = tcase_create("policers");
    tcase_add_test(t, the_udp_policer_lets_its_burst_and_then_its_rate_pass);
    tcase_add_test(t, police_counts_packets_of_every_protocol_in_its_direction);
    tcase_add_test(t, police_counts_bytes);
    tcase_add_test(t, what_is_larger_than_the_bucket_never_passes);
    suite_add_tcase(s, t);
    t = tcase_create("tunnels");
    tcase_add_loop_test(t, a_packet_too_big_for_the_tunnel_is_answered_with_its_mtu, 0, 2);
    tcase_add_test(t, without_an_address_a_packet_too_big_is_answered_for_the_destination);
    tcase_add_test(t, a_packet_that_may_be_fragmented_goes_through_in_pieces);
    suite_add_tcase(s, t);
    t = tcase_create("own host");
    tcase_add_test(t, the_own_host_is_reached_from_inside_past_the_policy_and_not_from_outside);
    tcase_add_loop_test(t, a_login_opens_the_portal_for_one_client, 0, 2);
    tcase_add_test(t, a_portal_catches_http_until_the_login_and_speaks_for_the_server);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
