/* Streams of apps over the TCP of their hosts: open, refuse, carry, press back, end. */
#include "lab/driver/lab.h"

#include "lab/driver/stream.h"
#include "tests/lab/driver/two.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A little app: writes |want| bytes on every stream it has, keeps what it reads to |hold| bytes until told to go on,
 * counts. */
typedef struct pipe {
    it_addr to; /* port 0: it only accepts */
    uint32_t flow;
    bool asked, open, fin_out, fin_in, rst, accepted;
    enum it_io_end end;
    uint64_t want, out, in, room;
    uint64_t hold;  /* takes no more than so many bytes in all; 0: everything */
    bool more;      /* |want| will grow: no FIN yet */
    bool go_on;     /* says WRITABLE once */
    bool abort;     /* says RST once */
    uint64_t calls; /* inputs of DATA */
    it_time at;
} pipe;

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)((i * 0x9e3779b97f4a7c15ULL) >> 56);
}

static int pipe_input(void *o, it_time now, const it_io *in)
{
    pipe *p = o;
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return 0; /* the driver's own sockets */
    p->at = now;
    if (in->kind == IT_IO_DATA) {
        size_t n = in->data.n;
        p->calls++;
        if (p->hold && n > p->hold - p->in)
            n = (size_t)(p->hold - p->in);
        for (size_t i = 0; i < n; i++)
            if (in->data.p[i] != pattern(p->in + i))
                ck_abort_msg("byte %llu is wrong", (unsigned long long)(p->in + i));
        p->in += n;
        return (int)n;
    }
    ck_assert(in->kind == IT_IO_ACCEPTED || in->flow == p->flow);
    if (in->kind == IT_IO_ACCEPTED)
        p->flow = in->flow;
    if (in->kind == IT_IO_OPENED || in->kind == IT_IO_ACCEPTED) {
        p->open = true;
        p->accepted = in->kind == IT_IO_ACCEPTED;
        ck_assert(in->local.port && in->remote.port);
    }
    if (in->kind == IT_IO_OPENED || in->kind == IT_IO_ACCEPTED || in->kind == IT_IO_WRITABLE)
        p->room = in->data.n;
    p->fin_in = p->fin_in || in->kind == IT_IO_FIN;
    p->rst = p->rst || in->kind == IT_IO_RST;
    if (in->kind == IT_IO_RST)
        p->end = in->end;
    return 0;
}

static int pipe_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    pipe *p = o;
    (void)now;
    *out = (it_io){.flow = p->flow};
    if (p->to.port && !p->asked) {
        p->asked = true;
        out->kind = IT_IO_OPEN;
        out->remote = p->to;
        return 1;
    }
    if (p->go_on || p->abort) {
        out->kind = p->go_on ? IT_IO_WRITABLE : IT_IO_RST;
        p->go_on = p->abort = false;
        return 1;
    }
    size_t n = cap < p->room ? cap : (size_t)p->room;
    n = n < p->want - p->out ? n : (size_t)(p->want - p->out);
    if (p->open && n) {
        for (size_t i = 0; i < n; i++)
            buf[i] = pattern(p->out + i);
        p->out += n;
        p->room -= n;
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        return 1;
    }
    if (p->open && !p->fin_out && !p->more && p->out == p->want) {
        p->fin_out = true;
        out->kind = IT_IO_FIN;
        return 1;
    }
    return 0;
}

static void pipe_free(void *o)
{
    (void)o;
}

static const it_object_ops PIPE = {.kind = "pipe", .input = pipe_input, .output = pipe_output, .free = pipe_free};

static pipe Pa, Pb;
static int Na, Nb;

static void setup(void)
{
    memset(&Pa, 0, sizeof Pa);
    memset(&Pb, 0, sizeof Pb);
    two_open((it_link_cfg){
        "l", {{.delay = 20 * IT_MS, .rate = 10000000, .loss_ppm = 5000}, {.delay = 20 * IT_MS, .rate = 10000000}}});
    Na = it_lab_add(L, Ha, &PIPE, &Pa, "pa", -1);
    Nb = it_lab_add(L, Hb, &PIPE, &Pb, "pb", -1);
    Pa.flow = 7;
    Pa.to = it_addr_of(it_ip4(0x0a000002), 80);
}

static void teardown(void)
{
    two_close();
}

