/* What the files of TCP share; nobody else includes this.
 *
 *     sock.c    the calls of netsim/tcp/tcp.h                 output.c  what to send next, and how it leaves
 *     conn.c    connections: birth, death, events         timer.c   the timers of a connection, the queue of a host
 *     input.c   segment arrives, pass by pass             icmp.c    ICMP errors and the path MTU
 *     ack.c     what an acknowledgment does               seg.c     segments and options as bytes
 *     text.c    data and FIN in, window out               ring.c    ring buffers and ranges of sequence numbers
 *
 *     sent.c    segments under way: the scoreboard        rack.c    which are lost, by time (RFC 8985 section 6)
 *     recover.c states of recovery, losses by count       tlp.c     tail loss probes (RFC 8985 section 7)
 *     prr.c     the window in recovery (RFC 6937)         undo.c    recoveries that were in vain (RFC 5682, 3522, 2883)
 *     cc.c      round trips, congestion control, Reno     cubic.c   CUBIC (RFC 9438) */
#ifndef IT_NETSIM_TCP_IMPL_H
#define IT_NETSIM_TCP_IMPL_H

#include "base/table/heap.h"
#include "base/table/map.h"
#include "netsim/host/impl.h"
#include "netsim/host/transport.h"
#include "netsim/tcp/tcp.h"

#define TCP_RANGES 256              /* ranges received above a gap that a side keeps */
#define TCP_PMTU_AGE (600 * IT_SEC) /* a lowered path MTU is tried again: RFC 1191 section 6.3, RFC 8201 section 4 */
#define TCP_OPTIONS 40              /* bytes of options at most */
#define TCP_CHALLENGES 10           /* replies to unacceptable segments in 5 s, RFC 5961 section 7 */
#define TCP_DUP_THRESH 3            /* RFC 5681 section 3.2 */
#define TCP_CONN 0x20000000         /* socket numbers: a kind, 12 bits of generation, 16 of slot */
#define TCP_LISTENER 0x10000000

/* --- sequence numbers, RFC 9293 section 3.4 --- */

static inline bool it_tcp_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool it_tcp_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}
static inline uint32_t it_tcp_max(uint32_t a, uint32_t b)
{
    return it_tcp_lt(a, b) ? b : a;
}
static inline uint32_t it_tcp_min(uint32_t a, uint32_t b)
{
    return it_tcp_lt(a, b) ? a : b;
}
static inline uint32_t it_tcp_less(uint32_t a, uint32_t b) /* of two amounts */
{
    return a < b ? a : b;
}

/* --- ring buffers and ranges (ring.c) --- */

/* A byte queue that doubles up to a bound and then stays: |n| bytes from |head| on. Bytes may be put behind the end, to
 * be counted in later. */
typedef struct it_tcp_ring {
    uint8_t *p;
    uint32_t cap; /* a power of two, 0 before the first use */
    uint32_t head, n;
} it_tcp_ring;

/* Writes |data| at |off| from the head. Returns 0 or IT_ERR_NOMEM, the ring then as it was. */
int it_tcp_ring_put(it_tcp_ring *r, it_alloc *a, uint32_t off, it_bytes data);
/* The |n| bytes from |off| on, in one or two pieces. */
void it_tcp_ring_get(const it_tcp_ring *r, uint32_t off, uint32_t n, it_bytes piece[2]);
void it_tcp_ring_drop(it_tcp_ring *r, uint32_t n);
void it_tcp_ring_free(it_tcp_ring *r, it_alloc *a);

/* Sequence numbers from |lo| to before |hi|. */
typedef struct it_tcp_range {
    uint32_t lo, hi;
    uint32_t stamp; /* when it was touched last: larger is later */
} it_tcp_range;

/* Disjoint ranges, neither touching, in rising order. */
typedef struct it_tcp_ranges {
    it_tcp_range *v;
    uint32_t n, stamp;
    size_t cap;
} it_tcp_ranges;

