/* Gathering: bases, host and server-reflexive candidates, foundations, keeping mappings alive (RFC 8445 section 5.1.1).
 */
#include "stack/ice/impl.h"

#include <stdio.h>

it_ice_local *it_ice_local_find(it_ice *a, int stream, int component, int flow, it_addr addr)
{
    for (size_t i = 0; i < a->n_locals; i++) {
        it_ice_local *l = &a->locals[i];
        if (l->stream == stream && l->c.component == component && l->c.flow == flow && it_addr_eq(l->c.addr, addr))
            return l;
    }
    return NULL;
}

/* RFC 8445 section 5.1.1.3: the same for the same type, base address, server address and transport to the server. */
static void foundation(it_ice *a, it_ice_cand *c, it_ip server, bool by_tcp)
{
    for (size_t i = 0; i < a->n_locals; i++) {
        const it_ice_local *l = &a->locals[i];
        if (l->c.kind == c->kind && l->c.transport == c->transport && it_ip_eq(l->c.base.ip, c->base.ip) &&
            it_ip_eq(l->server, server) && l->by_tcp == by_tcp) {
            memcpy(c->foundation, l->c.foundation, sizeof c->foundation);
            return;
        }
    }
    (void)snprintf(c->foundation, sizeof c->foundation, "%u", ++a->last_foundation);
}

