/* Streams on real sockets: both ways, their ends and the reasons, back-pressure, want of descriptors. */
#include "tests/lab/loop/probe.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NONE ((it_addr){{0, 0}, 0})

/* What the library calls in place of libc's: a machine that watches no more descriptors; what sockets are set to. */
static bool FULL;
static int GATHERS, GATHERS_NOT;

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev)
{
    if (FULL && op == EPOLL_CTL_ADD) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, ev);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
    if (level == IPPROTO_TCP && name == TCP_NODELAY)
        *(*(const int *)value ? &GATHERS_NOT : &GATHERS) += 1;
    return (int)syscall(SYS_setsockopt, fd, level, name, value, n);
}

static probe *A, *B;
static int CLIENT, SERVER;

/* A, which opens flow 5, and B, which accepts. |take|: what B takes of DATA at a time. */
static void connected(int is6, size_t take)
{
    it_addr at;
    loop_begin();
    A = probe_new();
    B = probe_new();
    B->take = take;
    CLIENT = probe_add(A, NONE);
    SERVER = probe_add(B, NONE);
    ck_assert_int_eq(it_loop_listen(LOOP, SERVER, local_of(is6, 0)), 0);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &at));
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 5, .remote = at});
    const it_io *o = probe_wait(A, IT_IO_OPENED, 0), *acc = probe_wait(B, IT_IO_ACCEPTED, 0);
    ck_assert_uint_eq(o->flow, 5);
    ck_assert_uint_ge(acc->flow, IT_IO_ACCEPTED_FLOW);
    ck_assert(it_addr_eq(o->local, acc->remote) && it_addr_eq(o->remote, at) && it_addr_eq(acc->local, at));
    ck_assert_uint_gt(o->data.n, 0);
}

static void disconnected(void)
{
    loop_end();
    probe_done(A);
    probe_done(B);
}

static uint32_t far_flow(void)
{
    return probe_got(B, IT_IO_ACCEPTED, 0)->flow;
}

static it_io says(uint32_t flow, enum it_io_kind kind, const char *text)
{
    return (it_io){.kind = kind, .flow = flow, .data = it_bytes_of(text, text ? strlen(text) : 0)};
}

START_TEST(bytes_pass_both_ways_and_then_the_ends)
{
    connected(_i, SIZE_MAX);
    probe_put(CLIENT, A, says(5, IT_IO_DATA, "question"));
    ck_assert(it_bytes_eq(probe_wait(B, IT_IO_DATA, 0)->data, it_bytes_str("question")));
    probe_put(SERVER, B, says(far_flow(), IT_IO_DATA, "answer"));
    probe_put(SERVER, B, says(far_flow(), IT_IO_FIN, NULL));
    ck_assert(it_bytes_eq(probe_wait(A, IT_IO_DATA, 0)->data, it_bytes_str("answer")));
    probe_wait(A, IT_IO_FIN, 0);
    probe_put(CLIENT, A, says(5, IT_IO_DATA, ", thanks"));
    probe_put(CLIENT, A, says(5, IT_IO_FIN, NULL));
    probe_wait(B, IT_IO_FIN, 0);
    ck_assert_mem_eq(B->bytes, "question, thanks", 16);
    /* Both are gone: the number is free, and nothing more comes. */
    pass_time(20 * IT_MS);
    ck_assert_ptr_null(probe_got(A, IT_IO_RST, 0));
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 5, .remote = probe_got(B, IT_IO_ACCEPTED, 0)->local});
    probe_wait(A, IT_IO_OPENED, 1);
    disconnected();
}
END_TEST

START_TEST(a_reset_says_so_at_the_other_end)
{
    connected(_i, SIZE_MAX);
    probe_put(CLIENT, A, says(5, IT_IO_RST, NULL));
    const it_io *r = probe_wait(B, IT_IO_RST, 0);
    ck_assert_uint_eq(r->flow, far_flow());
    ck_assert_int_eq(r->end, IT_IO_END_RESET);
    disconnected();
}
END_TEST

START_TEST(a_port_that_nobody_listens_on_refuses)
{
    A = probe_new();
    loop_begin();
    int i = probe_add(A, NONE);
    probe_put(i, A, (it_io){.kind = IT_IO_OPEN, .flow = 1, .remote = local_of(_i, 9)});
    const it_io *r = probe_wait(A, IT_IO_RST, 0);
    ck_assert_uint_eq(r->flow, 1);
    ck_assert_int_eq(r->end, IT_IO_END_REFUSED);
    loop_end();
    probe_done(A);
}
END_TEST

