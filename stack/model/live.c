/* Stall and rate detection. */
#include "stack/model/live.h"

void it_live_init(it_live *l, it_time stall)
{
    *l = (it_live){
        .stall = stall, .due_since = IT_NEVER, .stall_at = IT_NEVER, .ask_at = IT_NEVER, .window_end = IT_NEVER};
}

void it_live_open(it_live *l, it_time now)
{
    l->opened = true;
    l->last_rx = now;
    l->window_end = now + IT_RATE_WINDOW;
    l->quiet_until = now + IT_RATE_REFRACTORY; /* the ramp at the start is no change */
    if (l->rtt == 0)
        l->ask_at = now;
}

/* --- the round-trip time --- */

void it_live_rtt(it_live *l, it_time sample)
{
    if (sample <= 0)
        return;
    if (l->rtt == 0) {
        /* RFC 6298 section 2.2 begins with half the sample as variation, so that nothing is repeated into congestion. A
         * question is 6 bytes: the least allowance will do. */
        l->rtt = sample;
        l->rttvar = 0;
        return;
    }
    it_time off = sample > l->rtt ? sample - l->rtt : l->rtt - sample;
    l->rttvar = (3 * l->rttvar + off) / 4; /* RFC 6298 section 2.3 */
    l->rtt = (7 * l->rtt + sample) / 8;
}

void it_live_rtt_forget(it_live *l)
{
    l->rtt = l->rttvar = 0;
    if (l->opened)
        l->ask_at = l->last_rx; /* at once */
}

it_time it_live_answer(const it_live *l)
{
    if (l->rtt == 0)
        return IT_LIVE_ANSWER_NEW;
    it_time more = 4 * l->rttvar;
    if (more < l->rtt / 8)
        more = l->rtt / 8;
    if (more < IT_LIVE_VARIATION)
        more = IT_LIVE_VARIATION;
    return l->rtt + more < IT_LIVE_ANSWER_MAX ? l->rtt + more : IT_LIVE_ANSWER_MAX;
}

/* --- silence --- */

/* Between two of our own questions. */
static it_time question_gap(const it_live *l)
{
    return l->stall / 10 > 0 ? l->stall / 10 : 1;
}

/* How long the silence that is due now may last before it is a stall. */
static it_time patience(const it_live *l, bool begun)
{
    it_time answers = 2 * it_live_answer(l) + (IT_LIVE_QUESTIONS - 1) * question_gap(l);
    switch (l->due) {
    case IT_LIVE_STREAM:
        if (begun)
            return l->stall;
        return l->stall + (l->rtt ? it_live_answer(l) : 2 * IT_LIVE_ANSWER_NEW);
    case IT_LIVE_ANSWER:
        return answers > l->stall ? answers : l->stall;
    default:
        return l->stall;
    }
}

/* Silence that was due and that no event announced. */
static void live_account(it_live *l, it_time now)
{
    if (l->due_since != IT_NEVER && !l->stalled && now - l->due_since > l->freeze)
        l->freeze = now - l->due_since;
}

/* Silence is due no more. */
static void live_settle(it_live *l)
{
    l->due = IT_LIVE_NOTHING;
    l->due_since = l->stall_at = IT_NEVER;
    if (l->rtt != 0)
        l->ask_at = IT_NEVER;
}

int it_live_rx(it_live *l, it_time now, size_t bytes)
{
    live_account(l, now);
    l->last_rx = now;
    l->bytes += bytes;
    if (l->due == IT_LIVE_STREAM) {
        l->due_since = now;
        l->stall_at = now + l->stall;
    } else {
        live_settle(l);
    }
    if (!l->stalled)
        return 0;
    l->stalled = false;
    l->bytes = 0;
    l->window_end = now + IT_RATE_WINDOW;
    return 1;
}

