/* What the world, its nodes and its links share among themselves: not for boxes, hosts or drivers.
 *
 * A direction of a link keeps the packets in flight in two queues. |fifo| is a ring in order of arrival whose head
 * takes part in the tournament of all such heads; times and order stand in the ring, so that the next event is known
 * before any packet is touched. |reordered| is a heap of the packets that have an event each: those with jitter and
 * those that a rule delays. The world's heap has all other events. An entry there names a queue or a node's timer,
 * nothing else; it is stale, and ignored, when the packet of that |seq| is gone or the node's timer has moved. */
#ifndef IT_NETSIM_CORE_IMPL_H
#define IT_NETSIM_CORE_IMPL_H

#include "base/table/map.h"
#include "base/table/tourney.h"
#include "netsim/core/link.h"
#include "netsim/core/world.h"

#define IT_CORE_OBSERVERS 4
#define IT_CORE_LABEL 64       /* with NUL */
#define IT_CORE_EVENTS 1000000 /* without time moving */
#define IT_CORE_PICKS IT_LINK_CHOICES
#define IT_CORE_RARE __attribute__((noinline, cold))      /* kept out of the way of packets */
#define IT_CORE_APART __attribute__((noinline))           /* beside it: what calls this needs no room for it */
#define IT_CORE_HOT inline __attribute__((always_inline)) /* part of it */

/* An entry's id: index times 4 plus one of these. WIRE: the wire of a queue that decides late is free. */
enum { IT_CORE_REORDERED, IT_CORE_TIMER, IT_CORE_WIRE };

/* The impairments of one packet on a link: drawn, or chosen by a rule. */
typedef struct it_core_impairment {
    it_time delay;    /* propagation */
    it_time jitter;   /* extra */
    it_time late;     /* a rule's delay; the packet is reordered */
    uint64_t where;   /* of the damage: a random number */
    const char *lost; /* NULL: not lost; else what by, "" for the plain loss process */
    bool reordered;   /* may overtake and be overtaken */
    bool duplicate, corrupt, truncate;
} it_core_impairment;

/* |damage| of a packet: whether it can be anybody's when it arrives. */
enum { IT_CORE_SOUND, IT_CORE_DAMAGED, IT_CORE_SHORT };

/* A packet that waits for the wire of a queue that decides late. */
typedef struct it_core_waiting {
    it_pkt *p;
    it_time since;
    it_core_impairment impairment;
} it_core_waiting;

/* A queue that decides when the wire is free which packet gets it: CoDel, RFC 8289 section 5. */
typedef struct it_core_codel {
    it_core_waiting *v; /* a ring */
    uint32_t head, n, cap;
    int64_t bytes;
    uint64_t seq; /* of the event in the queue; stale when it is another */
    it_time first_above, drop_next;
    uint32_t count, lastcount;
    bool dropping;
} it_core_codel;

typedef struct it_core_queue {
    it_pkt *head, *tail;
} it_core_queue;

typedef struct it_core_slot {
    it_time at; /* when it arrives */
    uint64_t seq;
    it_pkt *p;
} it_core_slot;

typedef struct it_core_ring {
    it_core_slot *v;
    uint32_t head, n;
    uint32_t cap; /* a power of two, or 0 */
} it_core_ring;

/* The |i|-th of those in the ring, or the first free one. */
static inline it_core_slot *it_core_slot_at(const it_core_ring *r, uint32_t i)
{
    return &r->v[(r->head + i) & (r->cap - 1)];
}

/* A direction of a link: where it leads, its state, its parameters worked out. */
typedef struct it_core_dir {
    it_core_ring fifo;
    it_time busy; /* when the wire is free again */
    it_time last; /* the latest arrival so far, of packets that keep their order */
    it_time delay;
    int64_t rate;
    it_time tx;   /* time on the wire of a packet of |tx_len| bytes */
    it_time room; /* how long the wire may be busy and still let another packet wait; without a rate it is never busy */
    uint32_t tx_len;
    uint32_t mtu;
    uint32_t id;   /* in the world: link * 2 + direction */
    bool special;  /* takes the slow path: an impairment or a rule is on, the link is cut or a blackhole, or the sending
                      end  is down or observed */
    bool guarded;  /* at its end: the port is down, the node is without power, or somebody watches the world */
    bool impaired; /* there is something to draw */
    bool cut, blackhole;
    int32_t port, to_port;
    it_node *node, *to;
    it_link_stats stats;
    it_heap reordered; /* id: the packet's address */
    uint32_t picks;    /* rules of it_link_pick that wait in this direction */
    bool each;         /* every packet has an entry of its own */
    uint64_t base;     /* hash of (seed, link name) */
    uint64_t hash;     /* of (seed, link name, direction): every draw derives from it */
    int64_t slot;      /* the 1 ms slot of the last packet */
    uint32_t ordinal;  /* of the next packet in |slot| */
    bool bad;          /* whether |place| is bad */
    int64_t place;     /* the place of the loss chain last worked out */
    uint64_t lo, hi; /* of the chain, of 2^40: a draw below |lo| makes a place bad, from |hi| on good; 0, 0: no chain */
    bool flips;      /* in between it is what the place before was not, else what it was */
    uint32_t loss[2]; /* packets lost in good places and in bad ones, ppm */
    it_time phase;    /* of the period of outages */
    it_time depth;    /* what the token bucket allows to be ahead of its rate */
    uint32_t step;    /* of a recorded trace: the last one found */
    it_core_codel codel;
    it_link_dir_cfg cfg; /* |steps| is the direction's own */
} it_core_dir;

