/* Keys of a Lua table that may not be there, and the nearest right ones. Only raw access, as in read.c. */
#include "lab/profile/impl.h"

#include "base/text/near.h"

#include <lua.h>
#include <stdio.h>
#include <string.h>

#define UNKNOWN 40 /* bytes of an unknown key that a message says, with NUL */

/* The key nearest to |name|, or NULL when none is near. */
static const char *near_key(const it_key *keys, const char *name)
{
    it_near n;
    it_near_init(&n, name);
    for (; keys->name; keys++)
        it_near_try(&n, keys->name);
    return n.best;
}

/* Whether |name| is one of |keys|, or of those that the caller of the outermost table reads. */
static bool is_known(const it_key_ctx *c, const it_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return true;
    for (const char *const *s = c->depth == 0 ? c->skip : NULL; s && *s; s++)
        if (strcmp(*s, name) == 0)
            return true;
    return false;
}

/* Whether the key below the top of the stack is the element 1 that |c| passes over. */
static bool is_skipped_first(const it_key_ctx *c)
{
    bool top = c->depth == 0 && c->skip_first;
    return top && lua_isinteger(c->L, -2) && lua_tointeger(c->L, -2) == 1;
}

/* Finds a key of the table at |index| that may not be there: the first in order of name, "" when there is none. */
static int find_unknown(it_key_ctx *c, int index, const it_key *keys, char worst[UNKNOWN])
{
    lua_State *L = c->L;
    *worst = '\0';
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (is_skipped_first(c))
            continue;
        if (lua_type(L, -2) != LUA_TSTRING) {
            lua_pop(L, 2);
            return it_keys_fail(c, "a value without a name");
        }
        const char *name = lua_tostring(L, -2);
        if (is_known(c, keys, name))
            continue;
        if (!*worst || strncmp(name, worst, UNKNOWN - 1) < 0)
            snprintf(worst, UNKNOWN, "%s", name[0] ? name : "?");
    }
    return 0;
}

int it_keys_refuse(it_key_ctx *c, int index, const it_key *keys)
{
    char worst[UNKNOWN];
    int err = find_unknown(c, index, keys, worst);
    if (err)
        return err;
    if (!worst[0])
        return 0;
    const char *guess = near_key(keys, worst);
    if (guess)
        return it_keys_fail(c, "no field \"%s\"; did you mean \"%s\"?", worst, guess);
    return it_keys_fail(c, "no field \"%s\"", worst);
}
