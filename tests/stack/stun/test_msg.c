/* Parsing whole messages: the vectors of RFC 5769, malformed ones, what integrity hides, FINGERPRINT, labels. */
#include "stack/stun/msg.h"
#include "tests/stack/stun/vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define VIEW(v) it_bytes_of(v, sizeof(v))

static const uint8_t TXID[IT_STUN_TXID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t wire[4096];
static it_buf b;
static it_hmac_key key;

static void begin(void)
{
    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
    it_hmac_key_init(&key, it_bytes_str("key"));
}

static int parse(it_stun_msg *m)
{
    int n = it_stun_end(&b);

    ck_assert_int_gt(n, 0);
    return it_stun_parse(m, it_bytes_of(wire, (size_t)n));
}

START_TEST(sample_request_of_rfc5769_is_read)
{
    it_stun_msg m;
    uint32_t priority = 0;
    uint64_t tie = 0;

    ck_assert(it_stun_is(VIEW(VECTOR_REQUEST)));
    ck_assert_int_eq(it_stun_parse(&m, VIEW(VECTOR_REQUEST)), 0);
    ck_assert_int_eq(m.cls, IT_STUN_REQUEST);
    ck_assert_uint_eq(m.method, IT_STUN_BINDING);
    ck_assert_mem_eq(m.txid, VECTOR_REQUEST + 8, IT_STUN_TXID);
    ck_assert_uint_eq(m.n_attrs, 6);
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_SOFTWARE)->value, it_bytes_str("STUN test client")));
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_USERNAME)->value, it_bytes_str("evtj:h6vY")));
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_PRIORITY, &priority), 0);
    ck_assert_uint_eq(priority, 0x6e0001ff);
    ck_assert_int_eq(it_stun_get_u64(&m, IT_STUN_ICE_CONTROLLED, &tie), 0);
    ck_assert_uint_eq(tie, 0x932ff9b151263b36);
    ck_assert_int_eq(it_stun_get_u64(&m, IT_STUN_ICE_CONTROLLING, &tie), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(sample_responses_of_rfc5769_are_read)
{
    const it_bytes vectors[] = {VIEW(VECTOR_RESPONSE4), VIEW(VECTOR_RESPONSE6)};
    static const char *const WANT[] = {"192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"};
    char text[IT_ADDR_TEXT];
    it_stun_msg m;
    it_addr a;

    ck_assert_int_eq(it_stun_parse(&m, vectors[_i]), 0);
    ck_assert_int_eq(m.cls, IT_STUN_SUCCESS);
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &a), 0);
    ck_assert_str_eq(it_addr_text(a, text), WANT[_i]);
}
END_TEST

START_TEST(every_truncation_is_rejected)
{
    it_stun_msg m;

    for (size_t n = 0; n < sizeof(VECTOR_REQUEST); n++)
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(VECTOR_REQUEST, n)), IT_ERR_PARSE);
}
END_TEST

/* Cut to |n| bytes of attributes with a header that agrees: whole attributes parse, others do not. */
START_TEST(an_attribute_cut_off_by_the_end_is_rejected)
{
    static const size_t ENDS[] = {0, 20, 28, 40, 56, 80, 88};
    uint8_t d[sizeof(VECTOR_REQUEST)];
    it_stun_msg m;

    for (size_t n = 0; n <= 88; n += 4) {
        bool whole = false;

        for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++)
            whole |= ENDS[i] == n;
        memcpy(d, VECTOR_REQUEST, sizeof(d));
        it_put16(d + 2, (uint16_t)n);
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(d, IT_STUN_HEADER + n)), whole ? 0 : IT_ERR_PARSE);
    }
}
END_TEST

START_TEST(an_attribute_longer_than_the_message_is_rejected)
{
    it_stun_msg m;

    for (unsigned n = 5; n < 0x10000; n += n < 64 ? 1 : 777) {
        begin();
        it_buf_u16(&b, 0xfff0);
        it_buf_u16(&b, (uint16_t)n);
        it_buf_u32(&b, 0);
        ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
    }
}
END_TEST

