/* lab/judge/oracle/proxy.c: a relay over WebSocket through boxes that nobody has built. What real profiles do is
 * compared with the world by scenarios/relay/web and scenarios/ladder. */
#include "lab/judge/oracle/impl.h"

#include <check.h>

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};
static const it_ip RELAY4 = {0, 0xffffcb007109ULL}, RELAY6 = {0x20010db800000000, 9}, OUT4 = {0, 0xffffcb007120ULL};
static it_oracle_query q;

/* Two hosts of IPv4 at the internet, each with ws on 80 and wss on 443. */
static void setup(void)
{
    memset(&q, 0, sizeof q);
    q.model = 'B';
    q.patience = 60 * IT_SEC;
    q.web_after = IT_SEC;
    for (int i = 0; i < 2; i++) {
        it_oracle_side *s = &q.side[i];
        s->base[0] = (it_oracle_base){it_ip4(0xcb007101u + (uint32_t)i), 0, WIRE};
        s->n_bases = 1;
        s->ta = 50 * IT_MS;
        s->rto = 500 * IT_MS;
        for (int k = 0; k < 2; k++) {
            s->web[k].server = (it_oracle_server){.ip = {RELAY4}, .port = k ? 443 : 80, .rtt = 20 * IT_MS};
            s->web[k].tls = k == 1;
        }
        s->n_webs = 2;
    }
}

static it_oracle_box *box(enum it_oracle_kind kind)
{
    it_oracle_box *b = &q.box[q.n_boxes++];
    b->kind = (uint8_t)kind;
    b->name[0] = (char)('a' + q.n_boxes - 1);
    b->wire = WIRE;
    b->outer = q.side[0].base[0].net;
    q.side[0].base[0].net = (uint8_t)q.n_boxes;
    return b;
}

/* A wall before the near side that lets out nothing but |port|, 0: nothing. */
static it_oracle_wall *wall(uint16_t port)
{
    it_oracle_wall *w = &box(IT_ORACLE_FIREWALL)->u.wall;
    w->block = true;
    w->tcp.stateful = true;
    w->tcp.syn = 60 * IT_SEC;
    w->tcp.out = (it_oracle_ports){.set = true, .port = {port}, .n = port != 0};
    return w;
}

/* The near side goes by the proxy of box |at|, which makes tunnels to |port|. */
static void proxy(uint8_t at, uint16_t port)
{
    for (int k = 0; k < 2; k++) {
        it_oracle_web *w = &q.side[0].web[k];
        w->via = IT_ORACLE_VIA_HTTP;
        w->box = at;
        w->outside = OUT4;
        w->proxy = (it_oracle_server){.ip = {it_ip4(0x0a090909)}, .port = 3128};
        w->tunnels = port == w->server.port;
    }
}

static it_oracle_way ask(void)
{
    it_alloc mem;
    it_oracle_way w;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_proxy(&mem, &q, &w), 0);
    ck_assert_int_eq(mem.live, 0);
    return w;
}

START_TEST(two_that_reach_it_meet_there_and_by_a_time)
{
    it_oracle_way w = ask();
    ck_assert_int_eq(w.rung, IT_ORACLE_PROXY);
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(w.families, IT_ORACLE_V4);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(w.pairs[i], 1u << (4 * IT_ORACLE_RELAY + IT_ORACLE_RELAY));
    ck_assert_int_eq(w.least, IT_SEC + 80 * IT_MS); /* TCP, and the upgrade */
    ck_assert_int_gt(w.latest, w.least + 2 * IT_SEC);
    ck_assert_int_lt(w.latest, 8 * IT_SEC);
    it_time before = w.latest;
    q.side[0].hears_most = 3 * IT_SEC;
    ck_assert_int_eq(ask().latest, before + 3 * IT_SEC);
    q.side[1].base[0].wire.lossy = true; /* who knows how often */
    w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(w.latest, 0);
}
END_TEST

START_TEST(a_side_without_one_is_met_nowhere)
{
    q.side[_i].n_webs = 0;
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_DIES);
    ck_assert_uint_eq(w.pairs[0] | w.pairs[1], 0);
    ck_assert_str_eq(w.why, "there is no relay over WebSocket that both sides have");
}
END_TEST

START_TEST(the_ways_are_tried_in_turn_and_each_that_is_silent_takes_its_time)
{
    it_time at_once = ask().latest;
    wall(443);
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_gt(w.latest, at_once + 4 * IT_SEC);
    q.box[0].u.wall.tcp.out.n = 0;
    w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_DIES);
    ck_assert_str_eq(w.why, "the near side does not reach the relay over WebSocket: a lets no TCP to port 80 out");
}
END_TEST

