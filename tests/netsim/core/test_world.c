/* The world: order of events, timers, edges, observers, the fingerprint, labels, memory. */
#include "netsim/core/world.h"

#include "tests/netsim/edges.h"

#include <stdio.h>
#include <stdlib.h>

static rig R;

/* A node with a list of timers, which it reports as its earliest; what fired goes to |fired|. */
typedef struct clockwork {
    it_node node;
    it_time at[8];
    it_time fired[32];
    int n;
    int delivered;
    bool echo;  /* sends back what it gets */
    bool again; /* its timer never moves on */
} clockwork;

static it_time clock_next(const it_node *n)
{
    const clockwork *c = (const clockwork *)n;
    it_time first = IT_NEVER;
    for (int i = 0; i < 8; i++)
        if (c->at[i] < first)
            first = c->at[i];
    return first;
}

static void clock_run(it_node *n, it_time now)
{
    clockwork *c = (clockwork *)n;
    if (c->again)
        return;
    for (int i = 0; i < 8; i++)
        if (c->at[i] <= now) {
            c->fired[c->n++] = now;
            c->at[i] = IT_NEVER;
        }
}

static void clock_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    clockwork *c = (clockwork *)n;
    c->delivered++;
    if (c->echo)
        it_node_send(n, now, port, p);
    else
        it_pkt_free(it_world_pool(n->world), p);
}

static void clock_free(it_node *n)
{
    it_free(it_world_alloc(n->world), n);
}

static const it_node_ops CLOCK = {
    .kind = "clock", .deliver = clock_deliver, .next = clock_next, .run = clock_run, .free = clock_free};
static const it_node_ops HOST = {.kind = "host", .deliver = clock_deliver, .free = clock_free};
static const it_node_ops BOX = {
    .kind = "firewall", .down = IT_DROP_FW_REBOOT, .deliver = clock_deliver, .free = clock_free};

static clockwork *clock_new(it_world *w, const it_node_ops *ops, const char *name)
{
    clockwork *c = it_calloc(it_world_alloc(w), 1, sizeof *c);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(it_node_init(&c->node, w, ops, name), 0);
    for (int i = 0; i < 8; i++)
        c->at[i] = IT_NEVER;
    return c;
}

/* --- time and order --- */

START_TEST(an_empty_world_goes_where_it_is_told)
{
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_int_eq(it_world_now(R.w), 0);
    ck_assert_int_eq(it_world_next(R.w), IT_NEVER);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 0);
    ck_assert_int_eq(it_world_now(R.w), IT_SEC);
    ck_assert_int_eq(it_world_run(R.w, IT_NEVER), 0);
    ck_assert_int_eq(it_world_now(R.w), IT_SEC);
    ck_assert_uint_eq(it_world_seed(R.w), 1);
    rig_close(&R);
}
END_TEST

START_TEST(run_stops_at_once_when_an_edge_has_something)
{
    it_link_dir_cfg d = {.delay = IT_MS};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, 100, 5);
    ck_assert_int_eq(it_world_next(R.w), IT_MS);
    ck_assert_int_eq(it_world_run(R.w, IT_MS - 1), 0);
    ck_assert_int_eq(it_world_now(R.w), IT_MS - 1);
    edge_put(&R, R.a, 101, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_MS), 1);
    ck_assert_int_eq(it_world_now(R.w), IT_MS);
    /* Until it is taken, time stands. */
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), IT_MS);
    ck_assert_ptr_eq(it_world_ready(R.w), R.b);
    it_pkt *p = it_edge_take(R.b);
    ck_assert_uint_eq(p->len, 100);
    ck_assert_uint_eq(p->label, 5);
    it_pkt_free(it_world_pool(R.w), p);
    ck_assert_ptr_null(it_world_ready(R.w));
    ck_assert_ptr_null(it_edge_take(R.b));
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    ck_assert_int_eq(it_world_now(R.w), 2 * IT_MS - 1);
    rig_close(&R);
}
END_TEST

