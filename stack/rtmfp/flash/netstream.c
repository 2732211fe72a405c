/* NetStreams of a client: their numbers, their flows, and what is said on them. */
#include "stack/rtmfp/flash/client_impl.h"

#define PEER_IDS 2000000 /* numbers of streams between peers begin here: a server's are small (section 5.4: not 0) */

it_rtmfp_netstream_of *it_rtmfp_stream_get(it_rtmfp_client *c, uint32_t no)
{
    for (int i = 0; no && i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no == no)
            return &c->stream[i];
    return NULL;
}

it_rtmfp_netstream_of *it_rtmfp_stream_new(it_rtmfp_client *c, it_time now, enum it_rtmfp_stream_kind kind)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (!c->stream[i].no) {
            c->stream[i] = (it_rtmfp_netstream_of){.no = ++c->last_no, .kind = kind, .began = now};
            return &c->stream[i];
        }
    return NULL;
}

/* Opens the flow of |class| in the direction of the far end. */
static int stream_flow(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, int class)
{
    uint8_t meta[IT_RTMFP_TC_MOST];
    it_buf b;
    it_buf_init(&b, meta, sizeof meta);
    it_rtmfp_tc_put(&b, (it_rtmfp_tc){.stream = x->id});
    it_rtmfp_flow_opts f = {.metadata = it_bytes_of(b.p, b.len), .returns = x->returns};
    if (x->kind == IT_RTMFP_VIA_SERVER)
        f.returns = c->conn.back; /* RFC 7425 section 5.3.2 */
    if (class == 1) {             /* voice waits for nothing else, and says so (RFC 7016 section 3.5.2.1) */
        f.priority = 1;
        f.urgent = true;
    }
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, x->session);
    return by.ops->open(by.o, now, x->session, &f, &x->out[class]);
}

int it_rtmfp_stream_put(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, int class, it_bytes m,
                        const it_rtmfp_write_opts *o)
{
    int err = x->out[class] ? 0 : stream_flow(c, now, x, class);
    return err ? err : it_rtmfp_client_write(c, now, x->session, x->out[class], m, o);
}

/* Asks the server for a number (section 5.3.5). */
static void stream_create(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    x->session = c->server;
    x->transaction = ++c->transaction + 1; /* "connect" was 1 */
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_create_put(&b, x->transaction);
    it_rtmfp_client_done(c, it_rtmfp_client_write(c, now, c->server, c->conn.control, it_bytes_of(b.p, b.len), NULL));
}

/* |x| gets its number on the wire as soon as it can: from the server, or one of ours between peers. */
static void stream_number(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    if (x->kind == IT_RTMFP_FROM_PEER && x->told)
        x->id = PEER_IDS + c->last_peer_id++;
    if (x->kind == IT_RTMFP_VIA_SERVER && !x->transaction && it_rtmfp_client_connected(c))
        stream_create(c, now, x);
}

/* Says the verb. */
static void stream_verb(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_verb_put(&b, x->publishes ? "publish" : "play", it_bytes_of(x->name, x->name_n));
    x->state = IT_RTMFP_STREAM_ACTIVE;
    it_rtmfp_client_done(c, it_rtmfp_stream_put(c, now, x, 0, it_bytes_of(b.p, b.len), NULL));
}

void it_rtmfp_stream_proceed(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    if (!x->id)
        stream_number(c, now, x);
    bool speaks = x->kind == IT_RTMFP_VIA_SERVER || x->kind == IT_RTMFP_FROM_PEER;
    if (x->id && speaks && x->state == IT_RTMFP_STREAM_WAITS)
        stream_verb(c, now, x);
}

bool it_rtmfp_heard_add(it_rtmfp_client *c, uint32_t session, uint64_t flow, uint32_t stream)
{
    if (c->heards == IT_RTMFP_HEARD)
        return false;
    c->heard[c->heards++] = (it_rtmfp_heard){session, stream, flow};
    return true;
}

