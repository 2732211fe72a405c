/* Bytes on their way through a layer that does not change them. */
#include "stack/stream/pass.h"

static int put_bytes(it_pass *p, it_bytes data)
{
    if (p->over || p->fin)
        return (int)data.n; /* nobody wants it any more */
    return (int)it_queue_put(&p->bytes, data);
}

int it_pass_put(it_pass *p, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_DATA:
        return put_bytes(p, in->data);
    case IT_IO_OPENED:
    case IT_IO_ACCEPTED:
        p->opened = true;
        return 0;
    case IT_IO_FIN:
        p->fin = true;
        return 0;
    case IT_IO_RST:
        if (p->over)
            return 0;
        p->rst = p->over = true;
        p->end = in->end;
        return 0;
    default:
        return 0;
    }
}

int it_pass_take(it_pass *p, it_io *out, uint8_t *buf, size_t cap)
{
    *out = (it_io){.kind = IT_IO_RST};
    if (p->rst) {
        p->rst = false;
        out->end = p->end;
        return 1;
    }
    if (p->over)
        return 0;
    if (p->opened) {
        p->opened = false;
        out->kind = IT_IO_OPENED;
        return 1;
    }
    size_t n = it_queue_take(&p->bytes, buf, cap);
    if (n) {
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        return 1;
    }
    if (!p->fin)
        return 0;
    p->fin = false;
    p->over = true;
    out->kind = IT_IO_FIN;
    return 1;
}
