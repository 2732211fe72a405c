/* Real programs and our NATs: two clients that others wrote tell the kind of each NAT44 profile, and our client does
 * against a server that others wrote. Every run has a namespace of its own and goes by the wall clock; many run side by
 * side, as they mostly wait.
 *
 *     turnutils_natdiscovery, stun | kernel 10.0.0.2 | TUN == NAT == our STUN server (RFC 5780, RFC 3489)
 *     our discovery (RFC 5780) == NAT == TUN | kernel 198.51.100.1, .2 | turnserver
 *
 * What is compared: the words of the clients with the file of expected ones; what coturn's client saw, and what ours
 * found with coturn's server, with what the profile declares; and the latter with all that ours finds with our own
 * server. */
#include "tests/groundtruth/gt.h"

#include "lab/judge/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROFILES 96
#define AT_ONCE 60  /* runs */
#define PATIENCE 60 /* s, of a run: the clients take ten */
#define WORDS 96
#define FIELDS 5

enum { MAPPING, SEEN, FILTERING, CLASSIC, OURS };
static const char *const FIELD[FIELDS] = {"its verdict on mapping", "the mapping it saw", "its verdict on filtering",
                                          "the verdict of RFC 3489", "ours with coturn's server"};

/* What came of a profile, written by its two runs. */
typedef struct found {
    const it_profile *p;
    char word[FIELDS][WORDS];
    char why[WORDS]; /* a run failed */
    bool skip;       /* it cannot be done on this machine */
} found;

static const char *dep(int d)
{
    static const char *const NAMES[] = {"?", "EI", "AD", "APD"};
    return NAMES[d];
}

/* --- in a namespace --- */

static bool fail(found *f, const char *what)
{
    if (!f->why[0])
        snprintf(f->why, sizeof f->why, "%s: %s", what, strerror(errno));
    return false;
}

/* A namespace with a device to the world, configured by |commands|; -1 and why. */
static int enter(found *f, const char *commands)
{
    if (unshare(CLONE_NEWNET) < 0) {
        f->skip = true;
        (void)fail(f, "no network namespace");
        return -1;
    }
    int fd = gt_tun_open("world");
    if (fd < 0) {
        f->skip = true;
        (void)fail(f, "no TUN device");
        return -1;
    }
    if (system("echo 1 >/proc/sys/net/ipv6/conf/world/disable_ipv6; ip link set lo up && ip link set world up") != 0 ||
        system(commands) != 0) {
        (void)fail(f, "ip");
        close(fd);
        return -1;
    }
    return fd;
}

/* Runs |command|, which ends with us, its output into |to|. Returns its pid. */
static pid_t start(char *const argv[], int to)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(to, 1);
    dup2(to, 2);
    execvp(argv[0], argv);
    _exit(127);
}

/* --- their clients --- */

/* The letters of "NAT with Address and Port Dependent |what|!", which |text| has somewhere. */
static void judged(char out[WORDS], const char *text, const char *what)
{
    static const char *const WORD[][2] = {
        {"Endpoint Independent", "EI"}, {"Address Dependent", "AD"}, {"Address and Port Dependent", "APD"}};
    char line[WORDS];
    snprintf(out, WORDS, "?");
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "NAT with %s %s!", WORD[i][0], what);
        if (strstr(text, line))
            snprintf(out, WORDS, "%s", WORD[i][1]);
    }
}

/* The |n|-th endpoint the client says it was seen as, or where it was answered from. */
static bool said(const char *text, const char *what, int n, char out[WORDS])
{
    const char *p = text;
    for (int i = 0; i <= n; i++) {
        p = strstr(p, what);
        if (!p)
            return false;
        p += strlen(what);
    }
    return sscanf(p, "%*[: ]%90[0-9.:]", out) == 1;
}

/* RFC 5780 section 4.3 by what the client says of its first requests, all from one port: it asks A1:P1, A2:P1, and,
 * unless both saw the same, one more, which RFC 5780 sends to A2:P2 and the client to the OTHER-ADDRESS of the second
 * answer. Against a server that follows section 6.1 that is A1:P2: an address dependent mapping looks to it like one
 * that depends on the port too.
 */
static void seen(char out[WORDS], const char *text)
{
    char m[3][WORDS], from[WORDS];
    snprintf(out, WORDS, "?");
    if (!said(text, "UDP reflexive addr", 0, m[0]) || !said(text, "UDP reflexive addr", 1, m[1]))
        return;
    if (strcmp(m[0], m[1]) == 0) {
        snprintf(out, WORDS, "EI");
        return;
    }
    /* the first "Response origin" is printed twice */
    if (!said(text, "UDP reflexive addr", 2, m[2]) || !said(text, "Response origin", 3, from))
        return;
    bool first = strncmp(from, "198.51.100.1:", 13) == 0;
    snprintf(out, WORDS, "%s", strcmp(m[2], m[first ? 0 : 1]) == 0 ? "AD" : "APD");
}

