/* Fragments that reach a host, cut by hand and put on its wire in any order: what is put together, what is dropped and
 * why, who is told, and how much a host holds at most. */
#include "netsim/host/host.h"

#include "tests/netsim/box.h"

#include <stdlib.h>

#define L4_MAX 65535

static box B; /* its world, its record of drops */
static it_host *H;
static it_pkt Got[8]; /* what the host sent */
static int N_got, N_ev;
static it_host_event Ev;
static uint8_t Data[L4_MAX]; /* of the last datagram */
static uint32_t Drops[IT_DROP_COUNT];

static void see(void *self, const it_seen_packet *s)
{
    (void)self;
    if (s->kind == IT_SEEN_DROP)
        Drops[s->reason]++;
}

/* 10.0.0.2/24 and 2001:db8::2/64, a socket on port 7000; the edge is 10.0.0.9 and 2001:db8::9. */
static void open_host(void)
{
    box_start(&B, 1);
    memset(Drops, 0, sizeof Drops);
    ck_assert_int_eq(it_world_observe(B.w, (it_observer){NULL, see}), 0);
    H = it_host_new(B.w, "host");
    B.edge[0] = it_edge_new(B.w, "edge", "eth");
    ck_assert_int_eq(it_host_iface(H, "eth"), 0);
    ck_assert_int_ge(it_link_new(B.w, &(it_link_cfg){.name = "l"}, B.edge[0], 0, it_host_node(H), 0), 0);
    ck_assert_int_eq(it_host_addr(H, 0, I("10.0.0.2"), 120), 0);
    ck_assert_int_eq(it_host_addr(H, 0, I("2001:db8::2"), 64), 0);
    ck_assert_int_ge(it_host_udp(H, it_addr_of((it_ip){0, 0}, 7000), -1), 0);
    N_got = N_ev = 0;
}

static void run_to(it_time t)
{
    int err;
    while ((err = it_world_run(B.w, t)) == 1) {
        it_host_event ev;
        if (it_world_ready(B.w) == B.edge[0]) {
            it_pkt *p = it_edge_take(B.edge[0]);
            if (!p)
                continue;
            ck_assert(it_pkt_cksum_ok(p) && N_got < 8);
            Got[N_got++] = *p;
            it_pkt_free(it_world_pool(B.w), p);
            continue;
        }
        ck_assert_int_eq(it_host_input(H, it_world_now(B.w)), 0);
        while (it_host_event_next(H, &ev)) {
            if (ev.kind != IT_HOST_DATAGRAM)
                continue;
            Ev = ev;
            ck_assert_uint_le(ev.data.n, sizeof Data);
            memcpy(Data, ev.data.p, ev.data.n);
            N_ev++;
        }
    }
    ck_assert_int_eq(err, 0);
}

/* --- cutting by hand --- */

typedef struct msg {
    bool v6;
    uint8_t proto;
    uint32_t id;
    uint8_t l4[L4_MAX];
    size_t n; /* with the header */
} msg;

static void fold(msg *m, size_t ck)
{
    uint8_t ps[40] = {0};
    it_addr a = A(m->v6 ? "[2001:db8::9]:1" : "10.0.0.9:1"), b = A(m->v6 ? "[2001:db8::2]:1" : "10.0.0.2:1");
    if (m->v6) {
        it_put64(ps, a.ip.hi), it_put64(ps + 8, a.ip.lo), it_put64(ps + 16, b.ip.hi), it_put64(ps + 24, b.ip.lo);
    } else {
        it_put32(ps, it_ip_v4(a.ip)), it_put32(ps + 4, it_ip_v4(b.ip));
    }
    it_put32(ps + 32, (uint32_t)m->n);
    ps[39] = m->proto;
    it_put16(m->l4 + ck, 0);
    it_put16(m->l4 + ck, it_sum_fold(it_sum_add(m->proto == 1 ? 0 : it_sum_add(0, ps, 40), m->l4, m->n)));
}

