/* The session table: what is known of one remote endpoint under one mapping. It is the fast path, the timers and the
 * filter.
 *
 * Timers are lazy: a session has one entry in a heap, at its expiry as it was when the entry was made; a packet only
 * moves |expires|. The entry is moved on when it comes up. Entries carry the generation of their slot and are ignored
 * when that is over. */
#include "netsim/nat/impl.h"

#define KIND_BITS 3

/* --- timers --- */

int it_natc_timer(it_nat *nat, it_time at, int kind, uint32_t index, uint32_t gen)
{
    nat->node.stirred = true;
    it_heap_item item = {at, nat->seq++, (uint64_t)gen << 32 | (uint64_t)index << KIND_BITS | (uint64_t)kind};
    return it_heap_push(&nat->timers, item);
}

/* The idle time of |s|, of a protocol of which nothing but addresses is known. Netfilter has one for GRE once more. */
static it_time other_idle(const it_nat *nat, const it_natc_session *s)
{
    if (it_natc_proto(s->in.e) != IT_PROTO_GRE)
        return nat->p.other.timeout;
    return s->stage == IT_NATC_INITIAL ? nat->p.other.gre : nat->p.other.gre_replied;
}

/* The idle time of |s| in its stage. */
static it_time idle_time(const it_nat *nat, const it_natc_session *s)
{
    /* RFC 5508 REQ-2: a query session has a single timer. */
    if (it_natc_proto(s->in.e) == IT_PROTO_ICMP)
        return nat->p.icmp.query_timeout;
    if (it_natc_proto(s->in.e) == IT_PROTO_TCP)
        return it_natc_tcp_idle(nat, (uint32_t)(s - nat->sessions));
    if (it_natc_proto(s->in.e) != IT_PROTO_UDP && it_natc_proto(s->in.e) != IT_PROTO_UDPLITE)
        return other_idle(nat, s);
    return it_natc_session_idle(nat, s);
}

bool it_natc_session_assured(const it_nat *nat, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    if (s->held)
        return true;
    switch (it_natc_proto(s->in.e)) {
    case IT_PROTO_UDP: /* netfilter: with the packet that makes it a stream */
        return s->stage == IT_NATC_STREAM;
    case IT_PROTO_TCP: /* with the ACK that ends the handshake */
        return s->tracked ? nat->lives[i].ct.assured : s->stage != IT_TCPT_INIT;
    case IT_PROTO_GRE:
    case IT_PROTO_UDPLITE:
        return s->stage != IT_NATC_INITIAL;
    default:
        return false;
    }
}

/* When |s| really ends. In a pure mapping table the filter lives as long as the mapping. */
static it_time end_of(const it_nat *nat, const it_natc_session *s)
{
    if (s->held)
        return it_natc_held_until(nat, s);
    if (it_natc_sessions_in(nat, it_natc_proto(s->in.e)) || s->map == IT_NATC_NONE || nat->maps[s->map].is_explicit)
        return s->expires;
    it_time until = nat->maps[s->map].until;
    return until > s->expires ? until : s->expires;
}

/* The entry |top| of session |i|: ends it, or puts the entry where its expiry is by now. */
static void session_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen)
{
    it_natc_session *s = &nat->sessions[i];
    const it_heap_item *top = it_heap_top(&nat->timers);
    if (!s->live || s->gen != gen || s->timer != top->time) {
        it_heap_pop(&nat->timers);
        return;
    }
    it_time end = end_of(nat, s);
    uint64_t id = top->id;
    if (end <= now && it_natc_tcp_ask(nat, now, i)) {
        s = &nat->sessions[i];
        end = end_of(nat, s);
    }
    if (end > now) {
        s->timer = end;
        it_heap_replace_top(&nat->timers, end, nat->seq++, id);
        return;
    }
    it_heap_pop(&nat->timers);
    it_natc_session_end(nat, now, i);
}

