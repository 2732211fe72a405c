/* The receiver: what is taken, when it is acknowledged, which window is told; and what hostile segments cannot do. */
#include "tests/netsim/drill.h"

#include <stdlib.h>

static drill D;

static void setup(void)
{
    drill_setup(&D, false);
    plain(&D);
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

/* The peer sends |len| bytes of value |fill| from |seq| on. */
static void data(uint32_t seq, uint32_t len, char fill)
{
    D.fill = (uint8_t)fill;
    put(&D, "A", seq, 1, len);
}

/* What can be read is |text|, run lengths like "10a5b"; it is read. */
static void read_is(const char *text)
{
    while (*text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);
        for (; n; n--) {
            it_bytes b = it_host_tcp_peek(D.h, D.s);
            ck_assert_msg(b.n > 0, "bytes are missing");
            ck_assert_msg(b.p[0] == (uint8_t)*end, "'%c' instead of '%c'", b.p[0], *end);
            it_host_tcp_take(D.h, it_world_now(D.w), D.s, 1);
        }
        text = end + 1;
    }
    ck_assert_uint_eq(it_host_tcp_peek(D.h, D.s).n, 0);
}

/* --- RFC 9293 section 3.8.6.3, RFC 5681 section 4.2 --- */

START_TEST(one_segment_is_acknowledged_later_two_at_once)
{
    D.read = true;
    open_active(&D, 0);
    data(1, 1000, 'a');
    expect(&D, 40, "A", 1, 1001, 0);
    to(&D, 50);
    data(1001, 1000, 'a');
    quiet(&D, 60);
    data(2001, 1000, 'a');
    expect(&D, 60, "A", 1, 3001, 0);
    quiet(&D, 1000);
    ck_assert_uint_eq(D.total, 3000);
}
END_TEST

START_TEST(small_segments_wait_together)
{
    D.read = true;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 10; i++)
        data(1 + i * 100, 100, 'a');
    expect(&D, 40, "A", 1, 1001, 0);
    quiet(&D, 1000);
}
END_TEST

START_TEST(data_takes_the_acknowledgment_along)
{
    D.read = true;
    open_active(&D, 0);
    data(1, 100, 'a');
    to(&D, 20);
    write_n(&D, 5);
    expect(&D, 20, "PA", 1, 101, 5);
    quiet(&D, 200);
}
END_TEST

START_TEST(the_delay_is_the_sockets)
{
    D.o.delack = _i ? 499 * IT_MS : 0;
    D.read = true;
    open_active(&D, 0);
    data(1, 100, 'a');
    expect(&D, _i ? 499 : 0, "A", 1, 101, 0);
}
END_TEST

START_TEST(holes_are_told_at_once_and_so_is_their_end)
{
    D.read = true;
    open_active(&D, 0);
    data(1001, 1000, 'b');
    expect(&D, 0, "A", 1, 1, 0);
    data(2001, 1000, 'c');
    expect(&D, 0, "A", 1, 1, 0);
    data(1, 500, 'a');
    expect(&D, 0, "A", 1, 501, 0); /* part of the hole */
    data(501, 500, 'a');
    expect(&D, 0, "A", 1, 3001, 0);
    ck_assert_uint_eq(D.total, 3000);
    quiet(&D, 1000);
}
END_TEST

/* --- RFC 9293 section 3.10.7.4: only the new parts are processed --- */

START_TEST(overlapping_segments_fill_each_byte_once)
{
    open_active(&D, 0);
    data(11, 10, 'b'); /* 11..20 */
    data(31, 10, 'd'); /* 31..40 */
    data(16, 10, 'c'); /* 16..25 overlaps the first */
    data(1, 10, 'a');  /* joins */
    read_is("10a5b10c");
    data(21, 15, 'e'); /* 26..35: the front is old */
    D.head = D.n;
    read_is("10e5d");
    data(1, 40, 'z'); /* all old: acknowledged, not taken */
    expect(&D, 0, "A", 1, 41, 0);
    read_is("");
    ck_assert_uint_eq(info().unread, 0);
}
END_TEST

