/* Ends of RTMFP against each other over a network in memory: each has one socket, seen from outside under |outer|, and
 * packets take their time, are lost, reordered and doubled as the seed says. */
#ifndef IT_TESTS_STACK_RTMFP_NET_H
#define IT_TESTS_STACK_RTMFP_NET_H

#include "stack/crypto/ossl.h"
#include "stack/object.h"
#include "stack/rtmfp/impl.h"
#include "tests/stack/rtmfp/kit.h"

#define NET_ENDS 4
#define NET_FLIGHT 4096
#define NET_EVENTS 4096
#define NET_DELAY (20 * IT_MS)

typedef struct net_packet {
    it_time at;
    uint64_t seq;
    it_addr from, to;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} net_packet;

typedef struct net_event {
    it_time at;
    it_rtmfp_event ev;
    uint8_t print[IT_RTMFP_PRINT], epd[64], tag[64];
} net_event;

typedef struct net {
    it_alloc mem, *alloc;
    it_rng rng;
    it_time now;
    uint32_t loss, twice, jitter_ms; /* of a million; of a million; up to */
    it_rtmfp_cfg cfg[NET_ENDS];
    it_rtmfp *end[NET_ENDS];
    const it_object_ops *ops; /* end 0 is |obj|, another object, when it is set */
    void *obj;
    it_addr inner[NET_ENDS], outer[NET_ENDS];
    bool (*keep)(struct net *, const net_packet *); /* false: the packet is lost */
    net_packet *flight;
    uint32_t flights;
    uint64_t seq, sent[NET_ENDS];
    net_event *event[NET_ENDS];
    uint32_t events[NET_ENDS];
    int err; /* the first one of an end */
    void *own;
} net;

static inline void net_note(net *n, int err)
{
    if (err < 0 && n->err == 0)
        n->err = err;
}

static inline net *net_new(uint64_t seed, it_alloc *alloc)
{
    net *n = calloc(1, sizeof *n);
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&n->mem);
    n->alloc = alloc ? alloc : &n->mem;
    it_rng_init(&n->rng, seed, "net");
    n->flight = calloc(NET_FLIGHT, sizeof *n->flight);
    for (int i = 0; i < NET_ENDS; i++) {
        char name[16];
        snprintf(name, sizeof name, "end %d", i);
        n->event[i] = calloc(NET_EVENTS, sizeof(net_event));
        n->cfg[i] = (it_rtmfp_cfg){.alloc = n->alloc, .accept = true, .identity = {.is_static = i > 0}};
        n->cfg[i].identity.ancillary = i == 0;
        it_rng_init(&n->cfg[i].rng, seed, name);
        n->inner[i] = n->outer[i] = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), 1935);
    }
    return n;
}

/* The calls of an end, whatever it is. */
static inline bool net_there(const net *n, int i)
{
    return n->end[i] || (i == 0 && n->obj);
}
static inline int net_input(net *n, int i, const it_io *in)
{
    if (n->end[i])
        return it_rtmfp_input(n->end[i], n->now, in);
    return n->ops->input(n->obj, n->now, in);
}
static inline it_time net_next(const net *n, int i)
{
    if (!net_there(n, i))
        return IT_NEVER;
    return n->end[i] ? it_rtmfp_next(n->end[i]) : n->ops->next(n->obj);
}
static inline int net_tick(net *n, int i)
{
    return n->end[i] ? it_rtmfp_tick(n->end[i], n->now) : n->ops->tick(n->obj, n->now);
}
static inline int net_output(net *n, int i, it_io *io, uint8_t *buf, size_t cap)
{
    if (n->end[i])
        return it_rtmfp_output(n->end[i], n->now, io, buf, cap);
    return n->ops->output(n->obj, n->now, io, buf, cap);
}

static inline void net_bind(net *n, int i)
{
    it_io io = {.kind = IT_IO_BOUND, .flow = 0, .local = n->inner[i], .size = 1472};
    net_note(n, net_input(n, i, &io));
}

