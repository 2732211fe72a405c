/* Datagram sockets that apps bind for themselves. */
#include "lab/driver/bind.h"

void it_binds_fini(it_binds *b, it_alloc *a)
{
    it_free(a, b->v);
    *b = (it_binds){.v = NULL};
}

static it_bind *find_flow(const it_binds *b, int app, uint32_t flow)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].app == app && b->v[i].flow == flow)
            return &b->v[i];
    return NULL;
}

/* A free entry, NULL without memory; |*many| is how many the app has. */
static it_bind *free_entry(it_binds *b, it_lab *lab, int app, size_t *many)
{
    size_t at = b->n;
    *many = 0;
    for (size_t i = b->n; i-- > 0;) {
        if (b->v[i].app < 0)
            at = i;
        *many += b->v[i].app == app;
    }
    if (it_grow(it_world_alloc(it_lab_world(lab)), &b->v, &b->cap, at + 1, sizeof *b->v) < 0)
        return NULL;
    b->n = at == b->n ? at + 1 : b->n;
    b->v[at].app = -1;
    return &b->v[at];
}

static void close_bind(it_binds *b, it_bind *x)
{
    b->answers -= x->answer;
    if (x->socket >= 0)
        it_host_close(x->host, x->socket);
    x->app = -1;
}

static int bind_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    size_t many;
    if (io->flow < IT_IO_BOUND_FLOW || io->flow >= IT_IO_ACCEPTED_FLOW || find_flow(b, app, io->flow))
        return IT_ERR_EXISTS;
    it_bind *x = free_entry(b, lab, app, &many);
    if (!x)
        return IT_ERR_NOMEM;
    it_host *h = it_lab_app_host(lab, app);
    int socket = many < IT_BINDS_MAX ? it_host_udp(h, io->local, -1) : IT_ERR_FULL;
    if (socket == IT_ERR_NOMEM)
        return socket;
    *x = (it_bind){.app = app, .flow = io->flow, .socket = socket < 0 ? -1 : socket, .host = h, .answer = true};
    if (socket >= 0)
        x->local = it_host_sockname(h, socket);
    b->answers++;
    return 0;
}

int it_binds_out(it_binds *b, it_lab *lab, int app, const it_io *io)
{
    if (io->kind == IT_IO_BIND)
        return bind_out(b, lab, app, io);
    it_bind *x = find_flow(b, app, io->flow);
    if (x)
        close_bind(b, x);
    return 0;
}

int it_binds_socket(const it_binds *b, int app, uint32_t flow)
{
    const it_bind *x = find_flow(b, app, flow);
    return x ? x->socket : -1;
}

/* Tells |app| about its socket. Returns 0 or the app's error. */
static int tell_app(it_lab *lab, int app, const it_io *in)
{
    int n = it_lab_app_ops(lab, app)->input(it_lab_app(lab, app), it_lab_now(lab), in);
    return n < 0 ? n : 0;
}

int it_binds_datagram(const it_binds *b, it_lab *lab, const it_host *h, const it_host_event *ev)
{
    for (size_t i = 0; i < b->n; i++) {
        const it_bind *x = &b->v[i];
        if (x->app < 0 || x->host != h || x->socket != ev->socket)
            continue;
        it_io in = {.kind = IT_IO_DGRAM, .flow = x->flow, .local = ev->local, .remote = ev->remote, .data = ev->data};
        int err = tell_app(lab, x->app, &in);
        return err < 0 ? err : 1;
    }
    return 0;
}

int it_binds_pump(it_binds *b, it_lab *lab, bool *busy)
{
    for (size_t i = 0; i < b->n && b->answers; i++) {
        it_bind *x = &b->v[i];
        if (x->app < 0 || !x->answer)
            continue;
        it_io in = {.kind = IT_IO_BOUND, .flow = x->flow, .local = x->local};
        int app = x->app;
        x->answer = false;
        b->answers--;
        *busy = true;
        if (x->socket < 0)
            x->app = -1; /* refused: |local| is none */
        int err = tell_app(lab, app, &in);
        if (err < 0)
            return err;
    }
    return 0;
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

int it_binds_follow(it_binds *b, it_lab *lab, it_host *h)
{
    for (size_t i = 0; i < b->n; i++) {
        it_bind *x = &b->v[i];
        if (x->app < 0 || x->host != h || x->socket < 0 || has_addr(h, x->local.ip))
            continue;
        it_io in = {.kind = IT_IO_UNBIND, .flow = x->flow, .local = x->local};
        int app = x->app;
        close_bind(b, x);
        int err = tell_app(lab, app, &in);
        if (err < 0)
            return err;
    }
    return 0;
}

void it_binds_drop(it_binds *b, int app)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].app == app)
            close_bind(b, &b->v[i]);
}
