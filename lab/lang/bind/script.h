/* One Lua state: the scenario language over one lab. Planning a file and running a case are its two jobs.
 *
 * The language itself is written in Lua (lab/lang/lua/tank.lua and its parts, embedded in the program); this file gives
 * it C functions over lab, world and models, a memory limit and an instruction budget. A fresh state per case: nothing
 * leaks between cases. */
#ifndef IT_LAB_BIND_SCRIPT_H
#define IT_LAB_BIND_SCRIPT_H

#include "base/text/json.h"
#include "lab/driver/lab.h"
#include "lab/judge/twin.h"
#include "lab/lang/bind/code.h"
#include "lab/lang/bind/plan.h"
#include "lab/profile/profile.h"
#include "netsim/see/capture.h"
#include "netsim/see/trace.h"

#define IT_SCRIPT_MEMORY (64u << 20)        /* bytes a case's scripts may use */
#define IT_SCRIPT_BUDGET 100000000          /* instructions between two yields; twice that while time stands */
#define IT_SCRIPT_BUDGET_IN_ALL 20000000000 /* instructions of a case */

#define IT_SCRIPT_EDGES 8 /* hosts that are real devices, at most */

typedef struct it_script it_script;

/* A host of the worlds that is an edge: its packets come from and go to TUN device |device| of this machine. */
typedef struct it_script_edge {
    char host[IT_NAME_MAX];
    const char *device;
} it_script_edge;

typedef struct it_script_cfg {
    it_alloc *alloc;
    it_profiles *profiles;
    const it_code *code;            /* the language, compiled; NULL: made for this state, which takes a while */
    it_dtls_shared *shared;         /* NULL when only planning */
    uint64_t seed;                  /* of the case: --seed plus the repetition */
    const char *lib_dir;            /* where require "lib.NAME" looks before the built-in libraries; may be NULL */
    it_capture *capture;            /* may be NULL; observes the world */
    it_trace *trace;                /* may be NULL */
    uint64_t budget, budget_in_all; /* instructions; 0: the limits above */
    it_twin *twin;                  /* of a case with attackers, else NULL: outlives the state */
    bool silent;                    /* its attackers send nothing */
    it_time limit;                  /* of virtual time, when the case's own is longer; 0: none */
    /* With edges a case runs by the wall clock, from when its world is built. */
    it_script_edge edges[IT_SCRIPT_EDGES];
    int n_edges;
    it_bytes roots; /* certificates (PEM) that all hosts trust beside the case's own root */
} it_script_cfg;

/* A state with the language loaded and an empty world. NULL on no memory. */
it_script *it_script_new(const it_script_cfg *cfg);
void it_script_free(it_script *s);

/* Who is told of events and secrets besides the script. */
void it_script_listen(it_script *s, it_lab_listener l);

/* Loads scenario |file| with content |text| (which has to live as long as the plan) and appends its cases; |stem| is
 * what ids begin with. Returns 0, or a negative error with a one-line message in |err|. */
int it_script_plan(it_script *s, it_plan *plan, it_bytes text, const char *file, const char *stem, char err[512]);

/* Runs case |c| of |text|; appends the members of its result (verdict, outcome, checks, metrics, ...) to the open JSON
 * object |j|. |verdict| gets the verdict's name. Errors of the script are part of the result. Returns 0 or
 * IT_ERR_NOMEM. */
int it_script_run(it_script *s, const it_case *c, it_bytes text, it_json *j, char verdict[16]);

/* The needs of its scenario that the case made use of, a space between; "" before a run. Lives as long as |s|. A case
 * that ended early says "*": it cannot tell. */
const char *it_script_uses(const it_script *s);

/* The members of a result for a case that has none: |why| is its error. */
void it_script_no_result(it_json *j, const it_case *c, const char *why);

/* Says what the oracle makes of a call from behind |near| to behind |far| (profiles, policies or chains, "+" between,
 * host outwards) in |model|: a few lines of text, appended to |out|. Returns 0, or IT_ERR_PARSE (a name that does not
 * exist), IT_ERR_UNSUPPORTED, IT_ERR_NOMEM with a one-line message. */
int it_script_oracle(it_script *s, const char *near, const char *far, const char *model, it_str *out,
                     char err[512]) IT_MUST_CHECK;

/* Judges hypothesis |c|->key of its file, called |name|, by the cases in |data|: a line "INDEX\tMETRIC=VALUE ..." a
 * case, INDEX as of it_case. Appends the verdict's members to the open JSON object |j|; |*ok| is false when it differs
 * from the one that is known. Returns 0, or IT_ERR_PARSE (a prediction that says nothing), IT_ERR_NOMEM with a one-line
 * message. */
int it_script_hypothesis(it_script *s, const it_case *c, const char *name, it_bytes data, it_json *j, bool *ok,
                         char err[512]) IT_MUST_CHECK;

/* True when the last run was ended by the limit on memory or on instructions in all, which another run of the same case
 * meets at another moment: its result says nothing that hangs on that moment, its world's fingerprint does. */
bool it_script_by_limit(const it_script *s);

/* The instructions of Lua that the case has spent so far, to within a thousand for each coroutine: the same on every
 * machine. */
uint64_t it_script_instructions(const it_script *s);

/* The fingerprint of the world after a run. */
uint64_t it_script_fingerprint(it_script *s);

/* The packet that is being handled, 0 when none is; |*by_fault| says whether an interface that changed is. */
uint64_t it_script_cause(const it_script *s, bool *by_fault);

/* Appends to |out| the profiles and named sets of the language whose name, kind, sentence or source has |word| in it
 * (any case; NULL: all), as lines or as a JSON list. Returns 0, IT_ERR_UNSUPPORTED when there is none, or IT_ERR_NOMEM,
 * with a one-line message. */
int it_script_profiles(it_script *s, const char *word, bool json, it_str *out, char err[512]) IT_MUST_CHECK;

/* The text of icetank.d.lua, appended to |out|. */
int it_script_d_lua(it_script *s, it_str *out);

#endif
