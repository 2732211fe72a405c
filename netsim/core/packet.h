/* A packet: real IPv4 or IPv6 bytes in a pooled buffer, parsed once, its addresses and ports cached beside them.
 *
 * Bytes and cache change together: rewriting goes through it_pkt_set_src and its like, which fix the checksums
 * incrementally (RFC 1624). A packet has one owner at a time; whoever is handed it sends it on or frees it. */
#ifndef IT_NETSIM_CORE_PACKET_H
#define IT_NETSIM_CORE_PACKET_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/cksum.h"
#include "base/err.h"
#include "base/time.h"

#include <stdbool.h>

#define IT_PKT_HEADROOM 64 /* in front of a new packet: a header may grow (NAT64) */
#define IT_PKT_MAX 1500    /* largest IP packet on any wire here */
#define IT_PKT_ROOM (IT_PKT_HEADROOM + IT_PKT_MAX)

enum {
    IT_PROTO_ICMP = 1,
    IT_PROTO_TCP = 6,
    IT_PROTO_UDP = 17,
    IT_PROTO_GRE = 47,
    IT_PROTO_ICMP6 = 58,
    IT_PROTO_SCTP = 132,
    IT_PROTO_UDPLITE = 136
};

/* Where a packet keeps what NATs call its ports. */
enum it_pkt_ports {
    IT_PKT_PORTS_NONE, /* none: an ICMP error, a later fragment, another protocol */
    IT_PKT_PORTS_PAIR, /* UDP, TCP, UDP-Lite, SCTP: source and destination */
    IT_PKT_PORTS_ID    /* an ICMP query: its identifier, in |sport| and |dport| alike */
};

typedef struct it_pkt it_pkt;
struct it_pkt {
    /* What every hop needs, in one cache line. */
    it_pkt *next;          /* in an inbox or the pool */
    it_ip src, dst;        /* as in the header */
    uint16_t sport, dport; /* UDP, TCP; both the identifier for ICMP queries; 0 when there are none */
    uint16_t head;         /* of the IP header in |buf| */
    uint16_t len;          /* of the IP packet */
    uint16_t l4;           /* offset of the transport header from |head| */
    uint16_t ck;           /* offset of the transport checksum from |head|; 0: none */
    uint16_t label;        /* what lab calls it (it_world_label); 0: nothing */
    uint8_t ver;           /* 4 or 6 */
    uint8_t proto;         /* of the transport header, behind IPv6 extension headers */
    uint8_t frag;          /* 0: whole; 1: first fragment; 2: later fragment (no transport header) */
    uint8_t ports;         /* enum it_pkt_ports */
    uint8_t damage;        /* scratch of the link it is on */
    bool summed;           /* its transport checksum was made with its bytes, and nothing has damaged them since */
    uint8_t spare[4];
    /* The rest. */
    it_time at;       /* scratch of the node that holds it */
    uint64_t id;      /* unique in the world, kept from hop to hop; fragments and ICMP errors get their own */
    uint64_t cause;   /* id of the packet that made this one (ICMP errors, fragments), or 0 */
    it_ip hop;        /* next hop on a shared segment; none: the destination itself */
    uint64_t room[3]; /* so that |buf| begins a cache line: a header at IT_PKT_HEADROOM then does too */
    uint8_t buf[IT_PKT_ROOM];
};

/* A pool of packets; grows, never shrinks before fini. */
typedef struct it_pkt_pool {
    it_alloc *alloc;
    it_pkt *free;
    void *blocks;   /* chained */
    uint32_t total; /* packets in all blocks */
    uint32_t live;  /* packets handed out */
} it_pkt_pool;

/* Starts an empty pool; allocates nothing. */
void it_pkt_pool_init(it_pkt_pool *pool, it_alloc *alloc);
/* Frees all memory, packets still handed out included. */
void it_pkt_pool_fini(it_pkt_pool *pool);

/* An empty packet, header fields zero, |head| at IT_PKT_HEADROOM, bytes undefined; NULL when there is no memory. */
it_pkt *it_pkt_new(it_pkt_pool *pool);
/* Gives |p| back; it must not be used any more. */
void it_pkt_free(it_pkt_pool *pool, it_pkt *p);

