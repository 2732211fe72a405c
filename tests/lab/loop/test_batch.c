/* Datagrams that are sent together: they come one by one, as they were put out. */
#include "tests/lab/loop/probe.h"

#include <netinet/udp.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static uint8_t BYTES[64][4000];

/* Queues |io| at |p|, to leave with all others that are queued. */
static void queue(probe *p, it_io io)
{
    ck_assert_uint_lt(p->n_out, 64);
    p->out[p->n_out++] = io;
}

static void let_go(int i)
{
    ck_assert_ptr_nonnull(it_loop_app(LOOP, i));
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
}

/* The |k|-th datagram from |from| to |to| of |n| bytes, which say which one it is. */
static it_io numbered(const probe *from, it_addr to, size_t k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        BYTES[k][i] = (uint8_t)(k + i);
    return (it_io){.kind = IT_IO_DGRAM,
                   .local = probe_got(from, IT_IO_BOUND, 0)->local,
                   .remote = to,
                   .data = it_bytes_of(BYTES[k], n)};
}

static it_addr addr_of(const probe *p)
{
    return probe_got(p, IT_IO_BOUND, 0)->local;
}

/* That |p| gets |n| datagrams, of |sizes|, as they were numbered from |first| on. */
static void come(const probe *p, const size_t *sizes, size_t n)
{
    (void)probe_wait(p, IT_IO_DGRAM, (int)n - 1);
    for (size_t k = 0; k < n; k++) {
        const it_io *in = probe_got(p, IT_IO_DGRAM, (int)k);
        ck_assert_uint_eq(in->data.n, sizes[k]);
        if (in->data.n)
            ck_assert_mem_eq(in->data.p, BYTES[k], in->data.n);
    }
    pass_time(20 * IT_MS);
    ck_assert_ptr_null(probe_got(p, IT_IO_DGRAM, (int)n));
}

START_TEST(each_comes_with_its_own_size)
{
    static const size_t SIZES[] = {172, 172, 172,  40,   172, 172, 0, 172,  0,    0, 548,
                                   549, 549, 1200, 1200, 1,   1,   2, 3000, 3000, 7};
    size_t n = sizeof SIZES / sizeof *SIZES;
    probe *a = probe_new(), *b = probe_new();
    loop_begin();
    int i = probe_add(a, local_of(_i, 0));
    (void)probe_add(b, local_of(_i, 0));
    for (size_t k = 0; k < n; k++)
        queue(a, numbered(a, addr_of(b), k, SIZES[k]));
    let_go(i);
    come(b, SIZES, n);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(each_has_its_own_header_and_goes_to_its_own_address)
{
    probe *a = probe_new(), *b = probe_new(), *c = probe_new();
    loop_begin();
    int i = probe_add(a, local_of(_i, 0));
    (void)probe_add(b, local_of(_i, 0));
    (void)probe_add(c, local_of(_i, 0));
    for (size_t k = 0; k < 60; k++) {
        it_io io = numbered(a, k % 7 == 0 ? addr_of(c) : addr_of(b), k, 100);
        io.meta.ttl = (uint8_t)(20 + k / 10);
        io.meta.tos = (uint8_t)(k / 5 % 2 ? 0xb8 : 0);
        queue(a, io);
    }
    let_go(i);
    size_t nb = 0, nc = 0;
    for (size_t k = 0; k < 60; k++) {
        const it_io *in = k % 7 == 0 ? probe_wait(c, IT_IO_DGRAM, (int)nc++) : probe_wait(b, IT_IO_DGRAM, (int)nb++);
        ck_assert_uint_eq(in->data.p[0], k);
        ck_assert_uint_eq(in->meta.ttl, 20 + k / 10);
        ck_assert_uint_eq(in->meta.tos, k / 5 % 2 ? 0xb8 : 0);
    }
    loop_end();
    probe_done(a);
    probe_done(b);
    probe_done(c);
}
END_TEST

/* A socket of the kernel's that takes what was sent together as one. */
static int gathering_socket(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    socklen_t n = sizeof *at;
    struct timeval wait = {5, 0};
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &n), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
    if (setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0)
        return fd;
    close(fd);
    return -1;
}

