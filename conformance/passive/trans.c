/* Requests and what becomes of them: retransmissions, transaction IDs, responses. */
#include "conformance/passive/impl.h"

#include "base/cksum.h"

#include <stdio.h>

#define RTO (490 * IT_MS) /* RFC 8489 section 6.2.1: 500 ms, as a clock of 10 ms has it */
#define GROWS 10 /* a tenth longer at least: of three gaps of which a tap saw two, the later is a seventh longer */
#define TRANSLATED (50 * IT_MS) /* within which a request with another destination is the same one behind a NAT */

static void txn_key(const it_pv_msg *m, int tap, it_addr src, uint64_t key[3])
{
    key[0] = it_get64(m->txid);
    key[1] = (uint64_t)it_get32(m->txid + 8) << 32 | (uint32_t)tap;
    key[2] = it_map_mix(it_map_mix(it_map_mix(IT_MAP_HASH, src.ip.hi), src.ip.lo), src.port);
}

static it_pv_txn *txn_find(it_passive *p, const it_pv_msg *m, int tap, it_addr src)
{
    uint64_t key[3];
    txn_key(m, tap, src, key);
    uint32_t i = it_map_get(&p->txn_of, key);
    return i == IT_MAP_NONE ? NULL : &p->txn[i];
}

static it_pv_txn *txn_new(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    uint64_t key[3];
    txn_key(m, k->tap, k->src, key);
    if (it_grow(p->cfg.alloc, &p->txn, &p->txns_cap, p->n_txns + 1, sizeof *p->txn) < 0 ||
        it_map_put(&p->txn_of, key, (uint32_t)p->n_txns) < 0) {
        p->oom = true;
        return NULL;
    }
    it_pv_txn *t = &p->txn[p->n_txns++];
    *t = (it_pv_txn){.src = k->src, .dst = k->dst, .first = k->at, .last = k->at, .sends = 1, .method = m->method};
    t->digest = it_crc32(m->raw.p, m->raw.n);
    t->mi = it_pv_has(m, IT_PV_MI);
    t->mi256 = it_pv_has(m, IT_PV_MI256);
    t->again = k->again;
    t->check = it_pv_is_check(m);
    t->nominates = t->check && it_pv_has(m, IT_PV_USE_CANDIDATE);
    t->pair = t->agent = IT_MAP_NONE;
    const it_pv_attr *priority = it_pv_get(m, IT_PV_PRIORITY); /* RFC 8445 section 5.1.2.1: 256 less the component */
    t->component = priority && priority->value.n == 4 ? 256u - priority->value.p[3] : 0;
    return t;
}

/* RFC 8489 section 6.2.1. A retransmission that the tap has missed makes a gap longer, never shorter. */
static void judge_repeat(it_passive *p, const it_passive_packet *k, it_pv_txn *t)
{
    it_time gap = k->at - t->last;
    long long ms = (long long)(gap / IT_MS);
    t->sends++;
    if (t->sends == 2)
        it_pv_judge(p, IT_RULE_RTO, k, gap >= RTO, "sent again after %lld ms", ms);
    else if (t->gap > 0)
        it_pv_judge(p, IT_RULE_BACKOFF, k, gap >= t->gap + t->gap / GROWS, "sent again after %lld ms, then %lld ms",
                    (long long)(t->gap / IT_MS), ms);
    it_pv_judge(p, IT_RULE_RC, k, t->sends <= 7, "sent %u times", t->sends);
    if (t->check && t->pair != IT_MAP_NONE && p->pair[t->pair].nominated < t->first - 10 * IT_SEC)
        it_pv_judge(p, IT_RULE_CONSENT_ONCE, k, false, "sent again after %lld ms", ms);
    t->gap = gap;
    t->last = k->at;
}

/* A request to |t|'s source's other destination: the same behind a NAT, or another with its ID. */
static void judge_elsewhere(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, it_pv_txn *t)
{
    bool same = it_crc32(m->raw.p, m->raw.n) == t->digest;
    if (k->again || (same && k->at - t->last <= TRANSLATED)) {
        t->translated = true;
        return;
    }
    char there[IT_ADDR_TEXT];
    it_pv_judge(p, IT_RULE_REUSED_TXID, k, false, "its transaction ID was that of a request to %s",
                it_addr_text(t->dst, there));
}

static void take_request(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    it_pv_txn *t = txn_find(p, m, k->tap, k->src);
    if (t && !it_addr_eq(t->dst, k->dst)) {
        judge_elsewhere(p, k, m, t);
        return;
    }
    if (t) {
        bool same = it_crc32(m->raw.p, m->raw.n) == t->digest;
        it_pv_judge(p, IT_RULE_SAME_TXID, k, same, "sent again with other contents");
        judge_repeat(p, k, t);
        return;
    }
    p->looked[IT_RULE_REUSED_TXID]++;
    t = txn_new(p, k, m);
    if (!t)
        return;
    it_pv_ask_secret(p, k, m, t);
    if (!t->check)
        return;
    t->agent = it_pv_agent_at(p, k, m);
    it_pv_pair_check(p, k, t);
    if (t->agent != IT_MAP_NONE && !k->again)
        it_pv_agent_check(p, t->agent, k, m);
}

