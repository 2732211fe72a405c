/* The plain socket: a queue out, a queue in. */
#include "lab/rawudp.h"

#include "stack/model/evq.h"

typedef struct waiting {
    uint32_t flow;
    it_addr local, to;
    uint8_t *bytes;
    size_t n;
} waiting;

typedef struct base {
    int flow;
    it_addr addr;
} base;

struct it_rawudp {
    it_alloc *alloc;
    it_evq events;
    size_t largest; /* datagram */
    base bases[IT_RAWUDP_BASES];
    int n_bases;
    waiting *v;
    size_t head, n, cap;
};

it_rawudp *it_rawudp_new(it_alloc *alloc, bool large)
{
    it_rawudp *u = it_calloc(alloc, 1, sizeof *u);
    if (!u)
        return NULL;
    u->alloc = alloc;
    u->largest = large ? IT_LAB_LARGE : IT_IO_DGRAM_MAX;
    it_evq_init(&u->events, alloc);
    return u;
}

void it_rawudp_free(it_rawudp *u)
{
    if (!u)
        return;
    for (size_t i = u->head; i < u->n; i++)
        it_free(u->alloc, u->v[i].bytes);
    it_free(u->alloc, u->v);
    it_evq_fini(&u->events);
    it_free(u->alloc, u);
}

static const base *base_for(const it_rawudp *u, it_ip to)
{
    for (int i = 0; i < u->n_bases; i++)
        if (it_ip_is4(u->bases[i].addr.ip) == it_ip_is4(to))
            return &u->bases[i];
    return NULL;
}

int it_rawudp_send(it_rawudp *u, it_addr to, it_bytes data)
{
    const base *b = base_for(u, to.ip);
    if (data.n > u->largest)
        return IT_ERR_TOOBIG;
    if (!b)
        return IT_ERR_NOROUTE;
    if (u->head == u->n)
        u->head = u->n = 0;
    if (u->n >= IT_RAWUDP_QUEUE)
        return IT_ERR_FULL;
    if (it_grow(u->alloc, &u->v, &u->cap, u->n + 1, sizeof *u->v) < 0)
        return IT_ERR_NOMEM;
    waiting w = {.flow = (uint32_t)b->flow, .local = b->addr, .to = to, .bytes = it_malloc(u->alloc, data.n), .n = data.n};
    if (!w.bytes)
        return IT_ERR_NOMEM;
    if (data.n)
        memcpy(w.bytes, data.p, data.n);
    u->v[u->n++] = w;
    return 0;
}

static int input(void *o, it_time now, const it_io *in)
{
    it_rawudp *u = o;
    it_model_event ev = {.kind = IT_EV_MESSAGE, .at = now, .remote = in->remote, .base = in->local, .data = in->data};
    it_evq_put(&u->events, &ev, -1);
    return u->events.oom ? IT_ERR_NOMEM : (int)in->data.n;
}

static int output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rawudp *u = o;
    (void)now;
    if (u->head == u->n)
        return 0;
    waiting *w = &u->v[u->head++];
    size_t n = w->n < cap ? w->n : cap;
    if (n)
        memcpy(buf, w->bytes, n);
    it_free(u->alloc, w->bytes);
    *out = (it_io){.kind = IT_IO_DGRAM, .flow = w->flow, .local = w->local, .remote = w->to, .data = it_bytes_of(buf, n)};
    return 1;
}

static int tick(void *o, it_time now)
{
    (void)o, (void)now;
    return 0;
}

static it_time next(const void *o)
{
    (void)o;
    return IT_NEVER;
}

static int event(void *o, it_model_event *ev, int *media)
{
    *media = -1;
    return it_evq_take(&((it_rawudp *)o)->events, ev, NULL);
}

static int add_base(void *o, it_time now, int flow, it_addr addr)
{
    it_rawudp *u = o;
    (void)now;
    if (u->n_bases == IT_RAWUDP_BASES)
        return IT_ERR_FULL;
    u->bases[u->n_bases++] = (base){flow, addr};
    return 0;
}

static void remove_base(void *o, it_time now, int flow)
{
    it_rawudp *u = o;
    int kept = 0;
    (void)now;
    for (int i = 0; i < u->n_bases; i++)
        if (u->bases[i].flow != flow)
            u->bases[kept++] = u->bases[i];
    u->n_bases = kept;
}

static void free_(void *o)
{
    it_rawudp_free(o);
}

const it_app_ops it_app_rawudp = {"udp", input, tick, next, output, event, add_base, remove_base, free_};