START_TEST(those_in_a_row_that_are_alike_are_one_message_to_the_kernel)
{
    static const size_t SIZES[] = {172, 172, 172, 172, 40, 172};
    static uint8_t whole[4096];
    struct sockaddr_in at;
    probe *a = probe_new();
    int fd = gathering_socket(&at);
    if (fd < 0) {
        fputs("no UDP_GRO here: not tried\n", stderr);
        return;
    }
    loop_begin();
    int i = probe_add(a, local_of(0, 0));
    for (size_t k = 0; k < 6; k++)
        queue(a, numbered(a, it_addr_of(it_ip4(0x7f000001), ntohs(at.sin_port)), k, SIZES[k]));
    let_go(i);
    ck_assert_int_eq(recv(fd, whole, sizeof whole, 0), 4 * 172 + 40);
    ck_assert_mem_eq(whole + 4 * (size_t)172, BYTES[4], 40);
    ck_assert_int_eq(recv(fd, whole, sizeof whole, 0), 172);
    close(fd);
    loop_end();
    probe_done(a);
}
END_TEST

/* The kernel cuts no message into pieces that the link does not take: each is then sent by itself. */
START_TEST(those_beyond_the_link_leave_one_by_one)
{
    static const size_t SIZES[] = {3000, 3000, 3000, 1472, 1472, 1473, 1473};
    size_t n = sizeof SIZES / sizeof *SIZES;
    probe *a = probe_new(), *b = probe_new();
    if (!own_network(1500))
        return;
    loop_begin();
    int i = probe_add(a, local_of(0, 0));
    (void)probe_add(b, local_of(0, 0));
    for (size_t k = 0; k < n; k++) {
        it_io io = numbered(a, addr_of(b), k, SIZES[k]);
        io.meta.frag = true;
        queue(a, io);
    }
    let_go(i);
    come(b, SIZES, n);
    for (size_t k = 0; k < 3; k++) /* DF: none leaves, and each is told */
        queue(a, numbered(a, addr_of(b), k, 2000));
    queue(a, numbered(a, addr_of(b), 3, 4));
    let_go(i);
    ck_assert_uint_eq(probe_wait(b, IT_IO_DGRAM, (int)n)->data.n, 4);
    for (int k = 0; k < 3; k++)
        ck_assert_uint_eq(probe_wait(a, IT_IO_ERROR, k)->icmp.mtu, 1500);
    ck_assert_ptr_null(probe_got(b, IT_IO_DGRAM, (int)n + 1));
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

/* An error of the one before is not that of those behind it. */
START_TEST(a_closed_port_costs_none_of_a_row)
{
    static const size_t SIZES[] = {100, 100, 100, 100};
    probe *a = probe_new(), *b = probe_new();
    loop_begin();
    int i = probe_add(a, local_of(_i, 0));
    (void)probe_add(b, local_of(_i, 0));
    probe_put(i, a, numbered(a, local_of(_i, 9), 5, 10));
    for (size_t k = 0; k < 4; k++)
        queue(a, numbered(a, addr_of(b), k, SIZES[k]));
    let_go(i);
    come(b, SIZES, 4);
    (void)probe_wait(a, IT_IO_ERROR, 0);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/batch");
    TCase *t = tcase_create("many at a time");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, each_comes_with_its_own_size, 0, 2);
    tcase_add_loop_test(t, each_has_its_own_header_and_goes_to_its_own_address, 0, 2);
    tcase_add_test(t, those_in_a_row_that_are_alike_are_one_message_to_the_kernel);
    tcase_add_test(t, those_beyond_the_link_leave_one_by_one);
    tcase_add_loop_test(t, a_closed_port_costs_none_of_a_row, 0, 2);
    suite_add_tcase(s, t);
    return probe_main(s);
}
