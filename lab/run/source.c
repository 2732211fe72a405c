/* The lines of a scenario around the one that a failing case is about, for reports that never see the scenario. */
#include "lab/run/impl.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define AROUND 3 /* lines before and behind */

static const char *text_of(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : "";
}

/* What the case is about: the place of its first broken check, else its error, which may begin with one. */
static const char *place_of(const json_t *c)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(c, "checks"), i, x)
    {
        if (!json_is_true(json_object_get(x, "ok")))
            return text_of(x, "where");
    }
    return text_of(c, "error");
}

/* The number in "FILE:LINE..." when FILE is |file|, else 0. */
static long line_in(const char *place, const char *file)
{
    size_t n = strlen(file);
    if (strncmp(place, file, n) != 0 || place[n] != ':')
        return 0;
    return strtol(place + n + 1, NULL, 10);
}

/* Writes the lines from |first| to |last| of |text|, and the number of the first. */
static void put_lines(it_json *j, it_bytes text, long first, long last)
{
    long n = 1;
    const char *p = (const char *)text.p, *end = p + text.n;
    it_json_int(j, "from", first);
    it_json_arr(j, "lines");
    while (p < end && n <= last) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        if (n >= first)
            it_json_strn(j, NULL, p, len > 200 ? 200 : len);
        p = nl ? nl + 1 : end;
        n++;
    }
    it_json_end_arr(j);
}

void it_run_put_source(it_alloc *alloc, const it_case *c, const it_str *line, it_json *j)
{
    it_str whole;
    it_str_init(&whole, alloc);
    it_str_put(&whole, line->p, line->n);
    it_str_putc(&whole, '}');
    json_t *o = json_loads(it_str_c(&whole), JSON_ALLOW_NUL, NULL);
    long at = o ? line_in(place_of(o), c->file) : 0;
    if (at > 0) {
        it_json_obj(j, "source");
        it_json_int(j, "line", at);
        put_lines(j, c->text, at > AROUND ? at - AROUND : 1, at + AROUND);
        it_json_end_obj(j);
    }
    json_decref(o);
    it_str_fini(&whole);
}
