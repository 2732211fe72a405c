/* What an A says to the rendezvous server, and hears from it (docs/rendezvous.md). */
#include "stack/a/impl.h"

#include <string.h>

/* Sends |w|. Returns 0, or IT_ERR_FULL, IT_ERR_TOOBIG, IT_ERR_NOMEM. */
static int talk_send(it_a *a, const it_rendezvous_words *w)
{
    char text[IT_RENDEZVOUS_LINE + IT_RENDEZVOUS_PIECE];
    size_t n = it_rendezvous_line(w, text);
    if (w->body.n)
        memcpy(text + n, w->body.p, w->body.n);
    int id = it_signal_client_send(a->signal, IT_RENDEZVOUS_BOX, it_bytes_of(text, n + w->body.n));
    a->events.oom |= id == IT_ERR_NOMEM;
    return id < 0 ? id : 0;
}

void it_a_tell(it_a *a, a_call *c, enum it_rendezvous_verb verb)
{
    (void)talk_send(a, &(it_rendezvous_words){.verb = verb, .token = c->token});
}

void it_a_tell_name(it_a *a, enum it_rendezvous_verb verb)
{
    (void)talk_send(a, &(it_rendezvous_words){.verb = verb, .name = it_bytes_str(a->spec.name)});
}

void it_a_tell_call(it_a *a, a_call *c)
{
    (void)talk_send(a, &(it_rendezvous_words){.verb = IT_RENDEZVOUS_CALL,
                                              .token = c->token,
                                              .wait = a->spec.wait,
                                              .name = it_bytes_str(a->spec.name)});
}

void it_a_say(it_a *a, it_time now, a_call *c)
{
    it_bytes rest = it_bytes_of(c->said.p, c->said.n);
    int err = 0;
    if (!c->owes || c->say_at > now || rest.n == 0)
        return;
    c->owes = false;
    while (rest.n > 0 && err == 0) {
        size_t n = rest.n < IT_RENDEZVOUS_PIECE ? rest.n : IT_RENDEZVOUS_PIECE;
        it_rendezvous_words w = {.verb = n < rest.n ? IT_RENDEZVOUS_MORE : IT_RENDEZVOUS_SAY,
                                 .token = c->token,
                                 .body = it_bytes_of(rest.p, n)};
        rest = it_bytes_of(rest.p + n, rest.n - n);
        err = talk_send(a, &w);
    }
    if (err == 0)
        return;
    c->owes = true; /* the server has been away for long */
    c->say_at = now + A_AGAIN;
}

/* Says again who we are to a server that may have forgotten. */
static void talk_again(it_a *a, a_call *c)
{
    if (!c->ours || c->heard) {
        it_a_tell(a, c, IT_RENDEZVOUS_JOIN);
        return;
    }
    it_a_tell_call(a, c);
    c->owes = true;
}

static void talk_up(it_a *a, it_time now, it_addr server)
{
    bool again = a->was_up;
    a->up = a->was_up = true;
    if (!a->cfg.listen && !a->over)
        it_a_emit(a, now, -1, (it_model_event){.kind = IT_EV_UP, .remote = server});
    if (!again)
        return;
    if (a->cfg.listen && !a->over)
        it_a_tell_name(a, IT_RENDEZVOUS_LISTEN);
    for (int i = 0; i < A_SLOTS; i++)
        if (a->call[i] && !a->call[i]->over)
            talk_again(a, a->call[i]);
}

static void talk_down(it_a *a, it_time now, const char *how)
{
    a->up = false;
    a->down_why = how;
    if (!a->over)
        it_a_emit(a, now, -1, (it_model_event){.kind = IT_EV_DOWN, .why = how});
}

/* --- what the server says --- */

static int hear_listening(it_a *a, it_time now, const it_rendezvous_words *w)
{
    (void)w;
    if (!a->cfg.listen || a->over)
        return 0;
    a->listening = true;
    a->connect_by = IT_NEVER;
    a->told = IT_STATE_OPEN;
    it_a_emit(a, now, -1, (it_model_event){.kind = IT_EV_UP});
    return 0;
}

static int hear_taken(it_a *a, it_time now, const it_rendezvous_words *w)
{
    (void)w;
    if (a->cfg.listen && !a->over)
        it_a_ends(a, now, IT_STATE_DEAD, a->listening ? IT_REASON_SERVER_LOST : IT_REASON_CONNECT_FAILED,
                  "somebody else listens under that name");
    return 0;
}

/* A caller has come, or the server says so again. */
static int hear_call(it_a *a, it_time now, const it_rendezvous_words *w)
{
    a_call *c = it_a_call_of(a, w->token);
    if (c) {
        talk_again(a, c);
        return 0;
    }
    if (!a->cfg.listen || a->over || it_a_calls(a) >= IT_A_CALLS) {
        (void)talk_send(a, &(it_rendezvous_words){.verb = IT_RENDEZVOUS_BUSY, .token = w->token});
        return 0;
    }
    c = it_a_call_new(a, now, w->token, a->n_numbers);
    if (!c)
        return IT_ERR_NOMEM;
    a->n_numbers++;
    it_a_emit(a, now, -1, (it_model_event){.kind = IT_EV_CALL, .flow = c->number});
    return it_a_call_begin(a, now, c);
}

