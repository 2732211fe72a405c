/* Our TCP against the kernel's, in real time: a host in a world, whose raw edge is a TUN device of a namespace of this
 * process.
 *
 *     sockets of this process - kernel 10.9.0.1 - TUN == edge - link (delay, loss, reordering) - host 10.9.0.2
 * (netsim/tcp/tcp.h)
 *
 * Some trials have two routers with a link of a small MTU between the link and the edge. Both ends send streams that
 * each can compute, so every byte is compared where it arrives; tshark's tcp.analysis may find in what we send nothing
 * but what the trial brings about. */
#include "tests/groundtruth/gt.h"

#include "base/rng.h"
#include "netsim/core/link.h"
#include "netsim/box/router.h"
#include "tests/groundtruth/interop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL 0x0a090001u
#define OURS 0x0a090002u
#define ROUTER 0x0a0900fdu
#define PORT 5001
#define LIMIT (60 * IT_SEC) /* of a case */
#define CHUNK 16384

static bool fail(bench *b, const char *what)
{
    if (!b->why[0])
        snprintf(b->why, sizeof b->why, "%s (sent %llu and %llu, got %llu and %llu)", what,
                 (unsigned long long)b->e[US].sent, (unsigned long long)b->e[KER].sent,
                 (unsigned long long)b->e[US].got, (unsigned long long)b->e[KER].got);
    return false;
}

/* --- the streams --- */

static void stream(uint8_t *p, size_t n, int who, uint64_t at)
{
    for (size_t i = 0; i < n; i++, at++)
        p[i] = (uint8_t)(it_hash_mix((uint64_t)who + 1, at >> 3) >> (8 * (at & 7)));
}

static bool check(bench *b, int reader, const uint8_t *p, size_t n)
{
    uint8_t want[CHUNK];
    for (size_t i = 0; i < n; i += sizeof want) {
        size_t m = n - i < sizeof want ? n - i : sizeof want;
        stream(want, m, !reader, b->e[reader].got + i);
        if (memcmp(want, p + i, m) != 0)
            return fail(b, reader == US ? "wrong bytes from the kernel" : "wrong bytes from us");
    }
    b->e[reader].got += n;
    return true;
}

static bool may_send(const bench *b, int who)
{
    const trial *t = b->t;
    bool second = t->first >= 0 && t->first != who;
    return b->e[who].open && !b->e[who].reset && (!second || b->e[who].fin_got);
}

static bool has_all(const bench *b)
{
    return b->e[US].got == b->t->bytes[KER] && b->e[KER].got == b->t->bytes[US];
}

/* True when an end that has said everything may say so. */
static bool may_end(const bench *b)
{
    return b->t->ending == CLOSE && (!b->t->idle || (b->all && it_loop_now(b->live) >= b->all + b->t->idle));
}

static bool may_read(const bench *b, int who)
{
    return b->e[who].open && it_loop_now(b->live) >= b->t->deaf[who];
}

/* --- our end --- */

static bool our_event(bench *b, const it_host_event *ev)
{
    end *e = &b->e[US];
    switch ((int)ev->kind) {
    case IT_HOST_TCP_OPENED:
        e->open = true;
        break;
    case IT_HOST_TCP_ACCEPTED:
        b->sock = ev->socket;
        e->open = true;
        break;
    case IT_HOST_TCP_FIN:
        e->fin_got = true;
        break;
    case IT_HOST_TCP_RST:
        e->reset = true;
        b->reason = ev->reason;
        break;
    default:
        break;
    }
    return true;
}

static bool our_input(bench *b)
{
    it_host_event ev;
    while (it_world_ready(b->w)) {
        if (it_host_input(b->host, it_loop_now(b->live)) < 0)
            return fail(b, "our host fails");
        while (it_host_event_next(b->host, &ev) == 1)
            our_event(b, &ev);
    }
    while (it_host_event_next(b->host, &ev) == 1)
        our_event(b, &ev);
    return true;
}

