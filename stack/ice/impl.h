/* Inside the ICE agent: its objects and what its files call of each other. Nobody outside stack/ice includes this.
 *
 *     agent.c     the object, commands, events, the four calls of stack/io.h
 *     gen.c       generations: credentials of both sides, restarts
 *     gather.c    bases, host and server-reflexive candidates, keeping them alive
 *     relay.c     TURN clients, relayed candidates, what goes through them
 *     remote.c    the far side's candidates
 *     pair.c      pairs: making, ordering, pruning, the limit
 *     checklist.c freezing, the triggered queue, what is checked next, the states of checklists
 *     check.c     sending checks, their responses
 *     server.c    checks that come in
 *     nominate.c  choosing, nominating, selecting
 *     renominate.c  another pair nominated in the selected one's place
 *     lite.c      lite implementations: what the far side nominates, two lite sides
 *     tcp.c       candidates by TCP (RFC 6544), over the connections of tcp/conns.h
 *     consent.c   consent and keepalives of the selected pairs
 *     timers.c    tick and next
 *
 * Pairs are always made with a base as the local candidate. RFC 8445 section 6.1.2.4 would replace a reflexive one by
 * its base and then prune it against the base's own pair, whose priority is always higher; so such pairs are never
 * made. The reflexive candidate of a valid pair is kept in the pair, as |valid_local|. */
#ifndef IT_STACK_ICE_IMPL_H
#define IT_STACK_ICE_IMPL_H

#include "stack/ice/agent.h"
#include "stack/ice/tcp/conns.h"
#include "stack/stun/auth.h"
#include "stack/turn/client.h"

#define IT_ICE_REMOTES_MAX 100     /* remote candidates, and again as many peer-reflexive ones, per agent */
#define IT_ICE_EARLY_MAX 32        /* checks remembered before the far side's credentials are known */
#define IT_ICE_OUT_MAX 256         /* responses waiting to be taken; more are dropped, as a full socket would */
#define IT_ICE_OUT_BYTES 160       /* the longest response: an error with 8 unknown attributes */
#define IT_ICE_SEAL (24 + 8)       /* bytes of MESSAGE-INTEGRITY and FINGERPRINT */
#define IT_ICE_UNKNOWN_MAX 8       /* unknown attributes named in an error response */
#define IT_ICE_LINGER (3 * IT_SEC) /* RFC 8445 section 8.3.1: how long a superseded generation is still answered */
#define IT_ICE_RELAY_HOMELESS (30 * IT_SEC) /* how long an allocation waits for a base (RFC 8016), as consent does */
#define IT_ICE_BASES_MAX 256
#define IT_ICE_RELAY_WAIT                                                                                              \
    (2 * IT_SEC) /* how long a valid pair with a relay waits for a better one before nomination                        \
                  */
/* The longest RTO of a check where few are under way: with seven pairs, as two homes and a TURN server make them, that
 * of RFC 8445 section 14.3 is 2.45 s, and a relay is nominated before a direct pair has had its second check. */
#define IT_ICE_RTO_SOON IT_SEC
/* Transmissions of a nominating check, on a pair that is known to work: 9.5 s at an RTO of 500 ms before it has failed
 * (RFC 8489 section 6.2.1: Rc SHOULD be configurable, 7 by default). Where another valid pair waits for its turn 1 s,
 * or four round trips: a path that went while it was chosen is to leave the other one its part of T_linkdown. */
#define IT_ICE_NOMINATE_RC 5
#define IT_ICE_NOMINATE_RM 4
#define IT_ICE_NOMINATE_RC_SPARE 2
#define IT_ICE_NOMINATE_RM_SPARE 1
#define IT_ICE_CONSENT_OUT 16 /* consent requests in flight on a pair */
#define IT_ICE_PAST_MAX 8     /* far credentials of earlier generations remembered, as hashes */
#define IT_ICE_LOCAL_UFRAG 8  /* characters of 6 bits: 48 bits; RFC 8445 section 5.3 wants 24 */
#define IT_ICE_LOCAL_PWD 24   /* 144 bits; it wants 128 */

