/* lab/judge/oracle/ladder.c: ladders of the models, and verdicts made of rungs by hand. */
#include "lab/judge/oracle/impl.h"
#include "stack/ice/impl.h"
#include "stack/model/model.h"

#include <check.h>
#include <stdlib.h>

/* A host on each side at the internet and no box between them. */
static it_oracle_query query(char model)
{
    static it_oracle_query q;
    memset(&q, 0, sizeof q);
    q.model = model;
    for (int i = 0; i < 2; i++) {
        q.side[i].ta = 50 * IT_MS;
        q.side[i].rto = 500 * IT_MS;
        q.side[i].base[0].ip = it_ip4(0xcb007101u + (uint32_t)i);
        q.side[i].base[0].wire.up = q.side[i].base[0].wire.down = IT_MS;
        q.side[i].n_bases = 1;
        q.side[i].tcp = IT_ORACLE_TCP_ACTIVE | IT_ORACLE_TCP_PASSIVE;
    }
    q.patience = 40 * IT_SEC;
    return q;
}

static it_oracle_verdict ask(char model)
{
    it_alloc alloc;
    it_oracle_verdict v;
    it_oracle_query q = query(model);
    q.checked_relays = model == 'E'; /* which cannot use TURN */
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), 0);
    ck_assert_int_eq(alloc.live, 0);
    return v;
}

START_TEST(every_rung_of_a_model_is_judged_or_says_what_is_not_built)
{
    for (char model = 'A'; model <= 'E'; model++) {
        it_oracle_verdict v = ask(model);
        ck_assert_int_ge(v.n_ways, 1);
        ck_assert_int_eq(v.way[0].rung, IT_ORACLE_DIRECT_UDP);
        for (int i = 0; i < v.n_ways; i++) {
            const it_oracle_way *w = &v.way[i];
            bool says = strncmp(w->why, "not built: model ", 17) == 0 && w->why[17] == model;
            bool judged = w->outcome != IT_ORACLE_NOT_BUILT;
            /* what a model takes has a judge */
            ck_assert_msg(judged != says, "%c %s: %s", model, it_oracle_rung_name(w->rung), w->why);
            ck_assert_msg(judged || (w->pairs[0] | w->pairs[1] | w->families) == 0, "%c %d", model, i);
        }
    }
}
END_TEST

START_TEST(a_ladder_has_no_rung_twice)
{
    for (char model = 'A'; model <= 'E'; model++) {
        it_oracle_verdict v = ask(model);
        uint32_t seen = 0;
        for (int i = 0; i < v.n_ways; i++) {
            ck_assert_uint_eq(seen >> v.way[i].rung & 1, 0);
            seen |= 1u << v.way[i].rung;
        }
    }
}
END_TEST

START_TEST(a_b_and_e_open_by_direct_udp_a_and_b_by_direct_tcp_too_and_nothing_else_where_no_server_is)
{
    for (const char *model = "ABE"; *model; model++) {
        it_oracle_verdict v = ask(*model);
        ck_assert_int_eq(v.outcome, IT_ORACLE_OPENS);
        ck_assert_int_eq(v.first, 0);
        ck_assert_int_eq(v.decides, 0);
        ck_assert_uint_eq(v.families, IT_ORACLE_V4);
        ck_assert_str_eq(v.way[0].why, "no box stands between them");
        for (int i = 1; i < v.n_ways; i++) {
            bool relay = strncmp(it_oracle_rung_name(v.way[i].rung), "relay", 5) == 0;
            enum it_oracle_outcome want = relay ? IT_ORACLE_DIES : IT_ORACLE_NOT_BUILT;
            if (v.way[i].rung == IT_ORACLE_DIRECT_TCP)
                want = IT_ORACLE_OPENS;
            ck_assert_int_eq(v.way[i].outcome, want);
            bool web = v.way[i].rung == IT_ORACLE_PROXY;
            if (relay && *model == 'E')
                ck_assert_str_eq(v.way[i].why, "there is no relay that answers checks");
            else if (relay)
                ck_assert_str_eq(v.way[i].why, web ? "there is no relay over WebSocket that both sides have"
                                                   : "there is no TURN server");
        }
    }
}
END_TEST

