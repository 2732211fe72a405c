/* Introductions, and how many of them. */
#include "stack/rtmfp/server/server.h"

#include "base/table/map.h"
#include "stack/rtmfp/flash/message.h"

#define SESSIONS 1024
#define RATE 10       /* introductions a second */
#define BURST 2       /* seconds of them at once */
#define AMPLIFY 35    /* tenths: an RHello of 180 bytes for an IHello of 52 is what other servers send */
#define COUNTERS 1024 /* a power of two; one that is shared by two counts for both, which errs on the side of less */

/* A token bucket: |left| thousandths of a token at |at|. */
typedef struct bucket {
    it_time at;
    uint32_t left;
} bucket;

#define OWN 8 /* addresses that a client may say it has: each makes whoever calls it send IHellos there */

/* What a session has of a NetConnection. */
typedef struct client {
    bool used;
    uint64_t control, back; /* flows: the client's; ours, 0: it has not asked to connect */
    it_addr own[OWN];       /* what it says of itself */
    size_t n;
} client;

struct it_rtmfp_server {
    it_alloc *alloc;
    it_rtmfp *r;
    it_rtmfp_server_cfg cfg;
    it_rtmfp_server_stats stats;
    uint64_t salt; /* of the counters, so that nobody chooses whose he shares */
    bucket asks[COUNTERS], asked[COUNTERS];
    it_map by_session; /* -> client */
    client *clients;
    uint32_t n_clients;
};

int it_rtmfp_server_new(const it_rtmfp_server_cfg *cfg, it_time now, it_rtmfp_server **out)
{
    it_rtmfp_cfg r = {.alloc = cfg->alloc,
                      .rng = cfg->rng,
                      .identity = {.groups = IT_RTMFP_GROUP_ALL, .host = cfg->host, .ancillary = true},
                      .policy = cfg->policy,
                      .accept = true,
                      .introduce = true,
                      .sessions = cfg->sessions ? cfg->sessions : SESSIONS,
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
    s->n_clients = r.sessions;
    s->clients = it_calloc(cfg->alloc, r.sessions, sizeof *s->clients);
    int err = s->clients ? it_rtmfp_new(&r, now, &s->r) : IT_ERR_NOMEM;
    if (err) {
        it_free(cfg->alloc, s->clients);
        it_free(cfg->alloc, s);
        return err;
    }
    for (int i = 0; i < COUNTERS; i++) {
        s->asks[i] = (bucket){now, s->cfg.asks * BURST * 1000};
        s->asked[i] = (bucket){now, s->cfg.asked * BURST * 1000};
    }
    *out = s;
    return 0;
}

it_rtmfp_server_stats it_rtmfp_server_stat(const it_rtmfp_server *s)
{
    return s->stats;
}

const uint8_t *it_rtmfp_server_print(const it_rtmfp_server *s)
{
    return it_rtmfp_print(s->r);
}

/* Takes a token from |b|, which gets |rate| a second. */
static bool bucket_take(bucket *b, it_time now, uint32_t rate)
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
    if (!bucket_take(&s->asks[who % COUNTERS], now, s->cfg.asks))
        return false;
    return bucket_take(&s->asked[it_hash_mix(s->salt, peer) % COUNTERS], now, s->cfg.asked);
}

static client *client_of(const it_rtmfp_server *s, uint32_t session)
{
    uint32_t i = it_map_get(&s->by_session, &(uint64_t){session});
    return i == IT_MAP_NONE ? NULL : &s->clients[i];
}

static int client_add(it_rtmfp_server *s, uint32_t session)
{
    for (uint32_t i = 0; i < s->n_clients; i++) {
        if (s->clients[i].used)
            continue;
        int err = it_map_put(&s->by_session, &(uint64_t){session}, i);
        s->clients[i] = (client){.used = err == 0};
        return err;
    }
    return 0;
}

static void client_remove(it_rtmfp_server *s, uint32_t session)
{
    client *c = client_of(s, session);
    if (c)
        c->used = false;
    it_map_del(&s->by_session, &(uint64_t){session});
}

