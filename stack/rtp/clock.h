/* Time as RTP counts it: media clocks and NTP timestamps, in integers. */
#ifndef IT_STACK_RTP_CLOCK_H
#define IT_STACK_RTP_CLOCK_H

#include "base/time.h"

/* |t|, not negative, in ticks of a clock of |rate| Hz, rounded down; the low 32 bits are a timestamp. */
static inline uint64_t it_rtp_ticks(it_time t, uint32_t rate)
{
    return (uint64_t)(t / IT_SEC) * rate + (uint64_t)(t % IT_SEC) * rate / (uint64_t)IT_SEC;
}

/* |ticks| of a clock of |rate| Hz as time, rounded down. */
static inline it_time it_rtp_time(int64_t ticks, uint32_t rate)
{
    return ticks / rate * IT_SEC + ticks % rate * IT_SEC / rate;
}

/* Virtual time |t| as an NTP timestamp (RFC 3550 section 4): seconds since 1900 and their fraction. */
static inline uint64_t it_rtp_ntp(it_time t)
{
    uint64_t s = (uint64_t)(IT_EPOCH_S + 2208988800LL + t / IT_SEC);
    return s << 32 | ((uint64_t)(t % IT_SEC) << 32) / (uint64_t)IT_SEC;
}

/* A duration of 1/65536 s each, as LSR and DLSR have it, and back. */
static inline uint32_t it_rtp_short(it_time t)
{
    return (uint32_t)it_rtp_ticks(t, 65536);
}

#endif
