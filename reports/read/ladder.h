/* The rows of a ladder: what a trace's messages become when repetitions are counted instead of drawn. */
#ifndef IT_REPORTS_READ_LADDER_H
#define IT_REPORTS_READ_LADDER_H

#include "reports/read/trace.h"

#define IT_LADDER_ROWS 60

typedef struct it_lrow {
    const it_rmsg *m; /* the first of those it stands for */
    uint64_t n;       /* packets or messages it stands for */
    int64_t last;     /* time of the last of them */
    int number;       /* from 1; 0: an event or a fault */
    bool both;        /* a handshake: to and fro */
} it_lrow;

typedef struct it_ladder {
    it_lrow v[IT_LADDER_ROWS];
    size_t n;
    uint64_t drawn;  /* packets and messages the rows stand for */
    uint64_t hidden; /* messages that found no row */
} it_ladder;

/* Makes rows of |t|. Before the first open only handshakes and voice are folded; from then on what repeats between two
 * events is one row. When these are too many, that holds before the first open too, then between two faults, and at
 * last rows are left out. */
void it_ladder_make(it_ladder *l, const it_rtrace *t);

#endif
