/* A host that asks for one name: a stub resolver (stack/dns/stub.h) as an object of its own.
 *
 *     base of the server's family -> queries ... -> event RESOLVED: addresses, or why there are none */
#ifndef IT_STACK_DNS_RESOLVER_H
#define IT_STACK_DNS_RESOLVER_H

#include "stack/dns/stub.h"
#include "stack/object.h"

typedef struct it_resolver it_resolver;

/* Asks |server| for the addresses of |name| (copied) of IPv4, IPv6 or both, from the first base of the server's family.
 * NULL without memory or for what is no name. */
it_resolver *it_resolver_new(it_alloc *alloc, it_rng rng, it_addr server, const char *name, bool v4, bool v6);

/* Its table: input, tick, next, output, event, free. */
extern const it_object_ops it_resolver_ops;

#endif
