/* C functions of the scenario language over links: their parameters as Lua tables, presets, faults. */
#include "lab/lang/bind/impl.h"

#include "netsim/core/link.h"

#include <string.h>

/* --- parameters --- */

enum kind { I64, U32, U8, BOOL };

/* The fields of a direction as the language's own tables have them: integers in ns, bit/s, bytes, ppm. */
#define F(name, kind, member)                                                                                          \
    {                                                                                                                  \
        name, kind, (uint16_t)offsetof(it_link_dir_cfg, member)                                                        \
    }
static const struct field {
    const char *name;
    uint8_t kind;
    uint16_t off;
} FIELDS[] = {
    F("delay", I64, delay),
    F("jitter", I64, jitter),
    F("rate", I64, rate),
    F("queue", I64, queue),
    F("loss", U32, loss_ppm),
    F("burst", U32, burst_milli),
    F("ge_p", U32, ge.p),
    F("ge_r", U32, ge.r),
    F("ge_good", U32, ge.good),
    F("ge_bad", U32, ge.bad),
    F("mtu", U32, mtu),
    F("silent", BOOL, mtu_silent),
    F("reorder", U32, reorder_ppm),
    F("duplicate", U32, duplicate_ppm),
    F("corrupt", U32, corrupt_ppm),
    F("truncate", U32, truncate_ppm),
    F("mask", I64, mask),
    F("mask_bits", U8, mask_bits),
    F("aqm", U8, queueing),
    F("target", I64, target),
    F("interval", I64, interval),
    F("bucket", I64, bucket),
    F("period", I64, period),
    F("gap", I64, gap),
    F("period_loss", U32, gap_ppm),
    F("swallow", BOOL, swallow),
    F("every", I64, steps_every),
};
#undef F

static void put_field(it_link_dir_cfg *c, const struct field *f, int64_t v)
{
    void *at = (char *)c + f->off;
    if (f->kind == I64)
        *(int64_t *)at = v;
    else if (f->kind == U32)
        *(uint32_t *)at = (uint32_t)v;
    else if (f->kind == U8)
        *(uint8_t *)at = (uint8_t)v;
    else
        *(bool *)at = v != 0;
}

static int64_t get_field(const it_link_dir_cfg *c, const struct field *f)
{
    const void *at = (const char *)c + f->off;
    return f->kind == I64   ? *(const int64_t *)at
           : f->kind == U32 ? (int64_t) * (const uint32_t *)at
           : f->kind == U8  ? *(const uint8_t *)at
                            : *(const bool *)at;
}

static void push_dir(lua_State *L, const it_link_dir_cfg *c)
{
    lua_newtable(L);
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        lua_pushinteger(L, get_field(c, &FIELDS[i]));
        lua_setfield(L, -2, FIELDS[i].name);
    }
}

/* The steps of a recorded trace in the table at |t|: memory of the Lua state, which frees it. */
static void read_steps(lua_State *L, int t, it_link_dir_cfg *c)
{
    if (lua_getfield(L, t, "steps") != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    lua_Integer n = luaL_len(L, -1);
    luaL_argcheck(L, n > 0 && n <= IT_LINK_STEPS_MAX, t, "a trace has 1 to 4096 steps");
    it_link_step *v = lua_newuserdatauv(L, (size_t)n * sizeof *v, 0);
    for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, -2, i + 1);
        int at = lua_gettop(L);
        v[i] = (it_link_step){it_script_int(L, at, "at", 0), it_script_int(L, at, "delay", -1),
                              (int32_t)it_script_int(L, at, "loss", -1)};
        lua_pop(L, 1);
    }
    c->steps = v; /* stays on the stack until the C function returns */
    c->n_steps = (uint32_t)n;
}

static it_link_dir_cfg dir_cfg(lua_State *L, int t)
{
    it_link_dir_cfg c = {0};
    luaL_checktype(L, t, LUA_TTABLE);
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
        put_field(&c, &FIELDS[i], it_script_int(L, t, FIELDS[i].name, 0));
    read_steps(L, t, &c);
    return c;
}

/* link_fault(dir) -> nil, or what is wrong with it. */
static int k_fault(lua_State *L)
{
    it_link_dir_cfg c = dir_cfg(L, 1);
    const char *why = it_link_dir_fault(&c);
    lua_pushstring(L, why);
    return 1;
}

/* --- presets --- */

static void set_int(lua_State *L, const char *key, int64_t v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, key);
}