START_TEST(a_network_without_a_way_is_unreachable)
{
    A = probe_new();
    if (!own_network(65536))
        return;
    loop_begin();
    int i = probe_add(A, NONE);
    probe_put(i, A, (it_io){.kind = IT_IO_OPEN, .flow = 1, .remote = it_addr_of(it_ip4(0xc6336401), 80)});
    ck_assert_int_eq(probe_wait(A, IT_IO_RST, 0)->end, IT_IO_END_UNREACHABLE);
    probe_put(i, A,
              (it_io){.kind = IT_IO_OPEN,
                      .flow = 1,
                      .local = it_addr_of(it_ip4(0xc6336402), 0),
                      .remote = it_addr_of(it_ip4(0x7f000001), 80)});
    ck_assert_int_eq(probe_wait(A, IT_IO_RST, 1)->end, IT_IO_END_LOCAL); /* no address of the host's */
    loop_end();
    probe_done(A);
}
END_TEST

/* What WRITABLE has granted since the |*seen|-th. */
static void take_grants(size_t *granted, int *seen)
{
    for (const it_io *w; (w = probe_got(A, IT_IO_WRITABLE, *seen)); ++*seen)
        *granted = w->data.n;
}

/* Writes until the room is used up that OPENED and WRITABLE have granted; returns how much that was. */
static size_t write_all(size_t *granted, int *seen)
{
    static uint8_t block[16384];
    size_t wrote = 0;
    take_grants(granted, seen);
    while (*granted) {
        size_t n = *granted < sizeof block ? *granted : sizeof block;
        *granted -= n;
        wrote += n;
        probe_put(CLIENT, A, (it_io){.kind = IT_IO_DATA, .flow = 5, .data = it_bytes_of(block, n)});
        take_grants(granted, seen);
    }
    return wrote;
}

START_TEST(a_reader_that_takes_nothing_stops_the_writer_and_nothing_is_lost)
{
    int writable = 0;
    size_t wrote = 0, more;
    connected(_i, 0);
    size_t granted = probe_got(A, IT_IO_OPENED, 0)->data.n;
    /* It ends: the buffers of the kernel are finite. */
    do {
        more = write_all(&granted, &writable);
        wrote += more;
        pass_time(20 * IT_MS);
    } while (more || probe_got(A, IT_IO_WRITABLE, writable));
    ck_assert_uint_gt(wrote, IT_LOOP_BUFFER);
    /* What no window has room for waits where the app can tell, not in megabytes of the kernel's. */
    ck_assert_uint_lt(wrote, 8 * IT_LOOP_BUFFER);
    ck_assert_uint_eq(B->n_bytes, 0);
    B->take = 5000;
    for (it_time until = it_loop_now(LOOP) + 30 * IT_SEC; B->n_bytes < wrote && it_loop_now(LOOP) < until;) {
        probe_put(SERVER, B, says(far_flow(), IT_IO_WRITABLE, NULL));
        B->n_in = B->n_in > 100 ? 1 : B->n_in;
        pass_time(10 * IT_US);
    }
    ck_assert_uint_eq(B->n_bytes, wrote);
    ck_assert_ptr_nonnull(probe_wait(A, IT_IO_WRITABLE, writable)); /* there is room again */
    disconnected();
}
END_TEST

START_TEST(more_than_the_room_is_an_error_of_the_object)
{
    static uint8_t block[IT_LOOP_DGRAM];
    connected(0, 0);
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_DATA, .flow = 5, .data = it_bytes_of(block, 60000)});
    ck_assert_ptr_eq(it_loop_app(LOOP, CLIENT), A);
    A->out[A->n_out++] = (it_io){.kind = IT_IO_DATA, .flow = 5, .data = it_bytes_of(block, 60000)};
    int err = it_loop_flush(LOOP);
    ck_assert(err == IT_ERR_TOOBIG || err == 0); /* the kernel may have taken the first already */
    A->out[A->n_out++] = (it_io){.kind = IT_IO_OPEN, .flow = 5, .remote = local_of(0, 9)};
    ck_assert_ptr_eq(it_loop_app(LOOP, CLIENT), A);
    ck_assert_int_eq(it_loop_flush(LOOP), IT_ERR_EXISTS);
    disconnected();
}
END_TEST

START_TEST(what_waits_is_sent_before_the_end_is)
{
    static uint8_t block[IT_LOOP_BUFFER / 2];
    connected(_i, SIZE_MAX);
    memset(block, 'x', sizeof block);
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_DATA, .flow = 5, .data = it_bytes_of(block, sizeof block)});
    probe_put(CLIENT, A, says(5, IT_IO_FIN, NULL));
    probe_wait(B, IT_IO_FIN, 0);
    ck_assert_uint_eq(B->n_bytes, sizeof block);
    disconnected();
}
END_TEST

