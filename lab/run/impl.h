/* What the runner's files share: reading and writing whole files, one case in a worker. */
#ifndef IT_LAB_RUN_IMPL_H
#define IT_LAB_RUN_IMPL_H

#include "lab/run/run.h"

/* Writes DIR/NAME by way of DIR/NAME.part, so that nobody meets half a file. Returns 0 or IT_ERR_IO with a message. */
int it_run_write(const char *dir, const char *name, it_bytes data, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Removes DIR/NAME and what an ended worker may have left of it. */
void it_run_remove(const char *dir, const char *name);

/* OUT, its parents and OUT/cases. Returns 0 or IT_ERR_IO with a message. */
int it_run_dirs(const char *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Where the libraries of scenario |path| are: the folder lib below its "scenarios/", or beside it. */
void it_run_lib_dir(const char *path, char *out, size_t cap);

/* What the ids of the cases of scenario |path| begin with: the path below "scenarios/" without ".lua", or the path
 * as it is given, so that files of one name in two folders differ. False when that is too long or has other characters
 * than A-Z a-z 0-9 . _ + % - and "/". */
bool it_run_stem(const char *path, char *out, size_t cap);

/* Refuses ids that stand for two cases, and leaves out those that were not asked for. Returns 0, or as it_run_plan. */
int it_run_select(const it_run_cfg *cfg, it_plan *plan, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* What a worker needs for every case. */
typedef struct it_worker {
    const it_run_cfg *cfg;
    const it_plan *plan;
    it_profiles *profiles;
    it_code *code;
    it_dtls_shared *shared;
    bool ossl;
} it_worker;

int it_worker_open(it_worker *worker, char err[IT_RUN_ERR]) IT_MUST_CHECK;
void it_worker_close(it_worker *worker);

/* Runs case |i|, recorded from the start or again when it failed, as cfg.pcap says. Appends "VERDICT\nUSES\nLINE\n" to
 * |out|, where USES are the case's axes and allowances that it made use of, with spaces between. Returns 0, or an error
 * with a message: nothing a scenario does, but files that cannot be written. */
int it_worker_case(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Runs case |i| again for its page: writes its trace, voice folded, and appends its fingerprint to |out|; nothing of
 * both when a limit of scripts ended it this time. Errors as above. */
int it_worker_keep(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Runs failed case |i| again, recorded: writes capture and trace, and appends "FINGERPRINT BYTES" to |out|, the bytes
 * of both files. Errors as above. */
int it_worker_record(const it_worker *worker, size_t i, it_str *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Appends |line| of case |id|, which has no recording, to |out|, with the files that it_worker_record wrote. False when
 * the fingerprint |print| of that run is not the line's. */
bool it_run_mark_recorded(it_str *out, const char *id, const char *line, const char *print);

/* Removes the recordings and pages of an earlier run from DIR/cases. */
void it_run_clear(const char *dir);

/* Appends |line| of case |id| to |out|, marked as kept: the report has a page for it. A line without a trace gets the
 * one it_worker_keep wrote. False when the fingerprint |print| of that run is not the line's: watching must change
 * nothing. */
bool it_run_mark_kept(it_str *out, const char *id, const char *line, const char *print);

/* 1 when |line| is the first of its course of events: scenario, model, verdict, the faults and what both ends saw, in
 * order; times, addresses and axes are no part of it. |seen| is what was told before and grows. What never ran has
 * nothing to show: 0; and so has, without |failed|, what failed. */
int it_run_is_first(it_alloc *alloc, const char *line, bool failed, it_str *seen) IT_MUST_CHECK;

/* True when |cfg| chooses no cases: only a whole run can tell what no case needed, and judge hypotheses. */
bool it_run_is_whole(const it_run_cfg *cfg);

/* True when |word| is one of those in |list|, which has a space between them. */
bool it_run_has_word(const char *list, const char *word);

/* Appends what a hypothesis needs of result |line| of case |c|, "INDEX\tMETRIC=VALUE ...\n"; nothing when the case was
 * not judged. */
void it_run_put_numbers(it_str *out, const it_case *c, const char *line);

/* The verdict on the hypothesis called |name| that |c| belongs to, from the numbers of its cases in |data|, as an
 * object in the open array |j|; |*ok| is false when it differs from the known one. Returns 0, or an error with a
 * message. */
int it_run_hypothesis(const it_run_cfg *cfg, const it_case *c, const char *name, const it_str *data, it_json *j,
                      bool *ok, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* What each scenario of a run has used so far, and what hypotheses need of it. */
typedef struct it_account it_account;

/* An empty account of |plan|; both have to outlive it. NULL on no memory. */
it_account *it_account_new(const it_run_cfg *cfg, const it_plan *plan);
void it_account_free(it_account *a);

/* Takes the result |line| of case |i|; |uses| as it_worker_case writes them. Returns 0 or IT_ERR_NOMEM. */
int it_account_take(it_account *a, size_t i, const char *verdict, const char *uses, const char *line) IT_MUST_CHECK;

/* Writes a sentence into the open array |j| for each axis that no case of its scenario read and each allowance that
 * none needed; returns how many. A scenario of which no case was judged, or one cannot tell, is passed over. */
int it_account_needs(const it_account *a, it_json *j);

/* Writes member "hypotheses" into the open object |j|: the verdict on each. |*changed| grows by those that are not the
 * known ones. Returns 0, or an error with a message. */
int it_account_hypotheses(const it_account *a, it_json *j, int *changed, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Writes member "source" into the open object |j|: the lines of the scenario around the one that the unfinished |line|
 * of case |c|, which is not as predicted, is about; nothing when it is about no line of that file. */
void it_run_put_source(it_alloc *alloc, const it_case *c, const it_str *line, it_json *j);

/* The line of a case that has no result, and why. */
void it_run_missing(const it_run_cfg *cfg, const it_case *c, const char *why, it_str *out);

#endif
