/* ICMP through a firewall: who asks, what is answered, errors about packets of any headers. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
#define C6 "[2001:db8:1::2]:5000"
#define S6 "[2001:db8:2::1]:3478"

static const char *const HERE[] = {"10.0.0.2", "2001:db8:1::2"}, *const THERE[] = {"198.51.100.1", "2001:db8:2::1"};

static void start(bool conntrack)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    p.conntrack = conntrack;
    box_open_fw(&B, &p);
}

static bool query(int side, int six, uint8_t type, uint8_t code, uint16_t id)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    it_pkt_icmp_msg m = {.src = I(side == IN ? HERE[six] : THERE[six]),
                         .dst = I(side == IN ? THERE[six] : HERE[six]),
                         .type = type,
                         .code = code,
                         .rest = (uint32_t)id << 16,
                         .body = it_bytes_of("data", 4)};
    ck_assert_int_eq(it_pkt_icmp(&p, &m), 0);
    box_put(&B, side, it_pkt_bytes(&p));
    return box_got(&B, !side) != NULL;
}

/* A query is its type, code, identifier and who asks. */
START_TEST(a_query_is_type_code_identifier_and_side)
{
    int six = _i & 1;
    uint8_t echo = six ? 128 : 8, reply = six ? 129 : 0, other = six ? 140 : 14;
    start(_i & 2);
    ck_assert(query(IN, six, echo, 0, 7));
    ck_assert(!query(OUT, six, reply, 0, 8));
    ck_assert(!query(OUT, six, reply, 1, 7));
    ck_assert(!query(OUT, six, other, 0, 7)); /* the reply to another kind of query */
    ck_assert(!query(OUT, six, echo, 0, 7));  /* they ask us */
    ck_assert(query(OUT, six, reply, 0, 7));
    ck_assert(!query(IN, six, reply, 0, 9)); /* a reply to no query begins nothing */
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_close(&B);
}
END_TEST

START_TEST(a_wrong_checksum_makes_no_flow)
{
    uint8_t buf[IT_PKT_MAX];
    int six = _i & 1;
    start(_i & 2);
    it_addr c = {I(HERE[six]), 5000}, s = {I(THERE[six]), 53};
    it_bytes d = box_udp_bytes(buf, c, s, 12);
    buf[d.n - 1] ^= 1;
    ck_assert_int_eq(it_edge_send(B.edge[IN], 0, d, 0), 0);
    ck_assert_int_eq(it_world_run(B.w, 0), 0); /* nothing comes out */
    ck_assert_int_eq(B.drop, IT_DROP_CHECKSUM);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    buf[d.n - 1] ^= 1;
    box_put(&B, IN, d);
    ck_assert_ptr_nonnull(box_got(&B, OUT));
    box_close(&B);
}
END_TEST

/* An IPv6 packet of UDP with the extension header |kind| (8 bytes) in front. */
static it_bytes with_header(uint8_t out[IT_PKT_MAX], uint8_t kind)
{
    uint8_t buf[IT_PKT_MAX], data[IT_PKT_MAX] = {0};
    it_bytes plain = box_udp_bytes(buf, A(C6), A(S6), 40);
    data[0] = IT_PROTO_UDP;
    if (kind != 44) {
        data[2] = 1;
        data[3] = 4;
    }
    memcpy(data + 8, buf + 40, plain.n - 40);
    return box_ip_bytes(out, A(C6).ip, A(S6).ip, kind, it_bytes_of(data, 8 + plain.n - 40));
}

/* RFC 4890 section 4.3.1: "too big" and the others must pass, whatever headers what they are about had. */
START_TEST(errors_about_any_headers_pass_when_their_flow_is_known)
{
    static const uint8_t KINDS[] = {44, 60, 0, 44};
    static const uint8_t TYPES[] = {1, 2, 3, 4};
    uint8_t buf[IT_PKT_MAX];
    for (size_t i = 0; i < sizeof TYPES; i++) {
        start(_i);
        it_bytes ip = with_header(buf, KINDS[i]);
        box_put(&B, IN, ip);
        it_pkt *out = box_got(&B, OUT);
        ck_assert_ptr_nonnull(out);
        it_pkt sent = *out;
        box_error(&B, OUT, I("2001:db8:77::1"), &sent, TYPES[i], 0);
        ck_assert_ptr_nonnull(box_got(&B, IN));
        it_fw_flush(B.fw, 0);
        box_error(&B, OUT, I("2001:db8:77::1"), &sent, TYPES[i], 0);
        ck_assert_ptr_null(box_got(&B, IN));
        box_close(&B);
    }
}
END_TEST

/* An error is for whoever sent what it is about. */
START_TEST(an_error_for_somebody_else_does_not_pass)
{
    start(_i);
    box_udp(&B, IN, A(C6), A(S6));
    it_pkt sent = *box_got(&B, OUT), e;
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I("2001:db8:77::1"), &sent, 1, 0, 0), 0);
    it_pkt_set_dst(&e, I("2001:db8:1::3"), 0);
    box_put(&B, OUT, it_pkt_bytes(&e));
    ck_assert_ptr_null(box_got(&B, IN));
    box_close(&B);
}
END_TEST

/* What is quoted of a later fragment has no ports: it is known by the datagram that passed. Netfilter drops it. */
START_TEST(an_error_about_a_later_fragment_of_what_passed)
{
    uint8_t buf[IT_PKT_MAX], data[128] = {0};
    start(_i);
    for (int k = 0; k < 2; k++) {
        data[0] = IT_PROTO_UDP;
        it_put16(data + 2, (uint16_t)(k ? 64 : 1));
        it_put32(data + 4, 77);
        it_put16(data + 8, k ? 0 : 5000);
        it_put16(data + 10, k ? 0 : 3478);
        it_put16(data + 12, k ? 0 : 100);
        box_put(&B, IN, box_ip_bytes(buf, A(C6).ip, A(S6).ip, 44, it_bytes_of(data, 72)));
    }
    ck_assert_uint_eq(B.n_got, 2);
    it_pkt later = B.got[1].p, e;
    ck_assert_uint_eq(later.frag, 2);
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I("2001:db8:77::1"), &later, 2, 0, 1280), 0);
    box_put(&B, OUT, it_pkt_bytes(&e));
    ck_assert_int_eq(box_got(&B, IN) != NULL, !_i);
    box_close(&B);
}
END_TEST

START_TEST(neighbor_discovery_and_mld_pass_out_of_a_tracker_untracked)
{
    start(true);
    ck_assert(query(IN, 1, 143, 0, 0));
    ck_assert(!query(OUT, 1, 143, 0, 0));
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/fw_icmp");
    TCase *t = tcase_create("RFC 6092 section 3.2.1, RFC 4890 section 4.3.1");
    tcase_add_loop_test(t, a_query_is_type_code_identifier_and_side, 0, 4);
    tcase_add_loop_test(t, a_wrong_checksum_makes_no_flow, 0, 4);
    tcase_add_loop_test(t, errors_about_any_headers_pass_when_their_flow_is_known, 0, 2);
    tcase_add_loop_test(t, an_error_for_somebody_else_does_not_pass, 0, 2);
    tcase_add_loop_test(t, an_error_about_a_later_fragment_of_what_passed, 0, 2);
    tcase_add_test(t, neighbor_discovery_and_mld_pass_out_of_a_tracker_untracked);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
