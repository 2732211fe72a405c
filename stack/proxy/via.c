/* A proxy's client as a layer: first its own words, then those of both sides. */
#include "stack/proxy/via.h"

#include "stack/stream/pass.h"

#include <string.h>

typedef struct via_layer {
    it_alloc *alloc;
    it_proxy_client c;
    it_pass up, down;
    bool asks; /* the stream is open: what |c| says may go out */
} via_layer;

/* Takes the proxy's answer. Returns the bytes of it. */
static size_t take_answer(via_layer *v, it_bytes data)
{
    int n = it_proxy_client_input(&v->c, data);
    if (n < 0)
        return data.n;
    if (v->c.state == IT_VIA_OPEN)
        (void)it_pass_put(&v->up, &(it_io){.kind = IT_IO_OPENED});
    if (v->c.state != IT_VIA_REFUSED)
        return (size_t)n;
    (void)it_pass_put(&v->up, &(it_io){.kind = IT_IO_RST});
    (void)it_pass_put(&v->down, &(it_io){.kind = IT_IO_FIN});
    return data.n;
}

static int from_below(void *l, it_time now, const it_io *in)
{
    via_layer *v = l;
    (void)now;
    if (in->kind == IT_IO_OPENED && v->c.state == IT_VIA_ASKING) {
        v->asks = true;
        return 0;
    }
    if (in->kind != IT_IO_DATA)
        return it_pass_put(&v->up, in);
    size_t at = v->c.state == IT_VIA_ASKING ? take_answer(v, in->data) : 0;
    it_io rest = *in;
    rest.data = it_bytes_of(in->data.p + at, in->data.n - at);
    return (int)at + (rest.data.n ? it_pass_put(&v->up, &rest) : 0);
}

static int from_above(void *l, it_time now, const it_io *in)
{
    (void)now;
    return it_pass_put(&((via_layer *)l)->down, in);
}

/* What the proxy's client says goes before what is above. */
static int to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    via_layer *v = l;
    (void)now;
    if (v->asks && v->c.n_out && v->c.n_out <= cap) {
        memcpy(buf, v->c.out, v->c.n_out);
        *out = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(buf, v->c.n_out)};
        v->c.n_out = 0;
        return 1;
    }
    if (v->c.state == IT_VIA_ASKING && !v->down.fin && !v->down.rst)
        return 0;
    return it_pass_take(&v->down, out, buf, cap);
}

static int to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    return it_pass_take(&((via_layer *)l)->up, out, buf, cap);
}

static void free_via(void *l)
{
    it_free(((via_layer *)l)->alloc, l);
}

static const it_layer_ops OPS = {.kind = "via",
                                 .from_below = from_below,
                                 .from_above = from_above,
                                 .to_below = to_below,
                                 .to_above = to_above,
                                 .free = free_via};

it_layer it_via_layer(it_alloc *alloc, const it_via *via, it_addr to, const char *name)
{
    via_layer *v = it_calloc(alloc, 1, sizeof *v);
    if (!v)
        return (it_layer){NULL, NULL};
    v->alloc = alloc;
    if (it_proxy_client_init(&v->c, via, to, name) < 0) {
        free_via(v);
        return (it_layer){NULL, NULL};
    }
    return (it_layer){&OPS, v};
}

const it_proxy_client *it_via_client(const it_layer *l)
{
    return &((const via_layer *)l->l)->c;
}
