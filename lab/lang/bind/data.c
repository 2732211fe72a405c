/* C functions of the scenario language over data: units, profiles, boxes made from them, random streams, libraries. */
#include "lab/lang/bind/impl.h"

#include "lab/profile/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* unit(kind, value) -> integer, or nil and why. */
static int d_unit(lua_State *L)
{
    static const char *const KINDS[] = {"Time", "Rate", "Size", "Share", NULL};
    enum it_unit_kind kind = (enum it_unit_kind)luaL_checkoption(L, 1, NULL, KINDS);
    char err[IT_UNIT_MSG];
    int64_t v;
    if (lua_type(L, 2) == LUA_TSTRING && it_unit_parse(kind, lua_tostring(L, 2), &v, err) == 0) {
        lua_pushinteger(L, v);
        return 1;
    }
    if (lua_type(L, 2) == LUA_TNUMBER)
        it_unit_bare(kind, lua_tostring(L, 2), err);
    else if (lua_type(L, 2) != LUA_TSTRING)
        snprintf(err, sizeof err, "a %s where text with a unit belongs", luaL_typename(L, 2));
    lua_pushnil(L);
    lua_pushstring(L, err);
    return 2;
}

static const it_profiles *profiles(lua_State *L)
{
    return it_script_of(L)->cfg.profiles;
}

/* The sources of |p| as one text: each once, in order. */
static void push_sources(lua_State *L, const it_profile *p)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < p->n_src; i++) {
        size_t first = 0;
        while (strcmp(p->src[first].source, p->src[i].source) != 0)
            first++;
        if (first < i)
            continue;
        if (i > 0)
            luaL_addstring(&b, "; ");
        luaL_addstring(&b, p->src[i].source);
    }
    luaL_pushresult(&b);
}

static void push_chain(lua_State *L, const it_profile *p)
{
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (uint32_t i = 0; i < p->u.chain.n; i++) {
        if (i > 0)
            luaL_addstring(&b, ", then ");
        luaL_addstring(&b, p->u.chain.box[i]->name);
    }
    luaL_pushresult(&b);
}

static void push_profile(lua_State *L, const it_profile *p)
{
    static const char *const KINDS[] = {"nat", "firewall", "chain", "link"};
    bool handover = p->kind == IT_PROFILE_LINK && p->u.link.n_events > 0;
    lua_newtable(L);
    lua_pushstring(L, handover ? "handover" : KINDS[p->kind]);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, p->name);
    lua_setfield(L, -2, "name");
    if (p->kind == IT_PROFILE_CHAIN_OF && !*p->doc)
        push_chain(L, p);
    else
        lua_pushstring(L, p->doc);
    lua_setfield(L, -2, "doc");
    push_sources(L, p);
    lua_setfield(L, -2, "source");
}

/* profiles() -> list of { kind, name, doc, source } of every profile, kind by kind in the order of the file */
static int d_profiles(lua_State *L)
{
    const it_profile *p;
    lua_newtable(L);
    for (int kind = 0; kind < IT_PROFILE_KINDS; kind++)
        for (size_t i = 0; (p = it_profiles_nth(profiles(L), (enum it_profile_kind)kind, i)); i++) {
            push_profile(L, p);
            lua_seti(L, -2, luaL_len(L, -2) + 1);
        }
    return 1;
}

/* kind(name) -> "nat", "firewall", "chain", of a NAT its family (0, 64, 66); or nil and why. */
static int d_kind(lua_State *L)
{
    static const char *const NAMES[] = {"nat", "firewall", "chain", "link"};
    const char *name = luaL_checkstring(L, 1);
    const it_profile *p = it_profiles_box(profiles(L), name);
    if (p) {
        lua_pushstring(L, NAMES[p->kind]);
        lua_pushinteger(L, p->kind == IT_PROFILE_NAT ? p->u.nat.family : 0);
        return 2;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "no profile \"%s\"", name);
    return 2;
}