START_TEST(is_wants_two_zero_bits_cookie_and_a_length_that_fits)
{
    uint8_t d[24];

    begin();
    it_stun_put_u32(&b, IT_STUN_DONT_FRAGMENT, 0);
    ck_assert_int_eq(it_stun_end(&b), 24);
    ck_assert(it_stun_is(it_bytes_of(wire, 24)));
    ck_assert(it_stun_is(it_bytes_of(wire, 30))); /* more may follow in a stream */
    ck_assert(!it_stun_is(it_bytes_of(wire, 23)));
    ck_assert(!it_stun_is(it_bytes_of(NULL, 0)));
    for (size_t bit = 0; bit < 64; bit++) {
        bool type = bit >= 8 ? bit < 16 : bit < 6; /* the type's bits, apart from the two that are zero */

        memcpy(d, wire, sizeof(d));
        d[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(it_stun_is(VIEW(d)), type || bit == 26); /* length 4 becomes 0 */
    }
}
END_TEST

START_TEST(a_datagram_with_more_than_the_message_is_rejected)
{
    uint8_t d[sizeof(VECTOR_REQUEST) + 4] = {0};
    it_stun_msg m;

    memcpy(d, VECTOR_REQUEST, sizeof(VECTOR_REQUEST));
    ck_assert_int_eq(it_stun_parse(&m, VIEW(d)), IT_ERR_PARSE);
}
END_TEST

START_TEST(the_first_of_a_type_counts)
{
    it_stun_msg m;
    uint32_t v = 0;

    begin();
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 2);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_PRIORITY, &v), 0);
    ck_assert_uint_eq(v, 1);
}
END_TEST

START_TEST(padding_of_any_value_is_accepted)
{
    it_stun_msg m;

    begin();
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str("abcde"));
    memset(wire + b.len - 3, 0xff, 3);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert(it_bytes_eq(it_stun_get(&m, IT_STUN_USERNAME)->value, it_bytes_str("abcde")));
}
END_TEST

START_TEST(attributes_after_integrity_are_ignored)
{
    it_stun_msg m;

    begin();
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    it_stun_put_integrity(&b, &key);
    it_stun_put_u32(&b, IT_STUN_USE_CANDIDATE, 0);
    it_buf_u32(&b, 0x00060004); /* a USERNAME, ignored as well */
    it_buf_u32(&b, 0);
    it_stun_put_integrity_sha256(&b, &key);
    it_stun_put_error(&b, 400, NULL);
    it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_uint_eq(m.n_attrs, 4);
    ck_assert_uint_eq(m.attrs[0].type, IT_STUN_PRIORITY);
    ck_assert_uint_eq(m.attrs[1].type, IT_STUN_MESSAGE_INTEGRITY);
    ck_assert_uint_eq(m.attrs[2].type, IT_STUN_MESSAGE_INTEGRITY_SHA256);
    ck_assert_uint_eq(m.attrs[3].type, IT_STUN_FINGERPRINT);
}
END_TEST

START_TEST(attributes_after_sha256_integrity_are_ignored)
{
    it_stun_msg m;

    begin();
    it_stun_put_integrity_sha256(&b, &key);
    it_stun_put_integrity(&b, &key);
    it_stun_put_u32(&b, IT_STUN_USE_CANDIDATE, 0);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_uint_eq(m.n_attrs, 1);
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
}
END_TEST

START_TEST(ignored_attributes_may_have_any_size_but_not_leave_the_message)
{
    it_stun_msg m;

    begin();
    it_stun_put_integrity(&b, &key);
    it_buf_u32(&b, 0x00240000); /* PRIORITY without its value */
    ck_assert_int_eq(parse(&m), 0);
    it_buf_u32(&b, 0x00240001);
    ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
}
END_TEST

START_TEST(fingerprint_must_be_last)
{
    it_stun_msg m;

    begin();
    it_stun_put_fingerprint(&b);
    ck_assert_int_eq(parse(&m), 0);
    begin();
    it_stun_put_fingerprint(&b);
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
    begin();
    it_stun_put_fingerprint(&b);
    it_stun_put_fingerprint(&b);
    ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
}
END_TEST

START_TEST(every_flipped_bit_breaks_the_fingerprint)
{
    uint8_t d[sizeof(VECTOR_RESPONSE6)];
    it_stun_msg m;

    for (size_t bit = 0; bit < sizeof(d) * 8; bit++) {
        memcpy(d, VECTOR_RESPONSE6, sizeof(d));
        d[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* a flip in the type of FINGERPRINT makes it another, unknown attribute */
        if (bit / 8 != sizeof(d) - 8 && bit / 8 != sizeof(d) - 7)
            ck_assert_msg(it_stun_parse(&m, VIEW(d)) < 0, "bit %zu", bit);
    }
}
END_TEST

START_TEST(too_many_attributes_are_full)
{
    it_stun_msg m;

    begin();
    for (int i = 0; i < IT_STUN_ATTRS_MAX; i++)
        it_stun_put_u32(&b, IT_STUN_DONT_FRAGMENT, 0);
    ck_assert_int_eq(parse(&m), 0);
    it_stun_put_u32(&b, IT_STUN_DONT_FRAGMENT, 0);
    ck_assert_int_eq(parse(&m), IT_ERR_FULL);
}
END_TEST

START_TEST(unknown_comprehension_required_types_are_listed_once)
{
    static const uint16_t KNOWN[] = {IT_STUN_USERNAME, IT_STUN_PRIORITY};
    uint16_t out[4] = {0};
    it_stun_msg m;

    begin();
    it_stun_put(&b, 0x7ffe, it_bytes_of(NULL, 0));
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str("u"));
    it_stun_put(&b, 0x8ffe, it_bytes_str("ignored"));
    it_stun_put(&b, 0x7ffe, it_bytes_str("again"));
    it_stun_put(&b, 0x0012, it_bytes_of("\0\1\0\0\0\0\0\0", 8));
    it_stun_put(&b, 0x7fff, it_bytes_of(NULL, 0));
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_int_eq(it_stun_unknown(&m, KNOWN, 2, out, 2), 3);
    ck_assert_uint_eq(out[0], 0x7ffe);
    ck_assert_uint_eq(out[1], 0x0012); /* of another usage */
    ck_assert_uint_eq(out[2], 0);
    ck_assert_int_eq(it_stun_unknown(&m, KNOWN, 2, NULL, 0), 3);
}
END_TEST

