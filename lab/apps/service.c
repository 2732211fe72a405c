/* Wrappers that make protocol objects of stack/portmap and stack/dns apps of the driver. */
#include "lab/apps/service.h"

#include "stack/portmap/upnp_client.h"
#include "stack/portmap/upnp_server.h"

#include <stdio.h>
#include <string.h>

/* --- the port mapping server of a box --- */

typedef struct portmap {
    it_alloc *alloc;
    it_nat *nat;
    it_portmap_server *s;
    uint64_t lost; /* flushes of the box so far: the epoch begins anew with each */
    uint32_t flow; /* its socket, by which it announces that */
    it_addr base;
} portmap;

void *it_service_portmap(it_alloc *alloc, it_nat *nat, it_time now)
{
    const it_nat_profile *p = it_nat_profile_of(nat);
    it_portmap_server_cfg cfg = {.alloc = alloc, .natpmp = p->portmap & IT_NAT_NATPMP, .pcp = p->portmap & IT_NAT_PCP};
    cfg.no_map = !p->pcp.map;
    cfg.no_peer = !p->pcp.peer;
    cfg.third_party = p->pcp.third_party;
    cfg.quota = p->pcp.quota;
    cfg.external = it_nat_external(nat, 0);
    portmap *o = it_calloc(alloc, 1, sizeof *o);
    if (!o)
        return NULL;
    *o =
        (portmap){.alloc = alloc, .nat = nat, .s = it_portmap_server_new(&cfg, now), .lost = it_nat_stat(nat)->flushes};
    if (!o->s) {
        it_free(alloc, o);
        return NULL;
    }
    return o;
}

static void notice(portmap *o, it_time now)
{
    if (it_nat_stat(o->nat)->flushes == o->lost)
        return;
    o->lost = it_nat_stat(o->nat)->flushes;
    it_portmap_server_reset(o->s, now, it_nat_external(o->nat, 0));
    it_portmap_server_announce(o->s, now, o->flow, o->base);
}

static int portmap_base(void *app, it_time now, int flow, it_addr base)
{
    portmap *o = app;
    (void)now;
    o->flow = (uint32_t)flow;
    o->base = base;
    return 0;
}

static int portmap_tick(void *app, it_time now)
{
    notice(app, now);
    return it_portmap_server_tick(((portmap *)app)->s, now);
}

static it_time portmap_next(const void *app)
{
    const portmap *o = app;
    return it_nat_stat(o->nat)->flushes != o->lost ? 0 : it_portmap_server_next(o->s);
}

static int portmap_input(void *app, it_time now, const it_io *in)
{
    portmap *o = app;
    it_portmap_want w;
    notice(o, now);
    int n = it_portmap_server_input(o->s, now, in);
    while (it_portmap_server_want(o->s, &w) == 1) {
        it_portmap_done d = it_service_carry_out(o->nat, now, &w);
        it_portmap_server_done(o->s, now, &d);
    }
    return n;
}

static int portmap_output(void *app, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_portmap_server_output(((portmap *)app)->s, now, out, buf, cap);
}

static void portmap_free(void *app)
{
    portmap *o = app;
    it_portmap_server_free(o->s);
    it_free(o->alloc, o);
}

const it_app_ops it_app_portmap = {.kind = "portmap",
                                   .input = portmap_input,
                                   .tick = portmap_tick,
                                   .next = portmap_next,
                                   .output = portmap_output,
                                   .add_base = portmap_base,
                                   .free = portmap_free,
                                   .watches = true};

/* --- the client on a host --- */

typedef struct mapper {
    it_portmap_client_cfg cfg;
    bool upnp;
    it_portmap_client *c; /* this or the next; NULL until there is a socket */
    it_upnp_client *u;
    uint32_t flow;
    bool told;
    it_portmap_event ev;
} mapper;

void *it_service_mapper(const it_portmap_client_cfg *cfg, bool upnp)
{
    mapper *o = it_calloc(cfg->alloc, 1, sizeof *o);
    if (o)
        *o = (mapper){.cfg = *cfg, .upnp = upnp};
    return o;
}

static int mapper_base(void *app, it_time now, int flow, it_addr base)
{
    mapper *o = app;
    if (o->c || o->u || it_ip_is4(base.ip) != it_ip_is4(o->cfg.server.ip))
        return 0;
    o->flow = (uint32_t)flow;
    o->cfg.local = base;
    if (o->upnp)
        o->u = it_upnp_client_new(&o->cfg, now);
    else
        o->c = it_portmap_client_new(&o->cfg, now);
    return o->c || o->u ? 0 : IT_ERR_NOMEM;
}

static void pull(mapper *o)
{
    while ((o->c && it_portmap_client_event(o->c, &o->ev) == 1) || (o->u && it_upnp_client_event(o->u, &o->ev) == 1))
        o->told = true;
}

static int mapper_input(void *app, it_time now, const it_io *in)
{
    mapper *o = app;
    int n = o->c   ? it_portmap_client_input(o->c, now, in)
            : o->u ? it_upnp_client_input(o->u, now, in)
                   : (int)in->data.n;
    pull(o);
    return n;
}

static int mapper_tick(void *app, it_time now)
{
    mapper *o = app;
    int err = o->c ? it_portmap_client_tick(o->c, now) : o->u ? it_upnp_client_tick(o->u, now) : 0;
    pull(o);
    return err;
}

static it_time mapper_next(const void *app)
{
    const mapper *o = app;
    return o->c ? it_portmap_client_next(o->c) : o->u ? it_upnp_client_next(o->u) : IT_NEVER;
}