/* What the far side is called and proves itself by. */
typedef struct it_ice_far {
    char ufrag[IT_ICE_UFRAG_MAX + 1];
    it_hmac_key key; /* of its pwd: our requests, responses to them */
    uint64_t hash;   /* of both */
} it_ice_far;

/* What we are called and prove ourselves by. */
typedef struct it_ice_creds {
    char ufrag[IT_ICE_LOCAL_UFRAG + 1], pwd[IT_ICE_LOCAL_PWD + 1];
    it_hmac_key key; /* of pwd: requests that come in, responses to them */
} it_ice_creds;

/* One generation's credentials. Lives while it is current, while a selected pair of it is in use, and a little longer.
 */
typedef struct it_ice_gen {
    uint32_t number;
    uint32_t users;      /* selected pairs */
    it_time until;       /* answered at least until then */
    it_ice_creds creds;  /* of the first stream, or of all */
    it_ice_creds *later; /* of the streams behind the first, where each has its own */
    size_t n_later, cap_later;
    bool have_remote;
    uint64_t rhash;   /* of the far ufrag and pwd */
    it_ice_far far;   /* of all streams */
    it_ice_far **own; /* by stream, of those that have credentials of their own; NULL: none has */
    size_t n_own;
} it_ice_gen;

enum it_ice_pstate { IT_ICE_FROZEN, IT_ICE_WAITING, IT_ICE_IN_PROGRESS, IT_ICE_SUCCEEDED, IT_ICE_PAIR_FAILED };

typedef struct it_ice_pair {
    uint32_t id;
    int stream;
    enum it_ice_pstate state;
    it_ice_cand local, remote;
    uint64_t prio;
    uint64_t queued;            /* place in the triggered queue, 0: not in it */
    bool nominating;            /* controlling: its checks carry USE-CANDIDATE */
    bool use;                   /* controlled: the far side's check carried it; nominated once ours succeeds */
    uint8_t txid[IT_STUN_TXID]; /* of the transaction whose time-out fails the pair; meaningful In-Progress only */
    uint32_t produced;          /* id of the valid pair that this one's check produced, 0: none */
    bool refused;               /* a nomination of it failed */
    bool permitted;             /* of a relay: the permission was asked for */
    uint32_t nomination;        /* controlling: number of its latest nomination, 0: without numbers */
    bool takes_over;            /* is nominated to replace the nominated pair, or under the highest number yet */
    bool was_valid;             /* it has worked once in this generation */
    it_time retry_at;           /* not checked again in another pair's place before */
    /* as a member of the valid list */
    bool valid, nominated;
    uint32_t checked_by; /* id of the pair whose check made this one valid */
    it_ice_cand valid_local;
    uint64_t valid_prio;
    it_time last_response, rtt;
    it_time took; /* from the first transmission of its check to the answer: the round trip at most */
} it_ice_pair;

/* The selected pair of a component: a copy, so it outlives its checklist. */
typedef struct it_ice_sel {
    it_ice_gen *gen; /* NULL: none */
    uint32_t serial;
    it_ice_pair_view view;
    it_time last_sent;
    it_time consent_at;               /* next consent request */
    it_time consent_end;              /* expiry */
    it_time sent[IT_ICE_CONSENT_OUT]; /* requests not known to be answered, oldest first */
    int n_sent;
} it_ice_sel;

typedef struct it_ice_comp {
    uint32_t n_bases_ever;           /* order of preference of the next base */
    it_time first_valid;             /* IT_NEVER: no valid pair yet in this generation */
    uint32_t nominated;              /* pair id, 0: none */
    uint32_t nomination;             /* controlled: the highest number of a nomination that came in this generation */
    bool lost_nominated, lost_valid; /* scratch: its pairs that it_ice_pair_take took were so */
    it_ice_sel sel;
    it_sped *sped; /* owned; NULL: checks carry nothing of DTLS */
} it_ice_comp;

