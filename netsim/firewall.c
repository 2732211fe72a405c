/* The firewall: policy by protocol and port, policers, and flows with idle timers and an age.
 *
 * A flow is keyed by its 5-tuple as seen from inside. Endpoint-independent and address-dependent filtering look at counters of
 * flows beside it. Timers are lazy, as in the NAT: an entry in the heap is moved on when it comes up. */
#include "netsim/firewall.h"

#include "base/map.h"
#include "netsim/nat.h"
#include "netsim/tcptrack.h"

#include <string.h>

#define FLOWS_MAX (1u << 20) /* a table's size in a large box; beyond it new flows are dropped */
#define KEY_WORDS 5
#define TCP_ESTABLISHED (7440 * IT_SEC) /* RFC 6092 REC-35, RFC 5382 REQ-5: 2 h 4 min */
#define TCP_TRANSITORY (240 * IT_SEC)   /* 4 min */

typedef struct flow {
    uint64_t key[KEY_WORDS]; /* inside address, outside address, protocol and ports */
    it_time created, expires;
    uint32_t gen;
    bool live, dead; /* |dead|: by age; it stays until it was silent */
    it_tcpt tcp;     /* of a connection */
} flow;

struct it_fw {
    it_node node;
    it_fw_profile p;
    flow *flows;
    size_t n_flows, cap_flows;
    uint32_t *free;
    size_t n_free, cap_free;
    it_map by_key, ends, perms; /* flows; flows of an inside endpoint; of it with a remote address */
    it_heap timers;
    uint64_t seq;
    it_time up_at;
    it_time tat[2]; /* when each direction's bucket is full again */
    it_fw_stats stats;
};

/* --- policies --- */

void it_fw_profile_init(it_fw_profile *p)
{
    memset(p, 0, sizeof *p);
    p->udp.filtering = IT_NAT_APD;
    /* RFC 6092 REC-14: the default should be 5 minutes. */
    p->udp.timeout = 300 * IT_SEC;
}

const char *it_fw_profile_fault(const it_fw_profile *p)
{
    if (p->udp.filtering > IT_NAT_APD || p->udp.mapping > IT_NAT_APD || p->udp_out.n > IT_FW_PORTS || p->tcp_out.n > IT_FW_PORTS)
        return "a field is outside its range";
    if (p->udp.timeout <= 0 || p->udp.max_flow_age < 0)
        return "a time is above 0";
    if (p->udp.rate_pps > 1000000000)
        return "rate_pps is at most 1000000000";
    return p->udp.burst && !p->udp.rate_pps ? "burst needs rate_pps" : NULL;
}

static bool tracks(const it_fw_profile *p)
{
    return p->udp.stateful || p->udp_out.set;
}

static bool allows(const it_fw_ports *ports, uint16_t port)
{
    if (!ports->set || ports->any)
        return true;
    for (uint32_t i = 0; i < ports->n; i++)
        if (ports->port[i] == port)
            return true;
    return false;
}

/* --- the table of flows --- */

static void end_key(const flow *f, uint64_t key[3])
{
    key[0] = f->key[0];
    key[1] = f->key[1];
    key[2] = f->key[4] >> 16; /* protocol and inside port */
}

static void perm_key(const flow *f, uint64_t key[KEY_WORDS])
{
    memcpy(key, f->key, KEY_WORDS * sizeof *key);
    key[4] >>= 16;
}

static int count_up(it_map *m, const uint64_t *key)
{
    uint32_t n = it_map_get(m, key);
    return it_map_put(m, key, n == IT_MAP_NONE ? 1 : n + 1);
}

static void count_down(it_map *m, const uint64_t *key)
{
    uint32_t n = it_map_get(m, key);
    if (n == 1)
        it_map_del(m, key);
    else if (n != IT_MAP_NONE)
        (void)!it_map_put(m, key, n - 1); /* replaces: needs no memory */
}

static int push_timer(it_fw *fw, uint32_t i)
{
    const flow *f = &fw->flows[i];
    return it_heap_push(&fw->timers, (it_heap_item){f->expires, fw->seq++, (uint64_t)f->gen << 32 | i});
}