static void map_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen)
{
    it_natc_map *m = &nat->maps[i];
    const it_heap_item *top = it_heap_top(&nat->timers);
    bool mine = m->live && m->gen == gen && m->is_explicit && m->until != IT_NEVER;
    if (mine && m->until > now) {
        it_heap_replace_top(&nat->timers, m->until, nat->seq++, top->id);
        return;
    }
    it_heap_pop(&nat->timers);
    if (mine)
        it_natc_map_end(nat, now, i);
}

void it_natc_expire(it_nat *nat, it_time now)
{
    for (;;) {
        const it_heap_item *top = it_heap_top(&nat->timers);
        if (!top || top->time > now)
            return;
        uint32_t gen = (uint32_t)(top->id >> 32), i = (uint32_t)top->id >> KIND_BITS;
        int kind = (int)(top->id & ((1u << KIND_BITS) - 1));
        if (kind == IT_NATC_T_SESSION) {
            session_timer(nat, now, i, gen);
        } else if (kind == IT_NATC_T_MAP) {
            map_timer(nat, now, i, gen);
        } else if (kind == IT_NATC_T_SYN) {
            it_heap_pop(&nat->timers);
            it_natc_syn_timer(nat, now, i, gen);
        } else if (kind == IT_NATC_T_FRAG) {
            it_heap_pop(&nat->timers);
            it_natc_frag_timer(nat, now, i, gen);
        } else {
            it_heap_pop(&nat->timers);
            (kind == IT_NATC_T_BLOCK ? it_natc_block_timer : it_natc_reuse_timer)(nat, i, gen);
        }
    }
}

/* --- what passes moves the timer --- */

void it_natc_session_sooner(it_nat *nat, it_natc_session *s)
{
    s->timer = s->expires;
    if (it_natc_timer(nat, s->timer, IT_NATC_T_SESSION, (uint32_t)(s - nat->sessions), s->gen) < 0)
        it_node_oom(&nat->node);
}

void it_natc_session_touch(it_nat *nat, it_time now, it_natc_session *s, int dir)
{
    it_natc_session_stage(nat, now, s, dir);
    if (it_natc_proto(s->in.e) == IT_PROTO_ICMP || it_natc_refreshes(nat, dir))
        s->last = now;
    it_natc_session_expires(nat, s, s->last + idle_time(nat, s));
}

void it_natc_session_restart(it_nat *nat, it_time now, uint32_t i)
{
    it_natc_session *s = &nat->sessions[i];
    s->last = now;
    it_natc_session_expires(nat, s, now + idle_time(nat, s));
}

void it_natc_map_touch(it_nat *nat, it_time now, uint32_t m)
{
    it_natc_map *map = &nat->maps[m];
    if (map->is_explicit || !nat->p.udp.refresh.inb || map->sessions == IT_NATC_NONE)
        return;
    it_time until = now + idle_time(nat, &nat->sessions[map->sessions]);
    if (until > map->until)
        map->until = until;
}

/* --- the tables a session is in --- */

/* The key of |perms| for mapping |m| and the address of |remote|. */
static uint64_t perm_key(uint32_t m, it_natc_remote remote)
{
    return (uint64_t)m << 32 | it_natc_ip(remote.e);
}

static int count_up(it_map *map, const uint64_t *key)
{
    uint32_t n = it_map_get(map, key);
    return it_map_put(map, key, n == IT_MAP_NONE ? 1 : n + 1);
}

static void count_down(it_map *map, const uint64_t *key)
{
    uint32_t n = it_map_get(map, key);
    if (n == IT_MAP_NONE)
        return;
    if (n == 1)
        it_map_del(map, key);
    else
        (void)!it_map_put(map, key, n - 1); /* replaces: needs no memory */
}

static bool has_perm(const it_nat *nat, const it_natc_session *s)
{
    return it_natc_filtering(nat, it_natc_proto(s->in.e)) == IT_NAT_AD && s->map != IT_NATC_NONE;
}

static bool has_dest(const it_nat *nat, const it_natc_session *s)
{
    return nat->p.limits.sessions_per_dest && s->map != IT_NATC_NONE;
}

