/* An Internet Gateway Device of UPnP (IGD:1 or IGD:2) in a box, sans I/O: it speaks SSDP, HTTP and SOAP, its owner
 * makes the mappings.
 *
 *     client --M-SEARCH--> [ server ]                 client --POST--> [ server ] --it_upnp_server_want--> owner (the
 * box)
 *            <-200 OK-----                                   <-200 OK-          <-it_upnp_server_done---
 *
 * Datagrams on port IT_UPNP_SSDP_PORT, streams on that of |cfg|->http, one request a stream, and one to a subscriber
 * for each event. Sources: UPnP Device Architecture 2.0 sections 1.3, 2, 3 and 4; WANIPConnection:1 and :2,
 * sections 2.4 and 2.5; WANCommonInterfaceConfig:1, of which there is what a client needs to tell a line that is up.
 * Not here: announcements of the device itself (NOTIFY of SSDP), counters of traffic, access control of IGD:2 beyond
 * "only for oneself", and remote hosts other than the wildcard (726). */
#ifndef IT_STACK_PORTMAP_UPNP_SERVER_H
#define IT_STACK_PORTMAP_UPNP_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/io.h"
#include "stack/portmap/server.h"

#define IT_UPNP_SSDP_PORT 1900
#define IT_UPNP_HTTP_PORT 49000
#define IT_UPNP_FOREVER UINT32_MAX /* lifetime of a permanent lease */

/* Error codes of WANIPConnection:1 and :2, section 2.5; 4xx, 5xx and 6xx of the device architecture, section 3.1.3. */
enum it_upnp_error {
    IT_UPNP_INVALID_ACTION = 401,
    IT_UPNP_INVALID_ARGS = 402,
    IT_UPNP_ACTION_FAILED = 501,
    IT_UPNP_TOO_LONG = 605,
    IT_UPNP_NOT_AUTHORIZED = 606,
    IT_UPNP_ACTIVE = 703, /* InactiveConnectionStateRequired */
    IT_UPNP_INDEX_INVALID = 713,
    IT_UPNP_NO_SUCH_ENTRY = 714,
    IT_UPNP_NO_WILDCARD_PORT = 716,
    IT_UPNP_CONFLICT = 718,
    IT_UPNP_SAME_PORTS = 724,
    IT_UPNP_ONLY_PERMANENT = 725,
    IT_UPNP_ONLY_WILDCARD_HOST = 726,
    IT_UPNP_NO_PORT_LEFT = 728,
    IT_UPNP_NOT_FOUND = 730,
    IT_UPNP_READ_ONLY = 731,
    IT_UPNP_NO_WILDCARD_INTERNAL = 732,
    IT_UPNP_INCONSISTENT = 733
};

typedef struct it_upnp_server_cfg {
    it_alloc *alloc;
    it_rng rng;          /* of the wait before an answer to M-SEARCH */
    it_addr http;        /* where it accepts streams, as clients can reach it */
    it_ip external;      /* its address outside; none: it has none */
    uint8_t version;     /* of the IGD: 1 or 2 */
    bool permanent_only; /* answers 725 to a lease that ends */
    bool same_ports;     /* answers 724 when internal and external port differ */
} it_upnp_server_cfg;

typedef struct it_upnp_server it_upnp_server;

/* NULL when there is no memory. NULL may be freed. */
it_upnp_server *it_upnp_server_new(const it_upnp_server_cfg *cfg);
void it_upnp_server_free(it_upnp_server *s);

/* The box lost its mappings but those without an end, or has a new address. Those who have subscribed stay and are
 * told. */
void it_upnp_server_reset(it_upnp_server *s, it_ip external);

/* The contract of stack/io.h, for datagrams and streams. After input, want and done until there is nothing wanted. */
int it_upnp_server_input(it_upnp_server *s, it_time now, const it_io *in);
int it_upnp_server_tick(it_upnp_server *s, it_time now);
it_time it_upnp_server_next(const it_upnp_server *s);
int it_upnp_server_output(it_upnp_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* As it_portmap_server_want and _done; a lifetime of IT_UPNP_FOREVER is without end. |result|: enum it_portmap_result.
 */
int it_upnp_server_want(it_upnp_server *s, it_portmap_want *w);
void it_upnp_server_done(it_upnp_server *s, it_time now, uint8_t result, it_addr external);

#endif
