/* Reports from results.jsonl alone: a summary as text, OUT/junit.xml and OUT/index.html. They never look at scenarios
 * or the simulator, so an old run can be reported years later. Equal results give byte-equal files. */
#ifndef IT_REPORTS_REPORT_H
#define IT_REPORTS_REPORT_H

#include "base/text/str.h"

#include <jansson.h>
#include <stdio.h>

struct it_results_watch; /* reports/read/results.h */

/* Reads DIR/results.jsonl, of which |watch| sees every line (NULL: nobody does), writes DIR/junit.xml,
 * DIR/index.html and DIR/index.json. Returns 0, or with a one-line message in |err|:
 * IT_ERR_NOTFOUND when what is to be read cannot be opened, IT_ERR_PARSE, IT_ERR_IO, IT_ERR_NOMEM. */
int it_report_write(it_alloc *alloc, const char *dir, const struct it_results_watch *watch,
                    char err[512]) IT_MUST_CHECK;

#endif
