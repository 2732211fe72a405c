/* What changed between two runs: cases whose verdict, path or reason is another, cases gone and new, numbers that moved
 * beyond a bound, hypotheses with another verdict; and the same as text, Markdown, HTML and JSON.
 *
 * Cases are compared by their ids, numbers by the pairs of cases that both runs have, so a scenario that was added or
 * left out moves none. Of the older run what is compared is kept, some hundred bytes a case; of the newer one what
 * differs. Equal inputs give equal bytes. */
#ifndef IT_REPORTS_DIFF_DIFF_H
#define IT_REPORTS_DIFF_DIFF_H

#include "base/table/map.h"
#include "base/text/str.h"
#include "reports/read/view.h"

#include <jansson.h>

#define IT_DIFF_BOUND 5           /* percent: numbers that move by no more are not told */
#define IT_DIFF_MARKDOWN 60000    /* bytes at most, for a comment of GitHub takes 65,536 characters */
#define IT_DIFF_NONE ((size_t)-1) /* no place */

/* How a case changed, worst first. */
enum it_diff_kind {
    IT_DIFF_WORSE,    /* was as predicted, is not */
    IT_DIFF_GONE,     /* the newer run has no such case */
    IT_DIFF_OTHER,    /* is not as predicted before and now, in another way */
    IT_DIFF_UNJUDGED, /* was judged, asks now for what is not there */
    IT_DIFF_PATH,     /* another path or outcome */
    IT_DIFF_REASON,   /* another reason of death */
    IT_DIFF_BETTER,   /* was not as predicted or not judged, is as predicted */
    IT_DIFF_NEW,      /* the older run has no such case */
    IT_DIFF_KINDS,
    IT_DIFF_SAME = IT_DIFF_KINDS
};

/* What is compared of a case; texts by their places in it_diff.texts, 0: "". */
typedef struct it_diff_side {
    uint32_t verdict, outcome, path, reason;
} it_diff_side;

/* A case that changed. */
typedef struct it_diff_change {
    char *id;
    enum it_diff_kind kind;
    size_t group, next;    /* the next one of the same group; IT_DIFF_NONE: there is none */
    it_diff_side old, now; /* all 0 where there is none */
} it_diff_change;

/* Cases of one scenario and model that changed alike. */
typedef struct it_diff_group {
    enum it_diff_kind kind;
    uint32_t stem, model;
    it_diff_side old, now;
    uint32_t expected, observed; /* of the first one's broken check, or its error */
    size_t first, last, n;       /* the first and the last of |changes|, how many there are */
} it_diff_group;

/* A number of a scenario and model, over the cases that have it in both runs. */
typedef struct it_diff_number {
    uint32_t stem, model, name;
    it_numbers old, now;
    int64_t sum_old, sum_now;
    size_t differ;             /* pairs that differ */
    size_t only_old, only_now; /* cases that have it in one run alone */
    char *most;                /* the id of the pair that moved most; NULL: none did */
    int64_t most_old, most_now;
    int64_t moved; /* the largest move of mean, median and 95th percentile, in thousandths; set when all is read */
} it_diff_number;

/* A hypothesis, or a problem of the whole run, that is another than before. */
typedef struct it_diff_claim {
    const char *name, *title, *old, *now; /* verdicts, "" where a run does not have it */
    bool known;                           /* |now| is the known one */
} it_diff_claim;

/* One of the two runs. */
typedef struct it_diff_run {
    const char *dir;
    json_t *plan, *end; /* NULL: there is no such line */
    size_t cases;
} it_diff_run;

struct it_diff_case;

typedef struct it_diff {
    it_alloc *alloc;
    int bound; /* percent */
    it_diff_run old, now;
    char **texts;
    size_t n_texts, cap_texts;
    it_map text_map;
    struct it_diff_case *cases; /* of the older run */
    size_t n_cases, cap_cases;
    it_map case_map;
    struct it_diff_metric *metrics; /* of all of them */
    size_t n_metrics, cap_metrics;
    it_diff_change *changes; /* in order of the newer run, behind them what is gone */
    size_t n_changes, cap_changes;
    it_diff_group *groups; /* worst first */
    size_t n_groups, cap_groups;
    it_map group_map;
    it_diff_number *numbers; /* those that moved, farthest first */
    size_t n_numbers, cap_numbers;
    it_map number_map;
    it_diff_claim *claims; /* the newer run's that are not as known first */
    size_t n_claims, cap_claims;
    it_diff_claim *problems; /* |title| is what they say */
    size_t n_problems, cap_problems;
    size_t count[IT_DIFF_KINDS + 1]; /* cases, by how they changed */
    size_t rerun;                    /* cases that are the same in all this, and not packet by packet */
} it_diff;

/* Compares OLD/results.jsonl and NEW/results.jsonl by |bound| percent; at 0 any number that moved, and any case that
 * did not run the same packet by packet, counts. The folders' names are kept, not copied. Returns 0, or with a one-line
 * message in |err|: IT_ERR_NOTFOUND, IT_ERR_PARSE (also for a case that stands there twice), IT_ERR_IO, IT_ERR_NOMEM.
 * Call it_diff_fini either way. */
int it_diff_read(it_diff *d, it_alloc *alloc, const char *old, const char *now, int bound, char err[512]) IT_MUST_CHECK;
void it_diff_fini(it_diff *d);

/* Whether anything changed. */
bool it_diff_changed(const it_diff *d);

/* Append the whole of it; |program| is what calls icetank from a shell. |out|->oom tells of memory. Text and Markdown
 * are one line where nothing changed; Markdown has IT_DIFF_MARKDOWN bytes at most, worst first, and counts what found
 * no room. */
void it_diff_text(const it_diff *d, const char *program, it_str *out);
void it_diff_markdown(const it_diff *d, it_str *out);
void it_diff_html(const it_diff *d, it_str *out);
void it_diff_json(const it_diff *d, it_str *out);

#endif
