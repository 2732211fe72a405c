/* The rate limit before a server. */
#include "lab/serve/limit.h"

#include <check.h>

typedef struct inner {
    int datagrams, others;
    bool freed;
} inner;

static int inner_input(void *o, it_time now, const it_io *in)
{
    inner *x = o;
    (void)now;
    *(in->kind == IT_IO_DGRAM ? &x->datagrams : &x->others) += 1;
    return (int)in->data.n;
}

static void inner_free(void *o)
{
    ((inner *)o)->freed = true;
}

static const it_object_ops INNER_OPS = {.kind = "inner", .input = inner_input, .free = inner_free};

static it_alloc ALLOC;
static inner INNER;
static it_limit_count COUNT;
static it_limit *LIMIT;

static void begin(uint32_t rate, uint32_t depth)
{
    it_limit_cfg cfg = {.rate = rate, .depth = depth};
    it_alloc_init(&ALLOC);
    INNER = (inner){0, 0, false};
    COUNT = (it_limit_count){0, 0};
    LIMIT = it_limit_new(&ALLOC, &cfg, 12345, &INNER_OPS, &INNER, &COUNT);
    ck_assert_ptr_nonnull(LIMIT);
}

static void end(void)
{
    it_limit_ops.free(LIMIT);
    ck_assert(INNER.freed);
    ck_assert_int_eq(ALLOC.live, 0);
}

static void from(it_time now, it_ip ip, int n)
{
    it_io in = {.kind = IT_IO_DGRAM, .remote = it_addr_of(ip, 5000), .data = it_bytes_str("x")};
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(it_limit_ops.input(LIMIT, now, &in), 1);
}

START_TEST(a_burst_passes_and_then_the_rate)
{
    begin(10, 5);
    from(0, it_ip4(1), 100);
    ck_assert_int_eq(INNER.datagrams, 5);
    for (int ms = 1; ms <= 10000; ms++)
        from(ms * IT_MS, it_ip4(1), 1);
    ck_assert_int_eq(INNER.datagrams, 5 + 100);
    ck_assert_uint_eq(COUNT.taken, 105);
    ck_assert_uint_eq(COUNT.taken + COUNT.dropped, 10100);
    /* After a pause it is full again, and no fuller than that. */
    from(100 * IT_SEC, it_ip4(1), 100);
    ck_assert_int_eq(INNER.datagrams, 110);
    end();
}
END_TEST

START_TEST(sources_do_not_pay_for_each_other_but_addresses_of_a_64_do)
{
    begin(1, 1);
    for (uint32_t i = 0; i < 64; i++)
        from(0, it_ip4(i + 1), 2);
    ck_assert_int_ge(INNER.datagrams, 62); /* two may share a bucket */
    int before = INNER.datagrams;
    for (uint64_t i = 0; i < 64; i++)
        from(0, (it_ip){0x20010db800000000, i + 1}, 1);
    ck_assert_int_le(INNER.datagrams, before + 1);
    end();
}
END_TEST

START_TEST(without_a_rate_and_without_a_datagram_all_passes)
{
    it_io bound = {.kind = IT_IO_BOUND};
    begin(0, 0);
    from(0, it_ip4(1), 1000);
    ck_assert_int_eq(INNER.datagrams, 1000);
    end();
    begin(1, 1);
    for (int i = 0; i < 10; i++)
        it_limit_ops.input(LIMIT, 0, &bound);
    ck_assert_int_eq(INNER.others, 10);
    ck_assert_int_eq(it_limit_ops.next(LIMIT), IT_NEVER);
    end();
}
END_TEST

static bool inner_nagle(const void *o)
{
    return o == &INNER;
}

START_TEST(what_the_object_inside_wants_to_hear_and_how_is_kept)
{
    static const it_object_ops HEARS = {
        .kind = "hears", .input = inner_input, .free = inner_free, .nagle = inner_nagle, .errors = true};
    it_limit_cfg cfg = {.rate = 1, .depth = 1};
    it_io error = {.kind = IT_IO_ERROR, .data = it_bytes_str("quote")}, size = {.kind = IT_IO_SIZE};
    ck_assert(it_limit_ops.errors);
    begin(1, 1); /* a deaf one */
    ck_assert_int_eq(it_limit_ops.input(LIMIT, 0, &error), 5);
    ck_assert_int_eq(it_limit_ops.input(LIMIT, 0, &size), 0);
    ck_assert_int_eq(INNER.others, 0);
    ck_assert(!it_limit_ops.nagle(LIMIT));
    end();
    it_alloc_init(&ALLOC);
    INNER = (inner){0, 0, false};
    LIMIT = it_limit_new(&ALLOC, &cfg, 12345, &HEARS, &INNER, &COUNT);
    it_limit_ops.input(LIMIT, 0, &error);
    it_limit_ops.input(LIMIT, 0, &size);
    ck_assert_int_eq(INNER.others, 2);
    ck_assert(it_limit_ops.nagle(LIMIT));
    end();
}
END_TEST

