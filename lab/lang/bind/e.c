/* C functions of the scenario language over model E: the socket, its checks, media sessions, and the judge of its
 * whitelist. */
#include "lab/lang/bind/impl.h"

#include "stack/e/e.h"

#include <string.h>

/* --- the judge --- */

/* As the scenario configured it, not as E understands it. */
static it_time life_of(void *self, const it_node *host, it_addr local)
{
    const it_script *s = self;
    int i = it_lab_app_at(s->lab, host, local);
    return i >= 0 && (size_t)i < s->n_lives ? s->lives[i] : 0;
}

static it_time lag_of(void *self, const it_node *host, it_addr local)
{
    const it_script *s = self;
    int i = it_lab_app_at(s->lab, host, local);
    return i >= 0 ? it_lab_now(s->lab) - it_lab_app_now(s->lab, i) : 0;
}

static void set_life(lua_State *L, int app, it_time life)
{
    it_script *s = it_script_of(L);
    it_script_check(L, it_grow(s->alloc, &s->lives, &s->cap_lives, (size_t)app + 1, sizeof *s->lives), "whitelist");
    while (s->n_lives <= (size_t)app)
        s->lives[s->n_lives++] = 0;
    s->lives[app] = life;
}

/* The judge of this case, watching from now on. */
static it_watch *watch(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (s->watch)
        return s->watch;
    s->watch = it_watch_new(s->alloc, (it_watch_sockets){s, life_of, lag_of});
    if (!s->watch)
        luaL_error(L, "not enough memory");
    it_script_check(L, it_world_observe(it_lab_world(s->lab), it_watch_observer(s->watch)), "whitelist");
    return s->watch;
}

/* watch() -> packets, violations, the first of them; nothing without an E socket. */
static int e_watch(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (!s->watch)
        return 0;
    const it_watch_verdict *v = it_watch_judge(s->watch);
    if (v->oom)
        return luaL_error(L, "not enough memory");
    lua_pushinteger(L, (lua_Integer)v->packets);
    lua_pushinteger(L, (lua_Integer)v->violations);
    lua_pushstring(L, v->first);
    return 3;
}

/* --- options --- */

/* The address in field |key| of the options at |index|, none when absent. */
static it_addr field_addr(lua_State *L, int index, const char *key)
{
    it_addr a = {{0, 0}, 0};
    if (lua_istable(L, index)) {
        if (lua_getfield(L, index, key) == LUA_TSTRING)
            a = it_script_addr(L, -1);
        lua_pop(L, 1);
    }
    return a;
}

static enum it_ice_kind field_kind(lua_State *L, int index)
{
    enum it_ice_kind kind = IT_ICE_PRFLX; /* an address of which only its answers are known */
    lua_getfield(L, index, "kind");
    const char *name = lua_tostring(L, -1);
    for (int k = IT_ICE_HOST; name && k <= IT_ICE_RELAY; k++)
        if (strcmp(name, it_ice_kind_name((enum it_ice_kind)k)) == 0)
            kind = (enum it_ice_kind)k;
    lua_pop(L, 1);
    return kind;
}

/* 64 hexadecimal digits. False when |text| is something else. */
static bool read_print(const char *text, uint8_t out[IT_SHA256_SIZE])
{
    static const char HEX[] = "0123456789abcdef";
    if (!text || strlen(text) != 2 * IT_SHA256_SIZE || strspn(text, HEX) != 2 * IT_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < IT_SHA256_SIZE; i++)
        out[i] = (uint8_t)((strchr(HEX, text[2 * i]) - HEX) << 4 | (strchr(HEX, text[2 * i + 1]) - HEX));
    return true;
}

/* --- the socket --- */

/* e_open(host, name, ufrag, pwd, { stun, timers, expiry, alternatives }) -> app */
static int e_open(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_e_cfg cfg = {.alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2), .shared = s->cfg.shared};
    cfg.ufrag = luaL_checkstring(L, 3);
    cfg.pwd = luaL_checkstring(L, 4);
    if (it_e_credentials(cfg.ufrag, cfg.pwd) < 0)
        return it_script_done(L, IT_ERR_RANGE);
    cfg.timers = it_script_timers(L, 5);
    cfg.expiry = it_script_int(L, 5, "expiry", 0);
    cfg.alternatives = it_script_bool(L, 5, "alternatives");
    cfg.n_stun = it_script_servers(L, 5, cfg.stun, IT_E_SERVERS_MAX);
    it_watch *w = watch(L);
    it_watch_password(w, it_bytes_str(cfg.pwd));
    for (int i = 0; i < cfg.n_stun; i++)
        it_watch_server(w, cfg.stun[i]);
    cfg.cert = it_lab_cert(s->lab, h);
    it_e *e = cfg.cert ? it_e_new(&cfg) : NULL;
    if (!e)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_e_ops, e, cfg.name, -1);
    it_script_check(L, i, "E");
    set_life(L, i, cfg.expiry ? cfg.expiry : cfg.timers.death);
    lua_pushinteger(L, i);
    return 1;
}

/* e_restart(app, ufrag, pwd): new credentials for a new generation */
static int e_restart(lua_State *L)
{
    const char *ufrag = luaL_checkstring(L, 2), *pwd = luaL_checkstring(L, 3);
    int err = it_e_restart(it_script_app(L, 1, &it_e_ops), it_script_app_now(L), ufrag, pwd);
    if (err == 0)
        it_watch_password(watch(L), it_bytes_str(pwd));
    return it_script_done(L, err);
}

