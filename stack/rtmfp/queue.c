/* What waits: packets for output, events for the owner. */
#include "stack/rtmfp/impl.h"

void it_rtmfp_note(it_rtmfp *r, int err)
{
    if (err < 0 && err != IT_ERR_FULL && r->err == 0)
        r->err = err;
}

/* A packet at the end of the queue, for the caller to fill in. */
static it_rtmfp_packet *queue_push(it_rtmfp *r, it_bytes chunks, int *err)
{
    *err = IT_ERR_FULL;
    if (r->outs >= IT_RTMFP_QUEUE)
        return NULL;
    *err = IT_ERR_NOMEM;
    it_rtmfp_packet *p = it_malloc(r->alloc, sizeof *p + chunks.n);
    if (!p)
        return NULL;
    *p = (it_rtmfp_packet){.n = chunks.n};
    memcpy(p->chunks, chunks.p, chunks.n);
    *r->out_end = p;
    r->out_end = &p->next;
    r->outs++;
    *err = 0;
    return p;
}

int it_rtmfp_queue_startup(it_rtmfp *r, const it_rtmfp_path *path, uint32_t sid, it_bytes chunks)
{
    int err;
    it_rtmfp_packet *p = queue_push(r, chunks, &err);
    if (!p)
        return err;
    p->startup = true;
    p->sid = sid;
    p->path = *path;
    return 0;
}

int it_rtmfp_queue_session(it_rtmfp *r, const it_rtmfp_session *s, it_bytes chunks)
{
    int err;
    it_rtmfp_packet *p = queue_push(r, chunks, &err);
    if (p)
        p->session = s->no;
    return err;
}

int it_rtmfp_queue_elsewhere(it_rtmfp *r, const it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes chunks)
{
    int err;
    it_rtmfp_packet *p = queue_push(r, chunks, &err);
    if (!p)
        return err;
    p->session = s->no;
    p->elsewhere = true;
    p->path = *path;
    return 0;
}

it_rtmfp_packet *it_rtmfp_queue_pop(it_rtmfp *r)
{
    it_rtmfp_packet *p = r->out;
    if (!p)
        return NULL;
    r->out = p->next;
    if (!r->out)
        r->out_end = &r->out;
    r->outs--;
    return p;
}

void it_rtmfp_tell(it_rtmfp *r, const it_rtmfp_event *ev)
{
    it_rtmfp_note(r, it_rtmfp_events_put(&r->events, ev, NULL));
}

void it_rtmfp_tell_end(it_rtmfp *r, const it_rtmfp_session *s, enum it_rtmfp_event_kind kind, enum it_rtmfp_cause cause)
{
    static const char *const WHY[] = {
        [IT_RTMFP_CAUSE_NONE] = "",
        [IT_RTMFP_CAUSE_NEAR] = "this end has closed it (RFC 7016 section 3.5.5)",
        [IT_RTMFP_CAUSE_FAR] = "the far end has closed it (RFC 7016 section 3.5.5)",
        [IT_RTMFP_CAUSE_SILENCE] = "Pings stayed unanswered (RFC 7016 section 3.5.4.1)",
        [IT_RTMFP_CAUSE_TIMEOUT] = "it did not open within 95 s (RFC 7016 section 3.5.1.1.1)",
        [IT_RTMFP_CAUSE_OVERRIDDEN] = "its far end has opened another one (RFC 7016 section 3.5.1.1.2)",
        [IT_RTMFP_CAUSE_LIBRARY] = "a packet could not be sealed"};
    it_rtmfp_event ev = {
        .kind = kind, .session = s->no, .initiator = s->initiator, .cause = cause, .why = WHY[cause], .path = s->path};
    it_rtmfp_tell(r, &ev);
}

int it_rtmfp_event_next(it_rtmfp *r, it_rtmfp_event *out)
{
    return it_rtmfp_events_take(&r->events, out);
}

void it_rtmfp_queue_wipe(it_rtmfp *r)
{
    for (it_rtmfp_packet *p; (p = it_rtmfp_queue_pop(r));)
        it_free(r->alloc, p);
    it_rtmfp_events_fini(&r->events);
}
