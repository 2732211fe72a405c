/* The TURN server against hostile clients, streams and peers, and an honest one who is to be served all the same.
 *
 * The first byte chooses options, then come actions: messages of clients, sealed with the key of a user where the input
 * asks for that, ChannelData, streams in pieces, datagrams and ICMP at relayed sockets, answers of the host, time; with
 * TCP allocations (RFC 6062) their requests on streams, and the streams of peers. */
#include "stack/stun/longterm.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"
#include "stack/turn/server/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

static const it_stun_user USERS[] = {{"alice", FUZZ_PASSWORD}, {"bob", "hunter2"}};

typedef struct rig {
    it_alloc mem;
    it_turn_server *s;
    it_stun_longterm lt[4]; /* of each client: a nonce is good at its address alone */
    it_time now;
    uint16_t port;
    bool refuse;
    uint8_t request[2048];
    size_t n_request;
    uint8_t serial;
    bool answered;
    bool by_stream; /* signed requests go on the client's stream */
    bool tcp;       /* there are TCP allocations */
    it_addr listens;
} rig;

static it_addr v4(uint32_t ip, uint16_t port)
{
    return it_addr_of(it_ip4(ip), port);
}

static it_addr client(unsigned i)
{
    return v4(0xc0000201u + (i & 3), 4000);
}

static void input(rig *r, it_io in)
{
    int n = it_turn_server_input(r->s, r->now, &in);
    MUST(n >= 0 && (size_t)n <= in.data.n);
}

/* A port that accepts streams of peers. */
static void host_listens(rig *r, const it_io *out)
{
    it_addr a = it_addr_of(out->local.ip, r->refuse ? 0 : r->port++);
    r->listens = a.port ? a : r->listens;
    input(r, (it_io){.kind = IT_IO_LISTENING, .flow = out->flow, .local = a});
}

static void host_binds(rig *r, const it_io *out)
{
    uint32_t ports = out->port == IT_IO_PORT_PAIR ? 2 : 1;
    MUST(out->flow >= IT_IO_BOUND_FLOW && out->flow < IT_IO_ACCEPTED_FLOW);
    r->port = (uint16_t)(r->port + (out->port != IT_IO_PORT_ANY && r->port % 2));
    for (uint32_t i = 0; i < ports; i++) {
        it_addr a = it_addr_of(out->local.ip, r->refuse ? 0 : r->port++);
        input(r, (it_io){.kind = IT_IO_BOUND, .flow = out->flow + i, .local = a});
        if (r->refuse)
            return;
    }
}

/* What leaves for a peer never leaves for private places, nor for ourselves. */
static void to_peer(const it_io *out)
{
    MUST(out->remote.port && !it_ip_private(out->remote.ip) && !it_ip_link_local(out->remote.ip));
    MUST(!it_ip_multicast(out->remote.ip) && it_ip_unicast(out->remote.ip));
    MUST(!it_ip_eq(out->remote.ip, it_ip4(0xc6336401u)));
}

/* Offers |in| to the shortcut, in bytes with just the room that it may write to. True when it took it. */
static bool shortcut(rig *r, const it_io *in)
{
    size_t n = in->data.n;
    uint8_t *room = malloc(n + 2 * IT_RELAY_ROOM), *bytes = room + IT_RELAY_ROOM;
    it_io out, copy = *in;
    if (n)
        memcpy(bytes, in->data.p, n);
    copy.data.p = bytes;
    bool took = it_turn_server_relay(r->s, r->now, &copy, bytes, &out);
    if (took) {
        MUST(out.data.p >= room && out.data.p + out.data.n <= bytes + n + IT_RELAY_ROOM);
        if (out.flow >= IT_IO_BOUND_FLOW)
            to_peer(&out);
        else
            MUST(it_turn_message_kind(out.data) == IT_TURN_MESSAGE_CHANNEL);
    }
    free(room);
    return took;
}

/* What the server says on a stream may be bytes of a peer, or a challenge. */
static void heard_on_stream(rig *r, const it_io *out)
{
    it_stun_msg m;
    if (out->flow < IT_IO_ACCEPTED_FLOW || it_stun_parse(&m, out->data) < 0 || m.cls < IT_STUN_SUCCESS)
        return;
    (void)it_stun_longterm_response(&r->lt[out->flow & 3], &m, it_bytes_of(r->request, r->n_request), NULL);
}

/* All that the server says has its form, and nothing leaves for where it must not. */
static void drain(rig *r)
{
    static uint8_t buf[65536];
    it_io out;
    it_stun_msg m;
    while (it_turn_server_output(r->s, r->now, &out, buf, sizeof buf) == 1) {
        if (out.kind == IT_IO_BIND)
            host_binds(r, &out);
        if (out.kind == IT_IO_LISTEN)
            host_listens(r, &out);
        if (out.kind == IT_IO_OPEN) {
            MUST(out.flow < IT_IO_BOUND_FLOW);
            to_peer(&out);
        }
        if (out.kind == IT_IO_DATA)
            heard_on_stream(r, &out);
        if (out.kind != IT_IO_DGRAM)
            continue;
        if (out.flow >= IT_IO_BOUND_FLOW) {
            to_peer(&out);
            continue;
        }
        if (it_turn_message_kind(out.data) == IT_TURN_MESSAGE_CHANNEL)
            continue;
        MUST(it_stun_parse(&m, out.data) == 0 && m.cls != IT_STUN_REQUEST);
        if (m.cls == IT_STUN_INDICATION)
            continue;
        r->answered = true;
        (void)it_stun_longterm_response(&r->lt[(out.remote.ip.lo - 1) & 3], &m, it_bytes_of(r->request, r->n_request),
                                        NULL);
    }
}

