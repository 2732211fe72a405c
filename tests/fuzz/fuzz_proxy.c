/* The readers of HTTP heads and SOCKS messages, the proxies above them and the client that asks them.
 *
 * The first byte chooses: bits 0-2 the proxy (4: the client by HTTP, 5: by SOCKS, 6, 7: the readers alone), bit 3 a
 * password, bit 4 an association. The rest is what comes, in pieces of a byte's length each; a piece of length 0 lets
 * the server's side move, one that begins with 0xff is a datagram, with 0xfe one of the name server. The head of what a
 * request parses to lies inside it, a message read whole is read the same again in two pieces, and nothing is left
 * allocated. */
#include "tests/fuzz/fuzz.h"

#include "stack/proxy/client.h"
#include "stack/proxy/server.h"

#include <string.h>

#define CLIENT (IT_IO_ACCEPTED_FLOW + 1)

static void inside(it_bytes view, it_bytes whole)
{
    MUST(view.n == 0 || (view.p >= whole.p && view.p + view.n <= whole.p + whole.n));
}

static void readers(it_bytes in)
{
    it_http_request r;
    it_http_response s;
    it_bytes v, line, name;
    it_addr a;
    it_socks_msg m;
    unsigned offers;
    uint8_t code, plain[64];
    size_t at = 0;
    if (it_http_request_parse(in, &r) == 0) {
        inside(r.method, in);
        inside(r.target, in);
        if (it_http_authority(r.target, &v, &a) == 0) {
            MUST(a.port != 0);
            inside(v, in);
        }
        while (it_http_line(in, &at, &line, &name)) {
            inside(line, in);
            inside(name, line);
        }
        for (size_t k = 0; it_http_field(in, "Host", k, &v); k++)
            inside(v, in);
    }
    if (it_http_response_parse(in, &s) == 0)
        MUST(s.status >= 100 && s.status <= 999);
    int n = it_base64_decode(plain, sizeof plain, in);
    if (n >= 0) {
        char text[100];
        MUST(it_base64_encode(text, sizeof text, it_bytes_of(plain, (size_t)n)) == (int)in.n || n == 0);
    }
    MUST(it_socks_read_greeting(in, &offers) <= (int)in.n);
    MUST(it_socks_read_choice(in, false, &code) <= (int)in.n);
    n = it_socks_read_password(in, &v, &name);
    MUST(n <= (int)in.n && n <= IT_SOCKS_MAX);
    n = it_socks_read_datagram(in, &m);
    MUST(n <= (int)in.n && n <= IT_SOCKS_MAX);
    n = it_socks_read_msg(in, &m);
    MUST(n <= (int)in.n && n <= IT_SOCKS_MAX);
    for (int k = 0; k < n; k++)
        MUST(it_socks_read_msg(it_bytes_of(in.p, (size_t)k), &m) == 0);
}

static void client(fuzz *f, bool socks, bool password, bool udp)
{
    it_via via = {.kind = socks ? IT_VIA_SOCKS5 : IT_VIA_HTTP};
    it_proxy_client c;
    if (password) {
        memcpy(via.user, "alice", 6);
        memcpy(via.password, "secret", 7);
    }
    MUST(it_proxy_client_init(&c, &via, (it_addr){it_ip4(0xc6336401), 443}, f->n & 1 ? "bob.tank" : NULL) == 0);
    if (udp)
        MUST(it_proxy_client_associate(&c, &via) == (socks ? 0 : IT_ERR_RANGE));
    while (f->n && c.state == IT_VIA_ASKING) {
        it_bytes in = fuzz_bytes(f);
        int n = it_proxy_client_input(&c, in);
        MUST(n >= 0 && (size_t)n <= in.n);
        MUST((size_t)n == in.n || c.state != IT_VIA_ASKING);
        MUST(c.n_out <= sizeof c.out);
        c.n_out = 0;
    }
}

/* Takes what the proxy puts out, and binds what it asks for, every fourth not. Sets |*server| when it opens one. */
static void drain(it_proxy *p, it_time now, uint32_t *server)
{
    uint8_t buf[600];
    it_io io;
    for (int i = 0; it_proxy_output(p, now, &io, buf, sizeof buf) == 1; i++) {
        MUST(i < 10000);
        MUST(io.data.n <= sizeof buf);
        if (io.kind == IT_IO_OPEN)
            *server = io.flow;
        if (io.kind == IT_IO_BIND) {
            io.kind = IT_IO_BOUND;
            io.local.port = io.flow & 3 ? (uint16_t)io.flow : 0;
            MUST(it_proxy_input(p, now, &io) == 0);
        }
    }
}