/* Adds lo..hi, joining what it touches. Returns how many numbers are new, or IT_ERR_FULL or IT_ERR_NOMEM, nothing then
 * changed.
 */
int64_t it_tcp_ranges_add(it_tcp_ranges *r, it_alloc *a, uint32_t lo, uint32_t hi);
/* Forgets everything below |seq|. */
void it_tcp_ranges_cut(it_tcp_ranges *r, uint32_t seq);
void it_tcp_ranges_free(it_tcp_ranges *r, it_alloc *a);

/* --- segments (seg.c) --- */

typedef struct it_tcp_seg {
    uint32_t seq, ack, wnd; /* |wnd| as in the header */
    uint32_t len;           /* of the data */
    const uint8_t *data;
    uint8_t flags;
    bool has_ts, sack_ok, has_ws;
    uint8_t ws, n_sack;
    uint16_t mss; /* 0: no such option */
    uint32_t tsval, tsecr;
    it_tcp_range sack[4];
    uint64_t packet;
} it_tcp_seg;

/* Sequence numbers a segment takes: data, SYN, FIN. */
static inline uint32_t it_tcp_seg_span(const it_tcp_seg *s)
{
    return s->len + ((s->flags & IT_TCP_SYN) != 0) + ((s->flags & IT_TCP_FIN) != 0);
}

/* Reads the header and the options of |p|; options that are malformed or unknown are passed over (RFC 9293 section 3.1,
 * MUST-6, 7). */
void it_tcp_seg_read(const it_pkt *p, it_tcp_seg *s);

/* --- connections --- */

enum {
    TCP_T_USER,
    TCP_T_REO, /* RFC 8985 section 6.2 step 5 */
    TCP_T_PTO, /* section 7.2; the retransmission timer rests meanwhile */
    TCP_T_RTO,
    TCP_T_PERSIST,
    TCP_T_DELACK,
    TCP_T_KEEP,
    TCP_T_WAIT,
    TCP_TIMERS
};

/* Where loss recovery stands. */
enum { TCP_OPEN, TCP_FAST /* RFC 6582, 6675, 8985 */, TCP_LOSS /* after a time-out, until |recover| */ };

/* --- segments under way (sent.c) --- */

enum {
    SENT_SACKED = 1,
    SENT_LOST = 2,  /* the first transmission counts as lost */
    SENT_AGAIN = 4, /* a retransmission is under way */
    SENT_EVER = 8   /* was sent more than once */
};

typedef struct it_tcp_sent {
    uint32_t lo, hi; /* sequence numbers, the FIN's included */
    it_time at;      /* of the last transmission */
    uint8_t marks;
} it_tcp_sent;

/* The segments from SND.UNA to SND.NXT in the order of their sequence numbers, with how many of them bear which marks:
 * the scoreboard of RFC 6675 section 3 and RFC 8985 section 5.1. */
typedef struct it_tcp_sents {
    it_tcp_sent *v;
    uint32_t cap; /* a power of two, 0 before the first use */
    uint32_t head, n;
    uint32_t sacked;
    uint32_t lost, again; /* of those not SACKed */
    uint32_t due;         /* lost, and no retransmission under way */
    uint32_t hint;        /* no segment below is due */
} it_tcp_sents;

static inline it_tcp_sent *it_tcp_sent_at(const it_tcp_sents *q, uint32_t i)
{
    return &q->v[(q->head + i) & (q->cap - 1)];
}

/* What an acknowledgment said about segments under way. */
typedef struct it_tcp_news {
    uint32_t acked;     /* segments that were acknowledged, and had not been SACKed */
    uint32_t sacked;    /* segments that became SACKed */
    uint32_t left;      /* segments that were acknowledged at all */
    uint32_t dups;      /* without SACK: 1 for a duplicate acknowledgment */
    uint32_t una, fack; /* SND.UNA and the highest SACKed before */
    bool advanced;      /* SND.UNA */
    bool original;      /* something sent once, before |recover|, has arrived: RFC 5682 section 3.1 */
    bool resent;        /* something sent more than once was acknowledged */
    bool dsack;         /* RFC 2883 */
    it_time rtt;        /* of the oldest segment sent once that has arrived now; -1: none */
    it_time last_rtt;   /* of the youngest; -1: none */
    uint32_t reordered; /* the lowest that came after one above it; |una| + 2^31: none */
} it_tcp_news;

