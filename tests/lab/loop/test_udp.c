/* Datagrams on real sockets: what their headers say, both ways, and what comes back as an error. */
#include "tests/lab/loop/probe.h"

START_TEST(a_base_is_told_with_its_address_and_size)
{
    probe *p = probe_new();
    loop_begin();
    int i = probe_add(p, local_of(_i, 0));
    const it_io *b = probe_wait(p, IT_IO_BOUND, 0);
    it_addr a;
    ck_assert_uint_eq(b->flow, 0);
    ck_assert(it_ip_eq(b->local.ip, local_of(_i, 0).ip) && b->local.port);
    ck_assert_uint_gt(b->size, IT_IO_DGRAM_MAX);
    ck_assert_uint_le(b->size, IT_LOOP_DGRAM);
    ck_assert(it_loop_app_addr(LOOP, i, 0, &a) && it_addr_eq(a, b->local));
    ck_assert(!it_loop_app_addr(LOOP, i, 1, &a));
    loop_end();
    probe_done(p);
}
END_TEST

static it_io dgram(const probe *from, const probe *to, const char *text)
{
    it_addr local = probe_got(from, IT_IO_BOUND, 0)->local, remote = probe_got(to, IT_IO_BOUND, 0)->local;
    return (it_io){.kind = IT_IO_DGRAM, .local = local, .remote = remote, .data = it_bytes_str(text)};
}

