/* Direct paths by RTMFP: two ends with sessions at one server, which introduces them (RFC 7016 section 3.5.1.6), in
 * place of the two agents of side.c. Boxes, nets and orders are the same.
 *
 *     side        server      other side
 *      |-- IHello -->|                         from every base of its, again after 1, 2.5, 4 s
 *      |<-- Redirect-|-- FIHello ->|           where the other side is seen, and what it has said of itself
 *      |-- IHello ---------------->|           to each of these
 *      |<--------------- RHello ---|           to where the FIHello said, and to where an IHello has come from
 *      |-- IIKeying -------------->|           to where the first RHello came from, whatever that is: its tag counts
 *      |<-- Cookie Change ---------|           where it comes from elsewhere than the cookie was made for; once
 *      |<-------------- RIKeying --|           open, wherever it comes from
 *
 * Both sides do so, each as soon as it is connected, for as long as a stream may take to open. Where an IIKeying comes
 * from an address that its receiver is opening to, certificates decide which of the two sessions yields (section
 * 3.5.1.3): whose is the smaller nobody knows, both are tried. Either session carries the call. */
#include "lab/judge/oracle/impl.h"
#include "lab/judge/oracle/reach.h"

#include <stdio.h>

#define AGAIN_FIRST IT_SEC        /* section 3.5.1.1.1: between the first two of a kind, */
#define AGAIN_MORE (1500 * IT_MS) /* and so much more between any two that follow */
#define RECONNECT IT_SEC          /* after a connection that was not to be had */
#define UP_TRIPS 2 /* from the first answer to the NetConnection: keying, "connect" (RFC 7425 section 5.3.1) */

enum {
    RESEND_SERVER,
    RESEND_PEER,
    RESEND_KEYING,
    CONNECTED,
    REDIRECTED
}; /* what a step of a side is to do, in |pkt|.pair */

static bool in_play(const it_orc *o, int who, int base)
{
    return it_orc_is4(o, who, base) != o->v.six;
}

/* Whether the session of side |who| with the server is by the other family: where it reaches the server by both, by
 * either. */
static bool meets_elsewhere(const it_orc *o, int who)
{
    uint8_t own = o->v.six ? IT_ORACLE_V6 : IT_ORACLE_V4, by = o->q->home[who];
    if (by == IT_ORACLE_V4 || by == IT_ORACLE_V6)
        return by != own;
    return o->v.share[who] != IT_ORC_ALONE;
}

static it_time meet_wait(int tries)
{
    return AGAIN_FIRST + (it_time)(tries - 1) * AGAIN_MORE;
}

static void meet_later(it_orc *o, it_time at, int who, int what, int place, int tries)
{
    it_orc_pkt m = {.pair = (int16_t)what, .boxes = tries};
    it_orc_later(o, at, IT_ORC_RESEND, who, place, &m);
}

/* --- what goes out --- */

static void send_to(it_orc *o, int who, int base, enum it_orc_msg msg, it_orc_end dst, it_orc_end mapped)
{
    it_orc_pkt m = {.msg = msg, .side = (uint8_t)who, .base = (uint8_t)base, .pair = -1, .turned = -1};
    m.dst = dst;
    m.mapped = mapped;
    it_orc_send(o, who, base, m);
}

/* An IHello to the server from every base: |peer| it is for the other side, else for the server itself. */
static void ask_server(it_orc *o, int who, bool peer)
{
    static const it_orc_end NONE = {{0, 0}, 0};
    if (it_ip_none(o->q->stun.ip[o->v.six]))
        return;
    for (int b = 0; b < o->q->side[who].n_bases; b++) {
        it_orc_end server = {o->q->stun.ip[o->v.six], o->q->stun.port};
        if (in_play(o, who, b))
            send_to(o, who, b, peer ? IT_ORC_MEET : IT_ORC_ASK, server, NONE);
    }
}

static void hello_peer(it_orc *o, int who, int k)
{
    static const it_orc_end NONE = {{0, 0}, 0};
    for (int b = 0; b < o->q->side[who].n_bases; b++)
        if (in_play(o, who, b))
            send_to(o, who, b, IT_ORC_IHELLO, o->meet[who].cand[k], NONE);
}

