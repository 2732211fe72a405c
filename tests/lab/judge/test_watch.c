/* lab/judge/watch.c: the judge of model E's whitelist, on packets made by hand. It must find every kind of violation.
 */
#include "lab/judge/watch.h"

#include "stack/stun/auth.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PWD "passwordOf22Characters"

static it_alloc alloc;
static it_pkt_pool pool;
static it_watch *w;
static it_observer eye;
static it_node_ops host_ops = {.kind = "host"}, nat_ops = {.kind = "nat"};
static it_node host = {.ops = &host_ops, .name = "alice"}, nat = {.ops = &nat_ops, .name = "nat"};
static uint8_t id[IT_STUN_TXID] = "twelve bytes";

static it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

#define OURS at("192.0.2.1:1000")
#define OTHER at("192.0.2.1:1001") /* no E socket */
#define FAR at("198.51.100.1:5000")
#define STUN at("203.0.113.1:3478")

static it_time life(void *self, const it_node *n, it_addr local)
{
    (void)self;
    return n == &host && (it_addr_eq(local, OURS) || it_addr_eq(local, at("192.0.2.1:1002"))) ? 30 * IT_SEC : 0;
}

static it_time stood_still; /* so long did OURS' clock */
static it_time lag(void *self, const it_node *n, it_addr local)
{
    (void)self;
    return n == &host && it_addr_eq(local, OURS) ? stood_still : 0;
}

static void setup(void)
{
    stood_still = 0;
    it_alloc_init(&alloc);
    it_pkt_pool_init(&pool, &alloc);
    w = it_watch_new(&alloc, (it_watch_sockets){NULL, life, lag});
    ck_assert_ptr_nonnull(w);
    eye = it_watch_observer(w);
    it_watch_password(w, it_bytes_str(PWD));
    it_watch_server(w, STUN);
}

static void teardown(void)
{
    it_watch_free(w);
    it_pkt_pool_fini(&pool);
    ck_assert_int_eq(alloc.live, 0);
}

static void see(enum it_seen kind, const it_node *n, it_time now, it_addr src, it_addr dst, it_bytes data)
{
    it_pkt *p = it_pkt_new(&pool);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(it_pkt_udp(p, src, dst, data), 0);
    eye.see(eye.self, &(it_seen_packet){.kind = kind, .now = now, .node = n, .packet = p});
    it_pkt_free(&pool, p);
}

static void leave(it_time now, it_addr dst, it_bytes data)
{
    see(IT_SEEN_SEND, &host, now, OURS, dst, data);
}

static void come(it_time now, it_addr src, it_addr dst, it_bytes data)
{
    see(IT_SEEN_RECV, &host, now, src, dst, data);
}

static uint64_t violations(void)
{
    ck_assert(!it_watch_judge(w)->oom);
    return it_watch_judge(w)->violations;
}

/* --- messages --- */

enum { NO_USER = 1, NO_PRIORITY = 2, NO_ROLE = 4, NO_PRINT = 8, BARE = 16 };

static uint8_t bytes[1500];

static it_bytes message(enum it_stun_class cls, uint16_t method, const char *pwd, unsigned without)
{
    it_buf b;
    it_hmac_key key;
    it_buf_init(&b, bytes, sizeof bytes);
    it_stun_begin(&b, cls, method, id);
    if (cls == IT_STUN_REQUEST && !(without & BARE)) {
        if (!(without & NO_USER))
            it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str("far:our"));
        if (!(without & NO_PRIORITY))
            it_stun_put_u32(&b, IT_STUN_PRIORITY, 1);
        if (!(without & NO_ROLE))
            it_stun_put_u64(&b, IT_STUN_ICE_CONTROLLED, 1);
    }
    if (cls == IT_STUN_SUCCESS)
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, OURS);
    if (cls == IT_STUN_ERROR)
        it_stun_put_error(&b, 401, NULL);
    if (pwd) {
        it_stun_key_short(&key, it_bytes_str(pwd));
        it_stun_put_integrity(&b, &key);
    }
    if (!(without & NO_PRINT))
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    return it_bytes_of(bytes, (size_t)n);
}

