/* The rung of direct UDP: a run for each order that delays leave open, each family by itself. */
#include "lab/judge/oracle/impl.h"

#include <stdio.h>

#define SKEW (25 * IT_MS) /* half a Ta (RFC 8445 section 14.2): pacing places a check no more exactly */
#define DRAWN 24          /* variants drawn where chance has a say */
#define SHORT IT_SEC      /* a flow that is forgotten sooner may be gone between two packets of a call that begins */
#define ANY_PAIR 0x0777   /* of host, server- and peer-reflexive candidates */
#define LATE (10 * IT_SEC)
#define SLOW_PPS 20 /* a policer below this may hold up the retransmissions of RFC 8489 */

/* What there is in a query that may go one way or the other. */
typedef struct chance {
    bool signal[2], shared[2], stun, jitter, loss, pool, limit, kills, others;
} chance;

static bool is4(const it_oracle_base *b)
{
    return it_ip_is4(b->ip);
}

static bool has_family(const it_oracle_side *s, bool six)
{
    for (int i = 0; i < s->n_bases; i++)
        if (is4(&s->base[i]) != six)
            return true;
    return false;
}

static bool limited(const it_oracle_nat *n)
{
    return n->most_ports || n->most_sessions || n->most_new || n->most_dest || n->most_table;
}

/* Whether |most|, 0: no limit, may be too few where |used| are made use of at most. */
static bool too_few(uint32_t most, uint32_t used)
{
    return most && most < used;
}

/* Whether more transports may find less than one does: some box gives out no more than so many. */
static bool scarce(const it_oracle_query *q)
{
    /* A base checks the far side's candidates of every kind, and asks the STUN server. */
    uint32_t used = 16 * (uint32_t)(q->transports * (q->side[0].n_bases + q->side[1].n_bases));
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_nat *n = &q->box[i].u.nat;
        if (q->box[i].kind != IT_ORACLE_NAT)
            continue;
        if (it_orc_few_ports(n) || too_few(n->most_ports, used) || too_few(n->most_sessions, used) ||
            too_few(n->most_dest, used) || too_few(n->most_table, 2 * used) || too_few(n->most_new, 64))
            return true;
    }
    return false;
}

/* Gives |s| a base for each address and transport. */
static void side_spread(it_oracle_side *s, int transports)
{
    int per = s->n_bases;
    for (; s->n_bases < per * transports; s->n_bases++)
        s->base[s->n_bases] = s->base[s->n_bases - per];
}

/* Writes into |out| the query |q| with a base for each address and transport, as far as there is room. Where nothing
 * is scarce every transport finds what one finds, and one is asked for. True when there was no room for all of those
 * that share what is scarce. */
static bool spread(const it_oracle_query *q, it_oracle_query *out)
{
    *out = *q;
    out->transports = 1;
    if (q->transports <= 1 || !scarce(q))
        return false;
    int n = q->transports;
    for (int i = 0; i < 2; i++)
        if (q->side[i].n_bases && n > IT_ORACLE_SOCKETS / q->side[i].n_bases)
            n = IT_ORACLE_SOCKETS / q->side[i].n_bases;
    out->transports = n > 1 ? n : 1;
    for (int i = 0; i < 2; i++)
        side_spread(&out->side[i], out->transports);
    return n < q->transports;
}

static chance chances(const it_oracle_query *q, bool six)
{
    chance c = {.stun = q->stun.slack > 0};
    for (int i = 0; i < 2; i++) {
        const it_oracle_side *s = &q->side[i];
        c.others |= !s->as_told && it_orc_other_pairs(q, i, six) > 0;
        c.signal[i] = s->signal_most > s->signal_least || s->session_most > s->session_least;
        c.shared[i] = has_family(s, !six);
        for (int b = 0; b < s->n_bases; b++) {
            c.jitter |= s->base[b].wire.slack > 0;
            c.loss |= s->base[b].wire.lossy;
        }
    }
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_box *b = &q->box[i];
        c.jitter |= b->wire.slack > 0;
        c.loss |= b->wire.lossy;
        if (b->kind != IT_ORACLE_NAT)
            continue;
        c.pool |= b->u.nat.arbitrary && b->n_ext > 1;
        c.limit |= limited(&b->u.nat);
        c.kills |= b->u.nat.kills;
    }
    return c;
}

