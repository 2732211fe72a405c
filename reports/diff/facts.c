/* What is compared of a case, as texts that are kept once. */
#include "reports/diff/impl.h"

#include "base/rng.h"
#include "reports/read/facts.h"

#include <string.h>

int it_diff_intern(it_diff *d, const char *text, uint32_t *at)
{
    uint64_t key[2];
    it_diff_key(text, key);
    uint32_t found = it_map_get(&d->text_map, key);
    if (found != IT_MAP_NONE && strcmp(d->texts[found], text) == 0) {
        *at = found;
        return 0;
    }
    if (it_grow(d->alloc, &d->texts, &d->cap_texts, d->n_texts + 1, sizeof *d->texts) < 0)
        return IT_ERR_NOMEM;
    char *copy = it_strdup(d->alloc, text);
    if (!copy)
        return IT_ERR_NOMEM;
    *at = (uint32_t)d->n_texts;
    d->texts[d->n_texts++] = copy;
    return found == IT_MAP_NONE ? it_map_put(&d->text_map, key, *at) : 0;
}

const char *it_diff_word(const it_diff *d, uint32_t at)
{
    return at < d->n_texts ? d->texts[at] : "";
}

void it_diff_key(const char *id, uint64_t key[2])
{
    uint64_t h = it_hash_str(id);
    key[0] = h;
    key[1] = it_hash_mix(strlen(id), h);
}

/* --- one case --- */

/* Appends of which reasons the ends of |o| died: "near consent_expired, far closed_by_peer". */
static void put_deaths(const json_t *o, it_str *out)
{
    const char *ends[2];
    it_facts_ends(o, ends);
    for (int k = 0; k < 2; k++) {
        const json_t *death = *ends[k] ? it_facts_event(o, ends[k], "death", 0) : NULL;
        if (death)
            it_str_printf(out, "%s%s %s", out->n ? ", " : "", ends[k], it_results_str(death, "reason"));
    }
}

/* Why |o| came to what it did: its error, else the name of the check that did not hold, and how its ends died. What a
 * check observed is left out, for it has times in it. */
static int reason_of(it_diff *d, const json_t *o, uint32_t *at)
{
    const json_t *broken = it_results_broken(o);
    const char *error = it_results_str(o, "error");
    it_str text;
    it_str_init(&text, d->alloc);
    if (*error)
        it_str_puts(&text, error);
    else if (broken)
        it_str_puts(&text, it_results_str(broken, "name"));
    put_deaths(o, &text);
    int rc = text.oom ? IT_ERR_NOMEM : it_diff_intern(d, it_str_c(&text), at);
    it_str_fini(&text);
    return rc;
}

/* The scenario's part of |id|. */
static int stem_of(it_diff *d, const char *id, uint32_t *at)
{
    it_str text;
    it_str_init(&text, d->alloc);
    it_str_put(&text, id, it_view_stem(id));
    int rc = text.oom ? IT_ERR_NOMEM : it_diff_intern(d, it_str_c(&text), at);
    it_str_fini(&text);
    return rc;
}

static int add_metrics(it_diff *d, const json_t *o, it_diff_case *c)
{
    const char *name;
    json_t *v;
    c->metrics = d->n_metrics;
    json_object_foreach(json_object_get(o, "metrics"), name, v)
    {
        uint32_t at;
        if (!json_is_integer(v))
            continue;
        if (it_grow(d->alloc, &d->metrics, &d->cap_metrics, d->n_metrics + 1, sizeof *d->metrics) < 0 ||
            it_diff_intern(d, name, &at) < 0)
            return IT_ERR_NOMEM;
        d->metrics[d->n_metrics++] = (it_diff_metric){at, (int64_t)json_integer_value(v)};
        c->n_metrics++;
    }
    return 0;
}

int it_diff_facts(it_diff *d, const json_t *o, it_diff_case *c)
{
    const struct {
        const char *key;
        uint32_t *at;
    } TEXTS[] = {
        {"verdict", &c->side.verdict}, {"outcome", &c->side.outcome}, {"path", &c->side.path}, {"model", &c->model}};
    *c = (it_diff_case){.print = it_hash_str(it_results_str(o, "fingerprint"))};
    int rc = 0;
    for (size_t k = 0; k < sizeof TEXTS / sizeof *TEXTS && rc == 0; k++)
        rc = it_diff_intern(d, it_results_str(o, TEXTS[k].key), TEXTS[k].at);
    if (rc == 0)
        rc = reason_of(d, o, &c->side.reason);
    if (rc == 0)
        rc = stem_of(d, it_results_str(o, "case"), &c->stem);
    const char *verdict = it_results_str(o, "verdict");
    bool judged = strcmp(verdict, "pass") == 0 || strcmp(verdict, "fail") == 0;
    return rc == 0 && judged ? add_metrics(d, o, c) : rc;
}
