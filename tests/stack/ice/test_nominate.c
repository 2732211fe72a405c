/* Nomination and selection: RFC 8445 sections 7.2.5.3.4, 7.3.1.5, 8.1. */
#include "tests/stack/ice/far.h"

static size_t next(far *f, it_stun_msg *m)
{
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, m));
    return f->read - 1;
}

static bool uses(const it_stun_msg *m)
{
    return it_stun_get(m, IT_STUN_USE_CANDIDATE) != NULL;
}

START_TEST(the_controlling_side_nominates_by_a_second_check_and_selects_on_its_success)
{
    far *f = far_usual(true);
    it_stun_msg m;
    it_ice_pair_view v;
    far_answer(f, next(f, &m), (far_ans){0});
    ck_assert(!uses(&m));
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), IT_ERR_NOTFOUND);
    far_after(f, 50 * IT_MS);
    size_t i = next(f, &m);
    ck_assert(uses(&m));
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0);
    far_answer(f, i, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 1);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert(it_addr_eq(v.remote.addr, net_addr(FAR_ADDR)));
    far_free(f);
}
END_TEST

/* Two remote candidates; the better one's check stays open, the worse one succeeds at once. */
static far *two(bool controlling, enum it_ice_kind worse)
{
    far *f = far_new(controlling, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(worse, 1, "203.0.113.8:7000", 65535, "2"));
    far_pump(f);
    (void)next(f, &m);
    far_after(f, 50 * IT_MS);
    far_answer(f, next(f, &m), (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 1);
    return f;
}

START_TEST(a_worse_valid_pair_waits_for_the_better_one)
{
    /* 500 ms; 2 s where a relay is part of the pair */
    static const enum it_ice_kind kinds[] = {IT_ICE_SRFLX, IT_ICE_RELAY};
    static const it_time wait[] = {500 * IT_MS, 2000 * IT_MS};
    far *f = two(true, kinds[_i]);
    it_stun_msg m;
    it_time valid = f->now;
    bool used = false;
    f->read = f->n_out;
    far_until(f, valid + wait[_i] + 60 * IT_MS);
    while (far_next_request(f, &f->read, &m))
        if (uses(&m) && !used) {
            used = true;
            ck_assert_int_ge(f->out[f->read - 1].at, valid + wait[_i]);
            ck_assert(it_addr_eq(f->out[f->read - 1].remote, net_addr("203.0.113.8:7000")));
        }
    ck_assert(used);
    far_free(f);
}
END_TEST

START_TEST(the_better_pair_is_nominated_at_once_when_it_succeeds_in_the_wait)
{
    far *f = two(true, IT_ICE_SRFLX);
    it_stun_msg m;
    far_after(f, 100 * IT_MS);
    far_answer(f, 0, (far_ans){0});
    far_after(f, 60 * IT_MS);
    bool used = false;
    while (far_next_request(f, &f->read, &m))
        if (uses(&m)) {
            used = true;
            ck_assert(it_addr_eq(f->out[f->read - 1].remote, net_addr(FAR_ADDR)));
        }
    ck_assert(used);
    far_free(f);
}
END_TEST

static void with_stun(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->stun[0] = net_addr("192.0.2.1:3478");
    cfg->n_stun = 1;
}

/* Behind the first base is one mapping for all, so that its checks go by the server-reflexive candidate; behind the
 * second one the far side sees another address than the server: peer-reflexive, a higher type (RFC 8445 section
 * 5.1.2.2). */
START_TEST(the_first_interface_is_nominated_though_a_later_one_has_a_peer_reflexive_address)
{
    far *f = far_new(true, 1, 1, with_stun);
    it_stun_msg m;
    bool used = false;
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "10.9.0.2:6000");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    size_t held = SIZE_MAX; /* the first interface's check: answered behind that of the second one */
    for (int k = 0; k < 40 && !used; k++) {
        size_t i = far_wait_request(f, &m);
        bool second = f->out[i].flow == 1, server = it_addr_eq(f->out[i].remote, net_addr("192.0.2.1:3478"));
        used = uses(&m);
        if (used) {
            ck_assert_int_eq(f->out[i].flow, 0);
        } else if (server) {
            far_answer(f, i,
                       (far_ans){.mapped = second ? "203.0.113.77:7000" : "203.0.113.66:6000", .no_integrity = true});
        } else if (second) {
            far_answer(f, i, (far_ans){.mapped = "203.0.113.77:7001"});
            ck_assert_uint_ne(held, SIZE_MAX);
            far_answer(f, held, (far_ans){.mapped = "203.0.113.66:6000"});
        } else {
            held = i;
        }
    }
    ck_assert(used);
    far_free(f);
}
END_TEST

