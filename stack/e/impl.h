/* What the files of model E share.
 *
 *     e.c        the API: bases, raw datagrams, the object contract
 *     check.c  checks and probes out and in: the only place that writes the whitelist
 *     media.c  media sessions on permitted addresses */
#ifndef IT_STACK_E_IMPL_H
#define IT_STACK_E_IMPL_H

#include "base/rng.h"
#include "stack/model/conn.h"
#include "stack/e/e.h"
#include "stack/e/whitelist.h"
#include "stack/stun/auth.h"
#include "stack/stun/trans.h"

#define E_BASES 16
#define E_NAME 64
#define E_QUEUE 64  /* responses and raw datagrams that wait for output */
#define E_HEARD 32  /* addresses whose valid checks are remembered */
#define E_MAPPED 16 /* addresses that STUN servers told */
#define E_PAST 3    /* earlier generations whose checks are still answered */

typedef struct e_base {
    int flow;
    it_addr addr;
} e_base;

/* A datagram that waits: a response, or one of it_e_send. */
typedef struct e_out {
    int flow;
    it_addr local, remote;
    uint16_t n;
    uint8_t *data; /* owned */
} e_out;

/* A running transaction. */
typedef struct e_trans {
    uint64_t tag;
    bool probe; /* of a STUN server, unauthenticated */
    bool nominate;
    bool once;      /* answered after one transmission: its time is a sample (RFC 6298 section 3) */
    bool permitted; /* its far end had consented when it started */
    int flow;
    it_addr remote;
    it_time started;
    uint64_t far;    /* hash of the far side's fragment */
    uint64_t creds;  /* and of its password */
    it_hmac_key key; /* of the far side's password */
} e_trans;

/* Our own credentials of one generation. */
typedef struct e_gen {
    char ufrag[IT_E_UFRAG_MAX + 1];
    it_hmac_key key; /* of the password */
    it_time until;   /* of an earlier one: until when it is answered */
} e_gen;

/* Who sent a valid check from where: tells whose DTLS a datagram from there is. */
typedef struct e_heard {
    int flow;
    it_addr remote;
    uint64_t far;
} e_heard;

typedef struct e_media {
    it_conn conn;
    uint64_t far;
    it_addr reflexive; /* our end of the path as the far end sees it */
    bool adrift;       /* its base is gone; it waits to be moved */
} e_media;

struct it_e {
    it_e_cfg cfg;
    it_alloc *alloc;
    char name[E_NAME];
    e_gen gen; /* the present one */
    e_gen past[E_PAST];
    int n_past, past_at; /* |past_at|: the next one to be written over */
    it_gate gate;
    uint64_t tiebreaker;
    it_rng rng_txid;
    it_evq events;
    it_model_event latest; /* told by its table */
    it_whitelist white;
    e_base bases[E_BASES];
    int n_bases;

    it_stun_trans *trans;
    e_trans *running;
    size_t n_running, cap_running;
    uint64_t last_tag;
    it_time free_at; /* when the next new transaction may start */

    e_out queue[E_QUEUE];
    int q_head, q_n;
    e_heard heard[E_HEARD];
    int n_heard, heard_at; /* the next one to be written over */
    it_addr mapped[E_MAPPED];
    int mapped_flow[E_MAPPED];
    int n_mapped, mapped_at;

    e_media *media[IT_E_MEDIA_MAX];
    int n_media;
    /* The last DTLS datagram of a known far side that no session wanted yet: its hello may overtake our own opening. */
    uint8_t early[IT_IO_DGRAM_MAX];
    size_t n_early;
    e_heard early_from;
};

/* The base to use for |to|: |from| when given. NULL: none. */
const e_base *it_e_base(const it_e *e, it_addr to, it_addr from);
const e_base *it_e_base_of(const it_e *e, int flow);
/* Queues a datagram. Returns 0, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_e_queue(it_e *e, const e_base *b, it_addr to, it_bytes data);
void it_e_emit(it_e *e, it_time now, it_model_event ev);
/* The permission that a send to |to| from |from| (none: any base) would use; NULL: none. */
it_white *it_e_permitted(it_e *e, it_time now, it_addr to, it_addr from);

/* check.c */
int it_e_stun(it_e *e, it_time now, const it_io *in);
void it_e_timeouts(it_e *e);
void it_e_check_drop_base(it_e *e, int flow); /* ends the transactions of a base that is gone */
/* An ICMP error came. Returns 0. */
int it_e_icmp(it_e *e, const it_io *in);
/* Since when a check to that address waits for its answer, IT_NEVER: none does; |*asked|: when the latest left. */
it_time it_e_unanswered(it_e *e, const it_white *w, it_time *asked);
/* Whose address that is: the hash of the far side's fragment, 0 for a stranger's. */
uint64_t it_e_whose(it_e *e, it_time now, int flow, it_addr remote);
/* What our side of a permission is called. */
enum it_ice_kind it_e_local_kind(const it_e *e, const it_white *w);

/* One datagram that the gate let pass. Returns 0 or IT_ERR_NOMEM. */
int it_e_data(it_e *e, it_time now, const it_io *in);

/* media.c */
int it_e_dtls(it_e *e, it_time now, const it_io *in);
void it_e_media_base_gone(it_e *e, it_time now, const it_conn_socket *s);
/* Takes all that sessions have to report and runs their clocks. */
void it_e_pump(it_e *e, it_time now);
it_time it_e_media_next(const it_e *e);

#endif
