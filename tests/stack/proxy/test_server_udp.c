/* SOCKS5 UDP ASSOCIATE, RFC 1928 section 7: whose datagrams go where, by sockets of each association's own. A driver
 * that binds what it is asked to, without a network. */
#include "stack/proxy/server.h"
#include "stack/proxy/socks.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define CLIENT(i) (IT_IO_ACCEPTED_FLOW + 1 + (uint32_t)(i))
#define INSIDE "10.9.9.9" /* where clients reach the proxy */
#define V4 "192.0.2.7"
#define V6 "2001:db8::7"
#define ASSOCIATE "\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0"
#define TO "\0\0\0\1\xc6\x33\x64\x01\x0d\x96" /* 198.51.100.1:3478 */

static it_alloc mem;
static it_proxy *P;
static struct {
    uint32_t flow;
    it_addr addr;
} bound[64]; /* port 0: none */
static uint16_t ports;
static int refuse; /* the next BIND of family 4 or 6 towards the world, or of 10.9.9.9 (1), is refused; 0: none */
static uint8_t said[4][64]; /* to the clients */
static size_t n_said[4];
static bool fin[4], rst[4];
static it_io sent[64]; /* datagrams */
static uint8_t sent_bytes[64][64];
static int n_sent;

static it_addr A(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static it_ip ip_of(const char *text)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, text), 0);
    return ip;
}

static bool is_refused(it_ip ip)
{
    int kind = it_ip_eq(ip, ip_of(INSIDE)) ? 1 : it_ip_is6(ip) ? 6 : 4;
    return kind == refuse;
}

static void bind_port(const it_io *io)
{
    it_io in = {.kind = IT_IO_BOUND, .flow = io->flow};
    ck_assert(io->flow >= IT_IO_BOUND_FLOW && io->flow < IT_IO_ACCEPTED_FLOW && io->local.port == 0);
    if (!is_refused(io->local.ip)) {
        in.local = it_addr_of(io->local.ip, ++ports);
        for (size_t i = 0; i < 64; i++) {
            ck_assert(!bound[i].addr.port || bound[i].flow != io->flow);
            if (bound[i].addr.port)
                continue;
            bound[i].flow = io->flow;
            bound[i].addr = in.local;
            break;
        }
    }
    ck_assert_int_eq(it_proxy_input(P, 0, &in), 0);
}

static void unbind_port(uint32_t flow)
{
    for (size_t i = 0; i < 64; i++)
        if (bound[i].addr.port && bound[i].flow == flow) {
            bound[i].addr.port = 0;
            return;
        }
    ck_abort_msg("UNBIND of what is not bound");
}

static int open_ports(void)
{
    int n = 0;
    for (size_t i = 0; i < 64; i++)
        n += bound[i].addr.port != 0;
    return n;
}

static void drain(void)
{
    uint8_t buf[600];
    it_io io;
    int n;
    while ((n = it_proxy_output(P, 0, &io, buf, sizeof buf)) == 1) {
        uint32_t i = io.flow - CLIENT(0);
        if (io.kind == IT_IO_BIND) {
            bind_port(&io);
        } else if (io.kind == IT_IO_UNBIND) {
            unbind_port(io.flow);
        } else if (io.kind == IT_IO_DGRAM) {
            ck_assert(n_sent < 64 && io.data.n <= 64);
            memcpy(sent_bytes[n_sent], io.data.p, io.data.n);
            sent[n_sent] = io;
            sent[n_sent].data.p = sent_bytes[n_sent];
            n_sent++;
        } else if (io.kind == IT_IO_DATA) {
            ck_assert(i < 4 && n_said[i] + io.data.n <= 64);
            memcpy(said[i] + n_said[i], io.data.p, io.data.n);
            n_said[i] += io.data.n;
        } else {
            ck_assert_uint_lt(i, 4);
            fin[i] |= io.kind == IT_IO_FIN;
            rst[i] |= io.kind == IT_IO_RST;
        }
    }
    ck_assert_int_eq(n, 0);
}

