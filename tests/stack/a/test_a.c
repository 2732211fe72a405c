/* stack/a: dialing and listening over a little network without NATs, whose packets arrive at the instant at which they
 * leave. */
#include "stack/a/a.h"
#include "stack/rendezvous/server.h"
#include "tests/stack/b/pair.h"

#include <string.h>

#define ENDS 6
#define SOCKETS 200
#define STREAMS 60
#define ROOM 100000
#define LOG 8192

typedef struct sock {
    bool used;
    int end;
    uint32_t flow;
    it_addr at;
} sock;

typedef struct pipe {
    bool open;
    int a; /* whose; the other end is the server's */
    uint32_t flow, far;
} pipe_;

static struct {
    it_alloc mem;
    it_time now;
    it_rendezvous *server; /* NULL: it is down */
    it_a *e[ENDS];
    char log[ENDS][LOG];
    sock s[SOCKETS];
    pipe_ v[STREAMS];
    uint32_t streams;
    uint16_t ports;
    uint8_t buf[70000], copy[70000];
} W;

static const it_object_ops *const A = &it_a_ops, *const S = &it_rendezvous_ops;

static it_ip ip_of(int end)
{
    return it_ip4(0xc0000201u + (uint32_t)end); /* 192.0.2.1 ... */
}

static void up(void)
{
    it_rendezvous_cfg cfg = {.signal = {.alloc = &W.mem}};
    it_rng_init(&cfg.signal.rng, (uint64_t)W.now, "server");
    W.server = it_rendezvous_new(&cfg);
    ck_assert_ptr_nonnull(W.server);
}

static void to_end(int i, it_io in)
{
    ck_assert_int_ge(A->input(W.e[i], W.now, &in), 0);
}

static void to_server(it_io in)
{
    if (W.server)
        ck_assert_int_ge(S->input(W.server, W.now, &in), 0);
}

static void down(void)
{
    S->free(W.server);
    W.server = NULL;
    for (int i = 0; i < STREAMS; i++) {
        if (W.v[i].open)
            to_end(W.v[i].a, (it_io){.kind = IT_IO_RST, .flow = W.v[i].flow, .end = IT_IO_END_RESET});
        W.v[i].open = false;
    }
}

static void add_socket(int end, uint32_t flow, it_ip ip)
{
    sock *s = W.s;
    while (s->used)
        s++;
    *s = (sock){true, end, flow, it_addr_of(ip, (uint16_t)(5000 + W.ports++))};
    to_end(end, (it_io){.kind = IT_IO_BOUND, .flow = flow, .local = s->at, .size = 1472});
}

static sock *socket_at(it_addr at)
{
    for (sock *s = W.s; s < W.s + SOCKETS; s++)
        if (s->used && it_addr_eq(s->at, at))
            return s;
    return NULL;
}

static sock *socket_of(int end, uint32_t flow)
{
    for (sock *s = W.s; s < W.s + SOCKETS; s++)
        if (s->used && s->end == end && s->flow == flow)
            return s;
    return NULL;
}

static void open_pipe(int i, const it_io *out)
{
    if (!W.server) {
        to_end(i, (it_io){.kind = IT_IO_RST, .flow = out->flow, .end = IT_IO_END_REFUSED});
        return;
    }
    pipe_ *p = W.v;
    while (p->open)
        p++;
    *p = (pipe_){true, i, out->flow, IT_IO_ACCEPTED_FLOW + W.streams++};
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = p->far, .local = out->remote, .data = {NULL, ROOM}};
    to_server(in);
    in.kind = IT_IO_OPENED;
    in.flow = out->flow;
    to_end(i, in);
}

static void stream_out(pipe_ *p, it_io out, bool from_server)
{
    if (!p || !p->open || out.kind == IT_IO_WRITABLE)
        return;
    memcpy(W.copy, out.data.p ? out.data.p : W.buf, out.data.n);
    out.data.p = W.copy;
    out.flow = from_server ? p->flow : p->far;
    if (out.kind == IT_IO_RST)
        p->open = false;
    if (from_server)
        to_end(p->a, out);
    else
        to_server(out);
    it_io more = {.kind = IT_IO_WRITABLE, .flow = from_server ? p->far : p->flow, .data = {NULL, ROOM}};
    if (out.kind == IT_IO_DATA && from_server)
        to_server(more);
    else if (out.kind == IT_IO_DATA)
        to_end(p->a, more);
}

