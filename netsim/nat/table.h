/* What the NAT keeps: the ends of flows, its tables, and a packet on its way. Not for anybody but the files of the NAT.
 *
 * Everything is IPv4. An end is one word, protocol, address and port, compared and hashed whole, and of a type that
 * says whose it is, so that none is taken for another. Of an ICMP query the port is its identifier; at the remote end
 * it is the type and code (it_natc_query). Nothing looks at |w| but the functions here and the keys of the tables.
 * Indices into the pools are stable, pointers only until the pool grows. */
#ifndef IT_NETSIM_NAT_TABLE_H
#define IT_NETSIM_NAT_TABLE_H

#include "base/table/map.h"
#include "netsim/nat/nat.h"
#include "netsim/box/defrag.h"
#include "netsim/box/conntrack.h"
#include "netsim/box/tcptrack.h"

#define IT_NATC_NONE IT_MAP_NONE

/* --- ends --- */

/* An address and port, whosever they are; the protocol is 0 where it is not said. */
typedef struct it_natc_end {
    uint64_t w;
} it_natc_end;

/* An endpoint of a host inside, with its protocol. */
typedef struct it_natc_internal {
    it_natc_end e;
} it_natc_internal;

/* An endpoint of the box outside, with its protocol. */
typedef struct it_natc_external {
    it_natc_end e;
} it_natc_external;

/* The other end of a flow, without a protocol: it is that of the near end. */
typedef struct it_natc_remote {
    it_natc_end e;
} it_natc_remote;

/* The remote part of a mapping's key: what remotes the mapping is for. */
typedef struct it_natc_scope {
    it_natc_end e;
} it_natc_scope;

/* Every remote: RFC 4787 section 4.1, endpoint-independent mapping. */
#define IT_NATC_ANYONE ((it_natc_scope){{0}})
/* Every remote, by an explicit mapping. */
#define IT_NATC_EXPLICIT ((it_natc_scope){{UINT64_MAX}})

static inline it_natc_end it_natc_end_of(uint32_t ip, uint16_t port)
{
    return (it_natc_end){(uint64_t)ip << 16 | port};
}

/* The parts of |e|. */
static inline uint8_t it_natc_proto(it_natc_end e)
{
    return (uint8_t)(e.w >> 48);
}
static inline uint32_t it_natc_ip(it_natc_end e)
{
    return (uint32_t)(e.w >> 16);
}
static inline uint16_t it_natc_port(it_natc_end e)
{
    return (uint16_t)e.w;
}
static inline it_addr it_natc_addr(it_natc_end e)
{
    return it_addr_of(it_ip4(it_natc_ip(e)), it_natc_port(e));
}

/* |e| without its protocol. */
static inline it_natc_end it_natc_bare(it_natc_end e)
{
    return (it_natc_end){e.w & 0xffffffffffffULL};
}

/* The address and port of |e| in a role, of |proto|: the only ways from one role to another. */
static inline it_natc_internal it_natc_internal_of(uint8_t proto, it_natc_end e)
{
    return (it_natc_internal){{(uint64_t)proto << 48 | it_natc_bare(e).w}};
}
static inline it_natc_external it_natc_external_of(uint8_t proto, it_natc_end e)
{
    return (it_natc_external){{(uint64_t)proto << 48 | it_natc_bare(e).w}};
}
static inline it_natc_remote it_natc_remote_of(it_natc_end e)
{
    return (it_natc_remote){it_natc_bare(e)};
}

static inline bool it_natc_internal_eq(it_natc_internal a, it_natc_internal b)
{
    return a.e.w == b.e.w;
}
static inline bool it_natc_external_eq(it_natc_external a, it_natc_external b)
{
    return a.e.w == b.e.w;
}
static inline bool it_natc_remote_eq(it_natc_remote a, it_natc_remote b)
{
    return a.e.w == b.e.w;
}
static inline bool it_natc_scope_eq(it_natc_scope a, it_natc_scope b)
{
    return a.e.w == b.e.w;
}

/* --- tables --- */

enum { IT_NATC_INITIAL, IT_NATC_REPLIED, IT_NATC_STREAM };
enum { IT_NATC_OUT, IT_NATC_IN }; /* directions of a packet */
enum {
    IT_NATC_BACK = 1,
    IT_NATC_ALG = 2
}; /* why a session's packets take more than their headers translated, as bits */

