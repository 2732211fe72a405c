/* Who may use a server: names and passwords, from words "NAME:PASSWORD" and from files of such lines. In a file, lines
 * that are empty or begin with # say nothing. A name is all before the first colon, 1 to 508 bytes (RFC 8489 section
 * 14.3); a password is all behind it, at least 1; neither has control characters (RFC 8265 section 4.2). */
#ifndef IT_LAB_SERVE_USERS_H
#define IT_LAB_SERVE_USERS_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"
#include "stack/stun/guard.h"

#define IT_USERS_WHY 160 /* of a sentence about what is wrong, with NUL */

typedef struct it_users {
    it_alloc *alloc;
    it_stun_user *v; /* |n|, their text the list's */
    size_t n, cap;
} it_users;

/* Begins with nobody; frees the list. */
void it_users_init(it_users *u, it_alloc *alloc);
void it_users_fini(it_users *u);
/* Adds the user that |word| is. Returns 0; IT_ERR_PARSE, |why| a sentence without end; IT_ERR_EXISTS, |why| likewise:
 * there is one of that name; or IT_ERR_NOMEM. */
int it_users_add(it_users *u, it_bytes word, char why[IT_USERS_WHY]) IT_MUST_CHECK;
/* Adds those of |text|, the contents of a file; |*line| is the number of the one that was wrong. As above. */
int it_users_read(it_users *u, it_bytes text, int *line, char why[IT_USERS_WHY]) IT_MUST_CHECK;

#endif
