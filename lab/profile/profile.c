/* The loader of the profile file: a Lua state of its own, the four calls of the file, and the registry they fill. */
#include "lab/profile/impl.h"

#include "base/text/near.h"
#include "base/table/map.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#define MEMORY_MAX ((size_t)16 << 20)
#define INSTRUCTIONS_MAX 10000000
#define FILE_NAME "profiles.lua"
#define SRC_MAX 32

typedef struct block { /* of the arena: strings, sources and profiles live as long as the registry */
    struct block *next;
    uint64_t align;
} block;

typedef struct list {
    it_profile **v;
    size_t n, cap;
} list;

struct it_profiles {
    it_alloc *alloc;
    block *blocks;
    list kinds[IT_PROFILE_KINDS];
    it_nat_profile defaults;
};

typedef struct loader {
    it_profiles *ps;
    size_t used; /* bytes of the Lua state */
    char err[IT_PROFILE_ERR];
} loader;

static const char *const KIND_NAMES[IT_PROFILE_KINDS] = {"nat", "firewall", "chain", "link"};

/* --- the arena --- */

static void *arena(it_profiles *ps, size_t size)
{
    block *b = it_calloc(ps->alloc, 1, sizeof *b + size);
    if (!b)
        return NULL;
    b->next = ps->blocks;
    ps->blocks = b;
    return b + 1;
}

static const char *arena_text(it_profiles *ps, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = arena(ps, n);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

/* --- looking up --- */

static const it_profile *find_in(const list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i]->name, name) == 0)
            return l->v[i];
    return NULL;
}

const it_profile *it_profiles_box(const it_profiles *ps, const char *name)
{
    const it_profile *p = find_in(&ps->kinds[IT_PROFILE_NAT], name);
    if (!p)
        p = find_in(&ps->kinds[IT_PROFILE_FIREWALL], name);
    return p ? p : find_in(&ps->kinds[IT_PROFILE_CHAIN_OF], name);
}

const it_profile *it_profiles_link(const it_profiles *ps, const char *name)
{
    return find_in(&ps->kinds[IT_PROFILE_LINK], name);
}

const it_profile *it_profiles_nth(const it_profiles *ps, enum it_profile_kind kind, size_t i)
{
    return i < ps->kinds[kind].n ? ps->kinds[kind].v[i] : NULL;
}

size_t it_profiles_count(const it_profiles *ps, enum it_profile_kind kind)
{
    return ps->kinds[kind].n;
}

const it_profile *it_profiles_near(const it_profiles *ps, const char *name, unsigned kinds)
{
    const it_profile *found = NULL;
    it_near n;
    it_near_init(&n, name);
    for (int k = 0; k < IT_PROFILE_KINDS; k++) {
        for (size_t i = 0; kinds >> k & 1 && i < ps->kinds[k].n; i++) {
            const char *before = n.best;
            it_near_try(&n, ps->kinds[k].v[i]->name);
            if (n.best != before)
                found = ps->kinds[k].v[i];
        }
    }
    return found;
}

/* --- the calls of the file --- */

static loader *loader_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* Raises |text| with the line of the call. */
static int raise(lua_State *L, const char *text)
{
    luaL_where(L, 1);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    return lua_error(L);
}

static int no_memory(lua_State *L)
{
    return raise(L, "out of memory");
}

/* Raises what |c| says unless |err| is 0. */
static void profile_check(lua_State *L, const it_key_ctx *c, int err)
{
    if (err < 0)
        raise(L, c->err);
}

/* The string under |name| in the table at 1, or "" when there is none; lives as long as the table. */
static const char *text_of(lua_State *L, it_key_ctx *c, const char *name)
{
    const char *text = "";
    if (!it_keys_get(L, 1, name))
        return text;
    if (lua_type(L, -1) == LUA_TSTRING) {
        text = lua_tostring(L, -1);
    } else {
        it_keys_fail(c, "%s is a text", name);
        raise(L, c->err);
    }
    lua_pop(L, 1);
    return text;
}

static void check_name(lua_State *L, const char *kind, const char *name)
{
    char msg[IT_PROFILE_ERR];
    size_t n = strlen(name);
    /* The names of scenarios: they stand in file names and case ids. */
    if (n > 0 && n < 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n)
        return;
    snprintf(msg, sizeof msg, "%s: \"%.60s\" is no name; names are of a-z, 0-9 and -", kind, name);
    raise(L, msg);
}

/* A new profile of |kind| with the name and text of the table at 1, not in the registry yet. Sets |c| up for its
 * fields. */
