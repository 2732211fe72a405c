/* The driver's loop: whose turn it is, and how inputs, outputs and events pass between objects, sockets and the script.
 */
#include "lab/driver/impl.h"

#include "stack/crypto/ossl.h"
#include "stack/model/evq.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS_MAX 100000 /* drains at one instant before it counts as an endless loop */

it_lab *it_lab_new(const it_lab_cfg *cfg)
{
    it_lab *lab = it_calloc(cfg->alloc, 1, sizeof *lab);
    if (!lab)
        return NULL;
    lab->alloc = cfg->alloc;
    lab->shared = cfg->shared;
    lab->stuck_at = -1;
    lab->world = it_world_new(&(it_world_cfg){cfg->alloc, cfg->seed});
    if (!lab->world) {
        it_free(cfg->alloc, lab);
        return NULL;
    }
    return lab;
}

void it_lab_free(it_lab *lab)
{
    if (!lab)
        return;
    for (size_t i = 0; i < lab->n_apps; i++) {
        if (lab->apps[i].ops)
            lab->apps[i].ops->free(lab->apps[i].o);
        it_free(lab->alloc, lab->apps[i].sockets);
    }
    for (size_t i = 0; i < lab->q_n; i++)
        it_free(lab->alloc, lab->q[lab->q_head + i].bytes);
    for (size_t i = 0; i < lab->n_certs; i++)
        it_dtls_cert_free(lab->certs[i].cert);
    it_streams_fini(&lab->streams, lab->alloc);
    it_binds_fini(&lab->binds, lab->alloc);
    it_free(lab->alloc, lab->taken);
    it_free(lab->alloc, lab->q);
    it_free(lab->alloc, lab->certs);
    it_free(lab->alloc, lab->apps);
    it_world_free(lab->world);
    it_free(lab->alloc, lab);
}

it_world *it_lab_world(it_lab *lab)
{
    return lab->world;
}

it_time it_lab_now(const it_lab *lab)
{
    return it_world_now(lab->world);
}

it_dtls_shared *it_lab_shared(it_lab *lab)
{
    return lab->shared;
}

uint64_t it_lab_cause(const it_lab *lab)
{
    return lab->cause;
}

bool it_lab_link_changed(const it_lab *lab)
{
    return lab->link_changed;
}

void it_lab_listen(it_lab *lab, it_lab_listener l)
{
    lab->listener = l;
}

