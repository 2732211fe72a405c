/* C functions of the scenario language over the signal server and its clients. */
#include "lab/lang/bind/impl.h"

#include "lab/apps/signal.h"
#include "stack/dns/msg.h"

#include <stdio.h>

static const uint16_t PORTS[] = {80, 443}; /* plain HTTP on both: the second for who is let out by that alone */

/* signal_server(host) -> app */
static int g_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s/signal", it_host_node(h)->name);
    it_rendezvous_cfg cfg = {.signal = {.alloc = s->alloc, .messages = IT_SIGNAL_OUTBOX}};
    char run[IT_NAME_MAX + 48]; /* each start is a run of its own */
    snprintf(run, sizeof run, "%s/%lld", name, (long long)it_lab_now(s->lab));
    it_rng_init(&cfg.signal.rng, s->cfg.seed, run);
    it_signal_server_app *o = it_signal_server_app_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    int app = it_lab_add(s->lab, h, &it_app_signal_server, o, name, -1);
    it_script_check(L, app, name);
    for (size_t i = 0; i < sizeof PORTS / sizeof PORTS[0]; i++)
        it_script_check(L, it_lab_serve(s->lab, app, PORTS[i]), name);
    lua_pushinteger(L, app);
    return 1;
}

/* signal_tls(app, names of its certificate): from now on 443 has TLS, too */
static int g_tls(lua_State *L)
{
    it_tls_cfg tls;
    it_signal_server_app *a = it_script_app(L, 1, &it_app_signal_server);
    it_script_tls_server(L, 2, "signal", &tls);
    tls.log_keys = true;
    it_signal_server_tls(it_signal_server_app_of(a), &tls, PORTS[1]);
    return 0;
}

/* signal_stats(app) -> table */
static int g_stats(lua_State *L)
{
    it_signal_server_app *a = it_script_app(L, 1, &it_app_signal_server);
    const it_signal_server_stats *s = it_signal_server_stat(it_signal_server_app_of(a));
    const it_rendezvous_stats *r = it_signal_server_app_rendezvous(a);
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {{"messages", s->messages},
               {"delivered", s->delivered},
               {"refused", s->refused},
               {"redelivered", s->redelivered},
               {"connections", s->connections},
               {"mailboxes", s->mailboxes},
               {"said", r->said},
               {"names", r->names},
               {"calls", r->open}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushinteger(L, (lua_Integer)all[i].v);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

int it_script_exits(lua_State *L, int at, it_signal_exit exits[IT_SIGNAL_BASES])
{
    int n = lua_istable(L, at) ? (int)luaL_len(L, at) / 2 : 0;
    n = n < IT_SIGNAL_BASES ? n : IT_SIGNAL_BASES;
    for (int i = 0; i < n; i++) {
        lua_geti(L, at, 2 * i + 1);
        lua_geti(L, at, 2 * i + 2);
        exits[i].local = it_script_ip(L, -2);
        int err = it_via_parse(&exits[i].via, luaL_checkstring(L, -1));
        lua_pop(L, 2);
        if (err < 0)
            return -1;
    }
    return n;
}

/* The address that field |key| of the table at |at| is; none without it. */
static it_ip ip_field(lua_State *L, int at, const char *key)
{
    it_ip ip = {0, 0};
    if (lua_getfield(L, at, key) == LUA_TSTRING)
        ip = it_script_ip(L, -1);
    lua_pop(L, 1);
    return ip;
}

/* The text that field |key| of the table at |at| is, NULL without it; it lives as long as the table. */
static const char *text_field(lua_State *L, int at, const char *key)
{
    const char *text = lua_getfield(L, at, key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return text;
}

/* signal_client(host, label, { box, polls, ip, ip2, via, exits, name, resolver, tls = whose
 * certificate, managed }) -> app */
static int g_client(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_getfield(L, 3, "polls");
    it_signal_client_cfg cfg = {.alloc = s->alloc,
                                .box = text_field(L, 3, "box"),
                                .mode = lua_toboolean(L, -1) ? IT_SIGNAL_POLL : IT_SIGNAL_WEBSOCKET,
                                .host = text_field(L, 3, "name"),
                                .server = it_addr_of(ip_field(L, 3, "ip"), PORTS[0]),
                                .server_too = ip_field(L, 3, "ip2"),
                                .resolver = it_addr_of(ip_field(L, 3, "resolver"), IT_DNS_PORT),
                                .also = PORTS[1]};
    it_tls_cfg tls;
    const char *whose = text_field(L, 3, "tls");
    if (whose) {
        lua_getfield(L, 3, "managed");
        it_script_tls_client(L, whose, lua_toboolean(L, -1), label, &tls);
        tls.log_keys = true;
        cfg.tls = &tls;
        cfg.server.port = PORTS[1];
        cfg.also = 0;
    }
    if (it_ip_none(cfg.resolver.ip))
        cfg.resolver.port = 0;
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    lua_getfield(L, 3, "exits");
    int exits = it_script_exits(L, lua_gettop(L), cfg.exits);
    cfg.n_exits = exits < 0 ? 0 : (size_t)exits;
    it_signal_app *o = exits < 0 ? NULL : it_signal_app_new(&cfg, text_field(L, 3, "via"));
    if (!o)
        return luaL_error(L, "%s: not enough memory, or a name or proxy that is none", label);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_app_signal, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* signal_exits(app, exits): as signal_client has them, from now on */
static int g_exits(lua_State *L)
{
    it_signal_exit exits[IT_SIGNAL_BASES];
    it_signal_app *a = it_script_app(L, 1, &it_app_signal);
    int n = it_script_exits(L, 2, exits);
    if (n < 0)
        return luaL_error(L, "a proxy that is none");
    it_signal_app_exits(a, exits, (size_t)n);
    return 0;
}

/* signal_send(app, mailbox, data) -> true, or nil and a word */
static int g_send(lua_State *L)
{
    it_signal_app *a = it_script_app(L, 1, &it_app_signal);
    return it_script_done(L, it_signal_app_send(a, luaL_checkstring(L, 2), it_script_bytes(L, 3)));
}

const luaL_Reg IT_SCRIPT_SIGNAL[] = {
    {"signal_server", g_server},
    {"signal_tls", g_tls},
    {"signal_stats", g_stats},
    {"signal_client", g_client},
    {"signal_exits", g_exits},
    {"signal_send", g_send},
    {NULL, NULL},
};
