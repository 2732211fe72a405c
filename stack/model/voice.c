/* The voice stream and the framing of application datagrams. */
#include "stack/model/voice.h"

#include "base/err.h"

#include <string.h>

enum { TYPE_MESSAGE = 1, TYPE_VOICE = 2, TYPE_PING = 3, TYPE_PONG = 4, TYPE_BYE = 5, FLAG_LAST = 1, LATE = 150 };

void it_voice_tx_init(it_voice_tx *v)
{
    *v = (it_voice_tx){.due = IT_NEVER};
}

void it_voice_rx_init(it_voice_rx *v)
{
    *v = (it_voice_rx){.base = IT_NEVER};
}

void it_voice_start(it_voice_tx *v, it_time now)
{
    v->on = true;
    v->due = now;
}

void it_voice_stop(it_voice_tx *v)
{
    v->on = false;
    v->due = IT_NEVER;
}

int it_voice_packet(it_voice_tx *v, it_time now, uint8_t *buf, size_t cap)
{
    if (!v->on || now < v->due)
        return 0;
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_buf_u8(&b, TYPE_VOICE);
    it_buf_u8(&b, 0);
    it_buf_u32(&b, v->seq++);
    it_buf_u64(&b, (uint64_t)now);
    it_buf_fill(&b, 0x5a, IT_VOICE_SIZE - b.len);
    v->last = now;
    /* A late caller does not catch up: the next packet is a full interval away. */
    v->due = v->due + IT_VOICE_INTERVAL > now ? v->due + IT_VOICE_INTERVAL : now + IT_VOICE_INTERVAL;
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

int it_app_message(it_bytes data, uint8_t *buf, size_t cap)
{
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_buf_u8(&b, TYPE_MESSAGE);
    it_buf_put(&b, data.p, data.n);
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

/* Marks |seq| in the window of the 64 numbers up to the highest; false when it was there already. */
static bool fresh(it_voice_rx *v, uint32_t seq)
{
    int32_t ahead = (int32_t)(seq - v->highest);
    if (!v->any) {
        v->first = v->highest = seq;
        v->window = 1;
        return true;
    }
    if (ahead > 0) {
        v->window = ahead < 64 ? v->window << ahead | 1 : 1;
        v->highest = seq;
        return true;
    }
    if (ahead <= -64)
        return false; /* older than the window: as good as seen */
    uint64_t bit = 1ULL << -ahead;
    bool was = v->window & bit;
    v->window |= bit;
    return !was;
}

static void take_voice(it_voice_rx *v, it_time now, uint32_t seq, it_time sent)
{
    if (!fresh(v, seq)) {
        v->duplicate++;
        return;
    }
    if ((int32_t)(seq - v->first) < 0)
        v->first = seq;
    it_time transit = now - sent;
    if (transit < v->base)
        v->base = transit;
    if (transit - v->base > LATE * IT_MS)
        v->late++;
    if (v->any && now - v->last > v->longest_gap)
        v->longest_gap = now - v->last;
    v->any = v->streaming = true;
    v->last = now;
    v->received++;
}

int it_app_ping(enum it_app_kind kind, uint32_t number, uint8_t *buf, size_t cap)
{
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_buf_u8(&b, kind == IT_APP_PING ? TYPE_PING : TYPE_PONG);
    it_buf_u8(&b, 0);
    it_buf_u32(&b, number);
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

bool it_app_is_ping(it_bytes d)
{
    return d.n == IT_APP_PING_SIZE && ((d.p[0] & 15) == TYPE_PING || (d.p[0] & 15) == TYPE_PONG);
}

int it_app_bye(uint8_t *buf, size_t cap)
{
    it_buf b;
    it_buf_init(&b, buf, cap);
    it_buf_u8(&b, TYPE_BYE);
    it_buf_u8(&b, 0);
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

void it_app_mark(uint8_t *buf, unsigned flow)
{
    buf[0] = (uint8_t)(buf[0] | flow << 4);
}

unsigned it_app_flow(it_bytes datagram)
{
    return datagram.n ? datagram.p[0] >> 4 : 0;
}

static enum it_app_kind take_ping(uint8_t type, it_bytes d, it_app_data *data)
{
    it_rd r;
    it_rd_init(&r, d);
    (void)it_rd_u16(&r);
    data->number = it_rd_u32(&r);
    if (r.fail || r.n != 0)
        return IT_APP_BAD;
    return type == TYPE_PING ? IT_APP_PING : IT_APP_PONG;
}

enum it_app_kind it_app_take(it_voice_rx *v, it_time now, it_bytes d, it_app_data *data)
{
    it_rd r;
    it_rd_init(&r, d);
    uint8_t type = it_rd_u8(&r) & 15;
    if (type == TYPE_MESSAGE && !r.fail) {
        data->message = it_rd_take(&r, r.n);
        return IT_APP_MESSAGE;
    }
    if (type == TYPE_PING || type == TYPE_PONG)
        return take_ping(type, d, data);
    if (type == TYPE_BYE)
        return d.n == IT_APP_BYE_SIZE ? IT_APP_BYE : IT_APP_BAD;
    uint8_t flags = it_rd_u8(&r);
    uint32_t seq = it_rd_u32(&r);
    uint64_t sent = it_rd_u64(&r);
    /* The far clock may be ahead of ours: one of them stood still. A time beyond all bounds is no time. */
    if (type != TYPE_VOICE || r.fail || sent > INT64_MAX / 2)
        return IT_APP_BAD;
    take_voice(v, now, seq, (it_time)sent);
    if (flags & FLAG_LAST)
        v->streaming = false;
    return IT_APP_VOICE;
}

uint64_t it_voice_lost(const it_voice_rx *v)
{
    if (!v->any)
        return 0;
    uint64_t sent = (uint64_t)(v->highest - v->first) + 1;
    return sent > v->received ? sent - v->received : 0;
}
