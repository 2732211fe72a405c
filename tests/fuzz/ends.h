/* What the fuzz targets of whole ends share: a wire whose datagrams wait until the input says what becomes of them. */
#ifndef IT_TESTS_FUZZ_ENDS_H
#define IT_TESTS_FUZZ_ENDS_H

#include "base/addr.h"
#include "base/time.h"
#include "stack/crypto/ossl.h"
#include "stack/dtls/dtls.h"
#include "tests/fuzz/fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#define ENDS_CPU 20 /* seconds of processor time that an input may take */
#define ENDS_WIRE 512
#define ENDS_STEPS 150 /* of an input */

/* A datagram, or a blob, on its way. */
typedef struct ends_item {
    int to;
    bool blob;
    it_addr src, dst;
    size_t n;
    uint8_t *d;
} ends_item;

typedef struct ends_wire {
    ends_item v[ENDS_WIRE];
    int n;
} ends_wire;

static inline void ends_put(ends_wire *w, ends_item it, it_bytes d)
{
    if (w->n == ENDS_WIRE)
        return;
    it.n = d.n;
    it.d = fuzz_exact(d);
    w->v[w->n++] = it;
}

/* Takes item |i| off the wire; its bytes are the caller's. */
static inline ends_item ends_take(ends_wire *w, int i)
{
    ends_item it = w->v[i];
    memmove(&w->v[i], &w->v[i + 1], (size_t)(w->n - i - 1) * sizeof w->v[0]);
    w->n--;
    return it;
}

static inline void ends_clear(ends_wire *w)
{
    while (w->n)
        free(ends_take(w, 0).d);
}

static inline it_addr ends_addr(const char *text)
{
    it_addr a;
    MUST(it_addr_parse(&a, text) == 0);
    return a;
}

/* Changes up to four bytes of |it|, or cuts it short, as the input says. */
static inline void ends_mutate(fuzz *f, ends_item *it)
{
    unsigned how = fuzz_u8(f);
    if (how & 16) {
        it->n = it->n ? fuzz_u16(f) % it->n : 0;
        return;
    }
    for (unsigned k = 0; k <= (how & 3) && it->n; k++) {
        size_t at = fuzz_u16(f) % it->n;
        it->d[at] ^= fuzz_u8(f);
    }
}

/* A record of DTLS that somebody forged: type and epoch as the input says, a body from it. Returns its size. */
static inline size_t ends_forge(fuzz *f, uint8_t out[96])
{
    unsigned kind = fuzz_u8(f);
    size_t n = fuzz_u8(f) % 80;
    memset(out, 0, 96);
    out[0] = (uint8_t)(20 + (kind & 3));
    out[1] = 0xfe;
    out[2] = kind & 4 ? 0xff : 0xfd;
    out[4] = kind >> 3 & 3;
    out[10] = fuzz_u8(f);
    out[12] = (uint8_t)n;
    for (size_t i = 0; i < n; i++)
        out[13 + i] = fuzz_u8(f);
    if (kind & 32 && n >= 12) { /* a fragment that fits */
        memset(out + 14, 0, 11);
        out[16] = out[24] = (uint8_t)(n - 12);
        out[18] = fuzz_u8(f) & 7;
    }
    return 13 + n;
}

static void ends_over_time(int sig)
{
    (void)sig;
    fuzz_fail("an input ends within ENDS_CPU seconds", __FILE__, __LINE__);
}

/* Ends an input that takes longer than ENDS_CPU, as a finding. libFuzzer's own limit cannot: it reads the clock that is
 * replaced while OpenSSL runs, and would see years pass. The kernel's timer knows no clock but the processor's. */
static inline void ends_limit(void)
{
    struct itimerval limit = {.it_value = {.tv_sec = ENDS_CPU}};
    (void)signal(SIGVTALRM, ends_over_time);
    MUST(setitimer(ITIMER_VIRTUAL, &limit, NULL) == 0);
}

/* Contexts and certificates, made once in a process under constant streams: no state of an input. What each input
 * begins with. */
static it_alloc ends_outside;
static it_dtls_shared *ends_shared;
static it_dtls_cert *ends_cert[2];

static inline void ends_once(void)
{
    ends_limit();
    if (ends_shared)
        return;
    it_alloc_init(&ends_outside);
    MUST(it_ossl_init() == 0);
    ends_shared = it_dtls_shared_new(&ends_outside);
    for (int i = 0; i < 2; i++) {
        it_rng r;
        it_rng_init(&r, (uint64_t)i, "cert");
        ends_cert[i] = it_dtls_cert_new(&ends_outside, &r, 0);
        MUST(ends_shared && ends_cert[i]);
    }
}

#endif
