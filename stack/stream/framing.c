/* A framing layer by its rules: bytes up to the end of a frame, its message up; a message down, its frame in pieces. */
#include "stack/stream/framing.h"

#include <string.h>

/* A frame on its way. */
typedef struct frame {
    uint8_t *bytes;
    size_t cap;
    size_t n, at; /* bytes that are there; of what goes out: that have gone */
} frame;

typedef struct framing {
    it_layer_ops ops; /* with the rules' kind */
    const it_framing *rules;
    it_alloc *alloc;
    size_t largest;
    frame in, out;
    bool opened, fin_in, fin_out, rst_in, rst_out; /* to be passed on */
    bool over;
    enum it_io_end end; /* of the RST that is passed up */
    const char *why;
} framing;

static size_t frame_wanted(const framing *f)
{
    return f->rules->wanted(f->in.bytes, f->in.n);
}

static bool frame_whole(const framing *f)
{
    return f->in.n > 0 && f->in.n == frame_wanted(f);
}

static void frame_end(framing *f, const char *why)
{
    f->why = why;
    f->in.n = 0;
    f->over = f->rst_in = f->rst_out = true;
}

/* Takes bytes up to the end of the frame that has begun. Returns how many, or IT_ERR_NOMEM. */
static int frame_fill(framing *f, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && !frame_whole(f)) {
        size_t more = frame_wanted(f) - f->in.n;
        size_t n = data.n - at < more ? data.n - at : more;
        if (it_grow(f->alloc, &f->in.bytes, &f->in.cap, f->in.n + n, 1) < 0)
            return at ? (int)at : IT_ERR_NOMEM;
        memcpy(f->in.bytes + f->in.n, data.p + at, n);
        f->in.n += n;
        at += n;
        const char *why = f->rules->fault(f->in.bytes, f->in.n, f->largest);
        if (why) {
            frame_end(f, why);
            return (int)data.n;
        }
    }
    return (int)at;
}

static int framing_from_below(void *l, it_time now, const it_io *in)
{
    framing *f = l;
    (void)now;
    if (f->over)
        return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_ACCEPTED:
        f->opened = true;
        return 0;
    case IT_IO_DATA:
        return frame_fill(f, in->data);
    case IT_IO_FIN:
        f->fin_in = f->in.n == 0 || frame_whole(f);
        if (!f->fin_in)
            frame_end(f, f->rules->cut);
        return 0;
    case IT_IO_RST:
        f->over = f->rst_in = true;
        f->end = in->end;
        return 0;
    default:
        return 0;
    }
}

static int framing_to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    framing *f = l;
    (void)now;
    *out = (it_io){.kind = IT_IO_OPENED};
    if (f->opened) {
        f->opened = false;
        return 1;
    }
    if (frame_whole(f) && f->rules->message(f->in.bytes) <= cap) {
        size_t n = f->rules->message(f->in.bytes);
        memcpy(buf, f->in.bytes + f->rules->head, n);
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        f->in.n = 0;
        return 1;
    }
    if (!f->rst_in && !f->fin_in)
        return 0;
    out->kind = f->rst_in ? IT_IO_RST : IT_IO_FIN;
    out->end = f->end;
    f->rst_in = f->fin_in = false;
    return 1;
}

/* Takes message |m| from above. */
static int frame_take(framing *f, it_bytes m)
{
    if (f->over || f->fin_out)
        return IT_ERR_STATE;
    size_t n = f->rules->framed(m, f->largest);
    if (n == 0)
        return IT_ERR_TOOBIG;
    if (f->out.n > f->out.at)
        return IT_ERR_FULL; /* one message at a time */
    if (it_grow(f->alloc, &f->out.bytes, &f->out.cap, n, 1) < 0)
        return IT_ERR_NOMEM;
    f->rules->write(f->out.bytes, m);
    f->out.n = n;
    f->out.at = 0;
    return (int)m.n;
}

static int framing_from_above(void *l, it_time now, const it_io *in)
{
    framing *f = l;
    (void)now;
    switch (in->kind) {
    case IT_IO_DATA:
        return frame_take(f, in->data);
    case IT_IO_FIN:
        f->fin_out = true;
        return 0;
    case IT_IO_RST:
        f->over = f->rst_out = true;
        return 0;
    default:
        return 0;
    }
}

static int framing_to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    framing *f = l;
    (void)now;
    *out = (it_io){.kind = IT_IO_RST};
    if (f->rst_out) {
        f->rst_out = false;
        return 1;
    }
    size_t n = f->out.n - f->out.at;
    n = n < cap ? n : cap;
    if (n) {
        memcpy(buf, f->out.bytes + f->out.at, n);
        f->out.at += n;
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        return 1;
    }
    if (!f->fin_out)
        return 0;
    f->fin_out = false;
    out->kind = IT_IO_FIN;
    return 1;
}

static const char *framing_why(const void *l)
{
    return ((const framing *)l)->why;
}

static void framing_free(void *l)
{
    framing *f = l;
    it_free(f->alloc, f->in.bytes);
    it_free(f->alloc, f->out.bytes);
    it_free(f->alloc, f);
}

it_layer it_framing_layer(it_alloc *alloc, const it_framing *rules, size_t largest)
{
    framing *f = it_calloc(alloc, 1, sizeof *f);
    if (!f)
        return (it_layer){NULL, NULL};
    *f = (framing){.ops = {.kind = rules->kind,
                           .from_below = framing_from_below,
                           .from_above = framing_from_above,
                           .to_below = framing_to_below,
                           .to_above = framing_to_above,
                           .why = framing_why,
                           .free = framing_free},
                   .rules = rules,
                   .alloc = alloc,
                   .largest = largest};
    return (it_layer){&f->ops, f};
}
