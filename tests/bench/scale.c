/* Size: many hosts and flows in one world, and an hour in which nothing happens.
 *
 *     scale flows HOSTS SECONDS    HOSTS hosts (ten behind each NAT) have ten flows each to ten servers, a datagram and
 * its answer a second; prints packets, CPU seconds and peak memory scale idle                   an hour of virtual time
 * in a world of ten hosts whose NATs' sessions run out */
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FLOWS 10
#define SERVERS 10
#define BEHIND 10
#define PORT 9

typedef struct town {
    it_world *w;
    it_node *inet;
    it_host **hosts;
    int n_hosts, n_links;
    uint64_t sent, answered;
} town;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "scale: %s\n", what);
    exit(1);
}

static void wire(town *t, it_node *a, int pa, it_node *b, int pb, it_time delay)
{
    char name[32];
    it_link_dir_cfg d = {.delay = delay, .rate = 1000000000};
    it_link_cfg cfg = {name, {d, d}};
    snprintf(name, sizeof name, "link-%d", t->n_links++);
    need(it_link_new(t->w, &cfg, a, pa, b, pb) >= 0, "no link");
}

/* Plugs |port| of |n| into the internet and has |ip| routed there. */
static void attach(town *t, it_node *n, int port, it_ip ip)
{
    char name[32];
    snprintf(name, sizeof name, "to-%s", n->name);
    int at = it_node_add_port(t->inet, name);
    it_prefix whole = {ip, 128};
    need(at >= 0, "no port");
    wire(t, n, port, t->inet, at, 5 * IT_MS);
    need(it_router_route(t->inet, whole, at, (it_ip){0, 0}) == 0, "no route");
}

static it_host *host(town *t, const char *name, it_ip ip, uint8_t bits, it_ip gateway)
{
    it_host *h = it_host_new(t->w, name);
    need(h && it_host_iface(h, "eth") == 0 && it_host_addr(h, 0, ip, bits) == 0, "no host");
    it_host_gateway(h, 0, gateway);
    return h;
}

static it_ip server_ip(int i)
{
    return it_ip4(0xcb007101u + (uint32_t)i);
}

/* A NAT with a segment of BEHIND hosts. */
static void home(town *t, int i)
{
    char name[32];
    it_nat_profile p;
    it_nat_profile_init(&p);
    snprintf(name, sizeof name, "nat-%d", i);
    it_nat *nat = it_nat_new(t->w, name, &p);
    it_ip ext = it_ip4(0x2d000001u + (uint32_t)i), own = it_ip4(0x0a000001);
    need(nat && it_nat_inside(nat, own, 24) == 0 && it_nat_outside(nat, &ext, 1, it_ip4(0x2d0000fe)) == 0, "no NAT");
    attach(t, it_nat_node(nat), IT_NAT_WAN, ext);
    snprintf(name, sizeof name, "lan-%d", i);
    it_node *lan = it_lan_new(t->w, name);
    int up = lan ? it_node_add_port(lan, "up") : -1;
    need(up >= 0, "no segment");
    wire(t, lan, up, it_nat_node(nat), IT_NAT_LAN, 0);
    need(it_lan_learn(lan, own, up) == 0, "no segment");
    for (int k = 0; k < BEHIND; k++) {
        it_ip ip = it_ip4(0x0a000002u + (uint32_t)k);
        snprintf(name, sizeof name, "host-%d", t->n_hosts);
        it_host *h = host(t, name, ip, 120, own);
        snprintf(name, sizeof name, "p%d", k);
        int port = it_node_add_port(lan, name);
        need(port >= 0 && it_lan_learn(lan, ip, port) == 0, "no port");
        wire(t, it_host_node(h), 0, lan, port, IT_MS);
        for (int f = 0; f < FLOWS; f++)
            need(it_host_udp(h, it_addr_of((it_ip){0, 0}, (uint16_t)(5000 + f)), -1) == f, "no socket");
        t->hosts[t->n_hosts++] = h;
    }
}

