/* Model E's API: construction, bases, raw datagrams and the functions of the object contract. */
#include "stack/e/impl.h"

#include <stdio.h>
#include <string.h>

void it_e_emit(it_e *e, it_time now, it_model_event ev)
{
    ev.at = now;
    it_evq_put(&e->events, &ev, -1);
}

/* RFC 8839 section 5.4: ice-char is ALPHA, DIGIT, "+" or "/". */
static bool ice_chars(const char *s, size_t min, size_t max)
{
    size_t n = s ? strlen(s) : 0;
    return n >= min && n <= max && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == n;
}

int it_e_credentials(const char *ufrag, const char *pwd)
{
    return ice_chars(ufrag, 4, IT_E_UFRAG_MAX) && ice_chars(pwd, 22, IT_E_PWD_MAX) ? 0 : IT_ERR_RANGE;
}

static void gen_set(e_gen *g, const char *ufrag, const char *pwd)
{
    (void)snprintf(g->ufrag, sizeof g->ufrag, "%s", ufrag);
    it_stun_key_short(&g->key, it_bytes_str(pwd));
    g->until = IT_NEVER;
}

int it_e_restart(it_e *e, it_time now, const char *ufrag, const char *pwd)
{
    if (it_e_credentials(ufrag, pwd) < 0)
        return IT_ERR_RANGE;
    it_bytes fresh = it_bytes_str(ufrag);
    if (it_bytes_eq(fresh, it_bytes_str(e->gen.ufrag))) /* RFC 8445 section 9: both change */
        return IT_ERR_RANGE;
    e_gen *old = &e->past[e->past_at];
    *old = e->gen;
    old->until = e->white.life == IT_NEVER ? IT_NEVER : now + e->white.life;
    e->past_at = (e->past_at + 1) % E_PAST;
    if (e->n_past < E_PAST)
        e->n_past++;
    gen_set(&e->gen, ufrag, pwd);
    it_gate_restart(&e->gate);
    it_gate_settle(&e->gate, old->until);
    return 0;
}

it_e *it_e_new(const it_e_cfg *cfg)
{
    char name[E_NAME + 16];
    it_rng tie;
    it_e *e = it_calloc(cfg->alloc, 1, sizeof *e);
    if (!e)
        return NULL;
    IT_ASSERT(it_e_credentials(cfg->ufrag, cfg->pwd) == 0);
    e->cfg = *cfg;
    e->alloc = cfg->alloc;
    (void)snprintf(e->name, sizeof e->name, "%s", cfg->name);
    gen_set(&e->gen, cfg->ufrag, cfg->pwd);
    e->cfg.name = e->name;
    e->cfg.ufrag = e->cfg.pwd = NULL;
    it_evq_init(&e->events, e->alloc);
    it_gate_init(&e->gate, e->alloc);
    it_whitelist_init(&e->white, e->alloc, cfg->expiry ? cfg->expiry : cfg->timers.death);
    (void)snprintf(name, sizeof name, "%s/txid", e->name);
    it_rng_init(&e->rng_txid, cfg->seed, name);
    (void)snprintf(name, sizeof name, "%s/tiebreaker", e->name);
    it_rng_init(&tie, cfg->seed, name);
    e->tiebreaker = it_rng_u64(&tie);
    e->trans = it_stun_trans_new(e->alloc);
    if (!e->trans) {
        it_e_free(e);
        return NULL;
    }
    return e;
}

void it_e_free(it_e *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->n_media; i++) {
        it_conn_fini(&e->media[i]->conn);
        it_free(e->alloc, e->media[i]);
    }
    for (int i = 0; i < e->q_n; i++)
        it_free(e->alloc, e->queue[(e->q_head + i) % E_QUEUE].data);
    it_stun_trans_free(e->trans);
    it_whitelist_fini(&e->white);
    it_gate_fini(&e->gate);
    it_evq_fini(&e->events);
    it_free(e->alloc, e->running);
    it_free(e->alloc, e);
}

/* --- bases --- */

const e_base *it_e_base_of(const it_e *e, int flow)
{
    for (int i = 0; i < e->n_bases; i++)
        if (e->bases[i].flow == flow)
            return &e->bases[i];
    return NULL;
}

