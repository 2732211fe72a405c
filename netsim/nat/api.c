/* The NAT's other face: addresses, reboots, explicit mappings, and looking inside. */
#include "netsim/nat/impl.h"

#include <stdio.h>
#include <string.h>

/* --- the box --- */

static void start_stream(it_rng *rng, const it_nat *nat, const char *purpose)
{
    char name[IT_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s/%s", nat->node.name, purpose);
    it_rng_init(rng, it_world_seed(nat->node.world), name);
}

it_nat *it_nat_new(it_world *w, const char *name, const it_nat_profile *p)
{
    it_alloc *a = it_world_alloc(w);
    it_nat *nat = it_nat_profile_fault(p) ? NULL : it_calloc(a, 1, sizeof *nat);
    if (!nat)
        return NULL;
    nat->p = *p;
    it_heap_init(&nat->timers, a);
    it_map_init(&nat->by_in, a, 2);
    it_map_init(&nat->by_out, a, 2);
    it_natc_session_forget(nat);
    it_map_init(&nat->map_in, a, 2);
    it_map_init(&nat->map_ext, a, 1);
    it_map_init(&nat->perms, a, 1);
    it_map_init(&nat->dests, a, 2);
    it_map_init(&nat->by_ip, a, 1);
    it_map_init(&nat->reuse_by, a, 1);
    it_map_init(&nat->held_by, a, 2);
    it_map_init(&nat->frag_by, a, 2);
    it_map_init(&nat->six_by, a, 2);
    it_map_init(&nat->callers, a, 2);
    it_defrag_init(&nat->defrag, a);
    if (it_node_init(&nat->node, w, &it_natc_ops, name) < 0) {
        it_free(a, nat);
        return NULL;
    }
    start_stream(&nat->rng_port, nat, "port");
    start_stream(&nat->rng_pool, nat, "pool");
    start_stream(&nat->rng_noise, nat, "noise");
    start_stream(&nat->rng_evict, nat, "evict");
    it_natc_alloc_reset(nat, it_world_now(w));
    /* Without its ports the box stays in the world, which frees it. */
    if (it_node_add_port(&nat->node, "lan") < 0 || it_node_add_port(&nat->node, "wan") < 0)
        return NULL;
    return nat;
}

int it_nat_self(it_nat *nat)
{
    if (!nat->self) {
        int port = it_node_add_port(&nat->node, "self");
        if (port < 0)
            return port;
        nat->self = port;
    }
    return nat->self;
}

it_node *it_nat_node(it_nat *nat)
{
    return &nat->node;
}

it_nat *it_nat_of(it_node *n)
{
    return n->ops == &it_natc_ops ? (it_nat *)(void *)n : NULL;
}

const it_nat_profile *it_nat_profile_of(const it_nat *nat)
{
    return &nat->p;
}

int it_nat_inside(it_nat *nat, it_ip own, uint8_t bits)
{
    if (nat->p.family)
        return it_natc64_inside(nat, own, bits);
    if (!it_ip_is4(own) || bits > 32)
        return IT_ERR_RANGE;
    nat->own = it_ip_v4(own);
    nat->mask = bits ? UINT32_MAX << (32 - bits) : 0;
    nat->net = nat->own & nat->mask;
    return 0;
}

it_ip it_nat_external(const it_nat *nat, uint32_t i)
{
    return i < nat->n_addrs ? it_ip4(nat->addrs[i]) : (it_ip){0, 0};
}

/* --- losing state --- */

void it_natc_flush(it_nat *nat, it_time now, bool all)
{
    nat->stats.flushes++;
    it_world_upset(nat->node.world);
    it_natc_syn_flush(nat, now);
    it_natc_frag_flush(nat, now);
    for (uint32_t i = 0; i < nat->pool_s.n; i++)
        if (nat->sessions[i].live)
            it_natc_session_end(nat, now, i);
    for (uint32_t i = 0; i < nat->pool_m.n; i++)
        if (nat->maps[i].live && (all || !nat->maps[i].is_explicit || nat->maps[i].until != IT_NEVER))
            it_natc_map_end(nat, now, i);
    for (uint32_t i = 0; i < nat->pool_h.n; i++) {
        it_natc_host *h = &nat->hosts[i];
        if (!h->live)
            continue;
        /* Empty blocks that wait for the end of their time. */
        for (uint32_t b = h->blocks, next; b != IT_NATC_NONE; b = next) {
            next = nat->blocks[b].next;
            it_natc_block_timer(nat, b, nat->blocks[b].gen);
        }
        if (h->live && h->n_maps == 0)
            h->addr = IT_NATC_NONE;
        it_natc_host_idle(nat, i);
    }
    nat->timers.n =
        0; /* what survives has no timer but the port reuse delay: RFC 6888 REQ-8, a loss of state included */
    it_natc_reuse_timers(nat);
    it_natc_alloc_reset(nat, now);
    it_node_wake(&nat->node);
}

void it_nat_flush(it_nat *nat, it_time now)
{
    it_natc_flush(nat, now, false);
}

void it_nat_reboot(it_nat *nat, it_time now, it_time down)
{
    it_node_note(&nat->node, now, "reboot");
    nat->up_at = now + down;
    if (nat->p.state_loss_on_reboot)
        it_natc_flush(nat, now, false);
}

/* Whether address |i| of |addrs| is of IPv4, not of the inside, and not there before. */
static int check_addr(const it_nat *nat, const it_ip *addrs, uint32_t i)
{
    if (!it_ip_is4(addrs[i]))
        return IT_ERR_RANGE;
    /* RFC 4787 REQ-7: an outside that conflicts with the inside would hide hosts. */
    if (nat->own && (it_ip_v4(addrs[i]) & nat->mask) == nat->net)
        return IT_ERR_EXISTS;
    for (uint32_t k = 0; k < i; k++)
        if (it_ip_eq(addrs[i], addrs[k]))
            return IT_ERR_RANGE;
    return 0;
}

static int check_addrs(const it_nat *nat, const it_ip *addrs, uint32_t n, it_ip gateway)
{
    if (n == 0 || n > IT_NAT_ADDRS_MAX || (!it_ip_none(gateway) && !it_ip_is4(gateway)))
        return IT_ERR_RANGE;
    int err = 0;
    for (uint32_t i = 0; i < n && err == 0; i++)
        err = check_addr(nat, addrs, i);
    return err;
}

static int set_addrs(it_nat *nat, it_time now, const it_ip *addrs, uint32_t n, it_ip gateway)
{
    nat->n_addrs = n < nat->p.pool.size ? n : nat->p.pool.size;
    for (uint32_t i = 0; i < nat->n_addrs; i++)
        nat->addrs[i] = it_ip_v4(addrs[i]);
    nat->hop_out = gateway;
    it_natc_reuse_clear(nat);
    it_natc_alloc_reset(nat, now);
    return it_natc_blocks_init(nat);
}

int it_nat_outside(it_nat *nat, const it_ip *addrs, uint32_t n, it_ip gateway)
{
    it_time now = it_world_now(nat->node.world);
    int err = check_addrs(nat, addrs, n, gateway);
    if (err < 0)
        return err;
    it_natc_flush(nat, now, true);
    return set_addrs(nat, now, addrs, n, gateway);
}

/* Internal endpoint |in| as the host knows it. */
static it_addr real_of(const it_nat *nat, it_natc_internal in)
{
    it_addr a = it_natc_addr(in.e);
    if (nat->p.family)
        a.ip = it_natc64_real(nat, it_natc_ip(in.e));
    return a;
}

int it_nat_renumber(it_nat *nat, it_time now, const it_ip *addrs, uint32_t n, it_ip gateway)
{
    int err = check_addrs(nat, addrs, n, gateway);
    if (err < 0)
        return err;
    it_node_note(&nat->node, now, "renumber");
    it_natc_flush(nat, now, false);
    /* What is left is explicit and moves to the new address. */
    it_alloc *a = nat->timers.alloc;
    struct kept {
        it_natc_map map;
        it_addr who;
    } *kept = NULL;
    size_t n_kept = 0, cap = 0;
    for (uint32_t i = 0; i < nat->pool_m.n; i++) {
        if (!nat->maps[i].live)
            continue;
        err = it_grow(a, &kept, &cap, n_kept + 1, sizeof *kept);
        if (err < 0)
            goto out;
        kept[n_kept++] = (struct kept){nat->maps[i], real_of(nat, nat->maps[i].in)};
    }
    it_natc_flush(nat, now, true);
    err = set_addrs(nat, now, addrs, n, gateway);
    for (size_t i = 0; i < n_kept && err == 0; i++) {
        it_addr ext = {it_ip4(nat->addrs[0]), it_natc_port(kept[i].map.ext.e)};
        struct it_nat_map_request r = {
            .proto = it_natc_proto(kept[i].map.in.e), .internal = kept[i].who, .ext = ext, .until = IT_NEVER};
        err = it_nat_map_add(nat, now, &r, NULL);
        if (err == IT_ERR_EXISTS)
            err = 0; /* two of them had the same port on different addresses: the first has it now */
    }
out:
    it_free(a, kept);
    return err;
}

/* True when |p| differs from |q| in what a NAT keeps for life: its family, its pool and how its ports fall into
 * blocks. */
static bool differs_for_life(const it_nat_profile *p, const it_nat_profile *q)
{
    if (p->family != q->family || p->one2one != q->one2one)
        return true;
    if (p->pool.size != q->pool.size || p->pool.mode != q->pool.mode)
        return true;
    if (p->block.size != q->block.size)
        return true;
    const it_nat_range *a = &p->udp.alloc.range, *b = &q->udp.alloc.range;
    return p->block.size && (a->lo != b->lo || a->hi != b->hi);
}

int it_nat_set(it_nat *nat, const it_nat_profile *p)
{
    if (it_nat_profile_fault(p) || differs_for_life(p, &nat->p))
        return IT_ERR_RANGE;
    bool noise = p->udp.alloc.noise && !nat->p.udp.alloc.noise;
    nat->p = *p;
    it_natc_alg_reset(nat);
    if (noise)
        it_natc_alloc_reset(nat, it_world_now(nat->node.world));
    return it_natc_recount(nat);
}

/* --- explicit mappings --- */

/* True when another endpoint than |in| has a mapping at |ext|. */
static bool is_others(const it_nat *nat, it_natc_external ext, it_natc_internal in)
{
    for (uint32_t m = it_natc_map_at(nat, ext); m != IT_NATC_NONE; m = nat->maps[m].sharer)
        if (!it_natc_internal_eq(nat->maps[m].in, in))
            return true;
    return false;
}

/* The external endpoint for request |r| of host |h|: what it asks for, or a free one. */
static int explicit_ext(it_nat *nat, it_time now, const struct it_nat_map_request *r, uint32_t h,
                        struct it_natc_choice *c)
{
    it_natc_end in = it_natc_end_of(nat->hosts[h].ip, r->internal.port);
    it_natc_flow f = {.proto = r->proto, .in = it_natc_internal_of(r->proto, in)};
    it_natc_no no;
    bool any_ip = it_ip_none(r->ext.ip), any_port = r->ext.port == 0;
    c->block = IT_NATC_NONE;
    if (nat->p.limits.ports_per_host && nat->hosts[h].n_maps >= nat->p.limits.ports_per_host)
        return IT_ERR_LIMIT; /* whether or not it names the port: RFC 6888 REQ-4 */
    if (any_port || any_ip) {
        if (!it_natc_alloc(nat, now, &f, h, c, &no))
            return IT_ERR_FULL;
        if (any_port && any_ip)
            return 0;
        c->block = IT_NATC_NONE;
    }
    uint32_t ip = any_ip ? it_natc_ip(c->ext.e) : it_ip_v4(r->ext.ip);
    uint16_t port = any_port ? it_natc_port(c->ext.e) : r->ext.port;
    if (!it_natc_is_ext(nat, ip))
        return IT_ERR_RANGE;
    c->ext = it_natc_external_of(r->proto, it_natc_end_of(ip, port));
    if (is_others(nat, c->ext, f.in))
        return IT_ERR_EXISTS;
    return 0;
}

/* The mapping of |internal| for |scope|, IT_NATC_NONE when there is none. */
static uint32_t find_map(it_nat *nat, uint8_t proto, it_addr internal, it_natc_scope scope)
{
    uint64_t six[2] = {internal.ip.hi, internal.ip.lo};
    uint32_t ip = it_ip_v4(internal.ip);
    if (nat->p.family) {
        if (it_map_get(&nat->six_by, six) == IT_MAP_NONE)
            return IT_NATC_NONE;
        ip = it_natc64_stand_in(nat, internal.ip);
    }
    return it_natc_map_of(nat, it_natc_internal_of(proto, it_natc_end_of(ip, internal.port)), scope);
}

static bool asks_for(const it_natc_map *m, it_addr ext)
{
    return (it_ip_none(ext.ip) || it_ip_v4(ext.ip) == it_natc_ip(m->ext.e)) &&
           (ext.port == 0 || ext.port == it_natc_port(m->ext.e));
}

static int make_explicit(it_nat *nat, it_time now, const struct it_nat_map_request *r, uint32_t *m)
{
    struct it_natc_choice c;
    uint32_t ip = nat->p.family ? it_natc64_stand_in(nat, r->internal.ip) : it_ip_v4(r->internal.ip);
    uint32_t h = ip ? it_natc_host_get(nat, ip) : IT_NATC_NONE;
    if (h == IT_NATC_NONE)
        return IT_ERR_NOMEM;
    int err = explicit_ext(nat, now, r, h, &c);
    if (err < 0) {
        it_natc_host_idle(nat, h);
        return err;
    }
    it_natc_internal in = it_natc_internal_of(r->proto, it_natc_end_of(ip, r->internal.port));
    struct it_natc_map_new n = {in, c.ext, IT_NATC_EXPLICIT, h, c.block};
    *m = it_natc_map_make(nat, now, &n);
    if (*m == IT_NATC_NONE) {
        it_natc_host_idle(nat, h);
        return IT_ERR_NOMEM;
    }
    return 0;
}

static bool may_be_asked(const it_nat *nat, it_time now, const struct it_nat_map_request *r)
{
    bool inside = nat->p.family ? nat->p.family == 64 && it_ip_is6(r->internal.ip) : it_ip_is4(r->internal.ip);
    bool whole = (r->proto == IT_PROTO_UDP || r->proto == IT_PROTO_TCP) && r->internal.port && r->until > now;
    return inside && whole && (it_ip_none(r->ext.ip) || it_ip_is4(r->ext.ip));
}

int it_nat_map_add(it_nat *nat, it_time now, const struct it_nat_map_request *r, it_addr *got)
{
    it_addr same;
    if (it_natc_stateless(nat, r->internal, &same) && r->internal.port && r->until > now) {
        *(got ? got : &same) = same;
        return 0;
    }
    if (!may_be_asked(nat, now, r))
        return IT_ERR_RANGE;
    it_natc_expire(nat, now);
    uint32_t m = find_map(nat, r->proto, r->internal, IT_NATC_EXPLICIT);
    int err = it_natc_filters_check(nat, m, r);
    if (err < 0)
        return err;
    if (m == IT_NATC_NONE)
        err = make_explicit(nat, now, r, &m);
    else if (!asks_for(&nat->maps[m], r->ext))
        err = IT_ERR_EXISTS;
    if (err < 0)
        return err;
    it_natc_map *map = &nat->maps[m];
    map->gen++; /* the entry of an earlier end in the heap is void */
    map->until = r->until;
    if (r->until != IT_NEVER && it_natc_timer(nat, r->until, IT_NATC_T_MAP, m, map->gen) < 0) {
        it_natc_map_end(nat, now, m);
        return IT_ERR_NOMEM;
    }
    it_natc_filters_set(nat, now, m, r);
    if (got)
        *got = it_natc_addr(map->ext.e);
    it_node_wake(&nat->node);
    return 0;
}

int it_nat_map_del(it_nat *nat, it_time now, uint8_t proto, it_addr internal)
{
    it_natc_expire(nat, now);
    uint32_t m = find_map(nat, proto, internal, IT_NATC_EXPLICIT);
    if (m == IT_NATC_NONE)
        return IT_ERR_NOTFOUND;
    it_natc_map_end(nat, now, m);
    return 0;
}

/* --- looking inside --- */

const it_nat_stats *it_nat_stat(const it_nat *nat)
{
    return &nat->stats;
}

static void entry_of(const it_nat *nat, const it_natc_map *m, it_nat_entry *e)
{
    *e = (it_nat_entry){.proto = it_natc_proto(m->in.e),
                        .internal = real_of(nat, m->in),
                        .ext = it_natc_addr(m->ext.e),
                        .expires = m->is_explicit ? m->until : IT_NEVER,
                        .sessions = m->n_sessions,
                        .is_explicit = m->is_explicit};
    if (!m->is_explicit && !it_natc_scope_eq(m->scope, IT_NATC_ANYONE))
        e->remote = it_natc_addr(m->scope.e);
}

bool it_nat_mapping_of(it_nat *nat, uint8_t proto, it_addr internal, it_nat_entry *e)
{
    it_natc_expire(nat, it_world_now(nat->node.world));
    uint32_t m = find_map(nat, proto, internal, IT_NATC_EXPLICIT);
    if (m == IT_NATC_NONE)
        m = find_map(nat, proto, internal, IT_NATC_ANYONE);
    if (m != IT_NATC_NONE)
        entry_of(nat, &nat->maps[m], e);
    return m != IT_NATC_NONE;
}

bool it_nat_next_mapping(const it_nat *nat, uint32_t *pos, it_nat_entry *e)
{
    while (*pos < nat->pool_m.n) {
        const it_natc_map *m = &nat->maps[(*pos)++];
        if (!m->live)
            continue;
        entry_of(nat, m, e);
        return true;
    }
    return false;
}

bool it_nat_next_session(const it_nat *nat, uint32_t *pos, it_nat_entry *e)
{
    while (*pos < nat->pool_s.n) {
        const it_natc_session *s = &nat->sessions[(*pos)++];
        if (!s->live)
            continue;
        *e = (it_nat_entry){.proto = it_natc_proto(s->in.e),
                            .ext = it_natc_addr(s->ext.e),
                            .remote = it_natc_addr(s->remote.e),
                            .expires = it_natc_held_until(nat, s),
                            .local = s->map == IT_NATC_NONE,
                            .unanswered = s->first == IT_NATC_IN && s->stage == IT_NATC_INITIAL,
                            .stage = s->stage};
        if (e->proto == IT_PROTO_ICMP)
            e->remote.port = 0; /* there it stands for type and code */
        if (!e->local)
            e->internal = real_of(nat, s->in);
        return true;
    }
    return false;
}