static void keying(it_orc *o, int who)
{
    const it_orc_meet *m = &o->meet[who];
    send_to(o, who, m->base, IT_ORC_IIKEYING, m->to, m->cookie);
}

/* --- what side |who| does at its own time --- */

/* It asks the server for a session until there is one; a try that took too long is begun again. */
static void resend_server(it_orc *o, int who, int tries)
{
    it_orc_meet *m = &o->meet[who];
    if (m->there != IT_NEVER || m->up_at != IT_NEVER)
        return;
    if (o->now >= m->began + o->q->stream_patience) {
        m->began = o->now + RECONNECT;
        meet_later(o, m->began, who, RESEND_SERVER, 0, 0);
        return;
    }
    m->asked_at = o->now;
    ask_server(o, who, false);
    it_time next = o->now + meet_wait(tries + 1), end = m->began + o->q->stream_patience;
    meet_later(o, next < end ? next : end, who, RESEND_SERVER, 0, tries + 1);
}

static bool may_open(const it_orc *o, const it_orc_meet *m)
{
    return o->now < m->opening + o->q->stream_patience;
}

/* It asks the server for the other side. */
static void resend_meet(it_orc *o, int who, int tries)
{
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_HELLO || !may_open(o, m))
        return;
    ask_server(o, who, true);
    if (meets_elsewhere(o, who)) /* the other family asks, too */
        meet_later(o, o->now + m->trip, who, REDIRECTED, 0, 0);
    meet_later(o, o->now + meet_wait(tries + 1), who, CONNECTED, 1, tries + 1);
}

static void resend_peer(it_orc *o, int who, int k, int tries)
{
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_HELLO || !may_open(o, m))
        return;
    hello_peer(o, who, k);
    meet_later(o, o->now + meet_wait(tries + 1), who, RESEND_PEER, k, tries + 1);
}

static void resend_keying(it_orc *o, int who, int tries, int serial)
{
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_KEYING || m->serial != serial || !may_open(o, m))
        return;
    keying(o, who);
    meet_later(o, o->now + meet_wait(tries + 1), who, RESEND_KEYING, serial, tries + 1);
}

/* Its NetConnection is up, and the server knows its addresses a little later: the stream from the other side begins. */
static void meet_connected(it_orc *o, int who)
{
    it_orc_meet *m = &o->meet[who];
    m->there = o->now + m->trip / 2;
    m->opening = o->now;
    m->state = IT_ORC_HELLO;
    resend_meet(o, who, 0);
}

static void cand_add(it_orc *o, int who, it_orc_end c)
{
    it_orc_meet *m = &o->meet[who];
    for (int i = 0; i < m->cands; i++)
        if (it_orc_same(m->cand[i], c))
            return;
    if (m->cands == IT_ORC_CANDS || it_ip_link_local(c.ip))
        return;
    m->cand[m->cands++] = c;
    resend_peer(o, who, m->cands - 1, 0);
}

/* A Redirect: section 3.5.1.4. */
static void meet_redirected(it_orc *o, int who)
{
    int far = 1 - who;
    if (o->meet[who].state != IT_ORC_HELLO)
        return;
    if (!meets_elsewhere(o, far))
        cand_add(o, who, o->meet[far].seen);
    for (int b = 0; b < o->q->side[far].n_bases; b++)
        if (in_play(o, far, b))
            cand_add(o, who, o->side[far].base[b]);
}

void it_orc_meet_again(it_orc *o, const it_orc_step *s)
{
    switch (s->pkt.pair) {
    case RESEND_SERVER:
        resend_server(o, s->who, s->pkt.boxes);
        break;
    case RESEND_PEER:
        resend_peer(o, s->who, s->place, s->pkt.boxes);
        break;
    case RESEND_KEYING:
        resend_keying(o, s->who, s->pkt.boxes, s->place);
        break;
    case REDIRECTED:
        if (o->meet[1 - s->who].there <= o->now - o->meet[s->who].trip / 2)
            meet_redirected(o, s->who);
        break;
    default:
        if (s->place)
            resend_meet(o, s->who, s->pkt.boxes);
        else
            meet_connected(o, s->who);
        break;
    }
}

