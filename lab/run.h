/* The suite runner: finds scenarios, plans cases, runs them in worker processes, writes the results in plan order.
 *
 * A worker writes one file a case; the parent puts them together, so that neither the number of workers nor a crash of one changes
 * what the other cases say. Results, captures and traces are files under the output folder; nothing is printed here but progress. */
#ifndef IT_LAB_RUN_H
#define IT_LAB_RUN_H

#include "lab/script.h"

#define IT_RUN_ONLY_MAX 32

enum it_pcap_when { IT_PCAP_NONE, IT_PCAP_FAIL, IT_PCAP_ALL };

typedef struct it_run_cfg {
    it_alloc *alloc;
    char *const *paths; /* files and folders */
    int n_paths;
    uint64_t seed;
    int jobs;
    const char *only[IT_RUN_ONLY_MAX]; /* globs over case ids: a case must match one of them */
    int n_only;                        /* 0: all cases */
    const char *out;    /* folder */
    enum it_pcap_when pcap;
    bool progress;      /* a line of progress on stderr */
} it_run_cfg;

typedef struct it_run_count {
    int total, pass, fail, unsupported, error, missing;
    bool interrupted;
} it_run_count;

/* Plans every scenario below |paths| into |plan|. Returns 0, or an error with a one-line message in |err|. */
int it_run_plan(const it_run_cfg *cfg, it_plan *plan, char err[512]) IT_MUST_CHECK;

/* Runs the plan and writes OUT/results.jsonl. Returns 0, or IT_ERR_IO, IT_ERR_NOMEM with a message in |err|; results that were written
 * stay. */
int it_run_all(const it_run_cfg *cfg, const it_plan *plan, it_run_count *count, char err[512]) IT_MUST_CHECK;

#define IT_RUN_PAGES_MAX 200

/* Chooses the cases that are run again with a trace, so that the report can give each a page: the first of every story. A story is
 * scenario, model, verdict, the faults and what both ends saw, in order; times, addresses and axes are no part of it. |lines| are the
 * results in plan order, NULL where there is none; |pages| gets a 1 for each that is chosen. Those that failed have been recorded
 * already and count towards IT_RUN_PAGES_MAX. Returns how many are chosen, or IT_ERR_NOMEM, IT_ERR_PARSE. */
int it_run_choose(it_alloc *alloc, char *const *lines, size_t n, uint8_t *pages) IT_MUST_CHECK;

/* True when |id| matches |glob|: "*" stays inside a segment, "**" does not. */
bool it_run_match(const char *glob, const char *id);

/* The file name of a case's capture or trace below OUT: "cases/ID.EXT" with "/" as "," . Writes at most |cap| bytes. */
void it_run_case_file(const char *id, const char *ext, char *out, size_t cap);

#endif
