/* A certificate and its key out of files. */
#include "lab/serve/tls.h"

#include "stack/crypto/ossl.h"
#include "tests/stack/tls/pem.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static it_alloc ALLOC;
static char WHY[IT_SERVE_TLS_WHY];
static char DIR_NAME[] = "/tmp/icetank-tls-XXXXXX";

static void set_up(void)
{
    it_alloc_init(&ALLOC);
    ck_assert_ptr_nonnull(mkdtemp(DIR_NAME));
    ck_assert_int_eq(chdir(DIR_NAME), 0);
}

static void tear_down(void)
{
    static const char *const FILES[] = {"cert", "key", "other"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        (void)unlink(FILES[i]);
    ck_assert_int_eq(rmdir(DIR_NAME), 0);
    it_ossl_fini();
    ck_assert_int_eq(ALLOC.live, 0);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(a_certificate_and_its_key_make_servers_that_all_draw_differently)
{
    it_serve_tls t = {.port = 443};
    it_tls_cfg a, b;
    write_file("cert", FILE_CERT);
    write_file("key", FILE_KEY);
    ck_assert_int_eq(it_serve_tls_read(&t, &ALLOC, "cert", "key", WHY), 0);
    ck_assert_uint_eq(t.port, 443);
    ck_assert_int_eq(it_serve_tls_cfg(&t, &ALLOC, "http/1.1", &a), 0);
    ck_assert_int_eq(it_serve_tls_cfg(&t, &ALLOC, NULL, &b), 0);
    ck_assert(!a.client && a.cert == t.cert && a.shared == t.shared);
    ck_assert_int_ne(memcmp(&a.rng, &b.rng, sizeof a.rng), 0);
    it_layer layer = it_tls_layer(&a);
    ck_assert_ptr_nonnull(layer.ops);
    layer.ops->free(layer.l);
    it_serve_tls_fini(&t);
    it_serve_tls_fini(&t); /* nothing is left to be freed twice */
}
END_TEST

/* Files that are no pair, and what is said of them. */
static const struct {
    const char *cert, *key; /* their contents; NULL: there is no such file */
    const char *args[2];
    const char *why;
} WRONG[] = {
    {NULL, FILE_KEY, {"cert", "key"}, "cert: No such file or directory"},
    {FILE_CERT, NULL, {"cert", "key"}, "key: No such file or directory"},
    {"", FILE_KEY, {"cert", "key"}, "cert: there is no certificate in it (PEM)"},
    {FILE_KEY, FILE_KEY, {"cert", "key"}, "cert: there is no certificate in it (PEM)"},
    {FILE_CERT, FILE_CERT, {"cert", "key"}, "key: there is no private key in it (PEM, without a password)"},
    {FILE_CERT, "", {"cert", "key"}, "key: there is no private key in it (PEM, without a password)"},
    {FILE_CERT, FILE_KEY, {".", "key"}, ".: it cannot be read"},
};

START_TEST(what_is_wrong_with_the_files_is_a_sentence)
{
    it_serve_tls t = {.port = 0};
    if (WRONG[_i].cert)
        write_file("cert", WRONG[_i].cert);
    if (WRONG[_i].key)
        write_file("key", WRONG[_i].key);
    ck_assert_int_eq(it_serve_tls_read(&t, &ALLOC, WRONG[_i].args[0], WRONG[_i].args[1], WHY), IT_ERR_PARSE);
    ck_assert_str_eq(WHY, WRONG[_i].why);
    ck_assert_ptr_null(t.cert);
}
END_TEST

START_TEST(a_key_of_another_certificate_is_refused)
{
    char pem[4096];
    it_serve_tls t = {.port = 0};
    it_rng r;
    it_rng_init(&r, 1, "root");
    ck_assert_int_eq(it_ossl_init(), 0);
    it_tls_cert *root =
        it_tls_root_new(&(it_tls_cert_cfg){.alloc = &ALLOC, .stream = &r, .subject = "root", .until = 1000 * IT_SEC});
    ck_assert_ptr_nonnull(root);
    int n = it_tls_cert_pem(root, pem, sizeof pem - 1);
    ck_assert_int_gt(n, 0);
    pem[n] = '\0';
    write_file("other", pem);
    write_file("key", FILE_KEY);
    it_tls_cert_free(root);
    ck_assert_int_eq(it_serve_tls_read(&t, &ALLOC, "other", "key", WHY), IT_ERR_PARSE);
    ck_assert_str_eq(WHY, "key: the key is not that of the certificate");
}
END_TEST

START_TEST(a_file_without_end_is_read_no_further_than_a_pem_file_may_be)
{
    it_serve_tls t = {.port = 0};
    write_file("key", FILE_KEY);
    ck_assert_int_eq(it_serve_tls_read(&t, &ALLOC, "/dev/zero", "key", WHY), IT_ERR_PARSE);
    ck_assert_str_eq(WHY, "/dev/zero: there is no certificate in it (PEM)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/tls");
    TCase *t = tcase_create("files");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_certificate_and_its_key_make_servers_that_all_draw_differently);
    tcase_add_loop_test(t, what_is_wrong_with_the_files_is_a_sentence, 0, (int)(sizeof WRONG / sizeof *WRONG));
    tcase_add_test(t, a_key_of_another_certificate_is_refused);
    tcase_add_test(t, a_file_without_end_is_read_no_further_than_a_pem_file_may_be);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
