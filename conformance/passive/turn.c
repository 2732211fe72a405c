/* What RFC 8656 and RFC 6062 say of one message. */
#include "conformance/passive/impl.h"

#include <stdio.h>

#define UDP 17
#define TCP 6

static bool is(const it_pv_msg *m, uint16_t method, enum it_pv_class cls)
{
    return m->method == method && m->cls == cls;
}

static bool asks_allocation(const it_pv_msg *m)
{
    return is(m, IT_PV_ALLOCATE, IT_PV_REQUEST);
}

static bool has_family(const it_pv_msg *m)
{
    return m->cls == IT_PV_REQUEST && it_pv_has(m, IT_PV_FAMILY);
}

static bool has_token(const it_pv_msg *m)
{
    return asks_allocation(m) && it_pv_has(m, IT_PV_TOKEN);
}

static bool is_allocated(const it_pv_msg *m)
{
    return is(m, IT_PV_ALLOCATE, IT_PV_SUCCESS);
}

static bool asks_permission(const it_pv_msg *m)
{
    return is(m, IT_PV_PERMISSION, IT_PV_REQUEST);
}

static bool is_send(const it_pv_msg *m)
{
    return is(m, IT_PV_SEND, IT_PV_INDICATION);
}

static bool is_data(const it_pv_msg *m)
{
    return is(m, IT_PV_DATA, IT_PV_INDICATION);
}

static bool binds_channel(const it_pv_msg *m)
{
    return is(m, IT_PV_CHANNEL_BIND, IT_PV_REQUEST);
}

static bool names_channel(const it_pv_msg *m)
{
    return binds_channel(m) && it_pv_has(m, IT_PV_CHANNEL_NUMBER);
}

/* The transport that an Allocate request asks for, 0 when it says none. */
static unsigned transport_of(const it_pv_msg *m)
{
    const it_pv_attr *a = it_pv_get(m, IT_PV_TRANSPORT);
    return a && a->value.n == 4 ? a->value.p[0] : 0;
}

static bool asks_for_tcp(const it_pv_msg *m)
{
    return asks_allocation(m) && transport_of(m) == TCP;
}

/* RFC 8656 section 7.1; 6 is RFC 6062's. */
static bool transport_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    unsigned t = transport_of(m);
    snprintf(why, IT_PV_WHY, t ? "protocol %u" : "there is no REQUESTED-TRANSPORT", t);
    return t == UDP || t == TCP;
}

static bool family_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    size_t n = it_pv_count(m, IT_PV_FAMILY);
    bool token = it_pv_has(m, IT_PV_TOKEN), other = it_pv_has(m, IT_PV_OTHER_FAMILY);
    snprintf(why, IT_PV_WHY, "%zu of it%s%s", n, token ? ", with RESERVATION-TOKEN" : "",
             other ? ", with ADDITIONAL-ADDRESS-FAMILY" : "");
    return n == 1 && !token && !other;
}

static bool token_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "it has EVEN-PORT, too");
    return !it_pv_has(m, IT_PV_EVEN_PORT);
}

/* Section 7.3. */
static bool allocated_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    bool relayed = it_pv_has(m, IT_PV_RELAYED), mapped = it_pv_has(m, IT_PV_MAPPED);
    bool lifetime = it_pv_has(m, IT_PV_LIFETIME);
    snprintf(why, IT_PV_WHY, "it lacks%s%s%s", relayed ? "" : " XOR-RELAYED-ADDRESS",
             mapped ? "" : " XOR-MAPPED-ADDRESS", lifetime ? "" : " LIFETIME");
    return relayed && mapped && lifetime;
}

static bool has_peer(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    it_addr a;
    snprintf(why, IT_PV_WHY, "there is no XOR-PEER-ADDRESS");
    return it_pv_addr(m, IT_PV_PEER, &a);
}

static bool send_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    if (!has_peer(k, m, why))
        return false;
    snprintf(why, IT_PV_WHY, "there is no DATA");
    return it_pv_has(m, IT_PV_DATA_ATTR);
}

