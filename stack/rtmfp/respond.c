/* Answering those who open a session: RFC 7016 sections 3.5.1.1.2, 3.5.1.3, 3.5.1.5, and the parts of an introducer. */
#include "stack/rtmfp/impl.h"

#include "base/table/buckets.h"

#define SIGNATURE 'X' /* RFC 7425 section 4.3.5: nothing to say */

/* Whether |epd| selects this end. */
static bool selects_me(const it_rtmfp *r, it_bytes epd)
{
    it_rtmfp_epd e;
    return it_rtmfp_epd_read(&e, epd) == 0 && it_rtmfp_epd_selects(&e, &r->id.cert);
}

/* Answers an IHello of |tag| over |path|, with a datagram of |most| bytes at most. No state is kept. */
static void rhello_send(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes tag, size_t most)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM], cookie[IT_RTMFP_COOKIE];
    it_buf b;
    const it_rtmfp_head head = {.mode = IT_RTMFP_STARTUP, .has_ts = true};
    it_rtmfp_cookie_make(&r->secret, now, path->remote, cookie);
    it_buf_init(&b, chunk, sizeof chunk);
    it_rtmfp_rhello_put(&b, tag, it_bytes_of(cookie, sizeof cookie), r->id.cert.raw);
    if (b.overflow || b.len + it_rtmfp_head_size(&head) > it_rtmfp_seal_room(&r->startup, most))
        return;
    it_rtmfp_note(r, it_rtmfp_queue_startup(r, path, 0, it_bytes_of(b.p, b.len)));
}

bool it_rtmfp_take_ihello(it_rtmfp *r, it_time now, const it_rtmfp_path *path, size_t size, it_bytes payload)
{
    it_rtmfp_ihello h;
    if (!it_rtmfp_ihello_get(payload, &h))
        return false;
    if (selects_me(r, h.epd)) {
        size_t most = r->cfg.amplify ? size * r->cfg.amplify / 10 : IT_RTMFP_DATAGRAM;
        if (r->cfg.accept)
            rhello_send(r, now, path, h.tag, most < IT_RTMFP_DATAGRAM ? most : IT_RTMFP_DATAGRAM);
        return r->cfg.accept;
    }
    if (!r->cfg.introduce)
        return false;
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_ASKED, .path = *path, .epd = h.epd, .tag = h.tag, .size = size};
    it_rtmfp_tell(r, &ev);
    return true;
}

/* Whether |s| may make this end send one more RHello: a rogue introducer aims them at others (section 5). */
static bool forwarded_allowed(it_rtmfp_session *s, it_time now)
{
    if (now - s->forwarded_at >= IT_SEC) {
        s->forwarded_at = now;
        s->forwarded = 0;
    }
    return s->forwarded++ < IT_RTMFP_FORWARDED;
}

bool it_rtmfp_take_fihello(it_rtmfp *r, it_time now, it_rtmfp_session *s, it_bytes payload)
{
    it_rtmfp_ihello h;
    if (!it_rtmfp_fihello_get(payload, &h) || !s->trusted || !r->cfg.accept)
        return false;
    if (!selects_me(r, h.epd) || !it_rtmfp_addressable(h.reply.addr) || !forwarded_allowed(s, now))
        return false;
    it_rtmfp_path path = {s->path.flow, s->path.local, h.reply.addr};
    rhello_send(r, now, &path, h.tag, IT_RTMFP_DATAGRAM); /* section 3.5.1.5: as if it had come from there */
    return true;
}

/* A digest of what makes two IIKeyings the same (section 3.5.1.1.2). */
static void iikeying_digest(const it_rtmfp_iikeying *k, uint8_t out[IT_SHA256_SIZE])
{
    uint8_t front[12];
    it_put32(front, k->sid);
    it_put64(front + 4, k->cert.n);
    it_sha256(out, it_bytes_of(front, sizeof front), k->cert, k->component);
}

static void cookie_change_send(it_rtmfp *r, it_time now, const it_rtmfp_path *path, const it_rtmfp_iikeying *k)
{
    uint8_t chunk[2 * IT_RTMFP_COOKIE + 16], cookie[IT_RTMFP_COOKIE];
    it_buf b;
    it_rtmfp_cookie_make(&r->secret, now, path->remote, cookie);
    it_buf_init(&b, chunk, sizeof chunk);
    it_rtmfp_cookie_change_put(&b, k->cookie, it_bytes_of(cookie, sizeof cookie));
    it_rtmfp_note(r, it_rtmfp_queue_startup(r, path, k->sid, it_bytes_of(b.p, b.len)));
}

