/* The host between raw edges: what it takes and on which interface, what it answers, what its sockets may do, power,
 * interfaces, addresses that come and go. TCP has tests of its own. */
#include "netsim/host/host.h"

#include "tests/netsim/box.h"

#include <stdlib.h>

static box B; /* its world, its record of drops, what came out at edge 0 or 1 */
static it_host *H;
static it_host_event Ev[16];
static char Data[16][64];
static int N_ev;

/* e0: 10.0.0.2/24 by gateway 10.0.0.1 and 2001:db8:a::2/64 by fe80::1; e1: 10.1.0.2/24 without a gateway, of an MTU of
 * 1400 bytes. */
static void open_host(void)
{
    static const char *const NAMES[] = {"e0", "e1"};
    box_start(&B, 1);
    H = it_host_new(B.w, "host");
    for (int i = 0; i < 2; i++) {
        it_link_cfg cfg = {.name = NAMES[i], .dir[0].mtu = i ? 1400 : 0, .dir[1].mtu = i ? 1400 : 0};
        B.edge[i] = it_edge_new(B.w, NAMES[i], "eth");
        ck_assert_int_eq(it_host_iface(H, NAMES[i]), i);
        ck_assert_int_ge(B.link[i] = it_link_new(B.w, &cfg, B.edge[i], 0, it_host_node(H), i), 0);
    }
    ck_assert_int_eq(it_host_addr(H, 0, I("10.0.0.2"), 120), 0);
    ck_assert_int_eq(it_host_addr(H, 0, I("2001:db8:a::2"), 64), 0);
    ck_assert_int_eq(it_host_addr(H, 1, I("10.1.0.2"), 120), 0);
    it_host_gateway(H, 0, I("10.0.0.1"));
    it_host_gateway(H, 0, I("fe80::1"));
}

/* Runs to |t|: packets that came out are in B.got, events in Ev, those about interfaces left out. */
static void run_to(it_time t)
{
    int err;
    while ((err = it_world_run(B.w, t)) == 1) {
        it_node *n = it_world_ready(B.w);
        if (n == it_host_node(H)) {
            it_host_event ev;
            ck_assert_int_eq(it_host_input(H, it_world_now(B.w)), 0);
            while (it_host_event_next(H, &ev)) {
                ck_assert_int_lt(N_ev, 16);
                memcpy(Data[N_ev], ev.data.p ? ev.data.p : (const uint8_t *)"", ev.data.n < 64 ? ev.data.n : 64);
                Ev[N_ev++] = ev;
            }
            continue;
        }
        it_pkt *p = it_edge_take(n);
        if (!p)
            continue;
        ck_assert_uint_lt(B.n_got, BOX_GOT);
        B.got[B.n_got].side = n == B.edge[1];
        B.got[B.n_got++].p = *p;
        ck_assert(it_pkt_cksum_ok(p));
        it_pkt_free(it_world_pool(B.w), p);
    }
    ck_assert_int_eq(err, 0);
}

static void settle(void)
{
    B.n_got = B.n_drops = 0;
    B.drop = IT_DROP_NONE;
    N_ev = 0;
    run_to(it_world_now(B.w));
}

static void in_raw(int edge, it_bytes ip)
{
    settle();
    settle();
    ck_assert_int_eq(it_edge_send(B.edge[edge], it_world_now(B.w), ip, 0), 0);
    run_to(it_world_now(B.w));
}

static void in_udp(int edge, const char *from, const char *to)
{
    uint8_t buf[IT_PKT_MAX];
    in_raw(edge, box_udp_bytes(buf, A(from), A(to), 12));
}

static int bind_to(const char *local, int iface)
{
    return it_host_udp(H, A(local), iface);
}

static int send_from(int socket, const char *to, size_t n)
{
    static const uint8_t zeros[2000];
    int err = it_host_send(H, it_world_now(B.w), socket, A(to), it_bytes_of(zeros, n), 0);
    run_to(it_world_now(B.w));
    return err;
}

static it_bytes icmp_bytes(uint8_t out[IT_PKT_MAX], const it_pkt_icmp_msg *m)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp(&p, m), 0);
    memcpy(out, it_pkt_ip(&p), p.len);
    return it_bytes_of(out, p.len);
}

/* --- RFC 1122 section 3.3.4.2: the strong host model --- */

