/* Reading a Lua table by a table of keys: one small function for each kind of value.
 *
 * Only raw access and nothing that allocates in the Lua state: nothing here can raise a Lua error. Keys are visited in
 * the order of the key table, since the order of a Lua table changes from run to run. */
#include "lab/profile/impl.h"

#include "lab/profile/unit.h"

#include <lua.h>
#include <stdio.h>
#include <string.h>

#define STACK 32 /* Lua stack slots asked for at each level */

/* --- names --- */

static size_t push_path(it_key_ctx *c, const char *name)
{
    size_t was = strlen(c->path);
    snprintf(c->path + was, sizeof c->path - was, ".%s", name);
    return was;
}

/* --- values; each reads the one on top of the stack and leaves it there --- */

/* The value as text for messages. */
static const char *value_show(lua_State *L, char out[48])
{
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(out, 48, "\"%.40s\"", lua_tostring(L, -1));
    else if (lua_isinteger(L, -1))
        snprintf(out, 48, "%lld", (long long)lua_tointeger(L, -1));
    else if (lua_type(L, -1) == LUA_TNUMBER)
        snprintf(out, 48, "%.14g", (double)lua_tonumber(L, -1));
    else if (lua_type(L, -1) == LUA_TBOOLEAN)
        snprintf(out, 48, "%s", lua_toboolean(L, -1) ? "true" : "false");
    else
        snprintf(out, 48, "a %s", lua_typename(L, lua_type(L, -1)));
    return out;
}

static int want(it_key_ctx *c, const char *what)
{
    char text[48];
    return it_keys_fail(c, "%s where %s belongs", value_show(c->L, text), what);
}

/* A name of |names| (0, 1, ...), or -1; the boolean false stands for the name "false". */
static int name_index(lua_State *L, const char *const *names)
{
    bool is_false = lua_type(L, -1) == LUA_TBOOLEAN && !lua_toboolean(L, -1);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : is_false ? "false" : NULL;
    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0 && is_false == (strcmp(text, "false") == 0))
            return i;
    return -1;
}

static int want_name(it_key_ctx *c, const char *const *names)
{
    char list[120] = "";
    for (int i = 0; names[i]; i++) {
        size_t n = strlen(list);
        bool is_false = strcmp(names[i], "false") == 0;
        snprintf(list + n, sizeof list - n, is_false ? "%s%s" : "%s\"%s\"",
                 i == 0         ? ""
                 : names[i + 1] ? ", "
                                : " or ",
                 names[i]);
    }
    return want(c, list);
}

static int read_enum(it_key_ctx *c, const it_key *k, uint8_t *at)
{
    int i = name_index(c->L, k->arg);
    if (i < 0)
        return want_name(c, k->arg);
    *at = (uint8_t)i;
    return 0;
}

static int read_bool(it_key_ctx *c, const it_key *k, bool *at)
{
    (void)k;
    if (lua_type(c->L, -1) != LUA_TBOOLEAN)
        return want(c, "true or false");
    *at = lua_toboolean(c->L, -1);
    return 0;
}

static int read_quantity(it_key_ctx *c, enum it_unit_kind kind, int64_t *out)
{
    static const char *const WHAT[] = {"a time", "a rate", "a size", "a share"};
    char err[IT_UNIT_MSG], text[48];
    if (lua_type(c->L, -1) == LUA_TNUMBER) {
        it_unit_bare(kind, value_show(c->L, text), err);
        return it_keys_fail(c, "%s", err);
    }
    if (lua_type(c->L, -1) != LUA_TSTRING)
        return want(c, WHAT[kind]);
    return it_unit_parse(kind, lua_tostring(c->L, -1), out, err) < 0 ? it_keys_fail(c, "%s", err) : 0;
}

static int read_int(it_key_ctx *c, int64_t lo, int64_t hi, int64_t *out)
{
    char what[80];
    snprintf(what, sizeof what, "a whole number from %lld to %lld", (long long)lo, (long long)hi);
    /* Not what Lua would take for a number: 1.0 and "1" are a mistake here. */
    if (!lua_isinteger(c->L, -1))
        return want(c, what);
    *out = lua_tointeger(c->L, -1);
    return *out < lo || *out > hi ? want(c, what) : 0;
}

