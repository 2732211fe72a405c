/* The list itself: few entries, so a plain array. */
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

static bool key_same(const it_white *e, int flow, it_addr remote)
{
    return e->flow == flow && it_addr_eq(e->remote, remote);
}

/* The order of entries has no meaning: the last one fills the gap. */
static void remove_at(it_whitelist *w, size_t i)
{
    w->v[i] = w->v[--w->n];
}

static bool lapsed(const it_whitelist *w, it_time now, const it_white *e)
{
    return e->revoked || now >= it_whitelist_until(w, e);
}

static it_white *entry_of(const it_whitelist *w, int flow, it_addr remote)
{
    for (size_t i = 0; i < w->n; i++)
        if (key_same(&w->v[i], flow, remote))
            return &w->v[i];
    return NULL;
}

bool it_whitelist_spent(const it_whitelist *w, it_time now, int flow, it_addr remote, uint64_t creds)
{
    const it_white *e = entry_of(w, flow, remote);
    return e && e->creds == creds && lapsed(w, now, e);
}

/* Makes room in a full list: the entry that lapsed longest ago, else the one with the oldest success. */
static void make_room(it_whitelist *w, it_time now)
{
    size_t worst = 0;
    for (size_t i = 1; i < w->n; i++) {
        bool x = lapsed(w, now, &w->v[i]), y = lapsed(w, now, &w->v[worst]);
        if (x != y ? x : w->v[i].success < w->v[worst].success)
            worst = i;
    }
    remove_at(w, worst);
}

static it_white *entry_new(it_whitelist *w, it_time now)
{
    if (w->n == IT_WHITELIST_MAX)
        make_room(w, now);
    if (it_grow(w->alloc, &w->v, &w->cap, w->n + 1, sizeof *w->v) < 0)
        return NULL;
    return &w->v[w->n++];
}

int it_whitelist_allow(it_whitelist *w, it_time now, const it_white *e, it_time sent)
{
    if (it_whitelist_spent(w, now, e->flow, e->remote, e->creds))
        return IT_ERR_PERM;
    it_white *x = entry_of(w, e->flow, e->remote);
    bool fresh = !x || lapsed(w, now, x);
    if (!x)
        x = entry_new(w, now);
    if (!x)
        return IT_ERR_NOMEM;
    if (fresh) {
        *x = *e;
        x->answered = sent;
        x->missed = IT_NEVER;
        x->revoked = false;
    }
    x->success = now;
    x->reflexive = e->reflexive;
    x->far = e->far;
    if (e->rtt)
        x->rtt = e->rtt;
    x->took = e->took;
    x->creds = e->creds;
    if (sent > x->answered)
        x->answered = sent;
    if (x->missed <= x->answered)
        x->missed = IT_NEVER;
    return 0;
}

/* True when |e| is to be used rather than |best|: of equal successes the lower socket, for the order of entries has no
 * meaning. */
static bool is_better(const it_white *e, const it_white *best)
{
    if (!best || e->success > best->success)
        return true;
    return e->success == best->success && e->flow < best->flow;
}

it_white *it_whitelist_find(it_whitelist *w, it_time now, int flow, it_addr remote)
{
    it_white *best = NULL;
    for (size_t i = 0; i < w->n; i++) {
        it_white *e = &w->v[i];
        if ((flow != -1 && e->flow != flow) || !it_addr_eq(e->remote, remote) || lapsed(w, now, e))
            continue;
        if (is_better(e, best))
            best = e;
    }
    return best;
}

void it_whitelist_revoke(it_whitelist *w, int flow, it_addr remote)
{
    it_white *e = entry_of(w, flow, remote);
    if (e)
        e->revoked = true;
}

void it_whitelist_drop(it_whitelist *w, int flow)
{
    for (size_t i = w->n; i-- > 0;)
        if (w->v[i].flow == flow)
            remove_at(w, i);
}
