/* stack/rtmfp/profile/keying.c: keying components and derived keys, RFC 7425 sections 4.5, 4.6. */
#include "stack/rtmfp/profile/keying.h"
#include "stack/crypto/ossl.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[1024], more[1024];
static it_rtmfp_component comp;
static it_rng rng;

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_rng_init(&rng, 1, "keying");
}

START_TEST(keys_are_those_of_the_known_answer)
{
    uint8_t s[256];
    it_rtmfp_agreed a = {.secrets = {.mac_tx_size = 0}};
    it_bytes secret = kit_hex(s, KIT_S), skic = kit_hex(room, KIT_SKIC), skrc = kit_hex(more, KIT_SKRC);
    it_rtmfp_derive(secret, skic, skrc, &a);
    kit_expect(it_bytes_of(a.near_nonce, 32), "ff897e17ee1858c55356029b04e64e776b50dfc4230260138e54845323583f8c");
    kit_expect(it_bytes_of(a.far_nonce, 32), "cc8f2f28540118fc4242f3bb6192a2d24fc15c6ec72db1a49e130d844251e88e");
    kit_expect(it_bytes_of(a.secrets.encrypt, 16), "132e2ee066f084b2544a5f3d04880fc7");
    kit_expect(it_bytes_of(a.secrets.decrypt, 16), "4942ab6609541ff3973a436ecb5edbf6");
    kit_expect(it_bytes_of(a.secrets.mac_tx, 32), "31d8c82923d7c08a4a0d8c4bbe949204d3e95a6e70f1142d99a755eb851146a2");
    kit_expect(it_bytes_of(a.secrets.mac_rx, 32), "2f3e81e4b79ac6b25678bdc174b2e1553aab99231551ae4a6e60f7c965df3ac1");
}
END_TEST

START_TEST(components_are_read)
{
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, KIT_SKIC)), 0);
    ck_assert(comp.has_select && !comp.has_public && comp.group == IT_RTMFP_GROUP_2);
    ck_assert(comp.mac_flags == 7 && comp.mac_size == 16 && comp.seq_flags == 7);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, KIT_SKRC)), 0);
    ck_assert(comp.has_public && !comp.has_select);
    kit_expect(comp.pub, KIT_PR);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "021d02 0277ff 00")), 0);
    ck_assert(comp.mac_flags == 0 && comp.seq_flags == 0); /* absent: no flags */
}
END_TEST

/* RFC 7425 sections 4.5.2.1, 4.5.2.3, 4.5.2.4. */
START_TEST(a_malformed_component_is_refused)
{
    static const char *const BAD[] = {"021d02 021d02", "021d02 030d02aa", "011d", "011a", "021a07",  "031a0703",
                                      "031a0721",      "031a0200",        "011e", "0411", "031a0003"};
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, BAD[_i])), IT_ERR_PARSE);
}
END_TEST

START_TEST(a_mac_has_4_to_32_bytes_and_none_where_none_is_sent)
{
    static const char *const GOOD[] = {"031a0704", "031a0720", "031a0000", "031a0100"};
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, GOOD[_i])), 0);
}
END_TEST

/* Both ends of a handshake. */
typedef struct ends {
    it_rtmfp_identity id[2];
    it_rtmfp_near near[2];
    it_rtmfp_component got[2]; /* what each got of the other */
    it_rtmfp_agreed agreed[2];
} ends;

static ends e;

static void ends_make(bool static_i, unsigned groups_i, bool static_r, unsigned groups_r)
{
    memset(&e, 0, sizeof e);
    it_rtmfp_identity_cfg c[2] = {{.is_static = static_i, .groups = groups_i},
                                  {.is_static = static_r, .groups = groups_r}};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_rtmfp_identity_make(&e.id[i], &c[i], &rng, 0), 0);
        e.near[i].id = &e.id[i];
    }
}

