/* A link: two directions between two ports, each with delay, rate, a byte-limited FIFO queue and loss.
 *
 * A FIFO direction has one pending event, its head's, and a ring of packets; its delivery times never decrease, even when the
 * delay changes, and its backlog is "busy until". A direction with jitter or reordering puts packets into the event heap one by
 * one; where both ways apply they give the same trace. Loss is a function of (seed, link name, direction, 1 ms slot, ordinal in
 * the slot) and of nothing else: other packets before it change nothing. */
#ifndef IT_NETSIM_LINK_H
#define IT_NETSIM_LINK_H

#include "netsim/world.h"

/* Burst losses are Gilbert's two-state chain on a clock of its own: time is cut into places of 20 ms, the spacing of voice
 * packets, and all packets sent within a lost place are lost. So a stream of one packet per place loses |loss_ppm| of them in
 * runs of |burst_milli| on average, and a faster one loses the same share of time. */
#define IT_LINK_BURST_PLACE (20 * IT_MS)

#define IT_LINK_TIME_MAX (24 * 3600 * IT_SEC) /* largest delay or jitter */

/* One direction. All zeros: instant, infinitely fast, never loses. */
typedef struct it_link_dir_cfg {
    it_time delay;     /* propagation, one way */
    it_time jitter;    /* extra delay, uniform in [0, jitter], by the slot rule; order is kept unless |reorder_ppm| */
    int64_t rate;      /* bit/s; 0: infinite */
    int64_t queue;     /* bytes, up to 1 GiB: a packet is refused while more than that is ahead of it, what is on the wire counted
                          as far as it is unsent; 0 with a rate: 64 KiB */
    uint32_t loss_ppm; /* loss probability; what is lost has been on the wire */
    uint32_t burst_milli; /* mean length of a loss burst in thousandths of a place, 1000 to 1,000,000; 0: independent losses. So
                             are losses whose bursts would be shorter than independent ones, 1 / (1 - loss) */
    uint32_t mtu;         /* bytes of IP packet, up to IT_PKT_MAX; 0: that */
    uint32_t reorder_ppm, duplicate_ppm, corrupt_ppm; /* reserved: must be 0 until they are built */
} it_link_dir_cfg;

typedef struct it_link_cfg {
    const char *name;       /* of its random streams; unique in the world */
    it_link_dir_cfg dir[2]; /* [0]: from end 0 to end 1 */
} it_link_cfg;

typedef struct it_link_stats {
    uint64_t packets, bytes; /* delivered */
    uint64_t lost;           /* by loss */
    uint64_t dropped;        /* by queue, cut, blackhole, MTU or a rule of it_link_pick */
} it_link_stats;

/* Plugs a new link between port |pa| of |a| (end 0) and |pb| of |b| (end 1), carrier up; ops->carrier is not called for that.
 * Returns its index or IT_ERR_NOMEM, IT_ERR_EXISTS (name taken), IT_ERR_STATE (a port is in use), IT_ERR_RANGE (a negative or
 * impossible parameter, no such port). */
int it_link_new(it_world *w, const it_link_cfg *cfg, it_node *a, int pa, it_node *b, int pb) IT_MUST_CHECK;

/* The link plugged into |port| of |n|, -1 when none. */
int it_link_at(const it_node *n, int port);
/* The link called |name|, -1 when none; its name, NULL for an index that is none. */
int it_link_find(const it_world *w, const char *name);
const char *it_link_name(const it_world *w, int link);
/* The node at |end| (0 or 1) of the link, its port in |*port|. */
it_node *it_link_end(const it_world *w, int link, int end, int *port);
/* The largest IP packet that |port| of |n| can send: its link's MTU, IT_PKT_MAX when nothing is plugged in. */
uint32_t it_link_mtu(const it_node *n, int port);

/* Cuts the link: what is in flight and what comes later is dropped (IT_DROP_CUT, at the node that sent it). With |signal| both
 * ends lose carrier. */
void it_link_cut(it_world *w, it_time now, int link, bool signal);
/* Drops silently what is sent from end |from| (0 or 1; -1: both) from now on; what is in flight arrives. */
void it_link_blackhole(it_world *w, it_time now, int link, int from);
/* Undoes cut and blackhole. Returns 0, or IT_ERR_STATE when the link is whole. */
int it_link_restore(it_world *w, it_time now, int link);
/* Replaces the parameters of direction |dir| from now on; what is in flight keeps its times. Returns 0 or IT_ERR_RANGE. */
int it_link_set(it_world *w, it_time now, int link, int dir, const it_link_dir_cfg *cfg);
/* The parameters of direction |dir|, valid until the link is set or the world freed. */
const it_link_dir_cfg *it_link_get(const it_world *w, int link, int dir);
/* True while neither cut nor swallowing in any direction. */
bool it_link_whole(const it_world *w, int link);
/* What direction |dir| has done so far. */
it_link_stats it_link_stat(const it_world *w, int link, int dir);

/* Picks single packets sent from end |from|: the |nth| (from 1) whose label starts with |label| (NULL: any; 63 characters count),
 * counted from now, is dropped or delayed by |delay| (0: dropped). Later packets overtake a delayed one. Returns 0, IT_ERR_FULL
 * (at most 8 rules a link wait for their packet) or IT_ERR_RANGE (|nth| 0, a delay below 0 or above IT_LINK_TIME_MAX). */
int it_link_pick(it_world *w, int link, int from, uint32_t nth, const char *label, it_time delay);

#endif
