/* The rungs of relays (RFC 8656): a server lends an address, and what is sent there comes over the client's flow to the
 * server.
 *
 *     side --(leg: UDP or TCP)--> [ server: relayed address ] <--(UDP)-- the other side, or its relayed address
 *
 * A way is had when a side is lent an address of a family, and the other side is lent one too, or reaches it by plain
 * UDP from an address that the first one permits: one of the other's candidates. No filter of a box stands in the way
 * then, as the flow is the box's own side's; what decides is whether each leg opens (reach.h). Nothing is run: each leg
 * is sure, possible or impossible, a way is as sure as the weakest of its legs, and the best way counts.
 *
 * The leg of the own side tells the path of an end: of one pair the ends may tell different ones. So the rung of UDP is
 * sure where the legs by UDP alone make a way; the rung of TCP, the last resort, where all legs together do. */
#include "lab/judge/oracle/impl.h"
#include "lab/judge/oracle/reach.h"

#include <stdio.h>

enum { LATE_PORT = 50000 }; /* any port of those that relayed addresses have: none of a firewall's list */

/* How sure something is. */
typedef enum grade { NO, MAYBE, SURE } grade;

enum { BY_UDP, BY_TCP, LEGS };
enum { FOUR, SIX, FAMILIES };

typedef struct relay_side {
    uint8_t lent[LEGS][FAMILIES]; /* grade: an address of the family by the leg */
    uint8_t direct[FAMILIES];     /* grade: the own UDP reaches relayed addresses, and is permitted there */
} relay_side;

static grade weaker(grade a, grade b)
{
    return a < b ? a : b;
}

static grade stronger(grade a, grade b)
{
    return a > b ? a : b;
}

/* Servers, by either transport, with an address of the family. */
static int turns_with(const it_oracle_query *q, int six)
{
    int n = 0;
    for (int i = 0; i < q->n_turns; i++)
        n += !it_ip_none(q->turn[i].server.ip[six]);
    return n;
}

int it_orc_bases_of(const it_oracle_query *q, int who, int six)
{
    int n = 0;
    for (int i = 0; i < q->side[who].n_bases; i++)
        n += it_ip_is4(q->side[who].base[i].ip) == !six;
    return n;
}

/* The family of the bases of side |who| by which addresses of family |f| are asked for at |server|. RFC 8656 section
 * 7.1: a side of one family asks for addresses of both, one of two for its own by each, but where the server has none
 * to be asked by. */
static int asked_by(const it_oracle_query *q, int who, int f, const it_oracle_server *server)
{
    return it_orc_bases_of(q, who, f) && !it_ip_none(server->ip[f]) ? f : !f;
}

/* Candidates of side |who| of family |f|, relayed ones included. */
int it_orc_candidates(const it_oracle_query *q, int who, int f)
{
    int n = 2 * it_orc_bases_of(q, who, f);
    for (int i = 0; i < q->n_turns && !q->no_relay[f]; i++) {
        int by = asked_by(q, who, f, &q->turn[i].server);
        if (!it_ip_none(q->turn[i].server.ip[by]))
            n += it_orc_bases_of(q, who, by);
    }
    return n;
}

/* Relayed candidates of family |f| that side |who| tells of. */
static int lent_to(const it_oracle_query *q, int who, int f)
{
    return q->side[who].relays ? it_orc_candidates(q, who, f) - 2 * it_orc_bases_of(q, who, f) : 0;
}

int it_orc_other_pairs(const it_oracle_query *q, int who, int run)
{
    int n = 0;
    for (int f = 0; f < FAMILIES; f++) {
        /* RFC 8445 section 6.1.2.4: a reflexive candidate is checked from its base. */
        int bases = it_orc_bases_of(q, who, f), direct = 2 * it_orc_bases_of(q, 1 - who, f);
        n += (bases + lent_to(q, who, f)) * (direct + lent_to(q, 1 - who, f));
        if (f == run)
            n -= bases * direct;
    }
    return n;
}

/* --- boxes --- */

/* The flows of both sides at most: of each base to the STUN server, to TURN servers and to what the other side tells
 * of, by UDP and by TCP; twice, as a restart makes some anew; and their sessions with the signal server. */
