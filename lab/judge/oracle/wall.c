/* The flows of a firewall: RFC 6092 sections 3.1 and 3.2. */
#include "lab/judge/oracle/impl.h"

bool it_orc_listed(const it_oracle_ports *list, uint32_t port)
{
    for (int i = 0; i < list->n; i++)
        if (list->port[i] == port)
            return true;
    return list->any;
}

/* The flow of |in| and |out|, or -1. What was silent for too long is none. */
static int flow_of(it_orc *o, int box, it_orc_end in, it_orc_end out)
{
    it_time timeout = o->q->box[box].u.wall.timeout;
    for (int i = 0; i < o->n_flows; i++) {
        it_orc_flow *f = &o->flow[i];
        if (f->box == box && f->last + timeout <= o->now)
            f->box = -1;
        if (f->box == box && it_orc_same(f->in, in) && it_orc_same(f->out, out))
            return i;
    }
    return -1;
}

/* Whether the flows that are there let |out| in to |in|. */
static bool lets_in(const it_orc *o, int box, it_orc_end in, it_orc_end out)
{
    const it_oracle_wall *w = &o->q->box[box].u.wall;
    for (int i = 0; w->filtering != IT_ORACLE_APD && i < o->n_flows; i++) {
        const it_orc_flow *f = &o->flow[i];
        if (f->box == box && f->last + w->timeout > o->now && it_orc_same(f->in, in) &&
            (w->filtering == IT_ORACLE_EI || it_ip_eq(f->out.ip, out.ip)))
            return true;
    }
    return false;
}

static bool may_begin(const it_orc *o, int box, bool outwards, it_orc_end in, it_orc_end out)
{
    const it_oracle_wall *w = &o->q->box[box].u.wall;
    if (outwards)
        return !w->out.set || it_orc_listed(&w->out, out.port);
    if (!w->stateful || (w->in.set && it_orc_listed(&w->in, in.port)))
        return true;
    return lets_in(o, box, in, out);
}

/* A flow from |in| to |out| from now on, -1. */
static int new_flow(it_orc *o, int box, it_orc_end in, it_orc_end out)
{
    if (o->n_flows == IT_ORC_FLOWS)
        return -1;
    o->flow[o->n_flows] = (it_orc_flow){.box = box, .in = in, .out = out, .created = o->now, .last = o->now};
    return o->n_flows++;
}

/* The flow of |p|, begun if it may be; -1. */
static int flow_for(it_orc *o, int box, bool outwards, const it_orc_pkt *p)
{
    it_orc_end in = outwards ? p->src : p->dst, out = outwards ? p->dst : p->src;
    int i = flow_of(o, box, in, out);
    if (i >= 0)
        return i;
    if (may_begin(o, box, outwards, in, out))
        return new_flow(o, box, in, out);
    if (outwards && (p->msg == IT_ORC_CHECK || o->q->model == 'C'))
        it_orc_saw(o, IT_ORC_SAW_BLOCK, box);
    return -1;
}

/* Goes by the flows that there are. */
static enum it_orc_action wall_follow(it_orc *o, int box, bool outwards, const it_orc_pkt *p)
{
    it_time most = o->q->box[box].u.wall.max_age;
    int i = flow_for(o, box, outwards, p);
    if (i < 0)
        return IT_ORC_DROP;
    o->flow[i].last = o->now;
    return most && o->now - o->flow[i].created >= most ? IT_ORC_DROP : IT_ORC_PASS;
}

enum it_orc_action it_orc_wall(it_orc *o, int box, bool outwards, const it_orc_pkt *p)
{
    const it_oracle_wall *w = &o->q->box[box].u.wall;
    if (w->block) {
        it_orc_saw(o, IT_ORC_SAW_BLOCK, box);
        return IT_ORC_DROP;
    }
    if (o->q->now + o->now < w->login) {
        it_orc_saw(o, IT_ORC_SAW_LOGIN, box);
        return IT_ORC_DROP;
    }
    if (!w->stateful && !w->max_age && !w->out.set)
        return IT_ORC_PASS;
    return wall_follow(o, box, outwards, p);
}
