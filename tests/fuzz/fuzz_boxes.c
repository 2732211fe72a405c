/* Packets into every kind of box: NATs of several personalities, firewalls, a router, a LAN segment, a host, in one
 * small world.
 *
 *     edge a --- LAN --- box --- router --- edge c
 *     edge b ----'                  `------ host
 *
 * The first bytes choose the box, then come steps: a packet built from a few addresses and ports or taken raw, from any
 * edge; time; faults. What holds: every packet is given back, the NAT's counts agree with its tables, what leaves has
 * the right checksums if what came in had, answers of boxes have them always. */
#include "netsim/fw/firewall.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"
#include "tests/fuzz/fuzz.h"

enum { EDGE_A, EDGE_B, EDGE_C, N_EDGES };

typedef struct rig {
    it_alloc mem;
    it_world *w;
    it_node *edge[N_EDGES];
    it_node *box, *router, *lan;
    it_nat *nat;
    it_fw *fw;
    it_host *host;
    int links[6], n_links, socket;
    bool dirty; /* a packet with a wrong checksum went in */
} rig;

static const uint32_t V4[] = {0x0a000002, 0x0a000003, 0x0a000001, 0xc6336401, 0xc6336402, 0xcb007109,
                              0xcb007132, 0xcb007101, 0xffffffff, 0x7f000001, 0x0a0000ff, 0xc0000201,
                              0xe0000001, 0,          0x0a010101, 0xc6336403};

static it_ip pick4(fuzz *f)
{
    unsigned k = fuzz_u8(f);
    return k < 0xf0 ? it_ip4(V4[k & 15]) : it_ip4(fuzz_u32(f));
}

static uint16_t pick_port(fuzz *f)
{
    static const uint16_t PORTS[] = {0, 1, 53, 1024, 4000, 4001, 5000, 49152, 65535, 1025, 1026, 3478};
    unsigned k = fuzz_u8(f);
    return k < 0xc0 ? PORTS[k % (sizeof PORTS / sizeof *PORTS)] : fuzz_u16(f);
}

/* --- the world --- */

static void plug(rig *r, it_node *a, int pa, it_node *b, int pb, it_time delay)
{
    char name[16];
    snprintf(name, sizeof name, "l%d", r->n_links);
    it_link_cfg cfg = {.name = name, .dir = {{.delay = delay}, {.delay = delay}}};
    int n = it_link_new(r->w, &cfg, a, pa, b, pb);
    MUST(n >= 0);
    r->links[r->n_links++] = n;
}

/* A personality from a few bytes: every field that decides something. */
static void personality(fuzz *f, it_nat_profile *p)
{
    it_nat_profile_init(p);
    unsigned a = fuzz_u8(f), b = fuzz_u8(f), c = fuzz_u8(f), d = fuzz_u8(f);
    p->udp.mapping = (uint8_t)(a % 3);
    p->udp.filtering = (uint8_t)(a / 3 % 3);
    p->alg = a / 9 & 1 ? IT_NAT_ALG_GENERIC : 0;
    p->fragments = (uint8_t)(a / 18 % 4);
    p->verify = p->other.pass = p->icmp.sessions = a / 18 % 4 == IT_NAT_FRAGMENTS_REASSEMBLE;
    p->tcp.strict = p->tcp.loose = p->reserved = p->udp.refresh.dropped = p->verify;
    p->udp.alloc.mode = (uint8_t)(b & 3);
    p->udp.alloc.on_clash = (uint8_t)(b >> 2 & 3);
    p->udp.alloc.parity = b & 16;
    p->udp.alloc.contiguity = b & 32;
    p->udp.alloc.range = b & 64 ? (it_nat_range){1024, 1027} : (it_nat_range){1024, 65535};
    p->udp.alloc.step = b & 128 ? -1 : 1;
    p->udp.overload = c & 1;
    p->udp.clash_edm = c & 2;
    p->udp.inbound_session = c & 4;
    p->udp.refresh.inb = c & 8;
    p->udp.unsolicited = (uint8_t)((c >> 4 & 3) % 3);
    p->hairpin = (uint8_t)((c >> 6 & 3) % 3);
    p->icmp.kills = d & 1;
    p->icmp.errors = d & 2;
    p->pool.size = d & 4 ? 2 : 1;
    p->pool.mode = (uint8_t)((d >> 3 & 3) % 3);
    if (d & 32)
        p->limits.ports_per_host = 2, p->limits.sessions_per_host = 3;
    if (d & 64)
        p->limits.new_per_s = 2, p->limits.sessions_per_dest = 2;
    if (d & 128)
        p->block.size = 64, p->block.max = 1, p->block.lifetime = IT_SEC;
}

