/* stack/rtp/rtp.c: packets, extensions, and what is RTP. */
#include "stack/rtp/rtp.h"

#include "tests/stack/rtp/kit.h"

static const struct {
    const char *hex;
    int result;
    size_t payload;
    uint8_t padding;
} ROWS[] = {
    {"80 6f 0001 00000002 00000003", 0, 0, 0},
    {"80 6f 0001 00000002 00000003 aabb", 0, 2, 0},
    {"80 6f 0001 00000002 000000", IT_ERR_PARSE, 0, 0},
    {"40 6f 0001 00000002 00000003", IT_ERR_PARSE, 0, 0},
    {"c0 6f 0001 00000002 00000003", IT_ERR_PARSE, 0, 0},
    {"81 6f 0001 00000002 00000003 00000004 aa", 0, 1, 0},
    {"81 6f 0001 00000002 00000003 000000", IT_ERR_PARSE, 0, 0},
    {"90 6f 0001 00000002 00000003 bede0000 aa", 0, 1, 0},
    {"90 6f 0001 00000002 00000003 bede0001 aa", IT_ERR_PARSE, 0, 0},
    {"90 6f 0001 00000002 00000003 bede00", IT_ERR_PARSE, 0, 0},
    {"a0 6f 0001 00000002 00000003 aabb0002", 0, 2, 2},
    {"a0 6f 0001 00000002 00000003 00000004", 0, 0, 4},
    {"a0 6f 0001 00000002 00000003 aabb0005", IT_ERR_PARSE, 0, 0},
    {"a0 6f 0001 00000002 00000003 aabb0000", IT_ERR_PARSE, 0, 0},
    {"a0 6f 0001 00000002 00000003", IT_ERR_PARSE, 0, 0},
};

START_TEST(a_packet_is_taken_when_its_parts_fit)
{
    uint8_t b[64], again[64];
    it_rtp r;
    it_bytes p = kit_hex(b, ROWS[_i].hex);
    ck_assert_int_eq(it_rtp_parse(&r, p), ROWS[_i].result);
    if (ROWS[_i].result < 0)
        return;
    ck_assert_uint_eq(r.payload.n, ROWS[_i].payload);
    ck_assert_uint_eq(r.padding, ROWS[_i].padding);
    ck_assert(r.pt == 111 && !r.marker && r.seq == 1 && r.ts == 2 && r.ssrc == 3);
    ck_assert_int_eq(it_rtp_build(&r, again, sizeof again), (int)p.n);
    ck_assert_mem_eq(again, b, p.n - r.padding);
    ck_assert_int_eq(it_rtp_build(&r, again, p.n - 1), IT_ERR_FULL);
}
END_TEST

START_TEST(every_field_is_where_it_belongs)
{
    uint8_t b[64];
    it_rtp r;
    ck_assert_int_eq(
        it_rtp_parse(&r, kit_hex(b, "92 e0 fffe 80000001 deadbeef 00000011 00000022 1234 0001 01020304 77")), 0);
    ck_assert(r.marker && r.pt == 96 && r.seq == 0xfffe && r.ts == 0x80000001 && r.ssrc == 0xdeadbeef);
    ck_assert(r.csrc.n == 8 && it_rtp_csrc(&r, 0) == 0x11 && it_rtp_csrc(&r, 1) == 0x22);
    ck_assert(r.has_ext && r.ext_profile == 0x1234 && r.ext.n == 4 && r.payload.n == 1 && r.payload.p[0] == 0x77);
}
END_TEST

START_TEST(what_cannot_be_written_is_out_of_range)
{
    uint8_t b[100] = {0};
    it_rtp r = {.pt = 128};
    ck_assert_int_eq(it_rtp_build(&r, b, sizeof b), IT_ERR_RANGE);
    r = (it_rtp){.csrc = {b, 64}};
    ck_assert_int_eq(it_rtp_build(&r, b, sizeof b), IT_ERR_RANGE);
    r = (it_rtp){.csrc = {b, 5}};
    ck_assert_int_eq(it_rtp_build(&r, b, sizeof b), IT_ERR_RANGE);
    r = (it_rtp){.ext = {b, 4}};
    ck_assert_int_eq(it_rtp_build(&r, b, sizeof b), IT_ERR_RANGE);
    r = (it_rtp){.has_ext = true, .ext = {b, 3}};
    ck_assert_int_eq(it_rtp_build(&r, b, sizeof b), IT_ERR_RANGE);
}
END_TEST

static const struct {
    const char *hex;
    const char *found; /* identifier:length, in a row */
} EXTS[] = {
    {"bede 0001 10aa2200", "1:1 "}, /* the second does not fit */
    {"bede 0002 10aa0000 31bbcc00", "1:1 3:2 "},
    {"bede 0002 10aaf0bb 20cc0000", "1:1 "}, /* 15 ends it */
    {"bede 0002 10aa01bb 20cc0000", "1:1 "}, /* so does a 0 with a length */
    {"bede 0005 2f000000 00000000 00000000 00000000 00000000", "2:16 "},
    {"1000 0002 01000002 02aabb00", "1:0 2:2 "},
    {"100f 0001 0502aabb", "5:2 "},
    {"1000 0001 0503aabb", ""},
    {"1000 0001 00000005", ""},
    {"1234 0001 10aa0000", ""}, /* neither form */
    {"bede 0000", ""},
    {"bede 0001 00000000", ""},
};

START_TEST(extensions_are_found_in_both_forms)
{
    uint8_t b[64];
    char found[64] = "";
    char hex[128];
    it_rtp r;
    it_rtp_ext e;
    size_t at = 0;
    snprintf(hex, sizeof hex, "90 6f 0001 00000002 00000003 %s", EXTS[_i].hex);
    ck_assert_int_eq(it_rtp_parse(&r, kit_hex(b, hex)), 0);
    while (it_rtp_ext_next(&r, &at, &e))
        snprintf(found + strlen(found), sizeof found - strlen(found), "%u:%zu ", e.id, e.data.n);
    ck_assert_str_eq(found, EXTS[_i].found);
}
END_TEST

START_TEST(the_first_two_bytes_tell_what_a_datagram_is)
{
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            uint8_t b[2] = {(uint8_t)first, (uint8_t)second};
            enum it_rtp_kind want = second >= 192 && second <= 223 ? IT_RTP_CONTROL : IT_RTP_DATA;
            if (first < 128 || first > 191)
                want = IT_RTP_NONE;
            ck_assert_int_eq(it_rtp_kind(it_bytes_of(b, 2)), want);
            ck_assert_int_eq(it_rtp_kind(it_bytes_of(b, 1)), IT_RTP_NONE);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/rtp");
    TCase *t = tcase_create("rtp");
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, a_packet_is_taken_when_its_parts_fit, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, every_field_is_where_it_belongs);
    tcase_add_test(t, what_cannot_be_written_is_out_of_range);
    tcase_add_loop_test(t, extensions_are_found_in_both_forms, 0, (int)(sizeof EXTS / sizeof *EXTS));
    tcase_add_test(t, the_first_two_bytes_tell_what_a_datagram_is);
    return kit_run(s);
}
