/* Profiles as the oracle knows them, key by key. */
#include "lab/judge/boxes.h"

#include <string.h>

/* --- NATs --- */

static const uint8_t CLASH[] = {
    [IT_NAT_CLASH_RANDOM] = IT_ORACLE_CLASH_OTHER,
    [IT_NAT_CLASH_NEXT] = IT_ORACLE_CLASH_OTHER,
    [IT_NAT_CLASH_DROP] = IT_ORACLE_CLASH_DROP,
    [IT_NAT_CLASH_OVERLOAD] = IT_ORACLE_CLASH_SHARE,
};
static const uint8_t UNSOLICITED[] = {
    [IT_NAT_UNSOL_DROP] = IT_ORACLE_UNSOL_DROP,
    [IT_NAT_UNSOL_REJECT] = IT_ORACLE_UNSOL_REFUSE,
    [IT_NAT_UNSOL_LOCAL] = IT_ORACLE_UNSOL_TAKE,
};
static const uint8_t HAIRPIN[] = {
    [IT_NAT_HAIRPIN_NONE] = IT_ORACLE_HAIRPIN_NONE,
    [IT_NAT_HAIRPIN_EXT] = IT_ORACLE_HAIRPIN_EXT,
    [IT_NAT_HAIRPIN_INT] = IT_ORACLE_HAIRPIN_INT,
};
static const uint8_t DEP[] = {
    [IT_NAT_EI] = IT_ORACLE_EI,
    [IT_NAT_AD] = IT_ORACLE_AD,
    [IT_NAT_APD] = IT_ORACLE_APD,
};

/* Where external ports lie. With classes that is the one of a host's own ports (RFC 6335 section 6). */
static void range_of(const it_nat_alloc *a, it_oracle_nat *n)
{
    it_nat_range r = a->range;
    n->classes = a->n_classes > 0;
    if (n->classes) {
        int i = 0;
        while (i + 1 < a->n_classes && a->classes[i].hi < 49152)
            i++;
        r = a->classes[i];
    }
    n->lo = r.lo;
    n->hi = r.hi;
}

