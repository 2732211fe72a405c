/* Whose a flow is. The calls of an A and its client of the rendezvous each give numbers to their sockets and streams as
 * if they were alone; the driver sees other ones. Bases of the driver's are those of the client and of the only call of
 * who dials as they are; each call of who listens has sockets of its own beside them. */
#include "stack/a/impl.h"

static a_flow *ways_outer(it_a *a, uint32_t outer, bool stream)
{
    for (size_t i = 0; i < a->n_flows; i++)
        if (a->flow[i].outer == outer && a->flow[i].stream == stream)
            return &a->flow[i];
    return NULL;
}

static a_flow *ways_inner(it_a *a, uint32_t serial, uint32_t inner, bool stream)
{
    for (size_t i = 0; i < a->n_flows; i++) {
        a_flow *f = &a->flow[i];
        if (f->serial == serial && f->inner == inner && f->stream == stream && !f->leaving)
            return f;
    }
    return NULL;
}

static a_flow *ways_add(it_a *a, uint32_t serial, uint32_t inner, uint32_t outer, bool stream)
{
    if (it_grow(a->alloc, &a->flow, &a->cap_flows, a->n_flows + 1, sizeof *a->flow) < 0)
        return NULL;
    a_flow *f = &a->flow[a->n_flows++];
    *f = (a_flow){.outer = outer, .inner = inner, .serial = serial, .stream = stream};
    return f;
}

static void ways_drop(it_a *a, a_flow *f)
{
    for (a_flow *last = &a->flow[--a->n_flows]; f < last; f++) /* in the order in which they came to be */
        f[0] = f[1];
}

static bool is_stream(const it_io *io)
{
    return io->kind == IT_IO_OPEN || io->kind == IT_IO_OPENED || io->kind == IT_IO_ACCEPTED || io->kind == IT_IO_DATA ||
           io->kind == IT_IO_WRITABLE || io->kind == IT_IO_FIN || io->kind == IT_IO_RST;
}

/* --- sockets of our own --- */

/* Whether calls have sockets beside the driver's. */
static bool has_own(const it_a *a)
{
    return a->cfg.listen;
}

static int ask_base(it_a *a, const a_call *c, const it_conn_socket *base)
{
    a_flow *f = ways_add(a, c->serial, (uint32_t)base->flow, IT_IO_BOUND_FLOW + a->n_bound, false);
    if (!f)
        return IT_ERR_NOMEM;
    a->n_bound++;
    f->base = true;
    f->local = it_addr_of(base->base.ip, 0);
    return 0;
}

int it_a_call_sockets(it_a *a, a_call *c)
{
    int err = 0;
    for (int i = 0; i < a->n_bases && err == 0; i++) {
        if (has_own(a))
            err = ask_base(a, c, &a->bases[i]);
        else
            err = it_b_add_base(c->b, 0, a->bases[i].flow, a->bases[i].base);
        err = err == IT_ERR_RANGE || err == IT_ERR_FULL ? 0 : err;
    }
    return err;
}

bool it_a_call_has_sockets(const it_a *a, const a_call *c)
{
    for (size_t i = 0; i < a->n_flows; i++)
        if (a->flow[i].serial == c->serial && a->flow[i].base && a->flow[i].local.port == 0)
            return false;
    return true;
}

static int keep_base(it_a *a, const it_io *in)
{
    if (a->n_bases == A_BASES)
        return 0; /* one too many does nothing (stack/object.h) */
    a->bases[a->n_bases++] = (it_conn_socket){(int)in->flow, true, in->local};
    return 1;
}

/* Base |in| of the driver's is gone: true when it was one of ours. */
static bool forget_base(it_a *a, const it_io *in)
{
    int i = 0;
    while (i < a->n_bases && a->bases[i].flow != (int)in->flow)
        i++;
    if (i == a->n_bases)
        return false;
    for (a->n_bases--; i < a->n_bases; i++)
        a->bases[i] = a->bases[i + 1];
    return true;
}

/* The base of ours is gone beside which call |c| has a socket: so is that. */
static int lose_base(it_a *a, it_time now, a_call *c, const it_io *in)
{
    a_flow *f = ways_inner(a, c->serial, in->flow, false);
    if (!f)
        return 0;
    it_io gone = *in;
    gone.local = f->local;
    f->leaving = true;
    return it_b_input(c->b, now, &gone);
}

/* Call |c| hears that base |in| of the driver's came or went. */
static int tell_base(it_a *a, it_time now, a_call *c, const it_io *in)
{
    if (!has_own(a))
        return it_b_input(c->b, now, in);
    if (in->kind == IT_IO_BOUND)
        return ask_base(a, c, &a->bases[a->n_bases - 1]);
    return lose_base(a, now, c, in);
}

