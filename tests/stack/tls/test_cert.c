/* Certificates of a world: the same from the same seed, as PEM and back. RFC 5280. */
#include "tests/stack/tls/ends.h"
#include "tests/stack/tls/pem.h"

static ends w;

static void set_up(void)
{
    ends_init(&w);
}

static void tear_down(void)
{
    ends_fini(&w);
}

START_TEST(an_equal_stream_gives_an_equal_root)
{
    char a[4096], b[4096];
    it_rng_init(&w.ca, 1, "ca"); /* as ends_init has it */
    it_tls_cert_cfg c = ends_cert(&w, "root");
    it_tls_cert *again = it_tls_root_new(&c);
    int n = it_tls_cert_pem(w.root, a, sizeof a);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(it_tls_cert_pem(again, b, sizeof b), n);
    ck_assert_mem_eq(a, b, (size_t)n);
    ck_assert_int_gt(it_tls_cert_pem(w.other, b, sizeof b), 0);
    ck_assert_int_ne(memcmp(a, b, (size_t)n), 0);
    ck_assert_int_eq(it_tls_cert_pem(again, b, (size_t)n - 1), IT_ERR_TOOBIG);
    it_tls_cert_free(again);
}
END_TEST

START_TEST(a_leaf_wants_names_that_are_some)
{
    static const char *const BAD[] = {"", "a b", "*", "a.*.example", "*example", "a\nb"};
    const char *names[9] = {BAD[_i]};
    it_tls_cert_cfg c = ends_cert(&w, "leaf");
    c.names = names;
    c.n_names = 1;
    ck_assert_ptr_null(it_tls_leaf_new(&c, w.root));
    for (int i = 0; i < 9; i++)
        names[i] = "a.example";
    c.n_names = 0;
    ck_assert_ptr_null(it_tls_leaf_new(&c, w.root));
    c.n_names = 9;
    ck_assert_ptr_null(it_tls_leaf_new(&c, w.root));
}
END_TEST

START_TEST(roots_are_trusted_from_pem)
{
    char pem[8192];
    int n = it_tls_cert_pem(w.other, pem, sizeof pem);
    int m = it_tls_cert_pem(w.root, pem + n, sizeof pem - (size_t)n);
    it_tls_trust *t = it_tls_trust_new(&w.own);
    ck_assert_int_eq(it_tls_trust_read(t, it_bytes_of(pem, (size_t)(n + m))), 2);
    it_tls_cfg c = ends_cfg(&w, CLIENT), s = ends_cfg(&w, SERVER);
    c.trust = t;
    ends_both(&w, &c, &s);
    ck_assert(w.e[CLIENT].opened);
    ends_clear(&w);
    it_tls_trust_free(t);
}
END_TEST

START_TEST(what_is_no_pem_is_refused)
{
    char pem[4096];
    it_tls_trust *t = it_tls_trust_new(&w.own);
    ck_assert_int_eq(it_tls_trust_read(t, it_bytes_str("")), IT_ERR_PARSE);
    ck_assert_int_eq(it_tls_trust_read(t, it_bytes_str("hello\n")), IT_ERR_PARSE);
    int n = it_tls_cert_pem(w.root, pem, sizeof pem);
    pem[n / 2] = '!';
    ck_assert_int_eq(it_tls_trust_read(t, it_bytes_of(pem, (size_t)n)), IT_ERR_PARSE);
    it_tls_trust_free(t);
    enum it_tls_pem why = IT_TLS_PEM_MEMORY;
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_of(pem, (size_t)n), &why));
    ck_assert_int_eq(why, IT_TLS_PEM_CHAIN);
    ck_assert_int_ge(it_tls_cert_pem(w.root, pem, sizeof pem), 0);
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_str("no key"), &why));
    ck_assert_int_eq(why, IT_TLS_PEM_KEY);
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_str(""), NULL));
}
END_TEST

START_TEST(a_server_takes_its_certificate_from_pem)
{
    it_tls_cert *leaf = it_tls_cert_read(&w.own, it_bytes_str(FILE_CERT), it_bytes_str(FILE_KEY), NULL);
    ck_assert_ptr_nonnull(leaf);
    it_tls_trust *t = it_tls_trust_new(&w.own);
    ck_assert_int_eq(it_tls_trust_read(t, it_bytes_str(FILE_CERT)), 1);
    it_tls_cfg c = ends_cfg(&w, CLIENT), s = ends_cfg(&w, SERVER);
    c.trust = t;
    c.name = "file.example";
    s.cert = leaf;
    ends_both(&w, &c, &s);
    ck_assert(w.e[CLIENT].opened && w.e[SERVER].opened);
    ends_clear(&w);
    it_tls_trust_free(t);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(a_key_of_another_certificate_is_refused)
{
    char pem[4096];
    int n = it_tls_cert_pem(w.root, pem, sizeof pem);
    enum it_tls_pem why = IT_TLS_PEM_MEMORY;
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_str(FILE_KEY), &why));
    ck_assert_int_eq(why, IT_TLS_PEM_PAIR);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/tls/cert");
    TCase *t = tcase_create("RFC 5280");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, an_equal_stream_gives_an_equal_root);
    tcase_add_loop_test(t, a_leaf_wants_names_that_are_some, 0, 6);
    tcase_add_test(t, roots_are_trusted_from_pem);
    tcase_add_test(t, what_is_no_pem_is_refused);
    tcase_add_test(t, a_server_takes_its_certificate_from_pem);
    tcase_add_test(t, a_key_of_another_certificate_is_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
