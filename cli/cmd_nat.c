/* nat: every NAT profile measured and judged in a world of its own. */
#include "cli/args.h"

#include "conformance/nat/table.h"
#include "lab/run/pool.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    it_cli *o;
    it_profiles *profiles;
    it_expect expect;
    const it_profile **v; /* what is examined */
    size_t n;
    it_nat_result *results; /* by profile */
} job;

/* Why |p| cannot be measured, NULL when it can. */
static const char *unmeasured(const it_profile *p)
{
    bool npt = p->u.nat.family == 66;
    return p->unsupported ? p->unsupported
           : npt          ? "translates prefixes and keeps no state: nothing of RFC 4787 to measure"
                          : NULL;
}

static bool profile_known(void *profiles, const char *name)
{
    const it_profile *p = it_profiles_box(profiles, name);
    return p && p->kind == IT_PROFILE_NAT;
}

/* Picks the profiles that were named, or all; -1 when that worked, else the exit code. */
static int pick_profiles(job *j)
{
    size_t all = it_profiles_count(j->profiles, IT_PROFILE_NAT);
    j->v = it_calloc(j->o->run.alloc, all + (size_t)j->o->run.n_paths, sizeof *j->v);
    if (!j->v)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    for (int i = 0; i < j->o->run.n_paths; i++) {
        const char *name = j->o->run.paths[i];
        const it_profile *near = it_profiles_near(j->profiles, name, 1u << IT_PROFILE_NAT);
        const it_profile *other = it_profiles_box(j->profiles, name);
        if (other && !profile_known(j->profiles, name))
            return it_cli_fail(
                IT_EXIT_USAGE,
                "nat: \"%s\" is %s, and only NATs are measured; icetank oracle %s none says what it lets pass", name,
                other->kind == IT_PROFILE_CHAIN_OF ? "a chain of boxes" : "no NAT but a firewall policy", name);
        if (!other)
            return it_cli_fail(IT_EXIT_USAGE,
                               near ? "nat: no profile \"%s\"; did you mean \"%s\"?" : "nat: no profile \"%s\"", name,
                               near ? near->name : "");
        j->v[j->n++] = it_profiles_box(j->profiles, name);
    }
    for (size_t i = 0; i < all && j->o->run.n_paths == 0; i++)
        j->v[j->n++] = it_profiles_nth(j->profiles, IT_PROFILE_NAT, i);
    return -1;
}

static int open_bench(void *self, char err[IT_POOL_ERR])
{
    (void)self, (void)err;
    return 0;
}

static void close_bench(void *self)
{
    (void)self;
}

/* In a worker: profile |i|; its result goes back as it lies in memory, to the same program. */
static int examine(void *self, size_t i, it_str *out, char err[IT_POOL_ERR])
{
    job *j = self;
    const it_profile *p = j->v[i];
    it_alloc *a = j->o->run.alloc;
    if (unmeasured(p))
        return 0;
    it_nat_result *r = it_malloc(a, sizeof *r);
    int rc = r ? it_nat_examine(r, a, p->name, &p->u.nat, &j->expect, j->o->run.seed) : IT_ERR_NOMEM;
    if (rc == 0)
        it_str_put(out, r, sizeof *r);
    else
        snprintf(err, IT_POOL_ERR, "nat: %s: %s", p->name, it_err_str(rc));
    it_free(a, r);
    return rc;
}

static int take_line(void *self, size_t i, it_bytes text, char err[IT_POOL_ERR])
{
    job *j = self;
    (void)err;
    if (text.n == sizeof *j->results)
        memcpy(&j->results[i], text.p, text.n);
    return 0;
}

static int report_died(void *self, size_t i, const char *why, char err[IT_POOL_ERR])
{
    snprintf(err, IT_POOL_ERR, "nat: %s: %s", ((job *)self)->v[i]->name, why);
    return IT_ERR_STATE;
}

/* Shares the profiles out among workers. -1 when all came back, else the exit code. */
static int work_all(job *j)
{
    char err[IT_POOL_ERR] = "";
    bool interrupted = false;
    it_pool_cfg cfg = {j->o->run.alloc, j->o->run.jobs, 0, j->n};
    it_pool_ops ops = {
        .self = j, .open = open_bench, .work = examine, .close = close_bench, .done = take_line, .died = report_died};
    j->results = it_calloc(j->o->run.alloc, j->n + 1, sizeof *j->results);
    if (!j->results)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    if (it_pool_run(&cfg, &ops, &interrupted, err) < 0)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", err);
    return interrupted ? it_cli_fail(IT_EXIT_INTERRUPTED, "interrupted") : -1;
}

static void print_json(const job *j, it_str *out)
{
    const char *separator = "[\n";
    for (size_t i = 0; i < j->n; i++) {
        if (unmeasured(j->v[i]))
            continue;
        it_str_puts(out, separator);
        it_nat_json(out, &j->results[i]);
        separator = ",\n";
    }
    it_str_puts(out, "\n]\n");
}

static void print_text(const job *j, it_str *out)
{
    size_t good = 0, done = 0, as_expected = 0, verdicts = 0;
    bool details = j->o->run.n_paths > 0;
    if (!details)
        it_nat_heading(out);
    for (size_t i = 0; i < j->n; i++) {
        const it_nat_result *r = &j->results[i];
        if (unmeasured(j->v[i])) {
            it_str_printf(out, "%-23s not measured: %s\n", j->v[i]->name, unmeasured(j->v[i]));
            continue;
        }
        if (details)
            it_nat_details(out, r);
        else {
            it_nat_line(out, r);
            it_nat_surprises(out, r);
        }
        done++;
        good += r->differs == 0;
        verdicts += r->n_reqs;
        as_expected += r->n_reqs - (size_t)r->unexpected;
    }
    it_str_printf(out, "declared = measured for %zu of %zu profiles; %zu of %zu verdicts on requirements as expected\n",
                  good, done, as_expected, verdicts);
}

static int tell_verdict(const job *j)
{
    it_str out;
    int code = IT_EXIT_EXPECTED;
    it_str_init(&out, j->o->run.alloc);
    (j->o->json ? print_json : print_text)(j, &out);
    for (size_t i = 0; i < j->n; i++)
        if (j->results[i].differs || j->results[i].unexpected)
            code = IT_EXIT_UNEXPECTED;
    if (out.oom)
        code = it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    else
        fputs(it_str_c(&out), stdout);
    it_str_fini(&out);
    return code;
}

int it_cmd_nat(it_cli *o)
{
    char err[IT_PROFILE_ERR] = "", why[IT_REQ_WHY] = "";
    job j = {.o = o, .profiles = it_profiles_builtin(o->run.alloc, err)};
    int code = -1;
    if (!j.profiles)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", err);
    if (it_expect_load(&j.expect, it_expect_builtin(), profile_known, j.profiles, why) < 0)
        code = it_cli_fail(IT_EXIT_INTERNAL, "%s", why);
    if (code < 0)
        code = pick_profiles(&j);
    if (code < 0)
        code = work_all(&j);
    if (code < 0)
        code = tell_verdict(&j);
    it_free(o->run.alloc, j.results);
    it_free(o->run.alloc, j.v);
    it_profiles_free(j.profiles);
    return code;
}
