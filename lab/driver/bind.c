/* Datagram sockets that apps bind for themselves. */
#include "lab/driver/impl.h"

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

static void close_bind(it_binds *b, it_lab *lab, uint32_t i)
{
    it_bind *x = &b->v[i];
    lab_chain *c = &lab->apps[x->app].binds;
    it_lab_flow_del(lab, x->app, x->flow);
    if (x->socket >= 0) {
        it_lab_disown(lab, x->host, x->socket);
        it_host_close(x->host, x->socket);
    }
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
    if (it_lab_flow_put(lab, x.app, x.flow, i) < 0)
        return IT_ERR_NOMEM;
    if (x.socket >= 0 && it_lab_own(lab, x.host, x.socket, (lab_owned){LAB_BIND, i}) < 0) {
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
    it_bits_add(&b->answers, i);
    return 0;
}

/* Whether app |app| may call a socket |flow|: a number of those that it binds, not in use. */
static bool may_bind(const it_binds *b, const it_lab *lab, int app, uint32_t flow)
{
    bool in_range = flow >= IT_IO_BOUND_FLOW && flow < IT_IO_ACCEPTED_FLOW;
    return in_range && !find_flow(b, lab, app, flow);
}

static int bind_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    if (!may_bind(b, lab, app, io->flow))
        return IT_ERR_EXISTS;
    uint32_t at = free_slot(b);
    if (at == IT_BITS_NONE)
        return IT_ERR_NOMEM;
    it_bind x = {.app = app, .flow = io->flow, .socket = -1, .host = it_lab_app_host(lab, app)};
    int socket = IT_ERR_FULL;
    if (lab->apps[app].binds.n < IT_BINDS_MAX)
        socket = it_host_udp(x.host, io->local, -1);
    if (socket == IT_ERR_NOMEM)
        return socket;
    if (socket >= 0) {
        x.socket = socket;
        x.local = it_host_sockname(x.host, socket);
    }
    int err = open_bind(b, lab, at, x);
    if (err < 0)
        it_host_close(x.host, x.socket); /* of -1: nothing */
    return err;
}

int it_binds_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    if (io->kind == IT_IO_BIND)
        return bind_out(b, lab, app, io);
    uint32_t i = it_lab_flow(lab, app, io->flow);
    if (i != IT_MAP_NONE && io->flow >= IT_IO_BOUND_FLOW && io->flow < IT_IO_ACCEPTED_FLOW)
        close_bind(b, lab, i);
    return 0;
}

int it_binds_socket(const it_binds *b, const it_lab *lab, int app, uint32_t flow)
{
    const it_bind *x = flow < IT_IO_ACCEPTED_FLOW ? find_flow(b, lab, app, flow) : NULL;
    return x ? x->socket : -1;
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
    return in->kind == IT_IO_ERROR && !lab->apps[x->app].ops->errors ? 0 : tell_app(lab, x->app, in);
}

int it_binds_pump(it_binds *b, it_lab *lab, bool *busy)
{
    int err = 0;
    for (uint32_t i = it_bits_next(&b->answers, 0); i != IT_BITS_NONE && err == 0;
         i = it_bits_next(&b->answers, i + 1)) {
        const it_bind *x = &b->v[i];
        it_io in = {.kind = IT_IO_BOUND, .flow = x->flow, .local = x->local};
        int app = x->app;
        it_bits_del(&b->answers, i);
        *busy = true;
        if (x->socket < 0)
            close_bind(b, lab, i); /* refused: |local| is none */
        err = tell_app(lab, app, &in);
    }
    return err;
}

static bool has_addr(it_host *h, it_ip want)
{
    it_ip ip;
    for (int i = 0; i < it_host_n_ifaces(h); i++)
        for (int k = 0; it_host_nth_addr(h, i, k, &ip); k++)
            if (it_ip_eq(ip, want))
                return true;
    return false;
}

int it_binds_follow(it_binds *b, it_lab *lab, int app)
{
    int err = 0;
    for (uint32_t i = lab->apps[app].binds.first, after; i != IT_BITS_NONE && err == 0; i = after) {
        const it_bind *x = &b->v[i];
        after = x->after;
        if (x->socket < 0 || has_addr(x->host, x->local.ip))
            continue;
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