/* The words behind "Primary:". */
static void classic(char out[WORDS], const char *text)
{
    const char *p = strstr(text, "Primary: ");
    snprintf(out, WORDS, "?");
    if (p && sscanf(p + 9, "%95[^\t\n]", out) == 1)
        for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
            out[n - 1] = 0;
}

static bool real_client(found *f, it_alloc *a)
{
    static char text[65536];
    char *argv[] = {"sh", "-c",
                    "turnutils_natdiscovery -m -f -L 10.0.0.2 -l 40000 198.51.100.1; stun 198.51.100.1 -p 45000", NULL};
    int pipes[2], fd = enter(f, "ip addr add 10.0.0.2/24 dev world && ip route add default via 10.0.0.1");
    if (fd < 0)
        return false;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return fail(f, "pipe");
    pid_t pid = start(argv, pipes[1]);
    close(pipes[1]);
    it_lab_discover_cfg cfg = {
        .alloc = a, .seed = 1, .nat = &f->p->u.nat, .real = IT_LAB_REAL_CLIENT, .device = fd, .until = pipes[0]};
    int err = pid > 0 ? it_lab_discover(&cfg, NULL) : IT_ERR_IO;
    ssize_t n = 0;
    for (size_t len = 0; !err && (n = read(pipes[0], text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    if (err || n < 0)
        return fail(f, "the world of their clients");
    judged(f->word[MAPPING], text, "Mapping");
    seen(f->word[SEEN], text);
    judged(f->word[FILTERING], text, "Filtering");
    classic(f->word[CLASSIC], text);
    return true;
}

/* --- their server --- */

/* Waits until all four sockets of |port| and the next one are there. */
static bool listens(unsigned port)
{
    for (int tries = 0; tries < 500; tries++) {
        struct timespec t = {0, 20000000};
        char line[256];
        int n = 0;
        FILE *f = fopen("/proc/self/net/udp", "r");
        while (f && fgets(line, sizeof line, f)) {
            unsigned p;
            n += sscanf(line, " %*u: %*8[0-9A-F]:%4x", &p) == 1 && (p == port || p == port + 1);
        }
        if (f)
            fclose(f);
        if (n >= 4)
            return true;
        nanosleep(&t, NULL);
    }
    return false;
}

static bool same(const it_stun_behavior *a, const it_stun_behavior *b)
{
    return a->udp == b->udp && a->nat == b->nat && a->alg == b->alg && a->mapping == b->mapping &&
           a->filtering == b->filtering && a->hairpin == b->hairpin && a->fragments == b->fragments &&
           a->n_samples == b->n_samples;
}

static bool measure(found *f, it_alloc *a, int fd)
{
    it_stun_behavior real = {0}, ours = {0};
    it_lab_discover_cfg cfg = {.alloc = a, .seed = 1, .nat = &f->p->u.nat};
    if (it_lab_discover(&cfg, &ours) < 0)
        return fail(f, "our world");
    cfg.real = IT_LAB_REAL_SERVER;
    cfg.device = fd;
    if (it_lab_discover(&cfg, &real) < 0)
        return fail(f, "the world of their server");
    snprintf(f->word[OURS], WORDS, "%s %s%s", dep((int)real.mapping), dep((int)real.filtering),
             same(&real, &ours) ? "" : ", not as with ours");
    return true;
}

static bool real_server(found *f, it_alloc *a)
{
    char dir[] = "/tmp/groundtruth.XXXXXX", pid_file[64], db[64];
    int fd = enter(f, "ip addr add 198.51.100.1/32 dev world && ip addr add 198.51.100.2/32 dev world && "
                      "ip route add 203.0.113.0/24 dev world");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || null < 0 || !mkdtemp(dir))
        return fail(f, "a folder");
    snprintf(pid_file, sizeof pid_file, "%s/pid", dir);
    snprintf(db, sizeof db, "%s/db", dir);
    char *argv[] = {"turnserver",
                    "-n",
                    "-c",
                    "/dev/null",
                    "-S",
                    "--no-tls",
                    "--no-dtls",
                    "--no-tcp",
                    "--no-cli",
                    "-L",
                    "198.51.100.1",
                    "-L",
                    "198.51.100.2",
                    "-p",
                    "3478",
                    "--relay-threads",
                    "1",
                    "--log-file",
                    "stdout",
                    "--pidfile",
                    pid_file,
                    "--userdb",
                    db,
                    NULL};
    pid_t pid = start(argv, null);
    bool ok = listens(3478) ? measure(f, a, fd) : fail(f, "coturn does not listen");
    if (pid > 0) {
        kill(pid, SIGTERM);
        (void)waitpid(pid, NULL, 0);
    }
    (void)unlink(pid_file);
    (void)unlink(db);
    (void)rmdir(dir);
    return ok;
}

/* --- all of them --- */

static pid_t run(found *f, int which)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    it_alloc a;
    it_alloc_init(&a);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    alarm(PATIENCE);
    _exit(which ? !real_server(f, &a) : !real_client(f, &a));
}

static bool one_ended(void)
{
    int status = 1;
    return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs everything, AT_ONCE side by side. Returns how many failed. */
static int run_all(found *all, size_t n)
{
    int running = 0, bad = 0;
    for (size_t i = 0; i < 2 * n; i++) {
        if (running == AT_ONCE)
            bad += !one_ended(), running--;
        if (run(&all[i / 2], (int)(i % 2)) < 0)
            bad++;
        else
            running++;
    }
    for (; running > 0; running--)
        bad += !one_ended();
    return bad;
}

static size_t choose(const it_profiles *ps, const char *only, found *all)
{
    size_t n = 0;
    for (size_t i = 0; i < it_profiles_count(ps, IT_PROFILE_NAT) && n < PROFILES; i++) {
        const it_profile *p = it_profiles_nth(ps, IT_PROFILE_NAT, i);
        if (!p->unsupported && p->u.nat.family == 0 && (!only || !strcmp(only, p->name)))
            all[n++].p = p;
    }
    return n;
}

/* The line of |name|: its fields behind the name, split at tabs. False when there is none. */
static bool expected(const char *file, const char *name, char word[FIELDS][WORDS])
{
    char line[512], its[WORDS];
    bool hit = false;
    FILE *f = fopen(file, "r");
    while (f && !hit && fgets(line, sizeof line, f))
        hit = line[0] != '#' &&
              sscanf(line, "%95[^\t\n]\t%95[^\t\n]\t%95[^\t\n]\t%95[^\t\n]\t%95[^\t\n]\t%95[^\t\n]", its, word[0],
                     word[1], word[2], word[3], word[4]) == 1 + FIELDS &&
              !strcmp(its, name);
    if (f)
        fclose(f);
    return hit;
}

/* What is wrong with |f|, as a word into |why|. */
static bool right(const found *f, const char *file, char why[3 * WORDS])
{
    char want[FIELDS][WORDS], declared[WORDS];
    const char *map = dep(IT_STUN_DEP_EI + f->p->u.nat.udp.mapping),
               *filter = dep(IT_STUN_DEP_EI + f->p->u.nat.udp.filtering);
    snprintf(declared, sizeof declared, "%s %s", map, filter);
    why[0] = 0;
    if (f->why[0])
        snprintf(why, 3 * WORDS, "%s", f->why);
    else if (strcmp(f->word[SEEN], map) || strcmp(f->word[FILTERING], filter) || strcmp(f->word[OURS], declared))
        snprintf(why, 3 * WORDS, "declared is %s", declared);
    else if (!expected(file, f->p->name, want))
        snprintf(why, 3 * WORDS, "%s has no line of it", file);
    for (int i = 0; i < FIELDS && !why[0]; i++)
        if (strcmp(f->word[i], want[i]))
            snprintf(why, 3 * WORDS, "%s: expected \"%s\"", FIELD[i], want[i]);
    return !why[0];
}

int gt_discovery(const char *file, const char *only)
{
    char err[IT_PROFILE_ERR], why[3 * WORDS];
    it_alloc a;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    found *all = mmap(NULL, PROFILES * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t n = ps && all != MAP_FAILED ? choose(ps, only, all) : 0;
    if (n == 0) {
        fprintf(stderr, "groundtruth: no NAT44 profile called %s\n", only ? only : "anything");
        return 2;
    }
    int bad = run_all(all, n), wrong = 0;
    printf("%-24s %-24s %-10s %-72s %s\n", "profile", "natdiscovery map (seen)", "filter", "stun (RFC 3489)",
           "ours with coturn");
    for (size_t i = 0; i < n; i++) {
        const found *f = &all[i];
        if (f->skip) {
            printf("SKIP groundtruth: %s\n", f->why);
            return 77;
        }
        bool ok = right(f, file, why);
        wrong += !ok;
        printf("%-24s %-4s (%-4s)              %-10s %-72s %-10s%s%s\n", f->p->name, f->word[MAPPING], f->word[SEEN],
               f->word[FILTERING], f->word[CLASSIC], f->word[OURS], ok ? "" : "  WRONG: ", why);
    }
    printf("%zu profiles, %d wrong, %d runs failed\n", n, wrong, bad);
    it_profiles_free(ps);
    return wrong || bad ? 1 : 0;
}
