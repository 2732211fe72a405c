/* Checklists: freezing by foundation, the triggered queue, the choice of the next check, states (RFC 8445
 * sections 6.1.2.6, 6.1.4, 7.2.5.4 and 8.1.2; RFC 8838 sections 8 and 12; RFC 8863 section 4).
 *
 * The checklist set is the streams in the order they were added. */
#include "stack/ice/impl.h"

/* True when |x| stands before |y| in a foundation's column: stream, component, priority (6.1.2.6 step 4). */
static bool above(const it_ice_pair *x, const it_ice_pair *y)
{
    if (x->stream != y->stream)
        return x->stream < y->stream;
    if (x->local.component != y->local.component)
        return x->local.component < y->local.component;
    if (x->prio != y->prio)
        return x->prio > y->prio;
    return x->id < y->id;
}

typedef struct column {
    bool top;       /* no other pair stands above */
    bool succeeded; /* some other pair is Succeeded */
    bool active;    /* some other pair is Waiting or In-Progress */
} column;

/* Looks at the other pairs of |p|'s foundation in all checklists. */
static column column_of(const it_ice *a, const it_ice_pair *p)
{
    column c = {.top = true};
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            const it_ice_pair *q = a->streams[i].pairs[j];
            if (q == p || !it_ice_same_foundation(p, q))
                continue;
            c.top = c.top && above(p, q);
            c.succeeded |= q->state == IT_ICE_SUCCEEDED;
            c.active |= q->state == IT_ICE_WAITING || q->state == IT_ICE_IN_PROGRESS;
        }
    return c;
}

void it_ice_state_new_pair(it_ice *a, it_ice_pair *p)
{
    p->state = IT_ICE_FROZEN;
    if (!a->checking)
        return; /* RFC 8445 section 6.1.2.6 will decide for all at once */
    column c = column_of(a, p);
    /* RFC 8838 section 12, rules 1 to 3. */
    if (c.top || c.succeeded)
        p->state = IT_ICE_WAITING;
}

void it_ice_initial_states(it_ice *a)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            it_ice_pair *p = a->streams[i].pairs[j];
            if (p->state == IT_ICE_FROZEN && column_of(a, p).top)
                p->state = IT_ICE_WAITING;
        }
}

void it_ice_unfreeze_foundation(it_ice *a, const it_ice_pair *p)
{
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            it_ice_pair *q = a->streams[i].pairs[j];
            if (q->state == IT_ICE_FROZEN && it_ice_same_foundation(p, q))
                q->state = IT_ICE_WAITING;
        }
}

void it_ice_enqueue(it_ice *a, it_ice_pair *p)
{
    p->state = IT_ICE_WAITING;
    if (!p->queued)
        p->queued = ++a->last_queued;
    it_ice_kick(a);
}

it_stun_timing it_ice_check_timing(const it_ice *a)
{
    it_time todo = 0, active = 0;
    for (size_t i = 0; i < a->n_streams; i++)
        for (size_t j = 0; j < a->streams[i].n_pairs; j++) {
            enum it_ice_pstate s = a->streams[i].pairs[j]->state;
            if (a->streams[i].pairs[j]->local.transport != IT_ICE_UDP)
                continue; /* sent once */
            todo += s == IT_ICE_FROZEN || s == IT_ICE_WAITING || s == IT_ICE_IN_PROGRESS;
            active += s == IT_ICE_WAITING || s == IT_ICE_IN_PROGRESS;
        }
    it_stun_timing t = a->cfg.timing;
    /* RFC 8445 section 14.3: RTO = MAX(500 ms, Ta * N * (Num-Waiting + Num-In-Progress)); N counts the checks that are
     * still to be performed or under way. The section allows other ways: past IT_ICE_RTO_SOON it grows with the checks
     * that are under way alone, which is what keeps the rate of the whole at one in Ta (section 14.1). */
    it_time every = it_ice_ta(a) * active, rto = every * todo;
    it_time most = every > IT_ICE_RTO_SOON ? every : IT_ICE_RTO_SOON;
    if (rto > most)
        rto = most;
    if (rto > t.rto)
        t.rto = rto;
    return t;
}

/* --- what is checked next: RFC 8445 section 6.1.4.2 --- */

/* Step 1: the head of the triggered queue. */
static it_ice_pair *triggered(const it_ice_stream *s)
{
    it_ice_pair *best = NULL;
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->queued && (!best || p->queued < best->queued))
            best = p;
    }
    return best;
}

/* Step 3: the Waiting pair of highest priority; the list is in that order. */
static it_ice_pair *waiting(const it_ice_stream *s)
{
    for (size_t i = 0; i < s->n_pairs; i++)
        if (s->pairs[i]->state == IT_ICE_WAITING)
            return s->pairs[i];
    return NULL;
}

/* Step 2: unfreezes a pair of each foundation that nothing is being checked of. */
static void unfreeze_idle(it_ice *a, it_ice_stream *s)
{
    for (size_t i = 0; i < s->n_pairs; i++) {
        it_ice_pair *p = s->pairs[i];
        if (p->state == IT_ICE_FROZEN && !column_of(a, p).active)
            p->state = IT_ICE_WAITING;
    }
}

