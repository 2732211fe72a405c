/* stack/b/web.c: a call by a relay over WebSocket, where no datagram passes. Two ends, a relay, streams without delay
 * that a test may break. */
#include "stack/wsrelay/server.h"
#include "tests/stack/b/pair.h"

enum { STREAMS = 16, ROOMY = 1000000 };

typedef struct web_stream {
    bool open;
    int end;            /* who opened it */
    uint32_t near, far; /* its number there, and at the relay */
} web_stream;

static struct web {
    it_alloc mem;
    it_wsrelay_server *s;
    pair *p;
    web_stream v[STREAMS];
    int n, opened;
    bool datagrams; /* pass */
    bool refuses;   /* every OPEN */
    it_time wait;   /* a blob is on its way so long */
} w;

static void tweak_web(it_b_cfg *cfg, int i)
{
    (void)i;
    snprintf(cfg->web.name, sizeof cfg->web.name, "ws.tank");
    cfg->web.target[0] = (it_wsrelay_way){.server = pair_addr("203.0.113.9:80")};
    cfg->web.n = 1;
}

static void tweak_one_alone(it_b_cfg *cfg, int i)
{
    tweak_web(cfg, i);
    if (i == 1)
        cfg->web.n = 0;
}

static void tweak_other_name(it_b_cfg *cfg, int i)
{
    tweak_web(cfg, i);
    cfg->web.name[0] = (char)('a' + i);
}

static void tweak_two(it_b_cfg *cfg, int i)
{
    tweak_web(cfg, i);
    cfg->n_streams = 2;
    cfg->stream[0] = cfg->stream[1] = (it_b_stream_cfg){.components = 1};
}

static bool drop_all(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)p, (void)from, (void)src, (void)dst, (void)d;
    return !w.datagrams;
}

static void web_new(void (*tweak)(it_b_cfg *, int))
{
    memset(&w, 0, sizeof w);
    it_alloc_init(&w.mem);
    it_wsrelay_server_cfg cfg = {.alloc = &w.mem};
    it_rng_init(&cfg.rng, 1, "relay");
    w.s = it_wsrelay_server_new(&cfg);
    w.p = pair_new(1, tweak, NULL);
    w.p->drop = drop_all;
    w.wait = 50 * IT_MS;
}

static void web_free_all(void)
{
    pair_free(w.p);
    it_wsrelay_server_ops.free(w.s);
    ck_assert_int_eq(w.mem.live, 0);
}

static void to_end(const web_stream *v, it_io in)
{
    it_b *b = w.p->e[v->end].b;
    in.flow = v->near;
    for (size_t at = 0;;) {
        it_io part = in;
        if (in.kind == IT_IO_DATA)
            part.data = it_bytes_of(in.data.p + at, in.data.n - at);
        int n = it_b_input(b, w.p->now, &part);
        ck_assert_int_ge(n, 0);
        at += (size_t)n;
        if (in.kind != IT_IO_DATA || at >= in.data.n || n == 0)
            return;
    }
}

static void to_relay(const web_stream *v, it_io in)
{
    in.flow = v->far;
    (void)it_wsrelay_server_ops.input(w.s, w.p->now, &in);
}

/* What end |i| says of a stream. */
static void stream_out(int i, const it_io *out)
{
    if (out->kind == IT_IO_OPEN) {
        ck_assert_int_lt(w.n, STREAMS);
        w.opened++;
        web_stream *v = &w.v[w.n++];
        *v = (web_stream){.open = !w.refuses, .end = i, .near = out->flow};
        v->far = IT_IO_ACCEPTED_FLOW + (uint32_t)w.n;
        if (w.refuses) {
            to_end(v, (it_io){.kind = IT_IO_RST, .end = IT_IO_END_REFUSED});
            return;
        }
        to_relay(v, (it_io){.kind = IT_IO_ACCEPTED, .local = out->remote, .data = {NULL, ROOMY}});
        to_end(v, (it_io){.kind = IT_IO_OPENED, .data = {NULL, ROOMY}});
        return;
    }
    for (int k = 0; k < w.n; k++)
        if (w.v[k].open && w.v[k].end == i && w.v[k].near == out->flow && out->kind != IT_IO_WRITABLE)
            to_relay(&w.v[k], *out);
}

static bool relay_out(void)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    if (it_wsrelay_server_ops.output(w.s, w.p->now, &out, buf, sizeof buf) != 1)
        return false;
    for (int k = 0; k < w.n; k++)
        if (w.v[k].open && w.v[k].far == out.flow && out.kind != IT_IO_WRITABLE)
            to_end(&w.v[k], out);
    return true;
}

