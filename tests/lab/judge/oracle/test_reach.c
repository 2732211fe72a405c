/* lab/judge/oracle/reach.c: servers through boxes that nobody has built. What real policies and NATs do is compared
 * with the world by scenarios/walls/reach.lua. */
#include "lab/judge/oracle/reach.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};
static const it_ip SIX = {0x20010db800000000, 7};

/* A host of IPv4 at the internet. */
static it_oracle_query query(void)
{
    static it_oracle_query q;
    memset(&q, 0, sizeof q);
    q.side[0].base[0] = (it_oracle_base){it_ip4(0x0a000002u), 0, WIRE};
    q.side[0].n_bases = 1;
    q.now = 5 * IT_SEC;
    q.patience = 10 * IT_SEC;
    return q;
}

/* Puts a box in front of the others, and the host behind it; returns it. */
static it_oracle_box *box(it_oracle_query *q, enum it_oracle_kind kind, const char *name)
{
    it_oracle_box *b = &q->box[q->n_boxes];
    strcpy(b->name, name);
    b->kind = (uint8_t)kind;
    b->outer = (uint8_t)q->n_boxes;
    b->wire = WIRE;
    q->n_boxes++;
    for (int i = 0; i < q->side[0].n_bases; i++)
        q->side[0].base[i].net = (uint8_t)q->n_boxes;
    return b;
}

static it_oracle_wall *wall(it_oracle_query *q, const char *name)
{
    it_oracle_box *b = box(q, IT_ORACLE_FIREWALL, name);
    b->u.wall.timeout = b->u.wall.tcp.syn = 30 * IT_SEC;
    return &b->u.wall;
}

static it_oracle_nat *nat(it_oracle_query *q, const char *name)
{
    it_oracle_box *b = box(q, IT_ORACLE_NAT, name);
    b->u.nat = (it_oracle_nat){.lo = 1024, .hi = 65535, .initial = 30 * IT_SEC, .syn = 30 * IT_SEC};
    return &b->u.nat;
}

static it_oracle_ports ports(uint16_t one)
{
    return (it_oracle_ports){.set = true, .port = {one}, .n = 1};
}

static it_oracle_reach ask(const it_oracle_query *q, enum it_oracle_transport t, uint16_t port)
{
    it_oracle_server s = {.ip = {it_ip4(0xcb007109u), {0x20010db800000000, 9}}, .port = port, .rtt = 20 * IT_MS};
    it_oracle_reach r;
    memset(&r, 0xff, sizeof r);
    it_oracle_reach_server(q, 0, &s, t, &r);
    return r;
}

#define SAYS(q, t, port, how, words) says(__LINE__, (q), IT_ORACLE_##t, (port), IT_ORACLE_REACH_##how, (words))

static void says(int line, const it_oracle_query *q, enum it_oracle_transport t, uint16_t port,
                 enum it_oracle_reached how, const char *words)
{
    it_oracle_reach r = ask(q, t, port);
    ck_assert_msg(r.outcome == how, "line %d: %s: %s", line, it_oracle_reached_name(r.outcome), r.why);
    ck_assert_msg(strcmp(r.why, words) == 0, "line %d: %s", line, r.why);
    ck_assert_msg((r.families != 0) == (how != IT_ORACLE_REACH_NONE), "line %d: families %d", line, r.families);
    ck_assert_msg((r.box != 0) == (how == IT_ORACLE_REACH_CAUGHT), "line %d: box %d", line, r.box);
}

START_TEST(without_boxes_and_through_a_nat_servers_answer)
{
    it_oracle_query q = query();
    SAYS(&q, TCP, 80, OPEN, "no box stands in the way");
    nat(&q, "gw");
    SAYS(&q, TCP, 80, OPEN, "TCP to port 80 passes, and its answer comes back");
    SAYS(&q, UDP, 80, OPEN, "UDP to port 80 passes, and its answer comes back");
}
END_TEST

START_TEST(a_server_without_an_address_of_the_family_is_not_reached)
{
    it_oracle_query q = query();
    it_oracle_server s = {.ip = {{0, 0}, SIX}, .port = 80};
    it_oracle_reach r;
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_TCP, &r);
    ck_assert_int_eq(r.outcome, IT_ORACLE_REACH_NONE);
    ck_assert_str_eq(r.why, "the host has no address of a family that leads to the server");
}
END_TEST

