/* Consent and keepalives of selected pairs (RFC 7675, RFC 8445 section 11), across restarts. */
#include "stack/ice/impl.h"

static it_time consent_step(it_ice *a)
{
    /* RFC 7675 section 5.1: each interval is randomised between 0.8 and 1.2 times the period. */
    it_time t = a->cfg.consent_interval;
    if (a->cfg.behaviour.consent_fixed)
        return t;
    return it_rng_range(&a->rng_consent, t - t / 5, t + t / 5);
}

static void end_requests(it_ice *a, it_ice_sel *s)
{
    for (unsigned flags = 0; flags < 4; flags++)
        it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_CONSENT, flags, s->serial));
    s->n_sent = 0;
}

void it_ice_sel_drop(it_ice *a, it_time now, it_ice_comp *c)
{
    it_ice_sel *s = &c->sel;
    if (!s->gen)
        return;
    end_requests(a, s);
    s->gen->users--;
    if (s->gen != a->gen && s->gen->until < now + IT_ICE_LINGER)
        s->gen->until = now + IT_ICE_LINGER;
    *s = (it_ice_sel){.gen = NULL};
}

void it_ice_sel_start(it_ice *a, it_time now, it_ice_comp *c, const it_ice_pair *p)
{
    it_ice_sel_drop(a, now, c);
    it_ice_sel *s = &c->sel;
    *s = (it_ice_sel){
        .gen = a->gen,
        .serial = ++a->last_id,
        .view = it_ice_pair_view_of(p),
        .last_sent = now,
        .consent_at = IT_NEVER,
        .consent_end = IT_NEVER,
    };
    a->gen->users++;
    it_ice_relay_selected(a, now, s->view.local.flow, s->view.remote.addr);
    if (a->cfg.consent_interval <= 0 || !it_ice_asks(a))
        return;
    /* RFC 7675 section 5: the check's success was the first consent. */
    s->consent_end = p->last_response + a->cfg.consent_timeout;
    if (!a->cfg.behaviour.lite) /* which sends no checks; the far side's stand for the answers (lite.c) */
        s->consent_at = now + consent_step(a);
}

void it_ice_consent_lost(it_ice *a, it_time now, int stream, int component, const char *why)
{
    it_ice_comp *c = it_ice_comp_of(a, stream, component);
    /* RFC 7675 section 5.1: outstanding transactions are discarded, the credentials not used on this 5-tuple again. */
    it_ice_sel_drop(a, now, c);
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_CONSENT_LOST, .stream = stream, .component = component, .why = why},
               NULL);
}

static void consent_ask(it_ice *a, it_time now, int stream, it_ice_sel *s)
{
    uint8_t txid[IT_STUN_TXID];
    it_ice_request q = {
        .gen = s->gen,
        .stream = stream,
        .local = &s->view.local,
        .remote = s->view.remote.addr,
        .use = a->controlling && a->cfg.behaviour.consent_nominates,
        /* RFC 7675 section 5.1: sent once, under an id of its own; any response before expiry counts. */
        .timing = {.rto = a->cfg.consent_timeout, .rc = 1, .rm = 1},
        .kind = IT_ICE_TAG_CONSENT,
        .id = s->serial,
    };
    s->consent_at = now + consent_step(a);
    int r = it_ice_request_start(a, now, &q, txid);
    if (r) {
        it_ice_latch(a, r);
        return;
    }
    if (s->n_sent < IT_ICE_CONSENT_OUT)
        s->sent[s->n_sent++] = now;
    s->view.asked = now;
    if (s->view.unanswered == IT_NEVER)
        s->view.unanswered = now;
}

/* RFC 8445 section 11: a Binding indication with nothing but FINGERPRINT. */
static void keep_alive(it_ice *a, it_time now, it_ice_sel *s)
{
    it_ice_outgoing o = {
        .flow = (uint32_t)s->view.local.flow, .local = s->view.local.base, .remote = s->view.remote.addr};
    uint8_t txid[IT_STUN_TXID];
    it_buf b;
    it_rng_bytes(&a->rng_txid, txid, sizeof txid);
    it_buf_init(&b, o.data, sizeof o.data);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_BINDING, txid);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    IT_ASSERT(n > 0);
    o.n = (uint16_t)n;
    s->last_sent = now;
    it_ice_send_raw(a, &o);
}

