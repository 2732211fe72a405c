/* Ladders as data, and a verdict out of their rungs. */
#include "lab/judge/oracle/ladder.h"

#include "lab/judge/oracle/impl.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *path, *what;
    it_oracle_judge *judge;
} RUNGS[IT_ORACLE_RUNGS] = {
    [IT_ORACLE_DIRECT_UDP] = {"direct_udp", "direct_udp", "direct UDP", it_oracle_udp},
    [IT_ORACLE_RELAY_UDP] = {"relay_udp", "relay_udp", "a relay by UDP", it_oracle_relay_udp},
    [IT_ORACLE_DIRECT_TCP] = {"direct_tcp", "direct_tcp", "direct TCP", it_oracle_direct_tcp},
    [IT_ORACLE_RELAY_TCP] = {"relay_tcp", "relay_tcp", "a relay by TCP", it_oracle_relay_tcp},
    [IT_ORACLE_DGRAM] = {"relay_dgram", "relay_udp", "a relay object by UDP", it_oracle_dgram},
    [IT_ORACLE_PROXY] = {"relay_ws", "relay_tcp", "a relay over WebSocket", it_oracle_proxy},
};

/* Two seconds after the first valid pair a last resort is nominated (stack/ice/nominate.c). */
#define LATE (1500 * IT_MS)
#define LATE_WEB (2500 * IT_MS) /* what is over WebSocket is tried a second later */
#define HANDSHAKE IT_SEC        /* from a valid pair to an open connection, at most */
#define TAKES(rung) (1u << IT_ORACLE_##rung)
#define SEPARATE (1u << 31) /* its relay is another object, which begins whatever else has worked by then */
/* RFC 8445 section 5.1.2.2 and RFC 6544 section 4.2: the type preferences are 100 to 126 by UDP, 80 to 90 by TCP, 0 of
 * what is relayed, and of a pair the lower one decides first (RFC 8445 section 6.1.2.3): any direct way before any
 * relay. */
#define ALL                                                                                                            \
    {                                                                                                                  \
        IT_ORACLE_DIRECT_UDP, IT_ORACLE_DIRECT_TCP, IT_ORACLE_RELAY_UDP, IT_ORACLE_RELAY_TCP, IT_ORACLE_PROXY          \
    }

/* A model's rungs, the one that it prefers first, and which of them it takes today. */
typedef struct ladder {
    char model;
    uint8_t n;
    uint8_t rung[IT_ORACLE_RUNGS];
    uint32_t taken;              /* and SEPARATE */
    it_oracle_judge *const *own; /* judges of its own, by rung; NULL: it pairs candidates as RFC 8445 says */
} ladder;

/* Ends of RTMFP, which have no candidates: a server introduces them, and relays streams. */
static it_oracle_judge *const BY_RTMFP[IT_ORACLE_RUNGS] = {[IT_ORACLE_DIRECT_UDP] = it_oracle_rtmfp_direct,
                                                           [IT_ORACLE_RELAY_UDP] = it_oracle_rtmfp_server,
                                                           [IT_ORACLE_PROXY] = it_oracle_rtmfp_web};

static const ladder LADDERS[] = {
    {'A', 5, ALL, TAKES(DIRECT_UDP) | TAKES(RELAY_UDP) | TAKES(DIRECT_TCP) | TAKES(RELAY_TCP) | TAKES(PROXY), NULL},
    {'B', 5, ALL, TAKES(DIRECT_UDP) | TAKES(RELAY_UDP) | TAKES(DIRECT_TCP) | TAKES(RELAY_TCP) | TAKES(PROXY), NULL},
    /* streams over the server, by its session or by its stream of messages */
    {'C',
     3,
     {IT_ORACLE_DIRECT_UDP, IT_ORACLE_RELAY_UDP, IT_ORACLE_PROXY},
     TAKES(DIRECT_UDP) | TAKES(RELAY_UDP) | TAKES(PROXY),
     BY_RTMFP},
    /* the peer object, and the relay object */
    {'D',
     3,
     {IT_ORACLE_DIRECT_UDP, IT_ORACLE_DGRAM, IT_ORACLE_PROXY},
     TAKES(DIRECT_UDP) | TAKES(DGRAM) | TAKES(PROXY) | SEPARATE,
     NULL},
    /* a relay that answers checks */
    {'E', 2, {IT_ORACLE_DIRECT_UDP, IT_ORACLE_RELAY_UDP}, TAKES(DIRECT_UDP) | TAKES(RELAY_UDP), NULL},
};

