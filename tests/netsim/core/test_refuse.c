/* Drop and tell: what is told, in which order, and when nothing is. */
#include "netsim/core/refuse.h"

#include "tests/netsim/box.h"

static box B;

/* A node that refuses all that comes, and answers through the port it came by. */
static it_refusal WHY;
static uint32_t dropped_when_sent;

static void refuse_all(it_node *n, it_time now, int port, it_pkt *p)
{
    it_pkt *e = it_refuse(n, now, port, p, &WHY);
    dropped_when_sent = B.n_drops;
    if (e)
        it_node_send(n, now, port, e);
}

static void reset_all(it_node *n, it_time now, int port, it_pkt *p)
{
    it_pkt *e = it_refuse_reset(n, now, port, p, IT_DROP_NO_SOCKET, "closed");
    dropped_when_sent = B.n_drops;
    if (e)
        it_node_send(n, now, port, e);
}

/* Sends what comes on in fragments of at most SPLIT_MTU bytes. */
static uint32_t SPLIT_MTU;

static void split_all(it_node *n, it_time now, int port, it_pkt *p)
{
    it_node_send_split(n, now, !port, p, SPLIT_MTU);
}

static it_node NODE;
static const it_node_ops OPS = {.kind = "router", .deliver = refuse_all};

static const it_node_ops RESETS = {.kind = "router", .deliver = reset_all};
static const it_node_ops SPLITS = {.kind = "router", .deliver = split_all};

static void start_node(const it_node_ops *ops)
{
    box_start(&B, 1);
    ck_assert_int_eq(it_node_init(&NODE, B.w, ops, "n"), 0);
    ck_assert(it_node_add_port(&NODE, "in") == 0 && it_node_add_port(&NODE, "out") == 1);
    box_wire(&B, &NODE);
}

static void start(it_refusal why)
{
    WHY = why;
    start_node(&OPS);
}

START_TEST(the_drop_comes_first_and_the_error_quotes_what_came)
{
    const char *from = _i ? "[2001:db8::2]:5000" : "10.0.0.2:5000", *to = _i ? "[2001:db8:9::1]:9" : "198.51.100.1:9";
    it_ip own = I(_i ? "2001:db8::1" : "10.0.0.1");
    start(it_refusal_of(_i ? 6 : 4, IT_REFUSE_TIME_EXCEEDED, own, IT_DROP_TTL));
    WHY.more = "a note";
    box_udp(&B, 0, A(from), A(to));
    ck_assert_uint_eq(dropped_when_sent, 1);
    ck_assert_int_eq(B.drop, IT_DROP_TTL);
    ck_assert_str_eq(B.why, "a note");
    it_pkt *e = box_got(&B, 0);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->src, own) && it_ip_eq(e->dst, A(from).ip));
    ck_assert_uint_eq(it_pkt_l4(e)[0], _i ? 3 : 11);
    ck_assert_uint_eq(it_pkt_l4(e)[8 + (_i ? 7 : 8)], 64); /* the hop limit as it came */
    box_close(&B);
}
END_TEST

