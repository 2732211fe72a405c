/* ICE over TCP (RFC 6544): candidates, the connections of pairs, what comes through them and their end.
 *
 *     host base --> active:  no socket; each pair opens a connection from a port of its own
 *               --> passive: a listening port; who connects there is peer-reflexive
 *               --> so:      a listening port from which pairs connect, too (simultaneous open)
 *
 * Each is a base with a flow number of its own, and what is sent by it to an address goes through the connection with
 * that address, as a datagram would: checks, their answers, consent and data. A check opens the connection that it
 * lacks. A restart makes new bases; those of an earlier generation stay while a selected pair uses them (section 9.2).
 *
 * Section 11.1 wants a selected pair's connection that has ended to be opened again, with a check: a restart does both,
 * and the owner is told (LOST, with the reason) to begin one. */
#include "stack/ice/impl.h"

#define TCP_TI (39500 * IT_MS) /* RFC 8489 section 6.2.2: a request over TCP is sent once and waited for so long */
#define TCP_NOMINATE (10 * IT_SEC)
#define TCP_NOMINATE_SPARE (5 * IT_SEC) /* when there is another pair to nominate */

bool it_ice_tcp_is(int flow)
{
    return flow >= (int)IT_ICE_TCP_FLOW && flow < (int)IT_IO_BOUND_FLOW;
}

uint32_t it_ice_tcp_base(const it_ice *a, uint32_t flow)
{
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].transport != IT_ICE_UDP && (uint32_t)a->bases[i].flow == flow)
            return (uint32_t)a->bases[i].parent;
    return flow;
}

/* --- gathering: sections 4.1 and 5 --- */

/* Adds a base of |transport| beside base |parent|. */
static void tcp_add(it_ice *a, it_ice_base parent, enum it_ice_transport transport)
{
    if (a->n_bases >= IT_ICE_BASES_MAX)
        return;
    if (it_grow(a->cfg.alloc, &a->bases, &a->cap_bases, a->n_bases + 1, sizeof a->bases[0])) {
        it_ice_latch(a, IT_ERR_NOMEM);
        return;
    }
    bool listens = transport != IT_ICE_TCP_ACTIVE;
    uint32_t n = a->last_tcp++;
    a->bases[a->n_bases++] = (it_ice_base){
        .kind = IT_ICE_HOST,
        .transport = transport,
        .stream = parent.stream,
        .component = parent.component,
        .flow = (int)(IT_ICE_TCP_FLOW + n),
        .parent = parent.flow,
        .addr = it_addr_of(parent.addr.ip, listens ? 0 : IT_ICE_TCP_DISCARD), /* section 4.5 */
        .order = parent.order,
        .listen = listens ? IT_ICE_TCP_LISTEN + n : 0,
        .socket = listens ? IT_ICE_TCP_WANTED : IT_ICE_TCP_READY,
    };
}

void it_ice_tcp_gather(it_ice *a, it_time now, it_ice_base parent)
{
    static const struct {
        unsigned bit;
        enum it_ice_transport transport;
    } KINDS[] = {{IT_ICE_WITH_ACTIVE, IT_ICE_TCP_ACTIVE},
                 {IT_ICE_WITH_PASSIVE, IT_ICE_TCP_PASSIVE},
                 {IT_ICE_WITH_SO, IT_ICE_TCP_SO}};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        bool lite_has = KINDS[i].transport == IT_ICE_TCP_PASSIVE; /* section 4.4 */
        if (!(a->cfg.tcp & KINDS[i].bit) || (a->cfg.behaviour.lite && !lite_has))
            continue;
        size_t at = a->n_bases;
        tcp_add(a, parent, KINDS[i].transport);
        if (a->n_bases > at && a->bases[at].socket == IT_ICE_TCP_READY)
            it_ice_base_gather(a, now, &a->bases[at]);
    }
}

bool it_ice_tcp_pending(const it_ice *a)
{
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].transport != IT_ICE_UDP && a->bases[i].socket != IT_ICE_TCP_READY && !a->bases[i].retired)
            return true;
    return false;
}

static it_ice_base *by_listen(it_ice *a, uint32_t flow)
{
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].listen && a->bases[i].listen == flow)
            return &a->bases[i];
    return NULL;
}

/* The listening port of |b| is there, or was refused. */
static void tcp_listening(it_ice *a, it_time now, it_ice_base *b, it_addr local)
{
    if (b->socket != IT_ICE_TCP_ASKED)
        return;
    if (local.port == 0) {
        b->listen = 0;
        it_ice_remove_base(a, now, b->flow);
        return;
    }
    b->addr = local;
    b->socket = IT_ICE_TCP_READY;
    /* RFC 8838 section 13: none after the end of candidates. */
    if (!b->retired && a->gathering && !a->gathered)
        it_ice_base_gather(a, now, b);
    it_ice_gather_check_done(a);
}

/* --- bases that go --- */