static bool our_pump(bench *b)
{
    uint8_t buf[CHUNK];
    end *e = &b->e[US];
    it_time now = it_loop_now(b->live);
    while (may_read(b, US)) {
        it_bytes d = it_host_tcp_peek(b->host, b->sock);
        if (d.n == 0)
            break;
        if (!check(b, US, d.p, d.n))
            return false;
        it_host_tcp_take(b->host, now, b->sock, d.n);
    }
    while (may_send(b, US) && e->sent < b->t->bytes[US]) {
        uint64_t left = b->t->bytes[US] - e->sent;
        size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
        stream(buf, n, US, e->sent);
        int k = it_host_tcp_write(b->host, now, b->sock, it_bytes_of(buf, n));
        if (k < 0)
            return fail(b, "our write fails");
        e->sent += (uint64_t)k;
        if ((size_t)k < n)
            break;
    }
    if (may_send(b, US) && e->sent == b->t->bytes[US] && !e->fin_sent && may_end(b)) {
        if (it_host_tcp_shutdown(b->host, now, b->sock) < 0)
            return fail(b, "our shutdown fails");
        e->fin_sent = true;
    }
    return true;
}

/* --- the kernel's end --- */

static bool kernel_read(bench *b)
{
    uint8_t buf[CHUNK];
    end *e = &b->e[KER];
    while (may_read(b, KER) && !e->fin_got && !e->reset) {
        ssize_t n = recv(b->ksock, buf, sizeof buf, 0);
        if (n > 0 && !check(b, KER, buf, (size_t)n))
            return false;
        e->fin_got = n == 0;
        if (n < 0 && errno == EAGAIN)
            break;
        e->reset |= n < 0 && (errno == ECONNRESET || (errno == ETIMEDOUT && b->t->ending == KERNEL_GIVES_UP));
        if (n < 0 && !e->reset)
            return fail(b, strerror(errno));
    }
    return true;
}

static bool kernel_pump(bench *b)
{
    uint8_t buf[CHUNK];
    end *e = &b->e[KER];
    if (!kernel_read(b))
        return false;
    while (may_send(b, KER) && e->sent < b->t->bytes[KER]) {
        uint64_t left = b->t->bytes[KER] - e->sent;
        size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
        stream(buf, n, KER, e->sent);
        ssize_t k = send(b->ksock, buf, n, MSG_NOSIGNAL | (b->t->urgent ? MSG_OOB : 0)); /* the last byte is urgent */
        if (k < 0)
            break;
        e->sent += (uint64_t)k;
    }
    if (may_send(b, KER) && e->sent == b->t->bytes[KER] && !e->fin_sent && may_end(b)) {
        shutdown(b->ksock, SHUT_WR);
        e->fin_sent = true;
    }
    return true;
}

static int kernel_socket(const bench *b, uint16_t port)
{
    int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(KERNEL)};
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(s, (struct sockaddr *)&a, sizeof a) < 0 || (b->t->kernels && !b->t->kernels(s)))
        return -1;
    return s;
}

static bool kernel_connect(bench *b, uint16_t from, uint16_t to)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(OURS)};
    b->ksock = kernel_socket(b, from);
    if (b->ksock < 0 || (connect(b->ksock, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS))
        return fail(b, "the kernel's connect fails");
    return true;
}

