/* What the scenarios of a run have used so far, and the numbers of those that are hypotheses. */
#include "lab/run/impl.h"

#include <stdio.h>
#include <string.h>

#define NEEDS_MAX 64 /* of a scenario: axes, allowances and "hypothesis" are fewer */

/* One scenario's account. */
typedef struct entry {
    uint64_t used; /* which of its needs some case made use of, by their order */
    bool ran;      /* some case was judged */
    bool blind;    /* some case cannot tell what it would have used */
    bool opened;   /* a case came at all */
    it_str numbers;
} entry;

struct it_account {
    const it_run_cfg *cfg;
    const it_plan *plan;
    entry *v; /* by scenario */
};

it_account *it_account_new(const it_run_cfg *cfg, const it_plan *plan)
{
    it_account *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    *a = (it_account){cfg, plan, it_calloc(cfg->alloc, plan->n_v, sizeof *a->v)};
    if (!a->v) {
        it_free(cfg->alloc, a);
        return NULL;
    }
    for (size_t i = 0; i < plan->n_v; i++)
        it_str_init(&a->v[i].numbers, cfg->alloc);
    return a;
}

void it_account_free(it_account *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->plan->n_v; i++)
        it_str_fini(&a->v[i].numbers);
    it_free(a->cfg->alloc, a->v);
    it_free(a->cfg->alloc, a);
}

bool it_run_has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p++)
        if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
            return true;
    return false;
}

/* Copies the need at |*at| into |need| and steps behind it; false at the end. */
static bool next_need(const char **at, char need[128])
{
    size_t n = strcspn(*at, " ");
    if (n == 0)
        return false;
    snprintf(need, 128, "%.*s", (int)n, *at);
    *at += n;
    *at += **at == ' ';
    return true;
}

static void note_uses(entry *e, const char *needs, const char *uses)
{
    char need[128];
    if (strcmp(uses, "*") == 0) {
        e->blind = true;
        return;
    }
    for (int k = 0; k < NEEDS_MAX && next_need(&needs, need); k++)
        if (it_run_has_word(uses, need))
            e->used |= UINT64_C(1) << k;
}

int it_account_take(it_account *a, size_t i, const char *verdict, const char *uses, const char *line)
{
    uint32_t at;
    const it_planned *s = it_plan_scenario(a->plan, i, &at);
    entry *e = &a->v[s - a->plan->v];
    note_uses(e, s->needs, uses);
    e->opened = true;
    e->ran = e->ran || strcmp(verdict, "pass") == 0 || strcmp(verdict, "fail") == 0;
    if (!it_run_has_word(s->needs, "hypothesis"))
        return 0;
    it_case c;
    if (it_plan_case(a->plan, i, &c) < 0)
        return IT_ERR_NOMEM;
    it_run_put_numbers(&e->numbers, &c, line);
    it_case_fini(a->plan->alloc, &c);
    return e->numbers.oom ? IT_ERR_NOMEM : 0;
}

/* One sentence about |need|, an axis or an allowance that nothing used, into the open array. */
static void complain(const it_planned *s, const char *need, it_json *j)
{
    char text[IT_RUN_ERR], of[160] = "";
    const char *name = strchr(need, ':') + 1;
    if (*s->key)
        snprintf(of, sizeof of, " of %s", s->key);
    if (strncmp(need, "axis:", 5) == 0)
        snprintf(text, sizeof text, "%s: no case reads axis \"%s\"%s", s->file, name, of);
    else
        snprintf(text, sizeof text, "%s: allow \"%s\"%s is stale: no case needed it", s->file, name, of);
    it_json_str(j, NULL, text);
}

int it_account_needs(const it_account *a, it_json *j)
{
    int problems = 0;
    for (size_t i = 0; i < a->plan->n_v; i++) {
        const it_planned *s = &a->plan->v[i];
        const entry *e = &a->v[i];
        const char *at = s->needs;
        char need[128];
        for (int k = 0; k < NEEDS_MAX && e->ran && !e->blind && next_need(&at, need); k++) {
            if (!strchr(need, ':') || (e->used >> k & 1))
                continue;
            complain(s, need, j);
            problems++;
        }
    }
    return problems;
}

int it_account_hypotheses(const it_account *a, it_json *j, int *changed, char err[IT_RUN_ERR])
{
    int rc = 0;
    it_json_arr(j, "hypotheses");
    for (size_t i = 0; i < a->plan->n_v && rc == 0; i++) {
        it_case c;
        bool ok = true;
        const it_planned *s = &a->plan->v[i];
        if (!a->v[i].opened || !it_run_has_word(s->needs, "hypothesis"))
            continue;
        if (it_plan_case(a->plan, s->first, &c) < 0) {
            snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
            rc = IT_ERR_NOMEM;
            break;
        }
        rc = it_run_hypothesis(a->cfg, &c, s->stem, &a->v[i].numbers, j, &ok, err);
        *changed += !ok;
        it_case_fini(a->plan->alloc, &c);
    }
    it_json_end_arr(j);
    return rc;
}
