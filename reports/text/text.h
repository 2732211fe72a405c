/* Reports at a terminal and for other programs: a summary, one case, a ladder, classic pcap. From the files of a run
 * alone. */
#ifndef IT_REPORTS_TEXT_TEXT_H
#define IT_REPORTS_TEXT_TEXT_H

#include "base/text/str.h"

#include <jansson.h>
#include <stdio.h>

/* Prints the result |c| of a case that is not as predicted: what was expected, what came instead, where the scenario
 * says so, its capture and page below |dir|, and the command that repeats it, by |program|, the words that call icetank
 * from a shell. |pages|: how many were printed before, for only the first ones have a page. Nothing for any other case.
 * True when it was printed. */
bool it_report_failure(const json_t *c, const char *dir, const char *program, size_t pages, FILE *out, bool color);

/* How a run ended, from the end line of its results. */
typedef struct it_report_count {
    int pass, fail, error, unsupported;
    int either;   /* cases in which the oracle allows two outcomes */
    int problems; /* what only a whole run can tell, and hypotheses whose verdict is not the known one */
    bool whole;   /* it was neither interrupted nor stopped */
} it_report_count;

/* What a summary is of, and where it goes. */
typedef struct it_summary_cfg {
    const char *dir, *program; /* as above */
    FILE *out;
    bool cases; /* every case that is not as predicted, too, in the order of the file */
    bool color; /* for a terminal */
} it_summary_cfg;

/* A summary under way, made of lines as they are read: cases are printed as they come, then, at its end, what only the
 * whole run could tell, hypotheses, and a closing line of counts, which are also left in |n|. |cfg| outlives it. NULL:
 * no memory. */
typedef struct it_summary it_summary;
it_summary *it_summary_new(it_alloc *alloc, const it_summary_cfg *cfg);
void it_summary_end(it_summary *s, it_report_count *n);
void it_summary_free(it_summary *s);
/* Takes a line into summary |self|. Returns 0, IT_ERR_PARSE for no line of results, IT_ERR_NOMEM. */
int it_summary_line(void *self, json_t *o) IT_MUST_CHECK;

/* All of that for DIR/results.jsonl. Errors as it_report_write. */
int it_report_print(it_alloc *alloc, const it_summary_cfg *cfg, it_report_count *n, char err[512]) IT_MUST_CHECK;

/* Prints the result |c| of one case: checks, faults, events, numbers, files below |dir|, how to repeat it. */
void it_report_case(const json_t *c, const char *dir, const char *program, FILE *out, bool color);

/* Draws the trace file |path| as a ladder of packets, drops with their reason at the right. Errors as above. */
int it_ladder_text(it_alloc *alloc, const char *path, FILE *out, char err[512]) IT_MUST_CHECK;

/* Writes the capture |from| (pcapng or pcap) as classic pcap with ns times to |to|, for tools that read nothing else:
 * names, comments, keys and interfaces stay behind, for which that format has no place. Counts the packets in |*n|.
 * Errors as above. */
int it_export_pcap(const char *from, const char *to, uint64_t *n, char err[512]) IT_MUST_CHECK;

#endif
