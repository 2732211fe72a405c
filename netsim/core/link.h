/* A link: two directions between two ports, each with delay, rate, a byte-limited queue and impairments.

 *
 * A FIFO direction has one pending event, its head's, and a ring of packets; its delivery times never decrease, even
 * when the delay changes, and its backlog is "busy until". A direction with jitter or reordering puts packets into the
 * event heap one by one; where both ways apply they give the same trace. Loss and every other impairment is a function
 of
 * (seed, link name, direction, 1 ms slot, ordinal in the slot) and of nothing else: other packets before it change
 * nothing. */
#ifndef IT_NETSIM_CORE_LINK_H
#define IT_NETSIM_CORE_LINK_H

#include "netsim/core/world.h"

/* Losses that remember follow a chain of two states on a clock of its own: time is cut into places of 20 ms, the
 * spacing of the packets of a voice stream, and each place is good or bad. Such a stream, 50 packets a second, is the
 * reference for which a model of losses by packet is declared: one packet a place. A faster one sees the same share of
 * time and the same spells, with as many packets more in each.
 *
 * Burst losses are Gilbert's model: all packets of a bad place are lost, |loss_ppm| of the places are bad, in runs of
 * |burst_milli| on average. Gilbert and Elliott's has four parameters: the chances of going from good to bad and from
 * bad to good, and the share of packets lost in each state, each packet drawn by itself. */
#define IT_LINK_BURST_PLACE (20 * IT_MS)

/* The parameters of Gilbert and Elliott's model, in ppm. */
typedef struct it_link_ge {
    uint32_t p, r;      /* a good place is followed by a bad one, a bad one by a good one; |r| 0: no such model */
    uint32_t good, bad; /* packets lost in good places and in bad ones */
} it_link_ge;

#define IT_LINK_TIME_MAX (24 * 3600 * IT_SEC) /* largest delay or jitter */

#define IT_LINK_DETOUR (40 * IT_MS) /* the most by which a packet out of order is late where there is no jitter */
#define IT_LINK_STEPS_MAX 4096      /* of a recorded trace */

/* A recorded trace: from |at| on, until the next step, delay and loss are these. */
typedef struct it_link_step {
    it_time at;       /* since the world began or, with |steps_every|, since the last round began */
    it_time delay;    /* -1: as the direction's */
    int32_t loss_ppm; /* independent losses; -1: as the direction's */
} it_link_step;

enum it_link_queue { IT_LINK_FIFO, IT_LINK_CODEL };

/* One direction. All zeros: instant, infinitely fast, never loses. */
typedef struct it_link_dir_cfg {
    it_time delay;  /* propagation, one way */
    it_time jitter; /* extra delay, uniform in [0, jitter], by the slot rule; order is kept unless |reorder_ppm| */
    int64_t rate;   /* bit/s; 0: infinite */
    int64_t queue;  /* bytes, up to 1 GiB: a packet is refused while more than that is ahead of it, what is on the wire
                       counted  as far as it is unsent; 0 with a rate: 64 KiB */
    uint32_t loss_ppm; /* loss probability; what is lost has been on the wire */
    /* mean length of a loss burst in thousandths of a place, 1000 to 1,000,000; 0: independent losses.
                        So are losses whose bursts would be shorter than independent ones, 1 / (1 - loss) */
    uint32_t burst_milli;
    it_link_ge ge;   /* |ge|.r above 0: losses are these, and |loss_ppm| and |burst_milli| do not count */
    uint32_t mtu;    /* bytes of IP packet, up to IT_PKT_MAX; 0: that */
    bool mtu_silent; /* nobody is told: to the nodes at its ends the link looks as if it took IT_PKT_MAX (RFC 2923) */
    uint32_t reorder_ppm; /* packets that leave the order: those behind may overtake them. They are late by the jitter,
                             or by up to IT_LINK_DETOUR where there is none */
    uint32_t duplicate_ppm; /* packets that arrive twice, the copy right behind the original */
    uint32_t corrupt_ppm;   /* packets of which a bit flips on the way: checksums are then wrong */
    uint32_t truncate_ppm;  /* packets that are cut short on the way */
    /* |mask_bits| places of IT_LINK_BURST_PLACE, over and over from time 0: what is sent in place k is */
    uint64_t mask;
    uint8_t mask_bits;         /* lost when bit k (from the lowest) is set; 0: no mask, at most 64 */
    uint8_t queueing;          /* enum it_link_queue; IT_LINK_CODEL needs a rate */
    it_time target, interval;  /* of CoDel, RFC 8289 sections 4.2 and 4.3; 0: 5 ms and 100 ms */
    int64_t bucket;            /* token bucket: after a rest that many bytes pass at once, the rest at |rate| */
    it_time period, gap;       /* every |period|, at a phase of the link's own, an outage of |gap| ... */
    uint32_t gap_ppm;          /* ... in which this share is lost; 0: all */
    bool swallow;              /* it begins as a blackhole, which it_link_restore ends */
    const it_link_step *steps; /* a recorded trace, |n_steps| in order of time; copied */
    uint32_t n_steps;
    it_time steps_every; /* it begins anew so often; 0: its last step lasts */
} it_link_dir_cfg;