static int read_time(it_key_ctx *c, const it_key *k, it_time *at)
{
    int64_t v = 0;
    if (read_quantity(c, IT_UNIT_TIME, &v) < 0)
        return IT_ERR_PARSE;
    if (v < k->lo)
        return want(c, "a time above 0");
    *at = v;
    return 0;
}

static int read_size(it_key_ctx *c, const it_key *k, int64_t *at)
{
    (void)k;
    return read_quantity(c, IT_UNIT_SIZE, at);
}

static int read_mtu(it_key_ctx *c, const it_key *k, uint32_t *at)
{
    int64_t v = 0;
    if (read_quantity(c, IT_UNIT_SIZE, &v) < 0)
        return IT_ERR_PARSE;
    if (v < k->lo || v > k->hi)
        return it_keys_fail(c, "an MTU is from %lldB to %lldB", (long long)k->lo, (long long)k->hi);
    *at = (uint32_t)v;
    return 0;
}

static int read_u32(it_key_ctx *c, const it_key *k, uint32_t *at)
{
    int64_t v = 0;
    if (read_int(c, k->lo, k->hi, &v) < 0)
        return IT_ERR_PARSE;
    *at = (uint32_t)(k->kind == IT_KEY_MILLI ? v * 1000 : v);
    return 0;
}

static int read_share(it_key_ctx *c, const it_key *k, uint32_t *at)
{
    (void)k;
    int64_t v = 0;
    if (read_quantity(c, IT_UNIT_SHARE, &v) < 0)
        return IT_ERR_PARSE;
    *at = (uint32_t)v;
    return 0;
}

/* --- lists --- */

/* The number of elements of the list on top; -1 with a message when it is no list of at most |max|. */
static int list_length(it_key_ctx *c, const char *what, size_t max)
{
    lua_State *L = c->L;
    if (lua_type(L, -1) != LUA_TTABLE) {
        want(c, what);
        return -1;
    }
    size_t n = lua_rawlen(L, -1), keys = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        keys++;
    if (keys != n || n > max) {
        it_keys_fail(c, keys != n ? "a table with names or holes where %s belongs" : "%s has at most %zu elements",
                     what, max);
        return -1;
    }
    return (int)n;
}

/* Pushes element |i| of the list on top. */
static void element(it_key_ctx *c, int i)
{
    lua_rawgeti(c->L, -1, i + 1);
}

static int read_range(it_key_ctx *c, const it_key *k, it_nat_range *at)
{
    (void)k;
    int64_t v[2];
    int n = list_length(c, "a range of ports {lo, hi}", 2);
    if (n < 0)
        return IT_ERR_PARSE;
    if (n != 2)
        return it_keys_fail(c, "a range of ports is {lo, hi}");
    for (int i = 0; i < 2; i++) {
        element(c, i);
        int err = read_int(c, 1, 65535, &v[i]);
        lua_pop(c->L, 1);
        if (err < 0)
            return err;
    }
    *at = (it_nat_range){(uint16_t)v[0], (uint16_t)v[1]};
    return 0;
}

static int read_ranges(it_key_ctx *c, const it_key *k, it_nat_alloc *alloc)
{
    (void)k;
    int n = list_length(c, "a list of port ranges", IT_NAT_RANGES), err = 0;
    if (n < 0)
        return IT_ERR_PARSE;
    memset(alloc->classes, 0, sizeof alloc->classes);
    for (int i = 0; i < n && err == 0; i++) {
        element(c, i);
        err = read_range(c, NULL, &alloc->classes[i]);
        lua_pop(c->L, 1);
    }
    alloc->n_classes = (uint8_t)n;
    return err;
}

static int read_set(it_key_ctx *c, const it_key *k, uint8_t *at)
{
    int n = list_length(c, "a list of names", 8), bits = 0;
    if (n < 0)
        return IT_ERR_PARSE;
    for (int i = 0; i < n; i++) {
        element(c, i);
        int bit = name_index(c->L, k->arg);
        if (bit < 0)
            want_name(c, k->arg);
        lua_pop(c->L, 1);
        if (bit < 0)
            return IT_ERR_PARSE;
        bits |= 1 << bit;
    }
    *at = (uint8_t)bits;
    return 0;
}