/* --- congestion control (cc.c, cubic.c) --- */

typedef struct it_tcp_conn it_tcp_conn;

/* A congestion control. Windows are counted in segments, small ones like large ones, as Linux does. */
typedef struct it_tcp_cc {
    const char *name;
    void (*start)(it_tcp_conn *c, it_time now); /* a connection begins, or a time-out has made all it knew void */
    uint32_t (*ssthresh)(it_tcp_conn *c);       /* what the window comes down to after a loss */
    /* |n| segments were delivered while the window was what held the sender back. */
    void (*grow)(it_tcp_conn *c, it_time now, uint32_t n);
    void (*sample)(it_tcp_conn *c, it_time now, it_time rtt); /* a round trip */
    void (*resume)(it_tcp_conn *c, it_time now, it_time gap); /* data leaves after |gap| with nothing under way */
} it_tcp_cc;

/* CUBIC and HyStart: windows in segments. */
typedef struct it_tcp_cubic {
    uint32_t w_max;   /* before the last loss; 0: there was none */
    uint32_t origin;  /* of the curve: its plateau */
    uint32_t count;   /* of segments delivered that make the window larger by one */
    uint32_t w_est;   /* what Reno would have */
    uint32_t est_acc; /* segments that count towards its growth */
    uint32_t last_cwnd;
    it_time last_at;
    uint64_t k;    /* in units of 1/1024 s from |epoch| to the plateau */
    it_time epoch; /* IT_NEVER: the curve begins with the next acknowledgment */
    it_time rtt_min;
    it_time round_at, train_at; /* when this round of HyStart began, the last acknowledgment of a train */
    it_time round_rtt;          /* the least in it */
    uint32_t round_end, samples;
    bool left; /* HyStart has ended slow start */
} it_tcp_cubic;

/* The search for the path MTU by probes, RFC 4821: sizes of IP packets. */
typedef struct it_tcp_plp {
    bool on;            /* large segments have vanished */
    uint32_t low, high; /* search_low, search_high */
    uint32_t size;      /* of the probe under way; 0: there is none */
    uint32_t lo, hi;    /* its sequence numbers */
} it_tcp_plp;

typedef struct it_tcp_rack {
    it_time at;   /* RACK.xmit_ts */
    uint32_t end; /* RACK.end_seq */
    it_time rtt;
    bool advanced;
    bool dsack; /* a D-SACK came since the window was last changed */
    uint32_t mult, persist;
    uint32_t changed; /* |delivered| at that time */
} it_tcp_rack;

struct it_tcp_conn {
    it_host *h;
    int socket;    /* its number */
    int listener;  /* the one it came from, -1: active open */
    uint8_t state; /* enum it_tcp_state */
    uint8_t recovery;
    bool user;    /* somebody holds the number */
    bool waiting; /* counts against its listener's backlog */
    bool mapped;  /* in the table of connections */
    it_addr local, remote;
    it_tcp_opts o;
    it_time timer[TCP_TIMERS];
    it_time wake; /* its entry in the host's queue of timers */

