/* The rendezvous server: names, calls, and what each message makes of them. */
#include "stack/rendezvous/server.h"

#include <string.h>

/* Somebody who listens. */
typedef struct rv_name {
    char name[IT_RENDEZVOUS_NAME + 1], box[IT_SIGNAL_NAME + 1];
    it_ip source; /* who said so last */
} rv_name;

/* A call: its ends' mailboxes, the caller's first where that is known; "": that end has not come yet. */
typedef struct rv_call {
    uint64_t token;
    char box[2][IT_SIGNAL_NAME + 1];
    char name[IT_RENDEZVOUS_NAME + 1]; /* whom it waits for, "": nobody */
    it_time until;                     /* and for how long; IT_NEVER */
    it_ip source;                      /* who began it */
} rv_call;

enum { CALLS_A_NAME = 4 }; /* a source has so many calls for each name that it may have */

struct it_rendezvous {
    it_rendezvous_cfg cfg;
    it_signal_server *signal;
    rv_name *name;
    size_t n_names, cap_names;
    rv_call *call;
    size_t n_calls, cap_calls;
    it_time due;  /* when the first call that waits has waited long enough; IT_NEVER */
    it_ip source; /* of the message that is heard now; none: of none */
    it_rendezvous_stats stats;
};

static size_t rv_or(size_t v, size_t normal)
{
    return v ? v : normal;
}

it_rendezvous *it_rendezvous_new(const it_rendezvous_cfg *cfg)
{
    it_rendezvous *r = it_calloc(cfg->signal.alloc, 1, sizeof *r);
    if (!r)
        return NULL;
    r->cfg = *cfg;
    r->cfg.signal.own = IT_RENDEZVOUS_BOX;
    r->cfg.names = rv_or(cfg->names, 4096);
    r->cfg.calls = rv_or(cfg->calls, 8192);
    r->cfg.calls_each = rv_or(cfg->calls_each, 64);
    r->cfg.away = cfg->away ? cfg->away : 30 * IT_SEC;
    r->due = IT_NEVER;
    r->signal = it_signal_server_new(&r->cfg.signal);
    if (r->signal)
        return r;
    it_free(cfg->signal.alloc, r);
    return NULL;
}

static void rv_free(void *o)
{
    it_rendezvous *r = o;
    it_signal_server_ops.free(r->signal);
    it_free(r->cfg.signal.alloc, r->name);
    it_free(r->cfg.signal.alloc, r->call);
    it_free(r->cfg.signal.alloc, r);
}

it_signal_server *it_rendezvous_signal(it_rendezvous *r)
{
    return r->signal;
}

const it_rendezvous_stats *it_rendezvous_stat(const it_rendezvous *r)
{
    return &r->stats;
}

/* --- saying --- */

/* Says |w| to mailbox |box|. Returns 0, IT_ERR_FULL, IT_ERR_TOOBIG or IT_ERR_NOMEM. */
static int rv_say(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    char text[IT_RENDEZVOUS_LINE + IT_SIGNAL_LARGEST];
    size_t n = it_rendezvous_line(w, text);
    if (w->body.n > sizeof text - n)
        return IT_ERR_TOOBIG;
    if (w->body.n)
        memcpy(text + n, w->body.p, w->body.n);
    return it_signal_server_say(r->signal, now, box, r->source, it_bytes_of(text, n + w->body.n));
}

/* Likewise without a body: that a mailbox is full is its owner's loss. */
static int rv_tell(it_rendezvous *r, it_time now, const char *box, enum it_rendezvous_verb verb, uint64_t token)
{
    int err = rv_say(r, now, box, &(it_rendezvous_words){.verb = verb, .token = token});
    return err == IT_ERR_NOMEM ? err : 0;
}

/* --- who is there --- */

/* Whether the owner of |box| has been away for so long that others come first. */
static bool rv_is_away(const it_rendezvous *r, it_time now, const char *box)
{
    it_time left = it_signal_server_left(r->signal, box);
    return left != IT_NEVER && left + r->cfg.away <= now;
}

