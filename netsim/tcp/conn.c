/* Connections: the tables of a host, birth and death, states, and what their holders are told. */
#include "netsim/tcp/impl.h"

#include <stdio.h>

#define SLOTS 65536
#define GENERATIONS 0xfff

void it_tcp_opts_init(it_tcp_opts *o)
{
    *o = (it_tcp_opts){.nagle = true,
                       .sack = true,
                       .timestamps = true,
                       .wscale = true,
                       .pmtu = true,
                       .rack = true,
                       .tlp = true,
                       .prr = true,
                       .frto = true,
                       .eifel = true,
                       .dsack = true,
                       .hystart = true,
                       .quickack = true,
                       .control = IT_TCP_CUBIC,
                       .abc = 2,
                       .cwnd = 10,
                       .rto_init = IT_SEC,
                       .rto_min = 200 * IT_MS,
                       .rto_max = 120 * IT_SEC,
                       .delack = 40 * IT_MS,
                       .syn_retries = 6,
                       .synack_retries = 5,
                       .user_timeout = 924600 * IT_MS,
                       .keep_interval = 75 * IT_SEC,
                       .keep_count = 9,
                       .time_wait = 60 * IT_SEC};
}

host_tcp *it_tcp_of(it_host *h)
{
    if (h->tcp)
        return h->tcp;
    it_alloc *a = it_world_alloc(h->node.world);
    host_tcp *t = it_calloc(a, 1, sizeof *t);
    if (!t)
        return NULL;
    char stream[IT_NAME_MAX + 8];
    snprintf(stream, sizeof stream, "%s/tcp", h->node.name);
    it_rng_init(&t->rng, it_world_seed(h->node.world), stream);
    t->secret = it_rng_u64(&t->rng);
    it_tcp_opts_init(&t->o);
    it_map_init(&t->by_pair, a, 5);
    it_heap_init(&t->timers, a);
    return h->tcp = t;
}

void it_tcp_host_free(it_host *h)
{
    host_tcp *t = h->tcp;
    it_alloc *a = it_world_alloc(h->node.world);
    if (!t)
        return;
    for (size_t i = 0; i < t->n_conns; i++) {
        if (t->conns[i]) {
            t->conns[i]->mapped = false;
            it_tcp_free(t->conns[i]);
        }
    }
    it_free(a, t->conns);
    it_free(a, t->gens);
    it_free(a, t->listeners);
    it_map_fini(&t->by_pair);
    it_heap_fini(&t->timers);
    it_free(a, t);
    h->tcp = NULL;
}

/* --- tables --- */

static void pair_key(it_addr local, it_addr remote, uint64_t key[5])
{
    key[0] = local.ip.hi;
    key[1] = local.ip.lo;
    key[2] = remote.ip.hi;
    key[3] = remote.ip.lo;
    key[4] = (uint64_t)local.port << 16 | remote.port;
}

it_tcp_conn *it_tcp_find(const it_host *h, it_addr local, it_addr remote)
{
    uint64_t key[5];
    if (!h->tcp)
        return NULL;
    pair_key(local, remote, key);
    uint32_t slot = it_map_get(&h->tcp->by_pair, key);
    return slot == IT_MAP_NONE ? NULL : h->tcp->conns[slot];
}

it_tcp_conn *it_tcp_by_socket(const it_host *h, int socket)
{
    size_t slot = (size_t)socket & (SLOTS - 1);
    if (!h->tcp || socket < TCP_CONN || slot >= h->tcp->n_conns)
        return NULL;
    it_tcp_conn *c = h->tcp->conns[slot];
    return c && c->socket == socket && c->user ? c : NULL;
}

it_tcp_listener *it_tcp_listener_by_socket(const it_host *h, int socket)
{
    size_t i = (size_t)socket & (SLOTS - 1);
    if (!h->tcp || socket < TCP_LISTENER || socket >= TCP_CONN || i >= h->tcp->n_listeners)
        return NULL;
    it_tcp_listener *l = &h->tcp->listeners[i];
    return l->open && it_tcp_listener_socket(h, l) == socket ? l : NULL;
}

int it_tcp_listener_socket(const it_host *h, const it_tcp_listener *l)
{
    return (int)(TCP_LISTENER | (l->gen & GENERATIONS) << 16 | (l - h->tcp->listeners));
}

/* The one that names the address goes before the one for all. */
it_tcp_listener *it_tcp_listener_for(const it_host *h, it_addr local)
{
    it_tcp_listener *any = NULL;
    for (size_t i = 0; h->tcp && i < h->tcp->n_listeners; i++) {
        it_tcp_listener *l = &h->tcp->listeners[i];
        if (!l->open || l->local.port != local.port)
            continue;
        if (it_ip_eq(l->local.ip, local.ip))
            return l;
        if (it_ip_none(l->local.ip))
            any = l;
    }
    return any;
}

