/* Digests and HMACs against the published vectors: RFC 1321, FIPS 180, RFC 2202 and RFC 4231. */
#include "stack/crypto/digest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static it_bytes none(void)
{
    return it_bytes_of(NULL, 0);
}

/* Reads hexadecimal digits; returns how many bytes they are. */
static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;

    for (; sscanf(hex, "%2x", &v) == 1; hex += 2)
        out[n++] = (uint8_t)v;
    return n;
}

static void expect(const uint8_t *got, const char *hex)
{
    uint8_t want[64];

    ck_assert_mem_eq(got, want, unhex(want, hex));
}

START_TEST(md5_gives_the_digests_of_rfc1321)
{
    uint8_t out[IT_MD5_SIZE];

    it_md5(out, none(), none(), none());
    expect(out, "d41d8cd98f00b204e9800998ecf8427e");
    it_md5(out, it_bytes_str("mess"), it_bytes_str("age "), it_bytes_str("digest"));
    expect(out, "f96b697d7cb7938d525a2f31aaf161d0");
}
END_TEST

START_TEST(sha1_gives_the_digests_of_fips180)
{
    uint8_t out[IT_SHA1_SIZE];

    it_sha1(out, none(), none(), none());
    expect(out, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    it_sha1(out, it_bytes_str("a"), it_bytes_str("b"), it_bytes_str("c"));
    expect(out, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
END_TEST

START_TEST(sha256_gives_the_digests_of_fips180)
{
    uint8_t out[IT_SHA256_SIZE];

    it_sha256(out, none(), none(), none());
    expect(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    it_sha256(out, it_bytes_str("abc"), none(), none());
    expect(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

/* A key or a text is |times| the byte |fill| when |fill| is not 0, else |hex|. */
struct part {
    int fill, times;
    const char *hex;
};

struct hmac_case {
    struct part key, text;
    const char *mac;
};

static it_bytes part(uint8_t *buf, struct part p)
{
    if (p.fill == 0)
        return it_bytes_of(buf, unhex(buf, p.hex));
    memset(buf, p.fill, (size_t)p.times);
    return it_bytes_of(buf, (size_t)p.times);
}

#define TEXT(t)                                                                                                        \
    {                                                                                                                  \
        0, 0, t                                                                                                        \
    }
#define JEFE "4a656665"
#define WHAT "7768617420646f2079612077616e7420666f72206e6f7468696e673f"
#define COUNT "0102030405060708090a0b0c0d0e0f10111213141516171819"

/* RFC 2202 section 3, all seven. */
static const struct hmac_case SHA1_CASES[] = {
    {{0x0b, 20, NULL}, TEXT("4869205468657265"), "b617318655057264e28bc0b6fb378c8ef146be00"},
    {TEXT(JEFE), TEXT(WHAT), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {{0xaa, 20, NULL}, {0xdd, 50, NULL}, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
    {TEXT(COUNT), {0xcd, 50, NULL}, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
    {{0x0c, 20, NULL}, TEXT("546573742057697468205472756e636174696f6e"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
    {{0xaa, 80, NULL},
     TEXT("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b657920466972737"
          "4"),
     "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    {{0xaa, 80, NULL},
     TEXT("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920616e64204c6172676572205468616e20"
          "4f6e65"
          "20426c6f636b2d53697a652044617461"),
     "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
};

/* RFC 4231 sections 4.2 to 4.8; 4.6 prints the first 128 bits only. */
static const struct hmac_case SHA256_CASES[] = {
    {{0x0b, 20, NULL}, TEXT("4869205468657265"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {TEXT(JEFE), TEXT(WHAT), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {{0xaa, 20, NULL}, {0xdd, 50, NULL}, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {TEXT(COUNT), {0xcd, 50, NULL}, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {{0x0c, 20, NULL}, TEXT("546573742057697468205472756e636174696f6e"), "a3b6167473100ee06e0c796c2955552b"},
    {{0xaa, 131, NULL},
     TEXT("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b657920466972737"
          "4"),
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {{0xaa, 131, NULL},
     TEXT("5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e6420"
          "61206c"
          "6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173686564"
          "206265"
          "666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e"),
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

START_TEST(hmac_sha1_gives_the_values_of_rfc2202)
{
    const struct hmac_case *c = &SHA1_CASES[_i];
    uint8_t key[256], text[256], out[IT_SHA1_SIZE];
    it_bytes t = part(text, c->text);
    it_hmac_key k;

    it_hmac_key_init(&k, part(key, c->key));
    for (size_t cut = 0; cut <= t.n; cut++) { /* however the text is cut into two views */
        it_hmac_sha1(&k, out, it_bytes_of(t.p, cut), it_bytes_of(t.p + cut, t.n - cut));
        expect(out, c->mac);
    }
}
END_TEST

START_TEST(hmac_sha256_gives_the_values_of_rfc4231)
{
    const struct hmac_case *c = &SHA256_CASES[_i];
    uint8_t key[256], text[256], out[IT_SHA256_SIZE];
    it_bytes t = part(text, c->text);
    it_hmac_key k;

    it_hmac_key_init(&k, part(key, c->key));
    for (size_t cut = 0; cut <= t.n; cut++) {
        it_hmac_sha256(&k, out, it_bytes_of(t.p, cut), it_bytes_of(t.p + cut, t.n - cut));
        expect(out, c->mac);
    }
}
END_TEST

START_TEST(hmac_takes_an_empty_key_and_an_empty_text)
{
    uint8_t out[IT_SHA256_SIZE];
    it_hmac_key k;

    it_hmac_key_init(&k, none());
    it_hmac_sha1(&k, out, none(), none());
    expect(out, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
    it_hmac_sha256(&k, out, none(), none());
    expect(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(a_key_of_exactly_one_block_is_not_hashed)
{
    uint8_t key[65], a[IT_SHA1_SIZE], b[IT_SHA1_SIZE];
    it_hmac_key k;

    memset(key, 'k', sizeof(key));
    it_hmac_key_init(&k, it_bytes_of(key, 64));
    it_hmac_sha1(&k, a, it_bytes_str("x"), none());
    expect(a, "2c31eadf68d9ba971ad29339d28ce725b03c11f6");
    it_hmac_key_init(&k, it_bytes_of(key, 65));
    it_hmac_sha1(&k, b, it_bytes_str("x"), none());
    ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

START_TEST(equal_ct_compares_every_byte)
{
    uint8_t a[20], b[20];

    memset(a, 7, sizeof(a));
    for (size_t i = 0; i < sizeof(b); i++) {
        memcpy(b, a, sizeof(b));
        ck_assert(it_equal_ct(a, b, sizeof(a)));
        b[i] ^= 1;
        ck_assert(!it_equal_ct(a, b, sizeof(a)));
        ck_assert(it_equal_ct(a, b, i));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/digest");
    TCase *digests = tcase_create("digests"), *hmac = tcase_create("RFC 2104");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(digests, md5_gives_the_digests_of_rfc1321);
    tcase_add_test(digests, sha1_gives_the_digests_of_fips180);
    tcase_add_test(digests, sha256_gives_the_digests_of_fips180);
    tcase_add_test(digests, equal_ct_compares_every_byte);
    suite_add_tcase(s, digests);
    tcase_add_loop_test(hmac, hmac_sha1_gives_the_values_of_rfc2202, 0,
                        (int)(sizeof(SHA1_CASES) / sizeof(SHA1_CASES[0])));
    tcase_add_loop_test(hmac, hmac_sha256_gives_the_values_of_rfc4231, 0,
                        (int)(sizeof(SHA256_CASES) / sizeof(SHA256_CASES[0])));
    tcase_add_test(hmac, hmac_takes_an_empty_key_and_an_empty_text);
    tcase_add_test(hmac, a_key_of_exactly_one_block_is_not_hashed);
    suite_add_tcase(s, hmac);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