START_TEST(equal_times_are_served_in_the_order_of_sending)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_node *hub[3][2];
    for (int i = 0; i < 3; i++) {
        char name[8];
        it_link_dir_cfg d = {.delay = (3 - i) * IT_MS};
        it_link_cfg cfg = {name, {d, d}};
        snprintf(name, sizeof name, "x%d", i);
        hub[i][0] = it_edge_new(R.w, name, "eth");
        snprintf(name, sizeof name, "y%d", i);
        hub[i][1] = it_edge_new(R.w, name, "eth");
        ck_assert_int_ge(it_link_new(R.w, &cfg, hub[i][0], 0, hub[i][1], 0), 0);
    }
    /* Sent at 0, 1 and 2 ms over links of 3, 2 and 1 ms: all arrive at 3 ms. */
    for (int i = 0; i < 3; i++) {
        edge_put(&R, hub[i][0], 100, 0);
        ck_assert_int_eq(it_world_run(R.w, (i + 1) * IT_MS - (i == 2)), 0);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
        ck_assert_int_eq(it_world_now(R.w), 3 * IT_MS);
        ck_assert_ptr_eq(it_world_ready(R.w), hub[i][1]);
        it_pkt_free(it_world_pool(R.w), it_edge_take(hub[i][1]));
    }
    rig_close(&R);
}
END_TEST

START_TEST(timers_fire_at_their_times)
{
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, &CLOCK, "c");
    c->at[0] = 50;
    it_node_wake(&c->node);
    c->at[1] = 20;
    it_node_wake(&c->node);
    c->at[2] = 70;
    it_node_wake(&c->node);
    ck_assert_int_eq(it_world_next(R.w), 20);
    ck_assert_int_eq(it_world_run(R.w, 60), 0);
    ck_assert_int_eq(c->n, 2);
    ck_assert_int_eq(c->fired[0], 20);
    ck_assert_int_eq(c->fired[1], 50);
    ck_assert_int_eq(it_world_run(R.w, 100), 0);
    ck_assert_int_eq(c->n, 3);
    ck_assert_int_eq(c->fired[2], 70);
    ck_assert_int_eq(it_world_next(R.w), IT_NEVER);
    rig_close(&R);
}
END_TEST

START_TEST(a_timer_put_off_or_cancelled_does_not_fire_early)
{
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, &CLOCK, "c");
    c->at[0] = 50;
    it_node_wake(&c->node);
    c->at[0] = 90;
    it_node_wake(&c->node);
    ck_assert_int_eq(it_world_run(R.w, 80), 0);
    ck_assert_int_eq(c->n, 0);
    ck_assert_int_eq(it_world_run(R.w, 100), 0);
    ck_assert_int_eq(c->n, 1);
    ck_assert_int_eq(c->fired[0], 90);
    c->at[0] = 150;
    it_node_wake(&c->node);
    c->at[0] = IT_NEVER;
    it_node_wake(&c->node);
    ck_assert_int_eq(it_world_run(R.w, 1000), 0);
    ck_assert_int_eq(c->n, 1);
    rig_close(&R);
}
END_TEST

START_TEST(a_timer_of_the_past_fires_now)
{
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, &CLOCK, "c");
    ck_assert_int_eq(it_world_run(R.w, 100), 0);
    c->at[0] = 10;
    it_node_wake(&c->node);
    ck_assert_int_eq(it_world_run(R.w, 100), 0);
    ck_assert_int_eq(c->fired[0], 100);
    rig_close(&R);
}
END_TEST

START_TEST(random_timers_all_fire_once_and_in_order)
{
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "timers");
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, &CLOCK, "c");
    int due = 0;
    for (int round = 0; round < 30; round++) {
        int k = (int)it_rng_below(&rng, 8);
        if (c->n + due > 24)
            break;
        due += c->at[k] == IT_NEVER;
        c->at[k] = it_world_now(R.w) + 1 + (it_time)it_rng_below(&rng, 100);
        it_node_wake(&c->node);
        int before = c->n;
        ck_assert_int_eq(it_world_run(R.w, it_world_now(R.w) + (it_time)it_rng_below(&rng, 40)), 0);
        due -= c->n - before;
        for (int i = 0; i < 8; i++)
            ck_assert_int_gt(c->at[i], it_world_now(R.w));
    }
    ck_assert_int_eq(it_world_run(R.w, it_world_now(R.w) + 1000), 0);
    ck_assert_int_eq(clock_next(&c->node), IT_NEVER);
    for (int i = 1; i < c->n; i++)
        ck_assert_int_ge(c->fired[i], c->fired[i - 1]);
    rig_close(&R);
}
END_TEST

