/* Clients over byte streams: accepted, framed, read while their answers find room (RFC 8656 section 3.1). */
#include "stack/tls/record.h"
#include "stack/turn/server/impl.h"

static it_turn_stream *find_stream(const it_turn_server *s, uint32_t flow, uint32_t *i)
{
    uint64_t key = flow;
    *i = it_map_get(&s->by_flow, &key);
    return *i == IT_MAP_NONE ? NULL : s->streams[*i];
}

static void stream_free(it_turn_server *s, uint32_t i)
{
    it_turn_stream *st = s->streams[i];
    uint64_t key = st->leg.flow;
    it_map_del(&s->by_flow, &key);
    it_tourney_set(&s->idle, i, IT_NEVER, i);
    it_bits_del(&s->busy, i);
    it_layers_fini(&st->ls);
    it_free(s->cfg.alloc, st);
    s->streams[i] = NULL;
    s->live_streams--;
}

void it_turn_stream_free_all(it_turn_server *s)
{
    for (uint32_t i = 0; i < s->n_streams; i++)
        if (s->streams[i])
            stream_free(s, i);
    it_free(s->cfg.alloc, s->streams);
}

/* A free place for a stream, with room in all tables; IT_TURN_NONE without memory. */
static uint32_t stream_place(it_turn_server *s)
{
    uint32_t i = 0;
    while (i < s->n_streams && s->streams[i])
        i++;
    if (it_grow(s->cfg.alloc, &s->streams, &s->cap_streams, i + 1, sizeof(it_turn_stream *)) < 0)
        return IT_TURN_NONE;
    if (it_bits_grow(&s->busy, i + 1) < 0 || it_tourney_grow(&s->idle, i + 1) < 0)
        return IT_TURN_NONE;
    if (i == s->n_streams)
        s->streams[s->n_streams++] = NULL;
    return i;
}

/* Puts TLS over |st|, with a stream of randomness of its own. Returns 0 or IT_ERR_NOMEM. */
static int push_tls(it_turn_server *s, it_turn_stream *st)
{
    it_tls_cfg cfg = s->tls;
    it_rng_init(&cfg.rng, it_rng_u64(&s->tls.rng), "tls");
    it_layer l = it_tls_layer(&cfg);
    return l.ops && it_layers_push(&st->ls, l) == 0 ? 0 : IT_ERR_NOMEM;
}

/* Begins to read |st|, by TLS or not. Returns 0 or IT_ERR_NOMEM. */
static int stream_begin(it_turn_server *s, it_turn_stream *st, bool tls)
{
    int err = tls ? push_tls(s, st) : 0;
    it_layer frame = err == 0 ? s->framing(s->cfg.alloc, IT_TURN_MESSAGE_LARGEST) : (it_layer){NULL, NULL};
    return frame.ops && it_layers_push(&st->ls, frame) == 0 ? 0 : IT_ERR_NOMEM;
}

static int stream_accept(it_turn_server *s, it_time now, const it_io *in)
{
    uint64_t key = in->flow;
    uint32_t i = stream_place(s);
    if (i == IT_TURN_NONE)
        return IT_ERR_NOMEM;
    it_turn_stream *st = it_calloc(s->cfg.alloc, 1, sizeof *st);
    if (!st)
        return IT_ERR_NOMEM;
    st->conn = IT_TURN_NONE;
    it_layers_init(&st->ls, s->cfg.alloc, &st->s);
    int err = s->cfg.tls ? 0 : stream_begin(s, st, false); /* else the first byte tells */
    if (err == 0)
        err = it_map_put(&s->by_flow, &key, i);
    if (err < 0) {
        it_layers_fini(&st->ls);
        it_free(s->cfg.alloc, st);
        return IT_ERR_NOMEM;
    }
    it_stream_accept(&st->s, in);
    st->leg = (it_turn_leg){in->flow, in->local, in->remote};
    s->streams[i] = st;
    s->live_streams++;
    it_tourney_set(&s->idle, i, now + IT_TURN_IDLE, i);
    if (s->live_streams > s->t.limits.streams)
        it_stream_reset(&st->s);
    it_bits_add(&s->busy, i);
    return st->ls.n ? it_layers_input(&st->ls, now, in) : 0;
}

static void stream_gone(it_turn_server *s, uint32_t i)
{
    if (s->streams[i]->conn != IT_TURN_NONE)
        it_turn_tcp_client_gone(s, s->streams[i]->conn);
    it_turn_leg_gone(s, &s->streams[i]->leg);
    stream_free(s, i);
}

