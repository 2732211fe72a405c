/* lab/judge/oracle/udp.c: verdicts, kinds and sentences that follow from RFC 4787 and RFC 8445 by hand, over boxes that
 * nobody has built. */
#include "lab/judge/oracle/oracle.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(l, r) (1u << (4 * IT_ORACLE_##l + IT_ORACLE_##r))

enum { NEAR, FAR };

static const it_oracle_wire WIRE = {10 * IT_MS, 10 * IT_MS, 0, false};

/* A query with a host on each side at the internet, 10 ms from its core, a STUN server there, signaling of 40 ms. */
static it_oracle_query query(void)
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
    }
    q.stun.ip[0] = it_ip4(0xcb0071feu);
    q.stun.ip[1] = (it_ip){0x20010db800000000, 0xfe};
    q.stun.port = 3478;
    q.patience = 40 * IT_SEC;
    return q;
}

/* Puts a box of |kind| with its outside in net |outer| into |q|; returns the net inside. */
static int box(it_oracle_query *q, enum it_oracle_kind kind, int outer)
{
    it_oracle_box *b = &q->box[q->n_boxes];
    memset(b, 0, sizeof *b);
    snprintf(b->name, sizeof b->name, "box%d", q->n_boxes);
    b->kind = (uint8_t)kind;
    b->outer = (uint8_t)outer;
    b->wire = WIRE;
    return ++q->n_boxes;
}

/* The behaviour of the box whose inside is |net|. */
static it_oracle_nat *nat_at(it_oracle_query *q, int net)
{
    return &q->box[net - 1].u.nat;
}

static int nat(it_oracle_query *q, int outer, enum it_oracle_dep mapping, enum it_oracle_dep filtering)
{
    int net = box(q, IT_ORACLE_NAT, outer);
    it_oracle_box *b = &q->box[net - 1];
    b->ext[b->n_ext++] = it_ip4(0xc6336400u + (uint32_t)net);
    b->u.nat = (it_oracle_nat){.mapping = (uint8_t)mapping,
                               .filtering = (uint8_t)filtering,
                               .preserve = mapping == IT_ORACLE_EI,
                               .lo = 1024,
                               .hi = 65535,
                               .sessions_in = true,
                               .refresh_out = true,
                               .refresh_in = true,
                               .initial = 30 * IT_SEC,
                               .replied = 30 * IT_SEC,
                               .stream = 120 * IT_SEC,
                               .pool = 1};
    return net;
}

static void stands(it_oracle_query *q, int side, int net)
{
    it_oracle_base *b = &q->side[side].base[0];
    b->net = (uint8_t)net;
    if (net)
        b->ip = it_ip4(0x0a000000u + (uint32_t)net * 256 + 2 + (uint32_t)side);
}

static it_oracle_way ask(const it_oracle_query *q)
{
    it_alloc alloc;
    it_oracle_way v;
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_oracle_udp(&alloc, q, &v), 0);
    ck_assert_int_eq(alloc.live, 0);
    return v;
}

/* One NAT on each side, classes 0 to 8: mapping * 3 + filtering. */
static it_oracle_query classes(int near, int far)
{
    it_oracle_query q = query();
    stands(&q, NEAR, nat(&q, 0, (enum it_oracle_dep)(near / 3), (enum it_oracle_dep)(near % 3)));
    stands(&q, FAR, nat(&q, 0, (enum it_oracle_dep)(far / 3), (enum it_oracle_dep)(far % 3)));
    return q;
}

enum { EIM_EIF, EIM_ADF, EIM_APDF, ADM_EIF, ADM_ADF, ADM_APDF, APDM_EIF, APDM_ADF, APDM_APDF };

static int direct_pairs(bool sessions)
{
    int direct = 0;
    for (int i = 0; i < 9; i++)
        for (int k = i; k < 9; k++) {
            it_oracle_query q = classes(i, k), r = classes(k, i);
            for (int n = 1; n <= 2; n++)
                nat_at(&q, n)->sessions_in = nat_at(&r, n)->sessions_in = sessions;
            it_oracle_way v = ask(&q), back = ask(&r);
            ck_assert_msg(v.outcome == back.outcome && v.pairs[0] == back.pairs[1], "%d %d", i, k);
            ck_assert_int_ne(v.outcome, IT_ORACLE_EITHER);
            direct += v.outcome == IT_ORACLE_OPENS;
        }
    return direct;
}

