/* A rendezvous server: a signal server (stack/signal/server.h) one of whose mailboxes is its own, where it keeps who
 * listens under which name and hands on what the two ends of a call say to each other (words.h, docs/rendezvous.md).
 *
 *     caller --call TOKEN bob--> [ bob is listened for by mailbox a5f0... ] --call TOKEN--> listener
 *     either --say TOKEN--> [ TOKEN: the mailboxes of two ends ] --say TOKEN--> the other one
 *
 * What it is more than the signal server: a call for a name that nobody listens under is refused at once; a name has
 * one listener, until that one says so or has been away for |away|; nobody learns another's mailbox. A server that has
 * started anew knows nothing: listeners say their names again, and ends of calls their tokens. Everything is bounded:
 * what has been away for longest, and longer than |away|, gives way. */
#ifndef IT_STACK_RENDEZVOUS_SERVER_H
#define IT_STACK_RENDEZVOUS_SERVER_H

#include "stack/rendezvous/words.h"
#include "stack/signal/server.h"

/* Zeros: the value behind the comment. */
typedef struct it_rendezvous_cfg {
    it_signal_server_cfg signal; /* |alloc| is the rendezvous server's, too; |own| is its own to set */
    size_t names;                /* that are listened for. 4,096 */
    size_t calls;                /* that it knows. 8,192 */
    size_t calls_each;           /* of one client. 64 */
    /* Where |signal|.each is set a source has so many names at a time, and 4 times as many calls. */
    it_time away; /* that a client may be before others get its place. 30 s */
} it_rendezvous_cfg;

typedef struct it_rendezvous_stats {
    uint64_t calls;     /* that reached a listener */
    uint64_t said;      /* messages handed on between ends */
    uint64_t absent;    /* calls for whom nobody listens */
    uint64_t busy;      /* calls that could not be taken */
    uint64_t taken;     /* names that somebody else had */
    uint64_t unknown;   /* messages of calls that there are not, or of which they were no end */
    uint64_t broken;    /* what was no message of the rendezvous */
    size_t names, open; /* now: names, calls */
} it_rendezvous_stats;

typedef struct it_rendezvous it_rendezvous;

/* NULL without memory. */
it_rendezvous *it_rendezvous_new(const it_rendezvous_cfg *cfg);
/* The signal server below it, for its TLS, log, keys and goodbye; lives as long as |r|. */
it_signal_server *it_rendezvous_signal(it_rendezvous *r);
const it_rendezvous_stats *it_rendezvous_stat(const it_rendezvous *r);

/* Its table: input, tick, next, output, free. It has no events. */
extern const it_object_ops it_rendezvous_ops;

#endif