typedef struct it_natc_session {
    it_natc_internal in;
    it_natc_external ext;
    it_natc_remote remote;
    it_time created, last, expires; /* |last|: the last packet that refreshed */
    it_time timer;                  /* time of its entry in the heap; never after |expires| */
    uint32_t map;                   /* its mapping; IT_NATC_NONE: the box's own */
    uint32_t next, prev;            /* in the mapping's list */
    uint32_t gen;                   /* counts the lives of this slot */
    uint8_t stage, first;           /* TCP: enum it_tcpt_state. |first|: direction of the packet that made it */
    uint8_t detour; /* IT_NATC_BACK: the remote endpoint is one of the box's own; IT_NATC_ALG: payloads are looked at */
    bool live;
    bool held;    /* not to end before its place in |holds| says */
    bool tracked; /* TCP of a box that was strict when it began: |lives| has its idle time */
} it_natc_session;

/* Of a TCP session of a box that is strict: its connection, and the idle time that it began. */
typedef struct it_natc_life {
    it_ct ct;
    it_time idle;
    uint8_t opener; /* direction of its first packet */
    bool blank;     /* there was none yet */
} it_natc_life;

typedef struct it_natc_map {
    it_natc_internal in;
    it_natc_external ext;
    it_natc_scope scope; /* with |in| its key */
    it_time until;       /* dynamic: no session of it lives longer; explicit: its end */
    uint32_t host;
    uint32_t sessions, n_sessions; /* list and length */
    uint32_t older;                /* the next mapping under the same key */
    uint32_t sharer;               /* the next mapping on the same external endpoint */
    uint32_t block;                /* of its port, or IT_NATC_NONE */
    uint32_t gen;
    bool live, is_explicit;
    bool filtered; /* has filters: it_natc_filter */
} it_natc_map;

/* One of the filters of mapping |map|. */
typedef struct it_natc_filter {
    uint32_t map;
    uint32_t net, mask;
    uint16_t port; /* 0: any */
} it_natc_filter;

typedef struct it_natc_host {
    uint32_t ip;
    uint32_t addr; /* index of its external address; IT_NATC_NONE: not chosen */
    uint32_t n_maps, n_sessions, n_blocks;
    uint32_t blocks; /* list */
    it_time tat;     /* when the bucket of new sessions is full again */
    bool live;
} it_natc_host;

typedef struct it_natc_block {
    uint32_t host;  /* owner, IT_NATC_NONE: free */
    uint32_t next;  /* in the owner's list */
    uint32_t used;  /* mappings in it */
    uint32_t by[2]; /* of them UDP's, and others' */
    uint32_t gen;   /* counts the times it fell empty */
} it_natc_block;

/* An external endpoint under the port reuse delay: only host |ip| may have it. RFC 6888 REQ-8. */
typedef struct it_natc_reuse {
    it_natc_external ext;
    it_time until;
    uint32_t ip;
    uint32_t gen;
} it_natc_reuse;

/* An unsolicited SYN that waits for its counterpart from inside. RFC 5382 REQ-4. */
typedef struct it_natc_held {
    it_natc_external ext;
    it_natc_remote remote;
    it_pkt *p; /* owned; NULL: a free slot */
    uint32_t gen;
} it_natc_held;

/* A datagram that came in fragments. */
enum { IT_NATC_F_WAITING, IT_NATC_F_KNOWN, IT_NATC_F_DROPPED };
typedef struct it_natc_frag {
    uint64_t key[2];          /* addresses; protocol, identification and port of the box */
    it_pkt *held, *held_tail; /* WAITING: fragments that came before the first one */
    it_time until;
    uint32_t src, dst; /* KNOWN: as translated */
    uint32_t gen;
    uint16_t id;       /* its identification as sent on */
    uint8_t state, to; /* |to|: the port it leaves by */
} it_natc_frag;

/* A pool of slots of one size: freed ones are used again, last first. */
typedef struct it_natc_pool {
    void *v;
    size_t n, cap;
    uint32_t *free;
    size_t n_free, cap_free;
} it_natc_pool;

/* An IPv6 host inside. */
struct it_natc_six {
    it_ip ip;      /* none: a free number */
    uint32_t pins; /* its stand-in stays while somebody works with it */
};

/* The pieces that a datagram came in, which it leaves in again: their data without headers, in order. */
#define IT_NATC_PIECES (IT_PKT_MAX / 8)
struct it_natc_cut {
    uint16_t n, largest; /* |largest|: of the fragments, headers included */
    uint16_t size[IT_NATC_PIECES];
};

