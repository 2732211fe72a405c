/* What a relay of datagrams over WebSocket and its clients say to each other.
 *
 *     GET /relay/ROOM/NAME, subprotocol "icetank-relay"           one of the two in a room, by its name
 *     binary message = type (1 byte), then:
 *         DATA  both ways            the datagram, whole
 *         HERE  server to client     the other one is in the room: datagrams pass
 *         GONE  server to client     it no longer is
 *         LOST  server to client     4 bytes: datagrams of this client that found no room on their way, so far
 *
 * Who comes with a name that is in the room takes its place. What such a relay carries is as encrypted as its ends make
 * it: it reads nothing. */
#ifndef IT_STACK_WSRELAY_WIRE_H
#define IT_STACK_WSRELAY_WIRE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_WSRELAY_PROTOCOL "icetank-relay"
#define IT_WSRELAY_DATAGRAM 1500 /* the largest datagram */
#define IT_WSRELAY_FRAME (1 + IT_WSRELAY_DATAGRAM)
#define IT_WSRELAY_ROOM_MIN 16 /* characters of a room, which is a secret of its two */
#define IT_WSRELAY_ROOM 64
#define IT_WSRELAY_NAME 32
#define IT_WSRELAY_TARGET (8 + IT_WSRELAY_ROOM + IT_WSRELAY_NAME) /* room for a target, with NUL */

enum it_wsrelay_type { IT_WSRELAY_DATA, IT_WSRELAY_HERE, IT_WSRELAY_GONE, IT_WSRELAY_LOST };

typedef struct it_wsrelay_frame {
    enum it_wsrelay_type type;
    it_bytes data; /* DATA; a view */
    uint32_t lost; /* LOST */
} it_wsrelay_frame;

/* Reads a message. Returns 0 or IT_ERR_PARSE. */
int it_wsrelay_frame_read(it_bytes message, it_wsrelay_frame *f) IT_MUST_CHECK;
/* Writes |f| into |out| of IT_WSRELAY_FRAME bytes. Returns its length, or IT_ERR_TOOBIG. */
int it_wsrelay_frame_write(const it_wsrelay_frame *f, uint8_t *out) IT_MUST_CHECK;

/* True for letters, digits, '-' and '_', as many as a room, or a name, has. */
bool it_wsrelay_room_valid(it_bytes room);
bool it_wsrelay_name_valid(it_bytes name);
/* Splits the target of a request. Returns 0, or IT_ERR_PARSE: it is none of a relay. */
int it_wsrelay_target_read(it_bytes target, it_bytes *room, it_bytes *name) IT_MUST_CHECK;

#endif
