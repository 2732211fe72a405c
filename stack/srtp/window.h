/* Packet indices: estimated from sequence numbers (RFC 3711 section 3.3.1), and the list of those seen lately
 * (section 3.3.2). */
#ifndef IT_STACK_SRTP_WINDOW_H
#define IT_STACK_SRTP_WINDOW_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define IT_SRTP_INDEX_END (1ULL << 48) /* ROC and SEQ have no larger number */

/* The last |size| indices up to |highest|: bit i % size of |bits| for index i. */
typedef struct it_srtp_window {
    uint64_t highest; /* before the first packet: the ROC it is to have, times 2^16 */
    uint64_t *bits;   /* |size| / 64 words, the owner's */
    uint32_t size;    /* a power of two, 64 or more */
    bool any;
} it_srtp_window;

/* Begins with nothing seen, over |size| / 64 words of zeros. */
void it_srtp_window_init(it_srtp_window *w, uint64_t *bits, uint32_t size);

/* The index of which |seq| are the low 16 bits: the one nearest to the highest so far. IT_SRTP_INDEX_END or more when
 * the rollover counter has none left. */
uint64_t it_srtp_window_estimate(const it_srtp_window *w, uint16_t seq);

/* 0 when |index| is new; IT_ERR_REPLAY when it was marked, IT_ERR_OLD when it is below the window. */
int it_srtp_window_check(const it_srtp_window *w, uint64_t index);

/* Marks |index|, for which the check gave 0. */
void it_srtp_window_mark(it_srtp_window *w, uint64_t index);

#endif
