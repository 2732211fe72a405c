/* The apps of a lab: by number, by host, and by what reaches them. */
#include "lab/driver/impl.h"

#include <stdio.h>

/* --- the tables --- */

#define KIND_SHIFT 30

static void owner_key(it_host *h, int socket, uint64_t key[2])
{
    key[0] = it_host_node(h)->index;
    key[1] = (uint64_t)socket;
}

int it_lab_own(it_lab *lab, it_host *h, int socket, lab_owned what)
{
    uint64_t key[2];
    IT_ASSERT(what.index < (1u << KIND_SHIFT) - 1);
    owner_key(h, socket, key);
    return it_map_put(&lab->owners, key, (uint32_t)what.kind << KIND_SHIFT | what.index);
}

void it_lab_disown(it_lab *lab, it_host *h, int socket)
{
    uint64_t key[2];
    owner_key(h, socket, key);
    (void)it_map_del(&lab->owners, key);
}

lab_owned it_lab_owner(const it_lab *lab, it_host *h, int socket)
{
    uint32_t v = it_map_get2(&lab->owners, it_host_node(h)->index, (uint64_t)socket);
    if (v == IT_MAP_NONE)
        return (lab_owned){LAB_NOBODY, 0};
    return (lab_owned){(enum lab_owner)(v >> KIND_SHIFT), v & ((1u << KIND_SHIFT) - 1)};
}

uint32_t it_lab_flow(const it_lab *lab, int app, uint32_t flow)
{
    return it_map_get2(&lab->flows, (uint64_t)app, flow);
}

int it_lab_flow_put(it_lab *lab, int app, uint32_t flow, uint32_t slot)
{
    return it_map_put(&lab->flows, (const uint64_t[2]){(uint64_t)app, flow}, slot);
}

void it_lab_flow_del(it_lab *lab, int app, uint32_t flow)
{
    (void)it_map_del(&lab->flows, (const uint64_t[2]){(uint64_t)app, flow});
}

/* --- apps of a host --- */

/* What is kept of |h|; NULL without memory. */
static lab_host *host_of(it_lab *lab, it_host *h)
{
    size_t i = it_host_node(h)->index;
    if (it_grow(lab->alloc, &lab->hosts, &lab->cap_hosts, i + 1, sizeof *lab->hosts) < 0)
        return NULL;
    while (lab->n_hosts <= i)
        lab->hosts[lab->n_hosts++] = (lab_host){-1, -1, NULL};
    return &lab->hosts[i];
}

int it_lab_first_on(const it_lab *lab, it_host *h)
{
    size_t i = it_host_node(h)->index;
    return i < lab->n_hosts ? lab->hosts[i].first : -1;
}

int it_lab_after(const it_lab *lab, int i)
{
    return lab->apps[i].after;
}

/* Puts app |i|, the latest, at the end of those of its host. */
static void join_host(it_lab *lab, lab_host *h, int i)
{
    lab_app *a = &lab->apps[i];
    a->before = h->last;
    a->after = -1;
    *(h->last < 0 ? &h->first : &lab->apps[h->last].after) = i;
    h->last = i;
}

static void leave_host(it_lab *lab, int i)
{
    const lab_app *a = &lab->apps[i];
    lab_host *h = &lab->hosts[it_host_node(a->host)->index];
    *(a->before < 0 ? &h->first : &lab->apps[a->before].after) = a->after;
    *(a->after < 0 ? &h->last : &lab->apps[a->after].before) = a->before;
}

