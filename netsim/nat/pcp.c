/* What PCP (RFC 6887) asks of a NAT besides mappings: flows that are held for a time (section 12), filters of explicit
 * mappings (section 13.3). The protocol is not here: the box's own host speaks it.
 *
 * A held flow is a session like any other with a time before which it does not end, kept beside the session table;
 * filters are one list for all mappings. Packets of a session meet neither. */
#include "netsim/nat/impl.h"

#include "base/pref64.h"

/* --- filters --- */

static bool net_of_ipv4(it_prefix who, uint32_t *net, uint32_t *bits)
{
    if (!it_ip_is4(who.ip) || who.bits < 96 || who.bits > 128)
        return false;
    *net = it_ip_v4(who.ip);
    *bits = who.bits - 96;
    return true;
}

static bool net_of_ipv6(const it_nat *nat, it_prefix who, uint32_t *net, uint32_t *bits)
{
    it_prefix at = nat->p.prefix;
    if (nat->p.family == 64 && who.bits <= at.bits) {
        /* All of Pref64, or more: every IPv4 address. */
        *net = *bits = 0;
        return it_prefix_has(who, at.ip);
    }
    /* Under a prefix of other than 96 bits an IPv4 address is not in one piece: whole addresses only. */
    if ((at.bits != 96 && who.bits != 128) || !it_pref64_extract(at, who.ip, net))
        return false;
    *bits = who.bits == 128 ? 32 : who.bits - 96;
    return true;
}

/* |f| as the box keeps it: false when no IPv4 address is meant by it. */
static bool filter_of(const it_nat *nat, const it_nat_filter *f, uint32_t m, it_natc_filter *out)
{
    uint32_t net = 0, bits = 0;
    bool meant = false;
    if (nat->p.family == 0)
        meant = net_of_ipv4(f->who, &net, &bits);
    else
        meant = net_of_ipv6(nat, f->who, &net, &bits);
    if (!meant)
        return false;
    uint32_t mask = bits ? UINT32_MAX << (32 - bits) : 0;
    *out = (it_natc_filter){m, net & mask, mask, f->port};
    return true;
}

static bool filter_same(const it_natc_filter *a, const it_natc_filter *b)
{
    return a->map == b->map && a->net == b->net && a->mask == b->mask && a->port == b->port;
}

/* True when one of the |n| first filters of the list from |from| on is |f|. */
static bool listed(const it_nat *nat, size_t from, size_t n, const it_natc_filter *f)
{
    for (size_t i = from; i < n; i++)
        if (filter_same(&nat->filters[i], f))
            return true;
    return false;
}

