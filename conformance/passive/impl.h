/* What the files of this folder share: the judge's memory. */
#ifndef IT_CONFORMANCE_PASSIVE_IMPL_H
#define IT_CONFORMANCE_PASSIVE_IMPL_H

#include "base/table/map.h"
#include "conformance/passive/passive.h"
#include "conformance/passive/view.h"

#define IT_PV_RECENT 256        /* messages among which a copy is looked for */
#define IT_PV_COPY (20 * IT_MS) /* and how long, at one hop */
#define IT_PV_HOPS (1 * IT_SEC) /* at another */
#define IT_PV_COMPONENTS 4      /* components that are told apart */

/* A request, and what became of it. Of retransmissions the first counts. */
typedef struct it_pv_txn {
    it_addr src, dst;
    uint32_t digest; /* of its bytes */
    it_time first, last, gap;
    unsigned sends;
    uint16_t method;
    bool mi, mi256, check, nominates;
    bool translated; /* the tap saw it before and behind a NAT */
    bool again;      /* this is the one behind it */
    bool answered;
    unsigned component;   /* of a check, as its PRIORITY says; 0: it does not */
    uint32_t pair, agent; /* of a check; IT_MAP_NONE: of none */
    it_bytes password;    /* what its integrity is made with, where it is known: of the short-term mechanism */
    uint8_t key[32];      /* or, hashed, of the long-term one */
    size_t key_n;
} it_pv_txn;

/* One direction of a 5-tuple: what |src| sends to |dst|. */
typedef struct it_pv_pair {
    it_addr src, dst;
    int tap;
    uint64_t ordinary, nominating, answers,
        strange;                      /* checks of both kinds; success responses; those to checks unseen */
    uint64_t data, early, data_frame; /* datagrams; those before any answer; the first one */
    it_time data_at, nominated, last; /* IT_NEVER: not yet; the latest new check */
    bool begun_by_check;              /* what was seen first of it */
    bool answered;                    /* the latest new check was */
    uint32_t agent;
    uint32_t back;  /* the other direction, IT_MAP_NONE: not seen */
    unsigned close; /* consent checks in a row that were too close */
} it_pv_pair;

/* An ICE agent in one session: a username fragment of its own. */
typedef struct it_pv_agent {
    int tap;
    it_passive_packet where; /* of its latest check, without payload */
    uint64_t tiebreaker;
    bool has_tiebreaker, controlling, conflict, renominates;
    uint64_t checks;
    it_time recent[3];                    /* its latest new checks, the newest first */
    uint32_t nominated[IT_PV_COMPONENTS]; /* the pair of each component */
} it_pv_agent;

typedef struct it_pv_stream it_pv_stream; /* stream.c */

typedef struct it_pv_seen {
    it_addr src, dst;
    uint32_t digest, ip_id;
    uint8_t ttl;
    int tap;
    it_time at;
} it_pv_seen;

struct it_passive {
    it_passive_cfg cfg;
    bool oom;
    it_passive_counts counts;
    uint64_t looked[IT_RULES];
    it_map finding_of; /* rule, tap, doubt; address -> |finding| */
    it_passive_finding *finding;
    size_t n_findings, findings_cap;
    it_map txn_of; /* transaction ID, tap, source -> |txn| */
    it_pv_txn *txn;
    size_t n_txns, txns_cap;
    it_map pair_of; /* tap, ports, addresses -> |pair| */
    it_pv_pair *pair;
    size_t n_pairs, pairs_cap;
    it_map agent_of; /* username fragment, tap -> |agent| */
    it_pv_agent *agent;
    size_t n_agents, agents_cap;
    it_map stream_of; /* as pair_of */
    it_pv_stream *stream;
    size_t n_streams, streams_cap;
    it_pv_seen recent[IT_PV_RECENT];
    size_t next_recent;
};

/* |rule| was looked at in |k|: unless |ok|, what was seen there is a finding about its source. Returns |ok|. */
bool it_pv_judge(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, bool ok, const char *fmt, ...)
    IT_PRINTF(5, 6);
/* The same of what the tap itself may have caused. */
void it_pv_doubt(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, const char *fmt, ...)
    IT_PRINTF(4, 5);

/* One rule of a message alone: |when| it is to be asked (NULL: always), whether it |holds|; if not it says why. */
#define IT_PV_WHY 112
typedef struct it_pv_look {
    enum it_passive_id rule;
    bool (*when)(const it_pv_msg *m);
    bool (*holds)(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY]);
} it_pv_look;
/* Asks the |n| rules of |look| of |m| in |k|. */
void it_pv_ask(it_passive *p, const it_pv_look *look, size_t n, const it_passive_packet *k, const it_pv_msg *m);
/* What STUN (message.c), TURN (turn.c) and ICE (ice.c) say of one message. */
void it_pv_ask_stun(it_passive *p, const it_passive_packet *k, const it_pv_msg *m);
void it_pv_ask_turn(it_passive *p, const it_passive_packet *k, const it_pv_msg *m);
void it_pv_ask_ice(it_passive *p, const it_passive_packet *k, const it_pv_msg *m);

/* Takes a message to its transaction (trans.c). */
void it_pv_transact(it_passive *p, const it_passive_packet *k, const it_pv_msg *m);
/* Whether the integrity of |m| is that of |t|'s password (secret.c); nothing is said where it is not known. */
void it_pv_ask_secret(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, it_pv_txn *t);

/* The number of the pair that |k| belongs to, made when it is new; IT_MAP_NONE without memory. */
uint32_t it_pv_pair_at(it_passive *p, const it_passive_packet *k);
/* A new check |t| in |k|; a success response |k| to check |t|, NULL: to one that was not seen; data that is not STUN.
 */
void it_pv_pair_check(it_passive *p, const it_passive_packet *k, it_pv_txn *t);
void it_pv_pair_answer(it_passive *p, const it_passive_packet *k, const it_pv_txn *t);
void it_pv_pair_data(it_passive *p, const it_passive_packet *k);
void it_pv_pairs_end(it_passive *p);

/* The agent that sends check |m|, made when it is new; IT_MAP_NONE when it has no name, or without memory. */
uint32_t it_pv_agent_at(it_passive *p, const it_passive_packet *k, const it_pv_msg *m);
/* It sends a new check; it is told of a role conflict. */
void it_pv_agent_check(it_passive *p, uint32_t agent, const it_passive_packet *k, const it_pv_msg *m);
void it_pv_agent_conflict(it_passive *p, uint32_t agent);
/* A nominating check of it was answered, for |pair| and |component|. */
void it_pv_agent_nominated(it_passive *p, uint32_t agent, uint32_t pair, unsigned component,
                           const it_passive_packet *k);
void it_pv_agents_end(it_passive *p);

/* Takes a segment (stream.c); it_pv_message is called for each message that is whole. */
void it_pv_segment(it_passive *p, const it_passive_packet *k);
void it_pv_message(it_passive *p, const it_passive_packet *k);
void it_pv_streams_free(it_passive *p);

/* A key for what |k| is about: its tap, its addresses. Five words. */
void it_pv_key(const it_passive_packet *k, uint64_t key[5]);

#endif
