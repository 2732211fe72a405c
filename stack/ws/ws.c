/* The WebSocket layer: the handshake, then wslay between the tunnel's bytes and messages. */
#include "stack/ws/ws.h"

#include "stack/http/head.h"
#include "stack/http/message.h"
#include "stack/ws/handshake.h"

#include <wslay/wslay.h>

enum { HELLO_MAX = 4096 }; /* a request or response of ours */
enum { FEED_MAX = 1024 };  /* bytes that wslay is given at once: what they complete has room in |up| */
enum { UP_PREFIX = 4 };    /* a length in front of each message in |up| */
enum { QUEUED_MAX = 4 };   /* frames that wait in wslay: with more neither pings nor messages are taken */
enum { CODE_NONE = 1006 }; /* the peer sent none: RFC 6455 section 7.1.5 */

typedef struct ws {
    it_ws_cfg cfg;
    bool server;
    it_ws_state st;
    const char *why;
    wslay_event_context_ptr ctx;
    char key[IT_WS_KEY + 1]; /* client */
    char hello[HELLO_MAX];   /* the request or response that is to go down */
    size_t n_hello;
    it_bytes feed; /* what wslay may read now */
    uint8_t *room; /* where wslay may write now */
    size_t n_room, cap_room;
    uint8_t *up; /* messages that are whole: a length in front of each */
    size_t at_up, n_up, cap_up;
    bool opened_up, fin_up, rst_up; /* to be told above, behind |up| */
    bool fin_down, rst_down;        /* to be told below, behind what wslay has */
    bool told;                      /* above knows that it is over */
    bool no_memory;
    unsigned fragments;           /* of the message that is coming */
    it_time begun, heard, closed; /* IT_NEVER: not */
    it_time pong_by;              /* when the answer to a ping is due; IT_NEVER: none is under way */
} ws;

/* --- ends --- */

/* Fails the connection for |fault|, which |why| says. RFC 6455 section 7.1.7. */
static void ws_fail(ws *w, enum it_ws_fault fault, const char *why)
{
    if (w->st.phase == IT_WS_OVER)
        return;
    w->st.phase = IT_WS_OVER;
    w->st.fault = fault;
    w->why = why;
    w->rst_up = !w->told;
    w->told = true;
    if (fault == IT_WS_FAULT_PROTOCOL)
        w->fin_down = true; /* behind the close frame that says which */
    else if (fault != IT_WS_FAULT_STREAM)
        w->rst_down = true;
}

/* The closing handshake has come as far as it has. RFC 6455 sections 7.1.1 to 7.1.4. */
static void settle_close(ws *w)
{
    if (w->st.phase != IT_WS_CLOSING)
        return;
    bool got = wslay_event_get_close_received(w->ctx), sent = wslay_event_get_close_sent(w->ctx);
    if (got && !w->told) {
        w->st.code = wslay_event_get_status_code_received(w->ctx);
        w->fin_up = w->told = true;
    }
    if (got && sent && w->server) { /* section 7.1.1: the server closes the stream first */
        w->st.phase = IT_WS_OVER;
        w->fin_down = true;
    }
}

static void begin_closing(ws *w, it_time now)
{
    if (w->st.phase != IT_WS_OPEN)
        return;
    w->st.phase = IT_WS_CLOSING;
    w->closed = now;
}

/* --- what wslay asks for --- */

static ssize_t give_bytes(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
    ws *w = user;
    size_t n = w->feed.n < len ? w->feed.n : len;
    (void)flags;
    if (n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, w->feed.p, n);
    w->feed = it_bytes_of(w->feed.p + n, w->feed.n - n);
    return (ssize_t)n;
}

static ssize_t take_bytes(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *user)
{
    ws *w = user;
    size_t left = w->cap_room - w->n_room;
    size_t n = len < left ? len : left;
    (void)flags;
    if (n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(w->room + w->n_room, data, n);
    w->n_room += n;
    return (ssize_t)n;
}

static int make_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *user)
{
    (void)ctx;
    it_rng_bytes(&((ws *)user)->cfg.rng, buf, len);
    return 0;
}

static void keep_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *user)
{
    ws *w = user;
    if (wslay_is_ctrl_frame(m->opcode))
        return;
    if (w->n_up + UP_PREFIX + m->msg_length > w->cap_up) { /* FEED_MAX and |largest| see to it that there is room */
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return;
    }
    it_put32(w->up + w->n_up, (uint32_t)m->msg_length);
    if (m->msg_length)
        memcpy(w->up + w->n_up + UP_PREFIX, m->msg, m->msg_length);
    w->n_up += UP_PREFIX + m->msg_length;
}