const e_base *it_e_base(const it_e *e, it_addr to, it_addr from)
{
    for (int i = 0; i < e->n_bases; i++) {
        const e_base *b = &e->bases[i];
        bool family = it_ip_is4(b->addr.ip) == it_ip_is4(to.ip);
        if (family && (it_ip_none(from.ip) || it_addr_eq(b->addr, from)))
            return b;
    }
    return NULL;
}

int it_e_add_base(it_e *e, it_time now, int flow, it_addr base)
{
    if (e->n_bases == E_BASES)
        return IT_ERR_FULL;
    e->bases[e->n_bases++] = (e_base){flow, base};
    it_e_emit(e, now, (it_model_event){.kind = IT_EV_NETWORK, .flow = flow, .up = true, .base = base});
    for (int i = 0; i < e->n_media; i++)
        it_conn_network(&e->media[i]->conn, now, &(it_conn_socket){flow, true, base}, e->n_bases);
    return e->events.oom ? IT_ERR_NOMEM : 0;
}

bool it_e_has_base(const it_e *e, it_addr base)
{
    for (int i = 0; i < e->n_bases; i++)
        if (it_addr_eq(e->bases[i].addr, base))
            return true;
    return false;
}

void it_e_remove_base(it_e *e, it_time now, int flow)
{
    for (int i = 0; i < e->n_bases; i++) {
        e_base b = e->bases[i];
        if (b.flow != flow)
            continue;
        memmove(&e->bases[i], &e->bases[i + 1], (size_t)(e->n_bases - i - 1) * sizeof *e->bases);
        e->n_bases--;
        it_e_check_drop_base(e, flow);
        it_whitelist_drop(&e->white, flow);
        it_gate_drop_base(&e->gate, flow);
        it_e_emit(e, now, (it_model_event){.kind = IT_EV_NETWORK, .flow = flow, .up = false, .base = b.addr});
        it_e_media_base_gone(e, now, &(it_conn_socket){flow, false, b.addr});
        it_e_pump(e, now);
        return;
    }
}

/* --- datagrams of our own --- */

int it_e_queue(it_e *e, const e_base *b, it_addr to, it_bytes data)
{
    if (e->q_n == E_QUEUE)
        return IT_ERR_FULL;
    uint8_t *copy = it_malloc(e->alloc, data.n);
    if (!copy)
        return IT_ERR_NOMEM;
    memcpy(copy, data.p, data.n);
    e->queue[(e->q_head + e->q_n++) % E_QUEUE] = (e_out){b->flow, b->addr, to, (uint16_t)data.n, copy};
    return 0;
}

it_white *it_e_permitted(it_e *e, it_time now, it_addr to, it_addr from)
{
    const e_base *b = it_ip_none(from.ip) ? NULL : it_e_base(e, to, from);
    if (!it_ip_none(from.ip) && !b)
        return NULL;
    return it_whitelist_find(&e->white, now, b ? b->flow : -1, to);
}

int it_e_send(it_e *e, it_time now, it_addr to, it_addr from, it_bytes data)
{
    it_white *w = it_e_permitted(e, now, to, from);
    if (!w)
        return IT_ERR_PERM;
    if (data.n == 0)
        return IT_ERR_RANGE;
    if (data.n > IT_IO_DGRAM_MAX)
        return IT_ERR_TOOBIG;
    return it_e_queue(e, it_e_base_of(e, w->flow), to, data);
}

/* --- the object contract --- */

/* A datagram that is neither a check nor DTLS: for the application. */
static void raw(it_e *e, it_time now, const it_io *in)
{
    const e_base *b = it_e_base_of(e, (int)in->flow);
    if (b && in->data.n > 0)
        it_e_emit(e, now,
                  (it_model_event){.kind = IT_EV_MESSAGE, .data = in->data, .remote = in->remote, .base = b->addr});
}

int it_e_data(it_e *e, it_time now, const it_io *in)
{
    if (it_channel_dtls_takes(in->data) && in->data.n > 1 && in->data.p[1] == 0xfe) /* RFC 7983, and DTLS's version */
        return it_e_dtls(e, now, in);
    raw(e, now, in);
    return 0;
}

/* Takes what waited at the gate and is vouched for by now. Returns 0 or IT_ERR_NOMEM. */
static int take_early(it_e *e, it_time now)
{
    it_io in;
    int err = 0;
    while (it_gate_take(&e->gate, now, &in) > 0) {
        int r = it_e_data(e, now, &in);
        if (r < 0)
            err = r;
    }
    return err;
}

const it_gate *it_e_gate(const it_e *e)
{
    return &e->gate;
}

