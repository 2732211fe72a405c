/* The scenario language as bytecode: compiled once, loaded from memory by every state after.
 *
 * Every state loads bytecode, the first one too, so that what a state allocates does not depend on which came first.
 * Debug information is kept: messages and lines are those of the text. */
#ifndef IT_LAB_BIND_CODE_H
#define IT_LAB_BIND_CODE_H

#include "base/alloc.h"
#include "base/bytes.h"

typedef struct it_code it_code;

/* The embedded parts, tank.lua last, and the built-in libraries. */
enum { IT_CODE_PARTS = 31, IT_CODE_TANK = IT_CODE_PARTS - 1 };

/* Compiles the embedded Lua in a state of its own. NULL on no memory, or after a message on standard error when an
 * embedded part is no Lua. The result never changes: any number of states may read it. */
it_code *it_code_new(it_alloc *alloc);

/* NULL is allowed. */
void it_code_free(it_code *c);

/* The name of part |i| and its bytecode, which lives as long as |c|. */
const char *it_code_part_name(int i);
it_bytes it_code_part(const it_code *c, int i);

/* The bytecode of the built-in library |name|, as above; no bytes when there is none of that name. */
it_bytes it_code_library(const it_code *c, const char *name);

#endif