START_TEST(nomination_removes_the_components_other_pairs_and_stops_their_checks)
{
    far *f = two(true, IT_ICE_SRFLX);
    it_stun_msg m;
    size_t mark = 0;
    for (int i = 0; i < 30 && !far_events(f, IT_ICE_SELECTED); i++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            if (uses(&m) && !mark) {
                mark = f->read;
                far_answer(f, f->read - 1, (far_ans){0});
            }
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    ck_assert_uint_eq(far_pairs(f), 1);
    far_after(f, 3 * IT_SEC);
    for (size_t i = mark; i < f->n_out; i++)
        ck_assert(!it_addr_eq(f->out[i].remote, net_addr(FAR_ADDR)));
    far_answer(f, 0, (far_ans){0}); /* the cancelled check's answer comes late and does nothing */
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    /* section 8.1.2: checks of other pairs are still answered */
    size_t i = far_request(f, (far_req){0});
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_SUCCESS);
    ck_assert_uint_eq(far_pairs(f), 1);
    far_free(f);
}
END_TEST

START_TEST(exactly_one_pair_is_ever_nominated)
{
    far *f = two(true, IT_ICE_SRFLX);
    it_stun_msg m;
    it_addr used = {{0, 0}, 0};
    for (int i = 0; i < 200; i++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m)) {
            if (uses(&m)) {
                ck_assert(used.port == 0 || it_addr_eq(used, f->out[f->read - 1].remote));
                used = f->out[f->read - 1].remote;
            }
            far_answer(f, f->read - 1, (far_ans){0});
        }
    }
    ck_assert_uint_ne(used.port, 0);
    far_free(f);
}
END_TEST

START_TEST(use_candidate_on_a_succeeded_pair_nominates_at_once)
{
    far *f = far_usual(false);
    it_stun_msg m;
    far_answer(f, next(f, &m), (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0);
    (void)far_request(f, (far_req){.use = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    far_free(f);
}
END_TEST

START_TEST(use_candidate_on_another_pair_nominates_after_the_triggered_check)
{
    far *f = far_usual(false);
    it_stun_msg m;
    (void)far_request(f, (far_req){.use = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0);
    size_t i = next(f, &m);
    ck_assert(!uses(&m)); /* section 7.1.2: never from the controlled side */
    far_answer(f, i, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    far_free(f);
}
END_TEST

START_TEST(a_failed_nomination_fails_the_checklist_when_patience_is_over)
{
    far *f = far_usual(true);
    it_stun_msg m;
    far_answer(f, next(f, &m), (far_ans){0});
    far_after(f, 50 * IT_MS);
    far_answer(f, next(f, &m), (far_ans){.code = 500});
    ck_assert(uses(&m));
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0); /* RFC 8863 section 4 */
    far_until(f, 39500 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    ck_assert_ptr_nonnull(strstr(far_event(f, IT_ICE_FAILED)->why, "7.2.5.3.4"));
    far_free(f);
}
END_TEST

/* The better pair succeeds, its nomination is not answered: after 1 s, or four times what its check took, the worse
 * one is nominated. */
START_TEST(a_nomination_that_fails_gives_another_valid_pair_its_turn)
{
    static const it_time later[] = {0, 390 * IT_MS}, patience[] = {1000 * IT_MS, 4 * 440 * IT_MS};
    far *f = two(true, IT_ICE_SRFLX);
    it_stun_msg m;
    int nominations[2] = {0, 0};
    it_time first[2] = {0, 0};
    far_after(f, later[_i]);
    far_answer(f, 0, (far_ans){0});
    for (int k = 0; k < 300 && !far_events(f, IT_ICE_SELECTED); k++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m)) {
            int worse = !it_addr_eq(f->out[f->read - 1].remote, net_addr(FAR_ADDR));
            if (uses(&m) && nominations[worse]++ == 0)
                first[worse] = f->now;
            if (worse)
                far_answer(f, f->read - 1, (far_ans){0});
        }
    }
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert(it_addr_eq(v.remote.addr, net_addr("203.0.113.8:7000")));
    ck_assert_int_eq(nominations[0], IT_ICE_NOMINATE_RC_SPARE);
    ck_assert_int_eq(nominations[1], 1);
    ck_assert_int_ge(first[1] - first[0], patience[_i] - 50 * IT_MS); /* seen every 50 ms */
    ck_assert_int_le(first[1] - first[0], patience[_i] + 200 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 2); /* data goes to the one that is left */
    far_free(f);
}
END_TEST

/* Where no other pair is valid it has all its retransmissions: 9.5 s. */
START_TEST(the_nomination_of_the_only_valid_pair_is_given_more_time)
{
    far *f = far_usual(true);
    it_stun_msg m;
    far_answer(f, next(f, &m), (far_ans){0});
    int nominations = 0;
    it_time first = 0, last = 0;
    for (int k = 0; k < 1000 && !far_events(f, IT_ICE_FAILED); k++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m)) {
            if (uses(&m) && nominations++ == 0)
                first = f->now;
            last = f->now;
        }
    }
    ck_assert_int_eq(nominations, IT_ICE_NOMINATE_RC);
    ck_assert_int_eq(last - first, 7500 * IT_MS);
    far_free(f);
}
END_TEST

START_TEST(of_several_nominations_the_highest_priority_is_used)
{
    /* An agent of RFC 5245: nominates the worse pair, then the better one, then the worse one again. */
    far *f = far_new(false, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, "203.0.113.8:7000", 65535, "2"));
    for (int k = 0; k < 3; k++) {
        const char *from = k == 1 ? FAR_ADDR : "203.0.113.8:7000";
        (void)far_request(f, (far_req){.use = true, .from = from});
        far_after(f, 60 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert(it_addr_eq(v.remote.addr, net_addr(FAR_ADDR)));
    ck_assert_uint_ge(far_events(f, IT_ICE_PEER), 1);
    far_free(f);
}
END_TEST

START_TEST(a_checklist_completes_when_every_component_is_nominated)
{
    const bool roles[2] = {true, false};
    net *n = net_new_cfg(3, roles, 2, 2, NULL, NULL);
    int port = 5000;
    for (int p = 0; p < 2; p++)
        for (int s = 0; s < 2; s++)
            for (int c = 1; c <= 2; c++) {
                char addr[32];
                (void)snprintf(addr, sizeof addr, p ? "203.0.113.7:%d" : "198.51.100.7:%d", port++);
                (void)net_base(n, p, s, c, addr);
            }
    net_gather(n);
    net_run(n, 20 * IT_SEC);
    for (int p = 0; p < 2; p++) {
        ck_assert_int_eq(n->p[p].events[IT_ICE_SELECTED], 4);
        ck_assert_int_eq(n->p[p].events[IT_ICE_VALID], 4);
        ck_assert_int_eq(n->p[p].events[IT_ICE_COMPLETED], 1);
        ck_assert_int_eq(n->p[p].events[IT_ICE_FAILED], 0);
    }
    net_free(n);
}
END_TEST

START_TEST(the_smaller_number_of_components_counts)
{
    far *f = far_new(true, 1, 2, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 2, 1, "198.51.100.7:5001");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    it_ice_remote_done(f->a, 0);
    for (int k = 0; k < 10; k++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 1);
    far_free(f);
}
END_TEST

static void answer_all(far *f)
{
    it_stun_msg m;
    for (int k = 0; k < 10; k++) {
        far_after(f, 50 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
    }
}

START_TEST(a_component_that_the_far_side_drops_with_a_restart_is_lost_and_that_is_told_once)
{
    it_ice_pair_view v;
    far *f = far_new(true, 1, 2, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 2, 1, "198.51.100.7:5001");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, "203.0.113.7:6001", 65535, "1"));
    it_ice_remote_done(f->a, 0);
    answer_all(f);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 2, &v), 0);
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "next", FAR_PWD), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    it_ice_remote_done(f->a, f->now);
    answer_all(f);
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 1);
    ck_assert_int_eq(far_event(f, IT_ICE_LOST)->component, 2);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 2, &v), IT_ERR_NOTFOUND);
    far_free(f);
}
END_TEST

