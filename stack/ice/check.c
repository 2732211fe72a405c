/* Connectivity checks, the client's side: requests, responses, failures, valid pairs (RFC 8445 section 7.2). */
#include "stack/ice/impl.h"

#include <stdio.h>

int it_ice_request_start(it_ice *a, it_time now, const it_ice_request *q, uint8_t txid[IT_STUN_TXID])
{
    uint8_t bytes[IT_IO_DGRAM_MAX];
    char user[IT_ICE_UFRAG_MAX + 1 + IT_ICE_LOCAL_UFRAG + 1];
    it_buf b;
    it_buf_init(&b, bytes, sizeof bytes);
    it_rng_bytes(&a->rng_txid, txid, IT_STUN_TXID);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    /* RFC 8445 section 7.2.2: their fragment, then ours; their password. */
    const it_ice_far *far = it_ice_far_of(q->gen, q->stream);
    (void)snprintf(user, sizeof user, "%s:%s", far->ufrag, it_ice_creds_of(q->gen, q->stream)->ufrag);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    /* Section 7.1.1: the priority that a peer-reflexive candidate of this base would have. */
    it_stun_put_u32(&b, IT_STUN_PRIORITY, it_ice_prflx_priority(q->local));
    /* Section 7.1.3. */
    it_stun_put_u64(&b, a->controlling ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED, a->tiebreaker);
    if (q->use)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    if (q->nomination)
        it_stun_put_u32(&b, IT_STUN_NOMINATION, q->nomination);
    it_sped *sped = it_ice_sped(a, q->stream, q->local->component);
    if (sped)
        it_sped_put(sped, &b, IT_ICE_SEAL);
    it_stun_put_integrity(&b, &far->key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    IT_ASSERT(n > 0);
    unsigned flags = (a->controlling ? IT_ICE_TAG_CONTROLLING : 0) | (q->use ? IT_ICE_TAG_USE : 0);
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)q->local->flow,
                .local = q->local->base,
                .remote = q->remote,
                .data = it_bytes_of(bytes, (size_t)n)};
    return it_stun_trans_start(a->trans, now, io, q->timing, it_ice_tag(q->kind, flags, q->id));
}

int it_ice_check_start(it_ice *a, it_time now, it_ice_pair *p)
{
    it_ice_request q = {
        .gen = a->gen,
        .stream = p->stream,
        .local = &p->local,
        .remote = p->remote.addr,
        .use = it_ice_check_nominates(a, p), /* RFC 8445 section 7.1.2 */
        .nomination = p->nominating ? p->nomination : 0,
        .timing = it_ice_check_timing(a),
        .kind = IT_ICE_TAG_CHECK,
        .id = p->id,
    };
    if (p->local.transport != IT_ICE_UDP)
        q.timing = it_ice_tcp_timing(0);
    if (p->nominating)
        q.timing = it_ice_nominate_timing(a, p);
    int r = it_ice_request_start(a, now, &q, p->txid);
    if (r)
        return r;
    p->queued = 0;
    p->state = IT_ICE_IN_PROGRESS;
    return 0;
}

/* --- failure: RFC 8445 section 7.2.5.2 --- */

/* Section 7.2.5.3.4: the pair whose nomination failed leaves the valid list. The checklist becomes Failed too when that
 * leaves none, and once patience allows (RFC 8863 section 4); until then another valid pair may be nominated, as none
 * was nominated successfully (section 8.1.1). */
static void pair_nomination_failed(it_ice *a, it_ice_pair *p)
{
    it_ice_stream *s = &a->streams[p->stream];
    it_ice_pair *v = it_ice_pair_by_id(a, p->produced, NULL);
    p->refused = true;
    if (v && !v->nominated) {
        v->valid = false;
        v->state = IT_ICE_PAIR_FAILED;
        it_ice_valid_lost(a, p->stream, p->local.component);
    }
    bool left = false;
    for (size_t i = 0; i < s->n_pairs; i++)
        left |= s->pairs[i]->valid && s->pairs[i]->local.component == p->local.component;
    if (left)
        return;
    s->doomed = true;
    s->why = "the check of the nominated pair failed, RFC 8445 section 7.2.5.3.4";
}

static void pair_failed(it_ice *a, it_ice_pair *p)
{
    bool nomination = p->nominating || p->use;
    p->state = IT_ICE_PAIR_FAILED;
    p->queued = 0;
    p->nominating = p->use = false;
    if (nomination)
        pair_nomination_failed(a, p);
    it_ice_kick(a);
}

void it_ice_pair_refuse(it_ice *a, it_ice_pair *p)
{
    if (p->state != IT_ICE_SUCCEEDED && p->state != IT_ICE_PAIR_FAILED)
        pair_failed(a, p);
}

void it_ice_check_timeout(it_ice *a, it_time now, uint32_t id, const uint8_t txid[IT_STUN_TXID])
{
    (void)now;
    it_ice_pair *p = it_ice_pair_by_id(a, id, NULL);
    /* Section 7.3.1.4: a cancelled transaction's silence is no failure; only the current one's counts. */
    if (p && p->state == IT_ICE_IN_PROGRESS && memcmp(p->txid, txid, IT_STUN_TXID) == 0)
        pair_failed(a, p);
}

