/* The namespaces of a cell, made by ip(8). */
#include "conformance/interop/net.h"

#include "conformance/interop/proc.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs |argv| at |side| with |input|; true when it ended with 0 within five seconds. */
static bool net_run(char *const argv[], int side, const char *input, const char *log)
{
    it_alloc alloc;
    it_interop_proc p;
    it_alloc_init(&alloc);
    bool ok = it_interop_start(&p, &alloc, argv, side, log) == 0 && it_interop_say(&p, input) == 0;
    return it_interop_end(&p, 5 * IT_SEC, NULL) == 0 && ok;
}

static bool net_ip(int side, const char *commands, const char *log)
{
    char *const argv[] = {"ip", "-batch", "-", NULL};
    return net_run(argv, side, commands, log);
}

static bool net_write(const char *path, const char *text)
{
    int f = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = f >= 0 && write(f, text, strlen(text)) == (ssize_t)strlen(text);
    if (f >= 0)
        close(f);
    return ok;
}

/* A namespace of one's own; who is not root gets one for users first, where he is. */
static bool net_unshare(void)
{
    char map[64];
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    bool ok = net_write("/proc/self/uid_map", map) && net_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    return ok && net_write("/proc/self/gid_map", map);
}

/* Side 1: a process that does nothing but have it. */
static pid_t net_hold(void)
{
    int ready[2];
    char c = 0;
    pid_t parent = getpid();
    if (pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bool ok = getppid() == parent && unshare(CLONE_NEWNET) == 0 && write(ready[1], "1", 1) == 1;
        while (ok)
            pause();
        _exit(1);
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &c, 1);
    close(ready[0]);
    return n == 1 ? pid : -1;
}

static int net_open(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool net_configure(const it_interop_net *n, int side, const char *log)
{
    char text[640], *at = text, *end = text + sizeof text;
    at += snprintf(at, (size_t)(end - at), "link set lo up\nlink set wire addrgenmode none\nlink set wire up\n");
    if (n->families & IT_INTEROP_IPV4)
        at += snprintf(at, (size_t)(end - at), "addr add 10.77.0.%d/24 dev wire\n", side + 1);
    if (n->families & IT_INTEROP_IPV6)
        snprintf(at, (size_t)(end - at), "addr add fd77::%d/64 dev wire nodad\n", side + 1);
    return net_ip(n->side[side], text, log);
}

int it_interop_net_make(it_interop_net *n, it_interop_families families, const char *log)
{
    char link[128];
    *n = (it_interop_net){-1, {-1, -1}, families};
    if (!net_unshare())
        return IT_ERR_UNSUPPORTED;
    n->side[0] = net_open(getpid());
    n->far = net_hold();
    n->side[1] = net_open(n->far);
    if (n->far < 0 || n->side[0] < 0 || n->side[1] < 0)
        return IT_ERR_UNSUPPORTED;
    snprintf(link, sizeof link, "link add wire type veth peer name wire netns %d\n", (int)n->far);
    if (!net_ip(n->side[0], link, log))
        return IT_ERR_UNSUPPORTED;
    return net_configure(n, 0, log) && net_configure(n, 1, log) ? 0 : IT_ERR_IO;
}

int it_interop_net_translate(const it_interop_net *n, const char *log)
{
    static const char RULES[] = "table ip nat {\n chain post {\n  type nat hook postrouting priority 100;\n"
                                "  ip daddr " IT_INTEROP_SERVER " snat to " IT_INTEROP_MAPPED "\n }\n}\n";
    char *const argv[] = {"nft", "-f", "-", NULL};
    if (!net_run(argv, n->side[1], RULES, log))
        return IT_ERR_UNSUPPORTED;
    bool ok =
        net_ip(n->side[0], "addr add " IT_INTEROP_SERVER "/32 dev lo\nroute add " IT_INTEROP_MAPPED " via 10.77.0.2\n",
               log) &&
        net_ip(n->side[1], "route add " IT_INTEROP_SERVER " via 10.77.0.1\n", log);
    return ok ? 0 : IT_ERR_IO;
}

int it_interop_net_wall(const it_interop_net *n, const char *log)
{
    static const char RULES[] = "table inet wall {\n chain in {\n  type filter hook input priority 0;\n"
                                "  iif != lo meta l4proto tcp ct state { new, invalid } drop\n }\n}\n";
    char *const argv[] = {"nft", "-f", "-", NULL};
    for (int i = 0; i < 2; i++)
        if (!net_run(argv, n->side[i], RULES, log))
            return IT_ERR_UNSUPPORTED;
    return 0;
}

int it_interop_net_relay(const it_interop_net *n, const char *log)
{
    static const char RULES[] = "table ip wall {\n chain in {\n  type filter hook input priority 0;\n"
                                "  ip saddr " IT_INTEROP_SERVER " udp sport { 3478, 49152-65535 } accept\n"
                                "  ip saddr " IT_INTEROP_SERVER " tcp sport 3478 accept\n"
                                "  ip saddr 10.77.0.0/24 drop\n }\n}\n";
    char *const argv[] = {"nft", "-f", "-", NULL};
    if (!net_run(argv, n->side[1], RULES, log))
        return IT_ERR_UNSUPPORTED;
    bool ok = net_write("/proc/sys/net/ipv4/ip_local_port_range", "32768 49151") && /* of side 0, where this runs */
              net_ip(n->side[0], "addr add " IT_INTEROP_SERVER "/32 dev lo\n", log) &&
              net_ip(n->side[1], "route add " IT_INTEROP_SERVER " via 10.77.0.1\n", log);
    return ok ? 0 : IT_ERR_IO;
}

int it_interop_net_cut(const it_interop_net *n, const char *log)
{
    for (int side = 0; side < 2; side++) {
        char text[256], *at = text, *end = text + sizeof text;
        static const char NOBODY[] = "lladdr 02:00:00:00:00:99 dev wire nud permanent";
        if (n->families & IT_INTEROP_IPV4)
            at += snprintf(at, (size_t)(end - at), "neigh replace 10.77.0.%d %s\n", 2 - side, NOBODY);
        if (n->families & IT_INTEROP_IPV6)
            snprintf(at, (size_t)(end - at), "neigh replace fd77::%d %s\n", 2 - side, NOBODY);
        if (!net_ip(n->side[side], text, log))
            return IT_ERR_IO;
    }
    return 0;
}

void it_interop_net_end(it_interop_net *n)
{
    for (int side = 0; side < 2; side++)
        if (n->side[side] >= 0)
            close(n->side[side]);
    if (n->far > 0) {
        kill(n->far, SIGKILL);
        waitpid(n->far, NULL, 0);
    }
}
