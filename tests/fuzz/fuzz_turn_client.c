/* The TURN client against a hostile server: over datagrams with mobility (RFC 8016), or over streams with a TCP
 * allocation (RFC 6062), its data connections included.
 *
 * The first byte chooses which. The server knows the password: its answers are signed rightly where the input asks for
 * it, to whichever of the last requests, with attributes that the input chooses. Then come streams in pieces, their
 * ends, what the owner asks for, and time. */
#include "stack/turn/attrs.h"
#include "stack/turn/client.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

enum { FLOW = 3, CONNS = 100, REQUESTS = 4 };
static const uint8_t ROOM[1];

typedef struct asked {
    bool used;
    uint32_t flow;
    uint16_t method;
    uint8_t txid[IT_STUN_TXID];
} asked;

typedef struct rig {
    it_alloc mem;
    it_turn_client *c;
    it_time now;
    bool stream;
    asked last[REQUESTS];
    uint32_t n_asked;
    uint32_t conn; /* the last that was told */
    it_hmac_key key;
} rig;

static it_addr v4(uint32_t ip, uint16_t port)
{
    return it_addr_of(it_ip4(ip), port);
}

static it_addr peer_of(unsigned i)
{
    return v4(0xcb007100u + (i & 7), (uint16_t)(7000 + (i >> 3 & 3)));
}

static void note_request(rig *r, const it_io *out)
{
    it_stun_msg m;
    if (it_stun_parse(&m, out->data) < 0 || m.cls != IT_STUN_REQUEST)
        return;
    asked *a = &r->last[r->n_asked++ % REQUESTS];
    *a = (asked){.used = true, .flow = out->flow, .method = m.method};
    memcpy(a->txid, m.txid, sizeof a->txid);
}

static void drain(rig *r)
{
    static uint8_t buf[65536];
    it_io out;
    it_turn_client_event ev;
    int n;
    while ((n = it_turn_client_output(r->c, r->now, &out, buf, sizeof buf)) == 1) {
        MUST(out.flow == FLOW || (r->stream && out.flow >= CONNS && out.flow < CONNS + IT_TURN_CLIENT_CONNS) ||
             (!r->stream && out.flow < 8));
        if (out.kind == IT_IO_DGRAM || out.kind == IT_IO_DATA)
            note_request(r, &out);
    }
    MUST(n == 0);
    while (it_turn_client_event_next(r->c, &ev)) {
        MUST(ev.kind <= IT_TURN_CLIENT_CONN_ENDED);
        if (ev.kind < IT_TURN_CLIENT_CONN_ATTEMPT)
            continue;
        MUST(r->stream && ev.conn < IT_TURN_CLIENT_CONNS);
        r->conn = ev.conn;
    }
}

static void give(rig *r, it_io in)
{
    int n = it_turn_client_input(r->c, r->now, &in);
    MUST(n >= 0 && (size_t)n <= in.data.n);
    drain(r);
}

/* What the server says on |flow|. */
static void say(rig *r, uint32_t flow, it_bytes d)
{
    uint8_t *exact = fuzz_exact(d);
    give(r, (it_io){.kind = r->stream ? IT_IO_DATA : IT_IO_DGRAM,
                    .flow = flow,
                    .remote = v4(0xc6336401u, 3478),
                    .data = it_bytes_of(exact, d.n)});
    free(exact);
}

/* A challenge to the request that was made last. */
static void challenge(rig *r)
{
    const asked *a = &r->last[(r->n_asked - 1) % REQUESTS];
    uint8_t buf[256];
    it_buf b;
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_ERROR, a->method, a->txid);
    it_stun_put_error(&b, 401, NULL);
    it_stun_put(&b, IT_STUN_REALM, it_bytes_str("example.org"));
    it_stun_put(&b, IT_STUN_NONCE, it_bytes_str("nonce"));
    int n = it_stun_end(&b);
    MUST(n > 0);
    say(r, a->flow, it_bytes_of(buf, (size_t)n));
}