/* Takes the messages that are there, while an answer finds room. */
static int stream_read(it_turn_server *s, it_time now, uint32_t i)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST];
    it_turn_stream *st = s->streams[i];
    it_io io;
    while (!st->joined && st->ls.n && it_stream_alive(&st->s) &&
           it_stream_space(&st->s) >= IT_TURN_ANSWER + IT_TURN_TLS_OVERHEAD) {
        int n = it_layers_read(&st->ls, now, &io, buf, sizeof buf);
        if (n <= 0)
            return n;
        if (io.kind == IT_IO_DATA)
            n = it_turn_message(s, now, &st->leg, io.data, (it_io_meta){.frag = true});
        else if (io.kind == IT_IO_FIN)
            n = it_layers_write(&st->ls, now, &(it_io){.kind = IT_IO_FIN});
        if (n < 0)
            return n;
        it_tourney_set(&s->idle, i, now + IT_TURN_IDLE, i);
    }
    return 0;
}

/* Takes |in| of a stream of which nothing has come yet: its first byte tells whether it has TLS. Returns 1 when it is
 * to be read, 0, or IT_ERR_NOMEM. */
static int stream_first(it_turn_server *s, it_turn_stream *st, const it_io *in)
{
    if (in->kind == IT_IO_DATA && in->data.n > 0) {
        int err = stream_begin(s, st, in->data.p[0] == IT_TLS_HANDSHAKE);
        if (err == 0)
            return 1;
        it_layers_fini(&st->ls); /* half of them would read something else */
        it_layers_init(&st->ls, s->cfg.alloc, &st->s);
        it_stream_reset(&st->s);
        return err;
    }
    it_stream_input(&st->s, in);
    if (in->kind == IT_IO_FIN)
        it_stream_finish(&st->s);
    return 0;
}

/* Takes |in| of a data connection (RFC 6062 section 5.4). Returns the bytes taken, or an error. */
static int joined_input(it_turn_server *s, it_time now, it_turn_stream *st, const it_io *in)
{
    if (st->ls.n > 0) { /* under TLS */
        int n = it_layers_input(&st->ls, now, in);
        int err = n < 0 ? n : it_turn_stream_pull(s, now, st);
        if (in->kind == IT_IO_WRITABLE && st->conn != IT_TURN_NONE)
            it_turn_tcp_read_on(s, st->conn);
        return err < 0 ? err : n;
    }
    if (in->kind == IT_IO_DATA)
        return it_stream_took(&st->s, in->data.n, (size_t)it_turn_tcp_client_bytes(s, now, st, in->data));
    it_stream_input(&st->s, in);
    if (st->conn == IT_TURN_NONE)
        return 0;
    if (in->kind == IT_IO_FIN)
        it_turn_tcp_client_fin(s, st->conn);
    else if (in->kind == IT_IO_WRITABLE)
        it_turn_tcp_read_on(s, st->conn);
    return 0;
}

/* Takes |in| message by message. Returns the bytes taken, or an error. */
static int stream_take(it_turn_server *s, it_time now, uint32_t i, it_io in)
{
    size_t at = 0, n = in.kind == IT_IO_DATA ? in.data.n : 0;
    const uint8_t *p = in.data.p;
    for (;;) {
        if (in.kind == IT_IO_DATA)
            in.data = it_bytes_of(p + at, n - at);
        if (s->streams[i]->joined) { /* by the message before */
            int more = joined_input(s, now, s->streams[i], &in);
            return more < 0 ? more : (int)at + more;
        }
        int taken = it_layers_input(&s->streams[i]->ls, now, &in);
        int err = taken < 0 ? taken : stream_read(s, now, i);
        if (err < 0)
            return err;
        at += (size_t)taken;
        if (taken == 0 || at == n)
            return (int)at;
    }
}

/* Takes |in| as what the stream is so far. Returns the bytes taken, or an error. */
static int stream_dispatch(it_turn_server *s, it_time now, uint32_t i, const it_io *in)
{
    it_turn_stream *st = s->streams[i];
    if (st->joined)
        return joined_input(s, now, st, in);
    int first = st->ls.n ? 1 : stream_first(s, st, in);
    return first > 0 ? stream_take(s, now, i, *in) : first;
}

int it_turn_stream_input(it_turn_server *s, it_time now, const it_io *in)
{
    uint32_t i;
    it_turn_stream *st = find_stream(s, in->flow, &i);
    if (!st && in->kind == IT_IO_ACCEPTED)
        return stream_accept(s, now, in);
    if (!st)
        return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    int taken = stream_dispatch(s, now, i, in);
    it_bits_add(&s->busy, i);
    if (!it_stream_alive(&st->s) && !st->s.rst_due)
        stream_gone(s, i);
    return taken;
}

