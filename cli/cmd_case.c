/* replay and show: one case, by its id; and its capture, for open. */
#include "cli/args.h"

#include "reports/report.h"
#include "reports/text/text.h"
#include "reports/read/results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "scenarios" /* ids are paths below it */

/* A case that is asked for: what the folder says of it, and the plan it comes from. */
typedef struct wanted {
    it_cli *o;
    const char *id;
    char results[4096]; /* DIR/results.jsonl */
    char again[4096];   /* DIR/replay: where a second run leaves its files, beside those of the first */
    it_results r;
    bool read;   /* |r| is there */
    json_t *old; /* its line, NULL when there is none */
    it_plan plan;
    long at;     /* in |plan|, -1: not planned */
    it_str line; /* of the new run */
    json_t *now; /* the same, parsed */
} wanted;

/* Reads DIR/results.jsonl if there is one. -1 when that went well, else an exit code after a message. */
static int open_wanted(wanted *w, it_cli *o)
{
    char err[512] = "";
    memset(w, 0, sizeof *w);
    w->o = o;
    w->id = o->run.paths[0];
    w->at = -1;
    it_plan_init(&w->plan, o->run.alloc);
    it_str_init(&w->line, o->run.alloc);
    if (snprintf(w->results, sizeof w->results, "%s/results.jsonl", o->run.out) >= (int)sizeof w->results ||
        snprintf(w->again, sizeof w->again, "%s/replay", o->run.out) >= (int)sizeof w->again)
        return it_cli_fail(IT_EXIT_USAGE, "--out: the path is too long");
    if (access(w->results, F_OK) < 0)
        return -1;
    w->read = true;
    if (it_results_skim(&w->r, o->run.alloc, NULL, w->results, err) < 0)
        return it_cli_fail(IT_EXIT_USAGE, "%s", err);
    size_t i = it_results_find(&w->r, w->id);
    w->old = i < w->r.n ? it_results_whole(&w->r, i) : NULL;
    return -1;
}

static void close_wanted(wanted *w)
{
    json_decref(w->old);
    if (w->read)
        it_results_free(&w->r);
    it_plan_fini(&w->plan);
    it_str_fini(&w->line);
    json_decref(w->now);
}

/* Nothing knows the id: says so with the nearest one that something knows. */
static int no_case_below(wanted *w)
{
    char scrap[IT_RUN_ERR], folder[] = ROOT;
    char *all[] = {folder};
    it_str near;
    int code;
    w->o->run.paths = all;
    w->o->run.n_paths = 1;
    it_str_init(&near, w->o->run.alloc);
    if (it_run_plan(&w->o->run, &w->plan, scrap) < 0) /* what does not load is not what was asked for */
        it_plan_fini(&w->plan);
    if (it_run_nearest(&w->plan, w->id, &near))
        code = it_cli_fail(IT_EXIT_USAGE, "no case \"%s\"; did you mean %s?", w->id, it_str_c(&near));
    else
        code =
            it_cli_fail(IT_EXIT_USAGE,
                        "no case \"%s\"; icetank list %s prints all there are; of a scenario elsewhere write its file "
                        "behind the id",
                        w->id, ROOT);
    it_str_fini(&near);
    return code;
}

/* The same where the scenario or the results are known. */
static int no_case_in(wanted *w)
{
    it_str near;
    const char *of = w->plan.n ? w->plan.v[0].file : w->results, *guess = NULL;
    int code;
    it_str_init(&near, w->o->run.alloc);
    if (it_run_nearest(&w->plan, w->id, &near))
        guess = it_str_c(&near);
    else if (w->read)
        guess = it_results_nearest(&w->r, w->id);
    if (guess)
        code = it_cli_fail(IT_EXIT_USAGE, "no case \"%s\" in %s; did you mean %s?", w->id, of, guess);
    else if (w->plan.n == 0)
        code = it_cli_fail(
            IT_EXIT_USAGE,
            "no case \"%s\" in %s, the latest run there; write its scenario behind it: icetank %s %s PATH, or "
            "--out DIR",
            w->id, of, w->o->command, w->id);
    else
        code = it_cli_fail(IT_EXIT_USAGE, "no case \"%s\" in %s", w->id, of);
    it_str_fini(&near);
    return code;
}

static int no_case(wanted *w)
{
    if (w->plan.n == 0 && access(ROOT, R_OK) == 0)
        return no_case_below(w);
    if (w->read || w->plan.n > 0)
        return no_case_in(w);
    return it_cli_fail(IT_EXIT_USAGE,
                       "no case \"%s\": there is no %s and no folder %s here; --out DIR names the folder of a run, and "
                       "a PATH behind the id its scenario",
                       w->id, w->results, ROOT);
}

