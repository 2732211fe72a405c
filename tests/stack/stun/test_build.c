/* Building: byte-equal to the vectors of RFC 5769, and what happens when there is no room. */
#include "stack/stun/auth.h"
#include "tests/stack/stun/vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static uint8_t wire[2048];
static it_buf b;

static void begin(enum it_stun_class cls, const uint8_t *vector)
{
    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, cls, IT_STUN_BINDING, vector + 8);
}

/* Appends a text padded with spaces, as the vectors have it; our own padding is zero. */
static void put_spaced(uint16_t type, const char *text)
{
    size_t n = strlen(text), pad = (4 - n % 4) % 4;

    it_stun_put(&b, type, it_bytes_str(text));
    memset(wire + b.len - pad, ' ', pad);
}

START_TEST(sample_request_of_rfc5769_is_built)
{
    it_hmac_key k;

    it_stun_key_short(&k, it_bytes_str(VECTOR_PASSWORD));
    begin(IT_STUN_REQUEST, VECTOR_REQUEST);
    put_spaced(IT_STUN_SOFTWARE, "STUN test client");
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 0x6e0001ff);
    it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLED, 0x932ff9b151263b36);
    put_spaced(IT_STUN_USERNAME, "evtj:h6vY");
    it_stun_put_integrity(&b, &k);
    it_stun_put_fingerprint(&b);
    ck_assert_int_eq(it_stun_end(&b), sizeof(VECTOR_REQUEST));
    ck_assert_mem_eq(wire, VECTOR_REQUEST, sizeof(VECTOR_REQUEST));
}
END_TEST

START_TEST(sample_responses_of_rfc5769_are_built)
{
    const uint8_t *want = _i ? VECTOR_RESPONSE6 : VECTOR_RESPONSE4;
    size_t size = _i ? sizeof(VECTOR_RESPONSE6) : sizeof(VECTOR_RESPONSE4);
    it_hmac_key k;
    it_addr a;

    ck_assert_int_eq(it_addr_parse(&a, _i ? "[2001:db8:1234:5678:11:2233:4455:6677]:32853" : "192.0.2.1:32853"), 0);
    it_stun_key_short(&k, it_bytes_str(VECTOR_PASSWORD));
    begin(IT_STUN_SUCCESS, want);
    put_spaced(IT_STUN_SOFTWARE, "test vector");
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, a);
    it_stun_put_integrity(&b, &k);
    it_stun_put_fingerprint(&b);
    ck_assert_int_eq(it_stun_end(&b), (int)size);
    ck_assert_mem_eq(wire, want, size);
}
END_TEST

START_TEST(long_term_sample_of_rfc5769_is_built)
{
    it_hmac_key k;

    it_stun_key_long(&k, IT_STUN_ALGO_MD5, it_bytes_str(VECTOR_USER), it_bytes_str(VECTOR_REALM),
                     it_bytes_str(VECTOR_LONG_PASSWORD));
    begin(IT_STUN_REQUEST, VECTOR_LONGTERM);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(VECTOR_USER));
    it_stun_put(&b, IT_STUN_NONCE, it_bytes_str(VECTOR_NONCE));
    it_stun_put(&b, IT_STUN_REALM, it_bytes_str(VECTOR_REALM));
    it_stun_put_integrity(&b, &k);
    ck_assert_int_eq(it_stun_end(&b), sizeof(VECTOR_LONGTERM));
    ck_assert_mem_eq(wire, VECTOR_LONGTERM, sizeof(VECTOR_LONGTERM));
}
END_TEST

START_TEST(type_bits_are_spread_as_figure_3_says)
{
    static const struct {
        enum it_stun_class cls;
        uint16_t method, wire;
    } CASES[] = {
        {IT_STUN_REQUEST, 0x001, 0x0001},    {IT_STUN_SUCCESS, 0x001, 0x0101}, {IT_STUN_ERROR, 0x001, 0x0111},
        {IT_STUN_INDICATION, 0x006, 0x0016}, {IT_STUN_REQUEST, 0xfff, 0x3eef}, {IT_STUN_ERROR, 0x080, 0x0310},
        {IT_STUN_REQUEST, 0x010, 0x0020},
    };
    static const uint8_t TXID[IT_STUN_TXID] = {0};
    it_stun_msg m;

    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, CASES[_i].cls, CASES[_i].method, TXID);
    ck_assert_int_eq(it_stun_end(&b), IT_STUN_HEADER);
    ck_assert_uint_eq(it_get16(wire), CASES[_i].wire);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, IT_STUN_HEADER)), 0);
    ck_assert_uint_eq(m.method, CASES[_i].method);
    ck_assert_int_eq(m.cls, CASES[_i].cls);
}
END_TEST

