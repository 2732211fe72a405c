/* The list itself: few entries, so a plain array; lapsed ones go when a new one comes. */
#include "stack/e/whitelist.h"

void it_whitelist_init(it_whitelist *w, it_alloc *alloc, it_time life)
{
    *w = (it_whitelist){.alloc = alloc, .life = life};
}

void it_whitelist_fini(it_whitelist *w)
{
    it_free(w->alloc, w->v);
    it_whitelist_init(w, w->alloc, w->life);
}

it_time it_whitelist_until(const it_whitelist *w, const it_white *e)
{
    return w->life == IT_NEVER ? IT_NEVER : e->success + w->life;
}

static bool same(const it_white *e, int flow, it_addr remote)
{
    return e->flow == flow && it_addr_eq(e->remote, remote);
}

/* The order of entries has no meaning: the last one fills the gap. */
static void remove_at(it_whitelist *w, size_t i)
{
    w->v[i] = w->v[--w->n];
}

int it_whitelist_allow(it_whitelist *w, it_time now, const it_white *e, it_time sent)
{
    for (size_t i = w->n; i-- > 0;)
        if (!same(&w->v[i], e->flow, e->remote) && now >= it_whitelist_until(w, &w->v[i]))
            remove_at(w, i);
    size_t i = 0;
    while (i < w->n && !same(&w->v[i], e->flow, e->remote))
        i++;
    if (i == w->n) {
        if (it_grow(w->alloc, &w->v, &w->cap, w->n + 1, sizeof *w->v) < 0)
            return IT_ERR_NOMEM;
        w->n++;
        w->v[i] = *e;
        w->v[i].answered = sent;
        w->v[i].missed = IT_NEVER;
    }
    it_white *x = &w->v[i];
    x->success = now;
    x->reflexive = e->reflexive;
    x->far = e->far;
    if (e->rtt)
        x->rtt = e->rtt;
    if (sent > x->answered)
        x->answered = sent;
    if (x->missed <= x->answered)
        x->missed = IT_NEVER;
    return 0;
}

it_white *it_whitelist_find(it_whitelist *w, it_time now, int flow, it_addr remote)
{
    it_white *best = NULL;
    for (size_t i = 0; i < w->n; i++) {
        it_white *e = &w->v[i];
        if ((flow != -1 && e->flow != flow) || !it_addr_eq(e->remote, remote) || now >= it_whitelist_until(w, e))
            continue;
        /* Of equal successes the lower socket: the order of entries has no meaning. */
        if (!best || e->success > best->success || (e->success == best->success && e->flow < best->flow))
            best = e;
    }
    return best;
}

void it_whitelist_revoke(it_whitelist *w, int flow, it_addr remote)
{
    for (size_t i = w->n; i-- > 0;)
        if (same(&w->v[i], flow, remote))
            remove_at(w, i);
}

void it_whitelist_drop(it_whitelist *w, int flow)
{
    for (size_t i = w->n; i-- > 0;)
        if (w->v[i].flow == flow)
            remove_at(w, i);
}
