/* The plain socket: a queue out, a queue in; and maybe an association with a proxy, held by a stream. */
#include "lab/apps/rawudp.h"

#include "stack/model/evq.h"
#include "stack/stream/stream.h"

#define STREAM 1      /* its flow number */
#define HEADER_MAX 22 /* of a datagram by way of a proxy: an IPv6 address */

typedef struct waiting {
    uint32_t flow;
    it_addr local, to;
    it_io_meta meta;
    uint8_t *bytes;
    size_t n;
} waiting;

typedef struct base {
    uint32_t flow;
    it_addr addr;
} base;

/* The way through a proxy. */
typedef struct relay {
    it_proxy_client c;
    it_stream stream;
    bool up;   /* datagrams are relayed */
    bool over; /* they are not, or no longer; that was told */
} relay;

struct it_rawudp {
    it_alloc *alloc;
    it_evq events;
    it_model_event latest; /* told by its table */
    size_t largest;        /* datagram */
    base bases[IT_RAWUDP_BASES];
    int n_bases;
    waiting *v;
    size_t head, n, cap;
    relay *by; /* NULL: none */
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
    it_free(u->alloc, u->by);
    it_evq_fini(&u->events);
    it_free(u->alloc, u);
}

int it_rawudp_via(it_rawudp *u, const it_via *via)
{
    u->by = it_calloc(u->alloc, 1, sizeof *u->by);
    if (!u->by)
        return IT_ERR_NOMEM;
    u->largest = IT_IO_DGRAM_MAX - HEADER_MAX;
    int err = it_proxy_client_associate(&u->by->c, via);
    it_stream_open(&u->by->stream, STREAM, (it_addr){{0, 0}, 0}, u->by->c.via.proxy);
    return err;
}

static const base *base_for(const it_rawudp *u, it_ip to)
{
    for (int i = 0; i < u->n_bases; i++)
        if (it_ip_is4(u->bases[i].addr.ip) == it_ip_is4(to))
            return &u->bases[i];
    return NULL;
}

int it_rawudp_send(it_rawudp *u, it_addr to, it_bytes data, it_io_meta meta)
{
    uint8_t head[IT_SOCKS_MAX];
    size_t n = u->by ? it_socks_datagram(head, to) : 0;
    if (data.n > u->largest)
        return IT_ERR_TOOBIG;
    if (u->by && !u->by->up)
        return IT_ERR_STATE;
    if (u->by)
        to = u->by->c.to;
    const base *b = base_for(u, to.ip);
    if (!b)
        return IT_ERR_NOROUTE;
    if (u->head == u->n)
        u->head = u->n = 0;
    if (u->n >= IT_RAWUDP_QUEUE)
        return IT_ERR_FULL;
    if (it_grow(u->alloc, &u->v, &u->cap, u->n + 1, sizeof *u->v) < 0)
        return IT_ERR_NOMEM;
    waiting w = {
        .flow = b->flow, .local = b->addr, .to = to, .bytes = it_malloc(u->alloc, n + data.n), .n = n + data.n};
    if (!w.bytes)
        return IT_ERR_NOMEM;
    w.meta = meta;
    if (n)
        memcpy(w.bytes, head, n);
    if (data.n)
        memcpy(w.bytes + n, data.p, data.n);
    u->v[u->n++] = w;
    return 0;
}

static void tell_event(it_rawudp *u, it_time now, const it_model_event *what)
{
    it_model_event ev = *what;
    ev.at = now;
    it_evq_put(&u->events, &ev, -1);
}

static void relay_lost(it_rawudp *u, it_time now, enum it_closed_by by)
{
    if (!u->by->over)
        tell_event(u, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = by, .status = u->by->c.status});
    u->by->over = true;
    u->by->up = false;
    it_stream_finish(&u->by->stream);
}

static void push_ask(relay *r)
{
    (void)it_stream_write(&r->stream, it_bytes_of(r->c.out, r->c.n_out));
    r->c.n_out = 0;
}