enum it_ice_lstate { IT_ICE_RUNNING, IT_ICE_LIST_COMPLETED, IT_ICE_LIST_FAILED };

typedef struct it_ice_stream {
    int n_comps;
    it_ice_comp *comps;
    enum it_ice_lstate state;
    bool ended;  /* it_ice_end_stream */
    bool doomed; /* a nomination failed and no valid pair is left: Failed as soon as the patience timer allows */
    const char *why;
    bool ever_valid;     /* a pair was valid in this generation */
    it_ice_pair **pairs; /* the checklist in decreasing order of priority; members of the valid list stay here too */
    size_t n_pairs, cap;
} it_ice_stream;

/* How far a base by TCP is: an active one is ready at once. */
enum it_ice_tcp_socket { IT_ICE_TCP_READY, IT_ICE_TCP_WANTED, IT_ICE_TCP_ASKED };

typedef struct it_ice_base {
    enum it_ice_kind kind; /* host; relay for bases that a TURN client brings */
    int stream, component, flow;
    it_addr addr;
    it_addr related; /* of a relay: what the server saw */
    it_addr far;     /* of a tunnel: where it leads; none elsewhere */
    uint32_t order;  /* of preference; |place|: scratch, what it becomes */
    uint32_t place;
    bool gathered; /* its candidates of this generation were made */
    /* by TCP */
    enum it_ice_transport transport;
    int parent;      /* flow of the owner's base beside which it is */
    uint32_t listen; /* flow of its listening port, 0: none */
    enum it_ice_tcp_socket socket;
    bool retired;    /* of an earlier generation */
    bool superseded; /* by fresh ones: not gathered on any more */
} it_ice_base;

typedef struct it_ice_local {
    it_ice_cand c;
    int stream;
    it_ip server;
    bool by_tcp; /* how it was had of the server */
} it_ice_local;

typedef struct it_ice_remote {
    it_ice_cand c;
    int stream;
    bool signalled; /* false: learned from a check */
} it_ice_remote;

enum it_ice_gstate { IT_ICE_G_DUE, IT_ICE_G_ASKED, IT_ICE_G_DONE };

/* One base asking one server. */
typedef struct it_ice_gather_task {
    uint32_t id;
    int flow, server; /* of cfg.stun; where |turn|, of cfg.turn */
    bool turn;
    enum it_ice_gstate state;
    bool ended;         /* has ended once: a later round only keeps the mapping alive */
    it_time refresh_at; /* section 5.1.1.4; IT_NEVER: nothing to keep alive */
} it_ice_gather_task;

/* An allocation at a TURN server, or on its way to one, or back. */
typedef struct it_ice_relay {
    it_turn_client *c;
    uint32_t id;   /* its flows are made of */
    uint32_t task; /* that waits for it */
    int base, server, stream, component;
    uint32_t order; /* of the base */
    bool tcp, allocated, closing;
    it_time home_by; /* its base is gone, and it waits for another until then; IT_NEVER: it has one */
    it_addr mapped;  /* of |allocated|: where the server sees the base, by UDP; none by TCP */
    it_time sent_at; /* something left for the server */
    it_time idle_at; /* given back then; IT_NEVER: in use, or may come to be */
} it_ice_relay;

typedef struct it_ice_early {
    int flow;
    it_addr remote;
    uint32_t priority;
    bool use;
    uint32_t nomination; /* its number, 0: none */
    uint64_t ufrag_hash;
} it_ice_early;

typedef struct it_ice_outgoing {
    uint32_t flow;
    it_addr local, remote;
    uint16_t n;
    uint8_t data[IT_ICE_OUT_BYTES];
    /* A success response that is written when it is taken, with what there is of DTLS then (it_ice_sped): */
    bool late;
    uint16_t integrity; /* the attribute that proves it */
    uint32_t gen;       /* by whose password, by number */
    int stream, component;
    uint8_t txid[IT_STUN_TXID];
} it_ice_outgoing;

