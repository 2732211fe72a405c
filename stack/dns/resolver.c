/* The one question of a resolver, from its base to its answer. */
#include "stack/dns/resolver.h"

#include <stdio.h>

struct it_resolver {
    it_alloc *alloc;
    it_dns_stub *stub;
    char name[IT_DNS_NAME];
    bool v4, v6;
    bool asked; /* there is a base: |flow| */
    uint32_t flow;
    it_dns_stub_answer a;
};

it_resolver *it_resolver_new(it_alloc *alloc, it_rng rng, it_addr server, const char *name, bool v4, bool v6)
{
    it_resolver *r = it_dns_name_ok(name) ? it_calloc(alloc, 1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    *r = (it_resolver){.alloc = alloc, .stub = it_dns_stub_new(alloc, rng, server), .v4 = v4, .v6 = v6};
    snprintf(r->name, sizeof r->name, "%s", name);
    if (!r->stub) {
        it_free(alloc, r);
        return NULL;
    }
    return r;
}

/* The first base of the server's family is the one to ask from. */
static int resolver_base(it_resolver *r, it_time now, const it_io *in)
{
    if (r->asked || it_ip_is4(in->local.ip) != it_ip_is4(it_dns_stub_server(r->stub).ip))
        return 0;
    r->asked = true;
    r->flow = in->flow;
    return it_dns_stub_ask(r->stub, now, r->name, r->v4, r->v6, 0);
}

static int resolver_input(void *o, it_time now, const it_io *in)
{
    it_resolver *r = o;
    if (in->kind == IT_IO_BOUND)
        return resolver_base(r, now, in);
    if (in->kind == IT_IO_DGRAM && it_addr_eq(in->remote, it_dns_stub_server(r->stub)))
        it_dns_stub_input(r->stub, in->data);
    return (int)in->data.n;
}

static int resolver_tick(void *o, it_time now)
{
    it_dns_stub_tick(((it_resolver *)o)->stub, now);
    return 0;
}

static it_time resolver_next(const void *o)
{
    return it_dns_stub_next(((const it_resolver *)o)->stub);
}

static int resolver_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_resolver *r = o;
    size_t n = it_dns_stub_output(r->stub, buf, cap);
    (void)now;
    *out = (it_io){.kind = IT_IO_DGRAM,
                   .flow = r->flow,
                   .local = {{0, 0}, 0},
                   .remote = it_dns_stub_server(r->stub),
                   .data = it_bytes_of(buf, n)};
    return n > 0;
}

static int resolver_event(void *o, it_object_event *ev)
{
    it_resolver *r = o;
    if (!it_dns_stub_answered(r->stub, &r->a))
        return 0;
    *ev = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    ev->u.service = (it_service_event){.kind = IT_SERVICE_RESOLVED, .code = r->a.rcode, .ip = r->a.ip, .n = r->a.n};
    return 1;
}

static void resolver_free(void *o)
{
    it_resolver *r = o;
    it_dns_stub_free(r->stub);
    it_free(r->alloc, r);
}

const it_object_ops it_resolver_ops = {.kind = "resolver",
                                       .input = resolver_input,
                                       .tick = resolver_tick,
                                       .next = resolver_next,
                                       .output = resolver_output,
                                       .event = resolver_event,
                                       .free = resolver_free};
