/* What the two halves of the trace reader share: trace.c takes lines, trace_world.c makes columns of the world. */
#ifndef IT_REPORTS_READ_TRACE_IMPL_H
#define IT_REPORTS_READ_TRACE_IMPL_H

#include "reports/read/trace.h"

/* The index of a node, -1 when there is none. */
int it_rtrace_node(const it_rtrace *t, const char *name);
/* Gives nodes their columns, from left to right: the near host, its boxes, the internet and the servers, the far boxes,
 * the far host. */
void it_rtrace_columns(it_rtrace *t);

#endif
