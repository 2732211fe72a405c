/* The trace: one JSON object a line for everything that happened to packets, apps and the network, in order.
 * docs/trace.md is its description; ladders and reports are drawn from it and from results alone.
 *
 *     {"seq":12,"t_ns":15000000,"node":"home","port":"wan","kind":"drop","packet":7,"src":...,"dst":...,"proto":17,"len":128,
 *      "label":"check","cause":5,"reason":"nat.filter_port","rule":"...","rfc":"..."}
 *
 * It begins with the world as it is when the first packet moves: a line a node, a link, an address. Then kinds recv,
 * send, drop and note for packets and nodes, fault, and what it_trace_event is given for everything else. It goes into
 * memory; the owner writes it out. It knows nothing of protocols: labels and causes are on the packets. */
#ifndef IT_NETSIM_SEE_TRACE_H
#define IT_NETSIM_SEE_TRACE_H

#include "base/text/json.h"
#include "netsim/core/world.h"

typedef struct it_trace it_trace;

/* One thing that is no packet. Texts are borrowed for the call. */
typedef struct it_trace_note {
    const char *node; /* who, "" for nobody */
    const char *kind; /* "open", "signal", "fault", ... */
    const char *what; /* a fault's sort ("cut", "reboot"); NULL: none */
    const char *peer; /* the other node, of what goes from one to the other; NULL: none */
    const char *text; /* for people */
    uint64_t cause;   /* the packet that made it happen, 0: none (a timer, a command) */
    bool by_fault;    /* the fault noted last made it happen: a carrier that went, an address that changed */
} it_trace_note;

/* A trace; NULL on no memory. */
it_trace *it_trace_new(it_alloc *alloc);
void it_trace_free(it_trace *t);
it_observer it_trace_observer(it_trace *t);

/* Folds packets labelled |label|: instead of a line for each of them at each port, a line of kind "run" for each
 * unbroken row of them at a host or of drops, see docs/trace.md. To be called before the first packet, for two labels
 * at most. */
void it_trace_fold(it_trace *t, const char *label);

/* Says what box |node| is: the name of its profile and its class, such as "EIM/APDF" ("" for none), which the line of
 * the node carries. To be called before the first packet. Texts are copied; it_trace_oom tells of memory. */
void it_trace_box(it_trace *t, const char *node, const char *profile, const char *class);

/* Says that |ip| is |node|'s: a line of its own. Returns nothing; it_trace_oom tells of memory. */
void it_trace_addr(it_trace *t, it_time now, const char *node, it_ip ip);

/* Adds a line. */
void it_trace_event(it_trace *t, it_time now, const it_trace_note *n);

/* The lines so far, open runs completed; valid until the next. */
it_bytes it_trace_bytes(it_trace *t);
bool it_trace_oom(const it_trace *t);

#endif