static uint32_t flows_of(const it_oracle_query *q)
{
    uint32_t n = 0, transports = q->transports > 1 ? (uint32_t)q->transports : 1;
    for (int who = 0; who < 2; who++) {
        for (int f = 0; f < FAMILIES; f++) {
            int far = it_orc_candidates(q, 1 - who, f), bases = it_orc_bases_of(q, who, f);
            n += (uint32_t)(bases * (2 + turns_with(q, f) + far + (q->side[who].tcp ? far : 0)));
        }
    }
    return 2 * n * transports + 8;
}

static bool too_few_for(uint32_t most, uint32_t flows)
{
    return most && most < flows;
}

/* Whether a NAT of the way gives out so little that a flow more may find no place. */
static bool is_scarce(const it_oracle_query *q, const it_oracle_box *b)
{
    const it_oracle_nat *n = &b->u.nat;
    const uint32_t flows = flows_of(q),
                   most[] = {n->most_ports, n->most_sessions, n->most_new, n->most_dest, n->most_table};
    if (b->kind != IT_ORACLE_NAT)
        return false;
    bool any = it_orc_few_ports(n);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++)
        any |= too_few_for(most[i], flows);
    return any;
}

/* The addresses that stand inside box |at|: of hosts, and of NATs. */
static uint32_t addresses_inside(const it_oracle_query *q, int at)
{
    uint32_t n = 0;
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_box *b = &q->box[i];
        if (b->outer == at + 1 && b->kind == IT_ORACLE_NAT)
            n += b->u.nat.pool;
        else if (b->outer == at + 1)
            n += addresses_inside(q, i);
    }
    for (int who = 0; who < 2; who++)
        for (int i = 0; i < q->side[who].n_bases; i++)
            n += q->side[who].base[i].net == at + 1 && it_ip_is4(q->side[who].base[i].ip);
    return n;
}

/* Whether a NAT that gives each address inside one of its own has too few of those. */
static bool is_crowded(const it_oracle_query *q, int at)
{
    const it_oracle_box *b = &q->box[at];
    return b->kind == IT_ORACLE_NAT && b->u.nat.one2one && b->u.nat.pool < addresses_inside(q, at);
}

/* Whether a flow by UDP may be forgotten or held up before a call has it. RFC 4787 REQ-5 wants two minutes; the
 * keepalives of RFC 8445 section 11 come every 15 s. */
static bool is_forgetful(const it_oracle_box *b)
{
    const it_time least = 16 * IT_SEC;
    if (b->kind == IT_ORACLE_NAT)
        return b->u.nat.replied < least || b->u.nat.initial < IT_SEC || (b->u.nat.stream && b->u.nat.stream < least);
    if (b->kind != IT_ORACLE_FIREWALL || !b->u.wall.stateful)
        return false;
    return b->u.wall.timeout < least || (b->u.wall.max_age && b->u.wall.max_age < 600 * IT_SEC);
}

/* Whether a second flow of the same socket finds its port taken by the first (RFC 4787 section 4.2.1): the STUN server
 * may have been asked before. */
static bool is_one_flow(const it_oracle_box *b)
{
    const it_oracle_nat *n = &b->u.nat;
    return b->kind == IT_ORACLE_NAT && n->preserve && n->clash == IT_ORACLE_CLASH_DROP && n->mapping != IT_ORACLE_EI &&
           !n->one2one;
}

static bool is_slow(const it_oracle_query *q, const it_oracle_box *b)
{
    uint32_t least = 20 * (uint32_t)(q->transports > 1 ? q->transports : 1);
    return b->kind == IT_ORACLE_FIREWALL && b->u.wall.pps && b->u.wall.pps < least;
}

/* What the boxes around |base| leave of a leg that opens. */
static grade chain_grade(const it_oracle_query *q, const it_oracle_base *base, bool udp)
{
    for (int net = base->net; net > 0; net = q->box[net - 1].outer) {
        const it_oracle_box *b = &q->box[net - 1];
        if (is_scarce(q, b) || is_slow(q, b) || is_crowded(q, net - 1) || (udp && (is_forgetful(b) || is_one_flow(b))))
            return MAYBE;
    }
    return SURE;
}

