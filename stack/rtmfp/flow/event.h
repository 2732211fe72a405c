/* What an end of RTMFP tells its owner, of sessions and of their flows, and the queue where it waits. */
#ifndef IT_STACK_RTMFP_FLOW_EVENT_H
#define IT_STACK_RTMFP_FLOW_EVENT_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"

/* Which way a datagram goes. */
typedef struct it_rtmfp_path {
    uint32_t flow; /* of the base */
    it_addr local, remote;
} it_rtmfp_path;

enum it_rtmfp_event_kind {
    IT_RTMFP_EV_OPEN,      /* |session| |path| |initiator| |print| */
    IT_RTMFP_EV_FAILED,    /* |session| did not open: |cause| */
    IT_RTMFP_EV_DUPLICATE, /* |session| gives way to |other|, which leads to the same end */
    IT_RTMFP_EV_CLOSED,    /* |session| is over, and all its flows: |cause| */
    IT_RTMFP_EV_MOVED,     /* the far end of |session| is at |path| now */
    IT_RTMFP_EV_SECRET,    /* |data|: a line by which captures can be read, where |tell_keys| */
    IT_RTMFP_EV_ASKED,     /* an IHello for somebody else came over |path|: |epd|, |tag|, and |size| of its datagram */

    IT_RTMFP_EV_FLOW,      /* a receiving |flow| has begun: |data| is its metadata, |returns| the sending flow that it
                              is in return to */
    IT_RTMFP_EV_MESSAGE,   /* |data| of receiving |flow|, whole; |gap| */
    IT_RTMFP_EV_COMPLETE,  /* nothing more will come of receiving |flow|; |gap| */
    IT_RTMFP_EV_REJECTED,  /* receiving |flow| broke a rule, and was rejected: |why| */
    IT_RTMFP_EV_EXCEPTION, /* the far end has rejected sending |flow| with |code|; it is closed */
    IT_RTMFP_EV_SENT,      /* sending |flow| was closed, and the far end has all that was not abandoned */
    IT_RTMFP_EV_WRITABLE   /* sending |flow| was full, and is not any more */
};

/* Why a session did not open, or is over. */
enum it_rtmfp_cause {
    IT_RTMFP_CAUSE_NONE,
    IT_RTMFP_CAUSE_NEAR,       /* as it_rtmfp_close or it_rtmfp_abort wanted */
    IT_RTMFP_CAUSE_FAR,        /* the far end has closed it */
    IT_RTMFP_CAUSE_SILENCE,    /* Pings stayed unanswered */
    IT_RTMFP_CAUSE_TIMEOUT,    /* it did not open within 95 s */
    IT_RTMFP_CAUSE_OVERRIDDEN, /* its far end has opened another from the same address (section 3.5.1.1.2) */
    IT_RTMFP_CAUSE_LIBRARY,    /* a packet could not be sealed */
    IT_RTMFP_CAUSE_STREAM,     /* of a session over a stream: that has ended, or never was */
    IT_RTMFP_CAUSE_PROTOCOL    /* and: the far end has broken the protocol */
};

typedef struct it_rtmfp_event {
    enum it_rtmfp_event_kind kind;
    uint32_t session, other; /* numbers that never come again */
    bool initiator;
    enum it_rtmfp_cause cause;
    const char *why; /* FAILED, CLOSED, REJECTED: a sentence, static storage */
    it_rtmfp_path path;
    const uint8_t *print; /* 32 bytes: the peer ID */
    it_bytes epd, tag;    /* these, |print| and |data| live until the next call on the object */
    size_t size;
    uint64_t flow, returns; /* |returns| 0: to none */
    uint64_t code;
    bool gap; /* messages before this one are missing (section 3.6.3.3) */
    it_bytes data;
} it_rtmfp_event;

typedef struct it_rtmfp_told {
    struct it_rtmfp_told *next;
    it_rtmfp_event ev;
    uint8_t bytes[];
} it_rtmfp_told;

typedef struct it_rtmfp_events {
    it_alloc *alloc;
    it_rtmfp_told *first, **end;
    it_rtmfp_told *given; /* the one that was taken last */
} it_rtmfp_events;

/* Begins empty; allocates nothing. */
void it_rtmfp_events_init(it_rtmfp_events *q, it_alloc *alloc);
void it_rtmfp_events_fini(it_rtmfp_events *q);
/* Queues |ev|; what it points to is copied, but for |data|, of which only the size counts: |*data| is room for it,
 * which the caller fills. Returns 0 or IT_ERR_NOMEM. */
int it_rtmfp_events_put(it_rtmfp_events *q, const it_rtmfp_event *ev, uint8_t **data);
/* 1: the next one is in |*out|, what it points to lives until the next call; 0: there is none. */
int it_rtmfp_events_take(it_rtmfp_events *q, it_rtmfp_event *out);

#endif
