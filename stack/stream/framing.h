/* Messages on a byte stream, one behind the other, each in a frame that says how long it is: what RFC 4571 and TURN
 * have in common (stack/stream/rfc4571.h, stack/turn/frame.h).
 *
 *        [ message ]              above: whole messages
 *        /         \
 *     [ head | message | padding ] [ head | ...       below: bytes
 *
 * A framing layer (stack/stream/layer.h), made of a wire's rules. One message a way is kept, as far as it has come or
 * gone; buffers grow with the messages. A frame that breaks the rules resets the stream, as the place where the next
 * one begins is lost; a stream that ends inside a frame is reset upwards. */
#ifndef IT_STACK_STREAM_FRAMING_H
#define IT_STACK_STREAM_FRAMING_H

#include "base/alloc.h"
#include "stack/stream/layer.h"

/* The rules of a wire. |p| are the |n| bytes of a frame that are there. */
typedef struct it_framing {
    const char *kind; /* "rfc4571" */
    const char *cut;  /* why a stream that ends inside a frame is reset, with its RFC section */
    size_t head;      /* bytes before the message */
    /* How many bytes must be there before more can be said: more than |n|, or |n| when the frame is whole. */
    size_t (*wanted)(const uint8_t *p, size_t n);
    /* What is wrong so far, |largest| being the most that may come, with its RFC section; NULL: nothing. */
    const char *(*fault)(const uint8_t *p, size_t n, size_t largest);
    /* Bytes of the message in the whole frame at |p|. */
    size_t (*message)(const uint8_t *p);
    /* Bytes of the frame for message |m|, 0: it is too long, or none. Write puts it at |p|. */
    size_t (*framed)(it_bytes m, size_t largest);
    void (*write)(uint8_t *p, it_bytes m);
} it_framing;

/* Makes the layer; |rules| outlive it. No layer (ops NULL) without memory. */
it_layer it_framing_layer(it_alloc *alloc, const it_framing *rules, size_t largest);

#endif
