/* groundtruth: compares profiles with the kernel. Exit status 0: as expected, 1: a difference that nobody has
 * explained, 77: this machine cannot (no root, no namespaces, no TUN, no nftables).
 *
 *     groundtruth [--scripts N] [--seed N] [--case NAME] [--slow] [--limits] [--differences FILE] [--replay FILE] [-v]
 *     groundtruth --firewall [--scripts N] [--seed N] [--slow] [--replay "SEED MASK"]    the stateful firewall, both
 * families groundtruth --interop DIR [--case NAME]      our TCP with the kernel's, captures into DIR unless it is -
 *     groundtruth --discovery FILE [--case NAME]   STUN programs and ours, through each profile; FILE is what is
 * expected groundtruth --clients [--case NAME]          upnpc and natpmpc ask our boxes for ports */
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
#define WORKERS 100
#define EXAMPLES 40
#define DROPS                                                                                                          \
    "iifname \"out0\" ct state new,invalid drop" /* an input chain that leaves the box silent */ /* unexplained        \
                                                                                                    differences        \
                                                                                                    printed in full */

typedef struct options {
    uint32_t scripts;
    uint64_t seed;
    const char *only, *replay, *differences, *interop, *discovery;
    bool slow, verbose, clients, firewall, limits;
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

/* --- explained differences --- */

/* A line of the file: case, signature, explanation, with tabs between. */
static bool explained(const char *file, const char *name, const char *what)
{
    char line[1024];
    bool found = false;
    FILE *f = file ? fopen(file, "r") : NULL;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *sig = strchr(line, '\t'), *why = sig ? strchr(sig + 1, '\t') : NULL;
        if (line[0] == '#' || !why)
            continue;
        *sig++ = 0;
        *why = 0;
        found = !strcmp(line, name) && !strcmp(sig, what);
    }
    if (f)
        fclose(f);
    return found;
}

/* --- telling --- */

static void print_seen(const char *who, const gt_seen *s)
{
    char line[512];
    if (s->n == 0)
        printf("  %s: nothing\n", who);
    for (uint32_t i = 0; i < s->n; i++) {
        gt_view_text(&s->v[i], line, sizeof line);
        printf("  %s: %s\n", who, line);
    }
}

static void print_kind(const char *name, const kind *k)
{
    printf("%s: %s (%u scripts, %s)\n", name, k->what, k->n, k->known ? "explained" : "UNEXPLAINED");
    gt_print(stdout, &k->script);
    print_seen("kernel", &k->result.kernel);
    print_seen("we    ", &k->result.model);
}

