/* The short way onto a link and off it again. Watched, a packet takes the long way: the same story told twice, watched
 * and not, must have the same fingerprint. The story is drawn: traffic of all sizes through a NAT and a router, links
 * that change, break and heal, interfaces and power that come and go. */
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"

#include "base/rng.h"
#include "tests/netsim/edges.h"

#include <stdlib.h>

#define STEPS 3000
#define LINKS 3

typedef struct tank {
    it_alloc alloc;
    it_world *w;
    it_node *end[2], *router;
    it_rng rng;
    uint64_t taken, sent, watched;
} tank;

static void watch(void *self, const it_seen_packet *s)
{
    (void)s;
    ++*(uint64_t *)self;
}

static void wire(tank *t, const char *name, it_node *a, int pa, it_node *b, int pb)
{
    it_link_dir_cfg d = {.delay = IT_MS, .rate = 10000000};
    ck_assert_int_ge(it_link_new(t->w, &(it_link_cfg){name, {d, d}}, a, pa, b, pb), 0);
}

/* a - NAT - router - b. */
static void build(tank *t, uint64_t seed, bool watched)
{
    memset(t, 0, sizeof *t);
    it_alloc_init(&t->alloc);
    it_rng_init(&t->rng, seed, "story");
    t->w = it_world_new(&(it_world_cfg){&t->alloc, seed});
    t->end[0] = it_edge_new(t->w, "a", "eth");
    t->end[1] = it_edge_new(t->w, "b", "eth");
    it_nat_profile p;
    it_nat_profile_init(&p);
    it_nat *nat = it_nat_new(t->w, "nat", &p);
    it_ip ext = it_ip4(0xcb007101);
    ck_assert_int_eq(it_nat_inside(nat, it_ip4(0x0a000001), 24), 0);
    ck_assert_int_eq(it_nat_outside(nat, &ext, 1, it_ip4(0xcb0071fe)), 0);
    t->router = it_router_new(t->w, "router");
    int in = it_node_add_port(t->router, "in"), out = it_node_add_port(t->router, "out");
    ck_assert_int_eq(it_router_addr(t->router, in, it_ip4(0xcb0071fe)), 0);
    ck_assert_int_eq(it_router_route(t->router, (it_prefix){ext, 128}, in, (it_ip){0, 0}), 0);
    ck_assert_int_eq(it_router_route(t->router, (it_prefix){it_ip4(0), 96}, out, (it_ip){0, 0}), 0);
    wire(t, "a-nat", t->end[0], 0, it_nat_node(nat), IT_NAT_LAN);
    wire(t, "nat-router", it_nat_node(nat), IT_NAT_WAN, t->router, in);
    wire(t, "router-b", t->router, out, t->end[1], 0);
    if (watched)
        ck_assert_int_eq(it_world_observe(t->w, (it_observer){&t->watched, watch}), 0);
}

static void run(tank *t, it_time until)
{
    int err;
    while ((err = it_world_run(t->w, until)) == 1) {
        it_pkt *p = it_edge_take(it_world_ready(t->w));
        t->taken += p != NULL;
        if (p)
            it_pkt_free(it_world_pool(t->w), p);
    }
    ck_assert_int_eq(err, 0);
}

static void say(tank *t)
{
    static const uint8_t zeros[IT_PKT_MAX];
    int side = (int)it_rng_below(&t->rng, 2);
    size_t n = it_rng_below(&t->rng, 3) ? 100 : it_rng_below(&t->rng, IT_PKT_MAX - 28);
    it_pkt *p = it_node_packet(t->end[side]);
    uint16_t port = (uint16_t)(1000 + it_rng_below(&t->rng, 3));
    it_addr a = it_addr_of(it_ip4(0x0a000002), port), b = it_addr_of(it_ip4(0xc6336401), port),
            nat = it_addr_of(it_ip4(0xcb007101), port);
    ck_assert_int_eq(it_pkt_udp(p, side ? b : a, side ? nat : b, it_bytes_of(zeros, n)), 0);
    it_node_send(t->end[side], it_world_now(t->w), 0, p);
    t->sent++;
}

static void change(tank *t)
{
    it_rng *r = &t->rng;
    it_link_dir_cfg d = {.delay = (it_time)it_rng_below(r, 3) * IT_MS, .rate = (int64_t)it_rng_below(r, 4) * 1000000};
    d.queue = d.rate && it_rng_below(r, 2) ? 3000 : 0;
    d.mtu = it_rng_below(r, 4) ? 0 : 700;
    d.mtu_silent = d.mtu && it_rng_below(r, 2);
    d.loss_ppm = it_rng_below(r, 4) ? 0 : 100000;
    d.jitter = it_rng_below(r, 6) ? 0 : IT_MS;
    d.corrupt_ppm = it_rng_below(r, 6) ? 0 : 200000;
    d.queueing = d.rate && it_rng_below(r, 6) == 0 ? IT_LINK_CODEL : IT_LINK_FIFO;
    ck_assert_int_eq(it_link_set(t->w, it_world_now(t->w), (int)it_rng_below(r, LINKS), (int)it_rng_below(r, 2), &d),
                     0);
}

/* One step of the story. */
static void step(tank *t)
{
    it_rng *r = &t->rng;
    it_time now = it_world_now(t->w);
    int link = (int)it_rng_below(r, LINKS);
    uint64_t what = it_rng_below(r, 100);
    if (what == 0)
        change(t);
    else if (what == 1)
        it_link_cut(t->w, now, link, it_rng_below(r, 2));
    else if (what == 2)
        it_link_blackhole(t->w, now, link, (int)it_rng_below(r, 3) - 1);
    else if (what == 3)
        it_node_port_up(t->end[link % 2], 0, it_rng_below(r, 2));
    else if (what == 4)
        it_node_power(t->router, it_rng_below(r, 2));
    else if (what < 20)
        (void)it_link_restore(t->w, now, link);
    else if (what < 25)
        it_node_port_up(t->end[link % 2], 0, true);
    else if (what < 30)
        it_node_power(t->router, true);
    else
        say(t);
    run(t, now + (it_time)it_rng_below(r, 2 * IT_MS));
}

START_TEST(a_story_that_nobody_watches_goes_the_same_way)
{
    static tank told[2];
    for (int i = 0; i < 2; i++)
        build(&told[i], (uint64_t)_i, i);
    for (int k = 0; k < STEPS; k++) {
        step(&told[0]);
        step(&told[1]);
        ck_assert_uint_eq(it_world_fingerprint(told[0].w), it_world_fingerprint(told[1].w));
        ck_assert_int_eq(it_world_next(told[0].w), it_world_next(told[1].w));
    }
    ck_assert_uint_eq(told[0].taken, told[1].taken);
    ck_assert_uint_gt(told[0].taken, told[0].sent / 10); /* it is a story of something */
    ck_assert_uint_gt(told[1].watched, told[1].sent);
    for (int link = 0; link < LINKS; link++)
        for (int dir = 0; dir < 2; dir++) {
            it_link_stats a = it_link_stat(told[0].w, link, dir), b = it_link_stat(told[1].w, link, dir);
            ck_assert_mem_eq(&a, &b, sizeof a);
        }
    for (int i = 0; i < 2; i++) {
        it_world_free(told[i].w);
        ck_assert_int_eq(told[i].alloc.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("link_send");
    TCase *c = tcase_create("watched and not");
    tcase_add_loop_test(c, a_story_that_nobody_watches_goes_the_same_way, 0, 40);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