static void dgram(rig *r, it_addr from, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = v4(0xc6336401u, 3478),
                .remote = from,
                .data = d,
                .meta = {.ttl = (uint8_t)(d.n % 3)}};
    if (shortcut(r, &in))
        return;
    input(r, in);
    drain(r);
}

/* A request with credentials that are right, and attributes as they come. */
static void signed_request(rig *r, fuzz *f, uint16_t method, unsigned who)
{
    uint8_t txid[IT_STUN_TXID] = {r->serial++, 1};
    it_buf b;
    it_buf_init(&b, r->request, sizeof r->request);
    it_stun_begin(&b, IT_STUN_REQUEST, method, txid);
    it_bytes attrs = fuzz_bytes(f);
    it_buf_put(&b, attrs.p, attrs.n & ~(size_t)3);
    it_stun_longterm_put(&r->lt[who], &b);
    it_stun_longterm_sign(&r->lt[who], &b);
    int n = it_stun_end(&b);
    if (n < 0)
        return;
    r->n_request = (size_t)n;
    it_bytes d = it_bytes_of(r->request, (size_t)n);
    if (!r->by_stream) {
        dgram(r, client(who), d);
        return;
    }
    it_io in = {.kind = IT_IO_DATA, .flow = IT_IO_ACCEPTED_FLOW + who, .data = d};
    MUST(it_turn_server_input(r->s, r->now, &in) >= 0);
    drain(r);
}

/* Gets a nonce for client |who| first. */
static void challenged_request(rig *r, fuzz *f, uint16_t method, unsigned who)
{
    fuzz none = {f->p, 0};
    if (!r->lt[who].challenged)
        signed_request(r, &none, IT_STUN_REFRESH, who);
    signed_request(r, f, method, who);
}

/* The honest client: it is always answered. */
static void honest(rig *r)
{
    static const uint16_t METHODS[] = {IT_STUN_ALLOCATE, IT_STUN_CREATE_PERMISSION, IT_STUN_CHANNEL_BIND,
                                       IT_STUN_REFRESH, IT_STUN_BINDING};
    uint16_t method = METHODS[r->serial % 5];
    uint8_t txid[IT_STUN_TXID] = {r->serial++, 2};
    it_buf b;
    it_buf_init(&b, r->request, sizeof r->request);
    it_stun_begin(&b, IT_STUN_REQUEST, method, txid);
    if (method == IT_STUN_ALLOCATE)
        it_stun_put_u32(&b, IT_STUN_REQUESTED_TRANSPORT, IT_TURN_UDP);
    if (method == IT_STUN_CHANNEL_BIND)
        it_stun_put_u32(&b, IT_STUN_CHANNEL_NUMBER, 0x4000u + r->serial);
    if (method == IT_STUN_CREATE_PERMISSION || method == IT_STUN_CHANNEL_BIND)
        it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, v4(0xcb007107u, r->serial));
    it_stun_longterm_put(&r->lt[3], &b);
    it_stun_longterm_sign(&r->lt[3], &b);
    int n = it_stun_end(&b);
    MUST(n > 0);
    r->n_request = (size_t)n;
    r->answered = false;
    dgram(r, client(3), it_bytes_of(r->request, (size_t)n));
    MUST(r->answered);
}

static void raw(rig *r, fuzz *f)
{
    unsigned flags = fuzz_u8(f);
    size_t n = 0;
    uint8_t *msg = fuzz_stun_seal(fuzz_bytes(f), flags & 7, it_bytes_str(FUZZ_PASSWORD), &n);
    dgram(r, client(flags >> 3), it_bytes_of(msg, n));
    free(msg);
}

static void at_relay(rig *r, fuzz *f)
{
    unsigned which = fuzz_u8(f);
    it_bytes d = fuzz_bytes(f);
    uint8_t *exact = fuzz_exact(d);
    it_io in = {.kind = which & 0x80 ? IT_IO_ERROR : IT_IO_DGRAM,
                .flow = IT_IO_BOUND_FLOW + (which & 7),
                .local = v4(0xc6336401u, 50000),
                .remote = v4(0xcb007100u + (which >> 3 & 7), (uint16_t)(which & 3)),
                .icmp = {.type = 3, .code = 4, .mtu = 1300},
                .data = it_bytes_of(exact, d.n)};
    if (in.kind == IT_IO_ERROR || !shortcut(r, &in))
        input(r, in);
    free(exact);
    drain(r);
}