it_rtmfp_netstream_of *it_rtmfp_heard_of(it_rtmfp_client *c, uint32_t session, uint64_t flow)
{
    for (size_t i = 0; i < c->heards; i++)
        if (c->heard[i].session == session && c->heard[i].flow == flow)
            return it_rtmfp_stream_get(c, c->heard[i].stream);
    return NULL;
}

size_t it_rtmfp_heard_end(it_rtmfp_client *c, uint32_t session, uint64_t flow, uint32_t stream)
{
    size_t n = 0, left = 0;
    for (size_t i = 0; i < c->heards; i++) {
        if (c->heard[i].session == session && c->heard[i].flow == flow)
            continue;
        left += c->heard[i].stream == stream;
        c->heard[n++] = c->heard[i];
    }
    c->heards = n;
    return left;
}

void it_rtmfp_stream_drop(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, bool there)
{
    /* An end that plays already closes its flow once ours are complete: rejecting it could overtake what is queued. */
    bool reject = there && (x->kind != IT_RTMFP_SUBSCRIBER || x->state != IT_RTMFP_STREAM_ACTIVE);
    size_t n = 0;
    for (size_t i = 0; i < c->heards; i++) {
        it_rtmfp_heard h = c->heard[i];
        if (h.stream != x->no)
            c->heard[n++] = h;
        else if (reject)
            it_rtmfp_client_reject(c, now, h.session, h.flow);
    }
    c->heards = n;
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, x->session);
    for (int i = 0; there && i < IT_RTMFP_CLASSES; i++)
        if (x->out[i])
            it_rtmfp_client_done(c, by.ops->close(by.o, now, x->session, x->out[i], false));
    *x = (it_rtmfp_netstream_of){.no = 0};
}

/* onStatus, of whatever is known. */
static void stream_onstatus(it_rtmfp_client *c, const it_rtmfp_netstream_of *x, it_rtmfp_command *cmd)
{
    enum it_rtmfp_code code = it_rtmfp_status_get(cmd);
    if (code != IT_RTMFP_CODES && it_bytes_eq(cmd->name, it_bytes_str("onStatus")))
        it_rtmfp_client_status(c, x->no, code, NULL);
}

/* User control: whether there is something to be played (section 5.3.5). */
static void stream_control(it_rtmfp_client *c, const it_rtmfp_netstream_of *x, const it_rtmfp_message *m)
{
    it_rtmfp_control k;
    it_rtmfp_client_event out = {.kind = IT_RTMFP_TELLS_BEGIN, .stream = x->no};
    if (!it_rtmfp_control_get(m, &k) || (k.event != IT_RTMFP_STREAM_BEGIN && k.event != IT_RTMFP_STREAM_EOF))
        return;
    if (k.event == IT_RTMFP_STREAM_EOF)
        out.kind = IT_RTMFP_TELLS_EOF;
    it_rtmfp_client_tell(c, &out);
}

void it_rtmfp_stream_said(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, const it_rtmfp_event *ev)
{
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    (void)now;
    if (!it_rtmfp_message_get(ev->data, &m))
        return;
    if (m.type == IT_RTMFP_MSG_USER_CONTROL) {
        stream_control(c, x, &m);
        return;
    }
    if (m.type == IT_RTMFP_MSG_COMMAND || m.type == IT_RTMFP_MSG_COMMAND_EXT) {
        if (it_rtmfp_command_get(&m, &cmd))
            stream_onstatus(c, x, &cmd);
        return;
    }
    it_rtmfp_client_event out = {
        .kind = IT_RTMFP_TELLS_MESSAGE, .stream = x->no, .type = m.type, .timestamp = m.timestamp, .data = m.payload};
    it_rtmfp_client_tell(c, &out);
}

