/* Ways through nets and boxes: a message at one place, and where it is next. */
#include "lab/judge/oracle/impl.h"

/* What NPTv6 box |box| makes of an inside address, and back: RFC 6296 is one to one, so a mark will do. */
#define PREFIX_MARK UINT64_C(0xfec0a0c1e0000000)

static it_ip prefix_out(int box, it_ip in)
{
    return (it_ip){PREFIX_MARK | (uint64_t)box, in.hi ^ in.lo};
}

static bool is4(it_ip ip)
{
    return it_ip_is4(ip);
}

bool it_orc_is4(const it_orc *o, int who, int b)
{
    return is4(o->q->side[who].base[b].ip);
}

/* Puts the message of |to| on wire |w|; |to| is taken when it has come through. */
static void on_wire(it_orc *o, const it_oracle_wire *w, bool up, const it_orc_step *to)
{
    it_time t = o->now + (up ? w->up : w->down);
    if (w->lossy && o->v.loss && o->losses < IT_ORC_LOSSES && it_rng_below(&o->rng, 16) < o->v.loss) {
        o->losses++;
        return;
    }
    if (o->v.jitter && w->slack > 0)
        t += w->slack / 4 * (it_time)it_rng_below(&o->rng, 5);
    it_orc_later(o, t, to->what, to->who, to->place, &to->pkt);
}

/* The base in |net| (or, |deep|, in a net that it leads to without translation) that has |ip|: true, and whose. */
static bool base_in(const it_orc *o, int net, it_ip ip, int *who, int *base)
{
    for (int s = 0; s < 2; s++)
        for (int b = 0; b < o->q->side[s].n_bases; b++) {
            const it_oracle_base *x = &o->q->side[s].base[b];
            if (x->net == net && it_ip_eq(x->ip, ip)) {
                *who = s;
                *base = b;
                return true;
            }
        }
    return false;
}

static bool translates(const it_oracle_box *b, it_ip ip)
{
    return b->kind == (is4(ip) ? IT_ORACLE_NAT : IT_ORACLE_PREFIX);
}

/* The outside address by which the owner of |ip| in |net| is known: its own, and that of a box behind which it is. */
static bool has_inside(const it_orc *o, int net, it_ip ip)
{
    int who, base, at[IT_ORACLE_BOXES], n = 0;
    at[n++] = net;
    for (int k = 0; k < n; k++) {
        if (base_in(o, at[k], ip, &who, &base))
            return true;
        for (int i = 0; i < o->q->n_boxes; i++) {
            const it_oracle_box *b = &o->q->box[i];
            if (b->outer != at[k])
                continue;
            for (int e = 0; b->kind == IT_ORACLE_NAT && e < b->n_ext; e++)
                if (it_ip_eq(b->ext[e], ip))
                    return true;
            if (!translates(b, ip) && n < IT_ORACLE_BOXES)
                at[n++] = i + 1;
        }
    }
    return false;
}

/* Whether box |i| is where packets for |ip| go from the net outside it. */
static bool owns(const it_orc *o, int i, it_ip ip)
{
    const it_oracle_box *b = &o->q->box[i];
    if (!translates(b, ip))
        return has_inside(o, i + 1, ip);
    if (b->kind == IT_ORACLE_PREFIX)
        return ip.hi == (PREFIX_MARK | (uint64_t)i);
    for (int e = 0; e < b->n_ext; e++)
        if (it_ip_eq(b->ext[e], ip))
            return true;
    return false;
}

/* --- boxes --- */

static bool polices(const it_oracle_box *b, it_ip ip)
{
    return b->kind == IT_ORACLE_FIREWALL && (!b->only || b->only == (is4(ip) ? 4 : 6));
}

static enum it_orc_action prefix_leaves(it_orc *o, int i, it_orc_pkt *p)
{
    const it_oracle_box *b = &o->q->box[i];
    it_ip from = prefix_out(i, p->src.ip);
    bool back = owns(o, i, p->dst.ip);
    if (!back) {
        p->src.ip = from;
        return IT_ORC_PASS;
    }
    if (b->u.nat.hairpin == IT_ORACLE_HAIRPIN_NONE) {
        it_orc_saw(o, IT_ORC_SAW_NO_HAIRPIN, i);
        return IT_ORC_DROP;
    }
    if (b->u.nat.hairpin == IT_ORACLE_HAIRPIN_EXT)
        p->src.ip = from;
    return IT_ORC_BACK;
}

/* The inside address that NPTv6 box |i| shows as |ip|. */
static bool prefix_in(const it_orc *o, int i, it_ip *ip)
{
    for (int k = 0; k < 2 * IT_ORACLE_SOCKETS; k++) {
        const it_oracle_side *s = &o->q->side[k / IT_ORACLE_SOCKETS];
        int b = k % IT_ORACLE_SOCKETS;
        if (b < s->n_bases && it_ip_eq(prefix_out(i, s->base[b].ip), *ip) && has_inside(o, i + 1, s->base[b].ip)) {
            *ip = s->base[b].ip;
            return true;
        }
    }
    return false;
}

static enum it_orc_action leaves(it_orc *o, int i, it_orc_pkt *p)
{
    const it_oracle_box *b = &o->q->box[i];
    if (polices(b, p->dst.ip))
        return it_orc_wall(o, i, true, p);
    if (!translates(b, p->dst.ip))
        return IT_ORC_PASS;
    if (b->kind == IT_ORACLE_NAT)
        return it_orc_nat_out(o, i, p);
    return prefix_leaves(o, i, p);
}

