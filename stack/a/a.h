/* Model A: one object that does everything, signaling included. Its owner names whom to call, or under which name to
 * listen, by a destination specifier (stack/a/spec.h), and from then on sends and hears.
 *
 *     dial   icet://rendezvous/bob  --> [ session with the rendezvous server, a B ]
 *     listen icet://rendezvous/bob  --> [ session with the rendezvous server, a B for every caller ]
 *
 * Inside: a client of the rendezvous server (stack/signal/client.h, docs/rendezvous.md) and, for each call, the
 * connection of model B (stack/b/b.h), whose blobs the client carries: candidates as they come, ICE by UDP, TCP, TURN
 * and a relay over WebSocket, and restarts, all by itself.
 *
 *     NEW -> RENDEZVOUS -> CHECKING -> SECURING -> OPEN <-> STALLED <-> RESTARTING -> DEAD | CLOSED
 *
 * are the phases of a call. In the vocabulary of models (stack/model/model.h) RENDEZVOUS, CHECKING and SECURING are
 * CONNECTING, and RESTARTING is STALLED.
 *
 * Who dials has one call, which is the whole: number -1. Who listens has one for each caller, numbered from 0 in the
 * order in which they come (event CALL), up to IT_A_CALLS at a time; one more is told that it is busy. The whole of who
 * listens is CONNECTING, and OPEN once it listens (event UP; DOWN when its session with the server went, and UP again):
 * its calls go on without the server, and without the whole. It dies before it listens as a call does, and later only
 * when the server has given its name to somebody else.
 *
 * Deaths before opening are connect_failed, and say why: nobody listens, busy, the name is taken, the server is not to
 * be reached, or what B has to say. Without the server what is open goes on; what needs it (a restart) waits for it.
 *
 * Contract: stack/io.h; bases are inputs, BOUND and UNBIND. */
#ifndef IT_STACK_A_A_H
#define IT_STACK_A_A_H

#include "stack/a/spec.h"
#include "stack/b/b.h"
#include "stack/signal/client.h"

#define IT_A_CALLS 16 /* at a time; as many that are over are remembered */
#define IT_A_HOSTS 16

/* What is known of a host that the specifier names. */
typedef struct it_a_host {
    const char *name;      /* as the specifier has it */
    const char *full_name; /* by which its certificate and proxies know it; NULL: |name| */
    it_ip ip[2];           /* IPv4, IPv6; none: it has none, or is looked up (the rendezvous server only) */
    it_via via[2];         /* the proxy by which a relay over WebSocket is reached with that family; kind NONE: none */
} it_a_host;

typedef struct it_a_cfg {
    /* What its calls are like: all that B wants but servers, which the specifier names; |name| is of both. One media
     * stream. |restart| is always set. */
    it_b_cfg b;
    const char *url; /* the specifier; copied */
    bool listen;     /* else it dials */
    /* Neither TURN nor a relay over WebSocket, whatever the specifier names: host and reflexive candidates. The far
     * side's relays are its own affair. */
    bool direct_only;
    const it_a_host *hosts; /* |n_hosts|, copied */
    size_t n_hosts;
    /* How the rendezvous server is reached: of it_signal_client_cfg. Its port, name and address are the specifier's. */
    it_addr resolver;
    it_via via;
    it_signal_exit exits[IT_SIGNAL_BASES];
    size_t n_exits;
    const it_tls_cfg *tls; /* of icets: */
} it_a_cfg;

enum it_a_phase {
    IT_A_NEW,
    IT_A_RENDEZVOUS, /* the far side has not been heard of */
    IT_A_CHECKING,   /* it has; there is no pair */
    IT_A_SECURING,   /* there is; the handshake is under way */
    IT_A_OPEN,
    IT_A_STALLED,
    IT_A_RESTARTING, /* and looks for another path */
    IT_A_DEAD,
    IT_A_CLOSED
};

/* "new", "rendezvous", ... Static storage. */
const char *it_a_phase_name(enum it_a_phase p);

typedef struct it_a it_a;

/* An object that begins when it is told to. NULL without memory, or when |cfg| cannot be: |fault| (may be NULL) then
 * says why, |why| NULL: without memory. A host that is not in |hosts|: "no address is known of a host". */
it_a *it_a_new(const it_a_cfg *cfg, it_a_fault *fault);
void it_a_free(it_a *a);

/* Dials, or listens. */
void it_a_start(it_a *a, it_time now);
/* Sends one message by call |media|. Returns as it_model_ops.send. */
int it_a_send(it_a *a, it_time now, int media, it_bytes data) IT_MUST_CHECK;
/* Hangs up call |media|; -1 of who listens: all of them, and listens no more. */
void it_a_close(it_a *a, it_time now, int media);
/* Looks for a path anew, of call |media| or of all: it does so by itself when one stalls. */
void it_a_restart(it_a *a, it_time now);
/* As it_signal_client_exits: the host has other addresses. */
void it_a_exits(it_a *a, const it_signal_exit *exits, size_t n);

/* How call |media|, or the whole, stands: in the words of all models, and in A's own. NEW for a number that is none. */
enum it_state it_a_state(const it_a *a, int media);
enum it_a_phase it_a_phase(const it_a *a, int media);
/* The connection of call |media|, for oracles and traces; NULL: there is none. */
const it_b *it_a_call(const it_a *a, int media);
/* What the specifier came to; lives as long as |a|. */
const it_a_spec *it_a_spec_of(const it_a *a);

/* Its table; the functions of a model, over an it_a. */
extern const it_object_ops it_a_ops;
extern const it_model_ops it_a_model;

#endif
