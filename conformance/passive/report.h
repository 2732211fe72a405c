/* What was found, for a person and for programs. */
#ifndef IT_CONFORMANCE_PASSIVE_REPORT_H
#define IT_CONFORMANCE_PASSIVE_REPORT_H

#include "base/text/str.h"
#include "conformance/passive/passive.h"
#include "conformance/passive/read/source.h"

/* What could not be judged, and why: by reason. */
typedef struct it_passive_skip {
    const char *why;
    uint64_t n, frame; /* how often; the first */
} it_passive_skip;
#define IT_PASSIVE_SKIPS 16

/* One capture that has been judged. */
typedef struct it_passive_result {
    const char *path;
    it_passive *judge;
    it_passive_source *source;
    it_passive_skip skip[IT_PASSIVE_SKIPS];
    size_t n_skips;
    const char *broken; /* the file goes on as none: what libpcap said; NULL: it was read to its end */
} it_passive_result;

/* How many findings there are of each kind. */
typedef struct it_passive_sum {
    size_t must, should, info, inconclusive;
    size_t looked, unseen; /* rules that were asked; that nothing was there for */
} it_passive_sum;
it_passive_sum it_passive_sum_of(const it_passive_result *r);

/* A finding's verdict: "fail" (a MUST), "nonstrict" (a SHOULD), "info", "inconclusive". Static storage. */
const char *it_passive_verdict(const it_passive_result *r, const it_passive_finding *f);

/* Appends to |out|: a text; a line of JSON for each finding and each rule that was asked; a SARIF 2.1.0 log of all |n|
 * captures. */
void it_passive_text(it_str *out, const it_passive_result *r);
void it_passive_jsonl(it_str *out, const it_passive_result *r);
void it_passive_sarif(it_str *out, const it_passive_result *r, size_t n);

#endif
