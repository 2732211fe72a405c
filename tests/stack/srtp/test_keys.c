/* stack/srtp/keys.c: profiles, and the key derivation of RFC 3711 appendix B.3 and RFC 6188 section 7.2. */
#include "stack/srtp/impl.h"
#include "tests/stack/srtp/kit.h"

static void derive(const it_srtp_cfg *cfg, const char *cipher, unsigned label, const char *want, size_t n)
{
    uint8_t out[128];
    EVP_CIPHER_CTX *master = it_srtp_cipher_new(cipher, cfg->key, true);
    ck_assert_ptr_nonnull(master);
    ck_assert(it_srtp_derive(master, cfg, label, out, n));
    kit_expect(out, want);
    EVP_CIPHER_CTX_free(master);
}

START_TEST(session_keys_are_those_of_rfc3711_appendix_b3)
{
    it_srtp_cfg cfg = {.profile = IT_SRTP_AES128_CM_HMAC_SHA1_80};
    kit_unhex(cfg.key, "E1F97A0D3E018BE0D64FA32C06DE4139");
    kit_unhex(cfg.salt, "0EC675AD498AFEEBB6960B3AABE6");
    derive(&cfg, "AES-128-ECB", IT_SRTP_LABEL_KEY, "C61E7A93744F39EE10734AFE3FF7A087", 16);
    derive(&cfg, "AES-128-ECB", IT_SRTP_LABEL_SALT, "30CBBC08863D8C85D49DB34A9AE1", 14);
    derive(&cfg, "AES-128-ECB", IT_SRTP_LABEL_AUTH,
           "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098"
           "6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2",
           94);
}
END_TEST

static void exported(enum it_srtp_profile profile, size_t key, size_t salt)
{
    uint8_t bytes[IT_SRTP_EXPORT_MAX];
    it_srtp_cfg out = {.ssrcs = 5}, in = {.window = 64}, out2, in2;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    ck_assert_int_eq(it_srtp_exported(profile, it_bytes_of(bytes, 2 * (key + salt)), true, &out, &in), 0);
    ck_assert_mem_eq(out.key, bytes, key);
    ck_assert_mem_eq(in.key, bytes + key, key);
    ck_assert_mem_eq(out.salt, bytes + 2 * key, salt);
    ck_assert_mem_eq(in.salt, bytes + 2 * key + salt, salt);
    ck_assert(out.way == IT_SRTP_OUT && in.way == IT_SRTP_IN);
    ck_assert(out.ssrcs == 5 && in.window == 64 && out.profile == profile);
    ck_assert_int_eq(it_srtp_exported(profile, it_bytes_of(bytes, 2 * (key + salt)), false, &out2, &in2), 0);
    ck_assert_mem_eq(out2.key, in.key, key);
    ck_assert_mem_eq(in2.salt, out.salt, salt);
    ck_assert_int_eq(it_srtp_exported(profile, it_bytes_of(bytes, 2 * (key + salt) - 1), true, &out, &in),
                     IT_ERR_RANGE);
}

START_TEST(exported_bytes_are_both_keys_and_then_both_salts)
{
    exported(IT_SRTP_AES128_CM_HMAC_SHA1_80, 16, 14);
    exported(IT_SRTP_AES128_CM_HMAC_SHA1_32, 16, 14);
    exported(IT_SRTP_AEAD_AES_128_GCM, 16, 12);
    exported(IT_SRTP_AEAD_AES_256_GCM, 32, 12);
}
END_TEST

START_TEST(unknown_profiles_are_refused)
{
    it_alloc a;
    it_srtp_session *s;
    it_srtp_cfg cfg = {.alloc = &a, .profile = (enum it_srtp_profile)5}, other;
    it_alloc_init(&a);
    ck_assert_ptr_null(it_srtp_params_of(5)); /* SRTP_NULL_HMAC_SHA1_80 */
    ck_assert_int_eq(it_srtp_new(&cfg, &s), IT_ERR_UNSUPPORTED);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(it_srtp_exported(6, it_bytes_str(""), true, &cfg, &other), IT_ERR_UNSUPPORTED);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/keys");
    TCase *t = tcase_create("keys");
    suite_add_tcase(s, t);
    tcase_add_test(t, session_keys_are_those_of_rfc3711_appendix_b3);
    tcase_add_test(t, exported_bytes_are_both_keys_and_then_both_salts);
    tcase_add_test(t, unknown_profiles_are_refused);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
