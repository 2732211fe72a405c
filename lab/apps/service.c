/* The port mapping server of a box as an app of the driver: what it wants is done in the box. */
#include "lab/apps/service.h"

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
    if (in->kind == IT_IO_BOUND) {
        o->flow = in->flow;
        o->base = in->local;
    }
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

const it_object_ops it_app_portmap = {.kind = "portmap",
                                      .input = portmap_input,
                                      .tick = portmap_tick,
                                      .next = portmap_next,
                                      .output = portmap_output,
                                      .free = portmap_free,
                                      .watches = true};
