/* The rung of the web: a relay of datagrams over WebSocket (RFC 6455), which each side reaches by TCP itself or through
 * a proxy's tunnel (RFC 9110 section 9.3.6, RFC 1928), and which is left when there is no other way.
 *
 *     side --> boxes --> [ proxy on a box's own host ] --> boxes --> relay <-- ... <-- the other side
 *               inside                                     outside
 *
 * A side tries its ways in turn; which of them opens is what reach.h says of the part inside and the part outside. A
 * box that answers in the relay's place ends the attempt, unless it hands on what it does not decrypt. Both sides must
 * come to be there. Nothing is run: a way is sure, possible or impossible, and has a time by which it is there. */
#include "lab/judge/oracle/impl.h"
#include "lab/judge/oracle/reach.h"

#include <stdio.h>

#define GIVEN_UP (4 * IT_SEC)   /* an attempt that is silent, at the beginning */
#define NOMINATES (2 * IT_SEC)  /* a pair that is the last resort waits so long for a better one */
#define SPARE (2 * IT_SEC)      /* what checks and a handshake may take beside their round trips: retransmissions */
#define IN_TIME (35 * IT_SEC)   /* ICE is patient for 39.5 s (RFC 8863) */
#define PAIRING 10              /* round trips from end to end at most: checks, a nomination, DTLS */
enum { OPENING = 2, MORE = 3 }; /* round trips of TCP and the upgrade at least; what lost turns add */

/* How sure something is. */
typedef enum web_grade { WEB_NO, WEB_MAYBE, WEB_SURE } web_grade;

/* What is said of one side. */
typedef struct web_side {
    web_grade grade;
    uint8_t families;
    it_time least, most; /* from when it may join until it is there; |most| 0: not bounded */
    it_time rtt;         /* the longest round trip to the relay */
    bool refused;        /* what stands in the way is a box or a proxy that says no */
    char why[200];
} web_side;

static web_grade web_weaker(web_grade a, web_grade b)
{
    return a < b ? a : b;
}

/* --- one way --- */

/* Whether a flow more may find no place at a box, or its packets are held up. */
static bool is_tight(const it_oracle_box *b)
{
    if (b->kind == IT_ORACLE_FIREWALL)
        return b->u.wall.pps && b->u.wall.pps < 20;
    if (b->kind != IT_ORACLE_NAT)
        return false;
    const it_oracle_nat *n = &b->u.nat;
    return it_orc_few_ports(n) || n->most_ports || n->most_sessions || n->most_new || n->most_dest || n->most_table;
}

static web_grade chain_sure(const it_oracle_query *q, int net)
{
    for (; net > 0; net = q->box[net - 1].outer)
        if (is_tight(&q->box[net - 1]))
            return WEB_MAYBE;
    return WEB_SURE;
}

/* What becomes of an attempt that a box answers in the relay's place. */
static web_grade caught_grade(uint8_t caught)
{
    static const web_grade OF[] = {
        [IT_ORACLE_CAUGHT_ENDS] = WEB_NO, [IT_ORACLE_CAUGHT_PASSES] = WEB_SURE, [IT_ORACLE_CAUGHT_UNSURE] = WEB_MAYBE};
    return OF[caught];
}

/* What is beyond a box that hands on is another's connection: where a second box has a host of its own it is not known
 * which of them answers. */
static bool is_unclear(const it_oracle_query *q, int net)
{
    int own = 0;
    for (; net > 0; net = q->box[net - 1].outer)
        own += q->box[net - 1].own;
    return own > 1;
}

static web_grade reach_grade(const it_oracle_reach *r, uint8_t caught)
{
    switch (r->outcome) {
    case IT_ORACLE_REACH_NONE:
        return WEB_NO;
    case IT_ORACLE_REACH_CAUGHT:
        return caught_grade(caught);
    case IT_ORACLE_REACH_OPEN:
        return WEB_SURE;
    default:
        return WEB_MAYBE;
    }
}

/* What |base| of |one|, its only one, comes to at |server| by |transport|. */
static web_grade part_grade_by(it_oracle_query *one, it_oracle_base base, const it_oracle_server *server,
                               enum it_oracle_transport transport, uint8_t caught, char *why, size_t cap)
{
    it_oracle_reach r;
    one->side[0].base[0] = base;
    one->side[0].n_bases = 1;
    it_oracle_reach_server(one, 0, server, transport, &r);
    snprintf(why, cap, "%s", r.why);
    if (r.outcome == IT_ORACLE_REACH_CAUGHT && is_unclear(one, base.net))
        caught = IT_ORACLE_CAUGHT_UNSURE;
    web_grade g = reach_grade(&r, caught);
    if (r.since) /* after a login, whatever was before */
        return r.outcome == IT_ORACLE_REACH_NONE ? WEB_NO : WEB_MAYBE;
    return web_weaker(g, chain_sure(one, base.net));
}