/* A flow of the server's has begun: of the stream whose number it bears, in return to our control flow. */
static bool stream_begun(it_rtmfp_client *c, const it_rtmfp_event *ev)
{
    it_rtmfp_tc tc;
    if (!it_rtmfp_tc_get(ev->data, &tc) || tc.stream == 0 || ev->returns != c->conn.control)
        return false;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        if (x->no && x->kind == IT_RTMFP_VIA_SERVER && x->id == tc.stream)
            return it_rtmfp_heard_add(c, ev->session, ev->flow, x->no);
    }
    return false;
}

bool it_rtmfp_stream_event(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    if (ev->kind == IT_RTMFP_EV_FLOW)
        return stream_begun(c, ev);
    if (ev->kind == IT_RTMFP_EV_MESSAGE) {
        it_rtmfp_netstream_of *x = it_rtmfp_heard_of(c, ev->session, ev->flow);
        if (x)
            it_rtmfp_stream_said(c, now, x, ev);
        return x != NULL;
    }
    if (ev->kind == IT_RTMFP_EV_COMPLETE && it_rtmfp_heard_of(c, ev->session, ev->flow)) {
        it_rtmfp_heard_end(c, ev->session, ev->flow, 0); /* RFC 7425 section 5.3.5: which means nothing */
        return true;
    }
    if (ev->kind != IT_RTMFP_EV_EXCEPTION)
        return false;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        if (!x->no || x->kind != IT_RTMFP_VIA_SERVER || x->out[0] != ev->flow)
            continue;
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_CLOSED, "the server has rejected its flow");
        it_rtmfp_stream_drop(c, now, x, true);
        return true;
    }
    return false;
}

int it_rtmfp_client_stream(it_rtmfp_client *c, it_time now, enum it_rtmfp_stream_kind kind,
                           const uint8_t far[IT_RTMFP_PRINT], uint32_t *stream)
{
    IT_ASSERT(kind != IT_RTMFP_SUBSCRIBER);
    if (kind == IT_RTMFP_VIA_SERVER && !it_rtmfp_client_connected(c))
        return IT_ERR_STATE;
    it_rtmfp_netstream_of *x = it_rtmfp_stream_new(c, now, kind);
    if (!x)
        return IT_ERR_FULL;
    *stream = x->no;
    if (it_rtmfp_client_over_ws(c) && kind != IT_RTMFP_VIA_SERVER && !(far && it_rtmfp_find(c->r, far))) {
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_FAILED, "over a WebSocket nobody is introduced to anybody");
        x->no = 0;
        return 0;
    }
    if (kind == IT_RTMFP_FROM_PEER) {
        memcpy(x->far, far, sizeof x->far);
        int err = it_rtmfp_direct_open(c, now, x);
        if (err) {
            x->no = 0;
            return err;
        }
    }
    it_rtmfp_stream_proceed(c, now, x);
    return 0;
}

/* |x| is to publish or play |name|. */
static int stream_name(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, it_bytes name, bool publishes)
{
    if (x->state != IT_RTMFP_STREAM_NEW)
        return IT_ERR_STATE;
    if (name.n == 0 || name.n > IT_RTMFP_NAME_MOST)
        return IT_ERR_RANGE;
    memcpy(x->name, name.p, name.n);
    x->name_n = name.n;
    x->publishes = publishes;
    x->state = IT_RTMFP_STREAM_WAITS;
    it_rtmfp_stream_proceed(c, now, x);
    bool oom = c->oom;
    c->oom = false;
    return oom ? IT_ERR_NOMEM : 0;
}

int it_rtmfp_client_publish(it_rtmfp_client *c, it_time now, uint32_t stream, it_bytes name)
{
    it_rtmfp_netstream_of *x = it_rtmfp_stream_get(c, stream);
    if (!x)
        return IT_ERR_NOTFOUND;
    if (x->kind != IT_RTMFP_VIA_SERVER && x->kind != IT_RTMFP_DIRECT)
        return IT_ERR_STATE;
    int err = stream_name(c, now, x, name, true);
    if (err || x->kind != IT_RTMFP_DIRECT)
        return err;
    x->state = IT_RTMFP_STREAM_ACTIVE; /* there is nobody to ask */
    it_rtmfp_client_status(c, x->no, IT_RTMFP_PUBLISH_START, NULL);
    return 0;
}