static void one_server(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->stun[0] = net_addr("192.0.2.1:3478");
    cfg->n_stun = 1;
}

/* RFC 8838 section 13: the server's answer comes when the component has its pair. */
START_TEST(no_candidate_is_told_after_nomination)
{
    far *f = far_new(true, 1, 1, one_server);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    size_t stun = far_wait_request(f, &m);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    for (int i = 0; i < 2; i++) /* the check, then the nomination */
        far_answer(f, far_wait_request(f, &m), (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    far_answer(f, stun, (far_ans){.mapped = "203.0.113.99:4444", .no_integrity = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("8.1.1");
    tcase_add_test(t, the_controlling_side_nominates_by_a_second_check_and_selects_on_its_success);
    tcase_add_loop_test(t, a_worse_valid_pair_waits_for_the_better_one, 0, 2);
    tcase_add_test(t, the_better_pair_is_nominated_at_once_when_it_succeeds_in_the_wait);
    tcase_add_test(t, exactly_one_pair_is_ever_nominated);
    tcase_add_test(t, of_several_nominations_the_highest_priority_is_used);
    tcase_add_test(t, no_candidate_is_told_after_nomination);
    suite_add_tcase(s, t);
    t = tcase_create("7.3.1.5");
    tcase_add_test(t, use_candidate_on_a_succeeded_pair_nominates_at_once);
    tcase_add_test(t, use_candidate_on_another_pair_nominates_after_the_triggered_check);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.3.4");
    tcase_add_test(t, a_failed_nomination_fails_the_checklist_when_patience_is_over);
    tcase_add_loop_test(t, a_nomination_that_fails_gives_another_valid_pair_its_turn, 0, 2);
    tcase_add_test(t, the_nomination_of_the_only_valid_pair_is_given_more_time);
    suite_add_tcase(s, t);
    t = tcase_create("8.1.2");
    tcase_add_test(t, the_first_interface_is_nominated_though_a_later_one_has_a_peer_reflexive_address);
    tcase_add_test(t, nomination_removes_the_components_other_pairs_and_stops_their_checks);
    tcase_add_test(t, a_checklist_completes_when_every_component_is_nominated);
    tcase_add_test(t, the_smaller_number_of_components_counts);
    tcase_add_test(t, a_component_that_the_far_side_drops_with_a_restart_is_lost_and_that_is_told_once);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/nominate", add)