/* Whether |base|'s packets leave from another address, and whether that is not always the same one. */
static bool is_translated(const it_oracle_query *q, const it_oracle_base *base, bool *arbitrary)
{
    bool any = false;
    *arbitrary = false;
    for (int net = base->net; net > 0; net = q->box[net - 1].outer) {
        const it_oracle_box *b = &q->box[net - 1];
        bool own = it_ip_is4(base->ip) ? b->kind == IT_ORACLE_NAT : b->kind == IT_ORACLE_PREFIX;
        any |= own;
        *arbitrary |= own && b->kind == IT_ORACLE_NAT && b->u.nat.pool > 1 && b->u.nat.arbitrary;
    }
    return any;
}

/* --- legs --- */

/* How base |i| of side |who| reaches |server|, of the base's family, by |transport|. |one| is scratch. */
static it_oracle_reach base_reach(const it_oracle_query *q, int who, int i, const it_oracle_server *server,
                                  enum it_oracle_transport transport, it_oracle_query *one)
{
    const it_oracle_base *base = &q->side[who].base[i];
    it_oracle_server s = *server;
    it_oracle_reach r;
    s.ip[it_ip_is4(base->ip)] = (it_ip){0, 0};
    one->side[0].base[0] = *base;
    one->side[0].n_bases = 1;
    it_oracle_reach_server(one, 0, &s, transport, &r);
    return r;
}

/* Whether TLS from |base| to |port| that a box answers in the server's place may come to the server all the same: as
 * long as nobody reads it, for what is in it is no HTTP. */
static bool may_be_handed_on(const it_oracle_query *q, const it_oracle_base *base, uint16_t port)
{
    enum { HTTPS = 443 };
    if (port != HTTPS)
        return false;
    for (int net = base->net; net > 0; net = q->box[net - 1].outer) {
        const it_oracle_box *b = &q->box[net - 1];
        bool catches = b->kind == IT_ORACLE_FIREWALL && b->own && b->u.wall.tcp.catch_tls;
        if (catches && !b->hands_tls)
            return false;
    }
    return true;
}

/* How sure base |i| of side |who| reaches |server|, of the base's family, by |transport|. |one| is scratch. */
static grade base_reaches(const it_oracle_query *q, int who, int i, const it_oracle_server *server,
                          enum it_oracle_transport transport, it_oracle_query *one)
{
    const it_oracle_base *base = &q->side[who].base[i];
    it_oracle_reach r = base_reach(q, who, i, server, transport, one);
    if (r.outcome == IT_ORACLE_REACH_OPEN && r.since == 0)
        return chain_grade(q, base, transport == IT_ORACLE_UDP);
    /* After a login, or until a box cuts it; what a box answers in the server's place is no TURN. */
    return r.outcome == IT_ORACLE_REACH_NONE || r.outcome == IT_ORACLE_REACH_CAUGHT ? NO : MAYBE;
}

/* How sure base |i| of side |who| reaches the TURN server |t|. */
static grade base_turns(const it_oracle_query *q, int who, int i, const it_oracle_turn *t, it_oracle_query *one)
{
    const it_oracle_base *base = &q->side[who].base[i];
    grade g = base_reaches(q, who, i, &t->server, t->tcp ? IT_ORACLE_TCP : IT_ORACLE_UDP, one);
    /* Certificates need no look: the hosts of a world trust those of its servers. */
    if (g == NO && t->tcp && t->tls &&
        base_reach(q, who, i, &t->server, IT_ORACLE_TCP, one).outcome == IT_ORACLE_REACH_CAUGHT &&
        may_be_handed_on(q, base, t->server.port))
        return MAYBE;
    return g;
}

static grade side_reaches(const it_oracle_query *q, int who, int six, const it_oracle_turn *t, it_oracle_query *one)
{
    grade best = NO;
    for (int i = 0; i < q->side[who].n_bases; i++)
        if (it_ip_is4(q->side[who].base[i].ip) == !six)
            best = stronger(best, base_turns(q, who, i, t, one));
    return best;
}

/* How sure side |who| is lent an address of family |f| by |leg|. */
static grade leg_of(const it_oracle_query *q, int who, int f, int leg, it_oracle_query *one)
{
    grade best = NO;
    for (int i = 0; i < q->n_turns && !q->no_relay[f]; i++) {
        const it_oracle_turn *t = &q->turn[i];
        if (t->tcp == (leg == BY_TCP))
            best = stronger(best, side_reaches(q, who, asked_by(q, who, f, &t->server), t, one));
    }
    return q->turn_limits ? weaker(best, MAYBE) : best;
}