static rv_name *rv_name_of(it_rendezvous *r, it_bytes name)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (it_bytes_eq(name, it_bytes_str(r->name[i].name)))
            return &r->name[i];
    return NULL;
}

static void rv_drop_name(it_rendezvous *r, rv_name *n)
{
    *n = r->name[--r->n_names];
    r->stats.names = r->n_names;
}

/* Whether |n| are as many, |times| over, as a source may have. */
static bool rv_has_enough(const it_rendezvous *r, size_t n, size_t times)
{
    return r->cfg.signal.each && n >= r->cfg.signal.each * times;
}

/* Names of the source that speaks. */
static size_t rv_names_of_source(const it_rendezvous *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_names; i++)
        n += it_ip_eq(r->name[i].source, r->source);
    return n;
}

/* Calls that it began. */
static size_t rv_calls_of_source(const it_rendezvous *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_calls; i++)
        n += it_ip_eq(r->call[i].source, r->source);
    return n;
}

/* Where the source that speaks has as many names as it may, those whose owners are away are anybody's again. */
static void rv_drop_own_names(it_rendezvous *r, it_time now)
{
    if (!rv_has_enough(r, rv_names_of_source(r), 1))
        return;
    for (size_t i = r->n_names; i-- > 0;)
        if (it_ip_eq(r->name[i].source, r->source) && rv_is_away(r, now, r->name[i].box))
            rv_drop_name(r, &r->name[i]);
}

/* Room for one more name of the source that speaks: 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int rv_name_room(it_rendezvous *r, it_time now)
{
    if (rv_has_enough(r, rv_names_of_source(r), 1))
        return IT_ERR_FULL;
    for (size_t i = r->n_names; r->n_names >= r->cfg.names && i-- > 0;)
        if (rv_is_away(r, now, r->name[i].box))
            rv_drop_name(r, &r->name[i]);
    if (r->n_names >= r->cfg.names)
        return IT_ERR_FULL;
    return it_grow(r->cfg.signal.alloc, &r->name, &r->cap_names, r->n_names + 1, sizeof *r->name);
}

static rv_call *rv_call_of(it_rendezvous *r, uint64_t token)
{
    for (size_t i = 0; i < r->n_calls; i++)
        if (r->call[i].token == token)
            return &r->call[i];
    return NULL;
}

static void rv_drop_call(it_rendezvous *r, rv_call *c)
{
    *c = r->call[--r->n_calls];
    r->stats.open = r->n_calls;
}

/* How many calls |box| is an end of. */
static size_t rv_calls_of(const it_rendezvous *r, const char *box)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_calls; i++)
        for (int k = 0; k < 2; k++)
            n += strcmp(r->call[i].box[k], box) == 0;
    return n;
}

/* Whether nobody is there any more who would miss |c|. */
static bool rv_is_over(const it_rendezvous *r, it_time now, const rv_call *c)
{
    for (int k = 0; k < 2; k++)
        if (c->box[k][0] && !rv_is_away(r, now, c->box[k]))
            return false;
    return true;
}

/* Where the source that speaks has as many calls as it may, those that are over are forgotten. */
static void rv_drop_own_calls(it_rendezvous *r, it_time now)
{
    if (!rv_has_enough(r, rv_calls_of_source(r), CALLS_A_NAME))
        return;
    for (size_t i = r->n_calls; i-- > 0;)
        if (it_ip_eq(r->call[i].source, r->source) && rv_is_over(r, now, &r->call[i]))
            rv_drop_call(r, &r->call[i]);
}