START_TEST(a_packet_is_taken_on_the_interface_of_its_address)
{
    open_host();
    ck_assert_int_ge(it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1), 0);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert_int_eq(N_ev, 1);
    ck_assert(Ev[0].kind == IT_HOST_DATAGRAM && Ev[0].iface == 0 && Ev[0].data.n == 12 && Ev[0].packet != 0);
    ck_addr(Ev[0].local, "10.0.0.2:7000");
    ck_addr(Ev[0].remote, "10.0.0.9:1");
    in_udp(1, "10.0.0.9:1", "10.0.0.2:7000"); /* the right host, by the wrong door */
    ck_assert_int_eq(N_ev, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NOT_MINE);
    ck_assert_uint_eq(B.n_got, 0);
    in_udp(0, "10.0.0.9:1", "10.0.0.3:7000"); /* nobody's */
    ck_assert_int_eq(B.drop, IT_DROP_NOT_MINE);
    box_close(&B);
}
END_TEST

START_TEST(a_packet_leaves_by_the_interface_of_its_source)
{
    open_host();
    int any = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1), one = bind_to("10.1.0.2:7001", -1);
    settle();
    settle();
    ck_assert_int_eq(send_from(any, "198.51.100.1:9", 1), 0);
    ck_assert(B.n_got == 1 && B.got[0].side == 0 && it_ip_eq(B.got[0].p.src, I("10.0.0.2")));
    ck_assert(it_ip_eq(B.got[0].p.hop, I("10.0.0.1"))); /* through the gateway */
    settle();
    ck_assert_int_eq(send_from(any, "10.1.0.9:9", 1), 0); /* on-link at the other one */
    ck_assert(B.n_got == 1 && B.got[0].side == 1 && it_ip_eq(B.got[0].p.src, I("10.1.0.2")) &&
              it_ip_none(B.got[0].p.hop));
    ck_assert_int_eq(send_from(one, "198.51.100.1:9", 1), IT_ERR_NOROUTE); /* its interface has no gateway */
    ck_assert_int_eq(send_from(one, "[2001:db8::1]:9", 1), IT_ERR_NOROUTE);
    settle();
    ck_assert_int_eq(send_from(any, "[2001:db8::1]:9", 1), 0);
    ck_assert(B.n_got == 1 && it_ip_eq(B.got[0].p.src, I("2001:db8:a::2")) && it_ip_eq(B.got[0].p.hop, I("fe80::1")));
    box_close(&B);
}
END_TEST

/* --- multicast --- */

START_TEST(a_group_reaches_the_socket_of_its_port)
{
    static const struct {
        const char *local, *from, *group;
    } W[] = {{"10.0.0.2:1900", "10.0.0.9:99", "239.255.255.250:1900"},
             {"[2001:db8:a::2]:1900", "[fe80::9]:99", "[ff02::c]:1900"}};
    open_host();
    int s = bind_to(W[_i].local, -1);
    in_udp(0, W[_i].from, W[_i].group);
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_DATAGRAM && Ev[0].socket == s);
    ck_addr(Ev[0].local, W[_i].group);
    in_udp(0, W[!_i].from, W[!_i].group); /* the other family, for which nothing is bound */
    ck_assert(N_ev == 0 && B.n_got == 0 && B.drop == IT_DROP_NO_SOCKET);
    in_udp(0, "10.0.0.9:99", "239.255.255.250:1901"); /* another port: no answer to a group (RFC 1122 section 3.2.2) */
    ck_assert(N_ev == 0 && B.n_got == 0 && B.drop == IT_DROP_NO_SOCKET);
    in_udp(1, "10.1.0.9:99", "239.255.255.250:1900"); /* bound to the other interface's address */
    ck_assert(N_ev == 0 && B.n_got == 0);
    it_host_power(H, 0, false, false);
    in_udp(0, W[_i].from, W[_i].group);
    ck_assert(N_ev == 0 && B.n_got == 0);
    box_close(&B);
}
END_TEST

START_TEST(to_a_group_no_gateway_is_needed)
{
    open_host();
    int s = bind_to("10.1.0.2:4000", -1); /* where there is none */
    settle();
    settle();
    ck_assert_int_eq(send_from(s, "239.255.255.250:1900", 10), 0);
    ck_assert(B.n_got == 1 && B.got[0].side == 1 && it_ip_none(B.got[0].p.hop) &&
              it_ip_eq(B.got[0].p.src, I("10.1.0.2")));
    box_close(&B);
}
END_TEST

