/* C functions of the scenario language over the objects on hosts: servers, model B, connections, events, statistics. */
#include "lab/lang/bind/impl.h"

#include "lab/apps/rawudp.h"
#include "stack/b/b.h"
#include "stack/stun/server.h"
#include "stack/stun/server_tcp.h"

#include <stdio.h>
#include <string.h>

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

/* The object of app |arg| when it is of |ops|'s kind; a Lua error otherwise. */
void *it_script_app(lua_State *L, int arg, const it_object_ops *ops)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, arg);
    if (it_lab_app_ops(lab, i) != ops)
        luaL_error(L, "no such %s object", ops->kind);
    return it_lab_app(lab, i);
}

it_time it_script_app_now(lua_State *L)
{
    return it_lab_app_now(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
}

it_bytes it_script_bytes(lua_State *L, int arg)
{
    size_t n;
    const char *p = luaL_checklstring(L, arg, &n);
    return it_bytes_of(p, n);
}

/* What a refused command returns: nil and a word for it. */
static int refused(lua_State *L, int err)
{
    static const struct {
        int err;
        const char *word;
    } WORDS[] = {
        {IT_ERR_PERM, "NOT_PERMITTED"}, {IT_ERR_RATE, "RATE_LIMITED"},     {IT_ERR_TOOBIG, "TOO_BIG"},
        {IT_ERR_STATE, "NOT_OPEN"},     {IT_ERR_RANGE, "BAD_CREDENTIALS"}, {IT_ERR_FULL, "TOO_MANY"},
        {IT_ERR_PARSE, "MALFORMED"},    {IT_ERR_NOROUTE, "NO_SOCKET"},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (WORDS[i].err == err) {
            lua_pushnil(L);
            lua_pushstring(L, WORDS[i].word);
            return 2;
        }
    return luaL_error(L, "%s", it_err_str(err));
}

int it_script_done(lua_State *L, int err)
{
    if (err < 0)
        return refused(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

it_addr it_script_addr(lua_State *L, int arg)
{
    it_addr a;
    if (it_addr_parse(&a, luaL_checkstring(L, arg)) < 0)
        luaL_error(L, "\"%s\" is no address", lua_tostring(L, arg));
    return a;
}

/* --- servers --- */

/* stun_server(host, port of UDP or 0, port of TCP or 0) */
static int p_stun_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 8];
    int udp = (int)luaL_checkinteger(L, 2), tcp = (int)luaL_checkinteger(L, 3);
    snprintf(name, sizeof name, "%s/server", it_host_node(h)->name);
    it_stun_server_cfg cfg = {.alloc = s->alloc, .software = NULL};
    it_rng_init(&cfg.rng, s->cfg.seed, name);
    if (udp) {
        it_stun_server *o = it_stun_server_new(&cfg);
        if (!o)
            return luaL_error(L, "not enough memory");
        it_script_check(L, it_lab_add(s->lab, h, &it_stun_server_ops, o, name, udp), "STUN server");
    }
    if (!tcp)
        return 0;
    it_stun_tcp *stream = it_stun_tcp_new(&cfg, NULL);
    if (!stream)
        return luaL_error(L, "not enough memory");
    snprintf(name, sizeof name, "%s/tcp", it_host_node(h)->name);
    int app = it_lab_add(s->lab, h, &it_stun_tcp_ops, stream, name, -1);
    it_script_check(L, app, "STUN server");
    it_script_check(L, it_lab_serve(s->lab, app, (uint16_t)tcp), "STUN server");
    return 0;
}

/* --- timers --- */

/* The timers in the table at |index|; those that it lacks as in "rfc". */
static it_timers timers_in(lua_State *L, int index)
{
    it_timers t;
    it_script_check(L, it_timers_named(&t, "rfc"), "timers");
    index = lua_absindex(L, index);
    for (int i = 0; i < IT_TIMERS_N && lua_istable(L, index); i++) {
        it_time *v = it_timer_at(&t, i);
        *v = it_script_int(L, index, it_timer_name(i), *v);
    }
    return t;
}

/* timers("set") -> { name = ns }; nothing for an unknown set */
static int p_timers(lua_State *L)
{
    it_timers t;
    if (it_timers_named(&t, luaL_checkstring(L, 1)) < 0)
        return 0;
    lua_newtable(L);
    for (int i = 0; i < IT_TIMERS_N; i++) {
        lua_pushinteger(L, *it_timer_at(&t, i));
        lua_setfield(L, -2, it_timer_name(i));
    }
    return 1;
}

/* timers_judge({ name = ns }) -> what makes them useless or nil, list of the limits of RFCs that they break */
static int p_timers_judge(lua_State *L)
{
    char text[IT_TIMERS_TEXT];
    it_timers t = timers_in(L, 1);
    if (it_timers_fault(&t, text))
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
    lua_newtable(L);
    for (int i = 0; it_timers_note(&t, i, text); i++) {
        lua_pushstring(L, text);
        lua_seti(L, -2, i + 1);
    }
    return 2;
}

/* The timers in the field of the options at |index|. */
it_timers it_script_timers(lua_State *L, int index)
{
    char text[IT_TIMERS_TEXT];
    lua_getfield(L, index, "timers");
    it_timers t = timers_in(L, -1);
    lua_pop(L, 1);
    if (it_timers_fault(&t, text))
        luaL_error(L, "timers.%s", text);
    return t;
}

int it_script_servers(lua_State *L, int index, it_addr *out, int cap)
{
    int n = 0, list = lua_getfield(L, index, "stun");
    for (; list == LUA_TTABLE && n < cap && n < (int)luaL_len(L, -1); n++) {
        lua_geti(L, -1, n + 1);
        out[n] = it_script_addr(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return n;
}

/* --- plain sockets --- */

/* udp_open(node, name, port or 0, fragments, via or nil) -> app */
static int p_udp_open(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    lua_Integer port = luaL_checkinteger(L, 3);
    bool fragments = lua_toboolean(L, 4);
    const char *url = luaL_optstring(L, 5, NULL);
    it_via via;
    if (url && (it_via_parse(&via, url) < 0 || via.kind != IT_VIA_SOCKS5))
        return luaL_error(L, "udp.via: \"%s\" is no proxy for UDP; write \"socks5://user:password@10.9.9.9:1080\"",
                          url);
    it_rawudp *u = it_rawudp_new(s->alloc, fragments);
    if (u && url && it_rawudp_via(u, &via) < 0) {
        it_rawudp_free(u);
        u = NULL;
    }
    if (!u)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_app_rawudp, u, luaL_checkstring(L, 2), port ? (int)port : -1);
    it_script_check(L, i, "udp");
    lua_pushinteger(L, i);
    return 1;
}

/* udp_send(app, address, data, may be cut, hop limit or nil, tos or nil) */
static int p_udp_send(lua_State *L)
{
    it_io_meta m = {.frag = lua_toboolean(L, 4), .ttl = (uint8_t)luaL_optinteger(L, 5, 0)};
    m.tos = (uint8_t)luaL_optinteger(L, 6, 0);
    return it_script_done(
        L, it_rawudp_send(it_script_app(L, 1, &it_app_rawudp), it_script_addr(L, 2), it_script_bytes(L, 3), m));
}

/* stun_request(stream) -> a Binding request, its transaction id from that stream */
static int p_stun_request(lua_State *L)
{
    uint8_t bytes[64], txid[IT_STUN_TXID];
    it_rng rng;
    it_buf b;
    char stream[128];
    snprintf(stream, sizeof stream, "%s/%lld", luaL_checkstring(L, 1), (long long)now(L));
    it_rng_init(&rng, it_script_of(L)->cfg.seed, stream);
    it_rng_bytes(&rng, txid, sizeof txid);
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    lua_pushlstring(L, (const char *)bytes, n > 0 ? (size_t)n : 0);
    return 1;
}

/* stun_mapped(data) -> the address in a Binding response, or nil */
static int p_stun_mapped(lua_State *L)
{
    it_stun_msg m;
    it_addr a;
    char text[IT_ADDR_TEXT];
    if (it_stun_parse(&m, it_script_bytes(L, 1)) < 0 || m.cls != IT_STUN_SUCCESS ||
        it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &a) < 0)
        return 0;
    lua_pushstring(L, it_addr_text(a, text));
    return 1;
}

/* --- connections --- */

/* A connection: app 1 and, where its model has several, the number in argument 2. */
typedef struct connection {
    const it_model_ops *ops;
    void *o;
    int media;
} connection;

static connection connection_of(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, 1);
    const it_object_ops *ops = it_lab_app_ops(lab, i);
    if (!ops || !ops->model)
        luaL_error(L, "no such connection");
    return (connection){ops->model, it_lab_app(lab, i), (int)luaL_optinteger(L, 2, -1)};
}

/* start(app), restart(app), signal(app, media, blob): what a model does by itself. E has none of them, its library
 * does. */
static int p_start(lua_State *L)
{
    connection c = connection_of(L);
    c.ops->start(c.o, it_script_app_now(L));
    return 0;
}

static int p_restart(lua_State *L)
{
    connection c = connection_of(L);
    c.ops->restart(c.o, it_script_app_now(L));
    return 0;
}

static int p_signal(lua_State *L)
{
    connection c = connection_of(L);
    return it_script_done(L, c.ops->signal(c.o, it_script_app_now(L), it_script_bytes(L, 3)));
}

static int p_send(lua_State *L)
{
    connection c = connection_of(L);
    return it_script_done(L, c.ops->send(c.o, it_script_app_now(L), c.media, it_script_bytes(L, 3)));
}

static int p_close(lua_State *L)
{
    connection c = connection_of(L);
    c.ops->close(c.o, it_script_app_now(L), c.media);
    return 0;
}

static int p_path(lua_State *L)
{
    connection c = connection_of(L);
    enum it_path path = c.ops->path(c.o, c.media);
    if (path == IT_PATH_NONE)
        return 0;
    lua_pushstring(L, it_path_name(path));
    return 1;
}

static void set_int(lua_State *L, const char *key, int64_t v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, key);
}

