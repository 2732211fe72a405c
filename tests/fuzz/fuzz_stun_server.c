/* The STUN server, the guard of long-term credentials and the client side of them, against hostile requests and
 * responses.
 *
 * The first byte chooses the server's options, then come messages. An honest client goes on in between: whatever it was
 * told, its next request gets an answer that is well formed. Requests can be sealed with the key of a real user. */
#include "stack/stun/longterm.h"
#include "stack/stun/server.h"
#include "stack/stun/trans.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

static const it_stun_user USERS[] = {{"alice", FUZZ_PASSWORD}, {"bob", "hunter2"}};

typedef struct rig {
    it_alloc mem;
    it_stun_server *s;
    it_stun_longterm lt;
    it_addr here[4];
    it_addr client;
    it_time now;
    uint8_t request[2048], response[IT_STUN_SERVER_OUT];
    size_t n_request;
    uint8_t serial;
    bool classic;
} rig;

static it_addr v4(uint32_t ip, uint16_t port)
{
    return it_addr_of(it_ip4(ip), port);
}

/* Everything the server says is a message with the size it claims, from one of its addresses. */
static void drain(rig *r)
{
    it_io out;
    it_stun_msg m;
    while (it_stun_server_output(r->s, r->now, &out, r->response, sizeof r->response) == 1) {
        MUST(out.data.n <= sizeof r->response && out.data.n >= IT_STUN_HEADER);
        if (r->classic) /* the transaction id of RFC 3489 is where the cookie is now */
            it_put32(r->response + 4, IT_STUN_COOKIE);
        MUST(it_stun_parse(&m, out.data) == 0);
        MUST(m.cls == IT_STUN_SUCCESS || m.cls == IT_STUN_ERROR);
        MUST(it_addr_eq(out.local, r->here[0]) || it_addr_eq(out.local, r->here[1]) ||
             it_addr_eq(out.local, r->here[2]) || it_addr_eq(out.local, r->here[3]));
        (void)it_stun_longterm_response(&r->lt, &m, it_bytes_of(r->request, r->n_request), NULL);
    }
}

static void feed(rig *r, it_bytes d, unsigned where)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 1, .local = r->here[where & 3], .remote = r->client, .data = d};
    int n = it_stun_server_input(r->s, r->now, &in);
    MUST(n == (int)d.n);
}

/* The client's next request, with all that it believes. */
static void honest(rig *r)
{
    uint8_t txid[IT_STUN_TXID] = {r->serial++};
    it_buf b;
    it_buf_init(&b, r->request, sizeof r->request);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_longterm_put(&r->lt, &b);
    it_stun_longterm_sign(&r->lt, &b);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    r->n_request = n < 0 ? 0 : (size_t)n;
    if (n > 0)
        feed(r, it_bytes_of(r->request, (size_t)n), 0);
}

/* A sealed hostile message; with the long-term key of alice when |flags| say so. */
static void hostile(rig *r, fuzz *f, unsigned flags)
{
    size_t n;
    it_bytes body = fuzz_bytes(f);
    uint8_t *d = fuzz_stun_seal(body, flags, it_bytes_str(FUZZ_PASSWORD), &n);
    it_stun_msg m;
    if (flags & 8) { /* to the client, as an answer to its request */
        if (r->n_request && n >= IT_STUN_HEADER)
            memcpy(d + 8, r->request + 8, IT_STUN_TXID);
        if (it_stun_parse(&m, it_bytes_of(d, n)) == 0)
            (void)it_stun_longterm_response(&r->lt, &m, it_bytes_of(r->request, r->n_request), NULL);
    } else {
        feed(r, it_bytes_of(d, n), flags >> 4);
    }
    free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    static rig r;
    memset(&r, 0, sizeof r);
    unsigned options = fuzz_u8(&f);
    it_stun_server_cfg cfg = {.alloc = &r.mem, .software = options & 1 ? "icetank" : NULL};
    it_alloc_init(&r.mem);
    it_rng_init(&cfg.rng, 1, "server");
    if (options & 2) {
        cfg.auth.realm = "example.org";
        cfg.auth.users = USERS;
        cfg.auth.n_users = 2;
    }
    cfg.auth.no_algorithms = options & 4;
    cfg.auth.anonymity = options & 8;
    cfg.discovery = options & 16;
    cfg.classic = r.classic = options & 128;
    for (unsigned i = 0; i < 4; i++)
        r.here[i] = v4(0xc6336401u + (i & 1), (uint16_t)(3478 + (i >> 1)));
    r.client = options & 64 ? it_addr_of((it_ip){0x20010db800000000ULL, 9}, 4444) : v4(0xc0000209u, 4444);
    cfg.primary = r.here[0];
    if (options & 32)
        cfg.alternate = r.here[3];
    r.s = it_stun_server_new(&cfg);
    MUST(r.s);
    it_stun_longterm_init(&r.lt, it_bytes_str("alice"), it_bytes_str(FUZZ_PASSWORD));
    for (int i = 0; f.n && i < 64; i++) {
        unsigned op = fuzz_u8(&f);
        if (op < 64)
            honest(&r);
        else if (op < 80)
            r.now += (it_time)fuzz_u16(&f) * IT_SEC;
        else
            hostile(&r, &f, op - 80);
        drain(&r);
        MUST(it_stun_server_tick(r.s, r.now) == 0);
    }
    it_stun_server_free(r.s);
    MUST(r.mem.live == 0);
    return 0;
}
