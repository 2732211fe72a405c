/* lab/judge/oracle/relay.c: relayed ways through boxes that nobody has built. What real profiles do is compared with
 * the world by scenarios/relay and tests/oracle/worlds.lua. */
#include "lab/judge/oracle/impl.h"
#include "lab/judge/oracle/ladder.h"

#include <check.h>
#include <stdlib.h>

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};
static const it_ip TURN4 = {0, 0xffffcb007109ULL}, TURN6 = {0x20010db800000000, 9};
static it_oracle_query q;

/* Two hosts of IPv4 at the internet, and a server by UDP and TCP. */
static void setup(void)
{
    memset(&q, 0, sizeof q);
    q.model = 'B';
    q.patience = 60 * IT_SEC;
    for (int i = 0; i < 2; i++) {
        q.side[i].base[0] = (it_oracle_base){it_ip4(0xcb007101u + (uint32_t)i), 0, WIRE};
        q.side[i].n_bases = 1;
        q.side[i].ta = 50 * IT_MS;
        q.side[i].rto = 500 * IT_MS;
    }
    q.stun = (it_oracle_server){.ip = {TURN4, TURN6}, .port = 3478, .rtt = 20 * IT_MS};
    for (int i = 0; i < 2; i++)
        q.turn[i] = (it_oracle_turn){.server = q.stun, .tcp = i == 1};
    q.n_turns = 2;
}

/* A box of its own before side |who|, outside of those that it has. */
static it_oracle_box *box(int who, enum it_oracle_kind kind)
{
    it_oracle_box *b = &q.box[q.n_boxes++];
    b->kind = (uint8_t)kind;
    b->name[0] = (char)('a' + q.n_boxes);
    b->wire = WIRE;
    b->outer = q.side[who].base[0].net;
    for (int i = 0; i < q.side[who].n_bases; i++)
        q.side[who].base[i].net = (uint8_t)q.n_boxes;
    return b;
}

static void nat(int who, enum it_oracle_dep mapping)
{
    it_oracle_nat *n = &box(who, IT_ORACLE_NAT)->u.nat;
    *n = (it_oracle_nat){
        .lo = 1024, .hi = 65535, .initial = 30 * IT_SEC, .replied = 120 * IT_SEC, .syn = 30 * IT_SEC, .pool = 1};
    n->mapping = (uint8_t)mapping;
    n->filtering = IT_ORACLE_APD;
}

static it_oracle_wall *wall(int who)
{
    it_oracle_wall *w = &box(who, IT_ORACLE_FIREWALL)->u.wall;
    w->stateful = true;
    w->timeout = w->tcp.syn = 60 * IT_SEC;
    return w;
}

static it_oracle_way udp(void)
{
    it_alloc mem;
    it_oracle_way w;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_relay_udp(&mem, &q, &w), 0);
    ck_assert_int_eq(mem.live, 0);
    return w;
}

static it_oracle_way tcp(void)
{
    it_alloc mem;
    it_oracle_way w;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_relay_tcp(&mem, &q, &w), 0);
    return w;
}

static bool has(const it_oracle_way *w, int side, enum it_oracle_cand l, enum it_oracle_cand r)
{
    return w->pairs[side] >> (4 * l + r) & 1;
}

