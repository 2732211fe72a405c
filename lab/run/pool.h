/* Worker processes: cases are handed out one by one, so a slow one holds nobody up; what comes back is told to the
 * parent.
 *
 *     parent --index--> worker --(code, text)--> parent --next index--> ...
 *
 * A worker that dies, or that is killed because it was stuck, costs the case it was at and nothing else: another one
 * takes its place. Who asks for order has to make it: cases end in any order. No files are touched here. */
#ifndef IT_LAB_RUN_POOL_H
#define IT_LAB_RUN_POOL_H

#include "base/bytes.h"
#include "base/text/str.h"

#define IT_POOL_JOBS_MAX 1024
#define IT_POOL_ERR 512

typedef struct it_pool_cfg {
    it_alloc *alloc;
    int jobs;      /* 1 to IT_POOL_JOBS_MAX; fewer run when the system allows no more */
    int timeout_s; /* seconds of wall time a case may take before its worker is killed; time in which the whole program
                      stood still does not count; 0: for ever */
    size_t n;      /* how many cases */
} it_pool_cfg;

typedef struct it_pool it_pool;

/* What is done. Negative results of open, work and done stop everything, their message is the pool's. */
typedef struct it_pool_ops {
    void *self;
    void (*begin)(void *self, it_pool *p);          /* in the parent, first; NULL: nothing */
    int (*open)(void *self, char err[IT_POOL_ERR]); /* in every worker, first */
    int (*work)(void *self, size_t i, it_str *out,
                char err[IT_POOL_ERR]); /* in a worker: case |i|; |out| goes to the parent */
    void (*close)(void *self);          /* in every worker, last; also after a failed open */
    int (*done)(void *self, size_t i, it_bytes text,
                char err[IT_POOL_ERR]); /* in the parent: what work gave for case |i| */
    int (*died)(void *self, size_t i, const char *why,
                char err[IT_POOL_ERR]); /* in the parent: case |i| has no result, and why */
} it_pool_ops;

/* From done or died: |i| is to be done too, before what nobody has begun yet; a number of the caller's own. Returns 0
 * or IT_ERR_NOMEM. */
int it_pool_add(it_pool *p, size_t i) IT_MUST_CHECK;

/* From done or died: enough is known. it_pool_run then ends the workers, whatever they are at, and returns. */
void it_pool_stop(it_pool *p);

/* Runs cases 0 to n - 1. SIGINT, SIGTERM and SIGHUP end it early with |*interrupted| set: workers are ended, nothing is
 * told of the cases they were at. Returns 0, or a negative error with a one-line message. No worker is left behind. */
int it_pool_run(const it_pool_cfg *cfg, const it_pool_ops *ops, bool *interrupted, char err[IT_POOL_ERR]) IT_MUST_CHECK;

#endif
