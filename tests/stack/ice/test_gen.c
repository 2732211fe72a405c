/* stack/ice/gen.c: credentials, generations, restarts. */
#include "tests/stack/ice/far.h"

#define PWD2 "anotherPasswordOf22Chars"

/* --- RFC 8445 5.3 --- */

START_TEST(credentials_are_ice_chars_long_enough_and_new_in_every_generation)
{
    far *f = far_new(true, 1, 1, NULL);
    char seen[20][IT_ICE_LOCAL_UFRAG + 1], pwds[20][IT_ICE_LOCAL_PWD + 1];
    for (int i = 0; i < 20; i++) {
        const char *u = it_ice_ufrag(f->a), *p = it_ice_pwd(f->a);
        ck_assert_uint_ge(strlen(u), 4);  /* 24 bits */
        ck_assert_uint_ge(strlen(p), 22); /* 128 bits */
        for (const char *c = u; *c; c++)
            ck_assert_ptr_nonnull(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", *c));
        for (const char *c = p; *c; c++)
            ck_assert_ptr_nonnull(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", *c));
        strcpy(seen[i], u);
        strcpy(pwds[i], p);
        for (int k = 0; k < i; k++)
            ck_assert(strcmp(seen[i], seen[k]) != 0 && strcmp(pwds[i], pwds[k]) != 0);
        ck_assert_uint_eq(it_ice_generation(f->a), (uint32_t)i);
        it_ice_restart(f->a, f->now);
    }
    far_free(f);
}
END_TEST

/* --- RFC 8839 5.4 --- */

static const struct {
    size_t ufrag, pwd;
    char bad; /* stands in the middle of both */
    int want;
} FORMS[] = {
    {4, 22, 0, 0},
    {256, 256, 0, 0},
    {3, 22, 0, IT_ERR_RANGE},
    {4, 21, 0, IT_ERR_RANGE},
    {257, 22, 0, IT_ERR_RANGE},
    {4, 257, 0, IT_ERR_RANGE},
    {0, 22, 0, IT_ERR_RANGE},
    {4, 0, 0, IT_ERR_RANGE},
    {4, 22, '+', 0},
    {4, 22, '/', 0},
    {4, 22, ':', IT_ERR_RANGE},
    {4, 22, ' ', IT_ERR_RANGE},
    {4, 22, '-', IT_ERR_RANGE},
    {4, 22, '=', IT_ERR_RANGE},
};

START_TEST(far_credentials_have_the_form_of_section_5_4)
{
    far *f = far_new(true, 1, 1, NULL);
    char u[300] = "", p[300] = "";
    memset(u, 'a', FORMS[_i].ufrag);
    memset(p, 'b', FORMS[_i].pwd);
    if (FORMS[_i].bad)
        u[2] = p[2] = FORMS[_i].bad;
    ck_assert_int_eq(it_ice_set_remote(f->a, 0, u, p), FORMS[_i].want);
    ck_assert(f->a->gen->have_remote == (FORMS[_i].want == 0));
    if (FORMS[_i].want == 0 && FORMS[_i].bad == 0) {
        u[2] = ':';
        ck_assert_int_eq(it_ice_set_remote(f->a, 0, u, p), IT_ERR_RANGE);
        u[2] = 'a';
        p[2] = ':';
        ck_assert_int_eq(it_ice_set_remote(f->a, 0, u, p), IT_ERR_RANGE);
        ck_assert_uint_eq(it_ice_generation(f->a), 0); /* what is refused is no restart */
    }
    far_free(f);
}
END_TEST

/* --- RFC 8445 9 --- */

START_TEST(other_credentials_are_a_restart_of_the_far_side_and_the_same_are_none)
{
    far *f = far_usual(true);
    char mine[IT_ICE_LOCAL_UFRAG + 1];
    strcpy(mine, it_ice_ufrag(f->a));
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
    ck_assert_str_eq(it_ice_ufrag(f->a), mine);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", PWD2), 1);
    ck_assert_str_ne(it_ice_ufrag(f->a), mine);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert_str_eq(f->a->gen->far.ufrag, "anew");
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", PWD2), 0); /* once */
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert_uint_eq(it_ice_pairs_total(f->a), 0);
    far_free(f);
}
END_TEST

START_TEST(an_answer_to_our_restart_is_no_restart)
{
    far *f = far_usual(true);
    it_ice_restart(f->a, f->now);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", PWD2), 0);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    far_free(f);
}
END_TEST

START_TEST(credentials_of_an_earlier_generation_are_late_and_ignored)
{
    far *f = far_usual(true);
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
    ck_assert(!f->a->gen->have_remote);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", PWD2), 0);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
    ck_assert_str_eq(f->a->gen->far.ufrag, "anew");
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    /* a changed password alone makes other credentials */
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, PWD2), 1);
    far_free(f);
}
END_TEST

