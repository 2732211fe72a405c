/* Layers stacked over one stream: what one puts out is carried to the next until nothing moves. */
#include "stack/stream/layers.h"

#include <string.h>

void it_layers_init(it_layers *ls, it_alloc *alloc, it_stream *below)
{
    *ls = (it_layers){.alloc = alloc, .below = below};
}

static void free_layer(it_layer l)
{
    if (l.ops->free)
        l.ops->free(l.l);
}

void it_layers_fini(it_layers *ls)
{
    for (int i = 0; i < ls->n; i++) {
        it_free(ls->alloc, ls->up[i].bytes);
        it_free(ls->alloc, ls->down[i].bytes);
        free_layer(ls->v[i]);
    }
    ls->n = 0;
}

int it_layers_push(it_layers *ls, it_layer l)
{
    if (ls->n == IT_LAYERS_MAX) {
        free_layer(l);
        return IT_ERR_FULL;
    }
    ls->v[ls->n++] = l;
    return 0;
}

void it_layers_pop(it_layers *ls)
{
    int top = --ls->n;
    it_free(ls->alloc, ls->up[top].bytes);
    it_free(ls->alloc, ls->down[top].bytes);
    ls->up[top] = ls->down[top] = (it_layers_rest){.any = false};
    free_layer(ls->v[top]);
}

/* --- from one to the next --- */

/* Gives |in| to the stream. Returns the bytes taken. */
static int to_stream(it_stream *s, const it_io *in)
{
    if (in->kind == IT_IO_DATA)
        return (int)it_stream_write(s, in->data);
    if (in->kind == IT_IO_FIN)
        it_stream_finish(s);
    else if (in->kind == IT_IO_RST)
        it_stream_reset(s);
    return 0;
}

/* Gives |in|, which layer |i| put out, to the one behind it: upwards or downwards. Returns the bytes taken, IT_ERR_FULL
 * when nothing was, or an error. */
static int pass_on(it_layers *ls, it_time now, int i, bool up, const it_io *in)
{
    if (up)
        return ls->v[i + 1].ops->from_below(ls->v[i + 1].l, now, in);
    if (i == 0)
        return to_stream(ls->below, in);
    return ls->v[i - 1].ops->from_above(ls->v[i - 1].l, now, in);
}

/* Keeps what was not taken of |in|. Returns 0 or IT_ERR_NOMEM. */
static int keep_rest(it_layers *ls, it_layers_rest *r, const it_io *in, size_t taken)
{
    size_t left = in->data.n - taken;
    uint8_t *bytes = it_malloc(ls->alloc, left ? left : 1);
    if (!bytes)
        return IT_ERR_NOMEM;
    if (left)
        memcpy(bytes, in->data.p + taken, left);
    *r = (it_layers_rest){true, *in, bytes, 0};
    r->io.data = it_bytes_of(bytes, left);
    return 0;
}

/* Offers the rest |r| of layer |i| again. Returns 1 when some of it was taken, 0, or an error. */
static int offer_rest(it_layers *ls, it_time now, int i, bool up, it_layers_rest *r)
{
    it_io io = r->io;
    io.data = it_bytes_of(r->bytes + r->at, r->io.data.n - r->at);
    int n = pass_on(ls, now, i, up, &io);
    if (n == IT_ERR_FULL || (n == 0 && io.data.n > 0))
        return 0;
    r->at += n < 0 ? io.data.n : (size_t)n; /* what is refused for good is over, too */
    if (r->at == r->io.data.n) {
        it_free(ls->alloc, r->bytes);
        *r = (it_layers_rest){.any = false};
    }
    return n == IT_ERR_NOMEM ? n : 1;
}

/* What layer |i| puts out, upwards or downwards: 1, 0, or an error. */
static int take_out(const it_layer *l, it_time now, bool up, it_io *io, uint8_t *buf)
{
    *io = (it_io){.kind = IT_IO_DATA};
    if (up)
        return l->ops->to_above(l->l, now, io, buf, IT_LAYER_MESSAGE);
    return l->ops->to_below(l->l, now, io, buf, IT_LAYER_MESSAGE);
}

/* True when of |io|, which pass_on answered with |n|, something is to be offered again. */
static bool is_left(int n, const it_io *io)
{
    return n == IT_ERR_FULL || (n >= 0 && io->kind == IT_IO_DATA && (size_t)n < io->data.n);
}

/* Carries one io of layer |i| on. Returns 1 when something moved, 0, or an error. */
static int carry(it_layers *ls, it_time now, int i, bool up, uint8_t *buf)
{
    it_layers_rest *r = up ? &ls->up[i] : &ls->down[i];
    it_io io;
    if (r->any)
        return offer_rest(ls, now, i, up, r);
    int n = take_out(&ls->v[i], now, up, &io, buf);
    if (n <= 0)
        return n;
    n = pass_on(ls, now, i, up, &io);
    if (is_left(n, &io))
        n = keep_rest(ls, r, &io, n < 0 ? 0 : (size_t)n);
    return n == IT_ERR_NOMEM ? n : 1;
}

