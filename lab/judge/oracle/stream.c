/* What the streams of signaling take of the boxes on their way: they count where a box counts what its hosts have. */
#include "lab/judge/oracle/impl.h"

#include <stdio.h>

#define FOREVER (IT_NEVER / 4) /* longer than any run; what is added to it is no overflow */
#define CHECKS 16              /* flows of a base that checks */

/* Where a flow of side |who| passes a NAT of IPv4: the box, and whose address the box takes it for. */
typedef struct stream_at {
    int box;
    it_ip host;
} stream_at;

/* Who stands inside a box, as it counts: an address, and what leaves from there before a call is signaled. */
typedef struct stream_host {
    it_ip ip;
    uint32_t flows;  /* streams, and questions to servers */
    uint32_t racers; /* streams that there may be besides */
} stream_host;

enum { STREAM_HOSTS = 2 * IT_ORACLE_BASES + 2 };

typedef struct stream_box {
    stream_host host[STREAM_HOSTS];
    int n;
    bool streams; /* one of signaling passes, or is tried */
} stream_box;

/* Whom the boxes further out take what the own host of box |box| hands on for: nobody whose address is known. */
static it_ip own_host(int box)
{
    return (it_ip){0, (uint64_t)box + 1};
}

/* The NATs on the way of a flow from base |b|, from the host outwards; returns how many. An inner one's first address
 * stands for it, and the own host of box |by| - 1 for what that hands on; |by| 0: nothing is. */
static int stream_way(const it_oracle_query *q, const it_oracle_base *b, int by, stream_at at[IT_ORACLE_BOXES])
{
    int n = 0;
    it_ip host = b->ip;
    for (int net = it_ip_is4(b->ip) ? b->net : 0; net > 0 && n < IT_ORACLE_BOXES; net = q->box[net - 1].outer) {
        const it_oracle_box *box = &q->box[net - 1];
        if (net == by)
            host = own_host(net - 1);
        if (box->kind != IT_ORACLE_NAT)
            continue;
        at[n++] = (stream_at){net - 1, host};
        host = box->n_ext ? box->ext[0] : host;
    }
    return n;
}

/* Likewise of the streams of side |who|; none where there are none. */
static int stream_boxes(const it_oracle_query *q, int who, stream_at at[IT_ORACLE_BOXES])
{
    const it_oracle_side *s = &q->side[who];
    if (s->streams == 0 || s->stream_base >= s->n_bases)
        return 0;
    return stream_way(q, &s->base[s->stream_base], s->stream_box, at);
}

/* One stream of |at| is there, and stays. */
static void hold_one(it_orc *o, const stream_at *at)
{
    it_orc_end in = {at->host, 0}, none = {{0, 0}, 0};
    uint32_t most_new = o->q->box[at->box].u.nat.most_new;
    if (o->n_maps == IT_ORC_MAPS || o->n_sessions == IT_ORC_SESSIONS)
        return;
    o->map[o->n_maps] = (it_orc_map){at->box, in, none, none, FOREVER, ++o->made};
    o->given[at->box]++; /* a mapping that lives, as those that it_orc_alloc counts: none of theirs has ended for it */
    o->session[o->n_sessions++] =
        (it_orc_session){.box = at->box, .map = o->n_maps++, .in = in, .last = FOREVER, .stage = IT_ORC_STREAM};
    if (most_new)
        *it_orc_arrival_of(o, at->box, at->host) += IT_SEC / most_new;
}

void it_orc_hold_streams(it_orc *o)
{
    for (int who = 0; who < 2; who++) {
        stream_at at[IT_ORACLE_BOXES];
        int n = stream_boxes(o->q, who, at);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < o->q->side[who].streams; k++)
                hold_one(o, &at[i]);
    }
}

/* The place of |ip| among the hosts of |b|, made where there is none yet. */
static stream_host *host_at(stream_box *b, it_ip ip)
{
    for (int i = 0; i < b->n; i++)
        if (it_ip_eq(b->host[i].ip, ip))
            return &b->host[i];
    stream_host *h = &b->host[b->n < STREAM_HOSTS ? b->n++ : STREAM_HOSTS - 1];
    h->ip = ip;
    return h;
}

/* How many flows of IPv4 a base begins with: each of its sockets asks the STUN server, and for an allocation by each
 * way to the TURN server. */
