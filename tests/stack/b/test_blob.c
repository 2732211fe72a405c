/* stack/b/blob.c: round trip, refusals, truncation. */
#include "stack/b/blob.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_str text;
static it_ice_cand room[IT_BLOB_CANDS];

static void setup(void)
{
    it_alloc_init(&alloc);
    it_str_init(&text, &alloc);
    it_ice_cand c = {.kind = IT_ICE_SRFLX, .component = 1, .priority = 1694498815, .flow = -1};
    ck_assert_int_eq(it_addr_parse(&c.addr, "203.0.113.4:5000") + it_addr_parse(&c.base, "10.0.0.2:4000"), 0);
    strcpy(c.foundation, "f1");
    it_blob b = {.session = 77,
                 .serial = 3,
                 .tie_breaker = 0x0123456789abcdef,
                 .generation = 2,
                 .pacing = 20,
                 .setup = IT_SETUP_ACTIVE,
                 .section[0] = {.streaming = true,
                                .done = true,
                                .ufrag = "abcd",
                                .pwd = "0123456789abcdefghijkl",
                                .cands = &c,
                                .n_cands = 1},
                 .n_sections = 1};
    memset(b.prints[0], 0xa5, sizeof b.prints[0]);
    b.n_prints = 1;
    it_blob_write(&text, &b);
}

static void teardown(void)
{
    it_str_fini(&text);
    ck_assert_int_eq(alloc.live, 0);
}

START_TEST(what_was_written_is_read)
{
    it_blob b;
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert(b.session == 77 && b.serial == 3 && b.generation == 2 && b.tie_breaker == 0x0123456789abcdef);
    ck_assert(b.setup == IT_SETUP_ACTIVE && b.section[0].streaming && b.section[0].done && b.section[0].n_cands == 1 &&
              b.prints[0][31] == 0xa5);
    ck_assert_str_eq(b.section[0].ufrag, "abcd");
    ck_assert_uint_eq(b.section[0].cands[0].addr.port, 5000);
    ck_assert_uint_eq(b.pacing, 20);
}
END_TEST

START_TEST(a_relay_is_told_by_a_name_and_what_is_none_names_nobody)
{
    static const struct {
        const char *line, *name;
    } ALL[] = {{"a=x-relay:ws.tank\r\n", "ws.tank"},
               {"a=x-relay:\r\n", ""},
               {"a=x-relay:two words\r\n", ""},
               {"a=x-relay:ws.tank/room\r\n", ""},
               {"a=x-relay:0123456789012345678901234567890123456789012345678901234567890123\r\n", ""},
               {"", ""}};
    it_blob b;
    char whole[4096], *at;
    snprintf(whole, sizeof whole, "%.*s", (int)text.n, text.p);
    at = strstr(whole, "a=x-generation");
    ck_assert_ptr_nonnull(at);
    size_t n = strlen(ALL[_i].line);
    memmove(at + n, at, strlen(at) + 1);
    memcpy(at, ALL[_i].line, n);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_str(whole), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_str_eq(b.relay, ALL[_i].name);
    b.section[0].n_cands = 0;
    it_str_clear(&text);
    it_blob_write(&text, &b);
    ck_assert_int_eq(strstr(text.p, "a=x-relay:") != NULL, ALL[_i].name[0] != 0);
}
END_TEST

/* RFC 8839 sections 4.2.5 (ice2) and 4.3.1 (no default destination), RFC 8866 section 5.7 (a c= line). */
START_TEST(it_has_the_lines_that_sdp_with_ice_must_have)
{
    static const char *const LINES[] = {"\r\nc=IN IP4 0.0.0.0\r\n", "\r\nm=application 9 ",
                                        "\r\na=ice-options:ice2 trickle\r\n", "\r\na=ice-pacing:20\r\n"};
    ck_assert_ptr_nonnull(strstr(text.p, LINES[_i]));
}
END_TEST

