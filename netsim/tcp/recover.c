/* The states of recovery: fast recovery (RFC 6582, 6675, 8985) and what follows a time-out (RFC 5681, 6298), and which
 * segments count as lost where time does not tell (RFC 6675, 6582). */
#include "netsim/tcp/impl.h"

void it_tcp_recover_start(it_tcp_conn *c)
{
    c->recovery = TCP_OPEN;
    c->recover = c->snd_una - 1;
    c->fack = c->undo_una = c->snd_una;
    c->dup_thresh = TCP_DUP_THRESH;
    c->may_undo = false;
    it_tcp_rack_start(c);
}

uint32_t it_tcp_recover_left(const it_tcp_conn *c)
{
    return c->out.sacked + c->dups;
}

/* --- losses by count --- */

/* IsLost of RFC 6675 section 4, for every segment: SACKed are, above it, DupThresh runs or more than DupThresh - 1
 * segments of bytes. */
static void mark_by_count(it_tcp_conn *c)
{
    uint32_t runs = 0, bytes = 0;
    bool in_run = false;
    for (uint32_t i = c->out.n; c->out.sacked && i-- > 0;) {
        const it_tcp_sent *r = it_tcp_sent_at(&c->out, i);
        bool sacked = r->marks & SENT_SACKED;
        if (!sacked && (runs >= c->dup_thresh || bytes > (c->dup_thresh - 1) * c->mss))
            it_tcp_sent_lose(c, i, false);
        runs += sacked && !in_run;
        bytes += sacked ? r->hi - r->lo : 0;
        in_run = sacked;
    }
}

/* RFC 6582 section 3.2 steps 2 and 3: without SACK nothing is known but the first hole. */
static void mark_first(it_tcp_conn *c)
{
    bool partial = c->recovery == TCP_FAST && !(it_tcp_sent_at(&c->out, 0)->marks & SENT_AGAIN);
    if (c->dups >= TCP_DUP_THRESH || partial)
        it_tcp_sent_lose(c, 0, false);
}

static void mark_lost(it_tcp_conn *c, it_time now)
{
    if (c->out.n == 0)
        return;
    if (it_tcp_rack_on(c))
        it_tcp_rack_detect(c, now);
    else if (c->sack)
        mark_by_count(c);
    else
        mark_first(c);
}

bool it_tcp_recover_maybe(it_tcp_conn *c, uint32_t *i)
{
    if (c->recovery != TCP_FAST || !c->sack || c->o.rack)
        return false;
    for (*i = 0; *i < c->out.n; ++*i) {
        const it_tcp_sent *r = it_tcp_sent_at(&c->out, *i);
        if (it_tcp_le(c->fack, r->lo))
            return false;
        if (!(r->marks & (SENT_SACKED | SENT_AGAIN)))
            return true;
    }
    return false;
}

bool it_tcp_recover_rescue(it_tcp_conn *c, uint32_t *i)
{
    if (c->recovery != TCP_FAST || !c->sack || c->o.rack || c->rescued || !it_tcp_lt(c->undo_una, c->snd_una))
        return false;
    for (*i = c->out.n; (*i)-- > 0;)
        if (!(it_tcp_sent_at(&c->out, *i)->marks & SENT_SACKED))
            return c->rescued = true;
    return false;
}

/* --- entering and leaving --- */

void it_tcp_recover_enter(it_tcp_conn *c)
{
    it_tcp_undo_start(c);
    it_tcp_prr_start(c);
    c->recovery = TCP_FAST;
    c->recoveries++;
    c->recover = c->snd_nxt;
    c->ssthresh = c->cc->ssthresh(c);
    if (!c->o.prr)
        c->cwnd = c->ssthresh;
    c->cwnd_acc = 0;
    c->first_now = true;
    c->rescued = c->tlp_out = false;
}