const it_dtls_cert *it_lab_cert(it_lab *lab, it_host *host)
{
    lab_host *h = host_of(lab, host);
    if (!h)
        return NULL;
    if (h->cert)
        return h->cert;
    char name[IT_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s/cert", it_host_node(host)->name);
    it_rng rng;
    it_rng_init(&rng, it_world_seed(lab->world), name);
    /* Made as if at time 0, so that it does not depend on when the host first needs it. */
    h->cert = it_dtls_cert_new(lab->alloc, &rng, 0);
    return h->cert;
}

/* --- apps by number --- */

lab_app *it_lab_app_of(const it_lab *lab, int i)
{
    return i >= 0 && (size_t)i < lab->n_apps && lab->apps[i].ops ? &lab->apps[i] : NULL;
}

void it_lab_ask_next(it_lab *lab, int i)
{
    const lab_app *a = &lab->apps[i];
    it_time t = a->ops && a->ops->next && !a->halted ? a->ops->next(a->o) : IT_NEVER;
    if (t != IT_NEVER)
        t += a->lag;
    if (t != lab->next.time[i])
        it_tourney_set(&lab->next, (uint32_t)i, t, (uint64_t)i);
}

int it_lab_input(it_lab *lab, int i, const it_io *in)
{
    lab_app *a = &lab->apps[i];
    if (!a->ops->input)
        return (int)in->data.n;
    it_lab_touch(lab, i);
    return a->ops->input(a->o, it_lab_clock(lab, a), in);
}

/* Room for one more app in everything that has an entry an app. */
static int make_room(it_lab *lab)
{
    uint32_t n = (uint32_t)lab->n_apps + 1;
    int err = it_grow(lab->alloc, &lab->apps, &lab->cap_apps, n, sizeof *lab->apps);
    if (err == 0)
        err = it_bits_grow(&lab->touched, n);
    if (err == 0)
        err = it_bits_grow(&lab->due, n);
    if (err == 0)
        err = it_bits_grow(&lab->watchers, n);
    return err < 0 ? err : it_tourney_grow(&lab->next, n);
}

int it_lab_add(it_lab *lab, it_host *host, const it_object_ops *ops, void *o, const char *name, int port)
{
    lab_host *on = host_of(lab, host);
    if (!on || make_room(lab) < 0) {
        ops->free(o);
        return IT_ERR_NOMEM;
    }
    int number = (int)lab->n_apps;
    const lab_chain none = {IT_BITS_NONE, IT_BITS_NONE, 0};
    lab_app *a = &lab->apps[lab->n_apps++];
    *a = (lab_app){.ops = ops, .o = o, .host = host, .port = port, .hears_next = -1, .streams = none, .binds = none};
    snprintf(a->name, sizeof a->name, "%s", name);
    join_host(lab, on, number);
    it_lab_touch(lab, number);
    if (ops->watches)
        it_bits_add(&lab->watchers, (uint32_t)number);
    int err = it_lab_open_sockets(lab, a);
    if (err < 0) {
        it_lab_remove(lab, number);
        return err;
    }
    return number;
}

void it_lab_remove(it_lab *lab, int i)
{
    lab_app *a = it_lab_app_of(lab, i);
    if (!a)
        return;
    it_lab_close_sockets(lab, a);
    it_lab_deafen(lab, a);
    it_binds_drop(&lab->binds, lab, i);
    it_streams_drop(&lab->streams, lab, i);
    leave_host(lab, i);
    it_bits_del(&lab->watchers, (uint32_t)i);
    a->ops->free(a->o);
    a->ops = NULL;
    a->o = NULL;
    it_lab_ask_next(lab, i);
}

int it_lab_n_apps(const it_lab *lab)
{
    return (int)lab->n_apps;
}

void *it_lab_app(it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    if (!a)
        return NULL;
    it_lab_touch(lab, i);
    return a->o;
}

const void *it_lab_app_state(const it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    return a ? a->o : NULL;
}

const it_object_ops *it_lab_app_ops(const it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    return a ? a->ops : NULL;
}

const char *it_lab_app_name(const it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    return a ? a->name : NULL;
}

it_host *it_lab_app_host(const it_lab *lab, int i)
{
    const lab_app *a = it_lab_app_of(lab, i);
    return a ? a->host : NULL;
}