/* Puts down that the listening port of |b| is to be closed. */
static void tcp_unlisten(it_ice *a, it_ice_base *b)
{
    if (!b->listen || b->socket == IT_ICE_TCP_WANTED) {
        b->listen = 0;
        return;
    }
    if (it_grow(a->cfg.alloc, &a->unbinds, &a->cap_unbinds, a->n_unbinds + 1, sizeof a->unbinds[0]))
        it_ice_latch(a, IT_ERR_NOMEM);
    else
        a->unbinds[a->n_unbinds++] = b->listen;
    b->listen = 0;
}

void it_ice_tcp_drop(it_ice *a, it_ice_base *b)
{
    tcp_unlisten(a, b);
    it_ice_conns_close(&a->conns, b->flow);
}

static bool tcp_selected(const it_ice *a, int flow, const it_addr *remote)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            const it_ice_sel *s = &a->streams[i].comps[c].sel;
            if (s->gen && s->view.local.flow == flow && (!remote || it_addr_eq(s->view.remote.addr, *remote)))
                return true;
        }
    return false;
}

/* Closes the connections that no selected pair uses; |all| bases, or those of earlier generations. */
static void tcp_close_others(it_ice *a, bool all)
{
    for (size_t i = 0; i < a->conns.n; i++) {
        it_ice_conn *c = a->conns.v[i];
        const it_ice_base *b = it_ice_base_of(a, c->base);
        if ((all || !b || b->retired) && !tcp_selected(a, c->base, &c->remote))
            it_ice_conn_close(c);
    }
}

void it_ice_tcp_retire(it_ice *a)
{
    for (size_t i = 0; i < a->n_bases; i++) {
        it_ice_base *b = &a->bases[i];
        if (b->transport == IT_ICE_UDP || b->retired)
            continue;
        b->retired = true;
        tcp_unlisten(a, b);
    }
    tcp_close_others(a, false);
}

void it_ice_tcp_tick(it_ice *a, it_time now)
{
    for (size_t i = a->n_bases; i-- > 0;) {
        const it_ice_base *b = &a->bases[i];
        if (b->retired && !tcp_selected(a, b->flow, NULL)) {
            it_ice_conns_close(&a->conns, b->flow);
            it_ice_remove_base(a, now, b->flow);
        }
    }
    /* Sections 8 and 11.2: when all is done connections that were not selected are closed, those to servers too. As the
     * far side may be a moment behind, after the time of RFC 8445 section 8.3.1. */
    if (a->completed && now >= a->completed_at + IT_ICE_LINGER && !a->tcp_closed) {
        a->tcp_closed = true;
        tcp_close_others(a, true);
    }
}

it_time it_ice_tcp_next(const it_ice *a)
{
    return a->completed && !a->tcp_closed && a->cfg.tcp ? a->completed_at + IT_ICE_LINGER : IT_NEVER;
}

void it_ice_tcp_release(it_ice *a)
{
    for (size_t i = 0; i < a->n_bases; i++)
        if (a->bases[i].transport != IT_ICE_UDP)
            it_ice_tcp_drop(a, &a->bases[i]);
}

/* --- what is sent --- */

static bool is_server(const it_ice *a, it_addr remote)
{
    for (int i = 0; i < a->cfg.n_stun; i++)
        if (it_addr_eq(a->cfg.stun[i], remote))
            return true;
    return false;
}

/* The connection of |b| with |remote|, opened when it is missing and |b| may do so; NULL: there is none. */
static it_ice_conn *tcp_connection(it_ice *a, const it_ice_base *b, it_addr remote)
{
    it_ice_conn *c = it_ice_conns_find(&a->conns, b->flow, remote);
    bool server = is_server(a, remote);
    if (c || b->retired || (b->transport == IT_ICE_TCP_PASSIVE && !server))
        return c;
    it_addr local = b->addr;
    if (b->transport == IT_ICE_TCP_ACTIVE)
        local.port = 0; /* section 7.1: from an unallocated port */
    return it_ice_conns_open(&a->conns, b->flow, local, remote, server);
}

bool it_ice_tcp_send(it_ice *a, it_time now, const it_io *io)
{
    (void)now;
    if (io->kind != IT_IO_DGRAM || !it_ice_tcp_is((int)io->flow))
        return false;
    const it_ice_base *b = it_ice_base_of(a, (int)io->flow);
    it_ice_conn *c = b ? tcp_connection(a, b, io->remote) : NULL;
    if (c && it_ice_conn_send(&a->conns, c, io->data) == IT_ERR_NOMEM)
        it_ice_latch(a, IT_ERR_NOMEM);
    return true;
}

it_stun_timing it_ice_tcp_timing(it_time rto)
{
    return (it_stun_timing){.rto = rto ? rto : TCP_TI, .rc = 1, .rm = 1};
}

it_stun_timing it_ice_tcp_nominate_timing(bool spare)
{
    return it_ice_tcp_timing(spare ? TCP_NOMINATE_SPARE : TCP_NOMINATE);
}

