/* Links: times, queues, order, luck, faults. */
#include "netsim/core/link.h"

#include "netsim/core/impl.h"
#include "tests/netsim/edges.h"

#include <stdlib.h>

static rig R;

/* --- times --- */

START_TEST(a_packet_arrives_after_wire_time_and_delay)
{
    /* 1000 bytes at 1 Mbit/s: 8 ms on the wire. */
    it_link_dir_cfg d = {.delay = 5 * IT_MS, .rate = 1000000};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, 1000, 0);
    edge_put(&R, R.a, 500, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 13 * IT_MS);
    it_pkt_free(it_world_pool(R.w), it_edge_take(R.b));
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 17 * IT_MS);
    it_link_stats s = it_link_stat(R.w, R.link, 0);
    ck_assert_uint_eq(s.packets, 2);
    ck_assert_uint_eq(s.bytes, 1500);
    rig_close(&R);
}
END_TEST

START_TEST(wire_time_is_rounded_up)
{
    it_link_dir_cfg d = {.rate = 3000000};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, 100, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 266667);
    rig_close(&R);
}
END_TEST

START_TEST(directions_are_independent)
{
    it_link_dir_cfg there = {.delay = IT_MS}, back = {.delay = 7 * IT_MS};
    rig_open(&R, 1, "l", &there, &back);
    edge_put(&R, R.b, 100, 0);
    edge_put(&R, R.a, 100, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_ptr_eq(it_world_ready(R.w), R.b);
    ck_assert_int_eq(it_world_now(R.w), IT_MS);
    it_pkt_free(it_world_pool(R.w), it_edge_take(R.b));
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_ptr_eq(it_world_ready(R.w), R.a);
    ck_assert_int_eq(it_world_now(R.w), 7 * IT_MS);
    rig_close(&R);
}
END_TEST

START_TEST(a_full_queue_drops_the_tail)
{
    /* One packet on the wire and three behind it; the queue has room for three. */
    it_link_dir_cfg d = {.rate = 1000000, .queue = 3000};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 6; i++)
        edge_put(&R, R.a, 1000, 0);
    ck_assert_uint_eq(it_link_stat(R.w, R.link, 0).dropped, 2);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_QUEUE), 2);
    /* The first has left the wire: there is room for one. */
    ck_assert_uint_eq(rig_run(&R, 8 * IT_MS), 1);
    edge_put(&R, R.a, 1000, 0);
    edge_put(&R, R.a, 1000, 0);
    ck_assert_uint_eq(it_link_stat(R.w, R.link, 0).dropped, 3);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 4);
    rig_close(&R);
}
END_TEST

START_TEST(a_queue_of_zero_is_64_kib)
{
    it_link_dir_cfg d = {.rate = 1000000};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 80; i++)
        edge_put(&R, R.a, 1024, 0);
    /* 64 KiB ahead is allowed: one on the wire, 64 waiting. */
    ck_assert_uint_eq(it_link_stat(R.w, R.link, 0).dropped, 80 - 65);
    rig_close(&R);
}
END_TEST

START_TEST(a_packet_above_the_mtu_is_dropped)
{
    it_link_dir_cfg d = {.mtu = 1280};
    rig_open(&R, 1, "l", &d, NULL);
    ck_assert_uint_eq(it_link_mtu(R.a, 0), 1280);
    ck_assert_uint_eq(it_link_mtu(R.b, 0), IT_PKT_MAX);
    edge_put(&R, R.a, 1280, 0);
    edge_put(&R, R.a, 1281, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 1);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_MTU), 1);
    rig_close(&R);
}
END_TEST

START_TEST(order_is_kept_when_the_delay_shrinks)
{
    it_link_dir_cfg slow = {.delay = 50 * IT_MS}, fast = {.delay = IT_MS};
    rig_open(&R, 1, "l", &slow, NULL);
    edge_put(&R, R.a, 100, 0);
    ck_assert_int_eq(it_link_set(R.w, it_world_now(R.w), R.link, 0, &fast), 0);
    ck_assert_int_eq(it_link_get(R.w, R.link, 0)->delay, IT_MS);
    edge_put(&R, R.a, 200, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 50 * IT_MS);
    ck_assert_uint_eq(it_edge_take(R.b)->len, 100);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 50 * IT_MS);
    ck_assert_uint_eq(it_edge_take(R.b)->len, 200);
    rig_close(&R);
}
END_TEST