/* How sure base |i|'s UDP reaches what any of the servers lends. */
static grade base_reaches_lent(const it_oracle_query *q, int who, int i, it_oracle_query *one)
{
    int six = !it_ip_is4(q->side[who].base[i].ip);
    grade worst = turns_with(q, six) ? SURE : NO;
    for (int k = 0; k < q->n_turns; k++) {
        it_oracle_server relayed = q->turn[k].server;
        relayed.port = LATE_PORT;
        if (!it_ip_none(relayed.ip[six]))
            worst = weaker(worst, base_reaches(q, who, i, &relayed, IT_ORACLE_UDP, one));
    }
    return worst;
}

/* How sure base |i|'s own UDP comes through at a relayed address of the other side, which permits the addresses of the
 * candidates that it is told (RFC 8656 section 9). */
static grade base_permitted(const it_oracle_query *q, int who, int i, it_oracle_query *one)
{
    bool arbitrary;
    grade g = base_reaches_lent(q, who, i, one);
    if (!is_translated(q, &q->side[who].base[i], &arbitrary))
        return g;
    g = weaker(g, base_reaches(q, who, i, &q->stun, IT_ORACLE_UDP, one));
    return arbitrary ? weaker(g, MAYBE) : g;
}

static grade direct_of(const it_oracle_query *q, int who, int six, it_oracle_query *one)
{
    grade best = NO;
    for (int i = 0; q->n_turns && i < q->side[who].n_bases; i++)
        if (it_ip_is4(q->side[who].base[i].ip) == !six)
            best = stronger(best, base_permitted(q, who, i, one));
    return best;
}

static void side_legs(const it_oracle_query *q, int who, it_oracle_query *one, relay_side *s)
{
    for (int f = 0; f < FAMILIES; f++) {
        s->direct[f] = (uint8_t)direct_of(q, who, f, one);
        for (int leg = 0; leg < LEGS; leg++)
            s->lent[leg][f] = (uint8_t)leg_of(q, who, f, leg, one);
    }
}

/* --- times --- */

/* The least round trip between side |who| and |server|. */
static it_time least_rtt(const it_oracle_query *q, int who, const it_oracle_server *server)
{
    it_time least = IT_NEVER;
    for (int i = 0; i < q->side[who].n_bases; i++) {
        const it_oracle_base *b = &q->side[who].base[i];
        it_time rtt = server->rtt + b->wire.up + b->wire.down;
        for (int net = b->net; net > 0; net = q->box[net - 1].outer)
            rtt += q->box[net - 1].wire.up + q->box[net - 1].wire.down;
        least = rtt < least ? rtt : least;
    }
    return least;
}

/* Round trips before a path by |t| opens: a challenge and an allocation (RFC 8656 section 7), a permission (section 9),
 * a check; to connect by TCP one, TLS one (RFC 8446 section 2), DTLS 1.2 a cookie and two (RFC 6347 section 4.2). */
static int trips_of(const it_oracle_turn *t)
{
    if (t->tcp)
        return t->tls ? 6 : 5;
    return t->tls ? 7 : 4;
}

/* When a path by an address lent to |who| by |leg| opens at the earliest. */
static it_time least_of(const it_oracle_query *q, int who, int leg)
{
    it_time least = IT_NEVER;
    for (int i = 0; i < q->n_turns; i++) {
        if (q->turn[i].tcp != (leg == BY_TCP))
            continue;
        it_time rtt = least_rtt(q, who, &q->turn[i].server), t = rtt * trips_of(&q->turn[i]);
        least = t < least ? t : least;
    }
    return least;
}

/* --- ways --- */

/* What all ways together come to. */
typedef struct relay_sum {
    relay_side side[2];
    grade udp, all; /* by legs of UDP alone, by all */
    uint8_t families;
    int lent_to; /* a side whose leg makes the best way, -1: both are lent addresses */
} relay_sum;

static grade best_leg(const relay_side *s, int f)
{
    return stronger(s->lent[BY_UDP][f], s->lent[BY_TCP][f]);
}

/* Takes the way of family |f| by an address lent to |who|, -1: to both. */
static void take_way(relay_sum *m, int f, int who, grade udp, grade all)
{
    if (all > m->all || m->families == 0)
        m->lent_to = who;
    m->udp = stronger(m->udp, udp);
    m->all = stronger(m->all, all);
    if (all > NO)
        m->families |= f == SIX ? IT_ORACLE_V6 : IT_ORACLE_V4;
}

