/* Lua's patterns, counted: string.find, match, gmatch and gsub for scripts that are not trusted.
 *
 * A pattern with several repetitions tries every way to divide the text among them, in C, where Lua's limit on
 * instructions does not look: thirty characters can take years. These functions do what the manual of Lua 5.4 says in
 * section 6.4.1, and take part in the limit: every step counts as an instruction, and one call has a bound of its own.
 * Not here: string.format, which Lua's own does. */
#ifndef IT_LAB_PATTERN_PATTERN_H
#define IT_LAB_PATTERN_PATTERN_H

#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>

#include <stdint.h>

#define IT_PATTERN_STEPS 10000000 /* of one call, of one turn of gmatch's iterator */

typedef struct it_pattern_meter {
    /* Takes note of |steps|; raises an error when that is too much. */
    void (*spend)(lua_State *L, uint64_t steps);
    /* Raises the error |text|. */
    int (*raise)(lua_State *L, const char *text);
} it_pattern_meter;

/* Pushes a table with the four functions. |meter| outlives the state. */
void it_pattern_open(lua_State *L, const it_pattern_meter *meter);

#endif