/* RFC 8839 section 5.3, draft-thatcher-ice-renomination: what a side says of its ICE, with sections and without. */
START_TEST(lite_and_renomination_are_said_and_read)
{
    it_blob b, out;
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert(!b.lite && !b.renominates);
    b.lite = (_i & 1) != 0;
    b.renominates = (_i & 2) != 0;
    if (_i & 4)
        memcpy(b.section[0].mid, "0", 2);
    it_str_clear(&text);
    it_blob_write(&text, &b);
    ck_assert_int_eq(it_blob_read(&out, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_int_eq(out.lite, b.lite);
    ck_assert_int_eq(out.renominates, b.renominates);
}
END_TEST

/* RFC 8839 section 5.5. */
START_TEST(pacing_is_1_to_10_digits_and_50_when_none_is_told)
{
    static const struct {
        const char *line;
        int err;
        uint32_t ms;
    } rows[] = {{"a=ice-pacing:5", 0, 5},
                {"a=ice-pacing:0", 0, 0},
                {"a=ice-pacing:0000000007", 0, 7},
                {"a=ice-pacing:9999999999", 0, UINT32_MAX},
                {"a=x-pacing:5", 0, IT_BLOB_PACING},
                {"a=ice-pacing:", IT_ERR_PARSE, 0},
                {"a=ice-pacing:00000000007", IT_ERR_PARSE, 0},
                {"a=ice-pacing:-5", IT_ERR_PARSE, 0},
                {"a=ice-pacing:5 ", IT_ERR_PARSE, 0},
                {"a=ice-pacing:5.0", IT_ERR_PARSE, 0}};
    it_blob b;
    it_str other;
    const char *why = NULL, *at = strstr(it_str_c(&text), "a=ice-pacing:20\r\n");
    ck_assert_ptr_nonnull(at);
    it_str_init(&other, &alloc);
    it_str_printf(&other, "%.*s%s%s", (int)(at - text.p), text.p, rows[_i].line, at + strlen("a=ice-pacing:20"));
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(other.p, other.n), room, IT_BLOB_CANDS, &why), rows[_i].err);
    if (rows[_i].err)
        ck_assert_str_eq(why, "no valid ice-pacing (RFC 8839 section 5.5)");
    else
        ck_assert_uint_eq(b.pacing, rows[_i].ms);
    it_str_fini(&other);
}
END_TEST

START_TEST(a_blob_without_a_needed_line_is_refused_and_says_why)
{
    static const char *const LINES[] = {
        "v=", "o=", "a=fingerprint", "a=ice-ufrag", "a=ice-pwd", "a=x-generation", "a=x-tie-breaker"};
    it_blob b;
    const char *why = NULL;
    char *at = strstr(text.p, LINES[_i]);
    ck_assert_ptr_nonnull(at);
    at[0] = 'z';
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, &why), IT_ERR_PARSE);
    ck_assert(why && *why);
}
END_TEST

/* The text of the set-up with generation |n|. Reads it. */
static int read_generation(uint64_t n, it_blob *b, const char **why)
{
    static const char LINE[] = "a=x-generation:2\r\n";
    it_str other;
    const char *at = strstr(it_str_c(&text), LINE);
    ck_assert_ptr_nonnull(at);
    it_str_init(&other, &alloc);
    it_str_printf(&other, "%.*sa=x-generation:%" PRIu64 "\r\n%s", (int)(at - text.p), text.p, n, at + sizeof LINE - 1);
    int r = it_blob_read(b, it_bytes_of(other.p, other.n), room, IT_BLOB_CANDS, why);
    it_str_fini(&other);
    return r;
}

/* Whoever read 2^32-1 would restart into generation 0, which the far side takes for a stale one. */
START_TEST(a_generation_without_room_for_restarts_is_refused)
{
    static const uint64_t BAD[] = {IT_BLOB_GENERATION_MAX + UINT64_C(1), UINT32_MAX, UINT32_MAX + UINT64_C(1),
                                   UINT64_MAX};
    it_blob b;
    const char *why = NULL;
    ck_assert_int_eq(read_generation(IT_BLOB_GENERATION_MAX, &b, NULL), 0);
    ck_assert_uint_eq(b.generation, IT_BLOB_GENERATION_MAX);
    ck_assert_int_eq(read_generation(BAD[_i], &b, &why), IT_ERR_PARSE);
    ck_assert_str_eq(why, "no valid generation");
}
END_TEST

START_TEST(no_truncation_reads_past_the_end)
{
    it_blob b;
    for (size_t n = 0; n < text.n; n++) {
        uint8_t *exact = malloc(n ? n : 1); /* sanitizers see a read past the end */
        memcpy(exact, text.p, n);
        (void)!it_blob_read(&b, it_bytes_of(exact, n), room, IT_BLOB_CANDS, NULL);
        free(exact);
    }
}
END_TEST

