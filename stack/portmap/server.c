/* The port mapping server: requests in, wishes to the owner, responses out; who owns which mapping and held flow. */
#include "stack/portmap/server.h"

#include <string.h>

#define QUEUE 32      /* requests that wait for the owner or for output; those beyond are dropped, clients ask again */
#define OWNERS 1024   /* PCP mappings whose nonce is remembered */
#define ERROR_LIFE 30 /* seconds an error stands: SHORT of RFC 6887 section 15 */
#define LONG_LIFE 1800
#define ANNOUNCEMENTS 10
#define ANNOUNCE_WAIT (250 * IT_MS)

enum stage { WANTED, ASKED, ANSWERED };

typedef struct job {
    uint8_t stage;
    it_portmap_msg m; /* the request, then the response */
    it_addr local, remote;
    uint32_t flow;
    size_t n;
    uint8_t raw[IT_PORTMAP_MAX]; /* the request as it came, cut off there */
} job;

/* Who made a mapping, or holds a flow: |peer| is its other end, else none. */
typedef struct owner {
    it_addr internal, peer;
    uint8_t proto, nonce[12];
    it_time until;
} owner;

struct it_portmap_server {
    it_portmap_server_cfg cfg;
    it_time born; /* of the epoch */
    job q[QUEUE];
    size_t first, n;
    owner *owners;
    size_t n_owners, cap_owners;
    struct {
        uint32_t left, flow;
        it_time at, wait;
        it_addr local;
        bool pmp, pcp; /* to be put out */
    } say;
};

it_portmap_server *it_portmap_server_new(const it_portmap_server_cfg *cfg, it_time now)
{
    it_portmap_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    s->cfg.lifetime_min = cfg->lifetime_min ? cfg->lifetime_min : 120;
    s->cfg.lifetime_max = cfg->lifetime_max ? cfg->lifetime_max : 86400;
    s->born = now;
    return s;
}

void it_portmap_server_free(it_portmap_server *s)
{
    if (!s)
        return;
    it_free(s->cfg.alloc, s->owners);
    it_free(s->cfg.alloc, s);
}

void it_portmap_server_reset(it_portmap_server *s, it_time now, it_ip external)
{
    s->born = now;
    s->n_owners = 0;
    s->cfg.external = external;
}

/* --- who owns a mapping --- */

/* Section 13.1: the host whose mapping it is. */
static it_addr internal_of(const job *j)
{
    return it_addr_of(j->m.third_party ? j->m.third : j->remote.ip, j->m.internal);
}

static owner *owner_of(it_portmap_server *s, it_time now, const job *j)
{
    it_addr internal = internal_of(j);
    for (size_t i = 0; i < s->n_owners; i++) {
        owner *o = &s->owners[i];
        if (o->until > now && o->proto == j->m.proto && it_addr_eq(o->internal, internal) &&
            it_addr_eq(o->peer, j->m.peer))
            return o;
    }
    return NULL;
}

/* How many mappings and flows host |ip| has. */
static uint32_t owned_by(const it_portmap_server *s, it_time now, it_ip ip)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->n_owners; i++)
        n += s->owners[i].until > now && it_ip_eq(s->owners[i].internal.ip, ip);
    return n;
}

/* A free place among the owners, NULL when there is none. */
static owner *free_place(it_portmap_server *s, it_time now)
{
    for (size_t i = 0; i < s->n_owners; i++)
        if (s->owners[i].until <= now)
            return &s->owners[i];
    if (s->n_owners == OWNERS ||
        it_grow(s->cfg.alloc, &s->owners, &s->cap_owners, s->n_owners + 1, sizeof *s->owners) < 0)
        return NULL;
    s->owners[s->n_owners] = (owner){.until = now};
    return &s->owners[s->n_owners++];
}

/* Remembers for how long the mapping of |j| is whose, or that it is nobody's. A static one is (section 11.3). */
static void own(it_portmap_server *s, it_time now, const job *j, uint32_t lifetime)
{
    owner *o = owner_of(s, now, j);
    if (!o && lifetime && lifetime != UINT32_MAX)
        o = free_place(s, now);
    if (!o)
        return;
    *o = (owner){
        .internal = internal_of(j), .peer = j->m.peer, .proto = j->m.proto, .until = now + (it_time)lifetime * IT_SEC};
    memcpy(o->nonce, j->m.nonce, sizeof o->nonce);
}

/* --- requests --- */

static bool speaks(const it_portmap_server *s, uint8_t version)
{
    return version == IT_PORTMAP_NATPMP ? s->cfg.natpmp : version == IT_PORTMAP_PCP && s->cfg.pcp;
}

