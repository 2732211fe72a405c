/* Framing by the messages' own heads: one message a way, as far as it has come or gone. */
#include "stack/turn/frame.h"

#include "stack/stun/msg.h"
#include "stack/turn/channel.h"

enum { HEAD = 4, COOKIE_END = 8 };

typedef struct part {
    uint8_t *bytes;
    size_t cap;
    size_t n, at; /* bytes that are there; of what goes out: that have gone */
} part;

typedef struct framing {
    it_alloc *alloc;
    size_t largest;
    part in, out;
    bool opened, fin_in, fin_out, rst_in, rst_out; /* to be passed on */
    bool over;
    const char *why;
} framing;

/* Bytes of the message whose head is at |p|, without padding. */
static size_t frame_length(const uint8_t *p)
{
    size_t n = it_get16(p + 2);
    return n + (p[0] <= 3 ? IT_STUN_HEADER : IT_TURN_CHANNEL_HEAD);
}

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* How many bytes have to be there before more can be said: the head, then as far as the cookie, then all. */
static size_t frame_wanted(const part *in)
{
    if (in->n < HEAD)
        return HEAD;
    if (in->bytes[0] <= 3 && in->n < COOKIE_END)
        return COOKIE_END;
    return padded(frame_length(in->bytes));
}

static bool frame_whole(const part *in)
{
    return in->n >= HEAD && in->n == frame_wanted(in);
}

/* What is wrong with the message that has begun; NULL: nothing so far. */
static const char *frame_fault(const framing *f)
{
    const part *in = &f->in;
    enum it_turn_message kind = it_turn_message_kind(it_bytes_of(in->bytes, in->n));
    if (kind == IT_TURN_MESSAGE_OTHER)
        return "a message is neither STUN nor ChannelData (RFC 8656 section 12.6)";
    if (in->n >= HEAD && padded(frame_length(in->bytes)) > f->largest)
        return "a message is longer than can be taken (RFC 8656 section 12.5)";
    if (kind != IT_TURN_MESSAGE_STUN || in->n < HEAD)
        return NULL;
    if (it_get16(in->bytes + 2) % 4 != 0)
        return "the length of a STUN message is no multiple of four (RFC 8489 section 5)";
    if (in->n >= COOKIE_END && it_get32(in->bytes + 4) != IT_STUN_COOKIE)
        return "a STUN message without the magic cookie (RFC 8489 section 5)";
    return NULL;
}

static void frame_end(framing *f, const char *why)
{
    f->why = why;
    f->in.n = 0;
    f->over = f->rst_in = f->rst_out = true;
}

/* Takes bytes up to the end of the message that has begun. Returns how many, or IT_ERR_NOMEM. */
static int frame_fill(framing *f, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && !frame_whole(&f->in)) {
        size_t more = frame_wanted(&f->in) - f->in.n;
        size_t n = data.n - at < more ? data.n - at : more;
        if (it_grow(f->alloc, &f->in.bytes, &f->in.cap, f->in.n + n, 1) < 0)
            return at ? (int)at : IT_ERR_NOMEM;
        memcpy(f->in.bytes + f->in.n, data.p + at, n);
        f->in.n += n;
        at += n;
        const char *why = frame_fault(f);
        if (why) {
            frame_end(f, why);
            return (int)data.n;
        }
    }
    return (int)at;
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
        return frame_fill(f, in->data);
    case IT_IO_FIN:
        f->fin_in = f->in.n == 0 || frame_whole(&f->in);
        if (!f->fin_in)
            frame_end(f, "the stream ended inside a message (RFC 8489 section 6.2.2)");
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
    if (frame_whole(&f->in) && frame_length(f->in.bytes) <= cap) {
        size_t n = frame_length(f->in.bytes);
        memcpy(buf, f->in.bytes, n);
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        f->in.n = 0;
        return 1;
    }
    if (!f->rst_in && !f->fin_in)
        return 0;
    out->kind = f->rst_in ? IT_IO_RST : IT_IO_FIN;
    f->rst_in = f->fin_in = false;
    return 1;
}

/* Takes a message from above, whole and of the length that its head says. */
static int frame_take(framing *f, it_bytes m)
{
    if (f->over || f->fin_out)
        return IT_ERR_STATE;
    if (padded(m.n) > f->largest || m.n < HEAD || frame_length(m.p) != m.n)
        return IT_ERR_TOOBIG;
    if (f->out.n > f->out.at)
        return IT_ERR_FULL; /* one message at a time */
    if (it_grow(f->alloc, &f->out.bytes, &f->out.cap, padded(m.n), 1) < 0)
        return IT_ERR_NOMEM;
    memcpy(f->out.bytes, m.p, m.n);
    /* RFC 8656 section 12.5: padded on streams, and the length does not tell. */
    memset(f->out.bytes + m.n, 0, padded(m.n) - m.n);
    f->out.n = padded(m.n);
    f->out.at = 0;
    return (int)m.n;
}

static int from_above(void *l, it_time now, const it_io *in)
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

static const char *frame_why(const void *l)
{
    return ((const framing *)l)->why;
}

static void frame_free(void *l)
{
    framing *f = l;
    it_free(f->alloc, f->in.bytes);
    it_free(f->alloc, f->out.bytes);
    it_free(f->alloc, f);
}

static const it_layer_ops OPS = {.kind = "turn",
                                 .from_below = from_below,
                                 .from_above = from_above,
                                 .to_below = to_below,
                                 .to_above = to_above,
                                 .why = frame_why,
                                 .free = frame_free};

it_layer it_turn_frame(it_alloc *alloc, size_t largest)
{
    framing *f = it_calloc(alloc, 1, sizeof *f);
    if (!f)
        return (it_layer){NULL, NULL};
    *f = (framing){.alloc = alloc, .largest = largest < IT_TURN_FRAME_MAX ? largest : IT_TURN_FRAME_MAX};
    return (it_layer){&OPS, f};
}
