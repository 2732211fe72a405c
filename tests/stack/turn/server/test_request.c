/* Refresh, CreatePermission, ChannelBind, Binding: RFC 8656 sections 5, 8, 10.2, 12.2. */
#include "tests/stack/turn/server/rig.h"

static rig r;

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_fini(&r);
}

/* RFC 8489 section 6.3: without credentials. */
START_TEST(a_binding_request_is_answered)
{
    it_addr mapped;
    rig_start(&r);
    rig_begin(&r, IT_STUN_BINDING);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_int_eq(it_stun_get_addr(&r.resp, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    ck_assert(it_addr_eq(mapped, r.client));
}
END_TEST

START_TEST(what_is_no_request_of_a_known_method_is_dropped)
{
    static const uint16_t METHODS[] = {IT_STUN_DATA, IT_STUN_SEND, IT_STUN_CONNECT, IT_STUN_CONNECTION_BIND, 0x0ff};
    rig_start(&r);
    rig_allocate(&r, "alice");
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        rig_begin(&r, METHODS[i]);
        ck_assert_int_eq(rig_ask(&r), -1);
    }
}
END_TEST

/* RFC 8656 section 5: 437 for everything but Allocate. */
START_TEST(without_an_allocation_requests_are_437)
{
    rig_start(&r);
    rig_challenge(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 600), 437);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 437);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 437);
}
END_TEST

/* RFC 8656 section 5: 441. */
START_TEST(another_user_has_no_part_in_an_allocation)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_challenge(&r, "bob");
    ck_assert_int_eq(rig_refresh(&r, 0), 441);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 441);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 441);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

/* RFC 8489 section 9.2.4. */
START_TEST(a_nonce_ends_after_an_hour)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 3600), 0);
    r.now = 3600 * IT_SEC - 1;
    ck_assert_int_eq(rig_refresh(&r, 3600), 0);
    r.now = 3600 * IT_SEC + 1;
    ck_assert_int_eq(rig_refresh(&r, 3600), 438);
    ck_assert_int_eq(rig_refresh(&r, 3600), 0);
}
END_TEST

START_TEST(an_unknown_attribute_is_420)
{
    uint16_t types[4];
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_begin(&r, IT_STUN_REFRESH);
    it_stun_put(&r.b, 0x7ff0, it_bytes_of("abcd", 4));
    ck_assert_int_eq(rig_ask(&r), 420);
    ck_assert_int_eq(it_stun_get_types(&r.resp, IT_STUN_UNKNOWN_ATTRIBUTES, types, 4), 1);
    ck_assert_uint_eq(types[0], 0x7ff0);
}
END_TEST

/* RFC 8656 section 8.2. */
START_TEST(a_refresh_sets_the_lifetime_anew)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_until(&r, 500 * IT_SEC);
    ck_assert_int_eq(rig_refresh(&r, -1), 0);
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 600);
    rig_until(&r, 1100 * IT_SEC - 1);
    ck_assert_int_eq(rig_refresh(&r, 1000), 0);
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 1000);
    rig_until(&r, 2100 * IT_SEC - 2);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
    rig_until(&r, 2100 * IT_SEC - 1);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
}
END_TEST

/* RFC 8656 section 8.2: with a lifetime of zero; retransmitted, it is 437. */
START_TEST(a_refresh_with_zero_deletes)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    ck_assert_uint_eq(r.unbound, 1);
    int code = 0;
    ck_assert(rig_again(&r, r.b.len));
    ck_assert_int_eq(it_stun_get_error(&r.resp, &code, NULL), 0);
    ck_assert_int_eq(code, 437);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
}
END_TEST

static int refresh_family(uint32_t family, uint32_t lifetime)
{
    rig_begin(&r, IT_STUN_REFRESH);
    it_stun_put_u32(&r.b, IT_STUN_REQUESTED_ADDRESS_FAMILY, family);
    it_stun_put_u32(&r.b, IT_STUN_LIFETIME, lifetime);
    return rig_ask(&r);
}