START_TEST(a_world_that_stands_still_is_an_error)
{
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, &CLOCK, "c");
    c->again = true;
    c->at[0] = 10;
    it_node_wake(&c->node);
    ck_assert_int_eq(it_world_run(R.w, 100), IT_ERR_LOOP);
    ck_assert_int_eq(it_world_now(R.w), 10);
    rig_close(&R);
}
END_TEST

START_TEST(packets_that_go_round_without_time_are_an_error)
{
    it_link_cfg cfg = {.name = "ring"};
    uint8_t buf[IT_PKT_MAX];
    it_alloc alloc;
    it_alloc_init(&alloc);
    it_world *w = it_world_new(&(it_world_cfg){&alloc, 1});
    clockwork *x = clock_new(w, &HOST, "x"), *y = clock_new(w, &HOST, "y");
    x->echo = y->echo = true;
    ck_assert_int_eq(it_node_add_port(&x->node, "p"), 0);
    ck_assert_int_eq(it_node_add_port(&y->node, "p"), 0);
    ck_assert_int_eq(it_link_new(w, &cfg, &x->node, 0, &y->node, 0), 0);
    it_pkt *p = it_node_packet(&x->node);
    ck_assert_int_eq(it_pkt_parse(p, udp_bytes(buf, 60)), 0);
    it_node_send(&x->node, 0, 0, p);
    ck_assert_int_eq(it_world_run(w, 100), IT_ERR_LOOP);
    ck_assert_int_gt(x->delivered + y->delivered, 999990);
    it_world_free(w);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

/* --- nodes and edges --- */

START_TEST(names_are_short_and_used_once)
{
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_ptr_null(it_edge_new(R.w, "a", "eth"));
    ck_assert_ptr_null(it_edge_new(R.w, "", "eth"));
    ck_assert_ptr_null(it_edge_new(R.w, "12345678901234567890123456789012", "eth"));
    ck_assert_ptr_null(it_edge_new(R.w, "c", ""));
    it_node *c = it_edge_new(R.w, "1234567890123456789012345678901", "eth");
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->index, 2);
    ck_assert_ptr_eq(it_world_find(R.w, c->name), c);
    ck_assert_ptr_eq(it_world_find(R.w, "b"), R.b);
    ck_assert_ptr_null(it_world_find(R.w, "c"));
    ck_assert_ptr_eq(it_world_node(R.w, 0), R.a);
    ck_assert_ptr_null(it_world_node(R.w, 3));
    ck_assert_int_eq(it_node_add_port(c, ""), IT_ERR_RANGE);
    ck_assert_int_eq(it_node_add_port(c, "x"), 1);
    ck_assert_uint_eq(c->ports[1].tap, 3);
    rig_close(&R);
}
END_TEST

START_TEST(edges_wait_in_the_order_of_their_packets)
{
    it_node *e[5];
    rig_open(&R, 1, "l", NULL, NULL);
    for (int i = 0; i < 5; i++) {
        char name[4] = {'e', (char)('0' + i), 0};
        e[i] = it_edge_new(R.w, name, "eth");
    }
    static const int marks[] = {3, 1, 4, 1, 0, 2};
    for (int i = 0; i < 6; i++)
        it_world_mark_ready(R.w, e[marks[i]]);
    it_world_clear_ready(R.w, e[4]); /* from the middle */
    it_world_clear_ready(R.w, e[4]);
    it_world_clear_ready(R.w, e[2]); /* from the end */
    it_world_mark_ready(R.w, e[4]);
    static const int want[] = {3, 1, 0, 4};
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_eq(it_world_ready(R.w), e[want[i]]);
        it_world_clear_ready(R.w, e[want[i]]);
    }
    ck_assert_ptr_null(it_world_ready(R.w));
    rig_close(&R);
}
END_TEST

