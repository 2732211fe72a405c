/* A NAT44 box: two tables, mappings and sessions, with explicit keys, and a personality that is data.
 *
 *     inside (port 0, "lan")  --int ip:port-->  [ mapping: int <-> ext ]  --ext ip:port-->  outside (port 1, "wan")
 *                                               [ session: mapping x remote ]
 *
 * A mapping binds an internal endpoint to an external one; its key is (protocol, internal address and port) and, by the
 * mapping behaviour, the remote address and port (RFC 4787 section 4.1). A session is a mapping together with one
 * remote endpoint: it carries the timers, it is the fast path in both directions, and the sessions of a mapping are its
 * filter (section 5). A mapping lives as long as one of its sessions, or as long as whoever made it by it_nat_map_add
 * wants.
 *
 * Built: UDP, TCP (RFC 5382, 7857), ICMP queries and ICMP errors about all three (RFC 5508), fragments of them in any
 * order, each translated as it is (RFC 4787 REQ-13, REQ-14); NAT64 (RFC 6146) and NPTv6 (RFC 6296) with an inside of
 * IPv6. Not here: port mapping protocols, which are apps beside, and ALGs but the generic one. */
#ifndef IT_NETSIM_NAT_NAT_H
#define IT_NETSIM_NAT_NAT_H

#include "netsim/core/world.h"

typedef struct it_nat it_nat;

#define IT_NAT_LAN 0 /* port numbers of the node */
#define IT_NAT_WAN 1

/* --- the personality --- */

#define IT_NAT_RANGES 8             /* port classes of a profile */
#define IT_NAT_ADDRS_MAX 64         /* external addresses of a box */
#define IT_NAT_TABLE_MAX (1u << 20) /* sessions of a box */

/* Mapping and filtering behaviours in order of strictness, so that a chain of boxes behaves as its maximum. RFC 4787
 * sections 4.1 and 5: endpoint-independent, address-dependent, address-and-port-dependent. */
enum it_nat_dep { IT_NAT_EI, IT_NAT_AD, IT_NAT_APD };

/* How a new mapping gets its port (RFC 4787 section 4.2, RFC 7422 for DET). */
enum it_nat_alloc_mode { IT_NAT_PRESERVE, IT_NAT_RANDOM, IT_NAT_SEQUENTIAL, IT_NAT_DET };

/* What PRESERVE does when the port is taken. OVERLOAD shares it blindly: the newest session gets what comes in. */
enum it_nat_clash { IT_NAT_CLASH_RANDOM, IT_NAT_CLASH_NEXT, IT_NAT_CLASH_DROP, IT_NAT_CLASH_OVERLOAD };

/* What becomes of an inbound packet that no session and no filter lets in: silence, ICMP port unreachable without
 * state, or delivery to the box itself, which answers the same but keeps a session of its own that takes the port for
 * that remote. */
enum it_nat_unsolicited { IT_NAT_UNSOL_DROP, IT_NAT_UNSOL_REJECT, IT_NAT_UNSOL_LOCAL };

/* RFC 4787 section 6: none, external source address and port (REQ-9a), internal source. */
enum it_nat_hairpin { IT_NAT_HAIRPIN_NONE, IT_NAT_HAIRPIN_EXT, IT_NAT_HAIRPIN_INT };

/* RFC 4787 section 4.1: PAIRED keeps an internal host on one address while it has state, ARBITRARY does not; PERSISTENT
 * computes the address from the host's, so that it survives a loss of state. */
enum it_nat_pool_mode { IT_NAT_POOL_PAIRED, IT_NAT_POOL_ARBITRARY, IT_NAT_POOL_PERSISTENT };

/* What becomes of fragments (RFC 4787 section 11): they pass in any order, only behind their first one, not at all, or
 * when their datagram is whole (netsim/box/defrag.h), in the pieces it came in. */
enum it_nat_fragments {
    IT_NAT_FRAGMENTS_ANY,
    IT_NAT_FRAGMENTS_ORDERED,
    IT_NAT_FRAGMENTS_NONE,
    IT_NAT_FRAGMENTS_REASSEMBLE
};