/* A datagram of |n| bytes that differ, from port 4000 to 7000. */
static msg *udp(bool v6, uint32_t id, size_t n)
{
    static msg m;
    m = (msg){.v6 = v6, .proto = 17, .id = id, .n = n + 8};
    it_put16(m.l4, 4000);
    it_put16(m.l4 + 2, 7000);
    it_put16(m.l4 + 4, (uint16_t)m.n);
    for (size_t i = 0; i < n; i++)
        m.l4[8 + i] = (uint8_t)(i * 7 + i / 256 + id);
    fold(&m, 6);
    return &m;
}

static void put_raw(it_bytes ip)
{
    ck_assert_int_eq(it_edge_send(B.edge[0], it_world_now(B.w), ip, 0), 0);
    run_to(it_world_now(B.w));
}

/* The fragment of |n| bytes at |off|, as its header is to say. */
static it_bytes cut(const msg *m, size_t off, size_t n, bool more, uint8_t out[IT_PKT_MAX])
{
    size_t head = m->v6 ? 48 : 20;
    ck_assert_uint_le(head + n, IT_PKT_MAX);
    memset(out, 0, head);
    if (m->v6) {
        it_put32(out, 0x60000000u);
        it_put16(out + 4, (uint16_t)(8 + n));
        out[6] = 44, out[7] = 64, out[40] = m->proto;
        it_addr a = A("[2001:db8::9]:1"), b = A("[2001:db8::2]:1");
        it_put64(out + 8, a.ip.hi), it_put64(out + 16, a.ip.lo), it_put64(out + 24, b.ip.hi),
            it_put64(out + 32, b.ip.lo);
        it_put16(out + 42, (uint16_t)(off | more));
        it_put32(out + 44, m->id);
    } else {
        it_put16(out, 0x4500);
        it_put16(out + 2, (uint16_t)(20 + n));
        it_put16(out + 4, (uint16_t)m->id);
        it_put16(out + 6, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
        out[8] = 64, out[9] = m->proto;
        it_put32(out + 12, 0x0a000009), it_put32(out + 16, 0x0a000002);
        it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    }
    for (size_t i = 0; i < n; i++) /* what is behind the end is zeros */
        out[head + i] = off + i < m->n ? m->l4[off + i] : 0;
    return it_bytes_of(out, head + n);
}

static void put(const msg *m, size_t off, size_t n, bool more)
{
    uint8_t out[IT_PKT_MAX];
    put_raw(cut(m, off, n, more, out));
}

/* Fragment |k| of those of |size| bytes. */
static void put_nth(const msg *m, size_t size, size_t k)
{
    size_t left = m->n - k * size;
    put(m, k * size, left < size ? left : size, left > size);
}

static void ck_whole(const msg *m)
{
    ck_assert_int_eq(N_ev, 1);
    ck_assert_uint_eq(Ev.data.n, m->n - 8);
    ck_assert(memcmp(Data, m->l4 + 8, m->n - 8) == 0);
    ck_assert(Ev.remote.port == 4000 && Ev.local.port == 7000 && it_ip_is4(Ev.remote.ip) == !m->v6 && Ev.packet != 0);
    N_ev = 0;
}

static void close_host(void)
{
    it_pkt_pool *pool = it_world_pool(B.w);
    run_to(it_world_now(B.w) + 61 * IT_SEC);
    ck_assert_uint_eq(pool->live, 0);
    box_close(&B);
}

/* --- in any order --- */

START_TEST(fragments_in_any_order_become_the_datagram)
{
    static const size_t SIZES[] = {100, 1400, 1464, 1472, 1473, 4000, 65507, 9, 1452, 2};
    for (int v6 = 0; v6 < 2; v6++)
        for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
            size_t size = SIZES[s] > 4000 ? 1448 : SIZES[s] < 64 ? 8 : 64;
            open_host();
            msg *m = udp(v6, 77 + (uint32_t)s, SIZES[s]);
            size_t n = (m->n + size - 1) / size;
            for (size_t i = 0; i < n; i++) {
                ck_assert_int_eq(N_ev, 0);
                put_nth(m, size,
                        _i == 0   ? i
                        : _i == 1 ? n - 1 - i
                                  : (i + n / 2) % n); /* forwards, backwards, from the middle */
            }
            ck_whole(m);
            ck_assert_uint_eq(B.n_drops, 0);
            close_host();
        }
}
END_TEST

