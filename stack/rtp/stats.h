/* What a receiver knows of one source: valid or not, lost, duplicate, late, jitter, gaps and freezes.
 *
 * Sequence numbers are validated and extended by RFC 3550 appendix A.1, losses counted by A.3, jitter by A.8, all in
 * integers. The rest is what a listener notices:
 *
 *     late    arrives more than the deadline after the quickest packet would have: no playout buffer of that depth
 *             could have used it
 *     gap     the time between two arrivals while the source sends
 *     freeze  the time between two frames that could be shown (of voice: two packets that are not late), when it is at
 *             least three times the mean of the last thirty and 150 ms more than it (as webrtc-stats defines
 * freezeCount)
 *
 * A frame can be shown when all of its packets have come: those from the one behind the last frame's marker to its own.
 */
#ifndef IT_STACK_RTP_STATS_H
#define IT_STACK_RTP_STATS_H

#include "base/time.h"
#include "stack/rtp/rtcp.h"
#include "stack/rtp/rtp.h"

#define IT_RTP_DEADLINE (150 * IT_MS) /* when the config says 0 */
#define IT_RTP_PROBATION 2            /* MIN_SEQUENTIAL; 1 where packets are authentic */
#define IT_RTP_FRAMES 8               /* frames whose packets are being waited for */
#define IT_RTP_SEEN 128               /* sequence numbers in which a duplicate is known */

enum it_rtp_verdict {
    IT_RTP_TAKEN,
    IT_RTP_REORDERED, /* taken, behind a later one */
    IT_RTP_DUPLICATE,
    IT_RTP_UNPROVEN, /* of a source on probation */
    IT_RTP_INVALID   /* a sequence number too far from the others */
};

/* A frame of which not all is there. */
typedef struct it_rtp_frame {
    bool used, ended; /* |ended|: its marker has come, as |hi| */
    uint32_t ts;
    uint64_t lo, hi; /* extended sequence numbers */
    uint32_t n;
} it_rtp_frame;

typedef struct it_rtp_stats {
    uint32_t rate;
    bool frames; /* video: what is shown is frames */
    it_time deadline;
    uint8_t min_sequential;

    /* appendix A.1 and A.3 */
    bool any; /* a packet has come */
    uint8_t probation;
    uint16_t max_seq;
    uint32_t bad_seq;
    uint64_t base, highest; /* extended */
    uint64_t received, received_prior, expected_prior;
    uint64_t seen[IT_RTP_SEEN / 64];
    uint64_t duplicates; /* since the last restart, as |received| */
    uint64_t reordered, late, invalid, restarts, octets;
    uint64_t earlier_lost, earlier_duplicates, earlier_received; /* before the last restart */

    /* appendix A.8 */
    bool have_transit;
    uint32_t transit;
    uint64_t jitter16; /* 16 times the estimate */

    it_time last;   /* arrival of the last packet */
    bool streaming; /* false after a BYE: silence is no gap then */
    it_time longest_gap;
    uint32_t ts_first, ts_last; /* ts_last: highest */
    int64_t ts_high;            /* its distance from ts_first */
    it_time base_transit;       /* smallest, by two clocks; IT_NEVER: none */

    it_rtp_frame waiting[IT_RTP_FRAMES];
    uint64_t shown_to; /* extended number of the marker of the last complete frame, and whether there was one */
    bool shown_any;
    uint64_t shown;
    it_time shown_last, mean30; /* when; thirty times the mean interval, of up to thirty */
    uint32_t intervals;
    uint64_t freezes;
    it_time frozen, longest_freeze;
} it_rtp_stats;

/* Begins for a source whose media clock has |rate| Hz, of |frames| or of packets that stand alone. |deadline| 0 is
 * IT_RTP_DEADLINE, |probation| the packets in sequence that make it valid, 0: IT_RTP_PROBATION. */
void it_rtp_stats_init(it_rtp_stats *s, uint32_t rate, bool frames, it_time deadline, uint8_t probation);
/* Takes a packet of the source that came at |now|. */
enum it_rtp_verdict it_rtp_stats_take(it_rtp_stats *s, it_time now, const it_rtp *p);
/* The source has said that it ends. */
void it_rtp_stats_end(it_rtp_stats *s);
/* True when the source has proven itself. */
bool it_rtp_stats_valid(const it_rtp_stats *s);
/* Packets that were sent since the source last began anew, by their numbers. */
uint64_t it_rtp_stats_expected(const it_rtp_stats *s);
/* Packets that came, each once, those that did not, and copies of those that did, restarts of the source
 * notwithstanding. */
uint64_t it_rtp_stats_received(const it_rtp_stats *s);
uint64_t it_rtp_stats_lost(const it_rtp_stats *s);
uint64_t it_rtp_stats_duplicates(const it_rtp_stats *s);
/* The jitter in time. */
it_time it_rtp_stats_jitter(const it_rtp_stats *s);
/* The longest gap and freeze with the one that is under way at |now|. */
it_time it_rtp_stats_gap(const it_rtp_stats *s, it_time now);
it_time it_rtp_stats_freeze(const it_rtp_stats *s, it_time now);
/* Fills |b| for a report, all but SSRC, LSR and DLSR, and begins the next reporting interval. */
void it_rtp_stats_report(it_rtp_stats *s, it_rtcp_block *b);

#endif
