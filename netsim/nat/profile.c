/* What a NAT is when nothing is said of it, and what no NAT can be. */
#include "netsim/nat/impl.h"

#include "base/pref64.h"

#include <string.h>

void it_nat_profile_init(it_nat_profile *p)
{
    memset(p, 0, sizeof *p);
    p->udp = (it_nat_udp){.mapping = IT_NAT_EI,
                          .filtering = IT_NAT_APD,
                          .alloc = {.parity = true, .range = {1024, 65535}, .step = 1},
                          .inbound_session = true,
                          .timeout = {30 * IT_SEC, 30 * IT_SEC, 120 * IT_SEC, 2 * IT_SEC},
                          .refresh = {.out = true, .inb = true}};
    p->tcp = (it_nat_tcp){.mapping = IT_NAT_EI,
                          .filtering = IT_NAT_APD,
                          .timeout = {.syn = 120 * IT_SEC,
                                      .est = 7440 * IT_SEC,
                                      .fin = 240 * IT_SEC,
                                      .close = 10 * IT_SEC,
                                      .timewait = 120 * IT_SEC,
                                      .syn_recv = 60 * IT_SEC,
                                      .close_wait = 60 * IT_SEC,
                                      .last_ack = 30 * IT_SEC,
                                      .unacked = 300 * IT_SEC}};
    p->icmp.query_timeout = 60 * IT_SEC;
    p->igd.version = 2;
    p->pcp.map = p->pcp.peer = true;
    p->pcp.filters = 8;
    p->icmp.errors = p->icmp.verify_inner = true;
    p->other.timeout = 600 * IT_SEC;
    p->other.gre = 30 * IT_SEC;
    p->other.gre_replied = 180 * IT_SEC;
    p->reassembly.timeout = 30 * IT_SEC;
    p->reassembly.memory = 4u << 20;
    p->table.size = IT_NAT_TABLE_MAX;
    p->pool.size = 1;
    p->state_loss_on_reboot = true;
}

static bool is_upward(it_nat_range r)
{
    return r.lo > 0 && r.lo <= r.hi;
}

static const char *classes_fault(const it_nat_alloc *a)
{
    if (a->n_classes > IT_NAT_RANGES)
        return "at most 8 port classes";
    for (uint32_t i = 0; i < a->n_classes; i++) {
        if (!is_upward(a->classes[i]))
            return "a range of ports goes upwards from 1";
        if (i && a->classes[i].lo <= a->classes[i - 1].hi)
            return "port classes ascend and do not overlap";
    }
    return NULL;
}

static const char *ports_fault(const it_nat_alloc *a)
{
    if (!is_upward(a->range))
        return "a range of ports goes upwards from 1";
    const char *fault = classes_fault(a);
    if (fault)
        return fault;
    if (a->mode == IT_NAT_SEQUENTIAL && (a->step == 0 || a->step > 65535 || a->step < -65535))
        return "sequential ports need a step from -65535 to 65535, not 0";
    return a->noise > 1000000 ? "noise is at most 1000000 ports a second" : NULL;
}

static const char *blocks_fault(const it_nat_profile *p)
{
    const it_nat_alloc *a = &p->udp.alloc;
    if (p->block.size == 0)
        return a->mode == IT_NAT_DET ? "deterministic ports need a block size" : NULL;
    if (p->block.size > (uint32_t)a->range.hi - a->range.lo + 1)
        return "a port block is larger than the range of ports";
    if (a->n_classes)
        return "port blocks and port classes exclude each other";
    return a->mode == IT_NAT_SEQUENTIAL ? "port blocks and sequential ports exclude each other" : NULL;
}

