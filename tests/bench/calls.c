/* Calls: what a world of many calls, or a call beside many idle sockets, costs the driver, the stack and the world.
 *
 *     calls CALLS IDLE
 *
 * CALLS calls of model B between two hosts of their own each, around one router, with voice both ways: five seconds of
 * virtual time. IDLE further apps have sockets and nothing to say: half of them on the hosts of the first call, a
 * quarter a host of their own each, and a quarter bind their sockets for themselves. What happens within run_calls is
 * to be counted: neither the building of the world nor its end. Prints how many calls are open, datagrams and messages.
 */
#include "lab/driver/lab.h"
#include "netsim/box/router.h"
#include "netsim/core/link.h"
#include "stack/b/b.h"
#include "stack/crypto/ossl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LASTS (5 * IT_SEC)
#define SIGNAL (50 * IT_MS) /* how long a blob takes to the far side, a multiple of STEP */
#define STEP (10 * IT_MS)
#define BLOBS 4096

typedef struct blob {
    it_time at;
    int to;
    uint8_t *data;
    size_t n;
} blob;

typedef struct town {
    it_alloc alloc;
    it_lab *lab;
    it_node *inet;
    it_dtls_shared *shared;
    int n_hosts, n_calls, n_open;
    blob v[BLOBS];
    size_t head, n; /* in the order of |at|: all take the same time */
} town;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "calls: %s\n", what);
    exit(1);
}

/* A host of its own network, plugged into the internet. */
static it_host *make_host(town *t)
{
    char name[32];
    it_world *w = it_lab_world(t->lab);
    it_ip ip = it_ip4(0x0b000000u + (uint32_t)++t->n_hosts * 256 + 2), gateway = it_ip4(it_ip_v4(ip) - 1);
    snprintf(name, sizeof name, "host-%d", t->n_hosts);
    it_host *h = it_host_new(w, name);
    need(h && it_host_iface(h, "eth") == 0 && it_host_addr(h, 0, ip, 120) == 0, "no host");
    it_host_gateway(h, 0, gateway);
    snprintf(name, sizeof name, "to-%d", t->n_hosts);
    int at = it_node_add_port(t->inet, name);
    it_link_dir_cfg d = {.delay = 5 * IT_MS, .rate = 100000000};
    need(at >= 0 && it_link_new(w, &(it_link_cfg){name, {d, d}}, it_host_node(h), 0, t->inet, at) >= 0, "no link");
    need(it_router_route(t->inet, (it_prefix){ip, 120}, at, (it_ip){0, 0}) == 0, "no route");
    return h;
}

/* --- idle apps --- */

typedef struct idle {
    bool binds, bound;
    it_ip ip;
} idle;

static int idle_input(void *o, it_time now, const it_io *in)
{
    idle *x = o;
    (void)now;
    x->bound = x->bound || (in->kind == IT_IO_BOUND && in->flow >= IT_IO_BOUND_FLOW);
    return (int)in->data.n;
}

static it_time idle_next(const void *o)
{
    (void)o;
    return IT_NEVER;
}

static int idle_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    idle *x = o;
    (void)now, (void)buf, (void)cap;
    *out = (it_io){.kind = IT_IO_BIND, .flow = IT_IO_BOUND_FLOW, .local = {x->ip, 0}};
    bool say = x->binds;
    x->binds = false;
    return say;
}

static void idle_free(void *o)
{
    free(o);
}

static const it_object_ops IDLE = {
    .kind = "idle", .input = idle_input, .next = idle_next, .output = idle_output, .free = idle_free};

static void add_idle(town *t, it_host *const near[2], int i)
{
    idle *x = calloc(1, sizeof *x);
    it_host *h = i % 4 == 3 ? make_host(t) : near[i % 2];
    need(x && it_host_nth_addr(h, 0, 0, &x->ip), "no memory");
    x->binds = i % 4 == 2;
    need(it_lab_add(t->lab, h, &IDLE, x, "idle", -1) >= 0, "no idle app");
}