/* What the proxy says on its stream. Returns how many bytes were taken, or a negative error. */
static int relay_answer(it_rawudp *u, it_time now, it_bytes data)
{
    relay *r = u->by;
    int n = r->c.state == IT_VIA_ASKING ? it_proxy_client_input(&r->c, data) : 0;
    if (n < 0)
        return n;
    push_ask(r);
    if (r->c.state == IT_VIA_OPEN && !r->up) {
        r->up = true;
        tell_event(u, now, &(it_model_event){.kind = IT_EV_OPEN, .path = IT_PATH_RELAY_UDP, .remote = r->c.to});
    } else if (r->c.state == IT_VIA_REFUSED) {
        relay_lost(u, now, IT_CLOSED_SOCKS);
    }
    return (int)data.n;
}

/* The stream that holds the association. */
static int relay_stream(it_rawudp *u, it_time now, const it_io *in)
{
    relay *r = u->by;
    it_stream_input(&r->stream, in);
    if (in->kind == IT_IO_DATA) {
        return relay_answer(u, now, in->data);
    } else if (in->kind == IT_IO_OPENED || in->kind == IT_IO_WRITABLE) {
        push_ask(r);
    } else {
        relay_lost(u, now, in->kind == IT_IO_FIN ? IT_CLOSED_REMOTE : IT_CLOSED_RESET);
    }
    return 0;
}

static int base_in(it_rawudp *u, const it_io *in)
{
    int kept = 0;
    for (int i = 0; i < u->n_bases; i++)
        if (u->bases[i].flow != in->flow)
            u->bases[kept++] = u->bases[i];
    u->n_bases = kept;
    if (in->kind == IT_IO_UNBIND)
        return 0;
    if (u->n_bases == IT_RAWUDP_BASES)
        return IT_ERR_FULL;
    u->bases[u->n_bases++] = (base){in->flow, in->local};
    return 0;
}

static int datagram_in(it_rawudp *u, it_time now, const it_io *in)
{
    it_socks_msg m = {.addr = in->remote};
    int head = 0;
    if (u->by) {
        /* RFC 1928 section 7: what is not from the proxy, or has no header, is dropped. */
        head = u->by->up && it_addr_eq(in->remote, u->by->c.to) ? it_socks_read_datagram(in->data, &m) : IT_ERR_PARSE;
        if (head < 0)
            return (int)in->data.n;
    }
    it_bytes data = it_bytes_of(in->data.p + head, in->data.n - (size_t)head);
    it_model_event ev = {.kind = IT_EV_MESSAGE, .remote = m.addr, .base = in->local, .data = data, .meta = in->meta};
    tell_event(u, now, &ev);
    return (int)in->data.n;
}

static int rawudp_input(void *o, it_time now, const it_io *in)
{
    it_rawudp *u = o;
    int n = (int)in->data.n;
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return base_in(u, in);
    if (in->kind == IT_IO_DGRAM)
        n = datagram_in(u, now, in);
    else if (u->by)
        n = relay_stream(u, now, in);
    return u->events.oom ? IT_ERR_NOMEM : n;
}

static int rawudp_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rawudp *u = o;
    (void)now;
    if (u->by && it_stream_output(&u->by->stream, out, buf, cap))
        return 1;
    if (u->head == u->n)
        return 0;
    waiting *w = &u->v[u->head++];
    size_t n = w->n < cap ? w->n : cap;
    if (n)
        memcpy(buf, w->bytes, n);
    it_free(u->alloc, w->bytes);
    *out =
        (it_io){.kind = IT_IO_DGRAM, .flow = w->flow, .local = w->local, .remote = w->to, .data = it_bytes_of(buf, n)};
    out->meta = w->meta;
    return 1;
}

static int rawudp_event(void *o, it_object_event *ev)
{
    it_rawudp *u = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &u->latest};
    return it_evq_take(&u->events, &u->latest, NULL);
}

static void free_(void *o)
{
    it_rawudp_free(o);
}

const it_object_ops it_app_rawudp = {
    .kind = "udp", .input = rawudp_input, .output = rawudp_output, .event = rawudp_event, .free = free_};
