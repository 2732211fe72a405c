/* The world: nodes, the links between their ports, one queue of events, and raw IP packets at its edges.
 *
 *     driver --it_edge_send--> node -> link -> node -> link -> node --it_edge_take--> driver
 *
 * The driver asks for the next event time, runs until some time, and gets control back early as soon as a packet or a
 * carrier change waits at an edge; time stands while it handles that. The world knows nothing above layer 4 and holds
 * no clock: it is told how far to go. Two worlds never see each other. Events are ordered by (time, seq). */
#ifndef IT_NETSIM_CORE_WORLD_H
#define IT_NETSIM_CORE_WORLD_H

#include "base/table/heap.h"
#include "base/rng.h"
#include "netsim/core/drop.h"
#include "netsim/core/packet.h"

#define IT_NAME_MAX 32 /* of a node or port, with NUL */
#define IT_TAP_MAX 64  /* of "node.port", with NUL */

typedef struct it_world it_world;
typedef struct it_node it_node;

/* Where one end of a link is plugged in. */
typedef struct it_port {
    struct it_core_dir
        *out;     /* the direction of the link that leaves here; NULL: nothing plugged in. For world and links alone */
    int32_t link; /* index of the link, -1: nothing plugged in */
    uint8_t end;  /* which end of it: 0 or 1 */
    bool up;      /* administratively, by it_node_port_up; a box's port is always up */
    bool carrier; /* what the port can see of its link */
    uint16_t tap; /* dense index over all ports of the world, in order of creation: the capture's interface */
    char name[IT_NAME_MAX]; /* "wan", "lan", "eth": taps are named node.port */
} it_port;

/* What a kind of node does. NULL entries: nothing to do; |deliver| must be there. */
typedef struct it_node_ops {
    const char *kind; /* "host", "router", "nat", "firewall", "lan" */
    uint8_t down;     /* enum it_drop of what arrives while it is without power; 0: IT_DROP_HOST_DOWN */
    /* Takes |p| (owned) in through |port|: sends it on, keeps it or drops it with it_node_drop. */
    void (*deliver)(it_node *n, it_time now, int port, it_pkt *p);
    /* The node's earliest timer, IT_NEVER when none; asked again after run, and after deliver: with |stirs| only when
     * the node has set |stirred|, as it does with each new timer. */
    it_time (*next)(const it_node *n);
    bool stirs;
    void (*run)(it_node *n, it_time now);
    /* |port|'s carrier changed. */
    void (*carrier)(it_node *n, it_time now, int port, bool up);
    void (*free)(it_node *n);
} it_node_ops;

/* The first member of every node. */
struct it_node {
    const it_node_ops *ops;
    it_world *world;
    char name[IT_NAME_MAX];
    uint32_t index; /* in the world, in order of creation */
    uint32_t n_ports;
    size_t cap_ports;
    it_port *ports;
    it_time wake;        /* the timer now in the event queue */
    it_node *ready_next; /* in the world's list of edges that wait */
    bool ready;          /* it is in that list */
    bool stirred;        /* its earliest timer may be another */
    bool down;           /* without power, by it_node_power: all that arrives is dropped with ops->down */
};

/* What an observer sees of a packet. A node announces a drop right after the receipt, before anything it sends because
 * of it. */
enum it_seen { IT_SEEN_RECV, IT_SEEN_SEND, IT_SEEN_DROP, IT_SEEN_NOTE };

typedef struct it_seen_packet {
    enum it_seen kind;
    it_time now;
    const it_node *node;
    int port; /* -1 where there is none (a drop inside, a note) */
    /* NULL for a note; for a drop on a link the packet was announced as sent in the same breath */
    const it_pkt *packet;
    enum it_drop reason; /* of a drop */
    /* of a note ("cut", "reboot", "mapping 10.0.0.2:5 -> 203.0.113.4:5") or more about a drop; may be NULL */
    const char *note;
} it_seen_packet;

/* One who watches a world: capture and trace. Watching changes nothing, the fingerprint included. */
typedef struct it_observer {
    void *self;
    void (*see)(void *self, const it_seen_packet *seen);
} it_observer;

typedef struct it_world_cfg {
    it_alloc *alloc; /* outlives the world */
    uint64_t seed;
} it_world_cfg;

/* An empty world at time 0; NULL when there is no memory. */
it_world *it_world_new(const it_world_cfg *cfg);
/* Frees the world with all nodes, links and packets; NULL is allowed. */
void it_world_free(it_world *w);

/* What the world was made with, and the pool all its packets come from. */
it_alloc *it_world_alloc(it_world *w);
uint64_t it_world_seed(const it_world *w);
it_pkt_pool *it_world_pool(it_world *w);
/* The time of the last event that ran, or the |until| of the last run. */
it_time it_world_now(const it_world *w);

/* Adds an observer (at most 4), copied. Returns 0 or IT_ERR_FULL. */
int it_world_observe(it_world *w, it_observer o);
/* The observer |self| watches no more; nothing when it does not. It may say so while it is shown something. */
void it_world_unobserve(it_world *w, const void *self);

/* The time of the earliest pending event, IT_NEVER when there is none. */
it_time it_world_next(const it_world *w);