/* Each fragment is a block of memory for wslay, however small it is. */
static void count_fragment(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *f, void *user)
{
    ws *w = user;
    (void)ctx;
    if (wslay_is_ctrl_frame(f->opcode))
        return;
    if (f->opcode != WSLAY_CONTINUATION_FRAME)
        w->fragments = 0;
    w->fragments++;
}

static const struct wslay_event_callbacks CALLS = {.on_frame_recv_start_callback = count_fragment,
                                                   .recv_callback = give_bytes,
                                                   .send_callback = take_bytes,
                                                   .genmask_callback = make_mask,
                                                   .on_msg_recv_callback = keep_message};

/* --- from below --- */

static void read_response(ws *w, it_bytes message, it_time now)
{
    it_bytes head, body;
    it_http_response r;
    it_http_split(message, &head, &body);
    if (it_http_response_parse(head, &r) < 0) {
        ws_fail(w, IT_WS_FAULT_HANDSHAKE, "the answer to the handshake is no HTTP (RFC 6455 section 4.1)");
        return;
    }
    w->st.status = r.status;
    if (r.status != 101) {
        ws_fail(w, IT_WS_FAULT_HANDSHAKE, "the server does not upgrade (RFC 6455 section 4.1)");
        return;
    }
    if (!it_ws_response_agrees(head, w->key, w->cfg.protocol)) {
        ws_fail(w, IT_WS_FAULT_HANDSHAKE, "the server agrees to something else (RFC 6455 section 4.1)");
        return;
    }
    w->st.phase = IT_WS_OPEN;
    w->opened_up = true;
    w->heard = now;
}

/* Whether wslay may be given more: what it completes and what it answers has room. */
static bool reads_on(const ws *w)
{
    return w->at_up == w->n_up && wslay_event_get_queued_msg_count(w->ctx) < QUEUED_MAX;
}

/* wslay reads no more: the peer has closed, or what it sent breaks the protocol. */
static void judge_end(ws *w, it_time now)
{
    if (wslay_event_get_close_received(w->ctx)) {
        begin_closing(w, now);
        settle_close(w);
        return;
    }
    ws_fail(w, IT_WS_FAULT_PROTOCOL, "what came is no WebSocket, or too large (RFC 6455 section 7.1.7)");
}

/* RFC 6455 section 10.4: an end may limit what it puts together again. */
static void refuse_fragments(ws *w)
{
    if (wslay_event_queue_close(w->ctx, WSLAY_CODE_MESSAGE_TOO_BIG, NULL, 0) == WSLAY_ERR_NOMEM)
        w->no_memory = true;
    wslay_event_shutdown_read(w->ctx);
    ws_fail(w, IT_WS_FAULT_PROTOCOL, "a message is in more than 256 fragments (RFC 6455 section 10.4)");
}

static int feed_frames(ws *w, it_time now, it_bytes in)
{
    size_t n = in.n < FEED_MAX ? in.n : FEED_MAX;
    if (w->st.phase == IT_WS_OVER || wslay_event_get_close_received(w->ctx))
        return (int)in.n; /* RFC 6455 section 1.4: what is behind a close frame is nothing */
    if (!reads_on(w))
        return 0;
    w->heard = now;
    w->pong_by = IT_NEVER;
    w->at_up = w->n_up = 0;
    w->feed = it_bytes_of(in.p, n);
    int err = wslay_event_recv(w->ctx);
    if (err == WSLAY_ERR_NOMEM)
        return IT_ERR_NOMEM;
    if (err < 0)
        ws_fail(w, IT_WS_FAULT_PROTOCOL, "what came has no room (RFC 6455 section 7.4.1)");
    else if (w->fragments > IT_WS_FRAGMENTS)
        refuse_fragments(w);
    else if (!wslay_event_get_read_enabled(w->ctx))
        judge_end(w, now);
    return (int)n;
}

static int data_from_below(ws *w, it_time now, it_bytes in)
{
    if (w->st.phase != IT_WS_OPENING)
        return feed_frames(w, now, in);
    if (w->server)
        return 0; /* nothing is read before the response has gone */
    read_response(w, in, now);
    return (int)in.n;
}

/* The stream below has ended. */
static void end_from_below(ws *w, const it_io *in)
{
    bool orderly = w->st.phase == IT_WS_CLOSING && wslay_event_get_close_received(w->ctx);
    w->fin_down = w->fin_down || in->kind == IT_IO_FIN;
    if (orderly)
        w->st.phase = IT_WS_OVER;
    w->st.end = in->end;
    ws_fail(w, IT_WS_FAULT_STREAM, "the stream ended without a close frame (RFC 6455 section 7.1.5)");
}

static int from_below(void *l, it_time now, const it_io *in)
{
    ws *w = l;
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_ACCEPTED:
        w->begun = now;
        return 0;
    case IT_IO_DATA:
        return data_from_below(w, now, in->data);
    case IT_IO_FIN:
    case IT_IO_RST:
        end_from_below(w, in);
        return 0;
    default:
        return 0;
    }
}