/* NAT-PMP has codes of its own: RFC 6886 section 3.5. */
static uint8_t pmp_code(uint8_t result)
{
    switch (result) {
    case IT_PORTMAP_OK:
        return 0;
    case IT_PORTMAP_UNSUPP_VERSION:
        return 1;
    case IT_PORTMAP_NETWORK_FAILURE:
        return 3;
    case IT_PORTMAP_NO_RESOURCES:
    case IT_PORTMAP_QUOTA:
    case IT_PORTMAP_CANNOT_EXTERNAL:
        return 4;
    case IT_PORTMAP_UNSUPP_OPCODE:
        return 5;
    default:
        return 2; /* not authorized, refused */
    }
}

/* Section 7.4: for how long an error stands. */
static uint32_t error_life(uint8_t result)
{
    bool passes = result == IT_PORTMAP_NETWORK_FAILURE || result == IT_PORTMAP_NO_RESOURCES ||
                  result == IT_PORTMAP_QUOTA || result == IT_PORTMAP_CANNOT_EXTERNAL;
    return passes ? ERROR_LIFE : LONG_LIFE;
}

static void server_answer(job *j, uint8_t result)
{
    j->stage = ANSWERED;
    j->m.response = true;
    j->m.result = j->m.version == IT_PORTMAP_NATPMP ? pmp_code(result) : result;
    if (result != IT_PORTMAP_OK && j->m.version == IT_PORTMAP_PCP)
        j->m.lifetime = error_life(result);
}

/* Sections 11.3 and 15.1: what there is to say about the protocol and port of a MAP request; IT_PORTMAP_OK: nothing. */
static uint8_t check_map(const it_portmap_msg *m)
{
    bool supported = (m->proto == 6 || m->proto == 17) && m->internal;
    if (m->proto == 0 && m->internal)
        return IT_PORTMAP_MALFORMED;
    return supported || m->lifetime == 0 ? IT_PORTMAP_OK : IT_PORTMAP_UNSUPP_PROTOCOL;
}

/* Section 12.1: none of these may be 0; 10: the peer is of the host's family. */
static uint8_t check_peer(const it_portmap_msg *m, it_ip internal)
{
    if (m->proto == 0 || m->internal == 0 || m->peer.port == 0 || it_ip_none(m->peer.ip) ||
        it_ip_is4(m->peer.ip) != it_ip_is4(internal))
        return IT_PORTMAP_MALFORMED;
    return m->proto == 6 || m->proto == 17 ? IT_PORTMAP_OK : IT_PORTMAP_UNSUPP_PROTOCOL;
}

/* Sections 11.3, 12.3: whose it is, and whether there is room for another one. */
static uint8_t check_owner(it_portmap_server *s, it_time now, const job *j)
{
    const owner *o = owner_of(s, now, j);
    if (o)
        return memcmp(o->nonce, j->m.nonce, sizeof o->nonce) ? IT_PORTMAP_NOT_AUTHORIZED : IT_PORTMAP_OK;
    if (j->m.lifetime == 0 && j->m.op == IT_PORTMAP_MAP)
        return IT_PORTMAP_OK;
    if (s->cfg.quota && owned_by(s, now, internal_of(j).ip) >= s->cfg.quota)
        return IT_PORTMAP_QUOTA;
    return free_place(s, now) ? IT_PORTMAP_OK : IT_PORTMAP_NO_RESOURCES;
}

/* Whether this server does what |j| asks for: sections 11.3, 12.3, 13.1. */
static uint8_t check_offer(const it_portmap_server *s, const job *j)
{
    const it_portmap_msg *m = &j->m;
    if (m->op == IT_PORTMAP_MAP ? s->cfg.no_map : s->cfg.no_peer)
        return IT_PORTMAP_NOT_AUTHORIZED;
    if (!m->third_party)
        return IT_PORTMAP_OK;
    if (!s->cfg.third_party)
        return IT_PORTMAP_UNSUPP_OPTION;
    return it_ip_eq(m->third, j->remote.ip) ? IT_PORTMAP_MALFORMED : IT_PORTMAP_OK;
}

/* The part of check_pcp that is of mappings: sections 11.3, 12.3, 13.1. */
static uint8_t check_pcp_mapping(it_portmap_server *s, it_time now, const job *j)
{
    uint8_t result = check_offer(s, j);
    if (result == IT_PORTMAP_OK && j->m.op == IT_PORTMAP_MAP)
        result = check_map(&j->m);
    else if (result == IT_PORTMAP_OK)
        result = check_peer(&j->m, internal_of(j).ip);
    return result == IT_PORTMAP_OK ? check_owner(s, now, j) : result;
}

