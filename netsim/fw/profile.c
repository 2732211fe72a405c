/* Policies as data: what they are without being told, what they may not say, what they mean. */
#include "netsim/fw/impl.h"
#include "netsim/nat/nat.h"

#include <string.h>

void it_fw_profile_init(it_fw_profile *p)
{
    memset(p, 0, sizeof *p);
    p->udp.filtering = p->tcp.filtering = IT_NAT_APD;
    /* RFC 6092 REC-14: the default should be 5 minutes. REC-35: 2 h 4 min when open, else 4 min. */
    p->udp.timeout = 300 * IT_SEC;
    p->one2one = true;
    p->tcp.timeout.est = 7440 * IT_SEC;
    p->tcp.timeout.syn = p->tcp.timeout.fin = p->tcp.timeout.close = 240 * IT_SEC;
}

static const char *profile_times_fault(const it_fw_profile *p)
{
    const it_fw_tcp *t = &p->tcp;
    const it_time above[] = {p->udp.timeout, t->timeout.syn, t->timeout.est, t->timeout.fin, t->timeout.close};
    const it_time least[] = {
        p->udp.max_flow_age,
        t->max_flow_age,
        t->idle,
        p->until_login,
        p->udp.stream,
        t->timeout.syn_recv,
        t->timeout.close_wait,
        t->timeout.last_ack,
        t->timeout.timewait,
        t->timeout.unacked,
        p->icmp,
        p->other,
    };
    for (size_t i = 0; i < sizeof above / sizeof *above; i++)
        if (above[i] <= 0)
            return "a time is above 0";
    for (size_t i = 0; i < sizeof least / sizeof *least; i++)
        if (least[i] < 0)
            return "a time is not below 0";
    return NULL;
}

static const char *profile_police_fault(const it_fw_rate *r)
{
    const int64_t values[] = {r->pps, r->bps, r->bucket}, most[] = {1000000000, 1000000000000, 1 << 30};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (values[i] < 0 || values[i] > most[i])
            return "police: pps is at most 1000000000, rate 1000 Gbps, bucket 1 GiB";
    if (r->burst && !r->pps)
        return "police: burst needs pps";
    if (r->bucket && !r->bps)
        return "police: bucket needs rate";
    return NULL;
}

static const char *profile_rates_fault(const it_fw_profile *p)
{
    for (int i = 0; i < 2; i++) {
        const char *fault = profile_police_fault(&p->police[i]);
        if (fault)
            return fault;
    }
    if (p->udp.rate_pps > 1000000000)
        return "rate_pps is at most 1000000000";
    if (p->udp.burst && !p->udp.rate_pps)
        return "burst needs rate_pps";
    return NULL;
}

static const char *profile_range_fault(const it_fw_profile *p)
{
    const it_fw_ports *const ports[] = {&p->udp_out, &p->tcp_out, &p->udp_in, &p->tcp_in, &p->tcp.rst_ports};
    const uint8_t deps[] = {p->udp.filtering, p->udp.mapping, p->tcp.filtering};
    bool ok = p->tcp.syn_in <= IT_FW_SYN_HOLD && p->tcp.kill <= IT_FW_KILL_LATE && p->tcp.rst_after >= 0;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        ok &= ports[i]->n <= IT_FW_PORTS;
    for (size_t i = 0; i < sizeof deps; i++)
        ok &= deps[i] <= IT_NAT_APD;
    return ok ? NULL : "a field is outside its range";
}

/* Fields that do not go together, or could say nothing else than what is so. */
static const char *profile_sense_fault(const it_fw_profile *p)
{
    const it_fw_tcp *t = &p->tcp;
    const struct {
        bool bad;
        const char *why;
    } RULES[] = {
        {t->kill && !t->idle && !t->max_flow_age, "kill needs idle or max_flow_age"},
        {t->rst_after && !t->rst_ports.set, "rst_after needs rst_ports"},
        {p->conntrack && t->idle, "conntrack has idle times of its own: tcp.idle is not for it"},
        {p->udp.mapping != IT_NAT_EI, "a firewall translates nothing: its mapping is EIM"},
        {!p->one2one, "a firewall translates nothing: one2one is true"},
    };
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
        if (RULES[i].bad)
            return RULES[i].why;
    return NULL;
}

const char *it_fw_profile_fault(const it_fw_profile *p)
{
    const char *fault = profile_range_fault(p);
    if (!fault)
        fault = profile_sense_fault(p);
    if (!fault)
        fault = profile_times_fault(p);
    if (!fault)
        fault = profile_rates_fault(p);
    return fault;
}

bool it_fw_udp_stateful(const it_fw_profile *p)
{
    return p->udp.stateful || p->udp_out.set || p->udp_in.set;
}

bool it_fw_tcp_stateful(const it_fw_profile *p)
{
    return p->tcp.stateful || p->tcp_out.set || p->tcp_in.set || p->tcp.idle;
}

bool it_fw_ports_allow(const it_fw_ports *ports, uint16_t port)
{
    if (!ports->set || ports->any)
        return true;
    for (uint32_t i = 0; i < ports->n; i++)
        if (ports->port[i] == port)
            return true;
    return false;
}

#define CROSSED (120 * IT_SEC) /* when SYNs have crossed; netfilter has no name for it either */

static it_time profile_time(it_time own, it_time other)
{
    return own ? own : other;
}

void it_fwc_tcp_times(const it_fw_tcp *p, it_time t[IT_CT_TIMES])
{
    t[IT_CT_NONE] = t[IT_CT_SENT] = p->timeout.syn;
    t[IT_CT_SENT2] = CROSSED;
    t[IT_CT_RECV] = profile_time(p->timeout.syn_recv, p->timeout.syn);
    t[IT_CT_EST] = p->timeout.est;
    t[IT_CT_FIN_WAIT] = p->timeout.fin;
    t[IT_CT_CLOSE_WAIT] = profile_time(p->timeout.close_wait, p->timeout.fin);
    t[IT_CT_LAST_ACK] = profile_time(p->timeout.last_ack, p->timeout.fin);
    t[IT_CT_TIME_WAIT] = profile_time(p->timeout.timewait, p->timeout.fin);
    t[IT_CT_CLOSED] = p->timeout.close;
    t[IT_CT_UNACKED] = t[IT_CT_RETRANS] = profile_time(p->timeout.unacked, p->timeout.est);
}
