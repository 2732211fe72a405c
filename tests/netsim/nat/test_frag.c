/* Fragments through a NAT: in order and out of order, bounds and times, and those the box makes itself. */
#include "tests/netsim/box.h"

#include "base/cksum.h"

static box B;

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    return p;
}

/* The pieces of one datagram. */
typedef struct pieces {
    size_t n;
    it_pkt v[40];
} pieces;

static void cut(pieces *out, it_addr from, it_addr to, size_t size, size_t mtu, uint16_t id)
{
    uint8_t buf[IT_PKT_MAX];
    it_pkt p;
    int at = 0;
    memset(&p, 0, offsetof(it_pkt, buf));
    it_bytes d = box_udp_bytes(buf, from, to, size);
    buf[6] = 0; /* no DF */
    it_put16(buf + 4, id);
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    ck_assert_int_eq(it_pkt_parse(&p, d), 0);
    out->n = 0;
    do {
        it_pkt *q = &out->v[out->n++];
        memset(q, 0, offsetof(it_pkt, buf));
        q->head = IT_PKT_HEADROOM;
        at = it_pkt_fragment(q, &p, (size_t)at, mtu);
        ck_assert_int_ge(at, 0);
    } while (at > 0);
}

/* Puts what came out of |side| together again; |*n| bytes behind the IP header. True when it is one whole datagram. */
static bool whole(int side, uint8_t out[IT_PKT_MAX], size_t *n, it_pkt **any)
{
    bool have[IT_PKT_MAX] = {false}, end = false;
    *n = 0;
    *any = NULL;
    for (size_t i = 0; i < B.n_got; i++) {
        it_pkt *p = &B.got[i].p;
        if (B.got[i].side != side)
            continue;
        const uint8_t *b = it_pkt_ip(p);
        size_t h = (size_t)(b[0] & 15) * 4, at = (size_t)(it_get16(b + 6) & 0x1fff) * 8;
        if (*any && (it_get16(it_pkt_ip(*any) + 4) != it_get16(b + 4) || !it_ip_eq((*any)->src, p->src) ||
                     !it_ip_eq((*any)->dst, p->dst)))
            return false;
        *any = p;
        memcpy(out + at, b + h, p->len - h);
        memset(have + at, true, p->len - h);
        if (at + p->len - h > *n)
            *n = at + p->len - h;
        end = end || !(it_get16(b + 6) & 0x2000);
    }
    for (size_t i = 0; i < *n; i++)
        if (!have[i])
            return false;
    return end;
}

/* True when |d|, |n| bytes of UDP from |src| to |dst|, has a right checksum and the payload of box_udp_bytes. */
static bool right(const uint8_t *d, size_t n, it_ip src, it_ip dst)
{
    bool ok = it_sum_fold(it_sum_add(box_pseudo(src, dst, 17, n), d, n)) == 0;
    for (size_t i = 8; i < n; i++)
        ok = ok && d[i] == (uint8_t)((i - 8) * 7 + 1);
    return ok;
}

static void put_all(int side, const pieces *c, const int *order)
{
    static out_pkt all[BOX_GOT]; /* too much for a stack */
    size_t n = 0;
    uint32_t drops = 0;
    for (size_t i = 0; i < c->n; i++) {
        box_put(&B, side, it_pkt_bytes(&c->v[order ? (size_t)order[i] : i]));
        memcpy(all + n, B.got, B.n_got * sizeof *all);
        n += B.n_got;
        drops += B.n_drops;
    }
    memcpy(B.got, all, n * sizeof *all);
    B.n_got = n;
    B.n_drops = drops;
}

static const int ORDERS[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 3, 1, 0}, {1, 2, 3, 0}, {0, 3, 2, 1}};

START_TEST(fragments_pass_in_any_order_out)
{
    it_nat_profile p = base();
    pieces c;
    uint8_t d[IT_PKT_MAX];
    size_t n;
    it_pkt *any;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"));
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 400, 77);
    ck_assert_uint_eq(c.n, 4);
    put_all(IT_NAT_LAN, &c, ORDERS[_i]);
    ck_assert_uint_eq(B.n_drops, 0);
    ck_assert(whole(IT_NAT_WAN, d, &n, &any));
    ck_assert_uint_eq(n, 1408);
    ck_assert(it_ip_eq(any->src, I("203.0.113.1")));
    ck_assert(it_get16(d) != 5000); /* another host has that */
    ck_assert(right(d, n, any->src, any->dst));
    box_close(&B);
}
END_TEST

