/* Model B's sockets: the bases that the owner gives carry the first transport; for every other one a socket is bound
 * beside each. */
#include "stack/b/impl.h"

#include <string.h>

int it_b_transport_of(const it_b *b, uint32_t flow)
{
    if (it_b_web_transport(flow) >= 0)
        return it_b_web_transport(flow);
    flow = it_ice_tcp_base(b->ice, it_ice_relay_base(b->ice, flow));
    if (flow < IT_ICE_RELAY_STREAM)
        return 0;
    for (size_t i = 0; i < b->n_sockets; i++)
        if (b->socket[i].flow == flow)
            return b->socket[i].transport;
    return -1;
}

/* --- sockets of our own --- */

/* Asks for a socket of transport |t| beside base |base|. Returns 0 or IT_ERR_NOMEM. */
static int want_socket(it_b *b, int t, int of, it_addr base)
{
    if (it_grow(b->alloc, &b->socket, &b->cap_sockets, b->n_sockets + 1, sizeof *b->socket) < 0)
        return IT_ERR_NOMEM;
    b->socket[b->n_sockets++] = (b_socket){
        .flow = IT_IO_BOUND_FLOW + b->last_flow++, .of = of, .transport = t, .local = it_addr_of(base.ip, 0)};
    b->n_pending++;
    return 0;
}

int it_b_bind_out(it_b *b, it_io *out)
{
    for (size_t i = 0; i < b->n_sockets && b->n_pending; i++) {
        b_socket *s = &b->socket[i];
        if (s->asked)
            continue;
        s->asked = true;
        *out = (it_io){.kind = IT_IO_BIND, .flow = s->flow, .local = s->local};
        return 1;
    }
    return 0;
}

static void forget_socket(it_b *b, size_t i)
{
    b->n_pending -= !b->socket[i].bound;
    memmove(&b->socket[i], &b->socket[i + 1], (b->n_sockets - i - 1) * sizeof *b->socket);
    b->n_sockets--;
}

/* Sockets of transport |t|. */
static int sockets_of(const it_b *b, int t)
{
    int n = 0;
    for (size_t i = 0; i < b->n_sockets; i++)
        n += b->socket[i].bound && b->socket[i].transport == t;
    return t == 0 ? b->n_bases : n;
}

/* --- bases that come --- */

/* Every socket of an interface that came is there. */
static void sockets_ready(it_b *b, it_time now)
{
    bool settled = true;
    if (!b->started)
        return;
    if (b->renewing) {
        b->renewing = false;
        it_ice_renewed(b->ice, now);
        return;
    }
    if (b->gather_due) {
        it_b_gather(b, now);
        return;
    }
    for (int i = 0; i < b->n_transports; i++)
        settled &= !it_b_lives(&b->transport[i]) || b->transport[i].conn.settled;
    /* After the end of gathering a new base can be told to the far side by a restart only (RFC 8838 section 13). */
    if (b->cfg.restart && !settled && b->heard && !b->cfg.behaviour.continual)
        it_b_want_restart(b, now);
}

void it_b_gather(it_b *b, it_time now)
{
    b->gather_due = b->n_pending > 0;
    if (!b->gather_due)
        it_ice_gather(b->ice, now);
}

/* Gives ICE base |flow| of transport |t|. Returns 0 or an error. */
static int ice_base(it_b *b, it_time now, int t, int flow, it_addr base)
{
    const b_transport *x = &b->transport[t];
    if (!it_b_lives(x))
        return 0;
    return it_ice_add_base(b->ice, now, x->stream, x->component, flow, base);
}

/* Tells the application, whichever transports still live. */
static void base_told(it_b *b, it_time now, const it_conn_socket *s)
{
    it_model_event ev = {.kind = IT_EV_NETWORK, .at = now, .flow = s->flow, .up = s->up, .base = s->base};
    it_evq_put(&b->events, &ev, -1);
}

int it_b_add_base(it_b *b, it_time now, int flow, it_addr base)
{
    if (it_b_over(b))
        return 0;
    if (b->n_bases == B_BASES)
        return IT_ERR_FULL;
    int err = ice_base(b, now, 0, flow, base);
    for (int t = 1; t < b->n_transports && err >= 0; t++)
        if (it_b_lives(&b->transport[t]))
            err = want_socket(b, t, flow, base);
    if (err < 0)
        return err;
    b->bases[b->n_bases++] = (it_conn_socket){flow, true, base};
    if (!b->started)
        return 0;
    base_told(b, now, &b->bases[b->n_bases - 1]);
    if (b->n_pending == 0)
        sockets_ready(b, now);
    it_b_pump(b, now);
    return 0;
}

/* The answer to the BIND of socket |i|; port 0: refused, and the transport goes without. */
static int socket_bound(it_b *b, it_time now, size_t i, it_addr local)
{
    b_socket *s = &b->socket[i];
    int err = 0;
    if (s->bound)
        return 0;
    if (local.port) {
        s->bound = true;
        s->local = local;
        b->n_pending--;
        err = ice_base(b, now, s->transport, (int)s->flow, local);
    } else {
        forget_socket(b, i);
    }
    if (b->n_pending == 0 && err >= 0 && !it_b_over(b))
        sockets_ready(b, now);
    return err < 0 ? err : 0;
}

/* --- bases that go --- */

/* Socket |flow| of transport |t| is gone, |left| are there now. */
static void socket_lost(it_b *b, it_time now, int t, int flow, int left)
{
    b_transport *x = &b->transport[t];
    it_gate_drop_base(&b->gate, flow);
    if (x->conn.has_path && x->conn.path.flow == flow)
        it_conn_lose(&x->conn);
    it_ice_remove_base(b->ice, now, flow);
    it_b_base_gone(b, now, x, left);
}

