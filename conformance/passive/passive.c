/* The judge: its packets, its findings. */
#include "conformance/passive/impl.h"

#include "base/cksum.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

it_passive *it_passive_new(const it_passive_cfg *cfg)
{
    it_passive *p = it_calloc(cfg->alloc, 1, sizeof *p);
    if (!p)
        return NULL;
    p->cfg = *cfg;
    it_map_init(&p->finding_of, cfg->alloc, 3);
    it_map_init(&p->txn_of, cfg->alloc, 3);
    it_map_init(&p->pair_of, cfg->alloc, 5);
    it_map_init(&p->agent_of, cfg->alloc, 2);
    it_map_init(&p->stream_of, cfg->alloc, 5);
    for (size_t i = 0; i < IT_PV_RECENT; i++)
        p->recent[i].at = -IT_NEVER / 2;
    return p;
}

void it_passive_free(it_passive *p)
{
    if (!p)
        return;
    it_pv_streams_free(p);
    it_map *maps[] = {&p->finding_of, &p->txn_of, &p->pair_of, &p->agent_of, &p->stream_of};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        it_map_fini(maps[i]);
    it_alloc *a = p->cfg.alloc;
    it_free(a, p->finding);
    it_free(a, p->txn);
    it_free(a, p->pair);
    it_free(a, p->agent);
    it_free(a, p);
}

void it_pv_key(const it_passive_packet *k, uint64_t key[5])
{
    key[0] = (uint64_t)(uint32_t)k->tap << 32 | (uint32_t)k->src.port << 16 | k->dst.port;
    key[1] = k->src.ip.hi;
    key[2] = k->src.ip.lo;
    key[3] = k->dst.ip.hi;
    key[4] = k->dst.ip.lo;
}

/* --- findings --- */

/* The finding of |rule| about the source of |k|, new with |text|; NULL without memory. */
static it_passive_finding *finding_at(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, bool doubt)
{
    uint64_t key[3] = {(uint64_t)rule << 33 | (uint64_t)(uint32_t)k->tap << 1 | doubt, k->src.ip.hi, k->src.ip.lo};
    uint32_t i = it_map_get(&p->finding_of, key);
    if (i != IT_MAP_NONE)
        return &p->finding[i];
    if (it_grow(p->cfg.alloc, &p->finding, &p->findings_cap, p->n_findings + 1, sizeof *p->finding) < 0 ||
        it_map_put(&p->finding_of, key, (uint32_t)p->n_findings) < 0) {
        p->oom = true;
        return NULL;
    }
    it_passive_finding *f = &p->finding[p->n_findings++];
    *f = (it_passive_finding){.rule = rule, .inconclusive = doubt, .who = k->src, .tap = k->tap, .at = k->at};
    return f;
}

static void finding_add(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, bool doubt, const char *fmt,
                        va_list args)
{
    it_passive_finding *f = finding_at(p, rule, k, doubt);
    if (!f)
        return;
    if (f->n == 0)
        vsnprintf(f->what, sizeof f->what, fmt, args);
    if (f->n < sizeof f->frame / sizeof *f->frame)
        f->frame[f->n] = k->frame;
    f->last = k->frame;
    f->n++;
}

bool it_pv_judge(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, bool ok, const char *fmt, ...)
{
    p->looked[rule]++;
    if (ok)
        return true;
    va_list args;
    va_start(args, fmt);
    finding_add(p, rule, k, false, fmt, args);
    va_end(args);
    return false;
}

void it_pv_doubt(it_passive *p, enum it_passive_id rule, const it_passive_packet *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    finding_add(p, rule, k, true, fmt, args);
    va_end(args);
}

void it_pv_ask(it_passive *p, const it_pv_look *look, size_t n, const it_passive_packet *k, const it_pv_msg *m)
{
    for (size_t i = 0; i < n; i++) {
        char why[IT_PV_WHY] = "", name[IT_PV_NAME];
        if (look[i].when && !look[i].when(m))
            continue;
        bool ok = look[i].holds(k, m, why);
        it_pv_judge(p, look[i].rule, k, ok, "%s: %s", it_pv_name(m, name), why);
    }
}

/* -1, 0 or 1 as |a| is below, the same as or above |b|. */
static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_findings(const void *a, const void *b)
{
    const it_passive_finding *x = a, *y = b;
    const int by[] = {order(x->rule, y->rule), order(x->inconclusive, y->inconclusive),
                      order((uint64_t)x->tap, (uint64_t)y->tap), order(x->who.ip.hi, y->who.ip.hi),
                      order(x->who.ip.lo, y->who.ip.lo)};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        if (by[i] != 0)
            return by[i];
    return 0;
}

/* --- packets --- */

enum sight { FIRST, COPY, TRANSLATED };

