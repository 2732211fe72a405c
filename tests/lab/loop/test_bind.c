/* Sockets that objects bind for themselves: any port, even ones, pairs, listeners, refusals. */
#include "tests/lab/loop/probe.h"

#define NONE ((it_addr){{0, 0}, 0})
#define FLOW IT_IO_BOUND_FLOW

static probe *A;
static int APP;

static void bind_begin(void)
{
    loop_begin();
    A = probe_new();
    APP = probe_add(A, NONE);
}

static void bind_end(void)
{
    loop_end();
    probe_done(A);
}

static it_addr bound(enum it_io_kind kind, enum it_io_port port, uint32_t flow, it_addr local)
{
    int k = 0;
    for (size_t i = 0; i < A->n_in; i++)
        k += A->in[i].kind == IT_IO_BOUND || A->in[i].kind == IT_IO_LISTENING;
    probe_put(APP, A, (it_io){.kind = kind, .flow = flow, .local = local, .port = port});
    ck_assert_uint_gt(A->n_in, (size_t)k);
    for (size_t i = 0; i < A->n_in; i++)
        if ((A->in[i].kind == IT_IO_BOUND || A->in[i].kind == IT_IO_LISTENING) && k-- == 0) {
            ck_assert_uint_eq(A->in[i].flow, flow);
            return A->in[i].local;
        }
    return NONE;
}

START_TEST(any_port_is_answered_with_the_address)
{
    bind_begin();
    it_addr a = bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 3, local_of(_i, 0));
    ck_assert(it_ip_eq(a.ip, local_of(_i, 0).ip) && a.port);
    it_addr same = bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 4, a);
    ck_assert_uint_eq(same.port, 0); /* taken */
    it_addr strange = it_addr_of(it_ip4(0xc6336402), 0);
    ck_assert_uint_eq(bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 4, strange).port, 0); /* not the host's */
    /* After a refusal and after UNBIND the number, and then the port, are free. */
    probe_put(APP, A, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW + 3});
    ck_assert(it_addr_eq(bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 4, a), a));
    bind_end();
}
END_TEST

START_TEST(an_even_port_is_even)
{
    bind_begin();
    for (uint32_t i = 0; i < 20; i++) {
        it_addr a = bound(IT_IO_BIND, IT_IO_PORT_EVEN, FLOW + i, local_of(_i, 0));
        ck_assert(a.port && a.port % 2 == 0);
    }
    bind_end();
}
END_TEST

START_TEST(a_pair_is_two_ports_in_a_row)
{
    bind_begin();
    for (uint32_t i = 0; i < 20; i++) {
        A->n_in = 0;
        it_addr a = bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW + 2 * i, local_of(_i, 0));
        const it_io *second = probe_got(A, IT_IO_BOUND, 1);
        ck_assert_ptr_nonnull(second);
        ck_assert(a.port && a.port % 2 == 0);
        ck_assert_uint_eq(second->flow, FLOW + 2 * i + 1);
        ck_assert_uint_eq(second->local.port, a.port + 1u);
    }
    bind_end();
}
END_TEST

START_TEST(of_a_pair_there_are_both_or_neither)
{
    bind_begin();
    it_addr a = bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW, local_of(0, 0));
    probe_put(APP, A, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW}); /* the upper one stays */
    A->n_in = 0;
    ck_assert_uint_eq(bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW + 2, a).port, 0);
    ck_assert_uint_eq(probe_got(A, IT_IO_BOUND, 1)->flow, FLOW + 3);
    ck_assert_uint_eq(probe_got(A, IT_IO_BOUND, 1)->local.port, 0);
    ck_assert(it_addr_eq(bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 3, a), a)); /* the lower one was given back */
    bind_end();
}
END_TEST

START_TEST(a_pair_does_not_begin_with_the_last_port)
{
    bind_begin();
    ck_assert_uint_eq(bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW, local_of(_i, UINT16_MAX)).port, 0);
    ck_assert_uint_eq(probe_got(A, IT_IO_BOUND, 1)->flow, FLOW + 1);
    ck_assert_uint_eq(probe_got(A, IT_IO_BOUND, 1)->local.port, 0);
    bind_end();
}
END_TEST

/* An app whose ports are these. */
static void range_begin(uint16_t first, uint16_t last)
{
    it_loop_app_cfg cfg = {.no_bases = true, .port_first = first, .port_last = last};
    loop_begin();
    A = probe_new();
    APP = it_loop_add(LOOP, &PROBE_OPS, A, &cfg, NULL);
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
}

