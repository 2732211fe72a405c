/* TLS as a layer: both versions, whom it trusts, how it ends, however the bytes are cut. */
#include "tests/stack/tls/ends.h"

static ends w;
static it_tls_cfg c, s;

static void set_up(void)
{
    ends_init(&w);
    c = ends_cfg(&w, CLIENT);
    s = ends_cfg(&w, SERVER);
}

static void tear_down(void)
{
    ends_fini(&w);
}

static const enum it_tls_version VERSIONS[] = {IT_TLS_1_2, IT_TLS_1_3};

/* Both ends open, and what each says the other hears. */
static void talk(void)
{
    ck_assert(w.e[CLIENT].opened && w.e[SERVER].opened);
    ck_assert_uint_eq(ends_say(&w, CLIENT, it_bytes_str("ping")), 4);
    ck_assert_uint_eq(ends_say(&w, SERVER, it_bytes_str("pong!")), 5);
    ends_run(&w);
    ck_assert_uint_eq(w.e[SERVER].n_heard, 4);
    ck_assert_mem_eq(w.e[SERVER].heard, "ping", 4);
    ck_assert_uint_eq(w.e[CLIENT].n_heard, 5);
    ck_assert_mem_eq(w.e[CLIENT].heard, "pong!", 5);
}

START_TEST(both_versions_open_and_carry_bytes)
{
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, CLIENT)->version, VERSIONS[_i]);
    talk();
}
END_TEST

START_TEST(two_that_can_speak_1_3)
{
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, SERVER)->version, IT_TLS_1_3);
}
END_TEST

START_TEST(without_a_common_version_both_say_so)
{
    c.version = IT_TLS_1_3;
    s.version = IT_TLS_1_2;
    ends_both(&w, &c, &s);
    ck_assert(w.e[CLIENT].rst && w.e[SERVER].rst);
    ck_assert_int_eq(ends_info(&w, SERVER)->end, IT_TLS_END_PROTOCOL);
    ck_assert_int_eq(ends_info(&w, SERVER)->alert, IT_TLS_PROTOCOL_VERSION);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_ALERT);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_PROTOCOL_VERSION);
}
END_TEST

START_TEST(pieces_of_one_byte_are_as_good)
{
    w.chunk = 1;
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    talk();
}
END_TEST

START_TEST(a_lot_of_bytes_arrives_in_order)
{
    static uint8_t all[60000];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 7 + i / 251);
    s.version = VERSIONS[_i];
    w.chunk = 1460;
    ends_both(&w, &c, &s);
    for (size_t at = 0; at < sizeof all; ends_run(&w)) {
        size_t n = ends_say(&w, CLIENT, it_bytes_of(all + at, sizeof all - at));
        ck_assert_uint_gt(n, 0);
        at += n;
    }
    ck_assert_uint_eq(w.e[SERVER].n_heard, sizeof all);
    ck_assert_mem_eq(w.e[SERVER].heard, all, sizeof all);
}
END_TEST

START_TEST(a_reader_that_rests_stops_the_writer)
{
    static uint8_t all[200000], buf[IT_LAYER_MESSAGE];
    ends_both(&w, &c, &s);
    size_t said = 0, taken = 0;
    it_io out;
    for (int round = 0; round < 40; round++) {
        said += ends_say(&w, CLIENT, it_bytes_of(all, sizeof all));
        while (it_layers_output(&w.e[CLIENT].ls, w.now, &out, buf, sizeof buf) == 1)
            taken += ends_give(&w, SERVER, &out); /* what is not taken is lost: enough to see that little is kept */
    }
    ck_assert_uint_lt(taken, 3 * (IT_TLS_PLAIN_MAX + 512));
    ck_assert_uint_eq(w.e[SERVER].n_heard, 0);
    ck_assert_uint_gt(said, taken);
}
END_TEST

/* --- whom a client believes --- */

static void must_fail(enum it_tls_end end, enum it_tls_alert alert)
{
    ends_both(&w, &c, &s);
    ck_assert(w.e[CLIENT].rst && !w.e[CLIENT].opened);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, end);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, alert);
    ck_assert_ptr_nonnull(it_layers_why(&w.e[CLIENT].ls));
    ck_assert(w.e[SERVER].rst);
    ck_assert_int_eq(ends_info(&w, SERVER)->end, IT_TLS_END_ALERT);
    ck_assert_int_eq(ends_info(&w, SERVER)->alert, alert);
}

