/* Opening a session: RFC 7016 sections 3.5.1.1.1, 3.5.1.2, and the redirects of section 3.5.1.4. */
#include "stack/rtmfp/impl.h"

#define FIRST_WAIT IT_SEC        /* between the first two attempts */
#define MORE_WAIT (1500 * IT_MS) /* section 3.5.1.1.1: added to the interval between each attempt */
#define SIGNATURE 'X'            /* RFC 7425 section 4.3.5: nothing to say */

static it_time attempt_wait(uint32_t tries)
{
    return FIRST_WAIT + (it_time)(tries - 1) * MORE_WAIT;
}

/* Adds |a| to the candidates, to be asked at once. */
static bool candidate_add(it_rtmfp_opening *o, it_time now, it_addr a)
{
    if (o->n == IT_RTMFP_CANDIDATES || !it_rtmfp_addressable(a)) /* a rogue redirector aims at others: section 5 */
        return false;
    for (size_t i = 0; i < o->n; i++)
        if (it_addr_eq(o->candidate[i].addr, a))
            return true;
    o->candidate[o->n++] = (it_rtmfp_candidate){.addr = a, .due = now};
    return true;
}

int it_rtmfp_connect(it_rtmfp *r, it_time now, it_bytes epd, const it_addr *addrs, size_t n, uint32_t *session)
{
    it_rtmfp_epd e;
    if (it_rtmfp_epd_read(&e, epd))
        return IT_ERR_RANGE;
    r->err = 0;
    it_rtmfp_session *s = it_rtmfp_session_new(r, now, IT_RTMFP_IHELLO_SENT);
    if (!s)
        return r->err ? r->err : IT_ERR_FULL;
    s->initiator = true;
    it_rtmfp_opening *o = s->opening = it_calloc(r->alloc, 1, sizeof *o);
    int err = o ? it_rtmfp_random(&r->rng, now, o->tag, sizeof o->tag) : IT_ERR_NOMEM;
    if (err == 0) {
        memcpy(o->epd, epd.p, epd.n);
        o->epd_n = epd.n;
        o->deadline = now + IT_RTMFP_OPEN;
        for (size_t i = 0; i < n; i++)
            candidate_add(o, now, addrs[i]);
        err = o->n ? 0 : IT_ERR_RANGE;
    }
    if (err) {
        it_rtmfp_session_drop(r, s);
        return err;
    }
    *session = s->no;
    it_rtmfp_initiate_tick(r, now, s);
    return r->err;
}

/* Sends |s|'s IHello to |a|, from every base of its family. */
static void ihello_send(it_rtmfp *r, const it_rtmfp_opening *o, it_addr a)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM];
    it_buf b;
    it_buf_init(&b, chunk, sizeof chunk);
    it_rtmfp_ihello_put(&b, it_bytes_of(o->epd, o->epd_n), it_bytes_of(o->tag, sizeof o->tag));
    for (uint32_t i = 0; i < r->bases && !b.overflow; i++) {
        it_rtmfp_path path = {r->base[i].flow, r->base[i].local, a};
        if (it_ip_is4(path.local.ip) == it_ip_is4(a.ip))
            it_rtmfp_note(r, it_rtmfp_queue_startup(r, &path, 0, it_bytes_of(b.p, b.len)));
    }
}

void it_rtmfp_initiate_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    it_rtmfp_opening *o = s->opening;
    if (now >= o->deadline) {
        it_rtmfp_tell_end(r, s, IT_RTMFP_EV_FAILED, IT_RTMFP_CAUSE_TIMEOUT);
        it_rtmfp_session_drop(r, s);
        return;
    }
    for (size_t i = 0; i < o->n && s->state == IT_RTMFP_IHELLO_SENT; i++) {
        it_rtmfp_candidate *c = &o->candidate[i];
        if (now < c->due)
            continue;
        c->due = now + attempt_wait(++c->tries);
        ihello_send(r, o, c->addr);
    }
    if (s->state == IT_RTMFP_KEYING_SENT && now >= o->due) {
        o->due = now + attempt_wait(++o->tries);
        it_rtmfp_note(r, it_rtmfp_queue_startup(r, &s->path, 0, it_bytes_of(o->chunk, o->chunk_n)));
    }
    it_rtmfp_session_arm(r, now, s);
}

