/* stack/dns/stub.c: one question for each family, again while nobody answers, and nothing believed that was not asked
 * for. */
#include "stack/dns/server.h"
#include "stack/dns/stub.h"

#include <check.h>
#include <string.h>

#define SERVER "192.0.2.53:53"

static it_alloc mem;
static it_dns_server *Far;
static it_dns_stub *S;
static it_time now;

static it_addr A(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void name(const char *n, const char *ip)
{
    it_ip i;
    ck_assert_int_eq(it_ip_parse(&i, ip), 0);
    ck_assert_int_eq(it_dns_server_add(Far, n, i, strcmp(ip, "2001:db8::6") == 0 ? 30 : 300), 0);
}

static void start(void)
{
    it_rng rng;
    it_alloc_init(&mem);
    it_rng_init(&rng, 1, "stub");
    now = 0;
    Far = it_dns_server_new(&mem, "", 60);
    S = it_dns_stub_new(&mem, rng, A(SERVER));
    ck_assert(Far && S && it_addr_eq(it_dns_stub_server(S), A(SERVER)));
    name("both.tank", "198.51.100.4");
    name("both.tank", "2001:db8::6");
    name("both.tank", "2001:db8::7");
    name("four.tank", "198.51.100.4");
    ck_assert_int_eq(it_dns_server_alias(Far, "www.tank", "both.tank", 300), 0);
}

static void stop(void)
{
    it_dns_stub_free(S);
    it_dns_stub_free(NULL);
    it_dns_server_free(Far);
    ck_assert_int_eq(mem.live, 0);
}

/* Takes the queries that are due; |answered| hands them to the server and back. Returns how many. */
static int turn(bool answered)
{
    uint8_t q[600], a[600];
    it_dns_msg m;
    size_t n;
    int count = 0;
    for (; (n = it_dns_stub_output(S, q, sizeof q)) > 0; count++) {
        ck_assert_int_eq(it_dns_parse(&m, it_bytes_of(q, n)), 0);
        ck_assert(!m.response && m.rd);
        if (answered)
            it_dns_stub_input(S, it_dns_server_answer(Far, &m, a, sizeof a));
    }
    return count;
}

static it_dns_stub_answer ask(const char *n, bool v4, bool v6)
{
    it_dns_stub_answer a;
    ck_assert_int_eq(it_dns_stub_ask(S, now, n, v4, v6, 7), 0);
    ck_assert(it_dns_stub_asking(S, n, 7) && !it_dns_stub_asking(S, n, 8));
    ck_assert(!it_dns_stub_answered(S, &a));
    ck_assert_int_eq(turn(true), v4 + v6);
    ck_assert(it_dns_stub_answered(S, &a) && !it_dns_stub_asking(S, n, 7));
    ck_assert(a.tag == 7 && it_dns_same(a.name, n));
    ck_assert_int_eq(it_dns_stub_next(S), IT_NEVER);
    return a;
}

START_TEST(the_addresses_of_a_name_are_those_of_the_families_asked_for_ipv6_first)
{
    static const struct {
        const char *name;
        bool v4, v6;
        int rcode;
        size_t n, six;
    } CASES[] = {
        {"both.tank", true, true, IT_DNS_OK, 3, 2},       {"both.tank", true, false, IT_DNS_OK, 1, 0},
        {"both.tank", false, true, IT_DNS_OK, 2, 2},      {"four.tank", true, true, IT_DNS_OK, 1, 0},
        {"four.tank", false, true, IT_DNS_OK, 0, 0},      {"www.tank", true, true, IT_DNS_OK, 3, 2},
        {"none.tank", true, true, IT_DNS_NXDOMAIN, 0, 0}, {"BOTH.tank", true, true, IT_DNS_OK, 3, 2},
    };
    start();
    it_dns_stub_answer a = ask(CASES[_i].name, CASES[_i].v4, CASES[_i].v6);
    ck_assert_int_eq(a.rcode, CASES[_i].rcode);
    ck_assert_uint_eq(a.n, CASES[_i].n);
    for (size_t i = 0; i < a.n; i++)
        ck_assert_int_eq(it_ip_is6(a.ip[i]), i < CASES[_i].six);
    if (CASES[_i].six)
        ck_assert_uint_eq(a.ttl, 30); /* the least */
    stop();
}
END_TEST

START_TEST(silence_is_asked_again_and_then_told)
{
    it_dns_stub_answer a;
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", true, true, 1), 0);
    for (int i = 0; i < IT_DNS_STUB_TRIES; i++) {
        ck_assert_int_eq(turn(false), 2);
        ck_assert_int_eq(it_dns_stub_next(S), now + IT_DNS_STUB_WAIT);
        now += IT_DNS_STUB_WAIT - 1;
        it_dns_stub_tick(S, now);
        ck_assert(turn(false) == 0 && !it_dns_stub_answered(S, &a));
        it_dns_stub_tick(S, ++now);
    }
    ck_assert_int_eq(turn(false), 0);
    ck_assert(it_dns_stub_answered(S, &a) && a.rcode == -1 && a.n == 0);
    stop();
}
END_TEST

/* A server that is 6 s away answers the first try when the second is under way: with its identifier, to its question.
 */
START_TEST(an_answer_that_takes_six_seconds_is_taken)
{
    uint8_t q[600], out[600];
    it_dns_msg m;
    it_dns_stub_answer a;
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "four.tank", true, false, 1), 0);
    size_t n = it_dns_stub_output(S, q, sizeof q);
    ck_assert_int_eq(it_dns_parse(&m, it_bytes_of(q, n)), 0);
    it_bytes late = it_dns_server_answer(Far, &m, out, sizeof out);
    it_time came = now + 6 * IT_SEC;
    while (it_dns_stub_next(S) < came) {
        it_dns_stub_tick(S, now = it_dns_stub_next(S));
        ck_assert_int_eq(turn(false), 1);
        ck_assert(!it_dns_stub_answered(S, &a));
    }
    ck_assert_int_gt(now, 0); /* it was asked again */
    it_dns_stub_input(S, late);
    ck_assert(it_dns_stub_answered(S, &a) && a.rcode == IT_DNS_OK && a.n == 1);
    stop();
}
END_TEST