START_TEST(late_credentials_of_the_last_eight_generations_are_known)
{
    far *f = far_new(true, 1, 1, NULL);
    char u[8];
    for (int i = 0; i <= 8; i++) {
        (void)snprintf(u, sizeof u, "far%d", i);
        ck_assert_int_eq(it_ice_set_remote(f->a, 0, u, FAR_PWD), i > 0);
    }
    for (int i = 0; i <= 8; i++) {
        (void)snprintf(u, sizeof u, "far%d", i);
        ck_assert_int_eq(it_ice_set_remote(f->a, 0, u, FAR_PWD), 0);
    }
    ck_assert_uint_eq(it_ice_generation(f->a), 8);
    far_free(f);
}
END_TEST

START_TEST(a_restart_flushes_all_but_role_bases_and_selected_pairs)
{
    far *f = far_usual(true);
    it_ice_pair_view v;
    far_connect(f);
    it_ice_switch_role(f->a, false);
    far_pump(f);
    uint64_t tie = it_ice_tiebreaker(f->a);
    it_ice_remote_done(f->a, f->now);
    it_ice_restart(f->a, f->now);
    ck_assert_uint_eq(far_pairs(f), 0);
    ck_assert_uint_eq(f->a->n_remotes, 0);
    ck_assert(!f->a->remote_done && !f->a->completed && !f->a->checking);
    ck_assert_int_eq(f->a->streams[0].state, IT_ICE_RUNNING);
    ck_assert(!it_ice_controlling(f->a));
    ck_assert_uint_eq(it_ice_tiebreaker(f->a), tie);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert(it_addr_eq(v.remote.addr, net_addr(FAR_ADDR)));
    /* gathering begins anew by itself, with foundations from the start */
    size_t before = f->n_ev;
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, before + 2);
    ck_assert_int_eq(f->ev[before].kind, IT_ICE_CANDIDATE);
    ck_assert_str_eq(f->cand[before].foundation, "1");
    ck_assert_int_eq(f->ev[before + 1].kind, IT_ICE_GATHERED);
    far_free(f);
}
END_TEST

START_TEST(no_event_of_the_old_generation_is_told_after_a_restart)
{
    far *f = far_new(true, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0); /* candidate and GATHERED are queued, not taken */
    it_ice_switch_role(f->a, false);
    f->a->gathering = false; /* so that the new generation has none of its own */
    it_ice_restart(f->a, 0);
    far_pump(f);
    ck_assert_uint_eq(f->n_ev, 1);
    ck_assert_int_eq(f->ev[0].kind, IT_ICE_ROLE); /* is true in every generation */
    far_free(f);
}
END_TEST

START_TEST(checks_under_way_end_with_their_generation)
{
    far *f = far_usual(false);
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    it_ice_restart(f->a, f->now);
    far_answer(f, i, (far_ans){0});
    far_after(f, 60 * IT_SEC);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 0);
    far_free(f);
}
END_TEST

