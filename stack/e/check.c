/* Model E's checks: what goes out under the rate limits, what is answered, and what counts as a success. */
#include "stack/e/impl.h"

#include <stdio.h>
#include <string.h>

#define LAST_WAIT 16 /* RTOs after the last transmission: RFC 8489 section 6.2.1, Rm */

/* --- out --- */

/* True for two addresses in one network as small as they are given to one customer: a /24, a /64. */
static bool same_net(it_ip a, it_ip b)
{
    if (it_ip_is4(a) != it_ip_is4(b))
        return false;
    if (it_ip_is4(a))
        return it_ip_v4(a) >> 8 == it_ip_v4(b) >> 8;
    return a.hi == b.hi;
}

/* The limits that bound what a script can make strangers receive. */
static int limit(it_e *e, it_time now, const e_base *base, it_addr to)
{
    if (now < e->free_at)
        return IT_ERR_RATE;
    int machine = 0, net = 0, sum = 0;
    for (size_t i = 0; i < e->n_running; i++) {
        const e_trans *t = &e->running[i];
        machine += it_ip_eq(t->remote.ip, to.ip);
        if (t->permitted)
            continue;
        net += same_net(t->remote.ip, to.ip);
        sum++;
    }
    if (machine >= IT_E_UNANSWERED)
        return IT_ERR_RATE;
    if (it_whitelist_find(&e->white, now, base->flow, to))
        return 0; /* no stranger: it has just consented */
    return net >= IT_E_UNANSWERED_NET || sum >= IT_E_UNANSWERED_SUM ? IT_ERR_RATE : 0;
}

/* The RTO of a check of |w|, NULL for a stranger. RFC 8489 section 6.2.1 wants it estimated from round trips: a check
 * that is sent once waits 16 of them, which on a long way is to be two answers' time; but no longer than consent lasts
 * (RFC 7675 section 5.1). */
static it_time rto_of(const it_e *e, const it_white *w)
{
    it_time rto = e->cfg.timers.rto, most = e->white.life / LAST_WAIT;
    it_time wanted = w ? 2 * w->took / LAST_WAIT : 0;
    if (wanted > most)
        wanted = most;
    return wanted > rto ? wanted : rto;
}

/* Starts the transaction |t| with the finished message in |b|. */
static int start_transaction(it_e *e, it_time now, it_buf *b, const e_base *base, e_trans *t, int tries)
{
    const it_white *w = it_whitelist_find(&e->white, now, base->flow, t->remote);
    it_stun_timing timing = {rto_of(e, w), tries ? (uint32_t)tries : 7, LAST_WAIT};
    int n = it_stun_end(b);
    if (n < 0)
        return IT_ERR_RANGE;
    if (it_grow(e->alloc, &e->running, &e->cap_running, e->n_running + 1, sizeof *e->running) < 0)
        return IT_ERR_NOMEM;
    t->tag = ++e->last_tag;
    t->flow = base->flow;
    t->started = now;
    t->permitted = w != NULL;
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)base->flow,
                .local = base->addr,
                .remote = t->remote,
                .data = it_bytes_of(b->p, (size_t)n)};
    int err = it_stun_trans_start(e->trans, now, io, timing, t->tag);
    if (err < 0)
        return err;
    e->running[e->n_running++] = *t;
    e->free_at = now + IT_E_GAP;
    return 0;
}

static void begin_request(it_e *e, it_buf *b, uint8_t *bytes, size_t cap)
{
    uint8_t txid[IT_STUN_TXID];
    it_rng_bytes(&e->rng_txid, txid, sizeof txid);
    it_buf_init(b, bytes, cap);
    it_stun_begin(b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
}

/* RFC 8839 section 5.4: 1 to |max| ice-chars. */
static bool check_text_good(const char *text, size_t max)
{
    static const char CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text);
    return n >= 1 && n <= max && strspn(text, CHARS) == n;
}

static bool check_good(const it_e_check *t)
{
    if (!check_text_good(t->ufrag, IT_E_UFRAG_MAX) || !check_text_good(t->pwd, IT_E_PWD_MAX))
        return false;
    if (t->priority > INT32_MAX)
        return false;
    if (t->tries < 0 || t->tries > 7)
        return false;
    return !t->nominate || t->controlling; /* RFC 8445 section 7.1.2 */
}

