/* TLS from the far side: what comes is no TLS at all, a handshake of somebody who was changed on the way, or both.
 *
 * The first byte chooses: bit 0 which end is ours, bit 1 whether a real far end speaks, bit 2 TLS 1.2. Then come
 * pieces: with a far end, how many of its bytes to pass and what to XOR the last of them with; else the bytes
 * themselves. Whatever comes: input takes no more than it is given, nothing is said above before the handshake is done,
 * nothing after the end, and nothing is left allocated. The ClientHello reader must agree with itself however the bytes
 * are cut, and two names never match when one is no name. */
#include "tests/fuzz/fuzz.h"

#include "stack/crypto/ossl.h"
#include "stack/stream/layers.h"
#include "stack/tls/record.h"
#include "stack/tls/tls.h"

typedef struct end {
    it_stream s;
    it_layers ls;
    bool opened, over;
} end;

typedef struct fixture {
    it_alloc a;
    it_tls_shared *shared;
    it_tls_cert *root, *leaf;
    it_tls_trust *trust;
} fixture;

/* What is the same for every input; made once, and it keeps nothing of any. */
static const fixture *made(void)
{
    static fixture f;
    const char *names[] = {"a.example"};
    it_rng r;
    if (f.shared)
        return &f;
    it_alloc_init(&f.a);
    MUST(it_ossl_init() == 0);
    it_rng_init(&r, 1, "ca");
    it_tls_cert_cfg c = {.alloc = &f.a, .stream = &r, .subject = "a", .until = 1000 * IT_SEC};
    f.shared = it_tls_shared_new(&f.a);
    f.root = it_tls_root_new(&c);
    c.names = names;
    c.n_names = 1;
    f.leaf = it_tls_leaf_new(&c, f.root);
    f.trust = it_tls_trust_new(&f.a);
    MUST(f.shared && f.root && f.leaf && f.trust && it_tls_trust_add(f.trust, f.root) == 0);
    return &f;
}

static void end_read(end *e)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    while (it_layers_read(&e->ls, IT_SEC, &out, buf, sizeof buf) > 0) {
        MUST(!e->over);
        MUST(e->opened || out.kind == IT_IO_OPENED || out.kind == IT_IO_RST);
        e->opened = e->opened || out.kind == IT_IO_OPENED;
        e->over = out.kind == IT_IO_RST;
    }
}

static void end_give(end *e, it_bytes data)
{
    size_t at = 0;
    for (int n = 1; n > 0 && at < data.n; at += (size_t)n) {
        n = it_layers_input(&e->ls, IT_SEC,
                            &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(data.p + at, data.n - at)});
        MUST(n >= 0 && (size_t)n <= data.n - at);
        end_read(e);
    }
}

static void end_begin(end *e, it_alloc *a, bool client, bool old)
{
    const fixture *f = made();
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 1, .data = {NULL, 1000000}};
    it_tls_cfg c = {.alloc = a, .shared = f->shared, .client = client, .name = "a.example", .trust = f->trust};
    c.cert = f->leaf;
    c.alpn = "http/1.1";
    c.version = old ? IT_TLS_1_2 : IT_TLS_ANY;
    it_rng_init(&c.rng, 1, client ? "client" : "server");
    memset(e, 0, sizeof *e);
    it_layers_init(&e->ls, a, &e->s);
    MUST(it_layers_push(&e->ls, it_tls_layer(&c)) == 0);
    it_stream_accept(&e->s, &in);
    MUST(it_layers_input(&e->ls, IT_SEC, &in) == 0);
}

/* What |e| has to say below, into |buf|. Returns its bytes. */
static size_t end_said(end *e, uint8_t *buf)
{
    it_io out;
    if (it_layers_output(&e->ls, IT_SEC, &out, buf, IT_LAYER_MESSAGE) <= 0 || out.kind != IT_IO_DATA)
        return 0;
    return out.data.n;
}

/* A far end of the right kind speaks; of what it says the input changes bytes. */
static void talk_with_far(fuzz *f, end *ours, it_alloc *a, bool client, bool old)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    end far;
    end_begin(&far, a, !client, old);
    for (size_t n = 1, m = 1; n || m;) {
        m = end_said(ours, buf);
        end_give(&far, it_bytes_of(buf, m));
        n = end_said(&far, buf);
        for (size_t at = 0; at < n;) {
            size_t k = fuzz_u16(f) % (n - at) + 1;
            buf[at + k - 1] ^= fuzz_u8(f);
            end_give(ours, it_bytes_of(buf + at, k));
            at += k;
        }
    }
    it_layers_fini(&far.ls);
}

/* However the bytes are cut, the same hello; and a part of a name is not the name. */
static void read_hello(it_bytes in)
{
    static it_tls_hello whole, part;
    int n = it_tls_hello_read(&whole, in);
    MUST(n <= (int)in.n);
    for (size_t k = 0; k < in.n; k++) {
        int m = it_tls_hello_read(&part, it_bytes_of(in.p, k));
        MUST(m <= (int)k);
        MUST(m <= 0 || m == n);
        MUST(m >= 0 || n < 0);
    }
    MUST(it_tls_name_valid(in) || !it_tls_name_matches(it_bytes_str("*.example"), in));
    MUST(!it_tls_name_matches(in, it_bytes_str("a.example")) || in.n >= 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz f = {data, n};
    it_alloc a;
    end ours;
    uint8_t how = fuzz_u8(&f);
    it_alloc_init(&a);
    if (f.n < 1024)
        read_hello(it_bytes_of(f.p, f.n));
    end_begin(&ours, &a, how & 1, how & 4);
    if (how & 2)
        talk_with_far(&f, &ours, &a, how & 1, how & 4);
    while (f.n > 0) {
        it_bytes piece = fuzz_bytes(&f);
        uint8_t *exact = fuzz_exact(piece);
        end_give(&ours, it_bytes_of(exact, piece.n));
        free(exact);
    }
    MUST(it_layers_input(&ours.ls, IT_SEC, &(it_io){.kind = IT_IO_FIN}) == 0);
    end_read(&ours);
    it_layers_fini(&ours.ls);
    MUST(a.live == 0);
    return 0;
}
