/* RACK: segments are lost when others that left later have arrived and enough time has passed, RFC 8985 section 6. */
#include "netsim/tcp/impl.h"

#define PERSIST 16        /* recoveries for which a larger window is kept, section 6.2 step 4 */
#define GRANULARITY IT_MS /* of the timer, as of the clock of timestamps */

void it_tcp_rack_start(it_tcp_conn *c)
{
    c->rack = (it_tcp_rack){.end = c->snd_una, .mult = 1};
}

/* RACK_sent_after. */
static bool sent_after(it_time at, uint32_t end, it_time than, uint32_t than_end)
{
    return at > than || (at == than && it_tcp_lt(than_end, end));
}

/* Steps 1 and 2: the segment that left last of those that have arrived. */
void it_tcp_rack_delivered(it_tcp_conn *c, it_time now, it_time at, uint32_t end, uint8_t marks)
{
    it_tcp_rack *r = &c->rack;
    /* Step 2: an answer faster than any round trip is the first transmission's. */
    if ((marks & SENT_EVER) && now - at < c->min_rtt)
        return;
    r->advanced = true;
    r->rtt = now - at;
    if (sent_after(at, end, r->at, r->end)) {
        r->at = at;
        r->end = end;
    }
}

/* Step 3. */
void it_tcp_rack_reordered(it_tcp_conn *c, uint32_t lo)
{
    uint32_t by = (c->fack - lo + c->mss - 1) / c->mss;
    if (!it_tcp_lt(lo, c->fack))
        return;
    c->reordered = true;
    if (by > c->dup_thresh)
        c->dup_thresh = by < 300 ? by : 300;
}

/* Step 4: RACK_update_reo_wnd, once a round trip. */
void it_tcp_rack_adapt(it_tcp_conn *c, bool dsack)
{
    it_tcp_rack *r = &c->rack;
    r->dsack = r->dsack || dsack;
    if (r->dsack && it_tcp_le(r->changed, c->delivered)) {
        r->dsack = false;
        r->mult = r->mult < 255 ? r->mult + 1 : 255;
        r->persist = PERSIST;
        r->changed = c->delivered + c->out.n;
    } else if (r->persist == 0) {
        r->mult = 1;
    }
}

/* The window for reordering, section 6.2 step 4. */
static it_time reo_wnd(const it_tcp_conn *c)
{
    it_time wnd = c->min_rtt / 4 * c->rack.mult;
    if (!c->reordered && (c->recovery != TCP_OPEN || c->out.sacked >= c->dup_thresh))
        return 0;
    return wnd < c->srtt ? wnd : c->srtt;
}

bool it_tcp_rack_early(const it_tcp_conn *c, it_time now, const it_tcp_sent *r)
{
    return r->at + c->rack.rtt > now;
}

/* Step 5: RACK_detect_loss. Returns how long until the next may be lost, 0: none. What was sent once lies in the order
 * in which it left, so that the first of those that left after RACK.segment ends the search. */
static it_time detect_loss(it_tcp_conn *c, it_time now)
{
    const it_tcp_rack *k = &c->rack;
    it_time wnd = reo_wnd(c), wait = 0;
    for (uint32_t i = 0; i < c->out.n; i++) {
        const it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
        bool due = (r->marks & (SENT_LOST | SENT_AGAIN)) == SENT_LOST;
        if ((r->marks & SENT_SACKED) || due)
            continue;
        if (!sent_after(k->at, k->end, r->at, r->hi)) {
            if (r->marks & SENT_EVER)
                continue;
            break;
        }
        it_time left = r->at + k->rtt + wnd - now;
        if (left <= 0)
            it_tcp_sent_lose(c, i, true);
        else if (left > wait)
            wait = left;
    }
    return wait;
}

void it_tcp_rack_detect(it_tcp_conn *c, it_time now)
{
    if (!c->rack.advanced)
        return;
    c->rack.advanced = false;
    it_time wait = detect_loss(c, now);
    c->timer[TCP_T_REO] = wait ? now + wait + GRANULARITY : IT_NEVER;
}

/* The window for reordering is over. */
void it_tcp_rack_timeout(it_tcp_conn *c, it_time now)
{
    uint32_t lost = c->out.lost;
    it_time wait = detect_loss(c, now);
    c->timer[TCP_T_REO] = wait ? now + wait + GRANULARITY : IT_NEVER;
    if (c->out.due && c->recovery == TCP_OPEN && !it_tcp_plp_lost(c)) {
        it_tcp_recover_enter(c);
        it_tcp_prr_ack(c, 1, c->out.lost - lost, false);
    }
}
