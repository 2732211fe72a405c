/* New sessions: which mapping an outbound flow uses, what an inbound packet meets, and the limits on both. */
#include "netsim/nat/impl.h"

#define EVICT_LOOKS 8

static const it_natc_no TABLE_FULL = {IT_DROP_NAT_LIMIT, "session table full"};

/* RFC 6888 REQ-4, REQ-5: limits of host |h|, counted before a session is made. */
static bool host_may(const it_nat *nat, it_time now, uint32_t h, it_natc_no *no)
{
    const it_natc_host *host = &nat->hosts[h];
    uint32_t rate = nat->p.limits.new_per_s;
    *no = (it_natc_no){IT_DROP_NAT_LIMIT, NULL};
    if (nat->p.limits.sessions_per_host && host->n_sessions >= nat->p.limits.sessions_per_host)
        no->more = "sessions_per_host";
    else if (rate && host->tat - now > (it_time)(rate - 1) * (IT_SEC / rate))
        no->more = "new_per_s";
    return !no->more;
}

static bool dest_may(const it_nat *nat, it_natc_external ext, it_natc_remote remote, it_natc_no *no)
{
    uint32_t most = nat->p.limits.sessions_per_dest;
    if (most == 0 || it_natc_dest_sessions(nat, ext, remote) < most)
        return true;
    *no = (it_natc_no){IT_DROP_NAT_LIMIT, "sessions_per_dest"};
    return false;
}

/* Of the sessions in a few places of the table beginning anywhere, the first that only one side has used. Netfilter
 * looks through eight buckets of its hash table, whose load is one. */
static uint32_t unanswered_somewhere(it_nat *nat)
{
    if (nat->pool_s.n == 0)
        return IT_NATC_NONE;
    uint32_t at = (uint32_t)it_rng_below(&nat->rng_evict, nat->pool_s.n);
    for (uint32_t i = 0; i < EVICT_LOOKS && i < nat->pool_s.n; i++) {
        uint32_t k = (uint32_t)((at + i) % nat->pool_s.n);
        if (nat->sessions[k].live && !it_natc_session_assured(nat, k))
            return k;
    }
    return IT_NATC_NONE;
}

bool it_natc_table_room(it_nat *nat, it_time now)
{
    if (nat->stats.sessions < nat->p.table.size)
        return true;
    uint32_t i = nat->p.table.evict ? unanswered_somewhere(nat) : IT_NATC_NONE;
    if (i == IT_NATC_NONE)
        return false;
    nat->stats.evicted++;
    nat->stats.no_room = now;
    it_natc_session_end(nat, now, i);
    return true;
}

/* Host |h| has opened a session at |now|. */
static void host_did(it_nat *nat, it_time now, uint32_t h)
{
    it_natc_host *host = &nat->hosts[h];
    if (nat->p.limits.new_per_s)
        host->tat = (host->tat > now ? host->tat : now) + IT_SEC / nat->p.limits.new_per_s;
}

