/* Pools of elements with clocks, and the maps over them: allocations and relayed sockets. */
#include "stack/turn/server/allocation_impl.h"

#include "base/table/buckets.h"

/* --- pools --- */

static void pool_init(it_turn_pool *p, it_alloc *a, size_t size)
{
    *p = (it_turn_pool){.size = size};
    it_bits_init(&p->unused, a);
}

static void pool_fini(it_turn_pool *p, it_alloc *a)
{
    it_free(a, p->v);
    it_bits_fini(&p->unused);
    it_tourney_fini(&p->clock);
}

static int pool_grow(it_turn_pool *p, it_alloc *a)
{
    size_t had = p->cap, cap = had;
    if (had >= 1u << 24)
        return IT_ERR_NOMEM;
    uint32_t want = had ? (uint32_t)had * 2 : 8;
    if (it_bits_grow(&p->unused, want) < 0 || it_tourney_grow(&p->clock, want) < 0)
        return IT_ERR_NOMEM;
    if (it_grow(a, &p->v, &cap, want, p->size) < 0)
        return IT_ERR_NOMEM;
    p->cap = want;
    for (uint32_t i = (uint32_t)had; i < want; i++)
        it_bits_add(&p->unused, i);
    return 0;
}

static void pool_use(it_turn_pool *p, uint32_t i)
{
    it_bits_del(&p->unused, i);
    memset(p->v + i * p->size, 0, p->size);
    p->n++;
}

uint32_t it_turn_pool_take(it_turn_pool *p, it_alloc *a)
{
    uint32_t i = it_bits_next(&p->unused, 0);
    if (i == IT_BITS_NONE) {
        if (pool_grow(p, a) < 0)
            return IT_TURN_NONE;
        i = it_bits_next(&p->unused, 0);
    }
    pool_use(p, i);
    return i;
}

/* Two elements, the first of which has an even number. */
static uint32_t pool_take_pair(it_turn_pool *p, it_alloc *a)
{
    for (;;) {
        for (uint32_t i = it_bits_next(&p->unused, 0); i != IT_BITS_NONE; i = it_bits_next(&p->unused, i + 1)) {
            if (i % 2 != 0 || !it_bits_has(&p->unused, i + 1))
                continue;
            pool_use(p, i);
            pool_use(p, i + 1);
            return i;
        }
        if (pool_grow(p, a) < 0)
            return IT_TURN_NONE;
    }
}

void it_turn_pool_give(it_turn_pool *p, uint32_t i)
{
    it_tourney_set(&p->clock, i, IT_NEVER, i);
    it_bits_add(&p->unused, i);
    p->n--;
}

static bool pool_has(const it_turn_pool *p, uint32_t i)
{
    return i < p->cap && !it_bits_has(&p->unused, i);
}

static it_time pool_next(const it_turn_pool *p)
{
    return p->n ? p->clock.time[it_tourney_first(&p->clock)] : IT_NEVER;
}

/* --- the table --- */

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
    return v ? v : otherwise;
}

int it_turn_table_init(it_turn_table *t, it_alloc *alloc, const it_turn_limits *limits, size_t n_users)
{
    *t = (it_turn_table){.alloc = alloc, .limits = *limits, .n_users = n_users, .soonest = IT_NEVER, .epoch = 1};
    it_turn_limits *l = &t->limits;
    l->relays = or_default(l->relays, 4096);
    l->user_relays = or_default(l->user_relays, UINT32_MAX);
    l->permissions = or_default(l->permissions, 128);
    l->channels = or_default(l->channels, 128);
    l->lifetime = or_default(l->lifetime, IT_TURN_LIFETIME);
    l->max_lifetime = or_default(l->max_lifetime, l->lifetime > 3600 ? l->lifetime : 3600);
    l->streams = or_default(l->streams, 1024);
    l->connections = or_default(l->connections, 64);
    if (!l->user_burst)
        l->user_burst = l->user_rate / 10 > IT_IO_DGRAM_MAX ? l->user_rate / 10 : IT_IO_DGRAM_MAX;
    pool_init(&t->allocations, alloc, sizeof(it_turn_allocation));
    pool_init(&t->relays, alloc, sizeof(it_turn_relay));
    pool_init(&t->permissions, alloc, sizeof(it_turn_permission));
    pool_init(&t->channels, alloc, sizeof(it_turn_channel));
    it_map_init(&t->by_leg, alloc, 3);
    it_map_init(&t->by_permission, alloc, 3);
    it_map_init(&t->by_number, alloc, 1);
    it_map_init(&t->by_peer, alloc, 3);
    it_map_init(&t->by_token, alloc, 1);
    it_map_init(&t->by_addr, alloc, 3);
    it_map_init(&t->by_ticket, alloc, 2);
    it_bits_init(&t->due, alloc);
    it_bits_init(&t->closing, alloc);
    it_bits_init(&t->ended, alloc);
    it_turn_pool *const pools[] = {&t->allocations, &t->relays, &t->permissions, &t->channels};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++)
        if (it_tourney_init(&pools[i]->clock, alloc) < 0)
            return IT_ERR_NOMEM;
    t->users = it_calloc(alloc, n_users ? n_users : 1, sizeof *t->users);
    return t->users ? 0 : IT_ERR_NOMEM;
}

