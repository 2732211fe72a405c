/* TCP through a NAT: what opens a connection, its phases and their timers, SYNs nobody asked for, resets. */
#include "tests/netsim/box.h"

static box B;

#define C "10.0.0.2:5000"
#define S "198.51.100.1:80"
#define X "203.0.113.1:5000" /* C outside */

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.tcp.timeout.syn = 100 * IT_SEC;
    p.tcp.timeout.est = 5000 * IT_SEC;
    p.tcp.timeout.fin = 700 * IT_SEC;
    p.tcp.timeout.timewait = 60 * IT_SEC;
    p.tcp.timeout.close = 10 * IT_SEC;
    return p;
}

/* Whether segment |flags| passes from |from| to |to|, in at |side|. */
static bool passes(int side, const char *from, const char *to, uint8_t flags, uint32_t seq, uint32_t ack)
{
    seg s = {A(from), A(to), flags, seq, ack, 0};
    box_tcp(&B, side, &s);
    it_pkt *p = box_got(&B, !side);
    return p && p->proto == IT_PROTO_TCP && it_pkt_l4(p)[13] == flags && it_get32(it_pkt_l4(p) + 4) == seq;
}

static bool out(uint8_t flags, uint32_t seq, uint32_t ack)
{
    return passes(IT_NAT_LAN, C, S, flags, seq, ack);
}

static bool in(uint8_t flags, uint32_t seq, uint32_t ack)
{
    return passes(IT_NAT_WAN, S, X, flags, seq, ack);
}

static void handshake(void)
{
    ck_assert(out(SYN, 1000, 0));
    ck_assert(in(SYN | ACK, 9000, 1001));
    ck_assert(out(ACK, 1001, 9001));
}

static uint32_t sessions(void)
{
    return it_nat_stat(B.nat)->sessions;
}

#define ck_dies_at(t)                                                                                                  \
    do {                                                                                                               \
        box_at(&B, (t)-1);                                                                                             \
        ck_assert_uint_eq(sessions(), 1);                                                                              \
        box_at(&B, t);                                                                                                 \
        ck_assert_uint_eq(sessions(), 0);                                                                              \
        ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);                                                            \
    } while (0)

/* --- RFC 5382 section 4: mapping and filtering --- */

START_TEST(a_handshake_passes_both_ways_translated)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    it_pkt *o = box_got(&B, IT_NAT_WAN);
    ck_addr(it_addr_of(o->src, o->sport), X);
    ck_assert(in(SYN | ACK, 9000, 1001));
    it_pkt *i = box_got(&B, IT_NAT_LAN);
    ck_addr(it_addr_of(i->dst, i->dport), C);
    ck_assert(out(ACK, 1001, 9001));
    ck_assert_uint_eq(sessions(), 1);
    box_close(&B);
}
END_TEST

START_TEST(tcp_maps_and_filters_by_its_own_rules)
{
    /* REQ-1, REQ-3b: independently of UDP. */
    it_nat_profile p = base();
    p.tcp.mapping = (uint8_t)(_i / 3);
    p.tcp.filtering = (uint8_t)(_i % 3);
    p.udp.mapping = (uint8_t)((_i / 3 + 1) % 3);
    p.udp.filtering = (uint8_t)((_i % 3 + 1) % 3);
    p.udp.alloc.mode = IT_NAT_RANDOM;
    box_open(&B, &p);
    static const char *const TO[] = {"198.51.100.1:80", "198.51.100.1:81", "198.51.100.2:80"};
    it_addr ext[3];
    for (int i = 0; i < 3; i++) {
        ck_assert(passes(IT_NAT_LAN, C, TO[i], SYN, 1, 0));
        ext[i] = it_addr_of(box_got(&B, IT_NAT_WAN)->src, box_got(&B, IT_NAT_WAN)->sport);
    }
    ck_assert(it_addr_eq(ext[0], ext[1]) == (p.tcp.mapping != IT_NAT_APD));
    ck_assert(it_addr_eq(ext[0], ext[2]) == (p.tcp.mapping == IT_NAT_EI));
    char to[IT_ADDR_TEXT];
    ck_assert(passes(IT_NAT_WAN, "198.51.100.1:99", it_addr_text(ext[0], to), SYN, 1, 0) ==
              (p.tcp.filtering != IT_NAT_APD));
    ck_assert(passes(IT_NAT_WAN, "198.51.100.9:99", it_addr_text(ext[0], to), SYN, 1, 0) ==
              (p.tcp.filtering == IT_NAT_EI));
    box_close(&B);
}
END_TEST