/* A new call of |token|, an end of which is |box|: it, or NULL and |*err| says IT_ERR_FULL or IT_ERR_NOMEM. */
static rv_call *rv_add_call(it_rendezvous *r, it_time now, uint64_t token, const char *box, int *err)
{
    *err = IT_ERR_FULL;
    rv_drop_own_calls(r, now);
    if (rv_calls_of(r, box) >= r->cfg.calls_each || rv_has_enough(r, rv_calls_of_source(r), CALLS_A_NAME))
        return NULL;
    for (size_t i = r->n_calls; r->n_calls >= r->cfg.calls && i-- > 0;)
        if (rv_is_over(r, now, &r->call[i]))
            rv_drop_call(r, &r->call[i]);
    if (r->n_calls >= r->cfg.calls)
        return NULL;
    *err = it_grow(r->cfg.signal.alloc, &r->call, &r->cap_calls, r->n_calls + 1, sizeof *r->call);
    if (*err < 0)
        return NULL;
    rv_call *c = &r->call[r->n_calls++];
    *c = (rv_call){.token = token, .until = IT_NEVER, .source = r->source};
    memcpy(c->box[0], box, strlen(box) + 1);
    r->stats.open = r->n_calls;
    return c;
}

/* Which end of |c| the owner of |box| is, -1: none. */
static int rv_end_of(const rv_call *c, const char *box)
{
    for (int k = 0; k < 2; k++)
        if (strcmp(c->box[k], box) == 0)
            return k;
    return -1;
}

/* --- what is said --- */

/* Refuses call |token| of |box|, which no longer is one. */
static int rv_refuse(it_rendezvous *r, it_time now, const char *box, enum it_rendezvous_verb verb, uint64_t token)
{
    r->stats.absent += verb == IT_RENDEZVOUS_ABSENT;
    r->stats.busy += verb == IT_RENDEZVOUS_BUSY;
    return rv_tell(r, now, box, verb, token);
}

/* Call |c|, which waited or did not, reaches |listener|. */
static int rv_ring(it_rendezvous *r, it_time now, rv_call *c, const char *listener)
{
    char caller[IT_SIGNAL_NAME + 1];
    uint64_t token = c->token;
    memcpy(caller, c->box[0], sizeof caller);
    c->until = IT_NEVER;
    c->name[0] = '\0';
    int err = rv_say(r, now, listener, &(it_rendezvous_words){.verb = IT_RENDEZVOUS_CALL, .token = token});
    if (err == 0) {
        memcpy(c->box[1], listener, strlen(listener) + 1);
        r->stats.calls++;
        return 0;
    }
    rv_drop_call(r, c);
    return err == IT_ERR_NOMEM ? err : rv_refuse(r, now, caller, IT_RENDEZVOUS_BUSY, token);
}

/* Those that wait for |n| reach it now; what the caller has said meanwhile is said again. */
static int rv_ring_waiting(it_rendezvous *r, it_time now, const rv_name *n)
{
    rv_name own = *n;
    int err = 0;
    for (size_t i = r->n_calls; i-- > 0 && err == 0;) {
        rv_call *c = &r->call[i];
        if (strcmp(c->name, own.name) != 0)
            continue;
        uint64_t token = c->token;
        err = rv_ring(r, now, c, own.box);
        c = err == 0 ? rv_call_of(r, token) : NULL;
        if (c)
            err = rv_tell(r, now, c->box[0], IT_RENDEZVOUS_JOINED, token);
    }
    return err;
}

/* Whether the owner of |box| may have name |n|, which somebody has: he himself, or one who is away. */
static bool rv_may_have(const it_rendezvous *r, it_time now, const char *box, const rv_name *n)
{
    if (strcmp(n->box, box) == 0)
        return true;
    if (!rv_is_away(r, now, n->box))
        return false;
    return it_ip_eq(n->source, r->source) || !rv_has_enough(r, rv_names_of_source(r), 1);
}

