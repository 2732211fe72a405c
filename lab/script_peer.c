/* C functions of the scenario language over the objects on hosts: models B and E, servers, events, statistics. */
#include "lab/script_impl.h"

#include "lab/apps.h"

#include <stdio.h>
#include <string.h>

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

/* The object of app |arg| when it is of |ops|'s kind; a Lua error otherwise. */
static void *app(lua_State *L, int arg, const it_app_ops *ops)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, arg);
    if (it_lab_app_ops(lab, i) != ops)
        luaL_error(L, "no such %s object", ops->kind);
    return it_lab_app(lab, i);
}

static it_bytes bytes_arg(lua_State *L, int arg)
{
    size_t n;
    const char *p = luaL_checklstring(L, arg, &n);
    return it_bytes_of(p, n);
}

/* What a refused command returns: nil and a word for it. */
static int refused(lua_State *L, int err)
{
    static const struct {
        int err;
        const char *word;
    } WORDS[] = {
        {IT_ERR_PERM, "NOT_PERMITTED"}, {IT_ERR_RATE, "RATE_LIMITED"}, {IT_ERR_TOOBIG, "TOO_BIG"}, {IT_ERR_STATE, "NOT_OPEN"},
        {IT_ERR_RANGE, "BAD_CREDENTIALS"}, {IT_ERR_FULL, "TOO_MANY"}, {IT_ERR_PARSE, "MALFORMED"},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (WORDS[i].err == err) {
            lua_pushnil(L);
            lua_pushstring(L, WORDS[i].word);
            return 2;
        }
    return luaL_error(L, "%s", it_err_str(err));
}

static int done(lua_State *L, int err)
{
    if (err < 0)
        return refused(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

static it_addr addr_arg(lua_State *L, int arg)
{
    it_addr a;
    if (it_addr_parse(&a, luaL_checkstring(L, arg)) < 0)
        luaL_error(L, "\"%s\" is no address", lua_tostring(L, arg));
    return a;
}

/* --- servers --- */

static int p_stun_server(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s/server", it_host_node(h)->name);
    it_stun_server_cfg cfg = {.alloc = s->alloc, .software = NULL};
    it_rng_init(&cfg.rng, s->cfg.seed, name);
    it_stun_server *o = it_stun_server_new(&cfg);
    if (!o)
        return luaL_error(L, "not enough memory");
    it_script_check(L, it_lab_add(s->lab, h, &it_app_stun, o, name, (int)luaL_checkinteger(L, 2)), "STUN server");
    return 0;
}

/* --- timers --- */

static const struct {
    const char *name;
    size_t offset;
} TIMERS[] = {
    {"stall", offsetof(it_timers, stall)},       {"death", offsetof(it_timers, death)},
    {"connect", offsetof(it_timers, connect)},   {"linkdown", offsetof(it_timers, linkdown)},
    {"consent", offsetof(it_timers, consent)},   {"keepalive", offsetof(it_timers, keepalive)},
    {"rto", offsetof(it_timers, rto)},           {"ta", offsetof(it_timers, ta)},
};
#define N_TIMERS (sizeof TIMERS / sizeof *TIMERS)

static int p_timers(lua_State *L)
{
    it_timers t;
    if (it_timers_named(&t, luaL_checkstring(L, 1)) < 0)
        return 0;
    lua_newtable(L);
    for (size_t i = 0; i < N_TIMERS; i++) {
        it_time v;
        memcpy(&v, (const char *)&t + TIMERS[i].offset, sizeof v);
        lua_pushinteger(L, v);
        lua_setfield(L, -2, TIMERS[i].name);
    }
    return 1;
}

/* The timers in the field of the options at |index|. */
static it_timers timers_of(lua_State *L, int index)
{
    it_timers t;
    it_script_check(L, it_timers_named(&t, "rfc"), "timers");
    lua_getfield(L, index, "timers");
    for (size_t i = 0; i < N_TIMERS && lua_istable(L, -1); i++) {
        it_time v;
        memcpy(&v, (const char *)&t + TIMERS[i].offset, sizeof v);
        v = it_script_int(L, -1, TIMERS[i].name, v);
        memcpy((char *)&t + TIMERS[i].offset, &v, sizeof v);
    }
    lua_pop(L, 1);
    return t;
}

/* --- model B --- */

static int p_b_new(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_b_cfg cfg = {.alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2), .shared = s->cfg.shared};
    cfg.timers = timers_of(L, 3);
    cfg.voice = it_script_bool(L, 3, "voice");
    cfg.restart = it_script_bool(L, 3, "restart");
    cfg.alternatives = it_script_bool(L, 3, "alternatives");
    if (lua_getfield(L, 3, "stun") == LUA_TSTRING)
        cfg.stun[cfg.n_stun++] = addr_arg(L, -1);
    cfg.cert = it_lab_cert(s->lab, h);
    it_b *b = cfg.cert ? it_b_new(&cfg) : NULL;
    if (!b)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_app_b, b, cfg.name, -1);
    it_script_check(L, i, "B");
    lua_pushinteger(L, i);
    return 1;
}

static int p_b_start(lua_State *L)
{
    it_b_start(app(L, 1, &it_app_b), now(L));
    return 0;
}

static int p_b_restart(lua_State *L)
{
    it_b_restart(app(L, 1, &it_app_b), now(L));
    return 0;
}

static int p_b_signal(lua_State *L)
{
    return done(L, it_b_signal(app(L, 1, &it_app_b), now(L), bytes_arg(L, 2)));
}

/* --- model E --- */

static int p_e_new(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_e_cfg cfg = {.alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2), .shared = s->cfg.shared};
    cfg.timers = timers_of(L, 3);
    lua_getfield(L, 3, "ufrag");
    lua_getfield(L, 3, "pwd");
    cfg.ufrag = luaL_checkstring(L, -2);
    cfg.pwd = luaL_checkstring(L, -1);
    /* RFC 8445 section 5.3: at least 4 and 22 characters, at most 256. */
    if (strlen(cfg.ufrag) < 4 || strlen(cfg.ufrag) > 256 || strlen(cfg.pwd) < 22 || strlen(cfg.pwd) > 256) {
        lua_pushnil(L);
        lua_pushstring(L, "a ufrag has 4 to 256 characters, a password 22 to 256 (RFC 8445 section 5.3)");
        return 2;
    }
    cfg.cert = it_lab_cert(s->lab, h);
    it_e *e = cfg.cert ? it_e_new(&cfg) : NULL;
    if (!e)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_app_e, e, cfg.name, -1);
    it_script_check(L, i, "E");
    if (!s->whitelist && !(s->whitelist = it_whitelist_new(s->alloc, it_lab_world(s->lab))))
        return luaL_error(L, "not enough memory");
    it_addr a;
    for (int k = 0; it_lab_app_addr(s->lab, i, k, &a); k++)
        it_script_check(L, it_whitelist_watch(s->whitelist, it_host_node(h), a.port), "E");
    lua_pushinteger(L, i);
    return 1;
}

