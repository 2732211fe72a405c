/* What runs on the own host of a firewall: the proxy, portal or inspector that its profile asks for, as an app of the
 * driver. */
#ifndef IT_LAB_APPS_OWN_H
#define IT_LAB_APPS_OWN_H

#include "lab/driver/lab.h"
#include "lab/profile/profile.h"
#include "stack/proxy/server.h"

extern const it_object_ops it_app_own;

/* What |a| has on its box's own host (IT_OWN_NONE: nothing) and where: its address, and its ports in |port|, 0 for
 * none. */
enum it_own_kind it_own_what(const it_access_profile *a, it_ip *ip, uint16_t port[2]);

/* The IPv6 address beside the own host's IPv4 address |ip|: fd00:9:: and its 32 bits; none for none. */
it_ip it_own_six(it_ip ip);

/* What an inspector that intercepts, or a portal that answers on 443, has of TLS; all outlive it. */
typedef struct it_own_tls {
    const it_tls_shared *shared;
    const it_tls_cert *ca;     /* signs for the names that are asked for */
    const it_tls_trust *trust; /* roots of servers */
    const it_tls_cert *portal; /* of a portal: of its own name */
} it_own_tls;

/* The object of it_app_own for |fw|, which must outlive it; |rng| becomes its own. |tls|: of an inspector or a portal
 * that speaks TLS, copied; NULL: it does not. NULL without memory. */
void *it_own_new(it_alloc *alloc, it_rng rng, it_fw *fw, const it_access_profile *a, const it_own_tls *tls);
/* Its proxy. */
it_proxy *it_own_proxy(void *own);

#endif