static void datagram_out(int i, it_io out)
{
    const sock *from = socket_of(i, out.flow), *to = socket_at(out.remote);
    ck_assert_ptr_nonnull(from);
    if (!to)
        return;
    memcpy(W.copy, out.data.p, out.data.n);
    it_io in = {.kind = IT_IO_DGRAM, .flow = to->flow, .local = to->at, .remote = from->at};
    in.data = it_bytes_of(W.copy, out.data.n);
    to_end(to->end, in);
}

static void from_end(int i, it_io out)
{
    sock *s;
    pipe_ *p = W.v;
    switch (out.kind) {
    case IT_IO_OPEN:
        open_pipe(i, &out);
        return;
    case IT_IO_BIND:
        add_socket(i, out.flow, out.local.ip);
        return;
    case IT_IO_UNBIND:
        s = socket_of(i, out.flow);
        ck_assert_ptr_nonnull(s);
        s->used = false;
        return;
    case IT_IO_DGRAM:
        datagram_out(i, out);
        return;
    default:
        while (p < W.v + STREAMS && !(p->open && p->a == i && p->flow == out.flow))
            p++;
        stream_out(p < W.v + STREAMS ? p : NULL, out, false);
    }
}

static void from_server(it_io out)
{
    pipe_ *p = W.v;
    while (p < W.v + STREAMS && !(p->open && p->far == out.flow))
        p++;
    stream_out(p < W.v + STREAMS ? p : NULL, out, true);
}

/* A line an event: "0:open", "-:death busy". */
static void note(int i, const it_object_event *o)
{
    const it_model_event *ev = o->u.model;
    char *at = W.log[i] + strlen(W.log[i]);
    size_t left = LOG - strlen(W.log[i]);
    if (ev->kind == IT_EV_SECRET || ev->kind == IT_EV_DOWN || ev->kind == IT_EV_NETWORK)
        return;
    int n = o->part < 0 ? snprintf(at, left, "-:%s", it_model_event_name(ev->kind))
                        : snprintf(at, left, "%d:%s", o->part, it_model_event_name(ev->kind));
    at += n;
    left -= (size_t)n;
    if (ev->kind == IT_EV_DEATH)
        snprintf(at, left, " %s: %s\n", it_reason_name(ev->reason), ev->why);
    else if (ev->kind == IT_EV_MESSAGE)
        snprintf(at, left, " %.*s\n", (int)ev->data.n, (const char *)ev->data.p);
    else
        snprintf(at, left, "\n");
}

static bool move(int i)
{
    it_io out;
    it_object_event ev;
    bool moved = false;
    while (W.e[i] && A->output(W.e[i], W.now, &out, W.buf, IT_IO_DGRAM_MAX) == 1) {
        from_end(i, out);
        moved = true;
    }
    while (W.e[i] && A->event(W.e[i], &ev) == 1) {
        note(i, &ev);
        moved = true;
    }
    return moved;
}

static void settle(void)
{
    it_io out;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < ENDS; i++)
            moved |= move(i);
        while (W.server && S->output(W.server, W.now, &out, W.buf, 16384) == 1) {
            from_server(out);
            moved = true;
        }
    }
}

static it_time next(void)
{
    it_time t = W.server ? S->next(W.server) : IT_NEVER;
    for (int i = 0; i < ENDS; i++)
        if (W.e[i] && A->next(W.e[i]) < t)
            t = A->next(W.e[i]);
    return t;
}

static void run(it_time span)
{
    it_time until = W.now + span;
    settle();
    while (next() <= until) {
        W.now = next() > W.now ? next() : W.now;
        if (W.server)
            ck_assert_int_ge(S->tick(W.server, W.now), 0);
        for (int i = 0; i < ENDS; i++)
            if (W.e[i])
                ck_assert_int_ge(A->tick(W.e[i], W.now), 0);
        settle();
    }
    W.now = until;
}

