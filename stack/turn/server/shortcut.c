/* The way of most packets, without a copy and with nothing looked up twice: data of channels between clients and peers
 * on datagrams, as long as what was found out for the last one still holds. All else is for relay.c. */
#include "stack/turn/server/impl.h"

/* What is left of a hop limit (RFC 8656 section 21.1.7); 0 is one that nobody knows. */
static uint8_t next_hop(uint8_t ttl)
{
    return (uint8_t)(ttl ? ttl - 1 : 0);
}

/* The channel |number| of allocation |i|, if its peer may be sent to without a look at anything else; IT_TURN_NONE. */
static uint32_t usable_channel(const it_turn_server *s, it_time now, uint32_t i, uint16_t number)
{
    uint32_t c = it_turn_table_channel(&s->t, i, number);
    if (c == IT_TURN_NONE)
        return c;
    const it_turn_channel *ch = it_turn_channel_at(&s->t, c);
    return now < ch->permitted && ch->judged == s->t.epoch ? c : IT_TURN_NONE;
}

/* ChannelData |d| of a client (RFC 8656 section 12.6): its channel, and |*data|. IT_TURN_NONE: nothing plain. */
static uint32_t plain_channel(const it_turn_server *s, it_time now, const it_io *in, it_bytes *data)
{
    it_bytes d = in->data;
    if (d.n < IT_TURN_CHANNEL_HEAD)
        return IT_TURN_NONE;
    uint16_t number = it_get16(d.p), n = it_get16(d.p + 2);
    if (number < IT_TURN_CHANNEL_FIRST || n > d.n - IT_TURN_CHANNEL_HEAD)
        return IT_TURN_NONE;
    uint32_t i = it_turn_table_at(&s->t, in->flow, in->remote);
    if (i == IT_TURN_NONE)
        return i;
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, i);
    if (a->waiting || a->moving || it_turn_dtls_has(s, &a->leg))
        return IT_TURN_NONE;
    *data = it_bytes_of(d.p + IT_TURN_CHANNEL_HEAD, n);
    return usable_channel(s, now, i, number);
}

static bool shortcut_up(it_turn_server *s, it_time now, const it_io *in, it_io *out)
{
    it_bytes data;
    uint32_t c = plain_channel(s, now, in, &data);
    if (c == IT_TURN_NONE)
        return false;
    const it_turn_channel *ch = it_turn_channel_at(&s->t, c);
    const it_turn_relay *relay = it_turn_relay_at(&s->t, ch->relay);
    if (it_ip_is4(in->remote.ip) != it_ip_is4(ch->peer.ip)) /* section 13: translation */
        return false;
    if (!it_turn_table_pay(&s->t, now, relay->user, data.n))
        return false;
    out->flow = IT_IO_BOUND_FLOW + ch->relay;
    out->local = relay->addr;
    out->remote = ch->peer;
    out->meta = in->meta;
    out->meta.ttl = next_hop(in->meta.ttl);
    out->data = data;
    s->stats.up++;
    s->stats.bytes_up += data.n;
    return true;
}

/* The channel to the peer that |in| is of, if it may be used (RFC 8656 sections 9, 12.7); IT_TURN_NONE. */
static uint32_t plain_peer(const it_turn_server *s, it_time now, const it_io *in)
{
    uint32_t r = it_turn_table_by_flow(&s->t, in->flow);
    if (r == IT_TURN_NONE)
        return r;
    uint32_t c = it_turn_table_channel_to(&s->t, r, in->remote);
    if (c == IT_TURN_NONE || it_turn_channel_at(&s->t, c)->permitted <= now)
        return IT_TURN_NONE;
    return in->data.n <= IT_TURN_FRAME_MAX - 64 ? c : IT_TURN_NONE;
}

static bool shortcut_down(it_turn_server *s, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    uint32_t c = plain_peer(s, now, in);
    if (c == IT_TURN_NONE)
        return false;
    const it_turn_channel *ch = it_turn_channel_at(&s->t, c);
    const it_turn_relay *relay = it_turn_relay_at(&s->t, ch->relay);
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, relay->allocation);
    if (it_turn_leg_is_stream(&a->leg) || a->cut || a->waiting || it_turn_dtls_has(s, &a->leg))
        return false;
    if (it_ip_is4(in->remote.ip) != it_ip_is4(a->leg.remote.ip))
        return false;
    if (!it_turn_table_pay(&s->t, now, relay->user, in->data.n))
        return false;
    bytes -= IT_TURN_CHANNEL_HEAD;
    it_turn_channel_head(bytes, ch->number, in->data.n);
    out->flow = a->leg.flow;
    out->local = a->leg.local;
    out->remote = a->leg.remote;
    out->meta = in->meta;
    out->meta.ttl = next_hop(in->meta.ttl);
    out->data = it_bytes_of(bytes, in->data.n + IT_TURN_CHANNEL_HEAD);
    s->stats.down++;
    s->stats.bytes_down += in->data.n;
    return true;
}

bool it_turn_server_relay(it_turn_server *s, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    if (s->n > 0 || s->t.soonest <= now) /* what waits goes first, and what is over is over */
        return false;
    if (in->meta.ttl == 1) /* the last hop */
        return false;
    if (in->flow >= IT_IO_BOUND_FLOW)
        return shortcut_down(s, now, in, bytes, out);
    return shortcut_up(s, now, in, out);
}