/* RFC 8839 sections 4.2.5, 4.3.1 and 5.1: ignored, no failure. */
START_TEST(a_candidate_of_no_use_here_is_left_out_and_the_others_stay)
{
    static const char *const USELESS[] = {"0.0.0.0 9 typ host",      "127.0.0.1 5 typ host",
                                          "ff02::1 5 typ host",      "192.0.2.1 0 typ host",
                                          "peer.example 5 typ host", "192.0.2.1 5 typ carrier-pigeon"};
    it_blob b;
    it_str_printf(&text, "a=candidate:9 1 UDP 5 %s\r\n", USELESS[_i]);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.section[0].n_cands, 1);
    ck_assert_uint_eq(b.section[0].cands[0].addr.port, 5000);
}
END_TEST

START_TEST(a_candidate_with_a_name_of_the_lan_is_left_out_and_told)
{
    it_blob b;
    it_str_puts(&text, "a=candidate:9 1 UDP 5 f3e1c2a0-8a4e-4f54-9f5e-0123456789ab.local 4000 typ host\r\n");
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.section[0].n_cands, 1);
    ck_assert_uint_eq(b.left_out, 1u << IT_BLOB_NAMED_CANDIDATE);
    ck_assert_ptr_nonnull(strstr(it_blob_left_out_text(IT_BLOB_NAMED_CANDIDATE), ".local"));
}
END_TEST

START_TEST(candidates_for_which_there_is_no_room_are_left_out)
{
    it_blob b;
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, 0, NULL), 0);
    ck_assert_uint_eq(b.section[0].n_cands, 0);
    ck_assert_uint_eq(b.left_out, 1u << IT_BLOB_MANY_CANDIDATES);
    for (int i = 0; i < IT_BLOB_CANDS; i++) /* one is there already */
        it_str_printf(&text, "a=candidate:9 1 UDP 5 192.0.2.1 %d typ host\r\n", 6000 + i);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.section[0].n_cands, IT_BLOB_CANDS);
    ck_assert_uint_eq(b.left_out, 1u << IT_BLOB_MANY_CANDIDATES);
}
END_TEST

START_TEST(a_malformed_candidate_is_left_out_and_the_others_stay)
{
    static const char *const BAD[] = {"",
                                      "1",
                                      "1 1 UDP",
                                      "1 1 UDP 5 192.0.2.1 70000 typ host",
                                      "1 0 UDP 5 192.0.2.1 7 typ host",
                                      "\xff\xfe",
                                      "1 1 UDP 5 192.0.2.1 7 type host"};
    it_blob b;
    it_str_printf(&text, "a=candidate:%s\r\na=candidate:9 1 UDP 5 192.0.2.1 6000 typ host\r\n", BAD[_i]);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.section[0].n_cands, 2);
    ck_assert_uint_eq(b.left_out, 1u << IT_BLOB_BAD_CANDIDATE);
    ck_assert_ptr_nonnull(strstr(it_blob_left_out_text(IT_BLOB_BAD_CANDIDATE), "RFC 8839"));
}
END_TEST

#define PRINT "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:F0"
#define SHA1 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"

/* RFC 8122 sections 5 and 5.1: names in any case, several fingerprints, other hash functions. */
START_TEST(several_fingerprints_are_read)
{
    static const struct {
        const char *lines; /* besides the one of the set-up */
        size_t n;
        unsigned left_out;
    } rows[] = {
        {"a=fingerprint:SHA-256 " PRINT "\r\n", 2, 0},
        {"a=fingerprint:Sha-256 " PRINT "\r\n", 2, 0},
        {"a=fingerprint:sha-1 " SHA1 "\r\n", 1, 1u << IT_BLOB_OTHER_PRINT},
        {"a=fingerprint:SHA-512 what is not looked at\r\n", 1, 1u << IT_BLOB_OTHER_PRINT},
        {"a=fingerprint:sha-256 " SHA1 "\r\n", 1, 1u << IT_BLOB_BAD_PRINT},
        {"a=fingerprint:\r\n", 1, 1u << IT_BLOB_OTHER_PRINT},
        {"a=fingerprint:sha-256 " PRINT "\r\na=fingerprint:sha-256 " PRINT "\r\na=fingerprint:sha-256 " PRINT
         "\r\na=fingerprint:sha-256 " PRINT "\r\n",
         4, 1u << IT_BLOB_MANY_PRINTS},
    };
    it_blob b;
    it_str_puts(&text, rows[_i].lines);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.n_prints, rows[_i].n);
    ck_assert_uint_eq(b.left_out, rows[_i].left_out);
    if (b.n_prints > 1)
        ck_assert_uint_eq(b.prints[1][31], 0xf0);
}
END_TEST

