/* The attribute table: its own consistency, and for every row what is put in comes out, and wrong sizes do not. */
#include "stack/stun/msg.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t TXID[IT_STUN_TXID] = {0xde, 0xad, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xff};
static uint8_t wire[70000];
static it_buf b;

static int rows(void)
{
    int n = 0;

    while (it_stun_attr_at((size_t)n))
        n++;
    return n;
}

static void begin(void)
{
    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
}

static int parse(it_stun_msg *m)
{
    int n = it_stun_end(&b);

    ck_assert_int_gt(n, 0);
    return it_stun_parse(m, it_bytes_of(wire, (size_t)n));
}

/* An attribute as bytes, whatever the table says about it. */
static void put_raw(uint16_t type, size_t n)
{
    it_buf_u16(&b, type);
    it_buf_u16(&b, (uint16_t)n);
    it_buf_fill(&b, 'x', n);
    it_buf_fill(&b, 0, (4 - n % 4) % 4);
}

START_TEST(rows_ascend_and_are_found)
{
    const it_stun_attr_spec *row = it_stun_attr_at((size_t)_i), *before = _i ? it_stun_attr_at((size_t)_i - 1) : NULL;

    ck_assert(!before || before->type < row->type);
    ck_assert_ptr_eq(it_stun_attr_find(row->type), row);
    ck_assert_uint_le(row->min, row->put_max);
    ck_assert_uint_le(row->put_max, row->max);
    ck_assert_uint_gt(row->unit, 0);
    ck_assert_uint_eq(row->min % row->unit, 0);
    ck_assert_uint_eq(row->max % row->unit, 0);
    ck_assert(strstr(row->rfc, " section ") || strncmp(row->rfc, "draft-", 6) == 0);
}
END_TEST

START_TEST(types_outside_the_table_are_not_found)
{
    static const uint16_t TYPES[] = {0, 2, 0x0007, 0x0010, 0x0021, 0x7fff, 0x802d, 0xffff};

    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        ck_assert_ptr_null(it_stun_attr_find(TYPES[i]));
    ck_assert_ptr_null(it_stun_attr_at((size_t)rows()));
}
END_TEST

static void addresses_round_trip(uint16_t type)
{
    static const char *const TEXTS[] = {"192.0.2.1:32853", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:7"};

    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        it_stun_msg m;
        it_addr in, out;

        ck_assert_int_eq(it_addr_parse(&in, TEXTS[i]), 0);
        begin();
        it_stun_put_addr(&b, type, in);
        ck_assert_int_eq(parse(&m), 0);
        ck_assert_int_eq(it_stun_get_addr(&m, type, &out), 0);
        ck_assert(it_addr_eq(in, out));
    }
}

static void numbers_round_trip(const it_stun_attr_spec *row, int width)
{
    static const uint64_t VALUES[] = {0, 1, 0x8122334455667788, UINT64_MAX};

    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        uint64_t in = width == 8 ? VALUES[i] : VALUES[i] & ((1ULL << 8 * width) - 1), wide = 0;
        it_stun_msg m;
        uint32_t out = 0;

        begin();
        if (width == 8)
            it_stun_put_u64(&b, row->type, in);
        else
            it_stun_put_u32(&b, row->type, (uint32_t)in);
        ck_assert_int_eq(parse(&m), 0);
        ck_assert_uint_eq(it_stun_get(&m, row->type)->value.n, row->max);
        if (width == 8) {
            ck_assert_int_eq(it_stun_get_u64(&m, row->type, &wide), 0);
            ck_assert_int_eq(it_stun_get_u32(&m, row->type, &out), IT_ERR_PARSE);
        } else if (width > 0) {
            ck_assert_int_eq(it_stun_get_u32(&m, row->type, &out), 0);
            ck_assert_int_eq(it_stun_get_u64(&m, row->type, &wide), IT_ERR_PARSE);
            wide = out;
        } else {
            ck_assert_int_eq(it_stun_get_u32(&m, row->type, &out), IT_ERR_PARSE);
        }
        ck_assert_uint_eq(wide, in);
    }
}