static uint32_t questions(const it_oracle_query *q)
{
    uint32_t servers = !it_ip_none(q->stun.ip[0]);
    for (int i = 0; i < q->n_turns; i++)
        servers += !it_ip_none(q->turn[i].server.ip[0]);
    return servers * (uint32_t)(q->transports > 1 ? q->transports : 1);
}

/* Adds what side |who| asks of |box| to |*b|. Other streams than the session's may begin at any base. */
static void add_side(const it_oracle_query *q, int who, int box, stream_box *b)
{
    const it_oracle_side *s = &q->side[who];
    stream_at at[IT_ORACLE_BOXES];
    int n = stream_boxes(q, who, at);
    for (int i = 0; i < n; i++) {
        if (at[i].box != box)
            continue;
        host_at(b, at[i].host)->flows += (uint32_t)s->streams;
        b->streams = true;
    }
    for (int k = 0; k < s->n_bases && s->streams; k++) {
        n = stream_way(q, &s->base[k], 0, at);
        for (int i = 0; i < n; i++) {
            if (at[i].box != box)
                continue;
            stream_host *h = host_at(b, at[i].host);
            h->flows += questions(q);
            h->racers += (uint32_t)s->racers;
            b->streams |= s->racers > 0;
        }
    }
}

/* Whether |most|, 0: no limit, is less than |flows|; or, where there may be |racers| more, than what a call has, too.
 */
static bool leaves_none(uint32_t most, uint32_t flows, uint32_t racers)
{
    return most && most < flows + (racers ? racers + CHECKS : 0);
}

/* Whether a limit of |n| may leave no room for a stream among the flows of |b|: those of a host, or of all together. */
static bool is_crowded(const it_oracle_nat *n, const stream_box *b)
{
    uint32_t flows = 0, racers = 0;
    for (int i = 0; i < b->n; i++) {
        const stream_host *h = &b->host[i];
        if (leaves_none(n->most_sessions, h->flows, h->racers) || leaves_none(n->most_ports, h->flows, h->racers))
            return true;
        flows += h->flows;
        racers += h->racers;
    }
    return leaves_none(n->most_table, flows, racers);
}

/* How long a SYN may have to wait at |n|, which lets a host begin few flows a second, until all that a host of |b|
 * begins with have had their turn: to the try after that (RFC 6298 section 2: after 1, 3, 7 and 15 s), and a second of
 * grace. */
static it_time rush_wait(const it_oracle_nat *n, const stream_box *b)
{
    it_time turn = 0, wait = IT_SEC;
    for (int i = 0; i < b->n; i++) {
        uint32_t flows = b->host[i].flows + b->host[i].racers;
        it_time own = flows > n->most_new ? (flows - n->most_new) * (IT_SEC / n->most_new) : 0;
        turn = own > turn ? own : turn;
    }
    if (turn == 0)
        return 0;
    while (wait <= turn)
        wait = 2 * wait + IT_SEC;
    return wait + IT_SEC;
}

/* What keeps a stream of signaling from passing |n|, or may; NULL: nothing does. */
static const char *crowd_reason(const it_oracle_nat *n, const stream_box *b)
{
    if (n->one2one && n->pool < (uint32_t)b->n)
        return "has no address for one of the hosts, which cannot signal";
    return is_crowded(n, b) ? "has room for few flows, and signaling may take or need one" : NULL;
}

bool it_oracle_crowd_streams(it_oracle_query *q, char *why, size_t cap)
{
    bool crowded = false;
    it_time wait = 0;
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_nat *n = &q->box[i].u.nat;
        stream_box b = {.n = 0};
        for (int who = 0; who < 2 && q->box[i].kind == IT_ORACLE_NAT; who++)
            add_side(q, who, i, &b);
        if (!b.streams)
            continue;
        it_time own = n->most_new ? rush_wait(n, &b) : 0;
        wait = own > wait ? own : wait;
        const char *what = crowd_reason(n, &b);
        if (what)
            snprintf(why, cap, "%s %s", q->box[i].name, what);
        crowded |= what != NULL;
    }
    for (int who = 0; who < 2; who++) {
        q->side[who].session_most += wait * q->side[who].streams;
        q->side[who].hears_most += wait * q->side[who].streams;
    }
    return crowded;
}
