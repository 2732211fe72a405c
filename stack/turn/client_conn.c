/* The client's connections with peers (RFC 6062): asked for or offered, fetched by a data connection each, then bytes.
 *
 * What they have to tell are marks at the connection, not entries of a queue: nothing that happens is lost, however
 * late the owner asks. */
#include "stack/turn/client_impl.h"

static const char GONE[] = "the allocation is gone (RFC 6062 section 5.5)";

it_turn_client_conn *it_turn_client_conn_at(const it_turn_client *c, size_t i)
{
    return i < c->n_conns ? c->conns[i] : NULL;
}

it_turn_client_conn *it_turn_client_conn_of(const it_turn_client *c, uint32_t flow)
{
    if (!c->cfg.tcp || flow < c->cfg.conn_flow || flow == c->cfg.flow)
        return NULL;
    return it_turn_client_conn_at(c, flow - c->cfg.conn_flow);
}

uint32_t it_turn_client_conn_flow(const it_turn_client *c, size_t i)
{
    return c->cfg.conn_flow + (uint32_t)i;
}

static size_t conn_index(const it_turn_client *c, const it_turn_client_conn *x)
{
    size_t i = 0;
    while (c->conns[i] != x)
        i++;
    return i;
}

/* --- its life --- */

/* A new connection with |peer| in |*i|. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
static int conn_new(it_turn_client *c, it_addr peer, enum it_turn_client_conn_state state, it_time when, size_t *i)
{
    *i = 0;
    while (*i < c->n_conns && c->conns[*i])
        ++*i;
    if (*i == IT_TURN_CLIENT_CONNS)
        return IT_ERR_FULL;
    it_turn_client_conn *x = it_calloc(c->cfg.alloc, 1, sizeof *x);
    if (!x)
        return IT_ERR_NOMEM;
    x->state = (uint8_t)state;
    x->peer = peer;
    x->when = when;
    it_layers_init(&x->ls, c->cfg.alloc, &x->s);
    c->conns[*i] = x;
    if (*i == c->n_conns)
        c->n_conns++;
    return 0;
}

static void conn_free(it_turn_client *c, size_t i)
{
    it_layers_fini(&c->conns[i]->ls);
    it_free(c->cfg.alloc, c->conns[i]);
    c->conns[i] = NULL;
    while (c->n_conns && !c->conns[c->n_conns - 1])
        c->n_conns--;
}

static bool conn_has_stream(const it_turn_client_conn *x)
{
    return it_stream_alive(&x->s) || x->s.rst_due;
}

/* It has ended: |code| and |why| are told. */
static void conn_over(it_turn_client *c, it_turn_client_conn *x, int code, const char *why)
{
    uint64_t i = conn_index(c, x);
    if (x->state == IT_TURN_CONN_OVER)
        return;
    it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_CONNECT << 32 | i);
    it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_FETCH << 32 | i);
    if (it_stream_alive(&x->s))
        it_stream_reset(&x->s);
    x->state = IT_TURN_CONN_OVER;
    x->in.n = 0;
    x->code = code;
    x->why = why;
    x->when = 0;
}

/* Frees the place of one that is over, was told, and has nothing left on the wire. */
static void conn_tidy(it_turn_client *c, it_time now, size_t i)
{
    const it_turn_client_conn *x = c->conns[i];
    if (x && x->state == IT_TURN_CONN_OVER && x->end_told && x->when <= now && !conn_has_stream(x))
        conn_free(c, i);
}

void it_turn_client_conns_end(it_turn_client *c)
{
    for (size_t i = 0; i < c->n_conns; i++)
        if (c->conns[i])
            conn_over(c, c->conns[i], 0, GONE);
}

bool it_turn_client_conns_over(const it_turn_client *c)
{
    for (size_t i = 0; i < c->n_conns; i++)
        if (c->conns[i] && conn_has_stream(c->conns[i]))
            return false;
    return true;
}

void it_turn_client_conns_free(it_turn_client *c)
{
    for (size_t i = c->n_conns; i-- > 0;)
        if (c->conns[i])
            conn_free(c, i);
}

/* --- Connect --- */

/* RFC 6062 section 4.3: one Connect to a peer at a time, and after 447 none for 10 s. Returns when the next may be
 * sent; IT_NEVER: there is a connection. */