/* Puts flow |i| into the tables; takes it out again as far as it came without memory. */
static int enter(it_fw *fw, uint32_t i)
{
    const flow *f = &fw->flows[i];
    uint64_t end[3], perm[KEY_WORDS];
    end_key(f, end);
    perm_key(f, perm);
    if (it_map_put(&fw->by_key, f->key, i) < 0)
        return IT_ERR_NOMEM;
    int err = count_up(&fw->ends, end);
    if (err == 0) {
        err = count_up(&fw->perms, perm);
        if (err == 0)
            err = push_timer(fw, i);
        if (err < 0)
            count_down(&fw->ends, end);
    }
    if (err < 0)
        it_map_del(&fw->by_key, f->key);
    return err;
}

static void end_flow(it_fw *fw, uint32_t i)
{
    flow *f = &fw->flows[i];
    uint64_t end[3], perm[KEY_WORDS];
    end_key(f, end);
    perm_key(f, perm);
    it_map_del(&fw->by_key, f->key);
    count_down(&fw->ends, end);
    count_down(&fw->perms, perm);
    f->live = false;
    f->gen++;
    fw->free[fw->n_free++] = i;
    fw->stats.flows--;
    fw->stats.flows_ended++;
}

static uint32_t new_flow(it_fw *fw, it_time now, const uint64_t key[KEY_WORDS])
{
    it_alloc *a = fw->timers.alloc;
    uint32_t i;
    if (fw->n_free) {
        i = fw->free[--fw->n_free];
    } else {
        if (it_grow(a, &fw->flows, &fw->cap_flows, fw->n_flows + 1, sizeof *fw->flows) < 0 ||
            it_grow(a, &fw->free, &fw->cap_free, fw->n_flows + 1, sizeof *fw->free) < 0)
            return IT_MAP_NONE;
        i = (uint32_t)fw->n_flows++;
        fw->flows[i].gen = 0;
    }
    flow *f = &fw->flows[i];
    *f = (flow){.created = now, .expires = now + fw->p.udp.timeout, .gen = f->gen};
    memcpy(f->key, key, sizeof f->key);
    if (enter(fw, i) < 0) {
        fw->free[fw->n_free++] = i;
        f->gen++;
        return IT_MAP_NONE;
    }
    f->live = true;
    fw->stats.flows++;
    fw->stats.flows_created++;
    return i;
}

/* Flow |i| ends at |at| now. An earlier end than before needs an entry of its own in the heap. */
static void move_expiry(it_fw *fw, uint32_t i, it_time at)
{
    flow *f = &fw->flows[i];
    bool earlier = at < f->expires;
    f->expires = at;
    if (earlier && push_timer(fw, i) < 0)
        it_node_oom(&fw->node);
}

static void expire(it_fw *fw, it_time now)
{
    for (;;) {
        const it_heap_item *top = it_heap_top(&fw->timers);
        if (!top || top->time > now)
            return;
        uint32_t i = (uint32_t)top->id;
        const flow *f = &fw->flows[i];
        bool mine = f->live && f->gen == (uint32_t)(top->id >> 32);
        if (mine && f->expires > now) {
            it_heap_replace_top(&fw->timers, f->expires, fw->seq++, top->id);
            continue;
        }
        it_heap_pop(&fw->timers);
        if (mine)
            end_flow(fw, i);
    }
}

/* --- what passes --- */

static void drop(it_fw *fw, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    fw->stats.drops[reason]++;
    it_node_drop(&fw->node, now, port, p, reason, more);
}

static void pass(it_fw *fw, it_time now, int port, it_pkt *p)
{
    *(port == IT_FW_IN ? &fw->stats.out : &fw->stats.in) += 1;
    it_node_send(&fw->node, now, port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN, p);
}