int it_e_test(it_e *e, it_time now, const it_e_check *t)
{
    uint8_t bytes[768];
    char user[IT_E_UFRAG_MAX + 1 + IT_E_UFRAG_MAX + 1];
    it_buf b;
    if (!check_good(t))
        return IT_ERR_RANGE;
    if (!it_ice_addr_usable(t->to))
        return IT_ERR_PERM; /* RFC 8445 section 5.1.1.1: no candidate; what listens on loopback is no far side */
    const e_base *base = it_e_base(e, t->to, t->from);
    if (!base)
        return IT_ERR_NOROUTE;
    uint64_t far = it_hash_str(t->ufrag), creds = it_hash_mix(far, it_hash_str(t->pwd));
    if (it_whitelist_spent(&e->white, now, base->flow, t->to, creds))
        return IT_ERR_PERM; /* RFC 7675 section 5.1: only an ICE restart regains consent */
    int err = limit(e, now, base, t->to);
    if (err < 0)
        return err;
    e_trans x = {.remote = t->to, .nominate = t->nominate, .far = far, .creds = creds};
    it_stun_key_short(&x.key, it_bytes_str(t->pwd));
    begin_request(e, &b, bytes, sizeof bytes);
    /* RFC 8445 section 7.2.2: their fragment, then ours; their password. */
    (void)snprintf(user, sizeof user, "%s:%s", t->ufrag, e->gen.ufrag);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    it_stun_put_u32(&b, IT_STUN_PRIORITY, t->priority ? t->priority : it_ice_priority(IT_ICE_PRFLX, UINT16_MAX, 1));
    it_stun_put_u64(&b, t->controlling ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED, e->tiebreaker);
    if (t->nominate)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    it_stun_put_integrity(&b, &x.key);
    it_stun_put_fingerprint(&b);
    err = start_transaction(e, now, &b, base, &x, t->tries);
    if (err == 0)
        it_e_pump(e, now); /* a session waits for the answer from now on: its clocks are to know */
    return err;
}

int it_e_probe(it_e *e, it_time now, it_addr server, it_addr from, int tries)
{
    uint8_t bytes[64];
    it_buf b;
    bool known = false;
    for (int i = 0; i < e->cfg.n_stun; i++)
        known |= it_addr_eq(e->cfg.stun[i], server);
    if (!known)
        return IT_ERR_PERM;
    if (tries < 0 || tries > 7)
        return IT_ERR_RANGE;
    const e_base *base = it_e_base(e, server, from);
    if (!base)
        return IT_ERR_NOROUTE;
    int err = limit(e, now, base, server);
    if (err < 0)
        return err;
    e_trans x = {.remote = server, .probe = true};
    begin_request(e, &b, bytes, sizeof bytes);
    it_stun_put_fingerprint(&b);
    return start_transaction(e, now, &b, base, &x, tries);
}

/* --- the answers to ours --- */

static e_trans *running(it_e *e, uint64_t tag)
{
    for (size_t i = 0; i < e->n_running; i++)
        if (e->running[i].tag == tag)
            return &e->running[i];
    return NULL;
}

static void end_transaction(it_e *e, e_trans *t)
{
    size_t i = (size_t)(t - e->running);
    it_stun_trans_end_tag(e->trans, t->tag);
    memmove(t, t + 1, (e->n_running - i - 1) * sizeof *t);
    e->n_running--;
}

void it_e_check_drop_base(it_e *e, int flow)
{
    for (size_t i = e->n_running; i-- > 0;)
        if (e->running[i].flow == flow)
            end_transaction(e, &e->running[i]);
}

void it_e_timeouts(it_e *e)
{
    uint64_t tag;
    uint8_t txid[IT_STUN_TXID];
    while (it_stun_trans_timeout(e->trans, &tag, txid) > 0) {
        e_trans *t = running(e, tag);
        if (!t)
            continue;
        for (size_t i = 0; i < e->white.n && !t->probe; i++) {
            it_white *w = &e->white.v[i];
            if (w->flow == t->flow && it_addr_eq(w->remote, t->remote) && t->started > w->answered &&
                t->started < w->missed)
                w->missed = t->started;
        }
        end_transaction(e, t);
    }
}

/* RFC 8489 section 6.2.1: a question to a STUN server has failed when a hard ICMP error quotes it. A check has not: its
 * NAT refuses what the far side has not asked for yet, and which candidates are behind one only the application knows.
 */