/* What |base| of |one|, its only one, comes to at |server| by TCP; |caught|: what becomes of an answer in its place. */
static web_grade part_grade(it_oracle_query *one, it_oracle_base base, const it_oracle_server *server, uint8_t caught,
                            char *why, size_t cap)
{
    return part_grade_by(one, base, server, IT_ORACLE_TCP, caught, why, cap);
}

/* The same by UDP: a box that answers in the relay's place is none of its kind. */
static web_grade udp_grade(it_oracle_query *one, it_oracle_base base, const it_oracle_server *server, char *why,
                           size_t cap)
{
    return part_grade_by(one, base, server, IT_ORACLE_UDP, IT_ORACLE_CAUGHT_ENDS, why, cap);
}

/* The way from |base| to the proxy of |w|: what is inside of its box is all there is. */
static web_grade inside_grade(const it_oracle_query *q, it_oracle_query *one, it_oracle_base base,
                              const it_oracle_web *w, char *why, size_t cap)
{
    uint8_t net = (uint8_t)(w->box + 1);
    for (int i = 0; i < one->n_boxes; i++)
        if (one->box[i].outer == net)
            one->box[i].outer = 0;
    if (base.net == net)
        base.net = 0;
    web_grade g = part_grade(one, base, &w->proxy, IT_ORACLE_CAUGHT_ENDS, why, cap);
    for (int i = 0; i < one->n_boxes; i++)
        one->box[i].outer = q->box[i].outer;
    return g;
}

/* True when |base| stands behind box |box|. */
static bool is_behind(const it_oracle_query *q, const it_oracle_base *base, int box)
{
    for (int net = base->net; net > 0; net = q->box[net - 1].outer)
        if (net - 1 == box)
            return true;
    return false;
}

/* What way |w| comes to from |base|. */
static web_grade base_grade(const it_oracle_query *q, it_oracle_query *one, const it_oracle_base *base,
                            const it_oracle_web *w, char *why, size_t cap)
{
    if (w->udp)
        return udp_grade(one, *base, &w->server, why, cap);
    if (w->via == IT_ORACLE_VIA_NONE)
        return part_grade(one, *base, &w->server, w->caught, why, cap);
    if (!is_behind(q, base, w->box))
        return WEB_NO;
    web_grade g = inside_grade(q, one, *base, w, why, cap);
    if (g == WEB_NO)
        return g;
    if (!w->tunnels) {
        snprintf(why, cap, "the proxy of %s makes no tunnel to port %u", q->box[w->box].name, (unsigned)w->server.port);
        return WEB_NO;
    }
    if (it_ip_none(w->outside)) {
        snprintf(why, cap, "the proxy of %s has no address of the relay's family", q->box[w->box].name);
        return WEB_NO;
    }
    it_oracle_base out = {.ip = w->outside, .net = q->box[w->box].outer};
    return web_weaker(g, part_grade(one, out, &w->server, IT_ORACLE_CAUGHT_UNSURE, why, cap));
}

/* Takes |wire| into a round trip: by how much it may be longer, whether anything may be lost. */
static it_time wire_rtt(const it_oracle_wire *wire, it_time *slack, bool *lossy)
{
    *slack += 2 * wire->slack;
    *lossy |= wire->lossy;
    return wire->up + wire->down;
}

/* The round trip from |base| to the server of |w|, and by how much it may be longer; whether anything may be lost. By a
 * proxy it goes over the wire of the proxy's own in place of its box's. */
static it_time base_rtt(const it_oracle_query *q, const it_oracle_base *base, const it_oracle_web *w, it_time *slack,
                        bool *lossy)
{
    it_time rtt = w->server.rtt;
    *slack = w->server.slack;
    rtt += wire_rtt(&base->wire, slack, lossy);
    for (int net = base->net; net > 0; net = q->box[net - 1].outer) {
        bool proxied = w->via != IT_ORACLE_VIA_NONE && net - 1 == w->box;
        rtt += wire_rtt(proxied ? &w->out : &q->box[net - 1].wire, slack, lossy);
    }
    return rtt;
}

/* --- one side --- */

/* Round trips that way |w| takes until the relay has answered: at least, at most. TLS takes one, or two (RFC 8446
 * section 2, RFC 5246 section 7.3); a proxy connects, asks for a password, and is asked again. */
