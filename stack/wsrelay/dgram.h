/* What a relay and its clients say to each other by UDP: the leg for who may send datagrams, into the same rooms as
 * over WebSocket (wire.h).
 *
 *     0xd2, version, type, 0, then:
 *     JOIN    to the relay   cookie (16), token (8), length and room, length and name
 *     COOKIE  to the client  cookie (16): JOIN again, with it
 *     IN      to the client  token (8), here (1), lost (4): it is in the room; whether the other one is
 *     NO      to the client  status (2), as HTTP has it: 409, 503
 *     KEEP    to the relay   token (8): answered by IN
 *     LEAVE   to the relay   token (8)
 *     DATA    both ways      token (8), the datagram
 *
 * Nothing is kept of, and nothing forwarded for, an address that has not said a cookie that was sent there (as RFC 9000
 * section 8.1 has it, RFC 6347 section 4.2.1); the answer to a JOIN is never longer than it. The token is the client's
 * alone: who knows it not speaks for nobody. A JOIN with the token of the name that is in the room moves it to another
 * address, and the other one in the room hears nothing of that. */
#ifndef IT_STACK_WSRELAY_DGRAM_H
#define IT_STACK_WSRELAY_DGRAM_H

#include "stack/wsrelay/wire.h"

#define IT_WSRELAY_DGRAM_TYPE 0xd2
#define IT_WSRELAY_COOKIE 16
#define IT_WSRELAY_DGRAM_HEAD 12 /* before the datagram in DATA */
#define IT_WSRELAY_DGRAM_JOIN (4 + IT_WSRELAY_COOKIE + 8 + 2 + IT_WSRELAY_ROOM + IT_WSRELAY_NAME)
/* The largest datagram that fits into one of IT_IO_DGRAM_MAX bytes. */
#define IT_WSRELAY_DGRAM_DATA (1472 - IT_WSRELAY_DGRAM_HEAD)

enum it_wsrelay_dgram {
    IT_WSRELAY_JOIN,
    IT_WSRELAY_COOKIED,
    IT_WSRELAY_IN,
    IT_WSRELAY_NO,
    IT_WSRELAY_KEEP,
    IT_WSRELAY_LEAVE,
    IT_WSRELAY_CARRY
};

typedef struct it_wsrelay_word {
    enum it_wsrelay_dgram type;
    uint8_t cookie[IT_WSRELAY_COOKIE]; /* JOIN, COOKIED; all zeros: none */
    uint64_t token;                    /* JOIN (0: none), IN, KEEP, LEAVE, CARRY */
    it_bytes room, name;               /* JOIN; views */
    bool here;                         /* IN */
    uint32_t lost;                     /* IN */
    uint16_t status;                   /* NO */
    it_bytes data;                     /* CARRY; a view */
} it_wsrelay_word;

/* Reads a datagram. Returns 0 or IT_ERR_PARSE. */
int it_wsrelay_word_read(it_bytes datagram, it_wsrelay_word *w) IT_MUST_CHECK;
/* Writes |w| into |out| of |cap| bytes. Returns its length, IT_ERR_TOOBIG or IT_ERR_FULL. */
int it_wsrelay_word_write(const it_wsrelay_word *w, uint8_t *out, size_t cap) IT_MUST_CHECK;

#endif
