/* The box's own port mapping server on the bench: what hosts inside send to the box is fed to it, what it answers goes
 * back the same way. The server is that of every simulated box (lab/apps/service.h); it is where the profile has it,
 * and says what it says. */
#include "conformance/nat/probe.h"
#include "lab/apps/service.h"

#include "stack/portmap/msg.h"

int it_probe_serve(it_probe *b)
{
    it_link_cfg wire = {.name = "self"};
    uint8_t speaks = it_nat_profile_of(b->nat)->portmap;
    if (b->err || !(speaks & (IT_NAT_PCP | IT_NAT_NATPMP)))
        return b->err;
    int port = it_nat_self(b->nat);
    b->own = port < 0 ? NULL : it_edge_new(b->world, "self", "eth");
    b->server = b->own ? it_service_portmap(b->alloc, b->nat, b->now) : NULL;
    if (!b->server || it_link_new(b->world, &wire, b->own, 0, it_nat_node(b->nat), port) < 0)
        b->err = IT_ERR_NOMEM;
    return b->err;
}

void it_probe_unserve(it_probe *b)
{
    if (b->server)
        it_app_portmap.free(b->server);
    b->server = NULL;
}

/* Sends what the server has to say. */
static int own_answer(it_probe *b)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int err = 0;
    while (err >= 0 && it_app_portmap.output(b->server, b->now, &out, buf, sizeof buf) == 1) {
        it_pkt *p = it_pkt_new(it_world_pool(b->world));
        err = p ? it_pkt_udp(p, out.local, out.remote, out.data) : IT_ERR_NOMEM;
        if (err >= 0)
            err = it_edge_send(b->own, b->now, it_pkt_bytes(p), 0);
        if (p)
            it_pkt_free(it_world_pool(b->world), p);
    }
    return err < 0 ? err : 0;
}

bool it_probe_own(it_probe *b)
{
    bool any = false;
    for (it_pkt *p; b->server && (p = it_edge_take(b->own));) {
        any = true;
        if (p->proto == IT_PROTO_UDP && p->dport == IT_PORTMAP_PORT) {
            it_bytes data = it_bytes_of(it_pkt_l4(p) + 8, (size_t)(p->len - p->l4 - 8));
            it_io in = {.kind = IT_IO_DGRAM,
                        .flow = 0,
                        .local = it_addr_of(p->dst, p->dport),
                        .remote = it_addr_of(p->src, p->sport),
                        .data = data};
            (void)it_app_portmap.input(b->server, b->now, &in);
        }
        it_pkt_free(it_world_pool(b->world), p);
        int err = own_answer(b);
        b->err = b->err ? b->err : err;
    }
    return any;
}
