/* Reports from results.jsonl alone: a summary as text, OUT/junit.xml and OUT/index.html. They never look at scenarios or the
 * simulator, so an old run can be reported years later. Equal results give byte-equal files. */
#ifndef IT_REPORTS_REPORT_H
#define IT_REPORTS_REPORT_H

#include "base/text/str.h"

#include <jansson.h>
#include <stdio.h>

/* Reads DIR/results.jsonl, writes DIR/junit.xml and DIR/index.html. Returns 0, or with a one-line message in |err|:
 * IT_ERR_NOTFOUND when what is to be read cannot be opened, IT_ERR_PARSE, IT_ERR_IO, IT_ERR_NOMEM. */
int it_report_write(it_alloc *alloc, const char *dir, char err[512]) IT_MUST_CHECK;

/* Prints the summary of DIR/results.jsonl: every case that is not as expected with why, where and how to repeat it, in the order of
 * the file, and a closing line of counts. |color|: for a terminal. Errors as above. */
int it_report_print(it_alloc *alloc, const char *dir, FILE *out, bool color, char err[512]) IT_MUST_CHECK;

/* Prints the result |c| of one case: checks, faults, events, numbers, files below |dir|, how to repeat it. */
void it_report_case(const json_t *c, const char *dir, FILE *out, bool color);

/* Draws the trace file |path| as a ladder of packets, drops with their reason at the right. Errors as above. */
int it_ladder_text(it_alloc *alloc, const char *path, FILE *out, char err[512]) IT_MUST_CHECK;

/* Writes the capture |from| (pcapng or pcap) as classic pcap with ns times to |to|, for tools that read nothing else: names, comments,
 * keys and interfaces stay behind, for which that format has no place. Counts the packets in |*n|. Errors as above. */
int it_export_pcap(const char *from, const char *to, uint64_t *n, char err[512]) IT_MUST_CHECK;

#endif