START_TEST(what_lies_beyond_the_window_is_cut_off)
{
    D.o.rcv_buf = 2000;
    open_active(&D, 0);
    data(1, 1000, 'a');
    data(1001, 1000, 'b');
    expect(&D, 0, "A", 1, 2001, 0);
    data(2001, 1, 'c'); /* a window probe: answered, not taken */
    drill_seg *g = expect(&D, 0, "A", 1, 2001, 0);
    ck_assert_uint_eq(g->wnd, 0);
    data(2002, 1, 'c');
    expect(&D, 0, "A", 1, 2001, 0);
    read_is("1000a1000b");
    g = expect(&D, 0, "A", 1, 2001, 0);
    ck_assert_uint_eq(g->wnd, 1000); /* half the buffer: an update of its own; the rest follows with acknowledgments */
    data(2001, 1400, 'd');
    read_is("1000d");
}
END_TEST

START_TEST(a_closed_window_lets_acknowledgments_and_resets_in)
{
    D.o.rcv_buf = 2000;
    open_active(&D, 0);
    write_n(&D, 100);
    expect(&D, 0, "PA", 1, 1, 100);
    data(1, 1000, 'a');
    data(1001, 1000, 'a');
    expect(&D, 0, "A", 101, 2001, 0);
    put(&D, "PA", 2001, 101, 5); /* the data is not taken, the acknowledgment is */
    expect(&D, 0, "A", 101, 2001, 0);
    ck_assert_uint_eq(info().in_flight, 0);
    put(&D, "R", 2001, 0, 0);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED);
}
END_TEST

/* --- RFC 9293 section 3.8.6 --- */

START_TEST(the_right_edge_never_moves_left)
{
    uint32_t edge = 0, seq = 1;
    D.o.wscale = true;
    D.o.rcv_buf = 100000;
    open_active(&D, 0);
    it_rng r;
    it_rng_init(&r, 1, "edge");
    for (int i = 0; i < 3000; i++) {
        uint32_t n = (uint32_t)it_rng_range(&r, 1, 1000);
        it_tcp_info x = info();
        D.ev_n = D.ev_head = 0;
        if (x.rcv_wnd >= n) {
            data(seq, n, 'a');
            seq += n;
        }
        size_t k = (size_t)it_rng_below(&r, 1200);
        it_host_tcp_take(D.h, it_world_now(D.w), D.s, k < it_host_tcp_peek(D.h, D.s).n ? k : 0);
        to(&D, now_ms(&D) + 50);
        while (D.head < D.n) {
            const drill_seg *g = &D.log[D.head++];
            uint32_t at = g->ack + ((uint32_t)g->wnd << 1);
            ck_assert_msg((int32_t)(at - edge) >= -1, "from %u back to %u", edge,
                          at); /* one unit of the scale: RFC 7323 section 2.4 */
            edge = (int32_t)(at - edge) > 0 ? at : edge;
            ck_assert_uint_le(((uint32_t)g->wnd << 1) + info().unread, 100000 + 2);
        }
    }
    ck_assert_uint_gt(seq, 300000);
}
END_TEST

START_TEST(reading_opens_a_closed_window_once_it_is_worth_it)
{
    D.o.rcv_buf = 10000;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 10; i++)
        data(1 + i * 1000, 1000, 'a');
    to(&D, 100);
    ck_assert_uint_eq(D.log[D.n - 1].wnd, 0);
    D.head = D.n;
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 999);
    quiet(&D, 100); /* RFC 9293 section 3.8.6.2.2: less than a segment */
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 1);
    ck_assert_uint_eq(expect(&D, 100, "A", 1, 10001, 0)->wnd, 1000);
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 3000);
    quiet(&D, 100);
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 6000);
    ck_assert_uint_eq(expect(&D, 100, "A", 1, 10001, 0)->wnd, 10000);
}
END_TEST

