/* Allocate: every check of RFC 8656 section 7.2, what the answer has, retransmissions, reservations, quotas. */
#include "tests/stack/turn/server/rig.h"

#include <stdlib.h>

static rig r;

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_fini(&r);
}

/* RFC 8656 sections 5, 7.2: check 1. */
START_TEST(an_allocation_needs_credentials)
{
    rig_start(&r);
    rig_login(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 401);
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_NONCE));
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_SOFTWARE));
    /* RFC 8489 section 9.2.4: nobody is known yet whose key it could be signed with. */
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_MESSAGE_INTEGRITY));
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_MESSAGE_INTEGRITY_SHA256));
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

/* RFC 8656 section 7.2: what the success response contains. */
START_TEST(the_answer_has_relayed_and_mapped_address_and_lifetime)
{
    it_addr mapped = {{0, 0}, 0};
    rig_start(&r);
    rig_allocate(&r, "alice");
    ck_assert(it_addr_eq(rig_relayed(&r), rig_addr("198.51.100.1:50000")));
    ck_assert_int_eq(it_stun_get_addr(&r.resp, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    ck_assert(it_addr_eq(mapped, r.client));
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 600);
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_SOFTWARE));
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_MESSAGE_INTEGRITY_SHA256));
    ck_assert(r.lt.proven);
}
END_TEST

/* RFC 8656 section 7.2: at most the maximum, at least the default. */
START_TEST(the_lifetime_is_between_default_and_maximum)
{
    static const struct {
        uint32_t asked, given;
    } ROWS[] = {{0, 600}, {1, 600}, {599, 600}, {600, 600}, {601, 601}, {3600, 3600}, {3601, 3600}, {UINT32_MAX, 3600}};
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_LIFETIME, ROWS[_i].asked);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), ROWS[_i].given);
    rig_until(&r, ROWS[_i].given * IT_SEC - 1);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
    rig_until(&r, ROWS[_i].given * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    ck_assert_uint_eq(r.unbound, 1);
}
END_TEST

/* Section 7.2, check 2. */
START_TEST(a_second_allocation_on_a_5_tuple_is_437)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 437);
    r.client.port++; /* another 5-tuple */
    rig_allocate(&r, "alice");
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 2);
}
END_TEST

/* Section 7.2, the note: the stateless stack approach. */
START_TEST(a_retransmission_gets_the_same_answer)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    it_addr first = rig_relayed(&r);
    size_t n = r.b.len;
    r.now = 10 * IT_SEC;
    ck_assert(rig_again(&r, n));
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
    ck_assert(it_addr_eq(rig_relayed(&r), first));
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 590);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

START_TEST(another_user_with_the_same_transaction_id_is_437)
{
    rig_start(&r);
    rig_allocate(&r, "alice");
    rig_challenge(&r, "bob");
    r.serial = 1; /* as alice's */
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 437);
}
END_TEST

START_TEST(while_its_socket_is_bound_a_request_waits_and_another_is_437)
{
    r.hold = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), -1);
    ck_assert_uint_eq(r.n_asked, 1);
    ck_assert(!rig_again(&r, r.b.len)); /* no second socket, no answer yet */
    ck_assert_uint_eq(r.n_asked, 1);
    ck_assert_int_eq(rig_refresh(&r, -1), 437);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 437);
    r.n_sent = 0;
    rig_bind(&r, &r.asked[0]);
    rig_drain(&r);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[0].io.data), 0);
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
    ck_assert_uint_eq(r.resp.txid[0], 2);
}
END_TEST

START_TEST(a_socket_that_is_refused_is_508)
{
    r.refuse = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 508);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    r.refuse = false;
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
}
END_TEST

/* One row: attributes of an Allocate request, and the code. */
typedef struct row {
    const char *name;
    int transport;                /* -1: none */
    int family, additional, even; /* -1: none */
    bool token, df;               /* a token that is not valid */
    int code;
} row;