/* A packet on its way through the box: what is known of it alone, on the stack of who handles it. */
typedef struct it_natc_way {
    it_time now;
    int port;                      /* where it came in */
    uint32_t mtu;                  /* it leaves in fragments that fit this; 0: as it is */
    uint32_t dgram;                /* the datagram whose first fragment it is, or IT_NATC_NONE */
    const struct it_natc_cut *cut; /* put together from these; NULL: it was not */
} it_natc_way;

static inline it_natc_way it_natc_way_of(it_time now, int port)
{
    return (it_natc_way){.now = now, .port = port, .dgram = IT_NATC_NONE};
}

struct it_nat {
    it_node node;
    it_nat_profile p;
    it_natc_session *sessions; /* = pool_s.v, and so on */
    it_natc_map *maps;
    it_natc_host *hosts;
    it_natc_reuse *reuses;
    it_natc_held *held;
    it_natc_frag *frags;
    it_tcpt *tcps;       /* beside |sessions|, by index, where those are TCP */
    it_natc_life *lives; /* the same of strict boxes */
    size_t cap_tcps, cap_lives;
    it_time *holds; /* beside |sessions|, by index, where those are held */
    size_t cap_holds;
    it_natc_filter *filters; /* of all mappings, in order of arrival */
    size_t n_filters, cap_filters;
    it_natc_block *blocks; /* n_addrs times blocks_per_addr */
    it_heap timers;
    it_map by_in, by_out; /* sessions: (internal, remote), (external, remote) */
    uint32_t last[2]; /* the session of the last packet that was translated in one go, by direction; IT_NATC_NONE when
                         sessions changed */
    it_map map_in, map_ext; /* mappings: (internal, scope) -> newest; (external) -> newest */
    it_map perms;           /* address-dependent filtering: (mapping, remote address) -> sessions */
    it_map dests;           /* limit sessions_per_dest: (external address, remote) -> sessions */
    it_map by_ip;           /* hosts */
    it_map reuse_by;        /* external endpoints under the port reuse delay */
    it_map held_by;         /* SYNs held: (external, remote) */
    it_map frag_by;         /* datagrams in fragments */
    it_natc_pool pool_s, pool_m, pool_h, pool_r, pool_held, pool_f;
    uint32_t frag_held; /* fragments held, of all datagrams */
    it_defrag defrag;   /* IT_NAT_FRAGMENTS_REASSEMBLE: fragments that wait for the rest of their datagram */
    it_rng rng_evict;
    uint16_t ip_id; /* the last identification given */
    int self;       /* the port to the box's own host; 0: it has none */
    /* inside IPv6: nat64.c */
    it_ip own6, hop_out6;
    it_prefix inside6;
    struct it_natc_six *six; /* hosts inside by the number of their stand-in */
    size_t cap_six;
    uint32_t n_six, six_next;
    it_map six_by;  /* address -> number */
    it_map callers; /* inside addresses that the box's own host has heard of: where its answers go */
    uint32_t addrs[IT_NAT_ADDRS_MAX], n_addrs; /* in use */
    uint32_t gateway, own, net, mask;          /* |own| 0: no inside address */
    it_ip hop_out;
    uint32_t blocks_per_addr;
    uint32_t next_addr; /* PAIRED: whose turn it is */
    uint64_t seq;       /* of timers */
    it_time up_at;      /* rebooting until then */
    it_rng rng_port, rng_pool, rng_noise;
    int64_t seq_port; /* SEQUENTIAL: the last port given */
    it_time noise_at; /* the next port taken by others */
    it_nat_stats stats;
};

/* The mapping and filtering behaviour for |proto|. */
static inline uint8_t it_natc_mapping(const it_nat *nat, uint8_t proto)
{
    return proto == IT_PROTO_TCP ? nat->p.tcp.mapping : nat->p.udp.mapping;
}
static inline uint8_t it_natc_filtering(const it_nat *nat, uint8_t proto)
{
    return proto == IT_PROTO_TCP ? nat->p.tcp.filtering : nat->p.udp.filtering;
}
/* True when what comes in and is let in makes a session: always with TCP, which is tracked. */
static inline bool it_natc_sessions_in(const it_nat *nat, uint8_t proto)
{
    return proto == IT_PROTO_TCP || nat->p.udp.inbound_session;
}

/* Why something was refused. */
typedef struct it_natc_no {
    enum it_drop reason;
    const char *more;
} it_natc_no;

/* The flow of a packet: its two ends on the box's sides. */
typedef struct it_natc_flow {
    uint8_t proto;
    it_natc_internal in;
    it_natc_remote remote;
} it_natc_flow;

#endif
