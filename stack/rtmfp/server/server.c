/* Introductions, and how many of them. */
#include "stack/rtmfp/server/impl.h"

#define SESSIONS 1024
#define RATE 10    /* introductions a second */
#define BURST 2    /* seconds of them at once */
#define AMPLIFY 35 /* tenths: an RHello of 180 bytes for an IHello of 52 is what other servers send */

/* RTWebSocket, whose draws are its own: the end over UDP has the same with it as without. */
static it_rtws_server *server_web(const it_rtmfp_server_cfg *cfg)
{
    it_rtws_server_cfg w = {
        .alloc = cfg->alloc, .connections = cfg->web, .keepalive = cfg->keepalive, .death = cfg->death};
    it_rng rng = cfg->rng;
    it_rng_init(&w.rng, it_rng_u64(&rng), "rtws");
    return it_rtws_server_new(&w);
}

int it_rtmfp_server_new(const it_rtmfp_server_cfg *cfg, it_time now, it_rtmfp_server **out)
{
    it_rtmfp_cfg r = {.alloc = cfg->alloc,
                      .rng = cfg->rng,
                      .identity = {.groups = IT_RTMFP_GROUP_ALL, .host = cfg->host, .ancillary = true},
                      .policy = cfg->policy,
                      .accept = true,
                      .introduce = true,
                      .sessions = cfg->sessions ? cfg->sessions : SESSIONS,
                      .each = cfg->each,
                      .amplify = AMPLIFY,
                      .keepalive = cfg->keepalive,
                      .death = cfg->death};
    it_rtmfp_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return IT_ERR_NOMEM;
    s->alloc = cfg->alloc;
    s->cfg = *cfg;
    s->cfg.host = NULL;
    if (!s->cfg.asks)
        s->cfg.asks = RATE;
    if (!s->cfg.asked)
        s->cfg.asked = RATE;
    s->salt = it_rng_u64(&r.rng);
    it_map_init(&s->by_session, cfg->alloc, 1);
    s->n_clients = r.sessions + (cfg->web ? cfg->web : IT_RTWS_CONNECTIONS);
    s->clients = it_calloc(cfg->alloc, s->n_clients, sizeof *s->clients);
    s->web = server_web(cfg);
    int err = s->clients && s->web ? it_rtmfp_new(&r, now, &s->r) : IT_ERR_NOMEM;
    if (err) {
        it_rtws_server_free(s->web);
        it_free(cfg->alloc, s->clients);
        it_free(cfg->alloc, s);
        return err;
    }
    for (int i = 0; i < IT_RTMFP_COUNTERS; i++) {
        s->asks[i] = (it_rtmfp_bucket){now, s->cfg.asks * BURST * 1000};
        s->asked[i] = (it_rtmfp_bucket){now, s->cfg.asked * BURST * 1000};
    }
    *out = s;
    return 0;
}

it_rtmfp_server_stats it_rtmfp_server_stat(const it_rtmfp_server *s)
{
    it_rtmfp_server_stats all = s->stats;
    all.web = it_rtws_server_stat(s->web);
    return all;
}

void it_rtmfp_server_tls(it_rtmfp_server *s, const it_tls_cfg *tls, uint16_t port)
{
    it_rtws_server_tls(s->web, tls, port);
}

int it_rtmfp_server_secret(it_rtmfp_server *s, char line[IT_TLS_LINE_MAX])
{
    return it_rtws_server_secret(s->web, line);
}

int it_rtmfp_server_stop(it_rtmfp_server *s, it_time now)
{
    return it_rtws_server_stop(s->web, now);
}

const uint8_t *it_rtmfp_server_print(const it_rtmfp_server *s)
{
    return it_rtmfp_print(s->r);
}

