/* Results as read back: one jansson object per case, in the order of the file. */
#ifndef IT_REPORTS_READ_RESULTS_H
#define IT_REPORTS_READ_RESULTS_H

#include "base/text/str.h"

#include <jansson.h>

typedef struct it_results {
    it_alloc *alloc;
    json_t **v; /* cases */
    size_t n, cap;
    bool skim;    /* see it_results_skim */
    json_t *plan; /* the plan line, NULL when the file has none */
    json_t *end;  /* the end line, NULL when the file has none: the run was killed */
} it_results;

/* Reads PATH; half a line at its end, which a killed run may leave, is passed over. Returns 0 or IT_ERR_IO,
 * IT_ERR_PARSE, IT_ERR_NOMEM with a one-line message. */
int it_results_read(it_results *r, it_alloc *alloc, const char *path, char err[512]) IT_MUST_CHECK;
/* The same, for an overview: of cases that went as predicted and have no trace it leaves out what their page alone
 * would show (checks that were judged, links, the oracle's ways), which is most of their memory. */
int it_results_skim(it_results *r, it_alloc *alloc, const char *path, char err[512]) IT_MUST_CHECK;
void it_results_free(it_results *r);

/* String member |key| of |o|, "" when absent. Lives as long as |o|. */
const char *it_results_str(const json_t *o, const char *key);

/* The result of case |id|, NULL when there is none; the last one of several. The id nearest to |id|, NULL when none is
 * near. */
const json_t *it_results_case(const it_results *r, const char *id);
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