/* --- UDP sockets --- */

START_TEST(a_port_has_one_owner_for_an_address)
{
    open_host();
    int s = bind_to("10.0.0.2:7000", -1);
    ck_assert_int_ge(s, 0);
    ck_assert_int_eq(bind_to("10.0.0.2:7000", -1), IT_ERR_EXISTS);
    ck_assert_int_eq(it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1), IT_ERR_EXISTS);
    int other = bind_to("10.1.0.2:7000", -1);
    ck_assert_int_ge(other, 0);
    ck_assert_int_eq(bind_to("10.9.9.9:7000", -1), IT_ERR_NOROUTE);
    ck_assert_int_eq(bind_to("10.0.0.2:7002", 1), IT_ERR_NOROUTE); /* another interface's address */
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 1 && Ev[0].socket == s);
    in_udp(1, "10.1.0.9:1", "10.1.0.2:7000");
    ck_assert(N_ev == 1 && Ev[0].socket == other);
    it_host_close(H, s);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 0 && B.drop == IT_DROP_NO_SOCKET);
    ck_assert_int_eq(bind_to("10.0.0.2:7000", -1), s); /* the number is used again */
    box_close(&B);
}
END_TEST

START_TEST(a_socket_of_an_interface_hears_that_one_alone)
{
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), 1);
    ck_assert_int_ge(s, 0);
    in_udp(1, "10.1.0.9:1", "10.1.0.2:7000");
    ck_assert(N_ev == 1 && Ev[0].socket == s);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 0 && B.drop == IT_DROP_NO_SOCKET);
    box_close(&B);
}
END_TEST

/* RFC 6335 section 6, RFC 6056 section 3.3.1 */
START_TEST(ephemeral_ports_are_dynamic_and_differ)
{
    uint16_t first[64];
    for (int round = 0; round < 2; round++) {
        bool seen[65536] = {false};
        int up = 0;
        open_host();
        for (int i = 0; i < 64; i++) {
            int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 0), -1);
            uint16_t port = it_host_sockname(H, s).port;
            ck_assert_uint_ge(port, 49152);
            ck_assert(!seen[port]);
            seen[port] = true;
            up += i > 0 && seen[port - 1];
            if (round == 0)
                first[i] = port;
            ck_assert_uint_eq(port, first[i]); /* the same seed, the same ports */
        }
        ck_assert_int_lt(up, 8); /* not one after the other */
        box_close(&B);
    }
}
END_TEST

START_TEST(sending_says_why_it_cannot)
{
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    ck_assert_int_eq(send_from(-1, "10.0.0.9:9", 1), IT_ERR_STATE);
    ck_assert_int_eq(send_from(s + 1, "10.0.0.9:9", 1), IT_ERR_STATE);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1472), 0);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1473), IT_ERR_TOOBIG);
    ck_assert_int_eq(send_from(s, "10.1.0.9:9", 1372), 0);
    ck_assert_int_eq(send_from(s, "10.1.0.9:9", 1373), IT_ERR_TOOBIG);
    it_host_close(H, s);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), IT_ERR_STATE);
    box_close(&B);
}
END_TEST

/* --- ICMP --- */

/* RFC 1122 section 3.2.2.6, RFC 4443 section 4.2 */
START_TEST(an_echo_comes_back_as_it_was)
{
    static const struct {
        const char *from, *to;
        uint8_t ask, reply;
    } W[] = {{"10.0.0.9", "10.0.0.2", 8, 0}, {"2001:db8:a::9", "2001:db8:a::2", 128, 129}};
    uint8_t buf[IT_PKT_MAX];
    open_host();
    it_pkt_icmp_msg m = {.src = I(W[_i].from),
                         .dst = I(W[_i].to),
                         .type = W[_i].ask,
                         .rest = 0x12345678,
                         .body = it_bytes_str("some data")};
    in_raw(0, icmp_bytes(buf, &m));
    ck_assert_uint_eq(B.n_got, 1);
    it_pkt *r = &B.got[0].p;
    const uint8_t *l4 = it_pkt_l4(r);
    ck_assert(l4[0] == W[_i].reply && l4[1] == 0 && it_get32(l4 + 4) == 0x12345678 && r->len - r->l4 == 8 + 9);
    ck_assert_mem_eq(l4 + 8, "some data", 9);
    ck_assert(it_ip_eq(r->src, m.dst) && it_ip_eq(r->dst, m.src));
    /* With a wrong checksum it is nothing. */
    buf[_i ? 40 + 9 : 20 + 9] ^= 1;
    in_raw(0, it_bytes_of(buf, (_i ? 40 : 20) + 17));
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_CHECKSUM);
    box_close(&B);
}
END_TEST

