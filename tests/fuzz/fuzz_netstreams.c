/* A server of NetStreams and an honest client, and a peer that has sessions with both and says what it likes: flows
 * with any metadata and association, messages of any bytes, commands of its own names, ends of everything at any
 * moment. Nothing leaks, and what the two honest ends publish for each other comes through as long as their streams
 * stand. */
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/flash/client.h"
#include "stack/rtmfp/server/server.h"
#include "tests/fuzz/fuzz.h"

enum { SERVER, HONEST, HOSTILE, ENDS };

typedef struct net {
    it_alloc mem;
    it_time now;
    it_rtmfp_server *server;
    it_rtmfp_client *client;
    it_rtmfp *end;
    it_addr addr[ENDS];
    uint32_t session[2]; /* of the hostile end, with the server and the client */
    uint64_t heard[16];  /* flows that it has been sent */
    uint32_t heards;
    uint32_t up, down; /* the client's own streams, by way of the server */
    uint32_t said, got;
} net;

static int output(net *n, int i, it_io *io, uint8_t *buf)
{
    if (i == SERVER)
        return it_rtmfp_server_ops.output(n->server, n->now, io, buf, IT_IO_DGRAM_MAX);
    if (i == HONEST)
        return it_rtmfp_client_output(n->client, n->now, io, buf, IT_IO_DGRAM_MAX);
    return it_rtmfp_output(n->end, n->now, io, buf, IT_IO_DGRAM_MAX);
}

static void input(net *n, int i, const it_io *in)
{
    if (i == SERVER)
        MUST(it_rtmfp_server_ops.input(n->server, n->now, in) >= 0);
    else if (i == HONEST)
        MUST(it_rtmfp_client_input(n->client, n->now, in) >= 0);
    else
        MUST(it_rtmfp_input(n->end, n->now, in) >= 0);
}

static void hear(net *n)
{
    it_rtmfp_event ev;
    it_rtmfp_client_event c;
    while (it_rtmfp_event_next(n->end, &ev)) {
        if (ev.kind == IT_RTMFP_EV_OPEN)
            n->session[it_addr_eq(ev.path.remote, n->addr[HONEST])] = ev.session;
        if (ev.kind == IT_RTMFP_EV_FLOW)
            n->heard[n->heards++ % 16] = ev.flow;
    }
    while (it_rtmfp_client_event_next(n->client, &c))
        if (c.kind == IT_RTMFP_TELLS_MESSAGE && c.stream == n->down && c.type == IT_RTMFP_MSG_AUDIO)
            n->got++;
}

/* Packets take no time. */
static void settle(net *n)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < ENDS; i++)
            while (output(n, i, &io, buf) == 1) {
                any = true;
                it_io in = {.kind = IT_IO_DGRAM, .local = io.remote, .remote = n->addr[i], .data = io.data};
                for (int k = 0; k < ENDS; k++)
                    if (it_addr_eq(io.remote, n->addr[k]))
                        input(n, k, &in);
            }
        hear(n);
    }
}

static void pass(net *n, it_time d)
{
    settle(n);
    n->now += d;
    MUST(it_rtmfp_server_ops.tick(n->server, n->now) >= 0);
    MUST(it_rtmfp_client_tick(n->client, n->now) >= 0);
    MUST(it_rtmfp_tick(n->end, n->now) >= 0);
    settle(n);
}

/* A command that a server or a client knows, on flow |id|, with a name or a number of the input's. */
static void command(net *n, fuzz *f, uint32_t session, uint64_t id)
{
    static const char *const VERBS[] = {"connect", "createStream", "deleteStream", "publish",
                                        "play",    "closeStream",  "setPeerInfo",  "onStatus"};
    uint8_t room[IT_RTMFP_COMMAND_MOST], what = fuzz_u8(f);
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_command_put(&b, VERBS[what & 7], fuzz_u8(f) & 3);
    it_rtmfp_amf_put_null(&b);
    if (what & 8)
        it_rtmfp_amf_put_number(&b, fuzz_u8(f) & 31);
    else
        it_rtmfp_amf_put_string(&b, it_bytes_of(what & 16 ? "mine" : "theirs", what & 16 ? 4 : 6));
    (void)it_rtmfp_flow_write(n->end, n->now, session, id, it_bytes_of(b.p, b.len), NULL, NULL);
}

