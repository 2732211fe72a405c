/* Programs that others wrote ask our boxes for ports: upnpc of miniupnpc (UPnP IGD), natpmpc of libnatpmp (NAT-PMP).
 * Each box has a namespace of its own and goes by the wall clock.
 *
 *     upnpc, natpmpc | kernel 10.0.0.2 | TUN == [ box: NAT, its own host with the servers ] == a stranger outside
 *
 * A step is a command and what its output must and must not say; after some of them the stranger tries the mapping, and
 * what he sends arrives at a socket of the kernel, or not. */
#include "tests/groundtruth/gt.h"

#include "lab/loop/loop.h"
#include "lab/apps/service.h"
#include "netsim/core/link.h"
#include "stack/portmap/upnp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN 0x0a000001u      /* 10.0.0.1 */
#define CLIENT 0x0a000002u   /* 10.0.0.2, the kernel's */
#define EXT 0x0b000001u      /* 11.0.0.1: upnpc takes documentation prefixes for no connection */
#define STRANGER 0x0c000001u /* 12.0.0.1 */
#define SKIP 77
#define SLICE (5 * IT_MS)
#define PATIENCE 120 /* s, of a box */

typedef struct step {
    const char *command;
    const char *says[3]; /* all of them */
    const char *never;   /* NULL: nothing */
    uint16_t in, at; /* 0: not tried. The stranger sends to external port |in|: it arrives at |at|, with 0 nowhere */
} step;

#define UPNPC "upnpc -m world "
#define NATPMPC "natpmpc -g 10.0.0.1 "

static const step IGD2[] = {
    {UPNPC "-s",
     {"Found valid IGD : http://10.0.0.1:49000/ctl", "Status : Connected", "ExternalIPAddress = 11.0.0.1"},
     "failed",
     0,
     0},
    {UPNPC "-s", {"Connection Type : IP_Routed", "MaxBitRateDown : 1000000000", "uptime="}, NULL, 0, 0},
    {UPNPC "-e one -a 10.0.0.2 5000 6000 UDP 600",
     {"external 11.0.0.1:6000 UDP is redirected to internal 10.0.0.2:5000"},
     "failed",
     6000,
     5000},
    {UPNPC "-e two -a 10.0.0.2 5001 6001 TCP",
     {"external 11.0.0.1:6001 TCP is redirected to internal 10.0.0.2:5001"},
     "failed",
     0,
     0},
    {UPNPC "-l", {"UDP  6000->10.0.0.2:5000  'one' ''", "TCP  6001->10.0.0.2:5001  'two' ''", "713"}, NULL, 0, 0},
    {UPNPC "-L", {"UDP  6000->10.0.0.2:5000  'one'", "TCP  6001->10.0.0.2:5001  'two'"}, "failed", 0, 0},
    {UPNPC "-a 10.0.0.2 5002 6000 UDP 600", {"code 718"}, NULL, 6000, 5000},
    {UPNPC "-a 10.0.0.9 5002 6002 UDP 600", {"code 606"}, NULL, 6002, 0},
    {UPNPC "-n 10.0.0.2 5002 6000 UDP 600", {"is redirected to internal 10.0.0.2:5002"}, "failed", 0, 0},
    {UPNPC "-a 10.0.0.2 5003 6003 UDP 600 12.0.0.1", {"code 726"}, NULL, 6003, 0},
    {UPNPC "-d 6000 UDP", {"UPNP_DeletePortMapping() returned : 0"}, NULL, 6000, 0},
    {UPNPC "-d 6000 UDP", {"UPNP_DeletePortMapping() failed with code : 714"}, NULL, 0, 0},
    {UPNPC "-N 1 65535 UDP", {"UPNP_DeletePortMappingRange() returned : 0"}, NULL, 0, 0},
    {UPNPC "-N 1 65535 UDP", {"730"}, NULL, 0, 0},
    {NULL, {NULL}, NULL, 0, 0},
};
static const step IGD1[] = {
    {UPNPC "-s", {"Found valid IGD", "Status : Connected"}, "failed", 0, 0},
    {UPNPC "-a 10.0.0.2 5000 6000 UDP", {"is redirected to internal 10.0.0.2:5000 (duration=0)"}, "failed", 6000, 5000},
    {UPNPC "-n 10.0.0.2 5002 6000 UDP", {"code 401"}, NULL, 0, 0},
    {UPNPC "-d 6000 UDP", {"returned : 0"}, NULL, 6000, 0},
    {NULL, {NULL}, NULL, 0, 0},
};
static const step PERMANENT[] = {
    {UPNPC "-a 10.0.0.2 5000 6000 UDP 600", {"code 725"}, NULL, 6000, 0},
    {UPNPC "-a 10.0.0.2 5000 6000 UDP 0", {"is redirected"}, "failed", 6000, 5000},
    {NULL, {NULL}, NULL, 0, 0},
};
static const step NATPMP[] = {
    {NATPMPC, {"Public IP address : 11.0.0.1", "epoch = "}, "failed", 0, 0},
    {NATPMPC "-a 7000 5000 udp 600",
     {"Mapped public port 7000 protocol UDP to local port 5000 liftime 600"},
     "failed",
     7000,
     5000},
    {NATPMPC "-a 7001 5001 tcp 7200",
     {"Mapped public port 7001 protocol TCP to local port 5001 liftime 7200"},
     "failed",
     0,
     0},
    {NATPMPC "-a 0 5000 udp 0", {"Mapped public port 0 protocol UDP to local port 5000 liftime 0"}, NULL, 7000, 0},
    {NULL, {NULL}, NULL, 0, 0},
};
static const step PCP_ONLY[] = {
    {NATPMPC, {"FAILED", "version"}, NULL, 0, 0},
    {NULL, {NULL}, NULL, 0, 0},
};