static uint8_t stage(void)
{
    uint32_t pos = 0;
    it_nat_entry e = {.stage = 99};
    (void)it_nat_next_session(B.nat, &pos, &e);
    return e.stage;
}

/* As measured with netfilter: after a reset from the other side a SYN passes, and counts when it is answered. */
START_TEST(a_strict_box_waits_for_the_answer_to_a_syn_after_a_reset)
{
    it_nat_profile p = base();
    p.tcp.strict = _i == 0;
    box_open(&B, &p);
    handshake();
    ck_assert(in(IT_TCP_RST, 9001, 0));
    uint8_t reset = stage();
    box_at(&B, 5 * IT_SEC);
    ck_assert(out(SYN, 50000, 0));
    ck_assert_int_eq(stage() == reset, _i == 0);
    if (_i == 0)
        ck_dies_at(10 * IT_SEC);
    box_close(&B);
}
END_TEST

/* RFC 6146 section 3.5.2.2, V4 INIT; RFC 5382 REQ-2: the SYN that was held is one half of a simultaneous open. */
START_TEST(a_held_syn_and_one_from_inside_open_the_connection)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    ck_assert(passes(IT_NAT_LAN, C, "198.51.100.7:7", SYN, 1, 0)); /* so that there is a mapping */
    box_at(&B, 90 * IT_SEC);
    ck_assert(!in(SYN, 9000, 0));
    ck_assert(out(SYN, 1000, 0));
    box_at(&B, 99 * IT_SEC);
    ck_assert_uint_eq(sessions(), 2);
    box_at(&B, 90 * IT_SEC + p.tcp.timeout.syn + IT_SEC);
    ck_assert_uint_eq(sessions(), 1); /* open: it has outlived a lone SYN */
    box_close(&B);
}
END_TEST

START_TEST(over_a_limit_nothing_is_answered)
{
    it_nat_profile p = base();
    p.tcp.filtering = IT_NAT_EI;
    p.tcp.syn_in = (uint8_t)_i;
    p.limits.sessions_per_host = 1;
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    ck_assert(!passes(IT_NAT_WAN, "198.51.100.7:7", X, SYN, 1, 0));
    box_at(&B, 10 * IT_SEC); /* nor later */
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    box_close(&B);
}
END_TEST

START_TEST(tcp_and_udp_ports_are_two_name_spaces)
{
    /* RFC 7857 sections 5 and 6. */
    it_nat_profile p = base();
    p.udp.filtering = p.tcp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    ck_assert(out(SYN, 1, 0));
    ck_addr(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:80"), X); /* the same port, of UDP */
    ck_assert(passes(IT_NAT_WAN, "198.51.100.9:9", X, SYN, 1, 0));
    ck_addr(it_addr_of(box_got(&B, IT_NAT_LAN)->dst, 5000), C);
    ck_addr(udp_in(&B, "198.51.100.9:9", A(X)), "10.0.0.3:5000");
    box_close(&B);
}
END_TEST

START_TEST(a_clash_of_ports_is_treated_as_the_profile_says)
{
    it_nat_profile p = base();
    p.udp.overload = _i == 1;
    p.udp.clash_edm = true;
    p.udp.alloc.on_clash = _i == 2 ? IT_NAT_CLASH_NEXT : _i == 3 ? IT_NAT_CLASH_DROP : IT_NAT_CLASH_RANDOM;
    box_open(&B, &p);
    ck_assert(out(SYN, 1, 0));
    bool passed = passes(IT_NAT_LAN, "10.0.0.3:5000", "198.51.100.2:80", SYN, 1, 0);
    ck_assert(passed == (_i != 3));
    uint16_t port = passed ? box_got(&B, IT_NAT_WAN)->sport : 0;
    ck_assert((port == 5000) == (_i == 1));
    if (_i == 2)
        ck_assert_uint_eq(port, 5001);
    if (_i == 1) {
        ck_assert(passes(IT_NAT_LAN, "10.0.0.3:5000", S, SYN, 1, 0));
        ck_assert_uint_ne(box_got(&B, IT_NAT_WAN)->sport, 5000);
    }
    box_close(&B);
}
END_TEST

/* --- REQ-2: opening --- */

START_TEST(a_simultaneous_open_passes)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    ck_assert(in(SYN, 9000, 0));
    ck_assert(out(SYN | ACK, 1000, 9001));
    ck_assert(in(SYN | ACK, 9000, 1001));
    ck_dies_at(5000 * IT_SEC);
    box_close(&B);
}
END_TEST