/* |file| as the run named it that wrote the results, in |path|: where that is not there from here, as it lies beside
 * the folder of the results or further up, as it does for a run that was begun there. */
static void find_file(const wanted *w, const char *file, char path[4096])
{
    char up[4096];
    snprintf(path, 4096, "%s", file);
    if (access(path, R_OK) == 0 || *file == '/')
        return;
    snprintf(up, sizeof up, "%s/..", w->o->run.out);
    for (int i = 0; i < 4; i++) {
        char try[8200];
        struct stat st;
        int n = snprintf(try, sizeof try, "%s/%s", up, file);
        if (n < 4096 && stat(try, &st) == 0 && S_ISREG(st.st_mode)) {
            snprintf(path, 4096, "%.4095s", try);
            return;
        }
        size_t k = strlen(up);
        snprintf(up + k, sizeof up - k, "/..");
    }
}

/* Plans the case's file: the PATHs named, else the one its result names, else the one below scenarios/ that its id
 * begins with. -1 when the case is found. */
static int plan_wanted(wanted *w)
{
    char err[IT_RUN_ERR] = "", below[4096];
    it_run_cfg *cfg = &w->o->run;
    char *one[1];
    if (cfg->n_paths > 1) {
        cfg->paths++;
        cfg->n_paths--;
    } else if (w->old && *it_results_str(w->old, "file")) {
        find_file(w, it_results_str(w->old, "file"), below);
        if (access(below, R_OK) < 0)
            return it_cli_fail(IT_EXIT_USAGE, "%s: %s; name the file behind the id", below, strerror(errno));
        one[0] = below;
        cfg->paths = one;
    } else if (it_run_file_of(ROOT, w->id, below, sizeof below)) {
        one[0] = below;
        cfg->paths = one;
    } else {
        return no_case(w);
    }
    if (w->old && !w->o->seed_given && json_object_get(w->r.plan, "seed"))
        cfg->seed = (uint64_t)json_integer_value(json_object_get(w->r.plan, "seed"));
    int rc = it_run_plan(cfg, &w->plan, err);
    cfg->paths = NULL;
    cfg->n_paths = 0;
    if (rc < 0)
        return it_cli_fail(rc == IT_ERR_NOMEM ? IT_EXIT_INTERNAL : IT_EXIT_USAGE, "%s", err);
    w->at = it_run_find(&w->plan, w->id);
    return w->at < 0 ? no_case(w) : -1;
}

/* Runs the case, recorded. -1 when there is a result. */
static int run_wanted(wanted *w)
{
    char err[IT_RUN_ERR] = "";
    bool interrupted = false;
    w->o->run.pcap = IT_PCAP_ALL;
    w->o->run.progress = false;
    it_run_cfg cfg = w->o->run;
    cfg.out = w->again;
    int rc = it_run_one(&cfg, &w->plan, (size_t)w->at, &w->line, &interrupted, err);
    if (rc < 0)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", *err ? err : it_err_str(rc));
    if (interrupted)
        return it_cli_fail(IT_EXIT_INTERRUPTED, "interrupted");
    w->now = json_loads(it_str_c(&w->line), JSON_ALLOW_NUL, NULL);
    return w->now ? -1 : it_cli_fail(IT_EXIT_INTERNAL, "the result of %s cannot be read", w->id);
}

/* |v| as text without the path of the scenario, which is another from another folder; NULL: no memory. */
static char *without_path(const json_t *v, const char *file)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    size_t n = strlen(file);
    if (!text || n == 0)
        return text;
    for (char *p = text; (p = strstr(p, file));)
        memmove(p, p + n, strlen(p + n) + 1);
    return text;
}

