/* The impairments of a direction: losses, bursts of them, jitter, damage, as functions without memory.
 *
 * A draw is a hash of (seed, link name, direction, purpose, 1 ms slot of the time of sending, ordinal in the slot).
 * The loss chain goes over places of 20 ms: a good place is followed by a bad one with probability p, a bad one by a
 * good one with probability r. Each place draws a number u of its own. Below p and 1 - r the place is bad whatever came
 * before, from the larger of the two on it is good whatever came before; in between it is as the place before it (p
 * below 1 - r) or the other (above). So the state of any place follows from a look back to the nearest place that
 * decides, about 1 / (p + r) of them, and |place| and |bad| are no more than a memo. */
#include "netsim/core/impl.h"

#define SLOT IT_MS
#define PPM 1000000u
#define UNIT_BITS 40
#define UNIT (1ULL << UNIT_BITS)
#define LOOK_BACK                                                                                                      \
    65536 /* places decide with at least one chance in 1,000: farther than this is reached once in e^65                \
           */

enum purpose { LOSS = 1, BURST, JITTER, REORDER, DETOUR, DUPLICATE, CORRUPT, TRUNCATE, WHERE, GAP, PHASE };

static uint64_t loss_draw(const it_core_dir *d, enum purpose what, int64_t slot, uint32_t ordinal)
{
    uint64_t h = it_hash_mix(d->hash, (uint64_t)what);
    h = it_hash_mix(h, (uint64_t)slot);
    return it_hash_mix(h, ordinal);
}

/* True with probability |ppm|. */
static bool chance(const it_core_dir *d, uint32_t ppm, enum purpose what, int64_t slot, uint32_t ordinal)
{
    return ppm && (loss_draw(d, what, slot, ordinal) >> 32) * PPM >> 32 < ppm;
}

bool it_core_impairs(const it_link_dir_cfg *c)
{
    uint32_t shares = c->loss_ppm | c->ge.r | c->reorder_ppm | c->duplicate_ppm | c->corrupt_ppm | c->truncate_ppm;
    return shares || c->jitter || c->mask_bits || c->period || c->n_steps;
}

/* Sets the chain whose places go bad with |p| and good with |r|, of UNIT each. */
static void set_chain(it_core_dir *d, uint64_t p, uint64_t r)
{
    d->flips = p > UNIT - r;
    d->lo = d->flips ? UNIT - r : p;
    d->hi = d->flips ? p : UNIT - r;
}

/* Works the chain of |d| out from its parameters. */
static void init_chain(it_core_dir *d)
{
    const it_link_ge *ge = &d->cfg.ge;
    uint64_t loss = d->cfg.loss_ppm;
    d->place = INT64_MIN;
    d->lo = d->hi = 0;
    if (ge->r) {
        d->loss[0] = ge->good;
        d->loss[1] = ge->bad;
        set_chain(d, UNIT * ge->p / PPM, UNIT * ge->r / PPM);
        return;
    }
    if (d->cfg.burst_milli <= 1000 || loss == 0 || loss >= PPM)
        return;
    /* The mean run of bad places is 1 / r, their share p / (p + r). */
    uint64_t r = UNIT * 1000 / d->cfg.burst_milli, p = r * loss / (PPM - loss);
    if (p > UNIT - r) /* runs shorter than chance makes them */
        return;
    d->loss[0] = 0;
    d->loss[1] = PPM;
    set_chain(d, p, r);
}

void it_core_impairment_init(it_core_dir *d)
{
    d->step = 0;
    /* Both directions of a link have one phase. */
    d->phase = d->cfg.period ? (it_time)(it_hash_mix(d->base, PHASE) % (uint64_t)d->cfg.period) : 0;
    init_chain(d);
}

bool it_core_bad_place(it_core_dir *d, it_time now)
{
    int64_t place = now / IT_LINK_BURST_PLACE;
    bool bad = false, odd = false;
    for (int64_t at = place; at > place - LOOK_BACK; at--) {
        if (at == d->place) {
            bad = d->bad;
            break;
        }
        uint64_t u = loss_draw(d, BURST, at, 0) >> (64 - UNIT_BITS);
        if (u < d->lo || u >= d->hi) {
            bad = u < d->lo;
            break;
        }
        odd ^= d->flips;
    }
    d->place = place;
    d->bad = bad ^ odd;
    return d->bad;
}