void it_turn_table_fini(it_turn_table *t)
{
    it_turn_pool *const pools[] = {&t->allocations, &t->relays, &t->permissions, &t->channels};
    it_map *const maps[] = {&t->by_leg,   &t->by_permission, &t->by_number, &t->by_peer,
                            &t->by_token, &t->by_addr,       &t->by_ticket};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++)
        pool_fini(pools[i], t->alloc);
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        it_map_fini(maps[i]);
    it_bits_fini(&t->due);
    it_bits_fini(&t->closing);
    it_bits_fini(&t->ended);
    it_free(t->alloc, t->users);
}

/* --- allocations --- */

typedef struct key3 {
    uint64_t w[3];
} key3;

static key3 leg_key(const it_turn_leg *l)
{
    return (key3){{(uint64_t)l->flow << 16 | l->remote.port, l->remote.ip.hi, l->remote.ip.lo}};
}

static key3 addr_key(it_addr a, bool tcp)
{
    return (key3){{(uint64_t)tcp << 16 | a.port, a.ip.hi, a.ip.lo}};
}

int it_turn_table_link(it_turn_table *t, const it_turn_leg *leg, uint32_t i)
{
    return it_map_put(&t->by_leg, leg_key(leg).w, i);
}

void it_turn_table_unlink(it_turn_table *t, const it_turn_leg *leg)
{
    it_map_del(&t->by_leg, leg_key(leg).w);
}

uint32_t it_turn_table_add(it_turn_table *t, const it_turn_leg *leg, uint32_t user)
{
    uint32_t i = it_turn_pool_take(&t->allocations, t->alloc);
    if (i == IT_TURN_NONE)
        return i;
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    a->leg = *leg;
    a->user = user;
    a->relay[0] = a->relay[1] = IT_TURN_NONE;
    if (it_turn_table_link(t, leg, i) == 0)
        return i;
    it_turn_pool_give(&t->allocations, i);
    return IT_TURN_NONE;
}

/* --- relayed addresses --- */

bool it_turn_table_user_room(const it_turn_table *t, uint32_t user, uint32_t more)
{
    return t->users[user].relays + more <= t->limits.user_relays;
}

bool it_turn_table_source_room(const it_turn_table *t, it_ip ip, uint32_t more)
{
    it_ip source = it_ip_source(ip);
    if (!t->limits.source_relays)
        return true;
    for (uint32_t r = 0; r < t->relays.cap; r++)
        more += pool_has(&t->relays, r) && it_ip_eq(it_turn_relay_at(t, r)->source, source);
    return more <= t->limits.source_relays;
}

bool it_turn_table_room(const it_turn_table *t, uint32_t more)
{
    return t->relays.n + more <= t->limits.relays;
}

static void relay_start(it_turn_table *t, uint32_t r, uint32_t i, it_ip ip)
{
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    it_turn_relay *relay = it_turn_relay_at(t, r);
    relay->state = IT_TURN_RELAY_DUE;
    relay->allocation = i;
    relay->user = a->user;
    relay->source = it_ip_source(a->leg.remote.ip);
    relay->addr = it_addr_of(ip, 0);
    relay->tcp = a->tcp;
    relay->permissions = relay->channels = IT_TURN_NONE;
    t->users[a->user].relays++;
    a->waiting++;
}

