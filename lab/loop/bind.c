/* Sockets that apps bind for themselves, of datagrams and of streams. */
#include "lab/loop/impl.h"

#define PAIRS_TRIED 64 /* draws of an even port before BIND is refused */

static bool own_number(uint32_t flow)
{
    return flow >= IT_IO_BOUND_FLOW && flow < IT_IO_ACCEPTED_FLOW;
}

/* Opens what slot |i| is for on |local|: 0, or an error. */
static int open_slot(it_loop *l, uint32_t i, it_addr local)
{
    if (l->socks[i].kind == LOOP_LISTEN)
        return it_loop_tcp_listen(l, i, local);
    return it_loop_udp_open(l, i, local);
}

static void close_slot(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    it_loop_sock_reset(l, i);
    s->local = (it_addr){{0, 0}, 0};
    s->size = 0;
}

/* A port that the kernel gives, until it is even; with |second| (a slot, or negative) the next one is had too. RFC 8656
 * section 7.2: the even one is the lower. */
static int open_even(it_loop *l, uint32_t i, int second, it_addr local)
{
    int err = IT_ERR_FULL;
    for (int tried = 0; tried < PAIRS_TRIED; tried++) {
        err = open_slot(l, i, local);
        if (err < 0)
            return err;
        it_addr got = l->socks[i].local;
        if (got.port & 1) {
            close_slot(l, i);
            got.port--; /* its neighbour may be free */
            if (open_slot(l, i, got) < 0)
                continue;
        }
        got.port++;
        if (second < 0 || open_slot(l, (uint32_t)second, got) == 0)
            return 0;
        close_slot(l, i);
        err = IT_ERR_FULL;
    }
    return err;
}

/* The |k|-th of the ports from |first| to |last| in steps of |step|, in an order that begins anywhere; |start| is
 * random. */
static uint16_t port_at(uint32_t first, uint32_t last, uint32_t step, uint64_t start, uint32_t k)
{
    uint32_t n = (last - first) / step + 1;
    return (uint16_t)(first + (uint32_t)((start + k) % n) * step);
}

/* A port of the app's range: any, or an even one, whose next one is had for |second| unless that is negative. RFC 8656
 * section 7.2: chosen at random, so that nobody guesses it. */
static int open_in_range(it_loop *l, uint32_t i, int second, const it_io *io)
{
    const it_loop_app_cfg *cfg = &l->apps[l->socks[i].app].cfg;
    uint32_t step = io->port == IT_IO_PORT_ANY ? 1 : 2;
    uint32_t first = (cfg->port_first + step - 1) / step * step, last = cfg->port_last;
    uint64_t start = 0;
    int err = IT_ERR_FULL;
    if (second >= 0)
        last--;
    if (first > last || it_loop_seed(&start) < 0)
        return IT_ERR_FULL;
    for (uint32_t k = 0; k <= (last - first) / step; k++) {
        it_addr at = {io->local.ip, port_at(first, last, step, start, k)};
        err = open_slot(l, i, at);
        if (err != IT_ERR_EXISTS && err < 0)
            return err;
        at.port++;
        if (err == 0 && (second < 0 || open_slot(l, (uint32_t)second, at) == 0))
            return 0;
        close_slot(l, i);
    }
    return IT_ERR_FULL;
}

/* Opens slot |i|, and |second| of a pair, as |io| wants it. */
static int open_as(it_loop *l, uint32_t i, int second, const it_io *io)
{
    it_addr next = {io->local.ip, (uint16_t)(io->local.port + 1)};
    if (second >= 0 && io->local.port == UINT16_MAX) /* there is none after it */
        return IT_ERR_RANGE;
    if (!io->local.port && l->apps[l->socks[i].app].cfg.port_last && io->kind == IT_IO_BIND)
        return open_in_range(l, i, second, io);
    if (io->port != IT_IO_PORT_ANY && !io->local.port)
        return open_even(l, i, second, io->local);
    int err = open_slot(l, i, io->local);
    if (err == 0 && second >= 0)
        err = open_slot(l, (uint32_t)second, next);
    return err;
}

/* A slot for what |io| binds, under |flow|. Returns it, or an error. */
static int slot_for(it_loop *l, int app, const it_io *io, uint32_t flow)
{
    enum loop_kind kind = io->kind == IT_IO_LISTEN ? LOOP_LISTEN : LOOP_BIND;
    if (own_number(flow))
        return it_loop_sock_new(l, kind, app, flow);
    return IT_ERR_EXISTS;
}

/* No slot is left even for the refusal: it is given at once, which the object must bear as any input. */
static int refuse_at_once(it_loop *l, int app, const it_io *io, uint32_t flow)
{
    it_io in = {.kind = io->kind == IT_IO_LISTEN ? IT_IO_LISTENING : IT_IO_BOUND, .flow = flow};
    return it_loop_inform(l, app, &in);
}

/* Opens slot |i|, and |second| of a pair unless it is negative, both or neither, and lets them answer. */
static int open_and_answer(it_loop *l, uint32_t i, int second, const it_io *io)
{
    int err = open_as(l, i, second, io);
    if (err == IT_ERR_NOMEM)
        return err;
    if (err == IT_ERR_LIMIT)
        it_loop_log(l, "%s: no descriptor left for a socket of its own", l->apps[l->socks[i].app].name);
    if (err < 0)
        close_slot(l, i);
    if (err < 0 && second >= 0)
        close_slot(l, (uint32_t)second);
    err = it_loop_sock_tell(l, i, LOOP_TELL_BOUND);
    if (err == 0 && second >= 0)
        err = it_loop_sock_tell(l, (uint32_t)second, LOOP_TELL_BOUND);
    return err;
}

static int bind_one(it_loop *l, int app, const it_io *io)
{
    int i = slot_for(l, app, io, io->flow);
    if (i == IT_ERR_FULL)
        return refuse_at_once(l, app, io, io->flow);
    if (i < 0)
        return i;
    return open_and_answer(l, (uint32_t)i, -1, io);
}

static int bind_pair(it_loop *l, int app, const it_io *io)
{
    int i = slot_for(l, app, io, io->flow), second = i;
    if (i >= 0)
        second = slot_for(l, app, io, io->flow + 1);
    if (second >= 0)
        return open_and_answer(l, (uint32_t)i, second, io);
    if (second != IT_ERR_FULL)
        return second;
    if (i >= 0)
        it_loop_sock_free(l, (uint32_t)i);
    int err = refuse_at_once(l, app, io, io->flow);
    if (err < 0)
        return err;
    return refuse_at_once(l, app, io, io->flow + 1);
}

static int bind_out(it_loop *l, int app, const it_io *io)
{
    bool pair = io->kind == IT_IO_BIND && io->port == IT_IO_PORT_PAIR;
    if (pair)
        return bind_pair(l, app, io);
    return bind_one(l, app, io);
}

int it_loop_bind_out(it_loop *l, int app, const it_io *io)
{
    if (io->kind != IT_IO_UNBIND)
        return bind_out(l, app, io);
    uint32_t i = IT_MAP_NONE;
    if (own_number(io->flow))
        i = it_loop_sock_of(l, app, io->flow);
    if (i != IT_MAP_NONE)
        it_loop_sock_free(l, i);
    return 0;
}
