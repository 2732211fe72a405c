/* The firewall's table of flows, keyed by their 5-tuples as seen from inside.
 *
 * Endpoint-independent and address-dependent filtering look at counters of flows beside it. Timers are lazy, as in the
 * NAT: an entry in the heap is moved on when it comes up; a flow that is to end sooner gets another one. */
#include "netsim/fw/impl.h"

#include "netsim/nat/nat.h"

/* The inside end of |k|. */
static it_fwc_near flow_near(const it_fwc_key *k)
{
    return (it_fwc_near){.ip = k->inside, .ports = it_fwc_ports_near(k->ports)};
}

/* The inside end of |k| with the address outside, any port there. */
static it_fwc_key flow_perm(const it_fwc_key *k)
{
    return (it_fwc_key){.inside = k->inside, .outside = k->outside, .ports = it_fwc_ports_near(k->ports)};
}

it_fwc_key it_fwc_key_of(int port, it_addr src, it_addr dst, uint8_t proto)
{
    it_addr in = port == IT_FW_IN ? src : dst, out = port == IT_FW_IN ? dst : src;
    return (it_fwc_key){.inside = in.ip, .outside = out.ip, .ports = it_fwc_ports_of(proto, in.port, out.port)};
}

it_addr it_fwc_end(const it_fwc_key *key, int port)
{
    if (port == IT_FW_IN)
        return it_addr_of(key->inside, it_fwc_port_inside(key->ports));
    return it_addr_of(key->outside, it_fwc_port_outside(key->ports));
}

bool it_fwc_filter_lets_in(const it_fw *fw, const it_fwc_key *key, uint8_t filtering)
{
    it_fwc_near near = flow_near(key);
    it_fwc_key perm = flow_perm(key);
    if (filtering == IT_NAT_EI)
        return it_map_get(&fw->ends, near.words) != IT_MAP_NONE;
    return filtering == IT_NAT_AD && it_map_get(&fw->perms, perm.words) != IT_MAP_NONE;
}

static int count_up(it_map *m, const uint64_t *key)
{
    uint32_t n = it_map_get(m, key);
    return it_map_put(m, key, n == IT_MAP_NONE ? 1 : n + 1);
}

static void count_down(it_map *m, const uint64_t *key)
{
    uint32_t n = it_map_get(m, key);
    if (n == 1)
        it_map_del(m, key);
    else if (n != IT_MAP_NONE)
        (void)!it_map_put(m, key, n - 1); /* replaces: needs no memory */
}

static int push_timer(it_fw *fw, uint32_t i)
{
    const it_fwc_flow *f = &fw->flows[i];
    return it_heap_push(&fw->timers, (it_heap_item){f->expires, fw->seq++, (uint64_t)f->gen << 32 | i});
}

/* Puts flow |i| into the tables; takes it out again as far as it came without memory. */
static int flow_enter(it_fw *fw, uint32_t i)
{
    const it_fwc_flow *f = &fw->flows[i];
    it_fwc_near near = flow_near(&f->key);
    it_fwc_key perm = flow_perm(&f->key);
    if (it_map_put(&fw->by_key, f->key.words, i) < 0)
        return IT_ERR_NOMEM;
    int err = count_up(&fw->ends, near.words);
    if (err == 0) {
        err = count_up(&fw->perms, perm.words);
        if (err == 0) {
            err = push_timer(fw, i);
            if (err < 0)
                count_down(&fw->perms, perm.words);
        }
        if (err < 0)
            count_down(&fw->ends, near.words);
    }
    if (err < 0)
        it_map_del(&fw->by_key, f->key.words);
    return err;
}

void it_fwc_flow_end(it_fw *fw, uint32_t i)
{
    it_fwc_flow *f = &fw->flows[i];
    it_fwc_near near = flow_near(&f->key);
    it_fwc_key perm = flow_perm(&f->key);
    it_map_del(&fw->by_key, f->key.words);
    count_down(&fw->ends, near.words);
    count_down(&fw->perms, perm.words);
    f->live = false;
    f->gen++;
    fw->free[fw->n_free++] = i;
    fw->stats.flows--;
    fw->stats.flows_ended++;
}

uint32_t it_fwc_flow_new(it_fw *fw, it_time now, int port, const it_fwc_key *key, it_time expires)
{
    it_alloc *a = fw->timers.alloc;
    uint32_t i;
    if (fw->stats.flows >= IT_FWC_FLOWS)
        return IT_MAP_NONE;
    if (fw->n_free) {
        i = fw->free[--fw->n_free];
    } else {
        if (it_grow(a, &fw->flows, &fw->cap_flows, fw->n_flows + 1, sizeof *fw->flows) < 0 ||
            it_grow(a, &fw->free, &fw->cap_free, fw->n_flows + 1, sizeof *fw->free) < 0) {
            it_node_oom(&fw->node);
            return IT_MAP_NONE;
        }
        i = (uint32_t)fw->n_flows++;
        fw->flows[i] = (it_fwc_flow){.gen = 0};
    }
    it_fwc_flow *f = &fw->flows[i];
    *f = (it_fwc_flow){.created = now, .expires = expires, .gen = f->gen, .opener = (uint8_t)port, .key = *key};
    if (flow_enter(fw, i) < 0) {
        fw->free[fw->n_free++] = i;
        f->gen++;
        it_node_oom(&fw->node);
        return IT_MAP_NONE;
    }
    f->live = true;
    fw->stats.flows++;
    fw->stats.flows_created++;
    return i;
}

void it_fwc_flow_until(it_fw *fw, uint32_t i, it_time expires)
{
    it_fwc_flow *f = &fw->flows[i];
    bool sooner = expires < f->expires;
    f->expires = expires;
    if (!sooner)
        return;
    /* The entries that are in the heap already belong to another generation from now on. */
    f->gen++;
    if (push_timer(fw, i) < 0)
        it_node_oom(&fw->node);
}

void it_fwc_expire(it_fw *fw, it_time now)
{
    for (;;) {
        const it_heap_item *top = it_heap_top(&fw->timers);
        if (!top || top->time > now)
            return;
        uint32_t i = (uint32_t)top->id;
        const it_fwc_flow *f = &fw->flows[i];
        bool mine = f->live && f->gen == (uint32_t)(top->id >> 32);
        if (mine && f->expires > now) {
            it_heap_replace_top(&fw->timers, f->expires, fw->seq++, top->id);
            continue;
        }
        it_heap_pop(&fw->timers);
        if (!mine)
            continue;
        if (it_fwc_proto(f->key.ports) == IT_PROTO_TCP)
            it_fwc_tcp_expired(fw, now, i);
        it_fwc_flow_end(fw, i);
    }
}