    /* sending: RFC 9293 section 3.3.1 */
    uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
    uint32_t snd_max;   /* the highest SND.NXT so far; above it after a time-out, and one above after a window probe */
    uint32_t max_wnd;   /* the largest window seen */
    uint32_t small_end; /* behind the last segment of new data that was not full */
    uint32_t snd_base;  /* sequence number of the first byte in |snd| */
    it_tcp_ring snd;
    it_tcp_sents out;   /* what is under way */
    bool fin;           /* FIN follows the last byte of |snd| */
    bool room_wanted;   /* the holder asked for room, or a write was cut short: WRITABLE is owed once there is more */
    bool granted;       /* the holder has ever asked for room and goes by it */
    it_time still_at;   /* since when the stream stands still for no reason outside; IT_NEVER: it does not */
    it_time still;      /* the longest such time so far */
    uint32_t room_edge; /* up to here the holder knows that it may write; valid with |room_wanted| */
    bool ts, sack;      /* agreed upon */
    bool scaled;
    uint8_t snd_scale, rcv_scale;
    uint16_t peer_mss; /* what the peer's option said */
    uint32_t pmtu;
    it_time pmtu_till; /* when to try the link's MTU again, RFC 1191 section 6.3; IT_NEVER: not lowered */
    it_tcp_plp plp;
    uint32_t base_mss; /* data in a segment without options */
    uint32_t mss;      /* less the options every segment has */

    /* round trips: RFC 6298, 7323 */
    it_time srtt, rttvar, rto; /* |rto| without back-off */
    it_time min_rtt, min_rtt_at;
    uint32_t backoff, probes; /* time-outs in a row; window probes in a row */
    bool syn_again;           /* SYN or SYN,ACK was sent more than once */
    it_time syn_at;           /* when it was sent last */
    it_time sent_at;          /* of the last data */

    /* the congestion window, in segments: RFC 5681, 3465, 7661 */
    const it_tcp_cc *cc;
    uint32_t cwnd, ssthresh, cwnd_acc;
    bool limited;       /* the window held the sender back in this round */
    uint32_t most_out;  /* the most under way in this round */
    uint32_t round_end; /* where it ends */
    uint32_t used;      /* the most under way since |used_at| */
    it_time used_at;    /* when the window was last full, or looked at */
    it_tcp_cubic cubic;

    /* loss: RFC 6582, 6675, 8985, 6937, 5682, 3522 */
    uint32_t recover;    /* RecoveryPoint */
    uint32_t dups;       /* without SACK: duplicates, each a segment that has left */
    uint32_t fack;       /* behind the highest SACKed */
    uint32_t delivered;  /* segments, in all */
    uint32_t dup_thresh; /* RFC 5681's three, more where reordering was seen */
    bool reordered;      /* RACK.reordering_seen */
    bool first_now;      /* the first lost segment is to be sent again whatever the window says */
    bool partial;        /* a partial acknowledgment came in this recovery */
    bool rescued;        /* RFC 6675 section 4 rule 4 was used in this recovery */
    bool hold;           /* new data goes before retransmissions: RFC 5682 section 3.1 step 2.b */
    uint32_t loss_una;   /* SND.UNA of the last time-out */
    uint32_t echo;       /* the timestamp that the last acknowledgment echoed; 0: none */
    bool reneged;        /* the peer has dropped what it had SACKed */
    it_tcp_rack rack;
    bool pto_now;     /* the probe's timer is to start anew */
    bool tlp_out;     /* a probe is under way */
    bool tlp_again;   /* and is a retransmission */
    uint32_t tlp_end; /* TLP.end_seq */
    uint32_t prr_delivered, prr_out, prr_fs;
    bool frto; /* RFC 5682 looks whether the time-out was spurious */
    bool may_undo;
    uint32_t undo_una;  /* where the recovery began */
    int32_t undo_again; /* retransmissions of it that no D-SACK has answered; -1: none was made */
    uint32_t undo_cwnd, undo_ssthresh;
    bool again_stamped;
    uint32_t again_ts; /* the clock of timestamps at its first retransmission */

