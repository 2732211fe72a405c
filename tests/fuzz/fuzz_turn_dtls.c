/* TURN over DTLS (RFC 7350): our server, two clients of ours, and strangers, on a wire whose datagrams are delivered,
 * changed, lost, repeated and reordered as the input says, with forged records and messages in clear between.
 *
 * Whatever comes: what a peer gets is what a client has sent, and what a client gets is what a peer has sent, byte by
 * byte; a stranger who has shown no cookie is sent no more than he sent (RFC 6347 section 4.2.1); nothing is left
 * allocated. */
#include "stack/tls/dgram.h"
#include "stack/turn/client.h"
#include "stack/turn/server/server.h"
#include "tests/fuzz/ends.h"
#include "tests/fuzz/stun.h"

enum { CLIENTS = 2, SERVER = CLIENTS, STRANGER = 2, UP = 0xc5, DOWN = 0x3a };

static const it_stun_user USERS[] = {{"alice", FUZZ_PASSWORD}};

typedef struct rig {
    it_alloc mem;
    it_turn_server *s;
    it_turn_client *c[CLIENTS];
    ends_wire wire;
    it_time now;
    uint16_t port;
    unsigned begun; /* clients so far */
    size_t from_stranger, to_stranger;
} rig;

/* --- what is the same for every input --- */

static struct {
    it_alloc mem;
    it_tls_shared *shared;
    it_tls_cert *root, *leaf;
    it_tls_trust *trust;
} pki;

static void pki_once(void)
{
    const char *name = "turn.example";
    it_rng r;
    ends_limit();
    if (pki.shared)
        return;
    it_alloc_init(&pki.mem);
    MUST(it_ossl_init() == 0);
    it_rng_init(&r, 1, "ca");
    it_tls_cert_cfg c = {.alloc = &pki.mem, .stream = &r, .subject = "a", .until = 1000000 * IT_SEC};
    pki.shared = it_tls_shared_new(&pki.mem);
    pki.root = it_tls_root_new(&c);
    c.names = &name;
    c.n_names = 1;
    pki.leaf = it_tls_leaf_new(&c, pki.root);
    pki.trust = it_tls_trust_new(&pki.mem);
    MUST(pki.shared && pki.root && pki.leaf && pki.trust && it_tls_trust_add(pki.trust, pki.root) == 0);
}

static it_addr server_at(void)
{
    return it_addr_of(it_ip4(0xc6336401u), 5349);
}

/* Clients, and behind them a stranger. */
static it_addr client_at(unsigned i)
{
    return it_addr_of(it_ip4(0xc0000201u + i), 4000);
}

static it_addr peer_at(void)
{
    return it_addr_of(it_ip4(0xcb007107u), 7777);
}

/* --- who takes and gives what --- */

static void all_are(it_bytes d, uint8_t byte)
{
    for (size_t i = 0; i < d.n; i++)
        MUST(d.p[i] == byte);
}

static void client_hears(rig *r, int i)
{
    it_turn_client_event ev;
    while (it_turn_client_event_next(r->c[i], &ev))
        if (ev.kind == IT_TURN_CLIENT_DATA)
            all_are(ev.data, DOWN);
}

static void client_drain(rig *r, int i)
{
    static uint8_t buf[65536];
    it_io out;
    while (it_turn_client_output(r->c[i], r->now, &out, buf, sizeof buf) == 1) {
        MUST(out.kind == IT_IO_DGRAM && it_tls_dgram_is(out.data) && it_addr_eq(out.remote, server_at()));
        ends_put(&r->wire, (ends_item){.to = SERVER, .src = client_at((unsigned)i)}, out.data);
    }
    client_hears(r, i);
}

static void server_binds(rig *r, const it_io *out)
{
    for (uint32_t i = 0; i < (out->port == IT_IO_PORT_PAIR ? 2u : 1u); i++) {
        it_io in = {.kind = IT_IO_BOUND, .flow = out->flow + i, .local = it_addr_of(out->local.ip, r->port++)};
        MUST(it_turn_server_input(r->s, r->now, &in) >= 0);
    }
}

