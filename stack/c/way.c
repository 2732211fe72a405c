/* The two ways of a call: how far their streams are by what the client tells, which of them carries it, and what its
 * end is. */
#include "stack/c/impl.h"

static bool way_whole(const c_way *w)
{
    return w->sends && w->comes;
}

/* --- what the client tells --- */

static void emit_status(it_c *c, it_time now, const char *code)
{
    if (!it_conn_over(&c->conn))
        it_conn_emit(&c->conn, now, (it_model_event){.kind = IT_EV_STATUS, .why = code});
}

/* Of the connection itself. */
static void connection_status(it_c *c, it_time now, const it_rtmfp_client_event *ev)
{
    switch (ev->code) {
    case IT_RTMFP_NC_SUCCESS:
        c->server_over = false;
        break;
    case IT_RTMFP_NC_CLOSED:
        c->server_over = true;
        break;
    case IT_RTMFP_NC_REJECTED:
        c->server_over = true;
        if (c->called && !c->conn.opened)
            it_conn_die(&c->conn, now, IT_REASON_CONNECT_FAILED, "the server has rejected the connection");
        break;
    default: /* Failed: whether it is tried again is the script's to say, until T_conn */
        break;
    }
}

/* A stream of |w| is over: its number is of no use any more. */
static void stream_over(it_c *c, c_way *w, const it_rtmfp_client_event *ev)
{
    if (ev->stream == w->publish) {
        w->publish = 0;
        w->sends = false;
    }
    if (ev->stream == w->play) {
        w->play = 0;
        w->comes = false;
    }
    if (ev->stream == w->subscriber) {
        w->subscriber = 0;
        w->accepted = w->sends = false;
    }
    if (ev->cause)
        c->cause = ev->cause;
}

/* The far end said no to our play: there is no other way to whom does not want. */
static void play_refused(it_c *c, it_time now)
{
    if (!c->conn.opened)
        it_conn_die(&c->conn, now, IT_REASON_CONNECT_FAILED,
                    "the far end has refused our play (NetStream.Connect.Rejected)");
}

static void stream_status(it_c *c, it_time now, c_way *w, const it_rtmfp_client_event *ev)
{
    bool direct = w == &c->way[IT_C_DIRECT];
    switch (ev->code) {
    case IT_RTMFP_PUBLISH_START:
        w->sends |= !direct && ev->stream == w->publish;
        break;
    case IT_RTMFP_PLAY_START:
        w->comes |= direct && ev->stream == w->play;
        break;
    case IT_RTMFP_PUBLISH_BAD_NAME: /* as long as the server has not noticed that an earlier connection is gone */
        w->sends = false;
        break;
    case IT_RTMFP_NS_REJECTED:
        stream_over(c, w, ev);
        play_refused(c, now);
        break;
    case IT_RTMFP_NS_FAILED:
    case IT_RTMFP_NS_CLOSED:
        stream_over(c, w, ev);
        break;
    default:
        break;
    }
}

/* The way whose stream |no| is; NULL: of neither. */
static c_way *way_of(it_c *c, uint32_t no)
{
    for (int i = 0; no && i < IT_C_WAYS; i++) {
        c_way *w = &c->way[i];
        if (no == w->publish || no == w->play || no == w->subscriber)
            return w;
    }
    return NULL;
}

/* Somebody plays what we publish. Who is not called finds nobody. */
static void peer_plays(it_c *c, it_time now, const it_rtmfp_client_event *ev)
{
    c_way *w = &c->way[IT_C_DIRECT];
    bool wanted = c->called && !it_conn_over(&c->conn) && memcmp(ev->print, c->far, sizeof c->far) == 0;
    if (!wanted) {
        (void)it_rtmfp_client_accept(c->client, now, ev->stream, false);
        return;
    }
    w->subscriber = ev->stream; /* an earlier one has lost its session there, or will be told of that */
    w->accepted = w->sends = false;
    if (!c->cfg.ask)
        (void)it_c_way_accept(c, now, true);
    it_conn_emit(&c->conn, now, (it_model_event){.kind = IT_EV_SUBSCRIBER, .user = c->names[1]});
}

static void way_message(it_c *c, it_time now, const it_rtmfp_client_event *ev)
{
    const c_way *w = way_of(c, ev->stream);
    it_channel_event came = {.kind = IT_CHANNEL_DATA, .data = ev->data};
    if (!w || ev->stream != w->play || it_conn_over(&c->conn))
        return;
    if (it_c_is_bye(ev->data))
        came = (it_channel_event){.kind = IT_CHANNEL_CLOSED, .cause = IT_CHANNEL_CAUSE_CLOSE};
    else if (ev->type == IT_RTMFP_MSG_AUDIO)
        came.payload = IT_CHANNEL_MEDIA;
    it_c_give(c, now, &came);
}