static void set_time(lua_State *L, const char *key, it_time v)
{
    if (v != IT_NEVER)
        set_int(L, key, v);
}

/* What RTP counts besides (stack/model/model.h). */
static void set_media(lua_State *L, const it_media_stats *m)
{
    set_int(L, "jitter", m->jitter);
    set_int(L, "freezes", (int64_t)m->freezes);
    set_int(L, "frozen", m->frozen);
    set_int(L, "longest_freeze", m->longest_freeze);
    set_int(L, "shown", (int64_t)m->shown);
    set_int(L, "reordered", (int64_t)m->reordered);
    set_int(L, "profile", m->profile);
    set_time(L, "rtt", m->rtt);
}

static int p_stats(lua_State *L)
{
    it_conn_stats s;
    connection c = connection_of(L);
    if (!c.ops->stats(c.o, c.media, &s))
        return luaL_error(L, "no such connection");
    lua_newtable(L);
    set_int(L, "sent", (int64_t)s.sent);
    set_int(L, "received", (int64_t)s.received);
    set_int(L, "voice_sent", (int64_t)s.voice_sent);
    set_int(L, "voice_received", (int64_t)s.voice_received);
    set_int(L, "lost", (int64_t)s.lost);
    set_int(L, "voice_due", (int64_t)s.voice_due);
    set_int(L, "voice_due_at", s.voice_due_at);
    set_int(L, "voice_next", (int64_t)s.voice_next);
    set_int(L, "late", (int64_t)s.late);
    set_int(L, "duplicate", (int64_t)s.duplicate);
    set_int(L, "longest_gap", s.longest_gap);
    set_int(L, "refused", (int64_t)s.refused);
    set_int(L, "freeze_silent", s.freeze_silent);
    set_int(L, "patience", s.patience);
    set_int(L, "questions", (int64_t)s.questions);
    set_time(L, "t_first_media", s.t_first_media);
    it_media_stats m;
    if (c.ops->rtp && c.ops->rtp(c.o, c.media, &m))
        set_media(L, &m);
    return 1;
}

