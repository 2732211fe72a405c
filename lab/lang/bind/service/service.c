/* C functions of the scenario language over the services of a network: port mappings and names. */
#include "lab/lang/bind/impl.h"
#include "lab/apps/named.h"
#include "lab/apps/service.h"

#include "base/pref64.h"
#include "stack/dns/dns64.h"
#include "stack/dns/resolver.h"
#include "stack/dns/server.h"
#include "stack/portmap/client.h"
#include "stack/portmap/upnp_server.h"

#include <stdio.h>
#include <string.h>

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

static int add(lua_State *L, it_host *h, const it_object_ops *ops, void *o, const char *name, int port)
{
    if (!o)
        return luaL_error(L, "%s: not enough memory, or a wrong name or prefix", name);
    int app = it_lab_add(it_script_of(L)->lab, h, ops, o, name, port);
    it_script_check(L, app, name);
    lua_pushinteger(L, app);
    return 1;
}

static it_rng stream(lua_State *L, const char *name)
{
    it_rng rng;
    it_rng_init(&rng, it_script_of(L)->cfg.seed, name);
    return rng;
}

/* --- what services have said --- */

int it_script_service_told(void *self, int app, const it_service_event *ev)
{
    it_script *s = self;
    if (it_grow(s->alloc, &s->said, &s->cap_said, (size_t)app + 1, sizeof *s->said) < 0)
        return IT_ERR_NOMEM;
    while (s->n_said <= (size_t)app)
        s->said[s->n_said++] = (it_script_said){.told = false};
    it_script_said *x = &s->said[app];
    *x = (it_script_said){.told = true, .e = *ev};
    x->e.n = ev->n < IT_DNS_STUB_IPS ? ev->n : IT_DNS_STUB_IPS;
    for (size_t i = 0; i < x->e.n; i++)
        x->ip[i] = ev->ip[i];
    x->e.ip = NULL;
    return 0;
}

/* What app 1 said last, NULL before it has said anything, or when it is gone. */
static const it_script_said *said_of(lua_State *L)
{
    const it_script *s = it_script_of(L);
    lua_Integer app = luaL_checkinteger(L, 1);
    bool any = app >= 0 && (size_t)app < s->n_said && s->said[app].told && it_lab_app_ops(s->lab, (int)app);
    return any ? &s->said[app] : NULL;
}

