/* The relay: its connections, the rooms they are in, and what passes between two. */
#include "stack/wsrelay/server_impl.h"

#include "stack/http/message.h"

#include <stdio.h>
#include <string.h>

#define TELL_EVERY (100 * IT_MS) /* LOST, at most so often */

enum { BODY_MAX = 0, POLICY = 1008, GOING_AWAY = 1001 };

/* --- life --- */

static void size_or(size_t *v, size_t normal)
{
    *v = *v ? *v : normal;
}

static void time_or(it_time *v, it_time normal)
{
    *v = *v ? *v : normal;
}

void it_wsrelay_server_tls(it_wsrelay_server *s, const it_tls_cfg *tls, uint16_t port)
{
    s->tls = *tls;
    s->tls.alloc = s->cfg.alloc;
    s->tls.alpn = "http/1.1";
    s->cfg.tls = &s->tls;
    s->cfg.tls_port = port;
}

it_wsrelay_server *it_wsrelay_server_new(const it_wsrelay_server_cfg *cfg)
{
    it_wsrelay_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    if (cfg->tls)
        it_wsrelay_server_tls(s, cfg->tls, cfg->tls_port);
    it_bits_init(&s->busy, cfg->alloc);
    size_or(&s->cfg.connections, 1024);
    size_or(&s->cfg.rooms, 512);
    time_or(&s->cfg.patience, IT_WSRELAY_REQUEST);
    time_or(&s->cfg.ping_every, 15 * IT_SEC);
    time_or(&s->cfg.ping_wait, 10 * IT_SEC);
    time_or(&s->cfg.age, 500 * IT_MS);
    return s;
}

void it_wsr_free(it_wsrelay_server *s, size_t i)
{
    relay_link *l = s->v[i];
    if (!l)
        return;
    if (!l->dgram)
        it_layers_fini(&l->ls);
    it_wsrelay_queue_fini(&l->q, s->cfg.alloc);
    it_free(s->cfg.alloc, l);
    s->v[i] = NULL;
    it_bits_del(&s->busy, (uint32_t)i);
    s->stats.connections--;
}

static void server_free(void *o)
{
    it_wsrelay_server *s = o;
    for (size_t i = 0; i < s->n; i++)
        it_wsr_free(s, i);
    it_bits_fini(&s->busy);
    it_free(s->cfg.alloc, s->v);
    it_free(s->cfg.alloc, s->refused);
    it_free(s->cfg.alloc, s);
}

const it_wsrelay_server_stats *it_wsrelay_server_stat(const it_wsrelay_server *s)
{
    return &s->stats;
}

/* --- requests --- */

static const char *reason_of(int status)
{
    switch (status) {
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 426:
        return "Upgrade Required";
    case 503:
        return "Service Unavailable";
    default:
        return "Bad Request";
    }
}

/* Answers with |status| and closes. RFC 9110 section 15. */
static int refuse_request(it_wsrelay_server *s, relay_link *l, int status)
{
    char text[256];
    const char *more = "";
    if (status == 405)
        more = "Allow: GET\r\n";
    else if (status == 426)
        more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status,
             reason_of(status), more);
    s->stats.refused++;
    it_wsr_tell(s, IT_WSRELAY_TALE_REFUSED, l->s.remote)->status = status;
    int n = it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)});
    return n == IT_ERR_NOMEM ? n : 0;
}

/* Makes link |i| a WebSocket in |room|, where |other| is. */
static int enter_room(it_wsrelay_server *s, size_t i, it_bytes head, it_bytes room, it_bytes name, int other)
{
    relay_link *l = s->v[i];
    it_ws_cfg cfg = {.alloc = s->cfg.alloc,
                     .largest = IT_WSRELAY_FRAME,
                     .binary = true,
                     .protocol = IT_WSRELAY_PROTOCOL,
                     .ping_every = s->cfg.ping_every,
                     .ping_wait = s->cfg.ping_wait};
    it_rng_init(&cfg.rng, it_rng_u64(&s->cfg.rng), "ws");
    it_layer ws = it_ws_server(&cfg, head);
    if (!ws.ops || it_layers_push(&l->ls, ws) < 0)
        return IT_ERR_NOMEM;
    l->ws = ws;
    l->deadline = IT_NEVER;
    it_wsr_enter(s, i, room, name, other);
    return 0;
}