int it_a_base_in(it_a *a, it_time now, const it_io *in)
{
    bool up = in->kind == IT_IO_BOUND;
    int used = up ? keep_base(a, in) : forget_base(a, in), err = 0;
    for (int i = 0; i < A_SLOTS && used && err >= 0; i++) {
        a_call *c = a->call[i];
        if (c && !c->quiet)
            err = tell_base(a, now, c, in);
    }
    return err < 0 ? err : 0;
}

void it_a_release(it_a *a, const a_call *c)
{
    for (size_t i = 0; i < a->n_flows; i++)
        if (a->flow[i].serial == c->serial)
            a->flow[i].leaving = true;
}

int it_a_ways_out(it_a *a, it_io *out)
{
    for (size_t i = 0; i < a->n_flows; i++) {
        a_flow *f = &a->flow[i];
        if (f->base && !f->asked && f->leaving) {
            ways_drop(a, f);
            i--;
        } else if (f->base && !f->asked) {
            f->asked = true;
            *out = (it_io){.kind = IT_IO_BIND, .flow = f->outer, .local = f->local};
            return 1;
        } else if (f->leaving) {
            *out = (it_io){.kind = f->stream ? IT_IO_RST : IT_IO_UNBIND, .flow = f->outer};
            ways_drop(a, f);
            return 1;
        }
    }
    return 0;
}

/* --- in --- */

/* A stream that the listening socket at |in|->local has accepted is its owner's. */
static int accept_in(it_a *a, const it_io *in, uint32_t *serial)
{
    for (size_t i = 0; i < a->n_flows; i++) {
        const a_flow *f = &a->flow[i];
        if (f->stream || f->base || !it_addr_eq(f->local, in->local))
            continue;
        *serial = f->serial;
        return ways_add(a, f->serial, in->flow, in->flow, true) ? 1 : IT_ERR_NOMEM;
    }
    return 0;
}

static void stream_in(it_a *a, a_flow *f, const it_io *in)
{
    f->fin_in |= in->kind == IT_IO_FIN;
    if (in->kind == IT_IO_RST || (f->fin_in && f->fin_out))
        ways_drop(a, f);
}

static void socket_in(it_a *a, a_flow *f, const it_io *in)
{
    bool answer = in->kind == IT_IO_BOUND || in->kind == IT_IO_LISTENING;
    if (answer && in->local.port)
        f->local = in->local;
    if (in->kind == IT_IO_UNBIND || (answer && in->local.port == 0))
        ways_drop(a, f);
}

int it_a_translate_in(it_a *a, it_io *in, uint32_t *serial)
{
    bool stream = is_stream(in);
    if (in->kind == IT_IO_ACCEPTED)
        return accept_in(a, in, serial);
    a_flow *f = ways_outer(a, in->flow, stream);
    if (!f || f->leaving)
        return 0;
    /* A base of the call's that was refused is none. */
    bool none = f->base && in->kind == IT_IO_BOUND && in->local.port == 0;
    *serial = f->serial;
    in->flow = f->inner;
    if (stream)
        stream_in(a, f, in);
    else
        socket_in(a, f, in);
    return !none;
}

/* --- out --- */

static bool is_beginning(const it_io *io)
{
    return io->kind == IT_IO_OPEN || io->kind == IT_IO_BIND || io->kind == IT_IO_LISTEN;
}

/* A flow that begins. */
static int begin_out(it_a *a, uint32_t serial, it_io *io)
{
    bool stream = io->kind == IT_IO_OPEN;
    uint32_t outer = stream ? a->n_opened : IT_IO_BOUND_FLOW + a->n_bound;
    if (!ways_add(a, serial, io->flow, outer, stream))
        return IT_ERR_NOMEM;
    a->n_opened += stream;
    a->n_bound += !stream;
    io->flow = outer;
    return 1;
}

/* Whether |io|, which owner |serial| has put out, leaves by a base of the driver's. */
static bool is_by_base(const it_a *a, uint32_t serial, const it_io *io)
{
    return !is_stream(io) && io->flow < IT_IO_BOUND_FLOW && (serial == 0 || !has_own(a));
}

int it_a_translate_out(it_a *a, uint32_t serial, it_io *io)
{
    if (is_beginning(io))
        return begin_out(a, serial, io);
    if (is_by_base(a, serial, io))
        return 1;
    a_flow *f = ways_inner(a, serial, io->flow, is_stream(io));
    if (!f)
        return 0;
    io->flow = f->outer;
    f->fin_out |= io->kind == IT_IO_FIN;
    bool ends = io->kind == IT_IO_UNBIND || io->kind == IT_IO_RST;
    if (ends || (f->fin_in && f->fin_out))
        ways_drop(a, f);
    return 1;
}
