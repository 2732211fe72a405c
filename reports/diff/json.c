/* The comparison for programs: every case and number that changed. */
#include "reports/diff/impl.h"

#include "base/text/json.h"

static void json_run(it_json *j, const char *key, const it_diff_run *r)
{
    it_json_obj(j, key);
    it_json_str(j, "dir", r->dir);
    it_json_int(j, "cases", (int64_t)r->cases);
    it_json_int(j, "seed", it_results_int(r->plan, "seed", 0));
    it_json_str(j, "version", it_results_str(r->plan, "version"));
    it_json_str(j, "end", r->end ? it_results_str(r->end, "end") : NULL);
    it_json_end_obj(j);
}

static void json_word(const it_diff *d, it_json *j, const char *key, uint32_t at)
{
    it_json_str(j, key, at ? it_diff_word(d, at) : NULL);
}

static void json_side(const it_diff *d, it_json *j, const char *key, const it_diff_side *s)
{
    if (!s->verdict) {
        it_json_null(j, key);
        return;
    }
    it_json_obj(j, key);
    json_word(d, j, "verdict", s->verdict);
    json_word(d, j, "outcome", s->outcome);
    json_word(d, j, "path", s->path);
    json_word(d, j, "reason", s->reason);
    it_json_end_obj(j);
}

static void json_cases(const it_diff *d, it_json *j)
{
    it_json_arr(j, "cases");
    for (size_t i = 0; i < d->n_changes; i++) {
        const it_diff_change *c = &d->changes[i];
        it_json_obj(j, NULL);
        it_json_str(j, "case", c->id);
        it_json_str(j, "change", it_diff_kind_name(c->kind));
        json_word(d, j, "model", d->groups[c->group].model);
        json_side(d, j, "old", &c->old);
        json_side(d, j, "new", &c->now);
        it_json_end_obj(j);
    }
    it_json_end_arr(j);
}

static void json_two(it_json *j, const char *key, int64_t old, int64_t now)
{
    it_json_arr(j, key);
    it_json_int(j, NULL, old);
    it_json_int(j, NULL, now);
    it_json_end_arr(j);
}

static void json_number(const it_diff *d, it_json *j, it_diff_number *x)
{
    const char *name = it_diff_word(d, x->name);
    int64_t old, now;
    it_json_obj(j, NULL);
    it_json_str(j, "scenario", it_diff_word(d, x->stem));
    json_word(d, j, "model", x->model);
    it_json_str(j, "number", name);
    it_json_int(j, "cases", (int64_t)x->old.n);
    it_json_int(j, "differ", (int64_t)x->differ);
    it_json_int(j, "only_old", (int64_t)x->only_old);
    it_json_int(j, "only_new", (int64_t)x->only_now);
    it_diff_middle(x, name, &old, &now);
    json_two(j, it_diff_is_time(name) ? "mean" : "sum", old, now);
    json_two(j, "median", it_numbers_rank(&x->old, 50), it_numbers_rank(&x->now, 50));
    json_two(j, "p95", it_numbers_rank(&x->old, 95), it_numbers_rank(&x->now, 95));
    if (x->most) {
        it_json_str(j, "most", x->most);
        json_two(j, "most_values", x->most_old, x->most_now);
    }
    it_json_end_obj(j);
}

static void json_claims(const it_diff *d, it_json *j)
{
    it_json_arr(j, "hypotheses");
    for (size_t i = 0; i < d->n_claims; i++) {
        const it_diff_claim *c = &d->claims[i];
        it_json_obj(j, NULL);
        it_json_str(j, "hypothesis", c->name);
        it_json_str(j, "title", c->title);
        it_json_str(j, "old", *c->old ? c->old : NULL);
        it_json_str(j, "new", *c->now ? c->now : NULL);
        it_json_bool(j, "ok", c->known);
        it_json_end_obj(j);
    }
    it_json_end_arr(j);
    for (int is_new = 1; is_new >= 0; is_new--) {
        it_json_arr(j, is_new ? "problems_new" : "problems_gone");
        for (size_t i = 0; i < d->n_problems; i++)
            if ((*d->problems[i].now != '\0') == (is_new == 1))
                it_json_str(j, NULL, d->problems[i].title);
        it_json_end_arr(j);
    }
}

void it_diff_json(const it_diff *d, it_str *out)
{
    it_json j;
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "diff", "icetank");
    it_json_bool(&j, "changed", it_diff_changed(d));
    it_json_int(&j, "bound", d->bound);
    json_run(&j, "old", &d->old);
    json_run(&j, "new", &d->now);
    it_json_obj(&j, "counts");
    for (int k = 0; k < IT_DIFF_KINDS; k++)
        it_json_int(&j, it_diff_kind_name((enum it_diff_kind)k), (int64_t)d->count[k]);
    it_json_int(&j, "same", (int64_t)(d->count[IT_DIFF_SAME] - d->rerun));
    it_json_int(&j, "rerun", (int64_t)d->rerun);
    it_json_end_obj(&j);
    json_claims(d, &j);
    json_cases(d, &j);
    it_json_arr(&j, "numbers");
    for (size_t i = 0; i < d->n_numbers; i++)
        json_number(d, &j, &d->numbers[i]);
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    it_json_newline(&j);
}