static int take_request(it_wsrelay_server *s, size_t i, it_bytes message)
{
    it_bytes head, body, room, name;
    it_http_request r;
    int other;
    it_http_split(message, &head, &body);
    if (it_http_request_parse(head, &r) < 0)
        return refuse_request(s, s->v[i], 400);
    if (it_wsrelay_target_read(r.target, &room, &name) < 0)
        return refuse_request(s, s->v[i], 404);
    int status = it_ws_judge(head);
    if (status == 0)
        status = 426; /* RFC 9110 section 15.5.22 */
    if (status == 101)
        status = it_wsr_judge(s, room, name, &other);
    return status == 101 ? enter_room(s, i, head, room, name, other) : refuse_request(s, s->v[i], status);
}

/* --- datagrams --- */

static int take_message(it_wsrelay_server *s, size_t i, it_bytes message)
{
    it_wsrelay_frame f;
    if (it_wsrelay_frame_read(message, &f) == 0 && f.type == IT_WSRELAY_DATA)
        return it_wsr_relay(s, s->v[i], message);
    it_ws_close(&s->v[i]->ws, s->now, POLICY); /* RFC 6455 section 7.4.1 */
    it_wsr_leave(s, i);
    return 0;
}

/* Says |type| to |l|: 1 when it was taken, 0, or IT_ERR_NOMEM. */
static int say_type(it_wsrelay_server *s, relay_link *l, enum it_wsrelay_type type)
{
    uint8_t frame[IT_WSRELAY_FRAME];
    int n = it_wsrelay_frame_write(&(it_wsrelay_frame){.type = type, .lost = l->lost}, frame);
    n = it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(frame, (size_t)n)});
    if (n == IT_ERR_NOMEM)
        return n;
    return n > 0;
}

/* Says |type| to |l| if |*due|. Returns 1: nothing is left of that, 0: not now, or IT_ERR_NOMEM. */
static int say_due(it_wsrelay_server *s, relay_link *l, bool *due, enum it_wsrelay_type type)
{
    if (!*due)
        return 1;
    int n = say_type(s, l, type);
    *due = n <= 0;
    return n;
}

/* Says who has come and gone, and what was lost. As say_due. */
static int say_news(it_wsrelay_server *s, relay_link *l)
{
    int n = say_due(s, l, &l->away, IT_WSRELAY_GONE);
    if (n > 0)
        n = say_due(s, l, &l->here, IT_WSRELAY_HERE);
    bool lost = l->lost != l->told && s->now - l->told_at >= TELL_EVERY;
    if (n <= 0 || !lost)
        return n;
    n = say_due(s, l, &lost, IT_WSRELAY_LOST);
    if (!lost) {
        l->told = l->lost;
        l->told_at = s->now;
    }
    return n;
}

/* Says the datagrams that wait for |l|. As say_due. */
static int say_queue(it_wsrelay_server *s, relay_link *l)
{
    int n = 1;
    while (n > 0 && l->q.n) {
        n = it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_DATA, .data = it_wsrelay_queue_first(&l->q)});
        if (n > 0)
            it_wsrelay_queue_pop(&l->q, s->cfg.alloc);
    }
    return n;
}

/* Says to |l| what is to be said, as far as it is taken. Returns 0 or IT_ERR_NOMEM. */
static int serve_link(it_wsrelay_server *s, relay_link *l)
{
    if (!l->ws.ops || l->gone)
        return 0;
    it_wsr_age(s, l);
    int n = 1;
    if (l->away)
        n = say_queue(s, l);
    if (n > 0)
        n = say_news(s, l);
    if (n > 0)
        n = say_queue(s, l);
    return n == IT_ERR_NOMEM ? n : 0;
}

/* --- in --- */

/* The layer of HTTP has refused what |l| said, or its stream is gone: tells of the first. */
static void tell_broken(it_wsrelay_server *s, const relay_link *l)
{
    int status = it_http_answered(&l->http);
    if (l->ws.ops || !status)
        return;
    s->stats.refused++;
    it_wsr_tell(s, IT_WSRELAY_TALE_REFUSED, l->s.remote)->status = status;
}