static void way_trips(const it_oracle_web *w, int *least, int *most)
{
    *least = OPENING + w->tls;
    *most = OPENING + MORE + 2 * w->tls;
    if (w->via != IT_ORACLE_VIA_NONE)
        *most += 2 + 2 * w->asks;
}

/* What way |w| may take from where it may begin. */
typedef struct way_span {
    it_time near, far; /* round trips: the shortest, the longest with what chance adds */
    bool lossy;
} way_span;

/* Takes |base| into |s|. */
static void span_take(const it_oracle_query *q, const it_oracle_base *base, const it_oracle_web *w, way_span *s)
{
    it_time slack, rtt = base_rtt(q, base, w, &slack, &s->lossy);
    s->near = !s->near || rtt < s->near ? rtt : s->near;
    s->far = rtt + slack > s->far ? rtt + slack : s->far;
}

/* The best that way |w| comes to from a base of side |who| of its family; |*span| is of all from which it may come to
 * anything. */
static web_grade way_grade(const it_oracle_query *q, it_oracle_query *one, int who, const it_oracle_web *w,
                           way_span *span, char *why, size_t cap)
{
    const it_oracle_side *s = &q->side[who];
    const it_oracle_base *base = NULL;
    bool six = it_ip_none(w->server.ip[0]);
    web_grade best = WEB_NO;
    *span = (way_span){0};
    for (int i = 0; i < s->n_bases; i++) {
        if (it_ip_is4(s->base[i].ip) == six)
            continue;
        char said[200] = "";
        web_grade g = base_grade(q, one, &s->base[i], w, said, sizeof said);
        if (g > WEB_NO)
            span_take(q, &s->base[i], w, span);
        if (base && g <= best)
            continue;
        base = &s->base[i];
        best = g;
        snprintf(why, cap, "%s", said);
    }
    /* By which of several interfaces it leaves is the host's to choose. */
    for (int i = 0; i < s->n_bases && best == WEB_SURE; i++)
        if (it_ip_is4(s->base[i].ip) != six && s->base[i].net != base->net)
            best = WEB_MAYBE;
    return best;
}

/* Lets |*out| know of way |w|, which is tried after |spent|. True when it is the one by which the side gets there. */
static bool take_way(const it_oracle_query *q, it_oracle_query *one, int who, const it_oracle_web *w, it_time spent,
                     web_side *out)
{
    char why[200] = "no address of the relay's family";
    way_span span;
    web_grade g = way_grade(q, one, who, w, &span, why, sizeof why);
    if (!out->why[0] || g > out->grade)
        snprintf(out->why, sizeof out->why, "%s", why);
    if (g == WEB_NO)
        return false;
    int least, most;
    way_trips(w, &least, &most);
    if (out->grade == WEB_NO || least * span.near < out->least)
        out->least = least * span.near;
    out->families |= it_ip_none(w->server.ip[0]) ? IT_ORACLE_V6 : IT_ORACLE_V4;
    out->rtt = span.far > out->rtt ? span.far : out->rtt;
    it_time takes = most * span.far;
    if (takes >= GIVEN_UP) /* it may be given up, and tried for longer later */
        g = WEB_MAYBE;
    if (w->udp && span.lossy) /* what is lost is asked again every 500 ms, and given up all the same */
        g = WEB_MAYBE;
    out->most = span.lossy ? 0 : spent + takes;
    /* What was possible before may have opened, and not have lasted. */
    out->grade = out->grade == WEB_MAYBE ? WEB_MAYBE : g;
    return g == WEB_SURE;
}

static enum it_oracle_outcome outcome_of(web_grade g)
{
    static const enum it_oracle_outcome OF[] = {
        [WEB_NO] = IT_ORACLE_DIES, [WEB_MAYBE] = IT_ORACLE_EITHER, [WEB_SURE] = IT_ORACLE_OPENS};
    return OF[g];
}

/* |udp|: by ways by UDP alone. */
static void judge_side(const it_oracle_query *q, it_oracle_query *one, int who, bool udp, web_side *out)
{
    const it_oracle_side *s = &q->side[who];
    *out = (web_side){.grade = WEB_NO};
    for (int i = 0; i < s->n_webs; i++)
        if ((s->web[i].udp || !udp) && take_way(q, one, who, &s->web[i], i * GIVEN_UP, out))
            return;
}

enum it_oracle_outcome it_orc_web_reach(const it_oracle_query *q, it_oracle_query *one, int who, uint8_t *families,
                                        char *why, size_t cap)
{
    web_side s;
    judge_side(q, one, who, false, &s);
    *families = s.families;
    snprintf(why, cap, "%s", s.why);
    return outcome_of(s.grade);
}

/* --- both --- */