/* What |k|, whose bytes have |digest|, is to |s|: the same IP header at once is a copy; with another TTL, a little
 * later, it is the same message at another hop, where a NAT may have given it other addresses. */
static enum sight sight_of(const it_pv_seen *s, const it_passive_packet *k, uint32_t digest)
{
    if (s->digest != digest || s->tap != k->tap || s->ip_id != k->ip_id)
        return FIRST;
    if (k->at - s->at > (s->ttl == k->ttl ? IT_PV_COPY : IT_PV_HOPS))
        return FIRST;
    if (it_addr_eq(s->src, k->src) && it_addr_eq(s->dst, k->dst))
        return COPY;
    return s->ttl == k->ttl ? FIRST : TRANSLATED;
}

/* What |k| is to the messages that its tap has just seen. */
static enum sight look_at(it_passive *p, const it_passive_packet *k)
{
    uint32_t digest = it_crc32(k->payload.p, k->payload.n);
    enum sight best = FIRST;
    for (size_t i = 0; i < IT_PV_RECENT && best != COPY; i++) {
        enum sight s = sight_of(&p->recent[i], k, digest);
        best = s == FIRST ? best : s;
    }
    if (best == COPY)
        return COPY;
    p->recent[p->next_recent] = (it_pv_seen){k->src, k->dst, digest, k->ip_id, k->ttl, k->tap, k->at};
    p->next_recent = (p->next_recent + 1) % IT_PV_RECENT;
    return best;
}

/* RFC 7983 section 7: ChannelData, 64 to 79; RFC 5766 section 11 had channels up to 0x7FFF. */
static bool is_channel_data(it_bytes d)
{
    return d.n >= 4 && d.p[0] >= 0x40 && d.p[0] <= 0x7f;
}

void it_pv_message(it_passive *p, const it_passive_packet *k)
{
    it_pv_msg m;
    if (it_pv_is(k->payload)) {
        p->counts.stun++;
        it_pv_read(&m, k->payload);
        it_pv_ask_stun(p, k, &m);
        it_pv_ask_turn(p, k, &m);
        it_pv_ask_ice(p, k, &m);
        it_pv_transact(p, k, &m);
        return;
    }
    if (it_pv_is_old(k->payload)) {
        p->counts.old++;
        return;
    }
    if (is_channel_data(k->payload))
        p->counts.channel_data++;
    else
        p->counts.other++;
    it_pv_pair_data(p, k);
}

/* Takes a datagram; where a sender leaves it to its network card to part several (UDP GSO: all of one size, the last
 * one may be shorter), a tap there sees them in one, and they are parted here. */
static void take_datagram(it_passive *p, const it_passive_packet *k)
{
    size_t each = it_pv_is(k->payload) ? it_get16(k->payload.p + 2) + (size_t)IT_PV_HEADER : k->payload.n;
    bool several = each < k->payload.n && it_pv_is(it_bytes_of(k->payload.p + each, k->payload.n - each));
    it_passive_packet one = *k;
    if (!several) {
        it_pv_message(p, k);
        return;
    }
    p->counts.parted++;
    for (size_t at = 0; at < k->payload.n; at += each) {
        size_t left = k->payload.n - at;
        one.payload = it_bytes_of(k->payload.p + at, left < each ? left : each);
        it_pv_message(p, &one);
    }
}

int it_passive_take(it_passive *p, const it_passive_packet *k)
{
    p->counts.packets++;
    if (k->tcp) {
        it_pv_segment(p, k);
    } else if (k->payload.n > 0 && k->cut == 0) {
        it_passive_packet one = *k;
        enum sight sight = it_pv_is(k->payload) ? look_at(p, k) : FIRST;
        one.again = sight == TRANSLATED;
        if (sight == COPY)
            p->counts.copies++;
        else
            take_datagram(p, &one);
    }
    return p->oom ? IT_ERR_NOMEM : 0;
}

int it_passive_end(it_passive *p)
{
    it_pv_pairs_end(p);
    it_pv_agents_end(p);
    if (p->n_findings > 0)
        qsort(p->finding, p->n_findings, sizeof *p->finding, compare_findings);
    return p->oom ? IT_ERR_NOMEM : 0;
}

const it_passive_finding *it_passive_findings(const it_passive *p, size_t *n)
{
    *n = p->n_findings;
    return p->finding;
}

uint64_t it_passive_looked(const it_passive *p, enum it_passive_id rule)
{
    return p->looked[rule];
}

enum it_passive_level it_passive_level_of(const it_passive *p, enum it_passive_id rule)
{
    const it_passive_rule *r = &IT_PASSIVE_RULES[rule];
    return p->cfg.profile == IT_PASSIVE_TODAY ? r->level : r->before;
}

void it_passive_count(const it_passive *p, it_passive_counts *c)
{
    *c = p->counts;
}
