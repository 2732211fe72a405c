/* What hosts send in fragments, taken apart on the wire and put together by another host: two hosts on both sides of a
 * router.
 *
 *     a 10.0.0.2, 2001:db8:a::2 --- near --- router --- far --- b 10.1.0.2, 2001:db8:b::2
 *
 * With FRAG_CAPTURES=DIR the captures stay there, for .ci/frag-captures and Wireshark. */
#include "base/cksum.h"
#include "netsim/see/capture.h"
#include "netsim/host/host.h"
#include "netsim/core/link.h"
#include "netsim/box/router.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN 256

typedef struct net {
    it_alloc mem;
    it_world *w;
    it_capture *c;
    it_host *h[2];
    it_node *r;
    int s[2], near, far;
    it_pkt seen[SEEN]; /* what a sent */
    int n_seen, n_ev, n_echo, n_icmp;
    it_host_event ev, icmp; /* the last datagram; the last error, its quote in |quote| */
    it_host_meta how;       /* of what is sent */
    uint8_t data[65535], quote[64];
} net;

static net N;

static it_ip I(const char *text)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, text), 0);
    return ip;
}

static void see(void *self, const it_seen_packet *s)
{
    net *n = self;
    if (s->kind == IT_SEEN_SEND && s->node == it_host_node(n->h[0])) {
        ck_assert_int_lt(n->n_seen, SEEN);
        n->seen[n->n_seen++] = *s->packet;
        it_pkt again = *s->packet;
        ck_assert(it_pkt_scan(&again) == 0 && again.frag == s->packet->frag && again.len == s->packet->len);
    }
}

static void open_net(uint32_t near, uint32_t far)
{
    static const char *const NAMES[] = {"a", "b"}, *const V4[] = {"10.0.0.2", "10.1.0.2"},
                             *const V6[] = {"2001:db8:a::2", "2001:db8:b::2"};
    static const char *const GW4[] = {"10.0.0.1", "10.1.0.1"}, *const GW6[] = {"2001:db8:a::1", "2001:db8:b::1"};
    memset(&N, 0, sizeof N);
    it_alloc_init(&N.mem);
    N.w = it_world_new(&(it_world_cfg){&N.mem, 7});
    N.c = it_capture_new(&N.mem, "test");
    ck_assert_int_eq(it_world_observe(N.w, (it_observer){&N, see}), 0);
    ck_assert_int_eq(it_world_observe(N.w, it_capture_observer(N.c)), 0);
    N.r = it_router_new(N.w, "router");
    for (int i = 0; i < 2; i++) {
        uint32_t mtu = i ? far : near;
        it_link_cfg cfg = {.name = i ? "far" : "near",
                           .dir = {{.delay = IT_MS, .mtu = mtu}, {.delay = IT_MS, .mtu = mtu}}};
        N.h[i] = it_host_new(N.w, NAMES[i]);
        ck_assert_int_eq(it_host_iface(N.h[i], "eth"), 0);
        ck_assert_int_eq(it_node_add_port(N.r, NAMES[i]), i);
        ck_assert_int_ge(*(i ? &N.far : &N.near) = it_link_new(N.w, &cfg, it_host_node(N.h[i]), 0, N.r, i), 0);
        ck_assert_int_eq(it_host_addr(N.h[i], 0, I(V4[i]), 120), 0);
        ck_assert_int_eq(it_host_addr(N.h[i], 0, I(V6[i]), 64), 0);
        it_host_gateway(N.h[i], 0, I(GW4[i]));
        it_host_gateway(N.h[i], 0, I(GW6[i]));
        ck_assert_int_eq(it_router_route(N.r, (it_prefix){I(V4[i]), 128}, i, (it_ip){0, 0}), 0);
        ck_assert_int_eq(it_router_route(N.r, (it_prefix){I(V6[i]), 128}, i, (it_ip){0, 0}), 0);
        ck_assert_int_ge(N.s[i] = it_host_udp(N.h[i], it_addr_of((it_ip){0, 0}, 7000), -1), 0);
    }
    ck_assert_int_eq(it_router_addr(N.r, 0, I("10.0.0.1")), 0);
    ck_assert_int_eq(it_router_addr(N.r, 0, I("2001:db8:a::1")), 0);
    N.how = (it_host_meta){.frag = true};
}