/* --- the server --- */

/* RFC 7016 section 3.5.1.6: |p| asks for the other side. True when it is there: a Redirect goes back; the other side is
 * told by a FIHello where the question came from. */
bool it_orc_meet_served(it_orc *o, const it_orc_pkt *p)
{
    int far = 1 - p->side;
    const it_orc_meet *m = &o->meet[far];
    if (p->msg != IT_ORC_MEET)
        return true;
    if (m->there == IT_NEVER || m->there > o->now)
        return false;
    it_orc_pkt f = {.msg = IT_ORC_FIHELLO, .side = p->side, .base = (uint8_t)m->home, .pair = -1, .turned = -1};
    f.src = p->dst;
    f.dst = m->seen;
    f.mapped = p->src;
    if (meets_elsewhere(o, far))
        it_orc_later(o, o->now + m->trip / 2, IT_ORC_AT_BASE, far, 0, &f);
    else
        it_orc_later(o, o->now, IT_ORC_AT_NET, 0, 0, &f);
    return true;
}

/* --- what comes --- */

/* The server has answered: who it sees is known, the rest of connecting takes some round trips. */
static void meet_told(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_meet *m = &o->meet[who];
    if (m->up_at != IT_NEVER)
        return;
    m->home = base;
    m->seen = p->mapped;
    m->trip = o->now - m->asked_at;
    m->up_at = o->now + UP_TRIPS * m->trip;
    meet_later(o, m->up_at, who, CONNECTED, 0, 0);
}

/* A base of the family by which an RHello leaves when the session with the server is elsewhere; -1: none. */
static int any_base(const it_orc *o, int who)
{
    for (int b = 0; b < o->q->side[who].n_bases; b++)
        if (in_play(o, who, b))
            return b;
    return -1;
}

static void meet_forwarded(it_orc *o, int who, const it_orc_pkt *p)
{
    /* An answer leaves by the base of the session; there is none of the family where that is of the other one. */
    int base = meets_elsewhere(o, who) ? -1 : o->meet[who].home;
    if (base >= 0 && any_base(o, who) >= 0)
        send_to(o, who, base, IT_ORC_RHELLO, p->mapped, p->mapped);
}

/* Section 3.5.1.1.1: the first RHello with the tag wins, whatever address it has come from. */
static void meet_rhello(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_HELLO || !may_open(o, m))
        return;
    m->state = IT_ORC_KEYING;
    m->base = base;
    m->to = p->src;
    m->cookie = p->mapped;
    m->changed = false;
    resend_keying(o, who, 0, ++m->serial);
}

/* Whether side |who| is opening to |a|. */
static bool opening_to(const it_orc_meet *m, it_orc_end a)
{
    if (m->state == IT_ORC_KEYING)
        return it_orc_same(m->to, a);
    for (int i = 0; m->state == IT_ORC_HELLO && i < m->cands; i++)
        if (it_orc_same(m->cand[i], a))
            return true;
    return false;
}

/* Section 3.5.1.1.2: a cookie that was made for another address is changed; glare is settled; else it is answered. */
static void meet_iikeying(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    it_orc_meet *m = &o->meet[who];
    if (!it_orc_same(p->src, p->mapped)) {
        send_to(o, who, base, IT_ORC_COOKIE, p->src, p->src);
        return;
    }
    if (opening_to(m, p->src) && o->v.prevails == who)
        return;
    if (opening_to(m, p->src) && m->state == IT_ORC_KEYING)
        m->state = IT_ORC_YIELDED;
    send_to(o, who, base, IT_ORC_RIKEYING, p->src, p->src);
}

static void meet_cookie(it_orc *o, int who, const it_orc_pkt *p)
{
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_KEYING || m->changed) /* section 3.5.1.2: SHOULD NOT more than once */
        return;
    m->changed = true;
    m->cookie = p->mapped;
    resend_keying(o, who, 0, ++m->serial);
}

