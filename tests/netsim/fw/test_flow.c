/* The table of flows: the second of everything, and boxes with a past. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
#define C "10.0.0.2:5000"
#define S1 "198.51.100.1:3478"
#define S2 "198.51.100.2:3478"
#define S3 "198.51.100.1:9"
#define X "203.0.113.7:9"

static it_fw_profile stateful(uint8_t filtering)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    p.udp.filtering = p.tcp.filtering = filtering;
    return p;
}

static bool passes(int side, const char *from, const char *to)
{
    box_udp(&B, side, A(from), A(to));
    return box_got(&B, !side) != NULL;
}

/* An inside endpoint is open to others as long as it has a flow: the first, the second, the last. */
START_TEST(an_endpoint_stays_open_until_its_last_flow_ends)
{
    it_fw_profile p = stateful(_i ? IT_NAT_AD : IT_NAT_EI);
    const char *second = _i ? "198.51.100.1:4000" : S2, *other = _i ? S3 : X;
    it_time t = p.udp.timeout;
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S1)); /* ends at t */
    box_at(&B, t / 2);
    ck_assert(passes(IN, C, second)); /* ends at t * 3 / 2 */
    box_at(&B, t + 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    ck_assert(it_fw_stat(B.fw)->flows_ended == 1);
    it_fw_profile strict = stateful(IT_NAT_APD);
    ck_assert_int_eq(it_fw_set(B.fw, &strict), 0);
    ck_assert(!passes(OUT, other, C)); /* makes no flow */
    ck_assert_int_eq(it_fw_set(B.fw, &p), 0);
    box_at(&B, t * 3 / 2 - 1);
    ck_assert(passes(OUT, other, C)); /* a flow of its own now */
    box_at(&B, t * 5 / 2);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    ck_assert(!passes(OUT, other, C));
    ck_assert(!passes(OUT, S1, C));
    box_close(&B);
}
END_TEST

/* Three flows of one endpoint, two end: it is open still; all end: it is not. The count falls one by one. */
START_TEST(counts_fall_one_by_one)
{
    it_fw_profile p = stateful(IT_NAT_EI);
    it_time t = p.udp.timeout;
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S1) && passes(IN, C, S2));
    box_at(&B, t / 2);
    ck_assert(passes(IN, C, S3));
    box_at(&B, t + 1); /* two are over */
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_at(&B, t * 3 / 2 + 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows_ended, 3);
    ck_assert(!passes(OUT, X, C));
    box_close(&B);
}
END_TEST

START_TEST(slots_are_used_again_without_their_past)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    p.udp.stream = 4 * p.udp.timeout;
    it_time t = p.udp.timeout;
    box_open_fw(&B, &p);
    ck_assert(passes(IN, C, S1) && passes(OUT, S1, C)); /* answered */
    box_at(&B, t + 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    ck_assert(passes(IN, C, S2)); /* the same slot, not answered */
    box_at(&B, t + 1 + 3 * IT_SEC);
    ck_assert(passes(IN, C, S2));
    box_at(&B, 2 * t + 1 + 3 * IT_SEC);
    ck_assert(!passes(OUT, S2, C)); /* it was no stream */
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/fw_flow");
    TCase *t = tcase_create("RFC 6092 section 3.2.3");
    tcase_add_loop_test(t, an_endpoint_stays_open_until_its_last_flow_ends, 0, 2);
    tcase_add_test(t, counts_fall_one_by_one);
    tcase_add_test(t, slots_are_used_again_without_their_past);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
