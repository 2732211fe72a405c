/* Model C behind the table of all models: an object is one call. To connect, publish and play is its application's. */
#include "stack/c/c.h"

static int send_message(void *o, it_time now, int media, it_bytes data)
{
    (void)media;
    return it_c_send(o, now, data);
}

static void close_call(void *o, it_time now, int media)
{
    (void)media;
    it_c_close(o, now);
}

static enum it_state state(const void *o, int media)
{
    (void)media;
    return it_c_state(o);
}

static enum it_path path(const void *o, int media)
{
    (void)media;
    return it_c_path(o);
}

static bool stats(const void *o, int media, it_conn_stats *s)
{
    (void)media;
    it_c_stats(o, s);
    return true;
}

const it_model_ops it_c_model = {
    .name = "C", .send = send_message, .close = close_call, .state = state, .path = path, .stats = stats};
