/* One Lua state: the scenario language over one lab. Planning a file and running a case are its two jobs.
 *
 * The language itself is written in Lua (lab/tank.lua and its parts, embedded in the program); this file gives it C functions over
 * lab, world and models, a memory limit and an instruction budget. A fresh state per case: nothing leaks between cases. */
#ifndef IT_LAB_SCRIPT_H
#define IT_LAB_SCRIPT_H

#include "base/json.h"
#include "lab/lab.h"
#include "lab/profile.h"
#include "netsim/capture.h"
#include "netsim/trace.h"

#define IT_SCRIPT_MEMORY (64u << 20)      /* bytes a case's scripts may use */
#define IT_SCRIPT_BUDGET 100000000        /* instructions between two yields */

typedef struct it_script it_script;

typedef struct it_script_cfg {
    it_alloc *alloc;
    it_profiles *profiles;
    it_dtls_shared *shared;      /* NULL when only planning */
    uint64_t seed;               /* of the case: --seed plus the repetition */
    const char *lib_dir;         /* where require "lib.NAME" looks before the built-in libraries; may be NULL */
    it_capture *capture;         /* may be NULL; observes the world */
    it_trace *trace;             /* may be NULL */
} it_script_cfg;

/* A state with the language loaded and an empty world. NULL on no memory. */
it_script *it_script_new(const it_script_cfg *cfg);
void it_script_free(it_script *s);

/* Who is told of events and secrets besides the script. */
void it_script_listen(it_script *s, it_lab_listener l);

/* One planned case. Strings are the plan's. */
typedef struct it_case {
    char *id, *file, *key, *index, *title, *model;
    char *cell;   /* JSON object: axis -> value's name */
    int64_t k;    /* repetition, from 1 */
} it_case;

typedef struct it_plan {
    it_alloc *alloc;
    it_case *v;
    size_t n, cap;
} it_plan;

void it_plan_init(it_plan *p, it_alloc *alloc);
void it_plan_fini(it_plan *p);

/* Loads scenario |file| with content |text| and appends its cases; |stem| is what ids begin with. Returns 0, or a negative error with
 * a one-line message in |err|. */
int it_script_plan(it_script *s, it_plan *plan, it_bytes text, const char *file, const char *stem, char err[512]);

/* Runs case |c| of |text|; appends the members of its result (verdict, outcome, checks, metrics, ...) to the open JSON object |j|.
 * |verdict| gets the verdict's name. Errors of the script are part of the result. Returns 0 or IT_ERR_NOMEM. */
int it_script_run(it_script *s, const it_case *c, it_bytes text, it_json *j, char verdict[16]);

/* The fingerprint of the world after a run. */
uint64_t it_script_fingerprint(it_script *s);

/* The packet that is being handled, 0 when none is; |*by_fault| says whether an interface that changed is. */
uint64_t it_script_cause(const it_script *s, bool *by_fault);

/* The text of icetank.d.lua, appended to |out|. */
int it_script_d_lua(it_script *s, it_str *out);

#endif
