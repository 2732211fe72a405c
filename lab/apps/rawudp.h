/* A plain UDP socket for scenarios that probe networks: what goes in comes out, nothing is added, nothing is
 * restricted.
 *
 * No model of the discussion: a page could not have it. It measures boxes (birthday probing, port prediction) and
 * floods victims in tests of those who may not. Contract: stack/io.h; a MESSAGE event holds what came in and from
 * where. */
#ifndef IT_LAB_APPS_RAWUDP_H
#define IT_LAB_APPS_RAWUDP_H

#include "lab/driver/lab.h"
#include "stack/proxy/client.h"

#define IT_RAWUDP_BASES 8
#define IT_RAWUDP_QUEUE 4096 /* datagrams that wait to be taken */

typedef struct it_rawudp it_rawudp;

/* Without sockets yet; NULL when there is no memory. |large|: datagrams of up to IT_LAB_LARGE bytes, else
 * IT_IO_DGRAM_MAX. Freeing NULL is allowed. */
it_rawudp *it_rawudp_new(it_alloc *alloc, bool large);
void it_rawudp_free(it_rawudp *u);
/* Sends and receives by the SOCKS5 proxy |via|: OPEN comes when it relays, CLOSED ("socks 7", "remote", "reset") when
 * it does not, or no longer. Before the first output. Returns 0, IT_ERR_RANGE (no SOCKS proxy) or IT_ERR_NOMEM. */
int it_rawudp_via(it_rawudp *u, const it_via *via) IT_MUST_CHECK;
/* Sends |data| (copied) to |to|, |meta| in its IP header; with a proxy in that of the packet to the proxy. Returns 0,
 * IT_ERR_TOOBIG, IT_ERR_NOROUTE (no socket of that family), IT_ERR_STATE (the proxy does not relay), IT_ERR_FULL or
 * IT_ERR_NOMEM. */
int it_rawudp_send(it_rawudp *u, it_addr to, it_bytes data, it_io_meta meta) IT_MUST_CHECK;

extern const it_object_ops it_app_rawudp;

#endif
