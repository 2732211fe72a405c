/* Nomination and selection (RFC 8445 sections 8.1.1 and 8.1.2).
 *
 * Stopping rule of the controlling agent under regular nomination, for each component: it nominates the best valid pair
 *   - at once, when no pair of higher priority is still to be checked or under way, and no more candidates are to come
 * (or the pair is host to host, which no later candidate betters by much);
 *   - else cfg.nominate_wait after the component's first valid pair; 2 s after it when the pair uses a relay on either
 * side. Data may flow on valid pairs all the while (section 12.1), so waiting costs nothing but the choice's lateness.
 */
#include "stack/ice/impl.h"

/* True when |p| is to be nominated rather than |q|. RFC 8445 section 8.1.1 leaves the choice to the agent: this one
 * goes by the priorities that the pairs have in the checklist, where the order of interfaces counts (section 5.1.2.2).
 * Those of the valid list would put a peer-reflexive address on the last interface before a server-reflexive one on the
 * first (sections 5.1.2.1, 7.2.5.3.2); they decide between equals. */
static bool is_better(const it_ice_pair *p, const it_ice_pair *q)
{
    return p->prio != q->prio ? p->prio > q->prio : p->valid_prio > q->valid_prio;
}

/* How much |v| has in common with the pairs whose nomination failed in this generation: a base, a far address. It may
 * be a network that failed, not one path through it. */
static int doubts(const it_ice_stream *s, const it_ice_pair *v)
{
    bool base = false, remote = false;
    for (size_t i = 0; i < s->n_pairs; i++) {
        const it_ice_pair *p = s->pairs[i];
        if (!p->refused)
            continue;
        base |= p->local.flow == v->local.flow;
        remote |= it_addr_eq(p->remote.addr, v->remote.addr);
    }
    return base + remote;
}

/* The valid pair to nominate next: the best of those that share least with what failed; NULL: there is none. */
static it_ice_pair *best_valid(const it_ice_stream *s, int component)
{
    it_ice_pair *best = NULL;
    int least = 0;
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (!p->valid || p->local.component != component)
            continue;
        int d = doubts(s, p);
        if (best && (d > least || (d == least && !is_better(p, best))))
            continue;
        best = p;
        least = d;
    }
    return best;
}

bool it_ice_nominating(const it_ice_stream *s, int component)
{
    for (size_t i = 0; i < s->n_pairs; i++)
        if (s->pairs[i]->nominating && s->pairs[i]->local.component == component)
            return true;
    return false;
}

/* True when a pair other than |v| can be nominated should |v| fail. */
static bool has_spare(const it_ice_stream *s, const it_ice_pair *v)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        const it_ice_pair *p = s->pairs[i];
        if (p != v && p->valid && p->local.component == v->local.component)
            return true;
    }
    return false;
}

it_stun_timing it_ice_nominate_timing(it_ice *a, const it_ice_pair *p)
{
    const it_ice_pair *v = it_ice_pair_by_id(a, p->produced, NULL);
    /* RFC 8445 section 14.3 allows other ways to an RTO than counting checks: this pair's round trip is known. */
    it_stun_timing t = a->cfg.timing;
    if (t.rto < 2 * p->took)
        t.rto = 2 * p->took;
    bool spare = has_spare(&a->streams[p->stream], v ? v : p);
    if (p->local.transport != IT_ICE_UDP)
        return it_ice_tcp_nominate_timing(spare);
    t.rc = spare ? IT_ICE_NOMINATE_RC_SPARE : IT_ICE_NOMINATE_RC;
    t.rm = spare ? IT_ICE_NOMINATE_RM_SPARE : IT_ICE_NOMINATE_RM;
    return t;
}

/* True when a pair of higher priority than |v| may still succeed. */
static bool better_open(const it_ice_stream *s, const it_ice_pair *v)
{
    for (size_t i = 0; i < s->n_pairs && s->pairs[i]->prio > v->prio; i++) {
        const it_ice_pair *p = s->pairs[i];
        bool is_open = p->state == IT_ICE_FROZEN || p->state == IT_ICE_WAITING || p->state == IT_ICE_IN_PROGRESS;
        if (is_open && p->local.component == v->local.component)
            return true;
    }
    return false;
}

/* True when nothing stands between the ends of |v|. */
static bool is_direct(const it_ice_pair *v)
{
    return v->local.transport == IT_ICE_UDP && v->local.kind == IT_ICE_HOST && v->valid_local.kind == IT_ICE_HOST &&
           v->remote.kind == IT_ICE_HOST;
}