START_TEST(a_machine_without_descriptors_accepts_later)
{
    struct rlimit was, few;
    it_addr at;
    connected(0, SIZE_MAX);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &at));
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 6, .remote = at}); /* has its descriptor */
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    probe_wait(A, IT_IO_OPENED, 1); /* the kernel has it in the queue */
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 7, .remote = at});
    ck_assert_int_eq(probe_wait(A, IT_IO_RST, 0)->end, IT_IO_END_LOCAL);
    clock_t before = clock();
    pass_time(300 * IT_MS);
    ck_assert_int_lt((clock() - before) * 1000 / CLOCKS_PER_SEC, 100); /* it does not spin */
    ck_assert_ptr_null(probe_got(B, IT_IO_ACCEPTED, 1));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    probe_wait(B, IT_IO_ACCEPTED, 1);
    disconnected();
}
END_TEST

START_TEST(an_end_that_was_said_too_early_is_said_in_time)
{
    it_addr at;
    connected(_i, SIZE_MAX);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &at));
    ck_assert_ptr_eq(it_loop_app(LOOP, CLIENT), A);
    A->out[A->n_out++] = (it_io){.kind = IT_IO_OPEN, .flow = 6, .remote = at};
    A->out[A->n_out++] = says(6, IT_IO_FIN, NULL); /* before OPENED */
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
    ck_assert_uint_eq(probe_wait(B, IT_IO_FIN, 0)->flow, probe_wait(B, IT_IO_ACCEPTED, 1)->flow);
    disconnected();
}
END_TEST

START_TEST(the_last_words_of_an_app_are_delivered)
{
    connected(_i, SIZE_MAX);
    ck_assert_ptr_eq(it_loop_app(LOOP, CLIENT), A);
    A->out[A->n_out++] = says(5, IT_IO_DATA, "goodbye");
    it_loop_remove(LOOP, CLIENT);
    ck_assert(A->freed);
    probe_wait(B, IT_IO_FIN, 0);
    ck_assert(it_bytes_eq(probe_got(B, IT_IO_DATA, 0)->data, it_bytes_str("goodbye")));
    disconnected();
}
END_TEST

START_TEST(an_app_that_leaves_bytes_unread_does_not_reset_its_last_words)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), no = -1;
    socklen_t n = sizeof no;
    char got[16] = "";
    connected(0, SIZE_MAX);
    it_addr at = probe_got(B, IT_IO_ACCEPTED, 0)->local;
    to.sin_port = htons(at.port);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    uint32_t flow = probe_wait(B, IT_IO_ACCEPTED, 1)->flow;
    ck_assert_int_eq(send(fd, "unread", 6, 0), 6);
    ck_assert_ptr_eq(it_loop_app(LOOP, SERVER), B);
    B->out[B->n_out++] = says(flow, IT_IO_DATA, "goodbye");
    it_loop_remove(LOOP, SERVER);
    ck_assert_int_eq(recv(fd, got, sizeof got, 0), 7);
    ck_assert_int_eq(recv(fd, got + 8, 8, 0), 0);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &no, &n), 0);
    ck_assert_int_eq(no, 0);
    close(fd);
    disconnected();
}
END_TEST

/* --- a busy stream --- */

/* Takes a part of what comes, and at once wants the rest. */
typedef struct glutton {
    uint32_t flow;
    bool wants;
    size_t took;
} glutton;

static int glutton_input(void *o, it_time now, const it_io *in)
{
    glutton *g = o;
    (void)now;
    if (in->kind != IT_IO_DATA)
        return (int)in->data.n;
    size_t n = in->data.n < 1000 ? in->data.n : 1000;
    g->flow = in->flow;
    g->wants = n < in->data.n;
    g->took += n;
    return (int)n;
}

static int glutton_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    glutton *g = o;
    (void)now, (void)buf, (void)cap;
    if (!g->wants)
        return 0;
    g->wants = false;
    *out = (it_io){.kind = IT_IO_WRITABLE, .flow = g->flow};
    return 1;
}

static void glutton_free(void *o)
{
    (void)o;
}

static const it_object_ops GLUTTON_OPS = {
    .kind = "glutton", .input = glutton_input, .output = glutton_output, .free = glutton_free};

/* Writes to |at| as fast as it can, in a process of its own. */
static pid_t flood(it_addr at)
{
    static char block[65536];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at.port)};
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        while (getppid() == parent && send(fd, block, sizeof block, MSG_NOSIGNAL) > 0)
            continue;
    _exit(0);
}

