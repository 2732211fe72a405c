/* The ICE agent: full ICE (RFC 8445) with trickle (RFC 8838), consent (RFC 7675) and patience (RFC 8863).
 *
 *     agent -> streams -> components -> candidates, checklists of pairs, one selected pair each
 *
 * The owner opens sockets and names each by a flow number: every host address is one base. The agent gathers, pairs,
 * checks, nominates, keeps alive and asks consent; it says which pair is selected and the owner sends its data there.
 * How it does that where agents differ is its behaviour (traits/behaviour.h), by default the RFCs': lite or full,
 * regular or aggressive nomination, renomination.
 * Everything it sends and takes is STUN; the owner passes what it_stun_is recognises.
 * Contract: stack/io.h.
 *
 * A nomination that fails takes its pair off the valid list; another valid pair is nominated then, as RFC 8863 section
 * 4 lets the checklist run on that RFC 8445 section 7.2.5.3.4 would fail.
 *
 * A restart keeps the selected pairs working until the new generation has its own. Relays: relay.h. Not here:
 * signaling.
 *
 * Candidates by TCP (RFC 6544) are the agent's own: it listens, connects and frames, by outputs of stack/io.h's stream
 * kinds. The owner gives those that come in to it_ice_tcp_input first, takes what was inside with it_ice_tcp_take and
 * handles it as a datagram of the flow it names; what it sends itself by such a flow goes to it_ice_tcp_send. */
#ifndef IT_STACK_ICE_AGENT_H
#define IT_STACK_ICE_AGENT_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/ice/cand.h"
#include "stack/ice/relay.h"
#include "stack/ice/sped/sped.h"
#include "stack/ice/traits/behaviour.h"
#include "stack/io.h"
#include "stack/stun/trans.h"
#include "stack/tls/tls.h"

#define IT_ICE_SERVERS_MAX 4

/* Which candidates by TCP there are (RFC 6544 section 4.1), and their numbers: of bases, below IT_IO_BOUND_FLOW, and of
 * listening ports. */
enum { IT_ICE_WITH_ACTIVE = 1, IT_ICE_WITH_PASSIVE = 2, IT_ICE_WITH_SO = 4 };
#define IT_ICE_TCP_FLOW 0x30000000u
#define IT_ICE_TCP_LISTEN 0x60000000u
#define IT_ICE_TA_MIN (5 * IT_MS)      /* RFC 8445 section 14.2: MUST NOT be less */
#define IT_ICE_TA_DEFAULT (50 * IT_MS) /* section 14.2; what a side that proposes nothing wants */
#define IT_ICE_TA_MAX                                                                                                  \
    (3600 * IT_SEC) /* our own bound: a far side may propose 115 days, of which no product may overflow */
#define IT_ICE_RTO_MIN (500 * IT_MS) /* section 14.3: MUST NOT be less */

typedef struct it_ice_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name; /* of the random streams, for example "alice/b1/ice"; copied */
    bool controlling; /* initial role */
    it_addr stun[IT_ICE_SERVERS_MAX];
    int n_stun;
    it_ice_turn turn[IT_ICE_TURN_MAX];
    int n_turn;
    it_tls_cfg tls; /* for those that are |secure|: |shared| and |trust|, which outlive the agent; all zeros: none is */
    /* of checks and gathering; rto, above 0, as the floor of RFC 8445 section 14.3: below IT_ICE_RTO_MIN an agent
     * breaks it, as some do that are imitated (stack/model/model.h, it_timers_note) */
    it_stun_timing timing;
    it_time ta;               /* the pacing we propose, 50 ms, IT_ICE_TA_MIN to IT_ICE_TA_MAX; section 14.2 */
    it_time keepalive;        /* Tr, 15 s; section 11 */
    it_time consent_interval; /* 5 s, randomised x U(0.8, 1.2); RFC 7675 section 5.1. 0: no consent checks, keepalive
                                 indications */
    it_time consent_timeout;  /* 30 s */
    it_time patience;         /* RFC 8863 PAC timer, 39.5 s; counts from the far side's credentials (section 4) */
    it_time nominate_wait; /* how long a valid pair waits for a better one before it is nominated, 500 ms; pairs with a
                            * relay wait 2 s. Without a better pair left to check nothing waits */
    int max_pairs;         /* per agent, 100; section 6.1.2.5 */
    bool stream_creds;     /* each stream has credentials of its own (RFC 8839 section 5.4) */
    unsigned tcp;          /* candidates by TCP: IT_ICE_WITH_ACTIVE, ..., 0: none */
    /* That of the RFCs. |controlling| holds until it_ice_set_role, which its |role| overrules. */
    it_ice_behaviour behaviour;
} it_ice_cfg;

