/* A certificate authority, and two ends of TLS joined by streams that a test may cut, change or end. */
#ifndef IT_TESTS_STACK_TLS_ENDS_H
#define IT_TESTS_STACK_TLS_ENDS_H

#include "stack/crypto/ossl.h"
#include "stack/stream/layers.h"
#include "stack/tls/record.h"
#include "stack/tls/tls.h"

#include <check.h>
#include <string.h>

enum { CLIENT, SERVER };

typedef struct tls_end_of {
    it_stream s;
    it_layers ls;
    uint8_t heard[65536]; /* what the application has read */
    size_t n_heard;
    bool opened, fin, rst;
    int err;        /* IT_ERR_NOMEM: this end has none */
    size_t sent;    /* bytes that have gone out below */
    uint64_t print; /* of them */
} tls_end_of;

typedef struct ends {
    it_alloc own, *mem[2];
    it_tls_shared *shared;
    it_rng ca;
    it_tls_cert *root, *other, *leaf;
    it_tls_trust *trust;
    it_time now;
    size_t chunk; /* bytes at a time */
    tls_end_of e[2];
} ends;

static inline it_tls_cert_cfg ends_cert(ends *w, const char *subject)
{
    return (it_tls_cert_cfg){.alloc = &w->own,
                             .stream = &w->ca,
                             .now = 0,
                             .subject = subject,
                             .from = -86400 * IT_SEC,
                             .until = 90 * 86400 * IT_SEC};
}

static inline it_tls_cert *ends_leaf(ends *w, const it_tls_cert *root, const char *name)
{
    const char *names[] = {name};
    it_tls_cert_cfg c = ends_cert(w, "server");
    c.names = names;
    c.n_names = 1;
    return it_tls_leaf_new(&c, root);
}

static inline void ends_init(ends *w)
{
    memset(w, 0, sizeof *w);
    it_alloc_init(&w->own);
    w->mem[0] = w->mem[1] = &w->own;
    w->chunk = 1000000;
    w->now = 5 * IT_SEC;
    ck_assert_int_eq(it_ossl_init(), 0);
    w->shared = it_tls_shared_new(&w->own);
    it_rng_init(&w->ca, 1, "ca");
    it_tls_cert_cfg c = ends_cert(w, "root");
    w->root = it_tls_root_new(&c);
    w->other = it_tls_root_new(&c);
    w->leaf = ends_leaf(w, w->root, "relay.example");
    w->trust = it_tls_trust_new(&w->own);
    ck_assert(w->shared && w->root && w->other && w->leaf && w->trust);
    ck_assert_int_eq(it_tls_trust_add(w->trust, w->root), 0);
}

/* What both ends begin with; a test changes it before ends_begin. */
static inline it_tls_cfg ends_cfg(ends *w, int i)
{
    it_tls_cfg c = {.alloc = w->mem[i], .shared = w->shared, .client = i == CLIENT};
    it_rng_init(&c.rng, 7, i == CLIENT ? "client" : "server");
    c.name = "relay.example";
    c.trust = w->trust;
    c.cert = w->leaf;
    return c;
}

/* Makes end |i| as |cfg| says, and its stream open. */
static inline void ends_begin(ends *w, int i, const it_tls_cfg *cfg)
{
    tls_end_of *e = &w->e[i];
    it_io in = {.kind = i == CLIENT ? IT_IO_OPENED : IT_IO_ACCEPTED, .flow = 1, .data = {NULL, 100000000}};
    it_layers_init(&e->ls, w->mem[i], &e->s);
    it_layer l = it_tls_layer(cfg);
    if (!l.ops) {
        e->err = IT_ERR_NOMEM;
        return;
    }
    ck_assert_int_eq(it_layers_push(&e->ls, l), 0);
    if (i == CLIENT)
        it_stream_open(&e->s, 1, (it_addr){{0, 0}, 0}, (it_addr){{0, 0}, 443});
    else
        it_stream_accept(&e->s, &in);
    if (i == CLIENT)
        (void)it_stream_output(&e->s, &(it_io){.kind = IT_IO_OPEN}, NULL, 0);
    int n = it_layers_input(&e->ls, w->now, &in);
    e->err = n < 0 ? n : 0;
}

