/* Model A: commands and the object contract. */
#include "stack/a/impl.h"

#include <stdio.h>
#include <string.h>

const char *it_a_phase_name(enum it_a_phase p)
{
    static const char *const NAMES[] = {
        [IT_A_NEW] = "new",
        [IT_A_RENDEZVOUS] = "rendezvous",
        [IT_A_CHECKING] = "checking",
        [IT_A_SECURING] = "securing",
        [IT_A_OPEN] = "open",
        [IT_A_STALLED] = "stalled",
        [IT_A_RESTARTING] = "restarting",
        [IT_A_DEAD] = "dead",
        [IT_A_CLOSED] = "closed",
    };
    return NAMES[p];
}

it_a *it_a_new(const it_a_cfg *cfg, it_a_fault *fault)
{
    it_a_fault own = {0, NULL};
    char stream[A_NAME + 16];
    it_a *a = it_calloc(cfg->b.alloc, 1, sizeof *a);
    if (fault)
        *fault = own;
    if (!a)
        return NULL;
    a->cfg = *cfg;
    a->alloc = cfg->b.alloc;
    a->told = IT_STATE_NEW;
    a->connect_by = IT_NEVER;
    snprintf(a->name, sizeof a->name, "%s", cfg->b.name);
    a->cfg.b.name = a->name;
    a->cfg.b.restart = true;
    it_evq_init(&a->events, a->alloc);
    snprintf(stream, sizeof stream, "%s/tokens", a->name);
    it_rng_init(&a->rng, cfg->b.seed, stream);
    int err = it_a_setup(a, cfg, &own);
    if (err == 0)
        err = it_a_meet(a);
    a->cfg.url = NULL; /* the caller's, as what follows */
    a->cfg.hosts = NULL;
    if (err == 0 && (cfg->listen || it_a_call_new(a, 0, it_rng_u64(&a->rng) | 1, -1)))
        return a;
    if (fault)
        *fault = own;
    it_a_free(a);
    return NULL;
}

void it_a_free(it_a *a)
{
    if (!a)
        return;
    for (int i = 0; i < A_SLOTS; i++)
        it_a_call_free(a, a->call[i]);
    if (a->signal)
        it_signal_client_ops.free(a->signal);
    it_evq_fini(&a->events);
    it_free(a->alloc, a->flow);
    it_free(a->alloc, a);
}

const it_a_spec *it_a_spec_of(const it_a *a)
{
    return &a->spec;
}

void it_a_emit(it_a *a, it_time now, int number, it_model_event ev)
{
    ev.at = now;
    it_evq_put(&a->events, &ev, number);
}

/* Takes what the parts have to report. Returns 0 or IT_ERR_NOMEM. */
static int a_pump(it_a *a, it_time now)
{
    int err = it_a_listen_to(a, now);
    for (int i = 0; i < A_SLOTS; i++) {
        a_call *c = a->call[i];
        if (!c)
            continue;
        it_a_call_pump(a, now, c);
        it_a_say(a, now, c);
    }
    if (a->leaving && (!a->up || it_signal_client_idle(a->signal))) {
        it_signal_client_close(a->signal, now);
        a->leaving = false;
    }
    return err < 0 ? err : a->events.oom ? IT_ERR_NOMEM : 0;
}

/* --- commands --- */

void it_a_start(it_a *a, it_time now)
{
    if (a->started || a->over)
        return;
    a->started = true;
    if (a->cfg.listen) {
        a->told = IT_STATE_CONNECTING;
        a->connect_by = now + a->cfg.b.timers.connect;
        it_a_tell_name(a, IT_RENDEZVOUS_LISTEN);
        return;
    }
    a_call *c = it_a_call_numbered(a, -1);
    c->ours = true;
    it_a_tell_call(a, c);
    int err = it_a_call_begin(a, now, c);
    IT_ASSERT(err == 0);  /* nothing was heard yet */
    (void)a_pump(a, now); /* what failed shows in |events|.oom */
}

int it_a_send(it_a *a, it_time now, int media, it_bytes data)
{
    a_call *c = it_a_call_numbered(a, media);
    if (!c)
        return a->cfg.listen && media < 0 ? IT_ERR_STATE : IT_ERR_NOTFOUND;
    return c->over ? IT_ERR_STATE : it_b_send(c->b, now, data);
}

void it_a_ends(it_a *a, it_time now, enum it_state how, enum it_reason reason, const char *why)
{
    it_model_event death = {.kind = IT_EV_DEATH, .reason = reason, .why = why};
    it_a_emit(a, now, -1, how == IT_STATE_DEAD ? death : (it_model_event){.kind = IT_EV_CLOSED});
    a->over = true;
    a->told = how;
    a->listening = false;
    a->connect_by = IT_NEVER;
    a->leaving = it_a_calls(a) == 0; /* those that go on may want the server yet */
}

