/* Which cases get a page: the first of every course of events. */
#include "lab/run/impl.h"

#include <jansson.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : "";
}

/* The scenario: the case id up to its first axis. */
static void put_scenario(it_str *out, const char *id)
{
    const char *eq = strchr(id, '=');
    size_t n = eq ? (size_t)(eq - id) : strlen(id);
    while (eq && n && id[n - 1] != '/')
        n--;
    it_str_put(out, id, n);
}

static void put_course(it_str *out, const json_t *c)
{
    static const char *const EVENT[] = {"end", "name", "path", "reason", "kinds"};
    size_t i;
    json_t *x;
    put_scenario(out, text(c, "case"));
    it_str_printf(out, " %s %s %s", text(c, "model"), text(c, "verdict"), text(c, "outcome"));
    json_array_foreach(json_object_get(c, "faults"), i, x)
    {
        it_str_printf(out, "|%s %s", text(x, "what"), text(x, "on"));
    }
    json_array_foreach(json_object_get(c, "events"), i, x)
    {
        for (size_t k = 0; k < sizeof EVENT / sizeof *EVENT; k++)
            it_str_printf(out, "%c%s", k ? ' ' : '/', text(x, EVENT[k]));
    }
}

/* Judges one line: 1 when it is the first of its course of events, which is then added to |seen|, lines of text. */
static int is_first(it_alloc *alloc, const json_t *c, it_str *seen)
{
    it_str course;
    it_str_init(&course, alloc);
    it_str_putc(&course, '\n');
    put_course(&course, c);
    it_str_putc(&course, '\n');
    int rc = course.oom ? IT_ERR_NOMEM : strstr(it_str_c(seen), it_str_c(&course)) == NULL;
    if (rc == 1)
        it_str_puts(seen, it_str_c(&course));
    it_str_fini(&course);
    return seen->oom ? IT_ERR_NOMEM : rc;
}

static bool is(const json_t *c, const char *verdict)
{
    return strcmp(text(c, "verdict"), verdict) == 0;
}

int it_run_is_first(it_alloc *alloc, const char *line, bool failed, it_str *seen)
{
    json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
    if (!c)
        return IT_ERR_PARSE;
    bool passed_over = is(c, "unsupported") || (!failed && (is(c, "fail") || is(c, "error")));
    int rc = passed_over ? 0 : is_first(alloc, c, seen);
    json_decref(c);
    return rc;
}