static void make_box(rig *r, fuzz *f)
{
    static const it_ip NONE = {0, 0};
    unsigned kind = fuzz_u8(f);
    it_ip out[2] = {it_ip4(0xc6336401), it_ip4(0xc6336402)};
    if (kind & 1) {
        it_fw_profile p;
        it_fw_profile_init(&p);
        p.udp.block = (kind & 6) == 6;
        p.udp.stateful = kind & 8;
        p.udp.filtering = (uint8_t)((kind >> 4) % 3);
        p.udp.rate_pps = kind & 2 ? 3 : 0;
        p.udp.burst = kind & 2 ? 2 : 0;
        p.udp.max_flow_age = kind & 64 ? 5 * IT_SEC : 0;
        if (kind & 128)
            p.udp_out = (it_fw_ports){.port = {53, 4000}, .n = 2, .set = true};
        p.tcp.stateful = kind & 8;
        p.tcp.filtering = (uint8_t)((kind >> 4) % 3);
        p.tcp.syn_in = kind >> 5 & 3;
        p.tcp.loose = kind & 2;
        p.tcp.idle = kind & 64 ? 3 * IT_SEC : 0;
        p.tcp.kill = kind & 64 ? (uint8_t)((kind >> 1) % 3) : 0;
        p.conntrack = (kind & 10) == 10 && !(kind & 64);
        p.udp.stream = kind & 16 ? 7 * IT_SEC : 0;
        if (kind & 4)
            p.tcp.rst_ports = (it_fw_ports){.n = 0, .any = true, .set = true}, p.tcp.rst_after = 20;
        if (kind & 16)
            p.police[1] = (it_fw_rate){.pps = 50, .burst = 5, .bps = 100000, .bucket = 4000};
        r->fw = it_fw_new(r->w, "box", &p);
        r->box = r->fw ? it_fw_node(r->fw) : NULL;
    } else {
        it_nat_profile p;
        personality(f, &p);
        r->nat = it_nat_new(r->w, "box", &p);
        MUST(r->nat || it_nat_profile_fault(&p));
        if (!r->nat) {
            it_nat_profile_init(&p);
            r->nat = it_nat_new(r->w, "box", &p);
        }
        MUST(r->nat && it_nat_inside(r->nat, it_ip4(0x0a000001), 24) == 0 && it_nat_outside(r->nat, out, 2, NONE) == 0);
        r->box = it_nat_node(r->nat);
    }
    if (!r->box) { /* a policy with a fault */
        it_fw_profile p;
        it_fw_profile_init(&p);
        r->fw = it_fw_new(r->w, "box", &p);
        MUST(r->fw);
        r->box = it_fw_node(r->fw);
    }
}