START_TEST(a_node_stays_first_until_its_inbox_is_empty)
{
    rig_open(&R, 1, "l", NULL, NULL);
    edge_put(&R, R.a, 100, 0);
    edge_put(&R, R.a, 101, 0);
    edge_put(&R, R.b, 102, 0);
    ck_assert_int_eq(it_world_run(R.w, 0), 1);
    it_pkt_free(it_world_pool(R.w), it_edge_take(R.b));
    ck_assert_ptr_null(it_world_ready(R.w));
    ck_assert_int_eq(it_world_run(R.w, 0), 1);
    ck_assert_uint_eq(it_edge_take(it_world_ready(R.w))->len, 101);
    ck_assert_int_eq(it_world_run(R.w, 0), 1);
    ck_assert_ptr_eq(it_world_ready(R.w), R.a);
    rig_close(&R);
}
END_TEST

START_TEST(an_edge_refuses_what_is_no_packet)
{
    uint8_t buf[IT_PKT_MAX + 1] = {0x45};
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_int_eq(it_edge_send(R.a, 0, it_bytes_of(buf, 20), 0), IT_ERR_PARSE);
    ck_assert_int_eq(it_edge_send(R.a, 0, it_bytes_of(NULL, 0), 0), IT_ERR_PARSE);
    ck_assert_int_eq(it_edge_send(R.a, 0, it_bytes_of(buf, sizeof buf), 0), IT_ERR_TOOBIG);
    ck_assert_uint_eq(it_world_pool(R.w)->live, 0);
    ck_assert_uint_eq(R.log.n, 0);
    rig_close(&R);
}
END_TEST

START_TEST(a_port_that_is_down_or_unplugged_drops)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_node *c = it_edge_new(R.w, "c", "eth");
    edge_put(&R, c, 100, 0);
    ck_assert_uint_eq(R.log.n, 1);
    it_node_port_up(R.a, 0, false);
    edge_put(&R, R.a, 100, 0);
    ck_assert_uint_eq(R.log.n, 2);
    it_node_port_up(R.a, 0, true);
    edge_put(&R, R.a, 100, 0);
    it_node_port_up(R.b, 0, false);
    ck_assert_uint_eq(rig_run(&R, 10), 0);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_DROP, IT_DROP_IFACE_DOWN), 3);
    ck_assert_uint_eq(R.log.v[3].node, R.b->index);
    ck_assert_uint_eq(log_count(&R.log, IT_SEEN_RECV, 0), 0);
    rig_close(&R);
}
END_TEST

START_TEST(a_node_without_power_drops_what_it_receives)
{
    rig_open(&R, 1, "l", NULL, NULL);
    clockwork *c = clock_new(R.w, _i ? &BOX : &HOST, "c");
    it_link_cfg cfg = {.name = "m"};
    ck_assert_int_eq(it_node_add_port(&c->node, "p"), 0);
    it_node *d = it_edge_new(R.w, "d", "eth");
    ck_assert_int_eq(it_link_new(R.w, &cfg, d, 0, &c->node, 0), 1);
    it_node_power(&c->node, false);
    edge_put(&R, d, 100, 0);
    rig_run(&R, 10);
    ck_assert_int_eq(c->delivered, 0);
    ck_assert_uint_eq(R.log.n, 3);
    ck_assert_int_eq(R.log.v[1].kind, IT_SEEN_RECV);
    ck_assert_int_eq(R.log.v[2].kind, IT_SEEN_DROP);
    ck_assert_int_eq(R.log.v[2].reason, _i ? IT_DROP_FW_REBOOT : IT_DROP_HOST_DOWN);
    it_node_power(&c->node, true);
    edge_put(&R, d, 100, 0);
    rig_run(&R, 20);
    ck_assert_int_eq(c->delivered, 1);
    rig_close(&R);
}
END_TEST

