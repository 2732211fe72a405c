/* All reports of one folder. */
#include "reports/report.h"
#include "reports/impl.h"

#include "base/text/file.h"
#include "reports/read/cause.h"
#include "reports/html/html.h"

#include <string.h>

static int save(const char *dir, const char *name, const it_str *s, char err[512])
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (s->oom) {
        snprintf(err, 512, "out of memory");
        return IT_ERR_NOMEM;
    }
    return it_file_write(path, it_bytes_of(it_str_c(s), s->n), err);
}

/* When the first end was over: what is dropped behind that explains nothing. INT64_MAX: none was. */
static int64_t over_at(const it_view_case *c)
{
    int64_t t = INT64_MAX;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(c->o, "events"), i, e)
    {
        int64_t at = it_results_time(e, "t", 0);
        if (it_facts_is_one("death closed", it_results_str(e, "name")) && at < t)
            t = at;
    }
    return t;
}

/* Until when what happened may be why |c| is not as predicted: until its first broken check was known, or an end was
 * over. */
static int64_t failed_at(const it_view_case *c)
{
    const json_t *broken = it_results_broken(c->o);
    int64_t t = broken ? it_results_time(broken, "t", INT64_MAX) : INT64_MAX, over = over_at(c);
    return over < t ? over : t;
}

/* Puts what the judges know of why |c| has no path before what the trace shows of it: why an end's other ways did not
 * take over, or why the boxes let no path be. */
static void known_reason(const it_view_case *c, it_str *out)
{
    const json_t *oracle = json_object_get(c->o, "oracle");
    const char *why = strcmp(it_results_str(oracle, "outcome"), "death") == 0 ? it_results_str(oracle, "why") : "";
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(c->o, "events"), i, e)
    {
        bool other = strcmp(it_results_str(e, "reason"), "link_down_no_alternative") == 0;
        const char *of = other ? it_results_str(e, "why") : "";
        if (*of || strcmp(it_results_str(e, "name"), "open") == 0)
            why = of;
        if (*of)
            break;
    }
    if (!*why)
        return;
    it_str_puts(out, why);
    it_str_puts(out, "; ");
}

/* When |end| opened; -1: it did not. */
static int64_t opened_at(const it_view_case *c, const char *end)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(c->o, "events"), i, e)
    {
        if (strcmp(it_results_str(e, "name"), "open") == 0 && strcmp(it_results_str(e, "end"), end) == 0)
            return it_results_time(e, "t", -1);
    }
    return -1;
}

/* Since when what happened may be why |c| is not as predicted: since the fault; and since both |ends| were open, unless
 * the broken check is about how they open: what was dropped before kept nobody from it. */
static int64_t begun_at(const it_view_case *c, const char *const ends[2])
{
    const json_t *broken = it_results_broken(c->o);
    bool opening = !broken || strcmp(it_results_str(broken, "name"), "oracle") == 0 ||
                   strstr(it_results_str(broken, "expected"), "open") != NULL;
    int64_t a = opened_at(c, ends[0]), b = opened_at(c, ends[1]), open = a > b ? a : b;
    if (opening || a < 0 || b < 0 || open < c->facts->fault || open > failed_at(c))
        return c->facts->fault;
    return open;
}

/* Notes what the judges and trace |t| say of why |whole|, the open one of |c|, is not as predicted. */
static int note_cause(it_view *w, it_view_case *c, const it_view_case *whole, const char *const ends[2],
                      const it_rtrace *t)
{
    it_str cause;
    it_str_init(&cause, w->alloc);
    known_reason(whole, &cause);
    int rc = it_cause_sentence(t, begun_at(whole, ends), failed_at(whole), &cause);
    c->cause = rc == 0 ? it_strdup(w->alloc, it_str_c(&cause)) : NULL;
    it_str_fini(&cause);
    return c->cause ? 0 : IT_ERR_NOMEM;
}

/* A trace that cannot be read costs case |c| its page. */
static void page_lost(it_view *w, it_view_case *c)
{
    it_free(w->alloc, c->page);
    c->page = NULL;
    w->pages--;
    w->unreadable++;
}

/* Writes the page of case |i|, whose open one is |whole|, and notes what its trace says of why. */
static int write_page(it_view *w, size_t i, it_view_case *whole, const char *dir, char err[512])
{
    char path[6000], why[512];
    const char *ends[2];
    it_rtrace t;
    it_str out;
    it_view_case *c = &w->v[i];
    snprintf(path, sizeof path, "%s/%s", dir, it_results_str(c->o, "trace"));
    it_facts_ends(whole->o, ends);
    int rc = it_rtrace_read(&t, w->alloc, path, ends, why);
    it_str_init(&out, w->alloc);
    if (rc < 0 && rc != IT_ERR_NOMEM) {
        page_lost(w, c);
        rc = 0;
    } else {
        if (rc == 0 && c->bad)
            rc = note_cause(w, c, whole, ends, &t);
        whole->cause = c->cause;
        if (rc < 0) {
            snprintf(err, 512, "out of memory");
        } else {
            it_html_case(w, whole, &t, &out);
            rc = save(dir, c->page, &out, err);
        }
    }
    it_str_fini(&out);
    it_rtrace_fini(&t);
    return rc;
}

static int write_pages(it_view *w, const char *dir, char err[512])
{
    int rc = 0;
    for (size_t i = 0; i < w->n && rc == 0; i++) {
        it_view_case whole;
        if (!w->v[i].page)
            continue;
        it_view_open(w, i, &whole);
        rc = write_page(w, i, &whole, dir, err);
        it_view_close(&whole);
    }
    return rc;
}

void it_report_html(const it_results *r, it_str *out)
{
    it_view w;
    if (it_view_init(&w, r->alloc, r) == 0)
        it_html_index(&w, out);
    else
        out->oom = true;
    it_view_fini(&w);
}

static int write_html(it_alloc *alloc, const it_results *r, const char *dir, char err[512])
{
    it_view w;
    it_str out;
    it_str_init(&out, alloc);
    int rc = it_view_init(&w, alloc, r);
    if (rc == 0)
        rc = it_view_choose_pages(&w);
    if (rc < 0)
        snprintf(err, 512, "out of memory");
    if (rc == 0)
        rc = write_pages(&w, dir, err);
    it_view_spread_pages(&w);
    if (rc == 0) {
        it_html_index(&w, &out);
        rc = save(dir, "index.html", &out, err);
        it_str_clear(&out);
    }
    if (rc == 0) {
        it_report_twin(&w, &out);
        rc = save(dir, "index.json", &out, err);
    }
    it_str_fini(&out);
    it_view_fini(&w);
    return rc;
}

int it_report_write(it_alloc *alloc, const char *dir, const it_results_watch *watch, char err[512])
{
    char path[4200];
    it_results r;
    it_str out;
    snprintf(path, sizeof path, "%s/results.jsonl", dir);
    int rc = it_results_skim(&r, alloc, watch, path, err);
    it_str_init(&out, alloc);
    if (rc == 0) {
        it_report_junit(&r, &out);
        rc = save(dir, "junit.xml", &out, err);
    }
    if (rc == 0)
        rc = write_html(alloc, &r, dir, err);
    it_str_fini(&out);
    it_results_free(&r);
    return rc;
}