/* RFC 1122 section 4.1.3.1, RFC 4443 section 3.1 code 4 */
START_TEST(a_closed_port_answers_port_unreachable)
{
    static const struct {
        const char *from, *to;
        uint8_t type, code;
    } W[] = {{"10.0.0.9:99", "10.0.0.2:7000", 3, 3}, {"[2001:db8:a::9]:99", "[2001:db8:a::2]:7000", 1, 4}};
    open_host();
    in_udp(0, W[_i].from, W[_i].to);
    ck_assert(B.n_got == 1 && B.drop == IT_DROP_NO_SOCKET);
    it_pkt *e = &B.got[0].p;
    ck_assert(it_pkt_l4(e)[0] == W[_i].type && it_pkt_l4(e)[1] == W[_i].code && it_ip_eq(e->dst, A(W[_i].from).ip));
    inner_of in = box_inner(e);
    ck_addr(in.src, W[_i].from);
    ck_addr(in.dst, W[_i].to);
    box_close(&B);
}
END_TEST

START_TEST(no_error_is_sent_where_none_may_be)
{
    uint8_t buf[IT_PKT_MAX];
    open_host();
    in_udp(0, "224.0.0.1:99", "10.0.0.2:7000"); /* RFC 1122 section 3.2.2: the source is not one host */
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_NO_SOCKET);
    it_bytes b = box_udp_bytes(buf, A("10.0.0.9:99"), A("10.0.0.2:7000"), 12);
    buf[20 + 6] ^= 0x55; /* its checksum */
    in_raw(0, b);
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_CHECKSUM);
    b = box_udp_bytes(buf, A("10.0.0.9:99"), A("10.0.0.2:7000"), 12);
    buf[6] = 0x20; /* more fragments */
    buf[10] = buf[11] = 0;
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    in_raw(0, b);
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_MALFORMED);
    b = box_ip_bytes(buf, I("10.0.0.9"), I("10.0.0.2"), 47, it_bytes_str("another protocol"));
    in_raw(0, b);
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_NO_SOCKET);
    box_close(&B);
}
END_TEST

/* RFC 1122 section 4.1.3.3: errors are passed up to the socket that sent what they are about. */
START_TEST(an_error_reaches_the_socket_it_is_about)
{
    static const struct {
        const char *to, *from;
        uint8_t type, code;
    } W[] = {{"198.51.100.1:9", "10.0.0.1", 3, 3},
             {"198.51.100.1:9", "10.0.0.1", 11, 0},
             {"198.51.100.1:9", "203.0.113.7", 3, 13},
             {"[2001:db8::1]:9", "2001:db8::7", 1, 4},
             {"[2001:db8::1]:9", "2001:db8::7", 3, 0}};
    uint8_t buf[IT_PKT_MAX];
    it_pkt e, about;
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    settle();
    settle();
    ck_assert_int_eq(send_from(s, W[_i].to, 40), 0);
    about = B.got[0].p;
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I(W[_i].from), &about, W[_i].type, W[_i].code, 0), 0);
    memcpy(buf, it_pkt_ip(&e), e.len);
    in_raw(0, it_bytes_of(buf, e.len));
    ck_assert_int_eq(N_ev, 1);
    ck_assert(Ev[0].kind == IT_HOST_ICMP && Ev[0].socket == s && Ev[0].icmp_type == W[_i].type &&
              Ev[0].icmp_code == W[_i].code);
    ck_addr(Ev[0].remote, W[_i].to);
    ck_assert(it_ip_eq(Ev[0].from, I(W[_i].from)));
    ck_assert_uint_eq(Ev[0].data.n, 40); /* of the datagram, behind its headers */
    ck_assert_uint_eq(Ev[0].local.port, 7000);
    ck_assert_uint_eq(B.n_got, 0);
    it_host_close(H, s); /* about nobody's packet: nothing is told */
    in_raw(0, it_bytes_of(buf, e.len));
    ck_assert(N_ev == 0 && B.n_got == 0);
    box_close(&B);
}
END_TEST