static void say(int i, const char *from, enum it_io_kind kind, const char *data, size_t n)
{
    it_io io = {.kind = kind, .flow = CLIENT(i), .local = A(INSIDE ":1080"), .data = it_bytes_of(data, n)};
    if (from)
        io.remote = A(from);
    ck_assert_int_ge(it_proxy_input(P, 0, &io), 0);
    drain();
}

/* Client |i| connects from |from| and asks for an association. */
static void associate(int i, const char *from)
{
    say(i, from, IT_IO_ACCEPTED, NULL, 1000);
    say(i, NULL, IT_IO_DATA, ASSOCIATE, sizeof ASSOCIATE - 1);
}

/* Where client |i| is to send, as the reply says. */
static it_addr relay(int i)
{
    ck_assert_uint_eq(n_said[i], 12);
    ck_assert_int_eq(memcmp(said[i], "\x05\x00\x05\x00\x00\x01", 6), 0);
    return it_addr_of(it_ip_from_bytes(said[i] + 6, 4), it_get16(said[i] + 10));
}

/* A datagram from |from| comes to |to|. */
static void come(it_addr to, const char *from, const char *data, size_t n)
{
    for (size_t i = 0; i < 64; i++) {
        if (!bound[i].addr.port || !it_addr_eq(bound[i].addr, to))
            continue;
        it_io io = {
            .kind = IT_IO_DGRAM, .flow = bound[i].flow, .local = to, .remote = A(from), .data = it_bytes_of(data, n)};
        ck_assert_int_eq(it_proxy_input(P, 0, &io), (int)n);
        drain();
        return;
    }
}

/* Base |flow| of the owner. */
static int base(uint32_t number, it_addr addr)
{
    it_io io = {.kind = IT_IO_BOUND, .flow = number, .local = addr};
    return it_proxy_input(P, 0, &io);
}

static void begin_case(void)
{
    it_alloc_init(&mem);
    memset(bound, 0, sizeof bound);
    memset(n_said, 0, sizeof n_said);
    memset(fin, 0, sizeof fin);
    memset(rst, 0, sizeof rst);
    n_sent = refuse = 0;
    ports = 30000;
    P = it_proxy_new(&(it_proxy_cfg){.alloc = &mem, .kind = IT_PROXY_SOCKS5, .allow_all = true, .udp = true});
    ck_assert_ptr_nonnull(P);
    ck_assert_int_eq(base(1, A(V4 ":1080")), 0);
    ck_assert_int_eq(base(2, A(INSIDE ":1080")), 0);
    ck_assert_int_eq(base(3, A("[" V6 "]:1080")), 0);
}

static void end_case(void)
{
    it_proxy_free(P);
    ck_assert_int_eq(mem.live, 0);
}

static bool was_sent(int k, it_addr from, const char *to, const char *data, size_t n)
{
    return k < n_sent && it_addr_eq(sent[k].local, from) && it_addr_eq(sent[k].remote, A(to)) &&
           it_bytes_eq(sent[k].data, it_bytes_of(data, n));
}

START_TEST(an_association_carries_datagrams_both_ways)
{
    associate(0, "10.0.0.2:5000");
    it_addr in = relay(0);
    ck_assert(it_ip_eq(in.ip, ip_of(INSIDE)) && in.port);
    ck_assert_int_eq(open_ports(), 3); /* inside, and one a family outside */
    come(in, "10.0.0.2:7000", TO "ping", 14);
    ck_assert_int_eq(n_sent, 1);
    it_addr out = sent[0].local;
    ck_assert(it_ip_eq(out.ip, ip_of(V4)) && out.port != 1080);
    ck_assert(was_sent(0, out, "198.51.100.1:3478", "ping", 4));
    come(out, "198.51.100.1:3478", "pong", 4);
    ck_assert(was_sent(1, in, "10.0.0.2:7000", TO "pong", 14));
    /* IPv6 leaves from its own socket: 2001:db8::1, port 9 */
    come(in, "10.0.0.2:7000", "\0\0\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x09six", 25);
    ck_assert_int_eq(n_sent, 3);
    ck_assert(it_ip_eq(sent[2].local.ip, ip_of(V6)));
    come(sent[2].local, "[2001:db8::1]:9", "!", 1);
    ck_assert_int_eq(n_sent, 4);
}
END_TEST