static inline void net_start(net *n, int i)
{
    net_note(n, it_rtmfp_new(&n->cfg[i], n->now, &n->end[i]));
    if (n->end[i])
        net_bind(n, i);
}

static inline void net_free(net *n)
{
    if (n->obj)
        n->ops->free(n->obj);
    for (int i = 0; i < NET_ENDS; i++) {
        it_rtmfp_free(n->end[i]);
        free(n->event[i]);
    }
    ck_assert_int_eq(n->mem.live, 0);
    free(n->flight);
    free(n);
}

/* Puts a packet on its way; it has an end of its own or none. */
static inline void net_send(net *n, it_addr from, it_addr to, it_bytes d)
{
    net_packet p = {.from = from, .to = to, .n = d.n};
    memcpy(p.data, d.p, d.n);
    if (n->keep && !n->keep(n, &p))
        return;
    int copies = it_rng_chance(&n->rng, n->twice) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        bool lost = it_rng_chance(&n->rng, n->loss);
        p.at = n->now + NET_DELAY + (n->jitter_ms ? (it_time)it_rng_below(&n->rng, n->jitter_ms) * IT_MS : 0);
        p.seq = n->seq++;
        ck_assert_uint_lt(n->flights, NET_FLIGHT);
        if (!lost)
            n->flight[n->flights++] = p;
    }
}

static inline void net_drain(net *n, int i)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    it_rtmfp_event ev;
    int r;
    while ((r = net_output(n, i, &io, buf, sizeof buf)) == 1) {
        ck_assert(io.kind == IT_IO_DGRAM && io.data.n <= IT_RTMFP_DATAGRAM);
        n->sent[i]++;
        net_send(n, n->outer[i], io.remote, io.data);
    }
    net_note(n, r);
    while (n->end[i] && it_rtmfp_event_next(n->end[i], &ev)) {
        ck_assert_uint_lt(n->events[i], NET_EVENTS);
        net_event *e = &n->event[i][n->events[i]++];
        e->at = n->now;
        e->ev = ev;
        if (ev.print)
            memcpy(e->print, ev.print, IT_RTMFP_PRINT);
        if (ev.kind != IT_RTMFP_EV_ASKED)
            continue;
        memcpy(e->epd, ev.epd.p, ev.epd.n);
        memcpy(e->tag, ev.tag.p, ev.tag.n);
        e->ev.epd.p = e->epd;
        e->ev.tag.p = e->tag;
    }
}

static inline void net_drain_all(net *n)
{
    for (int i = 0; i < NET_ENDS; i++)
        if (net_there(n, i))
            net_drain(n, i);
}

static inline void net_give(net *n, int i, it_addr from, it_bytes d)
{
    it_io io = {.kind = IT_IO_DGRAM, .flow = 0, .local = n->inner[i], .remote = from, .data = d};
    net_note(n, net_input(n, i, &io));
    net_drain(n, i);
}

/* The earliest packet; -1: none. */
static inline int net_first(const net *n)
{
    int best = -1;
    for (uint32_t i = 0; i < n->flights; i++) {
        const net_packet *p = &n->flight[i], *b = best < 0 ? NULL : &n->flight[best];
        if (!b || p->at < b->at || (p->at == b->at && p->seq < b->seq))
            best = (int)i;
    }
    return best;
}

static inline void net_deliver(net *n, int k)
{
    net_packet p = n->flight[k];
    n->flight[k] = n->flight[--n->flights];
    for (int i = 0; i < NET_ENDS; i++)
        if (net_there(n, i) && it_addr_eq(n->outer[i], p.to))
            net_give(n, i, p.from, it_bytes_of(p.data, p.n));
}