static void push_events(lua_State *L, const it_link_profile *p)
{
    lua_newtable(L);
    for (uint32_t i = 0; i < p->n_events; i++) {
        lua_newtable(L);
        if (p->events[i].at != IT_NEVER)
            set_int(L, "at", p->events[i].at);
        lua_pushboolean(L, p->events[i].up);
        lua_setfield(L, -2, "up");
        lua_pushstring(L, p->events[i].iface);
        lua_setfield(L, -2, "iface");
        lua_seti(L, -2, i + 1);
    }
}

/* preset(name) -> { up, down, flap?, events?, detect_min, detect_max }, or nil and why. */
static int k_preset(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const it_profile *p = it_profiles_link(it_script_of(L)->cfg.profiles, name);
    if (!p) {
        lua_pushnil(L);
        lua_pushfstring(L, "no link preset \"%s\"", name);
        return 2;
    }
    const it_link_profile *k = &p->u.link;
    lua_newtable(L);
    push_dir(L, &k->dir[0]);
    lua_setfield(L, -2, "up");
    push_dir(L, &k->dir[1]);
    lua_setfield(L, -2, "down");
    if (k->flap_n) {
        lua_newtable(L);
        set_int(L, "down", k->flap_down);
        set_int(L, "up", k->flap_up);
        set_int(L, "n", k->flap_n);
        lua_setfield(L, -2, "flap");
    }
    if (k->n_events) {
        push_events(L, k);
        lua_setfield(L, -2, "events");
        set_int(L, "detect_min", k->detect_min);
        set_int(L, "detect_max", k->detect_max);
    }
    return 1;
}

/* --- links --- */

static it_world *world(lua_State *L)
{
    return it_lab_world(it_script_of(L)->lab);
}

static it_time now(lua_State *L)
{
    return it_lab_now(it_script_of(L)->lab);
}

/* link(name, inner, port, outer, port, up, down) */
static int k_link(lua_State *L)
{
    it_link_cfg cfg = {.name = luaL_checkstring(L, 1)};
    cfg.dir[0] = dir_cfg(L, 6);
    cfg.dir[1] = dir_cfg(L, 7);
    int id = it_link_new(world(L), &cfg, it_script_node(L, 2), (int)luaL_checkinteger(L, 3), it_script_node(L, 4),
                         (int)luaL_checkinteger(L, 5));
    it_script_check(L, id, cfg.name);
    lua_pushinteger(L, id);
    return 1;
}

static int k_cut(lua_State *L)
{
    it_link_cut(world(L), now(L), (int)luaL_checkinteger(L, 1), lua_toboolean(L, 2));
    return 0;
}

static int k_blackhole(lua_State *L)
{
    it_link_blackhole(world(L), now(L), (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2));
    return 0;
}

static int k_restore(lua_State *L)
{
    lua_pushboolean(L, it_link_restore(world(L), now(L), (int)luaL_checkinteger(L, 1)) == 0);
    return 1;
}

/* link_set(link, up, down) */
static int k_set(lua_State *L)
{
    int id = (int)luaL_checkinteger(L, 1);
    for (int dir = 0; dir < 2; dir++) {
        it_link_dir_cfg cfg = dir_cfg(L, 2 + dir);
        it_script_check(L, it_link_set(world(L), now(L), id, dir, &cfg), "link");
    }
    return 0;
}

/* link_choose(link, from, nth, label, fate, delay) -> its slot, or nil when too many wait */
static int k_choose(lua_State *L)
{
    static const char *const ACTIONS[] = {"drop", "delay", "duplicate", "corrupt", "truncate", NULL};
    it_link_choice c = {.from = (int)luaL_checkinteger(L, 2),
                        .nth = (uint32_t)luaL_checkinteger(L, 3),
                        .label = luaL_optstring(L, 4, NULL),
                        .action = (enum it_link_action)luaL_checkoption(L, 5, NULL, ACTIONS),
                        .delay = luaL_optinteger(L, 6, 0)};
    int link = (int)luaL_checkinteger(L, 1), slot = 0;
    while (slot < IT_LINK_CHOICES && it_link_waits(world(L), link, slot) > 0)
        slot++; /* the free one that it_link_choose takes */
    int err = it_link_choose(world(L), link, &c);
    if (err == IT_ERR_FULL)
        return 0;
    it_script_check(L, err, "link");
    lua_pushinteger(L, slot);
    return 1;
}

/* link_waits(link, slot) -> how many packets the choice there waits for; 0 when it had its own */
static int k_waits(lua_State *L)
{
    lua_pushinteger(L, it_link_waits(world(L), (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2)));
    return 1;
}

static int k_whole(lua_State *L)
{
    lua_pushboolean(L, it_link_whole(world(L), (int)luaL_checkinteger(L, 1)));
    return 1;
}

