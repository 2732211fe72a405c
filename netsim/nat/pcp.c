/* What PCP (RFC 6887) asks of a NAT besides mappings: flows that are held for a time (section 12), filters of explicit
 * mappings (section 13.3). The protocol is not here: the box's own host speaks it.
 *
 * A held flow is a session like any other with a time before which it does not end, kept beside the session table;
 * filters are one list for all mappings. Packets of a session meet neither. */
#include "netsim/nat/impl.h"

#include "base/pref64.h"

/* --- filters --- */

/* |f| as the box keeps it: false when no IPv4 address is meant by it. */
static bool filter_of(const it_nat *nat, const it_nat_filter *f, uint32_t m, it_natc_filter *out)
{
    uint32_t net = 0, bits = f->who.bits;
    if (nat->p.family == 0) {
        if (!it_ip_is4(f->who.ip) || bits < 96 || bits > 128)
            return false;
        net = it_ip_v4(f->who.ip);
        bits -= 96;
    } else if (nat->p.family == 64 && bits <= nat->p.prefix.bits) {
        /* All of Pref64, or more: every IPv4 address. */
        if (!it_prefix_has(f->who, nat->p.prefix.ip))
            return false;
        bits = 0;
    } else {
        /* Under a prefix of other than 96 bits an IPv4 address is not in one piece: whole addresses only. */
        if ((nat->p.prefix.bits != 96 && bits != 128) || !it_pref64_extract(nat->p.prefix, f->who.ip, &net))
            return false;
        bits = bits == 128 ? 32 : bits - 96;
    }
    uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;
    *out = (it_natc_filter){m, net & mask, mask, f->port};
    return true;
}

static bool same(const it_natc_filter *a, const it_natc_filter *b)
{
    return a->map == b->map && a->net == b->net && a->mask == b->mask && a->port == b->port;
}

/* True when one of the |n| first filters of the list from |from| on is |f|. */
static bool listed(const it_nat *nat, size_t from, size_t n, const it_natc_filter *f)
{
    for (size_t i = from; i < n; i++)
        if (same(&nat->filters[i], f))
            return true;
    return false;
}

bool it_natc_filters_let(const it_nat *nat, uint32_t m, uint64_t remote)
{
    for (size_t i = 0; i < nat->n_filters; i++) {
        const it_natc_filter *f = &nat->filters[i];
        if (f->map == m && (it_natc_ip(remote) & f->mask) == f->net &&
            (f->port == 0 || f->port == it_natc_port(remote)))
            return true;
    }
    return false;
}

void it_natc_filters_end(it_nat *nat, uint32_t m)
{
    size_t n = 0;
    for (size_t i = 0; i < nat->n_filters; i++)
        if (nat->filters[i].map != m)
            nat->filters[n++] = nat->filters[i];
    nat->n_filters = n;
    nat->maps[m].filtered = false;
}

int it_natc_filters_check(it_nat *nat, uint32_t m, const struct it_nat_map_request *r)
{
    it_natc_filter f;
    size_t have = 0;
    if (it_grow(nat->timers.alloc, &nat->filters, &nat->cap_filters, nat->n_filters + r->n_filters + 1,
                sizeof *nat->filters) < 0)
        return IT_ERR_NOMEM;
    bool keeps = m != IT_NATC_NONE && !r->unfilter;
    for (size_t i = 0; keeps && i < nat->n_filters; i++)
        have += nat->filters[i].map == m;
    /* New ones are counted behind the list, where the next call finds no trace of them. */
    size_t end = nat->n_filters;
    for (size_t i = 0; i < r->n_filters; i++) {
        if (!filter_of(nat, &r->filters[i], m, &f))
            return IT_ERR_RANGE;
        if ((!keeps || !listed(nat, 0, nat->n_filters, &f)) && !listed(nat, nat->n_filters, end, &f))
            nat->filters[end++] = f;
    }
    /* RFC 6887 section 13.3: a box has a limit, and keeps what it had. */
    return have + (end - nat->n_filters) > nat->p.pcp.filters ? IT_ERR_TOOBIG : 0;
}