START_TEST(two_clients_have_ports_of_their_own_and_get_their_own_answers)
{
    /* From two hosts, and from one: by the address alone they could not be told apart. */
    const char *second = _i ? "10.0.0.2" : "10.0.0.3",
               *from[] = {"10.0.0.2:7000", _i ? "10.0.0.2:7001" : "10.0.0.3:7000"};
    associate(0, "10.0.0.2:5000");
    associate(1, _i ? "10.0.0.2:5001" : "10.0.0.3:5000");
    ck_assert(!it_addr_eq(relay(0), relay(1)));
    for (int i = 0; i < 2; i++)
        come(relay(i), from[i], TO "ping", 14);
    ck_assert_int_eq(n_sent, 2);
    it_addr out[] = {sent[0].local, sent[1].local};
    ck_assert(!it_addr_eq(out[0], out[1]));
    come(out[1], "198.51.100.1:3478", "b", 1); /* the same server answers both, in the other order */
    come(out[0], "198.51.100.1:3478", "a", 1);
    ck_assert_int_eq(n_sent, 4);
    ck_assert(was_sent(2, relay(1), from[1], TO "b", 11));
    ck_assert(was_sent(3, relay(0), from[0], TO "a", 11));
    /* Neither sends by the other's, whatever port it sends from. */
    char stranger[32];
    snprintf(stranger, sizeof stranger, "%s:7777", second);
    come(relay(0), stranger, TO "x", 11);
    ck_assert_int_eq(n_sent, 4);
    /* What one was not told to expect does not come in: 198.51.100.9 is the other's peer. */
    come(relay(0), from[0], "\0\0\0\1\xc6\x33\x64\x09\x0d\x96y", 11);
    ck_assert_int_eq(n_sent, 5);
    come(out[1], "198.51.100.9:3478", "z", 1);
    ck_assert_int_eq(n_sent, 5);
}
END_TEST

START_TEST(what_is_no_datagram_of_the_client_goes_nowhere)
{
    associate(0, "10.0.0.2:5000");
    it_addr in = relay(0);
    come(in, "10.0.0.9:7000", TO "ping", 14); /* another address: section 7 */
    for (size_t n = 0; n < 10; n++)
        come(in, "10.0.0.2:7000", TO, n);                               /* a header cut anywhere */
    come(in, "10.0.0.2:7000", "\0\0\1\1\xc6\x33\x64\x01\x0d\x96x", 11); /* a fragment */
    come(in, "10.0.0.2:7000", "\0\1\0\1\xc6\x33\x64\x01\x0d\x96x", 11); /* RSV */
    come(in, "10.0.0.2:7000", "\0\0\0\2\xc6\x33\x64\x01\x0d\x96x", 11); /* ATYP */
    come(in, "10.0.0.2:7000", "\0\0\0\3\0\x0d\x96x", 8);                /* a name of no bytes */
    ck_assert_int_eq(n_sent, 0);
    come(in, "10.0.0.2:7000", TO "", 10); /* without data it is one */
    ck_assert_int_eq(n_sent, 1);
    come(in, "10.0.0.2:7001", TO "ping", 14);            /* another port than it began with */
    come(sent[0].local, "198.51.100.1:3479", "pong", 4); /* a port nobody asked */
    ck_assert_int_eq(n_sent, 1);
}
END_TEST

