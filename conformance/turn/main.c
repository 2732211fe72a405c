/* Our TURN client on real sockets, at whichever server: it allocates, sends datagrams to a peer that echoes, and says
 * how many came back (docs/interop.md, .ci/interop-turn).
 *
 *     turn URI ADDRESS ROOTS PEER COUNT [HOW]      turn turns:localhost:5349 127.0.0.1 ca.pem 127.0.0.1:3480 1000
 *
 * HOW is "connect" or "accept": by a TCP allocation (RFC 6062) COUNT pieces go over a connection to the peer, or over
 * the first that one of its address opens to the relayed address, which is printed; or "push": like "connect", with no
 * other bound than the room that the client tells of. Or it is "move": after half of the
 * datagrams the allocation moves to another socket (RFC 8016). As user:secret. The name in the URI
 * is the certificate's, ROOTS are trusted (PEM; "-": there is no TLS). Exit codes: 0 all came back, 1 not, 2 a wrong
 * command line. */
#include "lab/loop/loop.h"
#include "stack/crypto/ossl.h"
#include "stack/turn/client.h"
#include "stack/turn/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP (2 * IT_MS)      /* between two datagrams */
#define PATIENCE (5 * IT_SEC) /* after the last one */
#define SIZE 200
#define FLOW 0x1000u /* of streams: beyond the bases */
#define AHEAD                                                                                                          \
    ((size_t)128 * SIZE) /* bytes of a connection under way: coturn 4.6.1 stalls with more than 192 kB each way */

enum caller_how { BY_DATAGRAMS, BY_CONNECTING, BY_ACCEPTING, BY_PUSHING, BY_MOVING, HOWS };

static const char *const HOW[HOWS] = {"", "connect", "accept", "push", "move"};

