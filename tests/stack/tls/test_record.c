/* Records in clear and the ClientHello in them. RFC 8446 sections 4.1.2, 5.1. */
#include "stack/tls/alert.h"
#include "tests/stack/tls/ends.h"

static it_tls_hello h;

START_TEST(a_record_has_a_type_a_version_and_a_size)
{
    static const struct {
        const char *bytes;
        size_t n;
        int size;
    } ALL[] = {{"", 0, 0},
               {"\x16", 1, 0},
               {"\x16\x03\x01\x00", 4, 0},
               {"\x16\x03\x01\x00\x00", 5, 5},
               {"\x17\x03\x03\x48\x00", 5, 5 + 18432},
               {"\x17\x03\x03\x48\x01", 5, IT_ERR_TOOBIG},
               {"\x13", 1, IT_ERR_PARSE},
               {"\x18", 1, IT_ERR_PARSE},
               {"\x14\x03", 2, 0},
               {"\x14\x02", 2, IT_ERR_PARSE}};
    ck_assert_int_eq(it_tls_record_size(it_bytes_of(ALL[_i].bytes, ALL[_i].n)), ALL[_i].size);
}
END_TEST

/* A ClientHello of ours into |out|. Returns its bytes. */
static size_t make_hello(const char *name, const char *alpn, enum it_tls_version v, uint8_t *out, size_t cap)
{
    static ends w;
    it_io io;
    ends_init(&w);
    it_tls_cfg c = ends_cfg(&w, CLIENT);
    c.name = name;
    c.alpn = alpn;
    c.version = v;
    ends_begin(&w, CLIENT, &c);
    ck_assert_int_eq(it_layers_output(&w.e[CLIENT].ls, w.now, &io, out, cap), 1);
    ends_fini(&w);
    return io.data.n;
}

START_TEST(a_hello_tells_its_name_protocols_and_version)
{
    uint8_t b[IT_LAYER_MESSAGE];
    size_t n = make_hello("Relay.example.", "h2,http/1.1", IT_TLS_ANY, b, sizeof b);
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(b, n)), (int)n);
    ck_assert(it_bytes_eq(h.name, it_bytes_str("Relay.example")));
    ck_assert(it_tls_hello_offers(&h, "h2") && it_tls_hello_offers(&h, "http/1.1"));
    ck_assert(!it_tls_hello_offers(&h, "http/1"));
    ck_assert(h.v13);
    for (size_t k = 0; k < n; k++)
        ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(b, k)), 0);
}
END_TEST

/* RFC 8446 section 4.2.1: the list is in the client's order of preference, and 1.3 may be its last entry. */
START_TEST(a_version_counts_wherever_it_stands)
{
    static const uint8_t FIRST[] = {0, 43, 0, 5, 4, 3, 4, 3, 3}, LAST[] = {0, 43, 0, 5, 4, 3, 3, 3, 4};
    uint8_t b[IT_LAYER_MESSAGE];
    size_t n = make_hello("relay.example", NULL, IT_TLS_ANY, b, sizeof b);
    uint8_t *at = memmem(b, n, FIRST, sizeof FIRST);
    ck_assert_ptr_nonnull(at);
    memcpy(at, LAST, sizeof LAST);
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(b, n)), (int)n);
    ck_assert(h.v13);
}
END_TEST

START_TEST(an_address_is_not_asked_for_by_name)
{
    uint8_t b[IT_LAYER_MESSAGE];
    size_t n = make_hello("192.0.2.1", NULL, IT_TLS_1_2, b, sizeof b);
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(b, n)), (int)n);
    ck_assert_uint_eq(h.name.n, 0);
    ck_assert_uint_eq(h.alpn.n, 0);
    ck_assert(!h.v13);
}
END_TEST

START_TEST(a_hello_in_many_records_is_the_same)
{
    static uint8_t b[IT_LAYER_MESSAGE], cut[IT_LAYER_MESSAGE];
    size_t n = make_hello("relay.example", "h2", IT_TLS_ANY, b, sizeof b), k = 0;
    for (size_t at = 5; at < n; at++) {
        memcpy(cut + k, "\x16\x03\x01\x00\x01", 5);
        cut[k + 5] = b[at];
        k += 6;
    }
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(cut, k)), (int)k);
    ck_assert(it_bytes_eq(h.name, it_bytes_str("relay.example")));
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(cut, k - 1)), 0);
}
END_TEST

START_TEST(a_hello_may_be_as_large_as_is_kept)
{
    for (size_t more = 0; more < 2; more++) {
        size_t n = IT_TLS_HELLO_MAX - 4 + more; /* of the message behind its header (RFC 8446 section 4) */
        uint8_t b[] = {0x16, 3, 1, 0, 4, 1, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(b, sizeof b)), more ? IT_ERR_TOOBIG : 0);
    }
}
END_TEST

START_TEST(what_is_no_hello_is_refused)
{
    static const struct {
        const char *bytes;
        size_t n;
        int err;
    } ALL[] = {{"GET /", 5, IT_ERR_PARSE},
               {"\x17\x03\x03\x00\x01x", 6, IT_ERR_PARSE},                          /* data first */
               {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, IT_ERR_PARSE},           /* a ServerHello */
               {"\x16\x03\x01\x00\x00", 5, IT_ERR_PARSE},                           /* an empty record */
               {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, IT_ERR_PARSE},           /* an empty hello */
               {"\x16\x03\x01\x00\x04\x01\x01\x00\x00", 9, IT_ERR_TOOBIG},          /* one of 64 kB */
               {"\x16\x03\x01\x00\x06\x01\x00\x00\x01\x00\x00", 11, IT_ERR_PARSE}}; /* something behind it */
    ck_assert_int_eq(it_tls_hello_read(&h, it_bytes_of(ALL[_i].bytes, ALL[_i].n)), ALL[_i].err);
}
END_TEST

START_TEST(alerts_have_the_names_of_the_rfc)
{
    ck_assert_str_eq(it_tls_alert_name(IT_TLS_UNKNOWN_CA), "unknown_ca");
    ck_assert_str_eq(it_tls_alert_name(IT_TLS_NO_APPLICATION_PROTOCOL), "no_application_protocol");
    ck_assert_str_eq(it_tls_alert_name(1), "alert");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/tls/record");
    TCase *t = tcase_create("RFC 8446");
    tcase_add_loop_test(t, a_record_has_a_type_a_version_and_a_size, 0, 10);
    tcase_add_test(t, a_hello_tells_its_name_protocols_and_version);
    tcase_add_test(t, a_version_counts_wherever_it_stands);
    tcase_add_test(t, an_address_is_not_asked_for_by_name);
    tcase_add_test(t, a_hello_in_many_records_is_the_same);
    tcase_add_test(t, a_hello_may_be_as_large_as_is_kept);
    tcase_add_loop_test(t, what_is_no_hello_is_refused, 0, 7);
    tcase_add_test(t, alerts_have_the_names_of_the_rfc);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
