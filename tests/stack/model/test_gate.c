/* stack/model/gate.c: nobody passes whom nobody vouches for; what is early waits, little of it and not for long. */
#include "stack/model/gate.h"

#include <check.h>
#include <stdlib.h>

static it_alloc alloc;
static it_gate g;

static it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

#define FAR at("198.51.100.1:5000")
#define MAPPED at("198.51.100.1:5001")
#define STRANGER at("203.0.113.66:666")

static void setup(void)
{
    it_alloc_init(&alloc);
    it_gate_init(&g, &alloc);
}

static void teardown(void)
{
    it_gate_fini(&g);
    ck_assert_int_eq(alloc.live, 0);
}

static int comes_bytes(it_time now, int flow, it_addr remote, it_bytes data)
{
    it_io in = {
        .kind = IT_IO_DGRAM, .flow = (uint32_t)flow, .local = at("192.0.2.1:1000"), .remote = remote, .data = data};
    return it_gate_input(&g, now, &in);
}

static int comes(it_time now, int flow, it_addr remote, const char *text)
{
    return comes_bytes(now, flow, remote, it_bytes_str(text));
}

/* The next datagram out is |text|. */
static void gives(it_time now, const char *text)
{
    it_io out;
    ck_assert_int_eq(it_gate_take(&g, now, &out), 1);
    ck_assert_uint_eq(out.data.n, strlen(text));
    ck_assert_mem_eq(out.data.p, text, strlen(text));
}

static void gives_nothing(it_time now)
{
    it_io out;
    ck_assert_int_eq(it_gate_take(&g, now, &out), 0);
}

START_TEST(only_a_vouched_base_and_address_passes)
{
    ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_HELD);
    ck_assert_int_eq(it_gate_vouch(&g, 0, 1, FAR), 0);
    ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_PASS);
    ck_assert_int_eq(comes(0, 2, FAR, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 1, MAPPED, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 1, at("198.51.100.2:5000"), "x"), IT_GATE_HELD);
    it_gate_revoke(&g, 1, FAR);
    ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_HELD);
}
END_TEST

START_TEST(what_is_early_comes_out_in_order_when_somebody_vouches)
{
    ck_assert_int_eq(comes(0, 1, FAR, "one"), IT_GATE_HELD);
    ck_assert_int_eq(comes(1, 1, STRANGER, "stranger"), IT_GATE_HELD);
    ck_assert_int_eq(comes(2, 1, FAR, "two"), IT_GATE_HELD);
    gives_nothing(3);
    ck_assert_int_eq(it_gate_vouch(&g, IT_GATE_WAIT - 1, 1, FAR), 0);
    gives(IT_GATE_WAIT - 1, "one");
    gives(IT_GATE_WAIT - 1, "two");
    gives_nothing(IT_GATE_WAIT - 1);
    ck_assert_uint_eq(it_gate_dropped(&g), 0);
}
END_TEST

START_TEST(nothing_waits_two_seconds)
{
    ck_assert_int_eq(comes(5, 1, FAR, "one"), IT_GATE_HELD);
    ck_assert_int_eq(comes(6, 1, FAR, "two"), IT_GATE_HELD);
    ck_assert_int_eq(it_gate_vouch(&g, 5 + IT_GATE_WAIT, 1, FAR), 0);
    gives(5 + IT_GATE_WAIT, "two");
    gives_nothing(5 + IT_GATE_WAIT);
    ck_assert_uint_eq(g.dropped[IT_GATE_UNVOUCHED], 1);
}
END_TEST

START_TEST(what_was_vouched_for_in_time_may_be_taken_later)
{
    ck_assert_int_eq(comes(0, 1, FAR, "one"), IT_GATE_HELD);
    ck_assert_int_eq(it_gate_vouch(&g, 1, 1, FAR), 0);
    gives(3 * IT_GATE_WAIT, "one");
}
END_TEST

START_TEST(a_base_holds_eight_and_each_base_its_own)
{
    for (int i = 0; i < IT_GATE_EARLY; i++)
        ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_REFUSED);
    ck_assert_uint_eq(g.dropped[IT_GATE_NO_ROOM], 1);
    for (int i = 0; i < IT_GATE_EARLY; i++)
        ck_assert_int_eq(comes(0, 2, FAR, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(IT_GATE_WAIT, 1, FAR, "x"), IT_GATE_HELD); /* the others have gone */
    ck_assert_uint_eq(g.n_held, 1);
}
END_TEST

START_TEST(a_base_holds_16_kb)
{
    static uint8_t big[IT_GATE_EARLY_BYTES + 1];
    ck_assert_int_eq(comes_bytes(0, 1, FAR, it_bytes_of(big, sizeof big)), IT_GATE_REFUSED);
    ck_assert_int_eq(comes_bytes(0, 1, FAR, it_bytes_of(big, sizeof big - 1)), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_REFUSED);
    ck_assert_int_eq(comes_bytes(0, 2, FAR, it_bytes_of(big, 8000)), IT_GATE_HELD);
    ck_assert_int_eq(comes_bytes(0, 2, FAR, it_bytes_of(big, 8384)), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 2, FAR, "x"), IT_GATE_REFUSED);
}
END_TEST

