/* The proxy: its connections, what goes in and out of them, and time. The protocols are in server_http.c,
 * server_socks.c, server_inspect.c, the names of servers in server_names.c. */
#include "stack/proxy/server_impl.h"

#include <string.h>

it_proxy *it_proxy_new(const it_proxy_cfg *cfg)
{
    it_proxy *p = it_calloc(cfg->alloc, 1, sizeof *p);
    size_t n = cfg->auth ? strlen(cfg->auth) : 0, pass = cfg->pass ? strlen(cfg->pass) : 0;
    if (!p || n >= sizeof p->auth || pass >= sizeof p->pass) {
        it_free(cfg->alloc, p);
        return NULL;
    }
    p->cfg = *cfg;
    if (n)
        memcpy(p->auth, cfg->auth, n);
    p->cfg.auth = NULL; /* the copy counts */
    if (pass)
        memcpy(p->pass, cfg->pass, pass);
    p->cfg.pass = p->pass;
    uint8_t key[IT_SHA256_SIZE];
    it_rng_bytes(&p->cfg.rng, key, sizeof key);
    it_hmac_key_init(&p->nonce_key, it_bytes_of(key, sizeof key));
    return p;
}

void it_proxy_free(it_proxy *p)
{
    if (!p)
        return;
    it_alloc *a = p->cfg.alloc;
    for (size_t i = 0; i < p->n; i++) {
        it_proxy_mitm_free(p, p->v[i]);
        it_free(a, p->v[i]);
    }
    for (size_t i = 0; i < p->n_names; i++)
        it_free(a, p->names[i].name);
    for (size_t i = 0; i < p->n_answers; i++)
        it_free(a, p->answers[i].bytes);
    it_free(a, p->v);
    it_free(a, p->names);
    it_free(a, p->refused);
    it_free(a, p->answers);
    it_free(a, p->peers);
    it_free(a, p->unbind);
    it_free(a, p->logins);
    it_dns_stub_free(p->stub);
    it_free(a, p);
}

const it_proxy_stats *it_proxy_stat(const it_proxy *p)
{
    return &p->stats;
}

/* --- what the protocols share --- */

void it_proxy_refuse(it_proxy *p, it_tunnel *t, it_bytes text)
{
    t->phase = IT_TUNNEL_CLOSING;
    if (it_proxy_mitm_say(p, t, text))
        return;
    (void)it_stream_write(&t->r.s[0], text);
    it_stream_finish(&t->r.s[0]);
    it_stream_read_on(&t->r.s[0]); /* what it sent early is passed over, so that its FIN is seen */
}

int it_proxy_connect(it_proxy *p, it_tunnel *t, it_bytes name, it_addr a)
{
    if (!it_proxy_allows(p, a.port)) {
        p->stats.denied++;
        return IT_ERR_PERM;
    }
    t->n_more = t->next_more = 0;
    t->wanted = a;
    if (it_ip_none(a.ip))
        t->wanted.ip = it_proxy_known_ip(p, name);
    if (!it_ip_none(t->wanted.ip)) {
        t->more[t->n_more++] = t->wanted.ip;
        it_proxy_try_next(p, t, IT_PROXY_NO_ROUTE);
        return 0;
    }
    int err = it_proxy_ask(p, t, name, true);
    if (err == IT_ERR_NOTFOUND)
        it_proxy_failed(p, t, IT_PROXY_NO_NAME);
    return err == IT_ERR_NOMEM ? err : 0;
}

int it_proxy_answer_put(it_proxy *p, const it_io *io, it_bytes head, it_bytes data)
{
    if (it_grow(p->cfg.alloc, &p->answers, &p->cap_answers, p->n_answers + 1, sizeof *p->answers) < 0)
        return IT_ERR_NOMEM;
    uint8_t *copy = it_malloc(p->cfg.alloc, head.n + data.n);
    if (!copy)
        return IT_ERR_NOMEM;
    if (head.n)
        memcpy(copy, head.p, head.n);
    if (data.n)
        memcpy(copy + head.n, data.p, data.n);
    p->answers[p->n_answers++] = (it_proxy_answer){*io, copy};
    p->answers[p->n_answers - 1].io.data = it_bytes_of(copy, head.n + data.n);
    return 0;
}

int it_proxy_event(it_proxy *p, it_object_event *ev)
{
    if (p->n_logins == 0)
        return 0;
    *ev = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    ev->u.service = (it_service_event){.kind = IT_SERVICE_LOGIN, .addr = {p->logins[--p->n_logins], 0}};
    return 1;
}

