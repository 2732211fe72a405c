/* C functions of the scenario language over addresses and prefixes: the arithmetic of the address plan in nets.lua. */
#include "lab/lang/bind/impl.h"

#include "base/addr.h"

/* Prefix number |arg|, as "address/bits", or an address, which is a prefix of 128 bits; a Lua error for anything else.
 */
static it_prefix prefix_arg(lua_State *L, int arg)
{
    it_prefix p = {{0, 0}, 128};
    const char *text = luaL_checkstring(L, arg);
    luaL_argcheck(L, it_ip_parse(&p.ip, text) == 0 || it_prefix_parse(&p, text) == 0, arg, "a prefix or an address");
    return p;
}

/* |ip| moved on by |n| times 2^|shift|, where its bits from |shift| on are a number; what overflows is lost. */
static it_ip ip_plus(it_ip ip, uint64_t n, unsigned shift)
{
    if (shift >= 64)
        return (it_ip){ip.hi + (shift < 128 ? n << (shift - 64) : 0), ip.lo};
    uint64_t lo = ip.lo + (n << shift);
    uint64_t carry = lo < ip.lo ? 1 : 0, high = shift ? n >> (64 - shift) : 0;
    return (it_ip){ip.hi + high + carry, lo};
}

/* |p| without the bits behind its length. */
static it_prefix network_of(it_prefix p)
{
    uint64_t hi = p.bits >= 64 ? UINT64_MAX : p.bits ? ~(UINT64_MAX >> p.bits) : 0;
    uint64_t lo = p.bits <= 64 ? 0 : p.bits >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (p.bits - 64));
    return (it_prefix){{p.ip.hi & hi, p.ip.lo & lo}, p.bits};
}

static int push_ip(lua_State *L, it_ip ip)
{
    char text[IT_IP_TEXT];
    lua_pushstring(L, it_ip_text(ip, text));
    return 1;
}

static int push_prefix(lua_State *L, it_prefix p)
{
    char text[IT_PREFIX_TEXT];
    lua_pushstring(L, it_prefix_text(p, text));
    return 1;
}

/* Why no host may have |ip| as its own, NULL when one may. RFC 1122 section 3.2.1.3, RFC 4291 section 2.5. */
static const char *no_host_address(it_ip ip)
{
    static const struct {
        const char *prefix, *why;
    } NONE[] = {{"0.0.0.0/8", "is no address of anything"},
                {"::/128", "is no address of anything"},
                {"127.0.0.0/8", "is loopback"},
                {"169.254.0.0/16", "is link-local: no router hands it on (RFC 3927 section 7)"},
                {"::1/128", "is loopback"},
                {"224.0.0.0/4", "is a group"},
                {"ff00::/8", "is a group"},
                {"240.0.0.0/4", "is reserved"}};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        it_prefix p;
        if (it_prefix_parse(&p, NONE[i].prefix) == 0 && it_prefix_has(p, ip))
            return NONE[i].why;
    }
    return NULL;
}

/* host_ip(text) -> the address as it is written everywhere else, 4 or 6; or nil and why it is none of a host */
static int a_host_ip(lua_State *L)
{
    it_ip ip = {0, 0};
    const char *why = it_ip_parse(&ip, luaL_checkstring(L, 1)) < 0 ? "is no IP address" : no_host_address(ip);
    if (why) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    (void)push_ip(L, ip);
    lua_pushinteger(L, it_ip_is4(ip) ? 4 : 6);
    return 2;
}

/* prefix(text) -> the prefix, its address that of the net, its bits, 4 or 6; nil when |text| is none */
static int a_prefix(lua_State *L)
{
    it_prefix p = {{0, 0}, 0};
    if (it_prefix_parse(&p, luaL_checkstring(L, 1)) < 0)
        return 0;
    bool four = it_ip_is4(p.ip);
    if (four && p.bits < 96)
        return 0;
    (void)push_prefix(L, network_of(p));
    lua_pushinteger(L, four ? p.bits - 96 : p.bits);
    lua_pushinteger(L, four ? 4 : 6);
    return 3;
}

/* prefix_ip(prefix, n) -> the n-th address of the prefix, its own being number 0 */
static int a_prefix_ip(lua_State *L)
{
    return push_ip(L, ip_plus(prefix_arg(L, 1).ip, (uint64_t)luaL_checkinteger(L, 2), 0));
}

/* prefix_next(prefix, n) -> the n-th prefix of that length behind this one */
static int a_prefix_next(lua_State *L)
{
    it_prefix p = prefix_arg(L, 1);
    p.ip = ip_plus(p.ip, (uint64_t)luaL_checkinteger(L, 2), 128u - p.bits);
    return push_prefix(L, p);
}

/* prefix_has(p, q) -> whether q is a part of p, or equal; either may be an address */
static int a_prefix_has(lua_State *L)
{
    it_prefix p = prefix_arg(L, 1), q = prefix_arg(L, 2);
    lua_pushboolean(L, q.bits >= p.bits && it_prefix_has(p, q.ip));
    return 1;
}

const luaL_Reg IT_SCRIPT_ADDR[] = {
    {"host_ip", a_host_ip},         {"prefix", a_prefix},         {"prefix_ip", a_prefix_ip},
    {"prefix_next", a_prefix_next}, {"prefix_has", a_prefix_has}, {NULL, NULL},
};