START_TEST(strangers_cannot_fill_the_place_of_who_proved_to_be_known)
{
    for (int i = 0; i < IT_GATE_EARLY; i++)
        ck_assert_int_eq(comes(i, 1, STRANGER, "flood"), IT_GATE_HELD);
    it_gate_know(&g, 1, FAR);
    ck_assert_int_eq(comes(8, 1, FAR, "hello"), IT_GATE_HELD);
    ck_assert_int_eq(comes(9, 1, STRANGER, "flood"), IT_GATE_REFUSED);
    ck_assert_int_eq(comes(9, 1, MAPPED, "of another port"), IT_GATE_REFUSED);
    ck_assert_int_eq(it_gate_vouch(&g, 10, 1, FAR), 0);
    gives(10, "hello");
    ck_assert_int_eq(comes(11, 1, STRANGER, "flood"), IT_GATE_HELD); /* to know is not to vouch */
}
END_TEST

START_TEST(an_earlier_generation_vouches_until_the_new_one_has_settled_and_a_little_longer)
{
    ck_assert_int_eq(it_gate_vouch(&g, 0, 1, FAR), 0);
    it_gate_restart(&g);
    it_gate_restart(&g);
    ck_assert(it_gate_vouched(&g, 100 * IT_SEC, 1, FAR));
    ck_assert_int_eq(it_gate_vouch(&g, 100 * IT_SEC, 1, MAPPED), 0);
    it_gate_settle(&g, 103 * IT_SEC);
    ck_assert(it_gate_vouched(&g, 103 * IT_SEC - 1, 1, FAR));
    ck_assert(!it_gate_vouched(&g, 103 * IT_SEC, 1, FAR));
    ck_assert(it_gate_vouched(&g, IT_NEVER - 1, 1, MAPPED));
    it_gate_settle(&g, 200 * IT_SEC); /* cannot bring back what is over */
    ck_assert(!it_gate_vouched(&g, 110 * IT_SEC, 1, FAR));
    /* and what the new generation vouched for again is its own */
    ck_assert_int_eq(it_gate_vouch(&g, 110 * IT_SEC, 1, FAR), 0);
    ck_assert(it_gate_vouched(&g, 300 * IT_SEC, 1, FAR));
}
END_TEST

START_TEST(a_base_that_goes_takes_all_along)
{
    ck_assert_int_eq(it_gate_vouch(&g, 0, 1, FAR), 0);
    ck_assert_int_eq(it_gate_vouch(&g, 0, 2, FAR), 0);
    it_gate_know(&g, 1, STRANGER);
    ck_assert_int_eq(comes(0, 1, STRANGER, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 2, STRANGER, "x"), IT_GATE_HELD);
    it_gate_drop_base(&g, 1);
    ck_assert(!it_gate_vouched(&g, 0, 1, FAR));
    ck_assert(it_gate_vouched(&g, 0, 2, FAR));
    ck_assert_uint_eq(g.n_held, 1);
    ck_assert_uint_eq(g.dropped[IT_GATE_BASE_GONE], 1);
    for (int i = 0; i < IT_GATE_EARLY; i++) /* nobody is known there any more */
        ck_assert_int_eq(comes(0, 1, FAR, "x"), IT_GATE_HELD);
    ck_assert_int_eq(comes(0, 1, STRANGER, "x"), IT_GATE_REFUSED);
}
END_TEST

START_TEST(the_place_vouched_for_longest_ago_gives_way)
{
    for (int i = 0; i <= IT_GATE_PLACES; i++)
        ck_assert_int_eq(it_gate_vouch(&g, i, 1, it_addr_of(FAR.ip, (uint16_t)(1000 + i))), 0);
    ck_assert_uint_eq(g.n_places, IT_GATE_PLACES);
    ck_assert(!it_gate_vouched(&g, 999, 1, it_addr_of(FAR.ip, 1000)));
    ck_assert(it_gate_vouched(&g, 999, 1, it_addr_of(FAR.ip, 1001)));
}
END_TEST

START_TEST(without_memory_it_says_so_and_stays_whole)
{
    it_alloc_init_countdown(&alloc, (uint64_t)_i);
    int err = it_gate_vouch(&g, 0, 1, FAR);
    ck_assert(err == 0 || err == IT_ERR_NOMEM);
    int v = comes(0, 1, MAPPED, "x");
    ck_assert(v == IT_GATE_HELD || v == IT_ERR_NOMEM);
    gives_nothing(0);
}
END_TEST

START_TEST(every_reason_has_a_name)
{
    ck_assert_str_eq(it_gate_reason_name(IT_GATE_UNVOUCHED), "unvouched");
    ck_assert_str_eq(it_gate_reason_name(IT_GATE_NO_ROOM), "no_room");
    ck_assert_str_eq(it_gate_reason_name(IT_GATE_BASE_GONE), "base_gone");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/gate");
    TCase *t = tcase_create("gate");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, only_a_vouched_base_and_address_passes);
    tcase_add_test(t, what_is_early_comes_out_in_order_when_somebody_vouches);
    tcase_add_test(t, nothing_waits_two_seconds);
    tcase_add_test(t, what_was_vouched_for_in_time_may_be_taken_later);
    tcase_add_test(t, a_base_holds_eight_and_each_base_its_own);
    tcase_add_test(t, a_base_holds_16_kb);
    tcase_add_test(t, strangers_cannot_fill_the_place_of_who_proved_to_be_known);
    tcase_add_test(t, an_earlier_generation_vouches_until_the_new_one_has_settled_and_a_little_longer);
    tcase_add_test(t, a_base_that_goes_takes_all_along);
    tcase_add_test(t, the_place_vouched_for_longest_ago_gives_way);
    tcase_add_loop_test(t, without_memory_it_says_so_and_stays_whole, 0, 4);
    tcase_add_test(t, every_reason_has_a_name);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
