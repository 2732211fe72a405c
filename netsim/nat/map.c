/* The mapping table: from internal endpoints (and, by behaviour, remote ones) to external endpoints, and the records of
 * internal hosts.
 *
 * Several mappings may stand under one key (the newest is used for new sessions, RFC 4787 REQ-11 notwithstanding) and
 * on one external endpoint (port overlapping, RFC 7857 section 3): both are chains, newest first. */
#include "netsim/nat/impl.h"

#include <string.h>

/* --- slots --- */

uint32_t it_natc_take(it_nat *nat, it_natc_pool *pool, size_t size)
{
    it_alloc *a = nat->timers.alloc;
    if (pool->n_free) {
        uint32_t i = pool->free[--pool->n_free];
        return i;
    }
    if (it_grow(a, &pool->v, &pool->cap, pool->n + 1, size) < 0)
        return IT_NATC_NONE;
    /* Room for giving it back is made now, so that giving back cannot fail. */
    if (it_grow(a, &pool->free, &pool->cap_free, pool->n + 1, sizeof *pool->free) < 0)
        return IT_NATC_NONE;
    memset((uint8_t *)pool->v + pool->n * size, 0, size);
    return (uint32_t)pool->n++;
}

void it_natc_give(it_natc_pool *pool, uint32_t i)
{
    pool->free[pool->n_free++] = i;
}

/* --- internal hosts --- */

uint32_t it_natc_host_get(it_nat *nat, uint32_t ip)
{
    uint64_t key = ip;
    uint32_t h = it_map_get(&nat->by_ip, &key);
    if (h != IT_NATC_NONE)
        return h;
    h = it_natc_take(nat, &nat->pool_h, sizeof *nat->hosts);
    nat->hosts = nat->pool_h.v;
    if (h == IT_NATC_NONE)
        return h;
    if (it_map_put(&nat->by_ip, &key, h) < 0) {
        it_natc_give(&nat->pool_h, h);
        return IT_NATC_NONE;
    }
    nat->hosts[h] = (it_natc_host){.ip = ip, .addr = IT_NATC_NONE, .blocks = IT_NATC_NONE, .live = true};
    return h;
}

void it_natc_host_idle(it_nat *nat, uint32_t h)
{
    it_natc_host *host = &nat->hosts[h];
    /* RFC 3022 section 2.1: the binding of a basic NAT stays, the address is the host's. */
    bool bound = nat->p.one2one && host->addr != IT_NATC_NONE;
    if (!host->live || host->n_maps || host->n_blocks || bound)
        return;
    uint64_t key = host->ip;
    it_map_del(&nat->by_ip, &key);
    host->live = false;
    it_natc_give(&nat->pool_h, h);
    if (nat->p.family)
        it_natc64_release(nat, (uint32_t)key);
}

/* --- looking up --- */

it_natc_scope it_natc_scope_of(const it_nat *nat, const it_natc_flow *f)
{
    uint8_t mapping = it_natc_mapping(nat, f->proto);
    /* RFC 5508 REQ-1a: the mapping of a query identifier does not depend on the external host, unless ports are drawn
     * anew for each (netfilter's "masquerade random"). */
    if (mapping == IT_NAT_EI || (f->proto == IT_PROTO_ICMP && nat->p.udp.alloc.mode != IT_NAT_RANDOM))
        return IT_NATC_ANYONE;
    /* RFC 4787 section 4.1, RFC 5382 section 4.1. */
    if (mapping == IT_NAT_AD)
        return (it_natc_scope){it_natc_end_of(it_natc_ip(f->remote.e), 0)};
    return (it_natc_scope){f->remote.e};
}

uint32_t it_natc_map_find(const it_nat *nat, const it_natc_flow *f)
{
    uint32_t m = it_natc_map_of(nat, f->in, IT_NATC_EXPLICIT);
    if (m != IT_NATC_NONE)
        return m;
    return it_natc_map_of(nat, f->in, it_natc_scope_of(nat, f));
}

/* --- making --- */

/* The mapping of |r| if it exists. */
static uint32_t same_map(const it_nat *nat, const struct it_natc_map_new *r)
{
    uint32_t m = it_natc_map_at(nat, r->ext);
    for (; m != IT_NATC_NONE; m = nat->maps[m].sharer) {
        const it_natc_map *map = &nat->maps[m];
        if (it_natc_internal_eq(map->in, r->in) && it_natc_scope_eq(map->scope, r->scope))
            return m;
    }
    return IT_NATC_NONE;
}

/* Takes |m| out of the chain that begins at |*head|; the chain is linked by the member at |link|. */
static void unchain(it_nat *nat, uint32_t *head, uint32_t m, size_t link)
{
    uint32_t *at = head;
    while (*at != m) {
        IT_ASSERT(*at != IT_NATC_NONE);
        at = (uint32_t *)(void *)((uint8_t *)&nat->maps[*at] + link);
    }
    *at = *(uint32_t *)(void *)((uint8_t *)&nat->maps[m] + link);
}