START_TEST(a_certificate_of_another_name_is_refused)
{
    c.name = "signal.example";
    s.version = VERSIONS[_i];
    must_fail(IT_TLS_END_NAME, IT_TLS_BAD_CERTIFICATE);
}
END_TEST

START_TEST(a_certificate_of_an_unknown_root_is_refused)
{
    it_tls_cert *leaf = ends_leaf(&w, w.other, "relay.example");
    s.cert = leaf;
    s.version = VERSIONS[_i];
    must_fail(IT_TLS_END_UNKNOWN_CA, IT_TLS_UNKNOWN_CA);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(a_certificate_that_is_over_is_refused)
{
    w.now = 90 * 86400 * IT_SEC + 2 * IT_SEC;
    s.version = VERSIONS[_i];
    must_fail(IT_TLS_END_EXPIRED, IT_TLS_CERTIFICATE_EXPIRED);
}
END_TEST

START_TEST(until_its_last_second_it_is_not)
{
    w.now = 90 * 86400 * IT_SEC - IT_SEC;
    ends_both(&w, &c, &s);
    talk();
}
END_TEST

START_TEST(a_certificate_of_tomorrow_is_refused)
{
    const char *names[] = {"relay.example"};
    it_tls_cert_cfg cfg = ends_cert(&w, "late");
    cfg.names = names;
    cfg.n_names = 1;
    cfg.from = 86400 * IT_SEC;
    it_tls_cert *leaf = it_tls_leaf_new(&cfg, w.root);
    s.cert = leaf;
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_NOT_YET);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(a_leaf_signs_no_other)
{
    it_tls_cert *leaf = ends_leaf(&w, w.leaf, "relay.example");
    s.cert = leaf;
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_UNKNOWN_CA);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(names_and_addresses_are_found_among_many)
{
    static const char *const WANTED[] = {"a.example", "b.example.", "x.w.example", "192.0.2.1", "2001:db8::1"};
    const char *names[] = {"a.example", "B.Example", "*.w.example", "192.0.2.1", "2001:db8::1"};
    it_tls_cert_cfg cfg = ends_cert(&w, "many");
    cfg.names = names;
    cfg.n_names = 5;
    it_tls_cert *leaf = it_tls_leaf_new(&cfg, w.root);
    s.cert = leaf;
    c.name = WANTED[_i];
    ends_both(&w, &c, &s);
    ck_assert(w.e[CLIENT].opened);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(an_address_is_no_name_and_a_common_name_none)
{
    static const char *const WANTED[] = {"192.0.2.2", "many", "a.b.w.example", "w.example"};
    const char *names[] = {"*.w.example", "192.0.2.1"};
    it_tls_cert_cfg cfg = ends_cert(&w, "many");
    cfg.names = names;
    cfg.n_names = 2;
    it_tls_cert *leaf = it_tls_leaf_new(&cfg, w.root);
    s.cert = leaf;
    c.name = WANTED[_i];
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_NAME);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

/* --- protocols --- */

START_TEST(the_server_takes_its_own_first_protocol)
{
    c.alpn = "http/1.1,h2";
    s.alpn = "h2,http/1.1";
    ends_both(&w, &c, &s);
    ck_assert_str_eq(ends_info(&w, CLIENT)->protocol, "h2");
    ck_assert_str_eq(ends_info(&w, SERVER)->protocol, "h2");
}
END_TEST

START_TEST(no_common_protocol_is_a_fatal_alert)
{
    c.alpn = "stun.turn";
    s.alpn = "http/1.1";
    ends_both(&w, &c, &s);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_NO_APPLICATION_PROTOCOL);
}
END_TEST

START_TEST(who_asks_for_no_protocol_gets_none)
{
    s.alpn = "http/1.1";
    ends_both(&w, &c, &s);
    ck_assert_str_eq(ends_info(&w, CLIENT)->protocol, "");
    talk();
}
END_TEST

START_TEST(a_layer_with_a_name_or_protocol_that_is_none_is_not_made)
{
    static const struct {
        const char *name, *alpn;
    } BAD[] = {{"", NULL},
               {"a b", NULL},
               {"*.example", NULL},
               {"relay.example", "h2,"},
               {"relay.example", ",h2"},
               {"relay.example", "this-protocol-has-more-than-31-bytes"}};
    c.name = BAD[_i].name;
    c.alpn = BAD[_i].alpn;
    ck_assert_ptr_null(it_tls_layer(&c).ops);
}
END_TEST

/* --- ends --- */

START_TEST(close_notify_is_an_end_of_bytes)
{
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    talk();
    ends_finish(&w, CLIENT);
    ends_run(&w);
    ck_assert(w.e[SERVER].fin && !w.e[SERVER].rst);
    ck_assert_int_eq(ends_info(&w, SERVER)->end, IT_TLS_END_CLOSED);
    /* RFC 5246 section 7.2.1: 1.2 answers at once; RFC 8446 section 6.1: 1.3 may go on. */
    ck_assert_int_eq(w.e[CLIENT].fin, VERSIONS[_i] == IT_TLS_1_2);
}
END_TEST

START_TEST(half_a_close_leaves_the_other_half_in_1_3)
{
    ends_both(&w, &c, &s);
    ends_finish(&w, CLIENT);
    ends_run(&w);
    ck_assert_uint_eq(ends_say(&w, SERVER, it_bytes_str("more")), 4);
    ends_finish(&w, SERVER);
    ends_run(&w);
    ck_assert_uint_eq(w.e[CLIENT].n_heard, 4);
    ck_assert(w.e[CLIENT].fin && !w.e[CLIENT].rst);
}
END_TEST

START_TEST(who_finishes_before_it_is_open_says_so_afterwards)
{
    ends_begin(&w, SERVER, &s);
    ends_begin(&w, CLIENT, &c);
    ends_finish(&w, CLIENT);
    ends_run(&w);
    ck_assert(w.e[SERVER].opened && w.e[SERVER].fin && !w.e[SERVER].rst);
}
END_TEST

START_TEST(a_stream_that_just_ends_is_truncated)
{
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    (void)ends_say(&w, CLIENT, it_bytes_str("half"));
    while (ends_carry(&w, CLIENT))
        continue;
    (void)ends_give(&w, SERVER, &(it_io){.kind = IT_IO_FIN});
    ends_run(&w);
    ck_assert_uint_eq(w.e[SERVER].n_heard, 4); /* what came before is told */
    ck_assert(w.e[SERVER].rst && !w.e[SERVER].fin);
    ck_assert_int_eq(ends_info(&w, SERVER)->end, IT_TLS_END_TRUNCATED);
}
END_TEST

START_TEST(a_reset_below_is_one_above_for_its_reason)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    ends_both(&w, &c, &s);
    (void)ends_give(&w, CLIENT, &(it_io){.kind = IT_IO_RST, .end = IT_IO_END_TIMEOUT});
    ck_assert_int_eq(it_layers_read(&w.e[CLIENT].ls, w.now, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_int_eq(out.end, IT_IO_END_TIMEOUT);
    ck_assert_ptr_null(it_layers_why(&w.e[CLIENT].ls));
}
END_TEST

START_TEST(a_changed_byte_is_a_bad_record)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    (void)ends_say(&w, CLIENT, it_bytes_str("true"));
    ck_assert_int_eq(it_layers_output(&w.e[CLIENT].ls, w.now, &out, buf, sizeof buf), 1);
    buf[out.data.n - 1] ^= 1;
    (void)ends_give(&w, SERVER, &out);
    ends_run(&w);
    ck_assert_uint_eq(w.e[SERVER].n_heard, 0);
    ck_assert_int_eq(ends_info(&w, SERVER)->alert, IT_TLS_BAD_RECORD_MAC);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_ALERT);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_BAD_RECORD_MAC);
}
END_TEST

