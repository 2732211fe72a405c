/* What the path takes, found by probes. RFC 4821. */
#include "tests/netsim/drill.h"

#include <stdlib.h>

static drill D;

static void setup(void)
{
    drill_setup(&D, false);
    D.o.timestamps = false;
    D.o.blackhole = true;
    D.mss = 1460;
}

static void teardown(void)
{
    drill_done(&D);
}

static it_tcp_info info(void)
{
    it_tcp_info i;
    ck_assert(it_host_tcp_info(D.h, D.s, &i));
    return i;
}

/* A peer behind a path that swallows packets of more than |mtu| bytes and says nothing. */
typedef struct sink {
    uint32_t mtu, next; /* what it has in order */
    uint32_t lo, hi;    /* one piece above a gap; lo == hi: none */
    uint32_t largest, lost;
} sink;

static void take(sink *k, const drill_seg *g)
{
    if (g->ip_len > k->mtu) {
        k->lost++;
        return;
    }
    k->largest = g->ip_len > k->largest ? g->ip_len : k->largest;
    if (g->seq > k->next) {
        k->lo = k->lo == k->hi ? g->seq : k->lo;
        k->hi = g->seq + g->len;
    } else if (g->seq + g->len > k->next) {
        k->next = g->seq + g->len;
    }
    if (k->lo != k->hi && k->next >= k->lo) {
        k->next = k->hi > k->next ? k->hi : k->next;
        k->lo = k->hi = 0;
    }
    if (k->lo != k->hi)
        SACK(&D, k->lo, k->hi);
    put(&D, "A", 1, k->next, 0);
}

/* |rounds| round trips of 100 ms in which there is always enough to send. */
static void run(sink *k, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        static uint8_t data[100000];
        (void)!it_host_tcp_write(D.h, it_world_now(D.w), D.s, it_bytes_of(data, sizeof data));
        to(&D, now_ms(&D) + 100);
        for (size_t end = D.n; D.head < end;)
            take(k, &D.log[D.head++]);
    }
}

START_TEST(a_black_hole_is_found_and_then_what_the_path_takes)
{
    sink k = {.mtu = 1300, .next = 1};
    open_active(&D, 100);
    run(&k, 100); /* four time-outs, then the search */
    ck_assert_uint_gt(k.next, 100000);
    ck_assert_uint_ge(info().mss + 40, 1300 - 8);
    ck_assert_uint_le(info().mss + 40, 1300);
    ck_assert_uint_ge(k.largest, 1300 - 8);
    uint32_t lost = k.lost;
    run(&k, 20);
    ck_assert_uint_eq(k.lost, lost); /* the search is over */
}
END_TEST

START_TEST(a_probe_that_is_lost_is_no_congestion)
{
    sink k = {.mtu = 1300, .next = 1};
    open_active(&D, 100);
    run(&k, 50);
    uint64_t recoveries = info().recoveries;
    uint32_t lost = k.lost;
    run(&k, 40);
    ck_assert_uint_gt(k.lost, lost); /* probes */
    ck_assert_uint_eq(info().recoveries, recoveries);
    ck_assert_uint_eq(info().timeouts, 4);
}
END_TEST

START_TEST(it_is_searched_anew_after_ten_minutes)
{
    sink k = {.mtu = 1300, .next = 1};
    open_active(&D, 100);
    run(&k, 100);
    k.mtu = 1500;
    D.o.keep_idle = 0;
    to(&D, now_ms(&D) + 610000);
    run(&k, 40);
    ck_assert_uint_ge(info().mss + 40, 1500 - 8);
}
END_TEST

START_TEST(without_the_switch_large_segments_vanish_for_ever)
{
    sink k = {.mtu = 1300, .next = 1};
    D.o.blackhole = false;
    open_active(&D, 100);
    run(&k, 100);
    ck_assert_uint_eq(k.next, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp path MTU");
    TCase *t = tcase_create("RFC 4821: packetization layer path MTU discovery");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_black_hole_is_found_and_then_what_the_path_takes);
    tcase_add_test(t, a_probe_that_is_lost_is_no_congestion);
    tcase_add_test(t, it_is_searched_anew_after_ten_minutes);
    tcase_add_test(t, without_the_switch_large_segments_vanish_for_ever);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
