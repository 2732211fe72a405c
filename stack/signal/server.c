/* The signal server: its connections, what goes in and out of them, and time. What requests and records do is in
 * server_take.c. */
#include "stack/signal/server_impl.h"

#include "stack/http/message.h"
#include "stack/tls/either.h"
#include "stack/ws/ws.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 16384 }; /* of a request */

/* --- the server and its limits --- */

static void size_or(size_t *v, size_t normal)
{
    *v = *v ? *v : normal;
}

static void time_or(it_time *v, it_time normal)
{
    *v = *v ? *v : normal;
}

it_signal_server *it_signal_server_new(const it_signal_server_cfg *cfg)
{
    it_signal_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    size_or(&s->cfg.connections, 4096);
    size_or(&s->cfg.mailboxes, 4096);
    size_or(&s->cfg.messages, 64);
    size_or(&s->cfg.bytes, 262144);
    time_or(&s->cfg.hold, 25 * IT_SEC);
    time_or(&s->cfg.request, 30 * IT_SEC);
    time_or(&s->cfg.idle, 60 * IT_SEC);
    time_or(&s->cfg.keep, 300 * IT_SEC);
    it_rng rng = cfg->rng; /* a copy: the name of the run is as it was */
    it_rng_init(&rng, it_rng_u64(&rng), "secrets");
    it_mailboxes_init(&s->boxes, cfg->alloc, s->cfg.mailboxes, s->cfg.each, it_rng_u64(&rng));
    it_rng_text(&s->cfg.rng, s->run, sizeof s->run - 1, "0123456789abcdef");
    it_bits_init(&s->busy, cfg->alloc);
    it_bits_init(&s->keyed, cfg->alloc);
    it_str_init(&s->reply, cfg->alloc);
    int err = it_buckets_init(&s->asks, cfg->alloc, it_rng_u64(&rng), cfg->rate, cfg->rate);
    if (err == 0)
        err = it_buckets_init(&s->says, cfg->alloc, it_rng_u64(&rng), cfg->records, cfg->records);
    if (err == 0 && cfg->own) {
        snprintf(s->own, sizeof s->own, "%s", cfg->own);
        err = it_mailboxes_keep(&s->boxes, it_bytes_str(s->own));
    }
    if (err == 0)
        return s;
    it_signal_server_ops.free(s);
    return NULL;
}

void it_signal_server_tls(it_signal_server *s, const it_tls_cfg *tls, uint16_t port)
{
    s->tls = *tls;
    s->tls.alloc = s->cfg.alloc;
    s->tls_port = port;
}

static void free_link(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    if (!l)
        return;
    it_signal_turn_end(s, l);
    it_layers_fini(&l->ls);
    it_str_fini(&l->say);
    it_free(s->cfg.alloc, l);
    s->v[i] = NULL;
    it_bits_del(&s->busy, (uint32_t)i);
    it_bits_del(&s->keyed, (uint32_t)i);
    s->stats.connections--;
}

static void free_server(void *o)
{
    it_signal_server *s = o;
    for (size_t i = 0; i < s->n; i++)
        free_link(s, i);
    it_mailboxes_fini(&s->boxes);
    it_buckets_fini(&s->asks);
    it_buckets_fini(&s->says);
    it_bits_fini(&s->busy);
    it_bits_fini(&s->keyed);
    it_str_fini(&s->reply);
    it_free(s->cfg.alloc, s->v);
    it_free(s->cfg.alloc, s->refused);
    it_free(s->cfg.alloc, s);
}

const it_signal_server_stats *it_signal_server_stat(const it_signal_server *s)
{
    return &s->stats;
}

/* --- what is told --- */

it_signal_tale *it_signal_server_tell(it_signal_server *s, enum it_signal_tale_kind kind, it_addr client)
{
    it_signal_tale *t = &s->tales[s->told++ % IT_SIGNAL_TALES];
    if (s->told - s->heard > IT_SIGNAL_TALES) {
        s->heard++;
        s->missed++;
    }
    *t = (it_signal_tale){.kind = kind, .client = client};
    return t;
}

void it_signal_server_tell_refused(it_signal_server *s, it_addr client, int status, const char *why)
{
    it_signal_tale *t = it_signal_server_tell(s, IT_SIGNAL_TALE_REFUSED, client);
    t->status = status;
    t->why = why;
}

