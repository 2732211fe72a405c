/* nat: every NAT profile measured and judged in a world of its own. */
#include "lab/cli/args.h"

#include "base/near.h"
#include "conformance/nat/table.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct job {
    it_cli *o;
    it_profiles *profiles;
    it_expect expect;
    const it_profile **v; /* what is examined */
    size_t n;
    it_nat_result *results; /* shared with the workers */
} job;

/* Why |p| cannot be measured, NULL when it can. */
static const char *unmeasured(const it_profile *p)
{
    bool npt = p->u.nat.family == 66;
    return p->unsupported ? p->unsupported : npt ? "translates prefixes and keeps no state: nothing of RFC 4787 to measure" : NULL;
}

static bool known(void *profiles, const char *name)
{
    const it_profile *p = it_profiles_box(profiles, name);
    return p && p->kind == IT_PROFILE_NAT;
}

/* Picks the profiles that were named, or all; -1 when that worked, else the exit code. */
static int pick(job *j)
{
    size_t all = it_profiles_count(j->profiles, IT_PROFILE_NAT);
    j->v = it_calloc(j->o->run.alloc, all + (size_t)j->o->run.n_paths, sizeof *j->v);
    if (!j->v)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    for (int i = 0; i < j->o->run.n_paths; i++) {
        const char *name = j->o->run.paths[i];
        const it_profile *near = it_profiles_near(j->profiles, name, 1u << IT_PROFILE_NAT);
        if (!known(j->profiles, name))
            return it_cli_fail(IT_EXIT_USAGE, near ? "nat: no profile \"%s\"; did you mean \"%s\"?" : "nat: no profile \"%s\"",
                               name, near ? near->name : "");
        j->v[j->n++] = it_profiles_box(j->profiles, name);
    }
    for (size_t i = 0; i < all && j->o->run.n_paths == 0; i++)
        j->v[j->n++] = it_profiles_nth(j->profiles, IT_PROFILE_NAT, i);
    return -1;
}

/* Examines every |step|-th profile from |first| on. */
static int work(job *j, size_t first, size_t step)
{
    for (size_t i = first; i < j->n; i += step) {
        const it_profile *p = j->v[i];
        if (!unmeasured(p) && it_nat_examine(&j->results[i], j->o->run.alloc, p->name, &p->u.nat, &j->expect, j->o->run.seed) < 0)
            return IT_EXIT_INTERNAL;
    }
    return IT_EXIT_EXPECTED;
}

/* Shares the profiles out among processes; their results lie in shared memory. */
static int work_all(job *j)
{
    int bad = 0, jobs = j->o->run.jobs, n = 0;
    size_t size = j->n * sizeof *j->results;
    j->results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (j->results == MAP_FAILED)
        return it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    fflush(NULL);
    for (; n < jobs; n++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(work(j, (size_t)n, (size_t)jobs));
        bad |= pid < 0;
    }
    for (int status; wait(&status) > 0;)
        bad |= !WIFEXITED(status) || WEXITSTATUS(status) != IT_EXIT_EXPECTED;
    return bad ? it_cli_fail(IT_EXIT_INTERNAL, "nat: a worker could not finish") : -1;
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
    it_str_printf(out, "declared = measured for %zu of %zu profiles; %zu of %zu verdicts on requirements as expected\n", good,
                  done, as_expected, verdicts);
}

static int tell(const job *j)
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
    if (it_expect_load(&j.expect, it_expect_builtin(), known, j.profiles, why) < 0)
        code = it_cli_fail(IT_EXIT_INTERNAL, "%s", why);
    if (code < 0)
        code = pick(&j);
    if (code < 0)
        code = work_all(&j);
    if (code < 0)
        code = tell(&j);
    if (j.results && j.results != MAP_FAILED)
        munmap(j.results, j.n * sizeof *j.results);
    it_free(o->run.alloc, j.v);
    it_profiles_free(j.profiles);
    return code;
}
