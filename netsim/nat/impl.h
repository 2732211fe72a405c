/* What the files of the NAT share: its tables, keys and the calls between them. Not for anybody else.
 *
 * nat.c is the node and the path of a packet, map.c the mappings and internal hosts, session.c the sessions and their
 * timers, tcp.c what is particular to TCP, alloc.c the choice of an external address and port, block.c the port blocks,
 * icmp.c the ICMP errors, frag.c the fragments, pcp.c filters and held flows, alg.c what
 * rewrites payloads, nat64.c what an inside of IPv6 takes.
 * Everything is IPv4 and kept as plain numbers. An endpoint is one word, protocol, address and port; a remote endpoint
 * has no protocol. Indices into the pools are stable, pointers only until the pool grows. */
#ifndef IT_NETSIM_NAT_IMPL_H
#define IT_NETSIM_NAT_IMPL_H

#include "base/table/map.h"
#include "netsim/nat/nat.h"
#include "netsim/box/defrag.h"
#include "netsim/box/conntrack.h"
#include "netsim/box/tcptrack.h"

#define IT_NATC_NONE IT_MAP_NONE
#define IT_NATC_EXPLICIT UINT64_MAX /* the remote word of an explicit mapping's key */

static inline uint64_t it_natc_end(uint32_t ip, uint16_t port)
{
    return (uint64_t)ip << 16 | port;
}
static inline uint64_t it_natc_key(uint8_t proto, uint64_t end)
{
    return (uint64_t)proto << 48 | end;
}
static inline uint32_t it_natc_ip(uint64_t end)
{
    return (uint32_t)(end >> 16);
}
static inline uint16_t it_natc_port(uint64_t end)
{
    return (uint16_t)end;
}
static inline it_addr it_natc_addr(uint64_t end)
{
    return it_addr_of(it_ip4(it_natc_ip(end)), it_natc_port(end));
}

enum { IT_NATC_INITIAL, IT_NATC_REPLIED, IT_NATC_STREAM };
enum { IT_NATC_OUT, IT_NATC_IN }; /* directions of a packet */
enum {
    IT_NATC_BACK = 1,
    IT_NATC_ALG = 2
}; /* why a session's packets take more than their headers translated, as bits */

typedef struct it_natc_session {
    uint64_t in, ext;               /* endpoints with protocol: internal, external */
    uint64_t remote;                /* endpoint; its port is it_natc_query's for ICMP queries */
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
    uint64_t in, ext; /* endpoints with protocol */
    uint64_t rem;     /* remote part of the key; IT_NATC_EXPLICIT */
    it_time until;    /* dynamic: no session of it lives longer; explicit: its end */
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
    uint64_t ext;
    it_time until;
    uint32_t ip;
    uint32_t gen;
} it_natc_reuse;

