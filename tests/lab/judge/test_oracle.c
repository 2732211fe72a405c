/* lab/judge/oracle.c: the classes' table by counts that follow from RFC 4787 by hand, and what delays allow to be
 * peer-reflexive. */
#include "lab/judge/oracle.h"
#include "lab/profile/profile.h"

#include "netsim/nat/nat.h"
#include "stack/ice/cand.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(l, r) (1u << (4 * IT_ICE_##l + IT_ICE_##r))

static const char *const CLASSES[9] = {"eim-eif",  "eim-adf",  "eim-apdf", "adm-eif",  "adm-adf",
                                       "adm-apdf", "apdm-eif", "apdm-adf", "apdm-apdf"};

static struct {
    it_alloc alloc;
    it_profiles *ps;
    it_world *w;
    int n;
} W;

static void open_world(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&W.alloc);
    W.ps = it_profiles_builtin(&W.alloc, err);
    ck_assert_msg(W.ps != NULL, "%s", err);
    W.w = it_world_new(&(it_world_cfg){&W.alloc, 1});
    ck_assert_ptr_nonnull(W.w);
    W.n = 0;
}

static void close_world(void)
{
    it_world_free(W.w);
    it_profiles_free(W.ps);
    ck_assert_int_eq(W.alloc.live, 0);
}

/* A host behind a box of profile |name|, NULL for none, 10 ms from the core. */
static it_oracle_side behind(const char *name)
{
    it_oracle_side s = {.n_chains = 1};
    it_oracle_chain *c = &s.chain[0];
    char label[16];
    c->delay = c->back = 10 * IT_MS;
    c->segment = (uint32_t)++W.n;
    c->v4 = true;
    if (!name)
        return s;
    const it_profile *p = it_profiles_box(W.ps, name);
    ck_assert_msg(p && p->kind == IT_PROFILE_NAT, "%s", name);
    snprintf(label, sizeof label, "nat-%d", W.n);
    it_nat *nat = it_nat_new(W.w, label, &p->u.nat);
    ck_assert_ptr_nonnull(nat);
    c->box[c->n_boxes++] = it_nat_node(nat);
    return s;
}

/* Signaling as fast as packets; Ta of 50 ms. */
static it_oracle_query query(const char *near, const char *far)
{
    it_oracle_query q = {.side = {behind(near), behind(far)}, .pace = 50 * IT_MS};
    for (int i = 0; i < 2; i++)
        q.signal_least[i] = q.signal_most[i] = 20 * IT_MS;
    return q;
}

static it_oracle_verdict ask(const it_oracle_query *q)
{
    it_oracle_verdict v;
    it_oracle(q, &v);
    return v;
}

static it_oracle_verdict pair(const char *near, const char *far)
{
    it_oracle_query q = query(near, far);
    return ask(&q);
}

static int direct_pairs(const char *suffix)
{
    int direct = 0;
    char near[32], far[32];
    for (int i = 0; i < 9; i++)
        for (int k = i; k < 9; k++) {
            snprintf(near, sizeof near, "%s%s", CLASSES[i], suffix);
            snprintf(far, sizeof far, "%s%s", CLASSES[k], suffix);
            it_oracle_verdict v = pair(near, far), back = pair(far, near);
            ck_assert_msg(v.direct == back.direct && v.pairs[0] == back.pairs[1] && v.pairs[1] == back.pairs[0],
                          "%s - %s", near, far);
            direct += v.direct;
        }
    return direct;
}

START_TEST(of_45_pairs_of_classes_31_meet_and_23_without_inbound_sessions)
{
    open_world();
    ck_assert_int_eq(direct_pairs(""), 31);
    ck_assert_int_eq(direct_pairs("-nosession"), 23);
    close_world();
}
END_TEST

START_TEST(without_delays_that_differ_cones_know_each_other_by_their_candidates)
{
    open_world();
    it_oracle_verdict v = pair("eim-eif", "eim-apdf");
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, SRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(SRFLX, SRFLX));
    v = pair(NULL, "eim-eif");
    ck_assert_uint_eq(v.pairs[0], BIT(HOST, SRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(SRFLX, HOST));
    v = pair("apdm-apdf", "eim-eif");
    ck_assert(v.direct);
    ck_assert_uint_eq(v.pairs[0], BIT(PRFLX, SRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(SRFLX, PRFLX));
    close_world();
}
END_TEST

/* Mail from 1 to 0 may take 5 s: a filter that lets anybody in shows side 0 the far address before the mail does. */
START_TEST(a_candidate_that_checks_overtake_is_peer_reflexive)
{
    open_world();
    it_oracle_query q = query("eim-eif", "eim-apdf");
    q.signal_most[1] = 5 * IT_SEC;
    it_oracle_verdict v = ask(&q);
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, SRFLX) | BIT(SRFLX, PRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(SRFLX, SRFLX));
    /* Behind a filter by address nothing comes in before side 0 has sent there, which it does when it has the
     * candidate. */
    q = query("eim-adf", "eim-eif");
    q.signal_most[1] = 5 * IT_SEC;
    v = ask(&q);
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, SRFLX));
    /* A host candidate comes with the credentials: never late. */
    q = query("eim-eif", NULL);
    q.signal_most[1] = 5 * IT_SEC;
    v = ask(&q);
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, HOST));
    close_world();
}
END_TEST