START_TEST(two_datagrams_at_a_time_are_told_apart)
{
    open_host();
    msg a = *udp(false, 1, 300), b = *udp(false, 2, 300), c = *udp(true, 1, 300);
    for (size_t k = 0; k < 3; k++) {
        put_nth(&a, 104, k), put_nth(&b, 104, k), put_nth(&c, 104, k);
        if (k < 2)
            ck_assert_int_eq(N_ev, 0);
    }
    ck_assert_int_eq(N_ev, 3);
    close_host();
}
END_TEST

START_TEST(the_protocol_is_part_of_the_key_in_ipv4_alone)
{
    /* RFC 791 section 3.2: identification, addresses, protocol; RFC 8200 section 4.5: only the first one's next header
     * counts. */
    for (int v6 = 0; v6 < 2; v6++) {
        open_host();
        msg *m = udp(v6, 9, 100);
        put(m, 0, 56, true);
        m->proto = 99;
        put(m, 56, 52, false);
        ck_assert_int_eq(N_ev, v6);
        close_host();
    }
}
END_TEST

START_TEST(an_atomic_fragment_is_a_datagram_by_itself)
{
    open_host();
    msg *m = udp(true, 9, 100), part = *udp(true, 9, 100);
    put(&part, 0, 56, true);
    put(m, 0, 108, false); /* RFC 6946, RFC 8200 section 4.5: independent of others under its identification */
    ck_whole(m);
    put(&part, 56, 52, false);
    ck_whole(m);
    close_host();
}
END_TEST

START_TEST(ipv6_headers_around_the_fragment_header_are_passed_over)
{
    /* hop-by-hop in front of it, destination options behind it; 1600 bytes of data need room beside the packet */
    static const size_t SIZES[] = {160, 1600};
    open_host();
    msg whole = *udp(true, 5, SIZES[_i]);
    uint8_t out[IT_PKT_MAX], in[IT_PKT_MAX];
    memmove(whole.l4 + 8, whole.l4, whole.n);
    memcpy(whole.l4, (uint8_t[]){17, 0, 1, 4, 0, 0, 0, 0}, 8);
    whole.n += 8;
    whole.proto = 60;
    size_t half = SIZES[_i] / 2 / 8 * 8;
    for (int k = 0; k < 2; k++) {
        it_bytes c = cut(&whole, k ? half : 0, k ? whole.n - half : half, !k, in);
        memcpy(out, c.p, 40);
        memcpy(out + 40, (uint8_t[]){44, 0, 1, 4, 0, 0, 0, 0}, 8);
        memcpy(out + 48, c.p + 40, c.n - 40);
        out[6] = 0;
        it_put16(out + 4, (uint16_t)(c.n - 32));
        put_raw(it_bytes_of(out, c.n + 8));
    }
    ck_assert_int_eq(N_ev, 1);
    ck_assert_uint_eq(Ev.data.n, SIZES[_i]);
    ck_assert_mem_eq(Data, whole.l4 + 16, SIZES[_i]);
    close_host();
}
END_TEST

START_TEST(an_ipv4_datagram_with_options_is_put_together)
{
    open_host();
    msg *m = udp(false, 5, 100);
    uint8_t a[IT_PKT_MAX], out[IT_PKT_MAX];
    it_bytes c = cut(m, 0, 56, true, a);
    memcpy(out, c.p, 20);
    memset(out + 20, 1, 4); /* no-operations */
    memcpy(out + 24, c.p + 20, c.n - 20);
    out[0] = 0x46;
    it_put16(out + 2, (uint16_t)(c.n + 4));
    it_put16(out + 10, 0);
    it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 24)));
    put(m, 56, 52, false);
    put_raw(it_bytes_of(out, c.n + 4));
    ck_whole(m);
    close_host();
}
END_TEST

/* --- the layers above --- */