static int read_port(it_key_ctx *c, it_fw_ports *ports)
{
    int64_t v = 0;
    if (lua_type(c->L, -1) == LUA_TSTRING && strcmp(lua_tostring(c->L, -1), "*") == 0) {
        ports->any = true;
        return 0;
    }
    if (lua_type(c->L, -1) == LUA_TSTRING)
        return want(c, "a port or \"*\"");
    if (read_int(c, 1, 65535, &v) < 0)
        return IT_ERR_PARSE;
    ports->port[ports->n++] = (uint16_t)v;
    return 0;
}

static int read_ports(it_key_ctx *c, const it_key *k, it_fw_ports *at)
{
    (void)k;
    it_fw_ports ports = {.set = true};
    int n = list_length(c, "a list of ports", IT_FW_PORTS), err = 0;
    if (n < 0)
        return IT_ERR_PARSE;
    for (int i = 0; i < n && err == 0; i++) {
        element(c, i);
        err = read_port(c, &ports);
        lua_pop(c->L, 1);
    }
    *at = ports;
    return err;
}

static int read_span(it_key_ctx *c, const it_key *k, it_time *at)
{
    (void)k;
    static const it_key ANY = {"", IT_KEY_TIME, 0, NULL, 0, 0};
    int n = list_length(c, "{least, most}", 2), err = 0;
    if (n < 0)
        return IT_ERR_PARSE;
    if (n != 2)
        return it_keys_fail(c, "write {least, most}");
    for (int i = 0; i < 2 && err == 0; i++) {
        element(c, i);
        err = read_time(c, &ANY, &at[i]);
        lua_pop(c->L, 1);
    }
    return err;
}

static int read_prefix(it_key_ctx *c, const it_key *k, it_prefix *at)
{
    (void)k;
    if (lua_type(c->L, -1) != LUA_TSTRING || it_prefix_parse(at, lua_tostring(c->L, -1)) < 0)
        return want(c, "a prefix like \"64:ff9b::/96\"");
    return 0;
}

static int read_family(it_key_ctx *c, const it_key *k, uint8_t *at)
{
    (void)k;
    static const char *const FAMILIES[] = {"4", "64", "66", NULL};
    int i = name_index(c->L, FAMILIES);
    if (i < 0)
        return want_name(c, FAMILIES);
    *at = i == 2 ? 66 : i ? 64 : 0;
    return 0;
}

static int read_name(it_key_ctx *c, const it_key *k, char *at)
{
    size_t room = k->hi ? (size_t)k->hi : IT_NAME_MAX;
    if (lua_type(c->L, -1) != LUA_TSTRING || lua_rawlen(c->L, -1) >= room)
        return want(c, k->hi ? "a short text" : "a name");
    snprintf(at, room, "%s", lua_tostring(c->L, -1));
    return 0;
}

static int read_word(it_key_ctx *c, const it_key *k, bool *at)
{
    const char *const words[] = {k->arg, NULL};
    if (name_index(c->L, words) != 0)
        return want_name(c, words);
    *at = true;
    return 0;
}

static int read_rate(it_key_ctx *c, const it_key *k, int64_t *at)
{
    (void)k;
    return read_quantity(c, IT_UNIT_RATE, at);
}

static int read_i32(it_key_ctx *c, const it_key *k, int32_t *at)
{
    int64_t v = 0;
    if (read_int(c, k->lo, k->hi, &v) < 0)
        return IT_ERR_PARSE;
    *at = (int32_t)v;
    return 0;
}

/* --- links: what happens to whom when --- */

typedef struct event {
    it_link_event e;
    char up[IT_NAME_MAX], down[IT_NAME_MAX];
} event;

