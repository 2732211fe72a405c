/* Client transactions: the times of RFC 8489 section 6.2.1, cancelling, ending, order, memory. */
#include "stack/stun/trans.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static it_alloc mem;
static it_stun_trans *t;

static void setup(void)
{
    it_alloc_init(&mem);
    t = it_stun_trans_new(&mem);
    ck_assert_ptr_nonnull(t);
}

static void teardown(void)
{
    it_stun_trans_free(t);
    ck_assert_int_eq(mem.live, 0);
}

/* Binding request number |id| without attributes; the bytes live in |d|. */
static it_io request(uint8_t *d, uint32_t id)
{
    uint8_t txid[IT_STUN_TXID] = {0};
    it_io io = {.kind = IT_IO_DGRAM,
                .flow = 3,
                .local = it_addr_of(it_ip4(0x0a000001), 1000),
                .remote = it_addr_of(it_ip4(0x0a000002), 3478),
                .data = {NULL, 0}};
    it_buf b;

    it_put32(txid, id);
    it_buf_init(&b, d, IT_STUN_HEADER);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    ck_assert_int_eq(it_stun_end(&b), IT_STUN_HEADER);
    io.data = it_bytes_of(d, IT_STUN_HEADER);
    return io;
}

static const uint8_t *id_of(uint32_t id)
{
    static uint8_t txid[IT_STUN_TXID];

    it_put32(txid, id);
    return txid;
}

static void start(it_time now, uint32_t id, it_stun_timing timing, uint64_t tag)
{
    uint8_t d[IT_STUN_HEADER];

    ck_assert_int_eq(it_stun_trans_start(t, now, request(d, id), timing, tag), 0);
}

/* Fetches all outputs at |now|; the ids, in order, as text like "1 2 ". */
static const char *drain(it_time now)
{
    static char text[256];
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n = 0;

    text[0] = 0;
    while (it_stun_trans_output(t, now, &out, buf, sizeof(buf)) == 1)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%u ", (unsigned)it_get32(out.data.p + 8));
    return text;
}

/* Runs the table until |until| and writes down the times in ms of outputs and, as "x", of time-outs. */
static const char *run(it_time until)
{
    static char text[512];
    uint8_t txid[IT_STUN_TXID];
    uint64_t tag;
    int n = 0;

    text[0] = 0;
    for (it_time now = it_stun_trans_next(t); now <= until; now = it_stun_trans_next(t)) {
        ck_assert_int_eq(it_stun_trans_tick(t, now), 0);
        for (const char *ids = drain(now); *ids; ids = drain(now))
            n += snprintf(text + n, sizeof(text) - (size_t)n, "%lld ", (long long)(now / IT_MS));
        while (it_stun_trans_timeout(t, &tag, txid) == 1)
            n += snprintf(text + n, sizeof(text) - (size_t)n, "x%lld ", (long long)(now / IT_MS));
        ck_assert_int_gt(it_stun_trans_next(t), now);
    }
    return text;
}

START_TEST(default_times_are_those_of_section_6_2_1)
{
    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    ck_assert_str_eq(drain(0), "1 ");
    ck_assert_str_eq(run(IT_NEVER - 1), "500 1500 3500 7500 15500 31500 x39500 ");
    ck_assert_uint_eq(it_stun_trans_count(t), 0);
}
END_TEST

START_TEST(no_retransmission_comes_a_nanosecond_early)
{
    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    drain(0);
    ck_assert_int_eq(it_stun_trans_next(t), 500 * IT_MS);
    ck_assert_int_eq(it_stun_trans_tick(t, 500 * IT_MS - 1), 0);
    ck_assert_str_eq(drain(500 * IT_MS - 1), "");
    ck_assert_int_eq(it_stun_trans_tick(t, 500 * IT_MS), 0);
    ck_assert_str_eq(drain(500 * IT_MS), "1 ");
}
END_TEST

START_TEST(rto_rc_and_rm_are_what_was_asked_for)
{
    start(IT_SEC, 1, (it_stun_timing){100 * IT_MS, 3, 4}, 9);
    drain(IT_SEC);
    ck_assert_str_eq(run(IT_NEVER - 1), "1100 1300 x1700 ");
}
END_TEST

START_TEST(rc_one_is_sent_once)
{
    start(0, 1, (it_stun_timing){500 * IT_MS, 1, 1}, 9);
    drain(0);
    ck_assert_str_eq(run(IT_NEVER - 1), "x500 ");
}
END_TEST