typedef struct it_core_pick {
    char label[IT_CORE_LABEL];
    uint32_t left;  /* matching packets until its turn; 0: unused */
    uint8_t dirs;   /* a bit each */
    uint8_t action; /* enum it_link_action */
    it_time delay;
} it_core_pick;

typedef struct it_core_link {
    it_core_dir dir[2];
    char *name;
    bool dark; /* cut with signal: no carrier */
    it_core_pick pick[IT_CORE_PICKS];
} it_core_link;

struct it_world {
    it_time now;
    uint64_t seq;
    uint64_t hash;      /* the fingerprint */
    it_heap heap;       /* events but those of |fifos| */
    it_tourney fifos;   /* heads of the directions' queues in order, by number of the direction */
    it_core_dir **dirs; /* two a link: pointers into it */
    it_core_link **links;
    it_node **nodes;
    it_pkt_pool pool;
    uint32_t n_obs;
    uint32_t still; /* events since time moved */
    bool oom;
    bool slot_free; /* the top heap slot is that of the event that runs: the first push takes it */
    it_node *ready, *ready_tail;
    it_observer obs[IT_CORE_OBSERVERS];
    it_alloc *alloc;
    uint64_t seed, ids;
    uint64_t upsets; /* it_world_upsets */
    size_t n_dirs, cap_dirs, n_links, cap_links, n_nodes, cap_nodes;
    uint32_t n_taps;
    it_map label_map; /* hash of the text -> label */
    char **labels;    /* [0] is label 1 */
    size_t n_labels, cap_labels;
};

/* Pushes an event; on no memory the world remembers it. */
static inline void it_core_push(it_world *w, it_time at, uint64_t seq, uint64_t id)
{
    if (w->slot_free) {
        w->slot_free = false;
        it_heap_replace_top(&w->heap, at, seq, id);
        return;
    }
    if (it_heap_push(&w->heap, (it_heap_item){at, seq, id}) < 0)
        w->oom = true;
}

static inline uint64_t it_core_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
    return h ^ h >> 29;
}

/* Mixes what happened to |p| at |n| into the fingerprint; |what| is 0 for a delivery, else the reason of a drop. */
static inline void it_core_print(it_world *w, const it_node *n, const it_pkt *p, uint64_t what)
{
    uint64_t ck = p->ck ? it_get16(p->buf + p->head + p->ck) : 0;
    uint64_t h = (w->hash ^ (uint64_t)w->now) * 0xff51afd7ed558ccdULL;
    w->hash = it_core_mix(h, (uint64_t)n->index << 40 ^ what << 32 ^ (uint64_t)p->len << 16 ^ ck);
}

/* Puts the earliest timer of |n| into the event queue when it is earlier than the one there. A later timer needs no
 * event of its own: the one in the queue will ask again. */
static inline void it_core_wake(it_world *w, it_node *n)
{
    if (!n->ops->next)
        return;
    n->stirred = !n->ops->stirs;
    it_time at = n->ops->next(n);
    if (at >= n->wake)
        return;
    n->wake = at > w->now ? at : w->now;
    it_core_push(w, n->wake, w->seq++, (uint64_t)n->index << 2 | IT_CORE_TIMER);
}

/* Shows observers |seen|. */
void it_core_show(it_world *w, const it_seen_packet *seen);
/* Shows observers |p| at |port| of |n|. */
void it_core_see(it_world *w, enum it_seen kind, const it_node *n, int port, const it_pkt *p);

/* A fresh packet with an id; NULL when there is no memory, which the caller reports. */
it_pkt *it_core_packet(it_world *w);

/* Frees |l|, which is in no table, with what it holds; packets are the pool's. */
void it_core_link_free(it_world *w, it_core_link *l);

/* Removes |n|, the node added last, which has no links: for constructors that fail after it_node_init. */
void it_core_unadd(it_node *n);

/* --- link_loss.c: the draws of a direction --- */

