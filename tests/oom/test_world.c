/* Out of memory in the network: hosts, a LAN, a NAT, a firewall and a router carry datagrams, pings and errors, watched
 * by a capture and a trace; faults come and go. */
#include "netsim/see/capture.h"
#include "netsim/fw/firewall.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"
#include "netsim/see/trace.h"
#include "tests/oom/stairs.h"
#include <stdio.h>

static const it_ip NONE = {0, 0};

typedef struct net {
    it_world *w;
    it_host *in, *in2, *out;
    it_node *lan, *core;
    it_nat *nat;
    it_fw *fw;
    it_capture *capture;
    it_trace *trace;
    int sock_in, sock_out, wire, near;
    int got_in, got_out; /* datagrams */
} net;

#define TRY(x)                                                                                                         \
    do {                                                                                                               \
        int try_ = (x);                                                                                                \
        if (try_ < 0)                                                                                                  \
            return try_;                                                                                               \
    } while (0)
#define NEED(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x))                                                                                                      \
            return IT_ERR_NOMEM;                                                                                       \
    } while (0)

static int plug(net *n, const char *name, it_node *a, int pa, it_node *b, int pb)
{
    it_link_cfg cfg = {.name = name, .dir = {{.delay = IT_MS, .jitter = IT_MS}, {.delay = IT_MS, .rate = 10000000}}};
    return it_link_new(n->w, &cfg, a, pa, b, pb);
}

/* inside hosts --- LAN --- firewall --- NAT --- router --- outside host */
static int build(net *n, it_alloc *a)
{
    it_ip ext[2] = {it_ip4(0xc6336401), it_ip4(0xc6336402)};
    it_nat_profile np;
    it_fw_profile fp;
    it_nat_profile_init(&np);
    it_fw_profile_init(&fp);
    np.udp.alloc.mode = IT_NAT_RANDOM;
    np.icmp.errors = true;
    np.hairpin = IT_NAT_HAIRPIN_EXT;
    np.limits.ports_per_host = 100;
    np.pool.size = 2;
    fp.udp.stateful = true;
    NEED(n->w = it_world_new(&(it_world_cfg){a, 1}));
    NEED((n->capture = it_capture_new(a, "test")) && (n->trace = it_trace_new(a)));
    TRY(it_world_observe(n->w, it_capture_observer(n->capture)));
    TRY(it_world_observe(n->w, it_trace_observer(n->trace)));
    TRY(it_capture_name(n->capture, it_ip4(0x0a000002), "in"));
    NEED((n->in = it_host_new(n->w, "in")) && (n->in2 = it_host_new(n->w, "in2")) &&
         (n->out = it_host_new(n->w, "out")));
    NEED((n->lan = it_lan_new(n->w, "lan")) && (n->core = it_router_new(n->w, "core")));
    NEED((n->nat = it_nat_new(n->w, "nat", &np)) && (n->fw = it_fw_new(n->w, "fw", &fp)));
    TRY(it_nat_inside(n->nat, it_ip4(0x0a000001), 24));
    TRY(it_nat_outside(n->nat, ext, 2, it_ip4(0xc63364fe)));
    TRY(it_host_iface(n->in, "eth"));
    TRY(it_host_iface(n->in2, "eth"));
    TRY(it_host_iface(n->out, "eth"));
    TRY(it_host_addr(n->in, 0, it_ip4(0x0a000002), 120));
    TRY(it_host_addr(n->in2, 0, it_ip4(0x0a000003), 120));
    TRY(it_host_addr(n->out, 0, it_ip4(0xcb007109), 120));
    it_host_gateway(n->in, 0, it_ip4(0x0a000001));
    it_host_gateway(n->in2, 0, it_ip4(0x0a000001));
    it_host_gateway(n->out, 0, it_ip4(0xcb007101));
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), 0};
        TRY(it_node_add_port(n->lan, name));
        TRY(it_node_add_port(n->core, name));
    }
    TRY(n->near = plug(n, "l1", it_host_node(n->in), 0, n->lan, 0));
    TRY(plug(n, "l2", it_host_node(n->in2), 0, n->lan, 1));
    TRY(plug(n, "l3", n->lan, 2, it_fw_node(n->fw), 0));
    TRY(plug(n, "l4", it_fw_node(n->fw), 1, it_nat_node(n->nat), 0));
    TRY(n->wire = plug(n, "l5", it_nat_node(n->nat), 1, n->core, 0));
    TRY(plug(n, "l6", n->core, 1, it_host_node(n->out), 0));
    TRY(it_lan_learn(n->lan, it_ip4(0x0a000002), 0));
    TRY(it_lan_learn(n->lan, it_ip4(0x0a000003), 1));
    TRY(it_lan_learn(n->lan, it_ip4(0x0a000001), 2));
    TRY(it_router_addr(n->core, 0, it_ip4(0xc63364fe)));
    TRY(it_router_addr(n->core, 1, it_ip4(0xcb007101)));
    TRY(it_router_route(n->core, (it_prefix){it_ip4(0xc6336400), 120}, 0, NONE));
    TRY(it_router_route(n->core, (it_prefix){it_ip4(0xcb007100), 120}, 1, NONE));
    TRY(n->sock_in = it_host_udp(n->in, it_addr_of(NONE, 4000), -1));
    TRY(n->sock_out = it_host_udp(n->out, it_addr_of(NONE, 5000), -1));
    return 0;
}