/* Whatever a test has set in the apps since is a command to them. */
static void run(it_time until)
{
    (void)it_lab_app(L, Na);
    (void)it_lab_app(L, Nb);
    ck_assert_int_eq(it_lab_run(L, until), 0);
}

START_TEST(streams_carry_both_ways_and_end)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = 3000000;
    Pb.want = 1000000;
    run(60 * IT_SEC);
    ck_assert(Pb.accepted && Pb.flow >= IT_IO_ACCEPTED_FLOW);
    ck_assert_uint_eq(Pb.in, 3000000);
    ck_assert_uint_eq(Pa.in, 1000000);
    ck_assert(Pa.fin_in && Pb.fin_in && !Pa.rst && !Pb.rst);
    run(200 * IT_SEC);
    ck_assert_uint_eq(it_host_tcp_count(Ha) + it_host_tcp_count(Hb), 0); /* both sockets are closed */
}
END_TEST

START_TEST(an_app_that_takes_no_more_stops_the_other)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = 3000000;
    Pb.hold = 1000;
    run(60 * IT_SEC);
    uint64_t stuck = Pa.out, calls = Pb.calls;
    ck_assert_uint_eq(Pb.in, 1000);
    ck_assert_uint_le(stuck, 1000 + (512 << 10) + 64);
    run(100 * IT_SEC);
    ck_assert_uint_eq(Pa.out, stuck);
    ck_assert_uint_eq(Pb.calls, calls); /* not asked again before it says so */
    Pb.hold = 200000;
    Pb.go_on = true;
    run(200 * IT_SEC);
    ck_assert_uint_eq(Pb.in, 200000);
    ck_assert(!Pb.fin_in);
    Pb.hold = 0;
    Pb.go_on = true;
    run(300 * IT_SEC);
    ck_assert_uint_eq(Pb.in, 3000000);
    ck_assert(Pb.fin_in);
}
END_TEST

START_TEST(what_cannot_be_opened_is_reset)
{
    /* 0: nobody listens; 1: no route; 2: nobody answers */
    if (_i == 1)
        Pa.to = it_addr_of(it_ip4(0x08080808), 80);
    if (_i == 2)
        it_link_cut(it_lab_world(L), 0, Link, false);
    run(_i == 2 ? 126 * IT_SEC : 60 * IT_MS);
    ck_assert(Pa.rst == (_i != 2));
    run(128 * IT_SEC);
    static const enum it_io_end END[] = {IT_IO_END_REFUSED, IT_IO_END_UNREACHABLE, IT_IO_END_TIMEOUT};
    ck_assert(Pa.rst && !Pa.open);
    ck_assert_int_eq(Pa.end, END[_i]);
    ck_assert(_i != 1 || Pa.at == 0);
    ck_assert_uint_eq(it_host_tcp_count(Ha), 0);
}
END_TEST

START_TEST(a_reset_from_one_side_reaches_the_other)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = Pb.want = UINT64_MAX;
    run(1 * IT_SEC);
    Pa.abort = true;
    run(5 * IT_SEC);
    ck_assert(Pb.rst && !Pa.rst && Pb.end == IT_IO_END_RESET);
    ck_assert_uint_eq(it_host_tcp_count(Ha) + it_host_tcp_count(Hb), 0);
}
END_TEST

START_TEST(streams_end_with_their_app)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), IT_ERR_EXISTS);
    Pa.want = 1000;
    Pb.want = UINT64_MAX;
    Pb.hold = 1;
    run(1 * IT_SEC);
    ck_assert_uint_eq(Pb.in, 1);
    it_lab_remove(L, Nb); /* with bytes unread: RST */
    run(2 * IT_SEC);
    ck_assert(Pa.rst);
    ck_assert_uint_eq(it_host_tcp_count(Ha) + it_host_tcp_count(Hb), 0);
    ck_assert_int_eq(it_lab_serve(L, Na, 80), 0); /* another host's port 80 */
}
END_TEST

START_TEST(a_host_that_loses_power_resets_its_apps_streams)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = Pb.want = UINT64_MAX;
    run(1 * IT_SEC);
    it_host_power(Hb, it_lab_now(L), false, false);
    run(3 * IT_SEC);
    ck_assert(Pb.rst && Pa.rst);
}
END_TEST

