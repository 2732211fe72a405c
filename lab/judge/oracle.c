/* The oracle's fixed point. An endpoint is a symbol: which side, and which of its mappings. */
#include "lab/judge/oracle.h"

#include "netsim/fw/firewall.h"
#include "netsim/nat/nat.h"
#include "stack/ice/cand.h"

#include <stdio.h>
#include <string.h>

/* Endpoints of a side: slot 0 is what a STUN server sees; the others are made towards endpoints of the peer. */
#define SLOTS 12

typedef struct side {
    int mapping, filtering; /* the strictest of the chain: enum it_nat_dep */
    bool session;           /* every box lets an answer leave from the port that its question came to */
    bool blocked, translated;
    bool pooled;     /* its mappings have arbitrary ones of several addresses */
    bool apart;      /* the peer's endpoints have an address each */
    bool slow;       /* its first check may be answered before the STUN server has answered */
    bool unsignaled; /* the peer's server-reflexive candidate has not come: known from its checks only */
    /* the world as far as it has come */
    int towards[SLOTS];   /* the peer's slot that slot i was made for; -1: the STUN server, -2: unused */
    uint32_t sent[SLOTS]; /* peer slots that slot i has sent to */
    uint32_t known;       /* peer slots this side sends checks to */
    int via[SLOTS];       /* by peer slot: own slot that an accepted inbound packet pinned, -1 none */
} side;

static void compose_nat(side *s, const it_nat_profile *p)
{
    s->mapping = p->udp.mapping > s->mapping ? p->udp.mapping : s->mapping;
    s->filtering = p->udp.filtering > s->filtering ? p->udp.filtering : s->filtering;
    s->session = s->session && p->udp.inbound_session;
    s->pooled = s->pooled || (p->pool.mode == IT_NAT_POOL_ARBITRARY && p->pool.size > 1);
    s->translated = true;
}

static void compose_fw(side *s, const it_fw_profile *p)
{
    bool any = p->udp_out.any || !p->udp_out.set;
    s->blocked = s->blocked || p->udp.block || !any; /* named ports only: a peer's port is none of them */
    if (it_fw_udp_stateful(p) && p->udp.filtering > s->filtering)
        s->filtering = p->udp.filtering;
}

/* What the boxes [from, to) of |c| do together: network.md's rule, the maximum of each behaviour. */
static side compose(const it_oracle_chain *c, int n)
{
    side s;
    memset(&s, 0, sizeof s);
    s.session = true;
    for (int i = 0; i < n; i++) {
        const it_nat *nat = it_nat_of(c->box[i]);
        if (nat)
            compose_nat(&s, it_nat_profile_of(nat));
        else if (it_fw_of(c->box[i]))
            compose_fw(&s, it_fw_profile_of(it_fw_of(c->box[i])));
    }
    for (int i = 0; i < SLOTS; i++) {
        s.towards[i] = i ? -2 : -1;
        s.via[i] = -1;
    }
    s.known = 1; /* the peer's server-reflexive (or host) candidate is signaled */
    return s;
}

/* The slot side |x| sends from towards peer slot |e| by its mapping behaviour alone; made when there is none yet. -1
 * when the slots are used up: two such sides make endpoints for each other for ever. RFC 4787 section 4.1. */
static int slot_for(side *x, int e)
{
    if (x->mapping == IT_NAT_EI)
        return 0;
    for (int i = 1; i < SLOTS; i++) {
        if (x->towards[i] == -2)
            x->towards[i] = e;
        /* where the peer's endpoints share its address, address-dependent mapping has one slot for them */
        if (x->towards[i] == e || (x->mapping == IT_NAT_AD && !x->apart))
            return i;
    }
    return -1;
}

/* The slot an answer or a later packet to peer slot |e| leaves from: the one its packet came to, where boxes keep
 * sessions. */
static int answer_slot(side *x, int e)
{
    return x->via[e] >= 0 ? x->via[e] : slot_for(x, e);
}

/* True when a packet from peer slot |m| to own slot |e| passes. RFC 4787 section 5. */
static bool passes(const side *y, int e, int m)
{
    if (y->filtering == IT_NAT_EI)
        return true;
    return y->filtering == IT_NAT_AD && !y->apart ? y->sent[e] != 0 : (y->sent[e] >> m & 1) != 0;
}

/* The kinds, as bits of it_oracle_verdict.pairs, of a pair of |x| that joins its slot |m| to slot |e| of |y|. RFC 8445
 * sections 7.2.5.3.1 and 7.3.1.3: an address that no candidate told of is peer-reflexive. */
static uint32_t kinds(const side *x, const side *y, int m, int e)
{
    int l = m ? IT_ICE_PRFLX : x->translated ? IT_ICE_SRFLX : IT_ICE_HOST;
    int r = e ? IT_ICE_PRFLX : !y->translated ? IT_ICE_HOST : x->unsignaled ? IT_ICE_PRFLX : IT_ICE_SRFLX;
    uint32_t bits = 1u << (4 * l + r);
    return l == IT_ICE_SRFLX && x->slow ? bits | 1u << (4 * IT_ICE_PRFLX + r) : bits;
}

