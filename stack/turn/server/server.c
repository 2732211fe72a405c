/* The server as a protocol object: its life, what comes in by kind, what goes out by turn. */
#include "stack/turn/server/impl.h"

it_turn_server *it_turn_server_new(const it_turn_server_cfg *cfg)
{
    it_turn_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    it_stun_guard_cfg guard = {cfg->alloc, cfg->rng, cfg->auth};
    uint8_t secret[64];
    if (!s)
        return NULL;
    s->cfg = *cfg;
    if (cfg->tls) {
        s->tls = *cfg->tls;
        s->tls.alloc = cfg->alloc;
    }
    s->kind = cfg->channels_5766 ? it_turn_message_kind_5766 : it_turn_message_kind;
    s->framing = cfg->channels_5766 ? it_turn_frame_5766 : it_turn_frame;
    s->channel_last = cfg->channels_5766 ? IT_TURN_CHANNEL_LAST_5766 : IT_TURN_CHANNEL_LAST;
    it_map_init(&s->by_flow, cfg->alloc, 1);
    it_map_init(&s->by_assoc, cfg->alloc, 3);
    it_map_init(&s->by_id, cfg->alloc, 1);
    it_map_init(&s->by_peer_flow, cfg->alloc, 1);
    it_bits_init(&s->conn_busy, cfg->alloc);
    it_bits_init(&s->busy, cfg->alloc);
    int err = it_turn_table_init(&s->t, cfg->alloc, &cfg->limits, cfg->auth.realm ? cfg->auth.n_users : 1);
    if (err == 0)
        err = it_tourney_init(&s->idle, cfg->alloc);
    if (err == 0)
        err = it_tourney_init(&s->assoc_clock, cfg->alloc);
    if (err == 0)
        err = it_tourney_init(&s->conn_clock, cfg->alloc);
    /* What goes over the wire tells nothing of |cfg|->rng: its bytes seed a generator that can be shown (RFC 8656
     * section 18.10, RFC 8016 section 3.1.2). */
    it_rng seed = cfg->rng;
    it_rng_bytes(&seed, secret, sizeof secret);
    it_drbg_init(&s->secrets, it_bytes_of(secret, sizeof secret));
    for (size_t i = 0; i < 4; i++) {
        guard.rng.s[i] = it_drbg_u64(&s->secrets);
        s->rng.s[i] = it_drbg_u64(&s->secrets);
    }
    it_drbg_bytes(&s->secrets, secret, sizeof secret);
    it_hmac_key_init(&s->ticket, it_bytes_of(secret, sizeof secret));
    if (cfg->tls) {
        it_drbg_bytes(&s->secrets, secret, sizeof secret);
        it_hmac_key_init(&s->cookie, it_bytes_of(secret, sizeof secret));
    }
    if (err == 0 && cfg->auth.realm) {
        s->guard = it_stun_guard_new(&guard);
        err = s->guard ? 0 : IT_ERR_NOMEM;
    }
    if (err == 0)
        return s;
    it_turn_server_free(s);
    return NULL;
}

void it_turn_server_free(it_turn_server *s)
{
    if (!s)
        return;
    it_alloc *a = s->cfg.alloc;
    it_turn_stream_free_all(s);
    it_turn_dtls_free_all(s);
    it_turn_tcp_free_all(s);
    for (size_t i = 0; i < IT_TURN_SERVER_QUEUE; i++)
        it_free(a, s->ring[i].p);
    it_turn_table_fini(&s->t);
    it_tourney_fini(&s->idle);
    it_map_fini(&s->by_flow);
    it_map_fini(&s->by_assoc);
    it_map_fini(&s->by_id);
    it_map_fini(&s->by_peer_flow);
    it_bits_fini(&s->conn_busy);
    it_tourney_fini(&s->conn_clock);
    it_tourney_fini(&s->assoc_clock);
    it_bits_fini(&s->busy);
    it_stun_guard_free(s->guard);
    it_free(a, s);
}

/* --- out --- */

int it_turn_queue(it_turn_server *s, const it_io *io, const it_bytes parts[3])
{
    size_t n = parts[0].n + parts[1].n + parts[2].n;
    if (s->n == IT_TURN_SERVER_QUEUE) {
        s->stats.dropped++;
        return IT_ERR_FULL;
    }
    it_turn_waiting *w = &s->ring[(s->first + s->n) % IT_TURN_SERVER_QUEUE];
    if (w->cap < n || !w->p) {
        size_t cap = n < IT_IO_DGRAM_MAX ? IT_IO_DGRAM_MAX : n; /* once for nearly all */
        uint8_t *p = it_realloc(s->cfg.alloc, w->p, cap, 1);
        if (!p)
            return IT_ERR_NOMEM;
        w->p = p;
        w->cap = cap;
    }
    w->n = 0;
    for (int i = 0; i < 3; i++) {
        if (parts[i].n)
            memcpy(w->p + w->n, parts[i].p, parts[i].n);
        w->n += parts[i].n;
    }
    w->io = *io;
    s->n++;
    return 0;
}

