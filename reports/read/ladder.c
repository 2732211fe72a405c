/* From messages to rows. */
#include "reports/read/ladder.h"

#include <string.h>

enum { FOLD_AFTER_OPEN, FOLD_ALWAYS, FOLD_ACROSS_EVENTS, FOLD_AND_CUT };

static bool is_handshake(const it_rmsg *m)
{
    return m->kind == IT_RT_PACKET && !m->dropped && strncmp(m->label, "DTLS ", 5) == 0 &&
           strcmp(m->label, "DTLS data") != 0;
}

static bool is_mark(const it_rmsg *m)
{
    return m->kind == IT_RT_EVENT || m->kind == IT_RT_FAULT;
}

/* What a ladder does not show: messages an app got, packets that went nowhere. */
static bool is_nothing(const it_rtrace *t, const it_rmsg *m)
{
    if (m->kind == IT_RT_EVENT)
        return !it_rmsg_told(m);
    if (m->kind == IT_RT_FAULT)
        return false;
    if (m->from < 0 || m->to < 0)
        return true;
    return !m->dropped && t->nodes[m->from].column == t->nodes[m->to].column;
}

static bool is_same_text(const it_rmsg *a, const it_rmsg *b)
{
    return strcmp(a->label, b->label) == 0 && strcmp(a->reason, b->reason) == 0;
}

static bool alike(const it_lrow *r, const it_rmsg *m)
{
    const it_rmsg *x = r->m;
    bool same_way = x->from == m->from && x->to == m->to;
    if (r->both && is_handshake(m))
        return same_way || (x->from == m->to && x->to == m->from);
    if (!same_way || x->kind != m->kind)
        return false;
    return x->dropped == m->dropped && is_same_text(x, m);
}

/* The row of this stretch (since the last event, or with |across| since the last fault) that |m| repeats, NULL when
 * there is none. */
static it_lrow *repeated(it_ladder *l, const it_rmsg *m, bool fold, bool across)
{
    for (size_t i = l->n; i-- > 0;) {
        const it_rmsg *x = l->v[i].m;
        if (x->kind == IT_RT_FAULT || (!across && is_mark(x)))
            break;
        if ((fold || l->v[i].both) && alike(&l->v[i], m))
            return &l->v[i];
    }
    return NULL;
}

/* One attempt. False when there are too many rows. */
static bool ladder_make(it_ladder *l, const it_rtrace *t, int how)
{
    bool open = false;
    int number = 0;
    *l = (it_ladder){.n = 0};
    for (size_t i = 0; i < t->n; i++) {
        const it_rmsg *m = &t->v[i];
        if (is_nothing(t, m))
            continue;
        bool mark = is_mark(m);
        open = open || (m->kind == IT_RT_EVENT && strcmp(m->label, "open") == 0);
        it_lrow *r = mark ? NULL : repeated(l, m, open || how >= FOLD_ALWAYS, how >= FOLD_ACROSS_EVENTS);
        if (r) {
            r->n += m->n;
            r->last = m->t_end > r->last ? m->t_end : r->last;
            l->drawn += m->n;
            continue;
        }
        /* The last rows are for what apps were told. */
        if (l->n >= (mark ? IT_LADDER_ROWS : IT_LADDER_ROWS - 8)) {
            if (how < FOLD_AND_CUT)
                return false;
            l->hidden += m->n;
            continue;
        }
        l->v[l->n++] = (it_lrow){m, m->n, m->t_end, mark ? 0 : ++number, is_handshake(m)};
        l->drawn += mark ? 0 : m->n;
    }
    return true;
}

void it_ladder_make(it_ladder *l, const it_rtrace *t)
{
    int how = FOLD_AFTER_OPEN;
    while (!ladder_make(l, t, how))
        how++;
}
