/* The suite runner: finds scenarios, plans cases, runs them in worker processes, writes the results in plan order.
 *
 * Neither the number of workers nor the death of one changes what the other cases say. Results, captures and traces are
 * files under the output folder (docs/results.md); nothing is printed here but progress. */
#ifndef IT_LAB_RUN_RUN_H
#define IT_LAB_RUN_RUN_H

#include "lab/lang/bind/script.h"

#define IT_RUN_ONLY_MAX 32
#define IT_RUN_ERR 512 /* room for any message, with NUL */
#define IT_RUN_TIMEOUT_S 120
#define IT_RUN_PAGES_MAX                                                                                               \
    200                 /* cases the report has pages for: those that failed and the first of every course of events */
#define IT_RUN_NAME 240 /* room for the name of a case's file below OUT/cases, with NUL */

#define IT_RUN_PCAP_MB 100 /* what the recordings of failed cases may take together, in MB */

/* Which cases are recorded, a capture and a trace each. FIRST: of those that failed the first of every course of
 * events, as far as |pcap_mb| reaches. */
enum it_pcap_when { IT_PCAP_NONE, IT_PCAP_FIRST, IT_PCAP_FAIL, IT_PCAP_ALL };

typedef struct it_run_cfg {
    it_alloc *alloc;
    char *const *paths; /* files and folders */
    int n_paths;
    uint64_t seed;
    int jobs;
    int timeout_s;                     /* wall time a case may take; 0: for ever */
    const char *only[IT_RUN_ONLY_MAX]; /* globs over case ids: a case must match one of them */
    int n_only;                        /* 0: all cases */
    const char *const *ids; /* cases that alone are run, as by |only|; ids no longer planned are passed over */
    size_t n_ids;           /* 0: all cases */
    int max_failures;       /* end after so many cases that are not as predicted; 0: never */
    const char *out;        /* folder */
    enum it_pcap_when pcap;
    int pcap_mb;   /* with IT_PCAP_FIRST */
    bool progress; /* a line of progress on stderr */
    /* Hosts that are TUN devices of this machine (it_script_cfg): cases go by the wall clock, one after the other, and
     * are recorded as they run, since no run of theirs is like another. */
    it_script_edge edges[IT_SCRIPT_EDGES];
    int n_edges;
    it_bytes roots; /* of it_script_cfg; the caller's */
    /* Told each line of a case as it is written, in plan order; |line| lives for the call. NULL: nobody is. */
    void (*told)(void *self, const char *line);
    void *self;
} it_run_cfg;

typedef struct it_run_count {
    int total, pass, fail, unsupported, error, missing;
    int either;     /* cases in which the oracle lets a call open or die */
    int problems;   /* axes that no case read, allowances that none needed */
    int changed;    /* hypotheses whose verdict is not the known one */
    int unrecorded; /* cases that IT_PCAP_FIRST names and that had no room below |pcap_mb| */
    bool interrupted;
    bool stopped; /* by |max_failures| */
} it_run_count;

/* Plans every scenario below |paths| into |plan|, all cases that |only| matches. Returns 0, or an error with a one-line
 * message in |err|: IT_ERR_NOTFOUND when a pattern of |only| matches nothing, IT_ERR_IO, IT_ERR_PARSE, IT_ERR_EXISTS
 * (two cases with one id), IT_ERR_NOMEM. */
int it_run_plan(const it_run_cfg *cfg, it_plan *plan, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Runs the plan and writes OUT/results.jsonl, line by line. Returns 0, or IT_ERR_IO, IT_ERR_NOMEM with a message in
 * |err|; results that were written stay, and so do those of an interrupted run. */
int it_run_all(const it_run_cfg *cfg, const it_plan *plan, it_run_count *count, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Runs case |i| of the plan alone, in a worker like any other, recorded as |cfg| says; its line is appended to |line|,
 * no results.jsonl is touched. |*interrupted| as in it_pool_run. */
int it_run_one(const it_run_cfg *cfg, const it_plan *plan, size_t i, it_str *line, bool *interrupted,
               char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* The whole file, NUL-terminated and the caller's; NULL with a message that begins with |path|. */
char *it_run_slurp(it_alloc *a, const char *path, size_t *n, char err[IT_RUN_ERR]);

/* True when |id| matches |glob|: "*" stays inside a segment, "**" does not. */
bool it_run_match(const char *glob, const char *id);

/* The index of case |id|, or -1. */
long it_run_find(const it_plan *plan, const char *id);

/* Writes the id of |plan| that is nearest to |word| into |out|, which it clears first; false when none is near. */
bool it_run_nearest(const it_plan *plan, const char *word, it_str *out);

/* The scenario file that case |id| comes from: the longest beginning of the id that is a file below |root|. Writes its
 * path to |out|; false when there is none. */
bool it_run_file_of(const char *root, const char *id, char *out, size_t cap);

/* The name of a case's capture or trace below OUT: "cases/ID.EXT" with "," for "/"; an id too long for a file name ends
 * in a hash. */
void it_run_case_file(const char *id, const char *ext, char out[IT_RUN_NAME]);

/* |path| as one word of a shell command: as it is, or in quotes. */
void it_run_quote(it_str *out, const char *path);

#endif
