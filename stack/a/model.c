/* Model A behind the table of all models: the call of who dials is the whole, those of who listens have numbers. */
#include "stack/a/impl.h"

static void start(void *o, it_time now)
{
    it_a_start(o, now);
}

static void restart(void *o, it_time now)
{
    it_a_restart(o, now);
}

static int send_message(void *o, it_time now, int media, it_bytes data)
{
    return it_a_send(o, now, media, data);
}

static void close_connection(void *o, it_time now, int media)
{
    it_a_close(o, now, media);
}

static enum it_state state(const void *o, int media)
{
    return it_a_state(o, media);
}

static enum it_path path(const void *o, int media)
{
    const it_b *b = it_a_call(o, media);
    return b ? it_b_path(b) : IT_PATH_NONE;
}

/* Of the whole of who listens there are none. */
static bool stats(const void *o, int media, it_conn_stats *s)
{
    const it_b *b = it_a_call(o, media);
    if (b)
        it_b_stats(b, s);
    return b != NULL;
}

static bool rtp(const void *o, int media, it_media_stats *s)
{
    const it_b *b = it_a_call(o, media);
    return b && it_b_stream_media(b, 0, s);
}

const it_model_ops it_a_model = {
    .name = "A",
    .start = start,
    .restart = restart,
    .send = send_message,
    .close = close_connection,
    .state = state,
    .path = path,
    .stats = stats,
    .rtp = rtp,
};
