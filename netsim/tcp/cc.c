/* Round trips, the congestion window, and recovery from loss: RFC 6298, 5681, 6582 (NewReno), 6675 (SACK). */
#include "netsim/tcp/impl.h"

#define CLOCK_G IT_MS /* the granularity of RFC 6298, that of the timestamp clock */
#define CWND_MAX (1u << 30)

/* RFC 6298 section 2 (2.2), (2.3). */
void it_tcp_rtt_sample(it_tcp_conn *c, it_time rtt)
{
    if (c->srtt == 0) {
        c->srtt = rtt ? rtt : 1;
        c->rttvar = rtt / 2;
    } else {
        it_time off = c->srtt > rtt ? c->srtt - rtt : rtt - c->srtt;
        c->rttvar = (3 * c->rttvar + off) / 4;
        c->srtt = (7 * c->srtt + rtt) / 8;
    }
    it_time spread = 4 * c->rttvar > CLOCK_G ? 4 * c->rttvar : CLOCK_G;
    c->rto = c->srtt + (spread > c->o.rto_min ? spread : c->o.rto_min);
    c->rto = c->rto < c->o.rto_max ? c->rto : c->o.rto_max;
    c->backoff = 0; /* section 5: the back-off ends with a sample */
}

/* RFC 6928 section 2; RFC 5681 section 3.1: one segment when the SYN or its answer was lost. */
static uint32_t initial_window(const it_tcp_conn *c)
{
    return (c->syn_again ? 1 : c->o.cwnd) * c->mss;
}

void it_tcp_cc_start(it_tcp_conn *c)
{
    c->cwnd = initial_window(c);
    c->ssthresh = CWND_MAX;
    c->recover = c->snd_una - 1;
    c->recovery = TCP_OPEN;
    if (c->syn_again && c->srtt == 0) { /* RFC 6298 section 5 (5.7) */
        c->rto = 3 * IT_SEC > c->o.rto_init ? 3 * IT_SEC : c->o.rto_init;
        c->backoff = 0;
    }
}

/* RFC 5681 section 4.1. */
void it_tcp_cc_idle(it_tcp_conn *c, it_time now)
{
    uint32_t restart = c->o.cwnd * c->mss;
    if (c->sent_at && now - c->sent_at > c->rto && c->cwnd > restart)
        c->cwnd = restart;
}

uint32_t it_tcp_cc_flight(const it_tcp_conn *c)
{
    if (c->recovery == TCP_FAST && c->sack)
        return c->pipe;
    return c->snd_nxt - c->snd_una - it_tcp_ranges_below(&c->sacked, c->snd_nxt);
}

/* --- the scoreboard, RFC 6675 section 4 --- */

static uint32_t sacked_bytes(const it_tcp_conn *c)
{
    return it_tcp_ranges_below(&c->sacked, c->snd_max);
}

/* IsLost of everything right below range |i|, above which |bytes| are SACKed. */
static bool is_lost(const it_tcp_conn *c, uint32_t i, uint32_t bytes)
{
    return c->sacked.n - i >= TCP_DUP_THRESH || bytes > (TCP_DUP_THRESH - 1) * c->mss;
}

/* SetPipe. */
void it_tcp_cc_pipe(it_tcp_conn *c)
{
    const it_tcp_ranges *r = &c->sacked;
    uint32_t above = sacked_bytes(c), from = c->snd_una;
    if (c->recovery != TCP_FAST || !c->sack)
        return;
    c->pipe = 0;
    for (uint32_t i = 0; i <= r->n; i++) {
        uint32_t to = i < r->n ? r->v[i].lo : c->snd_max;
        if (i == r->n || !is_lost(c, i, above))
            c->pipe += to - from; /* (a) */
        if (it_tcp_lt(from, c->high_rxt))
            c->pipe += it_tcp_min(to, c->high_rxt) - from; /* (b) */
        if (i < r->n) {
            above -= r->v[i].hi - r->v[i].lo;
            from = r->v[i].hi;
        }
    }
}

bool it_tcp_cc_sack_hole(const it_tcp_conn *c, bool sure, uint32_t *lo, uint32_t *hi)
{
    const it_tcp_ranges *r = &c->sacked;
    uint32_t above = sacked_bytes(c), from = c->snd_una;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t at = it_tcp_max(from, c->high_rxt);
        if (it_tcp_lt(at, r->v[i].lo) && (!sure || is_lost(c, i, above))) {
            *lo = at;
            *hi = r->v[i].lo;
            return true;
        }
        above -= r->v[i].hi - r->v[i].lo;
        from = r->v[i].hi;
    }
    return false;
}

bool it_tcp_cc_rescue(const it_tcp_conn *c, uint32_t *lo, uint32_t *hi)
{
    const it_tcp_ranges *r = &c->sacked;
    uint32_t n = r->n;
    *hi = c->snd_max;
    if (n && r->v[n - 1].hi == *hi)
        *hi = r->v[--n].lo;
    uint32_t from = n ? r->v[n - 1].hi : c->snd_una;
    *lo = *hi - from > c->mss ? *hi - c->mss : from;
    return it_tcp_lt(*lo, *hi);
}

