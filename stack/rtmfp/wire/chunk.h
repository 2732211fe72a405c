/* The payloads of chunks (RFC 7016 section 2.3), read and written. What is read are views into the payload. A payload
 * that does not have its shape counts as absent: the readers return false and the chunk is skipped (section 2.3). */
#ifndef IT_STACK_RTMFP_WIRE_CHUNK_H
#define IT_STACK_RTMFP_WIRE_CHUNK_H

#include "stack/rtmfp/wire/packet.h"
#include "stack/rtmfp/wire/vlu.h"

/* IHello, section 2.3.2, and FIHello, section 2.3.3: |reply| is of FIHello. */
typedef struct it_rtmfp_ihello {
    it_bytes epd, tag;
    it_rtmfp_addr reply;
} it_rtmfp_ihello;

/* RHello, section 2.3.4. */
typedef struct it_rtmfp_rhello {
    it_bytes tag, cookie, cert;
} it_rtmfp_rhello;

/* Responder Redirect, section 2.3.5: addresses are read from |addrs| by it_rtmfp_addr_get; none: the packet's source
 * is meant. */
typedef struct it_rtmfp_redirect {
    it_bytes tag, addrs;
} it_rtmfp_redirect;

/* RHello Cookie Change, section 2.3.6. */
typedef struct it_rtmfp_cookie_change {
    it_bytes old, cookie;
} it_rtmfp_cookie_change;

/* Initiator Initial Keying, section 2.3.7. |told| is what the signature covers. */
typedef struct it_rtmfp_iikeying {
    uint32_t sid;
    it_bytes cookie, cert, component, signature, told;
} it_rtmfp_iikeying;

/* Responder Initial Keying, section 2.3.8. The signature covers |told| and the initiator's component after it. */
typedef struct it_rtmfp_rikeying {
    uint32_t sid;
    it_bytes component, signature, told;
} it_rtmfp_rikeying;

/* Packet Fragment, section 2.3.1. */
typedef struct it_rtmfp_fragment {
    bool more;
    uint64_t id, number;
    it_bytes data;
} it_rtmfp_fragment;

/* Which part of a message user data is. */
enum it_rtmfp_part { IT_RTMFP_WHOLE, IT_RTMFP_BEGIN, IT_RTMFP_END, IT_RTMFP_MIDDLE };

/* User Data and Next User Data, sections 2.3.11, 2.3.12. */
typedef struct it_rtmfp_data {
    enum it_rtmfp_part part;
    bool abandoned, final;
    uint64_t flow, seq, fsn; /* |fsn|: nothing up to it will be sent again */
    bool has_options;
    it_bytes options; /* well-formed, without the marker */
    it_bytes data;
} it_rtmfp_data;

/* The options of user data (section 2.3.11.1). */
enum { IT_RTMFP_OPTION_METADATA = 0x00, IT_RTMFP_OPTION_RETURN = 0x0a };

/* Data acknowledgments of both kinds (sections 2.3.13, 2.3.14); ranges are read by it_rtmfp_ack_next. */
typedef struct it_rtmfp_ack {
    uint64_t flow, blocks, cum; /* |blocks|: of 1,024 bytes that the receiver has room for */
    bool bitmap;
    it_rd rest;
    uint64_t at; /* the last number that |rest| has told of */
    unsigned bit;
} it_rtmfp_ack;

/* Flow Exception Report (section 2.3.16). */
typedef struct it_rtmfp_exception {
    uint64_t flow, code;
} it_rtmfp_exception;

/* Read a payload; false when it is malformed. A session ID of 0 (section 2.2.2) and a fragment without data (section
 * 2.3.1) are malformed too. */
bool it_rtmfp_ihello_get(it_bytes payload, it_rtmfp_ihello *out);
bool it_rtmfp_fihello_get(it_bytes payload, it_rtmfp_ihello *out);
bool it_rtmfp_rhello_get(it_bytes payload, it_rtmfp_rhello *out);
bool it_rtmfp_redirect_get(it_bytes payload, it_rtmfp_redirect *out);
bool it_rtmfp_cookie_change_get(it_bytes payload, it_rtmfp_cookie_change *out);
bool it_rtmfp_iikeying_get(it_bytes payload, it_rtmfp_iikeying *out);
bool it_rtmfp_rikeying_get(it_bytes payload, it_rtmfp_rikeying *out);
bool it_rtmfp_fragment_get(it_bytes payload, it_rtmfp_fragment *out);
/* As above. An offset of 0 that is not abandoned, an offset beyond the sequence number and sequence number 0 must not
 * be sent (section 2.3.11), and make it malformed. */
bool it_rtmfp_data_get(it_bytes payload, it_rtmfp_data *out);
/* |out| is that of the chunk of user data before it in the packet, which this one follows: same flow and FSN, the next
 * sequence number. */
bool it_rtmfp_next_data_get(it_bytes payload, it_rtmfp_data *out);
/* |type| is IT_RTMFP_ACK_BITMAP or IT_RTMFP_ACK_RANGES. */
bool it_rtmfp_ack_get(uint8_t type, it_bytes payload, it_rtmfp_ack *out);
/* The next range of sequence numbers above the cumulative acknowledgment, rising, with |*from| <= |*to|. False after
 * the last; a pair that is cut or beyond 64 bits ends it, and those before hold (section 2.3.14). */
bool it_rtmfp_ack_next(it_rtmfp_ack *a, uint64_t *from, uint64_t *to);
bool it_rtmfp_exception_get(it_bytes payload, it_rtmfp_exception *out);

/* Append whole chunks; |b| overflows when one does not fit. The signed ones are without their signatures: the owner
 * appends it and ends the chunk that begins at what they return. */
void it_rtmfp_ihello_put(it_buf *b, it_bytes epd, it_bytes tag);
void it_rtmfp_fihello_put(it_buf *b, it_bytes epd, it_rtmfp_addr reply, it_bytes tag);
void it_rtmfp_rhello_put(it_buf *b, it_bytes tag, it_bytes cookie, it_bytes cert);
void it_rtmfp_redirect_put(it_buf *b, it_bytes tag, const it_rtmfp_addr *addrs, size_t n);
void it_rtmfp_cookie_change_put(it_buf *b, it_bytes old, it_bytes cookie);
size_t it_rtmfp_iikeying_put(it_buf *b, uint32_t sid, it_bytes cookie, it_bytes cert, it_bytes component);
size_t it_rtmfp_rikeying_put(it_buf *b, uint32_t sid, it_bytes component);
/* A chunk of |type| whose payload is |payload|: Ping, Ping Reply, both of closing. */
void it_rtmfp_plain_put(it_buf *b, enum it_rtmfp_type type, it_bytes payload);
void it_rtmfp_probe_put(it_buf *b, uint64_t flow);
void it_rtmfp_exception_put(it_buf *b, uint64_t flow, uint64_t code);
void it_rtmfp_fragment_put(it_buf *b, const it_rtmfp_fragment *f);
/* User Data, or Next User Data when |next|. */
void it_rtmfp_data_put(it_buf *b, const it_rtmfp_data *d, bool next);
/* An acknowledgment by ranges, without any yet; append pairs, then end the chunk. A pair tells the range |from| to |to|
 * after |at|, the last number told of. */
size_t it_rtmfp_ack_put(it_buf *b, uint64_t flow, uint64_t blocks, uint64_t cum);
void it_rtmfp_ack_range_put(it_buf *b, uint64_t at, uint64_t from, uint64_t to);

#endif
