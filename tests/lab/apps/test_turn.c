/* The TURN server of a world, driven by hand: its sockets, their numbers, what it tells. */
#include "lab/apps/turn.h"

#include "lab/apps/named.h"
#include "stack/stun/longterm.h"
#include "stack/turn/attrs.h"

#include <check.h>

static const it_stun_user USERS[] = {{"alice", "secret"}};
static it_alloc mem;
static it_turn_app_cfg cfg;
static void *app;
static it_io asked[16], said; /* BIND and LISTEN; the last datagram */
static size_t n_asked;
static uint8_t wire[2048];

static it_addr addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void drain(void)
{
    static uint8_t buf[2048];
    it_io out;
    while (it_app_turn.output(app, 0, &out, buf, sizeof buf) == 1) {
        if (out.kind == IT_IO_BIND || out.kind == IT_IO_LISTEN)
            asked[n_asked++] = out;
        else
            said = out;
    }
}

static void input(it_io in)
{
    ck_assert_int_eq(it_app_turn.input(app, 0, &in), (int)in.data.n);
    drain();
}

/* Answers what was asked from number |from| on; a BIND without a port gets 50000. */
static void answer(size_t from, bool refuse)
{
    for (size_t i = from, n = n_asked; i < n; i++) {
        it_io in = asked[i];
        in.kind = in.kind == IT_IO_BIND ? IT_IO_BOUND : IT_IO_LISTENING;
        if (in.local.port == 0)
            in.local.port = 50000;
        if (refuse)
            in.local.port = 0;
        input(in);
    }
}

static enum it_model_event_kind told(const it_model_event **ev)
{
    it_object_event e;
    if (it_app_turn.event(app, &e) != 1)
        return IT_EV_COUNT;
    *ev = e.u.model;
    return e.u.model->kind;
}

static void setup(void)
{
    it_alloc_init(&mem);
    cfg = (it_turn_app_cfg){.alloc = &mem, .udp = {3478, 443}, .tcp = {3478, 80}};
    cfg.auth = (it_stun_credentials){.realm = "example.org", .users = USERS, .n_users = 1};
    it_rng_init(&cfg.rng, 1, "turn");
    n_asked = 0;
}

static void start(bool refuse)
{
    app = it_turn_app_new(&cfg);
    ck_assert_ptr_nonnull(app);
    input((it_io){.kind = IT_IO_BOUND, .flow = 0, .local = addr("198.51.100.1:40000")});
    answer(0, refuse);
}

static void teardown(void)
{
    it_app_turn.free(app);
    ck_assert_int_eq(mem.live, 0);
}

START_TEST(it_opens_each_port_on_each_address)
{
    const it_model_event *ev;
    start(false);
    ck_assert_uint_eq(n_asked, 4);
    ck_assert_int_eq(asked[0].kind, IT_IO_LISTEN);
    ck_assert_uint_eq(asked[1].local.port, 80);
    ck_assert(it_addr_eq(asked[2].local, addr("198.51.100.1:3478")));
    ck_assert(it_addr_eq(asked[3].local, addr("198.51.100.1:443")));
    ck_assert_int_eq(told(&ev), IT_EV_OPEN);
    ck_assert_int_eq(told(&ev), IT_EV_COUNT);
    input((it_io){.kind = IT_IO_BOUND, .flow = 1, .local = addr("[2001:db8::1]:40000")});
    ck_assert_uint_eq(n_asked, 6);
    ck_assert(it_addr_eq(asked[5].local, addr("[2001:db8::1]:443")));
}
END_TEST

/* A server by TCP alone knows where it can lend addresses. */
START_TEST(without_udp_ports_it_knows_its_addresses_and_serves_none_of_them)
{
    const it_model_event *ev;
    uint8_t binding[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    cfg.udp[0] = cfg.udp[1] = 0;
    start(false);
    ck_assert_uint_eq(n_asked, 2);
    ck_assert_int_eq(told(&ev), IT_EV_OPEN);
    said = (it_io){.flow = 77};
    input((it_io){.kind = IT_IO_DGRAM,
                  .flow = 0,
                  .local = addr("198.51.100.1:40000"),
                  .remote = addr("192.0.2.1:1000"),
                  .data = it_bytes_of(binding, sizeof binding)});
    ck_assert_uint_eq(said.flow, 77);
}
END_TEST

START_TEST(a_port_that_is_taken_is_told)
{
    const it_model_event *ev;
    start(true);
    ck_assert_int_eq(told(&ev), IT_EV_CLOSED);
}
END_TEST

/* Asks by the socket that |in| came to. */
static int allocate(it_stun_longterm *lt, uint32_t flow)
{
    uint8_t txid[IT_STUN_TXID] = {(uint8_t)flow};
    it_stun_msg m;
    it_buf b;
    int code = 0;
    it_buf_init(&b, wire, sizeof wire);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_ALLOCATE, txid);
    it_stun_put_u32(&b, IT_STUN_REQUESTED_TRANSPORT, IT_TURN_UDP);
    it_stun_longterm_put(lt, &b);
    it_stun_longterm_sign(lt, &b);
    int n = it_stun_end(&b);
    size_t before = n_asked;
    input((it_io){.kind = IT_IO_DGRAM,
                  .flow = flow,
                  .local = addr("198.51.100.1:443"),
                  .remote = addr("192.0.2.1:1000"),
                  .data = it_bytes_of(wire, (size_t)n)});
    answer(before, false);
    ck_assert_uint_eq(said.flow, flow);
    ck_assert_int_eq(it_stun_parse(&m, said.data), 0);
    (void)it_stun_longterm_response(lt, &m, it_bytes_of(wire, (size_t)n), NULL);
    (void)it_stun_get_error(&m, &code, NULL);
    return code;
}