it_ice_local *it_ice_local_add(it_ice *a, int stream, const it_ice_cand *c, uint32_t local_pref, it_ip server)
{
    if (it_grow(a->cfg.alloc, &a->locals, &a->cap_locals, a->n_locals + 1, sizeof a->locals[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return NULL;
    }
    it_ice_local l = {.c = *c, .stream = stream, .server = server, .by_tcp = it_ice_relay_is_tcp(a, (uint32_t)c->flow)};
    if (l.c.priority == 0 && c->transport == IT_ICE_UDP)
        l.c.priority = it_ice_priority(c->kind, (uint16_t)local_pref, c->component);
    else if (l.c.priority == 0)
        l.c.priority = it_ice_tcp_priority(c->kind, c->transport, local_pref & 8191, c->component);
    foundation(a, &l.c, server, l.by_tcp);
    a->locals[a->n_locals] = l;
    return &a->locals[a->n_locals++];
}

static it_ice_gather_task *add_task(it_ice *a, const it_ice_base *b, int server, bool turn)
{
    if (it_grow(a->cfg.alloc, &a->tasks, &a->cap_tasks, a->n_tasks + 1, sizeof a->tasks[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return NULL;
    }
    it_ice_gather_task *t = &a->tasks[a->n_tasks++];
    *t = (it_ice_gather_task){.id = ++a->last_id,
                              .flow = b->flow,
                              .server = server,
                              .turn = turn,
                              .state = IT_ICE_G_DUE,
                              .refresh_at = IT_NEVER};
    return t;
}

/* A mapped address that no peer can send to is no candidate. */
static bool usable(it_addr x, it_addr base)
{
    return it_ice_addr_usable(x) && it_ip_is4(x.ip) == it_ip_is4(base.ip);
}

/* Adds and tells the server-reflexive candidate |mapped| of |b|, as |server| has it, of TURN where |turn|. RFC 8838
 * section 9: it is redundant when address and base are those of another one, whatever the priorities. False, latched:
 * no memory. */
static bool local_reflexive(it_ice *a, const it_ice_base *b, int server, bool turn, it_addr mapped)
{
    it_ice_cand c = {.kind = IT_ICE_SRFLX,
                     .transport = b->transport,
                     .component = (uint16_t)b->component,
                     .addr = mapped,
                     .base = b->addr,
                     .flow = b->flow};
    uint32_t pref = UINT16_MAX - (b->order * IT_ICE_SERVERS_MAX + (uint32_t)server);
    it_ip ip;
    if (turn)
        ip = a->cfg.turn[server].server[it_ip_is6(b->addr.ip)].ip;
    else
        ip = a->cfg.stun[server].ip;
    it_ice_local *l = it_ice_local_add(a, b->stream, &c, pref, ip);
    if (!l)
        return false;
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_CANDIDATE, .stream = b->stream, .component = b->component}, &l->c);
    return true;
}

/* True when a STUN server tells what base |b| is outside. */
static bool asks_stun(const it_ice *a, const it_ice_base *b)
{
    for (int i = 0; i < a->cfg.n_stun; i++)
        if (it_ip_is4(a->cfg.stun[i].ip) == it_ip_is4(b->addr.ip))
            return true;
    return false;
}

bool it_ice_asks_by_both(const it_ice *a, const it_ice_base *b, const it_ice_turn *t)
{
    if (it_ip_none(t->server[it_ip_is4(b->addr.ip)].ip))
        return false;
    for (size_t i = 0; i < a->n_bases; i++) {
        const it_ice_base *o = &a->bases[i];
        if (o->kind == IT_ICE_HOST && o->stream == b->stream && o->component == b->component &&
            it_ip_is4(o->addr.ip) != it_ip_is4(b->addr.ip))
            return true;
    }
    return false;
}

/* What the server of an allocation of an earlier generation has said of |b| is a candidate of this one, too. */
static void tell_again(it_ice *a, const it_ice_base *b, int server, it_addr mapped)
{
    if (usable(mapped, b->addr) && !asks_stun(a, b) && !it_ice_local_find(a, b->stream, b->component, b->flow, mapped))
        (void)local_reflexive(a, b, server, true, mapped);
}

/* One for each TURN server. An allocation of an earlier generation goes on: one that is there has its candidates
 * already, one that is under way is waited for. */
static void add_turn_tasks(it_ice *a, const it_ice_base *b, int six)
{
    for (int i = 0; i < a->cfg.n_turn; i++) {
        it_ice_relay *r = it_ice_relay_at(a, b->flow, i);
        if (it_ip_none(a->cfg.turn[i].server[six].ip))
            continue;
        if (r && r->allocated) {
            tell_again(a, b, i, r->mapped);
            continue;
        }
        it_ice_gather_task *t = add_task(a, b, i, true);
        if (t && r) {
            t->state = IT_ICE_G_ASKED;
            r->task = t->id;
        }
    }
}

/* One task for each server of the base's family. */
static void add_tasks(it_ice *a, const it_ice_base *b)
{
    int six = it_ip_is6(b->addr.ip);
    /* RFC 4291 section 2.5.6: no router hands on what comes from there. */
    if (it_ip_link_local(b->addr.ip))
        return;
    for (int i = 0; i < a->cfg.n_stun; i++)
        if (it_ip_is6(a->cfg.stun[i].ip) == six)
            (void)add_task(a, b, i, false);
    if (b->transport == IT_ICE_UDP)
        add_turn_tasks(a, b, six);
}

/* Both candidates of tunnel |b|, and their pair: of a relay, and after all others (RFC 8445 section 5.1.2.1). */
static void tunnel_gather(it_ice *a, const it_ice_base *b)
{
    it_ice_cand c = {
        .kind = IT_ICE_RELAY, .component = (uint16_t)b->component, .addr = b->addr, .base = b->addr, .flow = b->flow};
    it_ice_cand far = {
        .kind = IT_ICE_RELAY, .component = c.component, .addr = b->far, .flow = -1, .foundation = "tunnel"};
    far.priority = it_ice_priority(IT_ICE_RELAY, 0, c.component);
    const it_ice_local *l = it_ice_local_add(a, b->stream, &c, 0, (it_ip){0, 0});
    if (!l || !it_ice_remote_tunnel(a, b, &far))
        return;
    if (it_ice_pair_local(a, l) < 0)
        it_ice_latch(a, IT_ERR_NOMEM);
    it_ice_kick(a);
}

/* True when |b| is still to be gathered on in this generation, and can be. */
static bool may_gather(const it_ice *a, const it_ice_base *b)
{
    bool over = b->gathered || b->retired || b->superseded;
    return !a->renewing && !over && b->socket == IT_ICE_TCP_READY;
}

void it_ice_base_gather(it_ice *a, it_time now, it_ice_base *b)
{
    bool tcp = b->transport != IT_ICE_UDP;
    if (!may_gather(a, b))
        return;
    b->gathered = true;
    if (b->far.port) {
        tunnel_gather(a, b);
        return;
    }
    /* RFC 8445 sections 5.1.1.1 and 5.1.1.2: the base of a host or relayed candidate is the candidate itself. */
    it_ice_cand c = {.kind = b->kind,
                     .transport = b->transport,
                     .component = (uint16_t)b->component,
                     .addr = b->addr,
                     .base = b->addr,
                     .flow = b->flow};
    c.related = b->related;
    it_ice_local *l = it_ice_local_add(a, b->stream, &c, UINT16_MAX - b->order, it_ice_relay_server(a, b->flow));
    if (!l)
        return;
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_CANDIDATE, .stream = b->stream, .component = b->component}, &l->c);
    if (it_ice_pair_local(a, l))
        it_ice_latch(a, IT_ERR_NOMEM);
    if (b->kind == IT_ICE_HOST && b->transport != IT_ICE_TCP_ACTIVE &&
        !a->cfg.behaviour.lite) /* RFC 8445 section 5.2: host candidates alone */
        add_tasks(a, b);
    it_ice_kick(a);
    /* On one link UDP passes where TCP does. */
    if (!tcp && b->kind == IT_ICE_HOST && a->cfg.tcp && !it_ip_link_local(b->addr.ip))
        it_ice_tcp_gather(a, now, *b);
}

