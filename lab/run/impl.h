/* What the runner's files share: reading and writing whole files, one case in a worker. */
#ifndef IT_LAB_RUN_IMPL_H
#define IT_LAB_RUN_IMPL_H

#include "lab/run/run.h"

/* The whole file, NUL-terminated and the caller's; NULL with a message that begins with |path|. */
char *it_run_slurp(it_alloc *a, const char *path, size_t *n, char err[IT_RUN_ERR]);

/* Writes DIR/NAME by way of DIR/NAME.part, so that nobody meets half a file. Returns 0 or IT_ERR_IO with a message. */
int it_run_write(const char *dir, const char *name, it_bytes data, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Removes DIR/NAME and what an ended worker may have left of it. */
void it_run_remove(const char *dir, const char *name);

/* OUT, its parents and OUT/cases. Returns 0 or IT_ERR_IO with a message. */
int it_run_dirs(const char *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* |path| as one word of a shell command: as it is, or in quotes. */
void it_run_quote(it_str *out, const char *path);

/* Where the libraries of scenario |path| are: the folder lib below its "scenarios/", or beside it. */
void it_run_lib_dir(const char *path, char *out, size_t cap);

/* What the ids of the cases of scenario |path| begin with: the path below "scenarios/" without ".lua", or the path
 * as it is given, so that files of one name in two folders differ. False when that is too long or has other characters
 * than A-Z a-z 0-9 . _ + % - and "/". */
bool it_run_stem(const char *path, char *out, size_t cap);

/* What a worker needs for every case. */
typedef struct it_workshop {
    const it_run_cfg *cfg;
    const it_plan *plan;
    it_profiles *profiles;
    it_code *code;
    it_dtls_shared *shared;
    bool ossl;
} it_workshop;

int it_workshop_open(it_workshop *shop, char err[IT_RUN_ERR]) IT_MUST_CHECK;
void it_workshop_close(it_workshop *shop);

/* Runs case |i|, recorded from the start or again when it failed, as cfg.pcap says. Appends "VERDICT\nUSES\nLINE\n" to
 * |out|, where USES are the case's axes and allowances that it made use of, with spaces between. Returns 0, or an error
 * with a message: nothing a scenario does, but files that cannot be written. */
int it_workshop_case(const it_workshop *shop, size_t i, it_str *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Runs case |i| again for its page: writes its trace, voice folded, and appends its fingerprint to |out|; nothing of
 * both when a limit of scripts ended it this time. Errors as above. */
int it_workshop_story(const it_workshop *shop, size_t i, it_str *out, char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* Appends |line| to |out|, its case marked as one whose story the report tells; a line without a trace gets the one
 * it_workshop_story wrote. False when the fingerprint |print| of that run is not the line's: watching must change
 * nothing. */
bool it_run_tell_story(it_str *out, const it_case *c, const char *line, const char *print);

/* 1 when |line| is the first of its story: scenario, model, verdict, the faults and what both ends saw, in order;
 * times, addresses and axes are no part of it. |seen| is what was told before and grows. What failed has its trace,
 * what never ran has nothing to show: 0. */
int it_run_begins_story(it_alloc *alloc, const char *line, it_str *seen) IT_MUST_CHECK;

/* True when case |c| belongs to a hypothesis. */
bool it_run_of_hypothesis(const it_case *c);

/* What a hypothesis needs of result |line| of case |c|: "INDEX\tMETRIC=VALUE ...\n", to be freed; left NULL when the
 * case was not judged. Returns 0 or IT_ERR_NOMEM. */
int it_run_numbers(it_alloc *alloc, const it_case *c, const char *line, char **numbers) IT_MUST_CHECK;

/* The verdict on the hypothesis that |c| belongs to, from the numbers of its cases in |data|, as an object in the open
 * array |j|;
 * |*ok| is false when it differs from the known one. Returns 0, or an error with a message. */
int it_run_hypothesis(const it_run_cfg *cfg, const it_case *c, const it_str *data, it_json *j, bool *ok,
                      char err[IT_RUN_ERR]) IT_MUST_CHECK;

/* The line of a case that has no result, and why. */
void it_run_missing(const it_run_cfg *cfg, const it_case *c, const char *why, it_str *out);

#endif
