/* Draws of OpenSSL: a stream's own in a simulation, and on real sockets a secret function of them. */
#include "stack/crypto/ossl.h"

#include <check.h>
#include <openssl/rand.h>
#include <string.h>

static void draw(const it_rng *from, uint8_t out[100])
{
    it_rng r = *from;
    it_ossl_enter(&r, 0);
    ck_assert_int_eq(RAND_bytes_ex(it_ossl_ctx(), out, 40, 0), 1);
    ck_assert_int_eq(RAND_priv_bytes_ex(it_ossl_ctx(), out + 40, 60, 0), 1);
    it_ossl_leave();
}

START_TEST(draws_repeat_with_the_stream_and_are_secret_on_real_sockets)
{
    it_rng a, b;
    uint8_t plain[100], again[100], strong[100], other[100];
    it_rng_init(&a, 1, "a");
    it_rng_init(&b, 1, "b");
    ck_assert_int_eq(it_ossl_init(), 0);
    draw(&a, plain);
    draw(&a, again);
    ck_assert_mem_eq(plain, again, 100);
    ck_assert_int_eq(it_ossl_use_system(), 0);
    draw(&a, strong);
    draw(&a, again);
    ck_assert_mem_eq(strong, again, 100); /* as undoing a handshake message needs */
    ck_assert_mem_ne(strong, plain, 100);
    for (int i = 0; i + 32 <= 100; i += 4)
        for (int k = i + 4; k + 32 <= 100; k += 4)
            ck_assert_mem_ne(strong + i, strong + k, 32);
    draw(&b, other);
    ck_assert_mem_ne(strong, other, 100);
    it_ossl_fini();
    /* Another run of a program has another secret; a simulation has none. */
    ck_assert_int_eq(it_ossl_init(), 0);
    draw(&a, again);
    ck_assert_mem_eq(plain, again, 100);
    ck_assert_int_eq(it_ossl_use_system(), 0);
    draw(&a, again);
    ck_assert_mem_ne(strong, again, 100);
    it_ossl_fini();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/crypto/ossl");
    TCase *t = tcase_create("draws");
    tcase_add_test(t, draws_repeat_with_the_stream_and_are_secret_on_real_sockets);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
