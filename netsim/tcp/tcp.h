/* TCP of a native host, which is a Linux host of 2026: RFC 9293 with RFC 5681, 6298, 6582, 6675, 7323, 5961, 3042,
 * 6928, 1191/8201 and 5482; loss detection by time and tail loss probes (RFC 8985), proportional rate reduction (6937),
 * spurious recoveries undone (5682, 3522, 4015, 2883, 3708), CUBIC (9438), byte counting (3465), buffers that grow, and
 * the kernel's rule for delayed acknowledgments. Each is a switch of it_tcp_opts.
 *
 * A socket is a number; its events come with those of the host (it_host_event_next). Nothing here calls back or blocks:
 * a write takes what the send buffer has room for and IT_HOST_TCP_WRITABLE says when to go on; what is not read stays
 * in the receive buffer and closes the window towards the peer. Timers run with the world.
 *
 * Sockets bind an address of one interface (strong host model). An interface that goes down or loses the address breaks
 * nothing by itself: segments cannot leave until it is back or a timer gives up. A host that is powered off forgets
 * every connection, and its ports answer RST unless it is silent. Not here: urgent data as more than bytes in line (RFC
 * 6093), Fast Open, ECN, RFC 6191. */
#ifndef IT_NETSIM_TCP_TCP_H
#define IT_NETSIM_TCP_TCP_H

#include "netsim/host/host.h"

#define IT_TCP_BUF_MAX (16u << 20) /* largest buffer a socket may ask for */

/* How the congestion window grows and shrinks. */
enum it_tcp_control { IT_TCP_CUBIC /* RFC 9438 */, IT_TCP_RENO /* RFC 5681 */ };

/* How one socket behaves; it_tcp_opts_init gives the defaults, those of a present-day Linux host where the RFCs leave a
 * choice.
 */
typedef struct it_tcp_opts {
    bool nagle;      /* RFC 9293 section 3.7.4 as modified by Minshall: a small segment waits only while another small
                      * one is unacknowledged; true */
    bool sack;       /* RFC 2018, 6675; true */
    bool timestamps; /* RFC 7323 section 3; true */
    bool wscale;     /* RFC 7323 section 2; true */
    bool pmtu;       /* DF is always set; false: ICMP "too big" is ignored. true */
    bool blackhole;  /* after 3 time-outs in a row of full segments, 15 times |rto_min| after the first, try 1024-byte,
                      * then 512-byte ones, and search upwards (RFC 4821); false
                      */
    bool rack;       /* RFC 8985 section 6: losses by time; false: RFC 6675, by count. Needs SACK. true */
    bool tlp;        /* RFC 8985 section 7: a probe when the tail may be lost. Needs SACK. true */
    bool prr;        /* RFC 6937; false: the window is halved at once, RFC 6675 section 5. true */
    bool frto;       /* RFC 5682: is a time-out spurious? true */
    bool eifel;      /* RFC 3522 with 4015: by timestamps, was a recovery in vain? true */
    bool dsack;      /* RFC 2883: duplicates are reported, and reports of them show that a recovery was in vain; true */
    bool hystart;    /* CUBIC leaves slow start when round trips grow, RFC 9438 section 4.10; true */
    bool quickack;   /* Linux's rule: acknowledgments at once at the start of a stream, after losses and pauses, and of
                      * small   segments that were read, until the holder answers what it reads; |delack| is then the
                      * least   delay   and 200 ms the most. false: every second segment or after |delack|. true */
    uint8_t control; /* enum it_tcp_control; IT_TCP_CUBIC */
    uint8_t abc;     /* RFC 3465: L, how many segments one acknowledgment adds in slow start at most; 2 */
    uint16_t mss;    /* at most this much data in a segment, in both directions; 0: what the MTU allows */
    uint32_t snd_buf, rcv_buf; /* bytes, 1 KiB to IT_TCP_BUF_MAX; 0, the default: they grow with what is under way, from
                                * 256 KiB to 4 MiB, and with what is read in a round trip, from 64 KiB to 6 MiB */
    uint32_t cwnd;             /* initial window in segments, RFC 6928; 10 */
    it_time rto_init;          /* RFC 6298 section 2 (2.1); 1 s */
    it_time rto_min; /* least time added to the smoothed round trip; 200 ms as Linux, RFC 6298 section 2 (2.4) wants 1 s
                        in all */
    it_time rto_max; /* 120 s */
    it_time delack;  /* delay of an acknowledgment, below 500 ms (RFC 9293 section 3.8.6.3), 0: none; 40 ms */
    uint32_t syn_retries;    /* of an active open: 6, given up after 127 s */
    uint32_t synack_retries; /* of a passive open: 5, given up after 63 s */
    it_time user_timeout;    /* RFC 5482: how long data may stay unacknowledged; 0: for ever; 924.6 s as Linux's 15
                                retransmissions */
    it_time keep_idle;       /* RFC 9293 section 3.8.4: idle time before the first probe; 0: no probes, the default */
    it_time keep_interval;   /* between probes; 75 s */
    uint32_t keep_count;     /* unanswered probes that end the connection; 9 */
    it_time time_wait;       /* 2 MSL, and how long a closed socket waits for the peer's FIN; 60 s */
} it_tcp_opts;