/* What the server sends: to a peer only what clients have said, to clients by the wire. */
static void server_sends(rig *r, const it_io *out)
{
    if (out->flow >= IT_IO_BOUND_FLOW) {
        all_are(out->data, UP);
        return;
    }
    for (int i = 0; i < CLIENTS; i++)
        if (it_addr_eq(out->remote, client_at((unsigned)i)))
            ends_put(&r->wire, (ends_item){.to = i, .src = server_at()}, out->data);
    if (it_addr_eq(out->remote, client_at(STRANGER)))
        r->to_stranger += out->data.n;
}

static void server_drain(rig *r)
{
    static uint8_t buf[65536];
    it_io out;
    while (it_turn_server_output(r->s, r->now, &out, buf, sizeof buf) == 1) {
        if (out.kind == IT_IO_BIND)
            server_binds(r, &out);
        else if (out.kind == IT_IO_DGRAM)
            server_sends(r, &out);
    }
    MUST(r->to_stranger <= r->from_stranger);
}

static void drain(rig *r)
{
    server_drain(r);
    for (int i = 0; i < CLIENTS; i++)
        client_drain(r, i);
}

static void to_server(rig *r, it_addr from, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .local = server_at(), .remote = from, .data = d};
    MUST(it_turn_server_input(r->s, r->now, &in) >= 0);
}

static void to_client(rig *r, int i, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = client_at((unsigned)i), .remote = server_at(), .data = d};
    MUST(it_turn_client_input(r->c[i], r->now, &in) >= 0);
}

static void arrives(rig *r, const ends_item *it)
{
    if (it->to == SERVER)
        to_server(r, it->src, it_bytes_of(it->d, it->n));
    else
        to_client(r, it->to, it_bytes_of(it->d, it->n));
    drain(r);
}

static void client_begins(rig *r, int i)
{
    it_tls_cfg tls = {.shared = pki.shared, .client = true, .name = "turn.example", .trust = pki.trust};
    it_rng_init(&tls.rng, 10 + r->begun++, "client"); /* a hello of its own each time */
    it_turn_client_cfg cfg = {.alloc = &r->mem, .username = "alice", .password = FUZZ_PASSWORD, .tls = &tls};
    it_rng_init(&cfg.rng, 3, i ? "two" : "one");
    cfg.server = server_at();
    cfg.local = client_at((unsigned)i);
    cfg.bind_after = i ? 2 : 0;
    cfg.mobility = i == 0;
    r->c[i] = it_turn_client_new(&cfg, r->now);
    MUST(r->c[i]);
}

static void begin(rig *r)
{
    it_tls_cfg tls = {.shared = pki.shared, .cert = pki.leaf};
    it_turn_server_cfg cfg = {.alloc = &r->mem, .tls = &tls, .mobility = true};
    cfg.auth = (it_stun_credentials){.realm = "example.org", .users = USERS, .n_users = 1};
    cfg.limits.streams = 3;
    it_rng_init(&tls.rng, 4, "server");
    it_rng_init(&cfg.rng, 5, "server");
    r->now = IT_SEC;
    r->port = 50000;
    r->s = it_turn_server_new(&cfg);
    MUST(r->s);
    it_io bound = {.kind = IT_IO_BOUND, .local = server_at()};
    MUST(it_turn_server_input(r->s, r->now, &bound) >= 0);
    for (int i = 0; i < CLIENTS; i++)
        client_begins(r, i);
    drain(r);
}

/* --- what the input may do --- */

/* Everything arrives in its order, and what it is answered by, too. */
static void flows(rig *r, fuzz *f)
{
    (void)f;
    for (int i = 0; i < 64 && r->wire.n; i++) {
        ends_item it = ends_take(&r->wire, 0);
        arrives(r, &it);
        free(it.d);
    }
}

/* One arrives: out of its turn, changed, twice, or not at all. */
static void wire_does(rig *r, fuzz *f)
{
    unsigned how = fuzz_u8(f);
    if (!r->wire.n)
        return;
    ends_item it = ends_take(&r->wire, (int)(fuzz_u8(f) % (unsigned)r->wire.n));
    if (how & 1)
        ends_mutate(f, &it);
    if (how & 2)
        ends_put(&r->wire, it, it_bytes_of(it.d, it.n));
    if (!(how & 4))
        arrives(r, &it);
    free(it.d);
}