typedef struct it_ice_queued_event {
    it_ice_event ev;
    it_ice_cand cand;
} it_ice_queued_event;

struct it_ice {
    it_ice_cfg cfg;
    it_rng rng_creds, rng_tie, rng_txid, rng_consent, rng_turn;
    it_stun_trans *trans;
    bool controlling;
    uint64_t tiebreaker;
    int err; /* of a command that cannot return one; the next input, tick or output returns it */

    it_ice_gen **gens;
    size_t n_gens, cap_gens;
    it_ice_gen *gen; /* the current one, also in |gens| */
    uint64_t past[IT_ICE_PAST_MAX];
    uint32_t n_past;

    it_ice_stream *streams;
    size_t n_streams, cap_streams;
    it_ice_base *bases;
    size_t n_bases, cap_bases;
    it_ice_local *locals;
    size_t n_locals, cap_locals;
    it_ice_remote *remotes;
    size_t n_remotes, cap_remotes;
    it_ice_gather_task *tasks;
    size_t n_tasks, cap_tasks;
    it_ice_relay *relays;
    size_t n_relays, cap_relays;
    uint32_t last_relay;
    bool permits_due; /* a pair has a relay as its base */
    bool relayed_any; /* a datagram waits for it_ice_relay_take, */
    it_io relayed_io; /* its data in */
    uint8_t *relayed;
    size_t cap_relayed;
    it_ice_early *early;
    size_t n_early, cap_early;
    it_ice_outgoing *out;
    size_t n_out, head_out, cap_out;
    it_ice_queued_event *events;
    size_t n_events, head_event, cap_events;

    bool gathering;                 /* the owner asked for it */
    bool renewing;                  /* fresh bases are on their way */
    bool gathered;                  /* and it ended, in this generation */
    bool remote_done;               /* the far side's end of candidates, in this generation */
    bool checking;                  /* the first check of this generation was chosen: initial states are computed */
    bool completed;                 /* COMPLETED was said in this generation */
    bool idle;                      /* nothing to send when Ta fires, until something changes */
    bool gather_next;               /* gathering and checks take turns */
    it_time ta_at;                  /* no new transaction before */
    it_time far_ta;                 /* what the far side proposes */
    bool far_lite, far_renominates; /* what it says of itself */
    it_time pac_at;                 /* end of patience; IT_NEVER until the far credentials are known */
    bool patience_over;             /* a tick has seen it */
    size_t next_list;               /* the checklist whose turn it is */
    uint32_t last_id;               /* of pairs, tasks and selections */
    uint32_t last_foundation;
    uint64_t last_queued;
    it_ice_conns conns;
    uint32_t *unbinds; /* listening ports to be closed */
    size_t n_unbinds, cap_unbinds;
    uint32_t last_tcp;        /* of bases by TCP */
    it_time completed_at;     /* when COMPLETED was said */
    bool tcp_closed;          /* connections that were not selected, since */
    uint32_t last_nomination; /* number of our latest one, where both sides renominate */
};

/* --- tags of transactions: what, flags, id --- */
enum it_ice_tag_kind { IT_ICE_TAG_CHECK = 1, IT_ICE_TAG_GATHER = 2, IT_ICE_TAG_CONSENT = 3 };
#define IT_ICE_TAG_CONTROLLING 1u /* the request said ICE-CONTROLLING */
#define IT_ICE_TAG_USE 2u         /* and USE-CANDIDATE */

static inline uint64_t it_ice_tag(enum it_ice_tag_kind kind, unsigned flags, uint32_t id)
{
    return (uint64_t)kind << 40 | (uint64_t)flags << 32 | id;
}
static inline enum it_ice_tag_kind it_ice_tag_kind(uint64_t tag)
{
    return (enum it_ice_tag_kind)(tag >> 40);
}
static inline unsigned it_ice_tag_flags(uint64_t tag)
{
    return (unsigned)(tag >> 32) & 0xff;
}
static inline uint32_t it_ice_tag_id(uint64_t tag)
{
    return (uint32_t)tag;
}

