/* Forwarding: what a packet hop costs. host a - NAT - router - NAT - host b, four links of 1 Gbit/s and 1 ms, 100 bytes
 * of UDP payload, a datagram each way every 10 us, address and port translation on both sides, every checksum made,
 * kept and verified. A hop is a packet at the end of a link.
 *
 *     forward N [capture-in|capture-all FILE]
 *
 * sends N datagrams each way and prints one line: name=value pairs for the script that compares. Capturing writes the
 * file in pieces as they come: every packet where it arrives (capture-in) or at both ends of every link (capture-all).
 */
#include "base/cksum.h"
#include "netsim/see/capture.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PAYLOAD 100
#define GAP (10 * IT_US)
#define HANDSHAKE (20 * IT_MS) /* between the first two datagrams of a side: both NATs are open then */
#define DRAIN 65536

typedef struct tank {
    it_world *w;
    it_node *edge[2];
    it_addr local[2], far[2]; /* own address; the other side as its NAT shows it */
    uint64_t rx[2], bad, captured;
    it_capture *capture;
    FILE *file;
} tank;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "forward: %s\n", what);
    exit(1);
}

static it_ip ip4(uint32_t a)
{
    return it_ip4(a);
}

static void wire(tank *t, const char *name, it_node *a, int pa, it_node *b, int pb)
{
    it_link_dir_cfg d = {.delay = IT_MS, .rate = 1000000000, .queue = 16 << 20};
    it_link_cfg cfg = {name, {d, d}};
    need(it_link_new(t->w, &cfg, a, pa, b, pb) >= 0, "no link");
}

static it_node *box(tank *t, const char *name, uint32_t inside, uint32_t outside)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    it_nat *nat = it_nat_new(t->w, name, &p);
    it_ip ext = ip4(outside);
    need(nat && it_nat_inside(nat, ip4(inside), 24) == 0 && it_nat_outside(nat, &ext, 1, ip4(0xc0000201)) == 0,
         "no NAT");
    return it_nat_node(nat);
}

static void build(tank *t)
{
    it_prefix north = {ip4(0x01020304), 128}, south = {ip4(0x05060708), 128};
    t->edge[0] = it_edge_new(t->w, "a", "eth");
    t->edge[1] = it_edge_new(t->w, "b", "eth");
    it_node *r1 = box(t, "r1", 0x0a000101, 0x01020304), *r2 = box(t, "r2", 0x0a000201, 0x05060708);
    it_node *inet = it_router_new(t->w, "inet");
    need(t->edge[0] && t->edge[1] && inet, "no node");
    int p1 = it_node_add_port(inet, "r1"), p2 = it_node_add_port(inet, "r2");
    wire(t, "a-r1", t->edge[0], 0, r1, IT_NAT_LAN);
    wire(t, "r1-inet", r1, IT_NAT_WAN, inet, p1);
    wire(t, "inet-r2", r2, IT_NAT_WAN, inet, p2);
    wire(t, "r2-b", t->edge[1], 0, r2, IT_NAT_LAN);
    it_ip none = {0, 0};
    need(it_router_route(inet, north, p1, none) == 0 && it_router_route(inet, south, p2, none) == 0, "no route");
    t->local[0] = it_addr_of(ip4(0x0a000102), 5000);
    t->local[1] = it_addr_of(ip4(0x0a000202), 5000);
    t->far[0] = it_addr_of(south.ip, 5000);
    t->far[1] = it_addr_of(north.ip, 5000);
}

static void drain(tank *t, bool all)
{
    if (!t->capture || (!all && it_capture_size(t->capture) < DRAIN))
        return;
    it_bytes d = it_capture_take(t->capture);
    need(fwrite(d.p, 1, d.n, t->file) == d.n, "cannot write the capture");
}

/* Verifies and frees what reached the edges. */
static void receive(tank *t)
{
    it_node *n;
    while ((n = it_world_ready(t->w))) {
        it_pkt *p = it_edge_take(n);
        if (!p)
            continue;
        t->rx[n == t->edge[1]]++;
        t->bad += !it_pkt_cksum_ok(p) || it_sum_fold(it_sum_five(it_pkt_ip(p))) != 0;
        it_pkt_free(it_world_pool(t->w), p);
    }
}

static void run_until(tank *t, it_time at)
{
    int rc;
    while ((rc = it_world_run(t->w, at)) == 1)
        receive(t);
    need(rc == 0, "the world stopped");
    drain(t, false);
}

static void send(tank *t, int side, it_time at, it_bytes payload)
{
    it_pkt *p = it_node_packet(t->edge[side]);
    need(p && it_pkt_udp(p, t->local[side], t->far[side], payload) == 0, "no packet");
    it_node_send(t->edge[side], at, 0, p);
}

static void traffic(tank *t, uint64_t n)
{
    uint8_t bytes[PAYLOAD];
    it_time at[2] = {0, GAP / 2};
    uint64_t left[2] = {n + 2, n + 2};
    memset(bytes, 0x5a, sizeof bytes);
    while (left[0] || left[1]) {
        int side = left[1] && (!left[0] || at[1] < at[0]);
        run_until(t, at[side]);
        send(t, side, at[side], it_bytes_of(bytes, sizeof bytes));
        at[side] += --left[side] >= n ? HANDSHAKE : GAP;
    }
    run_until(t, IT_NEVER);
    drain(t, true);
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static uint64_t hops(const tank *t)
{
    uint64_t sum = 0;
    for (int link = 0; link < 4; link++)
        for (int dir = 0; dir < 2; dir++)
            sum += it_link_stat(t->w, link, dir).packets;
    return sum;
}

static void open_capture(tank *t, it_alloc *alloc, const char *mode, const char *path)
{
    need(strcmp(mode, "capture-in") == 0 || strcmp(mode, "capture-all") == 0, "capture-in or capture-all");
    t->file = fopen(path, "wb");
    t->capture = it_capture_new(alloc, "forwarding benchmark");
    need(t->file && t->capture, "cannot open the capture");
    setvbuf(t->file, NULL, _IONBF, 0);
    it_capture_only_in(t->capture, strcmp(mode, "capture-in") == 0);
    need(it_world_observe(t->w, it_capture_observer(t->capture)) == 0, "cannot observe");
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    tank t = {0};
    it_alloc alloc;
    it_alloc_init(&alloc);
    t.w = it_world_new(&(it_world_cfg){&alloc, 1});
    need(t.w != NULL, "no world");
    build(&t);
    if (argc > 3)
        open_capture(&t, &alloc, argv[2], argv[3]);
    traffic(&t, n);
    double cpu = cpu_seconds();
    uint64_t h = hops(&t);
    need(t.bad == 0 && t.rx[0] + t.rx[1] >= 2 * n, "datagrams were lost or broken");
    printf("hops=%" PRIu64 " cpu=%.6f ns_per_hop=%.2f captured=%" PRIu64 " rx=%" PRIu64 " fingerprint=%016" PRIx64 "\n",
           h, cpu, cpu * 1e9 / (double)h, t.capture ? it_capture_blocks(t.capture) : 0, t.rx[0] + t.rx[1],
           it_world_fingerprint(t.w));
    if (t.file)
        fclose(t.file);
    it_capture_free(t.capture);
    it_world_free(t.w);
    return 0;
}