it_time it_rtmfp_initiate_next(const it_rtmfp_session *s)
{
    const it_rtmfp_opening *o = s->opening;
    it_time at = o->deadline;
    for (size_t i = 0; i < o->n && s->state == IT_RTMFP_IHELLO_SENT; i++)
        if (o->candidate[i].due < at)
            at = o->candidate[i].due;
    if (s->state == IT_RTMFP_KEYING_SENT && o->due < at)
        at = o->due;
    return at;
}

/* The session in IHELLO_SENT that has |tag|; NULL: none. */
static it_rtmfp_session *session_of_tag(const it_rtmfp *r, it_bytes tag)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        it_rtmfp_session *s = r->slot[i];
        if (s && s->state == IT_RTMFP_IHELLO_SENT && it_bytes_eq(tag, it_bytes_of(s->opening->tag, IT_RTMFP_TAG)))
            return s;
    }
    return NULL;
}

bool it_rtmfp_take_redirect(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload)
{
    it_rtmfp_redirect d;
    it_rd rd;
    if (!it_rtmfp_redirect_get(payload, &d))
        return false;
    it_rtmfp_session *s = session_of_tag(r, d.tag);
    if (!s)
        return false;
    it_rd_init(&rd, d.addrs);
    if (!rd.n) /* RFC 7016 section 2.3.5: the source is meant */
        candidate_add(s->opening, now, path->remote);
    while (rd.n && !rd.fail)
        candidate_add(s->opening, now, it_rtmfp_addr_get(&rd).addr);
    it_rtmfp_initiate_tick(r, now, s);
    return true;
}

/* Writes the IIKeying of |s| with the cookie that it has. False when it does not fit. */
static bool iikeying_make(it_rtmfp *r, it_rtmfp_session *s)
{
    it_rtmfp_opening *o = s->opening;
    it_buf b;
    it_buf_init(&b, o->chunk, sizeof o->chunk);
    size_t at = it_rtmfp_iikeying_put(&b, s->rx_sid, it_bytes_of(o->cookie, o->cookie_n), r->id.cert.raw,
                                      it_bytes_of(o->near.raw, o->near.n));
    it_buf_u8(&b, SIGNATURE);
    it_rtmfp_chunk_end(&b, at);
    o->chunk_n = b.len;
    return !b.overflow;
}

/* Another session to the peer of |c|, in a state that makes |s| a duplicate. */
static const it_rtmfp_session *session_twin(const it_rtmfp *r, const it_rtmfp_session *s, const it_rtmfp_cert *c)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        const it_rtmfp_session *o = r->slot[i];
        if (!o || o == s || (o->state != IT_RTMFP_KEYING_SENT && o->state != IT_RTMFP_OPENED))
            continue;
        if (memcmp(o->far.print, c->print, IT_RTMFP_PRINT) == 0)
            return o;
    }
    return NULL;
}

/* |s| gets what it needs for keying with |h| of |path|. Returns 0 or why it does not go on with it. */
static int keying_begin(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path,
                        const it_rtmfp_rhello *h)
{
    it_rtmfp_opening *o = s->opening;
    if (h->cookie.n > sizeof o->cookie)
        return IT_ERR_RANGE;
    int err = it_rtmfp_session_far(r, s, h->cert);
    if (err)
        return err;
    o->near = (it_rtmfp_near){.id = &r->id, .policy = r->cfg.policy};
    err = it_rtmfp_near_initiate(&o->near, &s->far, &r->rng, now);
    if (err)
        return err;
    memcpy(o->cookie, h->cookie.p, h->cookie.n);
    o->cookie_n = h->cookie.n;
    s->path = *path;
    return iikeying_make(r, s) ? 0 : IT_ERR_RANGE;
}

