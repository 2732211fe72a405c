/* Words by UDP, read and written. */
#include "stack/wsrelay/dgram.h"

enum { VERSION = 1, HEAD = 4, TOKEN = 8 };

/* How many bytes a word has at least, by type; those of the others' it has exactly. */
static const struct {
    uint8_t least;
    bool more;
} SHAPE[] = {
    [IT_WSRELAY_JOIN] = {HEAD + IT_WSRELAY_COOKIE + TOKEN + 2, true},
    [IT_WSRELAY_COOKIED] = {HEAD + IT_WSRELAY_COOKIE, false},
    [IT_WSRELAY_IN] = {HEAD + TOKEN + 5, false},
    [IT_WSRELAY_NO] = {HEAD + 2, false},
    [IT_WSRELAY_KEEP] = {HEAD + TOKEN, false},
    [IT_WSRELAY_LEAVE] = {HEAD + TOKEN, false},
    [IT_WSRELAY_CARRY] = {HEAD + TOKEN, true},
};

/* A view behind one byte of length, at |*at|; false: it is longer than |b|. */
static bool read_text(it_bytes b, size_t *at, it_bytes *out)
{
    if (*at >= b.n || b.n - *at - 1 < b.p[*at])
        return false;
    *out = it_bytes_of(b.p + *at + 1, b.p[*at]);
    *at += 1 + (size_t)b.p[*at];
    return true;
}

static int read_join(it_bytes b, it_wsrelay_word *w)
{
    size_t at = HEAD + IT_WSRELAY_COOKIE + TOKEN;
    memcpy(w->cookie, b.p + HEAD, IT_WSRELAY_COOKIE);
    w->token = it_get64(b.p + HEAD + IT_WSRELAY_COOKIE);
    if (!read_text(b, &at, &w->room) || !read_text(b, &at, &w->name) || at != b.n)
        return IT_ERR_PARSE;
    return it_wsrelay_room_valid(w->room) && it_wsrelay_name_valid(w->name) ? 0 : IT_ERR_PARSE;
}

int it_wsrelay_word_read(it_bytes b, it_wsrelay_word *w)
{
    if (b.n < HEAD || b.p[0] != IT_WSRELAY_DGRAM_TYPE || b.p[1] != VERSION || b.p[3] != 0)
        return IT_ERR_PARSE;
    if (b.p[2] > IT_WSRELAY_CARRY || b.n < SHAPE[b.p[2]].least || (b.n > SHAPE[b.p[2]].least && !SHAPE[b.p[2]].more))
        return IT_ERR_PARSE;
    *w = (it_wsrelay_word){.type = (enum it_wsrelay_dgram)b.p[2]};
    switch (w->type) {
    case IT_WSRELAY_JOIN:
        return read_join(b, w);
    case IT_WSRELAY_COOKIED:
        memcpy(w->cookie, b.p + HEAD, IT_WSRELAY_COOKIE);
        return 0;
    case IT_WSRELAY_NO:
        w->status = it_get16(b.p + HEAD);
        return 0;
    case IT_WSRELAY_IN:
        w->here = b.p[HEAD + TOKEN];
        w->lost = it_get32(b.p + HEAD + TOKEN + 1);
        if (b.p[HEAD + TOKEN] > 1)
            return IT_ERR_PARSE;
        break;
    case IT_WSRELAY_CARRY:
        w->data = it_bytes_of(b.p + IT_WSRELAY_DGRAM_HEAD, b.n - IT_WSRELAY_DGRAM_HEAD);
        break;
    default:
        break;
    }
    w->token = it_get64(b.p + HEAD);
    return w->token ? 0 : IT_ERR_PARSE;
}

static size_t put_text(uint8_t *out, it_bytes text)
{
    out[0] = (uint8_t)text.n;
    memcpy(out + 1, text.p, text.n);
    return 1 + text.n;
}

static int write_join(const it_wsrelay_word *w, uint8_t *out)
{
    size_t at = HEAD + IT_WSRELAY_COOKIE + TOKEN;
    memcpy(out + HEAD, w->cookie, IT_WSRELAY_COOKIE);
    it_put64(out + HEAD + IT_WSRELAY_COOKIE, w->token);
    at += put_text(out + at, w->room);
    at += put_text(out + at, w->name);
    return (int)at;
}

int it_wsrelay_word_write(const it_wsrelay_word *w, uint8_t *out, size_t cap)
{
    if (w->type == IT_WSRELAY_CARRY && w->data.n > IT_WSRELAY_DGRAM_DATA)
        return IT_ERR_TOOBIG;
    if (cap < SHAPE[w->type].least + w->room.n + w->name.n + w->data.n)
        return IT_ERR_FULL;
    out[0] = IT_WSRELAY_DGRAM_TYPE;
    out[1] = VERSION;
    out[2] = (uint8_t)w->type;
    out[3] = 0;
    switch (w->type) {
    case IT_WSRELAY_JOIN:
        return write_join(w, out);
    case IT_WSRELAY_COOKIED:
        memcpy(out + HEAD, w->cookie, IT_WSRELAY_COOKIE);
        break;
    case IT_WSRELAY_NO:
        it_put16(out + HEAD, w->status);
        break;
    case IT_WSRELAY_IN:
        it_put64(out + HEAD, w->token);
        out[HEAD + TOKEN] = w->here;
        it_put32(out + HEAD + TOKEN + 1, w->lost);
        break;
    default:
        it_put64(out + HEAD, w->token);
        if (w->data.n)
            memcpy(out + IT_WSRELAY_DGRAM_HEAD, w->data.p, w->data.n);
        break;
    }
    return SHAPE[w->type].least + (int)w->data.n;
}
