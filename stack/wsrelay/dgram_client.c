/* A relay's client by UDP. */
#include "stack/wsrelay/dgram_client.h"

#include "stack/wsrelay/queue.h"

#include <stdio.h>

#define RETRY (500 * IT_MS) /* JOIN */
#define ALONE (1 * IT_SEC)  /* KEEP while the other one is not there */
#define REJOIN 2            /* KEEPs without an answer */

enum dgram_state { DGRAM_JOINING, DGRAM_ALONE, DGRAM_UP, DGRAM_OVER };

struct it_wsrelay_dgram_client {
    it_wsrelay_dgram_cfg cfg;
    char room[IT_WSRELAY_ROOM + 1], name[IT_WSRELAY_NAME + 1];
    enum dgram_state state;
    bool based; /* there is a base */
    uint32_t flow;
    it_addr local;
    uint8_t cookie[IT_WSRELAY_COOKIE];
    uint64_t token;
    it_time ask_at;           /* the next JOIN or KEEP */
    it_time deadline;         /* to be in the room, then of silence */
    int unanswered;           /* KEEPs */
    it_wsrelay_queue out, in; /* written words; datagrams that came */
    bool tell_up, tell_down;
    enum it_wsrelay_why why;
    int status;
    uint8_t taken[IT_WSRELAY_DATAGRAM];
};

/* --- life --- */

static void time_or(it_time *v, it_time normal)
{
    *v = *v ? *v : normal;
}

it_wsrelay_dgram_client *it_wsrelay_dgram_new(const it_wsrelay_dgram_cfg *cfg)
{
    if (!it_wsrelay_room_valid(it_bytes_str(cfg->room)) || !it_wsrelay_name_valid(it_bytes_str(cfg->name)))
        return NULL;
    it_wsrelay_dgram_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    time_or(&c->cfg.patience, 10 * IT_SEC);
    time_or(&c->cfg.ping_every, 5 * IT_SEC);
    time_or(&c->cfg.ping_wait, 5 * IT_SEC);
    (void)snprintf(c->room, sizeof c->room, "%s", cfg->room);
    (void)snprintf(c->name, sizeof c->name, "%s", cfg->name);
    c->ask_at = c->deadline = IT_NEVER;
    return c;
}

static void dgram_free(void *o)
{
    it_wsrelay_dgram_client *c = o;
    it_wsrelay_queue_fini(&c->out, c->cfg.alloc);
    it_wsrelay_queue_fini(&c->in, c->cfg.alloc);
    it_free(c->cfg.alloc, c);
}

static void dgram_down(it_wsrelay_dgram_client *c, enum it_wsrelay_why why, int status)
{
    if (c->state == DGRAM_OVER)
        return;
    c->state = why == IT_WSRELAY_PEER ? DGRAM_ALONE : DGRAM_OVER;
    c->tell_down = true;
    c->why = why;
    c->status = status;
    if (c->state == DGRAM_OVER)
        c->ask_at = c->deadline = IT_NEVER;
}

/* --- what is said --- */

/* Queues |w|. Returns 0, IT_ERR_TOOBIG or IT_ERR_NOMEM. */
static int dgram_say(it_wsrelay_dgram_client *c, it_time now, const it_wsrelay_word *w)
{
    uint8_t out[IT_IO_DGRAM_MAX];
    int n = it_wsrelay_word_write(w, out, sizeof out);
    if (n < 0)
        return n;
    return it_wsrelay_queue_put(&c->out, c->cfg.alloc, now, it_bytes_of(out, (size_t)n), IT_WSRELAY_QUEUE);
}

static int say_join(it_wsrelay_dgram_client *c, it_time now)
{
    it_wsrelay_word w = {.type = IT_WSRELAY_JOIN, .token = c->token};
    memcpy(w.cookie, c->cookie, sizeof w.cookie);
    w.room = it_bytes_str(c->room);
    w.name = it_bytes_str(c->name);
    c->ask_at = now + RETRY;
    return dgram_say(c, now, &w);
}

/* Asks whether we are still there: by KEEP, and where that is not answered by JOIN, from wherever we are by now. */
static int dgram_ask(it_wsrelay_dgram_client *c, it_time now)
{
    if (c->state == DGRAM_JOINING || c->unanswered >= REJOIN)
        return say_join(c, now);
    c->unanswered++;
    c->ask_at = now + ALONE;
    return dgram_say(c, now, &(it_wsrelay_word){.type = IT_WSRELAY_KEEP, .token = c->token});
}

int it_wsrelay_dgram_use(it_wsrelay_dgram_client *c, it_time now, uint32_t flow, it_addr local)
{
    c->flow = flow;
    c->local = local;
    c->based = true;
    memset(c->cookie, 0, sizeof c->cookie); /* it was of another address */
    if (c->state == DGRAM_OVER)
        return 0;
    if (c->deadline == IT_NEVER)
        c->deadline = now + c->cfg.patience;
    c->unanswered = REJOIN;
    return say_join(c, now);
}

int it_wsrelay_dgram_send(it_wsrelay_dgram_client *c, it_time now, it_bytes data)
{
    if (c->state != DGRAM_UP)
        return IT_ERR_STATE;
    return dgram_say(c, now, &(it_wsrelay_word){.type = IT_WSRELAY_CARRY, .token = c->token, .data = data});
}