/* The least of two limits, of which 0 is none. */
static uint32_t least(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* Mappings that a host may have: its quota, its blocks, and the ports that there are. */
static uint32_t ports_of(const it_nat_profile *p, const it_oracle_nat *n)
{
    uint32_t most = p->limits.ports_per_host, per = p->udp.alloc.parity ? 2 : 1;
    uint32_t blocks = p->udp.alloc.mode == IT_NAT_DET ? 1 : p->block.max;
    if (p->block.size && blocks)
        most = least(most, p->block.size * blocks / per > 0 ? p->block.size * blocks / per : 1);
    if (p->udp.overload || p->one2one)
        return most;
    return least(most, ((uint32_t)n->hi - n->lo + 1) / per > 0 ? ((uint32_t)n->hi - n->lo + 1) / per : 1);
}

static void times_of(const it_nat_udp *u, it_oracle_nat *n)
{
    n->initial = u->timeout.initial;
    n->replied = u->timeout.replied;
    n->stream = u->timeout.stream;
    n->stream_after = u->timeout.stream_after;
    n->refresh_out = u->refresh.out;
    n->refresh_in = u->refresh.inb;
}

/* |limit|, or 0 when no call comes near it. */
static uint32_t unless_far(uint32_t limit, uint32_t far)
{
    return limit > far ? 0 : limit;
}

static void limits_of(const it_nat_profile *p, it_oracle_nat *n)
{
    n->most_ports = unless_far(ports_of(p, n), 256);
    n->most_sessions = unless_far(p->limits.sessions_per_host, 256);
    n->most_table = unless_far(p->table.size, 256);
    n->evict = p->table.evict;
    n->most_new = unless_far(p->limits.new_per_s, 256);
    n->most_dest = unless_far(p->limits.sessions_per_dest, 8);
}

void it_oracle_of_nat(const it_nat_profile *p, it_oracle_box *b)
{
    it_oracle_nat *n = &b->u.nat;
    memset(&b->u, 0, sizeof b->u);
    b->kind = IT_ORACLE_NAT;
    b->to4 = p->family == 64;
    if (p->family == 64)
        b->kind = IT_ORACLE_ROUTER;
    if (p->family == 66)
        b->kind = IT_ORACLE_PREFIX;
    n->hairpin = HAIRPIN[p->hairpin];
    if (p->family == 66)
        return;
    n->syn = p->tcp.timeout.syn;
    n->tcp.mapping = DEP[p->tcp.mapping];
    n->tcp.filtering = DEP[p->tcp.filtering];
    n->tcp.refuses = p->tcp.syn_in == IT_NAT_SYN_RST || p->tcp.syn_in == IT_NAT_SYN_ICMP;
    n->initial = p->udp.timeout.initial;
    if (p->family)
        return;
    n->mapping = DEP[p->udp.mapping];
    n->filtering = DEP[p->udp.filtering];
    n->preserve = p->udp.alloc.mode == IT_NAT_PRESERVE;
    n->blocks = p->block.size > 0;
    range_of(&p->udp.alloc, n);
    n->clash = CLASH[p->udp.alloc.on_clash];
    n->overload = p->udp.overload;
    n->clash_edm = p->udp.clash_edm;
    n->sessions_in = p->udp.inbound_session;
    times_of(&p->udp, n);
    n->unsolicited = UNSOLICITED[p->udp.unsolicited];
    n->pool = p->pool.size;
    n->arbitrary = p->pool.mode == IT_NAT_POOL_ARBITRARY && p->udp.alloc.mode != IT_NAT_DET && !p->one2one;
    n->one2one = p->one2one;
    n->kills = p->icmp.kills;
    limits_of(p, n);
}

/* --- firewalls --- */

_Static_assert(IT_FW_PORTS <= IT_ORACLE_PORTS, "a policy's ports fit");

static it_oracle_ports ports_of_policy(const it_fw_ports *from)
{
    it_oracle_ports p = {.set = from->set, .any = from->any, .n = from->n};
    memcpy(p.port, from->port, from->n * sizeof *p.port);
    return p;
}

static void tcp_of(const it_fw_profile *p, it_oracle_wall_tcp *t)
{
    t->block = p->tcp.block;
    t->stateful = it_fw_tcp_stateful(p);
    t->filtering = DEP[p->tcp.filtering];
    t->refuses = p->tcp.syn_in == IT_FW_SYN_RST || p->tcp.syn_in == IT_FW_SYN_ICMP;
    t->out = ports_of_policy(&p->tcp_out);
    t->in = ports_of_policy(&p->tcp_in);
    t->syn = p->tcp.timeout.syn;
    t->max_age = p->tcp.max_flow_age;
    t->cut = ports_of_policy(&p->tcp.rst_ports);
    t->cut_after = p->tcp.rst_after;
    t->catch_tls = p->tls_mitm;
    t->catch_web = p->ws_strip;
    t->login_tls = p->portal_tls == IT_FW_PORTAL_ANSWERS;
}

void it_oracle_of_fw(const it_fw_profile *p, it_oracle_box *b)
{
    it_oracle_wall *w = &b->u.wall;
    memset(&b->u, 0, sizeof b->u);
    b->kind = IT_ORACLE_FIREWALL;
    w->block = p->udp.block;
    w->stateful = it_fw_udp_stateful(p);
    w->filtering = DEP[p->udp.filtering];
    w->timeout = p->udp.timeout;
    w->max_age = p->udp.max_flow_age;
    w->login = p->until_login;
    w->out = ports_of_policy(&p->udp_out);
    w->in = ports_of_policy(&p->udp_in);
    w->ingress = p->ingress;
    w->ike = p->ipsec;
    w->pps = least(p->udp.rate_pps, least(p->police[0].pps, p->police[1].pps));
    tcp_of(p, &w->tcp);
}

/* --- what each key is to the oracle --- */

#define USED ""
#define TCP_LATER "it is of a connection that is open"
#define MAPS_BY_REQUEST "no model asks a box for a mapping while a call begins"
#define ADDRESS_RULE "which port it is tells nobody apart: a new port is a new symbol"

typedef struct known {
    const char *path, *why;
} known;

static const known NAT_KEYS[] = {
    {"udp.mapping", USED},
    {"udp.filtering", USED},
    {"udp.alloc.mode", USED},
    {"udp.alloc.range", USED},
    {"udp.alloc.classes", USED},
    {"udp.alloc.on_clash", USED},
    {"udp.alloc.step", ADDRESS_RULE},
    {"udp.alloc.noise", ADDRESS_RULE},
    {"udp.alloc.parity", USED},
    {"udp.alloc.contiguity", ADDRESS_RULE},
    {"udp.overload", USED},
    {"udp.clash_edm", USED},
    {"udp.inbound_session", USED},
    {"udp.timeout.initial", USED},
    {"udp.timeout.replied", USED},
    {"udp.timeout.stream", USED},
    {"udp.timeout.stream_after", USED},
    {"udp.refresh.out", USED},
    {"udp.refresh.inb", USED},
    {"udp.unsolicited", USED},
    {"tcp", TCP_LATER},
    {"tcp.mapping", USED},
    {"tcp.filtering", USED},
    {"tcp.syn_in", USED},
    {"tcp.timeout.syn", USED},
    {"icmp.query_timeout", "ICE sends no ICMP queries"},
    {"icmp.errors", "no side ends a check for an ICMP error (RFC 8445 section 7.2.5.2.2 is not followed)"},
    {"icmp.kills", USED},
    {"icmp.sessions", "errors decide nothing"},
    {"icmp.verify_inner", "errors decide nothing"},
    {"udp.alloc.tries", "a range that is nearly full is a limit by itself"},
    {"udp.refresh.dropped", "what a box drops of a call is dropped for lack of a flow"},
    {"reassembly", "checks and their answers are never fragments"},
    {"verify", "no host sends a wrong checksum"},
    {"reserved", "no host has such an address"},
    {"other", "what ICE sends is UDP"},
    {"table.size", USED},
    {"table.evict", USED},
    {"silent", "no side ends a check for an ICMP error"},
    {"hairpin", USED},
    {"fragments", "checks and their answers are never fragments"},
    {"pool.size", USED},
    {"pool.mode", USED},
    {"limits.ports_per_host", USED},
    {"limits.sessions_per_host", USED},
    {"limits.sessions_per_dest", USED},
    {"limits.new_per_s", USED},
    {"block.size", USED},
    {"block.max", USED},
    {"block.lifetime", "a block that is empty is never needed again before the call is decided"},
    {"port_reuse", "a freed port stays with its host, and a new one is a new symbol"},
    {"portmap", MAPS_BY_REQUEST},
    {"igd", MAPS_BY_REQUEST},
    {"pcp", MAPS_BY_REQUEST},
    {"alg", "an XOR-MAPPED-ADDRESS is not an address to an ALG (RFC 8489 section 14.2)"},
    {"state_loss_on_reboot", "a reboot is a fault: from there on calls are not judged"},
    {"one2one", USED},
    {"family", USED},
    {"prefix", "which prefix it is tells nobody apart"},
};

static const known FW_KEYS[] = {
    {"udp.mapping", "a firewall translates nothing"},
    {"udp.filtering", USED},
    {"udp.timeout", USED},
    {"udp.rate_pps", USED},
    {"udp.burst", "a low rate makes the verdict either, whatever its bucket"},
    {"udp.max_flow_age", USED},
    {"udp.stream", "a flow between the peers that was answered has opened the call"},
    {"conntrack", "UDP flows are known by the same endpoints; their times are keys of their own"},
    {"icmp_timeout", "ICE sends no ICMP queries"},
    {"other_timeout", "what ICE sends is UDP"},
    {"udp", USED},
    {"tcp", USED},
    {"tcp.filtering", USED},
    {"tcp.syn_in", USED},
    {"tcp.loose", TCP_LATER},
    {"tcp.timeout", TCP_LATER},
    {"tcp.timeout.syn", USED},
    {"tcp.idle", USED},
    {"tcp.kill", TCP_LATER},
    {"udp_out", USED},
    {"tcp_out", USED},
    {"udp_in", USED},
    {"tcp_in", USED},
    {"police.up.pps", USED},
    {"police.down.pps", USED},
    {"police", "a policer of bytes is slower than checks only where one of packets would be"},
    {"ipsec", USED},
    {"ingress", USED},
    {"one2one", "a firewall translates nothing"},
    {"proxy", "which tunnels it makes, and for whom, is told with the ways of a side to a relay"},
    {"tunnel", "its other end is a box of its own, its wire is longer"},
    {"tls_mitm", USED},
    {"tls_intercept", "what it answers in the server's place is its own, decrypted or not"},
    {"tls_pass", "what becomes of a name is told with the ways of a side to a relay"},
    {"ws_upgrade", USED},
    {"http_redirect", "that there is a portal is said by the box that has one, and where it is tells nobody apart"},
    {"until_login", USED},
    {"portal_tls", USED},
    {"portal_says", "it says so in the server's place, whatever it says"},
};

/* The longest entry of |list| that is |path| or a table around it. */
static const char *look_up(const known *list, size_t n, const char *path)
{
    const char *why = NULL;
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i].path);
        if (len < best || strncmp(list[i].path, path, len) != 0 || (path[len] != '\0' && path[len] != '.'))
            continue;
        best = len;
        why = list[i].why;
    }
    return why;
}

const char *it_oracle_key(bool fw, const char *path)
{
    if (fw)
        return look_up(FW_KEYS, sizeof FW_KEYS / sizeof *FW_KEYS, path);
    return look_up(NAT_KEYS, sizeof NAT_KEYS / sizeof *NAT_KEYS, path);
}