void it_ice_role_conflict(it_ice *a, unsigned flags)
{
    bool said = (flags & IT_ICE_TAG_CONTROLLING) != 0;
    if (a->cfg.behaviour.conflict == IT_ICE_CONFLICT_IGNORES)
        return;
    /* Section 7.2.5.1: switch away from the role that the request claimed; a late 487 to an older role changes nothing.
     */
    if (said == a->controlling)
        it_ice_switch_role(a, true);
}

static bool current(const it_ice_pair *p, const it_ice_resp *r)
{
    return p->state == IT_ICE_IN_PROGRESS && memcmp(p->txid, r->msg->txid, IT_STUN_TXID) == 0;
}

static void error_response(it_ice *a, it_ice_pair *p, const it_ice_resp *r)
{
    int code = 0;
    it_bytes reason;
    (void)it_stun_get_error(r->msg, &code, &reason);
    bool cur = current(p, r);
    if (code == 487 && a->cfg.behaviour.conflict == IT_ICE_CONFLICT_IGNORES)
        return; /* as if it had not come: the check goes on until its time is out */
    it_stun_trans_end(a->trans, r->msg->txid);
    if (code == 487) {
        it_ice_role_conflict(a, it_ice_tag_flags(r->tag));
        /* Section 7.2.5.1: the pair goes back to the triggered queue. */
        if (p->state != IT_ICE_SUCCEEDED)
            it_ice_enqueue(a, p);
    } else if (cur) {
        pair_failed(a, p); /* section 7.2.5.2.4 */
    }
}

/* --- success: RFC 8445 section 7.2.5.3 --- */

/* Section 7.2.5.3.1: the local candidate that the mapped address stands for, new ones being peer-reflexive. */
static it_ice_cand mapped_candidate(it_ice *a, const it_ice_pair *p, it_addr mapped)
{
    it_ice_local *l = it_ice_local_find(a, p->stream, p->local.component, p->local.flow, mapped);
    if (l)
        return l->c;
    uint16_t pref = (uint16_t)(p->local.priority >> 8);
    it_ice_cand c = {.kind = IT_ICE_PRFLX,
                     .transport = p->local.transport,
                     .component = p->local.component,
                     .priority = it_ice_prflx_priority(&p->local),
                     .addr = mapped,
                     .base = p->local.base,
                     .flow = p->local.flow};
    l = it_ice_local_add(a, p->stream, &c, pref, (it_ip){0, 0});
    return l ? l->c : c;
}

/* Section 7.2.5.3.2, case 2: the mapped address is another base of ours, whose pair with this remote candidate is the
 * valid one.
 */
static it_ice_pair *other_pair(it_ice *a, const it_ice_pair *p, it_addr mapped)
{
    for (size_t i = 0; i < a->n_locals; i++) {
        const it_ice_cand *c = &a->locals[i].c;
        if (a->locals[i].stream == p->stream && c->component == p->local.component && c->flow != p->local.flow &&
            c->transport == p->local.transport && it_addr_eq(c->addr, mapped) && it_addr_eq(c->addr, c->base))
            return it_ice_pair_find(&a->streams[p->stream], c->flow, c->component, p->remote.addr);
    }
    return NULL;
}

/* Section 7.2.5.3.2: the valid pair that the check of |p| makes. */
static it_ice_pair *make_valid(it_ice *a, it_time now, it_ice_pair *p, it_addr mapped)
{
    it_ice_pair *v = other_pair(a, p, mapped);
    if (v) {
        v->valid_local = v->local;
    } else {
        v = p;
        v->valid_local = mapped_candidate(a, p, mapped);
    }
    v->valid = v->was_valid = true;
    v->checked_by = p->id;
    p->produced = v->id;
    v->valid_prio = it_ice_pair_prio(a->controlling, v->valid_local.priority, v->remote.priority);
    v->last_response = now;
    v->rtt = p->rtt;
    v->took = p->took;
    v->state = IT_ICE_SUCCEEDED;
    v->queued = 0;
    a->streams[p->stream].ever_valid = true;
    it_ice_comp *c = &a->streams[p->stream].comps[p->local.component - 1];
    if (c->first_valid == IT_NEVER) {
        c->first_valid = now;
        it_ice_event ev = {
            .kind = IT_ICE_VALID, .stream = p->stream, .component = p->local.component, .pair = it_ice_pair_view_of(v)};
        it_ice_say(a, &ev, NULL);
    }
    return v;
}