START_TEST(the_request_goes_out_unchanged_each_time)
{
    uint8_t d[IT_STUN_HEADER], buf[IT_IO_DGRAM_MAX];
    it_io in = request(d, 77), out;

    ck_assert_int_eq(it_stun_trans_start(t, 0, in, IT_STUN_TIMING_DEFAULT, 9), 0);
    memset(d, 0, sizeof(d)); /* the table has its own copy */
    in = request(d, 77);
    for (int i = 0; i < 7; i++) {
        it_time now = i == 0 ? 0 : it_stun_trans_next(t);

        ck_assert_int_eq(it_stun_trans_tick(t, now), 0);
        ck_assert_int_eq(it_stun_trans_output(t, now, &out, buf, sizeof(buf)), 1);
        ck_assert(it_bytes_eq(out.data, in.data));
        ck_assert(it_addr_eq(out.local, in.local) && it_addr_eq(out.remote, in.remote));
        ck_assert_uint_eq(out.flow, 3);
    }
}
END_TEST

START_TEST(a_response_is_found_by_its_id)
{
    uint64_t tag = 0;
    it_time first = -1;
    uint32_t sent = 0;
    it_io req;

    start(0, 1, IT_STUN_TIMING_DEFAULT, 11);
    start(0, 2, IT_STUN_TIMING_DEFAULT, 22);
    ck_assert_str_eq(drain(5), "1 2 ");
    ck_assert_int_eq(it_stun_trans_tick(t, 505 * IT_MS), 0);
    drain(505 * IT_MS);
    ck_assert_int_eq(it_stun_trans_find(t, id_of(2), &tag, &req, &first, &sent), 1);
    ck_assert_uint_eq(tag, 22);
    ck_assert_int_eq(first, 5);
    ck_assert_uint_eq(sent, 2);
    ck_assert_uint_eq(req.data.n, IT_STUN_HEADER);
    ck_assert_int_eq(it_stun_trans_find(t, id_of(3), NULL, NULL, NULL, NULL), 0);
    it_stun_trans_end(t, id_of(2));
    ck_assert_int_eq(it_stun_trans_find(t, id_of(2), NULL, NULL, NULL, NULL), 0);
    ck_assert_int_eq(it_stun_trans_find(t, id_of(1), NULL, NULL, NULL, NULL), 1);
    ck_assert_uint_eq(it_stun_trans_count(t), 1);
}
END_TEST

START_TEST(an_ended_transaction_is_silent)
{
    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    start(0, 2, IT_STUN_TIMING_DEFAULT, 9);
    start(0, 3, IT_STUN_TIMING_DEFAULT, 8);
    it_stun_trans_end(t, id_of(1)); /* even before it went out */
    ck_assert_str_eq(drain(0), "2 3 ");
    it_stun_trans_end_tag(t, 9);
    it_stun_trans_end(t, id_of(3));
    ck_assert_int_eq(it_stun_trans_next(t), IT_NEVER);
    ck_assert_str_eq(run(IT_NEVER - 1), "");
}
END_TEST

/* RFC 8445 section 7.3.1.4: no retransmission, but the transaction's time-out is still waited for; |_i| transmissions
 * went out.
 */
START_TEST(a_cancelled_transaction_waits_for_its_time_out)
{
    it_time now = 0;

    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    if (_i == 0)
        it_stun_trans_cancel(t, id_of(1));
    ck_assert_str_eq(drain(0), "1 ");
    for (int i = 1; i < _i; i++) {
        now = it_stun_trans_next(t);
        ck_assert_int_eq(it_stun_trans_tick(t, now), 0);
        drain(now);
    }
    it_stun_trans_cancel(t, id_of(1));
    it_stun_trans_cancel(t, id_of(1));
    ck_assert_int_eq(it_stun_trans_find(t, id_of(1), NULL, NULL, NULL, NULL), 1);
    ck_assert_str_eq(run(IT_NEVER - 1), "x39500 ");
}
END_TEST

START_TEST(cancelling_takes_back_a_retransmission_not_yet_fetched)
{
    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    drain(0);
    ck_assert_int_eq(it_stun_trans_tick(t, 500 * IT_MS), 0);
    it_stun_trans_cancel(t, id_of(1));
    ck_assert_str_eq(drain(500 * IT_MS), "");
    ck_assert_str_eq(run(IT_NEVER - 1), "x39500 ");
}
END_TEST