static const uint8_t NO_SYN[] = {ACK, PSH | ACK, FIN | ACK, SYN | ACK};

START_TEST(only_a_syn_opens_a_session)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    ck_assert(!out(NO_SYN[_i], 1000, 1));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_MAPPING);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_uint_eq(sessions(), 0);
    ck_assert(!in(NO_SYN[_i], 1000, 1));
    ck_assert_uint_eq(sessions(), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_loose_box_picks_up_what_it_has_not_seen_begin)
{
    it_nat_profile p = base();
    p.tcp.loose = true;
    box_open(&B, &p);
    handshake();
    it_nat_flush(B.nat, 0);
    ck_assert(!in(PSH | ACK, 9001, 1001)); /* from outside nothing comes in */
    ck_assert(out(PSH | ACK, 1001, 9001));
    ck_addr(it_addr_of(box_got(&B, IT_NAT_WAN)->src, box_got(&B, IT_NAT_WAN)->sport), X);
    ck_assert(in(ACK, 9001, 1001));
    ck_dies_at(5000 * IT_SEC);
    ck_assert(!out(RST, 1001, 0)); /* a reset opens nothing */
    box_close(&B);
}
END_TEST

START_TEST(a_forgotten_connection_is_reset_where_the_profile_says)
{
    it_nat_profile p = base();
    p.tcp.rst_on_expired = true;
    p.tcp.mapping = IT_NAT_APD;
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    box_at(&B, 100 * IT_SEC);
    ck_assert_uint_eq(sessions(), 0);
    seg s = {A(C), A(S), PSH | ACK, 1001, 9001, 50};
    box_tcp(&B, IT_NAT_LAN, &s);
    it_pkt *r = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    ck_assert_ptr_nonnull(r);
    ck_addr(it_addr_of(r->src, r->sport), S);
    ck_addr(it_addr_of(r->dst, r->dport), C);
    ck_assert_uint_eq(it_pkt_l4(r)[13], RST);
    ck_assert_uint_eq(it_get32(it_pkt_l4(r) + 4), 9001); /* RFC 9293 section 3.5.2 */
    /* A reset is not answered. */
    s.flags = RST;
    box_tcp(&B, IT_NAT_LAN, &s);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_mapping_carries_segments_of_connections_it_does_not_know)
{
    /* RFC 6146 section 3.5.2.2, CLOSED: "the packet SHOULD be translated and forwarded", without a session. */
    it_nat_profile p = base();
    p.tcp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    handshake();
    ck_assert(passes(IT_NAT_LAN, C, "198.51.100.7:7", ACK, 5, 5));
    ck_assert(passes(IT_NAT_WAN, "198.51.100.8:8", X, ACK, 5, 5));
    ck_assert_uint_eq(sessions(), 1);
    box_close(&B);
}
END_TEST

/* --- REQ-5, RFC 7857 section 2: timers --- */