/* --- one event per direction or per packet --- */

/* Sends the same mixed traffic both ways over a link of which both directions are as |each| says; the log is the
 * result. */
static void traffic(rig *r, bool each, int kind)
{
    static const it_link_dir_cfg kinds[] = {
        {0},
        {.delay = 3 * IT_MS},
        {.delay = 2 * IT_MS, .rate = 2000000, .queue = 4000},
        {.delay = IT_MS, .rate = 5000000, .loss_ppm = 100000},
        {.delay = IT_MS, .rate = 5000000, .loss_ppm = 200000, .burst_milli = 3000},
    };
    rig_open(r, 7, "both", &kinds[kind], &kinds[kind]);
    it_rng rng;
    it_rng_init(&rng, 3, "traffic");
    for (int dir = 0; dir < 2; dir++)
        r->w->links[r->link]->dir[dir].each = each;
    for (int i = 0; i < 400; i++) {
        it_node *from = it_rng_below(&rng, 2) ? r->a : r->b;
        edge_put(r, from, 28 + it_rng_below(&rng, 1000), 0);
        rig_run(r, it_world_now(r->w) + (it_time)it_rng_below(&rng, 4) * IT_MS);
        if (i == 200)
            it_link_cut(r->w, it_world_now(r->w), r->link, i & 1);
        if (i == 220)
            ck_assert_int_eq(it_link_restore(r->w, it_world_now(r->w), r->link), 0);
    }
    rig_run(r, it_world_now(r->w) + IT_SEC);
}

START_TEST(one_event_per_direction_or_per_packet_gives_the_same_trace)
{
    static rig one, each;
    traffic(&one, false, _i);
    traffic(&each, true, _i);
    ck_assert_uint_gt(one.log.n, 800);
    ck_assert_uint_eq(one.log.n, each.log.n);
    for (size_t i = 0; i < one.log.n; i++)
        ck_assert_mem_eq(&one.log.v[i], &each.log.v[i], sizeof one.log.v[i]);
    ck_assert_uint_eq(it_world_fingerprint(one.w), it_world_fingerprint(each.w));
    rig_close(&one);
    rig_close(&each);
}
END_TEST

START_TEST(changing_between_both_in_flight_keeps_the_order)
{
    it_link_dir_cfg fifo = {.delay = 10 * IT_MS}, jit = {.delay = 10 * IT_MS, .jitter = 5 * IT_MS};
    rig_open(&R, 1, "l", &fifo, NULL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(it_link_set(R.w, it_world_now(R.w), R.link, 0, i / 5 & 1 ? &jit : &fifo), 0);
        edge_put(&R, R.a, 100 + (size_t)i, 0);
        ck_assert_int_eq(it_world_run(R.w, it_world_now(R.w) + 100 * IT_US), 0);
    }
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
        it_pkt *p = it_edge_take(R.b);
        ck_assert_int_eq(p->len, 100 + i);
        it_pkt_free(it_world_pool(R.w), p);
    }
    rig_close(&R);
}
END_TEST

/* --- luck --- */