static int read_event(it_key_ctx *c, it_link_event *out)
{
    static const it_key KEYS[] = {
        {"t", IT_KEY_SKIP, 0, NULL, 0, 0},
        {"up", IT_KEY_NAME, offsetof(event, up), NULL, 0, 0},
        {"down", IT_KEY_NAME, offsetof(event, down), NULL, 0, 0},
        {NULL, 0, 0, NULL, 0, 0},
    };
    static const it_key ANY = {"", IT_KEY_TIME, 0, NULL, 0, 0};
    event ev = {.e = {.at = IT_NEVER}};
    if (lua_type(c->L, -1) != LUA_TTABLE)
        return want(c, "an event");
    int err = it_keys_read(c, lua_gettop(c->L), KEYS, &ev);
    if (err < 0)
        return err;
    if (!it_keys_get(c->L, lua_gettop(c->L), "t"))
        return it_keys_fail(c, "an event needs its time t");
    bool detect = lua_type(c->L, -1) == LUA_TSTRING && strcmp(lua_tostring(c->L, -1), "detect") == 0;
    if (!detect)
        err = read_time(c, &ANY, &ev.e.at);
    lua_pop(c->L, 1);
    if (err == 0 && !ev.up[0] == !ev.down[0])
        err = it_keys_fail(c, "an event takes one interface up or down");
    ev.e.up = ev.up[0] != '\0';
    memcpy(ev.e.iface, ev.e.up ? ev.up : ev.down, IT_NAME_MAX);
    *out = ev.e;
    return err;
}

static int read_events(it_key_ctx *c, const it_key *k, it_link_profile *p)
{
    (void)k;
    int n = list_length(c, "a list of events", IT_PROFILE_EVENTS), err = 0;
    if (n < 0)
        return IT_ERR_PARSE;
    for (int i = 0; i < n && err == 0; i++) {
        element(c, i);
        err = read_event(c, &p->events[i]);
        lua_pop(c->L, 1);
    }
    p->n_events = (uint32_t)n;
    return err;
}

/* --- nested tables --- */

static int read_value(it_key_ctx *c, const it_key *k, void *base);

static bool is_empty(lua_State *L)
{
    lua_pushnil(L);
    if (!lua_next(L, -2))
        return true;
    lua_pop(L, 2);
    return false;
}

static int read_table(it_key_ctx *c, const it_key *k, void *base)
{
    if (lua_type(c->L, -1) != LUA_TTABLE)
        return want(c, "a table");
    if (k->kind == IT_KEY_LIMITS && is_empty(c->L))
        memset((uint8_t *)base + k->off, 0, (size_t)k->lo);
    return it_keys_read(c, lua_gettop(c->L), k->arg, base);
}

/* Makes the rules of UDP or, with |tcp|, TCP those of "any", or of "block". */
static void set_fw_proto(it_fw_profile *p, bool tcp, bool block)
{
    it_fw_profile any;
    it_fw_profile_init(&any);
    if (tcp) {
        p->tcp = any.tcp;
        p->tcp.block = block;
    } else {
        p->udp = any.udp;
        p->udp.block = block;
    }
}

/* Whether the table on top of the stack has |key|. */
static bool has_key(it_key_ctx *c, const char *key)
{
    if (!it_keys_get(c->L, lua_gettop(c->L), key))
        return false;
    lua_pop(c->L, 1);
    return true;
}

/* Reads the table of rules for UDP or, with |tcp|, TCP. A filtering or a mapping makes them stateful. */
static int read_fw_rules(it_key_ctx *c, const it_key *k, it_fw_profile *p, bool tcp)
{
    bool stateful = has_key(c, "filtering") || (!tcp && has_key(c, "mapping"));
    *(tcp ? &p->tcp.block : &p->udp.block) = false;
    if (stateful)
        *(tcp ? &p->tcp.stateful : &p->udp.stateful) = true;
    return it_keys_read(c, lua_gettop(c->L), k->arg, p);
}

/* |k|->lo: 0 UDP, 1 TCP. */
static int read_fw_proto(it_key_ctx *c, const it_key *k, void *base)
{
    it_fw_profile *p = base; /* the first member of an it_access_profile */
    bool tcp = k->lo != 0;
    if (lua_type(c->L, -1) == LUA_TTABLE)
        return read_fw_rules(c, k, p, tcp);
    const char *text = lua_type(c->L, -1) == LUA_TSTRING ? lua_tostring(c->L, -1) : "";
    bool block = strcmp(text, "block") == 0;
    if (!block && strcmp(text, "any") != 0)
        return want(c, "\"any\", \"block\" or a table");
    set_fw_proto(p, tcp, block);
    return 0;
}

static int read_addr(it_key_ctx *c, const it_key *k, it_addr *at)
{
    (void)k;
    if (lua_type(c->L, -1) != LUA_TSTRING || it_addr_parse(at, lua_tostring(c->L, -1)) < 0)
        return want(c, "an address and port");
    return 0;
}