START_TEST(every_packet_has_an_id_of_its_own)
{
    it_link_dir_cfg d = {.delay = IT_MS};
    rig_open(&R, 1, "l", &d, NULL);
    for (int i = 0; i < 5; i++)
        edge_put(&R, R.a, 100, 0);
    rig_run(&R, IT_SEC);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(R.log.v[i].id, i + 1);
        ck_assert_uint_eq(R.log.v[i + 5].id, i + 1);
        ck_assert_int_eq(R.log.v[i + 5].kind, IT_SEEN_RECV);
    }
    rig_close(&R);
}
END_TEST

/* --- fingerprint and observers --- */

/* The fingerprint of a small run that differs from the plain one in the way |what| says; 0 and 2 are plain. */
static uint64_t print_of(int what)
{
    it_link_dir_cfg d = {.delay = what == 1 ? 2 * IT_MS : IT_MS};
    rig_open(&R, 1, "l", &d, NULL);
    edge_put(&R, R.a, what == 3 ? 101 : 100, 0);
    rig_run(&R, 10 * IT_MS);
    if (what == 4)
        edge_put(&R, R.b, 100, 0);
    if (what == 5)
        it_world_mix(R.w, 1);
    if (what == 6)
        it_world_mix(R.w, 2);
    if (what == 7)
        it_link_blackhole(R.w, it_world_now(R.w), 0, -1);
    edge_put(&R, R.a, 100, 0);
    rig_run(&R, 20 * IT_MS);
    uint64_t h = it_world_fingerprint(R.w);
    rig_close(&R);
    return h;
}

START_TEST(the_fingerprint_tells_runs_apart)
{
    uint64_t h[8];
    for (int i = 0; i < 8; i++)
        h[i] = print_of(i);
    ck_assert_uint_eq(h[0], h[2]);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            ck_assert(h[i] != h[k] || (i == 2 && k == 0));
}
END_TEST

START_TEST(the_fingerprint_is_the_same_on_every_machine)
{
    ck_assert_uint_eq(print_of(0), UINT64_C(8277175038487778312));
}
END_TEST

START_TEST(watching_changes_nothing)
{
    uint64_t h[2];
    for (int watched = 0; watched < 2; watched++) {
        it_link_dir_cfg d = {.delay = IT_MS, .rate = 1000000, .loss_ppm = 100000, .jitter = IT_MS};
        rig_open(&R, 1, "l", &d, &d);
        for (int i = 0; watched && i < 3; i++)
            ck_assert_int_eq(it_world_observe(R.w, (it_observer){&R.log, log_see}), 0);
        if (watched)
            ck_assert_int_eq(it_world_observe(R.w, (it_observer){&R.log, log_see}), IT_ERR_FULL);
        for (int i = 0; i < 100; i++) {
            edge_put(&R, i & 1 ? R.a : R.b, 100 + (size_t)i, 0);
            rig_run(&R, it_world_now(R.w) + IT_MS / 2);
        }
        rig_run(&R, IT_SEC);
        h[watched] = it_world_fingerprint(R.w);
        rig_close(&R);
    }
    ck_assert_uint_eq(h[0], h[1]);
}
END_TEST

/* An unwatched world takes other ways through the code than a watched one. */
START_TEST(an_unwatched_world_does_the_same)
{
    uint64_t h[2];
    for (int watched = 0; watched < 2; watched++) {
        it_link_dir_cfg d = {.delay = IT_MS, .rate = 1000000, .queue = 2000, .mtu = 1000};
        rig_open(&R, 1, "l", &d, &d);
        if (!watched) {
            it_link_cfg cfg = {"l", {d, d}};
            it_world_free(R.w);
            R.w = it_world_new(&(it_world_cfg){&R.alloc, 1});
            R.a = it_edge_new(R.w, "a", "eth");
            R.b = it_edge_new(R.w, "b", "eth");
            ck_assert_int_eq(it_link_new(R.w, &cfg, R.a, 0, R.b, 0), 0);
        }
        for (int i = 0; i < 300; i++) {
            edge_put(&R, i & 1 ? R.a : R.b, 200 + (size_t)i * 3, 0);
            rig_run(&R, it_world_now(R.w) + (i % 50) * IT_MS / 10);
        }
        rig_run(&R, 10 * IT_SEC);
        ck_assert_uint_gt(it_link_stat(R.w, 0, 0).dropped, 0);
        h[watched] = it_world_fingerprint(R.w);
        rig_close(&R);
    }
    ck_assert_uint_eq(h[0], h[1]);
}
END_TEST

