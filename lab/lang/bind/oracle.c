/* The oracle asked from a script: hosts, boxes, servers and delays out of tables, a verdict into one. */
#include "lab/lang/bind/impl.h"

#include "lab/judge/boxes.h"
#include "lab/judge/oracle/ladder.h"
#include "lab/judge/oracle/reach.h"
#include "stack/b/b.h"

#include <stdio.h>
#include <string.h>

static void wire_of(lua_State *L, int at, it_oracle_wire *w)
{
    w->up = it_script_int(L, at, "up", 0);
    w->down = it_script_int(L, at, "down", 0);
    w->slack = it_script_int(L, at, "slack", 0);
    w->lossy = it_script_int(L, at, "lossy", 0) != 0;
}

static it_ip ip_of(lua_State *L, int at, const char *key)
{
    it_ip ip = {0, 0};
    lua_getfield(L, at, key);
    if (!lua_isnil(L, -1))
        ip = it_script_ip(L, -1);
    lua_pop(L, 1);
    return ip;
}

/* The behaviour of the node of the table at |at|: none is a router's. */
static void behaviour_of(lua_State *L, int at, it_oracle_box *b)
{
    lua_getfield(L, at, "node");
    it_node *node = it_script_node(L, -1);
    it_nat *nat = it_nat_of(node);
    it_fw *fw = it_fw_of(node);
    snprintf(b->name, sizeof b->name, "%s", node->name);
    b->kind = IT_ORACLE_ROUTER;
    if (nat)
        it_oracle_of_nat(it_nat_profile_of(nat), b);
    else if (fw)
        it_oracle_of_fw(it_fw_profile_of(fw), b);
    for (uint32_t i = 0; nat && b->kind == IT_ORACLE_NAT && i < b->u.nat.pool && i < 4; i++)
        b->ext[b->n_ext++] = it_nat_external(nat, i);
    lua_pop(L, 1);
}

static void box_of(lua_State *L, int at, it_oracle_box *b)
{
    behaviour_of(L, at, b);
    wire_of(L, at, &b->wire);
    b->outer = (uint8_t)it_script_int(L, at, "outer", 0);
    b->only = (uint8_t)it_script_int(L, at, "only", 0);
    b->own = it_script_int(L, at, "own", 0) != 0;
    b->hands_tls = it_script_int(L, at, "hands_tls", 0) != 0;
    b->inside = ip_of(L, at, "inside");
    b->bits = (uint8_t)it_script_int(L, at, "bits", 0);
}

/* Fills |s| from the table at |at|: { four, six, port, rtt, slack }. */
static void server_of(lua_State *L, int at, it_oracle_server *s)
{
    s->ip[0] = ip_of(L, at, "four");
    s->ip[1] = ip_of(L, at, "six");
    s->port = (uint16_t)it_script_int(L, at, "port", 0);
    s->rtt = it_script_int(L, at, "rtt", 0);
    s->slack = it_script_int(L, at, "slack", 0);
}

/* Fills |w| from the table at |at|: { four or six, port, rtt, slack, tls, caught, via, box, proxy = { ... }, outside,
 * out = { ... }, tunnels, asks }. */
static void web_of(lua_State *L, int at, it_oracle_web *w)
{
    server_of(L, at, &w->server);
    w->tls = it_script_bool(L, at, "tls");
    w->udp = it_script_bool(L, at, "udp");
    w->caught = (uint8_t)it_script_int(L, at, "caught", IT_ORACLE_CAUGHT_ENDS);
    w->via = (uint8_t)it_script_int(L, at, "via", IT_ORACLE_VIA_NONE);
    if (w->via == IT_ORACLE_VIA_NONE)
        return;
    w->box = (uint8_t)it_script_int(L, at, "box", 0);
    w->outside = ip_of(L, at, "outside");
    w->tunnels = it_script_bool(L, at, "tunnels");
    w->asks = (uint8_t)it_script_int(L, at, "asks", 0);
    lua_getfield(L, at, "proxy");
    server_of(L, lua_gettop(L), &w->proxy);
    lua_getfield(L, at, "out");
    wire_of(L, lua_gettop(L), &w->out);
    lua_pop(L, 2);
}

