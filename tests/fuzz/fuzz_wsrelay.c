/* A relay over WebSocket and its client, from the far side.
 *
 * The first byte chooses: bit 0 whether ours is the client, bit 1 whether the handshake is made first. Then come pieces
 * of what the far side says; an empty one lets a second pass. Whatever comes: input takes no more than it is given,
 * time gets on, a client is never up before it is in the room and says nothing after its end, and nothing is left
 * allocated. Targets and messages are read the same again when they are written anew. */
#include "tests/fuzz/fuzz.h"

#include "stack/ws/handshake.h"
#include "stack/wsrelay/client.h"
#include "stack/wsrelay/server.h"

static const char ROOM[] = "0123456789abcdef";
static const char REQUEST[] = "GET /relay/0123456789abcdef/b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                              "Sec-WebSocket-Version: 13\r\n\r\n";

typedef struct run {
    it_alloc a;
    const it_object_ops *ops;
    void *o;
    uint32_t flow;
    it_time now;
    bool over;
    char key[64]; /* a client's */
} run;

static void drain(run *r)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    it_object_event ev;
    for (int n = 1; n > 0;) {
        n = r->ops->output(r->o, r->now, &out, buf, sizeof buf);
        MUST(n >= 0 && (n == 0 || out.data.n <= sizeof buf));
        if (n > 0 && out.kind == IT_IO_DATA && out.data.n > 200 && !r->key[0]) {
            buf[out.data.n < sizeof buf ? out.data.n : sizeof buf - 1] = 0;
            const char *at = strstr((const char *)buf, "Sec-WebSocket-Key: ");
            if (at)
                memcpy(r->key, at + 19, 24);
        }
        if (n > 0 || !r->ops->event)
            continue;
        n = r->ops->event(r->o, &ev);
        MUST(n >= 0 && !(n > 0 && r->over));
        r->over = r->over || (n > 0 && ev.u.service.kind == IT_SERVICE_DOWN && ev.u.service.code != IT_WSRELAY_PEER);
    }
}

static void say(run *r, it_bytes data)
{
    size_t at = 0;
    for (int n = 1; n > 0 && at < data.n; at += (size_t)n) {
        it_io in = {.kind = IT_IO_DATA, .flow = r->flow, .data = it_bytes_of(data.p + at, data.n - at)};
        n = r->ops->input(r->o, r->now, &in);
        MUST(n >= 0 && (size_t)n <= data.n - at);
        drain(r);
    }
}

static void make_client(run *r)
{
    it_wsrelay_client_cfg c = {.alloc = &r->a, .server = {it_ip4(1), 80}, .room = ROOM, .name = "a"};
    it_rng_init(&c.rng, 1, "a");
    r->ops = &it_wsrelay_client_ops;
    r->o = it_wsrelay_client_new(&c);
    r->flow = 1;
    MUST(r->o);
    drain(r);
    it_io in = {.kind = IT_IO_OPENED, .flow = 1, .data = {NULL, 1000000}};
    MUST(r->ops->input(r->o, r->now, &in) >= 0);
    drain(r);
}

static void make_server(run *r)
{
    it_wsrelay_server_cfg c = {.alloc = &r->a};
    it_rng_init(&c.rng, 1, "s");
    r->ops = &it_wsrelay_server_ops;
    r->o = it_wsrelay_server_new(&c);
    r->flow = IT_IO_ACCEPTED_FLOW + 1;
    MUST(r->o);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = r->flow, .local = {it_ip4(1), 80}, .data = {NULL, 1000000}};
    MUST(r->ops->input(r->o, r->now, &in) >= 0);
    drain(r);
}

static void shake_hands(run *r, bool client)
{
    char text[256], accept[IT_WS_ACCEPT + 1];
    if (!client) {
        say(r, it_bytes_str(REQUEST));
        return;
    }
    MUST(r->key[0]);
    it_ws_accept(it_bytes_of(r->key, 24), accept);
    snprintf(text, sizeof text,
             "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
             "Sec-WebSocket-Protocol: icetank-relay\r\n\r\n",
             accept);
    say(r, it_bytes_str(text));
}

static void read_wire(it_bytes in)
{
    uint8_t out[IT_WSRELAY_FRAME];
    it_wsrelay_frame f;
    it_bytes room, name;
    if (it_wsrelay_frame_read(in, &f) == 0) {
        MUST(it_wsrelay_frame_write(&f, out) == (int)in.n);
        MUST(memcmp(out, in.p, in.n) == 0);
    }
    if (it_wsrelay_target_read(in, &room, &name) == 0)
        MUST(room.n + name.n + 8 == in.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz f = {data, n};
    run r = {.now = IT_SEC};
    uint8_t how = fuzz_u8(&f);
    it_alloc_init(&r.a);
    read_wire(it_bytes_of(f.p, f.n));
    if (how & 1)
        make_client(&r);
    else
        make_server(&r);
    if (how & 2)
        shake_hands(&r, how & 1);
    while (f.n > 0) {
        it_bytes piece = fuzz_bytes(&f);
        uint8_t *exact = fuzz_exact(piece);
        say(&r, it_bytes_of(exact, piece.n));
        free(exact);
        if (piece.n > 0)
            continue;
        r.now += IT_SEC;
        MUST(r.ops->tick(r.o, r.now) >= 0);
        drain(&r);
        MUST(r.ops->next(r.o) > r.now);
    }
    r.ops->free(r.o);
    MUST(r.a.live == 0);
    return 0;
}
