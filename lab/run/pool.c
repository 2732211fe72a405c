/* The parent's loop over its workers, and a worker's over its cases. */
#include "lab/run/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 200 /* how often the parent looks at the clock and for signals */

/* Set by the signal handler: a signal has no other way to speak to the loop. */
static volatile sig_atomic_t interrupted_by;

static void on_signal(int sig)
{
    interrupted_by = sig;
}

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
#define N_SIGNALS (sizeof SIGNALS / sizeof *SIGNALS)

/* What a worker sends before its text. */
typedef struct head {
    int32_t code;
    uint32_t n;
} head;

typedef struct worker {
    pid_t pid;    /* 0: none */
    int to, from; /* pipes, the parent's ends */
    size_t at;    /* its case */
    bool idle;    /* it has none */
    int64_t left; /* ms it may still take */
    bool stuck;   /* killed by us */
    it_str got;   /* bytes of its message so far */
} worker;

struct it_pool {
    const it_pool_cfg *cfg;
    const it_pool_ops *ops;
    worker *w;
    struct pollfd *fds; /* of |w| */
    int n;
    size_t next;  /* the next case nobody has */
    size_t *more; /* what else is to be done, first things first from |more_at| on */
    size_t n_more, cap_more, more_at;
    size_t open; /* cases that have not come back */
    bool stopped;
    pid_t parent;
};
typedef struct it_pool pool;

static bool read_all(int fd, void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t k = read(fd, (char *)p + at, n - at);
        if (k == 0 || (k < 0 && errno != EINTR))
            return false;
        at += k > 0 ? (size_t)k : 0;
    }
    return true;
}

static bool write_all(int fd, const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t k = write(fd, (const char *)p + at, n - at);
        if (k < 0 && errno != EINTR)
            return false;
        at += k > 0 ? (size_t)k : 0;
    }
    return true;
}

/* --- in a worker --- */

static int pool_say(int fd, int code, const void *p, size_t n)
{
    head h = {code, (uint32_t)n};
    return write_all(fd, &h, sizeof h) && write_all(fd, p, n) ? 0 : -1;
}

/* Works case |i| off and says to |to| what came of it. */
static int work_case(const pool *p, uint64_t i, int to, char err[IT_POOL_ERR])
{
    it_str out;
    it_str_init(&out, p->cfg->alloc);
    int rc = p->ops->work(p->ops->self, (size_t)i, &out, err), told;
    if (rc == 0 && out.oom)
        rc = IT_ERR_NOMEM;
    if (rc < 0 && !*err)
        snprintf(err, IT_POOL_ERR, "%s", it_err_str(rc));
    if (rc < 0)
        told = pool_say(to, rc, err, strlen(err));
    else
        told = pool_say(to, rc, it_str_c(&out), out.n);
    it_str_fini(&out);
    return told < 0 ? IT_ERR_IO : rc;
}

/* Takes cases until there are no more. Its exit code only matters when it says nothing. */
static int pool_work(const pool *p, int from, int to)
{
    char err[IT_POOL_ERR] = "";
    uint64_t i;
    int rc = p->ops->open(p->ops->self, err);
    if (rc < 0 && read_all(from, &i, sizeof i))
        (void)pool_say(to, rc, err, strlen(err));
    while (rc == 0 && read_all(from, &i, sizeof i))
        rc = work_case(p, i, to, err);
    p->ops->close(p->ops->self);
    return rc < 0 ? 1 : 0;
}

/* The coverage runtime's, in builds that measure coverage: a process that leaves by _exit has to ask for its counts. */
extern void __gcov_dump(void) __attribute__((weak));

static _Noreturn void be_worker(const pool *p, int from, int to)
{
    /* A worker ends when its parent says so, or with it; a Ctrl-C is the parent's to handle. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != p->parent)
        _exit(1);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    /* The other workers' pipes: who holds a copy hides their end. */
    for (int k = 0; k < p->n; k++)
        if (p->w[k].pid) {
            close(p->w[k].to);
            close(p->w[k].from);
        }
    int code = pool_work(p, from, to);
    if (__gcov_dump)
        __gcov_dump();
    _exit(code);
}

/* --- in the parent --- */

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool work_left(const pool *p)
{
    return p->more_at < p->n_more || p->next < p->cfg->n;
}