static it_time connect_allowed(const it_turn_client *c, it_time now, it_addr peer)
{
    it_time when = now;
    for (size_t i = 0; i < c->n_conns; i++) {
        const it_turn_client_conn *x = c->conns[i];
        if (!x || !it_addr_eq(x->peer, peer))
            continue;
        if (x->state != IT_TURN_CONN_OVER)
            return IT_NEVER;
        when = x->when > when ? x->when : when;
    }
    return when;
}

int it_turn_client_connect(it_turn_client *c, it_time now, it_addr peer, uint32_t *conn)
{
    size_t i;
    if (c->state != IT_TURN_ALLOCATED || !c->cfg.tcp)
        return IT_ERR_STATE;
    it_time when = connect_allowed(c, now, peer);
    if (when == IT_NEVER)
        return IT_ERR_EXISTS;
    int err = conn_new(c, peer, IT_TURN_CONN_HELD, when, &i);
    if (err < 0)
        return err;
    *conn = (uint32_t)i;
    if (when > now)
        return 0;
    c->conns[i]->state = IT_TURN_CONN_ASKED;
    err = it_turn_client_ask(c, now, IT_TURN_ASK_CONNECT, i);
    if (err < 0)
        conn_free(c, i);
    return err;
}

/* Opens the data connection and sends ConnectionBind by it. Returns 0 or IT_ERR_NOMEM. */
static int conn_fetch(it_turn_client *c, it_time now, size_t i, it_time until)
{
    it_turn_client_conn *x = c->conns[i];
    x->state = IT_TURN_CONN_BINDING;
    x->when = until;
    /* Section 4.3: the same method and credentials, the same server, and another port of ours. */
    x->lt = c->lt;
    x->lt.refusals = 0;
    int err = it_turn_client_layers(c, &x->ls);
    it_stream_open(&x->s, it_turn_client_conn_flow(c, i), it_addr_of(c->cfg.local.ip, 0), c->cfg.server);
    if (err == 0)
        err = it_turn_client_ask(c, now, IT_TURN_ASK_FETCH, i);
    if (err < 0)
        conn_over(c, x, 0, it_err_str(err));
    return err;
}

int it_turn_client_connect_done(it_turn_client *c, it_time now, size_t i, int code, const char *why,
                                const it_stun_msg *m)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, i);
    if (!x || x->state != IT_TURN_CONN_ASKED)
        return 0;
    if (code == 437)
        return it_turn_client_lost(c, now, code, why);
    if (code) {
        conn_over(c, x, code, why ? why : it_stun_reason(code));
        if (code == 447)
            x->when = now + IT_TURN_CONN_AGAIN;
        return 0;
    }
    if (it_stun_get_u32(m, IT_STUN_CONNECTION_ID, &x->id) == 0)
        return conn_fetch(c, now, i, now + IT_TURN_CONN_LIFE);
    conn_over(c, x, 500, "the response has no CONNECTION-ID (RFC 6062 section 5.2)");
    return 0;
}

/* --- ConnectionAttempt --- */

/* RFC 6062 section 4.4. */
int it_turn_client_attempt(it_turn_client *c, it_time now, const it_stun_msg *m)
{
    static const uint16_t KNOWN[] = {IT_STUN_XOR_PEER_ADDRESS, IT_STUN_CONNECTION_ID};
    it_addr peer;
    uint32_t id;
    uint16_t unknown[1];
    size_t i;
    if (!c->cfg.tcp || c->state != IT_TURN_ALLOCATED || it_stun_unknown(m, KNOWN, 2, unknown, 1) > 0)
        return 0;
    if (it_stun_get_addr(m, IT_STUN_XOR_PEER_ADDRESS, &peer) < 0 || it_stun_get_u32(m, IT_STUN_CONNECTION_ID, &id) < 0)
        return 0;
    int err = conn_new(c, peer, IT_TURN_CONN_OFFERED, now + IT_TURN_CONN_LIFE, &i);
    if (err < 0) /* one too many: the server ends it after 30 s */
        return err == IT_ERR_NOMEM ? err : 0;
    c->conns[i]->id = id;
    return 0;
}

int it_turn_client_accept(it_turn_client *c, it_time now, uint32_t conn)
{
    const it_turn_client_conn *x = it_turn_client_conn_at(c, conn);
    if (!x || x->state != IT_TURN_CONN_OFFERED || x->when <= now)
        return IT_ERR_STATE;
    return conn_fetch(c, now, conn, x->when);
}

/* --- ConnectionBind --- */

