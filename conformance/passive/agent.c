/* ICE agents, known by their username fragments: roles, tiebreakers, pace, nominations. */
#include "conformance/passive/impl.h"

#define BURST (10 * IT_MS) /* four checks within it are closer than 5 ms, RFC 8445 section 14.2 */
#define TA (45 * IT_MS)    /* 50 ms, less what a clock and a path may take off */
#define ENOUGH 3           /* checks of which a tap does not miss all */

/* The fragment of the sender: what is behind the colon. RFC 8445 section 7.2.2. */
static it_bytes fragment_of(const it_pv_msg *m)
{
    const it_pv_attr *a = it_pv_get(m, IT_PV_USERNAME);
    const uint8_t *colon = a && a->value.n ? memchr(a->value.p, ':', a->value.n) : NULL;
    if (!colon)
        return (it_bytes){NULL, 0};
    return (it_bytes){colon + 1, (size_t)(a->value.p + a->value.n - colon - 1)};
}

uint32_t it_pv_agent_at(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    it_bytes name = fragment_of(m);
    uint64_t key[2] = {IT_MAP_HASH, (uint32_t)k->tap};
    if (name.n == 0)
        return IT_MAP_NONE;
    for (size_t i = 0; i < name.n; i++)
        key[0] = it_map_mix(key[0], name.p[i]);
    uint32_t i = it_map_get(&p->agent_of, key);
    if (i != IT_MAP_NONE)
        return i;
    if (it_grow(p->cfg.alloc, &p->agent, &p->agents_cap, p->n_agents + 1, sizeof *p->agent) < 0 ||
        it_map_put(&p->agent_of, key, (uint32_t)p->n_agents) < 0) {
        p->oom = true;
        return IT_MAP_NONE;
    }
    it_pv_agent *a = &p->agent[p->n_agents];
    *a = (it_pv_agent){.tap = k->tap};
    for (size_t c = 0; c < IT_PV_COMPONENTS; c++)
        a->nominated[c] = IT_MAP_NONE;
    for (size_t r = 0; r < sizeof a->recent / sizeof *a->recent; r++)
        a->recent[r] = -IT_NEVER / 2;
    return (uint32_t)p->n_agents++;
}

/* RFC 8445 sections 16.1, 7.2.5.1: it changes with a role conflict alone, and then it must. */
static void judge_tiebreaker(it_passive *p, it_pv_agent *a, const it_passive_packet *k, uint64_t now, bool controlling)
{
    bool turned = controlling != a->controlling, another = now != a->tiebreaker;
    if (turned && a->conflict)
        it_pv_judge(p, IT_RULE_CONFLICT_TIEBREAKER, k, another, "still 0x%016llx after 487", (unsigned long long)now);
    else if (another && (turned || a->conflict))
        it_pv_doubt(p, IT_RULE_TIEBREAKER, k, "0x%016llx, then 0x%016llx, with a role that has changed",
                    (unsigned long long)a->tiebreaker, (unsigned long long)now);
    else
        it_pv_judge(p, IT_RULE_TIEBREAKER, k, !another, "0x%016llx, then 0x%016llx", (unsigned long long)a->tiebreaker,
                    (unsigned long long)now);
    if (turned)
        a->conflict = false;
}

/* RFC 8445 section 14.2. */
static void judge_pace(it_passive *p, it_pv_agent *a, const it_passive_packet *k)
{
    it_time gap = k->at - a->recent[0], all = k->at - a->recent[2];
    if (a->checks > 2)
        it_pv_judge(p, IT_RULE_PACE, k, all >= BURST, "four new checks within %lld us", (long long)(all / IT_US));
    if (a->checks > 0)
        it_pv_judge(p, IT_RULE_TA, k, gap >= TA, "a new check %lld us after the one before", (long long)(gap / IT_US));
    a->recent[2] = a->recent[1];
    a->recent[1] = a->recent[0];
    a->recent[0] = k->at;
}

void it_pv_agent_check(it_passive *p, uint32_t agent, const it_passive_packet *k, const it_pv_msg *m)
{
    it_pv_agent *a = &p->agent[agent];
    const it_pv_attr *x = it_pv_get(m, IT_PV_CONTROLLING);
    bool controlling = x != NULL;
    if (!x)
        x = it_pv_get(m, IT_PV_CONTROLLED);
    if (x && x->value.n == 8) {
        uint64_t now = it_get64(x->value.p);
        if (a->has_tiebreaker)
            judge_tiebreaker(p, a, k, now, controlling);
        a->tiebreaker = now;
        a->has_tiebreaker = true;
        a->controlling = controlling;
    }
    a->renominates |= it_pv_has(m, IT_PV_NOMINATION);
    judge_pace(p, a, k);
    a->checks++;
    a->where = *k;
    a->where.payload = (it_bytes){NULL, 0};
}

void it_pv_agent_conflict(it_passive *p, uint32_t agent)
{
    p->agent[agent].conflict = true;
}

void it_pv_agent_nominated(it_passive *p, uint32_t agent, uint32_t pair, unsigned component, const it_passive_packet *k)
{
    it_pv_agent *a = &p->agent[agent];
    if (component < 1 || component > IT_PV_COMPONENTS)
        return;
    uint32_t *had = &a->nominated[component - 1];
    char first[IT_ADDR_TEXT], second[IT_ADDR_TEXT];
    if (*had == IT_MAP_NONE) {
        *had = pair;
        p->looked[IT_RULE_ONE_PAIR]++;
        return;
    }
    if (*had == pair)
        return;
    it_passive_packet who = *k;
    who.src = p->pair[pair].src;
    it_addr_text(p->pair[*had].dst, first);
    it_addr_text(p->pair[pair].dst, second);
    *had = pair;
    if (a->renominates)
        it_pv_doubt(p, IT_RULE_ONE_PAIR, &who, "component %u: %s, then %s, by renomination", component, first, second);
    else
        it_pv_judge(p, IT_RULE_ONE_PAIR, &who, false, "component %u: the pair to %s, then that to %s", component, first,
                    second);
}

/* RFC 8445 sections 8.1.1, 10: all checks of a nominating agent carry USE-CANDIDATE. One that was missed is known by
 * its answer. */
static void judge_nomination(it_passive *p, uint32_t agent)
{
    uint64_t ordinary = 0, nominating = 0, strange = 0;
    const it_pv_agent *a = &p->agent[agent];
    for (size_t i = 0; i < p->n_pairs; i++) {
        if (p->pair[i].agent != agent)
            continue;
        ordinary += p->pair[i].ordinary;
        nominating += p->pair[i].nominating;
        strange += p->pair[i].strange;
    }
    if (nominating == 0)
        return;
    if (ordinary + strange == 0 && nominating >= ENOUGH)
        it_pv_judge(p, IT_RULE_AGGRESSIVE, &a->where, false, "all of its %llu checks have USE-CANDIDATE",
                    (unsigned long long)nominating);
    else if (ordinary + strange == 0)
        it_pv_doubt(p, IT_RULE_AGGRESSIVE, &a->where, "the %llu checks that were seen have USE-CANDIDATE",
                    (unsigned long long)nominating);
    else
        p->looked[IT_RULE_AGGRESSIVE]++;
}

void it_pv_agents_end(it_passive *p)
{
    for (uint32_t i = 0; i < p->n_agents; i++)
        judge_nomination(p, i);
}
