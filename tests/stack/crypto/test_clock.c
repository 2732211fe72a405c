/* The clock functions of the process: virtual inside the OpenSSL seam, the system's outside, also for libcrypto. */
#include "stack/crypto/clock.h"
#include "stack/crypto/ossl.h"

#include <check.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
}

static it_rng stream(void)
{
    it_rng r;
    it_rng_init(&r, 1, "test/clock");
    return r;
}

static const clockid_t DATES[] = {CLOCK_REALTIME,         CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC,
                                  CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,   CLOCK_BOOTTIME};

START_TEST(between_enter_and_leave_dates_are_virtual)
{
    it_rng r = stream();
    struct timespec ts;
    struct timeval tv;
    time_t t = 0;
    it_time now = 90 * IT_SEC + 123456789;
    it_ossl_enter(&r, now);
    for (size_t i = 0; i < sizeof DATES / sizeof *DATES; i++) {
        ck_assert_int_eq(clock_gettime(DATES[i], &ts), 0);
        ck_assert(ts.tv_sec == IT_EPOCH_S + 90 && ts.tv_nsec == 123456789);
    }
    ck_assert_int_eq(gettimeofday(&tv, NULL), 0);
    ck_assert(tv.tv_sec == IT_EPOCH_S + 90 && tv.tv_usec == 123456);
    ck_assert(time(&t) == IT_EPOCH_S + 90 && t == IT_EPOCH_S + 90);
    it_ossl_leave();
}
END_TEST

START_TEST(outside_and_for_cpu_time_the_system_answers)
{
    it_rng r = stream();
    struct timespec ours, system, before;
    for (int inside = 0; inside < 2; inside++) {
        clockid_t clock = inside ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_REALTIME;
        if (inside)
            it_ossl_enter(&r, 0);
        ck_assert_int_eq((int)syscall(SYS_clock_gettime, clock, &before), 0);
        ck_assert_int_eq(clock_gettime(clock, &ours), 0);
        ck_assert_int_eq((int)syscall(SYS_clock_gettime, clock, &system), 0);
        ck_assert(ours.tv_sec >= before.tv_sec && ours.tv_sec <= system.tv_sec);
        if (inside)
            it_ossl_leave();
    }
    ck_assert(time(NULL) > IT_EPOCH_S);
    ck_assert_int_lt(clock_gettime((clockid_t)9999, &ours), 0); /* no such clock */
}
END_TEST

START_TEST(libcrypto_asks_the_same_clock)
{
    it_rng r = stream();
    int days, seconds;
    it_ossl_enter(&r, 3600 * IT_SEC);
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *epoch = ASN1_TIME_set(NULL, IT_EPOCH_S);
    it_ossl_leave();
    ck_assert(now && epoch && ASN1_TIME_diff(&days, &seconds, epoch, now));
    ck_assert(days == 0 && seconds == 3600);
    ASN1_TIME_free(now);
    ASN1_TIME_free(epoch);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/clock");
    TCase *t = tcase_create("clock");
    tcase_add_checked_fixture(t, setup, it_ossl_fini);
    tcase_add_test(t, between_enter_and_leave_dates_are_virtual);
    tcase_add_test(t, outside_and_for_cpu_time_the_system_answers);
    tcase_add_test(t, libcrypto_asks_the_same_clock);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
