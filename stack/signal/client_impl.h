/* What the files of the signal client share. Not for anybody else. */
#ifndef IT_STACK_SIGNAL_CLIENT_IMPL_H
#define IT_STACK_SIGNAL_CLIENT_IMPL_H

#include "stack/dns/stub.h"
#include "stack/proxy/stage.h"
#include "stack/proxy/via.h"
#include "stack/signal/client.h"
#include "stack/stream/layers.h"
#include "stack/ws/ws.h"

#define IT_SIGNAL_TEXT 300   /* room for a host or a path */
#define IT_SIGNAL_BODY 16384 /* bytes of a response */
/* Ways to the server: by either port, from each base, to each of its addresses. */
#define IT_SIGNAL_WAYS (2 * IT_SIGNAL_BASES * IT_DNS_STUB_IPS)
enum { IT_SIGNAL_RACERS = 4 }; /* legs of attempts; one becomes the WebSocket or the held GET */
enum { IT_LEG_POST = IT_SIGNAL_RACERS, IT_LEGS };
enum { IT_SIGNAL_DEAD = 16 };    /* flows that wait to be reset */
enum { IT_SIGNAL_EVENTS = 16 };  /* that wait for the owner; with more nothing is read */
enum { IT_SIGNAL_UNACKED = 16 }; /* messages that are acknowledged at once: a mailbox keeps 64 */

enum it_signal_session { IT_SESSION_DOWN, IT_SESSION_OPENING, IT_SESSION_UP, IT_SESSION_CLOSING, IT_SESSION_CLOSED };

typedef struct it_signal_letter {
    struct it_signal_letter *next;
    uint64_t id;
    bool sent;
    size_t n;
    char text[]; /* the whole record */
} it_signal_letter;

typedef struct it_signal_base {
    uint32_t flow;
    it_addr local;
} it_signal_base;

typedef struct it_signal_way {
    it_addr local, to; /* |local|: none where the host chooses; |to|: the server */
    bool named;        /* by a proxy that finds the server by its name */
    bool tried;        /* in this round of attempts */
    int rank;          /* the lower, the earlier it is tried */
} it_signal_way;

typedef struct it_signal_leg {
    it_signal_way way;
    bool busy; /* poll: a request is under way */
    bool kept; /* poll: one was answered: the stream is kept for others, and may end between two */
    bool gone; /* the stream was reset: |end| */
    enum it_io_end end;
    it_stream s;
    it_layers ls;
    it_time begun;    /* when it began to open */
    it_stages stages; /* of opening */
    it_time asked;    /* since when an answer is awaited, or the end */
    it_layer via, tls, ws;
} it_signal_leg;

typedef struct it_signal_told {
    enum it_service_kind kind;
    int code;
    uint32_t status;
    const char *how;
    char from[IT_SIGNAL_NAME + 1];
    uint8_t *data; /* owned */
    size_t n;
} it_signal_told;

struct it_signal_client {
    it_signal_client_cfg cfg;
    char box[IT_SIGNAL_NAME + 1], key[17], run[IT_SIGNAL_NAME + 1], host[IT_SIGNAL_TEXT], path[IT_SIGNAL_TEXT];
    it_tls_cfg tls; /* |cfg|.tls points to it */
    char tls_name[IT_SIGNAL_TEXT];
    enum it_signal_session state;
    it_signal_leg *v[IT_LEGS]; /* owned; NULL: none */
    int main;                  /* the session's, of the racers; -1: none yet */
    uint32_t flows;
    uint32_t dead[IT_SIGNAL_DEAD]; /* flows to reset */
    int n_dead;
    it_signal_base bases[IT_SIGNAL_BASES];
    int n_bases;
    it_signal_way ways[IT_SIGNAL_WAYS]; /* of this round of attempts */
    int n_ways;
    it_time raced_at; /* when the latest attempt began, and to which port */
    uint16_t raced_port;
    bool hurries;           /* the next attempt does not wait for that one */
    enum it_signal_why why; /* of this round: the reason of the way of the lowest rank that failed, |why_rank| */
    int why_status, why_rank;
    bool told_down; /* since it was up */
    bool asking;    /* the resolver was asked and has not answered */
    it_time retry;  /* IT_SESSION_DOWN: when */
    it_time pause;  /* the next one */
    it_dns_stub *stub;
    unsigned asks;              /* times that the resolver was asked, each from another base */
    it_time asked_at;           /* the latest of them */
    it_ip ips[IT_DNS_STUB_IPS]; /* of the server */
    size_t n_ips;
    it_time took;    /* how long the session took to open: two round trips or more */
    it_time waiting; /* WebSocket: since when messages that were sent have no answer; IT_NEVER: they have */
    uint64_t seen, ids;
    unsigned n_unacked; /* messages that were read and are not acknowledged */
    bool tells_known;   /* some of ours were refused since the last acknowledgment */
    it_time ack_due;    /* IT_NEVER: nothing to acknowledge */
    it_signal_letter *first, *last;
    size_t n_letters;
    it_signal_told ev[IT_SIGNAL_EVENTS];
    int n_ev;
    it_str lines; /* poll: of a response, not done yet from |at_line| on */
    size_t at_line;
    uint8_t *given; /* data of the event that was taken last */
    char given_from[IT_SIGNAL_NAME + 1];
    it_time now;
    uint8_t buf[IT_LAYER_MESSAGE];
};