/* Runs it; returns the first error. */
static int ends_meet(void)
{
    int err = it_rtmfp_near_initiate(&e.near[0], &e.id[1].cert, &rng, 0);
    if (err)
        return err;
    ck_assert_int_eq(it_rtmfp_component_read(&e.got[1], it_bytes_of(e.near[0].raw, e.near[0].n)), 0);
    err = it_rtmfp_near_respond(&e.near[1], &e.id[0].cert, &e.got[1], &rng, 0);
    if (err)
        return err;
    ck_assert_int_eq(it_rtmfp_component_read(&e.got[0], it_bytes_of(e.near[1].raw, e.near[1].n)), 0);
    err = it_rtmfp_agree(&e.near[1], false, &e.id[0].cert, &e.got[1], &e.agreed[1]);
    if (err)
        return err;
    return it_rtmfp_agree(&e.near[0], true, &e.id[1].cert, &e.got[0], &e.agreed[0]);
}

static void ends_agree(void)
{
    const it_rtmfp_secrets *a = &e.agreed[0].secrets, *b = &e.agreed[1].secrets;
    ck_assert_mem_eq(a->encrypt, b->decrypt, 16);
    ck_assert_mem_eq(a->decrypt, b->encrypt, 16);
    ck_assert_mem_eq(a->mac_tx, b->mac_rx, 32);
    ck_assert_mem_eq(a->mac_rx, b->mac_tx, 32);
    ck_assert(memcmp(a->encrypt, a->decrypt, 16) != 0);
    ck_assert(a->mac_tx_size == b->mac_rx_size && a->mac_rx_size == b->mac_tx_size);
    ck_assert(a->seq_tx == b->seq_rx && a->seq_rx == b->seq_tx);
    ck_assert_mem_eq(e.agreed[0].near_nonce, e.agreed[1].far_nonce, 32);
}

/* RFC 7425 section 4.6.1: four ways, three groups. */
START_TEST(every_mode_of_certificates_agrees_in_every_group)
{
    unsigned g = 1u << _i / 4;
    ends_make(_i & 1, g, _i & 2, g);
    ck_assert_int_eq(ends_meet(), 0);
    ck_assert_uint_eq(e.near[0].group, g);
    ends_agree();
}
END_TEST

START_TEST(the_strongest_common_group_is_taken_and_there_must_be_one)
{
    ends_make(true, IT_RTMFP_GROUP_2 | IT_RTMFP_GROUP_5, false, IT_RTMFP_GROUP_ALL);
    ck_assert_int_eq(ends_meet(), 0);
    ck_assert_uint_eq(e.near[1].group, IT_RTMFP_GROUP_5);
    ends_agree();
    ends_make(true, IT_RTMFP_GROUP_2, false, IT_RTMFP_GROUP_14);
    ck_assert_int_eq(ends_meet(), IT_ERR_UNSUPPORTED);
}
END_TEST

/* RFC 7425 sections 4.5.2.4, 4.5.2.5, 4.6.4, 4.6.6: who sends what, over all nine pairs of wishes. */
START_TEST(integrity_is_what_both_wish)
{
    enum it_rtmfp_wish w[2] = {(enum it_rtmfp_wish)(_i % 3), (enum it_rtmfp_wish)(_i / 3)};
    ends_make(true, 1, false, 1);
    for (int i = 0; i < 2; i++)
        e.near[i].policy = (it_rtmfp_policy){.mac = w[i], .seq = w[i], .mac_size = (uint8_t)(8 + 8 * i)};
    bool asked = w[0] == IT_RTMFP_REQUIRE || w[1] == IT_RTMFP_REQUIRE;
    bool refused = w[0] == IT_RTMFP_REFUSE || w[1] == IT_RTMFP_REFUSE;
    ck_assert_int_eq(ends_meet(), asked && refused ? IT_ERR_PERM : 0);
    if (asked && refused)
        return;
    ends_agree();
    const it_rtmfp_secrets *s = &e.agreed[0].secrets;
    ck_assert_uint_eq(s->mac_tx_size, asked ? 8 : 0);
    ck_assert_uint_eq(s->mac_rx_size, asked ? 16 : 0);
    ck_assert(s->seq_tx == asked && s->seq_rx == asked);
}
END_TEST