/* The |i|-th order of those where every delay is at an end of its range; false when there are no more, and |*skip| for
 * one that is equal to another. */
static bool corner(const chance *c, int i, it_orc_variant *v, bool *skip)
{
    int skew = i % 3, bits = i / 3;
    if (bits >= 512)
        return false;
    *v = (it_orc_variant){.seed = (uint64_t)i, .pool = (uint8_t)(i % 2), .edge = (i & 1) != 0};
    if (skew > 0)
        v->skew[skew - 1] = SKEW;
    v->crowded = bits >> 8 & 1;
    *skip = v->crowded && !c->others;
    for (int k = 0; k < 2; k++) {
        v->slow_first[k] = bits >> k & 1;
        v->slow_later[k] = bits >> (2 + k) & 1;
        v->slow_stun[k] = bits >> (4 + k) & 1;
        *skip |= (v->slow_first[k] || v->slow_later[k]) && !c->signal[k];
        v->share[k] = bits >> (6 + k) & 1 ? IT_ORC_IN_TURN : IT_ORC_ALONE;
        *skip |= v->slow_stun[k] && !c->stun;
        *skip |= v->share[k] && !c->shared[k];
    }
    return true;
}

/* An order drawn from all that may be. */
static it_orc_variant drawn(const chance *c, int i)
{
    it_rng r;
    it_rng_init(&r, (uint64_t)i, "oracle/variant");
    uint64_t bits = it_rng_u64(&r);
    it_orc_variant v = {.seed = 1000 + (uint64_t)i, .jitter = c->jitter, .pool = (uint8_t)(i % 3)};
    for (int k = 0; k < 2; k++) {
        v.skew[k] = SKEW / 4 * (it_time)(bits >> (8 * k) & 3);
        v.slow_first[k] = c->signal[k] && (bits >> (16 + k) & 1);
        v.slow_later[k] = c->signal[k] && (bits >> (22 + k) & 1);
        v.slow_stun[k] = c->stun && (bits >> (18 + k) & 1);
        if (c->shared[k])
            v.share[k] = IT_ORC_BY_CHANCE;
    }
    v.shuffled = c->limit && (bits >> 20 & 1);
    v.edge = bits >> 21 & 1;
    v.crowded = c->others && (bits >> 27 & 1);
    if (c->loss)
        v.loss = (uint8_t)(bits >> 24 & 7);
    return v;
}

/* Where several transports share what is scarce, one that waits until another one's place is forgotten may come too
 * late: whose it is, and when the next try is made, nobody can tell from here. */
static bool waited_for_room(const it_orc *o)
{
    if (o->won_at == IT_NEVER || o->q->transports < 2 || o->won_at <= LATE)
        return false;
    return o->saw[IT_ORC_SAW_LIMIT] >= 0 || o->saw[IT_ORC_SAW_SCARCE] >= 0;
}

static it_time later(it_time a, it_time b)
{
    return a > b ? a : b;
}

/* What a variant saw, into what is known of all. */
static void add_seen(it_orc_sum *sum, const it_orc *o, bool opened)
{
    for (int i = 0; i < IT_ORC_SAW_N; i++)
        if (o->saw[i] >= 0 && (!opened || sum->saw[i] < 0))
            sum->saw[i] = o->saw[i];
}

static void udp_add(it_orc_sum *sum, const it_orc *o)
{
    bool opened = o->won_at != IT_NEVER;
    sum->variants++;
    sum->opened += opened;
    if (opened)
        sum->latest = later(sum->latest, o->won_at);
    sum->doubtful |= waited_for_room(o);
    sum->doubtful |= opened && (o->saw[IT_ORC_SAW_KILLED] >= 0 || o->saw[IT_ORC_SAW_EVICTED] >= 0);
    sum->scarce |= o->saw[IT_ORC_SAW_SCARCE] >= 0;
    for (int i = 0; i < 2; i++)
        sum->pairs[i] |= o->pairs[i];
    add_seen(sum, o, opened);
    sum->local |= o->local;
    if (o->hairpinned >= 0)
        sum->hairpinned = o->hairpinned;
}

