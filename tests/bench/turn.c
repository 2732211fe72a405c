/* What a relayed datagram costs a TURN server, whichever: it is started, clients allocate at it and bind a channel to a
 * peer, and then bursts go there and back.
 *
 *     turn NAME CLIENTS ROUNDS COMMAND...      a server at 127.0.0.1:3478 for user:secret that lets 127.0.0.1 be a peer
 *
 * Prints a JSON line: microseconds of CPU a relayed datagram, of the program and of the kernel for it, as the kernel
 * counts them (how they are shared, in ticks: let it be seconds), datagrams that were lost, and the memory that CLIENTS
 * allocations take. */
#include "base/rng.h"
#include "stack/turn/channel.h"
#include "stack/turn/client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURST 8     /* datagrams of one client in a round */
#define GROUP 16    /* clients that are busy at a time: what is under way has to fit into sockets' buffers */
#define PAYLOAD 172 /* bytes: 20 ms of voice and its RTP header */

typedef struct caller {
    int fd;
    it_turn_client *turn;
    it_addr relayed;
    bool bound, failed;
} caller;

static it_alloc ALLOC;
static int PEER;
static struct sockaddr_in SERVER, PEER_AT;

static it_time now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (it_time)t.tv_sec * IT_SEC + t.tv_nsec;
}

static void give_up(const char *what)
{
    fprintf(stderr, "bench: turn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static it_addr addr_of(const struct sockaddr_in *in)
{
    return it_addr_of(it_ip4(ntohl(in->sin_addr.s_addr)), ntohs(in->sin_port));
}

/* A datagram socket of loopback; its address in |*at|. */
static int udp_socket(struct sockaddr_in *at)
{
    socklen_t n = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 1 << 22;
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof *at) < 0 || getsockname(fd, (struct sockaddr *)at, &n) < 0)
        give_up("socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return fd;
}

/* --- the server --- */

static pid_t server_start(char **argv)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || !freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(1);
        execvp(argv[0], argv);
        _exit(127);
    }
    for (int tries = 0; pid > 0 && tries < 200; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool up = connect(fd, (struct sockaddr *)&SERVER, sizeof SERVER) == 0;
        close(fd);
        if (up)
            return pid;
        usleep(50000);
    }
    give_up("the server does not start");
    return -1;
}

/* Ticks of CPU so far, of the program and of the kernel for it. */
static void server_cpu(pid_t pid, long ticks[2])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &ticks[0], &ticks[1]) != 2)
        give_up(path);
    fclose(f);
}

/* Nanoseconds that its threads have run so far: exact, and of both together. */
static double server_ran(pid_t pid)
{
    char path[300];
    double sum = 0, ns;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%.200s/schedstat", (int)pid, e->d_name);
        FILE *f = *e->d_name == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%lf", &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

static long server_rss_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        (void)sscanf(line, "VmRSS: %ld", &kb);
    if (f)
        fclose(f);
    return kb;
}

/* --- clients --- */

static void caller_send(caller *c)
{
    uint8_t buf[2048];
    it_io out;
    while (it_turn_client_output(c->turn, now(), &out, buf, sizeof buf) > 0)
        (void)sendto(c->fd, out.data.p, out.data.n, 0, (struct sockaddr *)&SERVER, sizeof SERVER);
}

static void caller_take(caller *c)
{
    uint8_t buf[2048];
    it_turn_client_event ev;
    ssize_t n;
    while ((n = recv(c->fd, buf, sizeof buf, 0)) > 0) {
        it_io in = {.kind = IT_IO_DGRAM, .remote = addr_of(&SERVER), .data = it_bytes_of(buf, (size_t)n)};
        (void)it_turn_client_input(c->turn, now(), &in);
    }
    while (it_turn_client_event_next(c->turn, &ev) > 0) {
        if (ev.kind == IT_TURN_CLIENT_ALLOCATED) {
            c->relayed = ev.relayed[0];
            (void)it_turn_client_bind(c->turn, now(), addr_of(&PEER_AT));
        }
        c->bound |= ev.kind == IT_TURN_CLIENT_PERMITTED;
        c->failed |= ev.kind == IT_TURN_CLIENT_FAILED || ev.kind == IT_TURN_CLIENT_REFUSED;
    }
}

/* Allocates, and binds channel 0x4000 to the peer. */
static void caller_begin(caller *c, size_t k)
{
    struct sockaddr_in at;
    it_turn_client_cfg cfg = {.alloc = &ALLOC, .username = "user", .password = "secret", .server = addr_of(&SERVER)};
    c->fd = udp_socket(&at);
    cfg.local = addr_of(&at);
    it_rng_init(&cfg.rng, k, "bench");
    c->turn = it_turn_client_new(&cfg, now());
    for (it_time end = now() + 20 * IT_SEC; c->turn && !c->bound && !c->failed && now() < end;) {
        struct pollfd f = {c->fd, POLLIN, 0};
        caller_send(c);
        (void)poll(&f, 1, 20);
        caller_take(c);
        if (it_turn_client_next(c->turn) <= now())
            (void)it_turn_client_tick(c->turn, now());
    }
    if (!c->bound)
        give_up("no allocation");
}

