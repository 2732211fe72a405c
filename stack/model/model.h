/* The vocabulary that models A to E share: states, paths, events, reasons of death, timers.
 *
 *     NEW -> CONNECTING -> OPEN <-> STALLED -> DEAD | CLOSED
 *
 * A connection may have several media streams (the m= sections of SDP), numbered from 0: |media| of the calls and
 * events of stack/model/ops.h and stack/object.h names one, and -1 the connection as a whole. One of a single media
 * stream has no numbers: everything is told of the whole. With several, each stream has its state and tells its events,
 * and the whole comes to (it_state_of_all):
 *   - OPEN once all of its streams are, STALLED while one of them is, OPEN again when none is;
 *   - before it is OPEN the end of one stream by failure is its own, and takes the others along: it was asked for all
 *     of them (RFC 8445 section 8.1.2 leaves that to the controlling agent);
 *   - afterwards a stream dies or is closed alone, the others go on, and the whole ends with the last one, and as
 *     that one does.
 * The whole tells OPEN, FAILOVER, STALLED, RESUMED, DEATH, CLOSED of itself, and NETWORK and SIGNAL; messages and rates
 * are a stream's. A stream of two components (RTP and RTCP, RFC 8445 section 4) comes to what these come to, but dies
 * with either.
 *
 * DEAD and CLOSED are final. "death" comes exactly once, never before open except as connect_failed, and nothing
 * follows it. No silent freeze: while OPEN, no interval without delivered data grows beyond T_stall unannounced (where
 * answers take long: beyond the time of two); it counts only while the far side is declared to be streaming, one of our
 * checks is unanswered or there is no path (stack/model/live.h). */
#ifndef IT_STACK_MODEL_MODEL_H
#define IT_STACK_MODEL_MODEL_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/time.h"
#include "stack/ice/cand.h"
#include "stack/io.h"

enum it_state { IT_STATE_NEW, IT_STATE_CONNECTING, IT_STATE_OPEN, IT_STATE_STALLED, IT_STATE_DEAD, IT_STATE_CLOSED };

enum it_path { IT_PATH_NONE, IT_PATH_DIRECT_UDP, IT_PATH_RELAY_UDP, IT_PATH_DIRECT_TCP, IT_PATH_RELAY_TCP };

enum it_reason {
    IT_REASON_NONE,
    IT_REASON_CONNECT_FAILED,
    IT_REASON_CONSENT_EXPIRED,
    IT_REASON_KEEPALIVE_TIMEOUT,
    IT_REASON_LINK_DOWN_NO_ALTERNATIVE,
    IT_REASON_TRANSPORT_RESET,
    IT_REASON_PEER_CLOSED,
    IT_REASON_SERVER_LOST,
    IT_REASON_SECURITY
};

/* Lower-case names as scenarios and results use them: "open", "direct_udp", "consent_expired". Static storage. */
const char *it_state_name(enum it_state s);
const char *it_path_name(enum it_path p);
const char *it_reason_name(enum it_reason r);

enum it_model_event_kind {
    IT_EV_SIGNAL,   /* B: data = blob to carry to the far side */
    IT_EV_OPEN,     /* path, local and remote candidate kinds and addresses */
    IT_EV_MESSAGE,  /* data; E's socket: remote, base */
    IT_EV_FAILOVER, /* the selected path changed: path, old_path, addresses of the new one */
    IT_EV_STALLED,  /* nothing authentic for T_stall while it was due: since */
    IT_EV_RESUMED,
    IT_EV_RATE_UP, /* delivered rate at least twice the reference for 1 s */
    IT_EV_RATE_DOWN,
    IT_EV_NETWORK,    /* a local interface changed: up, flow; E's socket: base */
    IT_EV_DEATH,      /* reason; final */
    IT_EV_CLOSED,     /* by; status with a proxy's refusal; final */
    IT_EV_SECRET,     /* data = a key log line for captures */
    IT_EV_PEER,       /* the far side broke a rule: why */
    IT_EV_TEST,       /* E: a valid inbound check: remote, base, user, priority, controlling, nominate */
    IT_EV_SUCCESS,    /* E: our check was answered: remote, local = reflexive, base, user, nominate */
    IT_EV_REFLEXIVE,  /* E: a STUN server told our address: local = reflexive, base, remote = the server */
    IT_EV_UP,         /* a signaling session stands: remote, its server */
    IT_EV_DOWN,       /* it does not: why, status */
    IT_EV_UNSENT,     /* a message by it will not arrive: data, user = for whom, why */
    IT_EV_STATUS,     /* of a NetConnection or NetStream: why = its code */
    IT_EV_SUBSCRIBER, /* a peer plays what a NetStream publishes: flow = its number, user = its peer ID */
    IT_EV_CALL,       /* A: somebody calls: flow = the number of that call */
    IT_EV_COUNT
};

/* "signal", "open", ... as scenarios use them. Static storage. */
const char *it_model_event_name(enum it_model_event_kind k);

/* Who ended it: one of the ends, a reset, or the refusal of a proxy. */
enum it_closed_by {
    IT_CLOSED_LOCAL,
    IT_CLOSED_REMOTE,
    IT_CLOSED_RESET,
    IT_CLOSED_REFUSED,
    IT_CLOSED_TIMEOUT,
    IT_CLOSED_UNREACHABLE,
    IT_CLOSED_HTTP,
    IT_CLOSED_SOCKS,
    IT_CLOSED_TLS /* |why| says more */
};
#define IT_CLOSED_TEXT 24 /* of it_closed_text, with NUL */
/* "local", "remote", "reset", "refused", "timeout", "unreachable", or of a proxy's refusal with its |status| "http
 * 407", "socks 2", or "tls": in |out|, which is returned. */
