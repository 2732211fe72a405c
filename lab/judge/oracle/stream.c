/* What the streams of signaling take of the boxes on their way: they count where a box counts what its hosts have. */
#include "lab/judge/oracle/impl.h"

#include <stdio.h>

#define FOREVER (IT_NEVER / 4)   /* longer than any run; what is added to it is no overflow */
#define CHECKS 16                /* flows of a base that checks */
#define TRIED_AGAIN (4 * IT_SEC) /* SYNs after 1 and 3 s (RFC 6298 section 2) find what a second has brought */

/* Where a stream of side |who| passes a NAT of IPv4: the box, and whose address the box takes it for. */
typedef struct stream_at {
    int box;
    it_ip host;
} stream_at;

/* The NATs on the way of the streams of side |who|, from the host outwards; returns how many. An inner one's first
 * address stands for it. */
static int stream_boxes(const it_oracle_query *q, int who, stream_at at[IT_ORACLE_BOXES])
{
    const it_oracle_side *s = &q->side[who];
    int n = 0;
    if (s->streams == 0 || s->stream_base >= s->n_bases || !it_ip_is4(s->base[s->stream_base].ip))
        return 0;
    it_ip host = s->base[s->stream_base].ip;
    for (int net = s->base[s->stream_base].net; net > 0 && n < IT_ORACLE_BOXES; net = q->box[net - 1].outer) {
        const it_oracle_box *b = &q->box[net - 1];
        if (b->kind != IT_ORACLE_NAT)
            continue;
        at[n++] = (stream_at){net - 1, host};
        host = b->n_ext ? b->ext[0] : host;
    }
    return n;
}

/* One stream of |at| is there, and stays. */
static void hold_one(it_orc *o, const stream_at *at)
{
    it_orc_end in = {at->host, 0}, none = {{0, 0}, 0};
    uint32_t most_new = o->q->box[at->box].u.nat.most_new;
    if (o->n_maps == IT_ORC_MAPS || o->n_sessions == IT_ORC_SESSIONS)
        return;
    o->map[o->n_maps] = (it_orc_map){at->box, in, none, none, FOREVER, ++o->made};
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

/* Addresses of side |who| behind |box|, of IPv4. */
static uint32_t bases_behind(const it_oracle_query *q, int who, int box)
{
    const it_oracle_side *s = &q->side[who];
    uint32_t n = 0;
    for (int i = 0; i < s->n_bases; i++) {
        int net = it_ip_is4(s->base[i].ip) ? s->base[i].net : 0;
        while (net > 0 && net - 1 != box)
            net = q->box[net - 1].outer;
        n += net > 0;
    }
    return n;
}

/* How many flows ask box |box| for a place before a call is signaled: streams, and questions to a STUN server; and how
 * many more there may be, |*racers|. */
static uint32_t early_flows(const it_oracle_query *q, int box, uint32_t *racers)
{
    uint32_t flows = 0;
    *racers = 0;
    for (int who = 0; who < 2; who++) {
        stream_at at[IT_ORACLE_BOXES];
        int n = stream_boxes(q, who, at);
        for (int i = 0; i < n; i++) {
            if (at[i].box != box)
                continue;
            flows += (uint32_t)q->side[who].streams + bases_behind(q, who, box);
            *racers += (uint32_t)q->side[who].racers;
        }
    }
    return flows;
}

/* Whether |box|, which gives each host an address of its own, has fewer than there are hosts that need one. */
static bool lacks_addresses(const it_oracle_query *q, int box)
{
    it_ip host[2];
    uint32_t hosts = 0;
    for (int who = 0; who < 2; who++) {
        stream_at at[IT_ORACLE_BOXES];
        int n = stream_boxes(q, who, at);
        for (int i = 0; i < n; i++)
            if (at[i].box == box && (hosts == 0 || !it_ip_eq(host[0], at[i].host)))
                host[hosts++] = at[i].host;
    }
    return q->box[box].u.nat.one2one && q->box[box].u.nat.pool < hosts;
}

/* Whether |most|, 0: no limit, is less than |flows|; or, where there may be |racers| more, than what a call has, too.
 */
static bool leaves_none(uint32_t most, uint32_t flows, uint32_t racers)
{
    return most && most < flows + (racers ? racers + CHECKS : 0);
}

bool it_oracle_crowd_streams(it_oracle_query *q, char *why, size_t cap)
{
    bool crowded = false, rushed = false;
    for (int i = 0; i < q->n_boxes; i++) {
        const it_oracle_nat *n = &q->box[i].u.nat;
        uint32_t racers = 0, flows = q->box[i].kind == IT_ORACLE_NAT ? early_flows(q, i, &racers) : 0;
        if (flows == 0)
            continue;
        rushed |= n->most_new && n->most_new < flows + racers;
        const char *what = NULL;
        if (leaves_none(n->most_sessions, flows, racers) || leaves_none(n->most_ports, flows, racers) ||
            leaves_none(n->most_table, flows, racers))
            what = "has room for few flows, and signaling may take or need one";
        if (lacks_addresses(q, i))
            what = "has no address for one of the hosts, which cannot signal";
        if (what)
            snprintf(why, cap, "%s %s", q->box[i].name, what);
        crowded |= what != NULL;
    }
    for (int who = 0; who < 2 && rushed; who++) {
        q->side[who].session_most += TRIED_AGAIN;
        q->side[who].hears_most += TRIED_AGAIN;
    }
    return crowded;
}