/* What an honest server would have in an answer, as far as |which| says. */
static void honest_attributes(it_buf *b, unsigned which, unsigned serial)
{
    static const uint8_t TICKET[32] = "thirty-two bytes of some ticket";
    if (which & 1)
        it_stun_put_addr(b, IT_STUN_XOR_RELAYED_ADDRESS, v4(0xc6336401u, 50000));
    if (which & 1)
        it_stun_put_addr(b, IT_STUN_XOR_MAPPED_ADDRESS, v4(0xc0000201u, 4000));
    if (which & 2)
        it_stun_put_u32(b, IT_STUN_LIFETIME, 600);
    if (which & 4)
        it_stun_put_u32(b, IT_STUN_CONNECTION_ID, serial);
    if (which & 8)
        it_stun_put(b, IT_STUN_MOBILITY_TICKET, it_bytes_of(TICKET, sizeof TICKET));
}

/* A response to one of the last requests, signed or not. */
static void answer(rig *r, fuzz *f)
{
    static const int CODES[] = {300, 400, 401, 403, 405, 420, 437, 438, 441, 443, 446, 447, 486, 500, 508, 699};
    static uint8_t buf[4096];
    const asked *a = &r->last[fuzz_u8(f) % REQUESTS];
    unsigned how = fuzz_u8(f), which = fuzz_u8(f);
    it_bytes attrs = fuzz_bytes(f);
    it_buf b;
    if (!a->used)
        return;
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, how & 1 ? IT_STUN_ERROR : IT_STUN_SUCCESS, a->method, a->txid);
    if (how & 1)
        it_stun_put_error(&b, CODES[which & 15], NULL);
    else
        honest_attributes(&b, which, which >> 4);
    it_buf_put(&b, attrs.p, attrs.n & ~(size_t)3);
    if (how & 2)
        it_stun_put_integrity(&b, &r->key);
    int n = it_stun_end(&b);
    if (n > 0)
        say(r, how & 4 ? a->flow : FLOW, it_bytes_of(buf, (size_t)n));
}

/* ConnectionAttempt, Data and other indications. */
static void indicate(rig *r, fuzz *f)
{
    static const uint16_t METHODS[] = {IT_STUN_CONNECTION_ATTEMPT, IT_STUN_DATA, IT_STUN_CONNECT, IT_STUN_BINDING};
    static uint8_t buf[4096];
    unsigned what = fuzz_u8(f), who = fuzz_u8(f);
    uint8_t txid[IT_STUN_TXID] = {(uint8_t)who};
    it_bytes attrs = fuzz_bytes(f);
    it_buf b;
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_INDICATION, METHODS[what & 3], txid);
    if (what & 4)
        it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, peer_of(who));
    if (what & 8)
        it_stun_put_u32(&b, IT_STUN_CONNECTION_ID, who);
    if (what & 16)
        it_stun_put(&b, IT_STUN_DATA_ATTR, attrs);
    else
        it_buf_put(&b, attrs.p, attrs.n & ~(size_t)3);
    int n = it_stun_end(&b);
    if (n > 0)
        say(r, FLOW, it_bytes_of(buf, (size_t)n));
}

static uint32_t some_flow(unsigned what)
{
    return what & 7 ? CONNS + (what & 7) - 1 : FLOW;
}

static void raw(rig *r, fuzz *f)
{
    unsigned what = fuzz_u8(f);
    say(r, r->stream ? some_flow(what) : FLOW, fuzz_bytes(f));
}

static void on_stream(rig *r, fuzz *f)
{
    static const enum it_io_kind KINDS[] = {IT_IO_OPENED, IT_IO_WRITABLE, IT_IO_FIN, IT_IO_RST};
    unsigned what = fuzz_u8(f);
    it_io in = {.kind = KINDS[what >> 6], .flow = some_flow(what), .local = v4(0xc0000201u, (uint16_t)(4000 + what))};
    if (!r->stream)
        return;
    if (in.kind < IT_IO_FIN)
        in.data = it_bytes_of(ROOM, (what >> 3 & 7) * 10000);
    int n = it_turn_client_input(r->c, r->now, &in);
    MUST(n >= 0);
    drain(r);
}

