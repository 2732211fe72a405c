/* Connectivity checks, the server's side: authentication, role conflicts, peer-reflexive candidates, triggered checks,
 * nomination by the far side (RFC 8445 section 7.3). */
#include "stack/ice/impl.h"

/* A request that came in, as far as it is understood. */
typedef struct arrival {
    const it_stun_msg *msg;
    const it_ice_base *base;
    it_addr from;
    it_ice_gen *gen;
    const it_ice_creds *creds; /* of ours that it was made by */
    uint16_t integrity;        /* the attribute that proved it, 0: not proven */
    uint64_t ufrag_hash;
} arrival;

/* Proves the message in |b| by the password of |creds| and completes it. Returns its size, or an error. */
static int server_seal(it_buf *b, const it_ice_creds *creds, uint16_t integrity)
{
    if (integrity == IT_STUN_MESSAGE_INTEGRITY_SHA256)
        it_stun_put_integrity_sha256(b, &creds->key);
    else if (integrity)
        it_stun_put_integrity(b, &creds->key);
    it_stun_put_fingerprint(b);
    return it_stun_end(b);
}

static void server_send(it_ice *a, const arrival *r, it_ice_outgoing *o)
{
    o->flow = (uint32_t)r->base->flow;
    o->local = r->base->addr;
    o->remote = r->from;
    it_ice_send_raw(a, o);
}

static void server_finish(it_ice *a, const arrival *r, it_buf *b, it_ice_outgoing *o)
{
    int n = server_seal(b, r->creds, r->integrity);
    IT_ASSERT(n > 0);
    o->n = (uint16_t)n;
    o->late = false;
    server_send(a, r, o);
}

/* The success response is written when it is taken. */
static void server_answer_late(it_ice *a, const arrival *r)
{
    it_ice_outgoing o = {.late = true,
                         .integrity = r->integrity,
                         .gen = r->gen->number,
                         .stream = r->base->stream,
                         .component = r->base->component};
    memcpy(o.txid, r->msg->txid, sizeof o.txid);
    server_send(a, r, &o);
}

size_t it_ice_late_answer(it_ice *a, const it_ice_outgoing *o, uint8_t *buf, size_t cap)
{
    const size_t seal = o->integrity == IT_STUN_MESSAGE_INTEGRITY_SHA256 ? 36 + 8 : IT_ICE_SEAL;
    const it_ice_gen *gen = NULL;
    it_buf b;
    for (size_t i = 0; i < a->n_gens; i++)
        if (a->gens[i]->number == o->gen)
            gen = a->gens[i];
    it_sped *sped = it_ice_sped(a, o->stream, o->component);
    if (!gen || !sped)
        return 0;
    it_buf_init(&b, buf, cap);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, o->txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, o->remote);
    it_sped_put(sped, &b, seal);
    int n = server_seal(&b, it_ice_creds_of(gen, o->stream), o->integrity);
    return n > 0 ? (size_t)n : 0;
}

static void server_answer(it_ice *a, const arrival *r)
{
    it_ice_outgoing o;
    it_buf b;
    const it_sped *sped = it_ice_sped(a, r->base->stream, r->base->component);
    if (sped && it_sped_active(sped)) {
        server_answer_late(a, r);
        return;
    }
    it_buf_init(&b, o.data, sizeof o.data);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, r->msg->txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, r->from);
    server_finish(a, r, &b, &o);
}

static void refuse_check(it_ice *a, const arrival *r, int code, const char *reason)
{
    it_ice_outgoing o;
    it_buf b;
    it_buf_init(&b, o.data, sizeof o.data);
    it_stun_begin(&b, IT_STUN_ERROR, IT_STUN_BINDING, r->msg->txid);
    it_stun_put_error(&b, code, reason);
    server_finish(a, r, &b, &o);
}

/* RFC 8489 section 6.3.1: a comprehension-required attribute that is not understood. True when refused. */
static bool refuse_unknown(it_ice *a, const arrival *r)
{
    static const uint16_t known[] = {IT_STUN_PRIORITY, IT_STUN_USE_CANDIDATE};
    uint16_t types[IT_ICE_UNKNOWN_MAX];
    int n = it_stun_unknown(r->msg, known, (int)(sizeof known / sizeof known[0]), types, IT_ICE_UNKNOWN_MAX);
    if (n <= 0)
        return false;
    it_ice_outgoing o;
    it_buf b;
    it_buf_init(&b, o.data, sizeof o.data);
    it_stun_begin(&b, IT_STUN_ERROR, IT_STUN_BINDING, r->msg->txid);
    it_stun_put_error(&b, 420, "Unknown Attribute");
    it_stun_put_types(&b, IT_STUN_UNKNOWN_ATTRIBUTES, types, n < IT_ICE_UNKNOWN_MAX ? n : IT_ICE_UNKNOWN_MAX);
    server_finish(a, r, &b, &o);
    return true;
}