/* An unsolicited SYN that waits for its counterpart from inside. RFC 5382 REQ-4. */
typedef struct it_natc_held {
    uint64_t ext, remote;
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
    it_map map_in, map_ext; /* mappings: (internal, remote part) -> newest; (external) -> newest */
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

/* The mapping and filtering behaviour for the protocol of endpoint |end|. */
static inline uint8_t it_natc_mapping(const it_nat *nat, uint64_t end)
{
    return end >> 48 == IT_PROTO_TCP ? nat->p.tcp.mapping : nat->p.udp.mapping;
}
static inline uint8_t it_natc_filtering(const it_nat *nat, uint64_t end)
{
    return end >> 48 == IT_PROTO_TCP ? nat->p.tcp.filtering : nat->p.udp.filtering;
}
/* True when what comes in and is let in makes a session: always with TCP, which is tracked. */
static inline bool it_natc_sessions_in(const it_nat *nat, uint64_t end)
{
    return end >> 48 == IT_PROTO_TCP || nat->p.udp.inbound_session;
}

/* Why something was refused. */
typedef struct it_natc_no {
    enum it_drop reason;
    const char *more;
} it_natc_no;

/* The flow of a packet: its two ends on the box's sides. */
typedef struct it_natc_flow {
    uint8_t proto;
    uint64_t in;     /* internal endpoint with protocol */
    uint64_t remote; /* endpoint */
} it_natc_flow;

/* --- map.c --- */

/* A slot of |pool|, zeroed, sizes |size|; IT_NATC_NONE without memory. |*view| follows |pool->v|. */
uint32_t it_natc_take(it_nat *nat, it_natc_pool *pool, size_t size);
void it_natc_give(it_natc_pool *pool, uint32_t i);

/* The record of internal host |ip|, made when new; IT_NATC_NONE without memory. */
uint32_t it_natc_host_get(it_nat *nat, uint32_t ip);
/* Forgets host |h| when it has nothing. */
void it_natc_host_idle(it_nat *nat, uint32_t h);

/* The remote part of the mapping key of |f| under the box's mapping behaviour. */
uint64_t it_natc_rem(const it_nat *nat, const it_natc_flow *f);
/* The mapping that a new session of |f| uses, IT_NATC_NONE when there is none. */
uint32_t it_natc_map_find(const it_nat *nat, const it_natc_flow *f);
/* The newest mapping at external endpoint |ext| (with protocol), its |sharer|s follow. */
static inline uint32_t it_natc_map_at(const it_nat *nat, uint64_t ext)
{
    return it_map_get(&nat->map_ext, &ext);
}
/* A new mapping, or the one that already ties |in| to |ext| under this key, made the newest. IT_NATC_NONE without
 * memory. */
struct it_natc_map_new {
    uint64_t in, ext, rem;
    uint32_t host, block;
};
uint32_t it_natc_map_make(it_nat *nat, it_time now, const struct it_natc_map_new *r);
/* Ends a mapping with all its sessions. */
void it_natc_map_end(it_nat *nat, it_time now, uint32_t m);
/* Ends dynamic mapping |m| when it has no sessions. */
void it_natc_map_idle(it_nat *nat, it_time now, uint32_t m);

/* --- session.c --- */

/* A timer: kinds of what it is about. */
enum { IT_NATC_T_SESSION, IT_NATC_T_MAP, IT_NATC_T_BLOCK, IT_NATC_T_REUSE, IT_NATC_T_SYN, IT_NATC_T_FRAG };
int it_natc_timer(it_nat *nat, it_time at, int kind, uint32_t index, uint32_t gen);
/* Ends everything whose time has come. */
void it_natc_expire(it_nat *nat, it_time now);

/* A new session of mapping |m| (IT_NATC_NONE: the box's own at |ext|) with |remote|, by a packet of direction |dir|.
 * IT_NATC_NONE without memory. */
struct it_natc_session_new {
    uint32_t map;
    uint64_t ext, remote;
    int dir;
};
uint32_t it_natc_session_make(it_nat *nat, it_time now, const struct it_natc_session_new *r);
void it_natc_session_end(it_nat *nat, it_time now, uint32_t s);
/* When |s| ends, if it is held: RFC 6887 section 12.3. TCP's own end, and a reset, come first. */
static inline it_time it_natc_held_until(const it_nat *nat, const it_natc_session *s)
{
    bool over = s->in >> 48 == IT_PROTO_TCP && (s->stage == IT_TCPT_FIN2 || s->stage == IT_TCPT_TRANS);
    it_time until = s->held && !over ? nat->holds[s - nat->sessions] : 0;
    return until > s->expires ? until : s->expires;
}
/* True when session |i| has been answered so far that netfilter would not let it go for another (IPS_ASSURED). */
bool it_natc_session_assured(const it_nat *nat, uint32_t i);
/* Sessions have changed: the look-up of the next packet begins anew. */
static inline void it_natc_session_forget(it_nat *nat)
{
    nat->last[IT_NATC_OUT] = nat->last[IT_NATC_IN] = IT_NATC_NONE;
}
/* A packet of direction |dir| passes through session |s|: stage and timer. */
void it_natc_session_touch(it_nat *nat, it_time now, it_natc_session *s, int dir);
/* The stage of UDP session |s| after a packet of direction |dir|. */
static inline void it_natc_session_stage(const it_nat *nat, it_time now, it_natc_session *s, int dir)
{
    if (s->stage == IT_NATC_REPLIED) {
        /* As netfilter: a packet after the reply, at some age of the session, makes it a stream. */
        if (now - s->created >= nat->p.udp.timeout.stream_after)
            s->stage = IT_NATC_STREAM;
    } else if (s->stage == IT_NATC_INITIAL && dir != s->first) {
        s->stage = IT_NATC_REPLIED;
    }
}
/* How long UDP session |s| may be idle in its stage. */
static inline it_time it_natc_session_idle(const it_nat *nat, const it_natc_session *s)
{
    return s->stage == IT_NATC_STREAM    ? nat->p.udp.timeout.stream
           : s->stage == IT_NATC_REPLIED ? nat->p.udp.timeout.replied
                                         : nat->p.udp.timeout.initial;
}
/* RFC 4787 REQ-6: whether a packet of direction |dir| refreshes. */
static inline bool it_natc_refreshes(const it_nat *nat, int dir)
{
    return dir == IT_NATC_OUT ? nat->p.udp.refresh.out : nat->p.udp.refresh.inb;
}
/* The timer of |s| comes too late by now: its expiry has moved forward. */
void it_natc_session_sooner(it_nat *nat, it_natc_session *s);
/* |s| expires |at|, and its mapping not before it. */
static inline void it_natc_session_expires(it_nat *nat, it_natc_session *s, it_time at)
{
    it_natc_map *m = s->map == IT_NATC_NONE ? NULL : &nat->maps[s->map];
    s->expires = at;
    if (m && !m->is_explicit && m->until < at)
        m->until = at;
    if (at < s->timer)
        it_natc_session_sooner(nat, s);
}
/* Session |s| begins to be idle now, in its stage. */
void it_natc_session_restart(it_nat *nat, it_time now, uint32_t s);
/* An inbound packet passes through |m| without a session. */
void it_natc_map_touch(it_nat *nat, it_time now, uint32_t m);
/* The sessions that count for limits and address-dependent filtering, counted anew after the profile changed. Returns 0
 * or IT_ERR_NOMEM. */
int it_natc_recount(it_nat *nat);
/* True when |m| lets |remote| in although there is no session with it. */
bool it_natc_lets_in(const it_nat *nat, const it_natc_map *m, uint64_t remote);

/* --- open.c --- */

/* Makes the session of outbound flow |f|. IT_NATC_NONE and |no| when refused. */
uint32_t it_natc_open_out(it_nat *nat, it_time now, const it_natc_flow *f, it_natc_no *no);
/* Makes, or does without, a session for what comes from |remote| to external endpoint |ext|: true when it is let in;
 * |*s| is then the session or IT_NATC_NONE, |*in| the internal endpoint. False and |no| when refused. */
struct it_natc_in {
    uint64_t ext, remote;
    uint32_t session;
    uint64_t in;
    it_natc_no no;
};
bool it_natc_open_in(it_nat *nat, it_time now, struct it_natc_in *r);

/* --- tcp.c --- */

/* The idle time of TCP session |i|. */
it_time it_natc_tcp_idle(const it_nat *nat, uint32_t i);
/* Packet |p| of direction |dir| passes through TCP session |i|. */
void it_natc_tcp_touch(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p);
/* Session |i| has just been made by |p|. False, and the session ended, without memory. */
bool it_natc_tcp_opened(it_nat *nat, it_time now, uint32_t i, int dir, it_pkt *p);
/* True when |p| from inside, of no session, may open one; else it has been dealt with. */
bool it_natc_tcp_may_open(it_nat *nat, it_natc_way *w, it_pkt *p, const it_natc_flow *f);
/* What becomes of segment |p| of direction |dir| of session |i|, which takes it in, where tcp.strict holds; elsewhere
 * everything passes, and it_natc_tcp_touch takes it in. */
enum it_ct_verdict it_natc_tcp_judge(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p);
/* An established session |i| of a NAT64 whose time is over: asks the host inside and goes on for a while. False: it is
 * at its end. */
bool it_natc_tcp_ask(it_nat *nat, it_time now, uint32_t i);
/* |p| (owned) from outside, which nothing lets in, because of |r|->no. */
void it_natc_tcp_unsolicited(it_nat *nat, it_time now, it_pkt *p, const struct it_natc_in *r);
/* Drops segment |p| and answers it out of |port| with a reset where it may (RFC 9293 section 3.5.2). */
void it_natc_reset(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no);
/* True when a segment that is no SYN passes from outside without a session: to |r|->in. Else |r|->no. */
bool it_natc_tcp_passes_in(const it_nat *nat, struct it_natc_in *r);
/* The six seconds of held SYN |i| are over. */
void it_natc_syn_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen);
/* Drops all held SYNs. */
void it_natc_syn_flush(it_nat *nat, it_time now);