START_TEST(an_opening_connection_lives_syn)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    box_at(&B, 40 * IT_SEC);
    if (_i == 0)
        ck_assert(out(SYN, 1000, 0)); /* sent again: RFC 6146, V6 INIT */
    else
        ck_assert(out(ACK, 1001, 1)); /* anything else does not prolong */
    ck_dies_at((_i == 0 ? 140 : 100) * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(an_established_connection_lives_est_from_its_last_packet)
{
    it_nat_profile p = base();
    p.udp.refresh.inb = p.udp.refresh.out = false; /* of UDP alone */
    box_open(&B, &p);
    handshake();
    box_at(&B, 4000 * IT_SEC);
    if (_i == 0)
        ck_assert(out(PSH | ACK, 1001, 9001));
    else
        ck_assert(in(PSH | ACK, 9001, 1001));
    ck_dies_at(9000 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_half_closed_connection_lives_fin_and_still_carries_data)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    ck_assert(_i ? in(FIN | ACK, 9001, 1001) : out(FIN | ACK, 1001, 9001));
    box_at(&B, 600 * IT_SEC);
    ck_assert(_i ? out(PSH | ACK, 1001, 9002) : in(PSH | ACK, 9001, 1002));
    ck_dies_at(1300 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_closed_connection_lives_timewait_from_the_second_fin)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    ck_assert(out(FIN | ACK, 1001, 9001));
    ck_assert(in(FIN | ACK, 9001, 1002));
    box_at(&B, 30 * IT_SEC);
    ck_assert(out(ACK, 1002, 9002)); /* RFC 6146: everything passes, nothing prolongs */
    ck_assert(in(FIN | ACK, 9001, 1002));
    ck_dies_at(60 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_closed_connection_may_be_opened_anew)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    if (_i == 0) {
        ck_assert(out(FIN | ACK, 1001, 9001));
        ck_assert(in(FIN | ACK, 9001, 1002));
    } else {
        ck_assert(in(RST, 9001, 0));
    }
    ck_assert(out(SYN, 70000, 0));
    box_at(&B, 99 * IT_SEC);
    ck_assert(in(SYN | ACK, 500, 70001));
    ck_dies_at(5099 * IT_SEC);
    box_close(&B);
}
END_TEST

/* --- boxes that are strict: netfilter's phases (tests/netsim/box/test_conntrack_phases.c) --- */

START_TEST(a_strict_box_has_a_timer_for_every_phase)
{
    it_nat_profile p = base();
    p.tcp.strict = true;
    p.tcp.timeout.syn_recv = 40 * IT_SEC;
    p.tcp.timeout.close_wait = 50 * IT_SEC;
    p.tcp.timeout.last_ack = 20 * IT_SEC;
    p.tcp.timeout.unacked = 300 * IT_SEC;
    const it_time ends[] = {100 * IT_SEC, 40 * IT_SEC, 5000 * IT_SEC, 300 * IT_SEC,
                            700 * IT_SEC, 50 * IT_SEC, 20 * IT_SEC,   60 * IT_SEC};
    p.tcp.timeout.unacked = _i == 4 ? 800 * IT_SEC : p.tcp.timeout.unacked; /* a FIN is owed an answer too */
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    if (_i >= 1)
        ck_assert(in(SYN | ACK, 9000, 1001));
    if (_i >= 2)
        ck_assert(out(ACK, 1001, 9001));
    if (_i == 3) {
        seg s = {A(C), A(S), PSH | ACK, 1001, 9001, 100};
        box_tcp(&B, IT_NAT_LAN, &s);
    }
    if (_i >= 4)
        ck_assert(out(FIN | ACK, 1001, 9001));
    if (_i >= 5)
        ck_assert(in(ACK, 9001, 1002));
    if (_i >= 6)
        ck_assert(in(FIN | ACK, 9001, 1002));
    if (_i >= 7)
        ck_assert(out(ACK, 1002, 9002));
    ck_dies_at(ends[_i]);
    box_close(&B);
}
END_TEST

START_TEST(of_an_ending_connection_a_strict_box_lets_every_reset_pass)
{
    it_nat_profile p = base();
    p.tcp.strict = true;
    box_open(&B, &p);
    handshake();
    ck_assert(!in(RST, 77, 0));
    ck_assert(out(FIN | ACK, 1001, 9001));
    ck_assert(in(RST, 77, 0));
    ck_dies_at(10 * IT_SEC);
    box_close(&B);
}
END_TEST

/* Both have ended, the last FIN is not acknowledged: a SYN passes, but begins nothing. */
START_TEST(a_strict_box_begins_anew_after_the_last_ack_alone)
{
    it_nat_profile p = base();
    p.tcp.strict = true;
    box_open(&B, &p);
    handshake();
    ck_assert(out(FIN | ACK, 1001, 9001));
    ck_assert(in(FIN | ACK, 9001, 1002));
    if (_i)
        ck_assert(out(ACK, 1002, 9002));
    ck_assert(out(SYN, 70000, 0));
    ck_dies_at(_i ? p.tcp.timeout.syn : p.tcp.timeout.last_ack);
    box_close(&B);
}
END_TEST

START_TEST(a_connection_from_before_a_box_was_strict_goes_on_as_it_was)
{
    it_nat_profile p = base();
    p.tcp.strict = _i;
    box_open(&B, &p);
    handshake();
    p.tcp.strict = !_i;
    ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    ck_assert(out(FIN | ACK, 1001, 9001));
    ck_assert(in(ACK, 9001, 1002));
    ck_dies_at(_i ? p.tcp.timeout.close_wait : p.tcp.timeout.fin);
    box_close(&B);
}
END_TEST

/* --- RFC 7857 section 2.2: resets --- */

START_TEST(a_reset_connection_lives_close)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    box_at(&B, 50 * IT_SEC);
    ck_assert(_i ? in(RST, 9001, 0) : out(RST, 1001, 0));
    box_at(&B, 55 * IT_SEC);
    ck_assert(_i ? in(RST, 9001, 0) : out(RST, 1001, 0)); /* section 7.1: translated, but does not refresh */
    ck_dies_at(60 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_packet_after_the_reset_brings_the_connection_back)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    ck_assert(in(RST, 9001, 0));
    box_at(&B, 9 * IT_SEC);
    ck_assert(out(PSH | ACK, 1001, 9001));
    ck_dies_at(5009 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_forged_reset_is_translated_but_changes_nothing)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    static const uint32_t SEQ[] = {9000, 9001 + 60001, 0x80000000u, 1};
    ck_assert(in(RST, SEQ[_i], 0));
    ck_dies_at(5000 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_reset_within_the_window_counts)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    handshake();
    ck_assert(in(RST, 9001 + 60000, 0));
    ck_dies_at(10 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_refused_connection_lives_close)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    ck_assert(in(RST | ACK, 0, _i ? 999 : 1001));
    ck_dies_at((_i ? 100 : 10) * IT_SEC); /* with a wrong acknowledgment it is a forgery */
    box_close(&B);
}
END_TEST

