/* Runs scripts through both firewalls, compares, shrinks what differs. */
#include "tests/groundtruth/fw.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXAMPLES 5  /* differences printed in full by a worker */
#define WORKERS 60  /* that sleep side by side */
#define SALTS 60000 /* used again when the fragments of before have timed out */
#define CHUNK 5000  /* scripts in a namespace: this kernel's forwards no IPv6 any more after some 20,000 */

typedef struct tally {
    uint32_t same, differ, passed, dropped;
} tally;

typedef struct runner {
    fw_side *kernel, *model;
    bool slow;
    uint16_t salt;
    fw_script s;
    fw_seen k, m;
    tally *sum;
} runner;

static void see_all(fw_side *side, fw_seen *seen, int hops)
{
    gt_raw p;
    seen->n = 0;
    for (int dev = 0; dev < 2; dev++)
        while (side->take(side, dev, &p))
            fw_see(seen, dev, &p, hops);
}

static bool same(const fw_seen *a, const fw_seen *b)
{
    bool ok = a->n == b->n;
    for (uint32_t i = 0; ok && i < a->n; i++)
        ok = a->v[i].dev == b->v[i].dev && a->v[i].n == b->v[i].n && !memcmp(a->v[i].b, b->v[i].b, a->v[i].n);
    return ok;
}

/* Does step |t| on both sides; whether it was the same. */
static bool run_step(runner *r, const fw_step *t)
{
    if (t->wait) {
        r->model->wait(r->model, r->kernel->wait(r->kernel, t->wait));
        return true;
    }
    r->kernel->send(r->kernel, t->dev, &t->p);
    r->model->send(r->model, t->dev, &t->p);
    see_all(r->kernel, &r->k, 1); /* it is a router */
    see_all(r->model, &r->m, 0);
    if (r->k.n)
        r->sum->passed++;
    else
        r->sum->dropped++;
    return same(&r->k, &r->m);
}

/* The steps of |seed| that |mask| keeps: the step that differs, or -1. */
static int run_script(runner *r, uint64_t seed, uint64_t mask)
{
    r->salt = (uint16_t)(r->salt % SALTS + 1);
    fw_generate(&r->s, seed, r->salt, r->slow);
    r->kernel->begin(r->kernel, r->s.timer);
    r->model->begin(r->model, r->s.timer);
    for (uint32_t i = 0; i < r->s.n; i++)
        if ((mask >> i & 1) && !run_step(r, &r->s.v[i]))
            return (int)i;
    return -1;
}

/* Leaves out of |mask| what the difference at step |at| does not need. */
static uint64_t shrink(runner *r, uint64_t seed, uint64_t mask, int at)
{
    bool again = true;
    mask &= (2ULL << at) - 1;
    while (again) {
        again = false;
        for (int i = at - 1; i >= 0; i--) {
            if (!(mask >> i & 1) || run_script(r, seed, mask & ~(1ULL << i)) != at)
                continue;
            mask &= ~(1ULL << i);
            again = true;
        }
    }
    return mask;
}

static void print_seen(const char *who, const fw_seen *s)
{
    printf("  %s:", who);
    for (uint32_t i = 0; i < s->n; i++)
        printf(" %u bytes %s%s", s->v[i].n, s->v[i].dev == GT_IN ? "inside" : "outside",
               s->v[i].pieces ? " in pieces" : "");
    printf("%s\n", s->n ? "" : " nothing");
}

static void print_difference(runner *r, uint64_t seed, uint64_t mask, int at)
{
    printf("seed %llu mask %llx%s, IPv%d:\n", (unsigned long long)seed, (unsigned long long)mask,
           r->slow ? " slow" : "", r->s.v[at].p.b[0] >> 4);
    for (int i = 0; r->slow && i < FW_TIMERS; i++)
        printf("%s%u", i ? " " : "  timers ", r->s.timer[i]);
    if (r->slow)
        printf("\n");
    for (int i = 0; i <= at; i++)
        if (mask >> i & 1)
            printf("  %2d %s %s\n", i, r->s.v[i].wait ? "" : r->s.v[i].dev == GT_IN ? "out" : "in ", r->s.v[i].text);
    print_seen("kernel", &r->k);
    print_seen("we    ", &r->m);
    if (!r->m.n)
        printf("  we drop: %s\n", fw_model_why(r->model));
    fflush(stdout);
}