/* Lets time run; the outside host answers every datagram. */
static int pass(net *n, it_time d)
{
    it_time until = it_world_now(n->w) + d;
    int r;
    while ((r = it_world_run(n->w, until)) == 1) {
        it_host *h = it_host_of(it_world_ready(n->w));
        it_host_event ev;
        ck_assert_ptr_nonnull(h);
        TRY(it_host_input(h, it_world_now(n->w)));
        while (it_host_event_next(h, &ev) == 1) {
            if (ev.kind != IT_HOST_DATAGRAM)
                continue;
            n->got_in += h == n->in;
            n->got_out += h == n->out;
            if (h == n->out) {
                r = it_host_send(h, it_world_now(n->w), n->sock_out, ev.remote, ev.data, 0);
                TRY(r == IT_ERR_NOROUTE ? 0 : r);
            }
        }
    }
    return r;
}

static int traffic(net *n)
{
    it_addr far = it_addr_of(it_ip4(0xcb007109), 5000), shut = it_addr_of(it_ip4(0xcb007109), 5001);
    it_time now = it_world_now(n->w);
    uint16_t label = it_world_label(n->w, "data");
    for (uint16_t i = 0; i < 20; i++)
        TRY(it_host_send(n->in, now, n->sock_in, it_addr_of(far.ip, (uint16_t)(5000 + i % 3)), it_bytes_str("hello"),
                         label));
    TRY(it_host_send(n->in, now, n->sock_in, shut, it_bytes_str("error please"), label));
    TRY(it_host_ping(n->in2, now, far.ip, 1, 64));
    TRY(it_host_ping(n->in2, now, far.ip, 2, 1));
    it_node_note(n->core, now, "a note");
    return pass(n, 200 * IT_MS);
}

/* Datagrams in fragments from one inside host to the other, the firewall lets none pass; one whose fragments do not all
 * come; a ping. */
static int large(net *n)
{
    static const uint8_t bytes[3000];
    it_addr near = it_addr_of(it_ip4(0x0a000002), 4000);
    uint16_t label = it_world_label(n->w, "large");
    int before = n->got_in, s = it_host_udp(n->in2, it_addr_of(NONE, 4000), -1);
    TRY(s);
    const it_host_meta cut = {.frag = true};
    for (size_t size = 1450; size < sizeof bytes; size += 500)
        TRY(it_host_send_as(n->in2, it_world_now(n->w), s, near, it_bytes_of(bytes, size), label, cut));
    TRY(it_host_ping_sized(n->in2, it_world_now(n->w), near.ip, 3, sizeof bytes));
    TRY(pass(n, 200 * IT_MS));
    ck_assert_int_eq(n->got_in, before + 4);
    TRY(it_link_pick(n->w, n->near, 1, 2, "large", 0));
    TRY(it_host_send_as(n->in2, it_world_now(n->w), s, near, it_bytes_of(bytes, sizeof bytes), label, cut));
    TRY(pass(n, 61 * IT_SEC));
    it_host_close(n->in2, s);
    return 0;
}

