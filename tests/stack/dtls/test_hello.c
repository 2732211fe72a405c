/* stack/dtls/hello.c: a ClientHello in pieces. */
#include "tests/stack/dtls/wire.h"

static wire w;
static uint8_t hello[IT_IO_DGRAM_MAX];
static it_bytes whole;

static void setup(void)
{
    wire_init(&w);
    wire_ends(&w);
    it_dtls_start(w.end[0], 0);
    whole = wire_take(&w, 0, hello);
    ck_assert_uint_gt(whole.n, 100);
}

static void teardown(void)
{
    wire_fini(&w);
}

static void put24(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}

/* Writes bytes |from| to |to| of the message as a record of its own, with record number |n|; returns its size. */
static size_t piece(uint8_t *out, size_t from, size_t to, uint8_t n)
{
    size_t part = to - from;
    memcpy(out, hello, IT_DTLS_RECORD_HEADER + IT_DTLS_MESSAGE_HEADER);
    out[10] = n;
    it_put16(out + 11, (uint16_t)(IT_DTLS_MESSAGE_HEADER + part));
    put24(out + 13 + 6, from);
    put24(out + 13 + 9, part);
    memcpy(out + 25, hello + 25 + from, part);
    return 25 + part;
}

static void give_piece(size_t from, size_t to, uint8_t n)
{
    uint8_t p[IT_IO_DGRAM_MAX];
    wire_give(&w, 1, it_bytes_of(p, piece(p, from, to, n)));
}

static size_t message(void)
{
    return whole.n - 25;
}

static bool answered(void)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_bytes d = wire_take(&w, 1, buf);
    if (d.n)
        wire_give(&w, 0, d);
    return d.n > 0;
}

static void opens(void)
{
    wire_run(&w);
    ck_assert(w.open[0] && w.open[1]);
}

START_TEST(a_hello_in_two_datagrams_is_taken)
{
    size_t cut = 1 + (size_t)_i * 13 % (message() - 1);
    it_dtls_start(w.end[1], 0);
    give_piece(0, cut, 0);
    ck_assert(!answered());
    give_piece(cut, message(), 1);
    ck_assert(answered());
    opens();
}
END_TEST

START_TEST(pieces_may_come_in_any_order_twice_and_overlapping)
{
    size_t n = message();
    it_dtls_start(w.end[1], 0);
    give_piece(n - 40, n, 2);
    give_piece(n - 40, n, 3);
    give_piece(20, n - 30, 4);
    ck_assert(!answered());
    give_piece(0, 30, 5);
    ck_assert(answered());
    opens();
}
END_TEST

START_TEST(both_pieces_may_come_before_the_start)
{
    give_piece(0, 50, 0);
    give_piece(50, message(), 1);
    it_dtls_start(w.end[1], 0);
    ck_assert(answered());
    opens();
}
END_TEST

START_TEST(both_pieces_may_be_in_one_datagram)
{
    uint8_t p[IT_IO_DGRAM_MAX];
    size_t n = piece(p, 0, 50, 0);
    n += piece(p + n, 50, message(), 1);
    it_dtls_start(w.end[1], 0);
    wire_give(&w, 1, it_bytes_of(p, n));
    ck_assert(answered());
    opens();
}
END_TEST

/* A repetition of the same pieces is the late copy that it is. */
START_TEST(pieces_that_are_repeated_change_nothing)
{
    it_dtls_start(w.end[1], 0);
    for (int i = 0; i < 3; i++) {
        give_piece(0, 50, (uint8_t)(2 * i));
        give_piece(50, message(), (uint8_t)(2 * i + 1));
    }
    opens();
}
END_TEST

START_TEST(of_pieces_that_contradict_each_other_the_later_counts)
{
    it_dtls_start(w.end[1], 0);
    hello[25 + 55] ^= 1; /* forged */
    give_piece(50, message(), 0);
    hello[25 + 55] ^= 1;
    give_piece(0, 60, 1); /* what has come is not of one hello */
    ck_assert(!answered());
    give_piece(50, message(), 2);
    ck_assert(answered());
    opens();
    ck_assert(!w.failed[0] && !w.failed[1]);
}
END_TEST

START_TEST(pieces_of_something_too_large_are_not_kept)
{
    uint8_t p[IT_IO_DGRAM_MAX];
    it_dtls_start(w.end[1], 0);
    size_t n = piece(p, 0, 50, 0);
    put24(p + 13 + 1, 10000);
    put24(p + 13 + 6, 9900);
    wire_give(&w, 1, it_bytes_of(p, n));
    ck_assert_ptr_null(w.end[1]->pieces);
    give_piece(0, message(), 1);
    ck_assert(answered());
    opens();
    ck_assert_ptr_null(w.end[1]->pieces);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dtls/hello");
    TCase *t = tcase_create("hello");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_hello_in_two_datagrams_is_taken, 0, 20);
    tcase_add_test(t, pieces_may_come_in_any_order_twice_and_overlapping);
    tcase_add_test(t, both_pieces_may_come_before_the_start);
    tcase_add_test(t, both_pieces_may_be_in_one_datagram);
    tcase_add_test(t, pieces_that_are_repeated_change_nothing);
    tcase_add_test(t, of_pieces_that_contradict_each_other_the_later_counts);
    tcase_add_test(t, pieces_of_something_too_large_are_not_kept);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