    /* receiving */
    uint32_t irs, rcv_nxt;
    uint32_t rcv_adv;            /* right edge of the window, as far as ever announced */
    uint32_t last_ack;           /* Last.ACK.sent, RFC 7323 section 4.3 */
    uint32_t seg_max;            /* about the peer's MSS: the largest segment seen */
    uint32_t unacked;            /* bytes received since the last acknowledgment */
    uint32_t quick;              /* acknowledgments that are still to be sent at once */
    bool pingpong;               /* the holder answers what it reads */
    uint8_t pushed;              /* small segments that wait for their acknowledgment, at most 2 */
    it_time ato;                 /* how long one may wait; 0: no data has come yet */
    it_time data_at;             /* when data came last */
    it_tcp_range dsack;          /* to be reported once, RFC 2883; empty: nothing */
    uint32_t snd_room, rcv_room; /* how large the buffers may be now */
    it_time rcv_rtt;             /* from the echoes in data that comes; 0: none yet */
    uint32_t rcv_echo;
    it_time copied_at; /* since when |copied| is counted */
    uint32_t copied, copied_last;
    uint32_t ts_recent, ts_offset;
    it_time ts_recent_at;
    it_tcp_ring rcv;
    it_tcp_ranges ooo; /* received above a gap */
    bool ack_now, ack_later;
    bool fin_seen; /* a FIN came with sequence number |fin_seq| */
    bool fin_in;   /* and was reached */
    bool fin_told;
    bool data_told; /* a DATA event waits to be taken */
    uint32_t fin_seq;
    uint32_t keep_sent; /* unanswered keepalive probes */
    it_time challenge_at;
    uint32_t challenges;
    uint8_t soft_type, soft_code; /* the last soft error */
    uint64_t retransmits, timeouts, recoveries, tail_probes, undone;
};

typedef struct it_tcp_listener {
    bool open;
    uint16_t gen;
    it_addr local;
    uint32_t backlog, waiting; /* connections that are half open or not yet taken */
    it_tcp_opts o;
} it_tcp_listener;

/* The TCP of one host, made when first needed. */
typedef struct host_tcp {
    it_tcp_opts o;   /* it_host_tcp_opts */
    it_rng rng;      /* of ports */
    uint64_t secret; /* of initial sequence numbers, RFC 9293 section 3.4.1 */
    it_tcp_conn **conns;
    uint16_t *gens;
    size_t n_conns, cap_conns, cap_gens;
    uint32_t living;
    size_t low;      /* no slot below is free */
    uint64_t packet; /* the one being handled, 0: a timer or a call */
    it_map by_pair;  /* (local, remote) -> slot */
    it_heap timers;
    uint64_t timer_seq;
    it_tcp_listener *listeners;
    size_t n_listeners, cap_listeners;
} host_tcp;

static inline it_alloc *it_tcp_alloc(const it_tcp_conn *c)
{
    return it_world_alloc(c->h->node.world);
}

/* The sequence number behind the last queued byte, where a FIN would be. */
static inline uint32_t it_tcp_data_end(const it_tcp_conn *c)
{
    return c->snd_base + c->snd.n;
}

/* Sent and not acknowledged, the FIN and the SYN included. */
static inline uint32_t it_tcp_outstanding(const it_tcp_conn *c)
{
    return c->snd_max - c->snd_una;
}

/* True when our FIN was sent and acknowledged. */
static inline bool it_tcp_fin_acked(const it_tcp_conn *c)
{
    return c->fin && c->snd_una == it_tcp_data_end(c) + 1;
}