static void close_call(it_a *a, it_time now, a_call *c)
{
    it_b_close(c->b, now);
    it_a_call_pump(a, now, c);
}

void it_a_close(it_a *a, it_time now, int media)
{
    if (media >= 0 || !a->cfg.listen) {
        a_call *c = it_a_call_numbered(a, media);
        if (c && !c->over)
            close_call(a, now, c);
    } else if (!a->over) {
        it_a_tell_name(a, IT_RENDEZVOUS_LEAVE);
        for (int i = 0; i < A_SLOTS; i++)
            if (a->call[i] && !a->call[i]->over)
                close_call(a, now, a->call[i]);
        it_a_ends(a, now, IT_STATE_CLOSED, IT_REASON_NONE, NULL);
    }
    (void)a_pump(a, now);
}

void it_a_restart(it_a *a, it_time now)
{
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i] && !a->call[i]->over)
            it_b_restart(a->call[i]->b, now);
    (void)a_pump(a, now);
}

void it_a_exits(it_a *a, const it_signal_exit *exits, size_t n)
{
    it_signal_client_exits(a->signal, exits, n);
}

/* --- state --- */

const it_b *it_a_call(const it_a *a, int media)
{
    const a_call *c = it_a_call_numbered(a, media);
    return c ? c->b : NULL;
}

enum it_state it_a_state(const it_a *a, int media)
{
    const a_call *c = it_a_call_numbered(a, media);
    if (!c)
        return media < 0 ? a->told : IT_STATE_NEW;
    if (c->over)
        return c->told;
    if (!c->started)
        return c->ours || c->number >= 0 ? IT_STATE_CONNECTING : IT_STATE_NEW;
    return it_b_state(c->b);
}

enum it_a_phase it_a_phase(const it_a *a, int media)
{
    static const enum it_a_phase PHASE[] = {[IT_STATE_NEW] = IT_A_NEW,   [IT_STATE_CONNECTING] = IT_A_RENDEZVOUS,
                                            [IT_STATE_OPEN] = IT_A_OPEN, [IT_STATE_STALLED] = IT_A_STALLED,
                                            [IT_STATE_DEAD] = IT_A_DEAD, [IT_STATE_CLOSED] = IT_A_CLOSED};
    const a_call *c = it_a_call_numbered(a, media);
    enum it_state s = it_a_state(a, media);
    it_ice_pair_view pair;
    if (!c)
        return PHASE[s];
    const it_ice *ice = it_b_ice(c->b);
    if (s == IT_STATE_CONNECTING && c->heard)
        return it_ice_selected(ice, 0, 1, &pair) == 0 ? IT_A_SECURING : IT_A_CHECKING;
    if (s == IT_STATE_STALLED && it_ice_generation(ice) != c->generation)
        return IT_A_RESTARTING;
    return PHASE[s];
}

/* --- the object contract --- */

static int a_taken(const it_io *in, int n)
{
    return in->kind == IT_IO_DATA || in->kind == IT_IO_DGRAM ? (int)in->data.n : n;
}

/* Gives |in|, in its owner's numbers, to call |c|, or to the client of the rendezvous where that is NULL. Returns the
 * bytes taken, or an error. */
static int give_in(it_a *a, it_time now, a_call *c, const it_io *in)
{
    if (!c)
        return it_signal_client_ops.input(a->signal, now, in);
    int n = it_b_input(c->b, now, in);
    int err = n < 0 || !a->started ? 0 : it_a_call_begin(a, now, c);
    return err < 0 ? err : n;
}

/* What comes by a base of the driver's: an answer of the name server, or for who dials. */
static int by_base(it_a *a, it_time now, const it_io *in)
{
    a_call *c = it_a_call_numbered(a, -1);
    bool dns = a->cfg.resolver.port && it_addr_eq(in->remote, a->cfg.resolver);
    if (dns || !c || c->quiet)
        return it_signal_client_ops.input(a->signal, now, in);
    return give_in(a, now, c, in);
}

/* A base of the driver's came or went. */
static int base_in(it_a *a, it_time now, const it_io *in)
{
    int n = it_signal_client_ops.input(a->signal, now, in);
    int err = it_a_base_in(a, now, in);
    return err < 0 ? err : n;
}

