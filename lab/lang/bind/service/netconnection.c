/* C functions of the scenario language over NetConnections and their NetStreams. */
#include "lab/lang/bind/impl.h"

#include "lab/apps/rtmfp/netconnection.h"
#include "lab/lang/bind/service/rtmfp.h"

static it_rtmfp_client *nc_client(lua_State *L)
{
    return it_netconnection_client(it_script_app(L, 1, &it_app_netconnection));
}

/* nc_open(host, label, uri, { stun = addresses of the server, keepalive =, death =, open = in ns, ask =, cascade =, web
 * = as it_script_rtmfp_web_of takes it }) -> app */
static int nc_open(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2);
    it_netconnection *o;
    it_rtmfp_client_cfg cfg = {.alloc = s->alloc, .uri = luaL_checkstring(L, 3), .tell_keys = true};
    cfg.servers = (size_t)it_script_servers(L, 4, cfg.server, IT_RTMFP_CLIENT_SERVERS);
    cfg.keepalive = it_script_int(L, 4, "keepalive", 0);
    cfg.death = it_script_int(L, 4, "death", 0);
    cfg.open = it_script_int(L, 4, "open", 0);
    cfg.ask = it_script_int(L, 4, "ask", 0);
    cfg.cascade = it_script_int(L, 4, "cascade", 0);
    it_script_rtmfp_web web;
    if (it_script_rtmfp_web_of(L, 4, label, &web)) {
        cfg.web = &web.cfg;
        cfg.transport = web.transport;
        cfg.fallback = web.fallback;
    }
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    it_script_check(L, it_netconnection_new(&cfg, it_lab_now(s->lab), &o), label);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_app_netconnection, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* nc_id(app) -> its peer ID, hexadecimal */
static int nc_id(lua_State *L)
{
    const uint8_t *print = it_rtmfp_client_near(nc_client(L));
    char text[2 * IT_RTMFP_PRINT + 1];
    lua_pushstring(L, it_bytes_hex(it_bytes_of(print, IT_RTMFP_PRINT), text));
    return 1;
}

/* nc_transport(app) -> "udp", "ws", nil: it is neither connected nor about to be */
static int nc_transport(lua_State *L)
{
    const it_rtmfp_client *c = nc_client(L);
    if (!it_rtmfp_client_seeks(c))
        return 0;
    lua_pushstring(L, it_rtmfp_client_over_ws(c) ? "ws" : "udp");
    return 1;
}

/* nc_connect(app) -> true, or nil and a word */
static int nc_connect(lua_State *L)
{
    return it_script_done(L, it_rtmfp_client_connect(nc_client(L), it_script_app_now(L)));
}

/* nc_close(app) */
static int nc_close(lua_State *L)
{
    it_rtmfp_client_close(nc_client(L), it_script_app_now(L));
    return 0;
}

/* nc_stream(app, "server" | "direct" | app of the other end) -> number, or nil and a word */
static int nc_stream(lua_State *L)
{
    uint8_t far[IT_RTMFP_PRINT] = {0};
    enum it_rtmfp_stream_kind kind = IT_RTMFP_FROM_PEER;
    uint32_t no;
    if (lua_type(L, 2) == LUA_TSTRING)
        kind = strcmp(lua_tostring(L, 2), "direct") == 0 ? IT_RTMFP_DIRECT : IT_RTMFP_VIA_SERVER;
    else
        memcpy(far, it_rtmfp_client_near(it_netconnection_client(it_script_app(L, 2, &it_app_netconnection))),
               sizeof far);
    int err = it_rtmfp_client_stream(nc_client(L), it_script_app_now(L), kind, far, &no);
    if (err)
        return it_script_done(L, err);
    lua_pushinteger(L, no);
    return 1;
}

/* nc_publish(app, stream, name), nc_play(app, stream, name) -> true, or nil and a word */
static int nc_publish(lua_State *L)
{
    uint32_t no = (uint32_t)luaL_checkinteger(L, 2);
    return it_script_done(L, it_rtmfp_client_publish(nc_client(L), it_script_app_now(L), no, it_script_bytes(L, 3)));
}

static int nc_play(lua_State *L)
{
    uint32_t no = (uint32_t)luaL_checkinteger(L, 2);
    return it_script_done(L, it_rtmfp_client_play(nc_client(L), it_script_app_now(L), no, it_script_bytes(L, 3)));
}

/* nc_send(app, stream, data, "audio" | "video" | "data", lifetime in ns or 0) -> true, or nil and a word */
static int nc_send(lua_State *L)
{
    static const char *const TYPES[] = {"audio", "video", "data", NULL};
    static const uint8_t TYPE[] = {IT_RTMFP_MSG_AUDIO, IT_RTMFP_MSG_VIDEO, IT_RTMFP_MSG_DATA};
    uint32_t no = (uint32_t)luaL_checkinteger(L, 2);
    it_bytes data = it_script_bytes(L, 3);
    uint8_t type = TYPE[luaL_checkoption(L, 4, "data", TYPES)];
    it_time lifetime = luaL_optinteger(L, 5, 0), now = it_script_app_now(L);
    it_rtmfp_write_opts o = {.until = lifetime ? now + lifetime : 0};
    return it_script_done(L, it_rtmfp_client_send(nc_client(L), now, no, type, data, &o));
}

/* nc_accept(app, stream, take) -> true, or nil and a word */
static int nc_accept(lua_State *L)
{
    uint32_t no = (uint32_t)luaL_checkinteger(L, 2);
    return it_script_done(L, it_rtmfp_client_accept(nc_client(L), it_script_app_now(L), no, lua_toboolean(L, 3)));
}

/* nc_end(app, stream) -> true, or nil and a word */
static int nc_end(lua_State *L)
{
    uint32_t no = (uint32_t)luaL_checkinteger(L, 2);
    return it_script_done(L, it_rtmfp_client_close_stream(nc_client(L), it_script_app_now(L), no));
}

/* nc_path(app, stream) -> "direct_udp", "relay_udp" or "relay_tcp", and where its session leads; nil: it has none */
static int nc_path(lua_State *L)
{
    it_rtmfp_info info;
    bool relayed;
    char text[IT_ADDR_TEXT];
    if (it_rtmfp_client_path(nc_client(L), (uint32_t)luaL_checkinteger(L, 2), &info, &relayed) ||
        info.state != IT_RTMFP_OPENED)
        return 0;
    enum it_path path = IT_PATH_DIRECT_UDP;
    if (relayed)
        path = info.stream ? IT_PATH_RELAY_TCP : IT_PATH_RELAY_UDP;
    lua_pushstring(L, it_path_name(path));
    lua_pushstring(L, it_addr_text(info.path.remote, text));
    return 2;
}

const luaL_Reg IT_SCRIPT_NETCONNECTION[] = {
    {"nc_open", nc_open},   {"nc_id", nc_id},         {"nc_connect", nc_connect},
    {"nc_close", nc_close}, {"nc_stream", nc_stream}, {"nc_publish", nc_publish},
    {"nc_play", nc_play},   {"nc_send", nc_send},     {"nc_accept", nc_accept},
    {"nc_end", nc_end},     {"nc_path", nc_path},     {"nc_transport", nc_transport},
    {NULL, NULL},
};
