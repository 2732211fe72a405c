/* What the files of stack/rtmfp/flow know of each other; nobody else includes this, but their tests.
 *
 *     flows.c  all flows of a session: packets in, packets out, timers     event.c       what the owner is told
 *     send.c   sending flows, section 3.6.2                                ranges.c      sequence numbers seen
 *     recv.c   receiving flows, section 3.6.3                              congestion.c  appendix A */
#ifndef IT_STACK_RTMFP_FLOW_IMPL_H
#define IT_STACK_RTMFP_FLOW_IMPL_H

#include "stack/rtmfp/flow/flow.h"
#include "stack/rtmfp/flow/ranges.h"

#define IT_RTMFP_BLOCK_SIZE 1024 /* of windows (section 2.3.13) */
#define IT_RTMFP_OVERHEAD 64     /* that a fragment counts in a receiver's buffer besides its bytes */

/* An entry of a send queue: a fragment. */
typedef struct it_rtmfp_entry {
    struct it_rtmfp_entry *next;
    uint64_t seq, tsn, message;
    it_time until;
    uint32_t sends, sends_most, naks;
    enum it_rtmfp_part part;
    bool abandoned, sent_abandoned, ever_sent, in_flight;
    size_t transmit; /* bytes of the chunk that it was sent in */
    size_t n;
    uint8_t data[];
} it_rtmfp_entry;

enum it_rtmfp_send_state { IT_RTMFP_F_OPEN, IT_RTMFP_F_CLOSING, IT_RTMFP_F_COMPLETE_LINGER };

struct it_rtmfp_send {
    uint64_t id;
    enum it_rtmfp_send_state state;
    it_rtmfp_entry *first, **end;
    uint64_t next_sn, final_sn, last_message; /* |final_sn| 0: not known yet */
    uint64_t rx_buffer, outstanding;
    size_t queued;
    uint32_t priority;
    bool urgent, exception, full, timed; /* |timed|: a message has had an end to its life */
    size_t options_n;                    /* 0: they have arrived */
    it_time probe_at, probe_wait, linger_at;
    uint8_t options[IT_RTMFP_METADATA + 32];
};

/* An entry of a receive buffer. */
typedef struct it_rtmfp_piece {
    struct it_rtmfp_piece *next;
    uint64_t seq;
    enum it_rtmfp_part part;
    size_t n;
    uint8_t data[];
} it_rtmfp_piece;

enum it_rtmfp_recv_state { IT_RTMFP_RF_OPEN, IT_RTMFP_RF_REJECTED, IT_RTMFP_RF_COMPLETE_LINGER };

struct it_rtmfp_recv {
    uint64_t id;
    enum it_rtmfp_recv_state state;
    it_rtmfp_ranges seen;
    it_rtmfp_piece *first;
    size_t buffered;
    it_rtmfp_recv_opts opts;
    bool should_ack, has_prev, told, skipped;   /* |skipped|: something was missing since the last message */
    uint64_t prev_rwnd, final, code, delivered; /* |final| 0: not known yet; |delivered|: up to here, in order */
    it_time linger_at;
};

/* send.c */
it_rtmfp_send *it_rtmfp_send_find(const it_rtmfp_flows *f, uint64_t id);
void it_rtmfp_send_free(it_rtmfp_flows *f, it_rtmfp_send *s);
/* An acknowledgment, an exception report for |s|. */
void it_rtmfp_send_ack(it_rtmfp_flows *f, it_time now, it_rtmfp_send *s, it_rtmfp_ack *a);
void it_rtmfp_send_except(it_rtmfp_flows *f, it_rtmfp_send *s, uint64_t code);
/* Negative acknowledgments of everything older than the newest that has arrived (section 3.6.2.5). */
void it_rtmfp_send_naks(it_rtmfp_flows *f);
/* Everything in flight is lost (section 3.6.2.6). Returns whether anything was. */
bool it_rtmfp_send_lose_all(it_rtmfp_flows *f);
/* Abandons what is too late; when the next will be, IT_NEVER: none. */
void it_rtmfp_send_expire(it_rtmfp_send *s, it_time now);
it_time it_rtmfp_send_expiry(const it_rtmfp_send *s);
/* Whether |s| has something to send that its receiver has room for. */
bool it_rtmfp_send_ready(const it_rtmfp_send *s);
/* Appends chunks of |s| while they fit and may be sent. Returns how many. */
uint32_t it_rtmfp_send_fill(it_rtmfp_flows *f, it_rtmfp_send *s, it_buf *b);

/* recv.c */
it_rtmfp_recv *it_rtmfp_recv_find(const it_rtmfp_flows *f, uint64_t id);
void it_rtmfp_recv_free(it_rtmfp_flows *f, it_rtmfp_recv *v);
/* One chunk of user data. */
void it_rtmfp_recv_data(it_rtmfp_flows *f, it_time now, const it_rtmfp_data *d);
/* Appends what |v| has to say; |cut|: only as much as fits. False: it did not fit, and nothing was appended. */
bool it_rtmfp_recv_put(it_rtmfp_recv *v, it_buf *b, bool cut);

/* Notes an error that is not a loss. */
static inline void it_rtmfp_flows_note(it_rtmfp_flows *f, int err)
{
    if (err < 0 && f->err == 0)
        f->err = err;
}

#endif
