/* The firewall's table of flows, keyed by their 5-tuples as seen from inside.
 *
 * Endpoint-independent and address-dependent filtering look at counters of flows beside it. Timers are lazy, as in the
 * NAT: an entry in the heap is moved on when it comes up; a flow that is to end sooner gets another one. */
#include "netsim/fw/impl.h"

#include "netsim/nat/nat.h"

#include <string.h>

static void end_key(const uint64_t *k, uint64_t key[3])
{
    key[0] = k[0];
    key[1] = k[1];
    key[2] = k[4] >> 16; /* protocol and inside port */
}

static void perm_key(const uint64_t *k, uint64_t key[IT_FWC_KEY])
{
    memcpy(key, k, IT_FWC_KEY * sizeof *key);
    key[4] >>= 16;
}

void it_fwc_key(uint64_t key[IT_FWC_KEY], int port, it_addr src, it_addr dst, uint8_t proto)
{
    it_addr in = port == IT_FW_IN ? src : dst, out = port == IT_FW_IN ? dst : src;
    key[0] = in.ip.hi;
    key[1] = in.ip.lo;
    key[2] = out.ip.hi;
    key[3] = out.ip.lo;
    key[4] = (uint64_t)proto << 32 | (uint64_t)in.port << 16 | out.port;
}

it_addr it_fwc_end(const uint64_t key[IT_FWC_KEY], int port)
{
    if (port == IT_FW_IN)
        return it_addr_of((it_ip){key[0], key[1]}, (uint16_t)(key[4] >> 16));
    return it_addr_of((it_ip){key[2], key[3]}, (uint16_t)key[4]);
}

bool it_fwc_filter_lets_in(const it_fw *fw, const uint64_t key[IT_FWC_KEY], uint8_t filtering)
{
    uint64_t end[3], perm[IT_FWC_KEY];
    end_key(key, end);
    perm_key(key, perm);
    if (filtering == IT_NAT_EI)
        return it_map_get(&fw->ends, end) != IT_MAP_NONE;
    return filtering == IT_NAT_AD && it_map_get(&fw->perms, perm) != IT_MAP_NONE;
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
    uint64_t end[3], perm[IT_FWC_KEY];
    end_key(f->key, end);
    perm_key(f->key, perm);
    if (it_map_put(&fw->by_key, f->key, i) < 0)
        return IT_ERR_NOMEM;
    int err = count_up(&fw->ends, end);
    if (err == 0) {
        err = count_up(&fw->perms, perm);
        if (err == 0) {
            err = push_timer(fw, i);
            if (err < 0)
                count_down(&fw->perms, perm);
        }
        if (err < 0)
            count_down(&fw->ends, end);
    }
    if (err < 0)
        it_map_del(&fw->by_key, f->key);
    return err;
}

void it_fwc_flow_end(it_fw *fw, uint32_t i)
{
    it_fwc_flow *f = &fw->flows[i];
    uint64_t end[3], perm[IT_FWC_KEY];
    end_key(f->key, end);
    perm_key(f->key, perm);
    it_map_del(&fw->by_key, f->key);
    count_down(&fw->ends, end);
    count_down(&fw->perms, perm);
    f->live = false;
    f->gen++;
    fw->free[fw->n_free++] = i;
    fw->stats.flows--;
    fw->stats.flows_ended++;
}

uint32_t it_fwc_flow_new(it_fw *fw, it_time now, int port, const uint64_t key[IT_FWC_KEY], it_time expires)
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
    *f = (it_fwc_flow){.created = now, .expires = expires, .gen = f->gen, .opener = (uint8_t)port};
    memcpy(f->key, key, sizeof f->key);
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
        if (f->key[4] >> 32 == IT_PROTO_TCP)
            it_fwc_tcp_expired(fw, now, i);
        it_fwc_flow_end(fw, i);
    }
}
