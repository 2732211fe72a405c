/* C functions of the scenario language over model C: a NetConnection and a call by its streams. What every model has is
 * asked by its table (lab/lang/bind/peer.c). */
#include "lab/lang/bind/service/rtmfp.h"

#include "stack/c/c.h"

static it_c *c_of(lua_State *L)
{
    return it_script_app(L, 1, &it_c_ops);
}

static enum it_c_via c_via(lua_State *L, int arg)
{
    static const char *const VIA[] = {"direct", "server", NULL};
    return luaL_checkoption(L, arg, NULL, VIA) == 0 ? IT_C_DIRECT : IT_C_SERVER;
}

/* c_new(host, label, uri, { stun = addresses of the server, timers =, stream = in ns, voice =, alternatives =, ask =,
 * cascade =, web = as it_script_rtmfp_web_of takes it }) -> app */
static int c_new(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_c *o;
    it_c_cfg cfg = {
        .alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2), .uri = luaL_checkstring(L, 3)};
    cfg.servers = (size_t)it_script_servers(L, 4, cfg.server, IT_RTMFP_CLIENT_SERVERS);
    cfg.timers = it_script_timers(L, 4);
    cfg.stream = it_script_int(L, 4, "stream", 0);
    cfg.voice = it_script_bool(L, 4, "voice");
    cfg.alternatives = it_script_bool(L, 4, "alternatives");
    cfg.ask = it_script_bool(L, 4, "ask");
    cfg.cascade = it_script_bool(L, 4, "cascade");
    it_script_rtmfp_web web;
    if (it_script_rtmfp_web_of(L, 4, cfg.name, &web)) {
        cfg.web = &web.cfg;
        cfg.transport = web.transport;
        cfg.fallback = web.fallback;
    }
    it_script_check(L, it_c_new(&cfg, it_lab_now(s->lab), &o), cfg.name);
    int app = it_lab_add(s->lab, it_script_host(L, 1), &it_c_ops, o, cfg.name, -1);
    it_script_check(L, app, cfg.name);
    lua_pushinteger(L, app);
    return 1;
}

/* c_id(app) -> its peer ID, hexadecimal */
static int c_id(lua_State *L)
{
    char text[2 * IT_RTMFP_PRINT + 1];
    lua_pushstring(L, it_bytes_hex(it_bytes_of(it_c_near(c_of(L)), IT_RTMFP_PRINT), text));
    return 1;
}

/* c_transport(app) -> "udp", "ws", nil: it is neither connected to its server nor about to be */
static int c_transport(lua_State *L)
{
    const it_c *c = c_of(L);
    if (!it_c_seeks(c))
        return 0;
    lua_pushstring(L, it_c_over_ws(c) ? "ws" : "udp");
    return 1;
}

/* c_connect(app) -> true, or nil and a word */
static int c_connect(lua_State *L)
{
    return it_script_done(L, it_c_connect(c_of(L), it_script_app_now(L)));
}

/* c_call(app, app of the other end) -> true, or nil and a word */
static int c_call(lua_State *L)
{
    uint8_t far[IT_RTMFP_PRINT];
    memcpy(far, it_c_near(it_script_app(L, 2, &it_c_ops)), sizeof far);
    return it_script_done(L, it_c_call(c_of(L), it_script_app_now(L), far));
}

/* c_publish(app, "direct" | "server"), c_play(app, "direct" | "server") -> true, or nil and a word */
static int c_publish(lua_State *L)
{
    return it_script_done(L, it_c_publish(c_of(L), it_script_app_now(L), c_via(L, 2)));
}

static int c_play(lua_State *L)
{
    return it_script_done(L, it_c_play(c_of(L), it_script_app_now(L), c_via(L, 2)));
}

/* c_accept(app, take) -> true, or nil and a word */
static int c_accept(lua_State *L)
{
    return it_script_done(L, it_c_accept(c_of(L), it_script_app_now(L), lua_toboolean(L, 2)));
}

const luaL_Reg IT_SCRIPT_C[] = {
    {"c_new", c_new},
    {"c_id", c_id},
    {"c_connect", c_connect},
    {"c_call", c_call},
    {"c_publish", c_publish},
    {"c_play", c_play},
    {"c_accept", c_accept},
    {"c_transport", c_transport},
    {NULL, NULL},
};
