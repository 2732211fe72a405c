/* What the end lines of two runs say of the whole: hypotheses and problems. */
#include "reports/diff/impl.h"

#include <stdlib.h>
#include <string.h>

/* The hypothesis called |name| of the end line |end|; NULL when there is none. */
static const json_t *claim_of(const json_t *end, const char *name)
{
    size_t i;
    json_t *h;
    json_array_foreach(json_object_get(end, "hypotheses"), i, h)
    {
        if (strcmp(it_results_str(h, "hypothesis"), name) == 0)
            return h;
    }
    return NULL;
}

/* Notes |c| in the list at |v|. */
static int claim_add(it_diff *d, it_diff_claim **v, size_t *n, size_t *cap, it_diff_claim c)
{
    if (it_grow(d->alloc, v, cap, *n + 1, sizeof **v) < 0)
        return IT_ERR_NOMEM;
    (*v)[(*n)++] = c;
    return 0;
}

/* Those of |from| that |other| judges otherwise, or does not have; |forward|: |from| is the newer run. Those that both
 * have are told of the newer run alone. */
static int claims_of(it_diff *d, const json_t *from, const json_t *other, bool forward)
{
    size_t i;
    json_t *h;
    int rc = 0;
    json_array_foreach(json_object_get(from, "hypotheses"), i, h)
    {
        const char *name = it_results_str(h, "hypothesis"), *verdict = it_results_str(h, "verdict");
        const json_t *before = claim_of(other, name);
        bool same = before && strcmp(it_results_str(before, "verdict"), verdict) == 0 &&
                    it_results_as_known(before) == it_results_as_known(h);
        if (rc < 0 || same || (before && !forward))
            continue;
        it_diff_claim c = {name, it_results_str(h, "title"), before ? it_results_str(before, "verdict") : "", verdict,
                           it_results_as_known(h)};
        if (!forward) {
            c.old = verdict;
            c.now = "";
            c.known = true;
        }
        rc = claim_add(d, &d->claims, &d->n_claims, &d->cap_claims, c);
    }
    return rc;
}

static bool has_problem(const json_t *end, const char *text)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(end, "problems"), i, p)
    {
        if (json_is_string(p) && strcmp(json_string_value(p), text) == 0)
            return true;
    }
    return false;
}

/* The problems of |from| that |other| does not have, likewise. */
static int problems_of(it_diff *d, const json_t *from, const json_t *other, bool forward)
{
    size_t i;
    json_t *p;
    int rc = 0;
    json_array_foreach(json_object_get(from, "problems"), i, p)
    {
        const char *text = json_is_string(p) ? json_string_value(p) : "";
        if (rc < 0 || has_problem(other, text))
            continue;
        it_diff_claim c = {"", text, forward ? "" : "there", forward ? "there" : "", !forward};
        rc = claim_add(d, &d->problems, &d->n_problems, &d->cap_problems, c);
    }
    return rc;
}

/* How bad: one whose verdict is not the known one comes first, one that is gone last. */
static int claim_rank(const it_diff_claim *c)
{
    if (!c->known)
        return 0;
    return *c->now ? 1 : 2;
}

/* In order of badness; those alike stay in the order they have, which is that of their list. */
static void sort_claims(it_diff_claim *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        it_diff_claim c = v[i];
        size_t k = i;
        for (; k > 0 && claim_rank(&v[k - 1]) > claim_rank(&c); k--)
            v[k] = v[k - 1];
        v[k] = c;
    }
}

int it_diff_claims(it_diff *d)
{
    int rc = claims_of(d, d->now.end, d->old.end, true);
    if (rc == 0)
        rc = claims_of(d, d->old.end, d->now.end, false);
    if (rc == 0)
        rc = problems_of(d, d->now.end, d->old.end, true);
    if (rc == 0)
        rc = problems_of(d, d->old.end, d->now.end, false);
    sort_claims(d->claims, d->n_claims);
    sort_claims(d->problems, d->n_problems);
    return rc;
}
