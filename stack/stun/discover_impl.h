/* What the files of discovery share: its state and its questions. discover.c is the row of phases, discover_ask.c asks
 * and listens. */
#ifndef IT_STACK_STUN_DISCOVER_IMPL_H
#define IT_STACK_STUN_DISCOVER_IMPL_H

#include "stack/stun/discover.h"

#include "stack/stun/msg.h"

#define IT_DISCOVER_ASKS 1 /* questions at a time */

enum it_discover_ask_state { ASK_FREE, ASK_OPEN, ASK_ANSWERED, ASK_FAILED };

/* One question and what came of it. */
typedef struct it_discover_question {
    uint8_t state; /* enum it_discover_ask_state */
    uint8_t txid[IT_STUN_TXID];
    uint16_t port; /* local */
    it_addr to;
    uint32_t change;        /* CHANGE-REQUEST flags, 0: none */
    uint16_t response_port; /* 0: none */
    bool padding;
    uint32_t tries, sent;
    bool waiting; /* for output */
    it_time due, interval, last;
    /* the answer */
    it_addr mapped, other;
    bool alg;
    uint16_t at; /* local port where it arrived */
    it_time when;
    bool looped; /* the request itself came back, */
    it_addr loop_from;
} it_discover_question;

enum it_discover_phase {
    CONNECT,
    MAPPING_2,
    MAPPING_3,
    FILTER_1,
    FILTER_2,
    FILTER_3,
    PORTS,
    HAIRPIN_X,
    HAIRPIN_Y,
    HAIRPIN,
    HAIRPIN_FRAGMENTS,
    FRAGMENTS,
    LIFE,       /* which idle time to try next */
    LIFE_Y,     /* the helper's port is open */
    LIFE_X,     /* the port on trial is open */
    LIFE_AGAIN, /* ... and used once more */
    LIFE_IDLE,  /* refreshed half way, where that is on trial */
    LIFE_KEEP,  /* the helper is kept alive */
    LIFE_PROBE, /* asked whether it lives */
    DONE
};

/* The trial of one idle time. */
enum it_discover_trial { TRIAL_INITIAL, TRIAL_REPLIED, TRIAL_STREAM, TRIAL_OUT, TRIAL_IN, TRIALS };

struct it_stun_discover {
    it_stun_discover_cfg cfg;
    it_stun_behavior b;
    it_discover_question asks[IT_DISCOVER_ASKS];
    enum it_discover_phase phase;
    bool begun;     /* the phase has asked */
    it_time wake;   /* the phase does not go on before */
    it_time dirty;  /* something happened then: tick; IT_NEVER: nothing */
    it_time paced;  /* no new transaction before */
    uint16_t ports; /* used so far */
    it_addr other;  /* of the server */
    it_addr mapped1, mapped2;
    uint16_t x, y; /* local ports of hairpin and lifetimes */
    it_addr xm, ym;
    uint32_t round, pairs;
    /* lifetimes */
    int trial;
    it_time idle, alive, dead; /* on trial; the bounds so far */
    it_time since, wanted;     /* the last packet of the port on trial; when the helper is needed */
};

/* Asks question |i| from local port |port| to |to|; the caller sets what else it wants. */
it_discover_question *it_discover_ask(it_stun_discover *d, it_time now, int i, uint16_t port, it_addr to,
                                      uint32_t tries);
static inline bool it_discover_answered(const it_stun_discover *d, int i)
{
    return d->asks[i].state == ASK_ANSWERED;
}
/* Sends what is due, gives up what nobody answers. */
void it_discover_run(it_stun_discover *d, it_time now);
/* True when no question is open. */
bool it_discover_settled(const it_stun_discover *d);

#endif
