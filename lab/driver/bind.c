/* Sockets that apps bind for themselves: for datagrams, and for streams that are to be accepted. */
#include "lab/driver/impl.h"

#define BACKLOG 4096 /* net.core.somaxconn of Linux: hundreds of hosts may come to a server at one instant */

void it_binds_init(it_binds *b, it_alloc *a)
{
    *b = (it_binds){.v = NULL};
    it_bits_init(&b->unused, a);
    it_bits_init(&b->answers, a);
}

void it_binds_fini(it_binds *b)
{
    it_free(b->unused.alloc, b->v);
    it_bits_fini(&b->unused);
    it_bits_fini(&b->answers);
}

/* What app |app| calls |flow|; NULL when there is none. */
static it_bind *find_flow(const it_binds *b, const it_lab *lab, int app, uint32_t flow)
{
    uint32_t i = it_lab_flow(lab, app, flow);
    return i == IT_MAP_NONE ? NULL : &b->v[i];
}

/* The least free slot, maybe made; IT_BITS_NONE without memory. */
static uint32_t free_slot(it_binds *b)
{
    uint32_t at = it_bits_next(&b->unused, 0);
    if (at != IT_BITS_NONE)
        return at;
    at = (uint32_t)b->n;
    if (it_grow(b->unused.alloc, &b->v, &b->cap, b->n + 1, sizeof *b->v) < 0 || it_bits_grow(&b->unused, at + 1) < 0 ||
        it_bits_grow(&b->answers, at + 1) < 0)
        return IT_BITS_NONE;
    b->n++;
    b->v[at].app = -1;
    it_bits_add(&b->unused, at);
    return at;
}

/* Closes the socket of |x|, if it has one. */
static void close_socket(it_lab *lab, const it_bind *x)
{
    if (x->socket >= 0 && x->listens)
        it_host_tcp_close(x->host, it_lab_now(lab), x->socket);
    else if (x->socket >= 0)
        it_host_close(x->host, x->socket);
}

static void close_bind(it_binds *b, it_lab *lab, uint32_t i)
{
    it_bind *x = &b->v[i];
    lab_chain *c = &lab->apps[x->app].binds;
    if (x->flow != IT_BIND_SERVED)
        it_lab_flow_del(lab, x->app, x->flow);
    if (x->socket >= 0)
        it_lab_disown(lab, x->host, x->socket);
    close_socket(lab, x);
    *(x->before == IT_BITS_NONE ? &c->first : &b->v[x->before].after) = x->after;
    *(x->after == IT_BITS_NONE ? &c->last : &b->v[x->after].before) = x->before;
    c->n--;
    x->app = -1;
    it_bits_del(&b->answers, i);
    it_bits_add(&b->unused, i);
}

/* Takes slot |i| for |x|, in the order of slots among those of its app. Returns 0 or IT_ERR_NOMEM, nothing then
 * changed. */
static int open_bind(it_binds *b, it_lab *lab, uint32_t i, it_bind x)
{
    lab_chain *c = &lab->apps[x.app].binds;
    bool served = x.flow == IT_BIND_SERVED;
    if (!served && it_lab_flow_put(lab, x.app, x.flow, i) < 0)
        return IT_ERR_NOMEM;
    if (x.socket >= 0 && it_lab_own(lab, x.host, x.socket, (lab_owned){LAB_BIND, i}) < 0) {
        if (!served)
            it_lab_flow_del(lab, x.app, x.flow);
        return IT_ERR_NOMEM;
    }
    x.before = c->last;
    while (x.before != IT_BITS_NONE && x.before > i)
        x.before = b->v[x.before].before;
    x.after = x.before == IT_BITS_NONE ? c->first : b->v[x.before].after;
    *(x.before == IT_BITS_NONE ? &c->first : &b->v[x.before].after) = i;
    *(x.after == IT_BITS_NONE ? &c->last : &b->v[x.after].before) = i;
    c->n++;
    b->v[i] = x;
    it_bits_del(&b->unused, i);
    if (!served)
        it_bits_add(&b->answers, i);
    return 0;
}

/* Whether app |app| may call a socket |flow|: a number of those that it binds, not in use. */
static bool may_bind(const it_binds *b, const it_lab *lab, int app, uint32_t flow)
{
    bool in_range = flow >= IT_IO_BOUND_FLOW && flow < IT_IO_ACCEPTED_FLOW;
    return in_range && !find_flow(b, lab, app, flow);
}

/* Makes |x|, whose socket is open or was refused; without memory the socket is closed. Returns 0 or IT_ERR_NOMEM. */
static int add_bind(it_binds *b, it_lab *lab, it_bind x)
{
    uint32_t at = free_slot(b);
    if (x.socket >= 0 && x.listens) {
        it_tcp_info info = {.local = {{0, 0}, 0}};
        (void)it_host_tcp_info(x.host, x.socket, &info);
        x.local = info.local;
    } else if (x.socket >= 0) {
        x.local = it_host_sockname(x.host, x.socket);
    }
    int err = at == IT_BITS_NONE ? IT_ERR_NOMEM : open_bind(b, lab, at, x);
    if (err < 0)
        close_socket(lab, &x);
    return err;
}

/* A socket of |app| for streams on |local|, |flow| its number. Returns 0, an error of it_host_tcp_listen, or
 * IT_ERR_NOMEM. With a number of the app's own a refusal is 0, and told. */
