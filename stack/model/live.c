/* Stall and rate detection. */
#include "stack/model/live.h"

void it_live_init(it_live *l, it_time stall)
{
    *l = (it_live){.stall = stall, .due_since = IT_NEVER, .window_end = IT_NEVER};
}

void it_live_open(it_live *l, it_time now)
{
    l->last_rx = now;
    l->window_end = now + IT_RATE_WINDOW;
    l->quiet_until = now + IT_RATE_REFRACTORY; /* the ramp at the start is no change */
}

/* Silence that was due and that no event announced. */
static void account(it_live *l, it_time now)
{
    if (l->due_since != IT_NEVER && !l->stalled && now - l->due_since > l->freeze)
        l->freeze = now - l->due_since;
}

int it_live_rx(it_live *l, it_time now, size_t bytes)
{
    account(l, now);
    l->last_rx = now;
    l->bytes += bytes;
    if (l->due_since != IT_NEVER)
        l->due_since = now;
    if (!l->stalled)
        return 0;
    l->stalled = false;
    l->bytes = 0;
    l->window_end = now + IT_RATE_WINDOW;
    return 1;
}

void it_live_due(it_live *l, it_time now, bool streaming, it_time unanswered)
{
    it_time since = streaming ? l->last_rx : unanswered;
    if (since != IT_NEVER && since < l->last_rx)
        since = l->last_rx; /* whatever came later than the check is a sign of life as good as its answer */
    if (since == IT_NEVER)
        account(l, now);
    l->due_since = since;
}

it_time it_live_next(const it_live *l)
{
    it_time t = l->window_end;
    if (l->due_since != IT_NEVER && !l->stalled && l->due_since + l->stall < t)
        t = l->due_since + l->stall;
    return t;
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
    if (l->due_since != IT_NEVER && !l->stalled && now >= l->due_since + l->stall) {
        account(l, now);
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