static void meet_open(it_orc *o, int who, const it_orc_pkt *p)
{
    static const uint32_t TELLS =
        1u << (4 * IT_ORACLE_HOST + IT_ORACLE_PRFLX); /* its own addresses, whom packets come from */
    it_orc_meet *m = &o->meet[who];
    if (m->state != IT_ORC_KEYING)
        return;
    m->state = IT_ORC_MET;
    if (o->won_at == IT_NEVER)
        o->won_at = o->now;
    o->pairs[0] = o->pairs[1] = TELLS;
    o->local |= p->boxes == 0;
    if (p->turned >= 0)
        o->hairpinned = p->turned;
}

void it_orc_meet_arrive(it_orc *o, int who, int base, const it_orc_pkt *p)
{
    bool own = p->side == who;
    switch (p->msg) {
    case IT_ORC_TOLD:
        if (own && p->pair == IT_ORC_MEET)
            meet_redirected(o, who);
        else if (own)
            meet_told(o, who, base, p);
        break;
    case IT_ORC_FIHELLO:
        meet_forwarded(o, who, p);
        break;
    case IT_ORC_IHELLO:
        if (!own)
            send_to(o, who, base, IT_ORC_RHELLO, p->src, p->src);
        break;
    case IT_ORC_RHELLO:
        if (!own)
            meet_rhello(o, who, base, p);
        break;
    case IT_ORC_IIKEYING:
        if (!own)
            meet_iikeying(o, who, base, p);
        break;
    case IT_ORC_COOKIE:
        if (!own)
            meet_cookie(o, who, p);
        break;
    case IT_ORC_RIKEYING:
        if (!own)
            meet_open(o, who, p);
        break;
    default:
        break;
    }
}

/* Side |who| connects by the other family, of which nothing is run here: it takes as long as the wires do, taken to be
 * alike. */
static void meet_elsewhere(it_orc *o, int who)
{
    it_orc_meet *m = &o->meet[who];
    const it_oracle_wire *w = &o->q->side[who].base[0].wire;
    m->trip = w->up + w->down + o->q->stun.rtt;
    for (int net = o->q->side[who].base[0].net; net > 0; net = o->q->box[net - 1].outer)
        m->trip += o->q->box[net - 1].wire.up + o->q->box[net - 1].wire.down;
    m->up_at = (1 + UP_TRIPS) * m->trip;
    meet_later(o, m->up_at, who, CONNECTED, 0, 0);
}

void it_orc_meet_begin(it_orc *o)
{
    for (int who = 0; who < 2; who++) {
        it_orc_side *s = &o->side[who];
        const it_oracle_side *q = &o->q->side[who];
        memset(s, 0, offsetof(it_orc_side, remote));
        for (int b = 0; b < q->n_bases; b++)
            s->base[b] = (it_orc_end){q->base[b].ip, it_orc_symbol(o, 49152, 65535)}; /* RFC 6335 section 6 */
        o->meet[who] = (it_orc_meet){.there = IT_NEVER, .up_at = IT_NEVER, .opening = IT_NEVER};
        if (meets_elsewhere(o, who))
            meet_elsewhere(o, who);
        else
            meet_later(o, 0, who, RESEND_SERVER, 0, 0);
    }
}

/* --- the judges --- */

static bool any_lossy(const it_oracle_query *q)
{
    bool any = false;
    for (int i = 0; i < q->n_boxes; i++)
        any |= q->box[i].wire.lossy;
    for (int k = 0; k < 2; k++)
        for (int b = 0; b < q->side[k].n_bases; b++)
            any |= q->side[k].base[b].wire.lossy;
    return any;
}

/* How side |who| comes to its session with the server. */
typedef struct meet_leg {
    it_oracle_reach udp;
    bool by_udp, by_web; /* it may be by a session over UDP; by the server's WebSocket */
    bool sure;           /* it is by one of them */
    uint8_t web_families;
    char why[200]; /* neither: why */
} meet_leg;

/* Whether side |who| may go on by WebSocket although UDP gets through: a session takes two round trips (RFC 7016
 * section 3.5.1), and what is lost of it is repeated after 1 s and 2.5 s. */
