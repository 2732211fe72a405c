/* Application datagrams inside DTLS, and a paced "voice" stream of sequence-numbered ones with receiver statistics.
 *
 * One type byte in front: a message of the application, a voice packet of 20 ms with sequence number and send time,
 * 160 bytes of payload, a question "are you there" with its number and the answer to it (stack/model/live.h), or the
 * goodbye of one of several media streams. The type stands in the low four bits; the high four are the number of the
 * media stream among those that share the channel (as RFC 8843 section 9.2 tells bundled streams apart by MID). The
 * receiver counts lost, late and duplicate packets and the longest gap. A last packet says that the stream ends, so
 * that silence after it is no stall. Knows nothing of addresses or keys. */
#ifndef IT_STACK_MODEL_VOICE_H
#define IT_STACK_MODEL_VOICE_H

#include "base/bytes.h"
#include "stack/model/model.h"

#define IT_VOICE_INTERVAL (20 * IT_MS)
#define IT_VOICE_SIZE 173 /* type, flags, sequence, send time, payload */

enum it_app_kind { IT_APP_BAD, IT_APP_MESSAGE, IT_APP_VOICE, IT_APP_PING, IT_APP_PONG, IT_APP_BYE };

#define IT_APP_PING_SIZE 6 /* type, flags, number */
#define IT_APP_BYE_SIZE 2  /* type, flags */
#define IT_APP_FLOWS 16    /* media streams that one channel can tell apart */

typedef struct it_voice_tx {
    bool on;
    uint32_t seq; /* of the next packet: so many were due */
    it_time due;  /* of the next packet, IT_NEVER when off */
    it_time last; /* of the last one */
} it_voice_tx;

typedef struct it_voice_rx {
    bool streaming; /* the far side is declared to be streaming */
    bool any;
    uint32_t first, highest;
    uint64_t received, duplicate, late;
    it_time last; /* arrival of the last packet */
    it_time base; /* smallest transit seen, by two clocks; IT_NEVER: none */
    it_time longest_gap;
    uint64_t window; /* received bits of the 64 numbers up to |highest| */
} it_voice_rx;

/* Both ends of a stream, silent; the sender then starts at |now| and stops for good. */
void it_voice_tx_init(it_voice_tx *v);
void it_voice_rx_init(it_voice_rx *v);
void it_voice_start(it_voice_tx *v, it_time now);
void it_voice_stop(it_voice_tx *v);

/* Writes the packet that is due at |now| (IT_VOICE_SIZE bytes) into |buf|; returns its size, 0 when none is due,
 * IT_ERR_FULL. Sets the next time; packets whose time passed while the path was closed are not made up for. */
int it_voice_packet(it_voice_tx *v, it_time now, uint8_t *buf, size_t cap);

/* Wraps a message of the application. Returns the size or IT_ERR_FULL. */
int it_app_message(it_bytes data, uint8_t *buf, size_t cap);

/* Writes question |number| (IT_APP_PING) or the answer to it (IT_APP_PONG). Returns IT_APP_PING_SIZE or IT_ERR_FULL. */
int it_app_ping(enum it_app_kind kind, uint32_t number, uint8_t *buf, size_t cap);

/* Whether |datagram| is a question or an answer of it_app_ping. */
bool it_app_is_ping(it_bytes datagram);

/* Writes that the media stream ends, as RTCP's BYE does (RFC 3550 section 6.6). Returns IT_APP_BYE_SIZE or IT_ERR_FULL.
 */
int it_app_bye(uint8_t *buf, size_t cap);

/* Marks the datagram at |buf|, written by one of the functions above, as of media stream |flow|, below IT_APP_FLOWS.
 * Unmarked it is of stream 0. */
void it_app_mark(uint8_t *buf, unsigned flow);
/* The media stream that a received datagram is of, 0 of an empty one. */
unsigned it_app_flow(it_bytes datagram);

/* What a datagram holds besides voice. */
typedef struct it_app_data {
    it_bytes message; /* of IT_APP_MESSAGE; borrowed from the datagram */
    uint32_t number;  /* of IT_APP_PING and IT_APP_PONG */
} it_app_data;

/* Takes one received datagram: tells its kind, fills |data|, updates |v| for voice. IT_APP_BAD for anything else. */
enum it_app_kind it_app_take(it_voice_rx *v, it_time now, it_bytes datagram, it_app_data *data);

/* Packets sent by the far side that did not come, as far as sequence numbers tell. */
uint64_t it_voice_lost(const it_voice_rx *v);

#endif