const char *it_oracle_rung_name(enum it_oracle_rung rung)
{
    return RUNGS[rung].name;
}

const char *it_oracle_rung_path(enum it_oracle_rung rung)
{
    return RUNGS[rung].path;
}

const char *it_oracle_outcome_name(enum it_oracle_outcome outcome)
{
    static const char *const NAMES[] = {
        [IT_ORACLE_DIES] = "none",
        [IT_ORACLE_OPENS] = "open",
        [IT_ORACLE_EITHER] = "either",
        [IT_ORACLE_NOT_BUILT] = "not built",
    };
    return NAMES[outcome];
}

const char *it_oracle_cand_name(enum it_oracle_cand cand)
{
    static const char *const NAMES[IT_ORACLE_CANDS] = {
        [IT_ORACLE_HOST] = "host",
        [IT_ORACLE_SRFLX] = "srflx",
        [IT_ORACLE_PRFLX] = "prflx",
        [IT_ORACLE_RELAY] = "relay",
    };
    return NAMES[cand];
}

void it_orc_not_built(enum it_oracle_rung rung, const char *what, it_oracle_way *w)
{
    *w = (it_oracle_way){.rung = rung, .outcome = IT_ORACLE_NOT_BUILT};
    snprintf(w->why, sizeof w->why, "not built: %s", what);
}

static const ladder *ladder_of(char model)
{
    for (size_t i = 0; i < sizeof LADDERS / sizeof *LADDERS; i++)
        if (LADDERS[i].model == model)
            return &LADDERS[i];
    return NULL;
}

/* Leaves out of |q| the bases that reach nobody beyond their link; true when there were any. */
static bool drop_links(it_oracle_query *q)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        it_oracle_side *s = &q->side[i];
        int kept = 0;
        for (int b = 0; b < s->n_bases; b++)
            if (!it_ip_link_local(s->base[b].ip))
                s->base[kept++] = s->base[b];
        any |= kept < s->n_bases;
        s->n_bases = kept;
    }
    return any;
}

/* Judges |rung|, which needs others than who is on the same link. */
static int judge_beyond(it_alloc *alloc, const it_oracle_query *q, enum it_oracle_rung rung, it_oracle_way *w)
{
    it_oracle_query *copy = it_malloc(alloc, sizeof *copy);
    if (!copy)
        return IT_ERR_NOMEM;
    *copy = *q;
    int err = RUNGS[rung].judge(alloc, drop_links(copy) ? copy : q, w);
    it_free(alloc, copy);
    return err;
}

/* Judges |rung| for a model of ladder |l|. */
static int ladder_judge(it_alloc *alloc, const it_oracle_query *q, const ladder *l, enum it_oracle_rung rung,
                        it_oracle_way *w)
{
    char what[64];
    if (l->taken >> rung & 1 && l->own)
        return l->own[rung](alloc, q, w);
    if (l->taken >> rung & 1)
        return rung == IT_ORACLE_DIRECT_UDP ? RUNGS[rung].judge(alloc, q, w) : judge_beyond(alloc, q, rung, w);
    snprintf(what, sizeof what, "model %c does not take %s yet", l->model, RUNGS[rung].what);
    it_orc_not_built(rung, what, w);
    return 0;
}

static bool may_open(const it_oracle_way *w)
{
    return w->outcome == IT_ORACLE_OPENS || w->outcome == IT_ORACLE_EITHER;
}

/* The first way of |outcome|, -1. */
static int first_of(const it_oracle_verdict *v, enum it_oracle_outcome outcome)
{
    for (int i = 0; i < v->n_ways; i++)
        if (v->way[i].outcome == outcome)
            return i;
    return -1;
}

/* The path of the ways that may be taken, up to the first that must and that none overtakes: NULL when there are
 * several, or none. */
static const char *only_path(const it_oracle_verdict *v)
{
    const char *path = NULL;
    for (int i = 0; i < v->n_ways; i++) {
        const it_oracle_way *w = &v->way[i];
        if (!may_open(w))
            continue;
        if (path && strcmp(path, RUNGS[w->rung].path) != 0)
            return NULL;
        path = RUNGS[w->rung].path;
        if (w->outcome == IT_ORACLE_OPENS && !w->overtaken)
            break;
    }
    return path;
}