/* True when |v| is what is taken when nothing else works: a relay on either side, TCP. */
static bool is_last_resort(const it_ice_pair *v)
{
    return v->local.kind == IT_ICE_RELAY || v->remote.kind == IT_ICE_RELAY || v->local.transport != IT_ICE_UDP;
}

/* When |v| is to be nominated: IT_NEVER is not a value of it, 0 means at once. */
static it_time nominate_due(const it_ice *a, const it_ice_stream *s, const it_ice_pair *v)
{
    bool all_known = a->remote_done && (!a->gathering || a->gathered);
    if (!better_open(s, v) && (all_known || is_direct(v)))
        return 0;
    it_time wait = a->cfg.nominate_wait;
    if (is_last_resort(v) && wait < IT_ICE_RELAY_WAIT)
        wait = IT_ICE_RELAY_WAIT;
    return s->comps[v->local.component - 1].first_valid + wait;
}

/* The valid pair of this component that waits for nomination, or NULL. */
static it_ice_pair *candidate(const it_ice *a, const it_ice_stream *s, int component)
{
    if (!a->controlling || s->state != IT_ICE_RUNNING || s->comps[component - 1].nominated ||
        it_ice_nominating(s, component))
        return NULL;
    return best_valid(s, component);
}

/* How |p| is nominated. To a lite side, which takes whatever is nominated, only what works is nominated; nominations
 * with numbers are of chosen pairs; RFC 6544 section 8 wants no other way by TCP. */
static enum it_ice_nomination nomination_of(const it_ice *a, const it_ice_pair *p)
{
    bool regular = a->far_lite || it_ice_renominates(a) || p->local.transport != IT_ICE_UDP;
    return regular ? IT_ICE_REGULAR : a->cfg.behaviour.nomination;
}

bool it_ice_check_nominates(const it_ice *a, const it_ice_pair *p)
{
    if (!a->controlling || p->nominating)
        return a->controlling;
    enum it_ice_nomination how = nomination_of(a, p);
    if (how == IT_ICE_REGULAR)
        return false;
    if (how == IT_ICE_AGGRESSIVE)
        return true;
    const it_ice_comp *c = &a->streams[p->stream].comps[p->local.component - 1];
    const it_ice_pair *n = it_ice_pair_by_id(a, c->nominated, NULL);
    return !n || n == p || p->prio > n->prio;
}

void it_ice_nominate_pair(it_ice *a, it_ice_pair *p)
{
    p->nominating = true;
    p->nomination = it_ice_renominates(a) ? ++a->last_nomination : 0;
    if (p->state == IT_ICE_IN_PROGRESS)
        it_stun_trans_cancel(a->trans, p->txid);
    it_ice_enqueue(a, p);
}

void it_ice_nominate(it_ice *a, it_time now)
{
    for (size_t i = 0; i < a->n_streams; i++) {
        it_ice_stream *s = &a->streams[i];
        for (int c = 1; c <= s->n_comps; c++) {
            it_ice_pair *v = candidate(a, s, c);
            if (!v || nominate_due(a, s, v) > now)
                continue;
            /* RFC 8445 section 8.1.1: the check that produced the valid pair is repeated with USE-CANDIDATE. */
            it_ice_pair *p = it_ice_pair_by_id(a, v->checked_by, NULL);
            if (!p)
                p = v; /* its base is gone */
            it_ice_nominate_pair(a, p);
        }
    }
}

it_time it_ice_nominate_next(const it_ice *a)
{
    it_time at = IT_NEVER;
    for (size_t i = 0; a->controlling && i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++) {
            const it_ice_pair *v = candidate(a, &a->streams[i], c);
            it_time t = v ? nominate_due(a, &a->streams[i], v) : IT_NEVER;
            if (t < at)
                at = t;
        }
    return at;
}

void it_ice_valid_lost(it_ice *a, int stream, int component)
{
    it_ice_comp *c = it_ice_comp_of(a, stream, component);
    if (c->first_valid == IT_NEVER || c->nominated)
        return;
    const it_ice_pair *v = best_valid(&a->streams[stream], component);
    if (!v) {
        c->first_valid = IT_NEVER;
        return;
    }
    it_ice_event ev = {.kind = IT_ICE_VALID, .stream = stream, .component = component, .pair = it_ice_pair_view_of(v)};
    it_ice_say(a, &ev, NULL);
}

/* True when the selected pair of this generation has left a consent check unanswered. */
static bool selected_silent(const it_ice *a, const it_ice_comp *c)
{
    return c->sel.gen == a->gen && c->sel.view.unanswered != IT_NEVER;
}

/* True when |p|, which is not valid, is checked on though |v| of its component is nominated. RFC 5245 section 8.1.2: of
 * aggressive nominations the better ones under way may still succeed; none is final where a pair may be left for
 * another one, nor where networks come and go. */