static void success(it_ice *a, it_time now, it_ice_pair *p, const it_ice_resp *r, it_addr mapped)
{
    bool use = (it_ice_tag_flags(r->tag) & IT_ICE_TAG_USE) != 0;
    p->last_response = now;
    p->took = now - r->first;
    if (r->sent == 1) /* a retransmitted request gives no sample: RFC 8489 section 6.2.1 */
        p->rtt = now - r->first;
    it_stun_trans_end(a->trans, r->msg->txid);
    if (p->nominating && !use)
        return; /* an older check of a pair that is being nominated: nothing new */
    if (p->state != IT_ICE_SUCCEEDED) {
        it_ice_event ev = {.kind = IT_ICE_CHECKED, .stream = p->stream, .component = p->local.component};
        ev.pair = it_ice_pair_view_of(p);
        ev.pair.local = p->local;
        it_ice_say(a, &ev, NULL);
    }
    p->state = IT_ICE_SUCCEEDED;
    p->queued = 0;
    it_ice_pair *v = make_valid(a, now, p, mapped);
    it_ice_unfreeze_foundation(a, p); /* section 7.2.5.3.3 */
    it_ice_kick(a);
    /* Section 7.2.5.3.4: nominated by our own USE-CANDIDATE, or by the one that triggered this check. */
    bool chosen = p->nominating || a->cfg.behaviour.nomination != IT_ICE_REGULAR;
    bool nominated = a->controlling ? use && chosen : p->use;
    v->takes_over |= p->takes_over || (p->nominating && p->nomination);
    p->takes_over = p == v && v->takes_over;
    p->nominating = p->use = false;
    if (nominated)
        it_ice_nominated(a, now, v);
}

static bool symmetric(const it_ice_resp *r)
{
    return r->in->flow == r->flow && it_addr_eq(r->in->remote, r->remote) &&
           (it_ip_none(r->in->local.ip) || it_addr_eq(r->in->local, r->local));
}

bool it_ice_not_understood(const it_stun_msg *m)
{
    static const uint16_t known[] = {IT_STUN_PRIORITY, IT_STUN_USE_CANDIDATE};
    return it_stun_unknown(m, known, (int)(sizeof known / sizeof known[0]), NULL, 0) > 0;
}

void it_ice_sped_answered(it_ice *a, int stream, int component, const it_ice_resp *r)
{
    it_stun_msg request;
    it_sped *sped = it_ice_sped(a, stream, component);
    if (!sped || r->msg->cls != IT_STUN_SUCCESS)
        return;
    bool known = it_stun_parse(&request, r->request) == 0;
    if (it_sped_take(sped, r->msg, known ? &request : NULL) < 0)
        it_ice_latch(a, IT_ERR_NOMEM);
}

static void check_response(it_ice *a, it_time now, const it_ice_resp *r)
{
    it_addr mapped;
    it_ice_pair *p = it_ice_pair_by_id(a, it_ice_tag_id(r->tag), NULL);
    if (!p) {
        it_stun_trans_end(a->trans, r->msg->txid);
        return;
    }
    it_ice_sped_answered(a, p->stream, p->local.component, r);
    if (!symmetric(r)) {
        /* Section 7.2.5.2.1: source and destination must mirror the request's. */
        it_stun_trans_end(a->trans, r->msg->txid);
        if (p->state != IT_ICE_SUCCEEDED)
            pair_failed(a, p);
    } else if (r->msg->cls == IT_STUN_ERROR && !it_ice_not_understood(r->msg)) {
        error_response(a, p, r); /* RFC 8489 section 6.3.4: another error fails, whatever its code */
    } else if (it_ice_not_understood(r->msg) || it_stun_get_addr(r->msg, IT_STUN_XOR_MAPPED_ADDRESS, &mapped)) {
        it_ice_blame(a, p->stream, p->local.component,
                     "a Binding response that cannot be used, RFC 8489 sections 6.3.3 and 6.3.4");
        bool cur = current(p, r);
        it_stun_trans_end(a->trans, r->msg->txid);
        if (cur)
            pair_failed(a, p);
    } else {
        success(a, now, p, r, mapped);
    }
}

/* The credentials that a check was sent with. */
static const it_ice_far *check_far(it_ice *a, uint64_t tag)
{
    int stream = -1;
    if (a->gen->n_own)
        (void)it_ice_pair_by_id(a, it_ice_tag_id(tag), &stream);
    return it_ice_far_of(a->gen, stream);
}

void it_ice_response(it_ice *a, it_time now, const it_io *in, const it_stun_msg *m)
{
    it_io q;
    it_ice_resp r = {.in = in, .msg = m};
    if (!it_stun_trans_find(a->trans, m->txid, &r.tag, &q, &r.first, &r.sent))
        return;
    r.local = q.local;
    r.remote = q.remote;
    r.flow = q.flow;
    r.request = q.data;
    switch (it_ice_tag_kind(r.tag)) {
    case IT_ICE_TAG_GATHER:
        it_ice_gather_response(a, now, &r);
        break;
    case IT_ICE_TAG_CHECK:
        /* RFC 8489 section 9.1.4: a response without right integrity is as if it never came; section 7.2.4: with
         * FINGERPRINT. */
        if (it_stun_get(m, IT_STUN_FINGERPRINT) &&
            it_stun_check_response(m, &check_far(a, r.tag)->key, IT_STUN_MESSAGE_INTEGRITY) == 0)
            check_response(a, now, &r);
        break;
    case IT_ICE_TAG_CONSENT:
        it_ice_consent_response(a, now, &r);
        break;
    }
}