typedef struct caller {
    it_alloc alloc;
    it_turn_client *turn;
    it_turn_client_cfg cfg;
    it_time date; /* of the loop's beginning: certificates have dates */
    it_addr peer;
    enum caller_how how;
    int app;              /* its number in the loop */
    uint32_t conn;        /* of a TCP allocation */
    bool bind_due, moved; /* to the socket that it binds */
    size_t up, down;      /* bytes of it */
    uint32_t count, sent, received;
    it_time now; /* of the last call that has a time */
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

/* The second socket is there: the allocation moves. Returns 0 or an error. */
static int caller_move(caller *c, const it_io *in)
{
    char text[IT_ADDR_TEXT];
    printf("moves to %s\n", it_addr_text(in->local, text));
    return it_turn_client_move(c->turn, c->now, in->flow, in->local);
}

static int caller_input(void *o, it_time now, const it_io *in)
{
    caller *c = o;
    c->now = now + c->date;
    if (in->kind == IT_IO_BOUND && in->flow < IT_IO_BOUND_FLOW)
        return caller_begin(c, now + c->date, in);
    if (in->kind == IT_IO_BOUND)
        return caller_move(c, in);
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
    if (c->how == BY_MOVING && !c->moved && c->sent >= c->count / 2) {
        c->bind_due = c->received == c->sent; /* nothing is on its way to the old one */
        c->moved = c->bind_due;
        c->ready = !c->moved;
        c->next = now + STEP;
        return 0;
    }
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
    c->now = now;
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
    c->now = now + c->date;
    if (c->bind_due) {
        c->bind_due = false;
        *out = (it_io){.kind = IT_IO_BIND, .flow = IT_IO_BOUND_FLOW, .local = {c->cfg.local.ip, 0}};
        return 1;
    }
    return c->turn ? it_turn_client_output(c->turn, now + c->date, out, buf, cap) : 0;
}

/* --- by a TCP allocation --- */

static uint8_t piece_byte(size_t at)
{
    return (uint8_t)(at % SIZE ? at % SIZE : at / SIZE);
}

/* Reads what came back; a byte that is not the one that was sent ends it. Returns 0 or an error. */
static int caller_read(caller *c, it_time now)
{
    static uint8_t buf[16384];
    int n;
    while ((n = it_turn_client_read(c->turn, now, c->conn, buf, sizeof buf)) > 0)
        for (int i = 0; i < n; i++, c->down++)
            if (buf[i] != piece_byte(c->down)) {
                printf("failed: byte %zu is not what was sent\n", c->down);
                c->ended = true;
                return 0;
            }
    c->received = (uint32_t)(c->down / SIZE);
    return n == IT_ERR_STATE ? 0 : n;
}

/* How many bytes may be on their way. */
static size_t caller_ahead(const caller *c)
{
    return c->how == BY_PUSHING ? SIZE_MAX : AHEAD;
}

/* Writes while there is room and not too much is on its way. Returns 0 or an error. */
static int caller_write(caller *c, it_time now)
{
    uint8_t piece[SIZE];
    size_t total = (size_t)c->count * SIZE, ahead = caller_ahead(c);
    int n = 1;
    while (n > 0 && c->up < total && c->up - c->down < ahead) {
        size_t k = 0;
        for (; k < SIZE && c->up + k < total; k++)
            piece[k] = piece_byte(c->up + k);
        n = it_turn_client_write(c->turn, now, c->conn, it_bytes_of(piece, k));
        c->up += n > 0 ? (size_t)n : 0;
    }
    c->sent = (uint32_t)(c->up / SIZE);
    return n < 0 && n != IT_ERR_STATE ? n : 0;
}

/* Asks for the connection, or lets the peer open it. Returns 0 or an error. */
static int caller_first(caller *c, it_time now)
{
    if (c->how != BY_ACCEPTING)
        return it_turn_client_connect(c->turn, now, c->peer, &c->conn);
    return it_turn_client_permit(c->turn, now, c->peer.ip);
}

/* Reads and writes what can be. Returns 0 or an error. */
static int caller_bytes(caller *c, it_time now, bool readable)
{
    int err = caller_read(c, now);
    if (err == 0)
        err = caller_write(c, now);
    /* What was said has all come back, and nothing is lost by an end: the far side's follows. */
    if (err == 0 && readable && c->received >= c->count)
        err = it_turn_client_finish(c->turn, now, c->conn);
    return err;
}

/* What a TCP allocation has to tell. Returns 0 or an error. */
static int caller_conn(caller *c, it_time now, const it_turn_client_event *ev)
{
    if (ev->kind == IT_TURN_CLIENT_ALLOCATED)
        return caller_first(c, now);
    if (ev->kind == IT_TURN_CLIENT_CONN_ATTEMPT)
        return it_turn_client_accept(c->turn, now, c->conn = ev->conn);
    if (ev->kind == IT_TURN_CLIENT_CONN_ENDED) {
        printf("ended: %d %s\n", ev->code, ev->why ? ev->why : "by both sides");
        c->ended = true;
    }
    if (ev->kind < IT_TURN_CLIENT_CONN_OPEN)
        return 0;
    return caller_bytes(c, now, ev->kind == IT_TURN_CLIENT_CONN_READABLE);
}

/* --- what there is to tell --- */

static void caller_heard(caller *c, const it_turn_client_event *ev)
{
    char text[IT_ADDR_TEXT];
    switch (ev->kind) {
    case IT_TURN_CLIENT_ALLOCATED:
        printf("allocated %s for %u s\n", it_addr_text(ev->relayed[it_ip_none(ev->relayed[0].ip)], text),
               (unsigned)ev->lifetime);
        c->ready = c->how == BY_DATAGRAMS || c->how == BY_MOVING;
        break;
    case IT_TURN_CLIENT_MOVED:
        c->ready = true;
        break;
    case IT_TURN_CLIENT_PERMITTED:
        printf("permitted %s\n", it_addr_text(ev->peer, text));
        break;
    case IT_TURN_CLIENT_DATA:
        c->received += ev->data.n == SIZE && it_addr_eq(ev->peer, c->peer);
        c->ended = c->ended || c->received >= c->count;
        break;
    case IT_TURN_CLIENT_FAILED:
    case IT_TURN_CLIENT_LOST:
    case IT_TURN_CLIENT_REFUSED:
        printf("failed: %d %s\n", ev->code, ev->why ? ev->why : "");
        c->ended = true;
        break;
    default:
        break;
    }
    (void)fflush(stdout); /* who connects to the relayed address waits for the line */
}

static int caller_event(void *o, it_object_event *event)
{
    caller *c = o;
    it_turn_client_event ev;
    int err = 0, any = 0;
    *event = (it_object_event){.kind = 0};
    while (err == 0 && c->turn && it_turn_client_event_next(c->turn, &ev)) {
        any = 1; /* commands were given: there may be something to put out */
        caller_heard(c, &ev);
        if (c->cfg.tcp)
            err = caller_conn(c, c->now, &ev);
    }
    if (err < 0) {
        printf("failed: %s\n", it_err_str(err));
        c->ended = true;
    }
    return err < 0 ? err : any;
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
    fprintf(stderr, "turn: %s\nUsage: turn URI ADDRESS ROOTS PEER COUNT [connect|accept|push|move]\n", what);
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
    (void)it_loop_app(l, c->app); /* it has something to say */
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
    c->app = err;
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

/* Reads how it is to be done: "", or one of HOW. */
static bool read_how(caller *c, const char *word)
{
    while (strcmp(word, HOW[c->how]) != 0)
        if (++c->how == HOWS)
            return false;
    c->cfg.tcp = c->how == BY_CONNECTING || c->how == BY_ACCEPTING || c->how == BY_PUSHING;
    c->cfg.mobility = c->how == BY_MOVING;
    return true;
}

/* Why it cannot be done so over the transport of the URI; NULL: it can. */
static const char *way_amiss(const caller *c)
{
    if (c->cfg.tcp && !c->cfg.stream)
        return "a TCP allocation is made over TCP or TLS (RFC 6062 section 4.1)";
    return c->cfg.mobility && c->cfg.stream ? "an allocation moves over UDP or DTLS" : NULL;
}

/* What is wrong with the command line, and NULL when nothing is: |c| is configured, |uri| read. */
static const char *read_words(caller *c, it_turn_uri *uri, int argc, char **argv)
{
    const char *why = NULL;
    it_ip at;
    if (argc < 6 || argc > 7)
        return "five words, or six";
    if (it_turn_uri_parse(uri, argv[1], &why) < 0)
        return why;
    if (it_ip_parse(&at, argv[2]) < 0 || it_addr_parse(&c->peer, argv[4]) < 0)
        return "no address";
    c->count = (uint32_t)strtoul(argv[5], NULL, 10);
    c->cfg.server = it_addr_of(at, uri->port);
    c->cfg.stream = uri->transport == IT_TURN_OVER_TCP || uri->transport == IT_TURN_OVER_TLS;
    if (!read_how(c, argc == 7 ? argv[6] : ""))
        return "the last word is \"connect\", \"accept\", \"push\" or \"move\"";
    return way_amiss(c);
}

int main(int argc, char **argv)
{
    caller c = {.how = BY_DATAGRAMS};
    it_turn_uri uri;
    uint64_t seed;
    it_alloc_init(&c.alloc);
    c.date = it_loop_date();
    c.cfg = (it_turn_client_cfg){.alloc = &c.alloc,
                                 .username = "user",
                                 .password = "secret",
                                 .bind_after = 4,
                                 .flow = FLOW,
                                 .conn_flow = FLOW + 1};
    const char *wrong = read_words(&c, &uri, argc, argv);
    if (wrong)
        return usage(wrong);
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