static void sel_tick(it_ice *a, it_time now, int stream, int component)
{
    it_ice_sel *s = &it_ice_comp_of(a, stream, component)->sel;
    if (!s->gen)
        return;
    if (now >= s->consent_end) {
        it_ice_consent_lost(a, now, stream, component, "no response in the consent time, RFC 7675 section 5.1");
        return;
    }
    if (now >= s->consent_at)
        consent_ask(a, now, stream, s);
    if (now >= s->last_sent + a->cfg.keepalive)
        keep_alive(a, now, s);
}

void it_ice_consent_tick(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++)
            sel_tick(a, now, (int)i, c);
}

static it_time consent_least(it_time x, it_time y)
{
    return x < y ? x : y;
}

it_time it_ice_consent_next(const it_ice *a)
{
    it_time at = IT_NEVER;
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            const it_ice_sel *s = &a->streams[i].comps[c].sel;
            if (s->gen)
                at = consent_least(
                    at, consent_least(consent_least(s->consent_at, s->consent_end), s->last_sent + a->cfg.keepalive));
        }
    return at;
}

static bool sel_by_serial(const it_ice *a, uint32_t serial, int *stream, int *component)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++)
            if (a->streams[i].comps[c - 1].sel.gen && a->streams[i].comps[c - 1].sel.serial == serial) {
                *stream = (int)i;
                *component = c;
                return true;
            }
    return false;
}

/* The request of time |first| is answered, and with it all earlier ones. */
static void answered(it_ice_sel *s, it_time now, it_time first)
{
    int gone = 0;
    while (gone < s->n_sent && s->sent[gone] <= first)
        gone++;
    memmove(s->sent, s->sent + gone, (size_t)(s->n_sent - gone) * sizeof s->sent[0]);
    s->n_sent -= gone;
    s->view.unanswered = s->n_sent ? s->sent[0] : IT_NEVER;
    s->view.asked = s->n_sent ? s->sent[s->n_sent - 1] : IT_NEVER;
    s->view.last_response = now;
    s->view.rtt = now - first; /* sent once, so always a sample */
}

/* The far side answered our check of the selected pair with an error. */
static void consent_refused(it_ice *a, it_time now, int stream, int component, const it_ice_resp *r)
{
    int code = 0;
    it_bytes reason;
    bool readable = it_stun_get_error(r->msg, &code, &reason) == 0;
    if (readable && code == 403)
        it_ice_consent_lost(a, now, stream, component, "revoked by a 403 response, RFC 7675 section 5.2");
    else if (code == 487 && it_ice_comp_of(a, stream, component)->sel.gen == a->gen)
        it_ice_role_conflict(a, it_ice_tag_flags(r->tag));
}

void it_ice_consent_response(it_ice *a, it_time now, const it_ice_resp *r)
{
    int stream, component;
    if (!sel_by_serial(a, it_ice_tag_id(r->tag), &stream, &component))
        return;
    it_ice_sel *s = &it_ice_comp_of(a, stream, component)->sel;
    if (!it_stun_get(r->msg, IT_STUN_FINGERPRINT) ||
        it_stun_check_response(r->msg, &it_ice_far_of(s->gen, stream)->key, IT_STUN_MESSAGE_INTEGRITY))
        return;
    it_ice_sped_answered(a, stream, component, r);
    it_stun_trans_end(a->trans, r->msg->txid);
    /* From the remote peer's transport address, to ours (RFC 7675 section 5.1). */
    if (r->in->flow != r->flow || !it_addr_eq(r->in->remote, r->remote) || it_ice_not_understood(r->msg))
        return;
    if (r->msg->cls == IT_STUN_SUCCESS) {
        answered(s, now, r->first);
        s->consent_end = now + a->cfg.consent_timeout;
        return;
    }
    consent_refused(a, now, stream, component, r);
}

void it_ice_note_sent(it_ice *a, it_time now, int flow, it_addr remote)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            it_ice_sel *s = &a->streams[i].comps[c].sel;
            if (s->gen && s->view.local.flow == flow && it_addr_eq(s->view.remote.addr, remote))
                s->last_sent = now;
        }
}

void it_ice_sent_data(it_ice *a, it_time now, int stream, int component)
{
    it_ice_comp *c = it_ice_comp_of(a, stream, component);
    if (c && c->sel.gen)
        c->sel.last_sent = now;
}

void it_ice_revoke(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++)
            if (a->streams[i].comps[c - 1].sel.gen)
                it_ice_consent_lost(a, now, (int)i, c, "ended by the far side, RFC 7675 section 5.2");
}

void it_ice_sel_lose(it_ice *a, it_time now, int stream, int component)
{
    it_ice_sel_drop(a, now, it_ice_comp_of(a, stream, component));
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_LOST, .stream = stream, .component = component}, NULL);
}
