/* Scripted TCP: a host, a link without delay, and a raw edge whose segments the test writes one by one.
 *
 * Sequence numbers are relative: the host's count from its SYN (0), the peer's from 0 too. Times are in milliseconds.
 * Options the host sends are read here, not by the code under test. */
#ifndef IT_TESTS_NETSIM_DRILL_H
#define IT_TESTS_NETSIM_DRILL_H

#include "netsim/core/link.h"
#include "netsim/tcp/tcp.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define DRILL_LOG 8192
#define PEER_ISS 0xfffffff0u /* so that sequence numbers wrap at once */

/* A segment the host sent. */
typedef struct drill_seg {
    it_time at;
    uint32_t seq, ack; /* relative */
    uint16_t wnd;
    uint8_t flags;
    uint32_t len, ip_len;
    int mss, ws; /* -1: no such option */
    bool sack_ok, ts;
    uint32_t tsval, tsecr;
    int n_sack;
    uint32_t sack[8]; /* relative, pairs */
    uint8_t first;    /* byte of data */
} drill_seg;

typedef struct drill {
    it_alloc alloc;
    it_world *w;
    it_host *h;
    it_node *e;
    int link, s, listener;
    bool v6;
    it_addr local, peer;
    uint32_t iss; /* the host's, once seen */
    bool know_iss;
    it_tcp_opts o;
    drill_seg log[DRILL_LOG];
    size_t head, n;
    it_host_event ev[512];
    size_t ev_head, ev_n;
    bool read;      /* bytes are read as they come */
    uint64_t total; /* read so far */
    uint8_t last[8];
    /* of the next segments the peer sends */
    uint16_t wnd, mss;
    bool ts;
    uint32_t tsval, tsecr;
    uint8_t extra[40]; /* options of the next one only */
    size_t n_extra;
    uint8_t fill; /* byte its data consists of */
} drill;

static inline void drill_setup(drill *d, bool v6)
{
    memset(d, 0, sizeof *d);
    it_alloc_init(&d->alloc);
    d->w = it_world_new(&(it_world_cfg){&d->alloc, 1});
    d->h = it_host_new(d->w, "h");
    d->e = it_edge_new(d->w, "e", "eth");
    ck_assert(d->w && d->h && d->e);
    ck_assert_int_eq(it_host_iface(d->h, "eth"), 0);
    d->v6 = v6;
    ck_assert_int_eq(it_ip_parse(&d->local.ip, v6 ? "2001:db8::1" : "10.0.0.1"), 0);
    ck_assert_int_eq(it_ip_parse(&d->peer.ip, v6 ? "2001:db8::2" : "10.0.0.2"), 0);
    d->peer.port = 80;
    ck_assert_int_eq(it_host_addr(d->h, 0, d->local.ip, v6 ? 64 : 120), 0);
    it_link_cfg cfg = {"l", {{0}, {0}}};
    d->link = it_link_new(d->w, &cfg, it_host_node(d->h), 0, d->e, 0);
    ck_assert_int_eq(d->link, 0);
    it_tcp_opts_init(&d->o);
    d->wnd = 65535;
    d->mss = 1000;
    d->s = d->listener = -1;
    d->fill = 'x';
}

static inline void drill_done(drill *d)
{
    it_world_free(d->w);
    ck_assert_int_eq(d->alloc.live, 0);
}

static inline void drill_options(drill_seg *g, const uint8_t *o, size_t n)
{
    g->mss = g->ws = -1;
    for (size_t i = 0; i < n && o[i] != 0; i += o[i] == 1 ? 1 : o[i + 1]) {
        const uint8_t *v = o + i + 2;
        if (o[i] == 1)
            continue;
        ck_assert(i + 1 < n && o[i + 1] >= 2 && i + o[i + 1] <= n);
        if (o[i] == 2)
            g->mss = it_get16(v);
        else if (o[i] == 3)
            g->ws = v[0];
        else if (o[i] == 4)
            g->sack_ok = true;
        else if (o[i] == 8) {
            g->ts = true;
            g->tsval = it_get32(v);
            g->tsecr = it_get32(v + 4);
        } else if (o[i] == 5) {
            g->n_sack = (o[i + 1] - 2) / 8;
            for (int k = 0; k < g->n_sack * 2; k++)
                g->sack[k] = it_get32(v + k * 4) - PEER_ISS;
        }
    }
}

