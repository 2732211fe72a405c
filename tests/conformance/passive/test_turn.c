/* Rules of TURN's messages: each is broken by a message made by hand, which breaks no other. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:3478"

static msg m;

static void allocate(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
    m_u32(&m, IT_PV_TRANSPORT, 17u << 24);
}

static void no_transport(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
}

static void transport_of_sctp(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
    m_u32(&m, IT_PV_TRANSPORT, 132u << 24);
}

static void family_twice(void)
{
    allocate();
    m_u32(&m, IT_PV_FAMILY, 1u << 24);
    m_u32(&m, IT_PV_FAMILY, 2u << 24);
}

static void family_and_token(void)
{
    allocate();
    m_u32(&m, IT_PV_FAMILY, 1u << 24);
    m_u64(&m, IT_PV_TOKEN, 5);
}

static void token_and_even_port(void)
{
    allocate();
    m_u64(&m, IT_PV_TOKEN, 5);
    m_put(&m, IT_PV_EVEN_PORT, "", 1);
}

static void allocated_without_lifetime(void)
{
    m_begin(&m, IT_PV_SUCCESS, IT_PV_ALLOCATE, 1);
    m_addr(&m, IT_PV_RELAYED, at(B));
    m_addr(&m, IT_PV_MAPPED, at(A));
}

static void permission_for_nobody(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_PERMISSION, 1);
}

static void send_nothing(void)
{
    m_begin(&m, IT_PV_INDICATION, IT_PV_SEND, 1);
    m_addr(&m, IT_PV_PEER, at(B));
}

static void send_to_nobody(void)
{
    m_begin(&m, IT_PV_INDICATION, IT_PV_SEND, 1);
    m_text(&m, IT_PV_DATA_ATTR, "data");
}

static void data_of_nothing(void)
{
    m_begin(&m, IT_PV_INDICATION, IT_PV_DATA, 1);
    m_addr(&m, IT_PV_PEER, at(B));
}

static void channel_of_rfc_5766(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_CHANNEL_BIND, 1);
    m_u32(&m, IT_PV_CHANNEL_NUMBER, 0x5000u << 16);
    m_addr(&m, IT_PV_PEER, at(B));
}

static void channel_for_nobody(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_CHANNEL_BIND, 1);
    m_u32(&m, IT_PV_CHANNEL_NUMBER, 0x4000u << 16);
}

static void reserved_bits(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
    m_u32(&m, IT_PV_TRANSPORT, 17u << 24 | 1);
}

static void reserved_bits_of_even_port(void)
{
    allocate();
    m_put(&m, IT_PV_EVEN_PORT, "\x81", 1);
}

static void tcp_asked_for_by_udp(void)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
    m_u32(&m, IT_PV_TRANSPORT, 6u << 24);
}

static const struct {
    enum it_passive_id rule;
    void (*make)(void);
} BROKEN[] = {
    {IT_RULE_TRANSPORT, no_transport},
    {IT_RULE_TRANSPORT, transport_of_sctp},
    {IT_RULE_FAMILY_ONCE, family_twice},
    {IT_RULE_FAMILY_ONCE, family_and_token},
    {IT_RULE_TOKEN, token_and_even_port},
    {IT_RULE_ALLOCATED, allocated_without_lifetime},
    {IT_RULE_SEND, send_nothing},
    {IT_RULE_PERMISSION_PEER, permission_for_nobody},
    {IT_RULE_SEND, send_to_nobody},
    {IT_RULE_DATA, data_of_nothing},
    {IT_RULE_CHANNEL, channel_of_rfc_5766},
    {IT_RULE_CHANNEL_PEER, channel_for_nobody},
    {IT_RULE_RESERVED, reserved_bits},
    {IT_RULE_RESERVED, reserved_bits_of_even_port},
    {IT_RULE_TCP_ALLOCATION, tcp_asked_for_by_udp},
};

START_TEST(a_message_that_breaks_one_rule_is_found_by_that_rule_alone)
{
    kit t;
    kit_open(&t);
    BROKEN[_i].make();
    kit_send(&t, 0, A, B, &m);
    kit_only(&t, BROKEN[_i].rule);
    kit_close(&t);
}
END_TEST

START_TEST(an_allocation_as_it_should_be_breaks_nothing)
{
    kit t;
    uint8_t key[IT_MD5_SIZE];
    kit_open(&t);
    it_md5(key, it_bytes_str("user:realm:secret"), (it_bytes){0}, (it_bytes){0});
    m_begin(&m, IT_PV_REQUEST, IT_PV_ALLOCATE, 1);
    m_u32(&m, IT_PV_TRANSPORT, 17u << 24);
    m_text(&m, IT_PV_USERNAME, "user");
    m_text(&m, IT_PV_REALM, "realm");
    m_text(&m, IT_PV_NONCE, "nonce");
    m_sign_with(&m, it_bytes_of(key, sizeof key));
    kit_send(&t, 0, A, B, &m);
    m_begin(&m, IT_PV_SUCCESS, IT_PV_ALLOCATE, 1);
    m_addr(&m, IT_PV_RELAYED, at(B));
    m_addr(&m, IT_PV_MAPPED, at(A));
    m_u32(&m, IT_PV_LIFETIME, 600);
    m_sign_with(&m, it_bytes_of(key, sizeof key));
    kit_send(&t, IT_MS, B, A, &m);
    kit_none(&t, IT_RULE_ALLOCATED);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_MI_VALUE), 2);
    kit_close(&t);
}
END_TEST

START_TEST(an_allocation_signed_with_another_password_is_found)
{
    kit t;
    kit_open(&t);
    allocate();
    m_text(&m, IT_PV_USERNAME, "user");
    m_text(&m, IT_PV_REALM, "realm");
    m_text(&m, IT_PV_NONCE, "nonce");
    m_sign(&m, "another");
    kit_send(&t, 0, A, B, &m);
    kit_only(&t, IT_RULE_MI_VALUE);
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("rules");
    tcase_add_loop_test(c, a_message_that_breaks_one_rule_is_found_by_that_rule_alone, 0,
                        (int)(sizeof BROKEN / sizeof *BROKEN));
    tcase_add_test(c, an_allocation_as_it_should_be_breaks_nothing);
    tcase_add_test(c, an_allocation_signed_with_another_password_is_found);
    return run_case("passive turn", c);
}