/* Fills |cfg| with the RFCs' values; alloc, seed, name, role and servers are the caller's. */
void it_ice_cfg_default(it_ice_cfg *cfg);

typedef struct it_ice it_ice;
/* An agent without streams and bases, |cfg| copied; NULL when there is no memory. Freeing NULL is allowed. */
it_ice *it_ice_new(const it_ice_cfg *cfg);
void it_ice_free(it_ice *a);

/* --- set-up --- */

/* Adds a data stream with components 1 to |n|. Returns its number (dense from 0), IT_ERR_RANGE or IT_ERR_NOMEM. */
int it_ice_add_stream(it_ice *a, int n_components) IT_MUST_CHECK;

/* Takes |stream| out of the session for good: its pairs, candidates and bases go, its selected pairs are dropped
 * without a word, nothing that comes to its bases is answered, and its checklist has no say any more (section 8.1.2:
 * "proper actions for removing the failed data stream"). Its allocations are given back and its connections closed
 * behind what they still have to send, for as long as its sockets are there. Its number stays taken. */
void it_ice_end_stream(it_ice *a, it_time now, int stream);

/* The local credentials of this generation (RFC 8445 section 5.3), of all streams or of the first; live until the next
 * restart. */
const char *it_ice_ufrag(const it_ice *a);
const char *it_ice_pwd(const it_ice *a);
/* Those of |stream|, which are the same unless cfg.stream_creds; of no stream that there is, the same. */
const char *it_ice_stream_ufrag(const it_ice *a, int stream);
const char *it_ice_stream_pwd(const it_ice *a, int stream);
/* Counts restarts, from 0. */
uint32_t it_ice_generation(const it_ice *a);
bool it_ice_controlling(const it_ice *a);
uint64_t it_ice_tiebreaker(const it_ice *a);

/* Sets the role before the first check of the agent's life (section 6.1.1: it persists over restarts); the role of its
 * behaviour overrules |controlling|, and of a lite and a full side the full one controls. Returns 0 or IT_ERR_STATE. */
int it_ice_set_role(it_ice *a, bool controlling) IT_MUST_CHECK;

/* Adds a base: socket |flow| bound to |base| for component |component| of |stream|. The order of calls is the order of
 * preference, but that IPv6 and IPv4 take turns, IPv6 first (RFC 8421 section 4). May come at any time (a new
 * interface): the agent then gathers on it, at once while gathering lasts, which one that gathers continually never
 * ends, else from the next restart on (after GATHERED no candidate may be told any more, RFC 8838 section 13). Returns
 * 0, IT_ERR_EXISTS, IT_ERR_FULL, IT_ERR_RANGE (stream, component, address) or IT_ERR_NOMEM. */
int it_ice_add_base(it_ice *a, it_time now, int stream, int component, int flow, it_addr base) IT_MUST_CHECK;
/* Adds a tunnel: a base whose datagrams from |local| come out at |remote| and nowhere else, such as the room of a relay
 * that two share. Both ends know it, so that neither tells the other its candidates; their one pair is of relays, with
 * the lowest priority of all. It may come at any time, also after the end of candidates, and outlives restarts as other
 * bases do. The addresses are of 100::/64 (RFC 6666), where no packet goes: by no other pair a check leaves for there.
 * Returns as it_ice_add_base. */
int it_ice_add_tunnel(it_ice *a, it_time now, int stream, int component, int flow, it_addr local,
                      it_addr remote) IT_MUST_CHECK;
/* Fresh sockets (RFC 8445 section 9 leaves it open whether a restart gathers on the bases that are there): from the
 * next restart on nothing is gathered on any of them, though selected pairs go on with theirs and what comes there is
 * answered, until the owner removes them. Bases that are added before it_ice_renewed take their places; with that
 * call the agent gathers. */
void it_ice_renew(it_ice *a);
void it_ice_renewed(it_ice *a, it_time now);
/* The base is gone: its candidates (events REMOVED) and pairs go, a selected pair on it is unselected at once (event
 * LOST). One that gathers continually then takes the best pair that is left, or comes, in this generation; another one
 * needs a restart. */
void it_ice_remove_base(it_ice *a, it_time now, int flow);

