/* A server through the boxes of a host: each box up to the end of the way says what becomes of the exchange, the worst
 * counts. */
#include "lab/judge/oracle/reach.h"

#include "lab/judge/oracle/impl.h"

#include <stdarg.h>
#include <stdio.h>

enum { PORT_DNS = 53, PORT_HTTP = 80, PORT_HTTPS = 443, PORT_IKE = 500 };
enum { PORT_LO = 49152, PORT_HI = 65535 }; /* where a host's own ports lie, RFC 6335 section 6 */

/* An exchange at one box on its way out. */
typedef struct reach_at {
    const it_oracle_box *box;
    bool tcp, six;  /* |six|: it is of IPv6 here; behind a NAT64 it was */
    bool turns4;    /* the box is the NAT64 that makes it IPv4 */
    it_ip from, to; /* of IPv6: its ends, as they are before a NAT64; IPv4 has none */
    uint16_t port;
    it_time at;          /* when it is tried */
    it_time least, most; /* until the answer is back at the box */
} reach_at;

const char *it_oracle_reached_name(enum it_oracle_reached outcome)
{
    static const char *const NAMES[] = {
        [IT_ORACLE_REACH_NONE] = "none", [IT_ORACLE_REACH_CAUGHT] = "caught", [IT_ORACLE_REACH_EITHER] = "either",
        [IT_ORACLE_REACH_CUT] = "cut",   [IT_ORACLE_REACH_OPEN] = "open",
    };
    return NAMES[outcome];
}

/* Lets |*r| be |outcome| if that counts before what it is, for the reason given. */
IT_PRINTF(3, 4) static void reach_worsen(it_oracle_reach *r, enum it_oracle_reached outcome, const char *why, ...)
{
    va_list args;
    if (outcome >= r->outcome)
        return;
    r->outcome = outcome;
    va_start(args, why);
    vsnprintf(r->why, sizeof r->why, why, args);
    va_end(args);
}

static const char *transport_of(const reach_at *a)
{
    return a->tcp ? "TCP" : "UDP";
}

/* The answer needs state that |box| keeps for |idle| without one. What is sent again may keep it or make it anew, so
 * that a late answer may come in all the same. */
static void reach_in_time(const reach_at *a, it_time idle, it_oracle_reach *r)
{
    if (a->most >= idle)
        reach_worsen(r, IT_ORACLE_REACH_EITHER, "%s keeps %s without an answer for %lld ms, which may take longer",
                     a->box->name, transport_of(a), (long long)(idle / IT_MS));
}

/* Flows as old as |max_age| are dead, whatever is sent: 0, none are. */
static void reach_in_life(const reach_at *a, it_time max_age, it_oracle_reach *r)
{
    if (max_age && a->least >= max_age)
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s ends every flow before the answer is there", a->box->name);
    else if (max_age && a->most >= max_age)
        reach_worsen(r, IT_ORACLE_REACH_EITHER, "%s may end the flow before the answer is there", a->box->name);
}

/* --- NATs --- */

/* A port that must be kept and lies outside the range is not had (RFC 4787 section 4.2.1). */
static void reach_port(const reach_at *a, it_oracle_reach *r)
{
    const it_oracle_nat *n = &a->box->u.nat;
    uint16_t lo = n->classes ? 1 : n->lo;
    if (!n->preserve || n->clash != IT_ORACLE_CLASH_DROP || n->one2one)
        return;
    if (n->blocks || n->hi < PORT_LO)
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s drops what cannot have its port (RFC 4787 section 4.2.1)",
                     a->box->name);
    else if (lo > PORT_LO || n->hi < PORT_HI)
        reach_worsen(r, IT_ORACLE_REACH_EITHER, "%s may drop what cannot have its port (RFC 4787 section 4.2.1)",
                     a->box->name);
}

static void reach_nat(const reach_at *a, it_oracle_reach *r)
{
    const it_oracle_nat *n = &a->box->u.nat;
    if (a->box->kind == IT_ORACLE_NAT)
        reach_port(a, r);
    reach_in_time(a, a->tcp ? n->syn : n->initial, r);
}

/* --- firewalls --- */

static bool allows(const it_oracle_ports *list, uint16_t port)
{
    return !list->set || it_orc_listed(list, port);
}

/* Whether the box's own host answers in the server's place. */
static bool wall_catches(const reach_at *a)
{
    const it_oracle_wall *w = &a->box->u.wall;
    bool before = a->at < w->login;
    if (!a->box->own)
        return false;
    if (!a->tcp)
        return before && a->port == PORT_DNS;
    if (a->port == PORT_HTTPS)
        return w->tcp.catch_tls || (before && w->tcp.login_tls);
    return a->port == PORT_HTTP && (before || w->tcp.catch_web);
}