static int take_listen(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    rv_drop_own_names(r, now);
    rv_name *n = rv_name_of(r, w->name);
    it_rendezvous_words answer = {.verb = IT_RENDEZVOUS_LISTENING, .name = w->name};
    if (n && !rv_may_have(r, now, box, n))
        answer.verb = IT_RENDEZVOUS_TAKEN;
    int err = n ? 0 : rv_name_room(r, now);
    if (err == IT_ERR_NOMEM)
        return err;
    if (err == IT_ERR_FULL)
        answer.verb = IT_RENDEZVOUS_TAKEN;
    bool fresh = !n && err == 0;
    if (fresh) {
        n = &r->name[r->n_names++];
        *n = (rv_name){.name = ""};
        memcpy(n->name, w->name.p, w->name.n);
        r->stats.names = r->n_names;
    }
    r->stats.taken += answer.verb == IT_RENDEZVOUS_TAKEN;
    if (answer.verb == IT_RENDEZVOUS_LISTENING) {
        memcpy(n->box, box, strlen(box) + 1);
        n->source = r->source;
    }
    err = rv_say(r, now, box, &answer);
    if (err == IT_ERR_NOMEM || answer.verb == IT_RENDEZVOUS_TAKEN)
        return err == IT_ERR_NOMEM ? err : 0;
    return rv_ring_waiting(r, now, n);
}

static int take_leave(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    rv_name *n = rv_name_of(r, w->name);
    (void)now;
    if (n && strcmp(n->box, box) == 0)
        rv_drop_name(r, n);
    return 0;
}

/* Who listens under |name|, and is there; NULL. */
static rv_name *rv_listener(it_rendezvous *r, it_time now, it_bytes name)
{
    rv_name *n = rv_name_of(r, name);
    if (!n || !rv_is_away(r, now, n->box))
        return n;
    rv_drop_name(r, n);
    return NULL;
}

/* Call |w| of |box| is new. */
static int rv_begin_call(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    int err;
    rv_name *n = rv_listener(r, now, w->name);
    if (!n && w->wait == 0)
        return rv_refuse(r, now, box, IT_RENDEZVOUS_ABSENT, w->token);
    rv_call *c = rv_add_call(r, now, w->token, box, &err);
    if (!c)
        return err == IT_ERR_FULL ? rv_refuse(r, now, box, IT_RENDEZVOUS_BUSY, w->token) : err;
    if (n)
        return rv_ring(r, now, c, n->box);
    memcpy(c->name, w->name.p, w->name.n);
    c->until = now + (it_time)w->wait * IT_SEC;
    r->due = c->until < r->due ? c->until : r->due;
    return 0;
}

static int take_call(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    const rv_call *c = rv_call_of(r, w->token);
    if (!c && w->name.n)
        return rv_begin_call(r, now, box, w);
    if (!c || rv_end_of(c, box) >= 0)
        return 0; /* said again */
    return rv_refuse(r, now, box, IT_RENDEZVOUS_BUSY, w->token);
}

static int take_join(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    int err;
    rv_call *c = rv_call_of(r, w->token);
    if (!c) {
        c = rv_add_call(r, now, w->token, box, &err);
        return c || err == IT_ERR_FULL ? 0 : err;
    }
    if (rv_end_of(c, box) >= 0)
        return 0;
    if (c->box[1][0] || c->name[0]) { /* two know the token, this is a third one */
        r->stats.unknown++;
        return 0;
    }
    memcpy(c->box[1], box, strlen(box) + 1);
    err = rv_tell(r, now, c->box[0], IT_RENDEZVOUS_JOINED, w->token);
    return err < 0 ? err : rv_tell(r, now, c->box[1], IT_RENDEZVOUS_JOINED, w->token);
}

/* The other end of call |w|->token than |box|; NULL: there is none yet, or no such call, and |*known| says which. */
static rv_call *rv_other(it_rendezvous *r, const char *box, const it_rendezvous_words *w, const char **other)
{
    rv_call *c = rv_call_of(r, w->token);
    int k = c ? rv_end_of(c, box) : -1;
    *other = k < 0 || !c->box[1 - k][0] ? NULL : c->box[1 - k];
    return k < 0 ? NULL : c;
}

static int take_said(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    const char *other;
    if (!rv_other(r, box, w, &other)) {
        r->stats.unknown++;
        return rv_tell(r, now, box, IT_RENDEZVOUS_UNKNOWN, w->token);
    }
    if (!other)
        return 0; /* once it is there it is JOINED, and hears all of it */
    int err = rv_say(r, now, other, w);
    r->stats.said += err == 0;
    if (err == 0 || err == IT_ERR_NOMEM)
        return err;
    return rv_tell(r, now, box, IT_RENDEZVOUS_LOST, w->token);
}

