/* DTLS in STUN: what is embedded, what is acknowledged, and when it ends. */
#include "stack/ice/sped/sped.h"

#include "base/cksum.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;

typedef struct mail {
    uint8_t bytes[1500];
    it_stun_msg m;
} mail;

static void setup(void)
{
    it_alloc_init(&alloc);
}

static void teardown(void)
{
    ck_assert_int_eq(alloc.live, 0);
}

/* A record of |type| with |n| bytes in all, of which |tag| is one. */
static it_bytes record(uint8_t *buf, uint8_t type, size_t n, uint8_t tag)
{
    memset(buf, 0, n);
    buf[0] = type;
    buf[n - 1] = tag;
    return it_bytes_of(buf, n);
}

/* A message of |s|'s: a request, or a success response. */
static void write_mail(it_sped *s, enum it_stun_class cls, mail *out)
{
    static const uint8_t TXID[IT_STUN_TXID] = {1};
    it_buf b;
    it_buf_init(&b, out->bytes, sizeof out->bytes);
    it_stun_begin(&b, cls, IT_STUN_BINDING, TXID);
    it_sped_put(s, &b, 32);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    ck_assert_int_le(n, IT_SPED_MESSAGE - 32);
    ck_assert_int_eq(it_stun_parse(&out->m, it_bytes_of(out->bytes, (size_t)n)), 0);
}

static int next_tag(it_sped *s)
{
    it_bytes d;
    return it_sped_next(s, &d) ? d.p[d.n - 1] : -1;
}

static void capture(it_sped *s, uint8_t tag, size_t n, bool first)
{
    uint8_t buf[1400];
    ck_assert_int_eq(it_sped_capture(s, record(buf, 22, n, tag), first), 0);
}

/* A request of |from|'s to |to|, and its answer. */
static void exchange(it_sped *from, it_sped *to, mail *request, mail *answer)
{
    write_mail(from, IT_STUN_REQUEST, request);
    ck_assert_int_eq(it_sped_take(to, &request->m, NULL), 0);
    write_mail(to, IT_STUN_SUCCESS, answer);
    ck_assert_int_eq(it_sped_take(from, &answer->m, &request->m), 0);
}

static it_sped A, B;
static mail Q, R;

static void pair(void)
{
    it_sped_init(&A, &alloc);
    it_sped_init(&B, &alloc);
}

static void pair_end(void)
{
    it_sped_fini(&A);
    it_sped_fini(&B);
}

START_TEST(a_flight_in_a_request_is_acknowledged_by_its_answer)
{
    pair();
    capture(&A, 1, 160, true);
    exchange(&A, &B, &Q, &R);
    ck_assert_int_eq(A.n_pending, 0);
    ck_assert_int_eq(A.state, IT_SPED_CONFIRMED);
    ck_assert_int_eq(B.state, IT_SPED_CONFIRMED);
    ck_assert_int_eq(next_tag(&B), 1);
    ck_assert_int_eq(next_tag(&B), -1);
    pair_end();
}
END_TEST

START_TEST(a_flight_in_a_response_stays_until_its_checksum_comes)
{
    pair();
    capture(&B, 2, 700, true);
    exchange(&A, &B, &Q, &R);
    ck_assert_int_eq(B.n_pending, 1);
    ck_assert_int_eq(next_tag(&A), 2);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    const it_stun_attr *ack = it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN_ACK);
    ck_assert_uint_eq(ack->value.n, 4);
    ck_assert_uint_eq(it_get32(ack->value.p), it_crc32(B.pending[0].data, B.pending[0].n));
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), 0);
    ck_assert_int_eq(B.n_pending, 0);
    pair_end();
}
END_TEST

/* Nobody took it: the owner had no use for it yet. */
START_TEST(what_the_owner_has_not_taken_is_not_acknowledged)
{
    pair();
    capture(&B, 2, 700, true);
    exchange(&A, &B, &Q, &R);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_uint_eq(it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN_ACK)->value.n, 0);
    ck_assert_int_eq(next_tag(&A), 2);
    pair_end();
}
END_TEST

START_TEST(a_lost_answer_is_made_good_by_the_next_one_and_nothing_comes_twice)
{
    pair();
    capture(&B, 7, 300, true);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), 0);
    write_mail(&B, IT_STUN_SUCCESS, &R); /* lost */
    exchange(&A, &B, &Q, &R);
    ck_assert_int_eq(next_tag(&A), 7);
    ck_assert_int_eq(it_sped_take(&A, &R.m, &Q.m), 0); /* doubled */
    ck_assert_int_eq(next_tag(&A), -1);
    pair_end();
}
END_TEST