/* Sections 8.2, 11.3, 12.3, 13.1: what stops a PCP request, that was read with |err|, before the owner is asked. */
static uint8_t check_pcp(it_portmap_server *s, it_time now, const job *j, int err)
{
    const it_portmap_msg *m = &j->m;
    if (err < 0 && m->result == IT_PORTMAP_MALFORMED)
        return m->result;
    if (!it_ip_eq(m->client, j->remote.ip))
        return IT_PORTMAP_ADDRESS_MISMATCH;
    if (err < 0)
        return m->result;
    return m->op == IT_PORTMAP_ANNOUNCE ? IT_PORTMAP_OK : check_pcp_mapping(s, now, j);
}

/* The same for NAT-PMP, RFC 6886 section 3.3, 3.4: port 0 is for deleting all. */
static uint8_t check_pmp(const it_portmap_msg *m, int err)
{
    if (err < 0)
        return IT_PORTMAP_UNSUPP_OPCODE;
    return m->op == IT_PORTMAP_MAP && m->internal == 0 && m->lifetime ? IT_PORTMAP_NOT_AUTHORIZED : IT_PORTMAP_OK;
}

/* The lifetime to ask the owner for. Section 15: within limits; 12.3: a flow is never made shorter, so any time will
 * do. */
static uint32_t server_granted(const it_portmap_server *s, const it_portmap_msg *m)
{
    uint32_t least = m->op == IT_PORTMAP_MAP && m->lifetime ? s->cfg.lifetime_min : 0;
    return m->lifetime < least ? least : m->lifetime > s->cfg.lifetime_max ? s->cfg.lifetime_max : m->lifetime;
}

/* Answers |j|, that was read with |err|, with the error |result|. */
static void refuse_job(it_portmap_server *s, it_time now, job *j, int err, uint8_t result)
{
    const owner *o = NULL;
    if (result == IT_PORTMAP_NOT_AUTHORIZED && j->m.version == IT_PORTMAP_PCP && err == 0)
        o = owner_of(s, now, j);
    server_answer(j, result);
    /* Section 11.3: the error lasts as long as the mapping that is another's. */
    if (o)
        j->m.lifetime = (uint32_t)((o->until - now + IT_SEC - 1) / IT_SEC);
}

static void answer_announce(const it_portmap_server *s, job *j)
{
    bool unknown = it_ip_none(s->cfg.external) && j->m.version != IT_PORTMAP_PCP;
    j->m.external.ip = s->cfg.external;
    j->m.lifetime = 0;
    server_answer(j, unknown ? IT_PORTMAP_NETWORK_FAILURE : IT_PORTMAP_OK);
}

/* Section 15: true when |m| deletes what is never there, which succeeds. */
static bool deletes_nothing(const it_portmap_msg *m)
{
    if (m->version != IT_PORTMAP_PCP || m->op != IT_PORTMAP_MAP)
        return false;
    return m->internal == 0 || (m->proto != 6 && m->proto != 17);
}

/* |j| was read with |err|: it is answered, or the owner is asked. */
static void begin_job(it_portmap_server *s, it_time now, job *j, int err)
{
    it_portmap_msg *m = &j->m;
    uint8_t result = m->version == IT_PORTMAP_PCP ? check_pcp(s, now, j, err) : check_pmp(m, err);
    if (result != IT_PORTMAP_OK)
        refuse_job(s, now, j, err, result);
    else if (m->op == IT_PORTMAP_ANNOUNCE)
        answer_announce(s, j);
    else if (deletes_nothing(m))
        server_answer(j, IT_PORTMAP_OK);
    else
        m->lifetime = server_granted(s, m);
}

int it_portmap_server_input(it_portmap_server *s, it_time now, const it_io *in)
{
    int n = (int)in->data.n;
    if (in->kind != IT_IO_DGRAM || s->n == QUEUE)
        return n;
    job *j = &s->q[(s->first + s->n) % QUEUE];
    int err = it_portmap_parse(&j->m, in->data);
    if (err == IT_ERR_PARSE || j->m.response)
        return n;
    s->n++;
    j->stage = WANTED;
    j->local = in->local;
    j->remote = in->remote;
    j->flow = in->flow;
    j->n = in->data.n < sizeof j->raw ? in->data.n : sizeof j->raw;
    memcpy(j->raw, in->data.p, j->n);
    if (speaks(s, j->m.version)) {
        begin_job(s, now, j, err);
    } else {
        /* RFC 6887 section 9: answered in a version it speaks; RFC 6886 section 3.5. */
        j->m.version = s->cfg.pcp ? IT_PORTMAP_PCP : IT_PORTMAP_NATPMP;
        server_answer(j, IT_PORTMAP_UNSUPP_VERSION);
    }
    return n;
}