/* What the owner of a TCP allocation does. */
static void own_conns(rig *r, unsigned what, it_bytes data)
{
    static uint8_t buf[20000];
    int n = 0;
    switch (what & 7) {
    case 0:
        n = it_turn_client_connect(r->c, r->now, peer_of(what >> 3), &r->conn);
        break;
    case 1:
        n = it_turn_client_accept(r->c, r->now, r->conn);
        break;
    case 2:
        n = it_turn_client_write(r->c, r->now, r->conn, data);
        MUST(n <= (int)data.n);
        break;
    case 3:
        n = it_turn_client_read(r->c, r->now, r->conn, buf, (size_t)what * 50);
        MUST(n <= (int)what * 50);
        break;
    case 4:
        n = it_turn_client_finish(r->c, r->now, r->conn);
        break;
    case 5:
        it_turn_client_reset(r->c, r->now, r->conn);
        break;
    default:
        r->conn = what >> 3 & 7;
        break;
    }
    MUST(n >= 0 || n == IT_ERR_STATE || n == IT_ERR_EXISTS || n == IT_ERR_FULL);
}

/* What the owner of an allocation of datagrams does. */
static void own_datagrams(rig *r, unsigned what, it_bytes data)
{
    it_addr none = {{0, 0}, 0};
    int n = 0;
    switch (what & 3) {
    case 0:
        n = it_turn_client_send(r->c, r->now, peer_of(what >> 2), data, what & 0x80);
        break;
    case 1:
        n = it_turn_client_bind(r->c, r->now, peer_of(what >> 2));
        break;
    case 2:
        n = it_turn_client_move(r->c, r->now, what & 0x40 ? FLOW : 4,
                                what & 0x80 ? v4(0xc0000202u, (uint16_t)(1 + what)) : none);
        break;
    default:
        it_turn_client_forget(r->c, peer_of(what >> 2).ip);
        break;
    }
    MUST(n == 0 || n == IT_ERR_STATE || n == IT_ERR_FULL || n == IT_ERR_PERM || n == IT_ERR_TOOBIG);
}

static void own(rig *r, fuzz *f)
{
    unsigned what = fuzz_u8(f);
    it_bytes data = fuzz_bytes(f);
    if (what == 0xff)
        MUST(it_turn_client_close(r->c, r->now) == 0);
    else if (what >= 0xf8)
        (void)it_turn_client_permit(r->c, r->now, peer_of(what).ip);
    else if (r->stream)
        own_conns(r, what, data);
    else
        own_datagrams(r, what, data);
    drain(r);
}

static void time_passes(rig *r, fuzz *f)
{
    r->now += fuzz_u8(f) * 500 * IT_MS;
    for (int i = 0; it_turn_client_next(r->c) <= r->now; i++) {
        MUST(i < 100); /* it does something, and then waits */
        MUST(it_turn_client_tick(r->c, r->now) == 0);
        drain(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ACTS[])(rig *, fuzz *) = {answer, answer, indicate, raw, on_stream, own, own, time_passes};
    fuzz f = {data, size};
    unsigned options = fuzz_u8(&f);
    static rig r;
    memset(&r, 0, sizeof r);
    it_alloc_init(&r.mem);
    r.stream = options & 1;
    it_turn_client_cfg cfg = {.alloc = &r.mem,
                              .username = "alice",
                              .password = FUZZ_PASSWORD,
                              .flow = FLOW,
                              .conn_flow = CONNS,
                              .local = v4(0xc0000201u, r.stream ? 0 : 4000),
                              .server = v4(0xc6336401u, 3478),
                              .stream = r.stream,
                              .tcp = r.stream,
                              .mobility = !r.stream,
                              .persist = options & 2,
                              .bind_after = options & 4 ? 2 : 0};
    it_rng_init(&cfg.rng, 1, "fuzz");
    it_stun_key_long(&r.key, IT_STUN_ALGO_MD5, it_bytes_str("alice"), it_bytes_str("example.org"),
                     it_bytes_str(FUZZ_PASSWORD));
    r.c = it_turn_client_new(&cfg, r.now);
    MUST(r.c);
    drain(&r);
    it_io opened = {.kind = IT_IO_OPENED, .flow = FLOW, .data = it_bytes_of(ROOM, 1 << 20)};
    if (r.stream)
        MUST(it_turn_client_input(r.c, r.now, &opened) >= 0);
    drain(&r);
    if (r.n_asked)
        challenge(&r);
    while (f.n)
        ACTS[fuzz_u8(&f) & 7](&r, &f);
    it_turn_client_free(r.c);
    MUST(r.mem.live == 0);
    return 0;
}
