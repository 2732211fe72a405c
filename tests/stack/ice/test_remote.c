/* stack/ice/remote.c: the far side's candidates, signalled, learned from checks, and their end. */
#include "tests/stack/ice/far.h"

#define UNKNOWN "203.0.113.50:7000"

/* The usual agent without any remote candidate. */
static far *fresh(void)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, f->now);
    far_creds(f);
    far_pump(f);
    return f;
}

static it_ice_remote *remote(far *f, const char *addr)
{
    return it_ice_remote_find(f->a, 0, 1, false, net_addr(addr));
}

/* --- RFC 8445 7.3.1.3 --- */

START_TEST(a_check_from_an_unknown_address_makes_a_peer_reflexive_candidate)
{
    far *f = fresh();
    (void)far_request(f, (far_req){.from = UNKNOWN, .priority = 1234567});
    const it_ice_remote *r = remote(f, UNKNOWN);
    ck_assert_ptr_nonnull(r);
    ck_assert(!r->signalled);
    ck_assert_int_eq(r->c.kind, IT_ICE_PRFLX);
    ck_assert_uint_eq(r->c.priority, 1234567); /* of the check */
    ck_assert_uint_eq(r->c.component, 1);
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> prflx 203.0.113.50:7000 triggered");
    ck_assert_uint_eq(f->a->streams[0].pairs[0]->prio, it_ice_pair_prio(false, f->a->locals[0].c.priority, 1234567));
    far_free(f);
}
END_TEST

START_TEST(a_check_from_a_known_address_makes_none)
{
    far *f = far_usual(false);
    (void)far_request(f, (far_req){.priority = 1234567});
    (void)far_request(f, (far_req){.priority = 7654321});
    ck_assert_uint_eq(f->a->n_remotes, 1);
    ck_assert_uint_eq(remote(f, FAR_ADDR)->c.priority, it_ice_priority(IT_ICE_HOST, 65535, 1));
    far_free(f);
}
END_TEST

START_TEST(its_foundation_is_that_of_no_other_candidate)
{
    far *f = fresh();
    /* a far side that guesses the names we give */
    for (int i = 0; i < 5; i++) {
        char addr[32], found[16];
        (void)snprintf(addr, sizeof addr, "203.0.113.7:%d", 6000 + i);
        (void)snprintf(found, sizeof found, "prflx%d", 4 + i);
        far_add(f, 0, far_cand(IT_ICE_HOST, 1, addr, (uint16_t)i, found));
    }
    (void)far_request(f, (far_req){.from = UNKNOWN});
    (void)far_request(f, (far_req){.from = "203.0.113.51:7000"});
    ck_assert_uint_eq(f->a->n_remotes, 7);
    for (size_t i = 0; i < 7; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(f->a->remotes[i].c.foundation, f->a->remotes[k].c.foundation);
    far_free(f);
}
END_TEST

START_TEST(candidates_of_forged_addresses_are_bounded)
{
    far *f = fresh();
    f->a->cfg.max_pairs = 1000;
    for (int i = 0; i < 150; i++) {
        char addr[32];
        (void)snprintf(addr, sizeof addr, "203.0.113.50:%d", 7000 + i);
        size_t mark = far_request(f, (far_req){.from = addr});
        ck_assert_uint_eq(far_count(f, mark, IT_STUN_SUCCESS), 1); /* answered all the same */
    }
    ck_assert_uint_eq(f->a->n_remotes, IT_ICE_REMOTES_MAX);
    /* and leave the room of signalled ones alone */
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    ck_assert_ptr_nonnull(remote(f, FAR_ADDR));
    far_free(f);
}
END_TEST

START_TEST(a_learned_candidate_that_is_signalled_later_takes_what_was_signalled)
{
    far *f = fresh();
    (void)far_request(f, (far_req){.from = UNKNOWN, .priority = 1234567});
    uint32_t id = f->a->streams[0].pairs[0]->id;
    it_ice_cand c = far_cand(IT_ICE_SRFLX, 1, UNKNOWN, 65535, "s1");
    far_add(f, 0, c);
    ck_assert_uint_eq(f->a->n_remotes, 1);
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 1);
    const it_ice_pair *p = f->a->streams[0].pairs[0];
    ck_assert_uint_eq(p->id, id);
    ck_assert_uint_ne(p->queued, 0); /* still about to be checked */
    ck_assert_int_eq(p->remote.kind, IT_ICE_SRFLX);
    ck_assert_str_eq(p->remote.foundation, "s1");
    ck_assert_uint_eq(p->prio, it_ice_pair_prio(false, p->local.priority, c.priority));
    ck_assert(remote(f, UNKNOWN)->signalled);
    far_free(f);
}
END_TEST

