/* stack/rtmfp/profile/dh.c: Diffie-Hellman, RFC 7425 sections 4.2, 4.6.2. */
#include "stack/rtmfp/profile/dh.h"
#include "stack/crypto/digest.h"
#include "stack/crypto/ossl.h"

#include "tests/stack/rtmfp/kit.h"

static it_rng rng;
static uint8_t secret[IT_RTMFP_DH_MOST];

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_rng_init(&rng, 1, "dh");
}

static it_rtmfp_dh known(const char *hex)
{
    it_rtmfp_dh d = {.group = IT_RTMFP_GROUP_2};
    d.secret_size = (uint8_t)kit_unhex(d.secret, hex);
    ck_assert_int_eq(it_rtmfp_dh_from_secret(&d), 0);
    return d;
}

START_TEST(keys_and_secret_are_those_of_the_known_answer)
{
    it_rtmfp_dh i = known(KIT_XI), r = known(KIT_XR);
    kit_expect(it_bytes_of(i.pub, i.size), KIT_PI);
    kit_expect(it_bytes_of(r.pub, r.size), KIT_PR);
    int n = it_rtmfp_dh_combine(&i, it_bytes_of(r.pub, r.size), secret);
    kit_expect(it_bytes_of(secret, (size_t)n), KIT_S);
    n = it_rtmfp_dh_combine(&r, it_bytes_of(i.pub, i.size), secret);
    kit_expect(it_bytes_of(secret, (size_t)n), KIT_S);
}
END_TEST

/* RFC 7425 section 4.6.2: one session in 256. */
START_TEST(a_secret_has_no_leading_zeros)
{
    it_rtmfp_dh i = known(KIT_XI), r = known("901b1a191817161514131211100f0e0d0c0b0a0908070605040303b4");
    uint8_t sum[IT_SHA256_SIZE];
    int n = it_rtmfp_dh_combine(&i, it_bytes_of(r.pub, r.size), secret);
    ck_assert_int_eq(n, 127);
    it_sha256(sum, it_bytes_of(secret, 127), it_bytes_of(NULL, 0), it_bytes_of(NULL, 0));
    kit_expect(it_bytes_of(sum, sizeof sum), "bc10b0ca790b3db03de103c0e8fa3e0a2d56196d2208368af5fbddf44e91a756");
}
END_TEST

START_TEST(two_ends_of_every_group_have_one_secret)
{
    static const size_t SIZE[] = {128, 192, 256};
    enum it_rtmfp_group g = (enum it_rtmfp_group)(1 << _i);
    it_rtmfp_dh a, b;
    uint8_t other[IT_RTMFP_DH_MOST];
    ck_assert_int_eq(it_rtmfp_dh_make(&a, g, &rng, 0), 0);
    ck_assert_int_eq(it_rtmfp_dh_make(&b, g, &rng, 0), 0);
    ck_assert(a.size <= SIZE[_i] && a.size + 3u > SIZE[_i]);
    ck_assert(memcmp(a.pub, b.pub, a.size) != 0);
    int n = it_rtmfp_dh_combine(&a, it_bytes_of(b.pub, b.size), secret);
    ck_assert_int_gt(n, 100);
    ck_assert_int_eq(it_rtmfp_dh_combine(&b, it_bytes_of(a.pub, a.size), other), n);
    ck_assert_mem_eq(secret, other, (size_t)n);
}
END_TEST

START_TEST(one_stream_makes_one_key)
{
    it_rng again;
    it_rtmfp_dh a, b;
    it_rng_init(&again, 1, "dh");
    ck_assert_int_eq(it_rtmfp_dh_make(&a, IT_RTMFP_GROUP_2, &rng, 0), 0);
    ck_assert_int_eq(it_rtmfp_dh_make(&b, IT_RTMFP_GROUP_2, &again, 7), 0);
    ck_assert_mem_eq(a.pub, b.pub, a.size);
}
END_TEST

START_TEST(leading_zeros_of_a_public_key_are_harmless)
{
    it_rtmfp_dh i = known(KIT_XI);
    uint8_t key[256];
    size_t n = kit_unhex(key, "0000 " KIT_PR);
    ck_assert_int_eq(it_rtmfp_dh_combine(&i, it_bytes_of(key, n), secret), 128);
}
END_TEST

#define PRIME_FRONT /* of group 2, without its last 64 bits */                                                         \
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b" \
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6" \
    "49286651ece65381"

/* RFC 7425 section 4.6.2: a session with such a key MUST NOT open. */
START_TEST(a_public_key_that_gives_the_secret_away_is_refused)
{
    static const char *const BAD[] = {"",
                                      "00",
                                      "01",
                                      "02",
                                      "ffffff",
                                      "ffffffffffff",             /* no zeros */
                                      "800000000000000000000000", /* one one */
                                      PRIME_FRONT
                                      "fffffffffeffffff", /* p - 2^24, which is the largest that is allowed */
                                      PRIME_FRONT "ffffffffff000000",
                                      PRIME_FRONT "fffffffffffffffe",
                                      PRIME_FRONT "ffffffffffffffff ff"};
    it_rtmfp_dh i = known(KIT_XI);
    uint8_t key[256];
    size_t n = kit_unhex(key, BAD[_i]);
    int want = _i == 7 ? 128 : IT_ERR_RANGE;
    ck_assert_int_eq(it_rtmfp_dh_combine(&i, it_bytes_of(key, n), secret), want);
}
END_TEST

START_TEST(groups_have_their_numbers_and_an_order)
{
    ck_assert(it_rtmfp_group_of(2) == IT_RTMFP_GROUP_2 && it_rtmfp_group_number(IT_RTMFP_GROUP_2) == 2);
    ck_assert(it_rtmfp_group_of(5) == IT_RTMFP_GROUP_5 && it_rtmfp_group_number(IT_RTMFP_GROUP_5) == 5);
    ck_assert(it_rtmfp_group_of(14) == IT_RTMFP_GROUP_14 && it_rtmfp_group_number(IT_RTMFP_GROUP_14) == 14);
    ck_assert(it_rtmfp_group_of(16) == 0);
    ck_assert(it_rtmfp_group_best(IT_RTMFP_GROUP_2 | IT_RTMFP_GROUP_5) == IT_RTMFP_GROUP_5);
    ck_assert(it_rtmfp_group_best(0) == 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, keys_and_secret_are_those_of_the_known_answer);
    tcase_add_test(t, a_secret_has_no_leading_zeros);
    tcase_add_loop_test(t, two_ends_of_every_group_have_one_secret, 0, 3);
    tcase_add_test(t, one_stream_makes_one_key);
    tcase_add_test(t, leading_zeros_of_a_public_key_are_harmless);
    tcase_add_loop_test(t, a_public_key_that_gives_the_secret_away_is_refused, 0, 11);
    tcase_add_test(t, groups_have_their_numbers_and_an_order);
}

int main(void)
{
    return kit_main("rtmfp/profile/dh", add);
}