void it_wsrelay_dgram_close(it_wsrelay_dgram_client *c, it_time now)
{
    if (c->state == DGRAM_OVER)
        return;
    if (c->token) /* one that is lost is as good as silence */
        (void)dgram_say(c, now, &(it_wsrelay_word){.type = IT_WSRELAY_LEAVE, .token = c->token});
    c->state = DGRAM_OVER;
    c->ask_at = c->deadline = IT_NEVER;
}

bool it_wsrelay_dgram_over(const it_wsrelay_dgram_client *c)
{
    return c->state == DGRAM_OVER && c->out.n == 0;
}

/* --- what is heard --- */

static void take_in(it_wsrelay_dgram_client *c, it_time now, const it_wsrelay_word *w)
{
    if (c->state == DGRAM_JOINING) {
        c->token = w->token;
        c->state = DGRAM_ALONE;
    } else if (w->token != c->token) {
        return;
    }
    c->unanswered = 0;
    c->deadline = now + c->cfg.ping_every + c->cfg.ping_wait;
    c->ask_at = now + (w->here ? c->cfg.ping_every : ALONE);
    if (w->here && c->state == DGRAM_ALONE) {
        c->state = DGRAM_UP;
        c->tell_up = true;
    } else if (!w->here && c->state == DGRAM_UP) {
        c->tell_up = false;
        dgram_down(c, IT_WSRELAY_PEER, 0);
    }
}

static int take_word(it_wsrelay_dgram_client *c, it_time now, const it_wsrelay_word *w)
{
    switch (w->type) {
    case IT_WSRELAY_COOKIED:
        memcpy(c->cookie, w->cookie, sizeof c->cookie);
        return say_join(c, now);
    case IT_WSRELAY_IN:
        take_in(c, now, w);
        return 0;
    case IT_WSRELAY_NO:
        if (c->state == DGRAM_JOINING || c->unanswered >= REJOIN)
            dgram_down(c, IT_WSRELAY_HTTP, w->status);
        return 0;
    case IT_WSRELAY_CARRY:
        if (w->token != c->token || c->state != DGRAM_UP)
            return 0;
        c->deadline = now + c->cfg.ping_every + c->cfg.ping_wait;
        return it_wsrelay_queue_put(&c->in, c->cfg.alloc, now, w->data, IT_WSRELAY_QUEUE);
    default:
        return 0;
    }
}

/* --- the contract --- */

static int dgram_input(void *o, it_time now, const it_io *in)
{
    it_wsrelay_dgram_client *c = o;
    it_wsrelay_word w;
    if (in->kind != IT_IO_DGRAM || c->state == DGRAM_OVER || !it_addr_eq(in->remote, c->cfg.server))
        return (int)in->data.n;
    if (it_wsrelay_word_read(in->data, &w) < 0)
        return (int)in->data.n;
    int err = take_word(c, now, &w);
    return err < 0 ? err : (int)in->data.n;
}

static it_time dgram_next(const void *o)
{
    const it_wsrelay_dgram_client *c = o;
    return c->ask_at < c->deadline ? c->ask_at : c->deadline;
}

static int dgram_tick(void *o, it_time now)
{
    it_wsrelay_dgram_client *c = o;
    if (now >= c->deadline)
        dgram_down(c, c->state == DGRAM_JOINING ? IT_WSRELAY_TIMEOUT : IT_WSRELAY_PING, 0);
    return now >= c->ask_at ? dgram_ask(c, now) : 0;
}

static int dgram_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_wsrelay_dgram_client *c = o;
    (void)now;
    while (c->out.n) {
        it_bytes word = it_wsrelay_queue_first(&c->out);
        if (c->based && word.n <= cap) {
            memcpy(buf, word.p, word.n);
            *out = (it_io){.kind = IT_IO_DGRAM,
                           .flow = c->flow,
                           .local = c->local,
                           .remote = c->cfg.server,
                           .data = it_bytes_of(buf, word.n)};
            it_wsrelay_queue_pop(&c->out, c->cfg.alloc);
            return 1;
        }
        it_wsrelay_queue_pop(&c->out, c->cfg.alloc);
    }
    return 0;
}

static int dgram_tell(it_object_event *out, const it_service_event *e)
{
    *out = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    out->u.service = *e;
    return 1;
}

static int dgram_event(void *o, it_object_event *out)
{
    it_wsrelay_dgram_client *c = o;
    if (c->tell_up) {
        c->tell_up = false;
        return dgram_tell(out, &(it_service_event){.kind = IT_SERVICE_UP, .addr = c->cfg.server});
    }
    if (c->in.n) {
        it_bytes data = it_wsrelay_queue_first(&c->in);
        memcpy(c->taken, data.p, data.n);
        it_bytes copy = it_bytes_of(c->taken, data.n);
        it_wsrelay_queue_pop(&c->in, c->cfg.alloc);
        return dgram_tell(out, &(it_service_event){.kind = IT_SERVICE_MESSAGE, .data = copy});
    }
    if (!c->tell_down)
        return 0;
    c->tell_down = false;
    return dgram_tell(out, &(it_service_event){.kind = IT_SERVICE_DOWN,
                                               .code = (int)c->why,
                                               .how = it_wsrelay_why_name(c->why),
                                               .lifetime = (uint32_t)c->status});
}

const it_object_ops it_wsrelay_dgram_ops = {.kind = "relay client by UDP",
                                            .input = dgram_input,
                                            .tick = dgram_tick,
                                            .next = dgram_next,
                                            .output = dgram_output,
                                            .event = dgram_event,
                                            .free = dgram_free};