/* What the box does about an unsolicited SYN; HOLD6 is RFC 5382 REQ-4. */
enum it_nat_syn_in { IT_NAT_SYN_DROP, IT_NAT_SYN_RST, IT_NAT_SYN_ICMP, IT_NAT_SYN_HOLD6 };

enum { IT_NAT_UPNP = 1, IT_NAT_NATPMP = 2, IT_NAT_PCP = 4 }; /* portmap */
/* alg */
enum {
    IT_NAT_ALG_GENERIC = 1,
    IT_NAT_ALG_FTP = 2,
    IT_NAT_ALG_SIP = 4,
    IT_NAT_ALG_H323 = 8,
    IT_NAT_ALG_RTSP = 16,
    IT_NAT_ALG_PPTP = 32
};

typedef struct it_nat_range {
    uint16_t lo, hi; /* both included; lo above 0 */
} it_nat_range;

typedef struct it_nat_alloc {
    uint8_t mode;       /* enum it_nat_alloc_mode */
    uint8_t on_clash;   /* enum it_nat_clash */
    bool parity;        /* an external port is even or odd as the internal one (RFC 4787 REQ-4) */
    bool contiguity;    /* the port next to a mapped internal port gets the external port next to that one's (RFC 4787
                         * section 4.2.3)
                         */
    it_nat_range range; /* external ports, when there are no classes */
    /* ascending: a port belongs to the first class that does not end below it, gaps too */
    it_nat_range classes[IT_NAT_RANGES];
    uint8_t n_classes;
    int32_t step;   /* SEQUENTIAL: from one new mapping to the next */
    uint32_t tries; /* RANDOM, and PRESERVE on a clash: ports tried in a row from a random one on, then half as many
                     * from another, down to 8; 0: all of the range */
    uint32_t noise; /* SEQUENTIAL: other hosts take this many ports a second, a Poisson process */
} it_nat_alloc;

typedef struct it_nat_udp {
    uint8_t mapping, filtering; /* enum it_nat_dep */
    it_nat_alloc alloc;
    bool overload;  /* an external port may serve several internal endpoints towards different remotes (RFC 7857 section
                       3) */
    bool clash_edm; /* when a new session's 5-tuple is taken, it and later destinations get another port; else it is
                       dropped */
    bool inbound_session; /* an inbound packet let in makes a session: the answer leaves from the port it came in on */
    struct {
        it_time initial, replied,
            stream;           /* idle time while no reply was seen; after one; after a further packet at ... */
        it_time stream_after; /* ... this age of the session or later */
    } timeout;
    struct {
        bool out, inb; /* which packets restart the timer (RFC 4787 REQ-6) */
        bool dropped;  /* those too that the box drops then, for their hop limit or size, of every protocol */
    } refresh;
    uint8_t unsolicited; /* enum it_nat_unsolicited */
} it_nat_udp;

/* The choice of ports, overloading and clashes are those of it_nat_udp, in a name space of ports of TCP's own. What
 * comes in and is let in always makes a session. */
typedef struct it_nat_tcp {
    uint8_t mapping, filtering; /* enum it_nat_dep */
    uint8_t syn_in;             /* enum it_nat_syn_in */
    struct {
        it_time syn;      /* idle time until SYNs were seen both ways */
        it_time est;      /* established */
        it_time fin;      /* one side has finished; RFC 5382 section 5 counts that as established */
        it_time close;    /* after a reset (RFC 7857 section 2.2) */
        it_time timewait; /* from the second FIN on, whatever passes */
        /* |strict| alone, which counts |syn| from the first SYN, |fin| from the first FIN, |timewait| from the last
         * ACK: */
        it_time syn_recv;   /* the SYN is answered, nobody has acknowledged that */
        it_time close_wait; /* one side has finished, the other has acknowledged that */
        it_time last_ack;   /* both have finished, the second FIN is not acknowledged */
        it_time unacked; /* no more than this while data is not acknowledged, a window is 0 or the same ACK comes again
                            and again */
    } timeout;
    bool strict; /* drops what does not fit the connection as it stands, as netfilter's INVALID */
    bool loose;  /* a packet out that is no SYN opens a session: a connection from before a loss of state lives on */
    bool rst_on_expired; /* such a packet is answered with a reset */
} it_nat_tcp;

