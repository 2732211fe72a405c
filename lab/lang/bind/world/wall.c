/* C functions of the scenario language over walls and the ways through them: access policies, what runs on a firewall's
 * own host, plain TCP sockets. */
#include "lab/apps/web/own.h"
#include "lab/apps/rawtcp.h"
#include "lab/lang/bind/impl.h"
#include "stack/dns/msg.h"

#include <stdio.h>
#include <string.h>

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

static void set_int(lua_State *L, const char *key, int64_t v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, key);
}

/* The firewall that node |arg| is; a Lua error for any other kind. */
static it_fw *fw_arg(lua_State *L, int arg)
{
    it_fw *fw = it_fw_of(it_script_node(L, arg));
    if (!fw)
        luaL_error(L, "not a firewall");
    return fw;
}

static int w_fw_address(lua_State *L)
{
    it_fw_address(fw_arg(L, 1), it_script_ip(L, 2));
    return 0;
}

static int w_fw_gateway(lua_State *L)
{
    it_fw_gateway(fw_arg(L, 1), it_script_ip(L, 2));
    return 0;
}

/* fw_only(firewall, 4 or 6): the family that it polices */
static int w_fw_only(lua_State *L)
{
    lua_Integer ver = luaL_checkinteger(L, 2);
    luaL_argcheck(L, ver == 4 || ver == 6, 2, "4 or 6");
    it_fw_only(fw_arg(L, 1), (uint8_t)ver);
    return 0;
}

/* fw_inside(firewall, "prefix/bits", there): a prefix of its inside comes or goes */
static int w_fw_inside(lua_State *L)
{
    it_prefix p;
    luaL_argcheck(L, it_prefix_parse(&p, luaL_checkstring(L, 2)) == 0, 2, "a prefix");
    it_script_check(L, it_fw_inside(fw_arg(L, 1), p, lua_toboolean(L, 3)), "inside");
    return 0;
}

/* fw_own(firewall, address) -> port for the own host */
static int w_fw_own(lua_State *L)
{
    it_script_check(L, it_fw_own(fw_arg(L, 1), it_script_ip(L, 2)), "own host");
    lua_pushinteger(L, IT_FW_OWN);
    return 1;
}

/* The firewall policy called |arg|, with |set| (index of a table, or none) over it. */
static void policy_of(lua_State *L, int arg, int set, it_access_profile *out)
{
    const it_profile *p = it_profiles_box(it_script_of(L)->cfg.profiles, luaL_checkstring(L, arg));
    char err[IT_PROFILE_ERR];
    if (!p || p->kind != IT_PROFILE_FIREWALL) {
        luaL_error(L, "no firewall policy \"%s\"", lua_tostring(L, arg));
        return;
    }
    if (p->unsupported)
        it_script_unsupported(L, p->name, p->unsupported);
    *out = p->u.fw;
    if (lua_istable(L, set) && it_fw_profile_set(out, L, set, "firewall.set", err) < 0)
        luaL_error(L, "%s", err);
}

/* firewall(name, policy, set) -> node */
static int w_firewall(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    it_access_profile a;
    policy_of(L, 2, 3, &a);
    it_fw *fw = it_fw_new(it_lab_world(it_script_of(L)->lab), name, &a.fw);
    if (!fw)
        return luaL_error(L, "cannot make %s: out of memory", name);
    it_trace *trace = it_script_of(L)->cfg.trace;
    if (trace)
        it_trace_box(trace, name, luaL_checkstring(L, 2),
                     a.fw.udp.stateful ? it_script_filter_name(a.fw.udp.filtering) : "");
    lua_pushinteger(L, it_fw_node(fw)->index);
    return 1;
}

/* fw_set(firewall, policy, set, fields): from now on with |fields| over what it is. */
static int w_fw_set(lua_State *L)
{
    it_fw *fw = fw_arg(L, 1);
    it_access_profile a, was;
    char err[IT_PROFILE_ERR];
    policy_of(L, 2, 3, &a);
    a.fw = *it_fw_profile_of(fw);
    was = a;
    if (it_fw_profile_set(&a, L, 4, "firewall.set", err) < 0)
        return luaL_error(L, "%s", err);
    if (memcmp(&a.proxy, &was.proxy, sizeof a.proxy) != 0 || memcmp(&a.tunnel, &was.tunnel, sizeof a.tunnel) != 0 ||
        !it_ip_eq(a.portal, was.portal))
        return luaL_error(L, "firewall.set: what stands beside a firewall stays; make another one");
    it_script_check(L, it_fw_set(fw, &a.fw), "firewall.set");
    return 0;
}

