/* The Internet Gateway Device of a box as an app of the driver: what it wants is done in the box. */
#include "lab/apps/service.h"
#include "stack/portmap/upnp_server.h"

typedef struct igd {
    it_alloc *alloc;
    it_nat *nat;
    it_upnp_server *s;
    uint64_t lost; /* flushes of the box so far */
} igd;

void *it_service_igd(it_alloc *alloc, it_rng rng, it_nat *nat, it_ip own)
{
    const it_nat_profile *p = it_nat_profile_of(nat);
    it_upnp_server_cfg cfg = {.alloc = alloc,
                              .rng = rng,
                              .http = it_addr_of(own, IT_UPNP_HTTP_PORT),
                              .external = it_nat_external(nat, 0),
                              .version = (uint8_t)p->igd.version,
                              .permanent_only = p->igd.permanent,
                              .same_ports = p->igd.same_ports};
    igd *o = it_calloc(alloc, 1, sizeof *o);
    if (!o)
        return NULL;
    *o = (igd){alloc, nat, it_upnp_server_new(&cfg), it_nat_stat(nat)->flushes};
    if (o->s)
        return o;
    it_free(alloc, o);
    return NULL;
}

/* The box may have lost its state, or have a new address. */
static void notice(igd *o)
{
    if (it_nat_stat(o->nat)->flushes == o->lost)
        return;
    o->lost = it_nat_stat(o->nat)->flushes;
    it_upnp_server_reset(o->s, it_nat_external(o->nat, 0));
}

static int upnp_input(void *app, it_time now, const it_io *in)
{
    igd *o = app;
    it_portmap_want w;
    notice(o);
    int n = it_upnp_server_input(o->s, now, in);
    while (it_upnp_server_want(o->s, &w) == 1) {
        it_portmap_done d = it_service_carry_out(o->nat, now, &w);
        it_upnp_server_done(o->s, now, d.result, d.external);
    }
    return n;
}

static int upnp_tick(void *app, it_time now)
{
    notice(app);
    return it_upnp_server_tick(((igd *)app)->s, now);
}

static it_time upnp_next(const void *app)
{
    const igd *o = app;
    return it_nat_stat(o->nat)->flushes != o->lost ? 0 : it_upnp_server_next(o->s);
}

static int upnp_output(void *app, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_upnp_server_output(((igd *)app)->s, now, out, buf, cap);
}

static void igd_free(void *app)
{
    igd *o = app;
    it_upnp_server_free(o->s);
    it_free(o->alloc, o);
}

const it_object_ops it_app_igd = {.kind = "igd",
                                  .input = upnp_input,
                                  .tick = upnp_tick,
                                  .next = upnp_next,
                                  .output = upnp_output,
                                  .free = igd_free,
                                  .watches = true};
