/* Our end of a whole audio call with another stack: model B with RTP on the machine's sockets, by lines of JSON
 * (docs/interop.md, calls.py).
 *
 *     in   {"op":"sdp","sdp":"v=0..."}   the far side's description, an offer or the answer to ours
 *          {"op":"restart"}, {"op":"close"}
 *     out  {"ev":"sdp","sdp":...}        ours, whenever it says something new
 *          {"ev":"state","state":"open"}, {"ev":"peer","why":...}
 *          {"ev":"stats","sent":..,"received":..,"lost":..,"jitter_us":..,"profile":..}   once a second
 *
 * With --sped checks carry DTLS (draft-hancke-webrtc-sped), and the numbers say how many datagrams they carried. With
 * --srtp N one profile alone is offered, by its number. */
#include "base/text/json.h"
#include "base/text/str.h"
#include "lab/loop/loop.h"
#include "stack/b/b.h"
#include "stack/crypto/ossl.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 262144
#define BASES_WITHIN (100 * IT_MS)

typedef struct call {
    it_alloc alloc;
    it_loop *loop;
    it_b *b; /* the loop's */
    int app;
    it_str in, out;
    bool ended;
    bool sped;
    uint16_t profile; /* 0: ours, by preference */
} call;

/* --- lines out --- */

static void line_begin(call *c, it_json *j, const char *ev)
{
    it_json_init(j, &c->out);
    it_json_obj(j, NULL);
    it_json_str(j, "ev", ev);
}

static void line_end(call *c, it_json *j)
{
    it_json_end_obj(j);
    it_json_newline(j);
    fwrite(c->out.p, 1, c->out.n, stdout);
    fflush(stdout);
    it_str_clear(&c->out);
}

static void tell_stats(call *c)
{
    it_media_stats s;
    it_json j;
    if (!it_b_stream_media(c->b, 0, &s))
        return;
    line_begin(c, &j, "stats");
    it_json_int(&j, "sent", (int64_t)s.sent);
    it_json_int(&j, "received", (int64_t)s.received);
    it_json_int(&j, "lost", (int64_t)s.lost);
    it_json_int(&j, "refused", (int64_t)s.refused);
    it_json_int(&j, "malformed", (int64_t)s.malformed);
    it_json_int(&j, "reports", (int64_t)s.reports_received);
    it_json_int(&j, "jitter_us", s.jitter / IT_US);
    it_json_int(&j, "rtt_us", s.rtt == IT_NEVER ? -1 : s.rtt / IT_US);
    it_json_int(&j, "profile", s.profile);
    const it_sped *sped = it_b_sped(c->b);
    if (sped) {
        it_json_str(&j, "sped", it_sped_state_name(sped->state));
        it_json_int(&j, "sped_sent", (int64_t)sped->sent);
        it_json_int(&j, "sped_received", (int64_t)sped->received);
    }
    line_end(c, &j);
}

static int call_told(void *self, int app, const it_object_event *ev)
{
    call *c = self;
    it_json j;
    (void)app;
    if (ev->kind != IT_TELLS_MODEL)
        return 0;
    const it_model_event *m = ev->u.model;
    if (m->kind == IT_EV_SIGNAL) {
        line_begin(c, &j, "sdp");
        it_json_strn(&j, "sdp", (const char *)m->data.p, m->data.n);
        line_end(c, &j);
    } else if (m->kind != IT_EV_SECRET && m->kind != IT_EV_NETWORK) {
        line_begin(c, &j, m->kind == IT_EV_PEER ? "peer" : "state");
        it_json_str(&j, "state", it_model_event_name(m->kind));
        if (m->why)
            it_json_str(&j, "why", m->why);
        line_end(c, &j);
        c->ended |= m->kind == IT_EV_DEATH || m->kind == IT_EV_CLOSED;
    }
    return c->out.oom ? IT_ERR_NOMEM : 0;
}

/* --- lines in --- */

static int take_op(call *c, const json_t *m)
{
    const char *op = json_string_value(json_object_get(m, "op")), *sdp = json_string_value(json_object_get(m, "sdp"));
    it_time now = it_loop_now(c->loop);
    c->b = it_loop_app(c->loop, c->app);
    if (op && strcmp(op, "sdp") == 0 && sdp) {
        int err = it_b_signal(c->b, now, it_bytes_str(sdp));
        return err == IT_ERR_NOMEM ? err : 0; /* what is wrong with it is told */
    }
    if (op && strcmp(op, "restart") == 0)
        it_b_restart(c->b, now);
    else if (op && strcmp(op, "close") == 0)
        it_b_close(c->b, now);
    else
        fprintf(stderr, "call: no such operation\n");
    return 0;
}

static int take_line(call *c, const char *text, size_t n)
{
    json_t *m = json_loadb(text, n, 0, NULL);
    int err = 0;
    if (m)
        err = take_op(c, m);
    else
        fprintf(stderr, "call: a line is no JSON\n");
    json_decref(m);
    return err;
}

