/* The framing of streams (RFC 8489 section 6.2.2, RFC 8656 section 12.5). */
#include "stack/stun/msg.h"
#include "stack/turn/channel.h"
#include "stack/turn/frame.h"

#include <check.h>

static it_alloc mem;
static it_layer l;
static uint8_t buf[70000];
static it_io out;

static void setup(void)
{
    it_alloc_init(&mem);
    l = it_turn_frame(&mem, 1000);
    ck_assert_ptr_nonnull(l.ops);
}

static void teardown(void)
{
    l.ops->free(l.l);
    ck_assert_int_eq(mem.live, 0);
}

static int below(const void *p, size_t n)
{
    it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(p, n)};
    return l.ops->from_below(l.l, 0, &in);
}

static int above(const void *p, size_t n)
{
    it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(p, n)};
    return l.ops->from_above(l.l, 0, &in);
}

static bool up(void)
{
    return l.ops->to_above(l.l, 0, &out, buf, sizeof buf) == 1;
}

static const uint8_t BINDING[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};
static const uint8_t CHANNEL[12] = {0x40, 1, 0, 5, 'h', 'e', 'l', 'l', 'o', 9, 9, 9};

START_TEST(messages_are_split_wherever_the_stream_is_cut)
{
    uint8_t both[32];
    size_t cut = (size_t)_i, at = 0;
    int messages = 0;
    memcpy(both, CHANNEL, 12);
    memcpy(both + 12, BINDING, 20);
    while (at < 32) {
        size_t n = at < cut ? cut - at : 32 - at;
        int taken = below(both + at, n);
        ck_assert_int_ge(taken, 0);
        at += (size_t)taken;
        while (up()) {
            ck_assert_int_eq(out.kind, IT_IO_DATA);
            ck_assert(messages == 0 ? it_bytes_eq(out.data, it_bytes_of(CHANNEL, 9))
                                    : it_bytes_eq(out.data, it_bytes_of(BINDING, 20)));
            messages++;
        }
    }
    ck_assert_int_eq(messages, 2);
}
END_TEST

START_TEST(channel_data_is_padded_below_and_not_above)
{
    ck_assert_int_eq(above(CHANNEL, 9), 9);
    ck_assert_int_eq(above(BINDING, 20), IT_ERR_FULL);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, 5), 1);
    ck_assert_uint_eq(out.data.n, 5);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf + 5, 100), 1);
    ck_assert_uint_eq(out.data.n, 7);
    ck_assert_mem_eq(buf, CHANNEL, 9);
    ck_assert_mem_eq(buf + 9, "\0\0\0", 3);
    ck_assert_int_eq(above(BINDING, 20), 20);
}
END_TEST

START_TEST(what_is_no_message_is_not_taken_from_above)
{
    ck_assert_int_eq(above(CHANNEL, 12), IT_ERR_TOOBIG);
    ck_assert_int_eq(above(CHANNEL, 3), IT_ERR_TOOBIG);
    ck_assert_int_eq(above("", 0), IT_ERR_TOOBIG);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
} BAD[] = {{"\x16", 1},             /* TLS */
           {"\x50\0\0\0", 4},       /* a reserved channel */
           {"\x40\x01\x03\xe5", 4}, /* 997 bytes, padded 1,004: too long */
           {"\0\1\x03\xe8", 4},     /* 1,020 */
           {"\0\1\0\2", 4},         /* not a multiple of four */
           {"\0\1\0\0\0\0\0\0", 8}, /* no cookie */
           {"GET / HTTP/1.1\r\n", 16}};

START_TEST(a_stream_that_has_lost_its_frames_is_reset_with_a_reason)
{
    ck_assert_int_eq(below(BAD[_i].bytes, BAD[_i].n), (int)BAD[_i].n);
    ck_assert_ptr_nonnull(l.ops->why(l.l));
    ck_assert(up());
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_int_eq(below(BINDING, 20), 20); /* taken, and of no use */
    ck_assert(!up());
    ck_assert_int_eq(above(BINDING, 20), IT_ERR_STATE);
}
END_TEST

START_TEST(the_longest_message_passes)
{
    static uint8_t big[1000] = {0x40, 1, 0x03, 0xe4};
    ck_assert_int_eq(below(big, 1000), 1000);
    ck_assert(up());
    ck_assert_uint_eq(out.data.n, 1000);
}
END_TEST

START_TEST(the_ends_of_a_stream_pass)
{
    it_io io = {.kind = IT_IO_OPENED};
    ck_assert_int_eq(l.ops->from_below(l.l, 0, &io), 0);
    ck_assert(up());
    ck_assert_int_eq(out.kind, IT_IO_OPENED);
    io.kind = IT_IO_FIN;
    ck_assert_int_eq(l.ops->from_below(l.l, 0, &io), 0);
    ck_assert(up());
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert_int_eq(l.ops->from_above(l.l, 0, &io), 0);
    ck_assert_int_eq(l.ops->to_below(l.l, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
}
END_TEST

START_TEST(a_stream_that_ends_inside_a_message_is_reset)
{
    it_io io = {.kind = IT_IO_FIN};
    ck_assert_int_eq(below(BINDING, 19), 19);
    ck_assert_int_eq(l.ops->from_below(l.l, 0, &io), 0);
    ck_assert(up());
    ck_assert_int_eq(out.kind, IT_IO_RST);
}
END_TEST

START_TEST(without_memory_nothing_is_taken)
{
    mem.countdown = 0;
    ck_assert_int_eq(below(BINDING, 20), IT_ERR_NOMEM);
    ck_assert_int_eq(above(BINDING, 20), IT_ERR_NOMEM);
    mem.countdown = UINT64_MAX;
    ck_assert_int_eq(below(BINDING, 20), 20);
    ck_assert(up());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/frame");
    TCase *tc = tcase_create("RFC 8656 section 12.5");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, messages_are_split_wherever_the_stream_is_cut, 0, 32);
    tcase_add_test(tc, channel_data_is_padded_below_and_not_above);
    tcase_add_test(tc, what_is_no_message_is_not_taken_from_above);
    tcase_add_loop_test(tc, a_stream_that_has_lost_its_frames_is_reset_with_a_reason, 0, 7);
    tcase_add_test(tc, the_longest_message_passes);
    tcase_add_test(tc, the_ends_of_a_stream_pass);
    tcase_add_test(tc, a_stream_that_ends_inside_a_message_is_reset);
    tcase_add_test(tc, without_memory_nothing_is_taken);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