int it_turn_client_conn_request(it_turn_client *c, it_time now, const it_io *out)
{
    it_turn_client_conn *x = it_turn_client_conn_of(c, out->flow);
    it_io io = {.kind = IT_IO_DATA, .data = out->data};
    if (!x || x->state != IT_TURN_CONN_BINDING)
        return 0;
    int n = it_layers_write(&x->ls, now, &io);
    return n == IT_ERR_NOMEM ? n : 0;
}

int it_turn_client_fetch_done(it_turn_client *c, it_time now, size_t i, int code, const char *why)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, i);
    (void)now;
    if (!x || x->state != IT_TURN_CONN_BINDING)
        return 0;
    if (code) {
        conn_over(c, x, code, why ? why : it_stun_reason(code));
        return 0;
    }
    x->state = IT_TURN_CONN_OPEN;
    it_layers_pop(&x->ls); /* no more messages: section 4.5 */
    return 0;
}

/* --- in --- */

/* A FIN or RST has come out of the layers, or of the stream below when there is none. */
static void conn_cut(it_turn_client *c, it_turn_client_conn *x, const it_io *io, enum it_io_end end)
{
    const char *fault = it_layers_why(&x->ls);
    if (io->kind == IT_IO_FIN && x->state == IT_TURN_CONN_OPEN)
        x->eof = true;
    else
        conn_over(c, x, 0, fault ? fault : it_turn_client_end_why(io, end));
}

/* It is over when both ends have ended and all was read. */
static void conn_end_if_over(it_turn_client *c, it_turn_client_conn *x)
{
    if (x->state == IT_TURN_CONN_OPEN && !conn_has_stream(x) && x->in.n == 0)
        conn_over(c, x, 0, NULL);
}

/* Takes out of TLS what there is room for. Returns 0 or IT_ERR_NOMEM. */
static int conn_pull(it_turn_client *c, it_time now, it_turn_client_conn *x, enum it_io_end end)
{
    uint8_t buf[2048];
    it_io io;
    while (x->ls.n && x->state == IT_TURN_CONN_OPEN && x->in.n < IT_QUEUE_MAX) {
        size_t room = IT_QUEUE_MAX - x->in.n;
        int n = it_layers_read(&x->ls, now, &io, buf, room < sizeof buf ? room : sizeof buf);
        if (n <= 0)
            return n;
        if (io.kind == IT_IO_DATA)
            (void)it_queue_put(&x->in, io.data);
        else if (io.kind == IT_IO_FIN || io.kind == IT_IO_RST)
            conn_cut(c, x, &io, end);
    }
    return 0;
}

/* Takes an io of a connection that is open. Returns the bytes taken, or IT_ERR_NOMEM. */
static int conn_open_input(it_turn_client *c, it_time now, it_turn_client_conn *x, const it_io *in)
{
    int n = 0;
    if (x->ls.n) {
        n = it_layers_input(&x->ls, now, in);
        int err = n < 0 ? n : conn_pull(c, now, x, in->end);
        n = err < 0 ? err : n;
    } else if (in->kind == IT_IO_DATA) {
        n = it_stream_took(&x->s, in->data.n, it_queue_put(&x->in, in->data));
    } else {
        it_stream_input(&x->s, in);
        if (in->kind == IT_IO_FIN || in->kind == IT_IO_RST)
            conn_cut(c, x, in, in->end);
    }
    conn_end_if_over(c, x);
    return n;
}

/* Reads the answer to ConnectionBind. Returns 0 or IT_ERR_NOMEM. */
static int conn_answers(it_turn_client *c, it_time now, it_turn_client_conn *x, enum it_io_end end)
{
    uint8_t buf[IT_TURN_CLIENT_MESSAGE];
    it_stun_msg m;
    it_io io;
    while (x->state == IT_TURN_CONN_BINDING) {
        int err = 0, n = it_layers_read(&x->ls, now, &io, buf, sizeof buf);
        if (n <= 0)
            return n;
        if (io.kind == IT_IO_FIN || io.kind == IT_IO_RST)
            conn_cut(c, x, &io, end);
        else if (io.kind == IT_IO_DATA && it_stun_parse(&m, io.data) == 0 && m.cls >= IT_STUN_SUCCESS)
            err = it_turn_client_response(c, now, x->s.flow, &m);
        if (err < 0)
            return err;
    }
    return 0;
}