/* --- to above --- */

static int to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    ws *w = l;
    (void)now;
    *out = (it_io){.kind = IT_IO_OPENED};
    if (w->opened_up) {
        w->opened_up = false;
        return 1;
    }
    if (w->at_up < w->n_up) {
        size_t n = it_get32(w->up + w->at_up);
        if (n > cap)
            return 0;
        if (n)
            memcpy(buf, w->up + w->at_up + UP_PREFIX, n);
        w->at_up += UP_PREFIX + n;
        *out = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(buf, n)};
        return 1;
    }
    if (!w->rst_up && !w->fin_up)
        return 0;
    *out = (it_io){.kind = w->rst_up ? IT_IO_RST : IT_IO_FIN, .end = w->st.end};
    w->rst_up = w->fin_up = false;
    return 1;
}

/* --- from above --- */

static int write_message(ws *w, it_bytes data)
{
    struct wslay_event_msg m = {w->cfg.binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME, data.p, data.n};
    if (w->st.phase > IT_WS_OPEN)
        return IT_ERR_STATE;
    if (data.n > w->cfg.largest)
        return IT_ERR_TOOBIG;
    if (w->st.phase == IT_WS_OPENING || wslay_event_get_queued_msg_count(w->ctx) >= QUEUED_MAX)
        return IT_ERR_FULL;
    int err = wslay_event_queue_msg(w->ctx, &m);
    if (err == WSLAY_ERR_NOMEM)
        return IT_ERR_NOMEM;
    return err < 0 ? IT_ERR_STATE : (int)data.n;
}

static void close_ws(ws *w, it_time now, uint16_t code)
{
    if (w->st.phase == IT_WS_OPENING) {
        w->st.phase = IT_WS_OVER;
        w->rst_down = true;
    }
    if (w->st.phase != IT_WS_OPEN)
        return;
    if (wslay_event_queue_close(w->ctx, code, NULL, 0) == WSLAY_ERR_NOMEM)
        w->no_memory = true;
    begin_closing(w, now);
}

static int from_above(void *l, it_time now, const it_io *in)
{
    ws *w = l;
    if (in->kind == IT_IO_DATA)
        return write_message(w, in->data);
    if (in->kind == IT_IO_FIN)
        close_ws(w, now, WSLAY_CODE_NORMAL_CLOSURE);
    if (in->kind == IT_IO_RST) {
        w->st.phase = IT_WS_OVER;
        w->rst_down = w->told = true;
    }
    return w->no_memory ? IT_ERR_NOMEM : 0;
}

void it_ws_close(const it_layer *l, it_time now, uint16_t code)
{
    close_ws(l->l, now, code);
}

/* --- to below --- */

static int put_hello(ws *w, it_time now, it_io *out, uint8_t *buf)
{
    memcpy(buf, w->hello, w->n_hello);
    *out = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(buf, w->n_hello)};
    w->n_hello = 0;
    if (w->server) {
        w->st.phase = IT_WS_OPEN;
        w->opened_up = true;
        w->heard = now;
    }
    return 1;
}

/* Lets wslay write. Returns 1, 0, or IT_ERR_NOMEM. */
static int put_frames(ws *w, it_io *out, uint8_t *buf, size_t cap)
{
    w->room = buf;
    w->n_room = 0;
    w->cap_room = cap;
    int err = wslay_event_send(w->ctx);
    if (wslay_event_get_close_sent(w->ctx))
        w->st.sent = wslay_event_get_status_code_sent(w->ctx);
    settle_close(w);
    if (err == WSLAY_ERR_NOMEM)
        return IT_ERR_NOMEM;
    if (err < 0)
        ws_fail(w, IT_WS_FAULT_PROTOCOL, "a frame could not be written");
    *out = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(buf, w->n_room)};
    return w->n_room > 0;
}

static int to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    ws *w = l;
    *out = (it_io){.kind = IT_IO_RST};
    if (w->rst_down) {
        w->rst_down = w->fin_down = false;
        return 1;
    }
    if (w->n_hello && w->begun != IT_NEVER)
        return put_hello(w, now, out, buf);
    if (w->st.phase != IT_WS_OPENING && w->st.fault != IT_WS_FAULT_STREAM && wslay_event_want_write(w->ctx)) {
        int n = put_frames(w, out, buf, cap);
        if (n != 0)
            return n;
    }
    if (!w->fin_down)
        return 0;
    w->fin_down = false;
    *out = (it_io){.kind = IT_IO_FIN};
    return 1;
}

/* --- the clock --- */

