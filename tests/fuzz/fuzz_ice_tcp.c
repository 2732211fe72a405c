/* ICE over TCP, against a hostile far end of every connection and a hostile driver's worth of orders: connections that
 * come, bytes cut anywhere, ends in any order; and a STUN server over TCP against the same bytes.
 *
 * What an agent takes it takes whole, what it puts out belongs to a stream or port that it has, and nothing leaks. */
#include "stack/ice/agent.h"
#include "stack/ice/impl.h"
#include "stack/stun/server_tcp.h"
#include "tests/fuzz/fuzz.h"

#define FLOWS 8

typedef struct rig {
    it_alloc mem;
    it_ice *a;
    it_stun_tcp *server;
    it_time now;
    it_addr port;         /* one that listens */
    uint32_t flow[FLOWS]; /* streams that there are, 0: none */
    uint32_t accepted;
} rig;

static it_addr v4(uint32_t ip, uint16_t port)
{
    return it_addr_of(it_ip4(ip), port);
}

static void add_flow(rig *r, uint32_t flow)
{
    for (int i = 0; i < FLOWS; i++)
        if (!r->flow[i]) {
            r->flow[i] = flow;
            return;
        }
}

static void feed(rig *r, it_io in)
{
    int taken = 0;
    it_io inner;
    if (!it_ice_tcp_input(r->a, r->now, &in, &taken))
        return;
    MUST(taken == (in.kind == IT_IO_DATA ? (int)in.data.n : 0));
    while (it_ice_tcp_take(r->a, r->now, &inner)) {
        MUST(inner.kind == IT_IO_DGRAM && it_ice_tcp_base(r->a, inner.flow) == 0);
        MUST(it_ice_input(r->a, r->now, &inner) == (int)inner.data.n);
    }
}

static void drain(rig *r)
{
    static uint8_t buf[70000];
    it_io out;
    it_ice_event ev;
    for (int n = 0; n < 1000 && it_ice_output(r->a, r->now, &out, buf, sizeof buf) == 1; n++) {
        if (out.kind == IT_IO_LISTEN) {
            MUST(out.flow >= IT_ICE_TCP_LISTEN && out.flow < IT_IO_ACCEPTED_FLOW);
            r->port = it_addr_of(out.local.ip, (uint16_t)(50000 + (out.flow & 1023)));
            feed(r, (it_io){.kind = IT_IO_LISTENING, .flow = out.flow, .local = r->port});
        } else if (out.kind == IT_IO_OPEN) {
            MUST(out.flow < IT_IO_BOUND_FLOW);
            add_flow(r, out.flow);
        }
    }
    while (it_ice_event_next(r->a, &ev) == 1)
        ;
}

static void stream_order(rig *r, fuzz *f, unsigned what)
{
    uint32_t *flow = &r->flow[fuzz_u8(f) % FLOWS];
    it_io in = {.flow = *flow};
    static const enum it_io_kind KINDS[] = {IT_IO_OPENED, IT_IO_WRITABLE, IT_IO_FIN, IT_IO_RST};
    if (!*flow)
        return;
    in.kind = KINDS[what & 3];
    if (in.kind == IT_IO_OPENED || in.kind == IT_IO_WRITABLE)
        in.data = (it_bytes){NULL, fuzz_u8(f) * 8u};
    if (in.kind == IT_IO_RST) {
        in.end = (enum it_io_end)(fuzz_u8(f) % 5);
        *flow = 0;
    }
    feed(r, in);
}

static void server_order(rig *r, fuzz *f)
{
    uint8_t buf[2048];
    it_io out, in = {.kind = IT_IO_ACCEPTED, .flow = fuzz_u8(f), .remote = v4(0xcb007105, 7), .data = {NULL, 500}};
    if (fuzz_u8(f) & 1) {
        in.kind = IT_IO_DATA;
        in.data = fuzz_bytes(f);
    }
    int n = it_stun_tcp_input(r->server, r->now, &in);
    MUST(n == (in.kind == IT_IO_DATA ? (int)in.data.n : 0));
    for (int k = 0; k < 100 && it_stun_tcp_output(r->server, r->now, &out, buf, sizeof buf) == 1; k++)
        MUST(out.kind != IT_IO_DATA || out.data.n <= sizeof buf);
}

static void order(rig *r, fuzz *f)
{
    unsigned what = fuzz_u8(f);
    it_ice_cand c = {.kind = IT_ICE_HOST, .component = 1, .priority = 5, .flow = -1, .foundation = "1"};
    switch (what & 7) {
    case 0:
        r->now += fuzz_u8(f) * 50 * IT_MS;
        MUST(it_ice_tick(r->a, r->now) == 0);
        break;
    case 1:
        add_flow(r, IT_IO_ACCEPTED_FLOW + r->accepted);
        feed(r, (it_io){.kind = IT_IO_ACCEPTED,
                        .flow = IT_IO_ACCEPTED_FLOW + r->accepted++,
                        .local = r->port,
                        .remote = v4(0xcb007109, (uint16_t)(1 + fuzz_u8(f))),
                        .data = {NULL, 1000}});
        break;
    case 2:
        c.transport = (enum it_ice_transport)(fuzz_u8(f) % IT_ICE_TRANSPORTS);
        c.addr = v4(0xcb007109, (uint16_t)(1 + fuzz_u8(f)));
        (void)it_ice_add_remote(r->a, r->now, 0, &c);
        break;
    case 3:
        server_order(r, f);
        break;
    case 4:
    case 5:
        stream_order(r, f, what >> 3);
        break;
    case 6:
        if (what & 8)
            it_ice_restart(r->a, r->now);
        else
            (void)it_ice_set_remote(r->a, r->now, "farU", "farPasswordOf22Letters");
        break;
    default:
        feed(r, (it_io){.kind = IT_IO_DATA, .flow = r->flow[fuzz_u8(f) % FLOWS], .data = fuzz_bytes(f)});
    }
    drain(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    rig r = {.now = 0};
    it_alloc_init(&r.mem);
    it_ice_cfg cfg;
    it_ice_cfg_default(&cfg);
    cfg.alloc = &r.mem;
    cfg.tcp = IT_ICE_WITH_ACTIVE | IT_ICE_WITH_PASSIVE | IT_ICE_WITH_SO;
    cfg.stun[0] = v4(0xcb007102, 3478);
    cfg.n_stun = 1;
    cfg.controlling = size & 1;
    it_stun_server_cfg scfg = {.alloc = &r.mem};
    it_rng_init(&scfg.rng, 1, "server");
    r.a = it_ice_new(&cfg);
    r.server = it_stun_tcp_new(&scfg, NULL);
    MUST(r.a && r.server && it_ice_add_stream(r.a, 1) == 0);
    MUST(it_ice_add_base(r.a, 0, 0, 1, 0, v4(0xcb007101, 4000)) == 0);
    it_ice_gather(r.a, 0);
    drain(&r);
    for (int n = 0; n < 300 && f.n; n++)
        order(&r, &f);
    it_ice_tcp_release(r.a);
    drain(&r);
    it_ice_free(r.a);
    it_stun_tcp_free(r.server);
    MUST(r.mem.live == 0);
    return 0;
}
