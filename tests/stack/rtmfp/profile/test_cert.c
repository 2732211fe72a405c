/* stack/rtmfp/profile/cert.c: certificates and discriminators, RFC 7425 sections 4.3, 4.4. */
#include "stack/rtmfp/profile/cert.h"
#include "stack/crypto/ossl.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[1024];
static it_rtmfp_cert cert;
static it_rtmfp_epd epd;
static it_rtmfp_identity id;
static it_rng rng;

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_rng_init(&rng, 1, "cert");
}

#define PEER "a9837c1cfa089a9e8550f5e075892b1c6deb04d5e02b953b343c9684aa12ebf7"

START_TEST(the_peer_id_is_that_of_the_known_answer)
{
    uint8_t out[IT_RTMFP_PRINT_EPD];
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, "81021d02" KIT_PI)), 0);
    ck_assert(cert.is_static && cert.groups == IT_RTMFP_GROUP_2);
    kit_expect(it_rtmfp_cert_key(&cert, IT_RTMFP_GROUP_2), KIT_PI);
    ck_assert_ptr_null(it_rtmfp_cert_key(&cert, IT_RTMFP_GROUP_5).p);
    kit_expect(it_bytes_of(cert.print, sizeof cert.print), PEER);
    it_rtmfp_epd_of_print(cert.print, out);
    kit_expect(it_bytes_of(out, sizeof out), "210f" PEER);
}
END_TEST

/* RFC 7425 sections 4.3.1, 4.3.2: the marker is not hashed, nor what follows it. */
START_TEST(what_is_behind_the_marker_does_not_change_the_peer_id)
{
    ck_assert_int_eq(
        it_rtmfp_cert_read(&cert, kit_hex(room, "81021d02" KIT_PI "00 110e 00000000000000000000000000000000")), 0);
    kit_expect(it_bytes_of(cert.print, sizeof cert.print), PEER);
    ck_assert_uint_eq(cert.canonical.n, 132);
}
END_TEST

/* RFC 7425 section 4.3.3: 0x00, 0x0a, 0x15 and 0x1d have no meaning there, and unknown ones nowhere. */
START_TEST(options_outside_the_canonical_section_have_no_meaning)
{
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, "021502 00 021505 010a 030068 69 031d0201 00")), 0);
    ck_assert(!cert.is_static && cert.groups == IT_RTMFP_GROUP_2 && !cert.ancillary && !cert.has_host);
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, "021502 0277ff 0588e0001234")), 0);
}
END_TEST

START_TEST(a_certificate_with_both_kinds_of_keys_or_neither_is_refused)
{
    static const char *const BAD[] = {"", "010a", "021502 031d0201", "00 021502", "410e"};
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, BAD[_i])), IT_ERR_PARSE);
}
END_TEST

START_TEST(a_malformed_certificate_is_refused)
{
    static const char *const BAD[] = {"021502 0215", "021582", "031d0201 031d0202",
                                      "0115",        "011d",   "020061 020062 021502"};
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, BAD[_i])), IT_ERR_PARSE);
}
END_TEST

START_TEST(a_group_that_is_not_here_is_passed_over)
{
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, "021510 02150e 021502")), 0);
    ck_assert_uint_eq(cert.groups, IT_RTMFP_GROUP_2 | IT_RTMFP_GROUP_14);
    ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(room, "041d1001aa 041d0201bb")), 0);
    ck_assert_uint_eq(cert.groups, IT_RTMFP_GROUP_2);
}
END_TEST

/* RFC 7425 section 4.4.3. */
START_TEST(a_discriminator_selects_by_fingerprint_or_by_host_and_ancillary_data)
{
    static const struct {
        const char *epd, *cert;
        bool selects;
    } ROWS[] = {{"030061 62 020a72", "03006162 010a 021502", true},
                {"03006162", "03006162 021502", true},
                {"03006162", "03006163 021502", false},
                {"03006162", "010a 021502", false},
                {"020a72", "010a 021502", true},
                {"020a72", "021502", false},
                {"03006162 020a72", "03006162 021502", false},
                {"", "010a 021502", false},
                {"0277aa", "010a 021502", false},
                {"210f" PEER, "81021d02" KIT_PI, true},
                {"210f" PEER " 03006162", "81021d02" KIT_PI, true}, /* the fingerprint alone decides */
                {"210f" PEER, "010a 021502", false},
                {"010f", "010a 021502", false}};
    uint8_t more[512];
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        ck_assert_int_eq(it_rtmfp_epd_read(&epd, kit_hex(room, ROWS[i].epd)), 0);
        ck_assert_int_eq(it_rtmfp_cert_read(&cert, kit_hex(more, ROWS[i].cert)), 0);
        ck_assert_int_eq(it_rtmfp_epd_selects(&epd, &cert), ROWS[i].selects);
    }
}
END_TEST

