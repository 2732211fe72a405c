/* Every protocol object as its owner's driver sees it: the contract of stack/io.h behind one table. Each object exports
 * its own beside its other calls: it_b_ops, it_stun_server_ops. NULL entries: nothing to do.
 *
 * Bases are inputs. A socket that the driver has opened for the object is told as IT_IO_BOUND, with a flow below
 * IT_IO_BOUND_FLOW and its address, and its end as IT_IO_UNBIND (stack/io.h). An object that has no use for that takes
 * it as it takes everything that it does not know: it does nothing. */
#ifndef IT_STACK_OBJECT_H
#define IT_STACK_OBJECT_H

#include "stack/io.h"
#include "stack/service.h"

#include <stdbool.h>

/* An event is of one of two vocabularies. */
enum it_vocabulary {
    IT_TELLS_MODEL,  /* stack/model/model.h */
    IT_TELLS_SERVICE /* stack/service.h */
};

struct it_model_event;
struct it_model_ops;

typedef struct it_object_event {
    enum it_vocabulary kind;
    int part; /* MODEL: the media session it is of; -1: the object itself */
    union {
        const struct it_model_event *model; /* lives until the next call on the object */
        it_service_event service;
    } u;
} it_object_event;

#define IT_RELAY_ROOM 64 /* bytes around a datagram that is relayed in its place */

typedef struct it_object_ops {
    const char *kind; /* for messages: "B", "stun" */
    int (*input)(void *o, it_time now, const it_io *in);
    int (*tick)(void *o, it_time now);
    it_time (*next)(const void *o);
    int (*output)(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap);
    int (*event)(void *o, it_object_event *ev);
    void (*free)(void *o); /* must be there */
    /* A shortcut for what servers do most, which may be missing: datagram |in| becomes one other, |out|, and nothing
     * else comes of it, so that the object needs not be asked for anything afterwards. False: nothing was done, and
     * |in| is for |input|, as when the object still has to put out what must not be overtaken. |bytes| are those of
     * |in|, which are the object's to write, IT_RELAY_ROOM before and behind them, too; those of |out| lie among them.
     * Of |out| flow, ends, bytes and meta are set. */
    bool (*relay)(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out);
    /* Whether its streams gather small segments (it_tcp_opts.nagle), asked when one begins. NULL: they do not: what
     * proxies, servers and their clients say is whole messages, and none of it is to wait for an acknowledgment. */
    bool (*nagle)(const void *o);
    /* |next| hangs on more than the object's inputs, ticks and commands, on the state of a box that it serves: it is
     * asked again whenever the driver hears that one was upset. */
    bool watches;
    bool link_local;                  /* bases on link-local addresses of IPv6 are of use to it (RFC 4007) */
    bool errors;                      /* it wants to hear of ICMP errors and path sizes: IT_IO_ERROR, IT_IO_SIZE */
    const struct it_model_ops *model; /* its functions as a model (stack/model/ops.h); NULL: it is none */
} it_object_ops;

#endif