/* What the next bytes of |f| say that comes in; a stream that the proxy opens is |up|, its name server |names|. */
static it_io next_input(fuzz *f, it_time *now, uint32_t up, it_addr names)
{
    it_bytes in = fuzz_bytes(f);
    uint8_t how = in.n ? 0 : fuzz_u8(f);
    it_io io = {.kind = IT_IO_DATA, .flow = how & 1 ? up : CLIENT, .data = in};
    if (in.n == 0) {
        io.kind = (enum it_io_kind)(how >> 1 & 7);
        io.data.n = io.kind == IT_IO_OPENED || io.kind == IT_IO_WRITABLE ? (size_t)(how >> 4) * 100 : 0;
        *now += (how >> 6) * 10 * IT_SEC;
        io.flow = io.kind == IT_IO_ACCEPTED ? CLIENT + 1 + (how & 1) : io.flow;
        if (how == 0xfe)
            io = (it_io){.kind = IT_IO_UNBIND, .flow = IT_IO_BOUND_FLOW + 1};
    } else if (in.p[0] == 0xff) {
        io = (it_io){.kind = IT_IO_DGRAM,
                     .flow = IT_IO_BOUND_FLOW + (in.n & 7), /* sockets of the first associations, inside and out */
                     .local = {it_ip4(0xc6336401), 1080},
                     .data = it_bytes_of(in.p + 1, in.n - 1)};
    } else if (in.p[0] == 0xfe) {
        io = (it_io){.kind = IT_IO_DGRAM,
                     .flow = 1,
                     .local = {it_ip4(0xc0000207), 1080},
                     .remote = names,
                     .data = it_bytes_of(in.p + 1, in.n - 1)};
    }
    return io;
}

/* True when a driver may give |io| to the proxy. */
static bool is_input(const it_io *io, uint32_t up)
{
    if (io->kind == IT_IO_UNBIND)
        return io->flow != 0;
    if (io->kind > IT_IO_RST || io->kind == IT_IO_OPEN)
        return false;
    if (io->flow == 0 && io->kind != IT_IO_DGRAM)
        return false;
    return io->kind != IT_IO_OPENED || io->flow == up;
}

static void server(fuzz *f, enum it_proxy_kind kind, bool password)
{
    it_alloc mem;
    it_alloc_init(&mem);
    it_proxy *p = it_proxy_new(&(it_proxy_cfg){.alloc = &mem,
                                               .kind = kind,
                                               .allow_all = true,
                                               .udp = true,
                                               .auth = password ? "alice:secret" : NULL,
                                               .idle = 30 * IT_SEC,
                                               .portal = {it_ip4(0x0a090901), it_ip4(0x0a090901)}});
    MUST(p);
    it_io io = {.kind = IT_IO_ACCEPTED,
                .flow = CLIENT,
                .local = {it_ip4(0xc6336401), password ? 443 : 80},
                .data = {NULL, 100000}};
    uint32_t up = 0;
    it_time now = 0;
    MUST(it_proxy_input(p, now, &io) == 0);
    it_io base = {.kind = IT_IO_BOUND, .flow = 1, .local = {it_ip4(0xc0000207), 1080}};
    MUST(it_proxy_input(p, 0, &base) == 0);
    base.flow = 2;
    base.local = io.local;
    MUST(it_proxy_input(p, 0, &base) == 0);
    it_addr names = {it_ip4(0xc0000235), 53};
    it_rng rng;
    it_rng_init(&rng, 1, "fuzz");
    MUST(it_proxy_resolver(p, names, rng) == 0);
    while (f->n) {
        io = next_input(f, &now, up, names);
        if (!is_input(&io, up))
            continue;
        int n = it_proxy_input(p, now, &io);
        MUST(n >= 0 && (size_t)n <= io.data.n);
        if (it_proxy_next(p) <= now)
            MUST(it_proxy_tick(p, now) == 0);
        drain(p, now, &up);
        MUST(it_proxy_next(p) > now);
    }
    it_proxy_free(p);
    MUST(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f = {data, size};
    uint8_t what = fuzz_u8(&f);
    if ((what & 7) >= 6)
        readers(it_bytes_of(f.p, f.n));
    else if ((what & 7) >= 4)
        client(&f, what & 1, what & 8, what & 16);
    else
        server(&f, (enum it_proxy_kind)(what & 3), what & 8);
    return 0;
}
