/* A queue of bytes in one block. */
#include "stack/stream/queue.h"

#include <string.h>

size_t it_queue_put(it_queue *q, it_bytes data)
{
    size_t room = IT_QUEUE_MAX - q->n, n = data.n < room ? data.n : room;
    if (n == 0)
        return 0;
    if (q->at + q->n + n > IT_QUEUE_MAX) {
        memmove(q->buf, q->buf + q->at, q->n);
        q->at = 0;
    }
    memcpy(q->buf + q->at + q->n, data.p, n);
    q->n += n;
    return n;
}

size_t it_queue_take(it_queue *q, uint8_t *out, size_t most)
{
    size_t n = q->n < most ? q->n : most;
    if (n == 0)
        return 0;
    memcpy(out, q->buf + q->at, n);
    q->n -= n;
    q->at = q->n ? q->at + n : 0;
    return n;
}