static it_profile *begin_profile(lua_State *L, enum it_profile_kind kind, it_key_ctx *c)
{
    static const char *const SKIP[] = {"doc", "src", "inherit", NULL};
    it_profiles *ps = loader_of(L)->ps;
    lua_Debug ar;
    *c = (it_key_ctx){.L = L, .err = loader_of(L)->err, .skip = SKIP, .skip_first = true};
    snprintf(c->path, sizeof c->path, "%s", KIND_NAMES[kind]);
    if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TTABLE || lua_rawgeti(L, 1, 1) != LUA_TSTRING) {
        it_keys_fail(c, "takes one table whose first element is the name");
        raise(L, c->err);
    }
    const char *name = lua_tostring(L, -1);
    lua_pop(L, 1);
    check_name(L, KIND_NAMES[kind], name);
    snprintf(c->path, sizeof c->path, "%s.%s", KIND_NAMES[kind], name);
    if (kind == IT_PROFILE_LINK ? !!it_profiles_link(ps, name) : !!it_profiles_box(ps, name)) {
        it_keys_fail(c, "the name is used twice");
        raise(L, c->err);
    }
    it_profile *p = arena(ps, sizeof *p);
    if (!p || !(p->name = arena_text(ps, name)) || !(p->doc = arena_text(ps, text_of(L, c, "doc"))))
        no_memory(L);
    p->kind = kind;
    p->parent = "";
    if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "l", &ar))
        p->line = ar.currentline;
    return p;
}

/* Reads {fact, source, confidence} on top of the stack. */
static void read_src(lua_State *L, it_key_ctx *c, it_profile_src *src)
{
    static const char *const CONF[] = {"M", "R", "D", "H", "M*", "L"};
    it_profiles *ps = loader_of(L)->ps;
    const char *text[3];
    for (int i = 0; i < 3; i++) {
        if (lua_type(L, -1) != LUA_TTABLE || lua_rawgeti(L, -1, i + 1) != LUA_TSTRING) {
            it_keys_fail(c, "a source is { fact, source, confidence }");
            raise(L, c->err);
        }
        text[i] = arena_text(ps, lua_tostring(L, -1));
        lua_pop(L, 1);
        if (!text[i])
            no_memory(L);
    }
    *src = (it_profile_src){text[0], text[1], text[2]};
    for (size_t i = 0; i < sizeof CONF / sizeof *CONF; i++)
        if (strcmp(CONF[i], src->conf) == 0)
            return;
    it_keys_fail(c, "\"%.20s\" is no confidence; one of M, R, D, H, M*, L", src->conf);
    raise(L, c->err);
}

