/* The client's end of a NetConnection. */
#include "stack/rtmfp/flash/connection.h"

int it_rtmfp_connection_open(it_rtmfp_connection *c, it_rtmfp_carrier by, it_time now, uint32_t session, it_bytes uri)
{
    uint8_t meta[IT_RTMFP_TC_MOST], room[IT_RTMFP_COMMAND_MOST];
    it_buf m, b;
    *c = (it_rtmfp_connection){.by = by, .session = session};
    it_buf_init(&m, meta, sizeof meta);
    it_rtmfp_tc_put(&m, (it_rtmfp_tc){.stream = 0});
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_put(&b, uri);
    if (b.overflow)
        return IT_ERR_RANGE;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_of(m.p, m.len)};
    int err = by.ops->open(by.o, now, session, &o, &c->control);
    if (err == 0)
        err = by.ops->write(by.o, now, session, c->control, it_bytes_of(b.p, b.len), NULL, NULL);
    if (err == 0)
        c->state = IT_RTMFP_CONNECTION_ASKED;
    return err;
}

/* The flow that the server has begun: its control flow is in return to ours, on stream 0 (section 5.3.2). */
static void connection_flow(it_rtmfp_connection *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_tc tc;
    bool mine = it_rtmfp_tc_get(ev->data, &tc) && tc.stream == 0 && ev->returns == c->control;
    if (mine && !c->back) /* the first one is the canonical one */
        c->back = ev->flow;
    else if (!mine)
        c->by.ops->reject(c->by.o, now, ev->session, ev->flow, 0);
}

static void connection_message(it_rtmfp_connection *c, const it_rtmfp_event *ev)
{
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    if (c->state != IT_RTMFP_CONNECTION_ASKED || ev->flow != c->back)
        return;
    if (!it_rtmfp_message_get(ev->data, &m) || !it_rtmfp_command_get(&m, &cmd) || cmd.transaction != 1)
        return;
    if (it_bytes_eq(cmd.name, it_bytes_str("_error")))
        c->state = IT_RTMFP_CONNECTION_REFUSED;
    if (it_bytes_eq(cmd.name, it_bytes_str("_result")) &&
        it_bytes_eq(it_rtmfp_answer_code(&cmd), it_bytes_str("NetConnection.Connect.Success")))
        c->state = IT_RTMFP_CONNECTION_UP;
}

bool it_rtmfp_connection_event(it_rtmfp_connection *c, it_time now, const it_rtmfp_event *ev)
{
    if (c->state == IT_RTMFP_CONNECTION_NONE || ev->session != c->session)
        return false;
    switch (ev->kind) {
    case IT_RTMFP_EV_FLOW:
        connection_flow(c, now, ev);
        return true;
    case IT_RTMFP_EV_MESSAGE:
        connection_message(c, ev);
        return true;
    case IT_RTMFP_EV_EXCEPTION: /* section 5.3: the closure of all of it */
        if (ev->flow == c->control)
            c->state = c->state == IT_RTMFP_CONNECTION_ASKED ? IT_RTMFP_CONNECTION_REFUSED : IT_RTMFP_CONNECTION_CLOSED;
        return true;
    case IT_RTMFP_EV_COMPLETE: /* section 5.3.6: an orderly end */
        if (ev->flow == c->back)
            c->state = IT_RTMFP_CONNECTION_CLOSED;
        return true;
    default:
        return false;
    }
}

int it_rtmfp_connection_peer_info(it_rtmfp_connection *c, it_time now, const it_addr *addrs, size_t n)
{
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_addr own[IT_RTMFP_PEER_ADDRS];
    size_t k = 0;
    it_buf b;
    if (c->state != IT_RTMFP_CONNECTION_UP)
        return IT_ERR_STATE;
    for (size_t i = 0; i < n && k < IT_RTMFP_PEER_ADDRS; i++)
        if (it_ip_unicast(addrs[i].ip) && !it_ip_link_local(addrs[i].ip) && addrs[i].port)
            own[k++] = addrs[i];
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_peer_info_put(&b, own, k);
    IT_ASSERT(!b.overflow);
    return c->by.ops->write(c->by.o, now, c->session, c->control, it_bytes_of(b.p, b.len), NULL, NULL);
}