/* Section 6.3: what is known but not expected is ignored, so nothing of RFC 8489's own is ever unknown. */
START_TEST(no_attribute_of_rfc_8489_is_unknown)
{
    static const uint16_t OWN[] = {0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x0014,
                                   0x0015, 0x001C, 0x001D, 0x001E, 0x0020};
    it_stun_msg m = {.n_attrs = 1};
    uint16_t out[1];
    int known = 0;
    for (unsigned type = 0; type < 0x8000; type++) {
        m.attrs[0].type = (uint16_t)type;
        known += it_stun_unknown(&m, NULL, 0, out, 1) == 0;
    }
    ck_assert_int_eq(known, (int)(sizeof OWN / sizeof *OWN)); /* section 18.3 */
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        m.attrs[0].type = OWN[i];
        ck_assert_int_eq(it_stun_unknown(&m, NULL, 0, out, 1), 0);
    }
}
END_TEST

START_TEST(labels_name_method_class_and_code)
{
    static const struct {
        enum it_stun_class cls;
        uint16_t method;
        int code;
        const char *want;
    } CASES[] = {
        {IT_STUN_REQUEST, IT_STUN_BINDING, 0, "Binding request"},
        {IT_STUN_SUCCESS, IT_STUN_CREATE_PERMISSION, 0, "CreatePermission success"},
        {IT_STUN_ERROR, IT_STUN_ALLOCATE, 401, "Allocate error 401"},
        {IT_STUN_ERROR, IT_STUN_ALLOCATE, 0, "Allocate error"},
        {IT_STUN_INDICATION, IT_STUN_DATA, 0, "Data indication"},
        {IT_STUN_REQUEST, 0xfff, 0, "Method 0xfff request"},
        {IT_STUN_REQUEST, 0x002, 0, "Method 0x002 request"},
    };
    char text[64];
    it_stun_msg m;

    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, CASES[_i].cls, CASES[_i].method, TXID);
    if (CASES[_i].code)
        it_stun_put_error(&b, CASES[_i].code, NULL);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_str_eq(it_stun_label(&m, text), CASES[_i].want);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/msg");
    TCase *vectors = tcase_create("RFC 5769"), *shape = tcase_create("RFC 8489 section 5"),
          *rules = tcase_create("rules");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(vectors, sample_request_of_rfc5769_is_read);
    tcase_add_loop_test(vectors, sample_responses_of_rfc5769_are_read, 0, 2);
    tcase_add_test(vectors, every_truncation_is_rejected);
    tcase_add_test(vectors, an_attribute_cut_off_by_the_end_is_rejected);
    suite_add_tcase(s, vectors);
    tcase_add_test(shape, an_attribute_longer_than_the_message_is_rejected);
    tcase_add_test(shape, is_wants_two_zero_bits_cookie_and_a_length_that_fits);
    tcase_add_test(shape, a_datagram_with_more_than_the_message_is_rejected);
    tcase_add_test(shape, too_many_attributes_are_full);
    tcase_add_loop_test(shape, labels_name_method_class_and_code, 0, 7);
    suite_add_tcase(s, shape);
    tcase_add_test(rules, the_first_of_a_type_counts);
    tcase_add_test(rules, padding_of_any_value_is_accepted);
    tcase_add_test(rules, attributes_after_integrity_are_ignored);
    tcase_add_test(rules, attributes_after_sha256_integrity_are_ignored);
    tcase_add_test(rules, ignored_attributes_may_have_any_size_but_not_leave_the_message);
    tcase_add_test(rules, fingerprint_must_be_last);
    tcase_add_test(rules, every_flipped_bit_breaks_the_fingerprint);
    tcase_add_test(rules, unknown_comprehension_required_types_are_listed_once);
    tcase_add_test(rules, no_attribute_of_rfc_8489_is_unknown);
    suite_add_tcase(s, rules);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
