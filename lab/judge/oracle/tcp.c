/* The rung of direct TCP (RFC 6544): one side connects and the other one waits, either way round, or both connect at
 * once.
 *
 * To a box a SYN is what a check by UDP is, under rules of its own: mappings and filters of TCP (RFC 5382 REQ-1,
 * REQ-3), a firewall's policy for it (RFC 6092 section 3.3). So the run of udp.c goes through the same world with these
 * rules:
 *
 *     simultaneous open     both sides send, as by UDP, from ports that a STUN server knows
 *     active to passive     the active side sends; the passive one asks the STUN server and answers
 *
 * What is lost is sent again by TCP. A box that refuses a SYN which nobody asked for (RFC 5382 REQ-4 forbids that) ends
 * the attempt of who was first: by which of the two ways it goes on then, if any, hangs on who that was. */
#include "lab/judge/oracle/impl.h"

#include <stdio.h>

#define SYN_RTO IT_SEC           /* RFC 6298 section 2: until a SYN is sent again */
#define FOR_GOOD (3600 * IT_SEC) /* what an open connection to the STUN server keeps stays for a call's beginning */

/* The ways, by what each side does. */
static const struct {
    unsigned needs[2]; /* candidates of the sides */
    bool waits[2];     /* this side answers only */
} WAYS[] = {
    {{IT_ORACLE_TCP_ACTIVE, IT_ORACLE_TCP_PASSIVE}, {false, true}},
    {{IT_ORACLE_TCP_PASSIVE, IT_ORACLE_TCP_ACTIVE}, {true, false}},
    {{IT_ORACLE_TCP_SO, IT_ORACLE_TCP_SO}, {false, false}},
};

static void nat_by_tcp(it_oracle_nat *n)
{
    n->mapping = n->tcp.mapping;
    n->filtering = n->tcp.filtering;
    n->initial = n->syn;
    n->replied = n->stream = FOR_GOOD;
    n->stream_after = 0;
    n->refresh_out = n->refresh_in = true;
    n->sessions_in = true; /* what is let in makes a session */
    n->unsolicited = n->tcp.refuses ? IT_ORACLE_UNSOL_REFUSE : IT_ORACLE_UNSOL_DROP;
}

static void wall_by_tcp(it_oracle_wall *w)
{
    w->block = w->tcp.block;
    w->stateful = w->tcp.stateful;
    w->filtering = w->tcp.filtering;
    w->timeout = w->tcp.syn;
    w->max_age = w->tcp.max_age;
    w->out = w->tcp.out;
    w->in = w->tcp.in;
    w->ike = false;
}

static void world_by_tcp(it_oracle_query *q)
{
    for (int i = 0; i < q->n_boxes; i++) {
        if (q->box[i].kind == IT_ORACLE_NAT)
            nat_by_tcp(&q->box[i].u.nat);
        else if (q->box[i].kind == IT_ORACLE_FIREWALL)
            wall_by_tcp(&q->box[i].u.wall);
    }
    for (int i = 0; i < 2; i++) {
        q->side[i].rto = SYN_RTO;
        q->side[i].keepalive = 0;
    }
    q->stun = q->stun_tcp;
}

/* Whether a box answers a SYN that it does not let in, and who sent it gives up. */
static int refusing_box(const it_oracle_query *q)
{
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_box *b = &q->box[i];
        if ((b->kind == IT_ORACLE_NAT && b->u.nat.tcp.refuses) ||
            (b->kind == IT_ORACLE_FIREWALL && b->u.wall.tcp.stateful && b->u.wall.tcp.refuses))
            return i;
    }
    return -1;
}

/* The kinds of pairs as ICE has them. A connection comes from a port that no candidate told of: who opens it sees
 * itself as peer-reflexive (RFC 6544 section 7.1), and so does who waits see the other one (section 7.2). */
static uint32_t kinds_of(uint32_t pairs, bool waits)
{
    uint32_t out = 0;
    for (int l = 0; l < IT_ORACLE_CANDS; l++)
        for (int r = 0; r < IT_ORACLE_CANDS; r++) {
            if (!(pairs >> (4 * l + r) & 1))
                continue;
            if (!waits)
                out |= 1u << (4 * IT_ORACLE_PRFLX + r);
            else /* its own address may be the one that the STUN server told, or the far side */
                out |= 1u << (4 * IT_ORACLE_HOST + IT_ORACLE_PRFLX) | 1u << (4 * IT_ORACLE_SRFLX + IT_ORACLE_PRFLX) |
                       1u << (4 * IT_ORACLE_PRFLX + IT_ORACLE_PRFLX);
        }
    return out;
}

