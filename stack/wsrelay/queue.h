/* Datagrams that wait for a connection that is slower than they come: first in, first out, bounded by number and age.
 * When it is full the oldest goes: of media the latest is worth most. */
#ifndef IT_STACK_WSRELAY_QUEUE_H
#define IT_STACK_WSRELAY_QUEUE_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/time.h"

#define IT_WSRELAY_QUEUE 64 /* datagrams at most */

typedef struct it_wsrelay_item {
    uint8_t *bytes; /* owned */
    size_t n;
    it_time at; /* when it came */
} it_wsrelay_item;

/* All zeros is empty. */
typedef struct it_wsrelay_queue {
    it_wsrelay_item v[IT_WSRELAY_QUEUE];
    size_t at, n;
    uint32_t dropped; /* since the beginning */
} it_wsrelay_queue;

/* Appends a copy of |data|; with |most| (1 to IT_WSRELAY_QUEUE) there already the oldest is dropped. Returns 0 or
 * IT_ERR_NOMEM. */
int it_wsrelay_queue_put(it_wsrelay_queue *q, it_alloc *alloc, it_time now, it_bytes data, size_t most) IT_MUST_CHECK;
/* Drops what came before |since|. */
void it_wsrelay_queue_age(it_wsrelay_queue *q, it_alloc *alloc, it_time since);
/* The oldest; empty when there is none. It stays until it_wsrelay_queue_pop. */
it_bytes it_wsrelay_queue_first(const it_wsrelay_queue *q);
void it_wsrelay_queue_pop(it_wsrelay_queue *q, it_alloc *alloc);
void it_wsrelay_queue_fini(it_wsrelay_queue *q, it_alloc *alloc);

#endif
