/* One end of a byte stream: bytes that wait, credit, FIN, RST. */
#include "stack/stream/stream.h"

#include <stddef.h>
#include <string.h>

void it_stream_open(it_stream *s, uint32_t flow, it_addr local, it_addr remote)
{
    bool fin = s->fin_due; /* what was written before stays, and its end */
    memset(s, 0, offsetof(it_stream, wait));
    s->flow = flow;
    s->local = local;
    s->remote = remote;
    s->fin_due = fin;
    s->state = IT_STREAM_DUE;
}

void it_stream_retry(it_stream *s)
{
    s->state = IT_STREAM_NEW;
}

void it_stream_accept(it_stream *s, const it_io *in)
{
    it_stream_open(s, in->flow, in->local, in->remote);
    it_stream_input(s, in);
}

bool it_stream_alive(const it_stream *s)
{
    return s->state != IT_STREAM_NEW && s->state != IT_STREAM_GONE;
}

size_t it_stream_space(const it_stream *s)
{
    return s->fin_due || s->state == IT_STREAM_GONE ? 0 : IT_STREAM_BUF - s->wait.n;
}

size_t it_stream_write(it_stream *s, it_bytes data)
{
    return it_stream_space(s) ? it_queue_put(&s->wait, data) : 0;
}

void it_stream_finish(it_stream *s)
{
    s->fin_due = true;
}

void it_stream_reset(it_stream *s)
{
    s->fin_due = true;
    s->wait.n = 0;
    s->rst_due = s->state == IT_STREAM_OPENING || s->state == IT_STREAM_OPEN;
    if (!s->rst_due)
        s->state = IT_STREAM_GONE;
}

/* A stream is gone after FIN in both directions. */
static void end_if_over(it_stream *s)
{
    if (s->fin_in && s->fin_out)
        s->state = IT_STREAM_GONE;
}

static void grant(it_stream *s, size_t room)
{
    s->room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

void it_stream_input(it_stream *s, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_ACCEPTED:
        s->state = IT_STREAM_OPEN;
        s->local = in->local;
        s->remote = in->remote;
        grant(s, in->data.n);
        break;
    case IT_IO_WRITABLE:
        grant(s, in->data.n);
        break;
    case IT_IO_FIN:
        s->fin_in = true;
        end_if_over(s);
        break;
    case IT_IO_RST:
        s->state = IT_STREAM_GONE;
        s->rst_due = false;
        break;
    default:
        break;
    }
}

int it_stream_took(it_stream *s, size_t n, size_t taken)
{
    s->cut_short = taken < n;
    return (int)taken;
}

void it_stream_read_on(it_stream *s)
{
    s->ask = s->ask || s->cut_short;
    s->cut_short = false;
}

static void data_out(it_stream *s, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = it_queue_take(&s->wait, buf, s->room < cap ? s->room : cap);
    s->room -= (uint32_t)n;
    out->kind = IT_IO_DATA;
    out->data = it_bytes_of(buf, n);
}

int it_stream_output(it_stream *s, it_io *out, uint8_t *buf, size_t cap)
{
    if (!it_stream_alive(s))
        return 0;
    *out = (it_io){.flow = s->flow};
    if (s->rst_due) {
        s->rst_due = false;
        s->state = IT_STREAM_GONE;
        out->kind = IT_IO_RST;
    } else if (s->state == IT_STREAM_DUE) {
        s->state = IT_STREAM_OPENING;
        out->kind = IT_IO_OPEN;
        out->local = s->local;
        out->remote = s->remote;
    } else if (s->state == IT_STREAM_OPEN && s->wait.n && s->room) {
        data_out(s, out, buf, cap);
    } else if (s->ask) {
        s->ask = false;
        out->kind = IT_IO_WRITABLE;
    } else if (s->state == IT_STREAM_OPEN && s->fin_due && s->wait.n == 0 && !s->fin_out) {
        s->fin_out = true;
        end_if_over(s);
        out->kind = IT_IO_FIN;
    } else {
        return 0;
    }
    return 1;
}
