/* A world behind a real TUN device: the machine's own programs talk with its hosts, in a network namespace of the
 * test's own. Delays and rates of links are lower bounds to the nanosecond, as the clock is read behind each packet;
 * above them a busy machine adds what it likes, of which the best of several attempts has at most LATE. */
#include "tests/lab/loop/probe.h"

#include "netsim/box/router.h"
#include "netsim/core/link.h"
#include "netsim/host/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define LATE (60 * IT_MS)
#define NEAR_DELAY (10 * IT_MS) /* one way, between the device and host 10.1.0.2 */
#define FAR_DELAY (40 * IT_MS)  /* 10.2.0.2 */
#define SLOW_RATE 1000000       /* bit/s, of the link to 10.3.0.2 */
#define SLOW_DELAY IT_MS

/* An object that says everything back: datagrams to whom they are of, bytes of streams, and their end. */
typedef struct echo {
    it_io out[256]; /* what is to be put out, bytes aside */
    uint8_t *bytes; /* of a stream, and datagrams behind each other */
    size_t n, head, at, n_bytes, cap;
    size_t room;
    bool listening, fin, cut;
    uint32_t flow;
} echo;

static it_addr ECHO_AT[3];
static int ECHOES;

static int echo_input(void *o, it_time now, const it_io *in)
{
    echo *e = o;
    (void)now;
    if (in->kind == IT_IO_ACCEPTED || in->kind == IT_IO_WRITABLE) {
        e->flow = in->flow;
        e->room = in->data.n;
    }
    e->fin |= in->kind == IT_IO_FIN;
    if (in->kind != IT_IO_DGRAM && in->kind != IT_IO_DATA)
        return 0;
    size_t left = e->cap - e->n_bytes, n = in->data.n < left ? in->data.n : left;
    if (in->kind == IT_IO_DGRAM) {
        ck_assert_uint_lt(e->n, 256);
        e->out[e->n] = *in;
        e->out[e->n++].data = it_bytes_of(e->bytes + e->n_bytes, n);
    }
    e->cut |= n < in->data.n;
    memcpy(e->bytes + e->n_bytes, in->data.p, n);
    e->n_bytes += n;
    return (int)n;
}

static int echo_stream(echo *e, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = e->n_bytes - e->at;
    n = n < cap ? n : cap;
    n = n < e->room ? n : e->room;
    *out = (it_io){.kind = IT_IO_DATA, .flow = e->flow, .data = it_bytes_of(buf, n)};
    if (n) {
        memcpy(buf, e->bytes + e->at, n);
        e->at += n;
        e->room -= n;
        return 1;
    }
    if (e->cut && e->at == e->n_bytes) {
        e->at = e->n_bytes = 0;
        e->cut = false;
        *out = (it_io){.kind = IT_IO_WRITABLE, .flow = e->flow};
        return 1;
    }
    bool over = e->fin && e->at == e->n_bytes;
    e->fin &= !over;
    out->kind = IT_IO_FIN;
    return over;
}

static int echo_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    echo *e = o;
    (void)now;
    if (!e->listening) {
        e->listening = true;
        *out = (it_io){.kind = IT_IO_LISTEN, .flow = IT_IO_BOUND_FLOW, .local = ECHO_AT[ECHOES++]};
        return 1;
    }
    if (e->head == e->n)
        return e->n ? 0 : echo_stream(e, out, buf, cap);
    *out = e->out[e->head++];
    memcpy(buf, out->data.p, out->data.n);
    out->data.p = buf;
    if (e->head == e->n)
        e->head = e->n = e->n_bytes = 0;
    return 1;
}

static void echo_free(void *o)
{
    free(((echo *)o)->bytes);
    free(o);
}

static const it_object_ops ECHO_OPS = {.kind = "echo", .input = echo_input, .output = echo_output, .free = echo_free};

/* --- the world: device - router - three hosts --- */

static it_lab *LAB;
static int TUN = -1;

/* Host number |k|, 10.k.0.2, behind |port| of |router|. */
static void add_host(it_world *w, it_node *router, int k, it_time delay, int64_t rate)
{
    static const char *const NAMES[] = {"", "near", "far", "slow"};
    it_ip net = it_ip4(0x0a000000u + ((uint32_t)k << 16)), ip = it_ip4(0x0a000002u + ((uint32_t)k << 16));
    it_link_cfg cfg = {.name = NAMES[k], .dir = {{.delay = delay, .rate = rate}, {.delay = delay, .rate = rate}}};
    it_host *h = it_host_new(w, NAMES[k]);
    int port = it_node_add_port(router, NAMES[k]);
    echo *e = calloc(1, sizeof *e);
    e->cap = 65536;
    e->bytes = malloc(e->cap);
    ECHO_AT[k - 1] = it_addr_of(ip, 7);
    ck_assert_int_ge(port, 0);
    ck_assert_int_eq(it_host_iface(h, "eth"), 0);
    ck_assert_int_eq(it_host_addr(h, 0, ip, 120), 0);
    it_host_gateway(h, 0, it_ip4(0x0a000001u + ((uint32_t)k << 16)));
    ck_assert_int_ge(it_link_new(w, &cfg, it_host_node(h), 0, router, port), 0);
    ck_assert_int_eq(it_router_route(router, (it_prefix){net, 120}, port, (it_ip){0, 0}), 0);
    ck_assert_int_ge(it_lab_add(LAB, h, &ECHO_OPS, e, NAMES[k], 7), 0);
}