static it_bytes check_msg(void)
{
    return message(IT_STUN_REQUEST, IT_STUN_BINDING, PWD, 0);
}

static it_bytes success_msg(const char *pwd)
{
    return message(IT_STUN_SUCCESS, IT_STUN_BINDING, pwd, 0);
}

static void succeed(it_time now)
{
    leave(now, FAR, check_msg());
    come(now, FAR, OURS, success_msg(PWD));
}

#define DATA it_bytes_str("some bytes of data, not STUN")

/* --- what is allowed --- */

START_TEST(checks_and_probes_may_leave)
{
    leave(0, FAR, check_msg());
    leave(0, STUN, message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, BARE));
    ck_assert_uint_eq(violations(), 0);
    ck_assert_uint_eq(it_watch_judge(w)->packets, 2);
}
END_TEST

START_TEST(answers_to_what_came_may_leave)
{
    come(0, FAR, OURS, check_msg());
    leave(0, FAR, success_msg(PWD));
    leave(0, FAR, message(IT_STUN_ERROR, IT_STUN_BINDING, NULL, 0));
    ck_assert_uint_eq(violations(), 0);
}
END_TEST

START_TEST(after_a_success_everything_may_leave_to_there_for_its_life)
{
    succeed(IT_SEC);
    leave(IT_SEC, FAR, DATA);
    leave(31 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 0);
    leave(31 * IT_SEC + 1, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
    ck_assert_ptr_nonnull(strstr(it_watch_judge(w)->first, "too old"));
}
END_TEST

START_TEST(a_clock_that_stood_still_counts_for_what_came_before)
{
    succeed(IT_SEC);
    stood_still = 60 * IT_SEC;
    leave(91 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 0);
    leave(91 * IT_SEC + 1, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
}
END_TEST

START_TEST(a_clock_that_stood_still_is_no_longer_life_for_what_came_after)
{
    stood_still = 60 * IT_SEC;
    succeed(61 * IT_SEC);
    leave(91 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 0);
    leave(91 * IT_SEC + 1, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
}
END_TEST

START_TEST(a_later_success_counts_from_then)
{
    succeed(0);
    id[0]++;
    succeed(20 * IT_SEC);
    leave(50 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 0);
}
END_TEST

/* RFC 7675 section 5.1. */
START_TEST(what_has_lapsed_is_not_regained_with_the_same_password)
{
    succeed(0);
    succeed(30 * IT_SEC - 1);
    leave(50 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 0);
    succeed(70 * IT_SEC);
    leave(71 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
    it_watch_password(w, it_bytes_str("anotherPasswordOf22Let"));
    memcpy(id, "twelve Bytes", sizeof id);
    leave(80 * IT_SEC, FAR, message(IT_STUN_REQUEST, IT_STUN_BINDING, "anotherPasswordOf22Let", 0));
    come(80 * IT_SEC, FAR, OURS, success_msg("anotherPasswordOf22Let"));
    leave(81 * IT_SEC, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
}
END_TEST

START_TEST(other_sockets_and_boxes_are_not_judged)
{
    see(IT_SEEN_SEND, &host, 0, OTHER, FAR, DATA);
    see(IT_SEEN_SEND, &nat, 0, OURS, FAR, DATA);
    see(IT_SEEN_DROP, &host, 0, OURS, FAR, DATA);
    eye.see(eye.self, &(it_seen_packet){.kind = IT_SEEN_NOTE, .node = &host});
    ck_assert_uint_eq(violations(), 0);
    ck_assert_uint_eq(it_watch_judge(w)->packets, 0);
}
END_TEST

/* --- what is not --- */

START_TEST(data_before_a_success_is_a_violation)
{
    leave(0, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
    ck_assert_str_eq(it_watch_judge(w)->first, "alice: 28 bytes, data, to 198.51.100.1:5000, which has not succeeded");
    leave(0, FAR, DATA);
    ck_assert_uint_eq(violations(), 2);
}
END_TEST

START_TEST(a_check_that_only_came_or_only_went_permits_no_data)
{
    leave(0, FAR, check_msg());
    come(0, FAR, OURS, check_msg());
    leave(0, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
}
END_TEST

START_TEST(a_success_is_for_exactly_that_address_and_socket)
{
    static const char *const elsewhere[] = {"198.51.100.1:5001", "198.51.100.2:5000", "203.0.113.1:3478"};
    succeed(0);
    for (size_t i = 0; i < 3; i++)
        leave(0, at(elsewhere[i]), DATA);
    ck_assert_uint_eq(violations(), 3);
    see(IT_SEEN_SEND, &host, 0, at("192.0.2.1:1002"), FAR, DATA);
    ck_assert_uint_eq(violations(), 4);
}
END_TEST

/* Data leaves after an answer that is no success: one violation. */
static void no_permit(void)
{
    leave(0, FAR, DATA);
    ck_assert_uint_eq(violations(), 1);
}

START_TEST(an_answer_of_another_transaction_is_no_success)
{
    leave(0, FAR, check_msg());
    id[0]++;
    come(0, FAR, OURS, success_msg(PWD));
    no_permit();
}
END_TEST

START_TEST(an_answer_from_elsewhere_is_no_success)
{
    leave(0, FAR, check_msg());
    come(0, at("198.51.100.1:5001"), OURS, success_msg(PWD));
    no_permit();
}
END_TEST

START_TEST(an_answer_to_elsewhere_is_no_success)
{
    leave(0, FAR, check_msg());
    come(0, FAR, at("192.0.2.1:1002"), success_msg(PWD));
    no_permit();
}
END_TEST

START_TEST(an_answer_signed_otherwise_or_not_is_no_success)
{
    it_watch_password(w, it_bytes_str("anotherPasswordAScriptUsed")); /* known, but not the check's */
    leave(0, FAR, check_msg());
    come(0, FAR, OURS, success_msg("anotherPasswordAScriptUsed"));
    come(0, FAR, OURS, success_msg("unknownToEverybody1234"));
    come(0, FAR, OURS, success_msg(NULL));
    come(0, FAR, OURS, message(IT_STUN_ERROR, IT_STUN_BINDING, PWD, 0));
    come(0, FAR, OURS, message(IT_STUN_SUCCESS, IT_STUN_ALLOCATE, PWD, 0));
    no_permit();
}
END_TEST

START_TEST(a_probes_answer_is_no_success)
{
    leave(0, STUN, message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, BARE));
    come(0, STUN, OURS, success_msg(PWD));
    leave(0, STUN, DATA);
    ck_assert_uint_eq(violations(), 1);
}
END_TEST

START_TEST(a_request_that_is_neither_check_nor_probe_is_a_violation)
{
    static const unsigned lacks[] = {NO_USER, NO_PRIORITY, NO_ROLE, NO_PRINT};
    uint64_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        leave(0, FAR, message(IT_STUN_REQUEST, IT_STUN_BINDING, PWD, lacks[i]));
        ck_assert_uint_eq(violations(), ++n);
    }
    leave(0, FAR, message(IT_STUN_REQUEST, IT_STUN_BINDING, "noScriptGaveThisOneEver", 0));
    ck_assert_uint_eq(violations(), ++n);
    leave(0, FAR, message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, 0)); /* a check without integrity */
    ck_assert_uint_eq(violations(), ++n);
    leave(0, FAR, message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, BARE)); /* a probe of no server */
    ck_assert_uint_eq(violations(), ++n);
    leave(0, at("203.0.113.1:3479"), message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, BARE));
    ck_assert_uint_eq(violations(), ++n);
    leave(0, STUN, message(IT_STUN_REQUEST, IT_STUN_ALLOCATE, NULL, BARE));
    ck_assert_uint_eq(violations(), ++n);
    leave(0, STUN, message(IT_STUN_REQUEST, IT_STUN_BINDING, NULL, 0)); /* half of a check is no probe either */
    ck_assert_uint_eq(violations(), ++n);
    leave(0, STUN, message(IT_STUN_REQUEST, IT_STUN_BINDING, PWD, BARE));
    ck_assert_uint_eq(violations(), ++n);
    leave(0, FAR, message(IT_STUN_INDICATION, IT_STUN_BINDING, NULL, 0));
    ck_assert_uint_eq(violations(), ++n);
}
END_TEST

START_TEST(an_answer_that_nobody_asked_for_is_a_violation)
{
    leave(0, FAR, success_msg(PWD));
    ck_assert_uint_eq(violations(), 1);
    come(0, FAR, OURS, check_msg());
    leave(0, at("198.51.100.1:5001"), success_msg(PWD)); /* asked from elsewhere */
    ck_assert_uint_eq(violations(), 2);
}
END_TEST

START_TEST(what_only_looks_like_stun_is_data)
{
    it_bytes m = check_msg();
    bytes[30] ^= 1; /* the FINGERPRINT is wrong now */
    leave(0, FAR, m);
    leave(0, FAR, it_bytes_of("\0\1\0\0\x21\x12\xa4\x42", 8));
    ck_assert_uint_eq(violations(), 2);
}
END_TEST

START_TEST(without_memory_the_verdict_says_so)
{
    it_alloc none;
    it_alloc_init_countdown(&none, 1);
    it_watch *x = it_watch_new(&none, (it_watch_sockets){NULL, life, NULL});
    ck_assert_ptr_nonnull(x);
    it_watch_password(x, it_bytes_str(PWD));
    ck_assert(it_watch_judge(x)->oom);
    it_watch_free(x);
    ck_assert_int_eq(none.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/watch");
    TCase *good = tcase_create("allowed"), *bad = tcase_create("violations");
    tcase_add_test(good, checks_and_probes_may_leave);
    tcase_add_test(good, answers_to_what_came_may_leave);
    tcase_add_test(good, a_clock_that_stood_still_counts_for_what_came_before);
    tcase_add_test(good, a_clock_that_stood_still_is_no_longer_life_for_what_came_after);
    tcase_add_test(good, after_a_success_everything_may_leave_to_there_for_its_life);
    tcase_add_test(good, a_later_success_counts_from_then);
    tcase_add_test(good, what_has_lapsed_is_not_regained_with_the_same_password);
    tcase_add_test(good, other_sockets_and_boxes_are_not_judged);
    tcase_add_test(bad, data_before_a_success_is_a_violation);
    tcase_add_test(bad, a_check_that_only_came_or_only_went_permits_no_data);
    tcase_add_test(bad, a_success_is_for_exactly_that_address_and_socket);
    tcase_add_test(bad, an_answer_of_another_transaction_is_no_success);
    tcase_add_test(bad, an_answer_from_elsewhere_is_no_success);
    tcase_add_test(bad, an_answer_to_elsewhere_is_no_success);
    tcase_add_test(bad, an_answer_signed_otherwise_or_not_is_no_success);
    tcase_add_test(bad, a_probes_answer_is_no_success);
    tcase_add_test(bad, a_request_that_is_neither_check_nor_probe_is_a_violation);
    tcase_add_test(bad, an_answer_that_nobody_asked_for_is_a_violation);
    tcase_add_test(bad, what_only_looks_like_stun_is_data);
    tcase_add_test(bad, without_memory_the_verdict_says_so);
    tcase_add_checked_fixture(good, setup, teardown);
    tcase_add_checked_fixture(bad, setup, teardown);
    suite_add_tcase(s, good);
    suite_add_tcase(s, bad);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