/* --- calls --- */

static void add_end(town *t, it_host *h)
{
    char name[32];
    snprintf(name, sizeof name, "b%d", it_lab_n_apps(t->lab));
    it_b_cfg cfg = {.alloc = &t->alloc, .seed = 1, .name = name, .shared = t->shared, .voice = true};
    cfg.cert = it_lab_cert(t->lab, h);
    need(cfg.cert && it_timers_named(&cfg.timers, "rfc") == 0, "no certificate");
    it_b *b = it_b_new(&cfg);
    need(b && it_lab_add(t->lab, h, &it_b_ops, b, name, -1) >= 0, "no B");
}

static void carry(town *t, int from, it_bytes data)
{
    need(t->n - t->head < BLOBS, "too many blobs");
    blob *x = &t->v[t->n++ % BLOBS];
    *x = (blob){it_lab_now(t->lab) + SIGNAL, from ^ 1, malloc(data.n), data.n};
    need(x->data, "no memory");
    memcpy(x->data, data.p, data.n);
}

static void take_events(town *t)
{
    it_lab_event e;
    while (it_lab_event_next(t->lab, &e) > 0) {
        if (e.ev.kind == IT_EV_SIGNAL)
            carry(t, e.app, e.ev.data);
        t->n_open += e.ev.kind == IT_EV_OPEN;
    }
}

static void deliver_blobs(town *t)
{
    for (; t->head < t->n && t->v[t->head % BLOBS].at <= it_lab_now(t->lab); t->head++) {
        blob *x = &t->v[t->head % BLOBS];
        need(it_b_signal(it_lab_app(t->lab, x->to), it_lab_now(t->lab), it_bytes_of(x->data, x->n)) == 0, "bad blob");
        free(x->data);
    }
}

/* Kept whole, as what happens in it is counted. */
__attribute__((noinline)) static void run_calls(town *t)
{
    for (int i = 0; i < 2 * t->n_calls; i++)
        it_b_start(it_lab_app(t->lab, i), 0);
    for (it_time now = it_lab_now(t->lab); now < LASTS; now += STEP) {
        int r;
        while ((r = it_lab_run(t->lab, now + STEP)) == 1)
            take_events(t);
        need(r == 0, "the world stopped");
        deliver_blobs(t);
    }
}

int main(int argc, char **argv)
{
    static town t;
    it_host *near[2] = {NULL, NULL};
    it_conn_stats s;
    uint64_t sent = 0, received = 0;
    need(argc == 3, "usage: calls CALLS IDLE");
    t.n_calls = atoi(argv[1]);
    it_alloc_init(&t.alloc);
    need(it_ossl_init() == 0, "no OpenSSL");
    t.shared = it_dtls_shared_new(&t.alloc);
    t.lab = it_lab_new(&(it_lab_cfg){&t.alloc, 1});
    need(t.shared && t.lab && (t.inet = it_router_new(it_lab_world(t.lab), "inet")), "no world");
    for (int i = 0; i < 2 * t.n_calls; i++) {
        it_host *h = make_host(&t);
        near[i % 2] = i < 2 ? h : near[i % 2];
        add_end(&t, h);
    }
    for (int i = 0; i < atoi(argv[2]); i++)
        add_idle(&t, near, i);
    need(it_lab_flush(t.lab) == 0, "no sockets");
    run_calls(&t);
    for (int i = 0; i < 2 * t.n_calls; i++) {
        it_b_stats(it_lab_app_state(t.lab, i), &s);
        sent += s.voice_sent;
        received += s.voice_received;
    }
    printf("calls=%d open=%d voice_sent=%" PRIu64 " voice_received=%" PRIu64 "\n", t.n_calls, t.n_open / 2, sent,
           received);
    need(t.n_open == 2 * t.n_calls, "a call did not open");
    it_lab_free(t.lab);
    it_dtls_shared_free(t.shared);
    it_ossl_fini();
    return 0;
}
