/* The firewall's own host: what is addressed to it, and what a portal or an interceptor catches of others' traffic.
 *
 *     client:5000 -> 198.51.100.1:80   becomes   client:5000 -> own:80       and the answers back
 *
 * A steered packet keeps its ports; the address it was sent to is remembered by (protocol, client, port), so one client
 * port can be caught towards one server at a time; the latest counts. */
#include "netsim/fw/impl.h"

enum { PORT_DNS = 53, PORT_HTTP = 80, PORT_HTTPS = 443 };
#define STEERS_MAX 1024 /* caught at once; then the oldest is forgotten */

int it_fw_own(it_fw *fw, it_ip ip)
{
    it_ip *own = it_ip_is4(ip) ? &fw->own4 : &fw->own6;
    if (!it_ip_none(*own))
        return IT_ERR_EXISTS;
    int port = fw->node.n_ports > IT_FW_OWN ? 0 : it_node_add_port(&fw->node, "own");
    if (port < 0)
        return port;
    *own = ip;
    return 0;
}

int it_fw_login(it_fw *fw, it_ip client)
{
    uint64_t key[2] = {client.hi, client.lo};
    return it_map_put(&fw->logins, key, 1);
}

bool it_fwc_logged_in(const it_fw *fw, it_time now, int port, const it_pkt *p)
{
    it_ip inside = port == IT_FW_IN ? p->src : p->dst;
    return now >= fw->p.until_login || it_map_get2(&fw->logins, inside.hi, inside.lo) != IT_MAP_NONE;
}

static it_fwc_steer *own_find(const it_fw *fw, uint8_t proto, it_addr client, uint16_t port)
{
    for (size_t i = 0; i < fw->n_steers; i++) {
        it_fwc_steer *s = &fw->steers[i];
        if (s->proto == proto && s->port == port && it_addr_eq(s->client, client))
            return s;
    }
    return NULL;
}

bool it_fw_original(const it_fw *fw, uint8_t proto, it_addr client, uint16_t port, it_addr *to)
{
    const it_fwc_steer *s = own_find(fw, proto, client, port);
    if (s)
        *to = s->to;
    return s != NULL;
}

/* Whether the policy catches the first segments of connections to |port|; |before|: the login. */
static bool own_catches_port(const it_fw_profile *p, bool before, uint16_t port)
{
    if (port == PORT_HTTPS)
        return p->tls_mitm || (before && p->portal_tls != IT_FW_PORTAL_DROPS);
    return port == PORT_HTTP && (before || p->ws_strip);
}

/* Whether |p| goes on with a connection that the own host has begun, which it then also ends. */
static bool own_has_begun(const it_fw *fw, const it_pkt *p)
{
    const it_fwc_steer *s = own_find(fw, IT_PROTO_TCP, it_addr_of(p->src, p->sport), p->dport);
    return s && it_ip_eq(s->to.ip, p->dst) && !it_tcpt_is_syn(p);
}

/* The own host's address of family |ver|. */
static it_ip own_address(const it_fw *fw, uint8_t ver)
{
    return ver == 4 ? fw->own4 : fw->own6;
}

/* Whether the policy catches |p| from inside. */
static bool own_catches(const it_fw *fw, it_time now, const it_pkt *p)
{
    bool ours = !fw->only || p->ver == fw->only;
    if (!ours || p->ports != IT_PKT_PORTS_PAIR || it_ip_none(own_address(fw, p->ver)))
        return false;
    bool before = !it_fwc_logged_in(fw, now, IT_FW_IN, p);
    if (p->proto == IT_PROTO_UDP)
        return before && p->dport == PORT_DNS;
    if (p->proto != IT_PROTO_TCP)
        return false;
    return own_has_begun(fw, p) || own_catches_port(&fw->p, before, p->dport);
}

/* Remembers where |p| was to go; false without memory. */
static bool own_remember(it_fw *fw, const it_pkt *p)
{
    it_addr client = it_addr_of(p->src, p->sport);
    it_fwc_steer *s = own_find(fw, p->proto, client, p->dport);
    if (!s) {
        if (fw->n_steers < STEERS_MAX &&
            it_grow(fw->timers.alloc, &fw->steers, &fw->cap_steers, fw->n_steers + 1, sizeof *fw->steers) < 0) {
            it_node_oom(&fw->node);
            return false;
        }
        s = &fw->steers[fw->next_steer++ % STEERS_MAX];
        fw->n_steers += fw->n_steers < STEERS_MAX;
    }
    *s = (it_fwc_steer){.client = client, .to = it_addr_of(p->dst, p->dport), .port = p->dport, .proto = p->proto};
    return true;
}

/* Sends |p| home from the own host, in the name of whom it was meant for. */
static void own_home(const it_fwc_in *in)
{
    it_pkt *p = in->p;
    const it_fwc_steer *s = NULL;
    if (p->ports == IT_PKT_PORTS_PAIR)
        s = own_find(in->fw, p->proto, it_addr_of(p->dst, p->dport), p->sport);
    if (s)
        it_pkt_set_src(p, s->to.ip, p->sport);
    p->hop = (it_ip){0, 0};
    it_node_send(&in->fw->node, in->now, IT_FW_IN, p);
}

/* Turns |in| to the own host; false when there is no memory. */
static bool own_steer(const it_fwc_in *in, it_ip own)
{
    if (!own_remember(in->fw, in->p))
        return false;
    in->fw->stats.steered++;
    it_pkt_set_dst(in->p, own, in->p->dport);
    return true;
}

bool it_fwc_own(const it_fwc_in *in)
{
    it_fw *fw = in->fw;
    it_pkt *p = in->p;
    if (in->port == IT_FW_OWN) {
        own_home(in);
        return true;
    }
    if (in->port != IT_FW_IN || fw->node.n_ports <= IT_FW_OWN)
        return false;
    it_ip own = own_address(fw, p->ver);
    bool mine = it_ip_eq(p->dst, own);
    if (!mine && !own_catches(fw, in->now, p))
        return false;
    if (!mine && !own_steer(in, own)) {
        it_fwc_drop(in, IT_DROP_FW_STATE, "flow table full");
        return true;
    }
    p->hop = (it_ip){0, 0};
    it_node_send(&fw->node, in->now, IT_FW_OWN, p);
    return true;
}