void it_orc_conclude(it_oracle_verdict *v)
{
    static const enum it_oracle_outcome ORDER[] = {IT_ORACLE_OPENS, IT_ORACLE_EITHER, IT_ORACLE_DIES};
    v->outcome = IT_ORACLE_NOT_BUILT;
    v->first = first_of(v, IT_ORACLE_OPENS);
    v->decides = -1;
    v->families = 0;
    for (size_t i = 0; v->decides < 0 && i < sizeof ORDER / sizeof *ORDER; i++) {
        v->decides = first_of(v, ORDER[i]);
        if (v->decides >= 0)
            v->outcome = ORDER[i];
    }
    for (int i = 0; i < v->n_ways; i++)
        if (may_open(&v->way[i]))
            v->families |= v->way[i].families;
    v->path = only_path(v);
}

/* True when |later| may have been taken before |w| is there. */
static bool is_late(const it_oracle_query *q, const ladder *l, const it_oracle_way *w, const it_oracle_way *later)
{
    if (l->taken & SEPARATE)
        return w->rung == IT_ORACLE_DIRECT_UDP && w->latest + HANDSHAKE > later->least + q->web_sooner;
    if (later->rung == IT_ORACLE_PROXY)
        return w->latest > LATE_WEB;
    /* one of the two sides may have a pair with a relay that answers checks before both have */
    return w->latest > LATE + (q->checked_relays ? 0 : later->least);
}

/* A direct way that must open, but late, may find that another one was taken by then: an agent nominates what works
 * after a while, and does not wait for what may come. */
static void overtake_late(const it_oracle_query *q, const ladder *l, it_oracle_verdict *v)
{
    for (int i = 0; i < v->n_ways; i++)
        for (int k = i + 1; k < v->n_ways; k++)
            if (v->way[i].outcome == IT_ORACLE_OPENS && may_open(&v->way[k]) && is_late(q, l, &v->way[i], &v->way[k]))
                v->way[i].overtaken = true;
}

/* RFC 8445 section 5.1.1.2: where no STUN server is, a TURN server asked by UDP tells the reflexive address, after two
 * round trips (RFC 8656 section 7). By TCP it tells none that is of use. */
static void ask_turn_instead(const ladder *l, it_oracle_query *q)
{
    if (!(l->taken & TAKES(RELAY_UDP)) || q->checked_relays || !it_ip_none(q->stun.ip[0]) || !it_ip_none(q->stun.ip[1]))
        return;
    for (int i = 0; i < q->n_turns && !q->stun_lends; i++) {
        if (q->turn[i].tcp)
            continue;
        q->stun = q->turn[i].server;
        q->stun.rtt *= 2;
        q->stun.slack *= 2;
        q->stun_lends = true;
    }
}

/* Checks of direct pairs by UDP take turns with those of relayed pairs and by TCP, which the run for them leaves out.
 */
static void share_pace(const it_oracle_query *q, it_oracle_verdict *v)
{
    bool others = q->n_turns > 0 || (q->side[0].tcp && q->side[1].tcp);
    for (int i = 0; i < v->n_ways && others; i++)
        for (int k = 0; k < 2; k++)
            if (v->way[i].rung == IT_ORACLE_DIRECT_UDP)
                v->way[i].pairs[k] = it_orc_either_first(q, k, false, v->way[i].pairs[k]);
}

/* --- relays beside other ways --- */

/* Pairs by TCP between one base of each side: who waits or does both has a reflexive candidate, too. */
static int tcp_pairs(const it_oracle_query *q)
{
    static const unsigned WITH[][2] = {{IT_ORACLE_TCP_ACTIVE, IT_ORACLE_TCP_PASSIVE},
                                       {IT_ORACLE_TCP_PASSIVE, IT_ORACLE_TCP_ACTIVE},
                                       {IT_ORACLE_TCP_SO, IT_ORACLE_TCP_SO}};
    int n = 0;
    for (size_t i = 0; i < sizeof WITH / sizeof *WITH; i++)
        if (q->side[0].tcp & WITH[i][0] && q->side[1].tcp & WITH[i][1])
            n += 2;
    return n;
}

/* Pairs on whose number it hangs when one of |rung| is found: by UDP all of them, which a retransmission waits for (RFC
 * 8445 section 14.3); by TCP, which repeats itself, the direct ones alone, as they are checked before. */