/* Sends a packet every |gap| for |n| packets and marks in |lost| which did not arrive. */
static size_t weather(uint64_t seed, const char *name, const it_link_dir_cfg *d, it_time gap, size_t n, uint8_t *lost)
{
    it_alloc alloc;
    it_link_cfg cfg = {name, {*d, {0}}};
    uint8_t buf[IT_PKT_MAX];
    it_bytes ip = udp_bytes(buf, 100);
    it_alloc_init(&alloc);
    it_world *w = it_world_new(&(it_world_cfg){&alloc, seed});
    it_node *a = it_edge_new(w, "a", "eth"), *b = it_edge_new(w, "b", "eth");
    int link = it_link_new(w, &cfg, a, 0, b, 0);
    ck_assert_int_eq(link, 0);
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t before = it_link_stat(w, link, 0).lost;
        ck_assert_int_eq(it_edge_send(a, it_world_now(w), ip, 0), 0);
        bool gone = it_link_stat(w, link, 0).lost > before;
        total += gone;
        if (lost)
            lost[i] = gone;
        while (it_world_run(w, it_world_now(w) + gap) == 1)
            it_pkt_free(it_world_pool(w), it_edge_take(b));
    }
    it_world_free(w);
    return total;
}

START_TEST(independent_losses_have_the_rate_asked_for)
{
    static const uint32_t ppm[] = {0, 1000, 10000, 100000, 500000, 999000, 1000000};
    it_link_dir_cfg d = {.loss_ppm = ppm[_i]};
    size_t n = 100000, lost = weather(5, "l", &d, 200 * IT_US, n, NULL);
    /* Four standard deviations: 4 * sqrt(n p (1 - p)), with n = 10^5. */
    uint64_t p = ppm[_i], mean = n * p / 1000000, var = n * p / 1000 * (1000000 - p) / 1000000 / 1000,
             dev = lost > mean ? lost - mean : mean - lost;
    ck_assert_msg(dev * dev <= 16 * var + (p % 1000000 ? 16 : 0), "%zu lost of %zu, %u ppm", lost, n, ppm[_i]);
}
END_TEST

/* Burst losses: |place| packets of the stream fall into one place of 20 ms. */
struct burst {
    uint32_t ppm, milli;
    it_time gap;
    double lo, hi; /* band of the mean run, in packets */
};

START_TEST(burst_losses_have_the_rate_and_the_mean_length_asked_for)
{
    static const struct burst cases[] = {
        {20000, 4000, 20 * IT_MS, 3.7, 4.3},  {100000, 2000, 20 * IT_MS, 1.9, 2.1},
        {200000, 5000, 20 * IT_MS, 4.7, 5.3}, {50000, 10000, 20 * IT_MS, 8.9, 11.1},
        {100000, 2000, 10 * IT_MS, 3.8, 4.2}, /* two packets a place: twice the run */
    };
    const struct burst *c = &cases[_i];
    enum { N = 200000 };
    static uint8_t lost[N];
    it_link_dir_cfg d = {.loss_ppm = c->ppm, .burst_milli = c->milli};
    size_t total = weather(11, "l", &d, c->gap, N, lost), runs = 0;
    for (size_t i = 0; i < N; i++)
        runs += lost[i] && (i == 0 || !lost[i - 1]);
    double rate = (double)total / N, want = c->ppm / 1e6, mean = (double)total / (double)runs;
    ck_assert_msg(rate > want * 0.9 && rate < want * 1.1, "rate %f of %f", rate, want);
    ck_assert_msg(mean > c->lo && mean < c->hi, "mean run %f of %f..%f", mean, c->lo, c->hi);
}
END_TEST

START_TEST(bursts_shorter_than_chance_are_independent_losses)
{
    /* At 50 % independent losses already run for two packets; bursts of 1.5 are not to be had. */
    it_link_dir_cfg burst = {.loss_ppm = 500000, .burst_milli = 1500}, plain = {.loss_ppm = 500000};
    static uint8_t x[5000], y[5000];
    weather(3, "l", &burst, IT_MS, sizeof x, x);
    weather(3, "l", &plain, IT_MS, sizeof y, y);
    ck_assert_mem_eq(x, y, sizeof x);
}
END_TEST

START_TEST(the_state_of_a_burst_does_not_depend_on_who_asked_before)
{
    it_core_dir d = {.hash = 42, .cfg = {.loss_ppm = 150000, .burst_milli = 6000}};
    static bool all[3000];
    it_core_impairment_init(&d);
    for (int i = 0; i < 3000; i++)
        all[i] = it_core_bad_place(&d, i * IT_LINK_BURST_PLACE + 7);
    it_rng rng;
    it_rng_init(&rng, 1, "ask");
    for (int k = 0; k < 2000; k++) {
        int i = (int)it_rng_below(&rng, 3000);
        /* Any order, and with nothing remembered. */
        if (k & 1)
            it_core_impairment_init(&d);
        ck_assert_int_eq(it_core_bad_place(&d, i * IT_LINK_BURST_PLACE), all[i]);
    }
}
END_TEST

