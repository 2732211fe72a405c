/* What the files of the Lua binding share: the state behind the C functions. */
#ifndef IT_LAB_BIND_IMPL_H
#define IT_LAB_BIND_IMPL_H

#include "lab/lang/bind/script.h"
#include "lab/judge/watch.h"
#include "lab/apps/web/own.h"
#include "stack/ice/traits/behaviour.h"
#include "stack/dns/stub.h"
#include "stack/b/b.h"
#include "stack/signal/client.h"
#include "stack/tls/tls.h"

#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>

#define IT_SCRIPT_OVER "the script needs more than 64 MB of memory"

typedef struct named_rng {
    char name[96];
    it_rng rng;
} named_rng;

#define IT_SCRIPT_ATTACKERS 8

/* A hostile host of the case. */
typedef struct it_script_attacker {
    it_host *host;
    struct it_attacker *a;
    it_ip ip; /* its own address */
} it_script_attacker;

/* What a service said last (service.c). */
typedef struct it_script_said {
    bool told;
    it_service_event e;
    it_ip ip[IT_DNS_STUB_IPS];
} it_script_said;

struct it_script {
    it_script_cfg cfg;
    it_alloc *alloc;
    const it_code *code; /* the language's */
    it_code *own_code;   /* made for this state alone; NULL when the caller gave one */
    lua_State *L;
    it_lab *lab;
    size_t memory;                             /* bytes the Lua state holds */
    bool out_of_memory;                        /* the limit or the system said no */
    bool over_limit;                           /* it was the limit */
    bool refused;                              /* a block far beyond the limit was refused */
    bool over_budget;                          /* more instructions than a case may have in all */
    size_t memory_before;                      /* |memory| when |running| was resumed */
    char over_where[512];                      /* and there: "FILE:LINE", or "" */
    char last_line[512];                       /* see core.lines */
    lua_State *running;                        /* the coroutine that has the budget */
    uint64_t spent, spent_still, spent_in_all; /* instructions: since the last yield, since time moved, in all */
    it_time still_at;                          /* when |spent_still| began */
    it_str uses;                               /* what the case made use of */
    named_rng *rngs;                           /* streams of math.random, by name */
    size_t n_rngs, cap_rngs;
    struct it_trips *trips; /* NULL until there is a call */
    it_watch *watch;        /* judge of the rule "whitelist"; NULL until there is an E socket */
    it_time *lives;         /* by app: how long a permission of that E socket is to last; 0: another kind of app */
    size_t n_lives, cap_lives;
    it_script_said *said; /* by app: what a service said last */
    size_t n_said, cap_said;
    it_script_attacker attackers[IT_SCRIPT_ATTACKERS];
    int n_attackers;
    uint32_t *left; /* planning: the numbers of the cells that `where` leaves, scenario after scenario */
    size_t n_left, cap_left;
    struct it_script_pki *pki; /* pki.c; NULL until something has TLS */
    struct it_script_plug {
        it_node *node;
        int fd;
    } plugs[IT_SCRIPT_EDGES]; /* edge.c: hosts that are devices */
    int n_plugs;
    struct it_loop *loop; /* by the wall clock; NULL: by virtual time, or it has not begun */
};

/* The state behind a C function: its first upvalue. */
it_script *it_script_of(lua_State *L);

/* Node number |arg| as an object of its kind; a Lua error otherwise. */
it_node *it_script_node(lua_State *L, int arg);
it_host *it_script_host(lua_State *L, int arg);
it_ip it_script_ip(lua_State *L, int arg);

/* Raises the error |err| of |what| when it is negative. */
void it_script_check(lua_State *L, int err, const char *what);

/* pki.c. What TLS of the case is made of: of a server whose certificate has the names in the list at |arg|; of a client
 * that wants |name| and draws from its own |stream|, on a host that is |managed|, so that it trusts the inspectors'
 * roots, too; of the portal |name| at |ip|, whose certificate is of that address alone; of the inspector |name|, whose
 * root is trusted by managed hosts from now on. All live as long as the case. A Lua error for names that are none. */
void it_script_tls_server(lua_State *L, int arg, const char *subject, it_tls_cfg *out);
void it_script_tls_client(lua_State *L, const char *name, bool managed, const char *stream, it_tls_cfg *out);
void it_script_tls_inspector(lua_State *L, const char *name, it_own_tls *out);
void it_script_tls_portal(lua_State *L, const char *name, it_ip ip, it_own_tls *out);
void it_script_pki_fini(it_script *s);

/* b.c. What a B on host 1 called 2 is like but for its servers, from the options at 3; a Lua error for what cannot
 * be. */
void it_script_b_cfg(lua_State *L, it_b_cfg *cfg);
/* signal.c. Fills |exits| from the list { address, proxy, address ... } at |at|; returns how many, or -1: one is no
 * proxy. */
int it_script_exits(lua_State *L, int at, it_signal_exit exits[IT_SIGNAL_BASES]);

/* Pushes function |name| of the language. */
void it_script_push(it_script *s, const char *name);

/* One line for the error value on the stack: a table with where and text, or a string. |file| is said when the line is
 * unknown. */
void it_script_error_text(it_script *s, const char *file, char *out, size_t cap);

