/* stack/srtp/srtp.c: sessions, SSRCs, memory. */
#include "stack/srtp/impl.h"
#include "tests/oom/stairs.h"
#include "tests/stack/srtp/kit.h"

static it_alloc mem;

static void setup(void)
{
    it_alloc_init(&mem);
}

static void teardown(void)
{
    ck_assert_int_eq(mem.live, 0);
}

static const struct {
    unsigned ssrcs, window;
    uint64_t life_rtp, life_rtcp;
    int result;
} CONFIGS[] = {
    {0, 0, 0, 0, 0},
    {1, 64, 1, 1, 0},
    {65536, 64, IT_SRTP_LIFE_RTP, IT_SRTP_LIFE_RTCP, 0},
    {1, 32768, 0, 0, 0},
    {65537, 0, 0, 0, IT_ERR_RANGE},
    {0, 32, 0, 0, IT_ERR_RANGE},
    {0, 65536, 0, 0, IT_ERR_RANGE},
    {0, 96, 0, 0, IT_ERR_RANGE},
    {0, 0, IT_SRTP_LIFE_RTP + 1, 0, IT_ERR_RANGE},
    {0, 0, 0, IT_SRTP_LIFE_RTCP + 1, IT_ERR_RANGE},
};

START_TEST(a_config_out_of_range_is_refused)
{
    it_srtp_session *s;
    it_srtp_cfg cfg = kit_cfg(&mem, IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_OUT);
    cfg.ssrcs = CONFIGS[_i].ssrcs;
    cfg.window = CONFIGS[_i].window;
    cfg.life_rtp = CONFIGS[_i].life_rtp;
    cfg.life_rtcp = CONFIGS[_i].life_rtcp;
    ck_assert_int_eq(it_srtp_new(&cfg, &s), CONFIGS[_i].result);
    ck_assert_int_eq(s != NULL, CONFIGS[_i].result == 0);
    it_srtp_free(s);
}
END_TEST

START_TEST(every_ssrc_has_a_state_of_its_own_and_one_too_many_is_refused)
{
    uint8_t p[100];
    it_rng r;
    uint32_t ssrc[200];
    it_srtp_cfg cfg = kit_cfg(&mem, IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_OUT);
    cfg.ssrcs = 200;
    it_srtp_session *s = kit_new(&cfg);
    it_rng_init(&r, 1, "ssrc");
    for (uint16_t i = 0; i < 200; i++) {
        ssrc[i] = (uint32_t)it_rng_u64(&r);
        ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, ssrc[i], i, 4), sizeof p), 0);
    }
    ck_assert_uint_eq(it_srtp_ssrcs(s), 200);
    for (uint16_t i = 0; i < 200; i++) {
        ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, ssrc[i], i, 4), sizeof p), IT_ERR_REPLAY);
        ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, ssrc[i], (uint16_t)(i + 1), 4), sizeof p), 0);
        ck_assert_ptr_eq(it_srtp_stream_find(s, ssrc[i]), &s->streams[i]);
    }
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 1, 4), sizeof p), IT_ERR_LIMIT);
    ck_assert_int_eq(it_srtp_set_roc(s, 1, 1), IT_ERR_LIMIT);
    ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, ssrc[0], 2, 4), sizeof p), 0);
    it_srtp_free(s);
}
END_TEST

/* All memory is there from the beginning: a session whose allocator gives nothing any more goes on. */
START_TEST(no_packet_allocates)
{
    for (int i = 0; i < N_PROFILES; i++) {
        uint8_t p[200];
        it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_IN);
        it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
        mem.countdown = 0;
        for (uint16_t k = 0; k < 200; k++) {
            int n = it_srtp_protect(out, p, kit_rtp(p, k % 64u, k, 100), sizeof p);
            ck_assert_int_eq(it_srtp_unprotect(in, p, (size_t)n), 112);
            n = it_srtp_protect_rtcp(out, p, kit_rtcp(p, k % 64u, 100), sizeof p);
            ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, (size_t)n), 108);
        }
        mem.countdown = UINT64_MAX;
        it_srtp_free(out);
        it_srtp_free(in);
    }
}
END_TEST

static int life(it_alloc *alloc)
{
    it_srtp_session *s;
    it_srtp_cfg cfg = kit_cfg(alloc, IT_SRTP_AEAD_AES_256_GCM, IT_SRTP_OUT);
    int r = it_srtp_new(&cfg, &s);
    it_srtp_free(s);
    return r;
}

START_TEST(without_memory_there_is_no_session_and_nothing_is_lost)
{
    ck_assert_uint_eq(stairs_climb(life, false, 100, 1), 4);
    ck_assert_uint_eq(stairs_climb(life, true, 100, 1), 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/srtp");
    TCase *t = tcase_create("srtp");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_config_out_of_range_is_refused, 0, (int)(sizeof CONFIGS / sizeof *CONFIGS));
    tcase_add_test(t, every_ssrc_has_a_state_of_its_own_and_one_too_many_is_refused);
    tcase_add_test(t, no_packet_allocates);
    tcase_add_test(t, without_memory_there_is_no_session_and_nothing_is_lost);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