/* Gives |w| the next case; without one it waits. */
static void pool_give(pool *p, worker *w)
{
    w->idle = !work_left(p);
    it_str_clear(&w->got);
    if (w->idle)
        return;
    uint64_t i = p->more_at < p->n_more ? p->more[p->more_at++] : p->next++;
    w->at = (size_t)i;
    w->left = (int64_t)p->cfg->timeout_s * 1000;
    w->stuck = false;
    (void)write_all(w->to, &i, sizeof i); /* a worker that is gone shows by the end of its other pipe */
}

static int start_worker(pool *p, worker *w, char err[IT_POOL_ERR])
{
    int down[2] = {-1, -1}, up[2] = {-1, -1};
    if (pipe(down) == 0 && pipe(up) == 0) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            close(down[1]);
            close(up[0]);
            be_worker(p, down[0], up[1]);
        }
        if (pid > 0) {
            close(down[0]);
            close(up[1]);
            w->pid = pid;
            w->to = down[1];
            w->from = up[0];
            pool_give(p, w);
            return 0;
        }
    }
    snprintf(err, IT_POOL_ERR, "cannot start a worker process: %s", strerror(errno));
    int fds[] = {down[0], down[1], up[0], up[1]};
    for (int i = 0; i < 4; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return IT_ERR_LIMIT;
}

/* Closes the pipes of |w| and waits for its end. Returns its status. */
static int pool_finish(worker *w)
{
    int status = 0;
    close(w->to);
    close(w->from);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
    return status;
}

/* Worker |w| is gone without having said all: its case is lost, another worker takes its place. */
static int worker_lost(pool *p, worker *w, char err[IT_POOL_ERR])
{
    char why[128];
    bool stuck = w->stuck;
    int status = pool_finish(w);
    if (interrupted_by || w->idle)
        return 0;
    if (stuck)
        snprintf(why, sizeof why, "stuck: not finished after %d s", p->cfg->timeout_s);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "the worker process was ended by signal %d (%s) before this case was finished",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(why, sizeof why, "the worker process ended with code %d before this case was finished",
                 WEXITSTATUS(status));
    p->open--;
    int rc = p->ops->died(p->ops->self, w->at, why, err);
    return rc < 0 || !work_left(p) ? rc : start_worker(p, w, err);
}