uint32_t it_turn_table_relay(it_turn_table *t, uint32_t i, it_ip ip, enum it_io_port port, uint64_t token)
{
    bool pair = port == IT_IO_PORT_PAIR;
    uint32_t r = pair ? pool_take_pair(&t->relays, t->alloc) : it_turn_pool_take(&t->relays, t->alloc);
    if (r == IT_TURN_NONE)
        return r;
    bool ok = it_bits_grow(&t->due, (uint32_t)t->relays.cap) == 0;
    ok = ok && it_bits_grow(&t->closing, (uint32_t)t->relays.cap) == 0;
    ok = ok && it_bits_grow(&t->ended, (uint32_t)t->relays.cap) == 0;
    if (ok && pair)
        ok = it_map_put(&t->by_token, &token, r + 1) == 0;
    if (!ok) {
        it_turn_pool_give(&t->relays, r);
        if (pair)
            it_turn_pool_give(&t->relays, r + 1);
        return IT_TURN_NONE;
    }
    relay_start(t, r, i, ip);
    it_turn_relay_at(t, r)->port = (uint8_t)port;
    it_turn_allocation_at(t, i)->relay[it_ip_is6(ip)] = r;
    it_bits_add(&t->due, r);
    if (pair) {
        relay_start(t, r + 1, i, ip);
        it_turn_relay_at(t, r + 1)->second = true;
        it_turn_relay_at(t, r + 1)->allocation = IT_TURN_NONE;
        it_turn_relay_at(t, r + 1)->token = token;
    }
    return r;
}

/* Forgets relay |r|, whose socket is closed. */
static void relay_forget(it_turn_table *t, uint32_t r)
{
    it_bits_del(&t->due, r);
    it_bits_del(&t->closing, r);
    it_turn_pool_give(&t->relays, r);
}

/* Ends relay |r| and what hangs on it, but does not tell its allocation. */
static void relay_end(it_turn_table *t, uint32_t r, bool gone)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    bool unasked = relay->state == IT_TURN_RELAY_DUE, bound = relay->state == IT_TURN_RELAY_BOUND;
    it_turn_relay_clear(t, r);
    if (relay->tcp)
        it_bits_add(&t->ended, r);
    if (relay->state != IT_TURN_RELAY_CLOSING && relay->state != IT_TURN_RELAY_ORPHAN)
        t->users[relay->user].relays--;
    if (relay->token)
        it_map_del(&t->by_token, &relay->token);
    if (bound)
        it_map_del(&t->by_addr, addr_key(relay->addr, relay->tcp).w);
    t->epoch++;
    relay->allocation = IT_TURN_NONE;
    relay->token = 0;
    it_tourney_set(&t->relays.clock, r, IT_NEVER, r);
    if (unasked && relay->port == IT_IO_PORT_PAIR)
        relay_end(t, r + 1, true);
    if (gone || unasked) {
        relay_forget(t, r);
        return;
    }
    relay->state = bound ? IT_TURN_RELAY_CLOSING : IT_TURN_RELAY_ORPHAN;
    if (bound)
        it_bits_add(&t->closing, r);
}

static bool same_leg(const it_turn_leg *a, const it_turn_leg *b)
{
    return a->flow == b->flow && it_addr_eq(a->remote, b->remote);
}

void it_turn_table_cut(it_turn_table *t, uint32_t i, const it_turn_leg *leg)
{
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    it_turn_table_unlink(t, leg);
    if (a->moving && same_leg(leg, &a->next_leg)) {
        a->moving = false; /* it was never there: the old one goes on */
    } else if (a->moving) {
        a->leg = a->next_leg; /* RFC 8016 section 3.2.2: the old connection is closed */
        a->moving = false;
    } else {
        a->cut = true;
    }
}

void it_turn_table_tell(it_turn_table *t, const it_turn_tale *tale)
{
    if (t->n_tales == IT_TURN_TALES)
        return;
    t->tales[(t->first_tale + t->n_tales++) % IT_TURN_TALES] = *tale;
}

void it_turn_table_drop(it_turn_table *t, uint32_t i)
{
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    if (a->told)
        it_turn_table_tell(t, &(it_turn_tale){.kind = IT_TURN_TALE_ENDED, .client = a->leg.remote, .user = a->user});
    for (int k = 0; k < 2; k++) {
        uint32_t r = a->relay[k];
        if (r != IT_TURN_NONE)
            relay_end(t, r, false);
    }
    if (!a->cut)
        it_turn_table_unlink(t, &a->leg);
    if (a->moving)
        it_turn_table_unlink(t, &a->next_leg);
    if (a->mobile) {
        it_map_del(&t->by_ticket, &a->ticket.hi);
        it_map_del(&t->by_ticket, &a->old_ticket.hi);
    }
    it_turn_pool_give(&t->allocations, i);
}

