/* Liveness of one connection: is data due, did it come, was its absence announced, does it flow faster or slower than
 * it did.
 *
 * Shared by models. Silence counts while the far side is declared to be streaming, while one of our questions is
 * unanswered, and while there is no path. It is a stall
 *   - of a stream: T_stall after the last receipt (a stream that has not begun: and the time an answer takes, which
 *     is taken to be 6 s where no round trip is known yet);
 *   - without a path: T_stall after the path went;
 *   - of an answer: T_stall after the first unanswered question, but never before four more questions had the time an
 *     answer takes. One lost packet is no silence.
 * Those questions are messages inside the secured channel (stack/model/voice.h), asked from one answer time after the
 * first question on, every tenth of T_stall. They are not consent checks, which are sent once and 4 s apart (RFC 7675
 * section 5.1), and they obtain no consent. The answer time is "based on the estimated round-trip time with an
 * allowance for variation" (ibid.). Integer arithmetic throughout. Knows nothing of packets: it is told of receipts and
 * round-trip times and asked for verdicts. */
#ifndef IT_STACK_MODEL_LIVE_H
#define IT_STACK_MODEL_LIVE_H

#include "stack/model/model.h"

#define IT_RATE_WINDOW IT_SEC            /* one sample of the delivered rate */
#define IT_RATE_REFRACTORY (3 * IT_SEC)  /* after a rate event none for this long */
#define IT_LIVE_QUESTIONS 4              /* that must have had their time after the first, before an alarm */
#define IT_LIVE_ANSWER_NEW (3 * IT_SEC)  /* answer time while no round trip is known */
#define IT_LIVE_ANSWER_MAX (10 * IT_SEC) /* three questions fit into the 30 s of consent */
#define IT_LIVE_VARIATION (100 * IT_MS)  /* least allowance for variation in network delay */

/* What is silent. */
enum it_live_due { IT_LIVE_NOTHING, IT_LIVE_STREAM, IT_LIVE_ANSWER, IT_LIVE_PATH };

/* What is due, as the owner sees it. */
typedef struct it_live_want {
    bool streaming;     /* as declared by the far side */
    bool begun;         /* and something of it has come */
    it_time unanswered; /* since when a check waits for its answer; IT_NEVER: none does */
    it_time asked;      /* when the latest check left that waits; IT_NEVER: none does */
    it_time no_path;    /* since when there is no path; IT_NEVER: there is one */
} it_live_want;

typedef struct it_live {
    it_time stall; /* T_stall */
    bool mute;     /* nothing is asked and nothing told: silence is measured alone */
    bool opened, stalled;
    it_time last_rx; /* last authentic receipt; the time of opening before any */
    enum it_live_due due;
    it_time due_since;   /* since when silence counts; IT_NEVER while it does not */
    it_time stall_at;    /* when it is a stall; IT_NEVER likewise */
    it_time ask_at;      /* the next question of our own; IT_NEVER: none */
    it_time freeze;      /* longest silence so far that was due and not announced */
    it_time patience;    /* longest silence that would have been borne so far before it is told */
    it_time rtt, rttvar; /* smoothed; |rtt| 0: none known */
    it_time window_end;  /* of the running rate sample; IT_NEVER while closed */
    uint64_t bytes;      /* in it */
    uint64_t reference;  /* bytes a window, smoothed over about five; 0: none yet */
    int samples, low;    /* good samples since the last change; low ones in a row */
    it_time quiet_until; /* end of the refractory time */
} it_live;

/* Starts before the connection is open; |stall| is T_stall. */
void it_live_init(it_live *l, it_time stall);

/* The connection opened at |now|. */
void it_live_open(it_live *l, it_time now);

/* Takes one round-trip time, above 0, of a question that was sent once (RFC 6298 section 3). */
void it_live_rtt(it_live *l, it_time sample);
/* Forgets the round-trip time: the path is another one. */
void it_live_rtt_forget(it_live *l);
/* How long an answer may take: SRTT and four times RTTVAR, with at least an eighth of SRTT and IT_LIVE_VARIATION for
 * the latter; IT_LIVE_ANSWER_NEW while none is known, IT_LIVE_ANSWER_MAX at most. */
it_time it_live_answer(const it_live *l);

/* Something authentic came: |bytes| of application data (0 for a check's answer). Returns 1 when that ends a stall. */
int it_live_rx(it_live *l, it_time now, size_t bytes);

/* Tells what is due from |now| on. A check that left before the last receipt is no question any more. */
void it_live_due(it_live *l, it_time now, const it_live_want *w);

/* When it_live_tick or it_live_ask has something to say. */
it_time it_live_next(const it_live *l);

/* True when a question is to be asked inside the channel now: an answer is late, or no round-trip time is known. The
 * next one is due later than |now|. */
bool it_live_ask(it_live *l, it_time now);

/* Runs the clocks. Returns IT_EV_STALLED, IT_EV_RATE_UP or IT_EV_RATE_DOWN when that begins now, else -1. Call again
 * until -1. */
int it_live_tick(it_live *l, it_time now);

#endif
