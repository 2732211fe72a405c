/* The functions that every model has, behind one table: whoever drives a connection (the scenario language, the runner)
 * asks the table and never which model it is.
 *
 *     start -> signal ... -> send, path, stats ... -> close        for each connection |media| of the object
 *
 * An object may hold several connections: E's sessions and B's media streams are numbered from 0. A number below 0
 * names B's connection as a whole (stack/model/model.h says what its streams come to) and nothing of E, whose sessions
 * have in common what their application makes of it. What a model alone can do (E's checks) is its own header's
 * business. NULL entries are what a model leaves to its application. */
#ifndef IT_STACK_MODEL_OPS_H
#define IT_STACK_MODEL_OPS_H

#include "stack/model/model.h"

typedef struct it_model_ops {
    const char *name; /* "B" */
    /* Begins to connect. NULL: the application does, by checks. */
    void (*start)(void *o, it_time now);
    /* Takes what the far side's object wants told (its IT_EV_SIGNAL). Returns 0, IT_ERR_PARSE, IT_ERR_STATE or
     * IT_ERR_NOMEM. NULL: nothing is opaque, the application's own wire carries everything. */
    int (*signal)(void *o, it_time now, it_bytes blob);
    /* Looks for a path anew, with new credentials. NULL: the application's own. */
    void (*restart)(void *o, it_time now);
    /* Sends one message. Returns 0, IT_ERR_STATE unless OPEN or STALLED, IT_ERR_RANGE when empty, IT_ERR_TOOBIG,
     * IT_ERR_NOTFOUND (no such connection) or IT_ERR_NOMEM. */
    int (*send)(void *o, it_time now, int media, it_bytes data);
    void (*close)(void *o, it_time now, int media);
    enum it_state (*state)(const void *o, int media);          /* NEW for a number that is none */
    enum it_path (*path)(const void *o, int media);            /* NONE unless open or stalled */
    bool (*stats)(const void *o, int media, it_conn_stats *s); /* false for a number that is none */
    /* Its numbers as RTP: false where media is none, or not open yet. NULL: a model without. */
    bool (*rtp)(const void *o, int media, it_media_stats *s);
} it_model_ops;

#endif