/* RFC 8489 sections 9.1.3, 9.2.4: of two integrities in the request the server takes one. */
static void judge_integrity(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, const it_pv_txn *t)
{
    bool mi = it_pv_has(m, IT_PV_MI), mi256 = it_pv_has(m, IT_PV_MI256);
    if (!t->mi && !t->mi256)
        return;
    bool same = (mi && t->mi) || (mi256 && t->mi256);
    it_pv_judge(p, IT_RULE_SAME_INTEGRITY, k, same, "the request had %s, the response %s",
                t->mi ? "MESSAGE-INTEGRITY" : "MESSAGE-INTEGRITY-SHA256",
                mi      ? "MESSAGE-INTEGRITY"
                : mi256 ? "MESSAGE-INTEGRITY-SHA256"
                        : "none");
}

/* RFC 8489 section 6.3.1.1: what only a tap at the server knows, as a NAT may be before any other. */
static void judge_mapped(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, const it_pv_txn *t)
{
    it_addr a;
    char is[IT_ADDR_TEXT], should[IT_ADDR_TEXT];
    if (p->cfg.vantage != IT_PASSIVE_SERVER || !it_pv_addr(m, IT_PV_MAPPED, &a))
        return;
    it_pv_judge(p, IT_RULE_MAPPED, k, it_addr_eq(a, t->src), "it is %s, the request came from %s", it_addr_text(a, is),
                it_addr_text(t->src, should));
}

/* The answer |k| to check |t|. */
static void take_check_answer(it_passive *p, const it_passive_packet *k, const it_pv_txn *t)
{
    it_pv_pair_answer(p, k, t);
    if (t->pair == IT_MAP_NONE)
        return;
    if (p->pair[t->pair].last == t->first)
        p->pair[t->pair].answered = true;
    if (t->nominates && !t->again && t->agent != IT_MAP_NONE)
        it_pv_agent_nominated(p, t->agent, t->pair, t->component, k);
}

static void take_success(it_passive *p, const it_passive_packet *k, const it_pv_msg *m, const it_pv_txn *t)
{
    judge_integrity(p, k, m, t);
    if (m->method == IT_PV_BINDING || m->method == IT_PV_ALLOCATE)
        judge_mapped(p, k, m, t);
    if (!t->check)
        return;
    it_pv_judge(p, IT_RULE_CHECK_FINGERPRINT, k, it_pv_has(m, IT_PV_FINGERPRINT),
                "Binding success response: there is no FINGERPRINT");
    take_check_answer(p, k, t);
}

/* RFC 8489 section 6.3.1. A NAT between the tap and the server may give the answer another source: RFC 4787
 * section 4.1, a mapping by destination. */
static void judge_asymmetric(it_passive *p, const it_passive_packet *k, const it_pv_txn *t)
{
    char there[IT_ADDR_TEXT];
    it_addr_text(t->dst, there);
    if (p->cfg.vantage == IT_PASSIVE_SERVER)
        it_pv_judge(p, IT_RULE_SYMMETRIC, k, false, "the request went to %s", there);
    else
        it_pv_doubt(p, IT_RULE_SYMMETRIC, k, "the request went to %s", there);
}

static void take_response(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    it_pv_txn *t = txn_find(p, m, k->tap, k->dst);
    if (!t) { /* the tap has missed the request, or stands behind a NAT that answers itself */
        if (m->cls == IT_PV_SUCCESS && m->method == IT_PV_BINDING)
            it_pv_pair_answer(p, k, NULL);
        return;
    }
    if (t->method != m->method)
        return;
    if (t->translated) { /* which of its two destinations answers is the NAT's business */
        if (m->cls == IT_PV_SUCCESS && t->check)
            it_pv_pair_answer(p, k, t);
        return;
    }
    if (!it_addr_eq(t->dst, k->src)) {
        judge_asymmetric(p, k, t);
        return;
    }
    p->looked[IT_RULE_SYMMETRIC]++;
    t->answered = true;
    it_pv_ask_secret(p, k, m, t);
    if (m->cls == IT_PV_SUCCESS)
        take_success(p, k, m, t);
    else if (t->agent != IT_MAP_NONE && it_pv_error(m) == 487)
        it_pv_agent_conflict(p, t->agent);
}

void it_pv_transact(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    if (m->cls == IT_PV_REQUEST)
        take_request(p, k, m);
    else if (m->cls != IT_PV_INDICATION)
        take_response(p, k, m);
}