static void build(rig *r, fuzz *f)
{
    static const it_ip NONE = {0, 0};
    static const char *const NAMES[N_EDGES] = {"a", "b", "c"};
    r->w = it_world_new(&(it_world_cfg){&r->mem, 1});
    MUST(r->w);
    for (int i = 0; i < N_EDGES; i++)
        MUST((r->edge[i] = it_edge_new(r->w, NAMES[i], "eth")));
    r->lan = it_lan_new(r->w, "lan");
    r->router = it_router_new(r->w, "core");
    r->host = it_host_new(r->w, "host");
    MUST(r->lan && r->router && r->host);
    make_box(r, f);
    for (int i = 0; i < 3; i++)
        MUST(it_node_add_port(r->lan, i == 0   ? "p0"
                                      : i == 1 ? "p1"
                                               : "p2") == i &&
             it_node_add_port(r->router, i == 0   ? "r0"
                                         : i == 1 ? "r1"
                                                  : "r2") == i);
    MUST(it_host_iface(r->host, "eth") == 0 && it_host_addr(r->host, 0, it_ip4(0xcb007132), 120) == 0);
    MUST(it_host_addr(r->host, 0, (it_ip){0x20010db800000000ULL, 0x32}, 64) == 0);
    it_host_gateway(r->host, 0, it_ip4(0xcb007101));
    plug(r, r->edge[EDGE_A], 0, r->lan, 0, IT_MS);
    plug(r, r->edge[EDGE_B], 0, r->lan, 1, IT_MS);
    plug(r, r->lan, 2, r->box, 0, 0);
    plug(r, r->box, 1, r->router, 0, 2 * IT_MS);
    plug(r, r->router, 1, r->edge[EDGE_C], 0, 5 * IT_MS);
    plug(r, r->router, 2, it_host_node(r->host), 0, 5 * IT_MS);
    MUST(it_lan_learn(r->lan, it_ip4(0x0a000002), 0) == 0 && it_lan_learn(r->lan, it_ip4(0x0a000003), 1) == 0 &&
         it_lan_learn(r->lan, it_ip4(0x0a000001), 2) == 0);
    for (size_t i = 3; i < sizeof V4 / sizeof *V4;
         i++) /* raw edges name no gateway: what lies outside is behind the box */
        MUST(it_lan_learn(r->lan, it_ip4(V4[i]), 2) == 0);
    MUST(it_router_addr(r->router, 0, it_ip4(0xc63364fe)) == 0 &&
         it_router_addr(r->router, 2, it_ip4(0xcb007101)) == 0);
    MUST(it_router_route(r->router, (it_prefix){it_ip4(0xc6336400), 120}, 0, NONE) == 0);
    MUST(it_router_route(r->router, (it_prefix){it_ip4(0x0a000000), 104}, 0, NONE) == 0);
    MUST(it_router_route(r->router, (it_prefix){it_ip4(0xcb007132), 128}, 2, NONE) == 0);
    MUST(it_router_route(r->router, (it_prefix){{0x20010db800000000ULL, 0}, 64}, 2, NONE) == 0);
    MUST(it_router_route(r->router, (it_prefix){it_ip4(0xcb007100), 120}, 1, NONE) == 0);
    r->socket = it_host_udp(r->host, it_addr_of(NONE, 5000), -1);
    MUST(r->socket >= 0);
}

/* --- steps --- */

static bool sound(const it_pkt *p)
{
    return p->frag || it_pkt_cksum_ok(p);
}

/* Sends |p|'s bytes from an edge; notes whether its checksum was wrong. */
static void send_from(rig *r, unsigned edge, const it_pkt *p)
{
    r->dirty |= !sound(p);
    int n = it_edge_send(r->edge[edge % N_EDGES], it_world_now(r->w), it_pkt_bytes(p), 0);
    MUST(n == 0 || n == IT_ERR_PARSE);
}

static void built(rig *r, fuzz *f)
{
    it_pkt_pool *pool = it_world_pool(r->w);
    it_pkt *p = it_pkt_new(pool), *e = NULL;
    MUST(p);
    unsigned kind = fuzz_u8(f), edge = fuzz_u8(f);
    it_ip src = pick4(f), dst = pick4(f);
    uint16_t sport = pick_port(f), dport = pick_port(f);
    int n;
    if (kind & 1) {
        it_pkt_icmp_msg m = {.src = src,
                             .dst = dst,
                             .type = (uint8_t)(kind & 2 ? 8 : fuzz_u8(f)),
                             .hops = (uint8_t)(kind & 4 ? 1 : 64),
                             .rest = (uint32_t)sport << 16 | dport,
                             .body = fuzz_bytes(f)};
        n = it_pkt_icmp(p, &m);
    } else {
        n = it_pkt_udp(p, it_addr_of(src, sport), it_addr_of(dst, dport), fuzz_bytes(f));
    }
    if (n == 0 && kind & 8) { /* an ICMP error about it, with its own sender */
        e = it_pkt_new(pool);
        MUST(e);
        n = it_pkt_icmp_error(e, pick4(f), p, 3, (uint8_t)(kind >> 4 & 7), 0);
    }
    if (n == 0)
        send_from(r, edge, e ? e : p);
    if (e)
        it_pkt_free(pool, e);
    it_pkt_free(pool, p);
}

static void raw(rig *r, fuzz *f)
{
    unsigned edge = fuzz_u8(f);
    it_bytes b = fuzz_bytes(f);
    it_pkt_pool *pool = it_world_pool(r->w);
    it_pkt *p = it_pkt_new(pool);
    MUST(p);
    if (it_pkt_parse(p, b) == 0)
        send_from(r, edge, p);
    it_pkt_free(pool, p);
}