/* Starts gathering on all bases (section 5.1). Candidates come as events, trickled. */
void it_ice_gather(it_ice *a, it_time now);

/* The far side's credentials for the generation it is in. Credentials that differ from the ones set before mean that
 * the far side restarted (section 9): unless we did already, the agent restarts too. Credentials of one of the far
 * side's earlier generations are late and ignored. Returns 0, 1 when that caused a restart, IT_ERR_RANGE (not RFC 8839
 * section 5.4's form), IT_ERR_NOMEM. */
int it_ice_set_remote(it_ice *a, it_time now, const char *ufrag, const char *pwd);
/* Credentials that the far side has for |stream| alone (section 5.3, RFC 8839 section 5.4), after those of
 * it_ice_set_remote in the same generation. Others than were set before for it are a restart of one stream, which is
 * not done here. Returns 0, IT_ERR_RANGE (the form, or no such stream), IT_ERR_STATE (a restart, or it_ice_set_remote
 * is missing), IT_ERR_NOMEM. */
int it_ice_set_remote_stream(it_ice *a, it_time now, int stream, const char *ufrag, const char *pwd) IT_MUST_CHECK;
/* The pacing that the far side proposes (ice-pacing, RFC 8839 section 5.5), before its credentials: from those on both
 * sides use the larger of the two (RFC 8445 section 14.2). One that is never told is the default. Stays over restarts
 * until told anew. More than IT_ICE_TA_MAX counts as that. */
void it_ice_set_remote_pacing(it_ice *a, it_time ta);
/* What the far side says of itself besides, before its credentials: it is lite (a=ice-lite, RFC 8839 section 5.3), it
 * renominates (a=ice-options:renomination). Both stay over restarts until told anew. */
void it_ice_set_remote_traits(it_ice *a, bool lite, bool renominates);
/* False when the selected pairs are never asked about, as both sides are lite: silence then tells nothing. */
bool it_ice_asks(const it_ice *a);
/* One candidate of the far side's current generation; the same one again changes nothing. After it_ice_remote_done it
 * is ignored (RFC 8838 section 14), and so is one that it_ice_addr_usable refuses. Returns 0, IT_ERR_RANGE for a stream
 * that does not exist, IT_ERR_FULL beyond 100, IT_ERR_NOMEM. */
int it_ice_add_remote(it_ice *a, it_time now, int stream, const it_ice_cand *c);
/* Of the candidates that were signalled for |stream| in this generation the far side keeps the |n| of |list|, and takes
 * all others back: their pairs go, the selected one with event LOST, and another pair may be nominated in their place.
 * Those of |list| that are new are to be added by it_ice_add_remote. */
void it_ice_keep_remote(it_ice *a, it_time now, int stream, const it_ice_cand *list, size_t n);
/* The far side has no more candidates in this generation (RFC 8838 section 14). */
void it_ice_remote_done(it_ice *a, it_time now);

/* Fresh credentials, empty checklists, gathering anew on all bases (RFC 8445 section 9). Selected pairs stay usable. */
void it_ice_restart(it_ice *a, it_time now);

/* Says that data of this flow from |remote| was authentic: counts as nothing for consent (RFC 7675 section 4), but
 * saves keepalives. */
void it_ice_sent_data(it_ice *a, it_time now, int stream, int component);

/* An authenticated end by the far side (DTLS close): consent is revoked at once (RFC 7675 section 5.2). */
void it_ice_revoke(it_ice *a, it_time now);

/* What checks of that component carry of the handshake of DTLS: the agent puts attributes into its messages and heeds
 * those of authentic ones that come, the owner gives and takes the datagrams. A response is written when it is taken,
 * so that it carries what an input has made DTLS write. NULL: |behaviour|.sped is not set, or there is no such
 * component. */
it_sped *it_ice_sped(it_ice *a, int stream, int component);

/* --- state --- */

typedef struct it_ice_pair_view {
    it_ice_cand local, remote;
    it_time last_response; /* when a check on it last succeeded */
    it_time asked;         /* when the latest of those left, IT_NEVER likewise */
    it_time unanswered;    /* since when a check on it waits without answer, IT_NEVER when none does */
    it_time rtt;           /* of the last answered check */
} it_ice_pair_view;

/* The selected pair of a component: 0, or IT_ERR_NOTFOUND while there is none. */
int it_ice_selected(const it_ice *a, int stream, int component, it_ice_pair_view *v);

