/* base/addr.c, cksum.c, heap.c, rng.c: the small parts of the lowest layer. */
#include "base/addr.h"

#include "base/cksum.h"
#include "base/table/heap.h"
#include "base/text/json.h"
#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

static const char *const ADDRS[] = {"192.0.2.1:3478",    "0.0.0.0:0", "255.255.255.255:65535",
                                    "[2001:db8::1]:443", "[::]:1",    "[fe80::1]:9"};

START_TEST(addresses_survive_text)
{
    it_addr a;
    char out[IT_ADDR_TEXT];
    ck_assert_int_eq(it_addr_parse(&a, ADDRS[_i]), 0);
    if (it_ip_none(a.ip))
        return;
    ck_assert_str_eq(it_addr_text(a, out), ADDRS[_i]);
}
END_TEST

static const char *const BAD[] = {
    "", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.256:1", "2001:db8::1:443", "[::1:4", "1.2.3.4:+5"};

START_TEST(malformed_addresses_are_refused)
{
    it_addr a;
    ck_assert_int_lt(it_addr_parse(&a, BAD[_i]), 0);
}
END_TEST

/* The first and last address of each range and their neighbours: RFC 1122 section 3.2.1.3, RFC 5771, RFC 4291. */
START_TEST(kinds_of_addresses_end_where_the_rfcs_say)
{
    enum { ONE = 1, RESERVED = 2, GROUP = 4, LOOP = 8 };
    static const struct {
        uint32_t v4;
        int is;
    } V[] = {
        {0, 0},
        {1, RESERVED},
        {0x00ffffff, RESERVED},
        {0x01000000, ONE | RESERVED},
        {0x7effffff, ONE | RESERVED},
        {0x7f000000, LOOP},
        {0x7fffffff, LOOP},
        {0x80000000, ONE | RESERVED},
        {0xdfffffff, ONE | RESERVED},
        {0xe0000000, GROUP},
        {0xefffffff, GROUP},
        {0xf0000000, RESERVED},
        {0xfffffffe, RESERVED},
        {0xffffffff, 0},
    };
    for (size_t i = 0; i < sizeof V / sizeof *V; i++) {
        it_ip ip = it_ip4(V[i].v4);
        ck_assert_int_eq(it_ip4_unicast(V[i].v4), (V[i].is & ONE) != 0);
        ck_assert_int_eq(it_ip_unicast(ip), (V[i].is & ONE) != 0);
        ck_assert_int_eq(it_ip4_unicast_or_reserved(V[i].v4), (V[i].is & RESERVED) != 0);
        ck_assert_int_eq(it_ip4_multicast(V[i].v4), (V[i].is & GROUP) != 0);
        ck_assert_int_eq(it_ip_multicast(ip), (V[i].is & GROUP) != 0);
        ck_assert_int_eq(it_ip4_loopback(V[i].v4), (V[i].is & LOOP) != 0);
    }
    ck_assert(it_ip_multicast((it_ip){0xff02ULL << 48, 1}) && !it_ip_unicast((it_ip){0xff02ULL << 48, 1}));
    ck_assert(!it_ip_multicast((it_ip){0xfe80ULL << 48, 1}) && it_ip_unicast((it_ip){0xfe80ULL << 48, 1}));
    ck_assert(!it_ip_multicast((it_ip){0, 0}) && !it_ip_unicast((it_ip){0, 0}));
}
END_TEST

START_TEST(a_prefix_has_its_own_family_only)
{
    it_prefix p;
    it_ip in, out, six;
    ck_assert_int_eq(it_prefix_parse(&p, "10.1.0.0/16"), 0);
    ck_assert_int_eq(
        it_ip_parse(&in, "10.1.255.255") + it_ip_parse(&out, "10.2.0.0") + it_ip_parse(&six, "2001:db8::1"), 0);
    ck_assert(it_prefix_has(p, in) && !it_prefix_has(p, out) && !it_prefix_has(p, six));
}
END_TEST

START_TEST(checksums_have_their_known_values)
{
    /* RFC 1071 section 3 */
    static const uint8_t WORDS[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    ck_assert_uint_eq((uint16_t)~it_sum_fold(it_sum_add(0, WORDS, sizeof WORDS)), 0xddf2);
    ck_assert_uint_eq(it_crc32("123456789", 9), 0xcbf43926);
    /* RFC 1624 section 4 */
    ck_assert_uint_eq(it_cksum_fix16(0xdd2f, 0x5555, 0x3285), 0x0000);
}
END_TEST

/* RFC 1071 section 1: 16-bit words, added with the carry put back. */
static uint16_t slow_sum(const uint8_t *b, size_t n)
{
    uint32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s += (uint32_t)(i % 2 ? b[i] : b[i] << 8);
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)s;
}

START_TEST(sums_of_any_length_and_place_are_those_of_16_bit_words)
{
    uint8_t b[200];
    it_rng r;
    it_rng_init(&r, 1, "sum");
    it_rng_bytes(&r, b, sizeof b);
    memset(b + 60, 0xff, 40); /* carries in every step */
    for (size_t at = 0; at < 9; at++)
        for (size_t n = 0; n < 180; n++)
            ck_assert_uint_eq((uint16_t)~it_sum_fold(it_sum_add(0, b + at, n)), slow_sum(b + at, n));
    ck_assert_uint_eq((uint16_t)~it_sum_fold(it_sum_add(0xfffffffff, b, 2)),
                      (uint16_t)~it_sum_fold(0xfffffffff + (uint64_t)(b[0] << 8 | b[1])));
}
END_TEST

START_TEST(replacing_the_top_is_popping_and_pushing)
{
    it_alloc a;
    it_heap one, two;
    it_rng r;
    it_alloc_init(&a);
    it_heap_init(&one, &a);
    it_heap_init(&two, &a);
    it_rng_init(&r, 2, "heap");
    for (uint64_t i = 0; i < 2000; i++) {
        it_heap_item item = {(it_time)it_rng_below(&r, 50), i, i};
        if (i < 13) {
            ck_assert_int_eq(it_heap_push(&one, item) + it_heap_push(&two, item), 0);
            continue;
        }
        const it_heap_item *x = it_heap_top(&one), *y = it_heap_top(&two);
        ck_assert(x->time == y->time && x->seq == y->seq && x->id == y->id);
        it_heap_replace_top(&one, item.time, item.seq, item.id);
        it_heap_pop(&two);
        ck_assert_int_eq(it_heap_push(&two, item), 0);
    }
    it_heap_fini(&one);
    it_heap_fini(&two);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(the_heap_orders_by_time_then_by_sequence)
{
    it_alloc a;
    it_heap h;
    it_rng r;
    it_alloc_init(&a);
    it_heap_init(&h, &a);
    it_rng_init(&r, 1, "heap");
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_int_eq(it_heap_push(&h, (it_heap_item){(it_time)it_rng_below(&r, 50), i, i}), 0);
    it_heap_item last = {-1, 0, 0};
    while (it_heap_top(&h)) {
        it_heap_item top = *it_heap_top(&h);
        ck_assert(top.time > last.time || (top.time == last.time && top.seq > last.seq));
        last = top;
        it_heap_pop(&h);
    }
    it_heap_fini(&h);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(streams_of_other_names_or_seeds_differ)
{
    it_rng a, b, c, d;
    it_rng_init(&a, 1, "alice/ice");
    it_rng_init(&b, 1, "alice/ice");
    it_rng_init(&c, 1, "bob/ice");
    it_rng_init(&d, 2, "alice/ice");
    uint64_t x = it_rng_u64(&a);
    ck_assert_uint_eq(x, it_rng_u64(&b));
    ck_assert_uint_ne(x, it_rng_u64(&c));
    ck_assert_uint_ne(x, it_rng_u64(&d));
}
END_TEST

START_TEST(json_escapes_and_replaces_bad_utf8)
{
    it_alloc a;
    it_str s;
    it_json j;
    it_alloc_init(&a);
    it_str_init(&s, &a);
    it_json_init(&j, &s);
    it_json_obj(&j, NULL);
    it_json_str(&j, "k", "a\"\\\n\x01\xff\xc3\xa9");
    it_json_arr(&j, "v");
    it_json_int(&j, NULL, -5);
    it_json_bool(&j, NULL, true);
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    ck_assert_str_eq(it_str_c(&s), "{\"k\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"v\":[-5,true]}");
    it_str_fini(&s);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/small");
    TCase *t = tcase_create("small");
    tcase_add_loop_test(t, addresses_survive_text, 0, sizeof ADDRS / sizeof *ADDRS);
    tcase_add_loop_test(t, malformed_addresses_are_refused, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, kinds_of_addresses_end_where_the_rfcs_say);
    tcase_add_test(t, a_prefix_has_its_own_family_only);
    tcase_add_test(t, checksums_have_their_known_values);
    tcase_add_test(t, sums_of_any_length_and_place_are_those_of_16_bit_words);
    tcase_add_test(t, replacing_the_top_is_popping_and_pushing);
    tcase_add_test(t, the_heap_orders_by_time_then_by_sequence);
    tcase_add_test(t, streams_of_other_names_or_seeds_differ);
    tcase_add_test(t, json_escapes_and_replaces_bad_utf8);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
