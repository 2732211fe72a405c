/* When to send RTCP: RFC 3550 sections 6.2 and 6.3, reconsideration and reverse reconsideration among them.
 *
 * Who is a member is its owner's business; it is told the counts. Absent: the early feedback of RFC 4585. */
#ifndef IT_STACK_RTP_INTERVAL_H
#define IT_STACK_RTP_INTERVAL_H

#include "base/rng.h"
#include "base/time.h"

#include <stdint.h>

#define IT_RTCP_MIN (5 * IT_SEC) /* least interval; half of it before the first packet */
#define IT_RTCP_TIMEOUT 5        /* intervals without a word after which a member is gone */
#define IT_RTCP_BYE_MEMBERS 50   /* with more members than these a BYE waits its turn */
#define IT_RTCP_INTERVAL_MAX (3600 * IT_SEC)

typedef struct it_rtcp_interval {
    it_rng rng;
    uint32_t bandwidth; /* of RTCP, octets a second, above 0 */
    it_time least;      /* Tmin */
    uint32_t members, pmembers, senders;
    bool we_sent, initial, leaving;
    uint32_t size16; /* avg_rtcp_size times 16 */
    it_time tp, tn;  /* last sent; next to be sent */
} it_rtcp_interval;

/* Joins at |now| (section 6.3.2). |size| is that of the first packet, with UDP and IP. |least| 0 is IT_RTCP_MIN. */
void it_rtcp_interval_init(it_rtcp_interval *v, it_time now, it_rng rng, uint32_t bandwidth, uint32_t size,
                           it_time least);
/* The calculated interval without randomness, Td of section 6.3.1, of a sender or a receiver. */
it_time it_rtcp_interval_td(const it_rtcp_interval *v, bool we_sent);
/* True when a packet is to be sent at |now|; else, if the timer had expired, it is set again (section 6.3.6). */
bool it_rtcp_interval_due(it_rtcp_interval *v, it_time now);
/* A packet of |size| bytes, UDP and IP among them, was sent at |now|, or received. */
void it_rtcp_interval_sent(it_rtcp_interval *v, it_time now, uint32_t size);
void it_rtcp_interval_received(it_rtcp_interval *v, uint32_t size);
/* The members are now so many, |senders| of them sending, ourselves among both; with fewer than before the next packet
 * comes earlier (section 6.3.4). While leaving it is not to be called. */
void it_rtcp_interval_members(it_rtcp_interval *v, it_time now, uint32_t members, uint32_t senders);
/* We leave with a BYE of |size| bytes (section 6.3.7): due at once, or by the rules among many. */
void it_rtcp_interval_leave(it_rtcp_interval *v, it_time now, uint32_t size);
/* While leaving: another one's BYE of |size| bytes came. */
void it_rtcp_interval_bye(it_rtcp_interval *v, uint32_t size);

#endif