START_TEST(datagrams_of_a_flight_take_turns_and_a_new_flight_takes_their_place)
{
    pair();
    capture(&A, 1, 600, true);
    capture(&A, 2, 600, false);
    for (int i = 0; i < 4; i++) {
        write_mail(&A, IT_STUN_REQUEST, &Q);
        it_bytes d = it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN)->value;
        ck_assert_int_eq(d.p[d.n - 1], i % 2 ? 2 : 1);
    }
    ck_assert(it_sped_on_its_way(&A));
    capture(&A, 3, 600, true);
    ck_assert_int_eq(A.n_pending, 1);
    ck_assert(!it_sped_on_its_way(&A));
    pair_end();
}
END_TEST

START_TEST(what_does_not_fit_is_left_and_a_smaller_one_goes)
{
    pair();
    capture(&A, 1, 1190, true);
    capture(&A, 2, 100, false);
    for (int i = 0; i < 2; i++) {
        write_mail(&A, IT_STUN_REQUEST, &Q);
        ck_assert_uint_eq(it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN)->value.n, 100);
    }
    pair_end();
}
END_TEST

START_TEST(alerts_and_data_are_not_embedded)
{
    uint8_t buf[64];
    pair();
    for (unsigned type = 0; type < 256; type++) {
        ck_assert_int_eq(it_sped_capture(&A, record(buf, (uint8_t)type, 40, 1), true), 0);
        ck_assert_int_eq(A.n_pending, type < 20 ? 0 : type == 21 ? 1 : A.n_pending);
    }
    ck_assert_uint_eq(A.pending[0].data[0], 22);
    ck_assert_int_eq(A.n_pending, 1);
    pair_end();
}
END_TEST

START_TEST(a_far_side_whose_first_message_has_nothing_turns_it_off)
{
    mail plain;
    it_sped none;
    pair();
    it_sped_init(&none, &alloc);
    it_sped_end(&none);
    capture(&A, 1, 100, true);
    write_mail(&none, IT_STUN_REQUEST, &plain);
    ck_assert_uint_eq(plain.m.n_attrs, 0);
    ck_assert_int_eq(it_sped_take(&A, &plain.m, NULL), 0);
    ck_assert_int_eq(A.state, IT_SPED_OFF);
    ck_assert_int_eq(A.n_pending, 0);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_uint_eq(Q.m.n_attrs, 0);
    /* Later ones say nothing: a response to what was sent before. */
    exchange(&B, &B, &Q, &R);
    ck_assert_int_eq(it_sped_take(&B, &plain.m, NULL), 0);
    ck_assert_int_eq(B.state, IT_SPED_CONFIRMED);
    pair_end();
}
END_TEST

START_TEST(an_empty_attribute_shows_that_it_is_there_until_the_handshake_is_done)
{
    pair();
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_uint_eq(it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN)->value.n, 0);
    it_sped_done(&A, true);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_ptr_null(it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN));
    ck_assert_ptr_nonnull(it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN_ACK));
    pair_end();
}
END_TEST

/* A is the client: its last flight is answered by the server's. */
START_TEST(a_handshake_ends_it_at_both_ends)
{
    pair();
    capture(&A, 1, 160, true);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), 0);
    ck_assert_int_eq(next_tag(&B), 1);
    capture(&B, 2, 700, true);
    write_mail(&B, IT_STUN_SUCCESS, &R);
    ck_assert_int_eq(it_sped_take(&A, &R.m, &Q.m), 0);
    ck_assert_int_eq(next_tag(&A), 2);
    capture(&A, 3, 500, true);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), 0);
    ck_assert_int_eq(next_tag(&B), 3);
    capture(&B, 4, 80, true);
    it_sped_done(&B, false);
    ck_assert_int_eq(B.n_pending, 1); /* its last flight may have to be repeated */
    write_mail(&B, IT_STUN_SUCCESS, &R);
    ck_assert_int_eq(it_sped_take(&A, &R.m, &Q.m), 0);
    ck_assert_int_eq(next_tag(&A), 4);
    it_sped_done(&A, true);
    ck_assert_int_eq(A.n_pending, 0);
    exchange(&A, &B, &Q, &R); /* acknowledges 4; B's answer has no datagram any more */
    ck_assert_int_eq(B.state, IT_SPED_COMPLETE);
    exchange(&A, &B, &Q, &R);
    ck_assert_int_eq(A.state, IT_SPED_COMPLETE);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    ck_assert_uint_eq(Q.m.n_attrs, 0);
    pair_end();
}
END_TEST

START_TEST(media_ends_it_once_the_handshake_is_done)
{
    pair();
    capture(&A, 4, 80, true);
    it_sped_media(&A);
    ck_assert(it_sped_active(&A));
    it_sped_done(&A, false);
    it_sped_media(&A);
    ck_assert_int_eq(A.state, IT_SPED_COMPLETE);
    ck_assert_int_eq(A.n_pending, 0);
    pair_end();
}
END_TEST