static inline uint8_t *it_pkt_ip(it_pkt *p)
{
    return p->buf + p->head;
}
static inline uint8_t *it_pkt_l4(it_pkt *p)
{
    return p->buf + p->head + p->l4;
}
static inline it_bytes it_pkt_bytes(const it_pkt *p)
{
    return it_bytes_of(p->buf + p->head, p->len);
}

/* Copies |ip| (one IP packet, at most IT_PKT_MAX bytes) into |p| and fills the cache. Returns 0, or IT_ERR_PARSE when
 * lengths contradict each other, IT_ERR_TOOBIG. Bytes behind the length in the header are left out. Checks the IPv4
 * header checksum, not the transport's. RFC 791, 8200. */
int it_pkt_parse(it_pkt *p, it_bytes ip) IT_MUST_CHECK;

/* Fills the cache from |p|->len bytes at |p|->head, for those who built or translated a packet in place. |id|, |cause|,
 * |hop| and |label| stay. Returns 0 or IT_ERR_PARSE as it_pkt_parse does. */
int it_pkt_scan(it_pkt *p) IT_MUST_CHECK;

/* Makes |to|, fresh from the pool with an id of its own, a copy of |p|; its |cause| is |p|. */
void it_pkt_copy(it_pkt *to, const it_pkt *p);

/* What it_pkt_scan works out, kept to be put back. */
typedef struct it_pkt_head {
    it_ip src, dst;
    uint16_t sport, dport, len, l4, ck;
    uint8_t ver, proto, frag, ports;
} it_pkt_head;
void it_pkt_keep(const it_pkt *p, it_pkt_head *head);
void it_pkt_revert(it_pkt *p, const it_pkt_head *head);

/* Builds a UDP datagram with valid checksums into |p|, hop limit 64, DF set. Returns 0, IT_ERR_TOOBIG, or IT_ERR_RANGE
 * when the families differ. RFC 768. */
int it_pkt_udp(it_pkt *p, it_addr src, it_addr dst, it_bytes payload) IT_MUST_CHECK;

enum { IT_TCP_FIN = 1, IT_TCP_SYN = 2, IT_TCP_RST = 4, IT_TCP_PSH = 8, IT_TCP_ACK = 16, IT_TCP_URG = 32 };

/* A TCP segment to build. */
typedef struct it_pkt_tcp_msg {
    it_addr src, dst;
    uint32_t seq, ack;
    uint16_t window;  /* as in the header, unscaled */
    uint8_t flags;    /* IT_TCP_FIN and so on */
    it_bytes options; /* a multiple of 4 bytes, at most 40 */
    it_bytes data[2]; /* one behind the other: a ring's two pieces */
} it_pkt_tcp_msg;

/* Builds a TCP segment with a valid checksum into |p|, hop limit 64, DF set, urgent pointer 0. Returns 0,
 * IT_ERR_TOOBIG, or IT_ERR_RANGE when the families differ or |options| has no such length. RFC 9293 section 3.1. */
int it_pkt_tcp(it_pkt *p, const it_pkt_tcp_msg *m) IT_MUST_CHECK;

/* An ICMP or ICMPv6 message to build. */
typedef struct it_pkt_icmp_msg {
    it_ip src, dst;
    uint8_t type, code;
    uint8_t hops;  /* hop limit; 0: 64 */
    uint32_t rest; /* bytes 4 to 7 of the message: identifier and sequence, pointer, MTU */
    it_bytes body; /* behind them */
} it_pkt_icmp_msg;

/* Builds an ICMP message with valid checksums into |p|, DF set, ICMPv6 when the addresses are IPv6. Returns 0,
 * IT_ERR_TOOBIG, or IT_ERR_RANGE when the families differ. RFC 792, 4443. */
int it_pkt_icmp(it_pkt *p, const it_pkt_icmp_msg *m) IT_MUST_CHECK;

/* Builds an ICMP or ICMPv6 error about |about| with as much of it as RFC 1812 section 4.3.2.3 (576 bytes) or RFC 4443
 * (1280) allows. |type|, |code| are those of the family; |mtu| fills the unused field of "too big", else 0. Sets
 * |cause|. Returns 0, IT_ERR_STATE where no error may be sent: about an ICMP error, a later fragment of IPv4, a
 * broadcast (RFC 1122 section 3.2.2, RFC 4443 section 2.4), or IT_ERR_RANGE when |src| is not of the family of |about|.
 */
