/* Plain packets of RTMFP (RFC 7016 section 2.2.4): a header, chunks, padding. What is between them and a datagram,
 * the protection of a session, is stack/rtmfp/profile. */
#ifndef IT_STACK_RTMFP_WIRE_PACKET_H
#define IT_STACK_RTMFP_WIRE_PACKET_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_RTMFP_HEAD_MAX 5   /* bytes of a header with both timestamps */
#define IT_RTMFP_CHUNK_HEAD 3 /* bytes before the payload of a chunk */
#define IT_RTMFP_PADDING 0xff

enum it_rtmfp_mode {
    IT_RTMFP_FORBIDDEN, /* such a packet is discarded (section 2.2.4) */
    IT_RTMFP_BY_INITIATOR,
    IT_RTMFP_BY_RESPONDER,
    IT_RTMFP_STARTUP
};

/* Chunk types (section 2.3). */
enum it_rtmfp_type {
    IT_RTMFP_PING = 0x01,
    IT_RTMFP_CLOSE_REQUEST = 0x0c,
    IT_RTMFP_FIHELLO = 0x0f,
    IT_RTMFP_USER_DATA = 0x10,
    IT_RTMFP_NEXT_USER_DATA = 0x11,
    IT_RTMFP_BUFFER_PROBE = 0x18,
    IT_RTMFP_IHELLO = 0x30,
    IT_RTMFP_IIKEYING = 0x38,
    IT_RTMFP_PING_REPLY = 0x41,
    IT_RTMFP_CLOSE_ACK = 0x4c,
    IT_RTMFP_ACK_BITMAP = 0x50,
    IT_RTMFP_ACK_RANGES = 0x51,
    IT_RTMFP_FLOW_EXCEPTION = 0x5e,
    IT_RTMFP_RHELLO = 0x70,
    IT_RTMFP_REDIRECT = 0x71,
    IT_RTMFP_RIKEYING = 0x78,
    IT_RTMFP_COOKIE_CHANGE = 0x79,
    IT_RTMFP_FRAGMENT = 0x7f
};

typedef struct it_rtmfp_head {
    enum it_rtmfp_mode mode;
    bool tc, tcr; /* time critical; time critical reverse notification (section 3.5.2.1) */
    bool has_ts, has_echo;
    uint16_t ts, echo; /* ticks of 4 ms */
} it_rtmfp_head;

typedef struct it_rtmfp_chunk {
    uint8_t type;
    it_bytes payload;
} it_rtmfp_chunk;

/* Reads the header of |plain|; the chunks are then in |r|. Returns 0, or IT_ERR_PARSE when it is cut or has the
 * forbidden mode. */
int it_rtmfp_head_get(it_rd *r, it_bytes plain, it_rtmfp_head *h);
/* The next chunk that is not padding. False when only padding is left: less than a chunk's header, or a length that
 * exceeds the packet (section 2.2.4). |r| never fails. */
bool it_rtmfp_chunk_next(it_rd *r, it_rtmfp_chunk *c);

/* How many bytes the header |h| has. */
size_t it_rtmfp_head_size(const it_rtmfp_head *h);
/* Appends a header. */
void it_rtmfp_head_put(it_buf *b, const it_rtmfp_head *h);
/* Begins a chunk, whose payload follows; gives where it begins. End writes its length; take back removes it whole. A
 * payload has at most 65,535 bytes. */
size_t it_rtmfp_chunk_begin(it_buf *b, enum it_rtmfp_type type);
void it_rtmfp_chunk_end(it_buf *b, size_t begin);
void it_rtmfp_chunk_undo(it_buf *b, size_t begin);

#endif
