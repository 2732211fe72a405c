/* Checks that come in: RFC 8445 section 7.3. */
#include "tests/stack/ice/far.h"

static int error_of(const far *f, size_t i)
{
    it_stun_msg m;
    int code = 0;
    it_bytes reason;
    far_parse(f, i, &m);
    if (m.cls != IT_STUN_ERROR)
        return 0;
    ck_assert_int_eq(it_stun_get_error(&m, &code, &reason), 0);
    return code;
}

START_TEST(a_proper_check_is_answered_at_once_with_mapped_address_integrity_and_fingerprint)
{
    far *f = far_usual(true);
    it_stun_msg m;
    it_addr mapped;
    it_hmac_key key;
    uint16_t which = 0;
    size_t i = far_request(f, (far_req){.sha256 = _i == 1});
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_SUCCESS);
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    ck_assert(it_addr_eq(mapped, net_addr(FAR_ADDR)));
    it_stun_key_short(&key, it_bytes_str(it_ice_pwd(f->a)));
    ck_assert_int_eq(it_stun_check(&m, &key, &which), 0);
    ck_assert_int_eq(which, _i == 1 ? IT_STUN_MESSAGE_INTEGRITY_SHA256 : IT_STUN_MESSAGE_INTEGRITY);
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_FINGERPRINT));
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USERNAME)); /* RFC 8489 section 9.1.3 */
    ck_assert(it_addr_eq(f->out[i].remote, net_addr(FAR_ADDR)));
    ck_assert(it_addr_eq(f->out[i].local, net_addr(OWN_ADDR)));
    far_free(f);
}
END_TEST

static const struct {
    far_req q;
    int code;
} REFUSED[] = {
    {{.no_user = true}, 400},
    {{.no_integrity = true}, 400},
    {{.user = "nobody:farU"}, 401},
    {{.user = "nocolon"}, 401},
    {{.pwd = "wrongPasswordOf22Chars"}, 401},
    {{.no_priority = true}, 400},
    {{.priority = 0xffffffffu}, 400},
    {{.extra = 0x7abc}, 420},
};

START_TEST(a_bad_check_is_refused_and_changes_nothing)
{
    far *f = far_usual(true);
    char *before = far_dump(f);
    far_req q = REFUSED[_i].q;
    q.from = "203.0.113.99:1";
    size_t i = far_request(f, q);
    ck_assert_int_eq(error_of(f, i), REFUSED[_i].code);
    char *after = far_dump(f);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    far_free(f);
}
END_TEST

/* What a refusal says besides its code: RFC 8489 sections 6.3.1, 9.1.3, 14.9. */
START_TEST(a_refusal_has_the_attributes_of_its_code)
{
    far *f = far_usual(true);
    it_stun_msg m;
    it_hmac_key key;
    uint16_t types[8];
    size_t i = far_request(f, REFUSED[_i].q);
    int code = REFUSED[_i].code;
    bool proved = code == 420 || REFUSED[_i].q.no_priority || REFUSED[_i].q.priority;
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_ERROR);
    ck_assert_ptr_nonnull(it_stun_get(&m, IT_STUN_FINGERPRINT));
    ck_assert_int_eq(it_stun_get(&m, IT_STUN_MESSAGE_INTEGRITY) != NULL, proved);
    it_stun_key_short(&key, it_bytes_str(it_ice_pwd(f->a)));
    if (proved)
        ck_assert_int_eq(it_stun_check(&m, &key, NULL), 0);
    ck_assert_int_eq(it_stun_get(&m, IT_STUN_UNKNOWN_ATTRIBUTES) != NULL, code == 420);
    if (code == 420) {
        ck_assert_int_eq(it_stun_get_types(&m, IT_STUN_UNKNOWN_ATTRIBUTES, types, 8), 1);
        ck_assert_uint_eq(types[0], 0x7abc);
    }
    far_free(f);
}
END_TEST