static void count(tally *t, const options *o, const gt_case *c, const gt_script *s, const gt_result *r)
{
    uint32_t i = 0;
    t->differ++;
    while (i < t->n && strcmp(t->v[i].what, r->what))
        i++;
    if (i == KINDS)
        i--;
    if (i == t->n) {
        t->n++;
        t->v[i] = (kind){.script = *s, .result = *r};
        memcpy(t->v[i].what, r->what, sizeof r->what);
        t->v[i].known = explained(o->differences, c->name, r->what);
    }
    t->v[i].n++;
    t->unknown += !t->v[i].known;
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

static int replay(const options *o, const gt_case *c, gt_side *k, gt_side *m)
{
    gt_script s;
    gt_result r;
    FILE *f = fopen(o->replay, "r");
    bool ok = f && gt_read(f, &s);
    if (f)
        fclose(f);
    if (!ok) {
        fprintf(stderr, "groundtruth: cannot read %s\n", o->replay);
        return 2;
    }
    gt_compare(&s, c, k, m, &r);
    if (r.at == s.n) {
        printf("%s: equal, the last step:\n", c->name);
        print_seen("kernel", &r.kernel);
        return 0;
    }
    printf("%s: step %u: %s\n", c->name, r.at + 1, r.what);
    print_seen("kernel", &r.kernel);
    print_seen("we    ", &r.model);
    return 1;
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

#define SLOW_MAP 4 /* s, the entries of a typed case's map */

/* One case in this process, which is given up afterwards: the namespace ends with it. */
static int run_case(const options *o, const gt_case *c)
{
    static tally t;
    char why[256] = "";
    uint32_t map_s = o->slow ? SLOW_MAP : 0;
    gt_gen g = {.tcp = !c->hairpin,
                .icmp = !o->slow,
                .slow = o->slow,
                .raw = true,
                .answers = strncmp(c->input, DROPS, strlen(DROPS)) != 0,
                .own_ports = c->hairpin,
                .one_way = c->one_way,
                .edm = c->random};
    gt_side *m = gt_model_new(c, map_s, why), *k = m ? gt_kernel_new(c, map_s, why) : NULL;
    if (!k) {
        printf("SKIP groundtruth: %s\n", why);
        return 77;
    }
    if (o->replay)
        return replay(o, c, k, m);
    double start = seconds();
    for (uint32_t i = 0; i < o->scripts; i++) {
        gt_script s;
        gt_result r;
        gt_generate(&s, o->seed + i, &g);
        gt_compare(&s, c, k, m, &r);
        for (int d = 0; d < 4; d++)
            t.did[d] += r.did[d];
        if (r.at == s.n) {
            t.same++;
            continue;
        }
        gt_shrink(&s, c, k, m, &r);
        count(&t, o, c, &s, &r);
    }
    int rc = report(o, c, &t, seconds() - start);
    return o->limits ? rc | gt_limits(c->name, k, m) : rc;
}

/* --- slowly --- */

typedef struct score {
    uint32_t same, differ;
} score;

/* The scripts |first|, |first| + |stride|, ... in a namespace of their own. */
static int slow_worker(const options *o, const gt_case *c, uint32_t first, uint32_t stride, score *sum)
{
    char why[256] = "";
    gt_gen g = {.slow = true,
                .raw = true,
                .answers = strncmp(c->input, DROPS, strlen(DROPS)) != 0,
                .icmp = !c->hairpin,
                .tcp = !c->hairpin,
                .own_ports = c->hairpin,
                .one_way = c->one_way,
                .edm = c->random};
    gt_side *m = gt_model_new(c, SLOW_MAP, why), *k = m ? gt_kernel_new(c, SLOW_MAP, why) : NULL;
    if (!k) {
        printf("groundtruth: %s\n", why);
        return 1;
    }
    for (uint32_t i = first; i < o->scripts; i += stride) {
        kind x = {.n = 1};
        gt_generate(&x.script, o->seed + i, &g);
        if (c->filtering >= 0 && c->filtering != IT_NAT_APD)
            x.script.timer[GT_T_UDP] = x.script.timer[GT_T_UDP_STREAM] =
                SLOW_MAP; /* a mapping lives as long as its flows */
        gt_compare(&x.script, c, k, m, &x.result);
        bool same = x.result.at == x.script.n;
        __atomic_fetch_add(same ? &sum->same : &sum->differ, 1, __ATOMIC_RELAXED);
        if (same)
            continue;
        x.script.n = x.result.at + 1;
        memcpy(x.what, x.result.what, sizeof x.what);
        char slow[64];
        snprintf(slow, sizeof slow, "slow %s", c->name);
        x.known = explained(o->differences, slow, x.what);
        print_kind(c->name, &x);
        if (!x.known)
            return 1;
    }
    return 0;
}

/* Time-outs of a few seconds: many scripts sleep side by side, each worker in a namespace of its own. */
static int run_slow(const options *o, const gt_case *c)
{
    uint32_t n = o->scripts < WORKERS ? o->scripts : WORKERS, ok = 0;
    pid_t pid[WORKERS];
    score *sum = mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sum == MAP_FAILED)
        return 1;
    fflush(stdout);
    for (uint32_t i = 0; i < n; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            int rc = slow_worker(o, c, i, n, sum);
            fflush(stdout);
            _exit(rc);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        int status = 1;
        ok += pid[i] > 0 && waitpid(pid[i], &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    printf("%-22s %6u slow scripts  %4u equal  %4u differ\n", c->name, o->scripts, sum->same, sum->differ);
    return ok == n && sum->same + sum->differ == o->scripts ? 0 : 1;
}

static int in_child(const options *o, const gt_case *c)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        int rc = o->slow && !o->replay ? run_slow(o, c) : run_case(o, c);
        fflush(stdout);
        _exit(rc);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int read_options(options *o, int argc, char **argv)
{
    static const struct option LONG[] = {
        {"scripts", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"case", required_argument, NULL, 'c'},
        {"replay", required_argument, NULL, 'r'},
        {"slow", no_argument, NULL, 'w'},
        {"interop", required_argument, NULL, 'i'},
        {"discovery", required_argument, NULL, 'y'},
        {"clients", no_argument, NULL, 'l'},
        {"firewall", no_argument, NULL, 'f'},
        {"limits", no_argument, NULL, 'm'},
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
        case 'v':
            o->verbose = true;
            break;
        default:
            return 2;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    options o = {.scripts = 1000, .seed = 1};
    int worst = 0;
    if (read_options(&o, argc, argv) != 0)
        return 2;
    if (o.firewall)
        return gt_firewall(o.scripts, o.seed, o.slow, o.replay);
    if (o.clients)
        return gt_clients(o.only);
    if (o.discovery)
        return gt_discovery(o.discovery, o.only);
    if (o.interop)
        return gt_interop(strcmp(o.interop, "-") ? o.interop : NULL, o.only);
    if (o.only && !gt_case_find(o.only)) {
        fprintf(stderr, "groundtruth: no case called %s\n", o.only);
        return 2;
    }
    for (const gt_case *c = GT_CASES; c->name; c++) {
        if (o.only && strcmp(o.only, c->name) != 0)
            continue;
        int rc = in_child(&o, c);
        if (rc == 77)
            return 77;
        worst = rc ? rc : worst;
    }
    return worst;
}
