/* The driver of a discovery: two objects, two hosts, and sockets opened when the client first names them. */
#include "lab/judge/discover.h"

#include "lab/loop/loop.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "stack/stun/server.h"

#define CLIENT 0x0a000002u
#define INSIDE 0x0a000001u
#define OUTSIDE 0xcb007101u /* 203.0.113.1 */
#define SERVER 0xc6336401u  /* 198.51.100.1 */
#define PORT 3478
#define FIRST_PORT 40000
#define DELAY (10 * IT_MS)
#define ROUNDS 10000000

typedef struct bench {
    const it_lab_discover_cfg *cfg;
    it_world *w;
    it_loop *live;            /* NULL: virtual time */
    it_node *ends[2];         /* what stands at either side of the NAT: client, server */
    it_host *client, *server; /* NULL: a real one is there */
    it_stun_discover *d;
    it_stun_server *s;
    int sockets[IT_STUN_DISCOVER_PORTS]; /* of the client, number + 1 */
    int ears[4];                         /* of the server */
    it_addr ear[4];
} bench;

static int plug(it_world *w, const char *name, it_node *a, int pa, it_node *b, int pb)
{
    it_link_cfg cfg = {.name = name, .dir = {{.delay = DELAY}, {.delay = DELAY}}};
    int i = it_link_new(w, &cfg, a, pa, b, pb);
    return i < 0 ? i : 0;
}

static int build_nat(bench *b, const it_nat_profile *p)
{
    it_ip addrs[IT_NAT_ADDRS_MAX];
    if (!p)
        return plug(b->w, "net", b->ends[0], 0, b->ends[1], 0);
    if (it_nat_profile_fault(p))
        return IT_ERR_RANGE;
    it_nat *nat = it_nat_new(b->w, "nat", p);
    if (!nat)
        return IT_ERR_NOMEM;
    for (uint32_t i = 0; i < p->pool.size; i++)
        addrs[i] = it_ip4(OUTSIDE + i);
    int err = it_nat_inside(nat, it_ip4(INSIDE), 24);
    if (!err)
        err = it_nat_outside(nat, addrs, p->pool.size, (it_ip){0, 0});
    if (!err)
        err = plug(b->w, "lan", b->ends[0], 0, it_nat_node(nat), IT_NAT_LAN);
    if (!err)
        err = plug(b->w, "wan", it_nat_node(nat), IT_NAT_WAN, b->ends[1], 0);
    return err;
}

static int build_client(bench *b)
{
    b->client = it_host_new(b->w, "client");
    if (!b->client || it_host_iface(b->client, "eth") < 0)
        return IT_ERR_NOMEM;
    b->ends[0] = it_host_node(b->client);
    it_host_gateway(b->client, 0, it_ip4(b->cfg->nat ? INSIDE : SERVER));
    return it_host_addr(b->client, 0, it_ip4(CLIENT), 24);
}

static int build_server(bench *b)
{
    b->server = it_host_new(b->w, "server");
    if (!b->server || it_host_iface(b->server, "eth") < 0)
        return IT_ERR_NOMEM;
    b->ends[1] = it_host_node(b->server);
    int err = 0;
    for (uint32_t i = 0; i < 2 && !err; i++)
        err = it_host_addr(b->server, 0, it_ip4(SERVER + i), 0);
    return err;
}

/* The end that is real: an edge, plugged into the device. */
static int build_real(bench *b)
{
    enum it_lab_discover_real real = b->cfg->real;
    if (real == IT_LAB_REAL_NONE)
        return 0;
    it_node *edge = it_edge_new(b->w, "real", "tun");
    b->live = edge ? it_loop_new(&(it_loop_cfg){.alloc = b->cfg->alloc, .clock = IT_CLOCK_WALL, .world = b->w}) : NULL;
    if (!b->live)
        return IT_ERR_NOMEM;
    b->ends[real == IT_LAB_REAL_SERVER] = edge;
    return it_loop_plug(b->live, edge, b->cfg->device);
}

static int build_hosts(bench *b)
{
    int err = b->cfg->real == IT_LAB_REAL_CLIENT ? 0 : build_client(b);
    if (!err && b->cfg->real != IT_LAB_REAL_SERVER)
        err = build_server(b);
    return err ? err : build_real(b);
}

/* The server's four ears, the first the primary one. */
static int build_ears(bench *b)
{
    for (int i = 0; i < 4; i++) {
        b->ear[i] = it_addr_of(it_ip4(SERVER + (uint32_t)(i >> 1)), (uint16_t)(PORT + (i & 1)));
        if (!b->server)
            continue;
        b->ears[i] = it_host_udp(b->server, b->ear[i], 0);
        if (b->ears[i] < 0)
            return b->ears[i];
    }
    return 0;
}

static int build_objects(bench *b)
{
    const it_lab_discover_cfg *cfg = b->cfg;
    it_stun_server_cfg s = {
        .alloc = cfg->alloc, .discovery = true, .classic = true, .primary = b->ear[0], .alternate = b->ear[3]};
    it_stun_discover_cfg d = {.alloc = cfg->alloc,
                              .server = b->ear[0],
                              .local = it_ip4(CLIENT),
                              .first_port = FIRST_PORT,
                              .lifetimes = cfg->lifetimes,
                              .limit = cfg->limit};
    it_rng_init(&s.rng, cfg->seed, "server/stun");
    it_rng_init(&d.rng, cfg->seed, "client/discover");
    b->s = b->server ? it_stun_server_new(&s) : NULL;
    b->d = b->client ? it_stun_discover_new(&d) : NULL;
    return (b->s || !b->server) && (b->d || !b->client) ? 0 : IT_ERR_NOMEM;
}