START_TEST(each_transport_has_a_policy_of_its_own)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "wall");
    w->block = true;
    SAYS(&q, UDP, 443, NONE, "UDP is blocked by wall");
    SAYS(&q, TCP, 443, OPEN, "TCP to port 443 passes, and its answer comes back");
    w->block = false;
    w->tcp.block = true;
    SAYS(&q, TCP, 443, NONE, "TCP is blocked by wall");
    SAYS(&q, UDP, 443, OPEN, "UDP to port 443 passes, and its answer comes back");
    w->tcp.block = false;
    w->out = ports(53);
    w->tcp.out = ports(443);
    SAYS(&q, UDP, 443, NONE, "wall lets no UDP to port 443 out");
    SAYS(&q, UDP, 53, OPEN, "UDP to port 53 passes, and its answer comes back");
    SAYS(&q, TCP, 53, NONE, "wall lets no TCP to port 53 out");
    w->tcp.out.any = true;
    SAYS(&q, TCP, 53, OPEN, "TCP to port 53 passes, and its answer comes back");
    w->tcp.out = (it_oracle_ports){.set = true};
    SAYS(&q, TCP, 443, NONE, "wall lets no TCP to port 443 out");
}
END_TEST

START_TEST(ike_passes_but_its_answer_needs_a_way_in)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "wall");
    w->ike = w->stateful = true;
    SAYS(&q, UDP, 500, NONE,
         "UDP to port 500 passes wall without a flow, and nothing lets its answer in (RFC 6092 REC-24)");
    SAYS(&q, TCP, 500, OPEN, "TCP to port 500 passes, and its answer comes back");
    w->in = (it_oracle_ports){.set = true, .any = true};
    SAYS(&q, UDP, 500, OPEN, "UDP to port 500 passes, and its answer comes back");
    w->in.set = w->stateful = false;
    SAYS(&q, UDP, 500, OPEN, "UDP to port 500 passes, and its answer comes back");
}
END_TEST

START_TEST(a_box_with_a_host_of_its_own_answers_in_the_servers_place)
{
    it_oracle_query q = query();
    it_oracle_wall *outer = wall(&q, "outer"), *w = wall(&q, "inspector");
    outer->tcp.block = true;
    w->tcp.catch_tls = w->tcp.catch_web = true;
    SAYS(&q, TCP, 443, NONE, "TCP is blocked by outer"); /* nobody is there to catch it */
    q.box[1].own = true;
    SAYS(&q, TCP, 443, CAUGHT, "inspector answers TCP to port 443 itself");
    SAYS(&q, TCP, 80, CAUGHT, "inspector answers TCP to port 80 itself");
    ck_assert_uint_eq(ask(&q, IT_ORACLE_TCP, 80).box, 2);
    SAYS(&q, TCP, 22, NONE, "TCP is blocked by outer");
    SAYS(&q, UDP, 443, OPEN, "UDP to port 443 passes, and its answer comes back");
    w->tcp.catch_tls = false;
    SAYS(&q, TCP, 443, NONE, "TCP is blocked by outer");
}
END_TEST

START_TEST(what_a_box_further_in_drops_nobody_further_out_catches)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "inspector");
    w->tcp.catch_tls = true;
    q.box[0].own = true;
    wall(&q, "inner")->tcp.block = true;
    SAYS(&q, TCP, 443, NONE, "TCP is blocked by inner");
}
END_TEST

START_TEST(whoever_catches_answers_from_where_it_is)
{
    it_oracle_query q = query();
    wall(&q, "inspector")->tcp.catch_tls = true; /* 20 ms from the inner box there and back, the server 40 ms more */
    q.box[0].own = true;
    it_oracle_nat *n = nat(&q, "inner");
    n->syn = 21 * IT_MS;
    SAYS(&q, TCP, 443, CAUGHT, "inspector answers TCP to port 443 itself");
    SAYS(&q, TCP, 80, EITHER, "inner keeps TCP without an answer for 21 ms, which may take longer");
    n->syn = 20 * IT_MS;
    SAYS(&q, TCP, 443, EITHER, "inner keeps TCP without an answer for 20 ms, which may take longer");
}
END_TEST

START_TEST(a_way_that_may_open_is_better_than_one_that_is_caught)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "four");
    q.side[0].base[1] = (it_oracle_base){SIX, 1, WIRE};
    q.side[0].n_bases = 2;
    w->tcp.catch_tls = true;
    q.box[0].own = true;
    q.box[0].only = 4;
    wall(&q, "six")->tcp.stateful = true;
    q.box[1].u.wall.tcp.syn = IT_MS;
    q.box[1].only = 6;
    SAYS(&q, TCP, 443, EITHER, "six keeps TCP without an answer for 1 ms, which may take longer");
    q.box[1].u.wall.tcp.block = true;
    SAYS(&q, TCP, 443, CAUGHT, "four answers TCP to port 443 itself");
}
END_TEST