/* Takes |m| out of chain |table| at |key|. The table's entry is replaced or removed: neither needs memory. */
static void chain_leave(it_nat *nat, it_map *table, const uint64_t *key, uint32_t m, size_t link)
{
    uint32_t head = it_map_get(table, key);
    unchain(nat, &head, m, link);
    if (head == IT_NATC_NONE) {
        it_map_del(table, key);
        return;
    }
    int err = it_map_put(table, key, head);
    IT_ASSERT(err == 0);
}

/* Puts |m| in front under its internal key. */
static int enter_in(it_nat *nat, uint32_t m)
{
    uint64_t key[2] = {nat->maps[m].in.e.w, nat->maps[m].scope.e.w};
    uint32_t older = it_map_get(&nat->map_in, key);
    if (it_map_put(&nat->map_in, key, m) < 0)
        return IT_ERR_NOMEM;
    nat->maps[m].older = older;
    return 0;
}

static void leave_in(it_nat *nat, uint32_t m)
{
    uint64_t key[2] = {nat->maps[m].in.e.w, nat->maps[m].scope.e.w};
    chain_leave(nat, &nat->map_in, key, m, offsetof(it_natc_map, older));
}

static int enter_ext(it_nat *nat, uint32_t m)
{
    uint64_t key = nat->maps[m].ext.e.w;
    uint32_t sharer = it_map_get(&nat->map_ext, &key);
    if (it_map_put(&nat->map_ext, &key, m) < 0)
        return IT_ERR_NOMEM;
    nat->maps[m].sharer = sharer;
    return 0;
}

/* Makes |m| the newest under its key. Replacing an entry needs no memory. */
static void to_front(it_nat *nat, uint32_t m)
{
    uint64_t key[2] = {nat->maps[m].in.e.w, nat->maps[m].scope.e.w};
    uint32_t head = it_map_get(&nat->map_in, key);
    if (head == m)
        return;
    unchain(nat, &head, m, offsetof(it_natc_map, older));
    nat->maps[m].older = head;
    int err = it_map_put(&nat->map_in, key, m);
    IT_ASSERT(err == 0);
}

uint32_t it_natc_map_make(it_nat *nat, it_time now, const struct it_natc_map_new *r)
{
    uint32_t m = same_map(nat, r);
    if (m != IT_NATC_NONE) {
        to_front(nat, m);
        return m;
    }
    m = it_natc_take(nat, &nat->pool_m, sizeof *nat->maps);
    nat->maps = nat->pool_m.v;
    if (m == IT_NATC_NONE)
        return m;
    it_natc_map *map = &nat->maps[m];
    uint32_t gen = map->gen;
    *map = (it_natc_map){
        .in = r->in, .ext = r->ext, .scope = r->scope, .host = r->host, .sessions = IT_NATC_NONE, .block = r->block};
    map->gen = gen;
    if (enter_in(nat, m) < 0) {
        it_natc_give(&nat->pool_m, m);
        return IT_NATC_NONE;
    }
    if (enter_ext(nat, m) < 0) {
        leave_in(nat, m);
        it_natc_give(&nat->pool_m, m);
        return IT_NATC_NONE;
    }
    map->live = true;
    map->until = now;
    map->is_explicit = it_natc_scope_eq(r->scope, IT_NATC_EXPLICIT);
    nat->hosts[r->host].n_maps++;
    if (r->block != IT_NATC_NONE)
        it_natc_block_use(nat, now, r->block, it_natc_proto(r->in.e), 1);
    nat->stats.mappings_created++;
    nat->stats.mappings++;
    it_natc_note_map(nat, now, map, "mapping");
    return m;
}

void it_natc_map_end(it_nat *nat, it_time now, uint32_t m)
{
    it_natc_map *map = &nat->maps[m];
    bool was_explicit = map->is_explicit;
    map->is_explicit = true; /* so that its last session does not end it under our hands */
    while (map->sessions != IT_NATC_NONE)
        it_natc_session_end(nat, now, map->sessions);
    map->is_explicit = was_explicit;
    it_natc_note_map(nat, now, map, "mapping ends");
    leave_in(nat, m);
    chain_leave(nat, &nat->map_ext, &map->ext.e.w, m, offsetof(it_natc_map, sharer));
    if (map->block != IT_NATC_NONE)
        it_natc_block_use(nat, now, map->block, it_natc_proto(map->in.e), -1);
    it_natc_reuse_begin(nat, now, map->ext, it_natc_ip(map->in.e));
    map->live = false;
    map->gen++;
    if (map->filtered)
        it_natc_filters_end(nat, m);
    uint32_t h = map->host;
    nat->hosts[h].n_maps--;
    nat->stats.mappings_ended++;
    nat->stats.mappings--;
    it_natc_give(&nat->pool_m, m);
    it_natc_host_idle(nat, h);
}

void it_natc_map_idle(it_nat *nat, it_time now, uint32_t m)
{
    it_natc_map *map = &nat->maps[m];
    if (map->live && !map->is_explicit && map->n_sessions == 0)
        it_natc_map_end(nat, now, m);
}