static void build(town *t, it_alloc *alloc, int hosts)
{
    t->w = it_world_new(&(it_world_cfg){alloc, 1});
    need(t->w && (t->inet = it_router_new(t->w, "inet")), "no world");
    t->hosts = it_calloc(alloc, (size_t)hosts + SERVERS, sizeof *t->hosts);
    need(t->hosts != NULL, "no memory");
    for (int i = 0; i < SERVERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "server-%d", i);
        it_host *h = host(t, name, server_ip(i), 128, it_ip4(0xcb0071fe));
        attach(t, it_host_node(h), 0, server_ip(i));
        need(it_host_udp(h, it_addr_of((it_ip){0, 0}, PORT), -1) == 0, "no socket");
    }
    for (int i = 0; i < hosts / BEHIND; i++)
        home(t, i);
}

/* Servers answer, clients count. */
static void serve(town *t, it_host *h)
{
    it_host_event ev;
    it_time now = it_world_now(t->w);
    need(it_host_input(h, now) == 0, "no memory");
    for (;;) {
        while (it_host_event_next(h, &ev)) {
            if (ev.kind != IT_HOST_DATAGRAM)
                continue;
            if (ev.local.port != PORT)
                t->answered++;
            else
                need(it_host_send(h, now, ev.socket, ev.remote, ev.data, 0) == 0, "an answer was not sent");
        }
        need(it_host_input(h, now) == 0, "no memory");
        if (it_world_ready(t->w) != it_host_node(h))
            return;
    }
}

static void run_until(town *t, it_time at)
{
    int rc;
    while ((rc = it_world_run(t->w, at)) == 1)
        serve(t, it_host_of(it_world_ready(t->w)));
    need(rc == 0, "the world stopped");
}

/* A datagram of every flow, spread over a second. */
static void second(town *t, it_time start)
{
    static const uint8_t TEXT[100];
    int n = t->n_hosts * FLOWS;
    for (int i = 0; i < n; i++) {
        it_time at = start + IT_SEC / n * i;
        int f = i % FLOWS;
        run_until(t, at);
        need(it_host_send(t->hosts[i / FLOWS], at, f, it_addr_of(server_ip(f), PORT), it_bytes_of(TEXT, sizeof TEXT),
                          0) == 0,
             "a datagram was not sent");
        t->sent++;
    }
}

static double cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static uint64_t hops(const town *t)
{
    uint64_t sum = 0;
    for (int link = 0; link < t->n_links; link++)
        sum += it_link_stat(t->w, link, 0).packets + it_link_stat(t->w, link, 1).packets;
    return sum;
}

static void flows(town *t, int seconds)
{
    double at = cpu_seconds();
    for (int s = 0; s < seconds; s++)
        second(t, s * IT_SEC);
    run_until(t, (seconds + 1) * IT_SEC);
    double cpu = cpu_seconds() - at;
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    need(t->answered == t->sent, "not every datagram was answered");
    printf("hosts=%d flows=%d seconds=%d hops=%" PRIu64 " cpu=%.6f ns_per_hop=%.1f maxrss_kB=%ld\n", t->n_hosts,
           t->n_hosts * FLOWS, seconds, hops(t), cpu, cpu * 1e9 / (double)hops(t), r.ru_maxrss);
}

static void idle(town *t)
{
    second(t, 0);
    run_until(t, 2 * IT_SEC);
    double at = cpu_seconds();
    run_until(t, 2 * IT_SEC + 3600 * IT_SEC);
    printf("idle_ms=%.3f\n", (cpu_seconds() - at) * 1e3);
}

int main(int argc, char **argv)
{
    town t = {0};
    it_alloc alloc;
    it_alloc_init(&alloc);
    bool is_idle = argc == 2 && strcmp(argv[1], "idle") == 0;
    need(is_idle || argc == 4, "usage: scale flows HOSTS SECONDS | idle");
    build(&t, &alloc, is_idle ? 10 : atoi(argv[2]));
    if (is_idle)
        idle(&t);
    else
        flows(&t, atoi(argv[3]));
    it_free(&alloc, t.hosts);
    it_world_free(t.w);
    return 0;
}
