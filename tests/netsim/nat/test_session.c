/* Sessions and their timers, to the nanosecond: three stages, refresh by direction, limits, port blocks. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile timed(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.udp.timeout.initial = 20 * IT_SEC;
    p.udp.timeout.replied = 50 * IT_SEC;
    p.udp.timeout.stream = 300 * IT_SEC;
    p.udp.timeout.stream_after = 2 * IT_SEC;
    return p;
}

/* Whether the flow 10.0.0.2:5000 -> 198.51.100.1:100 is alive at |t|, without touching it: the box is asked. */
static bool alive_at(it_time t)
{
    uint32_t pos = 0;
    it_nat_entry e;
    box_at(&B, t);
    while (it_nat_next_session(B.nat, &pos, &e))
        if (e.remote.port == 100)
            return true;
    return false;
}

static void out(void)
{
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
}

static void in(void)
{
    ck_some(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")));
}

#define ck_dies_at(t)                                                                                                  \
    do {                                                                                                               \
        ck_assert(alive_at((t)-1));                                                                                    \
        ck_assert(!alive_at(t));                                                                                       \
    } while (0)

/* --- RFC 4787 section 4.3 --- */

START_TEST(an_unanswered_session_lives_initial)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    out();
    box_at(&B, 5 * IT_SEC);
    out();
    ck_dies_at(25 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings_ended, 1);
    box_close(&B);
}
END_TEST

START_TEST(a_packet_at_the_last_moment_passes_and_one_later_does_not)
{
    it_nat_profile p = timed();
    p.udp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    out();
    box_at(&B, 20 * IT_SEC - 1 + _i);
    it_addr reached = udp_in(&B, "198.51.100.9:9", A("203.0.113.1:5000"));
    ck_assert(it_ip_none(reached.ip) == (_i == 1));
    box_close(&B);
}
END_TEST

START_TEST(an_answered_session_lives_replied)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    out();
    box_at(&B, IT_SEC);
    in();
    box_at(&B, 2 * IT_SEC - 1);
    out(); /* too early to make it a stream */
    ck_dies_at(52 * IT_SEC - 1);
    box_close(&B);
}
END_TEST

