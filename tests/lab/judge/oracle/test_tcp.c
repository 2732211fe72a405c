/* lab/judge/oracle/tcp.c: what follows from RFC 5382 and RFC 6544 by hand, over boxes that nobody has built. */
#include "lab/judge/oracle/oracle.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(l, r) (1u << (4 * IT_ORACLE_##l + IT_ORACLE_##r))

enum { NEAR, FAR };
enum { A = IT_ORACLE_TCP_ACTIVE, P = IT_ORACLE_TCP_PASSIVE, S = IT_ORACLE_TCP_SO };

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};

/* A host on each side at the internet with the candidates |near| and |far|, a STUN server there by TCP. */
static it_oracle_query query(unsigned near, unsigned far)
{
    it_oracle_query q;
    memset(&q, 0, sizeof q);
    for (int i = 0; i < 2; i++) {
        it_oracle_side *s = &q.side[i];
        s->ta = 50 * IT_MS;
        s->rto = 500 * IT_MS;
        s->signal_least = s->signal_most = 40 * IT_MS;
        s->base[0] = (it_oracle_base){it_ip4(0xcb007101u + (uint32_t)i), 0, WIRE};
        s->n_bases = 1;
        s->tcp = i ? far : near;
    }
    q.stun.ip[0] = it_ip4(0xcb0071feu);
    q.stun.port = 3478;
    q.stun_tcp = q.stun;
    q.patience = 40 * IT_SEC;
    return q;
}

/* Puts side |side| behind a box of |kind|; by UDP everything is blocked, or mapped anew. */
static it_oracle_box *behind(it_oracle_query *q, int side, enum it_oracle_kind kind)
{
    it_oracle_box *b = &q->box[q->n_boxes++];
    memset(b, 0, sizeof *b);
    snprintf(b->name, sizeof b->name, "box%d", q->n_boxes - 1);
    b->kind = (uint8_t)kind;
    b->wire = WIRE;
    q->side[side].base[0].net = (uint8_t)q->n_boxes;
    if (kind == IT_ORACLE_FIREWALL) {
        b->u.wall.block = true;
        return b;
    }
    b->ext[b->n_ext++] = it_ip4(0xc6336400u + (uint32_t)q->n_boxes);
    b->u.nat =
        (it_oracle_nat){.mapping = IT_ORACLE_APD, .filtering = IT_ORACLE_APD, .lo = 1024, .hi = 65535, .pool = 1};
    b->u.nat.initial = b->u.nat.replied = b->u.nat.stream = 30 * IT_SEC;
    q->side[side].base[0].ip = it_ip4(0x0a000000u + (uint32_t)q->n_boxes * 256 + 2);
    return b;
}

static void nat(it_oracle_query *q, int side, int mapping, int filtering)
{
    it_oracle_nat *n = &behind(q, side, IT_ORACLE_NAT)->u.nat;
    n->tcp.mapping = (uint8_t)mapping;
    n->tcp.filtering = (uint8_t)filtering;
    n->syn = 240 * IT_SEC;
}

static it_oracle_way ask(const it_oracle_query *q)
{
    it_alloc alloc;
    it_oracle_way w;
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_direct_tcp(&alloc, q, &w), 0);
    ck_assert_int_eq(alloc.live, 0);
    ck_assert_int_eq(w.rung, IT_ORACLE_DIRECT_TCP);
    return w;
}

START_TEST(who_connects_meets_who_waits_and_both_meet_who_do_both)
{
    static const struct {
        unsigned near, far;
        enum it_oracle_outcome outcome;
        uint32_t pairs[2];
    } WAYS[] = {
        {A, P, IT_ORACLE_OPENS, {BIT(PRFLX, HOST), BIT(HOST, PRFLX) | BIT(SRFLX, PRFLX) | BIT(PRFLX, PRFLX)}},
        {P, A, IT_ORACLE_OPENS, {BIT(HOST, PRFLX) | BIT(SRFLX, PRFLX) | BIT(PRFLX, PRFLX), BIT(PRFLX, HOST)}},
        {S, S, IT_ORACLE_OPENS, {BIT(HOST, HOST), BIT(HOST, HOST)}},
        {A, A, IT_ORACLE_DIES, {0, 0}},
        {A, S, IT_ORACLE_DIES, {0, 0}},
        {0, A | P | S, IT_ORACLE_DIES, {0, 0}},
    };
    it_oracle_query q = query(WAYS[_i].near, WAYS[_i].far);
    it_oracle_way w = ask(&q);
    ck_assert_int_eq(w.outcome, WAYS[_i].outcome);
    ck_assert_uint_eq(w.pairs[0], WAYS[_i].pairs[0]);
    ck_assert_uint_eq(w.pairs[1], WAYS[_i].pairs[1]);
}
END_TEST

/* Whether a SYN of a host behind class |x| passes the NAT of class |y|, whose host sends too: its filter lets all in,
 * or the port that is known is the one that has sent there, to that address or, if it is known, that port. */
