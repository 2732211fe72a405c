/* A STUN server over TCP (RFC 8489 section 6.2.2): Binding requests one behind the other in a stream, each answered
 * with the address that the stream comes from. Inside is a server of datagrams, without credentials.
 *
 * The owner lets it accept streams. A client that writes anything but STUN, or more than IT_STUN_TCP_MESSAGE bytes in
 * one message, is reset; one that has ended is ended behind its answers. Every request that was taken is answered:
 * while the answers find no room no more is taken, and the window of the stream closes. A client that is silent for too
 * long has timed out (section 6.2.2), and is reset. */
#ifndef IT_STACK_STUN_SERVER_TCP_H
#define IT_STACK_STUN_SERVER_TCP_H

#include "stack/stun/server.h"

#define IT_STUN_TCP_CONNS 256    /* streams at a time */
#define IT_STUN_TCP_MESSAGE 1024 /* bytes of a request */

typedef struct it_stun_tcp_limits {
    size_t conns;  /* streams at a time, more are reset; 0: IT_STUN_TCP_CONNS */
    it_time first; /* that a client has for its first request; 0: no limit */
    it_time idle;  /* and between two requests: as long as it may need the mapping of its NAT; 0: no limit */
} it_stun_tcp_limits;

typedef struct it_stun_tcp_stats {
    uint64_t accepted, reset; /* streams; those of them beyond the limit */
    uint64_t idle;            /* that were silent for too long */
    uint64_t bad;             /* that said something else */
    uint64_t requests;        /* messages of STUN, answered or not */
} it_stun_tcp_stats;

typedef struct it_stun_tcp it_stun_tcp;

/* NULL when there is no memory. |cfg|: as of a server by UDP. |limits|: NULL is all zeros. */
it_stun_tcp *it_stun_tcp_new(const it_stun_server_cfg *cfg, const it_stun_tcp_limits *limits);
void it_stun_tcp_free(it_stun_tcp *s);
const it_stun_tcp_stats *it_stun_tcp_stat(const it_stun_tcp *s);

/* As stack/io.h; negative results are IT_ERR_NOMEM. */
int it_stun_tcp_input(it_stun_tcp *s, it_time now, const it_io *in);
int it_stun_tcp_tick(it_stun_tcp *s, it_time now);
it_time it_stun_tcp_next(const it_stun_tcp *s);
int it_stun_tcp_output(it_stun_tcp *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
extern const it_object_ops it_stun_tcp_ops;

#endif
