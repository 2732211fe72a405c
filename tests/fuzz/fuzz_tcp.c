/* TCP of a host against a peer that writes what it likes: segments near the windows and far from them, ICMP errors,
 * time, and calls of the socket's holder in any order.
 *
 * What holds: checksums of what leaves are right, buffers keep their bounds, the window's edge is honoured by what can
 * be read, and all memory comes back. */
#include "netsim/core/link.h"
#include "netsim/tcp/tcp.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

typedef struct rig {
    it_alloc mem;
    it_world *w;
    it_host *h;
    it_node *e;
    it_tcp_opts o;
    int s, listener;
    it_addr local, peer;
    uint32_t host_nxt, host_una,
        peer_nxt; /* near these the peer aims: behind what the host sent, its ACK, what it wants */
} rig;

static void from_host(rig *r, it_pkt *p)
{
    MUST(it_pkt_cksum_ok(p));
    if (p->proto == IT_PROTO_TCP) {
        const uint8_t *t = it_pkt_l4(p);
        r->local.port = p->sport;
        r->host_nxt = it_get32(t + 4) + (uint32_t)(p->len - p->l4 - (t[12] >> 4) * 4) + (t[13] & IT_TCP_SYN ? 1 : 0) +
                      (t[13] & IT_TCP_FIN ? 1 : 0);
        if (t[13] & IT_TCP_ACK)
            r->peer_nxt = it_get32(t + 8);
    }
    it_pkt_free(it_world_pool(r->w), p);
}

static void events(rig *r)
{
    it_host_event ev;
    while (it_host_event_next(r->h, &ev)) {
        if (ev.kind == IT_HOST_TCP_ACCEPTED) {
            if (r->s >= 0)
                it_host_tcp_close(r->h, it_world_now(r->w), r->s);
            r->s = ev.socket;
        }
        if (ev.kind == IT_HOST_TCP_RST)
            it_host_tcp_close(r->h, it_world_now(r->w), ev.socket);
    }
}

static void run(rig *r, it_time until)
{
    int err;
    while ((err = it_world_run(r->w, until)) == 1) {
        it_pkt *p;
        if (it_world_ready(r->w) == r->e) {
            while ((p = it_edge_take(r->e)))
                from_host(r, p);
        } else {
            MUST(it_host_input(r->h, it_world_now(r->w)) == 0);
            events(r);
        }
    }
    MUST(err == 0);
    events(r);
    it_tcp_info i;
    if (r->s >= 0 && it_host_tcp_info(r->h, r->s, &i)) {
        MUST(i.unread <= r->o.rcv_buf + (1u << 14) && i.unsent <= r->o.snd_buf);
        MUST(i.cwnd >= 1 && i.mss >= 48);
    }
    MUST(it_host_tcp_count(r->h) < 300);
}

static void segment(rig *r, fuzz *f)
{
    static const uint8_t zeros[1400];
    uint8_t options[40];
    it_pkt_tcp_msg m = {.src = r->peer, .dst = r->local};
    uint8_t how = fuzz_u8(f);
    m.flags = fuzz_u8(f) & 63;
    m.seq = r->peer_nxt + (how & 1 ? fuzz_u32(f) : (uint32_t)(int8_t)fuzz_u8(f) * 64);
    m.ack = r->host_nxt + (how & 2 ? fuzz_u32(f) : (uint32_t)(int8_t)fuzz_u8(f) * 64);
    if (how & 4)
        m.src.port = (uint16_t)(m.src.port + fuzz_u8(f));
    m.window = fuzz_u16(f);
    it_bytes o = fuzz_bytes(f);
    o.n = o.n < 40 ? o.n & ~(size_t)3 : 40;
    if (o.n)
        memcpy(options, o.p, o.n);
    m.options = it_bytes_of(options, o.n);
    m.data[0] = it_bytes_of(zeros, fuzz_u16(f) % sizeof zeros);
    it_pkt *p = it_pkt_new(it_world_pool(r->w));
    MUST(it_pkt_tcp(p, &m) == 0);
    MUST(it_edge_send(r->e, it_world_now(r->w), it_pkt_bytes(p), 0) == 0);
    it_pkt_free(it_world_pool(r->w), p);
}

