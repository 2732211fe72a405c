/* stack/b/signal.c: blobs that come again and again, in part strange, and generations that run away. */
#include "tests/stack/b/pair.h"

#include <inttypes.h>

static pair *P;

static void begin(void)
{
    P = pair_new(4, NULL, NULL);
    pair_start(P);
    pair_run(P, IT_SEC);
}

/* Bob's latest blob, changed as |change| says, given to alice. */
static int again(const char *from, const char *to)
{
    it_alloc mem;
    it_str s;
    it_alloc_init(&mem);
    it_str_init(&s, &mem);
    char *text = calloc(1, P->n_latest[1] + 1);
    memcpy(text, P->latest[1], P->n_latest[1]);
    const char *at = strstr(text, from);
    ck_assert_ptr_nonnull(at);
    it_str_printf(&s, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    int r = it_b_signal(P->e[0].b, P->now, it_bytes_of(s.p, s.n));
    free(text);
    it_str_fini(&s);
    return r;
}

/* A far side that restarts all the time: the time until our own next restart has a limit. */
START_TEST(forty_generations_in_a_row_do_not_run_away)
{
    begin();
    for (int i = 1; i <= 40; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "a=x-generation:%d", i);
        ck_assert_int_eq(again("a=x-generation:0", line), 0);
        pair_pump(P);
        ck_assert_int_lt(it_b_next(P->e[0].b), P->now + 1000 * IT_SEC);
    }
    pair_free(P);
}
END_TEST

/* What is left out is told once of each kind, however often the blob comes. */
START_TEST(what_is_left_out_is_told_once)
{
    begin();
    int before = pair_count(P, 0, IT_EV_PEER);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(again("a=x-generation", "a=candidate:what\r\na=fingerprint:sha-1 00:11\r\na=x-generation"), 0);
    pair_pump(P);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER), before + 2);
    ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_OPEN);
    pair_free(P);
}
END_TEST

START_TEST(other_fingerprints_than_before_are_a_matter_of_security)
{
    begin();
    static const char PRINT[] =
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:F0";
    char line[200];
    (void)snprintf(line, sizeof line, "a=fingerprint:sha-256 %s\r\na=x-generation", PRINT);
    ck_assert_int_eq(again("a=x-generation", line), 0);
    pair_pump(P);
    ck_assert_int_eq(pair_find(P, 0, IT_EV_DEATH)->reason, IT_REASON_SECURITY);
    pair_free(P);
}
END_TEST

/* RFC 8122 section 5.1: the certificate may match any of them. */
START_TEST(the_second_fingerprint_is_as_good_as_the_first)
{
    P = pair_new(4, NULL, NULL);
    P->signal_delay = IT_SEC;
    pair_start(P);
    pair_pump(P);
    static const char PRINT[] =
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:F0";
    char line[200];
    (void)snprintf(line, sizeof line, "a=fingerprint:SHA-256 %s\r\na=fingerprint:", PRINT);
    ck_assert_int_eq(again("a=fingerprint:", line), 0);
    P->drop = NULL;
    for (size_t i = 0; i < P->n_q; i++) /* alice has bob's blob by now */
        if (P->q[i].blob && P->q[i].to == 0)
            P->q[i].at = IT_NEVER - 1;
    pair_run(P, 10 * IT_SEC);
    ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_OPEN);
    ck_assert_int_eq(it_b_state(P->e[1].b), IT_STATE_OPEN);
    pair_free(P);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("b/signal");
    TCase *t = tcase_create("signal");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, pair_once, pair_once_end);
    tcase_add_test(t, forty_generations_in_a_row_do_not_run_away);
    tcase_add_test(t, what_is_left_out_is_told_once);
    tcase_add_test(t, other_fingerprints_than_before_are_a_matter_of_security);
    tcase_add_test(t, the_second_fingerprint_is_as_good_as_the_first);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