/* chain(name) -> list of box names, or nil when the name is no chain. */
static int d_chain(lua_State *L)
{
    const it_profile *p = it_profiles_box(profiles(L), luaL_checkstring(L, 1));
    if (!p || p->kind != IT_PROFILE_CHAIN_OF)
        return 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < p->u.chain.n; i++) {
        lua_pushstring(L, p->u.chain.box[i]->name);
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

/* The eighteen profiles of two axes: "eim-eif", "adm-apdf-nosession". */
static bool is_class(const char *name)
{
    static const char *const MAPPING[] = {"eim-", "adm-", "apdm-"};
    static const char *const FILTER[] = {"eif", "adf", "apdf"};
    for (int m = 0; m < 3; m++)
        for (int f = 0; f < 3; f++) {
            size_t n = strlen(MAPPING[m]), k = strlen(FILTER[f]);
            if (strncmp(name, MAPPING[m], n) == 0 && strncmp(name + n, FILTER[f], k) == 0 &&
                (name[n + k] == '\0' || strcmp(name + n + k, "-nosession") == 0))
                return true;
        }
    return false;
}

static void data_append(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_seti(L, -2, luaL_len(L, -2) + 1);
}

static void append_kind(lua_State *L, enum it_profile_kind kind)
{
    const it_profile *p;
    for (size_t i = 0; (p = it_profiles_nth(profiles(L), kind, i)); i++)
        data_append(L, p->name);
}

static void append_nats(lua_State *L, bool classes)
{
    const it_profile *p;
    for (size_t i = 0; (p = it_profiles_nth(profiles(L), IT_PROFILE_NAT, i)); i++) {
        bool plain_class = is_class(p->name) && !strstr(p->name, "-nosession");
        if (classes ? plain_class : !is_class(p->name) && p->u.nat.family == 0)
            data_append(L, p->name);
    }
}

/* names(what) -> list. */
static int d_names(lua_State *L)
{
    static const char *const WHAT[] = {"nat",   "firewall", "chain",  "link", "behind",
                                       "nat44", "classes",  "timers", NULL};
    int w = luaL_checkoption(L, 1, NULL, WHAT);
    lua_newtable(L);
    if (w < 4)
        append_kind(L, (enum it_profile_kind)w);
    if (w == 4)
        for (int k = 0; k < 3; k++)
            append_kind(L, (enum it_profile_kind)k);
    if (w == 5 || w == 6)
        append_nats(L, w == 6);
    for (int i = 0; w == 7 && it_timers_name(i); i++)
        data_append(L, it_timers_name(i));
    return 1;
}

int it_script_unsupported(lua_State *L, const char *name, const char *why)
{
    lua_newtable(L);
    lua_pushstring(L, "unsupported");
    lua_setfield(L, -2, "kind");
    lua_pushfstring(L, "%s: %s", name, why);
    lua_setfield(L, -2, "text");
    return lua_error(L);
}

const char *it_script_filter_name(uint8_t filtering)
{
    static const char *const FILTERS[] = {"EIF", "ADF", "APDF"};
    return FILTERS[filtering];
}

/* Tells the trace, if there is one, what NAT |name| is: by its behaviour towards UDP (RFC 4787 sections 4.1, 5). */
static void say_nat(it_trace *t, const char *name, const char *profile, const it_nat_profile *p)
{
    static const char *const MAPPINGS[] = {"EIM", "ADM", "APDM"};
    char class[32] = "NPTv6";
    if (p->family != 66)
        snprintf(class, sizeof class, "%s/%s", MAPPINGS[p->udp.mapping], it_script_filter_name(p->udp.filtering));
    if (t)
        it_trace_box(t, name, profile, class);
}

/* nat(name, profile, overrides or nil) -> node */
static int d_nat(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const it_profile *p = it_profiles_box(profiles(L), luaL_checkstring(L, 2));
    if (!p || p->kind != IT_PROFILE_NAT)
        return luaL_error(L, "no NAT profile \"%s\"", lua_tostring(L, 2));
    if (p->unsupported)
        return it_script_unsupported(L, p->name, p->unsupported);
    it_nat_profile prof = p->u.nat;
    char err[IT_PROFILE_ERR];
    if (lua_istable(L, 3) && it_nat_profile_set(&prof, L, 3, "nat.set", err) < 0)
        return luaL_error(L, "%s", err);
    const char *fault = it_nat_profile_fault(&prof);
    if (fault && fault == it_nat_profile_unbuilt(&prof))
        return it_script_unsupported(L, name, fault);
    if (fault)
        return luaL_error(L, "%s: %s", name, fault);
    it_nat *nat = it_nat_new(it_lab_world(it_script_of(L)->lab), name, &prof);
    if (!nat)
        return luaL_error(L, "cannot make %s: out of memory", name);
    say_nat(it_script_of(L)->cfg.trace, name, p->name, &prof);
    lua_pushinteger(L, it_nat_node(nat)->index);
    return 1;
}

/* nat_set(node, fields): from now on */
static int d_nat_set(lua_State *L)
{
    it_nat *nat = it_nat_of(it_script_node(L, 1));
    if (!nat)
        return luaL_error(L, "no NAT");
    it_nat_profile prof = *it_nat_profile_of(nat);
    char err[IT_PROFILE_ERR];
    if (it_nat_profile_set(&prof, L, 2, "set", err) < 0)
        return luaL_error(L, "%s", err);
    const char *fault = it_nat_profile_fault(&prof);
    if (fault && fault == it_nat_profile_unbuilt(&prof))
        return it_script_unsupported(L, it_nat_node(nat)->name, fault);
    int rc = fault ? IT_ERR_RANGE : it_nat_set(nat, &prof);
    if (rc == IT_ERR_RANGE)
        return luaL_error(L, "set: %s", fault ? fault : "pool, port blocks and one2one are fixed while a NAT runs");
    it_script_check(L, rc, "set");
    return 0;
}

static int d_pool_size(lua_State *L)
{
    it_nat *nat = it_nat_of(it_script_node(L, 1));
    lua_pushinteger(L, nat ? it_nat_profile_of(nat)->pool.size : 1);
    return 1;
}

/* random(stream, lo, hi): the next number of a stream. */
static int d_random(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *name = luaL_checkstring(L, 1);
    size_t i = 0;
    while (i < s->n_rngs && strcmp(s->rngs[i].name, name) != 0)
        i++;
    if (i == s->n_rngs) {
        if (it_grow(s->alloc, &s->rngs, &s->cap_rngs, i + 1, sizeof *s->rngs) < 0)
            return luaL_error(L, "not enough memory");
        snprintf(s->rngs[i].name, sizeof s->rngs[i].name, "%s", name);
        it_rng_init(&s->rngs[i].rng, s->cfg.seed, name);
        s->n_rngs++;
    }
    lua_pushinteger(L, it_rng_range(&s->rngs[i].rng, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3)));
    return 1;
}

