/* What the files of TCP share; nobody else includes this.
 *
 *     sock.c    the calls of netsim/tcp/tcp.h                 output.c  what to send next, and how it leaves
 *     conn.c    connections: birth, death, events         cc.c      round trips, congestion window, recovery
 *     input.c   segment arrives, pass by pass             timer.c   the timers of a connection, the queue of a host
 *     ack.c     what an acknowledgment does               icmp.c    ICMP errors and the path MTU
 *     text.c    data and FIN in, window out               seg.c     segments and options as bytes
 *     ring.c    ring buffers and ranges of sequence numbers */
#ifndef IT_NETSIM_TCP_IMPL_H
#define IT_NETSIM_TCP_IMPL_H

#include "base/table/heap.h"
#include "base/table/map.h"
#include "netsim/host/impl.h"
#include "netsim/host/transport.h"
#include "netsim/tcp/tcp.h"

#define TCP_RANGES 256      /* ranges a side keeps: SACKed, or received above a gap */
#define TCP_OPTIONS 40      /* bytes of options at most */
#define TCP_CHALLENGES 10   /* replies to unacceptable segments in 5 s, RFC 5961 section 7 */
#define TCP_DUP_THRESH 3    /* RFC 5681 section 3.2 */
#define TCP_CONN 0x20000000 /* socket numbers: a kind, 12 bits of generation, 16 of slot */
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
/* How many numbers below |seq| are in ranges. */
uint32_t it_tcp_ranges_below(const it_tcp_ranges *r, uint32_t seq);
/* The first number from |seq| on that is in no range; |*end| is where the next range begins, |limit| when none does
 * before. */
uint32_t it_tcp_ranges_gap(const it_tcp_ranges *r, uint32_t seq, uint32_t limit, uint32_t *end);
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

enum { TCP_T_USER, TCP_T_RTO, TCP_T_PERSIST, TCP_T_DELACK, TCP_T_KEEP, TCP_T_WAIT, TCP_TIMERS };

/* Where loss recovery stands. */
enum { TCP_OPEN, TCP_FAST /* RFC 6582, 6675 */, TCP_LOSS /* after a time-out, until |recover| */ };

typedef struct it_tcp_conn {
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
    it_tcp_ranges sacked; /* the scoreboard, RFC 6675 section 3 */
    bool fin;             /* FIN follows the last byte of |snd| */
    bool room_wanted;     /* the holder asked for room, or a write was cut short: WRITABLE is owed once there is more */
    bool granted;         /* the holder has ever asked for room and goes by it */
    it_time still_at;     /* since when the stream stands still for no reason outside; IT_NEVER: it does not */
    it_time still;        /* the longest such time so far */
    uint32_t room_edge;   /* up to here the holder knows that it may write; valid with |room_wanted| */
    bool ts, sack;        /* agreed upon */
    bool scaled;
    uint8_t snd_scale, rcv_scale;
    uint16_t peer_mss; /* what the peer's option said */
    uint32_t pmtu;
    it_time pmtu_till; /* when to try the link's MTU again, RFC 1191 section 6.3; IT_NEVER: not lowered */
    uint32_t base_mss; /* data in a segment without options */
    uint32_t mss;      /* less the options every segment has */

    /* congestion and loss: RFC 5681, 6582, 6675, 6298 */
    uint32_t cwnd, ssthresh, cwnd_acc;
    uint32_t recover;    /* RecoveryPoint */
    uint32_t high_rxt;   /* HighRxt: the octet after the highest retransmitted */
    uint32_t rescue_rxt; /* RescueRxt: behind its last octet */
    uint32_t loss_una;   /* SND.UNA of the last time-out */
    uint32_t pipe;
    uint32_t limited; /* bytes sent by limited transmit */
    uint32_t dupacks;
    bool first_now; /* the first unacknowledged segment is to be sent again at once */
    bool partial;   /* a partial acknowledgment came in this recovery */
    bool syn_again; /* SYN or SYN,ACK was sent more than once */
    bool timing;    /* |rtt_seq| is being timed (Karn: never a retransmission) */
    uint32_t rtt_seq;
    it_time rtt_at, srtt, rttvar, rto; /* |rto| without back-off */
    uint32_t backoff, probes;          /* time-outs in a row; window probes in a row */
    it_time sent_at;                   /* of the last data */

    /* receiving */
    uint32_t irs, rcv_nxt;
    uint32_t rcv_adv;  /* right edge of the window, as far as ever announced */
    uint32_t last_ack; /* Last.ACK.sent, RFC 7323 section 4.3 */
    uint32_t seg_max;  /* largest segment seen: about the peer's MSS */
    uint32_t unacked;  /* bytes received since the last acknowledgment */
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
    uint64_t retransmits, timeouts, recoveries;
} it_tcp_conn;

typedef struct it_tcp_listener {
    bool open;
    uint16_t gen;
    it_addr local;
    uint32_t backlog, waiting; /* connections that are half open or not yet taken */
    it_tcp_opts o;
} it_tcp_listener;

/* The TCP of one host, made when first needed. */
typedef struct host_tcp {
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

/* cc.c */
void it_tcp_rtt_sample(it_tcp_conn *c, it_time rtt);
void it_tcp_cc_start(it_tcp_conn *c);
void it_tcp_cc_acked(it_tcp_conn *c, uint32_t bytes, uint32_t flight);
void it_tcp_cc_duplicate(it_tcp_conn *c);
void it_tcp_cc_pipe(it_tcp_conn *c); /* SetPipe, when it is needed */
void it_tcp_cc_timeout(it_tcp_conn *c);
void it_tcp_cc_idle(it_tcp_conn *c, it_time now);
uint32_t it_tcp_cc_flight(const it_tcp_conn *c); /* what counts against the congestion window */
/* Finds the SACK hole that NextSeg of RFC 6675 section 4 retransmits: by rule 1 (|sure|: it counts as lost) or 3. */
bool it_tcp_cc_sack_hole(const it_tcp_conn *c, bool sure, uint32_t *lo, uint32_t *hi);

/* The highest segment outstanding and not SACKed, rule 4. */
bool it_tcp_cc_rescue(const it_tcp_conn *c, uint32_t *lo, uint32_t *hi);

/* text.c */
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

#endif
