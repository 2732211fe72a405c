/* NetStreams of a client's NetConnection: made by "createStream", each with flows of its number in either direction
 * (RFC 7425 section 5.3.5). */
#include "stack/rtmfp/server/impl.h"

int it_rtmfp_stream_create(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, int64_t transaction)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    uint32_t k = 0;
    if (!c->streams)
        c->streams = it_calloc(s->alloc, IT_RTMFP_SERVER_STREAMS, sizeof *c->streams);
    if (!c->streams)
        return IT_ERR_NOMEM;
    while (k < IT_RTMFP_SERVER_STREAMS && c->streams[k].used)
        k++;
    it_buf_init(&b, room, sizeof room);
    if (k == IT_RTMFP_SERVER_STREAMS) {
        it_rtmfp_command_put(&b, "_error", transaction);
        it_rtmfp_amf_put_null(&b);
    } else {
        c->streams[k] = (it_rtmfp_netstream){.used = true, .no = k + 1, .client = c};
        it_rtmfp_created_put(&b, transaction, k + 1);
    }
    return c->by.ops->write(c->by.o, now, c->session, c->back, it_bytes_of(b.p, b.len), NULL, NULL);
}

static it_rtmfp_netstream *stream_no(it_rtmfp_client_of *c, uint32_t no)
{
    bool there = c->streams && no > 0 && no <= IT_RTMFP_SERVER_STREAMS && c->streams[no - 1].used;
    return there ? &c->streams[no - 1] : NULL;
}

/* The stream whose flow |flow| of the client's is; |*class| is its place among them. */
static it_rtmfp_netstream *stream_of(it_rtmfp_client_of *c, uint64_t flow, int *class)
{
    for (uint32_t k = 0; c->streams && k < IT_RTMFP_SERVER_STREAMS; k++)
        for (*class = 0; c->streams[k].used && *class < IT_RTMFP_CLASSES; ++*class)
            if (c->streams[k].in[*class] == flow)
                return &c->streams[k];
    return NULL;
}

bool it_rtmfp_stream_flow(it_rtmfp_client_of *c, uint32_t no, uint64_t flow)
{
    it_rtmfp_netstream *x = stream_no(c, no);
    for (int i = 0; x && i < IT_RTMFP_CLASSES; i++)
        if (!x->in[i]) {
            x->in[i] = flow;
            return true;
        }
    return false;
}

int it_rtmfp_stream_write(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, int class, it_bytes m,
                          const it_rtmfp_write_opts *o)
{
    uint8_t meta[IT_RTMFP_TC_MOST];
    it_buf b;
    uint32_t session = x->client->session;
    it_rtmfp_carrier by = x->client->by;
    int err = 0;
    if (!x->out[class]) {
        it_buf_init(&b, meta, sizeof meta);
        it_rtmfp_tc_put(&b, (it_rtmfp_tc){.stream = x->no});
        /* section 5.3.2: every flow of the server is in return to the client's control flow */
        it_rtmfp_flow_opts f = {.metadata = it_bytes_of(b.p, b.len), .returns = x->client->control, .priority = 1};
        err = by.ops->open(by.o, now, session, &f, &x->out[class]);
    }
    if (err == 0)
        err = by.ops->write(by.o, now, session, x->out[class], m, o, NULL);
    if (err == 0)
        s->stats.relayed += class > 0;
    else
        s->stats.dropped++;
    return err == IT_ERR_NOMEM ? err : 0; /* a player that is too slow, or on its way out, misses it */
}

int it_rtmfp_stream_status(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, enum it_rtmfp_code code)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_status_put(&b, code);
    return it_rtmfp_stream_write(s, now, x, 0, it_bytes_of(b.p, b.len), NULL);
}

/* The stream is idle again, and says so where it published. */
static int stream_close(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x)
{
    bool published = x->role == IT_RTMFP_PUBLISHES;
    int err = it_rtmfp_name_leave(s, now, x);
    if (published && err == 0)
        err = it_rtmfp_stream_status(s, now, x, IT_RTMFP_UNPUBLISH_SUCCESS);
    return err;
}

int it_rtmfp_stream_delete(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, uint32_t no)
{
    it_rtmfp_netstream *x = stream_no(c, no);
    if (!x)
        return 0;
    int err = stream_close(s, now, x);
    for (int i = 0; i < IT_RTMFP_CLASSES; i++)
        if (x->out[i] && c->by.ops->close(c->by.o, now, c->session, x->out[i], false) == IT_ERR_NOMEM)
            err = IT_ERR_NOMEM;
    for (int i = 0; i < IT_RTMFP_CLASSES; i++)
        if (x->in[i])
            (void)c->by.ops->reject(c->by.o, now, c->session, x->in[i], 0); /* it may have ended by itself */
    x->used = false;
    return err;
}

/* A command of a stream's flow. */
static int stream_command(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, it_rtmfp_command *cmd)
{
    it_bytes name;
    if (it_bytes_eq(cmd->name, it_bytes_str("closeStream")))
        return stream_close(s, now, x);
    bool publish = it_bytes_eq(cmd->name, it_bytes_str("publish"));
    if (!publish && !it_bytes_eq(cmd->name, it_bytes_str("play")))
        return 0;
    if (x->role != IT_RTMFP_IDLE || !it_rtmfp_name_get(cmd, &name))
        return it_rtmfp_stream_status(s, now, x, publish ? IT_RTMFP_PUBLISH_BAD_NAME : IT_RTMFP_PLAY_FAILED);
    if (publish)
        return it_rtmfp_name_publish(s, now, x, name);
    return it_rtmfp_name_play(s, now, x, name);
}

int it_rtmfp_stream_message(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, const it_rtmfp_event *ev)
{
    int class;
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    it_rtmfp_netstream *x = stream_of(c, ev->flow, &class);
    if (!x || !it_rtmfp_message_get(ev->data, &m))
        return 0;
    if (it_rtmfp_command_get(&m, &cmd))
        return stream_command(s, now, x, &cmd);
    if (m.type == IT_RTMFP_MSG_USER_CONTROL || x->role != IT_RTMFP_PUBLISHES)
        return 0;
    return it_rtmfp_name_relay(s, now, x, m.type, ev->data);
}

/* Section 5.3.5: flows of streams may end at any time, which means nothing by itself; without the flow of its commands
 * a stream can only end. */
int it_rtmfp_stream_complete(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, uint64_t flow)
{
    int class;
    it_rtmfp_netstream *x = stream_of(c, flow, &class);
    if (!x)
        return 0;
    x->in[class] = 0;
    return class == 0 ? stream_close(s, now, x) : 0;
}

void it_rtmfp_streams_end(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c)
{
    for (uint32_t k = 0; c->streams && k < IT_RTMFP_SERVER_STREAMS; k++)
        if (c->streams[k].used)
            (void)it_rtmfp_name_leave(s, now, &c->streams[k]); /* a player without memory for it is not told */
    it_free(s->alloc, c->streams);
    c->streams = NULL;
}