static bool relay_waits(const it_turn_relay *r)
{
    return r->state == IT_TURN_RELAY_DUE || r->state == IT_TURN_RELAY_ASKED;
}

/* How many answers its allocation waits for that will not count once relay |r| ends: its own, and of a pair that of the
 * second, which is found by the first. */
static uint32_t relay_unanswered(const it_turn_table *t, uint32_t r)
{
    const it_turn_relay *relay = it_turn_relay_at(t, r);
    uint32_t n = relay_waits(relay);
    if (relay->port != IT_IO_PORT_PAIR || !pool_has(&t->relays, r + 1))
        return n;
    const it_turn_relay *second = it_turn_relay_at(t, r + 1);
    bool own = second->second && relay->allocation != IT_TURN_NONE &&
               second->token == it_turn_allocation_at(t, relay->allocation)->token;
    return n + (own && relay_waits(second));
}

void it_turn_table_close(it_turn_table *t, uint32_t r, bool gone)
{
    uint32_t i = it_turn_relay_at(t, r)->allocation, unbound = relay_unanswered(t, r);
    relay_end(t, r, gone);
    if (i == IT_TURN_NONE)
        return;
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    a->waiting -= unbound;
    for (int k = 0; k < 2; k++)
        if (a->relay[k] == r)
            a->relay[k] = IT_TURN_NONE;
    if (a->relay[0] == IT_TURN_NONE && a->relay[1] == IT_TURN_NONE && a->waiting == 0)
        it_turn_table_drop(t, i);
}

/* The allocation that waits for relay |r|; for the second of a pair the one that has the first. */
static uint32_t relay_waits_for(const it_turn_table *t, uint32_t r)
{
    const it_turn_relay *relay = it_turn_relay_at(t, r);
    if (!relay->second)
        return relay->allocation;
    uint32_t i = pool_has(&t->relays, r - 1) ? it_turn_relay_at(t, r - 1)->allocation : IT_TURN_NONE;
    if (i == IT_TURN_NONE || it_turn_allocation_at(t, i)->token != relay->token)
        return IT_TURN_NONE;
    return i;
}

/* RFC 8656 section 7.2: both ports or neither. */
static uint32_t relay_refused(it_turn_table *t, uint32_t r)
{
    const it_turn_relay *relay = it_turn_relay_at(t, r);
    uint32_t i = relay_waits_for(t, r), first = relay->second ? r - 1 : r;
    bool second = relay->second, pair = second || relay->port == IT_IO_PORT_PAIR, six = it_ip_is6(relay->addr.ip);
    if (i != IT_TURN_NONE) {
        it_turn_allocation *a = it_turn_allocation_at(t, i);
        a->relay[six] = IT_TURN_NONE;
        a->refused[six] = 508;
        a->waiting = pair ? 0 : a->waiting - 1;
        a->reserved = a->reserved && !pair;
    }
    if (pair)
        relay_end(t, first + 1, true);
    if (!second || i != IT_TURN_NONE)
        relay_end(t, first, !second);
    return i;
}

/* Takes the address of relay |r| as its own. Returns 0 or IT_ERR_NOMEM. */
static int relay_bound(it_turn_table *t, it_time now, uint32_t r, it_addr addr)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    bool orphan = relay->state == IT_TURN_RELAY_ORPHAN;
    relay->addr = addr;
    relay->state = IT_TURN_RELAY_BOUND;
    t->epoch++;
    if (orphan) { /* closed again */
        relay->state = IT_TURN_RELAY_CLOSING;
        it_bits_add(&t->closing, r);
        return 0;
    }
    if (relay->token) /* RFC 8656 section 7.2: held for 30 seconds */
        it_turn_table_refresh(t, r, now + IT_TURN_RESERVATION_LIFE);
    else
        it_turn_table_refresh(t, r, now + it_turn_allocation_at(t, relay->allocation)->lifetime * IT_SEC);
    return it_map_put(&t->by_addr, addr_key(addr, relay->tcp).w, r);
}

uint32_t it_turn_table_bound(it_turn_table *t, it_time now, uint32_t r, it_addr addr, int *err)
{
    *err = 0;
    if (!pool_has(&t->relays, r))
        return IT_TURN_NONE;
    const it_turn_relay *relay = it_turn_relay_at(t, r);
    if (relay->state != IT_TURN_RELAY_ASKED && relay->state != IT_TURN_RELAY_ORPHAN)
        return IT_TURN_NONE;
    if (addr.port == 0)
        return relay_refused(t, r);
    uint32_t i = relay_waits_for(t, r);
    *err = relay_bound(t, now, r, addr);
    if (i != IT_TURN_NONE)
        it_turn_allocation_at(t, i)->waiting--;
    return i;
}