int it_signal_server_tale(it_signal_server *s, it_signal_tale *tale)
{
    if (s->heard == s->told)
        return 0;
    *tale = s->tales[s->heard++ % IT_SIGNAL_TALES];
    tale->missed = s->missed;
    s->missed = 0;
    return 1;
}

int it_signal_server_secret(it_signal_server *s, char line[IT_TLS_LINE_MAX])
{
    uint32_t i = 0;
    while ((i = it_bits_next(&s->keyed, i)) != IT_BITS_NONE) {
        if (it_tls_either_secret(&s->v[i]->tls, line))
            return 1;
        it_bits_del(&s->keyed, i); /* until it has heard more */
    }
    return 0;
}

/* --- WebSocket --- */

/* Puts the next line of what is to be said, or the next letter, on its way. Returns 1, 0: none, or not now, or an
 * error. */
static int write_next(it_signal_server *s, it_signal_link *l)
{
    const it_letter *letter = NULL;
    it_bytes rest = it_bytes_of(l->say.p, l->say.n), line;
    it_str_clear(&s->reply);
    if (!it_signal_line(&rest, &line)) {
        letter =
            l->box == IT_MAILBOX_NONE ? NULL : it_mailbox_after(it_signal_box_of(s, l), it_signal_box_of(s, l)->sent);
        if (!letter)
            return 0;
        it_signal_write_letter(&s->reply, letter);
        if (s->reply.oom)
            return IT_ERR_NOMEM;
        line = it_bytes_of(s->reply.p, s->reply.n);
    }
    int n = it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_DATA, .data = line});
    if (n == IT_ERR_NOMEM)
        return n;
    if (n < 0)
        return 0; /* not now, or never again */
    if (letter) {
        it_signal_box_of(s, l)->sent = letter->seq;
        return 1;
    }
    memmove(l->say.p, rest.p ? (const char *)rest.p : l->say.p + l->say.n, rest.n);
    it_str_cut(&l->say, rest.n);
    return 1;
}

/* Closes the WebSocket of connection |i| with |code| for |why|: nothing more of it is heard. */
static void close_for(it_signal_server *s, size_t i, uint16_t code, const char *why)
{
    it_signal_server_tell_refused(s, s->v[i]->s.remote, code, why);
    it_signal_close_ws(s->v[i], s->now, code);
    it_signal_leave_box(s, i);
}

static int take_frame(it_signal_server *s, size_t i, it_bytes text)
{
    it_signal_link *l = s->v[i];
    if (l->box == IT_MAILBOX_NONE)
        return 0; /* somebody else has the mailbox, or it is being closed */

    (void)it_buckets_take(&s->says, s->now, l->s.remote.ip); /* there is one: reads_on */
    it_signal_turn_end(s, l);
    int err = it_signal_take_record(s, l->box, l->s.remote.ip, text, &l->say);
    if (err == IT_ERR_NOMEM)
        return err;
    if (err == IT_ERR_PARSE) /* RFC 6455 section 7.4.1: it violates our policy */
        close_for(s, i, 1008, "a message that is no record");
    else if (err == IT_ERR_FULL) /* the registry of RFC 6455 section 11.7: try again later */
        close_for(s, i, 1013, "it does not say that it knows what was refused");
    return 0;
}

/* --- in and out --- */

enum { SAY_MAX = 4096 }; /* bytes of answers that wait; with more nothing is read: who does not read is not heard */

/* Whether |l| is read. Who has a WebSocket and says more than its source may is read later, when it is its turn:
 * nothing of it is lost. What comes by one that is being closed is passed over, and costs nothing. */
static bool reads_on(it_signal_server *s, it_signal_link *l)
{
    if (l->mode != IT_LINK_WS || l->box == IT_MAILBOX_NONE)
        return true;
    if (l->say.n >= SAY_MAX) {
        it_signal_turn_end(s, l);
        return false;
    }
    it_time when = it_buckets_when(&s->says, s->now, l->s.remote.ip);
    uint32_t first = it_signal_turn_first(s, l);
    bool turn = first == IT_BITS_NONE || s->v[first] == l;
    l->pause = IT_NEVER;
    if (when <= s->now && turn)
        return true;
    it_signal_turn_begin(s, l);
    if (when > s->now)
        l->pause = when;
    else
        it_bits_add(&s->busy, first);
    return false;
}