static void read_sources(lua_State *L, it_key_ctx *c, it_profile *p)
{
    it_profile_src *src;
    if (!it_keys_get(L, 1, "src"))
        return;
    size_t n = lua_type(L, -1) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    if (n == 0 || n > SRC_MAX) {
        it_keys_fail(c, "src is a list of { fact, source, confidence }");
        raise(L, c->err);
    }
    src = arena(loader_of(L)->ps, n * sizeof *src);
    if (!src)
        no_memory(L);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        read_src(L, c, &src[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    p->src = src;
    p->n_src = n;
}

/* Puts |p| into the registry: from now on it can be found. */
static int profile_finish(lua_State *L, it_key_ctx *c, it_profile *p)
{
    it_profiles *ps = loader_of(L)->ps;
    list *l = &ps->kinds[p->kind];
    read_sources(L, c, p);
    if (it_grow(ps->alloc, &l->v, &l->cap, l->n + 1, sizeof *l->v) < 0)
        return no_memory(L);
    l->v[l->n++] = p;
    return 0;
}

/* The parent that the table at 1 names, NULL when it names none. */
static const it_profile *parent_of(lua_State *L, it_key_ctx *c, enum it_profile_kind kind)
{
    const it_profiles *ps = loader_of(L)->ps;
    const char *name = text_of(L, c, "inherit");
    if (!name[0])
        return NULL;
    const it_profile *parent = find_in(&ps->kinds[kind], name);
    if (parent)
        return parent;
    /* Parents come first, so there are no cycles. */
    const it_profile *guess = it_profiles_near(ps, name, 1u << kind);
    if (guess)
        it_keys_fail(c, "no parent \"%.40s\" above this line; did you mean \"%s\"?", name, guess->name);
    else
        it_keys_fail(c, "no parent \"%.40s\" above this line", name);
    raise(L, c->err);
    return NULL;
}

static int l_nat(lua_State *L)
{
    it_key_ctx c;
    it_profile *p = begin_profile(L, IT_PROFILE_NAT, &c);
    const it_profile *parent = parent_of(L, &c, IT_PROFILE_NAT);
    p->u.nat = parent ? parent->u.nat : loader_of(L)->ps->defaults;
    if (parent)
        p->parent = parent->name;
    profile_check(L, &c, it_keys_read(&c, 1, it_keys_nat, &p->u.nat));
    profile_check(L, &c, it_keys_finish_nat(&c, &p->u.nat));
    p->unsupported = it_nat_profile_fault(&p->u.nat);
    return profile_finish(L, &c, p);
}

static int l_defaults(lua_State *L)
{
    it_nat_profile *d = &loader_of(L)->ps->defaults;
    it_key_ctx c = {.L = L, .err = loader_of(L)->err};
    snprintf(c.path, sizeof c.path, "defaults");
    luaL_checktype(L, 1, LUA_TTABLE);
    profile_check(L, &c, it_keys_read(&c, 1, it_keys_nat, d));
    profile_check(L, &c, it_keys_finish_nat(&c, d));
    return 0;
}

static int l_firewall(lua_State *L)
{
    it_key_ctx c;
    it_profile *p = begin_profile(L, IT_PROFILE_FIREWALL, &c);
    const it_profile *parent = parent_of(L, &c, IT_PROFILE_FIREWALL);
    it_fw_profile_init(&p->u.fw.fw);
    if (parent) {
        p->u.fw = parent->u.fw;
        p->parent = parent->name;
    }
    profile_check(L, &c, it_keys_read(&c, 1, it_keys_fw, &p->u.fw));
    profile_check(L, &c, it_keys_finish_fw(&c, &p->u.fw));
    return profile_finish(L, &c, p);
}

static int l_link(lua_State *L)
{
    it_key_ctx c;
    it_profile *p = begin_profile(L, IT_PROFILE_LINK, &c);
    const it_profile *parent = parent_of(L, &c, IT_PROFILE_LINK);
    it_link_profile before;
    memset(&before, 0, sizeof before);
    if (parent) {
        before = parent->u.link;
        p->parent = parent->name;
    }
    p->u.link = before;
    profile_check(L, &c, it_keys_read(&c, 1, it_keys_link, &p->u.link));
    profile_check(L, &c, it_keys_finish_link(&c, &p->u.link, &before));
    return profile_finish(L, &c, p);
}

static int l_chain(lua_State *L)
{
    static const it_key NONE[] = {{NULL, 0, 0, NULL, 0, 0}};
    it_key_ctx c;
    it_profile *p = begin_profile(L, IT_PROFILE_CHAIN_OF, &c);
    size_t n = lua_rawlen(L, 1);
    if (n < 2 || n - 1 > IT_PROFILE_CHAIN) {
        it_keys_fail(&c, "a chain has 1 to %d boxes behind its name, host outwards", IT_PROFILE_CHAIN);
        raise(L, c.err);
    }
    for (size_t i = 2; i <= n; i++) {
        const char *name = lua_rawgeti(L, 1, (lua_Integer)i) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
        const it_profile *box = it_profiles_box(loader_of(L)->ps, name);
        if (!box || box->kind == IT_PROFILE_CHAIN_OF) {
            it_keys_fail(&c, "no box \"%.40s\" above this line", name);
            raise(L, c.err);
        }
        lua_pop(L, 1);
        if (box->unsupported)
            p->unsupported = box->unsupported;
        p->u.chain.box[p->u.chain.n++] = box;
        lua_pushnil(L);
        lua_rawseti(L, 1, (lua_Integer)i);
    }
    profile_check(L, &c, it_keys_read(&c, 1, NONE, p));
    return profile_finish(L, &c, p);
}

/* --- the state --- */

static void *lua_memory(void *self, void *p, size_t old, size_t size)
{
    loader *l = self;
    if (!p)
        old = 0;
    if (size > old && l->used + (size - old) > MEMORY_MAX)
        return NULL;
    if (size == 0) {
        it_free(l->ps->alloc, p);
        l->used -= old;
        return NULL;
    }
    void *q = it_realloc(l->ps->alloc, p, 1, size);
    if (q)
        l->used += size - old;
    else if (size <= old)
        return p; /* Lua relies on shrinking never to fail */
    return q;
}

static void too_long(lua_State *L, lua_Debug *ar)
{
    /* Level 0, where the hook found it; luaL_error would say who called that. */
    if (lua_getinfo(L, "Sl", ar) && ar->currentline > 0)
        lua_pushfstring(L, "%s:%d: more than %d instructions", ar->short_src, ar->currentline, INSTRUCTIONS_MAX);
    else
        lua_pushfstring(L, "more than %d instructions", INSTRUCTIONS_MAX);
    lua_error(L);
}

/* The base functions that reach nothing outside. */
static void open_base(lua_State *L)
{
    static const char *const GONE[] = {"collectgarbage", "dofile", "load",   "loadfile", "print",
                                       "warn",           "pcall",  "xpcall", "_G",       NULL};
    luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "random"); /* differs from run to run */
    lua_pushnil(L);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 4);
    for (int i = 0; GONE[i]; i++) {
        lua_pushnil(L);
        lua_setglobal(L, GONE[i]);
    }
}