/* Whether |s| is opening to |a|. */
static bool opening_to(const it_rtmfp_session *s, it_addr a)
{
    if (s->state == IT_RTMFP_KEYING_SENT)
        return it_addr_eq(s->path.remote, a);
    if (s->state != IT_RTMFP_IHELLO_SENT)
        return false;
    for (size_t i = 0; i < s->opening->n; i++)
        if (it_addr_eq(s->opening->candidate[i].addr, a))
            return true;
    return false;
}

/* Glare (section 3.5.1.3): both ends open a session to each other. Returns whether the far one, with |cert|, may go on;
 * |*yields| is then the one of ours that is aborted for it, if any. */
static bool glare_resolve(it_rtmfp *r, it_addr from, it_bytes cert, it_rtmfp_session **yields)
{
    *yields = NULL;
    for (uint32_t i = 0; i < r->slots; i++) {
        it_rtmfp_session *s = r->slot[i];
        if (!s || !opening_to(s, from))
            continue;
        if (it_rtmfp_cert_prevails(r->id.cert.raw, cert))
            return false;
        if (s->state == IT_RTMFP_KEYING_SENT && it_rtmfp_cert_overrides(cert, s->far.raw))
            *yields = s;
    }
    return true;
}

enum old_verdict { OLD_NONE, OLD_ANSWERED, OLD_STANDS, OLD_OVERRIDDEN };

/* What an open session to where |k| is from makes of it: it has answered it before, stands in its way, or is
 * overridden. The cookie was made at |made|. */
static enum old_verdict old_judge(const it_rtmfp_session *s, const it_rtmfp_iikeying *k, it_time made)
{
    uint8_t digest[IT_SHA256_SIZE];
    if (!s)
        return OLD_NONE;
    iikeying_digest(k, digest);
    if (!s->initiator && memcmp(digest, s->asked, sizeof digest) == 0) /* the RIKeying was lost */
        return OLD_ANSWERED;
    if (!it_rtmfp_cert_overrides(k->cert, s->far.raw))
        return OLD_STANDS;
    /* Keying that began before |s| was open has lost against it in glare, and was overtaken: |s| is not stale. */
    return made > s->opened_at ? OLD_OVERRIDDEN : OLD_STANDS;
}

/* Keeps the RIKeying of |s| and sends it. */
static int rikeying_send(it_rtmfp *r, it_rtmfp_session *s, const it_rtmfp_near *near, const it_rtmfp_iikeying *k)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM];
    it_buf b;
    it_buf_init(&b, chunk, sizeof chunk);
    size_t at = it_rtmfp_rikeying_put(&b, s->rx_sid, it_bytes_of(near->raw, near->n));
    it_buf_u8(&b, SIGNATURE);
    it_rtmfp_chunk_end(&b, at);
    s->answer = it_malloc(r->alloc, b.len);
    if (!s->answer)
        return IT_ERR_NOMEM;
    memcpy(s->answer, b.p, b.len);
    s->answer_n = b.len;
    iikeying_digest(k, s->asked);
    it_rtmfp_note(r, it_rtmfp_queue_startup(r, &s->path, k->sid, it_bytes_of(b.p, b.len)));
    return 0;
}

/* Opens a session for |k|, which |near| and |a| answer. */
static it_rtmfp_session *respond_open(it_rtmfp *r, it_time now, const it_rtmfp_path *path, const it_rtmfp_iikeying *k,
                                      const it_rtmfp_near *near, const it_rtmfp_agreed *a)
{
    it_rtmfp_session *s = it_rtmfp_session_new(r, now, IT_RTMFP_OPENED);
    if (!s)
        return NULL;
    s->tx_sid = k->sid;
    s->path = *path;
    int err = it_rtmfp_session_far(r, s, k->cert);
    if (err == 0)
        err = rikeying_send(r, s, near, k);
    if (err == 0)
        err = it_rtmfp_session_open(r, now, s, a);
    it_rtmfp_note(r, err);
    if (err == 0)
        return s;
    it_rtmfp_session_drop(r, s);
    return NULL;
}

/* The keys that |k| leads to. Returns 0 or why there are none. */
static int respond_agree(it_rtmfp *r, it_time now, const it_rtmfp_iikeying *k, it_rtmfp_near *near, it_rtmfp_agreed *a)
{
    it_rtmfp_cert cert;
    it_rtmfp_component c;
    int err = it_rtmfp_cert_read(&cert, k->cert);
    if (err == 0)
        err = it_rtmfp_component_read(&c, k->component);
    if (err == 0)
        err = it_rtmfp_near_respond(near, &cert, &c, &r->rng, now);
    if (err == 0)
        err = it_rtmfp_agree(near, false, &cert, &c, a);
    return err;
}

