/* What a signal server and its clients say to each other: JSON objects, one a WebSocket message, one a line of an HTTP
 * body (docs/signal.md).
 *
 *     client    {"to":"bob","id":7,"data":"..."}     message 7 of this session for mailbox bob
 *               {"ack":9}                            messages up to 9 of my mailbox have come
 *               {"known":7}                          I know what became of my messages up to 7
 *     server    {"hello":"3f0c","taken":6}           the server's run, and how far it has this session's messages
 *               {"seq":9,"from":"alice","data":"..."}
 *               {"taken":7}                          message 7 is kept for its receiver
 *               {"refused":7,"why":"full"}           it is not, and will not be: "full", "large", "limit"
 *
 * Data that are not UTF-8 text are "base64" instead of "data". Who a client is stands in the target of its request:
 *
 *     GET /any/path?box=alice&key=5bd0&run=3f0c&seen=8&known=6&hold=25
 *
 * the mailbox it reads, a random key of this session, the run of the server that it saw last, how far it has read, up
 * to which of its own messages it knows what became of them, and for how many seconds a poll may be held. Unknown
 * members and parameters are passed over. */
#ifndef IT_STACK_SIGNAL_WIRE_H
#define IT_STACK_SIGNAL_WIRE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text/str.h"

#include <stdbool.h>
#include <stdint.h>

#define IT_SIGNAL_NAME 64       /* bytes of a name or a key: letters, digits, '.', '_', '~', '-' */
#define IT_SIGNAL_RECORD 12288  /* bytes of one JSON object */
#define IT_SIGNAL_LARGEST 8192  /* bytes of data of one message; fewer where escapes make the object too large */
#define IT_SIGNAL_REPLACED 4001 /* close code: another client has opened the mailbox (RFC 6455 section 7.4.2) */
#define IT_SIGNAL_PROTOCOL "icetank-signal"

/* Bytes at most of the record by which a server hands a message on: |from| bytes of its sender's name, |member| bytes
 * of the member that holds its data, with the member's name. More than IT_SIGNAL_RECORD cannot be handed on. */
#define IT_SIGNAL_LETTER_SIZE(from, member)                                                                            \
    (sizeof "{\"seq\":18446744073709551615,\"from\":\"\",}" - 1 + (size_t)(from) + (size_t)(member))

/* What a record has: bits of |has|. */
enum {
    IT_SIGNAL_TO = 1,
    IT_SIGNAL_FROM = 2,
    IT_SIGNAL_ID = 4,
    IT_SIGNAL_SEQ = 8,
    IT_SIGNAL_DATA = 16,
    IT_SIGNAL_BASE64 = 32,
    IT_SIGNAL_ACK = 64,
    IT_SIGNAL_HELLO = 128,
    IT_SIGNAL_TAKEN = 256,
    IT_SIGNAL_REFUSED = 512,
    IT_SIGNAL_WHY = 1024,
    IT_SIGNAL_KNOWN = 2048
};

typedef struct it_signal_record {
    unsigned has;
    it_bytes to, from, hello, why; /* names, borrowed */
    it_bytes data;                 /* of DATA, BASE64: the JSON string as it stands between its quotes, borrowed */
    uint64_t id, seq, ack, taken, refused, known;
} it_signal_record;

/* Reads one JSON object. Returns 0, or IT_ERR_PARSE: no flat object of strings, whole numbers, true, false and null, a
 * name that is none, a member twice. */
int it_signal_read(it_bytes text, it_signal_record *r) IT_MUST_CHECK;

/* Appends the member that holds |data|: "data" where they are text, else "base64". No memory shows in |out|. */
void it_signal_write_data(it_str *out, it_bytes data);
/* Decodes the data of |r| into |out| of |cap| bytes. Returns how many, IT_ERR_PARSE or IT_ERR_TOOBIG. */
int it_signal_decode(const it_signal_record *r, uint8_t *out, size_t cap) IT_MUST_CHECK;

/* Whether |name| may name a mailbox. */
bool it_signal_is_name(it_bytes name);

/* Who asks, from the target of a request. */
typedef struct it_signal_who {
    it_bytes box, key, run;
    uint64_t seen, known, hold;
} it_signal_who;

/* Reads the query of |target|. Returns 0 or IT_ERR_PARSE: no box or key, or what is none. */
int it_signal_read_who(it_bytes target, it_signal_who *w) IT_MUST_CHECK;

/* Takes the next line off |*rest|, without its end; false when there is none. Empty lines are passed over. */
bool it_signal_line(it_bytes *rest, it_bytes *line);

#endif