START_TEST(what_is_no_model_has_no_ladder)
{
    it_alloc alloc;
    it_oracle_verdict v;
    it_oracle_query q = query('F');
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), IT_ERR_NOTFOUND);
    ck_assert_int_eq(v.n_ways, 0);
}
END_TEST

START_TEST(without_memory_the_ladder_says_nothing)
{
    it_alloc alloc;
    it_oracle_verdict v;
    it_oracle_query q = query('B');
    it_alloc_init_countdown(&alloc, 0);
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), IT_ERR_NOMEM);
    ck_assert_int_eq(v.n_ways, 0);
    ck_assert_int_eq(v.outcome, IT_ORACLE_NOT_BUILT);
}
END_TEST

enum { NO = IT_ORACLE_DIES, YES = IT_ORACLE_OPENS, MAY = IT_ORACLE_EITHER, NOT = IT_ORACLE_NOT_BUILT };

static const struct {
    uint8_t n, of[4], outcome;
    int first, decides;
} SUMS[] = {
    {1, {YES}, YES, 0, 0},
    {1, {MAY}, MAY, -1, 0},
    {1, {NO}, NO, -1, 0},
    {1, {NOT}, NOT, -1, -1},
    {2, {NO, YES}, YES, 1, 1},
    {2, {MAY, YES}, YES, 1, 1}, /* it opens by either of both */
    {2, {NO, MAY}, MAY, -1, 1}, /* the rung that may is the call's reason */
    {3, {MAY, MAY, NO}, MAY, -1, 0},
    {3, {NO, NO, NO}, NO, -1, 0},
    {4, {NO, NOT, YES, YES}, YES, 2, 2},
    {4, {NOT, NO, NOT, NOT}, NO, -1, 1}, /* what is not built is no death */
    {4, {NOT, NOT, NOT, NOT}, NOT, -1, -1},
};

START_TEST(a_call_opens_by_the_first_rung_that_must_and_dies_by_none)
{
    for (size_t i = 0; i < sizeof SUMS / sizeof *SUMS; i++) {
        it_oracle_verdict v = {.n_ways = SUMS[i].n};
        for (int k = 0; k < v.n_ways; k++)
            v.way[k].outcome = (enum it_oracle_outcome)SUMS[i].of[k];
        it_orc_conclude(&v);
        ck_assert_msg(v.outcome == (enum it_oracle_outcome)SUMS[i].outcome && v.first == SUMS[i].first &&
                          v.decides == SUMS[i].decides,
                      "row %zu: %d %d %d", i, v.outcome, v.first, v.decides);
    }
}
END_TEST

/* RFC 8445 sections 5.1.2 and 6.1.2.3, RFC 6544 section 4.2: by the priorities that the stack works out itself. */
START_TEST(rungs_stand_in_the_order_of_the_priorities_of_their_pairs)
{
    uint32_t host = it_ice_priority(IT_ICE_HOST, 0, 1), prflx = it_ice_priority(IT_ICE_PRFLX, 0xffff, 1);
    uint32_t srflx = it_ice_priority(IT_ICE_SRFLX, 0, 1), relay = it_ice_priority(IT_ICE_RELAY, 0xffff, 1);
    uint32_t active = it_ice_tcp_priority(IT_ICE_HOST, IT_ICE_TCP_ACTIVE, 8191, 1);
    uint32_t passive = it_ice_tcp_priority(IT_ICE_SRFLX, IT_ICE_TCP_PASSIVE, 0, 1);
    ck_assert_uint_gt(host, prflx);
    ck_assert_uint_gt(srflx, active);
    for (int controlling = 0; controlling < 2; controlling++) {
        ck_assert(it_ice_pair_prio(controlling, host, srflx) > it_ice_pair_prio(controlling, active, active));
        ck_assert(it_ice_pair_prio(controlling, active, passive) > it_ice_pair_prio(controlling, host, relay));
        ck_assert(it_ice_pair_prio(controlling, active, passive) > it_ice_pair_prio(controlling, relay, host));
    }
    it_oracle_verdict v = ask('B');
    static const enum it_oracle_rung WANT[] = {IT_ORACLE_DIRECT_UDP, IT_ORACLE_DIRECT_TCP, IT_ORACLE_RELAY_UDP,
                                               IT_ORACLE_RELAY_TCP};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        ck_assert_int_eq(v.way[i].rung, WANT[i]);
}
END_TEST

