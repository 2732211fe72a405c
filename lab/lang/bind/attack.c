/* C functions of the scenario language over attackers, and the eyes of the rule "stranger". */
#include "lab/lang/bind/impl.h"

#include "lab/apps/attacker.h"
#include "lab/apps/rawudp.h"
#include "lab/driver/label.h"
#include "stack/e/e.h"

#include <stdio.h>
#include <string.h>

/* --- the twin: what honest hosts send and honest apps say --- */

static bool attack_is_host(const it_script *s, const it_node *n)
{
    for (int i = 0; i < s->n_attackers; i++)
        if (it_host_node(s->attackers[i].host) == n)
            return true;
    return false;
}

static bool attack_is_addr(const it_script *s, it_ip ip)
{
    for (int i = 0; i < s->n_attackers; i++)
        if (it_ip_eq(s->attackers[i].ip, ip))
            return true;
    return false;
}

/* A response to a transaction of an attacker's: he may have written any address on its request. */
static bool attack_answer(it_bytes data)
{
    it_stun_msg m;
    return it_stun_is(data) && it_stun_parse(&m, data) == 0 && (m.cls == IT_STUN_SUCCESS || m.cls == IT_STUN_ERROR) &&
           memcmp(m.txid, IT_ATTACK_TXID, 4) == 0;
}

static uint64_t hash_bytes(uint64_t h, it_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        h = it_hash_mix(h, b.p[i]);
    return h;
}

static uint64_t hash_addr(uint64_t h, it_ip ip, uint16_t port)
{
    return it_hash_mix(it_hash_mix(it_hash_mix(h, ip.hi), ip.lo), port);
}

static void twin_see(void *self, const it_seen_packet *p)
{
    it_script *s = self;
    for (int i = 0; i < s->n_attackers; i++) {
        it_observer eye = it_attacker_observer(s->attackers[i].a);
        eye.see(eye.self, p);
    }
    it_bytes data = it_attacker_overhears(p);
    if (!data.p || attack_is_host(s, p->node) || attack_is_addr(s, p->packet->dst) || attack_answer(data))
        return;
    uint64_t h = hash_addr(hash_addr(0, p->packet->src, p->packet->sport), p->packet->dst, p->packet->dport);
    char what[IT_ADDR_TEXT + 64], to[IT_ADDR_TEXT];
    (void)snprintf(what, sizeof what, "a datagram of %zu bytes to %s", data.n,
                   it_addr_text(it_addr_of(p->packet->dst, p->packet->dport), to));
    it_twin_note(s->cfg.twin, p->now, p->node->name, hash_bytes(h, data), what);
}

void it_script_twin_event(it_script *s, const it_lab_event *e)
{
    if (!s->cfg.twin || !s->n_attackers)
        return;
    /* A plain socket hands on what anybody sends, and E's socket what comes in the name of a permitted address: raw
     * datagrams prove nothing. */
    const it_object_ops *ops = it_lab_app_ops(s->lab, e->app);
    if (ops == &it_app_rawudp || (ops == &it_e_ops && e->media < 0 && e->ev.kind == IT_EV_MESSAGE))
        return;
    char what[64], source[128];
    const char *name = it_model_event_name(e->ev.kind);
    (void)snprintf(what, sizeof what, "the event \"%s\"", name);
    (void)snprintf(source, sizeof source, "%s, session %d", it_lab_app_name(s->lab, e->app), e->media);
    uint64_t h = hash_bytes(it_hash_str(name), e->ev.data);
    it_twin_note(s->cfg.twin, e->ev.at, source, it_hash_mix(h, e->ev.reason), what);
}

/* --- attackers --- */

/* attacker(host, name, address) -> number. Its own address is what it writes from when it does not forge. */
static int a_attacker(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_host *h = it_script_host(L, 1);
    if (!s->cfg.twin)
        return luaL_error(L, "attacker: only a file that has the word \"attacker\" in it is run twice");
    if (s->n_attackers == IT_SCRIPT_ATTACKERS)
        return luaL_error(L, "attacker: at most %d", IT_SCRIPT_ATTACKERS);
    it_attacker *a = it_attacker_new(s->alloc, s->cfg.seed, luaL_checkstring(L, 2));
    if (!a)
        return luaL_error(L, "not enough memory");
    s->attackers[s->n_attackers] = (it_script_attacker){h, a, it_script_ip(L, 3)};
    it_world *w = it_lab_world(s->lab);
    int err = s->n_attackers == 0 ? it_world_observe(w, (it_observer){s, twin_see}) : 0;
    lua_pushinteger(L, s->n_attackers++);
    it_script_check(L, err, "attacker");
    return 1;
}

