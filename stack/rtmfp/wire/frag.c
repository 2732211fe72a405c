/* Reassembly of packets from fragments. */
#include "stack/rtmfp/wire/frag.h"

void it_rtmfp_frags_init(it_rtmfp_frags *f, it_alloc *alloc)
{
    *f = (it_rtmfp_frags){.alloc = alloc};
}

static void frag_drop(it_rtmfp_frags *f, uint32_t i)
{
    it_rtmfp_frag_buffer *b = f->buffer[i];
    if (!b)
        return;
    for (uint32_t k = 0; k < IT_RTMFP_FRAG_PIECES; k++)
        it_free(f->alloc, (void *)(uintptr_t)b->piece[k].p);
    it_free(f->alloc, b);
    f->buffer[i] = NULL;
}

void it_rtmfp_frags_fini(it_rtmfp_frags *f)
{
    for (uint32_t i = 0; i < IT_RTMFP_FRAG_BUFFERS; i++)
        frag_drop(f, i);
    it_free(f->alloc, f->whole);
    f->whole = NULL;
}

/* RFC 7016 section 3.4: up to 60 seconds, while a new fragment came within the last one. */
static bool frag_expired(const it_rtmfp_frag_buffer *b, it_time now)
{
    return now - b->begun > IT_RTMFP_FRAG_WHOLE || now - b->grown > IT_RTMFP_FRAG_PROGRESS;
}

/* The buffer of packet |id| from |from|, a new one where there is room for it; -1: none. */
static int frag_find(it_rtmfp_frags *f, it_time now, it_addr from, enum it_rtmfp_mode mode, uint64_t id, int *err)
{
    int room = -1, same = 0;
    for (int i = 0; i < IT_RTMFP_FRAG_BUFFERS; i++) {
        if (f->buffer[i] && frag_expired(f->buffer[i], now))
            frag_drop(f, (uint32_t)i);
        const it_rtmfp_frag_buffer *b = f->buffer[i];
        if (!b)
            room = i;
        else if (it_addr_eq(b->from, from) && b->id == id)
            return i;
        else if (it_addr_eq(b->from, from))
            same++;
    }
    if (room < 0 || same >= IT_RTMFP_FRAG_SOURCE)
        return -1;
    it_rtmfp_frag_buffer *b = it_calloc(f->alloc, 1, sizeof *b);
    if (!b) {
        *err = IT_ERR_NOMEM;
        return -1;
    }
    b->from = from;
    b->id = id;
    b->mode = mode;
    b->begun = b->grown = now;
    f->buffer[room] = b;
    return room;
}

/* True when |p| belongs to |b| and is not there yet. */
static bool frag_fits(const it_rtmfp_frag_buffer *b, enum it_rtmfp_mode mode, const it_rtmfp_fragment *p)
{
    if (b->mode != mode) /* RFC 7016 section 3.4: MUST discard */
        return false;
    if (p->number >= IT_RTMFP_FRAG_PIECES || b->piece[p->number].p)
        return false;
    if (b->want && (p->number >= b->want || !p->more)) /* behind the last one, or a second last one */
        return false;
    if (!p->more && p->number < b->top) /* a last one that is not */
        return false;
    return p->data.n <= IT_RTMFP_FRAG_BYTES - b->bytes;
}

/* Joins the fragments of |b|. */
static int frag_join(it_rtmfp_frags *f, const it_rtmfp_frag_buffer *b, it_bytes *whole)
{
    size_t at = 0;
    f->whole = it_malloc(f->alloc, b->bytes);
    if (!f->whole)
        return IT_ERR_NOMEM;
    for (uint32_t i = 0; i < b->want; i++) {
        memcpy(f->whole + at, b->piece[i].p, b->piece[i].n);
        at += b->piece[i].n;
    }
    *whole = it_bytes_of(f->whole, at);
    it_rtmfp_head h;
    it_rd r;
    return it_rtmfp_head_get(&r, *whole, &h) == 0 && h.mode == b->mode;
}

int it_rtmfp_frags_take(it_rtmfp_frags *f, it_time now, it_addr from, enum it_rtmfp_mode mode,
                        const it_rtmfp_fragment *p, it_bytes *whole)
{
    int err = 0;
    it_free(f->alloc, f->whole);
    f->whole = NULL;
    int i = frag_find(f, now, from, mode, p->id, &err);
    if (i < 0)
        return err;
    it_rtmfp_frag_buffer *b = f->buffer[i];
    if (!frag_fits(b, mode, p))
        return 0;
    uint8_t *copy = it_malloc(f->alloc, p->data.n);
    if (!copy)
        return IT_ERR_NOMEM;
    memcpy(copy, p->data.p, p->data.n);
    b->piece[p->number] = it_bytes_of(copy, p->data.n);
    b->bytes += p->data.n;
    b->grown = now;
    b->n++;
    if (p->number > b->top)
        b->top = (uint32_t)p->number;
    if (!p->more)
        b->want = (uint32_t)p->number + 1;
    if (!b->want || b->n < b->want)
        return 0;
    int r = frag_join(f, b, whole);
    frag_drop(f, (uint32_t)i);
    return r;
}

uint32_t it_rtmfp_frags_count(const it_rtmfp_frags *f, it_time now)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < IT_RTMFP_FRAG_BUFFERS; i++)
        n += f->buffer[i] && !frag_expired(f->buffer[i], now);
    return n;
}