START_TEST(whoever_reaches_the_server_has_a_way_to_everybody)
{
    nat(0, IT_ORACLE_APD);
    nat(1, IT_ORACLE_APD);
    it_oracle_way w = udp();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(w.families, IT_ORACLE_V4 | IT_ORACLE_V6); /* lent to hosts of IPv4 alone, too */
    ck_assert_str_eq(w.why, "a TURN server lends addresses to both sides (RFC 8656)");
    ck_assert(has(&w, 0, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
    ck_assert(has(&w, 1, IT_ORACLE_PRFLX, IT_ORACLE_RELAY));
    ck_assert(!has(&w, 0, IT_ORACLE_HOST, IT_ORACLE_HOST));
    ck_assert_int_eq(tcp().outcome, IT_ORACLE_EITHER); /* by UDP it must open, so that TCP may not be seen */
}
END_TEST

/* Model E: a relay that answers checks lends nothing; both sides have to reach it, by whichever family. */
START_TEST(a_relay_that_answers_checks_is_a_candidate_of_the_far_side)
{
    q.checked_relays = true;
    q.n_turns = 1;
    nat(0, IT_ORACLE_APD);
    nat(1, IT_ORACLE_APD);
    it_oracle_way w = udp();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    for (int i = 0; i < 2; i++) {
        ck_assert(has(&w, i, IT_ORACLE_PRFLX, IT_ORACLE_RELAY));
        ck_assert(!has(&w, i, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
        ck_assert(!has(&w, i, IT_ORACLE_RELAY, IT_ORACLE_PRFLX));
    }
    wall(1)->block = true; /* a TURN server would be reached by TCP */
    ck_assert_int_eq(udp().outcome, IT_ORACLE_DIES);
    q.n_turns = 0;
    ck_assert_str_eq(udp().why, "there is no relay that answers checks");
}
END_TEST

START_TEST(without_a_server_or_a_way_to_it_there_is_none)
{
    wall(0)->block = true;
    wall(1)->block = true;
    q.n_turns = 1;
    it_oracle_way w = udp();
    ck_assert_int_eq(w.outcome, IT_ORACLE_DIES);
    ck_assert_int_eq(w.families | (int)w.pairs[0], 0);
    ck_assert_str_eq(w.why, "no relayed address is in reach of both sides");
    q.n_turns = 0;
    ck_assert_str_eq(tcp().why, "there is no TURN server");
}
END_TEST

/* The leg of each side tells its path. */
START_TEST(where_one_side_has_tcp_alone_each_end_has_a_path_of_its_own)
{
    wall(0)->block = true;
    nat(1, IT_ORACLE_APD);
    it_oracle_way u = udp(), s = tcp();
    ck_assert_int_eq(s.outcome, IT_ORACLE_OPENS);
    ck_assert(has(&s, 0, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
    ck_assert_int_eq(u.outcome, IT_ORACLE_EITHER);
    ck_assert(!has(&u, 0, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
    ck_assert(has(&u, 1, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
    ck_assert(has(&u, 1, IT_ORACLE_SRFLX, IT_ORACLE_RELAY));
}
END_TEST

/* RFC 8656 section 9: by address. */
START_TEST(one_relay_is_enough_where_the_other_side_comes_from_an_address_that_is_permitted)
{
    q.n_turns = 1;
    q.turn[0].server.port = 443;
    nat(1, IT_ORACLE_EI);
    wall(1)->out = (it_oracle_ports){.set = true, .port = {3478, 50000}, .n = 2}; /* STUN, and relayed addresses */
    it_oracle_way w = udp();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_str_eq(w.why, "a TURN server lends addresses to the near side (RFC 8656)");
    ck_assert(!has(&w, 1, IT_ORACLE_RELAY, IT_ORACLE_RELAY));
    ck_assert(has(&w, 1, IT_ORACLE_SRFLX, IT_ORACLE_RELAY));
    q.box[0].u.nat.pool = 4; /* it may come from another address than the one that its candidate tells */
    q.box[0].u.nat.arbitrary = true;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_EITHER);
    q.box[0].u.nat.pool = 1;
    q.box[1].u.wall.out.port[0] = 53; /* no STUN server tells it what it is outside */
    ck_assert_int_eq(udp().outcome, IT_ORACLE_DIES);
}
END_TEST

START_TEST(families_are_those_that_both_ends_can_use)
{
    q.side[1].base[0].ip = (it_ip){0x20010db800000000, 7}; /* IPv6 alone against IPv4 alone */
    ck_assert_int_eq(udp().outcome, IT_ORACLE_OPENS);
    q.no_relay[0] = q.no_relay[1] = true;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_DIES);
    q.no_relay[0] = false;
    it_oracle_way w = udp();
    ck_assert_int_eq(w.families, IT_ORACLE_V4);
}
END_TEST

START_TEST(what_may_be_refused_or_forgotten_may_open)
{
    nat(0, IT_ORACLE_APD);
    nat(1, IT_ORACLE_APD);
    q.turn_limits = true;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_EITHER);
    q.turn_limits = false;
    q.box[0].u.nat.replied = q.box[1].u.nat.replied = 5 * IT_SEC;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_EITHER);
    ck_assert_int_eq(tcp().outcome, IT_ORACLE_OPENS);
    q.box[0].u.nat.most_sessions = q.box[1].u.nat.most_sessions = 2;
    ck_assert_int_eq(tcp().outcome, IT_ORACLE_EITHER);
}
END_TEST

static it_oracle_way direct(void)
{
    it_alloc mem;
    it_oracle_way w;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_udp(&mem, &q, &w), 0);
    ck_assert_int_eq(mem.live, 0);
    return w;
}

/* RFC 8445 section 14.3: the RTO of a direct check counts pairs with relays, too. Here the near side's NAT lets in by
 * address, and the far side's first check comes before it has sent there: its second one is answered. */
START_TEST(a_second_check_of_a_direct_pair_comes_later_where_relays_are)
{
    nat(0, IT_ORACLE_EI);
    q.box[0].u.nat.filtering = IT_ORACLE_AD;
    nat(1, IT_ORACLE_APD);
    for (int i = 0; i < 2; i++) {
        q.box[i].ext[0] = it_ip4(0xcb007114u + (uint32_t)i);
        q.box[i].n_ext = 1;
        q.side[i].base[0].ip = it_ip4(0xc0a80002u + 256 * (uint32_t)i);
    }
    q.side[0].signal_least = q.side[0].signal_most = 10 * IT_MS;
    q.side[1].signal_least = q.side[1].signal_most = 300 * IT_MS;
    q.n_turns = 1;
    it_oracle_way few = direct(); /* of nobody who asks the server */
    ck_assert_int_eq(few.outcome, IT_ORACLE_OPENS);
    ck_assert_int_eq(it_orc_other_pairs(&q, 0, 0), 0);
    q.side[0].relays = q.side[1].relays = true;
    ck_assert_int_eq(it_orc_other_pairs(&q, 0, 0), 5); /* 2 of IPv4 by 3, less 2 direct ones; 1 of IPv6 */
    it_oracle_way many = direct();
    ck_assert_int_eq(many.outcome, IT_ORACLE_OPENS);
    /* 1 s in place of 500 ms, and the server is asked before */
    ck_assert_int_eq(many.latest - few.latest, 550 * IT_MS);
    q.side[1].base[1] = q.side[1].base[0];
    q.side[1].base[1].ip = (it_ip){0x20010db800000000, 7};
    q.side[1].n_bases = 2;
    ck_assert_int_eq(it_orc_other_pairs(&q, 1, 0), 2 * 3 - 2 + 2);
    ck_assert_int_eq(it_orc_other_pairs(&q, 1, 1), 2 * 3 + 2);
}
END_TEST

START_TEST(a_way_that_must_open_may_be_overtaken_where_it_is_held_up)
{
    it_oracle_verdict v = {.n_ways = 3};
    q.n_turns = 1;
    v.way[0] = (it_oracle_way){.rung = IT_ORACLE_DIRECT_UDP, .outcome = IT_ORACLE_OPENS};
    v.way[1] = (it_oracle_way){.rung = IT_ORACLE_RELAY_UDP, .outcome = IT_ORACLE_OPENS};
    v.way[2] = (it_oracle_way){.rung = IT_ORACLE_RELAY_TCP, .outcome = IT_ORACLE_DIES};
    it_orc_relays_beside(&q, &v);
    ck_assert(!v.way[0].overtaken);
    q.side[0].base[0].wire.lossy = true;
    it_orc_relays_beside(&q, &v);
    ck_assert(v.way[0].overtaken && !v.way[1].overtaken);
    ck_assert_int_eq(v.way[0].outcome, IT_ORACLE_OPENS);
    nat(0, IT_ORACLE_EI);
    q.box[0].u.nat.most_sessions = 3;
    it_orc_relays_beside(&q, &v);
    ck_assert_int_eq(v.way[0].outcome, IT_ORACLE_EITHER);
    v.way[0].outcome = IT_ORACLE_OPENS;
    v.way[0].overtaken = false;
    v.way[1].outcome = IT_ORACLE_DIES; /* nothing can overtake it */
    it_orc_relays_beside(&q, &v);
    ck_assert(!v.way[0].overtaken && v.way[0].outcome == IT_ORACLE_OPENS);
}
END_TEST

/* RFC 8656 sections 7, 9: challenge, allocation, permission, and a check; by TCP a connection before. */
START_TEST(no_relayed_way_opens_in_less_than_four_round_trips_to_the_server)
{
    nat(0, IT_ORACLE_APD);                    /* 20 ms more, there and back */
    ck_assert(udp().least == 4 * 40 * IT_MS); /* the other side's leg is the shorter one */
    wall(1)->block = true;
    q.turn[0].server.rtt = q.turn[1].server.rtt = 100 * IT_MS;
    ck_assert(tcp().least == 5 * 140 * IT_MS); /* the shorter one of both, which is now behind a wall */
    q.n_turns = 0;
    ck_assert(udp().least == 0);
}
END_TEST

/* nat, with an address outside. */
static void home(int who, enum it_oracle_dep mapping, enum it_oracle_dep filtering)
{
    nat(who, mapping);
    it_oracle_box *b = &q.box[q.n_boxes - 1];
    b->u.nat.filtering = (uint8_t)filtering;
    b->ext[b->n_ext++] = it_ip4(0xc6336400u + (uint32_t)q.n_boxes);
    q.side[who].base[0].ip = it_ip4(0x0a000002u + 256u * (uint32_t)q.n_boxes);
}

static it_oracle_verdict all(void)
{
    it_alloc mem;
    it_oracle_verdict v;
    it_alloc_init(&mem);
    for (int i = 0; i < 2; i++)
        q.side[i].relays = true;
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &v), 0);
    ck_assert_int_eq(mem.live, 0);
    return v;
}

/* RFC 8445 section 5.1.1.2: an answer to Allocate has a reflexive address, by UDP. */
START_TEST(without_a_stun_server_a_turn_server_tells_where_one_is_seen)
{
    home(0, IT_ORACLE_EI, IT_ORACLE_APD);
    home(1, IT_ORACLE_EI, IT_ORACLE_APD);
    ck_assert_int_eq(all().way[0].outcome, IT_ORACLE_OPENS);
    memset(&q.stun, 0, sizeof q.stun);
    ck_assert_int_eq(all().way[0].outcome, IT_ORACLE_OPENS);
    q.turn[0] = q.turn[1];
    q.n_turns = 1;
    ck_assert_int_eq(all().way[0].outcome, IT_ORACLE_DIES);
}
END_TEST

/* Who asks for relayed addresses has its checks wait for their turns: the peer's may be the first. */
START_TEST(what_is_asked_of_turn_servers_takes_turns)
{
    home(0, IT_ORACLE_APD, IT_ORACLE_EI);
    q.side[0].signal_least = q.side[0].signal_most = q.side[1].signal_least = q.side[1].signal_most = 60 * IT_MS;
    it_oracle_verdict with = all();
    q.side[0].relays = q.side[1].relays = false;
    it_alloc mem;
    it_oracle_verdict without;
    it_alloc_init(&mem);
    ck_assert_int_eq(it_oracle_ask(&mem, &q, &without), 0);
    ck_assert_int_eq(without.way[0].outcome, with.way[0].outcome);
    ck_assert_int_gt(with.way[0].latest, without.way[0].latest);
}
END_TEST

/* RFC 8656 section 7.1: who has both families asks by the one that the server has. */
START_TEST(a_server_of_one_family_lends_addresses_of_both_by_that)
{
    for (int i = 0; i < 2; i++) {
        q.side[i].base[1] = (it_oracle_base){{0x20010db800000001, (uint64_t)i + 1}, 0, WIRE};
        q.side[i].n_bases = 2;
    }
    q.n_turns = 1;
    q.turn[0].server.ip[1] = (it_ip){0, 0};
    ck_assert_int_eq(udp().families, IT_ORACLE_V4 | IT_ORACLE_V6);
}
END_TEST

/* Of two servers the second may be the one that has the family. */
START_TEST(each_server_counts_with_the_families_that_it_has)
{
    nat(1, IT_ORACLE_EI);
    wall(0)->block = true;
    q.turn[0].server.ip[0] = (it_ip){0, 0}; /* UDP by IPv6 alone, which nobody has */
    q.turn[1].server.ip[1] = (it_ip){0, 0};
    it_oracle_way w = tcp();
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert(has(&w, 0, IT_ORACLE_RELAY, IT_ORACLE_SRFLX));
}
END_TEST

/* RFC 6888 REQ-4, REQ-5: limits count when they may be reached. */
START_TEST(a_limit_that_no_call_comes_near_makes_nothing_uncertain)
{
    nat(0, IT_ORACLE_EI);
    nat(1, IT_ORACLE_EI);
    q.box[0].u.nat.most_ports = q.box[0].u.nat.most_new = 200;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_OPENS);
    q.box[0].u.nat.most_ports = 3;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_EITHER);
}
END_TEST

/* RFC 3022 section 2.1: an address for each inside. */
START_TEST(one_address_for_each_is_uncertain_where_there_are_more_inside)
{
    nat(0, IT_ORACLE_APD);
    nat(1, IT_ORACLE_EI);
    q.box[1].u.nat.one2one = true;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_OPENS);
    nat(1, IT_ORACLE_EI);
    q.box[2].u.nat.pool = 2;
    ck_assert_int_eq(udp().outcome, IT_ORACLE_EITHER);
}
END_TEST