typedef struct it_nat_profile {
    it_nat_udp udp;
    it_nat_tcp tcp;
    struct {
        it_time query_timeout; /* idle time of an ICMP query session (RFC 5508 REQ-2) */
        bool errors;           /* translates and forwards ICMP errors about a mapping */
        bool sessions;         /* only when it is about a session, else about a mapping too (RFC 5508 REQ-4, REQ-5) */
        bool verify_inner;     /* the checksum of the IP header inside is checked (RFC 5508 REQ-3a) */
        bool kills;            /* such an error from outside ends the mapping (against RFC 4787 REQ-12) */
    } icmp;
    struct {
        bool pass; /* protocols beside UDP, TCP and ICMP are translated: their addresses, and ports where they have
                      some (RFC 3022 section 4.1 leaves them out) */
        it_time timeout; /* idle time of their sessions ... */
        it_time gre;     /* ... of GRE's without a reply ... */
        it_time gre_replied;
    } other;
    bool verify;   /* drops what has a wrong transport checksum, before it is anybody's */
    bool reserved; /* 240.0.0.0/4 and 0.0.0.0/8, but for the first and last address of all, are like any other */
    struct {
        it_time timeout; /* of a datagram that is not whole */
        uint32_t memory; /* bytes held of such at most */
    } reassembly;        /* of IT_NAT_FRAGMENTS_REASSEMBLE */
    uint8_t hairpin;     /* enum it_nat_hairpin */
    uint8_t fragments;   /* enum it_nat_fragments */
    struct {
        uint32_t size; /* external addresses used, of those the box has */
        uint8_t mode;  /* enum it_nat_pool_mode */
    } pool;
    struct {                        /* 0: no limit */
        uint32_t ports_per_host;    /* mappings of an internal host */
        uint32_t sessions_per_host; /* sessions of an internal host */
        uint32_t sessions_per_dest; /* sessions of an external address with one remote endpoint */
        uint32_t new_per_s;         /* sessions an internal host may open a second; as many at once */
    } limits;
    struct {
        uint32_t size; /* sessions in all */
        bool evict;    /* when full a session without an answer gives way, if one is found at once */
    } table;
    bool silent; /* says nothing when there is no room for a flow (RFC 5508 REQ-8, RFC 6888 REQ-11 ask for ICMP) */
    struct {     /* port block allocation, when size is not 0 (RFC 6888 REQ-14, RFC 7422) */
        uint32_t size;    /* ports in a block */
        uint32_t max;     /* blocks of an internal host; 0: no limit */
        it_time lifetime; /* how long a host keeps a block whose ports are all free */
    } block;
    it_time port_reuse; /* port reuse delay: how long until another host gets a freed external port (RFC 6888 REQ-8); 0:
                           not at all */
    uint8_t portmap; /* IT_NAT_UPNP ...: which port mapping protocols it serves, for those who put the apps beside it */
    struct {
        uint32_t version;           /* of the Internet Gateway Device: 1 or 2 */
        bool permanent, same_ports; /* it refuses leases that end (725); external ports unlike the internal one (724) */
    } igd;                          /* of IT_NAT_UPNP */
    struct {
        bool map, peer;        /* hosts may use the opcode (RFC 6887 sections 11, 12) */
        bool third_party;      /* a host may ask for another one (section 13.1) */
        uint32_t filters;      /* remote peers of a mapping at most, 1 to 32 (section 13.3) */
        uint32_t quota;        /* mappings and held flows a host may have by asking; 0: no limit (section 11.3) */
    } pcp;                     /* of IT_NAT_PCP */
    uint8_t alg;               /* IT_NAT_ALG_...: GENERIC is built (alg.c), a profile that has another makes no box */
    bool state_loss_on_reboot; /* a reboot forgets all state */
    bool one2one; /* one external address for each internal host, ports as they are (basic NAT, RFC 3022 section 2.1) */
    /* 0: NAT44; 64: NAT64 (RFC 6146); 66: NPTv6 (RFC 6296), of which only |prefix| and |hairpin| count */
    uint8_t family;
    it_prefix prefix; /* NAT64: Pref64 (RFC 6052); NPTv6: the outside prefix */
} it_nat_profile;

/* The profile everything inherits from: EIM, APDF, ports preserved, 30/30/120 s. */
void it_nat_profile_init(it_nat_profile *p);

