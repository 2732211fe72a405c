/* The object: its bases, datagrams to whom they are for, output. */
#include "stack/rtmfp/impl.h"

#include <openssl/crypto.h>

#define SESSIONS 64
#define KEEPALIVE (10 * IT_SEC)
#define DEATH (20 * IT_SEC)

/* What can fail when one is made. */
static int end_init(it_rtmfp *r, it_time now)
{
    uint8_t secret[IT_SHA256_SIZE];
    int err = it_rtmfp_keys_init_default(&r->startup);
    if (err == 0)
        err = it_rtmfp_identity_make(&r->id, &r->cfg.identity, &r->rng, now);
    if (err == 0)
        err = it_rtmfp_random(&r->rng, now, secret, sizeof secret);
    if (err)
        return err;
    it_hmac_key_init(&r->secret, it_bytes_of(secret, sizeof secret));
    OPENSSL_cleanse(secret, sizeof secret);
    r->slot = it_calloc(r->alloc, r->slots, sizeof(it_rtmfp_session *));
    if (!r->slot)
        return IT_ERR_NOMEM;
    err = it_bits_grow(&r->ready, r->slots);
    return err ? err : it_tourney_grow(&r->due, r->slots);
}

int it_rtmfp_new(const it_rtmfp_cfg *cfg, it_time now, it_rtmfp **out)
{
    it_rtmfp *r = it_calloc(cfg->alloc, 1, sizeof *r);
    if (!r)
        return IT_ERR_NOMEM;
    r->cfg = *cfg;
    r->alloc = cfg->alloc;
    r->rng = cfg->rng;
    r->slots = cfg->sessions ? cfg->sessions : SESSIONS;
    if (!r->cfg.keepalive)
        r->cfg.keepalive = KEEPALIVE;
    if (!r->cfg.death)
        r->cfg.death = DEATH;
    r->out_end = &r->out;
    it_rtmfp_events_init(&r->events, r->alloc);
    it_bits_init(&r->ready, r->alloc);
    r->shared.tc_sent_at = IT_RTMFP_LONG_AGO;
    r->urgent[0].at = r->urgent[1].at = IT_RTMFP_LONG_AGO;
    it_rtmfp_frags_init(&r->frags, r->alloc);
    it_map_init(&r->by_no, r->alloc, 1);
    it_map_init(&r->by_sid, r->alloc, 1);
    it_map_init(&r->by_addr, r->alloc, 3);
    it_map_init(&r->by_print, r->alloc, 4);
    int err = it_tourney_init(&r->due, r->alloc);
    if (err) {
        it_free(r->alloc, r);
        return err;
    }
    err = end_init(r, now);
    if (err) {
        it_rtmfp_free(r);
        return err;
    }
    *out = r;
    return 0;
}

void it_rtmfp_free(it_rtmfp *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; r->slot && i < r->slots; i++)
        if (r->slot[i])
            it_rtmfp_session_drop(r, r->slot[i]);
    it_rtmfp_queue_wipe(r);
    it_rtmfp_frags_fini(&r->frags);
    it_map_fini(&r->by_no);
    it_map_fini(&r->by_sid);
    it_map_fini(&r->by_addr);
    it_map_fini(&r->by_print);
    it_tourney_fini(&r->due);
    it_bits_fini(&r->ready);
    it_rtmfp_keys_wipe(&r->startup);
    it_rtmfp_identity_wipe(&r->id);
    OPENSSL_cleanse(&r->secret, sizeof r->secret);
    it_free(r->alloc, r->slot);
    it_free(r->alloc, r);
}

const uint8_t *it_rtmfp_print(const it_rtmfp *r)
{
    return r->id.cert.print;
}

it_rtmfp_stats it_rtmfp_stats_get(const it_rtmfp *r)
{
    return r->stats;
}

bool it_rtmfp_addressable(it_addr a)
{
    return a.port != 0 && it_ip_unicast(a.ip);
}

/* A plain packet of session 0 and the datagram that it came in. */
typedef struct startup {
    it_rtmfp_path path;
    size_t size;
    enum it_rtmfp_mode mode;
    bool whole;   /* it came in fragments, and has none itself */
    bool greeted; /* its IHello was answered: one a packet, or it could be made to amplify */
} startup;

static void startup_packet(it_rtmfp *r, it_time now, startup *u, it_bytes plain);