/* Takes a token from |b|, which gets |rate| a second. */
static bool bucket_take(it_rtmfp_bucket *b, it_time now, uint32_t rate)
{
    uint64_t most = (uint64_t)rate * BURST * 1000, left = b->left;
    it_time passed = now - b->at;
    if (passed > BURST * IT_SEC)
        passed = BURST * IT_SEC;
    left += (uint64_t)(passed / IT_MS) * rate;
    b->at += passed / IT_MS * IT_MS;
    if (now - b->at >= IT_MS)
        b->at = now;
    b->left = (uint32_t)(left < most ? left : most);
    if (b->left < 1000)
        return false;
    b->left -= 1000;
    return true;
}

/* Whether |from| may ask for session |peer|: of one host, whatever its port. IPv6 hosts have a /64 each. */
static bool ask_allowed(it_rtmfp_server *s, it_time now, it_addr from, uint32_t peer)
{
    uint64_t low = it_ip_is4(from.ip) ? from.ip.lo : 0;
    uint64_t who = it_hash_mix(it_hash_mix(s->salt, from.ip.hi), low);
    if (!bucket_take(&s->asks[who % IT_RTMFP_COUNTERS], now, s->cfg.asks))
        return false;
    return bucket_take(&s->asked[it_hash_mix(s->salt, peer) % IT_RTMFP_COUNTERS], now, s->cfg.asked);
}

/* Where session |peer| is found: where it is seen, then what it says of itself (section 3.5.1.6). */
static size_t server_addrs(const it_rtmfp_server *s, uint32_t peer, it_addr seen,
                           it_rtmfp_addr at[1 + IT_RTMFP_SERVER_OWN])
{
    const it_rtmfp_client_of *c = it_rtmfp_client_find(s, peer);
    size_t n = 0;
    at[n++] = (it_rtmfp_addr){seen, IT_RTMFP_ORIGIN_OBSERVED};
    for (size_t i = 0; c && i < c->n; i++)
        if (!it_addr_eq(c->own[i], seen))
            at[n++] = (it_rtmfp_addr){c->own[i], IT_RTMFP_ORIGIN_REPORTED};
    return n;
}

/* How many of |n| addresses a Redirect of at most |most| bytes may have: one at least. */
static size_t redirect_most(const it_rtmfp_addr *at, size_t n, size_t tag, size_t most)
{
    size_t size = IT_RTMFP_SID + IT_RTMFP_BLOCK + IT_RTMFP_HEAD_MAX + IT_RTMFP_CHUNK_HEAD + 1 + tag, k = 0;
    for (; k < n; k++) {
        size += it_ip_is4(at[k].addr.ip) ? 7 : IT_RTMFP_ADDR_MAX;
        if (k > 0 && size > most)
            break;
    }
    return k;
}

/* Somebody asks for a peer (section 3.5.1.6). */
static int server_introduce(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_info info;
    int err = 0;
    uint32_t peer = it_rtmfp_select(s->r, ev->epd);
    if (!peer || it_rtmfp_describe(s->r, peer, &info)) {
        s->stats.absent++;
        return 0;
    }
    if (!ask_allowed(s, now, ev->path.remote, peer)) {
        s->stats.limited++;
        return 0;
    }
    s->stats.introduced++;
    if (!s->cfg.no_redirect) {
        it_rtmfp_addr at[1 + IT_RTMFP_SERVER_OWN];
        size_t n = server_addrs(s, peer, info.path.remote, at);
        n = redirect_most(at, n, ev->tag.n, ev->size * AMPLIFY / 10);
        err = it_rtmfp_redirect_send(s->r, ev->path, ev->tag, at, n);
    }
    if (!s->cfg.no_forward && err != IT_ERR_NOMEM)
        err = it_rtmfp_forward(s->r, peer, ev->epd, ev->path.remote, ev->tag);
    return err == IT_ERR_NOMEM ? err : 0; /* what is too long for a packet, or one too many, is as if it were lost */
}