static int faults(net *n)
{
    it_ip ext[2] = {it_ip4(0xc6336403), it_ip4(0xc6336404)};
    it_time now = it_world_now(n->w);
    struct it_nat_map_request q = {
        .proto = IT_PROTO_UDP, .internal = it_addr_of(it_ip4(0x0a000002), 4000), .until = IT_NEVER};
    it_nat_profile np = *it_nat_profile_of(n->nat);
    it_link_cut(n->w, now, n->wire, true);
    TRY(traffic(n));
    TRY(it_link_restore(n->w, now, n->wire));
    TRY(it_link_pick(n->w, n->wire, 0, 2, "data", 5 * IT_MS));
    TRY(traffic(n));
    TRY(it_nat_renumber(n->nat, it_world_now(n->w), ext, 2, it_ip4(0xc63364fe)));
    int r = it_nat_map_add(n->nat, it_world_now(n->w), &q, NULL);
    TRY(r == IT_ERR_EXISTS ? 0 : r);
    TRY(traffic(n));
    np.udp.mapping = IT_NAT_APD;
    TRY(it_nat_set(n->nat, &np));
    TRY(traffic(n));
    it_nat_reboot(n->nat, it_world_now(n->w), 50 * IT_MS);
    it_fw_reboot(n->fw, it_world_now(n->w), 50 * IT_MS);
    TRY(traffic(n));
    TRY(traffic(n));
    return pass(n, 600 * IT_SEC);
}

static int life(it_alloc *a)
{
    net n = {0};
    int r = build(&n, a);
    if (r == 0)
        r = traffic(&n);
    if (r == 0)
        r = large(&n);
    if (r == 0)
        r = faults(&n);
    stairs_alloc *s = (stairs_alloc *)(void *)a;
    if (r == 0 && s->asked <= s->refuse) {
        ck_assert_int_gt(n.got_in, 20);
        ck_assert_int_gt(n.got_out, 20);
    }
    if (r == 0) {
        ck_assert_uint_eq(it_world_pool(n.w)->live, 0);
        ck_assert(it_capture_bytes(n.capture).n > 1000 || it_capture_oom(n.capture));
        ck_assert(it_trace_bytes(n.trace).n > 1000 || it_trace_oom(n.trace));
        if (it_capture_oom(n.capture) || it_trace_oom(n.trace))
            r = IT_ERR_NOMEM;
    }
    it_capture_free(n.capture);
    it_trace_free(n.trace);
    it_world_free(n.w);
    return r;
}

START_TEST(a_network_without_memory_says_so_and_leaves_nothing)
{
    ck_assert_uint_gt(stairs_climb(life, _i, 5000, 1), 100);
}
END_TEST

static uint32_t seen_first;

static void see(void *self, const it_seen_packet *p)
{
    (void)self;
    seen_first += p->kind == IT_SEEN_SEND;
}

/* Two worlds in one process, run in turns, give what each gives alone. */
static uint64_t print_of(net *n)
{
    return it_world_fingerprint(n->w);
}

START_TEST(two_worlds_never_see_each_other)
{
    it_alloc a[3];
    net n[3] = {{0}, {0}, {0}};
    for (int i = 0; i < 3; i++) {
        it_alloc_init(&a[i]);
        ck_assert_int_eq(build(&n[i], &a[i]), 0);
    }
    ck_assert_int_eq(it_world_observe(n[0].w, (it_observer){NULL, see}), 0);
    ck_assert_int_eq(traffic(&n[0]), 0);
    ck_assert_int_eq(faults(&n[0]), 0); /* alone */
    uint32_t alone = seen_first;
    for (int i = 1; i < 3; i++) /* in turns, the third one step behind */
        ck_assert_int_eq(traffic(&n[i]), 0);
    ck_assert_int_eq(faults(&n[2]), 0);
    ck_assert_int_eq(faults(&n[1]), 0);
    ck_assert(print_of(&n[0]) == print_of(&n[1]) && print_of(&n[0]) == print_of(&n[2]));
    ck_assert_uint_eq(seen_first, alone); /* nor did an observer of one see another */
    for (int i = 0; i < 3; i++) {
        it_bytes t = it_trace_bytes(n[i].trace), t0 = it_trace_bytes(n[0].trace);
        it_bytes c = it_capture_bytes(n[i].capture), c0 = it_capture_bytes(n[0].capture);
        ck_assert(it_bytes_eq(t, t0) && it_bytes_eq(c, c0));
    }
    for (int i = 0; i < 3; i++) {
        it_capture_free(n[i].capture);
        it_trace_free(n[i].trace);
        it_world_free(n[i].w);
        ck_assert_int_eq(a[i].live, 0);
    }
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("oom/world");
    TCase *t = tcase_create("stairs");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_network_without_memory_says_so_and_leaves_nothing, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("architecture section 2");
    tcase_add_test(t, two_worlds_never_see_each_other);
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
