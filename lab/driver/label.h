/* Names for what datagrams carry, for traces, ladders and link:drop{label=}: STUN by method and class, ICE checks by
 * what tells them from other STUN requests, DTLS by record and handshake type.
 *
 *     Binding request, Binding success, Binding error 401      to and from a STUN server
 *     check, check USE-CANDIDATE, check success, check error 487
 *     DTLS ClientHello, DTLS Finished, DTLS data, voice, data
 *     Send check, Data check success, Channel voice            the same through a TURN server
 *
 * The answers to checks look like any other: they are known by the transaction of a check sent before, as are
 * retransmissions. */
#ifndef IT_LAB_DRIVER_LABEL_H
#define IT_LAB_DRIVER_LABEL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/table/map.h"
#include "stack/stun/msg.h"

#define IT_LABEL_TEXT 64
#define IT_LABEL_TXNS 4096 /* transactions remembered, the oldest forgotten first */

/* A request that was sent: its transaction and the packet that carried it first. */
typedef struct it_label_txn {
    uint64_t id[2];
    bool used, check;
    uint64_t packet;
} it_label_txn;

typedef struct it_labels {
    it_alloc *alloc;
    it_map known; /* transaction -> its place in |v| */
    it_label_txn *v;
    size_t n, cap, next;  /* |next| is the oldest once there are IT_LABEL_TXNS */
    it_label_txn pending; /* the request named last and not yet known; |used| says whether there is one */
} it_labels;

/* Starts to remember; allocates nothing. Gives the memory back. */
void it_labels_init(it_labels *l, it_alloc *alloc);
void it_labels_fini(it_labels *l);

/* Writes the name of |payload| into |out|. Returns the id of the packet that carried this request first, 0 when
 * |payload| is no request sent before. */
uint64_t it_label_name(it_labels *l, it_bytes payload, char out[IT_LABEL_TEXT]);

/* Says that the payload named last left as |packet|. Returns 0 or IT_ERR_NOMEM. */
int it_label_sent(it_labels *l, uint64_t packet) IT_MUST_CHECK;

#endif