/* Raises an error as the language does: |kind| is "error" or "unsupported"; |where| may be NULL, the language then
 * knows the line. */
int it_script_raise(lua_State *L, const char *kind, const char *where, const char *text);

/* "EIF", "ADF" or "APDF" for a filtering of enum it_nat_dep (data.c). */
const char *it_script_filter_name(uint8_t filtering);

/* The functions of the network (net.c) and of the objects on hosts (peer.c). */
/* Raises "unsupported" as the language does: a table with kind and text, the line filled in by the language. */
int it_script_unsupported(lua_State *L, const char *name, const char *why);

extern const luaL_Reg IT_SCRIPT_WALL[];
extern const luaL_Reg IT_SCRIPT_ADDR[]; /* addresses and prefixes (addr.c) */
extern const luaL_Reg IT_SCRIPT_NET[], IT_SCRIPT_SERVICE[];
extern const luaL_Reg IT_SCRIPT_LINK[]; /* links (link.c) */
extern const luaL_Reg IT_SCRIPT_PEER[];
extern const luaL_Reg IT_SCRIPT_B[];             /* model B (b.c) */
extern const luaL_Reg IT_SCRIPT_A[];             /* model A (a.c) */
extern const luaL_Reg IT_SCRIPT_E[];             /* model E (e.c) */
extern const luaL_Reg IT_SCRIPT_BEHAVIOUR[];     /* behaviours of ICE agents (behaviour.c) */
extern const luaL_Reg IT_SCRIPT_DATA[];          /* units, profiles, random streams (data.c) */
extern const luaL_Reg IT_SCRIPT_ORACLE[];        /* the oracle (oracle.c) */
extern const luaL_Reg IT_SCRIPT_SIGNAL[];        /* the signal server and its clients (signal.c) */
extern const luaL_Reg IT_SCRIPT_RELAY[];         /* relays over WebSocket (relay.c) */
extern const luaL_Reg IT_SCRIPT_CHECKRELAY[];    /* relays that answer checks (checkrelay.c) */
extern const luaL_Reg IT_SCRIPT_TURN[];          /* TURN servers (turn.c) */
extern const luaL_Reg IT_SCRIPT_TCP[];           /* the TCP of hosts (tcp.c) */
extern const luaL_Reg IT_SCRIPT_C[];             /* model C (c.c) */
extern const luaL_Reg IT_SCRIPT_NETCONNECTION[]; /* NetConnections and NetStreams (netconnection.c) */
extern const luaL_Reg IT_SCRIPT_RTMFP[];         /* ends of RTMFP, their rendezvous (rtmfp.c) */
extern const luaL_Reg IT_SCRIPT_TRIPS[];         /* trips before something came (trips.c) */
extern const luaL_Reg IT_SCRIPT_ATTACK[];        /* hostile hosts, the twin (attack.c) */
extern const luaL_Reg IT_SCRIPT_EDGE[];          /* hosts that are real devices (edge.c) */

/* edge.c: hosts that are real devices. Runs the world until |until|, by the wall clock where there are such; 0 or a
 * negative error. The name of the device that |n| is the edge of, NULL: none. */
int it_script_advance(it_script *s, it_time until);
const char *it_script_edge_of(const it_script *s, const it_node *n);
void it_script_edges_fini(it_script *s);

/* Keeps what a service says, as of it_lab_services (service.c). */
int it_script_service_told(void *self, int app, const it_service_event *ev);

/* Tells the twin of an event that the script takes; frees the attackers (attack.c). */
void it_script_twin_event(it_script *s, const it_lab_event *e);
void it_script_attackers_fini(it_script *s);

/* An integer field of the table at |index|, |otherwise| when absent. */
int64_t it_script_int(lua_State *L, int index, const char *key, int64_t otherwise);
bool it_script_bool(lua_State *L, int index, const char *key);

/* Arguments of the functions over objects: the object of app |arg| when it is of |ops|'s kind, text as bytes, an
 * address, the timers in the field "timers" of the options at |index|. A Lua error otherwise. */
void *it_script_app(lua_State *L, int arg, const it_object_ops *ops);
/* Now, by the clock of the app that is argument 1. */
it_time it_script_app_now(lua_State *L);
it_bytes it_script_bytes(lua_State *L, int arg);
it_addr it_script_addr(lua_State *L, int arg);
it_timers it_script_timers(lua_State *L, int index);
/* The behaviour in the field "behaviour" of the options at |index|, that of the RFCs when it is absent. */
it_ice_behaviour it_script_behaviour(lua_State *L, int index);

/* The addresses in the list |index|.stun, at most |cap|; returns how many. */
int it_script_servers(lua_State *L, int index, it_addr *out, int cap);
/* The TURN servers in the list |index|.turn, at most |cap|; returns how many. */
int it_script_turns(lua_State *L, int index, it_ice_turn *out, int cap);
/* The relay over WebSocket in the field "web" of the options at |index|: a list of ways with its name, and whether the
 * host trusts inspectors. |label|: of the object that joins it. */
void it_script_web(lua_State *L, int index, const char *label, it_b_web_cfg *web);
/* What a command returns: true, or nil and a word for a refusal. */
int it_script_done(lua_State *L, int err);

#endif
