/* A firewall without translation: what may pass, and for how long, for IPv4 and IPv6 alike.
 *
 *     inside (port 0, "in")  <->  [ flows, policer ]  <->  outside (port 1, "out")
 *
 * Like a wire with an opinion: it has no address, takes nothing off the hop limit and passes the next hop on. A stateful policy
 * keeps a flow per 5-tuple and lets in what its filtering allows (RFC 6092 section 3.2); connections are followed by
 * netsim/tcptrack.h wherever the policy is stateful or names ports (section 3.3), with 2 h 4 min established and 4 min otherwise
 * (REC-35). An unsolicited SYN is dropped in silence: the ICMPv6 after six seconds of REC-34 is not built.
 * Proxies, portals and tunnels are not here: the loader of profiles says so. */
#ifndef IT_NETSIM_FIREWALL_H
#define IT_NETSIM_FIREWALL_H

#include "netsim/world.h"

typedef struct it_fw it_fw;

#define IT_FW_IN 0 /* port numbers of the node */
#define IT_FW_OUT 1
#define IT_FW_PORTS 16

typedef struct it_fw_ports {
    uint16_t port[IT_FW_PORTS]; /* allowed destination ports of what goes out */
    uint8_t n;
    bool set; /* the policy names any; else all are allowed */
    bool any; /* "*" is among them */
} it_fw_ports;

typedef struct it_fw_profile {
    struct {
        bool block;    /* no UDP either way */
        bool stateful; /* what comes in needs a flow, by |mapping| and |filtering|; udp_out implies it */
        uint8_t mapping,
            filtering;        /* enum it_nat_dep of netsim/nat.h; without translation every mapping is endpoint-independent */
        it_time timeout;      /* idle time of a flow (RFC 6092 REC-14) */
        uint32_t rate_pps;    /* policer for each direction, packets a second; 0: none */
        uint32_t burst;       /* its bucket, packets */
        it_time max_flow_age; /* a flow this old is dead, whatever its traffic, until it was silent for |timeout|; 0: never */
    } udp;
    it_fw_ports udp_out, tcp_out;
    bool one2one; /* says that addresses stay; a firewall knows nothing else */
} it_fw_profile;

/* A policy that lets everything pass; timeout 5 min. */
void it_fw_profile_init(it_fw_profile *p);

/* NULL when a box can be made of |p|; else a sentence that says what is wrong. Static storage. */
const char *it_fw_profile_fault(const it_fw_profile *p);

/* A firewall of policy |p| (copied). NULL on no memory, a name taken or a policy with a fault. The world owns it. */
it_fw *it_fw_new(it_world *w, const char *name, const it_fw_profile *p);
it_node *it_fw_node(it_fw *fw);
/* The firewall that |n| is, NULL for any other kind of node. */
it_fw *it_fw_of(it_node *n);

/* The policy of |fw|; lives as long as the firewall. */
const it_fw_profile *it_fw_profile_of(const it_fw *fw);

/* Replaces the policy from now on; flows stay. Returns 0 or IT_ERR_RANGE (a fault). */
int it_fw_set(it_fw *fw, const it_fw_profile *p) IT_MUST_CHECK;
/* Everything is dropped with IT_DROP_NAT_REBOOT for |down| ns; flows are lost. */
void it_fw_reboot(it_fw *fw, it_time now, it_time down);
void it_fw_flush(it_fw *fw, it_time now);

typedef struct it_fw_stats {
    uint64_t out, in;                            /* packets passed */
    uint64_t flows_created, flows_ended, killed; /* killed: by age */
    uint32_t flows;                              /* now */
    uint64_t drops[IT_DROP_COUNT];
} it_fw_stats;

/* The counts of |fw| so far; live as long as it does. */
const it_fw_stats *it_fw_stat(const it_fw *fw);

#endif
