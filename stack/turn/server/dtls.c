/* Clients over DTLS (RFC 7350): associations by 5-tuple, on the sockets that plain datagrams come to, told apart by the
 * first byte (RFC 7983 section 7). One that has an association is heard by it alone. */
#include "stack/turn/server/impl.h"

/* An association. */
typedef struct it_turn_assoc {
    it_tls_dgram *d; /* NULL: a free place */
    it_turn_leg leg;
    it_time idle; /* when it is closed unless it has an allocation */
} assoc;

typedef struct assoc_key {
    uint64_t w[3];
} assoc_key;

static assoc_key key_of(const it_turn_leg *l)
{
    return (assoc_key){{(uint64_t)l->flow << 16 | l->remote.port, l->remote.ip.hi, l->remote.ip.lo}};
}

/* The association of |leg|; IT_TURN_NONE. */
static uint32_t assoc_find(const it_turn_server *s, const it_turn_leg *leg)
{
    return s->live_assocs ? it_map_get(&s->by_assoc, key_of(leg).w) : IT_TURN_NONE;
}

static void assoc_free(it_turn_server *s, uint32_t i)
{
    assoc *a = &s->assocs[i];
    it_map_del(&s->by_assoc, key_of(&a->leg).w);
    it_tourney_set(&s->assoc_clock, i, IT_NEVER, i);
    it_tls_dgram_free(a->d);
    a->d = NULL;
    s->live_assocs--;
}

void it_turn_dtls_free_all(it_turn_server *s)
{
    for (uint32_t i = 0; i < s->n_assocs; i++)
        if (s->assocs[i].d)
            assoc_free(s, i);
    it_tls_dgram_free(s->stranger);
    it_free(s->cfg.alloc, s->assocs);
}

/* The 5-tuple is gone, and its allocation with it, unless it can move. */
static void assoc_gone(it_turn_server *s, uint32_t i)
{
    it_turn_leg leg = s->assocs[i].leg;
    it_turn_leg_gone(s, &leg);
    assoc_free(s, i);
}

/* Puts what |d| has to send into the queue. Returns 0 or IT_ERR_NOMEM. */
static int assoc_flush(it_turn_server *s, it_tls_dgram *d, const it_turn_leg *leg, it_io_meta meta)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST + IT_TLS_DGRAM_OVERHEAD];
    it_io io = {.kind = IT_IO_DGRAM, .flow = leg->flow, .local = leg->local, .remote = leg->remote, .meta = meta};
    int err = 0;
    for (size_t n; err != IT_ERR_NOMEM && (n = it_tls_dgram_output(d, buf, sizeof buf)) > 0;) {
        const it_bytes parts[3] = {it_bytes_of(buf, n), {NULL, 0}, {NULL, 0}};
        err = it_turn_queue(s, &io, parts); /* one that finds no room is lost, as on the way */
    }
    return err == IT_ERR_NOMEM ? err : 0;
}

static void assoc_arm(it_turn_server *s, uint32_t i)
{
    it_time timer = it_tls_dgram_next(s->assocs[i].d), idle = s->assocs[i].idle;
    it_tourney_set(&s->assoc_clock, i, timer < idle ? timer : idle, i);
}

/* A free place, with room in all tables; IT_TURN_NONE without memory. */
static uint32_t assoc_place(it_turn_server *s)
{
    uint32_t i = 0;
    while (i < s->n_assocs && s->assocs[i].d)
        i++;
    if (it_grow(s->cfg.alloc, &s->assocs, &s->cap_assocs, i + 1, sizeof(assoc)) < 0)
        return IT_TURN_NONE;
    if (it_tourney_grow(&s->assoc_clock, i + 1) < 0)
        return IT_TURN_NONE;
    if (i == s->n_assocs)
        s->assocs[s->n_assocs++] = (assoc){.d = NULL};
    return i;
}

/* The association that takes what strangers say; NULL without memory. */
static it_tls_dgram *stranger_of(it_turn_server *s)
{
    it_tls_cfg cfg = s->tls;
    if (s->stranger)
        return s->stranger;
    it_rng_init(&cfg.rng, it_rng_u64(&s->tls.rng), "dtls");
    s->stranger = it_tls_dgram_new(&cfg);
    return s->stranger;
}

/* Somebody has shown that he is at |leg|: what took his hello is his from now on, and |old| no longer. Returns 0 or
 * IT_ERR_NOMEM. */
static int assoc_accept(it_turn_server *s, it_time now, const it_turn_leg *leg, uint32_t old)
{
    it_tls_dgram *d = s->stranger;
    s->stranger = NULL;
    if (old != IT_TURN_NONE) /* RFC 6347 section 4.2.8: he has begun anew */
        assoc_gone(s, old);
    uint32_t i = s->live_assocs < s->t.limits.streams ? assoc_place(s) : IT_TURN_NONE;
    if (i == IT_TURN_NONE || it_map_put(&s->by_assoc, key_of(leg).w, i) < 0) {
        bool full = s->live_assocs >= s->t.limits.streams;
        it_tls_dgram_free(d);
        return full ? 0 : IT_ERR_NOMEM;
    }
    s->assocs[i] = (assoc){.d = d, .leg = *leg, .idle = now + IT_TURN_IDLE};
    s->live_assocs++;
    assoc_arm(s, i);
    return assoc_flush(s, d, leg, (it_io_meta){.frag = true});
}