/* --- in --- */

static it_tunnel *find_tunnel(const it_proxy *p, uint32_t flow, int *leg)
{
    for (size_t i = 0; i < p->n; i++)
        for (*leg = 0; *leg < 2; ++*leg)
            if (it_stream_alive(&p->v[i]->r.s[*leg]) && p->v[i]->r.s[*leg].flow == flow)
                return p->v[i];
    return NULL;
}

static int refuse_flow(it_proxy *p, uint32_t flow)
{
    if (it_grow(p->cfg.alloc, &p->refused, &p->cap_refused, p->n_refused + 1, sizeof *p->refused) < 0)
        return IT_ERR_NOMEM;
    p->refused[p->n_refused++] = flow;
    return 0;
}

static int accept_client(it_proxy *p, it_time now, const it_io *in)
{
    if (p->n >= IT_PROXY_TUNNELS)
        return refuse_flow(p, in->flow);
    if (it_grow(p->cfg.alloc, &p->v, &p->cap, p->n + 1, sizeof *p->v) < 0)
        return IT_ERR_NOMEM;
    it_tunnel *t = it_calloc(p->cfg.alloc, 1, sizeof *t);
    if (!t)
        return IT_ERR_NOMEM;
    p->v[p->n++] = t;
    t->phase = p->cfg.kind == IT_PROXY_SOCKS5 ? IT_TUNNEL_GREETING : IT_TUNNEL_REQUEST;
    t->wanted = in->local;
    t->client = in->remote;
    t->inside = in->local.ip;
    t->active = now;
    it_stream_accept(&t->r.s[0], in);
    p->stats.tunnels++;
    if (p->cfg.kind == IT_PROXY_PORTAL && p->cfg.portal_cert && in->local.port == IT_PROXY_HTTPS)
        return it_proxy_mitm_portal(p, t);
    return 0;
}

/* Bytes from a client that has not been connected yet. */
static int read_request(it_proxy *p, it_tunnel *t, it_bytes data)
{
    static int (*const READERS[])(it_proxy *, it_tunnel *, it_bytes) = {[IT_PROXY_HTTP] = it_proxy_http,
                                                                        [IT_PROXY_SOCKS5] = it_proxy_socks,
                                                                        [IT_PROXY_PORTAL] = it_proxy_http,
                                                                        [IT_PROXY_INSPECT] = it_proxy_inspect};
    size_t at = 0;
    while (at < data.n && t->phase < IT_TUNNEL_RESOLVING && it_stream_alive(&t->r.s[0])) {
        int n = READERS[p->cfg.kind](p, t, it_bytes_of(data.p + at, data.n - at));
        if (n < 0)
            return n;
        at += (size_t)n;
    }
    return (int)at;
}

static int data_in(it_proxy *p, it_tunnel *t, int leg, it_bytes data)
{
    size_t at = 0;
    if (leg == 0 && t->phase < IT_TUNNEL_RESOLVING) {
        int n = read_request(p, t, data);
        if (n < 0)
            return n;
        at = (size_t)n;
    }
    if (t->phase == IT_TUNNEL_CLOSING || t->phase == IT_TUNNEL_BINDING || t->phase == IT_TUNNEL_UDP ||
        !it_stream_alive(&t->r.s[0]))
        return (int)data.n;
    it_bytes rest = it_bytes_of(data.p + at, data.n - at);
    if (rest.n == 0)
        return (int)at;
    return (int)at + it_relay_data(&t->r, leg, rest);
}

/* A client that asks for nothing, or no longer, is answered with FIN. Returns 0 or IT_ERR_NOMEM. */
static int fin_in(it_proxy *p, it_tunnel *t, int leg, const it_io *in)
{
    bool udp = t->phase == IT_TUNNEL_BINDING || t->phase == IT_TUNNEL_UDP;
    (void)it_relay_input(&t->r, leg, in);
    if (leg != 0 || (t->phase >= IT_TUNNEL_RESOLVING && !udp))
        return 0;
    it_stream_finish(&t->r.s[0]);
    t->phase = IT_TUNNEL_CLOSING;
    return it_proxy_dissociate(p, t); /* RFC 1928 section 6: an association ends with its connection */
}