/* Of two hosts at the internet, UDP between which is blocked by a firewall of the near one; a TURN server by TCP. */
static it_oracle_query behind_wall(void)
{
    it_oracle_query q = query('B');
    it_oracle_server s = {.ip = {it_ip4(0xcb007109u), {0, 0}}, .port = 3478, .rtt = 2 * IT_MS};
    q.box[0].kind = IT_ORACLE_FIREWALL;
    q.box[0].u.wall = (it_oracle_wall){.block = true};
    q.box[0].u.wall.tcp.stateful = true;
    q.box[0].u.wall.tcp.filtering = IT_ORACLE_APD;
    q.box[0].u.wall.tcp.syn = 240 * IT_SEC;
    q.n_boxes = 1;
    q.side[0].base[0].net = 1;
    q.stun = s;
    q.stun_tcp = q.stun;
    q.turn[0] = (it_oracle_turn){.server = s, .tcp = true};
    q.n_turns = 1;
    return q;
}

START_TEST(direct_tcp_must_be_taken_before_a_relay_unless_it_may_take_longer_than_that_waits)
{
    static const struct {
        it_time far_wire;
        bool hasty, overtaken;
    } ROWS[] = {{IT_MS, false, false}, {300 * IT_MS, false, true}, {IT_MS, true, true}};
    it_oracle_query q = behind_wall();
    it_oracle_verdict v;
    it_alloc alloc;
    it_alloc_init(&alloc);
    q.side[1].base[0].wire.up = q.side[1].base[0].wire.down = ROWS[_i].far_wire;
    q.side[1].hasty = ROWS[_i].hasty;
    ck_assert_int_eq(it_oracle_ask(&alloc, &q, &v), 0);
    ck_assert_int_eq(v.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(v.way[v.first].rung, IT_ORACLE_DIRECT_TCP);
    ck_assert_int_eq(v.way[v.first].overtaken, ROWS[_i].overtaken);
    ck_assert(ROWS[_i].overtaken ? v.path == NULL : strcmp(v.path, "direct_tcp") == 0);
}
END_TEST

static const struct {
    struct {
        enum it_oracle_rung rung;
        uint8_t outcome;
        bool overtaken;
    } way[3];
    const char *path;
} PATHS[] = {
    {{{IT_ORACLE_DIRECT_UDP, YES, false}, {IT_ORACLE_DIRECT_TCP, YES, false}, {IT_ORACLE_RELAY_UDP, YES, false}},
     "direct_udp"},
    {{{IT_ORACLE_DIRECT_UDP, NO, false}, {IT_ORACLE_DIRECT_TCP, MAY, false}, {IT_ORACLE_RELAY_UDP, YES, false}}, NULL},
    {{{IT_ORACLE_DIRECT_UDP, YES, true}, {IT_ORACLE_DIRECT_TCP, NO, false}, {IT_ORACLE_RELAY_UDP, MAY, false}}, NULL},
    {{{IT_ORACLE_DIRECT_UDP, YES, true}, {IT_ORACLE_DIRECT_TCP, NO, false}, {IT_ORACLE_RELAY_UDP, NO, false}},
     "direct_udp"},
    {{{IT_ORACLE_DIRECT_UDP, NO, false}, {IT_ORACLE_RELAY_TCP, MAY, false}, {IT_ORACLE_PROXY, YES, false}},
     "relay_tcp"},
    {{{IT_ORACLE_DIRECT_UDP, NO, false}, {IT_ORACLE_DIRECT_TCP, NO, false}, {IT_ORACLE_RELAY_UDP, NO, false}}, NULL},
};

START_TEST(a_path_must_be_told_where_all_that_may_be_taken_have_it)
{
    it_oracle_verdict v = {.n_ways = 3};
    for (int k = 0; k < v.n_ways; k++)
        v.way[k] = (it_oracle_way){.rung = PATHS[_i].way[k].rung,
                                   .outcome = (enum it_oracle_outcome)PATHS[_i].way[k].outcome,
                                   .overtaken = PATHS[_i].way[k].overtaken};
    it_orc_conclude(&v);
    ck_assert_pstr_eq(v.path, PATHS[_i].path);
}
END_TEST

START_TEST(families_are_those_of_the_rungs_that_may_open)
{
    it_oracle_verdict v = {.n_ways = 3};
    v.way[0] = (it_oracle_way){.outcome = IT_ORACLE_EITHER, .families = IT_ORACLE_V6};
    v.way[1] = (it_oracle_way){.outcome = IT_ORACLE_OPENS, .families = IT_ORACLE_V4};
    v.way[2] = (it_oracle_way){.outcome = IT_ORACLE_DIES};
    it_orc_conclude(&v);
    ck_assert_uint_eq(v.families, IT_ORACLE_V4 | IT_ORACLE_V6);
}
END_TEST

/* What the oracle calls a thing its connections call so too, though it shares no code with them. */
START_TEST(kinds_and_paths_have_the_words_of_the_stack)
{
    for (int i = 0; i < IT_ORACLE_CANDS; i++)
        ck_assert_str_eq(it_oracle_cand_name((enum it_oracle_cand)i), it_ice_kind_name((enum it_ice_kind)i));
    for (int i = 0; i < IT_ORACLE_RUNGS; i++) {
        const char *path = it_oracle_rung_path((enum it_oracle_rung)i);
        bool known = false;
        for (int p = IT_PATH_DIRECT_UDP; p <= IT_PATH_RELAY_TCP; p++)
            known |= strcmp(path, it_path_name((enum it_path)p)) == 0;
        ck_assert_msg(known, "%s", path);
    }
    ck_assert_str_eq(it_oracle_rung_name(IT_ORACLE_PROXY), "relay_ws");
    ck_assert_str_eq(it_oracle_outcome_name(IT_ORACLE_NOT_BUILT), "not built");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/ladder");
    TCase *c = tcase_create("ladder");
    tcase_add_test(c, every_rung_of_a_model_is_judged_or_says_what_is_not_built);
    tcase_add_test(c, a_ladder_has_no_rung_twice);
    tcase_add_test(c, a_b_and_e_open_by_direct_udp_a_and_b_by_direct_tcp_too_and_nothing_else_where_no_server_is);
    tcase_add_test(c, what_is_no_model_has_no_ladder);
    tcase_add_test(c, without_memory_the_ladder_says_nothing);
    tcase_add_test(c, a_call_opens_by_the_first_rung_that_must_and_dies_by_none);
    tcase_add_test(c, rungs_stand_in_the_order_of_the_priorities_of_their_pairs);
    tcase_add_loop_test(c, direct_tcp_must_be_taken_before_a_relay_unless_it_may_take_longer_than_that_waits, 0, 3);
    tcase_add_loop_test(c, a_path_must_be_told_where_all_that_may_be_taken_have_it, 0, sizeof PATHS / sizeof *PATHS);
    tcase_add_test(c, families_are_those_of_the_rungs_that_may_open);
    tcase_add_test(c, kinds_and_paths_have_the_words_of_the_stack);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