/* The step of the recorded trace that holds at |now|, NULL before the first. */
static const it_link_step *step_at(it_core_dir *d, it_time now)
{
    const it_link_step *v = d->cfg.steps;
    it_time t = d->cfg.steps_every ? now % d->cfg.steps_every : now;
    uint32_t lo = 0, hi = d->cfg.n_steps;
    if (v[d->step].at <= t && (d->step + 1 == hi || t < v[d->step + 1].at))
        return &v[d->step];
    while (lo < hi) { /* the first that begins after |t| */
        uint32_t mid = lo + (hi - lo) / 2;
        if (v[mid].at <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return NULL;
    d->step = lo - 1;
    return &v[d->step];
}

/* Whether the places of the mask say that what is sent at |now| is lost. */
static bool masked(const it_link_dir_cfg *c, it_time now)
{
    return c->mask_bits && c->mask >> (now / IT_LINK_BURST_PLACE % c->mask_bits) & 1;
}

/* Whether an outage loses the packet sent at |now|. */
static bool lost_in_gap(const it_core_dir *d, it_time now, int64_t slot, uint32_t ordinal)
{
    const it_link_dir_cfg *c = &d->cfg;
    if (c->period == 0 || (now + d->phase) % c->period >= c->gap)
        return false;
    return c->gap_ppm == 0 || chance(d, c->gap_ppm, GAP, slot, ordinal);
}

/* What loses the packet sent at |now| by chance, NULL when nothing does. |step|, of a recorded trace, may be NULL. */
static const char *lost_by_chance(it_core_dir *d, const it_link_step *step, it_time now, int64_t slot, uint32_t ordinal)
{
    if (step && step->loss_ppm >= 0)
        return chance(d, (uint32_t)step->loss_ppm, LOSS, slot, ordinal) ? "by the recorded trace" : NULL;
    uint32_t ppm = d->cfg.loss_ppm;
    if (d->hi)
        ppm = d->loss[it_core_bad_place(d, now)];
    return chance(d, ppm, LOSS, slot, ordinal) ? "" : NULL;
}

/* What loses the packet sent at |now|, NULL when nothing does. Sets |*delay| where a recorded trace has one. */
static const char *loss(it_core_dir *d, it_time now, int64_t slot, uint32_t ordinal, it_time *delay)
{
    const it_link_step *step = d->cfg.n_steps ? step_at(d, now) : NULL;
    if (step && step->delay >= 0)
        *delay = step->delay;
    if (masked(&d->cfg, now))
        return "by the mask";
    if (lost_in_gap(d, now, slot, ordinal))
        return "in a gap";
    return lost_by_chance(d, step, now, slot, ordinal);
}

it_core_impairment it_core_draw(it_core_dir *d, it_time now)
{
    const it_link_dir_cfg *c = &d->cfg;
    it_core_impairment x = {.delay = d->delay};
    int64_t slot = now / SLOT;
    if (slot != d->slot) {
        d->slot = slot;
        d->ordinal = 0;
    }
    uint32_t ordinal = d->ordinal++;
    if (c->jitter)
        x.jitter = (it_time)(loss_draw(d, JITTER, slot, ordinal) % ((uint64_t)c->jitter + 1));
    x.lost = loss(d, now, slot, ordinal, &x.delay);
    x.reordered = chance(d, c->reorder_ppm, REORDER, slot, ordinal);
    if (x.reordered && !c->jitter)
        x.jitter = (it_time)(loss_draw(d, DETOUR, slot, ordinal) % IT_LINK_DETOUR) + 1;
    x.duplicate = chance(d, c->duplicate_ppm, DUPLICATE, slot, ordinal);
    x.corrupt = chance(d, c->corrupt_ppm, CORRUPT, slot, ordinal);
    x.truncate = chance(d, c->truncate_ppm, TRUNCATE, slot, ordinal);
    x.where = loss_draw(d, WHERE, slot, ordinal);
    return x;
}
