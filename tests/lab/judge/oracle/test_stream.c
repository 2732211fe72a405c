/* lab/judge/oracle/stream.c: what the streams of signaling take of boxes that count, and when what is told is there. */
#include "lab/judge/oracle/oracle.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR, FAR };

/* A host behind a NAT of the strictest kind, and one at the internet. */
static it_oracle_query query(void)
{
    it_oracle_query q;
    memset(&q, 0, sizeof q);
    for (int i = 0; i < 2; i++) {
        it_oracle_side *s = &q.side[i];
        s->ta = 50 * IT_MS;
        s->rto = 500 * IT_MS;
        s->signal_least = s->signal_most = 40 * IT_MS;
        s->base[0].ip = it_ip4((i == NEAR ? 0xc0a80102u : 0xcb007101u));
        s->base[0].wire = (it_oracle_wire){10 * IT_MS, 10 * IT_MS, 0, false};
        s->n_bases = 1;
    }
    it_oracle_box *b = &q.box[q.n_boxes++];
    snprintf(b->name, sizeof b->name, "box0");
    b->kind = IT_ORACLE_NAT;
    b->wire = q.side[0].base[0].wire;
    b->ext[b->n_ext++] = it_ip4(0xc6336401u);
    b->u.nat = (it_oracle_nat){.mapping = IT_ORACLE_APD,
                               .filtering = IT_ORACLE_APD,
                               .lo = 1024,
                               .hi = 65535,
                               .sessions_in = true,
                               .refresh_out = true,
                               .refresh_in = true,
                               .initial = 30 * IT_SEC,
                               .replied = 30 * IT_SEC,
                               .stream = 120 * IT_SEC,
                               .pool = 1};
    q.side[NEAR].base[0].net = 1;
    q.stun.ip[0] = it_ip4(0xcb0071feu);
    q.stun.port = 3478;
    q.patience = 40 * IT_SEC;
    return q;
}

static enum it_oracle_outcome ask(const it_oracle_query *q)
{
    it_alloc alloc;
    it_oracle_way v;
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_udp(&alloc, q, &v), 0);
    ck_assert_int_eq(alloc.live, 0);
    return v.outcome;
}

/* The least of limit |which| (sessions, ports, the table) by which the call of |q| opens. */
static uint32_t least(it_oracle_query q, int which)
{
    it_oracle_nat *n = &q.box[0].u.nat;
    uint32_t *limit[] = {&n->most_sessions, &n->most_ports, &n->most_table};
    for (*limit[which] = 1; *limit[which] < 20; ++*limit[which])
        if (ask(&q) == IT_ORACLE_OPENS)
            return *limit[which];
    return 0;
}

START_TEST(each_stream_takes_a_place)
{
    it_oracle_query q = query();
    uint32_t without = least(q, _i);
    ck_assert_uint_gt(without, 0);
    for (int n = 1; n <= 2; n++) {
        q.side[NEAR].streams = n;
        ck_assert_uint_eq(least(q, _i), without + (uint32_t)n);
    }
    q.side[NEAR].stream_base = 1; /* from nowhere */
    ck_assert_uint_eq(least(q, _i), without);
}
END_TEST

START_TEST(a_stream_of_a_host_that_is_not_behind_the_box_takes_none)
{
    it_oracle_query q = query();
    uint32_t without = least(q, 0);
    q.side[FAR].streams = 2;
    ck_assert_uint_eq(least(q, 0), without);
}
END_TEST

START_TEST(a_stream_of_ipv6_takes_no_place_of_a_nat)
{
    it_oracle_query q = query();
    uint32_t without = least(q, 0);
    q.side[NEAR].base[1] = q.side[NEAR].base[0];
    q.side[NEAR].base[1].ip = (it_ip){0x20010db800000000, 2};
    q.side[NEAR].n_bases = 2;
    q.side[NEAR].streams = q.side[NEAR].stream_base = 1;
    ck_assert_uint_eq(least(q, 0), without);
    q.side[NEAR].stream_base = 0;
    ck_assert_uint_eq(least(q, 0), without + 1);
}
END_TEST

/* Behind two boxes the outer one counts it as one of the inner one's. */
START_TEST(a_stream_takes_a_place_at_every_box)
{
    it_oracle_query q = query();
    q.box[1] = q.box[0];
    q.box[1].outer = 1;
    q.box[1].ext[0] = it_ip4(0xc0a80103u);
    q.side[NEAR].base[0].ip = it_ip4(0x0a000002u);
    q.side[NEAR].base[0].net = 2;
    q.n_boxes = 2;
    uint32_t without = least(q, 0);
    q.side[NEAR].streams = 1;
    ck_assert_uint_eq(least(q, 0), without + 1);
}
END_TEST

