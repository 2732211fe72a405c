/* Datagrams over a byte stream: each behind its length in two bytes (RFC 4571 section 2; RFC 6544 and 8656 carry STUN
 * so, too).
 *
 * A framing layer (stack/stream/layer.h): above are whole messages of up to 65,535 bytes, the empty one included, which
 * is the null packet. A stream that ends inside a message is reset upwards. */
#ifndef IT_STACK_STREAM_RFC4571_H
#define IT_STACK_STREAM_RFC4571_H

#include "base/alloc.h"
#include "stack/stream/layer.h"

#define IT_RFC4571_MAX 65535

/* Makes the layer. |largest|: what is longer, up to IT_RFC4571_MAX, is a fault of the far side and resets the stream.
 * No layer (ops NULL) without memory. */
it_layer it_rfc4571(it_alloc *alloc, size_t largest);

#endif
