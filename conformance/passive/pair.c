/* What goes from one address to another: checks, their answers, data; nominations and consent. */
#include "conformance/passive/impl.h"

#define STEADY (10 * IT_SEC)   /* after a nomination checks of setting up are over */
#define CONSENT (3900 * IT_MS) /* RFC 7675 section 5.1: 4 s, less what a clock and a path may take off */
#define CLOSE 3                /* checks in a row that were too close, until it is no accident */
#define ENOUGH 3               /* packets of which a tap does not miss all */

uint32_t it_pv_pair_at(it_passive *p, const it_passive_packet *k)
{
    uint64_t key[5], back[5];
    it_pv_key(k, key);
    uint32_t i = it_map_get(&p->pair_of, key);
    if (i != IT_MAP_NONE)
        return i;
    if (it_grow(p->cfg.alloc, &p->pair, &p->pairs_cap, p->n_pairs + 1, sizeof *p->pair) < 0 ||
        it_map_put(&p->pair_of, key, (uint32_t)p->n_pairs) < 0) {
        p->oom = true;
        return IT_MAP_NONE;
    }
    it_passive_packet other = *k;
    other.src = k->dst;
    other.dst = k->src;
    it_pv_key(&other, back);
    i = (uint32_t)p->n_pairs++;
    p->pair[i] = (it_pv_pair){.src = k->src, .dst = k->dst, .tap = k->tap, .agent = IT_MAP_NONE};
    p->pair[i].nominated = p->pair[i].last = p->pair[i].data_at = IT_NEVER;
    p->pair[i].back = it_map_get(&p->pair_of, back);
    if (p->pair[i].back != IT_MAP_NONE)
        p->pair[p->pair[i].back].back = i;
    return i;
}

/* RFC 7675 section 5.1: consent checks, once it is steady. What the tap has missed makes gaps longer alone. A check
 * that follows one without an answer is no consent check: the agent looks for a path anew. */
static void judge_consent(it_passive *p, const it_passive_packet *k, it_pv_pair *pair)
{
    if (pair->nominated == IT_NEVER || pair->last < pair->nominated + STEADY || k->at < pair->last)
        return;
    it_time gap = k->at - pair->last;
    p->looked[IT_RULE_CONSENT_ONCE]++;
    pair->close = gap < CONSENT && pair->answered ? pair->close + 1 : 0;
    it_pv_judge(p, IT_RULE_CONSENT_OFTEN, k, pair->close < CLOSE,
                "the %uth check in a row that comes early, after %lld ms", pair->close, (long long)(gap / IT_MS));
}

static uint64_t checks_of(const it_pv_pair *pair)
{
    return pair->ordinary + pair->nominating;
}

bool it_pv_pair_check(it_passive *p, const it_passive_packet *k, it_pv_txn *t)
{
    t->pair = it_pv_pair_at(p, k);
    if (t->pair == IT_MAP_NONE)
        return false;
    it_pv_pair *pair = &p->pair[t->pair];
    bool first = checks_of(pair) + pair->answers == 0;
    pair->begun_by_check |= first && pair->data == 0;
    if (pair->agent != IT_MAP_NONE && pair->agent != t->agent) { /* a restart: another session */
        pair->nominated = IT_NEVER;
        pair->close = 0;
    }
    pair->agent = t->agent;
    if (t->nominates)
        pair->nominating++;
    else
        pair->ordinary++;
    judge_consent(p, k, pair);
    pair->last = k->at;
    pair->answered = false;
    return first;
}

bool it_pv_pair_crossed(it_passive *p, const it_passive_packet *k)
{
    uint32_t i = it_pv_pair_at(p, k);
    if (i == IT_MAP_NONE || p->pair[i].back == IT_MAP_NONE)
        return false;
    return checks_of(&p->pair[p->pair[i].back]) > 0;
}

bool it_pv_pair_checked(it_passive *p, const it_passive_packet *k)
{
    uint32_t i = it_pv_pair_at(p, k);
    return i != IT_MAP_NONE && (checks_of(&p->pair[i]) > 0 || it_pv_pair_crossed(p, k));
}

