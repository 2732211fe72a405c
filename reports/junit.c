/* JUnit XML: one suite a file, one test case a case. No times: equal results give equal bytes. */
#include "reports/results.h"

#include <string.h>

static void attribute(it_str *out, const char *name, const char *v)
{
    it_str_printf(out, " %s=\"", name);
    it_results_escape(out, v);
    it_str_putc(out, '"');
}

static void write_case(it_str *out, const json_t *c)
{
    const char *verdict = it_results_str(c, "verdict");
    const json_t *broken = it_results_broken(c);
    it_str_puts(out, "    <testcase");
    attribute(out, "classname", it_results_str(c, "file"));
    attribute(out, "name", it_results_str(c, "case"));
    if (strcmp(verdict, "pass") == 0) {
        it_str_puts(out, "/>\n");
        return;
    }
    const char *tag = strcmp(verdict, "unsupported") == 0 ? "skipped" : strcmp(verdict, "error") == 0 ? "error" : "failure";
    it_str_printf(out, ">\n      <%s", tag);
    attribute(out, "message", broken ? it_results_str(broken, "expected") : it_results_str(c, "error"));
    it_str_putc(out, '>');
    if (broken) {
        it_results_escape(out, it_results_str(broken, "where"));
        it_str_puts(out, ": ");
        it_results_escape(out, it_results_str(broken, "observed"));
    }
    it_str_printf(out, "</%s>\n    </testcase>\n", tag);
}

static int count(const it_results *r, const char *verdict)
{
    int n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += strcmp(it_results_str(r->v[i], "verdict"), verdict) == 0;
    return n;
}

void it_report_junit(const it_results *r, it_str *out)
{
    it_str_printf(out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"icetank\" tests=\"%d\" failures=\"%d\" "
                  "errors=\"%d\" skipped=\"%d\">\n",
                  (int)r->n, count(r, "fail"), count(r, "error"), count(r, "unsupported"));
    for (size_t i = 0; i < r->n; i++)
        write_case(out, r->v[i]);
    it_str_puts(out, "  </testsuite>\n</testsuites>\n");
}