static bool enums_ok(const it_nat_profile *p)
{
    const unsigned fields[][2] = {
        {p->udp.mapping, IT_NAT_APD},
        {p->udp.filtering, IT_NAT_APD},
        {p->udp.alloc.mode, IT_NAT_DET},
        {p->udp.alloc.on_clash, IT_NAT_CLASH_OVERLOAD},
        {p->udp.unsolicited, IT_NAT_UNSOL_LOCAL},
        {p->hairpin, IT_NAT_HAIRPIN_INT},
        {p->fragments, IT_NAT_FRAGMENTS_REASSEMBLE},
        {p->pool.mode, IT_NAT_POOL_PERSISTENT},
        {p->tcp.mapping, IT_NAT_APD},
        {p->tcp.filtering, IT_NAT_APD},
        {p->tcp.syn_in, IT_NAT_SYN_HOLD6},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i][0] > fields[i][1])
            return false;
    return true;
}

static const char *family_fault(const it_nat_profile *p)
{
    switch (p->family) {
    case 0:
        return NULL;
    case 64:
        if (!it_pref64_ok(p->prefix))
            return "NAT64 needs an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits";
        break;
    case 66:
        if (p->prefix.bits > 64 || p->prefix.bits == 0 || it_ip_is4(p->prefix.ip))
            return "NPTv6 needs an IPv6 prefix of 64 bits or fewer";
        break;
    default:
        return "the family is 4, 64 or 66";
    }
    return p->udp.alloc.mode == IT_NAT_DET ? "deterministic ports follow from IPv4 addresses" : NULL;
}

static const char *times_fault(const it_nat_profile *p)
{
    const it_time above[] = {
        p->udp.timeout.initial,  p->udp.timeout.replied,    p->udp.timeout.stream,
        p->icmp.query_timeout,   p->tcp.timeout.syn,        p->tcp.timeout.est,
        p->tcp.timeout.fin,      p->tcp.timeout.close,      p->tcp.timeout.timewait,
        p->tcp.timeout.syn_recv, p->tcp.timeout.close_wait, p->tcp.timeout.last_ack,
        p->tcp.timeout.unacked,  p->other.timeout,          p->other.gre,
        p->other.gre_replied,    p->reassembly.timeout,
    };
    const it_time not_below[] = {p->udp.timeout.stream_after, p->block.lifetime, p->port_reuse};
    for (size_t i = 0; i < sizeof above / sizeof *above; i++)
        if (above[i] <= 0)
            return "a timeout must be above 0";
    for (size_t i = 0; i < sizeof not_below / sizeof *not_below; i++)
        if (not_below[i] < 0)
            return "a time must not be negative";
    return NULL;
}

static bool outside(uint64_t v, uint64_t least, uint64_t most)
{
    return v < least || v > most;
}

const char *it_nat_profile_fault(const it_nat_profile *p)
{
    const struct {
        bool bad;
        const char *why;
    } rules[] = {
        {!enums_ok(p), "a field is outside its enumeration"},
        {times_fault(p) != NULL, times_fault(p)},
        {outside(p->pool.size, 1, IT_NAT_ADDRS_MAX), "a pool has 1 to 64 addresses"},
        {outside(p->table.size, 1, IT_NAT_TABLE_MAX), "a session table has 1 to 1048576 places"},
        {p->family && p->fragments == IT_NAT_FRAGMENTS_REASSEMBLE, "fragments of IPv4 alone are put together"},
        {outside(p->limits.new_per_s, 0, 1000000), "new_per_s is at most 1000000"},
        {outside(p->igd.version, 1, 2), "an internet gateway device has version 1 or 2"},
        {outside(p->pcp.filters, 1, IT_NAT_FILTERS_MAX), "a mapping has 1 to 32 filters"},
    };
    const char *fault = family_fault(p);
    for (size_t i = 0; !fault && i < sizeof rules / sizeof *rules; i++)
        fault = rules[i].bad ? rules[i].why : NULL;
    if (!fault)
        fault = ports_fault(&p->udp.alloc);
    if (!fault)
        fault = blocks_fault(p);
    return fault ? fault : it_nat_profile_unbuilt(p);
}

const char *it_nat_profile_unbuilt(const it_nat_profile *p)
{
    if (p->alg & ~IT_NAT_ALG_GENERIC)
        return "alg: of generic, ftp, sip, h323, rtsp and pptp only generic is built, no other payload would be "
               "rewritten";
    return p->alg && p->family ? "alg: generic is built for IPv4 inside and outside alone" : NULL;
}