static it_ice_pair *checklist_pick(it_ice *a, it_ice_stream *s)
{
    it_ice_pair *p = triggered(s);
    /* Outside of Running only what the far side's checks triggered is checked: section 7.3.1.4 may revive a list. Where
     * another pair may be nominated later, it is to be known before that it works. */
    bool spares = it_ice_switches(a) || a->cfg.behaviour.continual;
    if (p || (s->state != IT_ICE_RUNNING && !(s->state == IT_ICE_LIST_COMPLETED && spares)))
        return p;
    p = waiting(s);
    if (!p) {
        unfreeze_idle(a, s);
        p = waiting(s);
    }
    return p;
}

bool it_ice_check_send_next(it_ice *a, it_time now)
{
    if (!a->gen->have_remote || a->n_streams == 0 || a->cfg.behaviour.lite)
        return false;
    if (!a->checking && it_ice_pairs_total(a) > 0) {
        a->checking = true;
        it_ice_initial_states(a);
    }
    for (size_t k = 0; k < a->n_streams; k++) {
        size_t i = (a->next_list + k) % a->n_streams;
        it_ice_pair *p = checklist_pick(a, &a->streams[i]);
        if (!p)
            continue; /* step 4 */
        a->next_list = (i + 1) % a->n_streams;
        int r = it_ice_check_start(a, now, p);
        if (r)
            it_ice_latch(a, r);
        return true;
    }
    return false;
}

/* --- states --- */

int it_ice_components(const it_ice *a, size_t stream)
{
    int far = 0, n = a->streams[stream].n_comps;
    if (!a->remote_done)
        return n;
    for (size_t i = 0; i < a->n_remotes; i++)
        if (a->remotes[i].stream == (int)stream && a->remotes[i].c.component > far)
            far = a->remotes[i].c.component;
    /* RFC 8445 section 6.1.2.2: the smaller number of both sides counts. Without any candidate nothing is known. */
    return far > 0 && far < n ? far : n;
}

static bool all_nominated(const it_ice_stream *s, int comps)
{
    for (int i = 0; i < comps; i++)
        if (!s->comps[i].nominated)
            return false;
    return true;
}

/* True when some of several components are nominated, and the checklist runs on for the others. */
static bool any_nominated(const it_ice_stream *s, int comps)
{
    if (s->state != IT_ICE_RUNNING || comps < 2)
        return false;
    for (int i = 0; i < s->n_comps; i++)
        if (s->comps[i].nominated)
            return true;
    return false;
}

static bool all_valid(const it_ice_stream *s, int comps)
{
    for (int i = 0; i < comps; i++) {
        bool valid = s->comps[i].nominated != 0;
        for (size_t j = 0; j < s->n_pairs; j++)
            valid |= s->pairs[j]->valid && s->pairs[j]->local.component == i + 1;
        if (!valid)
            return false;
    }
    return true;
}

static bool exhausted(const it_ice_stream *s)
{
    for (size_t i = 0; i < s->n_pairs; i++)
        if (s->pairs[i]->state != IT_ICE_SUCCEEDED && s->pairs[i]->state != IT_ICE_PAIR_FAILED)
            return false;
    return true;
}

static bool failing(const it_ice *a, const it_ice_stream *s, int comps, it_time now)
{
    /* RFC 8863 section 4: while the timer runs no checklist becomes Failed. Its end also stands for an end of
     * candidates that never came (section 5). RFC 8838 section 8: nor while candidates are being gathered. */
    bool gathering = a->gathering && !a->gathered && (!a->cfg.behaviour.continual || it_ice_gather_asks(a));
    if (now < a->pac_at || (gathering && a->n_bases > 0))
        return false;
    return s->doomed || (exhausted(s) && !all_valid(s, comps));
}

static void fail_list(it_ice *a, int stream)
{
    it_ice_stream *s = &a->streams[stream];
    s->state = IT_ICE_LIST_FAILED;
    s->doomed = false;
    const char *why = s->why ? s->why : "every pair failed, RFC 8445 section 7.2.5.4";
    if (s->n_pairs == 0)
        why = "no candidate pair was left to check when patience ended, RFC 8863 section 4";
    it_ice_say(a, &(it_ice_event){.kind = IT_ICE_FAILED, .stream = stream, .valid = s->ever_valid, .why = why}, NULL);
}

void it_ice_lists_update(it_ice *a, it_time now)
{
    bool all = a->n_streams > 0;
    it_ice_lite_conclude(a, now);
    for (size_t i = 0; i < a->n_streams; i++) {
        it_ice_stream *s = &a->streams[i];
        if (s->ended)
            continue;
        int comps = it_ice_components(a, i);
        if (any_nominated(s, comps))
            it_ice_select(a, now, i); /* those that are; agent.h, SELECTED */
        if (s->state != IT_ICE_LIST_COMPLETED && all_nominated(s, comps)) {
            s->state = IT_ICE_LIST_COMPLETED; /* RFC 8445 section 8.1.2 */
            it_ice_select(a, now, i);
        } else if (s->state == IT_ICE_RUNNING && failing(a, s, comps, now)) {
            fail_list(a, (int)i);
        }
        all = all && s->state == IT_ICE_LIST_COMPLETED;
    }
    if (all && !a->completed) {
        a->completed = true;
        a->completed_at = now;
        a->tcp_closed = false;
        it_ice_say(a, &(it_ice_event){.kind = IT_ICE_COMPLETED}, NULL);
    }
}

void it_ice_list_reopen(it_ice *a, it_time now, it_ice_stream *s)
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
