/* stack/rtp/rtcp.c: what is written is read again, and what does not fit is malformed. */
#include "stack/rtp/rtcp.h"

#include "tests/stack/rtp/kit.h"

static const it_rtcp_sr SENDER = {1, 0x0123456789abcdef, 3, 4, 5};
static const it_rtcp_block BLOCKS[2] = {{6, 7, -8, 9, 10, 11, 12}, {13, 255, 0x7fffff, 14, 15, 16, 17}};

static it_bytes compound(uint8_t *p, size_t cap)
{
    it_buf b;
    uint32_t gone[2] = {1, 2};
    it_rtcp_feedback f = {IT_RTCP_PSFB, IT_RTCP_PSFB_PLI, 1, 13, {NULL, 0}};
    it_buf_init(&b, p, cap);
    it_rtcp_put_sr(&b, &SENDER, BLOCKS, 2);
    it_rtcp_put_rr(&b, 99, BLOCKS + 1, 1);
    it_rtcp_put_cname(&b, 1, it_bytes_str("alice@example"));
    it_rtcp_put_feedback(&b, &f);
    it_rtcp_put_bye(&b, gone, 2, it_bytes_str("enough"));
    ck_assert(!b.overflow);
    return it_bytes_of(p, b.len);
}

static void same_block(const it_rtcp *x, unsigned i, const it_rtcp_block *want)
{
    it_rtcp_block b;
    it_rtcp_read_block(x, i, &b);
    ck_assert(b.ssrc == want->ssrc && b.fraction == want->fraction && b.lost == want->lost);
    ck_assert(b.highest == want->highest && b.jitter == want->jitter);
    ck_assert(b.lsr == want->lsr && b.dlsr == want->dlsr);
}

static void read_reports(it_bytes *rest)
{
    it_rtcp x;
    it_rtcp_sr sr;
    uint32_t who;
    ck_assert_int_eq(it_rtcp_next(rest, &x), 1);
    ck_assert_int_eq(it_rtcp_read_sr(&x, &sr), 0);
    ck_assert(sr.ssrc == 1 && sr.ntp == SENDER.ntp && sr.ts == 3 && sr.packets == 4 && sr.octets == 5);
    ck_assert_uint_eq(x.count, 2);
    same_block(&x, 0, &BLOCKS[0]);
    same_block(&x, 1, &BLOCKS[1]);
    ck_assert_int_eq(it_rtcp_next(rest, &x), 1);
    ck_assert_int_eq(it_rtcp_read_rr(&x, &who), 0);
    ck_assert_uint_eq(who, 99);
    same_block(&x, 0, &BLOCKS[1]);
}

START_TEST(a_compound_is_read_as_it_was_written)
{
    uint8_t p[400];
    it_rtcp x;
    it_rtcp_item item;
    it_rtcp_sdes where = {.at = 0};
    it_bytes ssrcs, why, rest = compound(p, sizeof p);
    it_rtcp_feedback g;
    ck_assert_int_eq(it_rtcp_check(rest, false), 0);
    read_reports(&rest);
    ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
    ck_assert_int_eq(it_rtcp_next_item(&x, &where, &item), 1);
    ck_assert(item.ssrc == 1 && item.type == IT_RTCP_SDES_CNAME);
    ck_assert(it_bytes_eq(item.text, it_bytes_str("alice@example")));
    ck_assert_int_eq(it_rtcp_next_item(&x, &where, &item), 0);
    ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
    ck_assert_int_eq(it_rtcp_read_feedback(&x, &g), 0);
    ck_assert(g.type == IT_RTCP_PSFB && g.format == 1 && g.sender == 1 && g.media == 13 && g.fci.n == 0);
    ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
    ck_assert_int_eq(it_rtcp_read_bye(&x, &ssrcs, &why), 0);
    ck_assert(ssrcs.n == 8 && it_get32(ssrcs.p + 4) == 2 && it_bytes_eq(why, it_bytes_str("enough")));
    ck_assert_int_eq(it_rtcp_next(&rest, &x), 0);
}
END_TEST

/* Names of any length, as their padding is of any length. */
START_TEST(a_name_of_any_length_is_padded_to_whole_words)
{
    char name[256];
    for (size_t n = 0; n <= 255; n++) {
        uint8_t p[300];
        it_buf b;
        it_rtcp x;
        it_rtcp_item item;
        it_rtcp_sdes where = {.at = 0};
        memset(name, 'x', sizeof name);
        it_buf_init(&b, p, sizeof p);
        it_rtcp_put_cname(&b, 5, it_bytes_of(name, n));
        it_bytes rest = it_bytes_of(p, b.len);
        ck_assert(!b.overflow && b.len % 4 == 0 && p[b.len - 1] == 0);
        ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
        ck_assert_int_eq(it_rtcp_next_item(&x, &where, &item), 1);
        ck_assert_uint_eq(item.text.n, n);
        ck_assert_int_eq(it_rtcp_next_item(&x, &where, &item), 0);
    }
}
END_TEST