static void leave_recovery(it_tcp_conn *c)
{
    bool slow = c->recovery == TCP_FAST && c->may_undo;
    if (slow && !c->sack && !c->o.prr) { /* RFC 6582 section 3.2 step 3, full acknowledgment (1) */
        uint32_t most = (c->out.n > 1 ? c->out.n : 1) + 1;
        c->cwnd = it_tcp_less(c->ssthresh, most);
    } else if (slow) {
        c->cwnd = c->ssthresh;
    }
    c->recovery = TCP_OPEN;
    c->frto = c->first_now = c->reneged = false; /* a D-SACK may still undo it */
    c->cwnd_acc = 0;
    c->rack.persist -= c->rack.persist > 0;
}

/* Everything up to |recover| has arrived. */
static void finish_recovery(it_tcp_conn *c)
{
    (void)it_tcp_undo_all(c);
    c->dups = 0;
    leave_recovery(c);
}

/* --- without SACK: RFC 6582 as RFC 6675's pipe has it --- */

/* A duplicate is a segment that has left; there is a hole at least. */
static void count_duplicate(it_tcp_conn *c)
{
    uint32_t holes = c->out.lost ? c->out.lost : 1;
    c->dups++;
    if (c->dups + holes > c->out.n)
        c->dups = c->out.n > holes ? c->out.n - holes : 0;
    c->delivered++;
}

/* One of what was acknowledged filled the hole, the others were the duplicates. */
static void eat_duplicates(it_tcp_conn *c, uint32_t acked)
{
    uint32_t n = acked ? acked - 1 : 0;
    c->dups = n < c->dups ? c->dups - n : 0;
}

static void count_dups(it_tcp_conn *c, const it_tcp_news *n)
{
    if (c->sack)
        return;
    if (n->dups && c->out.n)
        count_duplicate(c);
    else if (n->advanced && c->recovery == TCP_FAST)
        eat_duplicates(c, n->acked);
    else if (n->advanced)
        c->dups = 0;
}

/* --- an acknowledgment --- */

/* Without SACK, what was sent before the last recovery began another one already, and duplicates of what was sent again
 * for nothing follow it: RFC 6582 section 3.2 step 2, section 4. */
static bool is_fresh(const it_tcp_conn *c)
{
    return c->sack || it_tcp_lt(c->recover, c->snd_una);
}

static void ack_when_open(it_tcp_conn *c, it_time now)
{
    (void)it_tcp_undo_duplicates(c);
    if (c->out.again == 0)
        c->again_stamped = false;
    if (is_fresh(c)) {
        mark_lost(c, now);
        if (c->out.due && !it_tcp_plp_lost(c))
            it_tcp_recover_enter(c);
    }
    if (c->recovery == TCP_OPEN && it_tcp_lt(c->recover, c->snd_una))
        c->recover = c->snd_una - 1; /* so that it never falls half a sequence space behind */
}

static void ack_in_recovery(it_tcp_conn *c, it_time now, const it_tcp_news *n)
{
    bool hold = false;
    if (n->advanced && it_tcp_undo_partial(c, n->una, &hold)) {
        c->recovery = TCP_OPEN;
        return;
    }
    if (hold)
        return;
    if (it_tcp_undo_duplicates(c)) {
        c->recovery = TCP_OPEN;
        return;
    }
    if (n->advanced && !c->sack)
        c->first_now = true;
    mark_lost(c, now);
}

/* After a time-out: undone when it was spurious, else everything lost is sent again in slow start. */
static void ack_after_timeout(it_tcp_conn *c, it_time now, it_tcp_news *n)
{
    if (n->advanced && it_tcp_undo_loss(c, false)) {
        c->recovery = TCP_OPEN;
    } else if (c->frto) {
        c->hold = it_tcp_frto_ack(c, n);
        if (!c->may_undo)
            c->recovery = TCP_OPEN;
    }
    if (c->recovery == TCP_LOSS && !c->hold && it_tcp_rack_on(c))
        it_tcp_rack_detect(c, now);
}