static const row ROWS[] = {
    {"plain", 17, -1, -1, -1, false, false, 0},
    {"no transport", -1, -1, -1, -1, false, false, 400},
    {"TCP, RFC 6062", 6, -1, -1, -1, false, false, 442},
    {"another transport", 1, -1, -1, -1, false, false, 442},
    {"DONT-FRAGMENT", 17, -1, -1, -1, false, true, 0},
    {"a token that is not valid", 17, -1, -1, -1, true, false, 508},
    {"token and EVEN-PORT", 17, -1, -1, 0, true, false, 400},
    {"token and family", 17, 1, -1, -1, true, false, 400},
    {"token and additional", 17, -1, 2, -1, true, false, 400},
    {"IPv4", 17, 1, -1, -1, false, false, 0},
    {"IPv6", 17, 2, -1, -1, false, false, 0},
    {"a family that is none", 17, 3, -1, -1, false, false, 440},
    {"both attributes", 17, 1, 2, -1, false, false, 400},
    {"dual", 17, -1, 2, -1, false, false, 0},
    {"additional IPv4", 17, -1, 1, -1, false, false, 400},
    {"dual with a reservation", 17, -1, 2, 0x80, false, false, 400},
    {"dual with even ports", 17, -1, 2, 0, false, false, 0},
    {"even", 17, -1, -1, 0, false, false, 0},
    {"even and reserved", 17, -1, -1, 0x80, false, false, 0},
    {"the first fault counts", 6, -1, -1, 0, true, false, 442},
};

/* RFC 8656 section 7.2, checks 3 to 9. */
START_TEST(each_check_has_its_code)
{
    const row *w = &ROWS[_i];
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_begin(&r, IT_STUN_ALLOCATE);
    if (w->transport >= 0)
        it_stun_put_u32(&r.b, IT_STUN_REQUESTED_TRANSPORT, (uint32_t)w->transport);
    if (w->family >= 0)
        it_stun_put_u32(&r.b, IT_STUN_REQUESTED_ADDRESS_FAMILY, (uint32_t)w->family);
    if (w->additional >= 0)
        it_stun_put_u32(&r.b, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, (uint32_t)w->additional);
    if (w->even >= 0)
        it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, (uint32_t)w->even);
    if (w->token)
        it_stun_put(&r.b, IT_STUN_RESERVATION_TOKEN, it_bytes_of("12345678", 8));
    if (w->df)
        it_stun_put(&r.b, IT_STUN_DONT_FRAGMENT, it_bytes_of(NULL, 0));
    ck_assert_msg(rig_ask(&r) == w->code, "%s", w->name);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), w->code == 0);
}
END_TEST

/* Section 7.2, check 4. */
START_TEST(a_server_that_cannot_set_df_lists_dont_fragment)
{
    uint16_t types[4];
    r.cfg.no_dont_fragment = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put(&r.b, IT_STUN_DONT_FRAGMENT, it_bytes_of(NULL, 0));
    ck_assert_int_eq(rig_ask(&r), 420);
    ck_assert_int_eq(it_stun_get_types(&r.resp, IT_STUN_UNKNOWN_ATTRIBUTES, types, 4), 1);
    ck_assert_uint_eq(types[0], IT_STUN_DONT_FRAGMENT);
}
END_TEST

/* Section 7.2, check 7. */
START_TEST(a_family_that_is_not_offered_is_440)
{
    r.cfg.no_relay4 = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r); /* without the attribute: IPv4 */
    ck_assert_int_eq(rig_ask(&r), 440);
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_REQUESTED_ADDRESS_FAMILY, 2);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert(it_ip_is6(rig_relayed(&r).ip));
}
END_TEST

static void ask_dual(void)
{
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
}

/* Section 7.2, check 9. */
START_TEST(a_dual_allocation_has_two_addresses)
{
    it_addr a;
    int n4 = 0, n6 = 0;
    rig_start(&r);
    ask_dual();
    ck_assert_int_eq(rig_ask(&r), 0);
    for (uint32_t i = 0; i < r.resp.n_attrs; i++)
        if (r.resp.attrs[i].type == IT_STUN_XOR_RELAYED_ADDRESS && it_turn_addr_at(&r.resp, i, &a) == 0) {
            n4 += it_ip_is4(a.ip);
            n6 += it_ip_is6(a.ip);
        }
    ck_assert_int_eq(n4, 1);
    ck_assert_int_eq(n6, 1);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_ADDRESS_ERROR_CODE));
}
END_TEST

