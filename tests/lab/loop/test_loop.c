/* The real-time driver, its device one end of a pair of sockets. Real time passes here: margins are wide. */
#include "lab/loop/loop.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"

#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(void)
{
    Suite *s = suite_create("lab/loop");
    TCase *t = tcase_create("real time");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, packets_pass_between_device_and_host);
    tcase_add_test(t, a_delay_of_the_world_takes_its_time);
    tcase_add_test(t, waiting_ends_in_time_and_for_descriptors);
    tcase_add_test(t, what_is_no_packet_is_ignored);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