START_TEST(luck_depends_on_seed_name_and_slot_alone)
{
    enum { N = 2000 };
    static uint8_t base[N], same[N], other[N];
    it_link_dir_cfg d = {.loss_ppm = 300000};
    weather(1, "l", &d, IT_MS, N, base);
    weather(1, "l", &d, IT_MS, N, same);
    ck_assert_mem_eq(base, same, N);
    weather(2, "l", &d, IT_MS, N, other);
    ck_assert_mem_ne(base, other, N);
    weather(1, "m", &d, IT_MS, N, other);
    ck_assert_mem_ne(base, other, N);
    /* Only every second slot used: the others' luck stays. */
    weather(1, "l", &d, 2 * IT_MS, N / 2, other);
    for (size_t i = 0; i < N / 2; i++)
        ck_assert_uint_eq(other[i], base[2 * i]);
    /* Two packets a slot: the first of each fares as before. */
    weather(1, "l", &d, IT_MS / 2, N, other);
    for (size_t i = 0; i < N / 2; i++)
        ck_assert_uint_eq(other[2 * i], base[i]);
}
END_TEST

START_TEST(the_two_directions_have_luck_of_their_own)
{
    it_link_dir_cfg d = {.loss_ppm = 500000};
    rig_open(&R, 1, "l", &d, &d);
    int differ = 0;
    for (int i = 0; i < 200; i++) {
        it_link_stats s = it_link_stat(R.w, 0, 0), t = it_link_stat(R.w, 0, 1);
        edge_put(&R, R.a, 100, 0);
        edge_put(&R, R.b, 100, 0);
        differ += it_link_stat(R.w, 0, 0).lost - s.lost != it_link_stat(R.w, 0, 1).lost - t.lost;
        rig_run(&R, it_world_now(R.w) + IT_MS);
    }
    ck_assert_int_gt(differ, 60);
    ck_assert_int_lt(differ, 140);
    rig_close(&R);
}
END_TEST

START_TEST(a_lost_packet_is_sent_then_dropped_in_one_breath)
{
    it_link_dir_cfg d = {.loss_ppm = 1000000, .rate = 1000000};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, 1000, 0);
    ck_assert_uint_eq(R.log.n, 2);
    ck_assert_int_eq(R.log.v[0].kind, IT_SEEN_SEND);
    ck_assert_int_eq(R.log.v[1].kind, IT_SEEN_DROP);
    ck_assert_int_eq(R.log.v[1].reason, IT_DROP_LOSS);
    ck_assert_uint_eq(R.log.v[1].node, R.a->index);
    ck_assert_int_eq(R.log.v[1].port, 0);
    /* It was on the wire: the next one waits for it. */
    it_link_dir_cfg whole = {.rate = 1000000};
    ck_assert_int_eq(it_link_set(R.w, 0, 0, 0, &whole), 0);
    edge_put(&R, R.a, 1000, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 16 * IT_MS);
    rig_close(&R);
}
END_TEST

