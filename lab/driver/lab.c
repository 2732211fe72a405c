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
    lab->stuck_at = -1;
    it_bits_init(&lab->touched, lab->alloc);
    it_bits_init(&lab->due, lab->alloc);
    it_bits_init(&lab->watchers, lab->alloc);
    it_map_init(&lab->owners, lab->alloc, 2);
    it_map_init(&lab->flows, lab->alloc, 2);
    it_map_init(&lab->places, lab->alloc, 3);
    it_map_init(&lab->hears, lab->alloc, 1);
    it_labels_init(&lab->labels, lab->alloc);
    it_streams_init(&lab->streams, lab->alloc);
    it_binds_init(&lab->binds, lab->alloc);
    lab->world = it_world_new(&(it_world_cfg){cfg->alloc, cfg->seed});
    if (!lab->world || it_tourney_init(&lab->next, lab->alloc) < 0) {
        it_world_free(lab->world);
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
    for (size_t i = 0; i < lab->n_hosts; i++)
        it_dtls_cert_free(lab->hosts[i].cert);
    it_labels_fini(&lab->labels);
    it_streams_fini(&lab->streams);
    it_binds_fini(&lab->binds);
    it_bits_fini(&lab->touched);
    it_bits_fini(&lab->due);
    it_bits_fini(&lab->watchers);
    it_map_fini(&lab->owners);
    it_map_fini(&lab->flows);
    it_map_fini(&lab->places);
    it_map_fini(&lab->hears);
    it_tourney_fini(&lab->next);
    it_free(lab->alloc, lab->taken);
    it_free(lab->alloc, lab->q);
    it_free(lab->alloc, lab->hosts);
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

void it_lab_listen_services(it_lab *lab, it_lab_services s)
{
    lab->services = s;
}

/* --- outputs and events --- */

/* The host's socket that |a| calls |flow|: one that the driver opened for it, or that it bound; -1: none. */
static int socket_out(const it_lab *lab, const lab_app *a, uint32_t flow)
{
    if (flow >= IT_IO_BOUND_FLOW)
        return it_binds_socket(&lab->binds, lab, (int)(a - lab->apps), flow);
    const lab_socket *s = it_lab_socket_of_flow(a, flow);
    return s ? s->socket : -1;
}

static int send_out(it_lab *lab, lab_app *a, const it_io *io)
{
    int number = (int)(a - lab->apps);
    if (io->kind == IT_IO_BIND || io->kind == IT_IO_LISTEN || io->kind == IT_IO_UNBIND)
        return it_binds_out(&lab->binds, lab, number, io);
    if (io->kind != IT_IO_DGRAM) {
        it_host_cause(a->host, lab->cause);
        return it_streams_out(&lab->streams, lab, number, io);
    }
    int socket = socket_out(lab, a, io->flow);
    if (socket < 0)
        return 0; /* the socket is gone, the news and the datagram crossed */
    char text[IT_LABEL_TEXT];
    uint64_t first = it_label_name(&lab->labels, io->data, text);
    uint16_t label = it_world_label(lab->world, text);
    it_host_cause(a->host, lab->cause ? lab->cause : first);
    it_host_meta m = {io->meta.frag, io->meta.ttl, io->meta.tos};
    int err = it_host_send_as(a->host, it_lab_now(lab), socket, io->remote, io->data, label, m);
    if (err == 0)
        err = it_label_sent(&lab->labels, it_host_sent(a->host));
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
    lab_app *a = &lab->apps[number];
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

/* Takes what app |number| tells, in whichever vocabulary. */
static int take_any_event(it_lab *lab, int number, const it_object_event *ev)
{
    const it_lab_services *s = &lab->services;
    if (ev->kind == IT_TELLS_MODEL)
        return take_event(lab, number, ev->part, ev->u.model);
    return s->told ? s->told(s->self, number, &ev->u.service) : 0;
}

/* The next output of |a|; an object need not fill what it does not say. */
static int next_output(const it_lab *lab, const lab_app *a, it_io *out, uint8_t *buf, size_t cap)
{
    out->meta = (it_io_meta){.ttl = 0};
    out->port = IT_IO_PORT_ANY;
    return a->ops->output ? a->ops->output(a->o, it_lab_clock(lab, a), out, buf, cap) : 0;
}

/* Outputs first, then events, until an app has neither. Sets |*busy| when it had any. */
static int drain_app(it_lab *lab, int number, bool *busy)
{
    uint8_t buf[IT_LAB_LARGE];
    it_io out;
    it_object_event ev;
    for (;;) {
        lab_app *a = &lab->apps[number];
        bool any = false;
        int err = 0;
        while ((err = next_output(lab, a, &out, buf, sizeof buf)) > 0) {
            any = true;
            if ((err = send_out(lab, a, &out)) < 0)
                return err;
        }
        if (err < 0)
            return err;
        it_streams_push(&lab->streams, lab, number);
        while (a->ops->event && a->ops->event(a->o, &ev) > 0) {
            any = true;
            if ((err = take_any_event(lab, number, &ev)) < 0)
                return err;
        }
        if (!any)
            return 0;
        *busy = true;
    }
}

/* Drains app |i|, and asks it when it wants to tick. An error leaves it touched. */
static int settle_app(it_lab *lab, int i, bool *busy)
{
    const lab_app *a = &lab->apps[i];
    int err = a->ops && !a->halted ? drain_app(lab, i, busy) : 0;
    if (err < 0)
        return err;
    it_bits_del(&lab->touched, (uint32_t)i);
    it_lab_ask_next(lab, i);
    return 0;
}

/* The world has changed in a way that is no packet: touches the apps that watch it. */
static void touch_watchers(it_lab *lab)
{
    uint64_t upsets = it_world_upsets(lab->world);
    if (upsets == lab->upsets)
        return;
    lab->upsets = upsets;
    for (uint32_t i = it_bits_next(&lab->watchers, 0); i != IT_BITS_NONE; i = it_bits_next(&lab->watchers, i + 1))
        it_lab_touch(lab, (int)i);
}

static int drain_apps(it_lab *lab, bool *busy)
{
    int err = 0;
    touch_watchers(lab);
    for (uint32_t i = it_bits_next(&lab->touched, 0); i != IT_BITS_NONE && err == 0;
         i = it_bits_next(&lab->touched, i + 1))
        err = settle_app(lab, (int)i, busy);
    return err;
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

/* What was sent to a group goes to every app of the host that hears such, by its socket there. */
static int pass_group(it_lab *lab, it_host *h, const it_host_event *ev)
{
    uint64_t key = (uint64_t)it_host_node(h)->index << 16 | ev->local.port;
    uint32_t first = it_map_get(&lab->hears, &key);
    int n = 0;
    for (int i = first == IT_MAP_NONE ? -1 : (int)first; i >= 0 && n >= 0; i = lab->apps[i].hears_next) {
        const lab_socket *s = it_lab_socket_for_group(&lab->apps[i], ev);
        it_io in = {
            .kind = IT_IO_DGRAM, .flow = s ? s->flow : 0, .local = ev->local, .remote = ev->remote, .data = ev->data};
        in.meta = (it_io_meta){ev->meta.frag, ev->meta.ttl, ev->meta.tos};
        n = s ? it_lab_input(lab, i, &in) : 0;
    }
    return n < 0 ? n : 0;
}

/* Whether the app that |to| is of hears of ICMP errors and sizes. */
static bool hears_errors(const it_lab *lab, lab_owned to)
{
    int app = to.kind == LAB_BIND ? lab->binds.v[to.index].app : (int)to.index;
    return (to.kind == LAB_BIND || to.kind == LAB_APP) && lab->apps[app].ops->errors;
}

/* Gives |in|, a datagram, an error or a size, to the app that |socket| is of; its number for it is filled in. */
static int pass_to_owner(it_lab *lab, it_host *h, int socket, it_io *in)
{
    lab_owned to = it_lab_owner(lab, h, socket);
    if (in->kind != IT_IO_DGRAM && !hears_errors(lab, to))
        return 0;
    if (to.kind == LAB_BIND)
        return it_binds_input(&lab->binds, lab, to.index, in);
    const lab_app *a = to.kind == LAB_APP ? &lab->apps[to.index] : NULL;
    const lab_socket *s = a ? it_lab_socket_of(a, socket) : NULL;
    if (!s)
        return 0;
    in->flow = s->flow;
    int n = it_lab_input(lab, (int)to.index, in);
    return n < 0 ? n : 0;
}

static int pass_datagram(it_lab *lab, it_host *h, const it_host_event *ev)
{
    if (it_ip_multicast(ev->local.ip) && it_ip_none(it_host_sockname(h, ev->socket).ip))
        return pass_group(lab, h, ev);
    it_io in = {.kind = IT_IO_DGRAM, .local = ev->local, .remote = ev->remote, .data = ev->data};
    in.meta = (it_io_meta){ev->meta.frag, ev->meta.ttl, ev->meta.tos};
    return pass_to_owner(lab, h, ev->socket, &in);
}

/* RFC 1122 section 4.1.3.3: an ICMP error about what a socket sent. */
static int pass_icmp(it_lab *lab, it_host *h, const it_host_event *ev)
{
    it_io in = {.kind = IT_IO_ERROR, .local = ev->local, .remote = ev->remote, .data = ev->data};
    in.icmp = (it_io_icmp){.type = ev->icmp_type, .code = ev->icmp_code, .from = ev->from, .mtu = ev->mtu};
    it_io size = {.kind = IT_IO_SIZE, .local = ev->local, .remote = ev->remote, .size = ev->size};
    int err = ev->size ? pass_to_owner(lab, h, ev->socket, &size) : 0;
    return err < 0 ? err : pass_to_owner(lab, h, ev->socket, &in);
}

static int pass_link(it_lab *lab, it_host *h, int iface)
{
    int err = 0;
    for (int i = it_lab_first_on(lab, h); i >= 0 && err >= 0; i = it_lab_after(lab, i))
        err = lab->apps[i].halted ? 0 : it_lab_follow(lab, &lab->apps[i], iface);
    for (int i = it_lab_first_on(lab, h); i >= 0 && err >= 0; i = it_lab_after(lab, i))
        err = it_binds_follow(&lab->binds, lab, i);
    return err;
}

/* Takes everything that waits at the hosts' edges. Returns 0, 1 when an edge that is no host's comes first, or an
 * error. */
static int handle_edges(it_lab *lab)
{
    it_node *n;
    while ((n = it_world_ready(lab->world))) {
        it_host *h = it_host_of(n);
        if (!h)
            return 1;
        int err = it_host_input(h, it_lab_now(lab));
        it_host_event ev;
        while (err >= 0 && it_host_event_next(h, &ev) > 0) {
            lab->cause = ev.packet;
            lab->link_changed = ev.kind == IT_HOST_LINK;
            if (ev.kind == IT_HOST_DATAGRAM)
                err = pass_datagram(lab, h, &ev);
            else if (ev.kind == IT_HOST_ICMP)
                err = pass_icmp(lab, h, &ev);
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

/* When the first app wants to tick. */
static inline it_time apps_next(const it_lab *lab)
{
    return lab->next.time[it_tourney_first(&lab->next)];
}

/* Ticks app |i| when its time has come. */
static int tick_app(it_lab *lab, int i)
{
    const lab_app *a = &lab->apps[i];
    it_time now = it_lab_clock(lab, a);
    bool busy = false;
    if (!a->ops || !a->ops->next || a->halted || a->ops->next(a->o) > now) {
        it_lab_ask_next(lab, i);
        return 0;
    }
    it_lab_touch(lab, i);
    int err = a->ops->tick(a->o, now);
    if (err >= 0)
        err = settle_app(lab, i, &busy);
    IT_ASSERT(err < 0 || lab->next.time[i] > it_lab_now(lab)); /* stack/io.h: after a tick, next() lies ahead */
    return err;
}

/* Ticks those whose time has come, in the order of their numbers. */
static int tick_apps(it_lab *lab)
{
    int err = 0;
    for (uint32_t i; i = it_tourney_first(&lab->next), lab->next.time[i] <= it_lab_now(lab);) {
        it_bits_add(&lab->due, i);
        it_tourney_set(&lab->next, i, IT_NEVER, i);
    }
    for (uint32_t i = it_bits_next(&lab->due, 0); i != IT_BITS_NONE && err >= 0; i = it_bits_next(&lab->due, i + 1)) {
        it_bits_del(&lab->due, i);
        err = tick_app(lab, (int)i);
    }
    return err;
}

it_time it_lab_next(const it_lab *lab)
{
    it_time world = it_world_next(lab->world), apps = apps_next(lab);
    return apps < world ? apps : world;
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
        if (err != 0)
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
