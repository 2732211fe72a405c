/* The port mapping server: requests in, wishes to the owner, responses out; who owns which mapping. */
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
} job;

typedef struct owner {
    it_addr internal;
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

static owner *owner_of(it_portmap_server *s, it_time now, it_addr internal, uint8_t proto)
{
    for (size_t i = 0; i < s->n_owners; i++)
        if (s->owners[i].until > now && s->owners[i].proto == proto && it_addr_eq(s->owners[i].internal, internal))
            return &s->owners[i];
    return NULL;
}

/* Remembers who made the mapping of |j|. */
static void own(it_portmap_server *s, it_time now, const job *j, it_addr internal)
{
    owner *o = owner_of(s, now, internal, j->m.proto);
    for (size_t i = 0; !o && i < s->n_owners; i++)
        o = s->owners[i].until <= now ? &s->owners[i] : NULL;
    if (!o) {
        if (s->n_owners == OWNERS || it_grow(s->cfg.alloc, &s->owners, &s->cap_owners, s->n_owners + 1, sizeof *o) < 0)
            return;
        o = &s->owners[s->n_owners++];
    }
    *o = (owner){.internal = internal, .proto = j->m.proto, .until = now + (it_time)j->m.lifetime * IT_SEC};
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
    return result == IT_PORTMAP_NO_RESOURCES || result == IT_PORTMAP_CANNOT_EXTERNAL || result == IT_PORTMAP_QUOTA ? 4
           : result == IT_PORTMAP_NETWORK_FAILURE                                                                  ? 3
                                                                                                                   : result;
}

static void answer(job *j, uint8_t result)
{
    bool lasting = result == IT_PORTMAP_NETWORK_FAILURE || result == IT_PORTMAP_NO_RESOURCES || result == IT_PORTMAP_QUOTA;
    j->stage = ANSWERED;
    j->m.response = true;
    j->m.result = j->m.version == IT_PORTMAP_NATPMP ? pmp_code(result) : result;
    if (result != IT_PORTMAP_OK && j->m.version == IT_PORTMAP_PCP)
        j->m.lifetime = lasting ? ERROR_LIFE : LONG_LIFE;
}

/* Section 8.2, 11.3, and RFC 6886 section 3.3: what stops a request before the owner is asked; IT_PORTMAP_OK: nothing. */
static uint8_t check(it_portmap_server *s, it_time now, const job *j)
{
    const it_portmap_msg *m = &j->m;
    it_addr internal = {j->remote.ip, m->internal};
    if (m->version == IT_PORTMAP_PCP && !it_ip_eq(m->client, j->remote.ip))
        return IT_PORTMAP_ADDRESS_MISMATCH;
    if (m->op == IT_PORTMAP_PEER)
        return IT_PORTMAP_UNSUPP_OPCODE;
    if (m->op == IT_PORTMAP_MAP && m->proto != 6 && m->proto != 17)
        return m->internal && m->proto == 0 ? IT_PORTMAP_MALFORMED : IT_PORTMAP_UNSUPP_PROTOCOL;
    if (m->op == IT_PORTMAP_MAP && m->internal == 0)
        return IT_PORTMAP_UNSUPP_PROTOCOL; /* all ports: a DMZ is not served */
    const owner *o = m->op == IT_PORTMAP_MAP && m->version == IT_PORTMAP_PCP ? owner_of(s, now, internal, m->proto) : NULL;
    return o && memcmp(o->nonce, m->nonce, sizeof o->nonce) != 0 ? IT_PORTMAP_NOT_AUTHORIZED : IT_PORTMAP_OK;
}

int it_portmap_server_input(it_portmap_server *s, it_time now, const it_io *in)
{
    it_portmap_msg m;
    int n = (int)in->data.n, err = in->kind == IT_IO_DGRAM ? it_portmap_parse(&m, in->data) : IT_ERR_PARSE;
    if (err == IT_ERR_PARSE || m.response || s->n == QUEUE)
        return n;
    job *j = &s->q[(s->first + s->n++) % QUEUE];
    *j = (job){WANTED, m, in->local, in->remote, in->flow};
    if (!speaks(s, m.version)) {
        /* RFC 6887 section 9: answered in a version it speaks; RFC 6886 section 3.5. */
        j->m.version = s->cfg.pcp ? IT_PORTMAP_PCP : IT_PORTMAP_NATPMP;
        answer(j, IT_PORTMAP_UNSUPP_VERSION);
        return n;
    }
    uint8_t result = err < 0 ? m.result : check(s, now, j);
    if (result != IT_PORTMAP_OK) {
        answer(j, result);
    } else if (m.op == IT_PORTMAP_ANNOUNCE) {
        j->m.external.ip = s->cfg.external;
        j->m.lifetime = 0;
        answer(j, it_ip_none(s->cfg.external) && m.version == IT_PORTMAP_NATPMP ? IT_PORTMAP_NETWORK_FAILURE : IT_PORTMAP_OK);
    } else if (m.lifetime) {
        j->m.lifetime = m.lifetime < s->cfg.lifetime_min   ? s->cfg.lifetime_min
                        : m.lifetime > s->cfg.lifetime_max ? s->cfg.lifetime_max
                                                           : m.lifetime;
    }
    return n;
}

int it_portmap_server_want(it_portmap_server *s, it_portmap_want *w)
{
    for (size_t i = 0; i < s->n; i++) {
        job *j = &s->q[(s->first + i) % QUEUE];
        if (j->stage != WANTED)
            continue;
        it_ip ext = j->m.external.ip;
        bool any = it_ip_none(ext) || it_ip_eq(ext, it_ip4(0)); /* section 5: ::ffff:0:0 is "none" of IPv4 */
        j->stage = ASKED;
        *w = (it_portmap_want){j->m.proto, {j->remote.ip, j->m.internal}, {any ? (it_ip){0, 0} : ext, j->m.external.port},
                               j->m.prefer_failure, j->m.lifetime};
        return 1;
    }
    return 0;
}

void it_portmap_server_done(it_portmap_server *s, it_time now, uint8_t result, it_addr external)
{
    for (size_t i = 0; i < s->n; i++) {
        job *j = &s->q[(s->first + i) % QUEUE];
        if (j->stage != ASKED)
            continue;
        it_addr internal = {j->remote.ip, j->m.internal};
        if (result == IT_PORTMAP_OK) {
            /* Deleting: RFC 6886 section 3.4: external port 0; RFC 6887 section 15.1: as it was asked. */
            if (j->m.lifetime)
                j->m.external = external;
            else if (j->m.version == IT_PORTMAP_NATPMP)
                j->m.external.port = 0;
            if (j->m.version == IT_PORTMAP_PCP)
                own(s, now, j, internal);
        }
        answer(j, result);
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
    it_portmap_msg m = {.version = pmp ? IT_PORTMAP_NATPMP : IT_PORTMAP_PCP, .response = true, .op = IT_PORTMAP_ANNOUNCE};
    m.epoch = (uint32_t)((now - s->born) / IT_SEC);
    m.external.ip = s->cfg.external;
    it_ip group = it_ip_is4(s->say.local.ip) ? it_ip4(0xe0000001u) : (it_ip){0xff02ull << 48, 1};
    *out = (it_io){IT_IO_DGRAM, s->say.flow, s->say.local, it_addr_of(group, IT_PORTMAP_GROUP_PORT), it_portmap_write(&m, buf, cap)};
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
    *out = (it_io){IT_IO_DGRAM, j->flow, j->local, j->remote, it_portmap_write(&j->m, buf, cap)};
    return 1;
}
