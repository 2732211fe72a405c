/* Consent and keepalives: RFC 7675, RFC 8445 section 11. */
#include "tests/stack/ice/far.h"

static void no_consent(it_ice_cfg *c, int i)
{
    (void)i;
    c->consent_interval = 0;
}

static far *connected(bool controlling)
{
    far *f = far_usual(controlling);
    far_connect(f);
    f->read = f->n_out;
    return f;
}

START_TEST(consent_is_asked_every_4_to_6_s_by_new_transactions_sent_once)
{
    far *f = connected(_i == 1);
    it_stun_msg m;
    it_time last = f->now, shortest = IT_NEVER, longest = 0;
    uint8_t before[IT_STUN_TXID] = {0};
    for (int k = 0; k < 100; k++) {
        (void)far_wait_request(f, &m);
        it_time gap = f->out[f->read - 1].at - last;
        last = f->out[f->read - 1].at;
        ck_assert(memcmp(before, m.txid, IT_STUN_TXID) != 0);
        memcpy(before, m.txid, IT_STUN_TXID);
        ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
        shortest = gap < shortest ? gap : shortest;
        longest = gap > longest ? gap : longest;
        far_answer(f, f->read - 1, (far_ans){0});
        ck_assert(!far_next_request(f, &f->read, &m));
    }
    ck_assert_int_ge(shortest, 4 * IT_SEC);
    ck_assert_int_le(longest, 6 * IT_SEC);
    ck_assert_int_gt(longest - shortest, 1 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    far_free(f);
}
END_TEST

START_TEST(consent_expires_30_s_after_the_last_valid_response_to_the_nanosecond)
{
    far *f = connected(true);
    it_ice_pair_view v;
    it_stun_msg m;
    (void)far_wait_request(f, &m);
    far_after(f, 123456789);
    far_answer(f, f->read - 1, (far_ans){0});
    it_time last = f->now;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert_int_eq(v.last_response, last);
    ck_assert_int_eq(v.rtt, 123456789);
    far_until(f, last + 30 * IT_SEC - 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    far_until(f, last + 30 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 1);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), IT_ERR_NOTFOUND);
    size_t mark = f->n_out;
    far_after(f, 100 * IT_SEC); /* the same credentials are not used there again */
    ck_assert_uint_eq(f->n_out, mark);
    far_free(f);
}
END_TEST

/* Answers that are no consent. */
static const far_ans VOID[] = {
    {.pwd = "wrongPasswordOf22Chars"},
    {.no_integrity = true},
    {.no_fingerprint = true},
    {.code = 400},
    {.code = 500},
    {.from = "203.0.113.9:9"},
    {.extra = 0x7abc}, /* RFC 8489 section 6.3.3 */
    {.sha256 = true},  /* section 9.1.4: another algorithm than the request's */
};

START_TEST(a_response_that_is_not_valid_does_not_refresh_consent)
{
    far *f = connected(true);
    it_stun_msg m;
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    it_time last = v.last_response;
    while (f->now < last + 29 * IT_SEC) {
        far_after(f, 100 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, VOID[_i]);
        (void)far_request(f, (far_req){0}); /* nor do checks that come in */
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    far_until(f, last + 30 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 1);
    far_free(f);
}
END_TEST

START_TEST(a_response_to_an_earlier_request_counts)
{
    far *f = connected(true);
    it_stun_msg m;
    it_ice_pair_view v;
    (void)far_wait_request(f, &m);
    size_t first = f->read - 1;
    it_time asked = f->now;
    far_after(f, 7 * IT_SEC);
    ck_assert(far_next_request(f, &f->read, &m));
    it_time second = f->out[f->read - 1].at;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert_int_eq(v.unanswered, asked);
    far_answer(f, first, (far_ans){0});
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert_int_eq(v.last_response, f->now);
    ck_assert_int_eq(v.unanswered, second);
    far_answer(f, f->read - 1, (far_ans){0});
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert_int_eq(v.unanswered, IT_NEVER);
    far_free(f);
}
END_TEST

START_TEST(a_response_after_expiry_does_not_revive_consent)
{
    far *f = connected(true);
    it_stun_msg m;
    it_ice_pair_view v;
    (void)far_wait_request(f, &m);
    far_after(f, 40 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 1);
    far_answer(f, f->read - 1, (far_ans){0});
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), IT_ERR_NOTFOUND);
    far_free(f);
}
END_TEST

