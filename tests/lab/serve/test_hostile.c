/* The servers of `icetank serve` on real sockets, in a process of their own, under clients that mean them no good: each
 * source has its share, and the TURN server keeps within its memory, and an honest client's datagrams all come back
 * meanwhile. */
#include "lab/serve/serve.h"
#include "stack/stun/longterm.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUOTA 20         /* relayed addresses of a user */
#define TRIED 10000      /* allocations */
#define AT_ONCE 100      /* of them */
#define GROWTH_KB 16384L /* of the server's memory, at most */
#define HONEST 0x7f000001u
#define HOSTILE 0x7f000002u
#define PEER 0x7f000003u

static const it_stun_user USERS[] = {{"alice", "secret"}, {"mallory", "hunter2"}};
static const char *SERVICE = "turn";
static uint32_t SHARE; /* of connections, and whatever else, of one source; 0: all */
static pid_t SERVER;
static struct sockaddr_in AT;

/* A client: a socket, and what it knows of the server. */
typedef struct caller {
    int fd;
    it_stun_longterm lt;
    uint8_t wire[1024], answer[2048];
    it_stun_msg resp;
} caller;

/* --- the server --- */

/* Of the two transports TCP is the last. */
static void say_up(void *self, const char *transport, it_addr a, bool up)
{
    const int *to = self;
    (void)a;
    if (up && strcmp(transport, "tcp") == 0 && write(*to, "", 1) < 0)
        _exit(3);
}

/* Serves on |port| until SIGTERM; the code is 0 when nothing is left allocated. */
static void serve(uint16_t port, int to)
{
    static it_alloc alloc;
    static it_limit_count count;
    static it_serve_stop stop;
    const it_addr at = it_addr_of(it_ip4(HONEST), port);
    const it_prefix allow = {it_ip4(PEER), 128};
    it_addr bad;
    it_alloc_init(&alloc);
    it_loop *l = it_loop_new(&(it_loop_cfg){.alloc = &alloc, .clock = IT_CLOCK_WALL});
    it_serve_cfg cfg = {
        .alloc = &alloc, .loop = l, .seed = 1, .addrs = &at, .n_addrs = 1, .count = &count, .bound = say_up};
    cfg.self = &to;
    cfg.stop = &stop;
    cfg.limit.streams = SHARE;
    cfg.turn = (it_serve_turn_cfg){.realm = "icetank", .users = USERS, .n_users = 2, .user_allocations = QUOTA};
    cfg.turn.allow = &allow;
    cfg.turn.n_allow = 1;
    it_loop_more_descriptors();
    if (!l || it_loop_stop_on_signals(l) < 0 || it_service_of(SERVICE)->start(&cfg, &bad) < 0)
        _exit(2);
    int rc = 0;
    while (rc >= 0 && rc != IT_LOOP_STOPPED)
        rc = it_loop_wait(l, IT_NEVER, NULL, 0);
    it_loop_free(l);
    _exit(rc < 0 || alloc.live != 0);
}

/* A port that is free for both transports. */
static uint16_t free_port(void)
{
    for (;;) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(HONEST)};
        socklen_t n = sizeof at;
        int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
        bool ok = bind(udp, (struct sockaddr *)&at, sizeof at) == 0;
        ok = ok && getsockname(udp, (struct sockaddr *)&at, &n) == 0;
        ok = ok && bind(tcp, (struct sockaddr *)&at, sizeof at) == 0;
        close(udp);
        close(tcp);
        if (ok)
            return ntohs(at.sin_port);
    }
}

static void setup(void)
{
    int fds[2];
    char up;
    uint16_t port = free_port();
    pid_t parent = getpid();
    it_loop_more_descriptors();
    ck_assert_int_eq(pipe(fds), 0);
    SERVER = fork();
    if (SERVER == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(4);
        serve(port, fds[1]);
    }
    close(fds[1]);
    ck_assert_int_eq(read(fds[0], &up, 1), 1);
    close(fds[0]);
    AT = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(HONEST)};
}

static void teardown(void)
{
    int status = -1;
    kill(SERVER, SIGTERM);
    ck_assert_int_eq(waitpid(SERVER, &status, 0), SERVER);
    ck_assert_int_eq(status, 0);
}

static long server_kb(void)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)SERVER);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        (void)sscanf(line, "VmRSS: %ld", &kb);
    fclose(f);
    return kb;
}