/* Takes what there is of standard input. 1: it has ended. */
static int take_input(call *c)
{
    char buf[8192];
    ssize_t n = read(STDIN_FILENO, buf, sizeof buf);
    if (n <= 0)
        return 1;
    it_str_put(&c->in, buf, (size_t)n);
    if (c->in.oom || c->in.n > LINE_MAX_BYTES)
        return IT_ERR_TOOBIG;
    const char *nl;
    while (c->in.n && (nl = memchr(c->in.p, '\n', c->in.n)) != NULL) {
        size_t len = (size_t)(nl - c->in.p) + 1;
        int err = take_line(c, c->in.p, len - 1);
        if (err < 0)
            return err;
        memmove(c->in.p, c->in.p + len, c->in.n - len);
        it_str_cut(&c->in, c->in.n - len);
    }
    return 0;
}

/* --- the call --- */

static int call_converse(call *c)
{
    it_time next = IT_SEC;
    while (!c->ended) {
        struct pollfd f = {STDIN_FILENO, POLLIN, 0};
        int r = it_loop_wait(c->loop, next, &f, 1);
        if (r < 0 || r == IT_LOOP_STOPPED)
            return r < 0 ? r : 0;
        if (f.revents) {
            r = take_input(c);
            if (r != 0)
                return r < 0 ? r : 0;
        }
        if (it_loop_now(c->loop) >= next) {
            tell_stats(c);
            next += IT_SEC;
        }
    }
    return it_loop_flush(c->loop);
}

static int call_begin(call *c, it_dtls_shared *shared, it_dtls_cert *cert, uint64_t seed)
{
    it_b_cfg cfg = {.alloc = &c->alloc,
                    .seed = seed,
                    .name = "call/b1",
                    .shared = shared,
                    .cert = cert,
                    .n_streams = 1,
                    .stream = {{.voice = true, .components = 1}},
                    .media = IT_B_MEDIA_SRTP,
                    .behaviour = {.sped = c->sped},
                    .profiles = {c->profile},
                    .restart = true};
    if (it_timers_named(&cfg.timers, "rfc") < 0)
        return IT_ERR_NOTFOUND;
    c->b = it_b_new(&cfg);
    if (!c->b)
        return IT_ERR_NOMEM;
    it_loop_app_cfg app = {.name = "call", .told = call_told, .self = c};
    c->app = it_loop_add(c->loop, &it_b_ops, c->b, &app, NULL);
    if (c->app < 0)
        return c->app;
    /* The machine's addresses come to it first. */
    int err = it_loop_wait(c->loop, it_loop_now(c->loop) + BASES_WITHIN, NULL, 0);
    c->b = it_loop_app(c->loop, c->app);
    if (err >= 0)
        it_b_start(c->b, it_loop_now(c->loop));
    return err < 0 ? err : 0;
}

static int call_run(call *c)
{
    uint64_t seed;
    int err = it_loop_seed(&seed);
    it_rng r;
    it_loop_cfg cfg = {.alloc = &c->alloc, .clock = IT_CLOCK_WALL};
    if (err < 0)
        return err;
    it_rng_init(&r, seed, "call/cert");
    it_dtls_shared *shared = it_dtls_shared_new(&c->alloc);
    it_dtls_cert *cert = it_dtls_cert_new(&c->alloc, &r, it_loop_date());
    c->loop = it_loop_new(&cfg);
    err = IT_ERR_NOMEM;
    if (shared && cert && c->loop)
        err = it_loop_stop_on_signals(c->loop);
    if (err == 0)
        err = call_begin(c, shared, cert, seed);
    if (err == 0)
        err = call_converse(c);
    it_loop_free(c->loop);
    it_dtls_cert_free(cert);
    it_dtls_shared_free(shared);
    return err;
}

/* Takes the options; false, with a line, for others. */
static bool call_options(call *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--sped") == 0) {
            c->sped = true;
        } else if (strcmp(argv[i], "--srtp") == 0 && i + 1 < argc) {
            c->profile = (uint16_t)strtoul(argv[++i], NULL, 0);
        } else {
            fprintf(stderr, "call: no option %s\n", argv[i]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    call c = {.app = -1};
    if (!call_options(&c, argc, argv))
        return 2;
    it_alloc_init(&c.alloc);
    it_str_init(&c.in, &c.alloc);
    it_str_init(&c.out, &c.alloc);
    int err = it_ossl_init();
    if (err == 0)
        err = it_ossl_use_system();
    if (err == 0)
        err = call_run(&c);
    it_str_fini(&c.in);
    it_str_fini(&c.out);
    it_ossl_fini();
    if (err < 0)
        fprintf(stderr, "call: %s\n", it_err_str(err));
    return err < 0;
}