/* The key of |dests| for the address of |ext| and |remote|. */
static void dest_key(it_natc_external ext, it_natc_remote remote, uint64_t key[2])
{
    key[0] = ext.e.w & ~0xffffULL;
    key[1] = remote.e.w;
}

uint32_t it_natc_dest_sessions(const it_nat *nat, it_natc_external ext, it_natc_remote remote)
{
    uint64_t key[2];
    dest_key(ext, remote, key);
    uint32_t n = it_map_get(&nat->dests, key);
    return n == IT_MAP_NONE ? 0 : n;
}

static int enter_in(it_nat *nat, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    uint64_t key[2] = {s->in.e.w, s->remote.e.w};
    return s->map == IT_NATC_NONE ? 0 : it_map_put(&nat->by_in, key, i);
}

static void leave_in(it_nat *nat, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    uint64_t key[2] = {s->in.e.w, s->remote.e.w};
    if (s->map != IT_NATC_NONE)
        it_map_del(&nat->by_in, key);
}

static int enter_out(it_nat *nat, uint32_t i)
{
    uint64_t key[2] = {nat->sessions[i].ext.e.w, nat->sessions[i].remote.e.w};
    return it_map_put(&nat->by_out, key, i);
}

static void leave_out(it_nat *nat, uint32_t i)
{
    uint64_t key[2] = {nat->sessions[i].ext.e.w, nat->sessions[i].remote.e.w};
    /* With blind overloading a newer session may have taken the place. */
    if (it_map_get(&nat->by_out, key) == i)
        it_map_del(&nat->by_out, key);
}

static int enter_perm(it_nat *nat, uint32_t i)
{
    uint64_t key = perm_key(nat->sessions[i].map, nat->sessions[i].remote);
    return has_perm(nat, &nat->sessions[i]) ? count_up(&nat->perms, &key) : 0;
}

static void leave_perm(it_nat *nat, uint32_t i)
{
    uint64_t key = perm_key(nat->sessions[i].map, nat->sessions[i].remote);
    if (has_perm(nat, &nat->sessions[i]))
        count_down(&nat->perms, &key);
}

static int enter_dest(it_nat *nat, uint32_t i)
{
    uint64_t key[2];
    dest_key(nat->sessions[i].ext, nat->sessions[i].remote, key);
    return has_dest(nat, &nat->sessions[i]) ? count_up(&nat->dests, key) : 0;
}

static void leave_dest(it_nat *nat, uint32_t i)
{
    uint64_t key[2];
    dest_key(nat->sessions[i].ext, nat->sessions[i].remote, key);
    if (has_dest(nat, &nat->sessions[i]))
        count_down(&nat->dests, key);
}

static int enter_timer(it_nat *nat, uint32_t i)
{
    it_natc_session *s = &nat->sessions[i];
    s->timer = s->expires;
    return it_natc_timer(nat, s->timer, IT_NATC_T_SESSION, i, s->gen);
}

static void leave_timer(it_nat *nat, uint32_t i)
{
    nat->sessions[i].gen++; /* its entry in the heap is now void */
}

static const struct {
    int (*enter)(it_nat *nat, uint32_t i);
    void (*leave)(it_nat *nat, uint32_t i);
} TABLES[] = {
    {enter_in, leave_in},     {enter_out, leave_out},     {enter_perm, leave_perm},
    {enter_dest, leave_dest}, {enter_timer, leave_timer},
};

#define N_TABLES (sizeof TABLES / sizeof *TABLES)

int it_natc_recount(it_nat *nat)
{
    it_map_fini(&nat->perms);
    it_map_fini(&nat->dests);
    for (uint32_t i = 0; i < nat->pool_s.n; i++)
        if (nat->sessions[i].live && (enter_perm(nat, i) < 0 || enter_dest(nat, i) < 0))
            return IT_ERR_NOMEM;
    return 0;
}

/* --- life --- */