static void step(net *n, fuzz *f)
{
    uint8_t what = fuzz_u8(f), arg = fuzz_u8(f), meta[IT_RTMFP_TC_MOST];
    uint32_t session = n->session[arg & 1];
    uint64_t id = 1 + (arg >> 1 & 7);
    it_buf b;
    it_rtmfp_flow_opts o = {.returns = arg & 64 ? n->heard[arg >> 2 & 15] : 0};
    switch (what % 8) {
    case 0: /* a flow of a stream */
        it_buf_init(&b, meta, sizeof meta);
        it_rtmfp_tc_put(&b, (it_rtmfp_tc){.stream = arg & 128 ? fuzz_u8(f) : 0});
        o.metadata = it_bytes_of(b.p, b.len);
        (void)it_rtmfp_flow_open(n->end, n->now, session, &o, &id);
        break;
    case 1: /* of anything */
        o.metadata = fuzz_bytes(f);
        (void)it_rtmfp_flow_open(n->end, n->now, session, &o, &id);
        break;
    case 2:
    case 3:
        command(n, f, session, id);
        break;
    case 4:
        (void)it_rtmfp_flow_write(n->end, n->now, session, id, fuzz_bytes(f), NULL, NULL);
        break;
    case 5:
        (void)it_rtmfp_flow_close(n->end, n->now, session, id, arg & 64);
        break;
    case 6:
        (void)it_rtmfp_flow_reject(n->end, n->now, session, n->heard[arg >> 2 & 15], arg);
        break;
    default:
        pass(n, (it_time)arg * 10 * IT_MS);
        break;
    }
    settle(n);
}

/* The honest client publishes one name and plays it, by way of the server; peers may play another of it directly. */
static void begin(net *n)
{
    uint32_t direct;
    it_rtmfp_server_cfg s = {.alloc = &n->mem};
    it_rtmfp_cfg e = {.alloc = &n->mem, .accept = true, .identity.is_static = true, .keepalive = IT_NEVER};
    it_rng_init(&s.rng, 1, "server");
    it_rng_init(&e.rng, 1, "hostile");
    MUST(it_rtmfp_server_new(&s, 0, &n->server) == 0);
    for (int i = 0; i < ENDS; i++)
        n->addr[i] = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), 1935);
    it_rtmfp_client_cfg c = {.alloc = &n->mem, .uri = "rtmfp://s", .servers = 1, .server = {n->addr[SERVER]}};
    it_rng_init(&c.rng, 1, "honest");
    MUST(it_rtmfp_client_new(&c, 0, &n->client) == 0);
    MUST(it_rtmfp_new(&e, 0, &n->end) == 0);
    for (int i = 0; i < ENDS; i++) {
        it_io in = {.kind = IT_IO_BOUND, .local = n->addr[i]};
        input(n, i, &in);
    }
    pass(n, IT_SEC);
    MUST(it_rtmfp_client_connected(n->client));
    MUST(it_rtmfp_client_stream(n->client, n->now, IT_RTMFP_VIA_SERVER, NULL, &n->up) == 0);
    MUST(it_rtmfp_client_stream(n->client, n->now, IT_RTMFP_VIA_SERVER, NULL, &n->down) == 0);
    MUST(it_rtmfp_client_stream(n->client, n->now, IT_RTMFP_DIRECT, NULL, &direct) == 0);
    MUST(it_rtmfp_client_publish(n->client, n->now, n->up, it_bytes_str("mine")) == 0);
    MUST(it_rtmfp_client_play(n->client, n->now, n->down, it_bytes_str("mine")) == 0);
    MUST(it_rtmfp_client_publish(n->client, n->now, direct, it_bytes_str("theirs")) == 0);
    pass(n, IT_SEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t EPD[] = "\x0a\x0artmfp://s";
    static net room;
    net *n = &room;
    fuzz f = {data, size};
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    uint32_t session;
    MUST(it_ossl_init() == 0);
    memset(n, 0, sizeof *n);
    it_alloc_init(&n->mem);
    begin(n);
    MUST(it_rtmfp_connect(n->end, n->now, it_bytes_of(EPD, sizeof EPD - 1), &n->addr[SERVER], 1, &session) == 0);
    it_rtmfp_epd_of_print(it_rtmfp_client_near(n->client), epd);
    MUST(it_rtmfp_connect(n->end, n->now, it_bytes_of(epd, sizeof epd), &n->addr[HONEST], 1, &session) == 0);
    pass(n, 5 * IT_SEC);
    MUST(n->session[0] && n->session[1]);
    while (f.n) {
        step(n, &f);
        MUST(it_rtmfp_client_send(n->client, n->now, n->up, IT_RTMFP_MSG_AUDIO, it_bytes_str("x"), NULL) == 0);
        n->said++;
        settle(n);
    }
    pass(n, 5 * IT_SEC);
    MUST(it_rtmfp_client_connected(n->client) && n->got == n->said);
    it_rtmfp_client_free(n->client);
    it_rtmfp_free(n->end);
    it_rtmfp_server_ops.free(n->server);
    MUST(n->mem.live == 0);
    return 0;
}