START_TEST(half_a_dual_allocation_says_what_is_missing)
{
    uint32_t family = 0;
    int code = 0;
    r.cfg.no_relay6 = true;
    rig_start(&r);
    ask_dual();
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert(it_ip_is4(rig_relayed(&r).ip));
    ck_assert_int_eq(it_turn_get_address_error(&r.resp, &family, &code), 0);
    ck_assert_uint_eq(family, IT_TURN_FAMILY6);
    ck_assert_int_eq(code, 440);
}
END_TEST

START_TEST(half_a_dual_allocation_without_a_socket_is_508_in_part)
{
    uint32_t family = 0;
    int code = 0;
    r.hold = true;
    rig_start(&r);
    ask_dual();
    ck_assert_int_eq(rig_ask(&r), -1);
    ck_assert_uint_eq(r.n_asked, 2);
    r.n_sent = 0;
    r.refuse = true;
    rig_bind(&r, &r.asked[0]);
    r.refuse = false;
    rig_bind(&r, &r.asked[1]);
    rig_drain(&r);
    ck_assert_uint_eq(r.n_sent, 1);
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[0].io.data), 0);
    ck_assert(it_ip_is6(rig_relayed(&r).ip));
    ck_assert_int_eq(it_turn_get_address_error(&r.resp, &family, &code), 0);
    ck_assert_uint_eq(family, IT_TURN_FAMILY4);
    ck_assert_int_eq(code, 508);
}
END_TEST

/* Section 7.2: EVEN-PORT. */
START_TEST(an_even_port_is_even)
{
    r.port = 50001;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, 0);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(rig_relayed(&r).port, 50002);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_RESERVATION_TOKEN));
}
END_TEST

/* Allocates an even port and reserves the next; the token in |token|. */
static void reserve(uint8_t token[8])
{
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, 0x80);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(rig_relayed(&r).port, 50000);
    memcpy(token, it_stun_get(&r.resp, IT_STUN_RESERVATION_TOKEN)->value.p, 8);
}

static int redeem(const uint8_t token[8], const char *user)
{
    r.client.port++;
    rig_challenge(&r, user);
    rig_allocate_begin(&r);
    it_stun_put(&r.b, IT_STUN_RESERVATION_TOKEN, it_bytes_of(token, 8));
    return rig_ask(&r);
}

/* Section 7.2: held for at least 30 seconds, for any 5-tuple, once. */
START_TEST(a_reserved_port_is_had_for_its_token_within_30_s)
{
    uint8_t token[8];
    rig_start(&r);
    reserve(token);
    rig_until(&r, 30 * IT_SEC - 1);
    ck_assert_int_eq(redeem(token, "bob"), 0);
    ck_assert_uint_eq(rig_relayed(&r).port, 50001);
    ck_assert_uint_eq(rig_u32(&r, IT_STUN_LIFETIME), 600);
    ck_assert_int_eq(redeem(token, "alice"), 508);
    rig_until(&r, 600 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

START_TEST(a_reservation_ends_after_30_s)
{
    uint8_t token[8];
    rig_start(&r);
    reserve(token);
    rig_until(&r, 30 * IT_SEC);
    ck_assert_uint_eq(r.unbound, 1);
    ck_assert_int_eq(redeem(token, "alice"), 508);
}
END_TEST

START_TEST(a_retransmission_has_the_token_too)
{
    uint8_t token[8];
    rig_start(&r);
    reserve(token);
    ck_assert(rig_again(&r, r.b.len));
    ck_assert_mem_eq(it_stun_get(&r.resp, IT_STUN_RESERVATION_TOKEN)->value.p, token, 8);
}
END_TEST

START_TEST(a_reservation_outlives_its_allocation)
{
    uint8_t token[8];
    rig_start(&r);
    reserve(token);
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    ck_assert_uint_eq(r.unbound, 1);
    ck_assert_int_eq(redeem(token, "alice"), 0);
}
END_TEST

START_TEST(a_pair_that_is_refused_leaves_nothing)
{
    rig_start(&r);
    r.refuse = true;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, 0x80);
    ck_assert_int_eq(rig_ask(&r), 508);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    ck_assert(it_turn_server_next(r.s) == IT_NEVER);
}
END_TEST

/* Section 7.2, check 10: by user. */
START_TEST(a_user_beyond_its_quota_is_486_and_others_are_not)
{
    r.cfg.limits.user_relays = 2;
    rig_start(&r);
    for (int i = 0; i < 2; i++) {
        r.client.port++;
        rig_allocate(&r, "alice");
    }
    r.client.port++;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 486);
    rig_allocate(&r, "bob");
    r.client.port--; /* the second of alice's ends */
    rig_challenge(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 0), 0);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
}
END_TEST

