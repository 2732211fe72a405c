/* TCP between two hosts: whatever the network does, the bytes come out as they went in, in bounded time, and the same
 * every time.
 */
#include "tests/netsim/tcp_pair.h"

#include <stdlib.h>

/* --- intact, whatever happens on the way --- */

START_TEST(both_streams_come_through_loss_reordering_and_duplication_intact)
{
    for (int k = 0; k < 6; k++) {
        pair p;
        uint64_t seed = (uint64_t)(_i * 6 + k + 1);
        pair_open(&p, seed, _i & 1);
        it_rng_init(&p.luck, seed, "test/opts");
        p.a.o.sack = p.b.o.sack = it_rng_below(&p.luck, 4) != 0;
        p.a.o.timestamps = p.b.o.timestamps = it_rng_below(&p.luck, 3) != 0;
        p.a.o.wscale = it_rng_below(&p.luck, 2) != 0;
        p.a.o.nagle = it_rng_below(&p.luck, 2) != 0;
        p.a.o.rcv_buf = 1024u << it_rng_below(&p.luck, 9);
        p.b.o.rcv_buf = 1024u << it_rng_below(&p.luck, 9);
        p.a.o.snd_buf = 1024u << it_rng_below(&p.luck, 9);
        p.b.o.snd_buf = 1024u << it_rng_below(&p.luck, 9);
        p.loss = (uint32_t)it_rng_below(&p.luck, 100000);
        p.dup = (uint32_t)it_rng_below(&p.luck, 50000);
        p.late = (uint32_t)it_rng_below(&p.luck, 300000);
        p.delay = (it_time)it_rng_below(&p.luck, 100) * IT_MS;
        p.a.want = it_rng_below(&p.luck, 300000);
        p.b.want = it_rng_below(&p.luck, 300000);
        p.a.chunk = p.b.chunk = 1 + (uint32_t)it_rng_below(&p.luck, 5000);
        p.a.lazy = it_rng_below(&p.luck, 3) == 0 ? 1 + (uint32_t)it_rng_below(&p.luck, 2000) : 0;
        it_rng_init(&p.luck, seed, "test/way");
        pair_connect(&p);
        pair_run(&p, 3600 * IT_SEC);
        ck_assert_msg(pair_done(&p), "seed %llu: a got %llu of %llu, b %llu of %llu", (unsigned long long)seed,
                      (unsigned long long)p.a.in, (unsigned long long)p.b.want, (unsigned long long)p.b.in,
                      (unsigned long long)p.a.want);
        pair_close(&p);
    }
}
END_TEST

/* --- determinism --- */

static uint64_t print_of(uint64_t seed)
{
    pair p;
    pair_open(&p, seed, false);
    p.loss = 20000;
    p.late = 100000;
    p.delay = 20 * IT_MS;
    p.a.want = p.b.want = 200000;
    it_rng_init(&p.luck, seed, "test/way");
    pair_connect(&p);
    pair_run(&p, 600 * IT_SEC);
    ck_assert(pair_done(&p));
    uint64_t f = it_world_fingerprint(p.w);
    pair_close(&p);
    return f;
}

START_TEST(the_same_seed_gives_the_same_packets)
{
    ck_assert_uint_eq(print_of(7), print_of(7));
    ck_assert_uint_ne(print_of(7), print_of(8));
}
END_TEST

/* --- throughput --- */