/* The only fingerprint has its hash function in capitals; or is of another one, which is none. */
START_TEST(the_only_fingerprint_counts_whatever_the_case_of_its_hash)
{
    it_blob b;
    const char *why = NULL;
    char *at = strstr(text.p, "sha-256");
    memcpy(at, "SHA-256", 7);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, &why), 0);
    ck_assert_uint_eq(b.n_prints, 1);
    memcpy(at, "SHA-255", 7);
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(text.p, text.n), room, IT_BLOB_CANDS, &why), IT_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(why, "fingerprint"));
}
END_TEST

/* A blob of two streams; what |from| says is |to| in it. */
static int read_two(it_blob *b, const char *from, const char *to, const char **why)
{
    static const char TWO[] = "v=0\r\no=- 7 1 IN IP4 0.0.0.0\r\na=group:BUNDLE a v\r\n"
                              "a=fingerprint:sha-256 "
                              "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:"
                              "1D:1E:1F\r\na=x-generation:0\r\na=x-tie-breaker:0000000000000001\r\n"
                              "m=application 9 UDP/DTLS icetank\r\na=mid:a\r\na=sendrecv\r\na=rtcp-mux\r\n"
                              "a=ice-ufrag:aaaa\r\na=ice-pwd:0123456789abcdefghijkl\r\n"
                              "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n"
                              "m=application 0 UDP/DTLS icetank\r\na=mid:v\r\na=inactive\r\n"
                              "a=ice-ufrag:bbbb\r\na=ice-pwd:abcdefghijkl0123456789\r\n"
                              "a=candidate:1 1 UDP 2130706431 192.0.2.1 5002 typ host\r\n"
                              "a=candidate:1 2 UDP 2130706430 192.0.2.1 5003 typ host\r\n";
    it_str other;
    const char *at = strstr(TWO, from);
    ck_assert_ptr_nonnull(at);
    it_str_init(&other, &alloc);
    it_str_printf(&other, "%.*s%s%s", (int)(at - TWO), TWO, to, at + strlen(from));
    int r = it_blob_read(b, it_bytes_of(other.p, other.n), room, IT_BLOB_CANDS, why);
    it_str_fini(&other);
    return r;
}

START_TEST(each_section_has_what_stands_in_it)
{
    it_blob b;
    ck_assert_int_eq(read_two(&b, "v=0", "v=0", NULL), 0);
    const it_blob_section *a = &b.section[0], *v = &b.section[1];
    ck_assert_uint_eq(b.n_sections, 2);
    ck_assert_str_eq(a->mid, "a");
    ck_assert_str_eq(v->mid, "v");
    ck_assert(a->bundled && v->bundled && a->mux && !v->mux && a->streaming && !v->streaming);
    ck_assert(a->done && !v->done && !a->closed && v->closed);
    ck_assert_str_eq(a->ufrag, "aaaa");
    ck_assert_str_eq(v->ufrag, "bbbb");
    ck_assert(a->n_cands == 1 && v->n_cands == 2);
    ck_assert_uint_eq(v->cands[1].addr.port, 5003);
    ck_assert_uint_eq(b.left_out, 0);
}
END_TEST

static const struct {
    const char *from, *to;
    int err;
    const char *why;
} SECTIONS[] = {
    {"a=mid:v\r\n", "a=mid:a\r\n", IT_ERR_PARSE,
     "two media streams of one name, or without one (RFC 8843 section 7.1)"},
    {"a=mid:v\r\n", "", IT_ERR_PARSE, "two media streams of one name, or without one (RFC 8843 section 7.1)"},
    {"a=mid:v", "a=mid:", IT_ERR_PARSE, "no valid mid (RFC 5888 section 4)"},
    {"a=mid:v", "a=mid:12345678901234567", IT_ERR_PARSE, "no valid mid (RFC 5888 section 4)"},
    {"a=mid:v", "a=mid:1234567890123456", 0, ""},
    {"a=ice-ufrag:aaaa\r\na=ice-pwd:0123456789abcdefghijkl\r\n", "", IT_ERR_PARSE,
     "a media stream without credentials (RFC 8839 section 5.4)"},
    {"a=ice-ufrag:bbbb\r\na=ice-pwd:abcdefghijkl0123456789\r\n", "", 0, ""}, /* it is bundled, and closed */
    {"a=ice-ufrag:bbbb\r\n", "", IT_ERR_PARSE, "a media stream without credentials (RFC 8839 section 5.4)"},
    {"a=group:BUNDLE a v", "a=group:LS a v", 0, ""},
    {"a=group:BUNDLE a v", "a=group:BUNDLED a v", 0, ""},
    {"m=application 9", "a=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccc\r\nm=application 9", 0, ""},
};

