/* Routers and LAN segments: boxes that forward by address and keep no state about flows.
 *
 * A router has a port per link and routes by longest prefix, also back out of the port where a packet came in; it takes
 * one off the hop limit and answers what it cannot forward with ICMP (time exceeded, net unreachable, packet too big).
 * It answers echo requests to its own addresses, and refuses anything else that is sent there. It sends no Redirects: a
 * segment delivers between neighbours itself.
 *
 * A LAN segment is an ideal switch: it delivers to the port that has the destination's address, else to that of the
 * next hop's, without delay of its own and without ARP. */
#ifndef IT_NETSIM_BOX_ROUTER_H
#define IT_NETSIM_BOX_ROUTER_H

#include "netsim/core/world.h"

/* NULL on no memory or a name taken. Ports are added with it_node_add_port. */
it_node *it_router_new(it_world *w, const char *name);

/* Gives |port| of the router its own address of the family of |ip|: what its ICMP errors come from, and what it answers
 * for at any port. Returns 0 or IT_ERR_NOMEM. */
int it_router_addr(it_node *router, int port, it_ip ip) IT_MUST_CHECK;

/* Routes |prefix| to |port| by way of |via| (none: directly attached). Longest prefix wins, then the earliest added.
 * Returns 0 or IT_ERR_NOMEM. */
int it_router_route(it_node *router, it_prefix prefix, int port, it_ip via) IT_MUST_CHECK;

/* Removes the routes for exactly |prefix|; returns how many. */
int it_router_unroute(it_node *router, it_prefix prefix);

/* A LAN segment; NULL on no memory or a name taken. */
it_node *it_lan_new(it_world *w, const char *name);

/* Says that |ip| lives behind |port| of the segment, replacing an earlier place. Returns 0 or IT_ERR_NOMEM. */
int it_lan_learn(it_node *lan, it_ip ip, int port) IT_MUST_CHECK;
/* Forgets |ip|. */
void it_lan_forget(it_node *lan, it_ip ip);

#endif