/* Fills the ways to a relay over WebSocket of |side| from the list at |at|, if that is one. */
static void webs_of(lua_State *L, int at, it_oracle_side *side)
{
    if (!lua_istable(L, at))
        return;
    side->n_webs = (int)luaL_len(L, at);
    if (side->n_webs > IT_ORACLE_WEBS)
        luaL_error(L, "the oracle takes at most %d ways to a relay over WebSocket", IT_ORACLE_WEBS);
    for (int i = 0; i < side->n_webs; i++) {
        lua_geti(L, at, i + 1);
        web_of(L, lua_gettop(L), &side->web[i]);
        lua_pop(L, 1);
    }
}

/* Fills |side| from the table at |at|: { { net, ip, up, down, slack }..., ta, rto, as_told, checks_first, lite, hasty,
 * relays, tcp, keepalive, least, most, session_least, session_most, hears_least, hears_most, called, streams, racers,
 * stream_base, stream_box, webs }. */
static void side_of(lua_State *L, int at, it_oracle_side *side)
{
    side->n_bases = (int)luaL_len(L, at);
    if (side->n_bases > IT_ORACLE_BASES)
        luaL_error(L, "the oracle takes at most %d addresses of a host", IT_ORACLE_BASES);
    side->ta = it_script_int(L, at, "ta", 0);
    side->rto = it_script_int(L, at, "rto", 0);
    side->as_told = it_script_int(L, at, "as_told", 0) != 0;
    side->checks_first = it_script_int(L, at, "checks_first", 0) != 0;
    side->lite = it_script_int(L, at, "lite", 0) != 0;
    side->hasty = it_script_int(L, at, "hasty", 0) != 0;
    side->relays = it_script_int(L, at, "relays", 0) != 0;
    side->tcp = (unsigned)it_script_int(L, at, "tcp", 0);
    side->keepalive = it_script_int(L, at, "keepalive", 0);
    side->signal_least = it_script_int(L, at, "least", 0);
    side->signal_most = it_script_int(L, at, "most", 0);
    side->session_least = it_script_int(L, at, "session_least", 0);
    side->session_most = it_script_int(L, at, "session_most", 0);
    side->hears_least = it_script_int(L, at, "hears_least", 0);
    side->hears_most = it_script_int(L, at, "hears_most", 0);
    side->called = it_script_int(L, at, "called", 0) != 0;
    side->streams = (int)it_script_int(L, at, "streams", 0);
    side->racers = (int)it_script_int(L, at, "racers", 0);
    side->stream_base = (int)it_script_int(L, at, "stream_base", 0);
    side->stream_box = (uint8_t)it_script_int(L, at, "stream_box", 0);
    lua_getfield(L, at, "webs");
    webs_of(L, lua_gettop(L), side);
    lua_pop(L, 1);
    for (int i = 0; i < side->n_bases; i++) {
        lua_geti(L, at, i + 1);
        int t = lua_gettop(L);
        side->base[i].net = (uint8_t)it_script_int(L, t, "net", 0);
        side->base[i].ip = ip_of(L, t, "ip");
        wire_of(L, t, &side->base[i].wire);
        lua_pop(L, 1);
    }
}

static void boxes_of(lua_State *L, int at, it_oracle_query *q)
{
    q->n_boxes = (int)luaL_len(L, at);
    if (q->n_boxes > IT_ORACLE_BOXES)
        luaL_error(L, "the oracle takes at most %d boxes around two hosts", IT_ORACLE_BOXES);
    for (int i = 0; i < q->n_boxes; i++) {
        lua_geti(L, at, i + 1);
        box_of(L, lua_gettop(L), &q->box[i]);
        lua_pop(L, 1);
    }
}

/* Pushes the list of allowed "local/remote" kinds of one side, in the order of enum it_oracle_cand. */
static void push_kinds(lua_State *L, uint32_t pairs)
{
    int n = 0;
    lua_newtable(L);
    for (int l = 0; l < IT_ORACLE_CANDS; l++)
        for (int r = 0; r < IT_ORACLE_CANDS; r++)
            if (pairs >> (4 * l + r) & 1) {
                lua_pushfstring(L, "%s/%s", it_oracle_cand_name((enum it_oracle_cand)l),
                                it_oracle_cand_name((enum it_oracle_cand)r));
                lua_seti(L, -2, ++n);
            }
}