/* --- running --- */

static int client_socket(bench *b, it_addr local)
{
    int *s = &b->sockets[local.port - FIRST_PORT];
    if (*s == 0) {
        int n = it_host_udp(b->client, local, 0);
        if (n < 0)
            return n;
        *s = n + 1;
    }
    return *s - 1;
}

/* As requests with PADDING and their answers need it. */
static const it_host_meta MAY_CUT = {.frag = true};

/* Too big for the way is as good as lost. */
static int sent(int err)
{
    return err == IT_ERR_TOOBIG || err == IT_ERR_NOROUTE ? 0 : err;
}

static int client_output(bench *b, it_time now)
{
    uint8_t buf[IT_STUN_DISCOVER_OUT];
    it_io out;
    if (!b->d)
        return 0;
    if (it_stun_discover_next(b->d) <= now)
        (void)it_stun_discover_tick(b->d, now);
    while (it_stun_discover_output(b->d, now, &out, buf, sizeof buf) == 1) {
        int s = client_socket(b, out.local);
        int err = s < 0 ? s : sent(it_host_send_as(b->client, now, s, out.remote, out.data, 0, MAY_CUT));
        if (err < 0)
            return err;
    }
    return 0;
}

static int server_output(bench *b, it_time now)
{
    uint8_t buf[IT_STUN_SERVER_OUT];
    it_io out;
    while (it_stun_server_output(b->s, now, &out, buf, sizeof buf) == 1) {
        int i = 0;
        while (i < 3 && !it_addr_eq(b->ear[i], out.local))
            i++;
        int err = sent(it_host_send_as(b->server, now, b->ears[i], out.remote, out.data, 0, MAY_CUT));
        if (err < 0)
            return err;
    }
    return 0;
}

/* Takes what has come to a host: for the client or the server. */
static int host_input(bench *b, it_host *h, it_time now)
{
    it_host_event ev;
    int err = it_host_input(h, now);
    while (err >= 0 && it_host_event_next(h, &ev) == 1) {
        if (ev.kind != IT_HOST_DATAGRAM)
            continue;
        it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = ev.local, .remote = ev.remote, .data = ev.data};
        if (h == b->client)
            (void)it_stun_discover_input(b->d, now, &in);
        else
            err = it_stun_server_input(b->s, now, &in);
        err = err < 0 ? err : h == b->client ? client_output(b, now) : server_output(b, now);
    }
    return err < 0 ? err : 0;
}

/* Lets time pass until |until|. Returns 1 when a host has something to take, 2 when the real client has ended, 0, or an
 * error. */
static int pass(bench *b, it_time until)
{
    struct pollfd ended = {b->cfg->until, 0, 0}; /* POLLHUP comes unasked */
    if (!b->live)
        return it_world_run(b->w, until);
    return it_loop_wait(b->live, until, &ended, b->d ? 0 : 1);
}

/* True when nothing is left to do after a step that returned |err|: the real client has ended, or ours is done. */
static bool is_over(const bench *b, int err)
{
    return err == 2 || (b->d && it_stun_discover_done(b->d));
}

static int take_inputs(bench *b, it_time now)
{
    for (it_node *n; (n = it_world_ready(b->w)) != NULL;)
        if (host_input(b, it_host_of(n), now) < 0)
            return IT_ERR_NOMEM;
    return 1;
}

/* Lets time pass until something happens, and lets the client and the server act on it. Returns as pass. */
static int run_round(bench *b)
{
    it_time now = it_world_now(b->w), next = now + IT_SEC;
    if (b->d)
        next = it_stun_discover_next(b->d);
    int err = pass(b, next > now ? next : now);
    now = it_world_now(b->w);
    if (err == 1)
        err = take_inputs(b, now);
    if (err < 0 || err == 2)
        return err;
    return client_output(b, now);
}

static int run_bench(bench *b)
{
    int err = client_output(b, 0);
    for (uint32_t i = 0; i < ROUNDS && err >= 0 && !is_over(b, err); i++)
        err = run_round(b);
    if (err < 0)
        return err;
    return is_over(b, err) ? 0 : IT_ERR_LOOP;
}

int it_lab_discover(const it_lab_discover_cfg *cfg, it_stun_behavior *out)
{
    bench *b = it_calloc(cfg->alloc, 1, sizeof *b);
    if (!b)
        return IT_ERR_NOMEM;
    b->cfg = cfg;
    b->w = it_world_new(&(it_world_cfg){cfg->alloc, cfg->seed});
    int err = b->w ? build_hosts(b) : IT_ERR_NOMEM;
    if (!err)
        err = build_nat(b, cfg->nat);
    if (!err)
        err = build_ears(b);
    if (!err)
        err = build_objects(b);
    if (!err)
        err = run_bench(b);
    if (!err && b->d)
        *out = *it_stun_discover_result(b->d);
    it_stun_discover_free(b->d);
    it_stun_server_free(b->s);
    it_loop_free(b->live);
    it_world_free(b->w);
    it_free(cfg->alloc, b);
    return err;
}
