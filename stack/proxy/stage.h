/* The stages in which a stream with layers opens, each with a time of its own:
 *
 *     STREAM -> (PROXY) -> (TLS) -> UPGRADE -> the owner's own: it is open
 *
 * Each owner has one number, |trip|: what a round trip may take, its losses included. A stage ends late when nothing
 * has come for as long as one answer of it may take, or when it takes longer than all answers of it together:
 *
 *     STREAM   1 trip: SYN, SYN ACK (RFC 9293 section 3.5)
 *     PROXY    2 trips an answer, as the proxy opens a stream of its own meanwhile; 4 in all: SOCKS 5 asks three times
 *              where there is a user (RFC 1928 section 3, 4; RFC 1929 section 2), CONNECT twice (RFC 9110 section 11.7)
 *     TLS      1 trip an answer, 2 in all: TLS 1.2 (RFC 5246 section 7.3); 1.3 needs one
 *     UPGRADE  1 trip: the answer to the first request (RFC 6455 section 4.1)
 *
 * So a stream is open, or given up, within IT_STAGE_TRIPS trips, and one on which somebody is silent long before. */
#ifndef IT_STACK_PROXY_STAGE_H
#define IT_STACK_PROXY_STAGE_H

#include "base/time.h"
#include "stack/stream/layer.h"
#include "stack/stream/stream.h"

enum it_stage { IT_STAGE_STREAM, IT_STAGE_PROXY, IT_STAGE_TLS, IT_STAGE_UPGRADE };

#define IT_STAGE_TRIPS 8 /* of all stages together */

typedef struct it_stages {
    enum it_stage at;
    it_time since; /* when this stage began */
    it_time heard; /* when something came last in it, or |since| */
} it_stages;

/* Begins at |now|: the stream is asked for. */
void it_stages_begin(it_stages *g, it_time now);
/* Something came at |now|. |s| is the stream; |via| its layer of stack/proxy/via.h, |tls| that of stack/tls/tls.h; a
 * layer without ops is not there. */
void it_stages_heard(it_stages *g, it_time now, const it_stream *s, const it_layer *via, const it_layer *tls);
/* When the stage is given up, where a round trip may take |trip|. */
it_time it_stages_due(const it_stages *g, it_time trip);

#endif
