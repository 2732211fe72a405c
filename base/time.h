/* Virtual time: the one clock of a world, counted in nanoseconds from its first instant.
 *
 * Time is always an argument, never fetched; nothing in base, stack or netsim reads a real clock. */
#ifndef IT_BASE_TIME_H
#define IT_BASE_TIME_H

#include <stdint.h>

/* Nanoseconds since the world began; also used for durations. */
typedef int64_t it_time;

#define IT_NEVER INT64_MAX
#define IT_US ((it_time)1000)
#define IT_MS ((it_time)1000000)
#define IT_SEC ((it_time)1000000000)

/* What the calendar says at time 0: 2011-01-05 02:01:00 UTC, when the discussion behind this project began.
 * Certificates, captures and nonces all count from here. */
#define IT_EPOCH_S ((int64_t)1294192860)

#endif