static void set_string(lua_State *L, const char *key, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static const char *families_of(uint8_t families)
{
    static const char *const NAMES[] = {"", "v4", "v6", "v4 v6"};
    return NAMES[families & 3];
}

/* Pushes { rung, path, outcome, families, kinds = { near, far }, why }. */
static void push_way(lua_State *L, const it_oracle_way *w)
{
    lua_newtable(L);
    set_string(L, "rung", it_oracle_rung_name(w->rung));
    set_string(L, "path", it_oracle_rung_path(w->rung));
    set_string(L, "outcome", it_oracle_outcome_name(w->outcome));
    set_string(L, "families", families_of(w->families));
    set_string(L, "why", w->why);
    lua_pushinteger(L, w->least);
    lua_setfield(L, -2, "least");
    if (w->rung == IT_ORACLE_PROXY && w->latest) {
        lua_pushinteger(L, w->latest);
        lua_setfield(L, -2, "latest");
    }
    lua_pushboolean(L, w->overtaken);
    lua_setfield(L, -2, "overtaken");
    lua_newtable(L);
    for (int i = 0; i < 2; i++) {
        push_kinds(L, w->pairs[i]);
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "kinds");
}

/* Pushes { outcome, path, first, why, families, either, ways }. */
static void push_verdict(lua_State *L, const it_oracle_verdict *v)
{
    lua_newtable(L);
    set_string(L, "outcome", v->outcome == IT_ORACLE_OPENS ? "open" : "death");
    if (v->path && v->outcome == IT_ORACLE_OPENS)
        set_string(L, "path", v->path);
    if (v->first >= 0)
        set_string(L, "first", it_oracle_rung_name(v->way[v->first].rung));
    set_string(L, "why", v->decides < 0 ? "not built" : v->way[v->decides].why);
    set_string(L, "families", families_of(v->families));
    lua_pushboolean(L, v->outcome == IT_ORACLE_EITHER);
    lua_setfield(L, -2, "either");
    lua_newtable(L);
    for (int i = 0; i < v->n_ways; i++) {
        push_way(L, &v->way[i]);
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "ways");
}

/* Whether |p| covers an address that a relay may be asked to send to: one that is lent, a host's, a NAT's. What a
 * translator makes of a host's is not known. */
static bool may_cover(const it_oracle_query *q, it_prefix p)
{
    bool any = false;
    for (int i = 0; i < q->n_turns; i++)
        any |= it_prefix_has(p, q->turn[i].server.ip[0]) || it_prefix_has(p, q->turn[i].server.ip[1]);
    for (int who = 0; who < 2; who++)
        for (int i = 0; i < q->side[who].n_bases; i++)
            any |= it_prefix_has(p, q->side[who].base[i].ip);
    for (int i = 0; i < q->n_boxes; i++) {
        any |= q->box[i].kind == IT_ORACLE_PREFIX || q->box[i].to4;
        for (int k = 0; k < q->box[i].n_ext; k++)
            any |= it_prefix_has(p, q->box[i].ext[k]);
        any |= q->box[i].kind == IT_ORACLE_NAT && q->box[i].u.nat.pool > q->box[i].n_ext;
    }
    return any;
}

/* Whether the list of prefixes in field "deny" of the table at |at| matters to |q|. */
static bool denies(lua_State *L, int at, const it_oracle_query *q)
{
    bool any = false;
    lua_getfield(L, at, "deny");
    for (lua_Integer i = 1, n = lua_isnil(L, -1) ? 0 : luaL_len(L, -1); i <= n; i++) {
        it_prefix p;
        lua_geti(L, -1, i);
        any |= it_prefix_parse(&p, luaL_checkstring(L, -1)) < 0 || may_cover(q, p);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return any;
}

/* Fills the TURN servers of |q| from the table at |at|: { server and tcp ..., no4, no6, limits, deny }. */
static void turns_of(lua_State *L, int at, it_oracle_query *q)
{
    q->n_turns = (int)luaL_len(L, at);
    if (q->n_turns > IT_ORACLE_TURNS)
        luaL_error(L, "the oracle takes at most %d ports of TURN servers", IT_ORACLE_TURNS);
    for (int i = 0; i < q->n_turns; i++) {
        lua_geti(L, at, i + 1);
        server_of(L, lua_gettop(L), &q->turn[i].server);
        q->turn[i].tcp = it_script_bool(L, lua_gettop(L), "tcp");
        q->turn[i].tls = it_script_bool(L, lua_gettop(L), "tls");
        lua_pop(L, 1);
    }
    q->no_relay[0] = it_script_bool(L, at, "no4");
    q->no_relay[1] = it_script_bool(L, at, "no6");
    q->checked_relays = it_script_bool(L, at, "checked");
    q->turn_limits = it_script_bool(L, at, "limits") || denies(L, at, q);
}

/* oracle(model, near side, far side, boxes, STUN server by UDP, of model C that of RTMFP, patience, transports, TURN
 * servers, STUN server by TCP, of model C how long a stream may take, of D when
 * its relay object begins, of C how long UDP alone is tried, whether it is not) -> verdict, why signaling may find no
 * room or nil
 */
static int d_oracle(lua_State *L)
{
    lua_settop(L, 13);
    it_oracle_query *q = lua_newuserdatauv(L, sizeof *q, 0);
    it_oracle_verdict *v = lua_newuserdatauv(L, sizeof *v, 0);
    memset(q, 0, sizeof *q);
    q->model = *luaL_checkstring(L, 1);
    side_of(L, 2, &q->side[0]);
    side_of(L, 3, &q->side[1]);
    boxes_of(L, 4, q);
    server_of(L, 5, &q->stun);
    q->patience = luaL_checkinteger(L, 6);
    q->transports = (int)luaL_checkinteger(L, 7);
    turns_of(L, 8, q);
    server_of(L, 9, &q->stun_tcp);
    q->stream_patience = luaL_optinteger(L, 10, 0);
    q->web_after = luaL_optinteger(L, 11, IT_B_WEB_AFTER);
    q->web_sooner = lua_isnoneornil(L, 11) ? 0 : q->web_after;
    q->web_fallback = luaL_optinteger(L, 12, 0);
    q->web_only = lua_toboolean(L, 13);
    q->now = it_lab_now(it_script_of(L)->lab);
    char crowd[160];
    bool crowded = it_oracle_crowd_streams(q, crowd, sizeof crowd);
    it_script_check(L, it_oracle_ask(it_script_of(L)->alloc, q, v), "oracle");
    push_verdict(L, v);
    lua_pushstring(L, crowded ? crowd : NULL);
    return 2;
}

/* reach(side, boxes, server, whether by TCP, patience) -> { outcome, families, since, bytes, box, why } */
static int d_reach(lua_State *L)
{
    it_oracle_query *q = lua_newuserdatauv(L, sizeof *q, 0);
    it_oracle_server server;
    it_oracle_reach r;
    memset(q, 0, sizeof *q);
    side_of(L, 1, &q->side[0]);
    boxes_of(L, 2, q);
    server_of(L, 3, &server);
    q->patience = luaL_checkinteger(L, 5);
    q->now = it_lab_now(it_script_of(L)->lab);
    it_oracle_reach_server(q, 0, &server, lua_toboolean(L, 4) ? IT_ORACLE_TCP : IT_ORACLE_UDP, &r);
    lua_newtable(L);
    set_string(L, "outcome", it_oracle_reached_name(r.outcome));
    set_string(L, "families", families_of(r.families));
    set_string(L, "why", r.why);
    lua_pushinteger(L, r.since);
    lua_setfield(L, -2, "since");
    lua_pushinteger(L, r.bytes);
    lua_setfield(L, -2, "bytes");
    lua_pushinteger(L, r.box);
    lua_setfield(L, -2, "box");
    return 1;
}

const luaL_Reg IT_SCRIPT_ORACLE[] = {{"oracle", d_oracle}, {"reach", d_reach}, {NULL, NULL}};
