/* stack/stream/rfc4571.c: messages behind their length in two bytes, from the empty one to the longest. */
#include "stack/stream/rfc4571.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_layer l;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE], wire[IT_LAYER_MESSAGE];

static void make(size_t largest)
{
    it_alloc_init(&alloc);
    l = it_rfc4571(&alloc, largest);
    ck_assert_ptr_nonnull(l.ops);
    ck_assert_str_eq(l.ops->kind, "rfc4571");
}

static void setup(void)
{
    make(IT_RFC4571_MAX);
}

static void teardown(void)
{
    l.ops->free(l.l);
    ck_assert_int_eq(alloc.live, 0);
}

static int comes(const void *p, size_t n)
{
    return l.ops->from_below(l.l, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(p, n)});
}

static int writes(const void *p, size_t n)
{
    return l.ops->from_above(l.l, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(p, n)});
}

/* A message of |n| bytes goes up. */
static void goes_up(size_t n)
{
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_uint_eq(out.data.n, n);
}

/* Section 2: the null packet, of length 0, is a message like others. */
START_TEST(the_empty_message_passes_both_ways)
{
    ck_assert_int_eq(writes("", 0), 0);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("\0\0", 2)));
    ck_assert_int_eq(comes("\0\0\0\0\0\1x", 7), 2);
    goes_up(0);
    ck_assert_int_eq(comes("\0\0\0\1x", 5), 2);
    goes_up(0);
    ck_assert_int_eq(comes("\0\1x", 3), 3);
    goes_up(1);
}
END_TEST

START_TEST(the_longest_message_passes_both_ways)
{
    for (size_t i = 0; i < sizeof wire; i++)
        wire[i] = (uint8_t)(i * 7);
    ck_assert_int_eq(writes(wire + 2, IT_RFC4571_MAX), IT_RFC4571_MAX);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_uint_eq(out.data.n, 2 + IT_RFC4571_MAX);
    ck_assert(out.data.p[0] == 0xff && out.data.p[1] == 0xff);
    ck_assert_int_eq(memcmp(out.data.p + 2, wire + 2, IT_RFC4571_MAX), 0);
    wire[0] = wire[1] = 0xff;
    ck_assert_int_eq(comes(wire, sizeof wire), (int)sizeof wire);
    goes_up(IT_RFC4571_MAX);
    ck_assert_int_eq(memcmp(out.data.p, wire + 2, IT_RFC4571_MAX), 0);
    ck_assert_int_eq(writes(wire, IT_RFC4571_MAX + 1), IT_ERR_TOOBIG);
}
END_TEST

START_TEST(a_length_may_come_in_two_pieces)
{
    ck_assert_int_eq(comes("\1", 1), 1);
    ck_assert_int_eq(comes("\0", 1), 1); /* 256, most significant byte first */
    memset(wire, 'x', 256);
    ck_assert_int_eq(comes(wire, 255), 255);
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 0);
    ck_assert_int_eq(comes(wire, 1), 1);
    goes_up(256);
}
END_TEST

/* What was agreed may be less than what a length can say, and is never more. */
START_TEST(what_is_longer_than_agreed_ends_the_stream_at_its_length)
{
    l.ops->free(l.l);
    make(100);
    ck_assert_int_eq(writes(wire, 101), IT_ERR_TOOBIG);
    ck_assert_int_eq(writes(wire, 100), 100);
    wire[0] = 0;
    wire[1] = 100;
    ck_assert_int_eq(comes(wire, 102), 102);
    goes_up(100);
    ck_assert_int_eq(comes("\0", 1), 1);
    ck_assert_ptr_null(l.ops->why(l.l));
    ck_assert_int_eq(comes("e", 1), 1); /* 101 */
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_str_eq(l.ops->why(l.l), "a message is longer than agreed (RFC 4571 section 2)");
    l.ops->free(l.l);
    make(SIZE_MAX);
    ck_assert_int_eq(writes(wire, IT_RFC4571_MAX + 1), IT_ERR_TOOBIG);
}
END_TEST

START_TEST(an_end_inside_a_message_has_its_reason)
{
    (void)comes("\0\3ab", (size_t)_i);
    (void)l.ops->from_below(l.l, 0, &(it_io){.kind = IT_IO_FIN});
    ck_assert_int_eq(l.ops->to_above(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, _i ? IT_IO_RST : IT_IO_FIN);
    if (_i)
        ck_assert_str_eq(l.ops->why(l.l), "the stream ended inside a message (RFC 4571 section 2)");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream/rfc4571");
    TCase *t = tcase_create("rfc4571");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_empty_message_passes_both_ways);
    tcase_add_test(t, the_longest_message_passes_both_ways);
    tcase_add_test(t, a_length_may_come_in_two_pieces);
    tcase_add_test(t, what_is_longer_than_agreed_ends_the_stream_at_its_length);
    tcase_add_loop_test(t, an_end_inside_a_message_has_its_reason, 0, 5);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
