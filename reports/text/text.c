/* Reports for people at a terminal: the summary of a run, the result of one case. */
#include "reports/text/text.h"

#include "reports/read/view.h"

#include <inttypes.h>
#include <string.h>

/* The words of verdicts, as wide as the widest, and their colours. */
static const struct {
    const char *verdict, *word, *color;
} WORDS[] = {
    {"pass", "PASS ", "\033[32m"},
    {"fail", "FAIL ", "\033[31m"},
    {"error", "ERROR", "\033[35m"},
    {"unsupported", "UNSUP", "\033[33m"},
};
#define N_WORDS (sizeof WORDS / sizeof *WORDS)

static void put_word(FILE *out, const char *verdict, bool color)
{
    for (size_t k = 0; k < N_WORDS; k++)
        if (strcmp(verdict, WORDS[k].verdict) == 0)
            fprintf(out, "%s%s%s", color ? WORDS[k].color : "", WORDS[k].word, color ? "\033[0m" : "");
}

/* Prints text of a result. Control characters, which a scenario or a hostile file may have put in, do not reach the
 * terminal: neither those of ASCII nor those of ISO 6429's second set, which are 0xc2 0x80 to 0x9f in UTF-8. */
static void put_text(FILE *out, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool second = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        if (*p < 0x20 || *p == 0x7f || second)
            fprintf(out, "\\x%02x", second ? *++p : *p);
        else
            fputc(*p, out);
    }
}

/* How to call |program| to repeat a case, from the line |repeat| of its result, which names the program only. */
static void put_repeat(FILE *out, const char *program, const char *repeat)
{
    static const char NAME[] = "icetank ";
    bool named = strncmp(repeat, NAME, sizeof NAME - 1) == 0;
    put_text(out, named ? program : "");
    put_text(out, repeat + (named ? sizeof NAME - 2 : 0));
    fputc('\n', out);
}

static void put_row(FILE *out, const char *name, const char *v)
{
    fprintf(out, "      %-9s ", name);
    put_text(out, v);
    fputc('\n', out);
}

/* "FILE:LINE" at the beginning of an error; its length, 0 when there is none. */
static size_t text_place(const char *error)
{
    for (const char *p = strchr(error, ':'); p; p = strchr(p + 1, ':')) {
        size_t n = strspn(p + 1, "0123456789");
        if (n && p[1 + n] == ':')
            return (size_t)(p - error) + 1 + n;
    }
    return 0;
}

/* Why and where: of the check that did not hold, or of the error that ended the case. */
static void put_why(FILE *out, const json_t *c)
{
    const json_t *b = it_results_broken(c);
    const char *error = it_results_str(c, "error");
    if (*error) {
        char where[512];
        const char *file = it_results_str(c, "file");
        size_t n = text_place(error), k = strlen(file);
        snprintf(where, sizeof where, "%.*s", (int)n, error);
        if (!n && strncmp(error, file, k) == 0 && error[k] == ':') /* no line is known */
            error += k + 1 + (error[k + 1] == ' ');
        put_row(out, "error", n ? error + n + 1 + (error[n + 1] == ' ') : error);
        put_row(out, "where", n ? where : it_results_str(c, "file"));
    } else if (b) {
        put_row(out, "expected", it_results_str(b, "expected"));
        put_row(out, "observed", it_results_str(b, "observed"));
        put_row(out, "where", it_results_str(b, "where"));
    }
}

