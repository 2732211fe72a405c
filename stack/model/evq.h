/* A queue of model events that owns what its events point to. */
#ifndef IT_STACK_MODEL_EVQ_H
#define IT_STACK_MODEL_EVQ_H

#include "stack/model/model.h"

typedef struct it_evq_entry {
    it_model_event ev;
    int media;
    uint8_t *bytes; /* the event's data and texts, one block; NULL when there are none */
} it_evq_entry;

/* Copies what |ev| points to into one block, |*block|, to be freed by the caller; NULL when it points to nothing.
 * Returns 0 or IT_ERR_NOMEM. */
int it_model_event_own(it_alloc *alloc, it_model_event *ev, uint8_t **block) IT_MUST_CHECK;

typedef struct it_evq {
    it_alloc *alloc;
    it_evq_entry *v;
    size_t head, n, cap;
    uint8_t *taken; /* of the event taken last */
    bool oom;       /* an event was lost: the owner reports IT_ERR_NOMEM */
} it_evq;

/* Starts an empty queue (allocates nothing); frees what waits and what was taken last. */
void it_evq_init(it_evq *q, it_alloc *alloc);
void it_evq_fini(it_evq *q);

/* Appends a copy of |ev|, its data, by, why and user copied too. */
void it_evq_put(it_evq *q, const it_model_event *ev, int media);

/* Takes the oldest: 1, or 0. What it points to lives until the next take. |media| may be NULL. */
int it_evq_take(it_evq *q, it_model_event *ev, int *media);

#endif