START_TEST(jitter_stays_in_its_range_and_keeps_the_order)
{
    it_link_dir_cfg d = {.delay = 10 * IT_MS, .jitter = 4 * IT_MS};
    rig_open(&R, 1, "l", &d, NULL);
    it_time least = IT_NEVER, most = 0;
    for (int i = 0; i < 300; i++) {
        /* Alone on the link nothing holds it back. */
        it_time sent = it_world_now(R.w);
        edge_put(&R, R.a, 100, 0);
        ck_assert_int_eq(it_world_run(R.w, sent + IT_SEC), 1);
        it_time took = it_world_now(R.w) - sent;
        it_pkt_free(it_world_pool(R.w), it_edge_take(R.b));
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    ck_assert_int_ge(least, 10 * IT_MS);
    ck_assert_int_lt(least, 10 * IT_MS + 200 * IT_US);
    ck_assert_int_le(most, 14 * IT_MS);
    ck_assert_int_gt(most, 14 * IT_MS - 200 * IT_US);
    for (int i = 0; i < 50; i++)
        edge_put(&R, R.a, 100 + (size_t)i, 0);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(it_world_run(R.w, IT_NEVER), 1);
        it_pkt *p = it_edge_take(R.b);
        ck_assert_int_eq(p->len, 100 + i);
        it_pkt_free(it_world_pool(R.w), p);
    }
    rig_close(&R);
}
END_TEST

/* --- faults --- */

START_TEST(what_is_broken_of_a_link_can_be_asked)
{
    it_link_dir_cfg d = {.delay = 10 * IT_MS};
    rig_open(&R, 1, "l", &d, &d);
    it_link_faults f = it_link_broken(R.w, R.link);
    ck_assert(!f.cut && !f.dark && !f.swallows[0] && !f.swallows[1]);
    it_link_cut(R.w, 0, R.link, false);
    f = it_link_broken(R.w, R.link);
    ck_assert(f.cut && !f.dark && !f.swallows[0]);
    it_link_cut(R.w, 0, R.link, true);
    ck_assert(it_link_broken(R.w, R.link).dark);
    ck_assert_int_eq(it_link_restore(R.w, 0, R.link), 0);
    it_link_blackhole(R.w, 0, R.link, 1);
    f = it_link_broken(R.w, R.link);
    ck_assert(!f.cut && !f.dark && !f.swallows[0] && f.swallows[1]);
    rig_close(&R);
}
END_TEST

START_TEST(a_cut_drops_what_is_in_flight_at_its_sender)
{
    it_link_dir_cfg d = {.delay = 10 * IT_MS};
    rig_open(&R, 1, "l", &d, &d);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.b, 100, 0);
    rig_run(&R, 5 * IT_MS);
    it_link_cut(R.w, it_world_now(R.w), R.link, false);
    ck_assert(!it_link_whole(R.w, R.link));
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_CUT), 3);
    const seen_line *last = &R.log.v[R.log.n - 1];
    ck_assert_uint_eq(last->node, R.b->index);
    ck_assert_int_eq(last->port, 0);
    ck_assert_int_eq(last->now, 5 * IT_MS);
    ck_assert(R.a->ports[0].carrier && R.b->ports[0].carrier);
    edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_CUT), 4);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 0);
    ck_assert_uint_eq(it_link_stat(R.w, R.link, 0).dropped, 3);
    ck_assert_int_eq(it_link_restore(R.w, it_world_now(R.w), R.link), 0);
    ck_assert_int_eq(it_link_restore(R.w, it_world_now(R.w), R.link), IT_ERR_STATE);
    edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(rig_run(&R, 2 * IT_SEC), 1);
    rig_close(&R);
}
END_TEST

START_TEST(a_packet_after_the_cut_is_not_taken_for_one_before)
{
    /* The events of dropped packets are still in the queue when the next packet is on its way. */
    it_link_dir_cfg d = {.delay = 10 * IT_MS, .jitter = _i ? IT_MS : 0};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.a, 100, 0);
    rig_run(&R, 2 * IT_MS);
    it_link_cut(R.w, it_world_now(R.w), R.link, false);
    ck_assert_int_eq(it_link_restore(R.w, it_world_now(R.w), R.link), 0);
    edge_put(&R, R.a, 200, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_ge(it_world_now(R.w), 12 * IT_MS);
    it_pkt *p = it_edge_take(R.b);
    ck_assert_uint_eq(p->len, 200);
    it_pkt_free(it_world_pool(R.w), p);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 0);
    rig_close(&R);
}
END_TEST

