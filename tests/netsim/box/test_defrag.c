/* Datagrams put together as Linux does it: what is a copy, what ends a datagram, what waits and how long. */
#include "netsim/box/defrag.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WAIT (30 * IT_SEC)
#define MEMORY (4u << 20)

static it_alloc Mem;
static it_pkt_pool Pool;
static it_defrag D;

static void set_up(void)
{
    it_alloc_init(&Mem);
    it_pkt_pool_init(&Pool, &Mem);
    it_defrag_init(&D, &Mem);
}

static void tear_down(void)
{
    it_defrag_fini(&D);
    it_pkt_pool_fini(&Pool);
    ck_assert_int_eq(Mem.live, 0);
}

/* The fragment of datagram |id| with bytes |at| to |at| + |n|, each of which is its place, |more| to follow. */
static it_pkt *piece(uint16_t id, uint16_t at, uint16_t n, bool more)
{
    uint8_t ip[IT_PKT_MAX] = {0x45, [8] = 64, [9] = IT_PROTO_UDP, [12] = 10, [16] = 11};
    it_put16(ip + 2, (uint16_t)(20 + n));
    it_put16(ip + 4, id);
    it_put16(ip + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
    for (uint16_t i = 0; i < n; i++)
        ip[20 + i] = (uint8_t)(at + i);
    if (at == 0) {
        it_put16(ip + 24, 64); /* UDP's length */
        it_put16(ip + 26, 0);
    }
    it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
    it_pkt *p = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(ip, 20u + n)), 0);
    return p;
}

static it_defrag_out put_at(it_time now, uint16_t id, uint16_t at, uint16_t n, bool more)
{
    return it_defrag_input(&D, now, piece(id, at, n, more), WAIT, MEMORY);
}

static int list_free(it_pkt *list)
{
    int n = 0;
    for (it_pkt *next; list; list = next, n++) {
        next = list->next;
        it_pkt_free(&Pool, list);
    }
    return n;
}

/* What became of the fragment; what was given back is freed. */
static enum it_defrag_fate put(uint16_t id, uint16_t at, uint16_t n, bool more)
{
    it_defrag_out o = put_at(0, id, at, n, more);
    list_free(o.list);
    return o.fate;
}