static void on_stream(rig *r, fuzz *f)
{
    static const uint8_t ROOM[1];
    unsigned what = fuzz_u8(f);
    it_bytes d = fuzz_bytes(f);
    static const enum it_io_kind KINDS[] = {IT_IO_ACCEPTED, IT_IO_DATA,     IT_IO_DATA, IT_IO_DATA,
                                            IT_IO_DATA,     IT_IO_WRITABLE, IT_IO_FIN,  IT_IO_RST};
    it_io in = {.kind = KINDS[what & 7],
                .flow = IT_IO_ACCEPTED_FLOW + (what >> 3 & 3),
                .local = v4(0xc6336401u, 3478),
                .remote = client(what >> 3),
                .data = d};
    if (in.kind != IT_IO_DATA)
        in.data = it_bytes_of(ROOM, in.kind == IT_IO_FIN || in.kind == IT_IO_RST ? 0 : 100000);
    int n = it_turn_server_input(r->s, r->now, &in);
    MUST(n >= 0);
    drain(r);
}

/* A peer opens a stream to a relayed address, or something happens to one that the server opens or has. */
static void peer_stream(rig *r, fuzz *f)
{
    static const enum it_io_kind KINDS[] = {IT_IO_ACCEPTED, IT_IO_OPENED, IT_IO_DATA, IT_IO_DATA,
                                            IT_IO_DATA,     IT_IO_FIN,    IT_IO_RST,  IT_IO_WRITABLE};
    static const uint8_t ROOM[1];
    unsigned what = fuzz_u8(f);
    it_bytes d = fuzz_bytes(f);
    it_io in = {.kind = KINDS[what & 7],
                .flow = what & 8 ? 0x10000u + (what >> 4 & 3) : IT_IO_ACCEPTED_FLOW + 8 + (what >> 4 & 3),
                .local = r->listens,
                .remote = v4(0xcb007100u + (what >> 4 & 3), 7000)};
    if (in.kind == IT_IO_DATA)
        in.data = d;
    else if (in.kind != IT_IO_FIN && in.kind != IT_IO_RST)
        in.data = it_bytes_of(ROOM, d.n * 20);
    MUST(it_turn_server_input(r->s, r->now, &in) >= 0);
    drain(r);
}

static void time_passes(rig *r, fuzz *f)
{
    r->now += fuzz_u8(f) * 5 * IT_SEC;
    if (it_turn_server_next(r->s) <= r->now)
        MUST(it_turn_server_tick(r->s, r->now) == 0);
    MUST(it_turn_server_next(r->s) > r->now);
    drain(r);
}

static void socket_gone(rig *r, fuzz *f)
{
    input(r, (it_io){.kind = IT_IO_UNBIND, .flow = IT_IO_BOUND_FLOW + (fuzz_u8(f) & 7)});
    drain(r);
}

static void act(rig *r, fuzz *f)
{
    static const uint16_t METHODS[] = {IT_STUN_ALLOCATE, IT_STUN_REFRESH, IT_STUN_CREATE_PERMISSION,
                                       IT_STUN_CHANNEL_BIND};
    /* RFC 6062 */
    static const uint16_t ON_STREAMS[] = {IT_STUN_ALLOCATE, IT_STUN_CONNECT, IT_STUN_CREATE_PERMISSION,
                                          IT_STUN_CONNECTION_BIND};
    unsigned what = fuzz_u8(f);
    static void (*const ACTS[])(rig *, fuzz *) = {raw, at_relay, on_stream, time_passes, socket_gone};
    r->refuse = what & 0x80;
    r->by_stream = r->tcp && (what & 7) == 6;
    if ((what & 7) < 5)
        ACTS[what & 7](r, f);
    else if (r->tcp && (what & 7) == 7)
        peer_stream(r, f);
    else
        challenged_request(r, f, r->by_stream ? ON_STREAMS[what >> 3 & 3] : METHODS[what >> 3 & 3], what >> 5 & 3);
    r->by_stream = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    unsigned options = fuzz_u8(&f);
    rig r = {.port = 50000, .tcp = options & 16};
    it_alloc_init(&r.mem);
    it_turn_server_cfg cfg = {.alloc = &r.mem,
                              .software = "icetank",
                              .auth.realm = "example.org",
                              .auth.users = USERS,
                              .auth.n_users = 2,
                              .auth.no_algorithms = options & 1,
                              .auth.anonymity = options & 2,
                              .mobility = options & 4,
                              .no_dont_fragment = options & 8,
                              .tcp_peers = options & 16,
                              .limits = {.relays = 12, .permissions = 4, .channels = 4, .streams = 3}};
    it_rng_init(&cfg.rng, 1, "fuzz");
    r.s = it_turn_server_new(&cfg);
    MUST(r.s);
    for (int i = 0; i < 4; i++)
        it_stun_longterm_init(&r.lt[i], it_bytes_str("alice"), it_bytes_str(FUZZ_PASSWORD));
    input(&r, (it_io){.kind = IT_IO_BOUND, .flow = 0, .local = v4(0xc6336401u, 3478)});
    honest(&r);
    while (f.n) {
        act(&r, &f);
        r.refuse = false;
        honest(&r);
    }
    it_turn_server_free(r.s);
    MUST(r.mem.live == 0);
    return 0;
}
