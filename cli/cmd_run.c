/* run, list, report: whole plans and whole folders. */
#include "cli/args.h"

#include "reports/report.h"
#include "reports/text/text.h"

#include <stdio.h>

/* Plans; -1 when there is something to do, else the exit code after a message. */
static int plan_or_fail(it_cli *o, it_plan *plan)
{
    char err[IT_RUN_ERR] = "";
    int rc = it_run_plan(&o->run, plan, err);
    if (rc == IT_ERR_NOTFOUND)
        return it_cli_fail(IT_EXIT_NOTHING, "%s", err);
    if (rc < 0)
        return it_cli_fail(rc == IT_ERR_NOMEM ? IT_EXIT_INTERNAL : IT_EXIT_USAGE, "%s", err);
    return plan->n == 0 ? it_cli_fail(IT_EXIT_NOTHING, "no scenario found below %s", o->run.paths[0]) : -1;
}

/* The code for what went wrong between files that the command line names: those to be read are the user's to name
 * right. */
static int code_of(int rc)
{
    return rc == IT_ERR_NOTFOUND || rc == IT_ERR_PARSE ? IT_EXIT_USAGE : IT_EXIT_INTERNAL;
}

/* Makes the files and prints the summary; -1 when all went well. */
static int write_reports(it_cli *o, const char *dir)
{
    char err[512] = "";
    int rc = it_report_write(o->run.alloc, dir, err);
    if (rc == 0)
        rc = it_report_print(o->run.alloc, dir, stdout, it_cli_color(), err);
    return rc < 0 ? it_cli_fail(code_of(rc), "%s", err) : -1;
}

static int run_plan(it_cli *o, const it_plan *plan)
{
    char err[IT_RUN_ERR] = "";
    it_run_count n = {0};
    int rc = it_run_all(&o->run, plan, &n, err);
    if (rc < 0)
        return it_cli_fail(rc == IT_ERR_CRYPTO || rc == IT_ERR_LIMIT ? IT_EXIT_ENVIRONMENT : IT_EXIT_INTERNAL, "%s",
                           err);
    if (n.interrupted)
        return it_cli_fail(IT_EXIT_INTERRUPTED, "interrupted: %d of %d cases are finished and kept in %s/results.jsonl",
                           n.total - n.missing, n.total, o->run.out);
    int code = write_reports(o, o->run.out);
    if (code >= 0)
        return code;
    return n.fail || n.error || n.problems || n.changed ? IT_EXIT_UNEXPECTED
           : n.pass                                     ? IT_EXIT_EXPECTED
                                                        : IT_EXIT_NOTHING;
}

int it_cmd_run(it_cli *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    if (code < 0)
        code = run_plan(o, &plan);
    it_plan_fini(&plan);
    return code;
}

int it_cmd_list(it_cli *o)
{
    it_plan plan;
    it_plan_init(&plan, o->run.alloc);
    int code = plan_or_fail(o, &plan);
    for (size_t i = 0; code < 0 && i < plan.n; i++)
        puts(plan.v[i].id);
    it_plan_fini(&plan);
    return code < 0 ? IT_EXIT_EXPECTED : code;
}

int it_cmd_report(it_cli *o)
{
    int code = write_reports(o, o->run.paths[0]);
    return code < 0 ? IT_EXIT_EXPECTED : code;
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
