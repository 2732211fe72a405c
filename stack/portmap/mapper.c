/* The client of either kind as an object: made when there is a base of the gateway's family. */
#include "stack/portmap/upnp_client.h"

struct it_mapper {
    it_portmap_client_cfg cfg;
    bool upnp;
    it_portmap_client *c; /* this or the next; NULL until there is a base */
    it_upnp_client *u;
    uint32_t flow; /* of the base */
};

it_mapper *it_mapper_new(const it_portmap_client_cfg *cfg, bool upnp)
{
    it_mapper *m = it_calloc(cfg->alloc, 1, sizeof *m);
    if (m)
        *m = (it_mapper){.cfg = *cfg, .upnp = upnp};
    return m;
}

void it_mapper_release(it_mapper *m, it_time now)
{
    if (m->c)
        it_portmap_client_release(m->c, now);
    if (m->u)
        it_upnp_client_release(m->u, now);
}

int it_mapper_filter(it_mapper *m, it_time now, const it_portmap_filter *f, size_t n)
{
    return m->c ? it_portmap_client_filter(m->c, now, f, n) : IT_ERR_STATE;
}

void it_mapper_ask(it_mapper *m, it_time now)
{
    if (m->c)
        it_portmap_client_ask(m->c, now);
}

static int mapper_base(it_mapper *m, it_time now, const it_io *in)
{
    if (m->c || m->u || it_ip_is4(in->local.ip) != it_ip_is4(m->cfg.server.ip))
        return 0;
    m->flow = in->flow;
    m->cfg.local = in->local;
    if (m->upnp)
        m->u = it_upnp_client_new(&m->cfg, now);
    else
        m->c = it_portmap_client_new(&m->cfg, now);
    return m->c || m->u ? 0 : IT_ERR_NOMEM;
}

static int mapper_input(void *o, it_time now, const it_io *in)
{
    it_mapper *m = o;
    if (in->kind == IT_IO_BOUND)
        return mapper_base(m, now, in);
    if (in->kind == IT_IO_UNBIND)
        return 0;
    if (m->c)
        return it_portmap_client_input(m->c, now, in);
    if (m->u)
        return it_upnp_client_input(m->u, now, in);
    return (int)in->data.n;
}

static int mapper_tick(void *o, it_time now)
{
    it_mapper *m = o;
    if (m->c)
        return it_portmap_client_tick(m->c, now);
    return m->u ? it_upnp_client_tick(m->u, now) : 0;
}

static it_time mapper_next(const void *o)
{
    const it_mapper *m = o;
    if (m->c)
        return it_portmap_client_next(m->c);
    return m->u ? it_upnp_client_next(m->u) : IT_NEVER;
}

static int mapper_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_mapper *m = o;
    int n = 0;
    if (m->c)
        n = it_portmap_client_output(m->c, now, out, buf, cap);
    else if (m->u)
        n = it_upnp_client_output(m->u, now, out, buf, cap);
    if (n == 1 && out->kind == IT_IO_DGRAM)
        out->flow = m->flow;
    return n;
}

static int mapper_event(void *o, it_object_event *ev)
{
    static const enum it_service_kind KINDS[] = {[IT_PORTMAP_EV_MAPPED] = IT_SERVICE_MAPPED,
                                                 [IT_PORTMAP_EV_FAILED] = IT_SERVICE_REFUSED,
                                                 [IT_PORTMAP_EV_LOST] = IT_SERVICE_LOST};
    it_mapper *m = o;
    it_portmap_event e;
    bool any = (m->c && it_portmap_client_event(m->c, &e) == 1) || (m->u && it_upnp_client_event(m->u, &e) == 1);
    if (!any)
        return 0;
    *ev = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    ev->u.service = (it_service_event){
        .kind = KINDS[e.kind], .addr = e.external, .lifetime = e.lifetime, .code = e.result, .how = e.how};
    return 1;
}

static void mapper_free(void *o)
{
    it_mapper *m = o;
    it_portmap_client_free(m->c);
    it_upnp_client_free(m->u);
    it_free(m->cfg.alloc, m);
}

const it_object_ops it_mapper_ops = {.kind = "mapper",
                                     .input = mapper_input,
                                     .tick = mapper_tick,
                                     .next = mapper_next,
                                     .output = mapper_output,
                                     .event = mapper_event,
                                     .free = mapper_free};