/* A hypothesis: its claim, what was predicted and measured, the verdict. */
static void put_hypothesis(FILE *out, const json_t *h, bool color)
{
    const char *verdict = it_results_str(h, "verdict"), *known = it_results_str(h, "known");
    size_t i;
    json_t *p;
    const char *word = strcmp(verdict, "unsupported") == 0 ? verdict : it_results_as_known(h) ? "pass" : "fail";
    put_word(out, word, color);
    fputc(' ', out);
    put_text(out, it_results_str(h, "hypothesis"));
    fputs(": ", out);
    put_text(out, verdict);
    fputs(*known ? " (known: " : "", out);
    put_text(out, known);
    fputs(*known ? ")\n      " : "\n      ", out);
    put_text(out, it_results_str(h, "title"));
    fputc('\n', out);
    put_row(out, "claim", it_results_str(h, "claim"));
    json_array_foreach(json_object_get(h, "predictions"), i, p)
    {
        fputs("      ", out);
        put_text(out, it_results_str(p, "text"));
        fputs(": ", out);
        put_text(out, it_results_str(p, "value"));
        fputs(" (95 %: ", out);
        put_text(out, it_results_str(p, "interval"));
        fprintf(out, ", %" PRId64 " cases): ", it_results_int(p, "n", 0));
        put_text(out, it_results_str(p, "verdict"));
        fputc('\n', out);
    }
}

/* True when an earlier case than the |i|-th, or an earlier note of it than the |k|-th, has the note |text|. */
static bool noted(const it_results *r, size_t i, size_t k, const char *text)
{
    size_t m;
    json_t *x;
    for (size_t c = 0; c <= i; c++)
        json_array_foreach(json_object_get(r->v[c], "notes"), m, x)
        {
            if (c == i && m >= k)
                break;
            if (json_is_string(x) && strcmp(json_string_value(x), text) == 0)
                return true;
        }
    return false;
}

/* What cases have to say besides their verdicts, each once. */
static void put_notes(FILE *out, const it_results *r)
{
    size_t k;
    json_t *x;
    for (size_t i = 0; i < r->n; i++)
        json_array_foreach(json_object_get(r->v[i], "notes"), k, x)
        {
            const char *text = json_is_string(x) ? json_string_value(x) : "";
            if (noted(r, i, k, text))
                continue;
            fputs("NOTE  ", out);
            put_text(out, text);
            fputc('\n', out);
        }
}

/* The page of |c|, as the report names it after the trace; false when it has none. */
static bool page_of(const json_t *c, char *out, size_t cap)
{
    const char *trace = it_results_str(c, "trace"), *tail = strstr(trace, ".trace.jsonl");
    return tail && snprintf(out, cap, "%.*s.html", (int)(tail - trace), trace) < (int)cap;
}

static void put_file(FILE *out, const char *name, const char *dir, const char *file)
{
    fprintf(out, "      %-9s ", name);
    put_text(out, dir);
    fputc('/', out);
    put_text(out, file);
    fputc('\n', out);
}

bool it_report_failure(const json_t *c, const char *dir, const char *program, size_t pages, FILE *out, bool color)
{
    const char *verdict = it_results_str(c, "verdict");
    char page[1024];
    if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "error") != 0)
        return false;
    put_word(out, verdict, color);
    fputs(" ", out);
    put_text(out, it_results_str(c, "case"));
    fputs("\n      ", out);
    put_text(out, it_results_str(c, "title"));
    fputc('\n', out);
    put_why(out, c);
    if (*it_results_str(c, "capture"))
        put_file(out, "packets", dir, it_results_str(c, "capture"));
    else if (strcmp(verdict, "fail") == 0)
        put_row(out, "packets", "not recorded: of failures alike the first one is; repeat records this one");
    if (pages < IT_VIEW_PAGES && page_of(c, page, sizeof page))
        put_file(out, "page", dir, page);
    fprintf(out, "      %-9s ", "repeat");
    put_repeat(out, program, it_results_str(c, "repeat"));
    return true;
}

static void print_cases(const it_results *r, const char *dir, const char *program, FILE *out, bool color)
{
    size_t pages = 0;
    for (size_t i = 0; i < r->n; i++)
        pages += it_report_failure(r->v[i], dir, program, pages, out, color);
}