/* The first question since the last receipt; IT_NEVER: there is none. Once known it stands until the receipt. */
static it_time question(const it_live *l, const it_live_want *w)
{
    if (w->unanswered == IT_NEVER)
        return IT_NEVER;
    if (l->due == IT_LIVE_ANSWER)
        return l->due_since;
    if (w->unanswered >= l->last_rx)
        return w->unanswered;
    return w->asked >= l->last_rx ? w->asked : IT_NEVER;
}

static it_time live_later(it_time a, it_time b)
{
    return a > b ? a : b;
}

/* What |w| makes due; sets |*since|. */
static enum it_live_due what_is_due(const it_live *l, const it_live_want *w, it_time *since)
{
    if (w->no_path != IT_NEVER) {
        *since = live_later(w->no_path, l->last_rx);
        return IT_LIVE_PATH;
    }
    if (w->streaming) {
        *since = l->last_rx;
        return IT_LIVE_STREAM;
    }
    *since = question(l, w);
    return *since == IT_NEVER ? IT_LIVE_NOTHING : IT_LIVE_ANSWER;
}

void it_live_due(it_live *l, it_time now, const it_live_want *w)
{
    it_time since;
    enum it_live_due due = what_is_due(l, w, &since);
    if (due == IT_LIVE_NOTHING) {
        live_account(l, now);
        live_settle(l);
        return;
    }
    bool same = due == l->due && since == l->due_since;
    l->due = due;
    l->due_since = since;
    it_time most = patience(l, w->begun);
    l->stall_at = since + most;
    if (most > l->patience && !l->mute)
        l->patience = most;
    if (!same && due == IT_LIVE_ANSWER)
        l->ask_at = since + it_live_answer(l);
}

it_time it_live_next(const it_live *l)
{
    if (l->mute)
        return IT_NEVER;
    it_time t = l->window_end;
    if (l->stalled)
        return t;
    if (l->due_since != IT_NEVER && l->stall_at < t)
        t = l->stall_at;
    return l->ask_at < t ? l->ask_at : t;
}

bool it_live_ask(it_live *l, it_time now)
{
    if (!l->opened || l->stalled || l->mute || now < l->ask_at)
        return false;
    /* One whose answer would come after the alarm is not worth asking; without an alarm in sight it is the one that
     * measures. */
    bool again = l->due == IT_LIVE_ANSWER && now + question_gap(l) + it_live_answer(l) <= l->stall_at;
    l->ask_at = again ? now + question_gap(l) : IT_NEVER;
    return true;
}

/* One rate sample of |r| bytes against the reference. A window without data is silence, not a rate. */
static int judge_rate(it_live *l, it_time now, uint64_t r)
{
    if (r == 0 || l->stalled)
        return -1;
    if (l->samples < 3 || now < l->quiet_until) {
        /* The ramp is followed at once: smoothed, a stream that began late in its first window would double after it.
         */
        l->reference = l->samples++ && r < l->reference ? (4 * l->reference + r) / 5 : r;
        return -1;
    }
    if (r >= 2 * l->reference || (2 * r <= l->reference && ++l->low >= 3)) {
        int ev = r >= 2 * l->reference ? IT_EV_RATE_UP : IT_EV_RATE_DOWN;
        l->reference = r;
        l->samples = 0;
        l->low = 0;
        l->quiet_until = now + IT_RATE_REFRACTORY;
        return ev;
    }
    if (2 * r > l->reference) {
        l->low = 0;
        l->reference = (4 * l->reference + r) / 5; /* time constant of five windows */
    }
    return -1;
}

int it_live_tick(it_live *l, it_time now)
{
    if (l->mute) {
        live_account(l, now);
        return -1;
    }
    if (l->due_since != IT_NEVER && !l->stalled && now >= l->stall_at) {
        live_account(l, now);
        l->stalled = true;
        return IT_EV_STALLED;
    }
    while (now >= l->window_end) {
        uint64_t r = l->bytes;
        l->bytes = 0;
        l->window_end += IT_RATE_WINDOW;
        int ev = judge_rate(l, now, r);
        if (ev >= 0)
            return ev;
    }
    return -1;
}
