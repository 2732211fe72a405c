/* Our TURN client on real sockets, at whichever server: it allocates, sends datagrams to a peer that echoes, and says
 * how many came back (docs/interop.md, .ci/interop-turn).
 *
 *     turn URI ADDRESS ROOTS PEER COUNT      turn turns:localhost:5349 127.0.0.1 ca.pem 127.0.0.1:3480 1000
 *
 * as user:secret. The name in the URI is the certificate's, ROOTS are trusted (PEM; "-": there is no TLS). Exit codes:
 * 0 all came back, 1 not, 2 a wrong command line. */
#include "lab/loop/loop.h"
#include "stack/crypto/ossl.h"
#include "stack/turn/client.h"
#include "stack/turn/uri.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP (2 * IT_MS)      /* between two datagrams */
#define PATIENCE (5 * IT_SEC) /* after the last one */
#define SIZE 200

typedef struct caller {
    it_alloc alloc;
    it_turn_client *turn;
    it_turn_client_cfg cfg;
    it_time date; /* of the loop's beginning: certificates have dates */
    it_addr peer;
    uint32_t count, sent, received;
    it_time next, over;
    bool ready, ended;
} caller;

/* --- the object --- */

/* A base of the server's family, or of a stream the first: the client begins. Returns 0 or IT_ERR_NOMEM. */
static int caller_begin(caller *c, it_time now, const it_io *in)
{
    if (c->turn || it_ip_is4(in->local.ip) != it_ip_is4(c->cfg.server.ip))
        return 0;
    if (!c->cfg.stream) {
        c->cfg.flow = in->flow;
        c->cfg.local = in->local;
    }
    c->turn = it_turn_client_new(&c->cfg, now);
    return c->turn ? 0 : IT_ERR_NOMEM;
}

static int caller_input(void *o, it_time now, const it_io *in)
{
    caller *c = o;
    if (in->kind == IT_IO_BOUND && in->flow < IT_IO_BOUND_FLOW)
        return caller_begin(c, now + c->date, in);
    return c->turn ? it_turn_client_input(c->turn, now + c->date, in) : (int)in->data.n;
}

static int caller_send(caller *c, it_time now)
{
    uint8_t data[SIZE] = {0};
    it_put32(data, c->sent);
    int err = it_turn_client_send(c->turn, now, c->peer, it_bytes_of(data, sizeof data), false);
    if (err == IT_ERR_FULL || err == IT_ERR_NOMEM)
        return err == IT_ERR_FULL ? 0 : err;
    c->sent++;
    return 0;
}

/* Sends the next datagram, or waits for the last answers. */
static int caller_go_on(caller *c, it_time now)
{
    if (c->sent < c->count) {
        c->next = now + STEP;
        c->over = now + PATIENCE;
        return caller_send(c, now);
    }
    c->next = c->over;
    c->ended = c->ended || c->over <= now || c->received >= c->count;
    if (c->ended)
        c->next = IT_NEVER;
    return 0;
}

static int caller_tick(void *o, it_time at)
{
    caller *c = o;
    it_time now = at + c->date;
    int err = 0;
    if (c->turn && it_turn_client_next(c->turn) <= now)
        err = it_turn_client_tick(c->turn, now);
    return err < 0 || !c->ready || c->next > now ? err : caller_go_on(c, now);
}

static it_time caller_next(const void *o)
{
    const caller *c = o;
    it_time next = c->turn ? it_turn_client_next(c->turn) : IT_NEVER;
    if (c->ready && c->next < next)
        next = c->next;
    if (next == IT_NEVER)
        return next;
    return next > c->date ? next - c->date : 0;
}

static int caller_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    caller *c = o;
    return c->turn ? it_turn_client_output(c->turn, now + c->date, out, buf, cap) : 0;
}

static int caller_event(void *o, it_object_event *unused)
{
    caller *c = o;
    it_turn_client_event ev;
    char text[IT_ADDR_TEXT];
    (void)unused;
    while (c->turn && it_turn_client_event_next(c->turn, &ev)) {
        if (ev.kind == IT_TURN_CLIENT_ALLOCATED) {
            printf("allocated %s for %u s\n", it_addr_text(ev.relayed[it_ip_none(ev.relayed[0].ip)], text),
                   (unsigned)ev.lifetime);
            c->ready = true;
        } else if (ev.kind == IT_TURN_CLIENT_DATA) {
            c->received += ev.data.n == SIZE && it_addr_eq(ev.peer, c->peer);
            c->ended = c->ended || c->received >= c->count;
        } else if (ev.kind == IT_TURN_CLIENT_FAILED || ev.kind == IT_TURN_CLIENT_LOST ||
                   ev.kind == IT_TURN_CLIENT_REFUSED) {
            printf("failed: %d %s\n", ev.code, ev.why ? ev.why : "");
            c->ended = true;
        }
    }
    return 0;
}