/* A check from slot |m| of |x| to slot |e| of |y|; returns true when something is new. */
static bool check_once(side *x, side *y, int m, int e, uint32_t *pairs, bool *won)
{
    bool news = !(x->sent[m] >> e & 1);
    x->sent[m] |= 1u << e;
    if (!passes(y, e, m))
        return news;
    news |= !(y->known >> m & 1);
    y->known |= 1u << m; /* RFC 8445 section 7.3.1.3: a peer-reflexive candidate is learned */
    if (y->session && y->via[m] < 0) {
        y->via[m] = e;
        news = true;
    }
    /* RFC 8445 section 7.2.5.2.1: the answer must come from where the check went. */
    if (answer_slot(y, m) != e && slot_for(y, m) != e)
        return news;
    *won = true;
    *pairs |= kinds(x, y, m, e);
    return news;
}

/* One round of checks from |x| to everything it knows. Whether its first packet or the peer's comes first is a matter
 * of luck, so both slots it may send from are followed. Sets |*pairs| and |*won|. */
static bool round_of(side *x, side *y, uint32_t *pairs, bool *won)
{
    bool news = false;
    for (int e = 0; e < SLOTS; e++) {
        if (!(x->known >> e & 1) || y->towards[e] == -2)
            continue;
        int own = slot_for(x, e), pinned = x->via[e];
        if (own >= 0)
            news |= check_once(x, y, own, e, pairs, won);
        if (pinned >= 0 && pinned != own)
            news |= check_once(x, y, pinned, e, pairs, won);
    }
    return news;
}

static const char *const MAPPING[] = {"EIM", "ADM", "APDM"};
static const char *const FILTER[] = {"EIF", "ADF", "APDF"};

/* Rounds of checks until nothing is new; adds to |pairs|. */
static bool settle(side a, side b, uint32_t pairs[2])
{
    bool won = false;
    for (int i = 0; i < 64; i++) {
        bool x = round_of(&a, &b, &pairs[0], &won);
        bool y = round_of(&b, &a, &pairs[1], &won);
        if (!x && !y)
            break;
    }
    return won;
}

/* What delays may do to each side. */
typedef struct luck {
    bool late[2]; /* its pair may be valid before the peer's server-reflexive candidate has come */
    bool slow[2]; /* as in side */
} luck;

/* Side |i| of |v| in the world where the peer's reflexive candidate comes late: what reaches it then was let in by its
 * filters without its having sent anything there. */
static void unsignaled(side a, side b, int i, it_oracle_verdict *v)
{
    side *x = i ? &b : &a;
    uint32_t pairs[2] = {0, 0};
    x->known = 0;
    x->unsignaled = true;
    (void)settle(a, b, pairs);
    v->pairs[i] |= pairs[i];
}

static bool solve(side a, side b, const luck *k, it_oracle_verdict *v)
{
    a.slow = k->slow[0];
    b.slow = k->slow[1];
    bool won = settle(a, b, v->pairs);
    a.apart = b.pooled;
    b.apart = a.pooled;
    bool lucky = won && (a.apart || b.apart) && !settle(a, b, (uint32_t[2]){0, 0});
    a.apart = b.apart = false;
    if (b.translated && k->late[0])
        unsignaled(a, b, 0, v);
    if (a.translated && k->late[1])
        unsignaled(a, b, 1, v);
    snprintf(v->why, sizeof v->why, "%s/%s and %s/%s %s", MAPPING[a.mapping], FILTER[a.filtering], MAPPING[b.mapping],
             FILTER[b.filtering],
             lucky ? "meet only when an arbitrary pool gives an address twice (RFC 4787 section 4.1)"
             : won ? "meet (RFC 4787 sections 4.1, 5)"
                   : "never let each other in (RFC 4787 sections 4.1, 5)");
    v->either = lucky;
    return won && !lucky;
}

/* How many boxes, counted from the outside, both chains share. */
static int shared(const it_oracle_chain *a, const it_oracle_chain *b)
{
    int n = 0;
    while (n < a->n_boxes && n < b->n_boxes && a->box[a->n_boxes - 1 - n] == b->box[b->n_boxes - 1 - n])
        n++;
    return n;
}

static void host_pair(it_oracle_verdict *v, const char *why)
{
    v->pairs[0] |= 1u << (4 * IT_ICE_HOST + IT_ICE_HOST);
    v->pairs[1] |= 1u << (4 * IT_ICE_HOST + IT_ICE_HOST);
    snprintf(v->why, sizeof v->why, "%s", why);
}

