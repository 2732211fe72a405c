/* Adapters as processes. */
#include "conformance/interop/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

it_time it_interop_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (it_time)t.tv_sec * IT_SEC + t.tv_nsec;
}

/* The child's side: never returns. */
static void proc_become(char *const argv[], int netns, const char *log, int in, int out, pid_t parent)
{
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    setpgid(0, 0); /* what it starts ends with it */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || err < 0)
        _exit(126);
    if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
        _exit(126);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* also what the run was started with */
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int it_interop_start(it_interop_proc *p, it_alloc *alloc, char *const argv[], int netns, const char *log)
{
    int in[2], out[2];
    pid_t self = getpid();
    *p = (it_interop_proc){.pid = -1, .in = -1, .out = -1};
    it_str_init(&p->read, alloc);
    if (pipe2(in, O_CLOEXEC) < 0)
        return IT_ERR_IO;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        close(in[1]);
        return IT_ERR_IO;
    }
    p->pid = fork();
    if (p->pid == 0)
        proc_become(argv, netns, log, in[0], out[1], self);
    if (p->pid > 0)
        (void)setpgid(p->pid, p->pid); /* whoever comes first */
    close(in[0]);
    close(out[1]);
    p->in = in[1];
    p->out = out[0];
    fcntl(p->in, F_SETFL, O_NONBLOCK);
    fcntl(p->out, F_SETFL, O_NONBLOCK);
    return p->pid < 0 ? IT_ERR_IO : 0;
}

static int proc_write(it_interop_proc *p, const char *text, size_t n, it_time end)
{
    while (n > 0) {
        ssize_t done = write(p->in, text, n);
        if (done > 0) {
            text += done;
            n -= (size_t)done;
            continue;
        }
        it_time left = end - it_interop_now();
        struct pollfd f = {p->in, POLLOUT, 0};
        if (errno != EAGAIN || left <= 0 || poll(&f, 1, (int)(left / IT_MS) + 1) < 0)
            return IT_ERR_IO;
    }
    return 0;
}

int it_interop_say(it_interop_proc *p, const char *line)
{
    it_time end = it_interop_now() + 2 * IT_SEC;
    int err = proc_write(p, line, strlen(line), end);
    return err < 0 ? err : proc_write(p, "\n", 1, end);
}

/* Drops what has been given away. */
static void proc_shift(it_interop_proc *p)
{
    size_t left = p->read.n - p->cut;
    if (p->cut == 0)
        return;
    memmove(p->read.p, p->read.p + p->cut, left);
    it_str_cut(&p->read, left);
    p->cut = 0;
}

/* Reads once: 1, or 0 when there is nothing now. */
static int proc_read(it_interop_proc *p)
{
    size_t had = p->read.n;
    char *room = it_str_room(&p->read, 4096);
    if (!room)
        return IT_ERR_NOMEM;
    ssize_t n = read(p->out, room, 4096);
    it_str_cut(&p->read, had + (n > 0 ? (size_t)n : 0));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    p->eof = n <= 0;
    return 1;
}

int it_interop_take(it_interop_proc *p)
{
    int more = 1;
    proc_shift(p);
    while (more > 0 && !p->eof && p->read.n <= IT_INTEROP_LINE)
        more = proc_read(p);
    if (more < 0)
        return more;
    bool whole = p->read.n == 0 || memchr(p->read.p, '\n', p->read.n);
    return !whole && p->read.n > IT_INTEROP_LINE ? IT_ERR_TOOBIG : 0;
}

bool it_interop_line_next(it_interop_proc *p, it_bytes *line)
{
    const char *begin = p->read.p + p->cut;
    const char *end = p->read.n > p->cut ? memchr(begin, '\n', p->read.n - p->cut) : NULL;
    if (!end)
        return false;
    *line = it_bytes_of((const uint8_t *)begin, (size_t)(end - begin));
    p->cut += line->n + 1;
    return true;
}

/* Waits until |p| has ended, and leaves it to be waited for, so that its number, and its group's, stay its own. What it
 * still says is taken off, as who cannot write his last words dies of SIGPIPE. */
static bool proc_ended(const it_interop_proc *p, it_time end)
{
    char words[4096];
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        if (p->out >= 0 && read(p->out, words, sizeof words) > 0 && it_interop_now() < end)
            continue;
        if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == p->pid)
            return true;
        if (it_interop_now() >= end)
            return false;
        poll(NULL, 0, 5);
    }
}

int it_interop_end(it_interop_proc *p, it_time patience, bool *killed)
{
    int status = 0;
    it_time end = it_interop_now() + patience;
    if (killed)
        *killed = false;
    if (p->in >= 0)
        close(p->in);
    it_str_fini(&p->read);
    if (p->pid > 0) {
        bool ended = proc_ended(p, end);
        if (killed)
            *killed = !ended;
        kill(-p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
    }
    if (p->out >= 0)
        close(p->out);
    p->pid = -1;
    return status;
}

/* The children of this process into |to|, at most |cap|; how many. */
static size_t children_of_self(pid_t *to, size_t cap)
{
    char path[64];
    long pid;
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *f = fopen(path, "re");
    while (f && n < cap && fscanf(f, "%ld", &pid) == 1)
        to[n++] = (pid_t)pid;
    if (f)
        fclose(f);
    return n;
}

static bool is_among(pid_t pid, const pid_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == pid)
            return true;
    return false;
}

void it_interop_end_children(const pid_t *except, size_t n)
{
    pid_t all[256];
    for (bool more = true; more;) { /* one that ends may leave others */
        size_t found = children_of_self(all, sizeof all / sizeof *all);
        more = false;
        for (size_t i = 0; i < found; i++) {
            if (is_among(all[i], except, n))
                continue;
            kill(all[i], SIGKILL);
            more = waitpid(all[i], NULL, 0) == all[i];
        }
    }
}