static bool startup_fragment(it_rtmfp *r, it_time now, const startup *u, it_bytes payload)
{
    it_rtmfp_fragment f;
    it_bytes joined;
    if (u->whole || !it_rtmfp_fragment_get(payload, &f))
        return false;
    int got = it_rtmfp_frags_take(&r->frags, now, u->path.remote, u->mode, &f, &joined);
    it_rtmfp_note(r, got);
    if (got == 1) {
        startup whole = {.path = u->path, .size = u->size, .whole = true};
        startup_packet(r, now, &whole, joined);
    }
    return true;
}

static bool startup_chunk(it_rtmfp *r, it_time now, startup *u, const it_rtmfp_chunk *c)
{
    switch (c->type) {
    case IT_RTMFP_IHELLO:
        if (u->greeted)
            return false;
        u->greeted = true;
        return it_rtmfp_take_ihello(r, now, &u->path, u->size, c->payload);
    case IT_RTMFP_RHELLO:
        return it_rtmfp_take_rhello(r, now, &u->path, c->payload);
    case IT_RTMFP_REDIRECT:
        return it_rtmfp_take_redirect(r, now, &u->path, c->payload);
    case IT_RTMFP_IIKEYING:
        return it_rtmfp_take_iikeying(r, now, &u->path, c->payload);
    case IT_RTMFP_FRAGMENT:
        return startup_fragment(r, now, u, c->payload);
    default:
        return false;
    }
}

static void startup_packet(it_rtmfp *r, it_time now, startup *u, it_bytes plain)
{
    it_rd rd;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    if (it_rtmfp_head_get(&rd, plain, &h) || h.mode != IT_RTMFP_STARTUP) {
        r->stats.mode++;
        return;
    }
    u->mode = h.mode;
    while (it_rtmfp_chunk_next(&rd, &c))
        if (!startup_chunk(r, now, u, &c))
            r->stats.chunks++;
}

/* A packet of a session that waits for its RIKeying: that, a new cookie, or one that has overtaken it. */
static void keying_packet(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes d)
{
    it_bytes plain;
    it_rd rd;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    if (it_rtmfp_open(&r->startup, d, r->plain, sizeof r->plain, &plain)) {
        it_rtmfp_opening *o = s->opening;
        uint8_t *p = o->early_n < IT_RTMFP_EARLY && d.n <= IT_IO_DGRAM_MAX ? it_malloc(r->alloc, d.n) : NULL;
        if (!p)
            return;
        memcpy(p, d.p, d.n);
        o->early[o->early_n++] = (it_rtmfp_early){*path, d.n, p};
        return;
    }
    if (it_rtmfp_head_get(&rd, plain, &h) || h.mode != IT_RTMFP_STARTUP) {
        r->stats.mode++;
        return;
    }
    while (it_rtmfp_chunk_next(&rd, &c)) {
        if (c.type == IT_RTMFP_RIKEYING && it_rtmfp_take_rikeying(r, now, s, path, c.payload))
            return; /* it is open, and has other keys */
        if (c.type != IT_RTMFP_COOKIE_CHANGE || !it_rtmfp_take_cookie_change(r, now, s, c.payload))
            r->stats.chunks++;
    }
}

static void session_packet(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes d)
{
    it_bytes plain;
    int err = it_rtmfp_open(&s->keys, d, r->plain, sizeof r->plain, &plain);
    if (err == IT_ERR_REPLAY || err == IT_ERR_OLD)
        r->stats.replayed++;
    else if (err == IT_ERR_AUTH)
        r->stats.forged++;
    else if (err)
        it_rtmfp_note(r, err);
    else
        it_rtmfp_inside(r, now, s, path, plain);
}

void it_rtmfp_datagram(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes d)
{
    uint32_t sid;
    it_bytes plain;
    if (d.n > IT_RTMFP_FRAG_BYTES || !it_rtmfp_sid(d, &sid))
        return;
    if (sid == 0) {
        startup u = {.path = *path, .size = d.n};
        if (it_rtmfp_open(&r->startup, d, r->plain, sizeof r->plain, &plain))
            r->stats.forged++;
        else
            startup_packet(r, now, &u, plain);
        return;
    }
    it_rtmfp_session *s = it_rtmfp_session_sid(r, sid);
    if (!s || s->state == IT_RTMFP_IHELLO_SENT)
        r->stats.unknown++;
    else if (s->state == IT_RTMFP_KEYING_SENT)
        keying_packet(r, now, s, path, d);
    else
        session_packet(r, now, s, path, d);
}

