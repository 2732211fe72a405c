/* A little network for tests of the ICE agent: two peers, each behind a simple NAT or none, a STUN server, a signaling
 * channel, with delays per direction and a rule of loss. Independent of netsim. Everything sent is kept in a log, so
 * tests can read it. */
#ifndef IT_TESTS_STACK_ICE_NET_H
#define IT_TESTS_STACK_ICE_NET_H

#include "stack/ice/agent.h"
#include "stack/ice/impl.h"
#include "stack/stun/auth.h"
#include "stack/stun/msg.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define NET_BASES 6
#define NET_MAPS 256

enum net_nat { NAT_NONE, NAT_EIM_EIF, NAT_EIM_ADF, NAT_EIM_APDF, NAT_APDM_APDF };

typedef struct net_map {
    it_addr in, dst; /* dst: of the first packet, for APDM */
    it_addr out;
    it_addr seen[32]; /* whom it sent to */
    int n_seen;
} net_map;

typedef struct net_box {
    enum net_nat kind;
    it_ip out;
    uint16_t next_port;
    net_map maps[NET_MAPS];
    int n;
} net_box;

typedef struct net_packet {
    it_time sent, at;
    uint64_t seq;
    int from;          /* peer, -1: the server */
    it_addr inner_src; /* before the NAT */
    it_addr src, dst;
    size_t n;
    uint8_t data[600];
    bool lost;
} net_packet;

typedef struct net_signal {
    it_time at;
    uint64_t seq;
    int to;
    bool done;
    bool has_cand;
    it_ice_cand cand;
    int stream;
    char ufrag[IT_ICE_UFRAG_MAX + 1], pwd[IT_ICE_PWD_MAX + 1];
    uint32_t gen;
} net_signal;

typedef struct net_peer {
    it_alloc alloc;
    it_ice *a;
    it_addr bases[NET_BASES];
    int flows[NET_BASES];
    int n_bases;
    net_box nat;
    int events[16];       /* by kind */
    it_time when[16];     /* of the last of the kind */
    it_time first[16];    /* of the first */
    it_ice_pair_view sel; /* of the last SELECTED */
    const char *why;      /* of the last PEER */
    const char *why_lost; /* of the last CONSENT_LOST or FAILED */
    uint32_t sent_gen;    /* generation whose credentials were signalled, + 1 */
    int err;
    bool mute;           /* signals nothing */
    uint32_t far_gen;    /* of the far side, as signals told */
    bool deaf_to_events; /* events are not taken */
} net_peer;

typedef struct net {
    it_time now;
    uint64_t seq;
    net_peer p[2];
    it_time delay[2], signal_delay;
    it_addr stun;
    bool stun_silent;
    net_packet *log; /* everything ever sent, in order */
    size_t n_log, cap_log;
    size_t *flying;
    size_t n_flying, cap_flying;
    net_signal *signals;
    size_t n_signals, cap_signals;
    int64_t lose;                                     /* index of the packet to lose, -1: none */
    bool (*drop)(struct net *n, const net_packet *p); /* more loss, may be NULL */
    void *arg;
    uint64_t hash;
} net;

