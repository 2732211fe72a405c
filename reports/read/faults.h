/* The faults of a case as its result tells of them (docs/results.md): which one counts for which end, from which one an
 * event counts, and the times in which an end had no way left. |o| is a case's object everywhere. */
#ifndef IT_REPORTS_READ_FAULTS_H
#define IT_REPORTS_READ_FAULTS_H

#include "reports/read/results.h"

/* A time in which by the faults alone |end| had no way left (|all|), or not all of its ways. */
typedef struct it_outage {
    const char *end;
    int64_t from, until; /* ns; INT64_MAX: it never ends */
    bool all;
} it_outage;

/* The |i|-th outage; false when there are no more. */
bool it_faults_outage(const json_t *o, size_t i, it_outage *out);

/* The first time at or after |t| in which some end has no way left, from |*from| (|t| or later) to |*until|, the
 * longest such; false when there is none. */
bool it_faults_silence(const json_t *o, int64_t t, int64_t *from, int64_t *until);

/* The place of the fault that counts for |end|; where a result does not say, of the first that heals nothing. -1 when
 * there is none. */
int it_faults_counting(const json_t *o, const char *end);
/* Whether the fault at |at| counts for |end| (NULL: for any). */
bool it_faults_counts(const json_t *o, int at, const char *end);

/* When the fault at |at| came, ns; -1 when there is none. What it is in words, "" likewise. */
int64_t it_faults_time(const json_t *o, int at);
const char *it_faults_text(const json_t *o, int at);

/* How many there are, without those that heal another. */
int it_faults_count(const json_t *o);
/* Whether the |at|-th is of an instant: it takes no way and heals none, such as a lost state. */
bool it_faults_instant(const json_t *o, int at);

/* The place of the fault that event |e| counts from, -1: none. Where a result does not say, that of its end when the
 * event came no earlier. */
int it_faults_of_event(const json_t *o, const json_t *e);
/* How long after that fault it came, ns; -1: it counts from none. */
int64_t it_faults_after(const json_t *o, const json_t *e);

/* Whether the case lost its last way for good after its call had opened and before an end was over. */
bool it_faults_final(const json_t *o);

#endif
