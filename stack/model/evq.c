/* The queue of model events. */
#include "stack/model/evq.h"

#include <string.h>

void it_evq_init(it_evq *q, it_alloc *alloc)
{
    *q = (it_evq){.alloc = alloc};
}

void it_evq_fini(it_evq *q)
{
    for (size_t i = 0; i < q->n; i++)
        it_free(q->alloc, q->v[q->head + i].bytes);
    it_free(q->alloc, q->taken);
    it_free(q->alloc, q->v);
    it_evq_init(q, q->alloc);
}

int it_model_event_own(it_alloc *alloc, it_model_event *ev, uint8_t **block)
{
    const char **texts[] = {&ev->why, &ev->user};
    size_t need = ev->data.n;
    *block = NULL;
    for (size_t i = 0; i < 2; i++)
        need += *texts[i] ? strlen(*texts[i]) + 1 : 0;
    if (!need)
        return 0;
    uint8_t *p = *block = it_malloc(alloc, need);
    if (!p)
        return IT_ERR_NOMEM;
    if (ev->data.n)
        memcpy(p, ev->data.p, ev->data.n);
    ev->data.p = p;
    p += ev->data.n;
    for (size_t i = 0; i < 2; i++) {
        if (!*texts[i])
            continue;
        size_t n = strlen(*texts[i]) + 1;
        memcpy(p, *texts[i], n);
        *texts[i] = (const char *)p;
        p += n;
    }
    return 0;
}

void it_evq_put(it_evq *q, const it_model_event *ev, int media)
{
    if (q->head && q->head + q->n == q->cap) {
        memmove(q->v, q->v + q->head, q->n * sizeof *q->v);
        q->head = 0;
    }
    if (it_grow(q->alloc, &q->v, &q->cap, q->head + q->n + 1, sizeof *q->v) < 0) {
        q->oom = true;
        return;
    }
    it_evq_entry *e = &q->v[q->head + q->n];
    *e = (it_evq_entry){*ev, media, NULL};
    if (it_model_event_own(q->alloc, &e->ev, &e->bytes) < 0)
        q->oom = true;
    else
        q->n++;
}

int it_evq_take(it_evq *q, it_model_event *ev, int *media)
{
    it_free(q->alloc, q->taken);
    q->taken = NULL;
    if (!q->n)
        return 0;
    it_evq_entry *e = &q->v[q->head++];
    q->n--;
    if (!q->n)
        q->head = 0;
    *ev = e->ev;
    if (media)
        *media = e->media;
    q->taken = e->bytes;
    return 1;
}