static void event_of(int i)
{
    it_model_event ev;
    int media;
    while (it_b_event_next(w.p->e[i].b, &ev, &media) == 1)
        pair_on_event(w.p, i, &ev, media);
}

static void pump_all(void)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++) {
            it_io out;
            while (it_b_output(w.p->e[i].b, w.p->now, &out, buf, sizeof buf) == 1) {
                more = true;
                if (out.kind == IT_IO_BIND || out.kind == IT_IO_UNBIND)
                    pair_bind(w.p, i, &out);
                else if (out.kind != IT_IO_DGRAM)
                    stream_out(i, &out);
                else if (w.datagrams)
                    pair_put(w.p,
                             (pair_item){.at = w.p->now + w.p->delay, .to = 1 - i, .src = out.local, .dst = out.remote},
                             out.data);
                ck_assert(out.kind != IT_IO_DGRAM || it_ip_is4(out.remote.ip)); /* none to the end of a tunnel */
            }
            event_of(i);
        }
        while (relay_out())
            more = true;
    }
}

/* Runs all to |until|. */
static void run_all(it_time until)
{
    pair *p = w.p;
    pump_all();
    for (;;) {
        size_t first = pair_first(p);
        it_time t = first < p->n_q ? p->q[first].at : IT_NEVER, at = t;
        int who = -1;
        for (int k = 0; k < 2; k++)
            if (it_b_next(p->e[k].b) < at) {
                at = it_b_next(p->e[k].b);
                who = k;
            }
        if (it_wsrelay_server_ops.next(w.s) < at) {
            at = it_wsrelay_server_ops.next(w.s);
            who = 2;
        }
        if (at > until)
            break;
        p->now = at > p->now ? at : p->now;
        if (who == 2) {
            ck_assert_int_eq(it_wsrelay_server_ops.tick(w.s, p->now), 0);
        } else if (who >= 0) {
            ck_assert_int_eq(it_b_tick(p->e[who].b, p->now), 0);
        } else {
            pair_item it = p->q[first];
            p->q[first] = p->q[--p->n_q];
            pair_deliver(p, &it);
            free(it.data);
        }
        pump_all();
    }
    p->now = until;
}

static void start(void)
{
    for (int i = 0; i < 2; i++)
        it_b_start(w.p->e[i].b, w.p->now);
}

static const it_wsrelay_server_stats *stat(void)
{
    return it_wsrelay_server_stat(w.s);
}

START_TEST(where_no_datagram_passes_a_call_opens_by_the_relay)
{
    web_new(tweak_web);
    start();
    run_all(IT_B_WEB_AFTER);
    ck_assert_int_eq(w.opened, 0); /* the others have had their time */
    run_all(10 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const pair_event *ev = pair_find(w.p, i, IT_EV_OPEN);
        ck_assert_ptr_nonnull(ev);
        ck_assert_int_eq(ev->path, IT_PATH_RELAY_TCP);
        ck_assert_int_ge(ev->at, IT_B_WEB_AFTER + 2 * IT_SEC);
        ck_assert_int_lt(ev->at, 5 * IT_SEC);
    }
    ck_assert_uint_eq(stat()->rooms, 1);
    ck_assert_uint_eq(stat()->connections, 2);
    ck_assert_int_eq(it_b_send(w.p->e[0].b, w.p->now, it_bytes_str("hello")), 0);
    run_all(20 * IT_SEC);
    ck_assert_str_eq(pair_find(w.p, 1, IT_EV_MESSAGE)->text, "hello");
    ck_assert_int_eq(pair_count(w.p, 0, IT_EV_STALLED) + pair_count(w.p, 1, IT_EV_STALLED), 0);
    web_free_all();
}
END_TEST

START_TEST(where_datagrams_pass_nobody_goes_there)
{
    web_new(tweak_web);
    w.datagrams = true;
    start();
    run_all(30 * IT_SEC);
    ck_assert_int_eq(pair_find(w.p, 0, IT_EV_OPEN)->path, IT_PATH_DIRECT_UDP);
    ck_assert_int_eq(w.opened, 0);
    web_free_all();
}
END_TEST

START_TEST(a_side_without_it_or_with_another_one_is_met_nowhere)
{
    web_new(_i ? tweak_other_name : tweak_one_alone);
    start();
    run_all(70 * IT_SEC);
    ck_assert_int_eq(w.opened, 0);
    ck_assert_int_eq(pair_find(w.p, 0, IT_EV_DEATH)->reason, IT_REASON_CONNECT_FAILED);
    web_free_all();
}
END_TEST

