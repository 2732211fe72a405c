/* What a TURN server remembers: allocations by 5-tuple, their relayed sockets, permissions, channels, reservations, and
 * who uses how much (RFC 8656 sections 6, 7.2, 9, 12).
 *
 *     leg (5-tuple) --> allocation --> relay[IPv4], relay[IPv6] --> permissions by address
 *                           \--> channels by number                \--> channels by peer
 *     flow of a socket --> relay                  token --> relay that is reserved
 *
 * Every arrow is one look-up, and none allocates. What expires does so at its instant: permissions, channels, and
 * relayed addresses, which have a lifetime each (section 6); an allocation goes with its last relayed address. Numbers
 * are indices into pools, IT_TURN_NONE is none. Part of the server; it sends nothing. */
#ifndef IT_STACK_TURN_SERVER_ALLOCATION_H
#define IT_STACK_TURN_SERVER_ALLOCATION_H

#include "base/table/bits.h"
#include "base/table/map.h"
#include "base/table/tourney.h"
#include "stack/io.h"
#include "stack/stun/guard.h"

#define IT_TURN_NONE UINT32_MAX
#define IT_TURN_LIFETIME 600u                  /* seconds, RFC 8656 section 6 */
#define IT_TURN_PERMISSION_LIFE (300 * IT_SEC) /* section 9 */
#define IT_TURN_CHANNEL_LIFE (600 * IT_SEC)    /* section 12 */
#define IT_TURN_RESERVATION_LIFE (30 * IT_SEC) /* section 7.2 */
#define IT_TURN_TICKET 32                      /* bytes of a MOBILITY-TICKET: a random handle and a MAC over it */
#define IT_TURN_OLD_TICKET_LIFE (30 * IT_SEC)  /* RFC 8016 section 3.2.2 */

/* The server's end of a 5-tuple: the base or accepted stream |flow|, and the addresses of both ends. */
typedef struct it_turn_leg {
    uint32_t flow;
    it_addr local, remote;
} it_turn_leg;

static inline bool it_turn_leg_is_stream(const it_turn_leg *l)
{
    return l->flow >= IT_IO_ACCEPTED_FLOW;
}

typedef struct it_turn_handle {
    uint64_t hi, lo;
} it_turn_handle;

typedef struct it_turn_allocation {
    it_turn_leg leg;
    uint8_t txid[IT_STUN_TXID]; /* of the request that made it: its retransmissions get the same answer */
    uint32_t user;
    uint32_t relay[2];   /* of IPv4, of IPv6 */
    int refused[2];      /* ADDRESS-ERROR-CODE of a family that was asked for and is not there; 0: none */
    uint32_t waiting;    /* sockets that have not been bound yet: the request is answered after the last */
    uint32_t lifetime;   /* seconds that it begins with */
    bool tcp;            /* its relayed addresses accept and open TCP connections (RFC 6062) */
    bool reserved;       /* it had a port reserved: */
    uint64_t token;      /* under this */
    bool fingerprint;    /* the request had one */
    it_stun_verdict who; /* signs the answer */
    /* RFC 8016 */
    bool mobile;
    it_turn_handle ticket;
    bool told;   /* that it is there */
    bool cut;    /* the stream of |leg| is gone: nothing reaches the client until it moves */
    bool moving; /* data still goes to |leg|, until something comes from |next_leg| */
    it_turn_leg next_leg;
    it_turn_handle old_ticket; /* what it moved with, in |move_txid|, at |moved| */
    uint8_t move_txid[IT_STUN_TXID];
    it_time moved;
} it_turn_allocation;

enum it_turn_relay_state {
    IT_TURN_RELAY_DUE,    /* BIND is to be said */
    IT_TURN_RELAY_ASKED,  /* it was */
    IT_TURN_RELAY_ORPHAN, /* given up before it was answered */
    IT_TURN_RELAY_BOUND,  /* relaying, or reserved */
    IT_TURN_RELAY_CLOSING /* UNBIND is to be said */
};

typedef struct it_turn_relay {
    uint8_t state;       /* enum it_turn_relay_state */
    uint8_t port;        /* enum it_io_port */
    bool second;         /* of a pair: it is bound with the one before it */
    bool tcp;            /* it listens (RFC 6062) */
    uint32_t allocation; /* IT_TURN_NONE: reserved under |token|, or given up */
    uint32_t user;
    it_ip source;   /* of who asked for it (base/table/buckets.h) */
    uint64_t token; /* 0: not reserved */
    it_addr addr;
    it_time expiry;
    uint32_t permissions, n_permissions; /* the first, and how many */
    uint32_t channels, n_channels;
} it_turn_relay;

typedef struct it_turn_permission {
    uint32_t relay, next;
    it_ip ip;
} it_turn_permission;

typedef struct it_turn_channel {
    uint32_t relay, next;
    uint16_t number;
    it_addr peer;
    it_time permitted; /* until then its peer has a permission */
    uint64_t judged;   /* its peer was allowed as of this |epoch| of the table; 0: never */
} it_turn_channel;

