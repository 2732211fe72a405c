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
    return l->socks[i].kind == LOOP_LISTEN ? it_loop_tcp_listen(l, i, local) : it_loop_udp_open(l, i, local);
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

/* Opens slot |i|, and |second| of a pair, as |io| wants it. */
static int open_as(it_loop *l, uint32_t i, int second, const it_io *io)
{
    it_addr next = {io->local.ip, (uint16_t)(io->local.port + 1)};
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
    return own_number(flow) ? it_loop_sock_new(l, kind, app, flow) : IT_ERR_EXISTS;
}

/* Both of |i| and |second| have an answer to give. */
static int answer(it_loop *l, int i, int second)
{
    int err = it_loop_sock_tell(l, (uint32_t)i, LOOP_TELL_BOUND);
    if (err == 0 && second >= 0)
        err = it_loop_sock_tell(l, (uint32_t)second, LOOP_TELL_BOUND);
    return err;
}

static int bind_out(it_loop *l, int app, const it_io *io)
{
    int i = slot_for(l, app, io, io->flow), second = -1;
    if (i == IT_ERR_FULL) {
        /* No slot is left even for the refusal: it is given at once, which the object must bear as any input. */
        it_io in = {.kind = io->kind == IT_IO_LISTEN ? IT_IO_LISTENING : IT_IO_BOUND, .flow = io->flow};
        return it_loop_inform(l, app, &in);
    }
    if (i < 0)
        return i;
    if (io->kind == IT_IO_BIND && io->port == IT_IO_PORT_PAIR) {
        second = slot_for(l, app, io, io->flow + 1);
        if (second < 0 && second != IT_ERR_FULL)
            return second;
    }
    bool room = !(io->port == IT_IO_PORT_PAIR && second < 0) || io->kind == IT_IO_LISTEN;
    int err = room ? open_as(l, (uint32_t)i, second, io) : IT_ERR_FULL;
    if (err == IT_ERR_NOMEM)
        return err;
    if (err < 0) {
        close_slot(l, (uint32_t)i);
        if (second >= 0)
            close_slot(l, (uint32_t)second); /* both or neither */
    }
    if (err == IT_ERR_LIMIT)
        it_loop_log(l, "%s: no descriptor left for a socket of its own", l->apps[app].name);
    return answer(l, i, second);
}

int it_loop_bind_out(it_loop *l, int app, const it_io *io)
{
    if (io->kind != IT_IO_UNBIND)
        return bind_out(l, app, io);
    uint32_t i = own_number(io->flow) ? it_loop_sock_of(l, app, io->flow) : IT_MAP_NONE;
    if (i != IT_MAP_NONE)
        it_loop_sock_free(l, i);
    return 0;
}
