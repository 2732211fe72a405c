/* C functions of the scenario language over the world: nodes, addresses, faults, statistics. Links are in link.c. */
#include "lab/lang/bind/impl.h"

#include "netsim/fw/firewall.h"
#include "netsim/nat/nat.h"
#include "netsim/box/router.h"

#include <stdio.h>
#include <string.h>

static it_world *world(lua_State *L)
{
    return it_lab_world(it_script_of(L)->lab);
}

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

/* Returns the number of a new node, or raises. */
static int push_node(lua_State *L, it_node *n, const char *name)
{
    if (!n)
        return luaL_error(L, "cannot make %s: out of memory or the name is taken", name);
    lua_pushinteger(L, n->index);
    return 1;
}

static int n_host(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    it_host *h = it_host_new(world(L), name);
    return push_node(L, h ? it_host_node(h) : NULL, name);
}

static int n_router(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    return push_node(L, it_router_new(world(L), name), name);
}

static int n_lan(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    return push_node(L, it_lan_new(world(L), name), name);
}

static int n_port(lua_State *L)
{
    int p = it_node_add_port(it_script_node(L, 1), luaL_checkstring(L, 2));
    it_script_check(L, p, "port");
    lua_pushinteger(L, p);
    return 1;
}

static int n_iface(lua_State *L)
{
    int i = it_host_iface(it_script_host(L, 1), luaL_checkstring(L, 2));
    it_script_check(L, i, "interface");
    lua_pushinteger(L, i);
    return 1;
}

static int n_lan_learn(lua_State *L)
{
    it_script_check(L, it_lan_learn(it_script_node(L, 1), it_script_ip(L, 2), (int)luaL_checkinteger(L, 3)), "LAN");
    return 0;
}

static int n_lan_forget(lua_State *L)
{
    it_lan_forget(it_script_node(L, 1), it_script_ip(L, 2));
    return 0;
}

static int n_router_addr(lua_State *L)
{
    it_script_check(L, it_router_addr(it_script_node(L, 1), (int)luaL_checkinteger(L, 2), it_script_ip(L, 3)),
                    "router");
    return 0;
}

static it_prefix host_prefix(lua_State *L, int arg)
{
    return (it_prefix){it_script_ip(L, arg), 128};
}

static int n_route(lua_State *L)
{
    it_ip via = {0, 0};
    it_script_check(L, it_router_route(it_script_node(L, 1), host_prefix(L, 2), (int)luaL_checkinteger(L, 3), via),
                    "route");
    return 0;
}

static int n_unroute(lua_State *L)
{
    it_router_unroute(it_script_node(L, 1), host_prefix(L, 2));
    return 0;
}

static uint8_t bits_for(it_ip ip, lua_Integer bits)
{
    return (uint8_t)(it_ip_is4(ip) ? bits + 96 : bits);
}

static int n_host_addr(lua_State *L)
{
    it_ip ip = it_script_ip(L, 3);
    int err =
        it_host_addr(it_script_host(L, 1), (int)luaL_checkinteger(L, 2), ip, bits_for(ip, luaL_checkinteger(L, 4)));
    if (err == IT_ERR_FULL) {
        char text[64];
        snprintf(text, sizeof text, "addr: an interface has at most %d addresses", IT_HOST_ADDRS);
        return it_script_raise(L, "error", NULL, text);
    }
    it_script_check(L, err, "address");
    return 0;
}

static int n_host_unaddr(lua_State *L)
{
    it_script_check(L, it_host_unaddr(it_script_host(L, 1), now(L), (int)luaL_checkinteger(L, 2), it_script_ip(L, 3)),
                    "address");
    return 0;
}

/* host_neighbor(node, interface, address, there) */
static int n_host_neighbor(lua_State *L)
{
    int err =
        it_host_neighbor(it_script_host(L, 1), (int)luaL_checkinteger(L, 2), it_script_ip(L, 3), lua_toboolean(L, 4));
    it_script_check(L, err, "neighbour");
    return 0;
}

static int n_host_gateway(lua_State *L)
{
    it_host_gateway(it_script_host(L, 1), (int)luaL_checkinteger(L, 2), it_script_ip(L, 3));
    return 0;
}

static int n_name(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (s->cfg.capture)
        it_script_check(L, it_capture_name(s->cfg.capture, it_script_ip(L, 1), luaL_checkstring(L, 2)), "name");
    if (s->cfg.trace)
        it_trace_addr(s->cfg.trace, now(L), luaL_checkstring(L, 2), it_script_ip(L, 1));
    return 0;
}

/* --- boxes --- */

