/* The calls of an A: a connection of model B each, which it tells what the far side's says, and whose blobs it says. */
#include "stack/a/impl.h"

#include <stdio.h>

a_call *it_a_call_numbered(const it_a *a, int number)
{
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i] && a->call[i]->number == number)
            return a->call[i];
    return NULL;
}

a_call *it_a_call_of(const it_a *a, uint64_t token)
{
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i] && !a->call[i]->over && a->call[i]->token == token)
            return a->call[i];
    return NULL;
}

a_call *it_a_call_serial(const it_a *a, uint32_t serial)
{
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i] && a->call[i]->serial == serial)
            return a->call[i];
    return NULL;
}

int it_a_calls(const it_a *a)
{
    int n = 0;
    for (int i = 0; i < A_SLOTS; i++)
        n += a->call[i] && !a->call[i]->over;
    return n;
}

/* A place: one that is free, else that of the call which came first of those of which nothing is left to do; NULL. */
static a_call **call_place(it_a *a)
{
    a_call **oldest = NULL;
    for (int i = 0; i < A_SLOTS; i++) {
        if (!a->call[i])
            return &a->call[i];
        if (a->call[i]->quiet && (!oldest || a->call[i]->serial < (*oldest)->serial))
            oldest = &a->call[i];
    }
    return oldest;
}

void it_a_call_free(it_a *a, a_call *c)
{
    if (!c)
        return;
    it_b_free(c->b);
    it_str_fini(&c->said);
    it_str_fini(&c->piece);
    it_str_fini(&c->early);
    it_free(a->alloc, c);
}

a_call *it_a_call_new(it_a *a, it_time now, uint64_t token, int number)
{
    char name[A_NAME + 16];
    it_b_cfg cfg = a->cfg.b;
    a_call **place = call_place(a);
    a_call *c = place ? it_calloc(a->alloc, 1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    snprintf(name, sizeof name, number < 0 ? "%s" : "%s/%d", a->name, number);
    cfg.name = name;
    it_str_init(&c->said, a->alloc);
    it_str_init(&c->piece, a->alloc);
    it_str_init(&c->early, a->alloc);
    c->number = number;
    c->token = token;
    c->serial = ++a->n_serials;
    c->say_at = now;
    c->b = it_b_new(&cfg);
    if (!c->b || it_a_call_sockets(a, c) < 0) {
        it_a_call_free(a, c);
        return NULL;
    }
    it_a_call_free(a, *place);
    *place = c;
    return c;
}

int it_a_call_begin(it_a *a, it_time now, a_call *c)
{
    if (c->started || c->over || !it_a_call_has_sockets(a, c))
        return 0;
    c->started = true;
    it_b_start(c->b, now);
    if (c->early.n == 0)
        return 0;
    int err = it_b_signal(c->b, now, it_bytes_of(c->early.p, c->early.n));
    it_str_fini(&c->early);
    return err == IT_ERR_NOMEM ? err : 0;
}

int it_a_call_hear(it_a *a, it_time now, a_call *c, it_bytes blob)
{
    (void)a;
    c->heard = true;
    if (c->started) {
        int err = it_b_signal(c->b, now, blob); /* one that is none is told by an event of its own */
        return err == IT_ERR_NOMEM ? err : 0;
    }
    it_str_clear(&c->early); /* blobs are cumulative */
    it_str_put(&c->early, blob.p, blob.n);
    return c->early.oom ? IT_ERR_NOMEM : 0;
}

void it_a_call_ends(it_a *a, it_time now, a_call *c, enum it_state how)
{
    (void)now;
    c->over = true;
    c->owes = false;
    c->told = how;
    if (c->number < 0) {
        a->over = true;
        a->told = how;
    }
    a->leaving |= a->over && it_a_calls(a) == 0;
}

void it_a_call_refuse(it_a *a, it_time now, a_call *c, const char *why)
{
    it_a_emit(a, now, c->number, (it_model_event){.kind = IT_EV_DEATH, .reason = IT_REASON_CONNECT_FAILED, .why = why});
    it_a_call_ends(a, now, c, IT_STATE_DEAD);
    it_b_close(c->b, now);
}

/* The far side has closed |c|, and its channel cannot say so. */
static void close_remote(it_a *a, it_time now, a_call *c)
{
    it_a_emit(a, now, c->number, (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_REMOTE});
    it_a_call_ends(a, now, c, IT_STATE_CLOSED);
    it_b_close(c->b, now);
}

void it_a_call_hung_up(it_a *a, it_time now, a_call *c)
{
    c->hung_up = true;
    if (it_b_state(c->b) != IT_STATE_OPEN) /* while it is open the channel says so, authentically */
        close_remote(a, now, c);
}

/* Why |c| never opened, in |text|; |why|: what its connection has to say. */
static const char *failed_why(const it_a *a, const a_call *c, const char *why, char *text, size_t cap)
{
    if (c->heard)
        return why;
    if (!a->was_up)
        snprintf(text, cap, "the rendezvous server was not reached: %s", a->down_why ? a->down_why : "no answer");
    else if (!a->up)
        snprintf(text, cap, "the rendezvous server was lost: %s", a->down_why ? a->down_why : "no answer");
    else
        snprintf(text, cap, "%s has not answered", c->ours ? a->spec.name : "the caller");
    return text;
}

static void call_death(it_a *a, it_time now, a_call *c, it_model_event ev)
{
    char text[160];
    if (ev.reason == IT_REASON_CONNECT_FAILED)
        ev.why = failed_why(a, c, ev.why, text, sizeof text);
    it_a_emit(a, now, c->number, ev);
    it_a_call_ends(a, now, c, IT_STATE_DEAD); /* whether the far side lives is for itself to find out */
}

static void call_event(it_a *a, it_time now, a_call *c, const it_model_event *ev)
{
    if (ev->kind == IT_EV_SIGNAL) {
        it_str_clear(&c->said);
        it_str_put(&c->said, ev->data.p, ev->data.n);
        a->events.oom |= c->said.oom;
        c->owes = true;
        c->say_at = now;
        return;
    }
    if (ev->kind == IT_EV_DEATH) {
        call_death(a, now, c, *ev);
        return;
    }
    it_a_emit(a, now, c->number, *ev);
    if (ev->kind == IT_EV_CLOSED) {
        it_a_tell(a, c, IT_RENDEZVOUS_END);
        it_a_call_ends(a, now, c, IT_STATE_CLOSED);
    }
    if (ev->kind == IT_EV_OPEN || ev->kind == IT_EV_RESUMED || ev->kind == IT_EV_FAILOVER)
        c->generation = it_ice_generation(it_b_ice(c->b));
    if (ev->kind == IT_EV_STALLED && c->hung_up)
        close_remote(a, now, c);
}

void it_a_call_pump(it_a *a, it_time now, a_call *c)
{
    it_model_event ev;
    int media;
    while (it_b_event_next(c->b, &ev, &media) > 0)
        if (!c->over || ev.kind == IT_EV_SECRET)
            call_event(a, now, c, &ev);
}
