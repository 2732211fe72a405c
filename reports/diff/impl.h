/* What the files of this folder share: facts of cases, words and values. */
#ifndef IT_REPORTS_DIFF_IMPL_H
#define IT_REPORTS_DIFF_IMPL_H

#include "reports/diff/diff.h"

/* A number of a case of the older run. */
typedef struct it_diff_metric {
    uint32_t name;
    int64_t v;
} it_diff_metric;

/* What is kept of a case of the older run. */
typedef struct it_diff_case {
    char *id;
    uint32_t stem, model;
    uint64_t print; /* of its fingerprint */
    it_diff_side side;
    size_t metrics, n_metrics; /* [metrics, + n_metrics) of it_diff.metrics; none where it was not judged */
    bool seen;                 /* the newer run has it, too */
} it_diff_case;

/* --- facts.c --- */

/* The place of |text| in |d|->texts, put there if need be. Returns 0 or IT_ERR_NOMEM. */
int it_diff_intern(it_diff *d, const char *text, uint32_t *at);
const char *it_diff_word(const it_diff *d, uint32_t at);
/* What case |o| came to, its scenario and model, its fingerprint, and into |d|->metrics its numbers, but not its id. */
int it_diff_facts(it_diff *d, const json_t *o, it_diff_case *c);
/* What stands for |id|, for maps. */
void it_diff_key(const char *id, uint64_t key[2]);

/* --- numbers.c --- */

/* Counts the numbers of |old| and |now|, the same case in both runs; those of |now| are the last of |d|->metrics. */
int it_diff_pair(it_diff *d, const it_diff_case *old, const it_diff_case *now);
/* Keeps the numbers that moved, farthest first. */
void it_diff_settle_numbers(it_diff *d);
void it_diff_number_fini(it_diff *d, it_diff_number *x);

/* --- claims.c --- */

/* Compares the end lines. */
int it_diff_claims(it_diff *d);

/* --- words.c --- */

/* The word for |kind|: "worse"; and as a heading with its meaning. */
const char *it_diff_kind_name(enum it_diff_kind kind);
const char *it_diff_kind_title(enum it_diff_kind kind);
/* "3 results are worse, 12 cases have another path, 2 numbers moved by more than 5 %", or "no difference". */
void it_diff_sentence(const it_diff *d, it_str *out);
/* What a group came to before or now, as far as it matters there: "pass, direct_udp". */
void it_diff_side_text(const it_diff *d, enum it_diff_kind kind, const it_diff_side *s, it_str *out);
/* What is to be said of a run as such: "1,215 cases, seed 1, version 0.1.0"; and if it is not whole. */
void it_diff_run_text(const it_diff_run *r, it_str *out);
/* Sentences on what makes the runs hard to compare, "" when nothing does: other seeds, a run that was not finished. */
void it_diff_caution(const it_diff *d, it_str *out);
/* A count with commas; value |v| of the number called |name|, as a time where it is one; a move in percent with its
 * sign. */
void it_diff_count(it_str *out, size_t n);
void it_diff_value(it_str *out, const char *name, int64_t v);
void it_diff_percent(it_str *out, int64_t old, int64_t now);
/* The command that shows case |id| of the run in |dir|, for a shell: |program| is quoted already. */
void it_diff_command(const char *program, const char *id, const char *dir, it_str *out);
/* Whether the number called |name| is a time. */
bool it_diff_is_time(const char *name);
/* The mean of a number that is a time, the sum of another, before and now. */
void it_diff_middle(const it_diff_number *x, const char *name, int64_t *old, int64_t *now);

#endif
