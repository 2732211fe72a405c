/* Names for what datagrams carry, for traces, ladders and link:drop{label=}: STUN by method and class, ICE checks by
 * what tells them from other STUN requests, DTLS by record and handshake type.
 *
 *     Binding request, Binding success, Binding error 401      to and from a STUN server
 *     check, check USE-CANDIDATE, check success, check error 487
 *     DTLS ClientHello, DTLS Finished, DTLS data, voice, data
 *
 * The answers to checks look like any other: they are known by the transaction of a check sent before, as are
 * retransmissions. */
#ifndef IT_LAB_DRIVER_LABEL_H
#define IT_LAB_DRIVER_LABEL_H

#include "base/bytes.h"
#include "stack/stun/msg.h"

#define IT_LABEL_TEXT 64
#define IT_LABEL_TXNS 128 /* transactions remembered, the oldest forgotten first */

/* A request that was sent: its transaction and the packet that carried it first. */
typedef struct it_label_txn {
    uint8_t id[IT_STUN_TXID];
    bool used, check;
    uint64_t packet;
} it_label_txn;

/* All zero is empty. */
typedef struct it_labels {
    it_label_txn v[IT_LABEL_TXNS];
    size_t next;
    it_label_txn pending; /* the request named last and not yet known; |used| says whether there is one */
} it_labels;

/* Writes the name of |payload| into |out|. Returns the id of the packet that carried this request first, 0 when
 * |payload| is no request sent before. */
uint64_t it_label_name(it_labels *l, it_bytes payload, char out[IT_LABEL_TEXT]);

/* Says that the payload named last left as |packet|. */
void it_label_sent(it_labels *l, uint64_t packet);

#endif
