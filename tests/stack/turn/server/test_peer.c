/* The server's own addresses as peers: no loops, no doors (RFC 8656 sections 21.1.7, 21.4). */
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

START_TEST(the_servers_own_addresses_are_forbidden)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:3478"), 403);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "198.51.100.1:50000"), 403);
    ck_assert_int_eq(rig_permit(&r, "10.0.0.1:1"), 403);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.1:1"), 0);
}
END_TEST

START_TEST(where_relayed_peers_are_allowed_only_living_relayed_addresses_are)
{
    r.cfg.relayed_peers = true;
    rig_start(&r);
    rig_allocate(&r, "alice"); /* 50000 */
    r.client.port++;
    rig_allocate(&r, "bob"); /* 50001 */
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:50000"), 0);
    rig_send(&r, "198.51.100.1:50000", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    rig_send(&r, "198.51.100.1:3478", "x", false, PLAIN); /* a loop into the server */
    ck_assert_uint_eq(r.n_sent, 0);
    rig_send(&r, "198.51.100.1:22", "x", false, PLAIN); /* another service of its host */
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "198.51.100.1:3478"), 403);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "198.51.100.1:50000"), 0);
    rig_channel_data(&r, 0x4000, "x", PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    r.client.port--;
    rig_challenge(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    r.client.port++;
    rig_channel_data(&r, 0x4000, "x", PLAIN); /* the port is somebody else's now */
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

static it_prefix prefix(const char *text)
{
    it_prefix p;
    ck_assert_int_eq(it_prefix_parse(&p, text), 0);
    return p;
}

START_TEST(a_list_that_names_the_servers_own_address_allows_what_is_no_loop)
{
    it_prefix own = prefix("198.51.100.1/32");
    r.cfg.policy.allow = &own;
    r.cfg.policy.n_allow = 1;
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:22"), 0);
    rig_send(&r, "198.51.100.1:22", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 1);
    rig_send(&r, "198.51.100.1:3478", "x", false, PLAIN); /* RFC 8656 section 21.1.7: the server itself */
    ck_assert_uint_eq(r.n_sent, 0);
    rig_send(&r, "198.51.100.1:50000", "x", false, PLAIN); /* and a relayed address of it */
    ck_assert_uint_eq(r.n_sent, 0);
}
END_TEST

START_TEST(a_list_that_has_the_servers_network_does_not_open_its_host)
{
    it_prefix all[] = {prefix("0.0.0.0/0"), prefix("198.51.100.0/24")};
    r.cfg.policy.allow = all;
    r.cfg.policy.n_allow = 2;
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:22"), 403);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "198.51.100.1:22"), 403);
    ck_assert_int_eq(rig_permit(&r, "198.51.100.2:22"), 0);
    ck_assert_int_eq(rig_permit(&r, "10.0.0.1:22"), 0);
}
END_TEST

START_TEST(a_list_denies_relayed_addresses_of_its_own_too)
{
    it_prefix deny = prefix("198.51.100.0/24");
    r.cfg.relayed_peers = true;
    r.cfg.policy.deny = &deny;
    r.cfg.policy.n_deny = 1;
    rig_start(&r);
    rig_allocate(&r, "alice"); /* 50000 */
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:50000"), 403);
}
END_TEST

/* RFC 8656 section 21.1.7: what its owner says, too; an address of a NAT before it leads back to it. */
START_TEST(other_addresses_of_its_host_are_its_own)
{
    it_prefix own[] = {prefix("203.0.113.50/32"), prefix("2001:db8:9::/64")};
    r.cfg.own = own;
    r.cfg.n_own = 2;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.50:22"), 403);
    ck_assert_int_eq(rig_permit(&r, "203.0.113.51:22"), 0);
    ck_assert_int_eq(rig_permit(&r, "[2001:db8:9::5]:22"), 403);
    ck_assert_int_eq(rig_permit(&r, "[64:ff9b::cb00:7132]:22"), 403);
}
END_TEST

START_TEST(a_relayed_address_is_its_own_when_its_base_is_gone_too)
{
    rig_start(&r);
    rig_allocate(&r, "alice"); /* 50000 */
    rig_input(&r, (it_io){.kind = IT_IO_UNBIND, .flow = 0});
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:50000"), 0); /* the address is nobody's any more */
    rig_send(&r, "198.51.100.1:50000", "x", false, PLAIN);
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, "198.51.100.1:50000"), 403);
}
END_TEST

/* RFC 8656 section 21.4: neither end of an allocation is in a tunnel. Section 21.1.7: nor is a client behind a relayed
 * address. */
START_TEST(a_client_in_a_tunnel_or_behind_a_relay_of_it_has_no_allocation)
{
    rig_start(&r);
    rig_allocate(&r, "alice"); /* 198.51.100.1:50000 */
    r.client = rig_addr("198.51.100.1:50000");
    rig_challenge(&r, "bob");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 403);
    r.here = rig_addr("[2001:db8:1::1]:3478");
    r.client = rig_addr("[2002:c000:204::1]:4000");
    rig_challenge(&r, "bob");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 403);
    r.client = rig_addr("[2001::1]:4000");
    rig_challenge(&r, "bob");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 403);
}
END_TEST

START_TEST(its_own_address_inside_of_another_is_forbidden_too)
{
    r.cfg.relayed_peers = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_REQUESTED_ADDRESS_FAMILY, 2);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_int_eq(rig_permit(&r, "[64:ff9b::c633:6401]:50000"), 403);
    ck_assert_int_eq(rig_permit(&r, "[2002:c633:6401::1]:50000"), 403);
    ck_assert_int_eq(rig_permit(&r, "[2001:db8:7::1]:50000"), 0);
}
END_TEST

START_TEST(a_base_that_is_gone_is_no_longer_its_own)
{
    r.cfg.relay4 = rig_ip("198.51.100.2");
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert(it_addr_eq(rig_relayed(&r), rig_addr("198.51.100.2:50000")));
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:1"), 403);
    rig_input(&r, (it_io){.kind = IT_IO_UNBIND, .flow = 0});
    ck_assert_int_eq(rig_permit(&r, "198.51.100.1:1"), 0);
    ck_assert_int_eq(rig_permit(&r, "198.51.100.2:1"), 403);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/peer");
    TCase *tc = tcase_create("RFC 8656 section 21");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_servers_own_addresses_are_forbidden);
    tcase_add_test(tc, where_relayed_peers_are_allowed_only_living_relayed_addresses_are);
    tcase_add_test(tc, a_list_that_names_the_servers_own_address_allows_what_is_no_loop);
    tcase_add_test(tc, a_list_that_has_the_servers_network_does_not_open_its_host);
    tcase_add_test(tc, a_list_denies_relayed_addresses_of_its_own_too);
    tcase_add_test(tc, other_addresses_of_its_host_are_its_own);
    tcase_add_test(tc, a_relayed_address_is_its_own_when_its_base_is_gone_too);
    tcase_add_test(tc, a_client_in_a_tunnel_or_behind_a_relay_of_it_has_no_allocation);
    tcase_add_test(tc, its_own_address_inside_of_another_is_forbidden_too);
    tcase_add_test(tc, a_base_that_is_gone_is_no_longer_its_own);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