static uint64_t hash_bytes(it_bytes x)
{
    char s[IT_STUN_USERNAME_MAX + 1];
    size_t n = x.n < sizeof s - 1 ? x.n : sizeof s - 1;
    memcpy(s, x.p, n);
    s[n] = 0;
    return it_hash_str(s);
}

/* Finds whose |ufrag| it is. True unless it is nobody's, or another stream's than that of the base (RFC 8839
 * section 5.4): a check of that stream has no business here. */
static bool is_ours(it_ice *a, arrival *r, it_bytes ufrag)
{
    int stream = -1;
    r->creds = it_ice_creds_by_ufrag(a, ufrag, &r->gen, &stream);
    if (stream >= 0 && stream != r->base->stream)
        r->creds = NULL;
    return r->creds != NULL;
}

/* RFC 8489 section 9.1.3 with RFC 8445 section 7.3: our fragment before the colon, integrity by our password. The far
 * side's fragment need not be known yet. True when the request is authentic; else it was refused. */
static bool authentic(it_ice *a, arrival *r)
{
    const it_stun_attr *user = it_stun_get(r->msg, IT_STUN_USERNAME);
    bool integrity = it_stun_get(r->msg, IT_STUN_MESSAGE_INTEGRITY) != NULL ||
                     it_stun_get(r->msg, IT_STUN_MESSAGE_INTEGRITY_SHA256) != NULL;
    if (!user || !integrity) {
        refuse_check(a, r, 400, "Bad Request");
        return false;
    }
    bool known = false;
    const uint8_t *colon = user->value.n ? memchr(user->value.p, ':', user->value.n) : NULL;
    if (colon) {
        size_t n = (size_t)(colon - user->value.p);
        known = is_ours(a, r, it_bytes_of(user->value.p, n));
        r->ufrag_hash = hash_bytes(it_bytes_of(colon + 1, user->value.n - n - 1));
    }
    uint16_t which = 0;
    if (!known || it_stun_check(r->msg, &r->creds->key, &which)) {
        refuse_check(a, r, 401, "Unauthorized");
        return false;
    }
    r->integrity = which;
    return true;
}

/* RFC 8445 section 7.3.1.1. True when the request goes on; else it was answered by 487, or is dropped. */
static bool roles_settled(it_ice *a, const arrival *r)
{
    uint64_t theirs;
    uint16_t same = a->controlling ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED;
    if (it_stun_get_u64(r->msg, same, &theirs))
        return true; /* the other role, or none told: no conflict */
    if (a->cfg.behaviour.conflict == IT_ICE_CONFLICT_IGNORES)
        return false;
    bool larger = a->tiebreaker >= theirs;
    if (larger == a->controlling) {
        /* Controlling and not smaller, or controlled and smaller: the far side has to switch. */
        refuse_check(a, r, 487, "Role Conflict");
        return false;
    }
    it_ice_switch_role(a, false);
    return true;
}

/* --- what an accepted check does: RFC 8445 sections 7.3.1.3 to 7.3.1.5 --- */

static void trigger(it_ice *a, it_ice_pair *p)
{
    it_ice_stream *s = &a->streams[p->stream];
    /* Section 7.3.1.4: a pair that lives again may revive its checklist. */
    if (s->state == IT_ICE_LIST_FAILED) {
        s->state = IT_ICE_RUNNING;
        s->why = NULL;
    }
    /* An In-Progress transaction is cancelled: sent no more, its silence no failure, its response still welcome. */
    if (p->state == IT_ICE_IN_PROGRESS)
        it_stun_trans_cancel(a->trans, p->txid);
    it_ice_enqueue(a, p);
}

static it_ice_pair *pair_of(it_ice *a, const it_ice_early *e, const it_ice_base *b, const it_ice_remote *remote)
{
    it_ice_pair *p = it_ice_pair_find(&a->streams[b->stream], b->flow, b->component, e->remote);
    if (p)
        return p;
    it_ice_local *l = it_ice_local_find(a, b->stream, b->component, b->flow, b->addr);
    if (l && it_ice_pair_add(a, b->stream, &l->c, &remote->c, &p))
        it_ice_latch(a, IT_ERR_NOMEM);
    return p;
}

/* True when a check of the far side from |e|->remote still matters. Section 8.1.2: a nominated component has concluded;
 * a second nomination follows one that failed, or is an RFC 5245 agent's (section 8.1.1). From an address that is new
 * the far side's mapping has changed: a check there shows that data from it is the far side's. */
