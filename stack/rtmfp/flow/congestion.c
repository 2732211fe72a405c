/* RFC 7016 appendix A.2, figures 24 and 25, in whole bytes. */
#include "stack/rtmfp/flow/congestion.h"

#define SCALABLE 67200 /* outstanding bytes from which a loss cuts an eighth */
#define STEP 48        /* of additive increase; half of it where growth is reduced */
#define THRESHOLD_LEAST 64
#define THRESHOLD_MOST 4800
#define THRESHOLD_MOST_TC 2400

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void it_rtmfp_congestion_init(it_rtmfp_congestion *c)
{
    *c = (it_rtmfp_congestion){.cwnd = IT_RTMFP_CWND_INIT, .ssthresh = UINT64_MAX};
}

void it_rtmfp_congestion_timeout(it_rtmfp_congestion *c, bool was_loss)
{
    c->ssthresh = larger(c->ssthresh, c->cwnd * 3 / 4);
    c->accumulated = 0;
    c->cwnd = was_loss ? IT_RTMFP_CWND_TIMEDOUT : IT_RTMFP_CWND_INIT;
}

void it_rtmfp_congestion_begin(it_rtmfp_congestion *c, uint64_t outstanding)
{
    c->loss = c->naks = c->acks = false; /* the appendix forgets the last of them */
    c->acked = 0;
    c->outstanding = outstanding;
}

void it_rtmfp_congestion_acked(it_rtmfp_congestion *c, uint64_t bytes)
{
    c->acks = true;
    c->acked += bytes;
}

void it_rtmfp_congestion_nak(it_rtmfp_congestion *c)
{
    c->naks = true;
}

void it_rtmfp_congestion_loss(it_rtmfp_congestion *c)
{
    c->loss = true;
}

static void congestion_cut(it_rtmfp_congestion *c, it_rtmfp_urgency u)
{
    uint64_t left = c->outstanding / 2;
    if (u.tc_sent || (c->outstanding > SCALABLE && u.fast))
        left = c->outstanding * 7 / 8;
    c->cwnd = c->ssthresh = larger(left, IT_RTMFP_CWND_INIT);
    c->accumulated = 0;
}

/* Additive: |step| bytes for each sixteenth of the window that was acknowledged, or for each |most| bytes. */
static uint64_t congestion_add(it_rtmfp_congestion *c, uint64_t step, uint64_t most)
{
    uint64_t threshold = smaller(larger(c->cwnd / 16, THRESHOLD_LEAST), most);
    c->accumulated += c->acked;
    uint64_t steps = c->accumulated / threshold;
    c->accumulated %= threshold;
    return steps * step;
}

static uint64_t congestion_grow(it_rtmfp_congestion *c, it_rtmfp_urgency u)
{
    bool slow_start = c->cwnd < c->ssthresh;
    if (u.fast && slow_start)
        return c->acked;
    if (u.fast)
        return congestion_add(c, STEP, THRESHOLD_MOST);
    if (slow_start && u.tc_sent)
        return (c->acked + 3) / 4;
    return congestion_add(c, STEP / 2, u.tc_sent ? THRESHOLD_MOST_TC : THRESHOLD_MOST);
}

void it_rtmfp_congestion_end(it_rtmfp_congestion *c, it_rtmfp_urgency u)
{
    if (c->loss) {
        congestion_cut(c, u);
        return;
    }
    if (!c->acks || c->naks || c->outstanding < c->cwnd) /* a window that is not used does not grow */
        return;
    uint64_t more = smaller(congestion_grow(c, u), IT_RTMFP_SMSS);
    c->cwnd = larger(c->cwnd + more, IT_RTMFP_CWND_INIT);
}
