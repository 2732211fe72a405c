/* Tail loss probes: RFC 8985 section 7. The end of a burst has nothing behind it that would show its loss; a probe
 * after two round trips has, well before the retransmission timer. */
#include "netsim/tcp/impl.h"

#define MAX_ACK_DELAY (200 * IT_MS) /* TLP.max_ack_delay */
#define LEAST (2 * IT_MS)           /* above two round trips, as Linux's timer has it */

/* Section 7.2: not in recovery, nothing SACKed, one probe at a time. */
static bool may_probe(const it_tcp_conn *c)
{
    if (!c->o.tlp || !c->sack)
        return false;
    if (c->recovery != TCP_OPEN || c->out.sacked || c->out.lost)
        return false;
    return c->out.n && !c->tlp_out && !c->backoff;
}

it_time it_tcp_tlp_when(const it_tcp_conn *c, it_time now)
{
    if (!may_probe(c))
        return IT_NEVER;
    it_time wait = c->srtt ? 2 * c->srtt : IT_SEC;
    if (c->srtt)
        wait += c->out.n == 1 ? MAX_ACK_DELAY : LEAST;
    it_time rto = it_tcp_rto(c);
    return now + (wait < rto ? wait : rto);
}

/* Section 7.3: new data if there is some and the peer has room, else the last segment again. The retransmission timer
 * starts from now. */
void it_tcp_tlp_timeout(it_tcp_conn *c, it_time now)
{
    uint32_t edge = c->snd_una + c->snd_wnd;
    bool fresh = it_tcp_lt(c->snd_nxt, it_tcp_data_end(c) + c->fin) && it_tcp_lt(c->snd_nxt, edge);
    c->timer[TCP_T_RTO] = IT_NEVER;
    if (c->out.n == 0 || c->tlp_out)
        return;
    if (!(fresh ? it_tcp_send_new(c, now) : it_tcp_send_again(c, now, c->out.n - 1)))
        return;
    c->tail_probes++;
    c->tlp_out = true;
    c->tlp_again = !fresh;
    c->tlp_end = c->snd_nxt;
}

/* Section 7.4: what the answer to the probe says. */
void it_tcp_tlp_ack(it_tcp_conn *c, uint32_t ack, const it_tcp_news *n)
{
    if (!c->tlp_out || it_tcp_lt(ack, c->tlp_end))
        return;
    if (!c->tlp_again || n->dsack) { /* 7.4.2 steps 1 and 2: the probe was new data, or the original came too */
        c->tlp_out = false;
    } else if (it_tcp_lt(c->tlp_end, ack)) { /* step 3: more than the probe, and no D-SACK: it mended a loss */
        c->tlp_out = false;
        if (c->recovery == TCP_OPEN) {
            c->ssthresh = c->cc->ssthresh(c);
            c->cwnd = c->ssthresh;
            c->cwnd_acc = 0;
        }
    } else if (!n->advanced && n->sacked == 0) { /* a bare duplicate: both came */
        c->tlp_out = false;
    }
}