int it_e_icmp(it_e *e, const it_io *in)
{
    uint64_t tag;
    const e_trans *t = it_stun_trans_quoted(e->trans, in, &tag) ? running(e, tag) : NULL;
    if (t && t->probe && it_stun_trans_error(e->trans, in))
        it_e_timeouts(e);
    return 0;
}

it_time it_e_unanswered(it_e *e, const it_white *w, it_time *asked)
{
    it_time since = w->missed;
    *asked = w->missed;
    for (size_t i = 0; i < e->n_running; i++) {
        const e_trans *t = &e->running[i];
        if (t->probe || t->flow != w->flow || !it_addr_eq(t->remote, w->remote) || t->started <= w->answered)
            continue;
        if (t->started < since)
            since = t->started;
        if (*asked == IT_NEVER || t->started > *asked)
            *asked = t->started;
    }
    return since;
}

static void on_reflexive(it_e *e, it_time now, e_trans *t, it_addr mapped)
{
    const e_base *b = it_e_base_of(e, t->flow);
    it_addr server = t->remote;
    end_transaction(e, t);
    if (!b)
        return;
    e->mapped[e->mapped_at] = mapped;
    e->mapped_flow[e->mapped_at] = b->flow;
    e->mapped_at = (e->mapped_at + 1) % E_MAPPED;
    e->n_mapped += e->n_mapped < E_MAPPED;
    it_e_emit(e, now, (it_model_event){.kind = IT_EV_REFLEXIVE, .local = mapped, .base = b->addr, .remote = server});
}

static int on_success(it_e *e, it_time now, e_trans *t, it_addr mapped, const char *user)
{
    const e_base *b = it_e_base_of(e, t->flow);
    e_trans was = *t;
    end_transaction(e, t);
    if (!b)
        return 0;
    it_white w = {.flow = was.flow, .remote = was.remote, .reflexive = mapped, .far = was.far, .creds = was.creds};
    w.took = now - was.started;
    w.rtt = was.once ? w.took : 0;
    int err = it_whitelist_allow(&e->white, now, &w, was.started);
    if (err == IT_ERR_PERM) {
        /* RFC 7675 section 5.1: a response after expiry does not re-establish consent. */
        it_e_emit(
            e, now,
            (it_model_event){.kind = IT_EV_PEER, .why = "a response after consent expired, RFC 7675 section 5.1"});
        return 0;
    }
    if (err >= 0)
        err = it_gate_vouch(&e->gate, now, was.flow, was.remote);
    if (err < 0)
        return err;
    it_model_event ev = {.kind = IT_EV_SUCCESS, .remote = was.remote, .local = mapped, .base = b->addr, .user = user};
    ev.nominate = was.nominate;
    it_e_emit(e, now, ev);
    return 0;
}

/* Whom |request| asked: the fragment before the colon of its USERNAME. */
static void far_fragment(const it_io *request, char out[IT_E_UFRAG_MAX + 1])
{
    it_stun_msg q;
    const it_stun_attr *a = it_stun_parse(&q, request->data) == 0 ? it_stun_get(&q, IT_STUN_USERNAME) : NULL;
    size_t n = 0;
    while (a && n < a->value.n && n < IT_E_UFRAG_MAX && a->value.p[n] != ':')
        n++;
    if (n)
        memcpy(out, a->value.p, n);
    out[n] = '\0';
}

