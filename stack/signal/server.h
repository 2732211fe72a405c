/* A signal server: messages between named mailboxes, over WebSocket and HTTP long poll on the same port, whatever the
 * path (stack/signal/wire.h, docs/signal.md). Sans I/O as stack/io.h: streams come as ACCEPTED.
 *
 *     alice --{"to":"bob","id":7}--> [ mailbox bob: ... 8, 9 ] --{"seq":9,"from":"alice"}--> bob, who acknowledges
 *
 * A mailbox comes to be when somebody opens it or writes to it, and keeps what was not acknowledged for whoever opens
 * it next: at least once, in order, numbered, so that a client that drops what it has seen gets each once. A message
 * for a mailbox that is full is refused, and its sender told; what is there stays. Of two clients of a mailbox the
 * latest counts, the other one is closed with 4001. Everything is bounded, and what a client is sent is what others
 * wrote to it: nothing is answered by more than a line. Where |each| and |rate| say so no source, an IPv4 address or an
 * IPv6 /64, has so much of it that others have none. */
#ifndef IT_STACK_SIGNAL_SERVER_H
#define IT_STACK_SIGNAL_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/signal/wire.h"
#include "stack/tls/tls.h"

/* Zeros: the value behind the comment. */
typedef struct it_signal_server_cfg {
    it_alloc *alloc;
    it_rng rng;         /* the name of this run */
    size_t connections; /* at once; more are reset. 4,096 */
    size_t mailboxes;   /* more cannot be opened or written to. 4,096 */
    size_t messages;    /* that wait in a mailbox. 64 */
    size_t bytes;       /* that wait in a mailbox. 262,144 */
    it_time hold;       /* of a poll, at most. 25 s */
    it_time request;    /* from the first byte of a request, its TLS before it, to its last. 30 s */
    it_time idle;       /* silence that ends a connection, a held poll's aside. 60 s */
    it_time keep;       /* of a mailbox that nobody has open. 300 s */
    size_t each;      /* mailboxes of one source, which then has 3 quarters of the room of others' at most. No limit */
    uint32_t rate;    /* requests a second of one source, so many at once. No limit */
    uint32_t records; /* records by WebSocket, likewise: what is more is read later. No limit */
    const char *own;  /* a mailbox that nobody may open: what comes there is its owner's to hear; copied. None */
} it_signal_server_cfg;

typedef struct it_signal_server_stats {
    uint64_t messages;    /* taken from clients, each counted once */
    uint64_t delivered;   /* acknowledged by their receivers */
    uint64_t refused;     /* messages: a mailbox was full, or there were too many */
    uint64_t limited;     /* requests beyond the rate, or for a mailbox beyond those of a source */
    uint64_t redelivered; /* sent again to a client that came back */
    uint64_t reset;       /* connections beyond the limit */
    size_t connections, mailboxes;
} it_signal_server_stats;

/* What has become of a request, for a log. */
enum it_signal_tale_kind {
    IT_SIGNAL_TALE_OPENED,  /* a session has opened mailbox |box|, the one before is closed */
    IT_SIGNAL_TALE_REFUSED, /* a request was answered with |status|, or a WebSocket closed with it, for |why| */
    IT_SIGNAL_TALE_RESET    /* a connection too many */
};

typedef struct it_signal_tale {
    enum it_signal_tale_kind kind;
    it_addr client;
    bool ws;                      /* OPENED: by WebSocket, else by HTTP */
    int status;                   /* REFUSED */
    const char *why;              /* REFUSED: a sentence; static storage */
    char box[IT_SIGNAL_NAME + 1]; /* OPENED */
    uint64_t missed;              /* so many before it are not kept any more */
} it_signal_tale;

#define IT_SIGNAL_TALES 32 /* that are kept: the latest */

typedef struct it_signal_server it_signal_server;

/* NULL without memory. */
it_signal_server *it_signal_server_new(const it_signal_server_cfg *cfg);
/* From now on streams to |port| that begin with TLS have it, as |tls| says (a server's; copied, its |alloc| is ours);
 * others there have none, as before. */
void it_signal_server_tls(it_signal_server *s, const it_tls_cfg *tls, uint16_t port);
const it_signal_server_stats *it_signal_server_stat(const it_signal_server *s);
/* The next line of the key log of any of its TLS connections, where |tls| said log_keys, as it_tls_secret: 1, or 0. */
int it_signal_server_secret(it_signal_server *s, char line[IT_TLS_LINE_MAX]);

/* What has happened since it was last asked, in order: 1 and |*tale|, or 0; what was lost before it: |missed|. */
int it_signal_server_tale(it_signal_server *s, it_signal_tale *tale);

/* The next message for its own mailbox: 1, |from| the mailbox of its sender, |*source| where that is, and |*data| then
 * living until the next call, or 0. Its owner hears all there are after each input: they have no limit. */
int it_signal_server_hear(it_signal_server *s, char from[IT_SIGNAL_NAME + 1], it_ip *source, it_bytes *data);
/* Sends |data| from its own mailbox to mailbox |to|, because of a message that came from |source| (none: of nobody's).
 * Returns 0, IT_ERR_FULL: it has no room, or there are too many, IT_ERR_LIMIT: of that source; IT_ERR_TOOBIG,
 * IT_ERR_NOMEM. */
int it_signal_server_say(it_signal_server *s, it_time now, const char *to, it_ip source, it_bytes data) IT_MUST_CHECK;
/* The source that mailbox |name| counts for; none where there is no such mailbox. */
it_ip it_signal_server_source(const it_signal_server *s, const char *name);
/* Since when nobody has mailbox |name| open: IT_NEVER while somebody has; 0: there is none. */
it_time it_signal_server_left(const it_signal_server *s, const char *name);

/* It is about to be freed: closes every WebSocket with 1001 (RFC 6455 section 7.4.1: going away) and answers every poll
 * that it holds, behind what waits. Returns 0 or IT_ERR_NOMEM. */
int it_signal_server_stop(it_signal_server *s, it_time now);

/* Its table: input, tick, next, output, free. It has no events. */
extern const it_object_ops it_signal_server_ops;

#endif
