/* stack/stream/framing.c: frames by rules that are neither RFC 4571's nor TURN's: '!', a length, the message, and zeros
 * up to a multiple of four. */
#include "stack/stream/framing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 200

static it_alloc alloc;
static it_layer l;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE];

/* --- the rules --- */

static size_t toy_size(size_t n)
{
    return (2 + n + 3) / 4 * 4;
}

static size_t toy_wanted(const uint8_t *p, size_t n)
{
    return n < 2 ? n + 1 : toy_size(p[1]);
}

static const char *toy_fault(const uint8_t *p, size_t n, size_t largest)
{
    if (n >= 1 && p[0] != '!')
        return "no frame begins so";
    return n >= 2 && p[1] > largest ? "it is too long" : NULL;
}

static size_t toy_message(const uint8_t *p)
{
    return p[1];
}

static size_t toy_framed(it_bytes m, size_t largest)
{
    return m.n == 0 || m.n > largest ? 0 : toy_size(m.n);
}

static void toy_write(uint8_t *p, it_bytes m)
{
    memset(p, 0, toy_size(m.n));
    p[0] = '!';
    p[1] = (uint8_t)m.n;
    memcpy(p + 2, m.p, m.n);
}

static const it_framing TOY = {"toy", "cut", 2, toy_wanted, toy_fault, toy_message, toy_framed, toy_write};

static void setup(void)
{
    it_alloc_init(&alloc);
    l = it_framing_layer(&alloc, &TOY, LARGEST);
    ck_assert_ptr_nonnull(l.ops);
}

static void teardown(void)
{
    l.ops->free(l.l);
    ck_assert_int_eq(alloc.live, 0);
}

/* --- both sides --- */

static int comes(enum it_io_kind kind, const void *p, size_t n)
{
    return l.ops->from_below(l.l, 0, &(it_io){.kind = kind, .data = it_bytes_of(p, n)});
}

static int writes(enum it_io_kind kind, const void *p, size_t n)
{
    return l.ops->from_above(l.l, 0, &(it_io){.kind = kind, .data = it_bytes_of(p, n)});
}

static void goes_up(enum it_io_kind kind)
{
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

static void message_goes_up(const char *text)
{
    goes_up(IT_IO_DATA);
    ck_assert(it_bytes_eq(out.data, it_bytes_str(text)));
}

static void goes_down(enum it_io_kind kind)
{
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

static void nothing_goes(void)
{
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 0);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 0);
}

START_TEST(what_may_begin_is_told_first_and_once)
{
    ck_assert_int_eq(comes(_i ? IT_IO_ACCEPTED : IT_IO_OPENED, NULL, 0), 0);
    ck_assert_int_eq(comes(IT_IO_DATA, "!\1x\0", 4), 4);
    goes_up(IT_IO_OPENED);
    message_goes_up("x");
    nothing_goes();
}
END_TEST

START_TEST(a_message_goes_in_a_frame)
{
    ck_assert_int_eq(writes(IT_IO_DATA, "hello", 5), 5);
    goes_down(IT_IO_DATA);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("!\5hello\0", 8)));
    nothing_goes();
}
END_TEST

START_TEST(a_frame_is_a_message_whose_padding_nobody_reads)
{
    ck_assert_int_eq(comes(IT_IO_DATA, "!\5hello\0", 8), 8);
    message_goes_up("hello");
    nothing_goes();
}
END_TEST

START_TEST(a_frame_may_come_byte_by_byte)
{
    static const char WIRE[] = "!\5hello\0!\2ab!\1c\0";
    static const char *const WANT[] = {"hello", "ab", "c"};
    int seen = 0;
    for (size_t i = 0; i < sizeof WIRE - 1; i++) {
        ck_assert_int_eq(comes(IT_IO_DATA, WIRE + i, 1), 1);
        if ((i + 1) % 4 == 0 && i != 3) /* a frame's last byte */
            message_goes_up(WANT[seen++]);
        ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 0);
    }
    ck_assert_int_eq(seen, 3);
}
END_TEST