/* The defaults of resolv.conf(5): two attempts of 5 s. */
START_TEST(silence_is_told_after_ten_seconds)
{
    it_dns_stub_answer a;
    int queries = 0;
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "four.tank", true, false, 1), 0);
    for (queries = turn(false); !it_dns_stub_answered(S, &a); queries += turn(false))
        it_dns_stub_tick(S, now = it_dns_stub_next(S));
    ck_assert(queries == 2 && now == 10 * IT_SEC && a.rcode == -1);
    stop();
}
END_TEST

START_TEST(one_answer_of_two_is_kept_and_the_other_asked_again)
{
    uint8_t q[600], out[600];
    it_dns_msg m;
    it_dns_stub_answer a;
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", true, true, 1), 0);
    size_t n = it_dns_stub_output(S, q, sizeof q);
    ck_assert(it_dns_parse(&m, it_bytes_of(q, n)) == 0 && m.type == IT_DNS_AAAA); /* RFC 8305 section 3: first */
    it_bytes six = it_dns_server_answer(Far, &m, out, sizeof out);
    it_dns_stub_input(S, six);
    it_dns_stub_input(S, six); /* twice is once */
    ck_assert(turn(false) == 1 && !it_dns_stub_answered(S, &a));
    for (int i = 0; i < IT_DNS_STUB_TRIES; i++)
        it_dns_stub_tick(S, now += IT_DNS_STUB_WAIT);
    ck_assert(it_dns_stub_answered(S, &a) && a.rcode == IT_DNS_OK && a.n == 2);
    stop();
}
END_TEST

/* RFC 5452 section 9.1. */
START_TEST(what_answers_no_question_is_ignored)
{
    uint8_t q[600], out[600];
    it_dns_msg m;
    it_dns_stub_answer a;
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", true, false, 1), 0);
    size_t n = it_dns_stub_output(S, q, sizeof q);
    it_dns_stub_input(S, it_bytes_of(q, n)); /* a query */
    ck_assert_int_eq(it_dns_parse(&m, it_bytes_of(q, n)), 0);
    it_bytes right = it_dns_server_answer(Far, &m, out, sizeof out);
    for (size_t k = 0; k < right.n; k++)
        it_dns_stub_input(S, it_bytes_of(out, k)); /* cut anywhere */
    out[0] ^= 1;                                   /* another identifier */
    it_dns_stub_input(S, right);
    out[0] ^= 1;
    out[13] ^= 1; /* another name */
    it_dns_stub_input(S, right);
    out[13] ^= 1;
    ck_assert(!it_dns_stub_answered(S, &a));
    it_dns_stub_input(S, right);
    ck_assert(it_dns_stub_answered(S, &a) && a.n == 1);
    stop();
}
END_TEST

START_TEST(questions_have_limits)
{
    start();
    ck_assert_int_eq(it_dns_stub_ask(S, now, "no name", true, true, 1), IT_ERR_RANGE);
    ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", false, false, 1), IT_ERR_RANGE);
    for (uint32_t i = 0; i < IT_DNS_STUB_ASKS; i++)
        ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", true, true, i), 0);
    ck_assert_int_eq(it_dns_stub_ask(S, now, "both.tank", true, true, 99), IT_ERR_FULL);
    ck_assert_int_eq(turn(true), 2 * IT_DNS_STUB_ASKS);
    it_dns_stub_answer a;
    for (uint32_t i = 0; i < IT_DNS_STUB_ASKS; i++)
        ck_assert(it_dns_stub_answered(S, &a) && a.tag == i && a.n == 3);
    stop();
    it_alloc_init_countdown(&mem, 0);
    it_rng rng;
    it_rng_init(&rng, 1, "stub");
    ck_assert_ptr_null(it_dns_stub_new(&mem, rng, A(SERVER)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dns/stub");
    TCase *t = tcase_create("RFC 1034 section 5.3.1");
    tcase_add_loop_test(t, the_addresses_of_a_name_are_those_of_the_families_asked_for_ipv6_first, 0, 8);
    tcase_add_test(t, silence_is_asked_again_and_then_told);
    tcase_add_test(t, an_answer_that_takes_six_seconds_is_taken);
    tcase_add_test(t, silence_is_told_after_ten_seconds);
    tcase_add_test(t, one_answer_of_two_is_kept_and_the_other_asked_again);
    tcase_add_test(t, what_answers_no_question_is_ignored);
    tcase_add_test(t, questions_have_limits);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
