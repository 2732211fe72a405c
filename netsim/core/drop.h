/* Why a packet ended: every drop in the simulator has one of these reasons, each with its rule and its source.
 *
 * The box and the side come from where the drop happened; this table adds the rule and the RFC section, for the trace,
 * the capture's comment and the report. */
#ifndef IT_NETSIM_CORE_DROP_H
#define IT_NETSIM_CORE_DROP_H

enum it_drop {
    IT_DROP_NONE = 0,
    /* links */
    IT_DROP_LOSS,      /* the loss process of a link */
    IT_DROP_QUEUE,     /* the FIFO queue is full */
    IT_DROP_CUT,       /* the link is cut */
    IT_DROP_BLACKHOLE, /* a silent blackhole, maybe one way */
    IT_DROP_CHOSEN,    /* picked by a scenario's rule */
    IT_DROP_MTU,       /* too big for the link and not to be fragmented */
    /* hosts and routers */
    IT_DROP_IFACE_DOWN,  /* the interface is administratively down */
    IT_DROP_MALFORMED,   /* not an IP packet, or lengths that contradict each other */
    IT_DROP_CHECKSUM,    /* a wrong checksum */
    IT_DROP_TTL,         /* hop limit exceeded in transit */
    IT_DROP_NO_ROUTE,    /* no route to the destination */
    IT_DROP_NO_NEIGHBOR, /* nobody on the segment has the address */
    IT_DROP_NOT_MINE,    /* strong host model: the address is another interface's or nobody's */
    IT_DROP_NO_SOCKET,   /* no socket on the port */
    IT_DROP_HOST_DOWN,   /* the host is without power */
    IT_DROP_MARTIAN,     /* a source or destination that may not appear here */
    /* NATs and firewalls */
    IT_DROP_NAT_NO_MAPPING,  /* inbound, no mapping on the port */
    IT_DROP_NAT_FILTER_ADDR, /* address-dependent filtering */
    IT_DROP_NAT_FILTER_PORT, /* address-and-port-dependent filtering */
    IT_DROP_NAT_NO_HAIRPIN,  /* inside to own external address, no hairpinning */
    IT_DROP_NAT_PORTS,       /* no external port left */
    IT_DROP_NAT_CLASH,       /* port preservation clashes and the box drops on a clash */
    IT_DROP_NAT_LIMIT,       /* a limit of sessions or ports per host, or of new sessions per second */
    IT_DROP_NAT_UNSOLICITED, /* delivered to the box itself or refused by it */
    IT_DROP_NAT_ICMP,        /* an ICMP message that belongs to no mapping */
    IT_DROP_NAT_PROTO,       /* a protocol the box does not translate */
    IT_DROP_NAT_FRAGMENT,    /* a fragment whose first one did not come or was dropped, or for which there is no room */
    IT_DROP_NAT_REBOOT,      /* the NAT is rebooting or without power */
    IT_DROP_FW_POLICY,       /* the firewall's policy forbids it */
    IT_DROP_FW_STATE,        /* inbound without state */
    IT_DROP_FW_RATE,         /* beyond a policer's rate */
    /* TCP of hosts */
    IT_DROP_TCP_WINDOW,    /* outside the receive window, or a duplicate */
    IT_DROP_TCP_ACK,       /* acknowledges what was never sent */
    IT_DROP_TCP_CHALLENGE, /* a SYN or an inexact RST on a connection */
    IT_DROP_TCP_PAWS,      /* an old timestamp, or none */
    IT_DROP_TCP_STATE,     /* fits no step of the connection's state */
    IT_DROP_TCP_BACKLOG,   /* too many connections wait to be accepted */
    /* queues of links */
    IT_DROP_AQM, /* the queue of a link decided that it had waited too long */
    /* fragments at hosts */
    IT_DROP_FRAG_TIMEOUT, /* the others of its datagram did not come in time */
    IT_DROP_FRAG_OVERLAP, /* fragments of its datagram overlap, or it is there already */
    IT_DROP_FRAG_LIMIT,   /* no room for more fragments */
    /* boxes that do not run */
    IT_DROP_FW_REBOOT,   /* the firewall is rebooting */
    IT_DROP_ROUTER_DOWN, /* the router or segment is without power */
    IT_DROP_FW_FRAGMENT, /* a fragment whose datagram never became whole, or has no room */
    IT_DROP_FW_INVALID,  /* a packet that belongs to no flow and may begin none, whoever sent it */
    IT_DROP_COUNT
};

/* A short stable key for results and tests, for example "nat.filter_port". Static storage. */
const char *it_drop_key(enum it_drop reason);

/* The rule as words, for example "no session, address-and-port-dependent filtering". Static storage. */
const char *it_drop_rule(enum it_drop reason);

/* The source, for example "RFC 4787 section 5", or "" where the scenario itself is the reason. Static storage. */
const char *it_drop_rfc(enum it_drop reason);

#endif
