/* Two ends of DTLS and a wire without delay, on which a test may cut the client's hello in pieces. */
#ifndef IT_TESTS_STACK_DTLS_WIRE_H
#define IT_TESTS_STACK_DTLS_WIRE_H

#include "stack/crypto/ossl.h"
#include "stack/dtls/impl.h"

#include <check.h>
#include <stdlib.h>

typedef struct wire {
    it_alloc mem;
    it_dtls_shared *shared;
    it_dtls_cert *cert[2];
    it_dtls *end[2]; /* 0: client */
    it_time now;
    bool open[2], failed[2];
    uint16_t srtp[2];
    uint8_t keys[2][IT_DTLS_EXPORT_MAX];
    size_t n_keys[2];
} wire;

static inline void wire_init(wire *w)
{
    *w = (wire){.now = 0};
    it_alloc_init(&w->mem);
    ck_assert_int_eq(it_ossl_init(), 0);
    w->shared = it_dtls_shared_new(&w->mem);
    ck_assert_ptr_nonnull(w->shared);
    for (int i = 0; i < 2; i++) {
        it_rng r;
        it_rng_init(&r, (uint64_t)i, "cert");
        w->cert[i] = it_dtls_cert_new(&w->mem, &r, 0);
        ck_assert_ptr_nonnull(w->cert[i]);
    }
}

/* Makes both ends, which trust each other. */
static inline void wire_ends(wire *w)
{
    for (int i = 0; i < 2; i++) {
        it_dtls_cfg c = {.alloc = &w->mem, .shared = w->shared, .cert = w->cert[i], .client = i == 0};
        it_rng_init(&c.rng, 1, i ? "bob" : "alice");
        w->end[i] = it_dtls_new(&c);
        ck_assert_ptr_nonnull(w->end[i]);
        it_dtls_set_peer(w->end[i], 0, it_dtls_cert_fingerprint(w->cert[1 - i]));
    }
}

static inline void wire_fini(wire *w)
{
    it_dtls_free(w->end[0]);
    it_dtls_free(w->end[1]);
    it_dtls_cert_free(w->cert[0]);
    it_dtls_cert_free(w->cert[1]);
    it_dtls_shared_free(w->shared);
    ck_assert_int_eq(w->mem.live, 0);
    it_ossl_fini();
}

static inline void wire_give(wire *w, int to, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .data = d};
    ck_assert_int_eq(it_dtls_input(w->end[to], w->now, &in), (int)d.n);
}

static inline void wire_events(wire *w, int i)
{
    it_dtls_event ev;
    while (it_dtls_event_next(w->end[i], &ev)) {
        w->failed[i] = w->failed[i] || ev.kind == IT_DTLS_FAILED;
        if (ev.kind != IT_DTLS_OPEN)
            continue;
        w->open[i] = true;
        w->srtp[i] = ev.srtp;
        w->n_keys[i] = ev.data.n;
        if (ev.data.n)
            memcpy(w->keys[i], ev.data.p, ev.data.n);
    }
}

/* The next datagram of end |i|; empty when there is none. */
static inline it_bytes wire_take(wire *w, int i, uint8_t *buf)
{
    it_io out;
    wire_events(w, i);
    if (it_dtls_output(w->end[i], w->now, &out, buf, IT_IO_DGRAM_MAX) != 1)
        return it_bytes_of(NULL, 0);
    return out.data;
}

/* Carries datagrams until nobody has any. */
static inline void wire_run(wire *w)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++)
            for (it_bytes d = wire_take(w, i, buf); d.n; d = wire_take(w, i, buf)) {
                more = true;
                wire_give(w, 1 - i, d);
            }
    }
    wire_events(w, 0);
    wire_events(w, 1);
}

#endif
