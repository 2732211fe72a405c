/* The kernel's TCP between two network namespaces, in real time, through the same link as ours:
 *
 *     sockets - kernel 10.9.0.1 - TUN == edge - link - edge == TUN - kernel 10.9.0.2 - sockets */
#include "tests/groundtruth/gt.h"
#include "tests/groundtruth/media.h"

#include "lab/loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct kernel {
    media_stack stack;
    it_alloc alloc;
    it_world *w;
    it_loop *live;
    int ns[2], poll, keep; /* seconds */
    int listener[MEDIA_FLOWS], s[MEDIA_FLOWS][2];
    bool open[MEDIA_FLOWS];
} kernel;

static struct sockaddr_in address(int end, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x0a090001u + (uint32_t)end)};
}

/* A namespace with a TUN device at |edge|. */
static bool make_side(kernel *k, const media_cell *c, int end, it_node *edge)
{
    char command[400];
    if (unshare(CLONE_NEWNET) < 0)
        return false;
    int fd = gt_tun_open("tcp0");
    snprintf(
        command, sizeof command,
        "echo 1 >/proc/sys/net/ipv6/conf/tcp0/disable_ipv6; ip link set lo up && ip addr add 10.9.0.%d/24 dev tcp0 "
        "&& ip link set tcp0 mtu 1500 txqueuelen 10000 up && "
        "sysctl -qw net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_mtu_probing=%d",
        end + 1, c->silent);
    k->ns[end] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && k->ns[end] >= 0 && system(command) == 0 && it_loop_plug(k->live, edge, fd) == 0;
}

static bool watch(const kernel *k, int fd)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
    return epoll_ctl(k->poll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static int new_socket(const kernel *k, int end)
{
    int one = 1, three = 3;
    if (setns(k->ns[end], CLONE_NEWNET) < 0)
        return -1;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -1;
    (void)!setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (k->keep && end == MEDIA_A &&
        (setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) < 0 ||
         setsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, &k->keep, sizeof k->keep) < 0 ||
         setsockopt(s, IPPROTO_TCP, TCP_KEEPINTVL, &k->keep, sizeof k->keep) < 0 ||
         setsockopt(s, IPPROTO_TCP, TCP_KEEPCNT, &three, sizeof three) < 0))
        return -1;
    return setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) == 0 ? s : -1;
}

static bool kernel_open(void *self, uint32_t i)
{
    kernel *k = self;
    struct sockaddr_in to = address(MEDIA_B, (uint16_t)(MEDIA_PORT + i));
    int s = new_socket(k, MEDIA_A);
    k->open[i] = false;
    k->s[i][MEDIA_A] = s;
    k->s[i][MEDIA_B] = -1;
    return s >= 0 && watch(k, s) && (connect(s, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS);
}

static bool kernel_ready(void *self, uint32_t i, int end)
{
    kernel *k = self;
    struct tcp_info info;
    socklen_t n = sizeof info;
    int one = 1;
    if (end == MEDIA_B && k->s[i][end] < 0) {
        k->s[i][end] = accept4(k->listener[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (k->s[i][end] >= 0 && watch(k, k->s[i][end]))
            (void)!setsockopt(k->s[i][end], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (end == MEDIA_B)
        return k->s[i][end] >= 0;
    if (!k->open[i] && getsockopt(k->s[i][end], IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
        k->open[i] = info.tcpi_state == TCP_ESTABLISHED;
    return k->open[i];
}

static size_t kernel_write(void *self, uint32_t i, int end, const uint8_t *p, size_t n)
{
    ssize_t k = send(((kernel *)self)->s[i][end], p, n, MSG_NOSIGNAL);
    return k < 0 ? 0 : (size_t)k;
}

static size_t kernel_read(void *self, uint32_t i, int end, uint8_t *p, size_t n)
{
    ssize_t k = recv(((kernel *)self)->s[i][end], p, n, 0);
    return k < 0 ? 0 : (size_t)k;
}

static void kernel_close(void *self, uint32_t i)
{
    kernel *k = self;
    for (int end = 0; end < 2; end++) {
        if (k->s[i][end] >= 0)
            close(k->s[i][end]);
        k->s[i][end] = -1;
    }
    k->open[i] = false;
}

static void kernel_look(void *self, uint32_t i, uint32_t *cwnd, uint64_t *again)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    (void)!getsockopt(((kernel *)self)->s[i][MEDIA_A], IPPROTO_TCP, TCP_INFO, &info, &n);
    *cwnd = info.tcpi_snd_cwnd;
    *again = info.tcpi_total_retrans;
}

static it_time kernel_now(void *self)
{
    return it_loop_now(((kernel *)self)->live);
}

static bool kernel_wait(void *self, it_time until)
{
    kernel *k = self;
    struct epoll_event e[64];
    struct pollfd f = {k->poll, POLLIN, 0};
    if (it_loop_wait(k->live, until, &f, 1) < 0)
        return false;
    (void)!epoll_wait(k->poll, e, 64, 0);
    return true;
}

static bool listen_all(kernel *k, const media_cell *c)
{
    for (uint32_t i = 0; i < c->flows; i++) {
        struct sockaddr_in a = address(MEDIA_B, (uint16_t)(MEDIA_PORT + i));
        k->listener[i] = new_socket(k, MEDIA_B);
        if (k->listener[i] < 0 || bind(k->listener[i], (struct sockaddr *)&a, sizeof a) < 0 ||
            listen(k->listener[i], 8) < 0 || !watch(k, k->listener[i]))
            return false;
    }
    return true;
}

static const char *build_kernel(kernel *k, const media_cell *c)
{
    it_alloc_init(&k->alloc);
    k->w = it_world_new(&(it_world_cfg){&k->alloc, c->seed});
    it_node *a = k->w ? it_edge_new(k->w, "a", "tun") : NULL, *b = a ? it_edge_new(k->w, "b", "tun") : NULL;
    if (!b || !media_path(k->w, c, a, b))
        return "no world";
    k->live = it_loop_new(&(it_loop_cfg){.alloc = &k->alloc, .clock = IT_CLOCK_WALL, .world = k->w});
    k->poll = epoll_create1(EPOLL_CLOEXEC);
    if (!k->live || k->poll < 0)
        return "no loop";
    if (!make_side(k, c, MEDIA_A, a) || !make_side(k, c, MEDIA_B, b))
        return "no network namespace with a TUN device";
    return listen_all(k, c) ? NULL : "no sockets";
}

media_stack *media_kernel(const media_cell *c, char why[80])
{
    kernel *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    /* Its clock is real: who waits for a processor measures that. */
    (void)setpriority(PRIO_PROCESS, 0, -15);
    (void)sched_setscheduler(0, SCHED_RR, &(struct sched_param){1});
    for (int i = 0; i < MEDIA_FLOWS; i++)
        k->s[i][MEDIA_A] = k->s[i][MEDIA_B] = -1;
    k->keep = (int)(c->keep / IT_SEC);
    const char *what = build_kernel(k, c);
    if (what) {
        snprintf(why, 80, "%s: %s", what, strerror(errno));
        return NULL;
    }
    k->stack = (media_stack){k,           k->w,         kernel_open, kernel_ready, kernel_write,
                             kernel_read, kernel_close, kernel_look, kernel_now,   kernel_wait};
    return &k->stack;
}
