/* What the files of a peer share: peer.c (lines in, its owner), ops.c (operations), talk.c (a person at a terminal). */
#ifndef IT_LAB_ITP_PEER_IMPL_H
#define IT_LAB_ITP_PEER_IMPL_H

#include "lab/itp/peer.h"
#include "lab/itp/talk.h"

#include <jansson.h>

#define ID_TEXT 96

typedef struct peer_session {
    char id[ID_TEXT]; /* "": a free place */
    int app;
} peer_session;

struct it_itp_peer {
    it_itp_peer_cfg cfg;
    it_alloc *alloc;
    it_str line; /* the beginning of one */
    bool skip;   /* it is too long: the rest of it is passed over */
    it_str out;
    it_talk *talk;  /* NULL: it speaks itp/1 */
    size_t written; /* of |out| */
    peer_session sessions[IT_ITP_SESSIONS];
};

/* One operation under way. */
typedef struct peer_op {
    const json_t *m;
    const char *op;
    char id[ID_TEXT];
    peer_session *session; /* NULL: there is none of that id */
    it_itp_session *s;
} peer_op;

/* --- ops.c --- */
/* Does what |m| asks for, and says what came of it. Returns 0 or an error that ends the program. */
int itp_peer_op(it_itp_peer *p, const json_t *m);
/* {"ev":"error"} about |op| (NULL: about a line that is none). */
void itp_peer_error(it_itp_peer *p, const peer_op *op, const char *why);
void itp_peer_close(it_itp_peer *p, peer_session *at);

#endif
