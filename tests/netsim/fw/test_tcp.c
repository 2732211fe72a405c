/* TCP through a firewall: what begins a flow, its timers, SYNs nobody asked for, killed and reset connections. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
#define C "10.0.0.2:5000"
#define S "198.51.100.1:80"
#define C6 "[2001:db8:1::2]:5000"
#define S6 "[2001:db8:2::1]:80"

static const char *client, *server;

static it_fw_profile base(bool stateful)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.tcp.stateful = stateful;
    p.tcp.timeout.syn = 100 * IT_SEC;
    p.tcp.timeout.est = 5000 * IT_SEC;
    p.tcp.timeout.fin = 60 * IT_SEC;
    p.tcp.timeout.close = 10 * IT_SEC;
    client = C;
    server = S;
    return p;
}

static bool sends(int side, const char *from, const char *to, uint8_t flags, uint32_t seq, uint32_t ack, size_t n)
{
    seg s = {A(from), A(to), flags, seq, ack, n};
    box_tcp(&B, side, &s);
    it_pkt *p = box_got(&B, !side);
    return p && p->proto == IT_PROTO_TCP && it_pkt_l4(p)[13] == flags && it_get32(it_pkt_l4(p) + 4) == seq;
}

static bool out(uint8_t flags, uint32_t seq, uint32_t ack, size_t n)
{
    return sends(IN, client, server, flags, seq, ack, n);
}

static bool in(uint8_t flags, uint32_t seq, uint32_t ack, size_t n)
{
    return sends(OUT, server, client, flags, seq, ack, n);
}

static void handshake(void)
{
    ck_assert(out(SYN, 1000, 0, 0));
    ck_assert(in(SYN | ACK, 9000, 1001, 0));
    ck_assert(out(ACK, 1001, 9001, 0));
}

static uint32_t flows(void)
{
    return it_fw_stat(B.fw)->flows;
}

#define ck_why(reason, text)                                                                                           \
    do {                                                                                                               \
        ck_assert_int_eq(B.drop, reason);                                                                              \
        ck_assert_msg(strstr(B.why, text) != NULL, "\"%s\"", B.why);                                                   \
    } while (0)

#define ck_dies_at(t)                                                                                                  \
    do {                                                                                                               \
        box_at(&B, (t)-1);                                                                                             \
        ck_assert_uint_eq(flows(), 1);                                                                                 \
        box_at(&B, t);                                                                                                 \
        ck_assert_uint_eq(flows(), 0);                                                                                 \
    } while (0)

/* The RST that came out of |side|, with its numbers. */
static void ck_reset(int side, const char *from, uint32_t seq)
{
    it_pkt *p = NULL;
    for (size_t i = 0; i < B.n_got; i++)
        if (B.got[i].side == side && B.got[i].p.proto == IT_PROTO_TCP && (it_pkt_l4(&B.got[i].p)[13] & RST))
            p = &B.got[i].p;
    ck_assert_ptr_nonnull(p);
    ck_assert(it_addr_eq(it_addr_of(p->src, p->sport), A(from)));
    ck_assert_uint_eq(it_get32(it_pkt_l4(p) + 4), seq);
}

static int resets(int side)
{
    int n = 0;
    for (size_t i = 0; i < B.n_got; i++)
        n += B.got[i].side == side && B.got[i].p.proto == IT_PROTO_TCP && (it_pkt_l4(&B.got[i].p)[13] & RST);
    return n;
}

/* --- RFC 6092 section 3.3.1 --- */

START_TEST(a_connection_from_inside_passes_in_both_families)
{
    it_fw_profile p = base(true);
    if (_i)
        client = C6, server = S6;
    box_open_fw(&B, &p);
    handshake();
    ck_assert(out(ACK, 1001, 9001, 100));
    ck_assert(in(ACK, 9001, 1101, 100));
    ck_assert(in(FIN | ACK, 9101, 1101, 0));
    ck_assert(out(FIN | ACK, 1101, 9102, 0));
    ck_assert(in(ACK, 9102, 1102, 0));
    ck_assert_uint_eq(flows(), 1);
    box_close(&B);
}
END_TEST

START_TEST(both_ends_may_open_at_once)
{
    it_fw_profile p = base(true);
    box_open_fw(&B, &p);
    ck_assert(out(SYN, 1000, 0, 0));
    ck_assert(in(SYN, 9000, 0, 0));
    ck_assert(out(SYN | ACK, 1000, 9001, 0));
    ck_assert(in(SYN | ACK, 9000, 1001, 0));
    box_close(&B);
}
END_TEST