START_TEST(patience_starts_anew_with_the_new_credentials)
{
    far *f = far_usual(true);
    far_until(f, 30 * IT_SEC);
    it_ice_restart(f->a, f->now);
    far_until(f, 100 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", PWD2), 0);
    far_until(f, 100 * IT_SEC + 39499 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_until(f, 100 * IT_SEC + 39500 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    far_free(f);
}
END_TEST

/* --- 9: both sides --- */

/* Both connected at a second and a half. */
static net *connected(void)
{
    net *n = net_new(1);
    net_start(n, NAT_EIM_APDF, NAT_EIM_APDF);
    net_run(n, 3 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(n->p[i].events[IT_ICE_COMPLETED], 1);
    return n;
}

/* Whoever restarts, both select anew, and until then nothing is lost. */
START_TEST(the_selected_pair_works_until_its_successor_does)
{
    net *n = connected();
    it_ice_pair_view v;
    it_ice_restart(n->p[_i].a, n->now);
    net_run(n, n->now + 50 * IT_MS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_ice_selected(n->p[i].a, 0, 1, &v), 0);
    net_run(n, 8 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const net_peer *p = &n->p[i];
        ck_assert_int_eq(p->err, 0);
        ck_assert_uint_eq(it_ice_generation(p->a), 1);
        ck_assert_int_eq(p->events[IT_ICE_SELECTED], 2);
        ck_assert_int_eq(p->events[IT_ICE_COMPLETED], 2);
        ck_assert_int_eq(p->events[IT_ICE_LOST] + p->events[IT_ICE_CONSENT_LOST] + p->events[IT_ICE_FAILED] +
                             p->events[IT_ICE_PEER],
                         0);
    }
    net_free(n);
}
END_TEST

START_TEST(both_may_restart_at_once)
{
    net *n = connected();
    it_ice_restart(n->p[0].a, n->now);
    it_ice_restart(n->p[1].a, n->now);
    net_run(n, 8 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(n->p[i].a), 1);
        ck_assert_int_eq(n->p[i].events[IT_ICE_COMPLETED], 2);
        ck_assert_int_eq(n->p[i].events[IT_ICE_PEER], 0);
    }
    net_free(n);
}
END_TEST

/* A restart that nobody hears of: the old pair keeps asking consent and keeps working. */
START_TEST(consent_goes_on_over_a_restart_that_hangs)
{
    net *n = connected();
    it_ice_pair_view v;
    n->p[0].mute = true;
    it_ice_restart(n->p[0].a, n->now);
    net_run(n, 90 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(n->p[i].events[IT_ICE_CONSENT_LOST], 0);
        ck_assert_int_eq(it_ice_selected(n->p[i].a, 0, 1, &v), 0);
        ck_assert_int_ge(v.last_response, 80 * IT_SEC);
    }
    net_free(n);
}
END_TEST

/* --- 8.3.1: how long an old generation is answered --- */

/* A check with the old credentials: what class of message answers it. */
static enum it_stun_class old_check(far *f, const char *user, const char *pwd)
{
    it_stun_msg m;
    size_t mark = far_request(f, (far_req){.user = user, .pwd = pwd});
    ck_assert_uint_eq(f->n_out, mark + 1);
    far_parse(f, mark, &m);
    return m.cls;
}

START_TEST(an_old_generation_is_answered_for_three_seconds_and_touches_nothing)
{
    far *f = far_usual(false);
    char user[64], pwd[64];
    (void)snprintf(user, sizeof user, "%s:%s", it_ice_ufrag(f->a), FAR_UFRAG);
    strcpy(pwd, it_ice_pwd(f->a));
    it_ice_restart(f->a, f->now);
    it_time t = f->now;
    ck_assert_int_eq(old_check(f, user, pwd), IT_STUN_SUCCESS);
    ck_assert_uint_eq(f->a->n_early, 0);
    ck_assert_uint_eq(far_pairs(f), 0);
    far_until(f, t + 2999 * IT_MS);
    ck_assert_int_eq(old_check(f, user, pwd), IT_STUN_SUCCESS);
    far_until(f, t + 3 * IT_SEC);
    ck_assert_int_eq(old_check(f, user, pwd), IT_STUN_ERROR);
    ck_assert_uint_eq(f->a->n_gens, 1);
    far_free(f);
}
END_TEST

START_TEST(a_generation_lives_as_long_as_its_selected_pair)
{
    far *f = far_usual(false);
    char user[64], pwd[64];
    it_stun_msg m;
    far_connect(f);
    (void)snprintf(user, sizeof user, "%s:%s", it_ice_ufrag(f->a), FAR_UFRAG);
    strcpy(pwd, it_ice_pwd(f->a));
    it_ice_restart(f->a, f->now);
    for (int i = 0; i < 20; i++) { /* consent is asked and given */
        far_after(f, IT_SEC);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
    }
    ck_assert_int_eq(old_check(f, user, pwd), IT_STUN_SUCCESS);
    ck_assert_uint_eq(f->a->n_gens, 2);
    it_ice_revoke(f->a, f->now);
    far_after(f, 3 * IT_SEC); /* and the while that follows every end */
    ck_assert_int_eq(old_check(f, user, pwd), IT_STUN_ERROR);
    far_free(f);
}
END_TEST

/* --- 7.3: checks before the far side's credentials --- */

START_TEST(checks_before_the_credentials_are_answered_and_taken_up_when_those_come)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    size_t mark = far_request(f, (far_req){.use = true});
    ck_assert_uint_eq(far_count(f, mark, IT_STUN_SUCCESS), 1);
    (void)far_request(f, (far_req){.ufrag = "liar", .from = "203.0.113.66:6"});
    ck_assert_uint_eq(far_pairs(f), 0);
    far_creds(f);
    ck_assert_uint_eq(far_pairs(f), 1); /* not the one that named another fragment */
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> prflx 203.0.113.7:6000 triggered");
    ck_assert(f->a->streams[0].pairs[0]->use);
    far_free(f);
}
END_TEST

START_TEST(they_are_forgotten_by_a_restart)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    (void)far_request(f, (far_req){.use = true});
    it_ice_restart(f->a, 0);
    far_creds(f);
    ck_assert_uint_eq(far_pairs(f), 0);
    far_free(f);
}
END_TEST

/* --- RFC 8445 8.1.2: a session goes on without a stream --- */

START_TEST(an_ended_stream_sends_and_answers_nothing_and_the_others_go_on)
{
    static const bool roles[2] = {true, false};
    net *n = net_new_cfg(3, roles, 3, 2, NULL, NULL);
    char at[32];
    for (int k = 0; k < 2; k++)
        for (int st = 0; st < 3; st++)
            for (int c = 1; c <= 2; c++) {
                snprintf(at, sizeof at, "198.51.100.%d:%d", k + 1, 5000 + 10 * st + c);
                net_base(n, k, st, c, at);
            }
    net_gather(n);
    net_run(n, 10 * IT_SEC);
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(n->p[0].a, 1, 2, &v), 0);
    for (int k = 0; k < 2; k++)
        it_ice_end_stream(n->p[k].a, n->now, 1);
    size_t sent = n->n_log;
    net_run(n, 50 * IT_SEC);
    for (size_t i = sent; i < n->n_log; i++)
        ck_assert_int_ne(n->log[i].inner_src.port / 10, 501);
    ck_assert_uint_gt(n->n_log, sent);
    ck_assert_int_eq(it_ice_selected(n->p[0].a, 1, 2, &v), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_ice_selected(n->p[0].a, 2, 2, &v), 0);
    ck_assert_int_eq(it_ice_add_base(n->p[0].a, n->now, 1, 1, 99, net_addr("198.51.100.9:9")), IT_ERR_RANGE);
    it_ice_end_stream(n->p[0].a, n->now, 1); /* again, and what is none */
    it_ice_end_stream(n->p[0].a, n->now, 3);
    it_ice_restart(n->p[0].a, n->now);
    net_run(n, 80 * IT_SEC);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(it_ice_selected(n->p[k].a, 0, 1, &v), 0);
        ck_assert_int_eq(n->p[k].events[IT_ICE_COMPLETED], 2);
        ck_assert_int_eq(n->p[k].events[IT_ICE_FAILED] + n->p[k].events[IT_ICE_CONSENT_LOST], 0);
    }
    net_free(n);
}
END_TEST