/* --- REQ-4: unsolicited SYNs --- */

static bool says_unreachable(void)
{
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    if (!e || e->proto != IT_PROTO_ICMP)
        return false;
    ck_assert_uint_eq(it_pkt_l4(e)[0], 3);
    ck_assert_uint_eq(it_pkt_l4(e)[1], 3);
    ck_addr(box_inner(e).src, S);
    ck_addr(box_inner(e).dst, X);
    return true;
}

START_TEST(an_unsolicited_syn_meets_what_the_profile_says)
{
    it_nat_profile p = base();
    p.tcp.syn_in = (uint8_t)(_i % 4);
    box_open(&B, &p);
    if (_i >= 4) /* a mapping there is, but its filter says no */
        ck_assert(passes(IT_NAT_LAN, C, "198.51.100.77:77", SYN, 1, 0));
    ck_assert(!in(SYN, 9000, 0));
    it_pkt *r = box_got(&B, IT_NAT_WAN);
    if (_i % 4 == IT_NAT_SYN_RST) {
        ck_assert_ptr_nonnull(r);
        ck_assert_uint_eq(it_pkt_l4(r)[13], RST | ACK);
        ck_assert_uint_eq(it_get32(it_pkt_l4(r) + 8), 9001);
        ck_addr(it_addr_of(r->src, r->sport), X);
    } else if (_i % 4 == IT_NAT_SYN_ICMP) {
        ck_assert(says_unreachable());
    } else {
        ck_assert_ptr_null(r);
    }
    if (_i % 4 == IT_NAT_SYN_HOLD6) {
        ck_assert_uint_eq(B.n_drops, 0);
        box_at(&B, 6 * IT_SEC - 1);
        ck_assert_uint_eq(B.n_got, 0);
        box_at(&B, 6 * IT_SEC);
        ck_assert(says_unreachable());
        ck_assert_int_eq(B.drop, IT_DROP_NAT_UNSOLICITED);
    }
    /* None of them may hinder the own SYN. */
    ck_assert(out(SYN, 1000, 0));
    ck_addr(it_addr_of(box_got(&B, IT_NAT_WAN)->src, box_got(&B, IT_NAT_WAN)->sport), X);
    box_close(&B);
}
END_TEST

