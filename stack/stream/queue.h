/* Bytes on their way, first in, first out: bounded, and nothing is allocated. */
#ifndef IT_STACK_STREAM_QUEUE_H
#define IT_STACK_STREAM_QUEUE_H

#include "base/bytes.h"

#define IT_QUEUE_MAX 16384

/* All zeros is empty. */
typedef struct it_queue {
    size_t at, n; /* of |buf|: the bytes that are there */
    uint8_t buf[IT_QUEUE_MAX];
} it_queue;

/* Appends |data| as far as there is room. Returns how many bytes. */
size_t it_queue_put(it_queue *q, it_bytes data);
/* Moves up to |most| bytes into |out|. Returns how many. */
size_t it_queue_take(it_queue *q, uint8_t *out, size_t most);

#endif