/* Elements in one array, used again, each with a clock. */
typedef struct it_turn_pool {
    uint8_t *v;
    size_t size, cap;
    uint32_t n; /* in use */
    it_bits unused;
    it_tourney clock;
} it_turn_pool;

typedef struct it_turn_user {
    uint32_t relays;
    it_time full; /* when its bandwidth, as used so far, will be paid for */
} it_turn_user;

/* What became of an allocation, for its server's owner. */
enum it_turn_tale_kind {
    IT_TURN_TALE_ALLOCATED, /* |relayed| is lent to |client| */
    IT_TURN_TALE_REFUSED,   /* a request of |client|, who is a user, was answered with |code| */
    IT_TURN_TALE_ENDED      /* deleted, expired, or its 5-tuple is gone */
};

typedef struct it_turn_tale {
    enum it_turn_tale_kind kind;
    it_addr client, relayed;
    uint32_t user;
    int code;
} it_turn_tale;

#define IT_TURN_TALES 64 /* that wait to be taken; what comes then is not told */

typedef struct it_turn_limits {
    uint32_t relays;        /* relayed addresses, reserved ones included; 0: 4,096 */
    uint32_t user_relays;   /* of one user; 0: no own limit */
    uint32_t source_relays; /* of one IPv4 address or IPv6 /64 of clients; 0: no own limit */
    uint32_t permissions;   /* of a relayed address; 0: 128 */
    uint32_t channels;      /* of a relayed address; 0: 128 */
    uint64_t user_rate;     /* bytes a second that one user may have relayed, both ways; 0: no limit */
    uint64_t user_burst;    /* bytes at once; 0: a tenth of a second's */
    uint32_t lifetime;      /* seconds, of an allocation at least; 0: 600 (section 6) */
    uint32_t max_lifetime;  /* seconds; 0: 3,600 (section 7.2) */
    uint32_t streams;       /* accepted at once; 0: 1,024 */
    uint32_t connections;   /* with peers at once, of one relayed address; 0: 64. Of all as many as |streams| */
} it_turn_limits;

typedef struct it_turn_table {
    it_alloc *alloc;
    it_turn_limits limits;
    it_turn_pool allocations, relays, permissions, channels;
    it_map by_leg, by_permission, by_number, by_peer, by_token, by_addr, by_ticket;
    it_bits due, closing; /* relays to BIND, to UNBIND */
    it_bits ended;        /* of TCP, whose connections are to be ended by whoever has them */
    it_time soonest;      /* nothing expires before that */
    uint64_t epoch;       /* grows whenever an address becomes the server's own, or is no longer */
    it_turn_user *users;
    size_t n_users;
    it_turn_tale tales[IT_TURN_TALES];
    uint32_t first_tale, n_tales;
} it_turn_table;

/* An empty table for users 0 to |n_users| - 1. Returns 0 or IT_ERR_NOMEM; fini is right after either. */
int it_turn_table_init(it_turn_table *t, it_alloc *alloc, const it_turn_limits *limits, size_t n_users);
void it_turn_table_fini(it_turn_table *t);

/* Elements by number. The pointers live until the next one of their kind is added. */
static inline it_turn_allocation *it_turn_allocation_at(const it_turn_table *t, uint32_t i)
{
    return (it_turn_allocation *)(void *)t->allocations.v + i;
}
static inline it_turn_relay *it_turn_relay_at(const it_turn_table *t, uint32_t i)
{
    return (it_turn_relay *)(void *)t->relays.v + i;
}
static inline it_turn_permission *it_turn_permission_at(const it_turn_table *t, uint32_t i)
{
    return (it_turn_permission *)(void *)t->permissions.v + i;
}
static inline it_turn_channel *it_turn_channel_at(const it_turn_table *t, uint32_t i)
{
    return (it_turn_channel *)(void *)t->channels.v + i;
}

/* --- allocations --- */

/* The allocation of the 5-tuple of a client at |remote| and the server's |flow|, or IT_TURN_NONE. */
static inline uint32_t it_turn_table_at(const it_turn_table *t, uint32_t flow, it_addr remote)
{
    return it_map_get3(&t->by_leg, (uint64_t)flow << 16 | remote.port, remote.ip.hi, remote.ip.lo);
}
static inline uint32_t it_turn_table_find(const it_turn_table *t, const it_turn_leg *leg)
{
    return it_turn_table_at(t, leg->flow, leg->remote);
}
/* A new allocation of |user| without relayed addresses under |leg|, which has none. IT_TURN_NONE without memory. */
uint32_t it_turn_table_add(it_turn_table *t, const it_turn_leg *leg, uint32_t user);
/* Deletes allocation |i| with all that belongs to it; reservations stay. */
void it_turn_table_drop(it_turn_table *t, uint32_t i);
/* The 5-tuple |leg| of allocation |i|, which is mobile, is gone: it goes on with its next one, or waits for one. */
void it_turn_table_cut(it_turn_table *t, uint32_t i, const it_turn_leg *leg);
/* Lets |leg| find allocation |i|, too. Returns 0 or IT_ERR_NOMEM. Unlink takes that back. */
int it_turn_table_link(it_turn_table *t, const it_turn_leg *leg, uint32_t i);
void it_turn_table_unlink(it_turn_table *t, const it_turn_leg *leg);

