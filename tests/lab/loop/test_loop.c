/* The loop over a world, its device one end of a pair of sockets; over a lab and real sockets at once; in virtual time.
 * Real time passes here: margins are wide. */
#include "tests/lab/loop/probe.h"

#include "netsim/core/link.h"
#include "netsim/host/host.h"
#include "stack/stun/server.h"

#include <signal.h>

static it_alloc ALLOC;
static it_world *W;
static it_host *HOST;
static it_loop *LIVE;
static int FAR;

static void begin(it_time delay)
{
    int fd[2];
    it_link_cfg cfg = {.name = "wire", .dir = {{.delay = delay}, {.delay = delay}}};
    it_alloc_init(&ALLOC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    W = it_world_new(&(it_world_cfg){&ALLOC, 1});
    HOST = it_host_new(W, "host");
    it_node *edge = it_edge_new(W, "edge", "tun");
    ck_assert_int_eq(it_host_iface(HOST, "eth"), 0);
    ck_assert_int_eq(it_host_addr(HOST, 0, it_ip4(0x0a000002), 24), 0);
    ck_assert_int_ge(it_link_new(W, &cfg, it_host_node(HOST), 0, edge, 0), 0);
    LIVE = it_loop_new(&(it_loop_cfg){.alloc = &ALLOC, .clock = IT_CLOCK_WALL, .world = W});
    ck_assert_int_eq(it_loop_plug(LIVE, edge, fd[0]), 0);
    FAR = fd[1];
    /* The interface came up. */
    it_host_event ev;
    ck_assert_int_eq(it_loop_wait(LIVE, IT_SEC, NULL, 0), 1);
    ck_assert_int_eq(it_host_input(HOST, it_loop_now(LIVE)), 0);
    while (it_host_event_next(HOST, &ev) == 1)
        continue;
}

static void end(void)
{
    it_loop_free(LIVE);
    it_world_free(W);
    close(FAR);
    ck_assert_int_eq(ALLOC.live, 0);
}

static void from_far(void)
{
    it_pkt_pool pool;
    it_pkt_pool_init(&pool, &ALLOC);
    it_pkt *p = it_pkt_new(&pool);
    ck_assert_int_eq(
        it_pkt_udp(p, it_addr_of(it_ip4(0x0a000001), 7), it_addr_of(it_ip4(0x0a000002), 9), it_bytes_str("ping")), 0);
    ck_assert_int_eq(write(FAR, it_pkt_ip(p), p->len), p->len);
    it_pkt_pool_fini(&pool);
}

START_TEST(packets_pass_between_device_and_host)
{
    uint8_t buf[2048];
    it_host_event ev;
    it_pkt p;
    begin(0);
    int s = it_host_udp(HOST, it_addr_of(it_ip4(0x0a000002), 9), 0);
    from_far();
    ck_assert_int_eq(it_loop_wait(LIVE, 10 * IT_SEC, NULL, 0), 1);
    ck_assert_int_eq(it_host_input(HOST, it_loop_now(LIVE)), 0);
    ck_assert_int_eq(it_host_event_next(HOST, &ev), 1);
    ck_assert(it_bytes_eq(ev.data, it_bytes_str("ping")));
    ck_assert_int_eq(it_host_send(HOST, it_loop_now(LIVE), s, ev.remote, it_bytes_str("pong"), 0), 0);
    ck_assert_int_eq(it_loop_wait(LIVE, it_loop_now(LIVE) + 5 * IT_MS, NULL, 0), 0);
    ssize_t n = read(FAR, buf, sizeof buf);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(it_pkt_parse(&p, it_bytes_of(buf, (size_t)n)), 0);
    ck_assert(it_bytes_eq(it_pkt_payload(&p), it_bytes_str("pong")) && it_pkt_cksum_ok(&p));
    end();
}
END_TEST

START_TEST(a_delay_of_the_world_takes_its_time)
{
    begin(50 * IT_MS);
    from_far();
    ck_assert_int_eq(it_loop_wait(LIVE, 10 * IT_SEC, NULL, 0), 1);
    ck_assert_int_ge(it_loop_now(LIVE), 50 * IT_MS);
    ck_assert_int_lt(it_loop_now(LIVE), 5 * IT_SEC);
    end();
}
END_TEST

/* An object beside the world: when the loop has woken up for one packet it takes 20 ms, in which another one comes. */
static int TICKS;
static it_time BUSY_AT;

static int busy_tick(void *o, it_time now)
{
    struct timespec nap = {0, 20 * IT_MS};
    (void)o;
    BUSY_AT = now;
    if (++TICKS == 2) {
        nanosleep(&nap, NULL);
        from_far();
    }
    return 0;
}

static it_time busy_next(const void *o)
{
    (void)o;
    return TICKS < 2 ? BUSY_AT + 1 : IT_NEVER;
}

static void busy_free(void *o)
{
    (void)o;
}

static const it_object_ops BUSY_OPS = {.kind = "busy", .tick = busy_tick, .next = busy_next, .free = busy_free};

START_TEST(a_packet_is_of_the_time_at_which_it_was_read)
{
    it_host_event ev;
    it_loop_app_cfg cfg = {.no_bases = true};
    begin(50 * IT_MS);
    TICKS = 0;
    BUSY_AT = 0;
    ck_assert_int_ge(it_host_udp(HOST, it_addr_of(it_ip4(0x0a000002), 9), 0), 0);
    ck_assert_int_ge(it_loop_add(LIVE, &BUSY_OPS, &TICKS, &cfg, NULL), 0);
    ck_assert_int_eq(it_loop_flush(LIVE), 0);
    from_far();
    for (int n = 0; n < 2;) {
        ck_assert_int_eq(it_loop_wait(LIVE, 10 * IT_SEC, NULL, 0), IT_LOOP_READY);
        ck_assert_int_eq(it_host_input(HOST, it_loop_now(LIVE)), 0);
        while (it_host_event_next(HOST, &ev) == 1)
            n++;
    }
    ck_assert_int_eq(TICKS, 2);
    ck_assert_int_ge(it_loop_now(LIVE), BUSY_AT + 20 * IT_MS + 50 * IT_MS); /* the delay is none the shorter */
    end();
}
END_TEST

START_TEST(waiting_ends_in_time_and_for_descriptors)
{
    int fd[2];
    begin(0);
    ck_assert_int_eq(it_loop_wait(LIVE, 30 * IT_MS, NULL, 0), 0);
    ck_assert_int_ge(it_loop_now(LIVE), 30 * IT_MS);
    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_int_eq(write(fd[1], "x", 1), 1);
    struct pollfd f = {fd[0], POLLIN, 0};
    ck_assert_int_eq(it_loop_wait(LIVE, 10 * IT_SEC, &f, 1), 2);
    ck_assert(f.revents & POLLIN);
    close(fd[0]);
    close(fd[1]);
    end();
}
END_TEST

START_TEST(what_is_no_packet_is_ignored)
{
    begin(0);
    ck_assert_int_eq(write(FAR, "not an IP packet", 16), 16);
    ck_assert_int_eq(write(FAR, "", 0), 0);
    ck_assert_int_eq(it_loop_wait(LIVE, 20 * IT_MS, NULL, 0), 0);
    end();
}
END_TEST

START_TEST(a_device_that_has_gone_ends_the_wait)
{
    int fd[2];
    begin(0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
    ck_assert_int_eq(it_loop_plug(LIVE, it_edge_new(W, "other", "tun2"), fd[0]), 0);
    close(fd[1]);
    ck_assert_int_eq(it_loop_wait(LIVE, 20 * IT_SEC, NULL, 0), IT_ERR_IO); /* it does not spin until then */
    end();
    close(fd[0]);
}
END_TEST

/* --- a lab and the machine in one loop --- */

static const uint8_t REQUEST[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/* A STUN server on a host of a lab behind an edge that is plugged into a socket, whose other end is FAR. */
static it_lab *lab_begin(void)
{
    int fd[2];
    it_alloc_init(&PROBE_ALLOC);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    it_lab *lab = it_lab_new(&(it_lab_cfg){.alloc = &PROBE_ALLOC, .seed = 1});
    it_world *w = it_lab_world(lab);
    it_host *host = it_host_new(w, "host");
    it_node *edge = it_edge_new(w, "edge", "tun");
    it_link_cfg wire = {.name = "wire", .dir = {{.delay = IT_MS}, {.delay = IT_MS}}};
    it_stun_server_cfg cfg = {.alloc = &PROBE_ALLOC};
    ck_assert_int_eq(it_host_iface(host, "eth"), 0);
    ck_assert_int_eq(it_host_addr(host, 0, it_ip4(0x0a000002), 24), 0);
    ck_assert_int_ge(it_link_new(w, &wire, it_host_node(host), 0, edge, 0), 0);
    it_rng_init(&cfg.rng, 1, "server");
    ck_assert_int_eq(it_lab_add(lab, host, &it_stun_server_ops, it_stun_server_new(&cfg), "stun", 3478), 0);
    LOOP = it_loop_new(&(it_loop_cfg){.alloc = &PROBE_ALLOC, .clock = IT_CLOCK_WALL, .lab = lab});
    ck_assert_int_eq(it_loop_plug(LOOP, edge, fd[0]), 0);
    FAR = fd[1];
    return lab;
}

START_TEST(a_lab_behind_a_device_and_objects_on_sockets_share_one_loop)
{
    uint8_t buf[2048];
    probe *a = probe_new();
    it_pkt p, *q;
    it_pkt_pool pool;
    it_lab *lab = lab_begin();
    int i = probe_add(a, local_of(0, 0));
    it_addr self = probe_got(a, IT_IO_BOUND, 0)->local;
    probe_put(i, a, (it_io){.kind = IT_IO_DGRAM, .local = self, .remote = self, .data = it_bytes_str("to myself")});
    it_pkt_pool_init(&pool, &PROBE_ALLOC);
    q = it_pkt_new(&pool);
    it_addr from = it_addr_of(it_ip4(0x0a000001), 7777), to = it_addr_of(it_ip4(0x0a000002), 3478);
    ck_assert_int_eq(it_pkt_udp(q, from, to, it_bytes_of(REQUEST, sizeof REQUEST)), 0);
    ck_assert_int_eq(write(FAR, it_pkt_ip(q), q->len), q->len);
    it_pkt_pool_fini(&pool);
    probe_wait(a, IT_IO_DGRAM, 0);
    ssize_t n = -1;
    for (it_time until = it_loop_now(LOOP) + 20 * IT_SEC; n <= 0 && it_loop_now(LOOP) < until;) {
        pass_time(IT_MS);
        n = read(FAR, buf, sizeof buf);
    }
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(it_pkt_parse(&p, it_bytes_of(buf, (size_t)n)), 0);
    ck_assert_uint_eq(it_pkt_payload(&p).p[0], 1); /* a success response */
    ck_assert_uint_eq(it_pkt_payload(&p).p[1], 1);
    it_loop_free(LOOP);
    it_lab_free(lab);
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
    close(FAR);
    probe_done(a);
}
END_TEST

START_TEST(in_virtual_time_an_hour_takes_none_and_the_machine_is_not_there)
{
    probe *a = probe_new();
    it_alloc_init(&PROBE_ALLOC);
    it_world *w = it_world_new(&(it_world_cfg){&PROBE_ALLOC, 1});
    it_loop *l = it_loop_new(&(it_loop_cfg){.alloc = &PROBE_ALLOC, .clock = IT_CLOCK_VIRTUAL, .world = w});
    it_addr local = local_of(0, 0);
    it_loop_app_cfg cfg = {.bases = &local, .n_bases = 1};
    ck_assert_int_eq(it_loop_plug(l, it_edge_new(w, "edge", "tun"), 0), IT_ERR_STATE);
    ck_assert_int_eq(it_loop_add(l, &PROBE_OPS, a, &cfg, NULL), IT_ERR_STATE);
    ck_assert_int_lt(it_loop_stop_on_signals(l), 0);
    ck_assert_int_eq(it_loop_wait(l, 3600 * IT_SEC, NULL, 0), IT_LOOP_UNTIL);
    ck_assert_int_eq(it_loop_now(l), 3600 * IT_SEC);
    it_loop_free(l);
    it_world_free(w);
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
    probe_done(a);
}
END_TEST

START_TEST(a_signal_ends_the_wait)
{
    loop_begin();
    ck_assert_int_eq(it_loop_stop_on_signals(LOOP), 0);
    pass_time(IT_MS);
    raise(_i ? SIGTERM : SIGINT);
    ck_assert_int_eq(it_loop_wait(LOOP, IT_NEVER, NULL, 0), IT_LOOP_STOPPED);
    ck_assert_int_eq(it_loop_wait(LOOP, IT_NEVER, NULL, 0), IT_LOOP_STOPPED);
    loop_end();
}
END_TEST

static bool always(void *self)
{
    (void)self;
    return true;
}

START_TEST(an_owner_with_something_to_do_ends_the_wait)
{
    it_alloc_init(&PROBE_ALLOC);
    LOOP = it_loop_new(&(it_loop_cfg){.alloc = &PROBE_ALLOC, .clock = IT_CLOCK_WALL, .ready = always});
    ck_assert_int_eq(it_loop_wait(LOOP, IT_NEVER, NULL, 0), IT_LOOP_READY);
    loop_end();
}
END_TEST

START_TEST(seeds_differ_and_the_date_is_after_the_epoch)
{
    uint64_t a, b;
    ck_assert_int_eq(it_loop_seed(&a), 0);
    ck_assert_int_eq(it_loop_seed(&b), 0);
    ck_assert_uint_ne(a, b);
    ck_assert_int_gt(it_loop_date(), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop");
    TCase *t = tcase_create("real time");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, packets_pass_between_device_and_host);
    tcase_add_test(t, a_delay_of_the_world_takes_its_time);
    tcase_add_test(t, a_packet_is_of_the_time_at_which_it_was_read);
    tcase_add_test(t, waiting_ends_in_time_and_for_descriptors);
    tcase_add_test(t, what_is_no_packet_is_ignored);
    tcase_add_test(t, a_device_that_has_gone_ends_the_wait);
    tcase_add_test(t, a_lab_behind_a_device_and_objects_on_sockets_share_one_loop);
    tcase_add_test(t, in_virtual_time_an_hour_takes_none_and_the_machine_is_not_there);
    tcase_add_loop_test(t, a_signal_ends_the_wait, 0, 2);
    tcase_add_test(t, an_owner_with_something_to_do_ends_the_wait);
    tcase_add_test(t, seeds_differ_and_the_date_is_after_the_epoch);
    suite_add_tcase(s, t);
    return probe_main(s);
}