static bool is_slow(const it_oracle_query *q, int who, const it_oracle_reach *udp)
{
    const it_oracle_side *s = &q->side[who];
    for (int b = 0; b < s->n_bases; b++) {
        const it_oracle_wire *w = &s->base[b].wire;
        it_time trip = w->up + w->down + 2 * w->slack + q->stun.rtt + q->stun.slack;
        bool lossy = w->lossy;
        for (int net = s->base[b].net; net > 0; net = q->box[net - 1].outer) {
            w = &q->box[net - 1].wire;
            trip += w->up + w->down + 2 * w->slack;
            lossy |= w->lossy;
        }
        if (lossy || 2 * UP_TRIPS * trip >= q->web_fallback)
            return true;
    }
    return udp->since > 0; /* a login comes first */
}

/* What the way over UDP comes to. */
static enum it_oracle_outcome udp_reach(const it_oracle_query *q, const it_oracle_reach *r)
{
    if (q->web_only)
        return IT_ORACLE_DIES;
    if (r->outcome == IT_ORACLE_REACH_OPEN)
        return IT_ORACLE_OPENS;
    return r->outcome == IT_ORACLE_REACH_EITHER ? IT_ORACLE_EITHER : IT_ORACLE_DIES;
}

/* Judges both ways of side |who|; |one| is room for a query. */
static void meet_leg_judge(const it_oracle_query *q, it_oracle_query *one, int who, meet_leg *l)
{
    char web_why[160] = "";
    enum it_oracle_outcome web = IT_ORACLE_DIES;
    *l = (meet_leg){.by_udp = false};
    it_oracle_reach_server(q, who, &q->stun, IT_ORACLE_UDP, &l->udp);
    if (q->side[who].n_webs > 0)
        web = it_orc_web_reach(q, one, who, &l->web_families, web_why, sizeof web_why);
    enum it_oracle_outcome udp = udp_reach(q, &l->udp);
    l->by_udp = udp != IT_ORACLE_DIES;
    if (web != IT_ORACLE_DIES)
        l->by_web = udp != IT_ORACLE_OPENS || is_slow(q, who, &l->udp);
    l->sure = (l->by_udp ? udp : web) == IT_ORACLE_OPENS;
    if (q->web_only)
        snprintf(l->why, sizeof l->why, "%s", web_why);
    else
        snprintf(l->why, sizeof l->why, "%.120s%s%.60s", l->udp.why, web_why[0] ? "; by WebSocket: " : "", web_why);
}

static bool any_by_web(const meet_leg l[2])
{
    return l[0].by_web || l[1].by_web;
}

/* Judges both sides. Which of them comes to no session, 2: both may; IT_ERR_NOMEM. */
static int meet_legs(it_alloc *alloc, const it_oracle_query *q, meet_leg l[2])
{
    int none = 2;
    it_oracle_query *one = it_malloc(alloc, sizeof *one);
    if (!one)
        return IT_ERR_NOMEM;
    *one = *q;
    for (int k = 1; k >= 0; k--) {
        meet_leg_judge(q, one, k, &l[k]);
        if (!l[k].by_udp && !l[k].by_web)
            none = k;
    }
    it_free(alloc, one);
    return none;
}

/* Runs |q|, whose sides reach the server as |l| says. */
static int direct_run(it_alloc *alloc, const it_oracle_query *q, const meet_leg l[2], it_oracle_way *w)
{
    it_oracle_query *own = it_malloc(alloc, sizeof *own);
    if (!own)
        return IT_ERR_NOMEM;
    *own = *q;
    for (int k = 0; k < 2; k++)
        own->home[k] = l[k].udp.families;
    int err = it_oracle_udp(alloc, own, w);
    it_free(alloc, own);
    return err;
}

/* Whether what is found directly may not come to be: of a few tries all may be lost, or a side's session with the
 * server may be elsewhere. */