bool it_ice_base_hosts(const it_ice_base *b, int stream, int component)
{
    return b->kind == IT_ICE_HOST && b->transport == IT_ICE_UDP && !b->superseded && b->stream == stream &&
           b->component == component;
}

/* RFC 8421 section 4, RFC 8445 section 5.1.2.2: where |b| stands when IPv6 and IPv4 take turns, IPv6 first, each family
 * in its own order. With one family nothing changes. */
static uint32_t place_of(const it_ice *a, const it_ice_base *b)
{
    uint32_t before = 0, others = 0, least = b->order;
    for (size_t i = 0; i < a->n_bases; i++) {
        const it_ice_base *o = &a->bases[i];
        if (!it_ice_base_hosts(o, b->stream, b->component))
            continue;
        bool same = it_ip_is4(o->addr.ip) == it_ip_is4(b->addr.ip);
        before += same && o->order < b->order;
        others += !same;
        least = o->order < least ? o->order : least;
    }
    uint32_t turns = before + it_ip_is4(b->addr.ip);
    return others ? least + before + (turns < others ? turns : others) : b->order;
}

/* Gives the bases that are there when gathering begins their order of preference; those that come later stand behind.
 */
static void intermingle(it_ice *a)
{
    for (size_t i = 0; i < a->n_bases; i++)
        a->bases[i].place = a->bases[i].kind == IT_ICE_HOST ? place_of(a, &a->bases[i]) : a->bases[i].order;
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].transport == IT_ICE_UDP)
            a->bases[i].order = a->bases[i].place;
}

void it_ice_gather(it_ice *a, it_time now)
{
    a->gathering = true;
    if (a->gathered || a->renewing)
        return;
    intermingle(a);
    for (size_t i = 0; i < a->n_bases; i++)
        it_ice_base_gather(a, now, &a->bases[i]);
    it_ice_gather_check_done(a);
}

void it_ice_renew(it_ice *a)
{
    a->renewing = true;
    for (size_t i = 0; i < a->n_bases; i++)
        a->bases[i].superseded = a->bases[i].far.port == 0; /* a tunnel is no socket */
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++)
            a->streams[i].comps[c].n_bases_ever = 0;
}

void it_ice_renewed(it_ice *a, it_time now)
{
    a->renewing = false;
    if (a->gathering)
        it_ice_gather(a, now);
}

