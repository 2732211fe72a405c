/* The calls between the files of the NAT; table.h has what they work on. Not for anybody else.
 *
 * nat.c is the node and the path of a packet, map.c the mappings and internal hosts, session.c the sessions and their
 * timers, tcp.c what is particular to TCP, alloc.c the choice of an external address and port, block.c the port blocks,
 * icmp.c the ICMP errors, frag.c the fragments, pcp.c filters and held flows, alg.c what rewrites payloads, nat64.c
 * what an inside of IPv6 takes. kind.c says what a packet is, out.c and in.c where it goes. */
#ifndef IT_NETSIM_NAT_IMPL_H
#define IT_NETSIM_NAT_IMPL_H

#include "netsim/nat/table.h"
#include "netsim/core/refuse.h"

/* Of ICMP: types and codes. */
enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO = 8, ICMP_TIMESTAMP = 13, ICMP_TYPES = 18 };

enum { CODE_PROTOCOL = 2, CODE_PORT = 3 };
enum { PROTO_ESP = 50 };
enum { SCTP_HEADER = 12 };
enum { SCTP_INIT = 1, SCTP_INIT_ACK = 2, SCTP_HEARTBEAT = 4, SCTP_HEARTBEAT_ACK = 5, SCTP_SHUTDOWN_ACK = 8 };
/* chunk types, RFC 9260 section 3.2 */

#define IT_NATC_UNFIT ((it_natc_no){IT_DROP_NAT_NO_MAPPING, "does not fit the connection as it stands"})

/* --- map.c --- */

/* A slot of |pool|, zeroed, sizes |size|; IT_NATC_NONE without memory. |*view| follows |pool->v|. */
uint32_t it_natc_take(it_nat *nat, it_natc_pool *pool, size_t size);
void it_natc_give(it_natc_pool *pool, uint32_t i);

/* The record of internal host |ip|, made when new; IT_NATC_NONE without memory. */
uint32_t it_natc_host_get(it_nat *nat, uint32_t ip);
/* Forgets host |h| when it has nothing. */
void it_natc_host_idle(it_nat *nat, uint32_t h);

/* The scope of a mapping for |f| under the box's mapping behaviour. */
it_natc_scope it_natc_scope_of(const it_nat *nat, const it_natc_flow *f);
/* The mapping that a new session of |f| uses, IT_NATC_NONE when there is none. */
uint32_t it_natc_map_find(const it_nat *nat, const it_natc_flow *f);
/* The newest mapping of |in| for |scope|, IT_NATC_NONE when there is none. */
static inline uint32_t it_natc_map_of(const it_nat *nat, it_natc_internal in, it_natc_scope scope)
{
    return it_map_get2(&nat->map_in, in.e.w, scope.e.w);
}
/* The newest mapping at external endpoint |ext|, its |sharer|s follow; IT_NATC_NONE when there is none. */
static inline uint32_t it_natc_map_at(const it_nat *nat, it_natc_external ext)
{
    return it_map_get(&nat->map_ext, &ext.e.w);
}
/* A new mapping, or the one that already ties |in| to |ext| under this key, made the newest. IT_NATC_NONE without
 * memory. */
