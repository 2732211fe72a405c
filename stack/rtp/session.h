/* One end of an RTP session as a pulled object (stack/io.h): it sends media of one source, RTCP when RFC 3550 section
 * 6.3 says, and keeps statistics of who sends to it. It has no clock, no socket and no keys: its owner protects what
 * comes out and gives it what was authentic.
 *
 * RTP and RTCP share a port (RFC 5761). All memory is there from the beginning. Absent: mixing and translating,
 * retransmission, bandwidth estimation, a new SSRC after a collision (counted; the owner makes a new session). */
#ifndef IT_STACK_RTP_SESSION_H
#define IT_STACK_RTP_SESSION_H

#include "base/alloc.h"
#include "stack/io.h"
#include "stack/rtp/rtcp.h"
#include "stack/rtp/source.h"
#include "stack/rtp/stats.h"

#define IT_RTP_MEMBERS 31 /* others that are known at once: as many as a report has blocks */
#define IT_RTP_FORMATS 4
#define IT_RTP_FCI_MAX 256

/* A payload type that is received. */
typedef struct it_rtp_format {
    uint8_t pt;
    uint32_t rate;
    bool frames;
} it_rtp_format;

typedef struct it_rtp_session_cfg {
    it_alloc *alloc;
    it_rtp_source_cfg source; /* what is sent; its SSRC is ours even when nothing is */
    bool receive_only;
    it_rtp_format formats[IT_RTP_FORMATS]; /* those received; rate 0 ends the list */
    const char *cname;                     /* at most 255 bytes; copied */
    uint32_t bandwidth;                    /* of the session in bit/s, of which RTCP takes a twentieth */
    it_time rtcp_least;                    /* 0: IT_RTCP_MIN */
    it_time deadline;                      /* 0: IT_RTP_DEADLINE */
    uint8_t probation;                     /* 0: IT_RTP_PROBATION; 1 when packets are authentic */
    bool reduced;                          /* RFC 5506 was agreed on */
    it_rng rng;                            /* of the intervals of RTCP */
} it_rtp_session_cfg;

enum it_rtp_event_kind {
    IT_RTP_EV_SOURCE,  /* somebody sends */
    IT_RTP_EV_BYE,     /* and has said that it leaves */
    IT_RTP_EV_TIMEOUT, /* or has been silent for five intervals */
    IT_RTP_EV_REPORT,  /* what it received of us */
    IT_RTP_EV_FEEDBACK /* RFC 4585 */
};

typedef struct it_rtp_event {
    enum it_rtp_event_kind kind;
    uint32_t ssrc;             /* whose */
    it_rtcp_block report;      /* REPORT */
    it_time rtt;               /* REPORT: round-trip time; IT_NEVER: it has had no SR of ours */
    it_rtcp_feedback feedback; /* FEEDBACK; its view lives until the next call */
} it_rtp_event;

/* What is known of another participant. */
typedef struct it_rtp_member {
    uint32_t ssrc;
    bool sends, told; /* RTP came within two intervals; SOURCE was told */
    bool gone;        /* it left, or was silent: no member, but its statistics stay until the place is needed */
    it_time deaf;     /* gone by a BYE: what straggles in until then is not looked at (RFC 3550 section 6.2.1) */
    it_time heard, heard_rtp;
    bool have_format;
    bool reported; /* RTP came since our last report */
    it_rtp_stats stats;
    uint32_t lsr; /* of its last SR, 0: none */
    it_time sr_came;
    bool fir_any; /* it has asked for a key frame by FIR, with the number |fir_seq| */
    uint8_t fir_seq;
} it_rtp_member;

typedef struct it_rtp_session it_rtp_session;

/* Joins at |now|, silent. Returns 0, IT_ERR_RANGE for a config that cannot be, IT_ERR_NOMEM. */
int it_rtp_session_new(const it_rtp_session_cfg *cfg, it_time now, it_rtp_session **out) IT_MUST_CHECK;
void it_rtp_session_free(it_rtp_session *s);

/* Starts and stops sending media. */
void it_rtp_session_start(it_rtp_session *s, it_time now);
void it_rtp_session_stop(it_rtp_session *s, it_time now);
/* Stops, and says BYE, at once or as section 6.3.7 has it; after which nothing is sent. */
void it_rtp_session_leave(it_rtp_session *s, it_time now);

/* The calls of stack/io.h. Only DGRAM means anything; a datagram that is malformed or unknown is counted and dropped.
 * An output's addresses and flow are the owner's to fill. IT_ERR_FULL: |cap| was too small, and the packet is lost. */
int it_rtp_session_input(it_rtp_session *s, it_time now, const it_io *in);
int it_rtp_session_tick(it_rtp_session *s, it_time now);
it_time it_rtp_session_next(const it_rtp_session *s);
int it_rtp_session_output(it_rtp_session *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_rtp_session_event(it_rtp_session *s, it_rtp_event *ev);

/* The |i|-th of the others that are known, those that have gone among them; NULL when there are fewer. */
const it_rtp_member *it_rtp_session_member(const it_rtp_session *s, unsigned i);
/* What is being sent. */
const it_rtp_source *it_rtp_session_source(const it_rtp_session *s);

typedef struct it_rtp_counts {
    uint64_t rtcp_sent, rtcp_received;
    uint64_t malformed;  /* datagrams that are no RTP and no RTCP */
    uint64_t unknown;    /* of a payload type that is not received, or one member too many */
    uint64_t collisions; /* packets with our own SSRC (RFC 3550 section 8.2) */
    uint64_t missed;     /* events that nobody took in time */
} it_rtp_counts;
/* Counts since the session began. */
void it_rtp_session_counts(const it_rtp_session *s, it_rtp_counts *out);

#endif