bool it_rtmfp_take_rhello(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload)
{
    it_rtmfp_rhello h;
    it_rtmfp_cert cert;
    it_rtmfp_epd e;
    if (!it_rtmfp_rhello_get(payload, &h))
        return false;
    it_rtmfp_session *s = session_of_tag(r, h.tag);
    if (!s || it_rtmfp_cert_read(&cert, h.cert))
        return false;
    if (it_rtmfp_epd_read(&e, it_bytes_of(s->opening->epd, s->opening->epd_n)) || !it_rtmfp_epd_selects(&e, &cert))
        return false;
    const it_rtmfp_session *twin = session_twin(r, s, &cert);
    if (twin) { /* RFC 7016 section 3.5.1.1.1: SHOULD be aborted in its favour */
        it_rtmfp_event ev = {.kind = IT_RTMFP_EV_DUPLICATE, .session = s->no, .other = twin->no, .initiator = true};
        it_rtmfp_tell(r, &ev);
        it_rtmfp_session_drop(r, s);
        return true;
    }
    int err = keying_begin(r, now, s, path, &h);
    if (err) { /* it goes on asking */
        it_rtmfp_note(r, err == IT_ERR_NOMEM || err == IT_ERR_CRYPTO ? err : 0);
        it_free(r->alloc, s->far_raw);
        s->far_raw = NULL;
        s->far = (it_rtmfp_cert){.groups = 0};
        return false;
    }
    s->state = IT_RTMFP_KEYING_SENT;
    s->opening->due = now;
    s->opening->tries = 0;
    it_rtmfp_initiate_tick(r, now, s);
    return true;
}

bool it_rtmfp_take_cookie_change(it_rtmfp *r, it_time now, it_rtmfp_session *s, it_bytes payload)
{
    it_rtmfp_cookie_change c;
    it_rtmfp_opening *o = s->opening;
    if (!it_rtmfp_cookie_change_get(payload, &c) || c.cookie.n > sizeof o->cookie)
        return false;
    if (o->cookie_changed) /* RFC 7016 section 3.5.1.2: SHOULD NOT more than once, as nothing proves it */
        return false;
    if (!it_bytes_eq(c.old, it_bytes_of(o->cookie, o->cookie_n)))
        return false;
    uint8_t old[IT_RTMFP_COOKIE_MOST];
    size_t old_n = o->cookie_n;
    memcpy(old, o->cookie, old_n);
    memcpy(o->cookie, c.cookie.p, c.cookie.n);
    o->cookie_n = c.cookie.n;
    if (!iikeying_make(r, s)) { /* too large: as if it had not come */
        memcpy(o->cookie, old, old_n);
        o->cookie_n = old_n;
        return iikeying_make(r, s) && false;
    }
    o->cookie_changed = true;
    o->due = now;
    it_rtmfp_initiate_tick(r, now, s);
    return true;
}

/* What came before the RIKeying is taken now that there are keys. */
static void early_replay(it_rtmfp *r, it_time now, it_rtmfp_opening *o)
{
    for (size_t i = 0; i < o->early_n; i++)
        it_rtmfp_datagram(r, now, &o->early[i].path, it_bytes_of(o->early[i].p, o->early[i].n));
}

bool it_rtmfp_take_rikeying(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes payload)
{
    it_rtmfp_rikeying k;
    it_rtmfp_component c;
    it_rtmfp_agreed a = {.secrets = {.mac_tx_size = 0}};
    if (!it_rtmfp_rikeying_get(payload, &k) || it_rtmfp_component_read(&c, k.component))
        return false;
    int err = it_rtmfp_agree(&s->opening->near, true, &s->far, &c, &a);
    if (err) { /* ignored; a true one may follow */
        it_rtmfp_note(r, err == IT_ERR_CRYPTO ? err : 0);
        return false;
    }
    (void)path; /* RFC 7016 section 3.5.1.1.1: DESTADDR stays that of the RHello */
    s->tx_sid = k.sid;
    it_rtmfp_opening *o = s->opening;
    s->opening = NULL;
    err = it_rtmfp_session_open(r, now, s, &a);
    if (err) {
        it_rtmfp_note(r, err);
        it_rtmfp_session_drop(r, s);
    } else {
        early_replay(r, now, o);
    }
    it_rtmfp_session gone = {.opening = o};
    it_rtmfp_opening_free(r, &gone);
    return true;
}