START_TEST(an_error_with_less_than_a_header_inside_is_harmless)
{
    uint8_t buf[IT_PKT_MAX];
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    ck_assert_int_ge(s, 0);
    for (size_t n = 0; n < 60; n++) {
        uint8_t body[60];
        memset(body, 0x11, sizeof body);
        body[0] = (uint8_t)(0x40 | (n & 15));
        it_pkt_icmp_msg m = {
            .src = I("10.0.0.1"), .dst = I("10.0.0.2"), .type = 3, .code = 3, .body = it_bytes_of(body, n)};
        in_raw(0, icmp_bytes(buf, &m));
        ck_assert_int_eq(N_ev, 0);
    }
    box_close(&B);
}
END_TEST

START_TEST(a_ping_has_its_hop_limit_and_its_answer_is_told)
{
    uint8_t buf[IT_PKT_MAX];
    open_host();
    settle();
    settle();
    ck_assert_int_eq(it_host_ping(H, 0, I(_i ? "2001:db8::1" : "198.51.100.1"), 77, 5), 0);
    run_to(0);
    ck_assert_uint_eq(B.n_got, 1);
    it_pkt *p = &B.got[0].p;
    ck_assert_uint_eq(it_pkt_ip(p)[_i ? 7 : 8], 5);
    ck_assert_uint_eq(it_pkt_l4(p)[0], _i ? 128 : 8);
    it_pkt_icmp_msg m = {.src = p->dst, .dst = p->src, .type = _i ? 129 : 0, .rest = it_get32(it_pkt_l4(p) + 4)};
    in_raw(0, icmp_bytes(buf, &m));
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_ECHO && Ev[0].remote.port == 77);
    ck_assert_int_eq(it_host_ping(H, 0, I(_i ? "fe80::1" : "10.1.0.9"), 1, 5), 0);
    it_host_iface_set(H, 0, 0, false);
    ck_assert_int_eq(it_host_ping(H, 0, I(_i ? "2001:db8::1" : "198.51.100.1"), 78, 5), IT_ERR_NOROUTE);
    run_to(0);
    box_close(&B);
}
END_TEST

/* --- power, interfaces, addresses --- */

START_TEST(a_host_without_power_says_nothing_or_that_nobody_is_there)
{
    uint8_t buf[IT_PKT_MAX];
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    it_pkt_icmp_msg echo = {.src = I("10.0.0.9"), .dst = I("10.0.0.2"), .type = 8, .rest = 1};
    it_host_power(H, 0, false, true);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 0 && B.n_got == 0 && B.drop == IT_DROP_HOST_DOWN);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), IT_ERR_STATE);
    it_host_power(H, 0, false, false);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 0 && B.n_got == 1 && it_pkt_l4(&B.got[0].p)[0] == 3 && B.drop == IT_DROP_NO_SOCKET);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), IT_ERR_STATE);
    in_raw(0, icmp_bytes(buf, &echo));
    ck_assert_uint_eq(B.n_got, 0);
    it_host_power(H, 0, true, false); /* the socket has survived */
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 1 && Ev[0].socket == s);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), 0);
    box_close(&B);
}
END_TEST

START_TEST(an_interface_that_is_down_neither_sends_nor_hears)
{
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    settle();
    settle();
    it_host_iface_set(H, 0, 0, false);
    run_to(0);
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_LINK && Ev[0].iface == 0 && !Ev[0].up);
    ck_assert(!it_host_iface_usable(H, 0) && it_host_iface_usable(H, 1));
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert(N_ev == 0 && B.drop == IT_DROP_IFACE_DOWN);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), IT_ERR_NOROUTE);
    settle();
    it_host_iface_set(H, 0, 0, false); /* it is already */
    run_to(0);
    ck_assert_int_eq(N_ev, 0);
    it_host_iface_set(H, 0, 0, true);
    run_to(0);
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_LINK && Ev[0].up);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert_int_eq(N_ev, 1);
    settle();
    it_link_cut(B.w, 0, B.link[0], true);
    run_to(0);
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_LINK && !Ev[0].up);
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 1), IT_ERR_NOROUTE);
    box_close(&B);
}
END_TEST