static int mapper_output(void *app, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    mapper *o = app;
    int n = o->c   ? it_portmap_client_output(o->c, now, out, buf, cap)
            : o->u ? it_upnp_client_output(o->u, now, out, buf, cap)
                   : 0;
    if (n == 1 && out->kind == IT_IO_DGRAM)
        out->flow = o->flow;
    return n;
}

static void mapper_free(void *app)
{
    mapper *o = app;
    it_portmap_client_free(o->c);
    it_upnp_client_free(o->u);
    it_free(o->cfg.alloc, o);
}

bool it_service_mapped(const void *app, it_portmap_event *ev)
{
    const mapper *o = app;
    *ev = o->ev;
    return o->told;
}

void it_service_release(void *app, it_time now)
{
    mapper *o = app;
    if (o->c)
        it_portmap_client_release(o->c, now);
    if (o->u)
        it_upnp_client_release(o->u, now);
}

int it_service_filter(void *app, it_time now, const it_portmap_filter *f, size_t n)
{
    mapper *o = app;
    int err = o->c ? it_portmap_client_filter(o->c, now, f, n) : IT_ERR_STATE;
    o->told = o->told && err < 0; /* how it went will be told */
    pull(o);
    return err;
}

void it_service_ask(void *app, it_time now)
{
    mapper *o = app;
    if (o->c)
        it_portmap_client_ask(o->c, now);
}

const it_app_ops it_app_mapper = {.kind = "mapper",
                                  .input = mapper_input,
                                  .tick = mapper_tick,
                                  .next = mapper_next,
                                  .output = mapper_output,
                                  .add_base = mapper_base,
                                  .free = mapper_free};

/* --- names --- */

static int dns_input(void *o, it_time now, const it_io *in)
{
    return it_dns_server_input(o, now, in);
}
static int dns_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_dns_server_output(o, now, out, buf, cap);
}
static void dns_free(void *o)
{
    it_dns_server_free(o);
}
static int dns64_input(void *o, it_time now, const it_io *in)
{
    return it_dns64_input(o, now, in);
}
static int dns64_tick(void *o, it_time now)
{
    return it_dns64_tick(o, now);
}
static it_time dns64_next(const void *o)
{
    return it_dns64_next(o);
}
static int dns64_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_dns64_output(o, now, out, buf, cap);
}
static void dns64_free(void *o)
{
    it_dns64_free(o);
}

const it_app_ops it_app_dns = {.kind = "dns", .input = dns_input, .output = dns_output, .free = dns_free};
const it_app_ops it_app_dns64 = {.kind = "dns64",
                                 .input = dns64_input,
                                 .tick = dns64_tick,
                                 .next = dns64_next,
                                 .output = dns64_output,
                                 .free = dns64_free};

/* --- a host that asks for a name --- */

typedef struct resolver {
    it_alloc *alloc;
    it_dns_stub *stub;
    char name[IT_DNS_NAME];
    bool v4, v6, ready, done;
    uint32_t flow;
    it_dns_stub_answer a;
} resolver;

void *it_service_resolver(it_alloc *alloc, it_rng rng, it_addr server, const char *name, bool v4, bool v6)
{
    resolver *o = it_dns_name_ok(name) ? it_calloc(alloc, 1, sizeof *o) : NULL;
    if (!o)
        return NULL;
    *o = (resolver){.alloc = alloc, .stub = it_dns_stub_new(alloc, rng, server), .v4 = v4, .v6 = v6};
    snprintf(o->name, sizeof o->name, "%s", name);
    if (!o->stub) {
        it_free(alloc, o);
        return NULL;
    }
    return o;
}

/* The first socket of the server's family is the one to ask from. */
static int resolver_base(void *app, it_time now, int flow, it_addr base)
{
    resolver *o = app;
    if (o->ready || it_ip_is4(base.ip) != it_ip_is4(it_dns_stub_server(o->stub).ip))
        return 0;
    o->ready = true;
    o->flow = (uint32_t)flow;
    return it_dns_stub_ask(o->stub, now, o->name, o->v4, o->v6, 0);
}

static void settle(resolver *o)
{
    o->done = o->done || it_dns_stub_answered(o->stub, &o->a);
}

static int resolver_input(void *app, it_time now, const it_io *in)
{
    resolver *o = app;
    (void)now;
    if (it_addr_eq(in->remote, it_dns_stub_server(o->stub)))
        it_dns_stub_input(o->stub, in->data);
    settle(o);
    return (int)in->data.n;
}

static int resolver_tick(void *app, it_time now)
{
    resolver *o = app;
    it_dns_stub_tick(o->stub, now);
    settle(o);
    return 0;
}

static it_time resolver_next(const void *app)
{
    return it_dns_stub_next(((const resolver *)app)->stub);
}

static int resolver_output(void *app, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    resolver *o = app;
    size_t n = it_dns_stub_output(o->stub, buf, cap);
    (void)now;
    *out = (it_io){IT_IO_DGRAM, o->flow, {{0, 0}, 0}, it_dns_stub_server(o->stub), it_bytes_of(buf, n)};
    return n > 0;
}

static void resolver_free(void *app)
{
    resolver *o = app;
    it_dns_stub_free(o->stub);
    it_free(o->alloc, o);
}

bool it_service_resolved(const void *app, it_dns_stub_answer *a)
{
    const resolver *o = app;
    *a = o->a;
    return o->done;
}

const it_app_ops it_app_resolver = {.kind = "resolver",
                                    .input = resolver_input,
                                    .tick = resolver_tick,
                                    .next = resolver_next,
                                    .output = resolver_output,
                                    .add_base = resolver_base,
                                    .free = resolver_free};
