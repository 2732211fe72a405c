/* A folder of its own with results and traces written by a test, and its reports read back. */
#ifndef IT_TESTS_REPORTS_FOLDER_H
#define IT_TESTS_REPORTS_FOLDER_H

#include "reports/report.h"
#include "reports/text/text.h"
#include "reports/read/view.h"
#include "tests/reports/page.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN "{\"plan\":\"icetank\",\"cases\":1,\"seed\":1}\n"
#define END "{\"end\":\"complete\"}\n"

typedef struct folder {
    char dir[64];
    it_alloc alloc;
    char err[512];
} folder;

static inline void folder_open(folder *f)
{
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/icetank-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    char sub[100];
    snprintf(sub, sizeof sub, "%s/cases", f->dir);
    ck_assert_int_eq(mkdir(sub, 0777), 0);
    it_alloc_init(&f->alloc);
}

static inline void folder_close(folder *f)
{
    char cmd[128];
    ck_assert_int_eq(f->alloc.live, 0);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", f->dir);
    ck_assert_int_eq(system(cmd), 0);
}

static inline void folder_put(const folder *f, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *o = fopen(path, "wb");
    ck_assert_ptr_nonnull(o);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), o), strlen(text));
    ck_assert_int_eq(fclose(o), 0);
}

/* The content of a file, NULL when there is none; freed by the caller. A page is well-formed, or the test fails. */
static inline char *folder_get(const folder *f, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *in = fopen(path, "rb");
    if (!in)
        return NULL;
    char *text = calloc(1, 4u << 20);
    size_t n = fread(text, 1, (4u << 20) - 1, in);
    text[n] = '\0';
    fclose(in);
    if (strstr(name, ".html"))
        page_check(text);
    return text;
}

static inline int folder_report(folder *f)
{
    return it_report_write(&f->alloc, f->dir, NULL, f->err);
}

/* The overview of results |lines| between a plan and an end. */
static inline char *overview(folder *f, const char *lines)
{
    char *all = malloc(strlen(lines) + 200);
    sprintf(all, PLAN "%s" END, lines);
    folder_put(f, "results.jsonl", all);
    free(all);
    ck_assert_int_eq(folder_report(f), 0);
    char *html = folder_get(f, "index.html");
    ck_assert_ptr_nonnull(html);
    return html;
}

static inline size_t count_of(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + strlen(what), what))
        n++;
    return n;
}

/* A growing text of lines. */
typedef struct lines {
    char *p;
    size_t n;
} lines;

__attribute__((format(printf, 2, 3))) static inline void line(lines *l, const char *fmt, ...)
{
    va_list ap;
    char one[4096];
    va_start(ap, fmt);
    int n = vsnprintf(one, sizeof one, fmt, ap);
    va_end(ap);
    ck_assert_int_lt(n, (int)sizeof one);
    l->p = realloc(l->p, l->n + (size_t)n + 2);
    memcpy(l->p + l->n, one, (size_t)n + 1);
    l->n += (size_t)n;
    l->p[l->n++] = '\n';
    l->p[l->n] = '\0';
}

#endif