/* NULL, or a sentence about something in |p| that is well said but not built, which is a fault too. Static storage. */
const char *it_nat_profile_unbuilt(const it_nat_profile *p);

/* NULL when a box can be made of |p|; else a sentence that says what is wrong or not built. Static storage. */
const char *it_nat_profile_fault(const it_nat_profile *p);

/* --- the box --- */

/* A box of personality |p| (copied), without addresses. NULL on no memory, a name taken or a profile with a fault. The
 * world owns it. Its random streams are NAME/port, NAME/pool and NAME/noise. */
it_nat *it_nat_new(it_world *w, const char *name, const it_nat_profile *p);
it_node *it_nat_node(it_nat *nat);
/* The port where the box's own host is to be plugged in, made when new: what inside hosts send to the box's inside
 * address goes there (but for ICMP), and what it sends goes to them; for a box with an inside of IPv6 also to and from
 * outside by its own address. Returns the port or IT_ERR_NOMEM. */
int it_nat_self(it_nat *nat) IT_MUST_CHECK;
/* The box that |n| is, NULL for any other kind of node. */
it_nat *it_nat_of(it_node *n);
const it_nat_profile *it_nat_profile_of(const it_nat *nat);

/* Gives the box its inside address |own| in a prefix of |bits| (of 32) bits. Everything there is reached directly:
 * packets leave port 0 with hop = destination. With an inside of IPv6 (|family|) an IPv6 address and bits of 128, for
 * NPTv6 as many as the outside prefix has. Returns 0 or IT_ERR_RANGE (another family, too many bits). */
int it_nat_inside(it_nat *nat, it_ip own, uint8_t bits) IT_MUST_CHECK;

/* Gives the box its |n| external addresses, of which it uses the first pool.size, and the next hop of everything
 * outside (none: the destination itself). [0] is the address of its own ICMP messages outside. Forgets all state.
 * Returns 0, IT_ERR_RANGE (n 0 or above IT_NAT_ADDRS_MAX, not IPv4, twice the same), IT_ERR_EXISTS (one lies in the
 * inside's prefix, RFC 4787 REQ-7) or IT_ERR_NOMEM. */
int it_nat_outside(it_nat *nat, const it_ip *addrs, uint32_t n, it_ip gateway) IT_MUST_CHECK;

/* Lets a NAT of IPv4 hand IPv6 on as it is, as a router does with both families; |own| is where its ICMPv6 errors come
 * from, |gateway| the next hop outside. */
void it_nat_route6(it_nat *nat, it_ip own, it_ip gateway);

/* The next hop of IPv6 outside, for boxes whose inside is IPv6; none: the destination itself. */
void it_nat_gateway6(it_nat *nat, it_ip gateway);

/* The |i|-th external address in use; none past the end. */
it_ip it_nat_external(const it_nat *nat, uint32_t i);

/* Reboots: everything is dropped with IT_DROP_NAT_REBOOT for |down| ns; state is lost if the profile says so. */
void it_nat_reboot(it_nat *nat, it_time now, it_time down);
/* New external addresses, as it_nat_outside, while running; explicit mappings without an end move to the new [0]. */
int it_nat_renumber(it_nat *nat, it_time now, const it_ip *addrs, uint32_t n, it_ip gateway) IT_MUST_CHECK;
/* Forgets all state but explicit mappings without an end. */
void it_nat_flush(it_nat *nat, it_time now);
/* Replaces the personality from now on. State stays, timers of sessions change at their next packet. Returns 0,
 * IT_ERR_RANGE (a fault, or a change of port blocks, pool or one2one, which an it_nat_outside must follow anyway) or
 * IT_ERR_NOMEM. */
int it_nat_set(it_nat *nat, const it_nat_profile *p) IT_MUST_CHECK;

/* Whom an explicit mapping lets in: of addresses |who|, as its host knows them; port 0: any. RFC 6887 section 13.3. */
typedef struct it_nat_filter {
    it_prefix who;
    uint16_t port;
} it_nat_filter;

#define IT_NAT_FILTERS_MAX 32 /* of a mapping */

