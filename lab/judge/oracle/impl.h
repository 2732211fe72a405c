/* One run of the oracle: the tables of all boxes, the two sides, the steps that are still to come. See oracle.h. */
#ifndef IT_LAB_JUDGE_ORACLE_IMPL_H
#define IT_LAB_JUDGE_ORACLE_IMPL_H

#include "lab/judge/oracle/ladder.h"

#include "base/rng.h"
#include "base/table/heap.h"

#include <string.h>

/* Room of a run. What does not fit is not followed: by then the same has been met often enough. */
#define IT_ORC_MAPS 2048
#define IT_ORC_SESSIONS 4096
#define IT_ORC_FLOWS 2048
#define IT_ORC_RANGES 4096 /* port symbols whose range is known */
#define IT_ORC_REMOTES 128 /* candidates of the other side, peer-reflexive ones included */
#define IT_ORC_PAIRS 512
#define IT_ORC_STEPS 1024
#define IT_ORC_TRAIL 16 /* NATs that a message passes on its way out */

#define IT_ORC_SYMBOL 65536u /* ports from here on are symbols */
#define IT_ORC_LOSSES 6      /* messages that a run loses at most: retransmissions come through at last */
#define IT_ORC_WHY 256

typedef struct it_orc_end {
    it_ip ip;
    uint32_t port;
} it_orc_end;

static inline bool it_orc_same(it_orc_end a, it_orc_end b)
{
    return it_ip_eq(a.ip, b.ip) && a.port == b.port;
}

typedef struct it_orc_map {
    int box; /* -1: free */
    it_orc_end in, ext;
    it_orc_end key; /* the remote side as far as the mapping hangs on it (RFC 4787 section 4.1) */
    it_time until;  /* of a NAT without inbound sessions: as long as inbound packets have kept it */
    uint32_t made;  /* later ones have higher numbers */
} it_orc_map;

enum { IT_ORC_INITIAL, IT_ORC_REPLIED, IT_ORC_STREAM };

typedef struct it_orc_session {
    int box; /* -1: free */
    int map; /* -1: of the box itself */
    it_orc_end in, ext, remote;
    it_time created, last;
    uint8_t stage;
    bool inward; /* begun by a packet from outside */
} it_orc_session;

typedef struct it_orc_flow {
    int box; /* -1: free */
    it_orc_end in, out;
    it_time created, last;
} it_orc_flow;

enum it_orc_msg {
    IT_ORC_ASK, /* a server is asked: STUN's, or RTMFP's for a session */
    IT_ORC_TOLD,
    IT_ORC_CHECK, /* between peers */
    IT_ORC_ANSWER,
    IT_ORC_MEET, /* an IHello to the server for the other side; what it makes of it, and those between peers (rtmfp.c)
                  */
    IT_ORC_FIHELLO,
    IT_ORC_IHELLO,
    IT_ORC_RHELLO,
    IT_ORC_IIKEYING,
    IT_ORC_COOKIE,
    IT_ORC_RIKEYING
};

/* A message on its way. */
typedef struct it_orc_pkt {
    enum it_orc_msg msg;
    uint8_t side;            /* who began the exchange */
    uint8_t base;            /* and from which base */
    int16_t pair;            /* CHECK and ANSWER */
    it_orc_end src, dst;     /* as they are now */
    it_orc_end mapped;       /* in TOLD and ANSWER: the source that the request came from */
    uint8_t far_base;        /* ANSWER: whose it is */
    int boxes;               /* NATs and firewalls passed */
    int turned;              /* the box that turned it around, -1 */
    bool inward;             /* away from the internet */
    int trail[IT_ORC_TRAIL]; /* sessions made use of outwards, for ICMP errors on their way back */
    int n_trail;
} it_orc_pkt;

enum it_orc_what {
    IT_ORC_AT_NET,
    IT_ORC_AT_WAN,
    IT_ORC_AT_BASE,
    IT_ORC_SERVED,
    IT_ORC_TICK,
    IT_ORC_SIGNAL,
    IT_ORC_RESEND
};

typedef struct it_orc_step {
    enum it_orc_what what;
    int place; /* net, box, base of the side at |who| */
    int who;   /* side */
    it_orc_pkt pkt;
} it_orc_step;

/* A candidate of the other side. */
typedef struct it_orc_remote {
    it_orc_end end;
    uint8_t kind; /* enum it_oracle_cand, as it was learned first */
    uint8_t rank; /* 0 the best of its kind */
    uint8_t transport;
    uint8_t told; /* kind by which it was told; IT_ORACLE_PRFLX: never */
    it_time told_at;
} it_orc_remote;

enum it_orc_state { IT_ORC_WAITING, IT_ORC_RUNNING, IT_ORC_FAILED, IT_ORC_VALID };