static void differ(runner *r, uint64_t seed, int at, uint32_t *shown)
{
    r->sum->differ++;
    if ((*shown)++ >= EXAMPLES)
        return;
    uint64_t mask = r->slow ? (2ULL << at) - 1 : shrink(r, seed, UINT64_MAX, at);
    if (!r->slow)
        (void)run_script(r, seed, mask);
    print_difference(r, seed, mask, at);
}

static int replay(runner *r, const char *text)
{
    unsigned long long seed, mask;
    if (sscanf(text, "%llu %llx", &seed, &mask) != 2) {
        fprintf(stderr, "groundtruth: --replay of the firewall wants \"SEED MASK\"\n");
        return 2;
    }
    int at = run_script(r, seed, mask);
    if (at >= 0)
        print_difference(r, seed, mask, at);
    else
        printf("firewall: equal\n");
    return at >= 0;
}

typedef struct plan {
    uint64_t seed;
    bool slow;
    const char *replay; /* NULL: none */
} plan;

/* Every |stride|-th script from |first| to |last| in this process, which enters a namespace of its own. */
static int work(tally *sum, const plan *p, uint32_t first, uint32_t last, uint32_t stride)
{
    static runner r;
    char why[256] = "";
    uint32_t shown = 0;
    r = (runner){.model = fw_model_new(why), .slow = p->slow, .sum = sum};
    r.kernel = r.model ? fw_kernel_new(why) : NULL;
    if (!r.kernel) {
        printf("SKIP groundtruth: %s\n", why);
        return 77;
    }
    if (p->replay)
        return replay(&r, p->replay);
    for (uint32_t i = first; i < last; i += stride) {
        int at = run_script(&r, p->seed + i, UINT64_MAX);
        if (at >= 0)
            differ(&r, p->seed + i, at, &shown);
        else
            sum->same++;
    }
    return sum->differ ? 1 : 0;
}

static pid_t start(tally *sum, const plan *p, uint32_t first, uint32_t last, uint32_t stride)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int rc = work(sum, p, first, last, stride);
    fflush(stdout);
    _exit(rc);
}

/* Scripts |first| to |last| in |n| workers side by side, each with a namespace of its own; adds to |all|. */
static int run_workers(tally *all, const plan *p, uint32_t first, uint32_t last, uint32_t n)
{
    static tally *sum;
    pid_t pid[WORKERS];
    int worst = 0;
    if (!sum)
        sum = mmap(NULL, WORKERS * sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sum == MAP_FAILED)
        return 1;
    memset(sum, 0, WORKERS * sizeof *sum);
    for (uint32_t i = 0; i < n; i++)
        pid[i] = start(&sum[i], p, first + i, last, n);
    for (uint32_t i = 0; i < n; i++) {
        int status = 1;
        bool ended = pid[i] > 0 && waitpid(pid[i], &status, 0) > 0 && WIFEXITED(status);
        int rc = ended ? WEXITSTATUS(status) : 1;
        worst = rc > worst ? rc : worst;
        all->same += sum[i].same;
        all->differ += sum[i].differ;
        all->passed += sum[i].passed;
        all->dropped += sum[i].dropped;
    }
    return worst;
}

int gt_firewall(uint32_t scripts, uint64_t seed, bool slow, const char *text)
{
    plan p = {seed, slow, text};
    tally all = {0};
    int worst = 0;
    if (text)
        return run_workers(&all, &p, 0, 1, 1);
    uint32_t each = slow ? scripts : CHUNK;
    for (uint32_t first = 0; first < scripts; first += each) {
        uint32_t last = scripts - first < each ? scripts : first + each, n = slow ? WORKERS : 1;
        int rc = run_workers(&all, &p, first, last, n < last - first ? n : last - first);
        if (rc == 77)
            return 77;
        worst = rc > worst ? rc : worst;
    }
    printf("%-22s %6u %sscripts  %6u equal  %4u unexplained  packets: %u passed, %u dropped\n",
           "firewall outbound-only", scripts, slow ? "slow " : "", all.same, all.differ, all.passed, all.dropped);
    return worst || all.same != scripts;
}