static void add_ways(relay_sum *m, int f)
{
    const relay_side *a = &m->side[0], *b = &m->side[1];
    take_way(m, f, -1, weaker(a->lent[BY_UDP][f], b->lent[BY_UDP][f]), weaker(best_leg(a, f), best_leg(b, f)));
    take_way(m, f, 0, weaker(a->lent[BY_UDP][f], b->direct[f]), weaker(best_leg(a, f), b->direct[f]));
    take_way(m, f, 1, weaker(b->lent[BY_UDP][f], a->direct[f]), weaker(best_leg(b, f), a->direct[f]));
}

static int relay_legs(it_alloc *alloc, const it_oracle_query *q, relay_sum *m)
{
    it_oracle_query *one = it_malloc(alloc, sizeof *one);
    *m = (relay_sum){.lent_to = -1};
    if (!one)
        return IT_ERR_NOMEM;
    *one = *q;
    for (int i = 0; i < 2; i++)
        side_legs(q, i, one, &m->side[i]);
    it_free(alloc, one);
    for (int f = 0; f < FAMILIES; f++)
        add_ways(m, f);
    return 0;
}

static bool lent_any(const relay_side *s, int leg)
{
    return s->lent[leg][FOUR] > NO || s->lent[leg][SIX] > NO;
}

/* --- kinds --- */

#define PAIR(l, r) (1u << (4 * (l) + (r)))
#define LOCAL_RELAY                                                                                                    \
    (PAIR(IT_ORACLE_RELAY, IT_ORACLE_HOST) | PAIR(IT_ORACLE_RELAY, IT_ORACLE_SRFLX) |                                  \
     PAIR(IT_ORACLE_RELAY, IT_ORACLE_PRFLX) | PAIR(IT_ORACLE_RELAY, IT_ORACLE_RELAY))
#define FAR_RELAY                                                                                                      \
    (PAIR(IT_ORACLE_HOST, IT_ORACLE_RELAY) | PAIR(IT_ORACLE_SRFLX, IT_ORACLE_RELAY) |                                  \
     PAIR(IT_ORACLE_PRFLX, IT_ORACLE_RELAY))

/* The pairs by which side |i| may tell of a path by |leg|: by its own relay, or by UDP to that of the other, whose leg
 * it does not see. */
static uint32_t relay_pairs(const relay_sum *m, int i, int leg)
{
    const relay_side *own = &m->side[i], *far = &m->side[1 - i];
    uint32_t pairs = lent_any(own, leg) ? LOCAL_RELAY : 0;
    bool direct = own->direct[FOUR] > NO || own->direct[SIX] > NO;
    if (leg == BY_UDP && direct && (lent_any(far, BY_UDP) || lent_any(far, BY_TCP)))
        pairs |= FAR_RELAY;
    return pairs;
}

static enum it_oracle_outcome outcome_of(grade g)
{
    static const enum it_oracle_outcome OF[] = {
        [NO] = IT_ORACLE_DIES, [MAYBE] = IT_ORACLE_EITHER, [SURE] = IT_ORACLE_OPENS};
    return OF[g];
}

/* The same for the rung of |leg|: by any leg that an end may tell of by it. */
static it_time relay_least(const it_oracle_query *q, const relay_sum *m, int leg)
{
    it_time least = IT_NEVER;
    for (int who = 0; who < 2; who++)
        for (int k = 0; k < LEGS; k++) {
            bool told = k == leg || (leg == BY_UDP && k == BY_TCP);
            it_time t = told && lent_any(&m->side[who], k) ? least_of(q, who, k) : IT_NEVER;
            least = t < least ? t : least;
        }
    return least == IT_NEVER ? 0 : least;
}

static void relay_why(const it_oracle_query *q, const relay_sum *m, grade g, it_oracle_way *w)
{
    static const char *const SIDES[] = {"the near side", "the far side"};
    if (q->n_turns == 0)
        snprintf(w->why, sizeof w->why, "there is no TURN server");
    else if (g == NO)
        snprintf(w->why, sizeof w->why, "no relayed address is in reach of both sides");
    else
        snprintf(w->why, sizeof w->why, "a TURN server lends addresses to %s%s (RFC 8656)",
                 m->lent_to < 0 ? "both sides" : SIDES[m->lent_to],
                 g == SURE ? "" : ", but a box on the way may spoil that");
}

