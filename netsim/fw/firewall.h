/* A firewall without translation: what may pass, and for how long, for IPv4 and IPv6 alike.
 *
 *     inside (port 0, "in")  <->  [ policer, policy, flows ]  <->  outside (port 1, "out")
 *                                          |
 *                                     port 2, "own": a host of the box (proxy, portal), reached from inside alone
 *
 * Like a wire with an opinion: it takes nothing off the hop limit and passes the next hop on. A stateful policy keeps a
 * flow per 5-tuple and lets in what its filtering allows (RFC 6092 sections 3.2, 3.3); flows of TCP are followed by
 * netsim/box/tcptrack.h, or as netfilter does (|conntrack|) by netsim/box/conntrack.h. It judges datagrams: fragments
 * wait until all are there (netsim/box/gather.h) and then pass as they came. It has an address only to complain with
 * (it_fw_address). What a proxy or portal says is not here but
 * in an app on the box's own host; the box only steers packets to it, address and port rewritten and written back on
 * the way home. */
#ifndef IT_NETSIM_FW_FIREWALL_H
#define IT_NETSIM_FW_FIREWALL_H

#include "netsim/core/world.h"

typedef struct it_fw it_fw;

#define IT_FW_IN 0 /* port numbers of the node */
#define IT_FW_OUT 1
#define IT_FW_OWN 2 /* only after it_fw_own */
#define IT_FW_PORTS 16

typedef struct it_fw_ports {
    uint16_t port[IT_FW_PORTS]; /* allowed destination ports of what goes out */
    uint8_t n;
    bool set; /* the policy names any; else all are allowed */
    bool any; /* "*" is among them */
} it_fw_ports;

/* What answers a SYN from outside that no flow and no rule lets in. */
enum it_fw_syn {
    IT_FW_SYN_DROP,
    IT_FW_SYN_RST,
    IT_FW_SYN_ICMP, /* administratively prohibited, at once */
    IT_FW_SYN_HOLD  /* the same after 6 s in which no SYN came from inside (RFC 6092 REC-34); also to an INIT of SCTP
                       (REC-39) */
};

/* How a flow of TCP that was idle or alive for too long ends. */
enum it_fw_kill {
    IT_FW_KILL_SILENT, /* forgotten; what comes later is dropped */
    IT_FW_KILL_RST,    /* both ends get a RST */
    IT_FW_KILL_LATE    /* forgotten; what comes later from inside is answered with a RST */
};

/* A policer of one direction, of everything that comes; 0: no limit. RFC 2697's single rate, once in packets and once
 * in bytes. */
typedef struct it_fw_rate {
    uint32_t pps, burst; /* packets a second; the bucket in packets, 0: 1 */
    int64_t bps;         /* bit/s of IP packets */
    int64_t bucket;      /* bytes, 0: IT_PKT_MAX */
} it_fw_rate;

typedef struct it_fw_udp {
    bool block;    /* no UDP either way */
    bool stateful; /* what comes in needs a flow, by |filtering|; udp_out, udp_in imply it */
    uint8_t mapping,
        filtering;   /* enum it_nat_dep of netsim/nat/nat.h; without translation every mapping is IT_NAT_EI */
    it_time timeout; /* idle time of a flow (RFC 6092 REC-14) */
    it_time stream; /* that of one that was answered, from its packets on that come 2 s after the first; 0: |timeout| */
    uint32_t rate_pps; /* policer for each direction, packets a second; 0: none */
    uint32_t burst;    /* its bucket, packets */
    /* a flow this old is dead, whatever its traffic, until it was silent for |timeout|; 0: never */
    it_time max_flow_age;
} it_fw_udp;

typedef struct it_fw_tcp {
    bool block;        /* no TCP either way */
    bool stateful;     /* what comes in needs a flow, by |filtering|; tcp_out, tcp_in, idle imply it */
    uint8_t filtering; /* enum it_nat_dep: whose SYN may come in (RFC 6092 REC-33) */
    uint8_t syn_in;    /* enum it_fw_syn */
    bool loose;        /* a segment from inside that is no SYN may begin a flow */
    struct {
        it_time syn, est, fin,
            close; /* idle time before the answer, open, after a FIN, after a reset (RFC 6092 REC-35) */
        /* By netfilter's phases, of conntrack alone; 0: |syn|, and |fin| for the next three, and no limit. */
        it_time syn_recv, close_wait, last_ack, timewait;
        it_time unacked; /* while something is unacknowledged, or the same comes again and again */
    } timeout;
    it_time idle; /* an open flow that was silent so long is ended by |kill|; 0: only by timeout.est, silently */
    uint8_t kill; /* enum it_fw_kill, of |idle| and max_flow_age */
    it_time max_flow_age;  /* a flow this old is ended by |kill|, its segments are dropped; 0: never */
    it_fw_ports rst_ports; /* flows to these outside ports are reset (not set: no flow is; "*": all) ... */
    int64_t rst_after; /* ... by the segment with which more than so many bytes of payload have passed. It passes too */
} it_fw_tcp;

