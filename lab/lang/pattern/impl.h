/* The matcher behind lab/lang/pattern/pattern.c: one attempt to match a pattern at one place of a text. */
#ifndef IT_LAB_PATTERN_IMPL_H
#define IT_LAB_PATTERN_IMPL_H

#include "lab/lang/pattern/pattern.h"

#include <stdbool.h>
#include <stddef.h>

#define IT_MATCH_CAPTURES 32
#define IT_MATCH_DEPTH 200 /* of the matcher's own calls, as Lua has it */

typedef struct it_match {
    lua_State *L;
    const it_pattern_meter *meter;
    const char *name; /* "find", for messages */
    const char *src, *end, *p_end;
    uint64_t left; /* steps that this call may still take */
    int depth;
    int n; /* captures */
    struct {
        const char *at;
        ptrdiff_t len; /* or what pattern_match.c calls OPEN and POSITION */
    } cap[IT_MATCH_CAPTURES];
} it_match;

/* Matches the pattern from |p| on against the text from |s| on; forgets the captures of an earlier attempt. Returns
 * where the match ends, or NULL. Raises Lua errors: a malformed pattern, too many steps. */
const char *it_match_run(it_match *m, const char *s, const char *p);

/* Pushes the captures of the match from |s| to |e|, all of it when there are none and |s| is not NULL. Returns how
 * many. */
int it_match_push(const it_match *m, const char *s, const char *e);
/* Pushes capture |i|, from 0; all of the match when there are none and |i| is 0. */
void it_match_push_one(const it_match *m, int i, const char *s, const char *e);

#endif