int it_turn_stream_send(it_turn_server *s, it_time now, uint32_t flow, const it_bytes parts[3], size_t spare)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST];
    size_t n = parts[0].n + parts[1].n + parts[2].n, at = 0;
    uint32_t i;
    it_turn_stream *st = find_stream(s, flow, &i);
    if (!st || n + 3 > sizeof buf || it_stream_space(&st->s) < n + 3 + IT_TURN_TLS_OVERHEAD + spare) {
        s->stats.dropped++;
        return IT_ERR_FULL;
    }
    for (int k = 0; k < 3; k++) {
        if (parts[k].n)
            memcpy(buf + at, parts[k].p, parts[k].n);
        at += parts[k].n;
    }
    it_io io = {.kind = IT_IO_DATA, .data = it_bytes_of(buf, n)};
    int err = it_layers_write(&st->ls, now, &io);
    it_bits_add(&s->busy, i);
    if (err >= 0)
        return 0;
    s->stats.dropped++;
    return err == IT_ERR_NOMEM ? err : IT_ERR_FULL;
}

int it_turn_stream_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (uint32_t i = it_bits_next(&s->busy, 0); i != IT_BITS_NONE; i = it_bits_next(&s->busy, i + 1)) {
        it_turn_stream *st = s->streams[i];
        int n = it_layers_output(&st->ls, now, out, buf, cap);
        if (n == 0) { /* there may be room for answers again, or for what a peer says */
            n = stream_read(s, now, i);
            if (st->conn != IT_TURN_NONE && it_stream_space(&st->s) > 0)
                it_turn_tcp_read_on(s, st->conn);
            n = n < 0 ? n : it_layers_output(&st->ls, now, out, buf, cap);
        }
        if (n == 0)
            it_bits_del(&s->busy, i);
        if (!it_stream_alive(&st->s) && !st->s.rst_due)
            stream_gone(s, i);
        if (n != 0)
            return n;
    }
    return 0;
}

void it_turn_stream_tick(it_turn_server *s, it_time now)
{
    while (it_turn_stream_next(s) <= now) {
        uint32_t i = it_tourney_first(&s->idle);
        it_turn_stream *st = s->streams[i];
        if (!st->joined && it_turn_table_find(&s->t, &st->leg) == IT_TURN_NONE) {
            it_stream_reset(&st->s);
            it_bits_add(&s->busy, i);
        }
        it_tourney_set(&s->idle, i, now + IT_TURN_IDLE, i);
    }
}

it_time it_turn_stream_next(const it_turn_server *s)
{
    return s->live_streams ? s->idle.time[it_tourney_first(&s->idle)] : IT_NEVER;
}

/* --- data connections --- */

it_turn_stream *it_turn_stream_of(it_turn_server *s, uint32_t flow)
{
    uint32_t i;
    return find_stream(s, flow, &i);
}

/* Something may go out on |st|. */
static void stream_wake(it_turn_server *s, const it_turn_stream *st)
{
    uint32_t i;
    if (find_stream(s, st->leg.flow, &i))
        it_bits_add(&s->busy, i);
}

void it_turn_stream_join(it_turn_server *s, it_turn_stream *st, uint32_t c)
{
    st->joined = true;
    st->conn = c;
    it_layers_pop(&st->ls); /* no more messages */
    stream_wake(s, st);
}

int it_turn_stream_bytes(it_turn_server *s, it_time now, it_turn_stream *st, it_bytes data)
{
    it_io io = {.kind = IT_IO_DATA, .data = data};
    stream_wake(s, st);
    if (st->ls.n == 0)
        return (int)it_stream_write(&st->s, data);
    int n = it_layers_write(&st->ls, now, &io);
    return n < 0 && n != IT_ERR_NOMEM ? 0 : n;
}

int it_turn_stream_end(it_turn_server *s, it_time now, it_turn_stream *st, bool reset)
{
    it_io io = {.kind = IT_IO_FIN};
    stream_wake(s, st);
    if (reset)
        it_stream_reset(&st->s);
    else if (st->ls.n == 0)
        it_stream_finish(&st->s);
    else
        return it_layers_write(&st->ls, now, &io) == IT_ERR_NOMEM ? IT_ERR_NOMEM : 0;
    return 0;
}

int it_turn_stream_pull(it_turn_server *s, it_time now, it_turn_stream *st)
{
    uint8_t buf[IT_TURN_MESSAGE_LARGEST];
    it_io io;
    if (st->ls.n == 0) { /* asked for without room it would be offered, refused and asked for for ever */
        if (st->conn == IT_TURN_NONE || it_turn_tcp_space(s, st->conn) > 0)
            it_stream_read_on(&st->s);
        stream_wake(s, st);
        return 0;
    }
    int n = 1;
    while (n > 0 && st->conn != IT_TURN_NONE) {
        size_t space = it_turn_tcp_space(s, st->conn);
        n = space ? it_layers_read(&st->ls, now, &io, buf, space < sizeof buf ? space : sizeof buf) : 0;
        if (n <= 0)
            break;
        if (io.kind == IT_IO_DATA)
            (void)it_turn_tcp_client_bytes(s, now, st, io.data);
        else if (io.kind == IT_IO_FIN)
            it_turn_tcp_client_fin(s, st->conn);
    }
    stream_wake(s, st); /* its layers have room, and say so */
    return n < 0 ? n : 0;
}