static int p_e_addrs(lua_State *L)
{
    it_addr a;
    char text[IT_ADDR_TEXT];
    lua_newtable(L);
    for (int k = 0; it_lab_app_addr(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1), k, &a); k++) {
        lua_pushstring(L, it_addr_text(a, text));
        lua_seti(L, -2, k + 1);
    }
    return 1;
}

static int p_e_test(lua_State *L)
{
    it_e_test_opt opt = {.flow = -1};
    opt.priority = (uint32_t)it_script_int(L, 5, "priority", 0);
    opt.nominate = it_script_bool(L, 5, "nominate");
    opt.controlling = it_script_bool(L, 5, "controlling");
    return done(L, it_e_test(app(L, 1, &it_app_e), now(L), addr_arg(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4), &opt));
}

static int p_e_probe(lua_State *L)
{
    return done(L, it_e_probe(app(L, 1, &it_app_e), now(L), addr_arg(L, 2), -1));
}

static int p_e_send(lua_State *L)
{
    return done(L, it_e_send(app(L, 1, &it_app_e), now(L), addr_arg(L, 2), bytes_arg(L, 3)));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* e_open_media(app, addr, fingerprint, client, voice) */
static int p_e_open_media(lua_State *L)
{
    uint8_t print[IT_SHA256_SIZE];
    size_t n = 0;
    const char *hex = luaL_optlstring(L, 3, "", &n);
    it_addr far = addr_arg(L, 2);
    if (!it_e_permitted(app(L, 1, &it_app_e), now(L), far))
        return refused(L, IT_ERR_PERM);
    if (n != 2 * sizeof print)
        return luaL_error(L, "open_media: fingerprint must be 64 hexadecimal digits");
    for (size_t i = 0; i < sizeof print; i++) {
        int hi = hex_digit(hex[2 * i]), lo = hex_digit(hex[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return luaL_error(L, "open_media: fingerprint must be 64 hexadecimal digits");
        print[i] = (uint8_t)(hi << 4 | lo);
    }
    int m = it_e_open_media(app(L, 1, &it_app_e), now(L), far, print, lua_toboolean(L, 4), lua_toboolean(L, 5));
    if (m < 0)
        return refused(L, m);
    lua_pushinteger(L, m);
    return 1;
}

static int p_e_move(lua_State *L)
{
    return done(L, it_e_media_move(app(L, 1, &it_app_e), now(L), (int)luaL_checkinteger(L, 2), addr_arg(L, 3)));
}

static int p_fingerprint_of(lua_State *L)
{
    const it_dtls_cert *c = it_lab_cert(it_script_of(L)->lab, it_script_host(L, 1));
    char hex[2 * IT_SHA256_SIZE + 1];
    if (!c)
        return luaL_error(L, "not enough memory");
    for (int i = 0; i < IT_SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", it_dtls_cert_fingerprint(c)[i]);
    lua_pushstring(L, hex);
    return 1;
}

/* --- either model; media is nil for B --- */

static int p_send(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, 1);
    if (it_lab_app_ops(lab, i) == &it_app_b)
        return done(L, it_b_send(app(L, 1, &it_app_b), now(L), bytes_arg(L, 3)));
    return done(L, it_e_media_send(app(L, 1, &it_app_e), now(L), (int)luaL_checkinteger(L, 2), bytes_arg(L, 3)));
}

static int p_close(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, 1);
    if (it_lab_app_ops(lab, i) == &it_app_b)
        it_b_close(app(L, 1, &it_app_b), now(L));
    else
        it_e_media_close(app(L, 1, &it_app_e), now(L), (int)luaL_checkinteger(L, 2));
    return 0;
}

static int p_path(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, 1);
    enum it_path path = IT_PATH_DIRECT_UDP;
    if (it_lab_app_ops(lab, i) == &it_app_b) {
        path = it_b_path(app(L, 1, &it_app_b));
    } else {
        enum it_state s = it_e_media_state(app(L, 1, &it_app_e), (int)luaL_checkinteger(L, 2));
        if (s != IT_STATE_OPEN && s != IT_STATE_STALLED)
            path = IT_PATH_NONE;
    }
    if (path == IT_PATH_NONE)
        return 0;
    lua_pushstring(L, it_path_name(path));
    return 1;
}

static void set_int(lua_State *L, const char *key, int64_t v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, key);
}

