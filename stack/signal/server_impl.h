/* What the files of the signal server share. Not for anybody else. */
#ifndef IT_STACK_SIGNAL_SERVER_IMPL_H
#define IT_STACK_SIGNAL_SERVER_IMPL_H

#include "base/table/bits.h"
#include "base/table/buckets.h"
#include "stack/signal/mailbox.h"
#include "stack/signal/server.h"
#include "stack/stream/layers.h"

enum it_signal_link_mode { IT_LINK_HTTP, IT_LINK_POLL, IT_LINK_WS }; /* between requests, a held poll, a WebSocket */

typedef struct it_signal_link {
    bool used;
    uint8_t mode; /* enum it_signal_link_mode */
    it_stream s;
    it_layers ls;
    it_layer tls; /* ops NULL: none, whatever the client says */
    it_layer http;
    uint32_t box;   /* of POLL, WS; IT_MAILBOX_NONE */
    it_time active; /* when it last said something */
    it_time begun;  /* HTTP: when the first byte of a request came; IT_NEVER: none has */
    it_time hold;   /* POLL: until then */
    it_time pause;  /* WS: nothing is read until then, as its source has asked enough; IT_NEVER: it is read */
    uint64_t turn;  /* WS: its place among those of its source that wait to be read; 0: it does not wait */
    bool ending;    /* our FIN was written, as it was silent for too long */
    it_time over;   /* when it is reset, as its end is on its way; IT_NEVER: it is not */
    it_str say;     /* WS: lines that are to go out before anything else */
} it_signal_link;

struct it_signal_server {
    it_signal_server_cfg cfg;
    char run[17];
    char own[IT_SIGNAL_NAME + 1];          /* its own mailbox; "": none */
    uint8_t heard_data[IT_SIGNAL_LARGEST]; /* of the message that was heard last */
    it_tls_cfg tls;
    uint16_t tls_port; /* 0: none */
    it_mailboxes boxes;
    it_buckets asks, says; /* requests, and records of WebSockets, by source */
    it_signal_link **v;    /* NULL: a free place */
    size_t n, cap;
    it_bits busy;      /* links that may have something to put out */
    uint64_t turns;    /* the latest that was given */
    size_t waiting;    /* links that have one */
    it_bits keyed;     /* those whose TLS may have lines for a key log */
    uint32_t *refused; /* flows to reset */
    size_t n_refused, cap_refused;
    it_time now;
    it_str reply;
    it_signal_server_stats stats;
    it_signal_tale tales[IT_SIGNAL_TALES]; /* a ring */
    uint64_t told, heard;                  /* so many were told; and were asked for, or lost */
    uint64_t missed;                       /* of those that were lost, since one was asked for */
    uint8_t buf[IT_LAYER_MESSAGE];
};

/* --- server.c --- */

/* A tale of |kind| of |client|, which the caller fills. */
it_signal_tale *it_signal_server_tell(it_signal_server *s, enum it_signal_tale_kind kind, it_addr client);
/* Tells that |client| was answered with |status|, or its WebSocket closed with it, for |why|. */
void it_signal_server_tell_refused(it_signal_server *s, it_addr client, int status, const char *why);

/* --- server_turn.c --- */

/* Which link of those that take the tokens of |l| has waited for longest, IT_BITS_NONE: none waits. */
uint32_t it_signal_turn_first(const it_signal_server *s, const it_signal_link *l);
/* |l| waits, behind those that do already. */
void it_signal_turn_begin(it_signal_server *s, it_signal_link *l);
/* |l| has had its turn, or has no use for it: it is the next one's, who is served now. */
void it_signal_turn_end(it_signal_server *s, it_signal_link *l);

/* --- server_take.c --- */

/* The mailbox that |l| reads. */
it_mailbox *it_signal_box_of(it_signal_server *s, const it_signal_link *l);
/* Connection |i| no longer reads a mailbox. */
void it_signal_leave_box(it_signal_server *s, size_t i);
/* Closes the WebSocket of |l| with |code|. */
void it_signal_close_ws(it_signal_link *l, it_time now, uint16_t code);
/* Does what one record of the owner of mailbox |box| says, which came from |source|; the answer is appended to |say|.
 * Returns 0, IT_ERR_FULL: it was not taken, as the sender has to hear of refusals first; IT_ERR_PARSE or IT_ERR_NOMEM.
 */
int it_signal_take_record(it_signal_server *s, uint32_t box, it_ip source, it_bytes text, it_str *say) IT_MUST_CHECK;
/* Appends what letter |l| is for its receiver, as one line without an end. */
void it_signal_write_letter(it_str *out, const it_letter *l);
/* Answers a request of connection |i|, or holds it. Returns 0 or IT_ERR_NOMEM. */
int it_signal_take_request(it_signal_server *s, size_t i, it_bytes message) IT_MUST_CHECK;
/* Answers the poll that connection |i| holds. Returns 0 or IT_ERR_NOMEM. */
int it_signal_end_poll(it_signal_server *s, size_t i) IT_MUST_CHECK;

#endif