/* Side 1 checks at 60 ms (candidate at 20 + 20 ms, Ta of 50 ms), side 0 sees that at 70 ms and has its answer at 110
 * ms. */
START_TEST(late_is_what_comes_after_the_pair_is_valid)
{
    open_world();
    it_oracle_query q = query("eim-eif", "eim-eif");
    q.signal_most[1] = 90 * IT_MS; /* and side 1 knows its address at 20 ms */
    ck_assert_uint_eq(ask(&q).pairs[0], BIT(SRFLX, SRFLX));
    q.signal_most[1] = 90 * IT_MS + 1;
    ck_assert_uint_eq(ask(&q).pairs[0], BIT(SRFLX, SRFLX) | BIT(SRFLX, PRFLX));
    close_world();
}
END_TEST

/* A lost question to the STUN server is asked again half a second later; by then checks may be answered. */
START_TEST(who_may_wait_for_the_stun_server_may_learn_its_address_from_a_check)
{
    open_world();
    it_oracle_query q = query("eim-apdf", "eim-apdf");
    q.side[0].chain[0].slack = 70 * IT_MS; /* 20 + 70 ms: the answer to the first check comes at 50 + 40 ms */
    ck_assert_uint_eq(ask(&q).pairs[0], BIT(SRFLX, SRFLX));
    q.side[0].chain[0].slack = 500 * IT_MS;
    it_oracle_verdict v = ask(&q);
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, SRFLX) | BIT(PRFLX, SRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(SRFLX, SRFLX));
    close_world();
}
END_TEST

/* A filter by address lets the peer's other port in, but not its other address. */
START_TEST(an_arbitrary_pool_leaves_it_to_luck)
{
    open_world();
    it_oracle_verdict v = pair("eim-adf", "cgn-symmetric-cell");
    ck_assert(!v.direct && v.either);
    ck_assert_uint_eq(v.pairs[0], BIT(SRFLX, PRFLX));
    ck_assert_uint_eq(v.pairs[1], BIT(PRFLX, SRFLX));
    v = pair("cgn-symmetric-cell", "eim-adf");
    ck_assert(!v.direct && v.either);
    v = pair("eim-eif", "cgn-symmetric-cell");
    ck_assert(v.direct && !v.either);
    v = pair("eim-apdf", "cgn-symmetric-cell");
    ck_assert(!v.direct && !v.either);
    close_world();
}
END_TEST

START_TEST(no_common_family_is_no_way)
{
    open_world();
    it_oracle_query q = query("eim-eif", NULL);
    q.side[1].chain[0].v4 = false;
    q.side[1].chain[0].v6 = true;
    it_oracle_verdict v = ask(&q);
    ck_assert(!v.direct && v.pairs[0] == 0 && v.pairs[1] == 0);
    ck_assert_str_eq(v.why, "no interface of the same family on both sides");
    close_world();
}
END_TEST

/* Adds a way of IPv6 without boxes to both sides. */
static void dual(it_oracle_query *q)
{
    for (int i = 0; i < 2; i++) {
        it_oracle_chain *c = &q->side[i].chain[q->side[i].n_chains++];
        *c = (it_oracle_chain){.delay = 10 * IT_MS, .back = 10 * IT_MS, .segment = (uint32_t)++W.n, .v6 = true};
    }
}

START_TEST(each_family_is_judged_by_itself)
{
    open_world();
    it_oracle_query q = query("apdm-apdf", "apdm-apdf");
    it_oracle_verdict v = ask(&q);
    ck_assert(!v.direct && v.families == 0 && !strstr(v.why, "IPv"));
    dual(&q);
    v = ask(&q);
    ck_assert(v.direct && v.families == IT_ORACLE_V6 && v.pairs[0] == BIT(HOST, HOST) && v.pairs[1] == BIT(HOST, HOST));
    ck_assert_msg(strstr(v.why, "IPv4: APDM/APDF") && strstr(v.why, "IPv6: EIM/EIF"), "%s", v.why);
    q = query("eim-eif", "eim-eif");
    uint32_t alone = ask(&q).pairs[0];
    dual(&q);
    v = ask(&q);
    ck_assert(v.direct && v.families == (IT_ORACLE_V4 | IT_ORACLE_V6) && v.pairs[0] == (alone | BIT(HOST, HOST)));
    q.side[1].n_chains = 1;
    v = ask(&q);
    ck_assert(v.direct && v.families == IT_ORACLE_V4 && v.pairs[0] == alone);
    close_world();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/oracle");
    TCase *c = tcase_create("RFC 4787 sections 4.1, 5");
    tcase_add_test(c, of_45_pairs_of_classes_31_meet_and_23_without_inbound_sessions);
    tcase_add_test(c, without_delays_that_differ_cones_know_each_other_by_their_candidates);
    tcase_add_test(c, an_arbitrary_pool_leaves_it_to_luck);
    tcase_add_test(c, no_common_family_is_no_way);
    tcase_add_test(c, each_family_is_judged_by_itself);
    suite_add_tcase(s, c);
    c = tcase_create("RFC 8445 sections 7.2.5.3.1, 7.3.1.3");
    tcase_add_test(c, a_candidate_that_checks_overtake_is_peer_reflexive);
    tcase_add_test(c, late_is_what_comes_after_the_pair_is_valid);
    tcase_add_test(c, who_may_wait_for_the_stun_server_may_learn_its_address_from_a_check);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