/* Behind common boxes the innermost common one turns packets around, or nobody does. RFC 4787 section 6. */
static bool meet_inside(const it_oracle_chain *a, const it_oracle_chain *b, int common, const luck *k,
                        it_oracle_verdict *v)
{
    it_node *box = a->box[a->n_boxes - common];
    const it_nat *nat = it_nat_of(box);
    int own_a = a->n_boxes - common, own_b = b->n_boxes - common;
    if (!nat)
        return solve(compose(a, own_a), compose(b, own_b), k, v);
    int hairpin = it_nat_profile_of(nat)->hairpin;
    if (hairpin == IT_NAT_HAIRPIN_NONE) {
        snprintf(v->why, sizeof v->why, "%s does not hairpin (RFC 4787 section 6)", box->name);
        return false;
    }
    side x = compose(a, own_a + 1), y = compose(b, own_b + 1);
    if (hairpin == IT_NAT_HAIRPIN_INT &&
        (compose(a, own_a).filtering > IT_NAT_EI || compose(b, own_b).filtering > IT_NAT_EI)) {
        snprintf(v->why, sizeof v->why,
                 "%s hairpins with the internal source, which inner boxes drop (RFC 4787 REQ-9a)", box->name);
        return false;
    }
    return solve(x, y, k, v);
}

/* What delays allow on the way between |a| and |b|. A side checks no earlier than it has a candidate to check and no
 * earlier than Ta after its question to the STUN server; its check lands; the far side's own check and the answer to it
 * make that side's pair valid. */
static luck luck_of(const it_oracle_query *q, const it_oracle_chain *a, const it_oracle_chain *b)
{
    const it_oracle_chain *c[2] = {a, b};
    luck k;
    bool near = shared(a, b) > 0; /* a common box may turn packets around early */
    for (int x = 0; x < 2; x++) {
        int y = 1 - x;
        it_time there = near ? 0 : c[y]->delay + c[x]->back, back = near ? 0 : c[x]->delay + c[y]->back;
        it_time asked = c[x]->n_boxes ? c[x]->delay + q->stun + c[x]->back : 0;
        it_time gathered = c[y]->delay + q->stun + c[y]->back + c[y]->slack + q->stun_slack;
        it_time sent = asked + q->signal_least[x];
        it_time seen = (sent > q->pace ? sent : q->pace) + there;
        k.late[x] = gathered + q->signal_most[y] > seen + back + there;
        k.slow[y] = gathered > seen + back;
    }
    return k;
}

static bool meet(const it_oracle_query *q, const it_oracle_chain *a, const it_oracle_chain *b, it_oracle_verdict *v)
{
    if (a->segment == b->segment && a->n_boxes > 0 && b->n_boxes > 0) {
        host_pair(v, "both are on the same LAN");
        return true;
    }
    side x = compose(a, a->n_boxes), y = compose(b, b->n_boxes);
    if (x.blocked || y.blocked) {
        snprintf(v->why, sizeof v->why, "UDP is blocked");
        return false;
    }
    int common = shared(a, b);
    luck k = luck_of(q, a, b);
    return common ? meet_inside(a, b, common, &k, v) : solve(x, y, &k, v);
}

/* Whether |c| is a way of IPv6 (|six|), else IPv4. */
static bool goes(const it_oracle_chain *c, bool six)
{
    return six ? c->v6 : c->v4;
}

/* What one family can do; true when both sides have it. Adds to the pairs of |v|. */
static bool of_family(const it_oracle_query *q, bool six, it_oracle_verdict *v)
{
    bool tried = false;
    for (int i = 0; i < q->side[0].n_chains; i++)
        for (int k = 0; k < q->side[1].n_chains; k++) {
            const it_oracle_chain *a = &q->side[0].chain[i], *b = &q->side[1].chain[k];
            if (!goes(a, six) || !goes(b, six))
                continue;
            tried = true;
            it_oracle_verdict one = *v;
            bool direct = meet(q, a, b, &one);
            if (direct || !v->direct) {
                bool was = v->direct;
                *v = one;
                v->direct = was || direct;
                v->either = v->either && !v->direct;
            }
        }
    return tried;
}

void it_oracle(const it_oracle_query *q, it_oracle_verdict *v)
{
    it_oracle_verdict of[2] = {{.direct = false}, {.direct = false}};
    bool tried[2] = {of_family(q, false, &of[0]), of_family(q, true, &of[1])};
    *v = of[tried[1] && !tried[0]];
    v->families = (uint8_t)(of[0].direct * IT_ORACLE_V4 + of[1].direct * IT_ORACLE_V6);
    if (!tried[0] && !tried[1])
        snprintf(v->why, sizeof v->why, "no interface of the same family on both sides");
    if (!tried[0] || !tried[1])
        return;
    v->direct = of[0].direct || of[1].direct;
    v->either = !v->direct && (of[0].either || of[1].either);
    for (int i = 0; i < 2; i++)
        v->pairs[i] |= of[1].pairs[i];
    snprintf(v->why, sizeof v->why, "IPv4: %.110s; IPv6: %.110s", of[0].why, of[1].why);
}
