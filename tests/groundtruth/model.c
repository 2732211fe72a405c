/* Our side: a world of one NAT between two edges, in virtual time. */
#include "tests/groundtruth/gt.h"

#include "netsim/core/link.h"
#include "netsim/core/world.h"

#include <stdlib.h>
#include <string.h>

typedef struct model {
    gt_side side;
    const gt_case *c;
    it_alloc alloc;
    it_nat_profile p;
    it_world *w;
    it_node *edge[2];
    it_time now;
    it_pkt *first[2], **last[2]; /* what came out */
} model;

static void die(const char *what)
{
    fprintf(stderr, "groundtruth: our side: %s\n", what);
    exit(1);
}

static void plug(model *m, it_nat *nat, int dev, const char *name)
{
    it_link_cfg cfg = {.name = name};
    m->edge[dev] = it_edge_new(m->w, name, "tun");
    if (!m->edge[dev] ||
        it_link_new(m->w, &cfg, m->edge[dev], 0, it_nat_node(nat), dev == GT_IN ? IT_NAT_LAN : IT_NAT_WAN) < 0)
        die("no link");
}

static void reset(gt_side *s, uint64_t luck)
{
    model *m = (model *)s;
    it_ip addrs[GT_EXT_N];
    it_world_free(m->w);
    m->w = it_world_new(&(it_world_cfg){&m->alloc, luck});
    it_nat *nat = m->w ? it_nat_new(m->w, "nat", &m->p) : NULL;
    for (uint32_t i = 0; i < GT_EXT_N; i++)
        addrs[i] = it_ip4(GT_EXT + i);
    if (!nat || it_nat_inside(nat, it_ip4(GT_OWN), 24) < 0 ||
        it_nat_outside(nat, addrs, m->p.pool.size, (it_ip){0, 0}) < 0)
        die("no box");
    plug(m, nat, GT_IN, "inside");
    plug(m, nat, GT_OUT, "outside");
    m->now = 0;
    for (int dev = 0; dev < 2; dev++) {
        m->first[dev] = NULL;
        m->last[dev] = &m->first[dev];
    }
}

static void send(gt_side *s, int dev, const gt_raw *p)
{
    model *m = (model *)s;
    /* What is no packet never reaches the box: a link of ours carries packets that parse. */
    int err = it_edge_send(m->edge[dev], m->now, it_bytes_of(p->b, p->n), 0);
    if (err < 0 && err != IT_ERR_PARSE)
        die("a packet is refused");
}

static void wait_until(model *m, it_time until)
{
    int rc = 1;
    m->now = until;
    while ((rc = it_world_run(m->w, until)) == 1) {
        for (int dev = 0; dev < 2; dev++) {
            for (it_pkt *p; (p = it_edge_take(m->edge[dev])) != NULL; m->last[dev] = &p->next)
                *m->last[dev] = p;
        }
    }
    if (rc < 0)
        die("the world ended");
}

static void settle(gt_side *s)
{
    model *m = (model *)s;
    wait_until(m, m->now + 10 * IT_US);
}

static bool take(gt_side *s, int dev, gt_raw *p)
{
    model *m = (model *)s;
    it_pkt *k = m->first[dev];
    if (!k)
        return false;
    m->first[dev] = k->next;
    if (!k->next)
        m->last[dev] = &m->first[dev];
    memcpy(p->b, it_pkt_ip(k), k->len);
    p->n = k->len;
    it_pkt_free(it_world_pool(m->w), k);
    return true;
}

static uint32_t wait_ms(gt_side *s, uint32_t ms)
{
    model *m = (model *)s;
    wait_until(m, m->now + ms * IT_MS);
    return ms;
}

/* The typed cases are the profile of their mapping with what the nft maps add. */
static void set_typed(it_nat_profile *p, const gt_case *c, uint32_t map_s)
{
    (void)map_s;
    if (c->filtering >= 0)
        p->udp.filtering = (uint8_t)c->filtering;
    if (c->filtering >= 0 && c->filtering != IT_NAT_APD && c->hairpin)
        p->hairpin = IT_NAT_HAIRPIN_EXT;
}

static void timers(gt_side *s, const uint8_t timer[GT_TIMERS])
{
    it_nat_profile *p = &((model *)s)->p;
    p->udp.timeout.initial = p->udp.timeout.replied = timer[GT_T_UDP] * IT_SEC;
    p->udp.timeout.stream = timer[GT_T_UDP_STREAM] * IT_SEC;
    p->icmp.query_timeout = timer[GT_T_ICMP] * IT_SEC;
    p->other.timeout = p->other.gre = timer[GT_T_OTHER] * IT_SEC;
    p->other.gre_replied = timer[GT_T_GRE_STREAM] * IT_SEC;
    p->reassembly.timeout = timer[GT_T_FRAG] * IT_SEC;
    p->tcp.timeout.syn = timer[GT_T_SYN] * IT_SEC;
    p->tcp.timeout.est = timer[GT_T_EST] * IT_SEC;
    p->tcp.timeout.fin = timer[GT_T_FIN_WAIT] * IT_SEC;
    p->tcp.timeout.timewait = timer[GT_T_TIME_WAIT] * IT_SEC;
    p->tcp.timeout.close = timer[GT_T_CLOSE] * IT_SEC;
    p->tcp.timeout.syn_recv = timer[GT_T_SYN_RECV] * IT_SEC;
    p->tcp.timeout.close_wait = timer[GT_T_CLOSE_WAIT] * IT_SEC;
    p->tcp.timeout.last_ack = timer[GT_T_LAST_ACK] * IT_SEC;
    p->tcp.timeout.unacked = timer[GT_T_UNACKED] * IT_SEC;
}

gt_side *gt_model_new(const gt_case *c, uint32_t map_s, char why[256])
{
    model *m = calloc(1, sizeof *m);
    if (!m)
        die("no memory");
    it_alloc_init(&m->alloc);
    it_profiles *ps = it_profiles_builtin(&m->alloc, why);
    const it_profile *p = ps ? it_profiles_box(ps, c->profile) : NULL;
    if (!p || p->kind != IT_PROFILE_NAT || p->unsupported) {
        if (ps)
            snprintf(why, 256, "%s: %s", c->profile, p && p->unsupported ? p->unsupported : "no such NAT profile");
        it_profiles_free(ps);
        free(m);
        return NULL;
    }
    m->p = p->u.nat;
    it_profiles_free(ps);
    m->c = c;
    set_typed(&m->p, c, map_s);
    m->side = (gt_side){"model", timers, reset, send, settle, take, wait_ms};
    return &m->side;
}