/* A response that was found to belong to a transaction of ours. */
typedef struct it_ice_resp {
    const it_io *in;
    const it_stun_msg *msg;
    uint64_t tag;
    it_addr local, remote; /* of the request */
    uint32_t flow;
    it_time first;    /* when it was first sent */
    it_bytes request; /* its bytes, until its transaction ends */
    uint32_t sent;    /* how often */
} it_ice_resp;

/* What a check says and where it goes. */
typedef struct it_ice_request {
    const it_ice_gen *gen;
    int stream;
    const it_ice_cand *local;
    it_addr remote;
    bool use;
    uint32_t nomination; /* 0: no NOMINATION */
    it_stun_timing timing;
    enum it_ice_tag_kind kind;
    uint32_t id;
} it_ice_request;

/* timers.c */
it_time it_ice_ta(const it_ice *a);           /* RFC 8445 section 14.2: in force now */
void it_ice_timeouts(it_ice *a, it_time now); /* takes the transactions that have failed without an answer */

/* agent.c */
void it_ice_latch(it_ice *a, int err); /* keeps the first error of a command for the next call that can return it */
/* Something may have become sendable: the next Ta looks again. */
void it_ice_kick(it_ice *a);
/* The same where output may call it, which makes nothing due at once (stack/io.h): at the next instant. */
void it_ice_kick_next(it_ice *a, it_time now);
/* Queues an event; out of memory is latched. |cand| is copied (may be NULL). */
void it_ice_say(it_ice *a, const it_ice_event *ev, const it_ice_cand *cand);
/* The far side broke a rule. */
void it_ice_blame(it_ice *a, int stream, int component, const char *why);
it_ice_comp *it_ice_comp_of(it_ice *a, int stream, int component);
it_ice_base *it_ice_base_of(it_ice *a, int flow);
/* Queues a ready-made message; out of memory is latched. */
void it_ice_send_raw(it_ice *a, const it_ice_outgoing *o);
/* A role change (RFC 8445 sections 7.2.5.1, 7.3.1.1): pair priorities follow, nominations under way end. */
void it_ice_switch_role(it_ice *a, bool new_tiebreaker);

/* gen.c */
it_ice_gen *it_ice_gen_new(it_ice *a); /* fresh credentials, appended to gens; NULL without memory */
/* Whose user name fragment |ufrag| is: the credentials, NULL: none of ours; |*gen| and |*stream| are theirs, -1: all
 * streams'. */
const it_ice_creds *it_ice_creds_by_ufrag(it_ice *a, it_bytes ufrag, it_ice_gen **gen, int *stream);
/* Ours for |stream|. */
const it_ice_creds *it_ice_creds_of(const it_ice_gen *g, int stream);
int it_ice_gen_add_stream(it_ice *a); /* a stream was added: its credentials. 0 or IT_ERR_NOMEM */
/* The far side's credentials for |stream|; of a stream that is none, those of all. */
const it_ice_far *it_ice_far_of(const it_ice_gen *g, int stream);
void it_ice_gens_tidy(it_ice *a, it_time now);
it_time it_ice_gens_next(const it_ice *a);
void it_ice_gens_fini(it_ice *a);

/* gather.c */
/* Takes a base out, with its candidates and pairs and the bases by TCP beside it; allocations from it stay. */
void it_ice_base_drop(it_ice *a, it_time now, int flow);
void it_ice_base_gather(it_ice *a, it_time now, it_ice_base *b); /* its host candidate and tasks, once a generation */
bool it_ice_gather_send(it_ice *a, it_time now);                 /* starts one due transaction; false: none due */
void it_ice_gather_response(it_ice *a, it_time now, const it_ice_resp *r);
void it_ice_gather_timeout(it_ice *a, it_time now, uint32_t id);
void it_ice_gather_refresh(it_ice *a, it_time now);
it_time it_ice_gather_next(const it_ice *a);
void it_ice_gather_check_done(it_ice *a);
bool it_ice_gather_asks(const it_ice *a); /* an answer is waited for, or a listening port */
/* True when |b| is the owner's: not a relay's, nor by TCP. */
bool it_ice_base_hosts(const it_ice_base *b, int stream, int component);
/* True when |b|'s component has a host base of the other family, by which |t| can be asked too: each then asks for
 * relayed addresses of its own. */