static it_script_attacker *attacker_of(lua_State *L)
{
    it_script *s = it_script_of(L);
    lua_Integer i = luaL_checkinteger(L, 1);
    luaL_argcheck(L, i >= 0 && i < s->n_attackers, 1, "no attacker");
    return &s->attackers[i];
}

/* attack_flows(number, host) -> list of { addr, txid or nil }: where that host sent to lately. */
static int a_flows(lua_State *L)
{
    it_script_attacker *a = attacker_of(L);
    it_attack_flow v[IT_ATTACK_FLOWS];
    int n = it_attacker_flows(a->a, it_script_node(L, 2), a->ip, v);
    lua_newtable(L);
    for (int i = 0; i < n; i++) {
        char text[IT_ADDR_TEXT];
        lua_newtable(L);
        lua_pushstring(L, it_addr_text(v[i].remote, text));
        lua_setfield(L, -2, "addr");
        if (v[i].asked) {
            lua_pushlstring(L, (const char *)v[i].txid, IT_STUN_TXID);
            lua_setfield(L, -2, "txid");
        }
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

/* is_ip(text): it is an address without a port */
static int a_is_ip(lua_State *L)
{
    it_ip ip;
    lua_pushboolean(L, it_ip_parse(&ip, luaL_checkstring(L, 1)) == 0);
    return 1;
}

/* attack_shapes() -> list of their names */
static int a_shapes(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; it_attack_shape_name(i); i++) {
        lua_pushstring(L, it_attack_shape_name(i));
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

/* attack(number, to, from or nil, shape number from 1 or nil, txid or nil, bytes or nil): one datagram, unless the
 * attackers of this run are silent. */
static int a_attack(lua_State *L)
{
    it_script *s = it_script_of(L);
    it_script_attacker *a = attacker_of(L);
    uint8_t buf[IT_ATTACK_MAX];
    size_t n_txid = 0;
    it_addr to = it_script_addr(L, 2), from = it_addr_of(a->ip, 666);
    if (!lua_isnoneornil(L, 3))
        from = it_script_addr(L, 3);
    const char *txid = luaL_optlstring(L, 5, NULL, &n_txid);
    it_bytes data;
    if (lua_isnoneornil(L, 6)) {
        lua_Integer shape = luaL_checkinteger(L, 4);
        luaL_argcheck(L, shape >= 1 && shape <= IT_ATTACK_SHAPES, 4, "no shape");
        const uint8_t *id = txid && n_txid == IT_STUN_TXID ? (const uint8_t *)txid : NULL;
        data = it_bytes_of(buf, it_attacker_make(a->a, (enum it_attack_shape)(shape - 1), id, buf));
    } else {
        data = it_script_bytes(L, 6);
    }
    if (s->cfg.silent)
        return 0;
    it_world *w = it_lab_world(s->lab);
    it_pkt *p = it_pkt_new(it_world_pool(w));
    if (!p)
        return luaL_error(L, "not enough memory");
    int err = it_pkt_udp(p, from, to, data);
    if (err < 0) { /* of two families, or too big: nothing that a network could carry */
        it_pkt_free(it_world_pool(w), p);
        return it_script_done(L, err);
    }
    it_labels none;
    char text[IT_LABEL_TEXT];
    it_labels_init(&none, s->alloc); /* and nothing is remembered */
    (void)it_label_name(&none, data, text);
    p->label = it_world_label(w, text);
    it_node_send(it_host_node(a->host), it_lab_now(s->lab), 0, p);
    lua_pushboolean(L, true);
    return 1;
}

/* has_twin(): this is one of two runs of its case */
static int a_has_twin(lua_State *L)
{
    lua_pushboolean(L, it_script_of(L)->cfg.twin != NULL);
    return 1;
}

/* twin() -> compared, differences, the first of them; nothing without an attacker or in the first of two runs. */
static int a_twin(lua_State *L)
{
    it_script *s = it_script_of(L);
    char why[IT_TWIN_TEXT];
    uint64_t n;
    if (!s->n_attackers || s->cfg.silent)
        return 0;
    int r = it_twin_end(s->cfg.twin, &n, why);
    if (r < 0)
        return luaL_error(L, "not enough memory");
    lua_pushinteger(L, (lua_Integer)n);
    lua_pushboolean(L, r == 0);
    lua_pushstring(L, why);
    return 3;
}

void it_script_attackers_fini(it_script *s)
{
    for (int i = 0; i < s->n_attackers; i++)
        it_attacker_free(s->attackers[i].a);
}

const luaL_Reg IT_SCRIPT_ATTACK[] = {
    {"attacker", a_attacker}, {"attack_flows", a_flows}, {"attack_shapes", a_shapes}, {"is_ip", a_is_ip},
    {"attack", a_attack},     {"twin", a_twin},          {"has_twin", a_has_twin},    {NULL, NULL},
};
