/* A trace as read back (docs/trace.md): the world, and what happened as messages from node to node, faults and events,
 * in order of time. Hops of one packet become one message; rows of voice become one each, folded or not. */
#ifndef IT_REPORTS_READ_TRACE_H
#define IT_REPORTS_READ_TRACE_H

#include "base/table/map.h"
#include "base/text/str.h"

#include <stdbool.h>
#include <stdint.h>

#define IT_RTRACE_NODES 64
#define IT_RTRACE_COLUMNS 9
#define IT_RTRACE_NAME 40
#define IT_RTRACE_ADDRS 3
#define IT_RTRACE_TEXT 160

typedef struct it_rnode {
    char name[IT_RTRACE_NAME], what[16];
    char addr[IT_RTRACE_ADDRS][48];          /* its addresses in order, "" behind the last one that is kept */
    char profile[IT_RTRACE_NAME], class[16]; /* of a box; "" when the trace does not tell */
    int column;                              /* in the ladder: several servers share the internet's; -1 none */
    int side;                                /* -1 the near one's, 1 the far one's, 0 between */
    bool on_way;                             /* has a column of its own */
} it_rnode;

typedef struct it_rlink {
    int a, b; /* nodes */
} it_rlink;

enum it_rkind { IT_RT_PACKET, IT_RT_VOICE, IT_RT_SIGNAL, IT_RT_EVENT, IT_RT_FAULT };

/* Something that happened. Texts are the trace's. */
typedef struct it_rmsg {
    enum it_rkind kind;
    int64_t t, t_end; /* of a row: first and last */
    int from, to;     /* nodes; an event's is |from|; -1 unknown */
    uint64_t packet, cause;
    uint64_t n;     /* packets in a row */
    uint64_t order; /* among messages of one time */
    bool dropped;
    uint16_t rewritten;                     /* bit k: at column k addresses changed */
    uint64_t touched;                       /* bit i: node i saw the packet */
    const char *label;                      /* of a packet; "open", "reboot" of the rest */
    const char *text;                       /* "src to dst" as sent, or what the line says */
    const char *reason, *rule, *rfc, *note; /* of a drop */
} it_rmsg;

typedef struct it_rtrace {
    it_alloc *alloc;
    it_rnode nodes[IT_RTRACE_NODES];
    int n_nodes;
    it_rlink *links;
    size_t n_links, cap_links;
    it_rmsg *v;
    size_t n, cap;
    char **texts; /* interned */
    size_t n_texts, cap_texts;
    it_map text_map, packets; /* hash -> text; packet id -> message */
    uint64_t lines;           /* read */
    uint64_t n_packets;       /* packets and datagrams sent */
    int columns;
    bool oom;            /* a text was lost */
    const char *ends[2]; /* near, far: names of nodes, "" unknown */
} it_rtrace;

/* Reads PATH; |ends| are the hosts of the call, left and right in the ladder ("" to guess). Returns 0, IT_ERR_IO,
 * IT_ERR_PARSE or IT_ERR_NOMEM with a one-line message in |err|; call it_rtrace_fini either way. */
int it_rtrace_read(it_rtrace *t, it_alloc *alloc, const char *path, const char *const ends[2], char err[512]);
void it_rtrace_fini(it_rtrace *t);

/* Whether |m| is an event that changes what an app knows of its call: open, stalled, resumed, failover, death, closed,
 * or the far side breaking a rule. Tests, answers, networks and messages are not. */
bool it_rmsg_told(const it_rmsg *m);

#endif
