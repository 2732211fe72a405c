/* Candidate pairs: making, priority, order, pruning, the limit (RFC 8445 sections 6.1.2.2 to 6.1.2.5). */
#include "stack/ice/impl.h"

uint64_t it_ice_pair_prio(bool controlling, uint32_t local, uint32_t remote)
{
    /* RFC 8445 section 6.1.2.3: G is the controlling agent's, D the controlled agent's. */
    uint64_t g = controlling ? local : remote, d = controlling ? remote : local;
    uint64_t min = g < d ? g : d, max = g < d ? d : g;
    return (min << 32) + 2 * max + (g > d ? 1 : 0);
}

bool it_ice_pairable(const it_ice_cand *l, const it_ice_cand *r)
{
    /* RFC 8445 section 6.1.2.2: the same component and family; IPv6 link-local only with link-local. */
    if (l->component != r->component || it_ip_is4(l->addr.ip) != it_ip_is4(r->addr.ip))
        return false;
    /* What leads to one place alone leads to no other. */
    if (it_ice_is_tunnel(l->addr.ip) != it_ice_is_tunnel(r->addr.ip))
        return false;
    /* RFC 6544 section 6.2: who opens a connection goes with who waits for it, but the latter makes no pairs. */
    static const enum it_ice_transport WITH[] = {[IT_ICE_UDP] = IT_ICE_UDP,
                                                 [IT_ICE_TCP_ACTIVE] = IT_ICE_TCP_PASSIVE,
                                                 [IT_ICE_TCP_PASSIVE] = IT_ICE_TRANSPORTS,
                                                 [IT_ICE_TCP_SO] = IT_ICE_TCP_SO};
    if (r->transport != WITH[l->transport])
        return false;
    return it_ip_is4(l->addr.ip) || it_ip_link_local(l->addr.ip) == it_ip_link_local(r->addr.ip);
}

bool it_ice_same_foundation(const it_ice_pair *x, const it_ice_pair *y)
{
    return strcmp(x->local.foundation, y->local.foundation) == 0 &&
           strcmp(x->remote.foundation, y->remote.foundation) == 0;
}

it_ice_pair *it_ice_pair_by_id(const it_ice *a, uint32_t id, int *stream)
{
    for (size_t i = 0; id && i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++)
            if (a->streams[i].pairs[j]->id == id) {
                if (stream)
                    *stream = (int)i;
                return a->streams[i].pairs[j];
            }
    return NULL;
}

/* RFC 8445 section 6.1.2.4: pairs are the same when base and remote candidate are. */
it_ice_pair *it_ice_pair_find(it_ice_stream *s, int flow, int component, it_addr remote)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->local.flow == flow && p->local.component == component && it_addr_eq(p->remote.addr, remote))
            return p;
    }
    return NULL;
}

size_t it_ice_pairs_total(const it_ice *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_streams; i++)
        n += a->streams[i].n_pairs;
    return n;
}

it_ice_pair_view it_ice_pair_view_of(const it_ice_pair *p)
{
    return (it_ice_pair_view){.local = p->valid ? p->valid_local : p->local,
                              .remote = p->remote,
                              .last_response = p->last_response,
                              .asked = IT_NEVER,
                              .unanswered = IT_NEVER,
                              .rtt = p->rtt};
}

/* True when |x| comes before |y|: higher priority, then lower component (section 6.1.4.2), then age. */
static bool pair_before(const it_ice_pair *x, const it_ice_pair *y)
{
    if (x->prio != y->prio)
        return x->prio > y->prio;
    if (x->local.component != y->local.component)
        return x->local.component < y->local.component;
    return x->id < y->id;
}

void it_ice_pairs_sort(it_ice_stream *s)
{
    for (size_t i = 1; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        size_t j = i;
        for (; j > 0 && pair_before(p, s->pairs[j - 1]); j--)
            s->pairs[j] = s->pairs[j - 1];
        s->pairs[j] = p;
    }
}

void it_ice_pairs_reprioritise(it_ice *a)
{
    for (size_t i = 0; i < a->n_streams; i++) {
        it_ice_stream *s = &a->streams[i];
        for (size_t j = 0; j < s->n_pairs; j++) {
            it_ice_pair *p = s->pairs[j];
            p->prio = it_ice_pair_prio(a->controlling, p->local.priority, p->remote.priority);
            if (p->valid)
                p->valid_prio = it_ice_pair_prio(a->controlling, p->valid_local.priority, p->remote.priority);
        }
        it_ice_pairs_sort(s);
    }
}

void it_ice_pair_end_checks(it_ice *a, const it_ice_pair *p)
{
    for (unsigned flags = 0; flags < 4; flags++)
        it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_CHECK, flags, p->id));
}

void it_ice_pair_remove(it_ice *a, it_ice_stream *s, size_t i)
{
    it_ice_pair_end_checks(a, s->pairs[i]);
    it_free(a->cfg.alloc, s->pairs[i]);
    memmove(&s->pairs[i], &s->pairs[i + 1], (s->n_pairs - i - 1) * sizeof s->pairs[0]);
    s->n_pairs--;
}