/* A reservation is counted when it is made. */
START_TEST(a_reservation_that_is_had_counts_once)
{
    uint8_t token[8];
    r.cfg.limits.user_relays = 2;
    rig_start(&r);
    reserve(token);
    ck_assert_int_eq(redeem(token, "alice"), 0);
    r.client.port++;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 486);
}
END_TEST

START_TEST(a_reservation_counts_for_who_has_it)
{
    uint8_t token[8];
    r.cfg.limits.user_relays = 2;
    rig_start(&r);
    for (int i = 0; i < 2; i++, r.client.port++)
        rig_allocate(&r, "bob");
    r.port = 50000;
    reserve(token);
    ck_assert_int_eq(redeem(token, "bob"), 486);
}
END_TEST

/* A server's tokens and tickets must not be guessed from what it has put on the wire before. */
START_TEST(a_token_is_not_the_next_of_what_was_seen)
{
    uint8_t token[8];
    it_rng rng;
    rig_start(&r);
    reserve(token);
    it_rng_init(&rng, 1, "turn"); /* as rig_init */
    for (int i = 0; i < 64; i++)
        ck_assert(it_get64(token) != it_rng_u64(&rng));
}
END_TEST

/* An allocation whose socket is lost while another is awaited. */
START_TEST(what_is_lost_while_it_waits_leaves_nothing)
{
    it_io lost = {.kind = IT_IO_UNBIND};
    r.hold = true;
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, 0x80);
    ck_assert_int_eq(rig_ask(&r), -1);
    lost.flow = r.asked[0].flow;
    rig_input(&r, (it_io){.kind = IT_IO_BOUND, .flow = lost.flow, .local = rig_addr("198.51.100.1:50000")});
    rig_input(&r, lost);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    rig_input(&r, (it_io){.kind = IT_IO_BOUND, .flow = lost.flow + 1, .local = rig_addr("198.51.100.1:50001")});
    rig_drain(&r);
    rig_until(&r, 31 * IT_SEC);
    r.hold = false;
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

/* Where everybody may, whoever has one address does not have all relays. */
START_TEST(a_source_beyond_its_quota_is_486_and_others_are_not)
{
    it_addr alice = r.client;
    r.cfg.limits.source_relays = 2;
    rig_start(&r);
    for (int i = 0; i < 2; i++) {
        r.client.port++;
        rig_allocate(&r, "alice");
    }
    r.client.port++;
    rig_challenge(&r, "bob");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 486);
    r.client = it_addr_of(it_ip4(0xc0000299), alice.port);
    rig_allocate(&r, "bob");
}
END_TEST

START_TEST(reservations_count_for_the_quota)
{
    uint8_t token[8];
    r.cfg.limits.user_relays = 2;
    rig_start(&r);
    reserve(token);
    r.client.port++;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 486);
}
END_TEST

START_TEST(a_server_that_is_full_is_508)
{
    r.cfg.limits.relays = 3;
    rig_start(&r);
    for (int i = 0; i < 3; i++) {
        r.client.port++;
        rig_allocate(&r, i % 2 ? "alice" : "bob");
    }
    r.client.port++;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 508);
}
END_TEST

/* Section 7.2, check 11; RFC 8489 section 10. */
START_TEST(a_redirect_names_the_other_server_from_its_load_on)
{
    it_addr to = {{0, 0}, 0};
    r.cfg.alternate4 = rig_addr("203.0.113.5:3478");
    r.cfg.alternate_from = 1;
    r.cfg.alternate_domain = "other.example";
    rig_start(&r);
    rig_allocate(&r, "alice");
    r.client.port++;
    rig_challenge(&r, "alice");
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 300);
    ck_assert_int_eq(it_stun_get_addr(&r.resp, IT_STUN_ALTERNATE_SERVER, &to), 0);
    ck_assert(it_addr_eq(to, r.cfg.alternate4));
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_ALTERNATE_DOMAIN));
}
END_TEST

