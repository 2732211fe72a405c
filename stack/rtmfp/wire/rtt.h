/* The clock of a session (RFC 7016 section 3.5.2.2): timestamps and their echoes, from them the round-trip time and the
 * effective retransmission timeout (ERTO), which grows while nothing is answered. */
#ifndef IT_STACK_RTMFP_WIRE_RTT_H
#define IT_STACK_RTMFP_WIRE_RTT_H

#include "base/time.h"
#include "stack/rtmfp/wire/packet.h"

#define IT_RTMFP_TICK (4 * IT_MS)         /* of timestamps */
#define IT_RTMFP_ECHO_AGE (128 * IT_SEC)  /* what is older is not echoed */
#define IT_RTMFP_ERTO_FIRST (3 * IT_SEC)  /* before there is a sample */
#define IT_RTMFP_ERTO_LEAST (250 * IT_MS) /* and MRTO before there is a sample */
#define IT_RTMFP_ERTO_CAP (10 * IT_SEC)
#define IT_RTMFP_DELACK (200 * IT_MS) /* how long a receiver may wait with an acknowledgment */

typedef struct it_rtmfp_rtt {
    bool has_rx, has_echo_tx, has_tx, has_echo_rx, has_srtt;
    uint16_t rx, echo_tx, tx, echo_rx; /* the last ones received and sent */
    it_time rx_at;
    it_time srtt, rttvar, mrto, erto;
} it_rtmfp_rtt;

/* Begins, as a session opens. */
void it_rtmfp_rtt_init(it_rtmfp_rtt *t);
/* Fills the timestamps of |h|, a packet that leaves at |now|: each only where it differs from the last one sent. */
void it_rtmfp_rtt_send(it_rtmfp_rtt *t, it_time now, it_rtmfp_head *h);
/* Takes those of a packet that is authentic. True when ERTO was measured anew. */
bool it_rtmfp_rtt_receive(it_rtmfp_rtt *t, it_time now, const it_rtmfp_head *h);
/* A timeout: makes ERTO longer by the square root of two, up to ten seconds, but not shorter than MRTO. */
void it_rtmfp_rtt_back_off(it_rtmfp_rtt *t);

#endif