/* The last pair (the lowest priority) of |s| in a state that |failed| or not yet checked; n_pairs when there is none.
 */
static size_t victim_in(const it_ice_stream *s, bool failed)
{
    for (size_t i = s->n_pairs; i-- > 0;) {
        const it_ice_pair *p = s->pairs[i];
        bool fits = failed ? p->state == IT_ICE_PAIR_FAILED
                           : (p->state == IT_ICE_FROZEN || p->state == IT_ICE_WAITING) && !p->queued && !p->valid;
        if (fits)
            return i;
    }
    return s->n_pairs;
}

/* The stream with most pairs, |own| among equals: RFC 8445 section 6.1.2.5 wants discarding to be even. */
static it_ice_stream *fullest(it_ice *a, it_ice_stream *own)
{
    it_ice_stream *best = own;
    for (size_t i = 0; i < a->n_streams; i++)
        if (a->streams[i].n_pairs > best->n_pairs)
            best = &a->streams[i];
    return best;
}

/* RFC 8838 section 10: room is made by a Failed pair first, then by one of lower priority. False: the new pair is the
 * one to go.
 */
static bool make_room(it_ice *a, it_ice_stream *own, uint64_t prio)
{
    if (it_ice_pairs_total(a) < (size_t)a->cfg.max_pairs)
        return true;
    it_ice_stream *s = fullest(a, own);
    size_t i = victim_in(s, true);
    if (i == s->n_pairs && s != own) {
        size_t mine = victim_in(own, true);
        if (mine < own->n_pairs) {
            s = own;
            i = mine;
        }
    }
    if (i == s->n_pairs) {
        i = victim_in(s, false);
        if (i == s->n_pairs || (s == own && s->pairs[i]->prio >= prio))
            return false;
    }
    it_ice_pair_remove(a, s, i);
    return true;
}

int it_ice_pair_add(it_ice *a, int stream, const it_ice_cand *l, const it_ice_cand *r, it_ice_pair **out)
{
    it_ice_stream *s = &a->streams[stream];
    uint64_t prio = it_ice_pair_prio(a->controlling, l->priority, r->priority);
    *out = NULL;
    if (it_grow(a->cfg.alloc, &s->pairs, &s->cap, s->n_pairs + 1, sizeof(it_ice_pair *)))
        return IT_ERR_NOMEM;
    it_ice_pair *p = it_calloc(a->cfg.alloc, 1, sizeof *p);
    if (!p)
        return IT_ERR_NOMEM;
    if (!make_room(a, s, prio)) {
        it_free(a->cfg.alloc, p);
        return 0;
    }
    p->id = ++a->last_id;
    p->stream = stream;
    p->local = *l;
    p->remote = *r;
    p->prio = prio;
    s->pairs[s->n_pairs++] = p;
    it_ice_pairs_sort(s);
    it_ice_state_new_pair(a, p);
    a->permits_due |= l->kind == IT_ICE_RELAY;
    it_ice_kick(a);
    *out = p;
    return 0;
}

/* Pairs the two unless they are a pair already or the component has concluded. */
static int pair_up(it_ice *a, const it_ice_local *l, const it_ice_remote *r)
{
    it_ice_stream *s = &a->streams[l->stream];
    it_ice_pair *p;
    if (l->stream != r->stream || !it_ice_pairable(&l->c, &r->c))
        return 0;
    /* A reflexive local candidate would be replaced by its base and pruned: see impl.h. */
    if (!it_addr_eq(l->c.addr, l->c.base))
        return 0;
    bool concluded = s->comps[l->c.component - 1].nominated || s->state == IT_ICE_LIST_COMPLETED;
    if (concluded && !a->cfg.behaviour.continual)
        return 0;
    if (it_ice_pair_find(s, l->c.flow, l->c.component, r->c.addr))
        return 0;
    /* Another pair may yet succeed. */
    if (s->state == IT_ICE_LIST_FAILED && a->cfg.behaviour.continual) {
        s->state = IT_ICE_RUNNING;
        s->why = NULL;
    }
    return it_ice_pair_add(a, l->stream, &l->c, &r->c, &p);
}

int it_ice_pair_local(it_ice *a, const it_ice_local *l)
{
    int err = 0;
    /* RFC 8445 section 7.3.1.3: one that was learned from a check is not paired until it is signalled. */
    for (size_t i = 0; i < a->n_remotes && err == 0; i++)
        if (a->remotes[i].signalled)
            err = pair_up(a, l, &a->remotes[i]);
    return err;
}

int it_ice_pair_remote(it_ice *a, const it_ice_remote *r)
{
    int err = 0;
    for (size_t i = 0; i < a->n_locals && err == 0; i++)
        err = pair_up(a, &a->locals[i], r);
    return err;
}

void it_ice_pair_take(it_ice *a, it_ice_stream *s, size_t i)
{
    const it_ice_pair *p = s->pairs[i];
    it_ice_comp *c = &s->comps[p->local.component - 1];
    c->lost_valid |= p->valid;
    if (c->nominated == p->id) {
        c->lost_nominated = true;
        c->nominated = 0;
    }
    it_ice_pair_remove(a, s, i);
}