/* The three pieces of a datagram of 64 bytes, in one of their six orders. */
static const struct {
    uint16_t at, n;
    bool more;
} THREE[] = {{0, 16, true}, {16, 24, true}, {40, 24, false}};
static const uint8_t ORDERS[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

START_TEST(a_datagram_is_whole_in_any_order)
{
    it_defrag_out o = {0};
    for (int i = 0; i < 3; i++) {
        int k = ORDERS[_i][i];
        ck_assert(i == 0 || o.fate == IT_DEFRAG_WAITS);
        o = put_at(i, 7, THREE[k].at, THREE[k].n, THREE[k].more);
    }
    ck_assert_int_eq(o.fate, IT_DEFRAG_WHOLE);
    ck_assert(it_defrag_sum_ok(o.list)); /* it has none */
    it_pkt *rest = o.list->next;
    ck_assert(it_defrag_merge(o.list));
    ck_assert_uint_eq(o.list->len, 84);
    ck_assert_uint_eq(o.list->frag, 0);
    for (uint8_t i = 16; i < 64; i++)
        ck_assert_uint_eq(it_pkt_ip(o.list)[20 + i], i);
    o.list->next = NULL;
    ck_assert_int_eq(list_free(rest) + list_free(o.list), 3);
    ck_assert_int_eq(it_defrag_next(&D), IT_NEVER);
    ck_assert_uint_eq(D.held, 0);
}
END_TEST

START_TEST(what_lies_within_a_run_is_a_copy)
{
    ck_assert_int_eq(put(7, 0, 16, true), IT_DEFRAG_WAITS);
    ck_assert_int_eq(put(7, 16, 24, true), IT_DEFRAG_WAITS);
    ck_assert_int_eq(put(7, 0, 16, true), IT_DEFRAG_DROPS);
    ck_assert_int_eq(put(7, 8, 16, true), IT_DEFRAG_DROPS); /* over the seam */
    ck_assert_int_eq(put(7, 40, 24, false), IT_DEFRAG_WHOLE);
}
END_TEST

START_TEST(an_overlap_ends_the_datagram_and_what_follows_begins_anew)
{
    static const uint16_t AT[] = {8, 24, 32};
    it_defrag_out o;
    put(7, 0, 16, true);
    put(7, 32, 8, true);
    o = put_at(0, 7, AT[_i], _i == 1 ? 16 : 24, true);
    ck_assert_int_eq(o.fate, IT_DEFRAG_DROPS);
    ck_assert_int_eq(o.reason, IT_DROP_FRAG_OVERLAP);
    ck_assert_int_eq(list_free(o.list), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(put(7, THREE[i].at, THREE[i].n, THREE[i].more), i == 2 ? IT_DEFRAG_WHOLE : IT_DEFRAG_WAITS);
}
END_TEST

START_TEST(two_ends_and_data_behind_the_end_are_no_datagram)
{
    put(7, 40, 24, false);
    it_defrag_out o = _i == 0   ? put_at(0, 7, 64, 8, true)
                      : _i == 1 ? put_at(0, 7, 40, 16, false)
                                : put_at(0, 7, 64, 8, false);
    ck_assert_int_eq(o.fate, IT_DEFRAG_DROPS);
    ck_assert_int_eq(o.reason, IT_DROP_MALFORMED);
    ck_assert_int_eq(list_free(o.list), 2);
}
END_TEST

/* Linux drops the datagram for it, be it the last one or not. */
START_TEST(a_fragment_without_data_ends_the_datagram)
{
    put(7, 0, 16, true);
    it_defrag_out o = put_at(0, 7, 16, 0, _i != 0);
    ck_assert_int_eq(o.fate, IT_DEFRAG_DROPS);
    ck_assert_int_eq(o.reason, IT_DROP_MALFORMED);
    ck_assert_int_eq(list_free(o.list), 2);
}
END_TEST

START_TEST(what_is_no_multiple_of_eight_is_cut)
{
    ck_assert_int_eq(put(7, 0, 20, true), IT_DEFRAG_WAITS); /* 16 of it */
    ck_assert_int_eq(put(7, 16, 24, true), IT_DEFRAG_WAITS);
    ck_assert_int_eq(put(7, 40, 24, false), IT_DEFRAG_WHOLE);
}
END_TEST

START_TEST(datagrams_of_two_names_do_not_mix)
{
    put(7, 0, 16, true);
    ck_assert_int_eq(put(8, 16, 8, false), IT_DEFRAG_WAITS);
    ck_assert_int_eq(put(7, 16, 8, false), IT_DEFRAG_WHOLE);
    ck_assert_int_eq(list_free(it_defrag_flush(&D)), 1);
    ck_assert_ptr_null(it_defrag_flush(&D));
}
END_TEST

START_TEST(the_time_runs_from_the_first_fragment_on)
{
    put_at(1, 7, 0, 16, true);
    put_at(5, 8, 0, 16, true);
    put_at(WAIT, 7, 16, 24, true);
    ck_assert_int_eq(it_defrag_next(&D), WAIT + 1);
    ck_assert_ptr_null(it_defrag_expired(&D, WAIT));
    ck_assert_int_eq(list_free(it_defrag_expired(&D, WAIT + 1)), 2);
    ck_assert_ptr_null(it_defrag_expired(&D, WAIT + 4));
    ck_assert_int_eq(list_free(it_defrag_expired(&D, WAIT + 5)), 1);
}
END_TEST

START_TEST(places_of_datagrams_that_are_done_are_used_again)
{
    for (uint16_t id = 0; id < 100; id++) {
        ck_assert_int_eq(put(id, 0, 16, true), IT_DEFRAG_WAITS);
        ck_assert_int_eq(put((uint16_t)(id + 1000), 0, 16, true), IT_DEFRAG_WAITS);
        ck_assert_int_eq(put(id, 16, 8, false), IT_DEFRAG_WHOLE);
        ck_assert_int_eq(list_free(it_defrag_flush(&D)), 1);
    }
    ck_assert_uint_eq(D.n, 2);
    ck_assert_uint_eq(D.held, 0);
}
END_TEST

START_TEST(a_full_memory_refuses_even_the_last_fragment)
{
    it_defrag_out o = it_defrag_input(&D, 0, piece(7, 0, 16, true), WAIT, 0);
    ck_assert_int_eq(o.fate, IT_DEFRAG_WAITS);
    o = it_defrag_input(&D, 0, piece(7, 16, 8, false), WAIT, 0);
    ck_assert_int_eq(o.fate, IT_DEFRAG_DROPS);
    ck_assert_int_eq(o.reason, IT_DROP_FRAG_LIMIT);
    ck_assert_int_eq(list_free(o.list), 1);
    ck_assert_int_eq(put(7, 16, 8, false), IT_DEFRAG_WHOLE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/defrag");
    TCase *t = tcase_create("datagrams");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_datagram_is_whole_in_any_order, 0, 6);
    tcase_add_test(t, places_of_datagrams_that_are_done_are_used_again);
    tcase_add_test(t, what_lies_within_a_run_is_a_copy);
    tcase_add_loop_test(t, an_overlap_ends_the_datagram_and_what_follows_begins_anew, 0, 3);
    tcase_add_loop_test(t, two_ends_and_data_behind_the_end_are_no_datagram, 0, 3);
    tcase_add_loop_test(t, a_fragment_without_data_ends_the_datagram, 0, 2);
    tcase_add_test(t, what_is_no_multiple_of_eight_is_cut);
    tcase_add_test(t, datagrams_of_two_names_do_not_mix);
    tcase_add_test(t, the_time_runs_from_the_first_fragment_on);
    tcase_add_test(t, a_full_memory_refuses_even_the_last_fragment);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
