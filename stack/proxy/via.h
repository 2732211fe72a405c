/* The way through a proxy as a layer (stack/stream/layer.h): it asks for the server when the stream to the proxy has
 * opened, tells OPENED when the proxy has agreed, and passes everything on from then on. A proxy that refuses is RST,
 * and it_via_client has the status. Without a proxy (IT_VIA_NONE) it passes everything on at once. */
#ifndef IT_STACK_PROXY_VIA_H
#define IT_STACK_PROXY_VIA_H

#include "base/alloc.h"
#include "stack/proxy/client.h"
#include "stack/stream/layer.h"

/* Makes the layer: by |via| to |to|, or to its port of host |name| (NULL: none), as it_proxy_client_init. No layer (ops
 * NULL) without memory, or with a name that is none. */
it_layer it_via_layer(it_alloc *alloc, const it_via *via, it_addr to, const char *name);
/* What it has come to: state and status. Lives as long as the layer. */
const it_proxy_client *it_via_client(const it_layer *l);

#endif