/* The window: in fast recovery it comes down, else it may grow. */
static void steer_window(it_tcp_conn *c, it_time now, const it_tcp_news *n, uint32_t lost)
{
    uint32_t delivered = n->acked + n->sacked + (c->sack ? 0 : n->dups);
    if (c->recovery != TCP_FAST) {
        if (n->acked || (n->sacked && c->dup_thresh > TCP_DUP_THRESH)) /* SACKs alone may be of losses */
            it_tcp_cc_grow(c, now, n->acked + n->sacked);
        return;
    }
    if (c->o.prr)
        it_tcp_prr_ack(c, delivered, lost, n->advanced);
}

static void ack_by_state(it_tcp_conn *c, it_time now, it_tcp_news *n)
{
    if (c->recovery == TCP_LOSS)
        ack_after_timeout(c, now, n);
    if (c->recovery != TCP_OPEN && n->advanced && it_tcp_le(c->recover, c->snd_una))
        finish_recovery(c);
    if (c->recovery == TCP_OPEN)
        ack_when_open(c, now);
    else if (c->recovery == TCP_FAST)
        ack_in_recovery(c, now, n);
}

void it_tcp_recover_ack(it_tcp_conn *c, it_time now, it_tcp_news *n)
{
    uint32_t lost = c->out.lost;
    bool fast = c->recovery == TCP_FAST;
    c->delivered += n->acked + n->sacked;
    c->hold = false;
    count_dups(c, n);
    it_tcp_rack_adapt(c, n->dsack);
    if (it_tcp_lt(n->reordered, c->fack))
        it_tcp_rack_reordered(c, n->reordered);
    ack_by_state(c, now, n);
    if (!fast || c->recovery == TCP_FAST)
        steer_window(c, now, n, c->out.lost > lost ? c->out.lost - lost : 0);
}

/* --- a time-out --- */

/* RFC 2018 section 8: a peer may drop what it has SACKed. When the first segment bears that mark it has. */
static void mark_all_lost(it_tcp_conn *c, it_time now)
{
    c->reneged = c->out.n && (it_tcp_sent_at(&c->out, 0)->marks & SENT_SACKED);
    if (c->reneged) {
        it_tcp_sent_clear(c, SENT_SACKED);
        c->fack = c->snd_una;
    }
    for (uint32_t i = 0; i < c->out.n; i++) {
        /* RFC 8985 section 6.3: not what has left within the last round trip, but the first always. */
        if (i > 0 && !c->reneged && it_tcp_rack_on(c) && it_tcp_rack_early(c, now, it_tcp_sent_at(&c->out, i)))
            continue;
        it_tcp_sent_lose(c, i, true);
    }
}

/* RFC 5681 section 3.1, RFC 6298 section 5 (5.4); RFC 5682 section 3.1 step 1. */
void it_tcp_recover_timeout(it_tcp_conn *c, it_time now)
{
    bool fresh = c->recovery == TCP_OPEN || it_tcp_le(c->recover, c->snd_una);
    if (fresh || (c->recovery == TCP_LOSS && c->loss_una != c->snd_una)) {
        it_tcp_undo_start(c);
        c->ssthresh = c->cc->ssthresh(c);
        c->cc->start(c, now);
    }
    c->dups = 0;
    c->frto = c->o.frto && (fresh || c->recovery == TCP_LOSS) && c->out.n > 0;
    c->loss_una = c->snd_una;
    c->recovery = TCP_LOSS;
    c->recover = c->snd_nxt;
    mark_all_lost(c, now);
    c->cwnd = it_tcp_flight(c) + 1;
    c->cwnd_acc = 0;
    c->first_now = true;
    c->tlp_out = c->hold = false;
    c->plp.size = 0;
    c->timer[TCP_T_REO] = c->timer[TCP_T_PTO] = IT_NEVER;
}
