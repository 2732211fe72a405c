/* Checks that go out and their responses: RFC 8445 sections 7.1, 7.2, 14.3. */
#include "tests/stack/ice/far.h"

/* The first request of |f| from now on; fails when there is none. Returns its index. */
static size_t next(far *f, it_stun_msg *m)
{
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, m));
    return f->read - 1;
}

START_TEST(a_check_carries_what_sections_7_1_and_7_2_2_ask_for)
{
    bool controlling = _i == 1;
    far *f = far_usual(controlling);
    it_stun_msg m;
    uint32_t prio;
    uint64_t tie;
    it_hmac_key key;
    char user[64];
    size_t i = next(f, &m);
    (void)snprintf(user, sizeof user, "%s:%s", FAR_UFRAG, it_ice_ufrag(f->a));
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_USERNAME)->value, it_bytes_str(user)));
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_PRIORITY, &prio), 0);
    ck_assert_uint_eq(prio, 110u << 24 | 65535u << 8 | 255u);
    ck_assert_int_eq(it_stun_get_u64(&m, controlling ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED, &tie), 0);
    ck_assert_uint_eq(tie, it_ice_tiebreaker(f->a));
    ck_assert_ptr_null(it_stun_get(&m, controlling ? IT_STUN_ICE_CONTROLLED : IT_STUN_ICE_CONTROLLING));
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_FINGERPRINT));
    it_stun_key_short(&key, it_bytes_str(FAR_PWD));
    ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    ck_assert(it_addr_eq(f->out[i].remote, net_addr(FAR_ADDR)));
    ck_assert(it_addr_eq(f->out[i].local, net_addr(OWN_ADDR)));
    far_free(f);
}
END_TEST

START_TEST(a_success_with_the_base_mapped_makes_the_pair_itself_valid)
{
    far *f = far_usual(false);
    it_stun_msg m;
    size_t i = next(f, &m);
    f->now += 30 * IT_MS;
    far_answer(f, i, (far_ans){0});
    const it_ice_event *ev = far_event(f, IT_ICE_VALID);
    ck_assert_int_eq(ev->pair.local.kind, IT_ICE_HOST);
    ck_assert_int_eq(ev->pair.rtt, 30 * IT_MS);
    far_has(f, "0.1 succeeded host 198.51.100.7:5000 -> host 203.0.113.7:6000 valid as host 198.51.100.7:5000");
    far_free(f);
}
END_TEST

START_TEST(a_success_with_an_unknown_mapped_address_makes_a_peer_reflexive_local_candidate)
{
    far *f = far_usual(false);
    it_stun_msg m;
    size_t i = next(f, &m);
    far_answer(f, i, (far_ans){.mapped = "192.0.2.77:777"});
    const it_ice_event *ev = far_event(f, IT_ICE_VALID);
    ck_assert_int_eq(ev->pair.local.kind, IT_ICE_PRFLX);
    ck_assert(it_addr_eq(ev->pair.local.addr, net_addr("192.0.2.77:777")));
    ck_assert(it_addr_eq(ev->pair.local.base, net_addr(OWN_ADDR)));
    uint32_t prio;
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_PRIORITY, &prio), 0);
    ck_assert_uint_eq(ev->pair.local.priority, prio);
    far_free(f);
}
END_TEST

START_TEST(a_mapped_address_of_another_base_makes_that_bases_pair_valid)
{
    far *f = far_new(true, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5001");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    size_t i = next(f, &m);
    ck_assert_uint_eq(f->out[i].flow, 0);
    far_answer(f, i, (far_ans){.mapped = "198.51.100.8:5001"});
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> host 203.0.113.7:6000 triggered nominating\n"); /* not in the
                                                                                                         valid list */
    far_has(f, "0.1 succeeded host 198.51.100.8:5001 -> host 203.0.113.7:6000 valid");
    /* its nomination repeats the check that produced it: section 8.1.1 */
    far_after(f, 2 * IT_SEC);
    ck_assert(far_next_request(f, &f->read, &m));
    ck_assert_uint_eq(f->out[f->read - 1].flow, 0);
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
    far_answer(f, f->read - 1, (far_ans){.mapped = "198.51.100.8:5001"});
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.local.addr, net_addr("198.51.100.8:5001")));
    far_free(f);
}
END_TEST

static const far_ans ASYMMETRIC[] = {
    {.from = "203.0.113.7:6001"},
    {.from = "203.0.113.8:6000"},
    {.flow = 2},
};

START_TEST(a_response_from_or_to_elsewhere_fails_the_pair)
{
    far *f = far_new(false, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5001");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    size_t i = next(f, &m);
    ck_assert_uint_eq(f->out[i].flow, 0);
    far_answer(f, i, ASYMMETRIC[_i]);
    far_has(f, "0.1 failed host 198.51.100.7:5000");
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 0);
    far_free(f);
}
END_TEST