static uint32_t out_of_memory(it_nat *nat, it_natc_no *no)
{
    it_node_oom(&nat->node);
    *no = (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"};
    return IT_NATC_NONE;
}

/* A new mapping for |f|, or IT_NATC_NONE and |no|. */
static uint32_t new_map(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, it_natc_no *no)
{
    struct it_natc_choice c;
    if (nat->p.limits.ports_per_host && nat->hosts[h].n_maps >= nat->p.limits.ports_per_host) {
        /* RFC 6888 REQ-4: a limit of external ports; REQ-11d: existing mappings stay. */
        *no = (it_natc_no){IT_DROP_NAT_LIMIT, "ports_per_host"};
        return IT_NATC_NONE;
    }
    if (!it_natc_alloc(nat, now, f, h, &c, no))
        return IT_NATC_NONE;
    struct it_natc_map_new r = {f->in, c.ext, it_natc_scope_of(nat, f), h, c.block};
    uint32_t m = it_natc_map_make(nat, now, &r);
    return m == IT_NATC_NONE ? out_of_memory(nat, no) : m;
}

/* The mapping for a new session of |f|: the one there is unless its 5-tuple is taken, else a new one. */
static uint32_t map_for(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, it_natc_no *no)
{
    uint32_t m = it_natc_map_find(nat, f);
    if (m == IT_NATC_NONE)
        return new_map(nat, now, f, h, no);
    if (it_natc_session_at(nat, nat->maps[m].ext, f->remote) == IT_NATC_NONE)
        return m;
    nat->stats.clashes++;
    if (nat->p.udp.alloc.mode == IT_NAT_PRESERVE && nat->p.udp.alloc.on_clash == IT_NAT_CLASH_OVERLOAD)
        return m;
    if (nat->p.udp.clash_edm && !nat->maps[m].is_explicit)
        return new_map(nat, now, f, h, no);
    *no = (it_natc_no){IT_DROP_NAT_CLASH, "the mapping's port is taken towards this destination"};
    return IT_NATC_NONE;
}

uint32_t it_natc_open_out(it_nat *nat, it_time now, const it_natc_flow *f, it_natc_no *no)
{
    if (!it_natc_table_room(nat, now)) {
        *no = TABLE_FULL;
        return IT_NATC_NONE;
    }
    uint32_t s = IT_NATC_NONE, m = IT_NATC_NONE, h = it_natc_host_get(nat, it_natc_ip(f->in.e));
    if (h == IT_NATC_NONE)
        return out_of_memory(nat, no);
    if (host_may(nat, now, h, no))
        m = map_for(nat, now, f, h, no);
    if (m != IT_NATC_NONE && dest_may(nat, nat->maps[m].ext, f->remote, no)) {
        struct it_natc_session_new r = {m, nat->maps[m].ext, f->remote, IT_NATC_OUT};
        s = it_natc_session_make(nat, now, &r);
        if (s == IT_NATC_NONE)
            (void)out_of_memory(nat, no);
        else
            host_did(nat, now, h);
    }
    if (s == IT_NATC_NONE && m != IT_NATC_NONE)
        it_natc_map_idle(nat, now, m);
    if (s == IT_NATC_NONE && nat->hosts[h].live)
        it_natc_host_idle(nat, h);
    return s;
}

/* --- inbound --- */

/* Basic NAT (RFC 3022 section 2.1) without filtering: the address belongs to a host, whatever the port. A mapping for
 * |r|->ext.
 */
static uint32_t bound_map(it_nat *nat, it_time now, const struct it_natc_in *r)
{
    uint8_t proto = it_natc_proto(r->ext.e);
    if (!nat->p.one2one || it_natc_filtering(nat, proto) != IT_NAT_EI)
        return IT_NATC_NONE;
    for (uint32_t h = 0; h < nat->pool_h.n; h++) {
        const it_natc_host *host = &nat->hosts[h];
        if (!host->live || host->addr == IT_NATC_NONE || nat->addrs[host->addr] != it_natc_ip(r->ext.e))
            continue;
        it_natc_end in = it_natc_end_of(host->ip, it_natc_port(r->ext.e));
        it_natc_flow f = {proto, it_natc_internal_of(proto, in), r->remote};
        struct it_natc_map_new n = {f.in, r->ext, it_natc_scope_of(nat, &f), h, IT_NATC_NONE};
        return it_natc_map_make(nat, now, &n);
    }
    return IT_NATC_NONE;
}

/* When |m| first let |remote| in, as far as its sessions tell: address-dependent filtering asks for one with that
 * address. */
static it_time let_in_since(const it_nat *nat, const it_natc_map *m, it_natc_remote remote)
{
    it_time since = IT_NEVER;
    bool by_addr = it_natc_filtering(nat, it_natc_proto(m->in.e)) == IT_NAT_AD;
    for (uint32_t i = m->sessions; i != IT_NATC_NONE; i = nat->sessions[i].next) {
        const it_natc_session *s = &nat->sessions[i];
        bool counts = !by_addr || it_natc_ip(s->remote.e) == it_natc_ip(remote.e);
        if (counts && s->created < since)
            since = s->created;
    }
    return since;
}

/* The mapping at |r|->ext that lets |r|->remote in. Where several internal endpoints share the port it is the one that
 * did so first: measured with netfilter, where a dynamic map keeps its entry, and its owner keeps the port. */
static uint32_t map_that_lets_in(it_nat *nat, it_time now, struct it_natc_in *r)
{
    uint32_t best = IT_NATC_NONE, m = it_natc_map_at(nat, r->ext);
    it_time since = IT_NEVER;
    if (m == IT_NATC_NONE) {
        r->no = (it_natc_no){IT_DROP_NAT_NO_MAPPING, NULL};
        return bound_map(nat, now, r);
    }
    bool shared = nat->maps[m].sharer != IT_NATC_NONE;
    for (; m != IT_NATC_NONE; m = nat->maps[m].sharer) {
        if (!it_natc_lets_in(nat, &nat->maps[m], r->remote))
            continue;
        it_time t = shared ? let_in_since(nat, &nat->maps[m], r->remote) : 0;
        if (best == IT_NATC_NONE || t <= since) {
            best = m;
            since = t;
        }
    }
    bool addr = it_natc_filtering(nat, it_natc_proto(r->ext.e)) == IT_NAT_AD;
    uint32_t first = it_natc_map_at(nat, r->ext);
    r->no = (it_natc_no){addr ? IT_DROP_NAT_FILTER_ADDR : IT_DROP_NAT_FILTER_PORT, NULL};
    if (nat->maps[first].filtered)
        r->no.more = "not of the mapping's filters: RFC 6887 section 13.3";
    return best;
}

/* True when |s| is of another mapping than |m| and only its own side has sent so far. */
static bool unanswered(const it_natc_session *s, uint32_t m)
{
    return s->map != IT_NATC_NONE && s->map != m && s->stage == IT_NATC_INITIAL && s->first == IT_NATC_OUT;
}

bool it_natc_open_in(it_nat *nat, it_time now, struct it_natc_in *r)
{
    /* Before anything is looked up, for what gives way may be what it is about. */
    bool room = it_natc_table_room(nat, now);
    uint32_t m = map_that_lets_in(nat, now, r);
    r->session = IT_NATC_NONE;
    if (m == IT_NATC_NONE)
        return false;
    const it_natc_map *map = &nat->maps[m];
    uint32_t h = map->host;
    bool sessions = it_natc_sessions_in(nat, it_natc_proto(r->ext.e));
    r->in = map->in;
    /* The answer leaves from the port that its question came to: an older session of the internal endpoint with the
     * same remote, opened by a packet that nobody has answered, gives way. */
    uint32_t old = it_natc_session_of(nat, map->in, r->remote);
    if (old != IT_NATC_NONE && sessions && unanswered(&nat->sessions[old], m)) {
        it_natc_session_end(nat, now, old);
        map = &nat->maps[m];
        old = IT_NATC_NONE;
    }
    /* In a pure mapping table nothing remembers the packet. Nor is there room for a second session of the internal
     * endpoint with the same remote: the first keeps the answers. */
    if ((!sessions && !map->is_explicit) || old != IT_NATC_NONE) {
        it_natc_map_touch(nat, now, m);
        return true;
    }
    if (!room)
        r->no = TABLE_FULL;
    else if (host_may(nat, now, h, &r->no) && dest_may(nat, r->ext, r->remote, &r->no)) {
        struct it_natc_session_new n = {m, r->ext, r->remote, IT_NATC_IN};
        r->session = it_natc_session_make(nat, now, &n);
        if (r->session == IT_NATC_NONE)
            (void)out_of_memory(nat, &r->no);
        else
            host_did(nat, now, h);
    }
    it_natc_map_idle(nat, now, m);
    return r->session != IT_NATC_NONE;
}
