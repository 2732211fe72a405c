/* A call of model B for a person at a terminal: blocks of text are copied to the other side and pasted from there, then
 * each line that is typed is a message.
 *
 *     block out, block in (block.h) -> connection (stack/b/b.h) -> "connected" -> lines both ways
 *
 * A part of a peer (peer.h), which cuts what comes into lines and gives what goes out to its owner. */
#ifndef IT_LAB_ITP_TALK_H
#define IT_LAB_ITP_TALK_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text/str.h"
#include "base/time.h"

#define IT_TALK_MESSAGE 1000 /* bytes of a line that is sent */

struct it_itp_peer_cfg;
typedef struct it_talk it_talk;

/* Begins one on the loop of |cfg|; blocks and messages are appended to |out|, its owner's, and notices where |cfg|
 * says. NULL when there is no memory, or the machine gives no randomness. */
it_talk *it_talk_new(const struct it_itp_peer_cfg *cfg, it_str *out);
void it_talk_free(it_talk *t);
/* Takes a line. Returns 0, or an error that ends the program. */
int it_talk_line(it_talk *t, it_bytes line) IT_MUST_CHECK;
/* Hangs up. */
void it_talk_close(it_talk *t);
it_time it_talk_next(const it_talk *t);
void it_talk_tick(it_talk *t);
/* True when it is over; |*well|: somebody hung up, and nothing failed. */
bool it_talk_over(const it_talk *t, bool *well);

#endif
