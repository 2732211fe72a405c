/* The clock functions of a process whose worlds use OpenSSL: time, gettimeofday and clock_gettime.
 *
 * libcrypto and libssl ask them for dates. Those of clock.c tell the virtual time between it_ossl_enter and
 * it_ossl_leave and pass straight to the system outside. They replace libc's for the whole process, so they are no part
 * of the library: every program that calls it_ossl_init links the object clock.o beside libicetank.a, and one that does
 * not fails to link, for want of it_clock_is_ours. */
#ifndef IT_STACK_CRYPTO_CLOCK_H
#define IT_STACK_CRYPTO_CLOCK_H

#include <stdbool.h>

/* True: the process's clock functions are ours. */
extern const bool it_clock_is_ours;

#endif