/* What is of a flow of a part's. Returns the bytes taken, or an error. */
static int flow_in(it_a *a, it_time now, const it_io *in)
{
    it_io own = *in;
    uint32_t serial = 0;
    int known = it_a_translate_in(a, &own, &serial);
    if (known < 0)
        return known;
    a_call *c = serial ? it_a_call_serial(a, serial) : NULL;
    if (serial && !c)
        return a_taken(in, 0);
    if (known)
        return give_in(a, now, c, &own);
    int err = c && a->started ? it_a_call_begin(a, now, c) : 0; /* without the base that was refused */
    return err < 0 ? err : a_taken(in, 0);
}

static int take_in(it_a *a, it_time now, const it_io *in)
{
    bool socket = in->kind == IT_IO_DGRAM || in->kind == IT_IO_ERROR || in->kind == IT_IO_SIZE;
    bool base = in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND;
    if (base && in->flow < IT_IO_BOUND_FLOW)
        return base_in(a, now, in);
    if (socket && in->flow < IT_IO_BOUND_FLOW)
        return by_base(a, now, in);
    return flow_in(a, now, in);
}

static int a_input(void *o, it_time now, const it_io *in)
{
    it_a *a = o;
    int n = take_in(a, now, in);
    int err = n < 0 ? n : a_pump(a, now);
    return err < 0 ? err : n;
}

/* T_conn of who listens. */
static void a_expire(it_a *a, it_time now)
{
    char why[96];
    if (a->connect_by > now)
        return;
    snprintf(why, sizeof why, "the rendezvous server was not reached: %s", a->down_why ? a->down_why : "no answer");
    it_a_ends(a, now, IT_STATE_DEAD, IT_REASON_CONNECT_FAILED, why);
}

static int a_tick(void *o, it_time now)
{
    it_a *a = o;
    int err = 0;
    if (!a->started)
        return 0;
    if (it_signal_client_ops.next(a->signal) <= now)
        err = it_signal_client_ops.tick(a->signal, now);
    for (int i = 0; i < A_SLOTS && err >= 0; i++)
        if (a->call[i] && it_b_next(a->call[i]->b) <= now)
            err = it_b_tick(a->call[i]->b, now);
    a_expire(a, now);
    return err < 0 ? err : a_pump(a, now);
}

static it_time a_sooner(it_time s, it_time t)
{
    return s < t ? s : t;
}

/* When call |c| has something to do. */
static it_time call_next(const a_call *c)
{
    it_time t = it_b_next(c->b);
    return c->owes && c->said.n ? a_sooner(t, c->say_at) : t;
}

static it_time a_next(const void *o)
{
    const it_a *a = o;
    if (!a->started)
        return IT_NEVER;
    it_time t = a_sooner(a->connect_by, it_signal_client_ops.next(a->signal));
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i])
            t = a_sooner(t, call_next(a->call[i]));
    return t;
}

/* The next that call |c| puts out, in the driver's numbers. Returns 1, 0 or an error. */
static int call_out(it_a *a, it_time now, a_call *c, it_io *out, uint8_t *buf, size_t cap)
{
    int n;
    while ((n = it_b_output(c->b, now, out, buf, cap)) > 0) {
        n = it_a_translate_out(a, c->serial, out);
        if (n != 0)
            return n;
    }
    if (n == 0 && c->over && it_b_next(c->b) == IT_NEVER) {
        c->quiet = true;
        if (a->cfg.listen) /* the driver's bases are its own */
            it_a_release(a, c);
    }
    return n;
}

/* The same of the client of the rendezvous. */
static int signal_out(it_a *a, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n;
    while ((n = it_signal_client_ops.output(a->signal, now, out, buf, cap)) > 0) {
        n = it_a_translate_out(a, 0, out);
        if (n != 0)
            return n;
    }
    return n;
}

static int a_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_a *a = o;
    int n = 0;
    if (!a->started)
        return 0;
    if (it_a_ways_out(a, out))
        return 1;
    n = signal_out(a, now, out, buf, cap);
    for (int i = 0; i < A_SLOTS && n == 0; i++)
        if (a->call[i] && !a->call[i]->quiet)
            n = call_out(a, now, a->call[i], out, buf, cap);
    return n == 0 ? it_a_ways_out(a, out) : n;
}

static int a_event(void *o, it_object_event *ev)
{
    it_a *a = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    return it_evq_take(&a->events, &a->latest, &ev->part);
}

static void a_free(void *o)
{
    it_a_free(o);
}

const it_object_ops it_a_ops = {.kind = "A",
                                .input = a_input,
                                .tick = a_tick,
                                .next = a_next,
                                .output = a_output,
                                .event = a_event,
                                .free = a_free,
                                .link_local = true,
                                .errors = true,
                                .model = &it_a_model};
