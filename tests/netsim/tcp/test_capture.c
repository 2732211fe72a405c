/* Connections as captures: each runs here with what it must come to, and, when TCP_CAPTURES names a folder, leaves its
 * capture there with the tcp.analysis findings of Wireshark that the scenario itself causes. .ci/tcp-captures looks at
 * them interface by interface. */
#include "netsim/see/capture.h"
#include "tests/netsim/tcp_pair.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct plot {
    const char *name;
    it_link_dir_cfg way; /* both directions */
    uint64_t want_a, want_b;
    uint32_t chunk, lazy;  /* of b's reader */
    void (*set)(pair *p);  /* before connecting */
    void (*then)(pair *p); /* after 500 ms */
    const char *allow;     /* findings caused by the scenario */
    bool finishes;
} plot;

static void small_buffer(pair *p)
{
    p->b.o.rcv_buf = 8192;
}

static void no_sack(pair *p)
{
    p->a.o.sack = false;
}

static void no_options(pair *p)
{
    p->a.o.sack = p->a.o.timestamps = p->a.o.wscale = false;
}

static void no_nagle(pair *p)
{
    p->a.o.nagle = p->b.o.nagle = false;
}

static void keep_alive(pair *p)
{
    p->a.o.keep_idle = 10 * IT_SEC;
    p->a.hold = p->b.hold = true;
}

static void stop_reading(pair *p)
{
    p->b.stopped = true;
}

static void read_again(pair *p)
{
    p->b.stopped = false;
    pair_read(p, &p->b);
}

static void stop_for_long(pair *p)
{
    pair_run(p, 10 * IT_SEC);
    read_again(p);
}

static void abort_a(pair *p)
{
    it_host_tcp_abort(p->a.h, it_world_now(p->w), p->a.s);
}

static void lower_mtu(pair *p)
{
    it_link_dir_cfg small = {.delay = 10 * IT_MS, .rate = 20000000, .queue = 1 << 20, .mtu = 1300};
    ck_assert_int_eq(it_link_set(p->w, it_world_now(p->w), 0, 0, &small), 0);
}

/* Both connect to each other from fixed ports; each SYN,ACK repeats the SYN that crossed the other's (RFC 9293
 * section 3.5, figure 7). */
static void both_open(pair *p)
{
    p->both = true;
}

#define LOSS                                                                                                           \
    "retransmission fast_retransmission duplicate_ack lost_segment out_of_order spurious_retransmission rto_frame "    \
    "window_update"

