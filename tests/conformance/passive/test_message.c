/* Rules of one message: each is broken by a message made by hand, which breaks no other, and kept by its like. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:2000"

static msg m;

static void plain(enum it_pv_class cls, unsigned method)
{
    m_begin(&m, cls, method, 1);
}

static void length_lies(void)
{
    m_check(&m, 1);
    m.n += 4; /* what is behind it belongs to no message */
}

static void attribute_beyond_the_end(void)
{
    plain(IT_PV_REQUEST, IT_PV_BINDING);
    m_text(&m, IT_PV_SOFTWARE, "abcd");
    it_put16(m.p + IT_PV_HEADER + 2, 9);
}

static void too_large(void)
{
    char text[600] = "";
    memset(text, 'x', sizeof text - 1);
    plain(IT_PV_REQUEST, IT_PV_BINDING);
    m_text(&m, 0xfff0, text); /* an attribute that nobody knows */
}

static void padded_with_blanks(void)
{
    plain(IT_PV_REQUEST, IT_PV_BINDING);
    m_text(&m, IT_PV_SOFTWARE, "a");
    memset(m.p + m.n - 3, ' ', 3);
}

static void behind_fingerprint(void)
{
    plain(IT_PV_REQUEST, IT_PV_BINDING);
    m_print(&m);
    m_text(&m, IT_PV_SOFTWARE, "abcd");
}

static void wrong_crc(void)
{
    plain(IT_PV_REQUEST, IT_PV_BINDING);
    m_print(&m);
    m.p[m.n - 1] ^= 1;
}

static void short_integrity(void)
{
    plain(IT_PV_INDICATION, IT_PV_SEND);
    m_addr(&m, IT_PV_PEER, at(A));
    m_text(&m, IT_PV_DATA_ATTR, "data");
    m_put(&m, IT_PV_MI, "0123456789012345", 16);
}

static void odd_sha256(void)
{
    plain(IT_PV_INDICATION, IT_PV_SEND);
    m_addr(&m, IT_PV_PEER, at(A));
    m_text(&m, IT_PV_DATA_ATTR, "data");
    m_put(&m, IT_PV_MI256, "01234567", 8);
}

static void no_error_code(void)
{
    plain(IT_PV_ERROR, IT_PV_BINDING);
    m_text(&m, IT_PV_SOFTWARE, "abcd");
}

static void error_of_class_7(void)
{
    plain(IT_PV_ERROR, IT_PV_BINDING);
    m_error(&m, 701, "no");
}

static void endless_realm(void)
{
    char text[129] = "";
    memset(text, 'r', 128);
    plain(IT_PV_ERROR, IT_PV_ALLOCATE);
    m_error(&m, 401, "who");
    m_text(&m, IT_PV_REALM, text);
    m_text(&m, IT_PV_NONCE, "n");
}

static void unlisted_420(void)
{
    plain(IT_PV_ERROR, IT_PV_BINDING);
    m_error(&m, 420, "what");
}

static void success_without_address(void)
{
    plain(IT_PV_SUCCESS, IT_PV_BINDING);
    m_text(&m, IT_PV_SOFTWARE, "abcd");
}

static void nonce_alone(void)
{
    plain(IT_PV_REQUEST, IT_PV_REFRESH);
    m_text(&m, IT_PV_NONCE, "nonce");
    m_text(&m, IT_PV_REALM, "realm");
}

static void named_response(void)
{
    plain(IT_PV_SUCCESS, IT_PV_BINDING);
    m_addr(&m, IT_PV_MAPPED, at(A));
    m_text(&m, IT_PV_USERNAME, "user");
}

static const struct {
    enum it_passive_id rule;
    void (*make)(void);
} BROKEN[] = {
    {IT_RULE_LENGTH, length_lies},
    {IT_RULE_WALK, attribute_beyond_the_end},
    {IT_RULE_SIZE, too_large},
    {IT_RULE_PADDING, padded_with_blanks},
    {IT_RULE_ORDER, behind_fingerprint},
    {IT_RULE_CRC, wrong_crc},
    {IT_RULE_MI_LENGTH, short_integrity},
    {IT_RULE_MI256_LENGTH, odd_sha256},
    {IT_RULE_ERROR_CODE, no_error_code},
    {IT_RULE_ERROR_CODE, error_of_class_7},
    {IT_RULE_TEXTS, endless_realm},
    {IT_RULE_UNKNOWN, unlisted_420},
    {IT_RULE_LONG_TERM, nonce_alone},
    {IT_RULE_HAS_MAPPED, success_without_address},
    {IT_RULE_NO_USERNAME, named_response},
};