START_TEST(a_held_syn_is_dropped_silently_when_the_own_one_comes)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    ck_assert(!in(SYN, 9000, 0));
    box_at(&B, 6 * IT_SEC - 1);
    ck_assert(out(SYN, 1000, 0));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_UNSOLICITED);
    ck_assert_uint_eq(B.n_got, 1); /* the SYN alone: no ICMP, nothing inwards */
    B.n_got = 0;
    box_at(&B, 20 * IT_SEC);
    ck_assert_uint_eq(B.n_got, 0);
    /* RFC 6146, V4 INIT: it counts as established. */
    ck_assert(in(SYN, 9000, 0));
    ck_dies_at(5020 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_syn_to_someone_else_does_not_release_a_held_one)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    ck_assert(!in(SYN, 9000, 0));
    ck_assert(passes(IT_NAT_LAN, C, "198.51.100.1:81", SYN, 1, 0));
    B.n_got = 0;
    box_at(&B, 6 * IT_SEC);
    ck_assert(says_unreachable());
    box_close(&B);
}
END_TEST

START_TEST(a_syn_sent_again_while_held_is_not_answered_twice)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    ck_assert(!in(SYN, 9000, 0));
    box_at(&B, 3 * IT_SEC);
    ck_assert(!in(SYN, 9000, 0));
    ck_assert_uint_eq(B.n_got, 0);
    box_at(&B, 60 * IT_SEC);
    ck_assert_uint_eq(B.n_got, 1);
    box_close(&B);
}
END_TEST

START_TEST(a_flood_of_syns_is_not_held_without_end)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    for (uint32_t i = 0; i < 300; i++) {
        seg s = {{it_ip4(0xc6336401u), (uint16_t)(1000 + i)}, A(X), SYN, 1, 0, 0};
        box_tcp(&B, IT_NAT_WAN, &s);
        ck_assert_uint_eq(B.n_drops, i >= 256);
        ck_assert_uint_eq(B.n_got, 0);
    }
    it_nat_flush(B.nat, 0);
    ck_assert_uint_eq(B.n_drops, 256 + 1);
    box_at(&B, 60 * IT_SEC);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_held_syn_dies_with_the_world)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_HOLD6;
    box_open(&B, &p);
    ck_assert(!in(SYN, 9000, 0));
    box_close(&B);
}
END_TEST

START_TEST(a_box_that_resets_answers_any_segment_but_a_reset)
{
    it_nat_profile p = base();
    p.tcp.syn_in = IT_NAT_SYN_RST;
    box_open(&B, &p);
    ck_assert(!in(ACK, 9000, 77));
    it_pkt *r = box_got(&B, IT_NAT_WAN);
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(it_pkt_l4(r)[13], RST);
    ck_assert_uint_eq(it_get32(it_pkt_l4(r) + 4), 77);
    ck_assert(!in(RST, 9000, 0));
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* --- REQ-8: hairpinning --- */

START_TEST(a_connection_hairpins_as_the_profile_says)
{
    it_nat_profile p = base();
    p.tcp.filtering = IT_NAT_EI;
    p.hairpin = (uint8_t)_i;
    box_open(&B, &p);
    ck_assert(passes(IT_NAT_LAN, "10.0.0.3:6000", S, SYN, 1, 0));
    seg s = {A(C), A("203.0.113.1:6000"), SYN, 1000, 0, 0};
    box_tcp(&B, IT_NAT_LAN, &s);
    it_pkt *i = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    if (_i == IT_NAT_HAIRPIN_NONE) {
        /* It is for the box itself then, which listens nowhere: RFC 9293 section 3.5.2. */
        ck_assert(i && i->proto == IT_PROTO_TCP && it_pkt_l4(i)[13] == (IT_TCP_RST | IT_TCP_ACK));
        ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_HAIRPIN);
    } else {
        ck_assert_ptr_nonnull(i);
        ck_addr(it_addr_of(i->dst, i->dport), "10.0.0.3:6000");
        ck_addr(it_addr_of(i->src, i->sport), _i == IT_NAT_HAIRPIN_EXT ? X : C); /* REQ-8a */
    }
    if (_i == IT_NAT_HAIRPIN_EXT) {
        seg a = {A("10.0.0.3:6000"), A(X), SYN | ACK, 9000, 1001, 0};
        box_tcp(&B, IT_NAT_LAN, &a);
        i = box_got(&B, IT_NAT_LAN);
        ck_addr(it_addr_of(i->src, i->sport), "203.0.113.1:6000");
        ck_addr(it_addr_of(i->dst, i->dport), C);
        ck_assert_uint_eq(sessions(), 3);
        box_at(&B, 101 * IT_SEC);
        ck_assert_uint_eq(sessions(), 2); /* both halves are established */
    }
    box_close(&B);
}
END_TEST