/* Session |i| has been made without a packet: the next one, in either direction, is its first. False, and the session
 * ended, without memory. */
bool it_natc_tcp_blank(it_nat *nat, it_time now, uint32_t i);

/* --- pcp.c --- */

/* True when the filters of mapping |m| let |remote| in. */
bool it_natc_filters_let(const it_nat *nat, uint32_t m, uint64_t remote);
/* Mapping |m| is at its end: so are its filters. */
void it_natc_filters_end(it_nat *nat, uint32_t m);
/* Checks the filters of request |r| for mapping |m| (IT_NATC_NONE: a new one) and makes room for them: 0,
 * IT_ERR_TOOBIG, IT_ERR_RANGE or IT_ERR_NOMEM. After that it_natc_filters_set cannot fail. */
int it_natc_filters_check(it_nat *nat, uint32_t m, const struct it_nat_map_request *r) IT_MUST_CHECK;
void it_natc_filters_set(it_nat *nat, it_time now, uint32_t m, const struct it_nat_map_request *r);
/* NPTv6 keeps no state: |*a| is |internal| as it is known outside. False for other boxes and addresses. */
bool it_natc_stateless(const it_nat *nat, it_addr internal, it_addr *a);

/* --- alloc.c --- */

/* Chooses an external endpoint for a new mapping of |f| by host |h|: 0, or why not. */
struct it_natc_choice {
    uint64_t ext; /* with protocol */
    uint32_t block;
};
bool it_natc_alloc(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, struct it_natc_choice *c,
                   it_natc_no *no) IT_MUST_CHECK;