START_TEST(what_the_layers_above_check_is_checked_of_the_whole)
{
    static const size_t SIZES[] = {200, 2000};
    for (int v6 = 0; v6 < 2; v6++) {
        size_t n = SIZES[_i], half = n / 16 * 8;
        open_host();
        msg *m = udp(v6, 1, n);
        m->l4[n / 2] ^= 1;
        put(m, 0, half, true), put(m, half, m->n - half, false);
        ck_assert(N_ev == 0 && B.drop == IT_DROP_CHECKSUM);
        m = udp(v6, 2, n);
        it_put16(m->l4 + 4, (uint16_t)(m->n + 1)); /* longer than what is there */
        fold(m, 6);
        put(m, 0, half, true), put(m, half, m->n - half, false);
        ck_assert(N_ev == 0 && B.drop == IT_DROP_MALFORMED);
        m = udp(v6, 3, n);
        it_put16(m->l4 + 2, 7001);
        fold(m, 6);
        N_got = 0;
        put(m, 0, half, true), put(m, half, m->n - half, false);
        ck_assert(N_ev == 0 && B.drop == IT_DROP_NO_SOCKET && N_got == 1);
        ck_assert_uint_eq(*it_pkt_l4(&Got[0]), v6 ? 1 : 3); /* unreachable: RFC 1122 section 4.1.3.1 */
        if (!v6) {
            m = udp(v6, 4, n); /* RFC 768: no checksum */
            it_put16(m->l4 + 6, 0);
            put(m, 0, half, true), put(m, half, m->n - half, false);
            ck_whole(m);
        }
        close_host();
    }
}
END_TEST

START_TEST(a_tcp_segment_in_fragments_is_answered)
{
    open_host();
    static msg m;
    m = (msg){.proto = 6, .id = 3, .n = 40};
    it_put16(m.l4, 4000), it_put16(m.l4 + 2, 80), it_put32(m.l4 + 4, 1);
    m.l4[12] = 5 << 4, m.l4[13] = IT_TCP_SYN;
    fold(&m, 16);
    put(&m, 24, 16, false), put(&m, 0, 24, true);
    ck_assert_int_eq(N_got, 1);
    ck_assert(Got[0].proto == IT_PROTO_TCP && (it_pkt_l4(&Got[0])[13] & IT_TCP_RST)); /* nobody listens */
    close_host();
}
END_TEST

/* --- what is no datagram --- */

START_TEST(overlapping_fragments_end_their_datagram_in_silence)
{
    /* what comes third, after 0 to 56 and 112 to 160 of 208 */
    static const struct {
        size_t off, n;
        bool more;
    } THIRD[] = {{48, 16, true}, {0, 64, true},   {104, 16, true}, {56, 64, true}, {0, 208, true},
                 {8, 8, true},   {112, 40, true}, {120, 8, true},  {56, 16, false} /* an end before what is there */};
    for (int v6 = 0; v6 < 2; v6++) {
        open_host();
        msg *m = udp(v6, 8, 200);
        put(m, 0, 56, true), put(m, 112, 48, true);
        ck_assert_uint_eq(B.n_drops, 0);
        put(m, THIRD[_i].off, THIRD[_i].n, THIRD[_i].more);
        ck_assert_uint_eq(Drops[IT_DROP_FRAG_OVERLAP], 3);
        put(m, 56, 56, true), put(m, 160, 48, false); /* those not yet received are dropped too */
        ck_assert_uint_eq(Drops[IT_DROP_FRAG_OVERLAP], 5);
        run_to(it_world_now(B.w) + 61 * IT_SEC);
        ck_assert(N_ev == 0 && N_got == 0);            /* RFC 8200 section 4.5: no ICMP */
        put(m, 0, 104, true), put(m, 104, 104, false); /* the identification comes again */
        ck_whole(m);
        close_host();
    }
}
END_TEST

START_TEST(a_second_end_is_an_overlap)
{
    static const struct {
        size_t off, n;
        bool more;
    } THIRD[] = {{96, 16, false}, {64, 16, false}, {96, 16, true}, {104, 8, true}};
    open_host();
    msg *m = udp(false, 8, 88); /* ends at 96 */
    put(m, 80, 16, false);
    put(m, THIRD[_i].off, THIRD[_i].n, THIRD[_i].more);
    ck_assert_uint_eq(Drops[IT_DROP_FRAG_OVERLAP], 2);
    close_host();
}
END_TEST