static enum it_orc_action enters(it_orc *o, int i, it_orc_pkt *p)
{
    const it_oracle_box *b = &o->q->box[i];
    if (polices(b, p->dst.ip))
        return it_orc_wall(o, i, false, p);
    if (!translates(b, p->dst.ip))
        return IT_ORC_PASS;
    if (b->kind == IT_ORACLE_NAT)
        return it_orc_nat_in(o, i, p);
    return prefix_in(o, i, &p->dst.ip) ? IT_ORC_PASS : IT_ORC_DROP;
}

/* An ICMP error goes back the way that |p| came. */
static void way_refused(it_orc *o, const it_orc_pkt *p)
{
    for (int i = p->n_trail; i > 0;)
        it_orc_nat_error(o, p->trail[--i]);
}

/* --- nets --- */

static void leave_by(it_orc *o, int i, it_orc_pkt *p)
{
    const it_oracle_box *b = &o->q->box[i];
    p->boxes += b->kind != IT_ORACLE_ROUTER;
    enum it_orc_action action = leaves(o, i, p);
    if (action == IT_ORC_REFUSE)
        way_refused(o, p);
    if (action == IT_ORC_BACK && b->kind == IT_ORACLE_PREFIX)
        (void)prefix_in(o, i, &p->dst.ip);
    p->inward = action == IT_ORC_BACK;
    if (action == IT_ORC_BACK) {
        p->turned = i;
        it_orc_later(o, o->now, IT_ORC_AT_NET, 0, i + 1, p);
    } else if (action == IT_ORC_PASS) {
        on_wire(o, &b->wire, true, &(it_orc_step){IT_ORC_AT_NET, b->outer, 0, *p});
    }
}

/* The STUN server answers. */
static void served(it_orc *o, const it_orc_pkt *p)
{
    it_orc_pkt back = *p;
    if (o->q->model == 'C' && !it_orc_meet_served(o, p))
        return;
    back.pair = (int16_t)p->msg;
    back.msg = IT_ORC_TOLD;
    back.src = p->dst;
    back.dst = back.mapped = p->src;
    back.n_trail = 0;
    it_orc_later(o, o->now, IT_ORC_AT_NET, 0, 0, &back);
}

static bool at_server(it_orc *o, const it_orc_pkt *p)
{
    const it_oracle_query *q = o->q;
    if (!it_ip_eq(p->dst.ip, q->stun.ip[is4(p->dst.ip) ? 0 : 1]))
        return false;
    it_time t = q->stun.rtt + (o->v.slow_stun[p->side] ? q->stun.slack : 0);
    it_orc_later(o, o->now + t, IT_ORC_SERVED, 0, 0, p);
    return true;
}

/* The socket of side |who| at |dst|, of those that share the address of |base|: one for each transport. */
static int socket_at(const it_orc *o, int who, int base, it_orc_end dst)
{
    for (int b = base; b < o->q->side[who].n_bases && o->q->transports > 1; b++)
        if (it_orc_same(o->side[who].base[b], dst))
            return b;
    return base;
}

static void at_net(it_orc *o, int net, it_orc_pkt *p)
{
    int who, base;
    if (base_in(o, net, p->dst.ip, &who, &base)) {
        base = socket_at(o, who, base, p->dst);
        on_wire(o, &o->q->side[who].base[base].wire, false, &(it_orc_step){IT_ORC_AT_BASE, base, who, *p});
        return;
    }
    if (it_ip_link_local(p->dst.ip)) /* RFC 4291 section 2.5.6: no box hands it on */
        return;
    for (int i = 0; i < o->q->n_boxes; i++)
        if (o->q->box[i].outer == net && owns(o, i, p->dst.ip)) {
            on_wire(o, &o->q->box[i].wire, false, &(it_orc_step){IT_ORC_AT_WAN, i, 0, *p});
            return;
        }
    if (net > 0 && !p->inward)
        leave_by(o, net - 1, p);
    if (net == 0 && !at_server(o, p))
        way_refused(o, p); /* no route: RFC 1812 section 5.2.7.1 */
}

static void at_wan(it_orc *o, int i, it_orc_pkt *p)
{
    p->boxes += o->q->box[i].kind != IT_ORACLE_ROUTER;
    enum it_orc_action action = enters(o, i, p);
    if (action == IT_ORC_REFUSE)
        way_refused(o, p);
    p->inward = true;
    if (action == IT_ORC_PASS)
        it_orc_later(o, o->now, IT_ORC_AT_NET, 0, i + 1, p);
}

void it_orc_way(it_orc *o, const it_orc_step *s)
{
    it_orc_pkt p = s->pkt;
    if (s->what == IT_ORC_AT_NET)
        at_net(o, s->place, &p);
    else if (s->what == IT_ORC_AT_WAN)
        at_wan(o, s->place, &p);
    else
        served(o, &p);
}

void it_orc_send(it_orc *o, int who, int base, it_orc_pkt p)
{
    const it_oracle_base *b = &o->q->side[who].base[base];
    p.src = o->side[who].base[base];
    p.inward = false;
    p.n_trail = 0;
    it_oracle_wire wire = b->wire;
    if (p.msg == IT_ORC_CHECK || p.msg == IT_ORC_IHELLO)
        wire.up += o->v.skew[who];
    on_wire(o, &wire, true, &(it_orc_step){IT_ORC_AT_NET, b->net, who, p});
}
