/* stack/sdp/write.c: what is written, and that what was read is written back. The fuzz target compares member by
 * member.
 */
#include "tests/stack/sdp/kit.h"

static const char *const REAL[] = {"aiortc_all_offer", "chromium_all_offer", "chromium_all_answer",
                                   "chromium_max_bundle_offer", "chromium_two_video_offer"};

START_TEST(a_real_description_is_written_back_with_all_its_lines)
{
    it_alloc mem;
    it_str out;
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    const it_sdp *s = kit_real(REAL[_i]);
    char *was = strdup(kit_text);
    it_sdp_write(&out, s);
    /* Every attribute is there, whatever the order; what aiortc and Chromium say of ports and addresses is not. */
    for (char *line = strtok(was, "\r\n"); line; line = strtok(NULL, "\r\n"))
        if (line[0] == 'a' || line[0] == 'm')
            ck_assert_msg(strstr(it_str_c(&out), line) != NULL, "%s", line);
    free(was);
    it_str_fini(&out);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

START_TEST(a_description_made_of_members)
{
    static const char WANT[] = "v=0\r\no=- 5 6 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                               "a=group:BUNDLE 0 1\r\na=ice-lite\r\na=ice-pacing:20\r\na=ice-options:ice2 trickle\r\n"
                               "a=setup:actpass\r\na=x-own:7\r\n"
                               "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\n"
                               "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=sendrecv\r\n"
                               "a=rtpmap:111 opus/48000/2\r\na=end-of-candidates\r\n"
                               "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=bundle-only\r\n";
    it_alloc mem;
    it_str out;
    it_sdp s = {.session = 5, .serial = 6, .lite = true, .has_pacing = true, .pacing = 20, .n_media = 2};
    s.group = it_bytes_str("0 1");
    s.all.options = IT_SDP_ICE2 | IT_SDP_TRICKLE;
    s.all.setup = IT_SETUP_ACTPASS;
    s.all.lines = it_bytes_str("a=x-own:7\r\na=mid:no\r\na=frobnicate\r\nnonsense");
    s.media[0] = (it_sdp_media){.kind = it_bytes_str("audio"),
                                .port = 9,
                                .protocol = it_bytes_str("UDP/TLS/RTP/SAVPF"),
                                .formats = it_bytes_str("111"),
                                .mid = it_bytes_str("0"),
                                .mux = true,
                                .done = true};
    s.media[1] = s.media[0];
    s.media[0].own.ufrag = it_bytes_str("abcd");
    s.media[0].own.pwd = it_bytes_str("0123456789012345678901");
    s.media[0].own.direction = IT_SDP_SENDRECV;
    s.media[0].own.lines = it_bytes_str("a=rtpmap:111 opus/48000/2\n");
    s.media[1].kind = it_bytes_str("video");
    s.media[1].formats = it_bytes_str("96");
    s.media[1].port = 0;
    s.media[1].mid = it_bytes_str("1");
    s.media[1].mux = s.media[1].done = false;
    s.media[1].bundle_only = true;
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_sdp_write(&out, &s);
    ck_assert_str_eq(it_str_c(&out), WANT);
    it_str_fini(&out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sdp/write");
    TCase *t = tcase_create("write");
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, a_real_description_is_written_back_with_all_its_lines, 0, 5);
    tcase_add_test(t, a_description_made_of_members);
    return kit_run(s);
}
