/* groundtruth: compares profiles with the kernel. Exit status 0: as expected, 1: a difference that nobody has
 * explained, 2: wrong arguments or files, 77: this machine cannot (no root, no namespaces, no TUN, no nftables).
 *
 *     groundtruth [--scripts N] [--seed N] [--case NAME] [--slow] [--limits] [--differences FILE] [-v]
 *     groundtruth --replay FILE [--case NAME]             one script, as it was printed
 *     groundtruth --replays DIR [--differences FILE]      all that are kept: each must show what it says it shows
 *     groundtruth --firewall [--scripts N] [--seed N] [--slow] [--replay "SEED MASK"]
 *     groundtruth --interop DIR [--case NAME]             our TCP with the kernel's, captures into DIR unless it is -
 *     groundtruth --discovery FILE [--case NAME]          STUN programs and ours, through each profile
 *     groundtruth --clients [--case NAME]                 upnpc and natpmpc ask our boxes for ports */
#include "tests/groundtruth/fw.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KINDS 64
#define WORKERS 100                                        /* that sleep side by side */
#define CHUNK 5000                                         /* scripts in a namespace */
#define EXAMPLES 40                                        /* unexplained differences printed in full */
#define DROPS "iifname \"out0\" ct state new,invalid drop" /* an input chain that leaves the box silent */

typedef struct options {
    uint32_t scripts;
    uint64_t seed;
    const char *only, *replay, *replays, *differences, *interop, *discovery, *media;
    bool slow, verbose, clients, firewall, limits;
    gt_differences known;
} options;

typedef struct kind {
    char what[200];
    uint32_t n;
    bool known;
    gt_script script; /* the smallest example */
    gt_result result;
} kind;

typedef struct tally {
    uint32_t same, differ, unknown, n;
    uint64_t did[4];
    kind v[KINDS];
} tally;

/* --- telling --- */

static void print_kind(const char *name, const kind *k)
{
    printf("%s: %s (%u scripts, %s)\n", name, k->what, k->n, k->known ? "explained" : "UNEXPLAINED");
    printf("case %s\nshows %s\n", name, k->what);
    gt_print(stdout, &k->script);
    gt_print_seen("kernel", &k->result.kernel);
    gt_print_seen("we    ", &k->result.model);
}

/* Counts the difference |r| of |s| with those of its signature, the explained ones apart. */
static void count(tally *t, const options *o, const gt_case *c, const gt_script *s, const gt_result *r)
{
    bool known = gt_explained(&o->known, c->name, o->slow, s, r);
    uint32_t i = 0;
    t->differ++;
    t->unknown += !known;
    while (i < t->n && (strcmp(t->v[i].what, r->what) || t->v[i].known != known))
        i++;
    if (i == KINDS)
        return;
    if (i == t->n) {
        t->n++;
        t->v[i] = (kind){.script = *s, .result = *r, .known = known};
        memcpy(t->v[i].what, r->what, sizeof r->what);
    }
    t->v[i].n++;
    if (s->n < t->v[i].script.n) {
        t->v[i].script = *s;
        t->v[i].result = *r;
    }
}

/* --- running --- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int report(const options *o, const gt_case *c, const tally *t, double took)
{
    uint32_t shown = 0, all = t->same + t->differ;
    for (uint32_t i = 0; i < t->n; i++)
        if (o->verbose || (!t->v[i].known && shown++ < EXAMPLES))
            print_kind(c->name, &t->v[i]);
    uint32_t share = all ? (uint32_t)((uint64_t)t->same * 100000 / all) : 0;
    printf("%-22s %6u scripts  %6u equal  %3u.%03u %%  %4u explained  %4u unexplained", c->name, all, t->same,
           share / 1000, share % 1000, t->differ - t->unknown, t->unknown);
    printf("  %5.0f/s  steps: %llu out, %llu in, %llu answered by ICMP, %llu dropped\n", all / (took > 0 ? took : 1),
           (unsigned long long)t->did[0], (unsigned long long)t->did[1], (unsigned long long)t->did[2],
           (unsigned long long)t->did[3]);
    return t->unknown || share < 99900 ? 1 : 0;
}

/* What scripts of |c| may have. */
static gt_gen gen_of(const gt_case *c, bool slow)
{
    return (gt_gen){.tcp = !c->hairpin,
                    .icmp = !slow || !c->hairpin,
                    .slow = slow,
                    .raw = true,
                    .answers = strncmp(c->input, DROPS, strlen(DROPS)) != 0,
                    .own_ports = c->hairpin,
                    .one_way = c->one_way,
                    .edm = c->random};
}