bool it_ice_gather_asks(const it_ice *a)
{
    for (size_t i = 0; i < a->n_tasks; i++)
        if (!a->tasks[i].ended)
            return true;
    return it_ice_tcp_pending(a);
}

void it_ice_gather_check_done(it_ice *a)
{
    /* Without any base there is nothing yet to end: one may still come. */
    if (!a->gathering || a->gathered || a->renewing || a->n_bases == 0)
        return;
    /* Where it goes on for good, as an interface may come at any time, there is no end to tell. */
    if (it_ice_gather_asks(a) || a->cfg.behaviour.continual)
        return;
    a->gathered = true;
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_GATHERED}, NULL);
}

static void end_task(it_ice *a, it_ice_gather_task *t)
{
    t->state = IT_ICE_G_DONE;
    t->ended = true;
    it_ice_gather_check_done(a);
}

/* RFC 8445 section 14.3: RTO = MAX(500 ms, Ta * number of reflexive and relayed candidates). */
static it_time gather_rto(const it_ice *a)
{
    it_time rto = it_ice_ta(a) * (it_time)a->n_tasks;
    return rto > a->cfg.timing.rto ? rto : a->cfg.timing.rto;
}

static int start_task(it_ice *a, it_time now, it_ice_gather_task *t, const it_ice_base *b)
{
    if (t->turn) {
        t->state = IT_ICE_G_ASKED;
        return it_ice_relay_start(a, now, t->id, b, t->server, gather_rto(a));
    }
    uint8_t bytes[64], txid[IT_STUN_TXID];
    it_buf buf;
    it_buf_init(&buf, bytes, sizeof bytes);
    it_rng_bytes(&a->rng_txid, txid, sizeof txid);
    /* RFC 8445 section 5.1.1.2: requests to a STUN server are not authenticated. */
    it_stun_begin(&buf, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_put_fingerprint(&buf);
    int n = it_stun_end(&buf);
    IT_ASSERT(n > 0);
    it_stun_timing timing = a->cfg.timing;
    timing.rto = gather_rto(a);
    if (b->transport != IT_ICE_UDP)
        timing = it_ice_tcp_timing(0);
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)b->flow,
                .local = b->addr,
                .remote = a->cfg.stun[t->server],
                .data = it_bytes_of(bytes, (size_t)n)};
    int r = it_stun_trans_start(a->trans, now, io, timing, it_ice_tag(IT_ICE_TAG_GATHER, 0, t->id));
    if (r == 0)
        t->state = IT_ICE_G_ASKED;
    return r;
}

/* Starts a due task of STUN, or of TURN. */
static bool gather_send_some(it_ice *a, it_time now, bool turn)
{
    for (size_t i = 0; i < a->n_tasks; i++) {
        it_ice_gather_task *t = &a->tasks[i];
        if (t->state != IT_ICE_G_DUE || t->turn != turn || (turn && it_ice_relay_leaving(a, t->flow, t->server)))
            continue;
        const it_ice_base *b = it_ice_base_of(a, t->flow);
        IT_ASSERT(b);
        int r = start_task(a, now, t, b);
        if (r) {
            if (r == IT_ERR_NOMEM)
                it_ice_latch(a, r);
            end_task(a, t);
        }
        return true;
    }
    return false;
}

/* Every base's reflexive candidate before any relayed one: it is preferred, and had in one round trip. */
bool it_ice_gather_send(it_ice *a, it_time now)
{
    return gather_send_some(a, now, false) || gather_send_some(a, now, true);
}

static it_ice_gather_task *task_by_id(it_ice *a, uint32_t id)
{
    for (size_t i = 0; i < a->n_tasks; i++)
        if (a->tasks[i].id == id)
            return &a->tasks[i];
    return NULL;
}

