/* Two streams joined back to back. */
#include "stack/stream/relay.h"

int it_relay_data(it_relay *r, int i, it_bytes data)
{
    it_stream *to = &r->s[!i];
    if (to->state == IT_STREAM_GONE || to->fin_due)
        return (int)data.n; /* nobody wants it any more */
    size_t n = it_stream_write(to, data);
    r->bytes[i] += n;
    return it_stream_took(&r->s[i], data.n, n);
}

int it_relay_input(it_relay *r, int i, const it_io *in)
{
    if (in->kind == IT_IO_DATA)
        return it_relay_data(r, i, in->data);
    it_stream_input(&r->s[i], in);
    if (in->kind == IT_IO_FIN)
        it_stream_finish(&r->s[!i]);
    else if (in->kind == IT_IO_RST)
        it_stream_reset(&r->s[!i]);
    return 0;
}

void it_relay_abort(it_relay *r)
{
    for (int i = 0; i < 2; i++)
        it_stream_reset(&r->s[i]);
}

int it_relay_output(it_relay *r, it_io *out, uint8_t *buf, size_t cap)
{
    for (int i = 0; i < 2; i++) {
        if (!it_stream_output(&r->s[i], out, buf, cap))
            continue;
        if (out->kind == IT_IO_DATA && it_stream_space(&r->s[i]) >= IT_STREAM_BUF / 2)
            it_stream_read_on(&r->s[!i]);
        return 1;
    }
    return 0;
}

bool it_relay_over(const it_relay *r)
{
    return !it_stream_alive(&r->s[0]) && !it_stream_alive(&r->s[1]);
}