/* The layers of |l| have refused what it said, or the stream is gone: tells of the first. */
static void tell_broken(it_signal_server *s, const it_signal_link *l)
{
    int status = it_http_answered(&l->http);
    const char *why = it_layers_why(&l->ls);
    bool tls = l->tls.ops && l->tls.ops->why(l->tls.l);
    if (status || tls)
        it_signal_server_tell_refused(s, l->s.remote, status, why);
}

/* Connection |i| says no more: FIN or RST, |in|. */
static int end_link(it_signal_server *s, size_t i, const it_io *in)
{
    it_signal_link *l = s->v[i];
    int err = 0;
    if (in->kind == IT_IO_RST)
        tell_broken(s, l);
    /* RFC 9112 section 9.6: it may have closed its half alone. It is answered now: it may be gone as well. */
    if (in->kind == IT_IO_FIN && l->mode == IT_LINK_POLL)
        err = it_signal_end_poll(s, i);
    it_signal_leave_box(s, i);
    if (l->mode == IT_LINK_WS)
        return 0; /* its layer sees to the closing */
    l->mode = IT_LINK_HTTP;
    if (err < 0 || in->kind == IT_IO_RST)
        return err;
    return it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_FIN});
}

/* Does what came up on connection |i|. */
static int take_up(it_signal_server *s, size_t i, const it_io *in)
{
    if (in->kind == IT_IO_FIN || in->kind == IT_IO_RST)
        return end_link(s, i, in);
    if (in->kind != IT_IO_DATA)
        return 0;
    s->v[i]->begun = IT_NEVER;
    return s->v[i]->mode == IT_LINK_WS ? take_frame(s, i, in->data) : it_signal_take_request(s, i, in->data);
}

/* Reads what connection |i| has said. Returns 0 or IT_ERR_NOMEM. */
static int read_link(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    it_io in;
    int n = 0;
    bool reads = reads_on(s, l);
    while (reads && (n = it_layers_read(&l->ls, s->now, &in, s->buf, sizeof s->buf)) > 0) {
        int err = take_up(s, i, &in);
        if (err < 0)
            return err;
        reads = reads_on(s, l);
    }
    if (reads)
        it_signal_turn_end(s, l); /* there is nothing to read */
    return n < 0 ? n : 0;
}

static int refuse_stream(it_signal_server *s, const it_io *in)
{
    if (it_grow(s->cfg.alloc, &s->refused, &s->cap_refused, s->n_refused + 1, sizeof *s->refused) < 0)
        return IT_ERR_NOMEM;
    s->stats.reset++;
    s->refused[s->n_refused++] = in->flow;
    (void)it_signal_server_tell(s, IT_SIGNAL_TALE_RESET, in->remote);
    return 0;
}

/* A place for one more connection: its index, or IT_ERR_NOMEM. */
static int make_place(it_signal_server *s)
{
    size_t i = 0;
    while (i < s->n && s->v[i])
        i++;
    if (it_grow(s->cfg.alloc, &s->v, &s->cap, i + 1, sizeof *s->v) < 0 || it_bits_grow(&s->busy, (uint32_t)i + 1) < 0)
        return IT_ERR_NOMEM;
    if (it_bits_grow(&s->keyed, (uint32_t)i + 1) < 0)
        return IT_ERR_NOMEM;
    if (i == s->n)
        s->v[s->n++] = NULL;
    return (int)i;
}

static int push_layer(it_signal_link *l, it_layer layer)
{
    return layer.ops ? it_layers_push(&l->ls, layer) : IT_ERR_NOMEM;
}

static int push_layers(it_signal_server *s, it_signal_link *l, uint16_t port)
{
    int err = 0;
    if (s->tls_port && port == s->tls_port) {
        it_tls_cfg cfg = s->tls;
        it_rng_init(&cfg.rng, it_rng_u64(&s->tls.rng), "tls");
        l->tls = it_tls_or_plain(&cfg);
        err = push_layer(l, l->tls);
    }
    if (err < 0)
        return err;
    l->http = it_http_messages(s->cfg.alloc, IT_HTTP_SERVER, BODY_MAX);
    return push_layer(l, l->http);
}