static void run(it_time d)
{
    it_time until = it_world_now(N.w) + d;
    int err;
    while ((err = it_world_run(N.w, until)) == 1) {
        it_host *h = it_host_of(it_world_ready(N.w));
        it_host_event ev;
        ck_assert_int_eq(it_host_input(h, it_world_now(N.w)), 0);
        while (it_host_event_next(h, &ev)) {
            N.n_echo += ev.kind == IT_HOST_ECHO;
            if (ev.kind == IT_HOST_ICMP) {
                N.n_icmp++;
                N.icmp = ev;
                memcpy(N.quote, ev.data.p, ev.data.n < sizeof N.quote ? ev.data.n : sizeof N.quote);
            }
            if (ev.kind != IT_HOST_DATAGRAM)
                continue;
            N.ev = ev;
            N.n_ev++;
            memcpy(N.data, ev.data.p, ev.data.n);
        }
    }
    ck_assert_int_eq(err, 0);
}

static uint8_t Bytes[70000];

static int send_n(bool v6, size_t n)
{
    for (size_t i = 0; i < n; i++)
        Bytes[i] = (uint8_t)(i * 31 + i / 256);
    N.n_seen = N.n_ev = 0;
    int err = it_host_send_as(N.h[0], it_world_now(N.w), N.s[0], it_addr_of(I(v6 ? "2001:db8:b::2" : "10.1.0.2"), 7000),
                              it_bytes_of(Bytes, n), it_world_label(N.w, "large"), N.how);
    run(100 * IT_MS);
    return err;
}

static void ck_arrived(size_t n)
{
    ck_assert_int_eq(N.n_ev, 1);
    ck_assert_uint_eq(N.ev.data.n, n);
    ck_assert(memcmp(N.data, Bytes, n) == 0);
}

static void close_net(const char *capture)
{
    const char *dir = getenv("FRAG_CAPTURES");
    char path[512];
    run(61 * IT_SEC);
    ck_assert_uint_eq(it_world_pool(N.w)->live, 0);
    it_bytes b = it_capture_bytes(N.c);
    if (dir && capture) {
        snprintf(path, sizeof path, "%s/%s.pcapng", dir, capture);
        FILE *f = fopen(path, "wb");
        ck_assert(f && fwrite(b.p, 1, b.n, f) == b.n && fclose(f) == 0);
    }
    it_capture_free(N.c);
    it_world_free(N.w);
    ck_assert_int_eq(N.mem.live, 0);
}

static bool df(const it_pkt *p)
{
    return it_get16(p->buf + p->head + 6) & 0x4000;
}

static uint16_t id4(const it_pkt *p)
{
    return it_get16(p->buf + p->head + 4);
}

/* --- the default --- */

START_TEST(without_leave_what_exceeds_the_mtu_is_refused)
{
    open_net(0, 0);
    N.how.frag = false;
    ck_assert_int_eq(send_n(false, 1472), 0);
    ck_assert(N.n_seen == 1 && df(&N.seen[0]) && id4(&N.seen[0]) == 0);
    ck_assert_int_eq(send_n(false, 1473), IT_ERR_TOOBIG);
    ck_assert_int_eq(send_n(true, 1453), IT_ERR_TOOBIG);
    ck_assert_int_eq(N.n_seen, 0);
    close_net(NULL);
}
END_TEST

/* --- cutting: RFC 791 section 3.2, RFC 8200 section 4.5 --- */

START_TEST(fragments_of_ipv4_are_those_of_rfc_791)
{
    static const size_t SIZES[] = {1473, 1480, 2952, 2953, 4000, 65507};
    open_net(0, 0);
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
        ck_assert_int_eq(send_n(false, SIZES[k]), 0);
        ck_arrived(SIZES[k]);
        size_t at = 0, total = SIZES[k] + 8;
        ck_assert_uint_eq((size_t)N.n_seen, (total + 1479) / 1480);
        for (int i = 0; i < N.n_seen; i++) {
            const it_pkt *p = &N.seen[i];
            uint16_t w = it_get16(p->buf + p->head + 6);
            bool last = i == N.n_seen - 1;
            ck_assert_uint_eq(w, at / 8 | (last ? 0 : 0x2000)); /* DF is clear */
            ck_assert_uint_eq(p->len, last ? total - at + 20 : 1500);
            ck_assert(id4(p) == id4(&N.seen[0]) && p->label && p->id);
            at += p->len - 20u;
        }
        ck_assert_uint_eq(it_host_sent(N.h[0]), N.seen[0].id);
    }
    ck_assert_int_eq(send_n(false, 65508), IT_ERR_TOOBIG);
    ck_assert_int_eq(N.n_seen, 0);
    close_net("ipv4");
}
END_TEST

