/* HMAC_DRBG against a vector of NIST's CAVS 14.3, and what it must be besides. */
#include "stack/crypto/drbg.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = strlen(text) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        ck_assert_int_eq(sscanf(text + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

/* SHA-256, no reseed, no additional input; count 0: entropy and nonce, the second 128 bytes. */
START_TEST(it_gives_the_bytes_of_the_standard)
{
    uint8_t seed[64], want[128], got[128];
    it_drbg d;
    size_t n = unhex("ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488"
                     "659ba96c601dc69fc902940805ec0ca8",
                     seed);
    unhex("e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89d54fbb978a15b5c443c9ec21036d2460"
          "b6f73ebad0dc2aba6e624abf07745bc107694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
          "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8",
          want);
    it_drbg_init(&d, it_bytes_of(seed, n));
    it_drbg_bytes(&d, got, sizeof got);
    it_drbg_bytes(&d, got, sizeof got);
    ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

START_TEST(a_seed_gives_its_bytes_and_no_others)
{
    uint8_t a[70], b[70], seed[32] = {1};
    it_drbg d, e;
    it_drbg_init(&d, it_bytes_of(seed, sizeof seed));
    it_drbg_init(&e, it_bytes_of(seed, sizeof seed));
    it_drbg_bytes(&d, a, sizeof a);
    it_drbg_bytes(&e, b, sizeof b);
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert(it_drbg_u64(&d) == it_drbg_u64(&e));
    seed[31] = 1;
    it_drbg_init(&e, it_bytes_of(seed, sizeof seed));
    it_drbg_bytes(&e, b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* Section 10.1.2.5, step 6: what is left behind does not tell what was given. */
START_TEST(its_state_after_a_draw_is_none_of_the_bytes_drawn)
{
    uint8_t seed[32] = {7}, out[64];
    it_drbg d;
    it_drbg_init(&d, it_bytes_of(seed, sizeof seed));
    it_drbg_bytes(&d, out, sizeof out);
    ck_assert_mem_ne(d.v, out + 32, 32);
    ck_assert_mem_ne(d.key, out, 32);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/crypto/drbg");
    TCase *tc = tcase_create("NIST SP 800-90A");
    SRunner *sr;
    int failed;
    tcase_add_test(tc, it_gives_the_bytes_of_the_standard);
    tcase_add_test(tc, a_seed_gives_its_bytes_and_no_others);
    tcase_add_test(tc, its_state_after_a_draw_is_none_of_the_bytes_drawn);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
