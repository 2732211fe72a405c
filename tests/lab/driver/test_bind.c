/* Sockets that apps bind for themselves, for datagrams and for streams to be accepted: the answer, datagrams both ways,
 * refusals, and their end. */
#include "lab/driver/bind.h"

#include "tests/lab/driver/two.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* An app that says what it is told to and keeps what it hears. */
typedef struct binder {
    it_io say[8];
    size_t n_say, at;
    it_io heard[32];
    size_t n_heard;
    char data[8]; /* of the last datagram */
} binder;

static int binder_input(void *o, it_time now, const it_io *in)
{
    binder *b = o;
    (void)now;
    if (in->flow < IT_IO_BOUND_FLOW && in->kind != IT_IO_DGRAM)
        return 0; /* the driver's own sockets */
    ck_assert_uint_lt(b->n_heard, 32);
    b->heard[b->n_heard++] = *in;
    if (in->kind == IT_IO_DGRAM)
        memcpy(b->data, in->data.p, in->data.n < 8 ? in->data.n : 8);
    return (int)in->data.n;
}

static int binder_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    binder *b = o;
    (void)now, (void)buf, (void)cap;
    if (b->at == b->n_say)
        return 0;
    *out = b->say[b->at++];
    return 1;
}

static void binder_free(void *o)
{
    (void)o;
}

static const it_object_ops BINDER = {
    .kind = "binder", .input = binder_input, .output = binder_output, .free = binder_free};
/* The same that hears of errors and sizes. */
static const it_object_ops HEARER = {
    .kind = "hearer", .errors = true, .input = binder_input, .output = binder_output, .free = binder_free};

#define FLOW(i) (IT_IO_BOUND_FLOW + (uint32_t)(i))

static binder Ba, Bb;
static int Na, Nb;

static void setup(void)
{
    memset(&Ba, 0, sizeof Ba);
    memset(&Bb, 0, sizeof Bb);
    two_open((it_link_cfg){"l", {{.delay = IT_MS}, {.delay = IT_MS}}});
    Na = it_lab_add(L, Ha, &HEARER, &Ba, "a", 500);
    Nb = it_lab_add(L, Hb, &BINDER, &Bb, "b", 500);
}

static void teardown(void)
{
    two_close();
}

static void say(binder *b, it_io io)
{
    b->at = 0;
    b->n_say = 1;
    b->say[0] = io;
    (void)it_lab_app(L, b == &Ba ? Na : Nb); /* a command */
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
}

static it_addr ask(binder *b, uint32_t flow, uint32_t ip, uint16_t port)
{
    b->n_heard = 0;
    say(b, (it_io){.kind = IT_IO_BIND, .flow = flow, .local = {it_ip4(ip), port}});
    ck_assert_uint_eq(b->n_heard, 1);
    ck_assert(b->heard[0].kind == IT_IO_BOUND && b->heard[0].flow == flow);
    b->n_heard = 0;
    return b->heard[0].local;
}

START_TEST(what_is_bound_sends_and_hears_by_its_number)
{
    it_addr one = ask(&Ba, FLOW(1), 0x0a000001, 0), two = ask(&Ba, FLOW(2), 0x0a000001, 0);
    it_addr far = ask(&Bb, FLOW(1), 0x0a000002, 7000); /* another app's number 1 */
    ck_assert(one.port >= 49152 && two.port >= 49152 && one.port != two.port);
    ck_assert_uint_eq(far.port, 7000);
    for (int i = 1; i <= 2; i++) {
        say(&Ba,
            (it_io){.kind = IT_IO_DGRAM, .flow = FLOW(i), .remote = far, .data = it_bytes_of(i == 1 ? "x" : "y", 1)});
        ck_assert_uint_eq(Bb.n_heard, (size_t)i);
        ck_assert(Bb.heard[i - 1].flow == FLOW(1) && it_addr_eq(Bb.heard[i - 1].remote, i == 1 ? one : two));
    }
    say(&Bb, (it_io){.kind = IT_IO_DGRAM, .flow = FLOW(1), .remote = two, .data = it_bytes_of("to y", 4)});
    ck_assert_uint_eq(Ba.n_heard, 1);
    ck_assert(Ba.heard[0].flow == FLOW(2) && it_addr_eq(Ba.heard[0].local, two) && memcmp(Ba.data, "to y", 4) == 0);
}
END_TEST