START_TEST(boxes_may_drop_those_ahead_of_their_first_or_all)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    p.fragments = _i ? IT_NAT_FRAGMENTS_NONE : IT_NAT_FRAGMENTS_ORDERED;
    ck_assert_int_eq(it_nat_set(B.nat, &p), 0);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 400, 77);
    put_all(IT_NAT_LAN, &c, NULL);
    ck_assert_uint_eq(B.n_got, _i ? 0 : 4);
    ck_assert_uint_eq(B.n_drops, _i ? 4 : 0);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 400, 78);
    put_all(IT_NAT_LAN, &c, ORDERS[4]); /* the first is last */
    ck_assert_uint_eq(B.n_got, _i ? 0 : 1);
    ck_assert_uint_eq(B.n_drops, _i ? 4 : 3);
    ck_assert_uint_eq(it_nat_stat(B.nat)->drops[IT_DROP_NAT_FRAGMENT], _i ? 8 : 3);
    ck_assert_uint_eq(it_world_pool(B.w)->live, 0);
    box_close(&B);
}
END_TEST

START_TEST(fragments_pass_in_any_order_in)
{
    it_nat_profile p = base();
    pieces c;
    uint8_t d[IT_PKT_MAX];
    size_t n;
    it_pkt *any;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    cut(&c, A("198.51.100.1:100"), A("203.0.113.1:5000"), 1400, 400, 77);
    put_all(IT_NAT_WAN, &c, ORDERS[_i]);
    ck_assert(whole(IT_NAT_LAN, d, &n, &any));
    ck_assert_uint_eq(n, 1408);
    ck_assert(it_ip_eq(any->dst, I("10.0.0.2")));
    ck_assert_uint_eq(it_get16(d + 2), 5000);
    ck_assert(right(d, n, any->src, any->dst));
    box_close(&B);
}
END_TEST

START_TEST(two_hosts_with_one_identification_leave_with_two)
{
    /* RFC 6864 section 5.3.1: or the far end would mix them. */
    it_nat_profile p = base();
    pieces c;
    uint16_t id[2];
    box_open(&B, &p);
    for (int i = 0; i < 2; i++) {
        cut(&c, A(i ? "10.0.0.3:5000" : "10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 800, 77);
        put_all(IT_NAT_LAN, &c, NULL);
        ck_assert_uint_eq(B.n_got, 2);
        id[i] = it_get16(it_pkt_ip(&B.got[0].p) + 4);
        ck_assert_uint_eq(it_get16(it_pkt_ip(&B.got[1].p) + 4), id[i]);
    }
    ck_assert_uint_ne(id[0], id[1]);
    box_close(&B);
}
END_TEST

START_TEST(fragments_follow_their_first_into_the_filter)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    cut(&c, A("198.51.100.9:9"), A("203.0.113.1:5000"), 1400, 400, 77);
    put_all(IT_NAT_WAN, &c, ORDERS[_i]);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_uint_eq(B.n_drops, 4);
    ck_assert_uint_eq(it_nat_stat(B.nat)->drops[IT_DROP_NAT_FRAGMENT], 3);
    ck_assert_uint_eq(it_nat_stat(B.nat)->drops[IT_DROP_NAT_FILTER_PORT], 1);
    box_close(&B);
}
END_TEST

/* What became of the first becomes of those that wait for it and of those that come later, but not of another datagram.
 */
START_TEST(the_fragments_of_a_dropped_first_one_are_dropped)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    cut(&c, A("198.51.100.1:100"), A("203.0.113.1:5000"), 1400, 400, 77); /* nobody inside has asked for it */
    uint32_t drops = 0;
    for (size_t i = 0; i < c.n; i++) {
        it_pkt *q = &c.v[_i ? (i + 1) % c.n : i]; /* the first one first, or last */
        box_put(&B, IT_NAT_WAN, it_pkt_bytes(q));
        ck_assert_uint_eq(B.n_got, 0);
        drops += B.n_drops;
    }
    ck_assert_uint_eq(drops, c.n);
    ck_assert_uint_eq(it_nat_stat(B.nat)->drops[IT_DROP_NAT_FRAGMENT], c.n - 1);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    box_put(&B, IT_NAT_WAN, it_pkt_bytes(&c.v[1])); /* the mapping there is now changes nothing for them */
    ck_assert_uint_eq(B.n_got, 0);
    cut(&c, A("198.51.100.1:100"), A("203.0.113.1:5000"), 1400, 400, 78);
    put_all(IT_NAT_WAN, &c, NULL);
    ck_assert_uint_eq(B.n_got, c.n);
    box_close(&B);
}
END_TEST