/* Runs the file: the loader and the text are arguments 1 and 2. */
static int run_file(lua_State *L)
{
    static const luaL_Reg CALLS[] = {{"nat", l_nat},   {"firewall", l_firewall}, {"chain", l_chain},
                                     {"link", l_link}, {"defaults", l_defaults}, {NULL, NULL}};
    void *self = lua_touserdata(L, 1);
    const it_bytes *text = lua_touserdata(L, 2);
    open_base(L);
    for (const luaL_Reg *r = CALLS; r->name; r++) {
        lua_pushlightuserdata(L, self);
        lua_pushcclosure(L, r->func, 1);
        lua_setglobal(L, r->name);
    }
    if (luaL_loadbufferx(L, (const char *)text->p, text->n, "=" FILE_NAME, "t") != LUA_OK)
        return lua_error(L);
    lua_sethook(L, too_long, LUA_MASKCOUNT, INSTRUCTIONS_MAX);
    lua_call(L, 0, 0);
    return 0;
}

static int run_state(loader *l, it_bytes text, char err[IT_PROFILE_ERR])
{
    lua_State *L = lua_newstate(lua_memory, l);
    snprintf(err, IT_PROFILE_ERR, FILE_NAME ": out of memory");
    if (!L)
        return IT_ERR_NOMEM;
    lua_pushcfunction(L, run_file);
    lua_pushlightuserdata(L, l);
    lua_pushlightuserdata(L, &text);
    int status = lua_pcall(L, 2, 0, 0);
    if (status != LUA_OK && status != LUA_ERRMEM) {
        const char *said = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without text";
        bool placed = strncmp(said, FILE_NAME ":", sizeof FILE_NAME) == 0;
        snprintf(err, IT_PROFILE_ERR, "%s%s", placed ? "" : FILE_NAME ": ", said);
    }
    lua_close(L);
    return status == LUA_OK ? 0 : IT_ERR_PARSE;
}

it_profiles *it_profiles_load(it_alloc *alloc, const char *text, size_t n, char err[IT_PROFILE_ERR])
{
    it_profiles *ps = it_calloc(alloc, 1, sizeof *ps);
    if (!ps) {
        snprintf(err, IT_PROFILE_ERR, FILE_NAME ": out of memory");
        return NULL;
    }
    ps->alloc = alloc;
    it_nat_profile_init(&ps->defaults);
    loader l = {.ps = ps};
    if (run_state(&l, it_bytes_of(text, n), err) < 0) {
        it_profiles_free(ps);
        return NULL;
    }
    err[0] = '\0';
    return ps;
}

extern const unsigned char it_embed_profiles[];
extern const size_t it_embed_profiles_size;

it_profiles *it_profiles_builtin(it_alloc *alloc, char err[IT_PROFILE_ERR])
{
    return it_profiles_load(alloc, (const char *)it_embed_profiles, it_embed_profiles_size, err);
}

void it_profiles_free(it_profiles *ps)
{
    if (!ps)
        return;
    it_alloc *a = ps->alloc;
    for (block *b = ps->blocks, *next; b; b = next) {
        next = b->next;
        it_free(a, b);
    }
    for (int k = 0; k < IT_PROFILE_KINDS; k++)
        it_free(a, ps->kinds[k].v);
    it_free(a, ps);
}

/* --- overrides --- */

int it_nat_profile_set(it_nat_profile *p, lua_State *L, int index, const char *where, char err[IT_PROFILE_ERR])
{
    it_key_ctx c = {.L = L, .err = err};
    it_nat_profile q = *p;
    snprintf(c.path, sizeof c.path, "%s", where);
    int e = it_keys_read(&c, lua_absindex(L, index), it_keys_nat, &q);
    if (e == 0)
        e = it_keys_finish_nat(&c, &q);
    if (e == 0)
        *p = q;
    return e;
}

int it_fw_profile_set(it_access_profile *p, lua_State *L, int index, const char *where, char err[IT_PROFILE_ERR])
{
    it_key_ctx c = {.L = L, .err = err};
    it_access_profile q = *p;
    snprintf(c.path, sizeof c.path, "%s", where);
    int e = it_keys_read(&c, lua_absindex(L, index), it_keys_fw, &q);
    if (e == 0)
        e = it_keys_finish_fw(&c, &q);
    if (e == 0)
        *p = q;
    return e;
}

int it_link_profile_set(it_link_profile *p, lua_State *L, int index, const char *where, char err[IT_PROFILE_ERR])
{
    it_key_ctx c = {.L = L, .err = err, .skip_first = true};
    it_link_profile q = *p;
    snprintf(c.path, sizeof c.path, "%s", where);
    int e = it_keys_read(&c, lua_absindex(L, index), it_keys_link, &q);
    if (e == 0)
        e = it_keys_finish_link(&c, &q, p);
    if (e == 0)
        *p = q;
    return e;
}
