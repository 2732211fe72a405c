/* RTMFP: two ends that open a session, and packets of user data, each beside the cryptography in it alone.
 *
 *     rtmfp              prints how many datagrams there were, for callgrind to count by (tests/bench/run)
 *
 * What happens within run_setup is to be counted, and beside it crypto_setup: the keys that both make and combine,
 * and the packets of the handshake sealed and opened. Likewise run_data, a message of 160 bytes every 20 ms with its
 * acknowledgments, and crypto_data, as many packets of those sizes sealed and opened. */
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/rtmfp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 1000
#define SIZE 160
#define SIZES 8192

typedef struct pair {
    it_alloc mem;
    it_rtmfp *end[2];
    it_addr at[2];
    it_time now;
    uint32_t session;
    uint32_t got;
    uint16_t size[SIZES]; /* of datagrams, as they went */
    int sizes;
    bool open[2];
} pair;

static const uint8_t EPD[] = "\x07\x0artmfp:";

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "rtmfp: %s\n", what);
    exit(1);
}

/* Takes what end |i| says to the other one, and what it tells; whether there was anything. */
static bool pair_drain(pair *p, int i)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_rtmfp_event ev;
    it_io io;
    bool any = false;
    while (it_rtmfp_output(p->end[i], p->now, &io, buf, sizeof buf) == 1) {
        any = true;
        need(p->sizes < SIZES, "too many datagrams");
        p->size[p->sizes++] = (uint16_t)io.data.n;
        it_io in = {.kind = IT_IO_DGRAM, .local = p->at[1 - i], .remote = p->at[i], .data = io.data};
        need(it_rtmfp_input(p->end[1 - i], p->now, &in) >= 0, "not taken");
    }
    while (it_rtmfp_event_next(p->end[i], &ev)) {
        p->open[i] |= ev.kind == IT_RTMFP_EV_OPEN;
        p->got += ev.kind == IT_RTMFP_EV_MESSAGE;
    }
    return any;
}

static void pair_run(pair *p, it_time until)
{
    for (;;) {
        while (pair_drain(p, 0) | pair_drain(p, 1))
            continue;
        it_time at = until;
        for (int i = 0; i < 2; i++)
            if (it_rtmfp_next(p->end[i]) < at)
                at = it_rtmfp_next(p->end[i]);
        if (at >= until)
            break;
        p->now = at;
        for (int i = 0; i < 2; i++)
            need(it_rtmfp_tick(p->end[i], p->now) >= 0, "no tick");
    }
    p->now = until;
}

/* --- what is counted; kept whole --- */

__attribute__((noinline)) static void run_setup(pair *p)
{
    need(it_rtmfp_connect(p->end[0], p->now, it_bytes_of(EPD, sizeof EPD - 1), &p->at[1], 1, &p->session) == 0,
         "no session");
    while (!p->open[0] || !p->open[1])
        pair_run(p, p->now + IT_MS);
}

__attribute__((noinline)) static void run_data(pair *p, uint64_t flow)
{
    uint8_t data[SIZE] = {0};
    for (int i = 0; i < MESSAGES; i++) {
        need(it_rtmfp_flow_write(p->end[0], p->now, p->session, flow, it_bytes_of(data, sizeof data), NULL, NULL) == 0,
             "not written");
        pair_run(p, p->now + 20 * IT_MS);
    }
}

/* Seals and opens packets that become datagrams of those sizes. */
static void seal_all(it_rtmfp_keys k[2], const uint16_t *size, int n)
{
    uint8_t plain[IT_IO_DGRAM_MAX] = {0}, sealed[IT_IO_DGRAM_MAX], out[IT_IO_DGRAM_MAX];
    for (int i = 0; i < n; i++) {
        size_t room = it_rtmfp_seal_room(&k[0], size[i]);
        int got = it_rtmfp_seal(&k[0], 1, it_bytes_of(plain, room), sealed, sizeof sealed);
        it_bytes back;
        need(got > 0 && it_rtmfp_open(&k[1], it_bytes_of(sealed, (size_t)got), out, sizeof out, &back) == 0,
             "not sealed");
    }
}

/* The caller's key is its certificate's; the other one makes one for the session, and both combine. */
__attribute__((noinline)) static void crypto_setup(it_rtmfp_dh dh[2], it_rtmfp_keys k[2], const uint16_t *size, int n)
{
    uint8_t secret[IT_RTMFP_DH_MOST];
    it_rng rng;
    it_rng_init(&rng, 2, "keys");
    need(it_rtmfp_dh_make(&dh[1], IT_RTMFP_GROUP_2, &rng, 0) == 0, "no keys");
    for (int i = 0; i < 2; i++)
        need(it_rtmfp_dh_combine(&dh[i], it_bytes_of(dh[1 - i].pub, dh[1 - i].size), secret) > 0, "no secret");
    seal_all(k, size, n);
}

__attribute__((noinline)) static void crypto_data(it_rtmfp_keys k[2], const uint16_t *size, int n)
{
    seal_all(k, size, n);
}

/* --- around it --- */

static void pair_init(pair *p)
{
    it_alloc_init(&p->mem);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_cfg cfg = {.alloc = &p->mem,
                            .identity = {.is_static = i == 0, .ancillary = i == 1},
                            .policy = {.mac = IT_RTMFP_REQUIRE, .seq = IT_RTMFP_REQUIRE},
                            .accept = true};
        it_rng_init(&cfg.rng, (uint64_t)i, "rtmfp");
        need(it_rtmfp_new(&cfg, 0, &p->end[i]) == 0, "no end");
        p->at[i] = (it_addr){it_ip4(0xcb007101u + (uint32_t)i), 1935};
        need(it_rtmfp_input(p->end[i], 0, &(it_io){.kind = IT_IO_BOUND, .local = p->at[i]}) >= 0, "no base");
    }
}

int main(void)
{
    static pair p;
    it_rtmfp_dh dh[2];
    it_rtmfp_keys start[2], k[2];
    it_rtmfp_secrets s = {.encrypt = {1},
                          .decrypt = {1},
                          .mac_tx = {2},
                          .mac_rx = {2},
                          .mac_tx_size = 16,
                          .mac_rx_size = 16,
                          .seq_tx = true,
                          .seq_rx = true};
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("bench")};
    uint64_t flow;
    it_rng rng;
    need(it_ossl_init() == 0, "no OpenSSL");
    pair_init(&p);
    it_rng_init(&rng, 1, "keys");
    need(it_rtmfp_dh_make(&dh[0], IT_RTMFP_GROUP_2, &rng, 0) == 0, "no keys");
    for (int i = 0; i < 2; i++)
        need(it_rtmfp_keys_init_default(&start[i]) == 0 && it_rtmfp_keys_init(&k[i], &s) == 0, "no keys");
    run_setup(&p);
    int setup = p.sizes;
    crypto_setup(dh, start, p.size, setup);
    need(it_rtmfp_flow_open(p.end[0], p.now, p.session, &o, &flow) == 0, "no flow");
    run_data(&p, flow);
    need(p.got == MESSAGES, "messages are missing");
    crypto_data(k, p.size + setup, p.sizes - setup);
    printf("setup=%d data=%d messages=%d\n", setup, p.sizes - setup, MESSAGES);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_keys_wipe(&start[i]);
        it_rtmfp_keys_wipe(&k[i]);
        it_rtmfp_free(p.end[i]);
    }
    it_ossl_fini();
    return 0;
}