bool it_turn_table_has_flow(const it_turn_table *t, uint32_t flow)
{
    return pool_has(&t->relays, flow - IT_IO_BOUND_FLOW);
}

uint32_t it_turn_table_by_addr(const it_turn_table *t, it_addr a, bool tcp)
{
    uint32_t r = it_map_get(&t->by_addr, addr_key(a, tcp).w);
    return r != IT_TURN_NONE && it_turn_relay_at(t, r)->allocation != IT_TURN_NONE ? r : IT_TURN_NONE;
}

uint32_t it_turn_table_reserved(const it_turn_table *t, uint64_t token)
{
    uint32_t r = it_map_get(&t->by_token, &token);
    return r != IT_TURN_NONE && it_turn_relay_at(t, r)->state == IT_TURN_RELAY_BOUND ? r : IT_TURN_NONE;
}

void it_turn_table_take(it_turn_table *t, uint32_t r, uint32_t i)
{
    it_turn_relay *relay = it_turn_relay_at(t, r);
    it_turn_allocation *a = it_turn_allocation_at(t, i);
    it_map_del(&t->by_token, &relay->token);
    relay->token = 0;
    relay->allocation = i;
    t->epoch++;
    t->users[relay->user].relays--;
    relay->user = a->user;
    relay->source = it_ip_source(a->leg.remote.ip);
    t->users[relay->user].relays++;
    a->relay[it_ip_is6(relay->addr.ip)] = r;
}

void it_turn_table_refresh(it_turn_table *t, uint32_t r, it_time expiry)
{
    it_turn_relay_at(t, r)->expiry = expiry;
    it_turn_pool_expires(t, &t->relays, r, expiry);
}

int it_turn_table_output(it_turn_table *t, it_io *out)
{
    uint32_t r = it_bits_next(&t->closing, 0);
    if (r != IT_BITS_NONE) {
        *out = (it_io){.kind = IT_IO_UNBIND, .flow = IT_IO_BOUND_FLOW + r, .local = it_turn_relay_at(t, r)->addr};
        relay_forget(t, r);
        return 1;
    }
    r = it_bits_next(&t->due, 0);
    if (r == IT_BITS_NONE)
        return 0;
    it_turn_relay *relay = it_turn_relay_at(t, r);
    it_bits_del(&t->due, r);
    relay->state = IT_TURN_RELAY_ASKED;
    if (relay->port == IT_IO_PORT_PAIR)
        it_turn_relay_at(t, r + 1)->state = IT_TURN_RELAY_ASKED;
    *out = (it_io){.kind = relay->tcp ? IT_IO_LISTEN : IT_IO_BIND,
                   .flow = IT_IO_BOUND_FLOW + r,
                   .local = relay->addr,
                   .port = (enum it_io_port)relay->port};
    return 1;
}

/* --- bandwidth and time --- */

bool it_turn_table_pay_limited(it_turn_table *t, it_time now, uint32_t user, size_t n)
{
    it_turn_user *u = &t->users[user];
    const it_turn_limits *l = &t->limits;
    it_time cost = (it_time)((uint64_t)n * (uint64_t)IT_SEC / l->user_rate);
    it_time burst = (it_time)it_wide_shift(it_wide_mul(l->user_burst, (uint64_t)IT_SEC), 0) / (it_time)l->user_rate;
    it_time from = u->full > now ? u->full : now;
    if (from + cost - now > burst)
        return false;
    u->full = from + cost;
    return true;
}

it_time it_turn_table_next(const it_turn_table *t)
{
    const it_turn_pool *const pools[] = {&t->relays, &t->permissions, &t->channels};
    it_time next = IT_NEVER;
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        it_time own = pool_next(pools[i]);
        next = own < next ? own : next;
    }
    return next;
}

void it_turn_table_expire_due(it_turn_table *t, it_time now)
{
    while (pool_next(&t->channels) <= now)
        it_turn_channel_drop(t, it_tourney_first(&t->channels.clock));
    while (pool_next(&t->permissions) <= now)
        it_turn_permission_drop(t, it_tourney_first(&t->permissions.clock));
    while (pool_next(&t->relays) <= now)
        it_turn_table_close(t, it_tourney_first(&t->relays.clock), false);
    t->soonest = it_turn_table_next(t);
}
