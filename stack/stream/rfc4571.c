/* Framing by length: one message a way, as far as it has come or gone. */
#include "stack/stream/rfc4571.h"

#include <string.h>

enum { HEAD = 2 };

/* A frame on its way: length and message. */
typedef struct frame {
    uint8_t *bytes; /* room for the head and the largest message */
    size_t n, at;   /* bytes that are there; of what goes out: that have gone */
} frame;

typedef struct framing {
    it_alloc *alloc;
    size_t largest;
    frame in, out;
    bool opened, fin_in, fin_out, rst_in, rst_out; /* to be passed on */
    bool over;
    const char *why;
} framing;

static size_t length_of(const frame *f)
{
    return (size_t)f->bytes[0] << 8 | f->bytes[1];
}

static bool whole(const frame *f)
{
    return f->n >= HEAD && f->n == HEAD + length_of(f);
}

/* Takes bytes up to the end of the message that has begun. Returns how many. */
static size_t fill(framing *f, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && !whole(&f->in)) {
        size_t want = f->in.n < HEAD ? HEAD - f->in.n : HEAD + length_of(&f->in) - f->in.n;
        size_t n = data.n - at < want ? data.n - at : want;
        memcpy(f->in.bytes + f->in.n, data.p + at, n);
        f->in.n += n;
        at += n;
        if (f->in.n == HEAD && length_of(&f->in) > f->largest) {
            f->why = "a message is longer than agreed (RFC 4571 section 2)";
            f->over = f->rst_in = f->rst_out = true;
            return data.n;
        }
    }
    return at;
}

static int from_below(void *l, it_time now, const it_io *in)
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
        return (int)fill(f, in->data);
    case IT_IO_FIN:
        f->fin_in = f->in.n == 0 || whole(&f->in);
        if (f->fin_in)
            return 0;
        f->why = "the stream ended inside a message (RFC 4571 section 2)";
        f->over = f->rst_in = f->rst_out = true;
        return 0;
    case IT_IO_RST:
        f->over = f->rst_in = true;
        return 0;
    default:
        return 0;
    }
}

static int to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    framing *f = l;
    (void)now;
    *out = (it_io){.kind = IT_IO_OPENED};
    if (f->opened) {
        f->opened = false;
        return 1;
    }
    if (whole(&f->in) && f->in.n - HEAD <= cap) {
        memcpy(buf, f->in.bytes + HEAD, f->in.n - HEAD);
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, f->in.n - HEAD);
        f->in.n = 0;
        return 1;
    }
    if (!f->rst_in && !f->fin_in)
        return 0;
    out->kind = f->rst_in ? IT_IO_RST : IT_IO_FIN;
    f->rst_in = f->fin_in = false;
    return 1;
}

static int from_above(void *l, it_time now, const it_io *in)
{
    framing *f = l;
    (void)now;
    if (in->kind == IT_IO_FIN)
        f->fin_out = true;
    else if (in->kind == IT_IO_RST)
        f->over = f->rst_out = true;
    if (in->kind != IT_IO_DATA)
        return 0;
    if (f->over || f->fin_out)
        return IT_ERR_STATE;
    if (in->data.n > f->largest)
        return IT_ERR_TOOBIG;
    if (f->out.n > f->out.at)
        return IT_ERR_FULL; /* one message at a time */
    f->out.bytes[0] = (uint8_t)(in->data.n >> 8);
    f->out.bytes[1] = (uint8_t)in->data.n;
    if (in->data.n)
        memcpy(f->out.bytes + HEAD, in->data.p, in->data.n);
    f->out.n = HEAD + in->data.n;
    f->out.at = 0;
    return (int)in->data.n;
}

static int to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
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

static const char *why_over(const void *l)
{
    return ((const framing *)l)->why;
}

static void free_framing(void *l)
{
    framing *f = l;
    it_free(f->alloc, f->in.bytes);
    it_free(f->alloc, f->out.bytes);
    it_free(f->alloc, f);
}

static const it_layer_ops OPS = {.kind = "rfc4571",
                                 .from_below = from_below,
                                 .from_above = from_above,
                                 .to_below = to_below,
                                 .to_above = to_above,
                                 .why = why_over,
                                 .free = free_framing};

it_layer it_rfc4571(it_alloc *alloc, size_t largest)
{
    framing *f = it_calloc(alloc, 1, sizeof *f);
    if (!f)
        return (it_layer){NULL, NULL};
    *f = (framing){.alloc = alloc, .largest = largest < IT_RFC4571_MAX ? largest : IT_RFC4571_MAX};
    f->in.bytes = it_malloc(alloc, HEAD + f->largest);
    f->out.bytes = it_malloc(alloc, HEAD + f->largest);
    if (!f->in.bytes || !f->out.bytes) {
        free_framing(f);
        return (it_layer){NULL, NULL};
    }
    return (it_layer){&OPS, f};
}
