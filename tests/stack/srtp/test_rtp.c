/* stack/srtp/rtp.c: the vectors of RFC 7714 section 16, and what is refused. */
#include "stack/srtp/impl.h"
#include "tests/stack/srtp/kit.h"

#define CLEAR                                                                                                          \
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"

static it_alloc mem;

static void setup(void)
{
    it_alloc_init(&mem);
}

static void teardown(void)
{
    ck_assert_int_eq(mem.live, 0);
}

/* A session with the session key and salt of the RFC. */
static it_srtp_session *gallia(enum it_srtp_profile profile, enum it_srtp_way way)
{
    it_srtp_cfg cfg = kit_cfg(&mem, profile, way);
    it_srtp_session *s = kit_new(&cfg);
    uint8_t key[32];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    ck_assert_int_eq(it_srtp_keys_load(&s->rtp, s->params, way, key, (const uint8_t *)"Quid pro quo", NULL), 0);
    return s;
}

static void vector(enum it_srtp_profile profile, const char *protected)
{
    uint8_t p[100];
    size_t n = kit_unhex(p, CLEAR);
    it_srtp_session *out = gallia(profile, IT_SRTP_OUT), *in = gallia(profile, IT_SRTP_IN);
    ck_assert_int_eq(it_srtp_protect(out, p, n, sizeof p), (int)n + 16);
    kit_expect(p, protected);
    ck_assert_int_eq(it_srtp_unprotect(in, p, n + 16), (int)n);
    kit_expect(p, CLEAR);
    it_srtp_free(out);
    it_srtp_free(in);
}

START_TEST(packets_are_those_of_rfc7714_section_16)
{
    vector(IT_SRTP_AEAD_AES_128_GCM,
           "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf"
           "8833899d 7f27beb1 6a9152cf 765ee439 0cce");
    vector(IT_SRTP_AEAD_AES_256_GCM,
           "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799"
           "b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13");
}
END_TEST

static const struct {
    const char *head;
    size_t n;
    bool good;
} HEADS[] = {
    {"80", 12, true},  {"80", 11, false}, {"40", 40, false}, /* version 1 */
    {"82", 20, true},  {"82", 19, false}, {"8f", 72, true},  /* CSRCs */
    {"8f", 71, false}, {"90", 16, true},  {"90", 15, false}, /* an extension without words */
    {"91", 20, true},  {"91", 19, false}, {"a0", 12, true},  /* padding is the payload's business */
};

START_TEST(a_packet_whose_header_does_not_fit_is_malformed)
{
    for (int i = 0; i < N_PROFILES; i++) {
        uint8_t p[200] = {0};
        it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_IN);
        it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
        int tag = it_srtp_params_of(PROFILES[i])->tag, n = (int)HEADS[_i].n;
        kit_unhex(p, HEADS[_i].head);
        ck_assert_int_eq(it_srtp_unprotect(in, p, (size_t)(n + tag)), HEADS[_i].good ? IT_ERR_AUTH : IT_ERR_PARSE);
        memset(p, 0, sizeof p);
        kit_unhex(p, HEADS[_i].head);
        ck_assert_int_eq(it_srtp_protect(out, p, (size_t)n, sizeof p), HEADS[_i].good ? n + tag : IT_ERR_PARSE);
        it_srtp_free(out);
        it_srtp_free(in);
    }
}
END_TEST

/* Header extensions and CSRCs stay in clear and are authenticated. */
START_TEST(an_extension_is_authenticated_and_not_encrypted)
{
    for (int i = 0; i < N_PROFILES; i++) {
        uint8_t p[100] = {0}, was[100];
        it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_IN);
        it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
        kit_unhex(p, "92 6f 0001 00000001 00000002 11111111 22222222 bede0001 10aa0000 01020304 05060708");
        memcpy(was, p, sizeof p);
        int n = it_srtp_protect(out, p, 36, sizeof p);
        ck_assert_int_gt(n, 36);
        ck_assert_mem_eq(p, was, 28);
        ck_assert_mem_ne(p + 28, was + 28, 8);
        p[25] ^= 1;
        uint8_t forged[100];
        memcpy(forged, p, sizeof p);
        ck_assert_int_eq(it_srtp_unprotect(in, forged, (size_t)n), IT_ERR_AUTH);
        p[25] ^= 1;
        ck_assert_int_eq(it_srtp_unprotect(in, p, (size_t)n), 36);
        ck_assert_mem_eq(p, was, 36);
        it_srtp_free(out);
        it_srtp_free(in);
    }
}
END_TEST

/* Every bit counts: of header, payload, tag. */
START_TEST(a_packet_with_any_bit_changed_is_not_authentic)
{
    it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_OUT), in_cfg = kit_cfg(&mem, PROFILES[_i], IT_SRTP_IN);
    it_srtp_session *out = kit_new(&cfg), *in = kit_new(&in_cfg);
    uint8_t p[100], q[100];
    int n = it_srtp_protect(out, p, kit_rtp(p, 5, 70, 20), sizeof p);
    for (int bit = 0; bit < 8 * n; bit++) {
        memcpy(q, p, sizeof p);
        q[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int r = it_srtp_unprotect(in, q, (size_t)n);
        ck_assert_msg(r == IT_ERR_AUTH || (r == IT_ERR_PARSE && bit < 8), "bit %d gives %d", bit, r);
    }
    ck_assert_uint_eq(it_srtp_ssrcs(in), 0); /* and none of them is remembered */
    ck_assert_int_eq(it_srtp_unprotect(in, p, (size_t)n), 32);
    ck_assert_uint_eq(it_srtp_ssrcs(in), 1);
    it_srtp_free(out);
    it_srtp_free(in);
}
END_TEST

