/* Which peers the server's clients may have: the policy, and the server's own addresses (RFC 8656 sections 10.2, 21).
 */
#include "stack/turn/server/impl.h"

it_ip it_turn_relay_ip(const it_turn_server *s, int six, const it_turn_leg *leg)
{
    it_ip ip = six ? s->cfg.relay6 : s->cfg.relay4;
    if (six ? s->cfg.no_relay6 : s->cfg.no_relay4)
        return (it_ip){0, 0};
    if (!it_ip_none(ip))
        return ip;
    if (!it_ip_none(leg->local.ip) && it_ip_is6(leg->local.ip) == six)
        return leg->local.ip;
    for (size_t i = 0; i < s->n_bases; i++)
        if (it_ip_is6(s->bases[i].addr.ip) == six)
            return s->bases[i].addr.ip;
    return (it_ip){0, 0};
}

/* True for an address of this server's host, as far as it knows. */
static bool own_ip(const it_turn_server *s, it_ip ip)
{
    if (it_ip_none(ip))
        return false;
    if (it_ip_eq(ip, s->cfg.relay4) || it_ip_eq(ip, s->cfg.relay6))
        return true;
    for (size_t i = 0; i < s->n_bases; i++)
        if (it_ip_eq(ip, s->bases[i].addr.ip))
            return true;
    for (size_t i = 0; i < s->cfg.n_own; i++)
        if (it_prefix_has(s->cfg.own[i], ip))
            return true;
    return false;
}

/* True where clients of this server are served. */
static bool own_service(const it_turn_server *s, it_addr a)
{
    for (size_t i = 0; i < s->n_bases; i++)
        if (it_addr_eq(a, s->bases[i].addr))
            return true;
    return false;
}

bool it_turn_peer_ip_allowed(const it_turn_server *s, it_ip ip)
{
    const it_turn_policy *p = &s->cfg.policy;
    bool own = own_ip(s, ip);
    if (it_turn_policy_tunnel(ip))
        return false;
    if (!own && !own_ip(s, it_turn_policy_inner(p, ip)))
        return it_turn_policy_ip(p, ip) == IT_TURN_PEER_ALLOWED;
    /* RFC 8656 section 21.1.7: no loops through this server, no way to what else its host serves, unless the list names
     * that very address. Its own relayed addresses are as public as it is, unless the list denies them. */
    if (it_turn_policy_named(p, ip))
        return true;
    return own && s->cfg.relayed_peers && it_turn_policy_ip(p, ip) != IT_TURN_PEER_DENIED;
}

bool it_turn_peer_allowed(const it_turn_server *s, it_addr peer, bool tcp)
{
    const it_turn_policy *p = &s->cfg.policy;
    if (peer.port == 0 || !it_turn_peer_ip_allowed(s, peer.ip))
        return false;
    if (it_turn_table_by_addr(&s->t, peer, tcp) != IT_TURN_NONE)
        return s->cfg.relayed_peers;
    if (own_service(s, peer)) /* section 21.1.7: a relayed address is no client of the same server */
        return false;
    if (own_ip(s, peer.ip) || own_ip(s, it_turn_policy_inner(p, peer.ip)))
        return it_turn_policy_named(p, peer.ip);
    return true;
}

bool it_turn_client_allowed(const it_turn_server *s, it_addr client, bool tcp)
{
    /* Sections 21.1.7, 21.4. */
    return !it_turn_policy_tunnel(client.ip) && it_turn_table_by_addr(&s->t, client, tcp) == IT_TURN_NONE;
}

uint32_t it_turn_relay_for(const it_turn_server *s, uint32_t i, it_ip ip)
{
    return it_turn_allocation_at(&s->t, i)->relay[it_ip_is6(ip)];
}