static int hear_refusal(it_a *a, it_time now, const it_rendezvous_words *w)
{
    a_call *c = it_a_call_of(a, w->token);
    if (!c || it_b_state(c->b) == IT_STATE_OPEN || it_b_state(c->b) == IT_STATE_STALLED)
        return 0;
    it_a_call_refuse(a, now, c, w->verb == IT_RENDEZVOUS_BUSY ? "busy" : "nobody listens under that name");
    return 0;
}

static int hear_again(it_a *a, it_time now, const it_rendezvous_words *w)
{
    a_call *c = it_a_call_of(a, w->token);
    if (!c)
        return 0;
    if (w->verb == IT_RENDEZVOUS_UNKNOWN) {
        talk_again(a, c);
        return 0;
    }
    c->owes = true;
    c->say_at = w->verb == IT_RENDEZVOUS_LOST ? now + A_AGAIN : now;
    return 0;
}

/* A piece of what the far side says, or the last one of it. */
static int hear_said(it_a *a, it_time now, const it_rendezvous_words *w)
{
    a_call *c = it_a_call_of(a, w->token);
    if (!c)
        return 0;
    if (c->piece.n + w->body.n > IT_BLOB_MAX) {
        it_str_clear(&c->piece);
        return 0;
    }
    it_str_put(&c->piece, w->body.p, w->body.n);
    if (c->piece.oom)
        return IT_ERR_NOMEM;
    if (w->verb == IT_RENDEZVOUS_MORE)
        return 0;
    int err = it_a_call_hear(a, now, c, it_bytes_of(c->piece.p, c->piece.n));
    it_str_clear(&c->piece);
    return err;
}

static int hear_end(it_a *a, it_time now, const it_rendezvous_words *w)
{
    a_call *c = it_a_call_of(a, w->token);
    if (c)
        it_a_call_hung_up(a, now, c);
    return 0;
}

static int talk_message(it_a *a, it_time now, const it_service_event *e)
{
    static int (*const HEAR[IT_RENDEZVOUS_VERBS])(it_a *, it_time, const it_rendezvous_words *) = {
        [IT_RENDEZVOUS_LISTENING] = hear_listening,
        [IT_RENDEZVOUS_TAKEN] = hear_taken,
        [IT_RENDEZVOUS_CALL] = hear_call,
        [IT_RENDEZVOUS_ABSENT] = hear_refusal,
        [IT_RENDEZVOUS_BUSY] = hear_refusal,
        [IT_RENDEZVOUS_JOINED] = hear_again,
        [IT_RENDEZVOUS_UNKNOWN] = hear_again,
        [IT_RENDEZVOUS_LOST] = hear_again,
        [IT_RENDEZVOUS_MORE] = hear_said,
        [IT_RENDEZVOUS_SAY] = hear_said,
        [IT_RENDEZVOUS_END] = hear_end,
    };
    it_rendezvous_words w;
    /* Whoever knows our mailbox may write to it: what is not the server's is nobody's. */
    if (strcmp(e->from, IT_RENDEZVOUS_BOX) != 0 || it_rendezvous_read(e->data, &w) < 0 || !HEAR[w.verb])
        return 0;
    return HEAR[w.verb](a, now, &w);
}

/* LISTEN or CALL was refused. */
static void talk_full(it_a *a, it_time now, a_call *c, enum it_rendezvous_verb verb)
{
    static const char FULL[] = "the rendezvous server is full";
    if (verb == IT_RENDEZVOUS_LISTEN && !a->over)
        it_a_ends(a, now, IT_STATE_DEAD, a->listening ? IT_REASON_SERVER_LOST : IT_REASON_CONNECT_FAILED, FULL);
    if (verb == IT_RENDEZVOUS_CALL && c && !c->heard)
        it_a_call_refuse(a, now, c, FULL);
}

/* The server has refused a message: it keeps no more of them. */
static void talk_unsent(it_a *a, it_time now, const it_service_event *e)
{
    it_rendezvous_words w;
    if (it_rendezvous_read(e->data, &w) < 0)
        return;
    a_call *c = it_a_call_of(a, w.token);
    bool said = w.verb == IT_RENDEZVOUS_SAY || w.verb == IT_RENDEZVOUS_MORE;
    if (!said)
        talk_full(a, now, c, w.verb);
    if (!said || !c)
        return;
    c->owes = true;
    c->say_at = now + A_AGAIN;
}

int it_a_listen_to(it_a *a, it_time now)
{
    it_object_event ev;
    char line[IT_TLS_LINE_MAX];
    int err = 0;
    while (err == 0 && it_signal_client_ops.event(a->signal, &ev) == 1) {
        const it_service_event *e = &ev.u.service;
        if (e->kind == IT_SERVICE_UP)
            talk_up(a, now, e->addr);
        else if (e->kind == IT_SERVICE_DOWN)
            talk_down(a, now, e->how);
        else if (e->kind == IT_SERVICE_MESSAGE)
            err = talk_message(a, now, e);
        else if (e->kind == IT_SERVICE_UNSENT)
            talk_unsent(a, now, e);
    }
    while (it_signal_client_secret(a->signal, line))
        it_a_emit(a, now, -1, (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(line)});
    return err;
}