static void make_world(void)
{
    it_alloc_init(&PROBE_ALLOC);
    LAB = it_lab_new(&(it_lab_cfg){.alloc = &PROBE_ALLOC, .seed = 1});
    it_world *w = it_lab_world(LAB);
    it_node *edge = it_edge_new(w, "edge", "tun"), *router = it_router_new(w, "router");
    it_link_cfg wire = {.name = "wire"};
    int port = it_node_add_port(router, "out");
    ck_assert_int_ge(it_link_new(w, &wire, edge, 0, router, port), 0);
    ck_assert_int_eq(it_router_route(router, (it_prefix){it_ip4(0x0a000000), 120}, port, (it_ip){0, 0}), 0);
    ECHOES = 0;
    add_host(w, router, 1, NEAR_DELAY, 0);
    add_host(w, router, 2, FAR_DELAY, 0);
    add_host(w, router, 3, SLOW_DELAY, SLOW_RATE);
    LOOP = it_loop_new(&(it_loop_cfg){.alloc = &PROBE_ALLOC, .clock = IT_CLOCK_WALL, .lab = LAB});
    ck_assert_int_eq(it_loop_plug(LOOP, edge, TUN), 0);
}

/* A device that leads to the world; false, with a word, where there can be none: in CI that is a failure. */
static bool open_device(void)
{
    struct ifreq r;
    const char *why = NULL;
    memset(&r, 0, sizeof r);
    r.ifr_flags = IFF_TUN | IFF_NO_PI;
    strcpy(r.ifr_name, "tank0");
    if (!own_network(65536))
        why = "no network namespace";
    else if ((TUN = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0 || ioctl(TUN, TUNSETIFF, &r) < 0)
        why = strerror(errno);
    else if (system("ip addr add 10.0.0.1/24 dev tank0 && ip link set tank0 up && ip route add 10.0.0.0/8 dev tank0") !=
             0)
        why = "the ip command fails, or there is none";
    if (why && getenv("CI"))
        ck_abort_msg("no TUN device: %s", why);
    if (why)
        fprintf(stderr, "SKIP tun: %s\n", why);
    return !why;
}

static bool tun_begin(void)
{
    if (!open_device())
        return false;
    make_world();
    return true;
}

static void tun_end(void)
{
    it_loop_free(LOOP);
    it_lab_free(LAB);
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
    close(TUN);
}

/* Runs the world until program |pid| has ended; its exit code, -1 when it takes too long. */
static int run_beside(pid_t pid)
{
    int status;
    for (it_time until = it_loop_now(LOOP) + 40 * IT_SEC; it_loop_now(LOOP) < until;) {
        pass_time(5 * IT_MS);
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return -1;
}

/* --- programs: each runs in a process of its own, on the machine's sockets, and tells by its exit code --- */

#define NEED(x, code)                                                                                                  \
    if (!(x))                                                                                                          \
    _exit(code)

static it_time clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (it_time)t.tv_sec * IT_SEC + t.tv_nsec;
}

static int socket_to(int k, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
    to.sin_addr.s_addr = htonl(0x0a000002u + ((uint32_t)k << 16));
    int fd = socket(AF_INET, type, 0);
    NEED(fd >= 0, 10);
    NEED(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, 11);
    return fd;
}

static bool readable_soon(int fd)
{
    struct pollfd f = {fd, POLLIN, 0};
    return poll(&f, 1, 20000) == 1;
}

/* Asks host |k| twelve times; the shortest time that an answer took is |least| and not LATE more. */
static void ask_by_udp(int k, it_time least)
{
    it_time best = IT_NEVER;
    int fd = socket_to(k, SOCK_DGRAM);
    for (uint8_t i = 0; i < 12; i++) {
        uint8_t out[1000], in[2000];
        memset(out, i, sizeof out);
        it_time from = clock_now();
        NEED(send(fd, out, sizeof out, 0) == (ssize_t)sizeof out, 12);
        NEED(readable_soon(fd), 13);
        NEED(recv(fd, in, sizeof in, 0) == (ssize_t)sizeof out && memcmp(in, out, sizeof out) == 0, 14);
        it_time took = clock_now() - from;
        NEED(took >= least, 20);
        best = took < best ? took : best;
    }
    NEED(best <= least + LATE, 21);
    _exit(0);
}

/* Sends 300,000 bytes to host |k| and reads them back: whatever is written is said back, behind each other, and the end
 * too. Connecting takes a round trip, |least|. */
static void exchange_by_tcp(int k, it_time least)
{
    enum { N = 300000 };
    static uint8_t out[N], in[N];
    size_t sent = 0, got = 0;
    for (size_t i = 0; i < N; i++)
        out[i] = (uint8_t)(i * 7 + i / 251);
    it_time from = clock_now();
    int fd = socket_to(k, SOCK_STREAM);
    NEED(clock_now() - from >= least, 20);
    NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, 12);
    while (got < N) {
        struct pollfd f = {fd, POLLIN | (sent < N ? POLLOUT : 0), 0};
        NEED(poll(&f, 1, 20000) == 1, 13);
        ssize_t n = sent < N ? send(fd, out + sent, N - sent, MSG_NOSIGNAL) : 0;
        NEED(n >= 0 || errno == EAGAIN, 14);
        sent += n > 0 ? (size_t)n : 0;
        if (sent == N && n > 0)
            NEED(shutdown(fd, SHUT_WR) == 0, 15);
        n = recv(fd, in + got, N - got, 0);
        NEED(n > 0 || (n < 0 && errno == EAGAIN), 16);
        got += n > 0 ? (size_t)n : 0;
    }
    NEED(memcmp(in, out, N) == 0, 17);
    NEED(readable_soon(fd) && recv(fd, in, 1, 0) == 0, 18); /* its end */
    _exit(0);
}