int it_pkt_icmp_error(it_pkt *p, it_ip src, it_pkt *about, uint8_t type, uint8_t code, uint32_t mtu) IT_MUST_CHECK;

/* Builds the reset that answers TCP segment |about| from the address and port it was sent to (RFC 9293 section 3.5.2).
 * Sets |cause|. Returns 0, or IT_ERR_STATE where none may be sent: about a reset, a fragment, another protocol. */
int it_pkt_tcp_reset(it_pkt *p, const it_pkt *about) IT_MUST_CHECK;

/* True for an IPv4 packet without DF. */
bool it_pkt_may_fragment(const it_pkt *p);
/* Makes |q| the fragment of IPv4 packet |p| (a fragment itself, maybe) that begins |at| bytes (a multiple of 8) behind
 * its header and fits |mtu|; sets |cause|, takes over |hop| and |label|. Returns where the next one begins, 0 when |q|
 * is the last, IT_ERR_TOOBIG when |mtu| has no room for 8 bytes, or IT_ERR_PARSE when the piece is too small for its
 * transport header. RFC 791 section 3.2. */
int it_pkt_fragment(it_pkt *q, const it_pkt *p, size_t at, size_t mtu) IT_MUST_CHECK;

/* The payload of a whole UDP packet; {NULL,0} for anything else. */
it_bytes it_pkt_payload(const it_pkt *p);

/* Rewrite one address or port, in the bytes and in the cache, fixing the IPv4 header checksum and the UDP, TCP or ICMP
 * checksum. The family stays. A UDP checksum of 0 (none) stays 0 and a computed 0 becomes 0xffff (RFC 768). On a later
 * fragment only the IP header changes. For an ICMP query the "port" is the identifier; where a packet has no ports
 * |port| is ignored. */
void it_pkt_set_src(it_pkt *p, it_ip ip, uint16_t port);
void it_pkt_set_dst(it_pkt *p, it_ip ip, uint16_t port);

/* Writes |ip| or |port| into the packet, which has UDP over IPv4, as it_pkt_set_dst (|dst|) or it_pkt_set_src does: the
 * way of most packets. The address comes as a number: as a struct it would be written in halves, read back as a whole,
 * and wait for that. */
static inline void it_pkt_set_udp4(it_pkt *p, bool dst, uint32_t ip, uint16_t port)
{
    uint8_t *b = it_pkt_ip(p), *t = b + p->l4;
    uint32_t addr = it_swap32(b + (dst ? 16 : 12), ip), both = addr + it_swap16(t + (dst ? 2 : 0), port);
    it_sum_swap(b + 10, addr);
    /* RFC 768: all zeros is no checksum, so a computed zero is sent as all ones. */
    if (it_get16(t + 6) != 0 && it_sum_swap(t + 6, both) == 0)
        it_put16(t + 6, 0xffff);
    (dst ? &p->dst : &p->src)->lo = it_ip4(ip).lo;
    *(dst ? &p->dport : &p->sport) = port;
}

/* Takes one off the hop limit, fixing the IPv4 checksum; false (packet untouched) when it would reach 0. */
static inline bool it_pkt_hop(it_pkt *p)
{
    uint8_t *b = it_pkt_ip(p);
    uint8_t *hops = b + (p->ver == 4 ? 8 : 7);
    if (*hops <= 1)
        return false;
    --*hops;
    if (p->ver == 4) {
        /* The hop limit is the high half of its word: 0x0100 less there is 0x0100 more in the complement. RFC 1624
         * section 3. */
        uint32_t ck = (uint32_t)it_get16(b + 10) + 0x0100;
        it_put16(b + 10, (uint16_t)(ck + (ck >= 0xffff)));
    }
    return true;
}

/* True when the transport checksum is right (or a UDP/IPv4 checksum is absent). Whole packets only. */
bool it_pkt_cksum_ok(const it_pkt *p);

/* True for an ICMP or ICMPv6 error message (as opposed to a query or reply). */
bool it_pkt_is_icmp_error(const it_pkt *p);

#endif