START_TEST(a_cut_with_signal_takes_the_carrier)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_link_cut(R.w, 0, R.link, true);
    ck_assert(!R.a->ports[0].carrier && !R.b->ports[0].carrier);
    /* Both edges have something to tell. */
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 0);
    ck_assert_ptr_eq(it_world_ready(R.w), R.a);
    ck_assert_ptr_null(it_edge_take(R.a));
    ck_assert_ptr_eq(it_world_ready(R.w), R.b);
    ck_assert_ptr_null(it_edge_take(R.b));
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 0);
    ck_assert_int_eq(it_link_restore(R.w, it_world_now(R.w), R.link), 0);
    ck_assert(R.a->ports[0].carrier && R.b->ports[0].carrier);
    ck_assert_ptr_eq(it_world_ready(R.w), R.a);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_NOTE, 0), 4);
    ck_assert_str_eq(R.log.v[0].note, "link l cut, carrier lost");
    rig_close(&R);
}
END_TEST

START_TEST(a_silent_cut_can_lose_its_carrier_later)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_link_cut(R.w, 0, R.link, false);
    ck_assert(R.a->ports[0].carrier);
    it_link_cut(R.w, 0, R.link, true);
    ck_assert(!R.a->ports[0].carrier && !R.b->ports[0].carrier);
    rig_close(&R);
}
END_TEST

START_TEST(a_blackhole_swallows_one_way_and_spares_what_is_in_flight)
{
    it_link_dir_cfg d = {.delay = 10 * IT_MS};
    rig_open(&R, 1, "l", &d, &d);
    edge_put(&R, R.a, 100, 0);
    it_link_blackhole(R.w, 0, R.link, 0);
    ck_assert(!it_link_whole(R.w, R.link));
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.b, 100, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 2);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_BLACKHOLE), 1);
    it_link_blackhole(R.w, it_world_now(R.w), R.link, -1);
    edge_put(&R, R.b, 100, 0);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_BLACKHOLE), 2);
    ck_assert_int_eq(it_link_restore(R.w, it_world_now(R.w), R.link), 0);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.b, 100, 0);
    ck_assert_uint_eq(rig_run(&R, 2 * IT_SEC), 2);
    rig_close(&R);
}
END_TEST

START_TEST(the_nth_packet_with_a_label_is_dropped)
{
    rig_open(&R, 1, "l", NULL, NULL);
    uint16_t stun = it_world_label(R.w, "stun request"), dtls = it_world_label(R.w, "dtls finished");
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 2, "dtls", 0), 0);
    edge_put(&R, R.b, 100, dtls); /* another direction */
    edge_put(&R, R.a, 101, dtls);
    edge_put(&R, R.a, 102, stun);
    edge_put(&R, R.a, 103, 0);
    edge_put(&R, R.a, 104, dtls); /* this one */
    edge_put(&R, R.a, 105, dtls);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 5);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_CHOSEN), 1);
    for (size_t i = 0; i < R.log.n; i++)
        if (R.log.v[i].kind == IT_SEEN_DROP)
            ck_assert_uint_eq(R.log.v[i].len, 104);
    rig_close(&R);
}
END_TEST

START_TEST(a_delayed_packet_is_overtaken)
{
    it_link_dir_cfg d = {.delay = IT_MS};
    rig_open(&R, 1, "l", &d, NULL);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 1, NULL, 5 * IT_MS), 0);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.a, 200, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_uint_eq(it_edge_take(R.b)->len, 200);
    ck_assert_int_eq(it_world_now(R.w), IT_MS);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_uint_eq(it_edge_take(R.b)->len, 100);
    ck_assert_int_eq(it_world_now(R.w), 6 * IT_MS);
    rig_close(&R);
}
END_TEST

START_TEST(a_cut_drops_a_delayed_packet_too)
{
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 1, NULL, 5 * IT_MS), 0);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.a, 200, 0);
    ck_assert_uint_eq(rig_run(&R, IT_MS), 1);
    it_link_cut(R.w, it_world_now(R.w), R.link, false);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_CUT), 1);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 0);
    rig_close(&R);
}
END_TEST

