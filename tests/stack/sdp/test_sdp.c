/* stack/sdp/sdp.c: words, numbers, attributes that are walked to, payload formats. */
#include "tests/stack/sdp/kit.h"

START_TEST(words_and_numbers)
{
    it_bytes rest = it_bytes_str("  one  two");
    ck_assert(kit_is(it_sdp_word(&rest), "one") && kit_is(it_sdp_word(&rest), "two") && it_sdp_word(&rest).n == 0);
    uint64_t v;
    ck_assert(it_sdp_number(it_bytes_str("18446744073709551615"), &v) && v == UINT64_MAX);
    static const char *const BAD[] = {"", "18446744073709551616", "-1", "+1", "1 ", "0x1", "000000000000000000001"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        ck_assert_msg(!it_sdp_number(it_bytes_str(BAD[i]), &v), "%s", BAD[i]);
    ck_assert(it_sdp_is(it_bytes_str("SHA-256"), "sha-256") && !it_sdp_is(it_bytes_str("sha-2567"), "sha-256"));
}
END_TEST

START_TEST(attributes_are_found_in_their_media_description_alone)
{
    const it_sdp *s = kit("a=x-one:1\r\nm=audio 9 RTP/AVP 0\r\na=candidate:a\r\na=sendrecv\r\na=candidate:b\r\n"
                          "m=video 9 RTP/AVP 31\r\na=candidate:c\r\na=candidates:d\r\n");
    it_bytes lines = s->media[0].own.lines, v;
    ck_assert(it_sdp_next(&lines, "candidate", &v) && kit_is(v, "a"));
    ck_assert(it_sdp_next(&lines, "candidate", &v) && kit_is(v, "b") && !it_sdp_next(&lines, "candidate", &v));
    lines = s->media[1].own.lines;
    ck_assert(it_sdp_next(&lines, "candidate", &v) && kit_is(v, "c") && !it_sdp_next(&lines, "candidate", &v));
    lines = s->all.lines;
    ck_assert(it_sdp_next(&lines, "x-one", &v) && kit_is(v, "1") && !it_sdp_next(&lines, "candidate", &v));
}
END_TEST

START_TEST(payload_formats_are_named_or_static)
{
    const it_sdp *s = kit_real("chromium_audio_offer");
    it_bytes name;
    uint32_t rate;
    ck_assert(it_sdp_format(&s->media[0], 111, &name, &rate) && kit_is(name, "opus/48000/2") && rate == 48000);
    ck_assert(it_sdp_format(&s->media[0], 0, &name, &rate) && kit_is(name, "PCMU/8000") && rate == 8000);
    ck_assert(!it_sdp_format(&s->media[0], 96, &name, &rate));
    s = kit("m=audio 9 RTP/AVP 0 96 97\r\na=rtpmap:96 odd\r\na=rtpmap:97 odd/x\r\n");
    ck_assert(it_sdp_format(&s->media[0], 0, &name, &rate) && rate == 8000);
    ck_assert(!it_sdp_format(&s->media[0], 96, &name, &rate) && !it_sdp_format(&s->media[0], 97, &name, &rate));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sdp/sdp");
    TCase *t = tcase_create("sdp");
    suite_add_tcase(s, t);
    tcase_add_test(t, words_and_numbers);
    tcase_add_test(t, attributes_are_found_in_their_media_description_alone);
    tcase_add_test(t, payload_formats_are_named_or_static);
    return kit_run(s);
}
