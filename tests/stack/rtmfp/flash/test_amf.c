/* stack/rtmfp/flash/amf.c: AMF0 values. */
#include "stack/rtmfp/flash/amf.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[2048];

static it_rd reader(const char *hex)
{
    it_rd r;
    it_rd_init(&r, kit_hex(room, hex));
    return r;
}

static const struct {
    int64_t n;
    uint64_t bits;
} NUMBERS[] = {{0, 0},
               {1, 0x3ff0000000000000},
               {-1, 0xbff0000000000000},
               {2, 0x4000000000000000},
               {3, 0x4008000000000000},
               {10000, 0x40c3880000000000},
               {1LL << 52, 0x4330000000000000},
               {(1LL << 53) - 1, 0x433fffffffffffff},
               {-2000001, 0xc13e848100000000}};

START_TEST(whole_numbers_are_doubles_and_back)
{
    int64_t n = 7;
    double d;
    ck_assert_uint_eq(it_rtmfp_amf_bits(NUMBERS[_i].n), NUMBERS[_i].bits);
    memcpy(&d, &NUMBERS[_i].bits, sizeof d);
    ck_assert(d == (double)NUMBERS[_i].n);
    ck_assert(it_rtmfp_amf_whole(NUMBERS[_i].bits, &n) && n == NUMBERS[_i].n);
}
END_TEST

START_TEST(what_is_no_whole_number_is_none)
{
    static const uint64_t BAD[] = {0x3fe0000000000000, 0x3ff8000000000000, 0x7ff0000000000000,
                                   0x7ff8000000000001, 0x4350000000000000, 1};
    int64_t n;
    ck_assert(!it_rtmfp_amf_whole(BAD[_i], &n));
    ck_assert(it_rtmfp_amf_whole(1ULL << 63, &n) && n == 0); /* minus zero */
}
END_TEST

START_TEST(values_are_read_as_they_were_written)
{
    it_buf b;
    it_rd r;
    it_rtmfp_amf v;
    it_bytes key;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_amf_put_number(&b, 1);
    it_rtmfp_amf_put_boolean(&b, true);
    it_rtmfp_amf_put_string(&b, it_bytes_str("hi"));
    it_rtmfp_amf_put_null(&b);
    it_rtmfp_amf_put_object(&b);
    it_rtmfp_amf_put_key(&b, "k");
    it_rtmfp_amf_put_string(&b, it_bytes_str("v"));
    it_rtmfp_amf_put_end(&b);
    kit_expect(kit_buf(&b), "003ff0000000000000 0101 02 0002 6869 05 03 0001 6b 02 0001 76 0000 09");
    it_rd_init(&r, kit_buf(&b));
    ck_assert(it_rtmfp_amf_get(&r, &v) && v.type == IT_RTMFP_AMF_NUMBER && v.bits == 0x3ff0000000000000);
    ck_assert(it_rtmfp_amf_get(&r, &v) && v.type == IT_RTMFP_AMF_BOOLEAN && v.truth);
    ck_assert(it_rtmfp_amf_get(&r, &v) && it_bytes_eq(v.text, it_bytes_str("hi")));
    ck_assert(it_rtmfp_amf_get(&r, &v) && v.type == IT_RTMFP_AMF_NULL);
    ck_assert(it_rtmfp_amf_get(&r, &v) && v.type == IT_RTMFP_AMF_OBJECT);
    ck_assert(it_rtmfp_amf_key(&r, &key) && it_bytes_eq(key, it_bytes_str("k")));
    ck_assert(it_rtmfp_amf_get(&r, &v) && it_bytes_eq(v.text, it_bytes_str("v")));
    ck_assert(!it_rtmfp_amf_key(&r, &key) && !r.fail);
    ck_assert(!it_rtmfp_amf_get(&r, &v) && !r.fail);
}
END_TEST

/* An array of both kinds, objects in objects, a long string. */
#define NEST "03 0001 61 0a 00000002 05 03 0000 09 0001 62 08 00000001 0001 63 0c 00000001 78 0000 09 0000 09"

START_TEST(objects_and_arrays_are_passed_over)
{
    it_rd r = reader(NEST " 0101");
    it_rtmfp_amf v;
    ck_assert(it_rtmfp_amf_get(&r, &v));
    it_rtmfp_amf_skip(&r, &v);
    ck_assert(!r.fail && r.n == 2);
    ck_assert(it_rtmfp_amf_get(&r, &v) && v.type == IT_RTMFP_AMF_BOOLEAN);
}
END_TEST

START_TEST(a_text_is_found_by_its_key)
{
    it_rd r = reader("03 0001 61" NEST "0004 636f6465 02 0002 6f6b 0000 09");
    ck_assert(it_bytes_eq(it_rtmfp_amf_text_of(&r, "code"), it_bytes_str("ok")));
    r = reader("03 0001 61" NEST "0004 636f6465 02 0002 6f6b 0000 09");
    ck_assert_ptr_null(it_rtmfp_amf_text_of(&r, "level").p);
    r = reader("05");
    ck_assert_ptr_null(it_rtmfp_amf_text_of(&r, "code").p);
    r = reader("03 0004 636f6465 02 0002 6f6b 0000");
    ck_assert_ptr_null(it_rtmfp_amf_text_of(&r, "code").p);
}
END_TEST

START_TEST(what_is_cut_or_unknown_is_malformed)
{
    static const char *const BAD[] = {"00 3ff0", "01",        "02 0003 6869", "0c 00000003 68", "11 00",
                                      "0d",      "0a 000000", "04",           "02 00"};
    it_rd r = reader(BAD[_i]);
    it_rtmfp_amf v;
    ck_assert(!it_rtmfp_amf_get(&r, &v));
    ck_assert(r.fail);
}
END_TEST

START_TEST(an_object_too_deep_or_without_an_end_is_malformed)
{
    char hex[2048] = "";
    it_rtmfp_amf v;
    for (int i = 0; i < 40; i++)
        strcat(hex, "03 0001 61 ");
    it_rd r = reader(hex);
    ck_assert(it_rtmfp_amf_get(&r, &v));
    it_rtmfp_amf_skip(&r, &v);
    ck_assert(r.fail);
    r = reader("0a ffffffff 05 05");
    ck_assert(it_rtmfp_amf_get(&r, &v));
    it_rtmfp_amf_skip(&r, &v);
    ck_assert(r.fail);
    r = reader("0a 00000002 05"); /* a value is missing */
    ck_assert(it_rtmfp_amf_get(&r, &v));
    it_rtmfp_amf_skip(&r, &v);
    ck_assert(r.fail);
    r = reader("03 0000 05");
    ck_assert(it_rtmfp_amf_get(&r, &v));
    it_rtmfp_amf_skip(&r, &v);
    ck_assert(r.fail);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, whole_numbers_are_doubles_and_back, 0, (int)(sizeof NUMBERS / sizeof *NUMBERS));
    tcase_add_loop_test(t, what_is_no_whole_number_is_none, 0, 6);
    tcase_add_test(t, values_are_read_as_they_were_written);
    tcase_add_test(t, objects_and_arrays_are_passed_over);
    tcase_add_test(t, a_text_is_found_by_its_key);
    tcase_add_loop_test(t, what_is_cut_or_unknown_is_malformed, 0, 9);
    tcase_add_test(t, an_object_too_deep_or_without_an_end_is_malformed);
}

int main(void)
{
    return kit_main("rtmfp/flash/amf", add);
}