/* Section 7.2.5.2.2. */
START_TEST(a_host_that_says_it_does_not_listen_fails_the_pair)
{
    far *f = far_new(false, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    size_t i = next(f, &m);
    it_ip other = it_ip4(0xcb007109);
    far_icmp(f, i, 3, 3, other, 100); /* a box on the way */
    far_icmp(f, i, 3, 1, f->out[i].remote.ip, 100);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_has(f, "0.1 in-progress host " OWN_ADDR);
    far_icmp(f, i, 3, 3, f->out[i].remote.ip, 100);
    far_has(f, "0.1 failed host " OWN_ADDR);
    far_free(f);
}
END_TEST

/* The NAT before the far side refuses what the far side has not asked for yet: the check is sent again. */
START_TEST(an_error_about_a_reflexive_candidate_fails_nothing)
{
    far *f = far_new(false, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 65535, "1"));
    size_t i = next(f, &m), sent = f->n_out;
    far_icmp(f, i, 3, 3, f->out[i].remote.ip, 100);
    far_has(f, "0.1 in-progress host " OWN_ADDR);
    far_after(f, IT_SEC);
    ck_assert_uint_gt(f->n_out, sent);
    far_free(f);
}
END_TEST

static const far_ans UNPROVEN[] = {
    {.no_integrity = true},
    {.pwd = "wrongPasswordOf22Chars"},
    {.no_fingerprint = true},
    {.code = 487, .no_integrity = true},
    {.code = 401, .no_integrity = true},
    {.sha256 = true}, /* RFC 8489 section 9.1.4: another algorithm than the request's */
};

START_TEST(a_response_without_right_integrity_is_as_if_it_never_came)
{
    far *f = far_usual(true);
    it_stun_msg m;
    size_t i = next(f, &m);
    far_answer(f, i, UNPROVEN[_i]);
    far_has(f, "0.1 in-progress");
    ck_assert(it_ice_controlling(f->a));
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 0);
    far_answer(f, i, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 1);
    far_free(f);
}
END_TEST

/* RFC 8489 section 6.3: ignored. */
START_TEST(a_response_with_a_known_attribute_that_nobody_expects_is_usable)
{
    static const uint16_t EXTRA[] = {IT_STUN_REALM, IT_STUN_NONCE, IT_STUN_PASSWORD_ALGORITHM};
    far *f = far_usual(false);
    it_stun_msg m;
    far_answer(f, next(f, &m), (far_ans){.extra = EXTRA[_i]});
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 1);
    far_free(f);
}
END_TEST

static const far_ans FATAL[] = {{.code = 400}, {.code = 500}, {.code = 420}, {.no_mapped = true}, {.extra = 0x7abc}};

START_TEST(an_unusable_response_fails_the_pair)
{
    far *f = far_usual(false);
    it_stun_msg m;
    size_t i = next(f, &m);
    far_answer(f, i, FATAL[_i]);
    far_has(f, "0.1 failed");
    far_after(f, 60 * IT_SEC);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 1);
    far_free(f);
}
END_TEST

START_TEST(a_487_switches_the_role_changes_the_tiebreaker_and_repeats_the_check)
{
    bool controlling = _i == 1;
    far *f = far_usual(controlling);
    it_stun_msg m;
    uint64_t tie = it_ice_tiebreaker(f->a), told;
    size_t i = next(f, &m);
    far_answer(f, i, (far_ans){.code = 487});
    ck_assert(it_ice_controlling(f->a) != controlling);
    ck_assert(it_ice_tiebreaker(f->a) != tie);
    ck_assert_uint_eq(far_events(f, IT_ICE_ROLE), 1);
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> host 203.0.113.7:6000 triggered");
    far_after(f, 60 * IT_MS);
    ck_assert(far_next_request(f, &f->read, &m));
    ck_assert_int_eq(it_stun_get_u64(&m, controlling ? IT_STUN_ICE_CONTROLLED : IT_STUN_ICE_CONTROLLING, &told), 0);
    ck_assert_uint_eq(told, it_ice_tiebreaker(f->a));
    far_free(f);
}
END_TEST

/* RFC 8489 section 6.3.4: it has failed, whatever its code. */
START_TEST(a_487_that_is_not_understood_fails_the_pair)
{
    far *f = far_usual(true);
    it_stun_msg m;
    size_t i = next(f, &m);
    far_answer(f, i, (far_ans){.code = 487, .extra = 0x7777});
    ck_assert(it_ice_controlling(f->a));
    far_has(f, "0.1 failed host 198.51.100.7:5000 -> host 203.0.113.7:6000");
    far_free(f);
}
END_TEST