/* A leaky bucket of |burst| packets: RFC 2697's single rate, in packets. */
static bool over_rate(it_fw *fw, it_time now, int port)
{
    uint32_t rate = fw->p.udp.rate_pps, burst = fw->p.udp.burst ? fw->p.udp.burst : 1;
    it_time *tat = &fw->tat[port];
    if (rate == 0)
        return false;
    it_time gap = IT_SEC / rate;
    if (*tat - now > gap * (it_time)(burst - 1))
        return true;
    *tat = (*tat > now ? *tat : now) + gap;
    return false;
}

/* The flow a packet with these ends belongs to, seen from inside when it arrives on |port|. */
static void make_key(uint64_t key[KEY_WORDS], int port, it_addr src, it_addr dst, uint8_t proto)
{
    it_addr in = port == IT_FW_IN ? src : dst, out = port == IT_FW_IN ? dst : src;
    key[0] = in.ip.hi;
    key[1] = in.ip.lo;
    key[2] = out.ip.hi;
    key[3] = out.ip.lo;
    key[4] = (uint64_t)proto << 32 | (uint64_t)in.port << 16 | out.port;
}

/* RFC 6092 REC-17: what may come in without a flow of its own. */
static bool filter_lets_in(const it_fw *fw, const uint64_t key[KEY_WORDS])
{
    flow f;
    uint64_t end[3], perm[KEY_WORDS];
    memcpy(f.key, key, sizeof f.key);
    end_key(&f, end);
    perm_key(&f, perm);
    if (fw->p.udp.filtering == IT_NAT_EI)
        return it_map_get(&fw->ends, end) != IT_MAP_NONE;
    return fw->p.udp.filtering == IT_NAT_AD && it_map_get(&fw->perms, perm) != IT_MAP_NONE;
}

/* Follows the flow of |p|: passes or drops it. */
static void follow(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[KEY_WORDS])
{
    uint32_t i = it_map_get(&fw->by_key, key);
    if (i == IT_MAP_NONE) {
        if (port == IT_FW_OUT && tracks(&fw->p) && !filter_lets_in(fw, key)) {
            drop(fw, now, port, p, IT_DROP_FW_STATE, NULL);
            return;
        }
        i = fw->stats.flows < FLOWS_MAX ? new_flow(fw, now, key) : IT_MAP_NONE;
        if (i == IT_MAP_NONE) {
            if (fw->stats.flows < FLOWS_MAX)
                it_node_oom(&fw->node);
            drop(fw, now, port, p, IT_DROP_FW_STATE, "flow table full");
            return;
        }
    }
    flow *f = &fw->flows[i];
    if (now + fw->p.udp.timeout > f->expires)
        f->expires = now + fw->p.udp.timeout;
    if (fw->p.udp.max_flow_age && now - f->created >= fw->p.udp.max_flow_age && p->proto == IT_PROTO_UDP) {
        fw->stats.killed += !f->dead;
        f->dead = true;
        drop(fw, now, port, p, IT_DROP_FW_POLICY, "max_flow_age");
        return;
    }
    pass(fw, now, port, p);
}

static void udp(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[KEY_WORDS];
    if (fw->p.udp.block) {
        drop(fw, now, port, p, IT_DROP_FW_POLICY, "UDP is blocked");
    } else if (port == IT_FW_IN && p->ports == IT_PKT_PORTS_PAIR && !allows(&fw->p.udp_out, p->dport)) {
        drop(fw, now, port, p, IT_DROP_FW_POLICY, "udp_out");
    } else if (over_rate(fw, now, port)) {
        drop(fw, now, port, p, IT_DROP_FW_RATE, NULL);
    } else if (!tracks(&fw->p) && !fw->p.udp.max_flow_age) {
        pass(fw, now, port, p);
    } else if (p->ports != IT_PKT_PORTS_PAIR) {
        drop(fw, now, port, p, IT_DROP_FW_STATE, "a fragment without ports");
    } else {
        make_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_UDP);
        follow(fw, now, port, p, key);
    }
}

/* How long a connection may be idle in its state: RFC 6092 REC-35, with RFC 5382 section 5 for what is half closed. */
static it_time tcp_idle(uint8_t state)
{
    return state == IT_TCPT_EST || state == IT_TCPT_FIN ? TCP_ESTABLISHED : TCP_TRANSITORY;
}

