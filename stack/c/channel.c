/* What carries the connection's data: the stream that is published by the way in use, and the one that is played. RTMFP
 * has secured and paced it already, so that nothing of this is a datagram. */
#include "stack/c/impl.h"

static void channel_start(void *o, it_time now)
{
    (void)o;
    (void)now;
}

static int channel_input(void *o, it_time now, const it_io *in)
{
    (void)o;
    (void)now;
    (void)in;
    return 0;
}

static int channel_tick(void *o, it_time now)
{
    (void)o;
    (void)now;
    return 0;
}

static it_time channel_next(const void *o)
{
    (void)o;
    return IT_NEVER;
}

static int channel_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)o;
    (void)now;
    (void)out;
    (void)buf;
    (void)cap;
    return 0;
}

/* Sound is given up when it would be late. A question about the far end is not repeated by a lower layer: that would
 * make its answer say nothing of the way (RFC 6298 section 3). */
static int channel_send(void *o, it_time now, enum it_channel_payload payload, it_bytes data)
{
    it_c *c = o;
    it_rtmfp_write_opts how = {.until = 0};
    uint8_t type = IT_RTMFP_MSG_DATA;
    if (c->used < 0)
        return IT_ERR_STATE;
    if (data.n == 0)
        return IT_ERR_RANGE;
    if (payload == IT_CHANNEL_MEDIA) {
        type = IT_RTMFP_MSG_AUDIO;
        how.until = now + IT_C_LIFETIME;
    } else if (it_app_is_ping(data)) {
        how.sends = 1;
    }
    int err = it_rtmfp_client_send(c->client, now, c->way[c->used].publish, type, data, &how);
    return err == IT_ERR_NOTFOUND ? IT_ERR_STATE : err;
}

static void channel_close(void *o, it_time now)
{
    it_c_bye(o, now);
}

static int channel_event(void *o, it_channel_event *ev)
{
    it_c *c = o;
    if (!c->has_pending)
        return 0;
    c->has_pending = false;
    *ev = c->pending;
    return 1;
}

static void channel_free(void *o)
{
    (void)o; /* it is the object itself */
}

static const it_channel_ops C_CHANNEL = {.kind = "rtmfp",
                                         .start = channel_start,
                                         .use_path = channel_start,
                                         .input = channel_input,
                                         .tick = channel_tick,
                                         .next = channel_next,
                                         .output = channel_output,
                                         .send = channel_send,
                                         .close = channel_close,
                                         .event = channel_event,
                                         .free = channel_free};

it_channel it_c_channel(it_c *c)
{
    return (it_channel){&C_CHANNEL, c};
}

void it_c_give(it_c *c, it_time now, const it_channel_event *ev)
{
    c->pending = *ev;
    c->has_pending = true;
    (void)it_conn_pump(&c->conn, now);
    c->has_pending = false;
}

void it_c_bye(it_c *c, it_time now)
{
    uint8_t bye[IT_APP_BYE_SIZE];
    int n = it_app_bye(bye, sizeof bye);
    /* where nothing takes it, that the stream ends says enough */
    if (c->used >= 0 && n > 0)
        (void)it_rtmfp_client_send(c->client, now, c->way[c->used].publish, IT_RTMFP_MSG_DATA,
                                   it_bytes_of(bye, (size_t)n), NULL);
}

bool it_c_is_bye(it_bytes message)
{
    uint8_t bye[IT_APP_BYE_SIZE];
    int n = it_app_bye(bye, sizeof bye);
    return n > 0 && it_bytes_eq(message, it_bytes_of(bye, (size_t)n));
}