static const struct {
    const char *name;
    uint8_t portmap, version;
    bool permanent;
    const step *steps;
} BOXES[] = {
    {"igd2", IT_NAT_UPNP, 2, false, IGD2},
    {"igd1", IT_NAT_UPNP, 1, false, IGD1},
    {"igd1-permanent", IT_NAT_UPNP, 1, true, PERMANENT},
    {"natpmp", IT_NAT_NATPMP, 2, false, NATPMP},
    {"natpmp-and-pcp", IT_NAT_NATPMP | IT_NAT_PCP, 2, false, NATPMP},
    {"pcp", IT_NAT_PCP, 2, false, PCP_ONLY},
};
#define N_BOXES ((int)(sizeof BOXES / sizeof *BOXES))

typedef struct tank {
    it_alloc alloc;
    it_lab *lab;
    it_loop *live;
    it_host *stranger;
    int out; /* his socket */
    char text[65536];
} tank;

static int bad(const char *what)
{
    printf("  %s: %s\n", what, strerror(errno));
    return 1;
}

/* --- the world --- */

static int plug(it_world *w, const char *name, it_time delay, it_node *a, int pa, it_node *b, int pb)
{
    it_link_cfg cfg = {.name = name, .dir = {{.delay = delay}, {.delay = delay}}};
    int i = it_link_new(w, &cfg, a, pa, b, pb);
    return i < 0 ? i : 0;
}

/* The servers on the box's own host, as a profile has them (lab/lang/lua/service.lua does the same). */
static int serve(tank *t, it_nat *nat, it_host *own, const it_nat_profile *p)
{
    it_rng rng;
    int app = 0, err = 0;
    it_rng_init(&rng, 1, "igd");
    if (p->portmap & (IT_NAT_NATPMP | IT_NAT_PCP))
        app =
            it_lab_add(t->lab, own, &it_app_portmap, it_service_portmap(&t->alloc, nat, 0), "portmap", IT_PORTMAP_PORT);
    if (app >= 0 && (p->portmap & IT_NAT_UPNP)) {
        app = it_lab_add(t->lab, own, &it_app_igd, it_service_igd(&t->alloc, rng, nat, it_ip4(OWN)), "igd",
                         IT_UPNP_SSDP_PORT);
        err = app < 0 ? app : it_lab_serve(t->lab, app, IT_UPNP_HTTP_PORT);
    }
    return app < 0 ? app : err;
}

