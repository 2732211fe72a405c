/* A STUN server over UDP: Binding requests in, responses out (RFC 8489 sections 6.3 and 12), optionally with the
 * long-term credential mechanism (section 9.2), with NAT behavior discovery (RFC 5780) when it has a second address,
 * and for clients of RFC 3489. Sans I/O as stack/io.h; without timers and without state per client.
 *
 * Not here: RESPONSE-ADDRESS of RFC 3489, ALTERNATE-SERVER, TCP framing, the short-term mechanism. */
#ifndef IT_STACK_STUN_SERVER_H
#define IT_STACK_STUN_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/stun/guard.h"
#include "stack/stun/msg.h"

#define IT_STUN_SERVER_QUEUE 64     /* responses that may wait for output; requests beyond are dropped */
#define IT_STUN_SERVER_OUT 2560     /* an output buffer with room for every response, PADDING included */
#define IT_STUN_SERVER_CLASSIC 548  /* bytes of a request of RFC 3489; what is larger is dropped */
#define IT_STUN_SERVER_PADDING 1500 /* bytes of PADDING in a response: an Ethernet MTU, RFC 5780 section 6.1 */

typedef struct it_stun_server_cfg {
    it_alloc *alloc;
    it_rng rng;           /* for nonces */
    const char *software; /* SOFTWARE attribute, at most 509 bytes; NULL: none. Outlives the server */

    it_stun_credentials auth; /* long-term credentials; copied */

    /* RFC 5780: on when |discovery| is true. The server receives and sends at |primary| and |alternate|, which differ
     * in address and port, and at their two mixtures. Without an |alternate| (none) CHANGE-REQUEST is answered with
     * 420. */
    bool discovery;
    it_addr primary, alternate;

    /* Answers clients of RFC 3489 too, whose requests have no magic cookie: RFC 8489 section 12 asks for that where
     * nothing else shares the port, RFC 5780 section 3 advises against it. With |discovery| they can tell the kind of a
     * NAT. */
    bool classic;
} it_stun_server_cfg;

typedef struct it_stun_server it_stun_server;

/* NULL when there is no memory. */
it_stun_server *it_stun_server_new(const it_stun_server_cfg *cfg);
void it_stun_server_free(it_stun_server *s);

/* Takes a datagram; anything but a Binding request is silently dropped (RFC 8489 section 6.3). Returns the bytes
 * consumed, which are all, or IT_ERR_NOMEM, the request then dropped. */
int it_stun_server_input(it_stun_server *s, it_time now, const it_io *in);
int it_stun_server_tick(it_stun_server *s, it_time now);
it_time it_stun_server_next(const it_stun_server *s);

/* As stack/io.h. |out->local| is where the response must leave from: with CHANGE-REQUEST not where the request came to.
 * A response larger than |cap| is dropped, as the transport would. */
int it_stun_server_output(it_stun_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* The same as a table. */
extern const it_object_ops it_stun_server_ops;

#endif