START_TEST(a_packet_stream_after_the_first_makes_it_a_stream)
{
    /* Measured on netfilter: a packet 2 s or more after creation, with a reply seen. */
    it_nat_profile p = timed();
    box_open(&B, &p);
    out();
    box_at(&B, IT_SEC);
    in();
    box_at(&B, 2 * IT_SEC);
    if (_i == 0)
        out();
    else
        in();
    ck_dies_at(302 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(late_packets_without_a_reply_make_no_stream)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    for (int i = 0; i < 10; i++) {
        box_at(&B, i * 5 * IT_SEC);
        out();
    }
    ck_dies_at(65 * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_session_from_outside_is_answered_by_a_packet_out)
{
    it_nat_profile p = timed();
    p.udp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.7:700"));
    in();
    in();
    ck_dies_at(20 * IT_SEC);
    box_close(&B);
}
END_TEST

/* --- REQ-6: refresh --- */

START_TEST(only_refreshing_directions_restart_the_timer)
{
    it_nat_profile p = timed();
    p.udp.refresh.out = _i & 1;
    p.udp.refresh.inb = _i >> 1;
    box_open(&B, &p);
    out();
    box_at(&B, 10 * IT_SEC);
    in(); /* replied */
    box_at(&B, 11 * IT_SEC);
    out(); /* a stream now: its stage counts whether or not it refreshes */
    /* The last refreshing packet decides; the first always counts. */
    it_time last = p.udp.refresh.out ? 11 : p.udp.refresh.inb ? 10 : 0;
    ck_dies_at((last + 300) * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(inbound_packets_alone_keep_a_mapping_only_with_inbound_refresh)
{
    it_nat_profile p = timed();
    p.udp.filtering = IT_NAT_EI;
    p.udp.refresh.inb = _i == 0;
    box_open(&B, &p);
    out();
    bool alive = true;
    for (int i = 1; i < 100; i++) {
        char from[IT_ADDR_TEXT];
        box_at(&B, i * 10 * IT_SEC);
        it_addr a = {I("198.51.100.3"), (uint16_t)(1000 + i)}; /* a stranger each time: RFC 7857 section 7 */
        alive = alive && !it_ip_none(udp_in(&B, it_addr_text(a, from), A("203.0.113.1:5000")).ip);
    }
    ck_assert(alive == (_i == 0));
    box_close(&B);
}
END_TEST

START_TEST(a_pure_mapping_table_keeps_its_filter_with_the_mapping)
{
    it_nat_profile p = timed();
    p.udp.inbound_session = false;
    p.udp.filtering = IT_NAT_AD;
    box_open(&B, &p);
    out();
    box_at(&B, 15 * IT_SEC);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.2:200"));
    box_at(&B, 30 * IT_SEC);
    ck_some(udp_in(&B, "198.51.100.1:9", A("203.0.113.1:5000"))); /* its own packet is 30 s ago, the mapping's 15 */
    box_close(&B);
}
END_TEST

/* --- RFC 5508 REQ-2 --- */

START_TEST(a_pure_mapping_table_is_refreshed_from_outside_only_where_that_is_said)
{
    it_nat_profile p = timed();
    p.udp.filtering = IT_NAT_EI;
    p.udp.inbound_session = false;
    p.udp.refresh.inb = _i;
    box_open(&B, &p);
    out();
    for (int k = 1; k <= 5; k++) {
        box_at(&B, k * 10 * IT_SEC);
        bool passed = !it_ip_none(udp_in(&B, "198.51.100.9:9", A("203.0.113.1:5000")).ip);
        ck_assert_int_eq(passed, _i || k < 2);
    }
    box_close(&B);
}
END_TEST

/* RFC 4787 section 5: an address is let in while anything was sent there, whichever session that was. */
START_TEST(a_permission_lasts_as_long_as_the_last_session_to_the_address)
{
    it_nat_profile p = timed();
    p.udp.filtering = IT_NAT_AD;
    p.udp.inbound_session = false;
    box_open(&B, &p);
    for (int i = 0; i < 3; i++) {
        static const char *const TO[] = {"198.51.100.1:100", "198.51.100.1:200", "198.51.100.2:300"};
        box_at(&B, i * 5 * IT_SEC);
        ck_some(udp_out(&B, "10.0.0.2:5000", TO[i]));
    }
    p.udp.inbound_session = true;
    p.udp.refresh.inb = false;
    ck_assert_int_eq(it_nat_set(B.nat, &p),
                     0);     /* the sessions now end by themselves, and nothing from outside prolongs them */
    box_at(&B, 22 * IT_SEC); /* the first has ended */
    ck_some(udp_in(&B, "198.51.100.1:200", A("203.0.113.1:5000")));
    ck_some(udp_in(&B, "198.51.100.1:999", A("203.0.113.1:5000")));
    box_close(&B);
}
END_TEST

START_TEST(a_shared_port_stays_with_the_newer_session_when_the_older_ends)
{
    it_nat_profile p = timed();
    p.udp.alloc.on_clash = IT_NAT_CLASH_OVERLOAD;
    box_open(&B, &p);
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    box_at(&B, 10 * IT_SEC);
    ck_addr(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    box_at(&B, 21 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    ck_addr(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")), "10.0.0.3:5000");
    box_close(&B);
}
END_TEST

START_TEST(what_comes_to_a_shared_port_is_the_newer_sessions_though_the_older_had_the_last_packet)
{
    it_nat_profile p = timed();
    p.udp.alloc.on_clash = IT_NAT_CLASH_OVERLOAD;
    box_open(&B, &p);
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    for (int i = 0; i < 2; i++)
        ck_addr(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")), "10.0.0.2:5000");
    ck_addr(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    ck_addr(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")), "10.0.0.3:5000");
    box_close(&B);
}
END_TEST

START_TEST(the_packet_after_a_session_ended_begins_anew)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    for (int i = 0; i < 2; i++) {
        out();
        in();
    }
    box_at(&B, 51 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    ck_none(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")));
    out();
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions_created, 2);
    box_close(&B);
}
END_TEST

START_TEST(a_query_lives_its_own_time)
{
    it_nat_profile p = timed();
    p.icmp.query_timeout = 33 * IT_SEC;
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_WAN));
    box_at(&B, 33 * IT_SEC - 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    box_at(&B, 33 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(an_answered_query_lives_on_from_the_answer)
{
    it_nat_profile p = timed();
    p.icmp.query_timeout = 33 * IT_SEC;
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    box_at(&B, 30 * IT_SEC);
    box_query(&B, IT_NAT_WAN, I("198.51.100.1"), I("203.0.113.1"), 0, 77);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    box_at(&B, 63 * IT_SEC - 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    box_at(&B, 63 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

/* --- changes while running --- */

/* What is counted for a limit is counted once, however often the profile changes, and falls again. */
START_TEST(a_changed_profile_counts_every_session_once)
{
    it_nat_profile p = timed();
    p.limits.sessions_per_dest = 3;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9"));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    ck_some(udp_out(&B, "10.0.0.2:5001", "198.51.100.1:9"));
    ck_some(udp_out(&B, "10.0.0.2:5002", "198.51.100.1:9"));
    ck_none(udp_out(&B, "10.0.0.2:5003", "198.51.100.1:9"));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    box_at(&B, 31 * IT_SEC);
    for (int i = 0; i < 3; i++)
        ck_some(udp_out(&B, i == 0 ? "10.0.0.2:5004" : i == 1 ? "10.0.0.2:5005" : "10.0.0.2:5006", "198.51.100.1:9"));
    ck_none(udp_out(&B, "10.0.0.2:5007", "198.51.100.1:9"));
    box_close(&B);
}
END_TEST

START_TEST(a_changed_timeout_counts_from_the_next_packet)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    out();
    p.udp.timeout.initial = _i ? 5 * IT_SEC : 40 * IT_SEC;
    ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    box_at(&B, 10 * IT_SEC);
    ck_assert(alive_at(10 * IT_SEC));
    out();
    ck_dies_at((_i ? 15 : 50) * IT_SEC);
    box_close(&B);
}
END_TEST

START_TEST(a_world_that_only_waits_still_ends_sessions)
{
    it_nat_profile p = timed();
    box_open(&B, &p);
    for (int i = 0; i < 40; i++) {
        char to[IT_ADDR_TEXT];
        box_at(&B, i * IT_SEC / 8);
        it_addr a = {I("198.51.100.1"), (uint16_t)(200 + i)};
        ck_some(udp_out(&B, "10.0.0.2:5000", it_addr_text(a, to)));
    }
    box_at(&B, 20 * IT_SEC + 19 * IT_SEC / 8);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 20);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 1);
    box_at(&B, 3600 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_int_eq(it_world_next(B.w), IT_NEVER);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_session");
    TCase *t = tcase_create("RFC 4787 4.3 timers");
    tcase_add_test(t, an_unanswered_session_lives_initial);
    tcase_add_loop_test(t, a_packet_at_the_last_moment_passes_and_one_later_does_not, 0, 2);
    tcase_add_test(t, an_answered_session_lives_replied);
    tcase_add_loop_test(t, a_packet_stream_after_the_first_makes_it_a_stream, 0, 2);
    tcase_add_test(t, late_packets_without_a_reply_make_no_stream);
    tcase_add_test(t, a_session_from_outside_is_answered_by_a_packet_out);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 REQ-6 refresh");
    tcase_add_loop_test(t, only_refreshing_directions_restart_the_timer, 0, 4);
    tcase_add_loop_test(t, inbound_packets_alone_keep_a_mapping_only_with_inbound_refresh, 0, 2);
    tcase_add_test(t, a_pure_mapping_table_keeps_its_filter_with_the_mapping);
    tcase_add_loop_test(t, a_pure_mapping_table_is_refreshed_from_outside_only_where_that_is_said, 0, 2);
    tcase_add_test(t, a_permission_lasts_as_long_as_the_last_session_to_the_address);
    tcase_add_test(t, a_shared_port_stays_with_the_newer_session_when_the_older_ends);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5508 REQ-2 queries");
    tcase_add_test(t, what_comes_to_a_shared_port_is_the_newer_sessions_though_the_older_had_the_last_packet);
    tcase_add_test(t, the_packet_after_a_session_ended_begins_anew);
    tcase_add_test(t, a_query_lives_its_own_time);
    tcase_add_test(t, an_answered_query_lives_on_from_the_answer);
    suite_add_tcase(s, t);
    t = tcase_create("while running");
    tcase_add_loop_test(t, a_changed_timeout_counts_from_the_next_packet, 0, 2);
    tcase_add_test(t, a_changed_profile_counts_every_session_once);
    tcase_add_test(t, a_world_that_only_waits_still_ends_sessions);
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
