/* Bases: named ones and those that follow the machine's addresses. */
#include "tests/lab/loop/probe.h"

#include <sys/resource.h>

#define LO_1 "lo:1"
#define LO_2 "lo:2"

static int add(probe *p, const it_addr *bases, size_t n, bool loopback, it_addr *bad)
{
    it_loop_app_cfg cfg = {.bases = bases, .n_bases = n, .loopback = loopback};
    int i = it_loop_add(LOOP, &PROBE_OPS, p, &cfg, bad);
    if (i >= 0)
        ck_assert_int_eq(it_loop_flush(LOOP), 0);
    return i;
}

START_TEST(what_cannot_be_had_is_an_error_with_its_address)
{
    probe *a = probe_new(), *b = probe_new(), *c = probe_new();
    it_addr bad = {{0, 0}, 0};
    loop_begin();
    (void)probe_add(a, local_of(_i, 0));
    it_addr both[] = {local_of(_i, 0), probe_got(a, IT_IO_BOUND, 0)->local};
    ck_assert_int_eq(add(b, both, 2, false, &bad), IT_ERR_EXISTS);
    ck_assert(it_addr_eq(bad, both[1]));
    it_addr strange = it_addr_of(it_ip4(0xc6336402), 0);
    ck_assert_int_eq(add(c, &strange, 1, false, &bad), IT_ERR_NOROUTE);
    ck_assert(it_addr_eq(bad, strange));
    ck_assert(b->freed && c->freed);
    loop_end();
    probe_done(a);
    probe_done(b);
    probe_done(c);
}
END_TEST