/* RFC 791: a datagram is translated when it is whole, under its own identification, in the pieces it came in. */
START_TEST(a_box_that_reassembles_sends_the_pieces_it_got)
{
    it_nat_profile p = base();
    pieces c;
    p.fragments = IT_NAT_FRAGMENTS_REASSEMBLE;
    box_open(&B, &p);
    size_t size = _i % 2 ? 1400 : 600, mtu = _i / 2 ? 220 : 400;
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), size, mtu, 77);
    for (size_t i = c.n; i-- > 0;) {
        box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[i]));
        ck_assert_uint_eq(B.n_got, i ? 0 : c.n);
    }
    for (size_t i = 0; i < B.n_got; i++) {
        it_pkt *q = &B.got[i].p;
        ck_assert(B.got[i].side == IT_NAT_WAN && q->len == c.v[i].len && it_ip_eq(q->src, I("203.0.113.1")));
        ck_assert_uint_eq(it_get16(it_pkt_ip(q) + 4), 77);
        ck_assert_uint_eq(it_get16(it_pkt_ip(q) + 6), it_get16(it_pkt_ip(&c.v[i]) + 6));
    }
    ck_assert_uint_eq(it_world_pool(B.w)->live, 0);
    box_close(&B);
}
END_TEST

/* RFC 792: the sender of a datagram to the box's own address, of which the first fragment came, hears when its time is
 * over; that of others does not. */
START_TEST(a_datagram_that_stays_in_pieces_is_given_up)
{
    it_nat_profile p = base();
    pieces c;
    p.fragments = IT_NAT_FRAGMENTS_REASSEMBLE;
    box_open(&B, &p);
    cut(&c, A("198.51.100.1:100"), A(_i == 2 ? "10.0.0.2:5000" : "203.0.113.1:5000"), 600, 400, 77);
    box_put(&B, IT_NAT_WAN, it_pkt_bytes(&c.v[_i == 1]));
    box_at(&B, 30 * IT_SEC - 1);
    ck_assert_uint_eq(B.n_drops, 0);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_eq(B.n_drops, 1);
    ck_assert_int_eq(B.drop, IT_DROP_FRAG_TIMEOUT);
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    ck_assert((e != NULL) == (_i == 0));
    if (e)
        ck_assert(it_pkt_l4(e)[0] == 11 && it_pkt_l4(e)[1] == 1);
    box_close(&B);
}
END_TEST

START_TEST(a_fragment_waits_two_seconds_for_its_first)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 800, 77);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[1]));
    ck_assert_uint_eq(B.n_drops, 0);
    box_at(&B, 2 * IT_SEC - 1);
    ck_assert_uint_eq(B.n_drops, 0);
    if (_i == 0) {
        box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[0]));
        ck_assert_uint_eq(B.n_got, 2);
    } else {
        box_at(&B, 2 * IT_SEC);
        ck_assert_uint_eq(B.n_drops, 1);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_FRAGMENT);
    }
    box_close(&B);
}
END_TEST

START_TEST(a_late_fragment_follows_for_thirty_seconds)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 800, 77);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[0]));
    box_at(&B, 30 * IT_SEC - 1 + _i);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[1]));
    ck_assert_uint_eq(B.n_got, _i ? 0 : 1);
    box_close(&B);
}
END_TEST

START_TEST(a_flood_of_fragments_hurts_only_what_is_out_of_order)
{
    /* RFC 4787 REQ-14a. */
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    for (uint32_t i = 0; i < 200; i++) {
        cut(&c, it_addr_of(it_ip4(0x0a000063), 1), A("198.51.100.1:100"), 100, 100, (uint16_t)(1000 + i));
        box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[1]));
        ck_assert_uint_eq(B.n_drops, i >= 64);
    }
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 400, 7);
    put_all(IT_NAT_LAN, &c, NULL);
    ck_assert_uint_eq(B.n_got, 4);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    ck_assert_uint_le(it_world_pool(B.w)->live, 64);
    /* ... and when their time is over there is room again. */
    box_at(&B, 2 * IT_SEC);
    ck_assert_uint_eq(it_world_pool(B.w)->live, 0);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400, 400, 8);
    put_all(IT_NAT_LAN, &c, ORDERS[1]);
    ck_assert_uint_eq(B.n_got, 4);
    box_close(&B);
}
END_TEST