/* A record that somebody else has made, to the server from a client or the stranger, or to a client. */
static void forges(rig *r, fuzz *f)
{
    unsigned to = fuzz_u8(f);
    uint8_t d[96];
    it_bytes b = it_bytes_of(d, ends_forge(f, d));
    unsigned from = to >> 2 & 3;
    if (to & 2) {
        to_client(r, (int)(to & 1), b);
    } else {
        from = from > STRANGER ? STRANGER : from;
        r->from_stranger += from == STRANGER ? b.n : 0;
        to_server(r, client_at(from), b);
    }
    drain(r);
}

/* Bytes, or a message that is signed rightly, in clear and from a client's address: it has an association, or may have
 * one; or a stranger's DTLS as the input has it. */
static void writes(rig *r, fuzz *f)
{
    unsigned how = fuzz_u8(f);
    size_t n = 0;
    it_bytes body = fuzz_bytes(f);
    bool dtls = it_tls_dgram_is(body);
    uint8_t *d = fuzz_stun_seal(body, dtls ? 0 : how & 7, it_bytes_str(FUZZ_PASSWORD), &n);
    if (how & 8)
        to_client(r, (int)(how >> 4 & 1), it_bytes_of(d, n));
    else if (dtls)
        r->from_stranger += n;
    if (!(how & 8))
        to_server(r, client_at(dtls ? STRANGER : how >> 4 & 1), it_bytes_of(d, n));
    free(d);
    drain(r);
}

static void time_passes(rig *r, fuzz *f)
{
    r->now += fuzz_u8(f) * (IT_SEC / 2);
    if (it_turn_server_next(r->s) <= r->now)
        MUST(it_turn_server_tick(r->s, r->now) == 0);
    for (int i = 0; i < CLIENTS; i++)
        if (it_turn_client_next(r->c[i]) <= r->now)
            MUST(it_turn_client_tick(r->c[i], r->now) == 0);
    drain(r);
}

static void sends(rig *r, fuzz *f)
{
    static uint8_t data[2048];
    unsigned i = fuzz_u8(f) & 1;
    memset(data, UP, sizeof data);
    int err = it_turn_client_send(r->c[i], r->now, peer_at(), it_bytes_of(data, fuzz_u16(f) % sizeof data), false);
    MUST(err != IT_ERR_NOMEM);
    drain(r);
}

/* The peer says something to one of the relayed addresses. */
static void peer_says(rig *r, fuzz *f)
{
    static uint8_t data[2048];
    memset(data, DOWN, sizeof data);
    it_io in = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW + (fuzz_u8(f) & 3), .remote = peer_at()};
    in.local = server_at();
    in.data = it_bytes_of(data, fuzz_u16(f) % sizeof data);
    MUST(it_turn_server_input(r->s, r->now, &in) >= 0);
    drain(r);
}

/* A client hangs up, or begins anew from the same address, whose association is still there. */
static void client_ends(rig *r, fuzz *f)
{
    unsigned how = fuzz_u8(f);
    int i = (int)(how & 1);
    if (how & 2) {
        MUST(it_turn_client_close(r->c[i], r->now) != IT_ERR_NOMEM);
    } else {
        it_turn_client_free(r->c[i]);
        client_begins(r, i);
    }
    drain(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ACTS[])(rig *, fuzz *) = {flows,  wire_does, wire_does, forges,
                                                  writes, sends,     peer_says, time_passes};
    static rig r;
    fuzz f = {data, size};
    pki_once();
    memset(&r, 0, sizeof r);
    it_alloc_init(&r.mem);
    begin(&r);
    for (int i = 0; f.n && i < ENDS_STEPS; i++) {
        unsigned what = fuzz_u8(&f);
        if (what >= 0xf0)
            client_ends(&r, &f);
        else
            ACTS[what & 7](&r, &f);
    }
    for (int i = 0; i < CLIENTS; i++)
        it_turn_client_free(r.c[i]);
    it_turn_server_free(r.s);
    ends_clear(&r.wire);
    MUST(r.mem.live == 0);
    return 0;
}
