/* Where a control point hears the events of a gateway: the streams that come in, one at a time, and what there is in
 * them to be worried about. UPnP Device Architecture 2.0 section 4.3.2. Part of stack/portmap/upnp_client.h, which
 * subscribes. */
#ifndef IT_STACK_PORTMAP_UPNP_EAR_H
#define IT_STACK_PORTMAP_UPNP_EAR_H

#include "stack/io.h"

#include <stdbool.h>

#define IT_UPNP_SID 80

typedef struct it_upnp_ear {
    char sid[IT_UPNP_SID]; /* of the subscription; "": there is none, nothing is believed */
    bool any;              /* an event has come, the next two are of it */
    uint32_t seq, entries;
    bool open, say, fin; /* a stream is open; an answer, a FIN is to be put out */
    bool good;           /* the answer: 200 or 412 */
    uint32_t flow, room;
    size_t n_in;
    uint8_t in[2048];
} it_upnp_ear;

/* Takes what comes on an accepted stream; |gateway| is the only one who is listened to, |external| the address outside
 * as it is known. True when an event says that a mapping may not be there any more: another address, fewer mappings
 * than before, an event that was missed. */
bool it_upnp_ear_input(it_upnp_ear *e, const it_io *in, it_ip gateway, it_ip external);

/* The answer to an event, or the end of its stream: 1 when there is one. */
int it_upnp_ear_output(it_upnp_ear *e, it_io *out, uint8_t *buf, size_t cap);

#endif