START_TEST(a_late_487_to_an_older_role_changes_nothing)
{
    far *f = far_usual(true);
    it_stun_msg m;
    size_t i = next(f, &m);
    (void)far_request(f, (far_req){.same_role = true, .tie = UINT64_MAX}); /* we yield: controlled now */
    uint64_t tie = it_ice_tiebreaker(f->a);
    far_answer(f, i, (far_ans){.code = 487});
    ck_assert(!it_ice_controlling(f->a));
    ck_assert_uint_eq(it_ice_tiebreaker(f->a), tie);
    far_free(f);
}
END_TEST

START_TEST(an_unanswered_check_is_sent_seven_times_and_fails_after_39500_ms)
{
    static const int at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    far *f = far_usual(false);
    far_until(f, 39499 * IT_MS);
    ck_assert_uint_eq(f->n_out, 7);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(f->out[i].at, at[i] * IT_MS);
    far_has(f, "0.1 in-progress");
    far_until(f, 39500 * IT_MS);
    far_has(f, "0.1 failed");
    far_free(f);
}
END_TEST

START_TEST(a_failed_check_does_not_touch_others_of_its_foundation)
{
    far *f = far_new(false, 1, 2, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 2, 1, "198.51.100.7:5001");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, "203.0.113.7:6001", 65535, "1"));
    far_answer(f, next(f, &m), (far_ans){.code = 500});
    far_has(f, "0.2 frozen");
    far_free(f);
}
END_TEST

START_TEST(rto_grows_with_the_checks_to_do_from_500_ms_to_1_s_or_a_ta_for_each)
{
    /* n pairs, each with a foundation of its own: the first check is sent with n to do and n Waiting. */
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    for (int i = 0; i < _i; i++) {
        char addr[32], found[16];
        (void)snprintf(addr, sizeof addr, "203.0.113.7:%d", 6000 + i);
        (void)snprintf(found, sizeof found, "f%d", i);
        far_add(f, 0, far_cand(IT_ICE_HOST, 1, addr, (uint16_t)(65535 - i), found));
    }
    far_after(f, 0);
    far_until(f, 60 * IT_SEC);
    it_time second = 0;
    for (size_t i = 1; i < f->n_out && !second; i++)
        if (it_addr_eq(f->out[i].remote, f->out[0].remote))
            second = f->out[i].at;
    it_time want = 50 * IT_MS * _i * _i, most = _i > 20 ? 50 * IT_MS * _i : IT_SEC;
    want = want > most ? most : want;
    ck_assert_int_eq(second, want < 500 * IT_MS ? 500 * IT_MS : want);
    far_free(f);
}
END_TEST

START_TEST(a_retransmitted_request_gives_no_round_trip_time)
{
    far *f = far_usual(false);
    it_stun_msg m;
    size_t i = next(f, &m);
    far_until(f, 700 * IT_MS);
    far_answer(f, i, (far_ans){0});
    ck_assert_int_eq(far_event(f, IT_ICE_VALID)->pair.rtt, 0);
    far_free(f);
}
END_TEST

#define N(x) ((int)(sizeof(x) / sizeof(x)[0]))
static void add(Suite *s)
{
    TCase *t = tcase_create("7.1 and 7.2.2");
    tcase_add_loop_test(t, a_check_carries_what_sections_7_1_and_7_2_2_ask_for, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.1");
    tcase_add_loop_test(t, a_487_switches_the_role_changes_the_tiebreaker_and_repeats_the_check, 0, 2);
    tcase_add_test(t, a_487_that_is_not_understood_fails_the_pair);
    tcase_add_test(t, a_late_487_to_an_older_role_changes_nothing);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.2");
    tcase_add_loop_test(t, a_response_from_or_to_elsewhere_fails_the_pair, 0, N(ASYMMETRIC));
    tcase_add_test(t, a_host_that_says_it_does_not_listen_fails_the_pair);
    tcase_add_test(t, an_error_about_a_reflexive_candidate_fails_nothing);
    tcase_add_loop_test(t, a_response_without_right_integrity_is_as_if_it_never_came, 0, N(UNPROVEN));
    tcase_add_loop_test(t, an_unusable_response_fails_the_pair, 0, N(FATAL));
    tcase_add_loop_test(t, a_response_with_a_known_attribute_that_nobody_expects_is_usable, 0, 3);
    tcase_add_test(t, an_unanswered_check_is_sent_seven_times_and_fails_after_39500_ms);
    tcase_add_test(t, a_failed_check_does_not_touch_others_of_its_foundation);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.3");
    tcase_add_test(t, a_success_with_the_base_mapped_makes_the_pair_itself_valid);
    tcase_add_test(t, a_success_with_an_unknown_mapped_address_makes_a_peer_reflexive_local_candidate);
    tcase_add_test(t, a_mapped_address_of_another_base_makes_that_bases_pair_valid);
    tcase_add_test(t, a_retransmitted_request_gives_no_round_trip_time);
    suite_add_tcase(s, t);
    t = tcase_create("14.3");
    tcase_add_loop_test(t, rto_grows_with_the_checks_to_do_from_500_ms_to_1_s_or_a_ta_for_each, 1, 24);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/check", add)