int it_ice_tcp_output(it_ice *a, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (size_t i = 0; i < a->n_bases; i++) {
        it_ice_base *b = &a->bases[i];
        if (!b->listen || b->socket != IT_ICE_TCP_WANTED || b->retired)
            continue;
        b->socket = IT_ICE_TCP_ASKED;
        *out = (it_io){.kind = IT_IO_LISTEN, .flow = b->listen, .local = b->addr};
        return 1;
    }
    if (a->n_unbinds) {
        *out = (it_io){.kind = IT_IO_UNBIND, .flow = a->unbinds[--a->n_unbinds]};
        return 1;
    }
    return it_ice_conns_output(&a->conns, now, out, buf, cap);
}

/* --- what comes in --- */

/* The selected pair of a component that went by |flow| to |remote| is lost: its connection has ended. */
static void tcp_lost(it_ice *a, it_time now, int flow, it_addr remote, const char *why)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            it_ice_comp *comp = &a->streams[i].comps[c];
            const it_ice_sel *s = &comp->sel;
            if (!s->gen || s->view.local.flow != flow || !it_addr_eq(s->view.remote.addr, remote))
                continue;
            it_ice_sel_drop(a, now, comp);
            it_ice_event ev = {.kind = IT_ICE_LOST, .stream = (int)i, .component = c + 1, .why = why};
            it_ice_say(a, &ev, NULL);
        }
}

/* Section 7.1: without a connection the pairs that need it have failed. */
static void tcp_pairs_fail(it_ice *a, int flow, it_addr remote)
{
    const it_ice_base *b = it_ice_base_of(a, flow);
    it_ice_stream *s = b ? &a->streams[b->stream] : NULL;
    for (size_t i = 0; s && i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->local.flow != flow || !it_addr_eq(p->remote.addr, remote))
            continue;
        bool valid = p->valid;
        it_ice_comp *c = &s->comps[p->local.component - 1];
        p->valid = false;
        if (c->nominated == p->id)
            c->nominated = 0;
        p->nominated = false;
        if (p->state == IT_ICE_SUCCEEDED)
            p->state = IT_ICE_PAIR_FAILED;
        it_ice_pair_refuse(a, p);
        if (valid)
            it_ice_valid_lost(a, p->stream, p->local.component);
    }
}

/* Tells what became of connections that have ended. */
static void tcp_ends(it_ice *a, it_time now)
{
    int flow;
    it_addr remote;
    const char *why;
    while (it_ice_conns_ended(&a->conns, &flow, &remote, &why)) {
        tcp_lost(a, now, flow, remote, why);
        tcp_pairs_fail(a, flow, remote);
        it_ice_gather_refused(a, flow, remote);
    }
    it_ice_lists_update(a, now);
    it_ice_nominate(a, now);
}

static bool tcp_accepted(it_ice *a, const it_io *in, int *taken)
{
    for (size_t i = 0; i < a->n_bases; i++) {
        const it_ice_base *b = &a->bases[i];
        if (b->transport == IT_ICE_UDP || b->transport == IT_ICE_TCP_ACTIVE || !it_addr_eq(b->addr, in->local))
            continue;
        *taken = it_ice_conns_accept(&a->conns, b->flow, in);
        return true;
    }
    return false;
}

bool it_ice_tcp_input(it_ice *a, it_time now, const it_io *in, int *taken)
{
    it_ice_base *b = by_listen(a, in->flow);
    *taken = 0;
    switch (in->kind) {
    case IT_IO_LISTENING:
        if (b)
            tcp_listening(a, now, b, in->local);
        return b != NULL;
    case IT_IO_UNBIND:
        if (!b)
            return false;
        b->listen = 0;
        it_ice_remove_base(a, now, b->flow);
        return true;
    case IT_IO_ACCEPTED:
        return tcp_accepted(a, in, taken);
    default:
        if (!it_ice_conns_input(&a->conns, now, in, taken))
            return false;
        tcp_ends(a, now);
        return true;
    }
}

bool it_ice_tcp_take(it_ice *a, it_time now, it_io *in)
{
    it_ice_conn *c;
    it_bytes data;
    bool first;
    while (it_ice_conns_take(&a->conns, &c, &data, &first)) {
        const it_ice_base *b = it_ice_base_of(a, c->base);
        if (!b)
            continue;
        /* Section 7.1: what answers otherwise than by STUN is not the far side. */
        if (first && !c->accepted && !it_stun_is(data)) {
            int flow = c->base;
            it_addr remote = c->remote;
            it_ice_conn_close(c);
            it_ice_blame(a, b->stream, b->component,
                         "an answer that is no STUN on a new connection, RFC 6544 section 7.1");
            tcp_pairs_fail(a, flow, remote);
            it_ice_lists_update(a, now);
            continue;
        }
        *in = (it_io){
            .kind = IT_IO_DGRAM, .flow = (uint32_t)b->flow, .local = b->addr, .remote = c->remote, .data = data};
        return true;
    }
    return false;
}