/* A free slot for a connection, -1 when there is no memory or there are too many. */
static int new_slot(host_tcp *t, it_alloc *a)
{
    while (t->low < t->n_conns && t->conns[t->low])
        t->low++;
    if (t->low < t->n_conns)
        return (int)t->low;
    if (t->n_conns == SLOTS || it_grow(a, &t->conns, &t->cap_conns, t->n_conns + 1, sizeof *t->conns) < 0)
        return -1;
    if (it_grow(a, &t->gens, &t->cap_gens, t->n_conns + 1, sizeof *t->gens) < 0)
        return -1;
    t->conns[t->n_conns] = NULL;
    t->gens[t->n_conns] = 0;
    return (int)t->n_conns++;
}

/* RFC 9293 section 3.4.1: a clock of 4 us plus a secret function of the connection. */
static uint32_t initial_seq(const host_tcp *t, it_time now, const uint64_t key[5])
{
    uint64_t h = t->secret;
    for (int i = 0; i < 5; i++)
        h = it_hash_mix(h, key[i]);
    return (uint32_t)(now / 4000) + (uint32_t)h;
}

static void init_conn(it_tcp_conn *c)
{
    for (int i = 0; i < TCP_TIMERS; i++)
        c->timer[i] = IT_NEVER;
    c->wake = c->pmtu_till = c->still_at = IT_NEVER;
    c->listener = -1;
    c->snd_una = c->snd_nxt = c->snd_max = c->small_end = c->recover = c->iss;
    c->snd_base = c->iss + 1;
    c->out.hint = c->fack = c->undo_una = c->iss + 1;
    c->cc = it_tcp_cc_of(&c->o);
    c->rack.mult = c->cwnd = 1;
    c->dup_thresh = TCP_DUP_THRESH;
    c->cubic.epoch = IT_NEVER;
    it_tcp_buffers(c);
    c->pmtu = it_tcp_link_mtu(c);
    c->rto = c->o.rto_init;
    c->seg_max = 536;
    /* RFC 7323 section 2.3: the smallest scale that lets the whole buffer be announced. */
    while (c->o.wscale && c->rcv_scale < 14 && (uint32_t)65535 << c->rcv_scale < it_tcp_rcv_most(c))
        c->rcv_scale++;
    it_tcp_set_mss(c);
}

it_tcp_conn *it_tcp_new(it_host *h, it_time now, it_addr local, it_addr remote, const it_tcp_opts *o)
{
    it_alloc *a = it_world_alloc(h->node.world);
    host_tcp *t = it_tcp_of(h);
    uint64_t key[5];
    int slot = t ? new_slot(t, a) : -1;
    if (slot < 0)
        return NULL;
    it_tcp_conn *c = it_calloc(a, 1, sizeof *c);
    if (!c)
        return NULL;
    pair_key(local, remote, key);
    if (it_map_put(&t->by_pair, key, (uint32_t)slot) < 0) {
        it_free(a, c);
        return NULL;
    }
    t->gens[slot] = (uint16_t)((t->gens[slot] + 1) & GENERATIONS);
    t->conns[slot] = c;
    t->living++;
    c->h = h;
    c->socket = TCP_CONN | t->gens[slot] << 16 | slot;
    c->local = local;
    c->remote = remote;
    c->o = *o;
    c->mapped = true;
    c->iss = initial_seq(t, now, key);
    c->ts_offset = (uint32_t)(it_hash_mix(t->secret, c->iss) >> 32);
    init_conn(c);
    return c;
}

static void unmap(it_tcp_conn *c)
{
    uint64_t key[5];
    if (!c->mapped)
        return;
    pair_key(c->local, c->remote, key);
    it_map_del(&c->h->tcp->by_pair, key);
    c->mapped = false;
}

void it_tcp_free(it_tcp_conn *c)
{
    host_tcp *t = c->h->tcp;
    it_alloc *a = it_tcp_alloc(c);
    unmap(c);
    it_tcp_ring_free(&c->snd, a);
    it_tcp_ring_free(&c->rcv, a);
    it_tcp_sent_free(&c->out, a);
    it_tcp_ranges_free(&c->ooo, a);
    size_t slot = (size_t)c->socket & (SLOTS - 1);
    t->conns[slot] = NULL;
    t->low = slot < t->low ? slot : t->low;
    t->living--;
    it_free(a, c);
}

void it_tcp_leave_backlog(it_tcp_conn *c)
{
    it_tcp_listener *l = c->waiting ? it_tcp_listener_by_socket(c->h, c->listener) : NULL;
    if (l)
        l->waiting--;
    c->waiting = false;
}