START_TEST(a_box_without_room_for_signaling_is_named)
{
    char why[160] = "";
    it_oracle_query q = query();
    q.side[NEAR].streams = 2;
    q.box[0].u.nat.most_sessions = 3; /* and the question to the STUN server */
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    q.box[0].u.nat.most_sessions = 2;
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_str_eq(why, "box0 has room for few flows, and signaling may take or need one");
    q.box[0].u.nat.most_sessions = 8;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    q.side[NEAR].racers = 1; /* who knows for how long those count */
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    q.side[NEAR].streams = 0;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
}
END_TEST

START_TEST(who_gets_no_address_of_its_own_cannot_signal)
{
    char why[160] = "";
    it_oracle_query q = query();
    q.box[0].u.nat.one2one = true;
    q.side[NEAR].streams = q.side[FAR].streams = 1;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    q.side[FAR].base[0].net = 1;
    q.side[FAR].base[0].ip = it_ip4(0xc0a80103u);
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_str_eq(why, "box0 has no address for one of the hosts, which cannot signal");
    q.box[0].u.nat.pool = 2;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
}
END_TEST

START_TEST(where_few_begin_a_second_sessions_are_later)
{
    char why[160];
    it_oracle_query q = query();
    q.side[NEAR].streams = 1;
    q.box[0].u.nat.most_new = 2;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_int_eq(q.side[NEAR].session_most, 0);
    q.box[0].u.nat.most_new = 1;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_int_eq(q.side[NEAR].session_most, 4 * IT_SEC);
    ck_assert_int_eq(q.side[NEAR].session_least, 0);
}
END_TEST

/* Both sides know nothing of each other before, or it hangs on which bound holds. */
START_TEST(what_is_told_waits_for_the_session_of_either_side)
{
    it_oracle_query q = query();
    for (int i = 0; i < 2; i++) {
        it_oracle_side *s = &q.side[i];
        *(_i ? &s->hears_least : &s->session_least) = 30 * IT_SEC;
        *(_i ? &s->hears_most : &s->session_most) = 30 * IT_SEC;
    }
    ck_assert_int_eq(ask(&q), IT_ORACLE_OPENS);
    for (int i = 0; i < 2; i++)
        *(_i ? &q.side[i].hears_most : &q.side[i].session_most) = 41 * IT_SEC;
    q.side[NEAR].session_most = q.side[FAR].session_most = 41 * IT_SEC;
    ck_assert_int_eq(ask(&q), IT_ORACLE_EITHER);
    for (int i = 0; i < 2; i++)
        *(_i ? &q.side[i].hears_least : &q.side[i].session_least) = 41 * IT_SEC;
    ck_assert_int_eq(ask(&q), IT_ORACLE_DIES);
}
END_TEST

/* Limits of a host are of its own flows alone, a table is of all. */
START_TEST(the_flows_of_two_hosts_count_together_in_the_table_alone)
{
    char why[160] = "";
    it_oracle_query q = query();
    it_oracle_nat *n = &q.box[0].u.nat;
    q.side[FAR].base[0].net = 1;
    q.side[FAR].base[0].ip = it_ip4(0xc0a80103u);
    q.side[NEAR].streams = q.side[FAR].streams = 2;
    n->most_sessions = n->most_ports = 3;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    n->most_sessions = n->most_ports = 0;
    n->most_table = 5;
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    n->most_table = 6;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
}
END_TEST

START_TEST(each_socket_asks_each_server)
{
    char why[160];
    it_oracle_query q = query();
    it_oracle_nat *n = &q.box[0].u.nat;
    q.side[NEAR].streams = 1;
    n->most_sessions = 1;
    q.stun.ip[0] = (it_ip){0, 0}; /* it is not up */
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    q.n_turns = 2;
    q.turn[0].server.ip[0] = q.turn[1].server.ip[0] = it_ip4(0xcb0071fdu);
    q.transports = 3;
    n->most_sessions = 6;
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    n->most_sessions = 7;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
}
END_TEST

/* A stream that was tried from another interface takes a place at the box of that one. */
START_TEST(racers_count_at_the_box_of_any_base)
{
    char why[160] = "";
    it_oracle_query q = query();
    q.box[1] = q.box[0];
    snprintf(q.box[1].name, sizeof q.box[1].name, "box1");
    q.box[1].u.nat.most_sessions = 8;
    q.n_boxes = 2;
    it_oracle_side *s = &q.side[NEAR];
    s->base[1] = s->base[0];
    s->base[1].net = 2;
    s->base[1].ip = it_ip4(0xc0a80202u);
    s->n_bases = 2;
    s->streams = 1;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    s->racers = 1;
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_str_eq(why, "box1 has room for few flows, and signaling may take or need one");
}
END_TEST