/* Both sides of a case, in a namespace that ends with this process. */
static int make_sides(const gt_case *c, uint32_t map_s, gt_side **k, gt_side **m)
{
    char why[256] = "";
    *m = gt_model_new(c, map_s, why);
    *k = *m ? gt_kernel_new(c, map_s, why) : NULL;
    if (*k)
        return 0;
    printf("SKIP groundtruth: %s\n", why);
    return 77;
}

/* The scripts |first| to |last|. */
static int run_chunk(const options *o, const gt_case *c, uint32_t first, uint32_t last, tally *t)
{
    gt_gen g = gen_of(c, false);
    gt_side *m, *k;
    if (make_sides(c, 0, &k, &m))
        return 77;
    for (uint32_t i = first; i < last; i++) {
        gt_script s;
        gt_result r;
        gt_generate(&s, o->seed + i, &g);
        gt_compare(&s, c, k, m, &r);
        for (int d = 0; d < 4; d++)
            t->did[d] += r.did[d];
        if (r.at == s.n) {
            t->same++;
            continue;
        }
        gt_shrink(&s, c, k, m, &r);
        count(t, o, c, &s, &r);
    }
    return 0;
}

/* Memory that children share. */
static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "groundtruth: no memory\n");
        exit(1);
    }
    return p;
}

/* Begins a process that dies with this one; 0 in it. */
static pid_t start_child(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    return pid;
}

static void end_child(int rc)
{
    fflush(stdout);
    _exit(rc);
}

static int status_of(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}

static int run_limits(const gt_case *c)
{
    gt_side *m, *k;
    int rc = make_sides(c, 0, &k, &m);
    return rc ? rc : gt_limits(c->name, k, m);
}

/* All scripts of |c|, each chunk of them in a process and a namespace of its own. */
static int run_case(const options *o, const gt_case *c)
{
    tally *t = shared(sizeof *t);
    int worst = 0;
    double start = seconds();
    for (uint32_t first = 0; first < o->scripts && !worst; first += CHUNK) {
        uint32_t last = o->scripts - first < CHUNK ? o->scripts : first + CHUNK;
        pid_t pid = start_child();
        if (pid == 0)
            end_child(run_chunk(o, c, first, last, t));
        worst = status_of(pid);
    }
    if (!worst)
        worst = report(o, c, t, seconds() - start);
    munmap(t, sizeof *t);
    if (!o->limits || worst == 77)
        return worst;
    pid_t pid = start_child();
    if (pid == 0)
        end_child(run_limits(c));
    return worst | status_of(pid);
}

/* --- slowly --- */

typedef struct score {
    uint32_t same, known, unknown;
} score;

/* The scripts |first|, |first| + |stride|, ... in a namespace of their own. */
static int slow_worker(const options *o, const gt_case *c, uint32_t first, uint32_t stride, score *sum)
{
    gt_gen g = gen_of(c, true);
    gt_side *m, *k;
    bool maps = c->filtering >= 0 && c->filtering != IT_NAT_APD;
    if (make_sides(c, GT_SLOW_MAP, &k, &m))
        return 77;
    for (uint32_t i = first; i < o->scripts; i += stride) {
        kind x = {.n = 1};
        gt_generate(&x.script, o->seed + i, &g);
        if (maps) /* a mapping lives as long as its flows */
            x.script.timer[GT_T_UDP] = x.script.timer[GT_T_UDP_STREAM] = GT_SLOW_MAP;
        gt_compare(&x.script, c, k, m, &x.result);
        if (x.result.at == x.script.n) {
            __atomic_fetch_add(&sum->same, 1, __ATOMIC_RELAXED);
            continue;
        }
        x.script.n = x.result.at + 1;
        memcpy(x.what, x.result.what, sizeof x.what);
        x.known = gt_explained(&o->known, c->name, true, &x.script, &x.result);
        __atomic_fetch_add(x.known ? &sum->known : &sum->unknown, 1, __ATOMIC_RELAXED);
        if (o->verbose || !x.known)
            print_kind(c->name, &x);
    }
    return 0;
}