static int read_ip(it_key_ctx *c, const it_key *k, it_ip *at)
{
    (void)k;
    if (lua_type(c->L, -1) != LUA_TSTRING || it_ip_parse(at, lua_tostring(c->L, -1)) < 0)
        return want(c, "an address");
    return 0;
}

static int read_each(it_key_ctx *c, const it_key *k, void *base)
{
    int err = 0;
    for (const it_key *const *keys = k->arg; *keys && err == 0; keys++)
        err = read_value(c, &(*keys)[k->lo], base);
    return err;
}

/* One entry for each kind: |plain| gets the field, |nested| the struct that the offsets count from. */
#define PLAIN(name, type)                                                                                              \
    static int plain_##name(it_key_ctx *c, const it_key *k, void *base)                                                \
    {                                                                                                                  \
        return read_##name(c, k, (type *)(void *)((uint8_t *)base + k->off));                                          \
    }

PLAIN(enum, uint8_t)
PLAIN(bool, bool)
PLAIN(time, it_time)
PLAIN(rate, int64_t)
PLAIN(size, int64_t)
PLAIN(mtu, uint32_t)
PLAIN(share, uint32_t)
PLAIN(u32, uint32_t)
PLAIN(i32, int32_t)
PLAIN(range, it_nat_range)
PLAIN(ranges, it_nat_alloc)
PLAIN(set, uint8_t)
PLAIN(ports, it_fw_ports)
PLAIN(prefix, it_prefix)
PLAIN(family, uint8_t)
PLAIN(name, char)
PLAIN(span, it_time)
PLAIN(events, it_link_profile)
PLAIN(addr, it_addr)
PLAIN(ip, it_ip)
PLAIN(word, bool)

static int read_skip(it_key_ctx *c, const it_key *k, void *base)
{
    (void)c, (void)k, (void)base;
    return 0;
}

static int (*const READERS[IT_KEY_KINDS])(it_key_ctx *c, const it_key *k, void *base) = {
    [IT_KEY_TABLE] = read_table,      [IT_KEY_LIMITS] = read_table,   [IT_KEY_ENUM] = plain_enum,
    [IT_KEY_BOOL] = plain_bool,       [IT_KEY_TIME] = plain_time,     [IT_KEY_RATE] = plain_rate,
    [IT_KEY_SIZE] = plain_size,       [IT_KEY_MTU] = plain_mtu,       [IT_KEY_SHARE] = plain_share,
    [IT_KEY_COUNT] = plain_u32,       [IT_KEY_INT] = plain_i32,       [IT_KEY_MILLI] = plain_u32,
    [IT_KEY_RANGE] = plain_range,     [IT_KEY_RANGES] = plain_ranges, [IT_KEY_SET] = plain_set,
    [IT_KEY_PORTS] = plain_ports,     [IT_KEY_PREFIX] = plain_prefix, [IT_KEY_FAMILY] = plain_family,
    [IT_KEY_NAME] = plain_name,       [IT_KEY_SPAN] = plain_span,     [IT_KEY_EVENTS] = plain_events,
    [IT_KEY_FWPROTO] = read_fw_proto, [IT_KEY_WORD] = plain_word,     [IT_KEY_EACH] = read_each,
    [IT_KEY_SKIP] = read_skip,        [IT_KEY_ADDR] = plain_addr,     [IT_KEY_IP] = plain_ip,
};

static int read_value(it_key_ctx *c, const it_key *k, void *base)
{
    return READERS[k->kind](c, k, base);
}

/* --- the walk --- */

bool it_keys_get(lua_State *L, int index, const char *name)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), name) == 0) {
            lua_replace(L, -2);
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

int it_keys_read(it_key_ctx *c, int index, const it_key *keys, void *base)
{
    if (!lua_checkstack(c->L, STACK))
        return it_keys_fail(c, "nested too deeply");
    int err = it_keys_refuse(c, index, keys);
    c->depth++;
    for (const it_key *k = keys; k->name && err == 0; k++) {
        if (k->kind == IT_KEY_SKIP || !it_keys_get(c->L, index, k->name))
            continue;
        size_t was = push_path(c, k->name);
        err = read_value(c, k, base);
        if (err == 0)
            c->path[was] = '\0';
        lua_pop(c->L, 1);
    }
    c->depth--;
    return err;
}
