/* The selected pair is left for another one, at any time, without a restart: by renomination
 * (draft-thatcher-ice-renomination), where both sides take part, nominations have numbers and the highest one counts;
 * or by USE-CANDIDATE alone, as libwebrtc does it whoever answers (basic_ice_controller.cc, ShouldSwitchConnection).
 *
 * The controlling side does so for a better pair that has become valid, and when the selected one has left a consent
 * check unanswered for RENOMINATE_SILENCE: then the other valid pairs of the component are checked, and the best that
 * answers is nominated. A pair that was left is checked now and then, and is the better one again once it answers. */
#include "stack/ice/impl.h"

#define RENOMINATE_SILENCE (2500 * IT_MS) /* libwebrtc, p2p_constants.cc: RECEIVING_TIMEOUT */
#define RENOMINATE_PAUSE IT_SEC           /* between two checks of a pair in the silent one's place */
#define RENOMINATE_RETURN (10 * IT_SEC)   /* between two checks of a better pair that was left */

bool it_ice_renominates(const it_ice *a)
{
    return a->cfg.behaviour.renominates && a->far_renominates && a->gen->have_remote;
}

bool it_ice_switches(const it_ice *a)
{
    return it_ice_renominates(a) || (a->cfg.behaviour.switches && a->gen->have_remote);
}

/* When the selected pair of |c| counts as silent: IT_NEVER, nothing of it waits for an answer. */
static it_time silent_at(const it_ice *a, const it_ice_comp *c)
{
    if (c->sel.gen != a->gen || c->sel.view.unanswered == IT_NEVER)
        return IT_NEVER;
    return c->sel.view.unanswered + RENOMINATE_SILENCE;
}

static bool is_checked(const it_ice_pair *p)
{
    return p->queued || p->state == IT_ICE_IN_PROGRESS || p->nominating;
}

/* True when |p|, of a component whose selected pair is |silent| or not, may be worth another check. */
static bool worth_a_check(const it_ice_pair *p, const it_ice_pair *nominated, bool silent)
{
    if (p == nominated || p->local.component != nominated->local.component || is_checked(p))
        return false;
    if (silent)
        return p->valid;
    return p->was_valid && p->state == IT_ICE_PAIR_FAILED && p->prio > nominated->prio;
}

/* True when |p| may take the place of |nominated|. */
static bool may_succeed(const it_ice_pair *p, const it_ice_pair *nominated)
{
    return p != nominated && p->valid && !p->refused && p->local.component == nominated->local.component;
}

/* The valid pair that is to be nominated in the place of |nominated|; NULL: there is none. */
static it_ice_pair *successor(const it_ice_stream *s, const it_ice_pair *nominated, it_time silent_since)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i]; /* the best first */
        bool fits = silent_since == IT_NEVER ? p->prio > nominated->prio : p->last_response > silent_since;
        if (fits && may_succeed(p, nominated))
            return p;
    }
    return NULL;
}

static void check_others(it_ice *a, it_time now, const it_ice_stream *s, const it_ice_pair *nominated, bool silent)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (!worth_a_check(p, nominated, silent) || now < p->retry_at)
            continue;
        p->retry_at = now + (silent ? RENOMINATE_PAUSE : RENOMINATE_RETURN);
        it_ice_enqueue(a, p);
    }
}

static void renominate_component(it_ice *a, it_time now, it_ice_stream *s, int component)
{
    it_ice_comp *c = &s->comps[component - 1];
    const it_ice_pair *nominated = it_ice_pair_by_id(a, c->nominated, NULL);
    if (!nominated || it_ice_nominating(s, component))
        return;
    bool silent = now >= silent_at(a, c);
    it_ice_pair *next = successor(s, nominated, silent ? c->sel.view.unanswered : IT_NEVER);
    if (next) {
        it_ice_pair *by = it_ice_pair_by_id(a, next->checked_by, NULL);
        if (!by)
            by = next;
        by->takes_over = true;
        it_ice_nominate_pair(a, by);
    } else {
        check_others(a, now, s, nominated, silent);
    }
}

void it_ice_renominate(it_ice *a, it_time now)
{
    if (!a->controlling || !it_ice_switches(a))
        return;
    for (size_t i = 0; i < a->n_streams; i++)
        for (int k = 1; k <= a->streams[i].n_comps; k++)
            renominate_component(a, now, &a->streams[i], k);
}

/* When the next check of another pair of |s| is due, once |silent_at| has come. */
static it_time renominate_due(const it_ice_stream *s, const it_ice_pair *nominated, it_time silent_at)
{
    it_time at = IT_NEVER;
    for (size_t i = 0; i < s->n_pairs; i++) {
        const it_ice_pair *p = s->pairs[i];
        it_time t = IT_NEVER;
        if (worth_a_check(p, nominated, true) && silent_at != IT_NEVER)
            t = p->retry_at > silent_at ? p->retry_at : silent_at;
        if (worth_a_check(p, nominated, false) && p->retry_at < t)
            t = p->retry_at;
        at = t < at ? t : at;
    }
    return at;
}

it_time it_ice_renominate_next(const it_ice *a)
{
    it_time at = IT_NEVER;
    if (!a->controlling || !it_ice_switches(a))
        return at;
    for (size_t i = 0; i < a->n_streams; i++)
        for (int k = 0; k < a->streams[i].n_comps; k++) {
            const it_ice_comp *c = &a->streams[i].comps[k];
            const it_ice_pair *n = it_ice_pair_by_id(a, c->nominated, NULL);
            it_time t = IT_NEVER;
            if (n && !it_ice_nominating(&a->streams[i], k + 1))
                t = renominate_due(&a->streams[i], n, silent_at(a, c));
            at = t < at ? t : at;
        }
    return at;
}