/* It keeps one message a way. */
START_TEST(no_more_is_taken_than_one_frame)
{
    static const char WIRE[] = "!\2ab!\2cd";
    ck_assert_int_eq(comes(IT_IO_DATA, WIRE, 8), 4);
    ck_assert_int_eq(comes(IT_IO_DATA, WIRE + 4, 4), 0);
    message_goes_up("ab");
    ck_assert_int_eq(comes(IT_IO_DATA, WIRE + 4, 4), 4);
    message_goes_up("cd");
}
END_TEST

START_TEST(one_message_goes_out_at_a_time_in_pieces_that_fit)
{
    uint8_t small[3], got[8];
    size_t n = 0;
    ck_assert_int_eq(writes(IT_IO_DATA, "hello", 5), 5);
    ck_assert_int_eq(writes(IT_IO_DATA, "more", 4), IT_ERR_FULL);
    while (l.ops->to_below(l.l, 0, &out, small, sizeof small) == 1) {
        ck_assert_uint_le(out.data.n, sizeof small);
        memcpy(got + n, out.data.p, out.data.n);
        n += out.data.n;
        ck_assert_int_eq(writes(IT_IO_DATA, "more", 4), n < sizeof got ? IT_ERR_FULL : 4);
        if (n == sizeof got)
            break;
    }
    ck_assert(n == 8 && memcmp(got, "!\5hello\0", 8) == 0);
}
END_TEST

START_TEST(a_message_may_be_as_long_as_agreed_and_no_longer)
{
    static uint8_t wire[2 + 255 + 3] = {'!', LARGEST};
    size_t n = toy_size(LARGEST);
    ck_assert_int_eq(writes(IT_IO_DATA, wire, LARGEST + 1), IT_ERR_TOOBIG);
    ck_assert_int_eq(writes(IT_IO_DATA, wire, 0), IT_ERR_TOOBIG); /* of these rules: there is no empty one */
    ck_assert_int_eq(writes(IT_IO_DATA, wire, LARGEST), LARGEST);
    goes_down(IT_IO_DATA);
    ck_assert_uint_eq(out.data.n, n);
    ck_assert_int_eq(comes(IT_IO_DATA, wire, n), (int)n);
    goes_up(IT_IO_DATA);
    ck_assert_uint_eq(out.data.n, LARGEST);
    wire[1] = LARGEST + 1;
    ck_assert_int_eq(comes(IT_IO_DATA, wire, 2), 2);
    goes_up(IT_IO_RST);
    ck_assert_str_eq(l.ops->why(l.l), "it is too long");
}
END_TEST

/* The place of the next frame is lost: both sides end, all that comes is taken and forgotten. */
START_TEST(a_frame_that_breaks_the_rules_ends_the_stream)
{
    ck_assert_ptr_null(l.ops->why(l.l));
    ck_assert_int_eq(comes(IT_IO_DATA, "?!\2ab", 5), 5);
    goes_up(IT_IO_RST);
    ck_assert_int_eq(out.end, IT_IO_END_RESET);
    goes_down(IT_IO_RST);
    nothing_goes();
    ck_assert_str_eq(l.ops->why(l.l), "no frame begins so");
    ck_assert_int_eq(comes(IT_IO_DATA, "!\2ab", 4), 4);
    ck_assert_int_eq(comes(IT_IO_FIN, NULL, 0), 0);
    ck_assert_int_eq(writes(IT_IO_DATA, "x", 1), IT_ERR_STATE);
    nothing_goes();
}
END_TEST

START_TEST(a_whole_message_comes_before_the_end)
{
    (void)comes(IT_IO_DATA, "!\2ab", 4);
    ck_assert_int_eq(comes(_i ? IT_IO_RST : IT_IO_FIN, NULL, 0), 0);
    message_goes_up("ab");
    goes_up(_i ? IT_IO_RST : IT_IO_FIN);
    nothing_goes();
    ck_assert_ptr_null(l.ops->why(l.l));
}
END_TEST

