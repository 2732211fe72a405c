/* The oracle: from the boxes around two hosts, and nothing else, by which ways they may reach each other. It answers in
 * rungs, the ways of a model's ladder (ladder.h); here are what it is asked with and the answer of one rung. What
 * stands below is of the first rung, direct UDP; the others have files of their own.
 *
 * It runs no packet, no stack and no box. It knows nets, which are the internet and the inside of each box, and
 * endpoints that are an address and a port; a port that nobody can know before is a symbol. A "step" is one STUN
 * message at one place at one time. At a box it meets the box's own tables:
 *
 *      base --(wire)--> net 2 --> box 1 --(wire)--> net 1 --> box 0 --(wire)--> net 0, the internet --> STUN server
 *                                  |                           |
 *                                  mappings: (in, [remote by RFC 4787 section 4.1]) <-> ext
 *                                  sessions: (in, ext, remote), the filter of section 5; of a firewall (in, out)
 *
 * A chain of boxes is not the maximum of its boxes: what an inner box lets in hangs on the mapping that it has itself.
 * So every box has tables of its own, and the two sides go on as RFC 8445 says (ask the STUN server, tell the
 * candidates, check every pair, answer, learn peer-reflexive candidates, check again what was checked) until nothing
 * new can come: a fixed point of the tables, reached in rounds that are the retransmissions of RFC 8489 section 6.2.1.
 *
 * Who is first at a box may decide: it may have taken a packet for its own, or have used up a limit. Then delays
 * decide. What they leave open (whose candidates were told when, by jitter or loss, the pace of either side or an
 * arbitrary pool) is tried in both orders: variants. A direct path is found in all of them, in none, or it is *either*.
 */
#ifndef IT_LAB_JUDGE_ORACLE_ORACLE_H
#define IT_LAB_JUDGE_ORACLE_ORACLE_H

#include "base/alloc.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/time.h"

#define IT_ORACLE_BOXES 32   /* around two hosts */
#define IT_ORACLE_BASES 8    /* addresses of a host */
#define IT_ORACLE_SOCKETS 32 /* of a side: a base for each address and transport */
#define IT_ORACLE_PORTS 16   /* of a firewall's list */
#define IT_ORACLE_NAME 64

/* Candidates by TCP, RFC 6544 section 4. */
enum { IT_ORACLE_TCP_ACTIVE = 1, IT_ORACLE_TCP_PASSIVE = 2, IT_ORACLE_TCP_SO = 4 };

/* RFC 4787 sections 4.1 and 5: endpoint-independent, address-dependent, address-and-port-dependent. */
enum it_oracle_dep { IT_ORACLE_EI, IT_ORACLE_AD, IT_ORACLE_APD };

enum it_oracle_kind {
    IT_ORACLE_ROUTER, /* passes everything */
    IT_ORACLE_NAT,    /* of IPv4; IPv6 passes */
    IT_ORACLE_PREFIX, /* NPTv6, RFC 6296 */
    IT_ORACLE_FIREWALL
};

/* What becomes of a wanted external port that is taken. */
enum it_oracle_clash { IT_ORACLE_CLASH_OTHER, IT_ORACLE_CLASH_DROP, IT_ORACLE_CLASH_SHARE };

enum it_oracle_unsolicited { IT_ORACLE_UNSOL_DROP, IT_ORACLE_UNSOL_REFUSE, IT_ORACLE_UNSOL_TAKE };

enum it_oracle_hairpin { IT_ORACLE_HAIRPIN_NONE, IT_ORACLE_HAIRPIN_EXT, IT_ORACLE_HAIRPIN_INT };

/* What decides of a NAT for UDP, and |syn| for TCP. Of a NAT64 |initial| and |syn| alone. */
typedef struct it_oracle_nat {
    uint8_t mapping, filtering; /* enum it_oracle_dep */
    bool preserve;              /* external ports are the internal ones where they can be */
    bool blocks;                /* ports come in blocks: one that a host had before is hardly ever in its own */
    bool classes;               /* a port below the range is preserved, too */
    uint16_t lo, hi;            /* range of external ports */
    uint8_t clash;              /* enum it_oracle_clash, of |preserve| */
    bool overload, clash_edm, sessions_in;
    bool refresh_out, refresh_in;
    it_time initial, replied, stream, stream_after;
    it_time syn; /* how long an attempt to connect is kept without an answer (RFC 5382 REQ-5) */
    struct {
        uint8_t mapping, filtering; /* enum it_oracle_dep */
        bool refuses;               /* answers a SYN from outside that nobody asked for (RFC 5382 REQ-4) */
    } tcp;
    uint8_t unsolicited, hairpin; /* enum it_oracle_unsolicited, it_oracle_hairpin */
    uint32_t pool;                /* external addresses */
    bool arbitrary;               /* of which each mapping gets any */
    bool one2one;                 /* an address for each host, the port as it is */
    bool kills;                   /* an ICMP error ends the mapping it is about */
    /* 0: no limit; of a host's mappings, sessions, its sessions a second, sessions to a remote endpoint */
    uint32_t most_ports, most_sessions, most_new, most_dest;
    uint32_t most_table; /* sessions of all hosts; 0: no limit */
    bool evict;          /* when there are so many, one that is no stream yet gives way */
} it_oracle_nat;

