/* A server that has TLS and none on the same port, as a layer: the first byte of a stream tells which (RFC 8446 section
 * 5.1: a handshake's first record begins with 22, which no text does). Until it has come nothing is said. */
#ifndef IT_STACK_TLS_EITHER_H
#define IT_STACK_TLS_EITHER_H

#include "stack/tls/tls.h"

/* Makes the layer; |cfg| as it_tls_layer's, of a server. No layer (ops NULL) without memory. */
it_layer it_tls_or_plain(const it_tls_cfg *cfg);
/* As it_tls_secret, of |l|'s TLS; 0 where there is none. */
int it_tls_either_secret(const it_layer *l, char line[IT_TLS_LINE_MAX]);

#endif