/* A response to |t|: what of it counts. */
static int response(it_e *e, it_time now, const it_io *in, const it_stun_msg *m, e_trans *t, const it_io *request)
{
    static const uint16_t known[] = {IT_STUN_PRIORITY, IT_STUN_USE_CANDIDATE};
    char user[IT_E_UFRAG_MAX + 1];
    uint16_t unknown[1];
    it_addr mapped;
    /* RFC 8445 section 7.2.5.2.1: from exactly the address that was asked, at exactly the base that asked. Anyone
     * else's answer is as if it never came: it must not end the transaction either. */
    if (in->flow != request->flow || !it_addr_eq(in->remote, request->remote)) {
        it_e_emit(
            e, now,
            (it_model_event){.kind = IT_EV_PEER, .why = "a response from another address, RFC 8445 section 7.2.5.2.1"});
        return 0;
    }
    /* RFC 8489 section 9.1.4: without right integrity it never came; RFC 8445 section 7.2.4: nor without FINGERPRINT.
     */
    if (!t->probe &&
        (!it_stun_get(m, IT_STUN_FINGERPRINT) || it_stun_check_response(m, &t->key, IT_STUN_MESSAGE_INTEGRITY) < 0)) {
        it_e_emit(
            e, now,
            (it_model_event){.kind = IT_EV_PEER, .why = "a response that is not authentic, RFC 8489 section 9.1.4"});
        return 0;
    }
    if (m->cls == IT_STUN_ERROR || it_stun_unknown(m, known, (int)(sizeof known / sizeof *known), unknown, 1) > 0 ||
        it_stun_get_addr(m, IT_STUN_XOR_MAPPED_ADDRESS, &mapped) < 0) {
        it_e_emit(
            e, now,
            (it_model_event){.kind = IT_EV_PEER, .why = "a response without success, RFC 8489 sections 6.3.3, 6.3.4"});
        end_transaction(e, t);
        return 0;
    }
    if (t->probe) {
        on_reflexive(e, now, t, mapped);
        return 0;
    }
    far_fragment(request, user);
    return on_success(e, now, t, mapped, user);
}

/* --- in --- */

/* A request that came in, as far as it is understood. */
typedef struct arrival {
    const it_stun_msg *msg;
    const e_base *base;
    it_addr from;
    const e_gen *gen;   /* which of our generations it asked */
    uint16_t integrity; /* the attribute that proved it, 0: not proven */
    char user[IT_E_UFRAG_MAX + 1];
} arrival;

static int check_finish(it_e *e, const arrival *r, it_buf *b)
{
    if (r->integrity == IT_STUN_MESSAGE_INTEGRITY_SHA256)
        it_stun_put_integrity_sha256(b, &r->gen->key);
    else if (r->integrity)
        it_stun_put_integrity(b, &r->gen->key);
    it_stun_put_fingerprint(b);
    int n = it_stun_end(b);
    IT_ASSERT(n > 0);
    n = it_e_queue(e, r->base, r->from, it_bytes_of(b->p, (size_t)n));
    return n == IT_ERR_FULL ? 0 : n; /* lost, as on a busy machine: the request comes again */
}

static int refuse_check(it_e *e, const arrival *r, int code, const uint16_t *types, int n)
{
    uint8_t bytes[256];
    it_buf b;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_ERROR, IT_STUN_BINDING, r->msg->txid);
    it_stun_put_error(&b, code, NULL);
    if (n)
        it_stun_put_types(&b, IT_STUN_UNKNOWN_ATTRIBUTES, types, n);
    return check_finish(e, r, &b);
}

static int check_answer(it_e *e, const arrival *r)
{
    uint8_t bytes[256];
    it_buf b;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, r->msg->txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, r->from);
    return check_finish(e, r, &b);
}

/* True when |user| asks for generation |g|: our fragment, a colon, and theirs. */
static bool asks_for(const e_gen *g, it_bytes user)
{
    size_t own = strlen(g->ufrag);
    return user.n > own + 1 && user.n - own - 1 <= IT_E_UFRAG_MAX && memcmp(user.p, g->ufrag, own) == 0 &&
           user.p[own] == ':';
}

/* The generation of ours that |user| asks for, NULL: none that is still answered. */
static const e_gen *gen_of(const it_e *e, it_time now, it_bytes user)
{
    if (asks_for(&e->gen, user))
        return &e->gen;
    for (int i = 0; i < e->n_past; i++)
        if (now < e->past[i].until && asks_for(&e->past[i], user))
            return &e->past[i];
    return NULL;
}

/* RFC 8489 section 9.1.3 with RFC 8445 section 7.3: our fragment before the colon, theirs after it, integrity by our
 * password. The code to refuse with, or 0. */
static int judge(const it_e *e, it_time now, arrival *r)
{
    const it_stun_attr *user = it_stun_get(r->msg, IT_STUN_USERNAME);
    if (!user ||
        (!it_stun_get(r->msg, IT_STUN_MESSAGE_INTEGRITY) && !it_stun_get(r->msg, IT_STUN_MESSAGE_INTEGRITY_SHA256)))
        return 400;
    r->gen = gen_of(e, now, user->value);
    if (!r->gen)
        return 401;
    size_t own = strlen(r->gen->ufrag), n = user->value.n;
    if (it_stun_check(r->msg, &r->gen->key, &r->integrity) < 0) {
        r->integrity = 0;
        return 401;
    }
    memcpy(r->user, user->value.p + own + 1, n - own - 1);
    r->user[n - own - 1] = '\0';
    return 0;
}

