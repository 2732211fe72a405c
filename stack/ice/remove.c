/* What goes: bases of ours with their candidates, and candidates of the far side that it takes back. Their pairs go
 * with them; a component that has lost its nominated pair that way looks for another one in the same generation where
 * one may still come (agent.h).
 *
 * ICE knows no removal: RFC 8445 section 9 restarts. libwebrtc has it (candidates that are removed are signaled), and a
 * description that is complete each time can tell it by leaving a candidate out. */
#include "stack/ice/impl.h"

/* The component has lost its nominated pair: its checklist runs on. Patience begins anew, as candidates may come (RFC
 * 8863 section 4). */
static void reopen(it_ice *a, it_time now, it_ice_stream *s)
{
    if (s->ended)
        return;
    s->state = IT_ICE_RUNNING;
    s->doomed = false;
    s->why = NULL;
    a->completed = a->patience_over = false;
    if (a->gen->have_remote)
        a->pac_at = now + a->cfg.patience;
    /* Pairs that left the checklist as it concluded are wanted again (RFC 8445 section 8.1.2). */
    int err = 0;
    for (size_t i = 0; i < a->n_locals && err == 0; i++)
        if (&a->streams[a->locals[i].stream] == s)
            err = it_ice_pair_local(a, &a->locals[i]);
    if (err)
        it_ice_latch(a, err);
    it_ice_kick(a);
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

/* Removes pair |i| of |s|; settle_losses is to follow. */
static void take_pair(it_ice *a, it_ice_stream *s, size_t i)
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

/* What the pairs that were taken from |stream| mean for its components. |goes_on|: another pair may be nominated in
 * this generation. */
static void settle_losses(it_ice *a, it_time now, int stream, bool goes_on)
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
            reopen(a, now, s);
        if (valid)
            it_ice_valid_lost(a, stream, i + 1);
    }
}

/* --- bases that go --- */

static void drop_pairs(it_ice *a, it_time now, int stream, int flow)
{
    it_ice_stream *s = &a->streams[stream];
    for (size_t i = s->n_pairs; i-- > 0;) {
        const it_ice_pair *p = s->pairs[i];
        if (p->local.flow == flow || (p->valid && p->valid_local.flow == flow))
            take_pair(a, s, i);
    }
    settle_losses(a, now, stream, a->cfg.behaviour.continual);
}

static void drop_tasks(it_ice *a, int flow)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_tasks; i++) {
        if (a->tasks[i].flow == flow)
            it_stun_trans_end_tag(a->trans, it_ice_tag(IT_ICE_TAG_GATHER, 0, a->tasks[i].id));
        else
            a->tasks[kept++] = a->tasks[i];
    }
    a->n_tasks = kept;
}

/* Tells that local candidate |l| is gone, unless nobody needs to know: where ICE has concluded for good its candidates
 * are of no use any more (RFC 8445 section 8.3). */
static void tell_removed(it_ice *a, const it_ice_local *l)
{
    const it_ice_stream *s = &a->streams[l->stream];
    if (s->ended || (s->state == IT_ICE_LIST_COMPLETED && !a->cfg.behaviour.continual))
        return;
    it_ice_event ev = {.kind = IT_ICE_REMOVED, .stream = l->stream, .component = l->c.component};
    it_ice_say(a, &ev, &l->c);
}

static void drop_candidates(it_ice *a, int flow)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_locals; i++) {
        if (a->locals[i].c.flow != flow)
            a->locals[kept++] = a->locals[i];
        else
            tell_removed(a, &a->locals[i]);
    }
    a->n_locals = kept;
    kept = 0;
    for (size_t i = 0; i < a->n_early; i++)
        if (a->early[i].flow != flow)
            a->early[kept++] = a->early[i];
    a->n_early = kept;
}

static void lose_selected(it_ice *a, it_time now, int stream, int component)
{
    it_ice_sel_drop(a, now, it_ice_comp_of(a, stream, component));
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_LOST, .stream = stream, .component = component}, NULL);
}

static void drop_selected(it_ice *a, it_time now, int flow)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (int c = 1; c <= a->streams[i].n_comps; c++) {
            const it_ice_sel *s = &a->streams[i].comps[c - 1].sel;
            if (s->gen && s->view.local.flow == flow)
                lose_selected(a, now, (int)i, c);
        }
}

/* Those by TCP go with the base that they are beside. */
static void drop_beside(it_ice *a, it_time now, int flow)
{
    for (size_t i = 0; i < a->n_bases;) {
        if (a->bases[i].transport != IT_ICE_UDP && a->bases[i].parent == flow)
            it_ice_remove_base(a, now, a->bases[i].flow);
        else
            i++;
    }
}

void it_ice_remove_base(it_ice *a, it_time now, int flow)
{
    it_ice_base *b = it_ice_base_of(a, flow);
    if (!b)
        return;
    it_ice_relay_base_gone(a, now, flow);
    b = it_ice_base_of(a, flow);
    size_t at = (size_t)(b - a->bases);
    if (b->transport != IT_ICE_UDP)
        it_ice_tcp_drop(a, b);
    drop_selected(a, now, flow);
    drop_tasks(a, flow);
    drop_candidates(a, flow);
    for (size_t i = 0; i < a->n_streams; i++)
        drop_pairs(a, now, (int)i, flow);
    memmove(b, b + 1, (a->n_bases - at - 1) * sizeof *b);
    a->n_bases--;
    drop_beside(a, now, flow);
    it_ice_gather_check_done(a);
    it_ice_kick(a);
}

/* --- candidates that the far side takes back --- */

static bool same_transport(const it_ice_cand *x, const it_ice_cand *y)
{
    return (x->transport == IT_ICE_UDP) == (y->transport == IT_ICE_UDP);
}

static bool same_candidate(const it_ice_cand *x, const it_ice_cand *y)
{
    return x->component == y->component && same_transport(x, y) && it_addr_eq(x->addr, y->addr);
}

/* Takes remote candidate |r| of |stream| out of use, with the selected pair of this generation that has it. */
static void forget_remote(it_ice *a, it_time now, int stream, const it_ice_cand *r)
{
    it_ice_stream *s = &a->streams[stream];
    const it_ice_sel *sel = &it_ice_comp_of(a, stream, r->component)->sel;
    if (sel->gen == a->gen && same_candidate(&sel->view.remote, r))
        lose_selected(a, now, stream, r->component);
    for (size_t i = s->n_pairs; i-- > 0;)
        if (same_candidate(&s->pairs[i]->remote, r))
            take_pair(a, s, i);
}

void it_ice_keep_remote(it_ice *a, it_time now, int stream, const it_ice_cand *list, size_t n)
{
    if (stream < 0 || (size_t)stream >= a->n_streams)
        return;
    size_t kept = 0, had = a->n_remotes;
    for (size_t i = 0; i < had; i++) {
        const it_ice_remote r = a->remotes[i];
        bool told = r.stream != stream || !r.signalled;
        for (size_t k = 0; k < n && !told; k++)
            told = same_candidate(&list[k], &r.c);
        if (told)
            a->remotes[kept++] = r;
        else
            forget_remote(a, now, stream, &r.c);
    }
    a->n_remotes = kept;
    if (kept < had) {
        settle_losses(a, now, stream, true); /* who takes one back goes on in this generation, too */
        it_ice_lists_update(a, now);
        it_ice_kick(a);
    }
}