START_TEST(two_sessions_of_static_ends_have_different_keys)
{
    uint8_t first[16];
    ends_make(true, 1, true, 1);
    ck_assert_int_eq(ends_meet(), 0);
    memcpy(first, e.agreed[0].secrets.encrypt, 16);
    ck_assert_int_eq(ends_meet(), 0);
    ck_assert(memcmp(first, e.agreed[0].secrets.encrypt, 16) != 0);
}
END_TEST

/* RFC 7425 section 4.6.1: a component says what its certificate does not. */
START_TEST(a_component_that_does_not_fit_its_certificate_is_refused)
{
    ends_make(true, 1, false, 1); /* a static initiator that sends a key, or nothing */
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "81020d02" KIT_PI)), 0);
    ck_assert_int_eq(it_rtmfp_near_respond(&e.near[1], &e.id[0].cert, &comp, &rng, 0), IT_ERR_PARSE);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "021e00")), 0);
    ck_assert_int_eq(it_rtmfp_near_respond(&e.near[1], &e.id[0].cert, &comp, &rng, 0), IT_ERR_UNSUPPORTED);
    ends_make(false, 1, false, 1); /* an ephemeral one that selects */
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "021d02")), 0);
    ck_assert_int_eq(it_rtmfp_near_respond(&e.near[1], &e.id[0].cert, &comp, &rng, 0), IT_ERR_PARSE);
    ck_assert_int_eq(it_rtmfp_near_initiate(&e.near[0], &e.id[1].cert, &rng, 0), 0);
    ck_assert_int_eq(it_rtmfp_agree(&e.near[0], true, &e.id[1].cert, &comp, &e.agreed[0]), IT_ERR_PARSE);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "030d0512")), 0); /* another group than asked for */
    ck_assert_int_eq(it_rtmfp_agree(&e.near[0], true, &e.id[1].cert, &comp, &e.agreed[0]), IT_ERR_PARSE);
    ends_make(true, 1, true, 1); /* a static responder with a key */
    ck_assert_int_eq(it_rtmfp_near_initiate(&e.near[0], &e.id[1].cert, &rng, 0), 0);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "81020d02" KIT_PI)), 0);
    ck_assert_int_eq(it_rtmfp_agree(&e.near[0], true, &e.id[1].cert, &comp, &e.agreed[0]), IT_ERR_PARSE);
}
END_TEST

START_TEST(a_key_that_must_not_be_used_makes_no_session)
{
    ends_make(false, 1, false, 1);
    ck_assert_int_eq(it_rtmfp_near_initiate(&e.near[0], &e.id[1].cert, &rng, 0), 0);
    ck_assert_int_eq(it_rtmfp_component_read(&comp, kit_hex(room, "030d0201")), 0);
    ck_assert_int_eq(it_rtmfp_agree(&e.near[0], true, &e.id[1].cert, &comp, &e.agreed[0]), IT_ERR_RANGE);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, keys_are_those_of_the_known_answer);
    tcase_add_test(t, components_are_read);
    tcase_add_loop_test(t, a_malformed_component_is_refused, 0, 11);
    tcase_add_loop_test(t, a_mac_has_4_to_32_bytes_and_none_where_none_is_sent, 0, 4);
    tcase_add_loop_test(t, every_mode_of_certificates_agrees_in_every_group, 0, 12);
    tcase_add_test(t, the_strongest_common_group_is_taken_and_there_must_be_one);
    tcase_add_loop_test(t, integrity_is_what_both_wish, 0, 9);
    tcase_add_test(t, two_sessions_of_static_ends_have_different_keys);
    tcase_add_test(t, a_component_that_does_not_fit_its_certificate_is_refused);
    tcase_add_test(t, a_key_that_must_not_be_used_makes_no_session);
}

int main(void)
{
    return kit_main("rtmfp/profile/keying", add);
}