static void fault(rig *r, fuzz *f)
{
    unsigned k = fuzz_u8(f);
    it_time now = it_world_now(r->w);
    int link = r->links[k % 6];
    it_ip out[2] = {it_ip4(0xc6336402), it_ip4(0xc6336403)};
    struct it_nat_map_request q = {.proto = IT_PROTO_UDP,
                                   .internal = it_addr_of(it_ip4(0x0a000002), 4000),
                                   .ext = it_addr_of(it_ip4(0), 0),
                                   .until = now + 3 * IT_SEC};
    switch (k >> 3 & 7) {
    case 0:
        it_link_cut(r->w, now, link, k & 64);
        break;
    case 1:
        it_link_blackhole(r->w, now, link, (int)((k >> 6) % 3) - 1);
        break;
    case 2:
        (void)it_link_restore(r->w, now, link);
        break;
    case 3:
        if (r->nat)
            it_nat_reboot(r->nat, now, (it_time)(k >> 6) * IT_SEC);
        else
            it_fw_reboot(r->fw, now, (it_time)(k >> 6) * IT_SEC);
        break;
    case 4:
        if (r->nat)
            MUST(it_nat_renumber(r->nat, now, out, 2, (it_ip){0, 0}) == 0);
        break;
    case 5:
        if (r->nat)
            it_nat_flush(r->nat, now);
        else
            it_fw_flush(r->fw, now);
        break;
    case 6:
        q.ext = k & 64 ? it_addr_of(it_ip4(0xc6336401), pick_port(f)) : it_addr_of((it_ip){0, 0}, 0);
        if (r->nat && it_nat_map_add(r->nat, now, &q, NULL) < 0)
            break;
        break;
    default:
        it_host_power(r->host, now, k & 1, k & 2);
    }
}

/* Lets |d| pass; takes what arrives; the host answers datagrams. */
static void pass(rig *r, it_time d)
{
    it_time until = it_world_now(r->w) + d;
    int n;
    while ((n = it_world_run(r->w, until)) == 1) {
        it_node *e = it_world_ready(r->w);
        it_host_event ev;
        MUST(e);
        if (it_host_of(e)) {
            MUST(it_host_input(r->host, it_world_now(r->w)) == 0);
            while (it_host_event_next(r->host, &ev) == 1)
                if (ev.kind == IT_HOST_DATAGRAM)
                    (void)(it_host_send(r->host, it_world_now(r->w), r->socket, ev.remote, ev.data, 0) == 0);
            continue;
        }
        it_pkt *p = it_edge_take(e);
        if (!p)
            continue;
        MUST(r->dirty || sound(p));
        it_pkt_free(it_world_pool(r->w), p);
    }
    MUST(n == 0);
}

/* The counts of the NAT and its tables are two views of the same thing. */
static void tables(const it_nat *nat, it_time now)
{
    const it_nat_stats *s = it_nat_stat(nat);
    it_nat_entry e;
    uint32_t maps = 0, sessions = 0, of_maps = 0;
    for (uint32_t pos = 0; it_nat_next_mapping(nat, &pos, &e); maps++)
        of_maps += e.sessions;
    for (uint32_t pos = 0; it_nat_next_session(nat, &pos, &e); sessions++)
        MUST(e.expires >= now);
    MUST(maps == s->mappings && sessions == s->sessions);
    MUST(of_maps <= sessions);
    MUST(s->mappings_created - s->mappings_ended == s->mappings &&
         s->sessions_created - s->sessions_ended == s->sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    static rig r;
    memset(&r, 0, sizeof r);
    it_alloc_init(&r.mem);
    build(&r, &f);
    for (int i = 0; f.n && i < 100; i++) {
        unsigned op = fuzz_u8(&f);
        if (op < 120)
            built(&r, &f);
        else if (op < 160)
            raw(&r, &f);
        else if (op < 180)
            fault(&r, &f);
        else
            pass(&r, op < 200 ? 0 : (it_time)fuzz_u8(&f) * (op < 230 ? 10 * IT_MS : IT_SEC));
        if (r.nat)
            tables(r.nat, it_world_now(r.w));
    }
    pass(&r, 3600 * IT_SEC);
    MUST(it_world_pool(r.w)->live == 0);
    it_world_free(r.w);
    MUST(r.mem.live == 0);
    return 0;
}
