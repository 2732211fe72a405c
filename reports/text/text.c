/* Reports for people at a terminal: the result of one case. */
#include "reports/text/impl.h"

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

void it_text_word(FILE *out, const char *verdict, bool color)
{
    for (size_t k = 0; k < N_WORDS; k++)
        if (strcmp(verdict, WORDS[k].verdict) == 0)
            fprintf(out, "%s%s%s", color ? WORDS[k].color : "", WORDS[k].word, color ? "\033[0m" : "");
}

void it_text_put(FILE *out, const char *s)
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
    it_text_put(out, named ? program : "");
    it_text_put(out, repeat + (named ? sizeof NAME - 2 : 0));
    fputc('\n', out);
}

void it_text_row(FILE *out, const char *name, const char *v)
{
    fprintf(out, "      %-9s ", name);
    it_text_put(out, v);
    fputc('\n', out);
}

size_t it_text_place(const char *error)
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
        size_t n = it_text_place(error), k = strlen(file);
        snprintf(where, sizeof where, "%.*s", (int)n, error);
        if (!n && strncmp(error, file, k) == 0 && error[k] == ':') /* no line is known */
            error += k + 1 + (error[k + 1] == ' ');
        it_text_row(out, "error", n ? error + n + 1 + (error[n + 1] == ' ') : error);
        it_text_row(out, "where", n ? where : it_results_str(c, "file"));
    } else if (b) {
        it_text_row(out, "expected", it_results_str(b, "expected"));
        it_text_row(out, "observed", it_results_str(b, "observed"));
        it_text_row(out, "where", it_results_str(b, "where"));
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
    it_text_put(out, dir);
    fputc('/', out);
    it_text_put(out, file);
    fputc('\n', out);
}

bool it_report_failure(const json_t *c, const char *dir, const char *program, size_t pages, FILE *out, bool color)
{
    const char *verdict = it_results_str(c, "verdict");
    char page[1024];
    if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "error") != 0)
        return false;
    it_text_word(out, verdict, color);
    fputs(" ", out);
    it_text_put(out, it_results_str(c, "case"));
    fputs("\n      ", out);
    it_text_put(out, it_results_str(c, "title"));
    fputc('\n', out);
    put_why(out, c);
    if (*it_results_str(c, "capture"))
        put_file(out, "packets", dir, it_results_str(c, "capture"));
    else if (strcmp(verdict, "fail") == 0)
        it_text_row(out, "packets", "not recorded: of failures alike the first one is; repeat records this one");
    if (pages < IT_VIEW_PAGES && page_of(c, page, sizeof page))
        put_file(out, "page", dir, page);
    fprintf(out, "      %-9s ", "repeat");
    put_repeat(out, program, it_results_str(c, "repeat"));
    return true;
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
        it_text_put(out, it_results_str(x, "name"));
        fputs(unjudged ? ", not judged   " : "   ", out);
        it_text_put(out, it_results_str(x, "where"));
        fputc('\n', out);
        it_text_row(out, "expected", it_results_str(x, "expected"));
        it_text_row(out, "observed", it_results_str(x, "observed"));
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
        it_text_put(out, end);
    }
    json_array_foreach(json_object_get(fault, "counts"), i, v)
    {
        fputs(i ? ", " : "; counts for ", out);
        it_text_put(out, json_string_value(v) ? json_string_value(v) : "");
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
        it_text_put(out, it_results_str(x, "text"));
        put_taken(out, x);
        fputs("   ", out);
        it_text_put(out, it_results_str(x, "where"));
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(c, "events"), i, x)
    {
        static const char *const MORE[] = {"iface", "path", "kinds", "reason"};
        fputs("  event    ", out);
        put_time(out, json_object_get(x, "t"));
        fputs("  ", out);
        it_text_put(out, it_results_str(x, "end"));
        fputs(": ", out);
        it_text_put(out, it_results_str(x, "name"));
        for (size_t k = 0; k < sizeof MORE / sizeof *MORE; k++)
            if (*it_results_str(x, MORE[k])) {
                fputc(' ', out);
                it_text_put(out, it_results_str(x, MORE[k]));
            }
        if (*it_results_str(x, "why")) {
            fputs(": ", out);
            it_text_put(out, it_results_str(x, "why"));
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
        it_text_put(out, key);
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
            it_text_put(out, key);
            fputc('=', out);
            if (json_is_string(v))
                it_text_put(out, json_string_value(v));
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
    it_text_put(out, it_results_str(o, "outcome"));
    fputs(*it_results_str(o, "path") ? " " : "", out);
    it_text_put(out, it_results_str(o, "path"));
    fputs(": ", out);
    it_text_put(out, it_results_str(o, "why"));
    fputc('\n', out);
    it_alloc_init(&alloc);
    it_str_init(&ways, &alloc);
    it_results_ways(c, &ways);
    if (ways.n) {
        fputs("  ways     ", out);
        it_text_put(out, it_str_c(&ways));
        fputc('\n', out);
    }
    it_str_fini(&ways);
}

void it_report_case(const json_t *c, const char *dir, const char *program, FILE *out, bool color)
{
    it_text_word(out, it_results_str(c, "verdict"), color);
    fputs(" ", out);
    it_text_put(out, it_results_str(c, "case"));
    fprintf(out, "   seed %" PRId64 "\n  ", (int64_t)json_integer_value(json_object_get(c, "seed")));
    it_text_put(out, it_results_str(c, "title"));
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
        it_text_put(out, json_is_string(note) ? json_string_value(note) : "");
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
            it_text_put(out, dir);
            fputc('/', out);
            it_text_put(out, it_results_str(c, FILES[i]));
            fputc('\n', out);
        }
    fputs("  print    ", out);
    it_text_put(out, it_results_str(c, "fingerprint"));
    fputs("\n  repeat   ", out);
    put_repeat(out, program, it_results_str(c, "repeat"));
}
