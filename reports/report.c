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

int it_report_write(it_alloc *alloc, const char *dir, char err[512])
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
    it_str_fini(&out);
    it_results_free(&r);
    return rc;
}