START_TEST(reading_everything_at_once_sends_no_updates)
{
    D.read = true;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 100; i++) {
        data(1 + i * 1000, 1000, 'a');
        if (i % 2)
            expect(&D, 0, "A", 1, 1001 + i * 1000, 0);
    }
    quiet(&D, 1000);
}
END_TEST

/* --- RFC 7323 section 2 --- */

START_TEST(the_peers_window_is_scaled_after_the_handshake)
{
    D.o.wscale = true;
    D.wnd = 10;
    open_active(&D, 0);
    write_n(&D, 5000);
    expect(&D, 0, "A", 1, 1, 10);
    put(&D, "A", 1, 11, 0);
    expect(&D, 0, "A", 11, 1, 1000); /* 10 << 7 */
    ck_assert_uint_eq(info().snd_wnd, 1280);
}
END_TEST

START_TEST(without_the_peers_option_nothing_is_scaled)
{
    /* offered by the host, not taken up */
    D.o.wscale = true;
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    D.local.port = info().local.port;
    ck_assert_int_eq(expect(&D, 0, "S", 0, 0, 0)->ws, 3);
    put(&D, "SA", 0, 1, 0);
    ck_assert_uint_eq(expect(&D, 0, "A", 1, 1, 0)->wnd, 65535);
    D.wnd = 100;
    put(&D, "A", 1, 1, 0);
    ck_assert_uint_eq(info().snd_wnd, 100);
}
END_TEST

/* --- RFC 7323 sections 3 to 5 --- */

START_TEST(the_timestamp_of_the_earliest_unacknowledged_segment_is_echoed)
{
    D.o.timestamps = true;
    D.read = true;
    D.tsval = 1;
    open_active(&D, 0);
    /* section 4.3, first example */
    D.tsval = 2;
    data(1, 100, 'a');
    D.tsval = 3;
    data(101, 100, 'b');
    D.tsval = 4;
    data(201, 100, 'c');
    ck_assert_uint_eq(expect(&D, 40, "A", 1, 301, 0)->tsecr, 2);
    /* second: B is late */
    D.tsval = 5;
    data(301, 1000, 'a');
    ck_assert_uint_eq(expect(&D, 80, "A", 1, 1301, 0)->tsecr, 5);
    D.tsval = 7;
    data(1401, 100, 'c');
    ck_assert_uint_eq(expect(&D, 80, "A", 1, 1301, 0)->tsecr, 5);
    D.tsval = 6;
    data(1301, 100, 'b');
    ck_assert_uint_eq(expect(&D, 80, "A", 1, 1501, 0)->tsecr, 6);
}
END_TEST

START_TEST(old_timestamps_and_missing_ones_are_dropped)
{
    D.o.timestamps = true;
    D.tsval = 1000;
    open_active(&D, 0);
    D.tsval = 999;
    data(1, 100, 'a'); /* PAWS */
    ck_assert_uint_eq(expect(&D, 0, "A", 1, 1, 0)->tsecr, 1000);
    D.ts = false;
    data(1, 100, 'a'); /* section 3.2 */
    quiet(&D, 1000);
    no_event(&D);
    D.ts = true;
    D.tsval = 1000u + 0x7fffffffu;
    data(1, 100, 'a');
    expect(&D, 1040, "A", 1, 101, 0);
    D.tsval = 5; /* wrapped */
    D.tsval += 1000u + 0x7fffffffu;
    data(101, 100, 'b');
    expect(&D, 1080, "A", 1, 201, 0);
    read_is("100a100b");
    /* section 5.5: after 24 days the clock may have wrapped */
    to(&D, 1080 + 24.0 * 86400000);
    D.tsval = 1;
    data(201, 100, 'c');
    read_is("100c");
    D.ts = false;
    put(&D, "R", 301, 0, 0); /* a RST needs none */
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED);
}
END_TEST

/* --- RFC 2018 --- */