typedef struct it_orc_pair {
    int base, remote;
    uint8_t state;
    uint32_t triggered; /* place in the queue of triggered checks; 0: not in it */
    uint32_t serial;    /* of its check that is under way: what is older sends nothing again */
    int tries;
    it_time rto;
    it_orc_end mapped; /* VALID: where its check came from, as its far side saw it; the far base */
    int far_base;
    uint16_t kinds; /* set of kinds, as it_oracle_way.pairs */
    bool local;     /* no box on the way */
    int turned;     /* the box that turned its answer around, -1 */
    it_time valid_at;
} it_orc_pair;

typedef struct it_orc_side {
    it_orc_end base[IT_ORACLE_SOCKETS];
    it_orc_end reflexive[IT_ORACLE_SOCKETS]; /* what the STUN server has told; none: not yet */
    it_time reflexive_at[IT_ORACLE_SOCKETS];
    bool asked[IT_ORACLE_SOCKETS];
    int more_asks; /* what else servers are to be asked for: it takes turns, and goes elsewhere */
    int n_remotes, n_pairs;
    bool heard;    /* the other side's credentials are here */
    bool ask_next; /* asking and checking take turns: RFC 8445 sections 5.1.1.2, 6.1.4.2 */
    bool given;    /* the other family has taken the turn */
    int others;    /* pairs of its checklist that the run leaves out */
    it_time free;  /* no new exchange before */
    it_time ticks; /* the next look is due then */
    uint32_t queued;
    /* From here on a run does not begin with zeros: an entry is written when it is made. */
    it_orc_remote remote[IT_ORC_REMOTES];
    it_orc_pair pair[IT_ORC_PAIRS];
} it_orc_side;

#define IT_ORC_CANDS 24 /* REDIRECT_THRESHOLD, RFC 7016 section 3.5.1.1.1 */

enum it_orc_met { IT_ORC_APART, IT_ORC_HELLO, IT_ORC_KEYING, IT_ORC_MET, IT_ORC_YIELDED };

/* A side that is an end of RTMFP: its session with the server, and the one that it opens to the other side. */
typedef struct it_orc_meet {
    it_time began, asked_at, trip; /* the try to connect, its last IHello, how long that took there and back */
    it_time up_at, there;          /* it is connected, the server knows its addresses; IT_NEVER: not yet */
    int home;                      /* base of that session */
    it_orc_end seen;               /* where the server sees it */
    enum it_orc_met state;
    it_time opening; /* since when; IT_NEVER: not yet */
    int cands;
    it_orc_end cand[IT_ORC_CANDS];
    int base, serial; /* of the keying */
    it_orc_end to, cookie;
    bool changed;
} it_orc_meet;

/* What is seen on the way: why something did not come through. The box by which, or -1. */
enum it_orc_seen {
    IT_ORC_SAW_BLOCK,
    IT_ORC_SAW_NO_HAIRPIN,
    IT_ORC_SAW_INTERNAL, /* a hairpin with the internal source */
    IT_ORC_SAW_LIMIT,
    IT_ORC_SAW_EVICTED,
    IT_ORC_SAW_SCARCE, /* of few ports none was left, or one may be given again */
    IT_ORC_SAW_CLASH,
    IT_ORC_SAW_TAKEN, /* unsolicited, for the box's own */
    IT_ORC_SAW_KILLED,
    IT_ORC_SAW_LOGIN,
    IT_ORC_SAW_N
};

/* How a side's pace is shared with exchanges of the other family, which is run by itself: not, every second turn, by
 * chance. */
enum it_orc_share { IT_ORC_ALONE, IT_ORC_IN_TURN, IT_ORC_BY_CHANCE };

/* Which of the orders that delays allow. */
typedef struct it_orc_variant {
    it_time skew[2];                   /* so much later than its pace says a side checks */
    bool slow_first[2], slow_later[2]; /* of what a side tells: its host candidates, the others */
    bool slow_stun[2];
    bool jitter;                /* every wire takes as long as it may by chance */
    uint8_t loss;               /* of 16 messages on a wire that may lose any, so many are lost, IT_ORC_LOSSES in all */
    uint8_t pool;               /* an arbitrary pool: 0 always the same address, 1 in turn, 2 by chance */
    bool shuffled;              /* waiting checks in any order */
    bool crowded;               /* a check's RTO counts the pairs of a side that the run leaves out */
    enum it_orc_share share[2]; /* of a side with addresses of both families */
    bool spared;                /* ICMP errors end no mapping: they come too late for that */
    bool edge;                  /* a port that may lie outside a range does */
    bool six;                   /* of IPv6, else IPv4 */
    int prevails;               /* RTMFP: the side whose certificate is the smaller one */
    uint64_t seed;
} it_orc_variant;