/* --- client.c --- */

/* Adds an event; for one more there must be room. */
it_signal_told *it_signal_tell(it_signal_client *c, enum it_service_kind kind);
/* The session is over for |why|; |status|: of HTTP, or of the proxy. */
void it_signal_go_down(it_signal_client *c, enum it_signal_why why, int status);
/* Forgets the first message that waits. */
void it_signal_free_letter(it_signal_client *c);
bool it_signal_is_poll(const it_signal_client *c);
/* How long an answer is waited for in a session that stands. */
it_time it_signal_answer_wait(const it_signal_client *c);
/* Whether |g| (NULL: no) may be written. */
bool it_signal_is_open(const it_signal_leg *g);

/* --- client_open.c --- */

/* The address of the server that the session goes to. */
it_addr it_signal_server_addr(const it_signal_client *c);
/* Opens leg |k| by |way|, in place of the one there is. Returns 0 or IT_ERR_NOMEM. */
int it_signal_open_leg(it_signal_client *c, int k, const it_signal_way *way) IT_MUST_CHECK;
/* Opens leg |k| as |like|, it itself or another one, was. */
int it_signal_open_again(it_signal_client *c, int k, const it_signal_leg *like) IT_MUST_CHECK;
/* Leg |k| is gone; its flow is reset where the stream still stands. */
void it_signal_drop_leg(it_signal_client *c, int k);
/* Begins the attempts that are due; without one that is left the session is down. Returns 0 or IT_ERR_NOMEM. */
int it_signal_race(it_signal_client *c) IT_MUST_CHECK;
/* When the next one is. */
it_time it_signal_race_next(const it_signal_client *c);
/* Leg |k| is the first that is open: the session is its. */
void it_signal_lead(it_signal_client *c, int k);
/* Leg |k| has failed for |why|: an attempt, and others go on, or the session. */
void it_signal_fail_leg(it_signal_client *c, int k, enum it_signal_why why, int status);
/* Looks the server up where that is due, and begins to open. Returns 0 or IT_ERR_NOMEM. */
int it_signal_begin_session(it_signal_client *c) IT_MUST_CHECK;
/* Goes on with what the resolver has said. */
int it_signal_take_answer(it_signal_client *c) IT_MUST_CHECK;
/* Whether the resolver can be asked, and from which base. */
bool it_signal_can_ask(const it_signal_client *c, int *base);
/* What ways there are may have changed: lists those anew that were not tried. */
void it_signal_list_ways(it_signal_client *c);
/* The host has an address more, or one less. Returns 0 or IT_ERR_NOMEM. */
int it_signal_take_base(it_signal_client *c, const it_io *in) IT_MUST_CHECK;
void it_signal_lose_base(it_signal_client *c, uint32_t flow);
/* A session that is down begins again at once. */
void it_signal_redial(it_signal_client *c);
/* Asks whether the session still lives, whose host has other addresses. Returns 0 or IT_ERR_NOMEM. */
int it_signal_ask_session(it_signal_client *c) IT_MUST_CHECK;

/* --- client_read.c --- */

/* Does what has come up on leg |k|, while there is room for events. Returns 0 or IT_ERR_NOMEM. */
int it_signal_read_leg(it_signal_client *c, int k) IT_MUST_CHECK;

/* --- client_write.c --- */

/* Writes what may be written now. Returns 0 or more, or IT_ERR_NOMEM. */
int it_signal_write_all(it_signal_client *c) IT_MUST_CHECK;
/* Appends the target of a request: who asks, and how long it may be held. */
void it_signal_write_target(const it_signal_client *c, it_str *out, it_time hold);

#endif