/* Where session |peer| is found: where it is seen, then what it says of itself (section 3.5.1.6). */
static size_t server_addrs(const it_rtmfp_server *s, uint32_t peer, it_addr seen, it_rtmfp_addr at[1 + OWN])
{
    const client *c = client_of(s, peer);
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

/* A flow begins: the control flow of a NetConnection (RFC 7425 section 5.3.1), the only one that is taken. */
static int client_flow(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    client *c = client_of(s, ev->session);
    it_rtmfp_tc tc;
    if (c && !c->control && !ev->returns && it_rtmfp_tc_get(ev->data, &tc) && tc.stream == 0) {
        c->control = ev->flow;
        return 0;
    }
    s->stats.rejected++;
    return it_rtmfp_flow_reject(s->r, now, ev->session, ev->flow, 0);
}

/* Answers "connect" over a flow of ours in return (section 5.3.2). */
static int client_connect(it_rtmfp_server *s, it_time now, uint32_t session, client *c, int64_t transaction)
{
    uint8_t meta[IT_RTMFP_TC_MOST], room[IT_RTMFP_COMMAND_MOST];
    it_buf m, b;
    it_buf_init(&m, meta, sizeof meta);
    it_rtmfp_tc_put(&m, (it_rtmfp_tc){.stream = 0});
    it_rtmfp_flow_opts o = {.metadata = it_bytes_of(m.p, m.len), .returns = c->control};
    int err = it_rtmfp_flow_open(s->r, now, session, &o, &c->back);
    if (err)
        return err;
    s->stats.connected++;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_answer_put(&b, transaction, true);
    return it_rtmfp_flow_write(s->r, now, session, c->back, it_bytes_of(b.p, b.len), NULL, NULL);
}

/* "setPeerInfo" (section 5.3.3): anew each time. What no host can have is left out. */
static void client_peer_info(client *c, it_rtmfp_command *cmd)
{
    size_t n = it_rtmfp_peer_info_get(cmd, c->own, OWN);
    c->n = 0;
    for (size_t i = 0; i < n; i++)
        if (c->own[i].port && it_ip_unicast(c->own[i].ip) && !it_ip_link_local(c->own[i].ip))
            c->own[c->n++] = c->own[i];
}

static int client_message(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    client *c = client_of(s, ev->session);
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    if (!c || ev->flow != c->control || !it_rtmfp_message_get(ev->data, &m) || !it_rtmfp_command_get(&m, &cmd))
        return 0;
    if (it_bytes_eq(cmd.name, it_bytes_str("connect")) && !c->back)
        return client_connect(s, now, ev->session, c, cmd.transaction);
    if (it_bytes_eq(cmd.name, it_bytes_str("setPeerInfo")) && c->back)
        client_peer_info(c, &cmd);
    return 0;
}

/* The client has closed its control flow: so does the server (section 5.3.6). */
static int client_complete(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    client *c = client_of(s, ev->session);
    if (!c || ev->flow != c->control || !c->back)
        return 0;
    return it_rtmfp_flow_close(s->r, now, ev->session, c->back, false);
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
        it_rtmfp_addr at[1 + OWN];
        size_t n = server_addrs(s, peer, info.path.remote, at);
        n = redirect_most(at, n, ev->tag.n, ev->size * AMPLIFY / 10);
        err = it_rtmfp_redirect_send(s->r, ev->path, ev->tag, at, n);
    }
    if (!s->cfg.no_forward && err != IT_ERR_NOMEM)
        err = it_rtmfp_forward(s->r, peer, ev->epd, ev->path.remote, ev->tag);
    return err == IT_ERR_NOMEM ? err : 0; /* what is too long for a packet, or one too many, is as if it were lost */
}

static int server_take(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    switch (ev->kind) {
    case IT_RTMFP_EV_ASKED:
        return server_introduce(s, now, ev);
    case IT_RTMFP_EV_OPEN:
        s->stats.sessions++;
        s->stats.opened++;
        return client_add(s, ev->session);
    case IT_RTMFP_EV_CLOSED:
        s->stats.sessions--;
        s->stats.closed++;
        client_remove(s, ev->session);
        return 0;
    case IT_RTMFP_EV_FLOW:
        return client_flow(s, now, ev);
    case IT_RTMFP_EV_MESSAGE:
        return client_message(s, now, ev);
    case IT_RTMFP_EV_COMPLETE:
        return client_complete(s, now, ev);
    default:
        return 0;
    }
}

static int server_hear(it_rtmfp_server *s, it_time now)
{
    it_rtmfp_event ev;
    int first = 0;
    while (it_rtmfp_event_next(s->r, &ev)) {
        int err = server_take(s, now, &ev);
        if (first == 0 && err == IT_ERR_NOMEM)
            first = err;
    }
    return first;
}

/* Input, tick or output has given |r|: what they told is acted on. */
static int server_done(it_rtmfp_server *s, it_time now, int r)
{
    int err = server_hear(s, now);
    return r < 0 || err == 0 ? r : err;
}

static int server_input(void *o, it_time now, const it_io *in)
{
    it_rtmfp_server *s = o;
    return server_done(s, now, it_rtmfp_input(s->r, now, in));
}

static int server_tick(void *o, it_time now)
{
    it_rtmfp_server *s = o;
    return server_done(s, now, it_rtmfp_tick(s->r, now));
}

static it_time server_next(const void *o)
{
    return it_rtmfp_next(((const it_rtmfp_server *)o)->r);
}

static int server_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_rtmfp_output(((it_rtmfp_server *)o)->r, now, out, buf, cap);
}

static void server_free(void *o)
{
    it_rtmfp_server *s = o;
    it_rtmfp_free(s->r);
    it_map_fini(&s->by_session);
    it_free(s->alloc, s->clients);
    it_free(s->alloc, s);
}

const it_object_ops it_rtmfp_server_ops = {.kind = "rtmfp",
                                           .input = server_input,
                                           .tick = server_tick,
                                           .next = server_next,
                                           .output = server_output,
                                           .free = server_free};
