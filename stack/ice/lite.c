/* Lite implementations (RFC 8445 sections 5.2, 6.1.1, 7.3.2, 8.2): host candidates alone, no checks.
 *
 * With a full side, which controls, a lite one takes what that nominates. Two lite sides take the best pair, by
 * priorities that both know alike; what they said of themselves is then all the proof there is that the pair works.
 * A lite side sends no consent checks (RFC 7675 section 4 is for those who send); that the far side still wants to hear
 * it is known by the checks that come from there, and as those are the answer to its own consent timer, their absence
 * ends consent here as an answer's does elsewhere. Of two lite sides neither asks. */
#include "stack/ice/impl.h"

/* Puts |p| on the valid list, and tells that data from there is the far side's. */
static void lite_valid(it_ice *a, it_time now, it_ice_pair *p)
{
    it_ice_stream *s = &a->streams[p->stream];
    it_ice_comp *c = &s->comps[p->local.component - 1];
    p->state = IT_ICE_SUCCEEDED;
    p->valid = p->was_valid = true;
    p->valid_local = p->local;
    p->valid_prio = p->prio;
    p->checked_by = p->produced = p->id;
    p->last_response = now;
    s->ever_valid = true;
    if (c->first_valid == IT_NEVER)
        c->first_valid = now;
    it_ice_event ev = {.kind = IT_ICE_CHECKED, .stream = p->stream, .component = p->local.component};
    ev.pair = it_ice_pair_view_of(p);
    it_ice_say(a, &ev, NULL);
}

void it_ice_lite_nominated(it_ice *a, it_time now, it_ice_pair *p)
{
    it_ice_stream *s = &a->streams[p->stream];
    if (s->state == IT_ICE_LIST_FAILED) /* as section 7.3.1.4 lets a check revive a checklist */
        s->state = IT_ICE_RUNNING;
    if (!p->valid)
        lite_valid(a, now, p);
    it_ice_nominated(a, now, p);
}

/* The best pair of |component|; NULL: there is none. */
static it_ice_pair *lite_best(const it_ice_stream *s, int component)
{
    for (size_t i = 0; i < s->n_pairs; i++)
        if (s->pairs[i]->local.component == component)
            return s->pairs[i];
    return NULL;
}

void it_ice_lite_conclude(it_ice *a, it_time now)
{
    bool all_known = a->gen->have_remote && a->remote_done && a->gathered;
    if (it_ice_asks(a) || !all_known)
        return;
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++) {
            it_ice_stream *s = &a->streams[i];
            it_ice_pair *p = s->comps[c - 1].nominated ? NULL : lite_best(s, c);
            if (!p)
                continue;
            lite_valid(a, now, p);
            it_ice_nominated(a, now, p);
        }
}

void it_ice_lite_heard(it_ice *a, it_time now, int flow, it_addr remote)
{
    for (size_t i = 0; a->cfg.behaviour.lite && i < a->n_streams; i++)
        for (int c = 0; c < a->streams[i].n_comps; c++) {
            it_ice_sel *s = &a->streams[i].comps[c].sel;
            if (!s->gen || s->view.local.flow != flow || !it_addr_eq(s->view.remote.addr, remote))
                continue;
            s->view.last_response = now;
            if (s->consent_end != IT_NEVER)
                s->consent_end = now + a->cfg.consent_timeout;
        }
}
