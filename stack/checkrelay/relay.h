/* A relay for those who can talk to nobody but who answers connectivity checks: model E's last resort.
 *
 *     end --checks, data--> [ relay: a room of two ends ] --data--> the other end
 *
 * A room is made on behalf of an application, which tells each of two ends its credentials. An end proves that it is
 * there, and that it wants what comes, by checks (RFC 8445 section 7) that the relay answers as a lite agent does
 * (section 2.5): short-term credentials (RFC 8489 section 9.1), no checks of its own. From an end that has done so
 * within |life| (RFC 7675 section 5.1) a datagram goes to the other one that has, from where that one asked; all else
 * is dropped. So nothing reaches an address that has not consented, no datagram becomes two, and no answer is larger
 * than its question. What is inside the datagrams is the ends' own, and encrypted; STUN is never handed on.
 *
 * An end is where its latest check came from, but one with USE-CANDIDATE (RFC 8445 section 8.1.1) keeps it there as
 * long as that consent lasts. Sans I/O as stack/io.h; it serves every base that it is told of. */
#ifndef IT_STACK_CHECKRELAY_RELAY_H
#define IT_STACK_CHECKRELAY_RELAY_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"

#define IT_CHECK_RELAY_ROOMS 1024 /* at a time */
#define IT_CHECK_RELAY_SETS 2     /* credentials that an end has: what has lapsed is regained by others (RFC 7675) */
#define IT_CHECK_RELAY_UFRAG 16   /* characters, with NUL */
#define IT_CHECK_RELAY_PWD 32
#define IT_CHECK_RELAY_TALES 64

typedef struct it_check_relay_cfg {
    it_alloc *alloc;
    it_rng rng;    /* of credentials */
    size_t rooms;  /* at a time; 0: IT_CHECK_RELAY_ROOMS */
    it_time life;  /* of an end's consent; 0: 30 s */
    it_time idle;  /* a room without a check for so long is gone; 0: 5 min */
    uint32_t rate; /* bytes a second that a room passes in the long run, with as many at once; 0: no limit */
} it_check_relay_cfg;

/* What an end is told: the credentials of the relay, which it checks in turns, another set after each restart. */
typedef struct it_check_relay_end {
    char ufrag[IT_CHECK_RELAY_SETS][IT_CHECK_RELAY_UFRAG];
    char pwd[IT_CHECK_RELAY_SETS][IT_CHECK_RELAY_PWD];
} it_check_relay_end;

typedef struct it_check_relay_stats {
    uint64_t checks;  /* that were answered with success */
    uint64_t refused; /* and with an error */
    uint64_t relayed, bytes;
    uint64_t dropped; /* datagrams from nowhere or to nobody, or beyond the rate */
} it_check_relay_stats;

/* An end, 0 or 1, of room |room|, in the order of making, has come to be at |at|, or come back: for a log. */
typedef struct it_check_relay_tale {
    size_t room;
    int end;
    it_addr at;
} it_check_relay_tale;

typedef struct it_check_relay it_check_relay;

/* NULL without memory. */
it_check_relay *it_check_relay_new(const it_check_relay_cfg *cfg);
void it_check_relay_free(it_check_relay *r);

/* Makes a room for two ends and writes what each is to be told. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_check_relay_room(it_check_relay *r, it_time now, it_check_relay_end out[2]) IT_MUST_CHECK;

/* How many rooms there are now. */
size_t it_check_relay_rooms(const it_check_relay *r);
/* What it has counted; lives as long as |r|. */
const it_check_relay_stats *it_check_relay_stats_of(const it_check_relay *r);

/* Writes the next tale into |t|: true, or false when there is none. Of those that nobody asks for all but the first
 * IT_CHECK_RELAY_TALES are lost. */
bool it_check_relay_tale_next(it_check_relay *r, it_check_relay_tale *t);

/* Takes a datagram, or that a base has gone (stack/io.h). Returns the bytes that it took, or IT_ERR_NOMEM. */
int it_check_relay_input(it_check_relay *r, it_time now, const it_io *in);
/* Ends rooms whose time is over. */
int it_check_relay_tick(it_check_relay *r, it_time now);
/* When tick is due. */
it_time it_check_relay_next(const it_check_relay *r);
/* The next datagram, in |buf|: 1, or 0 when there is none. */
int it_check_relay_output(it_check_relay *r, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* The same as a table. */
extern const it_object_ops it_check_relay_ops;

#endif