START_TEST(of_45_pairs_of_classes_31_meet_and_23_without_inbound_sessions)
{
    ck_assert_int_eq(direct_pairs(true), 31);
    ck_assert_int_eq(direct_pairs(false), 23);
}
END_TEST

#define OPENS(q, near, far, words) expect(__LINE__, (q), IT_ORACLE_OPENS, (near), (far), (words))
#define DIES(q, words) expect(__LINE__, (q), IT_ORACLE_DIES, 0, 0, (words))

static void expect(int line, const it_oracle_query *q, enum it_oracle_outcome o, uint32_t near, uint32_t far,
                   const char *words)
{
    it_oracle_way v = ask(q);
    ck_assert_msg(v.outcome == o, "line %d: outcome %d of %d in %d: %s", line, v.outcome, v.opened, v.variants, v.why);
    ck_assert_msg(v.pairs[0] == near && v.pairs[1] == far, "line %d: %x %x: %s", line, v.pairs[0], v.pairs[1], v.why);
    ck_assert_msg(strcmp(v.why, words) == 0, "line %d: %s", line, v.why);
}

/* Both outcomes are right, for |words|. */
#define EITHER(q, words) expect_either(__LINE__, (q), (words))

static void expect_either(int line, const it_oracle_query *q, const char *words)
{
    it_oracle_way v = ask(q);
    ck_assert_msg(v.outcome == IT_ORACLE_EITHER, "line %d: outcome %d: %s", line, v.outcome, v.why);
    ck_assert_msg(strcmp(v.why, words) == 0, "line %d: %s", line, v.why);
}

START_TEST(cones_know_each_other_by_their_candidates)
{
    it_oracle_query q = classes(EIM_EIF, EIM_APDF);
    OPENS(&q, BIT(SRFLX, SRFLX), BIT(SRFLX, SRFLX), "EIM/EIF and EIM/APDF meet (RFC 4787 sections 4.1, 5)");
    q = classes(APDM_APDF, EIM_EIF);
    OPENS(&q, BIT(PRFLX, SRFLX), BIT(SRFLX, PRFLX), "APDM/APDF and EIM/EIF meet (RFC 4787 sections 4.1, 5)");
    q = classes(EIM_APDF, APDM_APDF);
    DIES(&q, "EIM/APDF and APDM/APDF never let each other in (RFC 4787 sections 4.1, 5)");
}
END_TEST

START_TEST(without_boxes_nothing_is_in_the_way)
{
    it_oracle_query q = query();
    OPENS(&q, BIT(HOST, HOST), BIT(HOST, HOST), "no box stands between them");
    stands(&q, NEAR, nat(&q, 0, IT_ORACLE_EI, IT_ORACLE_EI));
    OPENS(&q, BIT(SRFLX, HOST), BIT(HOST, SRFLX), "EIM/EIF and no NAT meet (RFC 4787 sections 4.1, 5)");
}
END_TEST

/* What the maximum of the boxes says is wrong in both. */
START_TEST(an_inner_box_has_tables_of_its_own)
{
    it_oracle_query q = query();
    int outer = nat(&q, 0, IT_ORACLE_APD, IT_ORACLE_EI);
    stands(&q, NEAR, nat(&q, outer, IT_ORACLE_EI, IT_ORACLE_AD));
    stands(&q, FAR, nat(&q, 0, IT_ORACLE_APD, IT_ORACLE_APD));
    OPENS(&q, BIT(SRFLX, PRFLX), BIT(PRFLX, SRFLX), "EIM/ADF+APDM/EIF and APDM/APDF meet (RFC 4787 sections 4.1, 5)");
    q = query();
    outer = nat(&q, 0, IT_ORACLE_AD, IT_ORACLE_EI);
    int inner = nat(&q, outer, IT_ORACLE_EI, IT_ORACLE_EI);
    nat_at(&q, inner)->sessions_in = false;
    stands(&q, NEAR, inner);
    stands(&q, FAR, nat(&q, 0, IT_ORACLE_AD, IT_ORACLE_APD));
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    nat_at(&q, outer)->sessions_in = false; /* then the answer leaves from another port */
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES);
}
END_TEST