static it_a *make(int i, const char *url, bool listen, it_a_fault *fault)
{
    static const it_a_host HOSTS[] = {{.name = "meet", .ip = {{0, 0x0000ffff0a000001ULL}, {0, 0}}}};
    it_a_cfg cfg = {.url = url, .listen = listen, .hosts = HOSTS, .n_hosts = 1};
    char name[16];
    snprintf(name, sizeof name, "end%d", i);
    cfg.b = (it_b_cfg){.alloc = &W.mem, .seed = 7, .name = name, .shared = pair_shared, .cert = pair_cert[i & 1]};
    ck_assert_int_eq(it_timers_named(&cfg.b.timers, "rfc"), 0);
    return it_a_new(&cfg, fault);
}

static void begin(int i, const char *url, bool listen)
{
    W.e[i] = make(i, url, listen, NULL);
    ck_assert_ptr_nonnull(W.e[i]);
    add_socket(i, 0, ip_of(i));
    it_a_start(W.e[i], W.now);
    run(IT_SEC);
}

/* What end |i| has told since it was asked last. */
static void told(int i, const char *text)
{
    ck_assert_str_eq(W.log[i], text);
    W.log[i][0] = '\0';
}

static void setup(void)
{
    pair_once();
    memset(&W, 0, sizeof W);
    it_alloc_init(&W.mem);
    W.now = IT_SEC;
    up();
}

static void teardown(void)
{
    for (int i = 0; i < ENDS; i++)
        it_a_free(W.e[i]);
    if (W.server)
        S->free(W.server);
    ck_assert_int_eq(W.mem.live, 0);
}

static void say(int i, int media, const char *text)
{
    ck_assert_int_eq(it_a_send(W.e[i], W.now, media, it_bytes_str(text)), 0);
    run(IT_SEC);
}

