/* Targets and messages of a relay over WebSocket. */
#include "stack/wsrelay/wire.h"

static const char PREFIX[] = "/relay/";

int it_wsrelay_frame_read(it_bytes message, it_wsrelay_frame *f)
{
    if (message.n == 0)
        return IT_ERR_PARSE;
    it_bytes rest = it_bytes_of(message.p + 1, message.n - 1);
    *f = (it_wsrelay_frame){.type = (enum it_wsrelay_type)message.p[0]};
    switch (message.p[0]) {
    case IT_WSRELAY_DATA:
        f->data = rest;
        return rest.n <= IT_WSRELAY_DATAGRAM ? 0 : IT_ERR_PARSE;
    case IT_WSRELAY_HERE:
    case IT_WSRELAY_GONE:
        return rest.n == 0 ? 0 : IT_ERR_PARSE;
    case IT_WSRELAY_LOST:
        if (rest.n != 4)
            return IT_ERR_PARSE;
        f->lost = it_get32(rest.p);
        return 0;
    default:
        return IT_ERR_PARSE;
    }
}

int it_wsrelay_frame_write(const it_wsrelay_frame *f, uint8_t *out)
{
    out[0] = (uint8_t)f->type;
    if (f->type == IT_WSRELAY_LOST) {
        it_put32(out + 1, f->lost);
        return 5;
    }
    if (f->type != IT_WSRELAY_DATA)
        return 1;
    if (f->data.n > IT_WSRELAY_DATAGRAM)
        return IT_ERR_TOOBIG;
    if (f->data.n)
        memcpy(out + 1, f->data.p, f->data.n);
    return 1 + (int)f->data.n;
}

static bool is_word(it_bytes b)
{
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i], low = c | 0x20;
        if ((low < 'a' || low > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

bool it_wsrelay_room_valid(it_bytes room)
{
    return room.n >= IT_WSRELAY_ROOM_MIN && room.n <= IT_WSRELAY_ROOM && is_word(room);
}

bool it_wsrelay_name_valid(it_bytes name)
{
    return name.n >= 1 && name.n <= IT_WSRELAY_NAME && is_word(name);
}

int it_wsrelay_target_read(it_bytes target, it_bytes *room, it_bytes *name)
{
    const size_t n = sizeof PREFIX - 1;
    if (target.n <= n || memcmp(target.p, PREFIX, n) != 0)
        return IT_ERR_PARSE;
    it_bytes rest = it_bytes_of(target.p + n, target.n - n);
    const uint8_t *slash = memchr(rest.p, '/', rest.n);
    if (!slash)
        return IT_ERR_PARSE;
    *room = it_bytes_of(rest.p, (size_t)(slash - rest.p));
    *name = it_bytes_of(slash + 1, rest.n - room->n - 1);
    return it_wsrelay_room_valid(*room) && it_wsrelay_name_valid(*name) ? 0 : IT_ERR_PARSE;
}