const char *it_closed_text(enum it_closed_by by, int status, char out[IT_CLOSED_TEXT]);

typedef struct it_model_event {
    enum it_model_event_kind kind;
    it_time at;
    enum it_path path, old_path;
    enum it_ice_kind local_kind, remote_kind; /* OPEN, FAILOVER */
    it_addr local, remote;
    enum it_reason reason;
    enum it_closed_by by;   /* CLOSED */
    int status;             /* CLOSED: what the proxy said */
    const char *why, *user; /* borrowed until the next call on the object */
    it_bytes data;          /* borrowed likewise */
    int flow;
    bool up;
    it_addr base;               /* E: the socket it is about */
    uint32_t priority;          /* E: of a check */
    bool controlling, nominate; /* E: the role its sender takes, USE-CANDIDATE */
    it_io_meta meta;            /* MESSAGE of a plain socket: what its IP header said */
    it_time since;              /* STALLED, DEATH after opening: the last sign of life */
    int part;                   /* of a connection that several media streams share: 1 + which; 0: it has one, or all */
} it_model_event;

/* The state of what consists of |n| parts in the states |s|, as W3C's connectionState is that of its transports: those
 * that are over do not count while another part is not. Of parts that are all over: DEAD when one of them is; which was
 * the last, and how the whole ends, is for the owner to know. */
enum it_state it_state_of_all(const enum it_state *s, size_t n);

/* What differs between implementations (spec of timers): durations, each above 0. */
typedef struct it_timers {
    it_time stall;     /* T_stall, 2 s */
    it_time death;     /* T_death, 30 s: consent */
    it_time connect;   /* T_conn: until open or connect_failed, 60 s */
    it_time linkdown;  /* grace for another interface to carry the call, 5 s */
    it_time consent;   /* consent check interval, 5 s (RFC 7675) */
    it_time keepalive; /* Tr, 15 s (RFC 8445 section 11) */
    it_time rto;       /* STUN initial RTO, 500 ms */
    it_time ta;        /* pacing, 50 ms */
} it_timers;

/* The named sets: "rfc" (the defaults above), "libwebrtc", "firefox", "pion", "libnice", "libjuice", "rtmfp". Returns
 * 0, IT_ERR_NOTFOUND. */
int it_timers_named(it_timers *t, const char *name);
/* The |i|-th name, NULL past the end. */
const char *it_timers_name(int i);

#define IT_TIMERS_N 8      /* timers in a set */
#define IT_TIMERS_TEXT 192 /* of a fault or a note, with NUL */

/* The |i|-th timer of a set by its name ("stall", ...), and its place; NULL past the end. */
const char *it_timer_name(int i);
it_time *it_timer_at(it_timers *t, int i);

/* What makes |t| useless to any model, as a sentence with names and values in |text|: a timer out of its bounds (1 ms
 * to 1,000 h; rto to 1 h; ta 5 ms to 1 h, RFC 8445 section 14.2, whole in ms, RFC 8839 section 5.5), or two that
 * contradict each other. Returns false when nothing does. */
bool it_timers_fault(const it_timers *t, char text[IT_TIMERS_TEXT]);
/* The |i|-th limit of an RFC that |t| breaks, as a sentence; what imitates a stack may. Returns false past the last. */
bool it_timers_note(const it_timers *t, int i, char text[IT_TIMERS_TEXT]);

/* Numbers of one end of a connection, for results. */
typedef struct it_conn_stats {
    uint64_t sent, received; /* application datagrams, voice packets included */
    uint64_t voice_sent, voice_received;
    uint64_t lost, late,
        duplicate; /* of the far side's voice stream, by sequence number; late: more than 150 ms behind the earliest */
    uint64_t voice_due;    /* packets of our own stream whose time has come, sent or not */
    it_time voice_due_at;  /* that of the last one */
    uint64_t voice_next;   /* the number behind the highest one that came of the far side's stream; 0: none came */
    it_time longest_gap;   /* between two received voice packets */
    it_time freeze_silent; /* longest interval without delivery while due and not announced by an event */
    it_time patience;      /* longest such interval that would have been borne; 0: none was ever due */
    uint64_t questions;    /* asked inside the channel when an answer was late (stack/model/live.h) */
    it_time t_open, t_first_media, t_detect, t_death, t_recover; /* times, IT_NEVER when it did not happen */
    uint64_t signal_bytes, signal_messages;
    uint64_t refused; /* datagrams of no checked path that the gate dropped */
} it_conn_stats;

/* Numbers of one media stream that is RTP (stack/rtp/stats.h); what is received is of the far side's one source. */
typedef struct it_media_stats {
    uint64_t sent, sent_octets;                          /* packets, and their payload */
    uint64_t received, lost, late, duplicate, reordered; /* packets; late: beyond the deadline of play-out */
    it_time jitter;                                      /* RFC 3550 section 6.4.1 */
    it_time longest_gap;                                 /* between two packets */
    uint64_t shown, freezes;                             /* frames, or packets of voice, that came in time */
    it_time frozen, longest_freeze;                      /* all freezes together, and the longest */
    it_time rtt;                                         /* by the last report; IT_NEVER: none */
    uint64_t reports_sent, reports_received, malformed;  /* of RTCP; what is neither RTP nor RTCP */
    uint16_t profile;                                    /* of SRTP, by its number on the wire */
    uint64_t refused;                                    /* packets whose tag was wrong, or that came twice */
} it_media_stats;

#endif
