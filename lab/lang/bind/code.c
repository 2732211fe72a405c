/* Compiling the embedded Lua. */
#include "lab/lang/bind/code.h"

#include "base/text/str.h"

#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>

#include <stdio.h>
#include <string.h>

/* The parts of the language and the libraries, embedded by the build. */
#define PART(name)                                                                                                     \
    extern const unsigned char it_embed_##name[];                                                                      \
    extern const size_t it_embed_##name##_size;
PART(base)
PART(vocab)
PART(schema)
PART(sched)
PART(sources)
PART(nets)
PART(topo)
PART(links)
PART(peers)
PART(rtmfp)
PART(a)
PART(calls_c)
PART(separate)
PART(signaling)
PART(judge)
PART(trouble)
PART(power)
PART(streams)
PART(service)
PART(walls)
PART(populations)
PART(sampling)
PART(draw)
PART(survey)
PART(curves)
PART(counting)
PART(hypo)
PART(attack)
PART(catalog)
PART(editor)
PART(tank)
PART(ice)
PART(c)
PART(d)
PART(population)
PART(tradeoff)
PART(cost)

typedef struct source {
    const char *name, *chunk;
    const unsigned char *text;
    const size_t *size;
} source;

#define OWN(name)                                                                                                      \
    {                                                                                                                  \
#name, "=[icetank]", it_embed_##name, &it_embed_##name##_size                                                  \
    }

/* Parts first, then libraries. */
static const source SOURCES[] = {
    OWN(base),
    OWN(vocab),
    OWN(schema),
    OWN(sched),
    OWN(sources),
    OWN(nets),
    OWN(topo),
    OWN(links),
    OWN(peers),
    OWN(rtmfp),
    OWN(a),
    OWN(calls_c),
    OWN(signaling),
    OWN(judge),
    OWN(trouble),
    OWN(power),
    OWN(streams),
    OWN(service),
    OWN(walls),
    OWN(populations),
    OWN(sampling),
    OWN(draw),
    OWN(survey),
    OWN(curves),
    OWN(counting),
    OWN(hypo),
    OWN(attack),
    OWN(catalog),
    OWN(editor),
    OWN(separate),
    OWN(tank),
    {"ice", "@lib/ice.lua", it_embed_ice, &it_embed_ice_size},
    {"c", "@lib/c.lua", it_embed_c, &it_embed_c_size},
    {"d", "@lib/d.lua", it_embed_d, &it_embed_d_size},
    {"population", "@lib/population.lua", it_embed_population, &it_embed_population_size},
    {"tradeoff", "@lib/tradeoff.lua", it_embed_tradeoff, &it_embed_tradeoff_size},
    {"cost", "@lib/cost.lua", it_embed_cost, &it_embed_cost_size},
};
#define N_SOURCES (sizeof SOURCES / sizeof *SOURCES)
enum { LIBRARIES = 6 }; /* at the end of SOURCES */
_Static_assert(N_SOURCES == IT_CODE_PARTS + LIBRARIES, "IT_CODE_PARTS counts the parts");

struct it_code {
    it_alloc *alloc;
    it_str code[N_SOURCES];
};

static void *code_realloc(void *ud, void *p, size_t old, size_t size)
{
    (void)old;
    if (size > 0)
        return it_realloc(ud, p, 1, size);
    it_free(ud, p);
    return NULL;
}

static int code_write(lua_State *L, const void *p, size_t n, void *out)
{
    (void)L;
    it_str_put(out, p, n);
    return ((it_str *)out)->oom;
}

/* Parts leave without lines and names of variables, a quarter of what an empty case costs: errors are told at lines of
 * scripts and of libraries, which begin with '@'. */
static int code_compile(lua_State *L, const source *s, it_str *out)
{
    int status = luaL_loadbufferx(L, (const char *)s->text, *s->size, s->chunk, "t");
    if (status == LUA_ERRMEM)
        return IT_ERR_NOMEM;
    if (status != LUA_OK) {
        fprintf(stderr, "icetank: internal error: %s: %s\n", s->name, lua_tostring(L, -1));
        return IT_ERR_PARSE;
    }
    int failed = lua_dump(L, code_write, out, *s->chunk != '@');
    lua_settop(L, 0);
    return failed ? IT_ERR_NOMEM : 0;
}

it_code *it_code_new(it_alloc *alloc)
{
    it_code *c = it_calloc(alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->alloc = alloc;
    for (size_t i = 0; i < N_SOURCES; i++)
        it_str_init(&c->code[i], alloc);
    lua_State *L = lua_newstate(code_realloc, alloc);
    int rc = L ? 0 : IT_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < N_SOURCES; i++)
        rc = code_compile(L, &SOURCES[i], &c->code[i]);
    if (L)
        lua_close(L);
    if (rc == 0)
        return c;
    it_code_free(c);
    return NULL;
}

void it_code_free(it_code *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < N_SOURCES; i++)
        it_str_fini(&c->code[i]);
    it_free(c->alloc, c);
}

const char *it_code_part_name(int i)
{
    return SOURCES[i].name;
}

it_bytes it_code_part(const it_code *c, int i)
{
    return it_bytes_of(c->code[i].p, c->code[i].n);
}

it_bytes it_code_library(const it_code *c, const char *name)
{
    for (size_t i = IT_CODE_PARTS; i < N_SOURCES; i++)
        if (strcmp(SOURCES[i].name, name) == 0)
            return it_bytes_of(c->code[i].p, c->code[i].n);
    return it_bytes_of(NULL, 0);
}