/* RFC 8838 section 13: none after the end of candidates (the mapping moved), none after nomination. */
static bool takes_srflx(it_ice *a, const it_ice_gather_task *t, const it_ice_base *b)
{
    const it_ice_comp *comp = it_ice_comp_of(a, b->stream, b->component);
    return !t->ended && !(comp && comp->nominated && !a->cfg.behaviour.continual);
}

static void add_srflx(it_ice *a, it_time now, it_ice_gather_task *t, const it_ice_base *b, it_addr mapped)
{
    if (!it_ice_local_find(a, b->stream, b->component, b->flow, mapped)) {
        if (!takes_srflx(a, t, b))
            return;
        if (!local_reflexive(a, b, t->server, t->turn, mapped))
            return;
    }
    /* RFC 8445 section 5.1.1.4: the binding MUST be kept alive until ICE has completed. By TCP the connection does
     * that, of a relay its own keepalives. */
    if (!it_addr_eq(mapped, b->addr) && !t->turn && b->transport == IT_ICE_UDP)
        t->refresh_at = now + a->cfg.keepalive;
}

/* The address that a server's response |m| says; false when it says none. RFC 8445 section 5.1.1.2: servers of RFC
 * 3489's time answer with MAPPED-ADDRESS only; ALTERNATE-SERVER is ignored. */
static bool mapped_by(const it_stun_msg *m, it_addr *mapped)
{
    if (m->cls != IT_STUN_SUCCESS || it_ice_not_understood(m))
        return false;
    return it_stun_get_addr(m, IT_STUN_XOR_MAPPED_ADDRESS, mapped) == 0 ||
           it_stun_get_addr(m, IT_STUN_MAPPED_ADDRESS, mapped) == 0;
}

void it_ice_gather_response(it_ice *a, it_time now, const it_ice_resp *r)
{
    it_ice_gather_task *t = task_by_id(a, it_ice_tag_id(r->tag));
    it_addr mapped;
    if (!t || !it_addr_eq(r->in->remote, r->remote) || r->in->flow != r->flow)
        return;
    it_stun_trans_end(a->trans, r->msg->txid);
    const it_ice_base *b = it_ice_base_of(a, t->flow);
    t->refresh_at = IT_NEVER;
    if (mapped_by(r->msg, &mapped) && b && usable(mapped, b->addr))
        add_srflx(a, now, t, b, mapped);
    end_task(a, t);
}

void it_ice_gather_relayed(it_ice *a, it_time now, uint32_t task, it_addr mapped)
{
    it_ice_gather_task *t = task_by_id(a, task);
    const it_ice_base *b = t ? it_ice_base_of(a, t->flow) : NULL;
    if (!t || t->ended)
        return;
    /* RFC 8445 section 5.1.1.2: an Allocate response has a reflexive address, too. */
    if (b && usable(mapped, b->addr) && !asks_stun(a, b))
        add_srflx(a, now, t, b, mapped);
    end_task(a, t);
}

void it_ice_gather_timeout(it_ice *a, it_time now, uint32_t id)
{
    (void)now;
    it_ice_gather_task *t = task_by_id(a, id);
    if (t && t->state == IT_ICE_G_ASKED)
        end_task(a, t);
}

void it_ice_gather_refused(it_ice *a, int flow, it_addr remote)
{
    for (size_t i = 0; i < a->n_tasks; i++) {
        it_ice_gather_task *t = &a->tasks[i];
        if (t->flow != flow || t->turn || t->state != IT_ICE_G_ASKED || !it_addr_eq(a->cfg.stun[t->server], remote))
            continue;
        it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_GATHER, 0, t->id));
        end_task(a, t);
    }
}

/* While a checklist may still need the mappings. */
static bool refreshing(const it_ice *a)
{
    return !a->completed;
}

void it_ice_gather_refresh(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_tasks; i++) {
        it_ice_gather_task *t = &a->tasks[i];
        if (!refreshing(a) || t->state != IT_ICE_G_DONE || now < t->refresh_at)
            continue;
        t->refresh_at = IT_NEVER;
        t->state = IT_ICE_G_DUE;
        it_ice_kick(a);
    }
}

