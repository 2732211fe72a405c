/* What a rendezvous server and its clients say to each other: messages of a signal server's mailboxes (docs/signal.md,
 * docs/rendezvous.md), a line of words, for some a body behind it.
 *
 *     client    listen NAME            calls for NAME are mine
 *               leave NAME             no longer
 *               call TOKEN WAIT NAME   I call NAME, and wait WAIT seconds for it to listen; TOKEN names the call from
 *                                      now on, and is the caller's to choose, at random
 *               busy TOKEN             I cannot take that call
 *               join TOKEN             I am an end of that call; the server may have forgotten
 *     server    listening NAME         so it is
 *               taken NAME             somebody else does
 *               call TOKEN             somebody calls
 *               absent TOKEN           nobody listens there
 *               busy TOKEN             the far side, or the server, cannot take that call
 *               joined TOKEN           both ends are there: what was said may be lost, say it again
 *               unknown TOKEN          no such call: join it
 *               lost TOKEN             what was said last has not reached the far side: say it again
 *     both      more TOKEN, body       a piece of what is said
 *               say TOKEN, body        the last piece of it
 *               end TOKEN              I have hung up */
#ifndef IT_STACK_RENDEZVOUS_WORDS_H
#define IT_STACK_RENDEZVOUS_WORDS_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IT_RENDEZVOUS_NAME 64          /* bytes of a name at most: UTF-8 without control characters */
#define IT_RENDEZVOUS_BOX "rendezvous" /* the server's mailbox */
#define IT_RENDEZVOUS_LINE 160         /* room for a line of words, with NUL */
#define IT_RENDEZVOUS_PIECE                                                                                            \
    6000                        /* bytes of a piece at most: text that has as many again in JSON still is a message    \
                                 */
#define IT_RENDEZVOUS_WAIT 3600 /* seconds at most that a call waits */

enum it_rendezvous_verb {
    IT_RENDEZVOUS_LISTEN,
    IT_RENDEZVOUS_LEAVE,
    IT_RENDEZVOUS_CALL,
    IT_RENDEZVOUS_BUSY,
    IT_RENDEZVOUS_JOIN,
    IT_RENDEZVOUS_LISTENING,
    IT_RENDEZVOUS_TAKEN,
    IT_RENDEZVOUS_ABSENT,
    IT_RENDEZVOUS_JOINED,
    IT_RENDEZVOUS_UNKNOWN,
    IT_RENDEZVOUS_LOST,
    IT_RENDEZVOUS_MORE,
    IT_RENDEZVOUS_SAY,
    IT_RENDEZVOUS_END,
    IT_RENDEZVOUS_VERBS
};

typedef struct it_rendezvous_words {
    enum it_rendezvous_verb verb;
    uint64_t token; /* 16 hexadecimal digits on the wire; not 0 */
    uint32_t wait;  /* of CALL that has a name */
    it_bytes name;  /* of LISTEN, LEAVE, CALL, LISTENING, TAKEN; borrowed; of CALL none from a server */
    it_bytes body;  /* of MORE, SAY; borrowed */
} it_rendezvous_words;

/* Whether |name| may be somebody's: 1 to 64 bytes of UTF-8 (RFC 3629) without control characters. */
bool it_rendezvous_is_name(it_bytes name);

/* Reads a message. Returns 0 or IT_ERR_PARSE. */
int it_rendezvous_read(it_bytes message, it_rendezvous_words *w) IT_MUST_CHECK;
/* Writes the line of |w|, with its end where a body follows, into |line|. Returns its bytes. */
size_t it_rendezvous_line(const it_rendezvous_words *w, char line[IT_RENDEZVOUS_LINE]);

#endif
