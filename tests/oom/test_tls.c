/* Out of memory in TLS: a client and a server, each in turn, from certificates to the last byte. */
#include "tests/oom/stairs.h"
#include "tests/stack/tls/ends.h"

static ends w;
static int short_of; /* the end whose memory runs out */

/* Ends open, talk and close. */
static int life(it_alloc *a)
{
    w.mem[short_of] = a;
    it_tls_cfg c = ends_cfg(&w, CLIENT), s = ends_cfg(&w, SERVER);
    c.log_keys = true;
    ends_both(&w, &c, &s);
    (void)ends_say(&w, CLIENT, it_bytes_str("ping"));
    (void)ends_say(&w, SERVER, it_bytes_str("pong"));
    ends_run(&w);
    ends_finish(&w, CLIENT);
    ends_run(&w);
    int err = w.e[short_of].err;
    if (!err)
        ck_assert_uint_eq(w.e[short_of].n_heard, 4);
    ends_clear(&w);
    w.mem[short_of] = &w.own;
    return err;
}

START_TEST(an_end_without_memory_says_so)
{
    short_of = _i;
    ends_init(&w);
    ck_assert_uint_gt(stairs_climb(life, false, 100, 1), 0);
    ends_fini(&w);
}
END_TEST

/* An authority and what it makes. */
static int authority(it_alloc *a)
{
    const char *names[] = {"a.example"};
    it_rng r;
    it_rng_init(&r, 1, "ca");
    it_tls_cert_cfg c = {.alloc = a, .stream = &r, .subject = "a", .until = IT_SEC, .names = names, .n_names = 1};
    it_tls_shared *shared = it_tls_shared_new(a);
    it_tls_trust *trust = it_tls_trust_new(a);
    it_tls_cert *root = it_tls_root_new(&c);
    it_tls_cert *leaf = root ? it_tls_leaf_new(&c, root) : NULL;
    int err = shared && trust && leaf ? it_tls_trust_add(trust, root) : IT_ERR_NOMEM;
    it_tls_cert_free(leaf);
    it_tls_cert_free(root);
    it_tls_trust_free(trust);
    it_tls_shared_free(shared);
    return err;
}

START_TEST(an_authority_without_memory_is_none)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    ck_assert_uint_eq(stairs_climb(authority, _i, 100, 1), 4);
    it_ossl_fini();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("oom/tls");
    TCase *t = tcase_create("stairs");
    tcase_add_loop_test(t, an_end_without_memory_says_so, 0, 2);
    tcase_add_loop_test(t, an_authority_without_memory_is_none, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