START_TEST(an_exact_copy_is_left_out_alone)
{
    for (int v6 = 0; v6 < 2; v6++) {
        open_host();
        msg *m = udp(v6, 8, 200);
        put(m, 0, 56, true), put(m, 0, 56, true), put(m, 112, 96, false), put(m, 112, 96, false), put(m, 0, 56, true);
        ck_assert_uint_eq(Drops[IT_DROP_FRAG_OVERLAP], 3);
        put(m, 56, 56, true);
        ck_whole(m);
        put(m, 56, 56, true); /* of a datagram that is done: another one begins, and ends in time */
        run_to(it_world_now(B.w) + 61 * IT_SEC);
        ck_assert(Drops[IT_DROP_FRAG_TIMEOUT] == 1 && N_got == 0);
        m->l4[8] ^= 1; /* the same place, other bytes */
        put(m, 112, 96, false), put(m, 0, 56, true), m->l4[8] ^= 1, put(m, 0, 56, true);
        ck_assert_uint_eq(Drops[IT_DROP_FRAG_OVERLAP], 6);
        close_host();
    }
}
END_TEST

START_TEST(lengths_that_cannot_be_are_refused)
{
    for (int v6 = 0; v6 < 2; v6++) {
        open_host();
        msg *m = udp(v6, 8, 200);
        put(m, 0, 57, true);
        ck_assert_int_eq(B.drop, IT_DROP_MALFORMED);
        ck_assert_int_eq(N_got, v6);
        if (v6) { /* RFC 8200 section 4.5: parameter problem, code 0, pointing to the payload length */
            const uint8_t *l4 = it_pkt_l4(&Got[0]);
            ck_assert(l4[0] == 4 && l4[1] == 0 && it_get32(l4 + 4) == 4);
        }
        put(m, 8, 0, true);
        ck_assert_uint_eq(Drops[IT_DROP_MALFORMED], 2);
        put(m, 65528, 8, false); /* 65536 bytes */
        ck_assert_uint_eq(Drops[IT_DROP_MALFORMED], 3);
        ck_assert_int_eq(N_got, v6 ? 3 : 0);
        if (v6) {
            const uint8_t *l4 = it_pkt_l4(&Got[2]);
            ck_assert(l4[0] == 4 && l4[1] == 0 && it_get32(l4 + 4) == 42); /* to the offset */
        }
        put(m, 65528, 7, false); /* fits IPv6, whose header does not count */
        ck_assert_uint_eq(Drops[IT_DROP_MALFORMED], v6 ? 3 : 4);
        close_host();
    }
}
END_TEST

/* --- time and room --- */

START_TEST(after_sixty_seconds_a_datagram_is_given_up)
{
    for (int v6 = 0; v6 < 2; v6++) {
        open_host();
        msg *m = udp(v6, 8, 200);
        put(m, 112, 48, true);
        run_to(30 * IT_SEC);
        if (_i)
            put(m, 0, 56, true);
        run_to(60 * IT_SEC - 1);
        ck_assert_uint_eq(B.n_drops, 0);
        run_to(60 * IT_SEC); /* from the first one that came */
        ck_assert_uint_eq(Drops[IT_DROP_FRAG_TIMEOUT], (unsigned)_i + 1);
        ck_assert_int_eq(N_got, _i); /* told only when the first fragment is there: RFC 792 */
        if (_i) {
            const uint8_t *l4 = it_pkt_l4(&Got[0]);
            ck_assert(l4[0] == (v6 ? 3 : 11) && l4[1] == 1);
            ck_assert(it_ip_eq(Got[0].dst, I(v6 ? "2001:db8::9" : "10.0.0.9")));
        }
        close_host();
    }
}
END_TEST

