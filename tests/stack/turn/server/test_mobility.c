/* Mobility (RFC 8016 sections 3.1, 3.2). */
#include "tests/stack/turn/server/rig.h"

static rig r;
static const it_io_meta PLAIN = {.frag = true};
static uint8_t ticket[IT_TURN_TICKET];

static void setup(void)
{
    rig_init(&r);
    r.cfg.mobility = true;
}

static void teardown(void)
{
    rig_fini(&r);
}

static void keep_ticket(void)
{
    const it_stun_attr *a = it_stun_get(&r.resp, IT_STUN_MOBILITY_TICKET);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->value.n, sizeof ticket);
    memcpy(ticket, a->value.p, sizeof ticket);
}

static void start(void)
{
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put(&r.b, IT_STUN_MOBILITY_TICKET, it_bytes_of(NULL, 0));
    ck_assert_int_eq(rig_ask(&r), 0);
    keep_ticket();
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
}

static int move_with(const uint8_t *t, size_t n)
{
    rig_begin(&r, IT_STUN_REFRESH);
    it_stun_put(&r.b, IT_STUN_MOBILITY_TICKET, it_bytes_of(t, n));
    return rig_ask(&r);
}

/* Goes to another address, as |user|. */
static void go(const char *user)
{
    r.client = rig_addr("192.0.2.77:5555");
    rig_challenge(&r, user);
}

/* RFC 8016 section 3.1.2. */
START_TEST(where_mobility_is_off_it_is_405)
{
    r.cfg.mobility = false;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put(&r.b, IT_STUN_MOBILITY_TICKET, it_bytes_of(NULL, 0));
    ck_assert_int_eq(rig_ask(&r), 405);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_MOBILITY_TICKET));
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 405);
}
END_TEST

/* RFC 8016 section 3.2.2: the old 5-tuple until something comes from the new one. */
START_TEST(an_allocation_moves_and_data_follows_the_client)
{
    it_addr old = r.client;
    uint8_t first[IT_TURN_TICKET];
    start();
    memcpy(first, ticket, sizeof first);
    go("alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    keep_ticket();
    ck_assert(memcmp(first, ticket, sizeof first) != 0);
    rig_peer(&r, 0, "203.0.113.7:1", "x", PLAIN);
    ck_assert(it_addr_eq(r.sent[0].io.remote, old));
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    rig_peer(&r, 0, "203.0.113.7:1", "x", PLAIN);
    ck_assert(it_addr_eq(r.sent[0].io.remote, r.client));
    r.client = old;
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

START_TEST(until_then_the_old_5_tuple_sends_too)
{
    it_addr old = r.client;
    start();
    go("alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    r.client = old;
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    rig_peer(&r, 0, "203.0.113.7:1", "x", PLAIN);
    ck_assert(it_addr_eq(r.sent[0].io.remote, old));
}
END_TEST

/* The old ticket is good for the retransmission alone, and for 30 seconds. */
START_TEST(a_retransmitted_move_succeeds_for_30_s)
{
    uint8_t first[IT_TURN_TICKET], second[IT_TURN_TICKET];
    int code = 0;
    start();
    memcpy(first, ticket, sizeof first);
    go("alice");
    ck_assert_int_eq(move_with(first, sizeof first), 0);
    keep_ticket();
    memcpy(second, ticket, sizeof second);
    size_t n = r.b.len;
    r.now += 30 * IT_SEC;
    ck_assert(rig_again(&r, n));
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
    keep_ticket();
    ck_assert_mem_eq(second, ticket, sizeof second);
    r.now++;
    ck_assert(rig_again(&r, n));
    ck_assert_int_eq(it_stun_get_error(&r.resp, &code, NULL), 0);
    ck_assert_int_eq(code, 400);
}
END_TEST

START_TEST(each_fault_has_its_code)
{
    uint8_t bad[IT_TURN_TICKET];
    start();
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 400); /* from the 5-tuple that it has */
    memcpy(bad, ticket, sizeof bad);
    bad[31] ^= 1;
    go("bob");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 441); /* another user */
    go("alice");
    ck_assert_int_eq(move_with(bad, sizeof bad), 400);
    ck_assert_int_eq(move_with(bad, 5), 400);
    ck_assert_int_eq(move_with(bad, 0), 400);
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 437); /* its allocation is gone */
}
END_TEST