/* --- clients --- */

/* A socket of |type| on |ip|, connected to the server unless it is the |peer|. */
static int socket_on(uint32_t ip, int type, bool peer)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    if (!peer)
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&AT, sizeof AT), 0);
    return fd;
}

static void caller_begin(caller *c, uint32_t ip, const char *user, const char *password)
{
    c->fd = socket_on(ip, SOCK_DGRAM, false);
    it_stun_longterm_init(&c->lt, it_bytes_str(user), it_bytes_str(password));
}

/* What comes within |ms|, 0: nothing. */
static size_t caller_hears(caller *c, int ms)
{
    struct pollfd f = {c->fd, POLLIN, 0};
    ssize_t n = poll(&f, 1, ms) > 0 ? recv(c->fd, c->answer, sizeof c->answer, MSG_DONTWAIT) : 0;
    return n > 0 ? (size_t)n : 0;
}

static void request_begin(caller *c, it_buf *b, uint16_t method)
{
    static uint32_t serial;
    uint8_t txid[IT_STUN_TXID] = {1};
    it_put32(txid + 4, ++serial);
    it_buf_init(b, c->wire, sizeof c->wire);
    it_stun_begin(b, IT_STUN_REQUEST, method, txid);
    if (method == IT_STUN_ALLOCATE)
        it_stun_put_u32(b, IT_STUN_REQUESTED_TRANSPORT, IT_TURN_UDP);
}

/* Sends it, with credentials once there was a challenge. Returns its bytes. */
static it_bytes request_send(caller *c, it_buf *b)
{
    it_stun_longterm_put(&c->lt, b);
    it_stun_longterm_sign(&c->lt, b);
    int n = it_stun_end(b);
    ck_assert_int_gt(n, 0);
    (void)send(c->fd, c->wire, (size_t)n, 0);
    return it_bytes_of(c->wire, (size_t)n);
}

/* The code of the response to |request|, 0: success, -1: there was none. */
static int response(caller *c, it_bytes request)
{
    int code = 0;
    size_t n = caller_hears(c, 2000);
    if (n == 0 || it_stun_parse(&c->resp, it_bytes_of(c->answer, n)) < 0)
        return -1;
    (void)it_stun_longterm_response(&c->lt, &c->resp, request, NULL);
    if (c->resp.cls == IT_STUN_ERROR)
        ck_assert_int_eq(it_stun_get_error(&c->resp, &code, NULL), 0);
    return code;
}

/* Asks |method| about |peer|, where there is one. */
static int ask(caller *c, uint16_t method, const it_addr *peer)
{
    it_buf b;
    request_begin(c, &b, method);
    if (method == IT_STUN_CHANNEL_BIND)
        it_stun_put_u32(&b, IT_STUN_CHANNEL_NUMBER, IT_TURN_CHANNEL_FIRST);
    if (peer)
        it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, *peer);
    return response(c, request_send(c, &b));
}

/* --- the honest one --- */

static caller HONEST_ONE;
static int ECHO;

static void honest_begin(void)
{
    struct sockaddr_in at;
    socklen_t n = sizeof at;
    ECHO = socket_on(PEER, SOCK_DGRAM, true);
    ck_assert_int_eq(getsockname(ECHO, (struct sockaddr *)&at, &n), 0);
    it_addr peer = it_addr_of(it_ip4(PEER), ntohs(at.sin_port));
    caller_begin(&HONEST_ONE, HONEST, "alice", "secret");
    ck_assert_int_eq(ask(&HONEST_ONE, IT_STUN_ALLOCATE, NULL), 401);
    ck_assert_int_eq(ask(&HONEST_ONE, IT_STUN_ALLOCATE, NULL), 0);
    ck_assert_int_eq(ask(&HONEST_ONE, IT_STUN_CHANNEL_BIND, &peer), 0);
}