/* --- REQ-9, REQ-10: ICMP --- */

START_TEST(an_error_about_a_connection_passes_and_kills_nothing)
{
    it_nat_profile p = base();
    p.icmp.kills = _i == 1;
    box_open(&B, &p);
    ck_assert(passes(IT_NAT_LAN, "10.0.0.9:5000", "198.51.100.9:9", SYN, 1, 0));
    ck_assert(out(SYN, 1000, 0));
    it_pkt o = *box_got(&B, IT_NAT_WAN);
    ck_assert_uint_ne(o.sport, 5000);
    box_error(&B, IT_NAT_WAN, I("192.0.2.1"), &o, 3, 1);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    inner_of inside = box_inner(e);
    ck_addr(inside.src, C);
    ck_addr(inside.dst, S);
    /* The embedded checksum is that of the segment as it was sent. */
    uint8_t sent[IT_PKT_MAX];
    seg s = {A(C), A(S), SYN, 1000, 0, 0};
    (void)box_tcp_bytes(sent, &s);
    ck_assert_mem_eq(it_pkt_l4(e) + 8 + 20, sent + 20, 20);
    ck_assert_uint_eq(sessions(), _i == 1 ? 1 : 2);
    box_close(&B);
}
END_TEST

START_TEST(an_error_with_eight_bytes_of_a_segment_is_enough)
{
    /* RFC 792. */
    it_nat_profile p = base();
    uint8_t icmp[36], buf[IT_PKT_MAX];
    box_open(&B, &p);
    ck_assert(out(SYN, 1000, 0));
    it_pkt *o = box_got(&B, IT_NAT_WAN);
    memset(icmp, 0, 8);
    icmp[0] = 3;
    icmp[1] = 1;
    memcpy(icmp + 8, it_pkt_ip(o), 28);
    it_put16(icmp + 2, it_sum_fold(it_sum_add(0, icmp, 36)));
    box_put(&B, IT_NAT_WAN, box_ip_bytes(buf, I("192.0.2.1"), I("203.0.113.1"), 1, it_bytes_of(icmp, 36)));
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_addr(box_inner(e).src, C);
    box_close(&B);
}
END_TEST

/* --- explicit mappings, limits --- */

START_TEST(an_explicit_mapping_lets_connections_in)
{
    it_nat_profile p = base();
    struct it_nat_map_request r = {
        .proto = IT_PROTO_TCP, .internal = A("10.0.0.2:80"), .ext = A("203.0.113.1:8080"), .until = IT_NEVER};
    box_open(&B, &p);
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    ck_assert(passes(IT_NAT_WAN, S, "203.0.113.1:8080", SYN, 1, 0));
    ck_addr(it_addr_of(box_got(&B, IT_NAT_LAN)->dst, box_got(&B, IT_NAT_LAN)->dport), "10.0.0.2:80");
    ck_assert(passes(IT_NAT_LAN, "10.0.0.2:80", S, SYN | ACK, 7, 2));
    ck_none(udp_in(&B, S, A("203.0.113.1:8080"))); /* of TCP alone */
    box_close(&B);
}
END_TEST

