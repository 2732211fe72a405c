/* C functions of the scenario language over TURN servers. */
#include "lab/lang/bind/impl.h"

#include "lab/apps/turn.h"
#include "stack/turn/uri.h"

#include <stdio.h>

enum { USERS = 16 };

/* The ports in the list |index|.|key|. */
static void ports_in(lua_State *L, int index, const char *key, uint16_t out[IT_TURN_APP_PORTS])
{
    lua_getfield(L, index, key);
    for (int i = 0; i < IT_TURN_APP_PORTS && lua_istable(L, -1); i++) {
        lua_geti(L, -1, i + 1);
        out[i] = (uint16_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The prefixes in the list |index|.|key|; an address is one of all its bits. */
static size_t rules_in(lua_State *L, int index, const char *key, it_prefix out[IT_TURN_APP_RULES])
{
    size_t n = 0;
    lua_getfield(L, index, key);
    for (; n < IT_TURN_APP_RULES && lua_istable(L, -1); n++) {
        lua_geti(L, -1, (lua_Integer)n + 1);
        const char *text = lua_tostring(L, -1);
        it_ip ip;
        bool address = text && it_ip_parse(&ip, text) == 0;
        if (address)
            out[n] = (it_prefix){ip, 128};
        else if (text && it_prefix_parse(&out[n], text) < 0)
            luaL_error(L, "turn.%s: \"%s\" is no prefix", key, text);
        lua_pop(L, 1);
        if (!text)
            break;
    }
    lua_pop(L, 1);
    return n;
}

/* The pairs { name, password } in the list |index|.users; what they point to lives as long as the table. */
static size_t users_in(lua_State *L, int index, it_stun_user out[USERS])
{
    size_t n = 0;
    lua_getfield(L, index, "users");
    for (; n < USERS && lua_istable(L, -1) && lua_geti(L, -1, (lua_Integer)n + 1) == LUA_TTABLE; n++) {
        lua_geti(L, -1, 1);
        lua_geti(L, -2, 2);
        out[n] = (it_stun_user){lua_tostring(L, -2), lua_tostring(L, -1)};
        lua_pop(L, 3);
    }
    lua_settop(L, index);
    return n;
}

/* turn_server(host, label, { udp, tcp, tls, dtls, names of the certificate or nil, users, realm, lifetime,
 * max_lifetime, nonce, quota, allow, deny, mobility, tcp_peers, no4, no6 }) -> app */
static int t_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    const char *label = luaL_checkstring(L, 2);
    it_stun_user users[USERS];
    char run[IT_NAME_MAX + 64]; /* each start is a run of its own */
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    it_turn_app_cfg cfg = {.alloc = s->alloc};
    cfg.auth = (it_stun_credentials){.realm = "icetank",
                                     .users = users,
                                     .n_users = users_in(L, 3, users),
                                     .nonce_life = it_script_int(L, 3, "nonce", 0)};
    ports_in(L, 3, "udp", cfg.udp);
    ports_in(L, 3, "tcp", cfg.tcp);
    ports_in(L, 3, "tls", cfg.tls);
    ports_in(L, 3, "dtls", cfg.dtls);
    if (lua_getfield(L, 3, "names") == LUA_TTABLE)
        it_script_tls_server(L, 4, label, &cfg.secure);
    lua_settop(L, 3);
    cfg.lifetime = it_script_int(L, 3, "lifetime", 0);
    cfg.max_lifetime = it_script_int(L, 3, "max_lifetime", 0);
    cfg.user_relays = (uint32_t)it_script_int(L, 3, "quota", 0);
    cfg.n_allow = rules_in(L, 3, "allow", cfg.allow);
    cfg.n_deny = rules_in(L, 3, "deny", cfg.deny);
    cfg.mobility = it_script_bool(L, 3, "mobility");
    cfg.tcp_peers = it_script_bool(L, 3, "tcp_peers");
    cfg.no_relay4 = it_script_bool(L, 3, "no4");
    cfg.no_relay6 = it_script_bool(L, 3, "no6");
    snprintf(run, sizeof run, "%s/%lld", label, (long long)it_lab_now(s->lab));
    it_rng_init(&cfg.rng, s->cfg.seed, run);
    void *o = it_turn_app_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    int app = it_lab_add(s->lab, h, &it_app_turn, o, label, -1);
    it_script_check(L, app, label);
    lua_pushinteger(L, app);
    return 1;
}

/* turn_stats(app) -> table */
static int t_stats(lua_State *L)
{
    const it_turn_server *o = it_turn_app_server(it_script_app(L, 1, &it_app_turn));
    const it_turn_server_stats *s = it_turn_server_stats_of(o);
    const struct {
        const char *name;
        uint64_t v;
    } all[] = {{"allocations", it_turn_server_allocations(o)},
               {"permissions", it_turn_server_permissions(o)},
               {"channels", it_turn_server_channels(o)},
               {"requests", s->requests},
               {"refused", s->refused},
               {"relayed", s->up + s->down},
               {"relayed_bytes", s->bytes_up + s->bytes_down},
               {"denied", s->denied}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushinteger(L, (lua_Integer)all[i].v);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

/* turn_uri(text) -> { host, port or nil, transport, secure, turn, literal } of a URI (RFC 7064, RFC 7065); nil and why
 */
static int t_uri(lua_State *L)
{
    static const char *const TRANSPORTS[] = {[IT_TURN_OVER_UDP] = "udp",
                                             [IT_TURN_OVER_TCP] = "tcp",
                                             [IT_TURN_OVER_TLS] = "tls",
                                             [IT_TURN_OVER_DTLS] = "dtls"};
    it_turn_uri u;
    const char *why = NULL;
    if (it_turn_uri_parse(&u, luaL_checkstring(L, 1), &why) < 0) {
        lua_pushnil(L);
        lua_pushstring(L, why ? why : "it is none");
        return 2;
    }
    lua_newtable(L);
    lua_pushstring(L, u.host);
    lua_setfield(L, -2, "host");
    lua_pushinteger(L, u.port);
    lua_setfield(L, -2, "port");
    lua_pushstring(L, TRANSPORTS[u.transport]);
    lua_setfield(L, -2, "transport");
    lua_pushboolean(L, u.turn);
    lua_setfield(L, -2, "turn");
    lua_pushboolean(L, !it_ip_none(u.ip));
    lua_setfield(L, -2, "literal");
    return 1;
}

int it_script_turns(lua_State *L, int index, it_ice_turn *out, int cap)
{
    int n = 0;
    index = lua_absindex(L, index);
    lua_getfield(L, index, "turn");
    for (int list = lua_gettop(L); n < cap && lua_istable(L, list) && lua_geti(L, list, n + 1) == LUA_TTABLE; n++) {
        static const char *const FIELDS[] = {"uri", "username", "password", "four", "six", "name"};
        const char *v[6];
        it_turn_uri uri;
        it_ip ips[2];
        size_t n_ips = 0;
        for (int i = 0; i < 6; i++) {
            lua_getfield(L, list + 1, FIELDS[i]);
            v[i] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
        for (int i = 3; i < 5; i++)
            if (v[i] && it_ip_parse(&ips[n_ips], v[i]) == 0)
                n_ips++;
        if (!v[0] || !v[1] || !v[2] || it_turn_uri_parse(&uri, v[0], NULL) < 0 ||
            it_ice_turn_of_uri(&out[n], &uri, ips, n_ips, v[1], v[2]) < 0)
            luaL_error(L, "turn: \"%s\" cannot be used", v[0] ? v[0] : "");
        out[n].mobility = it_script_bool(L, list + 1, "mobility");
        if (v[5])
            snprintf(out[n].name, sizeof out[n].name, "%s", v[5]);
        lua_settop(L, list);
    }
    lua_settop(L, -1);
    lua_pop(L, 1);
    return n;
}

const luaL_Reg IT_SCRIPT_TURN[] = {
    {"turn_server", t_server},
    {"turn_stats", t_stats},
    {"turn_uri", t_uri},
    {NULL, NULL},
};