START_TEST(a_late_tick_does_not_bunch_retransmissions)
{
    start(0, 1, IT_STUN_TIMING_DEFAULT, 9);
    drain(0);
    ck_assert_int_eq(it_stun_trans_tick(t, 10 * IT_SEC), 0);
    ck_assert_str_eq(drain(10 * IT_SEC), "1 ");
    ck_assert_int_eq(it_stun_trans_next(t), 11 * IT_SEC);
}
END_TEST

/* RFC 8489 section 6.2.1; what is believed: RFC 5927 section 4. */
START_TEST(a_hard_icmp_error_that_quotes_a_request_ends_its_transaction)
{
    uint8_t d[IT_STUN_HEADER], txid[IT_STUN_TXID];
    uint64_t tag = 0;
    it_io e = request(d, 7);
    start(0, 7, IT_STUN_TIMING_DEFAULT, 70);
    start(0, 8, IT_STUN_TIMING_DEFAULT, 80);
    ck_assert_str_eq(drain(0), "7 8 ");
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0); /* no error */
    e.kind = IT_IO_ERROR;
    e.icmp = (it_io_icmp){.type = 3, .code = 1};
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0); /* soft */
    e.icmp.code = 3;
    e.data.n = IT_STUN_HEADER - 1;
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0); /* no whole id */
    e.data.n = IT_STUN_HEADER;
    e.remote.port++;
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0); /* about another datagram */
    e.remote.port--;
    e.flow++;
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0);
    e.flow--;
    ck_assert_int_eq(it_stun_trans_quoted(t, &e, &tag), 1);
    ck_assert_uint_eq(tag, 70);
    ck_assert_int_eq(it_stun_trans_timeout(t, &tag, txid), 0);
    ck_assert_int_eq(it_stun_trans_error(t, &e), 1);
    ck_assert_int_eq(it_stun_trans_error(t, &e), 0); /* once */
    ck_assert_int_eq(it_stun_trans_timeout(t, &tag, txid), 1);
    ck_assert_uint_eq(tag, 70);
    ck_assert_uint_eq(it_stun_trans_count(t), 1);
}
END_TEST

START_TEST(an_icmpv6_error_is_hard_where_no_port_or_no_such_protocol_is_there)
{
    static const struct {
        uint8_t type, code;
        bool hard;
    } W[] = {{1, 4, true}, {1, 0, false}, {1, 1, false}, {2, 0, false}, {3, 0, false}, {4, 1, true}, {4, 0, false}};
    it_io e = {.kind = IT_IO_ERROR, .remote = {{0x20010db800000000, 1}, 9}};
    e.icmp = (it_io_icmp){.type = W[_i].type, .code = W[_i].code};
    ck_assert_int_eq(it_io_hard_error(&e), W[_i].hard);
}
END_TEST

START_TEST(outputs_and_time_outs_keep_their_order)
{
    uint8_t txid[IT_STUN_TXID];
    uint64_t tag;

    for (uint32_t i = 1; i <= 5; i++)
        start(0, i, (it_stun_timing){IT_SEC, 1, 1}, i);
    it_stun_trans_end(t, id_of(2));
    start(0, 6, (it_stun_timing){IT_SEC, 1, 1}, 6); /* takes the free slot, but not its turn */
    ck_assert_str_eq(drain(0), "1 3 4 5 6 ");
    ck_assert_int_eq(it_stun_trans_tick(t, IT_SEC), 0);
    for (int n = 0; n < 5; n++)
        ck_assert_int_eq(it_stun_trans_timeout(t, &tag, txid), 1);
    ck_assert_int_eq(it_stun_trans_timeout(t, &tag, txid), 0);
}
END_TEST

START_TEST(a_timed_out_transaction_has_no_response_any_more)
{
    uint8_t txid[IT_STUN_TXID];
    uint64_t tag = 0;

    start(0, 1, (it_stun_timing){IT_SEC, 1, 1}, 5);
    drain(0);
    ck_assert_int_eq(it_stun_trans_tick(t, IT_SEC), 0);
    ck_assert_int_eq(it_stun_trans_find(t, id_of(1), NULL, NULL, NULL, NULL), 0);
    ck_assert_int_eq(it_stun_trans_timeout(t, &tag, txid), 1);
    ck_assert_uint_eq(tag, 5);
    ck_assert_mem_eq(txid, id_of(1), sizeof(txid));
}
END_TEST

