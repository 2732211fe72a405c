/* A log for people: an object around a server that passes on everything, and after each turn lets the server say what
 * has happened, a line each; when it is freed, what it has done in all. Of what has happened it writes
 * IT_SERVE_LOG_BURST lines at once and IT_SERVE_LOG_RATE a second in the long run, and once a second how many it left
 * out, so that who makes a server talk does not fill a disk.
 *
 * Its events are the log's: an owner hears none. */
#ifndef IT_LAB_SERVE_LOG_H
#define IT_LAB_SERVE_LOG_H

#include "base/alloc.h"
#include "stack/object.h"

#define IT_SERVE_LINE 320 /* bytes of a line, with NUL; a longer one is cut */

#define IT_SERVE_LOG_RATE 10
#define IT_SERVE_LOG_BURST 50

typedef struct it_serve_log it_serve_log;

typedef struct it_serve_log_cfg {
    it_alloc *alloc;
    const char *name; /* of the server, with which its lines begin; static storage */
    const it_object_ops *ops;
    void *inner;
    void (*log)(void *self, const char *text); /* takes a line; may be NULL */
    void *self;
    /* Says what has happened since the last time; may be NULL. */
    void (*news)(void *inner, it_serve_log *log);
    /* Says what it has done in all, unless nobody ever came; may be NULL. */
    void (*sum)(void *inner, it_serve_log *log);
} it_serve_log_cfg;

/* Wraps |cfg|->inner, which becomes the log's, also when there is no memory (NULL). */
it_serve_log *it_serve_log_new(const it_serve_log_cfg *cfg);
/* Writes a line, unless there were too many. */
void it_serve_log_line(it_serve_log *l, const char *fmt, ...) IT_PRINTF(2, 3);
/* |n| lines more are left out, of which the server knows no more than that. */
void it_serve_log_missed(it_serve_log *l, uint64_t n);

/* Drive it by these, as it were the object inside. */
extern const it_object_ops it_serve_log_ops;

#endif
