/* Names of datagrams, and which packet a repeated request goes back to. */
#include "lab/driver/label.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t out[600];
static it_alloc alloc;
static it_labels l;

static void setup(void)
{
    it_alloc_init(&alloc);
    it_labels_init(&l, &alloc);
}

static void teardown(void)
{
    it_labels_fini(&l);
    ck_assert_int_eq(alloc.live, 0);
}

static void sent(it_labels *labels, uint64_t packet)
{
    ck_assert_int_eq(it_label_sent(labels, packet), 0);
}

/* A Binding message of class |cls| with transaction |txn|. */
static it_bytes stun(enum it_stun_class cls, int txn, bool priority, bool nominate, int code)
{
    it_buf b;
    uint8_t id[IT_STUN_TXID] = {(uint8_t)txn, (uint8_t)(txn >> 8)};
    it_buf_init(&b, out, sizeof out);
    it_stun_begin(&b, cls, IT_STUN_BINDING, id);
    if (priority)
        it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
    if (nominate)
        it_stun_put_u32(&b, IT_STUN_USE_CANDIDATE, 0);
    if (code)
        it_stun_put_error(&b, code, NULL);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    return it_bytes_of(out, (size_t)n);
}

static const char *name(it_labels *labels, it_bytes d)
{
    static char text[IT_LABEL_TEXT];
    (void)it_label_name(labels, d, text);
    return text;
}

START_TEST(check_is_told_by_its_priority)
{
    ck_assert_str_eq(name(&l, stun(IT_STUN_REQUEST, 1, false, false, 0)), "Binding request");
    ck_assert_str_eq(name(&l, stun(IT_STUN_REQUEST, 2, true, false, 0)), "check");
    ck_assert_str_eq(name(&l, stun(IT_STUN_REQUEST, 3, true, true, 0)), "check USE-CANDIDATE");
}
END_TEST

START_TEST(answer_is_named_after_its_request)
{
    (void)name(&l, stun(IT_STUN_REQUEST, 1, false, false, 0));
    sent(&l, 7);
    (void)name(&l, stun(IT_STUN_REQUEST, 2, true, false, 0));
    sent(&l, 8);
    ck_assert_str_eq(name(&l, stun(IT_STUN_SUCCESS, 1, false, false, 0)), "Binding success");
    ck_assert_str_eq(name(&l, stun(IT_STUN_SUCCESS, 2, false, false, 0)), "check success");
    ck_assert_str_eq(name(&l, stun(IT_STUN_ERROR, 2, false, false, 487)), "check error 487");
    ck_assert_str_eq(name(&l, stun(IT_STUN_ERROR, 9, false, false, 401)), "Binding error 401");
}
END_TEST

/* |inside| as the data of an indication of |method|, or with 0 of a ChannelData message. */
static it_bytes relayed(uint16_t method, it_bytes inside)
{
    static uint8_t around[700];
    uint8_t id[IT_STUN_TXID] = {99};
    it_buf b;
    it_buf_init(&b, around, sizeof around);
    if (method == 0) {
        it_buf_u16(&b, 0x4001);
        it_buf_u16(&b, (uint16_t)inside.n);
        memcpy(around + 4, inside.p, inside.n);
        return it_bytes_of(around, inside.n + 4);
    }
    it_stun_begin(&b, IT_STUN_INDICATION, method, id);
    it_stun_put(&b, IT_STUN_DATA_ATTR, inside);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    return it_bytes_of(around, (size_t)n);
}

/* RFC 8656 sections 11, 12: what goes through a TURN server is named by what it carries. */
START_TEST(what_is_relayed_is_named_by_what_it_carries)
{
    ck_assert_str_eq(name(&l, relayed(IT_STUN_SEND, stun(IT_STUN_REQUEST, 1, true, true, 0))),
                     "Send check USE-CANDIDATE");
    sent(&l, 7);
    ck_assert_str_eq(name(&l, relayed(IT_STUN_DATA, stun(IT_STUN_SUCCESS, 1, false, false, 0))), "Data check success");
    ck_assert_str_eq(name(&l, relayed(0, stun(IT_STUN_SUCCESS, 1, false, false, 0))), "Channel check success");
    ck_assert_str_eq(name(&l, relayed(0, it_bytes_str("hello"))), "Channel data");
    ck_assert_str_eq(name(&l, it_bytes_of("\x40\x01\x00\x09x", 5)), "data"); /* shorter than it says */
    ck_assert_str_eq(name(&l, relayed(0, it_bytes_of("\x40\x01\x00\x01x", 5))), "Channel data"); /* one deep */
}
END_TEST

