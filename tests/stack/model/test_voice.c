/* stack/model/voice.c: what the receiver counts. */
#include "stack/model/voice.h"

#include "base/err.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t packet[64][IT_VOICE_SIZE];
static it_voice_rx rx;

static void setup(void)
{
    it_voice_tx tx;
    it_voice_tx_init(&tx);
    it_voice_rx_init(&rx);
    it_voice_start(&tx, 0);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(it_voice_packet(&tx, i * IT_VOICE_INTERVAL, packet[i], IT_VOICE_SIZE), IT_VOICE_SIZE);
}

/* Packet |i| arrives after |delay|. */
static void arrive(int i, it_time delay)
{
    it_app_data data;
    ck_assert_int_eq(it_app_take(&rx, i * IT_VOICE_INTERVAL + delay, it_bytes_of(packet[i], IT_VOICE_SIZE), &data),
                     IT_APP_VOICE);
}

START_TEST(a_missing_number_is_a_lost_packet)
{
    for (int i = 0; i < 64; i++)
        if (i % 8 != 3)
            arrive(i, IT_MS);
    ck_assert_uint_eq(it_voice_lost(&rx), 8);
    ck_assert_uint_eq(rx.received, 56);
    ck_assert_int_eq(rx.longest_gap, 2 * IT_VOICE_INTERVAL);
}
END_TEST

START_TEST(reordered_packets_are_not_lost_and_duplicates_count_once)
{
    arrive(1, IT_MS);
    arrive(0, 30 * IT_MS);
    arrive(1, 40 * IT_MS);
    arrive(2, IT_MS);
    ck_assert_uint_eq(it_voice_lost(&rx), 0);
    ck_assert_uint_eq(rx.duplicate, 1);
    ck_assert_uint_eq(rx.received, 3);
}
END_TEST

START_TEST(more_than_150_ms_behind_the_earliest_is_late)
{
    arrive(0, 10 * IT_MS);
    arrive(1, 160 * IT_MS);
    arrive(2, 161 * IT_MS);
    ck_assert_uint_eq(rx.late, 1);
}
END_TEST

START_TEST(a_late_caller_does_not_catch_up)
{
    it_voice_tx tx;
    uint8_t buf[IT_VOICE_SIZE];
    it_voice_tx_init(&tx);
    ck_assert_int_eq(it_voice_packet(&tx, 0, buf, sizeof buf), 0);
    it_voice_start(&tx, 0);
    ck_assert_int_gt(it_voice_packet(&tx, IT_SEC, buf, sizeof buf), 0);
    ck_assert_int_eq(it_voice_packet(&tx, IT_SEC, buf, sizeof buf), 0);
    ck_assert_int_eq(tx.due, IT_SEC + IT_VOICE_INTERVAL);
}
END_TEST

START_TEST(garbage_is_no_application_datagram)
{
    it_app_data data;
    ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of("\x07xyz", 4), &data), IT_APP_BAD);
    ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(packet[0], 5), &data), IT_APP_BAD);
    ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(NULL, 0), &data), IT_APP_BAD);
}
END_TEST

START_TEST(questions_and_answers_are_six_bytes_and_have_their_number)
{
    uint8_t buf[IT_APP_PING_SIZE + 1] = {0};
    it_app_data data;
    static const enum it_app_kind kinds[] = {IT_APP_PING, IT_APP_PONG};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_app_ping(kinds[i], 0xfedcba98, buf, 6), IT_APP_PING_SIZE);
        ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, 6), &data), kinds[i]);
        ck_assert_uint_eq(data.number, 0xfedcba98);
        ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, 5), &data), IT_APP_BAD);
        ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, 7), &data), IT_APP_BAD);
        ck_assert_int_eq(it_app_ping(kinds[i], 1, buf, 5), IT_ERR_FULL);
    }
    ck_assert(!rx.any);
}
END_TEST

START_TEST(a_mark_tells_the_stream_and_nothing_else)
{
    uint8_t buf[IT_VOICE_SIZE];
    it_app_data data;
    for (unsigned flow = 0; flow < IT_APP_FLOWS; flow++) {
        memcpy(buf, packet[0], sizeof buf);
        it_app_mark(buf, flow);
        ck_assert_uint_eq(it_app_flow(it_bytes_of(buf, sizeof buf)), flow);
        ck_assert_int_eq(memcmp(buf, packet[0], sizeof buf) == 0, flow == 0);
        ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, sizeof buf), &data), IT_APP_VOICE);
    }
    ck_assert_int_eq(it_app_bye(buf, 2), IT_APP_BYE_SIZE);
    it_app_mark(buf, 3);
    ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, 2), &data), IT_APP_BYE);
    ck_assert_int_eq(it_app_take(&rx, 0, it_bytes_of(buf, 3), &data), IT_APP_BAD);
    ck_assert_int_eq(it_app_bye(buf, 1), IT_ERR_FULL);
    ck_assert_uint_eq(it_app_flow(it_bytes_of(NULL, 0)), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/voice");
    TCase *t = tcase_create("voice");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, a_missing_number_is_a_lost_packet);
    tcase_add_test(t, reordered_packets_are_not_lost_and_duplicates_count_once);
    tcase_add_test(t, more_than_150_ms_behind_the_earliest_is_late);
    tcase_add_test(t, a_late_caller_does_not_catch_up);
    tcase_add_test(t, questions_and_answers_are_six_bytes_and_have_their_number);
    tcase_add_test(t, garbage_is_no_application_datagram);
    tcase_add_test(t, a_mark_tells_the_stream_and_nothing_else);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