static int pairs_of(const it_oracle_query *q, enum it_oracle_rung rung)
{
    int pairs = 0;
    for (int f = 0; f < 2; f++) {
        int bases = it_orc_bases_of(q, 0, f) * it_orc_bases_of(q, 1, f);
        int udp = 2 * bases;
        if (rung != IT_ORACLE_DIRECT_TCP)
            udp = it_orc_candidates(q, 0, f) * it_orc_candidates(q, 1, f);
        pairs += udp + bases * tcp_pairs(q);
    }
    return pairs * (q->transports > 1 ? q->transports : 1);
}

/* Whether the way between the sides may hold up a pair of |rung| for longer than a relayed one waits (2 s): losses, a
 * round trip of a quarter of that time, half of it to the server and back, so many pairs that one check each takes half
 * of it. */
static bool is_held_up(const it_oracle_query *q, enum it_oracle_rung rung)
{
    it_time rtt = 0, ta = q->side[0].ta > q->side[1].ta ? q->side[0].ta : q->side[1].ta;
    bool lossy = false;
    if (ta < 50 * IT_MS)
        ta = 50 * IT_MS;
    if (pairs_of(q, rung) * ta >= IT_SEC)
        return true;
    for (int i = 0; i < q->n_boxes; i++) {
        rtt += q->box[i].wire.up + q->box[i].wire.down + 2 * q->box[i].wire.slack;
        lossy |= q->box[i].wire.lossy;
    }
    for (int who = 0; who < 2; who++)
        for (int i = 0; i < q->side[who].n_bases; i++) {
            const it_oracle_wire *w = &q->side[who].base[i].wire;
            rtt += w->up + w->down + 2 * w->slack;
            lossy |= w->lossy;
        }
    return lossy || rtt >= 500 * IT_MS;
}

/* True for a relayed way that may open. */
static bool may_be_relayed(const it_oracle_way *w)
{
    bool may = w->outcome == IT_ORACLE_OPENS || w->outcome == IT_ORACLE_EITHER;
    return may && (w->rung == IT_ORACLE_RELAY_UDP || w->rung == IT_ORACLE_RELAY_TCP || w->rung == IT_ORACLE_DGRAM ||
                   w->rung == IT_ORACLE_PROXY);
}

void it_orc_relays_beside(const it_oracle_query *q, it_oracle_verdict *v)
{
    bool relayed = false, scarce = it_orc_scarce(q), hasty = q->side[0].hasty || q->side[1].hasty;
    for (int i = v->n_ways; i-- > 0;) {
        it_oracle_way *w = &v->way[i];
        bool may = may_be_relayed(w);
        if (relayed && w->outcome == IT_ORACLE_OPENS) {
            w->overtaken = scarce || hasty || is_held_up(q, w->rung);
            /* flows to the server may take the places of its own */
            if (scarce && w->rung == IT_ORACLE_DIRECT_UDP)
                w->outcome = IT_ORACLE_EITHER;
        }
        relayed |= may;
    }
}

/* Judges each rung of |l|. Returns 0 or IT_ERR_NOMEM. */
static int ladder_climb(it_alloc *alloc, const it_oracle_query *q, const ladder *l, it_oracle_verdict *v)
{
    for (; v->n_ways < l->n; v->n_ways++) {
        int rc = ladder_judge(alloc, q, l, (enum it_oracle_rung)l->rung[v->n_ways], &v->way[v->n_ways]);
        if (rc < 0)
            return rc;
    }
    if (!l->own) {
        share_pace(q, v);
        it_orc_relays_beside(q, v);
        overtake_late(q, l, v);
    }
    it_orc_conclude(v);
    return 0;
}

int it_oracle_ask(it_alloc *alloc, const it_oracle_query *q, it_oracle_verdict *v)
{
    static const it_oracle_verdict NOTHING = {.outcome = IT_ORACLE_NOT_BUILT, .first = -1, .decides = -1};
    const ladder *l = ladder_of(q->model);
    *v = NOTHING;
    if (!l)
        return IT_ERR_NOTFOUND;
    it_oracle_query *own = it_malloc(alloc, sizeof *own);
    if (!own)
        return IT_ERR_NOMEM;
    *own = *q;
    if (!l->own)
        ask_turn_instead(l, own);
    int rc = ladder_climb(alloc, own, l, v);
    if (rc < 0)
        *v = NOTHING;
    it_free(alloc, own);
    return rc;
}