/* Sets field |key| of the table on top: the URL of the proxy of |a|, at |ip|, where it has one. */
static void set_proxy(lua_State *L, const it_access_profile *a, const char *key, it_ip ip, uint16_t port)
{
    char text[IT_ADDR_TEXT];
    enum it_own_kind kind = (enum it_own_kind)a->proxy.kind;
    if (kind != IT_OWN_HTTP && kind != IT_OWN_SOCKS5)
        return;
    const char *auth = a->proxy.auth;
    lua_pushfstring(L, "%s://%s%s%s", kind == IT_OWN_HTTP ? "http" : "socks5", auth, auth[0] ? "@" : "",
                    it_addr_text(it_addr_of(ip, port), text));
    lua_setfield(L, -2, key);
}

/* Sets field proxy_ports of the table on top: a list of the ports that the proxy of |a| connects to; none: to any. */
static void set_proxy_ports(lua_State *L, const it_access_profile *a)
{
    const it_fw_ports *allow = &a->proxy.allow_ports;
    if (!allow->set || allow->any)
        return;
    lua_newtable(L);
    for (int i = 0; i < allow->n; i++) {
        lua_pushinteger(L, allow->port[i]);
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "proxy_ports");
}

/* access(policy, set) -> { tunnel = { mtu, extra_rtt, exit }, own = address, own6 = its IPv6 one, proxy = URL, proxy6,
 * proxy_port = where it listens, proxy_ports = the ports that it connects to (nil: any),
 * strips = 1 where upgrades are taken out of HTTP, else 0, portal = whether there is one, intercepts = whether TLS
 * is decrypted, passes = but for these names }: what the policy has besides
 * the firewall. */
static int w_access(lua_State *L)
{
    it_access_profile a;
    char text[IT_IP_TEXT];
    uint16_t port[2];
    it_ip ip;
    policy_of(L, 1, 2, &a);
    lua_newtable(L);
    set_int(L, "strips", a.fw.ws_strip);
    lua_pushboolean(L, a.tls_intercept);
    lua_setfield(L, -2, "intercepts");
    lua_pushstring(L, a.tls_pass);
    lua_setfield(L, -2, "passes");
    lua_pushboolean(L, !it_ip_none(a.portal));
    lua_setfield(L, -2, "portal");
    if (it_own_what(&a, &ip, port) != IT_OWN_NONE) {
        lua_pushstring(L, it_ip_text(ip, text));
        lua_setfield(L, -2, "own");
        lua_pushstring(L, it_ip_text(it_own_six(ip), text));
        lua_setfield(L, -2, "own6");
        set_proxy(L, &a, "proxy", ip, port[0]);
        set_proxy(L, &a, "proxy6", it_own_six(ip), port[0]);
        set_int(L, "proxy_port", port[0]);
        set_proxy_ports(L, &a);
    }
    if (a.tunnel.mtu) {
        lua_newtable(L);
        set_int(L, "mtu", a.tunnel.mtu);
        set_int(L, "extra_rtt", a.tunnel.extra_rtt);
        if (a.tunnel.exit[0]) {
            lua_pushstring(L, a.tunnel.exit);
            lua_setfield(L, -2, "exit");
        }
        lua_setfield(L, -2, "tunnel");
    }
    return 1;
}

/* own_app(host, firewall, policy, set) -> app */
static int w_own_app(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_access_profile a;
    char name[IT_NAME_MAX + 16];
    uint16_t port[2];
    it_ip ip = {0, 0};
    it_rng rng;
    policy_of(L, 3, 4, &a);
    enum it_own_kind kind = it_own_what(&a, &ip, port);
    snprintf(name, sizeof name, "%s/proxy", it_host_node(h)->name);
    it_rng_init(&rng, s->cfg.seed, name);
    it_own_tls tls;
    bool answers = a.fw.portal_tls == IT_FW_PORTAL_ANSWERS;
    if (a.tls_intercept)
        it_script_tls_inspector(L, name, &tls);
    if (answers)
        it_script_tls_portal(L, name, ip, &tls);
    void *o = it_own_new(s->alloc, rng, fw_arg(L, 2), &a, a.tls_intercept || answers ? &tls : NULL);
    if (!o)
        return luaL_error(L, "not enough memory");
    /* The portal answers names on the port of DNS; SOCKS associations bind ports of their own; the others have no use
     * for UDP. */
    int app = it_lab_add(s->lab, h, &it_app_own, o, name, kind == IT_OWN_PORTAL ? 53 : port[0] ? port[0] : port[1]);
    it_script_check(L, app, name);
    for (int i = 0; i < 2; i++) {
        if (!port[i])
            continue;
        it_script_check(L, it_lab_serve_on(s->lab, app, it_addr_of(ip, port[i])), name);
        int six = it_lab_serve_on(s->lab, app, it_addr_of(it_own_six(ip), port[i]));
        it_script_check(L, six == IT_ERR_NOROUTE ? 0 : six, name); /* where there is no IPv6 */
    }
    lua_pushinteger(L, app);
    return 1;
}

