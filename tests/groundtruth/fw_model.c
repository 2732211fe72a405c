/* Our side: a world of one firewall, of the policy outbound-only, between two edges, in virtual time. */
#include "tests/groundtruth/fw.h"

#include "netsim/core/link.h"
#include "netsim/core/world.h"

#include <stdlib.h>
#include <string.h>

typedef struct model {
    fw_side side;
    it_alloc alloc;
    it_fw_profile p;
    it_world *w;
    it_node *edge[2];
    it_time now;
    it_pkt *first[2], **last[2]; /* what came out */
    char why[96];
} model;

static void die(const char *what)
{
    fprintf(stderr, "groundtruth: our firewall: %s\n", what);
    exit(1);
}

static void set_timers(it_fw_profile *p, const uint8_t timer[FW_TIMERS])
{
    it_time *const to[FW_TIMERS] = {
        [FW_T_UDP] = &p->udp.timeout,
        [FW_T_STREAM] = &p->udp.stream,
        [FW_T_ICMP] = &p->icmp,
        [FW_T_OTHER] = &p->other,
        [FW_T_SYN] = &p->tcp.timeout.syn,
        [FW_T_SYN_RECV] = &p->tcp.timeout.syn_recv,
        [FW_T_EST] = &p->tcp.timeout.est,
        [FW_T_FIN] = &p->tcp.timeout.fin,
        [FW_T_CLOSE_WAIT] = &p->tcp.timeout.close_wait,
        [FW_T_LAST_ACK] = &p->tcp.timeout.last_ack,
        [FW_T_TIMEWAIT] = &p->tcp.timeout.timewait,
        [FW_T_CLOSE] = &p->tcp.timeout.close,
        [FW_T_UNACKED] = &p->tcp.timeout.unacked,
    };
    for (int i = 0; i < FW_TIMERS; i++)
        *to[i] = timer[i] * IT_SEC;
}

static void see(void *self, const it_seen_packet *p)
{
    model *m = self;
    if (p->kind == IT_SEEN_DROP)
        snprintf(m->why, sizeof m->why, "%s: %s", it_drop_key(p->reason), p->note ? p->note : "");
}

const char *fw_model_why(const fw_side *s)
{
    return ((const model *)s)->why;
}

static void m_begin(fw_side *s, const uint8_t timer[FW_TIMERS])
{
    static const char *const NAMES[] = {"inside", "outside"};
    model *m = (model *)s;
    it_world_free(m->w);
    m->w = it_world_new(&(it_world_cfg){&m->alloc, 1});
    if (timer[0])
        set_timers(&m->p, timer);
    it_fw *fw = m->w ? it_fw_new(m->w, "fw", &m->p) : NULL;
    if (!fw || it_world_observe(m->w, (it_observer){m, see}) < 0)
        die("no box");
    m->why[0] = 0;
    for (int dev = 0; dev < 2; dev++) {
        it_link_cfg cfg = {.name = NAMES[dev]};
        m->edge[dev] = it_edge_new(m->w, NAMES[dev], "tun");
        if (!m->edge[dev] || it_link_new(m->w, &cfg, m->edge[dev], 0, it_fw_node(fw), dev) < 0)
            die("no link");
        m->first[dev] = NULL;
        m->last[dev] = &m->first[dev];
    }
    m->now = 0;
}

static void wait_until(model *m, it_time until)
{
    int rc;
    m->now = until;
    while ((rc = it_world_run(m->w, until)) == 1)
        for (int dev = 0; dev < 2; dev++)
            for (it_pkt *p; (p = it_edge_take(m->edge[dev])) != NULL; m->last[dev] = &p->next)
                *m->last[dev] = p;
    if (rc < 0)
        die("the world ended");
}

/* What no packet is, the host of the edge drops. */
static void m_send(fw_side *s, int dev, const gt_raw *p)
{
    model *m = (model *)s;
    int err = it_edge_send(m->edge[dev], m->now, it_bytes_of(p->b, p->n), 0);
    if (err < 0 && err != IT_ERR_PARSE)
        die("a packet is refused");
    wait_until(m, m->now + 10 * IT_US);
}

static bool m_take(fw_side *s, int dev, gt_raw *p)
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

static uint32_t m_wait(fw_side *s, uint32_t ms)
{
    model *m = (model *)s;
    wait_until(m, m->now + ms * IT_MS);
    return ms;
}

fw_side *fw_model_new(char why[256])
{
    model *m = calloc(1, sizeof *m);
    if (!m)
        die("no memory");
    it_alloc_init(&m->alloc);
    it_profiles *ps = it_profiles_builtin(&m->alloc, why);
    const it_profile *p = ps ? it_profiles_box(ps, "outbound-only") : NULL;
    if (!p || p->kind != IT_PROFILE_FIREWALL) {
        snprintf(why, 256, "no policy outbound-only");
        it_profiles_free(ps);
        free(m);
        return NULL;
    }
    m->p = p->u.fw.fw;
    it_profiles_free(ps);
    m->side = (fw_side){m_begin, m_send, m_take, m_wait};
    return &m->side;
}