/* named(i) -> the i-th name (from 0) of what serve starts; nil past the end */
static int s_named(lua_State *L)
{
    lua_pushstring(L, it_named_app_name((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* serve(host, label, name, port) -> app */
static int s_serve(lua_State *L)
{
    const it_named_app *named = it_named_app_of(luaL_checkstring(L, 3));
    lua_Integer port = luaL_checkinteger(L, 4);
    luaL_argcheck(L, named != NULL, 3, "the name of an app");
    luaL_argcheck(L, port > 0 && port < 65536, 4, "a port");
    void *o = named->make(it_script_of(L)->alloc, (uint16_t)port);
    return add(L, it_script_host(L, 1), named->ops, o, luaL_checkstring(L, 2), -1);
}

/* As if app 1 had said nothing yet. */
static void forget_said(lua_State *L)
{
    it_script *s = it_script_of(L);
    lua_Integer app = luaL_checkinteger(L, 1);
    if (app >= 0 && (size_t)app < s->n_said)
        s->said[app].told = false;
}

/* nat_self(box) -> port: where the box's own host is plugged in. */
static int s_nat_self(lua_State *L)
{
    it_nat *nat = it_nat_of(it_script_node(L, 1));
    luaL_argcheck(L, nat != NULL, 1, "a NAT");
    int port = it_nat_self(nat);
    it_script_check(L, port, "port");
    lua_pushinteger(L, port);
    return 1;
}

/* serves(box) -> bits of IT_NAT_UPNP and so on */
static int s_serves(lua_State *L)
{
    it_nat *nat = it_nat_of(it_script_node(L, 1));
    lua_pushinteger(L, nat ? it_nat_profile_of(nat)->portmap : 0);
    return 1;
}

/* portmap_server(host, box) */
static int s_portmap_server(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    it_nat *nat = it_nat_of(it_script_node(L, 2));
    luaL_argcheck(L, nat != NULL, 2, "a NAT");
    char name[IT_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s/portmap", it_host_node(h)->name);
    return add(L, h, &it_app_portmap, it_service_portmap(it_script_of(L)->alloc, nat, now(L)), name, IT_PORTMAP_PORT);
}

/* igd(host, box) */
static int s_igd(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    it_nat *nat = it_nat_of(it_script_node(L, 2));
    it_ip own;
    luaL_argcheck(L, nat != NULL, 2, "a NAT");
    luaL_argcheck(L, it_host_nth_addr(h, 0, 0, &own), 1, "a host with an address");
    char name[IT_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s/igd", it_host_node(h)->name);
    void *o = it_service_igd(it_script_of(L)->alloc, stream(L, name), nat, own);
    (void)add(L, h, &it_app_igd, o, name, IT_UPNP_SSDP_PORT);
    it_script_check(L, it_lab_serve(it_script_of(L)->lab, (int)lua_tointeger(L, -1), IT_UPNP_HTTP_PORT), name);
    return 1;
}

/* An IPv4 address |ip| as a host behind a NAT64 of prefix |arg| knows it; without a prefix there, and IPv6, as it is.
 */
static it_ip behind64(lua_State *L, int arg, it_ip ip)
{
    it_prefix pref;
    bool six = !lua_isnoneornil(L, arg) && it_prefix_parse(&pref, luaL_checkstring(L, arg)) == 0 && it_pref64_ok(pref);
    return six && it_ip_is4(ip) ? it_pref64_embed(pref, it_ip_v4(ip)) : ip;
}

/* reads_as(address with port, prefix of a NAT64 or nil) -> how a host behind it knows it; nil: no address */
static int s_reads_as(lua_State *L)
{
    char text[IT_ADDR_TEXT];
    it_addr a;
    if (it_addr_parse(&a, luaL_checkstring(L, 1)) < 0 || a.port == 0)
        return 0;
    lua_pushstring(L, it_addr_text(it_addr_of(behind64(L, 2, a.ip), a.port), text));
    return 1;
}

/* filter(text, prefix of a NAT64 or nil) -> { prefix, port }; nil: |text| is neither an address nor a prefix, with or
 * without a port */
static int s_filter(lua_State *L)
{
    char text[IT_PREFIX_TEXT];
    const char *s = luaL_checkstring(L, 1), *colon = strrchr(s, ':'), *slash = strchr(s, '/');
    it_addr a = {{0, 0}, 0};
    it_prefix p = {{0, 0}, 128};
    if (slash && colon > slash) {
        /* "prefix:port": the port read behind an address that does not matter */
        snprintf(text, sizeof text, "0.0.0.0%s", strlen(colon) < 8 ? colon : "");
        if (it_addr_parse(&a, text) < 0 || a.port == 0)
            return 0;
        lua_pushlstring(L, s, (size_t)(colon - s));
        s = lua_tostring(L, -1);
    }
    if (it_addr_parse(&a, s) == 0 || it_ip_parse(&a.ip, s) == 0)
        p.ip = a.ip;
    else if (it_prefix_parse(&p, s) < 0)
        return 0;
    p.ip = behind64(L, 2, p.ip);
    lua_newtable(L);
    lua_pushstring(L, it_prefix_text(p, text));
    lua_seti(L, -2, 1);
    lua_pushinteger(L, a.port);
    lua_seti(L, -2, 2);
    return 1;
}

/* The list of { prefix, port } at |arg| as filters. */
static size_t filters(lua_State *L, int arg, it_portmap_filter *f)
{
    size_t n = lua_istable(L, arg) ? (size_t)lua_rawlen(L, arg) : 0;
    luaL_argcheck(L, n <= IT_PORTMAP_CLIENT_FILTERS, arg, "at most 16 filters");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        luaL_argcheck(L, it_prefix_parse(&f[i].who, luaL_checkstring(L, -2)) == 0, arg, "a prefix");
        f[i].port = (uint16_t)luaL_checkinteger(L, -1);
        lua_pop(L, 3);
    }
    return n;
}

/* map_filter(app, filters) -> true, or nil and why not */
static int s_map_filter(lua_State *L)
{
    it_portmap_filter f[IT_PORTMAP_CLIENT_FILTERS];
    void *o = it_lab_app(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
    int err = o ? it_mapper_filter(o, now(L), f, filters(L, 2, f)) : IT_ERR_STATE;
    if (err == 0) {
        forget_said(L); /* how it went will be told */
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, it_err_str(err));
    return 2;
}

static int s_map_ask(lua_State *L)
{
    void *o = it_lab_app(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
    if (o)
        it_mapper_ask(o, now(L));
    return 0;
}

/* map_port(host, label, gateway, proto, internal, external, lifetime, give_up, upnp, peer, third, exactly, filters) ->
 * app */
static int s_map_port(lua_State *L)
{
    const char *label = luaL_checkstring(L, 2);
    it_portmap_client_cfg cfg = {.alloc = it_script_of(L)->alloc,
                                 .server = it_addr_of(it_script_ip(L, 3), IT_PORTMAP_PORT),
                                 .proto = (uint8_t)luaL_checkinteger(L, 4),
                                 .internal = (uint16_t)luaL_checkinteger(L, 5),
                                 .external = (uint16_t)luaL_checkinteger(L, 6),
                                 .lifetime = (uint32_t)luaL_checkinteger(L, 7),
                                 .give_up = luaL_checkinteger(L, 8)};
    cfg.rng = stream(L, label);
    cfg.listens = lua_toboolean(L, 9);
    luaL_argcheck(L, lua_isnil(L, 10) || it_addr_parse(&cfg.peer, luaL_checkstring(L, 10)) == 0, 10,
                  "an address with a port");
    if (!lua_isnil(L, 11))
        cfg.third = it_script_ip(L, 11);
    cfg.prefer_failure = lua_toboolean(L, 12);
    cfg.n_filters = filters(L, 13, cfg.filters);
    (void)add(L, it_script_host(L, 1), &it_mapper_ops, it_mapper_new(&cfg, lua_toboolean(L, 9)), label, -1);
    it_lab *lab = it_script_of(L)->lab;
    int app = (int)lua_tointeger(L, -1);
    it_addr a;
    it_script_check(L, it_lab_hear(lab, app, IT_PORTMAP_GROUP_PORT), label);
    /* UPnP: events come by streams to the socket's own address. */
    for (int i = 0; cfg.listens && it_lab_app_addr(lab, app, i, &a); i++)
        if (it_ip_is4(a.ip))
            it_script_check(L, it_lab_serve_on(lab, app, a), label);
    return 1;
}

/* map_state(app) -> nil before it is known; "mapped", address, how, lifetime; "failed" or "lost", result */
static int s_map_state(lua_State *L)
{
    char text[IT_ADDR_TEXT];
    const it_script_said *ev = said_of(L);
    if (!ev)
        return 0;
    if (ev->e.kind != IT_SERVICE_MAPPED) {
        lua_pushstring(L, ev->e.kind == IT_SERVICE_LOST ? "lost" : "failed");
        lua_pushinteger(L, ev->e.code);
        return 2;
    }
    lua_pushstring(L, "mapped");
    lua_pushstring(L, it_addr_text(ev->e.addr, text));
    lua_pushstring(L, ev->e.how);
    lua_pushinteger(L, (lua_Integer)ev->e.lifetime * IT_SEC);
    return 4;
}

static int s_map_release(lua_State *L)
{
    void *o = it_lab_app(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
    if (o)
        it_mapper_release(o, now(L));
    return 0;
}

static int s_app_remove(lua_State *L)
{
    it_lab_remove(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
    return 0;
}

/* dns_server(host) -> app: knows every name there is */
static int s_dns_server(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s/names", it_host_node(h)->name);
    return add(L, h, &it_dns_server_ops, it_dns_server_new(it_script_of(L)->alloc, "", 60), name, IT_DNS_PORT);
}

/* dns_name(app, name, address) */
static int s_dns_name(lua_State *L)
{
    it_dns_server *s = it_lab_app(it_script_of(L)->lab, (int)luaL_checkinteger(L, 1));
    luaL_argcheck(L, s != NULL, 1, "a name server");
    it_script_check(L, it_dns_server_add(s, luaL_checkstring(L, 2), it_script_ip(L, 3), 300), luaL_checkstring(L, 2));
    return 0;
}

/* dns64(host, upstream, prefix) -> app */
static int s_dns64(lua_State *L)
{
    it_host *h = it_script_host(L, 1);
    char name[IT_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s/dns64", it_host_node(h)->name);
    it_dns64_cfg cfg = {.alloc = it_script_of(L)->alloc,
                        .rng = stream(L, name),
                        .upstream = it_addr_of(it_script_ip(L, 2), IT_DNS_PORT)};
    luaL_argcheck(L, it_prefix_parse(&cfg.prefix, luaL_checkstring(L, 3)) == 0, 3, "a prefix");
    return add(L, h, &it_dns64_ops, it_dns64_new(&cfg), name, IT_DNS_PORT);
}

/* resolve(host, label, server, name, IPv4, IPv6) -> app */
static int s_resolve(lua_State *L)
{
    const char *label = luaL_checkstring(L, 2);
    it_addr server = it_addr_of(it_script_ip(L, 3), IT_DNS_PORT);
    void *o = it_resolver_new(it_script_of(L)->alloc, stream(L, label), server, luaL_checkstring(L, 4),
                              lua_toboolean(L, 5), lua_toboolean(L, 6));
    return add(L, it_script_host(L, 1), &it_resolver_ops, o, label, -1);
}

/* resolved(app) -> nil before it is; rcode or -1, list of addresses */
static int s_resolved(lua_State *L)
{
    char text[IT_IP_TEXT];
    const it_script_said *ev = said_of(L);
    if (!ev)
        return 0;
    lua_pushinteger(L, ev->e.code);
    lua_newtable(L);
    for (size_t i = 0; i < ev->e.n; i++) {
        lua_pushstring(L, it_ip_text(ev->ip[i], text));
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    return 2;
}

const luaL_Reg IT_SCRIPT_SERVICE[] = {
    {"nat_self", s_nat_self},
    {"serves", s_serves},
    {"portmap_server", s_portmap_server},
    {"igd", s_igd},
    {"named", s_named},
    {"serve", s_serve},
    {"map_port", s_map_port},
    {"map_state", s_map_state},
    {"map_release", s_map_release},
    {"reads_as", s_reads_as},
    {"filter", s_filter},
    {"map_filter", s_map_filter},
    {"map_ask", s_map_ask},
    {"app_remove", s_app_remove},
    {"dns_server", s_dns_server},
    {"dns_name", s_dns_name},
    {"dns64", s_dns64},
    {"resolve", s_resolve},
    {"resolved", s_resolved},
    {NULL, NULL},
};