/* Whether |c| has anything that is drawn for each packet. */
bool it_core_impairs(const it_link_dir_cfg *c);
/* Works out thresholds and phases from |d|->cfg. */
void it_core_impairment_init(it_core_dir *d);
/* Counts the packet sent now and draws its impairments. */
it_core_impairment it_core_draw(it_core_dir *d, it_time now);
/* Whether the place of the loss chain that |now| lies in is bad. */
bool it_core_bad_place(it_core_dir *d, it_time now);

/* --- link_send.c --- */

/* Sends |p| where it_core_send does not: by the slow path, with a full queue or ring, or a size whose time on the wire
 * is not worked out. */
void it_core_send_rare(it_node *n, int port, it_pkt *p);
/* Enters the head of |d|'s ring, its first packet, into the tournament. */
void it_core_fifo_starts(it_world *w, it_core_dir *d, it_time at, uint64_t seq);

/* Queues |p| to arrive |at|, or with those before it when that is later; the ring has room. Gives it its place among
 * events of equal time. */
static IT_CORE_HOT void it_core_enqueue(it_world *w, it_core_dir *d, it_pkt *p, it_time at)
{
    if (at < d->last)
        at = d->last;
    d->last = at;
    uint64_t seq = w->seq++;
    it_core_slot *s = it_core_slot_at(&d->fifo, d->fifo.n);
    s->at = at;
    s->seq = seq;
    s->p = p;
    if (d->fifo.n++ == 0)
        it_core_fifo_starts(w, d, at, seq);
}

/* it_node_send, inlined where packets pass: serialises |p| behind the queue and schedules its arrival. */
static IT_CORE_HOT void it_core_send(it_node *n, int port, it_pkt *p)
{
    it_world *w = n->world;
    it_core_dir *d = n->ports[port].out;
    if (!d || d->special || p->len > d->mtu || p->len != d->tx_len || d->busy - w->now > d->room ||
        d->fifo.n == d->fifo.cap) {
        it_core_send_rare(n, port, p);
        return;
    }
    d->busy = (d->busy > w->now ? d->busy : w->now) + d->tx;
    it_core_enqueue(w, d, p, d->busy + d->delay);
}

/* Drops |p|, of direction |d|, for |why|. */
void it_core_refuse(it_world *w, it_core_dir *d, it_pkt *p, enum it_drop why, const char *more);
/* Schedules the arrival of |p|, which has left the wire at |end|, or loses, damages, doubles it as |x| says. */
void it_core_launch(it_world *w, it_core_dir *d, it_pkt *p, it_time end, const it_core_impairment *x);
/* The time on the wire of |len| bytes. */
static inline it_time it_core_tx(it_core_dir *d, uint32_t len)
{
    if (len != d->tx_len) {
        /* Rounded up: the wire is never faster than its rate. */
        d->tx_len = len;
        d->tx = d->rate ? ((int64_t)len * 8 * IT_SEC + d->rate - 1) / d->rate : 0;
    }
    return d->tx;
}

/* --- link_codel.c --- */

/* Whether direction |d| decides late: set so, or emptying the queue of when it was. */
static inline bool it_core_is_codel(const it_core_dir *d)
{
    return d->cfg.queueing == IT_LINK_CODEL || d->codel.n > 0;
}
/* Refreshes |special| and |guarded| of |d|, so that a plain packet tests one flag. Setters call it after a change. */
static inline void it_core_set_special(it_core_dir *d)
{
    bool watched = d->node->world->n_obs > 0;
    d->special = watched || !d->node->ports[d->port].up || d->cut || d->blackhole || d->picks > 0 || d->impaired ||
                 d->cfg.bucket || it_core_is_codel(d);
    d->guarded = watched || !d->to->ports[d->to_port].up || d->to->down;
}
/* What |port| of |n| can see of the MTU of its link: IT_PKT_MAX where nothing is plugged in. */
static inline uint32_t it_core_mtu(const it_node *n, int port)
{
    const it_core_dir *d = n->ports[port].out;
    return !d || d->cfg.mtu_silent ? IT_PKT_MAX : d->mtu;
}
/* Queues |p|, or sends it when the wire is free. */
void it_core_codel_send(it_world *w, it_core_dir *d, it_pkt *p, const it_core_impairment *x);
/* The event |seq| of |d|'s wire. */
void it_core_codel_wire(it_world *w, it_core_dir *d, uint64_t seq);
/* How many bytes may wait in front of |d|'s wire. */
int64_t it_core_queue_bytes(const it_core_dir *d);
/* Takes the packet that waits first, NULL when none does. */
it_pkt *it_core_codel_take(it_core_dir *d);
/* |interval| divided by the square root of |count| (at least 1). */
it_time it_core_codel_step(it_time interval, uint32_t count);

#endif
