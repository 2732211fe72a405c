/* The relay's clients by UDP: a cookie before anything is kept, and then a link like any other. */
#include "stack/wsrelay/server_impl.h"

#define EPOCH (30 * IT_SEC) /* a cookie is good in the one that it was made in, and the next */

/* --- cookies --- */

static void cookie_of(it_wsrelay_server *s, it_addr client, it_time epoch, uint8_t out[IT_WSRELAY_COOKIE])
{
    uint8_t what[26], tag[IT_SHA256_SIZE];
    if (!s->has_key) {
        uint8_t key[IT_SHA256_SIZE];
        it_rng_bytes(&s->cfg.rng, key, sizeof key);
        it_hmac_key_init(&s->cookie_key, it_bytes_of(key, sizeof key));
        s->has_key = true;
    }
    it_put64(what, client.ip.hi);
    it_put64(what + 8, client.ip.lo);
    it_put16(what + 16, client.port);
    it_put64(what + 18, (uint64_t)epoch);
    it_hmac_sha256(&s->cookie_key, tag, it_bytes_of(what, sizeof what), it_bytes_of(NULL, 0));
    memcpy(out, tag, IT_WSRELAY_COOKIE);
}

static bool cookie_good(it_wsrelay_server *s, it_addr client, const uint8_t cookie[IT_WSRELAY_COOKIE])
{
    uint8_t good[IT_WSRELAY_COOKIE];
    for (int back = 0; back < 2; back++) {
        cookie_of(s, client, s->now / EPOCH - back, good);
        if (it_equal_ct(good, cookie, sizeof good))
            return true;
    }
    return false;
}

/* --- words to nobody in particular --- */

static void reply(it_wsrelay_server *s, const it_io *to, const it_wsrelay_word *w)
{
    if (s->n_replies == RELAY_REPLIES)
        return; /* as good as lost: the client asks again */
    relay_reply *r = &s->reply[s->n_replies];
    int n = it_wsrelay_word_write(w, r->bytes, sizeof r->bytes);
    if (n < 0)
        return;
    r->n = (size_t)n;
    r->flow = to->flow;
    r->local = to->local;
    r->remote = to->remote;
    s->n_replies++;
}

static void put_dgram(it_io *out, const relay_reply *r, it_bytes data)
{
    *out = (it_io){.kind = IT_IO_DGRAM, .flow = r->flow, .local = r->local, .remote = r->remote, .data = data};
}

int it_wsr_reply_output(it_wsrelay_server *s, it_io *out, uint8_t *buf, size_t cap)
{
    if (s->n_replies == 0)
        return 0;
    relay_reply r = s->reply[0];
    memmove(&s->reply[0], &s->reply[1], (size_t)--s->n_replies * sizeof r);
    if (r.n > cap)
        return 0;
    memcpy(buf, r.bytes, r.n);
    put_dgram(out, &r, it_bytes_of(buf, r.n));
    return 1;
}

static void refuse(it_wsrelay_server *s, const it_io *in, int status)
{
    s->stats.refused++;
    it_wsr_tell(s, IT_WSRELAY_TALE_REFUSED, in->remote)->status = status;
    reply(s, in, &(it_wsrelay_word){.type = IT_WSRELAY_NO, .status = (uint16_t)status});
}

/* --- links --- */

static int link_by_token(const it_wsrelay_server *s, uint64_t token)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] && s->v[i]->dgram && s->v[i]->token == token && !s->v[i]->gone)
            return (int)i;
    return NOBODY;
}

static bool is_named(const relay_link *l, const it_wsrelay_word *w)
{
    return it_bytes_eq(it_bytes_str(l->room), w->room) && it_bytes_eq(it_bytes_str(l->name), w->name);
}

/* The link that |w|, a JOIN from |remote|, is of already: it is repeated, or its client has moved. */
static int link_of_join(const it_wsrelay_server *s, const it_wsrelay_word *w, it_addr remote)
{
    for (size_t i = 0; i < s->n; i++) {
        const relay_link *l = s->v[i];
        if (!l || !l->dgram || l->gone || !is_named(l, w))
            continue;
        if (l->token == w->token || (w->token == 0 && it_addr_eq(l->s.remote, remote)))
            return (int)i;
    }
    return NOBODY;
}

/* Link |i| is at the address that |in| came from, and alive. */
static void link_at(it_wsrelay_server *s, size_t i, const it_io *in)
{
    relay_link *l = s->v[i];
    l->flow = in->flow;
    l->local = in->local;
    l->s.remote = in->remote;
    l->deadline = s->now + s->cfg.ping_every + s->cfg.ping_wait;
    l->say_in = true;
    it_bits_add(&s->busy, (uint32_t)i);
}

