/* Drops by box and rule. */
#include "reports/read/cause.h"

#include <string.h>

void it_causes_of(it_causes *c, const it_rtrace *t)
{
    *c = (it_causes){.n = 0};
    for (size_t i = 0; i < t->n; i++) {
        const it_rmsg *m = &t->v[i];
        if (!m->dropped || (m->kind != IT_RT_PACKET && m->kind != IT_RT_VOICE))
            continue;
        size_t k = 0;
        while (k < c->n && (c->v[k].node != m->to || strcmp(c->v[k].first->reason, m->reason) != 0))
            k++;
        if (k == IT_CAUSE_DROPS) {
            c->more += m->n;
            continue;
        }
        if (k == c->n)
            c->v[c->n++] = (it_cause_drop){m->to, m, 0};
        c->v[k].n += m->n;
    }
}

/* The drop that took most packets since |fault|. */
static const it_cause_drop *worst(const it_causes *c, int64_t fault)
{
    const it_cause_drop *best = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].first->t >= fault && (!best || c->v[i].n > best->n))
            best = &c->v[i];
    return best;
}

void it_cause_sentence(const it_rtrace *t, int64_t fault, it_str *out)
{
    it_causes c;
    it_causes_of(&c, t);
    const it_cause_drop *d = worst(&c, fault);
    if (!d && fault >= 0)
        d = worst(&c, -1);
    if (d) {
        const it_rmsg *m = d->first;
        it_str_printf(out, "%s: %s%s%s (%llu %s)", d->node < 0 ? "?" : t->nodes[d->node].name, m->rule,
                      *m->rfc ? ", " : "", m->rfc, (unsigned long long)d->n, d->n == 1 ? "packet" : "packets");
    }
    const it_rmsg *last = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (it_rmsg_told(&t->v[i]))
            last = &t->v[i];
    if (last)
        it_str_printf(out, "%s%s: %s, %s", d ? "; then " : "", t->nodes[last->from].name, last->label, last->text);
}