START_TEST(a_login_that_comes_in_time_counts_and_says_from_when_on)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "portal");
    w->login = 15 * IT_SEC; /* now is 5 s, patience 10 s */
    q.box[0].own = true;
    SAYS(&q, TCP, 80, OPEN, "TCP to port 80 passes, and its answer comes back");
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 80).since, 15 * IT_SEC);
    w->login++;
    SAYS(&q, TCP, 80, CAUGHT, "portal answers TCP to port 80 itself");
    SAYS(&q, UDP, 53, CAUGHT, "portal answers UDP to port 53 itself");
    SAYS(&q, TCP, 443, NONE, "portal lets nothing pass before the login");
    SAYS(&q, UDP, 443, NONE, "portal lets nothing pass before the login");
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 80).since, 0);
    w->login = 5 * IT_SEC;
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 443).outcome, IT_ORACLE_REACH_OPEN);
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 443).since, 0);
}
END_TEST

START_TEST(an_injector_cuts_and_of_two_the_sooner)
{
    it_oracle_query q = query();
    it_oracle_wall *outer = wall(&q, "outer"), *inner = wall(&q, "inner");
    inner->tcp.cut = ports(3478);
    inner->tcp.cut_after = 900;
    SAYS(&q, TCP, 3478, CUT, "inner resets connections to port 3478 after 900 bytes");
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 3478).bytes, 900);
    outer->tcp.cut = ports(3478);
    outer->tcp.cut_after = 500;
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 3478).bytes, 500);
    SAYS(&q, TCP, 443, OPEN, "TCP to port 443 passes, and its answer comes back");
    SAYS(&q, UDP, 3478, OPEN, "UDP to port 3478 passes, and its answer comes back");
    outer->tcp.out = ports(80); /* and none is worse than cut */
    SAYS(&q, TCP, 3478, NONE, "outer lets no TCP to port 3478 out");
}
END_TEST

START_TEST(state_must_outlive_the_answers_way)
{
    /* the box's wire 20 ms there and back, the server 20 ms */
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "wall");
    w->stateful = w->tcp.stateful = true;
    w->timeout = w->tcp.syn = 40 * IT_MS;
    SAYS(&q, UDP, 53, EITHER, "wall keeps UDP without an answer for 40 ms, which may take longer");
    SAYS(&q, TCP, 53, EITHER, "wall keeps TCP without an answer for 40 ms, which may take longer");
    w->timeout = w->tcp.syn = 41 * IT_MS;
    SAYS(&q, UDP, 53, OPEN, "UDP to port 53 passes, and its answer comes back");
    q.box[0].wire.slack = IT_MS;
    ck_assert_int_eq(ask(&q, IT_ORACLE_UDP, 53).outcome, IT_ORACLE_REACH_EITHER);
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 53).outcome, IT_ORACLE_REACH_EITHER);
    w->stateful = w->tcp.stateful = false; /* then no state is needed */
    SAYS(&q, UDP, 53, OPEN, "UDP to port 53 passes, and its answer comes back");
    w->max_age = w->tcp.max_age = 40 * IT_MS;
    SAYS(&q, UDP, 53, NONE, "wall ends every flow before the answer is there");
    w->max_age = w->tcp.max_age = 42 * IT_MS;
    SAYS(&q, TCP, 53, EITHER, "wall may end the flow before the answer is there");
}
END_TEST

START_TEST(only_what_lies_beyond_a_box_counts_for_its_state)
{
    it_oracle_query q = query();
    nat(&q, "outer")->initial = 41 * IT_MS;
    nat(&q, "inner")->initial = 61 * IT_MS;
    ck_assert_int_eq(ask(&q, IT_ORACLE_UDP, 53).outcome, IT_ORACLE_REACH_OPEN);
    q.box[1].u.nat.initial = 60 * IT_MS;
    SAYS(&q, UDP, 53, EITHER, "inner keeps UDP without an answer for 60 ms, which may take longer");
    SAYS(&q, TCP, 53, OPEN, "TCP to port 53 passes, and its answer comes back");
    q.box[1].u.nat.syn = 60 * IT_MS;
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 53).outcome, IT_ORACLE_REACH_EITHER);
}
END_TEST