static bool passes(int x, int y)
{
    if (y % 3 == IT_ORACLE_EI)
        return true;
    return y / 3 == IT_ORACLE_EI && (y % 3 == IT_ORACLE_AD || x / 3 == IT_ORACLE_EI);
}

START_TEST(nats_of_every_class_meet_as_their_rules_for_tcp_say)
{
    int near = _i / 9, far = _i % 9;
    static const struct {
        unsigned near, far;
    } WAYS[] = {{A, P}, {S, S}, {P, A}};
    for (int so = 0; so < 3; so++) {
        it_oracle_query q = query(WAYS[so].near, WAYS[so].far);
        nat(&q, NEAR, near / 3, near % 3);
        nat(&q, FAR, far / 3, far % 3);
        bool meet = (so == 2 ? near : far) % 3 == IT_ORACLE_EI; /* of who waits */
        if (so == 1)
            meet = passes(near, far) || passes(far, near);
        it_oracle_way w = ask(&q);
        ck_assert_msg(w.outcome == (meet ? IT_ORACLE_OPENS : IT_ORACLE_DIES), "so %d near %d far %d: %s", so, near, far,
                      w.why);
    }
}
END_TEST

/* Which SYN is first at the box that maps anew hangs on what else the two sides have to ask and to check. */
START_TEST(a_box_that_maps_by_destination_shows_the_port_that_is_known_or_another_one)
{
    it_oracle_query q = query(S, S);
    nat(&q, FAR, IT_ORACLE_APD, IT_ORACLE_EI);
    it_oracle_way w = ask(&q);
    ck_assert_int_eq(w.outcome, IT_ORACLE_OPENS);
    ck_assert_uint_eq(w.pairs[NEAR], BIT(HOST, SRFLX) | BIT(HOST, PRFLX));
    ck_assert_uint_eq(w.pairs[FAR], BIT(SRFLX, HOST) | BIT(PRFLX, HOST));
    q = query(S, S);
    nat(&q, FAR, IT_ORACLE_EI, IT_ORACLE_EI);
    w = ask(&q);
    ck_assert_uint_eq(w.pairs[NEAR] & ~(BIT(HOST, PRFLX)), BIT(HOST, SRFLX)); /* before it is told */
    ck_assert_uint_eq(w.pairs[FAR], BIT(SRFLX, HOST));
}
END_TEST

START_TEST(without_a_server_by_tcp_nobody_behind_a_nat_is_found)
{
    it_oracle_query q = query(A | P | S, A | P | S);
    nat(&q, NEAR, IT_ORACLE_EI, IT_ORACLE_EI);
    nat(&q, FAR, IT_ORACLE_EI, IT_ORACLE_EI);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.stun_tcp = (it_oracle_server){.port = 0};
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES);
}
END_TEST

START_TEST(a_firewall_that_blocks_udp_alone_lets_its_host_connect)
{
    it_oracle_query q = query(A | P | S, A | P | S);
    it_oracle_wall *w = &behind(&q, NEAR, IT_ORACLE_FIREWALL)->u.wall;
    w->tcp.stateful = true;
    w->tcp.filtering = IT_ORACLE_APD;
    w->tcp.syn = 240 * IT_SEC;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.side[NEAR].tcp = P;
    q.side[FAR].tcp = A;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES); /* from outside nobody comes in */
    q.side[NEAR].tcp = q.side[FAR].tcp = A | P | S;
    w->tcp.block = true;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES);
}
END_TEST

START_TEST(a_box_that_refuses_makes_a_simultaneous_open_uncertain)
{
    it_oracle_query q = query(S, S);
    nat(&q, NEAR, IT_ORACLE_EI, IT_ORACLE_APD);
    nat(&q, FAR, IT_ORACLE_EI, IT_ORACLE_APD);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.box[1].u.nat.tcp.refuses = true;
    it_oracle_way w = ask(&q);
    ck_assert_int_eq(w.outcome, IT_ORACLE_EITHER);
    ck_assert_str_eq(w.why, "box1 refuses a SYN that comes before its host's own (RFC 5382 REQ-4)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/tcp");
    TCase *c = tcase_create("RFC 5382, RFC 6544");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, who_connects_meets_who_waits_and_both_meet_who_do_both, 0, 6);
    tcase_add_loop_test(c, nats_of_every_class_meet_as_their_rules_for_tcp_say, 0, 81);
    tcase_add_test(c, a_box_that_maps_by_destination_shows_the_port_that_is_known_or_another_one);
    tcase_add_test(c, without_a_server_by_tcp_nobody_behind_a_nat_is_found);
    tcase_add_test(c, a_firewall_that_blocks_udp_alone_lets_its_host_connect);
    tcase_add_test(c, a_box_that_refuses_makes_a_simultaneous_open_uncertain);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
