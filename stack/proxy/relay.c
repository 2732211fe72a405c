/* Two streams joined back to back. */
#include "stack/proxy/relay.h"

#include <string.h>

size_t it_leg_put(it_leg *leg, it_bytes data)
{
    if (leg->at + leg->n + data.n > IT_RELAY_BUF && leg->at) {
        memmove(leg->buf, leg->buf + leg->at, leg->n);
        leg->at = 0;
    }
    size_t room = IT_RELAY_BUF - leg->at - leg->n, n = data.n < room ? data.n : room;
    if (n)
        memcpy(leg->buf + leg->at + leg->n, data.p, n);
    leg->n += n;
    return n;
}

int it_relay_data(it_relay *r, int i, it_bytes data)
{
    it_leg *to = &r->leg[!i];
    if (!to->alive || to->fin_due)
        return (int)data.n; /* nobody wants it any more */
    size_t n = it_leg_put(to, data);
    r->bytes[i] += n;
    r->leg[i].cut_short = n < data.n;
    return (int)n;
}

/* A stream is gone after FIN in both directions. */
static void end_if_over(it_leg *leg)
{
    if (leg->fin_in && leg->fin_out)
        leg->alive = false;
}

void it_relay_fin(it_relay *r, int i)
{
    r->leg[i].fin_in = true;
    end_if_over(&r->leg[i]);
    r->leg[!i].fin_due = true;
}

void it_relay_rst(it_relay *r, int i)
{
    r->leg[i].alive = false;
    r->leg[!i].rst_due = r->leg[!i].alive;
}

void it_relay_read_on(it_relay *r, int i)
{
    it_leg *leg = &r->leg[i];
    leg->ask = leg->ask || leg->cut_short;
    leg->cut_short = false;
}

void it_relay_abort(it_relay *r)
{
    for (int i = 0; i < 2; i++)
        r->leg[i].rst_due = r->leg[i].alive;
}

void it_relay_room(it_relay *r, int i, size_t room)
{
    r->leg[i].opened = true;
    r->leg[i].room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

int it_leg_output(it_leg *leg, it_leg *from, it_io *out, uint8_t *buf, size_t cap)
{
    if (!leg->alive)
        return 0;
    *out = (it_io){.flow = leg->flow};
    if (leg->rst_due) {
        leg->alive = leg->rst_due = false;
        out->kind = IT_IO_RST;
        return 1;
    }
    if (leg->opened && leg->n && leg->room) {
        size_t n = leg->n < leg->room ? leg->n : leg->room;
        n = n < cap ? n : cap;
        memcpy(buf, leg->buf + leg->at, n);
        leg->at = leg->n == n ? 0 : leg->at + n;
        leg->n -= n;
        leg->room -= (uint32_t)n;
        if (from->cut_short && leg->n <= IT_RELAY_BUF / 2) {
            from->cut_short = false;
            from->ask = true;
        }
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        return 1;
    }
    if (leg->ask) {
        leg->ask = false;
        out->kind = IT_IO_WRITABLE;
        return 1;
    }
    if (leg->opened && leg->fin_due && leg->n == 0 && !leg->fin_out) {
        leg->fin_out = true;
        end_if_over(leg);
        out->kind = IT_IO_FIN;
        return 1;
    }
    return 0;
}

int it_relay_output(it_relay *r, it_io *out, uint8_t *buf, size_t cap)
{
    return it_leg_output(&r->leg[0], &r->leg[1], out, buf, cap) || it_leg_output(&r->leg[1], &r->leg[0], out, buf, cap);
}

bool it_relay_over(const it_relay *r)
{
    return !r->leg[0].alive && !r->leg[1].alive;
}