START_TEST(fragments_of_ipv6_are_those_of_rfc_8200)
{
    static const size_t SIZES[] = {1453, 1456, 2888, 2889, 4000, 65527};
    open_net(0, 0);
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
        ck_assert_int_eq(send_n(true, SIZES[k]), 0);
        ck_arrived(SIZES[k]);
        size_t at = 0, total = SIZES[k] + 8;
        ck_assert_uint_eq((size_t)N.n_seen, (total + 1447) / 1448);
        for (int i = 0; i < N.n_seen; i++) {
            const uint8_t *b = N.seen[i].buf + N.seen[i].head;
            bool last = i == N.n_seen - 1;
            ck_assert(b[6] == 44 && b[40] == 17 && b[41] == 0);
            ck_assert_uint_eq(it_get16(b + 42), at | !last);
            ck_assert_uint_eq(it_get32(b + 44), it_get32(N.seen[0].buf + N.seen[0].head + 44));
            ck_assert_uint_eq(N.seen[i].len, last ? total - at + 48 : 1496);
            at += N.seen[i].len - 48u;
        }
    }
    ck_assert_int_eq(send_n(true, 65528), IT_ERR_TOOBIG);
    ck_assert_int_eq(send_n(true, 1452), 0); /* what fits has no fragment header */
    ck_assert(N.n_seen == 1 && N.seen[0].buf[N.seen[0].head + 6] == 17);
    ck_arrived(1452);
    close_net("ipv6");
}
END_TEST

START_TEST(a_checksum_of_zero_is_sent_as_ones)
{
    open_net(0, 0);
    ck_assert_int_eq(send_n(true, 4000), 0);
    uint16_t ck = it_get16(N.seen[0].buf + N.seen[0].head + 48 + 6);
    uint32_t word = (uint32_t)it_get16(Bytes) + ck;
    it_put16(Bytes, (uint16_t)((word >> 16) + (word & 0xffff)));
    N.n_seen = N.n_ev = 0;
    it_addr to = it_addr_of(I("2001:db8:b::2"), 7000);
    ck_assert_int_eq(it_host_send_as(N.h[0], it_world_now(N.w), N.s[0], to, it_bytes_of(Bytes, 4000), 0, N.how), 0);
    run(100 * IT_MS);
    ck_assert_uint_eq(it_get16(N.seen[0].buf + N.seen[0].head + 48 + 6),
                      0xffff); /* RFC 768; of IPv6 a zero would be dropped */
    ck_arrived(4000);
    close_net(NULL);
}
END_TEST

START_TEST(identifications_do_not_come_again_soon)
{
    static uint8_t had[65536];
    memset(had, 0, sizeof had);
    open_net(0, 0);
    for (int i = 0; i < 2000; i++) { /* RFC 6864 section 4.2: of datagrams that may be cut, too */
        ck_assert_int_eq(send_n(false, i % 2 ? 1500 : 3), 0);
        ck_assert(!df(&N.seen[0]) && had[id4(&N.seen[0])]++ == 0);
    }
    uint16_t to_b = id4(&N.seen[0]);
    N.n_seen = 0;
    ck_assert_int_eq(it_host_send_as(N.h[0], it_world_now(N.w), N.s[0], it_addr_of(I("10.9.0.2"), 7000),
                                     it_bytes_of(Bytes, 3), 0, N.how),
                     0);
    ck_assert(id4(&N.seen[0]) != (uint16_t)(to_b + 1)); /* RFC 7739: nor tell one destination of another */
    it_capture_take(N.c);
    close_net(NULL);
}
END_TEST

START_TEST(the_smallest_mtu_takes_fragments)
{
    open_net(68, 0); /* RFC 791 section 3.2: every module must be able to forward 68 bytes */
    ck_assert_int_eq(send_n(false, 100), 0);
    ck_assert_int_eq(N.n_seen, 3); /* 108 bytes by 48 */
    ck_arrived(100);
    ck_assert_int_eq(send_n(true, 100), 0); /* 16, below what IPv6 asks of a link */
    ck_assert_int_eq(N.n_seen, 7);
    ck_arrived(100);
    close_net(NULL);
}
END_TEST

