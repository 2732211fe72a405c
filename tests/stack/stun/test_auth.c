/* Integrity against the messages of RFC 5769 and RFC 8489 appendix B, and the keys of RFC 8489 section 9. */
#include "stack/stun/auth.h"
#include "tests/stack/stun/vectors.h"

#include <check.h>
#include <stdlib.h>

#define VIEW(v) it_bytes_of(v, sizeof(v))

static const uint8_t TXID[IT_STUN_TXID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static it_hmac_key short_key(void)
{
    it_hmac_key k;

    it_stun_key_short(&k, it_bytes_str(VECTOR_PASSWORD));
    return k;
}

START_TEST(short_term_vectors_of_rfc5769_verify)
{
    const it_bytes vectors[] = {VIEW(VECTOR_REQUEST), VIEW(VECTOR_RESPONSE4), VIEW(VECTOR_RESPONSE6)};
    it_hmac_key k = short_key();
    uint16_t which = 0;
    it_stun_msg m;

    ck_assert_int_eq(it_stun_parse(&m, vectors[_i]), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, &which), 0);
    ck_assert_uint_eq(which, IT_STUN_MESSAGE_INTEGRITY);
}
END_TEST

START_TEST(long_term_vector_of_rfc5769_verifies)
{
    it_stun_msg m;
    it_hmac_key k;

    it_stun_key_long(&k, IT_STUN_ALGO_MD5, it_bytes_str(VECTOR_USER), it_bytes_str(VECTOR_REALM),
                     it_bytes_str(VECTOR_LONG_PASSWORD));
    ck_assert_int_eq(it_stun_parse(&m, VIEW(VECTOR_LONGTERM)), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), 0);
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_USERNAME)->value, it_bytes_str(VECTOR_USER)));
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_NONCE)->value, it_bytes_str(VECTOR_NONCE)));
}
END_TEST

START_TEST(every_bit_under_the_integrity_matters)
{
    it_hmac_key k = short_key();
    uint8_t d[sizeof(VECTOR_RESPONSE4)];
    it_stun_msg m;

    /* up to the end of MESSAGE-INTEGRITY, without FINGERPRINT, which would already notice */
    for (size_t bit = 0; bit < (sizeof(d) - 8) * 8; bit++) {
        memcpy(d, VECTOR_RESPONSE4, sizeof(d));
        it_put16(d + 2, sizeof(d) - IT_STUN_HEADER - 8);
        d[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (it_stun_parse(&m, it_bytes_of(d, sizeof(d) - 8)) == 0)
            ck_assert_msg(it_stun_check(&m, &k, NULL) < 0, "bit %zu", bit);
    }
    ck_assert_int_eq(it_stun_parse(&m, VIEW(VECTOR_RESPONSE4)), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), 0);
}
END_TEST

/* The header of RFC 8489 appendix B.1 as printed says 156, which is the size with the header; the attributes are 136
 * bytes. The printed HMAC was made with the length 156. So the message is rejected as it stands, and its parts are
 * checked one by one. */
START_TEST(sha256_vector_of_rfc8489_verifies_apart_from_its_length)
{
    size_t at = sizeof(VECTOR_SHA256) - 36;
    uint8_t d[sizeof(VECTOR_SHA256)], mac[IT_SHA256_SIZE], hash[IT_SHA256_SIZE];
    it_stun_msg m;
    it_hmac_key k;

    ck_assert_int_eq(it_stun_parse(&m, VIEW(VECTOR_SHA256)), IT_ERR_PARSE);
    it_stun_key_long(&k, IT_STUN_ALGO_SHA256, it_bytes_str(VECTOR_USER), it_bytes_str(VECTOR_REALM),
                     it_bytes_str(VECTOR_LONG_PASSWORD));
    it_hmac_sha256(&k, mac, it_bytes_of(VECTOR_SHA256, at), it_bytes_of(NULL, 0));
    ck_assert_mem_eq(mac, VECTOR_SHA256 + at + 4, sizeof(mac));

    memcpy(d, VECTOR_SHA256, sizeof(d));
    it_put16(d + 2, sizeof(d) - IT_STUN_HEADER);
    ck_assert_int_eq(it_stun_parse(&m, VIEW(d)), 0);
    it_stun_userhash(hash, it_bytes_str(VECTOR_USER), it_bytes_str(VECTOR_REALM));
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_USERHASH)->value, it_bytes_of(hash, sizeof(hash))));
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), IT_ERR_AUTH);
}
END_TEST