/* --- RFC 8445 5.3, RFC 8839 5.4: credentials of a stream --- */

START_TEST(checks_of_a_stream_use_its_own_credentials_and_only_such_are_taken)
{
    far *f = far_new(true, 2, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 1, 1, 1, "198.51.100.7:5001");
    it_ice_gather(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "vide", PWD2), IT_ERR_STATE);
    far_creds(f);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "vide", PWD2), 0);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "vide", PWD2), 0);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 0, FAR_UFRAG, FAR_PWD), 0); /* those of all */
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "anew", PWD2), IT_ERR_STATE);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 2, "vide", PWD2), IT_ERR_RANGE);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "vid", PWD2), IT_ERR_RANGE);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 1, far_cand(IT_ICE_HOST, 1, "203.0.113.7:6001", 65535, "2"));
    far_after(f, IT_SEC);
    int seen[2] = {0, 0};
    for (size_t i = 0; i < f->n_out; i++) {
        it_stun_msg m;
        const it_stun_attr *user;
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(f->out[i].data, f->out[i].n)), 0);
        user = it_stun_get(&m, IT_STUN_USERNAME);
        ck_assert(user && user->value.n > 5);
        int stream = f->out[i].flow == 1;
        ck_assert_int_eq(memcmp(user->value.p, stream ? "vide:" : FAR_UFRAG ":", 5), 0);
        seen[stream]++;
    }
    ck_assert(seen[0] > 0 && seen[1] > 0);
    /* A check to stream 1 in the name of the others is answered, and triggers nothing. */
    size_t before = f->a->streams[1].n_pairs;
    (void)far_request(f, (far_req){.flow = 1, .from = "203.0.113.7:7777"});
    ck_assert_uint_eq(f->a->streams[1].n_pairs, before);
    (void)far_request(f, (far_req){.flow = 1, .from = "203.0.113.7:7777", .ufrag = "vide"});
    ck_assert_uint_eq(f->a->streams[1].n_pairs, before + 1);
    far_free(f);
}
END_TEST

