/* The port mapping client: one mapping, its retransmissions and renewals. */
#include "stack/portmap/client.h"

#include <string.h>

#define PCP_IRT (3 * IT_SEC)       /* RFC 6887 section 8.1.1 */
#define PCP_MRT (1024 * IT_SEC)
#define PMP_FIRST (250 * IT_MS)    /* RFC 6886 section 3.1 */
#define PMP_TRIES 9
#define RENEW_MIN (4 * IT_SEC)     /* RFC 6887 section 11.2.1 */
#define LIFETIME 7200              /* RFC 6886 section 3.3 */
#define SPREAD (5 * IT_SEC)         /* RFC 6886 section 3.7, RFC 6887 section 14.1.3: so long at most before a mapping is made anew */
#define PCP_PATIENCE (8 * IT_SEC)  /* without an answer to PCP, NAT-PMP is tried: section 9 leaves the time open */

enum state { ASKING, MAPPED, OVER };

struct it_portmap_client {
    it_portmap_client_cfg cfg;
    uint8_t state, version;
    uint8_t nonce[12];
    bool send, ask_address; /* something is to be sent; NAT-PMP: the external address, too */
    bool releasing;
    it_time began, at, rt, until; /* of the asking; next timer; its wait; end of the mapping */
    uint32_t tries;
    it_addr external;
    uint32_t lifetime;
    uint32_t renewals;         /* since the last answer */
    bool has_epoch;
    uint32_t epoch;            /* of the last answer, and when it came */
    it_time epoch_at;
    it_portmap_event ev;
    bool has_ev;
};

static void tell(it_portmap_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->ev = (it_portmap_event){kind, c->external, c->lifetime, result, c->version == IT_PORTMAP_PCP ? "pcp" : "natpmp"};
    c->has_ev = true;
}

/* Begins to ask, by |version|. */
static void ask(it_portmap_client *c, it_time now, uint8_t version)
{
    c->state = ASKING;
    c->version = version;
    c->began = c->at = now;
    c->tries = 0;
    c->ask_address = version == IT_PORTMAP_NATPMP;
}

it_portmap_client *it_portmap_client_new(const it_portmap_client_cfg *cfg, it_time now)
{
    it_portmap_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    if (!cfg->lifetime)
        c->cfg.lifetime = LIFETIME;
    for (int i = 0; i < 12; i++)
        c->nonce[i] = (uint8_t)it_rng_below(&c->cfg.rng, 256);
    ask(c, now, IT_PORTMAP_PCP);
    (void)it_portmap_client_tick(c, now);
    return c;
}

void it_portmap_client_free(it_portmap_client *c)
{
    if (c)
        it_free(c->cfg.alloc, c);
}

static void over(it_portmap_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->state = OVER;
    c->at = IT_NEVER;
    c->send = false;
    tell(c, kind, result);
}

void it_portmap_client_release(it_portmap_client *c, it_time now)
{
    (void)now;
    if (c->state == OVER)
        return;
    c->state = OVER;
    c->at = IT_NEVER;
    c->releasing = c->send = true;
    c->ask_address = false;
}

void it_portmap_client_refused(it_portmap_client *c, it_time now)
{
    (void)now;
    if (c->state == ASKING)
        over(c, IT_PORTMAP_EV_FAILED, IT_PORTMAP_NETWORK_FAILURE);
}

/* --- timers --- */

/* |t| spread by a tenth: RFC 6887 section 8.1.1, RAND. */
static it_time spread(it_portmap_client *c, it_time t)
{
    return t - t / 10 + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)(t / 5) + 1);
}

static void next_try(it_portmap_client *c, it_time now)
{
    if (c->version == IT_PORTMAP_NATPMP)
        c->rt = c->tries == 0 ? PMP_FIRST : 2 * c->rt;
    else
        c->rt = spread(c, c->tries == 0 ? PCP_IRT : 2 * c->rt > PCP_MRT ? PCP_MRT : 2 * c->rt);
    c->tries++;
    c->at = now + c->rt;
    c->send = true;
}

/* The |n|-th renewal: U(1/2, 5/8) of the lifetime, U(3/4, 13/16), ... RFC 6887 section 11.2.1. */
static it_time renewal(it_portmap_client *c, it_time now)
{
    it_time life = (it_time)c->lifetime * IT_SEC;
    int n = c->renewals < 16 ? (int)c->renewals : 16;
    it_time from = life - (life >> (n + 1)), width = life >> (n + 3);
    it_time at = c->until - life + from + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)width + 1);
    return at < now + RENEW_MIN ? now + RENEW_MIN : at;
}

int it_portmap_client_tick(it_portmap_client *c, it_time now)
{
    if (c->at > now)
        return 0;
    it_time patience = c->cfg.give_up ? c->cfg.give_up : IT_NEVER;
    bool pmp = c->version == IT_PORTMAP_NATPMP;
    if (c->state == MAPPED && now >= c->until) {
        c->lifetime = 0;
        over(c, IT_PORTMAP_EV_LOST, IT_PORTMAP_NETWORK_FAILURE);
    } else if (c->state == MAPPED) {
        c->renewals++;
        c->send = true;
        it_time at = renewal(c, now);
        c->at = at < c->until ? at : c->until;
    } else if (c->state == ASKING && (now - c->began >= patience || (pmp && c->tries == PMP_TRIES))) {
        over(c, IT_PORTMAP_EV_FAILED, IT_PORTMAP_NETWORK_FAILURE);
    } else if (c->state == ASKING && !pmp && now - c->began >= PCP_PATIENCE) {
        it_time began = c->began;
        ask(c, now, IT_PORTMAP_NATPMP);
        next_try(c, now);
        c->began = began;
    } else if (c->state == ASKING) {
        next_try(c, now);
    }
    return 0;
}

