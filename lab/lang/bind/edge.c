/* Hosts of a world that are TUN devices of this machine: what runs behind those is nobody's here, and the case then
 * goes by the wall clock. */
#include "lab/lang/bind/impl.h"

#include "lab/loop/loop.h"

#include <string.h>
#include <unistd.h>

/* The device that host |name| is to be the edge of, NULL: none. */
static const char *device_of(const it_script *s, const char *name)
{
    for (int i = 0; i < s->cfg.n_edges; i++)
        if (strcmp(s->cfg.edges[i].host, name) == 0)
            return s->cfg.edges[i].device;
    return NULL;
}

const char *it_script_edge_of(const it_script *s, const it_node *n)
{
    for (int i = 0; i < s->n_plugs; i++)
        if (s->plugs[i].node == n)
            return device_of(s, n->name);
    return NULL;
}

/* The sentence for |err| of it_loop_tun. */
static const char *why_no_device(int err)
{
    switch (err) {
    case IT_ERR_NOTFOUND:
        return "there is no such interface: ip tuntap add NAME mode tun";
    case IT_ERR_STATE:
        return "it is down, or no TUN device: ip link set NAME up";
    case IT_ERR_EXISTS:
        return "another process has it";
    case IT_ERR_PERM:
        return "this user may not have it";
    default:
        return "/dev/net/tun cannot be opened";
    }
}

/* edge_device(name) -> the device that host |name| is the edge of, or nil */
static int e_device(lua_State *L)
{
    lua_pushstring(L, device_of(it_script_of(L), luaL_checkstring(L, 1)));
    return 1;
}

/* edge_any() -> whether any host is to be a device */
static int e_any(lua_State *L)
{
    lua_pushboolean(L, it_script_of(L)->cfg.n_edges > 0);
    return 1;
}

/* edge(name) -> node with one port, 0; or nil and why not */
static int e_edge(lua_State *L)
{
    it_script *s = it_script_of(L);
    const char *name = luaL_checkstring(L, 1), *device = device_of(s, name);
    if (!device || s->n_plugs == IT_SCRIPT_EDGES)
        return luaL_error(L, "%s: no device is free", name);
    int fd = it_loop_tun(device);
    if (fd < 0) {
        lua_pushnil(L);
        lua_pushstring(L, why_no_device(fd));
        return 2;
    }
    it_node *n = it_edge_new(it_lab_world(s->lab), name, "eth");
    if (!n) {
        close(fd);
        return luaL_error(L, "cannot make %s: out of memory or the name is taken", name);
    }
    s->plugs[s->n_plugs].node = n;
    s->plugs[s->n_plugs++].fd = fd;
    lua_pushinteger(L, n->index);
    return 1;
}

/* edge_has(node, ip) -> whether the machine has |ip| on the device of |node| */
static int e_has(lua_State *L)
{
    const char *device = it_script_edge_of(it_script_of(L), it_script_node(L, 1));
    lua_pushboolean(L, device && it_loop_tun_has(device, it_script_ip(L, 2)));
    return 1;
}

/* edge_unused() -> a host that was to be a device and that the case has not, or nil */
static int e_unused(lua_State *L)
{
    it_script *s = it_script_of(L);
    for (int i = 0; i < s->cfg.n_edges; i++) {
        bool used = false;
        for (int k = 0; k < s->n_plugs; k++)
            used |= strcmp(s->plugs[k].node->name, s->cfg.edges[i].host) == 0;
        if (used)
            continue;
        lua_pushstring(L, s->cfg.edges[i].host);
        return 1;
    }
    return 0;
}

/* edge_late() -> by how much the world was behind the clock at most, or nil: it goes by virtual time */
static int e_late(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (!s->loop)
        return 0;
    lua_pushinteger(L, it_loop_late(s->loop));
    return 1;
}

/* Begins to go by the wall clock. */
static int begin_wall(it_script *s)
{
    s->loop = it_loop_new(&(it_loop_cfg){.alloc = s->alloc, .clock = IT_CLOCK_WALL, .lab = s->lab});
    if (!s->loop)
        return IT_ERR_NOMEM;
    int err = 0;
    for (int i = 0; i < s->n_plugs && err == 0; i++)
        err = it_loop_plug(s->loop, s->plugs[i].node, s->plugs[i].fd);
    return err;
}

int it_script_advance(it_script *s, it_time until)
{
    if (s->n_plugs == 0)
        return it_lab_run(s->lab, until);
    int rc = s->loop ? 0 : begin_wall(s);
    if (rc == 0)
        rc = it_loop_wait(s->loop, until, NULL, 0);
    return rc < 0 ? rc : 0;
}

void it_script_edges_fini(it_script *s)
{
    it_loop_free(s->loop);
    s->loop = NULL;
    for (int i = 0; i < s->n_plugs; i++)
        close(s->plugs[i].fd);
    s->n_plugs = 0;
}

const luaL_Reg IT_SCRIPT_EDGE[] = {
    {"edge_any", e_any},       {"edge_device", e_device}, {"edge", e_edge}, {"edge_has", e_has},
    {"edge_unused", e_unused}, {"edge_late", e_late},     {NULL, NULL},
};