static it_time next_tick(const void *l)
{
    const ws *w = l;
    switch (w->st.phase) {
    case IT_WS_OPENING:
        return w->cfg.open_wait && w->begun != IT_NEVER ? w->begun + w->cfg.open_wait : IT_NEVER;
    case IT_WS_OPEN:
        if (w->pong_by != IT_NEVER)
            return w->pong_by;
        return w->cfg.ping_every ? w->heard + w->cfg.ping_every : IT_NEVER;
    case IT_WS_CLOSING:
        return w->closed + IT_WS_CLOSE_WAIT;
    default:
        return IT_NEVER;
    }
}

int it_ws_ping(const it_layer *l, it_time now, it_time wait)
{
    ws *w = l->l;
    struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
    if (w->st.phase != IT_WS_OPEN || w->pong_by != IT_NEVER)
        return 0;
    w->pong_by = now + wait;
    return wslay_event_queue_msg(w->ctx, &ping) == WSLAY_ERR_NOMEM ? IT_ERR_NOMEM : 0;
}

static int run_clock(void *l, it_time now)
{
    ws *w = l;
    if (next_tick(w) > now)
        return 0;
    if (w->st.phase == IT_WS_OPEN && w->pong_by == IT_NEVER) /* RFC 6455 section 5.5.2: a keepalive */
        return it_ws_ping(&(it_layer){NULL, w}, now, w->cfg.ping_wait);
    ws_fail(w, IT_WS_FAULT_SILENCE, "no answer came in time (RFC 6455 sections 5.5.2, 7.1.1)");
    return 0;
}

/* --- the layer --- */

static const char *why_over(const void *l)
{
    return ((const ws *)l)->why;
}

static void free_ws(void *l)
{
    ws *w = l;
    if (w->ctx)
        wslay_event_context_free(w->ctx);
    it_free(w->cfg.alloc, w->up);
    it_free(w->cfg.alloc, w);
}

static const it_layer_ops OPS = {.kind = "ws",
                                 .from_below = from_below,
                                 .from_above = from_above,
                                 .to_below = to_below,
                                 .to_above = to_above,
                                 .tick = run_clock,
                                 .next = next_tick,
                                 .why = why_over,
                                 .free = free_ws};

static ws *new_ws(const it_ws_cfg *cfg, bool server)
{
    ws *w = it_calloc(cfg->alloc, 1, sizeof *w);
    if (!w)
        return NULL;
    w->cfg = *cfg;
    w->server = server;
    w->st.code = CODE_NONE;
    w->begun = w->heard = w->pong_by = w->closed = IT_NEVER;
    if (w->cfg.largest > IT_LAYER_MESSAGE - 1)
        w->cfg.largest = IT_LAYER_MESSAGE - 1;
    /* One message that was begun, and those that FEED_MAX bytes complete: an empty one has 2. */
    w->cap_up = w->cfg.largest + UP_PREFIX + FEED_MAX + FEED_MAX / 2 * UP_PREFIX;
    w->up = it_malloc(cfg->alloc, w->cap_up);
    int err = server ? wslay_event_context_server_init(&w->ctx, &CALLS, w)
                     : wslay_event_context_client_init(&w->ctx, &CALLS, w);
    if (err < 0)
        w->ctx = NULL;
    if (!w->up || !w->ctx) {
        free_ws(w);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->ctx, w->cfg.largest);
    return w;
}

/* The layer of |w|, whose handshake has |n| bytes; none when that is an error. */
static it_layer with_hello(ws *w, int n)
{
    if (n < 0) {
        free_ws(w);
        return (it_layer){NULL, NULL};
    }
    w->n_hello = (size_t)n;
    return (it_layer){&OPS, w};
}

it_layer it_ws_client(const it_ws_cfg *cfg, const char *host, const char *target)
{
    uint8_t raw[16];
    ws *w = new_ws(cfg, false);
    if (!w)
        return (it_layer){NULL, NULL};
    it_rng_bytes(&w->cfg.rng, raw, sizeof raw);
    int n = it_base64_encode(w->key, sizeof w->key, it_bytes_of(raw, sizeof raw));
    w->key[n < 0 ? 0 : n] = 0;
    return with_hello(w, it_ws_request_write(w->hello, sizeof w->hello, host, target, w->key, cfg->protocol));
}

it_layer it_ws_server(const it_ws_cfg *cfg, it_bytes head)
{
    ws *w = new_ws(cfg, true);
    if (!w)
        return (it_layer){NULL, NULL};
    w->begun = 0; /* the stream is open: the request has come by it */
    return with_hello(w, it_ws_response_write(w->hello, sizeof w->hello, head, cfg->protocol));
}

const it_ws_state *it_ws_state_of(const it_layer *l)
{
    return &((const ws *)l->l)->st;
}
