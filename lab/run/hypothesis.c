/* Hypotheses at the end of a run: the numbers of their cases put together and judged by the language. */
#include "lab/run/impl.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The case's name and its metrics, when it was decided; else nothing. */
static void put_numbers(it_str *text, const it_case *c, json_t *result)
{
    const char *verdict = json_string_value(json_object_get(result, "verdict")), *key;
    json_t *v;
    if (!verdict || (strcmp(verdict, "pass") != 0 && strcmp(verdict, "fail") != 0))
        return;
    it_str_printf(text, "%s\t", c->index);
    json_object_foreach(json_object_get(result, "metrics"), key, v) if (json_is_integer(v) || json_is_boolean(v))
        it_str_printf(text, "%s=%" PRId64 " ", key, json_is_true(v) ? 1 : (int64_t)json_integer_value(v));
    it_str_putc(text, '\n');
}

void it_run_put_numbers(it_str *out, const it_case *c, const char *line)
{
    json_t *o = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    put_numbers(out, c, o);
    json_decref(o);
}

int it_run_hypothesis(const it_run_cfg *cfg, const it_case *c, const char *name, const it_str *data, it_json *j,
                      bool *ok, char err[IT_RUN_ERR])
{
    char why[IT_PROFILE_ERR] = "", lib[4096];
    it_run_lib_dir(c->file, lib, sizeof lib);
    it_script_cfg sc = {
        .alloc = cfg->alloc, .seed = cfg->seed, .profiles = it_profiles_builtin(cfg->alloc, why), .lib_dir = lib};
    it_script *s = sc.profiles && !data->oom ? it_script_new(&sc) : NULL;
    int rc = IT_ERR_NOMEM;
    *ok = true;
    it_json_obj(j, NULL);
    if (s)
        rc = it_script_hypothesis(s, c, name, it_bytes_of(data->p, data->n), j, ok, err);
    else
        snprintf(err, IT_RUN_ERR, "%s", *why ? why : it_err_str(IT_ERR_NOMEM));
    it_json_end_obj(j);
    it_script_free(s);
    it_profiles_free(sc.profiles);
    return rc;
}
