/* The rules of framing by the messages' own heads. */
#include "stack/turn/frame.h"

#include "stack/stream/framing.h"
#include "stack/stun/msg.h"
#include "stack/turn/channel.h"

enum { HEAD = 4, COOKIE_END = 8 };

/* Bytes of the message whose head is at |p|, without padding. */
static size_t turn_length(const uint8_t *p)
{
    size_t n = it_get16(p + 2);
    return n + (p[0] <= 3 ? IT_STUN_HEADER : IT_TURN_CHANNEL_HEAD);
}

/* RFC 8656 section 12.5: padded on streams, and the length does not tell. */
static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* The head, then as far as the cookie, then all. */
static size_t turn_wanted(const uint8_t *p, size_t n)
{
    if (n < HEAD)
        return HEAD;
    if (p[0] <= 3 && n < COOKIE_END)
        return COOKIE_END;
    return padded(turn_length(p));
}

static const char *fault_of(enum it_turn_message kind, const uint8_t *p, size_t n, size_t largest)
{
    if (kind == IT_TURN_MESSAGE_OTHER)
        return "a message is neither STUN nor ChannelData (RFC 8656 section 12.6)";
    if (n >= HEAD && padded(turn_length(p)) > largest)
        return "a message is longer than can be taken (RFC 8656 section 12.5)";
    if (kind != IT_TURN_MESSAGE_STUN || n < HEAD)
        return NULL;
    if (it_get16(p + 2) % 4 != 0)
        return "the length of a STUN message is no multiple of four (RFC 8489 section 5)";
    if (n >= COOKIE_END && it_get32(p + 4) != IT_STUN_COOKIE)
        return "a STUN message without the magic cookie (RFC 8489 section 5)";
    return NULL;
}

static const char *turn_fault(const uint8_t *p, size_t n, size_t largest)
{
    return fault_of(it_turn_message_kind(it_bytes_of(p, n)), p, n, largest);
}

static const char *turn_fault_5766(const uint8_t *p, size_t n, size_t largest)
{
    return fault_of(it_turn_message_kind_5766(it_bytes_of(p, n)), p, n, largest);
}

/* A message is of the length that its head says. */
static size_t turn_framed(it_bytes m, size_t largest)
{
    if (padded(m.n) > largest || m.n < HEAD || turn_length(m.p) != m.n)
        return 0;
    return padded(m.n);
}

static void turn_write(uint8_t *p, it_bytes m)
{
    memcpy(p, m.p, m.n);
    memset(p + m.n, 0, padded(m.n) - m.n);
}

static const it_framing RULES = {.kind = "turn",
                                 .cut = "the stream ended inside a message (RFC 8489 section 6.2.2)",
                                 .wanted = turn_wanted,
                                 .fault = turn_fault,
                                 .message = turn_length,
                                 .framed = turn_framed,
                                 .write = turn_write};

static const it_framing RULES_5766 = {.kind = "turn",
                                      .cut = "the stream ended inside a message (RFC 8489 section 6.2.2)",
                                      .wanted = turn_wanted,
                                      .fault = turn_fault_5766,
                                      .message = turn_length,
                                      .framed = turn_framed,
                                      .write = turn_write};

it_layer it_turn_frame(it_alloc *alloc, size_t largest)
{
    return it_framing_layer(alloc, &RULES, largest < IT_TURN_FRAME_MAX ? largest : IT_TURN_FRAME_MAX);
}

it_layer it_turn_frame_5766(it_alloc *alloc, size_t largest)
{
    return it_framing_layer(alloc, &RULES_5766, largest < IT_TURN_FRAME_MAX ? largest : IT_TURN_FRAME_MAX);
}
