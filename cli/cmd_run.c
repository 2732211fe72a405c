/* run, list, report, export: whole plans and whole folders. */
#include "cli/args.h"

#include "reports/read/results.h"
#include "reports/report.h"
#include "reports/text/text.h"

#include <stdio.h>
#include <string.h>

/* Plans; -1 when there is something to do, else the exit code after a message. */
static int plan_or_fail(it_cli *o, it_plan *plan)
{
    char err[IT_RUN_ERR] = "";
    int rc = it_run_plan(&o->run, plan, err);
    if (rc == IT_ERR_NOTFOUND)
        return it_cli_fail(IT_EXIT_NOTHING, "%s", err);
    if (rc < 0)
        return it_cli_fail(rc == IT_ERR_NOMEM ? IT_EXIT_INTERNAL : IT_EXIT_USAGE, "%s", err);
    if (plan->n == 0 && o->last_failed)
        return it_cli_fail(IT_EXIT_NOTHING, "no case of %s failed in %s/results.jsonl", o->run.paths[0], o->failed_in);
    return plan->n == 0 ? it_cli_fail(IT_EXIT_NOTHING, "no scenario found below %s", o->run.paths[0]) : -1;
}

/* The code for what went wrong between files that the command line names: those to be read are the user's to name
 * right. */
static int code_of(int rc)
{
    return rc == IT_ERR_NOTFOUND || rc == IT_ERR_PARSE ? IT_EXIT_USAGE : IT_EXIT_INTERNAL;
}