static void each_its_own(it_ice_cfg *c, int i)
{
    (void)i;
    c->stream_creds = true;
}

/* The class of the answer to a check that comes to base |flow| by the credentials that |stream| has. */
static enum it_stun_class answer_to(far *f, int flow, int stream)
{
    char user[64];
    it_stun_msg m;
    (void)snprintf(user, sizeof user, "%s:" FAR_UFRAG, it_ice_stream_ufrag(f->a, stream));
    size_t at =
        far_request(f, (far_req){.flow = flow, .user = user, .pwd = it_ice_stream_pwd(f->a, stream), .use = true});
    far_parse(f, at, &m);
    return m.cls;
}

START_TEST(each_stream_may_have_credentials_of_its_own_and_takes_no_check_by_another_streams)
{
    far *f = far_new(false, 3, 1, each_its_own);
    for (int k = 0; k < 3; k++)
        far_base(f, k, 1, k, k == 0 ? OWN_ADDR : k == 1 ? "198.51.100.7:5001" : "198.51.100.7:5002");
    it_ice_gather(f->a, f->now);
    far_creds(f);
    char first[3][IT_ICE_LOCAL_UFRAG + 1];
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 3; k++) {
            for (int of = 0; of < 3; of++)
                ck_assert_int_eq(answer_to(f, k, of), of == k ? IT_STUN_SUCCESS : IT_STUN_ERROR);
            ck_assert(round == 0 || strcmp(first[k], it_ice_stream_ufrag(f->a, k)) != 0); /* section 9: all new */
            (void)snprintf(first[k], sizeof first[k], "%s", it_ice_stream_ufrag(f->a, k));
        }
        it_ice_restart(f->a, f->now);
        far_pump(f);
    }
    ck_assert_str_eq(it_ice_ufrag(f->a), it_ice_stream_ufrag(f->a, 0));
    ck_assert_str_eq(it_ice_pwd(f->a), it_ice_stream_pwd(f->a, 7));
    far_free(f);
}
END_TEST

