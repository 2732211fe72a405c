/* C functions of the scenario language over objects of model B. */
#include "lab/lang/bind/impl.h"

/* The media streams in the field "streams" of the options at |index|, { voice =, components = } each. */
static void b_streams(lua_State *L, int index, it_b_cfg *cfg)
{
    lua_getfield(L, index, "streams");
    int list = lua_gettop(L);
    for (; lua_istable(L, list) && cfg->n_streams < (int)luaL_len(L, list); cfg->n_streams++) {
        lua_geti(L, list, cfg->n_streams + 1);
        it_b_stream_cfg *s = &cfg->stream[cfg->n_streams];
        s->voice = it_script_bool(L, list + 1, "voice");
        s->video = it_script_bool(L, list + 1, "video");
        s->components = (int)it_script_int(L, list + 1, "components", 1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    cfg->bundle = it_script_bool(L, index, "bundle");
}

/* Media is RTP; without a list of streams there is one. */
static void b_rtp(lua_State *L, int index, it_b_cfg *cfg)
{
    cfg->media = IT_B_MEDIA_SRTP;
    if (cfg->n_streams)
        return;
    cfg->n_streams = 1;
    cfg->stream[0] =
        (it_b_stream_cfg){.voice = cfg->voice, .video = it_script_bool(L, index, "video"), .components = 1};
}

void it_script_b_cfg(lua_State *L, it_b_cfg *cfg)
{
    it_script *s = it_script_of(L);
    *cfg = (it_b_cfg){.alloc = s->alloc, .seed = s->cfg.seed, .name = luaL_checkstring(L, 2), .shared = s->cfg.shared};
    cfg->timers = it_script_timers(L, 3);
    cfg->behaviour = it_script_behaviour(L, 3);
    cfg->tcp = (unsigned)it_script_int(L, 3, "tcp", 0);
    cfg->voice = it_script_bool(L, 3, "voice");
    cfg->restart = it_script_bool(L, 3, "restart");
    cfg->alternatives = it_script_bool(L, 3, "alternatives");
    b_streams(L, 3, cfg);
    if (it_script_bool(L, 3, "rtp"))
        b_rtp(L, 3, cfg);
    cfg->cert = it_lab_cert(s->lab, it_script_host(L, 1));
    if (!cfg->cert)
        luaL_error(L, "not enough memory");
}

static int b_new(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    it_b_cfg cfg;
    it_script_b_cfg(L, &cfg);
    cfg.n_stun = it_script_servers(L, 3, cfg.stun, IT_ICE_SERVERS_MAX);
    cfg.n_turn = it_script_turns(L, 3, cfg.turn, IT_ICE_TURN_MAX);
    it_script_web(L, 3, cfg.name, &cfg.web);
    for (int i = 0; i < cfg.n_turn && !cfg.tls.shared; i++)
        if (cfg.turn[i].secure)
            it_script_tls_client(L, cfg.turn[i].name, it_script_bool(L, 3, "managed"), cfg.name, &cfg.tls);
    it_b *b = it_b_new(&cfg);
    if (!b)
        return luaL_error(L, "not enough memory");
    int i = it_lab_add(s->lab, h, &it_b_ops, b, cfg.name, -1);
    it_script_check(L, i, "B");
    lua_pushinteger(L, i);
    return 1;
}

const luaL_Reg IT_SCRIPT_B[] = {
    {"b_new", b_new},
    {NULL, NULL},
};