static int take_up(it_wsrelay_server *s, size_t i, const it_io *in)
{
    relay_link *l = s->v[i];
    if (in->kind == IT_IO_DATA)
        return l->ws.ops ? take_message(s, i, in->data) : take_request(s, i, in->data);
    if (in->kind != IT_IO_FIN && in->kind != IT_IO_RST)
        return 0;
    s->stats.silent += l->ws.ops && it_ws_state_of(&l->ws)->fault == IT_WS_FAULT_SILENCE;
    it_wsr_leave(s, i);
    if (in->kind == IT_IO_RST)
        tell_broken(s, l);
    if (l->ws.ops || in->kind == IT_IO_RST)
        return 0; /* its layer sees to the closing */
    return it_layers_write(&l->ls, s->now, &(it_io){.kind = IT_IO_FIN});
}

/* Reads what link |i| has said. Returns 0 or IT_ERR_NOMEM. */
static int read_link(it_wsrelay_server *s, size_t i)
{
    it_io in;
    int n;
    while ((n = it_layers_read(&s->v[i]->ls, s->now, &in, s->buf, sizeof s->buf)) > 0) {
        int err = take_up(s, i, &in);
        if (err < 0)
            return err;
    }
    return n;
}

static int refuse_stream(it_wsrelay_server *s, const it_io *in)
{
    if (it_grow(s->cfg.alloc, &s->refused, &s->cap_refused, s->n_refused + 1, sizeof *s->refused) < 0)
        return IT_ERR_NOMEM;
    s->stats.reset++;
    s->refused[s->n_refused++] = in->flow;
    (void)it_wsr_tell(s, IT_WSRELAY_TALE_RESET, in->remote);
    return 0;
}

static int push(relay_link *l, it_layer layer)
{
    return layer.ops ? it_layers_push(&l->ls, layer) : IT_ERR_NOMEM;
}

static int push_layers(it_wsrelay_server *s, relay_link *l, uint16_t port)
{
    if (s->cfg.tls && port == s->cfg.tls_port) {
        it_tls_cfg tls = s->tls;
        it_rng_init(&tls.rng, it_rng_u64(&s->cfg.rng), "tls");
        l->tls = it_tls_layer(&tls);
        int err = push(l, l->tls);
        if (err < 0)
            return err;
    }
    l->http = it_http_messages(s->cfg.alloc, IT_HTTP_SERVER, BODY_MAX);
    return push(l, l->http);
}

int it_wsr_add(it_wsrelay_server *s)
{
    size_t i = 0;
    if (s->stats.connections >= s->cfg.connections)
        return IT_ERR_FULL;
    while (i < s->n && s->v[i])
        i++;
    if (it_grow(s->cfg.alloc, &s->v, &s->cap, i + 1, sizeof(relay_link *)) < 0 ||
        it_bits_grow(&s->busy, (uint32_t)i + 1) < 0)
        return IT_ERR_NOMEM;
    if (i == s->n)
        s->v[s->n++] = NULL;
    relay_link *l = it_calloc(s->cfg.alloc, 1, sizeof *l);
    if (!l)
        return IT_ERR_NOMEM;
    s->v[i] = l;
    s->stats.connections++;
    l->peer = NOBODY;
    return (int)i;
}

static int accept_link(it_wsrelay_server *s, const it_io *in)
{
    int i = it_wsr_add(s);
    if (i == IT_ERR_FULL)
        return refuse_stream(s, in);
    if (i < 0)
        return i;
    relay_link *l = s->v[i];
    l->deadline = s->now + s->cfg.patience;
    it_layers_init(&l->ls, s->cfg.alloc, &l->s);
    if (push_layers(s, l, in->local.port) < 0) {
        it_wsr_free(s, (size_t)i);
        return IT_ERR_NOMEM;
    }
    it_stream_accept(&l->s, in);
    it_bits_add(&s->busy, (uint32_t)i);
    return it_layers_input(&l->ls, s->now, in);
}

static int find_link(const it_wsrelay_server *s, uint32_t flow)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] && !s->v[i]->dgram && s->v[i]->s.flow == flow && it_stream_alive(&s->v[i]->s))
            return (int)i;
    return NOBODY;
}