static const it_rtmfp_base *base_of(const it_rtmfp *r, uint32_t flow)
{
    for (uint32_t i = 0; i < r->bases; i++)
        if (r->base[i].flow == flow)
            return &r->base[i];
    return NULL;
}

/* Moves the near end of open sessions whose base is gone to another of its family, and tells the far end by a Ping,
 * which finds it there (RFC 7016 section 3.5.4.2). */
static void sessions_rebase(it_rtmfp *r, it_time now)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        it_rtmfp_session *s = r->slot[i];
        if (!s || s->state != IT_RTMFP_OPENED || base_of(r, s->path.flow))
            continue;
        for (uint32_t k = 0; k < r->bases; k++) {
            if (it_ip_is4(r->base[k].local.ip) != it_ip_is4(s->path.remote.ip))
                continue;
            s->path.flow = r->base[k].flow;
            s->path.local = r->base[k].local;
            it_rtmfp_ping(r, now, s);
            it_rtmfp_session_arm(r, now, s);
            break;
        }
    }
}

/* A base has gone, or its number comes again with another address. */
static void base_remove(it_rtmfp *r, uint32_t flow)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->bases; i++)
        if (r->base[i].flow != flow)
            r->base[n++] = r->base[i];
    r->bases = n;
}

/* A session that has the number of a new base had another socket under it. */
static void sessions_renumber(it_rtmfp *r, it_time now, const it_io *in)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        it_rtmfp_session *s = r->slot[i];
        if (!s || s->state != IT_RTMFP_OPENED || s->path.flow != in->flow || it_addr_eq(s->path.local, in->local))
            continue;
        s->path.local = in->local;
        it_rtmfp_ping(r, now, s);
        it_rtmfp_session_arm(r, now, s);
    }
}

/* Those that were asked over other bases, or over none, are asked now. */
static void sessions_ask(it_rtmfp *r, it_time now)
{
    for (uint32_t i = 0; i < r->slots; i++) {
        it_rtmfp_session *s = r->slot[i];
        if (!s || s->state != IT_RTMFP_IHELLO_SENT)
            continue;
        for (size_t k = 0; k < s->opening->n; k++)
            s->opening->candidate[k].due = now;
        it_rtmfp_initiate_tick(r, now, s);
    }
}

static void base_add(it_rtmfp *r, it_time now, const it_io *in)
{
    base_remove(r, in->flow);
    if (in->local.port == 0 || r->bases == IT_RTMFP_BASES)
        return;
    r->base[r->bases++] = (it_rtmfp_base){in->flow, in->local, in->size};
    sessions_renumber(r, now, in);
    sessions_rebase(r, now);
    sessions_ask(r, now);
}

int it_rtmfp_input(it_rtmfp *r, it_time now, const it_io *in)
{
    r->err = 0;
    switch (in->kind) {
    case IT_IO_BOUND:
        base_add(r, now, in);
        break;
    case IT_IO_UNBIND:
        base_remove(r, in->flow);
        sessions_rebase(r, now);
        break;
    case IT_IO_DGRAM:
        it_rtmfp_datagram(r, now, &(it_rtmfp_path){in->flow, in->local, in->remote}, in->data);
        break;
    default:
        break;
    }
    return r->err ? r->err : (int)in->data.n;
}

int it_rtmfp_tick(it_rtmfp *r, it_time now)
{
    r->err = 0;
    while (it_rtmfp_next(r) <= now) {
        it_rtmfp_session *s = r->slot[it_tourney_first(&r->due)];
        if (s->state <= IT_RTMFP_KEYING_SENT)
            it_rtmfp_initiate_tick(r, now, s);
        else
            it_rtmfp_inside_tick(r, now, s);
    }
    return r->err;
}

it_time it_rtmfp_next(const it_rtmfp *r)
{
    return r->due.time[it_tourney_first(&r->due)];
}

