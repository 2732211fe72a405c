/* stack/stream/layers.c and rfc4571.c: messages over a stream, with back-pressure both ways. */
#include "stack/stream/layers.h"
#include "stack/stream/rfc4571.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 20000

static it_alloc alloc;
static it_stream s;
static it_layers ls;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE];

static void make(size_t largest)
{
    it_alloc_init(&alloc);
    memset(&s, 0, sizeof s);
    it_layers_init(&ls, &alloc, &s);
    ck_assert_int_eq(it_layers_push(&ls, it_rfc4571(&alloc, largest)), 0);
}

static int tell(enum it_io_kind kind, it_bytes data)
{
    return it_layers_input(&ls, 0, &(it_io){.kind = kind, .flow = 3, .data = data});
}

static void setup(void)
{
    make(LARGEST);
    it_stream_open(&s, 3, (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(tell(IT_IO_OPENED, it_bytes_of(NULL, 100000)), 0);
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPENED);
}

static void teardown(void)
{
    it_layers_fini(&ls);
    ck_assert_int_eq(alloc.live, 0);
}

static int write_message(const void *p, size_t n)
{
    return it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(p, n)});
}

/* The next that the application reads is |kind|. */
static void reads(enum it_io_kind kind)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

static void reads_nothing(void)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 0);
}

START_TEST(a_message_goes_out_behind_its_length)
{
    ck_assert_int_eq(write_message("hello", 5), 5);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("\0\5hello", 7)));
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0);
}
END_TEST

START_TEST(messages_come_whole_however_the_stream_cuts_them)
{
    static const char WIRE[] = "\0\3one\0\0\0\5three";
    for (size_t cut = 1; cut < sizeof WIRE - 1; cut++) {
        size_t at = 0;
        int seen = 0;
        while (at < sizeof WIRE - 1) {
            size_t n = sizeof WIRE - 1 - at < cut ? sizeof WIRE - 1 - at : cut;
            at += (size_t)tell(IT_IO_DATA, it_bytes_of(WIRE + at, n));
            while (it_layers_read(&ls, 0, &out, buf, sizeof buf) > 0)
                ck_assert(it_bytes_eq(out.data, it_bytes_str((const char *[]){"one", "", "three"}[seen++])));
        }
        ck_assert_int_eq(seen, 3);
    }
}
END_TEST

START_TEST(bytes_behind_a_message_wait_until_it_is_read)
{
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of("\0\1a\0\1b", 6)), 3);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0); /* nobody has read */
    reads(IT_IO_DATA);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_WRITABLE);
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of("\0\1b", 3)), 3);
    reads(IT_IO_DATA);
    ck_assert_int_eq(buf[0], 'b');
}
END_TEST

START_TEST(a_writer_waits_while_a_message_is_on_its_way)
{
    static uint8_t big[LARGEST];
    ck_assert_int_eq(write_message(big, sizeof big), LARGEST);
    ck_assert_int_eq(write_message("", 0), 0);
    ck_assert_int_eq(write_message("x", 1), IT_ERR_FULL);
    ck_assert_int_eq(write_message("", 0), IT_ERR_FULL);
    size_t n = 0;
    while (it_layers_output(&ls, 0, &out, buf, sizeof buf) > 0)
        n += out.data.n;
    ck_assert_uint_eq(n, LARGEST + 4);
    ck_assert_int_eq(write_message("x", 1), 1);
    ck_assert_int_eq(tell(IT_IO_WRITABLE, it_bytes_of(NULL, 10)), 0); /* nothing for the layers, and none of it taken */
}
END_TEST

START_TEST(ends_pass_through_both_ways)
{
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of("\0\1a", 3)), 3);
    ck_assert_int_eq(tell(IT_IO_FIN, it_bytes_of(NULL, 0)), 0);
    reads(IT_IO_DATA);
    reads(IT_IO_FIN);
    reads_nothing();
    ck_assert_int_eq(write_message("last", 4), 4);
    ck_assert_int_eq(it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_FIN}), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert(!it_stream_alive(&s));
    ck_assert_ptr_null(it_layers_why(&ls));
}
END_TEST

START_TEST(an_end_inside_a_message_is_a_reset_with_a_reason)
{
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of("\0\5ab", 4)), 4);
    ck_assert_int_eq(tell(IT_IO_FIN, it_bytes_of(NULL, 0)), 0);
    reads(IT_IO_RST);
    ck_assert_str_eq(it_layers_why(&ls), "the stream ended inside a message (RFC 4571 section 2)");
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_int_eq(write_message("x", 1), IT_ERR_STATE);
}
END_TEST

