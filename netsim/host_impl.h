/* What the files of the host share: host.c (node, interfaces, power), host_udp.c (sockets), host_input.c (packets in). */
#ifndef IT_NETSIM_HOST_IMPL_H
#define IT_NETSIM_HOST_IMPL_H

#include "netsim/host.h"

#define HOST_ADDRS 8

typedef struct host_addr {
    it_ip ip;
    uint8_t bits;
} host_addr;

typedef struct host_iface {
    host_addr addr[HOST_ADDRS];
    int n;
    it_ip gw4, gw6;
} host_iface;

typedef struct host_socket {
    bool open;
    it_addr local;
    int iface;
} host_socket;

struct it_host {
    it_node node;
    it_rng rng; /* of ephemeral ports */
    host_iface *ifaces;
    size_t n_ifaces, cap_ifaces;
    host_socket *sockets;
    size_t n_sockets, cap_sockets;
    it_pkt *in_head, *in_tail; /* waiting; |next| chains, |at| holds the port */
    it_host_event *events;
    size_t ev_head, ev_n, ev_cap;
    it_pkt *held; /* the packet whose data the last event shows */
    it_host_stats stats;
    uint64_t cause, sent; /* it_host_cause, it_host_sent */
    bool silent; /* while off: no answers */
    struct host_tcp *tcp; /* netsim/tcp_impl.h; NULL until needed */
    bool link_event[32]; /* interfaces whose change waits to be told */
};

/* The interface that has |ip|, -1 when none. */
int it_host_iface_of(const it_host *h, it_ip ip);
int it_host_push(it_host *h, it_host_event ev);
/* Sends |p| (owned) from interface |i|: sets the next hop. Returns 0, IT_ERR_NOROUTE or IT_ERR_TOOBIG, |p| then freed. */
int it_host_emit(it_host *h, it_time now, int i, it_pkt *p);

#endif