START_TEST(wrong_requests_are_refused)
{
    uint8_t d[IT_IO_DGRAM_MAX + 4] = {0};
    it_io io = request(d, 1);

    ck_assert_int_eq(it_stun_trans_start(t, 0, io, (it_stun_timing){0, 7, 16}, 0), IT_ERR_RANGE);
    ck_assert_int_eq(it_stun_trans_start(t, 0, io, (it_stun_timing){IT_MS, 0, 16}, 0), IT_ERR_RANGE);
    io.data.n = IT_STUN_HEADER - 1;
    ck_assert_int_eq(it_stun_trans_start(t, 0, io, IT_STUN_TIMING_DEFAULT, 0), IT_ERR_RANGE);
    io.data.n = sizeof(d);
    ck_assert_int_eq(it_stun_trans_start(t, 0, io, IT_STUN_TIMING_DEFAULT, 0), IT_ERR_TOOBIG);
    io.data.n = IT_IO_DGRAM_MAX;
    ck_assert_int_eq(it_stun_trans_start(t, 0, io, IT_STUN_TIMING_DEFAULT, 0), 0);
    ck_assert_int_eq(it_stun_trans_start(t, 0, io, IT_STUN_TIMING_DEFAULT, 0), IT_ERR_EXISTS);
    ck_assert_uint_eq(it_stun_trans_count(t), 1);
}
END_TEST

START_TEST(huge_timings_do_not_overflow)
{
    start(0, 1, (it_stun_timing){IT_NEVER / 3, UINT32_MAX, UINT32_MAX}, 9);
    drain(0);
    for (int i = 0; i < 5; i++) {
        it_time now = it_stun_trans_next(t);

        if (now >= IT_NEVER - 1)
            break;
        ck_assert_int_gt(now, 0);
        ck_assert_int_eq(it_stun_trans_tick(t, now), 0);
        drain(now);
    }
    it_stun_trans_cancel(t, id_of(1));
    ck_assert_int_eq(it_stun_trans_next(t), IT_NEVER - 1);
}
END_TEST

START_TEST(a_warm_table_allocates_nothing)
{
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 20; i++)
            start(0, i, IT_STUN_TIMING_DEFAULT, 1);
        it_stun_trans_end_tag(t, 1);
        mem.countdown = 0;
    }
}
END_TEST

START_TEST(every_failed_allocation_is_clean)
{
    uint8_t d[IT_STUN_HEADER];
    bool done = false;

    for (uint64_t n = 0; !done; n++) {
        it_alloc a;
        it_stun_trans *x;
        uint32_t started = 0;

        it_alloc_init_countdown(&a, n);
        x = it_stun_trans_new(&a);
        for (uint32_t i = 0; x && i < 20; i++) {
            int err = it_stun_trans_start(x, 0, request(d, i), IT_STUN_TIMING_DEFAULT, 0);

            ck_assert(err == 0 || err == IT_ERR_NOMEM);
            started += err == 0;
            ck_assert_uint_eq(it_stun_trans_count(x), started);
        }
        done = started == 20;
        it_stun_trans_free(x);
        ck_assert_int_eq(a.live, 0);
        ck_assert_uint_lt(n, 1000);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/trans");
    TCase *times = tcase_create("RFC 8489 section 6.2.1"), *table = tcase_create("table");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(times, setup, teardown);
    tcase_add_test(times, default_times_are_those_of_section_6_2_1);
    tcase_add_test(times, no_retransmission_comes_a_nanosecond_early);
    tcase_add_test(times, rto_rc_and_rm_are_what_was_asked_for);
    tcase_add_test(times, rc_one_is_sent_once);
    tcase_add_test(times, the_request_goes_out_unchanged_each_time);
    tcase_add_test(times, a_late_tick_does_not_bunch_retransmissions);
    tcase_add_test(times, huge_timings_do_not_overflow);
    tcase_add_loop_test(times, a_cancelled_transaction_waits_for_its_time_out, 0, 8);
    tcase_add_test(times, cancelling_takes_back_a_retransmission_not_yet_fetched);
    suite_add_tcase(s, times);
    tcase_add_checked_fixture(table, setup, teardown);
    tcase_add_test(table, a_response_is_found_by_its_id);
    tcase_add_test(table, an_ended_transaction_is_silent);
    tcase_add_test(table, a_hard_icmp_error_that_quotes_a_request_ends_its_transaction);
    tcase_add_loop_test(table, an_icmpv6_error_is_hard_where_no_port_or_no_such_protocol_is_there, 0, 7);
    tcase_add_test(table, outputs_and_time_outs_keep_their_order);
    tcase_add_test(table, a_timed_out_transaction_has_no_response_any_more);
    tcase_add_test(table, wrong_requests_are_refused);
    tcase_add_test(table, a_warm_table_allocates_nothing);
    tcase_add_test(table, every_failed_allocation_is_clean);
    suite_add_tcase(s, table);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