START_TEST(an_end_inside_a_frame_is_a_reset_both_ways)
{
    (void)comes(IT_IO_DATA, "!\2ab", (size_t)_i);
    (void)comes(IT_IO_FIN, NULL, 0);
    goes_up(IT_IO_RST);
    goes_down(IT_IO_RST);
    ck_assert_str_eq(l.ops->why(l.l), "cut");
}
END_TEST

/* Refused, timed out, reset: whoever is above is told what the transport said. */
START_TEST(a_reset_keeps_its_reason)
{
    static const enum it_io_end END[] = {IT_IO_END_RESET, IT_IO_END_REFUSED, IT_IO_END_TIMEOUT, IT_IO_END_UNREACHABLE,
                                         IT_IO_END_LOCAL};
    it_io in = {.kind = IT_IO_RST, .end = END[_i]};
    ck_assert_int_eq(l.ops->from_below(l.l, 0, &in), 0);
    goes_up(IT_IO_RST);
    ck_assert_int_eq(out.end, END[_i]);
    nothing_goes();
    ck_assert_ptr_null(l.ops->why(l.l));
    ck_assert_int_eq(writes(IT_IO_DATA, "x", 1), IT_ERR_STATE);
}
END_TEST

START_TEST(an_end_from_above_goes_behind_the_message_a_reset_before_it)
{
    (void)writes(IT_IO_DATA, "ab", 2);
    ck_assert_int_eq(writes(_i ? IT_IO_RST : IT_IO_FIN, NULL, 0), 0);
    ck_assert_int_eq(writes(IT_IO_DATA, "x", 1), IT_ERR_STATE);
    if (!_i)
        goes_down(IT_IO_DATA);
    goes_down(_i ? IT_IO_RST : IT_IO_FIN);
    if (!_i)
        nothing_goes();
}
END_TEST

START_TEST(an_end_from_above_leaves_the_other_way)
{
    (void)writes(IT_IO_FIN, NULL, 0);
    goes_down(IT_IO_FIN);
    (void)comes(IT_IO_DATA, "!\2ab", 4);
    message_goes_up("ab");
    (void)comes(IT_IO_FIN, NULL, 0);
    goes_up(IT_IO_FIN);
}
END_TEST

START_TEST(no_memory_is_told_and_survived)
{
    alloc.countdown = 0;
    ck_assert_ptr_null(it_framing_layer(&alloc, &TOY, LARGEST).ops);
    ck_assert_int_eq(comes(IT_IO_DATA, "!\2ab", 4), IT_ERR_NOMEM);
    ck_assert_int_eq(writes(IT_IO_DATA, "ab", 2), IT_ERR_NOMEM);
    alloc.countdown = UINT64_MAX;
    ck_assert_int_eq(comes(IT_IO_DATA, "!\2ab", 4), 4);
    message_goes_up("ab");
    ck_assert_int_eq(writes(IT_IO_DATA, "ab", 2), 2);
    goes_down(IT_IO_DATA);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream/framing");
    TCase *t = tcase_create("framing");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_may_begin_is_told_first_and_once, 0, 2);
    tcase_add_test(t, a_message_goes_in_a_frame);
    tcase_add_test(t, a_frame_is_a_message_whose_padding_nobody_reads);
    tcase_add_test(t, a_frame_may_come_byte_by_byte);
    tcase_add_test(t, no_more_is_taken_than_one_frame);
    tcase_add_test(t, one_message_goes_out_at_a_time_in_pieces_that_fit);
    tcase_add_test(t, a_message_may_be_as_long_as_agreed_and_no_longer);
    tcase_add_test(t, a_frame_that_breaks_the_rules_ends_the_stream);
    tcase_add_loop_test(t, a_whole_message_comes_before_the_end, 0, 2);
    tcase_add_loop_test(t, an_end_inside_a_frame_is_a_reset_both_ways, 1, 4);
    tcase_add_loop_test(t, a_reset_keeps_its_reason, 0, 5);
    tcase_add_loop_test(t, an_end_from_above_goes_behind_the_message_a_reset_before_it, 0, 2);
    tcase_add_test(t, an_end_from_above_leaves_the_other_way);
    tcase_add_test(t, no_memory_is_told_and_survived);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