START_TEST(a_proxy_makes_tunnels_to_its_ports_alone)
{
    wall(0);
    proxy(0, 443);
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    proxy(0, 25);
    w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_DIES);
    ck_assert_str_eq(
        w.why, "the near side does not reach the relay over WebSocket: the proxy of a makes no tunnel to port 80");
    proxy(0, 443);
    q.side[0].web[1].outside = (it_ip){0, 0};
    ck_assert_int_eq(ask().outcome, IT_ORACLE_DIES);
}
END_TEST

/* A password costs round trips. */
START_TEST(a_password_is_asked_for)
{
    wall(0);
    proxy(0, 443);
    it_time without = ask().latest;
    q.side[0].web[1].asks = 1;
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_gt(w.latest, without);
}
END_TEST

/* Of the boxes further in the proxy must be reached, and those further out let the proxy out, not the host. */
START_TEST(what_stands_inside_and_outside_of_a_proxy_is_judged_apart)
{
    wall(443); /* outside: box a */
    wall(0);   /* that of the proxy: b */
    wall(3128);
    proxy(1, 443);
    ck_assert_int_eq(ask().outcome, IT_ORACLE_OPENS);
    q.box[2].u.wall.tcp.out.port[0] = 443;
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_DIES);
    ck_assert_str_eq(w.why, "the near side does not reach the relay over WebSocket: c lets no TCP to port 3128 out");
    q.box[2].u.wall.tcp.out.port[0] = 3128;
    q.box[0].u.wall.tcp.out.port[0] = 3128;
    ck_assert_int_eq(ask().outcome, IT_ORACLE_DIES);
}
END_TEST

/* An inspector takes the upgrade out of what it reads. */
START_TEST(a_box_that_answers_in_its_place_ends_it_or_lets_it_be)
{
    static const enum it_oracle_outcome WANT[] = {[IT_ORACLE_CAUGHT_ENDS] = IT_ORACLE_DIES,
                                                  [IT_ORACLE_CAUGHT_PASSES] = IT_ORACLE_OPENS,
                                                  [IT_ORACLE_CAUGHT_UNSURE] = IT_ORACLE_EITHER};
    it_oracle_box *b = box(IT_ORACLE_FIREWALL);
    b->own = true;
    b->u.wall.tcp.catch_tls = b->u.wall.tcp.catch_web = true;
    q.side[0].web[1].caught = (uint8_t)_i;
    ck_assert_int_eq(ask().outcome, WANT[_i]);
}
END_TEST

START_TEST(what_hangs_on_more_may_open)
{
    it_oracle_wall *w = &box(IT_ORACLE_FIREWALL)->u.wall;
    w->login = 5 * IT_SEC;
    ck_assert_int_eq(ask().outcome, IT_ORACLE_EITHER);
    w->login = 0;
    w->tcp.cut = (it_oracle_ports){.set = true, .port = {80}, .n = 1};
    ck_assert_int_eq(ask().outcome, IT_ORACLE_EITHER);
    w->tcp.cut.set = false;
    ck_assert_int_eq(ask().outcome, IT_ORACLE_OPENS);
    w->pps = 5;
    ck_assert_int_eq(ask().outcome, IT_ORACLE_EITHER);
    w->pps = 0;
    q.side[0].base[0].wire.up = 2 * IT_SEC; /* an attempt is given up before */
    ck_assert_int_eq(ask().outcome, IT_ORACLE_EITHER);
}
END_TEST

START_TEST(each_side_comes_by_its_own_family)
{
    q.side[0].base[0].ip = (it_ip){0x20010db800000000, 1};
    for (int k = 0; k < 2; k++) {
        q.side[0].web[k].server.ip[0] = (it_ip){0, 0};
        q.side[0].web[k].server.ip[1] = RELAY6;
    }
    it_oracle_way w = ask();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(w.families, IT_ORACLE_V4 | IT_ORACLE_V6);
}
END_TEST

