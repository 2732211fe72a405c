/* What a receiver knows of one source. */
#include "stack/rtp/stats.h"

#include "stack/rtp/clock.h"

#define SEQ_MOD 0x10000u
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
#define FREEZE_LEAST (150 * IT_MS)
#define MEAN_OF 30
#define CLOCK_LEAP (3600 * IT_SEC) /* a timestamp this far from the clock is of another clock */
#define LOST_MAX 0x7fffff

void it_rtp_stats_init(it_rtp_stats *s, uint32_t rate, bool frames, it_time deadline, uint8_t probation)
{
    *s = (it_rtp_stats){.rate = rate,
                        .frames = frames,
                        .deadline = deadline ? deadline : IT_RTP_DEADLINE,
                        .min_sequential = probation ? probation : IT_RTP_PROBATION,
                        .bad_seq = SEQ_MOD + 1,
                        .base_transit = IT_NEVER};
    s->probation = s->min_sequential;
}

/* --- sequence numbers, appendix A.1 --- */

static void seq_init(it_rtp_stats *s, uint16_t seq)
{
    s->base = s->highest = SEQ_MOD + seq; /* one cycle in: a packet before the first has a number too */
    s->max_seq = seq;
    s->bad_seq = SEQ_MOD + 1;
    s->received = s->received_prior = s->expected_prior = 0;
    s->duplicates = 0;
    memset(s->seen, 0, sizeof s->seen);
    memset(s->waiting, 0, sizeof s->waiting);
    s->shown_any = false;
}

/* True when the source is valid, or has just become it. */
static bool seq_probation(it_rtp_stats *s, uint16_t seq)
{
    if (!s->any) {
        s->any = true;
        s->max_seq = (uint16_t)(seq - 1);
    }
    if (s->probation == 0)
        return true;
    if (seq != (uint16_t)(s->max_seq + 1)) {
        s->probation = (uint8_t)(s->min_sequential - 1);
        s->max_seq = seq;
        return s->probation == 0;
    }
    s->max_seq = seq;
    if (--s->probation > 0)
        return false;
    seq_init(s, seq);
    return true;
}