static bool goes_on(const it_ice *a, const it_ice_pair *p, const it_ice_pair *v)
{
    bool aggressive = a->controlling && a->cfg.behaviour.nomination != IT_ICE_REGULAR && !a->far_lite;
    if (it_ice_switches(a) || a->cfg.behaviour.continual)
        return true;
    return aggressive && p->state == IT_ICE_IN_PROGRESS && p->prio > v->prio;
}

/* The pair that was nominated until now has gone silent: it is no valid one any more. */
static void leave_silent(it_ice_pair *old)
{
    old->valid = old->nominated = false;
    old->state = IT_ICE_PAIR_FAILED;
}

void it_ice_nominated(it_ice *a, it_time now, it_ice_pair *v)
{
    it_ice_stream *s = &a->streams[v->stream];
    it_ice_comp *c = &s->comps[v->local.component - 1];
    it_ice_pair *old = it_ice_pair_by_id(a, c->nominated, NULL);
    uint32_t id = v->id;
    bool takes_over = v->takes_over, silent = selected_silent(a, c);
    v->nominated = true;
    v->takes_over = false;
    /* RFC 8445 section 8.1.1: of several nominations (an RFC 5245 agent's) the pair of highest priority is used. An
     * agent of RFC 8445 nominates again when its first nomination failed, and the pair of that is silent here too. */
    if (old && !takes_over && old->valid_prio >= v->valid_prio && !silent)
        return;
    if (old && old != v && takes_over && silent)
        leave_silent(old);
    c->nominated = id;
    s->doomed = false;
    /* Section 8.1.2: the component's other pairs leave checklist and queue; the valid list keeps its own. */
    for (size_t i = s->n_pairs; i-- > 0;) {
        it_ice_pair *p = s->pairs[i];
        if (p->local.component != v->local.component || p->id == id)
            continue;
        if (!p->valid) {
            if (!goes_on(a, p, v))
                it_ice_pair_remove(a, s, i);
            continue;
        }
        it_ice_pair_end_checks(a, p);
        p->state = IT_ICE_SUCCEEDED;
        p->nominating = false;
        p->queued = 0;
    }
    if (s->state == IT_ICE_LIST_COMPLETED)
        it_ice_select(a, now, (size_t)v->stream);
}

void it_ice_select(it_ice *a, it_time now, size_t stream)
{
    it_ice_stream *s = &a->streams[stream];
    int comps = it_ice_components(a, stream);
    for (int i = 0; i < s->n_comps; i++) {
        it_ice_comp *c = &s->comps[i];
        if (i >= comps) {
            /* A component that the far side dropped: an earlier generation's pair has no successor. */
            if (!c->sel.gen)
                continue;
            it_ice_sel_drop(a, now, c);
            it_ice_say(a, &(it_ice_event){.kind = IT_ICE_LOST, .stream = (int)stream, .component = i + 1}, NULL);
            continue;
        }
        const it_ice_pair *p = it_ice_pair_by_id(a, c->nominated, NULL);
        if (!p || (c->sel.gen == a->gen && it_addr_eq(c->sel.view.local.base, p->valid_local.base) &&
                   it_addr_eq(c->sel.view.remote.addr, p->remote.addr)))
            continue;
        it_ice_sel_start(a, now, c, p);
        it_ice_event ev = {.kind = IT_ICE_SELECTED, .stream = (int)stream, .component = i + 1, .pair = c->sel.view};
        it_ice_say(a, &ev, NULL);
    }
}

/* The best valid pair of |component| that is nominated besides, and whose last answer is young enough to be consent;
 * NULL: none. */
static it_ice_pair *other_nominated(const it_ice *a, it_time now, const it_ice_stream *s, int component)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->valid && p->nominated && p->local.component == component &&
            now - p->last_response <= a->cfg.consent_interval)
            return p;
    }
    return NULL;
}

void it_ice_losses_settle(it_ice *a, it_time now, int stream, bool goes_on)
{
    it_ice_stream *s = &a->streams[stream];
    for (int i = 0; i < s->n_comps; i++) {
        it_ice_comp *c = &s->comps[i];
        bool nominated = c->lost_nominated && goes_on, valid = c->lost_valid;
        c->lost_nominated = c->lost_valid = false;
        it_ice_pair *other = nominated ? other_nominated(a, now, s, i + 1) : NULL;
        if (other)
            it_ice_nominated(a, now, other);
        else if (nominated)
            it_ice_list_reopen(a, now, s);
        if (valid)
            it_ice_valid_lost(a, stream, i + 1);
    }
}