START_TEST(blocks_are_told_latest_first)
{
    D.o.sack = true;
    D.o.timestamps = _i;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 5; i++)
        data(1001 + i * 2000, 1000, 'b');
    drill_seg *g = &D.log[D.n - 1];
    ck_assert_int_eq(g->n_sack, _i ? 3 : 4);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(g->sack[2 * i], 9001 - i * 2000);
        ck_assert_uint_eq(g->sack[2 * i + 1], 10001 - i * 2000);
    }
    data(2001, 500, 'c'); /* into the first block */
    g = &D.log[D.n - 1];
    ck_assert_uint_eq(g->sack[0], 1001);
    ck_assert_uint_eq(g->sack[1], 2501);
    ck_assert_uint_eq(g->sack[2], 9001);
    data(2501, 500, 'd'); /* joins two */
    g = &D.log[D.n - 1];
    ck_assert_uint_eq(g->sack[0], 1001);
    ck_assert_uint_eq(g->sack[1], 4001);
    data(1, 1000, 'a');
    g = &D.log[D.n - 1];
    ck_assert_uint_eq(g->ack, 4001);
    ck_assert_int_eq(g->n_sack, 3);
    D.head = D.n;
    read_is("1000a1000b500c500d1000b");
}
END_TEST

START_TEST(blocks_take_room_from_data)
{
    D.o.sack = D.o.timestamps = true;
    D.mss = 1000;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 5; i++)
        data(1001 + i * 2000, 1000, 'b');
    D.head = D.n;
    write_n(&D, 2000);
    drill_seg *g = expect(&D, 0, "A", 1, 1, 960); /* 1000 less 40 of options */
    ck_assert_int_eq(g->n_sack, 3);
    ck_assert_uint_eq(g->ip_len, 1040);
    expect(&D, 0, "A", 961, 1, 960);
}
END_TEST

START_TEST(too_many_holes_cost_nothing_but_the_data)
{
    D.o.sack = true;
    open_active(&D, 0);
    for (uint32_t i = 0; i < 1000; i++)
        data(11 + i * 20, 10, 'b');
    ck_assert_uint_eq(D.n - D.head, 1000);
    D.head = D.n;
    D.read = true;
    for (uint32_t i = 0; i < 1000; i++) {
        D.ev_n = D.ev_head = 0;
        data(1 + i * 20, 20, 'a');
    }
    ck_assert_uint_eq(D.total, 20000);
}
END_TEST

/* --- options and flags --- */

START_TEST(malformed_options_hurt_nobody)
{
    static const uint8_t bad[][8] = {{8, 10, 1, 2, 3, 4, 5, 6},
                                     {5, 0, 1, 1},
                                     {5, 1, 1, 1},
                                     {5, 9, 0, 0, 0, 0, 0, 0},
                                     {254, 4, 9, 9},
                                     {1, 1, 1, 5},
                                     {0, 5, 2, 1},
                                     {8, 2, 1, 1},
                                     {3, 3, 255, 1}};
    D.read = true;
    open_active(&D, 0);
    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(D.extra, bad[i], 8);
        D.n_extra = 8;
        data(1 + i * 10, 10, 'a');
    }
    ck_assert_uint_eq(D.total, 90);
}
END_TEST

START_TEST(urgent_data_stays_in_line)
{
    open_active(&D, 0);
    D.fill = 'u';
    put(&D, "PAU", 1, 1, 10);
    read_is("10u"); /* RFC 6093 section 6 */
}
END_TEST

START_TEST(nobody_answers_a_broadcast)
{
    static const char *const sources[] = {"255.255.255.255", "224.0.0.1", "0.0.0.0", "127.0.0.1"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(it_ip_parse(&D.peer.ip, sources[i]), 0);
        put(&D, "S", 0, 0, 0); /* RFC 9293 section 3.9.2.3, MUST-63 */
    }
    quiet(&D, 1000);
}
END_TEST

/* --- hostile segments --- */

