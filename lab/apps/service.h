/* Apps that serve a network: port mapping servers and their client, name servers, DNS64 and a stub resolver, for the
 * driver (lab/driver/lab.h).
 *
 * Servers of a box live on the box's own host (it_nat_self); the port mapping server makes its mappings in the box. */
#ifndef IT_LAB_APPS_SERVICE_H
#define IT_LAB_APPS_SERVICE_H

#include "lab/driver/lab.h"
#include "netsim/nat/nat.h"
#include "stack/dns/dns64.h"
#include "stack/dns/server.h"
#include "stack/dns/stub.h"
#include "stack/portmap/client.h"
#include "stack/portmap/server.h"

extern const it_app_ops it_app_portmap, it_app_igd, it_app_mapper, it_app_dns, it_app_dns64, it_app_resolver;

/* The object of it_app_portmap: a server for |nat|, speaking what its profile lists. NULL without memory. */
void *it_service_portmap(it_alloc *alloc, it_nat *nat, it_time now);

/* The object of it_app_igd: an Internet Gateway Device for |nat|, as its profile says; |own| is the address of the
 * box's own host. NULL without memory. */
void *it_service_igd(it_alloc *alloc, it_rng rng, it_nat *nat, it_ip own);

/* Makes or ends the mapping |w| in |nat|, or holds the flow. */
it_portmap_done it_service_carry_out(it_nat *nat, it_time now, const it_portmap_want *w);

/* The object of it_app_mapper: keeps one mapping at |cfg|->server, or with |upnp| at the gateway that it finds;
 * |cfg|->local is filled in by the driver. */
void *it_service_mapper(const it_portmap_client_cfg *cfg, bool upnp);
/* Its last event, false before the first. */
bool it_service_mapped(const void *mapper, it_portmap_event *ev);
void it_service_release(void *mapper, it_time now);
/* As it_portmap_client_filter and _ask; after a filter there is no last event until it is known how it went. */
int it_service_filter(void *mapper, it_time now, const it_portmap_filter *f, size_t n) IT_MUST_CHECK;
void it_service_ask(void *mapper, it_time now);

/* The object of it_app_resolver: asks |server| for the addresses of |name| of IPv4, IPv6 or both (stack/dns/stub.h).
 * NULL without memory or for what is no name. */
void *it_service_resolver(it_alloc *alloc, it_rng rng, it_addr server, const char *name, bool v4, bool v6);
/* True when there is an answer, or none will come. */
bool it_service_resolved(const void *resolver, it_dns_stub_answer *a);

#endif
