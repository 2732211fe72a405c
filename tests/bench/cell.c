/* A whole cell, as a scenario has it, driven from C without a script: two hosts behind a NAT each, a STUN and a TURN
 * server; gathering, checks, DTLS, ten seconds of voice both ways as SRTP, 50 packets a second each, and the end.
 *
 *     cell                          the cell; prints how much there was to encrypt
 *     cell crypto RTP RTCP STUN     the same calls of cryptography, of the same sizes, alone: a DTLS handshake, RTP
 * packets and RTCP packets protected and opened, STUN messages proved and checked
 *
 * What happens within run_cell and run_crypto is to be counted: neither the building of the world, certificates among
 * it, nor its end. */
#include "lab/apps/turn.h"
#include "lab/driver/lab.h"
#include "netsim/box/router.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"
#include "stack/b/b.h"
#include "stack/crypto/ossl.h"
#include "stack/srtp/srtp.h"
#include "stack/stun/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TALK (10 * IT_SEC)
#define SIGNAL (50 * IT_MS) /* how long a blob takes to the far side */
#define STEP (10 * IT_MS)
#define BLOBS 64
#define RTP_SIZE (12 + 160)
#define RTCP_SIZE 76
#define STUN_SIZE 100

typedef struct blob {
    it_time at;
    int to;
    uint8_t *data;
    size_t n;
} blob;

typedef struct cell {
    it_alloc alloc;
    it_lab *lab;
    it_node *inet;
    it_dtls_shared *shared;
    it_host *end[2], *stun, *turn;
    int app[2], open, closed, next_net;
    blob v[BLOBS];
    int head, n;
} cell;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "cell: %s\n", what);
    exit(1);
}

/* --- the world --- */

static const it_link_dir_cfg WIRE = {.delay = 5 * IT_MS, .rate = 100000000};

/* Plugs port 1 of a box, or port 0 of a host, into the internet, as the owner of |net|. */
static void plug(cell *c, it_node *n, int port, const char *name, it_ip net)
{
    int at = it_node_add_port(c->inet, name);
    need(at >= 0 && it_link_new(it_lab_world(c->lab), &(it_link_cfg){name, {WIRE, WIRE}}, n, port, c->inet, at) >= 0,
         "no link");
    need(it_router_route(c->inet, (it_prefix){net, 120}, at, (it_ip){0, 0}) == 0, "no route");
}

static it_ip next_net(cell *c)
{
    return it_ip4(0x0b000002u + (uint32_t)++c->next_net * 256);
}

static it_host *make_server(cell *c, const char *name, it_ip ip)
{
    it_host *h = it_host_new(it_lab_world(c->lab), name);
    need(h && it_host_iface(h, "eth") == 0 && it_host_addr(h, 0, ip, 120) == 0, "no server");
    it_host_gateway(h, 0, it_ip4(it_ip_v4(ip) - 1));
    plug(c, it_host_node(h), 0, name, ip);
    return h;
}

/* A host behind a NAT of the profile that everything inherits from. */
static it_host *make_home(cell *c, const char *name)
{
    char box[IT_NAME_MAX];
    it_world *w = it_lab_world(c->lab);
    it_nat_profile p;
    it_ip outside = next_net(c), own = it_ip4(0xc0a80101u), ip = it_ip4(0xc0a80102u);
    it_nat_profile_init(&p);
    snprintf(box, sizeof box, "%s-nat", name);
    it_nat *nat = it_nat_new(w, box, &p);
    it_host *h = it_host_new(w, name);
    need(nat && it_nat_inside(nat, own, 24) == 0 &&
             it_nat_outside(nat, &outside, 1, it_ip4(it_ip_v4(outside) - 1)) == 0,
         "no NAT");
    need(h && it_host_iface(h, "eth") == 0 && it_host_addr(h, 0, ip, 120) == 0, "no host");
    it_host_gateway(h, 0, own);
    need(it_link_new(w, &(it_link_cfg){name, {WIRE, WIRE}}, it_host_node(h), 0, it_nat_node(nat), 0) >= 0, "no link");
    plug(c, it_nat_node(nat), 1, box, outside);
    return h;
}

static void add_servers(cell *c, it_ip stun, it_ip turn)
{
    it_stun_user user = {"user", "secret"};
    it_stun_server_cfg s = {.alloc = &c->alloc};
    it_turn_app_cfg t = {.alloc = &c->alloc, .udp = {3478}, .auth = {.realm = "tank", .users = &user, .n_users = 1}};
    it_rng_init(&s.rng, 1, "stun");
    it_rng_init(&t.rng, 1, "turn");
    c->stun = make_server(c, "stun", stun);
    c->turn = make_server(c, "turn", turn);
    need(it_lab_add(c->lab, c->stun, &it_stun_server_ops, it_stun_server_new(&s), "stun", 3478) >= 0, "no STUN server");
    need(it_lab_add(c->lab, c->turn, &it_app_turn, it_turn_app_new(&t), "turn", -1) >= 0, "no TURN server");
}