START_TEST(ports_of_a_range_are_all_had_and_no_others)
{
    bool seen[10] = {false};
    range_begin(51230, 51239);
    for (uint32_t i = 0; i < 10; i++) {
        it_addr a = bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + i, local_of(_i, 0));
        ck_assert(a.port >= 51230 && a.port <= 51239 && !seen[a.port - 51230]);
        seen[a.port - 51230] = true;
    }
    ck_assert_uint_eq(bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 10, local_of(_i, 0)).port, 0);
    probe_put(APP, A, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW + 3});
    ck_assert_uint_ne(bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW + 10, local_of(_i, 0)).port, 0);
    bind_end();
}
END_TEST

START_TEST(even_ports_and_pairs_of_a_range_stay_inside)
{
    range_begin(51231, 51236); /* even: 32, 34, 36; pairs: 32, 34 */
    it_addr even = bound(IT_IO_BIND, IT_IO_PORT_EVEN, FLOW, it_addr_of(it_ip4(0x7f000002), 0));
    ck_assert(even.port % 2 == 0 && even.port >= 51232 && even.port <= 51236);
    for (uint32_t i = 0; i < 2; i++) {
        A->n_in = 0;
        it_addr a = bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW + 2 + 2 * i, local_of(0, 0));
        ck_assert(a.port == 51232 || a.port == 51234);
        ck_assert_uint_eq(probe_got(A, IT_IO_BOUND, 1)->local.port, a.port + 1u);
    }
    ck_assert_uint_eq(bound(IT_IO_BIND, IT_IO_PORT_PAIR, FLOW + 6, local_of(0, 0)).port, 0);
    bind_end();
}
END_TEST

START_TEST(a_listener_of_its_own_accepts_and_ends)
{
    bind_begin();
    it_addr a = bound(IT_IO_LISTEN, IT_IO_PORT_ANY, FLOW, local_of(_i, 0));
    ck_assert_uint_ne(a.port, 0);
    ck_assert_uint_eq(bound(IT_IO_LISTEN, IT_IO_PORT_ANY, FLOW + 1, a).port, 0);
    probe_put(APP, A, (it_io){.kind = IT_IO_OPEN, .flow = 1, .remote = a});
    probe_wait(A, IT_IO_OPENED, 0);
    probe_wait(A, IT_IO_ACCEPTED, 0);
    probe_put(APP, A, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW});
    probe_put(APP, A, (it_io){.kind = IT_IO_OPEN, .flow = 2, .remote = a});
    ck_assert_int_eq(probe_wait(A, IT_IO_RST, 0)->end, IT_IO_END_REFUSED);
    bind_end();
}
END_TEST

START_TEST(a_number_in_use_is_an_error_of_the_object)
{
    bind_begin();
    (void)bound(IT_IO_BIND, IT_IO_PORT_ANY, FLOW, local_of(0, 0));
    ck_assert_ptr_eq(it_loop_app(LOOP, APP), A);
    A->out[A->n_out++] = (it_io){.kind = IT_IO_BIND, .flow = FLOW, .local = local_of(0, 0)};
    ck_assert_int_eq(it_loop_flush(LOOP), IT_ERR_EXISTS);
    A->out[A->n_out++] = (it_io){.kind = IT_IO_BIND, .flow = 7, .local = local_of(0, 0)};
    ck_assert_ptr_eq(it_loop_app(LOOP, APP), A);
    ck_assert_int_eq(it_loop_flush(LOOP), IT_ERR_EXISTS);
    bind_end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/bind");
    TCase *t = tcase_create("sockets of its own");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, any_port_is_answered_with_the_address, 0, 2);
    tcase_add_loop_test(t, an_even_port_is_even, 0, 2);
    tcase_add_loop_test(t, a_pair_is_two_ports_in_a_row, 0, 2);
    tcase_add_test(t, of_a_pair_there_are_both_or_neither);
    tcase_add_loop_test(t, ports_of_a_range_are_all_had_and_no_others, 0, 2);
    tcase_add_test(t, even_ports_and_pairs_of_a_range_stay_inside);
    tcase_add_loop_test(t, a_pair_does_not_begin_with_the_last_port, 0, 2);
    tcase_add_loop_test(t, a_listener_of_its_own_accepts_and_ends, 0, 2);
    tcase_add_test(t, a_number_in_use_is_an_error_of_the_object);
    suite_add_tcase(s, t);
    return probe_main(s);
}
