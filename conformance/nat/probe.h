/* A NAT on the bench: one box between two raw edges, packets put in on either side, and whatever comes out for each.
 *
 *     inside edge -- lan [ box ] wan -- outside edge
 *
 * Both edges take any source address, so one edge plays all hosts of its side. The wires are instant: what a packet
 * causes is there when the call that sent it returns. A NAT64 has IPv6 inside: the inside edge then translates (RFC
 * 7915), X1 being an IPv6 host and everybody else an address in Pref64, so that one set of questions fits both kinds of
 * box. Time passes only in it_probe_wait. Every measurement starts with a box of its own, so that none depends on
 * another. Not here: what a requirement is, and how verdicts are told. */
#ifndef IT_CONFORMANCE_NAT_PROBE_H
#define IT_CONFORMANCE_NAT_PROBE_H

#include "netsim/core/link.h"
#include "netsim/nat/nat.h"

#define IT_PROBE_GOT 32 /* packets kept for one that was put in; more are counted only */

enum it_side { IT_SIDE_IN, IT_SIDE_OUT };

/* A fault of the box on the bench that no profile has, to try a judge with: it works on what goes in before the box
 * gets it (as IPv4; as it is in it_probe_put6), on what comes out of it, and on the addresses it is given. */
typedef struct it_probe_fault {
    bool (*in)(enum it_side side, uint8_t *ip, size_t n); /* false: it vanishes. NULL: nothing happens */
    bool (*out)(enum it_side side, it_pkt *p);
    bool takes_any; /* it accepts whatever external addresses it is given, and does not translate to those it cannot use
                     */
} it_probe_fault;

typedef struct it_probe {
    const it_probe_fault *fault; /* NULL: none */
    it_alloc *alloc;
    it_world *world;
    it_nat *nat;
    it_node *edge[2]; /* by side */
    it_time now;
    it_pkt *got; /* room for IT_PROBE_GOT copies, in order of arrival */
    uint8_t side[IT_PROBE_GOT];
    uint32_t n_got;   /* arrived, also beyond the room */
    it_prefix pref64; /* of a NAT64; 0 bits: the inside is IPv4 */
    uint16_t ip_id;
    it_node *own; /* it_probe_serve: the edge of the box's own host, and what serves there; else NULL */
    void *server;
    int err; /* the first error of the bench itself (no memory); everything later does nothing */
} it_probe;

/* A packet to put in. */
typedef struct it_probe_pkt {
    uint8_t proto; /* IT_PROTO_UDP, _TCP, or _ICMP: an echo request, or a reply with |flags| 1; src.port is the
                      identifier */
    it_addr src, dst;
    uint8_t flags;     /* TCP */
    uint32_t seq, ack; /* TCP */
    const void *data;  /* payload; NULL: |size| bytes of a fixed pattern */
    size_t size;
    bool df;           /* don't fragment */
    bool bad_checksum; /* of the transport header */
} it_probe_pkt;

/* The hosts of both sides: X1, X2, ... inside the box's prefix, S1, S2, ... anywhere outside. |i| from 1 to 99. */
it_ip it_probe_x(int i);
it_ip it_probe_s(int i);
/* The box's address inside, IPv4. */
it_ip it_probe_box(void);
/* The box's |i|-th external address, from 0. */
it_ip it_probe_e(int i);

/* Puts a box of personality |p| on the bench, |seed| for its streams. Returns 0 or a negative error; it_probe_fini is
 * due in either case. */
int it_probe_init(it_probe *b, it_alloc *alloc, const it_nat_profile *p, uint64_t seed) IT_MUST_CHECK;
void it_probe_fini(it_probe *b);

/* Puts the box's own port mapping server beside it, where the profile has one; before that nobody is there
 * (probe_own.c). Returns |b|->err.
 */
int it_probe_serve(it_probe *b);
/* For the bench itself: the server takes what has come to it, true when anything had; and is taken down. */
bool it_probe_own(it_probe *b);
void it_probe_unserve(it_probe *b);

/* Lets |d| ns pass; what comes out meanwhile is kept as after a send. */
void it_probe_wait(it_probe *b, it_time d);

/* Gives the box the |n| external addresses |ext|. Returns 0, or as it_nat_renumber where it refuses them. */
int it_probe_renumber(it_probe *b, const it_ip *ext, uint32_t n);

/* Puts in, inside, the IPv6 packet |ip| as it is, and keeps what comes out: what no host of the bench would send to a
 * NAT64. */
void it_probe_put6(it_probe *b, it_bytes ip);

/* Puts |p| in on |side| and keeps what comes out on both. Returns the first packet that left on the other side or,
 * hairpinned, on the same side translated; NULL when none did. ICMP errors count as leaving only when |p| was itself
 * ICMP. */
const it_pkt *it_probe_send(it_probe *b, enum it_side side, const it_probe_pkt *p);
/* The same for a ready-made IP packet. */
const it_pkt *it_probe_raw(it_probe *b, enum it_side side, it_bytes ip);
/* Builds |p| as an IP packet into |out|, IT_PKT_MAX bytes; returns its length. */
size_t it_probe_build(it_probe *b, const it_probe_pkt *p, uint8_t *out);

/* The |k|-th packet that came out on |side| since the last send or wait, NULL when there are fewer. */
const it_pkt *it_probe_out(const it_probe *b, enum it_side side, uint32_t k);
/* The first ICMP error that came out on |side|, NULL when none. */
const it_pkt *it_probe_icmp(const it_probe *b, enum it_side side);

/* --- shorthand for UDP --- */

/* X sends to S: the external endpoint that S sees, none when nothing came out. */
it_addr it_probe_map(it_probe *b, it_addr x, it_addr s);
/* S sends to external endpoint |e|: true when it arrives at |x|. */
bool it_probe_reach(it_probe *b, it_addr s, it_addr e, it_addr x);

/* --- shorthand for TCP --- */

/* X sends a segment with |flags| to S: the external endpoint that S sees, none when nothing came out. */
it_addr it_probe_tcp_out(it_probe *b, it_addr x, it_addr s, uint8_t flags);
/* S sends a segment to external endpoint |e|: true when it arrives at |x|. */
bool it_probe_tcp_in(it_probe *b, it_addr s, it_addr e, uint8_t flags, it_addr x);
/* A whole handshake opened from inside; the external endpoint, none when it did not work. */
it_addr it_probe_tcp_open(it_probe *b, it_addr x, it_addr s);

/* --- an ICMP error --- */

/* Puts in, on |side|, an ICMP error of |type| and |code| from |from| about |about| (a packet that had come out there),
 * |mtu| for "fragmentation needed". Returns as it_probe_send. */
const it_pkt *it_probe_error(it_probe *b, enum it_side side, it_ip from, const it_pkt *about, uint8_t type,
                             uint8_t code, uint32_t mtu);

/* The source and destination endpoints that the packet inside ICMP error |e| names; false when there is none. */
bool it_probe_inner(const it_pkt *e, it_addr *src, it_addr *dst);

#endif
