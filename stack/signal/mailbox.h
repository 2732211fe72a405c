/* The mailboxes of a signal server: what waits for whom, under which number. A part of stack/signal/server.c. */
#ifndef IT_STACK_SIGNAL_MAILBOX_H
#define IT_STACK_SIGNAL_MAILBOX_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/table/map.h"
#include "base/time.h"
#include "stack/signal/wire.h"

#define IT_MAILBOX_NONE UINT32_MAX
#define IT_MAILBOX_SOURCE (8u << 20)  /* bytes of one source that wait anywhere, where sources have limits */
#define IT_MAILBOX_AWAY (30 * IT_SEC) /* then an empty mailbox may give way to another one of its source */
#define IT_MAILBOX_KEYS 32            /* sessions that had a mailbox before and are known by their key alone */
#define IT_MAILBOX_REFUSALS 256       /* of a session that it may not know of; with more nothing is taken of it */

enum it_refusal { IT_REFUSAL_FULL, IT_REFUSAL_LARGE, IT_REFUSAL_LIMIT };

/* A message of a session that was refused. */
typedef struct it_refused {
    uint64_t id;
    enum it_refusal why;
} it_refused;

typedef struct it_letter {
    struct it_letter *next;
    uint64_t seq;
    bool base64;
    char from[IT_SIGNAL_NAME + 1];
    it_ip source; /* of who sent it */
    size_t n;
    uint8_t data[]; /* the JSON string as it came */
} it_letter;

typedef struct it_mailbox {
    bool used;   /* it keeps letters; else what is known of its session stays until another mailbox needs the place */
    bool filled; /* it has a name */
    char name[IT_SIGNAL_NAME + 1];
    bool kept;                      /* the server's own: it is never forgotten */
    it_ip source;                   /* that it counts for: who made it, or has opened it since */
    uint64_t hash;                  /* of its name */
    char key[IT_SIGNAL_NAME + 1];   /* of the session that has it, or had it last; "" : none yet */
    uint64_t gone[IT_MAILBOX_KEYS]; /* of those before it: hashes of their keys */
    unsigned n_gone;                /* so many there were */
    uint64_t taken;                 /* the latest of that session's messages */
    it_refused *refused;            /* of them, those that it may not know of yet */
    size_t n_refused, cap_refused;
    uint32_t link;           /* the connection that reads it; IT_MAILBOX_NONE */
    uint64_t sent;           /* the latest that went out by that */
    it_letter *first, *last; /* not acknowledged */
    size_t n, bytes;
    it_time left; /* since when nobody has it open; IT_NEVER: somebody has */
} it_mailbox;

typedef struct it_mailboxes {
    it_alloc *alloc;
    it_mailbox *v;
    size_t n, cap, used, most, each;
    uint64_t secret;  /* of the hashes */
    it_map by_source; /* where there is |each|: source -> bytes of it that wait, letters' own included */
    it_map by_name;   /* hash of a name -> place */
    uint64_t seq;     /* the latest number given: one count for all, so that it never begins again */
} it_mailboxes;

/* No mailboxes, and never more than |most|, of one source not more than |each| (0: no limit), those that are remembered
 * included. Whoever chooses names does not know |secret|. */
void it_mailboxes_init(it_mailboxes *m, it_alloc *alloc, size_t most, size_t each, uint64_t secret);
void it_mailboxes_fini(it_mailboxes *m);
/* The mailbox called |name|, made at |now| for |source| (base/table/buckets.h) where there is none: its index,
 * IT_ERR_FULL: there are too many; IT_ERR_LIMIT: of that source; or IT_ERR_NOMEM. A source that has enough loses one
 * for it that is empty and that nobody has had open for IT_MAILBOX_AWAY. Indices last as long as the mailbox. */
int it_mailboxes_open(it_mailboxes *m, it_time now, it_bytes name, it_ip source) IT_MUST_CHECK;
/* When |source|, which has as many as it may, may have another one, as those that nobody has open are emptied |keep|
 * after they were left; IT_NEVER: when one of its mailboxes is left. */
it_time it_mailboxes_when(const it_mailboxes *m, it_ip source, it_time keep);
/* Makes the server's own mailbox |name|, which is beyond those that there may be. Returns 0 or IT_ERR_NOMEM. */
int it_mailboxes_keep(it_mailboxes *m, it_bytes name) IT_MUST_CHECK;
/* The place of the mailbox called |name|, whether it keeps letters or not; NULL: there is none. */
it_mailbox *it_mailboxes_find(const it_mailboxes *m, it_bytes name);
/* |b| counts for |source| from now on, unless that one has as many as it may. */
void it_mailboxes_give(const it_mailboxes *m, it_mailbox *b, it_ip source);
/* Empties those that nobody has had open since |before|, and frees their places for others, of which the one that was
 * left first is taken first. */
void it_mailboxes_forget(it_mailboxes *m, it_time before);
/* Since when the one that has been left for longest has been; IT_NEVER. */
it_time it_mailboxes_oldest(const it_mailboxes *m);

/* |b| is |key|'s from now on; what was known of the session before is forgotten, but that it was one. Nothing when it
 * is already. */
void it_mailbox_take_over(const it_mailboxes *m, it_mailbox *b, it_bytes key);
/* Whether |key| had |b| before somebody else took it over: one of the latest IT_MAILBOX_KEYS. */
bool it_mailbox_was_of(const it_mailboxes *m, const it_mailbox *b, it_bytes key);
/* Keeps that message |id| of the session of |b| was refused for |why|. Returns 0, IT_ERR_FULL: as many are kept as may
 * be, or IT_ERR_NOMEM. */
int it_mailbox_refuse(it_mailboxes *m, it_mailbox *b, uint64_t id, enum it_refusal why) IT_MUST_CHECK;
/* That session knows what became of its messages up to |id|. */
void it_mailbox_knows(it_mailbox *b, uint64_t id);
/* The refusal of message |id|, NULL when it was none. */
const it_refused *it_mailbox_refusal(const it_mailbox *b, uint64_t id);

/* Whether |source| may have |n| bytes more waiting: at most IT_MAILBOX_SOURCE, where there is |each|. */
bool it_mailboxes_hold(const it_mailboxes *m, it_ip source, size_t n);
/* Appends |data| |from| somebody at |source|. Returns 0 or IT_ERR_NOMEM. */
int it_mailbox_put(it_mailboxes *m, it_mailbox *b, const char *from, it_ip source, it_bytes data,
                   bool base64) IT_MUST_CHECK;
/* How many of its letters came from |source|, and |*bytes| of them. */
size_t it_mailbox_of_source(const it_mailbox *b, it_ip source, size_t *bytes);
/* Takes off what has numbers up to |seq|. Returns how many. */
size_t it_mailbox_ack(it_mailboxes *m, it_mailbox *b, uint64_t seq);
/* How many have numbers up to |seq|. */
size_t it_mailbox_count(const it_mailbox *b, uint64_t seq);
/* The first that has a number above |seq|; NULL. */
const it_letter *it_mailbox_after(const it_mailbox *b, uint64_t seq);

#endif