static bool direct_doubt(const it_oracle_query *q, const meet_leg l[2], it_oracle_way *w)
{
    if (any_lossy(q)) /* A stream has but some tries before the server's takes its place. */
        snprintf(w->why, sizeof w->why, "of a few tries in %lld s all may be lost",
                 (long long)(q->stream_patience / IT_SEC));
    bool doubt = any_lossy(q) || any_by_web(l);
    for (int k = 0; k < 2; k++)
        doubt |= l[k].udp.outcome == IT_ORACLE_REACH_EITHER;
    return doubt;
}

int it_oracle_rtmfp_direct(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    meet_leg l[2];
    *w = (it_oracle_way){.rung = IT_ORACLE_DIRECT_UDP, .outcome = IT_ORACLE_DIES};
    int err = meet_legs(alloc, q, l);
    if (err < 0)
        return err;
    const meet_leg *none = !l[0].by_udp ? &l[0] : &l[1];
    if (!none->by_udp) {
        snprintf(w->why, sizeof w->why, "nobody is introduced (RFC 7016 section 3.5.1.6): %.180s",
                 q->web_only ? "an end of a WebSocket has no address that peers could be told" : none->udp.why);
        return 0;
    }
    err = direct_run(alloc, q, l, w);
    if (err == 0 && w->outcome == IT_ORACLE_OPENS && direct_doubt(q, l, w))
        w->outcome = IT_ORACLE_EITHER;
    return err;
}

/* What each side tells of way |w| when it is the one by WebSocket, or by UDP: kinds and families. */
static void server_way(const meet_leg l[2], bool web, it_oracle_way *w)
{
    for (int k = 0; k < 2; k++) {
        bool by = web ? l[k].by_web : l[k].by_udp;
        if (!by)
            continue;
        w->families |= web ? l[k].web_families : l[k].udp.families;
        w->pairs[k] = 1u << (4 * IT_ORACLE_RELAY + IT_ORACLE_RELAY);
    }
}

int it_oracle_rtmfp_server(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    meet_leg l[2];
    *w = (it_oracle_way){.rung = IT_ORACLE_RELAY_UDP, .outcome = IT_ORACLE_DIES};
    int none = meet_legs(alloc, q, l);
    if (none < 0)
        return none;
    if (none < 2) {
        snprintf(w->why, sizeof w->why, "%s", l[none].why);
        return 0;
    }
    server_way(l, false, w);
    if (l[0].by_udp && l[1].by_udp) {
        w->outcome = l[0].sure && l[1].sure ? IT_ORACLE_OPENS : IT_ORACLE_EITHER;
        w->overtaken = w->outcome == IT_ORACLE_OPENS && any_by_web(l);
        snprintf(w->why, sizeof w->why,
                 "both have a session with the server, which relays their streams (RFC 7425 section 5.3.5)");
    } else if (w->families) {
        w->outcome = IT_ORACLE_EITHER;
        snprintf(w->why, sizeof w->why, "one side has its session with the server over UDP, and tells of that");
    } else {
        snprintf(w->why, sizeof w->why, "neither side has a session with the server over UDP");
    }
    return 0;
}

int it_oracle_rtmfp_web(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w)
{
    meet_leg l[2];
    *w = (it_oracle_way){.rung = IT_ORACLE_PROXY, .outcome = IT_ORACLE_DIES};
    int none = meet_legs(alloc, q, l);
    if (none < 0)
        return none;
    if (none < 2 || !any_by_web(l)) {
        bool web = q->side[0].n_webs + q->side[1].n_webs > 0;
        const char *met = web ? "both have a session with the server over UDP" : "the server has no WebSocket for them";
        snprintf(w->why, sizeof w->why, "%s", none < 2 ? l[none].why : met);
        return 0;
    }
    /* What falls back late may have no time left. */
    bool sure = l[0].sure && l[1].sure && q->web_fallback + q->stream_patience < q->patience;
    bool must = !(l[0].by_udp && l[1].by_udp);
    server_way(l, true, w);
    w->outcome = must && sure ? IT_ORACLE_OPENS : IT_ORACLE_EITHER;
    snprintf(w->why, sizeof w->why,
             "the server relays streams over RTWebSocket to who has no session over UDP (RFC 7425 section 5.3.5)");
    return 0;
}