/* --- on the way --- */

START_TEST(routers_cut_what_has_df_clear)
{
    open_net(0, 600);
    ck_assert_int_eq(send_n(false, 1400), 0);
    ck_assert_int_eq(N.n_seen, 1);
    ck_arrived(1400);
    ck_assert_int_eq(send_n(false, 4000), 0); /* fragments of fragments */
    ck_assert_int_eq(N.n_seen, 3);
    ck_arrived(4000);
    N.how.frag = false;
    ck_assert_int_eq(send_n(false, 1400), 0);
    ck_assert(N.n_ev == 0 && N.n_icmp == 1); /* fragmentation needed and DF set */
    close_net("router");
}
END_TEST

START_TEST(ipv6_learns_the_path)
{
    open_net(0, 1300);
    ck_assert_int_eq(send_n(true, 1400), 0);
    ck_assert(N.n_ev == 0 && N.n_seen == 1 && N.n_icmp == 1);
    ck_assert_int_eq(send_n(true, 1400), 0); /* RFC 8201 section 4 */
    ck_assert_int_eq(N.n_seen, 2);
    ck_assert_uint_le(N.seen[0].len, 1300);
    ck_arrived(1400);
    run(600 * IT_SEC); /* after ten minutes the link's MTU is tried again */
    ck_assert_int_eq(send_n(true, 1400), 0);
    ck_assert(N.n_ev == 0 && N.n_seen == 1);
    ck_assert_int_eq(send_n(true, 4000), 0);
    ck_arrived(4000);
    close_net("path6");
}
END_TEST

/* "Packet too big" from the router with |mtu|, about a packet from |src|. */
static void tell(const char *src, uint32_t mtu)
{
    it_pkt *p = it_node_packet(N.r), *e = it_node_packet(N.r);
    ck_assert_int_eq(
        it_pkt_udp(p, it_addr_of(I(src), 7000), it_addr_of(I("2001:db8:b::2"), 7000), it_bytes_of(Bytes, 64)), 0);
    ck_assert_int_eq(it_pkt_icmp_error(e, I("2001:db8:a::1"), p, 2, 0, mtu), 0);
    it_pkt_set_dst(e, I("2001:db8:a::2"), 0);
    it_pkt_free(it_world_pool(N.w), p);
    it_node_send(N.r, it_world_now(N.w), 0, e);
    run(10 * IT_MS);
}

START_TEST(not_everything_that_is_said_of_the_path_is_believed)
{
    open_net(0, 0);
    tell("2001:db8:a::2", 1279); /* RFC 8201 section 4 */
    tell("2001:db8:a::3", 1280); /* nobody's here */
    tell("2001:db8:a::2", 9000);
    ck_assert_int_eq(send_n(true, 1452), 0);
    ck_assert_int_eq(N.n_seen, 1);
    tell("2001:db8:a::2", 1280);
    tell("2001:db8:a::2", 1400); /* never raised so */
    ck_assert_int_eq(send_n(true, 1452), 0);
    ck_assert(N.n_seen == 2 && N.seen[0].len <= 1280);
    N.how.frag = false; /* what must not be cut does not leave */
    ck_assert_int_eq(send_n(true, 1452), IT_ERR_TOOBIG);
    ck_assert_int_eq(send_n(true, 1232), 0);
    ck_assert_int_eq(N.n_seen, 1);
    close_net(NULL);
}
END_TEST

/* --- what must not be cut: RFC 1191, RFC 8201 --- */

START_TEST(what_is_larger_than_the_link_is_answered_by_the_host_itself)
{
    bool v6 = _i == 1;
    open_net(0, 0);
    N.how.frag = false;
    ck_assert_int_eq(send_n(v6, 4000), IT_ERR_TOOBIG);
    ck_assert(N.n_icmp == 1 && N.n_seen == 0);
    ck_assert_int_eq(N.icmp.icmp_type, v6 ? 2 : 3);
    ck_assert_int_eq(N.icmp.icmp_code, v6 ? 0 : 4);
    ck_assert_uint_eq(N.icmp.mtu, 1500);
    ck_assert_uint_eq(N.icmp.size, 0); /* that is no news of the path */
    ck_assert(N.icmp.socket == N.s[0] && it_ip_eq(N.icmp.from, I(v6 ? "2001:db8:a::2" : "10.0.0.2")));
    ck_assert(it_addr_eq(N.icmp.remote, it_addr_of(I(v6 ? "2001:db8:b::2" : "10.1.0.2"), 7000)));
    ck_assert(N.icmp.data.n > sizeof N.quote && memcmp(N.quote, Bytes, sizeof N.quote) == 0);
    ck_assert_uint_eq(it_host_stat(N.h[0]).rx_packets, 0); /* no wire has carried it */
    close_net(NULL);
}
END_TEST