/* A datagram of the honest one goes to its peer and comes back. */
static void honest_is_served(void)
{
    static uint32_t number;
    uint8_t d[IT_TURN_CHANNEL_HEAD + 4], at_peer[64];
    struct sockaddr_in from;
    socklen_t n = sizeof from;
    struct pollfd f = {ECHO, POLLIN, 0};
    it_turn_channel_head(d, IT_TURN_CHANNEL_FIRST, 4);
    it_put32(d + IT_TURN_CHANNEL_HEAD, ++number);
    ck_assert_int_eq(send(HONEST_ONE.fd, d, sizeof d, 0), sizeof d);
    ck_assert_int_eq(poll(&f, 1, 5000), 1);
    ck_assert_int_eq(recvfrom(ECHO, at_peer, sizeof at_peer, 0, (struct sockaddr *)&from, &n), 4);
    ck_assert_int_eq(sendto(ECHO, at_peer, 4, 0, (struct sockaddr *)&from, n), 4);
    ck_assert_uint_eq(caller_hears(&HONEST_ONE, 5000), sizeof d);
    ck_assert_mem_eq(HONEST_ONE.answer, d, sizeof d);
}

/* --- attacks --- */

START_TEST(ten_thousand_allocations_are_tried_and_a_quota_is_had)
{
    static caller c[AT_ONCE];
    static it_bytes asked[AT_ONCE];
    it_buf b;
    int had = 0, refused = 0;
    honest_begin();
    long before = server_kb();
    for (int round = 0; round < TRIED / AT_ONCE; round++) {
        for (int k = 0; k < AT_ONCE; k++)
            caller_begin(&c[k], HOSTILE, "mallory", "hunter2");
        for (int step = 0; step < 2; step++) {
            for (int k = 0; k < AT_ONCE; k++) {
                request_begin(&c[k], &b, IT_STUN_ALLOCATE);
                asked[k] = request_send(&c[k], &b);
            }
            for (int k = 0; k < AT_ONCE; k++) {
                int code = response(&c[k], asked[k]);
                ck_assert_msg(step || code == 401, "%d", code);
                had += step && code == 0;
                refused += step && (code == 486 || code == 437); /* its port had got one before */
            }
        }
        for (int k = 0; k < AT_ONCE; k++)
            close(c[k].fd);
        honest_is_served();
    }
    ck_assert_int_eq(had, QUOTA);
    ck_assert_int_eq(refused, TRIED - QUOTA);
    ck_assert_int_lt(server_kb() - before, GROWTH_KB);
}
END_TEST

START_TEST(floods_of_noise_and_of_requests_without_credentials)
{
    caller m;
    it_buf b;
    uint8_t noise[64];
    honest_begin();
    caller_begin(&m, HOSTILE, "mallory", "wrong");
    long before = server_kb();
    for (int k = 0; k < 20000; k++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)(rand() >> 7);
        noise[0] = (uint8_t)(k % 4 == 1 ? 0 : noise[0]);
        noise[0] = (uint8_t)(k % 4 == 2 ? 0x40 : noise[0]);
        if (k % 4) {
            (void)send(m.fd, noise, sizeof noise, 0);
        } else {
            request_begin(&m, &b, IT_STUN_ALLOCATE); /* a nonce for each */
            (void)request_send(&m, &b);
        }
        if (k % 50 == 0)
            honest_is_served();
        while (k % 50 == 0 && caller_hears(&m, 0))
            ;
    }
    ck_assert_int_lt(server_kb() - before, GROWTH_KB);
    close(m.fd);
}
END_TEST

START_TEST(connections_that_say_nothing_or_never_end_a_message)
{
    static int fd[400];
    static const uint8_t HEAD[] = {0, 1, 0, 100, 0x21, 0x12, 0xa4, 0x42};
    honest_begin();
    long before = server_kb();
    for (int k = 0; k < 400; k++) {
        fd[k] = socket_on(HOSTILE, SOCK_STREAM, false);
        if (k % 2)
            ck_assert_int_eq(send(fd[k], HEAD, (size_t)(1 + k % 8), 0), 1 + k % 8);
        if (k % 20 == 0)
            honest_is_served();
    }
    for (size_t i = 0; i < sizeof HEAD; i++) /* byte by byte */
        for (int k = 0; k < 400; k += 2) {
            (void)send(fd[k], HEAD + i, 1, MSG_NOSIGNAL);
            if (k % 100 == 0)
                honest_is_served();
        }
    ck_assert_int_lt(server_kb() - before, GROWTH_KB);
    /* Another one is served by TCP all the same. */
    caller other;
    it_buf b;
    other.fd = socket_on(HONEST, SOCK_STREAM, false);
    it_stun_longterm_init(&other.lt, it_bytes_str("alice"), it_bytes_str("secret"));
    request_begin(&other, &b, IT_STUN_BINDING);
    ck_assert_int_eq(response(&other, request_send(&other, &b)), 0);
    for (int k = 0; k < 400; k++)
        close(fd[k]);
    honest_is_served();
}
END_TEST

