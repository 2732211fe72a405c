/* Between a session and its flows. */
#include "stack/rtmfp/impl.h"

void it_rtmfp_flows_touch(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    it_rtmfp_flows *f = &s->flows;
    it_rtmfp_note(r, f->err);
    f->err = 0;
    if (f->answered) /* what was acknowledged proves both directions as a Ping Reply does */
        s->pinging = false;
    else if (f->stalled && !s->pinging)
        it_rtmfp_ping(r, now, s); /* whether the far end is there at all */
    f->answered = f->stalled = false;
    it_bits_add(&r->ready, s->slot);
}

void it_rtmfp_urgent_note(it_rtmfp *r, it_time now, const it_rtmfp_session *s, const it_rtmfp_head *h)
{
    if (!h->tc)
        return;
    if (r->urgent[0].session != s->no)
        r->urgent[1] = r->urgent[0];
    r->urgent[0] = (it_rtmfp_urgent){s->no, now};
}

bool it_rtmfp_urgent_elsewhere(const it_rtmfp *r, it_time now, const it_rtmfp_session *s)
{
    for (int i = 0; i < 2; i++)
        if (r->urgent[i].session != s->no && now - r->urgent[i].at <= IT_RTMFP_URGENT)
            return true;
    return false;
}

/* The open session |no|, about to be given a command; NULL: there is none. */
static it_rtmfp_session *flows_session(it_rtmfp *r, uint32_t no)
{
    it_rtmfp_session *s = it_rtmfp_session_no(r, no);
    return s && s->state == IT_RTMFP_OPENED ? s : NULL;
}

/* The command of |s| gave |err|: what it has changed is sent. */
static int flows_done(it_rtmfp *r, it_time now, it_rtmfp_session *s, int err)
{
    r->err = 0;
    it_rtmfp_flows_touch(r, now, s);
    it_rtmfp_session_arm(r, now, s);
    return err ? err : r->err;
}

int it_rtmfp_flow_open(it_rtmfp *r, it_time now, uint32_t session, const it_rtmfp_flow_opts *o, uint64_t *id)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_open(&s->flows, o, id));
}

int it_rtmfp_flow_write(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, it_bytes data,
                        const it_rtmfp_write_opts *o, uint64_t *message)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_write(&s->flows, id, data, o, message));
}

int it_rtmfp_flow_abandon(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, uint64_t message)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_abandon(&s->flows, id, message));
}

int it_rtmfp_flow_close(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, bool abandon)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_close(&s->flows, id, abandon));
}

int it_rtmfp_flow_reject(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, uint64_t code)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_reject(&s->flows, id, code));
}

int it_rtmfp_flow_tune(it_rtmfp *r, it_time now, uint32_t session, uint64_t id, const it_rtmfp_recv_opts *o)
{
    it_rtmfp_session *s = flows_session(r, session);
    if (!s)
        return IT_ERR_NOTFOUND;
    return flows_done(r, now, s, it_rtmfp_flows_tune(&s->flows, id, o));
}

size_t it_rtmfp_flow_queued(const it_rtmfp *r, uint32_t session, uint64_t id)
{
    const it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s || s->state != IT_RTMFP_OPENED)
        return 0;
    return it_rtmfp_flows_queued(&s->flows, id);
}
