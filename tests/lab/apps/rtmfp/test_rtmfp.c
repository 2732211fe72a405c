/* lab/apps/rtmfp/rtmfp.c: what an end of RTMFP tells a script. */
#include "lab/apps/rtmfp/rtmfp.h"
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/server/server.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define ENDS 4 /* the server, and three apps */
#define FLIGHT 256
#define DELAY (10 * IT_MS)

typedef struct packet {
    it_time at;
    it_addr from, to;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} packet;

static it_alloc mem;
static it_time now;
static void *end[ENDS];
static it_addr addr[ENDS];
static packet flight[FLIGHT];
static uint32_t flights, count[ENDS][IT_EV_COUNT];
static it_model_event last[ENDS][IT_EV_COUNT];
static char text[ENDS][64];
static bool lost;

static const it_object_ops *ops_of(int i)
{
    return i ? &it_app_rtmfp : &it_rtmfp_server_ops;
}

/* Outputs, then events; true when there was any. */
static bool drain_once(int i)
{
    bool any = false;
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    it_object_event ev;
    while (ops_of(i)->output(end[i], now, &io, buf, sizeof buf) == 1) {
        any = true;
        if (lost)
            continue;
        ck_assert_uint_lt(flights, FLIGHT);
        packet *p = &flight[flights++];
        *p = (packet){.at = now + DELAY, .from = addr[i], .to = io.remote, .n = io.data.n};
        memcpy(p->data, io.data.p, io.data.n);
    }
    while (i && ops_of(i)->event(end[i], &ev) == 1) {
        const it_model_event *m = ev.u.model;
        any = true;
        count[i][m->kind]++;
        last[i][m->kind] = *m;
        if (m->kind == IT_EV_MESSAGE)
            snprintf(text[i], sizeof text[i], "%.*s", (int)m->data.n, (const char *)m->data.p);
    }
    return any;
}

static void drain(int i)
{
    while (drain_once(i))
        continue;
}

static void give(int i, const it_io *io)
{
    ck_assert_int_ge(ops_of(i)->input(end[i], now, io), 0);
    drain(i);
}

/* Runs until |until|: packets keep their order, as all take equally long. */
static void run(it_time until)
{
    for (int i = 0; i < ENDS; i++)
        if (end[i])
            drain(i);
    for (;;) {
        it_time at = flights ? flight[0].at : IT_NEVER;
        int who = -1;
        for (int i = 0; i < ENDS; i++)
            if (end[i] && ops_of(i)->next(end[i]) < at) {
                at = ops_of(i)->next(end[i]);
                who = i;
            }
        if (at > until)
            break;
        now = at;
        if (who >= 0) {
            ck_assert_int_ge(ops_of(who)->tick(end[who], now), 0);
            drain(who);
            continue;
        }
        packet p = flight[0];
        memmove(flight, flight + 1, --flights * sizeof p);
        it_io io = {.kind = IT_IO_DGRAM, .remote = p.from, .local = p.to, .data = it_bytes_of(p.data, p.n)};
        for (int i = 0; i < ENDS; i++)
            if (end[i] && it_addr_eq(addr[i], p.to))
                give(i, &io);
    }
    now = until;
}

static void start(int i)
{
    char name[16];
    snprintf(name, sizeof name, "end %d", i);
    if (i == 0) {
        it_rtmfp_server_cfg cfg = {.alloc = &mem};
        it_rng_init(&cfg.rng, 1, name);
        ck_assert_int_eq(it_rtmfp_server_new(&cfg, now, (it_rtmfp_server **)&end[0]), 0);
    } else {
        it_rtmfp_app_cfg cfg = {.alloc = &mem, .servers = 1, .server = {addr[0]}};
        it_rng_init(&cfg.rng, 1, name);
        ck_assert_int_eq(it_rtmfp_app_new(&cfg, now, (it_rtmfp_app **)&end[i]), 0);
    }
    it_io io = {.kind = IT_IO_BOUND, .local = addr[i]};
    give(i, &io);
}

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&mem);
    now = 0;
    flights = 0;
    lost = false;
    memset(count, 0, sizeof count);
    for (int i = 0; i < ENDS; i++)
        addr[i] = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), 1935);
    for (int i = 0; i < ENDS; i++)
        start(i);
    run(IT_SEC);
}

static void teardown(void)
{
    for (int i = 0; i < ENDS; i++) {
        if (end[i])
            ops_of(i)->free(end[i]);
        end[i] = NULL;
    }
    ck_assert_int_eq(mem.live, 0);
}

static int call(int i, int j)
{
    return it_rtmfp_app_call(end[i], now, it_rtmfp_app_print(end[j]));
}

START_TEST(an_app_has_a_session_with_its_server_and_seeks_a_lost_one_anew)
{
    for (int i = 1; i < ENDS; i++)
        ck_assert_uint_eq(count[i][IT_EV_UP], 1);
    it_rtmfp_server_ops.free(end[0]);
    end[0] = NULL;
    run(60 * IT_SEC);
    ck_assert_uint_eq(count[1][IT_EV_DOWN], 1);
    addr[0] = it_addr_of(it_ip4(0xc0000201u), 1935);
    start(0);
    run(90 * IT_SEC);
    ck_assert_uint_eq(count[1][IT_EV_UP], 2);
}
END_TEST

