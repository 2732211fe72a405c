/* Certificates of a world: the same from the same seed, as PEM and back. RFC 5280. */
#include "tests/stack/tls/ends.h"

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
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_of(pem, (size_t)n)));
    pem[n / 2] = 'A';
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_str("no key")));
}
END_TEST

/* A key and a certificate of it as OpenSSL 3 writes them, valid from 2010 to 2040, for "file.example". */
static const char FILE_KEY[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAItjjXrnZoDWYLdy\n"
                               "wm3DkV28xFb+RA+DniN0ezfkM9uhRANCAARLTwCiSLGo/fRjwPaN1S3jz8c2HKC/\n"
                               "qgjIdgGV54YsNKQS7iA68M8KfLQAatOL+LPNSTy247LjD0aRjQrc8IlX\n"
                               "-----END PRIVATE KEY-----\n";
static const char FILE_CERT[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBnDCCAUKgAwIBAgIUcpr9rkv1fjGnGJlKW5VfmBU5f2swCgYIKoZIzj0EAwIw\n"
                                "DzENMAsGA1UEAwwEZmlsZTAeFw0xMDAxMDEwMDAwMDBaFw00MDAxMDEwMDAwMDBa\n"
                                "MA8xDTALBgNVBAMMBGZpbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARLTwCi\n"
                                "SLGo/fRjwPaN1S3jz8c2HKC/qgjIdgGV54YsNKQS7iA68M8KfLQAatOL+LPNSTy2\n"
                                "47LjD0aRjQrc8IlXo3wwejAdBgNVHQ4EFgQUiHJyk8IXWqVvttyGSVE55sNxaQYw\n"
                                "HwYDVR0jBBgwFoAUiHJyk8IXWqVvttyGSVE55sNxaQYwDwYDVR0TAQH/BAUwAwEB\n"
                                "/zAXBgNVHREEEDAOggxmaWxlLmV4YW1wbGUwDgYDVR0PAQH/BAQDAgKEMAoGCCqG\n"
                                "SM49BAMCA0gAMEUCIQD9zBHbibWSemQfzu4syDdGOwNE9/3GHcA0XMarAt4zKAIg\n"
                                "QCkY+Q7AJIz18GodNUJ04PC9z3teR1ARuNjxjnoOb60=\n"
                                "-----END CERTIFICATE-----\n";

START_TEST(a_server_takes_its_certificate_from_pem)
{
    it_tls_cert *leaf = it_tls_cert_read(&w.own, it_bytes_str(FILE_CERT), it_bytes_str(FILE_KEY));
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
    ck_assert_ptr_null(it_tls_cert_read(&w.own, it_bytes_of(pem, (size_t)n), it_bytes_str(FILE_KEY)));
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