static int build(tank *t, int box, int fd)
{
    it_nat_profile p;
    it_ip ext = it_ip4(EXT);
    it_lab_cfg cfg = {.alloc = &t->alloc, .seed = 1};
    it_alloc_init(&t->alloc);
    it_nat_profile_init(&p);
    p.portmap = BOXES[box].portmap;
    p.igd.version = BOXES[box].version;
    p.igd.permanent = BOXES[box].permanent;
    t->lab = it_lab_new(&cfg);
    it_world *w = t->lab ? it_lab_world(t->lab) : NULL;
    it_node *in = w ? it_edge_new(w, "kernel", "tun") : NULL;
    it_nat *nat = in ? it_nat_new(w, "box", &p) : NULL;
    it_host *own = nat ? it_host_new(w, "box-self") : NULL;
    t->stranger = own ? it_host_new(w, "stranger") : NULL;
    if (!t->stranger || it_host_iface(own, "eth") < 0 || it_host_iface(t->stranger, "eth") < 0)
        return IT_ERR_NOMEM;
    it_host_gateway(own, 0, it_ip4(OWN));
    int err = it_nat_inside(nat, it_ip4(OWN), 24);
    err = err ? err : it_nat_outside(nat, &ext, 1, (it_ip){0, 0});
    err = err ? err : it_host_addr(own, 0, it_ip4(OWN), 32);
    err = err ? err : it_host_addr(t->stranger, 0, it_ip4(STRANGER), 0);
    err = err ? err : plug(w, "lan", IT_MS, in, 0, it_nat_node(nat), IT_NAT_LAN);
    err = err ? err : plug(w, "wan", IT_MS, it_nat_node(nat), IT_NAT_WAN, it_host_node(t->stranger), 0);
    err = err ? err : plug(w, "self", 0, it_host_node(own), 0, it_nat_node(nat), it_nat_self(nat));
    err = err ? err : serve(t, nat, own, &p);
    t->out = err ? err : it_host_udp(t->stranger, it_addr_of(it_ip4(STRANGER), 9), 0);
    t->live = t->out < 0 ? NULL : it_loop_new(&(it_loop_cfg){.alloc = &t->alloc, .clock = IT_CLOCK_WALL, .world = w});
    return t->live ? it_loop_plug(t->live, in, fd) : IT_ERR_NOMEM;
}

/* Lets the world run for |d|, or until |fd| (-1: none) has something. Returns an error, or 0. */
static int run(tank *t, it_time d, int fd)
{
    struct pollfd more = {.fd = fd, .events = POLLIN};
    it_time until = it_loop_now(t->live) + d;
    int err = it_lab_flush(t->lab);
    while (err >= 0 && it_loop_now(t->live) < until) {
        it_time slice = it_loop_now(t->live) + SLICE;
        err = it_loop_wait(t->live, slice < until ? slice : until, &more, fd >= 0);
        if (err == 2)
            break;
        if (err >= 0)
            err = it_lab_run(t->lab, it_lab_now(t->lab));
    }
    return err < 0 ? err : 0;
}

/* --- a step --- */

/* Runs |command|, its output into t->text, while the world goes on. */
static int command(tank *t, const char *line)
{
    int pipes[2], err = 0;
    size_t n = 0;
    ssize_t k = 1;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return IT_ERR_IO;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    (void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    while (err == 0 && k != 0 && pid > 0) {
        err = run(t, 100 * IT_MS, pipes[0]);
        while ((k = read(pipes[0], t->text + n, sizeof t->text - 1 - n)) > 0)
            n += (size_t)k;
        k = n == sizeof t->text - 1 ? 0 : k;
    }
    t->text[n] = '\0';
    close(pipes[0]);
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    return pid < 0 ? IT_ERR_IO : err;
}

/* The kernel's socket on |port|. */
static int listen_at(uint16_t port)
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (s >= 0 && bind(s, (struct sockaddr *)(void *)&a, sizeof a) < 0) {
        close(s);
        s = -1;
    }
    return s;
}