START_TEST(a_box_without_an_address_drops_and_is_silent)
{
    start(it_refusal_of(4, IT_REFUSE_NO_ROUTE, (it_ip){0, 0}, IT_DROP_NO_ROUTE));
    box_udp(&B, 0, A("10.0.0.2:5000"), A("198.51.100.1:9"));
    ck_assert_uint_eq(B.n_drops, 1);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* RFC 1122 section 3.2.2. */
START_TEST(nobody_is_told_of_a_multicast_or_a_foreign_family)
{
    start(it_refusal_of(4, IT_REFUSE_NO_ROUTE, I("10.0.0.1"), IT_DROP_NO_ROUTE));
    box_udp(&B, 0, A("10.0.0.2:5000"), A("224.0.0.9:9"));
    ck_assert(B.n_drops == 1 && B.n_got == 0);
    box_udp(&B, 0, A("[2001:db8::2]:5000"), A("[2001:db8:9::1]:9"));
    ck_assert(B.n_drops == 1 && B.n_got == 0);
    box_close(&B);
}
END_TEST

START_TEST(kinds_have_the_numbers_of_their_family)
{
    static const struct {
        enum it_refuse_kind kind;
        uint8_t n4[2], n6[2];
    } V[] = {
        {IT_REFUSE_NO_ROUTE, {3, 0}, {1, 0}},       {IT_REFUSE_NO_PORT, {3, 3}, {1, 4}},
        {IT_REFUSE_PROHIBITED, {3, 13}, {1, 1}},    {IT_REFUSE_TOO_BIG, {3, 4}, {2, 0}},
        {IT_REFUSE_TIME_EXCEEDED, {11, 0}, {3, 0}}, {IT_REFUSE_REASSEMBLY, {11, 1}, {3, 1}},
    };
    for (size_t i = 0; i < sizeof V / sizeof *V; i++) {
        it_refusal r4 = it_refusal_of(4, V[i].kind, it_ip4(1), IT_DROP_TTL),
                   r6 = it_refusal_of(6, V[i].kind, it_ip4(1), IT_DROP_TTL);
        ck_assert(r4.type == V[i].n4[0] && r4.code == V[i].n4[1]);
        ck_assert(r6.type == V[i].n6[0] && r6.code == V[i].n6[1]);
    }
}
END_TEST

/* RFC 9293 section 3.5.2: a segment without an ACK is answered by a reset that acknowledges it, a reset by nothing. */
START_TEST(a_reset_follows_the_drop_and_none_answers_a_reset)
{
    static const char X[] = "10.0.0.2:5000", Y[] = "198.51.100.1:9";
    start_node(&RESETS);
    box_tcp(&B, 0, &(seg){.from = A(X), .to = A(Y), .flags = SYN, .seq = 1000});
    ck_assert_uint_eq(dropped_when_sent, 1);
    ck_assert_int_eq(B.drop, IT_DROP_NO_SOCKET);
    ck_assert_str_eq(B.why, "closed");
    it_pkt *e = box_got(&B, 0);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->src, A(Y).ip) && e->sport == 9 && e->dport == 5000);
    ck_assert_uint_eq(it_pkt_l4(e)[13], RST | ACK);
    ck_assert_uint_eq(it_get32(it_pkt_l4(e) + 8), 1001);
    box_tcp(&B, 0, &(seg){.from = A(X), .to = A(Y), .flags = RST, .seq = 1000});
    ck_assert(B.n_drops == 1 && B.n_got == 0);
    box_close(&B);
}
END_TEST

/* RFC 791 section 3.2: data of 108 bytes through 68: 48, 48 and 12. */
START_TEST(a_packet_is_split_into_what_fits)
{
    uint8_t buf[IT_PKT_MAX];
    it_bytes b = box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:9"), 100);
    SPLIT_MTU = 68;
    start_node(&SPLITS);
    box_put(&B, 0, b);
    ck_assert(B.n_drops == 0 && B.n_got == 3);
    for (uint32_t i = 0; i < 3; i++) {
        const uint8_t *f = it_pkt_ip(&B.got[i].p);
        ck_assert_uint_eq(B.got[i].p.len, i < 2 ? 68 : 32);
        ck_assert_uint_eq(it_get16(f + 6) & 0x3fff, (i < 2 ? 0x2000 : 0) | i * 6);
        ck_assert_int_eq(memcmp(f + 20, buf + 20 + i * 48, B.got[i].p.len - 20u), 0);
    }
    box_close(&B);
}
END_TEST

START_TEST(what_has_no_room_for_a_fragment_is_dropped_and_said)
{
    SPLIT_MTU = 27;
    start_node(&SPLITS);
    box_udp(&B, 0, A("10.0.0.2:5000"), A("198.51.100.1:9"));
    ck_assert(B.n_drops == 1 && B.n_got == 0);
    ck_assert_int_eq(B.drop, IT_DROP_MTU);
    ck_assert_str_eq(B.why, "no room for a fragment");
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/refuse");
    TCase *c = tcase_create("refuse");
    tcase_add_loop_test(c, the_drop_comes_first_and_the_error_quotes_what_came, 0, 2);
    tcase_add_test(c, a_box_without_an_address_drops_and_is_silent);
    tcase_add_test(c, nobody_is_told_of_a_multicast_or_a_foreign_family);
    tcase_add_test(c, kinds_have_the_numbers_of_their_family);
    tcase_add_test(c, a_reset_follows_the_drop_and_none_answers_a_reset);
    tcase_add_test(c, a_packet_is_split_into_what_fits);
    tcase_add_test(c, what_has_no_room_for_a_fragment_is_dropped_and_said);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