/* Starts the counters and streams of choice at |now|. */
void it_natc_alloc_reset(it_nat *nat, it_time now);
/* What |nat| does when a new session finds the table full: false when there is still no room. */
bool it_natc_table_room(it_nat *nat, it_time now);
/* True when a new mapping for |f| may have |ext|. */
bool it_natc_usable(const it_nat *nat, const it_natc_flow *f, uint64_t ext);

/* --- block.c --- */

/* Makes the table of blocks for the addresses in use. Returns 0 or IT_ERR_NOMEM. */
int it_natc_blocks_init(it_nat *nat);
/* The ports of block |b|. */
it_nat_range it_natc_block_range(const it_nat *nat, uint32_t b);
/* The block of |h| that holds |port| of address |a|, IT_NATC_NONE when that is not one of its. */
uint32_t it_natc_block_with(const it_nat *nat, uint32_t h, uint32_t a, uint16_t port);
/* Gives |h| another block of address |a|; IT_NATC_NONE and |no| when it may not have one or none is free. */
uint32_t it_natc_block_take(it_nat *nat, uint32_t h, uint32_t a, it_natc_no *no);
/* A mapping of |proto| began (|by| 1) or ended (-1) in block |b|. */
void it_natc_block_use(it_nat *nat, it_time now, uint32_t b, uint8_t proto, int by);
/* True when no port of block |b| is free for |proto|. */
bool it_natc_block_full(const it_nat *nat, uint32_t b, uint8_t proto);
/* Block |b| fell empty a lifetime ago: it goes back unless it was used since. */
void it_natc_block_timer(it_nat *nat, uint32_t b, uint32_t gen);
/* External endpoint |ext| of host |ip| is free from now on: the port reuse delay begins, where there is one. */
void it_natc_reuse_begin(it_nat *nat, it_time now, uint64_t ext, uint32_t ip);
/* The delay of endpoint |i| is over. */
void it_natc_reuse_timer(it_nat *nat, uint32_t i, uint32_t gen);
/* True when |ext| is under the port reuse delay and was not host |ip|'s. */
bool it_natc_reuse_delayed(const it_nat *nat, uint64_t ext, uint32_t ip);
/* Puts the timers of the port reuse delay into the emptied heap again. */
void it_natc_reuse_timers(it_nat *nat);
/* Ends every port reuse delay. */
void it_natc_reuse_clear(it_nat *nat);