/* --- time and events --- */

static int p_now(lua_State *L)
{
    lua_pushinteger(L, now(L));
    return 1;
}

static int p_run(lua_State *L)
{
    it_script_check(L, it_script_advance(it_script_of(L), luaL_checkinteger(L, 1)), "world");
    return 0;
}

static int p_flush(lua_State *L)
{
    it_script_check(L, it_lab_flush(it_script_of(L)->lab), "world");
    return 0;
}

static void set_text(lua_State *L, const char *key, const char *v)
{
    if (!v)
        return;
    lua_pushstring(L, v);
    lua_setfield(L, -2, key);
}

static void set_addr(lua_State *L, const char *key, it_addr a)
{
    char text[IT_ADDR_TEXT];
    if (!it_ip_none(a.ip))
        set_text(L, key, it_addr_text(a, text));
}

static void set_bool(lua_State *L, const char *key, bool v)
{
    lua_pushboolean(L, v);
    lua_setfield(L, -2, key);
}

/* What checks and probes of model E tell. */
static void push_check(lua_State *L, const it_model_event *ev)
{
    set_addr(L, "addr", ev->kind == IT_EV_REFLEXIVE ? ev->local : ev->remote);
    set_addr(L, "base", ev->base);
    if (ev->kind == IT_EV_REFLEXIVE)
        return;
    set_text(L, "user", ev->user);
    set_bool(L, "nominate", ev->nominate);
    if (ev->kind == IT_EV_SUCCESS) {
        set_addr(L, "reflexive", ev->local);
        return;
    }
    set_int(L, "priority", ev->priority);
    set_bool(L, "controlling", ev->controlling);
}