START_TEST(a_note_reaches_observers)
{
    rig_open(&R, 1, "l", NULL, NULL);
    it_node_note(R.b, 0, "reboot");
    ck_assert_uint_eq(R.log.n, 1);
    ck_assert_int_eq(R.log.v[0].kind, IT_SEEN_NOTE);
    ck_assert_uint_eq(R.log.v[0].node, 1);
    ck_assert_int_eq(R.log.v[0].port, -1);
    ck_assert_str_eq(R.log.v[0].note, "reboot");
    rig_close(&R);
}
END_TEST

START_TEST(two_worlds_do_not_see_each_other)
{
    static rig other;
    uint64_t alone = print_of(0);
    rig_open(&other, 9, "l", NULL, NULL);
    edge_put(&other, other.a, 300, 0);
    ck_assert_uint_eq(print_of(0), alone);
    ck_assert_uint_eq(rig_run(&other, 10), 1);
    rig_close(&other);
}
END_TEST

/* --- labels --- */

START_TEST(labels_are_numbered_from_one)
{
    char longer[100], cut[64];
    rig_open(&R, 1, "l", NULL, NULL);
    ck_assert_uint_eq(it_world_label(R.w, ""), 0);
    ck_assert_uint_eq(it_world_label(R.w, "stun"), 1);
    ck_assert_uint_eq(it_world_label(R.w, "dtls"), 2);
    ck_assert_uint_eq(it_world_label(R.w, "stun"), 1);
    ck_assert_str_eq(it_world_label_text(R.w, 2), "dtls");
    ck_assert_str_eq(it_world_label_text(R.w, 0), "");
    ck_assert_str_eq(it_world_label_text(R.w, 3), "");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(cut, longer, 63);
    cut[63] = '\0';
    ck_assert_uint_eq(it_world_label(R.w, longer), 3);
    ck_assert_str_eq(it_world_label_text(R.w, 3), cut);
    ck_assert_uint_eq(it_world_label(R.w, cut), 3);
    for (int i = 4; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "n%d", i);
        ck_assert_uint_eq(it_world_label(R.w, text), (unsigned)i);
    }
    ck_assert_uint_eq(it_world_label(R.w, "n500"), 500);
    rig_close(&R);
}
END_TEST

/* --- memory --- */

START_TEST(a_world_is_freed_with_everything_in_flight)
{
    it_link_dir_cfg d = {.delay = IT_MS, .jitter = _i ? IT_MS : 0};
    rig_open(&R, 1, "l", &d, &d);
    for (int i = 0; i < 100; i++)
        edge_put(&R, i & 1 ? R.a : R.b, 100, 0);
    ck_assert_int_eq(it_world_run(R.w, IT_SEC), 1);
    rig_close(&R);
    it_world_free(NULL);
}
END_TEST

/* A run that allocates everything the world can: 0, or the first error. */
static int small_life(it_alloc *alloc, const it_bytes *ip)
{
    it_link_dir_cfg d = {.delay = IT_MS, .jitter = IT_MS}, fifo = {.delay = IT_MS};
    it_link_cfg cfg = {"l", {d, fifo}};
    it_world *w = it_world_new(&(it_world_cfg){alloc, 1});
    if (!w)
        return IT_ERR_NOMEM;
    it_node *a = it_edge_new(w, "a", "eth"), *b = it_edge_new(w, "b", "eth");
    int err = a && b ? it_link_new(w, &cfg, a, 0, b, 0) : IT_ERR_NOMEM;
    if (err >= 0 && it_world_label(w, "label") == 0)
        err = IT_ERR_NOMEM;
    for (int i = 0; err >= 0 && i < 40; i++) {
        it_node *from = i % 3 ? a : b;
        err = it_edge_send(from, it_world_now(w), *ip, 0);
        while (err >= 0 && (err = it_world_run(w, it_world_now(w) + 50 * IT_US)) == 1)
            it_pkt_free(it_world_pool(w), it_edge_take(it_world_ready(w)));
    }
    it_world_free(w);
    return err;
}