static void random_segment(it_rng *r)
{
    static uint8_t bytes[200];
    uint8_t options[40];
    size_t n = (size_t)it_rng_below(r, 11) * 4;
    it_rng_bytes(r, options, n);
    it_rng_bytes(r, bytes, sizeof bytes);
    it_pkt_tcp_msg m = {D.peer, D.local, 0, 0, 0, 0, {options, n}, {{0}}};
    uint64_t near = it_rng_below(r, 4);
    m.seq = PEER_ISS + (uint32_t)it_rng_below(r, 3000);
    if (near == 0)
        m.seq = (uint32_t)it_rng_u64(r);
    m.ack = D.iss + (uint32_t)it_rng_below(r, 3000);
    if (near == 1)
        m.ack = (uint32_t)it_rng_u64(r);
    m.window = (uint16_t)it_rng_u64(r);
    m.flags = (uint8_t)(it_rng_below(r, 64) | (it_rng_below(r, 4) ? IT_TCP_ACK : 0));
    if (it_rng_below(r, 50))
        m.flags &= (uint8_t) ~(IT_TCP_RST | IT_TCP_SYN);
    m.data[0] = it_bytes_of(bytes, (size_t)it_rng_below(r, sizeof bytes));
    drill_inject(&D, &m);
}

START_TEST(random_segments_break_nothing)
{
    it_rng r;
    it_rng_init(&r, (uint64_t)_i, "hostile");
    drill_done(&D);
    drill_setup(&D, false);
    D.o.rcv_buf = D.o.snd_buf = 4096;
    D.o.sack = _i & 1;
    D.o.timestamps = _i & 2;
    D.o.keep_idle = IT_SEC;
    D.read = true;
    open_passive(&D);
    for (int i = 0; i < 1500; i++) {
        D.n = D.head = 0;
        D.ev_n = D.ev_head = 0;
        random_segment(&r);
        if (it_rng_below(&r, 10) == 0 &&
            it_host_tcp_write(D.h, it_world_now(D.w), D.s, it_bytes_str("hello, hello")) == 0)
            continue;
        if (it_rng_below(&r, 5) == 0)
            to(&D, now_ms(&D) + (double)it_rng_below(&r, 2000));
        if (it_rng_below(&r, 400) == 0)
            it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
        ck_assert_uint_le(it_host_tcp_count(D.h), 9);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp receiver");
    TCase *t = tcase_create("RFC 9293 section 3.8.6.3, RFC 5681: acknowledgments");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_segment_is_acknowledged_later_two_at_once);
    tcase_add_test(t, small_segments_wait_together);
    tcase_add_test(t, data_takes_the_acknowledgment_along);
    tcase_add_loop_test(t, the_delay_is_the_sockets, 0, 2);
    tcase_add_test(t, holes_are_told_at_once_and_so_is_their_end);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 9293 section 3.8.6, 3.10.7.4: window and text");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, overlapping_segments_fill_each_byte_once);
    tcase_add_test(t, what_lies_beyond_the_window_is_cut_off);
    tcase_add_test(t, a_closed_window_lets_acknowledgments_and_resets_in);
    tcase_add_test(t, the_right_edge_never_moves_left);
    tcase_add_test(t, reading_opens_a_closed_window_once_it_is_worth_it);
    tcase_add_test(t, reading_everything_at_once_sends_no_updates);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7323: scale and timestamps");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_peers_window_is_scaled_after_the_handshake);
    tcase_add_test(t, without_the_peers_option_nothing_is_scaled);
    tcase_add_test(t, the_timestamp_of_the_earliest_unacknowledged_segment_is_echoed);
    tcase_add_test(t, old_timestamps_and_missing_ones_are_dropped);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 2018: blocks");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, blocks_are_told_latest_first, 0, 2);
    tcase_add_test(t, blocks_take_room_from_data);
    tcase_add_test(t, too_many_holes_cost_nothing_but_the_data);
    suite_add_tcase(s, t);
    t = tcase_create("hostile");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, malformed_options_hurt_nobody);
    tcase_add_test(t, urgent_data_stays_in_line);
    tcase_add_test(t, nobody_answers_a_broadcast);
    tcase_add_loop_test(t, random_segments_break_nothing, 0, 24);
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