typedef struct it_orc {
    const it_oracle_query *q;
    it_orc_variant v;
    it_rng rng;
    it_time now;
    it_orc_map map[IT_ORC_MAPS];
    it_orc_session session[IT_ORC_SESSIONS];
    it_orc_flow flow[IT_ORC_FLOWS];
    int n_maps, n_sessions, n_flows;
    it_heap due; /* of steps, by time, those of a time in the order they were put down */
    it_orc_step step[IT_ORC_STEPS];
    int free[IT_ORC_STEPS], n_free;
    bool oom;
    it_orc_side side[2];
    it_orc_meet meet[2]; /* model C's, beside the bases of |side| */
    uint32_t next_symbol, made;
    uint64_t order;
    uint16_t lo[IT_ORC_RANGES], hi[IT_ORC_RANGES]; /* where the port of a symbol lies */
    uint32_t turn;                                 /* of pools */
    int losses;
    struct {
        int box;
        it_ip host;
        it_time tat;
    } rate[32]; /* sessions a second: theoretical arrival time of the next */
    int n_rates;
    uint32_t given[IT_ORACLE_BOXES]; /* ports like no other, by box */
    int saw[IT_ORC_SAW_N];
    it_time won_at; /* IT_NEVER: not yet */
    bool local;     /* by a way without boxes */
    int hairpinned; /* the box that turned what came through, -1 */
    uint32_t pairs[2];
} it_orc;

/* The bases of a side stand transport by transport: which one |base| of side |who| is of, and its place among those. */
static inline int it_orc_per(const it_orc *o, int who)
{
    return o->q->transports > 1 ? o->q->side[who].n_bases / o->q->transports : IT_ORACLE_SOCKETS;
}
static inline int it_orc_transport(const it_orc *o, int who, int base)
{
    return base / it_orc_per(o, who);
}
static inline int it_orc_place(const it_orc *o, int who, int base)
{
    return base % it_orc_per(o, who);
}

/* What a box does with a message. */
enum it_orc_action { IT_ORC_DROP, IT_ORC_PASS, IT_ORC_BACK, IT_ORC_REFUSE };

/* A new port symbol in [|lo|, |hi|]. */
uint32_t it_orc_symbol(it_orc *o, uint16_t lo, uint16_t hi);
/* Where |port| lies, which may be none of a symbol. */
void it_orc_port_range(const it_orc *o, uint32_t port, uint16_t *lo, uint16_t *hi);
/* Puts down that |box| did what |what| says. */
void it_orc_saw(it_orc *o, enum it_orc_seen what, int box);

/* --- nat.c: RFC 4787 --- */

/* |p| from inside: source translated for the outside (PASS), or both ends for the inside (BACK, RFC 4787 section 6). */
enum it_orc_action it_orc_nat_out(it_orc *o, int box, it_orc_pkt *p);
/* |p| from outside: destination translated. REFUSE: an ICMP error answers. */
enum it_orc_action it_orc_nat_in(it_orc *o, int box, it_orc_pkt *p);
/* An ICMP error about what went out by |session| comes back. RFC 4787 REQ-12. */
void it_orc_nat_error(it_orc *o, int session);
/* When the next session of |host| may come at |box|, which lets in so many a second. */
it_time *it_orc_arrival_of(it_orc *o, int box, it_ip host);
/* Ends what was idle for too long. */
void it_orc_expire(it_orc *o);

/* --- stream.c --- */

/* The streams of signaling are there from the beginning. */
void it_orc_hold_streams(it_orc *o);

/* --- port.c: which external endpoint --- */

/* The external endpoint of a new mapping of |in| for |remote|; false when there is none. RFC 4787 sections 4.1, 4.2. */
/* True when |n| has so few ports that a call may use them up, or get one twice. */
bool it_orc_few_ports(const it_oracle_nat *n);
bool it_orc_alloc(it_orc *o, int box, it_orc_end in, it_orc_end remote, it_orc_end *ext);
/* The newest session by (|box|, external endpoint, remote endpoint), -1. */
int it_orc_session_at(const it_orc *o, int box, it_orc_end ext, it_orc_end remote);
/* The newest mapping at |ext| below number |before|, -1. */
int it_orc_map_at(const it_orc *o, int box, it_orc_end ext, uint32_t before);

/* --- wall.c: RFC 6092 --- */

/* |p| through firewall |box|, outwards or inwards. */
enum it_orc_action it_orc_wall(it_orc *o, int box, bool out, const it_orc_pkt *p);

/* Whether |port| is surely among those of |list|, which is set. A symbol is none: such a port is drawn among thousands.
 */
bool it_orc_listed(const it_oracle_ports *list, uint32_t port);

/* --- way.c: nets --- */