START_TEST(filtering_decides_whose_syn_comes_in)
{
    it_fw_profile p = base(true);
    p.tcp.filtering = (uint8_t)_i;
    box_open_fw(&B, &p);
    ck_assert(!in(SYN, 1, 0, 0));
    handshake();
    ck_assert_int_eq(sends(OUT, "198.51.100.1:81", C, SYN, 1, 0, 0), _i != IT_NAT_APD);
    ck_assert_int_eq(sends(OUT, "198.51.100.9:81", C, SYN, 1, 0, 0), _i == IT_NAT_EI);
    ck_assert(!sends(OUT, "198.51.100.1:80", "10.0.0.2:5001", SYN, 1, 0, 0));
    box_close(&B);
}
END_TEST

START_TEST(a_segment_of_no_flow_does_not_pass)
{
    it_fw_profile p = base(true);
    p.tcp.loose = _i == 1;
    box_open_fw(&B, &p);
    ck_assert(!in(ACK, 9001, 1001, 10));
    ck_why(IT_DROP_FW_STATE, "no flow");
    ck_assert_int_eq(out(ACK, 1001, 9001, 10), _i); /* picked up in the middle from inside alone */
    ck_assert_int_eq(in(ACK, 9001, 1001, 10), _i);
    box_close(&B);
}
END_TEST

START_TEST(blocked_tcp_passes_neither_way)
{
    it_fw_profile p = base(false);
    p.tcp.block = true;
    box_open_fw(&B, &p);
    ck_assert(!out(SYN, 1, 0, 0));
    ck_why(IT_DROP_FW_POLICY, "TCP is blocked");
    ck_assert(!in(SYN, 1, 0, 0));
    box_close(&B);
}
END_TEST

START_TEST(ports_limit_what_goes_out_and_comes_in)
{
    it_fw_profile p = base(false);
    p.tcp_out = (it_fw_ports){.port = {80, 443}, .n = 2, .set = true};
    p.tcp_in = (it_fw_ports){.port = {22}, .n = 1, .set = true};
    box_open_fw(&B, &p);
    handshake();
    ck_assert(!sends(IN, C, "198.51.100.1:8080", SYN, 1, 0, 0));
    ck_why(IT_DROP_FW_POLICY, "tcp_out");
    ck_assert(!sends(OUT, S, "10.0.0.2:23", SYN, 1, 0, 0));
    ck_why(IT_DROP_FW_STATE, "");
    ck_assert(sends(OUT, S, "10.0.0.2:22", SYN, 1, 0, 0));
    ck_assert(sends(IN, "10.0.0.2:22", S, SYN | ACK, 7, 2, 0)); /* though 80 from port 22 is no new flow */
    box_close(&B);
}
END_TEST

START_TEST(an_unsolicited_syn_is_answered_as_the_policy_says)
{
    it_fw_profile p = base(true);
    p.tcp.syn_in = (uint8_t)_i;
    box_open_fw(&B, &p);
    ck_assert(!in(SYN, 77, 0, 0));
    it_pkt *a = box_got(&B, OUT);
    if (_i == IT_FW_SYN_RST)
        ck_reset(OUT, C, 0);
    else if (_i == IT_FW_SYN_ICMP)
        ck_assert(a && it_pkt_is_icmp_error(a) && it_pkt_l4(a)[0] == 3 && it_pkt_l4(a)[1] == 13 &&
                  it_ip_eq(a->src, I("10.0.0.2")));
    else
        ck_assert_ptr_null(a);
    box_close(&B);
}
END_TEST

/* REC-34. */
START_TEST(a_held_syn_is_answered_after_six_seconds)
{
    it_fw_profile p = base(true);
    p.tcp.syn_in = IT_FW_SYN_HOLD;
    client = C6, server = S6;
    box_open_fw(&B, &p);
    it_fw_address(B.fw, I("2001:db8:9::9"));
    box_at(&B, IT_SEC);
    ck_assert(!in(SYN, 77, 0, 0));
    box_at(&B, 7 * IT_SEC - 1);
    ck_assert_uint_eq(B.n_got, 0);
    box_at(&B, 7 * IT_SEC);
    it_pkt *a = box_got(&B, OUT);
    ck_assert(a && it_pkt_is_icmp_error(a) && it_pkt_l4(a)[0] == 1 && it_pkt_l4(a)[1] == 1);
    ck_assert(it_ip_eq(a->src, I("2001:db8:9::9")));
    ck_why(IT_DROP_FW_STATE, "6 s");
    box_close(&B);
}
END_TEST