/* --- bursts --- */

/* Sends BURST datagrams of |n| bytes. */
static void burst_send(int fd, const struct sockaddr_in *to, uint8_t *p, size_t n)
{
    struct iovec v = {p, n};
    struct mmsghdr m[BURST];
    for (size_t i = 0; i < BURST; i++)
        m[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = sizeof *to, .msg_iov = &v, .msg_iovlen = 1}};
    (void)sendmmsg(fd, m, BURST, 0);
}

/* Takes what is at |fd|, without waiting; how many. */
static size_t burst_take(int fd)
{
    static uint8_t bytes[64][2048];
    struct iovec v[64];
    struct mmsghdr m[64];
    for (size_t i = 0; i < 64; i++) {
        v[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
    }
    int n = recvmmsg(fd, m, 64, 0, NULL);
    return n > 0 ? (size_t)n : 0;
}

/* Takes |want| datagrams at the |n| sockets of |fd|, for a second at most; how many came. */
static size_t burst_wait(const struct pollfd *fd, nfds_t n, size_t want)
{
    size_t got = 0;
    struct pollfd f[GROUP];
    memcpy(f, fd, n * sizeof *f);
    while (got < want && poll(f, n, 1000) > 0)
        for (nfds_t i = 0; i < n; i++)
            if (f[i].revents)
                got += burst_take(f[i].fd);
    return got;
}

/* One round of |n| clients: up, and down again. Returns how many datagrams were relayed. */
static size_t round_of(caller *c, size_t n)
{
    static uint8_t up[IT_TURN_CHANNEL_HEAD + PAYLOAD], down[PAYLOAD];
    struct pollfd peer = {PEER, POLLIN, 0}, f[GROUP];
    it_turn_channel_head(up, IT_TURN_CHANNEL_FIRST, PAYLOAD);
    for (size_t i = 0; i < n; i++)
        burst_send(c[i].fd, &SERVER, up, sizeof up);
    size_t relayed = burst_wait(&peer, 1, n * BURST);
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in to = PEER_AT;
        to.sin_port = htons(c[i].relayed.port);
        f[i] = (struct pollfd){c[i].fd, POLLIN, 0};
        burst_send(PEER, &to, down, sizeof down);
    }
    return relayed + burst_wait(f, (nfds_t)n, n * BURST);
}

static size_t rounds_run(caller *c, size_t n, long rounds, size_t *sent)
{
    size_t relayed = 0;
    for (long r = 0; r < rounds; r++)
        for (size_t first = 0; first < n; first += GROUP) {
            size_t some = n - first < GROUP ? n - first : GROUP;
            relayed += round_of(c + first, some);
            *sent += 2 * some * BURST;
        }
    return relayed;
}

int main(int argc, char **argv)
{
    long before[2], after[2], n = argc > 4 ? atol(argv[2]) : 0, rounds = argc > 4 ? atol(argv[3]) : 0;
    if (n < 1 || rounds < 1) {
        fprintf(stderr, "usage: turn NAME CLIENTS ROUNDS COMMAND...\n");
        return 2;
    }
    it_alloc_init(&ALLOC);
    SERVER = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(3478)};
    SERVER.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PEER = udp_socket(&PEER_AT);
    pid_t server = server_start(argv + 4);
    caller *c = calloc((size_t)n, sizeof *c);
    for (long i = 0; c && i < n; i++)
        caller_begin(&c[i], (size_t)i);
    size_t sent = 0, relayed = 0;
    if (c)
        (void)rounds_run(c, (size_t)n, 1, &sent); /* warm */
    sent = 0;
    double ran = server_ran(server);
    server_cpu(server, before);
    if (c)
        relayed = rounds_run(c, (size_t)n, rounds, &sent);
    server_cpu(server, after);
    size_t lost = sent > relayed ? sent - relayed : 0; /* one that was late counts in the next round */
    /* Of the program and of the kernel only ticks tell, which are samples. */
    double ticks = (double)(after[0] - before[0] + after[1] - before[1]), total = 0, share = 0;
    if (relayed)
        total = (server_ran(server) - ran) / 1000 / (double)relayed;
    if (ticks > 0)
        share = (double)(after[0] - before[0]) / ticks;
    printf("{\"bench\":\"turn\",\"server\":\"%s\",\"clients\":%ld,\"relayed\":%zu,\"lost\":%zu,\"user_us\":%.3f,"
           "\"kernel_us\":%.3f,\"total_us\":%.3f,\"rss_kb\":%ld}\n",
           argv[1], n, relayed, lost, total * share, total * (1 - share), total, server_rss_kb(server));
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    return 0;
}
