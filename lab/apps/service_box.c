/* What port mapping servers want of their box, done in it: mappings, filters, held flows. The rules that hang on the
 * state of the box are here, those of the protocols are in stack/portmap. */
#include "lab/apps/service.h"
#include "stack/portmap/upnp_server.h"

#include <string.h>

static uint8_t result_of(int err)
{
    return err == 0               ? IT_PORTMAP_OK
           : err == IT_ERR_EXISTS ? IT_PORTMAP_CANNOT_EXTERNAL
           : err == IT_ERR_LIMIT  ? IT_PORTMAP_QUOTA
           : err == IT_ERR_TOOBIG ? IT_PORTMAP_REMOTE_PEERS
                                  : IT_PORTMAP_NO_RESOURCES;
}

static uint32_t seconds(it_time now, it_time until)
{
    return until == IT_NEVER ? UINT32_MAX : until > now ? (uint32_t)((until - now + IT_SEC - 1) / IT_SEC) : 0;
}

/* When the last flow in which |w|'s internal endpoint has sent ends as things stand; 0: it has none. */
static it_time flows_end(const it_nat *nat, const it_portmap_want *w)
{
    it_nat_entry e;
    uint32_t pos = 0;
    it_time end = 0;
    while (it_nat_next_session(nat, &pos, &e))
        if (!e.local && !e.unanswered && e.proto == w->proto && it_addr_eq(e.internal, w->internal) && e.expires > end)
            end = e.expires;
    return end;
}

/* RFC 6887 section 12.3. */
static it_portmap_done box_hold(it_nat *nat, it_time now, const it_portmap_want *w)
{
    struct it_nat_peer_request r = {w->proto, w->internal, w->external, w->peer, now + (it_time)w->lifetime * IT_SEC};
    it_portmap_done d = {0};
    it_time end = 0;
    int err = it_nat_peer_add(nat, now, &r, &d.external, &end);
    d.result = err == IT_ERR_RANGE ? IT_PORTMAP_MALFORMED : result_of(err);
    d.lifetime = seconds(now, end);
    return d;
}

/* RFC 6886 section 3.4: all that the host has of a protocol, but what has no end. */
static void delete_all(it_nat *nat, it_time now, const it_portmap_want *w)
{
    it_nat_entry e;
    uint32_t pos = 0;
    while (it_nat_next_mapping(nat, &pos, &e))
        if (e.is_explicit && e.expires != IT_NEVER && e.proto == w->proto && it_ip_eq(e.internal.ip, w->internal.ip))
            (void)it_nat_map_del(nat, now, e.proto, e.internal);
}

static it_portmap_done delete (it_nat *nat, it_time now, const it_portmap_want *w)
{
    it_nat_entry e;
    it_portmap_done d = {IT_PORTMAP_OK, w->external, 0};
    bool there = it_nat_mapping_of(nat, w->proto, w->internal, &e) && e.is_explicit;
    if (w->internal.port == 0) {
        delete_all(nat, now, w);
        return d;
    }
    it_time flows = w->pcp ? flows_end(nat, w) : 0;
    if (w->pcp && (there ? e.expires == IT_NEVER : flows != 0)) {
        d.result = IT_PORTMAP_NOT_AUTHORIZED; /* RFC 6887 section 15.1: static, or of flows */
    } else if (there && flows > now) {
        /* Section 15: not sooner than it would end by what the host sends. */
        struct it_nat_map_request r = {.proto = w->proto, .internal = w->internal, .until = flows};
        d.result = result_of(it_nat_map_add(nat, now, &r, NULL));
        d.lifetime = seconds(now, flows);
    } else {
        (void)it_nat_map_del(nat, now, w->proto, w->internal); /* what is not there is deleted well */
    }
    return d;
}

/* RFC 6887 section 11.3: PCP's own ports are nobody's. */
static bool reserved(uint8_t proto, uint16_t port)
{
    return proto == IT_PROTO_UDP && (port == IT_PORTMAP_PORT || port == IT_PORTMAP_GROUP_PORT);
}