void it_tcp_dead(it_tcp_conn *c)
{
    it_tcp_leave_backlog(c);
    if (!c->user) {
        it_tcp_free(c);
        return;
    }
    unmap(c);
    it_tcp_ring_free(&c->snd, it_tcp_alloc(c));
    it_tcp_sent_free(&c->out, it_tcp_alloc(c));
    it_tcp_ranges_free(&c->ooo, it_tcp_alloc(c));
    for (int i = 0; i < TCP_TIMERS; i++)
        c->timer[i] = IT_NEVER;
    c->state = IT_TCP_CLOSED;
    c->room_wanted = false;
}

/* RFC 9293 section 3.10.7.4: segment queues are flushed, unread data too. */
void it_tcp_fail(it_tcp_conn *c, enum it_tcp_reason why, uint8_t icmp_type, uint8_t icmp_code)
{
    it_tcp_ring_free(&c->rcv, it_tcp_alloc(c));
    if (c->user) {
        it_host_event ev = {
            .kind = IT_HOST_TCP_RST, .socket = c->socket, .iface = -1, .local = c->local, .remote = c->remote};
        ev.reason = (int)why;
        ev.packet = c->h->tcp->packet;
        ev.icmp_type = icmp_type;
        ev.icmp_code = icmp_code;
        if (it_host_push(c->h, ev) < 0)
            it_node_oom(&c->h->node);
        it_world_mark_ready(c->h->node.world, &c->h->node);
    }
    it_tcp_dead(c);
}

void it_tcp_power_off(it_host *h)
{
    for (size_t i = 0; h->tcp && i < h->tcp->n_conns; i++)
        if (h->tcp->conns[i] && h->tcp->conns[i]->state != IT_TCP_CLOSED)
            it_tcp_fail(h->tcp->conns[i], IT_TCP_POWER, 0, 0);
}

/* --- events --- */

void it_tcp_tell(it_tcp_conn *c, enum it_host_event_kind kind)
{
    if (!c->user || (kind == IT_HOST_TCP_DATA && c->data_told))
        return;
    it_host_event ev = {
        .kind = kind, .socket = c->socket, .local = c->local, .remote = c->remote, .listener = c->listener};
    ev.iface = it_host_iface_of(c->h, c->local.ip);
    ev.packet = c->h->tcp->packet;
    if (it_host_push(c->h, ev) < 0)
        it_node_oom(&c->h->node);
    c->data_told = c->data_told || kind == IT_HOST_TCP_DATA;
    it_world_mark_ready(c->h->node.world, &c->h->node);
}

void it_tcp_offer_room(it_tcp_conn *c)
{
    uint32_t end = it_tcp_data_end(c), third = c->snd_room / 3;
    uint32_t known = it_tcp_lt(end, c->room_edge) ? c->room_edge - end : 0;
    if (!c->room_wanted || known >= third || c->snd_room - c->snd.n < third)
        return;
    c->room_wanted = false; /* until the holder asks again */
    it_tcp_tell(c, IT_HOST_TCP_WRITABLE);
}

bool it_tcp_event_taken(it_host *h, const it_host_event *ev)
{
    if (ev->kind < IT_HOST_TCP_OPENED && (ev->kind != IT_HOST_ICMP || ev->socket < TCP_CONN))
        return true;
    it_tcp_conn *c = it_tcp_by_socket(h, ev->socket);
    if (!c)
        return false;
    if (ev->kind == IT_HOST_TCP_ACCEPTED)
        it_tcp_leave_backlog(c);
    else if (ev->kind == IT_HOST_TCP_DATA)
        c->data_told = false;
    return true;
}

/* --- states --- */

void it_tcp_enter(it_tcp_conn *c, it_time now, enum it_tcp_state state)
{
    c->state = (uint8_t)state;
    if (state == IT_TCP_TIME_WAIT) { /* RFC 9293 section 3.10.7.4: the other timers are turned off */
        for (int i = 0; i < TCP_TIMERS; i++)
            c->timer[i] = IT_NEVER;
        it_tcp_ring_free(&c->snd, it_tcp_alloc(c));
        c->snd_base = c->snd_una - 1; /* the FIN stays where it was */
    }
    if (state == IT_TCP_TIME_WAIT || (state == IT_TCP_FIN_WAIT_2 && !c->user))
        c->timer[TCP_T_WAIT] = now + c->o.time_wait;
}

/* The handshake is over: with a FIN that was asked for early, half of it is. */
void it_tcp_established(it_tcp_conn *c, it_time now)
{
    it_tcp_enter(c, now, c->fin ? IT_TCP_FIN_WAIT_1 : IT_TCP_ESTABLISHED);
    it_tcp_cc_start(c, now);
    if (c->o.keep_idle)
        c->timer[TCP_T_KEEP] = now + c->o.keep_idle;
    if (c->listener >= 0) {
        c->user = true;
        it_tcp_tell(c, IT_HOST_TCP_ACCEPTED);
    } else {
        it_tcp_tell(c, IT_HOST_TCP_OPENED);
    }
}
