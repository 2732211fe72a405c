/* The client over a byte stream: opened, with TLS or without, framed, read as far as events find room (RFC 8489 section
 * 6.2.2, 6.2.3). */
#include "stack/turn/client_impl.h"

/* --- its life --- */

/* Puts TLS over a stream, with a stream of randomness of its own. Returns 0 or IT_ERR_NOMEM. */
static int push_tls(it_turn_client *c, it_layers *ls)
{
    it_tls_cfg cfg = c->tls;
    it_rng_init(&cfg.rng, it_rng_u64(&c->tls.rng), "tls");
    it_layer l = it_tls_layer(&cfg);
    return l.ops && it_layers_push(ls, l) == 0 ? 0 : IT_ERR_NOMEM;
}

int it_turn_client_layers(it_turn_client *c, it_layers *ls)
{
    int err = c->secure ? push_tls(c, ls) : 0;
    it_layer frame = it_turn_frame(c->cfg.alloc, IT_TURN_CLIENT_MESSAGE);
    if (!frame.ops || it_layers_push(ls, frame) < 0 || err < 0)
        return IT_ERR_NOMEM;
    return 0;
}

int it_turn_client_open(it_turn_client *c)
{
    it_layers_fini(&c->ls);
    memset(&c->s, 0, sizeof c->s);
    it_layers_init(&c->ls, c->cfg.alloc, &c->s);
    int err = it_turn_client_layers(c, &c->ls);
    if (err < 0)
        return err;
    it_stream_open(&c->s, c->cfg.flow, c->cfg.local, c->cfg.server);
    return 0;
}

/* True when TLS is there and its handshake is not done: nothing that is written comes through yet. */
static bool is_shaking_hands(const it_turn_client *c)
{
    return c->secure && c->ls.n > 0 && !it_tls_layer_info(&c->ls.v[0])->open;
}

int it_turn_client_hang_up(it_turn_client *c, it_time now)
{
    it_io fin = {.kind = IT_IO_FIN};
    if (!c->cfg.stream) {
        if (c->dtls)
            it_tls_dgram_close(c->dtls, now);
        return 0;
    }
    if (!it_stream_alive(&c->s))
        return 0;
    if (is_shaking_hands(c)) {
        it_stream_reset(&c->s);
        return 0;
    }
    int err = it_layers_write(&c->ls, now, &fin);
    return err == IT_ERR_NOMEM ? err : 0;
}

/* --- out --- */

int it_turn_client_write_message(it_turn_client *c, it_time now, it_bytes m)
{
    it_io io = {.kind = IT_IO_DATA, .data = m};
    if (it_stream_space(&c->s) < m.n + 3 + (c->secure ? IT_TURN_TLS_OVERHEAD : 0))
        return IT_ERR_FULL;
    int n = it_layers_write(&c->ls, now, &io);
    if (n == IT_ERR_NOMEM)
        return n;
    return n < 0 ? IT_ERR_FULL : 0;
}

/* --- in --- */

const char *it_turn_client_end_why(const it_io *in, enum it_io_end end)
{
    static const char *const WHY[] = {[IT_IO_END_RESET] = "the connection was reset",
                                      [IT_IO_END_REFUSED] = "the connection was refused",
                                      [IT_IO_END_TIMEOUT] = "the connection timed out",
                                      [IT_IO_END_UNREACHABLE] = "the server is unreachable",
                                      [IT_IO_END_LOCAL] = "the host has ended the connection"};
    return in->kind == IT_IO_RST ? WHY[end] : "the server has ended the connection";
}

/* The stream is gone, and with it the 5-tuple. */
static int stream_cut(it_turn_client *c, it_time now, const it_io *in)
{
    const char *fault = it_layers_why(&c->ls);
    return it_turn_client_cut(c, now, fault ? fault : it_turn_client_end_why(in, c->end));
}

int it_turn_client_read_messages(it_turn_client *c, it_time now)
{
    uint8_t buf[IT_TURN_CLIENT_MESSAGE];
    it_io io;
    int n = 0;
    c->held_back = false;
    while (c->cfg.stream && c->ls.n) {
        if (c->n_said >= IT_TURN_CLIENT_DATA_MAX) {
            c->held_back = true;
            return 0;
        }
        n = it_layers_read(&c->ls, now, &io, buf, sizeof buf);
        if (n <= 0)
            return n;
        int err = 0;
        if (io.kind == IT_IO_DATA)
            err = it_turn_client_message(c, now, io.data);
        else if (io.kind == IT_IO_FIN || io.kind == IT_IO_RST)
            err = stream_cut(c, now, &io);
        if (err < 0)
            return err;
    }
    return 0;
}

/* Takes |in| message by message. Returns the bytes taken, or an error. */
static int client_take(it_turn_client *c, it_time now, it_io in)
{
    size_t at = 0, n = in.data.n;
    const uint8_t *p = in.data.p;
    for (;;) {
        in.data = it_bytes_of(p + at, n - at);
        int taken = it_layers_input(&c->ls, now, &in);
        int err = taken < 0 ? taken : it_turn_client_read_messages(c, now);
        if (err < 0)
            return err;
        at += (size_t)taken;
        if (taken == 0 || at == n || !it_stream_alive(&c->s))
            return (int)at;
    }
}

int it_turn_client_stream_input(it_turn_client *c, it_time now, const it_io *in)
{
    if (in->flow != c->cfg.flow || c->s.flow != in->flow || !it_stream_alive(&c->s))
        return (int)in->data.n;
    if (in->kind == IT_IO_RST)
        c->end = in->end;
    if (in->kind != IT_IO_DATA) {
        int err = it_layers_input(&c->ls, now, in);
        err = err < 0 ? err : it_turn_client_read_messages(c, now);
        if (err == 0 && in->kind == IT_IO_FIN)
            err = it_turn_client_hang_up(c, now);
        return err;
    }
    return client_take(c, now, *in);
}