START_TEST(what_came_outside_stun_is_acknowledged_and_not_given_twice)
{
    uint8_t buf[200];
    pair();
    capture(&A, 5, 200, true);
    it_sped_heard(&B, record(buf, 22, 200, 5));
    exchange(&A, &B, &Q, &R);
    ck_assert_int_eq(next_tag(&B), -1);
    ck_assert_int_eq(B.n_ack, 1);
    pair_end();
}
END_TEST

START_TEST(the_oldest_checksums_give_way)
{
    uint8_t buf[60];
    pair();
    for (uint8_t i = 0; i < 9; i++)
        it_sped_heard(&A, record(buf, 22, 60, i));
    write_mail(&A, IT_STUN_REQUEST, &Q);
    const it_stun_attr *ack = it_stun_get(&Q.m, IT_STUN_DTLS_IN_STUN_ACK);
    ck_assert_uint_eq(ack->value.n, 4 * IT_SPED_ACKS);
    ck_assert_uint_eq(it_get32(ack->value.p), it_crc32(record(buf, 22, 60, 5).p, 60));
    ck_assert_uint_eq(it_get32(ack->value.p + 12), it_crc32(record(buf, 22, 60, 8).p, 60));
    pair_end();
}
END_TEST

/* Attributes of other sizes and contents than ours. */
START_TEST(what_a_hostile_far_side_writes_is_dropped)
{
    static const uint8_t TXID[IT_STUN_TXID] = {2};
    uint8_t bytes[1500], value[64] = {0x80};
    it_stun_msg m;
    pair();
    for (int i = 0; i < 64; i++) {
        it_buf b;
        it_buf_init(&b, bytes, sizeof bytes);
        it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
        value[0] = (uint8_t)(i < 32 ? 0x80 : 22);
        value[1] = (uint8_t)i;
        it_stun_put(&b, IT_STUN_DTLS_IN_STUN_ACK, it_bytes_of(value, (size_t)i));
        it_stun_put(&b, IT_STUN_DTLS_IN_STUN, it_bytes_of(value, (size_t)i));
        int n = it_stun_end(&b);
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(bytes, (size_t)n)), 0);
        ck_assert_int_eq(it_sped_take(&A, &m, NULL), 0);
        ck_assert_int_le(A.n_came, i < 32 ? 0 : IT_SPED_CAME);
    }
    ck_assert_int_eq(A.n_came, IT_SPED_CAME);
    pair_end();
}
END_TEST

START_TEST(without_memory_nothing_is_embedded_and_nothing_acknowledged)
{
    uint8_t buf[100];
    pair();
    capture(&A, 1, 100, true);
    write_mail(&A, IT_STUN_REQUEST, &Q);
    alloc.countdown = 0;
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), IT_ERR_NOMEM);
    ck_assert_int_eq(it_sped_capture(&B, record(buf, 22, 100, 2), true), IT_ERR_NOMEM);
    alloc.countdown = UINT64_MAX;
    ck_assert_int_eq(it_sped_take(&B, &Q.m, NULL), 0);
    ck_assert_int_eq(next_tag(&B), 1);
    pair_end();
}
END_TEST

START_TEST(every_state_has_a_name)
{
    ck_assert_str_eq(it_sped_state_name(IT_SPED_TENTATIVE), "tentative");
    ck_assert_str_eq(it_sped_state_name(IT_SPED_FINISHING), "finishing");
    ck_assert_str_eq(it_sped_state_name(IT_SPED_OFF), "off");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/ice/sped/sped");
    TCase *t = tcase_create("sped");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_flight_in_a_request_is_acknowledged_by_its_answer);
    tcase_add_test(t, a_flight_in_a_response_stays_until_its_checksum_comes);
    tcase_add_test(t, what_the_owner_has_not_taken_is_not_acknowledged);
    tcase_add_test(t, a_lost_answer_is_made_good_by_the_next_one_and_nothing_comes_twice);
    tcase_add_test(t, datagrams_of_a_flight_take_turns_and_a_new_flight_takes_their_place);
    tcase_add_test(t, what_does_not_fit_is_left_and_a_smaller_one_goes);
    tcase_add_test(t, alerts_and_data_are_not_embedded);
    tcase_add_test(t, a_far_side_whose_first_message_has_nothing_turns_it_off);
    tcase_add_test(t, an_empty_attribute_shows_that_it_is_there_until_the_handshake_is_done);
    tcase_add_test(t, a_handshake_ends_it_at_both_ends);
    tcase_add_test(t, media_ends_it_once_the_handshake_is_done);
    tcase_add_test(t, what_came_outside_stun_is_acknowledged_and_not_given_twice);
    tcase_add_test(t, the_oldest_checksums_give_way);
    tcase_add_test(t, what_a_hostile_far_side_writes_is_dropped);
    tcase_add_test(t, without_memory_nothing_is_embedded_and_nothing_acknowledged);
    tcase_add_test(t, every_state_has_a_name);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