/* own_login(firewall, address): who has it, inside, has logged in */
static int w_own_login(lua_State *L)
{
    it_script_check(L, it_fw_login(fw_arg(L, 1), it_script_ip(L, 2)), "login");
    return 0;
}

/* own_stats(app) -> table */
static int w_own_stats(lua_State *L)
{
    const it_proxy_stats *s = it_proxy_stat(it_own_proxy(it_script_app(L, 1, &it_app_own)));
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {{"requests", s->requests},
               {"connects", s->connects},
               {"denied", s->denied},
               {"unauthorized", s->unauthorized},
               {"bad", s->bad},
               {"failed", s->failed},
               {"idle_killed", s->killed},
               {"redirects", s->redirects},
               {"queries", s->queries},
               {"stripped", s->stripped},
               {"broken", s->broken},
               {"bytes_up", s->bytes_up},
               {"bytes_down", s->bytes_down},
               {"tunnels", s->tunnels},
               {"asked", s->asked},
               {"logins", s->logins},
               {"intercepted", s->intercepted},
               {"untrusted", s->untrusted},
               {"passed", s->passed}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        set_int(L, all[i].name, (int64_t)all[i].v);
    return 1;
}

/* own_resolver(app, name server): what names of servers are asked at */
static int w_own_resolver(lua_State *L)
{
    it_proxy *p = it_own_proxy(it_script_app(L, 1, &it_app_own));
    char name[IT_NAME_MAX + 32];
    it_rng rng;
    snprintf(name, sizeof name, "%s/names", it_lab_app_name(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1)));
    it_rng_init(&rng, it_script_of(L)->cfg.seed, name);
    it_script_check(L, it_proxy_resolver(p, it_addr_of(it_script_ip(L, 2), IT_DNS_PORT), rng), name);
    return 0;
}

/* Makes |t| an app; its small segments wait for one another unless |nodelay|. */
static int add_tcp(lua_State *L, it_rawtcp *t, bool nodelay)
{
    if (!t)
        return luaL_error(L, "not enough memory");
    if (nodelay)
        it_rawtcp_nodelay(t);
    int app = it_lab_add(it_script_of(L)->lab, it_script_host(L, 1), &it_app_rawtcp, t, luaL_checkstring(L, 2), -1);
    it_script_check(L, app, "tcp");
    lua_pushinteger(L, app);
    return app;
}

/* tcp_connect(node, label, address, via or nil, name of the server instead of its address or nil, nodelay, whose
 * certificate TLS wants or nil, managed, port to leave from or 0) -> app */
static int w_tcp_connect(lua_State *L)
{
    it_via via = {.kind = IT_VIA_NONE};
    it_addr to = it_script_addr(L, 3);
    const char *url = luaL_optstring(L, 4, NULL);
    char stream[IT_NAME_MAX + 32];
    it_rng rng;
    if (url && it_via_parse(&via, url) < 0)
        return luaL_error(
            L,
            "tcp.via: \"%s\" is no proxy; write \"http://10.9.9.9:3128\" or \"socks5://user:password@10.9.9.9:1080\"",
            url);
    snprintf(stream, sizeof stream, "%s/via", luaL_checkstring(L, 2));
    it_rng_init(&rng, it_script_of(L)->cfg.seed, stream);
    via.salt = it_rng_u64(&rng);
    it_tls_cfg tls;
    const char *name = luaL_optstring(L, 7, NULL);
    if (name)
        it_script_tls_client(L, name, lua_toboolean(L, 8), luaL_checkstring(L, 2), &tls);
    it_rawtcp *t = it_rawtcp_connect(it_script_of(L)->alloc, &via, to, luaL_optstring(L, 5, NULL), name ? &tls : NULL);
    if (t)
        it_rawtcp_from(t, (uint16_t)luaL_optinteger(L, 9, 0));
    add_tcp(L, t, lua_toboolean(L, 6));
    return 1;
}