/* RFC 8489 section 14.8: what nobody could validate is not sent. */
START_TEST(nobody_unknown_is_redirected)
{
    r.cfg.alternate4 = rig_addr("203.0.113.5:3478");
    r.cfg.auth.realm = NULL;
    rig_start(&r);
    rig_allocate_begin(&r);
    ck_assert_int_eq(rig_ask(&r), 400);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_ALTERNATE_SERVER));
}
END_TEST

/* RFC 8656 section 18: reserved bits are ignored. */
START_TEST(reserved_bits_are_ignored)
{
    static const uint8_t TRANSPORT[4] = {IT_TURN_UDP, 0xff, 0xff, 0xff}, EVEN[1] = {0x7f};
    static const uint8_t FAMILY[4] = {1, 0xff, 0xff, 0xff}, CHANNEL[4] = {0x40, 0x01, 0xff, 0xff};
    rig_start(&r);
    rig_challenge(&r, "alice");
    rig_begin(&r, IT_STUN_ALLOCATE);
    it_stun_put(&r.b, IT_STUN_REQUESTED_TRANSPORT, it_bytes_of(TRANSPORT, 4));
    it_stun_put(&r.b, IT_STUN_REQUESTED_ADDRESS_FAMILY, it_bytes_of(FAMILY, 4));
    it_stun_put(&r.b, IT_STUN_EVEN_PORT, it_bytes_of(EVEN, 1));
    ck_assert_int_eq(rig_ask(&r), 0);
    ck_assert_uint_eq(rig_relayed(&r).port % 2, 0);
    ck_assert_ptr_null(it_stun_get(&r.resp, IT_STUN_RESERVATION_TOKEN)); /* R was not set */
    rig_begin(&r, IT_STUN_CHANNEL_BIND);
    it_stun_put(&r.b, IT_STUN_CHANNEL_NUMBER, it_bytes_of(CHANNEL, 4));
    it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr("203.0.113.7:7777"));
    ck_assert_int_eq(rig_ask(&r), 0);
    rig_channel_data(&r, 0x4001, "x", (it_io_meta){.ttl = 9});
    ck_assert_uint_eq(r.n_sent, 1);
}
END_TEST

START_TEST(without_a_realm_nobody_is_asked_who_he_is)
{
    r.cfg.auth.realm = NULL;
    rig_start(&r);
    rig_allocate_begin(&r);
    it_stun_put_fingerprint(&r.b);
    int n = it_stun_end(&r.b);
    ck_assert(rig_again(&r, (size_t)n));
    ck_assert_int_eq(r.resp.cls, IT_STUN_SUCCESS);
    ck_assert_ptr_nonnull(it_stun_get(&r.resp, IT_STUN_FINGERPRINT));
}
END_TEST

