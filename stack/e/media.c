/* Model E's media sessions: a connection on one permitted address, as long as the permission lasts. */
#include "stack/e/impl.h"

#include <stdio.h>
#include <string.h>

static e_media *session(const it_e *e, int media)
{
    return media >= 0 && media < e->n_media ? e->media[media] : NULL;
}

/* The permission under a session's path; NULL when it has lapsed. */
static it_white *under(it_e *e, it_time now, const e_media *m)
{
    return it_whitelist_find(&e->white, now, m->conn.path.flow, m->conn.path.remote);
}

static it_conn_path path_of(const it_e *e, const it_white *w, enum it_ice_kind remote_kind)
{
    return (it_conn_path){.flow = w->flow,
                          .path = remote_kind == IT_ICE_RELAY ? IT_PATH_RELAY_UDP : IT_PATH_DIRECT_UDP,
                          .local_kind = it_e_local_kind(e, w),
                          .remote_kind = remote_kind,
                          .local = it_e_base_of(e, w->flow)->addr,
                          .remote = w->remote};
}

/* --- commands --- */

/* Feeds the hello that came before the session. */
static int take_early(it_e *e, it_time now, e_media *m)
{
    if (!e->n_early || e->early_from.far != m->far)
        return 0;
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)e->early_from.flow,
                .remote = e->early_from.remote,
                .data = it_bytes_of(e->early, e->n_early)};
    e->n_early = 0;
    return it_conn_input(&m->conn, now, &in);
}

static it_channel make_channel(const it_e *e, it_time now, const it_e_media *how, int number)
{
    char name[E_NAME + 24];
    it_channel_dtls_cfg cfg = {.alloc = e->alloc, .shared = e->cfg.shared, .cert = e->cfg.cert, .client = how->client};
    (void)snprintf(name, sizeof name, "%s/m%d/dtls", e->name, number);
    it_rng_init(&cfg.rng, e->cfg.seed, name);
    cfg.prints = &how->fingerprint;
    cfg.n_prints = 1;
    return it_channel_dtls(&cfg, now);
}

static e_media *media_make(it_e *e, it_time now, const it_e_media *how, int number)
{
    e_media *m = it_calloc(e->alloc, 1, sizeof *m);
    if (!m)
        return NULL;
    it_conn_cfg conn = {
        .timers = e->cfg.timers, .voice = how->voice, .alternatives = e->cfg.alternatives, .media = number};
    if (how->within > 0)
        conn.timers.connect = how->within;
    it_conn_init(&m->conn, &conn, &e->events);
    if (how->far_voice)
        it_conn_expect(&m->conn, 0);
    it_conn_begin(&m->conn, now);
    if (it_conn_carry(&m->conn, make_channel(e, now, how, number)) < 0) {
        it_free(e->alloc, m);
        return NULL;
    }
    return m;
}

int it_e_open_media(it_e *e, it_time now, const it_e_media *how)
{
    it_white *w = it_e_permitted(e, now, how->to, how->from);
    if (!w)
        return IT_ERR_PERM;
    if (e->n_media == IT_E_MEDIA_MAX)
        return IT_ERR_FULL;
    it_conn_path path = path_of(e, w, how->remote_kind);
    e_media *m = media_make(e, now, how, e->n_media);
    if (!m)
        return IT_ERR_NOMEM;
    m->far = w->far;
    m->reflexive = w->reflexive;
    m->conn.answered_at = now;
    it_conn_rtt(&m->conn, w->rtt);
    e->media[e->n_media++] = m;
    it_conn_use(&m->conn, now, &path);
    (void)it_conn_settle(&m->conn, now);
    int err = take_early(e, now, m);
    it_e_pump(e, now);
    return err < 0 ? err : e->n_media - 1;
}

int it_e_move(it_e *e, it_time now, int media, it_addr to, it_addr from, enum it_ice_kind remote_kind)
{
    e_media *m = session(e, media);
    if (!m)
        return IT_ERR_NOTFOUND;
    if (it_conn_over(&m->conn))
        return IT_ERR_STATE;
    it_white *w = it_e_permitted(e, now, to, from);
    if (!w)
        return IT_ERR_PERM;
    it_conn_path path = path_of(e, w, remote_kind), was = m->conn.path;
    /* The same path has the same addresses; a new mapping of the same socket is another one. */
    if (!m->adrift && was.flow == path.flow && it_addr_eq(was.remote, path.remote) &&
        it_addr_eq(m->reflexive, w->reflexive))
        return 0;
    m->adrift = false;
    m->far = w->far;
    m->reflexive = w->reflexive;
    it_conn_use(&m->conn, now, &path);
    it_conn_failover(&m->conn, now, was.path);
    it_conn_rtt(&m->conn, w->rtt);
    (void)it_conn_settle(&m->conn, now);
    it_e_pump(e, now);
    return 0;
}

int it_e_media_send(it_e *e, it_time now, int media, it_bytes data)
{
    e_media *m = session(e, media);
    return m ? it_conn_send(&m->conn, now, 0, data) : IT_ERR_NOTFOUND;
}

void it_e_media_close(it_e *e, it_time now, int media)
{
    e_media *m = session(e, media);
    if (m)
        it_conn_close(&m->conn, now);
}

enum it_state it_e_media_state(const it_e *e, int media)
{
    const e_media *m = session(e, media);
    return m ? m->conn.state : IT_STATE_NEW;
}