static void check_remember(it_e *e, const arrival *r)
{
    e_heard h = {r->base->flow, r->from, it_hash_str(r->user)};
    for (int i = 0; i < e->n_heard; i++)
        if (e->heard[i].flow == h.flow && it_addr_eq(e->heard[i].remote, h.remote)) {
            e->heard[i] = h;
            return;
        }
    e->heard[e->heard_at] = h;
    e->heard_at = (e->heard_at + 1) % E_HEARD;
    e->n_heard += e->n_heard < E_HEARD;
}

static int check_request(it_e *e, it_time now, const it_io *in, const it_stun_msg *m)
{
    static const uint16_t known[] = {IT_STUN_PRIORITY, IT_STUN_USE_CANDIDATE};
    arrival r = {.msg = m, .base = it_e_base_of(e, (int)in->flow), .from = in->remote};
    uint16_t types[4];
    uint64_t tie;
    /* RFC 8445 section 7.3: FINGERPRINT MUST be used, so what lacks it is not for us. */
    if (!r.base || !it_ice_addr_usable(r.from) || m->method != IT_STUN_BINDING || !it_stun_get(m, IT_STUN_FINGERPRINT))
        return 0;
    int code = judge(e, now, &r);
    if (code)
        return refuse_check(e, &r, code, NULL, 0);
    int n = it_stun_unknown(m, known, (int)(sizeof known / sizeof *known), types, 4); /* RFC 8489 section 6.3.1 */
    if (n > 0)
        return refuse_check(e, &r, 420, types, n < 4 ? n : 4);
    it_model_event ev = {.kind = IT_EV_TEST, .remote = r.from, .base = r.base->addr, .user = r.user};
    if (it_stun_get_u32(m, IT_STUN_PRIORITY, &ev.priority) < 0 || ev.priority == 0 || ev.priority > INT32_MAX)
        return refuse_check(e, &r, 400, NULL, 0); /* RFC 8445 section 7.1.1: PRIORITY MUST be there */
    ev.controlling = it_stun_get_u64(m, IT_STUN_ICE_CONTROLLING, &tie) == 0;
    ev.nominate = it_stun_get(m, IT_STUN_USE_CANDIDATE) != NULL;
    int err = check_answer(e, &r);
    if (err < 0)
        return err;
    check_remember(e, &r);
    it_gate_know(&e->gate, r.base->flow, r.from);
    it_e_emit(e, now, ev);
    return 0;
}

int it_e_stun(it_e *e, it_time now, const it_io *in)
{
    it_stun_msg m;
    uint64_t tag;
    it_io asked;
    uint32_t sent;
    if (it_stun_parse(&m, in->data) < 0 || m.cls == IT_STUN_INDICATION)
        return 0;
    if (m.cls == IT_STUN_REQUEST)
        return check_request(e, now, in, &m);
    if (m.method != IT_STUN_BINDING || !it_stun_trans_find(e->trans, m.txid, &tag, &asked, NULL, &sent))
        return 0;
    e_trans *t = running(e, tag);
    if (!t)
        return 0;
    t->once = sent == 1;
    return response(e, now, in, &m, t, &asked);
}

/* --- who is who --- */

uint64_t it_e_whose(it_e *e, it_time now, int flow, it_addr remote)
{
    const it_white *w = it_whitelist_find(&e->white, now, flow, remote);
    for (int i = 0; !w && i < e->n_heard; i++)
        if (e->heard[i].flow == flow && it_addr_eq(e->heard[i].remote, remote))
            return e->heard[i].far;
    return w ? w->far : 0;
}

enum it_ice_kind it_e_local_kind(const it_e *e, const it_white *w)
{
    const e_base *b = it_e_base_of(e, w->flow);
    if (b && it_addr_eq(b->addr, w->reflexive))
        return IT_ICE_HOST;
    for (int i = 0; i < e->n_mapped; i++)
        if (e->mapped_flow[i] == w->flow && it_addr_eq(e->mapped[i], w->reflexive))
            return IT_ICE_SRFLX;
    return IT_ICE_PRFLX;
}