/* RFC 8489 section 6.3: ignored. */
START_TEST(a_check_with_a_known_attribute_that_nobody_expects_is_a_check)
{
    static const uint16_t EXTRA[] = {IT_STUN_REALM, IT_STUN_NONCE, IT_STUN_UNKNOWN_ATTRIBUTES,
                                     IT_STUN_PASSWORD_ALGORITHM};
    far *f = far_usual(true);
    size_t i = far_request(f, (far_req){.extra = EXTRA[_i]});
    ck_assert_uint_eq(far_count(f, i, IT_STUN_SUCCESS), 1);
    far_free(f);
}
END_TEST

START_TEST(a_check_without_fingerprint_is_ignored)
{
    far *f = far_usual(true);
    size_t i = far_request(f, (far_req){.no_fingerprint = true});
    ck_assert_uint_eq(f->n_out, i);
    far_free(f);
}
END_TEST

START_TEST(the_far_fragment_need_not_be_known)
{
    far *f = far_usual(true);
    size_t i = far_request(f, (far_req){.ufrag = "other", .from = "203.0.113.99:1"});
    ck_assert_int_eq(error_of(f, i), 0);
    ck_assert_uint_eq(far_pairs(f), 1); /* but nothing is learned from it */
    far_free(f);
}
END_TEST

/* --- section 7.3.1.1: role conflicts --- */

static const struct {
    bool controlling;
    int64_t theirs; /* relative to our tie-breaker */
    bool refused, switches;
} CONFLICTS[] = {
    {true, -1, true, false},  {true, 0, true, false},  {true, 1, false, true},
    {false, -1, false, true}, {false, 0, false, true}, {false, 1, true, false},
};

START_TEST(a_role_conflict_is_settled_by_the_tiebreakers)
{
    far *f = far_usual(CONFLICTS[_i].controlling);
    uint64_t tie = it_ice_tiebreaker(f->a);
    size_t i = far_request(f, (far_req){.same_role = true, .tie = tie + (uint64_t)CONFLICTS[_i].theirs});
    ck_assert_int_eq(error_of(f, i), CONFLICTS[_i].refused ? 487 : 0);
    ck_assert_int_eq(it_ice_controlling(f->a) != CONFLICTS[_i].controlling, CONFLICTS[_i].switches);
    ck_assert_uint_eq(far_events(f, IT_ICE_ROLE), CONFLICTS[_i].switches);
    ck_assert_uint_eq(it_ice_tiebreaker(f->a), tie); /* only a 487 that comes in changes it */
    far_free(f);
}
END_TEST

START_TEST(without_a_role_attribute_there_is_no_conflict)
{
    far *f = far_usual(true);
    ck_assert_int_eq(error_of(f, far_request(f, (far_req){.no_role = true})), 0);
    far_free(f);
}
END_TEST

START_TEST(a_role_switch_recomputes_pair_priorities)
{
    far *f = far_new(true, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 1, "1"));
    uint64_t before = f->a->streams[0].pairs[0]->prio;
    (void)far_request(f, (far_req){.same_role = true, .tie = UINT64_MAX});
    ck_assert(!it_ice_controlling(f->a));
    ck_assert_uint_eq(before - f->a->streams[0].pairs[0]->prio, 1); /* G > D no longer holds */
    far_free(f);
}
END_TEST

/* --- sections 7.3.1.3, 7.3.1.4 --- */

START_TEST(an_unknown_source_becomes_a_peer_reflexive_candidate_with_the_priority_of_the_check)
{
    far *f = far_usual(true);
    uint32_t prio = it_ice_priority(IT_ICE_PRFLX, 4711, 1);
    (void)far_request(f, (far_req){.from = "203.0.113.99:99", .priority = prio});
    const it_ice_remote *r = it_ice_remote_find(f->a, 0, 1, false, net_addr("203.0.113.99:99"));
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(r->c.kind, IT_ICE_PRFLX);
    ck_assert_uint_eq(r->c.priority, prio);
    ck_assert_str_ne(r->c.foundation, "1");
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> prflx 203.0.113.99:99 triggered");
    far_free(f);
}
END_TEST