static int take_join(it_wsrelay_server *s, const it_io *in, const it_wsrelay_word *w)
{
    int other = NOBODY, i;
    if (!cookie_good(s, in->remote, w->cookie)) {
        it_wsrelay_word back = {.type = IT_WSRELAY_COOKIED};
        cookie_of(s, in->remote, s->now / EPOCH, back.cookie);
        reply(s, in, &back);
        return 0;
    }
    i = link_of_join(s, w, in->remote);
    if (i != NOBODY) {
        link_at(s, (size_t)i, in);
        return 0;
    }
    int status = it_wsr_judge(s, w->room, w->name, &other);
    i = status == 101 ? it_wsr_add(s) : IT_ERR_FULL;
    if (i == IT_ERR_FULL)
        refuse(s, in, status == 101 ? 503 : status);
    if (i < 0)
        return i == IT_ERR_FULL ? 0 : i;
    s->v[i]->dgram = true;
    s->v[i]->token = it_rng_u64(&s->cfg.rng) | 1;
    link_at(s, (size_t)i, in);
    it_wsr_enter(s, (size_t)i, w->room, w->name, other);
    return 0;
}

static int take_data(it_wsrelay_server *s, size_t i, it_bytes data)
{
    uint8_t frame[IT_WSRELAY_FRAME];
    int n = it_wsrelay_frame_write(&(it_wsrelay_frame){.type = IT_WSRELAY_DATA, .data = data}, frame);
    return n < 0 ? 0 : it_wsr_relay(s, s->v[i], it_bytes_of(frame, (size_t)n));
}

int it_wsr_dgram_input(it_wsrelay_server *s, const it_io *in)
{
    it_wsrelay_word w;
    if (it_wsrelay_word_read(in->data, &w) < 0)
        return 0;
    if (w.type == IT_WSRELAY_JOIN)
        return take_join(s, in, &w);
    int i = link_by_token(s, w.token);
    /* Who has moved says so by a JOIN, which proves the address. */
    if (i == NOBODY || !it_addr_eq(s->v[i]->s.remote, in->remote))
        return 0;
    switch (w.type) {
    case IT_WSRELAY_KEEP:
        link_at(s, (size_t)i, in);
        return 0;
    case IT_WSRELAY_LEAVE:
        it_wsr_leave(s, (size_t)i);
        it_bits_add(&s->busy, (uint32_t)i);
        return 0;
    case IT_WSRELAY_CARRY:
        s->v[i]->deadline = s->now + s->cfg.ping_every + s->cfg.ping_wait;
        return take_data(s, (size_t)i, w.data);
    default:
        return 0;
    }
}

/* --- out --- */

static int link_say(const relay_link *l, const it_wsrelay_word *w, it_io *out, uint8_t *buf, size_t cap)
{
    int n = it_wsrelay_word_write(w, buf, cap);
    if (n < 0)
        return 0;
    put_dgram(out, &(relay_reply){.flow = l->flow, .local = l->local, .remote = l->s.remote},
              it_bytes_of(buf, (size_t)n));
    return 1;
}

/* How it stands: the client is in the room, and the other one is there or not. */
static int say_in(relay_link *l, it_io *out, uint8_t *buf, size_t cap)
{
    it_wsrelay_word w = {.type = IT_WSRELAY_IN, .token = l->token, .here = l->peer != NOBODY, .lost = l->lost};
    l->say_in = l->here = l->away = false;
    return link_say(l, &w, out, buf, cap);
}

int it_wsr_dgram_output(it_wsrelay_server *s, size_t i, it_io *out, uint8_t *buf, size_t cap)
{
    relay_link *l = s->v[i];
    if (l->gone)
        return 0;
    it_wsr_age(s, l);
    if (l->here && !l->away) /* before what the other one sends */
        return say_in(l, out, buf, cap);
    while (l->q.n) {
        it_bytes frame = it_wsrelay_queue_first(&l->q);
        it_wsrelay_word w = {.type = IT_WSRELAY_CARRY, .token = l->token};
        w.data = it_bytes_of(frame.p + 1, frame.n - 1);
        int n = link_say(l, &w, out, buf, cap);
        it_wsrelay_queue_pop(&l->q, s->cfg.alloc);
        if (n)
            return n;
        s->stats.dropped++; /* too large for a datagram */
    }
    return l->say_in || l->here || l->away ? say_in(l, out, buf, cap) : 0;
}