#define RELAYED (1u << (4 * IT_ORACLE_RELAY + IT_ORACLE_RELAY))

static it_time later(it_time a, it_time b)
{
    return a > b ? a : b;
}

/* When side |who| has heard of the other one at the latest. */
static it_time heard_by(const it_oracle_query *q, int who)
{
    const it_oracle_side *own = &q->side[who], *far = &q->side[1 - who];
    return later(own->hears_most, far->session_most + far->signal_most);
}

static void web_times(const it_oracle_query *q, const web_side side[2], it_oracle_way *w)
{
    it_time ta = later(q->side[0].ta, q->side[1].ta), rtt = side[0].rtt + side[1].rtt;
    int transports = q->transports > 1 ? q->transports : 1;
    w->least = q->web_after - q->web_sooner + later(side[0].least, side[1].least);
    if (side[0].most == 0 || side[1].most == 0)
        return;
    it_time there = later(heard_by(q, 0) + side[0].most, heard_by(q, 1) + side[1].most);
    w->latest = q->web_after + there + NOMINATES + SPARE + PAIRING * rtt + transports * 20 * later(ta, 50 * IT_MS);
    if (w->latest > IN_TIME)
        w->outcome = IT_ORACLE_EITHER;
}

static void web_why(const it_oracle_query *q, const web_side side[2], web_grade g, it_oracle_way *w)
{
    static const char *const SIDES[] = {"the near side", "the far side"};
    int worst = side[1].grade < side[0].grade;
    if (q->side[0].n_webs == 0 || q->side[1].n_webs == 0)
        snprintf(w->why, sizeof w->why, "there is no relay over WebSocket that both sides have");
    else if (g == WEB_SURE)
        snprintf(w->why, sizeof w->why, "both sides reach the relay over WebSocket (RFC 6455)");
    else
        snprintf(w->why, sizeof w->why, "%s %s the relay over WebSocket: %s", SIDES[worst],
                 g == WEB_NO ? "does not reach" : "may not reach", side[worst].why);
}

int it_oracle_proxy(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    web_side side[2] = {{.grade = WEB_NO}, {.grade = WEB_NO}};
    *w = (it_oracle_way){.rung = IT_ORACLE_PROXY, .outcome = IT_ORACLE_DIES, .variants = 1};
    if (q->side[0].n_webs == 0 || q->side[1].n_webs == 0) {
        web_why(q, side, WEB_NO, w);
        return 0;
    }
    it_oracle_query *one = it_malloc(alloc, sizeof *one);
    if (!one)
        return IT_ERR_NOMEM;
    *one = *q;
    for (int i = 0; i < 2; i++)
        judge_side(q, one, i, false, &side[i]);
    it_free(alloc, one);
    web_grade g = web_weaker(side[0].grade, side[1].grade);
    web_why(q, side, g, w);
    if (g == WEB_NO)
        return 0;
    w->outcome = outcome_of(g);
    w->families = side[0].families | side[1].families;
    w->pairs[0] = w->pairs[1] = RELAYED;
    w->opened = 1;
    web_times(q, side, w);
    return 0;
}

static void dgram_why(web_grade g, it_oracle_way *w)
{
    static const char *const SAID[] = {[WEB_NO] = "no side reaches the relay by UDP",
                                       [WEB_MAYBE] = "the relay may be reached by UDP",
                                       [WEB_SURE] = "both sides reach the relay by UDP"};
    snprintf(w->why, sizeof w->why, "%s", SAID[g]);
}

int it_oracle_dgram(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    web_side udp[2], any[2];
    *w = (it_oracle_way){.rung = IT_ORACLE_DGRAM, .outcome = IT_ORACLE_DIES, .variants = 1};
    it_oracle_query *one = it_malloc(alloc, sizeof *one);
    if (!one)
        return IT_ERR_NOMEM;
    *one = *q;
    for (int i = 0; i < 2; i++) {
        judge_side(q, one, i, true, &udp[i]);
        judge_side(q, one, i, false, &any[i]);
    }
    it_free(alloc, one);
    web_grade g = web_weaker(udp[0].grade, udp[1].grade);
    /* Where one side does it tells of it, and the other of its own leg. */
    if (g == WEB_NO && ((udp[0].grade && any[1].grade) || (udp[1].grade && any[0].grade)))
        g = WEB_MAYBE;
    dgram_why(g, w);
    if (g == WEB_NO)
        return 0;
    w->outcome = outcome_of(g);
    w->families = any[0].families | any[1].families;
    w->pairs[0] = w->pairs[1] = RELAYED;
    w->opened = 1;
    w->least = q->web_after - q->web_sooner + later(any[0].least, any[1].least);
    return 0;
}