/* A proxy at box1, and a NAT outside it: the stream is the proxy's own there, and is nobody's inside it. */
START_TEST(what_a_proxy_hands_on_is_its_own_further_out)
{
    char why[160] = "";
    it_oracle_query q = query();
    q.box[1] = (it_oracle_box){.kind = IT_ORACLE_FIREWALL, .outer = 1, .own = true, .wire = q.box[0].wire};
    q.n_boxes = 2;
    it_oracle_side *s = &q.side[NEAR];
    s->base[0].net = 2;
    uint32_t without = least(q, 0);
    s->streams = 1;
    ck_assert_uint_eq(least(q, 0), without + 1);
    s->stream_box = 2;
    ck_assert_uint_eq(least(q, 0), without);
    uint32_t table = least(q, 2); /* but of the table it takes one */
    s->streams = 2;
    ck_assert_uint_eq(least(q, 2), table + 1);
    q.box[0].u.nat.one2one = true; /* and an address */
    ck_assert(it_oracle_crowd_streams(&q, why, sizeof why));
    q.box[0].u.nat.pool = 2;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
}
END_TEST

/* The least of tries after 1, 3, 7 and 15 s (RFC 6298) that comes when all have had their turn, and a second. */
START_TEST(the_more_begin_at_once_the_longer_a_syn_waits)
{
    static const struct {
        int streams, racers;
        it_time most;
    } CASE[] = {{1, 0, 4}, {1, 2, 8}, {1, 8, 16}, {2, 0, 2 * 4}};
    char why[160];
    it_oracle_query q = query();
    q.box[0].u.nat.most_new = 1;
    q.side[NEAR].streams = CASE[_i].streams;
    q.side[NEAR].racers = CASE[_i].racers;
    ck_assert(!it_oracle_crowd_streams(&q, why, sizeof why));
    ck_assert_int_eq(q.side[NEAR].session_most, CASE[_i].most * IT_SEC);
    ck_assert_int_eq(q.side[NEAR].hears_most, CASE[_i].most * IT_SEC);
    ck_assert_int_eq(q.side[FAR].session_most, 0); /* it has no stream */
}
END_TEST

/* A stream's mapping lives, and is none of those that have ended and left a port to be given again. */
START_TEST(streams_hide_no_port_that_is_given_again)
{
    it_oracle_query q = query();
    it_oracle_nat *n = &q.box[0].u.nat;
    q.side[FAR].signal_least = q.side[FAR].signal_most = 5 * IT_SEC; /* the mapping for the STUN server has ended */
    n->initial = n->replied = 2 * IT_SEC;
    n->lo = 20000;
    q.side[NEAR].streams = _i;
    n->hi = 60000;
    ck_assert_int_ne(ask(&q), IT_ORACLE_EITHER);
    n->hi = 20003;
    ck_assert_int_eq(ask(&q), IT_ORACLE_EITHER);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("oracle/stream");
    TCase *c = tcase_create("signaling");
    tcase_add_loop_test(c, each_stream_takes_a_place, 0, 3);
    tcase_add_test(c, a_stream_of_a_host_that_is_not_behind_the_box_takes_none);
    tcase_add_test(c, a_stream_of_ipv6_takes_no_place_of_a_nat);
    tcase_add_test(c, a_stream_takes_a_place_at_every_box);
    tcase_add_test(c, a_box_without_room_for_signaling_is_named);
    tcase_add_test(c, who_gets_no_address_of_its_own_cannot_signal);
    tcase_add_test(c, where_few_begin_a_second_sessions_are_later);
    tcase_add_loop_test(c, what_is_told_waits_for_the_session_of_either_side, 0, 2);
    tcase_add_test(c, the_flows_of_two_hosts_count_together_in_the_table_alone);
    tcase_add_test(c, each_socket_asks_each_server);
    tcase_add_test(c, racers_count_at_the_box_of_any_base);
    tcase_add_test(c, what_a_proxy_hands_on_is_its_own_further_out);
    tcase_add_loop_test(c, the_more_begin_at_once_the_longer_a_syn_waits, 0, 4);
    tcase_add_loop_test(c, streams_hide_no_port_that_is_given_again, 0, 3);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