static void relay_way(const it_oracle_query *q, const relay_sum *m, int leg, grade g, it_oracle_way *w)
{
    *w = (it_oracle_way){.rung = leg == BY_UDP ? IT_ORACLE_RELAY_UDP : IT_ORACLE_RELAY_TCP,
                         .outcome = outcome_of(g),
                         .families = g > NO ? m->families : 0,
                         .variants = 1,
                         .opened = g > NO};
    for (int i = 0; i < 2 && g > NO; i++)
        w->pairs[i] = relay_pairs(m, i, leg);
    w->least = g > NO ? relay_least(q, m, leg) : 0;
    relay_why(q, m, g, w);
}

/* --- relays that answer checks --- */

/* How sure side |who| reaches relay |t| by UDP of any family. */
static grade reaches_checked(const it_oracle_query *q, int who, const it_oracle_turn *t, it_oracle_query *one)
{
    grade best = NO;
    for (int f = 0; f < FAMILIES; f++)
        if (!it_ip_none(t->server.ip[f]))
            best = stronger(best, side_reaches(q, who, f, t, one));
    return best;
}

/* The families in which side |who| has bases that relay |t| has an address for. */
static uint8_t families_checked(const it_oracle_query *q, int who, const it_oracle_turn *t)
{
    uint8_t families = 0;
    for (int f = 0; f < FAMILIES; f++)
        if (!it_ip_none(t->server.ip[f]) && it_orc_bases_of(q, who, f))
            families |= f == SIX ? IT_ORACLE_V6 : IT_ORACLE_V4;
    return families;
}

/* A relay that answers checks in the far side's place is one more candidate of that: both sides have to reach it, each
 * by whichever family, and it hands on between them. */
static int relay_checked(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    it_oracle_query *one = it_malloc(alloc, sizeof *one);
    grade best = NO;
    *w = (it_oracle_way){.rung = IT_ORACLE_RELAY_UDP, .outcome = IT_ORACLE_DIES, .variants = 1};
    if (!one)
        return IT_ERR_NOMEM;
    *one = *q;
    for (int i = 0; i < q->n_turns; i++) {
        const it_oracle_turn *t = &q->turn[i];
        grade g = weaker(reaches_checked(q, 0, t, one), reaches_checked(q, 1, t, one));
        it_time near = least_rtt(q, 0, &t->server), far = least_rtt(q, 1, &t->server);
        w->families |= g > NO ? families_checked(q, 0, t) | families_checked(q, 1, t) : 0;
        w->least = near > far ? near : far;
        best = stronger(best, g);
    }
    it_free(alloc, one);
    w->outcome = outcome_of(best);
    w->opened = best > NO;
    w->pairs[0] = w->pairs[1] = best > NO ? FAR_RELAY : 0;
    snprintf(w->why, sizeof w->why, "%s",
             q->n_turns == 0 ? "there is no relay that answers checks"
             : best == NO    ? "not both sides reach the relay that answers checks"
             : best == SURE
                 ? "both sides reach the relay that answers checks (RFC 8445 section 7)"
                 : "both sides may reach the relay that answers checks, but a box on the way may spoil that");
    return 0;
}

int it_oracle_relay_udp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    relay_sum m;
    if (q->checked_relays)
        return relay_checked(alloc, q, w);
    int err = relay_legs(alloc, q, &m);
    /* An end may tell of UDP where the other's leg is TCP. */
    grade g = m.udp;
    if (g == NO && m.all > NO && (relay_pairs(&m, 0, BY_UDP) || relay_pairs(&m, 1, BY_UDP)))
        g = MAYBE;
    if (err == 0)
        relay_way(q, &m, BY_UDP, g, w);
    return err;
}

int it_oracle_relay_tcp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    relay_sum m;
    int err = relay_legs(alloc, q, &m);
    bool any = lent_any(&m.side[0], BY_TCP) || lent_any(&m.side[1], BY_TCP);
    if (err == 0)
        relay_way(q, &m, BY_TCP, any ? weaker(m.all, m.udp == SURE ? MAYBE : SURE) : NO, w);
    return err;
}

bool it_orc_scarce(const it_oracle_query *q)
{
    for (int i = 0; i < q->n_boxes; i++)
        if (is_scarce(q, &q->box[i]) || is_slow(q, &q->box[i]))
            return true;
    return false;
}