START_TEST(eight_rules_wait_and_a_spent_one_makes_room)
{
    rig_open(&R, 1, "l", NULL, NULL);
    for (uint32_t i = 1; i <= 8; i++)
        ck_assert_int_eq(it_link_pick(R.w, R.link, 0, i, NULL, 0), 0);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 1, NULL, 0), IT_ERR_FULL);
    for (int i = 0; i < 9; i++)
        edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(rig_run(&R, IT_SEC), 1);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 1, NULL, 0), 0);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 0, NULL, 0), IT_ERR_RANGE);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 0, 1, NULL, -1), IT_ERR_RANGE);
    ck_assert_int_eq(it_link_pick(R.w, R.link, 2, 1, NULL, 0), IT_ERR_RANGE);
    rig_close(&R);
}
END_TEST

/* --- parameters --- */

START_TEST(impossible_parameters_are_refused)
{
    const it_link_dir_cfg bad[] = {
        {.delay = -1},
        {.delay = IT_LINK_TIME_MAX + 1},
        {.jitter = -1},
        {.rate = -1},
        {.queue = -1},
        {.queue = ((int64_t)1 << 30) + 1},
        {.loss_ppm = 1000001},
        {.burst_milli = 999},
        {.burst_milli = 1000001},
        {.mtu = 67},
        {.mtu = IT_PKT_MAX + 1},
        {.reorder_ppm = 1000001},
        {.duplicate_ppm = 1000001},
        {.corrupt_ppm = 1000001},
        {.truncate_ppm = 1000001},
        {.mtu_silent = true},
        {.mask_bits = 65},
        {.mask = 4, .mask_bits = 2},
        {.queueing = IT_LINK_CODEL + 1, .rate = 1},
        {.queueing = IT_LINK_CODEL},
        {.queueing = IT_LINK_CODEL, .rate = 1, .bucket = 1},
        {.target = 1},
        {.bucket = 1},
        {.bucket = -1, .rate = 1},
        {.gap = 1},
        {.period = 1},
        {.period = 10, .gap = 11},
        {.gap_ppm = 1},
        {.steps_every = 1},
        {.steps = (const it_link_step[]){{1, 0, 0}, {1, 0, 0}}, .n_steps = 2},
        {.steps = (const it_link_step[]){{0, -2, 0}}, .n_steps = 1},
        {.steps = (const it_link_step[]){{0, 0, 1000001}}, .n_steps = 1},
        {.steps = (const it_link_step[]){{5, 0, 0}}, .n_steps = 1, .steps_every = 5},
    };
    enum { N = sizeof bad / sizeof bad[0] };
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_int_ge(it_node_add_port(R.a, "x"), 1);
    ck_assert_int_ge(it_node_add_port(R.b, "x"), 1);
    for (int i = 0; i < N; i++) {
        it_link_cfg cfg = {"m", {{0}, bad[i]}};
        ck_assert_int_eq(it_link_set(R.w, 0, R.link, 0, &bad[i]), IT_ERR_RANGE);
        ck_assert_int_eq(it_link_new(R.w, &cfg, R.a, 1, R.b, 1), IT_ERR_RANGE);
    }
    rig_close(&R);
}
END_TEST

START_TEST(the_largest_parameters_do_not_overflow)
{
    it_link_dir_cfg d = {.delay = IT_LINK_TIME_MAX, .jitter = IT_LINK_TIME_MAX, .rate = 1, .queue = (int64_t)1 << 30};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 100; i++)
        edge_put(&R, R.a, 1500, 0);
    ck_assert_uint_eq(rig_run(&R, IT_NEVER), 100);
    ck_assert_int_gt(it_world_now(R.w), 100 * 12000 * IT_SEC);
    rig_close(&R);
}
END_TEST