/* Sections 11.4, 11.5. */
static bool data_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    if (!has_peer(k, m, why))
        return false;
    bool data = it_pv_has(m, IT_PV_DATA_ATTR), icmp = it_pv_has(m, IT_PV_ICMP);
    snprintf(why, IT_PV_WHY, data ? "it has DATA and ICMP" : "it has neither DATA nor ICMP");
    return data != icmp;
}

/* Section 12; RFC 5766 section 11 had 0x4000 to 0x7FFF. */
static bool channel_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    const it_pv_attr *a = it_pv_get(m, IT_PV_CHANNEL_NUMBER);
    unsigned no = a->value.n >= 2 ? it_get16(a->value.p) : 0;
    snprintf(why, IT_PV_WHY, "channel 0x%04x", no);
    return no >= 0x4000 && no <= 0x4fff;
}

static bool channel_peer_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    if (!has_peer(k, m, why))
        return false;
    snprintf(why, IT_PV_WHY, "there is no CHANNEL-NUMBER");
    return it_pv_has(m, IT_PV_CHANNEL_NUMBER);
}

/* Section 18: "RFFU" of each attribute: from which byte on, and which bits of that byte before it. */
static bool reserved_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    static const struct {
        uint16_t type;
        uint8_t size, from, bits;
    } RFFU[] = {{IT_PV_TRANSPORT, 4, 1, 0},
                {IT_PV_CHANNEL_NUMBER, 4, 2, 0},
                {IT_PV_FAMILY, 4, 1, 0},
                {IT_PV_OTHER_FAMILY, 4, 1, 0},
                {IT_PV_EVEN_PORT, 1, 1, 0x7f}};
    for (size_t i = 0; i < sizeof RFFU / sizeof *RFFU; i++) {
        const it_pv_attr *a = it_pv_get(m, RFFU[i].type);
        uint8_t set = 0;
        if (!a || a->value.n != RFFU[i].size)
            continue;
        set = a->value.p[RFFU[i].from - 1] & RFFU[i].bits;
        for (size_t b = RFFU[i].from; b < a->value.n; b++)
            set |= a->value.p[b];
        if (set != 0) {
            snprintf(why, IT_PV_WHY, "attribute 0x%04x has 0x%02x there", a->type, set);
            return false;
        }
    }
    return true;
}

/* RFC 6062 section 4.1. */
static bool tcp_allocation_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    static const uint16_t NOT[] = {IT_PV_DONT_FRAGMENT, IT_PV_TOKEN, IT_PV_EVEN_PORT};
    snprintf(why, IT_PV_WHY, "it is asked for by UDP");
    if (!k->tcp)
        return false;
    for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++)
        if (it_pv_has(m, NOT[i])) {
            snprintf(why, IT_PV_WHY, "it has attribute 0x%04x", NOT[i]);
            return false;
        }
    return true;
}

static const it_pv_look TURN[] = {
    {IT_RULE_TRANSPORT, asks_allocation, transport_holds},
    {IT_RULE_FAMILY_ONCE, has_family, family_holds},
    {IT_RULE_TOKEN, has_token, token_holds},
    {IT_RULE_ALLOCATED, is_allocated, allocated_holds},
    {IT_RULE_PERMISSION_PEER, asks_permission, has_peer},
    {IT_RULE_SEND, is_send, send_holds},
    {IT_RULE_DATA, is_data, data_holds},
    {IT_RULE_CHANNEL, names_channel, channel_holds},
    {IT_RULE_CHANNEL_PEER, binds_channel, channel_peer_holds},
    {IT_RULE_TCP_ALLOCATION, asks_for_tcp, tcp_allocation_holds},
};
static const it_pv_look RESERVED[] = {{IT_RULE_RESERVED, NULL, reserved_holds}};

void it_pv_ask_turn(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    if (m->method == IT_PV_BINDING)
        return;
    it_pv_ask(p, TURN, sizeof TURN / sizeof *TURN, k, m);
    it_pv_ask(p, RESERVED, 1, k, m);
}