static void caller_free(void *o)
{
    it_turn_client_free(((caller *)o)->turn);
}

static const it_object_ops CALLER_OPS = {.kind = "turn client",
                                         .input = caller_input,
                                         .tick = caller_tick,
                                         .next = caller_next,
                                         .output = caller_output,
                                         .event = caller_event,
                                         .free = caller_free,
                                         .errors = true};

/* --- the command line --- */

static int usage(const char *what)
{
    fprintf(stderr, "turn: %s\nUsage: turn URI ADDRESS ROOTS PEER COUNT\n", what);
    return 2;
}

/* Trusts the roots in |file|. Returns 0 or an error. */
static int read_roots(it_tls_trust *t, const char *file)
{
    static char pem[IT_TLS_PEM];
    FILE *f = fopen(file, "r");
    if (!f)
        return IT_ERR_IO;
    size_t n = fread(pem, 1, sizeof pem, f);
    (void)fclose(f);
    int roots = it_tls_trust_read(t, it_bytes_of(pem, n));
    return roots < 0 ? roots : 0;
}

static bool caller_done(void *self)
{
    return ((const caller *)self)->ended;
}

/* Deletes the allocation. Returns 0 or an error. */
static int hang_up(caller *c, it_loop *l)
{
    int err = c->turn ? it_turn_client_close(c->turn, it_loop_now(l) + c->date) : IT_ERR_STATE;
    c->ready = false;
    for (int i = 0; err >= 0 && !it_turn_client_over(c->turn) && i < 20; i++) {
        c->ended = false;
        err = it_loop_wait(l, it_loop_now(l) + 50 * IT_MS, NULL, 0);
    }
    return err;
}

/* Calls, until all came back or nothing more comes. Returns the exit code. */
static int run(caller *c)
{
    it_loop_cfg cfg = {.alloc = &c->alloc, .clock = IT_CLOCK_WALL, .ready = caller_done, .self = c};
    it_loop_app_cfg app = {.name = "turn", .loopback = true};
    it_loop *l = it_loop_new(&cfg);
    if (!l)
        return 1;
    int err = it_loop_add(l, &CALLER_OPS, c, &app, NULL);
    if (err >= 0)
        err = it_loop_wait(l, it_loop_now(l) + 120 * IT_SEC, NULL, 0);
    if (err >= 0)
        err = hang_up(c, l);
    if (err < 0)
        printf("failed: %s\n", it_err_str(err));
    printf("%u sent, %u received%s\n", (unsigned)c->sent, (unsigned)c->received,
           c->turn && it_turn_client_over(c->turn) ? ", deleted" : "");
    it_loop_free(l);
    bool all = c->sent == c->count && c->received == c->count;
    return err < 0 || !all;
}

int main(int argc, char **argv)
{
    caller c = {.ended = false};
    it_turn_uri uri;
    it_ip at;
    const char *why = NULL;
    if (argc != 6)
        return usage("five words");
    if (it_turn_uri_parse(&uri, argv[1], &why) < 0)
        return usage(why);
    if (it_ip_parse(&at, argv[2]) < 0 || it_addr_parse(&c.peer, argv[4]) < 0)
        return usage("no address");
    it_alloc_init(&c.alloc);
    c.count = (uint32_t)strtoul(argv[5], NULL, 10);
    c.date = it_loop_date();
    c.cfg = (it_turn_client_cfg){.alloc = &c.alloc, .username = "user", .password = "secret", .bind_after = 4};
    c.cfg.server = it_addr_of(at, uri.port);
    c.cfg.stream = uri.transport == IT_TURN_OVER_TCP || uri.transport == IT_TURN_OVER_TLS;
    c.cfg.flow = 0x1000; /* beyond the bases */
    uint64_t seed;
    if (it_loop_seed(&seed) < 0 || it_ossl_init() < 0 || it_ossl_use_system() < 0)
        return usage("no randomness");
    it_rng_init(&c.cfg.rng, seed, "turn");
    it_tls_cfg tls = {.client = true, .name = uri.host, .shared = it_tls_shared_new(&c.alloc)};
    it_tls_trust *trust = it_tls_trust_new(&c.alloc);
    tls.trust = trust;
    it_rng_init(&tls.rng, seed, "tls");
    c.cfg.tls = uri.secure ? &tls : NULL;
    if (!tls.shared || !trust || (uri.secure && read_roots(trust, argv[3]) < 0))
        return usage("no roots");
    int code = run(&c);
    it_tls_trust_free(trust);
    it_tls_shared_free((it_tls_shared *)(uintptr_t)tls.shared);
    it_ossl_fini();
    return code;
}
