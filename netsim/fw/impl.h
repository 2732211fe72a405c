/* What the files of the firewall share. Not for anybody else. */
#ifndef IT_NETSIM_FW_IMPL_H
#define IT_NETSIM_FW_IMPL_H

#include "base/table/map.h"
#include "netsim/fw/firewall.h"
#include "netsim/box/conntrack.h"
#include "netsim/box/gather.h"
#include "netsim/box/tcptrack.h"

#define IT_FWC_FLOWS (1u << 20) /* a table's size in a large box; beyond it new flows are dropped */
#define IT_FWC_HELD 64          /* SYNs held at once: an attacker must not fill the box */
#define IT_FWC_KNOWN 256        /* datagrams in fragments that passed and are remembered */

/* What came in: a packet, or a datagram whose fragments are all there. Whoever is handed it passes, drops or keeps all
 * of it. */
typedef struct it_fwc_in {
    it_fw *fw;
    it_time now;
    int port;
    it_pkt *p;      /* the packet, or the fragment with the transport header */
    it_pkt *rest;   /* the fragments behind it, in order, by |next| */
    uint32_t extra; /* their bytes */
} it_fwc_in;

/* Protocol and ports of a flow in one word, compared and hashed whole. Of an ICMP query the port inside is its
 * identifier and the one outside its type and code; whatever has no ports has 0. Nothing looks at |w| but the functions
 * here. */
typedef struct it_fwc_ports {
    uint64_t w;
} it_fwc_ports;

static inline it_fwc_ports it_fwc_ports_of(uint8_t proto, uint16_t inside, uint16_t outside)
{
    return (it_fwc_ports){(uint64_t)proto << 32 | (uint64_t)inside << 16 | outside};
}
/* The same for an ICMP query, which replies from the other side belong to: |from_outside|: who asks. */
static inline it_fwc_ports it_fwc_ports_query(uint8_t proto, bool from_outside, uint16_t id, uint16_t type_code)
{
    return (it_fwc_ports){(uint64_t)from_outside << 40 | it_fwc_ports_of(proto, id, type_code).w};
}
static inline uint8_t it_fwc_proto(it_fwc_ports p)
{
    return (uint8_t)(p.w >> 32);
}
static inline uint16_t it_fwc_port_inside(it_fwc_ports p)
{
    return (uint16_t)(p.w >> 16);
}
static inline uint16_t it_fwc_port_outside(it_fwc_ports p)
{
    return (uint16_t)p.w;
}
/* |p| for every port outside. */
static inline it_fwc_ports it_fwc_ports_near(it_fwc_ports p)
{
    return (it_fwc_ports){p.w >> 16};
}

/* What a flow is known by, as seen from inside: its two ends. */
typedef union it_fwc_key {
    struct {
        it_ip inside, outside;
        it_fwc_ports ports;
    };
    uint64_t words[5];
} it_fwc_key;

/* The end of a flow inside, by which the flows of it are counted. */
typedef union it_fwc_near {
    struct {
        it_ip ip;
        it_fwc_ports ports;
    };
    uint64_t words[3];
} it_fwc_near;

#define IT_FWC_WORDS(key) (sizeof(key) / sizeof(uint64_t)) /* of a key, for it_map_init */

typedef struct it_fwc_flow {
    it_fwc_key key;
    it_time created, expires;
    uint32_t gen;
    uint8_t opener;  /* port of the first packet */
    bool replied;    /* one has passed from the other side */
    bool live, dead; /* |dead|: by age; it stays until it was silent */
} it_fwc_flow;

/* What TCP adds to a flow; directions are ports. */
typedef struct it_fwc_tcp {
    it_tcpt t;
    it_ct ct;       /* of conntrack; direction 0 is that of |opener| */
    uint64_t bytes; /* payload so far */
} it_fwc_tcp;

typedef struct it_fwc_held {
    it_fwc_key key;
    it_pkt *p; /* NULL: released */
    it_time at;
} it_fwc_held;

/* Packets of |client| that go to the own host's |port| instead of |to|. */
typedef struct it_fwc_steer {
    it_addr client, to;
    uint16_t port;
    uint8_t proto;
} it_fwc_steer;

/* A datagram in fragments that has passed: errors about its later ones, which have no ports, belong to it. */
typedef struct it_fwc_known {
    it_ip src, dst;
    it_time until;
    uint32_t id;
} it_fwc_known;

struct it_fw {
    it_node node;
    it_fw_profile p;
    it_fwc_flow *flows;
    size_t n_flows, cap_flows;
    it_fwc_tcp *tcps; /* by flow */
    size_t cap_tcps;
    uint32_t *free;
    size_t n_free, cap_free;
    it_map by_key, ends, perms; /* flows; flows of an inside endpoint; of it with a remote address */
    it_heap timers;
    it_fwc_held held[IT_FWC_HELD]; /* a ring, in order of time */
    uint32_t held_at, n_held;
    it_fwc_steer *steers;
    size_t n_steers, cap_steers, next_steer; /* a ring when it is full */
    it_ip own4, own6, self4, self6, gateway4, gateway6;
    it_map inside;       /* addresses of the inside that are known one by one ... */
    it_prefix *prefixes; /* ... and by prefixes (RFC 6092 REC-5, 6) */
    size_t n_prefixes, cap_prefixes;
    it_gather *gather;   /* NULL: no fragment has come yet */
    it_fwc_known *known; /* a ring when it is full */
    size_t n_known, cap_known, next_known;
    it_map logins; /* inside addresses that the portal lets pass */
    uint8_t only;  /* 4, 6: the family that is policed; 0: both */
    uint64_t seq;
    it_time up_at;
    it_time tat[2];                 /* when each direction's bucket of udp.rate_pps is full again */
    it_time tat_pps[2], tat_bps[2]; /* and of police */
    it_fw_stats stats;
};