/* Fills |o| with the defaults. */
void it_tcp_opts_init(it_tcp_opts *o);
/* NULL when a socket can be like |o|, else a sentence that says what is wrong. Static storage. */
const char *it_tcp_opts_fault(const it_tcp_opts *o);

/* What the sockets of |h| are to be like, as its operating system has been set up: fills |o| with the defaults, or with
 * what it_host_tcp_setup has said. */
void it_host_tcp_opts(const it_host *h, it_tcp_opts *o);
/* Says it, for those who ask from now on. Returns 0, IT_ERR_RANGE or IT_ERR_NOMEM. */
int it_host_tcp_setup(it_host *h, const it_tcp_opts *o) IT_MUST_CHECK;

/* Why IT_HOST_TCP_RST came. */
enum it_tcp_reason {
    IT_TCP_NONE,
    IT_TCP_REFUSED,   /* a RST answered the SYN */
    IT_TCP_RESET,     /* a RST on a connection */
    IT_TCP_TIMEOUT,   /* no acknowledgment: SYN retries or user timeout; icmp_type/code hold the last soft error, if any
                       */
    IT_TCP_KEEPALIVE, /* no answer to keepalive probes */
    IT_TCP_UNREACHABLE, /* an ICMP hard error while opening: icmp_type, icmp_code */
    IT_TCP_POWER        /* the host lost power */
};

/* RFC 9293 section 3.3.2. */
enum it_tcp_state {
    IT_TCP_CLOSED,
    IT_TCP_LISTEN,
    IT_TCP_SYN_SENT,
    IT_TCP_SYN_RCVD,
    IT_TCP_ESTABLISHED,
    IT_TCP_FIN_WAIT_1,
    IT_TCP_FIN_WAIT_2,
    IT_TCP_CLOSE_WAIT,
    IT_TCP_CLOSING,
    IT_TCP_LAST_ACK,
    IT_TCP_TIME_WAIT
};

/* A look inside, for tests and reports. */
typedef struct it_tcp_info {
    enum it_tcp_state state;
    it_addr local, remote;
    uint32_t mss;                /* effective send MSS without options (RFC 9293 section 3.7.1) */
    uint32_t cwnd, ssthresh;     /* bytes */
    uint32_t snd_wnd, rcv_wnd;   /* bytes, scaled */
    uint32_t in_flight;          /* sent and not acknowledged */
    uint32_t unsent, unread;     /* waiting in the buffers */
    it_time srtt, rttvar, rto;   /* RFC 6298; |rto| with its back-off */
    uint64_t retransmits;        /* segments sent again, of whatever cause */
    uint64_t timeouts;           /* of the retransmission timer */
    uint64_t recoveries;         /* fast recoveries entered */
    uint64_t tail_probes;        /* RFC 8985 section 7 */
    uint64_t undone;             /* recoveries and time-outs found to be spurious */
    it_time min_rtt;             /* of the last five minutes; 0: none */
    uint32_t snd_room, rcv_room; /* how large the buffers may be now, bytes */
    it_time still; /* the longest time so far in which the stream stood still with nothing under way and the peer's
                      window open: bytes waited in the send buffer, or the holder had used up what
                      it_host_tcp_room granted while the buffer was empty */
    bool sack, timestamps, wscale; /* agreed upon */
} it_tcp_info;