START_TEST(an_association_ends_with_its_connection)
{
    /* 0: FIN, 1: RST of the client; 2: the host loses the address of a socket */
    associate(0, "10.0.0.2:5000");
    associate(1, "10.0.0.3:5000");
    it_addr in = relay(0);
    come(in, "10.0.0.2:7000", TO "ping", 14);
    it_addr out = sent[0].local;
    ck_assert_int_eq(open_ports(), 6);
    if (_i == 2) {
        it_io io = {.kind = IT_IO_UNBIND};
        for (size_t i = 0; i < 64; i++)
            if (bound[i].addr.port && it_addr_eq(bound[i].addr, out)) {
                io.flow = bound[i].flow;
                bound[i].addr.port = 0;
            }
        ck_assert_int_eq(it_proxy_input(P, 0, &io), 0);
        drain();
        ck_assert(rst[0]);
    } else {
        say(0, NULL, _i ? IT_IO_RST : IT_IO_FIN, NULL, 0);
        ck_assert(_i || fin[0]);
    }
    ck_assert_int_eq(open_ports(), 3);
    come(relay(1), "10.0.0.3:7000", TO "ping", 14); /* the other one lives */
    ck_assert_int_eq(n_sent, 2);
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 1);
}
END_TEST

START_TEST(without_sockets_there_is_no_association)
{
    refuse = _i == 0 ? 1 : 4;
    associate(0, "10.0.0.2:5000");
    if (_i == 0) { /* clients could not send */
        ck_assert_uint_eq(n_said[0], 12);
        ck_assert_int_eq(said[0][3], IT_SOCKS_FAILURE);
        ck_assert(fin[0]);
        say(0, NULL, IT_IO_FIN, NULL, 0);
        ck_assert_int_eq(open_ports(), 0);
        return;
    }
    come(relay(0), "10.0.0.2:7000", TO "ping", 14); /* no IPv4 outside: dropped */
    ck_assert_int_eq(n_sent, 0);
    come(relay(0), "10.0.0.2:7000", "\0\0\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x09six", 25);
    ck_assert_int_eq(n_sent, 1);
}
END_TEST

START_TEST(a_client_that_leaves_while_its_sockets_are_awaited_leaves_none)
{
    uint8_t buf[600];
    it_io io;
    say(0, "10.0.0.2:5000", IT_IO_ACCEPTED, NULL, 1000);
    it_io ask = {.kind = IT_IO_DATA, .flow = CLIENT(0), .data = it_bytes_of(ASSOCIATE, sizeof ASSOCIATE - 1)};
    ck_assert_int_eq(it_proxy_input(P, 0, &ask), sizeof ASSOCIATE - 1);
    ck_assert_int_eq(it_proxy_output(P, 0, &io, buf, sizeof buf), 1);
    ck_assert_int_eq(io.kind, IT_IO_BIND); /* said, and not answered yet */
    uint32_t flow = io.flow;
    it_io gone = {.kind = IT_IO_RST, .flow = CLIENT(0)};
    ck_assert_int_eq(it_proxy_input(P, 0, &gone), 0);
    int n, unbinds = 0;
    while ((n = it_proxy_output(P, 0, &io, buf, sizeof buf)) == 1) {
        ck_assert(io.kind == IT_IO_UNBIND && io.flow == flow);
        unbinds++;
    }
    ck_assert(n == 0 && unbinds == 1);
    it_io late = {.kind = IT_IO_BOUND, .flow = flow, .local = A(INSIDE ":30001")};
    ck_assert_int_eq(it_proxy_input(P, 0, &late), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/server_udp");
    TCase *t = tcase_create("RFC 1928 section 7");
    tcase_add_checked_fixture(t, begin_case, end_case);
    tcase_add_test(t, an_association_carries_datagrams_both_ways);
    tcase_add_loop_test(t, two_clients_have_ports_of_their_own_and_get_their_own_answers, 0, 2);
    tcase_add_test(t, what_is_no_datagram_of_the_client_goes_nowhere);
    tcase_add_loop_test(t, an_association_ends_with_its_connection, 0, 3);
    tcase_add_loop_test(t, without_sockets_there_is_no_association, 0, 2);
    tcase_add_test(t, a_client_that_leaves_while_its_sockets_are_awaited_leaves_none);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