/* The connection of |p|, made where |p| may open one; IT_MAP_NONE when it was dropped. */
static uint32_t connection(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[KEY_WORDS], bool *first)
{
    uint32_t i = it_map_get(&fw->by_key, key);
    *first = i == IT_MAP_NONE;
    if (i != IT_MAP_NONE)
        return i;
    if (!it_tcpt_is_syn(p) || (port == IT_FW_OUT && !filter_lets_in(fw, key))) {
        drop(fw, now, port, p, IT_DROP_FW_STATE, it_tcpt_is_syn(p) ? NULL : "no connection, and not a SYN");
        return IT_MAP_NONE;
    }
    i = fw->stats.flows < FLOWS_MAX ? new_flow(fw, now, key) : IT_MAP_NONE;
    if (i == IT_MAP_NONE) {
        if (fw->stats.flows < FLOWS_MAX)
            it_node_oom(&fw->node);
        drop(fw, now, port, p, IT_DROP_FW_STATE, "flow table full");
    }
    return i;
}

/* RFC 6092 section 3.3. */
static void tcp(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[KEY_WORDS];
    bool first;
    if (!tracks(&fw->p) && !fw->p.tcp_out.set) {
        pass(fw, now, port, p);
        return;
    }
    if (p->ports != IT_PKT_PORTS_PAIR) {
        drop(fw, now, port, p, IT_DROP_FW_STATE, "a fragment without ports");
        return;
    }
    make_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_TCP);
    if (port == IT_FW_IN && !allows(&fw->p.tcp_out, p->dport) && it_map_get(&fw->by_key, key) == IT_MAP_NONE) {
        drop(fw, now, port, p, IT_DROP_FW_POLICY, "tcp_out");
        return;
    }
    uint32_t i = connection(fw, now, port, p, key, &first);
    if (i == IT_MAP_NONE)
        return;
    flow *f = &fw->flows[i];
    if (first)
        it_tcpt_open(&f->tcp, port, p);
    /* A reset that does not fit, or what comes behind the second FIN, prolongs nothing. */
    if (first || it_tcpt_see(&f->tcp, port, p))
        move_expiry(fw, i, now + tcp_idle(f->tcp.state));
    pass(fw, now, port, p);
}

/* The flow that the packet inside ICMP error |p| belongs to; false when it cannot be read. It went the other way. */
static bool inner_key(uint64_t key[KEY_WORDS], int port, it_pkt *p)
{
    size_t n = (size_t)(p->len - p->l4), header = p->ver == 4 ? 20 : 40;
    const uint8_t *ip = it_pkt_l4(p) + 8;
    if (n < 8 + header + 8 || ip[0] >> 4 != p->ver)
        return false;
    if (p->ver == 4)
        header = (size_t)(ip[0] & 15) * 4;
    if (header < 20 || n < 8 + header + 8)
        return false;
    /* IPv6 extension headers in an error are not followed: such a packet then matches no flow. */
    uint8_t proto = ip[p->ver == 4 ? 9 : 6];
    const uint8_t *l4 = ip + header;
    size_t at = p->ver == 4 ? 12 : 8, len = p->ver == 4 ? 4 : 16;
    it_addr src = {it_ip_from_bytes(ip + at, len), it_get16(l4)};
    it_addr dst = {it_ip_from_bytes(ip + at + len, len), it_get16(l4 + 2)};
    if (proto == IT_PROTO_ICMP || proto == IT_PROTO_ICMP6)
        src.port = dst.port = it_get16(l4 + 4);
    make_key(key, port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN, src, dst, proto);
    return true;
}