static void count_cases(const it_results *r, it_report_count *n)
{
    int *counts[N_WORDS] = {&n->pass, &n->fail, &n->error, &n->unsupported}; /* in the order of WORDS */
    size_t i;
    json_t *h;
    for (i = 0; i < r->n; i++) {
        n->either += json_is_true(json_object_get(json_object_get(r->v[i], "oracle"), "either"));
        for (size_t k = 0; k < N_WORDS; k++)
            *counts[k] += strcmp(it_results_str(r->v[i], "verdict"), WORDS[k].verdict) == 0;
    }
    n->problems = (int)json_array_size(json_object_get(r->end, "problems"));
    json_array_foreach(json_object_get(r->end, "hypotheses"), i, h)
    {
        n->problems += !it_results_as_known(h);
    }
    n->whole = strcmp(it_results_str(r->end, "end"), "complete") == 0;
}

/* What |c| lacks, without the line that asks for it; |*n|: how long "FILE:LINE" is before it, 0 when no line is known.
 */
static const char *lacking(const json_t *c, int *n)
{
    const char *error = it_results_str(c, "error");
    *n = (int)text_place(error);
    return *n ? error + *n + 1 + (error[*n + 1] == ' ') : error;
}

/* The number of cases that are unsupported for the reason that the |i|-th gives; 0 when an earlier one gives it. */
static int unsupported_like(const it_results *r, size_t i)
{
    int n = 0, at;
    const char *why = lacking(r->v[i], &at);
    for (size_t k = 0; k < r->n; k++) {
        if (strcmp(it_results_str(r->v[k], "verdict"), "unsupported") != 0 || strcmp(lacking(r->v[k], &at), why) != 0)
            continue;
        if (k < i)
            return 0;
        n++;
    }
    return n;
}

/* Why cases could not be judged: each reason once. */
static void put_unsupported(FILE *out, const it_results *r, bool color)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(it_results_str(r->v[i], "verdict"), "unsupported") != 0)
            continue;
        int n = unsupported_like(r, i);
        if (n == 0)
            continue;
        put_word(out, "unsupported", color);
        int at;
        char where[512];
        fprintf(out, " %d %s: ", n, n == 1 ? "case" : "cases");
        put_text(out, lacking(r->v[i], &at));
        snprintf(where, sizeof where, "%.*s", at, it_results_str(r->v[i], "error"));
        fputs(!at ? "" : n == 1 ? "   " : "   first at ", out);
        put_text(out, where);
        fputc('\n', out);
    }
}

static void print_end(const it_results *r, const it_report_count *n, FILE *out, bool color)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(r->end, "problems"), i, p)
    {
        put_word(out, "error", color);
        fputs(" ", out);
        put_text(out, json_string_value(p) ? json_string_value(p) : "");
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(r->end, "hypotheses"), i, p)
    {
        put_hypothesis(out, p, color);
    }
    put_notes(out, r);
    put_unsupported(out, r, color);
    if (n->either)
        fprintf(out, "%d %s: which of two outcomes is right hangs on who is first, or on chance\n", n->either,
                n->either == 1 ? "either verdict" : "either verdicts");
    fprintf(out, "%d as predicted, %d not, %d %s, %d unsupported\n", n->pass, n->fail, n->error,
            n->error == 1 ? "error" : "errors", n->unsupported);
    bool stopped = strcmp(it_results_str(r->end, "end"), "stopped") == 0;
    if (!n->whole)
        fprintf(out, "%s: %zu of %" PRId64 " cases were finished\n",
                stopped ? "stopped by --max-failures" : "incomplete", r->n, it_results_int(r->plan, "cases", 0));
}

int it_report_print(it_alloc *alloc, const char *dir, const char *program, bool cases, FILE *out, bool color,
                    it_report_count *n, char err[512])
{
    char path[4200];
    it_results r;
    snprintf(path, sizeof path, "%s/results.jsonl", dir);
    *n = (it_report_count){.pass = 0};
    int rc = it_results_skim(&r, alloc, path, err);
    if (rc == 0) {
        if (cases)
            print_cases(&r, dir, program, out, color);
        count_cases(&r, n);
        print_end(&r, n, out, color);
    }
    it_results_free(&r);
    return rc;
}

