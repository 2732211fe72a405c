/* Model E behind the table of all models: its media sessions are the connections, by number. To start, signal and
 * restart is its application's. */
#include "stack/e/e.h"

static int send_message(void *o, it_time now, int media, it_bytes data)
{
    return it_e_media_send(o, now, media, data);
}

static void close_connection(void *o, it_time now, int media)
{
    it_e_media_close(o, now, media);
}

static enum it_state state(const void *o, int media)
{
    return it_e_media_state(o, media);
}

static enum it_path path(const void *o, int media)
{
    return it_e_media_path(o, media);
}

static bool stats(const void *o, int media, it_conn_stats *s)
{
    return it_e_media_stats(o, media, s);
}

const it_model_ops it_e_model = {
    .name = "E", .send = send_message, .close = close_connection, .state = state, .path = path, .stats = stats};
