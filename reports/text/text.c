/* Reports for people at a terminal: the summary of a run, the result of one case. */
#include "reports/text/text.h"

#include "reports/read/results.h"

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

/* Text of a result: control characters, which a scenario may have put in, do not reach the terminal. */
static void put_text(FILE *out, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\x%02x", *p);
        else
            fputc(*p, out);
}

static void put_row(FILE *out, const char *name, const char *v)
{
    fprintf(out, "      %-9s ", name);
    put_text(out, v);
    fputc('\n', out);
}

/* "FILE:LINE" at the beginning of an error; its length, 0 when there is none. */
static size_t place(const char *error)
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
        size_t n = place(error), k = strlen(file);
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
    fprintf(out, ": %s", verdict);
    if (*known)
        fprintf(out, " (known: %s)", known);
    fputs("\n      ", out);
    put_text(out, it_results_str(h, "title"));
    fputc('\n', out);
    put_row(out, "claim", it_results_str(h, "claim"));
    json_array_foreach(json_object_get(h, "predictions"), i, p)
    {
        fputs("      ", out);
        put_text(out, it_results_str(p, "text"));
        fprintf(out, ": %s", it_results_str(p, "value"));
        fprintf(out, " (95 %%: %s, %" PRId64 " cases): ", it_results_str(p, "interval"), it_results_int(p, "n", 0));
        put_text(out, it_results_str(p, "verdict"));
        fputc('\n', out);
    }
}

static void print_summary(const it_results *r, FILE *out, bool color)
{
    int n[N_WORDS] = {0}, either = 0;
    for (size_t i = 0; i < r->n; i++) {
        const json_t *c = r->v[i];
        either += json_is_true(json_object_get(json_object_get(c, "oracle"), "either"));
        const char *verdict = it_results_str(c, "verdict");
        for (size_t k = 0; k < N_WORDS; k++)
            n[k] += strcmp(verdict, WORDS[k].verdict) == 0;
        if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "error") != 0)
            continue;
        put_word(out, verdict, color);
        fputs(" ", out);
        put_text(out, it_results_str(c, "case"));
        fputc('\n', out);
        put_why(out, c);
        put_row(out, "repeat", it_results_str(c, "repeat"));
    }
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(r->end, "problems"), i, p)
    {
        put_word(out, "error", color);
        fputs(" ", out);
        put_text(out, json_string_value(p) ? json_string_value(p) : "");
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(r->end, "hypotheses"), i, p) put_hypothesis(out, p, color);
    if (either)
        fprintf(out, "%d %s: which of two outcomes is right hangs on who is first, or on chance\n", either,
                either == 1 ? "either verdict" : "either verdicts");
    fprintf(out, "%d as predicted, %d not, %d errors, %d unsupported\n", n[0], n[1], n[2], n[3]);
    if (strcmp(it_results_str(r->end, "end"), "complete") != 0)
        fprintf(out, "incomplete: %zu of %" PRId64 " cases were finished\n", r->n,
                (int64_t)json_integer_value(json_object_get(r->plan, "cases")));
}

int it_report_print(it_alloc *alloc, const char *dir, FILE *out, bool color, char err[512])
{
    char path[4200];
    it_results r;
    snprintf(path, sizeof path, "%s/results.jsonl", dir);
    int rc = it_results_read(&r, alloc, path, err);
    if (rc == 0)
        print_summary(&r, out, color);
    it_results_free(&r);
    return rc;
}

/* --- one case --- */

/* |ns| as seconds with as many decimals as it needs, at least three. */
static void put_time(FILE *out, const json_t *v)
{
    int64_t ns = (int64_t)json_integer_value(v);
    char frac[16];
    snprintf(frac, sizeof frac, "%09" PRId64, ns % 1000000000 < 0 ? -(ns % 1000000000) : ns % 1000000000);
    for (size_t n = 9; n > 3 && frac[n - 1] == '0'; n--)
        frac[n - 1] = '\0';
    fprintf(out, "%" PRId64 ".%s s", ns / 1000000000, frac);
}

static void put_checks(FILE *out, const json_t *c)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(c, "checks"), i, x)
    {
        fprintf(out, "  %s  ", json_is_true(json_object_get(x, "ok")) ? "ok     " : "BROKEN ");
        put_text(out, it_results_str(x, "name"));
        fputs("   ", out);
        put_text(out, it_results_str(x, "where"));
        fputc('\n', out);
        put_row(out, "expected", it_results_str(x, "expected"));
        put_row(out, "observed", it_results_str(x, "observed"));
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
        fputs("   ", out);
        put_text(out, it_results_str(x, "where"));
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(c, "events"), i, x)
    {
        static const char *const MORE[] = {"path", "kinds", "reason"};
        fputs("  event    ", out);
        put_time(out, json_object_get(x, "t"));
        fputs("  ", out);
        put_text(out, it_results_str(x, "end"));
        fputs(": ", out);
        put_text(out, it_results_str(x, "name"));
        for (size_t k = 0; k < 3; k++)
            if (*it_results_str(x, MORE[k])) {
                fputc(' ', out);
                put_text(out, it_results_str(x, MORE[k]));
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

void it_report_case(const json_t *c, const char *dir, FILE *out, bool color)
{
    const json_t *o = json_object_get(c, "oracle");
    put_word(out, it_results_str(c, "verdict"), color);
    fputs(" ", out);
    put_text(out, it_results_str(c, "case"));
    fprintf(out, "   seed %" PRId64 "\n  ", (int64_t)json_integer_value(json_object_get(c, "seed")));
    put_text(out, it_results_str(c, "title"));
    fputc('\n', out);
    if (json_is_object(o)) {
        fputs("  oracle   ", out);
        put_text(out, it_results_str(o, "outcome"));
        fputs(*it_results_str(o, "path") ? " " : "", out);
        put_text(out, it_results_str(o, "path"));
        fputs(": ", out);
        put_text(out, it_results_str(o, "why"));
        fputc('\n', out);
    }
    if (*it_results_str(c, "error"))
        put_why(out, c);
    put_checks(out, c);
    put_events(out, c);
    if (json_object_size(json_object_get(c, "metrics")))
        put_metrics(out, c);
    static const char *const FILES[] = {"capture", "trace"};
    for (size_t i = 0; i < 2; i++)
        if (*it_results_str(c, FILES[i]))
            fprintf(out, "  %-8s %s/%s\n", FILES[i], dir, it_results_str(c, FILES[i]));
    fprintf(out, "  print    %s\n  repeat   ", it_results_str(c, "fingerprint"));
    put_text(out, it_results_str(c, "repeat"));
    fputc('\n', out);
}
