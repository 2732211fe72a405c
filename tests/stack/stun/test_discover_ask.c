/* stack/stun/discover_ask.c: what counts as an answer. What discovery finds out is tests/lab/judge/test_discover.c's.
 */
#include "stack/stun/discover.h"
#include "stack/stun/msg.h"

#include <check.h>
#include <stdlib.h>

/* What discovery makes of an answer to its first question that has the attribute |extra|, 0: none. */
static enum it_stun_answer first_answer(uint16_t extra)
{
    it_alloc m;
    it_addr server, mapped;
    uint8_t out_bytes[IT_STUN_DISCOVER_OUT], bytes[256];
    it_io out;
    it_buf b;
    it_stun_msg q;
    it_alloc_init(&m);
    ck_assert_int_eq(it_addr_parse(&server, "203.0.113.1:3478") + it_addr_parse(&mapped, "198.51.100.1:7"), 0);
    it_stun_discover_cfg cfg = {.alloc = &m, .server = server, .local = it_ip4(0x0a000002), .first_port = 5000};
    it_rng_init(&cfg.rng, 1, "ask");
    it_stun_discover *d = it_stun_discover_new(&cfg);
    ck_assert_ptr_nonnull(d);
    ck_assert_int_eq(it_stun_discover_tick(d, 0), 0);
    ck_assert_int_eq(it_stun_discover_output(d, 0, &out, out_bytes, sizeof out_bytes), 1);
    ck_assert_int_eq(it_stun_parse(&q, out.data), 0);
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, IT_STUN_SUCCESS, IT_STUN_BINDING, q.txid);
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, mapped);
    if (extra)
        it_stun_put(&b, extra, it_bytes_of("abcd", 4));
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = out.flow,
                .local = out.local,
                .remote = server,
                .data = it_bytes_of(bytes, (size_t)n)};
    ck_assert_int_eq(it_stun_discover_input(d, IT_MS, &in), n);
    ck_assert_int_eq(it_stun_discover_tick(d, IT_MS), 0);
    enum it_stun_answer udp = it_stun_discover_result(d)->udp;
    it_stun_discover_free(d);
    ck_assert_int_eq(m.live, 0);
    return udp;
}

/* RFC 8489 sections 6.3 and 6.3.3. */
START_TEST(an_answer_with_an_unknown_attribute_that_must_be_understood_is_none)
{
    ck_assert_int_eq(first_answer(0), IT_STUN_YES);
    ck_assert_int_eq(first_answer(0x8abc), IT_STUN_YES);
    ck_assert_int_eq(first_answer(IT_STUN_REALM), IT_STUN_YES); /* known, not expected */
    ck_assert_int_ne(first_answer(0x7abc), IT_STUN_YES);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/discover_ask");
    TCase *t = tcase_create("RFC 8489 6.3");
    tcase_add_test(t, an_answer_with_an_unknown_attribute_that_must_be_understood_is_none);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