/* One pair of a checklist, as it stands. */
typedef struct it_ice_pair_info {
    it_ice_cand local, remote;
    uint64_t priority;
    const char *state; /* "frozen", "waiting", "in-progress", "succeeded", "failed" (RFC 8445 section 6.1.2.6) */
    bool valid, nominated;
} it_ice_pair_info;

/* The |i|-th pair of |stream|, in decreasing order of priority; false past the end. */
bool it_ice_pair_at(const it_ice *a, int stream, size_t i, it_ice_pair_info *p);

/* One line a pair, for traces and tests: state, kinds, addresses. */
void it_ice_dump(const it_ice *a, it_str *out);

enum it_ice_event_kind {
    IT_ICE_CANDIDATE, /* a local candidate to signal: cand */
    IT_ICE_REMOVED,   /* one that was to be signaled is gone, while the far side may still use it: cand */
    IT_ICE_GATHERED,  /* no more local candidates in this generation; never said by who gathers continually */
    IT_ICE_VALID,     /* a pair of a component on which data may flow before there is a selected one (section 12.1): its
                       * first valid pair; when that is lost, the best one left */
    IT_ICE_HEARD,     /* an authentic check of this generation came to pair.local.flow from pair.remote.addr */
    IT_ICE_CHECKED,   /* a check on pair succeeded for the first time in this generation: the far side is there */
    IT_ICE_SELECTED,  /* stream, component: the pair for data is new or changed. By RFC 8445 sections 8.1.1 and 12.1.1
                       * all  components of a stream have theirs at once; here each has it when it is nominated: data may
                       * be sent on it (section 12.1), so that consent must be kept up whatever the others take (RFC 7675
                       * section 5.1) */
    IT_ICE_COMPLETED, /* every component of every stream has a nominated pair */
    IT_ICE_FAILED,    /* stream: no pair of it can succeed any more in this generation, patience included (RFC 8863). A
                       * check    of the far side may yet revive it (section 7.3.1.4): SELECTED then says so */
    IT_ICE_CONSENT_LOST, /* consent_timeout without a valid response on the selected pair, or revoked (RFC 7675): stop
                          * sending; the component has no selected pair until a restart brings one */
    IT_ICE_LOST, /* the selected pair's base is gone, or its connection, why: a restart may bring another one; or the
                  * far side has the component no more (section 6.1.2.2) */
    IT_ICE_ROLE, /* the role changed after a conflict (section 7.3.1.1) */
    IT_ICE_PEER  /* the far side broke a rule: why */
};

typedef struct it_ice_event {
    enum it_ice_event_kind kind;
    int stream, component;
    const it_ice_cand *cand; /* CANDIDATE, REMOVED */
    it_ice_pair_view pair;   /* VALID, HEARD, CHECKED, SELECTED */
    bool valid;              /* FAILED: there was a valid pair, so another attempt may find one */
    const char *
        why; /* PEER, FAILED, CONSENT_LOST, LOST of a connection, else NULL: sentence and RFC section; static storage */
} it_ice_event;

/* --- candidates by TCP --- */

/* Takes |in| when it is of a listening port or a connection of the agent's: true, |*taken| then being the bytes of DATA
 * or IT_ERR_NOMEM. */
bool it_ice_tcp_input(it_ice *a, it_time now, const it_io *in, int *taken);
/* The next message that came over a connection, as a datagram: true, its data lives until the next call. */
bool it_ice_tcp_take(it_ice *a, it_time now, it_io *in);
/* Sends |io|, a datagram, when its flow is a base by TCP: true. Without a connection it is lost. */
bool it_ice_tcp_send(it_ice *a, it_time now, const it_io *io);
/* The owner's base beside which base |flow| is; |flow| itself when it is none by TCP. */
uint32_t it_ice_tcp_base(const it_ice *a, uint32_t flow);
/* Closes every connection, behind what waits, and every port; their outputs are then to be taken by
 * it_ice_tcp_output. */
void it_ice_tcp_release(it_ice *a);
int it_ice_tcp_output(it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* The object contract of stack/io.h. Input returns the bytes consumed, which are all, or IT_ERR_NOMEM, as tick and
 * output may; what a hostile peer sends is never an error. */
int it_ice_input(it_ice *a, it_time now, const it_io *in);
int it_ice_tick(it_ice *a, it_time now);
it_time it_ice_next(const it_ice *a);
int it_ice_output(it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_ice_event_next(it_ice *a, it_ice_event *ev);

#endif