/* Puts down what is to be told. */
void it_turn_table_tell(it_turn_table *t, const it_turn_tale *tale);

/* --- relayed addresses --- */

/* True when |user| may have |more| relayed addresses by its own quota; of all. */
bool it_turn_table_user_room(const it_turn_table *t, uint32_t user, uint32_t more);
/* Likewise for the source of |ip|. */
bool it_turn_table_source_room(const it_turn_table *t, it_ip ip, uint32_t more);
bool it_turn_table_room(const it_turn_table *t, uint32_t more);
/* Gives allocation |i| a relayed socket on |ip|, to be bound; with a pair of ports the second is reserved under
 * |token|, not 0. Returns its number, or IT_TURN_NONE without memory. */
uint32_t it_turn_table_relay(it_turn_table *t, uint32_t i, it_ip ip, enum it_io_port port, uint64_t token);
/* BOUND has come for socket |r| with |addr| (port 0: refused). Returns the allocation that waited for it, IT_TURN_NONE
 * when none did; IT_ERR_NOMEM in |*err|: taken as a refusal. */
uint32_t it_turn_table_bound(it_turn_table *t, it_time now, uint32_t r, it_addr addr, int *err);
/* The relay with number |flow| - IT_IO_BOUND_FLOW that is bound and has an allocation; IT_TURN_NONE. */
static inline uint32_t it_turn_table_by_flow(const it_turn_table *t, uint32_t flow)
{
    uint32_t r = flow - IT_IO_BOUND_FLOW;
    if (r >= t->relays.cap)
        return IT_TURN_NONE;
    const it_turn_relay *relay = it_turn_relay_at(t, r); /* one that is not in use has no allocation */
    return relay->state == IT_TURN_RELAY_BOUND && relay->allocation != IT_TURN_NONE ? r : IT_TURN_NONE;
}
/* True when |flow| is the number of a relay in any state. */
bool it_turn_table_has_flow(const it_turn_table *t, uint32_t flow);
/* The relay with the address |a|, of UDP or of TCP, bound and of an allocation; IT_TURN_NONE. */
uint32_t it_turn_table_by_addr(const it_turn_table *t, it_addr a, bool tcp);
/* The relay that is reserved under |token|; IT_TURN_NONE. Take gives it to allocation |i|. */
uint32_t it_turn_table_reserved(const it_turn_table *t, uint64_t token);
void it_turn_table_take(it_turn_table *t, uint32_t r, uint32_t i);
/* Relay |r| lives until |expiry|. */
void it_turn_table_refresh(it_turn_table *t, uint32_t r, it_time expiry);
/* Deletes relay |r| with its permissions and channels, and its allocation when that has no other. With |gone| the
 * socket is no longer there, and no UNBIND is due. */
void it_turn_table_close(it_turn_table *t, uint32_t r, bool gone);
/* The next BIND or UNBIND that is due: 1 and |out|, or 0. */
int it_turn_table_output(it_turn_table *t, it_io *out);

/* --- permissions and channels --- */

/* True when |ip| has a permission at relay |r|. */
bool it_turn_table_permitted(const it_turn_table *t, uint32_t r, it_ip ip);
/* Installs or refreshes it (section 9). Returns 0, IT_ERR_FULL, or IT_ERR_NOMEM. */
int it_turn_table_permit(it_turn_table *t, it_time now, uint32_t r, it_ip ip);
/* The channel with |number| of allocation |i|; the one that relay |r| has for |peer|. IT_TURN_NONE. */
static inline uint32_t it_turn_table_channel(const it_turn_table *t, uint32_t i, uint16_t number)
{
    return it_map_get1(&t->by_number, (uint64_t)i << 16 | number);
}
static inline uint32_t it_turn_table_channel_to(const it_turn_table *t, uint32_t r, it_addr peer)
{
    return it_map_get3(&t->by_peer, (uint64_t)r << 16 | peer.port, peer.ip.hi, peer.ip.lo);
}
/* Binds or refreshes a channel, which neither |number| nor |peer| contradicts, and the permission (section 12.2).
 * Returns 0, IT_ERR_FULL, or IT_ERR_NOMEM. */
int it_turn_table_bind(it_turn_table *t, it_time now, uint32_t r, uint16_t number, it_addr peer);

/* --- bandwidth and time --- */

/* Counts |n| bytes for |user|; false when they are beyond its quota and to be discarded (section 5). */
bool it_turn_table_pay_limited(it_turn_table *t, it_time now, uint32_t user, size_t n);
static inline bool it_turn_table_pay(it_turn_table *t, it_time now, uint32_t user, size_t n)
{
    return !t->limits.user_rate || it_turn_table_pay_limited(t, now, user, n);
}
/* Ends what has expired at |now|; when the next will. */
void it_turn_table_expire_due(it_turn_table *t, it_time now);
static inline void it_turn_table_expire(it_turn_table *t, it_time now)
{
    if (t->soonest <= now)
        it_turn_table_expire_due(t, now);
}
it_time it_turn_table_next(const it_turn_table *t);

#endif