/* Destination ports that something is said of. */
typedef struct it_oracle_ports {
    bool set, any;
    uint16_t port[IT_ORACLE_PORTS];
    uint8_t n;
} it_oracle_ports;

/* What decides of a firewall whether a connection from inside to a server opens. */
typedef struct it_oracle_wall_tcp {
    bool block, stateful;
    uint8_t filtering; /* enum it_oracle_dep */
    bool refuses;      /* answers a SYN from outside that it does not let in */
    it_oracle_ports out, in;
    it_time syn, max_age; /* of a flow without an answer, of any; |max_age| 0: no limit */
    it_oracle_ports cut;  /* reset by what comes when more than |cut_after| bytes of payload have passed */
    int64_t cut_after;
    bool login_tls;            /* before the login connections to 443 go to it */
    bool catch_tls, catch_web; /* connections to 443, to 80 go to the box's own host, if it has one */
} it_oracle_wall_tcp;

/* What decides of a firewall for UDP, and |tcp|. */
typedef struct it_oracle_wall {
    bool block, stateful;
    uint8_t filtering; /* enum it_oracle_dep */
    it_time timeout, max_age;
    it_time login; /* nothing passes before */
    it_oracle_ports out, in;
    bool ingress; /* of IPv6, unique local addresses stay within their site (RFC 6092 REC-7) */
    bool ike;     /* UDP to port 500 passes, and makes no flow (RFC 6092 REC-24) */
    uint32_t pps; /* the tightest policer, packets a second; 0: none */
    it_oracle_wall_tcp tcp;
} it_oracle_wall;

/* What a box makes of TLS or HTTP that it answers in the relay's place. */
enum it_oracle_caught { IT_ORACLE_CAUGHT_ENDS, IT_ORACLE_CAUGHT_PASSES, IT_ORACLE_CAUGHT_UNSURE };
enum it_oracle_via { IT_ORACLE_VIA_NONE, IT_ORACLE_VIA_HTTP, IT_ORACLE_VIA_SOCKS };

/* A wire: how long a packet takes outwards and inwards, how much longer by chance, whether it may be lost. */
typedef struct it_oracle_wire {
    it_time up, down, slack;
    bool lossy;
} it_oracle_wire;

typedef struct it_oracle_box {
    char name[IT_ORACLE_NAME];
    uint8_t kind;   /* enum it_oracle_kind */
    uint8_t only;   /* a firewall's family, 4 or 6: the other one passes; 0: both */
    uint8_t outer;  /* net outside: 0 the internet, else 1 + the index of the box whose inside that is */
    bool own;       /* a firewall that has a host of its own: a proxy, a portal, an inspector */
    bool hands_tls; /* which hands on TLS that it catches unread, at least of some names */
    bool to4;       /* a ROUTER that is a NAT64: hosts inside reach IPv4 by it (RFC 6146) */
    it_oracle_wire wire;
    it_ip ext[4]; /* external addresses of a NAT, as many as pool, at most four (more make no difference) */
    uint8_t n_ext;
    it_ip inside; /* the inside prefix of a NAT; none: not told */
    uint8_t bits; /* of it */
    union {
        it_oracle_nat nat; /* NAT, NAT64; of PREFIX the hairpin alone */
        it_oracle_wall wall;
    } u;
} it_oracle_box;

/* An address of a host, on an interface in |net|. */
typedef struct it_oracle_base {
    it_ip ip;
    uint8_t net;
    it_oracle_wire wire;
} it_oracle_base;

/* A server in the internet, on one port. */
typedef struct it_oracle_server {
    it_ip ip[2]; /* IPv4 and IPv6; none: it has none of that family, both none: it is not up */
    uint16_t port;
    it_time rtt;   /* between the internet's core and it, there and back */
    it_time slack; /* as in it_oracle_wire */
} it_oracle_server;

#define IT_ORACLE_WEBS 8