START_TEST(what_a_router_could_not_pass_is_too_large_from_then_on)
{
    bool v6 = _i == 1;
    uint32_t head = v6 ? 48 : 28;
    open_net(0, 1300);
    N.how.frag = false;
    ck_assert_uint_eq(it_host_size(N.h[0], it_world_now(N.w), 0, I(v6 ? "2001:db8:b::2" : "10.1.0.2")), 1500 - head);
    ck_assert_int_eq(send_n(v6, 1400), 0);
    ck_assert(N.n_icmp == 1 && N.n_seen == 1);
    ck_assert_uint_eq(N.icmp.size, 1300 - head);
    ck_assert_int_eq(send_n(v6, 1400), IT_ERR_TOOBIG);
    ck_assert(N.n_icmp == 2 && N.n_seen == 0 && N.icmp.mtu == 1300 && N.icmp.size == 0);
    ck_assert_int_eq(send_n(v6, 1300 - head), 0);
    ck_assert_int_eq(N.n_ev, 1);
    run(600 * IT_SEC); /* RFC 1191 section 6.3 */
    ck_assert_int_eq(send_n(v6, 1400), 0);
    close_net(NULL);
}
END_TEST

START_TEST(ipv4_believes_nobody_about_what_was_small_enough)
{
    static const uint16_t MTU[] = {92, 67, 80}; /* as large as the packet; less than any link may have; DF clear */
    open_net(0, 0);
    it_pkt *p = it_node_packet(N.r), *e = it_node_packet(N.r);
    it_addr to = it_addr_of(I("10.1.0.2"), 7000);
    ck_assert_int_eq(it_pkt_udp(p, it_addr_of(I("10.0.0.2"), 7000), to, it_bytes_of(Bytes, 64)), 0);
    if (_i == 2)
        it_put16(it_pkt_ip(p) + 6, 0);
    ck_assert_int_eq(it_pkt_icmp_error(e, I("10.0.0.1"), p, 3, 4, MTU[_i]), 0);
    it_pkt_free(it_world_pool(N.w), p);
    it_node_send(N.r, it_world_now(N.w), 0, e);
    run(10 * IT_MS);
    ck_assert(N.icmp.mtu == MTU[_i] && N.icmp.size == 0); /* told, for the socket's owner to judge */
    N.how.frag = false;
    ck_assert_int_eq(send_n(false, 1472), 0);
    close_net(NULL);
}
END_TEST

START_TEST(hop_limit_and_tos_go_out_and_come_in)
{
    bool v6 = _i % 2;
    uint16_t n = _i < 2 ? 100 : 4000; /* whole, and in fragments */
    open_net(0, 0);
    N.how = (it_host_meta){.frag = _i >= 2, .ttl = 9, .tos = 0xb9};
    ck_assert_int_eq(send_n(v6, n), 0);
    ck_arrived(n);
    ck_assert_int_eq(N.ev.meta.ttl, 8); /* one router */
    ck_assert_int_eq(N.ev.meta.tos, 0xb9);
    ck_assert_int_eq(N.ev.meta.frag, _i >= 2);
    N.how = (it_host_meta){.ttl = 1};
    ck_assert_int_eq(send_n(v6, 10), 0);
    ck_assert(N.n_ev == 0 && N.n_icmp == 1 && N.icmp.icmp_type == (v6 ? 3 : 11));
    N.how = (it_host_meta){.frag = false};
    ck_assert_int_eq(send_n(v6, 10), 0);
    ck_assert(N.ev.meta.ttl == 63 && N.ev.meta.tos == 0 && !N.ev.meta.frag);
    close_net(NULL);
}
END_TEST

/* --- echo: RFC 1122 section 3.2.2.6 --- */