START_TEST(peers_of_its_own_address_and_behind_it_are_refused)
{
    static const uint32_t DENIED[] = {HONEST, HOSTILE, 0x0a000001, 0xc0a80101, 0xa9fea9fe, 0, 0xe0000001, 0xffffffff};
    caller m;
    honest_begin();
    caller_begin(&m, HOSTILE, "mallory", "hunter2");
    ck_assert_int_eq(ask(&m, IT_STUN_ALLOCATE, NULL), 401);
    ck_assert_int_eq(ask(&m, IT_STUN_ALLOCATE, NULL), 0);
    for (size_t i = 0; i < sizeof DENIED / sizeof *DENIED; i++) {
        it_addr peer = it_addr_of(it_ip4(DENIED[i]), ntohs(AT.sin_port));
        bool own = DENIED[i] == HONEST; /* that may be another client's relayed address, but not the server */
        ck_assert_int_eq(ask(&m, IT_STUN_CHANNEL_BIND, &peer), 403);
        if (!own)
            ck_assert_int_eq(ask(&m, IT_STUN_CREATE_PERMISSION, &peer), 403);
        honest_is_served();
    }
    close(m.fd);
}
END_TEST

/* --- one source and the others, whatever the server --- */

static const char *const ALL[] = {"stun", "turn", "ws", "signal", "rendezvous", "rtmfp"};

/* What the server answers to |text| of |n| bytes over |fd|; false: nothing. */
static bool is_answered(int fd, const void *text, size_t n)
{
    char answer[256];
    struct pollfd f = {fd, POLLIN, 0};
    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n && poll(&f, 1, 5000) == 1 &&
           recv(fd, answer, sizeof answer, 0) > 0;
}

static bool is_reset(int fd)
{
    struct pollfd f = {fd, POLLIN, 0};
    return poll(&f, 1, 200) == 1;
}

/* Every server gives one source so many connections, and others theirs. */
START_TEST(one_source_does_not_have_all_connections)
{
    static const uint8_t BINDING[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7};
    static const char GET[] = "GET /?box=bob&key=k HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd[60], open = 0;
    SERVICE = ALL[_i];
    SHARE = 20;
    setup();
    for (int k = 0; k < 60; k++)
        fd[k] = socket_on(HOSTILE, SOCK_STREAM, false);
    int honest = socket_on(HONEST, SOCK_STREAM, false);
    ck_assert(_i < 2 ? is_answered(honest, BINDING, sizeof BINDING) : is_answered(honest, GET, sizeof GET - 1));
    for (int k = 0; k < 60; k++) {
        open += !is_reset(fd[k]);
        close(fd[k]);
    }
    ck_assert_int_eq(open, 20);
    close(honest);
    teardown();
}
END_TEST

/* It closes its half behind a request: whatever the server, the request is owed its answer. */
START_TEST(who_closes_its_half_is_answered)
{
    static const uint8_t BINDING[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7};
    static const char GET[] = "GET /?box=bob&key=k&hold=20 HTTP/1.1\r\nHost: a\r\n\r\n";
    char answer[512];
    SERVICE = ALL[_i];
    SHARE = 0;
    setup();
    int fd = socket_on(HONEST, SOCK_STREAM, false);
    struct pollfd f = {fd, POLLIN, 0};
    ck_assert_int_gt(send(fd, _i < 2 ? (const void *)BINDING : GET, _i < 2 ? sizeof BINDING : sizeof GET - 1, 0), 0);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    ck_assert_int_eq(poll(&f, 1, 5000), 1);
    ck_assert_int_gt(recv(fd, answer, sizeof answer, 0), 0);
    close(fd);
    teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/hostile");
    TCase *t = tcase_create("TURN");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, ten_thousand_allocations_are_tried_and_a_quota_is_had);
    tcase_add_test(t, floods_of_noise_and_of_requests_without_credentials);
    tcase_add_test(t, connections_that_say_nothing_or_never_end_a_message);
    tcase_add_test(t, peers_of_its_own_address_and_behind_it_are_refused);
    suite_add_tcase(s, t);
    TCase *all = tcase_create("one source and the others");
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, one_source_does_not_have_all_connections, 0, 6);
    tcase_add_loop_test(all, who_closes_its_half_is_answered, 0, 6);
    suite_add_tcase(s, all);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