/* --- icmp.c --- */

/* ICMP error |p|, owned. */
void it_natc_icmp_error(it_nat *nat, it_natc_way *w, it_pkt *p);
/* Drops |p| for |reason|, then tells its sender with ICMP |type|, |code| from |src| out of |port|, where it came from.
 */
struct it_natc_icmp {
    uint32_t src;
    uint8_t type, code;
    uint32_t mtu;
    it_natc_no no;
    uint32_t quoted; /* bytes of |p| that are quoted at most; 0: no such limit */
};
void it_natc_refuse(it_nat *nat, it_time now, int port, it_pkt *p, const struct it_natc_icmp *m);
/* Answers echo request |p| (owned) to the box itself. */
void it_natc_echo(it_nat *nat, it_time now, int port, it_pkt *p);

/* --- frag.c --- */

/* Fragment |p| (owned) arrives on |port|. */
void it_natc_fragment(it_nat *nat, it_time now, int port, it_pkt *p);
/* First fragment |p| leaves by |to| translated: those behind it follow it. */
void it_natc_frag_learn(it_nat *nat, const it_natc_way *w, int to, it_pkt *p);
/* True when fragments from |src| are known or wait. */
bool it_natc_frag_uses(const it_nat *nat, uint32_t src);
/* The time of datagram |i| may be over. */
void it_natc_frag_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen);
/* Gives up datagrams that have waited for the rest of them long enough: IT_NAT_FRAGMENTS_REASSEMBLE. */
void it_natc_frag_expire(it_nat *nat, it_time now);
/* Forgets all datagrams in fragments. */
void it_natc_frag_flush(it_nat *nat, it_time now);
/* Sends |p| (owned), translated, by |to| in fragments that fit |w|->mtu (RFC 4787 REQ-13a), or in the pieces that it
 * came in. */
void it_natc_frag_send(it_nat *nat, const it_natc_way *w, int to, it_pkt *p);

/* --- alg.c --- */

/* Puts |to| in place of |from|, the address that |p| had in its header or is about to lose, in its payload too. */
void it_natc_alg(it_nat *nat, it_pkt *p, uint32_t from, uint32_t to);
/* The profile changed: what it says of payloads holds for the sessions there are. */
void it_natc_alg_reset(it_nat *nat);
static inline uint8_t it_natc_alg_flag(const it_nat *nat)
{
    return nat->p.alg ? IT_NATC_ALG : 0;
}

/* --- nat64.c --- */

/* Sends |p| (owned), which came from side |port|, to the box's own host. */
void it_natc_to_self(it_nat *nat, it_time now, int port, it_pkt *p);
/* |p| from the box's own host. */
void it_natc_from_self(it_nat *nat, it_time now, it_pkt *p);

