/* The head of an HTTP/1.1 message: collected byte by byte, then read in place. RFC 9112 sections 2, 3, 4, 5; RFC 9110
 * section 5.
 *
 * Strict where smuggling hides: no whitespace before a colon, no folded lines, no bare CR, no control characters (RFC
 * 9112 sections 2.2, 5.1, 5.2). Bodies are none of its business. Nothing is allocated; what is read borrows the
 * caller's bytes. */
#ifndef IT_STACK_HTTP_HEAD_H
#define IT_STACK_HTTP_HEAD_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_HTTP_HEAD_MAX 8192 /* RFC 9112 section 3 asks for 8000 in a request line alone; more is 431 or 414 */

/* A head on its way in. All zeros: empty. */
typedef struct it_http_head {
    uint8_t buf[IT_HTTP_HEAD_MAX];
    size_t n;
    bool done; /* the empty line has come; |buf| holds the head with it */
} it_http_head;

/* Takes bytes of |in| up to the end of the head. Returns how many, fewer than given only when |done|; or IT_ERR_TOOBIG:
 * the head is longer than IT_HTTP_HEAD_MAX. Empty lines in front are taken and forgotten (RFC 9112 section 2.2). */
int it_http_head_feed(it_http_head *h, it_bytes in) IT_MUST_CHECK;

typedef struct it_http_request {
    it_bytes method, target;
    int minor; /* of the version: HTTP/1.minor */
} it_http_request;

typedef struct it_http_response {
    int status, minor;
} it_http_response;

/* Read a complete head, all lines of it checked. Return 0, or IT_ERR_PARSE (a server answers 400). RFC 9112 sections
 * 3, 4. */
int it_http_request_parse(it_bytes head, it_http_request *r) IT_MUST_CHECK;
int it_http_response_parse(it_bytes head, it_http_response *r) IT_MUST_CHECK;

/* The |k|-th field line (from 0) called |name|, letter case ignored; its value without surrounding whitespace in
 * |*value|. False when there are fewer. */
bool it_http_field(it_bytes head, const char *name, size_t k, it_bytes *value);

/* Takes field lines off: the next one at |*at| (0: the first) of |head|, whole line with its end in |*line|, name in
 * |*name|. False at the end of the head. */
bool it_http_line(it_bytes head, size_t *at, it_bytes *line, it_bytes *name);

/* True when the comma-separated list |value| has the token |token|, letter case ignored. RFC 9110 section 5.6.1. */
bool it_http_has_token(it_bytes value, const char *token);
/* Whether the stream lasts behind a message of HTTP/1.|minor| with |head|. RFC 9112 section 9.3. */
bool it_http_persists(it_bytes head, int minor);
/* Whether request |head| of HTTP/1.|minor| says once whom it is for, as it must from HTTP/1.1 on: RFC 9112 section 3.2.
 */
bool it_http_has_host(it_bytes head, int minor);
/* True when |b| is |text|, letter case ignored. */
bool it_http_is(it_bytes b, const char *text);

/* Reads "host:port", "[v6]:port": the host in |*host| (without brackets), its address in |*a| when it is one, else only
 * the port. Returns 0 or IT_ERR_PARSE. RFC 9110 section 7.1: CONNECT's target. */
int it_http_authority(it_bytes target, it_bytes *host, it_addr *a) IT_MUST_CHECK;

/* Base64 with padding (RFC 4648 section 4). Decoding returns the length, or IT_ERR_PARSE, IT_ERR_TOOBIG (|cap|);
 * encoding returns the length of the text, without a NUL, or IT_ERR_TOOBIG. */
int it_base64_decode(uint8_t *out, size_t cap, it_bytes text) IT_MUST_CHECK;
int it_base64_encode(char *out, size_t cap, it_bytes data) IT_MUST_CHECK;

#endif