static void lists_round_trip(uint16_t type)
{
    uint16_t in[] = {2, 0x7ffe, 1}, out[3] = {0};
    bool algos = it_stun_attr_find(type)->shape == IT_STUN_SHAPE_ALGOS;

    for (int n = type == IT_STUN_PASSWORD_ALGORITHM; n <= 3; n++) {
        it_stun_msg m;

        begin();
        if (algos)
            it_stun_put_algos(&b, type, in, n);
        else
            it_stun_put_types(&b, type, in, n);
        ck_assert_int_eq(parse(&m), 0);
        ck_assert_int_eq(algos ? it_stun_get_algos(&m, type, out, 3) : it_stun_get_types(&m, type, out, 3), n);
        ck_assert_mem_eq(in, out, 2 * (size_t)n);
        ck_assert_int_eq(algos ? it_stun_get_types(&m, type, out, 3) : it_stun_get_algos(&m, type, out, 3),
                         IT_ERR_PARSE);
    }
}

static void bytes_round_trip(const it_stun_attr_spec *row, size_t n)
{
    static uint8_t value[65536];
    it_stun_msg m;
    const it_stun_attr *a;

    memset(value, 0xa5, n);
    begin();
    it_stun_put(&b, row->type, it_bytes_of(value, n));
    ck_assert_int_eq(parse(&m), 0);
    a = it_stun_get(&m, row->type);
    ck_assert_ptr_nonnull(a);
    ck_assert(it_bytes_eq(a->value, it_bytes_of(value, n)));
    for (const uint8_t *p = a->value.p + n; p < wire + b.len; p++)
        ck_assert_uint_eq(*p, 0); /* RFC 8489 section 14: padding is zero on sending */
}

START_TEST(every_attribute_round_trips)
{
    const it_stun_attr_spec *row = it_stun_attr_at((size_t)_i);
    int width = it_stun_shape_width(row->shape);

    if (row->type == IT_STUN_FINGERPRINT) { /* its value is fixed by the message */
        it_stun_msg m;

        begin();
        it_stun_put_fingerprint(&b);
        ck_assert_int_eq(parse(&m), 0);
        return;
    }
    if (width >= 0)
        numbers_round_trip(row, width);
    else if (row->shape == IT_STUN_SHAPE_ADDR || row->shape == IT_STUN_SHAPE_XADDR)
        addresses_round_trip(row->type);
    else if (row->shape == IT_STUN_SHAPE_TYPES || row->shape == IT_STUN_SHAPE_ALGOS)
        lists_round_trip(row->type);
    bytes_round_trip(row, row->min);
    bytes_round_trip(row, row->put_max - (row->put_max > 60000 ? 8u : 0u));
}
END_TEST

START_TEST(wrong_sizes_are_rejected)
{
    const it_stun_attr_spec *row = it_stun_attr_at((size_t)_i);
    it_stun_msg m;

    for (size_t n = 0; n <= 40; n++) {
        bool right = n >= row->min && n <= row->max && n % row->unit == 0;

        if (row->type == IT_STUN_FINGERPRINT)
            right = false; /* and its value is wrong anyway */
        begin();
        put_raw(row->type, n);
        ck_assert_int_eq(parse(&m), right ? 0 : IT_ERR_PARSE);
    }
    if (row->max < 60000) {
        begin();
        put_raw(row->type, row->max + 1u);
        ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
    }
}
END_TEST

START_TEST(values_that_may_not_be_sent_are_not_built)
{
    const it_stun_attr_spec *row = it_stun_attr_at((size_t)_i);
    static uint8_t value[65536];

    begin();
    it_stun_put(&b, row->type, it_bytes_of(value, row->put_max + 1u));
    ck_assert_int_eq(it_stun_end(&b), IT_ERR_FULL);
    if (row->min > 0) {
        begin();
        it_stun_put(&b, row->type, it_bytes_of(value, row->min - 1u));
        ck_assert_int_eq(it_stun_end(&b), IT_ERR_FULL);
    }
}
END_TEST

START_TEST(texts_are_accepted_up_to_763_bytes)
{
    static const uint16_t TYPES[] = {IT_STUN_USERNAME, IT_STUN_REALM, IT_STUN_NONCE, IT_STUN_SOFTWARE};
    it_stun_msg m;

    for (size_t i = 0; i < 4; i++) {
        begin();
        put_raw(TYPES[i], 763);
        ck_assert_int_eq(parse(&m), 0);
        begin();
        put_raw(TYPES[i], 764);
        ck_assert_int_eq(parse(&m), IT_ERR_PARSE);
    }
}
END_TEST

START_TEST(xor_hides_the_address_on_the_wire)
{
    it_stun_msg m;
    it_addr a;

    ck_assert_int_eq(it_addr_parse(&a, "192.0.2.1:32853"), 0);
    begin();
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, a);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_mem_eq(it_stun_get(&m, IT_STUN_XOR_MAPPED_ADDRESS)->value.p, "\0\1\xa1\x47\xe1\x12\xa6\x43", 8);
    begin();
    it_stun_put_addr(&b, IT_STUN_MAPPED_ADDRESS, a);
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_mem_eq(it_stun_get(&m, IT_STUN_MAPPED_ADDRESS)->value.p, "\0\1\x80\x55\xc0\x00\x02\x01", 8);
}
END_TEST