START_TEST(a_flood_of_first_fragments_is_forgotten_oldest_first)
{
    it_nat_profile p = base();
    pieces c;
    box_open(&B, &p);
    for (uint32_t i = 0; i < 1500; i++) {
        cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 100, 100, (uint16_t)(1000 + i));
        box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[0]));
        ck_assert_uint_eq(B.n_got, 1);
    }
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[1]));
    ck_assert_uint_eq(B.n_got, 1);
    cut(&c, A("10.0.0.2:5000"), A("198.51.100.1:100"), 100, 100, 1000);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&c.v[1]));
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(fragments_hairpin)
{
    it_nat_profile p = base();
    pieces c;
    uint8_t d[IT_PKT_MAX];
    size_t n;
    it_pkt *any;
    p.udp.filtering = IT_NAT_EI;
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.3:6000", "198.51.100.1:100"));
    cut(&c, A("10.0.0.2:5000"), A("203.0.113.1:6000"), 1400, 400, 77);
    put_all(IT_NAT_LAN, &c, ORDERS[_i]);
    ck_assert(whole(IT_NAT_LAN, d, &n, &any));
    ck_assert(it_ip_eq(any->dst, I("10.0.0.3")) && it_ip_eq(any->src, I("203.0.113.1")));
    ck_assert(right(d, n, any->src, any->dst));
    box_close(&B);
}
END_TEST

START_TEST(fragments_of_a_query_pass)
{
    it_nat_profile p = base();
    it_pkt q, f[2];
    uint8_t body[900] = {1, 2, 3};
    box_open(&B, &p);
    memset(&q, 0, offsetof(it_pkt, buf));
    it_pkt_icmp_msg m = {
        .src = I("10.0.0.2"), .dst = I("198.51.100.1"), .type = 8, .rest = 77u << 16, .body = it_bytes_of(body, 900)};
    ck_assert_int_eq(it_pkt_icmp(&q, &m), 0);
    it_pkt_ip(&q)[6] = 0;
    memset(f, 0, sizeof f);
    f[0].head = f[1].head = IT_PKT_HEADROOM;
    int at = it_pkt_fragment(&f[0], &q, 0, 500);
    ck_assert_int_gt(at, 0);
    ck_assert_int_eq(it_pkt_fragment(&f[1], &q, (size_t)at, 500), 0);
    pieces c = {.n = 2};
    memcpy(c.v, f, sizeof f);
    put_all(IT_NAT_LAN, &c, ORDERS[_i]);
    ck_assert_uint_eq(B.n_got, 2);
    uint8_t d[IT_PKT_MAX];
    size_t n;
    it_pkt *any;
    ck_assert(whole(IT_NAT_WAN, d, &n, &any));
    ck_assert_uint_eq(it_sum_fold(it_sum_add(0, d, n)), 0);
    box_close(&B);
}
END_TEST

/* --- RFC 4787 REQ-13a --- */

START_TEST(what_is_too_big_and_may_leaves_in_fragments)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX], d[IT_PKT_MAX];
    size_t n, sum = 0;
    it_pkt *any;
    it_link_dir_cfg small = {.mtu = (uint32_t)(600 + _i * 37)};
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"));
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[IT_NAT_WAN], 1, &small), 0);
    it_bytes whole_one = box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:100"), 1400);
    buf[6] = 0;
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    box_put(&B, IT_NAT_LAN, whole_one);
    ck_assert_uint_eq(B.n_drops, 0);
    for (size_t i = 0; i < B.n_got; i++) {
        ck_assert_uint_le(B.got[i].p.len, small.mtu);
        size_t at = (size_t)(it_get16(it_pkt_ip(&B.got[i].p) + 6) & 0x1fff) * 8;
        ck_assert_uint_eq(at, sum); /* in order */
        sum += B.got[i].p.len - 20u;
        ck_assert_uint_eq(it_pkt_ip(&B.got[i].p)[8], 63);
    }
    ck_assert(whole(IT_NAT_WAN, d, &n, &any));
    ck_assert_uint_eq(n, 1408);
    ck_assert(right(d, n, any->src, any->dst));
    uint16_t id = it_get16(it_pkt_ip(any) + 4);
    box_put(&B, IT_NAT_LAN, whole_one); /* RFC 7857 section 10: the next datagram has another identification */
    ck_assert(whole(IT_NAT_WAN, d, &n, &any));
    ck_assert_uint_ne(it_get16(it_pkt_ip(any) + 4), id);
    box_close(&B);
}
END_TEST

