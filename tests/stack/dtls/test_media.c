/* stack/dtls/media.c: use_srtp, exported keys, certificates of other kinds. */
#include "tests/stack/dtls/wire.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static wire w;

static void setup(void)
{
    wire_init(&w);
}

static void teardown(void)
{
    wire_fini(&w);
}

static void ask(int i, it_dtls_media m)
{
    ck_assert_int_eq(it_dtls_set_media(w.end[i], &m), 0);
}

static void handshake(void)
{
    it_dtls_start(w.end[1], 0);
    it_dtls_start(w.end[0], 0);
    wire_run(&w);
}

static const struct {
    uint16_t client[4], server[4], agreed;
    size_t keys;
} ROWS[] = {
    {{1}, {1}, 1, 60},
    {{2}, {2}, 2, 60},
    {{7}, {7}, 7, 56},
    {{8}, {8}, 8, 88},
    {{1, 2, 7, 8}, {8, 7, 2, 1}, 8, 88}, /* the server's preference */
    {{7, 1}, {1}, 1, 60},
    {{5, 9, 1}, {1}, 1, 60}, /* numbers that are none of ours are left out */
    {{1}, {7}, 0, 0},
    {{1}, {0}, 0, 0},
    {{0}, {1}, 0, 0},
    {{0}, {0}, 0, 0},
};

START_TEST(both_ends_agree_on_a_profile_and_its_keys)
{
    wire_ends(&w);
    it_dtls_media a = {.any_key = false}, b = {.any_key = false};
    memcpy(a.srtp, ROWS[_i].client, sizeof a.srtp);
    memcpy(b.srtp, ROWS[_i].server, sizeof b.srtp);
    ask(0, a);
    ask(1, b);
    handshake();
    for (int i = 0; i < 2; i++) {
        ck_assert(w.open[i]);
        ck_assert_uint_eq(w.srtp[i], ROWS[_i].agreed);
        ck_assert_uint_eq(w.n_keys[i], ROWS[_i].keys);
    }
    ck_assert_mem_eq(w.keys[0], w.keys[1], ROWS[_i].keys);
    uint8_t sum = 0;
    for (size_t k = 0; k < ROWS[_i].keys; k++)
        sum |= w.keys[0][k];
    ck_assert_int_eq(sum != 0, ROWS[_i].keys != 0);
}
END_TEST

START_TEST(without_being_asked_a_handshake_has_the_same_bytes)
{
    uint8_t a[IT_IO_DGRAM_MAX], b[IT_IO_DGRAM_MAX];
    wire_ends(&w);
    it_dtls_start(w.end[0], 0);
    it_bytes plain = wire_take(&w, 0, a);
    it_dtls_free(w.end[0]);
    it_dtls_free(w.end[1]);
    wire_ends(&w);
    ask(0, (it_dtls_media){.any_key = false});
    it_dtls_start(w.end[0], 0);
    it_bytes empty = wire_take(&w, 0, b);
    ck_assert(it_bytes_eq(plain, empty));
    ck_assert_int_eq(it_dtls_set_media(w.end[0], &(it_dtls_media){.any_key = true}), IT_ERR_STATE);
}
END_TEST

/* Puts a certificate of another kind in the place of end |i|'s. */
static void other_cert(int i, bool rsa)
{
    it_dtls_cert *c = w.cert[i];
    it_rng r;
    it_rng_init(&r, (uint64_t)i, "other");
    it_ossl_enter(&r, 0);
    EVP_PKEY_free(c->key);
    c->key = rsa ? EVP_PKEY_Q_keygen(it_ossl_ctx(), NULL, "RSA", (size_t)2048)
                 : EVP_PKEY_Q_keygen(it_ossl_ctx(), NULL, "EC", "P-384");
    ck_assert_ptr_nonnull(c->key);
    ck_assert(X509_set_pubkey(c->x509, c->key) == 1 && X509_sign(c->x509, c->key, EVP_sha256()) > 0);
    ck_assert(it_dtls_fingerprint(c->x509, c->fingerprint));
    it_ossl_leave();
}

/* Of each kind at each end: client's, server's, both. */
START_TEST(keys_of_other_kinds_are_taken_when_asked_for)
{
    bool rsa = _i % 2;
    int who = _i / 2;
    if (who != 1)
        other_cert(0, rsa);
    if (who != 0)
        other_cert(1, rsa);
    wire_ends(&w);
    ask(0, (it_dtls_media){.any_key = true});
    ask(1, (it_dtls_media){.any_key = true});
    handshake();
    ck_assert(w.open[0] && w.open[1]);
}
END_TEST

START_TEST(keys_of_other_kinds_are_refused_else)
{
    other_cert(_i / 2, _i % 2);
    wire_ends(&w);
    ask(_i / 2, (it_dtls_media){.any_key = true});
    handshake();
    ck_assert(!w.open[0] && !w.open[1]);
}
END_TEST

START_TEST(one_end_alone_may_ask)
{
    wire_ends(&w);
    ask(_i, (it_dtls_media){.any_key = true, .srtp = {1}});
    handshake();
    ck_assert(w.open[0] && w.open[1] && w.srtp[0] == 0 && w.srtp[1] == 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dtls/media");
    TCase *t = tcase_create("media");
    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, both_ends_agree_on_a_profile_and_its_keys, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, without_being_asked_a_handshake_has_the_same_bytes);
    tcase_add_loop_test(t, keys_of_other_kinds_are_taken_when_asked_for, 0, 6);
    tcase_add_loop_test(t, keys_of_other_kinds_are_refused_else, 0, 4);
    tcase_add_loop_test(t, one_end_alone_may_ask, 0, 2);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