/* The first expiry of |s|, made by a packet at |now|. */
static void start_timer(const it_nat *nat, it_time now, it_natc_session *s)
{
    it_time t = idle_time(nat, s);
    s->created = s->last = now;
    s->expires = now + t;
    /* RFC 4787 REQ-6, RFC 7857 section 7: where inbound packets do not refresh, they do not prolong a mapping by new
     * sessions. */
    const it_natc_map *m = s->map == IT_NATC_NONE ? NULL : &nat->maps[s->map];
    bool udp = it_natc_proto(s->in.e) == IT_PROTO_UDP;
    if (m && udp && !m->is_explicit && s->first == IT_NATC_IN && !nat->p.udp.refresh.inb && s->expires > m->until) {
        s->expires = m->until > now ? m->until : now;
        s->last = s->expires - t;
    }
}

uint32_t it_natc_session_make(it_nat *nat, it_time now, const struct it_natc_session_new *r)
{
    uint32_t i = it_natc_take(nat, &nat->pool_s, sizeof *nat->sessions);
    nat->sessions = nat->pool_s.v;
    it_natc_session_forget(nat);
    if (i == IT_NATC_NONE)
        return i;
    it_natc_session *s = &nat->sessions[i];
    it_natc_map *m = r->map == IT_NATC_NONE ? NULL : &nat->maps[r->map];
    uint32_t gen = s->gen;
    *s = (it_natc_session){.ext = r->ext, .remote = r->remote, .map = r->map, .gen = gen, .first = (uint8_t)r->dir};
    s->in = m ? m->in : it_natc_internal_of(it_natc_proto(r->ext.e), (it_natc_end){0});
    s->detour = (uint8_t)((it_natc_is_ext(nat, it_natc_ip(r->remote.e)) ? IT_NATC_BACK : 0) | it_natc_alg_flag(nat));
    start_timer(nat, now, s);
    for (size_t k = 0; k < N_TABLES; k++) {
        if (TABLES[k].enter(nat, i) == 0)
            continue;
        while (k > 0)
            TABLES[--k].leave(nat, i);
        it_natc_give(&nat->pool_s, i);
        return IT_NATC_NONE;
    }
    s->live = true;
    s->prev = s->next = IT_NATC_NONE;
    if (m) {
        s->next = m->sessions;
        if (s->next != IT_NATC_NONE)
            nat->sessions[s->next].prev = i;
        m->sessions = i;
        m->n_sessions++;
        nat->hosts[m->host].n_sessions++;
        if (!m->is_explicit && m->until < s->expires)
            m->until = s->expires;
    }
    nat->stats.sessions_created++;
    nat->stats.sessions++;
    return i;
}

void it_natc_session_end(it_nat *nat, it_time now, uint32_t i)
{
    it_natc_session *s = &nat->sessions[i];
    it_natc_session_forget(nat);
    for (size_t k = N_TABLES; k > 0;)
        TABLES[--k].leave(nat, i);
    s->live = false;
    uint32_t m = s->map;
    if (m != IT_NATC_NONE) {
        it_natc_map *map = &nat->maps[m];
        *(s->prev == IT_NATC_NONE ? &map->sessions : &nat->sessions[s->prev].next) = s->next;
        if (s->next != IT_NATC_NONE)
            nat->sessions[s->next].prev = s->prev;
        map->n_sessions--;
        nat->hosts[map->host].n_sessions--;
    }
    nat->stats.sessions_ended++;
    nat->stats.sessions--;
    it_natc_give(&nat->pool_s, i);
    if (m != IT_NATC_NONE)
        it_natc_map_idle(nat, now, m);
}

bool it_natc_lets_in(const it_nat *nat, const it_natc_map *m, it_natc_remote remote)
{
    /* RFC 4787 section 5. Address-and-port-dependent filtering lets in what has a session, and that was looked for
     * before. */
    uint8_t filtering = it_natc_filtering(nat, it_natc_proto(m->in.e));
    if (m->is_explicit || filtering == IT_NAT_EI)
        return !m->filtered || it_natc_filters_let(nat, (uint32_t)(m - nat->maps), remote);
    uint64_t key = perm_key((uint32_t)(m - nat->maps), remote);
    return filtering == IT_NAT_AD && it_map_get(&nat->perms, &key) != IT_MAP_NONE;
}