static inline void net_run(net *n, it_time until)
{
    net_drain_all(n);
    while (n->err == 0) {
        int k = net_first(n);
        it_time at = k < 0 ? IT_NEVER : n->flight[k].at;
        int who = -1;
        for (int i = 0; i < NET_ENDS; i++)
            if (net_next(n, i) < at) {
                at = net_next(n, i);
                who = i;
            }
        if (at > until)
            break;
        ck_assert(at >= n->now);
        n->now = at;
        if (who < 0) {
            net_deliver(n, k);
            continue;
        }
        net_note(n, net_tick(n, who));
        ck_assert(net_next(n, who) > n->now || n->err);
        net_drain(n, who);
    }
    n->now = until;
}

/* The last event of |kind| of end |i|; NULL: there was none. */
static inline const net_event *net_last(const net *n, int i, enum it_rtmfp_event_kind kind)
{
    for (uint32_t k = n->events[i]; k-- > 0;)
        if (n->event[i][k].ev.kind == kind)
            return &n->event[i][k];
    return NULL;
}

static inline uint32_t net_count(const net *n, int i, enum it_rtmfp_event_kind kind)
{
    uint32_t c = 0;
    for (uint32_t k = 0; k < n->events[i]; k++)
        c += n->event[i][k].ev.kind == kind;
    return c;
}

/* End |i| opens a session to end |j|, by its peer ID, at |n| addresses. */
static inline uint32_t net_connect_at(net *n, int i, int j, const it_addr *addrs, size_t count)
{
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    uint32_t session = 0;
    it_rtmfp_epd_of_print(it_rtmfp_print(n->end[j]), epd);
    net_note(n, it_rtmfp_connect(n->end[i], n->now, it_bytes_of(epd, sizeof epd), addrs, count, &session));
    return session;
}

static inline uint32_t net_connect(net *n, int i, int j)
{
    return net_connect_at(n, i, j, &n->outer[j], 1);
}

/* Starts ends 0 and 1, and opens a session from 1 to 0. */
static inline void net_pair(net *n)
{
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 1);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
}

/* The number of end |i|'s last session that opened. */
static inline uint32_t net_session(const net *n, int i)
{
    const net_event *e = net_last(n, i, IT_RTMFP_EV_OPEN);
    ck_assert_ptr_nonnull(e);
    return e->ev.session;
}

static inline it_rtmfp_info net_info(const net *n, int i)
{
    it_rtmfp_info info;
    ck_assert_int_eq(it_rtmfp_describe(n->end[i], net_session(n, i), &info), 0);
    return info;
}

/* Sends |chunks| from |from| to end |i| as a startup packet to |sid|. */
static inline void net_startup(net *n, int i, it_addr from, uint32_t sid, it_bytes chunks)
{
    uint8_t plain[1400], d[IT_IO_DGRAM_MAX];
    it_rtmfp_keys k;
    it_buf b;
    ck_assert_int_eq(it_rtmfp_keys_init_default(&k), 0);
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &(it_rtmfp_head){.mode = IT_RTMFP_STARTUP});
    it_buf_put(&b, chunks.p, chunks.n);
    int size = it_rtmfp_seal(&k, sid, kit_buf(&b), d, sizeof d);
    ck_assert_int_gt(size, 0);
    net_give(n, i, from, it_bytes_of(d, (size_t)size));
    it_rtmfp_keys_wipe(&k);
}

/* The first chunk of a startup packet, in |room|; its type, 0: it is none. */
static inline uint8_t net_peek(const net_packet *p, it_bytes *payload, uint8_t room[IT_IO_DGRAM_MAX])
{
    it_rtmfp_keys k;
    it_bytes plain;
    it_rd r;
    it_rtmfp_head h;
    it_rtmfp_chunk c = {.type = 0};
    ck_assert_int_eq(it_rtmfp_keys_init_default(&k), 0);
    int err = it_rtmfp_open(&k, it_bytes_of(p->data, p->n), room, IT_IO_DGRAM_MAX, &plain);
    it_rtmfp_keys_wipe(&k);
    if (err || it_rtmfp_head_get(&r, plain, &h) || h.mode != IT_RTMFP_STARTUP || !it_rtmfp_chunk_next(&r, &c))
        return 0;
    *payload = c.payload;
    return c.type;
}

#endif