int it_turn_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_bytes parts[3], it_io_meta meta,
                 size_t spare)
{
    if (it_turn_leg_is_stream(leg))
        return it_turn_stream_send(s, now, leg->flow, parts, spare);
    int err;
    if (s->live_assocs && it_turn_dtls_send(s, now, leg, parts, meta, &err))
        return err;
    it_io io = {.kind = IT_IO_DGRAM, .flow = leg->flow, .local = leg->local, .remote = leg->remote, .meta = meta};
    return it_turn_queue(s, &io, parts);
}

int it_turn_server_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    /* What was to be relayed leaves before its socket is closed: a client may say its last word and delete. */
    while (s->n > 0) {
        const it_turn_waiting *w = &s->ring[s->first];
        s->first = (s->first + 1) % IT_TURN_SERVER_QUEUE;
        s->n--;
        if (w->n > cap) {
            s->stats.dropped++;
            continue;
        }
        memcpy(buf, w->p, w->n);
        *out = w->io;
        out->data = it_bytes_of(buf, w->n);
        return 1;
    }
    if (it_turn_table_output(&s->t, out))
        return 1;
    int n = it_turn_stream_output(s, now, out, buf, cap);
    if (n == 0)
        n = it_turn_tcp_output(s, now, out, buf, cap);
    return n == 0 ? it_turn_stream_output(s, now, out, buf, cap) : n; /* a connection with room lets its client go on */
}

/* --- in --- */

int it_turn_message(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes d, it_io_meta meta)
{
    it_turn_job j; /* of its message only what was parsed is ever read */
    enum it_turn_message kind = s->kind(d);
    if (kind == IT_TURN_MESSAGE_CHANNEL)
        return it_turn_from_channel(s, now, leg, d, meta);
    if (kind == IT_TURN_MESSAGE_OTHER || it_stun_parse(&j.req, d) < 0)
        return 0; /* RFC 8489 section 6.3: silently */
    if (j.req.cls == IT_STUN_INDICATION && j.req.method == IT_STUN_SEND)
        return it_turn_from_send(s, now, leg, &j.req, meta);
    if (j.req.cls != IT_STUN_REQUEST)
        return 0;
    j.now = now;
    j.leg = *leg;
    j.err = 0;
    it_turn_request(s, &j);
    /* A stream may have another message behind this one, which finds nothing of an allocation that has ended. */
    int tidy = it_turn_tcp_tidy(s, now);
    return j.err < 0 ? j.err : tidy;
}

static int server_dgram(it_turn_server *s, it_time now, const it_io *in)
{
    if (in->flow >= IT_IO_BOUND_FLOW)
        return it_turn_from_peer(s, now, in);
    it_turn_leg leg = {in->flow, in->local, in->remote};
    if (s->cfg.tls && it_turn_dtls_takes(s, &leg, in->data))
        return it_turn_dtls_input(s, now, &leg, in->data, in->meta);
    return it_turn_message(s, now, &leg, in->data, in->meta);
}

void it_turn_leg_gone(it_turn_server *s, const it_turn_leg *leg)
{
    uint32_t a = it_turn_table_find(&s->t, leg);
    if (a != IT_TURN_NONE && it_turn_allocation_at(&s->t, a)->mobile)
        it_turn_table_cut(&s->t, a, leg);
    else if (a != IT_TURN_NONE)
        it_turn_table_drop(&s->t, a);
}

/* A base, or a relayed socket. */
static int server_bound(it_turn_server *s, it_time now, const it_io *in)
{
    if (in->flow >= IT_IO_BOUND_FLOW)
        return it_turn_bound(s, now, in);
    if (s->n_bases < IT_TURN_SERVER_BASES)
        s->bases[s->n_bases++] = (it_turn_base){in->flow, in->local};
    s->t.epoch++;
    return 0;
}

/* Of a relayed address of TCP. */
static int server_listening(it_turn_server *s, it_time now, const it_io *in)
{
    return in->flow >= IT_IO_BOUND_FLOW ? it_turn_bound(s, now, in) : 0;
}

