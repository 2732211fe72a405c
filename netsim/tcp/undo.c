/* Recoveries that were in vain: found by timestamps (Eifel, RFC 3522), by D-SACKs (RFC 2883, 3708) or by what arrives
 * after a time-out (F-RTO, RFC 5682), and taken back as RFC 4015 section 3.2 does. */
#include "netsim/tcp/impl.h"

void it_tcp_undo_start(it_tcp_conn *c)
{
    c->may_undo = true;
    c->undo_una = c->snd_una;
    c->undo_again = c->out.again ? (int32_t)c->out.again : -1;
    c->undo_cwnd = c->cwnd;
    c->undo_ssthresh = c->ssthresh;
}

void it_tcp_undo_sent(it_tcp_conn *c, it_time now)
{
    if (!c->again_stamped) { /* RFC 3522 section 3.2 step 2 */
        c->again_stamped = true;
        c->again_ts = it_tcp_ts_now(c, now);
    }
    c->undo_again = (c->undo_again < 0 ? 0 : c->undo_again) + 1;
}

void it_tcp_undo_dsack(it_tcp_conn *c, uint32_t lo, uint32_t hi)
{
    (void)lo;
    if (c->o.dsack && c->may_undo && c->undo_again > 0 && it_tcp_lt(c->undo_una, hi))
        c->undo_again--;
}

void it_tcp_undo_echo(it_tcp_conn *c, const it_tcp_seg *s)
{
    c->echo = c->ts && s->has_ts ? s->tsecr : 0;
}

/* RFC 3522 section 3.2 steps 4 and 5: the acknowledgment was caused by something that left before anything was sent
 * again. */
static bool delayed(const it_tcp_conn *c)
{
    return c->o.eifel && c->again_stamped && c->echo != 0 && it_tcp_lt(c->echo, c->again_ts);
}

static bool in_vain(const it_tcp_conn *c)
{
    return c->may_undo && ((c->o.dsack && c->undo_again == 0) || delayed(c));
}

/* RFC 4015 section 3.2: as if nothing had been lost. */
static void take_back(it_tcp_conn *c, bool lost)
{
    if (lost)
        it_tcp_sent_clear(c, SENT_LOST);
    c->cwnd = c->cwnd > c->undo_cwnd ? c->cwnd : c->undo_cwnd;
    c->ssthresh = c->ssthresh > c->undo_ssthresh ? c->ssthresh : c->undo_ssthresh;
    c->may_undo = false;
    c->undone++;
    c->rack.advanced = true;
}

bool it_tcp_undo_all(it_tcp_conn *c)
{
    if (!in_vain(c))
        return false;
    take_back(c, false);
    return true;
}

bool it_tcp_undo_duplicates(it_tcp_conn *c)
{
    if (!c->o.dsack || !c->may_undo || c->undo_again != 0)
        return false;
    take_back(c, false);
    return true;
}

/* A part was acknowledged: if by what was late, not lost, nothing more is marked as lost while a retransmission is
 * still under way (|*hold|), and otherwise the recovery ends. */
bool it_tcp_undo_partial(it_tcp_conn *c, uint32_t una, bool *hold)
{
    *hold = false;
    if (!c->may_undo || !delayed(c))
        return false;
    if (it_tcp_lt(una, c->fack))
        it_tcp_rack_reordered(c, una);
    if (c->out.again) {
        *hold = true;
        return false;
    }
    take_back(c, true);
    return true;
}

bool it_tcp_undo_loss(it_tcp_conn *c, bool frto)
{
    if (!frto && !in_vain(c))
        return false;
    take_back(c, true);
    c->backoff = 0;
    return true;
}

/* Section 3.1, the version for SACK, which without SACK goes by acknowledgments alone. */
bool it_tcp_frto_ack(it_tcp_conn *c, const it_tcp_news *n)
{
    bool beyond = it_tcp_lt(c->recover, c->snd_nxt);
    if (n->original && it_tcp_undo_loss(c, true)) /* step 3.b: not all was lost */
        return false;
    if (beyond) {
        if (n->sacked || n->dups) /* step 3.a: the loss was real */
            c->frto = false;
        return false;
    }
    if (!n->advanced || it_tcp_le(c->recover, c->snd_una))
        return false;
    c->recover = c->snd_nxt; /* step 2.b: new data tells */
    bool fresh = it_tcp_lt(c->snd_nxt, it_tcp_data_end(c) + c->fin) && it_tcp_lt(c->snd_nxt, c->snd_una + c->snd_wnd);
    c->frto = fresh;
    return fresh;
}