static void add_end(cell *c, int i, it_ip stun, it_ip turn)
{
    const char *name = i ? "bob" : "alice";
    it_b_cfg cfg = {.alloc = &c->alloc,
                    .seed = 1,
                    .name = name,
                    .shared = c->shared,
                    .n_stun = 1,
                    .n_turn = 1,
                    .n_streams = 1,
                    .stream = {{.voice = true, .components = 1}},
                    .media = IT_B_MEDIA_SRTP};
    cfg.stun[0] = it_addr_of(stun, 3478);
    cfg.turn[0] = (it_ice_turn){.server = {it_addr_of(turn, 3478)}, .username = "user", .password = "secret"};
    c->end[i] = make_home(c, name);
    cfg.cert = it_lab_cert(c->lab, c->end[i]);
    need(cfg.cert && it_timers_named(&cfg.timers, "rfc") == 0, "no certificate");
    it_b *b = it_b_new(&cfg);
    c->app[i] = b ? it_lab_add(c->lab, c->end[i], &it_b_ops, b, name, -1) : -1;
    need(c->app[i] >= 0, "no B");
}

/* --- the cell --- */

static void take_events(cell *c)
{
    it_lab_event e;
    while (it_lab_event_next(c->lab, &e) > 0) {
        int i = e.app == c->app[1];
        if (e.app != c->app[i]) /* a server's */
            continue;
        c->open += e.ev.kind == IT_EV_OPEN;
        c->closed += e.ev.kind == IT_EV_CLOSED;
        if (e.ev.kind != IT_EV_SIGNAL)
            continue;
        need(c->n - c->head < BLOBS, "too many blobs");
        blob *x = &c->v[c->n++ % BLOBS];
        *x = (blob){it_lab_now(c->lab) + SIGNAL, 1 - i, malloc(e.ev.data.n), e.ev.data.n};
        need(x->data, "no memory");
        memcpy(x->data, e.ev.data.p, e.ev.data.n);
    }
}

static void deliver_blobs(cell *c)
{
    for (; c->head < c->n && c->v[c->head % BLOBS].at <= it_lab_now(c->lab); c->head++) {
        blob *x = &c->v[c->head % BLOBS];
        int err = it_b_signal(it_lab_app(c->lab, c->app[x->to]), it_lab_now(c->lab), it_bytes_of(x->data, x->n));
        need(err == 0 || err == IT_ERR_STATE, "bad blob"); /* one that closed needs none */
        free(x->data);
    }
}

static void run_until(cell *c, it_time end)
{
    for (it_time now = it_lab_now(c->lab); now < end; now += STEP) {
        int r;
        while ((r = it_lab_run(c->lab, now + STEP)) == 1)
            take_events(c);
        need(r == 0, "the world stopped");
        deliver_blobs(c);
    }
}

/* Kept whole, as what happens in it is counted. */
__attribute__((noinline)) static void run_cell(cell *c)
{
    for (int i = 0; i < 2; i++)
        it_b_start(it_lab_app(c->lab, c->app[i]), 0);
    while (c->open < 2 && it_lab_now(c->lab) < 5 * IT_SEC)
        run_until(c, it_lab_now(c->lab) + STEP);
    run_until(c, it_lab_now(c->lab) + TALK);
    it_b_close(it_lab_app(c->lab, c->app[0]), it_lab_now(c->lab));
    run_until(c, it_lab_now(c->lab) + IT_SEC);
}

static int do_cell(cell *c)
{
    it_ip stun = next_net(c), turn = next_net(c);
    c->lab = it_lab_new(&(it_lab_cfg){&c->alloc, 1});
    need(c->lab && (c->inet = it_router_new(it_lab_world(c->lab), "inet")), "no world");
    add_servers(c, stun, turn);
    for (int i = 0; i < 2; i++)
        add_end(c, i, stun, turn);
    need(it_lab_flush(c->lab) == 0, "no sockets");
    run_cell(c);
    it_media_stats m[2];
    uint64_t stun_bytes = 0;
    for (int i = 0; i < 2; i++) {
        need(it_b_stream_media(it_lab_app_state(c->lab, c->app[i]), 0, &m[i]), "no media");
        stun_bytes += it_host_stat(c->end[i]).rx_stun_bytes;
    }
    stun_bytes += it_host_stat(c->stun).rx_stun_bytes + it_host_stat(c->turn).rx_stun_bytes;
    printf("rtp=%" PRIu64 " rtcp=%" PRIu64 " stun=%" PRIu64 " received=%" PRIu64 " open=%d closed=%d\n",
           m[0].sent + m[1].sent, m[0].reports_sent + m[1].reports_sent, stun_bytes / STUN_SIZE,
           m[0].received + m[1].received, c->open, c->closed);
    need(c->open == 2 && c->closed == 2 && m[0].received >= 490 && m[1].received >= 490, "no whole call");
    it_lab_free(c->lab);
    return 0;
}