/* --- one case --- */

/* |ns| as scenarios and checks write it: in the largest unit of which there is one, with the decimals it needs. */
static void put_ns(FILE *out, int64_t ns)
{
    static const struct {
        int64_t ns;
        int digits;
        const char *name;
    } UNITS[] = {{1000000000, 9, "s"}, {1000000, 6, "ms"}, {1000, 3, "us"}, {1, 0, "ns"}};
    char frac[24];
    size_t k = 0;
    if (ns <= 0) {
        fputs(ns < 0 ? "-" : "0s", out);
        if (ns == 0)
            return;
        ns = -ns;
    }
    while (ns < UNITS[k].ns)
        k++;
    fprintf(out, "%" PRId64, ns / UNITS[k].ns);
    int n = snprintf(frac, sizeof frac, ".%0*" PRId64, UNITS[k].digits, ns % UNITS[k].ns);
    while (n > 0 && (frac[n - 1] == '0' || frac[n - 1] == '.')) {
        bool point = frac[n - 1] == '.';
        frac[--n] = '\0';
        if (point)
            break;
    }
    fprintf(out, "%s%s", frac, UNITS[k].name);
}

static void put_time(FILE *out, const json_t *v)
{
    put_ns(out, (int64_t)json_integer_value(v));
}

static void put_checks(FILE *out, const json_t *c)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(c, "checks"), i, x)
    {
        static const char *const HELD[] = {"ok     ", "BROKEN ", "-      "}; /* by enum it_held */
        bool unjudged = it_results_held(x) == IT_UNJUDGED;
        fprintf(out, "  %s  ", HELD[it_results_held(x)]);
        put_text(out, it_results_str(x, "name"));
        fputs(unjudged ? ", not judged   " : "   ", out);
        put_text(out, it_results_str(x, "where"));
        fputc('\n', out);
        put_row(out, "expected", it_results_str(x, "expected"));
        put_row(out, "observed", it_results_str(x, "observed"));
    }
}

/* Of a fault: what it takes of which end, and for which ends it counts. */
static void put_taken(FILE *out, const json_t *fault)
{
    const char *end;
    json_t *v;
    size_t i;
    json_object_foreach(json_object_get(fault, "takes"), end, v)
    {
        const char *what = json_string_value(v);
        fputs(what && strcmp(what, "all") == 0 ? "; nothing is left to " : "; another way is left to ", out);
        put_text(out, end);
    }
    json_array_foreach(json_object_get(fault, "counts"), i, v)
    {
        fputs(i ? ", " : "; counts for ", out);
        put_text(out, json_string_value(v) ? json_string_value(v) : "");
    }
}

static void put_events(FILE *out, const json_t *c)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(c, "faults"), i, x)
    {
        fputs("  fault    ", out);
        put_time(out, json_object_get(x, "t"));
        fputs("  ", out);
        put_text(out, it_results_str(x, "text"));
        put_taken(out, x);
        fputs("   ", out);
        put_text(out, it_results_str(x, "where"));
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(c, "events"), i, x)
    {
        static const char *const MORE[] = {"iface", "path", "kinds", "reason"};
        fputs("  event    ", out);
        put_time(out, json_object_get(x, "t"));
        fputs("  ", out);
        put_text(out, it_results_str(x, "end"));
        fputs(": ", out);
        put_text(out, it_results_str(x, "name"));
        for (size_t k = 0; k < sizeof MORE / sizeof *MORE; k++)
            if (*it_results_str(x, MORE[k])) {
                fputc(' ', out);
                put_text(out, it_results_str(x, MORE[k]));
            }
        if (*it_results_str(x, "why")) {
            fputs(": ", out);
            put_text(out, it_results_str(x, "why"));
        }
        if (it_faults_after(c, x) >= 0) {
            fputs(", +", out);
            put_ns(out, it_faults_after(c, x));
        }
        fputc('\n', out);
    }
}

