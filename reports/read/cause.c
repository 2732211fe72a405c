/* Drops by box and rule. */
#include "reports/read/cause.h"

#include "base/err.h"

#include <string.h>

static bool is_drop(const it_rmsg *m)
{
    return m->dropped && (m->kind == IT_RT_PACKET || m->kind == IT_RT_VOICE);
}

static void add_drop(it_causes *c, const it_rmsg *m)
{
    size_t k = 0;
    while (k < c->n && (c->v[k].node != m->to || strcmp(c->v[k].first->reason, m->reason) != 0))
        k++;
    if (k == IT_CAUSE_DROPS) {
        c->more += m->n;
        return;
    }
    if (k == c->n)
        c->v[c->n++] = (it_cause_drop){m->to, m, 0};
    c->v[k].n += m->n;
}

void it_causes_of(it_causes *c, const it_rtrace *t)
{
    *c = (it_causes){.n = 0};
    for (size_t i = 0; i < t->n; i++)
        if (is_drop(&t->v[i]))
            add_drop(c, &t->v[i]);
}

/* --- blame --- */

/* Notes for every way ("src to dst" as sent) the last packet that arrived, as an index into |t|. */
static int note_arrivals(it_map *last, const it_rtrace *t)
{
    int rc = 0;
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const it_rmsg *m = &t->v[i];
        uint64_t way = (uintptr_t)m->text;
        if (!m->dropped && (m->kind == IT_RT_PACKET || m->kind == IT_RT_VOICE))
            rc = it_map_put(last, &way, (uint32_t)i);
    }
    return rc;
}

/* True when drop |m| did no harm: what followed it on the same way arrived. Holes are punched by packets that are
 * dropped. */
static bool is_harmless(const it_map *last, const it_rtrace *t, const it_rmsg *m)
{
    uint64_t way = (uintptr_t)m->text;
    uint32_t i = it_map_get(last, &way);
    return i != IT_MAP_NONE && t->v[i].t_end > m->t_end;
}

/* The drops of |t| between |from| and |until| that did harm. */
static int collect_harm(it_causes *c, const it_rtrace *t, int64_t from, int64_t until)
{
    it_map last;
    it_map_init(&last, t->alloc, 1);
    *c = (it_causes){.n = 0};
    int rc = note_arrivals(&last, t);
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const it_rmsg *m = &t->v[i];
        if (is_drop(m) && m->t_end >= from && m->t <= until && !is_harmless(&last, t, m))
            add_drop(c, m);
    }
    it_map_fini(&last);
    return rc;
}

/* The drop that took most packets. */
static const it_cause_drop *worst(const it_causes *c)
{
    const it_cause_drop *best = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (!best || c->v[i].n > best->n)
            best = &c->v[i];
    return best;
}

/* The last thing an app was told until |until|. */
static const it_rmsg *last_told(const it_rtrace *t, int64_t until)
{
    const it_rmsg *last = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (it_rmsg_told(&t->v[i]) && t->v[i].t <= until)
            last = &t->v[i];
    return last;
}

/* The last fault between |from| and |until|. */
static const it_rmsg *last_fault(const it_rtrace *t, int64_t from, int64_t until)
{
    const it_rmsg *last = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].kind == IT_RT_FAULT && t->v[i].t >= from && t->v[i].t <= until)
            last = &t->v[i];
    return last;
}

/* How many packets were dropped at the box of |d| for its reason, over the whole of |t|. */
static uint64_t count_alike(const it_rtrace *t, const it_cause_drop *d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const it_rmsg *m = &t->v[i];
        if (is_drop(m) && m->to == d->node && strcmp(m->reason, d->first->reason) == 0)
            n += m->n;
    }
    return n;
}

/* "far-gw: no mapping, RFC 4787 (2 packets)", "(2 of 4 packets)" where the others did no harm */
static void say_drop(const it_rtrace *t, const it_cause_drop *d, it_str *out)
{
    const it_rmsg *m = d->first;
    uint64_t all = count_alike(t, d);
    it_str_puts(out, d->node < 0 ? "?" : t->nodes[d->node].name);
    it_str_printf(out, ": %s%s%s", m->rule, *m->rfc ? ", " : "", m->rfc);
    it_str_printf(out, " (%llu ", (unsigned long long)d->n);
    if (all > d->n)
        it_str_printf(out, "of %llu ", (unsigned long long)all);
    it_str_printf(out, "%s)", all == 1 ? "packet" : "packets");
}

int it_cause_sentence(const it_rtrace *t, int64_t from, int64_t until, it_str *out)
{
    it_causes c;
    if (collect_harm(&c, t, from, until) < 0)
        return IT_ERR_NOMEM;
    const it_cause_drop *d = worst(&c);
    const it_rmsg *fault = last_fault(t, from, until);
    if (d)
        say_drop(t, d, out);
    else
        it_str_puts(out, fault ? fault->text : "no drop explains this");
    const it_rmsg *last = last_told(t, until), *cause = d ? d->first : fault;
    if (last)
        it_str_printf(out, "; %s%s: %s, %s", cause && last->t >= cause->t ? "then " : "", t->nodes[last->from].name,
                      last->label, last->text);
    return out->oom ? IT_ERR_NOMEM : 0;
}
