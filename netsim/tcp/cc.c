/* Round trips (RFC 6298), the congestion window outside of recovery (RFC 5681, 3465, 7661), and Reno.
 *
 * Windows are counted in segments, small ones like large ones, as Linux does: a stream of small messages has as many
 * under way as one of large ones. */
#include "netsim/tcp/impl.h"

#define CLOCK_G IT_MS /* the granularity of RFC 6298, that of the timestamp clock */
#define CWND_MAX (1u << 20)
#define MIN_RTT_AGE (300 * IT_SEC)

/* The least of the last minutes, RFC 8985 section 6.2 step 1. */
static void note_min_rtt(it_tcp_conn *c, it_time now, it_time rtt)
{
    if (c->min_rtt != 0 && rtt > c->min_rtt && now - c->min_rtt_at <= MIN_RTT_AGE)
        return;
    c->min_rtt = rtt ? rtt : 1;
    c->min_rtt_at = now;
}

/* RFC 6298 section 2 (2.2), (2.3). */
void it_tcp_rtt_sample(it_tcp_conn *c, it_time now, it_time rtt)
{
    note_min_rtt(c, now, rtt);
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
void it_tcp_cc_start(it_tcp_conn *c, it_time now)
{
    c->cwnd = c->syn_again ? 1 : c->o.cwnd;
    c->ssthresh = CWND_MAX;
    c->used_at = now;
    c->round_end = c->snd_nxt;
    it_tcp_recover_start(c);
    c->cc->start(c, now);
    if (c->syn_again && c->srtt == 0) { /* RFC 6298 section 5 (5.7) */
        c->rto = 3 * IT_SEC > c->o.rto_init ? 3 * IT_SEC : c->o.rto_init;
        c->backoff = 0;
    }
}

/* --- is the window used? RFC 5681 section 4.1, RFC 7661 --- */

/* ssthresh keeps most of what the path has shown to bear. */
static void keep_most(it_tcp_conn *c)
{
    uint32_t most = c->cwnd - c->cwnd / 4;
    c->ssthresh = c->ssthresh > most ? c->ssthresh : most;
}

/* Nothing was under way: the window decays by half for each time-out that has gone by, down to the initial one. */
void it_tcp_cc_idle(it_tcp_conn *c, it_time now)
{
    it_time gap = now - c->sent_at, left = gap;
    uint32_t restart = it_tcp_less(c->o.cwnd, c->cwnd);
    if (c->sent_at == 0)
        return;
    c->cc->resume(c, now, gap);
    if (gap <= c->rto)
        return;
    keep_most(c);
    while ((left -= c->rto) > 0 && c->cwnd > restart)
        c->cwnd /= 2;
    c->cwnd = c->cwnd > restart ? c->cwnd : restart;
    c->used_at = now;
    c->used = 0;
}

/* For a time-out long less than the window was under way: it comes half way down. */
static void decay_window(it_tcp_conn *c, it_time now)
{
    uint32_t used = c->used > c->o.cwnd ? c->used : c->o.cwnd;
    if (c->recovery == TCP_OPEN && used < c->cwnd) {
        keep_most(c);
        c->cwnd = (c->cwnd + used) / 2;
    }
    c->used = 0;
    c->used_at = now;
}

/* Whether the window holds the sender back: in slow start half of it is enough, so that it doubles. */
static bool window_full(const it_tcp_conn *c)
{
    return c->limited || (c->cwnd < c->ssthresh && c->cwnd < 2 * c->most_out);
}

void it_tcp_cc_used(it_tcp_conn *c, it_time now, bool full)
{
    if (it_tcp_le(c->round_end, c->snd_una) || full || (!c->limited && c->out.n > c->most_out)) {
        c->limited = full;
        c->most_out = c->out.n;
        c->round_end = c->snd_nxt;
    }
    if (window_full(c)) {
        c->used = 0;
        c->used_at = now;
        return;
    }
    c->used = c->used > c->out.n ? c->used : c->out.n;
    if (now - c->used_at >= c->rto)
        decay_window(c, now);
}

/* --- growing --- */

/* RFC 3465 section 2.2, with L; section 2.3: L is 1 after a time-out. */
uint32_t it_tcp_cc_slow_start(it_tcp_conn *c, uint32_t n)
{
    uint32_t most = c->recovery == TCP_LOSS ? 1 : c->o.abc;
    uint32_t grown = c->cwnd + it_tcp_less(n, most);
    if (grown < c->ssthresh) {
        c->cwnd = grown;
        return 0;
    }
    uint32_t left = grown - c->ssthresh;
    c->cwnd = c->ssthresh > c->cwnd ? c->ssthresh : c->cwnd;
    return left;
}

void it_tcp_cc_add(it_tcp_conn *c, uint32_t w, uint32_t n)
{
    if (c->cwnd_acc >= w) { /* |w| is smaller than it was */
        c->cwnd_acc = 0;
        c->cwnd++;
    }
    c->cwnd_acc += n;
    c->cwnd += c->cwnd_acc / w;
    c->cwnd_acc %= w;
    c->cwnd = it_tcp_less(c->cwnd, CWND_MAX);
}

void it_tcp_cc_grow(it_tcp_conn *c, it_time now, uint32_t n)
{
    if (n && window_full(c))
        c->cc->grow(c, now, n);
}

/* --- Reno --- */

static void reno_start(it_tcp_conn *c, it_time now)
{
    (void)c;
    (void)now;
}

/* RFC 5681 section 3.1 equation (4), of the window: what is under way of a sender that has little to say is no measure.
 */
static uint32_t reno_ssthresh(it_tcp_conn *c)
{
    return c->cwnd / 2 > 2 ? c->cwnd / 2 : 2;
}

static void reno_grow(it_tcp_conn *c, it_time now, uint32_t n)
{
    (void)now;
    if (c->cwnd < c->ssthresh)
        n = it_tcp_cc_slow_start(c, n);
    if (n)
        it_tcp_cc_add(c, c->cwnd, n);
}

static void reno_sample(it_tcp_conn *c, it_time now, it_time rtt)
{
    (void)c;
    (void)now;
    (void)rtt;
}

static void reno_resume(it_tcp_conn *c, it_time now, it_time gap)
{
    (void)c;
    (void)now;
    (void)gap;
}

static const it_tcp_cc RENO = {"reno", reno_start, reno_ssthresh, reno_grow, reno_sample, reno_resume};

const it_tcp_cc *it_tcp_cc_of(const it_tcp_opts *o)
{
    return o->control == IT_TCP_RENO ? &RENO : &it_tcp_cubic_cc;
}
