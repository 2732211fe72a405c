/* The port mapping client: one mapping, its retransmissions and renewals. */
#include "stack/portmap/client.h"

#include <string.h>

#define PCP_IRT (3 * IT_SEC) /* RFC 6887 section 8.1.1 */
#define PCP_MRT (1024 * IT_SEC)
#define PMP_FIRST (250 * IT_MS) /* RFC 6886 section 3.1 */
#define PMP_TRIES 9
#define RENEW_MIN (4 * IT_SEC) /* RFC 6887 section 11.2.1 */
#define LIFETIME 7200          /* RFC 6886 section 3.3 */
#define SPREAD                                                                                                         \
    (5 * IT_SEC) /* RFC 6886 section 3.7, RFC 6887 section 14.1.3: so long at most before a mapping is made anew */
#define PCP_ALONE (128 * IT_SEC)  /* without an answer where only PCP will do */
#define LIFE_MAX 86400            /* seconds that are believed: section 15 */
#define PCP_PATIENCE (8 * IT_SEC) /* without an answer to PCP, NAT-PMP is tried: section 9 leaves the time open */

enum state { ASKING, MAPPED, OVER };

struct it_portmap_client {
    it_portmap_client_cfg cfg;
    uint8_t state, version;
    uint8_t nonce[12];
    bool send, ask_address; /* something is to be sent; NAT-PMP: the external address, too */
    bool ask_epoch;         /* PCP: an ANNOUNCE request is to be sent */
    bool releasing, unfilter;
    it_time began, at, rt, until; /* of the asking; next timer; its wait; end of the mapping */
    uint32_t tries;
    it_addr external;
    uint32_t lifetime, error_life;
    uint32_t renewals; /* since the last answer */
    bool has_epoch;
    uint32_t epoch; /* of the last answer, and when it came */
    it_time epoch_at;
    it_portmap_event ev;
    bool has_ev;
};

static void tell_event(it_portmap_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->ev = (it_portmap_event){kind, c->external, kind == IT_PORTMAP_EV_FAILED ? c->error_life : c->lifetime, result,
                               c->version == IT_PORTMAP_PCP ? "pcp" : "natpmp"};
    c->has_ev = true;
}

/* What only PCP can say. */
static bool needs_pcp(const it_portmap_client *c)
{
    return c->cfg.peer.port || !it_ip_none(c->cfg.third) || c->cfg.prefer_failure || c->cfg.n_filters;
}

/* Begins to ask, by |version|. */
static void client_ask(it_portmap_client *c, it_time now, uint8_t version)
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
    client_ask(c, now, IT_PORTMAP_PCP);
    (void)it_portmap_client_tick(c, now);
    return c;
}

void it_portmap_client_free(it_portmap_client *c)
{
    if (c)
        it_free(c->cfg.alloc, c);
}

static void client_over(it_portmap_client *c, it_portmap_event_kind kind, uint8_t result)
{
    c->state = OVER;
    c->at = IT_NEVER;
    c->send = false;
    tell_event(c, kind, result);
}

void it_portmap_client_release(it_portmap_client *c, it_time now)
{
    (void)now;
    if (c->state == OVER)
        return;
    c->state = OVER;
    c->at = IT_NEVER;
    c->releasing = c->send = c->cfg.peer.port == 0;
    c->ask_address = c->ask_epoch = false;
}

int it_portmap_client_filter(it_portmap_client *c, it_time now, const it_portmap_filter *f, size_t n)
{
    if (c->state != MAPPED || c->version != IT_PORTMAP_PCP || c->cfg.peer.port)
        return IT_ERR_STATE;
    if (n > IT_PORTMAP_CLIENT_FILTERS)
        return IT_ERR_FULL;
    if (n)
        memcpy(c->cfg.filters, f, n * sizeof *f);
    c->cfg.n_filters = n;
    c->unfilter = true; /* section 13.3: there is no other way to take one away */
    client_ask(c, now, c->version);
    return it_portmap_client_tick(c, now);
}

void it_portmap_client_ask(it_portmap_client *c, it_time now)
{
    (void)now;
    bool pcp = c->version == IT_PORTMAP_PCP;
    c->ask_epoch |= c->state == MAPPED && pcp;
    c->send |= c->ask_address = c->ask_address || (c->state == MAPPED && !pcp);
}