static const plot PLOTS[] = {
    {"clean",
     {.delay = 20 * IT_MS, .rate = 20000000, .queue = 1 << 20},
     3000000,
     3000000,
     10000,
     0,
     NULL,
     NULL,
     "window_full", /* what is queued may end at the window's edge, and its tail leaves with it: RFC 9293
                       section 3.8.6.2.1 */
     true},
    {"clean-fast", {.delay = IT_MS}, 5000000, 100, 65536, 0, NULL, NULL, "", true},
    {"plain",
     {.delay = 20 * IT_MS, .rate = 20000000, .queue = 1 << 20},
     1000000,
     1000000,
     10000,
     0,
     no_options,
     NULL,
     "window_full",
     true},
    {"small-writes", {.delay = 30 * IT_MS}, 20000, 20000, 37, 0, NULL, NULL, "", true},
    {"small-writes-no-nagle", {.delay = 30 * IT_MS}, 5000, 5000, 37, 0, no_nagle, NULL, "", true},
    {"jitter", {.delay = 20 * IT_MS, .jitter = 30 * IT_MS}, 1000000, 1000000, 10000, 0, NULL, NULL, "", true},
    {"mtu-of-the-link",
     {.delay = 10 * IT_MS, .rate = 20000000, .queue = 1 << 20},
     3000000,
     0,
     10000,
     0,
     NULL,
     lower_mtu,
     "",
     true},
    {"both-open", {.delay = 20 * IT_MS}, 100000, 100000, 10000, 0, both_open, NULL, "retransmission rto_frame", true},
    {"abort", {.delay = 20 * IT_MS}, 100000000, 100, 10000, 0, NULL, abort_a, "", false},
    {"keepalive", {.delay = 20 * IT_MS}, 1000, 1000, 1000, 0, keep_alive, NULL, "keep_alive keep_alive_ack", false},
    {"slow-reader",
     {.delay = 20 * IT_MS},
     300000,
     0,
     10000,
     700,
     small_buffer,
     NULL,
     "window_full window_update zero_window",
     true},
    {"stopped-reader",
     {.delay = 20 * IT_MS},
     2000000,
     0,
     10000,
     0,
     stop_reading,
     stop_for_long,
     /* The scale rounds off up to 127 bytes of a window that was offered (RFC 7323 section 2.4). A probe of one of
      * them is taken; tshark takes it for one that is not, and the acknowledgment for one of what it has not seen. */
     "window_full window_update zero_window zero_window_probe zero_window_probe_ack ack_lost_segment lost_segment",
     true},
    {"loss",
     {.delay = 20 * IT_MS, .rate = 20000000, .queue = 1 << 20, .loss_ppm = 10000},
     3000000,
     300000,
     10000,
     0,
     NULL,
     NULL,
     LOSS,
     true},
    {"loss-new-reno",
     {.delay = 20 * IT_MS, .rate = 20000000, .queue = 1 << 20, .loss_ppm = 10000},
     3000000,
     300000,
     10000,
     0,
     no_sack,
     NULL,
     LOSS,
     true},
};
#define N_PLOTS ((int)(sizeof PLOTS / sizeof PLOTS[0]))

static void write_file(const char *dir, const char *name, const char *end, it_bytes bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", dir, name, end);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    size_t n = fwrite(bytes.p, 1, bytes.n, f);
    int closed = fclose(f);
    ck_assert(n == bytes.n && closed == 0);
}

static void write_out(const plot *t, it_bytes bytes)
{
    const char *dir = getenv("TCP_CAPTURES");
    if (!dir)
        return;
    write_file(dir, t->name, "pcapng", bytes);
    write_file(dir, t->name, "allow", it_bytes_str(t->allow));
}

static void play(const plot *t, it_capture *cap, pair *p)
{
    pair_open_link(p, 5, &t->way, &t->way);
    ck_assert_int_eq(it_world_observe(p->w, it_capture_observer(cap)), 0);
    p->a.want = t->want_a;
    p->b.want = t->want_b;
    p->a.chunk = p->b.chunk = t->chunk;
    p->b.lazy = t->lazy;
    if (t->set)
        t->set(p);
    if (p->both)
        pair_connect_both(p);
    else
        pair_connect(p);
    pair_run(p, 500 * IT_MS);
    if (t->then)
        t->then(p);
    pair_run(p, 100 * IT_SEC);
    /* what follows the last byte: FINs on their way */
    for (int i = 0; i < 2; i++) {
        side *x = i ? &p->b : &p->a;
        if (t->finishes)
            it_host_tcp_close(x->h, it_world_now(p->w), x->s);
    }
    pair_rest(p, it_world_now(p->w) + IT_SEC);
}

START_TEST(a_connection_comes_to_its_end)
{
    const plot *t = &PLOTS[_i];
    it_alloc mem;
    pair p;
    it_alloc_init(&mem);
    it_capture *cap = it_capture_new(&mem, t->name);
    ck_assert_ptr_nonnull(cap);
    play(t, cap, &p);
    ck_assert_int_eq(pair_done(&p), t->finishes);
    ck_assert_uint_gt(it_capture_blocks(cap), 10);
    write_out(t, it_capture_bytes(cap));
    it_capture_free(cap);
    ck_assert_int_eq(mem.live, 0);
    pair_close(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/tcp captures");
    TCase *t = tcase_create("connections");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_connection_comes_to_its_end, 0, N_PLOTS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