enum it_path it_e_media_path(const it_e *e, int media)
{
    const e_media *m = session(e, media);
    return m ? it_conn_path_kind(&m->conn) : IT_PATH_NONE;
}

bool it_e_media_stats(const it_e *e, int media, it_conn_stats *s)
{
    const e_media *m = session(e, media);
    if (m)
        it_conn_get_stats(&m->conn, 0, s);
    return m != NULL;
}

/* --- what comes in --- */

/* The session a DTLS datagram is for: the one on that address, else the one with the far side that proved to be there
 * (it may have moved, and tell us so by a check before its data). */
static e_media *session_for(it_e *e, const it_io *in, uint64_t far)
{
    e_media *other = NULL;
    for (int i = 0; i < e->n_media; i++) {
        e_media *m = e->media[i];
        if (it_conn_over(&m->conn))
            continue;
        if (m->conn.path.flow == (int)in->flow && it_addr_eq(m->conn.path.remote, in->remote))
            return m;
        if (!other && far && m->far == far)
            other = m;
    }
    return other;
}

/* The far side has a new fragment since it restarted (RFC 8445 section 9), and no session knows it yet: the keys of
 * open ones tell whose the datagram is, to the others it is noise. */
static bool offer_to_open(it_e *e, it_time now, const it_io *in, int *err)
{
    bool any = false;
    for (int i = 0; i < e->n_media; i++) {
        e_media *m = e->media[i];
        if (it_conn_over(&m->conn) || !m->conn.opened)
            continue;
        int n = it_conn_input(&m->conn, now, in);
        *err = n < 0 ? n : *err;
        any = true;
    }
    return any;
}

int it_e_dtls(it_e *e, it_time now, const it_io *in)
{
    int err = 0;
    uint64_t far = it_e_whose(e, now, (int)in->flow, in->remote);
    e_media *m = session_for(e, in, far);
    if (m)
        return it_conn_input(&m->conn, now, in);
    if (offer_to_open(e, now, in, &err))
        return err;
    if (far && in->data.n <= sizeof e->early) {
        memcpy(e->early, in->data.p, in->data.n);
        e->n_early = in->data.n;
        e->early_from = (e_heard){(int)in->flow, in->remote, far};
    }
    return 0;
}

void it_e_media_base_gone(it_e *e, it_time now, const it_conn_socket *s)
{
    for (int i = 0; i < e->n_media; i++) {
        e_media *m = e->media[i];
        if (it_conn_over(&m->conn))
            continue;
        it_conn_network(&m->conn, now, s, e->n_bases);
        if (it_conn_over(&m->conn) || m->conn.path.flow != s->flow || m->adrift)
            continue;
        /* The application must move it to another interface. */
        m->adrift = true;
        it_conn_lost(&m->conn, now);
        it_conn_link_down(&m->conn, now);
    }
}

/* --- clocks --- */

static void clocks(it_e *e, it_time now, e_media *m)
{
    it_conn *c = &m->conn;
    it_white *w = m->adrift ? NULL : under(e, now, m);
    it_conn_expire(c, now);
    if (!m->adrift && !w)
        it_conn_die(c, now, c->opened ? IT_REASON_CONSENT_EXPIRED : IT_REASON_CONNECT_FAILED,
                    "the permission to send has lapsed (RFC 7675 section 5.1)");
    if (!c->opened || it_conn_over(c))
        return;
    it_conn_checks checks = {IT_NEVER, IT_NEVER, c->lost_at};
    if (w) {
        (void)it_conn_answered(c, now, w->success, w->rtt);
        checks.unanswered = it_e_unanswered(e, w, &checks.asked);
        checks.no_path = IT_NEVER;
    }
    (void)it_conn_live(c, now, &checks);
    it_conn_voice(c, now);
}

/* What the progress of |m| means here. */
static void media_heed(it_e *e, e_media *m, int flags)
{
    if (flags & IT_CONN_ENDED) {
        /* RFC 7675 section 5.2: an authenticated end revokes consent at once. */
        it_whitelist_revoke(&e->white, m->conn.path.flow, m->conn.path.remote);
        it_gate_revoke(&e->gate, m->conn.path.flow, m->conn.path.remote);
    }
}

void it_e_pump(it_e *e, it_time now)
{
    for (int i = 0; i < e->n_media; i++) {
        e_media *m = e->media[i];
        int flags;
        do {
            flags = it_conn_pump(&m->conn, now);
            media_heed(e, m, flags);
            if (!it_conn_over(&m->conn))
                clocks(e, now, m);
        } while (flags);
        (void)it_conn_pump(&m->conn, now); /* secrets, to the last */
    }
}

/* When the permission under the path of |m| lapses; IT_NEVER where there is none. */
static it_time permitted_until(const it_e *e, const e_media *m)
{
    it_time until = IT_NEVER;
    for (size_t k = 0; k < e->white.n && !m->adrift; k++)
        if (e->white.v[k].flow == m->conn.path.flow && it_addr_eq(e->white.v[k].remote, m->conn.path.remote))
            until = it_whitelist_until(&e->white, &e->white.v[k]);
    return until;
}

it_time it_e_media_next(const it_e *e)
{
    it_time t = IT_NEVER;
    for (int i = 0; i < e->n_media; i++) {
        e_media *m = e->media[i];
        if (it_conn_over(&m->conn))
            continue;
        it_time own = it_conn_next(&m->conn), until = permitted_until(e, m);
        own = until < own ? until : own;
        t = own < t ? own : t;
    }
    return t;
}
