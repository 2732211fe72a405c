/* The judge of the standing rule "whitelist": watches what model E's sockets put on the wire.
 *
 * Towards an address that has not succeeded nothing may leave but connectivity checks, answers to checks that came from
 * there, and bare Binding requests to a configured STUN server. Success is judged here from the packets alone: a
 * Binding success response that comes from exactly the address a check went to, to exactly the socket it left from,
 * with its transaction id, and signed with the password that signed the check. It lasts as long as the socket's
 * permissions are configured to, and once it has lapsed another password must sign the next one (RFC 7675 section
 * 5.1).
 *
 * It is an observer of the world at the hosts' own ports, so it needs no capture and changes nothing. It shares the
 * message parser with the stack, but none of the code that enforces the rule. */
#ifndef IT_LAB_JUDGE_WATCH_H
#define IT_LAB_JUDGE_WATCH_H

#include "netsim/core/world.h"
#include "base/bytes.h"

typedef struct it_watch it_watch;

/* Who knows the sockets: for the address |local| on |host| how long a permission of that E socket lasts (IT_NEVER: for
 * ever), or 0 when it is no E socket. */
typedef struct it_watch_sockets {
    void *self;
    it_time (*life)(void *self, const it_node *host, it_addr local);
    /* How far the clock of that socket is behind the world's, by which it stood still with its host; NULL: never. */
    it_time (*lag)(void *self, const it_node *host, it_addr local);
} it_watch_sockets;

typedef struct it_watch_verdict {
    uint64_t packets; /* that left E sockets */
    uint64_t violations;
    bool oom;        /* something could not be remembered: the verdict is worth nothing */
    it_time at;      /* of the first violation */
    char first[200]; /* what it was, "" when there is none */
} it_watch_verdict;

/* NULL on no memory. */
it_watch *it_watch_new(it_alloc *alloc, it_watch_sockets sockets);
void it_watch_free(it_watch *w);

/* A password that a script gave for checks; a STUN server that may be probed. Known ones change nothing. */
void it_watch_password(it_watch *w, it_bytes password);
void it_watch_server(it_watch *w, it_addr server);

/* The observer to give to it_world_observe, and what it has found so far; live as long as |w|. */
it_observer it_watch_observer(it_watch *w);
const it_watch_verdict *it_watch_judge(const it_watch *w);

#endif