static void put_metrics(FILE *out, const json_t *c)
{
    const char *key;
    json_t *v;
    fputs("  numbers ", out);
    json_object_foreach(json_object_get(c, "metrics"), key, v)
    {
        fputc(' ', out);
        put_text(out, key);
        fputc('=', out);
        if (strncmp(key, "t_", 2) == 0 || strncmp(key, "freeze_", 7) == 0)
            put_time(out, v);
        else
            fprintf(out, "%" PRId64, (int64_t)json_integer_value(v));
    }
    fputc('\n', out);
}

/* The numbers of each media stream, where the call has several. */
static void put_streams(FILE *out, const json_t *c)
{
    size_t i;
    const json_t *s;
    json_array_foreach(json_object_get(c, "streams"), i, s)
    {
        const char *key;
        json_t *v;
        fprintf(out, "  stream %zu", i + 1);
        json_object_foreach((json_t *)s, key, v)
        {
            if (strcmp(key, "stream") == 0)
                continue;
            fputc(' ', out);
            put_text(out, key);
            fputc('=', out);
            if (json_is_string(v))
                put_text(out, json_string_value(v));
            else if (strncmp(key, "t_", 2) == 0 || strncmp(key, "freeze_", 7) == 0)
                put_time(out, v);
            else
                fprintf(out, "%" PRId64, (int64_t)json_integer_value(v));
        }
        fputc('\n', out);
    }
}

/* What the oracle says of |c|. */
static void put_oracle(FILE *out, const json_t *c)
{
    const json_t *o = json_object_get(c, "oracle");
    it_alloc alloc;
    it_str ways;
    fputs("  oracle   ", out);
    put_text(out, it_results_str(o, "outcome"));
    fputs(*it_results_str(o, "path") ? " " : "", out);
    put_text(out, it_results_str(o, "path"));
    fputs(": ", out);
    put_text(out, it_results_str(o, "why"));
    fputc('\n', out);
    it_alloc_init(&alloc);
    it_str_init(&ways, &alloc);
    it_results_ways(c, &ways);
    if (ways.n) {
        fputs("  ways     ", out);
        put_text(out, it_str_c(&ways));
        fputc('\n', out);
    }
    it_str_fini(&ways);
}

void it_report_case(const json_t *c, const char *dir, const char *program, FILE *out, bool color)
{
    put_word(out, it_results_str(c, "verdict"), color);
    fputs(" ", out);
    put_text(out, it_results_str(c, "case"));
    fprintf(out, "   seed %" PRId64 "\n  ", (int64_t)json_integer_value(json_object_get(c, "seed")));
    put_text(out, it_results_str(c, "title"));
    fputc('\n', out);
    if (json_is_object(json_object_get(c, "oracle")))
        put_oracle(out, c);
    if (*it_results_str(c, "error"))
        put_why(out, c);
    put_checks(out, c);
    size_t i;
    json_t *note;
    json_array_foreach(json_object_get(c, "notes"), i, note)
    {
        fputs("  note     ", out);
        put_text(out, json_is_string(note) ? json_string_value(note) : "");
        fputc('\n', out);
    }
    put_events(out, c);
    if (json_object_size(json_object_get(c, "metrics")))
        put_metrics(out, c);
    put_streams(out, c);
    static const char *const FILES[] = {"capture", "trace"};
    for (i = 0; i < 2; i++)
        if (*it_results_str(c, FILES[i])) {
            fprintf(out, "  %-8s ", FILES[i]);
            put_text(out, dir);
            fputc('/', out);
            put_text(out, it_results_str(c, FILES[i]));
            fputc('\n', out);
        }
    fputs("  print    ", out);
    put_text(out, it_results_str(c, "fingerprint"));
    fputs("\n  repeat   ", out);
    put_repeat(out, program, it_results_str(c, "repeat"));
}