static void icmp(rig *r, fuzz *f)
{
    it_pkt *p = it_pkt_new(it_world_pool(r->w)), *q = it_pkt_new(it_world_pool(r->w));
    it_pkt_tcp_msg t = {.src = r->local, .dst = r->peer, .seq = r->host_nxt - fuzz_u8(f), .flags = IT_TCP_ACK};
    MUST(it_pkt_tcp(p, &t) == 0);
    it_pkt_icmp_msg m = {.src = r->peer.ip, .dst = r->local.ip, .body = it_pkt_bytes(p)};
    m.type = fuzz_u8(f) & 15;
    m.code = fuzz_u8(f) & 15;
    m.rest = fuzz_u16(f);
    m.body.n -= fuzz_u8(f) & 7;
    MUST(it_pkt_icmp(q, &m) == 0);
    MUST(it_edge_send(r->e, it_world_now(r->w), it_pkt_bytes(q), 0) == 0);
    it_pkt_free(it_world_pool(r->w), p);
    it_pkt_free(it_world_pool(r->w), q);
}

static void call(rig *r, fuzz *f)
{
    static const uint8_t bytes[4096];
    it_time now = it_world_now(r->w);
    size_t n = fuzz_u16(f) & 4095;
    switch (fuzz_u8(f) & 7) {
    case 0:
        if (r->s >= 0)
            it_host_tcp_close(r->h, now, r->s);
        r->s = it_host_tcp_connect(r->h, now, it_addr_of(r->local.ip, 0), r->peer, &r->o);
        break;
    case 1:
        (void)it_host_tcp_shutdown(r->h, now, r->s);
        break;
    case 2:
        it_host_tcp_close(r->h, now, r->s);
        break;
    case 3:
        it_host_tcp_abort(r->h, now, r->s);
        break;
    case 4:
        it_host_tcp_take(r->h, now, r->s, n < it_host_tcp_peek(r->h, r->s).n ? n : it_host_tcp_peek(r->h, r->s).n);
        break;
    case 5:
        it_host_power(r->h, now, n & 1, n & 2);
        break;
    default:
        MUST(it_host_tcp_write(r->h, now, r->s, it_bytes_of(bytes, n)) <= (int)n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz in = {data, size}, *f = &in;
    rig r = {.s = -1};
    it_link_cfg cfg = {.name = "l"};
    it_alloc_init(&r.mem);
    r.w = it_world_new(&(it_world_cfg){&r.mem, 1});
    r.h = it_host_new(r.w, "h");
    r.e = it_edge_new(r.w, "e", "eth");
    r.local = it_addr_of(it_ip4(0x0a000001), 80);
    r.peer = it_addr_of(it_ip4(0x0a000002), 4000);
    MUST(it_host_iface(r.h, "eth") == 0 && it_host_addr(r.h, 0, r.local.ip, 120) == 0);
    MUST(it_link_new(r.w, &cfg, it_host_node(r.h), 0, r.e, 0) == 0);
    uint8_t how = fuzz_u8(f);
    it_tcp_opts_init(&r.o);
    r.o.sack = how & 1;
    r.o.timestamps = how & 2;
    r.o.wscale = how & 4;
    r.o.nagle = how & 8;
    r.o.blackhole = how & 16;
    r.o.keep_idle = how & 32 ? IT_SEC : 0;
    r.o.rcv_buf = 1024u << (how >> 6);
    r.o.snd_buf = 8192;
    how = fuzz_u8(f);
    r.o.rack = !(how & 1);
    r.o.tlp = !(how & 2);
    r.o.prr = !(how & 4);
    r.o.frto = !(how & 8);
    r.o.eifel = !(how & 16);
    r.o.dsack = !(how & 32);
    r.o.quickack = !(how & 64);
    r.o.control = how & 128 ? IT_TCP_RENO : IT_TCP_CUBIC;
    r.listener = it_host_tcp_listen(r.h, (it_addr){{0, 0}, 80}, 8, &r.o);
    MUST(r.listener >= 0);
    for (int i = 0; i < 300 && f->n; i++) {
        uint8_t what = fuzz_u8(f);
        if (what < 0xa0)
            segment(&r, f);
        else if (what < 0xb0)
            icmp(&r, f);
        else if (what < 0xe0)
            call(&r, f);
        run(&r, it_world_now(r.w) + (what & 1 ? (it_time)fuzz_u16(f) * IT_MS : 0));
    }
    it_world_free(r.w);
    MUST(r.mem.live == 0);
    return 0;
}
