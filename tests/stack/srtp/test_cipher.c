/* stack/srtp/cipher.c: the key stream of RFC 3711 appendix B.2, the initial blocks of RFC 7714. */
#include "stack/srtp/impl.h"
#include "tests/stack/srtp/kit.h"

#define BLOCKS 65282

START_TEST(the_key_stream_is_that_of_rfc3711_appendix_b2)
{
    uint8_t key[16], iv[16], *p = calloc(BLOCKS, 16);
    ck_assert_ptr_nonnull(p);
    kit_unhex(key, "2B7E151628AED2A6ABF7158809CF4F3C");
    kit_unhex(iv, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
    EVP_CIPHER_CTX *ctx = it_srtp_cipher_new("AES-128-ECB", key, true);
    ck_assert_ptr_nonnull(ctx);
    ck_assert(it_srtp_cm(ctx, iv, p, (size_t)BLOCKS * 16));
    kit_expect(p, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0");
    kit_expect(p + (size_t)0xfeff * 16, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE"
                                        "6A2CC3787889374FBEB4C81B17BA6C44");
    EVP_CIPHER_CTX_free(ctx);
    free(p);
}
END_TEST

/* A key stream does not hang on how long a packet is. */
START_TEST(a_packet_of_any_length_gets_the_front_of_the_key_stream)
{
    uint8_t key[16] = {9}, iv[16] = {1, 2, 3}, whole[1100] = {0}, p[1100];
    EVP_CIPHER_CTX *ctx = it_srtp_cipher_new("AES-128-ECB", key, true);
    ck_assert(it_srtp_cm(ctx, iv, whole, sizeof whole));
    for (size_t n = 0; n < sizeof p; n++) {
        memset(p, 0, sizeof p);
        ck_assert(it_srtp_cm(ctx, iv, p, n));
        ck_assert_mem_eq(p, whole, n);
        ck_assert(n == sizeof p || p[n] == 0);
    }
    EVP_CIPHER_CTX_free(ctx);
}
END_TEST

START_TEST(initial_blocks_are_made_as_the_rfcs_draw_them)
{
    it_srtp_keys k = {.cipher = NULL};
    uint8_t iv[16];
    kit_unhex(k.salt, "51756964 2070726f 2071756f");
    it_srtp_gcm_iv(&k, 0x5501a0b2, 0xf17b, iv); /* RFC 7714 section 16 */
    kit_expect(iv, "51 75 3c 65 80 c2 72 6f 20 71 84 14");
    it_srtp_gcm_iv(&k, 0x4d617273, 0x5d4, iv); /* section 17 */
    kit_expect(iv, "51 75 24 05 52 03 72 6f 20 71 70 bb");
    memset(&k, 0, sizeof k);
    it_srtp_gcm_iv(&k, 0, 0x123456789abc, iv);
    kit_expect(iv, "0000 00000000 12345678 9abc");
    it_srtp_cm_iv(&k, 0xa1a2a3a4, 0x123456789abc, iv); /* RFC 3711 section 4.1.1 */
    kit_expect(iv, "00000000 a1a2a3a4 123456789abc 0000");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/cipher");
    TCase *t = tcase_create("cipher");
    suite_add_tcase(s, t);
    tcase_add_test(t, the_key_stream_is_that_of_rfc3711_appendix_b2);
    tcase_add_test(t, a_packet_of_any_length_gets_the_front_of_the_key_stream);
    tcase_add_test(t, initial_blocks_are_made_as_the_rfcs_draw_them);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
