/* All reports of one folder. */
#include "reports/report.h"

#include "reports/results.h"

#include <errno.h>
#include <string.h>

static int save(const char *dir, const char *name, const it_str *s, char err[512])
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (s->oom) {
        snprintf(err, 512, "out of memory");
        return IT_ERR_NOMEM;
    }
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(it_str_c(s), 1, s->n, f) == s->n;
    ok = f && fclose(f) == 0 && ok;
    if (!ok)
        snprintf(err, 512, "%s: %s", path, strerror(errno));
    return ok ? 0 : IT_ERR_IO;
}

static void print_summary(const it_results *r, FILE *out)
{
    int n[4] = {0, 0, 0, 0};
    static const char *const WORDS[] = {"pass", "fail", "error", "unsupported"};
    for (size_t i = 0; i < r->n; i++) {
        const json_t *c = r->v[i], *b = it_results_broken(c);
        const char *verdict = it_results_str(c, "verdict");
        for (int k = 0; k < 4; k++)
            n[k] += strcmp(verdict, WORDS[k]) == 0;
        if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "error") != 0)
            continue;
        fprintf(out, "%s  %s\n", strcmp(verdict, "fail") == 0 ? "FAIL " : "ERROR", it_results_str(c, "case"));
        fprintf(out, "      expected  %s\n      observed  %s\n", b ? it_results_str(b, "expected") : "the scenario runs",
                b ? it_results_str(b, "observed") : it_results_str(c, "error"));
        fprintf(out, "      where     %s\n      repeat    %s\n", b ? it_results_str(b, "where") : it_results_str(c, "file"), it_results_str(c, "repeat"));
    }
    fprintf(out, "%d as predicted, %d not, %d errors, %d unsupported\n", n[0], n[1], n[2], n[3]);
}

int it_report_write(it_alloc *alloc, const char *dir, FILE *text, char err[512])
{
    char path[4200];
    it_results r;
    it_str out;
    snprintf(path, sizeof path, "%s/results.jsonl", dir);
    int rc = it_results_read(&r, alloc, path, err);
    it_str_init(&out, alloc);
    if (rc == 0) {
        it_report_junit(&r, &out);
        rc = save(dir, "junit.xml", &out, err);
    }
    if (rc == 0) {
        it_str_clear(&out);
        it_report_html(&r, &out);
        rc = save(dir, "index.html", &out, err);
    }
    if (rc == 0)
        print_summary(&r, text);
    it_str_fini(&out);
    it_results_free(&r);
    return rc;
}
