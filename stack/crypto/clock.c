/* time, gettimeofday and clock_gettime of the process; an object of its own, linked into programs (clock.h). */
#include "stack/crypto/clock.h"

#include "stack/crypto/ossl.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

const bool it_clock_is_ours = true;

/* Seconds and nanoseconds of |clock|: virtual between enter and leave for the clocks that tell a date or an uptime. */
static int read_clock(clockid_t clock, struct timespec *ts)
{
    it_time now;
    bool date = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC ||
                clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME;

    if (!date || !it_ossl_now(&now))
        return (int)syscall(SYS_clock_gettime, clock, ts);
    ts->tv_sec = (time_t)(IT_EPOCH_S + now / IT_SEC);
    ts->tv_nsec = (long)(now % IT_SEC);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    return read_clock(clock, ts);
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts = {0, 0};
    int rc = read_clock(CLOCK_REALTIME, &ts);

    (void)zone; /* obsolete: POSIX leaves its use unspecified */
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
    return rc;
}

time_t time(time_t *out)
{
    struct timespec ts = {0, 0};

    if (read_clock(CLOCK_REALTIME, &ts) < 0)
        return (time_t)-1;
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}