static inline void drill_take(drill *d, it_pkt *p)
{
    ck_assert_int_eq(p->proto, IT_PROTO_TCP);
    ck_assert(it_pkt_cksum_ok(p));
    const uint8_t *t = it_pkt_l4(p);
    size_t head = (size_t)(t[12] >> 4) * 4;
    ck_assert(d->n < DRILL_LOG);
    drill_seg *g = &d->log[d->n++];
    memset(g, 0, sizeof *g);
    g->at = it_world_now(d->w);
    g->flags = t[13];
    if ((g->flags & IT_TCP_SYN) && !d->know_iss) {
        d->know_iss = true;
        d->iss = it_get32(t + 4);
    }
    g->seq = it_get32(t + 4) - d->iss;
    g->ack = g->flags & IT_TCP_ACK ? it_get32(t + 8) - PEER_ISS : 0;
    g->wnd = it_get16(t + 14);
    g->len = (uint32_t)(p->len - p->l4 - head);
    g->ip_len = p->len;
    g->first = g->len ? t[head] : 0;
    if (p->ver == 4)
        ck_assert_uint_eq(it_get16(it_pkt_ip(p) + 6), 0x4000); /* DF, RFC 1191 */
    drill_options(g, t + 20, head - 20);
}

static inline void drill_read(drill *d)
{
    it_bytes b;
    while ((b = it_host_tcp_peek(d->h, d->s)).n) {
        d->total += b.n;
        d->last[0] = b.p[b.n - 1];
        it_host_tcp_take(d->h, it_world_now(d->w), d->s, b.n);
    }
}

static inline void drill_events(drill *d)
{
    it_host_event ev;
    while (it_host_event_next(d->h, &ev)) {
        if (ev.kind == IT_HOST_LINK)
            continue;
        ck_assert(d->ev_n < 512);
        d->ev[d->ev_n++] = ev;
        if (ev.kind == IT_HOST_TCP_ACCEPTED)
            d->s = ev.socket;
        if (ev.kind == IT_HOST_TCP_DATA && d->read)
            drill_read(d);
    }
}

/* Runs to |ms|, everything that comes on the way recorded. */
static inline void to(drill *d, double ms)
{
    int err;
    it_time until = (it_time)(ms * 1000000.0 + 0.5);
    while ((err = it_world_run(d->w, until)) == 1) {
        it_node *n = it_world_ready(d->w);
        it_pkt *p;
        if (n != d->e) {
            ck_assert_int_eq(it_host_input(d->h, it_world_now(d->w)), 0);
            drill_events(d);
            continue;
        }
        while ((p = it_edge_take(d->e))) {
            drill_take(d, p);
            it_pkt_free(it_world_pool(d->w), p);
        }
    }
    ck_assert_int_eq(err, 0);
    drill_events(d);
}

static inline double now_ms(const drill *d)
{
    return (double)it_world_now(d->w) / 1e6;
}

static inline uint8_t drill_flags(const char *s)
{
    static const char names[] = "FSRPAU";
    uint8_t f = 0;
    for (; *s; s++)
        f |= (uint8_t)(1u << (strchr(names, *s) - names));
    return f;
}

static inline void drill_inject(drill *d, const it_pkt_tcp_msg *m)
{
    it_pkt_pool *pool = it_world_pool(d->w);
    it_pkt *p = it_pkt_new(pool);
    ck_assert_int_eq(it_pkt_tcp(p, m), 0);
    ck_assert_int_eq(it_edge_send(d->e, it_world_now(d->w), it_pkt_bytes(p), 0), 0);
    it_pkt_free(pool, p);
    to(d, now_ms(d));
}