START_TEST(long_term_key_is_the_example_of_section_9_2_2)
{
    static const uint8_t WANT[] = {0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82, 0xfb,
                                   0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc, 0x40, 0xeb};
    it_hmac_key a, b;

    it_stun_key_long(&a, IT_STUN_ALGO_MD5, it_bytes_str("user"), it_bytes_str("realm"), it_bytes_str("pass"));
    it_hmac_key_init(&b, VIEW(WANT));
    ck_assert_mem_eq(&a, &b, sizeof(a));
    it_stun_key_long(&b, IT_STUN_ALGO_SHA256, it_bytes_str("user"), it_bytes_str("realm"), it_bytes_str("pass"));
    ck_assert_mem_ne(&a, &b, sizeof(a));
}
END_TEST

/* A request with the wanted integrity attributes, in the order of the letters: 1 for SHA-1, 2 for SHA-256, f for
 * FINGERPRINT. */
static it_bytes signed_request(uint8_t *d, size_t cap, const it_hmac_key *k, const char *what)
{
    it_buf b;

    it_buf_init(&b, d, cap);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str("a:b"));
    for (; *what; what++) {
        if (*what == '1')
            it_stun_put_integrity(&b, k);
        else if (*what == '2')
            it_stun_put_integrity_sha256(&b, k);
        else
            it_stun_put_fingerprint(&b);
    }
    ck_assert_int_gt(it_stun_end(&b), 0);
    return it_bytes_of(d, b.len);
}

START_TEST(what_is_signed_verifies)
{
    static const struct {
        const char *what;
        uint16_t which;
    } CASES[] = {
        {"1", IT_STUN_MESSAGE_INTEGRITY},         {"2", IT_STUN_MESSAGE_INTEGRITY_SHA256},
        {"12", IT_STUN_MESSAGE_INTEGRITY_SHA256}, {"1f", IT_STUN_MESSAGE_INTEGRITY},
        {"2f", IT_STUN_MESSAGE_INTEGRITY_SHA256}, {"12f", IT_STUN_MESSAGE_INTEGRITY_SHA256},
    };
    it_hmac_key k = short_key(), other;
    uint16_t which = 0;
    uint8_t d[256];
    it_stun_msg m;

    ck_assert_int_eq(it_stun_parse(&m, signed_request(d, sizeof(d), &k, CASES[_i].what)), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, &which), 0);
    ck_assert_uint_eq(which, CASES[_i].which);
    it_stun_key_short(&other, it_bytes_str("wrong"));
    ck_assert_int_eq(it_stun_check(&m, &other, NULL), IT_ERR_AUTH);
}
END_TEST

START_TEST(sha1_alone_verifies_in_a_message_with_both)
{
    it_hmac_key k = short_key();
    uint8_t d[256];
    it_stun_msg m;
    it_bytes r = signed_request(d, sizeof(d), &k, "12f");

    /* a receiver of RFC 5389 knows nothing of -SHA256: it must still find MESSAGE-INTEGRITY right */
    ck_assert_int_eq(it_stun_parse(&m, r), 0);
    for (uint32_t i = 0; i < m.n_attrs; i++)
        if (m.attrs[i].type == IT_STUN_MESSAGE_INTEGRITY_SHA256)
            m.attrs[i].type = 0xfff0;
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), 0);
}
END_TEST

