/* Two hosts that stream to each other, over a link or over a way that loses, repeats and reorders as the test likes. */
#ifndef IT_TESTS_NETSIM_TCP_PAIR_H
#define IT_TESTS_NETSIM_TCP_PAIR_H

#include "netsim/core/link.h"
#include "netsim/tcp/tcp.h"

#include <check.h>
#include <string.h>

#define HELD_MAX 4096

typedef struct side {
    it_host *h;
    int s;
    it_tcp_opts o;
    uint64_t want, out, in; /* bytes to write, written, read */
    uint32_t chunk;         /* bytes a write */
    uint32_t lazy;          /* at most so many bytes a read, one read per 10 ms; 0: everything at once */
    bool open, shut, ended, reset, stopped, hold; /* |hold|: never shuts down */
} side;

typedef struct held {
    it_time at;
    uint64_t seq;
    it_node *to;
    uint16_t len;
    uint8_t bytes[IT_PKT_MAX];
} held;

typedef struct pair {
    it_alloc alloc;
    it_world *w;
    side a, b;
    it_node *ea, *eb; /* edges in the middle, NULL with a plain link */
    it_rng luck;
    uint32_t loss, dup, late; /* ppm; |late|: delayed up to 3 times |delay| more */
    it_time delay, next_read;
    held *wait; /* on the way, unordered */
    size_t n_wait;
    uint64_t seq;
    bool both; /* the test wants both to connect */
} pair;

static inline uint8_t pattern(uint64_t i, uint8_t salt)
{
    uint64_t z = (i + salt * 1000003ULL) * 0x9e3779b97f4a7c15ULL;
    return (uint8_t)(z >> 56);
}

static inline int side_setup(pair *p, side *x, const char *name, const char *ip, uint8_t bits)
{
    it_ip a;
    x->h = it_host_new(p->w, name);
    if (!x->h || it_host_iface(x->h, "eth") < 0)
        return IT_ERR_NOMEM;
    ck_assert_int_eq(it_ip_parse(&a, ip), 0);
    it_tcp_opts_init(&x->o);
    x->chunk = 4096;
    x->s = -1;
    return it_host_addr(x->h, 0, a, bits);
}

/* A world of |mem| (NULL: the pair's own) with two hosts that nothing joins. */
static inline int pair_setup(pair *p, it_alloc *mem, uint64_t seed, bool v6)
{
    memset(p, 0, sizeof *p);
    it_alloc_init(&p->alloc);
    p->w = it_world_new(&(it_world_cfg){mem ? mem : &p->alloc, seed});
    if (!p->w)
        return IT_ERR_NOMEM;
    int err = side_setup(p, &p->a, "a", v6 ? "2001:db8::1" : "10.0.0.1", v6 ? 64 : 120);
    return err < 0 ? err : side_setup(p, &p->b, "b", v6 ? "2001:db8::2" : "10.0.0.2", v6 ? 64 : 120);
}

static inline int pair_link(pair *p, const it_link_dir_cfg *there, const it_link_dir_cfg *back)
{
    it_link_cfg cfg = {"l", {*there, *back}};
    return it_link_new(p->w, &cfg, it_host_node(p->a.h), 0, it_host_node(p->b.h), 0);
}

static inline void pair_open_link(pair *p, uint64_t seed, const it_link_dir_cfg *there, const it_link_dir_cfg *back)
{
    ck_assert_int_eq(pair_setup(p, NULL, seed, false), 0);
    ck_assert_int_eq(pair_link(p, there, back), 0);
}

/* With the test itself in the middle. */
static inline void pair_open(pair *p, uint64_t seed, bool v6)
{
    it_link_cfg la = {"la", {{0}, {0}}}, lb = {"lb", {{0}, {0}}};
    ck_assert_int_eq(pair_setup(p, NULL, seed, v6), 0);
    p->ea = it_edge_new(p->w, "ea", "eth");
    p->eb = it_edge_new(p->w, "eb", "eth");
    ck_assert_int_eq(it_link_new(p->w, &la, it_host_node(p->a.h), 0, p->ea, 0), 0);
    ck_assert_int_eq(it_link_new(p->w, &lb, it_host_node(p->b.h), 0, p->eb, 0), 1);
    p->wait = it_calloc(&p->alloc, HELD_MAX, sizeof *p->wait);
}