START_TEST(a_check_that_comes_before_its_streams_far_credentials_waits_for_them)
{
    far *f = far_new(true, 2, 1, each_its_own);
    char user[64];
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 1, 1, 1, "198.51.100.7:5001");
    it_ice_gather(f->a, f->now);
    (void)snprintf(user, sizeof user, "%s:vide", it_ice_stream_ufrag(f->a, 1));
    (void)far_request(f, (far_req){.flow = 1, .user = user, .pwd = it_ice_stream_pwd(f->a, 1)});
    far_creds(f);
    ck_assert_uint_eq(f->a->streams[1].n_pairs, 0);
    ck_assert_int_eq(it_ice_set_remote_stream(f->a, f->now, 1, "vide", PWD2), 0);
    ck_assert_uint_eq(f->a->streams[1].n_pairs, 1);
    ck_assert_uint_eq(f->a->n_early, 0);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("RFC 8445 5.3");
    tcase_add_test(t, credentials_are_ice_chars_long_enough_and_new_in_every_generation);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8839 5.4, of streams");
    tcase_add_test(t, each_stream_may_have_credentials_of_its_own_and_takes_no_check_by_another_streams);
    tcase_add_test(t, a_check_that_comes_before_its_streams_far_credentials_waits_for_them);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8839 5.4");
    tcase_add_loop_test(t, far_credentials_have_the_form_of_section_5_4, 0, (int)(sizeof FORMS / sizeof FORMS[0]));
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 9");
    tcase_add_test(t, other_credentials_are_a_restart_of_the_far_side_and_the_same_are_none);
    tcase_add_test(t, an_answer_to_our_restart_is_no_restart);
    tcase_add_test(t, credentials_of_an_earlier_generation_are_late_and_ignored);
    tcase_add_test(t, late_credentials_of_the_last_eight_generations_are_known);
    tcase_add_test(t, a_restart_flushes_all_but_role_bases_and_selected_pairs);
    tcase_add_test(t, no_event_of_the_old_generation_is_told_after_a_restart);
    tcase_add_test(t, checks_under_way_end_with_their_generation);
    tcase_add_test(t, patience_starts_anew_with_the_new_credentials);
    tcase_add_loop_test(t, the_selected_pair_works_until_its_successor_does, 0, 2);
    tcase_add_test(t, both_may_restart_at_once);
    tcase_add_test(t, consent_goes_on_over_a_restart_that_hangs);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 8.3.1");
    tcase_add_test(t, an_old_generation_is_answered_for_three_seconds_and_touches_nothing);
    tcase_add_test(t, a_generation_lives_as_long_as_its_selected_pair);
    suite_add_tcase(s, t);
    t = tcase_create("streams");
    tcase_add_test(t, an_ended_stream_sends_and_answers_nothing_and_the_others_go_on);
    tcase_add_test(t, checks_of_a_stream_use_its_own_credentials_and_only_such_are_taken);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 7.3");
    tcase_add_test(t, checks_before_the_credentials_are_answered_and_taken_up_when_those_come);
    tcase_add_test(t, they_are_forgotten_by_a_restart);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/gen", add)