void it_b_remove_base(it_b *b, it_time now, int flow)
{
    for (int i = 0; i < b->n_bases; i++) {
        it_conn_socket s = b->bases[i];
        if (s.flow != flow)
            continue;
        s.up = false;
        memmove(&b->bases[i], &b->bases[i + 1], (size_t)(b->n_bases - i - 1) * sizeof *b->bases);
        b->n_bases--;
        if (it_b_over(b))
            return;
        if (b->started)
            base_told(b, now, &s);
        socket_lost(b, now, 0, flow, b->n_bases);
        it_b_pump(b, now);
        return;
    }
}

/* Socket |i| is gone: the host has lost its address. One that was never there is missed by nobody, but gathering may
 * have waited for it alone. */
static void socket_gone(it_b *b, it_time now, size_t i)
{
    const b_socket x = b->socket[i];
    forget_socket(b, i);
    if (it_b_over(b))
        return;
    if (x.bound)
        socket_lost(b, now, x.transport, (int)x.flow, sockets_of(b, x.transport));
    else if (b->n_pending == 0)
        sockets_ready(b, now);
}

int it_b_socket_in(it_b *b, it_time now, const it_io *in)
{
    for (size_t i = 0; i < b->n_sockets; i++) {
        if (b->socket[i].flow != in->flow)
            continue;
        int err = 0;
        if (in->kind == IT_IO_UNBIND)
            socket_gone(b, now, i);
        else if (!it_b_over(b) || in->local.port)
            err = socket_bound(b, now, i, in->local);
        else
            forget_socket(b, i);
        if (b->started)
            it_b_pump(b, now);
        return err;
    }
    return 0;
}

/* --- fresh sockets --- */

/* Takes socket |s| out of use: UNBIND is due. */
static void leave_socket(it_b *b, it_time now, b_socket *s)
{
    s->leaving = true;
    it_gate_drop_base(&b->gate, (int)s->flow);
    it_ice_remove_base(b->ice, now, (int)s->flow);
}

static bool is_superseded(const it_b *b, uint32_t flow)
{
    return flow < IT_IO_BOUND_FLOW + b->fresh_from;
}

/* True when a transport goes by base |flow| as yet, itself or by a relay or a connection of its. */
static bool in_use(const it_b *b, uint32_t flow)
{
    for (int i = 0; i < b->n_transports; i++) {
        const it_conn *c = &b->transport[i].conn;
        uint32_t by = (uint32_t)c->path.flow;
        if (c->has_path && it_ice_tcp_base(b->ice, it_ice_relay_base(b->ice, by)) == flow)
            return true;
    }
    return false;
}

/* Takes the owner's bases out of use, which keeps them itself. */
static void leave_owners(it_b *b, it_time now, bool all)
{
    for (int i = 0; i < b->n_bases; i++) {
        int flow = b->bases[i].flow;
        if (!all && in_use(b, (uint32_t)flow))
            continue;
        it_gate_drop_base(&b->gate, flow);
        it_ice_remove_base(b->ice, now, flow);
    }
}

/* Gives back what fresh sockets have superseded; |all|: even what is in use. */
static void leave_superseded(it_b *b, it_time now, bool all)
{
    leave_owners(b, now, all);
    for (size_t i = 0; i < b->n_sockets; i++) {
        b_socket *s = &b->socket[i];
        if (s->bound && !s->leaving && is_superseded(b, s->flow) && (all || !in_use(b, s->flow)))
            leave_socket(b, now, s);
    }
}

void it_b_renew_sockets(it_b *b, it_time now)
{
    b->fresh_from = b->last_flow;
    b->old_until = IT_NEVER;
    b->renewing = b->superseding = true;
    leave_superseded(b, now, false);
    it_ice_renew(b->ice);
    for (int i = 0; i < b->n_bases; i++)
        for (int t = 0; t < b->n_transports; t++)
            if (it_b_lives(&b->transport[t]) && want_socket(b, t, b->bases[i].flow, b->bases[i].base) < 0)
                b->events.oom = true;
    if (b->n_pending == 0)
        sockets_ready(b, now);
}

void it_b_sockets_settled(it_b *b, it_time now)
{
    if (b->superseding)
        b->old_until = now + B_LINGER;
}

/* --- sockets that are given back --- */

void it_b_sockets_free(it_b *b, it_time now, int t)
{
    if (b->transport[t].free_at == IT_NEVER)
        b->transport[t].free_at = now + B_LINGER;
}

void it_b_sockets_tick(it_b *b, it_time now)
{
    for (size_t i = 0; i < b->n_sockets; i++) {
        b_socket *s = &b->socket[i];
        if (s->leaving || !s->bound || now < b->transport[s->transport].free_at)
            continue;
        leave_socket(b, now, s);
    }
    if (now >= b->old_until) {
        b->old_until = IT_NEVER;
        b->superseding = false;
        leave_superseded(b, now, true);
    }
}

it_time it_b_sockets_next(const it_b *b)
{
    it_time at = b->old_until;
    for (size_t i = 0; i < b->n_sockets; i++) {
        const b_socket *s = &b->socket[i];
        if (s->bound && !s->leaving && b->transport[s->transport].free_at < at)
            at = b->transport[s->transport].free_at;
    }
    return at;
}

int it_b_unbind_out(it_b *b, it_io *out)
{
    bool all = it_b_over(b);
    for (size_t i = 0; i < b->n_sockets; i++) {
        const b_socket *s = &b->socket[i];
        if (!s->bound || !(all || s->leaving))
            continue;
        *out = (it_io){.kind = IT_IO_UNBIND, .flow = s->flow, .local = s->local};
        forget_socket(b, i);
        return 1;
    }
    return 0;
}