/* A ClientHello from |leg|, whose association |old| is, if there is one. */
static int hear_stranger(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes in, uint32_t old)
{
    /* The 5-tuple of a client without DTLS is taken: its own, and nobody else's to take over. */
    if (old == IT_TURN_NONE && it_turn_table_find(&s->t, leg) != IT_TURN_NONE)
        return 0;
    it_tls_dgram *d = stranger_of(s);
    if (!d)
        return IT_ERR_NOMEM;
    int err = it_tls_dgram_hello(d, now, &s->cookie, leg->remote, in);
    if (err != 0)
        return err < 0 ? err : assoc_accept(s, now, leg, old);
    return assoc_flush(s, d, leg, (it_io_meta){.frag = true});
}

/* Takes the messages that were in a datagram of association |i|. Returns 0 or IT_ERR_NOMEM. */
static int assoc_read(it_turn_server *s, it_time now, uint32_t i, it_io_meta meta)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST];
    it_turn_leg leg = s->assocs[i].leg;
    for (size_t n; (n = it_tls_dgram_read(s->assocs[i].d, buf, sizeof buf)) > 0;) {
        s->assocs[i].idle = now + IT_TURN_IDLE;
        int err = it_turn_message(s, now, &leg, it_bytes_of(buf, n), meta);
        if (err < 0)
            return err;
    }
    return 0;
}

/* After something was done to association |i|: what it has to say goes out, and it may be over. */
static int assoc_after(it_turn_server *s, uint32_t i)
{
    assoc *a = &s->assocs[i];
    int err = assoc_flush(s, a->d, &a->leg, (it_io_meta){.frag = true});
    if (it_tls_dgram_info(a->d)->end != IT_TLS_END_NONE)
        assoc_gone(s, i);
    else
        assoc_arm(s, i);
    return err;
}

bool it_turn_dtls_has(const it_turn_server *s, const it_turn_leg *leg)
{
    return assoc_find(s, leg) != IT_TURN_NONE;
}

bool it_turn_dtls_takes(const it_turn_server *s, const it_turn_leg *leg, it_bytes in)
{
    return it_tls_dgram_is(in) || it_turn_dtls_has(s, leg);
}

int it_turn_dtls_input(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes in, it_io_meta meta)
{
    uint32_t i = assoc_find(s, leg);
    if (!it_tls_dgram_is(in)) { /* in clear, from one who speaks DTLS: anybody could have written it */
        s->stats.denied++;
        return 0;
    }
    if (i == IT_TURN_NONE)
        return hear_stranger(s, now, leg, in, i);
    it_tls_dgram *d = s->assocs[i].d;
    /* RFC 6347 section 4.2.8: who has begun anew, during a handshake, too; its own hello, late, is a retransmission. */
    bool own = it_tls_dgram_is_own_hello(d, in);
    if (it_tls_dgram_is_hello(in) && !own)
        return hear_stranger(s, now, leg, in, i);
    if (own && it_tls_dgram_info(d)->open)
        return 0;
    int err = it_tls_dgram_input(d, now, in);
    if (err == 0)
        err = assoc_read(s, now, i, meta);
    int after = assoc_after(s, i);
    return err < 0 ? err : after;
}

bool it_turn_dtls_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_bytes parts[3], it_io_meta meta,
                       int *err)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST];
    size_t at = 0;
    uint32_t i = assoc_find(s, leg);
    *err = IT_ERR_FULL;
    if (i == IT_TURN_NONE)
        return false;
    if (parts[0].n + parts[1].n + parts[2].n > sizeof buf || s->n == IT_TURN_SERVER_QUEUE) {
        s->stats.dropped++;
        return true;
    }
    for (int k = 0; k < 3; k++) {
        if (parts[k].n)
            memcpy(buf + at, parts[k].p, parts[k].n);
        at += parts[k].n;
    }
    it_tls_dgram *d = s->assocs[i].d;
    *err = it_tls_dgram_write(d, now, it_bytes_of(buf, at));
    if (*err == 0)
        *err = assoc_flush(s, d, leg, meta);
    else if (*err != IT_ERR_NOMEM)
        *err = IT_ERR_FULL;
    return true;
}

int it_turn_dtls_tick(it_turn_server *s, it_time now)
{
    int err = 0;
    while (it_turn_dtls_next(s) <= now) {
        uint32_t i = it_tourney_first(&s->assoc_clock);
        assoc *a = &s->assocs[i];
        int one = it_tls_dgram_tick(a->d, now);
        bool idle = a->idle <= now;
        if (idle && it_turn_table_find(&s->t, &a->leg) == IT_TURN_NONE) {
            it_tls_dgram_close(a->d, now);
            (void)assoc_flush(s, a->d, &a->leg, (it_io_meta){.frag = true});
            assoc_free(s, i);
            continue;
        }
        if (idle)
            a->idle = now + IT_TURN_IDLE;
        int after = assoc_after(s, i);
        one = one < 0 ? one : after;
        err = err < 0 ? err : one;
    }
    return err;
}

it_time it_turn_dtls_next(const it_turn_server *s)
{
    return s->live_assocs ? s->assoc_clock.time[it_tourney_first(&s->assoc_clock)] : IT_NEVER;
}
