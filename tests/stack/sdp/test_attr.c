/* stack/sdp/attr.c: what each attribute comes to, at either level. */
#include "tests/stack/sdp/kit.h"

START_TEST(the_medias_own_come_before_the_sessions)
{
    const it_sdp *s = kit("a=ice-ufrag:aaaa\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=inactive\r\n"
                          "a=fingerprint:SHA-256 " KIT_SHA256 "\r\na=ice-options:ice2 other trickle\r\na=ice-lite\r\n"
                          "m=audio 9 RTP/AVP 0\r\n"
                          "m=video 0 RTP/AVP 31\r\na=ice-ufrag:bbbb\r\na=ice-pwd:9999999999999999999999\r\n"
                          "a=setup:passive\r\na=sendonly\r\na=bundle-only\r\na=ice-options:renomination\r\n"
                          "a=fingerprint:sha-512 " KIT_SHA256 ":" KIT_SHA256 "\r\n"
                          "a=fingerprint:Sha-1 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33\r\n");
    const it_sdp_media *a = &s->media[0], *v = &s->media[1];
    size_t n;
    ck_assert(kit_is(it_sdp_ufrag(s, a), "aaaa") && kit_is(it_sdp_ufrag(s, v), "bbbb"));
    ck_assert(kit_is(it_sdp_pwd(s, a), "0123456789012345678901") && it_sdp_pwd(s, v).p[0] == '9');
    ck_assert(it_sdp_setup(s, a) == IT_SETUP_ACTPASS && it_sdp_setup(s, v) == IT_SETUP_PASSIVE);
    ck_assert(it_sdp_direction(s, a) == IT_SDP_INACTIVE && it_sdp_direction(s, v) == IT_SDP_SEND);
    ck_assert_uint_eq(it_sdp_options(s, a), IT_SDP_ICE2 | IT_SDP_TRICKLE);
    ck_assert_uint_eq(it_sdp_options(s, v), IT_SDP_ICE2 | IT_SDP_TRICKLE | IT_SDP_RENOMINATION);
    ck_assert(it_sdp_prints(s, a, &n)->hash == IT_SDP_SHA256 && n == 1);
    const it_sdp_print *p = it_sdp_prints(s, v, &n);
    ck_assert(n == 2 && p[0].hash == IT_SDP_SHA512 && p[0].n == 64 && p[0].value[63] == 0xf0);
    ck_assert(p[1].hash == IT_SDP_SHA1 && p[1].n == 20 && p[1].value[10] == 0xaa);
    ck_assert(s->lite && !it_sdp_closed(v) && it_sdp_closed(&(it_sdp_media){.port = 0}));
    ck_assert_uint_eq(s->n_left, 0);
}
END_TEST

START_TEST(a_direction_that_is_not_told_is_sendrecv)
{
    const it_sdp *s = kit("m=audio 9 RTP/AVP 0\r\n");
    ck_assert_int_eq(it_sdp_direction(s, &s->media[0]), IT_SDP_SENDRECV);
}
END_TEST

START_TEST(muxing_and_pacing_are_read)
{
    const it_sdp *s = kit("a=ice-pacing:9999999999\r\nm=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\nm=audio 9 RTP/AVP 0\r\n"
                          "a=rtcp-mux\r\na=rtcp-mux-only\r\nm=audio 9 RTP/AVP 0\r\n");
    ck_assert(s->has_pacing && s->pacing == UINT32_MAX);
    ck_assert(s->media[0].mux && !s->media[0].mux_only && s->media[1].mux && s->media[1].mux_only && !s->media[2].mux);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sdp/attr");
    TCase *t = tcase_create("attr");
    suite_add_tcase(s, t);
    tcase_add_test(t, the_medias_own_come_before_the_sessions);
    tcase_add_test(t, a_direction_that_is_not_told_is_sendrecv);
    tcase_add_test(t, muxing_and_pacing_are_read);
    return kit_run(s);
}