static void set_time(lua_State *L, const char *key, it_time v)
{
    if (v != IT_NEVER)
        set_int(L, key, v);
}

static int p_stats(lua_State *L)
{
    it_lab *lab = it_script_of(L)->lab;
    int i = (int)luaL_checkinteger(L, 1);
    it_conn_stats s;
    memset(&s, 0, sizeof s);
    if (it_lab_app_ops(lab, i) == &it_app_b)
        it_b_stats(app(L, 1, &it_app_b), &s);
    else
        it_e_media_stats(app(L, 1, &it_app_e), (int)luaL_checkinteger(L, 2), &s);
    lua_newtable(L);
    set_int(L, "sent", (int64_t)s.sent);
    set_int(L, "received", (int64_t)s.received);
    set_int(L, "voice_sent", (int64_t)s.voice_sent);
    set_int(L, "voice_received", (int64_t)s.voice_received);
    set_int(L, "lost", (int64_t)s.lost);
    set_int(L, "late", (int64_t)s.late);
    set_int(L, "duplicate", (int64_t)s.duplicate);
    set_int(L, "longest_gap", s.longest_gap);
    set_int(L, "freeze_silent", s.freeze_silent);
    set_time(L, "t_first_media", s.t_first_media);
    return 1;
}

/* --- time and events --- */

static int p_now(lua_State *L)
{
    lua_pushinteger(L, now(L));
    return 1;
}