bool it_ice_asks_by_both(const it_ice *a, const it_ice_base *b, const it_ice_turn *t);
/* Task |task| is over: the server saw the base as |mapped|, none: not known. */
void it_ice_gather_relayed(it_ice *a, it_time now, uint32_t task, it_addr mapped);
/* The local candidate of base |flow| with this address, or NULL. */
it_ice_local *it_ice_local_find(it_ice *a, int stream, int component, int flow, it_addr addr);
/* Adds a local candidate (priority and foundation computed unless |c| brings a priority). NULL without memory
 * (latched). */
it_ice_local *it_ice_local_add(it_ice *a, int stream, const it_ice_cand *c, uint32_t local_pref, it_ip server);

/* relay.c */
void it_ice_relay_init(it_ice *a); /* while cfg.name is there */
/* The relay of base |base| at server |server| that is not being given back, or NULL. */
it_ice_relay *it_ice_relay_at(it_ice *a, int base, int server);
/* True while an allocation of this base at this server is being given back: by UDP another one would be of the same
 * 5-tuple, where 437 is the answer (RFC 8656 section 7.2), and the end of the first might be the second one's. */
bool it_ice_relay_leaving(const it_ice *a, int base, int server);
/* Starts one for gathering task |task|. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_ice_relay_start(it_ice *a, it_time now, uint32_t task, const it_ice_base *b, int server, it_time rto);
/* The server that base |flow| is at, none: it is no relay. */
it_ip it_ice_relay_server(const it_ice *a, int flow);
/* Socket |base| is gone: nothing can be given back over it any more. */
void it_ice_relay_base_gone(it_ice *a, it_time now, int base);
/* Base |b| is new: an allocation that waits for one moves there. */
void it_ice_relay_base_new(it_ice *a, it_time now, const it_ice_base *b);
/* Gives the allocations of |stream| back (RFC 8656 section 8). */
void it_ice_relay_end_stream(it_ice *a, it_time now, int stream);
/* A pair from |flow| to |remote| is selected. */
void it_ice_relay_selected(it_ice *a, it_time now, int flow, it_addr remote);
void it_ice_relay_tick(it_ice *a, it_time now);
void it_ice_relay_fini(it_ice *a);
/* The connection of base |flow| with server |remote| has ended: what is asked there gets no answer. */
void it_ice_gather_refused(it_ice *a, int flow, it_addr remote);

/* tcp.c */
bool it_ice_tcp_is(int flow); /* of a base by TCP */
/* Makes the bases by TCP beside |parent|. */
void it_ice_tcp_gather(it_ice *a, it_time now, it_ice_base parent);
bool it_ice_tcp_pending(const it_ice *a);        /* a listening port is not there yet */
void it_ice_tcp_drop(it_ice *a, it_ice_base *b); /* closes all that |b| has */
void it_ice_tcp_retire(it_ice *a);               /* a generation ends */
void it_ice_tcp_tick(it_ice *a, it_time now);
it_time it_ice_tcp_next(const it_ice *a);
/* Of a request that is sent once, and waited for |rto|; 0: as RFC 8489 section 6.2.2 has it. */
it_stun_timing it_ice_tcp_timing(it_time rto);
it_stun_timing it_ice_tcp_nominate_timing(bool spare);

/* remote.c */
/* The remote candidate with that address, by UDP or, |tcp|, by TCP. */
it_ice_remote *it_ice_remote_find(it_ice *a, int stream, int component, bool tcp, it_addr addr);
/* A peer-reflexive one whose check came to |base|. */
it_ice_remote *it_ice_remote_learn(it_ice *a, const it_ice_base *base, it_addr addr, uint32_t priority);

