/* Rules of checks and keepalives: each is broken by a message made by hand, which breaks no other. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:2000"

static msg m;
static const char *from = A, *to = B;

static void begin(const char *user)
{
    from = A;
    to = B;
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, 1);
    if (user)
        m_text(&m, IT_PV_USERNAME, user);
}

static void unsigned_check(void)
{
    m_check_open(&m, 1);
    m_print(&m);
}

static void both_roles(void)
{
    m_check_open(&m, 1);
    m_u64(&m, IT_PV_CONTROLLED, 7);
    m_check_close(&m);
}

static void no_role(void)
{
    begin("bobb:alic");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 255);
    m_check_close(&m);
}

static void controlled_nominates(void)
{
    begin("bobb:alic");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 255);
    m_u64(&m, IT_PV_CONTROLLED, 7);
    m_put(&m, IT_PV_USE_CANDIDATE, "", 0);
    m_check_close(&m);
}

static void no_priority(void)
{
    begin("bobb:alic");
    m_u64(&m, IT_PV_CONTROLLING, 7);
    m_check_close(&m);
}

static void priority_of_a_host(void)
{
    begin("bobb:alic");
    m_u32(&m, IT_PV_PRIORITY, 126u << 24 | 255);
    m_u64(&m, IT_PV_CONTROLLING, 7);
    m_check_close(&m);
}

static void short_fragment(void)
{
    begin("bobb:ali");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 255);
    m_u64(&m, IT_PV_CONTROLLING, 7);
    m_check_close(&m);
}

static void no_fingerprint(void)
{
    m_check_open(&m, 1);
    m_sign(&m, BOB_PWD);
}

static void priority_of_two_bytes(void)
{
    begin("bobb:alic");
    m_put(&m, IT_PV_PRIORITY, "\x6e", 2);
    m_u64(&m, IT_PV_CONTROLLING, 7);
    m_check_close(&m);
}

static void signed_with_another_password(void)
{
    m_check_open(&m, 1);
    m_sign(&m, ALICE_PWD);
    m_print(&m);
}

static void authenticated_keepalive(void)
{
    m_begin(&m, IT_PV_INDICATION, IT_PV_BINDING, 1);
    m_text(&m, IT_PV_USERNAME, "bobb:alic");
    m_print(&m);
}

static void keepalive_without_fingerprint(void)
{
    m_begin(&m, IT_PV_INDICATION, IT_PV_BINDING, 1);
}

static void out_of_its_link(void)
{
    m_check(&m, 1);
    from = "[fe80::1]:1000";
    to = "[2001:db8::2]:2000";
}

static const struct {
    enum it_passive_id rule;
    void (*make)(void);
} BROKEN[] = {
    {IT_RULE_SHORT_TERM, unsigned_check},
    {IT_RULE_ONE_ROLE, both_roles},
    {IT_RULE_ONE_ROLE, no_role},
    {IT_RULE_NOMINATOR, controlled_nominates},
    {IT_RULE_PRIORITY, no_priority},
    {IT_RULE_TYPE_PREFERENCE, priority_of_a_host},
    {IT_RULE_CHECK_USERNAME, short_fragment},
    {IT_RULE_CHECK_FINGERPRINT, no_fingerprint},
    {IT_RULE_ICE_SHAPES, priority_of_two_bytes},
    {IT_RULE_MI_VALUE, signed_with_another_password},
    {IT_RULE_KEEPALIVE, authenticated_keepalive},
    {IT_RULE_KEEPALIVE_CRC, keepalive_without_fingerprint},
    {IT_RULE_FAMILY, out_of_its_link},
};

START_TEST(a_message_that_breaks_one_rule_is_found_by_that_rule_alone)
{
    kit t;
    size_t n;
    kit_open(&t);
    from = A;
    to = B;
    BROKEN[_i].make();
    kit_send(&t, 0, from, to, &m);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    const it_passive_finding *f = it_passive_findings(t.judge, &n);
    for (size_t i = 0; i < n; i++) /* one nominating check alone leaves open whether it was the first */
        ck_assert_msg(f[i].rule == BROKEN[_i].rule || f[i].inconclusive, "%s", kit_all(&t));
    ck_assert_msg(kit_finding(&t, BROKEN[_i].rule) != NULL, "%s", kit_all(&t));
    kit_close(&t);
}
END_TEST

START_TEST(a_check_as_it_should_be_breaks_nothing)
{
    kit t;
    kit_open(&t);
    m_check(&m, 1);
    kit_send(&t, 0, A, B, &m);
    m_answer(&m, 1, at(A));
    kit_send(&t, IT_MS, B, A, &m);
    kit_none(&t, IT_RULE_SHORT_TERM);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_MI_VALUE), 2);
    kit_close(&t);
}
END_TEST

START_TEST(a_request_to_a_stun_server_is_no_check)
{
    kit t;
    kit_open(&t);
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, 1);
    kit_send(&t, 0, A, B, &m);
    kit_none(&t, IT_RULE_LENGTH);
    ck_assert_uint_eq(it_passive_looked(t.judge, IT_RULE_ONE_ROLE), 0);
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("rules");
    tcase_add_loop_test(c, a_message_that_breaks_one_rule_is_found_by_that_rule_alone, 0,
                        (int)(sizeof BROKEN / sizeof *BROKEN));
    tcase_add_test(c, a_check_as_it_should_be_breaks_nothing);
    tcase_add_test(c, a_request_to_a_stun_server_is_no_check);
    return run_case("passive ice", c);
}