/* Ends the sessions of |m| that began outside, by whom its filters do not let in. What the host inside began goes on:
 * that is a mapping of its own (RFC 6887 section 16.1). */
static void end_unfit(it_nat *nat, it_time now, uint32_t m)
{
    for (uint32_t i = nat->maps[m].sessions, next; i != IT_NATC_NONE; i = next) {
        next = nat->sessions[i].next;
        if (nat->sessions[i].first == IT_NATC_IN && !it_natc_filters_let(nat, m, nat->sessions[i].remote))
            it_natc_session_end(nat, now, i);
    }
}

void it_natc_filters_set(it_nat *nat, it_time now, uint32_t m, const struct it_nat_map_request *r)
{
    it_natc_filter f;
    if (r->unfilter)
        it_natc_filters_end(nat, m);
    for (size_t i = 0; i < r->n_filters; i++) {
        /* One that is there already, as every renewal brings it, is the same one. */
        if (!filter_of(nat, &r->filters[i], m, &f) || listed(nat, 0, nat->n_filters, &f))
            continue;
        nat->filters[nat->n_filters++] = f;
        nat->maps[m].filtered = true;
    }
    if (r->n_filters)
        end_unfit(nat, now, m);
}

/* --- without state --- */

bool it_natc_stateless(const it_nat *nat, it_addr internal, it_addr *a)
{
    if (nat->p.family != 66 || !it_prefix_has(nat->inside6, internal.ip))
        return false;
    *a = internal;
    return it_natc66_map(nat->inside6, nat->p.prefix, &a->ip);
}

/* --- held flows --- */

/* The flow of |r|: false where it is none, or towards where no packet would go (RFC 6887 section 12.3). */
static bool flow_of(it_nat *nat, const struct it_nat_peer_request *r, it_natc_flow *f)
{
    uint32_t to = it_ip_v4(r->peer.ip), in = it_ip_v4(r->internal.ip);
    bool six = nat->p.family == 64;
    if ((r->proto != IT_PROTO_UDP && r->proto != IT_PROTO_TCP) || r->internal.port == 0 || r->peer.port == 0)
        return false;
    if (six ? !it_ip_is6(r->internal.ip) || !it_pref64_extract(nat->p.prefix, r->peer.ip, &to)
            : nat->p.family || !it_ip_is4(r->internal.ip) || !it_ip_is4(r->peer.ip))
        return false;
    if (!it_natc_unicast(nat, to) || (!six && nat->own && (to & nat->mask) == nat->net))
        return false;
    if (six)
        in = it_natc64_stand_in(nat, r->internal.ip);
    *f = (it_natc_flow){r->proto, it_natc_key(r->proto, it_natc_end(in, r->internal.port)),
                        it_natc_end(to, r->peer.port)};
    return in != 0;
}

/* The mapping that flow |f| of host |h| would use, made at |ext| when there is none: the suggestion is met or refused
 * (RFC 6887 section 12.1). */