/* e_test(app, addr, ufrag, pwd, { from, priority, controlling, nominate, tries }) */
static int e_test(lua_State *L)
{
    it_e_check t = {.to = it_script_addr(L, 2), .ufrag = luaL_checkstring(L, 3), .pwd = luaL_checkstring(L, 4)};
    t.from = field_addr(L, 5, "from");
    int64_t priority = it_script_int(L, 5, "priority", 0), tries = it_script_int(L, 5, "tries", 0);
    t.controlling = it_script_bool(L, 5, "controlling");
    t.nominate = it_script_bool(L, 5, "nominate");
    if (priority > INT32_MAX || tries > 7)
        return luaL_error(L, "test: a priority is at most %d, and there are at most 7 tries", INT32_MAX);
    if (t.nominate && !t.controlling)
        return luaL_error(L, "test: only the controlling side nominates (RFC 8445 section 7.1.2)");
    t.priority = (uint32_t)priority;
    t.tries = (int)tries;
    int err = it_e_test(it_script_app(L, 1, &it_e_ops), it_script_app_now(L), &t);
    if (err == 0) /* before the check leaves, which is at the end of this instant */
        it_watch_password(watch(L), it_bytes_str(t.pwd));
    return it_script_done(L, err);
}

/* e_probe(app, server, { from, tries }) */
static int e_probe(lua_State *L)
{
    it_e *e = it_script_app(L, 1, &it_e_ops);
    int64_t tries = it_script_int(L, 3, "tries", 0);
    it_addr server = it_script_addr(L, 2), from = field_addr(L, 3, "from");
    return it_script_done(
        L, it_e_probe(e, it_script_app_now(L), server, from, tries > INT32_MAX ? INT32_MAX : (int)tries));
}

/* e_send(app, addr, data, { from }) */
static int e_send(lua_State *L)
{
    it_addr to = it_script_addr(L, 2);
    it_bytes data = it_script_bytes(L, 3);
    return it_script_done(
        L, it_e_send(it_script_app(L, 1, &it_e_ops), it_script_app_now(L), to, field_addr(L, 4, "from"), data));
}

/* e_media(app, addr, { from, fingerprint, client, voice, far_voice, kind, within }) -> number */
static int e_media(lua_State *L)
{
    it_e_media m = {.to = it_script_addr(L, 2), .from = field_addr(L, 3, "from"), .remote_kind = field_kind(L, 3)};
    m.client = it_script_bool(L, 3, "client");
    m.voice = it_script_bool(L, 3, "voice");
    m.far_voice = it_script_bool(L, 3, "far_voice");
    m.within = it_script_int(L, 3, "within", 0);
    lua_getfield(L, 3, "fingerprint");
    if (!read_print(lua_tostring(L, -1), m.fingerprint))
        return luaL_error(L, "open_media: a fingerprint is 64 hexadecimal digits");
    int n = it_e_open_media(it_script_app(L, 1, &it_e_ops), it_script_app_now(L), &m);
    if (n < 0)
        return it_script_done(L, n);
    lua_pushinteger(L, n);
    return 1;
}

/* e_move(app, media, addr, { from, kind }) */
static int e_move(lua_State *L)
{
    it_e *e = it_script_app(L, 1, &it_e_ops);
    int media = (int)luaL_checkinteger(L, 2);
    it_addr to = it_script_addr(L, 3);
    return it_script_done(L, it_e_move(e, it_script_app_now(L), media, to, field_addr(L, 4, "from"), field_kind(L, 4)));
}

/* e_addrs(app) -> list of the addresses that it sends from: it takes 16 of a host's */
static int e_bases(lua_State *L)
{
    it_addr a;
    char text[IT_ADDR_TEXT];
    const it_e *e = it_script_app(L, 1, &it_e_ops);
    lua_Integer n = 0;
    lua_newtable(L);
    for (int k = 0; it_lab_app_addr(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1), k, &a); k++) {
        if (!it_e_has_base(e, a))
            continue;
        lua_pushstring(L, it_addr_text(a, text));
        lua_seti(L, -2, ++n);
    }
    return 1;
}

/* addrs(app) -> list of its own addresses */
static int e_addrs(lua_State *L)
{
    it_addr a;
    char text[IT_ADDR_TEXT];
    lua_newtable(L);
    for (int k = 0; it_lab_app_addr(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1), k, &a); k++) {
        lua_pushstring(L, it_addr_text(a, text));
        lua_seti(L, 2, k + 1);
    }
    return 1;
}

/* is_ip(text): it is an address without a port */
static int e_is_ip(lua_State *L)
{
    it_ip ip;
    lua_pushboolean(L, it_ip_parse(&ip, luaL_checkstring(L, 1)) == 0);
    return 1;
}

/* is_addr(text): it is an address with a port */
static int e_is_addr(lua_State *L)
{
    it_addr a;
    lua_pushboolean(L, it_addr_parse(&a, luaL_checkstring(L, 1)) == 0 && a.port != 0);
    return 1;
}

/* fingerprint(host) -> of its certificate, 64 hexadecimal digits */
static int e_fingerprint(lua_State *L)
{
    char text[2 * IT_SHA256_SIZE + 1];
    const it_dtls_cert *cert = it_lab_cert(it_script_of(L)->lab, it_script_host(L, 1));
    if (!cert)
        return luaL_error(L, "not enough memory");
    lua_pushstring(L, it_bytes_hex(it_bytes_of(it_dtls_cert_fingerprint(cert), IT_SHA256_SIZE), text));
    return 1;
}

const luaL_Reg IT_SCRIPT_E[] = {
    {"watch", e_watch},   {"e_open", e_open}, {"e_restart", e_restart}, {"e_test", e_test},
    {"e_probe", e_probe}, {"e_send", e_send}, {"e_media", e_media},     {"e_move", e_move},
    {"e_addrs", e_bases}, {"addrs", e_addrs}, {"is_addr", e_is_addr},   {"fingerprint", e_fingerprint},
    {"is_ip", e_is_ip},   {NULL, NULL},
};