static int server_input(void *o, it_time now, const it_io *in)
{
    it_wsrelay_server *s = o;
    s->now = now;
    if (in->kind == IT_IO_ACCEPTED)
        return accept_link(s, in);
    if (in->kind == IT_IO_DGRAM) {
        int told = it_wsr_dgram_input(s, in);
        return told < 0 ? told : (int)in->data.n;
    }
    bool stream =
        in->kind == IT_IO_DATA || in->kind == IT_IO_WRITABLE || in->kind == IT_IO_FIN || in->kind == IT_IO_RST;
    int i = stream ? find_link(s, in->flow) : NOBODY;
    if (i < 0)
        return (int)in->data.n;
    it_bits_add(&s->busy, (uint32_t)i);
    int n = it_layers_input(&s->v[i]->ls, now, in);
    if (n < 0)
        return n;
    int err = read_link(s, (size_t)i);
    return err < 0 ? err : n;
}

/* --- out --- */

/* Our end of |l| is on its way: the far side has a moment for its own (RFC 6455 section 7.1.7). */
static void note_end(const it_wsrelay_server *s, relay_link *l)
{
    if (l->s.fin_due && l->deadline == IT_NEVER)
        l->deadline = s->now + IT_WS_CLOSE_WAIT;
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_wsrelay_server *s = o;
    s->now = now;
    if (s->n_refused) {
        *out = (it_io){.kind = IT_IO_RST, .flow = s->refused[--s->n_refused]};
        return 1;
    }
    if (it_wsr_reply_output(s, out, buf, cap))
        return 1;
    for (uint32_t i; (i = it_bits_next(&s->busy, 0)) != IT_BITS_NONE;) {
        relay_link *l = s->v[i];
        if (l->dgram) {
            if (it_wsr_dgram_output(s, i, out, buf, cap))
                return 1;
            it_bits_del(&s->busy, i);
            if (l->gone)
                it_wsr_free(s, i);
            continue;
        }
        int n = read_link(s, i); /* what waited for room may be read now */
        if (n == 0)
            n = serve_link(s, l);
        if (n == 0)
            n = it_layers_output(&l->ls, now, out, buf, cap);
        note_end(s, l);
        if (n != 0)
            return n;
        it_bits_del(&s->busy, i);
        if (it_stream_alive(&l->s))
            continue;
        it_wsr_leave(s, i);
        it_wsr_free(s, i);
    }
    return 0;
}

void it_wsrelay_server_stop(it_wsrelay_server *s, it_time now)
{
    s->now = now;
    for (size_t i = 0; i < s->n; i++) {
        relay_link *l = s->v[i];
        if (!l || !l->ws.ops || l->gone)
            continue;
        it_ws_close(&l->ws, now, GOING_AWAY);
        it_bits_add(&s->busy, (uint32_t)i);
    }
}

/* --- time --- */

static it_time link_next(const relay_link *l)
{
    it_time layers = l->dgram ? IT_NEVER : it_layers_next(&l->ls);
    return l->deadline < layers ? l->deadline : layers;
}

static int server_tick(void *o, it_time now)
{
    it_wsrelay_server *s = o;
    s->now = now;
    for (size_t i = 0; i < s->n; i++) {
        relay_link *l = s->v[i];
        if (!l || link_next(l) > now)
            continue;
        it_bits_add(&s->busy, (uint32_t)i);
        int err = l->dgram ? 0 : it_layers_tick(&l->ls, now);
        if (err < 0)
            return err;
        if (l->deadline > now)
            continue;
        l->deadline = IT_NEVER;
        s->stats.silent += l->dgram || !l->s.fin_due;
        if (l->dgram)
            it_wsr_leave(s, i);
        else
            it_stream_reset(&l->s);
    }
    return 0;
}

static it_time server_next(const void *o)
{
    const it_wsrelay_server *s = o;
    it_time least = IT_NEVER;
    for (size_t i = 0; i < s->n; i++) {
        it_time at = s->v[i] ? link_next(s->v[i]) : IT_NEVER;
        least = at < least ? at : least;
    }
    return least;
}

const it_object_ops it_wsrelay_server_ops = {.kind = "relay",
                                             .input = server_input,
                                             .tick = server_tick,
                                             .next = server_next,
                                             .output = server_output,
                                             .free = server_free};