START_TEST(sections_need_names_and_credentials)
{
    it_blob b;
    const char *why = "";
    ck_assert_int_eq(read_two(&b, SECTIONS[_i].from, SECTIONS[_i].to, &why), SECTIONS[_i].err);
    ck_assert_str_eq(why, SECTIONS[_i].why);
}
END_TEST

START_TEST(credentials_before_the_first_section_are_those_of_all_that_have_none)
{
    it_blob b;
    ck_assert_int_eq(
        read_two(&b, "a=group:BUNDLE a v\r\n", "a=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccc\r\n", NULL), 0);
    ck_assert_str_eq(b.section[0].ufrag, "aaaa"); /* its own come before them */
    ck_assert(!b.section[0].bundled && !b.section[1].bundled);
    ck_assert_int_eq(read_two(&b, "a=ice-ufrag:bbbb\r\na=ice-pwd:abcdefghijkl0123456789\r\n", "", NULL), 0);
    ck_assert_str_eq(b.section[1].ufrag, "");
}
END_TEST

START_TEST(a_ninth_section_and_a_second_group_are_left_out)
{
    it_blob b;
    it_str many;
    it_str_init(&many, &alloc);
    it_str_puts(&many, "a=group:BUNDLE v 3\r\na=group:BUNDLE 4 5\r\n");
    ck_assert_int_eq(read_two(&b, "v=0", "v=0", NULL), 0);
    for (int i = 0; i < 9; i++)
        it_str_printf(&many,
                      "m=application 9 UDP/DTLS icetank\r\na=mid:%d\r\na=ice-ufrag:%d%d%d%d\r\n"
                      "a=ice-pwd:0123456789abcdefghijkl\r\n",
                      i, i, i, i, i);
    ck_assert_int_eq(read_two(&b, "a=group:BUNDLE a v\r\n", it_str_c(&many), NULL), IT_ERR_PARSE); /* cut in two */
    it_str whole;
    it_str_init(&whole, &alloc);
    const char *m = strstr(it_str_c(&text), "m=application");
    it_str_printf(&whole, "%.*sa=x-generation:0\r\na=x-tie-breaker:0000000000000001\r\n%s", (int)(m - text.p), text.p,
                  it_str_c(&many));
    ck_assert_int_eq(it_blob_read(&b, it_bytes_of(whole.p, whole.n), room, IT_BLOB_CANDS, NULL), 0);
    ck_assert_uint_eq(b.n_sections, IT_BLOB_SECTIONS);
    ck_assert_uint_eq(b.left_out, 1u << IT_BLOB_MANY_SECTIONS | 1u << IT_BLOB_OTHER_GROUP);
    ck_assert(b.section[3].bundled && !b.section[4].bundled);
    it_str_fini(&whole);
    it_str_fini(&many);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/blob");
    TCase *t = tcase_create("blob");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_was_written_is_read);
    tcase_add_loop_test(t, a_relay_is_told_by_a_name_and_what_is_none_names_nobody, 0, 6);
    tcase_add_loop_test(t, it_has_the_lines_that_sdp_with_ice_must_have, 0, 4);
    tcase_add_loop_test(t, lite_and_renomination_are_said_and_read, 0, 8);
    tcase_add_loop_test(t, pacing_is_1_to_10_digits_and_50_when_none_is_told, 0, 10);
    tcase_add_loop_test(t, a_blob_without_a_needed_line_is_refused_and_says_why, 0, 7);
    tcase_add_loop_test(t, a_generation_without_room_for_restarts_is_refused, 0, 4);
    tcase_add_test(t, no_truncation_reads_past_the_end);
    tcase_add_loop_test(t, a_candidate_of_no_use_here_is_left_out_and_the_others_stay, 0, 6);
    tcase_add_test(t, candidates_for_which_there_is_no_room_are_left_out);
    tcase_add_test(t, a_candidate_with_a_name_of_the_lan_is_left_out_and_told);
    tcase_add_loop_test(t, a_malformed_candidate_is_left_out_and_the_others_stay, 0, 7);
    tcase_add_loop_test(t, several_fingerprints_are_read, 0, 7);
    tcase_add_test(t, the_only_fingerprint_counts_whatever_the_case_of_its_hash);
    tcase_add_test(t, each_section_has_what_stands_in_it);
    tcase_add_loop_test(t, sections_need_names_and_credentials, 0, (int)(sizeof SECTIONS / sizeof *SECTIONS));
    tcase_add_test(t, credentials_before_the_first_section_are_those_of_all_that_have_none);
    tcase_add_test(t, a_ninth_section_and_a_second_group_are_left_out);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