START_TEST(every_method_and_class_comes_back)
{
    static const uint8_t TXID[IT_STUN_TXID] = {0};
    it_stun_msg m;

    for (unsigned v = 0; v < 0x4000; v++) {
        it_buf_init(&b, wire, sizeof(wire));
        it_stun_begin(&b, (enum it_stun_class)(v & 3), (uint16_t)(v >> 2), TXID);
        ck_assert_int_eq(it_stun_end(&b), IT_STUN_HEADER);
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, IT_STUN_HEADER)), 0);
        ck_assert_uint_eq((unsigned)m.method << 2 | (unsigned)m.cls, v);
    }
}
END_TEST

/* The same message in every room that is too small: never more than the room is written, and the end says so. */
START_TEST(an_overflow_is_reported_at_the_end)
{
    it_hmac_key k;

    it_stun_key_short(&k, it_bytes_str("k"));
    for (size_t cap = 0; cap <= 200; cap++) {
        int n;

        memset(wire, 0xee, sizeof(wire));
        it_buf_init(&b, wire, cap);
        it_stun_begin(&b, IT_STUN_ERROR, IT_STUN_BINDING, VECTOR_REQUEST + 8);
        it_stun_put_error(&b, 401, NULL);
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, it_addr_of(it_ip4(1), 2));
        it_stun_put_types(&b, IT_STUN_UNKNOWN_ATTRIBUTES, (const uint16_t[]){1, 2, 3}, 3);
        it_stun_put_algos(&b, IT_STUN_PASSWORD_ALGORITHMS, (const uint16_t[]){2, 1}, 2);
        it_stun_put_integrity(&b, &k);
        it_stun_put_integrity_sha256(&b, &k);
        it_stun_put_fingerprint(&b);
        n = it_stun_end(&b);
        ck_assert_int_eq(n, cap < 148 ? IT_ERR_FULL : 148);
        for (size_t i = cap; i < sizeof(wire); i++)
            ck_assert_uint_eq(wire[i], 0xee);
    }
}
END_TEST

START_TEST(no_address_and_a_long_reason_are_refused)
{
    char reason[IT_STUN_TEXT_MAX + 2];

    memset(reason, 'r', sizeof(reason));
    reason[IT_STUN_TEXT_MAX] = 0;
    begin(IT_STUN_ERROR, VECTOR_REQUEST);
    it_stun_put_error(&b, 500, reason);
    ck_assert_int_gt(it_stun_end(&b), 0);
    reason[IT_STUN_TEXT_MAX] = 'r';
    reason[IT_STUN_TEXT_MAX + 1] = 0;
    begin(IT_STUN_ERROR, VECTOR_REQUEST);
    it_stun_put_error(&b, 500, reason);
    ck_assert_int_eq(it_stun_end(&b), IT_ERR_FULL);
    begin(IT_STUN_SUCCESS, VECTOR_REQUEST);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, (it_addr){{0, 0}, 5});
    ck_assert_int_eq(it_stun_end(&b), IT_ERR_FULL);
}
END_TEST

START_TEST(error_codes_have_their_recommended_reason)
{
    int code = 0;
    it_bytes reason;
    it_stun_msg m;

    begin(IT_STUN_ERROR, VECTOR_REQUEST);
    it_stun_put_error(&b, 438, NULL);
    ck_assert_int_gt(it_stun_end(&b), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, b.len)), 0);
    ck_assert_int_eq(it_stun_get_error(&m, &code, &reason), 0);
    ck_assert_int_eq(code, 438);
    ck_assert(it_bytes_eq(reason, it_bytes_str("Stale Nonce")));
    ck_assert_str_eq(it_stun_reason(699), "Error");
}
END_TEST

START_TEST(unknown_types_are_put_as_they_are)
{
    it_stun_msg m;

    begin(IT_STUN_REQUEST, VECTOR_REQUEST);
    it_stun_put(&b, 0x7ffe, it_bytes_str("hello"));
    ck_assert_int_gt(it_stun_end(&b), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(wire, b.len)), 0);
    ck_assert(it_bytes_eq(it_stun_get(&m, 0x7ffe)->value, it_bytes_str("hello")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/build");
    TCase *vectors = tcase_create("RFC 5769"), *rules = tcase_create("RFC 8489 section 14");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(vectors, sample_request_of_rfc5769_is_built);
    tcase_add_loop_test(vectors, sample_responses_of_rfc5769_are_built, 0, 2);
    tcase_add_test(vectors, long_term_sample_of_rfc5769_is_built);
    suite_add_tcase(s, vectors);
    tcase_add_loop_test(rules, type_bits_are_spread_as_figure_3_says, 0, 7);
    tcase_add_test(rules, every_method_and_class_comes_back);
    tcase_add_test(rules, an_overflow_is_reported_at_the_end);
    tcase_add_test(rules, no_address_and_a_long_reason_are_refused);
    tcase_add_test(rules, error_codes_have_their_recommended_reason);
    tcase_add_test(rules, unknown_types_are_put_as_they_are);
    suite_add_tcase(s, rules);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