START_TEST(adoption_reorders_the_checklist_even_to_a_lower_priority)
{
    far *f = fresh();
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 65535, "1"));
    (void)far_request(f, (far_req){.from = UNKNOWN, .priority = INT32_MAX});
    ck_assert(it_addr_eq(f->a->streams[0].pairs[0]->remote.addr, net_addr(UNKNOWN)));
    far_add(f, 0, far_cand(IT_ICE_RELAY, 1, UNKNOWN, 0, "2"));
    ck_assert(it_addr_eq(f->a->streams[0].pairs[0]->remote.addr, net_addr(FAR_ADDR)));
    far_free(f);
}
END_TEST

/* --- 6.1.2.4 --- */

START_TEST(of_two_candidates_with_one_address_the_higher_priority_stays)
{
    far *f = fresh();
    it_ice_cand high = far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "h"),
                low = far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 65535, "s");
    far_add(f, 0, _i ? high : low);
    far_add(f, 0, _i ? low : high);
    ck_assert_uint_eq(f->a->n_remotes, 1);
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 1);
    ck_assert_str_eq(f->a->remotes[0].c.foundation, "h");
    ck_assert_str_eq(f->a->streams[0].pairs[0]->remote.foundation, "h");
    ck_assert_uint_eq(f->a->streams[0].pairs[0]->remote.priority, high.priority);
    far_free(f);
}
END_TEST

START_TEST(one_address_in_two_components_or_streams_is_two_candidates)
{
    far *f = far_new(true, 2, 2, NULL);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, FAR_ADDR, 65535, "1"));
    far_add(f, 1, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    ck_assert_uint_eq(f->a->n_remotes, 3);
    far_free(f);
}
END_TEST

START_TEST(what_cannot_be_is_refused_or_left_out)
{
    far *f = fresh();
    it_ice_cand c = far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1");
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, 1, &c), IT_ERR_RANGE);
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, -1, &c), IT_ERR_RANGE);
    c.component = 2; /* 6.1.2.2: a component that only the far side has */
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, 0, &c), 0);
    c.component = 0;
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, 0, &c), 0);
    ck_assert_uint_eq(f->a->n_remotes, 0);
    far_free(f);
}
END_TEST

/* RFC 8445 section 5.1.1.1, RFC 8839 sections 4.2.5 and 5.1: ignored, and nothing fails. */
START_TEST(a_candidate_that_cannot_be_reached_is_ignored_and_never_checked)
{
    static const char *const ADDRS[] = {"127.0.0.1:6000", "224.0.0.1:6000", "0.0.0.0:9", "255.255.255.255:6000",
                                        "203.0.113.7:0"};
    far *f = fresh();
    for (size_t i = 0; i < sizeof ADDRS / sizeof ADDRS[0]; i++)
        far_add(f, 0, far_cand(IT_ICE_HOST, 1, ADDRS[i], 65535, "1"));
    ck_assert_uint_eq(f->a->n_remotes, 0);
    far_after(f, 5 * IT_SEC);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 0);
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER) + far_events(f, IT_ICE_FAILED), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_connect(f);
    far_free(f);
}
END_TEST

