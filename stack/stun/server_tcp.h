/* A STUN server over TCP (RFC 8489 section 6.2.2): Binding requests one behind the other in a stream, each answered
 * with the address that the stream comes from. Inside is a server of datagrams, without credentials.
 *
 * The owner lets it accept streams. A client that writes anything but STUN, or more than MESSAGE bytes in one message,
 * is reset; one that has ended is ended, too. */
#ifndef IT_STACK_STUN_SERVER_TCP_H
#define IT_STACK_STUN_SERVER_TCP_H

#include "stack/stun/server.h"

#define IT_STUN_TCP_CONNS 256 /* streams at a time; more are reset */

typedef struct it_stun_tcp it_stun_tcp;

/* NULL when there is no memory. |cfg|: as of a server by UDP. */
it_stun_tcp *it_stun_tcp_new(const it_stun_server_cfg *cfg);
void it_stun_tcp_free(it_stun_tcp *s);

/* As stack/io.h; negative results are IT_ERR_NOMEM. */
int it_stun_tcp_input(it_stun_tcp *s, it_time now, const it_io *in);
int it_stun_tcp_output(it_stun_tcp *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
extern const it_object_ops it_stun_tcp_ops;

#endif