it_time it_ice_gather_next(const it_ice *a)
{
    it_time at = IT_NEVER;
    for (size_t i = 0; refreshing(a) && i < a->n_tasks; i++)
        if (a->tasks[i].state == IT_ICE_G_DONE && a->tasks[i].refresh_at < at)
            at = a->tasks[i].refresh_at;
    return at;
}

/* --- bases that go --- */

static void drop_pairs(it_ice *a, it_time now, int stream, int flow)
{
    it_ice_stream *s = &a->streams[stream];
    for (size_t i = s->n_pairs; i-- > 0;) {
        const it_ice_pair *p = s->pairs[i];
        if (p->local.flow == flow || (p->valid && p->valid_local.flow == flow))
            it_ice_pair_take(a, s, i);
    }
    it_ice_losses_settle(a, now, stream, a->cfg.behaviour.continual);
}

static void drop_tasks(it_ice *a, int flow)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_tasks; i++) {
        if (a->tasks[i].flow == flow)
            it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_GATHER, 0, a->tasks[i].id));
        else
            a->tasks[kept++] = a->tasks[i];
    }
    a->n_tasks = kept;
}

/* Tells that local candidate |l| is gone, unless nobody needs to know: where ICE has concluded for good its candidates
 * are of no use any more (RFC 8445 section 8.3). */
static void tell_removed(it_ice *a, const it_ice_local *l)
{
    const it_ice_stream *s = &a->streams[l->stream];
    if (s->ended || (s->state == IT_ICE_LIST_COMPLETED && !a->cfg.behaviour.continual))
        return;
    if (it_ice_is_tunnel(l->c.addr.ip)) /* nobody was told of it */
        return;
    it_ice_event ev = {.kind = IT_ICE_REMOVED, .stream = l->stream, .component = l->c.component};
    it_ice_say(a, &ev, &l->c);
}

static void drop_candidates(it_ice *a, int flow)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_locals; i++) {
        if (a->locals[i].c.flow != flow)
            a->locals[kept++] = a->locals[i];
        else
            tell_removed(a, &a->locals[i]);
    }
    a->n_locals = kept;
    kept = 0;
    for (size_t i = 0; i < a->n_early; i++)
        if (a->early[i].flow != flow)
            a->early[kept++] = a->early[i];
    a->n_early = kept;
}

static void drop_selected(it_ice *a, it_time now, int flow)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++) {
            const it_ice_sel *s = &a->streams[i].comps[c - 1].sel;
            if (s->gen && s->view.local.flow == flow)
                it_ice_sel_lose(a, now, (int)i, c);
        }
}

/* Those by TCP go with the base that they are beside. */
static void drop_beside(it_ice *a, it_time now, int flow)
{
    for (size_t i = 0; i < a->n_bases;) {
        if (a->bases[i].transport != IT_ICE_UDP && a->bases[i].parent == flow)
            it_ice_remove_base(a, now, a->bases[i].flow);
        else
            i++;
    }
}

void it_ice_base_drop(it_ice *a, it_time now, int flow)
{
    it_ice_base *b = it_ice_base_of(a, flow);
    if (!b)
        return;
    size_t at = (size_t)(b - a->bases);
    if (b->transport != IT_ICE_UDP)
        it_ice_tcp_drop(a, b);
    drop_selected(a, now, flow);
    drop_tasks(a, flow);
    drop_candidates(a, flow);
    for (size_t i = 0; i < a->n_streams; i++)
        drop_pairs(a, now, (int)i, flow);
    memmove(b, b + 1, (a->n_bases - at - 1) * sizeof *b);
    a->n_bases--;
    drop_beside(a, now, flow);
    it_ice_gather_check_done(a);
    it_ice_kick_next(a, now); /* a stream may end in output */
}

void it_ice_remove_base(it_ice *a, it_time now, int flow)
{
    it_ice_relay_base_gone(a, now, flow); /* those of an ended stream, too, whose base is no longer here */
    it_ice_base_drop(a, now, flow);
}