static bool check_matters(const it_ice_comp *c, const it_ice_remote *remote, bool use)
{
    return !c->nominated || use || !remote;
}

/* What a check says of nomination. */
typedef struct saying {
    bool use;      /* it nominates */
    bool numbered; /* with a number, as both sides renominate */
    bool latest;   /* which is higher than any before */
} saying;

/* Only the controlling side's check may nominate. Of nominations with numbers the highest counts; that one may come
 * again, as it is retransmitted (draft-thatcher-ice-renomination). */
static saying nominates(it_ice *a, const it_ice_base *b, const it_ice_early *e)
{
    uint32_t number = it_ice_renominates(a) ? e->nomination : 0;
    uint32_t highest = it_ice_comp_of(a, b->stream, b->component)->nomination;
    if (!e->use && !number)
        return (saying){.use = false};
    if (a->controlling) {
        it_ice_blame(a, b->stream, b->component, "USE-CANDIDATE from the controlled agent, RFC 8445 section 7.1.2");
        return (saying){.use = false};
    }
    return (saying){.use = !number || number >= highest, .numbered = number != 0, .latest = number > highest};
}

/* The remote candidate that check |e| came from, learnt when it is new; NULL: the check changes nothing. */
static it_ice_remote *remote_of(it_ice *a, const it_ice_base *b, const it_ice_early *e, bool use)
{
    it_ice_remote *remote = it_ice_remote_find(a, b->stream, b->component, b->transport != IT_ICE_UDP, e->remote);
    if (!check_matters(it_ice_comp_of(a, b->stream, b->component), remote, use))
        return NULL;
    if (!remote && e->priority)
        remote = it_ice_remote_learn(a, b, e->remote, e->priority);
    return remote;
}

/* True when another pair than |p| was nominated for its component. */
static bool is_second(const it_ice_comp *c, const it_ice_pair *p)
{
    return c->nominated && c->nominated != p->id && p->produced != c->nominated;
}

/* Section 7.3.1.5: the check of |p| has succeeded, and the far side nominates it. */
static void nominated_by_peer(it_ice *a, it_time now, const it_ice_pair *p)
{
    it_ice_pair *v = it_ice_pair_by_id(a, p->produced, NULL);
    if (!v || !v->valid)
        return;
    v->takes_over |= p->takes_over;
    it_ice_nominated(a, now, v);
}

/* Nomination |number| is the highest yet: of several the last one counts (draft-thatcher-ice-renomination). */
static void take_number(it_ice *a, it_ice_pair *p, uint32_t number)
{
    it_ice_comp_of(a, p->stream, p->local.component)->nomination = number;
    p->takes_over = true;
}

/* True when the last answer of |p|, which the far side's check nominates in another one's place, is too old to be
 * consent (RFC 7675 section 5.1). */
static bool is_stale(it_ice *a, it_time now, const it_ice_pair *p, saying says)
{
    bool anew = says.use && p->produced != it_ice_comp_of(a, p->stream, p->local.component)->nominated;
    it_time age = now - p->last_response;
    return (says.latest && age > a->cfg.consent_interval) || (anew && age > a->cfg.consent_timeout / 2);
}

/* A full agent's part: a triggered check, or a nomination of what has succeeded. */
static void full_accepted(it_ice *a, it_time now, it_ice_pair *p, saying says)
{
    if (says.use && !says.numbered && is_second(it_ice_comp_of(a, p->stream, p->local.component), p))
        it_ice_blame(a, p->stream, p->local.component, "a second nomination for a component, RFC 8445 section 8.1.1");
    if (p->state == IT_ICE_SUCCEEDED && !is_stale(a, now, p, says)) {
        if (says.use)
            nominated_by_peer(a, now, p);
        return;
    }
    trigger(a, p);
    p->use = p->use || says.use;
}

static void accepted(it_ice *a, it_time now, const it_ice_early *e)
{
    const it_ice_base *b = it_ice_base_of(a, e->flow);
    if (!b || !b->gathered)
        return; /* a base that is no candidate of this generation */
    saying says = nominates(a, b, e);
    it_ice_remote *remote = remote_of(a, b, e, says.use);
    if (!remote)
        return;
    it_ice_pair *p = pair_of(a, e, b, remote);
    if (!p)
        return;
    if (says.latest)
        take_number(a, p, e->nomination);
    if (!a->cfg.behaviour.lite)
        full_accepted(a, now, p, says);
    else if (says.use)
        it_ice_lite_nominated(a, now, p);
}