/* Makes an explicit mapping (configuration, or a port mapping protocol) that lets everybody in, or those of its
 * filters. |ext|: address none picks as the pool does, port 0 picks as for a new mapping; otherwise exactly that.
 * |proto|: IT_PROTO_UDP or IT_PROTO_TCP. |until|: IT_NEVER or the time it ends. An equal mapping is renewed. The
 * |n_filters| of |filters| are added to those it has, which |unfilter| takes away first; a session that came in by whom
 * they do not let in ends. Sets |*got| (may be NULL) to the external endpoint. Returns 0, IT_ERR_EXISTS (taken),
 * IT_ERR_FULL (no port left), IT_ERR_LIMIT, IT_ERR_TOOBIG (more filters than pcp.filters), IT_ERR_RANGE, IT_ERR_NOMEM;
 * then nothing has changed. */
struct it_nat_map_request {
    uint8_t proto;
    it_addr internal, ext;
    it_time until;
    const it_nat_filter *filters;
    size_t n_filters;
    bool unfilter;
};
int it_nat_map_add(it_nat *nat, it_time now, const struct it_nat_map_request *r, it_addr *got) IT_MUST_CHECK;
/* Ends the explicit mapping of |internal|. Returns 0 or IT_ERR_NOTFOUND. */
int it_nat_map_del(it_nat *nat, it_time now, uint8_t proto, it_addr internal);

/* Opens the flow of |internal| with |peer| (as its host knows it) as if a packet had gone out, or takes the one there
 * is, and keeps it until |until| or as long as it would live anyway: RFC 6887 section 12. |ext|, for a new mapping: as
 * for it_nat_map_add. TCP's own end of the connection ends it too. Sets |*got| to the external endpoint, |*end| to when
 * it ends as things stand. Returns as it_nat_map_add. */
struct it_nat_peer_request {
    uint8_t proto;
    it_addr internal, ext, peer;
    it_time until;
};
int it_nat_peer_add(it_nat *nat, it_time now, const struct it_nat_peer_request *r, it_addr *got,
                    it_time *end) IT_MUST_CHECK;

/* --- looking inside --- */

typedef struct it_nat_stats {
    uint64_t mappings_created, mappings_ended; /* ended: expired, killed or flushed */
    uint64_t sessions_created, sessions_ended;
    uint64_t flushes;  /* how often state was lost */
    uint64_t evicted;  /* sessions that gave way in a full table */
    it_time no_room;   /* when one last did, or a limit or the want of a port last refused one; 0: never */
    uint64_t clashes;  /* the wanted port or 5-tuple was taken */
    uint64_t poisoned; /* sessions the box made for itself (unsolicited = local) */
    uint64_t out, in, hairpin, icmp_errors; /* packets forwarded */
    uint64_t alg;                           /* times a payload was rewritten */
    uint32_t mappings, sessions;            /* now */
    uint64_t drops[IT_DROP_COUNT];
} it_nat_stats;

/* The counts of |nat| so far; live as long as it does. */
const it_nat_stats *it_nat_stat(const it_nat *nat);

typedef struct it_nat_entry {
    uint8_t proto;
    it_addr internal, ext;
    it_addr remote;    /* mapping: what its key holds, none and 0 where it does not; session: the remote endpoint */
    it_time expires;   /* session: now or later; mapping: IT_NEVER unless explicit with an end */
    uint32_t sessions; /* mapping: how many it has */
    bool is_explicit;  /* mapping: made by it_nat_map_add */
    bool local;        /* session: the box's own */
    bool unanswered;   /* session: opened from outside, and the host inside has sent nothing */
    uint8_t stage;     /* session: 0 initial, 1 replied, 2 stream; TCP: enum it_tcpt_state */
} it_nat_entry;

/* The explicit mapping of |internal| into |*e|; where there is none the one its flows use, if they all use the same
 * (RFC 4787 section 4.1). False when there is neither. */
bool it_nat_mapping_of(it_nat *nat, uint8_t proto, it_addr internal, it_nat_entry *e);

/* Step through mappings or sessions in a defined order; start with |*pos| = 0, false at the end. Nothing may change in
 * between.
 */
bool it_nat_next_mapping(const it_nat *nat, uint32_t *pos, it_nat_entry *e);
bool it_nat_next_session(const it_nat *nat, uint32_t *pos, it_nat_entry *e);

#endif