/* Takes |in| up to the answer of ConnectionBind. Returns the bytes taken, or IT_ERR_NOMEM. */
static int conn_take_answer(it_turn_client *c, it_time now, it_turn_client_conn *x, it_io in)
{
    size_t n = in.data.n;
    while (x->state == IT_TURN_CONN_BINDING) {
        int taken = it_layers_input(&x->ls, now, &in);
        int err = taken < 0 ? taken : conn_answers(c, now, x, in.end);
        if (err < 0)
            return err;
        if (taken == 0)
            break;
        in.data = it_bytes_of(in.data.p + taken, in.data.n - (size_t)taken);
        if (in.data.n == 0)
            break;
    }
    return in.kind == IT_IO_DATA ? (int)(n - in.data.n) : 0;
}

/* Takes an io of a data connection that is being opened; what is behind the answer is the peer's. Returns the bytes
 * taken, or IT_ERR_NOMEM. */
static int conn_binding_input(it_turn_client *c, it_time now, it_turn_client_conn *x, it_io in)
{
    int taken = conn_take_answer(c, now, x, in);
    if (taken < 0 || x->state != IT_TURN_CONN_OPEN)
        return taken;
    if (in.kind != IT_IO_DATA || (size_t)taken == in.data.n) {
        int err = conn_pull(c, now, x, in.end);
        return err < 0 ? err : taken;
    }
    in.data = it_bytes_of(in.data.p + taken, in.data.n - (size_t)taken);
    int more = conn_open_input(c, now, x, &in);
    return more < 0 ? more : taken + more;
}

int it_turn_client_conn_input(it_turn_client *c, it_time now, it_turn_client_conn *x, const it_io *in)
{
    size_t n = in->kind == IT_IO_DATA ? in->data.n : 0;
    if (x->state == IT_TURN_CONN_BINDING && it_stream_alive(&x->s))
        return conn_binding_input(c, now, x, *in);
    if (x->state == IT_TURN_CONN_OPEN && it_stream_alive(&x->s))
        return conn_open_input(c, now, x, in);
    if (in->kind == IT_IO_RST) /* while our own waits to go out */
        it_stream_input(&x->s, in);
    return (int)n;
}

/* --- the owner's bytes --- */

int it_turn_client_write(it_turn_client *c, it_time now, uint32_t conn, it_bytes data)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, conn);
    it_io io = {.kind = IT_IO_DATA, .data = data};
    if (!x || x->state != IT_TURN_CONN_OPEN || x->finished)
        return IT_ERR_STATE;
    int n = 0;
    if (x->ls.n == 0)
        n = (int)it_stream_write(&x->s, data);
    else if (data.n)
        n = it_layers_write(&x->ls, now, &io);
    if (n == IT_ERR_NOMEM)
        return n;
    n = n < 0 ? 0 : n;
    x->waits = (size_t)n < data.n;
    return n;
}

int it_turn_client_read(it_turn_client *c, it_time now, uint32_t conn, uint8_t *buf, size_t cap)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, conn);
    if (!x || x->state != IT_TURN_CONN_OPEN)
        return IT_ERR_STATE;
    size_t n = it_queue_take(&x->in, buf, cap);
    if (x->ls.n == 0)
        it_stream_read_on(&x->s);
    int err = conn_pull(c, now, x, IT_IO_END_RESET);
    if (err < 0)
        return err;
    x->in_told = x->in_told && x->in.n > 0;
    conn_end_if_over(c, x);
    return (int)n;
}

int it_turn_client_finish(it_turn_client *c, it_time now, uint32_t conn)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, conn);
    it_io io = {.kind = IT_IO_FIN};
    if (!x || x->state != IT_TURN_CONN_OPEN)
        return IT_ERR_STATE;
    if (x->finished)
        return 0;
    x->finished = true;
    x->waits = false;
    if (x->ls.n)
        return it_layers_write(&x->ls, now, &io) == IT_ERR_NOMEM ? IT_ERR_NOMEM : 0;
    it_stream_finish(&x->s);
    return 0;
}

void it_turn_client_reset(it_turn_client *c, it_time now, uint32_t conn)
{
    it_turn_client_conn *x = it_turn_client_conn_at(c, conn);
    (void)now;
    if (x)
        conn_over(c, x, 0, "it was reset on this side");
}

/* --- out --- */