void it_c_heard(it_c *c, it_time now, const it_rtmfp_client_event *ev)
{
    c_way *w = way_of(c, ev->stream);
    it_model_event secret = {.kind = IT_EV_SECRET, .data = ev->data};
    switch (ev->kind) {
    case IT_RTMFP_TELLS_STATUS:
        emit_status(c, now, it_rtmfp_code_name(ev->code));
        if (!ev->stream)
            connection_status(c, now, ev);
        else if (w)
            stream_status(c, now, w, ev);
        break;
    case IT_RTMFP_TELLS_BEGIN:
    case IT_RTMFP_TELLS_EOF:
        if (w && ev->stream == w->play)
            w->comes = ev->kind == IT_RTMFP_TELLS_BEGIN;
        break;
    case IT_RTMFP_TELLS_MESSAGE:
        way_message(c, now, ev);
        break;
    case IT_RTMFP_TELLS_SECRET:
        it_conn_emit(&c->conn, now, secret);
        break;
    case IT_RTMFP_TELLS_PEER:
        peer_plays(c, now, ev);
        break;
    }
}

/* --- commands --- */

static int way_stream(it_c *c, it_time now, enum it_rtmfp_stream_kind kind, uint32_t *no)
{
    return it_rtmfp_client_stream(c->client, now, kind, c->far, no);
}

/* What a command returns whose stream began with |err|: one that has failed at once, as those with peers do over a
 * WebSocket, is there no more, and its status is told. */
static int way_begun(int err)
{
    return err == IT_ERR_NOTFOUND ? 0 : err;
}

static bool may_begin(const it_c *c)
{
    return c->called && !it_conn_over(&c->conn);
}

int it_c_way_publish(it_c *c, it_time now, enum it_c_via via)
{
    c_way *w = &c->way[via];
    if (!may_begin(c) || w->publish)
        return IT_ERR_STATE;
    enum it_rtmfp_stream_kind kind = via == IT_C_DIRECT ? IT_RTMFP_DIRECT : IT_RTMFP_VIA_SERVER;
    int err = way_stream(c, now, kind, &w->publish);
    return err ? err : way_begun(it_rtmfp_client_publish(c->client, now, w->publish, it_bytes_str(c->names[0])));
}

/* Whether the play of |w| has a session that is open: it goes on. */
static bool play_goes_on(const it_c *c, const c_way *w)
{
    it_rtmfp_info info;
    bool relayed;
    if (w->comes)
        return true;
    return w->play && it_rtmfp_client_path(c->client, w->play, &info, &relayed) == 0 && info.state == IT_RTMFP_OPENED;
}

int it_c_way_play(it_c *c, it_time now, enum it_c_via via)
{
    c_way *w = &c->way[via];
    if (!may_begin(c) || play_goes_on(c, w))
        return IT_ERR_STATE;
    enum it_rtmfp_stream_kind kind = via == IT_C_DIRECT ? IT_RTMFP_FROM_PEER : IT_RTMFP_VIA_SERVER;
    uint32_t before = w->play, no;
    int err = way_stream(c, now, kind, &no);
    if (err)
        return err;
    w->play = no;
    if (before) /* what has not come yet gives way: a session that is open since is found by the new one */
        (void)it_rtmfp_client_close_stream(c->client, now, before);
    return way_begun(it_rtmfp_client_play(c->client, now, no, it_bytes_str(c->names[1])));
}

int it_c_way_accept(it_c *c, it_time now, bool take)
{
    c_way *w = &c->way[IT_C_DIRECT];
    if (!w->subscriber || w->accepted)
        return IT_ERR_STATE;
    int err = it_rtmfp_client_accept(c->client, now, w->subscriber, take);
    w->accepted = w->sends = take && err == 0;
    if (!take)
        w->subscriber = 0;
    return err;
}

/* --- which way is used --- */

bool it_c_session(const it_c *c, it_rtmfp_info *info)
{
    bool relayed;
    return c->used >= 0 && it_rtmfp_client_path(c->client, c->way[c->used].play, info, &relayed) == 0;
}

/* What a stream that is relayed, or not, goes by. */
static enum it_path path_of(const it_rtmfp_info *info, bool relayed)
{
    if (!relayed)
        return IT_PATH_DIRECT_UDP;
    return info->stream ? IT_PATH_RELAY_TCP : IT_PATH_RELAY_UDP;
}

bool it_c_leaves_by(const it_conn *n, it_addr base)
{
    if (n->path.path == IT_PATH_RELAY_TCP)
        return it_ip_eq(n->path.local.ip, base.ip);
    return it_addr_eq(n->path.local, base);
}