START_TEST(a_call_opens_at_both_ends_and_messages_pass)
{
    ck_assert_int_eq(it_rtmfp_app_send(end[1], now, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(call(1, 2), 0);
    ck_assert_int_eq(call(1, 2), IT_ERR_STATE);
    run(2 * IT_SEC);
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(count[i][IT_EV_OPEN], 1);
        ck_assert(it_addr_eq(last[i][IT_EV_OPEN].remote, addr[3 - i]));
    }
    ck_assert_int_eq(it_rtmfp_app_send(end[1], now, it_bytes_str("there")), 0);
    ck_assert_int_eq(it_rtmfp_app_send(end[2], now, it_bytes_str("back")), 0);
    run(3 * IT_SEC);
    ck_assert_str_eq(text[2], "there");
    ck_assert_str_eq(text[1], "back");
    ck_assert_int_eq(it_rtmfp_app_hang_up(end[1], now), 0);
    run(4 * IT_SEC);
    ck_assert_int_eq((int)last[1][IT_EV_CLOSED].by, IT_CLOSED_LOCAL);
    ck_assert_int_eq((int)last[2][IT_EV_CLOSED].by, IT_CLOSED_REMOTE);
    ck_assert_int_eq(it_rtmfp_app_hang_up(end[1], now), IT_ERR_STATE);
    ck_assert_int_eq(call(2, 1), 0); /* and again, the other way */
    run(5 * IT_SEC);
    ck_assert_uint_eq(count[1][IT_EV_OPEN], 2);
}
END_TEST

START_TEST(two_that_call_each_other_have_one_session)
{
    ck_assert_int_eq(call(1, 2), 0);
    if (_i)
        run(now + _i * 7 * IT_MS);
    int r = call(2, 1);
    ck_assert(r == 0 || (r == IT_ERR_STATE && count[2][IT_EV_OPEN] == 1)); /* which came first */
    run(30 * IT_SEC);
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(count[i][IT_EV_OPEN], 1);
        ck_assert_uint_eq(count[i][IT_EV_DEATH] + count[i][IT_EV_CLOSED], 0);
        ck_assert_int_eq(it_rtmfp_app_send(end[i], now, it_bytes_str("x")), 0);
    }
    run(31 * IT_SEC);
    ck_assert(count[1][IT_EV_MESSAGE] == 1 && count[2][IT_EV_MESSAGE] == 1);
}
END_TEST

START_TEST(who_is_talking_is_not_disturbed)
{
    ck_assert_int_eq(call(1, 2), 0);
    run(2 * IT_SEC);
    ck_assert_int_eq(call(3, 2), 0);
    run(4 * IT_SEC);
    ck_assert_uint_eq(count[2][IT_EV_OPEN], 1);
    ck_assert_int_eq((int)last[3][IT_EV_CLOSED].by, IT_CLOSED_REMOTE);
    ck_assert_int_eq(it_rtmfp_app_send(end[1], now, it_bytes_str("still")), 0);
    run(5 * IT_SEC);
    ck_assert_str_eq(text[2], "still");
}
END_TEST

START_TEST(silence_is_a_death_and_so_is_a_call_that_nobody_answers)
{
    ck_assert_int_eq(call(1, 2), 0);
    run(2 * IT_SEC);
    lost = true;
    run(60 * IT_SEC);
    ck_assert_int_eq((int)last[1][IT_EV_DEATH].reason, IT_REASON_KEEPALIVE_TIMEOUT);
    ck_assert_int_eq(call(1, 2), 0);
    run(200 * IT_SEC);
    ck_assert_int_eq((int)last[1][IT_EV_DEATH].reason, IT_REASON_CONNECT_FAILED);
    ck_assert_uint_eq(count[1][IT_EV_DEATH], 2);
}
END_TEST

START_TEST(a_peer_that_moves_is_told_of)
{
    ck_assert_int_eq(call(1, 2), 0);
    run(2 * IT_SEC);
    addr[1].port = 77;
    ck_assert_int_eq(it_rtmfp_app_send(end[1], now, it_bytes_str("moved")), 0);
    run(3 * IT_SEC);
    ck_assert_str_eq(text[2], "moved");
    ck_assert_uint_eq(count[2][IT_EV_FAILOVER], 1);
    ck_assert(it_addr_eq(last[2][IT_EV_FAILOVER].remote, addr[1]));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("apps/rtmfp");
    TCase *t = tcase_create("rtmfp");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_app_has_a_session_with_its_server_and_seeks_a_lost_one_anew);
    tcase_add_test(t, a_call_opens_at_both_ends_and_messages_pass);
    tcase_add_loop_test(t, two_that_call_each_other_have_one_session, 0, 16);
    tcase_add_test(t, who_is_talking_is_not_disturbed);
    tcase_add_test(t, silence_is_a_death_and_so_is_a_call_that_nobody_answers);
    tcase_add_test(t, a_peer_that_moves_is_told_of);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