/* conn.c */
host_tcp *it_tcp_of(it_host *h); /* makes it; NULL: no memory */
it_tcp_conn *it_tcp_new(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_opts *o);
it_tcp_conn *it_tcp_find(const it_host *h, it_addr local, it_addr remote);
it_tcp_conn *it_tcp_by_socket(const it_host *h, int socket);
it_tcp_listener *it_tcp_listener_by_socket(const it_host *h, int socket);
it_tcp_listener *it_tcp_listener_for(const it_host *h, it_addr local);
int it_tcp_listener_socket(const it_host *h, const it_tcp_listener *l);
/* Ends |c| without a segment: CLOSED while somebody holds its number, else freed. */
void it_tcp_dead(it_tcp_conn *c);
/* The same, and tells the holder why. */
void it_tcp_fail(it_tcp_conn *c, enum it_tcp_reason why, uint8_t icmp_type, uint8_t icmp_code);
void it_tcp_free(it_tcp_conn *c);
void it_tcp_tell(it_tcp_conn *c, enum it_host_event_kind kind);
/* Moves to |state|, with what entering it means. */
void it_tcp_enter(it_tcp_conn *c, it_time now, enum it_tcp_state state);
void it_tcp_established(it_tcp_conn *c, it_time now);
/* Tells the holder WRITABLE once it knows of less than a third of the send buffer and a third is free. */
void it_tcp_offer_room(it_tcp_conn *c);
/* The connection is not waiting at its listener any more. */
void it_tcp_leave_backlog(it_tcp_conn *c);

/* timer.c */
it_time it_tcp_rto(const it_tcp_conn *c); /* with back-off */
void it_tcp_arm(it_tcp_conn *c, it_time now);

/* output.c: sends whatever may be sent, the acknowledgment that is due too, and arms the timers */
void it_tcp_output(it_tcp_conn *c, it_time now);
/* Keeps account of how long the stream stands still for no reason outside this host (it_tcp_info.still). */
void it_tcp_note_still(it_tcp_conn *c, it_time now);
void it_tcp_send_probe(it_tcp_conn *c, it_time now);
/* Sends a segment of new data, or segment |i| again, whatever the congestion window says. False: there was none. */
bool it_tcp_send_new(it_tcp_conn *c, it_time now);
bool it_tcp_send_again(it_tcp_conn *c, it_time now, uint32_t i);
void it_tcp_send_keepalive(it_tcp_conn *c, it_time now);
void it_tcp_send_ack(it_tcp_conn *c, it_time now);
void it_tcp_send_rst(it_tcp_conn *c, it_time now);
/* An acknowledgment for a segment that is not acceptable, unless too many were sent of late. */
void it_tcp_challenge(it_tcp_conn *c, it_time now);
/* A RST in answer to |s|, of no connection: RFC 9293 section 3.5.2 group 1. |local| is where it arrived. */
void it_tcp_refuse(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_seg *s);
/* Names |p| after its flags and sends it, with what caused it, from the interface that has |local|. */
void it_tcp_emit(it_host *h, it_time now, it_ip local, it_pkt *p);
/* The 1 ms clock of timestamps, RFC 7323 section 5.4. */
uint32_t it_tcp_ts_now(const it_tcp_conn *c, it_time now);

/* seg.c */
size_t it_tcp_syn_options(const it_tcp_conn *c, it_time now, bool reply, uint8_t out[TCP_OPTIONS]);
size_t it_tcp_options(const it_tcp_conn *c, it_time now, uint8_t out[TCP_OPTIONS]);

/* ack.c */
void it_tcp_ack(it_tcp_conn *c, it_time now, const it_tcp_seg *s);

/* sent.c */

/* Notes that lo..hi leaves at |now|; |ever|: not for the first time. False: no memory. */
bool it_tcp_sent_add(it_tcp_conn *c, uint32_t lo, uint32_t hi, it_time now, bool ever);
/* Notes that the bytes of segment |i| up to |hi| leave again at |now|; the rest becomes a segment of its own. */
bool it_tcp_sent_resend(it_tcp_conn *c, uint32_t i, uint32_t hi, it_time now);
/* Joins to segment |i| those that follow, while none is SACKed and together they have at most |room| bytes. */
void it_tcp_sent_join(it_tcp_conn *c, uint32_t i, uint32_t room);
/* The index of the segment that |seq| lies in, or of the first behind it. */
uint32_t it_tcp_sent_find(const it_tcp_conn *c, uint32_t seq);
/* Takes away what |ack| acknowledges. */
void it_tcp_sent_ack(it_tcp_conn *c, it_time now, uint32_t ack, it_tcp_news *n);
/* Marks the segments that lie in lo..hi, whole, as SACKed. */
void it_tcp_sent_sack(it_tcp_conn *c, it_time now, uint32_t lo, uint32_t hi, it_tcp_news *n);
/* Marks segment |i| as lost; |copy|: its retransmission too. */
void it_tcp_sent_lose(it_tcp_conn *c, uint32_t i, bool copy);
/* Takes the marks |marks| from every segment. */
void it_tcp_sent_clear(it_tcp_conn *c, uint8_t marks);
/* The first segment that is lost and was not sent again since; false when there is none. */
bool it_tcp_sent_due(it_tcp_conn *c, uint32_t *i);
/* Forgets every segment: SND.NXT goes back to SND.UNA, and what was sent is sent again as if it were new. */
void it_tcp_sent_forget(it_tcp_conn *c);
void it_tcp_sent_free(it_tcp_sents *q, it_alloc *a);
/* Segments under way: RFC 6675's pipe. */
uint32_t it_tcp_flight(const it_tcp_conn *c);