static inline void *net_grow(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return p;
    *cap = need * 2;
    p = realloc(p, *cap * size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static inline it_addr net_addr(const char *s)
{
    it_addr a;
    ck_assert_msg(it_addr_parse(&a, s) == 0, "%s", s);
    return a;
}

/* Both peers controlling or not as told; agents made, one stream of |comps| components; no bases yet. */
static inline net *net_new_cfg(uint64_t seed, const bool controlling[2], int streams, int comps,
                               void (*tweak)(it_ice_cfg *, int), const uint64_t countdown[2])
{
    net *n = calloc(1, sizeof *n);
    ck_assert_ptr_nonnull(n);
    n->delay[0] = n->delay[1] = 20 * IT_MS;
    n->signal_delay = 100 * IT_MS;
    n->stun = net_addr("192.0.2.1:3478");
    n->lose = -1;
    for (int i = 0; i < 2; i++) {
        net_peer *p = &n->p[i];
        it_ice_cfg cfg;
        it_alloc_init(&p->alloc);
        if (countdown)
            it_alloc_init_countdown(&p->alloc, countdown[i]);
        it_ice_cfg_default(&cfg);
        cfg.alloc = &p->alloc;
        cfg.seed = seed;
        cfg.name = i ? "bob/ice" : "alice/ice";
        cfg.controlling = controlling[i];
        cfg.stun[0] = n->stun;
        cfg.n_stun = 1;
        if (tweak)
            tweak(&cfg, i);
        for (int k = 0; k < 16; k++)
            p->first[k] = p->when[k] = IT_NEVER;
        p->a = it_ice_new(&cfg);
        if (!p->a) {
            ck_assert_ptr_nonnull(countdown);
            p->err = IT_ERR_NOMEM;
            continue;
        }
        for (int s = 0; s < streams && !p->err; s++) {
            int r = it_ice_add_stream(p->a, comps);
            if (r < 0)
                p->err = r;
        }
    }
    return n;
}

static inline net *net_new(uint64_t seed)
{
    const bool roles[2] = {true, false};
    return net_new_cfg(seed, roles, 1, 1, NULL, NULL);
}

static inline void net_free(net *n)
{
    for (int i = 0; i < 2; i++) {
        it_ice_free(n->p[i].a);
        ck_assert_int_eq(n->p[i].alloc.live, 0);
    }
    free(n->log);
    free(n->flying);
    free(n->signals);
    free(n);
}

static inline void net_nat(net *n, int peer, enum net_nat kind, const char *out)
{
    n->p[peer].nat.kind = kind;
    n->p[peer].nat.out = net_addr(out).ip;
    n->p[peer].nat.next_port = 40000;
}

/* Adds base number n_bases of |peer| with flow |peer| * 100 + number. */
static inline int net_base(net *n, int peer, int stream, int component, const char *addr)
{
    net_peer *p = &n->p[peer];
    int k = p->n_bases, flow = peer * 100 + k;
    p->bases[k] = net_addr(addr);
    p->flows[k] = flow;
    p->n_bases++;
    int r = it_ice_add_base(p->a, n->now, stream, component, flow, p->bases[k]);
    if (r < 0 && !p->err)
        p->err = r;
    return flow;
}

/* --- the path --- */

static inline bool net_out(net_box *b, it_addr in, it_addr dst, it_addr *src)
{
    if (b->kind == NAT_NONE) {
        *src = in;
        return true;
    }
    net_map *m = NULL;
    for (int i = 0; i < b->n && !m; i++)
        if (it_addr_eq(b->maps[i].in, in) && (b->kind != NAT_APDM_APDF || it_addr_eq(b->maps[i].dst, dst)))
            m = &b->maps[i];
    if (!m) {
        if (b->n == NET_MAPS)
            return false;
        m = &b->maps[b->n++];
        *m = (net_map){.in = in, .dst = dst, .out = it_addr_of(b->out, b->next_port++)};
    }
    bool seen = false;
    for (int i = 0; i < m->n_seen; i++)
        seen |= it_addr_eq(m->seen[i], dst);
    if (!seen && m->n_seen < 32)
        m->seen[m->n_seen++] = dst;
    *src = m->out;
    return true;
}

static inline bool net_in(const net_box *b, it_addr src, it_addr dst, it_addr *in)
{
    if (b->kind == NAT_NONE) {
        *in = dst;
        return true;
    }
    for (int i = 0; i < b->n; i++) {
        const net_map *m = &b->maps[i];
        if (!it_addr_eq(m->out, dst))
            continue;
        bool ok = b->kind == NAT_EIM_EIF;
        for (int k = 0; k < m->n_seen; k++)
            ok |= b->kind == NAT_EIM_ADF ? it_ip_eq(m->seen[k].ip, src.ip) : it_addr_eq(m->seen[k], src);
        *in = m->in;
        return ok;
    }
    return false;
}

static inline void net_fly(net *n, int from, it_addr inner, it_addr src, it_addr dst, it_bytes data)
{
    n->log = net_grow(n->log, &n->cap_log, n->n_log + 1, sizeof n->log[0]);
    net_packet *p = &n->log[n->n_log];
    *p = (net_packet){
        .sent = n->now, .seq = ++n->seq, .from = from, .inner_src = inner, .src = src, .dst = dst, .n = data.n};
    ck_assert_uint_le(data.n, sizeof p->data);
    memcpy(p->data, data.p, data.n);
    p->at = n->now + (from < 0 ? 10 * IT_MS : it_addr_eq(dst, n->stun) ? 10 * IT_MS : n->delay[from]);
    n->hash = it_hash_mix(n->hash, (uint64_t)n->now);
    for (size_t i = 0; i < data.n; i++)
        n->hash = it_hash_mix(n->hash, data.p[i]);
    p->lost = (n->lose >= 0 && (int64_t)n->n_log == n->lose) || (n->drop && n->drop(n, p));
    if (!p->lost) {
        n->flying = net_grow(n->flying, &n->cap_flying, n->n_flying + 1, sizeof n->flying[0]);
        n->flying[n->n_flying++] = n->n_log;
    }
    n->n_log++;
}

static inline void net_send(net *n, int peer, const it_io *io)
{
    it_addr src;
    /* A host whose interface is gone does not send. */
    bool have = false;
    for (int i = 0; i < n->p[peer].n_bases; i++)
        have |= it_addr_eq(n->p[peer].bases[i], io->local);
    ck_assert_msg(have, "sent from a base that is none");
    /* The same private network: straight. */
    bool direct = n->p[peer].nat.kind != NAT_NONE && it_ip_private(io->remote.ip);
    if (direct)
        src = io->local;
    else if (!net_out(&n->p[peer].nat, io->local, io->remote, &src))
        return;
    net_fly(n, peer, io->local, src, io->remote, io->data);
}

static inline void net_stun_answer(net *n, const net_packet *p)
{
    it_stun_msg m;
    uint8_t buf[128];
    it_buf b;
    if (n->stun_silent || it_stun_parse(&m, it_bytes_of(p->data, p->n)) || m.cls != IT_STUN_REQUEST)
        return;
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, m.txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, p->src);
    it_stun_put_fingerprint(&b);
    int len = it_stun_end(&b);
    ck_assert_int_gt(len, 0);
    net_fly(n, -1, n->stun, n->stun, p->src, it_bytes_of(buf, (size_t)len));
}

/* Hands |data| to |peer| as if it had come from |src| to the base |dst|. */
static inline void net_give(net *n, int peer, it_addr src, it_addr dst, it_bytes data)
{
    net_peer *p = &n->p[peer];
    for (int i = 0; i < p->n_bases; i++) {
        if (!it_addr_eq(p->bases[i], dst))
            continue;
        it_io in = {.kind = IT_IO_DGRAM, .flow = (uint32_t)p->flows[i], .local = dst, .remote = src, .data = data};
        int r = it_ice_input(p->a, n->now, &in);
        if (r < 0 && !p->err)
            p->err = r;
        return;
    }
}

static inline void net_deliver(net *n, size_t at)
{
    net_packet p = n->log[at];
    it_addr in;
    if (it_addr_eq(p.dst, n->stun)) {
        net_stun_answer(n, &p);
        return;
    }
    for (int i = 0; i < 2; i++) {
        /* Private addresses are reached only where no NAT stands on either side between the two. */
        if (it_ip_private(p.dst.ip) && i == p.from)
            continue;
        if (it_ip_private(p.dst.ip) && n->p[i].nat.kind != NAT_NONE)
            continue;
        if (net_in(&n->p[i].nat, p.src, p.dst, &in))
            net_give(n, i, p.src, in, it_bytes_of(p.data, p.n));
    }
}

/* --- signaling --- */

static inline void net_signal_send(net *n, int from, const it_ice_cand *c, int stream)
{
    const it_ice *a = n->p[from].a;
    if (n->p[from].mute)
        return;
    n->signals = net_grow(n->signals, &n->cap_signals, n->n_signals + 1, sizeof n->signals[0]);
    net_signal *s = &n->signals[n->n_signals++];
    *s = (net_signal){.at = n->now + n->signal_delay, .seq = ++n->seq, .to = 1 - from, .stream = stream};
    s->gen = it_ice_generation(a);
    s->done = !c && stream < 0;
    if (c) {
        s->has_cand = true;
        s->cand = *c;
    }
    (void)snprintf(s->ufrag, sizeof s->ufrag, "%s", it_ice_ufrag(a));
    (void)snprintf(s->pwd, sizeof s->pwd, "%s", it_ice_pwd(a));
}

static inline void net_check(net_peer *p, int r)
{
    if (r < 0 && !p->err)
        p->err = r;
}

static inline void net_signal_take(net *n, const net_signal *s)
{
    net_peer *p = &n->p[s->to];
    if (s->gen < p->far_gen)
        return; /* of a generation that has ended: RFC 8838 section 9 */
    p->far_gen = s->gen;
    net_check(p, it_ice_set_remote(p->a, n->now, s->ufrag, s->pwd));
    if (s->has_cand) {
        it_str text;
        it_alloc m;
        it_ice_cand c;
        it_alloc_init(&m);
        it_str_init(&text, &m);
        it_ice_cand_write(&text, &s->cand);
        ck_assert_int_eq(it_ice_cand_read(&c, it_bytes_str(it_str_c(&text))), 0);
        it_str_fini(&text);
        net_check(p, it_ice_add_remote(p->a, n->now, s->stream, &c));
    }
    if (s->done)
        it_ice_remote_done(p->a, n->now);
}

static inline void net_event(net *n, int peer, const it_ice_event *ev)
{
    net_peer *p = &n->p[peer];
    p->events[ev->kind]++;
    p->when[ev->kind] = n->now;
    if (p->first[ev->kind] == IT_NEVER)
        p->first[ev->kind] = n->now;
    n->hash = it_hash_mix(n->hash, (uint64_t)ev->kind);
    if (ev->kind == IT_ICE_CANDIDATE)
        net_signal_send(n, peer, ev->cand, ev->stream);
    else if (ev->kind == IT_ICE_GATHERED)
        net_signal_send(n, peer, NULL, -1);
    else if (ev->kind == IT_ICE_SELECTED)
        p->sel = ev->pair;
    else if (ev->kind == IT_ICE_PEER)
        p->why = ev->why;
    else if (ev->kind == IT_ICE_CONSENT_LOST || ev->kind == IT_ICE_FAILED)
        p->why_lost = ev->why;
}

static inline void net_pump(net *n)
{
    bool more = true;
    for (int round = 0; more; round++) {
        ck_assert_msg(round < 1000, "1,000 rounds without time moving");
        more = false;
        for (int i = 0; i < 2; i++) {
            net_peer *p = &n->p[i];
            it_io io;
            uint8_t buf[IT_IO_DGRAM_MAX];
            it_ice_event ev;
            int r;
            if (!p->a || p->err)
                continue;
            if (p->sent_gen != it_ice_generation(p->a) + 1) {
                p->sent_gen = it_ice_generation(p->a) + 1;
                net_signal_send(n, i, NULL, 0);
            }
            while ((r = it_ice_output(p->a, n->now, &io, buf, sizeof buf)) == 1) {
                net_send(n, i, &io);
                more = true;
            }
            net_check(p, r);
            while (!p->deaf_to_events && it_ice_event_next(p->a, &ev) == 1) {
                net_event(n, i, &ev);
                more = true;
            }
        }
    }
}

static inline it_time net_next(const net *n)
{
    it_time t = IT_NEVER;
    for (int i = 0; i < 2; i++)
        if (n->p[i].a && !n->p[i].err && it_ice_next(n->p[i].a) < t)
            t = it_ice_next(n->p[i].a);
    for (size_t i = 0; i < n->n_flying; i++)
        if (n->log[n->flying[i]].at < t)
            t = n->log[n->flying[i]].at;
    for (size_t i = 0; i < n->n_signals; i++)
        if (n->signals[i].at < t)
            t = n->signals[i].at;
    return t;
}

static inline void net_step(net *n)
{
    /* Packets and signals by (time, seq), one at a time; then the clocks. */
    for (;;) {
        uint64_t best = UINT64_MAX;
        size_t packet = SIZE_MAX, signal = SIZE_MAX;
        for (size_t i = 0; i < n->n_flying; i++)
            if (n->log[n->flying[i]].at <= n->now && n->log[n->flying[i]].seq < best) {
                best = n->log[n->flying[i]].seq;
                packet = i;
            }
        for (size_t i = 0; i < n->n_signals; i++)
            if (n->signals[i].at <= n->now && n->signals[i].seq < best) {
                best = n->signals[i].seq;
                signal = i;
            }
        if (best == UINT64_MAX)
            break;
        if (signal != SIZE_MAX) {
            net_signal s = n->signals[signal];
            memmove(&n->signals[signal], &n->signals[signal + 1], (n->n_signals - signal - 1) * sizeof s);
            n->n_signals--;
            net_signal_take(n, &s);
        } else {
            size_t at = n->flying[packet];
            memmove(&n->flying[packet], &n->flying[packet + 1], (n->n_flying - packet - 1) * sizeof at);
            n->n_flying--;
            net_deliver(n, at);
        }
        net_pump(n);
    }
    for (int i = 0; i < 2; i++)
        if (n->p[i].a && !n->p[i].err && it_ice_next(n->p[i].a) <= n->now) {
            net_check(&n->p[i], it_ice_tick(n->p[i].a, n->now));
            ck_assert_msg(n->p[i].err || it_ice_next(n->p[i].a) > n->now, "next() is not later than now after a tick");
        }
    net_pump(n);
}

/* Runs until |until| (inclusive) or until an agent reports an error. */
static inline void net_run(net *n, it_time until)
{
    net_pump(n);
    int same = 0;
    while (!n->p[0].err && !n->p[1].err) {
        it_time t = net_next(n);
        if (t > until)
            break;
        ck_assert_msg(t > n->now || ++same < 1000, "time stands still");
        if (t > n->now) {
            n->now = t;
            same = 0;
        }
        net_step(n);
    }
    if (!n->p[0].err && !n->p[1].err && n->now < until)
        n->now = until;
}

static inline void net_gather(net *n)
{
    for (int i = 0; i < 2; i++)
        if (n->p[i].a && !n->p[i].err)
            it_ice_gather(n->p[i].a, n->now);
}

/* The usual start: one base each, NATs as told, gathering. */
static inline void net_start(net *n, enum net_nat a, enum net_nat b)
{
    if (a != NAT_NONE)
        net_nat(n, 0, a, "198.51.100.1:0");
    if (b != NAT_NONE)
        net_nat(n, 1, b, "203.0.113.1:0");
    if (!n->p[0].err)
        (void)net_base(n, 0, 0, 1, a != NAT_NONE ? "10.0.0.2:5000" : "198.51.100.7:5000");
    if (!n->p[1].err)
        (void)net_base(n, 1, 0, 1, b != NAT_NONE ? "192.168.1.2:6000" : "203.0.113.7:6000");
    net_gather(n);
}

static inline bool net_connected(const net *n)
{
    it_ice_pair_view x, y;
    if (it_ice_selected(n->p[0].a, 0, 1, &x) || it_ice_selected(n->p[1].a, 0, 1, &y))
        return false;
    return true;
}

/* --- reading the log --- */

/* The next packet from |peer| at or after index |*i| of class |cls|; fills |m|. NULL at the end. */
static inline const net_packet *net_find(const net *n, size_t *i, int peer, enum it_stun_class cls, it_stun_msg *m)
{
    for (; *i < n->n_log; (*i)++) {
        const net_packet *p = &n->log[*i];
        if (p->from == peer && it_stun_parse(m, it_bytes_of(p->data, p->n)) == 0 && m->cls == cls &&
            !it_addr_eq(p->dst, n->stun)) {
            (*i)++;
            return p;
        }
    }
    return NULL;
}

#endif