static void wall_udp(const reach_at *a, it_oracle_reach *r)
{
    const it_oracle_wall *w = &a->box->u.wall;
    if (w->block) {
        reach_worsen(r, IT_ORACLE_REACH_NONE, "UDP is blocked by %s", a->box->name);
        return;
    }
    /* RFC 6092 REC-24: what passes unasked leaves no flow for its answer, whose port is another. */
    if (w->ike && w->stateful && a->port == PORT_IKE && !(w->in.set && w->in.any)) {
        reach_worsen(r, IT_ORACLE_REACH_NONE,
                     "UDP to port 500 passes %s without a flow, and nothing lets its answer in (RFC 6092 REC-24)",
                     a->box->name);
        return;
    }
    if (!allows(&w->out, a->port)) {
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s lets no UDP to port %u out", a->box->name, (unsigned)a->port);
        return;
    }
    if (w->stateful)
        reach_in_time(a, w->timeout, r);
    reach_in_life(a, w->max_age, r);
}

static void wall_tcp(const reach_at *a, it_oracle_reach *r)
{
    const it_oracle_wall_tcp *w = &a->box->u.wall.tcp;
    if (w->block) {
        reach_worsen(r, IT_ORACLE_REACH_NONE, "TCP is blocked by %s", a->box->name);
        return;
    }
    if (!allows(&w->out, a->port)) {
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s lets no TCP to port %u out", a->box->name, (unsigned)a->port);
        return;
    }
    if (w->cut.set && it_orc_listed(&w->cut, a->port) && (r->outcome > IT_ORACLE_REACH_CUT || w->cut_after < r->bytes))
        r->bytes = w->cut_after;
    if (w->cut.set && it_orc_listed(&w->cut, a->port))
        reach_worsen(r, IT_ORACLE_REACH_CUT, "%s resets connections to port %u after %lld bytes", a->box->name,
                     (unsigned)a->port, (long long)w->cut_after);
    if (w->stateful)
        reach_in_time(a, w->syn, r);
    reach_in_life(a, w->max_age, r);
}

/* Whether the policy of |a|->box is of the exchange's family. */
static bool polices(const reach_at *a)
{
    return a->box->kind == IT_ORACLE_FIREWALL && (!a->box->only || a->box->only == (a->six ? 6 : 4));
}

/* RFC 4193 section 3.1: fc00::/7. */
static bool is_unique_local(it_ip ip)
{
    return ip.hi >> 57 == 0xfc >> 1;
}

/* Whether the box of |a| is the boundary of a site that the exchange would leave: what it comes from is none of the
 * site's addresses, what it goes to would be one (RFC 6092 REC-7). */
static bool wall_leaves_site(const reach_at *a)
{
    return a->six && a->box->u.wall.ingress && is_unique_local(a->to) && !is_unique_local(a->from);
}

static void reach_wall(const reach_at *a, it_oracle_reach *r)
{
    if (!polices(a))
        return;
    if (wall_leaves_site(a))
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s hands on no unique local address (RFC 6092 REC-7)", a->box->name);
    if (a->at < a->box->u.wall.login)
        reach_worsen(r, IT_ORACLE_REACH_NONE, "%s lets nothing pass before the login", a->box->name);
    else if (a->tcp)
        wall_tcp(a, r);
    else
        wall_udp(a, r);
}

/* --- ways --- */

/* Whether the box of |a| keeps a mapping for the exchange. */
static bool translates(const reach_at *a)
{
    return a->turns4 || (a->box->kind == IT_ORACLE_NAT && !a->six);
}

static void reach_box(const reach_at *a, it_oracle_reach *r)
{
    if (translates(a))
        reach_nat(a, r);
    else
        reach_wall(a, r);
}

/* The boxes from |net| outwards; returns how many. */
static int chain_from(const it_oracle_query *q, int net, const it_oracle_box *chain[IT_ORACLE_BOXES])
{
    int n = 0;
    for (; net > 0 && n < IT_ORACLE_BOXES; net = q->box[net - 1].outer)
        chain[n++] = &q->box[net - 1];
    return n;
}

/* When to try at the latest: after every login that comes in time. */
static it_time after_logins(const it_oracle_query *q, const it_oracle_box *const *chain, int n)
{
    it_time at = q->now;
    for (int i = 0; i < n; i++) {
        if (chain[i]->kind != IT_ORACLE_FIREWALL)
            continue;
        it_time login = chain[i]->u.wall.login;
        if (login > at && login <= q->now + q->patience)
            at = login;
    }
    return at;
}

/* A way out: the boxes from the host outwards, up to the server or the one that answers in its place. */
typedef struct reach_way {
    const it_oracle_box *chain[IT_ORACLE_BOXES];
    int n;
    int nat64;         /* the box where IPv6 becomes IPv4, -1 */
    it_time rtt, most; /* what the end of the way adds to its wires */
} reach_way;

