/* stack/rtmfp/profile/cookie.c: cookies (RFC 7016 sections 3.5.1.1.2, 3.5.1.2) and marked Pings (section 3.5.4.2). */
#include "stack/rtmfp/profile/cookie.h"

#include "tests/stack/rtmfp/kit.h"

static it_hmac_key secret, other;
static it_addr here, there;
static it_time made;

static void setup(void)
{
    it_hmac_key_init(&secret, it_bytes_str("secret"));
    it_hmac_key_init(&other, it_bytes_str("other"));
    here = kit_addr("192.0.2.1:1");
    there = kit_addr("192.0.2.1:2");
}

START_TEST(a_cookie_is_good_at_its_address_until_it_expires)
{
    uint8_t c[IT_RTMFP_COOKIE];
    it_bytes b = it_bytes_of(c, sizeof c);
    it_rtmfp_cookie_make(&secret, IT_SEC, here, c);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, IT_SEC + 95 * IT_SEC, here, b, &made), IT_RTMFP_COOKIE_GOOD);
    ck_assert(made == IT_SEC);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, IT_SEC, there, b, &made), IT_RTMFP_COOKIE_ELSEWHERE);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, IT_SEC + IT_RTMFP_COOKIE_LIFE, here, b, &made),
                     IT_RTMFP_COOKIE_GOOD);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, IT_SEC + IT_RTMFP_COOKIE_LIFE + 1, here, b, &made),
                     IT_RTMFP_COOKIE_FOREIGN);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, 0, here, b, &made), IT_RTMFP_COOKIE_FOREIGN);
}
END_TEST

START_TEST(a_forged_cookie_is_foreign_or_at_most_of_elsewhere)
{
    uint8_t c[IT_RTMFP_COOKIE];
    it_bytes b = it_bytes_of(c, sizeof c);
    it_rtmfp_cookie_make(&secret, 0, here, c);
    ck_assert_int_eq(it_rtmfp_cookie_check(&other, 0, here, b, &made), IT_RTMFP_COOKIE_FOREIGN);
    ck_assert_int_eq(it_rtmfp_cookie_check(&secret, 0, here, it_bytes_of(c, 63), &made), IT_RTMFP_COOKIE_FOREIGN);
    for (size_t bit = 0; bit < sizeof c * 8; bit++) {
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_ne(it_rtmfp_cookie_check(&secret, IT_SEC, here, b, &made), IT_RTMFP_COOKIE_GOOD);
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_mark_is_of_one_session_and_one_address_and_120_seconds)
{
    uint8_t m[IT_RTMFP_MARK];
    it_time at;
    it_bytes b = it_bytes_of(m, sizeof m);
    it_rtmfp_mark_make(&secret, IT_SEC, 7, here, m);
    ck_assert(it_rtmfp_mark_check(&secret, 121 * IT_SEC, 7, here, b, &at) && at == IT_SEC);
    ck_assert(!it_rtmfp_mark_check(&secret, 121 * IT_SEC + 1, 7, here, b, &at));
    ck_assert(!it_rtmfp_mark_check(&secret, IT_SEC, 7, there, b, &at));
    ck_assert(!it_rtmfp_mark_check(&secret, IT_SEC, 8, here, b, &at));
    ck_assert(!it_rtmfp_mark_check(&other, IT_SEC, 7, here, b, &at));
    ck_assert(!it_rtmfp_mark_check(&secret, IT_SEC, 7, here, it_bytes_of(m, 40), &at));
    m[0] = 'm';
    ck_assert(!it_rtmfp_mark_check(&secret, IT_SEC, 7, here, b, &at));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, a_cookie_is_good_at_its_address_until_it_expires);
    tcase_add_test(t, a_forged_cookie_is_foreign_or_at_most_of_elsewhere);
    tcase_add_test(t, a_mark_is_of_one_session_and_one_address_and_120_seconds);
}

int main(void)
{
    return kit_main("rtmfp/profile/cookie", add);
}