/* recover.c */
void it_tcp_recover_start(it_tcp_conn *c);
/* What |n| means for recovery, and for the window while there is one. */
void it_tcp_recover_ack(it_tcp_conn *c, it_time now, it_tcp_news *n);
void it_tcp_recover_timeout(it_tcp_conn *c, it_time now);
/* Begins a recovery by fast retransmission. */
void it_tcp_recover_enter(it_tcp_conn *c);
/* RFC 6675 section 4, NextSeg rules 3 and 4: what may be sent again though nothing says that it is lost. */
bool it_tcp_recover_maybe(it_tcp_conn *c, uint32_t *i);
bool it_tcp_recover_rescue(it_tcp_conn *c, uint32_t *i);
/* Segments above the first hole that have arrived. */
uint32_t it_tcp_recover_left(const it_tcp_conn *c);

/* rack.c */
static inline bool it_tcp_rack_on(const it_tcp_conn *c)
{
    return c->sack && c->o.rack;
}
void it_tcp_rack_start(it_tcp_conn *c);
/* A segment with |marks|, sent at |at|, that ends at |end|, has arrived. */
void it_tcp_rack_delivered(it_tcp_conn *c, it_time now, it_time at, uint32_t end, uint8_t marks);
void it_tcp_rack_adapt(it_tcp_conn *c, bool dsack);
void it_tcp_rack_detect(it_tcp_conn *c, it_time now);
/* Whether |r| may still arrive at |now| as far as the last round trip tells, without a window for reordering. */
bool it_tcp_rack_early(const it_tcp_conn *c, it_time now, const it_tcp_sent *r);
void it_tcp_rack_reordered(it_tcp_conn *c, uint32_t lo);
void it_tcp_rack_timeout(it_tcp_conn *c, it_time now);

/* tlp.c */
/* When the next probe is due, as of |now|; IT_NEVER: none is to be. */
it_time it_tcp_tlp_when(const it_tcp_conn *c, it_time now);
void it_tcp_tlp_timeout(it_tcp_conn *c, it_time now);
void it_tcp_tlp_ack(it_tcp_conn *c, uint32_t ack, const it_tcp_news *n);

/* prr.c */
void it_tcp_prr_start(it_tcp_conn *c);
void it_tcp_prr_ack(it_tcp_conn *c, uint32_t delivered, uint32_t lost, bool advanced);

/* undo.c */
void it_tcp_undo_start(it_tcp_conn *c);
/* A segment leaves again. */
void it_tcp_undo_sent(it_tcp_conn *c, it_time now);
/* A D-SACK says that lo..hi came twice. */
void it_tcp_undo_dsack(it_tcp_conn *c, uint32_t lo, uint32_t hi);
/* Notes what the acknowledgment |s| echoes. */
void it_tcp_undo_echo(it_tcp_conn *c, const it_tcp_seg *s);
/* Each takes the recovery back if it was in vain, and returns whether it did. */
bool it_tcp_undo_all(it_tcp_conn *c);        /* it was to end */
bool it_tcp_undo_duplicates(it_tcp_conn *c); /* D-SACKs alone */
bool it_tcp_undo_partial(it_tcp_conn *c, uint32_t una, bool *hold);
bool it_tcp_undo_loss(it_tcp_conn *c, bool frto);
/* RFC 5682 section 3.1; true: new data is to be sent instead of retransmissions. */
bool it_tcp_frto_ack(it_tcp_conn *c, const it_tcp_news *n);