/* --- firewall.c --- */

/* Judges what came in by its protocol. */
void it_fwc_dispatch(const it_fwc_in *in);
/* Whether the policy keeps flows of any kind. */
bool it_fwc_tracks(const it_fw *fw);

/* --- pass.c: what becomes of what came in --- */

void it_fwc_drop(const it_fwc_in *in, enum it_drop reason, const char *more);
void it_fwc_pass(const it_fwc_in *in);
/* Drops it and answers with "administratively prohibited" (RFC 6092 REC-34; RFC 1812 section 5.2.7.1). */
void it_fwc_prohibit(const it_fwc_in *in, enum it_drop reason, const char *more);
/* Drops |in| and answers it with a reset from its destination. */
void it_fwc_reset_back(const it_fwc_in *in, enum it_drop reason, const char *more);
/* Sends |p|, made by the box, out of |port|. */
void it_fwc_send(it_fw *fw, it_time now, int port, it_pkt *p);
/* Whether the transport checksum over all of it is right, or there is none. */
bool it_fwc_checksum_ok(const it_fwc_in *in);

/* --- profile.c --- */

/* The idle times of TCP by netfilter's phases. */
void it_fwc_tcp_times(const it_fw_tcp *p, it_time t[IT_CT_TIMES]);

/* --- police.c --- */

/* The policer of everything, packets and bytes. A packet that one bucket refuses takes nothing from the other. */
bool it_fwc_over_police(it_fw *fw, it_time now, int port, const it_pkt *p);
bool it_fwc_over_udp_rate(it_fw *fw, it_time now, int port);

/* --- frag.c --- */

/* Takes fragment |p|. */
void it_fwc_fragment(it_fw *fw, it_time now, int port, it_pkt *p);
/* Drops the datagrams whose fragments did not all come in time. */
void it_fwc_frag_run(it_fw *fw, it_time now);
it_time it_fwc_frag_next(const it_fw *fw);
void it_fwc_frag_flush(it_fw *fw);
/* |in|, in fragments, passes: errors about them are known for a while. */
void it_fwc_frag_passed(const it_fwc_in *in);
/* Whether a datagram in fragments from |src| to |dst| passed under this identification lately. */
bool it_fwc_frag_known(const it_fw *fw, it_time now, it_ip src, it_ip dst, uint32_t id);

/* --- flow.c: the table --- */

/* The flow a packet with these ends belongs to, seen from inside when it arrives on |port|. */
it_fwc_key it_fwc_key_of(int port, it_addr src, it_addr dst, uint8_t proto);
it_addr it_fwc_end(const it_fwc_key *key, int port); /* its end on the side of |port| */
/* Whether a flow of the same inside endpoint lets in what has no flow, by |filtering|. RFC 6092 REC-17, 33. */
bool it_fwc_filter_lets_in(const it_fw *fw, const it_fwc_key *key, uint8_t filtering);
/* A new flow by a packet that came through |port|; IT_MAP_NONE when the table is full or memory is short. */
uint32_t it_fwc_flow_new(it_fw *fw, it_time now, int port, const it_fwc_key *key, it_time expires);
void it_fwc_flow_end(it_fw *fw, uint32_t i);
/* Ends what has expired. */
void it_fwc_expire(it_fw *fw, it_time now);
/* Sets when flow |i| expires, earlier or later. */
void it_fwc_flow_until(it_fw *fw, uint32_t i, it_time expires);

/* --- udp.c: what has no connections --- */

/* Follows the flow |key|, making it where it may begin. */
void it_fwc_follow(const it_fwc_in *in, const it_fwc_key *key);
void it_fwc_udp(const it_fwc_in *in);
/* Everything that is neither UDP, TCP nor ICMP. */
void it_fwc_other(const it_fwc_in *in);

/* --- icmp.c --- */

void it_fwc_icmp(const it_fwc_in *in);
/* Whether the flow that |in|, an ICMP query or reply, would begin may be begun by it. */
bool it_fwc_icmp_begins(const it_fwc_in *in);

/* --- tcp.c --- */

void it_fwc_tcp_in(const it_fwc_in *in);
/* Keeps it, which begins a connection from outside, to be refused after 6 s. */
void it_fwc_hold(const it_fwc_in *in, const it_fwc_key *key);
/* The same came from inside: what is held of |key| is dropped silently. RFC 6092 REC-34, 39, RFC 5382 REC-4. */
void it_fwc_release(it_fw *fw, it_time now, const it_fwc_key *key);
/* Flow |i| has expired and is about to end. */
void it_fwc_tcp_expired(it_fw *fw, it_time now, uint32_t i);
void it_fwc_held_run(it_fw *fw, it_time now);
it_time it_fwc_held_next(const it_fw *fw);
void it_fwc_held_flush(it_fw *fw);

/* --- reset.c: resets of the box's own making --- */

/* Sends reset |r| (owned) out of |port|. */
void it_fwc_reset_send(it_fw *fw, it_time now, int port, it_pkt *r);
/* Ends both sides of flow |i| with resets. */
void it_fwc_reset_both(it_fw *fw, it_time now, uint32_t i);

/* --- source.c: filters without state --- */

/* True when |in| was dropped for its addresses or headers alone. */
bool it_fwc_martian(const it_fwc_in *in);
/* Whether |p| has an authentication header (RFC 4302). */
bool it_fwc_authenticated(const it_pkt *p);

/* --- own.c: the own host --- */

/* Whether the portal lets |p|, which came through |port|, pass. */
bool it_fwc_logged_in(const it_fw *fw, it_time now, int port, const it_pkt *p);
/* True when |in| was sent to the own host or home from it. */
bool it_fwc_own(const it_fwc_in *in);

#endif
