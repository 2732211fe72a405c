/* The trace: one JSON object a line for everything that happened to packets and apps, in order.
 *
 *     {"seq":12,"t_ns":15000000,"node":"home","port":"wan","kind":"drop","packet":7,"src":...,"dst":...,"proto":17,"len":128,
 *      "label":"Binding request","cause":0,"reason":"nat.filter_port","rule":"...","rfc":"..."}
 *
 * Kinds: recv, send, drop, note for packets and nodes; what it_trace_event is given for everything else. Ladders and reports are drawn
 * from it. It goes into memory; the owner writes it out. */
#ifndef IT_NETSIM_TRACE_H
#define IT_NETSIM_TRACE_H

#include "base/json.h"
#include "netsim/world.h"

typedef struct it_trace it_trace;

it_trace *it_trace_new(it_alloc *alloc);
void it_trace_free(it_trace *t);
it_observer it_trace_observer(it_trace *t);

/* Adds a line of |kind| ("fault", "signal", "open", ...) about |node| ("" for none). */
void it_trace_event(it_trace *t, it_time now, const char *node, const char *kind, const char *text);

/* The lines so far; valid until the next. */
it_bytes it_trace_bytes(const it_trace *t);
bool it_trace_oom(const it_trace *t);

#endif
