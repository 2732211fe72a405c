/* What the files of the host share: host.c (node, interfaces, power), udp.c (sockets), input.c (packets in), frag.c
 * (datagrams out in fragments), join.c (fragments in). */
#ifndef IT_NETSIM_HOST_IMPL_H
#define IT_NETSIM_HOST_IMPL_H

#include "netsim/host/host.h"

#include "base/table/bits.h"
#include "base/table/map.h"

#define HOST_ADDRS IT_HOST_ADDRS

typedef struct host_addr {
    it_ip ip;
    uint8_t bits;
} host_addr;

typedef struct host_iface {
    host_addr addr[HOST_ADDRS];
    int n;
    it_ip gw4, gw6;
    it_ip *near; /* neighbours behind no prefix of |addr| */
    size_t n_near, cap_near;
} host_iface;

typedef struct host_socket {
    bool open;
    it_addr local;
    int iface;
    int after; /* the next one on the same port, in the order of numbers; -1: none */
} host_socket;

struct it_host {
    it_node node;
    it_rng rng; /* of ephemeral ports */
    host_iface *ifaces;
    size_t n_ifaces, cap_ifaces;
    host_socket *sockets;
    size_t n_sockets, cap_sockets;
    it_bits unused;            /* numbers of sockets that are free: the least is taken */
    it_map ports;              /* port -> the first socket on it */
    it_pkt *in_head, *in_tail; /* waiting; |next| chains, |at| holds the port */
    it_host_event *events;
    size_t ev_head, ev_n, ev_cap;
    it_pkt *held;   /* the packet whose data the last event shows */
    uint8_t *whole; /* a datagram put together that no packet holds: from its transport header on; NULL: none */
    size_t whole_n;
    bool joined; /* the packet being handled came in fragments */
    it_host_stats stats;
    uint64_t cause, sent;   /* it_host_cause, it_host_sent */
    bool silent;            /* while off: no answers */
    struct host_tcp *tcp;   /* netsim/tcp/impl.h; NULL until needed */
    struct host_frag *frag; /* frag.c; NULL until needed */
    struct host_join *join; /* join.c; NULL until needed */
    bool link_event[32];    /* interfaces whose change waits to be told */
};

/* The interface that has |ip|, -1 when none. */
int it_host_iface_of(const it_host *h, it_ip ip);
int it_host_push(it_host *h, it_host_event ev);
/* Sends |p| (owned) from interface |i|: sets the next hop. Returns 0, IT_ERR_NOROUTE or IT_ERR_TOOBIG, |p| then freed.
 */
int it_host_emit(it_host *h, it_time now, int i, it_pkt *p);
/* Puts |p| (owned) into the host's inbox as if it had come in through interface |i|. */
void it_host_receive(it_host *h, int i, it_pkt *p);

/* --- udp.c --- */

/* The first socket on |port|, -1 when there is none; the others follow by |after|. */
int it_host_on_port(const it_host *h, uint16_t port);

/* A message of UDP or ICMP. */
typedef struct host_msg {
    it_ip src, dst;
    uint8_t proto;
    uint8_t hops; /* hop limit; 0: 64 */
    uint8_t tos;
    uint16_t label;
    it_bytes l4; /* from its header on, or what is behind it */
} host_msg;

/* Sends |m|, what is behind its header |head| (the checksum there is worked out), in fragments. Errors as
 * it_host_frag_send. */
int it_host_message(it_host *h, it_time now, int i, const host_msg *m, const uint8_t head[8]) IT_MUST_CHECK;
/* Sends the ICMP query or reply |m| from interface |i|, in fragments if need be. Errors as it_host_frag_send. */
int it_host_echo(it_host *h, it_time now, int i, const it_pkt_icmp_msg *m) IT_MUST_CHECK;

/* --- frag.c --- */

/* The largest packet that goes to |dst| by interface |i| in one piece, as far as is known. */
uint32_t it_host_frag_mtu(const it_host *h, it_time now, int i, it_ip dst);
/* Sends |m|, whole from its header on, from interface |i| in fragments. Returns 0, IT_ERR_NOROUTE, IT_ERR_TOOBIG (no IP
 * packet is that large, or the MTU has no room for 8 bytes) or IT_ERR_NOMEM; nothing has then left, unless a link went
 * in between. */
int it_host_frag_send(it_host *h, it_time now, int i, const host_msg *m) IT_MUST_CHECK;
/* Lets routers cut IPv4 packet |p|: DF off, an identification of its own. Returns 0 or IT_ERR_NOMEM. */
int it_host_frag_allow(it_host *h, it_pkt *p) IT_MUST_CHECK;
/* Learns from an ICMP error that the path to |dst| takes packets of |mtu| bytes. */
void it_host_frag_learn(it_host *h, it_time now, it_ip dst, uint32_t mtu);
/* Learns from |p|, ICMPv6 "packet too big", when it is about a packet of the host's. */
void it_host_frag_too_big(it_host *h, it_time now, it_pkt *p);
/* Answers the datagram |m|, whole from its UDP header on or its beginning of |total| bytes, that is larger than |mtu|
 * and must not be cut, with the error that a router would have sent: the host is its writer, RFC 1122 section 3.3.3. */
void it_host_frag_refuse(it_host *h, int i, const host_msg *m, size_t total, uint32_t mtu);

/* --- join.c --- */

/* Takes fragment |p| (owned). Returns NULL when it waits for others or was dropped; else the datagram is whole: a
 * packet in its place (owned, under |p|'s id), or, when no packet has room for it, its first fragment with the rest in
 * |h|->whole. */
it_pkt *it_host_join(it_host *h, it_time now, it_pkt *p);
/* The time of the datagram that waits longest is over then; IT_NEVER when none waits. */
it_time it_host_join_next(const it_host *h);
/* Gives up the datagrams whose time is over. */
void it_host_join_run(it_host *h, it_time now);
/* Drops everything that waits, because of |why|. */
void it_host_join_forget(it_host *h, it_time now, enum it_drop why);
void it_host_join_free(it_host *h);

#endif
