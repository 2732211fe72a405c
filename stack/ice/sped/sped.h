/* SPED, DTLS in STUN (draft-hancke-webrtc-sped-00): the datagrams of a DTLS handshake ride in the Binding requests and
 * success responses of connectivity checks, so that ICE and DTLS run side by side, and each is acknowledged by its
 * CRC-32.
 *
 *     a flight --capture--> pending --put--> DTLS-IN-STUN-DATA ... the far side's take
 *                              ^------ acknowledged by DTLS-IN-STUN-ACK, or by the answer to a request
 *
 * One component's state. Where the draft and libwebrtc's DtlsStunPiggybackController differ it goes by what suits both:
 * DTLS-IN-STUN-ACK is in every message while it is active, DTLS-IN-STUN-DATA, empty where nothing waits, until the
 * handshake is done. It ends with the handshake, when all that was sent is known to have come and the far side repeats
 * nothing, or when media comes, which shows the same; at once when the far side's first message has neither attribute.
 *
 * Knows neither ICE nor DTLS; no timer: what is lost is in the next message of a check again. */
#ifndef IT_STACK_ICE_SPED_SPED_H
#define IT_STACK_ICE_SPED_SPED_H

#include "base/alloc.h"
#include "stack/stun/msg.h"

#define IT_SPED_MESSAGE 1200 /* bytes of a STUN message with an embedded datagram, at most; as libwebrtc */
#define IT_SPED_MTU 900      /* of a flight's datagrams while it is active: the draft's Implementation Notes */
#define IT_SPED_PENDING 12   /* datagrams of a flight */
#define IT_SPED_ACKS 4       /* acknowledged in a message: the draft's Implementation Notes */
#define IT_SPED_SEEN 16      /* datagrams remembered, so that none is given to DTLS twice */
#define IT_SPED_CAME 4       /* datagrams that wait for the owner */

enum it_sped_state {
    IT_SPED_TENTATIVE, /* whether the far side has it is not known */
    IT_SPED_CONFIRMED, /* it has */
    IT_SPED_FINISHING, /* the handshake is done here; the far side may not know yet */
    IT_SPED_COMPLETE,  /* plain DTLS from now on */
    IT_SPED_OFF        /* likewise: the far side has it not, or the handshake failed */
};

typedef struct it_sped_datagram {
    uint8_t *data; /* owned */
    size_t n;
    uint32_t crc;
    bool left; /* it was in a message */
} it_sped_datagram;

typedef struct it_sped {
    it_alloc *alloc;
    enum it_sped_state state;
    it_sped_datagram pending[IT_SPED_PENDING], came[IT_SPED_CAME];
    int n_pending, next; /* |next|: the pending one whose turn it is */
    int n_came;
    uint32_t ack[IT_SPED_ACKS], seen[IT_SPED_SEEN]; /* the latest last */
    int n_ack, n_seen;
    uint8_t *taken;          /* what it_sped_next gave last */
    bool ripe;               /* complete as soon as one more message has acknowledged */
    uint64_t sent, received; /* datagrams that left in messages, and that came in them */
} it_sped;

/* One that is TENTATIVE and empty (allocates nothing); frees what it holds. */
void it_sped_init(it_sped *s, it_alloc *alloc);
void it_sped_fini(it_sped *s);

/* True while messages carry its attributes. */
bool it_sped_active(const it_sped *s);

/* Takes a datagram that DTLS has written, if it is of a handshake; |first|: it begins a flight, in whose place the
 * earlier one is no more. Returns 0 or IT_ERR_NOMEM, after which the datagram is not embedded. */
int it_sped_capture(it_sped *s, it_bytes datagram, bool first) IT_MUST_CHECK;
/* A datagram of a handshake came outside STUN: it is acknowledged like others. */
void it_sped_heard(it_sped *s, it_bytes datagram);

/* Appends the attributes to the Binding request or success response in |b|, before its integrity, for which |tail|
 * bytes are kept: a datagram is embedded where it fits into IT_SPED_MESSAGE. Nothing unless active. */
void it_sped_put(it_sped *s, it_buf *b, size_t tail);

/* Heeds the attributes of the authentic message |m|; |request| is the request that it answers, NULL: it is one. Returns
 * 0 or IT_ERR_NOMEM: an embedded datagram is lost, and not acknowledged. */
int it_sped_take(it_sped *s, const it_stun_msg *m, const it_stun_msg *request) IT_MUST_CHECK;
/* The next embedded datagram that came, which is acknowledged from now on: true, its bytes live until the next call. */
bool it_sped_next(it_sped *s, it_bytes *datagram);

/* The handshake is done; |client|: as the DTLS client, which has nothing more to send (RFC 6347 section 4.2.4). */
void it_sped_done(it_sped *s, bool client);
/* True when something was sent, and all of the latest flight: it has come, or is on its way. */
bool it_sped_on_its_way(const it_sped *s);
/* Media, or application data, came: the far side's handshake is done as well. */
void it_sped_media(it_sped *s);
/* It is not wanted, or the handshake failed. */
void it_sped_end(it_sped *s);

/* "tentative", "confirmed", "finishing", "complete", "off". Static storage. */
const char *it_sped_state_name(enum it_sped_state v);

#endif
