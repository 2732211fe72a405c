/* The mailboxes of a signal server: what waits for whom, under which number. A part of stack/signal/server.c. */
#ifndef IT_STACK_SIGNAL_MAILBOX_H
#define IT_STACK_SIGNAL_MAILBOX_H

#include "base/alloc.h"
#include "base/time.h"
#include "stack/signal/wire.h"

#define IT_MAILBOX_NONE UINT32_MAX

typedef struct it_letter {
    struct it_letter *next;
    uint64_t seq;
    bool base64;
    char from[IT_SIGNAL_NAME + 1];
    size_t n;
    uint8_t data[]; /* the JSON string as it came */
} it_letter;

typedef struct it_mailbox {
    bool used;
    char name[IT_SIGNAL_NAME + 1];
    char key[IT_SIGNAL_NAME + 1]; /* of the session that has it, or had it last; "" : none yet */
    uint64_t taken;               /* the latest of that session's messages */
    uint64_t seq;                 /* the latest number given */
    uint32_t link;                /* the connection that reads it; IT_MAILBOX_NONE */
    uint64_t sent;                /* the latest that went out by that */
    it_letter *first, *last;      /* not acknowledged */
    size_t n, bytes;
    it_time left; /* since when nobody has it open; IT_NEVER: somebody has */
} it_mailbox;

typedef struct it_mailboxes {
    it_alloc *alloc;
    it_mailbox *v;
    size_t n, cap, used, most;
} it_mailboxes;

/* No mailboxes, and never more than |most|. */
void it_mailboxes_init(it_mailboxes *m, it_alloc *alloc, size_t most);
void it_mailboxes_fini(it_mailboxes *m);
/* The mailbox called |name|, made at |now| where there is none: its index, IT_ERR_FULL or IT_ERR_NOMEM. Indices last as
 * long as the mailbox. */
int it_mailboxes_open(it_mailboxes *m, it_time now, it_bytes name) IT_MUST_CHECK;
/* Forgets those that nobody has had open since |before|. */
void it_mailboxes_forget(it_mailboxes *m, it_time before);
/* Since when the one that has been left for longest has been; IT_NEVER. */
it_time it_mailboxes_oldest(const it_mailboxes *m);

/* Appends |data| |from| somebody. Returns 0 or IT_ERR_NOMEM. */
int it_mailbox_put(it_mailboxes *m, it_mailbox *b, const char *from, it_bytes data, bool base64) IT_MUST_CHECK;
/* Takes off what has numbers up to |seq|. Returns how many. */
size_t it_mailbox_ack(it_mailboxes *m, it_mailbox *b, uint64_t seq);
/* The first that has a number above |seq|; NULL. */
const it_letter *it_mailbox_after(const it_mailbox *b, uint64_t seq);

#endif