/* Listens on |local| (ip none: every address of the host; port 0: a free ephemeral one). |backlog|: at most so many
 * connections that are half open or wait for their ACCEPTED event to be taken; more SYNs are dropped. Returns the
 * socket, IT_ERR_EXISTS (port taken), IT_ERR_NOROUTE (not an address of the host), IT_ERR_RANGE (options) or
 * IT_ERR_NOMEM. RFC 9293 section 3.10.1. */
int it_host_tcp_listen(it_host *h, it_addr local, uint32_t backlog, const it_tcp_opts *o) IT_MUST_CHECK;

/* Opens a connection to |remote| from |local| (ip none: by source address selection; port 0: ephemeral). OPENED or RST
 * follows. Returns the socket, IT_ERR_EXISTS (the pair is in use, or no port is free), IT_ERR_NOROUTE, IT_ERR_RANGE
 * (options), IT_ERR_STATE (no power) or IT_ERR_NOMEM. */
int it_host_tcp_connect(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_opts *o) IT_MUST_CHECK;

/* Queues up to |data|.n bytes, before OPENED too. Returns how many were taken: fewer than given means that WRITABLE
 * will come. Or IT_ERR_STATE (no such socket, shut down, reset) or IT_ERR_NOMEM. */
int it_host_tcp_write(it_host *h, it_time now, int socket, it_bytes data) IT_MUST_CHECK;

/* The two halves of a write, for a holder whose message comes in pieces: append queues, nothing leaves; push then sends
 * what may be sent, cut into segments as if it had been written at once. Append returns what a write does. */
int it_host_tcp_append(it_host *h, int socket, it_bytes data) IT_MUST_CHECK;
void it_host_tcp_push(it_host *h, it_time now, int socket);

/* How many bytes the holder may write from now on, without asking again. The socket remembers what it said: WRITABLE
 * comes, once, when less than a third of the send buffer is left of it and a third of the buffer is free, so that a
 * holder which only writes what it was granted never waits without end. 0: none, or no such socket. */
uint32_t it_host_tcp_room(it_host *h, int socket);

/* The bytes that can be read, as far as they lie in one piece, without taking them; borrowed until the next call on the
 * host. */
it_bytes it_host_tcp_peek(it_host *h, int socket);
/* Takes the first |n| bytes away (at most those readable), which may open the window. FIN is told after the last byte.
 */
void it_host_tcp_take(it_host *h, it_time now, int socket, size_t n);

/* No more bytes from here: FIN after what is queued (half close). Reading goes on. Returns 0, or IT_ERR_STATE. */
int it_host_tcp_shutdown(it_host *h, it_time now, int socket);

/* Gives the socket up; its number means nothing any more. What is queued is still sent, then FIN; but with bytes
 * unread, or arriving later, the peer gets a RST (RFC 9293 section 3.6.1). A listener just stops; its half-open
 * connections are reset. */
void it_host_tcp_close(it_host *h, it_time now, int socket);
/* Gives the socket up at once with a RST (RFC 9293 section 3.10.5). */
void it_host_tcp_abort(it_host *h, it_time now, int socket);

/* What |socket| is up to; false when there is no such socket. A socket that was reset stays, CLOSED, until it is
 * closed. */
bool it_host_tcp_info(const it_host *h, int socket, it_tcp_info *info);

/* How many connections the host keeps, those in TIME-WAIT and given up by their owners included. */
uint32_t it_host_tcp_count(const it_host *h);

#endif