START_TEST(a_port_that_must_be_kept_may_lie_outside_the_range)
{
    it_oracle_query q = query();
    it_oracle_nat *n = nat(&q, "gw");
    n->preserve = true;
    n->hi = 60000;
    ck_assert_int_eq(ask(&q, IT_ORACLE_UDP, 53).outcome, IT_ORACLE_REACH_OPEN); /* it gets another one */
    n->clash = IT_ORACLE_CLASH_DROP;
    SAYS(&q, UDP, 53, EITHER, "gw may drop what cannot have its port (RFC 4787 section 4.2.1)");
    n->hi = 40000;
    SAYS(&q, TCP, 53, NONE, "gw drops what cannot have its port (RFC 4787 section 4.2.1)");
    n->one2one = true;
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 53).outcome, IT_ORACLE_REACH_OPEN);
}
END_TEST

START_TEST(the_better_family_counts)
{
    it_oracle_query q = query();
    it_oracle_wall *w = wall(&q, "four");
    q.side[0].base[1] = (it_oracle_base){SIX, 1, WIRE};
    q.side[0].n_bases = 2;
    ck_assert_uint_eq(ask(&q, IT_ORACLE_TCP, 80).families, IT_ORACLE_V4 | IT_ORACLE_V6);
    w->tcp.block = true;
    q.box[0].only = 4;
    ck_assert_int_eq(ask(&q, IT_ORACLE_TCP, 80).outcome, IT_ORACLE_REACH_OPEN);
    ck_assert_uint_eq(ask(&q, IT_ORACLE_TCP, 80).families, IT_ORACLE_V6);
    q.box[0].only = 6;
    ck_assert_uint_eq(ask(&q, IT_ORACLE_TCP, 80).families, IT_ORACLE_V4);
    q.box[0].only = 0;
    SAYS(&q, TCP, 80, NONE, "TCP is blocked by four");
}
END_TEST

START_TEST(ipv4_is_reached_from_ipv6_through_a_nat64)
{
    it_oracle_query q = query();
    it_oracle_server s = {.ip = {it_ip4(0xcb007109u)}, .port = 80, .rtt = 20 * IT_MS};
    it_oracle_reach r;
    wall(&q, "four")->tcp.block = true; /* of IPv4: what the NAT64 makes is that */
    q.box[0].only = 4;
    it_oracle_box *b = box(&q, IT_ORACLE_ROUTER, "nat64");
    b->u.nat.syn = b->u.nat.initial = 30 * IT_SEC;
    q.side[0].base[0].ip = SIX;
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_UDP, &r);
    ck_assert_int_eq(r.outcome, IT_ORACLE_REACH_NONE); /* a router alone does not */
    b->to4 = true;
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_UDP, &r);
    ck_assert_int_eq(r.outcome, IT_ORACLE_REACH_OPEN);
    ck_assert_uint_eq(r.families, IT_ORACLE_V6);
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_TCP, &r);
    ck_assert_str_eq(r.why, "TCP is blocked by four");
    q.box[0].only = 6;
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_TCP, &r);
    ck_assert_int_eq(r.outcome, IT_ORACLE_REACH_OPEN);
    b->u.nat.syn = 40 * IT_MS;
    it_oracle_reach_server(&q, 0, &s, IT_ORACLE_TCP, &r);
    ck_assert_int_eq(r.outcome, IT_ORACLE_REACH_EITHER);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/reach");
    TCase *c = tcase_create("servers");
    tcase_add_test(c, without_boxes_and_through_a_nat_servers_answer);
    tcase_add_test(c, a_server_without_an_address_of_the_family_is_not_reached);
    tcase_add_test(c, each_transport_has_a_policy_of_its_own);
    tcase_add_test(c, ike_passes_but_its_answer_needs_a_way_in);
    tcase_add_test(c, a_box_with_a_host_of_its_own_answers_in_the_servers_place);
    tcase_add_test(c, what_a_box_further_in_drops_nobody_further_out_catches);
    tcase_add_test(c, whoever_catches_answers_from_where_it_is);
    tcase_add_test(c, a_way_that_may_open_is_better_than_one_that_is_caught);
    tcase_add_test(c, a_login_that_comes_in_time_counts_and_says_from_when_on);
    tcase_add_test(c, an_injector_cuts_and_of_two_the_sooner);
    tcase_add_test(c, state_must_outlive_the_answers_way);
    tcase_add_test(c, only_what_lies_beyond_a_box_counts_for_its_state);
    tcase_add_test(c, a_port_that_must_be_kept_may_lie_outside_the_range);
    tcase_add_test(c, the_better_family_counts);
    tcase_add_test(c, ipv4_is_reached_from_ipv6_through_a_nat64);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
