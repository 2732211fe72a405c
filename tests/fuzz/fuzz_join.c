/* Fragments against a host that puts them together: places, lengths and ends as the input says, of a few datagrams at a
 * time, whole packets out of nothing, time, and power.
 *
 * What holds: what is held stays within its bounds, a datagram that arrives has the bytes that were sent for it, what
 * leaves has right checksums, and after a minute all packets are back. */
#include "base/cksum.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define DATA_MAX 4096

typedef struct rig {
    it_alloc mem;
    it_world *w;
    it_host *h;
    it_node *e;
    bool honest; /* every fragment so far was one of |byte_at|, its datagram as long as it says */
} rig;

/* Byte |i| of the datagram of identification |id|: UDP from port |id| to 7 without checksum. */
static uint8_t byte_at(uint32_t id, size_t total, size_t i)
{
    const uint8_t head[8] = {0, (uint8_t)id, 0, 7, (uint8_t)(total >> 8), (uint8_t)total, 0, 0};
    return i < 8 ? head[i] : (uint8_t)(i * 13 + i / 256 + id);
}

static void run(rig *r, it_time until)
{
    int err;
    it_host_event ev;
    while ((err = it_world_run(r->w, until)) == 1) {
        it_pkt *p;
        if (it_world_ready(r->w) == r->e) {
            while ((p = it_edge_take(r->e))) {
                MUST(it_pkt_cksum_ok(p));
                it_pkt_free(it_world_pool(r->w), p);
            }
            continue;
        }
        MUST(it_host_input(r->h, it_world_now(r->w)) == 0);
        while (it_host_event_next(r->h, &ev))
            for (size_t i = 0; r->honest && ev.kind == IT_HOST_DATAGRAM && it_ip_is4(ev.remote.ip) && i < ev.data.n;
                 i++)
                MUST(ev.data.p[i] == byte_at(ev.remote.port, ev.data.n + 8, i + 8));
    }
    MUST(err == 0);
    MUST(it_world_pool(r->w)->live <= IT_HOST_JOIN_HELD + 2);
}

/* A fragment to write: |n| bytes at |off| of datagram |id|; bits of |how| make other headers than the usual. */
typedef struct place {
    uint8_t how, id;
    size_t n, off;
    bool more;
} place;

static void head6(uint8_t *b, const place *w)
{
    it_put32(b, 0x60000000u);
    it_put16(b + 4, (uint16_t)(8 + w->n));
    b[6] = w->how & 32 ? 0 : 44;
    b[7] = 64;
    it_put64(b + 8, 0x20010db800000000u), b[23] = 9;
    it_put64(b + 24, 0x20010db800000000u), b[39] = 2;
    b[40] = w->how & 64 ? 44 : w->how & 128 ? 58 : 17;
    it_put16(b + 42, (uint16_t)(w->off | w->more));
    b[47] = w->id;
}

static void head4(uint8_t *b, const place *w)
{
    it_put16(b, 0x4500);
    it_put16(b + 2, (uint16_t)(20 + w->n));
    b[5] = w->id;
    it_put16(b + 6, (uint16_t)(w->off / 8 | (w->more ? 0x2000 : 0)));
    b[8] = 64;
    b[9] = w->how & 64 ? 6 : w->how & 128 ? 1 : 17;
    it_put32(b + 12, 0x0a000009);
    it_put32(b + 16, 0x0a000002);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, 20)));
}

static void fragment(rig *r, fuzz *f, bool v6)
{
    uint8_t b[IT_PKT_MAX] = {0};
    uint8_t how = fuzz_u8(f), id = 1 + (fuzz_u8(f) & 3);
    size_t total = 8 + (size_t)id * 700, head = v6 ? 48 : 20, off = fuzz_u8(f) * (how & 1 ? 8u : 64u);
    size_t n = (fuzz_u8(f) + 1u) * (how & 2 ? 1u : 8u) % (IT_PKT_MAX - head);
    bool more = true;
    if (off < total && off + n >= total && !(how & 4)) {
        n = total - off;
        more = false;
    } else {
        more = !(how & 8);
        r->honest = r->honest && more && off + n < total;
    }
    if (n > IT_PKT_MAX - head)
        n = IT_PKT_MAX - head;
    for (size_t i = 0; i < n; i++)
        b[head + i] = byte_at(id, total, off + i);
    if (how & 16) {
        b[head + (n ? fuzz_u8(f) % n : 0)] ^= 1;
        r->honest = false;
    }
    (v6 ? head6 : head4)(b, &(place){how, id, n, off, more});
    if (it_edge_send(r->e, it_world_now(r->w), it_bytes_of(b, head + n), 0) < 0)
        r->honest = false; /* no packet at all */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz in = {data, size}, *f = &in;
    rig r = {.honest = true};
    it_ip six = {0x20010db800000000u, 2};
    it_alloc_init(&r.mem);
    r.w = it_world_new(&(it_world_cfg){&r.mem, 1});
    r.h = it_host_new(r.w, "h");
    r.e = it_edge_new(r.w, "e", "eth");
    MUST(it_host_iface(r.h, "eth") == 0 && it_host_addr(r.h, 0, it_ip4(0x0a000002), 120) == 0 &&
         it_host_addr(r.h, 0, six, 64) == 0);
    MUST(it_link_new(r.w, &(it_link_cfg){.name = "l"}, it_host_node(r.h), 0, r.e, 0) == 0);
    MUST(it_host_udp(r.h, it_addr_of((it_ip){0, 0}, 7), -1) >= 0);
    for (int i = 0; i < 1000 && f->n; i++) {
        uint8_t what = fuzz_u8(f);
        it_bytes raw = what < 0xe0 ? it_bytes_of(NULL, 0) : fuzz_bytes(f);
        if (what < 0xe0)
            fragment(&r, f, what & 2);
        else if (what < 0xf8 && raw.n)
            r.honest = it_edge_send(r.e, it_world_now(r.w), it_bytes_of(raw.p, raw.n < IT_PKT_MAX ? raw.n : IT_PKT_MAX),
                                    0) < 0 &&
                       r.honest;
        else if (what >= 0xfc)
            it_host_power(r.h, it_world_now(r.w), what & 1, what & 2);
        run(&r, it_world_now(r.w) + (what & 1 ? (it_time)fuzz_u16(f) * IT_MS : 0));
    }
    run(&r, it_world_now(r.w) + 61 * IT_SEC);
    MUST(it_world_pool(r.w)->live == 0);
    it_world_free(r.w);
    MUST(r.mem.live == 0);
    return 0;
}