START_TEST(a_busy_stream_holds_up_neither_the_loop_nor_others)
{
    glutton g = {0, false, 0};
    it_loop_app_cfg cfg = {.no_bases = true};
    it_addr at;
    connected(0, SIZE_MAX);
    int i = it_loop_add(LOOP, &GLUTTON_OPS, &g, &cfg, NULL);
    ck_assert_int_eq(it_loop_listen(LOOP, i, local_of(0, 0)), 0);
    ck_assert(it_loop_app_addr(LOOP, i, 0, &at));
    pid_t pids[] = {flood(at), flood(at), flood(at)};
    for (it_time until = it_loop_now(LOOP) + 20 * IT_SEC; g.took < 4000000 && it_loop_now(LOOP) < until;)
        pass_time(IT_MS);
    ck_assert_uint_ge(g.took, 4000000);
    it_time before = it_loop_now(LOOP);
    for (int k = 0; k < 20; k++) { /* an answer takes a turn or two, not as long as the flood lasts */
        probe_put(CLIENT, A, says(5, IT_IO_DATA, "x"));
        probe_wait(B, IT_IO_DATA, k);
    }
    ck_assert_int_lt(it_loop_now(LOOP) - before, 10 * IT_SEC);
    before = it_loop_now(LOOP);
    pass_time(50 * IT_MS);
    ck_assert_int_lt(it_loop_now(LOOP) - before, 5 * IT_SEC);
    for (size_t k = 0; k < 3; k++) {
        kill(pids[k], SIGKILL);
        waitpid(pids[k], NULL, 0);
    }
    disconnected();
}
END_TEST

/* --- what the machine may refuse, and what it is asked for --- */

START_TEST(a_machine_that_watches_no_more_descriptors_refuses)
{
    it_addr at;
    connected(_i, SIZE_MAX);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &at));
    FULL = true;
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 6, .remote = at});
    const it_io *r = probe_wait(A, IT_IO_RST, 0);
    ck_assert_uint_eq(r->flow, 6);
    ck_assert_int_eq(r->end, IT_IO_END_LOCAL);
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_BIND, .flow = IT_IO_BOUND_FLOW, .local = local_of(_i, 0)});
    ck_assert_uint_eq(probe_wait(A, IT_IO_BOUND, 0)->local.port, 0);
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_LISTEN, .flow = IT_IO_BOUND_FLOW, .local = local_of(_i, 0)});
    ck_assert_uint_eq(probe_wait(A, IT_IO_LISTENING, 0)->local.port, 0);
    /* The others go on. */
    probe_put(CLIENT, A, says(5, IT_IO_DATA, "question"));
    probe_wait(B, IT_IO_DATA, 0);
    FULL = false;
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = 6, .remote = at});
    probe_wait(A, IT_IO_OPENED, 1);
    disconnected();
}
END_TEST

static bool gathers(const void *o)
{
    (void)o;
    return true;
}

START_TEST(small_segments_are_gathered_for_who_wants_it)
{
    static it_object_ops ops;
    it_addr at;
    probe *c = probe_new();
    GATHERS = GATHERS_NOT = 0;
    connected(_i, SIZE_MAX);
    ck_assert_int_eq(GATHERS, 0);
    ck_assert_int_eq(GATHERS_NOT, 2); /* the opened and the accepted one */
    ops = PROBE_OPS;
    ops.nagle = gathers;
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &at));
    int i = it_loop_add(LOOP, &ops, c, &(it_loop_app_cfg){.no_bases = true}, NULL);
    probe_put(i, c, (it_io){.kind = IT_IO_OPEN, .flow = 1, .remote = at});
    probe_wait(c, IT_IO_OPENED, 0);
    probe_wait(B, IT_IO_ACCEPTED, 1);
    ck_assert_int_eq(GATHERS, 1);
    ck_assert_int_eq(GATHERS_NOT, 3);
    disconnected();
    probe_done(c);
}
END_TEST

/* A opens flow |flow| from |local| to |remote|. */
static void opens_from(uint32_t flow, it_addr local, it_addr remote)
{
    probe_put(CLIENT, A, (it_io){.kind = IT_IO_OPEN, .flow = flow, .local = local, .remote = remote});
}