/* Runs |v| for one family; where ICMP errors end mappings, once more as if they came too late to do so. */
static void udp_try(it_orc *o, const it_oracle_query *q, const chance *c, bool six, it_orc_variant v, it_orc_sum *sum)
{
    v.six = six;
    it_orc_run(o, q, &v);
    udp_add(sum, o);
    if (q->model == 'C') { /* the other certificate is the smaller one */
        v.prevails = 1;
        it_orc_run(o, q, &v);
        udp_add(sum, o);
    }
    if (!c->kills)
        return;
    v.spared = true;
    it_orc_run(o, q, &v);
    udp_add(sum, o);
}

/* How many variants are drawn: none where nothing is left to chance but what has two ends. */
static int draws(const chance *c)
{
    if (c->loss)
        return 2 * DRAWN;
    return c->jitter || c->pool || c->limit || c->shared[0] || c->shared[1] ? DRAWN : 0;
}

static it_orc_sum family(it_orc *o, const it_oracle_query *q, bool six)
{
    it_orc_sum sum = {.hairpinned = -1};
    chance c = chances(q, six);
    it_orc_variant v;
    bool skip;
    for (int i = 0; i < IT_ORC_SAW_N; i++)
        sum.saw[i] = -1;
    for (int i = 0; corner(&c, i, &v, &skip); i++)
        if (!skip)
            udp_try(o, q, &c, six, v, &sum);
    int n = draws(&c);
    for (int i = 0; i < n; i++)
        udp_try(o, q, &c, six, drawn(&c, i), &sum);
    return sum;
}

static enum it_oracle_outcome outcome_of(const it_orc_sum *s)
{
    if (s->opened == 0)
        return s->scarce ? IT_ORACLE_EITHER : IT_ORACLE_DIES;
    return s->opened == s->variants && !s->doubtful && !s->scarce ? IT_ORACLE_OPENS : IT_ORACLE_EITHER;
}

/* The box with the tightest policer that may hold up checks, -1. */
static int slow_box(const it_oracle_query *q)
{
    int slow = -1;
    uint32_t least = SLOW_PPS * (uint32_t)(q->transports > 1 ? q->transports : 1);
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_box *b = &q->box[i];
        if (b->kind == IT_ORACLE_FIREWALL && b->u.wall.pps && b->u.wall.pps < least &&
            (slow < 0 || b->u.wall.pps < q->box[slow].u.wall.pps))
            slow = i;
    }
    return slow;
}

static it_time memory_of(const it_oracle_box *b)
{
    if (b->kind == IT_ORACLE_NAT)
        return b->u.nat.initial < b->u.nat.replied ? b->u.nat.initial : b->u.nat.replied;
    if (b->kind == IT_ORACLE_FIREWALL && b->u.wall.stateful)
        return b->u.wall.timeout;
    return IT_NEVER;
}

/* The box that forgets a flow so soon that a path may be gone before it is nominated or carries DTLS, -1. RFC 4787
 * REQ-5 wants two minutes. */
static int forgetful_box(const it_oracle_query *q)
{
    int worst = -1;
    for (int i = 0; i < q->n_boxes; i++) {
        it_time t = memory_of(&q->box[i]);
        if (t > 0 && t < SHORT && (worst < 0 || t < memory_of(&q->box[worst])))
            worst = i;
    }
    return worst;
}

/* Makes an open outcome either where what is found may not last, or was found by fewer than there are (|cut|). */
static void doubt(const it_oracle_query *q, const it_orc_sum *sum, bool cut, it_oracle_way *w)
{
    if (cut && w->outcome == IT_ORACLE_OPENS) {
        w->outcome = IT_ORACLE_EITHER;
        snprintf(w->why, sizeof w->why,
                 "fewer than all %d transports were tried, of %d sockets a side, and a box has "
                 "limits (RFC 6888 REQ-4, REQ-5)",
                 q->transports, IT_ORACLE_SOCKETS);
        return;
    }

    int slow = slow_box(q), forgets = sum->local ? -1 : forgetful_box(q);
    if (w->outcome != IT_ORACLE_OPENS || (slow < 0 && forgets < 0))
        return;
    w->outcome = IT_ORACLE_EITHER;
    if (slow >= 0)
        snprintf(w->why, sizeof w->why, "%s lets %u packets pass in a second, which may be too few", q->box[slow].name,
                 q->box[slow].u.wall.pps);
    else
        snprintf(w->why, sizeof w->why,
                 "%s forgets a flow in %d ms: a path may be gone before it is used (RFC 4787 REQ-5)",
                 q->box[forgets].name, (int)(memory_of(&q->box[forgets]) / IT_MS));
}