/* random_at(before, stream, lo, hi): the first number of a stream, under the seed of |before| repetitions ago. Nothing
 * is kept of it: any of a million streams may be asked, in any order. */
static int d_random_at(lua_State *L)
{
    it_rng r;
    it_rng_init(&r, it_script_of(L)->cfg.seed - (uint64_t)luaL_checkinteger(L, 1), luaL_checkstring(L, 2));
    lua_pushinteger(L, it_rng_range(&r, luaL_checkinteger(L, 3), luaL_checkinteger(L, 4)));
    return 1;
}

/* Reads lib_dir/NAME.lua; pushes its text and chunk name, or returns 0. */
static int file_library(lua_State *L, const char *name)
{
    it_script *s = it_script_of(L);
    char path[4096];
    if (!s->cfg.lib_dir || snprintf(path, sizeof path, "%s/%s.lua", s->cfg.lib_dir, name) >= (int)sizeof path)
        return 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (;;) {
        char *room = luaL_prepbuffer(&b);
        size_t n = fread(room, 1, LUAL_BUFFERSIZE, f);
        luaL_addsize(&b, n);
        if (n == 0)
            break;
    }
    bool bad = ferror(f);
    fclose(f);
    luaL_pushresult(&b);
    if (bad)
        return luaL_error(L, "%s: %s", path, strerror(errno));
    lua_pushfstring(L, "@%s", path);
    return 2;
}

/* library(name) -> text or bytecode, chunk name, "t" or "b"; nothing when there is none. One of that name beside the
 * scenario comes before a built-in one. */
static int d_library(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (file_library(L, name) > 0) {
        lua_pushliteral(L, "t");
        return 3;
    }
    it_bytes code = it_code_library(it_script_of(L)->code, name);
    if (code.n == 0)
        return 0;
    lua_pushlstring(L, (const char *)code.p, code.n);
    lua_pushfstring(L, "@lib/%s.lua", name);
    lua_pushliteral(L, "b");
    return 3;
}

const luaL_Reg IT_SCRIPT_DATA[] = {
    {"unit", d_unit},           {"profiles", d_profiles},   {"kind", d_kind},
    {"chain", d_chain},         {"names", d_names},         {"nat", d_nat},
    {"nat_set", d_nat_set},     {"pool_size", d_pool_size}, {"random", d_random},
    {"random_at", d_random_at}, {"library", d_library},     {NULL, NULL},
};