/* Carries one io of every layer on, one way; the lowest one may take more then. Returns 1 when something moved, 0, or
 * an error. */
static int carry_way(it_layers *ls, it_time now, bool up, uint8_t *buf)
{
    int moved = 0, n = 0, layers = up ? ls->n - 1 : ls->n;
    for (int k = 0; k < layers && n >= 0; k++) {
        int i = up ? k : layers - 1 - k;
        n = carry(ls, now, i, up, buf);
        moved |= n > 0;
        if (n > 0 && i == 0)
            it_stream_read_on(ls->below);
    }
    return n < 0 ? n : moved;
}

/* Carries one io of every layer on, upwards from the bottom, then downwards from the top; not what the application is
 * to read. Returns 1 when something moved, 0, or an error. */
static int carry_all(it_layers *ls, it_time now, uint8_t *buf)
{
    int up = carry_way(ls, now, true, buf);
    int down = up < 0 ? up : carry_way(ls, now, false, buf);
    return down < 0 ? down : up | down;
}

/* Lets everything move that can. Returns 0 or an error. */
static int turn(it_layers *ls, it_time now)
{
    uint8_t buf[IT_LAYER_MESSAGE];
    int moved = 1;
    while (moved > 0)
        moved = carry_all(ls, now, buf);
    return moved;
}

/* --- both ends --- */

int it_layers_input(it_layers *ls, it_time now, const it_io *in)
{
    it_stream_input(ls->below, in);
    if (in->kind == IT_IO_WRITABLE)
        return 0;
    int n = ls->v[0].ops->from_below(ls->v[0].l, now, in);
    if (n < 0)
        return n;
    size_t taken = (size_t)n;
    int err = turn(ls, now);
    /* What moved on has made room: all that can be taken is taken at once. */
    while (err == 0 && in->kind == IT_IO_DATA && taken < in->data.n) {
        it_io rest = *in;
        rest.data = it_bytes_of(in->data.p + taken, in->data.n - taken);
        n = ls->v[0].ops->from_below(ls->v[0].l, now, &rest);
        if (n <= 0)
            break;
        taken += (size_t)n;
        err = turn(ls, now);
    }
    if (err < 0 || n < 0)
        return err < 0 ? err : n;
    return in->kind == IT_IO_DATA ? it_stream_took(ls->below, in->data.n, taken) : 0;
}

int it_layers_write(it_layers *ls, it_time now, const it_io *in)
{
    const it_layer *top = &ls->v[ls->n - 1];
    int err = turn(ls, now);
    int n = err < 0 ? err : top->ops->from_above(top->l, now, in);
    err = n < 0 ? n : turn(ls, now);
    return err < 0 ? err : n;
}

/* Reads what a layer that was taken away was to be given. */
static int read_rest(it_layers *ls, it_layers_rest *r, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = r->io.data.n - r->at < cap ? r->io.data.n - r->at : cap;
    *out = r->io;
    if (n)
        memcpy(buf, r->bytes + r->at, n);
    out->data = it_bytes_of(buf, n);
    r->at += n;
    if (r->at == r->io.data.n) {
        it_free(ls->alloc, r->bytes);
        *r = (it_layers_rest){.any = false};
    }
    return 1;
}

int it_layers_read(it_layers *ls, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    const it_layer *top = &ls->v[ls->n - 1];
    int err = turn(ls, now);
    if (err == 0 && ls->up[ls->n - 1].any)
        return read_rest(ls, &ls->up[ls->n - 1], out, buf, cap);
    int n = err < 0 ? err : top->ops->to_above(top->l, now, out, buf, cap);
    if (n > 0)
        it_stream_read_on(ls->below);
    return n;
}

int it_layers_output(it_layers *ls, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int err = turn(ls, now);
    return err < 0 ? err : it_stream_output(ls->below, out, buf, cap);
}

int it_layers_tick(it_layers *ls, it_time now)
{
    int err = 0;
    for (int i = 0; i < ls->n && err >= 0; i++)
        if (ls->v[i].ops->next && ls->v[i].ops->next(ls->v[i].l) <= now)
            err = ls->v[i].ops->tick(ls->v[i].l, now);
    return err < 0 ? err : turn(ls, now);
}

it_time it_layers_next(const it_layers *ls)
{
    it_time t = IT_NEVER;
    for (int i = 0; i < ls->n; i++) {
        it_time own = ls->v[i].ops->next ? ls->v[i].ops->next(ls->v[i].l) : IT_NEVER;
        t = own < t ? own : t;
    }
    return t;
}

const char *it_layers_why(const it_layers *ls)
{
    for (int i = 0; i < ls->n; i++) {
        const char *why = ls->v[i].ops->why ? ls->v[i].ops->why(ls->v[i].l) : NULL;
        if (why)
            return why;
    }
    return NULL;
}