/* Twenty datagrams at once over the slow link: the last answer comes when all have been serialised once on their way
 * there; on the way back they leave as they came. */
static void burst_by_udp(int k)
{
    enum { N = 20, SIZE = 1000 };
    uint8_t data[SIZE] = {0};
    it_time least = 2 * SLOW_DELAY + (it_time)(N + 1) * (SIZE + 28) * 8 * IT_SEC / SLOW_RATE, from = clock_now();
    int fd = socket_to(k, SOCK_DGRAM);
    for (int i = 0; i < N; i++)
        NEED(send(fd, data, SIZE, 0) == SIZE, 12);
    for (int i = 0; i < N; i++)
        NEED(readable_soon(fd) && recv(fd, data, SIZE, 0) == SIZE, 13);
    it_time took = clock_now() - from;
    NEED(took >= least, 20);
    NEED(took <= least + 10 * LATE, 21);
    _exit(0);
}

static pid_t begin_program(void (*run)(int k, it_time least), int k, it_time least)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        run(k, least);
    return pid;
}

static void burst(int k, it_time least)
{
    (void)least;
    burst_by_udp(k);
}

START_TEST(a_program_asks_hosts_by_udp_and_delays_hold)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(run_beside(begin_program(ask_by_udp, 1, 2 * NEAR_DELAY)), 0);
    ck_assert_int_eq(run_beside(begin_program(ask_by_udp, 2, 2 * FAR_DELAY)), 0);
    tun_end();
}
END_TEST

START_TEST(a_program_exchanges_bytes_by_tcp)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(run_beside(begin_program(exchange_by_tcp, 1 + _i, 2 * (_i ? FAR_DELAY : NEAR_DELAY))), 0);
    tun_end();
}
END_TEST

START_TEST(the_rate_of_a_link_holds)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(run_beside(begin_program(burst, 3, 0)), 0);
    tun_end();
}
END_TEST

/* The least of ping's times in |text|, "rtt min/avg/max/mdev = 20.1/..."; -1: it says none. */
static it_time least_of(const char *text)
{
    const char *at = strstr(text, " = ");
    long ms = 0, us = 0;
    if (!at || sscanf(at, " = %ld.%3ld/", &ms, &us) != 2)
        return -1;
    return (it_time)ms * IT_MS + (it_time)us * IT_US;
}