START_TEST(a_long_transfer_fills_a_fast_link)
{
    /* 10 Mbit/s, 50 ms each way: 125 kB under way; a queue of about as much. */
    static const struct {
        uint32_t loss;
        bool sack;
        int64_t queue;
    } cases[] = {{0, true, 128 << 10}, {0, false, 128 << 10}, {0, true, 64 << 10}};
    pair p;
    it_link_dir_cfg fwd = {.delay = 50 * IT_MS, .rate = 10000000, .queue = cases[_i].queue, .loss_ppm = cases[_i].loss};
    pair_open_link(&p, 1, &fwd, &fwd);
    p.a.o.snd_buf = p.b.o.rcv_buf = 1 << 20;
    p.a.o.sack = cases[_i].sack;
    p.a.want = 200u << 20;
    p.a.chunk = 65536;
    pair_connect(&p);
    pair_run(&p, 40 * IT_SEC);
    uint64_t at = p.b.in;
    pair_run(&p, 60 * IT_SEC);
    uint64_t bps = (p.b.in - at) * 8 / 20;
    it_tcp_info i;
    it_host_tcp_info(p.a.h, p.a.s, &i);
    ck_assert_msg(bps > 9000000, "%llu bit/s, cwnd %u, %llu retransmits, %llu time-outs", (unsigned long long)bps,
                  i.cwnd, (unsigned long long)i.retransmits, (unsigned long long)i.timeouts);
    if (cases[_i].sack) /* NewReno mends one hole a round trip: after slow start a time-out may be faster */
        ck_assert_uint_eq(i.timeouts, 0);
    pair_close(&p);
}
END_TEST

START_TEST(nothing_is_allocated_per_packet)
{
    pair p;
    it_link_dir_cfg fwd = {.delay = 10 * IT_MS, .rate = 100000000, .queue = 256 << 10};
    pair_open_link(&p, 1, &fwd, &fwd);
    p.a.want = 200u << 20;
    p.a.chunk = 65536;
    pair_connect(&p);
    pair_run(&p, 5 * IT_SEC);
    int64_t live = p.alloc.live;
    p.alloc.countdown = 0;
    uint64_t at = p.b.in;
    pair_run(&p, 15 * IT_SEC);
    ck_assert_uint_gt(p.b.in - at, 60u << 20);
    ck_assert_int_eq(p.alloc.live, live);
    p.alloc.countdown = UINT64_MAX;
    pair_close(&p);
}
END_TEST

/* --- back-pressure --- */

START_TEST(a_reader_that_stops_stops_the_writer_and_starts_it_again)
{
    pair p;
    it_link_dir_cfg fwd = {.delay = 10 * IT_MS};
    pair_open_link(&p, 1, &fwd, &fwd);
    p.b.stopped = true;
    p.a.o.snd_buf = p.b.o.rcv_buf = 256 << 10;
    p.a.want = 4u << 20;
    p.a.chunk = 100000;
    pair_connect(&p);
    pair_run(&p, 20 * IT_SEC);
    /* what both buffers hold, and no more */
    ck_assert_uint_le(p.a.out, p.a.o.snd_buf + p.b.o.rcv_buf + 64);
    ck_assert_uint_ge(p.a.out,
                      p.a.o.snd_buf * 2 / 3 + p.b.o.rcv_buf - 3000); /* WRITABLE waits for a third of the buffer */
    ck_assert_uint_eq(p.b.in, 0);
    p.b.stopped = false;
    pair_read(&p, &p.b);
    pair_run(&p, 60 * IT_SEC);
    ck_assert(pair_done(&p));
    pair_close(&p);
}
END_TEST

/* --- memory --- */

START_TEST(every_allocation_may_fail)
{
    for (uint64_t n = 0;; n++) {
        it_alloc a;
        it_alloc_init_countdown(&a, n);
        int err = pair_try(&a);
        ck_assert_int_eq(a.live, 0);
        if (err == 0)
            break;
        ck_assert_int_eq(err, IT_ERR_NOMEM);
        ck_assert_uint_lt(n, 1000);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp bulk");
    TCase *t = tcase_create("RFC 9293: reliable, in order");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, both_streams_come_through_loss_reordering_and_duplication_intact, 0, 24);
    suite_add_tcase(s, t);
    t = tcase_create("throughput and memory");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_long_transfer_fills_a_fast_link, 0, 3);
    tcase_add_test(t, nothing_is_allocated_per_packet);
    tcase_add_test(t, every_allocation_may_fail);
    suite_add_tcase(s, t);
    t = tcase_create("back-pressure and determinism");
    tcase_add_test(t, a_reader_that_stops_stops_the_writer_and_starts_it_again);
    tcase_add_test(t, the_same_seed_gives_the_same_packets);
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