START_TEST(what_is_no_tls_is_told_at_its_first_bytes)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum it_tls_end end;
    } BAD[] = {{"G", 1, IT_TLS_END_NO_TLS},
               {"\x16\x02", 2, IT_TLS_END_NO_TLS},
               {"\x17\x03\x03\xff\xff", 5, IT_TLS_END_OVERFLOW}};
    ends_begin(&w, SERVER, &s);
    (void)ends_give(&w, SERVER, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(BAD[_i].bytes, BAD[_i].n)});
    while (ends_read(&w, SERVER))
        continue;
    ck_assert(w.e[SERVER].rst);
    ck_assert_int_eq(ends_info(&w, SERVER)->end, BAD[_i].end);
}
END_TEST

START_TEST(close_notify_in_a_handshake_is_a_refusal)
{
    ends_begin(&w, CLIENT, &c);
    (void)ends_give(&w, CLIENT, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of("\x15\x03\x03\x00\x02\x01\x00", 7)});
    while (ends_read(&w, CLIENT))
        continue;
    ck_assert(w.e[CLIENT].rst && !w.e[CLIENT].fin);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_ALERT);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_CLOSE_NOTIFY);
}
END_TEST

/* --- the same again --- */

START_TEST(equal_streams_give_equal_bytes_however_cut)
{
    uint64_t print[2];
    s.version = VERSIONS[_i];
    ends_both(&w, &c, &s);
    talk();
    print[0] = w.e[0].print;
    print[1] = w.e[1].print;
    ends_clear(&w);
    w.chunk = 3;
    ends_both(&w, &c, &s);
    talk();
    ck_assert_uint_eq(print[0], w.e[0].print);
    ck_assert_uint_eq(print[1], w.e[1].print);
    ends_clear(&w);
    it_rng_init(&c.rng, 8, "client");
    ends_both(&w, &c, &s);
    ck_assert_uint_ne(print[0], w.e[0].print);
}
END_TEST

