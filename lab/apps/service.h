/* Apps that serve a network from within a box: port mapping servers, for the driver (lab/driver/lab.h). They live on
 * the box's own host (it_nat_self) and make their mappings in the box. */
#ifndef IT_LAB_APPS_SERVICE_H
#define IT_LAB_APPS_SERVICE_H

#include "lab/driver/lab.h"
#include "netsim/nat/nat.h"
#include "stack/portmap/server.h"

extern const it_object_ops it_app_portmap, it_app_igd;

/* The object of it_app_portmap: a server for |nat|, speaking what its profile lists. NULL without memory. */
void *it_service_portmap(it_alloc *alloc, it_nat *nat, it_time now);

/* The object of it_app_igd: an Internet Gateway Device for |nat|, as its profile says; |own| is the address of the
 * box's own host. NULL without memory. */
void *it_service_igd(it_alloc *alloc, it_rng rng, it_nat *nat, it_ip own);

/* Makes or ends the mapping |w| in |nat|, or holds the flow. */
it_portmap_done it_service_carry_out(it_nat *nat, it_time now, const it_portmap_want *w);

#endif