/* tcp_listen(node, name, port, echo, nodelay, names of its certificate for TLS or nil) -> app */
static int w_tcp_listen(lua_State *L)
{
    lua_Integer port = luaL_checkinteger(L, 3);
    luaL_argcheck(L, port > 0 && port < 65536, 3, "a port");
    it_tls_cfg tls;
    bool has_tls = lua_istable(L, 6);
    if (has_tls)
        it_script_tls_server(L, 6, luaL_checkstring(L, 2), &tls);
    it_rawtcp *t = it_rawtcp_listen(it_script_of(L)->alloc, lua_toboolean(L, 4), has_tls ? &tls : NULL);
    int app = add_tcp(L, t, lua_toboolean(L, 5));
    it_script_check(L, it_lab_serve(it_script_of(L)->lab, app, (uint16_t)port), "tcp.listen");
    return 1;
}

static int w_tcp_send(lua_State *L)
{
    return it_script_done(L, it_rawtcp_send(it_script_app(L, 1, &it_app_rawtcp), it_script_bytes(L, 2)));
}

static int w_tcp_close(lua_State *L)
{
    it_rawtcp_close(it_script_app(L, 1, &it_app_rawtcp), now(L), lua_toboolean(L, 2));
    return 0;
}

static int w_tcp_finish(lua_State *L)
{
    return it_script_done(L, it_rawtcp_finish(it_script_app(L, 1, &it_app_rawtcp)));
}

/* The plain socket of app |app| that holds bytes which its host's TCP, with nothing to send, would take: its bytes,
 * else 0. */
static size_t held_back(it_lab *lab, int app)
{
    uint32_t flow = 0;
    size_t n;
    for (size_t k = 0; (n = it_rawtcp_waiting(it_lab_app_state(lab, app), k, &flow)) > 0; k++) {
        it_tcp_info info;
        if (it_lab_stream_info(lab, app, flow, &info) && info.unsent == 0 && info.in_flight == 0)
            return n;
    }
    return 0;
}

/* streams() -> how many there were; of the worst: label, how long it stood still, how long it may; label of a plain
 * socket that holds bytes back for no reason, and how many, or nil */
static int w_streams(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    it_lab_still worst;
    size_t held = 0;
    lua_pushinteger(L, it_lab_stillest(lab, &worst));
    lua_pushstring(L, worst.app < 0 ? NULL : it_lab_app_name(lab, worst.app));
    lua_pushinteger(L, worst.still);
    lua_pushinteger(L, worst.bound);
    for (int i = 0; i < it_lab_n_apps(lab); i++) {
        if (it_lab_app_ops(lab, i) != &it_app_rawtcp || (held = held_back(lab, i)) == 0)
            continue;
        lua_pushstring(L, it_lab_app_name(lab, i));
        lua_pushinteger(L, (lua_Integer)held);
        return 6;
    }
    return 4;
}

/* tls_alert(text) -> whether an alert is called so */
static int w_tls_alert(lua_State *L)
{
    bool found = false;
    for (int a = 0; a < 256 && !found; a++)
        found = strcmp(it_tls_alert_name(a), luaL_checkstring(L, 1)) == 0;
    lua_pushboolean(L, found);
    return 1;
}

const luaL_Reg IT_SCRIPT_WALL[] = {
    {"tls_alert", w_tls_alert},
    {"fw_address", w_fw_address},
    {"fw_gateway", w_fw_gateway},
    {"fw_only", w_fw_only},
    {"fw_inside", w_fw_inside},
    {"fw_set", w_fw_set},
    {"fw_own", w_fw_own},
    {"firewall", w_firewall},
    {"access", w_access},
    {"own_app", w_own_app},
    {"own_login", w_own_login},
    {"own_stats", w_own_stats},
    {"own_resolver", w_own_resolver},
    {"tcp_connect", w_tcp_connect},
    {"tcp_listen", w_tcp_listen},
    {"tcp_send", w_tcp_send},
    {"tcp_close", w_tcp_close},
    {"tcp_finish", w_tcp_finish},
    {"streams", w_streams},
    {NULL, NULL},
};
