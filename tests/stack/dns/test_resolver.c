/* The resolver as an object: when it asks, from where, and what it tells. */
#include "stack/dns/resolver.h"

#include <check.h>
#include <stdlib.h>

static it_alloc mem;
static it_resolver *R;
static it_addr server, four, six;

static const it_object_ops *const OPS = &it_resolver_ops;

static void setup(void)
{
    it_rng rng;
    it_alloc_init(&mem);
    it_rng_init(&rng, 1, "resolver");
    ck_assert_int_eq(it_addr_parse(&server, "10.0.0.53:53"), 0);
    ck_assert_int_eq(it_addr_parse(&four, "10.0.0.2:50000"), 0);
    ck_assert_int_eq(it_addr_parse(&six, "[2001:db8::2]:50000"), 0);
    R = it_resolver_new(&mem, rng, server, "stun.example", true, false);
    ck_assert_ptr_nonnull(R);
}

static void teardown(void)
{
    OPS->free(R);
    ck_assert_int_eq(mem.live, 0);
}

static void bound(uint32_t flow, it_addr local)
{
    it_io in = {.kind = IT_IO_BOUND, .flow = flow, .local = local};
    ck_assert_int_eq(OPS->input(R, 0, &in), 0);
}

/* The next query in |buf|; its size, 0: none. */
static size_t query(it_time now, it_io *out, uint8_t buf[512])
{
    return OPS->output(R, now, out, buf, 512) == 1 ? out->data.n : 0;
}

START_TEST(it_asks_from_the_first_base_of_the_servers_family)
{
    it_io out;
    uint8_t buf[512];
    ck_assert_uint_eq(query(0, &out, buf), 0); /* no base yet */
    bound(0, six);
    ck_assert_uint_eq(query(0, &out, buf), 0);
    ck_assert(OPS->next(R) == IT_NEVER);
    bound(3, four);
    bound(4, four); /* once is enough */
    ck_assert_uint_gt(query(0, &out, buf), 12);
    ck_assert(out.kind == IT_IO_DGRAM && out.flow == 3 && it_addr_eq(out.remote, server));
    ck_assert_uint_eq(query(0, &out, buf), 0);
}
END_TEST

START_TEST(an_answer_is_told_once)
{
    it_io out;
    uint8_t buf[512];
    it_object_event ev;
    bound(0, four);
    size_t n = query(0, &out, buf);
    ck_assert_uint_gt(n, 12);
    buf[2] |= 0x80; /* RFC 1035 section 4.1.1: a response, */
    buf[3] = 3;     /* NXDOMAIN */
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = four, .remote = four, .data = it_bytes_of(buf, n)};
    ck_assert_int_eq(OPS->input(R, IT_MS, &in), (int)n); /* from somebody else */
    ck_assert_int_eq(OPS->event(R, &ev), 0);
    in.remote = server;
    ck_assert_int_eq(OPS->input(R, IT_MS, &in), (int)n);
    ck_assert_int_eq(OPS->event(R, &ev), 1);
    ck_assert(ev.kind == IT_TELLS_SERVICE && ev.u.service.kind == IT_SERVICE_RESOLVED);
    ck_assert(ev.u.service.code == 3 && ev.u.service.n == 0);
    ck_assert_int_eq(OPS->event(R, &ev), 0);
}
END_TEST

START_TEST(silence_is_told_too)
{
    it_io out;
    uint8_t buf[512];
    it_object_event ev;
    int queries = 0, told = 0;
    bound(0, four);
    for (it_time now = 0; now != IT_NEVER; now = OPS->next(R)) {
        ck_assert_int_eq(OPS->tick(R, now), 0);
        while (query(now, &out, buf))
            queries++;
        while (OPS->event(R, &ev))
            told += ev.u.service.code == -1;
    }
    ck_assert_int_eq(queries, IT_DNS_STUB_TRIES);
    ck_assert_int_eq(told, 1);
}
END_TEST

START_TEST(what_is_no_name_makes_no_resolver)
{
    it_rng rng;
    it_rng_init(&rng, 1, "resolver");
    ck_assert_ptr_null(it_resolver_new(&mem, rng, server, "two words", true, true));
    for (uint64_t n = 0; n < 2; n++) {
        mem.countdown = n;
        ck_assert_ptr_null(it_resolver_new(&mem, rng, server, "stun.example", true, true));
    }
    mem.countdown = UINT64_MAX;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dns/resolver");
    TCase *t = tcase_create("one question");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, it_asks_from_the_first_base_of_the_servers_family);
    tcase_add_test(t, an_answer_is_told_once);
    tcase_add_test(t, silence_is_told_too);
    tcase_add_test(t, what_is_no_name_makes_no_resolver);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