START_TEST(what_cannot_be_bound_is_refused_with_port_0)
{
    ck_assert_uint_eq(ask(&Ba, FLOW(1), 0x0a000009, 0).port, 0);   /* no address of the host */
    ck_assert_uint_eq(ask(&Ba, FLOW(1), 0x0a000001, 500).port, 0); /* the driver's own socket has it */
    ck_assert_uint_ne(ask(&Ba, FLOW(1), 0x0a000001, 0).port, 0);   /* the number was free again */
    Ba.n_say = 1;
    Ba.at = 0;
    Ba.say[0] = (it_io){.kind = IT_IO_BIND, .flow = FLOW(1), .local = {it_ip4(0x0a000001), 0}};
    (void)it_lab_app(L, Na);
    ck_assert_int_eq(it_lab_flush(L), IT_ERR_EXISTS); /* a number that is in use is the app's fault */
    Ba.at = 0;
    Ba.say[0].flow = 7; /* and so is one of the driver's; an app that failed is still to be drained */
    ck_assert_int_eq(it_lab_flush(L), IT_ERR_EXISTS);
    Ba.at = Ba.n_say;
}
END_TEST

START_TEST(there_is_a_most_for_one_app)
{
    for (uint32_t i = 0; i < IT_BINDS_MAX; i++)
        ck_assert_uint_ne(ask(&Ba, FLOW(i), 0x0a000001, 0).port, 0);
    ck_assert_uint_eq(ask(&Ba, FLOW(IT_BINDS_MAX), 0x0a000001, 0).port, 0);
    ck_assert_uint_ne(ask(&Bb, FLOW(0), 0x0a000002, 0).port, 0); /* of each app */
    say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(9)});
    ck_assert_uint_ne(ask(&Ba, FLOW(IT_BINDS_MAX), 0x0a000001, 0).port, 0);
}
END_TEST

START_TEST(what_is_unbound_hears_nothing_and_its_port_is_free)
{
    it_addr one = ask(&Ba, FLOW(1), 0x0a000001, 6000);
    if (_i == 0)
        say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(1)});
    else
        it_lab_remove(L, Na); /* its sockets end with an app */
    it_addr far = ask(&Bb, FLOW(1), 0x0a000002, 0);
    say(&Bb, (it_io){.kind = IT_IO_DGRAM, .flow = FLOW(1), .local = far, .remote = one, .data = it_bytes_of("x", 1)});
    ck_assert_uint_eq(Ba.n_heard, 0);
    if (_i == 1)
        return;
    say(&Ba, (it_io){.kind = IT_IO_DGRAM, .flow = FLOW(1), .remote = far, .data = it_bytes_of("x", 1)}); /* crossed */
    ck_assert_uint_eq(Bb.n_heard, 0);
    ck_assert_uint_eq(ask(&Ba, FLOW(1), 0x0a000001, 6000).port, 6000);
}
END_TEST

START_TEST(a_host_that_loses_the_address_tells_unbind)
{
    (void)ask(&Ba, FLOW(1), 0x0a000001, 0);
    ck_assert_int_eq(it_host_unaddr(Ha, it_lab_now(L), 0, it_ip4(0x0a000001)), 0);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_uint_eq(Ba.n_heard, 1);
    ck_assert(Ba.heard[0].kind == IT_IO_UNBIND && Ba.heard[0].flow == FLOW(1));
}
END_TEST

/* --- ports: RFC 8656 section 7.2, RFC 3550 section 11 --- */

/* BIND of |port| with |which| by a on FLOW(1); returns how many BOUND came. */
static size_t ask_port(uint16_t port, enum it_io_port which)
{
    Ba.n_heard = 0;
    say(&Ba, (it_io){.kind = IT_IO_BIND, .flow = FLOW(1), .local = {it_ip4(0x0a000001), port}, .port = which});
    return Ba.n_heard;
}

START_TEST(an_even_port_is_even_and_a_pair_is_two_in_a_row)
{
    for (uint32_t port = 49153; port < 65536; port += 4) /* every other pair has its second port taken */
        ck_assert_int_ge(it_host_udp(Ha, it_addr_of(it_ip4(0x0a000001), (uint16_t)port), -1), 0);
    for (int i = 0; i < 50; i++) {
        ck_assert_uint_eq(ask_port(0, IT_IO_PORT_EVEN), 1);
        ck_assert(Ba.heard[0].local.port && Ba.heard[0].local.port % 2 == 0);
        say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(1)});
        ck_assert_uint_eq(ask_port(0, IT_IO_PORT_PAIR), 2);
        ck_assert(Ba.heard[0].flow == FLOW(1) && Ba.heard[1].flow == FLOW(2));
        ck_assert(Ba.heard[0].local.port && Ba.heard[0].local.port % 2 == 0);
        ck_assert_uint_eq(Ba.heard[1].local.port, Ba.heard[0].local.port + 1);
        say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(1)});
        say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(2)});
    }
}
END_TEST