START_TEST(every_address_of_a_family_is_one_base_each)
{
    probe *a = probe_new();
    it_addr any = _i ? (it_addr){{0, 0}, 0} : it_addr_of(it_ip4(0), 0);
    bool loopback = false;
    loop_begin();
    ck_assert_int_ge(add(a, &any, 1, true, NULL), 0);
    for (size_t i = 0; i < a->n_in; i++) {
        ck_assert_uint_eq(a->in[i].flow, i);
        ck_assert_int_eq(it_ip_is4(a->in[i].local.ip), !_i);
        ck_assert(!it_ip_link_local(a->in[i].local.ip));
        loopback |= it_ip_eq(a->in[i].local.ip, local_of(_i, 0).ip);
    }
    ck_assert(loopback);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(loopback_is_no_base_unless_it_is_wanted)
{
    probe *a = probe_new();
    if (!own_network(65536))
        return;
    loop_begin();
    ck_assert_int_ge(add(a, NULL, 0, false, NULL), 0);
    ck_assert_uint_eq(a->n_in, 0);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(addresses_that_come_and_go_are_bases_that_do)
{
    probe *a = probe_new();
    if (!own_network(65536))
        return;
    loop_begin();
    int i = add(a, NULL, 0, false, NULL);
    ck_assert_int_ge(i, 0);
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    const it_io *up = probe_wait(a, IT_IO_BOUND, 0);
    ck_assert(it_ip_eq(up->local.ip, it_ip4(0xc0000202)) && up->flow == 0);
    probe_put(i, a, (it_io){.kind = IT_IO_BIND, .flow = IT_IO_BOUND_FLOW, .local = it_addr_of(up->local.ip, 0)});
    ck_assert_uint_ne(probe_wait(a, IT_IO_BOUND, 1)->local.port, 0);
    lo_set(SIOCSIFADDR, LO_1, 0, 0, 0); /* none: it goes */
    probe_wait(a, IT_IO_UNBIND, 1);
    uint32_t flows = probe_got(a, IT_IO_UNBIND, 0)->flow + probe_got(a, IT_IO_UNBIND, 1)->flow;
    ck_assert_uint_eq(flows, IT_IO_BOUND_FLOW);
    /* It comes again under the same number. */
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    ck_assert_uint_eq(probe_wait(a, IT_IO_BOUND, 2)->flow, 0);
    it_loop_remove(LOOP, i);
    ck_assert(a->freed);
    ck_assert_ptr_null(it_loop_app(LOOP, i));
    loop_end();
    probe_done(a);
}
END_TEST

typedef struct heard {
    int up, down;
} heard;

static void hear(void *self, const char *transport, it_addr a, bool up)
{
    heard *h = self;
    ck_assert_str_eq(transport, "udp");
    ck_assert_uint_ne(a.port, 0);
    *(up ? &h->up : &h->down) += 1;
}

START_TEST(the_owner_hears_of_every_base)
{
    probe *a = probe_new();
    heard h = {0, 0};
    it_addr any = it_addr_of(it_ip4(0), 0);
    it_loop_app_cfg cfg = {.bases = &any, .n_bases = 1, .loopback = true, .bound = hear, .self = &h};
    if (!own_network(65536))
        return;
    loop_begin();
    ck_assert_int_ge(it_loop_add(LOOP, &PROBE_OPS, a, &cfg, NULL), 0);
    ck_assert_int_eq(h.up, 1);
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    for (it_time until = it_loop_now(LOOP) + 20 * IT_SEC; h.up < 2 && it_loop_now(LOOP) < until;)
        pass_time(IT_MS);
    lo_set(SIOCSIFADDR, LO_1, 0, 0, 0);
    for (it_time until = it_loop_now(LOOP) + 20 * IT_SEC; h.down < 1 && it_loop_now(LOOP) < until;)
        pass_time(IT_MS);
    ck_assert_int_eq(h.up, 2);
    ck_assert_int_eq(h.down, 1);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(a_link_local_base_that_is_named_stays)
{
    probe *a = probe_new();
    it_addr at = it_addr_of(it_ip4(0xa9fe0102), 0); /* 169.254.1.2 */
    if (!own_network(65536))
        return;
    loop_begin();
    lo_set(SIOCSIFADDR, LO_1, 0xa9fe0102, 0, 0);
    ck_assert_int_ge(add(a, &at, 1, false, NULL), 0);
    at = probe_wait(a, IT_IO_BOUND, 0)->local;
    lo_set(SIOCSIFADDR, LO_2, 0xc0000202, 0, 0); /* news */
    pass_time(300 * IT_MS);
    ck_assert_ptr_null(probe_got(a, IT_IO_UNBIND, 0));
    ck_assert_ptr_null(probe_got(a, IT_IO_BOUND, 1));
    lo_set(SIOCSIFADDR, LO_1, 0, 0, 0);
    probe_wait(a, IT_IO_UNBIND, 0);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(two_bases_of_one_address_come_again_both)
{
    probe *a = probe_new();
    it_addr two[] = {it_addr_of(it_ip4(0xc0000202), 4001), it_addr_of(it_ip4(0xc0000202), 4002)};
    unsigned ports = 0;
    if (!own_network(65536))
        return;
    loop_begin();
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    ck_assert_int_ge(add(a, two, 2, false, NULL), 0);
    pass_time(100 * IT_MS); /* what the kernel had to tell of it is over */
    lo_set(SIOCSIFADDR, LO_1, 0, 0, 0);
    probe_wait(a, IT_IO_UNBIND, 1);
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    probe_wait(a, IT_IO_BOUND, 3);
    for (int k = 2; k < 4; k++)
        ports += probe_got(a, IT_IO_BOUND, k)->local.port;
    ck_assert_uint_eq(ports, 8003);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(addresses_that_could_not_be_read_are_read_later)
{
    probe *a = probe_new();
    struct rlimit was, few;
    if (!own_network(65536))
        return;
    loop_begin();
    ck_assert_int_ge(add(a, NULL, 0, false, NULL), 0);
    lo_set(SIOCSIFADDR, LO_1, 0xc0000202, 0, 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    pass_time(300 * IT_MS); /* the news has come, and nothing could be read */
    ck_assert_ptr_null(probe_got(a, IT_IO_BOUND, 0));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    ck_assert(it_ip_eq(probe_wait(a, IT_IO_BOUND, 0)->local.ip, it_ip4(0xc0000202)));
    loop_end();
    probe_done(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/base");
    TCase *t = tcase_create("bases");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, what_cannot_be_had_is_an_error_with_its_address, 0, 2);
    tcase_add_loop_test(t, every_address_of_a_family_is_one_base_each, 0, 2);
    tcase_add_test(t, loopback_is_no_base_unless_it_is_wanted);
    tcase_add_test(t, addresses_that_come_and_go_are_bases_that_do);
    tcase_add_test(t, the_owner_hears_of_every_base);
    tcase_add_test(t, a_link_local_base_that_is_named_stays);
    tcase_add_test(t, two_bases_of_one_address_come_again_both);
    tcase_add_test(t, addresses_that_could_not_be_read_are_read_later);
    suite_add_tcase(s, t);
    return probe_main(s);
}