START_TEST(of_a_relay_requests_and_connections_are_counted_and_data_is_not)
{
    static const uint8_t REQUEST[] = {0, 3, 0, 0}, INDICATION[] = {0, 0x16, 0, 0}, CHANNEL[] = {0x40, 0, 0, 0};
    it_io in = {.kind = IT_IO_DGRAM, .remote = it_addr_of(it_ip4(1), 5000)}, out;
    begin(1, 1);
    it_limit_ops.free(LIMIT);
    INNER = (inner){0, 0, false};
    it_limit_cfg cfg = {.rate = 1, .depth = 1, .requests = true};
    LIMIT = it_limit_new(&ALLOC, &cfg, 12345, &INNER_OPS, &INNER, &COUNT);
    for (int i = 0; i < 10; i++) {
        const it_bytes each[] = {it_bytes_of(REQUEST, 4), it_bytes_of(INDICATION, 4), it_bytes_of(CHANNEL, 4)};
        for (int k = 0; k < 3; k++) {
            in.data = each[k];
            ck_assert_int_eq(it_limit_ops.input(LIMIT, 0, &in), 4);
        }
    }
    ck_assert_int_eq(INNER.datagrams, 1 + 10 + 10);
    in.flow = IT_IO_BOUND_FLOW; /* what a peer sends is data, whatever it looks like */
    in.data = it_bytes_of(REQUEST, 4);
    it_limit_ops.input(LIMIT, 0, &in);
    ck_assert_int_eq(INNER.datagrams, 22);
    /* A connection beyond the rate is reset, and the server never hears of it; its room is no data. */
    in = (it_io){.kind = IT_IO_ACCEPTED, .flow = 7, .remote = in.remote, .data = {NULL, 65536}};
    ck_assert_int_eq(it_limit_ops.input(LIMIT, 0, &in), 0);
    ck_assert_int_eq(INNER.others, 0);
    ck_assert_int_eq(it_limit_ops.output(LIMIT, 0, &out, NULL, 0), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_uint_eq(out.flow, 7);
    ck_assert_int_eq(it_limit_ops.output(LIMIT, 0, &out, NULL, 0), 0);
    in.remote = it_addr_of(it_ip4(2), 5000);
    it_limit_ops.input(LIMIT, 0, &in);
    in.kind = IT_IO_WRITABLE;
    it_limit_ops.input(LIMIT, 0, &in);
    ck_assert_int_eq(INNER.others, 2);
    end();
}
END_TEST

static int accepts(it_ip ip, uint32_t flow)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = flow, .remote = it_addr_of(ip, 5000), .data = {NULL, 65536}}, out;
    ck_assert_int_ge(it_limit_ops.input(LIMIT, 0, &in), 0);
    int n = it_limit_ops.output(LIMIT, 0, &out, NULL, 0);
    ck_assert(n == 0 || (out.kind == IT_IO_RST && out.flow == flow));
    return n == 0;
}

static void stream_says(enum it_io_kind kind, uint32_t flow)
{
    ck_assert_int_ge(it_limit_ops.input(LIMIT, 0, &(it_io){.kind = kind, .flow = flow}), 0);
}

START_TEST(a_source_has_so_many_streams_at_a_time)
{
    it_limit_cfg cfg = {.streams = 2};
    it_alloc_init(&ALLOC);
    INNER = (inner){0, 0, false};
    COUNT = (it_limit_count){0, 0};
    LIMIT = it_limit_new(&ALLOC, &cfg, 12345, &INNER_OPS, &INNER, &COUNT);
    ck_assert_ptr_nonnull(LIMIT);
    ck_assert(accepts(it_ip4(1), 1) && accepts(it_ip4(1), 2));
    ck_assert(!accepts(it_ip4(1), 3));
    ck_assert(accepts(it_ip4(2), 3));
    ck_assert(accepts((it_ip){5, 1}, 4) && accepts((it_ip){5, 2}, 5));
    ck_assert(!accepts((it_ip){5, 3}, 6)); /* of one /64 */
    ck_assert_uint_eq(COUNT.dropped, 2);
    stream_says(IT_IO_FIN, 1); /* half of it is left */
    ck_assert(!accepts(it_ip4(1), 6));
    stream_says(IT_IO_RST, 2);
    ck_assert(accepts(it_ip4(1), 6));
    ck_assert(!accepts(it_ip4(1), 7));
    end();
}
END_TEST

START_TEST(without_memory_the_object_inside_is_freed)
{
    it_limit_cfg cfg = {.rate = 1, .depth = 1};
    INNER.freed = false;
    it_alloc_init_countdown(&ALLOC, 0);
    ck_assert_ptr_null(it_limit_new(&ALLOC, &cfg, 1, &INNER_OPS, &INNER, &COUNT));
    ck_assert(INNER.freed);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/limit");
    TCase *t = tcase_create("token buckets");
    tcase_add_test(t, a_burst_passes_and_then_the_rate);
    tcase_add_test(t, sources_do_not_pay_for_each_other_but_addresses_of_a_64_do);
    tcase_add_test(t, without_a_rate_and_without_a_datagram_all_passes);
    tcase_add_test(t, what_the_object_inside_wants_to_hear_and_how_is_kept);
    tcase_add_test(t, of_a_relay_requests_and_connections_are_counted_and_data_is_not);
    tcase_add_test(t, a_source_has_so_many_streams_at_a_time);
    tcase_add_test(t, without_memory_the_object_inside_is_freed);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