/* Hostile: ten thousand clients get what the limits give, and no more memory. */
START_TEST(ten_thousand_allocations_are_bounded)
{
    int ok = 0, full = 0;
    r.cfg.limits.relays = 1000;
    r.cfg.auth.realm = NULL;
    rig_start(&r);
    for (int i = 0; i < 10000; i++) {
        r.client.port = (uint16_t)(10000 + i);
        rig_allocate_begin(&r);
        int code = rig_ask(&r);
        ok += code == 0;
        full += code == 508;
        r.serial = (uint8_t)i;
    }
    ck_assert_int_eq(ok, 1000);
    ck_assert_int_eq(full, 9000);
    rig_until(&r, 600 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
    ck_assert_uint_eq(r.unbound, 1000);
}
END_TEST

/* An allocator that knows how many bytes are out. */
typedef struct counted {
    it_alloc a;
    size_t bytes, most;
} counted;

static void *counted_resize(it_alloc *self, void *p, size_t size)
{
    counted *c = (counted *)(void *)self;
    size_t *head = p ? (size_t *)p - 2 : NULL, had = head ? *head : 0;
    self->live += (size != 0) - (p != NULL);
    c->bytes += size - had;
    c->most = c->bytes > c->most ? c->bytes : c->most;
    if (size == 0) {
        free(head);
        return NULL;
    }
    size_t *grown = realloc(head, size + 2 * sizeof *head);
    ck_assert_ptr_nonnull(grown);
    *grown = size;
    return grown + 2;
}

START_TEST(a_thousand_allocations_are_well_below_32_mb)
{
    counted c = {.a = {.resize = counted_resize, .countdown = UINT64_MAX}};
    char peer[32];
    r.mem = &c.a;
    r.cfg.auth.realm = NULL;
    rig_start(&r);
    for (int i = 0; i < 1000; i++) {
        r.client.port = (uint16_t)(10000 + i);
        rig_allocate_begin(&r);
        ck_assert_int_eq(rig_ask(&r), 0);
        for (int k = 0; k < 8; k++) {
            snprintf(peer, sizeof peer, "203.0.113.%d:%d", k + 1, 1000 + i);
            ck_assert_int_eq(rig_channel(&r, (uint32_t)(0x4000 + k), peer), 0);
        }
    }
    ck_assert_uint_lt(c.most, 8u << 20);
    rig_fini(&r); /* which looks at the allocator */
    r.s = NULL;
    r.mem = &r.own;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/allocate");
    TCase *tc = tcase_create("RFC 8656 section 7.2");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_allocation_needs_credentials);
    tcase_add_test(tc, the_answer_has_relayed_and_mapped_address_and_lifetime);
    tcase_add_loop_test(tc, the_lifetime_is_between_default_and_maximum, 0, 8);
    tcase_add_test(tc, a_second_allocation_on_a_5_tuple_is_437);
    tcase_add_test(tc, a_retransmission_gets_the_same_answer);
    tcase_add_test(tc, another_user_with_the_same_transaction_id_is_437);
    tcase_add_test(tc, while_its_socket_is_bound_a_request_waits_and_another_is_437);
    tcase_add_test(tc, a_socket_that_is_refused_is_508);
    tcase_add_loop_test(tc, each_check_has_its_code, 0, (int)(sizeof ROWS / sizeof ROWS[0]));
    tcase_add_test(tc, a_server_that_cannot_set_df_lists_dont_fragment);
    tcase_add_test(tc, a_family_that_is_not_offered_is_440);
    tcase_add_test(tc, a_dual_allocation_has_two_addresses);
    tcase_add_test(tc, half_a_dual_allocation_says_what_is_missing);
    tcase_add_test(tc, half_a_dual_allocation_without_a_socket_is_508_in_part);
    tcase_add_test(tc, an_even_port_is_even);
    tcase_add_test(tc, a_reserved_port_is_had_for_its_token_within_30_s);
    tcase_add_test(tc, a_reservation_ends_after_30_s);
    tcase_add_test(tc, a_retransmission_has_the_token_too);
    tcase_add_test(tc, a_reservation_outlives_its_allocation);
    tcase_add_test(tc, a_pair_that_is_refused_leaves_nothing);
    tcase_add_test(tc, a_user_beyond_its_quota_is_486_and_others_are_not);
    tcase_add_test(tc, a_source_beyond_its_quota_is_486_and_others_are_not);
    tcase_add_test(tc, reservations_count_for_the_quota);
    tcase_add_test(tc, a_reservation_that_is_had_counts_once);
    tcase_add_test(tc, a_reservation_counts_for_who_has_it);
    tcase_add_test(tc, a_token_is_not_the_next_of_what_was_seen);
    tcase_add_test(tc, what_is_lost_while_it_waits_leaves_nothing);
    tcase_add_test(tc, a_server_that_is_full_is_508);
    tcase_add_test(tc, a_redirect_names_the_other_server_from_its_load_on);
    tcase_add_test(tc, nobody_unknown_is_redirected);
    tcase_add_test(tc, reserved_bits_are_ignored);
    tcase_add_test(tc, without_a_realm_nobody_is_asked_who_he_is);
    tcase_add_test(tc, ten_thousand_allocations_are_bounded);
    tcase_add_test(tc, a_thousand_allocations_are_well_below_32_mb);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
