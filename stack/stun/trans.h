/* Client transactions over UDP: retransmission by RTO, Rc, Rm (RFC 8489 section 6.2.1) for any number of requests at
 * once.
 *
 * A fixed table of transactions, each holding its message. The owner sends what output returns, feeds responses by
 * transaction id and learns of time-outs. Authentication and meaning of responses are the owner's. */
#ifndef IT_STACK_STUN_TRANS_H
#define IT_STACK_STUN_TRANS_H

#include "base/alloc.h"
#include "stack/io.h"
#include "stack/stun/msg.h"

typedef struct it_stun_timing {
    it_time rto; /* initial, 500 ms SHOULD */
    uint32_t rc; /* requests at most, 7 */
    uint32_t rm; /* last wait in units of RTO, 16 */
} it_stun_timing;

#define IT_STUN_TIMING_DEFAULT ((it_stun_timing){500 * IT_MS, 7, 16})

typedef struct it_stun_trans it_stun_trans;

/* An empty table; NULL when there is no memory. */
it_stun_trans *it_stun_trans_new(it_alloc *alloc);
void it_stun_trans_free(it_stun_trans *t);

/* Starts a transaction for the complete request |msg| (copied) from |local| to |remote|; |tag| is the owner's. With
 * |rc| 1 it is sent once (RFC 7675). The first output is due at once. Returns 0 or IT_ERR_NOMEM; IT_ERR_TOOBIG for more
 * than IT_IO_DGRAM_MAX bytes; IT_ERR_RANGE for less than a header or a timing without a positive rto and rc;
 * IT_ERR_EXISTS when the transaction id is in use. After an error nothing has changed. */
int it_stun_trans_start(it_stun_trans *t, it_time now, it_io msg, it_stun_timing timing, uint64_t tag) IT_MUST_CHECK;

/* Finds the transaction of a response's id; returns 1 and fills |tag|, |request| (views until the next call), |first|
 * (when it was first sent) and |sent| (how often). Any pointer may be NULL. 0 when there is none. Does not end it. */
int it_stun_trans_find(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID], uint64_t *tag, it_io *request,
                       it_time *first, uint32_t *sent);
/* Ends a transaction by id; all with |tag|. Nothing happens when there is none. */
void it_stun_trans_end(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID]);
void it_stun_trans_end_tag(it_stun_trans *t, uint64_t tag);
/* RFC 8445 sections 7.3.1.4 and 8.1.2: no more retransmissions, but a response still counts until the time-out, which
 * comes when it would have come otherwise. A first transmission that output has not fetched yet still goes out. */
void it_stun_trans_cancel(it_stun_trans *t, const uint8_t txid[IT_STUN_TXID]);

/* A hard ICMP error: the transaction whose request |error| quotes, if it went to |error|->remote, has failed (RFC 8489
 * section 6.2.1). It is taken by it_stun_trans_timeout. Returns 1, or 0 when the error is soft, quotes no whole header
 * with a transaction's id, which only who has seen the request can know (RFC 5927), or is about another one. */
int it_stun_trans_error(it_stun_trans *t, const it_io *error);
/* The transaction that |error| is about, as of it_stun_trans_error, and its |tag|: 1, or 0. Changes nothing. */
int it_stun_trans_quoted(it_stun_trans *t, const it_io *error, uint64_t *tag);

/* How many transactions run: neither ended nor timed out. */
uint32_t it_stun_trans_count(const it_stun_trans *t);

/* The clocks of stack/io.h: retransmissions become due, the last wait ends. */
int it_stun_trans_tick(it_stun_trans *t, it_time now);
it_time it_stun_trans_next(const it_stun_trans *t);
/* As in stack/io.h. */
int it_stun_trans_output(it_stun_trans *t, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Takes one timed-out transaction: 1 and its tag and id, or 0. */
int it_stun_trans_timeout(it_stun_trans *t, uint64_t *tag, uint8_t txid[IT_STUN_TXID]);

#endif