/* Whether of several transports each could have what it needs in the end, one port and one session, were others' places
 * forgotten soon enough: whether they are hangs on when each of them gives up what it need not have. */
static bool room_for_all(const it_oracle_query *q)
{
    uint32_t n = (uint32_t)q->transports;
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_nat *x = &q->box[i].u.nat;
        if (q->box[i].kind == IT_ORACLE_NAT && (too_few(x->most_ports, n) || too_few(x->most_sessions, n)))
            return false;
    }
    return n > 1;
}

static bool may_wait_for_room(const it_oracle_query *q, const it_orc_sum *sum, enum it_oracle_outcome one)
{
    return one == IT_ORACLE_DIES && sum->saw[IT_ORC_SAW_LIMIT] >= 0 && room_for_all(q);
}

/* Adds the kinds of pairs that may be selected; |any|: there is no saying which. */
static void add_pairs(const it_orc_sum *sum, bool any, it_oracle_way *w)
{
    for (int i = 0; i < 2; i++)
        w->pairs[i] |= any ? ANY_PAIR : sum->pairs[i];
}

/* Adds what |sum| says of one family. */
static void conclude(const it_oracle_query *q, bool six, const it_orc_sum *sum, bool cut, it_oracle_way *w)
{
    enum it_oracle_outcome one = outcome_of(sum);
    bool may_wait = may_wait_for_room(q, sum, one);
    one = may_wait ? IT_ORACLE_EITHER : one;
    if (one == IT_ORACLE_OPENS || (one == IT_ORACLE_EITHER && w->outcome == IT_ORACLE_DIES))
        w->outcome = one;
    if (one != IT_ORACLE_DIES)
        w->families |= six ? IT_ORACLE_V6 : IT_ORACLE_V4;
    add_pairs(sum, sum->scarce || may_wait, w);
    w->variants += sum->variants;
    w->opened += sum->opened;
    w->latest = later(w->latest, sum->latest);
    it_orc_why(q, six, sum, w->why);
    doubt(q, sum, cut, w);
}

int it_oracle_udp(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    *w = (it_oracle_way){.rung = IT_ORACLE_DIRECT_UDP, .outcome = IT_ORACLE_DIES};
    bool four = has_family(&q->side[0], false) && has_family(&q->side[1], false);
    bool six = has_family(&q->side[0], true) && has_family(&q->side[1], true);
    if (!four && !six) {
        snprintf(w->why, sizeof w->why, "no address of the same family on both sides (RFC 8421 section 3)");
        return 0;
    }
    it_orc *o = it_calloc(alloc, 1, sizeof *o);
    it_oracle_query *all = it_malloc(alloc, sizeof *all);
    char of[2][IT_ORC_WHY];
    if (!o || !all) {
        it_free(alloc, o);
        it_free(alloc, all);
        return IT_ERR_NOMEM;
    }
    bool cut = spread(q, all);
    it_heap_init(&o->due, alloc);
    for (int i = 0; i < 2; i++) {
        if (!(i ? six : four))
            continue;
        it_orc_sum sum = family(o, all, i == 1);
        conclude(q, i == 1, &sum, cut, w);
        memcpy(of[i], w->why, sizeof of[i]);
    }
    if (four && six)
        snprintf(w->why, sizeof w->why, "IPv4: %.118s; IPv6: %.118s", of[0], of[1]);
    bool oom = o->oom;
    it_heap_fini(&o->due);
    it_free(alloc, o);
    it_free(alloc, all);
    return oom ? IT_ERR_NOMEM : 0;
}
