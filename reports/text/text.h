/* Reports at a terminal and for other programs: a summary, one case, a ladder, classic pcap. From the files of a run
 * alone. */
#ifndef IT_REPORTS_TEXT_TEXT_H
#define IT_REPORTS_TEXT_TEXT_H

#include "base/text/str.h"

#include <jansson.h>
#include <stdio.h>

/* Prints the summary of DIR/results.jsonl: every case that is not as expected with why, where and how to repeat it, in
 * the order of the file, and a closing line of counts. |color|: for a terminal. Errors as it_report_write. */
int it_report_print(it_alloc *alloc, const char *dir, FILE *out, bool color, char err[512]) IT_MUST_CHECK;

/* Prints the result |c| of one case: checks, faults, events, numbers, files below |dir|, how to repeat it. */
void it_report_case(const json_t *c, const char *dir, FILE *out, bool color);

/* Draws the trace file |path| as a ladder of packets, drops with their reason at the right. Errors as above. */
int it_ladder_text(it_alloc *alloc, const char *path, FILE *out, char err[512]) IT_MUST_CHECK;

/* Writes the capture |from| (pcapng or pcap) as classic pcap with ns times to |to|, for tools that read nothing else:
 * names, comments, keys and interfaces stay behind, for which that format has no place. Counts the packets in |*n|.
 * Errors as above. */
int it_export_pcap(const char *from, const char *to, uint64_t *n, char err[512]) IT_MUST_CHECK;

#endif