static inline const it_tls_info *ends_info(ends *w, int i)
{
    return it_tls_layer_info(&w->e[i].ls.v[0]);
}

/* Gives end |i| what came, as far as it takes it now. Returns the bytes taken. */
static inline size_t ends_give(ends *w, int i, const it_io *in)
{
    tls_end_of *e = &w->e[i];
    if (e->err || e->ls.n == 0)
        return in->data.n;
    int n = it_layers_input(&e->ls, w->now, in);
    if (n < 0)
        e->err = n;
    return n < 0 ? in->data.n : (size_t)n;
}

static inline bool ends_read(ends *w, int i)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    tls_end_of *e = &w->e[i];
    it_io out;
    if (e->err || e->ls.n == 0)
        return false;
    int n = it_layers_read(&e->ls, w->now, &out, buf, sizeof buf);
    e->err = n < 0 ? n : 0;
    if (n <= 0)
        return false;
    e->opened = e->opened || out.kind == IT_IO_OPENED;
    e->fin = e->fin || out.kind == IT_IO_FIN;
    e->rst = e->rst || out.kind == IT_IO_RST;
    if (out.kind == IT_IO_DATA) {
        ck_assert_uint_le(e->n_heard + out.data.n, sizeof e->heard);
        memcpy(e->heard + e->n_heard, out.data.p, out.data.n);
        e->n_heard += out.data.n;
    }
    return true;
}

/* Carries one io from end |i| to the other, in chunks. False: there is none. */
static inline bool ends_carry(ends *w, int i)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    tls_end_of *e = &w->e[i];
    it_io out;
    if (e->err || e->ls.n == 0)
        return false;
    int n = it_layers_output(&e->ls, w->now, &out, buf, sizeof buf);
    e->err = n < 0 ? n : 0;
    if (n <= 0)
        return false;
    for (size_t k = 0; k < out.data.n; k++)
        e->print = it_hash_mix(e->print, out.data.p[k]);
    e->sent += out.data.n;
    if (out.kind != IT_IO_DATA) {
        (void)ends_give(w, 1 - i, &out);
        return true;
    }
    for (size_t at = 0; at < out.data.n;) {
        size_t k = out.data.n - at < w->chunk ? out.data.n - at : w->chunk;
        it_io in = out;
        in.data = it_bytes_of(out.data.p + at, k);
        at += ends_give(w, 1 - i, &in);
        while (ends_read(w, 1 - i))
            continue;
    }
    return true;
}

/* Until nothing moves. */
static inline void ends_run(ends *w)
{
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            more |= ends_read(w, i);
            more |= ends_carry(w, i);
        }
    }
}

static inline void ends_both(ends *w, const it_tls_cfg *client, const it_tls_cfg *server)
{
    ends_begin(w, SERVER, server);
    ends_begin(w, CLIENT, client);
    ends_run(w);
}

static inline size_t ends_say(ends *w, int i, it_bytes data)
{
    tls_end_of *e = &w->e[i];
    if (e->err || e->ls.n == 0)
        return 0;
    int n = it_layers_write(&e->ls, w->now, &(it_io){.kind = IT_IO_DATA, .data = data});
    e->err = n < 0 ? n : 0;
    return n < 0 ? 0 : (size_t)n;
}

static inline void ends_finish(ends *w, int i)
{
    if (!w->e[i].err && w->e[i].ls.n)
        ck_assert_int_ge(it_layers_write(&w->e[i].ls, w->now, &(it_io){.kind = IT_IO_FIN}), 0);
}

/* Frees both ends, for another pair. */
static inline void ends_clear(ends *w)
{
    for (int i = 0; i < 2; i++) {
        it_layers_fini(&w->e[i].ls);
        memset(&w->e[i], 0, sizeof w->e[i]);
    }
}

static inline void ends_fini(ends *w)
{
    ends_clear(w);
    it_tls_trust_free(w->trust);
    it_tls_cert_free(w->leaf);
    it_tls_cert_free(w->other);
    it_tls_cert_free(w->root);
    it_tls_shared_free(w->shared);
    ck_assert_int_eq(w->own.live, 0);
    it_ossl_fini();
}

#endif