/* The end of tunnel |base|, a remote candidate that nobody tells. NULL without memory (latched). */
it_ice_remote *it_ice_remote_tunnel(it_ice *a, const it_ice_base *base, const it_ice_cand *c);

/* True for 100::/64: RFC 6666 lets a packet to there go nowhere, so that the ends of tunnels are called by it. */
static inline bool it_ice_is_tunnel(it_ip ip)
{
    return ip.hi == UINT64_C(0x0100) << 48;
}

/* pair.c */
it_ice_pair *it_ice_pair_by_id(const it_ice *a, uint32_t id, int *stream);
it_ice_pair *it_ice_pair_find(it_ice_stream *s, int flow, int component, it_addr remote);
/* RFC 8445 section 6.1.2.3. */
uint64_t it_ice_pair_prio(bool controlling, uint32_t local, uint32_t remote);
bool it_ice_pairable(const it_ice_cand *l, const it_ice_cand *r);
/* Makes a pair and inserts it by priority, making room as RFC 8838 section 10 says. |out| is NULL when there was no
 * room. Returns 0 or IT_ERR_NOMEM. */
int it_ice_pair_add(it_ice *a, int stream, const it_ice_cand *l, const it_ice_cand *r, it_ice_pair **out);
void it_ice_pair_remove(it_ice *a, it_ice_stream *s, size_t i);
/* Removes pair |i| of |s|, what it was being kept for it_ice_losses_settle, which is to follow. */
void it_ice_pair_take(it_ice *a, it_ice_stream *s, size_t i);
void it_ice_pair_end_checks(it_ice *a, const it_ice_pair *p); /* forgets all its transactions */
void it_ice_pairs_sort(it_ice_stream *s);
void it_ice_pairs_reprioritise(it_ice *a);
int it_ice_pair_local(it_ice *a, const it_ice_local *l);   /* with all signalled remote candidates; 0 or IT_ERR_NOMEM */
int it_ice_pair_remote(it_ice *a, const it_ice_remote *r); /* with all local ones */
size_t it_ice_pairs_total(const it_ice *a);
it_ice_pair_view it_ice_pair_view_of(const it_ice_pair *p);
bool it_ice_same_foundation(const it_ice_pair *x, const it_ice_pair *y);

/* checklist.c */
void it_ice_state_new_pair(it_ice *a, it_ice_pair *p);            /* RFC 8838 section 12 */
void it_ice_initial_states(it_ice *a);                            /* RFC 8445 section 6.1.2.6 */
void it_ice_unfreeze_foundation(it_ice *a, const it_ice_pair *p); /* section 7.2.5.3.3 */
void it_ice_enqueue(it_ice *a, it_ice_pair *p);      /* state Waiting, at the end of the triggered queue unless in it */
bool it_ice_check_send_next(it_ice *a, it_time now); /* section 6.1.4.2; false: nothing to send */
it_stun_timing it_ice_check_timing(const it_ice *a); /* section 14.3 */
int it_ice_components(const it_ice *a, size_t stream); /* that matter, section 6.1.2.2 */
void it_ice_lists_update(it_ice *a, it_time now);      /* sections 7.2.5.4, 8.1.2, RFC 8863 section 4 */

/* A component of |s| has lost its nominated pair: the checklist runs on, with pairs that left it as it concluded.
 * Patience begins anew, as candidates may come (RFC 8863 section 4). */
void it_ice_list_reopen(it_ice *a, it_time now, it_ice_stream *s);