START_TEST(what_is_held_is_bounded_and_the_oldest_goes)
{
    open_host();
    it_pkt_pool *pool = it_world_pool(B.w);
    msg first = *udp(false, 1, 200);
    put_nth(&first, 104, 0);
    for (uint32_t i = 2; i <= IT_HOST_JOIN_MAX; i++)
        put(udp(false, i, 200), 104, 104, false);
    ck_assert_uint_eq(B.n_drops, 0);
    put(udp(false, 1000, 200), 104, 104, false);
    ck_assert_uint_eq(Drops[IT_DROP_FRAG_LIMIT], 1);
    ck_assert_uint_eq(pool->live, IT_HOST_JOIN_MAX);
    put_nth(&first, 104, 1); /* its other half was dropped: it begins anew, and another goes */
    ck_assert(N_ev == 0 && Drops[IT_DROP_FRAG_LIMIT] == 2);
    close_host();

    open_host();
    pool = it_world_pool(B.w);
    msg *m = udp(false, 7, 60000);
    for (size_t k = 0; k < IT_HOST_JOIN_HELD; k++)
        put(m, 16 * k + 16, 8, true);
    ck_assert_uint_eq(B.n_drops, 0);
    put(udp(false, 8, 200), 0, 104, true); /* the large one goes at once */
    ck_assert_uint_eq(Drops[IT_DROP_FRAG_LIMIT], IT_HOST_JOIN_HELD);
    ck_assert_uint_eq(it_world_pool(B.w)->live, 1);
    put(udp(false, 8, 200), 104, 104, false);
    ck_whole(udp(false, 8, 200));
    for (size_t k = 0; k <= IT_HOST_JOIN_HELD; k++) /* by itself it ends itself */
        put(udp(false, 9, 60000), 16 * k, 8, true);
    ck_assert_uint_eq(Drops[IT_DROP_FRAG_LIMIT], 2 * IT_HOST_JOIN_HELD + 1);
    close_host();
}
END_TEST

START_TEST(power_off_forgets_what_waits)
{
    open_host();
    msg *m = udp(false, 1, 200);
    put_nth(m, 104, 0);
    it_host_power(H, it_world_now(B.w), false, true);
    ck_assert_uint_eq(Drops[IT_DROP_HOST_DOWN], 1);
    it_host_power(H, it_world_now(B.w), true, true);
    put_nth(m, 104, 1);
    ck_assert_int_eq(N_ev, 0);
    run_to(100 * IT_SEC);
    ck_assert_int_eq(N_got, 0);
    close_host();
}
END_TEST

START_TEST(fragments_for_others_are_not_taken)
{
    open_host();
    uint8_t out[IT_PKT_MAX];
    it_bytes c = cut(udp(false, 1, 200), 0, 104, true, out);
    it_put32(out + 16, 0x0a000003);
    it_put16(out + 10, 0);
    it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    put_raw(c);
    ck_assert_int_eq(B.drop, IT_DROP_NOT_MINE);
    ck_assert_uint_eq(it_world_pool(B.w)->live, 0);
    close_host();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/host_join");
    TCase *t = tcase_create("RFC 791 3.2, RFC 8200 4.5, RFC 1122 3.3.2");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, fragments_in_any_order_become_the_datagram, 0, 3);
    tcase_add_test(t, two_datagrams_at_a_time_are_told_apart);
    tcase_add_test(t, the_protocol_is_part_of_the_key_in_ipv4_alone);
    tcase_add_test(t, an_atomic_fragment_is_a_datagram_by_itself);
    tcase_add_loop_test(t, ipv6_headers_around_the_fragment_header_are_passed_over, 0, 2);
    tcase_add_test(t, an_ipv4_datagram_with_options_is_put_together);
    tcase_add_loop_test(t, what_the_layers_above_check_is_checked_of_the_whole, 0, 2);
    tcase_add_test(t, a_tcp_segment_in_fragments_is_answered);
    tcase_add_loop_test(t, overlapping_fragments_end_their_datagram_in_silence, 0, 9);
    tcase_add_loop_test(t, a_second_end_is_an_overlap, 0, 4);
    tcase_add_test(t, an_exact_copy_is_left_out_alone);
    tcase_add_test(t, lengths_that_cannot_be_are_refused);
    tcase_add_loop_test(t, after_sixty_seconds_a_datagram_is_given_up, 0, 2);
    tcase_add_test(t, what_is_held_is_bounded_and_the_oldest_goes);
    tcase_add_test(t, power_off_forgets_what_waits);
    tcase_add_test(t, fragments_for_others_are_not_taken);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