START_TEST(of_a_pair_both_are_bound_or_neither)
{
    ck_assert_uint_eq(ask(&Ba, FLOW(9), 0x0a000001, 6001).port, 6001);
    ck_assert_uint_eq(ask_port(6000, IT_IO_PORT_PAIR), 2);
    ck_assert(Ba.heard[0].local.port == 0 && Ba.heard[1].local.port == 0);
    ck_assert_uint_eq(ask_port(6001, IT_IO_PORT_EVEN), 1);
    ck_assert_uint_eq(Ba.heard[0].local.port, 0); /* odd */
    ck_assert_uint_eq(ask_port(6000, IT_IO_PORT_EVEN), 1);
    ck_assert_uint_eq(Ba.heard[0].local.port, 6000); /* nothing was left behind */
    say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(1)});
    say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(9)});
    ck_assert_uint_eq(ask_port(6000, IT_IO_PORT_PAIR), 2);
    ck_assert(Ba.heard[0].local.port == 6000 && Ba.heard[1].local.port == 6001);
}
END_TEST

/* --- streams that come --- */

START_TEST(who_listens_is_answered_accepts_and_is_told_of_the_end)
{
    it_tcp_opts o;
    it_addr at = {it_ip4(0x0a000001), _i ? 0 : 7000};
    it_tcp_opts_init(&o);
    say(&Ba, (it_io){.kind = IT_IO_LISTEN, .flow = FLOW(1), .local = at});
    ck_assert(Ba.n_heard == 1 && Ba.heard[0].kind == IT_IO_LISTENING && Ba.heard[0].flow == FLOW(1));
    at = Ba.heard[0].local;
    ck_assert(_i ? at.port >= 49152 : at.port == 7000);
    say(&Ba, (it_io){.kind = IT_IO_LISTEN, .flow = FLOW(2), .local = at});
    ck_assert(Ba.n_heard == 2 && Ba.heard[1].kind == IT_IO_LISTENING && Ba.heard[1].local.port == 0); /* taken */
    ck_assert_int_ge(it_host_tcp_connect(Hb, it_lab_now(L), (it_addr){{0, 0}, 0}, at, &o), 0);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
    ck_assert(Ba.n_heard == 3 && Ba.heard[2].kind == IT_IO_ACCEPTED && Ba.heard[2].flow >= IT_IO_ACCEPTED_FLOW);
    ck_assert(it_addr_eq(Ba.heard[2].local, at));
    ck_assert_int_eq(it_host_unaddr(Ha, it_lab_now(L), 0, it_ip4(0x0a000001)), 0);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert(Ba.n_heard == 4 && Ba.heard[3].kind == IT_IO_UNBIND && Ba.heard[3].flow == FLOW(1));
    say(&Ba, (it_io){.kind = IT_IO_LISTEN, .flow = FLOW(1), .local = at});
    ck_assert(Ba.n_heard == 5 && Ba.heard[4].local.port == 0); /* no address of the host any more */
}
END_TEST

START_TEST(unbind_ends_listening_and_not_what_was_accepted)
{
    it_tcp_opts o;
    it_tcp_info info;
    it_addr at = {it_ip4(0x0a000001), 7000};
    it_tcp_opts_init(&o);
    say(&Ba, (it_io){.kind = IT_IO_LISTEN, .flow = FLOW(1), .local = {{0, 0}, 7000}});
    int s = it_host_tcp_connect(Hb, it_lab_now(L), (it_addr){{0, 0}, 0}, at, &o);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
    say(&Ba, (it_io){.kind = IT_IO_UNBIND, .flow = FLOW(1)});
    ck_assert(it_host_tcp_info(Hb, s, &info) && info.state == IT_TCP_ESTABLISHED);
    int late = it_host_tcp_connect(Hb, it_lab_now(L), (it_addr){{0, 0}, 0}, at, &o);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
    ck_assert(it_host_tcp_info(Hb, late, &info) && info.state == IT_TCP_CLOSED);
    ck_assert_int_eq(it_lab_serve(L, Na, 7000), 0); /* the port is free */
}
END_TEST

/* --- what headers say, and sizes --- */

