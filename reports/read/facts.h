/* What an overview counts of a case, worked out once while its line is read, so that the line need not be kept.
 * |o| is a case's whole object everywhere. */
#ifndef IT_REPORTS_READ_FACTS_H
#define IT_REPORTS_READ_FACTS_H

#include "reports/read/faults.h"

enum it_facts_metric { IT_FACTS_T_CONN, IT_FACTS_T_DEATH, IT_FACTS_T_RECOVER, IT_FACTS_FREEZE, IT_FACTS_METRICS };

/* How one end died of a fault. */
typedef struct it_facts_end {
    int64_t death, stalled; /* after the fault that counts, ns; -1: never */
    bool carrier;           /* it saw its carrier go */
} it_facts_end;

typedef struct it_facts {
    int64_t fault;                    /* when the first of the faults that count for an end came, ns; -1: none */
    int64_t metric[IT_FACTS_METRICS]; /* -1: absent */
    int64_t after; /* how long the case went on behind the fault that counts for the slower end, ns */
    it_facts_end end[2];
    bool final;    /* the last way was lost for good */
    bool died;     /* an end was told of its death */
    bool survived; /* the slower end was not, by the fault that counts for it */
    bool noticed;  /* that end was told anything of that fault */
} it_facts;

/* Works |o| out. Fails never: what a result does not say counts as absent. */
void it_facts_of(it_facts *f, const json_t *o);

/* The two ends of the case's call, "" when it has none. */
void it_facts_ends(const json_t *o, const char *ends[2]);
/* Whether |name| is a word of |names| (space-separated). */
bool it_facts_is_one(const char *names, const char *name);
/* The last event of |end| called one of |names| (space-separated) after |from|; NULL when there is none. */
const json_t *it_facts_event(const json_t *o, const char *end, const char *names, int64_t from);
/* The last event of |end| called one of |names| that counts from the fault which counts for that end; NULL likewise. */
const json_t *it_facts_told(const json_t *o, const char *end, const char *names);
/* The end that had the worse of it: which died, or came back later, or was told last. */
const char *it_facts_slower(const json_t *o);
/* When the fault came that counts for that end, ns; -1: none. */
int64_t it_facts_zero(const json_t *o);

#endif
