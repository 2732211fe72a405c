/* What the world, its nodes and its links share among themselves: not for boxes, hosts or drivers.
 *
 * A direction of a link keeps the packets in flight in two queues. |fifo| is a ring in order of arrival and has one entry in the
 * event queue, its head's; times and order stand in the ring, so that the next event is known before any packet is touched.
 * |loose| is a heap of the packets that have an entry each: those with jitter and those a rule delays. An entry in the event
 * queue names a queue, a node's timer, nothing else; it is stale, and ignored, when the packet of that |seq| is gone or the
 * node's timer has moved. */
#ifndef IT_NETSIM_CORE_H
#define IT_NETSIM_CORE_H

#include "base/map.h"
#include "netsim/link.h"
#include "netsim/world.h"

#define IT_CORE_OBSERVERS 4
#define IT_CORE_LABEL 64       /* with NUL */
#define IT_CORE_EVENTS 1000000 /* without time moving */
#define IT_CORE_PICKS 8
#define IT_CORE_RARE __attribute__((noinline, cold)) /* kept out of the way of packets */

/* An entry's id: index times 4 plus one of these. */
enum { IT_CORE_FIFO, IT_CORE_LOOSE, IT_CORE_TIMER };

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
    it_time room; /* how long the wire may be busy and still let another packet wait */
    uint32_t tx_len;
    uint32_t mtu;
    uint32_t id;    /* in the world: link * 2 + direction */
    bool special;   /* something of |loose| and below has a say, or the link is cut */
    bool cut, hole; /* cut, swallows */
    int32_t port, to_port;
    it_node *node, *to;
    it_link_stats stats;
    it_heap loose;        /* id: the packet's address */
    uint32_t picks;       /* rules of it_link_pick that wait in this direction */
    bool each;            /* every packet has an entry of its own */
    uint64_t hash;        /* of (seed, link name, direction): all luck derives from it */
    int64_t slot;         /* the 1 ms slot of the last packet */
    uint32_t ordinal;     /* of the next packet in |slot| */
    bool lost;            /* whether |place| is lost */
    int64_t place;        /* the burst place last worked out */
    uint64_t alpha, beta; /* burst losses: thresholds of 2^40, 0 when there are none */
    it_link_dir_cfg cfg;
} it_core_dir;

typedef struct it_core_pick {
    char label[IT_CORE_LABEL];
    uint32_t left; /* matching packets until its turn; 0: unused */
    uint8_t dir;
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
    uint64_t hash; /* the fingerprint */
    it_heap heap;
    it_core_dir **dirs; /* two a link: pointers into it */
    it_core_link **links;
    it_node **nodes;
    it_pkt_pool pool;
    uint32_t n_obs;
    uint32_t still; /* events since time moved */
    bool oom;
    bool hole; /* the event on top of the heap is the one that runs: whoever pushes first takes its place */
    it_node *ready, *ready_tail;
    it_observer obs[IT_CORE_OBSERVERS];
    it_alloc *alloc;
    uint64_t seed, ids;
    size_t n_dirs, cap_dirs, n_links, cap_links, n_nodes, cap_nodes;
    uint32_t n_taps;
    it_map label_map; /* hash of the text -> label */
    char **labels;    /* [0] is label 1 */
    size_t n_labels, cap_labels;
};

/* Pushes an event; on no memory the world remembers it. */
static inline void it_core_push(it_world *w, it_time at, uint64_t seq, uint64_t id)
{
    if (w->hole) {
        w->hole = false;
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

/* Puts the earliest timer of |n| into the event queue when it is earlier than the one there. A later timer needs no event of its
 * own: the one in the queue will ask again. */
static inline void it_core_wake(it_world *w, it_node *n)
{
    if (!n->ops->next)
        return;
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

/* Removes |n|, the node added last, which has no links: for constructors that fail after it_node_init. */
void it_core_unadd(it_node *n);

/* --- link_loss.c: the draws of a direction --- */

/* Works out the thresholds of burst losses from |d|->cfg. */
void it_core_luck_init(it_core_dir *d);
/* Counts the packet sent now and says whether it is lost; its extra delay goes to |*jitter|. */
bool it_core_luck(it_core_dir *d, it_time now, it_time *jitter);
/* Whether burst losses swallow what is sent at |now|. */
bool it_core_burst(it_core_dir *d, it_time now);

#endif