START_TEST(a_port_takes_one_link_and_a_name_is_used_once)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_node *c = it_edge_new(R.w, "c", "eth");
    ck_assert_int_eq(it_node_add_port(c, "two"), 1);
    it_link_cfg l = {.name = "l"}, m = {.name = "m"}, none = {.name = ""};
    ck_assert_int_eq(it_link_new(R.w, &m, R.a, 0, c, 0), IT_ERR_STATE);
    ck_assert_int_eq(it_link_new(R.w, &m, c, 0, c, 0), IT_ERR_STATE);
    ck_assert_int_eq(it_link_new(R.w, &l, c, 0, c, 1), IT_ERR_EXISTS);
    ck_assert_int_eq(it_link_new(R.w, &m, c, 0, c, 2), IT_ERR_RANGE);
    ck_assert_int_eq(it_link_new(R.w, &m, c, -1, c, 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_link_new(R.w, &none, c, 0, c, 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_link_new(R.w, &m, c, 0, c, 1), 1);
    ck_assert_int_eq(it_link_at(c, 1), 1);
    ck_assert_int_eq(it_link_at(c, 2), -1);
    ck_assert_int_eq(it_link_find(R.w, "m"), 1);
    ck_assert_int_eq(it_link_find(R.w, "n"), -1);
    ck_assert_str_eq(it_link_name(R.w, 0), "l");
    ck_assert_ptr_null(it_link_name(R.w, 2));
    int port;
    ck_assert_ptr_eq(it_link_end(R.w, 1, 1, &port), c);
    ck_assert_int_eq(port, 1);
    rig_close(&R);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/link");
    TCase *t = tcase_create("times");
    tcase_add_test(t, a_packet_arrives_after_wire_time_and_delay);
    tcase_add_test(t, wire_time_is_rounded_up);
    tcase_add_test(t, directions_are_independent);
    tcase_add_test(t, a_full_queue_drops_the_tail);
    tcase_add_test(t, a_queue_of_zero_is_64_kib);
    tcase_add_test(t, a_packet_above_the_mtu_is_dropped);
    tcase_add_test(t, order_is_kept_when_the_delay_shrinks);
    tcase_add_loop_test(t, one_event_per_direction_or_per_packet_gives_the_same_trace, 0, 5);
    tcase_add_test(t, changing_between_both_in_flight_keeps_the_order);
    suite_add_tcase(s, t);
    t = tcase_create("luck");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, independent_losses_have_the_rate_asked_for, 0, 7);
    tcase_add_loop_test(t, burst_losses_have_the_rate_and_the_mean_length_asked_for, 0, 5);
    tcase_add_test(t, bursts_shorter_than_chance_are_independent_losses);
    tcase_add_test(t, the_state_of_a_burst_does_not_depend_on_who_asked_before);
    tcase_add_test(t, luck_depends_on_seed_name_and_slot_alone);
    tcase_add_test(t, the_two_directions_have_luck_of_their_own);
    tcase_add_test(t, a_lost_packet_is_sent_then_dropped_in_one_breath);
    tcase_add_test(t, jitter_stays_in_its_range_and_keeps_the_order);
    suite_add_tcase(s, t);
    t = tcase_create("faults");
    tcase_add_test(t, what_is_broken_of_a_link_can_be_asked);
    tcase_add_test(t, a_cut_drops_what_is_in_flight_at_its_sender);
    tcase_add_loop_test(t, a_packet_after_the_cut_is_not_taken_for_one_before, 0, 2);
    tcase_add_test(t, a_cut_with_signal_takes_the_carrier);
    tcase_add_test(t, a_silent_cut_can_lose_its_carrier_later);
    tcase_add_test(t, a_blackhole_swallows_one_way_and_spares_what_is_in_flight);
    tcase_add_test(t, the_nth_packet_with_a_label_is_dropped);
    tcase_add_test(t, a_delayed_packet_is_overtaken);
    tcase_add_test(t, a_cut_drops_a_delayed_packet_too);
    tcase_add_test(t, eight_rules_wait_and_a_spent_one_makes_room);
    suite_add_tcase(s, t);
    t = tcase_create("parameters");
    tcase_add_test(t, impossible_parameters_are_refused);
    tcase_add_test(t, the_largest_parameters_do_not_overflow);
    tcase_add_test(t, a_port_takes_one_link_and_a_name_is_used_once);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
