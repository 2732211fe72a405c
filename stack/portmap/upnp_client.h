/* A control point that keeps one mapping at an Internet Gateway Device, sans I/O.
 *
 *     searching -> describing -> adding -> asking the address -> mapped -> (renewal: adding) ... -> release
 *          \------------\-----------\--> failed
 *
 * M-SEARCH by multicast, three times; then one stream for each request: the description, AddAnyPortMapping (IGD:2) or
 * AddPortMapping, GetExternalIPAddress, in the end DeletePortMapping. What the gateway refuses is tried otherwise where
 * WANIPConnection says how: a port in use (718) the next one, leases that may not end (725) without end, ports that
 * must be the same (724) so. Renewed at half the lease. Where streams are accepted for it, it subscribes to the
 * gateway's events: another address, fewer mappings than before or an event that was missed have it add the mapping
 * again within a second. Without, or with a gateway that has none, that is found out at the next renewal. */
#ifndef IT_STACK_PORTMAP_UPNP_CLIENT_H
#define IT_STACK_PORTMAP_UPNP_CLIENT_H

#include "stack/portmap/client.h"

typedef struct it_upnp_client it_upnp_client;

/* Of |cfg| it uses alloc, rng, local, listens, proto, internal, external, lifetime and give_up (0: 10 s); begins to
 * search at |now|. NULL when there is no memory. NULL may be freed. */
it_upnp_client *it_upnp_client_new(const it_portmap_client_cfg *cfg, it_time now);
void it_upnp_client_free(it_upnp_client *c);

/* Gives the mapping back: one DeletePortMapping, whose answer is not waited for. */
void it_upnp_client_release(it_upnp_client *c, it_time now);

/* The contract of stack/io.h, for datagrams and streams. */
int it_upnp_client_input(it_upnp_client *c, it_time now, const it_io *in);
int it_upnp_client_tick(it_upnp_client *c, it_time now);
it_time it_upnp_client_next(const it_upnp_client *c);
int it_upnp_client_output(it_upnp_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* As of it_portmap_client, |how| being "upnp"; a lifetime of UINT32_MAX has no end. */
int it_upnp_client_event(it_upnp_client *c, it_portmap_event *ev);
/* The error code of the gateway's last refusal, 0 when there was none. */
uint32_t it_upnp_client_code(const it_upnp_client *c);

#endif