void it_pv_pair_answer(it_passive *p, const it_passive_packet *k, const it_pv_txn *t)
{
    it_passive_packet request = *k;
    request.src = k->dst;
    request.dst = k->src;
    uint32_t i = it_pv_pair_at(p, &request);
    if (i == IT_MAP_NONE)
        return;
    it_pv_pair *pair = &p->pair[i];
    pair->answers++;
    pair->strange += !t;
    if (!t && pair->agent != IT_MAP_NONE)
        p->agent[pair->agent].strange++;
    if (t && t->nominates && pair->nominated == IT_NEVER)
        pair->nominated = k->at;
}

void it_pv_pair_data(it_passive *p, const it_passive_packet *k)
{
    uint32_t i = it_pv_pair_at(p, k);
    if (i == IT_MAP_NONE)
        return;
    it_pv_pair *pair = &p->pair[i];
    if (pair->data++ == 0) {
        pair->data_frame = k->frame;
        pair->data_at = k->at;
    }
    pair->early += pair->answers == 0;
}

/* Data to where no answer was seen from: |sure| when the tap cannot have missed all of them. */
static void judge_unanswered(it_passive *p, const it_pv_pair *pair, const it_passive_packet *k, bool sure)
{
    char there[IT_ADDR_TEXT];
    unsigned long long n = pair->data;
    it_addr_text(pair->dst, there);
    if (sure)
        it_pv_judge(p, IT_RULE_NO_CONSENT, k, false, "%llu datagrams to %s, which never answered a check", n, there);
    else
        it_pv_doubt(p, IT_RULE_NO_CONSENT, k, "%llu datagrams to %s, of which no answer to a check was seen", n, there);
}

/* Data, some of it before the first answer that was seen. */
static void judge_early(it_passive *p, const it_pv_pair *pair, const it_passive_packet *k, bool begun)
{
    char there[IT_ADDR_TEXT];
    if (begun && pair->early >= ENOUGH)
        it_pv_doubt(p, IT_RULE_NO_CONSENT, k, "%llu datagrams to %s before its first answer that was seen",
                    (unsigned long long)pair->early, it_addr_text(pair->dst, there));
    else
        p->looked[IT_RULE_NO_CONSENT]++;
}

/* Whether the tap cannot have missed all answers to the checks of |pair|: it sees either way, and whole packets. */
static bool cannot_miss(const it_passive *p, const it_pv_pair *pair, const it_pv_pair *back)
{
    return !p->cut && checks_of(pair) >= ENOUGH && back->data + checks_of(back) > 0;
}

/* The packet that data on |pair| began with, without payload. */
static it_passive_packet first_data_of(const it_pv_pair *pair)
{
    it_passive_packet k = {.frame = pair->data_frame, .at = pair->data_at, .tap = pair->tap};
    k.src = pair->src;
    k.dst = pair->dst;
    return k;
}

/* RFC 7675 section 5.1, RFC 8445 section 12.1: data on a pair of ICE that no check of its sender has opened. */
static void judge_data(it_passive *p, const it_pv_pair *pair)
{
    static const it_pv_pair NONE;
    const it_pv_pair *back = pair->back == IT_MAP_NONE ? &NONE : &p->pair[pair->back];
    uint64_t ours = checks_of(pair), theirs = checks_of(back);
    if (ours + theirs == 0 || pair->data < ENOUGH)
        return; /* no pair of ICE, or too little to say */
    it_passive_packet k = first_data_of(pair);
    bool begun = pair->begun_by_check || back->begun_by_check;
    if (ours == 0 && back->answers > 0) /* a lite agent, which sends no checks: RFC 8445 section 8.2 */
        p->looked[IT_RULE_NO_CONSENT]++;
    else if (pair->answers == 0)
        judge_unanswered(p, pair, &k, begun && cannot_miss(p, pair, back));
    else
        judge_early(p, pair, &k, begun);
}

void it_pv_pairs_end(it_passive *p)
{
    for (size_t i = 0; i < p->n_pairs; i++)
        judge_data(p, &p->pair[i]);
}
