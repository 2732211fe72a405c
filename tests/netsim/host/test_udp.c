/* UDP sockets of a host: which number a new one gets, which ports are taken, and whose a datagram is, against a search
 * through all of them. */
#include "netsim/core/link.h"
#include "netsim/host/impl.h"

#include <check.h>
#include <stdlib.h>

#define ADDRS 3
#define MANY 40

typedef struct model {
    bool open;
    it_addr local;
} model;

static it_alloc A;
static it_world *W;
static it_host *Ha, *Hb;
static it_ip Ip[ADDRS];
static model M[MANY];
static int Far; /* the other host's socket */

static void setup(void)
{
    it_link_cfg cfg = {"l", {{.delay = IT_MS}, {.delay = IT_MS}}};
    it_alloc_init(&A);
    W = it_world_new(&(it_world_cfg){&A, 1});
    Ha = it_host_new(W, "a");
    Hb = it_host_new(W, "b");
    ck_assert(it_host_iface(Ha, "eth") == 0 && it_host_iface(Hb, "eth") == 0);
    for (uint32_t i = 0; i < ADDRS; i++) {
        Ip[i] = it_ip4(0x0a000001 + i);
        ck_assert_int_eq(it_host_addr(Ha, 0, Ip[i], 120), 0);
    }
    ck_assert_int_eq(it_host_addr(Hb, 0, it_ip4(0x0a000063), 120), 0);
    ck_assert_int_ge(it_link_new(W, &cfg, it_host_node(Ha), 0, it_host_node(Hb), 0), 0);
    Far = it_host_udp(Hb, (it_addr){{0, 0}, 9}, -1);
    ck_assert_int_ge(Far, 0);
    for (int i = 0; i < MANY; i++)
        M[i].open = false;
}

static void teardown(void)
{
    it_world_free(W);
    ck_assert_int_eq(A.live, 0);
}

static bool overlap(it_addr a, it_addr b)
{
    return a.port == b.port && (it_ip_none(a.ip) || it_ip_none(b.ip) || it_ip_eq(a.ip, b.ip));
}

/* What binding |local| gives, by looking at every socket. */
static int search(it_addr local)
{
    int least = -1;
    for (int i = MANY; i-- > 0;)
        least = M[i].open ? least : i;
    for (int i = 0; i < MANY; i++)
        if (M[i].open && overlap(M[i].local, local))
            return IT_ERR_EXISTS;
    return least;
}

/* The socket that hears what is sent to |to|; -1: none. */
static int hears(it_addr to)
{
    for (int i = 0; i < MANY; i++)
        if (M[i].open && overlap(M[i].local, to))
            return i;
    return -1;
}

static int arrives(it_addr to)
{
    it_host_event ev;
    int socket = -1;
    ck_assert_int_eq(it_host_send(Hb, it_world_now(W), Far, to, it_bytes_of("x", 1), 0), 0);
    it_time until = it_world_now(W) + 10 * IT_MS;
    while (it_world_run(W, until) == 1) {
        it_host *h = it_host_of(it_world_ready(W));
        ck_assert_int_eq(it_host_input(h, it_world_now(W)), 0);
        while (it_host_event_next(h, &ev) > 0)
            if (h == Ha && ev.kind == IT_HOST_DATAGRAM)
                socket = ev.socket;
    }
    return socket;
}

START_TEST(numbers_ports_and_hearers_are_those_that_a_search_finds)
{
    it_rng r;
    int n_open = 0;
    it_rng_init(&r, (uint64_t)_i, "sockets");
    for (int k = 0; k < 1500; k++) {
        uint32_t which = (uint32_t)it_rng_below(&r, ADDRS + 1);
        it_addr local = {which == ADDRS ? (it_ip){0, 0} : Ip[which], (uint16_t)(100 + it_rng_below(&r, 12))};
        if (n_open < MANY - 1 && it_rng_below(&r, 5) < 3) {
            int want = search(local);
            ck_assert_int_eq(it_host_udp(Ha, local, -1), want);
            if (want < 0)
                continue;
            M[want] = (model){true, local};
            n_open++;
        } else {
            int i = (int)it_rng_below(&r, MANY);
            it_host_close(Ha, i); /* one that is closed, or never was, too */
            n_open -= M[i].open;
            M[i].open = false;
        }
        if (which < ADDRS)
            ck_assert_int_eq(arrives(local), hears(local));
    }
}
END_TEST

START_TEST(a_group_is_heard_by_the_least_number_on_its_port)
{
    it_addr group = {it_ip4(0xe0000001), 200};
    ck_assert_int_eq(it_host_udp(Ha, (it_addr){Ip[0], 300}, -1), 0);
    ck_assert_int_eq(it_host_udp(Ha, (it_addr){Ip[1], 200}, -1), 1);
    ck_assert_int_eq(arrives(group), 1);
    it_host_close(Ha, 0);
    ck_assert_int_eq(it_host_udp(Ha, (it_addr){Ip[0], 200}, -1), 0);
    ck_assert_int_eq(arrives(group), 0);
    it_host_close(Ha, 0);
    ck_assert_int_eq(arrives(group), 1);
}
END_TEST

START_TEST(a_full_range_of_ephemeral_ports_is_refused)
{
    int last = 0;
    for (int i = 0; i < 16384; i++) {
        last = it_host_udp(Ha, (it_addr){Ip[0], 0}, 0);
        ck_assert_int_eq(last, i);
        ck_assert_uint_ge(it_host_sockname(Ha, last).port, 49152);
    }
    ck_assert_int_eq(it_host_udp(Ha, (it_addr){Ip[0], 0}, 0), IT_ERR_EXISTS);
    ck_assert_int_ge(it_host_udp(Ha, (it_addr){Ip[1], 0}, 0), 0); /* another address has its own */
    uint16_t port = it_host_sockname(Ha, 77).port;
    it_host_close(Ha, 77);
    ck_assert_int_eq(it_host_udp(Ha, (it_addr){Ip[0], 0}, 0), 77);
    ck_assert_uint_eq(it_host_sockname(Ha, 77).port, port); /* the one that was left */
}
END_TEST

/* A reader that is always behind by a few: nothing is lost or moved when the queue comes to its end, and it does not
 * grow. */
START_TEST(events_come_in_the_order_they_were_told)
{
    it_host_event e;
    int told = 0, taken = 0;
    for (; told < 5; told++)
        ck_assert_int_eq(it_host_push(Ha, (it_host_event){.kind = IT_HOST_LINK, .iface = told}), 0);
    while (taken < 1000) {
        ck_assert_int_eq(it_host_event_next(Ha, &e), 1);
        ck_assert_int_eq(e.iface, taken++);
        ck_assert_int_eq(it_host_push(Ha, (it_host_event){.kind = IT_HOST_LINK, .iface = told++}), 0);
    }
    ck_assert_uint_le(Ha->ev_cap, 8);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host/udp");
    TCase *t = tcase_create("sockets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, numbers_ports_and_hearers_are_those_that_a_search_finds, 0, 3);
    tcase_add_test(t, a_group_is_heard_by_the_least_number_on_its_port);
    tcase_add_test(t, a_full_range_of_ephemeral_ports_is_refused);
    tcase_add_test(t, events_come_in_the_order_they_were_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