START_TEST(a_triggered_check_goes_before_ordinary_ones)
{
    far *f = far_usual(true);
    it_stun_msg m;
    (void)far_request(f, (far_req){.from = "203.0.113.99:99", .priority = 1});
    f->read = f->n_out;
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, &m));
    ck_assert(it_addr_eq(f->out[f->read - 1].remote, net_addr("203.0.113.99:99")));
    far_free(f);
}
END_TEST

START_TEST(a_check_of_a_pair_in_progress_cancels_and_repeats_it_and_old_answers_still_count)
{
    far *f = far_usual(true);
    it_stun_msg m, m2;
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, &m));
    size_t first = f->read - 1;
    (void)far_request(f, (far_req){0});
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> host 203.0.113.7:6000 triggered");
    far_after(f, 60 * IT_MS);
    ck_assert(far_next_request(f, &f->read, &m2));
    ck_assert(memcmp(m.txid, m2.txid, IT_STUN_TXID) != 0);
    far_after(f, 10 * IT_SEC); /* the cancelled one is never sent again */
    size_t again = 0;
    for (size_t i = first + 1; i < f->n_out; i++) {
        it_stun_msg x;
        far_parse(f, i, &x);
        again += memcmp(x.txid, m.txid, IT_STUN_TXID) == 0;
    }
    ck_assert_uint_eq(again, 0);
    far_answer(f, first, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 1);
    far_free(f);
}
END_TEST

START_TEST(a_flood_of_checks_triggers_one_check_per_ta)
{
    far *f = far_usual(true);
    far_after(f, 0);
    size_t mark = f->n_out;
    for (int i = 0; i < 200; i++) {
        (void)far_request(f, (far_req){0});
        far_after(f, 1 * IT_MS);
    }
    ck_assert_uint_le(far_count(f, mark, IT_STUN_REQUEST), 5);
    ck_assert_uint_eq(far_count(f, mark, IT_STUN_SUCCESS), 200);
    far_free(f);
}
END_TEST

START_TEST(a_check_of_a_succeeded_pair_triggers_nothing)
{
    far *f = far_usual(false);
    it_stun_msg m;
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, &m));
    far_answer(f, f->read - 1, (far_ans){0});
    (void)far_request(f, (far_req){0});
    far_after(f, 1 * IT_SEC);
    ck_assert(!far_next_request(f, &f->read, &m));
    far_free(f);
}
END_TEST

START_TEST(a_failed_pair_is_revived_by_a_check)
{
    far *f = far_usual(true);
    it_stun_msg m;
    far_until(f, 45 * IT_SEC);
    far_has(f, "0.1 failed");
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    (void)far_request(f, (far_req){0});
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> host 203.0.113.7:6000 triggered");
    f->read = f->n_out;
    far_after(f, 0);
    ck_assert(far_next_request(f, &f->read, &m));
    far_answer(f, f->read - 1, (far_ans){0});
    far_connect(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 1);
    far_free(f);
}
END_TEST

/* --- section 7.3: early checks --- */

START_TEST(a_check_before_the_credentials_is_answered_remembered_and_triggers_later)
{
    far *f = far_new(false, 1, 1, NULL);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    size_t i = far_request(f, (far_req){.use = true});
    (void)far_request(f, (far_req){.ufrag = "stranger", .from = "203.0.113.66:66"});
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_SUCCESS);
    far_after(f, 1 * IT_SEC);
    ck_assert_uint_eq(far_pairs(f), 0);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 0);
    far_creds(f);
    ck_assert_uint_eq(far_pairs(f), 1);
    far_has(f, "0.1 waiting host 198.51.100.7:5000 -> prflx 203.0.113.7:6000 triggered");
    far_after(f, 0);
    f->read = 0;
    ck_assert(far_next_request(f, &f->read, &m));
    far_answer(f, f->read - 1, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1); /* the nomination was remembered too */
    far_free(f);
}
END_TEST