START_TEST(a_datagram_says_df_hop_limit_and_tos)
{
    (void)ask(&Ba, FLOW(1), 0x0a000001, 0);
    it_addr far = ask(&Bb, FLOW(1), 0x0a000002, 7000);
    it_io out = {.kind = IT_IO_DGRAM, .flow = FLOW(1), .remote = far, .data = it_bytes_of("x", 1)};
    if (_i)
        out.meta = (it_io_meta){.frag = true, .ttl = 7, .tos = 0xb8};
    say(&Ba, out);
    ck_assert_uint_eq(Bb.n_heard, 1);
    it_io_meta m = Bb.heard[0].meta;
    ck_assert(m.frag == _i && m.ttl == (_i ? 7 : 64) && m.tos == (_i ? 0xb8 : 0));
}
END_TEST

START_TEST(what_must_not_be_cut_and_is_too_large_is_an_error_of_the_host)
{
    static const char large[2000];
    ck_assert_uint_eq(ask_port(0, IT_IO_PORT_ANY), 1);
    ck_assert_uint_eq(Ba.heard[0].size, 1472);
    it_addr far = ask(&Bb, FLOW(1), 0x0a000002, 7000);
    Ba.n_heard = 0;
    it_io out = {.kind = IT_IO_DGRAM, .flow = FLOW(1), .remote = far, .data = it_bytes_of(large, sizeof large)};
    say(&Ba, out);
    ck_assert_uint_eq(Ba.n_heard + Bb.n_heard, 1);
    const it_io *e = &Ba.heard[0];
    ck_assert(e->kind == IT_IO_ERROR && e->flow == FLOW(1) && e->icmp.type == 3 && e->icmp.code == 4);
    ck_assert(e->icmp.mtu == 1500 && it_ip_eq(e->icmp.from, it_ip4(0x0a000001)) && it_addr_eq(e->remote, far));
    ck_assert(!it_io_hard_error(e));
    out.meta.frag = true;
    say(&Ba, out);
    ck_assert(Ba.n_heard == 1 && Bb.n_heard == 1 && Bb.heard[0].data.n == sizeof large && Bb.heard[0].meta.frag);
}
END_TEST

START_TEST(a_path_that_takes_less_is_told_as_its_size)
{
    static const char data[1400];
    it_addr near = ask(&Ba, FLOW(1), 0x0a000001, 0), far = {it_ip4(0x0a000002), 7000};
    it_pkt *p = it_node_packet(it_host_node(Hb)), *e = it_node_packet(it_host_node(Hb));
    ck_assert_int_eq(it_pkt_udp(p, near, far, it_bytes_of(data, sizeof data)), 0);
    ck_assert_int_eq(it_pkt_icmp_error(e, far.ip, p, 3, 4, 1300), 0);
    it_pkt_free(it_world_pool(it_lab_world(L)), p);
    it_node_send(it_host_node(Hb), it_lab_now(L), 0, e);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
    ck_assert_uint_eq(Ba.n_heard, 2);
    ck_assert(Ba.heard[0].kind == IT_IO_SIZE && Ba.heard[0].flow == FLOW(1) && Ba.heard[0].size == 1272);
    ck_assert(it_addr_eq(Ba.heard[0].local, near) && it_addr_eq(Ba.heard[0].remote, far));
    ck_assert(Ba.heard[1].kind == IT_IO_ERROR && Ba.heard[1].icmp.mtu == 1300);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/bind");
    TCase *t = tcase_create("sockets of apps");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_bound_sends_and_hears_by_its_number);
    tcase_add_test(t, what_cannot_be_bound_is_refused_with_port_0);
    tcase_add_test(t, there_is_a_most_for_one_app);
    tcase_add_loop_test(t, what_is_unbound_hears_nothing_and_its_port_is_free, 0, 2);
    tcase_add_test(t, a_host_that_loses_the_address_tells_unbind);
    tcase_add_test(t, an_even_port_is_even_and_a_pair_is_two_in_a_row);
    tcase_add_test(t, of_a_pair_both_are_bound_or_neither);
    tcase_add_loop_test(t, who_listens_is_answered_accepts_and_is_told_of_the_end, 0, 2);
    tcase_add_test(t, unbind_ends_listening_and_not_what_was_accepted);
    tcase_add_loop_test(t, a_datagram_says_df_hop_limit_and_tos, 0, 2);
    tcase_add_test(t, what_must_not_be_cut_and_is_too_large_is_an_error_of_the_host);
    tcase_add_test(t, a_path_that_takes_less_is_told_as_its_size);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