/* The path by way |via|. An end of RTMFP knows its own addresses, and of the far end where packets come from. */
static bool path_by(const it_c *c, int via, it_conn_path *p)
{
    it_rtmfp_info info;
    bool relayed;
    if (it_rtmfp_client_path(c->client, c->way[via].play, &info, &relayed))
        return false;
    *p = (it_conn_path){.flow = (int)info.path.flow, .local = info.path.local, .remote = info.path.remote};
    p->path = path_of(&info, relayed);
    p->local_kind = relayed ? IT_ICE_RELAY : IT_ICE_HOST;
    p->remote_kind = relayed ? IT_ICE_RELAY : IT_ICE_PRFLX;
    return true;
}

static bool base_bound(const it_c *c, it_addr a)
{
    for (int i = 0; i < c->bases; i++)
        if (it_addr_eq(c->base[i].addr, a))
            return true;
    return false;
}

/* The streams by the server are of no use where there is a direct way. */
static void server_leave(it_c *c, it_time now)
{
    c_way *w = &c->way[IT_C_SERVER];
    if (w->publish)
        (void)it_rtmfp_client_close_stream(c->client, now, w->publish);
    if (w->play)
        (void)it_rtmfp_client_close_stream(c->client, now, w->play);
    *w = (c_way){.publish = 0};
}

/* Way |via| carries the call from now on. */
static void way_use(it_c *c, it_time now, int via)
{
    it_conn_path p;
    it_channel_event open = {.kind = IT_CHANNEL_OPEN};
    enum it_path old = c->conn.path.path;
    bool first = c->used < 0;
    if (!path_by(c, via, &p))
        return;
    c->used = via;
    c->cause = IT_RTMFP_CAUSE_NONE;
    c->mend_by = IT_NEVER;
    it_conn_use(&c->conn, now, &p);
    (void)it_conn_settle(&c->conn, now);
    if (first)
        it_c_give(c, now, &open);
    else
        it_conn_failover(&c->conn, now, old);
    if (via == IT_C_DIRECT)
        server_leave(c, now);
}

/* The session of the way in use leads elsewhere than it did: the far end has moved, or we have. */
static void way_follow(it_c *c, it_time now)
{
    it_conn_path p;
    it_conn *n = &c->conn;
    if (!path_by(c, c->used, &p) || !base_bound(c, p.local))
        return;
    if (n->has_path && it_addr_eq(p.local, n->path.local) && it_addr_eq(p.remote, n->path.remote))
        return;
    bool moved = !it_addr_eq(p.local, n->path.local) || !it_addr_eq(p.remote, n->path.remote);
    it_conn_use(n, now, &p);
    (void)it_conn_settle(n, now);
    if (moved)
        it_conn_failover(n, now, p.path);
}

/* The way in use has ended, and there is no other. */
static void way_ended(it_c *c, it_time now)
{
    bool by_server = c->server_over && (c->used == IT_C_SERVER || c->cfg.cascade);
    if (by_server)
        it_conn_die(&c->conn, now, IT_REASON_SERVER_LOST,
                    "the connection to the server is gone, and the streams with it");
    else if (c->cause == IT_RTMFP_CAUSE_SILENCE)
        it_conn_die(&c->conn, now, IT_REASON_KEEPALIVE_TIMEOUT, "Pings stayed unanswered (RFC 7016 section 3.5.4.1)");
    else
        it_conn_die(&c->conn, now, IT_REASON_PEER_CLOSED, "the far end's stream has ended without a goodbye");
}

/* The session of the direct way has given way to a younger one (RFC 7016 section 3.5.1.1.2): it is played by that. */
static bool way_overridden(it_c *c, it_time now)
{
    if (c->used != IT_C_DIRECT || c->cause != IT_RTMFP_CAUSE_OVERRIDDEN)
        return false;
    if (!c->way[IT_C_DIRECT].play)
        (void)it_c_way_play(c, now, IT_C_DIRECT);
    return true;
}

/* The way in use is not whole any more: the other one takes over, or has some time to. */
static void way_broken(it_c *c, it_time now)
{
    int other = c->used == IT_C_DIRECT ? IT_C_SERVER : IT_C_DIRECT;
    const c_way *o = &c->way[other];
    if (way_whole(o)) {
        way_use(c, now, other);
        return;
    }
    bool hope = way_overridden(c, now) || o->sends || o->comes;
    if (hope && c->mend_by == IT_NEVER)
        c->mend_by = now + c->cfg.stream;
    if (!hope || now >= c->mend_by)
        way_ended(c, now);
}

void it_c_judge(it_c *c, it_time now)
{
    if (!c->called || it_conn_over(&c->conn))
        return;
    if (c->used < 0) {
        for (int i = 0; i < IT_C_WAYS && c->used < 0; i++)
            if (way_whole(&c->way[i]))
                way_use(c, now, i);
        return;
    }
    if (!way_whole(&c->way[c->used])) {
        way_broken(c, now);
        return;
    }
    c->mend_by = IT_NEVER;
    if (c->used == IT_C_SERVER && way_whole(&c->way[IT_C_DIRECT]))
        way_use(c, now, IT_C_DIRECT);
    else
        way_follow(c, now);
}