/* The cookie comes first, and decides whether anything is computed. */
static bool cookie_holds(it_rtmfp *r, it_time now, const it_rtmfp_path *path, const it_rtmfp_iikeying *k, it_time *made)
{
    switch (it_rtmfp_cookie_check(&r->secret, now, path->remote, k->cookie, made)) {
    case IT_RTMFP_COOKIE_GOOD:
        return true;
    case IT_RTMFP_COOKIE_ELSEWHERE: /* section 3.5.1.2 */
        cookie_change_send(r, now, path, k);
        return false;
    case IT_RTMFP_COOKIE_FOREIGN:
    default:
        r->stats.cookies++;
        return false;
    }
}

/* Everything but the cookie holds: the session that |k| opens, in place of |old| and of |yields|. */
static void respond_take(it_rtmfp *r, it_time now, const it_rtmfp_path *path, const it_rtmfp_iikeying *k,
                         it_rtmfp_session *old, it_rtmfp_session *yields)
{
    it_rtmfp_near near = {.id = &r->id, .policy = r->cfg.policy};
    it_rtmfp_agreed a = {.secrets = {.mac_tx_size = 0}};
    int err = respond_agree(r, now, k, &near, &a);
    if (err) {
        it_rtmfp_note(r, err == IT_ERR_CRYPTO ? err : 0);
        r->stats.refused++;
        return;
    }
    if (old)
        it_rtmfp_session_kill(r, now, old, IT_RTMFP_CAUSE_OVERRIDDEN, false);
    it_rtmfp_session *s = respond_open(r, now, path, k, &near, &a);
    if (!s || !yields)
        return;
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_DUPLICATE, .session = yields->no, .other = s->no, .initiator = true};
    it_rtmfp_tell(r, &ev);
    it_rtmfp_session_drop(r, yields);
}

/* Whether the source of |ip| has as many sessions as one may, |old| aside, which gives way. */
static bool source_has_enough(const it_rtmfp *r, it_ip ip, const it_rtmfp_session *old)
{
    it_ip source = it_ip_source(ip);
    uint32_t n = 0;
    if (!r->cfg.each)
        return false;
    for (uint32_t i = 0; i < r->slots; i++) {
        const it_rtmfp_session *s = r->slot[i];
        n += s && s != old && it_ip_eq(it_ip_source(s->path.remote.ip), source);
    }
    return n >= r->cfg.each;
}

/* The keys are computed last: whatever is ignored is ignored before. */
bool it_rtmfp_take_iikeying(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload)
{
    it_rtmfp_iikeying k;
    it_rtmfp_session *yields;
    it_time made;
    if (!it_rtmfp_iikeying_get(payload, &k) || !r->cfg.accept)
        return false;
    if (!cookie_holds(r, now, path, &k, &made))
        return true;
    it_rtmfp_session *old = it_rtmfp_session_at(r, path->remote);
    enum old_verdict verdict = old_judge(old, &k, made);
    if (verdict == OLD_ANSWERED) {
        it_rtmfp_note(r, it_rtmfp_queue_startup(r, path, k.sid, it_bytes_of(old->answer, old->answer_n)));
        return true;
    }
    if (!glare_resolve(r, path->remote, k.cert, &yields) || verdict == OLD_STANDS ||
        source_has_enough(r, path->remote.ip, old)) {
        r->stats.refused++;
        return true;
    }
    respond_take(r, now, path, &k, old, yields);
    return true;
}

int it_rtmfp_redirect_send(it_rtmfp *r, it_rtmfp_path path, it_bytes tag, const it_rtmfp_addr *addrs, size_t n)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM];
    it_buf b;
    if (n > IT_RTMFP_CANDIDATES)
        return IT_ERR_RANGE;
    it_buf_init(&b, chunk, IT_RTMFP_DATAGRAM - IT_RTMFP_HEAD_MAX);
    it_rtmfp_redirect_put(&b, tag, addrs, n);
    if (b.overflow)
        return IT_ERR_RANGE;
    return it_rtmfp_queue_startup(r, &path, 0, it_bytes_of(b.p, b.len));
}

int it_rtmfp_forward(it_rtmfp *r, uint32_t session, it_bytes epd, it_addr reply, it_bytes tag)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM];
    it_buf b;
    const it_rtmfp_session *s = it_rtmfp_session_no(r, session);
    if (!s || s->state != IT_RTMFP_OPENED)
        return IT_ERR_NOTFOUND;
    it_buf_init(&b, chunk, it_rtmfp_seal_room(&s->keys, IT_RTMFP_DATAGRAM) - IT_RTMFP_HEAD_MAX);
    it_rtmfp_fihello_put(&b, epd, (it_rtmfp_addr){reply, IT_RTMFP_ORIGIN_OBSERVED}, tag);
    if (b.overflow)
        return IT_ERR_RANGE;
    return it_rtmfp_queue_session(r, s, it_bytes_of(b.p, b.len));
}
