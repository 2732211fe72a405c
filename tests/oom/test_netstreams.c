/* Out of memory at a server of NetStreams and its clients: a clean error, and every block is given back. TIMEOUT */
#include "tests/oom/stairs.h"
#include "tests/stack/rtmfp/flash/party.h"

typedef struct world {
    it_rtmfp_server *server;
    it_rtmfp_client *client[2];
    it_addr addr[3];
    it_time now;
    int err;
} world;

static void note(world *w, int err)
{
    if (err < 0 && w->err == 0)
        w->err = err;
}

/* Hands packets over at once until nobody sends any. */
static void settle(world *w)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    for (int n = 1; n > 0 && w->err == 0;) {
        n = 0;
        for (int i = 0; i < 3; i++)
            for (;;) {
                int r = i ? it_rtmfp_client_output(w->client[i - 1], w->now, &io, buf, sizeof buf)
                          : it_rtmfp_server_ops.output(w->server, w->now, &io, buf, sizeof buf);
                note(w, r);
                if (r != 1)
                    break;
                n++;
                int to = 0;
                while (!it_addr_eq(io.remote, w->addr[to]))
                    to++;
                it_io in = {.kind = IT_IO_DGRAM, .local = io.remote, .remote = w->addr[i], .data = io.data};
                note(w, to ? it_rtmfp_client_input(w->client[to - 1], w->now, &in)
                           : it_rtmfp_server_ops.input(w->server, w->now, &in));
            }
    }
}

static void pass(world *w, it_time d)
{
    for (it_time until = w->now + d; w->now < until && w->err == 0;) {
        settle(w);
        w->now += 250 * IT_MS;
        note(w, it_rtmfp_server_ops.tick(w->server, w->now));
        for (int i = 0; i < 2; i++)
            note(w, it_rtmfp_client_tick(w->client[i], w->now));
    }
}

static int begin(world *w, it_alloc *a)
{
    it_rtmfp_server_cfg s = {.alloc = a};
    it_rng_init(&s.rng, 1, "server");
    int err = it_rtmfp_server_new(&s, 0, &w->server);
    for (int i = 0; i < 3 && err == 0; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%d:1935", 1 + i);
        w->addr[i] = kit_addr(text);
    }
    for (int i = 0; i < 2 && err == 0; i++) {
        it_rtmfp_client_cfg c = {.alloc = a, .uri = "rtmfp://s", .servers = 1, .server = {w->addr[0]}};
        it_rng_init(&c.rng, 1, i ? "b" : "a");
        err = it_rtmfp_client_new(&c, 0, &w->client[i]);
    }
    for (int i = 0; i < 3 && err == 0; i++) {
        it_io in = {.kind = IT_IO_BOUND, .local = w->addr[i]};
        int r = i ? it_rtmfp_client_input(w->client[i - 1], 0, &in) : it_rtmfp_server_ops.input(w->server, 0, &in);
        err = r < 0 ? r : 0;
    }
    return err;
}

/* One publishes at the server and to peers, the other plays both. */
static void streams(world *w)
{
    it_rtmfp_client *a = w->client[0], *b = w->client[1];
    uint32_t up, direct, down, from;
    it_bytes name = it_bytes_str("x");
    note(w, it_rtmfp_client_stream(a, w->now, IT_RTMFP_VIA_SERVER, NULL, &up));
    if (w->err == 0)
        note(w, it_rtmfp_client_publish(a, w->now, up, name));
    if (w->err == 0)
        note(w, it_rtmfp_client_stream(a, w->now, IT_RTMFP_DIRECT, NULL, &direct));
    if (w->err == 0)
        note(w, it_rtmfp_client_publish(a, w->now, direct, name));
    if (w->err == 0)
        note(w, it_rtmfp_client_stream(b, w->now, IT_RTMFP_VIA_SERVER, NULL, &down));
    if (w->err == 0)
        note(w, it_rtmfp_client_play(b, w->now, down, name));
    if (w->err == 0)
        note(w, it_rtmfp_client_stream(b, w->now, IT_RTMFP_FROM_PEER, it_rtmfp_client_near(a), &from));
    if (w->err == 0)
        note(w, it_rtmfp_client_play(b, w->now, from, name));
    if (w->err == 0)
        pass(w, 5 * IT_SEC);
    if (w->err == 0)
        note(w, it_rtmfp_client_send(a, w->now, up, IT_RTMFP_MSG_AUDIO, name, NULL));
    if (w->err == 0)
        note(w, it_rtmfp_client_send(a, w->now, direct, IT_RTMFP_MSG_VIDEO, name, NULL));
    if (w->err == 0)
        pass(w, IT_SEC);
    it_rtmfp_client_close(a, w->now);
    pass(w, 5 * IT_SEC);
}

static int life(it_alloc *alloc)
{
    world w = {.now = 0};
    it_rtmfp_client_event ev;
    ck_assert_int_eq(it_ossl_init(), 0);
    w.err = begin(&w, alloc);
    if (w.err == 0)
        pass(&w, 5 * IT_SEC);
    if (w.err == 0 && it_rtmfp_client_connected(w.client[0]) && it_rtmfp_client_connected(w.client[1]))
        streams(&w);
    else if (w.err == 0)
        w.err = IT_ERR_NOMEM; /* a packet could not be queued, and that session is lost */
    if (w.err == IT_ERR_STATE || w.err == IT_ERR_NOTFOUND)
        w.err = IT_ERR_NOMEM;
    while (w.client[1] && it_rtmfp_client_event_next(w.client[1], &ev))
        continue;
    for (int i = 0; i < 2; i++)
        it_rtmfp_client_free(w.client[i]);
    if (w.server)
        it_rtmfp_server_ops.free(w.server);
    return w.err;
}

START_TEST(from_the_nth_on_there_is_none)
{
    ck_assert_uint_gt(stairs_climb(life, false, 100, 5), 20);
}
END_TEST

START_TEST(the_nth_alone_is_refused)
{
    ck_assert_uint_gt(stairs_climb(life, true, 100, 5), 20);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, from_the_nth_on_there_is_none);
    tcase_add_test(t, the_nth_alone_is_refused);
}

int main(void)
{
    return kit_main("oom/netstreams", add);
}
