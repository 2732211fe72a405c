/* The opening handshake of RFC 6455 section 4, as text. A part of stack/ws/ws.c. */
#ifndef IT_STACK_WS_HANDSHAKE_H
#define IT_STACK_WS_HANDSHAKE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_WS_KEY 24    /* characters of a key */
#define IT_WS_ACCEPT 28 /* of the answer to one */

/* What proves that key |key| was read, with NUL. RFC 6455 section 4.2.2, item 5.4. */
void it_ws_accept(it_bytes key, char out[IT_WS_ACCEPT + 1]);

/* Writes the client's request into |out|: its length, or IT_ERR_TOOBIG. |protocol| may be NULL. */
int it_ws_request_write(char *out, size_t cap, const char *host, const char *target, const char *key,
                        const char *protocol) IT_MUST_CHECK;
/* Writes the answer to request |head|: its length, or IT_ERR_TOOBIG. */
int it_ws_response_write(char *out, size_t cap, it_bytes head, const char *protocol) IT_MUST_CHECK;
/* Whether response |head| agrees to key |key| and to |protocol| or none. RFC 6455 section 4.1. */
bool it_ws_response_agrees(it_bytes head, const char *key, const char *protocol);

#endif