/* A way to a relay over WebSocket, by one family. */
typedef struct it_oracle_web {
    it_oracle_server server;
    bool tls;
    bool udp;               /* by datagrams, without TLS and proxies */
    uint8_t caught;         /* enum it_oracle_caught, of a box that answers in its place */
    uint8_t via;            /* enum it_oracle_via; of a proxy: */
    uint8_t box;            /* on whose own host it is, */
    it_oracle_server proxy; /* where it is inside, */
    it_ip outside;          /* its address outside, of the relay's family; none: it has none, */
    it_oracle_wire out;     /* its own wire outside, in place of its box's, */
    bool tunnels;           /* whether it lets this side have tunnels to that port, */
    uint8_t asks;           /* and how often it asks for a password before */
} it_oracle_web;

typedef struct it_oracle_side {
    it_oracle_base base[IT_ORACLE_SOCKETS]; /* best first; of several transports (below) those of the first */
    int n_bases;
    bool as_told;      /* checks pairs of bases to which an answer has come first, and those of a kind in the order in
                          which they came to be; else by priority (RFC 8445 section 6.1.2.3) */
    bool lite;         /* answers checks, asks and checks nothing itself (RFC 8445 section 2.5) */
    bool asks;         /* but asks the STUN server: who waits for connections */
    bool hasty;        /* nominates what works first, and better ones later (RFC 5245 section 8.1.1.2) */
    bool relays;       /* asks the TURN servers */
    unsigned tcp;      /* candidates by TCP: IT_ORACLE_TCP_ACTIVE, ...; 0: none */
    bool checks_first; /* asks a STUN server only when there is nothing to check; else both take turns */
    it_time ta, rto;   /* RFC 8445 section 14, RFC 8489 section 6.2.1 */
    it_time
        keepalive; /* the STUN server is asked again so often while checks go on (RFC 8445 section 5.1.1.4); 0: never */
    it_time signal_least, signal_most;   /* how long what it tells the other side is on its way */
    it_time session_least, session_most; /* when that may leave at the earliest: it stands with the signal server from
                                            then on; 0: it does */
    it_time hears_least, hears_most;     /* when what it is told may reach it at the earliest */
    bool called;                         /* it begins when it first hears of the other side: somebody calls it */
    int streams, stream_base;            /* that session's streams, and from which base they leave */
    it_oracle_web web[IT_ORACLE_WEBS];   /* ways to a relay over WebSocket, as it tries them in turn */
    int n_webs;
    int racers;         /* streams that were tried beside the first, as that took long to open */
    uint8_t stream_box; /* 1 + the index of the box whose own host hands them on; 0: none does */
} it_oracle_side;

#define IT_ORACLE_TURNS 8

/* A TURN server, by one transport on one port. */
typedef struct it_oracle_turn {
    it_oracle_server server;
    bool tcp;
    bool tls; /* and TLS over it, or DTLS */
} it_oracle_turn;

/* What is asked. A server is here when a rung that is built reads it, and not before. */
typedef struct it_oracle_query {
    char model; /* 'A' to 'E': whose ladder it is */
    it_oracle_box box[IT_ORACLE_BOXES];
    int n_boxes;
    it_oracle_side side[2];
    it_oracle_server stun;     /* by UDP; of model C the server of RTMFP */
    it_oracle_server stun_tcp; /* and by TCP */
    bool stun_lends;           /* |stun| is a TURN server, whose answer to Allocate tells a reflexive address, too */
    it_oracle_turn turn[IT_ORACLE_TURNS];
    int n_turns;
    bool no_relay[2];  /* no relayed addresses of IPv4, of IPv6 are lent */
    it_time web_after; /* how long after it has heard of the other one a side joins the relay over WebSocket; of D since
                          the call began */
    it_time web_sooner;      /* and so much sooner at most, when nothing else is left */
    bool checked_relays;     /* they are no TURN servers: they answer checks in the far side's place, and hand on */
    bool turn_limits;        /* by quotas or rules for peers the servers may refuse what they are asked for */
    it_time now;             /* when the call begins, since the world did */
    it_time patience;        /* how long the sides try */
    uint8_t home[2];         /* model C's judge: the families by which each side reaches the server, V4, V6 */
    it_time stream_patience; /* model C: and how long a stream from a peer may take, or the connection */
    it_time web_fallback;    /* model C: how long UDP alone is tried, where the server has a WebSocket */
    bool web_only;           /* or it is not tried */
    int transports;          /* components of media streams, each with ports of its own, which must all open; 0: one */
} it_oracle_query;

/* --- what is answered --- */

enum { IT_ORACLE_V4 = 1, IT_ORACLE_V6 = 2 };

