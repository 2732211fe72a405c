/* C functions of the scenario language over relays that answer checks. */
#include "lab/lang/bind/impl.h"

#include "stack/checkrelay/relay.h"

#include <stdio.h>

/* check_relay(host, label, port of UDP) -> app */
static int c_relay(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    const char *label = luaL_checkstring(L, 2);
    char run[IT_NAME_MAX + 64]; /* each start is a run of its own */
    it_check_relay_cfg cfg = {.alloc = s->alloc};
    snprintf(run, sizeof run, "%s/%lld", label, (long long)it_lab_now(s->lab));
    it_rng_init(&cfg.rng, s->cfg.seed, run);
    it_check_relay *o = it_check_relay_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    int app = it_lab_add(s->lab, h, &it_check_relay_ops, o, label, (int)luaL_checkinteger(L, 3));
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* Pushes what an end is told: { ufrag, pwd, ufrag, pwd }. */
static void push_end(lua_State *L, const it_check_relay_end *e)
{
    lua_newtable(L);
    for (int i = 0; i < IT_CHECK_RELAY_SETS; i++) {
        lua_pushstring(L, e->ufrag[i]);
        lua_seti(L, -2, 2 * i + 1);
        lua_pushstring(L, e->pwd[i]);
        lua_seti(L, -2, 2 * i + 2);
    }
}

/* check_relay_room(app) -> what each of two ends is told, a table each */
static int c_room(lua_State *L)
{
    it_check_relay_end end[2];
    it_check_relay *o = it_script_app(L, 1, &it_check_relay_ops);
    it_script_check(L, it_check_relay_room(o, it_script_app_now(L), end), "check relay");
    push_end(L, &end[0]);
    push_end(L, &end[1]);
    return 2;
}

/* check_relay_stats(app) -> table */
static int c_stats(lua_State *L)
{
    const it_check_relay *o = it_script_app(L, 1, &it_check_relay_ops);
    const it_check_relay_stats *s = it_check_relay_stats_of(o);
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {
        {"rooms", it_check_relay_rooms(o)}, {"checks", s->checks},  {"refused", s->refused}, {"relayed", s->relayed},
        {"relayed_bytes", s->bytes},        {"dropped", s->dropped}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushinteger(L, (lua_Integer)all[i].v);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

const luaL_Reg IT_SCRIPT_CHECKRELAY[] = {
    {"check_relay", c_relay}, {"check_relay_room", c_room}, {"check_relay_stats", c_stats}, {NULL, NULL}};
