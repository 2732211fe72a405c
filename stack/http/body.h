/* Where the body of an HTTP/1.1 message ends, and its bytes without their chunks (RFC 9112 sections 6.3 and 7.1).
 *
 *     rules of the head -> none, so many bytes, chunks, or until the stream ends
 *
 * Strict where smuggling hides: Transfer-Encoding beside Content-Length, several lengths that differ, codings other
 * than chunked alone, chunk lines that are none or do not end in CR LF, Transfer-Encoding in HTTP/1.0 are errors.
 * Extensions of chunks and trailers are read and forgotten.
 */
#ifndef IT_STACK_HTTP_BODY_H
#define IT_STACK_HTTP_BODY_H

#include "stack/http/head.h"

enum it_http_body_kind { IT_HTTP_BODY_NONE, IT_HTTP_BODY_LENGTH, IT_HTTP_BODY_CHUNKED, IT_HTTP_BODY_UNTIL_CLOSE };

typedef struct it_http_body {
    uint8_t kind;  /* enum it_http_body_kind */
    uint8_t at;    /* CHUNKED: what is read */
    uint64_t left; /* of the body or of the chunk */
    uint16_t line; /* bytes of the chunk line or trailer line so far */
    bool done;
} it_http_body;

/* What follows request |head| of HTTP/1.|minor|. Returns 0 or IT_ERR_PARSE: a server answers 400 (RFC 9112
 * section 6.3).
 */
int it_http_body_of_request(it_http_body *b, it_bytes head, int minor) IT_MUST_CHECK;
/* What follows response |r| with |head| to a request of |method|. Returns 0 or IT_ERR_PARSE. */
int it_http_body_of_response(it_http_body *b, it_bytes head, const it_http_response *r, it_bytes method) IT_MUST_CHECK;

/* Takes the beginning of |in|, as far as it is of one kind: framing, or bytes of the body, which are then |*content|.
 * Returns how many were taken, 0 when the body is done, or IT_ERR_PARSE. */
int it_http_body_feed(it_http_body *b, it_bytes in, it_bytes *content) IT_MUST_CHECK;

#endif
