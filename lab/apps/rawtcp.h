/* A plain TCP socket for scenarios that probe networks: a connection, maybe through a proxy, or a listener that may
 * echo.
 *
 * No model of the discussion: a page could not have it. Events: OPEN when the far end is reached, MESSAGE for bytes as
 * they come (a stream has no bounds), CLOSED with who did it, or why ("local", "remote", "reset", "refused", "timeout",
 * "unreachable", "http 407", "socks 2", "tls unknown-ca", "tls alert unknown_ca"). With TLS over it OPEN is told when
 * the handshake is done, FIN is close_notify, and the lines of a key log are SECRET. Contract: stack/io.h. */
#ifndef IT_LAB_APPS_RAWTCP_H
#define IT_LAB_APPS_RAWTCP_H

#include "lab/driver/lab.h"
#include "stack/proxy/client.h"
#include "stack/tls/tls.h"

typedef struct it_rawtcp it_rawtcp;

/* A connection to |to|, by |via|, which may be asked for |name| (NULL: none) instead of an address; with TLS over it as
 * |tls| says, whose |alloc| and |log_keys| are ours to choose (NULL: none). NULL without memory or with a name that is
 * none. */
it_rawtcp *it_rawtcp_connect(it_alloc *alloc, const it_via *via, it_addr to, const char *name, const it_tls_cfg *tls);
/* Lets a connection that is about to be opened leave from |port| of its host, which may listen there, too. */
void it_rawtcp_from(it_rawtcp *t, uint16_t port);
/* What takes connections (it_lab_serve): |echo| sends back what comes; else nothing is said until it_rawtcp_send to the
 * latest. |tls|: likewise. */
it_rawtcp *it_rawtcp_listen(it_alloc *alloc, bool echo, const it_tls_cfg *tls);
/* Lets small segments leave at once, of streams that begin from now on; by default one waits for the one before. */
void it_rawtcp_nodelay(it_rawtcp *t);
/* NULL is allowed. */
void it_rawtcp_free(it_rawtcp *t);

#define IT_RAWTCP_SEND (1u << 20) /* the most that one send takes */
/* Sends |data| (copied). Returns 0, IT_ERR_STATE (not open, or closed), IT_ERR_TOOBIG (more than IT_RAWTCP_SEND),
 * IT_ERR_NOMEM, or IT_ERR_FULL: with what waits already it would be more than IT_STREAM_BUF. Where nothing waits any
 * size is taken, so that whoever tries again gets on. */
int it_rawtcp_send(it_rawtcp *t, it_bytes data) IT_MUST_CHECK;
/* The bytes that wait on the |k|-th open stream of those on which some do, and its flow; 0 past the last. */
size_t it_rawtcp_waiting(const it_rawtcp *t, size_t k, uint32_t *flow);
/* No more is sent: FIN behind what waits; with |abort| a RST. CLOSED comes at once. */
void it_rawtcp_close(it_rawtcp *t, it_time now, bool abort);

/* Half a close: FIN behind what waits, and nothing more is sent; what the peer still says comes as before, CLOSED when
 * it closes too. Returns 0 or IT_ERR_STATE: not open, or closed. */
int it_rawtcp_finish(it_rawtcp *t) IT_MUST_CHECK;

extern const it_object_ops it_app_rawtcp;

#endif