/* What poll said about the kernel's sockets. */
static bool kernel_events(bench *b, short revents)
{
    int err = 0;
    socklen_t n = sizeof err;
    end *e = &b->e[KER];
    if (b->klisten >= 0 && b->ksock < 0) {
        b->ksock = accept4(b->klisten, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        e->open = b->ksock >= 0;
        return true;
    }
    if (e->open || !(revents & (POLLOUT | POLLERR | POLLHUP)))
        return true;
    if (getsockopt(b->ksock, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
        return fail(b, "getsockopt");
    e->open = err == 0;
    e->reset = err == ECONNREFUSED || err == ECONNRESET;
    return err == 0 || e->reset ? true : fail(b, strerror(err));
}

/* --- a trial --- */

/* Routers at both ends of a link with a small MTU, between |edge| and our wire. Returns the one that the wire goes to.
 */
static it_node *small_link(bench *b, it_node *edge)
{
    it_link_dir_cfg dir = {.mtu = b->t->mtu, .mtu_silent = b->t->silent};
    it_link_cfg mid = {.name = "mid", .dir = {dir, dir}}, up = {.name = "up"};
    it_node *r[2] = {it_router_new(b->w, "near"), it_router_new(b->w, "far")};
    it_prefix us = {it_ip4(OURS), 128}, ker = {it_ip4(KERNEL), 128}; /* of IPv4-mapped addresses */
    it_ip none = {0, 0};
    bool ok = r[0] && r[1];
    for (int i = 0; i < 4 && ok; i++)
        ok = it_node_add_port(r[i / 2], i % 2 ? "out" : "in") >= 0;
    ok = ok && it_link_new(b->w, &mid, r[0], 1, r[1], 0) >= 0 && it_link_new(b->w, &up, r[1], 1, edge, 0) >= 0;
    for (int i = 0; i < 2 && ok; i++)
        ok = it_router_route(r[i], us, 0, none) == 0 && it_router_route(r[i], ker, 1, none) == 0 &&
             it_router_addr(r[i], 0, it_ip4(ROUTER + (uint32_t)i)) == 0 &&
             it_router_addr(r[i], 1, it_ip4(ROUTER + (uint32_t)i)) == 0;
    return ok ? r[0] : NULL;
}

static bool configure(const trial *t)
{
    char command[256];
    snprintf(command, sizeof command,
             "echo 1 >/proc/sys/net/ipv6/conf/tcp0/disable_ipv6; ip link set lo up && ip addr add 10.9.0.1/24 dev tcp0 "
             "&& ip link set "
             "tcp0 mtu 1500 txqueuelen 10000 up && { [ -z '%s' ] || sysctl -qw net.ipv4.'%s'; }",
             t->sysctl ? t->sysctl : "", t->sysctl ? t->sysctl : "");
    return system(command) == 0;
}

static bool open_world(bench *b)
{
    const trial *t = b->t;
    it_link_dir_cfg dir = {.delay = t->delay, .loss_ppm = t->loss_ppm};
    it_link_cfg cfg = {.name = "wire", .dir = {dir, dir}};
    it_alloc_init(&b->alloc);
    b->w = it_world_new(&(it_world_cfg){&b->alloc, 1});
    b->host = b->w ? it_host_new(b->w, "us") : NULL;
    it_node *edge = b->host ? it_edge_new(b->w, "kernel", "tun") : NULL;
    if (!edge || it_host_iface(b->host, "eth") < 0 || it_host_addr(b->host, 0, it_ip4(OURS), 24) < 0)
        return fail(b, "no world");
    it_node *next = t->mtu ? small_link(b, edge) : edge;
    b->link = next ? it_link_new(b->w, &cfg, it_host_node(b->host), 0, next, 0) : -1;
    b->cap = it_capture_new(&b->alloc, t->name);
    b->live = it_loop_new(&(it_loop_cfg){.alloc = &b->alloc, .clock = IT_CLOCK_WALL, .world = b->w});
    int fd = gt_tun_open("tcp0");
    if (b->link < 0 || !b->cap || !b->live || it_world_observe(b->w, it_capture_observer(b->cap)) < 0)
        return fail(b, "no world");
    if (fd < 0 || it_loop_plug(b->live, edge, fd) < 0)
        return fail(b, "no TUN device");
    if (!configure(t))
        return fail(b, "ip fails");
    return true;
}

static bool open_connection(bench *b)
{
    it_tcp_opts o;
    it_addr us = it_addr_of(it_ip4(OURS), PORT), ker = it_addr_of(it_ip4(KERNEL), PORT);
    enum opening how = b->t->opening;
    it_tcp_opts_init(&o);
    if (b->t->ours)
        b->t->ours(&o);
    b->listener = b->sock = b->klisten = b->ksock = -1;
    if (how == WE_CONNECT) {
        b->klisten = kernel_socket(b, PORT);
        if (b->klisten < 0 || listen(b->klisten, 4) < 0)
            return fail(b, "listen");
    }
    if (how == KERNEL_CONNECTS && (b->listener = it_host_tcp_listen(b->host, us, 4, &o)) < 0)
        return fail(b, "we cannot listen");
    if (how == KERNEL_CONNECTS || how == KERNEL_IS_REFUSED || how == BOTH_CONNECT)
        if (!kernel_connect(b, PORT, PORT))
            return false;
    if (how == WE_CONNECT || how == WE_ARE_REFUSED || how == BOTH_CONNECT) {
        if (how != BOTH_CONNECT)
            us.port = 0;
        b->sock = it_host_tcp_connect(b->host, it_loop_now(b->live), us, ker, &o);
        if (b->sock < 0)
            return fail(b, "we cannot connect");
    }
    return true;
}

/* True when both ends have seen all that they should. */
static bool complete(const bench *b)
{
    const trial *t = b->t;
    if (t->opening == WE_ARE_REFUSED)
        return b->e[US].reset;
    if (t->opening == KERNEL_IS_REFUSED)
        return b->e[KER].reset;
    if (t->ending == CLOSE)
        return has_all(b) && b->e[US].fin_got && b->e[KER].fin_got;
    return b->e[t->ending == WE_ABORT || t->ending == KERNEL_GIVES_UP ? KER : US].reset;
}

/* Ends by a reset once all data has arrived. */
static void abort_when_due(bench *b)
{
    const trial *t = b->t;
    struct linger hard = {1, 0};
    if ((t->ending != WE_ABORT && t->ending != KERNEL_ABORTS) || !has_all(b) || !b->e[US].open || !b->e[KER].open)
        return;
    if (t->ending == WE_ABORT && b->sock >= 0) {
        it_host_tcp_abort(b->host, it_loop_now(b->live), b->sock);
        b->sock = -1;
        b->e[US].open = false;
    } else if (t->ending == KERNEL_ABORTS) {
        setsockopt(b->ksock, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(b->ksock);
        b->ksock = -1;
        b->e[KER].open = false;
    }
}

/* Cuts the wire when the silence before the end is over, where somebody is to give up. */
static void cut_when_due(bench *b)
{
    const trial *t = b->t;
    it_time now = it_loop_now(b->live);
    bool ours = t->ending == WE_GIVE_UP;
    if (has_all(b) && !b->all)
        b->all = now;
    if (b->cut && !b->over && b->e[ours ? US : KER].reset)
        b->over = now;
    if ((!ours && t->ending != KERNEL_GIVES_UP) || b->cut || !b->all || now < b->all + t->idle || !b->e[US].open ||
        !b->e[KER].open)
        return;
    b->cut = now;
    it_link_blackhole(b->w, now, b->link, -1);
    if (t->more && ours)
        (void)!it_host_tcp_write(b->host, now, b->sock, it_bytes_str("hello"));
    else if (t->more)
        (void)!send(b->ksock, "hello", 5, MSG_NOSIGNAL);
}

/* What both say of themselves, as long as they are open. */
static void look(bench *b)
{
    socklen_t n = sizeof b->kinfo;
    if (b->sock >= 0 && b->e[US].open && !b->e[US].reset)
        (void)!it_host_tcp_info(b->host, b->sock, &b->info);
    if (b->ksock >= 0 && b->e[KER].open && !b->e[KER].fin_sent)
        (void)!getsockopt(b->ksock, IPPROTO_TCP, TCP_INFO, &b->kinfo, &n);
}

/* What the kernel's socket is asked for; no socket when it has nothing more to say. */
static struct pollfd wanted(const bench *b)
{
    struct pollfd f = {b->ksock >= 0 ? b->ksock : b->klisten, POLLIN, 0};
    if (b->ksock >= 0 && (!b->e[KER].open || (may_send(b, KER) && b->e[KER].sent < b->t->bytes[KER])))
        f.events |= POLLOUT;
    if (b->ksock >= 0 && (!may_read(b, KER) || b->e[KER].fin_got))
        f.events &= ~POLLIN;
    if (b->e[KER].reset)
        f.fd = -1;
    return f;
}

static bool step(bench *b)
{
    struct pollfd f = wanted(b);
    if (b->t->reorder)
        for (int from = 0; from < 2; from++)
            (void)!it_link_pick(b->w, b->link, from, 7, NULL, 4 * IT_MS);
    int rc = it_loop_wait(b->live, it_loop_now(b->live) + 20 * IT_MS, &f, f.fd >= 0);
    if (rc < 0)
        return fail(b, "the driver fails");
    if (!our_input(b) || (f.fd >= 0 && !kernel_events(b, f.revents)))
        return false;
    if (b->sock >= 0 && !our_pump(b))
        return false;
    if (b->ksock >= 0 && b->e[KER].open && !kernel_pump(b))
        return false;
    look(b);
    abort_when_due(b);
    cut_when_due(b);
    return true;
}

static bool run(bench *b)
{
    if (!open_world(b) || !open_connection(b))
        return false;
    while (!complete(b)) {
        if (it_loop_now(b->live) > LIMIT)
            return fail(b, "it does not end");
        if (!step(b))
            return false;
    }
    /* The last acknowledgments. */
    it_time until = it_loop_now(b->live) + 200 * IT_MS;
    while (it_loop_now(b->live) < until) {
        if (it_loop_wait(b->live, until, NULL, 0) < 0 || !our_input(b))
            return fail(b, "the driver fails");
    }
    if (b->cut && (b->over - b->cut < b->t->least || b->over - b->cut > b->t->most))
        return fail(b, "not given up when it should be");
    const char *what = b->t->proof ? b->t->proof(b) : NULL;
    return what ? fail(b, what) : true;
}

/* --- judging --- */

static bool write_capture(bench *b, const char *path)
{
    FILE *f = fopen(path, "wb");
    it_bytes all = it_capture_bytes(b->cap);
    bool ok = f && fwrite(all.p, 1, all.n, f) == all.n;
    return f && fclose(f) == 0 && ok && !it_capture_oom(b->cap);
}

/* The findings of tshark's analysis at our interface in what |source| sent, as lines of a count and a name; NULL when
 * it is not here. One interface alone: a segment seen at two taps looks like a retransmission. Window updates and full
 * windows are no faults. */
static FILE *findings(const char *path, const char *source)
{
    char command[1600];
    snprintf(command, sizeof command,
             "{ [ -e '%s.us' ] || tshark -r '%s' -Y 'frame.interface_name == \"us.eth\"' -w '%s.us'; } 2>/dev/null && "
             "tshark -d tcp.port==5001,data -r '%s.us' -Y 'ip.src == %s && !icmp && (tcp.analysis.flags || "
             "_ws.malformed)' -T "
             "json -J 'frame tcp' "
             "2>/dev/null | sed -n 's/.*\"tcp\\.analysis\\.\\([a-z_]*\\)\".*/\\1/p; "
             "s/.*\"_ws\\.\\(malformed\\)\".*/\\1/p' | "
             "grep -vE "
             "'^(flags|initial_rtt|bytes_in_flight|push_bytes_sent|acks_frame|ack_rtt|rto|rto_frame|window_update|"
             "window_full|"
             "duplicate_ack_(num|frame|frame_tree))$' | sort | uniq -c",
             path, path, path, path, source);
    return system("command -v tshark >/dev/null 2>&1") == 0 ? popen(command, "r") : NULL;
}

/* How many findings there are; the first that |allow| does not name into |bad|. -1: nobody looked. */
static int judge(const char *path, const char *source, const char *allow, char bad[64])
{
    char name[64], known[600], one[66];
    int n, all = 0;
    FILE *p = findings(path, source);
    bad[0] = 0;
    snprintf(known, sizeof known, " %s ", allow);
    while (p && fscanf(p, "%d %63s", &n, name) == 2) {
        all += n;
        snprintf(one, sizeof one, " %s ", name);
        if (!bad[0] && !strstr(known, one))
            memcpy(bad, name, sizeof name);
    }
    if (p)
        pclose(p);
    return p ? all : -1;
}

static int one(const trial *t, const char *dir)
{
    static bench b;
    char path[256] = "", ours[64] = "", theirs[64];
    int found = -1, kernels = -1;
    if (unshare(CLONE_NEWNET) < 0) {
        printf("SKIP interop: no network namespace\n");
        return 77;
    }
    b.t = t;
    bool ok = run(&b);
    if (dir && b.cap) {
        snprintf(path, sizeof path, "%s/%s.pcapng", dir, t->name);
        if (!write_capture(&b, path))
            ok = fail(&b, "the capture cannot be written");
        found = judge(path, "10.9.0.2", t->allow, ours);
        kernels = judge(path, "10.9.0.1", "", theirs);
        strcat(path, ".us");
        (void)unlink(path);
        /* A machine that is busy lets the kernel's timers run out; what we say to that is no fault. */
        if (ours[0] && (t->allow[0] || kernels == 0))
            ok = fail(&b, ours);
    }
    it_tcp_info info = {0};
    if (b.sock >= 0)
        (void)!it_host_tcp_info(b.host, b.sock, &info);
    printf("%s tcp %-22s %6.3f s  %9llu bytes out, %9llu in, %4llu sent again", ok ? "ok  " : "FAIL", t->name,
           b.live ? (double)it_loop_now(b.live) / 1e9 : 0.0, (unsigned long long)b.e[KER].got,
           (unsigned long long)b.e[US].got, (unsigned long long)info.retransmits);
    if (found >= 0)
        printf(", tshark remarks on %d of ours, %d of the kernel's%s", found, kernels,
               t->allow[0] ? " (caused by the case)" : "");
    printf("%s%s\n", b.why[0] ? "  " : "", b.why);
    return ok ? 0 : 1;
}

int gt_interop(const char *dir, const char *only)
{
    int bad = 0;
    for (size_t i = 0; i < (size_t)N_TRIALS; i++) {
        int status = 1;
        if (only && strcmp(only, TRIALS[i].name) != 0)
            continue;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            int rc = one(&TRIALS[i], dir);
            fflush(stdout);
            _exit(rc);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
            bad++;
        else if (WEXITSTATUS(status) == 77)
            return 77;
        else
            bad += WEXITSTATUS(status) != 0;
    }
    return bad ? 1 : 0;
}