/* A base that the driver has: one too many does nothing (stack/object.h), and no event tells of it. */
static int base_in(it_e *e, it_time now, const it_io *in)
{
    int err = it_e_add_base(e, now, (int)in->flow, in->local);
    return err == IT_ERR_FULL ? 0 : err;
}

int it_e_input(it_e *e, it_time now, const it_io *in)
{
    int err;
    if (in->kind == IT_IO_BOUND)
        return base_in(e, now, in);
    if (in->kind == IT_IO_UNBIND) {
        it_e_remove_base(e, now, (int)in->flow);
        return e->events.oom ? IT_ERR_NOMEM : 0;
    }
    if (in->kind != IT_IO_DGRAM && in->kind != IT_IO_ERROR)
        return 0; /* sizes of paths: media has its own idea of them */
    if (in->kind == IT_IO_ERROR) {
        err = it_e_icmp(e, in);
    } else if (it_stun_is(in->data)) {
        err = it_e_stun(e, now, in);
        if (err >= 0)
            err = take_early(e, now);
    } else {
        err = it_gate_input(&e->gate, now, in);
        if (err < 0)
            return err;
        if (err != IT_GATE_PASS)
            return (int)in->data.n;
        err = it_e_data(e, now, in);
    }
    it_e_pump(e, now);
    return err < 0 ? err : e->events.oom ? IT_ERR_NOMEM : in->kind == IT_IO_DGRAM ? (int)in->data.n : 0;
}

static int tick_media(it_e *e, it_time now)
{
    int err = 0;
    for (int i = 0; i < e->n_media && err >= 0; i++)
        err = it_conn_tick(&e->media[i]->conn, now);
    return err;
}

static int tick_due(it_e *e, it_time now)
{
    int err = 0;
    if (it_stun_trans_next(e->trans) <= now)
        err = it_stun_trans_tick(e->trans, now);
    it_e_timeouts(e);
    if (err >= 0)
        err = tick_media(e, now);
    it_e_pump(e, now);
    return err;
}

int it_e_tick(it_e *e, it_time now)
{
    int err = 0;
    for (int round = 0; round < 16 && err >= 0 && it_e_next(e) <= now; round++)
        err = tick_due(e, now);
    return err < 0 ? err : e->events.oom ? IT_ERR_NOMEM : 0;
}

it_time it_e_next(const it_e *e)
{
    it_time a = it_stun_trans_next(e->trans), b = it_e_media_next(e);
    return a < b ? a : b;
}

/* The oldest queued datagram. */
static int dequeue(it_e *e, it_io *out, uint8_t *buf, size_t cap)
{
    e_out *q = &e->queue[e->q_head];
    if (q->n > cap)
        return IT_ERR_FULL;
    memcpy(buf, q->data, q->n);
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = (uint32_t)q->flow,
                   .local = q->local,
                   .remote = q->remote,
                   .data = it_bytes_of(buf, q->n)};
    it_free(e->alloc, q->data);
    e->q_head = (e->q_head + 1) % E_QUEUE;
    e->q_n--;
    return 1;
}

int it_e_output(it_e *e, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (e->q_n)
        return dequeue(e, out, buf, cap);
    int n = it_stun_trans_output(e->trans, now, out, buf, cap);
    for (int i = 0; i < e->n_media && n == 0; i++)
        n = it_conn_output(&e->media[i]->conn, now, out, buf, cap);
    return n;
}

int it_e_event_next(it_e *e, it_model_event *ev, int *media)
{
    return it_evq_take(&e->events, ev, media);
}

/* --- the table of stack/object.h --- */

static int e_input(void *o, it_time now, const it_io *in)
{
    return it_e_input(o, now, in);
}

static int e_tick(void *o, it_time now)
{
    return it_e_tick(o, now);
}

static it_time e_next(const void *o)
{
    return it_e_next(o);
}

static int e_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_e_output(o, now, out, buf, cap);
}

static int e_event(void *o, it_object_event *ev)
{
    it_e *e = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &e->latest};
    return it_e_event_next(e, &e->latest, &ev->part);
}

static void e_free(void *o)
{
    it_e_free(o);
}

const it_object_ops it_e_ops = {.kind = "E",
                                .input = e_input,
                                .tick = e_tick,
                                .next = e_next,
                                .output = e_output,
                                .event = e_event,
                                .free = e_free,
                                .errors = true,
                                .model = &it_e_model};
