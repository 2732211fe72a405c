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

/* One sentence for a result that is not as predicted: "BOX: RULE, RFC (packets); then NODE: EVENT" from the drops that
 * began after |fault| (-1: from the start) and the last thing an app was told. Appends nothing when there is neither.
 */
void it_cause_sentence(const it_rtrace *t, int64_t fault, it_str *out);

#endif
