/* Results as read back: one jansson object per case, in the order of the file. */
#ifndef IT_REPORTS_READ_RESULTS_H
#define IT_REPORTS_READ_RESULTS_H

#include "base/table/map.h"
#include "base/text/str.h"

#include <jansson.h>
#include <stdio.h>

/* Somebody who sees every line while it is read: cases, the plan, the end. */
typedef struct it_results_watch {
    void *self;
    /* Looks at a line's object, which lives until it returns unless it is referenced. Returns 0 or an error that ends
     * the reading. */
    int (*line)(void *self, json_t *o);
} it_results_watch;

struct it_facts; /* reports/read/facts.h */

typedef struct it_results {
    it_alloc *alloc;
    json_t **v; /* cases */
    size_t n, cap;
    json_t *plan; /* the plan line, NULL when the file has none */
    json_t *end;  /* the end line, NULL when the file has none: the run was killed */
    /* What it_results_skim has beside them; NULL and empty after it_results_read. */
    struct it_facts *facts; /* by case */
    int64_t *at;            /* by case: where its line begins */
    FILE *file;
    size_t cap_facts, cap_at;
    it_map seen;     /* content -> place in |shared| */
    json_t **shared; /* what cases have in common, each once */
    size_t n_shared, cap_shared;
} it_results;

/* Reads PATH; half a line at its end, which a killed run may leave, is passed over. Returns 0 or IT_ERR_IO,
 * IT_ERR_PARSE, IT_ERR_NOMEM with a one-line message. */
int it_results_read(it_results *r, it_alloc *alloc, const char *path, char err[512]) IT_MUST_CHECK;
/* The same, for an overview: of a case it keeps the facts and of its line only what tables and lists show (names, axes,
 * the verdict, the checks that did not hold or were not judged, what the oracle says), equal parts once; less than 2 kB
 * a case. The file stays open for it_results_whole until it_results_free. |watch| sees the lines as they are read;
 * NULL: nobody does. */
int it_results_skim(it_results *r, it_alloc *alloc, const it_results_watch *watch, const char *path,
                    char err[512]) IT_MUST_CHECK;
void it_results_free(it_results *r);

/* The whole line of case |i|, a reference of the caller's: read again where it was skimmed. What was kept of it where
 * the file has changed since. */
json_t *it_results_whole(const it_results *r, size_t i);

/* Whether |o| is the line of a case: it has an id and a verdict. */
bool it_results_is_case(const json_t *o);

/* String member |key| of |o|, "" when absent. Lives as long as |o|. */
const char *it_results_str(const json_t *o, const char *key);

/* The place of the result of case |id|, |r->n| when there is none; the last one of several. The id nearest to |id|,
 * NULL when none is near. */
size_t it_results_find(const it_results *r, const char *id);
const char *it_results_nearest(const it_results *r, const char *id);

/* Integer member |key| of |o|, |otherwise| when it is absent or no integer. */
int64_t it_results_int(const json_t *o, const char *key, int64_t otherwise);

/* The same for a time in ns, brought into 0 to 10^16 (115 days), so that sums and products of times cannot overflow. */
int64_t it_results_time(const json_t *o, const char *key, int64_t otherwise);

/* What came of a check: it held, did not, or could not be judged. */
enum it_held { IT_HELD, IT_BROKEN, IT_UNJUDGED };
enum it_held it_results_held(const json_t *check);

/* The first check that did not hold; NULL when all did. */
const json_t *it_results_broken(const json_t *c);

/* What a case that is not as predicted was expected to do, and what it did: of its first broken check, else of its
 * error. */
const char *it_results_expected(const json_t *c);
const char *it_results_observed(const json_t *c);

/* Appends in one line, unescaped, by which ways the oracle lets case |c| open, and which are not built: "direct_udp
 * open (near srflx/srflx; far srflx/srflx); not built: relay_udp, proxy". Nothing when the case has no ways. */
void it_results_ways(const json_t *c, it_str *out);

/* Whether the verdict on hypothesis |h| of the end line is the known one, or none is known. */
bool it_results_as_known(const json_t *h);

/* Appends |s| with XML's five characters escaped, control characters left out. */
void it_results_escape(it_str *out, const char *s);

/* Append a document: the overview without case pages, which need the folder with the traces; JUnit XML. |out|->oom
 * tells of memory. */
void it_report_html(const it_results *r, it_str *out);
void it_report_junit(const it_results *r, it_str *out);

#endif
