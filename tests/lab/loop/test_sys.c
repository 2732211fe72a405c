/* Errors of the kernel as the contract has them. */
#include "lab/loop/impl.h"

#include <check.h>
#include <errno.h>

START_TEST(every_icmp_error_and_want_of_a_route_is_unreachable)
{
    /* net/ipv4/icmp.c, icmp_err_convert; net/ipv6/icmp.c, tab_unreach; ip-route(8), prohibit. */
    static const int ICMP[] = {ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, EOPNOTSUPP, EHOSTDOWN, ENONET, EPROTO, EACCES};
    for (size_t i = 0; i < sizeof ICMP / sizeof *ICMP; i++)
        ck_assert_int_eq(it_loop_end(ICMP[i]), IT_IO_END_UNREACHABLE);
}
END_TEST

START_TEST(a_peer_refuses_resets_or_is_silent_and_the_rest_is_the_hosts)
{
    ck_assert_int_eq(it_loop_end(ECONNREFUSED), IT_IO_END_REFUSED);
    ck_assert_int_eq(it_loop_end(ECONNRESET), IT_IO_END_RESET);
    ck_assert_int_eq(it_loop_end(EPIPE), IT_IO_END_RESET);
    ck_assert_int_eq(it_loop_end(ETIMEDOUT), IT_IO_END_TIMEOUT);
    ck_assert_int_eq(it_loop_end(EADDRNOTAVAIL), IT_IO_END_LOCAL);
    ck_assert_int_eq(it_loop_end(EMFILE), IT_IO_END_LOCAL);
    ck_assert_int_eq(it_loop_end(ECONNABORTED), IT_IO_END_LOCAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/sys");
    TCase *t = tcase_create("ends");
    tcase_add_test(t, every_icmp_error_and_want_of_a_route_is_unreachable);
    tcase_add_test(t, a_peer_refuses_resets_or_is_silent_and_the_rest_is_the_hosts);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