static inline void pair_close(pair *p)
{
    it_world_free(p->w);
    it_free(&p->alloc, p->wait);
    ck_assert_int_eq(p->alloc.live, 0);
}

/* b listens, a connects. */
static inline int pair_begin(pair *p)
{
    it_ip to;
    ck_assert(it_host_nth_addr(p->b.h, 0, 0, &to));
    int l = it_host_tcp_listen(p->b.h, (it_addr){{0, 0}, 80}, 4, &p->b.o);
    if (l < 0)
        return l;
    p->a.s = it_host_tcp_connect(p->a.h, it_world_now(p->w), (it_addr){{0, 0}, 0}, it_addr_of(to, 80), &p->a.o);
    return p->a.s < 0 ? p->a.s : 0;
}

static inline void pair_connect(pair *p)
{
    ck_assert_int_eq(pair_begin(p), 0);
}

/* Both connect, from and to port 4000. */
static inline void pair_connect_both(pair *p)
{
    it_ip ip[2];
    ck_assert(it_host_nth_addr(p->a.h, 0, 0, &ip[0]) && it_host_nth_addr(p->b.h, 0, 0, &ip[1]));
    p->a.s = it_host_tcp_connect(p->a.h, it_world_now(p->w), it_addr_of(ip[0], 4000), it_addr_of(ip[1], 4000), &p->a.o);
    p->b.s = it_host_tcp_connect(p->b.h, it_world_now(p->w), it_addr_of(ip[1], 4000), it_addr_of(ip[0], 4000), &p->b.o);
    ck_assert(p->a.s >= 0 && p->b.s >= 0);
}

static inline int side_write(pair *p, side *x)
{
    static uint8_t buf[1 << 17];
    uint8_t salt = x == &p->a ? 1 : 2;
    while (x->open && x->out < x->want) {
        size_t n = x->want - x->out < x->chunk ? (size_t)(x->want - x->out) : x->chunk;
        for (size_t i = 0; i < n; i++)
            buf[i] = pattern(x->out + i, salt);
        int k = it_host_tcp_write(x->h, it_world_now(p->w), x->s, it_bytes_of(buf, n));
        if (k < 0)
            return k;
        x->out += (uint64_t)k;
        if ((size_t)k < n)
            return 0;
    }
    if (x->open && !x->shut && !x->hold && x->out == x->want) {
        x->shut = true;
        ck_assert_int_eq(it_host_tcp_shutdown(x->h, it_world_now(p->w), x->s), 0);
    }
    return 0;
}

static inline void pair_read(pair *p, side *x)
{
    uint8_t salt = x == &p->a ? 2 : 1;
    it_bytes b;
    uint64_t left = x->lazy ? x->lazy : UINT64_MAX;
    while (!x->stopped && left && (b = it_host_tcp_peek(x->h, x->s)).n) {
        size_t n = b.n < left ? b.n : (size_t)left;
        for (size_t i = 0; i < n; i++)
            if (b.p[i] != pattern(x->in + i, salt)) /* an assertion per byte would take most of the time */
                ck_abort_msg("byte %llu is not as it was sent", (unsigned long long)(x->in + i));
        x->in += n;
        left -= n;
        it_host_tcp_take(x->h, it_world_now(p->w), x->s, n);
    }
}

static inline int side_event(pair *p, side *x, const it_host_event *ev)
{
    if (ev->kind == IT_HOST_TCP_ACCEPTED || ev->kind == IT_HOST_TCP_OPENED) {
        x->s = ev->socket;
        x->open = true;
        return side_write(p, x);
    }
    if (ev->kind == IT_HOST_TCP_WRITABLE)
        return side_write(p, x);
    if (ev->kind == IT_HOST_TCP_DATA && !x->lazy)
        pair_read(p, x);
    if (ev->kind == IT_HOST_TCP_FIN)
        x->ended = true;
    if (ev->kind == IT_HOST_TCP_RST)
        x->reset = true;
    return 0;
}

/* Something on its way through the middle. */
static inline void pair_pass(pair *p, it_node *from)
{
    it_pkt *q;
    while ((q = it_edge_take(from))) {
        uint64_t copies = it_rng_chance(&p->luck, p->dup) ? 2 : 1;
        for (uint64_t i = 0; i < copies; i++) {
            bool lost = it_rng_chance(&p->luck, p->loss), late = it_rng_chance(&p->luck, p->late);
            uint64_t more = it_rng_below(&p->luck, 1000);
            if (lost)
                continue;
            if (p->n_wait == HELD_MAX)
                ck_abort_msg("too much on the way");
            held *x = &p->wait[p->n_wait++];
            x->at = it_world_now(p->w) + p->delay + (late ? 3 * p->delay * (it_time)more / 1000 : 0);
            x->seq = p->seq++;
            x->to = from == p->ea ? p->eb : p->ea;
            x->len = q->len;
            memcpy(x->bytes, it_pkt_ip(q), q->len);
        }
        it_pkt_free(it_world_pool(p->w), q);
    }
}