START_TEST(keys_are_logged_on_request_before_what_they_open)
{
    char line[IT_TLS_LINE_MAX];
    int n = 0;
    s.version = VERSIONS[_i];
    c.log_keys = true;
    ends_both(&w, &c, &s);
    for (; it_tls_secret(&w.e[CLIENT].ls.v[0], line); n++)
        ck_assert_ptr_nonnull(strstr(line, VERSIONS[_i] == IT_TLS_1_2 ? "CLIENT_RANDOM " : "_SECRET"));
    ck_assert_int_eq(n, VERSIONS[_i] == IT_TLS_1_2 ? 1 : 5);
    ck_assert_int_eq(it_tls_secret(&w.e[SERVER].ls.v[0], line), 0);
}
END_TEST

START_TEST(every_end_has_a_word)
{
    for (int e = IT_TLS_END_NONE; e <= IT_TLS_END_LIBRARY; e++)
        ck_assert_uint_gt(strlen(it_tls_end_name((enum it_tls_end)e)), 0);
    ck_assert_str_eq(it_tls_end_name(IT_TLS_END_UNKNOWN_CA), "unknown-ca");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/tls/tls");
    TCase *t = tcase_create("RFC 8446, 5246");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, both_versions_open_and_carry_bytes, 0, 2);
    tcase_add_test(t, two_that_can_speak_1_3);
    tcase_add_test(t, without_a_common_version_both_say_so);
    tcase_add_loop_test(t, pieces_of_one_byte_are_as_good, 0, 2);
    tcase_add_loop_test(t, a_lot_of_bytes_arrives_in_order, 0, 2);
    tcase_add_test(t, a_reader_that_rests_stops_the_writer);
    suite_add_tcase(suite, t);
    t = tcase_create("RFC 9525, 5280");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_certificate_of_another_name_is_refused, 0, 2);
    tcase_add_loop_test(t, a_certificate_of_an_unknown_root_is_refused, 0, 2);
    tcase_add_loop_test(t, a_certificate_that_is_over_is_refused, 0, 2);
    tcase_add_test(t, until_its_last_second_it_is_not);
    tcase_add_test(t, a_certificate_of_tomorrow_is_refused);
    tcase_add_test(t, a_leaf_signs_no_other);
    tcase_add_loop_test(t, names_and_addresses_are_found_among_many, 0, 5);
    tcase_add_loop_test(t, an_address_is_no_name_and_a_common_name_none, 0, 4);
    suite_add_tcase(suite, t);
    t = tcase_create("RFC 7301");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_server_takes_its_own_first_protocol);
    tcase_add_test(t, no_common_protocol_is_a_fatal_alert);
    tcase_add_test(t, who_asks_for_no_protocol_gets_none);
    tcase_add_loop_test(t, a_layer_with_a_name_or_protocol_that_is_none_is_not_made, 0, 6);
    suite_add_tcase(suite, t);
    t = tcase_create("RFC 8446 section 6");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, close_notify_is_an_end_of_bytes, 0, 2);
    tcase_add_test(t, half_a_close_leaves_the_other_half_in_1_3);
    tcase_add_test(t, who_finishes_before_it_is_open_says_so_afterwards);
    tcase_add_loop_test(t, a_stream_that_just_ends_is_truncated, 0, 2);
    tcase_add_test(t, a_reset_below_is_one_above_for_its_reason);
    tcase_add_loop_test(t, a_changed_byte_is_a_bad_record, 0, 2);
    tcase_add_loop_test(t, what_is_no_tls_is_told_at_its_first_bytes, 0, 3);
    tcase_add_test(t, close_notify_in_a_handshake_is_a_refusal);
    tcase_add_loop_test(t, equal_streams_give_equal_bytes_however_cut, 0, 2);
    tcase_add_loop_test(t, keys_are_logged_on_request_before_what_they_open, 0, 2);
    tcase_add_test(t, every_end_has_a_word);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