START_TEST(a_syn_from_inside_ends_the_wait_silently)
{
    it_fw_profile p = base(true);
    p.tcp.syn_in = IT_FW_SYN_HOLD;
    box_open_fw(&B, &p);
    ck_assert(!in(SYN, 77, 0, 0));
    box_at(&B, 5 * IT_SEC);
    ck_assert(out(SYN, 1000, 0, 0));
    ck_assert_uint_eq(B.n_drops, 1);
    B.n_got = 0;
    box_at(&B, 20 * IT_SEC);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(held_syns_are_bounded_and_a_reboot_frees_them)
{
    it_fw_profile p = base(true);
    char from[32];
    p.tcp.syn_in = IT_FW_SYN_HOLD;
    box_open_fw(&B, &p);
    for (int i = 0; i < 65; i++) {
        snprintf(from, sizeof from, "198.51.100.1:%d", 1000 + i);
        ck_assert(!sends(OUT, from, C, SYN, 1, 0, 0));
        ck_assert_int_eq(B.drop, i < 64 ? IT_DROP_NONE : IT_DROP_FW_STATE);
    }
    it_fw_reboot(B.fw, 0, 0);
    B.n_got = 0;
    box_at(&B, 20 * IT_SEC);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* REC-35: the phases and their timers. */
START_TEST(every_phase_has_its_timer)
{
    it_fw_profile p = base(true);
    box_open_fw(&B, &p);
    ck_assert(out(SYN, 1000, 0, 0));
    ck_dies_at(100 * IT_SEC);
    handshake();
    ck_dies_at(5100 * IT_SEC);
    handshake();
    ck_assert(out(FIN | ACK, 1001, 9001, 0));
    ck_dies_at(5160 * IT_SEC);
    handshake();
    ck_assert(in(RST, 9001, 0, 0));
    ck_dies_at(5170 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(traffic_keeps_an_open_flow)
{
    it_fw_profile p = base(true);
    box_open_fw(&B, &p);
    handshake();
    box_at(&B, 4000 * IT_SEC);
    ck_assert(in(ACK, 9001, 1001, 10));
    ck_dies_at(9000 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(the_outside_cannot_begin_anew_what_was_reset)
{
    it_fw_profile p = base(true);
    box_open_fw(&B, &p);
    handshake();
    ck_assert(out(RST | ACK, 1001, 9001, 0));
    ck_assert(!in(SYN, 5, 0, 0));
    ck_assert(out(SYN, 2000, 0, 0));
    ck_assert(in(SYN | ACK, 5, 2001, 0));
    box_close(&B);
}
END_TEST

/* REC-36, 37. */
/* As netfilter has it; by RFC 6092 it is a flow that is closing. */
START_TEST(what_only_a_reset_answers_is_forgotten_where_netfilter_tracks)
{
    it_fw_profile p = base(true);
    p.conntrack = _i;
    box_open_fw(&B, &p);
    ck_assert(out(SYN, 1000, 0, 0));
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    ck_assert(in(RST | ACK, 0, 1001, 0));
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, !_i);
    box_close(&B);
}
END_TEST

START_TEST(icmp_errors_about_a_flow_pass_and_do_not_end_it)
{
    it_fw_profile p = base(true);
    client = C6, server = S6;
    box_open_fw(&B, &p);
    handshake();
    it_pkt sent = *box_got(&B, OUT);
    box_error(&B, OUT, I("2001:db8:7::7"), &sent, 2, 0);
    ck_assert_ptr_nonnull(box_got(&B, IN));
    ck_assert(in(ACK, 9001, 1001, 10));
    box_close(&B);
}
END_TEST

/* --- killers --- */

START_TEST(an_idle_flow_is_ended_as_the_policy_says)
{
    it_fw_profile p = base(false);
    p.tcp.idle = 30 * IT_SEC;
    p.tcp.kill = (uint8_t)_i;
    box_open_fw(&B, &p);
    handshake();
    ck_assert(out(ACK, 1001, 9001, 50));
    ck_assert(in(ACK, 9001, 1051, 20));
    box_at(&B, 30 * IT_SEC - 1);
    B.n_got = 0;
    ck_assert_uint_eq(flows(), 1);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_eq(flows(), 0);
    ck_assert_uint_eq(it_fw_stat(B.fw)->killed, 1);
    if (_i == IT_FW_KILL_RST) {
        ck_reset(IN, S, 9001); /* what the client has acknowledged: RFC 5961 section 3.2 takes no other */
        ck_reset(OUT, C, 1051);
    } else {
        ck_assert_uint_eq(B.n_got, 0);
    }
    ck_assert(!out(ACK, 1051, 9021, 5));
    ck_why(IT_DROP_FW_STATE, "no flow");
    ck_assert_int_eq(resets(IN), _i == IT_FW_KILL_LATE);
    ck_assert(!in(ACK, 9021, 1051, 5));
    ck_assert_int_eq(resets(OUT), 0);
    box_close(&B);
}
END_TEST

START_TEST(an_idle_killer_spares_what_is_not_open)
{
    it_fw_profile p = base(false);
    p.tcp.idle = 30 * IT_SEC;
    box_open_fw(&B, &p);
    ck_assert(out(SYN, 1000, 0, 0));
    ck_dies_at(100 * IT_SEC);
    ck_assert_uint_eq(it_fw_stat(B.fw)->killed, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_flow_too_old_is_ended_whatever_its_traffic)
{
    it_fw_profile p = base(false);
    p.tcp.max_flow_age = 60 * IT_SEC;
    p.tcp.kill = (uint8_t)_i;
    box_open_fw(&B, &p);
    handshake();
    for (int t = 10; t < 60; t += 10) {
        box_at(&B, t * IT_SEC);
        ck_assert(in(ACK, 9001, 1001, 10));
    }
    box_at(&B, 60 * IT_SEC);
    ck_assert(!in(ACK, 9001, 1001, 10));
    ck_why(IT_DROP_FW_POLICY, "max_flow_age");
    ck_assert_int_eq(resets(IN) + resets(OUT), _i == IT_FW_KILL_RST ? 2 : 0);
    ck_assert(!out(ACK, 1001, 9001, 10));
    ck_assert_int_eq(resets(IN), _i == IT_FW_KILL_LATE);
    ck_assert_uint_eq(it_fw_stat(B.fw)->killed, 1);
    box_close(&B);
}
END_TEST

START_TEST(the_injector_resets_both_ends_after_so_many_bytes)
{
    it_fw_profile p = base(false);
    p.tcp.rst_ports = (it_fw_ports){.port = {80}, .n = 1, .set = true};
    p.tcp.rst_after = 100;
    box_open_fw(&B, &p);
    handshake();
    ck_assert(out(ACK, 1001, 9001, 60));
    ck_assert(in(ACK, 9001, 1061, 40));
    ck_assert_int_eq(resets(IN) + resets(OUT), 0); /* exactly the limit */
    ck_assert(out(ACK, 1061, 9041, 1));
    ck_reset(OUT, C, 1061);
    ck_reset(IN, S, 9041);
    ck_assert_uint_eq(it_fw_stat(B.fw)->resets, 2);
    client = "10.0.0.2:5001", server = "198.51.100.1:443";
    handshake();
    ck_assert(out(ACK, 1001, 9001, 400));
    ck_assert_int_eq(resets(IN) + resets(OUT), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_reset_made_by_the_box_takes_the_gateway_outside)
{
    it_fw_profile p = base(true);
    p.tcp.syn_in = IT_FW_SYN_RST;
    box_open_fw(&B, &p);
    it_fw_gateway(B.fw, I("192.168.1.1"));
    ck_assert(!in(SYN, 77, 0, 0));
    it_pkt *r = box_got(&B, OUT);
    ck_assert(r && it_ip_eq(r->hop, I("192.168.1.1")));
    box_close(&B);
}
END_TEST

/* --- out of memory --- */

#define TRY(e)                                                                                                         \
    do {                                                                                                               \
        int err_ = (e);                                                                                                \
        if (err_ < 0)                                                                                                  \
            return err_;                                                                                               \
    } while (0)
#define NEED(p)                                                                                                        \
    do {                                                                                                               \
        if (!(p))                                                                                                      \
            return IT_ERR_NOMEM;                                                                                       \
    } while (0)

/* Lets time run; what comes out is thrown away. */
static int run_on(it_world *w, it_time t)
{
    int r;
    while ((r = it_world_run(w, t)) == 1) {
        it_pkt *p = it_edge_take(it_world_ready(w));
        if (p)
            it_pkt_free(it_world_pool(w), p);
    }
    return r;
}

/* A box with an own host: caught, held, opened, idle and reset connections. */
static int life(it_world *w)
{
    it_fw_profile p = base(true);
    uint8_t buf[IT_PKT_MAX];
    it_node *e[3];
    p.tcp.syn_in = IT_FW_SYN_HOLD;
    p.tcp.idle = 20 * IT_SEC;
    p.tcp.kill = IT_FW_KILL_RST;
    p.tls_mitm = true;
    it_fw *fw = it_fw_new(w, "fw", &p);
    NEED(fw);
    TRY(it_fw_own(fw, I("10.9.9.2")));
    for (int i = 0; i < 3; i++) {
        const char *const name[] = {"a", "b", "c"};
        NEED(e[i] = it_edge_new(w, name[i], "eth"));
        TRY(it_link_new(w, &(it_link_cfg){.name = name[i]}, e[i], 0, it_fw_node(fw), i));
    }
    for (uint16_t i = 0; i < 20; i++) {
        seg out_ = {A(C), A(S), SYN, 1, 0, 0}, back = {A(S), A(C), SYN | ACK, 9, 2, 0},
            held = {A("198.51.100.9:1"), A(C), SYN, 1, 0, 0};
        seg tls = {A(C), A("198.51.100.1:443"), SYN, 1, 0, 0};
        out_.from.port = back.to.port = tls.from.port = (uint16_t)(5000 + i);
        held.from.port = (uint16_t)(1 + i);
        TRY(it_edge_send(e[0], 0, box_tcp_bytes(buf, &out_), 0));
        TRY(run_on(w, 0));
        TRY(it_edge_send(e[1], 0, box_tcp_bytes(buf, &back), 0));
        TRY(it_edge_send(e[1], 0, box_tcp_bytes(buf, &held), 0));
        TRY(it_edge_send(e[0], 0, box_tcp_bytes(buf, &tls), 0));
        TRY(run_on(w, 0));
    }
    TRY(run_on(w, 100 * IT_SEC));
    ck_assert_uint_eq(it_fw_stat(fw)->killed, 20);
    ck_assert_uint_eq(it_fw_stat(fw)->steered, 20);
    ck_assert_uint_eq(it_fw_stat(fw)->drops[IT_DROP_FW_STATE], 20);
    return 0;
}

START_TEST(every_failed_allocation_is_said_and_leaves_nothing)
{
    for (uint64_t n = 0;; n++) {
        it_alloc a;
        ck_assert_uint_lt(n, 1000);
        it_alloc_init_countdown(&a, n);
        it_world *w = it_world_new(&(it_world_cfg){&a, 1});
        int err = w ? life(w) : IT_ERR_NOMEM;
        it_world_free(w);
        ck_assert_int_eq(a.live, 0);
        if (err == 0)
            break;
        ck_assert_int_eq(err, IT_ERR_NOMEM);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/fw_tcp");
    TCase *t = tcase_create("RFC 6092 section 3.3.1");
    tcase_add_loop_test(t, a_connection_from_inside_passes_in_both_families, 0, 2);
    tcase_add_test(t, both_ends_may_open_at_once);
    tcase_add_loop_test(t, filtering_decides_whose_syn_comes_in, 0, 3);
    tcase_add_loop_test(t, a_segment_of_no_flow_does_not_pass, 0, 2);
    tcase_add_test(t, blocked_tcp_passes_neither_way);
    tcase_add_test(t, ports_limit_what_goes_out_and_comes_in);
    tcase_add_loop_test(t, an_unsolicited_syn_is_answered_as_the_policy_says, 0, 4);
    tcase_add_test(t, a_held_syn_is_answered_after_six_seconds);
    tcase_add_test(t, a_syn_from_inside_ends_the_wait_silently);
    tcase_add_test(t, held_syns_are_bounded_and_a_reboot_frees_them);
    tcase_add_test(t, every_phase_has_its_timer);
    tcase_add_test(t, traffic_keeps_an_open_flow);
    tcase_add_test(t, the_outside_cannot_begin_anew_what_was_reset);
    tcase_add_loop_test(t, what_only_a_reset_answers_is_forgotten_where_netfilter_tracks, 0, 2);
    tcase_add_test(t, icmp_errors_about_a_flow_pass_and_do_not_end_it);
    suite_add_tcase(s, t);
    t = tcase_create("killers");
    tcase_add_loop_test(t, an_idle_flow_is_ended_as_the_policy_says, 0, 3);
    tcase_add_test(t, an_idle_killer_spares_what_is_not_open);
    tcase_add_loop_test(t, a_flow_too_old_is_ended_whatever_its_traffic, 0, 3);
    tcase_add_test(t, the_injector_resets_both_ends_after_so_many_bytes);
    tcase_add_test(t, a_reset_made_by_the_box_takes_the_gateway_outside);
    suite_add_tcase(s, t);
    t = tcase_create("out of memory");
    tcase_add_test(t, every_failed_allocation_is_said_and_leaves_nothing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