/* link_broken(link) -> "cut" or nil, whether its ends were told, whether what its ends send is swallowed: inner, outer
 */
static int k_broken(lua_State *L)
{
    it_link_faults f = it_link_broken(world(L), (int)luaL_checkinteger(L, 1));
    lua_pushstring(L, f.cut ? "cut" : NULL);
    lua_pushboolean(L, f.dark);
    lua_pushboolean(L, f.swallows[0]);
    lua_pushboolean(L, f.swallows[1]);
    return 4;
}

/* How much longer than its delay a packet may take: jitter, and one full packet before it. */
static it_time slack_of(const it_link_dir_cfg *c)
{
    return c->jitter + (c->rate ? 1500 * 8 * IT_SEC / c->rate : 0);
}

/* Whether packets may be lost, damaged or overtaken. */
static bool impaired(const it_link_dir_cfg *c)
{
    const uint32_t least = 1000; /* ppm, so that the few of a good line excuse nothing */
    if (c->loss_ppm >= least || c->corrupt_ppm >= least || c->truncate_ppm >= least || c->reorder_ppm >= least)
        return true;
    return c->mask_bits || c->period || c->n_steps || c->swallow;
}

/* The share of packets, in ppm, that do not arrive as they were sent; of a recorded trace its worst step. */
static int64_t loss_of(const it_link_dir_cfg *c)
{
    int64_t lost = c->loss_ppm, places = 0;
    for (uint32_t i = 0; i < c->n_steps; i++)
        lost = c->steps[i].loss_ppm > lost ? c->steps[i].loss_ppm : lost;
    for (int i = 0; i < c->mask_bits; i++)
        places += (int64_t)(c->mask >> i & 1);
    if (c->mask_bits)
        lost += places * 1000000 / c->mask_bits;
    if (c->period)
        lost += c->gap / IT_US * (c->gap_ppm ? c->gap_ppm : 1000000) / (c->period / IT_US + 1);
    lost += c->corrupt_ppm + c->truncate_ppm;
    return lost < 1000000 && !c->swallow ? lost : 1000000;
}

/* The longest stretch in which a direction is declared to lose everything, or most. */
static it_time outage_of(const it_link_dir_cfg *c)
{
    const it_time spans[] = {c->swallow ? IT_NEVER : 0,
                             c->loss_ppm ? (it_time)c->burst_milli * IT_LINK_BURST_PLACE / 1000 : 0,
                             c->period ? c->gap : 0, c->mask_bits * IT_LINK_BURST_PLACE};
    it_time longest = 0;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        longest = spans[i] > longest ? spans[i] : longest;
    for (uint32_t i = 0; i < c->n_steps; i++)
        if (c->steps[i].loss_ppm > 500000)
            longest = IT_NEVER;
    return longest;
}

/* link_delay(link, dir) -> delay, how much more it may be by chance, share of packets lost in ppm, longest outage that
 * it declares, rate or 0, whether it is impaired */
static int k_delay(lua_State *L)
{
    const it_link_dir_cfg *c = it_link_get(world(L), (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2));
    lua_pushinteger(L, c->delay);
    lua_pushinteger(L, slack_of(c));
    lua_pushinteger(L, loss_of(c));
    lua_pushinteger(L, outage_of(c));
    lua_pushinteger(L, c->rate);
    lua_pushboolean(L, impaired(c));
    return 6;
}

/* link_stats(link, dir) */
static int k_stats(lua_State *L)
{
    it_link_stats s = it_link_stat(world(L), (int)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2));
    lua_newtable(L);
    set_int(L, "packets", (int64_t)s.packets);
    set_int(L, "bytes", (int64_t)s.bytes);
    set_int(L, "lost", (int64_t)s.lost);
    set_int(L, "dropped", (int64_t)s.dropped);
    set_int(L, "duplicated", (int64_t)s.duplicated);
    set_int(L, "damaged", (int64_t)s.damaged);
    set_int(L, "late", (int64_t)s.late);
    return 1;
}

const luaL_Reg IT_SCRIPT_LINK[] = {
    {"link_fault", k_fault},     {"link_broken", k_broken},
    {"preset", k_preset},        {"link", k_link},
    {"link_cut", k_cut},         {"link_blackhole", k_blackhole},
    {"link_restore", k_restore}, {"link_set", k_set},
    {"link_choose", k_choose},   {"link_waits", k_waits},
    {"link_whole", k_whole},     {"link_delay", k_delay},
    {"link_stats", k_stats},     {NULL, NULL},
};
