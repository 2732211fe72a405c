/* The intervals of RTCP. */
#include "stack/rtp/interval.h"

/* Section 6.3.1 step 4 and 5: between half and one and a half times Td, divided by e - 3/2. */
static it_time interval_draw(it_rtcp_interval *v)
{
    it_time td = it_rtcp_interval_td(v, v->we_sent);
    it_time t = td / 2 + (it_time)it_rng_below(&v->rng, (uint64_t)td + 1);
    return t * 100000 / 121828;
}

void it_rtcp_interval_init(it_rtcp_interval *v, it_time now, it_rng rng, uint32_t bandwidth, uint32_t size,
                           it_time least)
{
    *v = (it_rtcp_interval){.rng = rng,
                            .bandwidth = bandwidth ? bandwidth : 1,
                            .least = least ? least : IT_RTCP_MIN,
                            .members = 1,
                            .pmembers = 1,
                            .initial = true,
                            .size16 = size * 16,
                            .tp = now};
    v->tn = now + interval_draw(v);
}

it_time it_rtcp_interval_td(const it_rtcp_interval *v, bool we_sent)
{
    it_time least = v->initial ? v->least / 2 : v->least;
    uint64_t n = v->members, quarters = 4; /* of the bandwidth, that the |n| share */
    if (v->senders * 4ULL <= v->members) {
        quarters = we_sent ? 1 : 3;
        n = we_sent ? v->senders : v->members - v->senders;
    }
    /* Seconds are n * size / (bandwidth * quarters / 4); size16 / 16 is the size. */
    uint64_t octets16 = n * v->size16 * 4, rate16 = 16ULL * v->bandwidth * quarters;
    if (octets16 / rate16 >= (uint64_t)(IT_RTCP_INTERVAL_MAX / IT_SEC))
        return IT_RTCP_INTERVAL_MAX;
    it_time t = (it_time)(octets16 / rate16) * IT_SEC + (it_time)(octets16 % rate16 * 1000000 / rate16) * IT_US;
    return t < least ? least : t;
}

bool it_rtcp_interval_due(it_rtcp_interval *v, it_time now)
{
    if (now < v->tn)
        return false;
    if (v->leaving && v->tn == v->tp)
        return true; /* a BYE among few does not wait */
    it_time t = v->tp + interval_draw(v);
    v->pmembers = v->members;
    if (t <= now)
        return true;
    v->tn = t; /* reconsidered: more have come since it was set */
    return false;
}

void it_rtcp_interval_received(it_rtcp_interval *v, uint32_t size)
{
    if (!v->leaving)
        v->size16 += size - v->size16 / 16;
}

void it_rtcp_interval_sent(it_rtcp_interval *v, it_time now, uint32_t size)
{
    v->size16 += size - v->size16 / 16;
    v->initial = false;
    v->tp = now;
    v->tn = v->leaving ? IT_NEVER : now + interval_draw(v);
}

/* |t| times |a| / |b|, for |a| below |b|. */
static it_time interval_scale(it_time t, uint32_t a, uint32_t b)
{
    return t / b * a + t % b * a / b;
}

void it_rtcp_interval_members(it_rtcp_interval *v, it_time now, uint32_t members, uint32_t senders)
{
    v->members = members;
    v->senders = senders;
    if (members >= v->pmembers || v->tn == IT_NEVER)
        return;
    /* Section 6.3.4, reverse reconsideration. */
    if (v->tn > now)
        v->tn = now + interval_scale(v->tn - now, members, v->pmembers);
    v->tp = now - interval_scale(now - v->tp, members, v->pmembers);
    v->pmembers = members;
}

void it_rtcp_interval_leave(it_rtcp_interval *v, it_time now, uint32_t size)
{
    bool many = v->members > IT_RTCP_BYE_MEMBERS;
    v->leaving = v->initial = true;
    v->we_sent = false;
    v->members = v->pmembers = 1;
    v->senders = 0;
    v->size16 = size * 16;
    v->tp = v->tn = now;
    if (many)
        v->tn += interval_draw(v);
}

void it_rtcp_interval_bye(it_rtcp_interval *v, uint32_t size)
{
    v->members++;
    v->size16 += size - v->size16 / 16;
}
