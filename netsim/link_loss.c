/* The luck of a direction: losses, bursts of them and jitter, as functions without memory.
 *
 * A draw is a hash of (seed, link name, direction, purpose, 1 ms slot of the time of sending, ordinal in the slot). Burst losses
 * follow Gilbert's chain over places of 20 ms: a good place is followed by a lost one with probability alpha, a lost one by a
 * good one with probability beta. Each place draws a number u of its own; below alpha the place is lost whatever came before,
 * from 1 - beta on it is good whatever came before, in between it is as the place before it. So the state of any place follows
 * from a look back to the nearest place that decides, about 1 / (alpha + beta) of them, and |place| and |lost| are no more than a
 * memo. */
#include "netsim/core.h"

#define SLOT IT_MS
#define PPM 1000000u
#define UNIT_BITS 40
#define UNIT (1ULL << UNIT_BITS)
#define LOOK_BACK 65536 /* 1,000 places are the longest mean: farther than this is reached once in e^65 */

enum purpose { LOSS = 1, BURST, JITTER };

static uint64_t draw(const it_core_dir *d, enum purpose what, int64_t slot, uint32_t ordinal)
{
    uint64_t h = it_hash_mix(d->hash, (uint64_t)what);
    h = it_hash_mix(h, (uint64_t)slot);
    return it_hash_mix(h, ordinal);
}

void it_core_luck_init(it_core_dir *d)
{
    uint64_t loss = d->cfg.loss_ppm;
    d->place = INT64_MIN;
    d->alpha = d->beta = 0;
    if (d->cfg.burst_milli <= 1000 || loss == 0 || loss >= PPM)
        return;
    /* The mean run of lost places is 1 / beta, their share alpha / (alpha + beta). */
    uint64_t beta = UNIT * 1000 / d->cfg.burst_milli;
    uint64_t alpha = beta * loss / (PPM - loss);
    if (alpha > UNIT - beta)
        return;
    d->alpha = alpha;
    d->beta = beta;
}

bool it_core_burst(it_core_dir *d, it_time now)
{
    int64_t place = now / IT_LINK_BURST_PLACE;
    bool lost = false;
    for (int64_t at = place; at > place - LOOK_BACK; at--) {
        if (at == d->place) {
            lost = d->lost;
            break;
        }
        uint64_t u = draw(d, BURST, at, 0) >> (64 - UNIT_BITS);
        if (u < d->alpha || u >= UNIT - d->beta) {
            lost = u < d->alpha;
            break;
        }
    }
    d->place = place;
    d->lost = lost;
    return lost;
}

bool it_core_luck(it_core_dir *d, it_time now, it_time *jitter)
{
    int64_t slot = now / SLOT;
    if (slot != d->slot) {
        d->slot = slot;
        d->ordinal = 0;
    }
    uint32_t ordinal = d->ordinal++;
    if (d->cfg.jitter)
        *jitter = (it_time)(draw(d, JITTER, slot, ordinal) % ((uint64_t)d->cfg.jitter + 1));
    if (d->beta)
        return it_core_burst(d, now);
    return d->cfg.loss_ppm && (draw(d, LOSS, slot, ordinal) >> 32) * PPM >> 32 < d->cfg.loss_ppm;
}
