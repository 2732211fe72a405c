/* Streams by source: a list, as a stream is looked for when it comes and when it ends. */
#include "lab/serve/held.h"

void it_held_init(it_held *h, it_alloc *alloc)
{
    *h = (it_held){.alloc = alloc};
}

void it_held_fini(it_held *h)
{
    it_free(h->alloc, h->v);
    it_held_init(h, h->alloc);
}

static bool same_source(it_ip a, it_ip b)
{
    return a.hi == b.hi && (!it_ip_is4(a) || a.lo == b.lo);
}

size_t it_held_of(const it_held *h, it_ip ip)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += same_source(h->v[i].ip, ip);
    return n;
}

static it_held_stream *held_find(const it_held *h, uint32_t flow)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i].flow == flow)
            return &h->v[i];
    return NULL;
}

int it_held_add(it_held *h, const it_io *in)
{
    it_held_stream *s = held_find(h, in->flow); /* a number that is used again is another stream */
    if (!s && it_grow(h->alloc, &h->v, &h->cap, h->n + 1, sizeof *h->v) < 0)
        return IT_ERR_NOMEM;
    if (!s)
        s = &h->v[h->n++];
    *s = (it_held_stream){.flow = in->flow, .ip = in->remote.ip};
    return 0;
}

void it_held_pass(it_held *h, const it_io *io, bool in)
{
    if (io->kind != IT_IO_FIN && io->kind != IT_IO_RST)
        return;
    it_held_stream *s = held_find(h, io->flow);
    if (!s)
        return;
    s->in = s->in || in;
    s->out = s->out || !in;
    if (io->kind == IT_IO_RST || (s->in && s->out))
        *s = h->v[--h->n];
}
