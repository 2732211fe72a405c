/* CUBIC: RFC 9438, in integers as Linux has it, with HyStart (section 4.10).
 *
 * The window after a loss follows W(t) = C (t - K)^3 + W_max, in segments and units of 1/1024 s; C is 410/1024, beta
 * 717/1024. */
#include "netsim/tcp/impl.h"

#define UNIT 1024     /* of beta, C and of a second */
#define BETA 717      /* 0.7 */
#define C_SCALED 410  /* 0.4 */
#define RENO_SCALE 15 /* 8 (1024 + beta) / 3 (1024 - beta): segments for one more in the Reno region, section 4.3 */
#define RECENT (IT_SEC / 32) /* the curve is looked at so often */
#define LEAST_COUNT 2        /* the window grows by half a round trip at most, section 4.2 */
#define START_COUNT 20       /* and by 5 % at least before the first loss */
#define FLAT_COUNT 100       /* at the plateau: 1 % */

#define HYSTART_LOW 16 /* segments: below, slow start is not looked at */
#define HYSTART_SAMPLES 8
#define HYSTART_TRAIN (2 * IT_MS)
#define HYSTART_LEAST (4 * IT_MS)
#define HYSTART_MOST (16 * IT_MS)

/* The integer part of the cube root of |a|, digit by digit: three bits of |a| for each. */
static uint64_t cube_root(uint64_t a)
{
    uint64_t y = 0;
    for (int s = 63; s >= 0; s -= 3) {
        y *= 2;
        uint64_t b = 3 * y * (y + 1) + 1;
        if ((a >> s) >= b) {
            a -= b << s;
            y++;
        }
    }
    return y;
}

static uint64_t time_units(it_time t)
{
    return (uint64_t)t / (IT_SEC / UNIT);
}

/* --- HyStart: slow start ends before queues overflow --- */

static void hystart_round(it_tcp_conn *c, it_time now)
{
    it_tcp_cubic *q = &c->cubic;
    q->round_at = q->train_at = now;
    q->round_end = c->snd_nxt;
    q->round_rtt = IT_NEVER;
    q->samples = 0;
}

/* Acknowledgments in a train that lasts half a round trip fill the pipe. */
static bool hystart_train(it_tcp_cubic *q, it_time now)
{
    if (now - q->train_at > HYSTART_TRAIN)
        return false;
    q->train_at = now;
    return now - q->round_at > q->rtt_min / 2;
}

/* The least round trip of this round is above the least of all by an eighth. */
static bool hystart_delay(it_tcp_cubic *q, it_time rtt)
{
    it_time more = q->rtt_min / 8;
    more = more < HYSTART_LEAST ? HYSTART_LEAST : more;
    more = more > HYSTART_MOST ? HYSTART_MOST : more;
    q->round_rtt = rtt < q->round_rtt ? rtt : q->round_rtt;
    if (q->samples < HYSTART_SAMPLES) {
        q->samples++;
        return false;
    }
    return q->round_rtt > q->rtt_min + more;
}

static void hystart_sample(it_tcp_conn *c, it_time now, it_time rtt)
{
    it_tcp_cubic *q = &c->cubic;
    if (it_tcp_lt(q->round_end, c->snd_una))
        hystart_round(c, now);
    if (c->cwnd < HYSTART_LOW)
        return;
    bool train = hystart_train(q, now), delay = hystart_delay(q, rtt);
    if (train || delay) {
        q->left = true;
        c->ssthresh = c->cwnd;
    }
}

static void cubic_sample(it_tcp_conn *c, it_time now, it_time rtt)
{
    it_tcp_cubic *q = &c->cubic;
    if (q->epoch != IT_NEVER && now - q->epoch < IT_SEC) /* right after a loss they tell nothing */
        return;
    rtt = rtt ? rtt : 1;
    if (q->rtt_min == 0 || rtt < q->rtt_min)
        q->rtt_min = rtt;
    if (!q->left && c->o.hystart && c->cwnd < c->ssthresh)
        hystart_sample(c, now, rtt);
}

/* --- the curve --- */

static void cubic_start(it_tcp_conn *c, it_time now)
{
    c->cubic = (it_tcp_cubic){.epoch = IT_NEVER};
    hystart_round(c, now);
}

