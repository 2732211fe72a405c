/* ChannelData messages, and telling apart what shares a port with them (RFC 8656 sections 12.4 to 12.6, RFC 7983).
 *
 *     0                   1                   2                   3
 *     |   channel number 0x4000-0x4FFF  |    length of the data   |  data, on streams padded to 4 bytes
 */
#ifndef IT_STACK_TURN_CHANNEL_H
#define IT_STACK_TURN_CHANNEL_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_TURN_CHANNEL_FIRST 0x4000u
#define IT_TURN_CHANNEL_LAST 0x4fffu
#define IT_TURN_CHANNEL_LAST_5766 0x7fffu /* RFC 5766 section 11; RFC 7983 took those from 0x5000 on for others */
#define IT_TURN_CHANNEL_HEAD 4

/* What a message is by its first byte. */
enum it_turn_message {
    IT_TURN_MESSAGE_STUN,    /* 0 to 3 */
    IT_TURN_MESSAGE_CHANNEL, /* 64 to 79 */
    IT_TURN_MESSAGE_OTHER    /* not for TURN, or nothing at all: to be dropped */
};

/* Tells what |d| is by its first byte (RFC 8656 table 3). */
enum it_turn_message it_turn_message_kind(it_bytes d);
/* The same with the channel numbers of RFC 5766, where nothing else shares the port. */
enum it_turn_message it_turn_message_kind_5766(it_bytes d);

/* True for a channel number that may be bound (RFC 8656 section 12). */
static inline bool it_turn_channel_valid(uint32_t number)
{
    return number >= IT_TURN_CHANNEL_FIRST && number <= IT_TURN_CHANNEL_LAST;
}

/* Reads the ChannelData message at the front of |d|; what follows its data, padding, is ignored. |data| points into
 * |d|. Returns 0, or IT_ERR_PARSE: a reserved number, or shorter than it claims (RFC 8656 section 12.6). */
int it_turn_channel_read(it_bytes d, uint16_t *number, it_bytes *data) IT_MUST_CHECK;
int it_turn_channel_read_5766(it_bytes d, uint16_t *number, it_bytes *data) IT_MUST_CHECK;

/* Writes the head of a ChannelData message with |n| bytes of data, at most 65,535, to |p|. */
static inline void it_turn_channel_head(uint8_t p[IT_TURN_CHANNEL_HEAD], uint16_t number, size_t n)
{
    it_put16(p, number);
    it_put16(p + 2, (uint16_t)n);
}

#endif