START_TEST(ping_reaches_every_host_and_says_how_far_it_is)
{
    static const it_time LEAST[] = {0, 2 * NEAR_DELAY, 2 * FAR_DELAY, 2 * SLOW_DELAY};
    char command[160], text[4096];
    int out[2];
    if (!tun_begin())
        return;
    if (system("command -v ping >/dev/null") != 0) {
        ck_assert_msg(!getenv("CI"), "there is no ping");
        fputs("SKIP ping: there is none\n", stderr);
        tun_end();
        return;
    }
    for (int k = 1; k <= 3; k++) {
        ck_assert_int_eq(pipe(out), 0);
        snprintf(command, sizeof command, "exec ping -n -c 8 -i 0.2 -w 30 10.%d.0.2", k);
        pid_t pid = fork();
        if (pid == 0) {
            (void)dup2(out[1], STDOUT_FILENO);
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
            _exit(127);
        }
        close(out[1]);
        ck_assert_int_eq(run_beside(pid), 0);
        ssize_t n = read(out[0], text, sizeof text - 1);
        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        close(out[0]);
        ck_assert_msg(strstr(text, " 0% packet loss") != NULL, "%s", text);
        it_time least = least_of(text);
        ck_assert_msg(least >= LEAST[k] && least <= LEAST[k] + LATE, "%s", text);
    }
    tun_end();
}
END_TEST

START_TEST(a_device_that_goes_down_and_up_loses_packets_and_nothing_else)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(system("ip link set tank0 down"), 0);
    pass_time(20 * IT_MS);
    ck_assert_int_eq(system("ip link set tank0 up && ip route add 10.0.0.0/8 dev tank0"), 0);
    ck_assert_int_eq(run_beside(begin_program(ask_by_udp, 1, 2 * NEAR_DELAY)), 0);
    tun_end();
}
END_TEST

START_TEST(a_signal_ends_it_with_everything_given_back)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(it_loop_stop_on_signals(LOOP), 0);
    pid_t pid = begin_program(ask_by_udp, 2, 2 * FAR_DELAY);
    pass_time(100 * IT_MS); /* it is in the middle of it */
    raise(SIGTERM);
    ck_assert_int_eq(it_loop_wait(LOOP, IT_NEVER, NULL, 0), IT_LOOP_STOPPED);
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    tun_end();
}
END_TEST

/* A device that is opened by its name, and only if it is one. */
START_TEST(a_device_is_had_by_its_name_once)
{
    if (!tun_begin())
        return;
    ck_assert_int_eq(it_loop_tun("tank0"), IT_ERR_EXISTS); /* the test has it */
    ck_assert_int_eq(it_loop_tun("lo"), IT_ERR_STATE);
    ck_assert_int_eq(it_loop_tun("nobody9"), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_loop_tun(""), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_loop_tun("a-name-longer-than-any"), IT_ERR_NOTFOUND);
    ck_assert_int_eq(system("ip tuntap add tank1 mode tun"), 0);
    ck_assert_int_eq(it_loop_tun("tank1"), IT_ERR_STATE); /* it is down */
    ck_assert_int_eq(system("ip link set tank1 up && ip addr add 10.9.0.1/32 dev tank1"), 0);
    int fd = it_loop_tun("tank1");
    ck_assert_int_ge(fd, 0);
    ck_assert(it_loop_tun_has("tank1", it_ip4(0x0a090001)));
    ck_assert(!it_loop_tun_has("tank1", it_ip4(0x0a090002)));
    ck_assert(!it_loop_tun_has("tank0", it_ip4(0x0a090001)));
    close(fd);
    fd = it_loop_tun("tank1"); /* it can be had again */
    ck_assert_int_ge(fd, 0);
    close(fd);
    tun_end();
}
END_TEST

/* What the owner did while something was due is the world's lateness. */
START_TEST(lateness_is_measured)
{
    if (!tun_begin())
        return;
    pid_t pid = begin_program(ask_by_udp, 2, 2 * FAR_DELAY);
    for (int i = 0; i < 40 && it_loop_late(LOOP) < 200 * IT_MS; i++) {
        struct timespec busy = {.tv_nsec = 300000000};
        (void)nanosleep(&busy, NULL); /* the delays of packets that are under way end meanwhile */
        pass_time(310 * IT_MS);       /* 10 ms of which are still to come */
    }
    ck_assert(it_loop_late(LOOP) >= 200 * IT_MS);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    (void)waitpid(pid, NULL, 0);
    tun_end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/tun");
    TCase *t = tcase_create("a world behind a device");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_program_asks_hosts_by_udp_and_delays_hold);
    tcase_add_loop_test(t, a_program_exchanges_bytes_by_tcp, 0, 2);
    tcase_add_test(t, the_rate_of_a_link_holds);
    tcase_add_test(t, ping_reaches_every_host_and_says_how_far_it_is);
    tcase_add_test(t, a_device_that_goes_down_and_up_loses_packets_and_nothing_else);
    tcase_add_test(t, a_signal_ends_it_with_everything_given_back);
    tcase_add_test(t, a_device_is_had_by_its_name_once);
    tcase_add_test(t, lateness_is_measured);
    suite_add_tcase(s, t);
    return probe_main(s);
}