static int map_at(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, it_addr ext)
{
    uint32_t m = it_natc_map_find(nat, f);
    uint32_t want = it_ip_none(ext.ip) ? 0 : it_ip_v4(ext.ip);
    if (m != IT_NATC_NONE) {
        bool met = (!want || want == it_natc_ip(nat->maps[m].ext)) && ext.port == it_natc_port(nat->maps[m].ext);
        return met ? 0 : IT_ERR_EXISTS;
    }
    if (nat->p.limits.ports_per_host && nat->hosts[h].n_maps >= nat->p.limits.ports_per_host)
        return IT_ERR_LIMIT;
    for (uint32_t a = 0; a < nat->n_addrs; a++) {
        uint64_t at = it_natc_key(f->proto, it_natc_end(nat->addrs[a], ext.port));
        bool paired = want || nat->hosts[h].addr == IT_NATC_NONE || nat->hosts[h].addr == a;
        uint32_t block = nat->p.block.size ? it_natc_block_with(nat, h, a, ext.port) : IT_NATC_NONE;
        if ((want && want != nat->addrs[a]) || !paired || !it_natc_usable(nat, f, at) ||
            (nat->p.block.size && block == IT_NATC_NONE))
            continue;
        struct it_natc_map_new r = {f->in, at, it_natc_rem(nat, f), h, block};
        return it_natc_map_make(nat, now, &r) == IT_NATC_NONE ? IT_ERR_NOMEM : 0;
    }
    return IT_ERR_EXISTS;
}

/* The session of |f|, which there is none of, as its first packet would open it; else an error. */
static int open_flow(it_nat *nat, it_time now, const it_natc_flow *f, it_addr ext, uint32_t *s)
{
    it_natc_no no;
    int err = 0;
    if (ext.port) {
        uint32_t h = it_natc_host_get(nat, it_natc_ip(f->in));
        err = h == IT_NATC_NONE ? IT_ERR_NOMEM : map_at(nat, now, f, h, ext);
        if (err < 0) {
            if (h != IT_NATC_NONE)
                it_natc_host_idle(nat, h);
            return err;
        }
    }
    *s = it_natc_open_out(nat, now, f, &no);
    if (*s == IT_NATC_NONE && it_natc_map_find(nat, f) != IT_NATC_NONE)
        it_natc_map_idle(nat, now, it_natc_map_find(nat, f)); /* one just made for it */
    if (*s == IT_NATC_NONE)
        return no.reason == IT_DROP_NAT_LIMIT   ? IT_ERR_LIMIT
               : no.reason == IT_DROP_NAT_CLASH ? IT_ERR_EXISTS
                                                : IT_ERR_FULL;
    if (f->proto == IT_PROTO_TCP && !it_natc_tcp_blank(nat, now, *s))
        return IT_ERR_NOMEM;
    if (it_ip_none(ext.ip) || it_ip_v4(ext.ip) == it_natc_ip(nat->sessions[*s].ext))
        return 0;
    it_natc_session_end(nat, now, *s);
    return IT_ERR_EXISTS;
}

static int hold(it_nat *nat, uint32_t i, it_time until)
{
    it_natc_session *s = &nat->sessions[i];
    if (until <= it_natc_held_until(nat, s))
        return 0; /* RFC 6887 section 12.1: never shorter than it is */
    if (it_grow(nat->timers.alloc, &nat->holds, &nat->cap_holds, (size_t)i + 1, sizeof *nat->holds) < 0)
        return IT_ERR_NOMEM;
    nat->holds[i] = until;
    s->held = true;
    return 0;
}

int it_nat_peer_add(it_nat *nat, it_time now, const struct it_nat_peer_request *r, it_addr *got, it_time *end)
{
    it_natc_flow f;
    if (it_natc_stateless(nat, r->internal, got) && r->internal.port && r->peer.port) {
        *end = r->until;
        return 0;
    }
    it_natc_expire(nat, now);
    if ((!it_ip_none(r->ext.ip) && !it_ip_is4(r->ext.ip)) || !flow_of(nat, r, &f))
        return IT_ERR_RANGE;
    uint64_t key[2] = {f.in, f.remote};
    uint32_t s = it_map_get(&nat->by_in, key);
    int err = s == IT_NATC_NONE ? open_flow(nat, now, &f, r->ext, &s) : 0;
    if (err == 0)
        err = hold(nat, s, r->until);
    if (err < 0)
        return err;
    *got = it_natc_addr(nat->sessions[s].ext);
    *end = it_natc_held_until(nat, &nat->sessions[s]);
    it_node_wake(&nat->node);
    return 0;
}