START_TEST(a_message_above_the_limit_ends_the_stream)
{
    static const uint8_t HEAD[] = {(LARGEST + 1) >> 8, (LARGEST + 1) & 255};
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of(HEAD, 2)), 2);
    reads(IT_IO_RST);
    ck_assert_ptr_nonnull(it_layers_why(&ls));
}
END_TEST

START_TEST(a_reset_from_above_is_the_streams)
{
    ck_assert_int_eq(it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_RST}), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
}
END_TEST

/* Frames within frames: what the upper layer writes is bytes to the lower one, which needs messages of them. */
START_TEST(layers_stack)
{
    ck_assert_int_eq(it_layers_push(&ls, it_rfc4571(&alloc, 100)), 0);
    ck_assert_int_eq(write_message("hi", 2), 2);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("\0\4\0\2hi", 6)));
    ck_assert_int_eq(tell(IT_IO_DATA, it_bytes_of("\0\3\0\1a\0\4\0\1b\0\0\2\1c", 15)), 15);
    for (int c = 'a'; c <= 'c'; c++) {
        reads(IT_IO_DATA);
        ck_assert_uint_eq(out.data.n, 1);
        ck_assert_int_eq(buf[0], c);
    }
    reads_nothing();
}
END_TEST

/* A layer with a clock: it says a byte when its time has come, and again 10 ns later. */
typedef struct ticker {
    it_time due;
    bool says;
} ticker;

static int ticker_in(void *l, it_time now, const it_io *io)
{
    (void)l, (void)now;
    return io->kind == IT_IO_DATA ? (int)io->data.n : 0;
}

static int ticker_below(void *l, it_time now, it_io *io, uint8_t *b, size_t cap)
{
    ticker *t = l;
    (void)now, (void)cap;
    if (!t->says)
        return 0;
    t->says = false;
    b[0] = '!';
    *io = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(b, 1)};
    return 1;
}

static int ticker_above(void *l, it_time now, it_io *io, uint8_t *b, size_t cap)
{
    (void)l, (void)now, (void)io, (void)b, (void)cap;
    return 0;
}

static int ticker_tick(void *l, it_time now)
{
    ticker *t = l;
    ck_assert_int_le(t->due, now);
    t->due = now + 10;
    t->says = true;
    return 0;
}

static it_time ticker_next(const void *l)
{
    return ((const ticker *)l)->due;
}

START_TEST(the_clock_of_a_layer_runs_and_moves_what_it_says)
{
    static const it_layer_ops TICKER = {.kind = "ticker",
                                        .from_below = ticker_in,
                                        .from_above = ticker_in,
                                        .to_below = ticker_below,
                                        .to_above = ticker_above,
                                        .tick = ticker_tick,
                                        .next = ticker_next};
    ticker t = {.due = 50};
    ck_assert_int_eq(it_layers_next(&ls), IT_NEVER);
    ck_assert_int_eq(it_layers_push(&ls, (it_layer){&TICKER, &t}), 0);
    ck_assert_int_eq(it_layers_next(&ls), 50);
    ck_assert_int_eq(it_layers_tick(&ls, 49), 0);
    ck_assert_int_eq(it_layers_output(&ls, 49, &out, buf, sizeof buf), 0);
    ck_assert_int_eq(it_layers_tick(&ls, 50), 0);
    ck_assert_int_eq(it_layers_next(&ls), 60);
    ck_assert_int_eq(it_layers_output(&ls, 50, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("\0\1!", 3))); /* framed by the layer below */
}
END_TEST

START_TEST(too_many_layers_are_refused)
{
    for (int i = 1; i < IT_LAYERS_MAX; i++)
        ck_assert_int_eq(it_layers_push(&ls, it_rfc4571(&alloc, 100)), 0);
    ck_assert_int_eq(it_layers_push(&ls, it_rfc4571(&alloc, 100)), IT_ERR_FULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream/layers");
    TCase *tc = tcase_create("rfc4571");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_message_goes_out_behind_its_length);
    tcase_add_test(tc, messages_come_whole_however_the_stream_cuts_them);
    tcase_add_test(tc, bytes_behind_a_message_wait_until_it_is_read);
    tcase_add_test(tc, a_writer_waits_while_a_message_is_on_its_way);
    tcase_add_test(tc, ends_pass_through_both_ways);
    tcase_add_test(tc, an_end_inside_a_message_is_a_reset_with_a_reason);
    tcase_add_test(tc, a_message_above_the_limit_ends_the_stream);
    tcase_add_test(tc, a_reset_from_above_is_the_streams);
    tcase_add_test(tc, layers_stack);
    tcase_add_test(tc, the_clock_of_a_layer_runs_and_moves_what_it_says);
    tcase_add_test(tc, too_many_layers_are_refused);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
