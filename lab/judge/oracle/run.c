/* One run: steps in the order of their times. */
#include "lab/judge/oracle/impl.h"

#include <string.h>

#define AFTER (5 * IT_SEC) /* how long a run goes on after a path was found: what else may be selected */

void it_orc_saw(it_orc *o, enum it_orc_seen what, int box)
{
    if (o->saw[what] < 0)
        o->saw[what] = box;
}

void it_orc_later(it_orc *o, it_time at, enum it_orc_what what, int who, int place, const it_orc_pkt *p)
{
    if (o->n_free == 0)
        return;
    int i = o->free[o->n_free - 1];
    if (it_heap_push(&o->due, (it_heap_item){at, o->order++, (uint64_t)i}) < 0) {
        o->oom = true;
        return;
    }
    o->n_free--;
    o->step[i].what = what;
    o->step[i].who = who;
    o->step[i].place = place;
    if (p)
        o->step[i].pkt = *p;
}

/* A bit for each transport. */
static uint32_t all_transports(const it_oracle_query *q)
{
    return q->transports > 1 ? UINT32_MAX >> (32 - q->transports) : 1;
}

/* Whether pair |p| of side 0 and pair |q| of side 1 are the two ends of one way: each is of the other's base, and one
 * sends to where the other one comes from. What a side comes from tells the answer to its own check: who is lite sends
 * none. */
static bool are_ends(const it_orc *o, const it_orc_pair *p, const it_orc_pair *q)
{
    if (q->base != p->far_base || p->base != q->far_base)
        return false;
    if (o->q->side[0].lite)
        return it_orc_same(o->side[0].remote[p->remote].end, q->mapped);
    return it_orc_same(o->side[1].remote[q->remote].end, p->mapped);
}

bool it_orc_won(it_orc *o)
{
    const it_orc_side *a = &o->side[0], *b = &o->side[1];
    uint32_t won = 0; /* by transport: all of them must have a way */
    for (int i = 0; i < a->n_pairs; i++)
        for (int k = 0; a->pair[i].state == IT_ORC_VALID && k < b->n_pairs; k++) {
            const it_orc_pair *p = &a->pair[i], *q = &b->pair[k];
            if (q->state != IT_ORC_VALID || !are_ends(o, p, q))
                continue;
            won |= 1u << it_orc_transport(o, 0, p->base);
            o->pairs[0] |= p->kinds;
            o->pairs[1] |= q->kinds;
            o->local |= p->local;
            if (p->turned >= 0)
                o->hairpinned = p->turned;
        }
    return won == all_transports(o->q);
}

static void oracle_reset(it_orc *o, const it_oracle_query *q, const it_orc_variant *v)
{
    o->q = q;
    o->v = *v;
    o->now = 0;
    o->n_maps = o->n_sessions = o->n_flows = o->n_rates = 0;
    o->next_symbol = o->made = o->turn = 0;
    memset(o->given, 0, sizeof o->given);
    o->losses = 0;
    o->order = 0;
    o->due.n = 0;
    o->n_free = IT_ORC_STEPS;
    for (int i = 0; i < IT_ORC_STEPS; i++)
        o->free[i] = i;
    for (int i = 0; i < IT_ORC_SAW_N; i++)
        o->saw[i] = -1;
    o->won_at = IT_NEVER;
    o->local = false;
    o->hairpinned = -1;
    o->pairs[0] = o->pairs[1] = 0;
    it_rng_init(&o->rng, v->seed, "oracle");
}

static void oracle_go(it_orc *o, const it_orc_step *s)
{
    switch (s->what) {
    case IT_ORC_AT_BASE:
        if (o->q->model == 'C')
            it_orc_meet_arrive(o, s->who, s->place, &s->pkt);
        else
            it_orc_arrive(o, s->who, s->place, &s->pkt);
        break;
    case IT_ORC_TICK:
        it_orc_tick(o, s->who);
        break;
    case IT_ORC_SIGNAL:
        it_orc_hear(o, s->who, s->pkt.src, s->place, (uint8_t)s->pkt.pair);
        break;
    case IT_ORC_RESEND:
        if (o->q->model == 'C')
            it_orc_meet_again(o, s);
        else
            it_orc_again(o, s);
        break;
    default:
        it_orc_way(o, s);
    }
}

void it_orc_run(it_orc *o, const it_oracle_query *q, const it_orc_variant *v)
{
    oracle_reset(o, q, v);
    it_orc_hold_streams(o);
    if (q->model == 'C')
        it_orc_meet_begin(o);
    else
        it_orc_begin(o);
    for (;;) {
        const it_heap_item *top = it_heap_top(&o->due);
        if (!top || top->time > q->patience || (o->won_at != IT_NEVER && top->time > o->won_at + AFTER))
            break;
        o->now = top->time;
        int i = (int)top->id;
        it_heap_pop(&o->due);
        o->free[o->n_free++] = i;
        it_orc_step s = o->step[i];
        it_orc_expire(o);
        oracle_go(o, &s);
    }
    if (o->won_at != IT_NEVER && q->model == 'C')
        return;
    if (o->won_at != IT_NEVER) {
        (void)it_orc_won(o);
        return;
    }
    o->local = false; /* some transports may have found one */
    o->hairpinned = -1;
    o->pairs[0] = o->pairs[1] = 0;
}