/* check.c */
int it_ice_check_start(it_ice *a, it_time now, it_ice_pair *p);
int it_ice_request_start(it_ice *a, it_time now, const it_ice_request *q, uint8_t txid[IT_STUN_TXID]);
void it_ice_response(it_ice *a, it_time now, const it_io *in, const it_stun_msg *m);
void it_ice_check_timeout(it_ice *a, it_time now, uint32_t id, const uint8_t txid[IT_STUN_TXID]);
/* The authentic success response |r| of a check of that component: what it carries of DTLS. */
void it_ice_sped_answered(it_ice *a, int stream, int component, const it_ice_resp *r);
/* RFC 8489 sections 6.3.3, 6.3.4: a response with such attributes is discarded and its transaction has failed. */
bool it_ice_not_understood(const it_stun_msg *m);
void it_ice_role_conflict(it_ice *a, unsigned flags); /* a 487 came in */
void it_ice_pair_refuse(it_ice *a, it_ice_pair *p);   /* no check of |p| can leave: it has failed */

/* server.c */
void it_ice_serve(it_ice *a, it_time now, const it_io *in, const it_stun_msg *m);
/* Writes the response |o| that was put off. Returns its size; 0: its generation is gone, or |cap| is too small. */
size_t it_ice_late_answer(it_ice *a, const it_ice_outgoing *o, uint8_t *buf, size_t cap);
void it_ice_early_replay(it_ice *a, it_time now);

/* nominate.c */
void it_ice_nominate(it_ice *a, it_time now);                       /* controlling: starts nominations that are due */
bool it_ice_check_nominates(const it_ice *a, const it_ice_pair *p); /* a check of |p| now carries USE-CANDIDATE */
void it_ice_nominate_pair(it_ice *a, it_ice_pair *p);               /* |p| is checked next, with USE-CANDIDATE */
bool it_ice_nominating(const it_ice_stream *s, int component);      /* a pair of the component is being nominated */
it_stun_timing it_ice_nominate_timing(it_ice *a, const it_ice_pair *p); /* of the check that nominates |p| */
it_time it_ice_nominate_next(const it_ice *a);
void it_ice_nominated(it_ice *a, it_time now, it_ice_pair *p); /* the valid pair |p| was nominated */
/* A valid pair of the component is gone: tells of the best one left. */
void it_ice_valid_lost(it_ice *a, int stream, int component);
void it_ice_select(it_ice *a, it_time now, size_t stream); /* its checklist is Completed */

/* What the pairs that it_ice_pair_take took of |stream| mean for its components. |goes_on|: another pair may be
 * nominated in this generation. */
void it_ice_losses_settle(it_ice *a, it_time now, int stream, bool goes_on);

/* renominate.c */
bool it_ice_renominates(const it_ice *a);       /* both sides do */
bool it_ice_switches(const it_ice *a);          /* the selected pair may be left, by either way */
void it_ice_renominate(it_ice *a, it_time now); /* controlling: leaves selected pairs that are silent or not the best */
it_time it_ice_renominate_next(const it_ice *a);

/* lite.c */
/* RFC 8445 section 7.3.2: the far side's check of |p| nominates it. */
void it_ice_lite_nominated(it_ice *a, it_time now, it_ice_pair *p);
/* Section 8.2: two lite sides conclude without checks, once all candidates are known. */
void it_ice_lite_conclude(it_ice *a, it_time now);
/* A check of the far side came to |flow| from |remote|: a lite side knows of its life by these. */
void it_ice_lite_heard(it_ice *a, it_time now, int flow, it_addr remote);

/* consent.c */
void it_ice_sel_start(it_ice *a, it_time now, it_ice_comp *c, const it_ice_pair *p);
void it_ice_sel_drop(it_ice *a, it_time now, it_ice_comp *c);
void it_ice_sel_lose(it_ice *a, it_time now, int stream, int component); /* with LOST */
void it_ice_consent_tick(it_ice *a, it_time now);
it_time it_ice_consent_next(const it_ice *a);
void it_ice_consent_response(it_ice *a, it_time now, const it_ice_resp *r);
void it_ice_consent_lost(it_ice *a, it_time now, int stream, int component, const char *why);
/* Something was sent from |flow| to |remote|: keepalives start counting anew. */
void it_ice_note_sent(it_ice *a, it_time now, int flow, it_addr remote);

#endif
