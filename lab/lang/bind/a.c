/* C functions of the scenario language over objects of model A. */
#include "lab/lang/bind/impl.h"

#include "stack/a/a.h"
#include "stack/dns/msg.h"

#include <string.h>

/* a_spec(url) -> { server, name, hosts = { name ... } of those that are no addresses, tls }; nil, why, at: it is none
 */
static int a_spec(lua_State *L)
{
    it_a_spec s;
    it_a_fault fault;
    if (it_a_spec_read(&s, luaL_checkstring(L, 1), &fault) < 0) {
        lua_pushnil(L);
        lua_pushstring(L, fault.why);
        lua_pushinteger(L, (lua_Integer)fault.at);
        return 3;
    }
    const struct {
        const char *host;
        it_ip ip;
    } first = {s.server.host, s.server.ip};
    int n = 0;
    lua_newtable(L);
    lua_newtable(L);
    if (it_ip_none(first.ip)) {
        lua_pushstring(L, first.host);
        lua_seti(L, -2, ++n);
    }
    for (int i = 0; i < s.n_stun + s.n_turn; i++) {
        const it_turn_uri *u = i < s.n_stun ? &s.stun[i] : &s.turn[i - s.n_stun];
        if (!it_ip_none(u->ip))
            continue;
        lua_pushstring(L, u->host);
        lua_seti(L, -2, ++n);
    }
    for (int i = 0; i < s.n_web; i++) {
        if (!it_ip_none(s.web[i].ip))
            continue;
        lua_pushstring(L, s.web[i].host);
        lua_seti(L, -2, ++n);
    }
    lua_setfield(L, -2, "hosts");
    lua_pushstring(L, s.server.host);
    lua_setfield(L, -2, "server");
    lua_pushstring(L, s.name);
    lua_setfield(L, -2, "name");
    lua_pushboolean(L, s.server.secure);
    lua_setfield(L, -2, "tls");
    return 1;
}

/* The text that field |key| of the table at |at| is, NULL without it; it lives as long as the table. */
static const char *a_text(lua_State *L, int at, const char *key)
{
    const char *text = lua_getfield(L, at, key) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return text;
}

static void a_via(lua_State *L, const char *url, uint64_t salt, it_via *via)
{
    if (url && it_via_parse(via, url) < 0)
        luaL_error(L, "\"%s\" is no proxy", url);
    via->salt = salt;
}

/* Fills |hosts| from the list at |at|, { name, full, four, six, via4, via6 } each. Returns how many. */
static size_t a_hosts(lua_State *L, int at, it_rng *draws, it_a_host hosts[IT_A_HOSTS])
{
    static const char *const IPS[] = {"four", "six"}, *const VIAS[] = {"via4", "via6"};
    size_t n = 0;
    for (; n < IT_A_HOSTS && lua_geti(L, at, (lua_Integer)n + 1) == LUA_TTABLE; n++) {
        int t = lua_gettop(L);
        hosts[n] = (it_a_host){.name = a_text(L, t, "name"), .full_name = a_text(L, t, "full")};
        for (int k = 0; k < 2; k++) {
            const char *ip = a_text(L, t, IPS[k]);
            if (ip && it_ip_parse(&hosts[n].ip[k], ip) < 0)
                luaL_error(L, "\"%s\" is no address", ip);
            a_via(L, a_text(L, t, VIAS[k]), it_rng_u64(draws), &hosts[n].via[k]);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return n;
}

/* What the object has of TLS, as far as the specifier has any. */
static void a_tls(lua_State *L, it_a_cfg *cfg, it_tls_cfg *signal)
{
    it_a_spec s;
    bool managed = it_script_bool(L, 3, "managed");
    if (it_a_spec_read(&s, cfg->url, NULL) < 0)
        return;
    for (int i = 0; i < s.n_turn; i++)
        if (s.turn[i].secure && !cfg->b.tls.shared)
            it_script_tls_client(L, s.turn[i].host, managed, cfg->b.name, &cfg->b.tls);
    for (int i = 0; i < s.n_web; i++)
        if (s.web[i].secure && !cfg->b.web.tls.shared)
            it_script_tls_client(L, s.web[i].host, managed, cfg->b.name, &cfg->b.web.tls);
    cfg->b.web.tls.log_keys = true;
    cfg->b.tls.name = cfg->b.web.tls.name = NULL; /* each server has its own */
    if (!s.server.secure)
        return;
    const char *whose = a_text(L, 3, "whose");
    if (!whose)
        luaL_error(L, "icets: whose certificate the rendezvous server has is not known");
    it_script_tls_client(L, whose, managed, cfg->b.name, signal);
    signal->log_keys = true;
    cfg->tls = signal;
}

/* a_new(node, label, { url, listen, direct_only, hosts, via, exits, resolver, whose = certificate of the rendezvous
 * server, managed, and what a B has but servers }) -> app; nil, why: the specifier cannot be followed */
static int a_new(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_a_host hosts[IT_A_HOSTS];
    it_a_cfg cfg = {.listen = it_script_bool(L, 3, "listen"), .direct_only = it_script_bool(L, 3, "direct_only")};
    it_tls_cfg signal;
    it_a_fault fault;
    it_rng draws;
    it_script_b_cfg(L, &cfg.b);
    it_rng_init(&draws, s->cfg.seed, cfg.b.name);
    it_rng_init(&draws, it_rng_u64(&draws), "via");
    cfg.url = a_text(L, 3, "url");
    lua_getfield(L, 3, "hosts");
    cfg.n_hosts = a_hosts(L, lua_gettop(L), &draws, hosts);
    cfg.hosts = hosts;
    a_via(L, a_text(L, 3, "via"), it_rng_u64(&draws), &cfg.via);
    const char *resolver = a_text(L, 3, "resolver");
    if (resolver && it_ip_parse(&cfg.resolver.ip, resolver) == 0)
        cfg.resolver.port = IT_DNS_PORT;
    lua_getfield(L, 3, "exits");
    int exits = it_script_exits(L, lua_gettop(L), cfg.exits);
    if (exits < 0)
        return luaL_error(L, "%s: a proxy that is none", cfg.b.name);
    cfg.n_exits = (size_t)exits;
    for (int i = 0; i < exits; i++)
        cfg.exits[i].via.salt = it_rng_u64(&draws);
    a_tls(L, &cfg, &signal);
    it_a *a = it_a_new(&cfg, &fault);
    if (!a && fault.why) {
        lua_pushnil(L);
        lua_pushstring(L, fault.why);
        return 2;
    }
    if (!a)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_a_ops, a, cfg.b.name, -1);
    it_script_check(L, i, "A");
    lua_pushinteger(L, i);
    return 1;
}

/* a_phase(app, number or nil) -> word */
static int a_phase(lua_State *L)
{
    const it_a *a = it_script_app(L, 1, &it_a_ops);
    lua_pushstring(L, it_a_phase_name(it_a_phase(a, (int)luaL_optinteger(L, 2, -1))));
    return 1;
}

/* a_exits(app, exits): as signal_exits */
static int a_exits(lua_State *L)
{
    it_signal_exit exits[IT_SIGNAL_BASES];
    it_a *a = it_script_app(L, 1, &it_a_ops);
    int n = it_script_exits(L, 2, exits);
    if (n < 0)
        return luaL_error(L, "a proxy that is none");
    it_a_exits(a, exits, (size_t)n);
    return 0;
}

const luaL_Reg IT_SCRIPT_A[] = {
    {"a_spec", a_spec}, {"a_new", a_new}, {"a_phase", a_phase}, {"a_exits", a_exits}, {NULL, NULL},
};
