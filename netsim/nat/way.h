/* What the files of a packet's way share: kind.c says what it is, out.c and in.c where it goes. Not for anybody else.
 */
#ifndef IT_NETSIM_NAT_WAY_H
#define IT_NETSIM_NAT_WAY_H

#include "netsim/nat/impl.h"

#include "netsim/core/impl.h"

enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_TIMESTAMP = 13,
    ICMP_TYPES = 18
};

enum { CODE_PROTOCOL = 2, CODE_PORT = 3 };
enum { PROTO_ESP = 50 };
enum { SCTP_HEADER = 12 };
enum { SCTP_INIT = 1, SCTP_INIT_ACK = 2, SCTP_HEARTBEAT = 4, SCTP_HEARTBEAT_ACK = 5, SCTP_SHUTDOWN_ACK = 8 };
/* chunk types, RFC 9260 section 3.2 */

#define IT_NATC_UNFIT ((it_natc_no){IT_DROP_NAT_NO_MAPPING, "does not fit the connection as it stands"})

static inline bool it_natc_is_inside(const it_nat *nat, uint32_t ip)
{
    return nat->own && (ip & nat->mask) == nat->net;
}

/* --- nat.c --- */

/* True when |p|, which is for somebody else, was dropped because its hop limit ends here: RFC 1812 section 5.3.1. */
bool it_natc_dies(it_nat *nat, const it_natc_way *w, it_pkt *p);

/* --- kind.c --- */

/* The type of the first chunk of SCTP packet |p|; -1: it has none. */
int it_natc_sctp_chunk(const it_pkt *p);
/* Whether netfilter makes an entry for SCTP packet |p|, to the box itself, of no association that it knows: INIT,
 * HEARTBEAT, its ACK, SHUTDOWN ACK (measured for all chunk types to 15). */
bool it_natc_sctp_begins(const it_pkt *p);
/* Whether SCTP packet |p| of direction |dir| can be of session |i|. */
bool it_natc_sctp_fits(const it_nat *nat, uint32_t i, int dir, const it_pkt *p);
/* A packet of direction |dir| passes through session |i|. */
void it_natc_touch(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p);
/* What comes in finds a session or makes one where it may: true when it is let in. */
bool it_natc_enters(it_nat *nat, it_time now, it_pkt *p, struct it_natc_in *r);
/* What a host without a socket for |proto| says by ICMP "unreachable": protocol, or port. */
uint8_t it_natc_unreachable_code(uint8_t proto);
/* Where UDP datagram |p| ends by its own length; 0: nowhere else. */
uint16_t it_natc_udp_end(it_pkt *p);
/* True for the directed broadcast of the inside's prefix. */
bool it_natc_is_broadcast(const it_nat *nat, uint32_t ip);
/* Drops |p|, of no flow, for |reason|, or because its hop limit ends here. */
void it_natc_drop_stray(it_nat *nat, it_natc_way *w, it_pkt *p, enum it_drop reason);
/* True when |p| cannot have a session and was dealt with. |asked|: whether queries or replies may. */
bool it_natc_odd(it_nat *nat, it_natc_way *w, it_pkt *p, bool asked);
/* The remote port by which the flow of |p| is known, whose header says |port|. */
uint16_t it_natc_remote_port(it_pkt *p, uint16_t port);
/* Counts |p| for session |i| and forwards it to |to|; false when it was dropped. */
bool it_natc_goes_on(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i, int to);

/* --- out.c, in.c --- */

/* |p| from inside, from outside: what the fast path has not dealt with. */
void it_natc_outbound(it_nat *nat, it_natc_way *w, it_pkt *p);
void it_natc_inbound(it_nat *nat, it_natc_way *w, it_pkt *p);

#endif