struct it_natc_map_new {
    it_natc_internal in;
    it_natc_external ext;
    it_natc_scope scope;
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

/* The session of |in|, or at |ext|, with |remote|; IT_NATC_NONE when there is none. */
static inline uint32_t it_natc_session_of(const it_nat *nat, it_natc_internal in, it_natc_remote remote)
{
    return it_map_get2(&nat->by_in, in.e.w, remote.e.w);
}
static inline uint32_t it_natc_session_at(const it_nat *nat, it_natc_external ext, it_natc_remote remote)
{
    return it_map_get2(&nat->by_out, ext.e.w, remote.e.w);
}
/* A new session of mapping |m| (IT_NATC_NONE: the box's own at |ext|) with |remote|, by a packet of direction |dir|.
 * IT_NATC_NONE without memory. */
struct it_natc_session_new {
    uint32_t map;
    it_natc_external ext;
    it_natc_remote remote;
    int dir;
};
uint32_t it_natc_session_make(it_nat *nat, it_time now, const struct it_natc_session_new *r);
void it_natc_session_end(it_nat *nat, it_time now, uint32_t s);
/* When |s| ends, if it is held: RFC 6887 section 12.3. TCP's own end, and a reset, come first. */
static inline it_time it_natc_held_until(const it_nat *nat, const it_natc_session *s)
{
    bool over = it_natc_proto(s->in.e) == IT_PROTO_TCP && (s->stage == IT_TCPT_FIN2 || s->stage == IT_TCPT_TRANS);
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
/* How many sessions there are from the address of |ext| with |remote|: counted where limits.sessions_per_dest is. */
uint32_t it_natc_dest_sessions(const it_nat *nat, it_natc_external ext, it_natc_remote remote);
/* True when |m| lets |remote| in although there is no session with it. */
bool it_natc_lets_in(const it_nat *nat, const it_natc_map *m, it_natc_remote remote);

/* --- open.c --- */

/* Makes the session of outbound flow |f|. IT_NATC_NONE and |no| when refused. */
uint32_t it_natc_open_out(it_nat *nat, it_time now, const it_natc_flow *f, it_natc_no *no);
/* Makes, or does without, a session for what comes from |remote| to external endpoint |ext|: true when it is let in;
 * |*s| is then the session or IT_NATC_NONE, |*in| the internal endpoint. False and |no| when refused. */
struct it_natc_in {
    it_natc_external ext;
    it_natc_remote remote;
    uint32_t session;
    it_natc_internal in;
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
/* Drops segment |p|, which came in through |port|, and answers it with a reset where it may. */
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
bool it_natc_filters_let(const it_nat *nat, uint32_t m, it_natc_remote remote);
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
    it_natc_external ext;
    uint32_t block;
};
bool it_natc_alloc(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, struct it_natc_choice *c,
                   it_natc_no *no) IT_MUST_CHECK;
/* Starts the counters and streams of choice at |now|. */
void it_natc_alloc_reset(it_nat *nat, it_time now);
/* What |nat| does when a new session finds the table full: false when there is still no room. */
bool it_natc_table_room(it_nat *nat, it_time now);
/* True when a new mapping for |f| may have |ext|. */
bool it_natc_usable(const it_nat *nat, const it_natc_flow *f, it_natc_external ext);

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
void it_natc_reuse_begin(it_nat *nat, it_time now, it_natc_external ext, uint32_t ip);
/* The delay of endpoint |i| is over. */
void it_natc_reuse_timer(it_nat *nat, uint32_t i, uint32_t gen);
/* True when |ext| is under the port reuse delay and was not host |ip|'s. */
bool it_natc_reuse_delayed(const it_nat *nat, it_natc_external ext, uint32_t ip);
/* Puts the timers of the port reuse delay into the emptied heap again. */
void it_natc_reuse_timers(it_nat *nat);
/* Ends every port reuse delay. */
void it_natc_reuse_clear(it_nat *nat);

/* --- icmp.c --- */

/* ICMP error |p|, owned. */
void it_natc_icmp_error(it_nat *nat, it_natc_way *w, it_pkt *p);
/* Drops |p|, which came in through |port|, and tells its sender by ICMP as |r| says. */
void it_natc_refuse(it_nat *nat, it_time now, int port, it_pkt *p, const it_refusal *r);
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

/* Counts a drop for |reason| at |now|, which the caller makes. */
void it_natc_count_drop(it_nat *nat, it_time now, enum it_drop reason);
/* Drops |p| (owned), which came in through |port|, and counts it; the second without a note. */
void it_natc_drop(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no);
static inline void it_natc_drop_as(it_nat *nat, it_time now, int port, it_pkt *p, enum it_drop reason)
{
    it_natc_drop(nat, now, port, p, (it_natc_no){reason, NULL});
}
/* The box's address inside; none when it has none. */
static inline it_ip it_natc_own_ip(const it_nat *nat)
{
    return nat->own ? it_ip4(nat->own) : (it_ip){0, 0};
}
/* True when |ip| is an address inside. */
static inline bool it_natc_is_inside(const it_nat *nat, uint32_t ip)
{
    return nat->own && (ip & nat->mask) == nat->net;
}
/* True when |ip| is one of the external addresses in use. */
static inline bool it_natc_is_ext(const it_nat *nat, uint32_t ip)
{
    for (uint32_t i = 0; i < nat->n_addrs; i++)
        if (nat->addrs[i] == ip)
            return true;
    return false;
}
/* True when |p|, which is for somebody else, was dropped because its hop limit ends here: RFC 1812 section 5.3.1. */
bool it_natc_dies(it_nat *nat, const it_natc_way *w, it_pkt *p);
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
    return nat->p.reserved ? it_ip4_unicast_or_reserved(ip) : it_ip4_unicast(ip);
}
/* Tells observers of mapping |m|. */
void it_natc_note_map(it_nat *nat, it_time now, const it_natc_map *m, const char *what);

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
