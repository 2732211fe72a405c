/* Which news of smaller paths a socket believes. */
#include "lab/loop/impl.h"

#include <check.h>

static it_alloc ALLOC;
static it_loop LOOP = {.alloc = &ALLOC};
static uint8_t SENT[1300];

static loop_sock sock_of(it_addr to, uint8_t first)
{
    loop_sock s = {.kind = LOOP_BASE};
    it_alloc_init(&ALLOC);
    SENT[0] = first;
    ck_assert_int_eq(it_loop_sent_note(&LOOP, &s, to, it_bytes_of(SENT, sizeof SENT)), 0);
    return s;
}

static void sock_done(loop_sock *s)
{
    it_free(&ALLOC, s->sent);
    ck_assert_int_eq(ALLOC.live, 0);
}

START_TEST(what_was_sent_to_somebody_else_proves_nothing)
{
    it_addr to = it_addr_of(it_ip4(0xc0000201), 9), other = it_addr_of(it_ip4(0xc0000201), 10);
    loop_sock s = sock_of(to, 1);
    ck_assert(it_loop_sent_believes(&s, to, it_bytes_of(SENT, 100), 1000));
    ck_assert(!it_loop_sent_believes(&s, other, it_bytes_of(SENT, 100), 1000));
    sock_done(&s);
}
END_TEST

START_TEST(less_than_the_minimum_of_the_family_is_not_believed)
{
    it_addr to4 = it_addr_of(it_ip4(0xc0000201), 9), to6 = it_addr_of((it_ip){0x20010db800000000, 1}, 9);
    loop_sock s = sock_of(to4, 1);
    ck_assert(it_loop_sent_believes(&s, to4, it_bytes_of(SENT, 8), 68));
    ck_assert(!it_loop_sent_believes(&s, to4, it_bytes_of(SENT, 8), 67));
    sock_done(&s);
    s = sock_of(to6, 1);
    ck_assert(it_loop_sent_believes(&s, to6, it_bytes_of(SENT, 8), 1280));
    ck_assert(!it_loop_sent_believes(&s, to6, it_bytes_of(SENT, 8), 1279));
    sock_done(&s);
}
END_TEST

START_TEST(sixteen_are_remembered_and_small_ones_need_not_be)
{
    it_addr to = it_addr_of((it_ip){0x20010db800000000, 1}, 9);
    loop_sock s = {.kind = LOOP_BASE};
    it_alloc_init(&ALLOC);
    ck_assert_int_eq(it_loop_sent_note(&LOOP, &s, to, it_bytes_of(SENT, 1232)), 0);
    ck_assert_int_eq(it_loop_sent_note(&LOOP, &s, it_addr_of(it_ip4(1), 9), it_bytes_of(SENT, 548)), 0);
    ck_assert_ptr_null(s.sent);
    for (int i = 0; i < 17; i++) {
        SENT[0] = (uint8_t)i;
        ck_assert_int_eq(it_loop_sent_note(&LOOP, &s, to, it_bytes_of(SENT, sizeof SENT)), 0);
    }
    for (int i = 0; i < 17; i++) {
        SENT[0] = (uint8_t)i;
        ck_assert_int_eq(it_loop_sent_believes(&s, to, it_bytes_of(SENT, 8), 1280), i > 0);
    }
    sock_done(&s);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    loop_sock s = {.kind = LOOP_BASE};
    it_alloc_init_countdown(&ALLOC, 0);
    ck_assert_int_eq(it_loop_sent_note(&LOOP, &s, it_addr_of(it_ip4(1), 9), it_bytes_of(SENT, 600)), IT_ERR_NOMEM);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/sent");
    TCase *t = tcase_create("believed");
    tcase_add_test(t, what_was_sent_to_somebody_else_proves_nothing);
    tcase_add_test(t, less_than_the_minimum_of_the_family_is_not_believed);
    tcase_add_test(t, sixteen_are_remembered_and_small_ones_need_not_be);
    tcase_add_test(t, without_memory_it_says_so);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
