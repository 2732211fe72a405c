/* The trips before something came, for the script (netsim/see/trips.h). */
#include "lab/lang/bind/impl.h"
#include "netsim/see/trips.h"

/* trips_begin(near, far): those of a call between them are seen from now on. A second time changes nothing. */
static int p_begin(lua_State *L)
{
    it_script *s = it_script_of(L);
    const it_node *ends[2] = {it_host_node(it_script_host(L, 1)), it_host_node(it_script_host(L, 2))};
    if (!s->trips)
        s->trips = it_trips_new(s->alloc, it_lab_world(s->lab), ends);
    it_script_check(L, s->trips ? 0 : IT_ERR_NOMEM, "trips");
    return 0;
}

/* trips_carried(from, left, to, what): a message of |from|'s that left at |left| has come to |to| by no packet */
static int p_carried(lua_State *L)
{
    it_script *s = it_script_of(L);
    const it_node *from = it_host_node(it_script_host(L, 1)), *to = it_host_node(it_script_host(L, 3));
    if (s->trips)
        it_trips_carried(s->trips, from, luaL_checkinteger(L, 2), to, it_lab_now(s->lab), luaL_checkstring(L, 4));
    return 0;
}

static void set_trip(lua_State *L, const it_trip *t)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, t->from->name);
    lua_setfield(L, -2, "from");
    lua_pushstring(L, t->to->name);
    lua_setfield(L, -2, "to");
    if (t->via) {
        lua_pushstring(L, t->via->name);
        lua_setfield(L, -2, "via");
    }
    lua_pushinteger(L, t->left);
    lua_setfield(L, -2, "left");
    lua_pushinteger(L, t->came);
    lua_setfield(L, -2, "came");
    lua_pushstring(L, t->what);
    lua_setfield(L, -2, "what");
}

/* trips_row(at, other, when, since) -> list of { from, to, via, left, came, what }, the oldest first */
static int p_row(lua_State *L)
{
    it_trip row[IT_TRIPS_MAX];
    it_script *s = it_script_of(L);
    it_trips_ask ask = {.at = it_host_node(it_script_host(L, 1)),
                        .other = it_host_node(it_script_host(L, 2)),
                        .when = luaL_checkinteger(L, 3),
                        .since = luaL_checkinteger(L, 4)};
    int n = s->trips ? it_trips_row(s->trips, &ask, row) : 0;
    it_script_check(L, s->trips && it_trips_oom(s->trips) ? IT_ERR_NOMEM : 0, "trips");
    lua_createtable(L, n, 0);
    for (int i = 0; i < n; i++) {
        set_trip(L, &row[i]);
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

const luaL_Reg IT_SCRIPT_TRIPS[] = {
    {"trips_begin", p_begin},
    {"trips_carried", p_carried},
    {"trips_row", p_row},
    {NULL, NULL},
};