START_TEST(its_end_is_in_order_and_the_last_word_comes_through)
{
    web_new(tweak_web);
    start();
    run_all(10 * IT_SEC);
    it_b_close(w.p->e[0].b, w.p->now);
    run_all(11 * IT_SEC);
    ck_assert_int_eq(pair_count(w.p, 1, IT_EV_CLOSED), 1);
    ck_assert(!pair_find(w.p, 1, IT_EV_CLOSED)->local);
    ck_assert_uint_eq(stat()->connections, 0);
    ck_assert_uint_eq(stat()->rooms, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_b_next(w.p->e[i].b), IT_NEVER);
    web_free_all();
}
END_TEST

START_TEST(when_its_stream_breaks_it_is_joined_anew_and_the_call_goes_on)
{
    web_new(tweak_web);
    start();
    run_all(10 * IT_SEC);
    for (int k = 0; k < w.n; k++)
        if (w.v[k].end == 0) {
            web_stream v = w.v[k];
            w.v[k].open = false;
            to_relay(&v, (it_io){.kind = IT_IO_RST});
            to_end(&v, (it_io){.kind = IT_IO_RST});
        }
    run_all(40 * IT_SEC);
    ck_assert_int_ge(w.opened, 3);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(w.p->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(it_b_path(w.p->e[i].b), IT_PATH_RELAY_TCP);
        ck_assert_int_eq(pair_count(w.p, i, IT_EV_DEATH), 0);
    }
    ck_assert_int_eq(it_b_send(w.p->e[1].b, w.p->now, it_bytes_str("again")), 0);
    run_all(41 * IT_SEC);
    ck_assert_str_eq(pair_find(w.p, 0, IT_EV_MESSAGE)->text, "again");
    web_free_all();
}
END_TEST

START_TEST(a_relay_that_refuses_is_asked_again_more_and_more_seldom)
{
    web_new(tweak_web);
    w.refuses = true;
    start();
    run_all(12 * IT_SEC);
    int early = w.opened;
    ck_assert_int_ge(early, 4);
    ck_assert_int_le(early, 12);
    w.refuses = false;
    run_all(25 * IT_SEC);
    ck_assert_int_eq(pair_find(w.p, 0, IT_EV_OPEN)->path, IT_PATH_RELAY_TCP);
    web_free_all();
}
END_TEST

START_TEST(every_transport_has_a_room_of_its_own)
{
    web_new(tweak_two);
    start();
    run_all(15 * IT_SEC);
    ck_assert_uint_eq(stat()->rooms, 2);
    for (int k = 0; k < 2; k++)
        ck_assert_int_eq(pair_find_of(w.p, 0, k, IT_EV_OPEN)->path, IT_PATH_RELAY_TCP);
    ck_assert_int_eq(it_b_stream_send(w.p->e[0].b, w.p->now, 1, it_bytes_str("two")), 0);
    run_all(16 * IT_SEC);
    ck_assert_str_eq(pair_find_of(w.p, 1, 1, IT_EV_MESSAGE)->text, "two");
    web_free_all();
}
END_TEST

START_TEST(a_relay_without_a_name_makes_no_connection)
{
    it_alloc mem;
    it_b_cfg cfg = {.seed = 1, .name = "x", .shared = pair_shared, .cert = pair_cert[0]};
    pair_once();
    it_alloc_init(&mem);
    cfg.alloc = &mem;
    ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
    cfg.web.n = 1;
    ck_assert_ptr_null(it_b_new(&cfg));
    cfg.web.n = IT_WSRELAY_WAYS + 1;
    ck_assert_ptr_null(it_b_new(&cfg));
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/b/web");
    TCase *t = tcase_create("web");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, where_no_datagram_passes_a_call_opens_by_the_relay);
    tcase_add_test(t, where_datagrams_pass_nobody_goes_there);
    tcase_add_loop_test(t, a_side_without_it_or_with_another_one_is_met_nowhere, 0, 2);
    tcase_add_test(t, its_end_is_in_order_and_the_last_word_comes_through);
    tcase_add_test(t, when_its_stream_breaks_it_is_joined_anew_and_the_call_goes_on);
    tcase_add_test(t, a_relay_that_refuses_is_asked_again_more_and_more_seldom);
    tcase_add_test(t, every_transport_has_a_room_of_its_own);
    tcase_add_test(t, a_relay_without_a_name_makes_no_connection);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