/* |p|, IPv6, arrives on |port|. */
void it_natc_deliver6(it_nat *nat, it_time now, int port, it_pkt *p);
/* Sends IPv4 packet |p| (owned) inside as IPv6. */
void it_natc64_emit(it_nat *nat, it_time now, it_pkt *p);
/* Whether |p| must be cut before it goes inside as IPv6, into pieces of |*mtu|; else |*mtu|, that of the link, is made
 * what |p| may have. */
bool it_natc64_cut(const it_pkt *p, uint32_t *mtu);
/* The IPv6 address behind stand-in |ip|, none when there is none. */
it_ip it_natc64_real(const it_nat *nat, uint32_t ip);
/* The stand-in of inside host |ip|, made when new; 0 when there is no room. it_natc64_release undoes it. */
uint32_t it_natc64_stand_in(it_nat *nat, it_ip ip);
/* Frees stand-in |ip| when its host has nothing. */
void it_natc64_release(it_nat *nat, uint32_t ip);
/* it_nat_inside for an inside of IPv6. */
int it_natc64_inside(it_nat *nat, it_ip own, uint8_t bits);
/* RFC 6296 section 3.1: |*ip| of prefix |from| under prefix |to|. False where that is not done. */
bool it_natc66_map(it_prefix from, it_prefix to, it_ip *ip);

/* --- api.c --- */

/* Forgets all state; explicit mappings without an end too when |all|. */
void it_natc_flush(it_nat *nat, it_time now, bool all);

/* --- nat.c --- */

extern const it_node_ops it_natc_ops;

void it_natc_drop(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no);
/* True when |ip| is one of the external addresses in use. */
static inline bool it_natc_is_ext(const it_nat *nat, uint32_t ip)
{
    for (uint32_t i = 0; i < nat->n_addrs; i++)
        if (nat->addrs[i] == ip)
            return true;
    return false;
}
/* Takes one off the hop limit of |p|, which goes out of |to|, and compares it with that link's MTU: false when |p| was
 * dropped. */
bool it_natc_forward(it_nat *nat, it_natc_way *w, int to, it_pkt *p);
/* A whole packet, or the first fragment of one. */
void it_natc_dispatch(it_nat *nat, it_natc_way *w, it_pkt *p);
/* Sends |p|, whose hop is set, out of |port|, translated to IPv6 where that is the family. */
static inline void it_natc_emit(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (nat->p.family && port == IT_NAT_LAN)
        it_natc64_emit(nat, now, p);
    else
        it_node_send(&nat->node, now, port, p);
}
/* Sends translated packet |p| out of |to|. */
void it_natc_send(it_nat *nat, const it_natc_way *w, int to, it_pkt *p);
/* Sends |p|, which the box itself has made, out of |port|. */
void it_natc_say(it_nat *nat, it_time now, int port, it_pkt *p);
/* The remote port of a flow by ICMP query |type|, |code|: netfilter and others tell queries apart by both, a reply
 * belongs to its request. RFC 792, RFC 950. */
static inline uint16_t it_natc_query(uint8_t type, uint8_t code)
{
    uint8_t request = type == 0 ? 8 : type == 14 || type == 16 || type == 18 ? (uint8_t)(type - 1) : type;
    return (uint16_t)(request << 8 | code);
}
/* True for protocols whose flows have no ports that the box knows. */
static inline bool it_natc_portless(uint8_t proto)
{
    return proto != IT_PROTO_UDP && proto != IT_PROTO_TCP && proto != IT_PROTO_ICMP && proto != IT_PROTO_UDPLITE &&
           proto != IT_PROTO_SCTP;
}
/* True when |ip| is the address of one host, for this box. */
static inline bool it_natc_unicast(const it_nat *nat, uint32_t ip)
{
    if (!nat->p.reserved)
        return it_ip4_unicast(ip);
    return ip != 0 && ip != UINT32_MAX && ip >> 24 != 127 && ip >> 28 != 0xe;
}
/* Tells observers of mapping |m|. */
void it_natc_note_map(it_nat *nat, it_time now, const it_natc_map *m, const char *what);

#endif
