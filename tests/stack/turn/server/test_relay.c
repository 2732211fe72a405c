/* The way of packets: Send, Data, channels, ICMP, header fields, quota (RFC 8656 sections 11 to 16). */
#include "tests/stack/turn/server/rig.h"

static rig r;
static const it_io_meta PLAIN = {.frag = true};

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_fini(&r);
}

static void start(void)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
}

/* RFC 8656 section 11.2. */
START_TEST(a_send_indication_becomes_a_datagram_from_the_relayed_address)
{
    start();
    rig_send(&r, "203.0.113.7:99", "hello", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(it_addr_eq(r.sent[0].io.local, rig_addr("198.51.100.1:50000")));
    ck_assert(it_addr_eq(r.sent[0].io.remote, rig_addr("203.0.113.7:99")));
    ck_assert_uint_eq(r.sent[0].io.flow, IT_IO_BOUND_FLOW);
    ck_assert(it_bytes_eq(r.sent[0].io.data, it_bytes_str("hello")));
    rig_send(&r, "203.0.113.7:99", "", false, PLAIN); /* zero bytes are allowed */
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_uint_eq(r.sent[0].io.data.n, 0);
}
END_TEST

START_TEST(without_permission_allocation_or_port_nothing_is_sent)
{
    start();
    rig_send(&r, "203.0.113.8:99", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_send(&r, "[2001:db8::1]:99", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_send(&r, "203.0.113.7:0", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    r.client.port++;
    rig_send(&r, "203.0.113.7:99", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_uint_eq(it_turn_server_stats_of(r.s)->denied, 4);
}
END_TEST

START_TEST(a_send_indication_without_its_attributes_is_dropped)
{
    uint8_t txid[IT_STUN_TXID] = {1};
    start();
    for (int i = 0; i < 3; i++) {
        it_buf_init(&r.b, r.wire, sizeof r.wire);
        it_stun_begin(&r.b, IT_STUN_INDICATION, IT_STUN_SEND, txid);
        if (i != 0)
            it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.7:9"));
        if (i != 1)
            it_stun_put(&r.b, IT_STUN_DATA_ATTR, it_bytes_str("x"));
        if (i == 2)
            it_stun_put(&r.b, 0x7ff0, it_bytes_of(NULL, 0)); /* RFC 8489 section 6.3.2 */
        int n = it_stun_end(&r.b);
        rig_raw(&r, it_bytes_of(r.wire, (size_t)n), PLAIN);
        ck_assert_uint_eq(r.n_sent, 0);
    }
}
END_TEST

/* RFC 8656 section 11.3. */
START_TEST(a_datagram_of_a_peer_becomes_a_data_indication)
{
    it_addr peer;
    start();
    rig_peer(&r, 0, "203.0.113.7:1234", "hello", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(it_addr_eq(r.sent[0].io.remote, r.client));
    ck_assert(it_addr_eq(r.sent[0].io.local, r.here));
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[0].io.data), 0);
    ck_assert_int_eq(r.resp.cls, IT_STUN_INDICATION);
    ck_assert_uint_eq(r.resp.method, IT_STUN_DATA);
    ck_assert_int_eq(it_stun_get_addr(&r.resp, IT_STUN_XOR_PEER_ADDRESS, &peer), 0);
    ck_assert(it_addr_eq(peer, rig_addr("203.0.113.7:1234")));
    ck_assert(it_bytes_eq(it_stun_get(&r.resp, IT_STUN_DATA_ATTR)->value, it_bytes_str("hello")));
    rig_peer(&r, 0, "203.0.113.8:1234", "hello", PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

/* RFC 8656 sections 12.6, 12.7: both ways; the server must use the channel. */
START_TEST(a_channel_carries_both_ways)
{
    uint16_t number;
    it_bytes data;
    start();
    ck_assert_int_eq(rig_channel(&r, 0x4001, "203.0.113.7:5"), 0);
    rig_channel_data(&r, 0x4001, "up", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(it_addr_eq(r.sent[0].io.remote, rig_addr("203.0.113.7:5")));
    ck_assert(it_bytes_eq(r.sent[0].io.data, it_bytes_str("up")));
    rig_peer(&r, 0, "203.0.113.7:5", "down", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(it_turn_channel_read(r.sent[0].io.data, &number, &data), 0);
    ck_assert_uint_eq(number, 0x4001);
    ck_assert_uint_eq(r.sent[0].io.data.n, 8); /* no padding over UDP */
    ck_assert(it_bytes_eq(data, it_bytes_str("down")));
    rig_peer(&r, 0, "203.0.113.7:6", "down", PLAIN); /* another port: no channel */
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_uint_eq(r.sent[0].data[0], 0);
    rig_channel_data(&r, 0x4001, "", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1); /* section 12.6: a datagram without data */
}
END_TEST

/* RFC 5766 section 11. */
START_TEST(numbers_of_rfc_5766_are_bound_where_they_are_taken)
{
    r.cfg.channels_5766 = _i;
    start();
    ck_assert_int_eq(rig_channel(&r, 0x7fff, "203.0.113.7:5"), _i ? 0 : 400);
    ck_assert_int_eq(rig_channel(&r, 0x8000, "203.0.113.7:6"), 400);
    rig_channel_data(&r, 0x7fff, "up", PLAIN);
    ck_assert_uint_eq(r.n_sent, (unsigned)_i);
    rig_peer(&r, 0, "203.0.113.7:5", "down", PLAIN);
    if (_i)
        ck_assert_uint_eq(it_get16(r.sent[0].io.data.p), 0x7fff);
}
END_TEST

START_TEST(channel_data_that_is_short_or_of_no_channel_is_dropped)
{
    start();
    ck_assert_int_eq(rig_channel(&r, 0x4001, "203.0.113.7:5"), 0);
    rig_channel_data(&r, 0x4002, "up", PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_raw(&r,
            it_bytes_of("\x40\x01\x00\x05"
                        "four",
                        8),
            PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_raw(&r,
            it_bytes_of("\x40\x01\x00\x04"
                        "four\0\0\0",
                        11),
            PLAIN); /* padding may be there */
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_uint_eq(r.sent[0].io.data.n, 4);
    rig_raw(&r, it_bytes_of("\x50\x01\x00\x00", 4), PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    rig_raw(&r, it_bytes_of("", 0), PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

/* RFC 8656 section 12.6: data refreshes neither. */
START_TEST(data_refreshes_nothing)
{
    start();
    for (int t = 0; t < 299; t += 10) {
        rig_until(&r, t * IT_SEC);
        rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
        ck_assert_uint_eq(r.n_sent, 1);
    }
    rig_until(&r, 300 * IT_SEC);
    rig_send(&r, "203.0.113.7:1", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

/* RFC 8656 section 14: DSCP and ECN copied, DF copied or asked for; section 21.1.7: a hop less. */
START_TEST(header_fields_are_copied_and_a_hop_is_taken)
{
    start();
    ck_assert_int_eq(rig_channel(&r, 0x4001, "203.0.113.7:5"), 0);
    rig_channel_data(&r, 0x4001, "x", (it_io_meta){.frag = false, .ttl = 60, .tos = 0xb9});
    ck_assert_uint_eq(r.sent[0].io.meta.tos, 0xb9);
    ck_assert_uint_eq(r.sent[0].io.meta.ttl, 59);
    ck_assert(!r.sent[0].io.meta.frag);
    rig_send(&r, "203.0.113.7:5", "x", false, (it_io_meta){.frag = true, .ttl = 2});
    ck_assert_uint_eq(r.sent[0].io.meta.ttl, 1);
    ck_assert(r.sent[0].io.meta.frag);
    rig_send(&r, "203.0.113.7:5", "x", true, (it_io_meta){.ttl = 2});
    ck_assert(!r.sent[0].io.meta.frag);
    rig_send(&r, "203.0.113.7:5", "x", true, (it_io_meta){.ttl = 1});
    ck_assert_uint_eq(r.n_sent, 0);
    rig_peer(&r, 0, "203.0.113.7:5", "x", (it_io_meta){.frag = false, .ttl = 9, .tos = 3});
    ck_assert_uint_eq(r.sent[0].io.meta.ttl, 8);
    ck_assert_uint_eq(r.sent[0].io.meta.tos, 3);
    ck_assert(!r.sent[0].io.meta.frag);
    rig_peer(&r, 0, "203.0.113.7:5", "x", (it_io_meta){.ttl = 1});
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_uint_eq(it_turn_server_stats_of(r.s)->dropped, 2);
}
END_TEST

/* RFC 8656 section 13: between families DONT-FRAGMENT is ignored. */
START_TEST(between_families_dont_fragment_is_ignored)
{
    r.client = rig_addr("[2001:db8:9::9]:4444");
    r.here = rig_addr("[2001:db8:1::1]:3478");
    r.cfg.relay4 = rig_ip("198.51.100.1");
    start();
    rig_send(&r, "203.0.113.7:5", "x", true, (it_io_meta){.frag = false, .ttl = 64});
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert(r.sent[0].io.meta.frag);
}
END_TEST

/* RFC 8656 section 11.2: a server that cannot set DF discards what asks for it. */
START_TEST(a_server_that_cannot_set_df_drops_what_wants_it)
{
    r.cfg.no_dont_fragment = true;
    start();
    rig_send(&r, "203.0.113.7:5", "x", true, (it_io_meta){.frag = true, .ttl = 64});
    ck_assert_uint_eq(r.n_sent, 0);
    rig_send(&r, "203.0.113.7:5", "x", false, (it_io_meta){.frag = true, .ttl = 64});
    ck_assert_uint_eq(r.n_sent, 1);
}
END_TEST

static void icmp(uint32_t flow, const char *peer, uint8_t type, uint8_t code, uint32_t mtu)
{
    r.n_sent = 0;
    rig_input(&r, (it_io){.kind = IT_IO_ERROR,
                          .flow = flow,
                          .local = rig_addr("198.51.100.1:50000"),
                          .remote = rig_addr(peer),
                          .icmp = {.type = type, .code = code, .mtu = mtu, .from = rig_ip("192.0.2.200")}});
    rig_drain(&r);
}

/* RFC 8656 section 15: over a stream DF is what the Send indication says. */
START_TEST(over_a_stream_df_is_what_dont_fragment_says)
{
    rig_start(&r);
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.9:4445");
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:7777"), 0);
    rig_send(&r, "203.0.113.7:7777", "x", _i, (it_io_meta){.ttl = 0});
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(r.sent[0].io.meta.frag, !_i);
    ck_assert_uint_eq(r.sent[0].io.meta.tos, 0); /* Not-ECT */
}
END_TEST

/* RFC 8656 section 11.5. */
START_TEST(an_icmp_error_becomes_a_data_indication)
{
    it_addr peer;
    uint8_t type, code;
    uint32_t mtu;
    start();
    icmp(IT_IO_BOUND_FLOW, "203.0.113.7:5", 3, 4, 1300);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[0].io.data), 0);
    ck_assert_uint_eq(r.resp.method, IT_STUN_DATA);
    ck_assert_int_eq(it_stun_get_addr(&r.resp, IT_STUN_XOR_PEER_ADDRESS, &peer), 0);
    ck_assert(it_addr_eq(peer, rig_addr("203.0.113.7:5")));
    ck_assert_int_eq(it_turn_get_icmp(&r.resp, &type, &code, &mtu), 0);
    ck_assert_uint_eq(type, 3);
    ck_assert_uint_eq(code, 4);
    ck_assert_uint_eq(mtu, 1300);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_DATA_ATTR));
    icmp(IT_IO_BOUND_FLOW, "203.0.113.7:5", 3, 3, 77); /* section 18.13: no MTU, zero */
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[0].io.data), 0);
    ck_assert_int_eq(it_turn_get_icmp(&r.resp, &type, &code, &mtu), 0);
    ck_assert_uint_eq(mtu, 0);
}
END_TEST

START_TEST(icmp_of_other_types_peers_and_sockets_is_dropped)
{
    start();
    icmp(IT_IO_BOUND_FLOW, "203.0.113.7:5", 11, 0, 0);
    ck_assert_uint_eq(r.n_sent, 1);
    icmp(IT_IO_BOUND_FLOW, "203.0.113.7:5", 5, 0, 0);
    ck_assert_uint_eq(r.n_sent, 0);
    icmp(IT_IO_BOUND_FLOW, "203.0.113.8:5", 3, 3, 0);
    ck_assert_uint_eq(r.n_sent, 0);
    icmp(IT_IO_BOUND_FLOW + 1, "203.0.113.7:5", 3, 3, 0);
    ck_assert_uint_eq(r.n_sent, 0);
    icmp(0, "203.0.113.7:5", 3, 3, 0);
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

/* RFC 8656 section 5: traffic beyond the bandwidth quota is discarded. */
START_TEST(a_user_gets_its_bandwidth_and_no_more)
{
    char text[1001];
    int sent = 0;
    memset(text, 'x', 1000);
    text[1000] = '\0';
    r.cfg.limits.user_rate = 10000;
    r.cfg.limits.user_burst = 2000;
    start();
    for (int i = 0; i < 100; i++) { /* 10 s, 10,000 bytes a second offered each way */
        rig_until(&r, i * 100 * IT_MS);
        rig_send(&r, "203.0.113.7:5", text, false, PLAIN);
        sent += (int)r.n_sent;
        rig_peer(&r, 0, "203.0.113.7:5", text, PLAIN);
        sent += (int)r.n_sent;
    }
    ck_assert_int_ge(sent, 99);
    ck_assert_int_le(sent, 102);
    ck_assert_uint_eq(it_turn_server_stats_of(r.s)->quota, (uint64_t)(200 - sent));
}
END_TEST

/* The host has lost the address: the allocation has ended, and no UNBIND is due. */
START_TEST(a_relayed_address_that_is_gone_ends_its_allocation)
{
    start();
    rig_input(&r, (it_io){.kind = IT_IO_UNBIND, .flow = IT_IO_BOUND_FLOW});
    rig_drain(&r);
    ck_assert_uint_eq(r.unbound, 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    rig_peer(&r, 0, "203.0.113.7:5", "x", PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_refresh(&r, 600), 437);
}
END_TEST

/* A flood: the queue is bounded, what comes behind is dropped and counted, and the server goes on. */
START_TEST(the_last_word_before_a_deletion_is_relayed)
{
    uint8_t both[600], buf[2048];
    it_io out;
    rig_start(&r);
    rig_connect(&r, IT_IO_ACCEPTED_FLOW + 1, "192.0.2.9:4444");
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
    it_turn_channel_head(both, 0x4000, 4);
    memcpy(both + 4, "last", 4);
    rig_begin(&r, IT_STUN_REFRESH);
    it_stun_put_u32(&r.b, IT_STUN_LIFETIME, 0);
    it_stun_longterm_put(&r.lt, &r.b);
    it_stun_longterm_sign(&r.lt, &r.b);
    int n = it_stun_end(&r.b);
    ck_assert_int_gt(n, 0);
    memcpy(both + 8, r.wire, (size_t)n);
    rig_client(&r, it_bytes_of(both, 8 + (size_t)n), PLAIN); /* both in one segment */
    ck_assert_int_eq(it_turn_server_output(r.s, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DGRAM);
    ck_assert_mem_eq(out.data.p, "last", 4);
    ck_assert_int_eq(it_turn_server_output(r.s, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_UNBIND);
    rig_drain(&r);
}
END_TEST

START_TEST(a_flood_without_output_is_bounded)
{
    int64_t live = 0;
    start();
    for (int i = 0; i < 1000; i++) {
        if (i == IT_TURN_SERVER_QUEUE)
            live = r.mem->live;
        rig_input(&r, (it_io){.kind = IT_IO_DGRAM,
                              .flow = IT_IO_BOUND_FLOW,
                              .remote = rig_addr("203.0.113.7:5"),
                              .data = it_bytes_str("flood")});
    }
    ck_assert_int_eq(r.mem->live, live);
    ck_assert_uint_eq(it_turn_server_stats_of(r.s)->dropped, 1000 - IT_TURN_SERVER_QUEUE);
    rig_drain(&r);
    rig_send(&r, "203.0.113.7:5", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
}
END_TEST

/* The way of packets allocates nothing once it is warm. */
START_TEST(relaying_allocates_nothing)
{
    start();
    ck_assert_int_eq(rig_channel(&r, 0x4001, "203.0.113.7:5"), 0);
    for (int i = 0; i < IT_TURN_SERVER_QUEUE; i++)
        rig_peer(&r, 0, "203.0.113.7:5", "x", PLAIN);
    r.mem->countdown = 0; /* from now on there is none */
    for (int i = 0; i < 200; i++) {
        rig_peer(&r, 0, i % 2 ? "203.0.113.7:5" : "203.0.113.7:6", "x", PLAIN);
        ck_assert_uint_eq(r.n_sent, 1);
        rig_channel_data(&r, 0x4001, "y", PLAIN);
        ck_assert_uint_eq(r.n_sent, 1);
        rig_send(&r, "203.0.113.7:8", "z", false, PLAIN);
        ck_assert_uint_eq(r.n_sent, 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/relay");
    TCase *tc = tcase_create("RFC 8656 sections 11 to 16");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_send_indication_becomes_a_datagram_from_the_relayed_address);
    tcase_add_test(tc, without_permission_allocation_or_port_nothing_is_sent);
    tcase_add_test(tc, a_send_indication_without_its_attributes_is_dropped);
    tcase_add_test(tc, a_datagram_of_a_peer_becomes_a_data_indication);
    tcase_add_test(tc, a_channel_carries_both_ways);
    tcase_add_loop_test(tc, numbers_of_rfc_5766_are_bound_where_they_are_taken, 0, 2);
    tcase_add_test(tc, channel_data_that_is_short_or_of_no_channel_is_dropped);
    tcase_add_test(tc, data_refreshes_nothing);
    tcase_add_test(tc, header_fields_are_copied_and_a_hop_is_taken);
    tcase_add_test(tc, between_families_dont_fragment_is_ignored);
    tcase_add_test(tc, a_server_that_cannot_set_df_drops_what_wants_it);
    tcase_add_loop_test(tc, over_a_stream_df_is_what_dont_fragment_says, 0, 2);
    tcase_add_test(tc, an_icmp_error_becomes_a_data_indication);
    tcase_add_test(tc, icmp_of_other_types_peers_and_sockets_is_dropped);
    tcase_add_test(tc, a_user_gets_its_bandwidth_and_no_more);
    tcase_add_test(tc, a_relayed_address_that_is_gone_ends_its_allocation);
    tcase_add_test(tc, the_last_word_before_a_deletion_is_relayed);
    tcase_add_test(tc, a_flood_without_output_is_bounded);
    tcase_add_test(tc, relaying_allocates_nothing);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
