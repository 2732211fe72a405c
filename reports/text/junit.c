/* JUnit XML: one suite, a test case a case, a hypothesis (class "hypothesis") and a fault of the whole run (class
 * "run"). No times: equal results give equal bytes. */
#include "reports/read/results.h"

#include <string.h>

static void attribute(it_str *out, const char *name, const char *v)
{
    it_str_printf(out, " %s=\"", name);
    it_results_escape(out, v);
    it_str_putc(out, '"');
}

/* Ends the element of a case that passed, with what could not be judged of it. */
static void write_passed(it_str *out, const json_t *c)
{
    size_t i, n = 0;
    json_t *x;
    json_array_foreach(json_object_get(c, "checks"), i, x)
    {
        if (it_results_held(x) != IT_UNJUDGED)
            continue;
        it_str_puts(out, n++ ? "\n" : ">\n      <system-out>");
        it_results_escape(out, it_results_str(x, "name"));
        it_str_puts(out, ": ");
        it_results_escape(out, it_results_str(x, "observed"));
    }
    it_str_puts(out, n ? "</system-out>\n    </testcase>\n" : "/>\n");
}

static void write_case(it_str *out, const json_t *c)
{
    const char *verdict = it_results_str(c, "verdict");
    const json_t *broken = it_results_broken(c);
    it_str_puts(out, "    <testcase");
    attribute(out, "classname", it_results_str(c, "file"));
    attribute(out, "name", it_results_str(c, "case"));
    if (strcmp(verdict, "pass") == 0) {
        write_passed(out, c);
        return;
    }
    const char *tag = strcmp(verdict, "unsupported") == 0 ? "skipped"
                      : strcmp(verdict, "error") == 0     ? "error"
                                                          : "failure";
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

/* A test case that failed, or did not where |message| is NULL. |text| has been escaped. */
static void write_other(it_str *out, const char *class, const char *name, const char *message, const char *text)
{
    it_str_puts(out, "    <testcase");
    attribute(out, "classname", class);
    attribute(out, "name", name);
    if (!message) {
        it_str_puts(out, "/>\n");
        return;
    }
    it_str_puts(out, ">\n      <failure");
    attribute(out, "message", message);
    it_str_printf(out, ">%s</failure>\n    </testcase>\n", text);
}

static void write_hypothesis(it_str *out, const json_t *h)
{
    it_str message, text;
    size_t i;
    json_t *p;
    it_str_init(&message, out->alloc);
    it_str_init(&text, out->alloc);
    it_str_printf(&message, "%s, known: %s", it_results_str(h, "verdict"), it_results_str(h, "known"));
    json_array_foreach(json_object_get(h, "predictions"), i, p)
    {
        static const char *const PARTS[] = {"text", "value", "interval", "verdict"};
        for (size_t k = 0; k < 4; k++) {
            it_str_puts(&text, k ? ": " : i ? "; " : "");
            it_results_escape(&text, it_results_str(p, PARTS[k]));
        }
    }
    out->oom = out->oom || message.oom || text.oom;
    if (!out->oom)
        write_other(out, "hypothesis", it_results_str(h, "hypothesis"),
                    it_results_as_known(h) ? NULL : it_str_c(&message), it_str_c(&text));
    it_str_fini(&message);
    it_str_fini(&text);
}

static int junit_count(const it_results *r, const char *verdict)
{
    int n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += strcmp(it_results_str(r->v[i], "verdict"), verdict) == 0;
    return n;
}

void it_report_junit(const it_results *r, it_str *out)
{
    const json_t *hypotheses = json_object_get(r->end, "hypotheses"), *problems = json_object_get(r->end, "problems");
    size_t faults = json_array_size(problems), i;
    json_t *x;
    json_array_foreach(hypotheses, i, x) faults += !it_results_as_known(x);
    it_str_printf(out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"icetank\" "
                  "tests=\"%d\" failures=\"%d\" "
                  "errors=\"%d\" skipped=\"%d\">\n",
                  (int)(r->n + json_array_size(hypotheses) + json_array_size(problems)),
                  junit_count(r, "fail") + (int)faults, junit_count(r, "error"), junit_count(r, "unsupported"));
    for (i = 0; i < r->n; i++)
        write_case(out, r->v[i]);
    json_array_foreach(hypotheses, i, x) write_hypothesis(out, x);
    json_array_foreach(problems, i, x)
    {
        const char *sentence = json_string_value(x) ? json_string_value(x) : "";
        write_other(out, "run", sentence, sentence, "");
    }
    it_str_puts(out, "  </testsuite>\n</testsuites>\n");
}