START_TEST(ttl_and_tos_go_and_come)
{
    probe *a = probe_new(), *b = probe_new();
    loop_begin();
    int i = probe_add(a, local_of(_i, 0));
    (void)probe_add(b, local_of(_i, 0));
    it_io io = dgram(a, b, "ping");
    io.meta.ttl = 7;
    io.meta.tos = 0xb8;
    probe_put(i, a, io);
    const it_io *in = probe_wait(b, IT_IO_DGRAM, 0);
    ck_assert(it_bytes_eq(in->data, it_bytes_str("ping")));
    ck_assert(it_addr_eq(in->remote, io.local) && it_addr_eq(in->local, io.remote));
    ck_assert_uint_eq(in->meta.ttl, 7);
    ck_assert_uint_eq(in->meta.tos, 0xb8);
    io.meta = (it_io_meta){.ttl = 0};
    probe_put(i, a, io);
    in = probe_wait(b, IT_IO_DGRAM, 1);
    ck_assert_uint_gt(in->meta.ttl, 7); /* the host's own */
    ck_assert_uint_eq(in->meta.tos, 0);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(a_closed_port_is_an_error_with_its_quote)
{
    probe *a = probe_new();
    loop_begin();
    int i = probe_add(a, local_of(_i, 0));
    it_addr local = probe_got(a, IT_IO_BOUND, 0)->local, remote = local_of(_i, 9);
    probe_put(i, a, (it_io){.kind = IT_IO_DGRAM, .local = local, .remote = remote, .data = it_bytes_str("hello?")});
    const it_io *e = probe_wait(a, IT_IO_ERROR, 0);
    ck_assert_uint_eq(e->icmp.type, _i ? 1 : 3);
    ck_assert_uint_eq(e->icmp.code, _i ? 4 : 3);
    ck_assert(it_io_hard_error(e));
    ck_assert(it_addr_eq(e->remote, remote) && it_addr_eq(e->local, local));
    ck_assert(it_ip_eq(e->icmp.from, remote.ip));
    ck_assert(it_bytes_eq(e->data, it_bytes_str("hello?")));
    /* The error does not come back as the failure of the next one. */
    probe *b = probe_new();
    (void)probe_add(b, local_of(_i, 0));
    probe_put(i, a, dgram(a, b, "ping"));
    probe_wait(b, IT_IO_DGRAM, 0);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(who_wants_no_errors_hears_none_and_the_loop_does_not_spin)
{
    probe *a = probe_new();
    loop_begin();
    it_addr local = local_of(_i, 0), remote = local_of(_i, 9);
    it_loop_app_cfg cfg = {.bases = &local, .n_bases = 1};
    int i = it_loop_add(LOOP, &DEAF_OPS, a, &cfg, NULL);
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
    probe_put(i, a, (it_io){.kind = IT_IO_DGRAM, .remote = remote, .data = it_bytes_str("hello?")});
    pass_time(50 * IT_MS);
    ck_assert_ptr_null(probe_got(a, IT_IO_ERROR, 0));
    clock_t before = clock();
    pass_time(300 * IT_MS);
    ck_assert_int_lt((clock() - before) * 1000 / CLOCKS_PER_SEC, 100);
    loop_end();
    probe_done(a);
}
END_TEST

START_TEST(what_may_not_be_fragmented_and_is_too_large_does_not_leave)
{
    static uint8_t big[3000];
    probe *a = probe_new(), *b = probe_new();
    if (!own_network(1500))
        return;
    loop_begin();
    int i = probe_add(a, local_of(0, 0));
    (void)probe_add(b, local_of(0, 0));
    ck_assert_uint_eq(probe_got(a, IT_IO_BOUND, 0)->size, 1472);
    it_io io = dgram(a, b, "");
    io.data = it_bytes_of(big, sizeof big);
    io.meta.frag = false;
    probe_put(i, a, io);
    const it_io *e = probe_wait(a, IT_IO_ERROR, 0);
    ck_assert_uint_eq(e->icmp.type, 3);
    ck_assert_uint_eq(e->icmp.code, 4);
    ck_assert_uint_eq(e->icmp.mtu, 1500);
    ck_assert(it_ip_eq(e->icmp.from, io.local.ip));
    ck_assert_uint_eq(probe_wait(a, IT_IO_SIZE, 0)->size, 1472);
    pass_time(20 * IT_MS);
    ck_assert_ptr_null(probe_got(b, IT_IO_DGRAM, 0));
    io.meta.frag = true; /* in fragments */
    probe_put(i, a, io);
    ck_assert_uint_eq(probe_wait(b, IT_IO_DGRAM, 0)->data.n, sizeof big);
    io.data.n = 1472;
    io.meta.frag = false;
    probe_put(i, a, io);
    ck_assert_uint_eq(probe_wait(b, IT_IO_DGRAM, 1)->data.n, 1472);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(a_socket_of_every_address_answers_from_where_it_was_asked)
{
    probe *a = probe_new(), *b = probe_new();
    loop_begin();
    int i = probe_add(a, (it_addr){{0, 0}, 0}), j = probe_add(b, local_of(0, 0));
    it_addr any = it_addr_of(it_ip4(0), 0), here = probe_got(b, IT_IO_BOUND, 0)->local;
    probe_put(i, a, (it_io){.kind = IT_IO_BIND, .flow = IT_IO_BOUND_FLOW, .local = any});
    it_addr at = it_addr_of(it_ip4(0x7f000203), probe_wait(a, IT_IO_BOUND, 0)->local.port);
    probe_put(j, b, (it_io){.kind = IT_IO_DGRAM, .local = here, .remote = at, .data = it_bytes_str("where?")});
    const it_io *in = probe_wait(a, IT_IO_DGRAM, 0);
    ck_assert(it_addr_eq(in->local, at));
    it_io answer = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW, .local = at, .remote = here};
    answer.data = it_bytes_str("here");
    probe_put(i, a, answer);
    ck_assert(it_addr_eq(probe_wait(b, IT_IO_DGRAM, 0)->remote, at));
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

/* --- ICMP errors that anybody may write --- */

/* Tells 127.0.0.1, as a router would, that what |from| has sent to |to| is larger than |mtu|, quoting |quote|. */
static void frag_needed(it_addr from, it_addr to, uint16_t mtu, it_bytes quote)
{
    uint8_t p[8 + 28 + 64] = {3, 4, 0, 0, 0, 0}, *ip = p + 8, *udp = ip + 20;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint32_t sum = 0;
    it_put16(p + 6, mtu);
    ip[0] = 0x45;
    it_put16(ip + 2, 1500);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 17;
    it_ip_to_bytes(from.ip, ip + 12);
    it_ip_to_bytes(to.ip, ip + 16);
    it_put16(udp, from.port);
    it_put16(udp + 2, to.port);
    it_put16(udp + 4, 1480);
    memcpy(udp + 8, quote.p, quote.n);
    size_t n = 8 + 28 + quote.n;
    for (size_t i = 0; i < n; i += 2)
        sum += it_get16(p + i);
    sum = (sum & 0xffff) + (sum >> 16);
    it_put16(p + 2, (uint16_t) ~(sum + (sum >> 16)));
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    ck_assert_int_eq(sendto(fd, p, n, 0, (struct sockaddr *)&at, sizeof at), (ssize_t)n);
    close(fd);
}

static uint8_t LARGE[1400];

/* a, which has sent LARGE to b. */
static int large_is_sent(probe *a, probe *b, const it_object_ops *ops)
{
    it_addr local = local_of(0, 0);
    it_loop_app_cfg cfg = {.bases = &local, .n_bases = 1};
    for (size_t i = 0; i < sizeof LARGE; i++)
        LARGE[i] = (uint8_t)(i * 7 + 3);
    loop_begin();
    int i = it_loop_add(LOOP, ops, a, &cfg, NULL);
    (void)probe_add(b, local);
    it_io io = dgram(a, b, "");
    io.data = it_bytes_of(LARGE, sizeof LARGE);
    probe_put(i, a, io);
    probe_wait(b, IT_IO_DGRAM, 0);
    return i;
}

START_TEST(a_smaller_path_is_believed_of_who_quotes_what_was_sent)
{
    static const struct {
        uint16_t mtu;
        size_t quoted;
        uint8_t flip;
        bool believed;
    } CASES[] = {{1000, 32, 0, true},  {1000, 8, 0, true}, {1000, 0, 0, false}, /* a guess of the ports */
                 {1000, 32, 1, false},                                          /* of what was sent, too */
                 {1428, 32, 0, false},                                          /* it would have fit */
                 {67, 32, 0, false}};                                           /* RFC 791 */
    probe *a = probe_new(), *b = probe_new();
    uint8_t quote[32];
    if (!own_network(1500))
        return;
    (void)large_is_sent(a, b, &PROBE_OPS);
    it_addr from = probe_got(a, IT_IO_BOUND, 0)->local, to = probe_got(b, IT_IO_BOUND, 0)->local;
    memcpy(quote, LARGE, sizeof quote);
    quote[7] ^= CASES[_i].flip;
    frag_needed(from, to, CASES[_i].mtu, it_bytes_of(quote, CASES[_i].quoted));
    ck_assert_uint_eq(probe_wait(a, IT_IO_ERROR, 0)->icmp.mtu, CASES[_i].mtu); /* the object has its own judgment */
    pass_time(10 * IT_MS);
    const it_io *size = probe_got(a, IT_IO_SIZE, 0);
    ck_assert_int_eq(size != NULL, CASES[_i].believed);
    if (size)
        ck_assert_uint_eq(size->size, CASES[_i].mtu - 28u);
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(who_wants_no_errors_hears_of_no_size)
{
    probe *a = probe_new(), *b = probe_new();
    if (!own_network(1500))
        return;
    (void)large_is_sent(a, b, &DEAF_OPS);
    it_addr from = probe_got(a, IT_IO_BOUND, 0)->local, to = probe_got(b, IT_IO_BOUND, 0)->local;
    frag_needed(from, to, 1000, it_bytes_of(LARGE, 32));
    pass_time(50 * IT_MS);
    ck_assert_ptr_null(probe_got(a, IT_IO_SIZE, 0));
    ck_assert_ptr_null(probe_got(a, IT_IO_ERROR, 0));
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

START_TEST(the_error_of_a_large_one_is_not_the_next_ones)
{
    probe *a = probe_new(), *b = probe_new();
    if (!own_network(1500))
        return;
    int i = large_is_sent(a, b, &PROBE_OPS);
    it_addr from = probe_got(a, IT_IO_BOUND, 0)->local, to = probe_got(b, IT_IO_BOUND, 0)->local;
    frag_needed(from, to, 1000, it_bytes_of(LARGE, 32));
    probe_put(i, a, dgram(a, b, "small")); /* the loop has not yet heard of the error */
    ck_assert(it_bytes_eq(probe_wait(b, IT_IO_DGRAM, 1)->data, it_bytes_str("small")));
    loop_end();
    probe_done(a);
    probe_done(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/loop/udp");
    TCase *t = tcase_create("datagrams");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_base_is_told_with_its_address_and_size, 0, 2);
    tcase_add_loop_test(t, ttl_and_tos_go_and_come, 0, 2);
    tcase_add_loop_test(t, a_closed_port_is_an_error_with_its_quote, 0, 2);
    tcase_add_loop_test(t, who_wants_no_errors_hears_none_and_the_loop_does_not_spin, 0, 2);
    tcase_add_test(t, what_may_not_be_fragmented_and_is_too_large_does_not_leave);
    tcase_add_test(t, a_socket_of_every_address_answers_from_where_it_was_asked);
    tcase_add_loop_test(t, a_smaller_path_is_believed_of_who_quotes_what_was_sent, 0, 6);
    tcase_add_test(t, who_wants_no_errors_hears_of_no_size);
    tcase_add_test(t, the_error_of_a_large_one_is_not_the_next_ones);
    suite_add_tcase(s, t);
    return probe_main(s);
}
