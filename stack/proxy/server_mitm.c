/* The inspector in the middle: TLS with the server, then TLS with the client under a certificate of the inspector's own
 * for the name that the client has asked for, and between them HTTP in clear, which is read.
 *
 *     client == TLS, leaf of the inspector's CA == [ request is read, upgrade stripped ] == TLS, verified == server
 *
 * The server comes first: what it cannot prove the client is told by an alert, and what it speaks the client is
 * offered. The client's side is the other way round in time: its ClientHello waits until the server has answered. */
#include "stack/proxy/server_impl.h"

#include <string.h>

#define DAY ((it_time)86400 * IT_SEC)

/* TLS 1.2 (RFC 5246 section 7.2): fatal handshake_failure. */
static const uint8_t NO_SERVER[] = {21, 3, 3, 0, 2, 2, IT_TLS_HANDSHAKE_FAILURE};

bool it_proxy_passes(const it_proxy *p, it_bytes name)
{
    const char *list = p->cfg.pass ? p->cfg.pass : "";
    while (*list) {
        size_t n = strcspn(list, ",");
        if (it_tls_name_matches(it_bytes_of(list, n), name))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* A layer of TLS for leg |i|, made as |cfg| says; 0 or IT_ERR_NOMEM. */
static int push_tls(it_proxy *p, it_mitm *m, int i, it_tls_cfg *cfg)
{
    cfg->alloc = p->cfg.alloc;
    cfg->shared = p->cfg.tls;
    it_rng_init(&cfg->rng, it_rng_u64(&p->cfg.rng), "tls");
    it_layer l = it_tls_layer(cfg);
    return l.ops ? it_layers_push(&m->ls[i], l) : IT_ERR_NOMEM;
}

int it_proxy_mitm_begin(it_proxy *p, it_tunnel *t, const it_tls_hello *h)
{
    it_mitm *m = it_calloc(p->cfg.alloc, 1, sizeof *m);
    if (!m)
        return IT_ERR_NOMEM;
    t->mitm = m;
    for (int i = 0; i < 2; i++)
        it_layers_init(&m->ls[i], p->cfg.alloc, &t->r.s[i]);
    if (h->name.n > 0 && h->name.n < sizeof m->name && it_tls_name_valid(h->name))
        memcpy(m->name, h->name.p, h->name.n);
    else
        it_ip_text(t->wanted.ip, m->name);
    m->http = it_tls_hello_offers(h, "http/1.1");
    it_tls_cfg cfg = {.client = true, .name = m->name, .trust = p->cfg.trust, .alpn = m->http ? "http/1.1" : NULL};
    return push_tls(p, m, 1, &cfg);
}

int it_proxy_mitm_portal(it_proxy *p, it_tunnel *t)
{
    it_mitm *m = it_calloc(p->cfg.alloc, 1, sizeof *m);
    if (!m)
        return IT_ERR_NOMEM;
    t->mitm = m;
    for (int i = 0; i < 2; i++)
        it_layers_init(&m->ls[i], p->cfg.alloc, &t->r.s[i]);
    it_tls_cfg cfg = {.client = false, .cert = p->cfg.portal_cert, .alpn = "http/1.1"};
    return push_tls(p, m, 0, &cfg);
}

bool it_proxy_mitm_say(it_proxy *p, it_tunnel *t, it_bytes text)
{
    it_mitm *m = t->mitm;
    if (!it_proxy_in_middle(t) || p->cfg.kind != IT_PROXY_PORTAL || m->ls[0].n == 0)
        return false;
    int n = it_layers_write(&m->ls[0], p->now, &(it_io){.kind = IT_IO_DATA, .data = text});
    if (n >= 0)
        n = it_layers_write(&m->ls[0], p->now, &(it_io){.kind = IT_IO_FIN});
    m->oom = m->oom || n == IT_ERR_NOMEM;
    return true;
}

/* Ends both ways; the client is told |alert| first, where that is something. */
static void mitm_break(it_proxy *p, it_tunnel *t, it_bytes alert)
{
    p->stats.broken++;
    t->phase = IT_TUNNEL_CLOSING;
    t->mitm->over = true;
    if (alert.n == 0) {
        it_relay_abort(&t->r);
        return;
    }
    it_stream_finish(&t->r.s[1]); /* behind our own alert to the server */
    it_proxy_refuse(p, t, alert);
}

/* The server is reached and proved: begins with the client, whose ClientHello waits in t->head. */
static int begin_client(it_proxy *p, it_tunnel *t)
{
    it_mitm *m = t->mitm;
    const char *names[] = {m->name};
    it_rng stream;
    it_rng_init(&stream, it_rng_u64(&p->cfg.rng), "leaf");
    it_tls_cert_cfg c = {.alloc = p->cfg.alloc,
                         .stream = &stream,
                         .now = p->now,
                         .subject = "inspected",
                         .names = names,
                         .n_names = 1,
                         .from = p->now - DAY,
                         .until = p->now + 7 * DAY};
    m->leaf = it_tls_leaf_new(&c, p->cfg.ca);
    it_tls_cfg cfg = {.client = false, .cert = m->leaf, .alpn = m->http ? "http/1.1" : NULL};
    int err = m->leaf ? push_tls(p, m, 0, &cfg) : IT_ERR_NOMEM;
    if (err < 0)
        return err;
    it_io hello = {.kind = IT_IO_DATA, .flow = t->r.s[0].flow, .data = it_bytes_of(t->head.buf, t->head.n)};
    int n = it_layers_input(&m->ls[0], p->now, &hello);
    it_stream_read_on(&t->r.s[0]); /* what came behind it was not taken */
    return n < 0 ? n : 0;
}

/* Hears a client of the portal. */
static size_t read_portal(it_proxy *p, it_tunnel *t, it_bytes data)
{
    if (t->phase == IT_TUNNEL_CLOSING)
        return data.n;
    int n = it_proxy_http(p, t, data);
    if (n < 0)
        t->mitm->oom = true;
    return n < 0 ? data.n : (size_t)n;
}

/* Looks at what the client says in clear: gathers its first request, changes it as on port 80, and lets all behind it
 * pass. Returns the bytes taken; what goes on is in m->way[0]. */
static size_t read_client(it_proxy *p, it_tunnel *t, it_bytes data)
{
    it_mitm *m = t->mitm;
    if (p->cfg.kind == IT_PROXY_PORTAL)
        return read_portal(p, t, data);
    if (m->read)
        return it_queue_put(&m->way[0], data);
    int n = it_http_head_feed(&m->head, data);
    if (n >= 0 && !m->head.done)
        return (size_t)n;
    it_http_request r;
    if (n < 0 || it_http_request_parse(it_bytes_of(m->head.buf, m->head.n), &r) < 0) {
        mitm_break(p, t, it_bytes_of(NULL, 0)); /* no HTTP inside */
        return data.n;
    }
    p->stats.requests++;
    m->read = true;
    size_t len = it_proxy_strip(p, m->head.buf, m->head.n);
    (void)it_queue_put(&m->way[0], it_bytes_of(m->head.buf, len)); /* it is empty, and has room for a head */
    return (size_t)n;
}

/* A leg is open: the server's, and then the client's. */
static int leg_opened(it_proxy *p, it_tunnel *t, int i)
{
    if (i == 0) {
        p->stats.intercepted += p->cfg.kind == IT_PROXY_INSPECT;
        return 0;
    }
    return begin_client(p, t);
}

/* A leg ended without being asked to. */
static void leg_reset(it_proxy *p, it_tunnel *t, int i)
{
    const it_tls_info *info = it_tls_layer_info(&t->mitm->ls[i].v[0]);
    if (i == 0)
        p->stats.untrusted += info->end == IT_TLS_END_ALERT;
    if (i == 1 && !info->open)
        mitm_break(p, t, it_bytes_of(NO_SERVER, sizeof NO_SERVER));
    else
        mitm_break(p, t, it_bytes_of(NULL, 0));
}

/* What leg |i| says in clear, |data|: looked at, and on its way to the other. */
static void leg_data(it_proxy *p, it_tunnel *t, int i, it_bytes data)
{
    it_mitm *m = t->mitm;
    t->r.bytes[i] += data.n;
    for (size_t at = 0; at < data.n && !m->over;) {
        it_bytes rest = it_bytes_of(data.p + at, data.n - at);
        if (i == 0)
            at += read_client(p, t, rest);
        else
            at += it_queue_put(&m->way[1], rest);
    }
}

/* Leg |i| has ended in order. */
static void leg_finished(it_proxy *p, it_tunnel *t, int i)
{
    t->mitm->fin[i] = true;
    if (p->cfg.kind == IT_PROXY_PORTAL)
        (void)it_proxy_mitm_say(p, t, it_bytes_of(NULL, 0));
}

/* Does what came up on leg |i|. Returns 1, or an error. */
static int leg_up(it_proxy *p, it_tunnel *t, int i, const it_io *io)
{
    int err = 0;
    switch (io->kind) {
    case IT_IO_OPENED:
        err = leg_opened(p, t, i);
        break;
    case IT_IO_DATA:
        leg_data(p, t, i, io->data);
        err = t->mitm->oom ? IT_ERR_NOMEM : 0;
        break;
    case IT_IO_FIN:
        leg_finished(p, t, i);
        break;
    default:
        leg_reset(p, t, i);
        break;
    }
    return err < 0 ? err : 1;
}

/* One io out of leg |i|, in clear: 1 when something moved, 0, or an error. */
static int read_leg(it_proxy *p, it_tunnel *t, int i)
{
    uint8_t buf[IT_LAYER_MESSAGE];
    it_mitm *m = t->mitm;
    it_io io;
    if (m->over || m->ls[i].n == 0 || m->way[i].n > 0)
        return 0;
    /* No more than the queue takes: a TLS layer gives as little as it is asked for. */
    size_t most = m->read ? IT_QUEUE_MAX : IT_QUEUE_MAX - IT_HTTP_HEAD_MAX;
    int n = it_layers_read(&m->ls[i], p->now, &io, buf, most);
    return n > 0 ? leg_up(p, t, i, &io) : n;
}

/* What leg |i| has said goes on to the other: 1 when something moved, 0, or an error. */
static int write_leg(it_proxy *p, it_tunnel *t, int i)
{
    it_mitm *m = t->mitm;
    it_layers *to = &m->ls[1 - i];
    if (m->over || to->n == 0)
        return 0;
    if (m->way[i].n == 0) {
        bool now = m->fin[i];
        m->fin[i] = false;
        int n = now ? it_layers_write(to, p->now, &(it_io){.kind = IT_IO_FIN}) : 0;
        return n < 0 ? n : now;
    }
    it_io io = {.kind = IT_IO_DATA, .data = it_bytes_of(m->way[i].buf + m->way[i].at, m->way[i].n)};
    int n = it_layers_write(to, p->now, &io);
    if (n <= 0)
        return n;
    m->way[i].at = (size_t)n < m->way[i].n ? m->way[i].at + (size_t)n : 0;
    m->way[i].n -= (size_t)n;
    return 1;
}

static int mitm_turn(it_proxy *p, it_tunnel *t)
{
    int moved = 1;
    while (moved > 0) {
        moved = 0;
        for (int i = 0; i < 2 && moved >= 0; i++) {
            int n = read_leg(p, t, i);
            int k = 0;
            if (n >= 0)
                k = write_leg(p, t, i);
            moved = n < 0 ? n : k < 0 ? k : moved | n | k;
        }
    }
    return moved;
}

int it_proxy_mitm_input(it_proxy *p, it_tunnel *t, int leg, const it_io *in)
{
    it_mitm *m = t->mitm;
    if (m->ls[leg].n == 0) {
        /* The client, while the server is asked: it waits, or goes. */
        it_stream_input(&t->r.s[0], in);
        if (in->kind == IT_IO_DATA)
            return it_stream_took(&t->r.s[0], in->data.n, 0);
        if (in->kind == IT_IO_FIN || in->kind == IT_IO_RST)
            it_relay_abort(&t->r);
        return 0;
    }
    int n = it_layers_input(&m->ls[leg], p->now, in);
    int err = n < 0 ? n : mitm_turn(p, t);
    return err < 0 ? err : n;
}

int it_proxy_mitm_output(it_proxy *p, it_tunnel *t, it_io *out, uint8_t *buf, size_t cap)
{
    it_mitm *m = t->mitm;
    for (int i = 0; i < 2; i++) {
        int err = mitm_turn(p, t);
        if (err < 0)
            return err;
        int n = 0;
        if (m->ls[i].n && !m->over)
            n = it_layers_output(&m->ls[i], p->now, out, buf, cap);
        else
            n = it_stream_output(&t->r.s[i], out, buf, cap);
        if (n != 0)
            return n;
    }
    return 0;
}

void it_proxy_mitm_free(it_proxy *p, it_tunnel *t)
{
    it_mitm *m = t->mitm;
    if (!m)
        return;
    it_layers_fini(&m->ls[0]);
    it_layers_fini(&m->ls[1]);
    it_tls_cert_free(m->leaf);
    it_free(p->cfg.alloc, m);
    t->mitm = NULL;
}