/* All elements of the list at |arg| as addresses; returns how many. */
static int ip_list(lua_State *L, int arg, it_ip *out, int cap)
{
    int n = (int)luaL_len(L, arg);
    if (n > cap)
        luaL_error(L, "more than %d addresses", cap);
    for (int i = 0; i < n; i++) {
        lua_geti(L, arg, i + 1);
        out[i] = it_script_ip(L, -1);
        lua_pop(L, 1);
    }
    return n;
}

#define POOL_MAX 64

/* The NAT that node |arg| is; a Lua error for any other kind. */
static it_nat *nat_arg(lua_State *L, int arg)
{
    it_nat *nat = it_nat_of(it_script_node(L, arg));
    if (!nat)
        luaL_error(L, "not a NAT");
    return nat;
}

static int n_nat_outside(lua_State *L)
{
    it_ip ips[POOL_MAX];
    int n = ip_list(L, 2, ips, POOL_MAX);
    it_script_check(L, it_nat_outside(nat_arg(L, 1), ips, (uint32_t)n, it_script_ip(L, 3)), "outside");
    return 0;
}

static int n_renumber(lua_State *L)
{
    it_ip ips[POOL_MAX];
    int n = ip_list(L, 2, ips, POOL_MAX);
    it_script_check(L, it_nat_renumber(nat_arg(L, 1), now(L), ips, (uint32_t)n, it_script_ip(L, 3)), "renumber");
    return 0;
}

/* nat_family(node): 0, 64 or 66, and the prefix where there is one. */
static int n_nat_family(lua_State *L)
{
    char text[IT_PREFIX_TEXT];
    const it_nat_profile *p = it_nat_profile_of(nat_arg(L, 1));
    lua_pushinteger(L, p->family);
    lua_pushstring(L, it_prefix_text(p->prefix, text));
    return 2;
}

static int n_nat_gateway6(lua_State *L)
{
    it_nat_gateway6(nat_arg(L, 1), it_script_ip(L, 2));
    return 0;
}

/* nat_route6(node, own address, gateway): it hands IPv6 on */
static int n_nat_route6(lua_State *L)
{
    it_nat_route6(nat_arg(L, 1), it_script_ip(L, 2), it_script_ip(L, 3));
    return 0;
}

/* route_prefix(router, "prefix/bits", port, next hop if any) */
static int n_route_prefix(lua_State *L)
{
    it_prefix p;
    luaL_argcheck(L, it_prefix_parse(&p, luaL_checkstring(L, 2)) == 0, 2, "a prefix");
    it_ip via = lua_isnoneornil(L, 4) ? (it_ip){0, 0} : it_script_ip(L, 4);
    it_script_check(L, it_router_route(it_script_node(L, 1), p, (int)luaL_checkinteger(L, 3), via), "route");
    return 0;
}

static int n_nat_inside(lua_State *L)
{
    it_script_check(L, it_nat_inside(nat_arg(L, 1), it_script_ip(L, 2), (uint8_t)luaL_checkinteger(L, 3)), "inside");
    return 0;
}

static int n_reboot(lua_State *L)
{
    it_node *n = it_script_node(L, 1);
    it_time down = luaL_checkinteger(L, 2);
    if (it_nat_of(n))
        it_nat_reboot(it_nat_of(n), now(L), down);
    else if (it_fw_of(n))
        it_fw_reboot(it_fw_of(n), now(L), down);
    return 0;
}

static int n_flush_box(lua_State *L)
{
    it_node *n = it_script_node(L, 1);
    if (it_nat_of(n))
        it_nat_flush(it_nat_of(n), now(L));
    else if (it_fw_of(n))
        it_fw_flush(it_fw_of(n), now(L));
    return 0;
}

static void set_int(lua_State *L, const char *key, int64_t v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, key);
}

static int n_box_stats(lua_State *L)
{
    it_node *n = it_script_node(L, 1);
    lua_newtable(L);
    if (it_nat_of(n)) {
        const it_nat_stats *s = it_nat_stat(it_nat_of(n));
        set_int(L, "mappings", s->mappings);
        set_int(L, "sessions", s->sessions);
        set_int(L, "created", (int64_t)s->mappings_created);
        set_int(L, "ended", (int64_t)s->mappings_ended);
        set_int(L, "clashes", (int64_t)s->clashes);
        set_int(L, "out", (int64_t)s->out);
        set_int(L, "in", (int64_t)s->in);
        set_int(L, "hairpin", (int64_t)s->hairpin);
        set_int(L, "rewritten", (int64_t)s->alg);
        set_int(L, "no_room", s->no_room);
    } else if (it_fw_of(n)) {
        const it_fw_stats *s = it_fw_stat(it_fw_of(n));
        set_int(L, "out", (int64_t)s->out);
        set_int(L, "in", (int64_t)s->in);
        set_int(L, "flows", s->flows);
        set_int(L, "created", (int64_t)s->flows_created);
        set_int(L, "ended", (int64_t)s->flows_ended);
        set_int(L, "killed", (int64_t)s->killed);
        set_int(L, "resets", (int64_t)s->resets);
        set_int(L, "steered", (int64_t)s->steered);
    }
    return 1;
}