int it_portmap_server_want(it_portmap_server *s, it_portmap_want *w)
{
    for (size_t i = 0; i < s->n; i++) {
        job *j = &s->q[(s->first + i) % QUEUE];
        const it_portmap_msg *m = &j->m;
        if (j->stage != WANTED)
            continue;
        it_addr ext = m->external;
        if (it_ip_eq(ext.ip, it_ip4(0))) /* section 5: ::ffff:0:0 is "none" of IPv4 */
            ext.ip = (it_ip){0, 0};
        j->stage = ASKED;
        *w = (it_portmap_want){.proto = m->proto,
                               .internal = internal_of(j),
                               .external = ext,
                               .exactly = m->prefer_failure || m->op == IT_PORTMAP_PEER,
                               .lifetime = m->lifetime,
                               .pcp = m->version == IT_PORTMAP_PCP,
                               .peer = m->peer,
                               .unfilter = m->unfilter,
                               .filters = m->filters,
                               .n_filters = m->n_filters};
        return 1;
    }
    return 0;
}

void it_portmap_server_done(it_portmap_server *s, it_time now, const it_portmap_done *d)
{
    for (size_t i = 0; i < s->n; i++) {
        job *j = &s->q[(s->first + i) % QUEUE];
        if (j->stage != ASKED)
            continue;
        bool deletes = j->m.op == IT_PORTMAP_MAP && j->m.lifetime == 0;
        if (d->result == IT_PORTMAP_OK) {
            /* Deleting: RFC 6886 section 3.4: external port 0; RFC 6887 section 15.1: as it was asked. */
            if (!deletes)
                j->m.external = d->external;
            else if (j->m.version == IT_PORTMAP_NATPMP)
                j->m.external.port = 0;
            j->m.lifetime = d->lifetime;
            if (j->m.version == IT_PORTMAP_PCP)
                own(s, now, j, d->lifetime);
        }
        server_answer(j, d->result);
        return;
    }
}

/* --- stack/io.h --- */

void it_portmap_server_announce(it_portmap_server *s, it_time now, uint32_t flow, it_addr local)
{
    s->say.left = ANNOUNCEMENTS;
    s->say.flow = flow;
    s->say.local = local;
    s->say.at = now;
    s->say.wait = ANNOUNCE_WAIT;
    (void)it_portmap_server_tick(s, now);
}

int it_portmap_server_tick(it_portmap_server *s, it_time now)
{
    if (s->say.left == 0 || s->say.at > now)
        return 0;
    s->say.left--;
    s->say.at = now + s->say.wait;
    s->say.wait *= 2;
    s->say.pmp = s->cfg.natpmp && it_ip_is4(s->say.local.ip);
    s->say.pcp = s->cfg.pcp;
    return 0;
}

it_time it_portmap_server_next(const it_portmap_server *s)
{
    return s->say.left ? s->say.at : IT_NEVER;
}

/* RFC 6886 section 3.2.1, RFC 6887 section 14.1.3. */
static bool put_announcement(it_portmap_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    bool pmp = s->say.pmp;
    if (!pmp && !s->say.pcp)
        return false;
    *(pmp ? &s->say.pmp : &s->say.pcp) = false;
    it_portmap_msg m = {
        .version = pmp ? IT_PORTMAP_NATPMP : IT_PORTMAP_PCP, .response = true, .op = IT_PORTMAP_ANNOUNCE};
    m.epoch = (uint32_t)((now - s->born) / IT_SEC);
    m.external.ip = s->cfg.external;
    it_ip group = it_ip_is4(s->say.local.ip) ? it_ip4(0xe0000001u) : (it_ip){0xff02ull << 48, 1};
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = s->say.flow,
                   .local = s->say.local,
                   .remote = it_addr_of(group, IT_PORTMAP_GROUP_PORT),
                   .data = it_portmap_write(&m, buf, cap)};
    return true;
}

int it_portmap_server_output(it_portmap_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    job *j = &s->q[s->first];
    if (put_announcement(s, now, out, buf, cap))
        return 1;
    if (s->n == 0 || j->stage != ANSWERED)
        return 0;
    s->first = (s->first + 1) % QUEUE;
    s->n--;
    j->m.epoch = (uint32_t)((now - s->born) / IT_SEC);
    it_bytes raw = j->m.version == IT_PORTMAP_PCP ? it_portmap_answer(&j->m, it_bytes_of(j->raw, j->n), buf, cap)
                                                  : it_portmap_write(&j->m, buf, cap);
    *out = (it_io){.kind = IT_IO_DGRAM, .flow = j->flow, .local = j->local, .remote = j->remote, .data = raw};
    return 1;
}