/* True when member |key| of |old| and |now| is the same but for where the scenario's file is. */
static bool same_member(const json_t *old, const json_t *now, const char *key)
{
    const json_t *a = json_object_get(old, key), *b = json_object_get(now, key);
    if (json_equal(a, b))
        return true;
    char *x = without_path(a, it_results_str(old, "file")), *y = without_path(b, it_results_str(now, "file"));
    bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

/* The first member in which old and new differ, not counting where files are; NULL when none does. */
static const char *difference(const json_t *old, const json_t *now)
{
    static const char *const APART[] = {"capture", "trace", "keep", "repeat", "file", "fingerprint"};
    const char *key;
    json_t *v;
    if (!json_equal(json_object_get(old, "fingerprint"), json_object_get(now, "fingerprint")))
        return "fingerprint";
    json_object_foreach((json_t *)(uintptr_t)now, key, v)
    {
        bool apart = false;
        for (size_t i = 0; i < sizeof APART / sizeof *APART; i++)
            apart = apart || strcmp(key, APART[i]) == 0;
        if (!apart && !same_member(old, now, key))
            return key;
    }
    return NULL;
}

static int judge_replay(const wanted *w)
{
    const char *print = it_results_str(w->now, "fingerprint");
    bool same_seed = w->old && json_equal(json_object_get(w->old, "seed"), json_object_get(w->now, "seed"));
    const char *differs = same_seed ? difference(w->old, w->now) : NULL;
    if (differs) {
        printf("%s: DIFFERENT in its %s\n", w->id, differs);
        if (strcmp(differs, "fingerprint") == 0)
            printf("  now      %s\n  before   %s   %s\n", print, it_results_str(w->old, "fingerprint"), w->results);
    } else if (same_seed) {
        printf("%s: identical\n  fingerprint  %s\n", w->id, print);
    } else {
        printf("%s: %s; nothing to compare with: %s has no result of it%s\n  fingerprint  %s\n", w->id,
               it_results_str(w->now, "verdict"), w->results, w->old ? " under this seed" : "", print);
    }
    if (*it_results_str(w->now, "capture"))
        printf("  capture      %s/%s\n  trace        %s/%s\n", w->again, it_results_str(w->now, "capture"), w->again,
               it_results_str(w->now, "trace"));
    else if (*it_results_str(w->now, "error"))
        printf("  error        %s\n", it_results_str(w->now, "error"));
    return differs ? IT_EXIT_INTERNAL : IT_EXIT_EXPECTED;
}

int it_cmd_replay(it_cli *o)
{
    wanted w;
    int code = open_wanted(&w, o);
    if (code < 0)
        code = plan_wanted(&w);
    if (code < 0)
        code = run_wanted(&w);
    if (code < 0)
        code = judge_replay(&w);
    close_wanted(&w);
    return code;
}

/* Whether the |what| ("trace", "capture") of |line| is below |dir|; its |path|. */
static bool has_file(const char *dir, const json_t *line, const char *what, char path[8192])
{
    const char *name = it_results_str(line, what);
    snprintf(path, 8192, "%s/%s", dir, name);
    return *name && access(path, R_OK) == 0;
}

/* Runs the case again for what the folder does not have. -1 when that went well and, if |seen|, the same. */
static int look_again(wanted *w, bool seen)
{
    int code = plan_wanted(w);
    if (code < 0)
        code = run_wanted(w);
    const char *differs = code < 0 && seen ? difference(w->old, w->now) : NULL;
    return differs
               ? it_cli_fail(IT_EXIT_INTERNAL, "%s: run again it differs from %s in its %s", w->id, w->results, differs)
               : code;
}

static int draw_ladder(const wanted *w, const char *path)
{
    char err[512] = "";
    putchar('\n');
    if (!*path)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s: there is no trace to draw", w->id);
    return it_ladder_text(w->o->run.alloc, path, stdout, err) < 0 ? it_cli_fail(IT_EXIT_INTERNAL, "%s", err)
                                                                  : IT_EXIT_EXPECTED;
}

/* Prints the case, as it was |seen| in an earlier run or else as it ran now; with --ladder its trace, at |path| in the
 * former. Returns the exit code. */
static int show_case(const it_cli *o, wanted *w, bool seen, char path[8192])
{
    if (w->now && !has_file(w->again, w->now, "trace", path))
        *path = '\0';
    if (seen)
        it_report_case(w->old, o->run.out, o->program, stdout, it_cli_color());
    else
        it_report_case(w->now, w->again, o->program, stdout, it_cli_color());
    if (o->ladder)
        return draw_ladder(w, path);
    return IT_EXIT_EXPECTED;
}

int it_cmd_show(it_cli *o)
{
    wanted w;
    char path[8192] = "";
    int code = open_wanted(&w, o);
    bool seen = w.old && !o->seed_given;
    bool traced = seen && has_file(o->run.out, w.old, "trace", path);
    if (code < 0 && (!seen || (o->ladder && !traced)))
        code = look_again(&w, seen);
    if (code < 0)
        code = show_case(o, &w, seen, path);
    close_wanted(&w);
    return code;
}

int it_cli_capture(it_cli *o, char path[8192])
{
    wanted w;
    int code = open_wanted(&w, o);
    bool seen = w.old && !o->seed_given;
    if (code < 0 && !(seen && has_file(o->run.out, w.old, "capture", path))) {
        code = look_again(&w, seen);
        if (code < 0 && !has_file(w.again, w.now, "capture", path))
            code = it_cli_fail(IT_EXIT_INTERNAL, "%s: there is no capture", w.id);
    }
    close_wanted(&w);
    return code;
}