START_TEST(allocations_come_by_any_of_its_sockets_and_are_told)
{
    const it_model_event *ev;
    it_stun_longterm lt;
    start(false);
    it_stun_longterm_init(&lt, it_bytes_str("alice"), it_bytes_str("secret"));
    ck_assert_int_eq(allocate(&lt, asked[3].flow), 401);
    ck_assert_int_eq(told(&ev), IT_EV_OPEN);
    ck_assert_int_eq(told(&ev), IT_EV_COUNT); /* a challenge is no refusal */
    ck_assert_int_eq(allocate(&lt, asked[3].flow), 0);
    ck_assert_int_eq(told(&ev), IT_EV_UP);
    ck_assert(it_addr_eq(ev->remote, addr("192.0.2.1:1000")));
    ck_assert(it_addr_eq(ev->local, addr("198.51.100.1:50000")));
    ck_assert_uint_eq(it_turn_server_allocations(it_turn_app_server(app)), 1);
    ck_assert_int_eq(it_app_turn.tick(app, 600 * IT_SEC), 0);
    ck_assert_int_eq(told(&ev), IT_EV_DOWN);
    ck_assert_str_eq(ev->why, "ended");
}
END_TEST

START_TEST(a_refusal_is_told_with_its_code)
{
    const it_model_event *ev;
    it_stun_longterm lt;
    cfg.no_relay4 = true;
    start(false);
    it_stun_longterm_init(&lt, it_bytes_str("alice"), it_bytes_str("secret"));
    ck_assert_int_eq(allocate(&lt, asked[2].flow), 401);
    ck_assert_int_eq(allocate(&lt, asked[2].flow), 440);
    ck_assert_int_eq(told(&ev), IT_EV_OPEN);
    ck_assert_int_eq(told(&ev), IT_EV_DOWN);
    ck_assert_int_eq(ev->status, 440);
}
END_TEST

START_TEST(what_strangers_ask_for_is_no_news)
{
    const it_model_event *ev;
    uint8_t txid[IT_STUN_TXID] = {7};
    it_buf b;
    start(false);
    ck_assert_int_eq(told(&ev), IT_EV_OPEN);
    it_buf_init(&b, wire, sizeof wire);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_put_u32(&b, IT_STUN_PRIORITY, 1); /* unknown here: 420 */
    int n = it_stun_end(&b);
    input((it_io){.kind = IT_IO_DGRAM,
                  .flow = asked[2].flow,
                  .local = addr("198.51.100.1:3478"),
                  .remote = addr("192.0.2.1:1000"),
                  .data = it_bytes_of(wire, (size_t)n)});
    ck_assert_uint_eq(said.flow, asked[2].flow);
    ck_assert_int_eq(told(&ev), IT_EV_COUNT);
}
END_TEST

START_TEST(scripts_start_it_by_name)
{
    const it_named_app *n = it_named_app_of("turn");
    ck_assert_ptr_nonnull(n);
    app = n->make(&mem, 7000);
    ck_assert_ptr_nonnull(app);
    input((it_io){.kind = IT_IO_BOUND, .flow = 0, .local = addr("198.51.100.1:40000")});
    ck_assert_uint_eq(n_asked, 2);
    ck_assert_uint_eq(asked[1].local.port, 7000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lab/apps/turn");
    TCase *tc = tcase_create("turn");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, it_opens_each_port_on_each_address);
    tcase_add_test(tc, without_udp_ports_it_knows_its_addresses_and_serves_none_of_them);
    tcase_add_test(tc, a_port_that_is_taken_is_told);
    tcase_add_test(tc, allocations_come_by_any_of_its_sockets_and_are_told);
    tcase_add_test(tc, a_refusal_is_told_with_its_code);
    tcase_add_test(tc, what_strangers_ask_for_is_no_news);
    tcase_add_test(tc, scripts_start_it_by_name);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
