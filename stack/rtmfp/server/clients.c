/* NetConnections of clients (RFC 7425 section 5.3): "connect", "setPeerInfo", the commands that make streams. */
#include "stack/rtmfp/server/impl.h"

it_rtmfp_client_of *it_rtmfp_client_find(const it_rtmfp_server *s, uint32_t session)
{
    uint32_t i = it_map_get(&s->by_session, &(uint64_t){session});
    return i == IT_MAP_NONE ? NULL : &s->clients[i];
}

int it_rtmfp_client_add(it_rtmfp_server *s, it_rtmfp_carrier by, uint32_t session)
{
    for (uint32_t i = 0; i < s->n_clients; i++) {
        if (s->clients[i].used)
            continue;
        int err = it_map_put(&s->by_session, &(uint64_t){session}, i);
        s->clients[i] = (it_rtmfp_client_of){.used = err == 0, .by = by, .session = session};
        return err;
    }
    return 0;
}

void it_rtmfp_client_remove(it_rtmfp_server *s, it_time now, uint32_t session)
{
    it_rtmfp_client_of *c = it_rtmfp_client_find(s, session);
    if (!c)
        return;
    it_rtmfp_streams_end(s, now, c);
    c->used = false;
    it_map_del(&s->by_session, &(uint64_t){session});
}

/* The control flow comes first (section 5.3.1); those of streams are in return to ours (section 5.3.2). */
static bool client_takes(it_rtmfp_client_of *c, const it_rtmfp_event *ev)
{
    it_rtmfp_tc tc;
    if (!it_rtmfp_tc_get(ev->data, &tc))
        return false;
    if (c->control)
        return c->back && ev->returns == c->back && it_rtmfp_stream_flow(c, tc.stream, ev->flow);
    if (ev->returns || tc.stream != 0)
        return false;
    c->control = ev->flow;
    return true;
}

int it_rtmfp_client_flow(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_client_of *c = it_rtmfp_client_find(s, ev->session);
    if (!c || client_takes(c, ev))
        return 0;
    s->stats.rejected++;
    return c->by.ops->reject(c->by.o, now, ev->session, ev->flow, 0);
}

/* What clients are to do about keepalives, where the server has an opinion (section 5.3.4). */
static int client_keepalive(it_rtmfp_server *s, it_time now, const it_rtmfp_client_of *c)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_rtmfp_control k = {.event = IT_RTMFP_SET_KEEPALIVE,
                          .a = (uint32_t)(s->cfg.client_keepalive / IT_MS),
                          .b = (uint32_t)(s->cfg.peer_keepalive / IT_MS)};
    if (!k.a || !k.b)
        return 0;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_control_put(&b, &k);
    return c->by.ops->write(c->by.o, now, c->session, c->back, it_bytes_of(b.p, b.len), NULL, NULL);
}

/* Answers "connect" over a flow of ours in return (section 5.3.2). */
static int client_connect(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, int64_t transaction)
{
    uint8_t meta[IT_RTMFP_TC_MOST], room[IT_RTMFP_COMMAND_MOST];
    it_buf m, b;
    it_buf_init(&m, meta, sizeof meta);
    it_rtmfp_tc_put(&m, (it_rtmfp_tc){.stream = 0});
    it_rtmfp_flow_opts o = {.metadata = it_bytes_of(m.p, m.len), .returns = c->control, .priority = 2};
    int err = c->by.ops->open(c->by.o, now, c->session, &o, &c->back);
    if (err)
        return err;
    s->stats.connected++;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_answer_put(&b, transaction, true);
    err = c->by.ops->write(c->by.o, now, c->session, c->back, it_bytes_of(b.p, b.len), NULL, NULL);
    return err ? err : client_keepalive(s, now, c);
}

/* "setPeerInfo" (section 5.3.3): anew each time. What no host can have is left out. */
static void client_peer_info(it_rtmfp_client_of *c, it_rtmfp_command *cmd)
{
    size_t n = it_rtmfp_peer_info_get(cmd, c->own, IT_RTMFP_SERVER_OWN);
    c->n = 0;
    for (size_t i = 0; i < n; i++)
        if (c->own[i].port && it_ip_unicast(c->own[i].ip) && !it_ip_link_local(c->own[i].ip))
            c->own[c->n++] = c->own[i];
}

/* A command of the control flow. */
static int client_command(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, it_rtmfp_command *cmd)
{
    uint32_t no;
    if (!c->back)
        return it_bytes_eq(cmd->name, it_bytes_str("connect")) ? client_connect(s, now, c, cmd->transaction) : 0;
    if (it_bytes_eq(cmd->name, it_bytes_str("setPeerInfo")))
        client_peer_info(c, cmd);
    if (it_bytes_eq(cmd->name, it_bytes_str("createStream")))
        return it_rtmfp_stream_create(s, now, c, cmd->transaction);
    if (it_bytes_eq(cmd->name, it_bytes_str("deleteStream")) && it_rtmfp_number_get(cmd, &no))
        return it_rtmfp_stream_delete(s, now, c, no);
    return 0;
}

int it_rtmfp_client_message(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_client_of *c = it_rtmfp_client_find(s, ev->session);
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    if (!c)
        return 0;
    if (ev->flow != c->control)
        return it_rtmfp_stream_message(s, now, c, ev);
    if (!it_rtmfp_message_get(ev->data, &m) || !it_rtmfp_command_get(&m, &cmd))
        return 0;
    return client_command(s, now, c, &cmd);
}

/* The client has closed its control flow: so does the server, with all its streams (section 5.3.6). */
int it_rtmfp_client_complete(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_client_of *c = it_rtmfp_client_find(s, ev->session);
    if (!c || !c->back)
        return 0;
    if (ev->flow != c->control)
        return it_rtmfp_stream_complete(s, now, c, ev->flow);
    for (uint32_t no = 1; no <= IT_RTMFP_SERVER_STREAMS; no++) {
        int err = it_rtmfp_stream_delete(s, now, c, no);
        if (err)
            return err;
    }
    return c->by.ops->close(c->by.o, now, ev->session, c->back, false);
}