/* BUSY, END: the call is over. */
static int take_over(it_rendezvous *r, it_time now, const char *box, const it_rendezvous_words *w)
{
    const char *other;
    char to[IT_SIGNAL_NAME + 1] = "";
    rv_call *c = rv_other(r, box, w, &other);
    if (!c)
        return 0;
    if (other)
        memcpy(to, other, strlen(other) + 1);
    rv_drop_call(r, c);
    r->stats.busy += w->verb == IT_RENDEZVOUS_BUSY;
    return to[0] ? rv_tell(r, now, to, w->verb, w->token) : 0;
}

/* Hears what has come. Returns 0 or IT_ERR_NOMEM. */
static int rv_hear(it_rendezvous *r, it_time now)
{
    static int (*const TAKE[IT_RENDEZVOUS_VERBS])(it_rendezvous *, it_time, const char *,
                                                  const it_rendezvous_words *) = {
        [IT_RENDEZVOUS_LISTEN] = take_listen, [IT_RENDEZVOUS_LEAVE] = take_leave, [IT_RENDEZVOUS_CALL] = take_call,
        [IT_RENDEZVOUS_BUSY] = take_over,     [IT_RENDEZVOUS_JOIN] = take_join,   [IT_RENDEZVOUS_MORE] = take_said,
        [IT_RENDEZVOUS_SAY] = take_said,      [IT_RENDEZVOUS_END] = take_over,
    };
    char box[IT_SIGNAL_NAME + 1];
    it_bytes data;
    it_rendezvous_words w;
    int err = 0;
    while (err == 0 && it_signal_server_hear(r->signal, box, &r->source, &data)) {
        if (it_rendezvous_read(data, &w) < 0 || !TAKE[w.verb])
            r->stats.broken++;
        else
            err = TAKE[w.verb](r, now, box, &w);
    }
    r->source = (it_ip){0, 0};
    return err;
}

/* --- the object --- */

static int rv_input(void *o, it_time now, const it_io *in)
{
    it_rendezvous *r = o;
    int n = it_signal_server_ops.input(r->signal, now, in);
    int err = n < 0 ? n : rv_hear(r, now);
    return err < 0 ? err : n;
}

/* Refuses those that have waited long enough. */
static int rv_expire(it_rendezvous *r, it_time now)
{
    int err = 0;
    r->due = IT_NEVER;
    for (size_t i = r->n_calls; i-- > 0 && err == 0;) {
        rv_call c = r->call[i];
        if (c.until <= now) {
            rv_drop_call(r, &r->call[i]);
            err = rv_refuse(r, now, c.box[0], IT_RENDEZVOUS_ABSENT, c.token);
        } else if (c.until < r->due) {
            r->due = c.until;
        }
    }
    return err;
}

static int rv_tick(void *o, it_time now)
{
    it_rendezvous *r = o;
    int err = it_signal_server_ops.tick(r->signal, now);
    if (err == 0)
        err = rv_hear(r, now);
    return err < 0 || r->due > now ? err : rv_expire(r, now);
}

static it_time rv_next(const void *o)
{
    const it_rendezvous *r = o;
    it_time signal = it_signal_server_ops.next(r->signal);
    return signal < r->due ? signal : r->due;
}

static int rv_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rendezvous *r = o;
    int n = it_signal_server_ops.output(r->signal, now, out, buf, cap);
    if (n != 0)
        return n;
    int err = rv_hear(r, now); /* what waited for room may have been read */
    return err < 0 ? err : it_signal_server_ops.output(r->signal, now, out, buf, cap);
}

const it_object_ops it_rendezvous_ops = {.kind = "rendezvous server",
                                         .input = rv_input,
                                         .tick = rv_tick,
                                         .next = rv_next,
                                         .output = rv_output,
                                         .free = rv_free};