/* RFC 4787 section 4.2.1: what keeps its port is met at the same endpoint whatever it maps by. */
START_TEST(a_port_that_is_kept_is_no_new_endpoint)
{
    it_oracle_query q = classes(ADM_APDF, EIM_EIF);
    nat_at(&q, 1)->preserve = nat_at(&q, 1)->overload = true;
    OPENS(&q, BIT(SRFLX, SRFLX), BIT(SRFLX, SRFLX), "ADM/APDF and EIM/EIF meet (RFC 4787 sections 4.1, 5)");
    nat_at(&q, 1)->overload = false;
    ck_assert_uint_eq(ask(&q).pairs[NEAR], BIT(PRFLX, SRFLX));
    nat_at(&q, 1)->clash = IT_ORACLE_CLASH_SHARE;
    ck_assert_uint_eq(ask(&q).pairs[NEAR], BIT(SRFLX, SRFLX));
    nat_at(&q, 1)->clash = IT_ORACLE_CLASH_DROP;
    DIES(&q, "box0 drops what cannot have its port (RFC 4787 section 4.2.1)");
    q = classes(EIM_APDF, EIM_EIF);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    nat_at(&q, 1)->clash = IT_ORACLE_CLASH_DROP;
    nat_at(&q, 1)->hi = 4000; /* no host's own port is there */
    DIES(&q, "box0 drops what cannot have its port (RFC 4787 section 4.2.1)");
    nat_at(&q, 1)->hi = 65535;
    nat_at(&q, 1)->blocks = true;
    DIES(&q, "box0 drops what cannot have its port (RFC 4787 section 4.2.1)");
}
END_TEST

START_TEST(neighbours_meet_on_their_lan)
{
    it_oracle_query q = query();
    int lan = nat(&q, 0, IT_ORACLE_APD, IT_ORACLE_APD);
    stands(&q, NEAR, lan);
    stands(&q, FAR, lan);
    OPENS(&q, BIT(HOST, HOST), BIT(HOST, HOST), "both are on the same LAN");
}
END_TEST

/* One host stands on the LAN that is the outside of the other's router. */
START_TEST(hosts_at_different_depths_meet_on_the_lan_between)
{
    it_oracle_query q = query();
    int outer = nat(&q, 0, IT_ORACLE_APD, IT_ORACLE_APD), inner = nat(&q, outer, IT_ORACLE_EI, IT_ORACLE_APD);
    stands(&q, NEAR, inner);
    stands(&q, FAR, outer);
    OPENS(&q, BIT(PRFLX, HOST), BIT(HOST, PRFLX), "EIM/APDF+APDM/APDF and APDM/APDF meet (RFC 4787 sections 4.1, 5)");
}
END_TEST

static it_oracle_query siblings(enum it_oracle_hairpin hairpin, enum it_oracle_dep filtering)
{
    it_oracle_query q = query();
    int common = nat(&q, 0, IT_ORACLE_EI, IT_ORACLE_EI);
    nat_at(&q, common)->hairpin = (uint8_t)hairpin;
    stands(&q, NEAR, nat(&q, common, IT_ORACLE_EI, filtering));
    stands(&q, FAR, nat(&q, common, IT_ORACLE_EI, filtering));
    return q;
}

START_TEST(behind_a_common_box_its_hairpin_decides)
{
    it_oracle_query q = siblings(IT_ORACLE_HAIRPIN_EXT, IT_ORACLE_APD);
    OPENS(&q, BIT(SRFLX, SRFLX), BIT(SRFLX, SRFLX),
          "EIM/APDF+EIM/EIF and EIM/APDF+EIM/EIF meet in box0, which hairpins (RFC 4787 section 6)");
    q = siblings(IT_ORACLE_HAIRPIN_NONE, IT_ORACLE_APD);
    DIES(&q, "box0 does not hairpin (RFC 4787 section 6)");
    q = siblings(IT_ORACLE_HAIRPIN_INT, IT_ORACLE_APD);
    DIES(&q, "box0 hairpins with the internal source, which what is inside it drops (RFC 4787 REQ-9a)");
}
END_TEST

