/* Events that wait for their owner. */
#include "stack/rtmfp/flow/event.h"

#define PRINT 32 /* bytes of a fingerprint */

void it_rtmfp_events_init(it_rtmfp_events *q, it_alloc *alloc)
{
    *q = (it_rtmfp_events){.alloc = alloc};
    q->end = &q->first;
}

void it_rtmfp_events_fini(it_rtmfp_events *q)
{
    it_free(q->alloc, q->given);
    for (it_rtmfp_told *t = q->first, *next; t; t = next) {
        next = t->next;
        it_free(q->alloc, t);
    }
}

/* Copies |view| to the end of |b|. */
static void event_copy(it_buf *b, it_bytes *view)
{
    const uint8_t *at = b->p + b->len;
    it_buf_put(b, view->p, view->n);
    view->p = at;
}

int it_rtmfp_events_put(it_rtmfp_events *q, const it_rtmfp_event *ev, uint8_t **data)
{
    it_buf b;
    size_t room = ev->epd.n + ev->tag.n + PRINT + ev->data.n;
    it_rtmfp_told *t = it_malloc(q->alloc, sizeof *t + room);
    if (!t)
        return IT_ERR_NOMEM;
    t->next = NULL;
    t->ev = *ev;
    it_buf_init(&b, t->bytes, room);
    event_copy(&b, &t->ev.epd);
    event_copy(&b, &t->ev.tag);
    if (ev->print) {
        t->ev.print = b.p + b.len;
        it_buf_put(&b, ev->print, PRINT);
    }
    t->ev.data.p = b.p + b.len;
    if (data)
        *data = b.p + b.len;
    *q->end = t;
    q->end = &t->next;
    return 0;
}

int it_rtmfp_events_take(it_rtmfp_events *q, it_rtmfp_event *out)
{
    it_free(q->alloc, q->given);
    q->given = q->first;
    if (!q->first)
        return 0;
    q->first = q->first->next;
    if (!q->first)
        q->end = &q->first;
    *out = q->given->ev;
    return 1;
}