/* Makes the link lossless or not, and slow or fast, both ways. */
static void wire(int64_t rate, it_time delay, uint32_t loss_ppm, int64_t queue)
{
    it_link_dir_cfg c = {.delay = delay, .rate = rate, .loss_ppm = loss_ppm, .queue = queue};
    for (int dir = 0; dir < 2; dir++)
        ck_assert_int_eq(it_link_set(it_lab_world(L), it_lab_now(L), Link, dir, &c), 0);
}

START_TEST(a_stream_slower_than_its_path_never_stops)
{
    /* Four send buffers' worth, never more than a few segments under way: nothing is ever short. */
    it_lab_still worst;
    static const uint64_t STEP[] = {700, 1448, 5000, 30000};
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    wire(100000000, 5 * IT_MS, 0, 0);
    Pa.more = true;
    for (it_time t = 0; Pa.out < 4 * (256 << 10); t += 20 * IT_MS) {
        ck_assert_uint_eq(Pa.out, Pa.want);
        Pa.want += STEP[_i];
        run(t + 20 * IT_MS);
        ck_assert_uint_le(Pa.want - Pa.out, t == 0 ? STEP[_i] : 0);
    }
    run(it_lab_now(L) + IT_SEC);
    ck_assert_uint_eq(Pb.in, Pa.want);
    ck_assert_uint_eq(it_lab_stillest(L, &worst), 2);
    ck_assert_int_eq(worst.still, 0);
    ck_assert_int_eq(worst.bound, IT_SEC);
}
END_TEST

START_TEST(bytes_in_are_bytes_out_whatever_the_path)
{
    static const int64_t RATE[] = {200000, 2000000, 100000000};
    static const it_time DELAY[] = {IT_MS, 150 * IT_MS};
    static const uint32_t LOSS[] = {0, 20000};
    it_lab_still worst;
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    wire(RATE[_i % 3], DELAY[_i / 3 % 2], LOSS[_i / 6 % 2], 20000);
    Pa.want = Pb.want = 700000;
    run(3000 * IT_SEC);
    ck_assert_uint_eq(Pb.in, 700000);
    ck_assert_uint_eq(Pa.in, 700000);
    ck_assert(Pa.fin_in && Pb.fin_in);
    ck_assert_uint_eq(it_lab_stillest(L, &worst), 2); /* both are gone, and were judged */
    ck_assert_int_le(worst.still, worst.bound);
}
END_TEST

START_TEST(a_reader_that_is_slow_gets_everything)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = 1500000;
    Pb.hold = 1;
    for (it_time t = IT_SEC; t < 400 * IT_SEC && Pb.in < 1500000; t += IT_SEC / 4) {
        run(t);
        Pb.hold = Pb.in + 9000; /* 36 kB/s, in gulps, from a window that is closed most of the time */
        Pb.go_on = true;
    }
    ck_assert_uint_eq(Pb.in, 1500000);
    run(it_lab_now(L) + 10 * IT_SEC);
    ck_assert(Pb.fin_in);
}
END_TEST

START_TEST(a_half_closed_stream_goes_on_the_other_way)
{
    ck_assert_int_eq(it_lab_serve(L, Nb, 80), 0);
    Pa.want = 1000; /* and then FIN */
    Pb.want = 2000000;
    run(60 * IT_SEC);
    ck_assert(Pb.fin_in && Pa.fin_in);
    ck_assert_uint_eq(Pb.in, 1000);
    ck_assert_uint_eq(Pa.in, 2000000);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("lab/stream");
    TCase *t = tcase_create("streams");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, streams_carry_both_ways_and_end);
    tcase_add_loop_test(t, a_stream_slower_than_its_path_never_stops, 0, 4);
    tcase_add_loop_test(t, bytes_in_are_bytes_out_whatever_the_path, 0, 12);
    tcase_add_test(t, a_reader_that_is_slow_gets_everything);
    tcase_add_test(t, a_half_closed_stream_goes_on_the_other_way);
    tcase_add_test(t, an_app_that_takes_no_more_stops_the_other);
    tcase_add_loop_test(t, what_cannot_be_opened_is_reset, 0, 3);
    tcase_add_test(t, a_reset_from_one_side_reaches_the_other);
    tcase_add_test(t, streams_end_with_their_app);
    tcase_add_test(t, a_host_that_loses_power_resets_its_apps_streams);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