static int accept_link(it_signal_server *s, const it_io *in)
{
    if (s->stats.connections >= s->cfg.connections)
        return refuse_stream(s, in);
    int i = make_place(s);
    it_signal_link *l = i < 0 ? NULL : it_calloc(s->cfg.alloc, 1, sizeof *l);
    if (!l)
        return IT_ERR_NOMEM;
    s->v[i] = l;
    s->stats.connections++;
    l->box = IT_MAILBOX_NONE;
    l->active = s->now;
    l->begun = l->pause = l->over = IT_NEVER;
    it_str_init(&l->say, s->cfg.alloc);
    it_layers_init(&l->ls, s->cfg.alloc, &l->s);
    if (push_layers(s, l, in->local.port) < 0) {
        free_link(s, (size_t)i);
        return IT_ERR_NOMEM;
    }
    it_stream_accept(&l->s, in);
    return it_layers_input(&l->ls, s->now, in);
}

/* |l| has said something; behind our FIN that keeps nothing alive. */
static void note_data(it_signal_link *l, it_time now)
{
    if (l->s.fin_due || l->ending)
        return;
    l->active = now;
    if (l->mode == IT_LINK_HTTP && l->begun == IT_NEVER)
        l->begun = now;
}

static int find_link(const it_signal_server *s, uint32_t flow)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] && s->v[i]->s.flow == flow && it_stream_alive(&s->v[i]->s))
            return (int)i;
    return -1;
}

static int server_input(void *o, it_time now, const it_io *in)
{
    it_signal_server *s = o;
    s->now = now;
    if (in->kind == IT_IO_ACCEPTED)
        return accept_link(s, in);
    bool stream =
        in->kind == IT_IO_DATA || in->kind == IT_IO_WRITABLE || in->kind == IT_IO_FIN || in->kind == IT_IO_RST;
    int i = stream ? find_link(s, in->flow) : -1;
    if (i < 0)
        return (int)in->data.n;
    it_signal_link *l = s->v[i];
    it_bits_add(&s->busy, (uint32_t)i);
    if (l->tls.ops)
        it_bits_add(&s->keyed, (uint32_t)i);
    if (in->kind == IT_IO_DATA)
        note_data(l, now);
    int n = it_layers_input(&l->ls, now, in);
    if (n < 0)
        return n;
    int err = read_link(s, (size_t)i);
    return err < 0 ? err : n;
}

/* Has connection |i| say what it can. Returns 0 or IT_ERR_NOMEM. */
static int serve_link(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    int n = read_link(s, i); /* what waited for room may be read now */
    if (n == 0 && l->mode == IT_LINK_POLL && it_signal_box_of(s, l)->first)
        n = it_signal_end_poll(s, i);
    while (n >= 0 && l->mode == IT_LINK_WS && (n = write_next(s, l)) > 0)
        continue;
    return n < 0 ? n : 0;
}

static const it_time LINGER = 5 * IT_SEC; /* between our FIN and our RST */

/* |l| may have begun to end. Of a WebSocket nothing more is heard once its end is due, read or not (RFC 6455 section
 * 7.1.7); what answers a request has time to be read. */
static void note_end(it_signal_server *s, it_signal_link *l)
{
    bool ends = l->s.fin_out;
    if (!it_stream_alive(&l->s) || l->s.rst_due)
        return;
    if (l->mode == IT_LINK_WS)
        ends = l->s.fin_due;
    if (!ends || l->over != IT_NEVER)
        return;
    l->over = s->now + LINGER;
    const it_layer *top = &l->ls.v[l->ls.n - 1];
    if (l->mode == IT_LINK_WS && it_ws_state_of(top)->fault == IT_WS_FAULT_PROTOCOL)
        it_signal_server_tell_refused(s, l->s.remote, it_ws_state_of(top)->sent, it_layers_why(&l->ls));
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_signal_server *s = o;
    s->now = now;
    if (s->n_refused) {
        *out = (it_io){.kind = IT_IO_RST, .flow = s->refused[--s->n_refused]};
        return 1;
    }
    uint32_t i = 0;
    while ((i = it_bits_next(&s->busy, 0)) != IT_BITS_NONE) {
        int n = serve_link(s, i);
        if (n == 0)
            n = it_layers_output(&s->v[i]->ls, now, out, buf, cap);
        note_end(s, s->v[i]);
        if (n != 0)
            return n;
        it_bits_del(&s->busy, i);
        if (it_stream_alive(&s->v[i]->s))
            continue;
        it_signal_leave_box(s, i);
        free_link(s, i);
    }
    s->stats.mailboxes = s->boxes.used - (s->own[0] != '\0');
    return 0;
}

