/* C functions of the scenario language over the signal server and its clients. */
#include "lab/lang/bind/impl.h"

#include "lab/apps/signal.h"
#include "stack/signal/server.h"

#include <stdio.h>

static const uint16_t PORTS[] = {80, 443}; /* plain HTTP on both: the second for who is let out by that alone */

/* signal_server(host) -> app */
static int g_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s/signal", it_host_node(h)->name);
    it_signal_server_cfg cfg = {.alloc = s->alloc};
    char run[IT_NAME_MAX + 48]; /* each start is a run of its own */
    snprintf(run, sizeof run, "%s/%lld", name, (long long)it_lab_now(s->lab));
    it_rng_init(&cfg.rng, s->cfg.seed, run);
    it_signal_server *o = it_signal_server_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    int app = it_lab_add(s->lab, h, &it_signal_server_ops, o, name, -1);
    it_script_check(L, app, name);
    for (size_t i = 0; i < sizeof PORTS / sizeof PORTS[0]; i++)
        it_script_check(L, it_lab_serve(s->lab, app, PORTS[i]), name);
    lua_pushinteger(L, app);
    return 1;
}

/* signal_stats(app) -> table */
static int g_stats(lua_State *L)
{
    const it_signal_server_stats *s = it_signal_server_stat(it_script_app(L, 1, &it_signal_server_ops));
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {{"messages", s->messages},       {"delivered", s->delivered},     {"refused", s->refused},
               {"redelivered", s->redelivered}, {"connections", s->connections}, {"mailboxes", s->mailboxes}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushinteger(L, (lua_Integer)all[i].v);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

/* signal_client(host, label, mailbox, polls, address of the server, proxy or nil) -> app */
static int g_client(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *label = luaL_checkstring(L, 2);
    it_signal_client_cfg cfg = {.alloc = s->alloc,
                                .box = luaL_checkstring(L, 3),
                                .mode = lua_toboolean(L, 4) ? IT_SIGNAL_POLL : IT_SIGNAL_WEBSOCKET,
                                .server = it_addr_of(it_script_ip(L, 5), PORTS[0]),
                                .also = PORTS[1]};
    it_rng_init(&cfg.rng, s->cfg.seed, label);
    it_signal_app *o = it_signal_app_new(&cfg, luaL_optstring(L, 6, NULL));
    if (!o)
        return luaL_error(L, "%s: not enough memory, or a name or proxy that is none", label);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_app_signal, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* signal_send(app, mailbox, data) -> true, or nil and a word */
static int g_send(lua_State *L)
{
    it_signal_app *a = it_script_app(L, 1, &it_app_signal);
    return it_script_done(L, it_signal_app_send(a, luaL_checkstring(L, 2), it_script_bytes(L, 3)));
}

const luaL_Reg IT_SCRIPT_SIGNAL[] = {
    {"signal_server", g_server},
    {"signal_stats", g_stats},
    {"signal_client", g_client},
    {"signal_send", g_send},
    {NULL, NULL},
};
