/* A ring of datagrams. */
#include "stack/wsrelay/queue.h"

void it_wsrelay_queue_pop(it_wsrelay_queue *q, it_alloc *alloc)
{
    it_free(alloc, q->v[q->at].bytes);
    q->v[q->at].bytes = NULL;
    q->at = (q->at + 1) % IT_WSRELAY_QUEUE;
    q->n--;
}

int it_wsrelay_queue_put(it_wsrelay_queue *q, it_alloc *alloc, it_time now, it_bytes data, size_t most)
{
    uint8_t *copy = it_malloc(alloc, data.n);
    if (!copy)
        return IT_ERR_NOMEM;
    if (data.n)
        memcpy(copy, data.p, data.n);
    while (q->n >= most) {
        it_wsrelay_queue_pop(q, alloc);
        q->dropped++;
    }
    q->v[(q->at + q->n++) % IT_WSRELAY_QUEUE] = (it_wsrelay_item){copy, data.n, now};
    return 0;
}

void it_wsrelay_queue_age(it_wsrelay_queue *q, it_alloc *alloc, it_time since)
{
    while (q->n && q->v[q->at].at < since) {
        it_wsrelay_queue_pop(q, alloc);
        q->dropped++;
    }
}

it_bytes it_wsrelay_queue_first(const it_wsrelay_queue *q)
{
    if (q->n == 0)
        return it_bytes_of(NULL, 0);
    return it_bytes_of(q->v[q->at].bytes, q->v[q->at].n);
}

void it_wsrelay_queue_fini(it_wsrelay_queue *q, it_alloc *alloc)
{
    while (q->n)
        it_wsrelay_queue_pop(q, alloc);
}