/* Of what carries data: these, whose they are or for whom they were, and what is known of their way. */
static void push_data(lua_State *L, const it_model_event *ev)
{
    lua_pushlstring(L, (const char *)ev->data.p, ev->data.n);
    lua_setfield(L, -2, ev->kind == IT_EV_SIGNAL ? "blob" : "data");
    if (ev->kind != IT_EV_UNSENT)
        set_addr(L, "addr", ev->remote);
    if (ev->meta.ttl) {
        set_bool(L, "df", !ev->meta.frag);
        set_int(L, "ttl", ev->meta.ttl);
        set_int(L, "tos", ev->meta.tos);
    }
    set_text(L, "user", ev->user);
    set_text(L, "why", ev->why);
}

/* The fields of an event as scripts see them. */
static void push_fields(lua_State *L, const it_model_event *ev)
{
    char closed[IT_CLOSED_TEXT];
    char ip[IT_IP_TEXT];
    lua_newtable(L);
    switch (ev->kind) {
    case IT_EV_OPEN:
    case IT_EV_FAILOVER:
        set_text(L, "path", it_path_name(ev->path));
        set_text(L, "localkind", it_ice_kind_name(ev->local_kind));
        set_text(L, "remotekind", it_ice_kind_name(ev->remote_kind));
        set_text(L, "family", it_ip_is6(ev->remote.ip) ? "v6" : "v4");
        if (!it_ip_none(ev->local.ip))
            set_text(L, "from_ip", it_ip_text(ev->local.ip, ip));
        if (ev->kind == IT_EV_FAILOVER)
            set_text(L, "old", it_path_name(ev->old_path));
        break;
    case IT_EV_SIGNAL:
    case IT_EV_MESSAGE:
    case IT_EV_UNSENT:
        push_data(L, ev);
        break;
    case IT_EV_DOWN:
        set_text(L, "why", ev->why);
        break;
    case IT_EV_STATUS:
        set_text(L, "code", ev->why);
        break;
    case IT_EV_CALL:
        set_int(L, "number", ev->flow);
        break;
    case IT_EV_SUBSCRIBER:
        set_text(L, "peer", ev->user);
        set_int(L, "number", ev->flow);
        break;
    case IT_EV_STALLED:
        if (ev->since)
            set_int(L, "since", ev->since);
        break;
    case IT_EV_DEATH:
        set_text(L, "reason", it_reason_name(ev->reason));
        set_text(L, "why", ev->why);
        if (ev->since)
            set_int(L, "since", ev->since);
        break;
    case IT_EV_CLOSED:
        if (ev->by == IT_CLOSED_TLS)
            lua_pushfstring(L, "tls %s", ev->why);
        else
            lua_pushstring(L, it_closed_text(ev->by, ev->status, closed));
        lua_setfield(L, -2, "by");
        break;
    case IT_EV_NETWORK:
        set_bool(L, "up", ev->up);
        set_addr(L, "base", ev->base);
        break;
    case IT_EV_TEST:
    case IT_EV_SUCCESS:
    case IT_EV_REFLEXIVE:
        push_check(L, ev);
        break;
    default:
        break;
    }
}

/* event() -> app, media or nil, name, fields; nothing when none waits. A broken rule of the far side is for the trace
 * only. */
static int p_event(lua_State *L)
{
    it_lab_event e;
    do {
        if (it_lab_event_next(it_script_of(L)->lab, &e) <= 0)
            return 0;
    } while (e.ev.kind == IT_EV_PEER);
    it_script_twin_event(it_script_of(L), &e);
    lua_pushinteger(L, e.app);
    if (e.media < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, e.media);
    lua_pushstring(L, it_model_event_name(e.ev.kind));
    push_fields(L, &e.ev);
    return 4;
}

const luaL_Reg IT_SCRIPT_PEER[] = {
    {"stun_server", p_stun_server},
    {"timers", p_timers},
    {"timers_judge", p_timers_judge},
    {"udp_open", p_udp_open},
    {"udp_send", p_udp_send},
    {"stun_request", p_stun_request},
    {"stun_mapped", p_stun_mapped},
    {"start", p_start},
    {"restart", p_restart},
    {"signal", p_signal},
    {"send", p_send},
    {"close", p_close},
    {"path", p_path},
    {"stats", p_stats},
    {"now", p_now},
    {"run", p_run},
    {"flush", p_flush},
    {"event", p_event},
    {NULL, NULL},
};