START_TEST(a_refresh_of_a_family_that_is_not_there_is_443)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(refresh_family(2, 600), 443);
    ck_assert_int_eq(refresh_family(3, 0), 443);
    ck_assert_int_eq(refresh_family(1, 700), 0);
}
END_TEST

/* RFC 8656 section 8.1: one of two is refreshed or deleted, the other is not touched. */
START_TEST(the_families_of_a_dual_allocation_live_apart)
{
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
    ck_assert_int_eq(rig_permit(&r, "[2001:db8:7::7]:1"), 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
    ck_assert_int_eq(refresh_family(2, 0), 0);
    ck_assert_uint_eq(r.unbound, 1);
    ck_assert_int_eq(refresh_family(2, 600), 443);
    ck_assert_int_eq(rig_permit(&r, "[2001:db8:7::7]:1"), 443);
    rig_channel_data(&r, 0x4000, "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(refresh_family(1, 0), 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
}
END_TEST

/* RFC 8656 section 9: 300 seconds, by address. */
START_TEST(a_permission_lasts_300_s_from_its_last_refresh)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
    rig_until(&r, 200 * IT_SEC);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:2"), 0);
    rig_until(&r, 500 * IT_SEC - 1);
    rig_peer(&r, 0, "203.0.113.7:999", "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 1);
    r.now = 500 * IT_SEC; /* without a tick, too */
    rig_peer(&r, 0, "203.0.113.7:999", "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

START_TEST(create_permission_needs_a_peer)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_begin(&r, IT_STUN_CREATE_PERMISSION);
    ck_assert_int_eq(rig_ask(&r), 400);
}
END_TEST

/* RFC 8656 section 10.2: all of them or none. */
START_TEST(of_several_peers_one_that_is_wrong_spoils_all)
{
    static const struct {
        const char *peer;
        int code;
    } BAD[] = {{"[2001:db8::9]:1", 443}, {"127.0.0.1:1", 403}};
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_begin(&r, IT_STUN_CREATE_PERMISSION);
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.7:1"));
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr(BAD[_i].peer));
    ck_assert_int_eq(rig_ask(&r), BAD[_i].code);
    rig_peer(&r, 0, "203.0.113.7:1", "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 0);
    rig_begin(&r, IT_STUN_CREATE_PERMISSION);
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.7:1"));
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.8:1"));
    ck_assert_int_eq(rig_ask(&r), 0);
    rig_peer(&r, 0, "203.0.113.8:1", "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 1);
}
END_TEST

START_TEST(permissions_beyond_the_limit_are_508_and_refreshes_are_not)
{
    char peer[32];
    r.cfg.limits.permissions = 3;
    rig_start(&r);
    rig_allocate(&r, "alice");
    for (int i = 0; i < 3; i++) {
        snprintf(peer, sizeof peer, "203.0.113.%d:1", i + 1);
        ck_assert_int_eq(rig_permit(&r, peer), 0);
    }
    ck_assert_int_eq(rig_permit(&r, "203.0.113.9:1"), 508);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.1:1"), 0);
    rig_until(&r, 300 * IT_SEC);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.9:1"), 0);
}
END_TEST

/* RFC 8656 section 12.2. */
START_TEST(each_channel_check_has_its_code)
{
    static const struct {
        uint32_t number;
        const char *peer;
        int code;
    } ROWS[] = {{0x4000, "203.0.113.7:1", 0},   {0x4fff, "203.0.113.7:2", 0},     {0x3fff, "203.0.113.7:3", 400},
                {0x5000, "203.0.113.7:3", 400}, {0x7ffe, "203.0.113.7:3", 400},   {0x4000, "203.0.113.7:3", 400},
                {0x4001, "203.0.113.7:1", 400}, {0x4001, "[2001:db8::1]:1", 443}, {0x4001, "10.0.0.1:1", 403},
                {0x4001, "203.0.113.7:0", 403}, {0x4000, "203.0.113.7:1", 0}};
    rig_start(&r);
    rig_allocate(&r, "alice");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        ck_assert_msg(rig_channel(&r, ROWS[i].number, ROWS[i].peer) == ROWS[i].code, "row %zu", i);
    rig_begin(&r, IT_STUN_CHANNEL_BIND);
    it_stun_put_u32(&r.b, IT_STUN_CHANNEL_NUMBER, 0x4002);
    ck_assert_int_eq(rig_ask(&r), 400);
    rig_begin(&r, IT_STUN_CHANNEL_BIND);
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.7:9"));
    ck_assert_int_eq(rig_ask(&r), 400);
}
END_TEST

/* RFC 8656 section 12: ten minutes; the permission five. */
START_TEST(a_channel_lasts_600_s_and_needs_its_permission)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 3600), 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
    rig_until(&r, 300 * IT_SEC - 1);
    rig_channel_data(&r, 0x4000, "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 1);
    rig_until(&r, 300 * IT_SEC);
    rig_channel_data(&r, 0x4000, "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
    rig_until(&r, 600 * IT_SEC - 1);
    rig_channel_data(&r, 0x4000, "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 1);
    rig_until(&r, 600 * IT_SEC);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
    rig_channel_data(&r, 0x4000, "x", (it_io_meta){.frag = true});
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.8:1"), 0); /* free for another peer */
}
END_TEST

START_TEST(channels_beyond_the_limit_are_508)
{
    r.cfg.limits.channels = 1;
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
    ck_assert_int_eq(rig_channel(&r, 0x4001, "203.0.113.7:2"), 508);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
}
END_TEST

START_TEST(a_retransmitted_request_leads_to_the_same)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_channel(&r, 0x4000, "203.0.113.7:1"), 0);
    ck_assert(rig_again(&r, r.b.len));
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.7:1"), 0);
    ck_assert(rig_again(&r, r.b.len));
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
}
END_TEST

/* An IPv4 address in the clothes of an IPv6 one. */
START_TEST(a_mapped_peer_is_403)
{
    uint8_t v[20] = {0, 2};
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_begin(&r, IT_STUN_CREATE_PERMISSION);
    for (size_t i = 0; i < 16; i++)
        v[4 + i] = ip[i] ^ r.wire[4 + i];
    it_stun_put(&r.b, IT_STUN_XOR_PEER_ADDRESS, it_bytes_of(v, sizeof v));
    ck_assert_int_eq(rig_ask(&r), 403);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/request");
    TCase *tc = tcase_create("RFC 8656 sections 5 to 12");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_binding_request_is_answered);
    tcase_add_test(tc, what_is_no_request_of_a_known_method_is_dropped);
    tcase_add_test(tc, without_an_allocation_requests_are_437);
    tcase_add_test(tc, another_user_has_no_part_in_an_allocation);
    tcase_add_test(tc, a_nonce_ends_after_an_hour);
    tcase_add_test(tc, an_unknown_attribute_is_420);
    tcase_add_test(tc, a_refresh_sets_the_lifetime_anew);
    tcase_add_test(tc, a_refresh_with_zero_deletes);
    tcase_add_test(tc, a_refresh_of_a_family_that_is_not_there_is_443);
    tcase_add_test(tc, the_families_of_a_dual_allocation_live_apart);
    tcase_add_test(tc, a_permission_lasts_300_s_from_its_last_refresh);
    tcase_add_test(tc, create_permission_needs_a_peer);
    tcase_add_loop_test(tc, of_several_peers_one_that_is_wrong_spoils_all, 0, 2);
    tcase_add_test(tc, permissions_beyond_the_limit_are_508_and_refreshes_are_not);
    tcase_add_test(tc, each_channel_check_has_its_code);
    tcase_add_test(tc, a_channel_lasts_600_s_and_needs_its_permission);
    tcase_add_test(tc, channels_beyond_the_limit_are_508);
    tcase_add_test(tc, a_retransmitted_request_leads_to_the_same);
    tcase_add_test(tc, a_mapped_peer_is_403);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