/* Marks extended number |n|; false when it was marked before. */
static bool seq_mark(it_rtp_stats *s, uint64_t n)
{
    uint64_t bit = 1ULL << n % 64, *word = &s->seen[n / 64 % (IT_RTP_SEEN / 64)];
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

/* Makes |n| the highest: those between have not come. */
static void seq_advance(it_rtp_stats *s, uint64_t n)
{
    uint64_t from = s->highest + 1;
    if (n - s->highest >= IT_RTP_SEEN)
        memset(s->seen, 0, sizeof s->seen);
    else
        for (uint64_t i = from; i <= n; i++)
            s->seen[i / 64 % (IT_RTP_SEEN / 64)] &= ~(1ULL << i % 64);
    s->highest = n;
    s->max_seq = (uint16_t)n;
}

/* Two in sequence far from the others: the other side has begun anew, with a clock of its own (RFC 3550 appendix A.1).
 * What was counted before stays counted. */
static void seq_restart(it_rtp_stats *s, uint16_t seq)
{
    s->earlier_lost = it_rtp_stats_lost(s);
    s->earlier_received = it_rtp_stats_received(s);
    s->earlier_duplicates += s->duplicates;
    s->restarts++;
    seq_init(s, seq);
    s->have_transit = false;
    s->base_transit = IT_NEVER;
}

/* The extended number of |seq| into |*n|, of a valid source. */
static enum it_rtp_verdict seq_update(it_rtp_stats *s, uint16_t seq, uint64_t *n)
{
    uint16_t ahead = (uint16_t)(seq - s->max_seq);
    *n = s->highest + ahead;
    if (ahead > 0 && ahead < MAX_DROPOUT) {
        seq_advance(s, *n);
        return seq_mark(s, *n) ? IT_RTP_TAKEN : IT_RTP_DUPLICATE;
    }
    if (ahead >= MAX_DROPOUT && ahead <= SEQ_MOD - MAX_MISORDER) {
        if (seq != s->bad_seq) {
            s->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
            return IT_RTP_INVALID;
        }
        seq_restart(s, seq);
        *n = s->highest;
        seq_mark(s, *n);
        return IT_RTP_TAKEN;
    }
    if (ahead > 0)
        *n -= SEQ_MOD;
    if (!seq_mark(s, *n))
        return IT_RTP_DUPLICATE;
    return *n == s->highest ? IT_RTP_TAKEN : IT_RTP_REORDERED;
}

/* --- jitter, lateness, gaps --- */

static void jitter_take(it_rtp_stats *s, it_time now, uint32_t ts)
{
    uint32_t transit = (uint32_t)it_rtp_ticks(now, s->rate) - ts;
    int32_t d = (int32_t)(transit - s->transit);
    s->transit = transit;
    if (!s->have_transit) {
        s->have_transit = true;
        return;
    }
    uint32_t distance = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    s->jitter16 = s->jitter16 + distance - ((s->jitter16 + 8) >> 4);
}

/* What |ts| measures lateness by begins with it. */
static void late_begin(it_rtp_stats *s, uint32_t ts)
{
    s->ts_first = s->ts_last = ts;
    s->ts_high = 0;
    s->base_transit = IT_NEVER;
}

/* True when |at| ticks behind the first packet is no time that this source's clock can show at |now|. */
static bool late_leaps(const it_rtp_stats *s, it_time now, int64_t at)
{
    if (s->base_transit == IT_NEVER)
        return false;
    it_time off = now - it_rtp_time(at, s->rate) - s->base_transit;
    return off > CLOCK_LEAP || off < -CLOCK_LEAP;
}

/* True when the packet with |ts| has come too late to be of use. */
static bool late_take(it_rtp_stats *s, it_time now, uint32_t ts)
{
    if (s->base_transit == IT_NEVER || late_leaps(s, now, s->ts_high + (int32_t)(ts - s->ts_last)))
        late_begin(s, ts);
    int64_t at = s->ts_high + (int32_t)(ts - s->ts_last);
    if (at > s->ts_high) {
        s->ts_high = at;
        s->ts_last = ts;
    }
    it_time transit = now - it_rtp_time(at, s->rate);
    if (s->base_transit == IT_NEVER || transit < s->base_transit)
        s->base_transit = transit;
    bool late = transit - s->base_transit > s->deadline;
    s->late += late;
    return late;
}

static void gap_take(it_rtp_stats *s, it_time now)
{
    if (s->streaming && now - s->last > s->longest_gap)
        s->longest_gap = now - s->last;
    s->last = now;
    s->streaming = true;
}

/* --- freezes --- */

/* Whether |t| between two frames is a freeze. */
static bool freeze_is(const it_rtp_stats *s, it_time t)
{
    if (s->intervals == 0)
        return false;
    it_time mean = s->mean30 / MEAN_OF;
    return t >= 3 * mean && t >= mean + FREEZE_LEAST;
}

static void show(it_rtp_stats *s, it_time now)
{
    it_time t = now - s->shown_last;
    s->shown++;
    s->shown_last = now;
    if (s->shown == 1)
        return;
    if (freeze_is(s, t)) {
        s->freezes++;
        s->frozen += t;
        s->longest_freeze = t > s->longest_freeze ? t : s->longest_freeze;
        return; /* what is exceptional is no part of the mean */
    }
    if (s->intervals < MEAN_OF)
        s->intervals++;
    it_time mean = s->mean30 / MEAN_OF;
    s->mean30 += (t - mean) * MEAN_OF / s->intervals;
}

/* The frame of |ts|; a new one takes the place of the oldest. */
static it_rtp_frame *frame_of(it_rtp_stats *s, uint32_t ts, uint64_t n)
{
    it_rtp_frame *place = &s->waiting[0];
    for (int i = 0; i < IT_RTP_FRAMES; i++) {
        it_rtp_frame *f = &s->waiting[i];
        if (f->used && f->ts == ts)
            return f;
        if (place->used && (!f->used || (int32_t)(f->ts - place->ts) < 0))
            place = f;
    }
    *place = (it_rtp_frame){.used = true, .ts = ts, .lo = n, .hi = n};
    return place;
}

/* True when all of |f| has come. */
static bool frame_whole(const it_rtp_stats *s, const it_rtp_frame *f)
{
    if (!f->ended || f->n != f->hi - f->lo + 1)
        return false;
    if (!s->shown_any || f->lo == s->shown_to + 1)
        return true;
    for (int i = 0; i < IT_RTP_FRAMES; i++)
        if (s->waiting[i].used && s->waiting[i].ended && s->waiting[i].hi + 1 == f->lo)
            return true; /* the frame before is not whole, but its end is known */
    return false;
}

/* A frame is shown: it, and what was to come before it, is not waited for any more. */
static void frame_show(it_rtp_stats *s, it_time now, uint64_t marker)
{
    show(s, now);
    s->shown_any = true;
    s->shown_to = marker;
    for (int i = 0; i < IT_RTP_FRAMES; i++)
        if (s->waiting[i].used && s->waiting[i].lo <= marker)
            s->waiting[i].used = false;
}

static void frame_take(it_rtp_stats *s, it_time now, const it_rtp *p, uint64_t n)
{
    if (s->shown_any && n <= s->shown_to)
        return; /* of a frame that was shown, or passed over */
    it_rtp_frame *f = frame_of(s, p->ts, n);
    f->lo = n < f->lo ? n : f->lo;
    f->hi = n > f->hi ? n : f->hi;
    f->n++;
    f->ended = f->ended || p->marker;
    if (frame_whole(s, f))
        frame_show(s, now, f->hi);
}

enum it_rtp_verdict it_rtp_stats_take(it_rtp_stats *s, it_time now, const it_rtp *p)
{
    uint64_t n;
    if (!seq_probation(s, p->seq))
        return IT_RTP_UNPROVEN;
    enum it_rtp_verdict v = seq_update(s, p->seq, &n);
    if (v == IT_RTP_INVALID) {
        s->invalid++;
        return v;
    }
    s->received++; /* appendix A.3: duplicates are counted */
    s->octets += p->payload.n;
    s->duplicates += v == IT_RTP_DUPLICATE;
    s->reordered += v == IT_RTP_REORDERED;
    if (v == IT_RTP_DUPLICATE)
        return v;
    if (n < s->base)
        s->base = n;
    jitter_take(s, now, p->ts);
    gap_take(s, now);
    bool late = late_take(s, now, p->ts);
    if (s->frames)
        frame_take(s, now, p, n);
    else if (!late)
        show(s, now);
    return v;
}

void it_rtp_stats_end(it_rtp_stats *s)
{
    s->streaming = false;
}

bool it_rtp_stats_valid(const it_rtp_stats *s)
{
    return s->any && s->probation == 0;
}

uint64_t it_rtp_stats_expected(const it_rtp_stats *s)
{
    return it_rtp_stats_valid(s) ? s->highest - s->base + 1 : 0;
}

uint64_t it_rtp_stats_lost(const it_rtp_stats *s)
{
    uint64_t expected = it_rtp_stats_expected(s), came = s->received - s->duplicates;
    return s->earlier_lost + (expected > came ? expected - came : 0);
}

uint64_t it_rtp_stats_received(const it_rtp_stats *s)
{
    return s->earlier_received + s->received - s->duplicates;
}

uint64_t it_rtp_stats_duplicates(const it_rtp_stats *s)
{
    return s->earlier_duplicates + s->duplicates;
}

it_time it_rtp_stats_jitter(const it_rtp_stats *s)
{
    return it_rtp_time((int64_t)(s->jitter16 >> 4), s->rate);
}

it_time it_rtp_stats_gap(const it_rtp_stats *s, it_time now)
{
    it_time t = s->streaming ? now - s->last : 0;
    return t > s->longest_gap ? t : s->longest_gap;
}

it_time it_rtp_stats_freeze(const it_rtp_stats *s, it_time now)
{
    it_time t = s->streaming && s->shown ? now - s->shown_last : 0;
    return t > s->longest_freeze && freeze_is(s, t) ? t : s->longest_freeze;
}

/* Appendix A.3: 24 bits with their sign; duplicates make it negative. */
static int32_t lost_clamped(int64_t lost)
{
    if (lost > LOST_MAX)
        return LOST_MAX;
    if (lost < -LOST_MAX - 1)
        return -LOST_MAX - 1;
    return (int32_t)lost;
}

void it_rtp_stats_report(it_rtp_stats *s, it_rtcp_block *b)
{
    uint64_t expected = it_rtp_stats_expected(s);
    int64_t lost = (int64_t)expected - (int64_t)s->received;
    int64_t expected_now = (int64_t)(expected - s->expected_prior);
    int64_t lost_now = expected_now - (int64_t)(s->received - s->received_prior);
    s->expected_prior = expected;
    s->received_prior = s->received;
    b->fraction = 0;
    if (expected_now > 0 && lost_now > 0)
        b->fraction = (uint8_t)(lost_now < expected_now ? (lost_now << 8) / expected_now : 255); /* all of 256 is 255 */
    b->lost = lost_clamped(lost);
    b->highest = (uint32_t)(s->highest - SEQ_MOD);
    b->jitter = (uint32_t)(s->jitter16 >> 4); /* a distance of two timestamps is below 2^31, and so is its mean */
}