static int open_listener(it_binds *b, it_lab *lab, int app, uint32_t flow, it_addr local)
{
    it_tcp_opts o;
    it_bind x = {.app = app, .flow = flow, .listens = true, .host = it_lab_app_host(lab, app)};
    it_streams_opts(lab, app, &o);
    int socket = IT_ERR_FULL;
    if (lab->apps[app].binds.n < IT_BINDS_MAX)
        socket = it_host_tcp_listen(x.host, local, BACKLOG, &o);
    if (socket == IT_ERR_NOMEM || (socket < 0 && flow == IT_BIND_SERVED))
        return socket;
    x.socket = socket < 0 ? -1 : socket;
    return add_bind(b, lab, x);
}

int it_binds_serve(it_binds *b, it_lab *lab, int app, it_addr local)
{
    return open_listener(b, lab, app, IT_BIND_SERVED, local);
}

/* Opens what |io|, a BIND, asks for: one or two sockets of |h| in |socket|, -1 where there is none. Returns 0 or what
 * it_host_udp and it_host_udp_even do. */
static int open_sockets(it_host *h, const it_io *io, int socket[2])
{
    socket[0] = socket[1] = -1;
    if (io->port != IT_IO_PORT_ANY)
        return it_host_udp_even(h, io->local, -1, io->port == IT_IO_PORT_PAIR, socket);
    int n = it_host_udp(h, io->local, -1);
    if (n >= 0)
        socket[0] = n;
    return n < 0 ? n : 0;
}

static int bind_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    int socket[2] = {-1, -1}, err = 0;
    uint32_t n = io->port == IT_IO_PORT_PAIR ? 2 : 1;
    it_bind x = {.app = app, .host = it_lab_app_host(lab, app)};
    for (uint32_t i = 0; i < n; i++)
        if (!may_bind(b, lab, app, io->flow + i))
            return IT_ERR_EXISTS;
    if (lab->apps[app].binds.n + n <= IT_BINDS_MAX && open_sockets(x.host, io, socket) == IT_ERR_NOMEM)
        return IT_ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        x.flow = io->flow + i;
        x.socket = socket[i];
        if (err == 0)
            err = add_bind(b, lab, x);
        else
            close_socket(lab, &x); /* both or neither: without memory the run ends */
    }
    return err;
}

static int listen_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    if (!may_bind(b, lab, app, io->flow))
        return IT_ERR_EXISTS;
    return open_listener(b, lab, app, io->flow, io->local);
}

int it_binds_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    if (io->kind == IT_IO_BIND)
        return bind_out(b, lab, app, io);
    if (io->kind == IT_IO_LISTEN)
        return listen_out(b, lab, app, io);
    uint32_t i = it_lab_flow(lab, app, io->flow);
    if (i != IT_MAP_NONE && io->flow >= IT_IO_BOUND_FLOW && io->flow < IT_IO_ACCEPTED_FLOW)
        close_bind(b, lab, i);
    return 0;
}

int it_binds_socket(const it_binds *b, const it_lab *lab, int app, uint32_t flow)
{
    const it_bind *x = flow < IT_IO_ACCEPTED_FLOW ? find_flow(b, lab, app, flow) : NULL;
    return x && !x->listens ? x->socket : -1;
}

/* Tells |app| about its socket. Returns 0 or the app's error. */
static int tell_app(it_lab *lab, int app, const it_io *in)
{
    int n = it_lab_input(lab, app, in);
    return n < 0 ? n : 0;
}

int it_binds_input(const it_binds *b, it_lab *lab, uint32_t slot, it_io *in)
{
    const it_bind *x = &b->v[slot];
    in->flow = x->flow;
    return tell_app(lab, x->app, in);
}

/* The interface of |h| that has |want|, -1: none. */
static int iface_of(it_host *h, it_ip want)
{
    it_ip ip;
    for (int i = 0; i < it_host_n_ifaces(h); i++)
        for (int k = 0; it_host_nth_addr(h, i, k, &ip); k++)
            if (it_ip_eq(ip, want))
                return i;
    return -1;
}

int it_binds_pump(it_binds *b, it_lab *lab, bool *busy)
{
    int err = 0;
    for (uint32_t i = it_bits_next(&b->answers, 0); i != IT_BITS_NONE && err == 0;
         i = it_bits_next(&b->answers, i + 1)) {
        const it_bind *x = &b->v[i];
        it_io in = {.kind = x->listens ? IT_IO_LISTENING : IT_IO_BOUND, .flow = x->flow, .local = x->local};
        int app = x->app, iface = iface_of(x->host, x->local.ip);
        if (!x->listens && iface >= 0)
            in.size = it_host_size(x->host, it_lab_now(lab), iface, x->local.ip);
        it_bits_del(&b->answers, i);
        *busy = true;
        if (x->socket < 0)
            close_bind(b, lab, i); /* refused: |local| is none */
        err = tell_app(lab, app, &in);
    }
    return err;
}

int it_binds_follow(it_binds *b, it_lab *lab, int app)
{
    int err = 0;
    for (uint32_t i = lab->apps[app].binds.first, after; i != IT_BITS_NONE && err == 0; i = after) {
        const it_bind *x = &b->v[i];
        after = x->after;
        bool kept = it_ip_none(x->local.ip) || iface_of(x->host, x->local.ip) >= 0;
        if (x->socket < 0 || x->flow == IT_BIND_SERVED || kept)
            continue; /* what the driver opened to accept streams stays for when the address is back */
        it_io in = {.kind = IT_IO_UNBIND, .flow = x->flow, .local = x->local};
        close_bind(b, lab, i);
        err = tell_app(lab, app, &in);
    }
    return err;
}

void it_binds_drop(it_binds *b, it_lab *lab, int app)
{
    while (lab->apps[app].binds.n)
        close_bind(b, lab, lab->apps[app].binds.first);
}
