/* C functions of the scenario language over the TCP of hosts: its switches as Lua tables. */
#include "lab/lang/bind/impl.h"

#include "netsim/tcp/tcp.h"

enum kind { I64, U32, U16, U8, BOOL };

/* The switches as the language's own tables have them: integers in ns, bytes, segments, 0 and 1. */
#define F(name, kind, member)                                                                                          \
    {                                                                                                                  \
        name, kind, (uint16_t)offsetof(it_tcp_opts, member)                                                            \
    }
static const struct field {
    const char *name;
    uint8_t kind;
    uint16_t off;
} FIELDS[] = {
    F("nagle", BOOL, nagle),
    F("sack", BOOL, sack),
    F("timestamps", BOOL, timestamps),
    F("wscale", BOOL, wscale),
    F("pmtu", BOOL, pmtu),
    F("blackhole", BOOL, blackhole),
    F("rack", BOOL, rack),
    F("tlp", BOOL, tlp),
    F("prr", BOOL, prr),
    F("frto", BOOL, frto),
    F("eifel", BOOL, eifel),
    F("dsack", BOOL, dsack),
    F("hystart", BOOL, hystart),
    F("quickack", BOOL, quickack),
    F("control", U8, control),
    F("abc", U8, abc),
    F("mss", U16, mss),
    F("snd_buf", U32, snd_buf),
    F("rcv_buf", U32, rcv_buf),
    F("cwnd", U32, cwnd),
    F("rto_init", I64, rto_init),
    F("rto_min", I64, rto_min),
    F("rto_max", I64, rto_max),
    F("delack", I64, delack),
    F("syn_retries", U32, syn_retries),
    F("synack_retries", U32, synack_retries),
    F("user_timeout", I64, user_timeout),
    F("keep_idle", I64, keep_idle),
    F("keep_interval", I64, keep_interval),
    F("keep_count", U32, keep_count),
    F("time_wait", I64, time_wait),
};
#undef F

/* Puts |v| into field |f|. False: it does not fit. */
static bool put_field(it_tcp_opts *o, const struct field *f, int64_t v)
{
    static const int64_t MOST[] = {INT64_MAX, UINT32_MAX, UINT16_MAX, UINT8_MAX, 1};
    void *at = (char *)o + f->off;
    if (v < 0 || v > MOST[f->kind])
        return false;
    if (f->kind == I64)
        *(int64_t *)at = v;
    else if (f->kind == U32)
        *(uint32_t *)at = (uint32_t)v;
    else if (f->kind == U16)
        *(uint16_t *)at = (uint16_t)v;
    else if (f->kind == U8)
        *(uint8_t *)at = (uint8_t)v;
    else
        *(bool *)at = v != 0;
    return true;
}

/* host_tcp(node, switches) -> nil, or what is wrong with them */
static int n_host_tcp(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    it_tcp_opts o;
    it_host_tcp_opts(h, &o);
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        if (lua_getfield(L, 2, FIELDS[i].name) != LUA_TNIL && !put_field(&o, &FIELDS[i], luaL_checkinteger(L, -1)))
            return lua_pushfstring(L, "%s is out of range", FIELDS[i].name), 1;
        lua_pop(L, 1);
    }
    const char *why = it_tcp_opts_fault(&o);
    if (why)
        return lua_pushstring(L, why), 1;
    it_script_check(L, it_host_tcp_setup(h, &o), "tcp");
    return 0;
}

const luaL_Reg IT_SCRIPT_TCP[] = {{"host_tcp", n_host_tcp}, {NULL, NULL}};
