/* Model B behind the table of all models: its media streams by number, and the whole. */
#include "stack/b/b.h"

static void start(void *o, it_time now)
{
    it_b_start(o, now);
}

static int take_signal(void *o, it_time now, it_bytes blob)
{
    return it_b_signal(o, now, blob);
}

static void restart(void *o, it_time now)
{
    it_b_restart(o, now);
}

/* A number below 0 names the whole. */
static int send_message(void *o, it_time now, int media, it_bytes data)
{
    return media < 0 ? it_b_send(o, now, data) : it_b_stream_send(o, now, media, data);
}

static void close_connection(void *o, it_time now, int media)
{
    if (media < 0)
        it_b_close(o, now);
    else
        it_b_stream_close(o, now, media);
}

static enum it_state state(const void *o, int media)
{
    return media < 0 ? it_b_state(o) : it_b_stream_state(o, media);
}

static enum it_path path(const void *o, int media)
{
    return media < 0 ? it_b_path(o) : it_b_stream_path(o, media);
}

static bool stats(const void *o, int media, it_conn_stats *s)
{
    if (media >= 0)
        return it_b_stream_stats(o, media, s);
    it_b_stats(o, s);
    return true;
}

/* Of the whole, the first stream's: numbers of RTP do not add up. */
static bool rtp(const void *o, int media, it_media_stats *s)
{
    return it_b_stream_media(o, media < 0 ? 0 : media, s);
}

const it_model_ops it_b_model = {
    .name = "B",
    .start = start,
    .signal = take_signal,
    .restart = restart,
    .send = send_message,
    .close = close_connection,
    .state = state,
    .path = path,
    .stats = stats,
    .rtp = rtp,
};
