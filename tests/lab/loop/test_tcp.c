/* Streams on real sockets: both ways, their ends and the reasons, back-pressure, want of descriptors. */
#include "tests/lab/loop/probe.h"

#include <sys/resource.h>

#define NONE ((it_addr){{0, 0}, 0})

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
    suite_add_tcase(s, t);
    return probe_main(s);
}