/* The server of |t| has been reached. */
static int server_opened(it_proxy *p, it_tunnel *t, const it_io *in)
{
    t->phase = IT_TUNNEL_RELAY;
    p->stats.connects++;
    if (it_proxy_in_middle(t))
        return it_proxy_mitm_input(p, t, 1, in);
    (void)it_relay_input(&t->r, 1, in);
    it_proxy_opened(p, t, in->local);
    return 0;
}

/* What came on leg |leg| of |t|. */
static int tunnel_input(it_proxy *p, it_tunnel *t, int leg, const it_io *in)
{
    if (in->kind == IT_IO_OPENED)
        return server_opened(p, t, in);
    if (in->kind == IT_IO_RST && leg == 1 && t->phase == IT_TUNNEL_CONNECTING) {
        it_stream_retry(&t->r.s[1]); /* what waits for the server goes to its next address */
        it_proxy_try_next(p, t, IT_PROXY_REFUSED);
        return 0;
    }
    if (it_proxy_in_middle(t))
        return it_proxy_mitm_input(p, t, leg, in);
    if (in->kind == IT_IO_DATA)
        return data_in(p, t, leg, in->data);
    if (in->kind == IT_IO_FIN)
        return fin_in(p, t, leg, in);
    return it_relay_input(&t->r, leg, in);
}

/* A socket of the owner's, or of an association, comes or goes. */
static void socket_in(it_proxy *p, const it_io *in)
{
    if (in->flow < IT_IO_BOUND_FLOW)
        it_proxy_base_input(p, in);
    else if (in->kind == IT_IO_BOUND)
        it_proxy_bound(p, in);
    else
        it_proxy_unbound(p, in);
}

static int datagram_in(it_proxy *p, it_time now, const it_io *in)
{
    if (it_proxy_names_input(p, in)) {
        int err = it_proxy_names_settle(p);
        return err < 0 ? err : (int)in->data.n;
    }
    return p->cfg.kind == IT_PROXY_SOCKS5 ? it_proxy_udp(p, now, in) : it_proxy_dns(p, in);
}

int it_proxy_input(it_proxy *p, it_time now, const it_io *in)
{
    int leg;
    p->now = now;
    if (in->kind == IT_IO_DGRAM)
        return datagram_in(p, now, in);
    if (in->kind == IT_IO_ACCEPTED)
        return accept_client(p, now, in);
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND) {
        socket_in(p, in);
        return 0;
    }
    it_tunnel *t = find_tunnel(p, in->flow, &leg);
    if (!t)
        return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    t->active = now;
    return tunnel_input(p, t, leg, in);
}

/* --- time --- */

/* When the server of |t| has been awaited for long enough; a transparent box waits as long as the client does. */
static it_time patience(const it_proxy *p, const it_tunnel *t)
{
    bool waits = t->phase == IT_TUNNEL_CONNECTING && (p->cfg.kind == IT_PROXY_HTTP || p->cfg.kind == IT_PROXY_SOCKS5);
    return waits ? t->tried + IT_PROXY_PATIENCE : IT_NEVER;
}

/* When connection |t| is ended for silence. */
static it_time deadline(const it_proxy *p, const it_tunnel *t)
{
    if (t->phase == IT_TUNNEL_CLOSING)
        return t->active + IT_PROXY_LINGER;
    return p->cfg.idle ? t->active + p->cfg.idle : IT_NEVER;
}

/* The server of |t| has not answered: its stream is reset, the next address is tried. */
static int give_up(it_proxy *p, it_tunnel *t)
{
    it_stream_retry(&t->r.s[1]);
    int err = refuse_flow(p, t->r.s[1].flow);
    it_proxy_try_next(p, t, IT_PROXY_SILENT);
    return err;
}

int it_proxy_tick(it_proxy *p, it_time now)
{
    p->now = now;
    if (p->stub) {
        it_dns_stub_tick(p->stub, now);
        int err = it_proxy_names_settle(p);
        if (err < 0)
            return err;
    }
    for (size_t i = 0; i < p->n; i++) {
        it_tunnel *t = p->v[i];
        int err = patience(p, t) <= now ? give_up(p, t) : 0;
        if (err < 0)
            return err;
        if (deadline(p, t) > now)
            continue;
        p->stats.killed += t->phase != IT_TUNNEL_CLOSING;
        it_relay_abort(&t->r);
        t->active = now;
    }
    return 0;
}