/* Whether what the stranger sends to external port |in| arrives as |s| says. */
static bool tried(tank *t, const step *s)
{
    char got[32];
    int sock = listen_at(s->at ? s->at : 5000);
    if (sock < 0)
        return false;
    int err = it_host_send(t->stranger, it_loop_now(t->live), t->out, it_addr_of(it_ip4(EXT), s->in),
                           it_bytes_str("let me in"), 0);
    if (err >= 0)
        err = run(t, s->at ? 500 * IT_MS : 100 * IT_MS, s->at ? sock : -1);
    ssize_t n = recv(sock, got, sizeof got, 0);
    close(sock);
    return err >= 0 && (s->at ? n == 9 && memcmp(got, "let me in", 9) == 0 : n < 0);
}

/* Does |s|; what went wrong is printed. */
static bool did(tank *t, const step *s)
{
    const char *why = NULL;
    if (command(t, s->command) < 0)
        why = "the world fails";
    for (int i = 0; i < 3 && s->says[i] && !why; i++)
        why = strstr(t->text, s->says[i]) ? NULL : s->says[i];
    if (!why && s->never && strstr(t->text, s->never))
        why = "it fails";
    if (!why && s->in && !tried(t, s))
        why = s->at ? "a stranger does not get in" : "a stranger gets in";
    if (why)
        printf("  %s\n  expected: %s\n  it said:\n%s\n", s->command, why, t->text);
    return !why;
}

/* --- a box --- */

static int enter(int *fd)
{
    if (unshare(CLONE_NEWNET) < 0 || (*fd = gt_tun_open("world")) < 0)
        return SKIP;
    const char *setup =
        "echo 1 >/proc/sys/net/ipv6/conf/world/disable_ipv6; ip link set lo up && ip link set world up && "
        "ip addr add 10.0.0.2/24 dev world && ip route add default via 10.0.0.1 dev world && ip route add 224.0.0.0/4 "
        "dev world";
    return system(setup) == 0 ? 0 : SKIP;
}

static int one_box(int box)
{
    static tank t;
    int fd = -1, n = 0, wrong = 0, err = enter(&fd);
    if (err)
        return err;
    if (build(&t, box, fd) < 0)
        return bad("our world");
    for (const step *s = BOXES[box].steps; s->command; s++, n++)
        wrong += !did(&t, s);
    printf("%-15s %d of %d steps as expected\n", BOXES[box].name, n - wrong, n);
    it_loop_free(t.live);
    it_lab_free(t.lab);
    return wrong != 0;
}

/* Starts the run of |box|; its output goes to |*out|. */
static pid_t start(int box, int *out)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(PATIENCE);
        dup2(pipes[1], 1);
        int rc = one_box(box);
        fflush(stdout);
        _exit(rc);
    }
    close(pipes[1]);
    *out = pipes[0];
    return pid;
}

/* Waits for the run of |box| and prints what it says. */
static int finish(int box, pid_t pid, int out)
{
    char buf[4096];
    int status = 0;
    for (ssize_t n; pid > 0 && (n = read(out, buf, sizeof buf)) > 0;)
        (void)!fwrite(buf, 1, (size_t)n, stdout);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return bad("fork");
    close(out);
    int rc = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (rc)
        printf("%-15s %s\n", BOXES[box].name, rc == SKIP ? "no network namespace or TUN device" : "not as expected");
    return rc;
}

int gt_clients(const char *only)
{
    pid_t pids[N_BOXES];
    int out[N_BOXES], worst = 0, n = 0;
    bool on[N_BOXES] = {false};
    for (int i = 0; i < N_BOXES; i++) { /* they mostly wait: all at once */
        on[i] = !only || strcmp(only, BOXES[i].name) == 0;
        n += on[i];
        pids[i] = on[i] ? start(i, &out[i]) : -1;
    }
    for (int i = 0; i < N_BOXES; i++) {
        int rc = on[i] ? finish(i, pids[i], out[i]) : 0;
        worst = rc > worst ? rc : worst;
    }
    if (n == 0)
        fprintf(stderr, "groundtruth: no box called %s\n", only);
    return n ? worst : 2;
}