/* Runs events up to and including |until| (not before now). Returns 1 as soon as an edge has something to take (time is
 * then that event's; at once when one already waits), 0 when |until| is reached, IT_ERR_LOOP after 1,000,000 events
 * without time moving, or IT_ERR_NOMEM: a packet or a timer was lost for want of memory, now or before, and the world
 * is of no more use. */
int it_world_run(it_world *w, it_time until) IT_MUST_CHECK;

/* The hash over deliveries (time, node, length, transport checksum), drops and everything mixed in by it_world_mix. */
uint64_t it_world_fingerprint(const it_world *w);
/* Mixes |v| (an application event) into the fingerprint. */
void it_world_mix(it_world *w, uint64_t v);

/* The number of the label |text| (its first 63 characters), adding it when new; 0 for "", when there is no memory or
 * when 65,535 labels exist. */
uint16_t it_world_label(it_world *w, const char *text);
/* The text of |label|, "" for 0 and for a number never given. */
const char *it_world_label_text(const it_world *w, uint16_t label);

/* --- nodes: for those who implement one --- */

/* Adds |n| (embedded in a larger object from the world's allocator) under |name|. The world frees it through ops->free.
 * Returns 0, IT_ERR_EXISTS, IT_ERR_RANGE (name empty or too long) or IT_ERR_NOMEM; on an error the caller still owns
 * it. */
int it_node_init(it_node *n, it_world *w, const it_node_ops *ops, const char *name) IT_MUST_CHECK;

/* Adds a port, up and not plugged in; returns its number (dense from 0), IT_ERR_NOMEM or IT_ERR_RANGE (name empty or
 * too long).
 */
int it_node_add_port(it_node *n, const char *name) IT_MUST_CHECK;

/* Sends |p| (owned) out of |port| at the world's time: the link queues or drops it. Never re-enters deliver. A port
 * that is down or not plugged in drops it with IT_DROP_IFACE_DOWN. */
void it_node_send(it_node *n, it_time now, int port, it_pkt *p);

/* Drops |p| (owned) for |reason|; |more| (may be NULL) is added to the note. */
void it_node_drop(it_node *n, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more);

/* Tells observers something about the node that is no packet. */
void it_node_note(it_node *n, it_time now, const char *text);

/* Sets |port| of |n| up or down. Down, it neither sends nor hears. */
void it_node_port_up(it_node *n, int port, bool up);
/* Takes or gives |n| its power. */
void it_node_power(it_node *n, bool on);

/* Tells the world that ops->next may have changed outside deliver and run. */
void it_node_wake(it_node *n);

/* A fresh packet with an id of its own; NULL when there is no memory (the world then reports it from run). */
it_pkt *it_node_packet(it_node *n);
/* A packet that leaves in fragments: RFC 791 section 3.2. */
typedef struct it_split {
    it_pkt *p; /* owned, IPv4; NULL when all of it has left */
    int at;    /* where the next fragment begins, bytes of data */
} it_split;
/* The next fragment of |s|->p that a link of |mtu| bytes takes, owned by the caller; begin with |s|->at 0. NULL at the
 * end, |s|->p then freed and NULL; or, |s|->p still there for the caller to drop, when |mtu| has no room for one or
 * memory is short, which the world reports. */
it_pkt *it_split_next(it_split *s, it_node *n, uint32_t mtu);
/* Sends IPv4 packet |p| (owned) out of |port| in fragments of at most |mtu| bytes; drops what has no room for one. */
void it_node_send_split(it_node *n, it_time now, int port, it_pkt *p, uint32_t mtu);
/* Tells the world that something was lost for want of memory: run reports it. */
void it_node_oom(it_node *n);

/* The node called |name|, or NULL; the |i|-th node, or NULL. */
it_node *it_world_find(const it_world *w, const char *name);
it_node *it_world_node(const it_world *w, uint32_t i);

/* --- edges: a node whose packets the driver takes and gives --- */

/* How often a box was upset so far: it lost its state or was set up anew, by a command and not by a packet. Whoever
 * hangs on the state of boxes looks at them again when this has changed. */
uint64_t it_world_upsets(const it_world *w);
void it_world_upset(it_world *w);

/* An edge waiting to be handled, in order of arrival: NULL when none is. The node stays first until its inbox is empty.
 */
it_node *it_world_ready(const it_world *w);
/* Marks |n| as having something for the driver. Edge nodes call it from deliver and carrier. */
void it_world_mark_ready(it_world *w, it_node *n);
void it_world_clear_ready(it_world *w, it_node *n);

/* A raw edge: a node with one port, for drivers that bring their own IP stack (TUN, tests, fuzzers). NULL on no memory
 * or a name taken. */
it_node *it_edge_new(it_world *w, const char *name, const char *port);
/* Injects one IP packet |ip| (bytes copied) at |now| = the world's time. Returns 0, IT_ERR_PARSE, IT_ERR_TOOBIG,
 * IT_ERR_NOMEM. */
int it_edge_send(it_node *edge, it_time now, it_bytes ip, uint16_t label) IT_MUST_CHECK;
/* The oldest packet waiting at |edge|, NULL when none; free it with it_pkt_free(it_world_pool(w), p). A change of
 * carrier makes an edge ready without a packet: see |ports|[0].carrier. */
it_pkt *it_edge_take(it_node *edge);

#endif
