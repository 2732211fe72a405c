/* C functions of the scenario language over relays of datagrams by WebSocket. */
#include "lab/apps/web/relay.h"
#include "lab/lang/bind/impl.h"
#include "stack/b/b.h"
#include "stack/d/relay.h"
#include "stack/wsrelay/server.h"

#include <stdio.h>
#include <string.h>

static void set_count(lua_State *L, const char *key, uint64_t v)
{
    lua_pushinteger(L, (lua_Integer)v);
    lua_setfield(L, -2, key);
}

/* relay_server(host, label, port or 0, port of TLS or 0, names of its certificate, port of UDP or 0) -> app */
static int r_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2);
    uint16_t port[2] = {(uint16_t)luaL_checkinteger(L, 3), (uint16_t)luaL_checkinteger(L, 4)};
    it_wsrelay_server_cfg cfg = {.alloc = s->alloc, .tls_port = port[1]};
    it_tls_cfg tls;
    if (port[1]) {
        it_script_tls_server(L, 5, label, &tls);
        cfg.tls = &tls;
    }
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    it_wsrelay_server *o = it_wsrelay_server_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    int udp = (int)luaL_optinteger(L, 6, 0);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_wsrelay_server_ops, o, label, udp ? udp : -1);
    it_script_check(L, app, label);
    for (int i = 0; i < 2; i++)
        if (port[i])
            it_script_check(L, it_lab_serve(s->lab, app, port[i]), label);
    lua_pushinteger(L, app);
    return 1;
}

/* relay_server_stats(app) -> table */
static int r_server_stats(lua_State *L)
{
    const it_wsrelay_server_stats *s = it_wsrelay_server_stat(it_script_app(L, 1, &it_wsrelay_server_ops));
    lua_newtable(L);
    set_count(L, "joined", s->joined);
    set_count(L, "replaced", s->replaced);
    set_count(L, "relayed", s->relayed);
    set_count(L, "bytes", s->bytes);
    set_count(L, "dropped", s->dropped);
    set_count(L, "refused", s->refused);
    set_count(L, "silent", s->silent);
    set_count(L, "connections", s->connections);
    set_count(L, "rooms", s->rooms);
    return 1;
}

/* relay_client(host, label, address, name of the server or nil, room, name, via or nil, whose certificate or nil,
 * managed) -> app */
static int r_client(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2), *via = luaL_optstring(L, 7, NULL), *whose = luaL_optstring(L, 8, NULL);
    it_wsrelay_client_cfg cfg = {.alloc = s->alloc,
                                 .server = it_script_addr(L, 3),
                                 .host = luaL_optstring(L, 4, NULL),
                                 .room = luaL_checkstring(L, 5),
                                 .name = luaL_checkstring(L, 6)};
    it_tls_cfg tls;
    if (via && it_via_parse(&cfg.via, via) < 0)
        return luaL_error(L, "relay.via: \"%s\" is no proxy; write \"http://user:password@10.9.9.9:3128\"", via);
    if (!it_wsrelay_room_valid(it_bytes_str(cfg.room)) || !it_wsrelay_name_valid(it_bytes_str(cfg.name)))
        return luaL_error(L, "relay: a room has 16 to 64, a name 1 to 32 letters, digits, \"-\" or \"_\"");
    if (whose) {
        it_script_tls_client(L, whose, lua_toboolean(L, 9), label, &tls);
        tls.log_keys = true;
        cfg.tls = &tls;
    }
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    it_relay_app *o = it_relay_app_new(&cfg);
    if (!o)
        return luaL_error(L, "%s: not enough memory, or a host that is none", label);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_app_relay, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* relay_send(app, data) -> true, or nil and a word */
static int r_send(lua_State *L)
{
    it_relay_app *a = it_script_app(L, 1, &it_app_relay);
    return it_script_done(L, it_relay_app_send(a, it_lab_now(it_script_of(L)->lab), it_script_bytes(L, 2)));
}

static int r_close(lua_State *L)
{
    it_relay_app_close(it_script_app(L, 1, &it_app_relay), it_lab_now(it_script_of(L)->lab));
    return 0;
}

/* relay_stats(app) -> table */
static int r_stats(lua_State *L)
{
    it_wsrelay_client_stats s = it_relay_app_stat(it_script_app(L, 1, &it_app_relay));
    lua_newtable(L);
    set_count(L, "sent", s.sent);
    set_count(L, "received", s.received);
    set_count(L, "dropped", s.dropped);
    set_count(L, "lost", s.lost);
    return 1;
}

