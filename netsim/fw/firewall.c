/* The firewall as a node: what is asked of a packet, in which order, and the box's life. */
#include "netsim/fw/firewall.h"

#include "netsim/fw/impl.h"

bool it_fwc_tracks(const it_fw *fw)
{
    const it_fw_profile *p = &fw->p;
    return it_fw_udp_stateful(p) || it_fw_tcp_stateful(p) || p->udp.max_flow_age || p->tcp.max_flow_age ||
           p->tcp.rst_ports.set;
}

void it_fwc_dispatch(const it_fwc_in *in)
{
    switch (in->p->proto) {
    case IT_PROTO_UDP:
        it_fwc_udp(in);
        break;
    case IT_PROTO_TCP:
        it_fwc_tcp_in(in);
        break;
    case IT_PROTO_ICMP:
    case IT_PROTO_ICMP6:
        it_fwc_icmp(in);
        break;
    default:
        it_fwc_other(in);
    }
}

/* Judges what may be of a flow. */
static void fw_judge_flow(const it_fwc_in *in)
{
    it_fw *fw = in->fw;
    if (fw->p.ipsec && it_fwc_authenticated(in->p)) {
        it_fwc_pass(in); /* RFC 6092 REC-21 */
        return;
    }
    if (in->p->frag && it_fwc_tracks(fw)) {
        it_fwc_fragment(fw, in->now, in->port, in->p);
        return;
    }
    it_fwc_dispatch(in);
}

/* Judges what came in through a port of the policy. */
static void fw_judge(const it_fwc_in *in)
{
    it_fw *fw = in->fw;
    if (fw->only && in->p->ver != fw->only) {
        it_fwc_pass(in);
        return;
    }
    if (it_fwc_martian(in))
        return;
    if (it_fwc_over_police(fw, in->now, in->port, in->p)) {
        it_fwc_drop(in, IT_DROP_FW_RATE, "police");
        return;
    }
    if (fw->p.until_login && !it_fwc_logged_in(fw, in->now, in->port, in->p)) {
        it_fwc_drop(in, IT_DROP_FW_POLICY, "before the login");
        return;
    }
    fw_judge_flow(in);
}

static void fw_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_fwc_in in = {.fw = fw, .now = now, .port = port, .p = p};
    it_fwc_expire(fw, now);
    it_fwc_held_run(fw, now);
    if (now < fw->up_at)
        it_fwc_drop(&in, IT_DROP_FW_REBOOT, NULL);
    else if (!it_fwc_own(&in))
        fw_judge(&in);
}

static it_time next_timer(const it_node *n)
{
    const it_fw *fw = (const it_fw *)(const void *)n;
    const it_heap_item *top = it_heap_top(&fw->timers);
    it_time next = it_fwc_held_next(fw), frag = it_fwc_frag_next(fw);
    if (frag < next)
        next = frag;
    return top && top->time < next ? top->time : next;
}

static void run_timers(it_node *n, it_time now)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_fwc_expire(fw, now);
    it_fwc_held_run(fw, now);
    it_fwc_frag_run(fw, now);
}

static void free_fw(it_node *n)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_alloc *a = fw->timers.alloc;
    it_map_fini(&fw->by_key);
    it_map_fini(&fw->ends);
    it_map_fini(&fw->perms);
    it_map_fini(&fw->inside);
    it_map_fini(&fw->logins);
    it_heap_fini(&fw->timers);
    it_free(a, fw->flows);
    it_free(a, fw->tcps);
    it_free(a, fw->free);
    it_free(a, fw->steers);
    it_free(a, fw->prefixes);
    it_free(a, fw->gather);
    it_free(a, fw->known);
    it_free(a, fw);
}

static const it_node_ops OPS = {.kind = "firewall",
                                .down = IT_DROP_FW_REBOOT,
                                .deliver = fw_deliver,
                                .next = next_timer,
                                .run = run_timers,
                                .free = free_fw};

it_fw *it_fw_new(it_world *w, const char *name, const it_fw_profile *p)
{
    it_alloc *a = it_world_alloc(w);
    it_fw *fw = it_fw_profile_fault(p) ? NULL : it_calloc(a, 1, sizeof *fw);
    if (!fw)
        return NULL;
    fw->p = *p;
    it_heap_init(&fw->timers, a);
    it_map_init(&fw->by_key, a, IT_FWC_WORDS(it_fwc_key));
    it_map_init(&fw->ends, a, IT_FWC_WORDS(it_fwc_near));
    it_map_init(&fw->perms, a, IT_FWC_WORDS(it_fwc_key));
    it_map_init(&fw->inside, a, 2);
    it_map_init(&fw->logins, a, 2);
    if (it_node_init(&fw->node, w, &OPS, name) < 0) {
        it_free(a, fw);
        return NULL;
    }
    /* Without its ports the box stays in the world, which frees it. */
    if (it_node_add_port(&fw->node, "in") < 0 || it_node_add_port(&fw->node, "out") < 0)
        return NULL;
    return fw;
}

it_node *it_fw_node(it_fw *fw)
{
    return &fw->node;
}

it_fw *it_fw_of(it_node *n)
{
    return n->ops == &OPS ? (it_fw *)(void *)n : NULL;
}

void it_fw_address(it_fw *fw, it_ip ip)
{
    *(it_ip_is4(ip) ? &fw->self4 : &fw->self6) = ip;
}

void it_fw_gateway(it_fw *fw, it_ip ip)
{
    *(it_ip_is4(ip) ? &fw->gateway4 : &fw->gateway6) = ip;
}

void it_fw_only(it_fw *fw, uint8_t ver)
{
    IT_ASSERT(ver == 0 || ver == 4 || ver == 6);
    fw->only = ver;
}

int it_fw_set(it_fw *fw, const it_fw_profile *p)
{
    if (it_fw_profile_fault(p))
        return IT_ERR_RANGE;
    /* What one tracker knows of a connection is of no use to the other. */
    for (uint32_t i = 0; i < fw->n_flows && p->conntrack != fw->p.conntrack; i++)
        if (fw->flows[i].live && it_fwc_proto(fw->flows[i].key.ports) == IT_PROTO_TCP)
            it_fwc_flow_end(fw, i);
    fw->p = *p;
    return 0;
}

void it_fw_flush(it_fw *fw, it_time now)
{
    (void)now;
    for (uint32_t i = 0; i < fw->n_flows; i++)
        if (fw->flows[i].live)
            it_fwc_flow_end(fw, i);
    fw->timers.n = 0;
    fw->n_steers = fw->next_steer = 0;
    it_fwc_frag_flush(fw);
    it_map_fini(&fw->logins);
    it_map_init(&fw->logins, fw->timers.alloc, 2);
    it_fwc_held_flush(fw);
}

void it_fw_reboot(it_fw *fw, it_time now, it_time down)
{
    it_node_note(&fw->node, now, "reboot");
    fw->up_at = now + down;
    it_fw_flush(fw, now);
}

const it_fw_stats *it_fw_stat(const it_fw *fw)
{
    return &fw->stats;
}

const it_fw_profile *it_fw_profile_of(const it_fw *fw)
{
    return &fw->p;
}