/* Makes the files and prints the summary by one reading of the results. Errors as it_report_write. */
static int write_and_print(it_cli *o, const it_summary_cfg *cfg, it_report_count *n, char err[512])
{
    it_summary *s = it_summary_new(o->run.alloc, cfg);
    const it_results_watch watch = {s, it_summary_line};
    if (!s) {
        snprintf(err, 512, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    int rc = it_report_write(o->run.alloc, cfg->dir, &watch, err);
    if (rc == 0)
        it_summary_end(s, n);
    it_summary_free(s);
    return rc;
}

/* Makes the files, unless they are not wanted, and prints the summary, with |cases| every failure; the exit code says
 * how the run went. */
static int write_reports(it_cli *o, const char *dir, bool cases)
{
    char err[512] = "";
    it_report_count n = {.pass = 0};
    const it_summary_cfg cfg = {dir, o->program, stdout, cases, it_cli_color()};
    int rc = o->no_report ? it_report_print(o->run.alloc, &cfg, &n, err) : write_and_print(o, &cfg, &n, err);
    if (rc < 0)
        return it_cli_fail(code_of(rc), "%s", err);
    if (n.fail || n.error || n.problems || !n.whole)
        return IT_EXIT_UNEXPECTED;
    return n.pass ? IT_EXIT_EXPECTED : IT_EXIT_NOTHING;
}

/* --- run --- */

/* Prints failures while the run goes on. */
typedef struct teller {
    const it_cli *o;
    size_t printed;
} teller;

static void print_failure(void *self, const char *line)
{
    teller *t = self;
    json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
    if (c && it_report_failure(c, t->o->run.out, t->o->program, t->printed, stdout, it_cli_color())) {
        t->printed++;
        fflush(stdout);
    }
    json_decref(c);
}

/* An interrupted run: what is finished has its report like any other. */
static int run_interrupted(it_cli *o, const it_run_count *n)
{
    char err[IT_RUN_ERR] = "";
    int rc = o->no_report ? 0 : it_report_write(o->run.alloc, o->run.out, NULL, err);
    const char *lacks = rc < 0 ? "; no report: " : "", *why = rc < 0 ? err : "";
    return it_cli_fail(IT_EXIT_INTERRUPTED, "interrupted: %d of %d cases are finished and kept in %s/results.jsonl%s%s",
                       n->total - n->missing, n->total, o->run.out, lacks, why);
}

static void run_tell_unrecorded(const it_cli *o, int n)
{
    if (n > 0)
        printf("%d kind%s of failure without a capture: more than %d MB; --pcap-limit allows more\n", n,
               n == 1 ? "" : "s", o->run.pcap_mb);
}

static int run_plan(it_cli *o, const it_plan *plan)
{
    char err[IT_RUN_ERR] = "";
    it_run_count n = {0};
    teller t = {.o = o};
    o->run.told = print_failure;
    o->run.self = &t;
    int rc = it_run_all(&o->run, plan, &n, err);
    if (rc < 0)
        return it_cli_fail(rc == IT_ERR_CRYPTO || rc == IT_ERR_LIMIT ? IT_EXIT_ENVIRONMENT : IT_EXIT_INTERNAL, "%s",
                           err);
    if (n.interrupted)
        return run_interrupted(o, &n);
    int code = write_reports(o, o->run.out, false);
    if (code == IT_EXIT_EXPECTED || code == IT_EXIT_UNEXPECTED || code == IT_EXIT_NOTHING)
        printf(o->no_report ? "results: %s/results.jsonl\n" : "report: %s/index.html\n", o->run.out);
    run_tell_unrecorded(o, n.unrecorded);
    return code;
}

static int plan_and_run(it_cli *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    if (code < 0)
        code = run_plan(o, &plan);
    it_plan_fini(&plan);
    return code;
}

/* What was not as predicted in an earlier run: the ids of those cases and the files they come from, each once. Texts
 * are the results'. */
typedef struct failed {
    it_results r;
    const char **ids;
    char **files;
    size_t n_ids, n_files;
} failed;

static bool has_file(const failed *f, const char *file)
{
    bool has = false;
    for (size_t i = 0; i < f->n_files && !has; i++)
        has = strcmp(f->files[i], file) == 0;
    return has;
}

/* Reads DIR/results.jsonl. -1 when something there was not as predicted, else the exit code after a message. */
static int read_failed(it_cli *o, failed *f)
{
    char err[512] = "", path[4200];
    snprintf(path, sizeof path, "%s/results.jsonl", o->run.out);
    int rc = it_results_skim(&f->r, o->run.alloc, NULL, path, err);
    if (rc < 0)
        return it_cli_fail(code_of(rc), "%s", err);
    f->ids = it_calloc(o->run.alloc, f->r.n + 1, sizeof *f->ids);
    f->files = it_calloc(o->run.alloc, f->r.n + 1, sizeof *f->files);
    if (!f->ids || !f->files)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    for (size_t i = 0; i < f->r.n; i++) {
        const char *verdict = it_results_str(f->r.v[i], "verdict"), *file = it_results_str(f->r.v[i], "file");
        if (strcmp(verdict, "fail") != 0 && strcmp(verdict, "error") != 0)
            continue;
        f->ids[f->n_ids++] = it_results_str(f->r.v[i], "case");
        if (!has_file(f, file))
            f->files[f->n_files++] = (char *)(uintptr_t)file; /* as argv has it; nobody writes there */
    }
    if (f->n_ids == 0)
        return it_cli_fail(IT_EXIT_NOTHING, "%s: every case there is as predicted", path);
    o->run.ids = f->ids;
    o->run.n_ids = f->n_ids;
    if (!o->seed_given)
        o->run.seed = (uint64_t)it_results_int(f->r.plan, "seed", 1);
    if (o->run.n_paths == 0) {
        o->run.paths = f->files;
        o->run.n_paths = (int)f->n_files;
    }
    return -1;
}

/* Where a run that chooses cases writes when the command line does not say: beside the results it chose from. */
static int choose_folder(it_cli *o, char again[4200])
{
    o->failed_in = o->run.out;
    if (!o->last_failed && (o->out_given || o->run.n_only == 0))
        return -1;
    if (snprintf(again, 4200, "%s/again", o->run.out) >= 4096)
        return it_cli_fail(IT_EXIT_USAGE, "--out: the path is too long");
    o->run.out = again;
    return -1;
}

/* What hosts that are devices of this machine ask for: one case at a time has a device, and no run of it can be
 * recorded later. Reads |o|->trust_file into |roots|, the caller's. -1, or the exit code after a message. */
static int prepare_edges(it_cli *o, char **roots)
{
    char err[IT_RUN_ERR];
    if (o->trust_file && !o->run.n_edges)
        return it_cli_fail(IT_EXIT_USAGE, "--trust: is of use with --edge alone");
    if (!o->run.n_edges)
        return -1;
    o->run.jobs = 1;
    o->run.pcap = IT_PCAP_ALL;
    if (!o->trust_file)
        return -1;
    *roots = it_run_slurp(o->run.alloc, o->trust_file, &o->run.roots.n, err);
    if (!*roots)
        return it_cli_fail(IT_EXIT_USAGE, "--trust: %s", err);
    o->run.roots.p = (const uint8_t *)*roots;
    return -1;
}

int it_cmd_run(it_cli *o)
{
    failed f = {.n_ids = 0};
    char again[4200], *roots = NULL;
    int code = prepare_edges(o, &roots);
    if (code < 0 && o->last_failed)
        code = read_failed(o, &f);
    if (code < 0)
        code = choose_folder(o, again);
    if (code < 0)
        code = plan_and_run(o);
    it_free(o->run.alloc, f.ids);
    it_free(o->run.alloc, f.files);
    it_free(o->run.alloc, roots);
    if (o->last_failed)
        it_results_free(&f.r);
    return code;
}

/* --- list, report, export --- */

static void put_case(it_json *j, const it_case *c, uint64_t seed)
{
    it_json_obj(j, NULL);
    it_json_str(j, "case", c->id);
    it_json_str(j, "file", c->file);
    it_json_str(j, "title", c->title);
    it_json_str(j, "model", c->model);
    it_json_raw(j, "cell", c->cell);
    it_json_int(j, "seed", (int64_t)seed + c->k - 1);
    it_json_end_obj(j);
}

/* The cases of |plan| as a JSON list, an object a case with what its result will say of where it comes from. */
static int list_json(const it_cli *o, const it_plan *plan)
{
    it_str out;
    it_json j;
    it_str_init(&out, o->run.alloc);
    it_json_init(&j, &out);
    it_json_arr(&j, NULL);
    for (size_t i = 0; i < plan->n && !out.oom; i++) {
        it_case c;
        if (it_plan_case(plan, i, &c) < 0) {
            out.oom = true;
            break;
        }
        put_case(&j, &c, o->run.seed);
        it_case_fini(plan->alloc, &c);
    }
    it_json_end_arr(&j);
    it_json_newline(&j);
    int code = IT_EXIT_EXPECTED;
    if (out.oom)
        code = it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    else
        fputs(it_str_c(&out), stdout);
    it_str_fini(&out);
    return code;
}

static int list_ids(const it_cli *o, const it_plan *plan)
{
    it_str id;
    it_str_init(&id, o->run.alloc);
    for (size_t i = 0; i < plan->n && !id.oom; i++) {
        it_plan_id(plan, i, &id);
        if (!id.oom)
            puts(it_str_c(&id));
    }
    bool whole = !id.oom;
    it_str_fini(&id);
    return whole ? IT_EXIT_EXPECTED : it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
}

int it_cmd_list(it_cli *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    if (code < 0 && o->json) {
        code = list_json(o, &plan);
    } else if (code < 0) {
        code = list_ids(o, &plan);
    }
    it_plan_fini(&plan);
    return code;
}

int it_cmd_report(it_cli *o)
{
    return write_reports(o, o->run.paths[0], true);
}

int it_cmd_export(it_cli *o)
{
    char err[512] = "";
    uint64_t n = 0;
    int rc = it_export_pcap(o->run.paths[0], o->run.paths[1], &n, err);
    if (rc < 0)
        return it_cli_fail(code_of(rc), "%s", err);
    printf("%llu packets\n", (unsigned long long)n);
    return IT_EXIT_EXPECTED;
}