/* One way to the relay over WebSocket, { addr =, tls =, via = } on top. */
static void web_target(lua_State *L, it_wsrelay_way *t)
{
    int at = lua_gettop(L);
    t->tls = it_script_bool(L, at, "tls");
    t->udp = it_script_bool(L, at, "udp");
    lua_getfield(L, at, "addr");
    t->server = it_script_addr(L, -1);
    lua_getfield(L, at, "via");
    const char *via = lua_tostring(L, -1);
    if (via && it_via_parse(&t->via, via) < 0)
        luaL_error(L, "B.ws: \"%s\" is no proxy", via);
    lua_settop(L, at);
}

void it_script_web(lua_State *L, int index, const char *label, it_b_web_cfg *web)
{
    int list, n;
    if (lua_getfield(L, index, "web") != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    list = lua_gettop(L);
    n = (int)luaL_len(L, list);
    if (n > IT_WSRELAY_WAYS)
        luaL_error(L, "B.ws: at most %d ways", IT_WSRELAY_WAYS);
    lua_getfield(L, list, "name");
    snprintf(web->name, sizeof web->name, "%s", luaL_checkstring(L, -1));
    lua_pop(L, 1);
    for (web->n = 0; web->n < n; web->n++) {
        lua_geti(L, list, web->n + 1);
        web_target(L, &web->target[web->n]);
        lua_pop(L, 1);
        if (web->target[web->n].tls && !web->tls.shared)
            it_script_tls_client(L, web->name, it_script_bool(L, list, "managed"), label, &web->tls);
    }
    web->tls.log_keys = true;
    lua_pop(L, 1);
}

/* --- model D's relay object --- */

/* d_relay(host, label, { web = ways as b_new takes them, room, id, secret or nil, timers, voice, ping, alternatives })
 * -> app */
static int r_object(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_b_web_cfg web = {.n = 0};
    it_d_relay_cfg cfg = {.alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2)};
    it_script_web(L, 3, cfg.name, &web);
    memcpy(cfg.way, web.target, sizeof cfg.way);
    cfg.n_ways = web.n;
    snprintf(cfg.host, sizeof cfg.host, "%s", web.name);
    cfg.tls = web.tls;
    cfg.shared = s->cfg.shared;
    cfg.cert = it_lab_cert(s->lab, h);
    cfg.timers = it_script_timers(L, 3);
    cfg.voice = it_script_bool(L, 3, "voice");
    cfg.ping = it_script_bool(L, 3, "ping");
    cfg.alternatives = it_script_bool(L, 3, "alternatives");
    lua_getfield(L, 3, "room");
    lua_getfield(L, 3, "id");
    lua_getfield(L, 3, "secret");
    cfg.room = luaL_checkstring(L, -3);
    cfg.id = luaL_checkstring(L, -2);
    cfg.secret = luaL_optstring(L, -1, NULL);
    if (!it_wsrelay_room_valid(it_bytes_str(cfg.room)) || !it_wsrelay_name_valid(it_bytes_str(cfg.id)))
        return luaL_error(L, "relay: a room has 16 to 64, an id 1 to 32 letters, digits, \"-\" or \"_\"");
    it_d_relay *o = cfg.cert ? it_d_relay_new(&cfg) : NULL;
    if (!o)
        return luaL_error(L, "%s: not enough memory, or a host or secret that is none", cfg.name);
    int app = it_lab_add(s->lab, h, &it_d_relay_ops, o, cfg.name, -1);
    it_script_check(L, app, cfg.name);
    lua_pushinteger(L, app);
    return 1;
}

/* d_stream(app, on) */
static int r_stream(lua_State *L)
{
    it_d_relay_stream(it_script_app(L, 1, &it_d_relay_ops), it_script_app_now(L), lua_toboolean(L, 2));
    return 0;
}

const luaL_Reg IT_SCRIPT_RELAY[] = {
    {"d_relay", r_object},
    {"d_stream", r_stream},
    {"relay_server", r_server},
    {"relay_server_stats", r_server_stats},
    {"relay_client", r_client},
    {"relay_send", r_send},
    {"relay_close", r_close},
    {"relay_stats", r_stats},
    {NULL, NULL},
};
