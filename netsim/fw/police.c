/* Policers: buckets that fill by themselves, kept as the time when they are full again. RFC 2697 section 3. */
#include "netsim/fw/impl.h"

/* A bucket of |room| ns that fills by itself: what costs |cost| ns goes over it, or takes its place. */
static bool police_over(it_time *tat, it_time now, it_time cost, it_time room)
{
    if (*tat - now > room)
        return true;
    *tat = (*tat > now ? *tat : now) + cost;
    return false;
}

bool it_fwc_over_udp_rate(it_fw *fw, it_time now, int port)
{
    uint32_t rate = fw->p.udp.rate_pps, burst = fw->p.udp.burst ? fw->p.udp.burst : 1;
    if (rate == 0)
        return false;
    it_time gap = IT_SEC / rate;
    return police_over(&fw->tat[port], now, gap, gap * (it_time)(burst - 1));
}

/* Whether |p| goes over the bucket of bytes, else it takes its place there. */
static bool police_over_bytes(it_fw *fw, it_time now, int port, const it_pkt *p)
{
    const it_fw_rate *r = &fw->p.police[port];
    int64_t bucket = r->bucket ? r->bucket : IT_PKT_MAX;
    if (bucket < p->len)
        return true;
    it_time cost = (it_time)p->len * 8 * IT_SEC / r->bps;
    it_time room = (bucket - p->len) * 8 * (IT_SEC / 1000) / r->bps * 1000;
    return police_over(&fw->tat_bps[port], now, cost, room);
}

bool it_fwc_over_police(it_fw *fw, it_time now, int port, const it_pkt *p)
{
    const it_fw_rate *r = &fw->p.police[port];
    it_time gap = r->pps ? IT_SEC / r->pps : 0, room = r->burst ? gap * (it_time)(r->burst - 1) : 0;
    if (r->pps && fw->tat_pps[port] - now > room)
        return true;
    if (r->bps && police_over_bytes(fw, now, port, p))
        return true;
    if (r->pps)
        (void)police_over(&fw->tat_pps[port], now, gap, room);
    return false;
}