/* --- cryptography alone --- */

typedef struct keyed {
    it_dtls *end[2];
    it_srtp_session *out[2], *in[2];
} keyed;

static void take_keys(cell *c, keyed *k, int i)
{
    it_dtls_event ev;
    while (it_dtls_event_next(k->end[i], &ev) > 0) {
        it_srtp_cfg out = {.alloc = &c->alloc}, in = {.alloc = &c->alloc};
        if (ev.kind != IT_DTLS_OPEN)
            continue;
        need(it_srtp_exported(ev.srtp, ev.data, i == 0, &out, &in) == 0 && it_srtp_new(&out, &k->out[i]) == 0 &&
                 it_srtp_new(&in, &k->in[i]) == 0,
             "no keys");
    }
}

/* Gives each end what the other has written, until neither writes. */
static void shake_hands(cell *c, keyed *k)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < 2; i++) {
            take_keys(c, k, i);
            while (it_dtls_output(k->end[i], 0, &io, buf, sizeof buf) > 0) {
                any = true;
                need(it_dtls_input(k->end[1 - i], 0, &io) >= 0, "DTLS");
            }
        }
    }
}

static void packets(keyed *k, int n, size_t size, bool control)
{
    uint8_t p[RTP_SIZE + IT_SRTP_RTCP_GROWTH] = {0x80};
    for (int j = 0; j < n; j++) {
        int i = j % 2, len;
        p[0] = 0x80;
        p[1] = control ? 200 : 111;
        it_put16(p + 2, control ? (uint16_t)(size / 4 - 1) : (uint16_t)(j / 2));
        it_put32(p + 4, control ? (uint32_t)i : (uint32_t)j);
        it_put32(p + 8, (uint32_t)i);
        len = control ? it_srtp_protect_rtcp(k->out[i], p, size, sizeof p)
                      : it_srtp_protect(k->out[i], p, size, sizeof p);
        need(len > 0, "protect");
        len = control ? it_srtp_unprotect_rtcp(k->in[1 - i], p, (size_t)len)
                      : it_srtp_unprotect(k->in[1 - i], p, (size_t)len);
        need(len == (int)size, "unprotect");
    }
}

/* Kept whole, as what happens in it is counted. */
__attribute__((noinline)) static void run_crypto(cell *c, keyed *k, const int count[3])
{
    uint8_t message[STUN_SIZE] = {0}, mac[IT_SHA1_SIZE];
    it_hmac_key key;
    for (int i = 0; i < 2; i++)
        it_dtls_start(k->end[i], 0);
    shake_hands(c, k);
    need(k->out[0] && k->out[1], "no handshake");
    packets(k, count[0], RTP_SIZE, false);
    packets(k, count[1], RTCP_SIZE, true);
    it_hmac_key_init(&key, it_bytes_str("a password of an agent"));
    for (int i = 0; i < 2 * count[2]; i++) /* proved by one end, checked by the other */
        it_hmac_sha1(&key, mac, it_bytes_of(message, sizeof message), it_bytes_of(NULL, 0));
}

static int do_crypto(cell *c, char **argv)
{
    int count[3];
    keyed k = {.end = {NULL, NULL}};
    it_dtls_cert *cert[2];
    it_rng r;
    for (int i = 0; i < 3; i++)
        count[i] = atoi(argv[i]);
    for (int i = 0; i < 2; i++) {
        it_rng_init(&r, 1, i ? "bob" : "alice");
        cert[i] = it_dtls_cert_new(&c->alloc, &r, 0);
        need(cert[i], "no certificate");
    }
    for (int i = 0; i < 2; i++) {
        it_dtls_cfg cfg = {.alloc = &c->alloc, .shared = c->shared, .cert = cert[i], .client = i == 0};
        it_rng_init(&cfg.rng, 2, i ? "bob" : "alice");
        k.end[i] = it_dtls_new(&cfg);
        need(k.end[i] && it_dtls_set_media(k.end[i], &(it_dtls_media){.srtp = {7, 1}, .any_key = true}) == 0,
             "no DTLS");
        it_dtls_set_peer(k.end[i], 0, it_dtls_cert_fingerprint(cert[1 - i]));
    }
    run_crypto(c, &k, count);
    for (int i = 0; i < 2; i++) {
        it_srtp_free(k.out[i]);
        it_srtp_free(k.in[i]);
        it_dtls_free(k.end[i]);
        it_dtls_cert_free(cert[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static cell c;
    it_alloc_init(&c.alloc);
    need(argc == 1 || (argc == 5 && strcmp(argv[1], "crypto") == 0), "usage: cell [crypto RTP RTCP STUN]");
    need(it_ossl_init() == 0, "no OpenSSL");
    c.shared = it_dtls_shared_new(&c.alloc);
    need(c.shared, "no DTLS");
    int rc = argc == 1 ? do_cell(&c) : do_crypto(&c, argv + 2);
    it_dtls_shared_free(c.shared);
    it_ossl_fini();
    return rc;
}
