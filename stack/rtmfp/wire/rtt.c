/* Timestamps, round-trip times and the retransmission timeout. */
#include "stack/rtmfp/wire/rtt.h"

static uint16_t rtt_ticks(it_time t)
{
    return (uint16_t)(t / IT_RTMFP_TICK);
}

void it_rtmfp_rtt_init(it_rtmfp_rtt *t)
{
    *t = (it_rtmfp_rtt){.mrto = IT_RTMFP_ERTO_LEAST, .erto = IT_RTMFP_ERTO_FIRST};
}

void it_rtmfp_rtt_send(it_rtmfp_rtt *t, it_time now, it_rtmfp_head *h)
{
    uint16_t tick = rtt_ticks(now);
    h->has_ts = !t->has_tx || tick != t->tx;
    if (h->has_ts) {
        t->has_tx = true;
        h->ts = t->tx = tick;
    }
    h->has_echo = false;
    if (!t->has_rx)
        return;
    it_time elapsed = now - t->rx_at;
    if (elapsed > IT_RTMFP_ECHO_AGE) {
        t->has_rx = t->has_echo_tx = false;
        return;
    }
    uint16_t echo = (uint16_t)(t->rx + rtt_ticks(elapsed));
    if (t->has_echo_tx && echo == t->echo_tx)
        return;
    t->has_echo_tx = h->has_echo = true;
    h->echo = t->echo_tx = echo;
}

bool it_rtmfp_rtt_receive(it_rtmfp_rtt *t, it_time now, const it_rtmfp_head *h)
{
    if (h->has_ts && (!t->has_rx || h->ts != t->rx)) {
        t->has_rx = true;
        t->rx = h->ts;
        t->rx_at = now;
    }
    if (!h->has_echo || (t->has_echo_rx && h->echo == t->echo_rx))
        return false;
    t->has_echo_rx = true;
    t->echo_rx = h->echo;
    uint16_t ticks = (uint16_t)(rtt_ticks(now) - h->echo);
    if (ticks > INT16_MAX)
        return false;
    it_time rtt = ticks * IT_RTMFP_TICK;
    if (t->has_srtt) {
        it_time delta = t->srtt > rtt ? t->srtt - rtt : rtt - t->srtt;
        t->rttvar = (3 * t->rttvar + delta) / 4;
        t->srtt = (7 * t->srtt + rtt) / 8;
    } else {
        t->has_srtt = true;
        t->srtt = rtt;
        t->rttvar = rtt / 2;
    }
    t->mrto = t->srtt + 4 * t->rttvar + IT_RTMFP_DELACK;
    t->erto = t->mrto > IT_RTMFP_ERTO_LEAST ? t->mrto : IT_RTMFP_ERTO_LEAST;
    return true;
}

void it_rtmfp_rtt_back_off(it_rtmfp_rtt *t)
{
    it_time longer = t->erto * 14142 / 10000;
    if (longer > IT_RTMFP_ERTO_CAP)
        longer = IT_RTMFP_ERTO_CAP;
    t->erto = longer > t->mrto ? longer : t->mrto;
}