START_TEST(in_a_verdict_it_is_the_last_rung_and_a_late_direct_way_may_find_it_taken)
{
    it_alloc mem;
    it_oracle_verdict v;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(v.way[v.n_ways - 1].rung, IT_ORACLE_PROXY);
    ck_assert_int_eq(v.way[v.first].rung, IT_ORACLE_DIRECT_UDP);
    wall(443);
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(v.way[v.first].rung, IT_ORACLE_PROXY);
    ck_assert_str_eq(it_oracle_rung_path(v.way[v.first].rung), "relay_tcp");
    q.model = 'E';
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(v.outcome, IT_ORACLE_DIES);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

/* Model D: two objects, of which the one that is ready first carries the call first. */
START_TEST(the_relay_object_of_d_begins_whatever_else_works)
{
    static const struct {
        it_time after;
        bool overtaken;
    } ALL[] = {{0, true}, {2 * IT_SEC, false}};
    it_alloc mem;
    it_oracle_verdict v;
    it_alloc_init(&mem);
    q.model = 'D';
    q.web_after = q.web_sooner = ALL[_i].after;
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(v.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(v.way[v.first].rung, IT_ORACLE_DIRECT_UDP);
    ck_assert(v.way[v.first].overtaken == ALL[_i].overtaken);
    ck_assert(ALL[_i].overtaken ? v.path == NULL : strcmp(v.path, "direct_udp") == 0);
    wall(443);
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(v.way[v.first].rung, IT_ORACLE_PROXY);
    ck_assert_str_eq(v.path, "relay_tcp");
    ck_assert_int_lt(v.way[v.first].least, IT_SEC); /* sooner than T_try, where the peer object has failed */
    ck_assert_int_gt(v.way[v.first].latest, ALL[_i].after);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

/* By UDP where both reach it so; where one does, each tells of its own leg. */
START_TEST(the_relay_object_by_udp_is_a_rung_of_its_own)
{
    static const struct {
        bool near_udp, near_tcp;
        enum it_oracle_outcome dgram, web;
    } ALL[] = {{true, true, IT_ORACLE_OPENS, IT_ORACLE_OPENS},
               {false, true, IT_ORACLE_EITHER, IT_ORACLE_OPENS},
               {true, false, IT_ORACLE_OPENS, IT_ORACLE_OPENS},
               {false, false, IT_ORACLE_DIES, IT_ORACLE_DIES}};
    it_alloc mem;
    it_oracle_way w;
    it_alloc_init(&mem);
    for (int i = 0; i < 2; i++)
        q.side[i].web[0] = (it_oracle_web){.server = q.side[i].web[1].server, .udp = true};
    it_oracle_wall *b = wall(ALL[_i].near_tcp ? 443 : 0);
    b->block = !ALL[_i].near_udp;
    b->stateful = true;
    b->timeout = 60 * IT_SEC;
    ck_assert_int_eq(it_oracle_dgram(&mem, &q, &w), 0);
    ck_assert_msg(w.outcome == ALL[_i].dgram, "%s", w.why);
    ck_assert_int_eq(ask().outcome, ALL[_i].web);
    q.side[1].base[0].wire.lossy = true; /* who is not answered in time goes by WebSocket */
    ck_assert_int_eq(it_oracle_dgram(&mem, &q, &w), 0);
    ck_assert(w.outcome != IT_ORACLE_OPENS);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

/* What is beyond a box with a host of its own is its connection: two of them answer for each other. */
START_TEST(a_second_box_that_answers_leaves_it_open)
{
    it_oracle_box *b = box(IT_ORACLE_FIREWALL);
    b->own = true;
    b->u.wall.tcp.catch_tls = true;
    wall(0)->block = true;
    proxy(1, 443);
    ck_assert_int_eq(ask().outcome, IT_ORACLE_EITHER);
    b->u.wall.tcp.catch_tls = false;
    ck_assert_int_eq(ask().outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(without_memory_nothing_is_decided)
{
    it_alloc none;
    it_oracle_way w;
    it_alloc_init_countdown(&none, 0);
    ck_assert_int_eq(it_oracle_proxy(&none, &q, &w), IT_ERR_NOMEM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lab/judge/oracle/proxy");
    TCase *tc = tcase_create("proxy");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, two_that_reach_it_meet_there_and_by_a_time);
    tcase_add_loop_test(tc, a_side_without_one_is_met_nowhere, 0, 2);
    tcase_add_test(tc, the_ways_are_tried_in_turn_and_each_that_is_silent_takes_its_time);
    tcase_add_test(tc, a_proxy_makes_tunnels_to_its_ports_alone);
    tcase_add_test(tc, a_password_is_asked_for);
    tcase_add_test(tc, what_stands_inside_and_outside_of_a_proxy_is_judged_apart);
    tcase_add_loop_test(tc, a_box_that_answers_in_its_place_ends_it_or_lets_it_be, 0, 3);
    tcase_add_test(tc, what_hangs_on_more_may_open);
    tcase_add_test(tc, each_side_comes_by_its_own_family);
    tcase_add_loop_test(tc, the_relay_object_of_d_begins_whatever_else_works, 0, 2);
    tcase_add_loop_test(tc, the_relay_object_by_udp_is_a_rung_of_its_own, 0, 4);
    tcase_add_test(tc, in_a_verdict_it_is_the_last_rung_and_a_late_direct_way_may_find_it_taken);
    tcase_add_test(tc, a_second_box_that_answers_leaves_it_open);
    tcase_add_test(tc, without_memory_nothing_is_decided);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
