/* What comes to a signal server and to its clients, in pieces of a byte's length each. The first byte chooses: 0 the
 * server, 1 a WebSocket client, 2 a polling client. Between pieces time passes as a byte says; a client's handshake can
 * be answered as it should be. The server's answers stay within a bound of what came, input takes no more than it is
 * given, and nothing is left allocated. */
#include "tests/fuzz/fuzz.h"

#include "stack/signal/client.h"
#include "stack/signal/server.h"
#include "stack/stream/layer.h"
#include "stack/ws/handshake.h"

#include <string.h>

static uint8_t buf[IT_LAYER_MESSAGE];

typedef struct peer {
    const it_object_ops *ops;
    void *o;
    it_time now;
    uint32_t flow; /* the latest that was opened or accepted */
    uint64_t in, out;
    unsigned bases;      /* bits: of the client's host */
    uint8_t asked[2048]; /* what went out last, as far as it is a request */
    size_t n_asked;
} peer;

static void give(peer *p, it_io in)
{
    int n = p->ops->input(p->o, p->now, &in);
    MUST(n >= 0 && (size_t)n <= in.data.n);
}

static void drain(peer *p)
{
    it_io out;
    it_object_event ev;
    for (int more = 1; more;) {
        more = 0;
        while (p->ops->output(p->o, p->now, &out, buf, sizeof buf) == 1) {
            p->out += out.data.n;
            if (out.data.n > 4 && out.data.n < sizeof p->asked && memcmp(buf, "GET ", 4) == 0) {
                memcpy(p->asked, buf, out.data.n);
                p->n_asked = out.data.n;
            }
            if (out.kind == IT_IO_OPEN) {
                p->flow = out.flow;
                give(p, (it_io){.kind = IT_IO_OPENED, .flow = out.flow, .data = {NULL, 100000000}});
                more = 1;
            }
        }
        while (p->ops->event && p->ops->event(p->o, &ev) == 1)
            more = 1;
    }
}

static void pass_time(peer *p, it_time t)
{
    it_time until = p->now + t;
    drain(p);
    for (int k = 0; k < 100 && p->ops->next(p->o) <= until; k++) {
        it_time at = p->ops->next(p->o);
        p->now = at > p->now ? at : p->now;
        MUST(p->ops->tick(p->o, p->now) >= 0);
        drain(p);
    }
    p->now = until;
}

static void begin(peer *p, it_alloc *alloc, unsigned how)
{
    *p = (peer){.now = IT_SEC};
    if (how == 0) {
        it_signal_server_cfg cfg = {.alloc = alloc, .connections = 4, .mailboxes = 8, .messages = 4};
        it_rng_init(&cfg.rng, 1, "server");
        p->ops = &it_signal_server_ops;
        p->o = it_signal_server_new(&cfg);
    } else {
        it_signal_client_cfg cfg = {.alloc = alloc, .box = "alice", .server = {{0, 1}, 80}, .also = 443};
        cfg.server.ip = it_ip4(0xc6336409); /* 198.51.100.9 */
        cfg.mode = how == 1 ? IT_SIGNAL_WEBSOCKET : IT_SIGNAL_POLL;
        it_rng_init(&cfg.rng, 1, "client");
        p->ops = &it_signal_client_ops;
        p->o = it_signal_client_new(&cfg);
        MUST(p->o && it_signal_client_send(p->o, "bob", it_bytes_str("hello")) > 0);
    }
    MUST(p->o);
    pass_time(p, IT_SEC);
}

static void one_piece(peer *p, fuzz *f, unsigned how)
{
    unsigned what = fuzz_u8(f);
    if ((what & 7) == 0 && how == 0) {
        p->flow = IT_IO_ACCEPTED_FLOW + (what >> 3 & 7);
        give(p, (it_io){.kind = IT_IO_ACCEPTED, .flow = p->flow, .data = {NULL, 100000000}});
    } else if ((what & 7) == 1) {
        pass_time(p, (it_time)(what >> 3) * IT_SEC);
    } else if ((what & 7) == 2) {
        give(p, (it_io){.kind = what & 8 ? IT_IO_FIN : IT_IO_RST, .flow = p->flow});
    } else if ((what & 7) == 3 && how != 0) { /* one of its addresses comes or goes */
        it_io base = {.kind = what & 8 ? IT_IO_BOUND : IT_IO_UNBIND, .flow = what >> 4 & 3};
        base.local = it_addr_of(it_ip4(0x0a000001 + (what >> 6)), 5000);
        if (base.kind == IT_IO_UNBIND || !(p->bases & 1U << base.flow))
            give(p, base);
        p->bases = base.kind == IT_IO_BOUND ? p->bases | 1U << base.flow : p->bases & ~(1U << base.flow);
    } else if ((what & 7) == 4 && how == 1) {
        char text[512];
        int n = it_ws_response_write(text, sizeof text, it_bytes_of(p->asked, p->n_asked), IT_SIGNAL_PROTOCOL);
        if (n > 0)
            give(p, (it_io){.kind = IT_IO_DATA, .flow = p->flow, .data = it_bytes_of(text, (size_t)n)});
    } else {
        it_bytes piece = fuzz_bytes(f);
        uint8_t *copy = fuzz_exact(piece);
        p->in += piece.n;
        give(p, (it_io){.kind = IT_IO_DATA, .flow = p->flow, .data = it_bytes_of(copy, piece.n)});
        free(copy);
    }
    drain(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz f = {data, n};
    it_alloc alloc;
    peer p;
    it_alloc_init(&alloc);
    unsigned how = fuzz_u8(&f) % 3;
    begin(&p, &alloc, how);
    while (f.n > 0)
        one_piece(&p, &f, how);
    pass_time(&p, 100 * IT_SEC);
    MUST(how != 0 || p.out <= 40000 + p.in * 64);
    p.ops->free(p.o);
    MUST(alloc.live == 0);
    return 0;
}
