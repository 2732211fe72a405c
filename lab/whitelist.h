/* The standing rule "whitelist": towards an address that has not answered a check, a model E host sends only STUN.
 *
 * An observer of the world, independent of the code that enforces the rule: it reads the packets that leave a host, remembers which
 * binding requests got a success response from where, and counts everything else. */
#ifndef IT_LAB_WHITELIST_H
#define IT_LAB_WHITELIST_H

#include "netsim/world.h"

typedef struct it_whitelist it_whitelist;

/* Watches |w| from now on; NULL on no memory. Freed by it_whitelist_free, after the world. */
it_whitelist *it_whitelist_new(it_alloc *alloc, it_world *w);
void it_whitelist_free(it_whitelist *x);

/* Says that the sockets of |host| on local port |port| belong to model E. Returns 0 or IT_ERR_NOMEM. */
int it_whitelist_watch(it_whitelist *x, const it_node *host, uint16_t port);

/* Violations so far; |text| (64 + IT_ADDR_TEXT bytes) gets the first. */
uint64_t it_whitelist_count(const it_whitelist *x, char text[128]);

#endif