/* Section 7.3: remembered until the far side's credentials are known. One entry for a pair. */
static void server_remember(it_ice *a, const it_ice_early *e)
{
    for (size_t i = 0; i < a->n_early; i++) {
        it_ice_early *x = &a->early[i];
        if (x->flow == e->flow && it_addr_eq(x->remote, e->remote)) {
            bool use = (x->use && x->ufrag_hash == e->ufrag_hash) || e->use;
            uint32_t nomination = x->nomination > e->nomination ? x->nomination : e->nomination;
            *x = *e;
            x->use = use;
            x->nomination = nomination;
            return;
        }
    }
    if (a->n_early >= IT_ICE_EARLY_MAX)
        return;
    if (it_grow(a->cfg.alloc, &a->early, &a->cap_early, a->n_early + 1, sizeof a->early[0]))
        it_ice_latch(a, IT_ERR_NOMEM);
    else
        a->early[a->n_early++] = *e;
}

/* True when a check that came to |b| is of who the far side is said to be in this generation. */
static bool is_far(const it_ice *a, const it_ice_base *b, uint64_t ufrag_hash)
{
    return ufrag_hash == it_hash_str(it_ice_far_of(a->gen, b ? b->stream : -1)->ufrag);
}

void it_ice_early_replay(it_ice *a, it_time now)
{
    /* Those of a stream whose own credentials are not known yet go on waiting. */
    size_t kept = 0;
    for (size_t i = 0; i < a->n_early; i++) {
        const it_ice_early e = a->early[i];
        if (is_far(a, it_ice_base_of(a, e.flow), e.ufrag_hash))
            accepted(a, now, &e);
        else
            a->early[kept++] = e;
    }
    a->n_early = kept;
    it_ice_lists_update(a, now);
}

/* True for a consent check that an agent leaves unanswered as it does not nominate: some servers answer no others. */
static bool is_unwanted_consent(it_ice *a, const arrival *r)
{
    if (!a->cfg.behaviour.consent_needs_use || it_stun_get(r->msg, IT_STUN_USE_CANDIDATE))
        return false;
    const it_ice_sel *s = &it_ice_comp_of(a, r->base->stream, r->base->component)->sel;
    return s->gen && s->view.local.flow == r->base->flow && it_addr_eq(s->view.remote.addr, r->from);
}

/* What the authentic check |m| to base |b| carries of DTLS. */
static void take_embedded(it_ice *a, const it_ice_base *b, const it_stun_msg *m)
{
    it_sped *sped = it_ice_sped(a, b->stream, b->component);
    if (sped && it_sped_take(sped, m, NULL) < 0)
        it_ice_latch(a, IT_ERR_NOMEM);
}

void it_ice_serve(it_ice *a, it_time now, const it_io *in, const it_stun_msg *m)
{
    arrival r = {.msg = m, .base = it_ice_base_of(a, (int)in->flow), .from = in->remote};
    /* Section 7.3: FINGERPRINT MUST be used, so what lacks it is not for us. RFC 768: source port 0 wants no answer. */
    if (!r.base || !it_ice_addr_usable(in->remote) || !it_stun_get(m, IT_STUN_FINGERPRINT) || !authentic(a, &r) ||
        refuse_unknown(a, &r) || is_unwanted_consent(a, &r))
        return;
    it_ice_lite_heard(a, now, r.base->flow, r.from);
    if (r.gen != a->gen) {
        /* Section 9: an earlier generation's checks are answered (consent on its selected pair) and touch nothing. */
        server_answer(a, &r);
        return;
    }
    if (!roles_settled(a, &r))
        return;
    it_ice_early e = {.flow = r.base->flow, .remote = r.from, .ufrag_hash = r.ufrag_hash};
    bool prio = it_stun_get_u32(m, IT_STUN_PRIORITY, &e.priority) == 0;
    if (!prio || e.priority == 0 || e.priority > INT32_MAX) {
        /* Section 7.1.1: PRIORITY MUST be there. */
        it_ice_blame(a, r.base->stream, r.base->component, "a check without a proper PRIORITY, RFC 8445 section 7.1.1");
        refuse_check(a, &r, 400, "Bad Request");
        return;
    }
    e.use = it_stun_get(m, IT_STUN_USE_CANDIDATE) != NULL;
    (void)it_stun_get_u32(m, IT_STUN_NOMINATION, &e.nomination); /* stays 0 where there is none */
    take_embedded(a, r.base, m);
    server_answer(a, &r);
    it_ice_event heard = {.kind = IT_ICE_HEARD, .stream = r.base->stream, .component = r.base->component};
    heard.pair.local.flow = r.base->flow;
    heard.pair.remote.addr = r.from;
    it_ice_say(a, &heard, NULL);
    if (a->gen->have_remote && is_far(a, r.base, r.ufrag_hash))
        accepted(a, now, &e);
    else if (!a->gen->have_remote || a->n_streams > 1)
        server_remember(a, &e);
}
