/* A native host: interfaces, addresses, routes, UDP sockets and ICMP on top of an edge of the world.
 *
 * Strong host model (RFC 1122 section 3.3.4.2): a packet is taken only on the interface that has its destination
 * address, and leaves through the interface that has its source address. Source addresses follow RFC 6724 section 5.
 * What is sent by UDP to a group goes to the socket of its port: joining is implicit, without IGMP or MLD. A LAN
 * segment delivers it to everybody, a NAT shows what comes from inside to its own host, no router forwards it. The host
 * is pulled: feed it with it_host_input when the world says it is ready, then take its events. TCP sockets:
 * netsim/tcp/tcp.h.
 *
 * Fragments are put together (RFC 791 section 3.2, RFC 8200 section 4.5, RFC 1122 section 3.3.2) for 60 s after the
 * first that came, up to IT_HOST_JOIN_MAX datagrams and IT_HOST_JOIN_HELD fragments at a time; when there is no more
 * room the oldest datagram goes. Whether what a host sends may be cut is said with each datagram: it_host_meta. */
#ifndef IT_NETSIM_HOST_HOST_H
#define IT_NETSIM_HOST_HOST_H

#include "netsim/core/world.h"

#define IT_HOST_ADDRS 8       /* addresses an interface */
#define IT_HOST_JOIN_MAX 64   /* datagrams being put together */
#define IT_HOST_JOIN_HELD 512 /* fragments held, of all of them: the largest datagram takes 45 of an Ethernet */

typedef struct it_host it_host;

enum it_host_event_kind {
    IT_HOST_DATAGRAM, /* a UDP datagram for a socket */
    IT_HOST_ICMP,     /* an ICMP error about something a socket sent (RFC 1122 section 4.1.3.3) */
    IT_HOST_ECHO,     /* an echo reply to it_host_ping */
    IT_HOST_LINK,     /* an interface gained or lost carrier, or was taken up or down, or its addresses changed */
    /* TCP sockets (netsim/tcp/tcp.h), whose numbers are never those of UDP sockets: */
    IT_HOST_TCP_OPENED,   /* it_host_tcp_connect succeeded */
    IT_HOST_TCP_ACCEPTED, /* |socket| is a new connection of |listener| */
    IT_HOST_TCP_DATA,     /* there are bytes to read; told again only when more come after this event was taken */
    IT_HOST_TCP_WRITABLE, /* after a short write: there is room again */
    IT_HOST_TCP_FIN,      /* the peer's stream has ended and everything was read */
    IT_HOST_TCP_RST       /* the connection is gone for |reason|; close the socket */
};

/* What a datagram's IP header says besides its ends. All zeros: as most are sent, DF and hop limit 64. */
typedef struct it_host_meta {
    bool frag; /* may be cut into fragments; false: DF is set. Coming in: IPv4 without DF, or what came in fragments */
    uint8_t ttl; /* hop limit; out, 0: 64 */
    uint8_t tos; /* DSCP and ECN (RFC 2474, RFC 3168) */
} it_host_meta;

typedef struct it_host_event {
    enum it_host_event_kind kind;
    int socket;            /* DATAGRAM, ICMP */
    int iface;             /* where it came in, or which interface changed */
    it_addr local, remote; /* DATAGRAM: to, from. ICMP: as the socket sent it. ECHO: remote is who answered, its port
                              the sequence */
    it_bytes data; /* DATAGRAM; ICMP: what it quotes of the datagram's payload, maybe nothing. Borrowed until the
                      next call on the host */
    it_ip from;    /* ICMP: who sent it */
    uint32_t mtu;  /* ICMP: of the next hop, where it says so (RFC 1191 section 4, RFC 4443 section 3.2); else 0 */
    uint32_t size; /* ICMP: the host has learned from it that no more bytes of UDP payload go to |remote| in one piece;
                      else 0 */
    it_host_meta meta;            /* DATAGRAM */
    uint8_t icmp_type, icmp_code; /* as in the packet, of the family of |remote| */
    bool up;                      /* LINK: usable now (up and carrier) */
    uint64_t packet;              /* id of the packet that brought it, or 0 */
    int listener;                 /* TCP_ACCEPTED */
    int reason;                   /* TCP_RST: enum it_tcp_reason */
} it_host_event;

typedef struct it_host_stats {
    uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets; /* IP bytes and packets at its interfaces */
    uint64_t rx_stun_bytes;                              /* of them UDP payloads that are STUN by their magic cookie */
} it_host_stats;

/* A host without interfaces; NULL on no memory or a name taken. The world owns it. */
it_host *it_host_new(it_world *w, const char *name);
it_node *it_host_node(it_host *h);
/* The host that |n| is, NULL for any other kind of node. */
it_host *it_host_of(it_node *n);

/* Adds an interface; interfaces are preferred in the order of creation. Its port has the same number. Returns the
 * number or IT_ERR_NOMEM. */
int it_host_iface(it_host *h, const char *name) IT_MUST_CHECK;
int it_host_n_ifaces(const it_host *h);
/* Gives interface |i| an address; its first |bits| (as in it_prefix: an IPv4 /24 is 120) are on-link. At most
 * IT_HOST_ADDRS. Returns 0 or IT_ERR_FULL. */