it_time it_proxy_next(const it_proxy *p)
{
    it_time least = p->stub ? it_dns_stub_next(p->stub) : IT_NEVER;
    for (size_t i = 0; i < p->n; i++) {
        it_time at = deadline(p, p->v[i]), open = patience(p, p->v[i]);
        least = at < least ? at : least;
        least = open < least ? open : least;
    }
    return least;
}

/* --- out --- */

static int open_out(it_proxy *p, it_tunnel *t, it_io *out)
{
    it_stream_open(&t->r.s[1], ++p->flows, (it_addr){{0, 0}, 0}, t->wanted);
    t->phase = IT_TUNNEL_CONNECTING;
    t->tried = p->now;
    return it_stream_output(&t->r.s[1], out, NULL, 0);
}

/* Frees the tunnels that are over; what they have bound is closed next. Returns 0 or IT_ERR_NOMEM. */
static int drop_over(it_proxy *p)
{
    size_t kept = 0;
    int err = 0;
    for (size_t i = 0; i < p->n; i++) {
        it_tunnel *t = p->v[i];
        if (it_relay_over(&t->r)) {
            err = err < 0 ? err : it_proxy_dissociate(p, t);
            p->stats.bytes_up += t->r.bytes[0];
            p->stats.bytes_down += t->r.bytes[1];
            p->stats.tunnels--;
            it_proxy_mitm_free(p, t);
            it_free(p->cfg.alloc, t);
        } else {
            p->v[kept++] = t;
        }
    }
    p->n = kept;
    return err;
}

static int unbind_out(it_proxy *p, it_io *out)
{
    *out = (it_io){.kind = IT_IO_UNBIND, .flow = p->unbind[--p->n_unbind]};
    return 1;
}

static int answer_out(it_proxy *p, it_io *out, uint8_t *buf, size_t cap)
{
    it_proxy_answer a = p->answers[0];
    memmove(p->answers, p->answers + 1, --p->n_answers * sizeof *p->answers);
    size_t n = a.io.data.n < cap ? a.io.data.n : cap;
    if (n)
        memcpy(buf, a.bytes, n);
    it_free(p->cfg.alloc, a.bytes);
    *out = a.io;
    out->data = it_bytes_of(buf, n);
    return 1;
}

/* What connection |t| has to put out: 1, or 0. */
static int tunnel_out(it_proxy *p, it_tunnel *t, it_io *out, uint8_t *buf, size_t cap)
{
    if (t->phase == IT_TUNNEL_CONNECT && it_stream_alive(&t->r.s[0]))
        return open_out(p, t, out);
    if (t->phase == IT_TUNNEL_BINDING && it_stream_alive(&t->r.s[0]) && it_proxy_udp_output(t, out))
        return 1;
    if (it_proxy_in_middle(t))
        return it_proxy_mitm_output(p, t, out, buf, cap);
    return it_relay_output(&t->r, out, buf, cap);
}

int it_proxy_output(it_proxy *p, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    p->now = now;
    if (p->n_answers)
        return answer_out(p, out, buf, cap);
    if (p->stub && it_proxy_names_output(p, out, buf, cap))
        return 1;
    if (p->n_refused) {
        *out = (it_io){.kind = IT_IO_RST, .flow = p->refused[--p->n_refused]};
        return 1;
    }
    for (size_t i = 0; i < p->n; i++) {
        int n = tunnel_out(p, p->v[i], out, buf, cap);
        if (n != 0)
            return n;
    }
    int err = drop_over(p);
    if (err < 0)
        return err;
    return p->n_unbind ? unbind_out(p, out) : 0;
}

/* --- the table of stack/object.h --- */

static int proxy_input(void *o, it_time now, const it_io *in)
{
    return it_proxy_input(o, now, in);
}

static int proxy_tick(void *o, it_time now)
{
    return it_proxy_tick(o, now);
}

static it_time proxy_next(const void *o)
{
    return it_proxy_next(o);
}

static int proxy_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_proxy_output(o, now, out, buf, cap);
}

static int proxy_event(void *o, it_object_event *ev)
{
    return it_proxy_event(o, ev);
}

static void proxy_free(void *o)
{
    it_proxy_free(o);
}

const it_object_ops it_proxy_ops = {.kind = "proxy",
                                    .input = proxy_input,
                                    .tick = proxy_tick,
                                    .next = proxy_next,
                                    .output = proxy_output,
                                    .event = proxy_event,
                                    .free = proxy_free};
