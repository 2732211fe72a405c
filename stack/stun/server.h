/* A STUN server over UDP: Binding requests in, responses out (RFC 8489 sections 6.3, 8), optionally with the long-term
 * credential mechanism (section 9.2) and with the RFC 5780 attributes when it has a second address. Sans I/O as stack/io.h. */
#ifndef IT_STACK_STUN_SERVER_H
#define IT_STACK_STUN_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/io.h"
#include "stack/stun/msg.h"

typedef struct it_stun_server_cfg {
    it_alloc *alloc;
    it_rng rng;            /* for nonces */
    const char *software;  /* SOFTWARE attribute; NULL: none. Outlives the server */
} it_stun_server_cfg;

typedef struct it_stun_server it_stun_server;

it_stun_server *it_stun_server_new(const it_stun_server_cfg *cfg);
void it_stun_server_free(it_stun_server *s);
int it_stun_server_input(it_stun_server *s, it_time now, const it_io *in);
int it_stun_server_tick(it_stun_server *s, it_time now);
it_time it_stun_server_next(const it_stun_server *s);
int it_stun_server_output(it_stun_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

#endif