typedef struct it_fw_profile {
    it_fw_udp udp;
    it_fw_tcp tcp;
    it_fw_ports udp_out, tcp_out; /* destination ports that a flow from inside may go to */
    it_fw_ports udp_in, tcp_in;   /* destination ports inside that a flow from outside may go to */
    it_fw_rate police[2];         /* of what comes in through IT_FW_IN, IT_FW_OUT */
    bool ipsec;                   /* ESP, AH and IKE pass both ways (RFC 6092 REC-21, 22, 24) */
    bool conntrack; /* flows are what netfilter takes for them, and what it calls invalid passes neither way: TCP by
                     * phases and windows, wrong checksums, ICMP by type, code and identifier */
    it_time icmp, other; /* idle times of ICMP queries and of protocols without ports; 0: as if they were UDP, but SCTP
                          * and DCCP as open TCP (RFC 6092 REC-40, 44) */
    bool ingress;        /* of IPv6, no forged or local addresses and no deprecated headers (RFC 6092 REC-3 to 7) */
    bool one2one;        /* says that addresses stay; a firewall knows nothing else */
    it_time until_login; /* until then a captive portal for whoever has not logged in: DNS and HTTP from inside go to
                          * the own host, all else is dropped */
    uint8_t portal_tls;  /* enum it_fw_portal_tls: what becomes of TCP to 443 until then */
    bool tls_mitm;       /* TCP to 443 goes to the box's own host */
    bool ws_strip;       /* TCP to 80 goes to the box's own host */
} it_fw_profile;

/* What a portal does with TLS, which it cannot answer for: nothing; or its own host has it, which resets what it does
 * not listen for, or shows a certificate of its own. */
enum it_fw_portal_tls { IT_FW_PORTAL_DROPS, IT_FW_PORTAL_RESETS, IT_FW_PORTAL_ANSWERS };

/* A policy that lets everything pass; UDP 5 min, TCP 2 h 4 min and 4 min, silently. */
void it_fw_profile_init(it_fw_profile *p);

/* NULL when a box can be made of |p|; else a sentence that says what is wrong. Static storage. */
const char *it_fw_profile_fault(const it_fw_profile *p);

/* Whether what comes in of UDP, TCP needs a flow. */
bool it_fw_udp_stateful(const it_fw_profile *p);
bool it_fw_tcp_stateful(const it_fw_profile *p);

/* Whether |port| is among |ports|; true for a list that is not set. */
bool it_fw_ports_allow(const it_fw_ports *ports, uint16_t port);

/* A firewall of policy |p| (copied). NULL on no memory, a name taken or a policy with a fault. The world owns it. */
it_fw *it_fw_new(it_world *w, const char *name, const it_fw_profile *p);
it_node *it_fw_node(it_fw *fw);
/* The firewall that |n| is, NULL for any other kind of node. */
it_fw *it_fw_of(it_node *n);

/* The address of its family that ICMP errors of |fw| come from. Without one they come from the destination. */
void it_fw_address(it_fw *fw, it_ip ip);
/* The next hop, of its family, of what the box itself sends outside; none at a point-to-point link. */
void it_fw_gateway(it_fw *fw, it_ip ip);

/* |inside| (IPv6) is, or with !|there| is no longer, a prefix of the inside network, by which |ingress| tells forged
 * sources (RFC 6092 REC-5, 6); as long as none is known, none are. Returns 0, IT_ERR_RANGE (IPv4) or IT_ERR_NOMEM. */
int it_fw_inside(it_fw *fw, it_prefix inside, bool there) IT_MUST_CHECK;

/* Lets everything but the family |ver| (4, 6; 0: nothing) pass: the policy is that of one half of a dual-stack box. */
void it_fw_only(it_fw *fw, uint8_t ver);

/* Gives |fw| the port IT_FW_OWN, for a host with address |ip|: packets from inside to it go there, past the policy, and
 * what comes from there goes inside. Once for each family. Returns 0, IT_ERR_EXISTS or IT_ERR_NOMEM. */
int it_fw_own(it_fw *fw, it_ip ip) IT_MUST_CHECK;

/* Lets |client|, an address inside, pass before until_login; a reboot forgets it. Returns 0 or IT_ERR_NOMEM. */
int it_fw_login(it_fw *fw, it_ip client) IT_MUST_CHECK;

/* Where packets of |proto| from |client| (inside) that the own host sees come to its |port| were really sent: what the
 * portal or interceptor is to imitate. False when none were steered. */
bool it_fw_original(const it_fw *fw, uint8_t proto, it_addr client, uint16_t port, it_addr *to);

/* The policy of |fw|; lives as long as the firewall. */
const it_fw_profile *it_fw_profile_of(const it_fw *fw);

/* Replaces the policy from now on; flows stay, but those of TCP end when |conntrack| changes: one tracker knows nothing
 * of what the other saw. Returns 0 or IT_ERR_RANGE (a fault). */
int it_fw_set(it_fw *fw, const it_fw_profile *p) IT_MUST_CHECK;
/* Everything is dropped with IT_DROP_FW_REBOOT for |down| ns; flows are lost. */
void it_fw_reboot(it_fw *fw, it_time now, it_time down);
void it_fw_flush(it_fw *fw, it_time now);

typedef struct it_fw_stats {
    uint64_t out, in;                            /* packets passed */
    uint64_t flows_created, flows_ended, killed; /* killed: by age or idleness */
    uint64_t resets;                             /* RSTs made by the box */
    uint64_t steered;                            /* packets to the own host that were for somebody else */
    uint32_t flows;                              /* now */
    uint64_t drops[IT_DROP_COUNT];
} it_fw_stats;

/* The counts of |fw| so far; live as long as it does. */
const it_fw_stats *it_fw_stat(const it_fw *fw);

#endif