/* What has happened in a session of |by|. */
static int server_take(it_rtmfp_server *s, it_time now, it_rtmfp_carrier by, const it_rtmfp_event *ev)
{
    switch (ev->kind) {
    case IT_RTMFP_EV_ASKED:
        return server_introduce(s, now, ev);
    case IT_RTMFP_EV_OPEN:
        s->stats.sessions++;
        s->stats.opened++;
        return it_rtmfp_client_add(s, by, ev->session);
    case IT_RTMFP_EV_CLOSED:
        s->stats.sessions--;
        s->stats.closed++;
        it_rtmfp_client_remove(s, now, ev->session);
        return 0;
    case IT_RTMFP_EV_FLOW:
        return it_rtmfp_client_flow(s, now, ev);
    case IT_RTMFP_EV_MESSAGE:
        return it_rtmfp_client_message(s, now, ev);
    case IT_RTMFP_EV_COMPLETE:
        return it_rtmfp_client_complete(s, now, ev);
    default:
        return 0;
    }
}

/* Acts on what was told; |*any|: something was. Returns 0 or IT_ERR_NOMEM. */
static int server_hear(it_rtmfp_server *s, it_time now, bool *any)
{
    it_rtmfp_event ev;
    int first = 0;
    *any = false;
    while (it_rtmfp_event_next(s->r, &ev)) {
        int err = server_take(s, now, it_rtmfp_carrier_of(s->r), &ev);
        *any = true;
        if (first == 0 && err == IT_ERR_NOMEM)
            first = err;
    }
    while (it_rtws_server_event_next(s->web, &ev)) {
        int err = server_take(s, now, it_rtws_server_carrier(s->web), &ev);
        *any = true;
        if (first == 0 && err == IT_ERR_NOMEM)
            first = err;
    }
    return first;
}

/* Input or tick has given |r|: what they told is acted on. */
static int server_done(it_rtmfp_server *s, it_time now, int r)
{
    bool any;
    int err = server_hear(s, now, &any);
    return r < 0 || err == 0 ? r : err;
}

static int server_input(void *o, it_time now, const it_io *in)
{
    it_rtmfp_server *s = o;
    switch (in->kind) {
    case IT_IO_ACCEPTED:
    case IT_IO_DATA:
    case IT_IO_WRITABLE:
    case IT_IO_FIN:
    case IT_IO_RST:
        return server_done(s, now, it_rtws_server_input(s->web, now, in));
    default:
        return server_done(s, now, it_rtmfp_input(s->r, now, in));
    }
}

static int server_tick(void *o, it_time now)
{
    it_rtmfp_server *s = o;
    int r = it_rtmfp_tick(s->r, now), web = it_rtws_server_tick(s->web, now);
    return server_done(s, now, r < 0 ? r : web);
}

static it_time server_next(const void *o)
{
    const it_rtmfp_server *s = o;
    it_time at = it_rtmfp_next(s->r), web = it_rtws_server_next(s->web);
    return web < at ? web : at;
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rtmfp_server *s = o;
    bool any = true;
    int r = 0;
    while (r == 0 && any) {
        r = it_rtmfp_output(s->r, now, out, buf, cap);
        if (r == 0)
            r = it_rtws_server_output(s->web, now, out, buf, cap);
        int err = server_hear(s, now, &any); /* what had waited for room was read, and may ask for more to go out */
        if (r >= 0 && err < 0)
            return err;
    }
    return r;
}

static void server_free(void *o)
{
    it_rtmfp_server *s = o;
    it_rtmfp_free(s->r);
    it_rtws_server_free(s->web);
    it_map_fini(&s->by_session);
    for (uint32_t i = 0; i < s->n_clients; i++)
        it_free(s->alloc, s->clients[i].streams);
    it_rtmfp_names_free(s);
    it_free(s->alloc, s->clients);
    it_free(s->alloc, s);
}

const it_object_ops it_rtmfp_server_ops = {.kind = "rtmfp",
                                           .input = server_input,
                                           .tick = server_tick,
                                           .next = server_next,
                                           .output = server_output,
                                           .free = server_free};