int it_turn_client_conns_output(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (size_t i = 0; i < c->n_conns; i++) {
        it_turn_client_conn *x = c->conns[i];
        if (!x)
            continue;
        int n = conn_has_stream(x) ? it_layers_output(&x->ls, now, out, buf, cap) : 0;
        conn_end_if_over(c, x);
        conn_tidy(c, now, i);
        if (n != 0)
            return n;
    }
    return 0;
}

/* --- what there is to tell --- */

/* The next mark of |x|, and takes it away: true, and its kind. */
static bool conn_mark(it_turn_client_conn *x, enum it_turn_client_kind *kind)
{
    const struct {
        bool now, *told;
        enum it_turn_client_kind kind;
    } marks[] = {
        {x->state == IT_TURN_CONN_OFFERED, &x->offer_told, IT_TURN_CLIENT_CONN_ATTEMPT},
        {x->state == IT_TURN_CONN_OPEN, &x->open_told, IT_TURN_CLIENT_CONN_OPEN},
        {x->in.n > 0, &x->in_told, IT_TURN_CLIENT_CONN_READABLE},
        {x->eof && x->in.n == 0, &x->eof_told, IT_TURN_CLIENT_CONN_FIN},
        {x->state == IT_TURN_CONN_OVER, &x->end_told, IT_TURN_CLIENT_CONN_ENDED},
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (!marks[i].now || *marks[i].told)
            continue;
        *marks[i].told = true;
        *kind = marks[i].kind;
        return true;
    }
    if (!x->waits || x->state != IT_TURN_CONN_OPEN || it_stream_space(&x->s) < IT_STREAM_BUF / 2)
        return false;
    x->waits = false;
    *kind = IT_TURN_CLIENT_CONN_WRITABLE;
    return true;
}

int it_turn_client_conns_event(it_turn_client *c, it_turn_client_event *ev)
{
    for (size_t i = 0; i < c->n_conns; i++) {
        it_turn_client_conn *x = c->conns[i];
        enum it_turn_client_kind kind;
        if (!x || !conn_mark(x, &kind))
            continue;
        *ev = (it_turn_client_event){.kind = kind, .conn = (uint32_t)i, .peer = x->peer};
        if (kind != IT_TURN_CLIENT_CONN_ENDED)
            return 1;
        ev->code = x->code;
        ev->why = x->why;
        if (x->when == 0)
            conn_tidy(c, 0, i);
        return 1;
    }
    return 0;
}

/* --- time --- */

/* Returns 0 or IT_ERR_NOMEM. */
static int conn_tick(it_turn_client *c, it_time now, size_t i)
{
    it_turn_client_conn *x = c->conns[i];
    int err = 0;
    if (x->when > now)
        return 0;
    switch ((enum it_turn_client_conn_state)x->state) {
    case IT_TURN_CONN_HELD:
        x->state = IT_TURN_CONN_ASKED;
        err = it_turn_client_ask(c, now, IT_TURN_ASK_CONNECT, i);
        if (err < 0)
            conn_over(c, x, 0, it_err_str(err));
        return err;
    case IT_TURN_CONN_OFFERED:
        conn_over(c, x, 408, "it was not fetched in 30 s (RFC 6062 section 5.3)");
        return 0;
    case IT_TURN_CONN_BINDING:
        conn_over(c, x, 408, "the data connection was not there in 30 s (RFC 6062 section 5.2)");
        return 0;
    case IT_TURN_CONN_OVER:
        conn_tidy(c, now, i);
        return 0;
    default:
        return 0;
    }
}

int it_turn_client_conns_tick(it_turn_client *c, it_time now)
{
    int err = 0;
    for (size_t i = 0; i < c->n_conns && err == 0; i++)
        if (c->conns[i])
            err = conn_tick(c, now, i);
    return err;
}

/* True when |x| does something at its time: ended ones keep their places until then. */
static bool conn_waits(const it_turn_client_conn *x)
{
    if (x->state == IT_TURN_CONN_OVER)
        return x->end_told && x->when > 0 && !conn_has_stream(x);
    return x->state == IT_TURN_CONN_HELD || x->state == IT_TURN_CONN_OFFERED || x->state == IT_TURN_CONN_BINDING;
}

it_time it_turn_client_conns_next(const it_turn_client *c)
{
    it_time next = IT_NEVER;
    for (size_t i = 0; i < c->n_conns; i++)
        if (c->conns[i] && conn_waits(c->conns[i]) && c->conns[i]->when < next)
            next = c->conns[i]->when;
    return next;
}