static void icmp(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[KEY_WORDS];
    if (!tracks(&fw->p)) {
        pass(fw, now, port, p);
    } else if (it_pkt_is_icmp_error(p)) {
        /* RFC 6092 REC-10, RFC 4890 section 4.3.1: errors about flows pass. */
        if (inner_key(key, port, p) && it_map_get(&fw->by_key, key) != IT_MAP_NONE)
            pass(fw, now, port, p);
        else
            drop(fw, now, port, p, IT_DROP_FW_STATE, "ICMP error about no flow");
    } else if (p->ports == IT_PKT_PORTS_ID) {
        make_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), p->proto);
        follow(fw, now, port, p, key);
    } else {
        drop(fw, now, port, p, IT_DROP_FW_STATE, "ICMP that belongs to no flow");
    }
}

/* --- the node --- */

static void deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    it_fw *fw = (it_fw *)(void *)n;
    expire(fw, now);
    if (now < fw->up_at)
        drop(fw, now, port, p, IT_DROP_NAT_REBOOT, NULL);
    else if (p->proto == IT_PROTO_UDP)
        udp(fw, now, port, p);
    else if (p->proto == IT_PROTO_ICMP || p->proto == IT_PROTO_ICMP6)
        icmp(fw, now, port, p);
    else if (p->proto == IT_PROTO_TCP)
        tcp(fw, now, port, p);
    else if (tracks(&fw->p) || fw->p.tcp_out.set)
        drop(fw, now, port, p, IT_DROP_NAT_PROTO, NULL);
    else
        pass(fw, now, port, p);
}

static it_time next_timer(const it_node *n)
{
    const it_heap_item *top = it_heap_top(&((const it_fw *)(const void *)n)->timers);
    return top ? top->time : IT_NEVER;
}

static void run_timers(it_node *n, it_time now)
{
    expire((it_fw *)(void *)n, now);
}

static void free_fw(it_node *n)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_alloc *a = fw->timers.alloc;
    it_map_fini(&fw->by_key);
    it_map_fini(&fw->ends);
    it_map_fini(&fw->perms);
    it_heap_fini(&fw->timers);
    it_free(a, fw->flows);
    it_free(a, fw->free);
    it_free(a, fw);
}

static const it_node_ops OPS = {.kind = "firewall", .deliver = deliver, .next = next_timer, .run = run_timers, .free = free_fw};

it_fw *it_fw_new(it_world *w, const char *name, const it_fw_profile *p)
{
    it_alloc *a = it_world_alloc(w);
    it_fw *fw = it_fw_profile_fault(p) ? NULL : it_calloc(a, 1, sizeof *fw);
    if (!fw)
        return NULL;
    fw->p = *p;
    it_heap_init(&fw->timers, a);
    it_map_init(&fw->by_key, a, KEY_WORDS);
    it_map_init(&fw->ends, a, 3);
    it_map_init(&fw->perms, a, KEY_WORDS);
    if (it_node_init(&fw->node, w, &OPS, name) < 0) {
        it_free(a, fw);
        return NULL;
    }
    /* Without its ports the box stays in the world, which frees it. */
    if (it_node_add_port(&fw->node, "in") < 0 || it_node_add_port(&fw->node, "out") < 0)
        return NULL;
    return fw;
}

it_node *it_fw_node(it_fw *fw)
{
    return &fw->node;
}

it_fw *it_fw_of(it_node *n)
{
    return n->ops == &OPS ? (it_fw *)(void *)n : NULL;
}

int it_fw_set(it_fw *fw, const it_fw_profile *p)
{
    if (it_fw_profile_fault(p))
        return IT_ERR_RANGE;
    fw->p = *p;
    return 0;
}

void it_fw_flush(it_fw *fw, it_time now)
{
    (void)now;
    for (uint32_t i = 0; i < fw->n_flows; i++)
        if (fw->flows[i].live)
            end_flow(fw, i);
    fw->timers.n = 0;
}

void it_fw_reboot(it_fw *fw, it_time now, it_time down)
{
    it_node_note(&fw->node, now, "reboot");
    fw->up_at = now + down;
    it_fw_flush(fw, now);
}

const it_fw_stats *it_fw_stat(const it_fw *fw)
{
    return &fw->stats;
}

const it_fw_profile *it_fw_profile_of(const it_fw *fw)
{
    return &fw->p;
}