START_TEST(a_403_or_a_close_revokes_at_once)
{
    far *f = connected(true);
    it_stun_msg m;
    it_ice_pair_view v;
    if (_i == 0) {
        (void)far_wait_request(f, &m);
        far_answer(f, f->read - 1, (far_ans){.code = 403});
    } else {
        it_ice_revoke(f->a, f->now);
        far_pump(f);
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 1);
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), IT_ERR_NOTFOUND);
    far_free(f);
}
END_TEST

START_TEST(without_consent_a_keepalive_goes_out_15_s_after_the_last_packet)
{
    far *f = far_new(false, 1, 1, no_consent);
    it_stun_msg m;
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_connect(f);
    size_t mark = f->n_out;
    it_time last = f->out[mark - 1].at;
    far_until(f, last + 15 * IT_SEC - 1);
    ck_assert_uint_eq(f->n_out, mark);
    far_until(f, last + 15 * IT_SEC);
    ck_assert_uint_eq(f->n_out, mark + 1);
    far_parse(f, mark, &m);
    ck_assert_int_eq(m.cls, IT_STUN_INDICATION);
    ck_assert_uint_eq(m.n_attrs, 1);
    ck_assert_uint_eq(m.attrs[0].type, IT_STUN_FINGERPRINT);
    /* data saves it, and so does an answer to a check */
    far_after(f, 10 * IT_SEC);
    it_ice_sent_data(f->a, f->now, 0, 1);
    far_after(f, 14 * IT_SEC);
    ck_assert_uint_eq(f->n_out, mark + 1);
    (void)far_request(f, (far_req){0});
    far_after(f, 14999 * IT_MS);
    ck_assert_uint_eq(f->n_out, mark + 2);
    far_after(f, 1 * IT_MS);
    ck_assert_uint_eq(f->n_out, mark + 3);
    far_after(f, 1000 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    far_free(f);
}
END_TEST

START_TEST(consent_checks_make_keepalives_needless)
{
    net *n = net_new(5);
    net_start(n, NAT_EIM_APDF, NAT_EIM_APDF);
    net_run(n, 200 * IT_SEC);
    ck_assert(net_connected(n));
    for (size_t i = 0; i < n->n_log; i++) {
        it_stun_msg m;
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(n->log[i].data, n->log[i].n)), 0);
        ck_assert_int_ne(m.cls, IT_STUN_INDICATION);
    }
    ck_assert_int_eq(n->p[0].events[IT_ICE_CONSENT_LOST] + n->p[1].events[IT_ICE_CONSENT_LOST], 0);
    net_free(n);
}
END_TEST

static bool cut(net *n, const net_packet *p)
{
    return n->now >= 20 * IT_SEC && (n->arg == NULL || p->from == 0);
}

START_TEST(a_cut_is_noticed_by_both_sides_even_when_it_is_one_way)
{
    static int one_way;
    net *n = net_new(5);
    n->drop = cut;
    n->arg = _i ? &one_way : NULL;
    net_start(n, NAT_NONE, NAT_NONE);
    net_run(n, 60 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(n->p[i].events[IT_ICE_CONSENT_LOST], 1);
        /* the last answer came up to 6 s before the cut */
        ck_assert_int_ge(n->p[i].when[IT_ICE_CONSENT_LOST], 44 * IT_SEC);
        ck_assert_int_le(n->p[i].when[IT_ICE_CONSENT_LOST], 50 * IT_SEC + 40 * IT_MS);
    }
    net_free(n);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("RFC 7675 section 5.1");
    tcase_add_loop_test(t, consent_is_asked_every_4_to_6_s_by_new_transactions_sent_once, 0, 2);
    tcase_add_test(t, consent_expires_30_s_after_the_last_valid_response_to_the_nanosecond);
    tcase_add_loop_test(t, a_response_that_is_not_valid_does_not_refresh_consent, 0,
                        (int)(sizeof VOID / sizeof VOID[0]));
    tcase_add_test(t, a_response_to_an_earlier_request_counts);
    tcase_add_test(t, a_response_after_expiry_does_not_revive_consent);
    tcase_add_loop_test(t, a_cut_is_noticed_by_both_sides_even_when_it_is_one_way, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7675 section 5.2");
    tcase_add_loop_test(t, a_403_or_a_close_revokes_at_once, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 section 11");
    tcase_add_test(t, without_consent_a_keepalive_goes_out_15_s_after_the_last_packet);
    tcase_add_test(t, consent_checks_make_keepalives_needless);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/consent", add)