static inline size_t first_held(const pair *p)
{
    size_t k = 0;
    for (size_t i = 1; i < p->n_wait; i++)
        if (p->wait[i].at < p->wait[k].at || (p->wait[i].at == p->wait[k].at && p->wait[i].seq < p->wait[k].seq))
            k = i;
    return k;
}

/* The lazy readers' clock. */
static inline void lazy_reads(pair *p)
{
    if (it_world_now(p->w) < p->next_read)
        return;
    p->next_read = it_world_now(p->w) + 10 * IT_MS;
    if (p->a.lazy)
        pair_read(p, &p->a);
    if (p->b.lazy)
        pair_read(p, &p->b);
}

static inline int pair_drive(pair *p, it_host *h)
{
    side *x = h == p->a.h ? &p->a : &p->b;
    it_host_event ev;
    int err = it_host_input(h, it_world_now(p->w));
    while (err == 0 && it_host_event_next(h, &ev))
        err = side_event(p, x, &ev);
    return err;
}

static inline bool pair_done(const pair *p)
{
    return p->a.in == p->b.want && p->b.in == p->a.want && p->a.ended && p->b.ended && !p->a.reset && !p->b.reset;
}

/* Runs to |until|, or until everything was carried. Returns 0 or an error. */
static inline int pair_go(pair *p, it_time until)
{
    while (!pair_done(p)) {
        bool lazy = p->a.lazy || p->b.lazy;
        it_time to = until;
        if (p->n_wait && p->wait[first_held(p)].at < to)
            to = p->wait[first_held(p)].at;
        if (lazy && p->next_read < to)
            to = p->next_read > it_world_now(p->w) ? p->next_read : it_world_now(p->w);
        int err = it_world_run(p->w, to);
        it_node *n = it_world_ready(p->w);
        if (err == 1) {
            if (n == p->ea || n == p->eb)
                pair_pass(p, n), err = 0;
            else
                err = pair_drive(p, it_host_of(n));
        } else if (err == 0) {
            if (lazy)
                lazy_reads(p);
            while (p->n_wait && p->wait[first_held(p)].at <= it_world_now(p->w)) {
                size_t k = first_held(p);
                err = it_edge_send(p->wait[k].to, it_world_now(p->w), it_bytes_of(p->wait[k].bytes, p->wait[k].len), 0);
                p->wait[k] = p->wait[--p->n_wait];
            }
            if (it_world_now(p->w) >= until && !it_world_ready(p->w))
                return err;
        }
        if (err < 0)
            return err;
    }
    return 0;
}

static inline void pair_run(pair *p, it_time until)
{
    ck_assert_int_eq(pair_go(p, until), 0);
}

/* Runs to |until| whatever was carried; events are thrown away. Plain links only. */
static inline void pair_rest(pair *p, it_time until)
{
    it_host_event ev;
    int err;
    while ((err = it_world_run(p->w, until)) == 1) {
        it_host *h = it_host_of(it_world_ready(p->w));
        ck_assert_int_eq(it_host_input(h, it_world_now(p->w)), 0);
        while (it_host_event_next(h, &ev))
            continue;
    }
    ck_assert_int_eq(err, 0);
}

/* A whole short connection in memory of |mem|: 0, or what failed. */
static inline int pair_try(it_alloc *mem)
{
    pair p;
    it_link_dir_cfg way = {.delay = IT_MS, .loss_ppm = 50000};
    int err = pair_setup(&p, mem, 3, false);
    if (err == 0) {
        err = pair_link(&p, &way, &way);
        err = err < 0 ? err : 0;
    }
    if (err == 0)
        err = pair_begin(&p);
    p.a.want = 60000;
    p.b.want = 20000;
    if (err == 0)
        err = pair_go(&p, 60 * IT_SEC);
    if (err == 0)
        ck_assert(pair_done(&p));
    it_world_free(p.w);
    return err;
}

#endif
