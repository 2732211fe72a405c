/* stack/srtp/rtcp.c: the vectors of RFC 7714 section 17, and what is refused. */
#include "stack/srtp/impl.h"
#include "tests/stack/srtp/kit.h"

#define CLEAR                                                                                                          \
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef "     \
    "deadbeef"

static it_alloc mem;

static void setup(void)
{
    it_alloc_init(&mem);
}

static void teardown(void)
{
    ck_assert_int_eq(mem.live, 0);
}

static it_srtp_session *luna(enum it_srtp_profile profile, enum it_srtp_way way, bool plain)
{
    it_srtp_cfg cfg = kit_cfg(&mem, profile, way);
    cfg.plain_rtcp = plain;
    it_srtp_session *s = kit_new(&cfg);
    uint8_t key[32];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    ck_assert_int_eq(it_srtp_keys_load(&s->rtcp, s->params, way, key, (const uint8_t *)"Quid pro quo", NULL), 0);
    if (way == IT_SRTP_OUT)
        it_srtp_stream_add(s, 0x4d617273)->rtcp_next = 0x5d4;
    return s;
}

static void vector(enum it_srtp_profile profile, bool plain, const char *protected)
{
    uint8_t p[100];
    size_t n = kit_unhex(p, CLEAR);
    it_srtp_session *out = luna(profile, IT_SRTP_OUT, plain), *in = luna(profile, IT_SRTP_IN, plain);
    ck_assert_int_eq(it_srtp_protect_rtcp(out, p, n, sizeof p), (int)n + 20);
    kit_expect(p, protected);
    ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, n + 20), (int)n);
    kit_expect(p, CLEAR);
    it_srtp_free(out);
    it_srtp_free(in);
}

START_TEST(packets_are_those_of_rfc7714_section_17)
{
    vector(IT_SRTP_AEAD_AES_128_GCM, false,
           "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded"
           "0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    vector(IT_SRTP_AEAD_AES_256_GCM, false,
           "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047"
           "6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4");
    vector(IT_SRTP_AEAD_AES_128_GCM, true, CLEAR "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4");
    vector(IT_SRTP_AEAD_AES_256_GCM, true, CLEAR "91db4afb feee5a97 8fab4393 ed2615fe 000005d4");
}
END_TEST

START_TEST(a_packet_with_any_bit_changed_is_not_authentic)
{
    it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_IN);
    it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
    uint8_t p[100], q[100];
    int n = it_srtp_protect_rtcp(out, p, kit_rtcp(p, 5, 24), sizeof p);
    ck_assert_int_eq(n, 32 + 4 + it_srtp_params_of(PROFILES[_i])->rtcp_tag);
    for (int bit = 0; bit < 8 * n; bit++) {
        memcpy(q, p, sizeof p);
        q[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int r = it_srtp_unprotect_rtcp(in, q, (size_t)n);
        ck_assert_msg(r == IT_ERR_AUTH || r == IT_ERR_PERM || (r == IT_ERR_PARSE && bit < 8), "bit %d gives %d", bit,
                      r);
    }
    ck_assert_uint_eq(it_srtp_ssrcs(in), 0);
    ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, (size_t)n), 32);
    ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, (size_t)n), IT_ERR_REPLAY);
    it_srtp_free(out);
    it_srtp_free(in);
}
END_TEST

START_TEST(clear_and_encrypted_are_not_taken_for_each_other)
{
    uint8_t p[2][100];
    for (int plain = 0; plain < 2; plain++) {
        it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_IN);
        cfg.plain_rtcp = plain;
        in_cfg.plain_rtcp = !plain;
        it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
        int n = it_srtp_protect_rtcp(out, p[plain], kit_rtcp(p[plain], 5, 24), 100);
        ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p[plain], (size_t)n), IT_ERR_PERM);
        it_srtp_free(in);
        in_cfg.plain_rtcp = plain;
        in = kit_new(&in_cfg);
        ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p[plain], (size_t)n), 32);
        it_srtp_free(in);
        it_srtp_free(out);
    }
}
END_TEST

START_TEST(what_is_too_short_is_malformed)
{
    uint8_t p[100];
    it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_IN);
    it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
    size_t n = kit_rtcp(p, 1, 0), more = 4u + it_srtp_params_of(PROFILES[_i])->rtcp_tag;
    ck_assert_int_eq(it_srtp_protect_rtcp(out, p, 7, sizeof p), IT_ERR_PARSE);
    ck_assert_int_eq(it_srtp_protect_rtcp(out, p, n, n + more - 1), IT_ERR_FULL);
    ck_assert_int_eq(it_srtp_protect_rtcp(in, p, n, sizeof p), IT_ERR_STATE);
    ck_assert_int_eq(it_srtp_unprotect_rtcp(out, p, n), IT_ERR_STATE);
    ck_assert_int_eq(it_srtp_protect_rtcp(out, p, n, n + more), (int)(n + more));
    for (size_t i = 0; i < n + more; i++)
        ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, i), IT_ERR_PARSE);
    ck_assert_int_eq(it_srtp_unprotect_rtcp(in, p, n + more), (int)n);
    it_srtp_free(out);
    it_srtp_free(in);
}
END_TEST

START_TEST(a_key_ends_with_its_lifetime_and_with_its_index)
{
    uint8_t p[100];
    it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_OUT);
    cfg.life_rtcp = 2;
    it_srtp_session *s = kit_new(&cfg);
    ck_assert_int_gt(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 1, 24), sizeof p), 0);
    ck_assert_int_gt(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 2, 24), sizeof p), 0);
    ck_assert_int_eq(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 1, 24), sizeof p), IT_ERR_LIMIT);
    it_srtp_free(s);
    cfg.life_rtcp = 0;
    cfg.ssrcs = 1;
    s = kit_new(&cfg);
    it_srtp_stream_add(s, 1)->rtcp_next = 0x7fffffff;
    ck_assert_int_gt(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 1, 24), sizeof p), 0);
    ck_assert_int_eq(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 1, 24), sizeof p), IT_ERR_LIMIT);
    ck_assert_int_eq(it_srtp_protect_rtcp(s, p, kit_rtcp(p, 2, 24), sizeof p), IT_ERR_LIMIT); /* one SSRC too many */
    it_srtp_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/rtcp");
    TCase *t = tcase_create("rtcp");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, packets_are_those_of_rfc7714_section_17);
    tcase_add_loop_test(t, a_packet_with_any_bit_changed_is_not_authentic, 0, N_PROFILES);
    tcase_add_loop_test(t, clear_and_encrypted_are_not_taken_for_each_other, 0, N_PROFILES);
    tcase_add_loop_test(t, what_is_too_short_is_malformed, 0, N_PROFILES);
    tcase_add_loop_test(t, a_key_ends_with_its_lifetime_and_with_its_index, 0, N_PROFILES);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
