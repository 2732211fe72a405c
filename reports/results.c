/* Reading results.jsonl. */
#include "reports/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *it_results_str(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : "";
}

const json_t *it_results_broken(const json_t *c)
{
    size_t i;
    json_t *x, *checks = json_object_get(c, "checks");
    json_array_foreach(checks, i, x)
        if (!json_is_true(json_object_get(x, "ok")))
            return x;
    return NULL;
}

void it_results_escape(it_str *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '<')
            it_str_puts(out, "&lt;");
        else if (*s == '>')
            it_str_puts(out, "&gt;");
        else if (*s == '&')
            it_str_puts(out, "&amp;");
        else if (*s == '"')
            it_str_puts(out, "&quot;");
        else if (*s == '\'')
            it_str_puts(out, "&#39;");
        else if ((unsigned char)*s >= 0x20 || *s == '\t')
            it_str_putc(out, *s);
    }
}

static int add(it_results *r, json_t *o)
{
    if (json_object_get(o, "plan")) {
        json_decref(o);
        return 0;
    }
    if (json_object_get(o, "end")) {
        json_decref(r->end);
        r->end = o;
        return 0;
    }
    if (it_grow(r->alloc, &r->v, &r->cap, r->n + 1, sizeof *r->v) < 0) {
        json_decref(o);
        return IT_ERR_NOMEM;
    }
    r->v[r->n++] = o;
    return 0;
}

int it_results_read(it_results *r, it_alloc *alloc, const char *path, char err[512])
{
    char *line = NULL;
    size_t cap = 0;
    int number = 0, rc = 0;
    *r = (it_results){.alloc = alloc};
    FILE *f = fopen(path, "rb");
    if (!f) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        return IT_ERR_IO;
    }
    while (rc == 0 && getline(&line, &cap, f) > 0) {
        json_error_t why;
        json_t *o = json_loads(line, JSON_ALLOW_NUL, &why);
        number++;
        if (!o || !json_is_object(o)) {
            snprintf(err, 512, "%s:%d: not a line of results: %s", path, number, o ? "no object" : why.text);
            json_decref(o);
            rc = IT_ERR_PARSE;
        } else {
            rc = add(r, o);
        }
    }
    free(line);
    fclose(f);
    if (rc == IT_ERR_NOMEM)
        snprintf(err, 512, "out of memory");
    return rc;
}

void it_results_free(it_results *r)
{
    for (size_t i = 0; i < r->n; i++)
        json_decref(r->v[i]);
    json_decref(r->end);
    it_free(r->alloc, r->v);
}
