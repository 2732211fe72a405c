/* stack/rtmfp/wire/frag.c: packets in fragments, RFC 7016 section 3.4. */
#include "stack/rtmfp/wire/frag.h"

#include "tests/stack/rtmfp/kit.h"

static it_alloc mem;
static it_rtmfp_frags frags;
static it_addr from;
static it_bytes whole;

static void setup(void)
{
    it_alloc_init(&mem);
    it_rtmfp_frags_init(&frags, &mem);
    from = kit_addr("192.0.2.1:1");
}

static void teardown(void)
{
    it_rtmfp_frags_fini(&frags);
    ck_assert_int_eq(mem.live, 0);
}

static int take_as(it_time now, enum it_rtmfp_mode mode, uint64_t id, uint64_t number, bool more, const char *data)
{
    it_rtmfp_fragment p = {.more = more, .id = id, .number = number, .data = it_bytes_str(data)};
    return it_rtmfp_frags_take(&frags, now, from, mode, &p, &whole);
}

static int take(uint64_t id, uint64_t number, bool more, const char *data)
{
    return take_as(0, IT_RTMFP_STARTUP, id, number, more, data);
}

START_TEST(fragments_of_any_order_and_duplicates_make_the_packet)
{
    static const int ORDERS[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const DATA[] = {"\x03one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        int k = ORDERS[_i][i];
        int r = take(7, (uint64_t)k, k < 2, DATA[k]);
        ck_assert_int_eq(r, i == 2);
        if (i < 2)
            ck_assert_int_eq(take(7, (uint64_t)k, k < 2, DATA[k]), 0);
    }
    ck_assert(it_bytes_eq(whole, it_bytes_str("\x03onetwothree")));
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 0), 0);
}
END_TEST

START_TEST(packets_of_two_sources_are_two)
{
    ck_assert_int_eq(take(7, 0, true, "\x03"), 0);
    from = kit_addr("192.0.2.1:2");
    ck_assert_int_eq(take(7, 1, false, "x"), 0);
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 0), 2);
}
END_TEST

/* RFC 7016 section 3.4: MUST discard both. */
START_TEST(another_mode_than_that_of_the_first_is_discarded)
{
    ck_assert_int_eq(take(7, 0, true, "\x03"), 0);
    ck_assert_int_eq(take_as(0, IT_RTMFP_BY_INITIATOR, 7, 1, false, "x"), 0);
    ck_assert_int_eq(take(7, 1, false, "y"), 1);
    ck_assert_int_eq(take(8, 0, false, "\x01y"), 0); /* and a packet whose own mode is another */
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 0), 0);
}
END_TEST

START_TEST(a_packet_without_progress_for_a_second_is_dropped)
{
    ck_assert_int_eq(take_as(0, IT_RTMFP_STARTUP, 7, 0, true, "\x03"), 0);
    ck_assert_int_eq(take_as(IT_SEC, IT_RTMFP_STARTUP, 7, 1, true, "a"), 0);
    ck_assert_int_eq(take_as(2 * IT_SEC + 1, IT_RTMFP_STARTUP, 7, 2, false, "b"), 0);
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 2 * IT_SEC + 1), 1); /* a new one, of the last fragment alone */
}
END_TEST

START_TEST(a_packet_is_complete_within_a_minute_or_never)
{
    for (int i = 0; i <= 60; i++)
        ck_assert_int_eq(take_as(i * IT_SEC, IT_RTMFP_STARTUP, 7, (uint64_t)i, true, "\x03"), 0);
    ck_assert_int_eq(take_as(60 * IT_SEC + 1, IT_RTMFP_STARTUP, 7, 61, false, "z"), 0);
}
END_TEST

START_TEST(buffers_are_few_and_fewer_for_one_source)
{
    for (uint64_t i = 0; i < 5; i++)
        ck_assert_int_eq(take(i, 0, true, "\x03"), 0);
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 0), IT_RTMFP_FRAG_SOURCE);
    for (uint16_t port = 2; port < 20; port++) {
        from.port = port;
        ck_assert_int_eq(take(0, 0, true, "\x03"), 0);
    }
    ck_assert_uint_eq(it_rtmfp_frags_count(&frags, 0), IT_RTMFP_FRAG_BUFFERS);
}
END_TEST

START_TEST(a_packet_has_65536_bytes_at_most)
{
    static uint8_t big[40000];
    it_rtmfp_fragment p = {.more = true, .data = it_bytes_of(big, sizeof big)};
    big[0] = IT_RTMFP_STARTUP;
    ck_assert_int_eq(it_rtmfp_frags_take(&frags, 0, from, IT_RTMFP_STARTUP, &p, &whole), 0);
    p.number = 1;
    p.more = false;
    ck_assert_int_eq(it_rtmfp_frags_take(&frags, 0, from, IT_RTMFP_STARTUP, &p, &whole), 0);
    p.data.n = IT_RTMFP_FRAG_BYTES - sizeof big;
    ck_assert_int_eq(it_rtmfp_frags_take(&frags, 0, from, IT_RTMFP_STARTUP, &p, &whole), 1);
    ck_assert_uint_eq(whole.n, IT_RTMFP_FRAG_BYTES);
}
END_TEST

START_TEST(nothing_lies_behind_the_last_fragment)
{
    ck_assert_int_eq(take(7, 3, true, "d"), 0);
    ck_assert_int_eq(take(7, 2, false, "c"), 0); /* no last one: 3 is there */
    ck_assert_int_eq(take(7, 0, true, "\x03"), 0);
    ck_assert_int_eq(take(7, 1, true, "b"), 0);
    ck_assert_int_eq(take(7, 4, false, "e"), 0);
    ck_assert_int_eq(take(7, 5, true, "f"), 0);
    ck_assert_int_eq(take(7, 64, true, "g"), 0);
    ck_assert_int_eq(take(7, 2, true, "c"), 1);
    ck_assert(it_bytes_eq(whole, it_bytes_str("\x03"
                                              "bcde")));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, fragments_of_any_order_and_duplicates_make_the_packet, 0, 6);
    tcase_add_test(t, packets_of_two_sources_are_two);
    tcase_add_test(t, another_mode_than_that_of_the_first_is_discarded);
    tcase_add_test(t, a_packet_without_progress_for_a_second_is_dropped);
    tcase_add_test(t, a_packet_is_complete_within_a_minute_or_never);
    tcase_add_test(t, buffers_are_few_and_fewer_for_one_source);
    tcase_add_test(t, a_packet_has_65536_bytes_at_most);
    tcase_add_test(t, nothing_lies_behind_the_last_fragment);
}

int main(void)
{
    return kit_main("rtmfp/wire/frag", add);
}