START_TEST(streams_of_one_port_lead_to_several_ends_and_to_the_same_one_again)
{
    it_addr first, second;
    connected(_i, SIZE_MAX);
    ck_assert_int_eq(it_loop_listen(LOOP, SERVER, local_of(_i, 0)), 0);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &first) && it_loop_app_addr(LOOP, SERVER, 1, &second));
    probe_put(CLIENT, A, says(5, IT_IO_RST, NULL));
    opens_from(6, local_of(_i, 0), first); /* any port, which is then asked for by its number */
    it_addr local = probe_wait(A, IT_IO_OPENED, 1)->local;
    opens_from(7, local, second);
    ck_assert(it_addr_eq(probe_wait(A, IT_IO_OPENED, 2)->local, local));
    probe_put(CLIENT, A, says(7, IT_IO_FIN, NULL)); /* this end will be in TIME-WAIT */
    probe_wait(B, IT_IO_FIN, 0);
    probe_put(SERVER, B, says(probe_got(B, IT_IO_ACCEPTED, 2)->flow, IT_IO_FIN, NULL));
    probe_wait(A, IT_IO_FIN, 0);
    ck_assert_int_eq(it_loop_listen(LOOP, SERVER, local_of(_i, 0)), 0);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 2, &second));
    opens_from(8, local, second);
    ck_assert(it_addr_eq(probe_wait(A, IT_IO_OPENED, 3)->local, local));
    /* The very same ends twice are refused, and said to be. */
    opens_from(9, local, first);
    const it_io *r = probe_wait(A, IT_IO_RST, 0);
    ck_assert(r->flow == 9 && r->end == IT_IO_END_LOCAL);
    disconnected();
}
END_TEST

START_TEST(an_app_opens_from_the_port_that_it_listens_on_and_nobody_else_listens_there)
{
    it_addr own, far;
    probe *other = probe_new();
    connected(_i, SIZE_MAX);
    ck_assert(it_loop_app_addr(LOOP, SERVER, 0, &far));
    ck_assert_int_eq(it_loop_listen(LOOP, CLIENT, local_of(_i, 0)), 0);
    ck_assert(it_loop_app_addr(LOOP, CLIENT, 0, &own));
    opens_from(6, own, far);
    ck_assert(it_addr_eq(probe_wait(A, IT_IO_OPENED, 1)->local, own));
    int third = probe_add(other, NONE);
    ck_assert_int_eq(it_loop_listen(LOOP, third, own), IT_ERR_EXISTS);
    probe_put(third, other, (it_io){.kind = IT_IO_OPEN, .flow = 1, .local = own, .remote = far});
    ck_assert_int_eq(probe_wait(other, IT_IO_RST, 0)->end, IT_IO_END_LOCAL);     /* and nobody opens from there */
    probe_put(SERVER, B, (it_io){.kind = IT_IO_OPEN, .flow = 1, .remote = own}); /* it still listens */
    ck_assert(it_addr_eq(probe_wait(A, IT_IO_ACCEPTED, 0)->local, own));
    disconnected();
    probe_done(other);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/tcp");
    TCase *t = tcase_create("streams");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, bytes_pass_both_ways_and_then_the_ends, 0, 2);
    tcase_add_loop_test(t, a_reset_says_so_at_the_other_end, 0, 2);
    tcase_add_loop_test(t, a_port_that_nobody_listens_on_refuses, 0, 2);
    tcase_add_test(t, a_network_without_a_way_is_unreachable);
    tcase_add_loop_test(t, a_reader_that_takes_nothing_stops_the_writer_and_nothing_is_lost, 0, 2);
    tcase_add_test(t, more_than_the_room_is_an_error_of_the_object);
    tcase_add_loop_test(t, what_waits_is_sent_before_the_end_is, 0, 2);
    tcase_add_test(t, a_machine_without_descriptors_accepts_later);
    tcase_add_loop_test(t, an_end_that_was_said_too_early_is_said_in_time, 0, 2);
    tcase_add_loop_test(t, the_last_words_of_an_app_are_delivered, 0, 2);
    tcase_add_test(t, an_app_that_leaves_bytes_unread_does_not_reset_its_last_words);
    tcase_add_test(t, a_busy_stream_holds_up_neither_the_loop_nor_others);
    tcase_add_loop_test(t, a_machine_that_watches_no_more_descriptors_refuses, 0, 2);
    tcase_add_loop_test(t, small_segments_are_gathered_for_who_wants_it, 0, 2);
    tcase_add_loop_test(t, streams_of_one_port_lead_to_several_ends_and_to_the_same_one_again, 0, 2);
    tcase_add_loop_test(t, an_app_opens_from_the_port_that_it_listens_on_and_nobody_else_listens_there, 0, 2);
    suite_add_tcase(s, t);
    return probe_main(s);
}