START_TEST(a_wrong_sha256_is_not_saved_by_a_right_sha1)
{
    it_hmac_key k = short_key();
    uint8_t d[256];
    it_stun_msg m;
    it_bytes r = signed_request(d, sizeof(d), &k, "12");

    d[r.n - 1] ^= 1; /* section 9.1.3: -SHA256 is the one that counts when it is there */
    ck_assert_int_eq(it_stun_parse(&m, r), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), IT_ERR_AUTH);
}
END_TEST

/* Section 9.1.4. */
START_TEST(a_response_counts_only_by_the_algorithm_of_its_request)
{
    static const uint16_t SENT[] = {IT_STUN_MESSAGE_INTEGRITY, IT_STUN_MESSAGE_INTEGRITY_SHA256};
    static const char *const PUT[] = {"1", "2"};
    it_hmac_key k = short_key(), other;
    uint8_t d[256];
    it_stun_msg m;

    it_hmac_key_init(&other, it_bytes_str("another"));
    for (int put = 0; put < 2; put++) {
        ck_assert_int_eq(it_stun_parse(&m, signed_request(d, sizeof(d), &k, PUT[put])), 0);
        for (int sent = 0; sent < 2; sent++)
            ck_assert_int_eq(it_stun_check_response(&m, &k, SENT[sent]), put == sent ? 0 : IT_ERR_AUTH);
        ck_assert_int_eq(it_stun_check_response(&m, &other, SENT[put]), IT_ERR_AUTH);
    }
    ck_assert_int_eq(it_stun_parse(&m, signed_request(d, sizeof(d), &k, "f")), 0);
    ck_assert_int_eq(it_stun_check_response(&m, &k, SENT[0]), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(a_truncated_sha256_is_refused)
{
    it_hmac_key k = short_key();
    uint8_t d[256], mac[IT_SHA256_SIZE];
    size_t size = 16 + 4 * (size_t)_i;
    it_stun_msg m;
    it_buf b;

    it_buf_init(&b, d, sizeof(d));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
    it_put16(d + 2, (uint16_t)(4 + size));
    it_hmac_sha256(&k, mac, it_bytes_of(d, b.len), it_bytes_of(NULL, 0));
    it_stun_put(&b, IT_STUN_MESSAGE_INTEGRITY_SHA256, it_bytes_of(mac, size));
    ck_assert_int_gt(it_stun_end(&b), 0);
    ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(d, b.len)), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), size == IT_SHA256_SIZE ? 0 : IT_ERR_AUTH);
}
END_TEST

START_TEST(a_message_without_integrity_is_not_found)
{
    it_hmac_key k = short_key();
    uint8_t d[256];
    it_stun_msg m;

    ck_assert_int_eq(it_stun_parse(&m, signed_request(d, sizeof(d), &k, "f")), 0);
    ck_assert_int_eq(it_stun_check(&m, &k, NULL), IT_ERR_NOTFOUND);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/auth");
    TCase *vectors = tcase_create("RFC 5769"), *rules = tcase_create("RFC 8489 section 14");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(vectors, short_term_vectors_of_rfc5769_verify, 0, 3);
    tcase_add_test(vectors, long_term_vector_of_rfc5769_verifies);
    tcase_add_test(vectors, every_bit_under_the_integrity_matters);
    tcase_add_test(vectors, sha256_vector_of_rfc8489_verifies_apart_from_its_length);
    suite_add_tcase(s, vectors);
    tcase_add_test(rules, long_term_key_is_the_example_of_section_9_2_2);
    tcase_add_loop_test(rules, what_is_signed_verifies, 0, 6);
    tcase_add_test(rules, sha1_alone_verifies_in_a_message_with_both);
    tcase_add_test(rules, a_wrong_sha256_is_not_saved_by_a_right_sha1);
    tcase_add_test(rules, a_response_counts_only_by_the_algorithm_of_its_request);
    tcase_add_loop_test(rules, a_truncated_sha256_is_refused, 0, 5);
    tcase_add_test(rules, a_message_without_integrity_is_not_found);
    suite_add_tcase(s, rules);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