START_TEST(fragments_too_big_are_cut_again)
{
    it_nat_profile p = base();
    pieces c;
    uint8_t d[IT_PKT_MAX];
    size_t n;
    it_pkt *any;
    it_link_dir_cfg small = {.mtu = 580};
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[IT_NAT_LAN], 1, &small), 0);
    cut(&c, A("198.51.100.1:100"), A("203.0.113.1:5000"), 1450, 1000, 77);
    put_all(IT_NAT_WAN, &c, ORDERS[_i ? 2 : 0]);
    ck_assert_uint_eq(B.n_got, 3);
    ck_assert(whole(IT_NAT_LAN, d, &n, &any));
    ck_assert(right(d, n, any->src, any->dst));
    box_close(&B);
}
END_TEST

START_TEST(options_that_say_so_are_copied)
{
    /* RFC 791 section 3.1: a source route has the bit, a record route has not. */
    it_pkt p, q;
    uint8_t b[IT_PKT_MAX] = {0x48, 0, 0,  0, 0, 9, 0, 0, 9, 200, 0,   0, 10, 0,
                             0,    1, 10, 0, 0, 2, 7, 3, 4, 1,   131, 3, 4,  0};
    it_put16(b + 2, 432);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, 32)));
    memset(&p, 0, offsetof(it_pkt, buf));
    memset(&q, 0, offsetof(it_pkt, buf));
    q.head = IT_PKT_HEADROOM;
    ck_assert_int_eq(it_pkt_parse(&p, it_bytes_of(b, 432)), 0);
    ck_assert_int_eq(it_pkt_fragment(&q, &p, 0, 232), 200);
    ck_assert_mem_eq(it_pkt_ip(&q) + 20, b + 20, 12);
    ck_assert_int_eq(it_pkt_fragment(&q, &p, 200, 232), 0);
    ck_assert_uint_eq(it_pkt_ip(&q)[0], 0x46);
    ck_assert_mem_eq(it_pkt_ip(&q) + 20, "\x83\x03\x04\x00", 4);
    ck_assert_uint_eq(q.len, 224);
    ck_assert_int_eq(it_pkt_fragment(&q, &p, 0, 39), IT_ERR_TOOBIG);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_frag");
    TCase *t = tcase_create("RFC 4787 REQ-14 receiving");
    tcase_add_loop_test(t, fragments_pass_in_any_order_out, 0, 6);
    tcase_add_loop_test(t, fragments_pass_in_any_order_in, 0, 6);
    tcase_add_loop_test(t, boxes_may_drop_those_ahead_of_their_first_or_all, 0, 2);
    tcase_add_test(t, two_hosts_with_one_identification_leave_with_two);
    tcase_add_loop_test(t, fragments_follow_their_first_into_the_filter, 0, 6);
    tcase_add_loop_test(t, the_fragments_of_a_dropped_first_one_are_dropped, 0, 2);
    tcase_add_loop_test(t, a_box_that_reassembles_sends_the_pieces_it_got, 0, 4);
    tcase_add_loop_test(t, a_datagram_that_stays_in_pieces_is_given_up, 0, 3);
    tcase_add_loop_test(t, a_fragment_waits_two_seconds_for_its_first, 0, 2);
    tcase_add_loop_test(t, a_late_fragment_follows_for_thirty_seconds, 0, 2);
    tcase_add_loop_test(t, fragments_hairpin, 0, 6);
    tcase_add_loop_test(t, fragments_of_a_query_pass, 0, 1);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 REQ-14a floods");
    tcase_add_test(t, a_flood_of_fragments_hurts_only_what_is_out_of_order);
    tcase_add_test(t, a_flood_of_first_fragments_is_forgotten_oldest_first);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 REQ-13 sending");
    tcase_add_loop_test(t, what_is_too_big_and_may_leaves_in_fragments, 0, 8);
    tcase_add_loop_test(t, fragments_too_big_are_cut_again, 0, 2);
    tcase_add_test(t, options_that_say_so_are_copied);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