/* Takes what |w| has sent; when that is a whole message, hands it on and gives the next case. */
static int take_answer(pool *p, worker *w, char err[IT_POOL_ERR])
{
    char buf[65536];
    ssize_t k = read(w->from, buf, sizeof buf);
    if (k < 0)
        return errno == EINTR ? 0 : worker_lost(p, w, err);
    if (k == 0)
        return worker_lost(p, w, err);
    it_str_put(&w->got, buf, (size_t)k);
    if (w->got.oom) {
        snprintf(err, IT_POOL_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    head h;
    if (w->got.n < sizeof h)
        return 0;
    memcpy(&h, w->got.p, sizeof h);
    if (w->got.n < sizeof h + h.n)
        return 0;
    const char *text = w->got.p + sizeof h;
    if (h.code < 0) {
        snprintf(err, IT_POOL_ERR, "%.*s", (int)h.n, text);
        return h.code;
    }
    p->open--;
    int rc = p->ops->done(p->ops->self, w->at, it_bytes_of(text, h.n), err);
    if (rc == 0)
        pool_give(p, w);
    return rc;
}

int it_pool_add(it_pool *p, size_t i)
{
    if (it_grow(p->cfg->alloc, &p->more, &p->cap_more, p->n_more + 1, sizeof *p->more) < 0)
        return IT_ERR_NOMEM;
    p->more[p->n_more++] = i;
    p->open++;
    return 0;
}

void it_pool_stop(it_pool *p)
{
    p->stopped = true;
}

/* Whoever waits gets what has been added. When all that were started are gone, a new one is. */
static int pool_wake(pool *p, char err[IT_POOL_ERR])
{
    int rc = 0;
    for (int k = 0; k < p->n && work_left(p) && rc == 0; k++)
        if (!p->w[k].pid)
            rc = start_worker(p, &p->w[k], err);
        else if (p->w[k].idle)
            pool_give(p, &p->w[k]);
    return rc;
}

/* Kills whoever has had its time. */
static void pool_watch(pool *p, int64_t passed)
{
    for (int k = 0; k < p->n && p->cfg->timeout_s > 0; k++) {
        worker *w = &p->w[k];
        if (!w->pid || w->idle || w->stuck)
            continue;
        /* When the whole program was stopped for a while, its workers were too. */
        w->left -= passed > 2 * LOOK_MS ? 2 * LOOK_MS : passed;
        if (w->left < 0) {
            w->stuck = true;
            kill(w->pid, SIGKILL);
        }
    }
}

/* Starts every worker; where the system refuses one, those before it have to do. */
static int start_all(pool *p, char err[IT_POOL_ERR])
{
    for (int k = 0; k < p->n; k++) {
        int rc = start_worker(p, &p->w[k], err);
        if (rc < 0 && k == 0)
            return rc;
        if (rc < 0)
            p->n = k;
    }
    return 0;
}

/* Waits for messages and takes them. */
static int take_messages(pool *p, char err[IT_POOL_ERR])
{
    int rc = 0;
    for (int k = 0; k < p->n; k++)
        p->fds[k] = (struct pollfd){.fd = p->w[k].pid ? p->w[k].from : -1, .events = POLLIN};
    int ready = poll(p->fds, (nfds_t)p->n, LOOK_MS);
    for (int k = 0; k < p->n && ready > 0 && rc == 0 && !p->stopped; k++)
        if (p->fds[k].revents)
            rc = take_answer(p, &p->w[k], err);
    return rc;
}

static int pool_loop(pool *p, char err[IT_POOL_ERR])
{
    int rc = start_all(p, err);
    for (int64_t then = clock_ms(); rc == 0 && p->open > 0 && !interrupted_by && !p->stopped;) {
        rc = take_messages(p, err);
        if (rc == 0 && !p->stopped)
            rc = pool_wake(p, err);
        int64_t now = clock_ms();
        pool_watch(p, now - then);
        then = now;
    }
    return rc;
}

/* Catches the signals that end a run, or with |old| alone gives them back to who had them. */
static void catch_signals(bool ours, struct sigaction old[N_SIGNALS])
{
    struct sigaction sa = {.sa_handler = on_signal};
    for (size_t i = 0; i < N_SIGNALS; i++) {
        sa.sa_handler = SIGNALS[i] == SIGPIPE ? SIG_IGN : on_signal; /* a worker that is gone is seen, not died of */
        if (ours)
            sigaction(SIGNALS[i], &sa, &old[i]);
        else
            sigaction(SIGNALS[i], &old[i], NULL);
    }
}

/* Makes room for |n| workers. Returns 0 or IT_ERR_NOMEM with a message. */
static int make_room(pool *p, int n, char err[IT_POOL_ERR])
{
    p->w = it_calloc(p->cfg->alloc, (size_t)n + 1, sizeof *p->w);
    p->fds = it_calloc(p->cfg->alloc, (size_t)n + 1, sizeof *p->fds);
    if (!p->w || !p->fds) {
        snprintf(err, IT_POOL_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    p->n = n;
    for (int k = 0; k < n; k++)
        it_str_init(&p->w[k].got, p->cfg->alloc);
    return 0;
}

/* Ends every worker: one that is at a case nobody waits for is killed. */
static void end_workers(pool *p, int n)
{
    for (int k = 0; k < n; k++)
        if (p->w[k].pid && !p->w[k].idle)
            kill(p->w[k].pid, SIGKILL);
    for (int k = 0; k < n; k++) {
        if (p->w[k].pid)
            (void)pool_finish(&p->w[k]);
        it_str_fini(&p->w[k].got);
    }
}

/* How many workers |cfg| asks for that have something to do. */
static int worker_count(const it_pool_cfg *cfg)
{
    int n = cfg->jobs < 1 ? 1 : cfg->jobs;
    if (n > IT_POOL_JOBS_MAX)
        n = IT_POOL_JOBS_MAX;
    return (size_t)n > cfg->n ? (int)cfg->n : n;
}

int it_pool_run(const it_pool_cfg *cfg, const it_pool_ops *ops, bool *interrupted, char err[IT_POOL_ERR])
{
    struct sigaction old[N_SIGNALS];
    pool p = {.cfg = cfg, .ops = ops, .open = cfg->n, .parent = getpid()};
    int n = worker_count(cfg), rc = make_room(&p, n, err);
    interrupted_by = 0;
    catch_signals(true, old);
    if (rc == 0 && ops->begin)
        ops->begin(ops->self, &p);
    if (rc == 0) {
        rc = pool_loop(&p, err);
        end_workers(&p, n);
    }
    it_free(cfg->alloc, p.more);
    it_free(cfg->alloc, p.fds);
    it_free(cfg->alloc, p.w);
    catch_signals(false, old);
    *interrupted = interrupted_by != 0;
    return rc;
}