const it_dtls_cert *it_lab_cert(it_lab *lab, it_host *host)
{
    for (size_t i = 0; i < lab->n_certs; i++)
        if (lab->certs[i].host == host)
            return lab->certs[i].cert;
    if (it_grow(lab->alloc, &lab->certs, &lab->cap_certs, lab->n_certs + 1, sizeof *lab->certs) < 0)
        return NULL;
    char name[IT_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s/cert", it_host_node(host)->name);
    it_rng rng;
    it_rng_init(&rng, it_world_seed(lab->world), name);
    /* Made as if at time 0, so that it does not depend on when the host first needs it. */
    it_dtls_cert *c = it_dtls_cert_new(lab->alloc, &rng, 0);
    if (c)
        lab->certs[lab->n_certs++] = (host_cert){host, c};
    return c;
}

/* --- sockets --- */

static int add_socket(it_lab *lab, app *a, int iface, it_ip ip)
{
    it_addr local = it_addr_of(ip, a->port < 0 ? 0 : (uint16_t)a->port);
    if (it_grow(lab->alloc, &a->sockets, &a->cap_sockets, a->n_sockets + 1, sizeof *a->sockets) < 0)
        return IT_ERR_NOMEM;
    int s = it_host_udp(a->host, local, iface);
    if (s < 0)
        return s;
    local = it_host_sockname(a->host, s);
    a->sockets[a->n_sockets++] = (app_socket){s, iface, local};
    it_host_fragments(a->host, s, a->fragments);
    return a->ops->add_base ? a->ops->add_base(a->o, it_lab_clock(lab, a), s, local) : 0;
}

static bool has_socket(const app *a, int iface, it_ip ip)
{
    for (size_t i = 0; i < a->n_sockets; i++)
        if (a->sockets[i].iface == iface && it_ip_eq(a->sockets[i].local.ip, ip))
            return true;
    return false;
}

/* Opens a socket for every usable address that has none. */
static int open_sockets(it_lab *lab, app *a)
{
    for (int i = 0; i < it_host_n_ifaces(a->host); i++) {
        it_ip ip;
        if (a->port < 0 && !it_host_iface_usable(a->host, i))
            continue;
        for (int k = 0; it_host_nth_addr(a->host, i, k, &ip); k++) {
            /* RFC 8445 section 5.1.1.1: link-local addresses are of no use across networks. */
            if (it_ip_link_local(ip) || has_socket(a, i, ip))
                continue;
            int err = add_socket(lab, a, i, ip);
            if (err < 0)
                return err;
        }
    }
    return 0;
}

static bool owns_addr(it_host *h, int iface, it_ip want)
{
    it_ip ip;
    for (int k = 0; it_host_nth_addr(h, iface, k, &ip); k++)
        if (it_ip_eq(ip, want))
            return true;
    return false;
}

int it_lab_follow(it_lab *lab, app *a, int iface)
{
    if (a->port >= 0)
        return 0;
    for (size_t i = 0; i < a->n_sockets;) {
        app_socket s = a->sockets[i];
        bool good = it_host_iface_usable(a->host, iface) && owns_addr(a->host, iface, s.local.ip);
        if (s.iface != iface || good) {
            i++;
            continue;
        }
        memmove(&a->sockets[i], &a->sockets[i + 1], (a->n_sockets - i - 1) * sizeof *a->sockets);
        a->n_sockets--;
        if (a->ops->remove_base)
            a->ops->remove_base(a->o, it_lab_clock(lab, a), s.socket);
        it_host_close(a->host, s.socket);
    }
    return open_sockets(lab, a);
}

int it_lab_add(it_lab *lab, it_host *host, const it_app_ops *ops, void *o, const char *name, int port)
{
    if (it_grow(lab->alloc, &lab->apps, &lab->cap_apps, lab->n_apps + 1, sizeof *lab->apps) < 0) {
        ops->free(o);
        return IT_ERR_NOMEM;
    }
    int number = (int)lab->n_apps;
    app *a = &lab->apps[lab->n_apps++];
    *a = (app){.ops = ops, .o = o, .host = host, .port = port};
    snprintf(a->name, sizeof a->name, "%s", name);
    int err = open_sockets(lab, a);
    if (err < 0) {
        it_lab_remove(lab, number);
        return err;
    }
    return number;
}

app *it_lab_app_of(const it_lab *lab, int i)
{
    return i >= 0 && (size_t)i < lab->n_apps && lab->apps[i].ops ? &lab->apps[i] : NULL;
}

it_streams *it_lab_streams(it_lab *lab)
{
    return &lab->streams;
}

int it_lab_n_apps(const it_lab *lab)
{
    return (int)lab->n_apps;
}

void *it_lab_app(const it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    return a ? a->o : NULL;
}

void it_lab_fragments(it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    IT_ASSERT(a);
    a->fragments = true;
    for (size_t k = 0; k < a->n_sockets; k++)
        it_host_fragments(a->host, a->sockets[k].socket, true);
}

int it_lab_hear(it_lab *lab, int i, uint16_t port)
{
    app *a = it_lab_app_of(lab, i);
    IT_ASSERT(a);
    a->group_port = port;
    /* One socket for all apps of the host, which stays. */
    int s = it_host_udp(a->host, it_addr_of((it_ip){0, 0}, port), -1);
    return s == IT_ERR_NOMEM ? s : 0;
}

const it_app_ops *it_lab_app_ops(const it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    return a ? a->ops : NULL;
}

const char *it_lab_app_name(const it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    return a ? a->name : NULL;
}

it_host *it_lab_app_host(const it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    return a ? a->host : NULL;
}

bool it_lab_app_addr(const it_lab *lab, int i, int k, it_addr *a)
{
    app *x = it_lab_app_of(lab, i);
    if (!x || k < 0 || (size_t)k >= x->n_sockets)
        return false;
    *a = x->sockets[k].local;
    return true;
}

int it_lab_app_at(const it_lab *lab, const it_node *host, it_addr local)
{
    for (size_t i = 0; i < lab->n_apps; i++) {
        const app *a = &lab->apps[i];
        for (size_t k = 0; k < a->n_sockets; k++)
            if (it_addr_eq(a->sockets[k].local, local) && it_host_node(a->host) == host)
                return (int)i;
    }
    return -1;
}

void it_lab_remove(it_lab *lab, int i)
{
    app *a = it_lab_app_of(lab, i);
    if (!a)
        return;
    for (size_t k = 0; k < a->n_sockets; k++)
        it_host_close(a->host, a->sockets[k].socket);
    a->n_sockets = 0;
    it_streams_drop(&lab->streams, lab, i);
    it_binds_drop(&lab->binds, i);
    a->ops->free(a->o);
    a->ops = NULL;
    a->o = NULL;
}

/* --- outputs and events --- */

static int send_out(it_lab *lab, app *a, const it_io *io)
{
    int number = (int)(a - lab->apps), socket = (int)io->flow;
    if (io->kind == IT_IO_BIND || io->kind == IT_IO_UNBIND)
        return it_binds_out(&lab->binds, lab, number, io);
    if (io->kind != IT_IO_DGRAM) {
        it_host_cause(a->host, lab->cause);
        return it_streams_out(&lab->streams, lab, number, io);
    }
    if (io->flow >= IT_IO_BOUND_FLOW && (socket = it_binds_socket(&lab->binds, number, io->flow)) < 0)
        return 0; /* the socket is gone, the news and the datagram crossed */
    char text[IT_LABEL_TEXT];
    uint64_t first = it_label_name(&lab->labels, io->data, text);
    uint16_t label = it_world_label(lab->world, text);
    it_host_cause(a->host, lab->cause ? lab->cause : first);
    int err = it_host_send(a->host, it_lab_now(lab), socket, io->remote, io->data, label);
    if (err == 0)
        it_label_sent(&lab->labels, it_host_sent(a->host));
    /* No route, a vanished address or a packet that is too big is the network's business, not a failure of the run: the
     * datagram is lost as it would be on a real machine. */
    return err == IT_ERR_NOMEM ? err : 0;
}

static int queue_event(it_lab *lab, int number, int media, const it_model_event *ev)
{
    if (lab->q_head + lab->q_n == lab->q_cap && lab->q_head) {
        memmove(lab->q, lab->q + lab->q_head, lab->q_n * sizeof *lab->q);
        lab->q_head = 0;
    }
    if (it_grow(lab->alloc, &lab->q, &lab->q_cap, lab->q_head + lab->q_n + 1, sizeof *lab->q) < 0)
        return IT_ERR_NOMEM;
    queued *q = &lab->q[lab->q_head + lab->q_n];
    *q = (queued){.e = {number, media, *ev}};
    int err = it_model_event_own(lab->alloc, &q->e.ev, &q->bytes);
    if (err == 0)
        lab->q_n++;
    return err;
}

static int take_event(it_lab *lab, int number, int media, const it_model_event *ev)
{
    app *a = &lab->apps[number];
    const it_lab_listener *l = &lab->listener;
    if (ev->kind == IT_EV_SECRET) {
        if (l->secret)
            l->secret(l->self, ev->data);
        return 0;
    }
    uint64_t h = it_hash_mix((uint64_t)ev->kind << 32 | (uint64_t)number, (uint64_t)it_lab_now(lab));
    h = it_hash_mix(h, (uint64_t)ev->path << 32 | (uint64_t)ev->old_path << 16 | (uint64_t)ev->reason);
    it_world_mix(lab->world, h);
    if (l->event)
        l->event(l->self, it_lab_now(lab), it_host_node(a->host), a->name, media, ev);
    return queue_event(lab, number, media, ev);
}

/* Outputs first, then events, until an app has neither. Sets |*busy| when it had any. */
static int drain_app(it_lab *lab, int number, bool *busy)
{
    uint8_t buf[IT_LAB_LARGE];
    it_io out;
    it_model_event ev;
    for (;;) {
        app *a = &lab->apps[number];
        bool any = false;
        int err = 0;
        size_t cap = a->fragments ? sizeof buf : IT_IO_DGRAM_MAX;
        while (a->ops->output && (err = a->ops->output(a->o, it_lab_clock(lab, a), &out, buf, cap)) > 0) {
            any = true;
            if ((err = send_out(lab, a, &out)) < 0)
                return err;
        }
        if (err < 0)
            return err;
        it_streams_push(&lab->streams, lab, number);
        int media = -1;
        while (a->ops->event && a->ops->event(a->o, &ev, &media) > 0) {
            any = true;
            if ((err = take_event(lab, number, media, &ev)) < 0)
                return err;
            media = -1;
        }
        if (!any)
            return 0;
        *busy = true;
    }
}

static int drain_apps(it_lab *lab, bool *busy)
{
    for (size_t i = 0; i < lab->n_apps; i++) {
        const app *a = &lab->apps[i];
        int err = 0;
        if (a->ops && !a->halted)
            err = drain_app(lab, (int)i, busy);
        if (err < 0)
            return err;
    }
    return 0;
}

static int flush_once(it_lab *lab, bool *busy)
{
    int err = drain_apps(lab, busy);
    if (err >= 0)
        err = it_streams_pump(&lab->streams, lab, busy);
    if (err >= 0)
        err = it_binds_pump(&lab->binds, lab, busy);
    return err;
}

int it_lab_flush(it_lab *lab)
{
    for (bool busy = true; busy;) {
        busy = false;
        int err = flush_once(lab, &busy);
        if (err < 0)
            return err;
        if (busy && ++lab->rounds > ROUNDS_MAX && lab->stuck_at == it_lab_now(lab))
            return IT_ERR_LOOP;
        if (lab->stuck_at != it_lab_now(lab)) {
            lab->stuck_at = it_lab_now(lab);
            lab->rounds = 0;
        }
    }
    return 0;
}

/* --- inputs --- */

/* What was sent to a group goes to every app of the host that hears such. */
static int pass_group(it_lab *lab, const it_host *h, const it_host_event *ev)
{
    it_io in = {
        .kind = IT_IO_DGRAM, .flow = (uint32_t)ev->socket, .local = ev->local, .remote = ev->remote, .data = ev->data};
    for (size_t i = 0; i < lab->n_apps; i++) {
        app *a = &lab->apps[i];
        int n = a->ops && a->host == h && a->group_port == ev->local.port
                    ? a->ops->input(a->o, it_lab_clock(lab, a), &in)
                    : 0;
        if (n < 0)
            return n;
    }
    return 0;
}

static bool owns_socket(const app *a, int socket)
{
    for (size_t k = 0; k < a->n_sockets; k++)
        if (a->sockets[k].socket == socket)
            return true;
    return false;
}

/* The app of |h| that |socket| is of; NULL: none. */
static const app *app_of_socket(const it_lab *lab, const it_host *h, int socket)
{
    for (size_t i = 0; i < lab->n_apps; i++) {
        const app *a = &lab->apps[i];
        if (a->ops && a->host == h && owns_socket(a, socket))
            return a;
    }
    return NULL;
}

static int pass_datagram(it_lab *lab, const it_host *h, const it_host_event *ev)
{
    if (it_ip_multicast(ev->local.ip) && it_ip_none(it_host_sockname(h, ev->socket).ip))
        return pass_group(lab, h, ev);
    int taken = it_binds_datagram(&lab->binds, lab, h, ev);
    if (taken)
        return taken < 0 ? taken : 0;
    const app *a = app_of_socket(lab, h, ev->socket);
    if (!a)
        return 0;
    it_io in = {
        .kind = IT_IO_DGRAM, .flow = (uint32_t)ev->socket, .local = ev->local, .remote = ev->remote, .data = ev->data};
    int n = a->ops->input(a->o, it_lab_clock(lab, a), &in);
    return n < 0 ? n : 0;
}

static int pass_link(it_lab *lab, it_host *h, int iface)
{
    for (size_t i = 0; i < lab->n_apps; i++) {
        const app *a = &lab->apps[i];
        int err = a->ops && a->host == h && !a->halted ? it_lab_follow(lab, &lab->apps[i], iface) : 0;
        if (err < 0)
            return err;
    }
    return it_binds_follow(&lab->binds, lab, h);
}

/* Takes everything that waits at the hosts' edges. */
static int handle_edges(it_lab *lab)
{
    it_node *n;
    while ((n = it_world_ready(lab->world))) {
        it_host *h = it_host_of(n);
        IT_ASSERT(h);
        int err = it_host_input(h, it_lab_now(lab));
        it_host_event ev;
        while (err >= 0 && it_host_event_next(h, &ev) > 0) {
            lab->cause = ev.packet;
            lab->link_changed = ev.kind == IT_HOST_LINK;
            if (ev.kind == IT_HOST_DATAGRAM)
                err = pass_datagram(lab, h, &ev);
            else if (ev.kind == IT_HOST_LINK)
                err = pass_link(lab, h, ev.iface);
            else if (ev.kind >= IT_HOST_TCP_OPENED)
                err = it_streams_event(&lab->streams, lab, h, &ev);
            if (err >= 0)
                err = it_lab_flush(lab);
            lab->cause = 0;
            lab->link_changed = false;
        }
        if (err < 0)
            return err;
    }
    return 0;
}

static it_time apps_next(const it_lab *lab)
{
    it_time t = IT_NEVER;
    for (size_t i = 0; i < lab->n_apps; i++) {
        const app *a = &lab->apps[i];
        it_time n = a->ops && a->ops->next && !a->halted ? a->ops->next(a->o) : IT_NEVER;
        if (n != IT_NEVER && n + a->lag < t)
            t = n + a->lag;
    }
    return t;
}

static int tick_apps(it_lab *lab)
{
    for (size_t i = 0; i < lab->n_apps; i++) {
        app *a = &lab->apps[i];
        it_time now = it_lab_clock(lab, a);
        if (!a->ops || !a->ops->next || a->halted || a->ops->next(a->o) > now)
            continue;
        int err = a->ops->tick(a->o, now);
        if (err < 0)
            return err;
        bool busy = false;
        if ((err = drain_app(lab, (int)i, &busy)) < 0)
            return err;
        IT_ASSERT(a->ops->next(a->o) > now); /* stack/io.h: after a tick, next() lies ahead */
    }
    return 0;
}

int it_lab_run(it_lab *lab, it_time until)
{
    IT_ASSERT(until >= it_lab_now(lab));
    lab->rounds =
        0; /* what a script did since is no loop of ours: a thousand sends at one instant are a thousand drains */
    for (;;) {
        int err = it_lab_flush(lab);
        if (err == 0)
            err = handle_edges(lab);
        if (err < 0)
            return err;
        if (lab->q_n)
            return 1;
        it_time t = apps_next(lab);
        if (t <= it_lab_now(lab)) {
            if ((err = tick_apps(lab)) < 0)
                return err;
            continue;
        }
        it_time to = t < until ? t : until;
        err = it_world_run(lab->world, to);
        if (err < 0)
            return err;
        if (err == 0 && to == until && t > until)
            return 0;
    }
}

int it_lab_event_next(it_lab *lab, it_lab_event *ev)
{
    it_free(lab->alloc, lab->taken);
    lab->taken = NULL;
    if (!lab->q_n)
        return 0;
    queued *q = &lab->q[lab->q_head++];
    lab->q_n--;
    if (!lab->q_n)
        lab->q_head = 0;
    *ev = q->e;
    lab->taken = q->bytes;
    return 1;
}