START_TEST(limits_count_connections_too)
{
    it_nat_profile p = base();
    p.limits.sessions_per_host = 2;
    box_open(&B, &p);
    ck_assert(out(SYN, 1, 0));
    ck_some(udp_out(&B, C, S));
    ck_assert(!passes(IT_NAT_LAN, C, "198.51.100.2:80", SYN, 1, 0));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_tcp");
    TCase *t = tcase_create("RFC 5382 4.1, 4.2 mapping and filtering");
    tcase_add_test(t, a_handshake_passes_both_ways_translated);
    tcase_add_loop_test(t, a_strict_box_waits_for_the_answer_to_a_syn_after_a_reset, 0, 2);
    tcase_add_test(t, a_held_syn_and_one_from_inside_open_the_connection);
    tcase_add_loop_test(t, over_a_limit_nothing_is_answered, 0, 4);
    tcase_add_loop_test(t, tcp_maps_and_filters_by_its_own_rules, 0, 9);
    tcase_add_test(t, tcp_and_udp_ports_are_two_name_spaces);
    tcase_add_loop_test(t, a_clash_of_ports_is_treated_as_the_profile_says, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5382 REQ-2 opening");
    tcase_add_test(t, a_simultaneous_open_passes);
    tcase_add_loop_test(t, only_a_syn_opens_a_session, 0, 4);
    tcase_add_test(t, a_loose_box_picks_up_what_it_has_not_seen_begin);
    tcase_add_test(t, a_forgotten_connection_is_reset_where_the_profile_says);
    tcase_add_test(t, a_mapping_carries_segments_of_connections_it_does_not_know);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5382 REQ-5 timers");
    tcase_add_loop_test(t, an_opening_connection_lives_syn, 0, 2);
    tcase_add_loop_test(t, an_established_connection_lives_est_from_its_last_packet, 0, 2);
    tcase_add_loop_test(t, a_half_closed_connection_lives_fin_and_still_carries_data, 0, 2);
    tcase_add_test(t, a_closed_connection_lives_timewait_from_the_second_fin);
    tcase_add_loop_test(t, a_strict_box_has_a_timer_for_every_phase, 0, 8);
    tcase_add_test(t, of_an_ending_connection_a_strict_box_lets_every_reset_pass);
    tcase_add_loop_test(t, a_strict_box_begins_anew_after_the_last_ack_alone, 0, 2);
    tcase_add_loop_test(t, a_connection_from_before_a_box_was_strict_goes_on_as_it_was, 0, 2);
    tcase_add_loop_test(t, a_closed_connection_may_be_opened_anew, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7857 2.2 resets");
    tcase_add_loop_test(t, a_reset_connection_lives_close, 0, 2);
    tcase_add_test(t, a_packet_after_the_reset_brings_the_connection_back);
    tcase_add_loop_test(t, a_forged_reset_is_translated_but_changes_nothing, 0, 4);
    tcase_add_test(t, a_reset_within_the_window_counts);
    tcase_add_loop_test(t, a_refused_connection_lives_close, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5382 REQ-4 unsolicited SYNs");
    tcase_add_loop_test(t, an_unsolicited_syn_meets_what_the_profile_says, 0, 8);
    tcase_add_test(t, a_held_syn_is_dropped_silently_when_the_own_one_comes);
    tcase_add_test(t, a_syn_to_someone_else_does_not_release_a_held_one);
    tcase_add_test(t, a_syn_sent_again_while_held_is_not_answered_twice);
    tcase_add_test(t, a_flood_of_syns_is_not_held_without_end);
    tcase_add_test(t, a_held_syn_dies_with_the_world);
    tcase_add_test(t, a_box_that_resets_answers_any_segment_but_a_reset);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5382 REQ-8 to REQ-10");
    tcase_add_loop_test(t, a_connection_hairpins_as_the_profile_says, 0, 3);
    tcase_add_loop_test(t, an_error_about_a_connection_passes_and_kills_nothing, 0, 2);
    tcase_add_test(t, an_error_with_eight_bytes_of_a_segment_is_enough);
    suite_add_tcase(s, t);
    t = tcase_create("mappings and limits");
    tcase_add_test(t, an_explicit_mapping_lets_connections_in);
    tcase_add_test(t, limits_count_connections_too);
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