START_TEST(who_dials_and_who_listens_are_connected)
{
    begin(0, "icet://meet/bob", true);
    told(0, "-:up\n");
    ck_assert_int_eq(it_a_phase(W.e[0], -1), IT_A_OPEN);
    begin(1, "icet://meet/bob", false);
    run(3 * IT_SEC);
    told(1, "-:up\n-:open\n");
    told(0, "-:call\n0:open\n");
    ck_assert_int_eq(it_a_phase(W.e[1], -1), IT_A_OPEN);
    ck_assert_int_eq(it_a_phase(W.e[0], 0), IT_A_OPEN);
    say(1, -1, "hello");
    told(0, "0:message hello\n");
    say(0, 0, "and you");
    told(1, "-:message and you\n");
    ck_assert_int_eq(it_a_send(W.e[0], W.now, -1, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_a_send(W.e[0], W.now, 1, it_bytes_str("x")), IT_ERR_NOTFOUND);
    it_a_close(W.e[1], W.now, -1);
    run(IT_SEC);
    told(1, "-:closed\n");
    told(0, "0:closed\n");
    ck_assert_int_eq(it_a_state(W.e[0], 0), IT_STATE_CLOSED);
    run(10 * IT_SEC);
    ck_assert_ptr_null(socket_of(0, IT_IO_BOUND_FLOW)); /* the call's own socket was given back */
}
END_TEST

START_TEST(each_caller_has_a_connection_of_its_own)
{
    begin(0, "icet://meet/bob", true);
    for (int i = 1; i < 4; i++)
        begin(i, "icet://meet/bob", false);
    run(3 * IT_SEC);
    for (int k = 0; k < 3; k++) {
        char text[16];
        snprintf(text, sizeof text, "to %d", k);
        say(0, k, text);
    }
    told(1, "-:up\n-:open\n-:message to 0\n");
    told(2, "-:up\n-:open\n-:message to 1\n");
    told(3, "-:up\n-:open\n-:message to 2\n");
    W.log[0][0] = '\0';
    it_a_close(W.e[0], W.now, -1);
    run(IT_SEC);
    told(0, "0:closed\n1:closed\n2:closed\n-:closed\n");
    told(2, "-:closed\n");
}
END_TEST

START_TEST(nobody_there_and_a_taken_name_are_told_at_once)
{
    begin(1, "icet://meet/bob", false);
    told(1, "-:up\n-:death connect_failed: nobody listens under that name\n");
    begin(0, "icet://meet/bob", true);
    begin(2, "icet://meet/bob", true);
    told(2, "-:death connect_failed: somebody else listens under that name\n");
    ck_assert_int_eq(it_a_phase(W.e[1], -1), IT_A_DEAD);
    begin(3, "icet://meet/bob", false);
    run(3 * IT_SEC);
    told(3, "-:up\n-:open\n");
}
END_TEST

START_TEST(a_call_of_whom_the_caller_hangs_up_before_it_opens_is_closed)
{
    begin(0, "icet://meet/bob", true);
    W.e[1] = make(1, "icet://meet/bob", false, NULL); /* without a base: it never opens */
    it_a_start(W.e[1], W.now);
    run(IT_SEC);
    ck_assert_int_eq(it_a_phase(W.e[1], -1), IT_A_CHECKING);
    it_a_close(W.e[1], W.now, -1);
    run(IT_SEC);
    told(1, "-:up\n-:closed\n");
    told(0, "-:up\n-:call\n0:closed\n");
}
END_TEST

START_TEST(without_the_server_both_die_when_t_conn_is_over_and_say_why)
{
    down();
    begin(0, "icet://meet/bob", true);
    begin(1, "icet://meet/bob", false);
    told(0, "");
    told(1, "");
    run(60 * IT_SEC);
    told(0, "-:death connect_failed: the rendezvous server was not reached: refused\n");
    told(1, "-:death connect_failed: the rendezvous server was not reached: refused\n");
    run(60 * IT_SEC);
    told(0, "");
}
END_TEST

START_TEST(what_is_open_goes_on_without_the_server_and_is_known_to_a_new_one)
{
    begin(0, "icet://meet/bob", true);
    begin(1, "icet://meet/bob", false);
    run(3 * IT_SEC);
    down();
    run(20 * IT_SEC);
    say(1, -1, "still here");
    told(0, "-:up\n-:call\n0:open\n0:message still here\n");
    up();
    run(60 * IT_SEC);
    told(0, "-:up\n");
    ck_assert_uint_eq(it_rendezvous_stat(W.server)->open, 1);
    it_a_restart(W.e[1], W.now);
    run(5 * IT_SEC);
    ck_assert_uint_eq(it_ice_generation(it_b_ice(it_a_call(W.e[0], 0))), 1); /* it went by the new server */
    begin(2, "icet://meet/bob", false);
    run(3 * IT_SEC);
    told(2, "-:up\n-:open\n");
}
END_TEST

START_TEST(what_cannot_be_followed_is_refused_with_a_reason)
{
    static const char *const WRONG[][2] = {
        {"icet://meet", "there is no name: write /NAME"},
        {"icet://other/x", "no address is known of the rendezvous server"},
        {"icet://meet/x?stun=stun:other", "no address is known of a STUN server"},
        {"icet://meet/x?turn=turn:other", "no address is known of a TURN server"},
        {"icet://meet/x?ws=ws://other", "no address is known of a relay over WebSocket"},
        {"icets://meet/x", "a rendezvous server by TLS, and there is no TLS"},
        {"icet://meet/x?turn=turns:192.0.2.9", "a TURN server by TLS, and there is no TLS"},
        {"icet://meet/x?ws=wss://192.0.2.9", "a relay over WebSocket by TLS, and there is no TLS"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        it_a_fault fault;
        ck_assert_ptr_null(make(0, WRONG[i][0], false, &fault));
        ck_assert_str_eq(fault.why, WRONG[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/a/a");
    TCase *tc = tcase_create("model A");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, who_dials_and_who_listens_are_connected);
    tcase_add_test(tc, each_caller_has_a_connection_of_its_own);
    tcase_add_test(tc, nobody_there_and_a_taken_name_are_told_at_once);
    tcase_add_test(tc, a_call_of_whom_the_caller_hangs_up_before_it_opens_is_closed);
    tcase_add_test(tc, without_the_server_both_die_when_t_conn_is_over_and_say_why);
    tcase_add_test(tc, what_is_open_goes_on_without_the_server_and_is_known_to_a_new_one);
    tcase_add_test(tc, what_cannot_be_followed_is_refused_with_a_reason);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