/* RFC 768: a source port of 0 wants no answer; nor can one be checked. */
START_TEST(a_check_from_port_0_is_no_check)
{
    far *f = fresh();
    size_t mark = far_request(f, (far_req){.from = "203.0.113.50:0"});
    ck_assert_uint_eq(f->n_out, mark);
    ck_assert_uint_eq(f->a->n_remotes, 0);
    far_free(f);
}
END_TEST

START_TEST(more_than_a_hundred_are_refused)
{
    far *f = fresh();
    it_ice_cand c = far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1");
    for (int i = 0; i < 100; i++) {
        c.addr.port = (uint16_t)(6000 + i);
        far_add(f, 0, c);
    }
    c.addr.port = 6100;
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, 0, &c), IT_ERR_FULL);
    c.addr.port = 6000; /* one that is known is no more */
    ck_assert_int_eq(it_ice_add_remote(f->a, 0, 0, &c), 0);
    ck_assert_uint_eq(f->a->n_remotes, 100);
    far_free(f);
}
END_TEST

/* --- RFC 8838 14 --- */

START_TEST(after_the_end_of_candidates_a_new_one_is_ignored_and_blamed)
{
    far *f = far_usual(false);
    it_ice_remote_done(f->a, f->now);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1")); /* the same again is no new one */
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, UNKNOWN, 65535, "2"));
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER), 1);
    ck_assert_ptr_nonnull(strstr(far_event(f, IT_ICE_PEER)->why, "RFC 8838"));
    ck_assert_ptr_null(remote(f, UNKNOWN));
    ck_assert_uint_eq(far_pairs(f), 1);
    far_free(f);
}
END_TEST

START_TEST(after_the_end_of_candidates_checks_still_teach_peer_reflexive_ones)
{
    far *f = far_usual(false);
    it_ice_remote_done(f->a, f->now);
    (void)far_request(f, (far_req){.from = UNKNOWN});
    ck_assert_ptr_nonnull(remote(f, UNKNOWN));
    ck_assert_uint_eq(far_pairs(f), 2);
    far_free(f);
}
END_TEST

START_TEST(a_restart_takes_candidates_again)
{
    far *f = far_usual(false);
    it_ice_remote_done(f->a, f->now);
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", "anotherPasswordOf22Chars"), 0);
    ck_assert_uint_eq(f->a->n_remotes, 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, UNKNOWN, 65535, "1"));
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER), 0);
    ck_assert_uint_eq(far_pairs(f), 1);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("RFC 8445 7.3.1.3");
    tcase_add_test(t, a_check_from_an_unknown_address_makes_a_peer_reflexive_candidate);
    tcase_add_test(t, a_check_from_a_known_address_makes_none);
    tcase_add_test(t, its_foundation_is_that_of_no_other_candidate);
    tcase_add_test(t, candidates_of_forged_addresses_are_bounded);
    tcase_add_test(t, a_learned_candidate_that_is_signalled_later_takes_what_was_signalled);
    tcase_add_test(t, adoption_reorders_the_checklist_even_to_a_lower_priority);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.2.2 and 6.1.2.4");
    tcase_add_loop_test(t, of_two_candidates_with_one_address_the_higher_priority_stays, 0, 2);
    tcase_add_test(t, one_address_in_two_components_or_streams_is_two_candidates);
    tcase_add_test(t, what_cannot_be_is_refused_or_left_out);
    tcase_add_test(t, a_candidate_that_cannot_be_reached_is_ignored_and_never_checked);
    tcase_add_test(t, a_check_from_port_0_is_no_check);
    tcase_add_test(t, more_than_a_hundred_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8838 14");
    tcase_add_test(t, after_the_end_of_candidates_a_new_one_is_ignored_and_blamed);
    tcase_add_test(t, after_the_end_of_candidates_checks_still_teach_peer_reflexive_ones);
    tcase_add_test(t, a_restart_takes_candidates_again);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/remote", add)
