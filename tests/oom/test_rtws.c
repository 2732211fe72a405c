/* Out of memory at both ends of RTWebSocket: a clean error, and every block is given back. TIMEOUT */
#include "tests/oom/stairs.h"

#include "stack/rtmfp/ws/client.h"
#include "stack/rtmfp/ws/server.h"

#include <string.h>

enum { FLOW = 1, ROOM = 1 << 20 };

typedef struct world {
    it_rtws_server *s;
    it_rtws_client *c;
    it_time now;
    uint32_t session[2]; /* the client's, the server's; 0: it is not open */
    uint64_t flow;       /* that the server has heard of */
    int messages, err;
} world;

static void note(world *w, int err)
{
    if (err < 0 && w->err == 0)
        w->err = err;
}

static void hear(world *w)
{
    it_rtmfp_event ev;
    while (it_rtws_client_event_next(w->c, &ev))
        w->session[0] = ev.kind == IT_RTMFP_EV_OPEN ? ev.session : w->session[0];
    while (it_rtws_server_event_next(w->s, &ev)) {
        w->session[1] = ev.kind == IT_RTMFP_EV_OPEN ? ev.session : w->session[1];
        w->flow = ev.kind == IT_RTMFP_EV_FLOW ? ev.flow : w->flow;
        w->messages += ev.kind == IT_RTMFP_EV_MESSAGE;
    }
}

static void to_server(world *w, it_io in)
{
    in.flow = IT_IO_ACCEPTED_FLOW;
    note(w, it_rtws_server_input(w->s, w->now, &in));
}

static void to_client(world *w, it_io in)
{
    in.flow = FLOW;
    note(w, it_rtws_client_input(w->c, w->now, &in));
}

/* Hands over what one end puts out. False: nothing. */
static bool step(world *w)
{
    uint8_t buf[4096];
    it_io out;
    int n = it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf);
    note(w, n);
    if (n == 1 && out.kind == IT_IO_OPEN) {
        to_server(w, (it_io){.kind = IT_IO_ACCEPTED, .data = {NULL, ROOM}});
        to_client(w, (it_io){.kind = IT_IO_OPENED, .data = {NULL, ROOM}});
    } else if (n == 1) {
        to_server(w, out);
    }
    if (n != 0)
        return n > 0;
    n = it_rtws_server_output(w->s, w->now, &out, buf, sizeof buf);
    note(w, n);
    if (n == 1)
        to_client(w, out);
    return n > 0;
}

static void settle(world *w)
{
    while (w->err == 0 && step(w))
        hear(w);
    hear(w);
}

/* A flow of 5,000 bytes to the server, and one in return. */
static void talk(world *w)
{
    static uint8_t big[5000];
    it_rtmfp_carrier c = it_rtws_client_carrier(w->c), s = it_rtws_server_carrier(w->s);
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m")};
    uint64_t id, back;
    note(w, c.ops->open(c.o, w->now, w->session[0], &o, &id));
    if (w->err == 0)
        note(w, c.ops->write(c.o, w->now, w->session[0], id, it_bytes_of(big, sizeof big), NULL, NULL));
    settle(w);
    o.returns = w->flow;
    if (w->err == 0)
        note(w, s.ops->open(s.o, w->now, w->session[1], &o, &back));
    if (w->err == 0)
        note(w, s.ops->write(s.o, w->now, w->session[1], back, it_bytes_of(big, 10), NULL, NULL));
    settle(w);
    if (w->err == 0)
        note(w, s.ops->reject(s.o, w->now, w->session[1], w->flow, 1));
    settle(w);
    if (w->err == 0)
        note(w, c.ops->end(c.o, w->now, w->session[0], false));
    settle(w);
}

static int life(it_alloc *a)
{
    world w = {.now = IT_SEC};
    uint32_t session;
    it_rtws_server_cfg s = {.alloc = a};
    it_rtws_client_cfg c = {.alloc = a, .server = {it_ip4(1), 80}};
    it_rng_init(&s.rng, 1, "s");
    it_rng_init(&c.rng, 1, "c");
    w.s = it_rtws_server_new(&s);
    w.c = it_rtws_client_new(&c);
    if (!w.s || !w.c)
        w.err = IT_ERR_NOMEM;
    if (w.err == 0)
        note(&w, it_rtws_client_connect(w.c, w.now, &session));
    if (w.err == 0)
        settle(&w);
    if (w.err == 0 && (!w.session[0] || !w.session[1]))
        w.err = IT_ERR_NOMEM; /* the handshake was lost with what it needed */
    if (w.err == 0)
        talk(&w);
    if (w.err == 0)
        ck_assert_int_eq(w.messages, 1);
    it_rtws_client_free(w.c);
    it_rtws_server_free(w.s);
    return w.err;
}

START_TEST(from_the_nth_on_there_is_none)
{
    ck_assert_uint_gt(stairs_climb(life, false, 1000, 1), 20);
}
END_TEST

START_TEST(the_nth_alone_is_refused)
{
    ck_assert_uint_gt(stairs_climb(life, true, 1000, 1), 20);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("oom/rtws");
    TCase *t = tcase_create("rtws");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, from_the_nth_on_there_is_none);
    tcase_add_test(t, the_nth_alone_is_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
