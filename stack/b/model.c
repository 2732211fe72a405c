/* Model B behind the table of all models: one connection, whatever its number. */
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

static int send_message(void *o, it_time now, int media, it_bytes data)
{
    (void)media;
    return it_b_send(o, now, data);
}

static void close_connection(void *o, it_time now, int media)
{
    (void)media;
    it_b_close(o, now);
}

static enum it_state state(const void *o, int media)
{
    (void)media;
    return it_b_state(o);
}

static enum it_path path(const void *o, int media)
{
    (void)media;
    return it_b_path(o);
}

static bool stats(const void *o, int media, it_conn_stats *s)
{
    (void)media;
    it_b_stats(o, s);
    return true;
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
};