/* The peer sends a segment now: |seq| relative to its own SYN, |ack| to the host's. */
static inline void put(drill *d, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    static uint8_t data[1500];
    uint8_t options[40];
    it_pkt_tcp_msg m = {d->peer, d->local,           PEER_ISS + seq,        d->iss + ack,
                        d->wnd,  drill_flags(flags), {options, d->n_extra}, {{data, len}, {0}}};
    memset(data, d->fill, sizeof data);
    memcpy(options, d->extra, d->n_extra);
    if (d->ts) {
        uint8_t *o = options + m.options.n;
        o[0] = o[1] = 1;
        o[2] = 8;
        o[3] = 10;
        it_put32(o + 4, d->tsval);
        it_put32(o + 8, d->tsecr);
        m.options.n += 12;
    }
    d->n_extra = 0;
    if (!(m.flags & IT_TCP_ACK))
        m.ack = 0;
    drill_inject(d, &m);
}

/* SACK blocks for the next segment: pairs relative to the host's SYN, |n| of them. */
static inline void with_sack(drill *d, int n, const uint32_t *pairs)
{
    uint8_t *o = d->extra;
    o[0] = o[1] = 1;
    o[2] = 5;
    o[3] = (uint8_t)(2 + 8 * n);
    for (int i = 0; i < 2 * n; i++)
        it_put32(o + 4 + i * 4, d->iss + pairs[i]);
    d->n_extra = 4 + 8 * (size_t)n;
}
#define SACK(d, ...) with_sack(d, (int)(sizeof((uint32_t[]){__VA_ARGS__}) / 8), (uint32_t[]){__VA_ARGS__})

/* The next segment the host sent, which must have left at |ms|. */
static inline drill_seg *got(drill *d, double ms)
{
    to(d, ms > now_ms(d) ? ms : now_ms(d));
    ck_assert_msg(d->head < d->n, "nothing was sent by %g ms", ms);
    drill_seg *g = &d->log[d->head++];
    ck_assert_msg(g->at == (it_time)(ms * 1000000.0 + 0.5), "sent at %g ms, not %g (flags %02x seq %u len %u)",
                  (double)g->at / 1e6, ms, g->flags, g->seq, g->len);
    return g;
}

static inline drill_seg *expect(drill *d, double ms, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    drill_seg *g = got(d, ms);
    ck_assert_msg(g->flags == drill_flags(flags) && g->seq == seq && g->ack == ack && g->len == len,
                  "at %g ms flags %02x seq %u ack %u len %u, not %s %u %u %u", ms, g->flags, g->seq, g->ack, g->len,
                  flags, seq, ack, len);
    return g;
}

/* Nothing leaves until |ms|. */
static inline void quiet(drill *d, double ms)
{
    to(d, ms > now_ms(d) ? ms : now_ms(d));
    const drill_seg *g = &d->log[d->head];
    ck_assert_msg(d->head == d->n, "at %g ms flags %02x seq %u ack %u len %u, though nothing was expected before %g",
                  (double)g->at / 1e6, g->flags, g->seq, g->ack, g->len, ms);
}

/* The next event. */
static inline it_host_event *event(drill *d, enum it_host_event_kind kind)
{
    to(d, now_ms(d));
    ck_assert_msg(d->ev_head < d->ev_n, "no event, kind %d expected", (int)kind);
    it_host_event *ev = &d->ev[d->ev_head++];
    ck_assert_int_eq(ev->kind, kind);
    return ev;
}

static inline void no_event(drill *d)
{
    to(d, now_ms(d));
    ck_assert_msg(d->ev_head == d->ev_n, "event %d, though none was expected",
                  d->ev_head < d->ev_n ? (int)d->ev[d->ev_head].kind : -1);
}

static inline enum it_tcp_state state(drill *d)
{
    it_tcp_info i;
    (void)it_host_tcp_info(d->h, d->s, &i);
    return i.state;
}

/* The peer's MSS, and of SACK, timestamps and window scale (7) what |d|->o has switched on: into the options of the
 * next segment.
 */