int it_rtmfp_client_play(it_rtmfp_client *c, it_time now, uint32_t stream, it_bytes name)
{
    it_rtmfp_netstream_of *x = it_rtmfp_stream_get(c, stream);
    if (!x)
        return IT_ERR_NOTFOUND;
    if (x->kind != IT_RTMFP_VIA_SERVER && x->kind != IT_RTMFP_FROM_PEER)
        return IT_ERR_STATE;
    return stream_name(c, now, x, name, false);
}

int it_rtmfp_client_send(it_rtmfp_client *c, it_time now, uint32_t stream, uint8_t type, it_bytes data,
                         const it_rtmfp_write_opts *o)
{
    it_rtmfp_netstream_of *x = it_rtmfp_stream_get(c, stream);
    uint8_t room[IT_IO_DGRAM_MAX];
    it_buf b;
    if (!x)
        return IT_ERR_NOTFOUND;
    if (x->state != IT_RTMFP_STREAM_ACTIVE || !x->publishes)
        return IT_ERR_STATE;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_media_put(&b, type, (uint32_t)((now - x->began) / IT_MS));
    it_buf_put(&b, data.p, data.n);
    if (b.overflow)
        return IT_ERR_TOOBIG;
    if (x->kind == IT_RTMFP_VIA_SERVER)
        return it_rtmfp_stream_put(c, now, x, it_rtmfp_class(type), it_bytes_of(b.p, b.len), o);
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *s = &c->stream[i];
        if (!s->no || s->publisher != stream || s->state != IT_RTMFP_STREAM_ACTIVE)
            continue;
        /* one that is full misses it */
        if (it_rtmfp_stream_put(c, now, s, it_rtmfp_class(type), it_bytes_of(b.p, b.len), o) == IT_ERR_NOMEM)
            return IT_ERR_NOMEM;
    }
    return 0;
}

int it_rtmfp_client_close_stream(it_rtmfp_client *c, it_time now, uint32_t stream)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_rtmfp_netstream_of *x = it_rtmfp_stream_get(c, stream);
    if (!x)
        return IT_ERR_NOTFOUND;
    if (x->kind == IT_RTMFP_VIA_SERVER && x->id) {
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_delete_put(&b, x->id);
        it_rtmfp_client_done(c,
                             it_rtmfp_client_write(c, now, c->server, c->conn.control, it_bytes_of(b.p, b.len), NULL));
    }
    for (int i = 0; x->kind == IT_RTMFP_DIRECT && i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no && c->stream[i].publisher == stream)
            (void)it_rtmfp_client_close_stream(c, now, c->stream[i].no);
    uint32_t session = x->session;
    it_rtmfp_stream_drop(c, now, x, true);
    if (session && session != c->server)
        it_rtmfp_direct_spare(c, now, session);
    return 0;
}

size_t it_rtmfp_client_subscribers(const it_rtmfp_client *c, uint32_t stream, uint32_t *out, size_t most)
{
    size_t n = 0;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        if (!x->no || x->publisher != stream || x->state != IT_RTMFP_STREAM_ACTIVE)
            continue;
        if (n < most)
            out[n] = x->no;
        n++;
    }
    return n;
}

int it_rtmfp_client_path(const it_rtmfp_client *c, uint32_t stream, it_rtmfp_info *info, bool *relayed)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        if (x->no != stream || !stream)
            continue;
        *relayed = x->kind == IT_RTMFP_VIA_SERVER;
        return x->session && it_rtmfp_client_describe(c, x->session, info) == 0 ? 0 : IT_ERR_STATE;
    }
    return IT_ERR_NOTFOUND;
}