it_time it_portmap_client_next(const it_portmap_client *c)
{
    return c->at;
}

/* --- answers --- */

/* RFC 6887 section 8.5: whether the server's clock says that it lost its state. RFC 6886 section 3.6 is the same but for numbers. */
static bool lost_state(it_portmap_client *c, it_time now, uint32_t epoch)
{
    bool lost = false;
    if (c->has_epoch) {
        int64_t client = (now - c->epoch_at) / IT_SEC, server = (int64_t)epoch - c->epoch;
        lost = server < -1 || client + 2 < server - server / 16 || server + 2 < client - client / 16;
    }
    c->has_epoch = true;
    c->epoch = epoch;
    c->epoch_at = now;
    return lost;
}

static bool mine(const it_portmap_client *c, const it_portmap_msg *m)
{
    if (m->version == IT_PORTMAP_PCP && m->op == IT_PORTMAP_MAP && memcmp(m->nonce, c->nonce, sizeof c->nonce) != 0)
        return false;
    return m->op == IT_PORTMAP_MAP && m->internal == c->cfg.internal && m->proto == c->cfg.proto;
}

static void mapped(it_portmap_client *c, it_time now, const it_portmap_msg *m)
{
    it_addr was = c->external;
    if (m->version == IT_PORTMAP_PCP)
        c->external = m->external;
    else
        c->external.port = m->external.port;
    bool news = c->state != MAPPED || !it_addr_eq(was, c->external);
    c->state = MAPPED;
    c->lifetime = m->lifetime;
    c->until = now + (it_time)m->lifetime * IT_SEC;
    c->renewals = 0;
    c->send = c->ask_address; /* the address is asked for behind the mapping */
    c->at = renewal(c, now);
    if (news && !(m->version == IT_PORTMAP_NATPMP && it_ip_none(c->external.ip)))
        tell(c, IT_PORTMAP_EV_MAPPED, IT_PORTMAP_OK);
}

/* True when |in| is an answer of the server, which is then in |*m|. */
static bool is_answer(const it_portmap_client *c, const it_io *in, it_portmap_msg *m)
{
    bool from_server = in->kind == IT_IO_DGRAM && it_addr_eq(in->remote, c->cfg.server) && c->state != OVER;
    return from_server && it_portmap_parse(m, in->data) != IT_ERR_PARSE && m->response;
}

/* NAT-PMP: the server's address outside, asked for or announced. */
static void told_address(it_portmap_client *c, it_ip ip)
{
    bool news = !it_ip_eq(c->external.ip, ip);
    c->ask_address = false;
    c->external.ip = ip;
    if (c->state == MAPPED && news)
        tell(c, IT_PORTMAP_EV_MAPPED, IT_PORTMAP_OK);
}

int it_portmap_client_input(it_portmap_client *c, it_time now, const it_io *in)
{
    it_portmap_msg m;
    int n = (int)in->data.n;
    if (!is_answer(c, in, &m))
        return n;
    /* RFC 6887 section 9: version 0 in answer to PCP is a NAT-PMP server, which says "unsupported version". */
    if (c->version == IT_PORTMAP_PCP && m.version == IT_PORTMAP_NATPMP && m.result == IT_PORTMAP_UNSUPP_VERSION && c->state == ASKING) {
        ask(c, now, IT_PORTMAP_NATPMP);
        (void)it_portmap_client_tick(c, now);
        return n;
    }
    if (m.version != c->version)
        return n;
    bool lost = lost_state(c, now, m.epoch);
    if (m.version == IT_PORTMAP_NATPMP && m.op == IT_PORTMAP_ANNOUNCE && m.result == IT_PORTMAP_OK) {
        told_address(c, m.external.ip);
    } else if (mine(c, &m) && m.result == IT_PORTMAP_OK && m.lifetime) {
        mapped(c, now, &m);
    } else if (mine(c, &m) && m.result != IT_PORTMAP_OK && c->state == ASKING) {
        over(c, IT_PORTMAP_EV_FAILED, m.result);
    }
    if (lost && c->state == MAPPED && !mine(c, &m)) {
        ask(c, now + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)SPREAD + 1), c->version);
        (void)it_portmap_client_tick(c, now);
    }
    return n;
}

int it_portmap_client_output(it_portmap_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    if (!c->send)
        return 0;
    it_portmap_msg m = {.version = c->version, .op = IT_PORTMAP_MAP, .proto = c->cfg.proto, .internal = c->cfg.internal};
    bool address = c->version == IT_PORTMAP_NATPMP && c->ask_address && c->state == MAPPED;
    m.lifetime = c->releasing ? 0 : c->cfg.lifetime;
    m.client = c->cfg.local.ip;
    memcpy(m.nonce, c->nonce, sizeof m.nonce);
    /* Section 11.2: what was assigned is suggested again. */
    m.external = c->external;
    if (m.external.port == 0)
        m.external.port = c->cfg.external;
    if (c->releasing && c->version == IT_PORTMAP_NATPMP)
        m.external.port = 0; /* RFC 6886 section 3.4 */
    if (it_ip_none(m.external.ip) && it_ip_is4(c->cfg.local.ip))
        m.external.ip = it_ip4(0);
    if (address)
        m.op = IT_PORTMAP_ANNOUNCE;
    c->send = c->releasing = false;
    if (address)
        c->ask_address = false;
    *out = (it_io){IT_IO_DGRAM, 0, c->cfg.local, c->cfg.server, it_portmap_write(&m, buf, cap)};
    return 1;
}

int it_portmap_client_event(it_portmap_client *c, it_portmap_event *ev)
{
    if (!c->has_ev)
        return 0;
    *ev = c->ev;
    c->has_ev = false;
    return 1;
}
