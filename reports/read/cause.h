/* Why something happened, as far as a trace tells: its drops by box and rule, and the order of what decided. */
#ifndef IT_REPORTS_READ_CAUSE_H
#define IT_REPORTS_READ_CAUSE_H

#include "reports/read/trace.h"

#define IT_CAUSE_DROPS 24

/* Drops at one box for one reason. */
typedef struct it_cause_drop {
    int node;
    const it_rmsg *first;
    uint64_t n;
} it_cause_drop;

typedef struct it_causes {
    it_cause_drop v[IT_CAUSE_DROPS];
    size_t n;
    uint64_t more; /* packets of drops beyond that */
} it_causes;

/* Collects the drops of |t| in order of their first packet. */
void it_causes_of(it_causes *c, const it_rtrace *t);

/* One sentence for a result that is not as predicted, from what happened between |from| and |until| (ns): "BOX: RULE,
 * RFC (packets, of how many in all); NODE: EVENT", the drop that took most packets behind which nothing arrived on the
 * same way, and the last thing an app was told; the last fault where there is no such drop, "no drop explains this"
 * without one. Returns 0 or IT_ERR_NOMEM. */
int it_cause_sentence(const it_rtrace *t, int64_t from, int64_t until, it_str *out) IT_MUST_CHECK;

#endif
