/* Reading results.jsonl. */
#include "reports/results.h"

#include "base/near.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *it_results_str(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : "";
}

int64_t it_results_int(const json_t *o, const char *key, int64_t otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

int64_t it_results_time(const json_t *o, const char *key, int64_t otherwise)
{
    const int64_t most = 10000000000000000;
    int64_t v = it_results_int(o, key, otherwise);
    return v == otherwise ? v : v < 0 ? 0 : v > most ? most : v;
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

bool it_results_as_known(const json_t *h)
{
    return json_is_true(json_object_get(h, "ok"));
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
    json_t **line = json_object_get(o, "plan") ? &r->plan : json_object_get(o, "end") ? &r->end : NULL;
    if (line) {
        json_decref(*line);
        *line = o;
        return 0;
    }
    if (!json_is_string(json_object_get(o, "case")) || !json_is_string(json_object_get(o, "verdict"))) {
        json_decref(o);
        return IT_ERR_PARSE;
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
    for (ssize_t n; rc == 0 && (n = getline(&line, &cap, f)) > 0;) {
        json_error_t why = {.text = ""};
        json_t *o = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &why);
        number++;
        if (!o && line[n - 1] != '\n')
            break; /* the run was killed in the middle of it */
        if (!o || !json_is_object(o)) {
            json_decref(o);
            rc = IT_ERR_PARSE;
        } else {
            rc = add(r, o);
        }
        if (rc == IT_ERR_PARSE)
            snprintf(err, 512, "%s:%d: not a line of results%s%.200s", path, number, *why.text ? ": " : "", why.text);
    }
    if (rc == 0 && ferror(f)) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        rc = IT_ERR_IO;
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
    json_decref(r->plan);
    json_decref(r->end);
    it_free(r->alloc, r->v);
}

const json_t *it_results_case(const it_results *r, const char *id)
{
    for (size_t i = r->n; i-- > 0;)
        if (strcmp(it_results_str(r->v[i], "case"), id) == 0)
            return r->v[i];
    return NULL;
}

const char *it_results_nearest(const it_results *r, const char *id)
{
    it_near near;
    it_near_init(&near, id);
    for (size_t i = 0; i < r->n; i++)
        it_near_try(&near, it_results_str(r->v[i], "case"));
    return near.best;
}