int it_signal_server_stop(it_signal_server *s, it_time now)
{
    int err = 0;
    s->now = now;
    for (size_t i = 0; i < s->n && err >= 0; i++) {
        it_signal_link *l = s->v[i];
        if (!l || !it_stream_alive(&l->s))
            continue;
        it_bits_add(&s->busy, (uint32_t)i);
        if (l->mode == IT_LINK_POLL)
            err = it_signal_end_poll(s, i);
        if (l->mode == IT_LINK_WS)
            it_signal_close_ws(l, now, 1001);
    }
    return err < 0 ? err : 0;
}

/* --- time --- */

/* Until when the request that |l| has begun must be whole; IT_NEVER: there is none. */
static it_time asks_until(const it_signal_server *s, const it_signal_link *l)
{
    if (l->mode != IT_LINK_HTTP || l->begun == IT_NEVER)
        return IT_NEVER;
    return l->begun + s->cfg.request;
}

static it_time link_next(const it_signal_server *s, const it_signal_link *l)
{
    it_time layers = it_layers_next(&l->ls);
    it_time own = l->mode == IT_LINK_POLL ? l->hold : l->active + s->cfg.idle;
    if (asks_until(s, l) < own)
        own = asks_until(s, l);
    if (l->over < own)
        own = l->over;
    if (l->pause < own)
        own = l->pause;
    return own < layers ? own : layers;
}

/* The time of connection |i| has come. */
static int tick_link(it_signal_server *s, size_t i)
{
    it_signal_link *l = s->v[i];
    it_bits_add(&s->busy, (uint32_t)i);
    int err = it_layers_tick(&l->ls, s->now);
    if (err < 0)
        return err;
    if (l->pause <= s->now)
        l->pause = IT_NEVER;
    if (l->over <= s->now) {
        l->over = IT_NEVER;
        it_signal_leave_box(s, i);
        it_stream_reset(&l->s);
        return 0;
    }
    if (l->mode == IT_LINK_POLL && l->hold <= s->now)
        return it_signal_end_poll(s, i);
    if (asks_until(s, l) <= s->now) { /* however often a byte of it comes */
        l->begun = IT_NEVER;
        l->active = s->now - s->cfg.idle;
    }
    if (l->mode == IT_LINK_POLL || l->active + s->cfg.idle > s->now)
        return 0;
    it_signal_leave_box(s, i);
    if (l->mode == IT_LINK_WS || l->s.fin_due || l->ending) {
        l->active = s->now;
        it_stream_reset(&l->s);
        return 0;
    }
    /* RFC 9112 section 9.5: in order, as a client may be about to ask; and no longer than a moment. */
    l->active = s->now - s->cfg.idle + LINGER;
    l->ending = true; /* though the FIN may wait behind an answer that nobody reads */
    return it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_FIN});
}

static int server_tick(void *o, it_time now)
{
    it_signal_server *s = o;
    int err = 0;
    s->now = now;
    for (size_t i = 0; i < s->n && err >= 0; i++)
        if (s->v[i] && link_next(s, s->v[i]) <= now)
            err = tick_link(s, i);
    it_mailboxes_forget(&s->boxes, now - s->cfg.keep);
    return err < 0 ? err : 0;
}

static it_time server_next(const void *o)
{
    const it_signal_server *s = o;
    it_time left = it_mailboxes_oldest(&s->boxes);
    it_time least = left == IT_NEVER ? IT_NEVER : left + s->cfg.keep;
    for (size_t i = 0; i < s->n; i++) {
        it_time at = s->v[i] ? link_next(s, s->v[i]) : IT_NEVER;
        least = at < least ? at : least;
    }
    return least;
}

const it_object_ops it_signal_server_ops = {.kind = "signal server",
                                            .input = server_input,
                                            .tick = server_tick,
                                            .next = server_next,
                                            .output = server_output,
                                            .free = free_server};