/* NULL when a direction can be like |c|, else a sentence that says what is wrong. Static storage. */
const char *it_link_dir_fault(const it_link_dir_cfg *c);

typedef struct it_link_cfg {
    const char *name;       /* of its random streams; unique in the world */
    it_link_dir_cfg dir[2]; /* [0]: from end 0 to end 1 */
} it_link_cfg;

typedef struct it_link_stats {
    uint64_t packets, bytes;            /* delivered */
    uint64_t lost;                      /* by loss, mask, gap or recorded trace */
    uint64_t dropped;                   /* by queue, cut, blackhole, MTU or a rule of it_link_pick */
    uint64_t duplicated, damaged, late; /* copies made; bits flipped or ends cut off; out of order */
} it_link_stats;

/* Plugs a new link between port |pa| of |a| (end 0) and |pb| of |b| (end 1), carrier up; ops->carrier is not called for
 * that. Returns its index or IT_ERR_NOMEM, IT_ERR_EXISTS (name taken), IT_ERR_STATE (a port is in use), IT_ERR_RANGE (a
 * negative or impossible parameter, no such port). */
int it_link_new(it_world *w, const it_link_cfg *cfg, it_node *a, int pa, it_node *b, int pb) IT_MUST_CHECK;

/* The link plugged into |port| of |n|, -1 when none. */
int it_link_at(const it_node *n, int port);
/* The link called |name|, -1 when none; its name, NULL for an index that is none. */
int it_link_find(const it_world *w, const char *name);
const char *it_link_name(const it_world *w, int link);
/* The node at |end| (0 or 1) of the link, its port in |*port|. */
it_node *it_link_end(const it_world *w, int link, int end, int *port);
/* The largest IP packet that |port| of |n| believes it can send: its link's MTU, IT_PKT_MAX when nothing is plugged in
 * or the link does not tell. */
uint32_t it_link_mtu(const it_node *n, int port);

/* Cuts the link: what is in flight and what comes later is dropped (IT_DROP_CUT, at the node that sent it). With
 * |signal| both ends lose carrier. */
void it_link_cut(it_world *w, it_time now, int link, bool signal);
/* Drops silently what is sent from end |from| (0 or 1; -1: both) from now on; what is in flight arrives. */
void it_link_blackhole(it_world *w, it_time now, int link, int from);
/* Undoes cut and blackhole. Returns 0, or IT_ERR_STATE when the link is whole. */
int it_link_restore(it_world *w, it_time now, int link);
/* Replaces the parameters of direction |dir| from now on; what is in flight keeps its times. Returns 0, IT_ERR_RANGE or
 * IT_ERR_NOMEM, the direction then as it was. */
int it_link_set(it_world *w, it_time now, int link, int dir, const it_link_dir_cfg *cfg);
/* The parameters of direction |dir|, valid until the link is set or the world freed. */
const it_link_dir_cfg *it_link_get(const it_world *w, int link, int dir);
/* What is broken of a link: cut, its ends without carrier, what end 0 or 1 sends dropped silently. */
typedef struct it_link_faults {
    bool cut, dark, swallows[2];
} it_link_faults;
it_link_faults it_link_broken(const it_world *w, int link);
/* True while neither cut nor swallowing in any direction. */
bool it_link_whole(const it_world *w, int link);
/* What direction |dir| has done so far. */
it_link_stats it_link_stat(const it_world *w, int link, int dir);

/* What happens to a chosen packet. */
enum it_link_action { IT_LINK_DROP, IT_LINK_DELAY, IT_LINK_DUPLICATE, IT_LINK_CORRUPT, IT_LINK_TRUNCATE };

typedef struct it_link_choice {
    int from;          /* the end that sends it, 0 or 1; -1: either, counted together */
    uint32_t nth;      /* from 1, counted from now among those whose label starts with ... */
    const char *label; /* ... this, of which 63 characters count; NULL: any */
    enum it_link_action action;
    it_time delay; /* of IT_LINK_DELAY: later packets overtake it */
} it_link_choice;

#define IT_LINK_CHOICES 8 /* choices of a link that may wait at once */

/* How many more packets the choice in |slot|, from 0, waits for; 0 when it had its packet or there was none.
 * it_link_choose takes the first slot that is free. */
uint32_t it_link_waits(const it_world *w, int link, int slot);

/* Chooses one packet. Returns 0, IT_ERR_FULL (at most 8 choices a link wait for their packet) or IT_ERR_RANGE (|nth| 0,
 * no such end, a delay below 0 or above IT_LINK_TIME_MAX). */
int it_link_choose(it_world *w, int link, const it_link_choice *c);

/* The same for dropping (|delay| 0) or delaying. */
int it_link_pick(it_world *w, int link, int from, uint32_t nth, const char *label, it_time delay);

#endif
