/* What the files of model A share.
 *
 *     spec.c    destination specifiers
 *     setup.c   what a specifier and a configuration come to
 *     a.c       commands and the object contract
 *     talk.c    what is said to the rendezvous server, and what it says
 *     call.c    calls: their B, its blobs and events
 *     ways.c    whose a flow is: calls and the client of the rendezvous have numbers of their own
 *     model.c   the table of models
 */
#ifndef IT_STACK_A_IMPL_H
#define IT_STACK_A_IMPL_H

#include "base/text/str.h"
#include "stack/a/a.h"
#include "stack/model/conn.h"
#include "stack/model/evq.h"

#define A_NAME 64
#define A_BASES 16
#define A_AGAIN (250 * IT_MS) /* until what was lost on its way to the far side is said again */
#define A_SLOTS (2 * IT_A_CALLS)

/* One call. */
typedef struct a_call {
    int number;      /* in events; -1: the only one, of who dials */
    uint32_t serial; /* of its flows: never the same again */
    it_b *b;
    uint64_t token;
    bool ours;           /* we have called */
    bool started;        /* its sockets are there */
    bool heard;          /* the far side has said something */
    bool over;           /* its end was told */
    bool quiet;          /* and nothing of it is left to do */
    bool hung_up;        /* the far side has said END */
    enum it_state told;  /* DEAD or CLOSED of |over| */
    it_str said;         /* our latest blob */
    it_str piece;        /* pieces of theirs */
    it_str early;        /* theirs, before |started| */
    bool owes;           /* |said| is to be said (again) */
    it_time say_at;      /* when; IT_NEVER: at once, of |owes| */
    uint32_t generation; /* of ICE when it was last whole */
} a_call;

/* A flow as the driver has it, and as its owner does. */
typedef struct a_flow {
    uint32_t outer, inner;
    uint32_t serial; /* of the call; 0: the client of the rendezvous */
    bool stream;     /* else a socket */
    bool base;       /* a socket that is a base of the call's */
    bool asked;      /* of a base: BIND is out */
    bool leaving;    /* UNBIND, or RST, is due */
    bool fin_in, fin_out;
    it_addr local; /* of a socket, once it is bound */
} a_flow;

struct it_a {
    it_a_cfg cfg;
    it_alloc *alloc;
    char name[A_NAME];
    it_a_spec spec;
    it_a_host server; /* what is known of the rendezvous server */
    it_rng rng;       /* tokens */
    it_signal_client *signal;
    bool started, listening; /* |listening|: the server has said so */
    bool leaving;            /* the session ends when all is said */
    bool up, was_up;
    bool over; /* the end of the whole was told */
    enum it_state told;
    const char *down_why; /* the latest; static storage */
    it_time connect_by;   /* of who listens; IT_NEVER */
    a_call *call[A_SLOTS];
    int n_numbers; /* calls so far */
    uint32_t n_serials;
    it_conn_socket bases[A_BASES];
    int n_bases;
    a_flow *flow;
    size_t n_flows, cap_flows;
    uint32_t n_opened, n_bound; /* outer flows so far */
    it_evq events;
    it_model_event latest;
};

/* setup.c */
/* Fills in what |a|->spec names: 0, or an error and |fault|. */
int it_a_setup(it_a *a, const it_a_cfg *cfg, it_a_fault *fault) IT_MUST_CHECK;
/* The client of the rendezvous server begins. Returns 0 or IT_ERR_NOMEM. */
int it_a_meet(it_a *a) IT_MUST_CHECK;

/* ways.c */
/* Makes |in|, which is no base of ours, its owner's: |*serial| says whose, false: nobody's. What is over by it is
 * forgotten. Returns 1, 0 or IT_ERR_NOMEM. */
int it_a_translate_in(it_a *a, it_io *in, uint32_t *serial) IT_MUST_CHECK;
/* Base |in| of ours came or went: so does one beside it for each call of who listens. Returns 0 or an error. */
int it_a_base_in(it_a *a, it_time now, const it_io *in) IT_MUST_CHECK;
/* Asks for the sockets of a call that has just come. Returns 0 or IT_ERR_NOMEM. */
int it_a_call_sockets(it_a *a, a_call *c) IT_MUST_CHECK;
/* Whether all sockets of |c| were asked for and answered. */
bool it_a_call_has_sockets(const it_a *a, const a_call *c);
/* Nothing is left of |c|: what it has of flows is given back. */
void it_a_release(it_a *a, const a_call *c);
/* The next BIND, UNBIND or RST of our own: 1 or 0. */
int it_a_ways_out(it_a *a, it_io *out);
/* Makes |io|, which owner |serial| has put out, the driver's. Returns 1, 0: it may not leave, or IT_ERR_NOMEM. */
int it_a_translate_out(it_a *a, uint32_t serial, it_io *io) IT_MUST_CHECK;

/* call.c */
/* A call of |token|, whose B is made; NULL without memory. */
a_call *it_a_call_new(it_a *a, it_time now, uint64_t token, int number);
void it_a_call_free(it_a *a, a_call *c);
a_call *it_a_call_numbered(const it_a *a, int number);
a_call *it_a_call_of(const it_a *a, uint64_t token);
a_call *it_a_call_serial(const it_a *a, uint32_t serial);
/* How many are not over. */
int it_a_calls(const it_a *a);
/* Begins once every socket is there. Returns 0 or an error. */
int it_a_call_begin(it_a *a, it_time now, a_call *c) IT_MUST_CHECK;
/* Takes a blob of the far side. Returns 0 or IT_ERR_NOMEM. */
int it_a_call_hear(it_a *a, it_time now, a_call *c, it_bytes blob) IT_MUST_CHECK;
/* It never opens, as |why| says. */
void it_a_call_refuse(it_a *a, it_time now, a_call *c, const char *why);
/* The far side has hung up. */
void it_a_call_hung_up(it_a *a, it_time now, a_call *c);
/* Tells what the B of |c| has to tell. */
void it_a_call_pump(it_a *a, it_time now, a_call *c);
/* Its end is told; |how| DEAD or CLOSED. */
void it_a_call_ends(it_a *a, it_time now, a_call *c, enum it_state how);

/* talk.c */
/* Tells the server |verb| of call |c|. */
void it_a_tell(it_a *a, a_call *c, enum it_rendezvous_verb verb);
void it_a_tell_name(it_a *a, enum it_rendezvous_verb verb);
/* Calls whom the specifier names. */
void it_a_tell_call(it_a *a, a_call *c);
/* Says what |c| owes. */
void it_a_say(it_a *a, it_time now, a_call *c);
/* Takes what the client of the rendezvous has to report. Returns 0 or IT_ERR_NOMEM. */
int it_a_listen_to(it_a *a, it_time now) IT_MUST_CHECK;

/* a.c */
/* The whole ends, |how| DEAD, for |why|, or CLOSED. */
void it_a_ends(it_a *a, it_time now, enum it_state how, enum it_reason reason, const char *why);
/* Queues |ev| of call |number|. */
void it_a_emit(it_a *a, it_time now, int number, it_model_event ev);

#endif
