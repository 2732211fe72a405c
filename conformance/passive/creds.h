/* The passwords that a judge of captures may know, from a file:
 *
 *     ice UFRAG PASSWORD              an agent's fragment and password
 *     turn USERNAME PASSWORD          of the long-term mechanism; the realm is in the messages
 *
 * A line each, parted by blanks; "#" begins a comment. */
#ifndef IT_CONFORMANCE_PASSIVE_CREDS_H
#define IT_CONFORMANCE_PASSIVE_CREDS_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"

typedef struct it_passive_cred {
    bool turn;
    it_bytes user, password; /* in the file's text */
} it_passive_cred;

typedef struct it_passive_creds {
    it_alloc *alloc;
    char *text; /* owned */
    size_t n, cap;
    it_passive_cred *v; /* owned */
} it_passive_creds;

/* Reads |path|. Returns 0; IT_ERR_IO, IT_ERR_PARSE or IT_ERR_NOMEM with "PATH:LINE: what" in |err|. */
int it_passive_creds_read(it_passive_creds *c, it_alloc *alloc, const char *path, char err[512]) IT_MUST_CHECK;
void it_passive_creds_fini(it_passive_creds *c);

/* The password of |user|, {NULL, 0} when it is not known. */
it_bytes it_passive_creds_of(const it_passive_creds *c, bool turn, it_bytes user);

#endif
