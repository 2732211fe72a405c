/* A layer: what stands between two byte streams, or between a byte stream and messages, and changes what passes.
 *
 *             above                       what the application reads and writes
 *        |             ^
 *      down           up                  it_io of stream kinds, both ways, on both sides
 *        v             |
 *     [ layer: RFC 4571, HTTP, CONNECT, SOCKS ... ]
 *        |             ^
 *    out_below     in_below
 *        v             |
 *             below                       bytes of a stream
 *
 * Both sides speak stack/io.h's stream kinds, without flow numbers:
 *
 *     from below   OPENED (the side below may be written), DATA, FIN, RST
 *     to below     DATA, FIN, RST
 *     from above   DATA, FIN, RST
 *     to above     OPENED (what is above may begin), DATA, FIN, RST
 *
 * The DATA of a framing layer's upper side is one whole message. Input that is taken in part comes again, with more
 * behind it, once the layer has put something out on the other side: a layer keeps no more than a message, so
 * back-pressure passes through it. A layer has no address, opens nothing, and knows neither what is below nor above; it
 * has a clock where its protocol has one. What ends a stream for a reason of the layer's own is RST upwards, with |why|
 * of it_layer_end. Layers are stacked by stack/stream/layers.h. */
#ifndef IT_STACK_STREAM_LAYER_H
#define IT_STACK_STREAM_LAYER_H

#include "stack/io.h"

typedef struct it_layer_ops {
    const char *kind; /* "rfc4571" */
    /* Takes |in| from below or from above. Returns the bytes consumed of DATA, else 0; IT_ERR_NOMEM. From above a
     * framing layer takes a message or changes nothing: IT_ERR_FULL (not now), IT_ERR_TOOBIG (never), IT_ERR_STATE (the
     * stream has ended). */
    int (*from_below)(void *l, it_time now, const it_io *in);
    int (*from_above)(void *l, it_time now, const it_io *in);
    /* Puts out one io to below or to above, its data in |buf| of |cap| bytes (at least IT_LAYER_MESSAGE): 1, or 0. */
    int (*to_below)(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap);
    int (*to_above)(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap);
    int (*tick)(void *l, it_time now); /* NULL, and next too: no clock */
    it_time (*next)(const void *l);
    /* Why it ended the stream: a sentence with its RFC section; NULL while it has not. Static storage. NULL: never. */
    const char *(*why)(const void *l);
    void (*free)(void *l); /* NULL: owned by somebody else */
} it_layer_ops;

#define IT_LAYER_MESSAGE 65537 /* the largest message of a framing layer, and a length before it */

typedef struct it_layer {
    const it_layer_ops *ops;
    void *l;
} it_layer;

#endif
