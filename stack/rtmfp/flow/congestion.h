/* The congestion window of a session: the controller of RFC 7016 appendix A, with the reduced growth that section
 * 3.5.2.1 demands of who is told that the far end receives time-critical data from somebody else. Windows are bytes of
 * chunks of user data. */
#ifndef IT_STACK_RTMFP_FLOW_CONGESTION_H
#define IT_STACK_RTMFP_FLOW_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IT_RTMFP_SMSS 1460
#define IT_RTMFP_CWND_INIT 4380
#define IT_RTMFP_CWND_TIMEDOUT IT_RTMFP_SMSS

/* What is known of time-critical data (appendix A.2). */
typedef struct it_rtmfp_urgency {
    bool fast;    /* FASTGROW_ALLOWED: no TCR came in here, and no session has sent TC, within 800 ms */
    bool tc_sent; /* this one has sent TC within 800 ms */
} it_rtmfp_urgency;

typedef struct it_rtmfp_congestion {
    uint64_t cwnd, ssthresh, accumulated;
    uint64_t acked, outstanding; /* of the packet that is being taken: acknowledged; outstanding before it */
    bool loss, naks, acks;
} it_rtmfp_congestion;

void it_rtmfp_congestion_init(it_rtmfp_congestion *c);
/* A timeout; with |was_loss| something was in flight. */
void it_rtmfp_congestion_timeout(it_rtmfp_congestion *c, bool was_loss);
/* A packet begins to be taken, with |outstanding| bytes in flight. Then what it says: bytes acknowledged, a negative
 * acknowledgement, a loss. Then it ends. */
void it_rtmfp_congestion_begin(it_rtmfp_congestion *c, uint64_t outstanding);
void it_rtmfp_congestion_acked(it_rtmfp_congestion *c, uint64_t bytes);
void it_rtmfp_congestion_nak(it_rtmfp_congestion *c);
void it_rtmfp_congestion_loss(it_rtmfp_congestion *c);
void it_rtmfp_congestion_end(it_rtmfp_congestion *c, it_rtmfp_urgency u);

#endif
