/* What the files of this folder share. */
#ifndef IT_REPORTS_IMPL_H
#define IT_REPORTS_IMPL_H

#include "reports/read/view.h"

/* Appends the overview as JSON (docs/results.md, "index.json"). |out|->oom tells of memory. */
void it_report_twin(const it_view *w, it_str *out);

#endif