static inline void with_syn_options(drill *d)
{
    const uint8_t mss[] = {2, 4, (uint8_t)(d->mss >> 8), (uint8_t)d->mss};
    static const uint8_t sack[] = {1, 1, 4, 2}, ws[] = {1, 3, 3, 7};
    memcpy(d->extra, mss, 4);
    d->n_extra = 4;
    if (d->o.sack) {
        memcpy(d->extra + d->n_extra, sack, 4);
        d->n_extra += 4;
    }
    if (d->o.wscale) {
        memcpy(d->extra + d->n_extra, ws, 4);
        d->n_extra += 4;
    }
    d->ts = d->o.timestamps;
}

/* An active open by the host, answered after |rtt| ms; established at that time. Data then begins at 1 on both sides.
 */
static inline void open_active(drill *d, double rtt)
{
    d->s = it_host_tcp_connect(d->h, it_world_now(d->w), (it_addr){{0, 0}, 0}, d->peer, &d->o);
    ck_assert_int_ge(d->s, 0);
    it_tcp_info i;
    ck_assert(it_host_tcp_info(d->h, d->s, &i));
    d->local.port = i.local.port;
    expect(d, now_ms(d), "S", 0, 0, 0);
    to(d, now_ms(d) + rtt);
    with_syn_options(d);
    put(d, "SA", 0, 1, 0);
    expect(d, now_ms(d), "A", 1, 1, 0);
    event(d, IT_HOST_TCP_OPENED);
}

/* A passive open by the host on port 80. */
static inline void open_passive(drill *d)
{
    d->local.port = 80;
    d->peer.port = 4000;
    d->listener = it_host_tcp_listen(d->h, (it_addr){{0, 0}, 80}, 8, &d->o);
    ck_assert_int_ge(d->listener, 0);
    with_syn_options(d);
    put(d, "S", 0, 0, 0);
    expect(d, now_ms(d), "SA", 0, 1, 0);
    put(d, "A", 1, 1, 0);
    ck_assert_int_eq(event(d, IT_HOST_TCP_ACCEPTED)->listener, d->listener);
}

/* Writes |n| bytes, which must fit. */
static inline void write_n(drill *d, size_t n)
{
    static uint8_t data[1 << 20];
    memset(data, 'w', sizeof data);
    ck_assert_int_eq(it_host_tcp_write(d->h, it_world_now(d->w), d->s, it_bytes_of(data, n)), (int)n);
}

/* A router on the way complains about a segment of the host with |seq|, of |type| and |code|; |rest| is the ICMP word
 * with the MTU. */
static inline void complain(drill *d, uint8_t type, uint8_t code, uint32_t seq, uint32_t rest)
{
    it_pkt_pool *pool = it_world_pool(d->w);
    it_pkt *p = it_pkt_new(pool), *q = it_pkt_new(pool);
    it_pkt_tcp_msg m = {d->local, d->peer, d->iss + seq, 0, 0, IT_TCP_ACK, {0}, {{0}}};
    ck_assert_int_eq(it_pkt_tcp(p, &m), 0);
    it_pkt_icmp_msg e = {
        .src = d->peer.ip, .dst = d->local.ip, .type = type, .code = code, .rest = rest, .body = it_pkt_bytes(p)};
    ck_assert_int_eq(it_pkt_icmp(q, &e), 0);
    ck_assert_int_eq(it_edge_send(d->e, it_world_now(d->w), it_pkt_bytes(q), 0), 0);
    it_pkt_free(pool, p);
    it_pkt_free(pool, q);
    to(d, now_ms(d));
}

/* A host of 2012: RFC 6675, 6582 and 5681, fixed buffers, every second segment acknowledged. For tests of what later
 * RFCs have added to, and of the switches. */
static inline void classic(drill *d)
{
    it_tcp_opts *o = &d->o;
    o->rack = o->tlp = o->prr = o->frto = o->eifel = o->dsack = o->hystart = o->quickack = false;
    o->control = IT_TCP_RENO;
    o->abc = 1;
    o->snd_buf = o->rcv_buf = 256 << 10;
}

/* The same with no options but MSS: for tests of what does not need them. */
static inline void plain(drill *d)
{
    classic(d);
    d->o.sack = d->o.timestamps = d->o.wscale = false;
}

#endif