/* Lets |one| be what comes of it when the sides do as |waits| says. Returns 0 or IT_ERR_NOMEM. */
static int way_judge(it_alloc *alloc, const it_oracle_query *q, const bool waits[2], it_oracle_way *one)
{
    it_oracle_query *by = it_malloc(alloc, sizeof *by);
    if (!by)
        return IT_ERR_NOMEM;
    *by = *q;
    world_by_tcp(by);
    for (int k = 0; k < 2; k++) {
        by->side[k].lite = q->side[k].lite || waits[k];
        by->side[k].asks = !q->side[k].lite && waits[k];
    }
    *one = (it_oracle_way){.outcome = IT_ORACLE_DIES}; /* of two that wait, or of a lite side that does not */
    int err = 0;
    if (!by->side[0].lite || !by->side[1].lite)
        err = it_oracle_udp(alloc, by, one);
    it_free(alloc, by);
    return err;
}

/* Whether one side's SYN comes in at the other one whatever that one sends: then no box refuses it. */
static int is_let_in(it_alloc *alloc, const it_oracle_query *q, bool *yes)
{
    it_oracle_way one;
    *yes = false;
    for (int k = 0; k < 2 && !*yes; k++) {
        const bool waits[2] = {k == 0, k == 1};
        if (way_judge(alloc, q, waits, &one) < 0)
            return IT_ERR_NOMEM;
        *yes = one.outcome == IT_ORACLE_OPENS;
    }
    return 0;
}

static const int HOPE[] = {[IT_ORACLE_DIES] = 0, [IT_ORACLE_EITHER] = 1, [IT_ORACLE_OPENS] = 2};

/* Lets |one|, a simultaneous open, be uncertain as box |i| may end it. */
static void doubt_open(const it_oracle_query *q, int i, it_oracle_way *one)
{
    if (one->outcome != IT_ORACLE_OPENS)
        return;
    one->outcome = IT_ORACLE_EITHER;
    snprintf(one->why, sizeof one->why, "%s refuses a SYN that comes before its host's own (RFC 5382 REQ-4)",
             q->box[i].name);
}

/* Adds way |i|, of which |one| is said, to |w|: the best one counts, of those that must open the one that is sooner at
 * the latest. */
static void tcp_add(const it_oracle_query *q, size_t i, const it_oracle_way *one, it_oracle_way *w)
{
    bool so = !WAYS[i].waits[0] && !WAYS[i].waits[1];
    bool sooner = one->outcome == w->outcome && one->latest < w->latest;
    if (!w->why[0] || HOPE[one->outcome] > HOPE[w->outcome] || sooner) {
        memcpy(w->why, one->why, sizeof w->why);
        w->outcome = one->outcome;
        w->latest = one->latest;
    }
    w->variants += one->variants;
    w->opened += one->opened;
    if (one->outcome == IT_ORACLE_DIES)
        return;
    w->families |= one->families;
    for (int k = 0; k < 2; k++) {
        /* Checks by TCP share their pace with those by UDP and with what servers are asked for. */
        if (so)
            w->pairs[k] |= it_orc_either_first(q, k, true, one->pairs[k]);
        else
            w->pairs[k] |= kinds_of(one->pairs[k], WAYS[i].waits[k]);
    }
}

/* What is said of way |i|. Returns 0 or IT_ERR_NOMEM. */
static int tcp_way(it_alloc *alloc, const it_oracle_query *q, size_t i, it_oracle_way *one)
{
    bool let_in = true;
    if (way_judge(alloc, q, WAYS[i].waits, one) < 0)
        return IT_ERR_NOMEM;
    bool so = !WAYS[i].waits[0] && !WAYS[i].waits[1];
    int refuses = -1;
    if (so)
        refuses = refusing_box(q);
    if (refuses >= 0 && is_let_in(alloc, q, &let_in) < 0)
        return IT_ERR_NOMEM;
    if (!let_in)
        doubt_open(q, refuses, one);
    return 0;
}

int it_oracle_direct_tcp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    bool any = false;
    *w = (it_oracle_way){.rung = IT_ORACLE_DIRECT_TCP, .outcome = IT_ORACLE_DIES};
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        it_oracle_way one;
        if (!(q->side[0].tcp & WAYS[i].needs[0]) || !(q->side[1].tcp & WAYS[i].needs[1]))
            continue;
        any = true;
        if (tcp_way(alloc, q, i, &one) < 0)
            return IT_ERR_NOMEM;
        tcp_add(q, i, &one, w);
    }
    if (!any)
        snprintf(w->why, sizeof w->why, "the two sides have no candidates by TCP that go together");
    return 0;
}