START_TEST(a_message_that_breaks_one_rule_is_found_by_that_rule_alone)
{
    kit t;
    kit_open(&t);
    BROKEN[_i].make();
    kit_send(&t, 0, A, B, &m);
    kit_only(&t, BROKEN[_i].rule);
    ck_assert_int_eq(it_addr_eq(kit_finding(&t, BROKEN[_i].rule)->who, at(A)), true);
    kit_close(&t);
}
END_TEST

START_TEST(what_rfc_5389_allowed_is_a_remark_by_that_profile)
{
    kit t;
    kit_open_as(&t, IT_PASSIVE_BEFORE, IT_PASSIVE_MIDDLE);
    padded_with_blanks();
    kit_send(&t, 0, A, B, &m);
    kit_only(&t, IT_RULE_PADDING);
    ck_assert_int_eq(it_passive_level_of(t.judge, IT_RULE_PADDING), IT_PASSIVE_INFO);
    kit_close(&t);
}
END_TEST

/* RFC 5769 section 2.1, whose USERNAME is padded with blanks, and 2.2. */
START_TEST(the_samples_of_rfc_5769_break_nothing_but_padding)
{
    static const uint8_t REQUEST[] =
        "\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test "
        "client"
        "\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09"
        "\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2"
        "\xb5"
        "\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
    static const uint8_t RESPONSE[] = "\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
                                      "\x80\x22\x00\x0btest vector\x20"
                                      "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99"
                                      "\xfd\x9e\x90\xc3\x8c\x74\x89\xf9"
                                      "\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
    kit t;
    kit_open_as(&t, IT_PASSIVE_TODAY, IT_PASSIVE_SERVER);
    it_passive_cred v = {false, it_bytes_str("evtj"), it_bytes_str("VOkJxbRl1RmTxUk/WvJxBt")};
    t.creds = (it_passive_creds){.n = 1, .v = &v};
    kit_packet(&t, 0, "192.0.2.1:32853", B, REQUEST, sizeof REQUEST - 1);
    kit_packet(&t, IT_MS, B, "192.0.2.1:32853", RESPONSE, sizeof RESPONSE - 1);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    size_t n;
    const it_passive_finding *f = it_passive_findings(t.judge, &n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(f[i].rule == IT_RULE_PADDING, "%s", kit_all(&t));
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_MI_VALUE), 2);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_CRC), 2);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_MAPPED), 1);
    kit_close(&t);
}
END_TEST

START_TEST(a_finding_counts_and_keeps_its_first_frames)
{
    kit t;
    kit_open(&t);
    for (unsigned i = 0; i < 5; i++) {
        m_begin(&m, IT_PV_ERROR, IT_PV_BINDING, i);
        m_error(&m, 420, "what");
        kit_send(&t, (it_time)i * IT_SEC, A, B, &m);
    }
    kit_only(&t, IT_RULE_UNKNOWN);
    const it_passive_finding *f = kit_finding(&t, IT_RULE_UNKNOWN);
    ck_assert_uint_eq(f->n, 5);
    ck_assert_uint_eq(f->frame[0], 1);
    ck_assert_uint_eq(f->frame[2], 3);
    ck_assert_uint_eq(f->last, 5);
    ck_assert_str_eq(f->what, "Binding error response: there is no UNKNOWN-ATTRIBUTES");
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("rules");
    tcase_add_loop_test(c, a_message_that_breaks_one_rule_is_found_by_that_rule_alone, 0,
                        (int)(sizeof BROKEN / sizeof *BROKEN));
    tcase_add_test(c, what_rfc_5389_allowed_is_a_remark_by_that_profile);
    tcase_add_test(c, the_samples_of_rfc_5769_break_nothing_but_padding);
    tcase_add_test(c, a_finding_counts_and_keeps_its_first_frames);
    return run_case("passive message", c);
}