START_TEST(retransmission_goes_back_to_the_first_packet)
{
    char text[IT_LABEL_TEXT];
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text), 0);
    sent(&l, 41);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text), 41);
    sent(&l, 42);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text), 41);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_SUCCESS, 1, false, false, 0), text), 0);
}
END_TEST

START_TEST(request_that_did_not_leave_is_not_remembered)
{
    char text[IT_LABEL_TEXT];
    (void)it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text);
    (void)it_label_name(&l, it_bytes_of((const uint8_t *)"x", 1), text);
    sent(&l, 5);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text), 0);
}
END_TEST

START_TEST(oldest_transactions_are_forgotten)
{
    char text[IT_LABEL_TEXT];
    for (int i = 0; i <= IT_LABEL_TXNS; i++) {
        (void)it_label_name(&l, stun(IT_STUN_REQUEST, i, true, false, 0), text);
        sent(&l, (uint64_t)i + 1);
    }
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, IT_LABEL_TXNS, true, false, 0), text), IT_LABEL_TXNS + 1);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 0, true, false, 0), text), 0);
    ck_assert_uint_eq(it_label_name(&l, stun(IT_STUN_REQUEST, 1, true, false, 0), text), 2);
}
END_TEST

/* Type, epoch, first handshake byte, length -> name. */
static const struct {
    uint8_t type, epoch, shake;
    size_t n;
    const char *want;
} RECORDS[] = {
    {22, 0, 1, 100, "DTLS ClientHello"},     {22, 0, 200, 100, "DTLS handshake"},    {22, 1, 1, 60, "DTLS Finished"},
    {20, 0, 1, 14, "DTLS ChangeCipherSpec"}, {21, 1, 0, 40, "DTLS alert"},           {23, 1, 0, 40, "DTLS data"},
    {23, 1, 0, 13 + 24 + 173, "voice"},      {23, 1, 0, 13 + 24 + 172, "DTLS data"},
};

START_TEST(dtls_is_named_by_record_and_handshake)
{
    uint8_t d[256] = {RECORDS[_i].type, 0xfe, 0xfd, 0, RECORDS[_i].epoch};
    d[11] = 0;
    d[12] = (uint8_t)(RECORDS[_i].n - 13);
    d[13] = RECORDS[_i].shake;
    ck_assert_str_eq(name(&l, it_bytes_of(d, RECORDS[_i].n)), RECORDS[_i].want);
}
END_TEST

START_TEST(every_short_datagram_has_a_name)
{
    for (int first = 0; first < 256; first++)
        for (size_t n = 0; n < 16; n++) {
            uint8_t *d = malloc(n ? n : 1); /* exact, so that reading past it shows */
            memset(d, first, n);
            ck_assert_uint_gt(strlen(name(&l, it_bytes_of(d, n))), 0);
            free(d);
        }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("lab/label");
    TCase *t = tcase_create("RFC 8445 section 7.1.1");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, check_is_told_by_its_priority);
    tcase_add_test(t, answer_is_named_after_its_request);
    tcase_add_test(t, what_is_relayed_is_named_by_what_it_carries);
    suite_add_tcase(s, t);
    TCase *m = tcase_create("RFC 8489 section 6.2.1");
    tcase_add_checked_fixture(m, setup, teardown);
    tcase_add_test(m, retransmission_goes_back_to_the_first_packet);
    tcase_add_test(m, request_that_did_not_leave_is_not_remembered);
    tcase_add_test(m, oldest_transactions_are_forgotten);
    suite_add_tcase(s, m);
    TCase *d = tcase_create("RFC 6347 section 4.1");
    tcase_add_checked_fixture(d, setup, teardown);
    tcase_add_loop_test(d, dtls_is_named_by_record_and_handshake, 0, sizeof RECORDS / sizeof *RECORDS);
    tcase_add_test(d, every_short_datagram_has_a_name);
    suite_add_tcase(s, d);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