/* --- faults --- */

static int n_iface_set(lua_State *L)
{
    it_host_iface_set(it_script_host(L, 1), now(L), (int)luaL_checkinteger(L, 2), lua_toboolean(L, 3));
    return 0;
}

static int n_iface_usable(lua_State *L)
{
    lua_pushboolean(L, it_host_iface_usable(it_script_host(L, 1), (int)luaL_checkinteger(L, 2)));
    return 1;
}

static int n_power_on(lua_State *L)
{
    it_host_power(it_script_host(L, 1), now(L), true, false);
    return 0;
}

/* halt(host): what runs on it stands still, and it is off the network */
static int n_halt(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    it_lab_halt(it_script_of(L)->lab, h);
    it_host_suspend(h, true);
    return 0;
}

/* go_on(host, lag): it is back, its clocks |lag| behind where they were */
static int n_go_on(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    it_host_suspend(h, false);
    it_script_check(L, it_lab_go_on(it_script_of(L)->lab, h, luaL_checkinteger(L, 2)), "resume");
    return 0;
}

/* lose(host, silent): what ran on it is gone, and so is its power, or it still answers that nobody is there */
static int n_lose(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    bool silent = lua_toboolean(L, 2);
    it_host_suspend(h, false);
    if (silent)
        it_host_power(h, now(L), false, true); /* first: what ends now says no FIN any more */
    it_lab_lose(it_script_of(L)->lab, h);
    if (!silent)
        it_host_power(h, now(L), false, false);
    return 0;
}

static int n_host_stats(lua_State *L)
{
    it_host_stats s = it_host_stat(it_script_host(L, 1));
    lua_newtable(L);
    set_int(L, "rx_bytes", (int64_t)s.rx_bytes);
    set_int(L, "rx_packets", (int64_t)s.rx_packets);
    set_int(L, "tx_bytes", (int64_t)s.tx_bytes);
    set_int(L, "tx_packets", (int64_t)s.tx_packets);
    set_int(L, "rx_stun_bytes", (int64_t)s.rx_stun_bytes);
    return 1;
}

static void trace_note(lua_State *L, const it_trace_note *n)
{
    it_script *s = it_script_of(L);
    if (s->cfg.trace)
        it_trace_event(s->cfg.trace, now(L), n);
}

/* note(kind, text [, from, to]): a line "log", "signal" or "signaled" of the trace */
static int n_note(lua_State *L)
{
    it_trace_note n = {
        .node = luaL_optstring(L, 3, ""), .kind = luaL_checkstring(L, 1), .text = luaL_checkstring(L, 2)};
    n.peer = luaL_optstring(L, 4, NULL);
    trace_note(L, &n);
    return 0;
}

/* fault(what, text): a line of kind "fault" of the trace, which the capture tells of too */
static int n_fault(lua_State *L)
{
    it_trace_note n = {.node = "", .kind = "fault", .what = luaL_checkstring(L, 1), .text = luaL_checkstring(L, 2)};
    it_script *s = it_script_of(L);
    trace_note(L, &n);
    if (s->cfg.capture)
        it_capture_fault(s->cfg.capture, n.text);
    return 0;
}

const luaL_Reg IT_SCRIPT_NET[] = {
    {"host", n_host},
    {"router", n_router},
    {"lan", n_lan},
    {"port", n_port},
    {"iface", n_iface},
    {"lan_learn", n_lan_learn},
    {"lan_forget", n_lan_forget},
    {"router_addr", n_router_addr},
    {"route", n_route},
    {"unroute", n_unroute},
    {"host_addr", n_host_addr},
    {"host_unaddr", n_host_unaddr},
    {"host_neighbor", n_host_neighbor},
    {"host_gateway", n_host_gateway},
    {"name", n_name},
    {"nat_outside", n_nat_outside},
    {"nat_inside", n_nat_inside},
    {"nat_family", n_nat_family},
    {"nat_gateway6", n_nat_gateway6},
    {"nat_route6", n_nat_route6},
    {"route_prefix", n_route_prefix},
    {"renumber", n_renumber},
    {"reboot", n_reboot},
    {"flush_box", n_flush_box},
    {"box_stats", n_box_stats},
    {"iface_set", n_iface_set},
    {"iface_usable", n_iface_usable},
    {"power_on", n_power_on},
    {"halt", n_halt},
    {"go_on", n_go_on},
    {"lose", n_lose},
    {"host_stats", n_host_stats},
    {"note", n_note},
    {"fault", n_fault},
    {NULL, NULL},
};