/* Puts |p| on its way from base |base| of side |who|, now. */
void it_orc_send(it_orc *o, int who, int base, it_orc_pkt p);
/* Goes one step on. */
void it_orc_way(it_orc *o, const it_orc_step *s);
/* Puts down a step. */
void it_orc_later(it_orc *o, it_time at, enum it_orc_what what, int who, int place, const it_orc_pkt *p);
/* Whether base |b| of side |who| is spoken of by IPv4. */
bool it_orc_is4(const it_orc *o, int who, int b);

/* --- side.c: RFC 8445 --- */

/* Both sides begin: bases have ports, host candidates are told. */
void it_orc_begin(it_orc *o);
/* Side |who| sends what is next, if its pace allows: RFC 8445 section 14.2. */
void it_orc_tick(it_orc *o, int who);
/* Side |who| is told of candidate |cand|, the |rank|-th of the other side. */
void it_orc_hear(it_orc *o, int who, it_orc_end cand, int base, uint8_t kind);
/* A request that |s| is of goes out again, if nobody has answered. */
void it_orc_again(it_orc *o, const it_orc_step *s);
/* |p| has come to |base| of side |who|. */
void it_orc_arrive(it_orc *o, int who, int base, const it_orc_pkt *p);

/* --- rtmfp.c: RFC 7016, in place of side.c's where the model is C --- */

/* Both sides begin to connect. */
void it_orc_meet_begin(it_orc *o);
/* What |s| is a reminder of is due. */
void it_orc_meet_again(it_orc *o, const it_orc_step *s);
/* |p| has come to |base| of side |who|. */
void it_orc_meet_arrive(it_orc *o, int who, int base, const it_orc_pkt *p);
/* |p| has come to the server. Whether that answers; what else it does is done. */
bool it_orc_meet_served(it_orc *o, const it_orc_pkt *p);

/* --- run.c --- */

/* Goes through |q| in the order of |v| until nothing can come any more. |o| is written from the beginning. */
void it_orc_run(it_orc *o, const it_oracle_query *q, const it_orc_variant *v);
/* The pairs that are valid at both ends: into |o|->pairs, with how they came about. True when there is any. */
bool it_orc_won(it_orc *o);

/* --- why.c --- */

/* What is known of all variants together. */
typedef struct it_orc_sum {
    int variants, opened;
    it_time latest;
    bool scarce;           /* of few ports none was left, or one may have been given again */
    bool doubtful;         /* a path was found by mappings that ICMP errors may end again before it is used */
    int saw[IT_ORC_SAW_N]; /* the box in a variant where no path was found, else where one was; -1 */
    bool local;
    int hairpinned;
    uint32_t pairs[2];
} it_orc_sum;

/* Why |sum| is as it is, for one family: a sentence into |why|. */
void it_orc_why(const it_oracle_query *q, bool six, const it_orc_sum *sum, char why[IT_ORC_WHY]);

/* --- kinds.c --- */

/* The kinds of |pairs| of side |who| when either side may be the first at the boxes, by what else they have to do than
 * was run: who comes first through a box that maps by destination (RFC 4787 section 4.1) is seen by another port than
 * the STUN server told of, who answers by that one. By TCP or UDP. */
uint32_t it_orc_either_first(const it_oracle_query *q, int who, bool tcp, uint32_t pairs);

/* --- relay.c --- */

/* How many bases of family |six| side |who| has; how many candidates of it. */
int it_orc_bases_of(const it_oracle_query *q, int who, int six);
int it_orc_candidates(const it_oracle_query *q, int who, int f);
/* Pairs of the checklist of side |who| but those of direct UDP of family |run|, of one transport (RFC 8445 section
 * 6.1.2). */
int it_orc_other_pairs(const it_oracle_query *q, int who, int run);
/* Whether a box gives out so little, or passes so slowly, that a flow more may find no place. */
bool it_orc_scarce(const it_oracle_query *q);

/* --- proxy.c --- */

/* How sure it is that side |who| of |q| comes to the server of its ways over WebSocket by one of them; |one|: a copy of
 * |q| to work in; |*families|: by which it may; |why| of |cap| bytes: what is in the way, a clause. */
enum it_oracle_outcome it_orc_web_reach(const it_oracle_query *q, it_oracle_query *one, int who, uint8_t *families,
                                        char *why, size_t cap);

/* --- ladder.c --- */

/* Lets the ways of |v| know of relays: one that must open may be overtaken where losses, distance or a box that gives
 * out little hold it up for longer than a relayed pair waits to be nominated, or where none waits, and where flows to
 * the server take the places of its own it may not open at all. */
void it_orc_relays_beside(const it_oracle_query *q, it_oracle_verdict *v);
/* Writes into |*w| that |rung| is not judged because |what|, a clause, is not there yet. */
void it_orc_not_built(enum it_oracle_rung rung, const char *what, it_oracle_way *w);
/* Fills what |v| says of the whole from its ways. */
void it_orc_conclude(it_oracle_verdict *v);

#endif