/* cc.c */
void it_tcp_rtt_sample(it_tcp_conn *c, it_time now, it_time rtt);
void it_tcp_cc_start(it_tcp_conn *c, it_time now);
/* |n| segments were delivered outside of a fast recovery. */
void it_tcp_cc_grow(it_tcp_conn *c, it_time now, uint32_t n);
/* Slow start: RFC 5681 section 3.1 with RFC 3465. Returns how many of |n| segments remain beyond ssthresh. */
uint32_t it_tcp_cc_slow_start(it_tcp_conn *c, uint32_t n);
/* One segment more for every |w| of the |n| delivered. */
void it_tcp_cc_add(it_tcp_conn *c, uint32_t w, uint32_t n);
void it_tcp_cc_idle(it_tcp_conn *c, it_time now);
/* After sending: whether the window was what held the sender back. */
void it_tcp_cc_used(it_tcp_conn *c, it_time now, bool full);
const it_tcp_cc *it_tcp_cc_of(const it_tcp_opts *o);
extern const it_tcp_cc it_tcp_cubic_cc;

/* text.c */
void it_tcp_buffers(it_tcp_conn *c); /* their first sizes */
/* The send buffer follows the window. */
void it_tcp_grow_send(it_tcp_conn *c);
/* The largest the receive buffer may become. */
uint32_t it_tcp_rcv_most(const it_tcp_conn *c);
/* The holder has read |n| bytes. True when that is to be acknowledged at once. */
bool it_tcp_copied(it_tcp_conn *c, it_time now, uint32_t n);
/* Data leaves: is it an answer? */
void it_tcp_pingpong(it_tcp_conn *c, it_time now);
/* How long an acknowledgment may wait now. */
it_time it_tcp_delack(const it_tcp_conn *c);
/* An acknowledgment had to be sent because nothing took it along in time. */
void it_tcp_delack_missed(it_tcp_conn *c);
/* Notes that |len| bytes from |seq| on came again: RFC 2883. */
void it_tcp_duplicate(it_tcp_conn *c, uint32_t seq, uint32_t len);
/* The next acknowledgments are sent at once. */
void it_tcp_quick(it_tcp_conn *c);
void it_tcp_text(it_tcp_conn *c, it_time now, const it_tcp_seg *s);
uint16_t it_tcp_window(it_tcp_conn *c, bool syn);
bool it_tcp_window_worth(const it_tcp_conn *c); /* it has grown enough to be told */
void it_tcp_tell_fin(it_tcp_conn *c);           /* once everything before it was read */

/* icmp.c */
uint32_t it_tcp_link_mtu(const it_tcp_conn *c);
void it_tcp_set_mss(it_tcp_conn *c);
void it_tcp_set_pmtu(it_tcp_conn *c, it_time now, uint32_t mtu);
/* RFC 4821 section 7.7: when full segments vanish time and again, maybe their size is why. */
void it_tcp_suspect_blackhole(it_tcp_conn *c, it_time now);
/* Bytes of data in the probe that may leave now, 0: none may. */
uint32_t it_tcp_plp_due(const it_tcp_conn *c);
void it_tcp_plp_sent(it_tcp_conn *c, uint32_t lo, uint32_t len);
/* SND.UNA has moved: has the probe arrived? */
void it_tcp_plp_ack(it_tcp_conn *c);
/* True when what was lost is the probe, which says nothing about congestion. */
bool it_tcp_plp_lost(it_tcp_conn *c);

#endif