bool it_natc_filters_let(const it_nat *nat, uint32_t m, it_natc_remote remote)
{
    for (size_t i = 0; i < nat->n_filters; i++) {
        const it_natc_filter *f = &nat->filters[i];
        if (f->map == m && (it_natc_ip(remote.e) & f->mask) == f->net &&
            (f->port == 0 || f->port == it_natc_port(remote.e)))
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

static size_t filters_of(const it_nat *nat, uint32_t m)
{
    size_t n = 0;
    for (size_t i = 0; i < nat->n_filters; i++)
        n += nat->filters[i].map == m;
    return n;
}

int it_natc_filters_check(it_nat *nat, uint32_t m, const struct it_nat_map_request *r)
{
    it_natc_filter f;
    size_t n = nat->n_filters;
    if (it_grow(nat->timers.alloc, &nat->filters, &nat->cap_filters, n + r->n_filters + 1, sizeof *nat->filters) < 0)
        return IT_ERR_NOMEM;
    bool keeps = m != IT_NATC_NONE && !r->unfilter;
    size_t have = 0, first = n, end = n;
    if (keeps) {
        have = filters_of(nat, m);
        first = 0;
    }
    /* New ones are counted behind the list, where the next call finds no trace of them. */
    for (size_t i = 0; i < r->n_filters; i++) {
        if (!filter_of(nat, &r->filters[i], m, &f))
            return IT_ERR_RANGE;
        if (!listed(nat, first, end, &f))
            nat->filters[end++] = f;
    }
    /* RFC 6887 section 13.3: a box has a limit, and keeps what it had. */
    return have + (end - n) > nat->p.pcp.filters ? IT_ERR_TOOBIG : 0;
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

/* The IPv4 address outside that the peer of |r| has; false where there is none. */
static bool peer_of(const it_nat *nat, const struct it_nat_peer_request *r, uint32_t *to)
{
    if (nat->p.family == 64)
        return it_ip_is6(r->internal.ip) && it_pref64_extract(nat->p.prefix, r->peer.ip, to);
    if (nat->p.family || !it_ip_is4(r->internal.ip) || !it_ip_is4(r->peer.ip))
        return false;
    *to = it_ip_v4(r->peer.ip);
    return !it_natc_is_inside(nat, *to);
}

/* The flow of |r|: false where it is none, or towards where no packet would go (RFC 6887 section 12.3). */
static bool flow_of(it_nat *nat, const struct it_nat_peer_request *r, it_natc_flow *f)
{
    uint32_t to, in = it_ip_v4(r->internal.ip);
    if ((r->proto != IT_PROTO_UDP && r->proto != IT_PROTO_TCP) || r->internal.port == 0 || r->peer.port == 0)
        return false;
    if (!peer_of(nat, r, &to) || !it_natc_unicast(nat, to))
        return false;
    if (nat->p.family == 64)
        in = it_natc64_stand_in(nat, r->internal.ip);
    f->proto = r->proto;
    f->in = it_natc_internal_of(r->proto, it_natc_end_of(in, r->internal.port));
    f->remote = it_natc_remote_of(it_natc_end_of(to, r->peer.port));
    return in != 0;
}

/* True when mapping |m| has the port of |ext| and, if that has one, its address. */
static bool map_is_at(const it_nat *nat, uint32_t m, it_addr ext)
{
    it_natc_end at = nat->maps[m].ext.e;
    if (!it_ip_none(ext.ip) && it_ip_v4(ext.ip) != it_natc_ip(at))
        return false;
    return ext.port == it_natc_port(at);
}

/* True when flow |f| of host |h| may have the port of |ext| at address |a| of the pool, in |*block|. */
static bool may_map_at(const it_nat *nat, const it_natc_flow *f, uint32_t h, uint32_t a, it_addr ext, uint32_t *block)
{
    uint32_t want = it_ip_none(ext.ip) ? 0 : it_ip_v4(ext.ip), pair = nat->hosts[h].addr;
    *block = IT_NATC_NONE;
    if (want && want != nat->addrs[a])
        return false;
    if (!want && pair != IT_NATC_NONE && pair != a)
        return false;
    if (!it_natc_usable(nat, f, it_natc_external_of(f->proto, it_natc_end_of(nat->addrs[a], ext.port))))
        return false;
    if (!nat->p.block.size)
        return true;
    *block = it_natc_block_with(nat, h, a, ext.port);
    return *block != IT_NATC_NONE;
}

/* The mapping that flow |f| of host |h| would use, made at |ext| when there is none: the suggestion is met or refused
 * (RFC 6887 section 12.1). */
static int map_at(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, it_addr ext)
{
    uint32_t m = it_natc_map_find(nat, f), block;
    if (m != IT_NATC_NONE)
        return map_is_at(nat, m, ext) ? 0 : IT_ERR_EXISTS;
    if (nat->p.limits.ports_per_host && nat->hosts[h].n_maps >= nat->p.limits.ports_per_host)
        return IT_ERR_LIMIT;
    for (uint32_t a = 0; a < nat->n_addrs; a++) {
        if (!may_map_at(nat, f, h, a, ext, &block))
            continue;
        it_natc_external at = it_natc_external_of(f->proto, it_natc_end_of(nat->addrs[a], ext.port));
        struct it_natc_map_new r = {f->in, at, it_natc_scope_of(nat, f), h, block};
        return it_natc_map_make(nat, now, &r) == IT_NATC_NONE ? IT_ERR_NOMEM : 0;
    }
    return IT_ERR_EXISTS;
}

/* Sees that |f| has a mapping at |ext|. */
static int map_suggested(it_nat *nat, it_time now, const it_natc_flow *f, it_addr ext)
{
    uint32_t h = it_natc_host_get(nat, it_natc_ip(f->in.e));
    if (h == IT_NATC_NONE)
        return IT_ERR_NOMEM;
    int err = map_at(nat, now, f, h, ext);
    if (err < 0)
        it_natc_host_idle(nat, h);
    return err;
}

static int error_of(it_natc_no no)
{
    switch (no.reason) {
    case IT_DROP_NAT_LIMIT:
        return IT_ERR_LIMIT;
    case IT_DROP_NAT_CLASH:
        return IT_ERR_EXISTS;
    default:
        return IT_ERR_FULL;
    }
}

/* The session of |f|, which there is none of, as its first packet would open it; else an error. */
static int open_flow(it_nat *nat, it_time now, const it_natc_flow *f, it_addr ext, uint32_t *s)
{
    it_natc_no no;
    int err = 0;
    if (ext.port)
        err = map_suggested(nat, now, f, ext);
    if (err < 0)
        return err;
    *s = it_natc_open_out(nat, now, f, &no);
    if (*s == IT_NATC_NONE) {
        uint32_t m = it_natc_map_find(nat, f);
        if (m != IT_NATC_NONE)
            it_natc_map_idle(nat, now, m); /* one just made for it */
        return error_of(no);
    }
    if (f->proto == IT_PROTO_TCP && !it_natc_tcp_blank(nat, now, *s))
        return IT_ERR_NOMEM;
    if (it_ip_none(ext.ip) || it_ip_v4(ext.ip) == it_natc_ip(nat->sessions[*s].ext.e))
        return 0;
    it_natc_session_end(nat, now, *s);
    return IT_ERR_EXISTS;
}

static int session_hold(it_nat *nat, uint32_t i, it_time until)
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
    uint32_t s = it_natc_session_of(nat, f.in, f.remote);
    int err = s == IT_NATC_NONE ? open_flow(nat, now, &f, r->ext, &s) : 0;
    if (err == 0)
        err = session_hold(nat, s, r->until);
    if (err < 0)
        return err;
    *got = it_natc_addr(nat->sessions[s].ext.e);
    *end = it_natc_held_until(nat, &nat->sessions[s]);
    it_node_wake(&nat->node);
    return 0;
}
