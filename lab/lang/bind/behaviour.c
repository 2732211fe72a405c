/* Behaviours of ICE agents as tables: a named one for the script, the one that a script has made for model B. */
#include "lab/lang/bind/impl.h"

#include <stdio.h>
#include <string.h>

/* The switches of a behaviour. */
static const struct {
    const char *name;
    size_t offset;
} SWITCHES[] = {
    {"lite", offsetof(it_ice_behaviour, lite)},
    {"consent_nominates", offsetof(it_ice_behaviour, consent_nominates)},
    {"consent_fixed", offsetof(it_ice_behaviour, consent_fixed)},
    {"consent_needs_use", offsetof(it_ice_behaviour, consent_needs_use)},
    {"renominates", offsetof(it_ice_behaviour, renominates)},
    {"switches", offsetof(it_ice_behaviour, switches)},
    {"continual", offsetof(it_ice_behaviour, continual)},
    {"fresh", offsetof(it_ice_behaviour, fresh)},
    {"shared_creds", offsetof(it_ice_behaviour, shared_creds)},
    {"sped", offsetof(it_ice_behaviour, sped)},
};

static void set_word(lua_State *L, const char *key, const char *word)
{
    lua_pushstring(L, word);
    lua_setfield(L, -2, key);
}

/* behaviour("name") -> { field = value }; nothing for an unknown name */
static int p_behaviour(lua_State *L)
{
    it_ice_behaviour b;
    if (!it_ice_behaviour_named(&b, luaL_checkstring(L, 1)))
        return 0;
    lua_newtable(L);
    for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++) {
        bool v;
        memcpy(&v, (const char *)&b + SWITCHES[i].offset, sizeof v);
        lua_pushboolean(L, v);
        lua_setfield(L, -2, SWITCHES[i].name);
    }
    set_word(L, "nomination", it_ice_nomination_name(b.nomination));
    set_word(L, "conflict", it_ice_conflict_name(b.conflict));
    set_word(L, "role", it_ice_role_name(b.role));
    return 1;
}

/* behaviours() -> list of { name, source } */
static int p_behaviours(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; it_ice_behaviour_name(i); i++) {
        lua_newtable(L);
        set_word(L, "name", it_ice_behaviour_name(i));
        set_word(L, "source", it_ice_behaviour_source(i));
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

static const char *nomination_at(int i)
{
    return i < IT_ICE_NOMINATIONS ? it_ice_nomination_name((enum it_ice_nomination)i) : NULL;
}

static const char *conflict_at(int i)
{
    return i < IT_ICE_CONFLICTS ? it_ice_conflict_name((enum it_ice_conflict)i) : NULL;
}

static const char *role_at(int i)
{
    return i < IT_ICE_ROLES ? it_ice_role_name((enum it_ice_role)i) : NULL;
}

/* The number of the word in field |key| of the table on top, of those that |at| names; 0 when it is absent. */
static int word_in(lua_State *L, const char *key, const char *(*at)(int i))
{
    int found = -1;
    lua_getfield(L, -1, key);
    const char *word = lua_tostring(L, -1);
    for (int i = 0; word && at(i); i++)
        if (strcmp(word, at(i)) == 0)
            found = i;
    if (word && found < 0)
        return luaL_error(L, "behaviour.%s: no \"%s\"", key, word);
    lua_pop(L, 1);
    return word ? found : 0;
}

it_ice_behaviour it_script_behaviour(lua_State *L, int index)
{
    it_ice_behaviour b = {.nomination = IT_ICE_REGULAR};
    if (lua_getfield(L, index, "behaviour") == LUA_TTABLE) {
        for (size_t i = 0; i < sizeof SWITCHES / sizeof *SWITCHES; i++) {
            bool v = it_script_bool(L, -1, SWITCHES[i].name);
            memcpy((char *)&b + SWITCHES[i].offset, &v, sizeof v);
        }
        b.nomination = (enum it_ice_nomination)word_in(L, "nomination", nomination_at);
        b.conflict = (enum it_ice_conflict)word_in(L, "conflict", conflict_at);
        b.role = (enum it_ice_role)word_in(L, "role", role_at);
        b.has_tiebreaker = lua_getfield(L, -1, "tiebreaker") == LUA_TNUMBER;
        b.tiebreaker = (uint64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return b;
}

const luaL_Reg IT_SCRIPT_BEHAVIOUR[] = {
    {"behaviour", p_behaviour},
    {"behaviours", p_behaviours},
    {NULL, NULL},
};
