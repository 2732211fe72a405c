/* What RFC 8445 says of one check, or of one keepalive. */
#include "conformance/passive/impl.h"

#include <stdio.h>

static bool is_keepalive(const it_pv_msg *m)
{
    return m->method == IT_PV_BINDING && m->cls == IT_PV_INDICATION;
}

static bool nominates(const it_pv_msg *m)
{
    return it_pv_is_check(m) && it_pv_has(m, IT_PV_USE_CANDIDATE);
}

static bool has_priority(const it_pv_msg *m)
{
    const it_pv_attr *a = it_pv_get(m, IT_PV_PRIORITY);
    return it_pv_is_check(m) && a && a->value.n == 4;
}

/* RFC 8445 section 7.1.3. */
static bool role_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    bool a = it_pv_has(m, IT_PV_CONTROLLING), b = it_pv_has(m, IT_PV_CONTROLLED);
    snprintf(why, IT_PV_WHY, a ? "it has both" : "it has neither");
    return a != b;
}

/* Section 7.1.2. */
static bool nominator_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "USE-CANDIDATE with ICE-CONTROLLED");
    return !it_pv_has(m, IT_PV_CONTROLLED);
}

/* Section 7.1.1. */
static bool priority_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "there is no PRIORITY");
    return it_pv_has(m, IT_PV_PRIORITY);
}

/* Sections 5.1.2.1, 5.1.2.2: lower than that of host candidates, 126 where the recommendation is kept. */
static bool type_preference_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    unsigned type = it_pv_get(m, IT_PV_PRIORITY)->value.p[0];
    snprintf(why, IT_PV_WHY, "its type preference is %u", type);
    return type < 126;
}

/* Sections 5.3, 7.2.2: at least 24 bits of randomness, 4 characters. */
static bool username_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    const it_pv_attr *a = it_pv_get(m, IT_PV_USERNAME);
    const uint8_t *colon = a && a->value.n ? memchr(a->value.p, ':', a->value.n) : NULL;
    if (!colon) {
        snprintf(why, IT_PV_WHY, a ? "there is no colon in USERNAME" : "there is no USERNAME");
        return false;
    }
    size_t first = (size_t)(colon - a->value.p), second = a->value.n - first - 1;
    snprintf(why, IT_PV_WHY, "fragments of %zu and %zu characters", first, second);
    return first >= 4 && second >= 4;
}

/* RFC 8489 section 9.1.2. */
static bool authenticated(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    bool user = it_pv_has(m, IT_PV_USERNAME), mi = it_pv_has(m, IT_PV_MI) || it_pv_has(m, IT_PV_MI256);
    snprintf(why, IT_PV_WHY, "it lacks%s%s", user ? "" : " USERNAME", mi ? "" : " MESSAGE-INTEGRITY");
    return user && mi;
}

/* RFC 8445 section 7.2.4. */
static bool has_fingerprint(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "there is no FINGERPRINT");
    return it_pv_has(m, IT_PV_FINGERPRINT);
}

/* Section 16.1. */
static bool shapes_hold(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    static const struct {
        uint16_t type;
        size_t n;
    } SHAPES[] = {{IT_PV_PRIORITY, 4}, {IT_PV_USE_CANDIDATE, 0}, {IT_PV_CONTROLLED, 8}, {IT_PV_CONTROLLING, 8}};
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const it_pv_attr *a = it_pv_get(m, SHAPES[i].type);
        if (a && a->value.n != SHAPES[i].n) {
            snprintf(why, IT_PV_WHY, "attribute 0x%04x has %zu bytes", a->type, a->value.n);
            return false;
        }
    }
    return true;
}

/* Section 11. */
static bool keepalive_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "it has USERNAME or MESSAGE-INTEGRITY");
    return !it_pv_has(m, IT_PV_USERNAME) && !it_pv_has(m, IT_PV_MI) && !it_pv_has(m, IT_PV_MI256);
}

/* Section 6.1.2.2. */
static bool scope_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)m;
    if (!it_ip_is6(k->src.ip))
        return true;
    char from[IT_IP_TEXT], to[IT_IP_TEXT];
    snprintf(why, IT_PV_WHY, "from %s to %s", it_ip_text(k->src.ip, from), it_ip_text(k->dst.ip, to));
    return it_ip_link_local(k->src.ip) == it_ip_link_local(k->dst.ip);
}

static const it_pv_look ICE[] = {
    {IT_RULE_SHORT_TERM, it_pv_is_check, authenticated},
    {IT_RULE_ONE_ROLE, it_pv_is_check, role_holds},
    {IT_RULE_NOMINATOR, nominates, nominator_holds},
    {IT_RULE_PRIORITY, it_pv_is_check, priority_holds},
    {IT_RULE_TYPE_PREFERENCE, has_priority, type_preference_holds},
    {IT_RULE_CHECK_USERNAME, it_pv_is_check, username_holds},
    {IT_RULE_CHECK_FINGERPRINT, it_pv_is_check, has_fingerprint},
    {IT_RULE_ICE_SHAPES, it_pv_is_check, shapes_hold},
    {IT_RULE_FAMILY, it_pv_is_check, scope_holds},
    {IT_RULE_KEEPALIVE, is_keepalive, keepalive_holds},
    {IT_RULE_KEEPALIVE_CRC, is_keepalive, has_fingerprint},
};

void it_pv_ask_ice(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    it_pv_ask(p, ICE, sizeof ICE / sizeof *ICE, k, m);
}