START_TEST(a_move_over_a_move_keeps_one_5_tuple)
{
    start();
    go("alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    keep_ticket();
    r.client = rig_addr("192.0.2.78:6666");
    rig_challenge(&r, "alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    r.client = rig_addr("192.0.2.77:5555");
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_until(&r, 600 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
}
END_TEST

static void start_stream(void)
{
    rig_start(&r);
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.9:4444");
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put(&r.b, IT_STUN_MOBILITY_TICKET, it_bytes_of(NULL, 0));
    ck_assert_int_eq(rig_ask(&r), 0);
    keep_ticket();
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
}

static void cut(uint32_t flow)
{
    rig_input(&r, (it_io){.kind = IT_IO_RST, .flow = flow});
    rig_drain(&r);
}

/* RFC 8016 section 3.2.2: the old connection is closed, and nothing has to come from the new one first. */
START_TEST(an_allocation_whose_stream_is_gone_waits_and_moves_at_once)
{
    start_stream();
    cut(IT_IO_ACCEPTED_FLOW + 1);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
    rig_peer(&r, 0, "203.0.113.7:1", "lost", PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    r.stream = 0;
    go("alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    rig_peer(&r, 0, "203.0.113.7:1", "x", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(it_addr_eq(r.sent[0].io.remote, r.client));
    rig_until(&r, 700 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
}
END_TEST

/* The number of a stream that is gone may come again: what waits must not go to whoever has it. */
START_TEST(a_stream_with_the_number_of_one_that_is_gone_gets_nothing_of_its)
{
    start_stream();
    cut(IT_IO_ACCEPTED_FLOW + 1);
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.9:4444");
    rig_peer(&r, 0, "203.0.113.7:1", "secret", PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_challenge(&r, "bob");
    ck_assert_int_eq(rig_refresh(&r, 600), 437); /* nor has it the allocation */
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
    r.stream = 0;
    go("alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    r.stream = IT_IO_ACCEPTED_FLOW + 1; /* whose end takes nothing of bob's with it */
    r.client = rig_addr("192.0.2.9:4444");
    rig_challenge(&r, "bob");
    ck_assert_int_eq(rig_refresh(&r, 600), 0);
}
END_TEST

START_TEST(the_end_of_what_waited_takes_nothing_of_who_has_its_number_now)
{
    start_stream();
    cut(IT_IO_ACCEPTED_FLOW + 1);
    rig_until(&r, 50 * IT_SEC);
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.9:4444");
    rig_allocate(&r, "bob");
    rig_until(&r, 620 * IT_SEC); /* alice's has expired */
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
    ck_assert_int_eq(rig_refresh(&r, 600), 0);
}
END_TEST

START_TEST(a_move_to_a_stream_that_ends_goes_back)
{
    it_addr old = r.client;
    start();
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.77:5555");
    rig_challenge(&r, "alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 0);
    cut(IT_IO_ACCEPTED_FLOW + 1);
    rig_peer(&r, 0, "203.0.113.7:1", "x", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(it_addr_eq(r.sent[0].io.remote, old));
    r.stream = 0;
    r.client = old;
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
}
END_TEST

START_TEST(nobody_moves_into_a_tunnel)
{
    start();
    r.here = rig_addr("[2001:db8:1::1]:3478");
    r.client = rig_addr("[2002:c000:204::1]:4000");
    rig_challenge(&r, "alice");
    ck_assert_int_eq(move_with(ticket, sizeof ticket), 403);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/mobility");
    TCase *tc = tcase_create("RFC 8016");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, where_mobility_is_off_it_is_405);
    tcase_add_test(tc, an_allocation_moves_and_data_follows_the_client);
    tcase_add_test(tc, until_then_the_old_5_tuple_sends_too);
    tcase_add_test(tc, a_retransmitted_move_succeeds_for_30_s);
    tcase_add_test(tc, each_fault_has_its_code);
    tcase_add_test(tc, a_move_over_a_move_keeps_one_5_tuple);
    tcase_add_test(tc, an_allocation_whose_stream_is_gone_waits_and_moves_at_once);
    tcase_add_test(tc, a_stream_with_the_number_of_one_that_is_gone_gets_nothing_of_its);
    tcase_add_test(tc, the_end_of_what_waited_takes_nothing_of_who_has_its_number_now);
    tcase_add_test(tc, a_move_to_a_stream_that_ends_goes_back);
    tcase_add_test(tc, nobody_moves_into_a_tunnel);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
