/* The tournament's memory. */
#include "base/table/tourney.h"

#include "base/err.h"

int it_tourney_init(it_tourney *t, it_alloc *alloc)
{
    *t = (it_tourney){.alloc = alloc};
    return it_tourney_grow(t, 1);
}

void it_tourney_fini(it_tourney *t)
{
    it_free(t->alloc, t->time);
    it_free(t->alloc, t->seq);
    it_free(t->alloc, t->won);
    *t = (it_tourney){.alloc = t->alloc};
}

int it_tourney_grow(it_tourney *t, uint32_t n)
{
    if (n <= t->cap)
        return 0;
    it_tourney next = {.alloc = t->alloc, .cap = t->cap ? t->cap : 1};
    while (next.cap < n)
        next.cap *= 2;
    next.time = it_realloc(t->alloc, NULL, next.cap, sizeof *next.time);
    next.seq = it_realloc(t->alloc, NULL, next.cap, sizeof *next.seq);
    next.won = it_realloc(t->alloc, NULL, next.cap, 2 * sizeof *next.won);
    if (!next.time || !next.seq || !next.won) {
        it_tourney_fini(&next);
        return IT_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < next.cap; i++) {
        next.time[i] = i < t->cap ? t->time[i] : IT_NEVER;
        next.seq[i] = i < t->cap ? t->seq[i] : 0;
        next.won[next.cap + i] = i;
    }
    for (uint32_t at = next.cap - 1; at > 0; at--) {
        uint32_t a = next.won[2 * at], b = next.won[2 * at + 1];
        next.won[at] = it_tourney_before(&next, b, a) ? b : a;
    }
    it_tourney_fini(t);
    *t = next;
    return 0;
}
