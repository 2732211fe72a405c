/* stack/sdp/read.c: real descriptions, and what is left out of others. */
#include "tests/stack/sdp/kit.h"

static const struct {
    const char *name, *group;
    size_t n_media, n_left;
    const char *kinds;   /* of the media descriptions, by their first letters */
    const char *closed;  /* 'x': port 0 without bundle-only */
    enum it_setup setup; /* of the first */
    unsigned options;
} REAL[] = {
    {"aiortc_audio_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, 0},
    {"aiortc_audio_answer", " 0", 1, 0, "a", ".", IT_SETUP_ACTIVE, 0},
    {"aiortc_all_offer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTPASS, 0},
    {"aiortc_data_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, 0},
    {"chromium_audio_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"chromium_audio_answer", " 0", 1, 0, "a", ".", IT_SETUP_ACTIVE, IT_SDP_TRICKLE},
    {"chromium_all_offer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"chromium_all_answer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTIVE, IT_SDP_TRICKLE},
    {"chromium_max_bundle_offer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"chromium_data_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"chromium_two_video_offer", " 0 1 2", 3, 0, "avv", "...", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"chromium_sped_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE | IT_SDP_SPED},
    {"firefox_audio_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"firefox_all_offer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"firefox_data_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"pion_audio_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, 0},
    {"pion_all_offer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTPASS, 0},
    {"pion_data_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, 0},
    {"janus_audio_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"janus_lite_offer", " 0", 1, 0, "a", ".", IT_SETUP_ACTPASS, IT_SDP_TRICKLE},
    {"janus_all_answer", " 0 1 2", 3, 0, "ava", "...", IT_SETUP_ACTIVE, IT_SDP_TRICKLE},
};
enum { N_REAL = sizeof REAL / sizeof *REAL };

START_TEST(real_descriptions_are_read_whole)
{
    const it_sdp *s = kit_real(REAL[_i].name);
    ck_assert_uint_eq(s->n_media, REAL[_i].n_media);
    ck_assert(kit_is(s->group, REAL[_i].group));
    for (size_t i = 0; i < s->n_left; i++)
        ck_abort_msg("%s line %u: %s: %.*s", REAL[_i].name, s->left[i].line, it_sdp_why_text(s->left[i].why),
                     (int)s->left[i].text.n, (const char *)s->left[i].text.p);
    for (size_t i = 0; i < s->n_media; i++) {
        const it_sdp_media *m = &s->media[i];
        size_t n;
        ck_assert_int_eq(m->kind.p[0], REAL[_i].kinds[i]);
        ck_assert(m->bundled && it_sdp_closed(m) == (REAL[_i].closed[i] == 'x'));
        ck_assert_uint_ge(it_sdp_ufrag(s, m).n, 4);
        ck_assert_uint_ge(it_sdp_pwd(s, m).n, 22);
        const it_sdp_print *p = it_sdp_prints(s, m, &n);
        ck_assert(n == 1 && p->hash == IT_SDP_SHA256 && p->n == 32);
        ck_assert(kit_is(m->kind, "application") || m->mux);
    }
    ck_assert_int_eq(it_sdp_setup(s, &s->media[0]), REAL[_i].setup);
    ck_assert_uint_eq(it_sdp_options(s, &s->media[0]), REAL[_i].options);
}
END_TEST

START_TEST(a_max_bundle_offer_has_its_transport_in_the_first_section)
{
    const it_sdp *s = kit_real("chromium_max_bundle_offer");
    it_bytes lines, value;
    for (size_t i = 0; i < s->n_media; i++) {
        lines = s->media[i].own.lines;
        ck_assert(it_sdp_next(&lines, "candidate", &value) == (i == 0));
        ck_assert(!it_sdp_closed(&s->media[i]));
    }
}
END_TEST

static const struct {
    const char *text, *why;
    int err;
} NONE[] = {
    {"", "the description's version is not 0 (RFC 8866 section 5.1)", IT_ERR_PARSE},
    {"v=1\r\no=- 1 1 IN IP4 0.0.0.0\r\n", "the description's version is not 0 (RFC 8866 section 5.1)", IT_ERR_PARSE},
    {"{\"type\":\"offer\"}", "the description's version is not 0 (RFC 8866 section 5.1)", IT_ERR_PARSE},
    {"v=0\r\ns=-\r\n", "no valid origin line (RFC 8866 section 5.2)", IT_ERR_PARSE},
    {"v=0\r\no=- x 1 IN IP4 0.0.0.0\r\n", "no valid origin line (RFC 8866 section 5.2)", IT_ERR_PARSE},
    {"v=0\r\no=- 1 99999999999999999999 IN IP4 0.0.0.0\r\n", "no valid origin line (RFC 8866 section 5.2)",
     IT_ERR_PARSE},
    {"v=0", "no valid origin line (RFC 8866 section 5.2)", IT_ERR_PARSE},
    {"v=0\no=- 18446744073709551615 0 IN IP4 0.0.0.0", NULL, 0}, /* LF alone, no session name */
};

START_TEST(what_is_no_description_is_refused_with_its_reason)
{
    const char *why = NULL;
    ck_assert_int_eq(kit_read(NONE[_i].text, &why), NONE[_i].err);
    if (NONE[_i].why)
        ck_assert_str_eq(why, NONE[_i].why);
}
END_TEST

/* The first line of a row is line 5 of its description. */
static const struct {
    const char *lines;
    enum it_sdp_why why;
    unsigned line;
    const char *rule;
} LEFT[] = {
    {"a=frobnicate:1\r\n", IT_SDP_UNKNOWN, 5, ""},
    {"a=\r\n", IT_SDP_UNKNOWN, 5, ""},
    {"q=7\r\n", IT_SDP_UNKNOWN, 5, ""},
    {"a=setup:active\r\nthis is no line\r\n", IT_SDP_MALFORMED, 6, ""},
    {"x\r\n", IT_SDP_MALFORMED, 5, ""},
    {"a=mid:0\r\n", IT_SDP_MISPLACED, 5, ""},
    {"m=audio 9 RTP/AVP 0\r\na=ice-lite\r\n", IT_SDP_MISPLACED, 6, ""},
    {"m=audio 9 RTP/AVP\r\na=mid:0\r\n", IT_SDP_MALFORMED, 5, ""}, /* and what is in it goes unseen */
    {"m=audio 65536 RTP/AVP 0\r\n", IT_SDP_MALFORMED, 5, ""},
    {"m=audio -1 RTP/AVP 0\r\n", IT_SDP_MALFORMED, 5, ""},
    {"a=ice-ufrag:abc\r\n", IT_SDP_MALFORMED, 5, "no valid ice-ufrag (RFC 8839 section 5.4)"},
    {"a=ice-ufrag:ab d\r\n", IT_SDP_MALFORMED, 5, "no valid ice-ufrag (RFC 8839 section 5.4)"},
    {"a=ice-pwd:012345678901234567890\r\n", IT_SDP_MALFORMED, 5, "no valid ice-pwd (RFC 8839 section 5.4)"},
    {"a=ice-pacing:12345678901\r\n", IT_SDP_MALFORMED, 5, "no valid ice-pacing (RFC 8839 section 5.5)"},
    {"a=setup:ACTIVE\r\n", IT_SDP_MALFORMED, 5, "an unknown setup role (RFC 8842 section 5.2)"},
    {"m=audio 9 RTP/AVP 0\r\na=mid:a b\r\n", IT_SDP_MALFORMED, 6, "no valid mid (RFC 5888 section 4)"},
    {"a=fingerprint:md5 00\r\n", IT_SDP_OTHER_HASH, 5, ""},
    {"a=fingerprint:sha-256 00:11\r\n", IT_SDP_BAD_PRINT, 5, ""},
    {"a=fingerprint:sha-1 " KIT_SHA256 "\r\n", IT_SDP_BAD_PRINT, 5, ""},
    {"a=group:BUNDLE 0\r\na=group:LS 0\r\na=group:BUNDLE 1\r\n", IT_SDP_SECOND_GROUP, 7, ""},
};

START_TEST(what_is_left_out_is_listed_and_the_rest_is_read)
{
    char text[2048];
    snprintf(text, sizeof text, "%sm=audio 9 RTP/AVP 0\r\na=mid:last\r\n", LEFT[_i].lines);
    const it_sdp *s = kit(text);
    ck_assert_uint_eq(s->n_left, 1);
    ck_assert_int_eq(s->left[0].why, LEFT[_i].why);
    ck_assert_uint_eq(s->left[0].line, LEFT[_i].line);
    ck_assert_str_eq(s->left[0].rule, LEFT[_i].rule);
    ck_assert(kit_is(s->media[s->n_media - 1].mid, "last"));
}
END_TEST

START_TEST(limits_leave_out_what_is_beyond_them)
{
    static char text[IT_SDP_MAX];
    size_t n = 0;
    for (int i = 0; i < IT_SDP_MEDIA + 2; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "m=audio 9 RTP/AVP 0\r\na=mid:%d\r\na=unknown\r\n", i);
    const it_sdp *s = kit(text);
    ck_assert_uint_eq(s->n_media, IT_SDP_MEDIA);
    ck_assert_uint_eq(s->n_left, IT_SDP_MEDIA + 2);
    ck_assert_int_eq(s->left[IT_SDP_MEDIA].why, IT_SDP_MANY_MEDIA);
    ck_assert(kit_is(s->media[IT_SDP_MEDIA - 1].mid, "15"));

    n = 0;
    for (int i = 0; i < IT_SDP_PRINTS + 1; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a=fingerprint:sha-256 " KIT_SHA256 "\r\n");
    s = kit(text);
    ck_assert(s->all.n_prints == IT_SDP_PRINTS && s->n_left == 1 && s->left[0].why == IT_SDP_MANY_PRINTS);

    snprintf(text, sizeof text, "a=fmtp:%0*d\r\na=ice-lite\r\n", IT_SDP_LINE, 0);
    s = kit(text);
    ck_assert(s->lite && s->n_left == 1 && s->left[0].why == IT_SDP_LONG);

    n = 0;
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a=unknown%d\r\n", i);
    s = kit(text);
    ck_assert_uint_eq(s->n_left, 100);
    ck_assert_uint_eq(s->left[IT_SDP_LEFT - 1].line, 4 + IT_SDP_LEFT);
}
END_TEST

START_TEST(a_description_above_the_limit_is_refused)
{
    const char *why = NULL;
    memset(kit_text, 'x', sizeof kit_text);
    memcpy(kit_text, KIT_HEAD, strlen(KIT_HEAD));
    ck_assert_int_eq(it_sdp_read(&kit_sdp, it_bytes_of(kit_text, IT_SDP_MAX + 1), &why), IT_ERR_TOOBIG);
    ck_assert_ptr_nonnull(why);
    ck_assert_int_eq(it_sdp_read(&kit_sdp, it_bytes_of(kit_text, IT_SDP_MAX), NULL), 0);
}
END_TEST

START_TEST(no_truncation_of_a_real_one_reads_past_its_end)
{
    (void)kit_real("chromium_all_offer");
    size_t whole = strlen(kit_text);
    for (size_t n = 0; n < whole; n += 1 + n / 64) {
        uint8_t *exact = malloc(n ? n : 1); /* sanitizers see a read past the end */
        memcpy(exact, kit_text, n);
        (void)!it_sdp_read(&kit_sdp, it_bytes_of(exact, n), NULL);
        free(exact);
    }
}
END_TEST

/* RFC 8840 section 8.2. */
START_TEST(the_end_of_candidates_of_the_session_is_that_of_every_media_description)
{
    const it_sdp *s = kit("a=end-of-candidates\r\nm=audio 9 RTP/AVP 0\r\nm=video 9 RTP/AVP 31\r\n");
    ck_assert(s->media[0].done && s->media[1].done);
    s = kit("m=audio 9 RTP/AVP 0\r\na=end-of-candidates\r\nm=video 9 RTP/AVP 31\r\n");
    ck_assert(s->media[0].done && !s->media[1].done);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sdp/read");
    TCase *t = tcase_create("read");
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, real_descriptions_are_read_whole, 0, N_REAL);
    tcase_add_test(t, a_max_bundle_offer_has_its_transport_in_the_first_section);
    tcase_add_loop_test(t, what_is_no_description_is_refused_with_its_reason, 0, (int)(sizeof NONE / sizeof *NONE));
    tcase_add_loop_test(t, what_is_left_out_is_listed_and_the_rest_is_read, 0, (int)(sizeof LEFT / sizeof *LEFT));
    tcase_add_test(t, limits_leave_out_what_is_beyond_them);
    tcase_add_test(t, a_description_above_the_limit_is_refused);
    tcase_add_test(t, no_truncation_of_a_real_one_reads_past_its_end);
    tcase_add_test(t, the_end_of_candidates_of_the_session_is_that_of_every_media_description);
    return kit_run(s);
}
