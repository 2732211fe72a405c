/* Two network namespaces with one link between, for as long as the process lives that made them: nothing of this
 * reaches the machine's own network.
 *
 *     side 0, the caller: 10.77.0.1, fd77::1  ---- veth ----  side 1: 10.77.0.2, fd77::2
 *
 * The link is named "wire": libnice leaves out what begins with "veth". Side 0 also has 10.77.0.9, where a server may
 * be: whoever speaks to it from side 1 seems to be 10.77.0.12. There are no link-local addresses: what a link is cut
 * for is cut. */
#ifndef IT_CONFORMANCE_INTEROP_NET_H
#define IT_CONFORMANCE_INTEROP_NET_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define IT_INTEROP_SERVER "10.77.0.9"
#define IT_INTEROP_MAPPED "10.77.0.12"

typedef enum it_interop_families { IT_INTEROP_IPV4 = 1, IT_INTEROP_IPV6 = 2, IT_INTEROP_DUAL = 3 } it_interop_families;

typedef struct it_interop_net {
    pid_t far;   /* holds side 1 */
    int side[2]; /* the namespaces */
    it_interop_families families;
} it_interop_net;

/* Moves the calling process into a namespace of its own, side 0, and makes side 1. Without root in a user namespace,
 * too. Returns 0, or IT_ERR_UNSUPPORTED when this machine cannot, IT_ERR_IO when a command failed. */
int it_interop_net_make(it_interop_net *n, it_interop_families families, const char *log) IT_MUST_CHECK;
/* Translates what side 1 sends to the server. IT_ERR_UNSUPPORTED: without nft. */
int it_interop_net_translate(const it_interop_net *n, const char *log) IT_MUST_CHECK;
/* Gives side 0 the server's address, and lets side 1 hear only what comes of its port 3478 and of ports from 49152 up,
 * which are those of relayed addresses and of nobody else (RFC 8656 section 7.2). IT_ERR_UNSUPPORTED: without nft. */
int it_interop_net_relay(const it_interop_net *n, const char *log) IT_MUST_CHECK;
/* Neither side lets in a connection by TCP that it has not begun to open itself, and nobody is told of one that was not
 * let in. IT_ERR_UNSUPPORTED: without nft. */
int it_interop_net_wall(const it_interop_net *n, const char *log) IT_MUST_CHECK;
/* From now on no packet arrives, and nobody is told: every neighbour has an address that nobody has. */
int it_interop_net_cut(const it_interop_net *n, const char *log) IT_MUST_CHECK;
void it_interop_net_end(it_interop_net *n);

#endif