/* The exchange |a| as box |i| of |w| sees it. */
static reach_at reach_at_box(const reach_way *w, int i, reach_at a)
{
    a.box = w->chain[i];
    a.turns4 = i == w->nat64;
    a.six = a.six && (w->nat64 < 0 || i <= w->nat64);
    a.least = w->rtt;
    a.most = w->most;
    for (int k = i; k < w->n; k++) {
        const it_oracle_wire *wire = &w->chain[k]->wire;
        a.least += wire->up + wire->down;
        a.most += wire->up + wire->down + 2 * wire->slack;
    }
    return a;
}

/* Shortens |w| when a box on it answers in the server's place: the index of that box, or |w|->n. */
static int reach_end(reach_way *w, reach_at a)
{
    for (int i = 0; i < w->n; i++) {
        reach_at at = reach_at_box(w, i, a);
        if (!polices(&at) || !wall_catches(&at))
            continue;
        w->n = i;
        w->rtt = w->most = 0;
        return i;
    }
    return w->n;
}

/* The way from |b| to |server|'s address of IPv6 or IPv4; false when there is none. */
static bool reach_route(const it_oracle_query *q, const it_oracle_base *b, const it_oracle_server *server, bool six,
                        reach_way *w)
{
    bool from6 = !it_ip_is4(b->ip);
    *w = (reach_way){.nat64 = -1, .rtt = server->rtt, .most = server->rtt + server->slack};
    w->n = chain_from(q, b->net, w->chain);
    for (int i = 0; i < w->n; i++)
        if (from6 && !six && w->chain[i]->to4)
            w->nat64 = i;
    return !it_ip_none(server->ip[six ? 1 : 0]) && (from6 == six || w->nat64 >= 0);
}

/* Walks |w| out; |a| is the exchange at its base. */
static void reach_walk(const it_oracle_query *q, reach_way *w, reach_at a, it_oracle_reach *r)
{
    a.at = after_logins(q, w->chain, w->n);
    *r = (it_oracle_reach){.outcome = IT_ORACLE_REACH_OPEN,
                           .families = a.six ? IT_ORACLE_V6 : IT_ORACLE_V4,
                           .since = a.at > q->now ? a.at : 0};
    snprintf(r->why, sizeof r->why,
             w->n ? "%s to port %u passes, and its answer comes back" : "no box stands in the way", transport_of(&a),
             (unsigned)a.port);
    int all = w->n, end = reach_end(w, a);
    for (int i = 0; i < w->n; i++) {
        reach_at at = reach_at_box(w, i, a);
        reach_box(&at, r);
    }
    if (end == all)
        return;
    reach_worsen(r, IT_ORACLE_REACH_CAUGHT, "%s answers %s to port %u itself", w->chain[end]->name, transport_of(&a),
                 (unsigned)a.port);
    if (r->outcome == IT_ORACLE_REACH_CAUGHT)
        r->box = (uint8_t)(w->chain[end] - q->box + 1);
}

/* Whether |one| is a better answer than |r|, which may be none yet: by what may come of it, then the sooner. */
static bool is_better(const it_oracle_reach *one, const it_oracle_reach *r)
{
    static const uint8_t HOPE[] = {
        [IT_ORACLE_REACH_NONE] = 0, [IT_ORACLE_REACH_CAUGHT] = 1, [IT_ORACLE_REACH_EITHER] = 2,
        [IT_ORACLE_REACH_CUT] = 3,  [IT_ORACLE_REACH_OPEN] = 4,
    };
    if (!r->families || one->outcome != r->outcome)
        return !r->families || HOPE[one->outcome] > HOPE[r->outcome];
    return one->since < r->since;
}

void it_oracle_reach_server(const it_oracle_query *q, int side, const it_oracle_server *server,
                            enum it_oracle_transport transport, it_oracle_reach *r)
{
    const it_oracle_side *s = &q->side[side];
    reach_at a = {.tcp = transport == IT_ORACLE_TCP, .port = server->port};
    *r = (it_oracle_reach){.outcome = IT_ORACLE_REACH_NONE};
    snprintf(r->why, sizeof r->why, "%s", "the host has no address of a family that leads to the server");
    for (int i = 0; i < 2 * s->n_bases; i++) {
        const it_oracle_base *b = &s->base[i / 2];
        it_oracle_reach one;
        reach_way way;
        if (!reach_route(q, b, server, i % 2 == 1, &way))
            continue;
        a.six = !it_ip_is4(b->ip);
        a.from = a.six ? b->ip : (it_ip){0, 0};
        a.to = i % 2 == 1 ? server->ip[1] : (it_ip){0, 0};
        reach_walk(q, &way, a, &one);
        uint8_t both = one.outcome == r->outcome ? r->families | one.families : one.families;
        if (is_better(&one, r))
            *r = one;
        if (one.outcome == r->outcome)
            r->families = both;
    }
    if (r->outcome == IT_ORACLE_REACH_NONE)
        r->families = 0;
}
