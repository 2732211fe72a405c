/* A tournament: which of a fixed number of contestants comes first, by (time, seq). Each has one entry at most.
 *
 * For sources that always know their next event, as queues in order do. Where a heap sifts through the entries, here a
 * changed one only plays again those it meets on its way up: one comparison a level, however the others stand. */
#ifndef IT_BASE_TABLE_TOURNEY_H
#define IT_BASE_TABLE_TOURNEY_H

#include "base/alloc.h"
#include "base/time.h"

#include <stdbool.h>

typedef struct it_tourney {
    it_alloc *alloc;
    it_time *time; /* of each contestant; IT_NEVER: does not take part */
    uint64_t *seq;
    uint32_t *won; /* [1] won it all, [n] the better of [2n] and [2n + 1]; those from |cap| on are the contestants
                      themselves */
    uint32_t cap;  /* room: a power of two */
} it_tourney;

/* True when |a| comes before |b|, which are not the same. */
static inline bool it_tourney_before(const it_tourney *t, uint32_t a, uint32_t b)
{
    return t->time[a] < t->time[b] || (t->time[a] == t->time[b] && t->seq[a] < t->seq[b]);
}

/* A tournament without contestants. Returns 0 or IT_ERR_NOMEM. */
int it_tourney_init(it_tourney *t, it_alloc *alloc);
void it_tourney_fini(it_tourney *t);

/* Makes room for contestants 0 to |n| - 1; new ones do not take part yet. Returns 0 or IT_ERR_NOMEM, |t| then as it
 * was. */
int it_tourney_grow(it_tourney *t, uint32_t n);

/* Contestant |i| has (|time|, |seq|) from now on. |seq| is unique among those of equal time. */
static inline void it_tourney_set(it_tourney *t, uint32_t i, it_time time, uint64_t seq)
{
    uint32_t *won = t->won, best = i;
    t->time[i] = time;
    t->seq[i] = seq;
    for (uint32_t at = t->cap + i; at > 1;) {
        uint32_t other = won[at ^ 1];
        it_time theirs = t->time[other];
        if (theirs < time || (theirs == time && t->seq[other] < t->seq[best])) {
            best = other;
            time = theirs;
        }
        at /= 2;
        won[at] = best;
    }
}

/* The contestant that comes first; where none takes part, any. */
static inline uint32_t it_tourney_first(const it_tourney *t)
{
    return t->won[1];
}

#endif
