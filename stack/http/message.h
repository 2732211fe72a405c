/* HTTP/1.1 as a framing layer (stack/stream/layer.h): above are whole messages, head and body in one piece.
 *
 *     client:  requests down, responses up          server:  requests up, responses down
 *
 * A message that comes up is the head as it came, up to and with its empty line, and the body without its chunks. One
 * that goes down is head and body as they are to be sent; the application has written Content-Length where it belongs.
 * One exchange at a time, as many as the stream lasts: a client's next request is taken when the response has come, a
 * server is told of the next request when it has answered. One that goes down has at most 16,384 bytes. Interim
 * responses (1xx but 101) are passed over. After 101, and after 2xx to CONNECT, the layer has ended and passes bytes on
 * as they are: what is above is then bytes. A server gives leave to a client that asks for it before its body
 * (Expect: 100-continue, RFC 9110 section 10.1.1); it answers what it cannot read itself: 400, 413 (from the length
 * that is declared, before any of the body), 431, and closes (RFC 9112 sections 2.2, 6.3), and a Host that is missing
 * or there twice (section 3.2); what a client cannot read is RST, with a reason, and so is what it did not ask for
 * (section 9.2). A client that closes its half of the stream behind a request has its response all the same, which is
 * then the last one (section 9.6): FIN goes up before it is written. "Connection: close" of either side, or HTTP/1.0
 * without "keep-alive", ends the stream behind the response, for the application too (section 9.3). Methods, targets
 * and status codes are the application's. */
#ifndef IT_STACK_HTTP_MESSAGE_H
#define IT_STACK_HTTP_MESSAGE_H

#include "base/alloc.h"
#include "stack/http/head.h"
#include "stack/stream/layer.h"

enum it_http_role { IT_HTTP_CLIENT, IT_HTTP_SERVER };

/* Makes the layer. |largest|: of a body, at most 65,537 - IT_HTTP_HEAD_MAX bytes; more is 413, or RST. No layer (ops
 * NULL) without memory. */
it_layer it_http_messages(it_alloc *alloc, enum it_http_role role, size_t largest);

/* The status with which a server's layer |l| has answered by itself, RST then goes up; 0: it has not. */
int it_http_answered(const it_layer *l);

/* Splits a message that came up into its head and its body. */
void it_http_split(it_bytes message, it_bytes *head, it_bytes *body);

#endif