/* Seals |plain| into |buf|; nothing when it does not fit. */
static int output_seal(it_rtmfp_keys *k, uint32_t sid, const it_rtmfp_path *path, const it_buf *plain, it_io *out,
                       uint8_t *buf, size_t cap)
{
    int n = it_rtmfp_seal(k, sid, it_bytes_of(plain->p, plain->len), buf, cap);
    if (n < 0)
        return n;
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = path->flow,
                   .local = path->local,
                   .remote = path->remote,
                   .data = it_bytes_of(buf, (size_t)n)};
    return 1;
}

/* A packet of |s| over |path| with |chunks|, and its timestamps. 0: there is none. */
static int output_inside(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_rtmfp_head *h,
                         it_bytes chunks, it_io *out, uint8_t *buf, size_t cap)
{
    uint8_t plain[IT_RTMFP_DATAGRAM];
    it_buf b;
    if (!base_of(r, path->flow))
        return 0;
    h->mode = s->initiator ? IT_RTMFP_BY_INITIATOR : IT_RTMFP_BY_RESPONDER;
    h->tcr = it_rtmfp_urgent_elsewhere(r, now, s);
    it_rtmfp_rtt_send(&s->rtt, now, h);
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, h);
    it_buf_put(&b, chunks.p, chunks.n);
    int n = output_seal(&s->keys, s->tx_sid, path, &b, out, buf, cap);
    if (n != IT_ERR_LIMIT && n != IT_ERR_CRYPTO)
        return n;
    it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_LIBRARY, false);
    return 0;
}

static int output_session(it_rtmfp *r, it_time now, const it_rtmfp_packet *p, it_io *out, uint8_t *buf, size_t cap)
{
    it_rtmfp_head h = {.tc = false};
    it_rtmfp_session *s = it_rtmfp_session_no(r, p->session);
    if (!s || s->state < IT_RTMFP_OPENED)
        return 0;
    it_rtmfp_path path = s->path;
    if (p->elsewhere)
        path = p->path;
    else
        s->tx_at = now;
    it_rtmfp_session_arm(r, now, s);
    return output_inside(r, now, s, &path, &h, it_bytes_of(p->chunks, p->n), out, buf, cap);
}

/* What flows have to send, of the next session that has something. */
static int output_flows(it_rtmfp *r, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    uint8_t chunks[IT_RTMFP_DATAGRAM];
    uint32_t i;
    while ((i = it_bits_next(&r->ready, 0)) != IT_BITS_NONE) {
        it_rtmfp_session *s = r->slot[i];
        it_rtmfp_head h = {.tc = false};
        it_buf b;
        it_buf_init(&b, chunks, it_rtmfp_seal_room(&s->keys, IT_RTMFP_DATAGRAM) - IT_RTMFP_HEAD_MAX);
        if (s->state == IT_RTMFP_OPENED && it_rtmfp_flows_ready(&s->flows, now))
            it_rtmfp_flows_put(&s->flows, now, &b, &h);
        if (b.len == 0) {
            it_bits_del(&r->ready, i);
            continue;
        }
        s->tx_at = now;
        it_rtmfp_session_arm(r, now, s);
        int n = output_inside(r, now, s, &s->path, &h, it_bytes_of(b.p, b.len), out, buf, cap);
        if (n != 0)
            return n;
    }
    return 0;
}

static int output_startup(it_rtmfp *r, it_time now, const it_rtmfp_packet *p, it_io *out, uint8_t *buf, size_t cap)
{
    uint8_t plain[IT_RTMFP_DATAGRAM + IT_RTMFP_HEAD_MAX];
    it_buf b;
    it_rtmfp_head h = {.mode = IT_RTMFP_STARTUP, .has_ts = true, .ts = (uint16_t)(now / IT_RTMFP_TICK)};
    if (!base_of(r, p->path.flow))
        return 0;
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &h);
    it_buf_put(&b, p->chunks, p->n);
    return output_seal(&r->startup, p->sid, &p->path, &b, out, buf, cap);
}

int it_rtmfp_output(it_rtmfp *r, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (it_rtmfp_packet *p; (p = it_rtmfp_queue_pop(r));) {
        int n;
        r->err = 0;
        if (p->startup)
            n = output_startup(r, now, p, out, buf, cap);
        else
            n = output_session(r, now, p, out, buf, cap);
        it_free(r->alloc, p);
        if (n == 1)
            return 1;
        if (n == IT_ERR_CRYPTO)
            return n;
    }
    return output_flows(r, now, out, buf, cap);
}