START_TEST(a_new_address_takes_the_place_of_the_old_one)
{
    open_host();
    int bound = bind_to("10.0.0.2:7001", -1), any = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    settle();
    settle();
    ck_assert_int_eq(it_host_unaddr(H, 0, 0, I("10.0.0.2")), 0);
    ck_assert_int_eq(it_host_unaddr(H, 0, 0, I("10.0.0.2")), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_host_addr(H, 0, I("10.0.0.77"), 120), 0);
    run_to(0);
    ck_assert(N_ev == 1 && Ev[0].kind == IT_HOST_LINK && Ev[0].up); /* both changes are one piece of news */
    ck_assert_int_eq(send_from(bound, "10.0.0.9:9", 1), IT_ERR_NOROUTE);
    settle();
    ck_assert_int_eq(send_from(any, "10.0.0.9:9", 1), 0);
    ck_assert(B.n_got == 1 && it_ip_eq(B.got[0].p.src, I("10.0.0.77")));
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert_int_eq(B.drop, IT_DROP_NOT_MINE);
    in_udp(0, "10.0.0.9:1", "10.0.0.77:7000");
    ck_assert_int_eq(N_ev, 1);
    it_ip ip;
    ck_assert(it_host_nth_addr(H, 0, 1, &ip) && it_ip_eq(ip, I("10.0.0.77")));
    ck_assert(!it_host_nth_addr(H, 0, 2, &ip));
    for (uint32_t i = 2; i < 8; i++)
        ck_assert_int_eq(it_host_addr(H, 0, it_ip4(0x0a000100 + i), 120), 0);
    ck_assert_int_eq(it_host_addr(H, 0, I("10.0.2.1"), 120), IT_ERR_FULL);
    box_close(&B);
}
END_TEST

START_TEST(a_host_counts_what_it_sends_and_hears)
{
    open_host();
    int s = it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1);
    in_udp(0, "10.0.0.9:1", "10.0.0.2:7000");
    ck_assert_int_eq(send_from(s, "10.0.0.9:9", 100), 0);
    it_host_stats st = it_host_stat(H);
    ck_assert(st.rx_packets == 1 && st.rx_bytes == 40 && st.tx_packets == 1 && st.tx_bytes == 128 &&
              st.rx_stun_bytes == 0);
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/host");
    TCase *c = tcase_create("RFC 1122 section 3.3.4.2");
    tcase_add_test(c, a_packet_is_taken_on_the_interface_of_its_address);
    tcase_add_test(c, a_packet_leaves_by_the_interface_of_its_source);
    suite_add_tcase(s, c);
    c = tcase_create("multicast");
    tcase_add_loop_test(c, a_group_reaches_the_socket_of_its_port, 0, 2);
    tcase_add_test(c, to_a_group_no_gateway_is_needed);
    suite_add_tcase(s, c);
    c = tcase_create("UDP sockets");
    tcase_add_test(c, a_port_has_one_owner_for_an_address);
    tcase_add_test(c, a_socket_of_an_interface_hears_that_one_alone);
    tcase_add_test(c, ephemeral_ports_are_dynamic_and_differ);
    tcase_add_test(c, sending_says_why_it_cannot);
    suite_add_tcase(s, c);
    c = tcase_create("RFC 1122 section 3.2.2, RFC 4443");
    tcase_add_loop_test(c, an_echo_comes_back_as_it_was, 0, 2);
    tcase_add_loop_test(c, a_closed_port_answers_port_unreachable, 0, 2);
    tcase_add_test(c, no_error_is_sent_where_none_may_be);
    tcase_add_loop_test(c, an_error_reaches_the_socket_it_is_about, 0, 5);
    tcase_add_test(c, an_error_with_less_than_a_header_inside_is_harmless);
    tcase_add_loop_test(c, a_ping_has_its_hop_limit_and_its_answer_is_told, 0, 2);
    suite_add_tcase(s, c);
    c = tcase_create("power, interfaces, addresses");
    tcase_add_test(c, a_host_without_power_says_nothing_or_that_nobody_is_there);
    tcase_add_test(c, an_interface_that_is_down_neither_sends_nor_hears);
    tcase_add_test(c, a_new_address_takes_the_place_of_the_old_one);
    tcase_add_test(c, a_host_counts_what_it_sends_and_hears);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