int it_host_addr(it_host *h, int i, it_ip ip, uint8_t bits) IT_MUST_CHECK;
/* Takes an address away; sockets bound to it can no longer send. Returns 0 or IT_ERR_NOTFOUND. */
int it_host_unaddr(it_host *h, it_time now, int i, it_ip ip);
/* Says that |ip|, which lies in no prefix of interface |i|, is a neighbour there, as a Redirect would (RFC 1122 section
 * 3.3.1.2, RFC 4861 section 8.3), or no more when it is not |there|. Returns 0 or IT_ERR_NOMEM. */
int it_host_neighbor(it_host *h, int i, it_ip ip, bool there) IT_MUST_CHECK;
/* Sets the default gateway of |i| for the family of |gw|. */
void it_host_gateway(it_host *h, int i, it_ip gw);
/* The |k|-th address of interface |i|; false past the end. */
bool it_host_nth_addr(const it_host *h, int i, int k, it_ip *ip);
/* Takes an interface down or up as an operating system does: down, nothing is sent or received through it. */
void it_host_iface_set(it_host *h, it_time now, int i, bool up);
/* True when interface |i| is up and has carrier. */
bool it_host_iface_usable(const it_host *h, int i);

/* Powers the host off or on. Off with |silent|: packets to it vanish. Off without: its ports answer ICMP port
 * unreachable or RST. UDP sockets and TCP listeners survive, to be closed by their owners; TCP connections are
 * forgotten (IT_HOST_TCP_RST). */
void it_host_power(it_host *h, it_time now, bool on, bool silent);
/* Takes the host off the network, or back, with all that it holds: what comes meanwhile vanishes, TCP connections stay
 * and retransmit into the void. */
void it_host_suspend(it_host *h, bool off);

/* Binds a UDP socket: |local|.ip none means every address of |iface| (-1: of the host); port 0 picks a free ephemeral
 * port (49152 to 65535, from the host's stream, RFC 6056 algorithm 1). Returns the socket number or IT_ERR_EXISTS,
 * IT_ERR_NOROUTE (not an address of the host), IT_ERR_NOMEM. */
int it_host_udp(it_host *h, it_addr local, int iface) IT_MUST_CHECK;
/* The same with an even port, where |local| names none; with |pair| also a socket on the port behind it, both or
 * neither (RFC 3550 section 11, RFC 8656 section 7.2). Numbers in |out|. Returns 0 or an error of it_host_udp;
 * IT_ERR_RANGE: the port that |local| names is odd. */
int it_host_udp_even(it_host *h, it_addr local, int iface, bool pair, int out[2]) IT_MUST_CHECK;
/* The address a socket is bound to, the port filled in. */
it_addr it_host_sockname(const it_host *h, int socket);
void it_host_close(it_host *h, int socket);

/* Sends a datagram at the world's time, with |m| in its header. Without |m|.frag, DF is set, and what exceeds the
 * link's MTU, or the path's as far as ICMP has told (RFC 1191, RFC 8201), does not leave: IT_ERR_TOOBIG, and
 * IT_HOST_ICMP follows as if from a router, the host's own address as its writer. With it IPv4 leaves with DF clear,
 * and what exceeds those MTUs leaves in fragments (RFC 791 section 3.2, RFC 8200 section 4.5). Returns 0,
 * IT_ERR_NOROUTE (no route, address gone, interface down), IT_ERR_TOOBIG (also: with fragments above 65,507 bytes, IPv6
 * 65,527), IT_ERR_STATE (no such socket, host off) or IT_ERR_NOMEM. |label| as of it_world_label. */
int it_host_send_as(it_host *h, it_time now, int socket, it_addr to, it_bytes data, uint16_t label,
                    it_host_meta m) IT_MUST_CHECK;
/* The same with nothing special in the header. */
int it_host_send(it_host *h, it_time now, int socket, it_addr to, it_bytes data, uint16_t label) IT_MUST_CHECK;
/* The largest UDP payload that goes to |to| by interface |iface| in one piece, as far as is known: |to| none of an
 * address of that family, the interface's. */
uint32_t it_host_size(const it_host *h, it_time now, int iface, it_ip to);

/* Names the packet that what is sent from now on comes from, for traces; 0: none. */
void it_host_cause(it_host *h, uint64_t packet);
/* The id of the packet that it_host_send made last, the first of several fragments; 0 before the first. */
uint64_t it_host_sent(const it_host *h);

/* Sends an ICMP echo request with sequence |seq|. Errors as it_host_send. */
int it_host_ping(it_host *h, it_time now, it_ip to, uint16_t seq, uint8_t hop_limit) IT_MUST_CHECK;
/* The same with |size| bytes of data (zeros), in fragments when that is more than the MTU takes. So are replies to
 * such. */
int it_host_ping_sized(it_host *h, it_time now, it_ip to, uint16_t seq, size_t size) IT_MUST_CHECK;

/* Source address selection for |dst| over usable interfaces: RFC 6724 section 5, then order of interfaces. Returns the
 * interface and sets |src|, or IT_ERR_NOROUTE. */
int it_host_source(const it_host *h, it_ip dst, it_ip *src);

/* Processes everything waiting at the host's edges. Returns 0 or IT_ERR_NOMEM. */
int it_host_input(it_host *h, it_time now) IT_MUST_CHECK;
/* Takes the next event: 1, or 0 when there is none. */
int it_host_event_next(it_host *h, it_host_event *ev);

/* The counts of |h| so far. */
it_host_stats it_host_stat(const it_host *h);

#endif