static int wall(it_oracle_query *q, int outer, it_oracle_wall w)
{
    int net = box(q, IT_ORACLE_FIREWALL, outer);
    w.timeout = 30 * IT_SEC;
    q->box[net - 1].u.wall = w;
    return net;
}

START_TEST(a_firewall_filters_and_translates_nothing)
{
    it_oracle_query q = query();
    q.side[NEAR].base[0].net = (uint8_t)wall(&q, 0, (it_oracle_wall){.stateful = true, .filtering = IT_ORACLE_APD});
    OPENS(&q, BIT(HOST, HOST), BIT(HOST, HOST), "firewall/APDF and no NAT meet (RFC 4787 sections 4.1, 5)");
    stands(&q, FAR, nat(&q, 0, IT_ORACLE_APD, IT_ORACLE_APD));
    DIES(&q, "firewall/APDF and APDM/APDF never let each other in (RFC 4787 sections 4.1, 5)");
    q.box[0].u.wall.filtering = IT_ORACLE_AD;
    OPENS(&q, BIT(HOST, PRFLX), BIT(PRFLX, HOST), "firewall/ADF and APDM/APDF meet (RFC 4787 sections 4.1, 5)");
    q.box[0].u.wall.block = true;
    DIES(&q, "UDP is blocked by box0");
    q.box[0].u.wall.block = false;
    q.box[0].u.wall.out.set = true;
    q.box[0].u.wall.out.port[q.box[0].u.wall.out.n++] = 443;
    DIES(&q, "UDP is blocked by box0");
    q.box[0].u.wall.out.any = true;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.box[0].only = 6;
    q.box[0].u.wall.block = true;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(before_a_login_nothing_passes)
{
    it_oracle_query q = query();
    q.side[NEAR].base[0].net = (uint8_t)wall(&q, 0, (it_oracle_wall){.login = 3600 * IT_SEC});
    DIES(&q, "UDP is blocked by box0 before the login");
    q.now = 3600 * IT_SEC;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

/* |late|: how much later than the near host the far one is there. */
static it_oracle_query takes_all(it_time near, it_time far)
{
    it_oracle_query q = classes(EIM_APDF, EIM_APDF);
    it_oracle_nat *n = nat_at(&q, 1);
    n->unsolicited = IT_ORACLE_UNSOL_TAKE;
    n->clash_edm = n->overload = true;
    q.side[NEAR].base[0].wire.up += near;
    q.side[NEAR].base[0].wire.down += near;
    q.side[FAR].base[0].wire.up += far;
    q.side[FAR].base[0].wire.down += far;
    q.side[NEAR].signal_least = q.side[NEAR].signal_most = 40 * IT_MS + near + far;
    q.side[FAR].signal_least = q.side[FAR].signal_most = 40 * IT_MS + near + far;
    return q;
}

START_TEST(who_is_first_at_a_box_that_takes_what_comes_decides)
{
    it_oracle_query q = takes_all(150 * IT_MS, 0);
    OPENS(&q, BIT(SRFLX, SRFLX), BIT(SRFLX, SRFLX), "EIM/APDF and EIM/APDF meet (RFC 4787 sections 4.1, 5)");
    q = takes_all(0, 150 * IT_MS);
    DIES(&q, "box0 takes the first check for its own, and the port is gone (RFC 4787 section 5)");
    q = takes_all(0, 0);
    q.box[0].wire.down = 60 * IT_MS; /* both checks are on their way when either box sees one */
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    for (int i = 0; i < 2; i++)
        q.box[i].wire = q.side[i].base[0].wire = (it_oracle_wire){IT_MS, IT_MS, 0, false};
    it_oracle_way v = ask(&q);
    ck_assert_int_eq(v.outcome, IT_ORACLE_EITHER);
    ck_assert(v.opened > 0 && v.opened < v.variants);
    ck_assert_str_eq(v.why, "box0 takes a check that comes before its host's own for itself: who is first decides (RFC "
                            "4787 section 5)");
}
END_TEST

/* RFC 8489 section 6.2.1: what was lost is sent again half a second later, when the other side's check has come. */
START_TEST(a_lost_check_may_come_second)
{
    it_oracle_query q = takes_all(150 * IT_MS, 0);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.side[NEAR].base[0].wire.lossy = true;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_EITHER);
    q = classes(EIM_APDF, EIM_APDF); /* where nobody need be first a loss delays, and no more */
    q.side[NEAR].base[0].wire.lossy = q.box[1].wire.lossy = true;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

/* A jitter of more than what lies between both checks. */
START_TEST(a_late_check_may_come_second)
{
    it_oracle_query q = takes_all(50 * IT_MS, 0);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.side[NEAR].base[0].wire.slack = 400 * IT_MS;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_EITHER);
}
END_TEST

/* A check to the private address of the other host finds no route in the internet, and an error comes back. */
START_TEST(an_icmp_error_may_end_the_mapping)
{
    it_oracle_query q = classes(EIM_EIF, EIM_APDF);
    nat_at(&q, 1)->preserve = false;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    nat_at(&q, 1)->kills = true;
    EITHER(&q, "box0 may end the mapping for an ICMP error (against RFC 4787 REQ-12)");
    stands(&q, FAR, 0);
    q.side[FAR].base[0].ip = it_ip4(0xcb007109u); /* no private address, no error */
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(an_arbitrary_pool_may_give_an_address_twice)
{
    it_oracle_query q = classes(EIM_ADF, APDM_APDF);
    it_oracle_box *b = &q.box[1];
    for (; b->n_ext < 4; b->n_ext++)
        b->ext[b->n_ext] = it_ip4(0xc6336480u + b->n_ext);
    b->u.nat.pool = 4;
    b->u.nat.arbitrary = true;
    it_oracle_way v = ask(&q);
    ck_assert_int_eq(v.outcome, IT_ORACLE_EITHER);
    ck_assert_uint_eq(v.pairs[NEAR], BIT(SRFLX, PRFLX));
    ck_assert_str_eq(v.why, "EIM/ADF and APDM/APDF meet only when box1 gives an address twice (RFC 4787 section 4.1)");
    b->u.nat.arbitrary = false;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(a_limit_leaves_no_room)
{
    it_oracle_query q = classes(APDM_APDF, EIM_EIF);
    nat_at(&q, 1)->most_ports = 1;
    DIES(&q, "box0 has no room for what the checks need (RFC 6888 REQ-4, REQ-5)");
    nat_at(&q, 1)->most_ports = 8;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q = classes(EIM_APDF, EIM_EIF);
    nat_at(&q, 1)->most_ports = 1; /* it is enough for one mapping */
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    nat_at(&q, 1)->most_sessions = 1;
    DIES(&q, "box0 has no room for what the checks need (RFC 6888 REQ-4, REQ-5)");
}
END_TEST

/* Of a symmetric box a transport has two ports, towards the STUN server and the far side; an open one takes one. */
START_TEST(every_transport_needs_its_ports)
{
    it_oracle_query q = classes(APDM_APDF, EIM_EIF);
    nat_at(&q, 1)->most_ports = 8;
    q.transports = 2;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    q.transports = 16; /* those that wait until others' ports are forgotten may come in time */
    ck_assert_int_ne(ask(&q).outcome, IT_ORACLE_OPENS);
    q = classes(EIM_APDF, EIM_EIF);
    for (int n = 1; n <= 4; n++) {
        q.transports = n;
        nat_at(&q, 1)->most_ports = (uint32_t)n;
        ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
        nat_at(&q, 1)->most_ports = (uint32_t)n - 1;
        if (n > 1)
            DIES(&q, "box0 has no room for what the checks need (RFC 6888 REQ-4, REQ-5)");
    }
}
END_TEST

/* Sixteen transports of three interfaces are more sockets than are tried: what fewer find is no promise. */
START_TEST(what_fewer_transports_find_is_no_promise_for_all_where_ports_are_few)
{
    it_oracle_query q = classes(EIM_APDF, EIM_EIF);
    q.transports = 16;
    nat_at(&q, 1)->most_ports = 200;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    for (q.side[0].n_bases = 1; q.side[0].n_bases < 3; q.side[0].n_bases++)
        q.side[0].base[q.side[0].n_bases] = q.side[0].base[0];
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_EITHER);
}
END_TEST

START_TEST(where_nothing_is_scarce_several_transports_find_what_one_finds)
{
    it_oracle_query q = classes(APDM_APDF, EIM_EIF), one = q;
    q.transports = 16;
    it_oracle_way a = ask(&one), b = ask(&q);
    ck_assert_int_eq(memcmp(&a, &b, sizeof a), 0);
}
END_TEST

/* Two sessions for three who want one: the STUN server, the far side's private address and its public one. */
START_TEST(a_limit_may_be_reached_before_a_path_is_found)
{
    it_oracle_query q = classes(EIM_EIF, EIM_EIF);
    nat_at(&q, 1)->most_sessions = 2;
    ck_assert_int_ne(ask(&q).outcome, IT_ORACLE_EITHER);
    q.stun.slack = IT_SEC;
    EITHER(&q, "box0 has a limit that the checks may reach before a path is found (RFC 6888 REQ-4, REQ-5)");
    nat_at(&q, 1)->most_sessions = 8;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(a_full_table_refuses_or_one_gives_way)
{
    it_oracle_query q = classes(EIM_APDF, EIM_EIF);
    nat_at(&q, 1)->most_table = 1; /* what the STUN server answered has it */
    DIES(&q, "box0 has no room for what the checks need (RFC 6888 REQ-4, REQ-5)");
    nat_at(&q, 1)->evict = true;
    EITHER(&q, "box0 has room for few flows: which of them gives way to another is chance (RFC 6888 REQ-4)");
    nat_at(&q, 1)->most_table = 64;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

/* A mapping for each remote address, all with the internal port: there is one. The STUN server has it, unless the far
 * side's candidates overtake its answer. */
START_TEST(what_cannot_have_its_port_may_be_dropped)
{
    it_oracle_query q = classes(ADM_ADF, EIM_EIF);
    nat_at(&q, 1)->preserve = true;
    nat_at(&q, 1)->clash = IT_ORACLE_CLASH_DROP;
    DIES(&q, "box0 drops what cannot have its port (RFC 4787 section 4.2.1)");
    q.side[FAR].signal_most += 300 * IT_MS;
    EITHER(&q, "box0 may drop what cannot have its port (RFC 4787 section 4.2.1)");
    nat_at(&q, 1)->clash = IT_ORACLE_CLASH_OTHER;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(of_few_ports_one_may_be_given_again)
{
    /* Mail takes seconds, flows of one direction last one: the mapping that STUN told of has ended by then. */
    it_oracle_query q = classes(EIM_EIF, APDM_APDF);
    q.side[1].signal_most = q.side[1].signal_least = 5 * IT_SEC;
    it_oracle_nat *n = nat_at(&q, 1);
    n->preserve = false;
    n->initial = n->replied = 2 * IT_SEC;
    n->lo = 20000;
    n->hi = 60000;
    enum it_oracle_outcome many = ask(&q).outcome;
    ck_assert_int_ne(many, IT_ORACLE_EITHER);
    n->hi = 20001;
    EITHER(&q, "box0 has few ports: who gets them, and which of them again, is chance (RFC 4787 section 4.2)");
    q = classes(APDM_APDF, EIM_EIF); /* and a range of one port is another thing than a quota of one */
    nat_at(&q, 1)->most_ports = 1;
    nat_at(&q, 1)->lo = nat_at(&q, 1)->hi = 20000;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_EITHER);
}
END_TEST

START_TEST(a_box_that_forgets_at_once_may_forget_what_was_found)
{
    it_oracle_query q = classes(EIM_APDF, EIM_EIF);
    nat_at(&q, 1)->replied = 300 * IT_MS;
    EITHER(&q, "box0 forgets a flow in 300 ms: a path may be gone before it is used (RFC 4787 REQ-5)");
    nat_at(&q, 1)->replied = IT_SEC;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(a_filter_that_ends_early_ends_the_call)
{
    it_oracle_query q = classes(EIM_APDF, EIM_APDF);
    nat_at(&q, 1)->initial = 1;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES);
}
END_TEST

/* Mail from 1 to 0 may take 5 s: a filter that lets anybody in shows side 0 the far address before the mail does. */
START_TEST(a_candidate_that_checks_overtake_is_peer_reflexive)
{
    it_oracle_query q = classes(EIM_EIF, EIM_APDF);
    q.side[FAR].signal_most = 5 * IT_SEC;
    it_oracle_way v = ask(&q);
    ck_assert_uint_eq(v.pairs[NEAR], BIT(SRFLX, SRFLX) | BIT(SRFLX, PRFLX));
    ck_assert_uint_eq(v.pairs[FAR], BIT(SRFLX, SRFLX));
    q = classes(EIM_ADF, EIM_EIF);
    q.side[FAR].signal_most = 5 * IT_SEC;
    ck_assert_uint_eq(ask(&q).pairs[NEAR], BIT(SRFLX, SRFLX));
}
END_TEST

START_TEST(who_may_wait_for_the_stun_server_may_learn_its_address_from_a_check)
{
    it_oracle_query q = classes(EIM_APDF, EIM_EIF);
    ck_assert_uint_eq(ask(&q).pairs[NEAR], BIT(SRFLX, SRFLX));
    q.stun.slack = 5 * IT_SEC;
    ck_assert_uint_eq(ask(&q).pairs[NEAR] & BIT(PRFLX, SRFLX), BIT(PRFLX, SRFLX));
}
END_TEST

START_TEST(without_a_stun_server_there_are_no_reflexive_candidates)
{
    it_oracle_query q = classes(EIM_EIF, EIM_EIF);
    q.stun.ip[0] = (it_ip){0, 0};
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_DIES);
    ck_assert_str_eq(ask(&q).why,
                     "no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2)");
    stands(&q, FAR, 0);
    q.side[FAR].base[0].ip = it_ip4(0xcb007109u);
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
    ck_assert_uint_eq(ask(&q).pairs[NEAR], BIT(PRFLX, HOST));
}
END_TEST

static void six(it_oracle_query *q, int side, int net)
{
    it_oracle_side *s = &q->side[side];
    s->base[s->n_bases++] = (it_oracle_base){{0x20010db800000000, 16 + (uint64_t)side}, (uint8_t)net, WIRE};
}

START_TEST(each_family_is_judged_by_itself)
{
    it_oracle_query q = classes(APDM_APDF, APDM_APDF);
    six(&q, NEAR, 0);
    ck_assert_int_eq(ask(&q).families, 0);
    six(&q, FAR, 0);
    it_oracle_way v = ask(&q);
    ck_assert(v.outcome == IT_ORACLE_OPENS && v.families == IT_ORACLE_V6 && v.pairs[0] == BIT(HOST, HOST));
    ck_assert_str_eq(v.why,
                     "IPv4: APDM/APDF and APDM/APDF never let each other in (RFC 4787 sections 4.1, 5); IPv6: no "
                     "box stands between them");
    q = query();
    q.side[FAR].n_bases = 0;
    six(&q, FAR, 0);
    DIES(&q, "no address of the same family on both sides (RFC 8421 section 3)");
}
END_TEST

START_TEST(nptv6_shows_an_address_for_each)
{
    it_oracle_query q = query();
    q.side[NEAR].n_bases = q.side[FAR].n_bases = 0;
    int site = box(&q, IT_ORACLE_PREFIX, 0);
    six(&q, NEAR, site);
    six(&q, FAR, 0);
    OPENS(&q, BIT(SRFLX, HOST), BIT(HOST, SRFLX), "NPTv6 and no NAT meet (RFC 4787 sections 4.1, 5)");
    q.side[NEAR].n_bases = q.side[FAR].n_bases = 0;
    six(&q, NEAR, site);
    six(&q, FAR, box(&q, IT_ORACLE_ROUTER, site));
    OPENS(&q, BIT(HOST, HOST), BIT(HOST, HOST), "no box stands between them");
}
END_TEST

START_TEST(a_slow_policer_may_hold_up_every_check)
{
    it_oracle_query q = query();
    q.side[NEAR].base[0].net = (uint8_t)wall(&q, 0, (it_oracle_wall){.pps = 2});
    EITHER(&q, "box0 lets 2 packets pass in a second, which may be too few");
    q.box[0].u.wall.pps = 100;
    ck_assert_int_eq(ask(&q).outcome, IT_ORACLE_OPENS);
}
END_TEST

START_TEST(without_memory_nothing_is_decided)
{
    it_oracle_query q = classes(EIM_EIF, EIM_EIF);
    for (uint64_t n = 0;; n++) {
        it_alloc alloc;
        it_oracle_way v;
        it_alloc_init_countdown(&alloc, n);
        int rc = it_oracle_udp(&alloc, &q, &v);
        ck_assert_int_eq(alloc.live, 0);
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, IT_ERR_NOMEM);
        ck_assert_int_ne(v.outcome, IT_ORACLE_OPENS);
    }
}
END_TEST

static TCase *part(Suite *s, const char *name)
{
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 60);
    suite_add_tcase(s, c);
    return c;
}

int main(void)
{
    Suite *s = suite_create("lab/judge/oracle/udp");
    TCase *c;
    c = part(s, "RFC 4787 sections 4.1, 5");
    tcase_add_test(c, of_45_pairs_of_classes_31_meet_and_23_without_inbound_sessions);
    tcase_add_test(c, cones_know_each_other_by_their_candidates);
    tcase_add_test(c, without_boxes_nothing_is_in_the_way);
    tcase_add_test(c, an_inner_box_has_tables_of_its_own);
    tcase_add_test(c, a_port_that_is_kept_is_no_new_endpoint);
    tcase_add_test(c, an_arbitrary_pool_may_give_an_address_twice);
    tcase_add_test(c, a_limit_may_be_reached_before_a_path_is_found);
    tcase_add_test(c, what_cannot_have_its_port_may_be_dropped);
    tcase_add_test(c, a_filter_that_ends_early_ends_the_call);
    tcase_add_test(c, an_icmp_error_may_end_the_mapping);
    c = part(s, "RFC 4787 section 6");
    tcase_add_test(c, neighbours_meet_on_their_lan);
    tcase_add_test(c, hosts_at_different_depths_meet_on_the_lan_between);
    tcase_add_test(c, behind_a_common_box_its_hairpin_decides);
    c = part(s, "RFC 6092, RFC 6296, RFC 6888");
    tcase_add_test(c, a_firewall_filters_and_translates_nothing);
    tcase_add_test(c, before_a_login_nothing_passes);
    tcase_add_test(c, nptv6_shows_an_address_for_each);
    tcase_add_test(c, a_slow_policer_may_hold_up_every_check);
    tcase_add_test(c, a_limit_leaves_no_room);
    tcase_add_test(c, every_transport_needs_its_ports);
    tcase_add_test(c, what_fewer_transports_find_is_no_promise_for_all_where_ports_are_few);
    tcase_add_test(c, where_nothing_is_scarce_several_transports_find_what_one_finds);
    tcase_add_test(c, a_full_table_refuses_or_one_gives_way);
    tcase_add_test(c, of_few_ports_one_may_be_given_again);
    tcase_add_test(c, a_box_that_forgets_at_once_may_forget_what_was_found);
    c = part(s, "who is first");
    tcase_add_test(c, who_is_first_at_a_box_that_takes_what_comes_decides);
    tcase_add_test(c, a_lost_check_may_come_second);
    tcase_add_test(c, a_late_check_may_come_second);
    c = part(s, "RFC 8445 sections 7.2.5.3.1, 7.3.1.3");
    tcase_add_test(c, a_candidate_that_checks_overtake_is_peer_reflexive);
    tcase_add_test(c, who_may_wait_for_the_stun_server_may_learn_its_address_from_a_check);
    tcase_add_test(c, without_a_stun_server_there_are_no_reflexive_candidates);
    tcase_add_test(c, each_family_is_judged_by_itself);
    tcase_add_test(c, without_memory_nothing_is_decided);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
