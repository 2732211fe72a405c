/* Port block allocation: whole blocks of ports go to internal hosts and come back when they are empty (RFC 6888 REQ-14,
 * RFC 7422 section 1). A block holds ports of every protocol. And the port reuse delay: RFC 6888 REQ-8. */
#include "netsim/nat/impl.h"

int it_natc_blocks_init(it_nat *nat)
{
    const it_nat_range *r = &nat->p.udp.alloc.range;
    it_alloc *a = nat->timers.alloc;
    it_free(a, nat->blocks);
    nat->blocks = NULL;
    nat->blocks_per_addr = nat->p.block.size ? ((uint32_t)r->hi - r->lo + 1) / nat->p.block.size : 0;
    size_t n = (size_t)nat->blocks_per_addr * nat->n_addrs;
    if (n == 0)
        return 0;
    nat->blocks = it_calloc(a, n, sizeof *nat->blocks);
    if (!nat->blocks)
        return IT_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        nat->blocks[i].host = nat->blocks[i].next = IT_NATC_NONE;
    return 0;
}

it_nat_range it_natc_block_range(const it_nat *nat, uint32_t b)
{
    uint32_t lo = nat->p.udp.alloc.range.lo + b % nat->blocks_per_addr * nat->p.block.size;
    return (it_nat_range){(uint16_t)lo, (uint16_t)(lo + nat->p.block.size - 1)};
}

uint32_t it_natc_block_with(const it_nat *nat, uint32_t h, uint32_t a, uint16_t port)
{
    for (uint32_t b = nat->hosts[h].blocks; b != IT_NATC_NONE; b = nat->blocks[b].next) {
        it_nat_range r = it_natc_block_range(nat, b);
        if (b / nat->blocks_per_addr == a && port >= r.lo && port <= r.hi)
            return b;
    }
    return IT_NATC_NONE;
}

uint32_t it_natc_block_take(it_nat *nat, uint32_t h, uint32_t a, it_natc_no *no)
{
    it_natc_host *host = &nat->hosts[h];
    *no = (it_natc_no){IT_DROP_NAT_PORTS, "all port blocks of the host are full"};
    if (nat->p.block.max && host->n_blocks >= nat->p.block.max)
        return IT_NATC_NONE;
    no->more = "no port block left";
    uint32_t n = nat->blocks_per_addr;
    if (n == 0)
        return IT_NATC_NONE;
    /* RFC 6888 REQ-15: hard to guess. */
    uint32_t start = (uint32_t)it_rng_below(&nat->rng_port, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t b = a * n + (start + i) % n;
        if (nat->blocks[b].host != IT_NATC_NONE)
            continue;
        uint32_t *tail = &host->blocks;
        while (*tail != IT_NATC_NONE)
            tail = &nat->blocks[*tail].next;
        *tail = b;
        nat->blocks[b].host = h;
        nat->blocks[b].next = IT_NATC_NONE;
        host->n_blocks++;
        return b;
    }
    return IT_NATC_NONE;
}

/* Takes block |b| from its owner. */
static void give_back(it_nat *nat, uint32_t b)
{
    it_natc_host *host = &nat->hosts[nat->blocks[b].host];
    uint32_t *at = &host->blocks;
    while (*at != b)
        at = &nat->blocks[*at].next;
    *at = nat->blocks[b].next;
    nat->blocks[b].host = nat->blocks[b].next = IT_NATC_NONE;
    host->n_blocks--;
}

bool it_natc_block_full(const it_nat *nat, uint32_t b, uint8_t proto)
{
    /* Shared ports never run out towards other remotes. */
    return !nat->p.udp.overload && nat->blocks[b].by[proto != IT_PROTO_UDP] >= nat->p.block.size;
}

void it_natc_block_use(it_nat *nat, it_time now, uint32_t b, uint8_t proto, int by)
{
    it_natc_block *k = &nat->blocks[b];
    uint32_t *of = &k->by[proto != IT_PROTO_UDP];
    *of = (uint32_t)((int64_t)*of + by);
    k->used = (uint32_t)((int64_t)k->used + by);
    if (k->used > 0)
        return;
    k->gen++;
    if (nat->p.block.lifetime == 0)
        give_back(nat, b);
    else if (it_natc_timer(nat, now + nat->p.block.lifetime, IT_NATC_T_BLOCK, b, k->gen) < 0)
        it_node_oom(&nat->node);
}

void it_natc_block_timer(it_nat *nat, uint32_t b, uint32_t gen)
{
    it_natc_block *k = &nat->blocks[b];
    if (k->host == IT_NATC_NONE || k->used > 0 || k->gen != gen)
        return;
    uint32_t h = k->host;
    give_back(nat, b);
    it_natc_host_idle(nat, h);
}

/* --- RFC 6888 REQ-8 --- */

bool it_natc_reuse_delayed(const it_nat *nat, it_natc_external ext, uint32_t ip)
{
    uint32_t i = nat->reuse_by.n ? it_map_get(&nat->reuse_by, &ext.e.w) : IT_MAP_NONE;
    return i != IT_MAP_NONE && nat->reuses[i].ip != ip;
}

void it_natc_reuse_begin(it_nat *nat, it_time now, it_natc_external ext, uint32_t ip)
{
    if (nat->p.port_reuse == 0)
        return;
    uint32_t i = it_map_get(&nat->reuse_by, &ext.e.w);
    if (i == IT_MAP_NONE) {
        i = it_natc_take(nat, &nat->pool_r, sizeof *nat->reuses);
        nat->reuses = nat->pool_r.v;
        if (i == IT_NATC_NONE || it_map_put(&nat->reuse_by, &ext.e.w, i) < 0) {
            if (i != IT_NATC_NONE)
                it_natc_give(&nat->pool_r, i);
            it_node_oom(&nat->node);
            return;
        }
    }
    it_natc_reuse *r = &nat->reuses[i];
    *r = (it_natc_reuse){ext, now + nat->p.port_reuse, ip, r->gen + 1};
    if (it_natc_timer(nat, r->until, IT_NATC_T_REUSE, i, r->gen) < 0)
        it_node_oom(&nat->node);
}

void it_natc_reuse_timer(it_nat *nat, uint32_t i, uint32_t gen)
{
    it_natc_reuse *r = &nat->reuses[i];
    if (r->gen != gen)
        return;
    r->gen++;
    it_map_del(&nat->reuse_by, &r->ext.e.w);
    it_natc_give(&nat->pool_r, i);
}

void it_natc_reuse_timers(it_nat *nat)
{
    uint32_t pos = 0, i;
    const uint64_t *key;
    while (it_map_next(&nat->reuse_by, &pos, &key, &i))
        if (it_natc_timer(nat, nat->reuses[i].until, IT_NATC_T_REUSE, i, nat->reuses[i].gen) < 0)
            it_node_oom(&nat->node);
}

void it_natc_reuse_clear(it_nat *nat)
{
    uint32_t pos = 0, i;
    const uint64_t *key;
    while (it_map_next(&nat->reuse_by, &pos, &key, &i))
        it_natc_reuse_timer(nat, i, nat->reuses[i].gen);
}
