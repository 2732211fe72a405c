/* Scripts that are kept: each says what it shows, and is run again. */
#include "tests/groundtruth/gt.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPLAYS 64
#define EQUAL "equal"
#define SKIPPED 77

/* --- a file --- */

static const char *read_line(gt_replay *p, char *line)
{
    line[strcspn(line, "\n")] = 0;
    if (!strncmp(line, "case ", 5)) {
        p->c = gt_case_find(line + 5);
        return p->c ? NULL : "no such case";
    }
    if (!strncmp(line, "shows ", 6)) {
        snprintf(p->shows, sizeof p->shows, "%s", line + 6);
        return NULL;
    }
    if (!*line)
        return NULL;
    return gt_read_line(line, &p->s) ? NULL : "not a step, or one too many";
}

bool gt_replay_read(gt_replay *p, const char *file, const gt_case *c)
{
    char line[256];
    uint32_t at = 0;
    const char *wrong = NULL;
    *p = (gt_replay){.c = c};
    FILE *f = fopen(file, "r");
    if (!f) {
        fprintf(stderr, "groundtruth: cannot read %s\n", file);
        return false;
    }
    for (; !wrong && fgets(line, sizeof line, f); at++)
        wrong = read_line(p, line);
    fclose(f);
    if (!wrong && !p->c)
        wrong = "no case: a line \"case NAME\" is missing";
    if (!wrong && p->s.n == 0)
        wrong = "no steps";
    if (wrong)
        fprintf(stderr, "%s:%u: %s\n", file, at, wrong);
    p->slow = p->s.timer[0] != 0;
    return !wrong;
}

/* --- running --- */

/* In a process of its own: the namespace ends with it. */
static int run_here(const gt_replay *p, const char *file, bool loud)
{
    char why[256] = "";
    uint32_t map_s = p->slow ? GT_SLOW_MAP : 0;
    gt_result r;
    gt_side *m = gt_model_new(p->c, map_s, why), *k = m ? gt_kernel_new(p->c, map_s, why) : NULL;
    if (!k) {
        printf("SKIP groundtruth: %s\n", why);
        return SKIPPED;
    }
    gt_compare(&p->s, p->c, k, m, &r);
    const char *shows = r.at == p->s.n ? EQUAL : r.what;
    bool last = r.at + 1 >= p->s.n; /* a difference before the end is another one */
    bool ok = last && !strcmp(shows, *p->shows ? p->shows : EQUAL);
    if (loud || !ok) {
        printf("%s: %s, step %u of %u: %s\n", file, p->c->name, r.at == p->s.n ? r.at : r.at + 1, p->s.n, shows);
        gt_print_seen("kernel", &r.kernel);
        gt_print_seen("we    ", &r.model);
    }
    if (!ok && *p->shows)
        printf("  it should show: %s\n", p->shows);
    return ok ? 0 : 1;
}

int gt_replay_run(const char *file, const gt_case *c)
{
    gt_replay p;
    if (!gt_replay_read(&p, file, c))
        return 2;
    return run_here(&p, file, true);
}

/* --- all --- */

typedef struct kept {
    char path[512];
    const char *name; /* in |path| */
    gt_replay p;
    pid_t pid;
    int rc;
} kept;

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_text(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && !strcmp(e->d_name + n - 4, ".txt");
}

/* The files of |dir|, in order of their names, into |v|: how many; -1 when one of them makes no sense. */
static int read_all(kept *v, const char *dir)
{
    struct dirent **e;
    int n = scandir(dir, &e, is_text, by_name), bad = n < 0 || n > REPLAYS;
    if (bad)
        fprintf(stderr, "groundtruth: cannot read %s\n", dir);
    for (int i = 0; i < n; i++) {
        if (!bad) {
            snprintf(v[i].path, sizeof v[i].path, "%s/%s", dir, e[i]->d_name);
            v[i].name = strrchr(v[i].path, '/') + 1;
            bad = !gt_replay_read(&v[i].p, v[i].path, NULL);
        }
        if (!bad && !*v[i].p.shows) {
            fprintf(stderr, "%s: a line \"shows equal\" or \"shows SIGNATURE\" is missing\n", v[i].path);
            bad = 1;
        }
        free(e[i]);
    }
    if (n >= 0)
        free(e);
    return bad ? -1 : n;
}

/* The first of |v| that shows line |k| of the differences; NULL: none does. */
static const kept *shower(const kept *v, int n, const gt_known *k)
{
    char name[64];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s%s", v[i].p.slow ? "slow " : "", v[i].p.c->name);
        if (!strcmp(v[i].name, k->replay) && !strcmp(name, k->name) && !strcmp(v[i].p.shows, k->what))
            return &v[i];
    }
    return NULL;
}

/* How many lines of |d| none of |v| shows. */
static int unshown(const kept *v, int n, const gt_differences *d)
{
    int bad = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        if (shower(v, n, &d->v[i]))
            continue;
        printf("groundtruth: %s: %s: no replay called \"%s\" says that it shows this\n", d->v[i].name, d->v[i].what,
               d->v[i].replay);
        bad++;
    }
    return bad;
}

static void start(kept *v)
{
    fflush(stdout);
    v->pid = fork();
    if (v->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int rc = run_here(&v->p, v->path, false);
    fflush(stdout);
    _exit(rc);
}

static int wait_for(const kept *v)
{
    int status = 0;
    bool ended = v->pid > 0 && waitpid(v->pid, &status, 0) > 0 && WIFEXITED(status);
    return ended ? WEXITSTATUS(status) : 1;
}

int gt_replay_all(const char *dir, const gt_differences *d)
{
    static kept v[REPLAYS];
    int n = read_all(v, dir), skipped = 0, equal = 0, differ = 0;
    if (n < 0)
        return 2;
    int lines = unshown(v, n, d);
    for (int i = 0; i < n; i++)
        start(&v[i]);
    for (int i = 0; i < n; i++) {
        v[i].rc = wait_for(&v[i]);
        bool is_equal = !strcmp(v[i].p.shows, EQUAL);
        skipped += v[i].rc == SKIPPED;
        equal += v[i].rc == 0 && is_equal;
        differ += v[i].rc == 0 && !is_equal;
    }
    int failed = n - skipped - equal - differ;
    printf("%-22s %6d files  %4d equal and %d differ, as they say, %d do not; %d of %u explained lines not shown\n",
           "replays", n, equal, differ, failed, lines, d->n);
    if (failed || lines)
        return 1;
    return skipped ? SKIPPED : 0;
}