/* Time-outs of a few seconds: many scripts sleep side by side, each worker in a namespace of its own. */
static int run_slow(const options *o, const gt_case *c)
{
    uint32_t n = o->scripts < WORKERS ? o->scripts : WORKERS;
    pid_t pid[WORKERS];
    int worst = 0;
    score *sum = shared(sizeof *sum);
    for (uint32_t i = 0; i < n; i++) {
        pid[i] = start_child();
        if (pid[i] == 0)
            end_child(slow_worker(o, c, i, n, sum));
    }
    for (uint32_t i = 0; i < n; i++) {
        int rc = status_of(pid[i]);
        worst = rc > worst ? rc : worst;
    }
    printf("%-22s %6u slow scripts  %4u equal  %4u explained  %4u unexplained\n", c->name, o->scripts, sum->same,
           sum->known, sum->unknown);
    if (!worst && (sum->unknown || sum->same + sum->known != o->scripts))
        worst = 1;
    munmap(sum, sizeof *sum);
    return worst;
}

static int read_options(options *o, int argc, char **argv)
{
    static const struct option LONG[] = {
        {"scripts", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"case", required_argument, NULL, 'c'},
        {"replay", required_argument, NULL, 'r'},
        {"replays", required_argument, NULL, 'a'},
        {"slow", no_argument, NULL, 'w'},
        {"interop", required_argument, NULL, 'i'},
        {"discovery", required_argument, NULL, 'y'},
        {"clients", no_argument, NULL, 'l'},
        {"firewall", no_argument, NULL, 'f'},
        {"limits", no_argument, NULL, 'm'},
        {"media", required_argument, NULL, 't'},
        {"differences", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    int x;
    while ((x = getopt_long(argc, argv, "v", LONG, NULL)) != -1) {
        switch (x) {
        case 'n':
            o->scripts = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            o->seed = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            o->only = optarg;
            break;
        case 'r':
            o->replay = optarg;
            break;
        case 'a':
            o->replays = optarg;
            break;
        case 'd':
            o->differences = optarg;
            break;
        case 'w':
            o->slow = true;
            break;
        case 'i':
            o->interop = optarg;
            break;
        case 'y':
            o->discovery = optarg;
            break;
        case 'l':
            o->clients = true;
            break;
        case 'f':
            o->firewall = true;
            break;
        case 'm':
            o->limits = true;
            break;
        case 't':
            o->media = optarg;
            break;
        case 'v':
            o->verbose = true;
            break;
        default:
            return 2;
        }
    }
    return 0;
}

/* One of the modes that have no scripts of NATs, or |*ran| stays false. */
static int run_other(const options *o, bool *ran)
{
    *ran = true;
    if (o->firewall)
        return gt_firewall(o->scripts, o->seed, o->slow, o->replay);
    if (o->clients)
        return gt_clients(o->only);
    if (o->discovery)
        return gt_discovery(o->discovery, o->only);
    if (o->interop)
        return gt_interop(strcmp(o->interop, "-") ? o->interop : NULL, o->only);
    if (o->media)
        return strcmp(o->media, "times") ? gt_media(strcmp(o->media, "quick") == 0, o->only) : gt_times();
    *ran = false;
    return 0;
}

int main(int argc, char **argv)
{
    static options o = {.scripts = 1000, .seed = 1};
    int worst = 0;
    bool ran;
    if (read_options(&o, argc, argv) != 0)
        return 2;
    worst = run_other(&o, &ran);
    if (ran)
        return worst;
    if (o.only && !gt_case_find(o.only)) {
        fprintf(stderr, "groundtruth: no case called %s\n", o.only);
        return 2;
    }
    if (!gt_differences_read(&o.known, o.differences))
        return 2;
    if (o.replay)
        return gt_replay_run(o.replay, o.only ? gt_case_find(o.only) : NULL);
    if (o.replays)
        return gt_replay_all(o.replays, &o.known);
    for (const gt_case *c = GT_CASES; c->name; c++) {
        if (o.only && strcmp(o.only, c->name) != 0)
            continue;
        int rc = o.slow ? run_slow(&o, c) : run_case(&o, c);
        if (rc == 77)
            return 77;
        worst = rc ? rc : worst;
    }
    return worst;
}