START_TEST(a_buffer_without_room_for_the_tag_is_refused_untouched)
{
    for (int i = 0; i < N_PROFILES; i++) {
        uint8_t p[100], was[100];
        it_srtp_cfg cfg = kit_cfg(&mem, PROFILES[i], IT_SRTP_OUT);
        it_srtp_session *s = kit_new(&cfg);
        size_t n = kit_rtp(p, 1, 1, 20), tag = s->params->tag;
        memcpy(was, p, n);
        ck_assert_int_eq(it_srtp_protect(s, p, n, n + tag - 1), IT_ERR_FULL);
        ck_assert_int_eq(it_srtp_protect(s, p, n, n - 1), IT_ERR_FULL);
        ck_assert_mem_eq(p, was, n);
        ck_assert_int_eq(it_srtp_protect(s, p, n, n + tag), (int)(n + tag)); /* nothing was used up */
        it_srtp_free(s);
    }
}
END_TEST

START_TEST(a_sender_uses_no_index_twice)
{
    uint8_t p[100];
    it_srtp_cfg cfg = kit_cfg(&mem, IT_SRTP_AEAD_AES_128_GCM, IT_SRTP_OUT);
    it_srtp_session *s = kit_new(&cfg);
    ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, 1, 1000, 20), sizeof p), 0);
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 1000, 20), sizeof p), IT_ERR_REPLAY);
    ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, 1, 999, 20), sizeof p), 0);
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 1000 - 128, 20), sizeof p), IT_ERR_OLD);
    ck_assert_int_gt(it_srtp_protect(s, p, kit_rtp(p, 2, 1000, 20), sizeof p), 0); /* another SSRC's is another */
    it_srtp_free(s);
}
END_TEST

START_TEST(a_key_ends_with_its_lifetime_and_with_its_rollover_counter)
{
    uint8_t p[100], q[3][100];
    it_srtp_cfg cfg = kit_cfg(&mem, IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_OUT);
    it_srtp_cfg in_cfg = kit_cfg(&mem, IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_IN);
    cfg.life_rtp = 3;
    in_cfg.life_rtp = 2;
    it_srtp_session *s = kit_new(&cfg), *in = kit_new(&in_cfg);
    for (uint16_t i = 0; i < 3; i++)
        ck_assert_int_eq(it_srtp_protect(s, q[i], kit_rtp(q[i], i, i, 20), 100), 42); /* over all SSRCs */
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 50, 20), sizeof p), IT_ERR_LIMIT);
    ck_assert_int_eq(it_srtp_unprotect(in, q[0], 42), 32);
    ck_assert_int_eq(it_srtp_unprotect(in, q[1], 42), 32);
    ck_assert_int_eq(it_srtp_unprotect(in, q[2], 42), IT_ERR_LIMIT);
    it_srtp_free(s);
    it_srtp_free(in);
    cfg.life_rtp = 0;
    s = kit_new(&cfg);
    ck_assert_int_eq(it_srtp_set_roc(s, 1, 0xffffffff), 0);
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 0xffff, 20), sizeof p), 42);
    ck_assert_int_eq(it_srtp_protect(s, p, kit_rtp(p, 1, 0, 20), sizeof p), IT_ERR_LIMIT);
    ck_assert_int_eq(it_srtp_set_roc(s, 1, 0), IT_ERR_STATE);
    it_srtp_free(s);
}
END_TEST

START_TEST(a_session_has_one_direction)
{
    uint8_t p[100];
    it_srtp_cfg cfg = kit_cfg(&mem, IT_SRTP_AES128_CM_HMAC_SHA1_32, IT_SRTP_OUT);
    it_srtp_session *out = kit_new(&cfg);
    cfg.way = IT_SRTP_IN;
    it_srtp_session *in = kit_new(&cfg);
    ck_assert_int_eq(it_srtp_unprotect(out, p, kit_rtp(p, 1, 1, 20)), IT_ERR_STATE);
    ck_assert_int_eq(it_srtp_protect(in, p, kit_rtp(p, 1, 1, 20), sizeof p), IT_ERR_STATE);
    it_srtp_free(out);
    it_srtp_free(in);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/rtp");
    TCase *t = tcase_create("rtp");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, packets_are_those_of_rfc7714_section_16);
    tcase_add_loop_test(t, a_packet_whose_header_does_not_fit_is_malformed, 0, (int)(sizeof HEADS / sizeof *HEADS));
    tcase_add_test(t, an_extension_is_authenticated_and_not_encrypted);
    tcase_add_loop_test(t, a_packet_with_any_bit_changed_is_not_authentic, 0, N_PROFILES);
    tcase_add_test(t, a_buffer_without_room_for_the_tag_is_refused_untouched);
    tcase_add_test(t, a_sender_uses_no_index_twice);
    tcase_add_test(t, a_key_ends_with_its_lifetime_and_with_its_rollover_counter);
    tcase_add_test(t, a_session_has_one_direction);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