START_TEST(the_signalled_candidate_takes_over_the_peer_reflexive_one)
{
    far *f = far_usual(true);
    (void)far_request(f, (far_req){.from = "203.0.113.99:99"});
    it_ice_cand c = far_cand(IT_ICE_SRFLX, 1, "203.0.113.99:99", 65535, "9");
    far_add(f, 0, c);
    ck_assert_uint_eq(far_pairs(f), 2);
    const it_ice_pair *p = it_ice_pair_find(&f->a->streams[0], 0, 1, c.addr);
    ck_assert_int_eq(p->remote.kind, IT_ICE_SRFLX);
    ck_assert_str_eq(p->remote.foundation, "9");
    ck_assert_uint_eq(p->prio, it_ice_pair_prio(true, p->local.priority, c.priority));
    far_free(f);
}
END_TEST

START_TEST(use_candidate_of_the_controlled_side_is_blamed_and_ignored)
{
    far *f = far_usual(true);
    (void)far_request(f, (far_req){.use = true});
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0);
    far_free(f);
}
END_TEST

START_TEST(an_indication_is_taken_in_silence)
{
    far *f = far_usual(true);
    uint8_t buf[64];
    it_buf b;
    static const uint8_t txid[IT_STUN_TXID] = {1};
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_BINDING, txid);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = net_addr(OWN_ADDR),
                .remote = net_addr(FAR_ADDR),
                .data = {buf, (size_t)n}};
    size_t mark = f->n_out;
    ck_assert_int_eq(it_ice_input(f->a, 0, &in), n);
    far_pump(f);
    ck_assert_uint_eq(f->n_out, mark);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("7.3 authentication");
    tcase_add_loop_test(t, a_proper_check_is_answered_at_once_with_mapped_address_integrity_and_fingerprint, 0, 2);
    tcase_add_loop_test(t, a_bad_check_is_refused_and_changes_nothing, 0, (int)(sizeof REFUSED / sizeof REFUSED[0]));
    tcase_add_loop_test(t, a_refusal_has_the_attributes_of_its_code, 0, (int)(sizeof REFUSED / sizeof REFUSED[0]));
    tcase_add_test(t, a_check_without_fingerprint_is_ignored);
    tcase_add_loop_test(t, a_check_with_a_known_attribute_that_nobody_expects_is_a_check, 0, 4);
    tcase_add_test(t, the_far_fragment_need_not_be_known);
    tcase_add_test(t, an_indication_is_taken_in_silence);
    suite_add_tcase(s, t);
    t = tcase_create("7.3.1.1");
    tcase_add_loop_test(t, a_role_conflict_is_settled_by_the_tiebreakers, 0,
                        (int)(sizeof CONFLICTS / sizeof CONFLICTS[0]));
    tcase_add_test(t, without_a_role_attribute_there_is_no_conflict);
    tcase_add_test(t, a_role_switch_recomputes_pair_priorities);
    suite_add_tcase(s, t);
    t = tcase_create("7.3.1.3 and 7.3.1.4");
    tcase_add_test(t, an_unknown_source_becomes_a_peer_reflexive_candidate_with_the_priority_of_the_check);
    tcase_add_test(t, a_triggered_check_goes_before_ordinary_ones);
    tcase_add_test(t, a_check_of_a_pair_in_progress_cancels_and_repeats_it_and_old_answers_still_count);
    tcase_add_test(t, a_flood_of_checks_triggers_one_check_per_ta);
    tcase_add_test(t, a_check_of_a_succeeded_pair_triggers_nothing);
    tcase_add_test(t, a_failed_pair_is_revived_by_a_check);
    tcase_add_test(t, the_signalled_candidate_takes_over_the_peer_reflexive_one);
    tcase_add_test(t, use_candidate_of_the_controlled_side_is_blamed_and_ignored);
    suite_add_tcase(s, t);
    t = tcase_create("7.3 early checks");
    tcase_add_test(t, a_check_before_the_credentials_is_answered_remembered_and_triggers_later);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/server", add)