START_TEST(every_allocation_may_fail)
{
    uint8_t buf[IT_PKT_MAX];
    it_bytes ip = udp_bytes(buf, 100);
    int err = IT_ERR_NOMEM;
    uint64_t n = 0;
    for (; err < 0 && n < 1000; n++) {
        it_alloc alloc;
        it_alloc_init_countdown(&alloc, n);
        err = small_life(&alloc, &ip);
        ck_assert_msg(err == 0 || err == IT_ERR_NOMEM, "%llu: %d", (unsigned long long)n, err);
        ck_assert_int_eq(alloc.live, 0);
    }
    ck_assert_int_eq(err, 0);
    ck_assert_uint_gt(n, 10);
}
END_TEST

START_TEST(a_packet_lost_for_want_of_memory_is_reported_by_run)
{
    rig_open(&R, 1, "l", NULL, NULL);
    R.alloc.countdown = 0;
    ck_assert_ptr_null(it_node_packet(R.a));
    ck_assert_int_eq(it_world_run(R.w, 10), IT_ERR_NOMEM);
    ck_assert_int_eq(it_world_run(R.w, 10), IT_ERR_NOMEM);
    rig_close(&R);
}
END_TEST

START_TEST(after_warm_up_nothing_is_allocated)
{
    it_link_dir_cfg d = {.delay = IT_MS};
    rig_open(&R, 1, "l", &d, &d);
    for (int round = 0; round < 3; round++) {
        if (round)
            R.alloc.countdown = 0;
        for (int i = 0; i < 200; i++)
            edge_put(&R, i & 1 ? R.a : R.b, 100, 0);
        ck_assert_uint_eq(rig_run(&R, it_world_now(R.w) + IT_SEC), 200);
    }
    rig_close(&R);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/world");
    TCase *t = tcase_create("time");
    tcase_add_test(t, an_empty_world_goes_where_it_is_told);
    tcase_add_test(t, run_stops_at_once_when_an_edge_has_something);
    tcase_add_test(t, equal_times_are_served_in_the_order_of_sending);
    tcase_add_test(t, timers_fire_at_their_times);
    tcase_add_test(t, a_timer_put_off_or_cancelled_does_not_fire_early);
    tcase_add_test(t, a_timer_of_the_past_fires_now);
    tcase_add_loop_test(t, random_timers_all_fire_once_and_in_order, 0, 20);
    tcase_add_test(t, a_world_that_stands_still_is_an_error);
    tcase_add_test(t, packets_that_go_round_without_time_are_an_error);
    suite_add_tcase(s, t);
    t = tcase_create("nodes");
    tcase_add_test(t, names_are_short_and_used_once);
    tcase_add_test(t, edges_wait_in_the_order_of_their_packets);
    tcase_add_test(t, a_node_stays_first_until_its_inbox_is_empty);
    tcase_add_test(t, an_edge_refuses_what_is_no_packet);
    tcase_add_test(t, a_port_that_is_down_or_unplugged_drops);
    tcase_add_loop_test(t, a_node_without_power_drops_what_it_receives, 0, 2);
    tcase_add_test(t, every_packet_has_an_id_of_its_own);
    suite_add_tcase(s, t);
    t = tcase_create("watching");
    tcase_add_test(t, the_fingerprint_tells_runs_apart);
    tcase_add_test(t, the_fingerprint_is_the_same_on_every_machine);
    tcase_add_test(t, watching_changes_nothing);
    tcase_add_test(t, an_unwatched_world_does_the_same);
    tcase_add_test(t, a_note_reaches_observers);
    tcase_add_test(t, two_worlds_do_not_see_each_other);
    tcase_add_test(t, labels_are_numbered_from_one);
    suite_add_tcase(s, t);
    t = tcase_create("memory");
    tcase_add_loop_test(t, a_world_is_freed_with_everything_in_flight, 0, 2);
    tcase_add_test(t, every_allocation_may_fail);
    tcase_add_test(t, a_packet_lost_for_want_of_memory_is_reported_by_run);
    tcase_add_test(t, after_warm_up_nothing_is_allocated);
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
