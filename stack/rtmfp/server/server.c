/* Introductions, and how many of them. */
#include "stack/rtmfp/server/server.h"

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

struct it_rtmfp_server {
    it_alloc *alloc;
    it_rtmfp *r;
    it_rtmfp_server_cfg cfg;
    it_rtmfp_server_stats stats;
    uint64_t salt; /* of the counters, so that nobody chooses whose he shares */
    bucket asks[COUNTERS], asked[COUNTERS];
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
    int err = it_rtmfp_new(&r, now, &s->r);
    if (err) {
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
        it_rtmfp_addr seen = {info.path.remote, IT_RTMFP_ORIGIN_OBSERVED};
        err = it_rtmfp_redirect_send(s->r, ev->path, ev->tag, &seen, 1);
    }
    if (!s->cfg.no_forward && err != IT_ERR_NOMEM)
        err = it_rtmfp_forward(s->r, peer, ev->epd, ev->path.remote, ev->tag);
    return err == IT_ERR_NOMEM ? err : 0; /* what is too long for a packet, or one too many, is as if it were lost */
}

static int server_hear(it_rtmfp_server *s, it_time now)
{
    it_rtmfp_event ev;
    int err = 0, first = 0;
    while (it_rtmfp_event_next(s->r, &ev)) {
        err = 0;
        if (ev.kind == IT_RTMFP_EV_ASKED)
            err = server_introduce(s, now, &ev);
        if (ev.kind == IT_RTMFP_EV_OPEN) {
            s->stats.sessions++;
            s->stats.opened++;
        }
        if (ev.kind == IT_RTMFP_EV_CLOSED) {
            s->stats.sessions--;
            s->stats.closed++;
        }
        if (ev.kind == IT_RTMFP_EV_FLOW) { /* RFC 7425 section 5.1.1: of no kind that is known here */
            s->stats.rejected++;
            err = it_rtmfp_flow_reject(s->r, now, ev.session, ev.flow, 0);
        }
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
    it_free(s->alloc, s);
}

const it_object_ops it_rtmfp_server_ops = {.kind = "rtmfp",
                                           .input = server_input,
                                           .tick = server_tick,
                                           .next = server_next,
                                           .output = server_output,
                                           .free = server_free};
