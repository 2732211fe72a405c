/* The vocabulary of services: what protocol objects that are no models tell their owners, beside that of models
 * (stack/model/model.h). */
#ifndef IT_STACK_SERVICE_H
#define IT_STACK_SERVICE_H

#include "base/addr.h"
#include "base/bytes.h"

enum it_service_kind {
    IT_SERVICE_MAPPED,   /* a port mapping, or a held flow, stands: |addr| is its address outside */
    IT_SERVICE_REFUSED,  /* it was refused, or nobody answered: |code| says which */
    IT_SERVICE_LOST,     /* it is gone */
    IT_SERVICE_RESOLVED, /* a name was answered, or never will be: |code|, |ip| */
    IT_SERVICE_LOGIN,    /* |addr| has logged in at a portal */
    IT_SERVICE_UP,       /* a session stands: messages pass */
    IT_SERVICE_DOWN,     /* it does not, or could not be opened: |code| says why, |how| in a word */
    IT_SERVICE_MESSAGE,  /* |data| came |from| somebody */
    IT_SERVICE_UNSENT    /* |data| for |from| will not arrive: |code| is its number, |how| says why */
};

typedef struct it_service_event {
    enum it_service_kind kind;
    it_addr addr;
    uint32_t lifetime; /* MAPPED: seconds; REFUSED: for how long the same will be refused, 0: not known */
    int code;          /* REFUSED, LOST: enum it_portmap_result; RESOLVED: enum it_dns_rcode, -1: no answer came;
                          DOWN: enum it_signal_why */
    const char *how;   /* MAPPED: "pcp", "natpmp" or "upnp"; DOWN, UNSENT: a word; static storage */
    const char
        *from; /* MESSAGE: whose, UNSENT: whom it was for; borrowed, as |data|, until the next call on the object */
    it_bytes data;
    const it_ip *ip; /* RESOLVED: |n| addresses; borrowed until the next call on the object */
    size_t n;
} it_service_event;

#endif