/* Sections 4.6 and 4.7: multiplicative decrease, and fast convergence. */
static uint32_t cubic_ssthresh(it_tcp_conn *c)
{
    it_tcp_cubic *q = &c->cubic;
    uint64_t w = c->cwnd;
    q->epoch = IT_NEVER;
    q->w_max = w < q->w_max ? (uint32_t)(w * (UNIT + BETA) / (2 * UNIT)) : c->cwnd;
    uint32_t next = (uint32_t)(w * BETA / UNIT);
    return next > 2 ? next : 2;
}

/* Section 4.2: from here to the plateau it takes K. */
static void begin_epoch(it_tcp_conn *c, it_time now, uint32_t n)
{
    it_tcp_cubic *q = &c->cubic;
    q->epoch = now;
    q->est_acc = n;
    q->w_est = c->cwnd;
    q->k = 0;
    q->origin = c->cwnd;
    if (q->w_max > c->cwnd) {
        q->k = cube_root(((uint64_t)1 << 40) / C_SCALED * (q->w_max - c->cwnd));
        q->origin = q->w_max;
    }
}

/* W(t + RTT), section 4.2. */
static uint32_t cubic_target(const it_tcp_cubic *q, it_time now)
{
    uint64_t t = time_units(now - q->epoch + q->rtt_min), off = t < q->k ? q->k - t : t - q->k;
    if (off > 200 * UNIT) /* three minutes past the plateau: as far as one needs to look */
        off = 200 * UNIT;
    uint64_t by = C_SCALED * off * off * off >> 40;
    if (t < q->k)
        return by < q->origin ? q->origin - (uint32_t)by : 0;
    return q->origin + (uint32_t)by;
}

static void look_at_curve(it_tcp_conn *c, it_time now)
{
    it_tcp_cubic *q = &c->cubic;
    uint32_t target = cubic_target(q, now);
    q->count = target > c->cwnd ? c->cwnd / (target - c->cwnd) : FLAT_COUNT * c->cwnd;
    if (q->w_max == 0 && q->count > START_COUNT)
        q->count = START_COUNT;
}

/* Section 4.3: never slower than Reno. */
static void keep_up_with_reno(it_tcp_conn *c)
{
    it_tcp_cubic *q = &c->cubic;
    uint32_t each = c->cwnd * RENO_SCALE / 8;
    while (each && q->est_acc > each) {
        q->est_acc -= each;
        q->w_est++;
    }
    if (q->w_est > c->cwnd) {
        uint32_t most = c->cwnd / (q->w_est - c->cwnd);
        q->count = it_tcp_less(q->count, most);
    }
}

static void cubic_update(it_tcp_conn *c, it_time now, uint32_t n)
{
    it_tcp_cubic *q = &c->cubic;
    bool fresh = q->epoch == IT_NEVER;
    q->est_acc += n;
    if (!fresh && q->last_cwnd == c->cwnd && now - q->last_at <= RECENT)
        return;
    q->last_cwnd = c->cwnd;
    q->last_at = now;
    if (fresh)
        begin_epoch(c, now, n);
    look_at_curve(c, now);
    keep_up_with_reno(c);
    q->count = q->count > LEAST_COUNT ? q->count : LEAST_COUNT;
}

static void cubic_grow(it_tcp_conn *c, it_time now, uint32_t n)
{
    if (c->cwnd < c->ssthresh)
        n = it_tcp_cc_slow_start(c, n);
    if (n == 0)
        return;
    cubic_update(c, now, n);
    it_tcp_cc_add(c, c->cubic.count, n);
}

/* Section 5.8: time in which there was nothing to send is not the curve's. */
static void cubic_resume(it_tcp_conn *c, it_time now, it_time gap)
{
    it_tcp_cubic *q = &c->cubic;
    if (q->epoch == IT_NEVER)
        return;
    q->epoch = q->epoch + gap < now ? q->epoch + gap : now;
}

const it_tcp_cc it_tcp_cubic_cc = {"cubic", cubic_start, cubic_ssthresh, cubic_grow, cubic_sample, cubic_resume};