/* --- the window --- */

static uint32_t half_flight(const it_tcp_conn *c, uint32_t flight)
{
    return flight / 2 > 2 * c->mss ? flight / 2 : 2 * c->mss; /* RFC 5681 section 3.1 equation (4) */
}

/* RFC 5681 section 3.1, when the window was what held the sender back. */
static void grow_cwnd(it_tcp_conn *c, uint32_t bytes, uint32_t flight)
{
    bool slow_start = c->cwnd < c->ssthresh;
    bool limited = slow_start ? 2 * flight > c->cwnd : flight + c->mss >= c->cwnd;
    if (!limited || c->cwnd >= CWND_MAX)
        return;
    if (slow_start) {
        c->cwnd += it_tcp_less(bytes, c->mss); /* equation (2) */
        return;
    }
    c->cwnd_acc += bytes;
    if (c->cwnd_acc >= c->cwnd) {
        c->cwnd_acc -= c->cwnd;
        c->cwnd += c->mss;
    }
}

/* RFC 6582 section 3.2 step 3; RFC 6675 section 5 (A), (B). */
static void acked_in_recovery(it_tcp_conn *c, uint32_t bytes)
{
    uint32_t flight = it_tcp_outstanding(c);
    if (it_tcp_le(c->recover, c->snd_una)) {
        c->recovery = TCP_OPEN;
        uint32_t now_out = (flight > c->mss ? flight : c->mss) + c->mss;
        c->cwnd = c->sack ? c->ssthresh : it_tcp_less(c->ssthresh, now_out);
        c->cwnd_acc = 0;
        return;
    }
    c->partial = true;
    if (c->sack)
        return;
    c->first_now = true;
    c->cwnd -= it_tcp_less(bytes, c->cwnd - c->mss);
    if (bytes >= c->mss)
        c->cwnd += c->mss;
}

void it_tcp_cc_acked(it_tcp_conn *c, uint32_t bytes, uint32_t flight)
{
    c->dupacks = 0;
    c->limited = 0;
    if (c->recovery == TCP_FAST) {
        acked_in_recovery(c, bytes);
        return;
    }
    if (c->recovery == TCP_LOSS && it_tcp_le(c->recover, c->snd_una))
        c->recovery = TCP_OPEN;
    if (c->recovery == TCP_OPEN && it_tcp_lt(c->recover, c->snd_una))
        c->recover = c->snd_una - 1; /* so that it never falls half a sequence space behind */
    grow_cwnd(c, bytes, flight);
}

/* RFC 6582 section 3.2 step 2; RFC 6675 section 5 (4). */
static void enter_recovery(it_tcp_conn *c)
{
    c->recovery = TCP_FAST;
    c->recoveries++;
    c->recover = c->snd_max;
    c->ssthresh = half_flight(c, it_tcp_outstanding(c) - c->limited);
    c->cwnd = c->ssthresh + (c->sack ? 0 : TCP_DUP_THRESH * c->mss);
    c->cwnd_acc = 0;
    c->high_rxt = c->snd_una;
    c->first_now = true;
    c->partial = false;
}

void it_tcp_cc_duplicate(it_tcp_conn *c)
{
    if (c->recovery == TCP_FAST && !c->sack)
        c->cwnd += c->mss; /* RFC 5681 section 3.2 step 4 */
    if (c->recovery != TCP_OPEN)
        return;
    c->dupacks++;
    bool lost = c->dupacks >= TCP_DUP_THRESH || (c->sacked.n && is_lost(c, 0, sacked_bytes(c)));
    /* RFC 6582 section 3.2 step 2: what was sent before the last recovery began another one already; RFC 6675
     * section 5.1. */
    bool fresh = c->sack ? it_tcp_le(c->recover, c->snd_una) : it_tcp_lt(c->recover, c->snd_una);
    if (lost && fresh)
        enter_recovery(c);
}

/* RFC 5681 section 3.1, RFC 6298 section 5 (5.4); RFC 6675 section 5.1, RFC 2018 section 8: SACK information is
 * forgotten. */
void it_tcp_cc_timeout(it_tcp_conn *c)
{
    if (c->recovery != TCP_LOSS || c->loss_una != c->snd_una)
        c->ssthresh = half_flight(c, it_tcp_outstanding(c));
    c->loss_una = c->snd_una;
    c->cwnd = c->mss;
    c->cwnd_acc = 0;
    c->recovery = TCP_LOSS;
    c->recover = c->snd_max;
    c->snd_nxt = c->high_rxt = c->snd_una;
    c->dupacks = c->limited = 0;
    c->first_now = c->timing = false;
    it_tcp_ranges_cut(&c->sacked, c->snd_max);
}
