/* Authentication of HTTP, both ends, as text: challenges and credentials of Basic (RFC 7617) and Digest (RFC 7616; MD5
 * and SHA-256, qop=auth, user names hashed where asked for) in the framework of RFC 9110 section 11.
 *
 *     server: challenge --> client: choose, credentials --> server: read, check
 *
 * Nothing is kept here: nonces, and the counts that make them good for once, are the owner's. What stands between
 * quotes is taken as it stands, with its backslashes (RFC 7616 section 3.4.5: "unq" takes the quotes off, no more). */
#ifndef IT_STACK_HTTP_AUTH_H
#define IT_STACK_HTTP_AUTH_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_HTTP_AUTH_TEXT 128   /* room for a realm, nonce, opaque, user or password, with NUL */
#define IT_HTTP_AUTH_VALUE 1536 /* room for the longest value of a field written here */

enum it_http_scheme { IT_HTTP_NO_AUTH, IT_HTTP_BASIC, IT_HTTP_DIGEST_MD5, IT_HTTP_DIGEST_SHA256 };

/* --- the framework --- */

/* A value of WWW-Authenticate, Authorization or their twins for proxies, taken off piece by piece. */
typedef struct it_http_auth_rd {
    it_bytes rest;
    bool behind_scheme;
} it_http_auth_rd;

enum it_http_auth_item { IT_HTTP_AUTH_END, IT_HTTP_AUTH_SCHEME, IT_HTTP_AUTH_PARAM, IT_HTTP_AUTH_TOKEN68 };

/* The next piece: SCHEME (|*name|), PARAM (|*name|, |*value| without its quotes), TOKEN68 (|*value|) or END; views. Or
 * IT_ERR_PARSE. RFC 9110 sections 11.2, 11.3, 11.4. */
int it_http_auth_next(it_http_auth_rd *r, it_bytes *name, it_bytes *value) IT_MUST_CHECK;

/* --- challenges --- */

typedef struct it_http_challenge {
    enum it_http_scheme scheme;
    char realm[IT_HTTP_AUTH_TEXT], nonce[IT_HTTP_AUTH_TEXT], opaque[IT_HTTP_AUTH_TEXT]; /* opaque "": none */
    bool stale, userhash;
} it_http_challenge;

/* Chooses from all lines called |field| of response |head| the first challenge that can be answered (RFC 7616 section
 * 3.7). False: there is none. */
bool it_http_challenge_choose(it_bytes head, const char *field, it_http_challenge *c);
/* Writes |c| as a value, with NUL. Returns its length or IT_ERR_TOOBIG. */
int it_http_challenge_write(const it_http_challenge *c, char *out, size_t cap) IT_MUST_CHECK;

/* --- credentials --- */

/* What the client makes its answer of. */
typedef struct it_http_login {
    const char *user, *password, *method, *uri;
    const char *cnonce; /* Digest: a fresh one, letters and digits */
    uint32_t nc;        /* Digest: requests with this nonce, this one included */
} it_http_login;

/* Writes the answer to |c| as a value, with NUL. Returns its length, IT_ERR_TOOBIG, or IT_ERR_RANGE: a user with a
 * colon, or for Digest with a quote, a backslash or a control character, cannot be sent. */
int it_http_credentials_write(const it_http_challenge *c, const it_http_login *l, char *out, size_t cap) IT_MUST_CHECK;

typedef struct it_http_credentials {
    enum it_http_scheme scheme;
    char user[IT_HTTP_AUTH_TEXT], password[IT_HTTP_AUTH_TEXT]; /* password: Basic's */
    char realm[IT_HTTP_AUTH_TEXT], nonce[IT_HTTP_AUTH_TEXT], cnonce[IT_HTTP_AUTH_TEXT];
    char response[65];
    it_bytes uri; /* a view into what was read */
    uint32_t nc;
    bool userhash;
} it_http_credentials;

/* Reads |value|. Returns 0, IT_ERR_UNSUPPORTED (another scheme or algorithm), or IT_ERR_PARSE: something is missing,
 * twice there or too long (RFC 7616 section 3.4: a 4xx error). */
int it_http_credentials_read(it_bytes value, it_http_credentials *c) IT_MUST_CHECK;
/* True when |c| proves |user| and |password| for |realm| and |method|. Nonce, count and URI are the caller's to check.
 */
bool it_http_credentials_prove(const it_http_credentials *c, const char *user, const char *password, const char *realm,
                               const char *method);

#endif