START_TEST(a_discriminator_has_each_option_once)
{
    static const char *const BAD[] = {"020061 020061", "010a 010a", "010f 010f", "0500", "82"};
    ck_assert_int_eq(it_rtmfp_epd_read(&epd, kit_hex(room, BAD[_i])), IT_ERR_PARSE);
}
END_TEST

/* RFC 7425 sections 4.3.6, 4.3.7. */
START_TEST(in_glare_the_smaller_certificate_prevails_and_only_its_own_overrides)
{
    it_bytes ab = it_bytes_str("ab"), abc = it_bytes_str("abc"), b = it_bytes_str("b");
    ck_assert(it_rtmfp_cert_prevails(ab, abc) && !it_rtmfp_cert_prevails(abc, ab));
    ck_assert(it_rtmfp_cert_prevails(abc, b) && !it_rtmfp_cert_prevails(b, abc));
    ck_assert(it_rtmfp_cert_prevails(ab, ab));
    ck_assert(it_rtmfp_cert_prevails(it_bytes_str("a\x7f"), it_bytes_str("a\x80")));
    ck_assert(it_rtmfp_cert_overrides(ab, ab) && !it_rtmfp_cert_overrides(ab, abc));
}
END_TEST

START_TEST(an_identity_is_a_certificate_that_is_read_back)
{
    it_rtmfp_identity_cfg cfg = {
        .is_static = _i & 1, .groups = (unsigned)(1 + _i / 2), .host = "a.example", .ancillary = true};
    ck_assert_int_eq(it_rtmfp_identity_make(&id, &cfg, &rng, 0), 0);
    ck_assert(id.cert.is_static == cfg.is_static && id.cert.groups == cfg.groups && id.cert.ancillary);
    ck_assert(it_bytes_eq(id.cert.host, it_bytes_str("a.example")));
    for (unsigned g = 1; g < 8; g <<= 1) {
        const it_rtmfp_dh *d = it_rtmfp_identity_key(&id, (enum it_rtmfp_group)g);
        it_bytes key = it_rtmfp_cert_key(&id.cert, (enum it_rtmfp_group)g);
        ck_assert((d != NULL) == (cfg.is_static && cfg.groups & g));
        ck_assert(!d || it_bytes_eq(key, it_bytes_of(d->pub, d->size)));
    }
    uint8_t print[IT_RTMFP_PRINT];
    memcpy(print, id.cert.print, sizeof print);
    ck_assert_int_eq(it_rtmfp_identity_make(&id, &cfg, &rng, 0), 0);
    ck_assert(memcmp(print, id.cert.print, sizeof print) != 0); /* each is another */
    it_rtmfp_identity_wipe(&id);
}
END_TEST

START_TEST(the_plainest_client_certificate_has_132_bytes)
{
    ck_assert_int_eq(it_rtmfp_identity_make(&id, &(it_rtmfp_identity_cfg){.is_static = true}, &rng, 0), 0);
    ck_assert_uint_eq(id.cert.raw.n, 132);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, the_peer_id_is_that_of_the_known_answer);
    tcase_add_test(t, what_is_behind_the_marker_does_not_change_the_peer_id);
    tcase_add_test(t, options_outside_the_canonical_section_have_no_meaning);
    tcase_add_loop_test(t, a_certificate_with_both_kinds_of_keys_or_neither_is_refused, 0, 5);
    tcase_add_loop_test(t, a_malformed_certificate_is_refused, 0, 6);
    tcase_add_test(t, a_group_that_is_not_here_is_passed_over);
    tcase_add_test(t, a_discriminator_selects_by_fingerprint_or_by_host_and_ancillary_data);
    tcase_add_loop_test(t, a_discriminator_has_each_option_once, 0, 5);
    tcase_add_test(t, in_glare_the_smaller_certificate_prevails_and_only_its_own_overrides);
    tcase_add_loop_test(t, an_identity_is_a_certificate_that_is_read_back, 0, 14);
    tcase_add_test(t, the_plainest_client_certificate_has_132_bytes);
}

int main(void)
{
    return kit_main("rtmfp/profile/cert", add);
}
