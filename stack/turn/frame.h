/* TURN over a byte stream: STUN messages and ChannelData one behind the other (RFC 8489 section 6.2.2, RFC 8656 section
 * 12.5).
 *
 * A framing layer (stack/stream/layer.h). Above are whole messages, ChannelData without padding; below each begins
 * where the last one ends, ChannelData padded to four bytes. The first bytes of a message tell its kind and length;
 * what can be neither, a STUN message without the magic cookie included, resets the stream, as the place where the next
 * message begins is lost. A stream that ends inside a message is reset upwards. */
#ifndef IT_STACK_TURN_FRAME_H
#define IT_STACK_TURN_FRAME_H

#include "base/alloc.h"
#include "stack/stream/layer.h"

#define IT_TURN_FRAME_MAX 65532 /* bytes of a message at most: a multiple of 4 that the layers can carry */

/* Makes the layer. |largest|: what is longer, padding included and up to IT_TURN_FRAME_MAX, is a fault of the far side
 * and resets the stream. Buffers grow with the messages. No layer (ops NULL) without memory. */
it_layer it_turn_frame(it_alloc *alloc, size_t largest);
/* The same with the channel numbers of RFC 5766 (stack/turn/channel.h). */
it_layer it_turn_frame_5766(it_alloc *alloc, size_t largest);

#endif
