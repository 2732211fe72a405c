/* A client of a signal server (stack/signal/server.h): a mailbox of its own, messages to others. Sans I/O as
 * stack/io.h; it opens its streams itself, directly or by a proxy, and opens them again when they fail.
 *
 * There may be several ways: addresses of the host, addresses and ports of the server. Each attempt to open tries them
 * side by side, 250 ms apart (ports 1 s) or at once when one fails, and takes the first that opens (RFC 8305); where
 * that one comes to nothing the others follow. It tries again after a pause, and at once when the host gets an address.
 * A session whose messages are not answered, within twice what it took to open or 2 s, is given up for another one
 * at once; it is asked whether it lives when the host's addresses change.
 *
 *     -> UP -> MESSAGE ... -> DOWN, why -> (later, later still) -> UP ...
 *
 * WebSocket: one stream, pinged. HTTP long poll: a stream on which a GET is held, another one for POSTs while there is
 * something to send. What was sent waits here until the server has taken it, through every DOWN: it arrives once, and
 * in order, or UNSENT says that it does not. The server's name is looked up where there is a name server and no proxy.
 */
#ifndef IT_STACK_SIGNAL_CLIENT_H
#define IT_STACK_SIGNAL_CLIENT_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/proxy/client.h"
#include "stack/signal/wire.h"
#include "stack/tls/tls.h"

enum it_signal_mode { IT_SIGNAL_WEBSOCKET, IT_SIGNAL_POLL };

/* Why a session is down: DOWN's |code|. */
enum it_signal_why {
    IT_SIGNAL_REFUSED_STREAM, /* "refused": nobody accepts the stream */
    IT_SIGNAL_TIMEOUT,        /* "timeout": it was not opened, or not answered, in time */
    IT_SIGNAL_RESET,          /* "reset": the stream was */
    IT_SIGNAL_UNREACHABLE,    /* "unreachable": an ICMP error, or no route */
    IT_SIGNAL_LOCAL,          /* "local": the host's own doing */
    IT_SIGNAL_CLOSED,         /* "closed": the server closed in order */
    IT_SIGNAL_HTTP,           /* "http": it answered with another status, |lifetime| */
    IT_SIGNAL_PROXY,          /* "proxy": the proxy refused, |lifetime| */
    IT_SIGNAL_PING,           /* "ping": the server is silent */
    IT_SIGNAL_BROKEN,         /* "broken": what came is no signaling */
    IT_SIGNAL_NO_NAME,        /* "name": nobody knows the server's name */
    IT_SIGNAL_TLS,            /* "tls": no TLS came to be, or it broke: enum it_tls_end, |lifetime| */
    IT_SIGNAL_TAKEN_OVER      /* "replaced": another client has the mailbox; it does not come back */
};

#define IT_SIGNAL_BASES 8 /* addresses of the host that are used */
/* For a round trip. A SYN is sent again after 1, 3 and 7 s (RFC 6298 section 2), so the third of them can be answered
 * yet; it is twice what the slowest ways take that anybody signals by. */
#define IT_SIGNAL_TRIP (10 * IT_SEC)

/* What leaves from address |local| goes by |via|. */
typedef struct it_signal_exit {
    it_ip local;
    it_via via;
} it_signal_exit;

/* Zeros: the value behind the comment. */
typedef struct it_signal_client_cfg {
    it_alloc *alloc;
    it_rng rng; /* keys, masks, the spread of pauses */
    enum it_signal_mode mode;
    const char *box;                       /* its mailbox (it_signal_is_name); copied */
    const char *host;                      /* the server's name, or NULL: only its address; copied */
    const char *path;                      /* copied; "/" */
    it_addr server;                        /* its address, none where |host| is looked up; the port counts */
    it_ip server_too;                      /* another address of it */
    uint16_t also;                         /* another port of it, tried behind that one; 0: none */
    it_addr resolver;                      /* whom to ask for |host|; port 0: nobody */
    it_via via;                            /* the proxy; kind NONE: none */
    it_signal_exit exits[IT_SIGNAL_BASES]; /* of addresses for which |via| does not hold */
    size_t n_exits;
    const it_tls_cfg
        *tls;         /* a client's: wss, or https polls; copied with its name, |alloc| and stream are ours; NULL */
    it_time patience; /* for a round trip, of each stage of opening (stack/proxy/stage.h) and of each answer. 10 s */
    it_time ping;     /* silence after which the server is asked. 25 s; it is also how long a poll is held */
    it_time pause;    /* before the first new attempt; then twice as long, up to 30 s. 500 ms */
} it_signal_client_cfg;

typedef struct it_signal_client it_signal_client;

#define IT_SIGNAL_OUTBOX 512 /* messages that wait for the server */

/* NULL without memory, or with names that are none. It begins at once. */
it_signal_client *it_signal_client_new(const it_signal_client_cfg *cfg);
/* Sends |data| to mailbox |to|. Returns its number, above 0, or IT_ERR_FULL, IT_ERR_TOOBIG, IT_ERR_RANGE (no name),
 * IT_ERR_NOMEM. */
int it_signal_client_send(it_signal_client *c, const char *to, it_bytes data) IT_MUST_CHECK;
/* Closes the session in order at |now| and opens none. */
void it_signal_client_close(it_signal_client *c, it_time now);
/* From now on what leaves from the |n| addresses of |exits| goes by these, and everything else by the |via| of its cfg.
 * More than IT_SIGNAL_BASES are left out. */
void it_signal_client_exits(it_signal_client *c, const it_signal_exit *exits, size_t n);
/* Tries at once where it waits for a pause to end. */
void it_signal_client_retry(it_signal_client *c);
/* The next line of the key log of its TLS, as it_tls_secret: 1, or 0. */
int it_signal_client_secret(const it_signal_client *c, char line[IT_TLS_LINE_MAX]);
bool it_signal_client_up(const it_signal_client *c);
/* Whether the server has taken all that was sent. */
bool it_signal_client_idle(const it_signal_client *c);
/* The word of |why|. */
const char *it_signal_why_word(enum it_signal_why why);

/* Its table: input, tick, next, output, event (UP, DOWN, MESSAGE, UNSENT of stack/service.h), free. */
extern const it_object_ops it_signal_client_ops;

#endif