/* TLS: one more round trip; through what looks into 443 as long as nobody reads what is in it. */
START_TEST(tls_passes_who_hands_it_on_unread)
{
    for (int i = 0; i < 2; i++) {
        it_oracle_wall *w = wall(i);
        w->block = true;
        w->tcp.catch_tls = true;
        q.box[q.n_boxes - 1].own = true;
        q.box[q.n_boxes - 1].hands_tls = _i & 1;
    }
    q.turn[0] = (it_oracle_turn){.server = q.stun, .tcp = true, .tls = true};
    q.turn[0].server.port = _i & 2 ? 5349 : 443;
    q.n_turns = 1;
    it_oracle_way w = tcp();
    ck_assert_int_eq(w.outcome, _i & 2 ? IT_ORACLE_OPENS : _i & 1 ? IT_ORACLE_EITHER : IT_ORACLE_DIES);
    if (w.outcome == IT_ORACLE_OPENS)
        ck_assert_int_eq(w.least, 6 * 3 * 20 * IT_MS);
    q.turn[0].tls = false;
    w = tcp();
    ck_assert_int_eq(w.outcome, _i & 2 ? IT_ORACLE_OPENS : IT_ORACLE_DIES);
}
END_TEST

START_TEST(without_memory_nothing_is_decided)
{
    it_alloc none;
    it_oracle_way w;
    it_alloc_init_countdown(&none, 0);
    ck_assert_int_eq(it_oracle_relay_udp(&none, &q, &w), IT_ERR_NOMEM);
    ck_assert_int_eq(it_oracle_relay_tcp(&none, &q, &w), IT_ERR_NOMEM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lab/judge/oracle/relay");
    TCase *tc = tcase_create("relay");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, whoever_reaches_the_server_has_a_way_to_everybody);
    tcase_add_test(tc, a_relay_that_answers_checks_is_a_candidate_of_the_far_side);
    tcase_add_test(tc, without_a_server_or_a_way_to_it_there_is_none);
    tcase_add_test(tc, where_one_side_has_tcp_alone_each_end_has_a_path_of_its_own);
    tcase_add_test(tc, one_relay_is_enough_where_the_other_side_comes_from_an_address_that_is_permitted);
    tcase_add_test(tc, families_are_those_that_both_ends_can_use);
    tcase_add_test(tc, what_may_be_refused_or_forgotten_may_open);
    tcase_add_test(tc, a_second_check_of_a_direct_pair_comes_later_where_relays_are);
    tcase_add_test(tc, a_way_that_must_open_may_be_overtaken_where_it_is_held_up);
    tcase_add_test(tc, no_relayed_way_opens_in_less_than_four_round_trips_to_the_server);
    tcase_add_test(tc, without_a_stun_server_a_turn_server_tells_where_one_is_seen);
    tcase_add_test(tc, what_is_asked_of_turn_servers_takes_turns);
    tcase_add_test(tc, a_server_of_one_family_lends_addresses_of_both_by_that);
    tcase_add_test(tc, each_server_counts_with_the_families_that_it_has);
    tcase_add_test(tc, a_limit_that_no_call_comes_near_makes_nothing_uncertain);
    tcase_add_test(tc, one_address_for_each_is_uncertain_where_there_are_more_inside);
    tcase_add_loop_test(tc, tls_passes_who_hands_it_on_unread, 0, 4);
    tcase_add_test(tc, without_memory_nothing_is_decided);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