START_TEST(losses_are_clamped_to_24_bits)
{
    static const int32_t LOST[][2] = {{0x800000, 0x7fffff}, {-0x800001, -0x800000}, {-1, -1}, {INT32_MAX, 0x7fffff}};
    for (size_t i = 0; i < 4; i++) {
        uint8_t p[100];
        it_buf b;
        it_rtcp x;
        it_rtcp_block block = {.lost = LOST[i][0]}, out;
        it_buf_init(&b, p, sizeof p);
        it_rtcp_put_rr(&b, 1, &block, 1);
        it_bytes rest = it_bytes_of(p, b.len);
        ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
        it_rtcp_read_block(&x, 0, &out);
        ck_assert_int_eq(out.lost, LOST[i][1]);
    }
}
END_TEST

static const struct {
    const char *hex;
    int whole, reduced; /* what the check says without and with RFC 5506 */
} ROWS[] = {
    {"80c90001 00000001", 0, 0},
    {"80c90001 00000001 81ca0003 00000001 0101610000000000", 0, 0}, /* zeros behind the last chunk are no matter */
    {"80c90001 00000001 81ca0002 00000001 01016100", 0, 0},
    {"81ca0002 00000001 01016100", IT_ERR_PARSE, 0}, /* SDES is not the first of a compound */
    {"81ce0002 00000001 00000002", IT_ERR_PARSE, 0}, /* nor is PLI */
    {"80c90002 00000001", IT_ERR_PARSE, IT_ERR_PARSE},
    {"40c90001 00000001", IT_ERR_PARSE, IT_ERR_PARSE},
    {"80c90001 000000", IT_ERR_PARSE, IT_ERR_PARSE},
    {"80c9", IT_ERR_PARSE, IT_ERR_PARSE},
    {"", IT_ERR_PARSE, IT_ERR_PARSE},
    {"a0c90002 00000001 00000004", 0, 0}, /* padded */
    {"a0c90002 00000001 00000003", IT_ERR_PARSE, IT_ERR_PARSE},
    {"a0c90002 00000001 00000000", IT_ERR_PARSE, IT_ERR_PARSE},
    {"a0c90002 00000001 0000000c", IT_ERR_PARSE, IT_ERR_PARSE},
    {"a0c90002 00000001 00000004 80cb0000", IT_ERR_PARSE, IT_ERR_PARSE}, /* and not the last */
};

START_TEST(a_compound_follows_the_rules)
{
    uint8_t b[64];
    it_bytes p = kit_hex(b, ROWS[_i].hex);
    ck_assert_int_eq(it_rtcp_check(p, false), ROWS[_i].whole);
    ck_assert_int_eq(it_rtcp_check(p, true), ROWS[_i].reduced);
}
END_TEST

static int read_any(const char *hex)
{
    uint8_t b[64];
    it_rtcp x;
    it_rtcp_sr sr;
    it_rtcp_feedback f;
    it_rtcp_sdes where = {.at = 0};
    it_rtcp_item item;
    it_bytes rest = kit_hex(b, hex), ssrcs, why;
    uint32_t who;
    int r = 1;
    ck_assert_int_eq(it_rtcp_next(&rest, &x), 1);
    switch (x.type) {
    case IT_RTCP_SR:
        return it_rtcp_read_sr(&x, &sr);
    case IT_RTCP_RR:
        return it_rtcp_read_rr(&x, &who);
    case IT_RTCP_BYE:
        return it_rtcp_read_bye(&x, &ssrcs, &why);
    case IT_RTCP_SDES:
        while (r > 0)
            r = it_rtcp_next_item(&x, &where, &item);
        return r;
    default:
        return it_rtcp_read_feedback(&x, &f);
    }
}

START_TEST(a_packet_shorter_than_it_claims_is_malformed)
{
    ck_assert_int_eq(read_any("80c80006 00000001 0000000000000000 00000000 00000000 00000000"), 0);
    ck_assert_int_eq(read_any("81c80006 00000001 0000000000000000 00000000 00000000 00000000"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("80c80005 00000001 0000000000000000 00000000 00000000"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("80c90000"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("81c90001 00000001"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("80cb0000"), 0);
    ck_assert_int_eq(read_any("81cb0000"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("81cb0002 00000001 03616263"), 0);
    ck_assert_int_eq(read_any("81cb0002 00000001 04616263"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("81ce0001 00000001"), IT_ERR_PARSE);
    ck_assert_int_eq(read_any("82ca0002 00000001 01016100"), IT_ERR_PARSE);        /* one chunk of two */
    ck_assert_int_eq(read_any("81ca0002 00000001 01026161"), IT_ERR_PARSE);        /* no end of the list */
    ck_assert_int_eq(read_any("81ca0002 00000001 01036161"), IT_ERR_PARSE);        /* a text that does not fit */
    ck_assert_int_eq(read_any("82ca0004 00000001 01016100 00000002 00000000"), 0); /* an empty chunk */
    ck_assert_int_eq(read_any("81ca0003 00000001 01016102 01620000"), 0);          /* two items */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/rtcp");
    TCase *t = tcase_create("rtcp");
    suite_add_tcase(s, t);
    tcase_add_test(t, a_compound_is_read_as_it_was_written);
    tcase_add_test(t, a_name_of_any_length_is_padded_to_whole_words);
    tcase_add_test(t, losses_are_clamped_to_24_bits);
    tcase_add_loop_test(t, a_compound_follows_the_rules, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, a_packet_shorter_than_it_claims_is_malformed);
    return kit_run(s);
}