/* Kinds of candidates, RFC 8445 section 4. */
enum it_oracle_cand { IT_ORACLE_HOST, IT_ORACLE_SRFLX, IT_ORACLE_PRFLX, IT_ORACLE_RELAY, IT_ORACLE_CANDS };

/* The ways from one host to the other. Which of them a model has, and which it prefers, is its ladder's (ladder.c). */
enum it_oracle_rung {
    IT_ORACLE_DIRECT_UDP, /* udp.c */
    IT_ORACLE_DIRECT_TCP, /* tcp.c */
    IT_ORACLE_RELAY_UDP,  /* relay.c */
    IT_ORACLE_RELAY_TCP,  /* relay.c */
    IT_ORACLE_DGRAM,      /* proxy.c: the same relay by UDP */
    IT_ORACLE_PROXY,      /* proxy.c: a relay over WebSocket, through a proxy or not */
    IT_ORACLE_RUNGS
};

/* NOT_BUILT: nothing is said of the network, because the model does not take such ways or the oracle does not judge
 * them yet. */
enum it_oracle_outcome { IT_ORACLE_DIES, IT_ORACLE_OPENS, IT_ORACLE_EITHER, IT_ORACLE_NOT_BUILT };

/* What is said of one rung. */
typedef struct it_oracle_way {
    enum it_oracle_rung rung;
    enum it_oracle_outcome outcome;
    it_time least;        /* no path by it opens sooner after the call began; 0: not known */
    uint8_t families;     /* by which such a path may be found: bits IT_ORACLE_V4, V6 */
    uint32_t pairs[2];    /* kinds that may be selected (local, remote) as seen by each side: bit 4 * local + remote,
                             kinds as enum it_oracle_cand */
    bool overtaken;       /* it must open, and a later rung that may open may be selected before it does */
    int variants, opened; /* orders tried, and in how many of them a path was found */
    it_time latest; /* when the latest of these was found, since the call began; of PROXY: the path is open by then
                       if nothing else is, 0: no such time is known */
    char why[256];  /* the deciding rule, one sentence */
} it_oracle_way;

/* The judge of one rung: decides |q| for it into |*w|, which is always written whole. Returns 0, or IT_ERR_NOMEM with
 * nothing decided. */
typedef int it_oracle_judge(it_alloc *alloc, const it_oracle_query *q, it_oracle_way *w);

/* Direct paths by UDP: host, server- and peer-reflexive candidates. Sources: RFC 4787 sections 4.1 (mapping), 5
 * (filtering), 6 (hairpinning); RFC 6092 for firewalls; RFC 8445 sections 5.1, 6.1.4, 7.2.5, 7.3.1. */
it_oracle_judge it_oracle_udp IT_MUST_CHECK;
/* Direct paths by TCP between candidates that both sides have (RFC 6544). Sources: RFC 5382 REQ-1, REQ-3, REQ-4; RFC
 * 6092 section 3.3; RFC 6544 sections 6.2, 7. */
it_oracle_judge it_oracle_direct_tcp IT_MUST_CHECK;

/* Of model C: direct paths by the introduction of a server (RFC 7016 section 3.5.1.6); and streams over that server,
 * where both sides reach it (RFC 7425 section 5.3.5), by UDP or over its WebSocket: |web| of each side is the way to
 * that. */
it_oracle_judge it_oracle_rtmfp_direct IT_MUST_CHECK;
it_oracle_judge it_oracle_rtmfp_server IT_MUST_CHECK;
it_oracle_judge it_oracle_rtmfp_web IT_MUST_CHECK;

/* Whether a box may have no room for a stream of signaling of |q|, so that no call comes to be: then which, a clause,
 * in |why| of |cap| bytes. Where a box takes few new ones a second the sessions of |q| become later. */
bool it_oracle_crowd_streams(it_oracle_query *q, char *why, size_t cap);

/* Relayed paths (RFC 8656), by UDP and by TCP to the server. What they change of the ways before them is no matter of a
 * rung: ladder.c. */
it_oracle_judge it_oracle_relay_udp IT_MUST_CHECK;
it_oracle_judge it_oracle_relay_tcp IT_MUST_CHECK;

/* A relay over WebSocket (RFC 6455), by TCP or through the tunnel of a proxy (RFC 9110 section 9.3.6, RFC 1928). */
it_oracle_judge it_oracle_proxy IT_MUST_CHECK;
/* The same relay by UDP: sure where both sides reach it so; where one does, it tells of this path and the other of a
 * relay over WebSocket. */
it_oracle_judge it_oracle_dgram IT_MUST_CHECK;

#endif
