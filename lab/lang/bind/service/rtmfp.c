/* C functions of the scenario language over ends of RTMFP and their rendezvous server. */
#include "lab/lang/bind/service/rtmfp.h"

#include "lab/apps/rtmfp/rtmfp.h"
#include "lab/apps/rtmfp/server.h"

#include <stdio.h>

bool it_script_rtmfp_web_of(lua_State *L, int index, const char *label, it_script_rtmfp_web *web)
{
    *web = (it_script_rtmfp_web){.cfg.target = "/app"};
    if (lua_getfield(L, index, "web") != LUA_TTABLE)
        return false;
    int at = lua_gettop(L);
    lua_getfield(L, at, "addr");
    lua_getfield(L, at, "host");
    lua_getfield(L, at, "via");
    lua_getfield(L, at, "tls");
    const char *via = lua_tostring(L, at + 3);
    web->cfg.server = it_script_addr(L, at + 1);
    web->cfg.host = lua_tostring(L, at + 2);
    if (via && it_via_parse(&web->cfg.via, via) < 0)
        luaL_error(L, "via: \"%s\" is no proxy; write \"http://user:password@10.9.9.9:3128\"", via);
    if (lua_isstring(L, at + 4)) {
        it_script_tls_client(L, lua_tostring(L, at + 4), it_script_bool(L, at, "managed"), label, &web->tls);
        web->tls.log_keys = true;
        web->cfg.tls = &web->tls;
    }
    web->fallback = it_script_int(L, at, "fallback", 0);
    web->transport = it_script_bool(L, at, "only") ? IT_RTMFP_WS_ONLY : IT_RTMFP_UDP_THEN_WS;
    return true;
}

/* Lets |o|, app |app|, accept streams on the ports of arguments 6 and 7, with TLS on the latter. */
static void server_web(lua_State *L, it_rtmfp_server_app *o, int app, const char *name)
{
    it_script *s = it_script_of(L);
    it_tls_cfg tls;
    uint16_t tls_port = (uint16_t)luaL_checkinteger(L, 7);
    it_script_tls_server(L, 8, name, &tls);
    tls.log_keys = true;
    it_rtmfp_server_tls(it_rtmfp_server_app_of(o), &tls, tls_port);
    it_script_check(L, it_lab_serve(s->lab, app, (uint16_t)luaL_checkinteger(L, 6)), name);
    it_script_check(L, it_lab_serve(s->lab, app, tls_port), name);
}

/* rtmfp_server(host, redirects, forwards, lifetime in ns or 0, keepalive of its clients in ns or 0, port of its
 * WebSocket or nil, that with TLS, names of its certificate) -> app */
static int r_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 64];
    it_rtmfp_server_app *o;
    snprintf(name, sizeof name, "%s/rtmfp/%lld", it_host_node(h)->name, (long long)it_lab_now(s->lab));
    it_rtmfp_server_cfg cfg = {
        .alloc = s->alloc, .no_redirect = !lua_toboolean(L, 2), .no_forward = !lua_toboolean(L, 3)};
    cfg.lifetime = luaL_optinteger(L, 4, 0);
    cfg.client_keepalive = cfg.peer_keepalive = luaL_optinteger(L, 5, 0);
    it_rng_init(&cfg.rng, s->cfg.seed, name);
    it_script_check(L, it_rtmfp_server_app_new(&cfg, it_lab_now(s->lab), &o), name);
    snprintf(name, sizeof name, "%s/rtmfp", it_host_node(h)->name);
    int app = it_lab_add(s->lab, h, &it_app_rtmfp_server, o, name, IT_RTMFP_PORT);
    it_script_check(L, app, name);
    if (!lua_isnoneornil(L, 6))
        server_web(L, o, app, name);
    lua_pushinteger(L, app);
    return 1;
}

/* rtmfp_stats(app) -> table */
static int r_stats(lua_State *L)
{
    it_rtmfp_server_stats s = it_rtmfp_server_stat(it_rtmfp_server_app_of(it_script_app(L, 1, &it_app_rtmfp_server)));
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {{"sessions", s.sessions},   {"opened", s.opened},       {"closed", s.closed},
               {"absent", s.absent},       {"limited", s.limited},     {"introduced", s.introduced},
               {"connected", s.connected}, {"published", s.published}, {"played", s.played},
               {"relayed", s.relayed},     {"dropped", s.dropped},     {"connections", s.web.connections}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushinteger(L, (lua_Integer)all[i].v);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

/* rtmfp_open(host, label, { stun = addresses of the server, keepalive =, death = in ns, window = in bytes })
 * -> app */
static int r_open(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2);
    it_rtmfp_app *o;
    it_rtmfp_app_cfg cfg = {.alloc = s->alloc};
    cfg.servers = it_script_servers(L, 3, cfg.server, IT_RTMFP_APP_SERVERS);
    cfg.keepalive = it_script_int(L, 3, "keepalive", 0);
    cfg.death = it_script_int(L, 3, "death", 0);
    cfg.window = (size_t)it_script_int(L, 3, "window", 0);
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    it_script_check(L, it_rtmfp_app_new(&cfg, it_lab_now(s->lab), &o), label);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_app_rtmfp, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* rtmfp_id(app) -> its peer ID, hexadecimal */
static int r_id(lua_State *L)
{
    const uint8_t *print = it_rtmfp_app_print(it_script_app(L, 1, &it_app_rtmfp));
    char text[2 * IT_RTMFP_PRINT + 1];
    lua_pushstring(L, it_bytes_hex(it_bytes_of(print, IT_RTMFP_PRINT), text));
    return 1;
}

/* rtmfp_call(app, app of the other) -> true, or nil and a word */
static int r_call(lua_State *L)
{
    uint8_t print[IT_RTMFP_PRINT];
    memcpy(print, it_rtmfp_app_print(it_script_app(L, 2, &it_app_rtmfp)), sizeof print);
    return it_script_done(L, it_rtmfp_app_call(it_script_app(L, 1, &it_app_rtmfp), it_script_app_now(L), print));
}

/* rtmfp_send(app, data) -> true, or nil and a word */
static int r_send(lua_State *L)
{
    it_rtmfp_app *a = it_script_app(L, 1, &it_app_rtmfp);
    return it_script_done(L, it_rtmfp_app_send(a, it_script_app_now(L), it_script_bytes(L, 2)));
}

/* rtmfp_close(app) -> true, or nil and a word */
static int r_close(lua_State *L)
{
    it_rtmfp_app *a = it_script_app(L, 1, &it_app_rtmfp);
    return it_script_done(L, it_rtmfp_app_hang_up(a, it_script_app_now(L)));
}

const luaL_Reg IT_SCRIPT_RTMFP[] = {
    {"rtmfp_server", r_server}, {"rtmfp_stats", r_stats}, {"rtmfp_open", r_open},   {"rtmfp_id", r_id},
    {"rtmfp_call", r_call},     {"rtmfp_send", r_send},   {"rtmfp_close", r_close}, {NULL, NULL},
};