void it_portmap_client_refused(it_portmap_client *c, it_time now)
{
    (void)now;
    if (c->state == ASKING)
        client_over(c, IT_PORTMAP_EV_FAILED, IT_PORTMAP_NETWORK_FAILURE);
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

static void tick_mapped(it_portmap_client *c, it_time now)
{
    if (now >= c->until) {
        c->lifetime = 0;
        client_over(c, IT_PORTMAP_EV_LOST, IT_PORTMAP_NETWORK_FAILURE);
        return;
    }
    c->renewals++;
    c->send = true;
    it_time at = renewal(c, now);
    c->at = at < c->until ? at : c->until;
}

/* True when no answer is waited for any longer. */
static bool gives_up(const it_portmap_client *c, it_time now)
{
    it_time patience = c->cfg.give_up;
    if (!patience)
        patience = needs_pcp(c) ? PCP_ALONE : IT_NEVER;
    return now - c->began >= patience || (c->version == IT_PORTMAP_NATPMP && c->tries == PMP_TRIES);
}

static void tick_asking(it_portmap_client *c, it_time now)
{
    if (gives_up(c, now)) {
        c->error_life = 0;
        client_over(c, IT_PORTMAP_EV_FAILED, IT_PORTMAP_NETWORK_FAILURE);
        return;
    }
    it_time began = c->began;
    bool falls_back = c->version != IT_PORTMAP_NATPMP && !needs_pcp(c) && now - began >= PCP_PATIENCE;
    if (falls_back)
        client_ask(c, now, IT_PORTMAP_NATPMP);
    next_try(c, now);
    if (falls_back)
        c->began = began;
}

int it_portmap_client_tick(it_portmap_client *c, it_time now)
{
    if (c->at > now)
        return 0;
    if (c->state == MAPPED)
        tick_mapped(c, now);
    else if (c->state == ASKING)
        tick_asking(c, now);
    return 0;
}

it_time it_portmap_client_next(const it_portmap_client *c)
{
    return c->at;
}

/* --- answers --- */

/* RFC 6887 section 8.5: whether the server's clock says that it lost its state. RFC 6886 section 3.6 is the same but
 * for numbers. */
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

/* Sections 11.4, 12.4: whether the PCP answer |m| has the nonce, the peer and the third party that were asked for. */
static bool mine_in_pcp(const it_portmap_client *c, const it_portmap_msg *m)
{
    if (memcmp(m->nonce, c->nonce, sizeof c->nonce) != 0)
        return false;
    if (c->cfg.peer.port != 0 && !it_addr_eq(m->peer, c->cfg.peer))
        return false;
    return m->third_party ? it_ip_eq(m->third, c->cfg.third) : it_ip_none(c->cfg.third);
}

/* Sections 11.4, 12.4: whether |m| answers what is asked here. */
static bool mine(const it_portmap_client *c, const it_portmap_msg *m)
{
    if (m->op != (c->cfg.peer.port != 0 ? IT_PORTMAP_PEER : IT_PORTMAP_MAP))
        return false;
    if (m->internal != c->cfg.internal || m->proto != c->cfg.proto)
        return false;
    return m->version != IT_PORTMAP_PCP || mine_in_pcp(c, m);
}

/* Section 13.2: a mapping elsewhere than was asked for is of another request. */
static bool elsewhere(const it_portmap_client *c, const it_portmap_msg *m)
{
    return c->cfg.prefer_failure && m->external.port != c->cfg.external;
}

static void client_mapped(it_portmap_client *c, it_time now, const it_portmap_msg *m)
{
    it_addr was = c->external;
    if (m->version == IT_PORTMAP_PCP)
        c->external = m->external;
    else
        c->external.port = m->external.port;
    bool news = c->state != MAPPED || !it_addr_eq(was, c->external);
    c->state = MAPPED;
    c->lifetime = m->lifetime < LIFE_MAX ? m->lifetime : LIFE_MAX;
    c->until = now + (it_time)c->lifetime * IT_SEC;
    c->renewals = 0;
    c->send = c->ask_address; /* the address is asked for behind the mapping */
    c->at = renewal(c, now);
    if (news && !(m->version == IT_PORTMAP_NATPMP && it_ip_none(c->external.ip)))
        tell_event(c, IT_PORTMAP_EV_MAPPED, IT_PORTMAP_OK);
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
        tell_event(c, IT_PORTMAP_EV_MAPPED, IT_PORTMAP_OK);
}

/* RFC 6887 section 9: version 0 in answer to PCP is a NAT-PMP server, which says "unsupported version". */
static void downgrade(it_portmap_client *c, it_time now, uint8_t result)
{
    if (needs_pcp(c)) {
        client_over(c, IT_PORTMAP_EV_FAILED, result);
        return;
    }
    client_ask(c, now, IT_PORTMAP_NATPMP);
    (void)it_portmap_client_tick(c, now);
}

/* |m| answers the request, or is about what it asked for. */
static void answered(it_portmap_client *c, it_time now, const it_portmap_msg *m)
{
    if (m->result == IT_PORTMAP_OK && m->lifetime && !elsewhere(c, m)) {
        client_mapped(c, now, m);
    } else if (m->result != IT_PORTMAP_OK && c->state == ASKING) {
        c->error_life = m->version == IT_PORTMAP_PCP ? m->lifetime : 0;
        client_over(c, IT_PORTMAP_EV_FAILED, m->result);
    }
}

/* Section 9: whether |m| is a NAT-PMP server's answer to a question in PCP. */
static bool speaks_pmp(const it_portmap_client *c, const it_portmap_msg *m)
{
    if (c->version != IT_PORTMAP_PCP || c->state != ASKING)
        return false;
    return m->version == IT_PORTMAP_NATPMP && m->result == IT_PORTMAP_UNSUPP_VERSION;
}

static bool is_pmp_address(const it_portmap_msg *m)
{
    return m->version == IT_PORTMAP_NATPMP && m->op == IT_PORTMAP_ANNOUNCE && m->result == IT_PORTMAP_OK;
}

int it_portmap_client_input(it_portmap_client *c, it_time now, const it_io *in)
{
    it_portmap_msg m;
    int n = (int)in->data.n;
    if (!is_answer(c, in, &m))
        return n;
    if (speaks_pmp(c, &m)) {
        downgrade(c, now, m.result);
        return n;
    }
    /* Section 8.3: what answers nothing is ignored, its epoch too. */
    if (m.version != c->version || (m.op != IT_PORTMAP_ANNOUNCE && !mine(c, &m)))
        return n;
    bool lost = lost_state(c, now, m.epoch);
    if (is_pmp_address(&m))
        told_address(c, m.external.ip);
    else if (mine(c, &m))
        answered(c, now, &m);
    if (lost && c->state == MAPPED && !mine(c, &m)) {
        client_ask(c, now + (it_time)it_rng_below(&c->cfg.rng, (uint64_t)SPREAD + 1), c->version);
        (void)it_portmap_client_tick(c, now);
    }
    return n;
}

/* The request as it stands: |address|, NAT-PMP's question for the server's address, or the mapping. */
static it_portmap_msg client_request(const it_portmap_client *c, bool address)
{
    it_portmap_msg m = {
        .version = c->version, .op = c->cfg.peer.port ? IT_PORTMAP_PEER : IT_PORTMAP_MAP, .proto = c->cfg.proto};
    if (address)
        m.op = IT_PORTMAP_ANNOUNCE;
    m.internal = c->cfg.internal;
    m.lifetime = c->releasing ? 0 : c->cfg.lifetime;
    m.client = c->cfg.local.ip;
    m.peer = c->cfg.peer;
    memcpy(m.nonce, c->nonce, sizeof m.nonce);
    /* Section 11.2: what was assigned is suggested again; 15.1 and RFC 6886 section 3.4: nothing, to delete it. */
    if (!c->releasing) {
        m.external = c->external;
        m.external.port = m.external.port ? m.external.port : c->cfg.external;
    }
    if (it_ip_none(m.external.ip) && it_ip_is4(c->cfg.local.ip))
        m.external.ip = it_ip4(0);
    m.third_party = !it_ip_none(c->cfg.third);
    m.third = c->cfg.third;
    if (c->releasing || c->cfg.peer.port) /* section 11.3: these make no sense there */
        return m;
    m.prefer_failure = c->cfg.prefer_failure;
    m.unfilter = c->unfilter;
    m.n_filters = c->cfg.n_filters;
    memcpy(m.filters, c->cfg.filters, m.n_filters * sizeof *m.filters);
    return m;
}

int it_portmap_client_output(it_portmap_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    it_portmap_msg m;
    if (c->ask_epoch) {
        m = (it_portmap_msg){.version = IT_PORTMAP_PCP, .op = IT_PORTMAP_ANNOUNCE, .client = c->cfg.local.ip};
        c->ask_epoch = false;
    } else if (c->send) {
        bool address = c->version == IT_PORTMAP_NATPMP && c->ask_address && c->state == MAPPED;
        m = client_request(c, address);
        c->send = c->releasing = false;
        c->ask_address &= !address;
    } else {
        return 0;
    }
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = 0,
                   .local = c->cfg.local,
                   .remote = c->cfg.server,
                   .data = it_portmap_write(&m, buf, cap)};
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