static int server_unbind(it_turn_server *s, it_time now, const it_io *in)
{
    size_t kept = 0;
    (void)now;
    if (in->flow >= IT_IO_BOUND_FLOW && it_turn_table_has_flow(&s->t, in->flow))
        it_turn_table_close(&s->t, in->flow - IT_IO_BOUND_FLOW, true);
    for (size_t i = 0; i < s->n_bases; i++)
        if (s->bases[i].flow != in->flow)
            s->bases[kept++] = s->bases[i];
    s->n_bases = kept;
    s->t.epoch++;
    return 0;
}

/* True for the number of a stream: of a client, or of a connection with a peer. */
static bool is_stream(uint32_t flow)
{
    return flow >= IT_IO_ACCEPTED_FLOW || (flow >= IT_TURN_CONN_FLOW && flow < IT_IO_BOUND_FLOW);
}

static int server_stream(it_turn_server *s, it_time now, const it_io *in)
{
    int n = 0;
    if (it_turn_tcp_input(s, now, in, &n))
        return n;
    if (in->flow >= IT_IO_ACCEPTED_FLOW)
        return it_turn_stream_input(s, now, in);
    return (int)in->data.n; /* of one that is gone */
}

static int server_take(it_turn_server *s, it_time now, const it_io *in)
{
    static int (*const BY_KIND[])(it_turn_server *, it_time, const it_io *) = {[IT_IO_DGRAM] = server_dgram,
                                                                               [IT_IO_BOUND] = server_bound,
                                                                               [IT_IO_LISTENING] = server_listening,
                                                                               [IT_IO_UNBIND] = server_unbind,
                                                                               [IT_IO_ERROR] = it_turn_from_icmp};
    if (is_stream(in->flow))
        return server_stream(s, now, in);
    if ((size_t)in->kind >= sizeof BY_KIND / sizeof BY_KIND[0] || !BY_KIND[in->kind])
        return (int)in->data.n;
    int err = BY_KIND[in->kind](s, now, in);
    return err < 0 ? err : (int)in->data.n;
}

int it_turn_server_input(it_turn_server *s, it_time now, const it_io *in)
{
    it_turn_table_expire(&s->t, now);
    int before = it_turn_tcp_tidy(s, now);
    int n = server_take(s, now, in);
    int after = it_turn_tcp_tidy(s, now);
    after = before < 0 ? before : after;
    return after < 0 ? after : n;
}

int it_turn_server_tick(it_turn_server *s, it_time now)
{
    it_turn_table_expire(&s->t, now);
    it_turn_stream_tick(s, now);
    int err = it_turn_dtls_tick(s, now), tcp = it_turn_tcp_tick(s, now), tidy = it_turn_tcp_tidy(s, now);
    tcp = tcp < 0 ? tcp : tidy;
    return err < 0 ? err : tcp;
}

it_time it_turn_server_next(const it_turn_server *s)
{
    it_time table = it_turn_table_next(&s->t), streams = it_turn_stream_next(s);
    it_time dtls = it_turn_dtls_next(s);
    it_time tcp = it_turn_tcp_next(s);
    table = dtls < table ? dtls : table;
    table = tcp < table ? tcp : table;
    return table < streams ? table : streams;
}

int it_turn_server_tale(it_turn_server *s, it_turn_tale *tale)
{
    it_turn_table *t = &s->t;
    if (t->n_tales == 0)
        return 0;
    *tale = t->tales[t->first_tale];
    t->first_tale = (t->first_tale + 1) % IT_TURN_TALES;
    t->n_tales--;
    return 1;
}

const it_turn_server_stats *it_turn_server_stats_of(const it_turn_server *s)
{
    return &s->stats;
}

uint32_t it_turn_server_allocations(const it_turn_server *s)
{
    return s->t.allocations.n;
}

uint32_t it_turn_server_permissions(const it_turn_server *s)
{
    return s->t.permissions.n;
}

uint32_t it_turn_server_channels(const it_turn_server *s)
{
    return s->t.channels.n;
}

/* --- the table of stack/object.h --- */

static int turn_server_input(void *o, it_time now, const it_io *in)
{
    return it_turn_server_input(o, now, in);
}

static int turn_server_tick(void *o, it_time now)
{
    return it_turn_server_tick(o, now);
}

static it_time turn_server_next(const void *o)
{
    return it_turn_server_next(o);
}

static int turn_server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_turn_server_output(o, now, out, buf, cap);
}

static void turn_server_free(void *o)
{
    it_turn_server_free(o);
}

static bool turn_server_relay(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    return it_turn_server_relay(o, now, in, bytes, out);
}

const it_object_ops it_turn_server_ops = {.kind = "turn",
                                          .input = turn_server_input,
                                          .tick = turn_server_tick,
                                          .next = turn_server_next,
                                          .output = turn_server_output,
                                          .free = turn_server_free,
                                          .relay = turn_server_relay,
                                          .errors = true};