/* Makes |r| with an external endpoint of the box's own choice, not of a reserved port. */
static int map_any(it_nat *nat, it_time now, struct it_nat_map_request *r, it_addr *got)
{
    r->ext = (it_addr){{0, 0}, 0};
    int err = it_nat_map_add(nat, now, r, got);
    for (uint16_t port = 5352; err == 0 && reserved(r->proto, got->port) && port < 5400; port++) {
        (void)it_nat_map_del(nat, now, r->proto, r->internal);
        r->ext.port = port;
        err = it_nat_map_add(nat, now, r, got);
    }
    return err;
}

/* Makes |r|, or what comes near to it unless |exactly|. */
static int map(it_nat *nat, it_time now, struct it_nat_map_request *r, bool exactly, it_addr *got)
{
    int err = IT_ERR_EXISTS;
    if (!reserved(r->proto, r->ext.port))
        err = it_nat_map_add(nat, now, r, got);
    if (err != IT_ERR_EXISTS && err != IT_ERR_RANGE)
        return err;
    /* A suggestion that cannot be met, taken or none of the box's: section 11.3 gives another one. */
    return exactly ? IT_ERR_EXISTS : map_any(nat, now, r, got);
}

/* Whether |ext| is what |w| asks for, as far as it does. */
static bool is_met(const it_portmap_want *w, it_addr ext)
{
    if (w->external.port && w->external.port != ext.port)
        return false;
    return it_ip_none(w->external.ip) || it_ip_eq(w->external.ip, ext.ip);
}

/* Makes |r| follow the mapping of flows, outside at |ext|, where nothing else was asked for. */
static void follow_flow(const it_portmap_want *w, it_addr ext, struct it_nat_map_request *r)
{
    if (w->external.port == 0)
        r->ext = ext;
}

/* Section 15: makes |r| end no sooner than the mapping would by what the host sends. */
static void outlive_flows(it_nat *nat, it_time now, const it_portmap_want *w, struct it_nat_map_request *r,
                          it_portmap_done *d)
{
    it_time flows = flows_end(nat, w);
    if (flows <= r->until)
        return;
    r->until = flows;
    d->lifetime = seconds(now, flows);
}

/* What there is for the internal endpoint of PCP request |w| changes |r|, or answers it: true, |*d| then says how.
 * Section 11.3.
 */
static bool box_known(it_nat *nat, it_time now, const it_portmap_want *w, struct it_nat_map_request *r,
                      it_portmap_done *d)
{
    it_nat_entry e;
    if (!it_nat_mapping_of(nat, w->proto, w->internal, &e))
        return false;
    if (e.is_explicit && e.expires == IT_NEVER) {
        bool fine = !w->exactly || is_met(w, e.ext);
        *d = (it_portmap_done){fine ? IT_PORTMAP_OK : IT_PORTMAP_CANNOT_EXTERNAL, e.ext, UINT32_MAX};
        return true;
    }
    if (e.is_explicit && e.expires > r->until)
        outlive_flows(nat, now, w, r, d);
    else if (!e.is_explicit)
        follow_flow(w, e.ext, r);
    return false;
}

it_portmap_done it_service_carry_out(it_nat *nat, it_time now, const it_portmap_want *w)
{
    it_nat_filter filters[IT_PORTMAP_FILTERS];
    it_time until = w->lifetime == IT_UPNP_FOREVER ? IT_NEVER : now + (it_time)w->lifetime * IT_SEC;
    struct it_nat_map_request r = {w->proto, w->internal, w->external, until, filters, w->n_filters, w->unfilter};
    it_portmap_done d = {IT_PORTMAP_OK, w->external, w->lifetime};
    if (it_ip_none(it_nat_external(nat, 0)) && it_nat_profile_of(nat)->family != 66)
        return (it_portmap_done){.result = IT_PORTMAP_NETWORK_FAILURE};
    if (w->peer.port)
        return box_hold(nat, now, w);
    if (w->lifetime == 0)
        return delete (nat, now, w);
    IT_ASSERT(w->n_filters <= IT_PORTMAP_FILTERS);
    for (size_t i = 0; i < w->n_filters; i++)
        filters[i] = (it_nat_filter){w->filters[i].who, w->filters[i].port};
    if (w->pcp && box_known(nat, now, w, &r, &d))
        return d;
    d.result = result_of(map(nat, now, &r, w->exactly, &d.external));
    return d;
}