static int p_run(lua_State *L)
{
    it_script_check(L, it_lab_run(it_script_of(L)->lab, luaL_checkinteger(L, 1)), "world");
    return 0;
}

static int p_flush(lua_State *L)
{
    it_script_check(L, it_lab_flush(it_script_of(L)->lab), "world");
    return 0;
}

static void set_text(lua_State *L, const char *key, const char *v)
{
    if (!v)
        return;
    lua_pushstring(L, v);
    lua_setfield(L, -2, key);
}

static void set_addr(lua_State *L, const char *key, it_addr a)
{
    char text[IT_ADDR_TEXT];
    if (!it_ip_none(a.ip))
        set_text(L, key, it_addr_text(a, text));
}

/* The fields of an event as scripts see them. */
static void push_fields(lua_State *L, const it_model_event *ev)
{
    lua_newtable(L);
    switch (ev->kind) {
    case IT_EV_OPEN:
    case IT_EV_FAILOVER:
        set_text(L, "path", it_path_name(ev->path));
        set_text(L, "localkind", it_ice_kind_name(ev->local_kind));
        set_text(L, "remotekind", it_ice_kind_name(ev->remote_kind));
        if (ev->kind == IT_EV_FAILOVER)
            set_text(L, "old", it_path_name(ev->old_path));
        break;
    case IT_EV_SIGNAL:
    case IT_EV_MESSAGE:
        lua_pushlstring(L, (const char *)ev->data.p, ev->data.n);
        lua_setfield(L, -2, ev->kind == IT_EV_SIGNAL ? "blob" : "data");
        break;
    case IT_EV_DEATH:
        set_text(L, "reason", it_reason_name(ev->reason));
        break;
    case IT_EV_CLOSED:
        set_text(L, "by", ev->by);
        break;
    case IT_EV_NETWORK:
        lua_pushboolean(L, ev->up);
        lua_setfield(L, -2, "up");
        break;
    case IT_EV_TEST:
    case IT_EV_SUCCESS:
        set_addr(L, "addr", ev->remote);
        set_text(L, "user", ev->user);
        if (ev->kind == IT_EV_SUCCESS)
            set_addr(L, "reflexive", ev->local);
        break;
    case IT_EV_REFLEXIVE:
        set_addr(L, "addr", ev->local);
        break;
    default:
        break;
    }
}

/* event() -> app, media or nil, name, fields; nothing when none waits. A broken rule of the far side is for the trace only. */
static int p_event(lua_State *L)
{
    it_lab_event e;
    do {
        if (it_lab_event_next(it_script_of(L)->lab, &e) <= 0)
            return 0;
    } while (e.ev.kind == IT_EV_PEER);
    lua_pushinteger(L, e.app);
    if (e.media < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, e.media);
    lua_pushstring(L, it_model_event_name(e.ev.kind));
    push_fields(L, &e.ev);
    return 4;
}

static int p_whitelist(lua_State *L)
{
    it_script *s = it_script_of(L);
    char text[128];
    if (!s->whitelist)
        return 0;
    lua_pushinteger(L, (lua_Integer)it_whitelist_count(s->whitelist, text));
    lua_pushstring(L, text);
    return 2;
}

static int p_addr_ok(lua_State *L)
{
    it_addr a;
    lua_pushboolean(L, it_addr_parse(&a, luaL_checkstring(L, 1)) == 0 && a.port > 0);
    return 1;
}

const luaL_Reg IT_SCRIPT_PEER[] = {
    {"stun_server", p_stun_server},
    {"timers", p_timers},
    {"b_new", p_b_new},
    {"b_start", p_b_start},
    {"b_restart", p_b_restart},
    {"b_signal", p_b_signal},
    {"e_new", p_e_new},
    {"e_addrs", p_e_addrs},
    {"e_test", p_e_test},
    {"e_probe", p_e_probe},
    {"e_send", p_e_send},
    {"e_open_media", p_e_open_media},
    {"e_move", p_e_move},
    {"fingerprint_of", p_fingerprint_of},
    {"send", p_send},
    {"close", p_close},
    {"path", p_path},
    {"stats", p_stats},
    {"now", p_now},
    {"run", p_run},
    {"flush", p_flush},
    {"event", p_event},
    {"whitelist", p_whitelist},
    {"addr_ok", p_addr_ok},
    {NULL, NULL},
};