START_TEST(large_echo_requests_come_back_whole)
{
    static const size_t SIZES[] = {0, 1452, 1472, 1473, 5000, 65507};
    open_net(0, 0);
    for (int v6 = 0; v6 < 2; v6++)
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
            it_host_stats before = it_host_stat(N.h[0]);
            N.n_seen = N.n_echo = 0;
            ck_assert_int_eq(
                it_host_ping_sized(N.h[0], it_world_now(N.w), I(v6 ? "2001:db8:b::2" : "10.1.0.2"), 3, SIZES[k]), 0);
            run(100 * IT_MS);
            ck_assert_int_eq(N.n_echo, 1);
            it_host_stats after = it_host_stat(N.h[0]);
            ck_assert_uint_eq(after.rx_bytes - before.rx_bytes,
                              after.tx_bytes - before.tx_bytes); /* the reply is as large */
            ck_assert_uint_ge(after.tx_bytes - before.tx_bytes, SIZES[k] + 28);
            ck_assert_int_eq(N.seen[0].frag, SIZES[k] + (v6 ? 48 : 28) > 1500);
        }
    ck_assert_int_eq(it_host_ping_sized(N.h[0], it_world_now(N.w), I("10.1.0.2"), 3, 65508), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_host_ping_sized(N.h[0], it_world_now(N.w), I("10.1.0.2"), 3, 70000), IT_ERR_TOOBIG);
    close_net("echo");
}
END_TEST

/* --- what goes wrong --- */

START_TEST(a_lost_fragment_is_told_to_the_socket)
{
    open_net(0, 0);
    for (int v6 = 0; v6 < 2; v6++) {
        N.n_icmp = 0;
        ck_assert_int_eq(it_link_pick(N.w, N.near, 0, 2, "large", 0), 0);
        ck_assert_int_eq(send_n(v6, 4000), 0);
        run(61 * IT_SEC); /* time exceeded, code 1, about the first */
        ck_assert_int_eq(N.n_ev, 0);
        ck_assert_int_eq(N.n_icmp, 1);
    }
    close_net(NULL);
}
END_TEST

START_TEST(no_route_is_told_and_frees_all)
{
    open_net(0, 0);
    it_host_iface_set(N.h[0], 0, 0, false);
    ck_assert_int_eq(send_n(false, 4000), IT_ERR_NOROUTE);
    ck_assert_uint_eq(it_world_pool(N.w)->live, 0);
    close_net(NULL);
}
END_TEST

START_TEST(two_worlds_of_a_seed_send_the_same_bytes)
{
    uint64_t print[2];
    for (int k = 0; k < 2; k++) {
        open_net(0, 700);
        for (int i = 0; i < 20; i++)
            ck_assert_int_eq(send_n(false, 1000 + 300 * (size_t)i), 0);
        it_bytes b = it_capture_bytes(N.c);
        print[k] = it_crc32(b.p, b.n) ^ it_world_fingerprint(N.w);
        close_net(NULL);
    }
    ck_assert_uint_eq(print[0], print[1]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/host_frag");
    TCase *t = tcase_create("RFC 791 3.2, RFC 8200 4.5, RFC 6864");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, without_leave_what_exceeds_the_mtu_is_refused);
    tcase_add_test(t, fragments_of_ipv4_are_those_of_rfc_791);
    tcase_add_test(t, fragments_of_ipv6_are_those_of_rfc_8200);
    tcase_add_test(t, a_checksum_of_zero_is_sent_as_ones);
    tcase_add_test(t, identifications_do_not_come_again_soon);
    tcase_add_test(t, the_smallest_mtu_takes_fragments);
    tcase_add_loop_test(t, what_is_larger_than_the_link_is_answered_by_the_host_itself, 0, 2);
    tcase_add_loop_test(t, what_a_router_could_not_pass_is_too_large_from_then_on, 0, 2);
    tcase_add_loop_test(t, ipv4_believes_nobody_about_what_was_small_enough, 0, 3);
    tcase_add_loop_test(t, hop_limit_and_tos_go_out_and_come_in, 0, 4);
    tcase_add_test(t, routers_cut_what_has_df_clear);
    tcase_add_test(t, ipv6_learns_the_path);
    tcase_add_test(t, not_everything_that_is_said_of_the_path_is_believed);
    tcase_add_test(t, large_echo_requests_come_back_whole);
    tcase_add_test(t, a_lost_fragment_is_told_to_the_socket);
    tcase_add_test(t, no_route_is_told_and_frees_all);
    tcase_add_test(t, two_worlds_of_a_seed_send_the_same_bytes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