/* Address values that have the wrong family or size; the first byte does not matter (RFC 8489 section 14.1). */
START_TEST(addresses_of_other_families_are_not_read)
{
    static const struct {
        uint8_t first, family;
        size_t n;
        int err;
    } CASES[] = {
        {0, 1, 8, 0},
        {9, 1, 8, 0},
        {0, 2, 20, 0},
        {0, 3, 8, IT_ERR_PARSE},
        {0, 3, 20, IT_ERR_PARSE},
        {0, 1, 20, IT_ERR_PARSE},
        {0, 2, 8, IT_ERR_PARSE},
        {0, 0, 8, IT_ERR_PARSE},
    };
    it_stun_msg m;
    it_addr a;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        begin();
        put_raw(IT_STUN_XOR_MAPPED_ADDRESS, CASES[i].n);
        wire[24] = CASES[i].first;
        wire[25] = CASES[i].family;
        ck_assert_int_eq(parse(&m), 0);
        ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &a), CASES[i].err);
    }
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_MAPPED_ADDRESS, &a), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(error_codes_outside_300_to_699_are_not_read)
{
    int code;
    it_bytes reason;
    it_stun_msg m;

    for (int cls = 0; cls < 8; cls++) {
        for (int number = 0; number < 256; number += 9) {
            bool right = cls >= 3 && cls <= 6 && number < 100;

            begin();
            put_raw(IT_STUN_ERROR_CODE, 7);
            wire[24 + 2] = (uint8_t)(0xf8 | cls); /* reserved bits are ignored */
            wire[24 + 3] = (uint8_t)number;
            ck_assert_int_eq(parse(&m), 0);
            ck_assert_int_eq(it_stun_get_error(&m, &code, &reason), right ? 0 : IT_ERR_PARSE);
            if (right) {
                ck_assert_int_eq(code, cls * 100 + number);
                ck_assert(it_bytes_eq(reason, it_bytes_str("xxx")));
            }
        }
    }
}
END_TEST

START_TEST(algorithm_parameters_are_skipped)
{
    static const uint8_t LIST[] = {0, 9, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 7};
    uint16_t out[3] = {0};
    it_stun_msg m;

    begin();
    it_stun_put(&b, IT_STUN_PASSWORD_ALGORITHMS, it_bytes_of(LIST, sizeof(LIST)));
    ck_assert_int_eq(parse(&m), 0);
    ck_assert_int_eq(it_stun_get_algos(&m, IT_STUN_PASSWORD_ALGORITHMS, out, 2), 3);
    ck_assert_uint_eq(out[0], 9);
    ck_assert_uint_eq(out[1], 2);
    ck_assert_uint_eq(out[2], 0); /* beyond the room given */
    for (size_t n = 1; n < sizeof(LIST); n++) {
        int got;

        begin();
        it_stun_put(&b, IT_STUN_PASSWORD_ALGORITHMS, it_bytes_of(LIST, n));
        ck_assert_int_eq(parse(&m), 0);
        got = it_stun_get_algos(&m, IT_STUN_PASSWORD_ALGORITHMS, out, 3);
        ck_assert_int_eq(got, n >= 9 && n <= 12 ? 1 : n == 16 ? 2 : IT_ERR_PARSE);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/attr");
    TCase *table = tcase_create("table"), *values = tcase_create("RFC 8489 section 14");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(table, rows_ascend_and_are_found, 0, rows());
    tcase_add_test(table, types_outside_the_table_are_not_found);
    tcase_add_loop_test(table, every_attribute_round_trips, 0, rows());
    tcase_add_loop_test(table, wrong_sizes_are_rejected, 0, rows());
    tcase_add_loop_test(table, values_that_may_not_be_sent_are_not_built, 0, rows());
    suite_add_tcase(s, table);
    tcase_add_test(values, texts_are_accepted_up_to_763_bytes);
    tcase_add_test(values, xor_hides_the_address_on_the_wire);
    tcase_add_test(values, addresses_of_other_families_are_not_read);
    tcase_add_test(values, error_codes_outside_300_to_699_are_not_read);
    tcase_add_test(values, algorithm_parameters_are_skipped);
    suite_add_tcase(s, values);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
